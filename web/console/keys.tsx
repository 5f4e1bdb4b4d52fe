/* keys.tsx - API keys: what a program needs to ask for a token. A key is shown once. */
import { useId, useRef, useState } from "preact/hooks";
import { type Problem, problemOf } from "../shared/api";
import {
	announce, Button, Checkbox, ConfirmDialog, CopyButton, Field, focusFirstError, Notice, ProblemNotice, RadioCards,
	Skeleton, TextField,
} from "../shared/ui";
import { useLive } from "./live";
import { api, type ApiKey, at, BASE, type Token } from "./model";
import { Ago, Code, curlExample, useLoad, useTitle } from "./ui";

const WHICH = [
	{ value: "all", label: "Every token", hint: "Those that are added later too." },
	{ value: "some", label: "Chosen ones", hint: "The least a program needs is the best choice." },
];

interface CreateProps {
	tokens: Token[];
	onCreated: (key: string) => void;
}

function CreateForm({ tokens, onCreated }: CreateProps) {
	const [label, setLabel] = useState("");
	const [which, setWhich] = useState("some");
	const [ids, setIds] = useState<string[]>([]);
	const [busy, setBusy] = useState(false);
	const [labelError, setLabelError] = useState<string>();
	const [whichError, setWhichError] = useState<string>();
	const [problem, setProblem] = useState<Problem | null>(null);
	const form = useRef<HTMLFormElement>(null);
	const submit = async (e: Event) => {
		e.preventDefault();
		const noLabel = label.trim() === "" ? "Say which program the key is for." : undefined;
		const none = which === "some" && ids.length === 0 ? "Choose at least one, or give it every token." : undefined;
		setLabelError(noLabel);
		setWhichError(none);
		setProblem(null);
		focusFirstError(form.current);
		if (noLabel || none || busy)
			return;
		setBusy(true);
		try {
			const r = await api.post<{ key: string }>(`${BASE}/keys`,
				{ label: label.trim(), all_tokens: which === "all", token_ids: which === "all" ? [] : ids });
			setLabel("");
			setIds([]);
			onCreated(r.key);
		} catch (err) {
			const p = problemOf(err);
			setLabelError(p.field === "label" ? p.detail : undefined);
			setProblem(p.field === "label" ? null : p);
			focusFirstError(form.current);
		} finally {
			setBusy(false);
		}
	};
	const toggle = (id: string, on: boolean) => setIds(on ? [...ids, id] : ids.filter((x) => x !== id));
	return (
		<form class="card card-pad stack" ref={form} onSubmit={(e) => void submit(e)} noValidate>
			<h2>A new key</h2>
			<TextField label="Label" value={label} onInput={setLabel} error={labelError} maxLength={100}
				hint="For you: which program, on which machine." />
			<RadioCards legend="Tokens it may read" name="which" options={WHICH} value={which} onChange={setWhich}
				error={whichError} />
			{which === "some" && (
				<div class="token-checks">
					{tokens.map((t) => <Checkbox key={t.id} label={t.name} checked={ids.includes(t.id)}
						onChange={(on) => toggle(t.id, on)} />)}
					{tokens.length === 0 && <p class="hint">There are no tokens yet.</p>}
				</div>
			)}
			{problem && <ProblemNotice problem={problem} />}
			<div><Button type="submit" kind="primary" busy={busy}>Create API key</Button></div>
		</form>
	);
}

/* The only time the key can be seen. */
function Fresh({ value, onClose }: { value: string; onClose: () => void }) {
	const id = useId();
	return (
		<Notice kind="ok" title="The key was made. Copy it now: it is not shown again." live onClose={onClose}>
			<Field label="Your new key">
				{(wiring) => (
					<div class="input-row">
						<input {...wiring} class="input mono" readOnly value={value} autocomplete="off" spellcheck={false}
							onFocus={(e) => e.currentTarget.select()} />
						<span id={id} hidden>the new key</span>
						<CopyButton text={value} describedBy={id} />
					</div>
				)}
			</Field>
		</Notice>
	);
}

function KeyRow({ k, onRevoke }: { k: ApiKey; onRevoke: () => void }) {
	return (
		<tr>
			<td class="cell-name"><b id={`label-${k.id}`}>{k.label}</b></td>
			<td data-label="Key"><code>{k.hint}</code></td>
			<td data-label="May read" class="cell-wide">
				{k.all_tokens ? "Every token" : k.tokens.map((t) => t.name).join(", ") || "Nothing any more"}
			</td>
			<td data-label="Created"><Ago at_ms={k.created_ms} /></td>
			<td data-label="Last used">{k.last_used_ms ? <Ago at_ms={k.last_used_ms} /> : "Never"}</td>
			<td class="cell-end">
				<Button small kind="quiet" describedBy={`label-${k.id}`} onClick={onRevoke}>Revoke</Button>
			</td>
		</tr>
	);
}

function KeyTable({ keys, onRevoke }: { keys: ApiKey[]; onRevoke: (k: ApiKey) => void }) {
	return (
		<div class="card table-wrap">
			<table class="table">
				<thead>
					<tr>
						{["Label", "Key", "May read", "Created", "Last used"].map((h) => <th key={h} scope="col">{h}</th>)}
						<th scope="col"><span class="visually-hidden">Actions</span></th>
					</tr>
				</thead>
				<tbody>{keys.map((k) => <KeyRow key={k.id} k={k} onRevoke={() => onRevoke(k)} />)}</tbody>
			</table>
		</div>
	);
}

function RevokeDialog({ k, onClose, onRevoked }: { k: ApiKey; onClose: () => void; onRevoked: () => void }) {
	const [busy, setBusy] = useState(false);
	const [problem, setProblem] = useState<Problem | null>(null);
	const revoke = async () => {
		setBusy(true);
		try {
			await api.del(at("keys", k.id));
			announce("The key was revoked");
			onRevoked();
		} catch (e) {
			setProblem(problemOf(e));
			setBusy(false);
		}
	};
	return (
		<ConfirmDialog title={`Revoke the key “${k.label}”?`} confirm="Revoke it" keep="Keep it" danger busy={busy}
			onClose={onClose} onConfirm={() => void revoke()}>
			<p>Programs that use it are refused from the next call on. This cannot be undone.</p>
			{problem && <ProblemNotice problem={problem} />}
		</ConfirmDialog>
	);
}

function Examples({ name }: { name: string }) {
	return (
		<aside class="guide card card-pad stack-16">
			<h2>Ask for a token</h2>
			<p class="hint">On the command line:</p>
			<Code text={[`export VALETKEY_URL=${location.origin}`, "export VALETKEY_API_KEY=vk_…",
				`valetkey token get "${name}"`].join("\n")} />
			<p class="hint">From any program:</p>
			<Code text={curlExample(name)} />
			<p class="hint">The answer is always a live token: it is refreshed first when that is needed.</p>
		</aside>
	);
}

export function KeysPage() {
	useTitle("API Keys");
	const keys = useLoad<{ keys: ApiKey[] }>(`${BASE}/keys`);
	const tokens = useLoad<{ tokens: Token[] }>(`${BASE}/tokens`);
	useLive(() => {
		keys.reload();
		tokens.reload();
	});
	const [fresh, setFresh] = useState<string | null>(null);
	const [revoking, setRevoking] = useState<ApiKey | null>(null);
	const problem = keys.problem ?? tokens.problem;
	const all = tokens.data?.tokens ?? [];
	return (
		<main class="page">
			<div class="page-head">
				<div class="stack-8">
					<h1>API Keys</h1>
					<p class="muted">A program shows one of these to read the tokens you choose.</p>
				</div>
			</div>
			<div class="stack">
				{problem && <ProblemNotice problem={problem} />}
				{fresh && <Fresh value={fresh} onClose={() => setFresh(null)} />}
				{!keys.data && !keys.problem && <div class="card card-pad"><Skeleton lines={3} /></div>}
				{keys.data && keys.data.keys.length > 0 && <KeyTable keys={keys.data.keys} onRevoke={setRevoking} />}
				<div class="config">
					<CreateForm tokens={all} onCreated={(key) => {
						setFresh(key);
						keys.reload();
						scrollTo(0, 0);
					}} />
					<Examples name={all[0]?.name ?? "My Dropbox"} />
				</div>
			</div>
			{revoking && <RevokeDialog k={revoking} onClose={() => setRevoking(null)} onRevoked={() => {
				setRevoking(null);
				keys.reload();
			}} />}
		</main>
	);
}
