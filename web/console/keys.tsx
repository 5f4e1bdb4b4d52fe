/* keys.tsx - API keys: what a program needs to ask for a token. A key is shown once. */
import { useId, useRef, useState } from "preact/hooks";
import { type Problem, problemOf } from "../shared/api";
import {
	announce, Button, Checkbox, ConfirmDialog, CopyButton, Dialog, Field, focusFirstError, Icon, Notice, ProblemNotice, RadioCards,
	Skeleton, TextField,
} from "../shared/ui";
import { changesOf, follow, type KeyDraft, type Named, type Wanted, wantedOf } from "./key-draft";
import { useTokens } from "./listing";
import { useLive } from "./live";
import { api, type ApiKey, at, BASE, type Token } from "./model";
import { Ago, Code, curlExample, useLoad, useTitle } from "./ui";

const WHICH = [
	{ value: "all", label: "Every token", hint: "Those that are added later too." },
	{ value: "some", label: "Chosen ones", hint: "The least a program needs is the best choice." },
];

const FEW = 10; /* that need no search */

/* What is or was chosen here, each in its place: one that was unticked by mistake is not to be searched for. */
function useInSight(chosen: Named[]) {
	const [unticked, setUnticked] = useState<Named[]>([]);
	const places = useRef(new Map<string, number>());
	for (const t of chosen)
		if (!places.current.has(t.id))
			places.current.set(t.id, places.current.size);
	const place = (t: Named) => places.current.get(t.id) ?? 0;
	const ids = new Set(chosen.map((t) => t.id));
	const inSight = [...chosen, ...unticked.filter((t) => !ids.has(t.id))].sort((a, b) => place(a) - place(b));
	const untick = (t: Named) => setUnticked((u) => [...u.filter((x) => x.id !== t.id), t]);
	return { ids, inSight, untick };
}

/* The tokens to choose from: what is chosen stays in sight, whatever is searched for. */
function TokenChecks({ chosen, onChange }: { chosen: Named[]; onChange: (chosen: Named[]) => void }) {
	const [words, setWords] = useState("");
	const { ids, inSight, untick } = useInSight(chosen);
	const { data, problem, many, reload } = useTokens(words);
	useLive(reload);
	if (problem)
		return <ProblemNotice problem={problem} />;
	const all = data?.tokens ?? [];
	const wanted = words.trim().toLowerCase();
	/* Where all are known, what was unticked and then removed is seen to be gone. */
	const there = new Set(all.map((t) => t.id));
	const first = inSight.filter((t) => ids.has(t.id) || many || !data || there.has(t.id));
	const shown = new Set(first.map((t) => t.id));
	const rest = all.filter((t) => !shown.has(t.id) && t.name.toLowerCase().includes(wanted));
	const toggle = (t: Named, on: boolean) => {
		if (!on)
			untick(t);
		onChange(on ? [...chosen, { id: t.id, name: t.name }] : chosen.filter((x) => x.id !== t.id));
	};
	return (
		<div class="stack-8">
			{(many || all.length > FEW) && (
				<div class="search">
					<Icon name="search" />
					<input class="input" type="search" aria-label="Search tokens" placeholder="Search tokens" value={words}
						autocomplete="off" onInput={(e) => setWords(e.currentTarget.value)}
						onKeyDown={(e) => e.key === "Enter" && e.preventDefault() /* it searches, and saves nothing */} />
				</div>
			)}
			<div class="token-checks">
				{[...first, ...rest].map((t) => <Checkbox key={t.id} label={t.name} checked={ids.has(t.id)}
					onChange={(on) => toggle(t, on)} />)}
				{data && all.length === 0 && words === "" && <p class="hint">There are no tokens yet.</p>}
				{data && rest.length === 0 && words !== "" && <p class="hint">No other has “{words}” in its name.</p>}
			</div>
			{data?.next && <p class="hint">There are more: search for them by name.</p>}
		</div>
	);
}

/* The ones that somebody has removed since. Those that the key reads now are there, and need no question each. */
async function removedOf(chosen: Named[], read: Named[]): Promise<Named[]> {
	const ids = new Set(read.map((t) => t.id));
	const tokens = chosen.filter((t) => !ids.has(t.id));
	const there = await Promise.all(tokens.map((t) => api.get(at("tokens", t.id)).then(() => true, (e) => problemOf(e).code !== "not-found")));
	return tokens.filter((_, i) => !there[i]);
}

function goneWords(gone: Named[]): Pick<Problem, "detail" | "todo"> {
	const names = gone.map((t) => t.name).join(", ");
	return { detail: `${names} ${gone.length === 1 ? "was" : "were"} removed meanwhile, and ${gone.length === 1 ? "is" : "are"} not ticked any more.`,
		todo: "Save again, or choose others." };
}

const NOTHING: KeyDraft = { label: "", all_tokens: false, tokens: [] };

type SetDraft = (next: (d: KeyDraft) => KeyDraft) => void;

/* What is wrong with what is typed and ticked for a key, and the sending of it. */
function useKeyForm(draft: KeyDraft, setDraft: SetDraft, send: (wanted: Wanted) => Promise<void>,
	readNow: () => Promise<Named[]> = async () => []) {
	const [busy, setBusy] = useState(false);
	const [labelError, setLabelError] = useState<string>();
	const [whichError, setWhichError] = useState<string>();
	const [problem, setProblem] = useState<Problem | null>(null);
	const form = useRef<HTMLFormElement>(null);
	const submit = async (e: Event) => {
		e.preventDefault();
		const wanted = wantedOf(draft);
		const noLabel = wanted.label === "" ? "Say which program the key is for." : undefined;
		const none = !wanted.all_tokens && wanted.token_ids.length === 0 ? "Choose at least one, or give it every token." : undefined;
		setLabelError(noLabel);
		setWhichError(none);
		setProblem(null);
		focusFirstError(form.current);
		if (noLabel || none || busy)
			return;
		setBusy(true);
		try {
			await send(wanted);
		} catch (err) {
			const p = problemOf(err);
			const gone = p.code === "token-gone" ? await removedOf(draft.tokens, await readNow()) : [];
			if (gone.length > 0) {
				setDraft((d) => ({ ...d, tokens: d.tokens.filter((t) => !gone.some((g) => g.id === t.id)) }));
				Object.assign(p, goneWords(gone));
			}
			setLabelError(p.field === "label" ? p.detail : undefined);
			setProblem(p.field === "label" ? null : p);
			focusFirstError(form.current);
		} finally {
			setBusy(false);
		}
	};
	return { draft, setDraft, busy, labelError, whichError, problem, form, submit };
}

function KeyFields({ f }: { f: ReturnType<typeof useKeyForm> }) {
	const set = (part: Partial<KeyDraft>) => f.setDraft((d) => ({ ...d, ...part }));
	return (
		<>
			<TextField label="Label" value={f.draft.label} onInput={(label) => set({ label })} error={f.labelError} maxLength={100}
				hint="For you: which program, on which machine." />
			<RadioCards legend="Tokens it may read" name="which" options={WHICH} value={f.draft.all_tokens ? "all" : "some"}
				onChange={(which) => set({ all_tokens: which === "all" })} error={f.whichError} />
			{!f.draft.all_tokens && <TokenChecks chosen={f.draft.tokens} onChange={(tokens) => set({ tokens })} />}
			{f.problem && <ProblemNotice problem={f.problem} />}
		</>
	);
}

function CreateForm({ onCreated }: { onCreated: (key: string) => void }) {
	const [draft, setDraft] = useState(NOTHING);
	const f = useKeyForm(draft, setDraft, async (wanted) => {
		const r = await api.post<{ key: string }>(`${BASE}/keys`, wanted);
		setDraft((d) => ({ ...NOTHING, all_tokens: d.all_tokens }));
		onCreated(r.key);
	});
	return (
		<form class="card card-pad stack" ref={f.form} onSubmit={(e) => void f.submit(e)} noValidate>
			<h2>A new key</h2>
			<KeyFields f={f} />
			<div><Button type="submit" kind="primary" busy={f.busy}>Create API key</Button></div>
		</form>
	);
}

interface ChangeProps {
	k: ApiKey;
	onClose: () => void;
	onChanged: () => void;
}

const NAMED = 10;

/* What somebody else made of the key while it was being changed here. */
function Meanwhile({ now }: { now: KeyDraft }) {
	const names = now.tokens.slice(0, NAMED).map((t) => t.name).join(", ");
	const more = now.tokens.length > NAMED ? ` and ${now.tokens.length - NAMED} more` : "";
	return (
		<Notice kind="warn" title="The key was changed meanwhile, by somebody else or in another window." live>
			<p>It is now “{now.label}” and may read {now.all_tokens ? "every token" : `${names || "nothing"}${more}`}.</p>
			<p>Save again to put what you changed in its place, or cancel to keep it as it is.</p>
		</Notice>
	);
}

function ChangeForm({ k, onClose, onChanged }: ChangeProps) {
	const [{ draft, seen }, setBoth] = useState<{ draft: KeyDraft; seen: KeyDraft }>({ draft: k, seen: k });
	const [now, setNow] = useState<KeyDraft | null>(null);
	const setDraft: SetDraft = (next) => setBoth((b) => ({ ...b, draft: next(b.draft) }));
	const get = async () => (await api.get<{ record: ApiKey }>(at("keys", k.id))).record;
	const look = async () => {
		const record = await get();
		const gone = await removedOf(seen.tokens, record.tokens);
		setBoth((b) => follow(b.draft, b.seen, record, gone));
		setNow(record);
	};
	const f = useKeyForm(draft, setDraft, async (wanted) => {
		try {
			const changes = changesOf(seen, wanted);
			if (changes)
				await api.patch(at("keys", k.id), changes);
		} catch (e) {
			if (problemOf(e).code !== "changed-meanwhile")
				throw e;
			await look();
			return;
		}
		announce("The key was changed");
		onChanged();
	}, () => get().then((now) => now.tokens, () => []));
	return (
		<form class="stack" ref={f.form} onSubmit={(e) => void f.submit(e)} noValidate>
			<p>The key itself stays the same. What it may read holds from its next call on.</p>
			<KeyFields f={f} />
			{now && <Meanwhile now={now} />}
			<div class="actions">
				<Button type="submit" kind="primary" busy={f.busy}>Save</Button>
				<Button onClick={onClose}>Cancel</Button>
			</div>
		</form>
	);
}

/* The program that has the key goes on with it. The list has some of its tokens, the form needs all. */
function ChangeDialog(p: ChangeProps) {
	const { data, problem } = useLoad<{ record: ApiKey }>(at("keys", p.k.id));
	return (
		<Dialog title={`Change the key “${p.k.label}”`} onClose={p.onClose}>
			{problem && <ProblemNotice problem={problem} />}
			{!data && !problem && <Skeleton lines={4} />}
			{data && <ChangeForm {...p} k={data.record} />}
		</Dialog>
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

interface Acts<T> {
	onChange: T;
	onRevoke: T;
}

function KeyRow({ k, onChange, onRevoke }: { k: ApiKey } & Acts<() => void>) {
	return (
		<tr>
			<td class="cell-name"><b id={`label-${k.id}`}>{k.label}</b></td>
			<td data-label="Key"><code>{k.hint}</code></td>
			<td data-label="May read" class="cell-wide">
				{k.all_tokens ? "Every token" : k.tokens.map((t) => t.name).join(", ") || "Nothing any more"}
				{k.tokens_more > 0 && ` and ${k.tokens_more} more`}
			</td>
			<td data-label="Created"><Ago at_ms={k.created_ms} /></td>
			<td data-label="Last used">{k.last_used_ms ? <Ago at_ms={k.last_used_ms} /> : "Never"}</td>
			<td class="cell-end">
				<Button small kind="quiet" describedBy={`label-${k.id}`} onClick={onChange}>Change</Button>
				<Button small kind="quiet" describedBy={`label-${k.id}`} onClick={onRevoke}>Revoke</Button>
			</td>
		</tr>
	);
}

function KeyTable({ keys, onChange, onRevoke }: { keys: ApiKey[] } & Acts<(k: ApiKey) => void>) {
	return (
		<div class="card table-wrap">
			<table class="table">
				<thead>
					<tr>
						{["Label", "Key", "May read", "Created", "Last used"].map((h) => <th key={h} scope="col">{h}</th>)}
						<th scope="col"><span class="visually-hidden">Actions</span></th>
					</tr>
				</thead>
				<tbody>
					{keys.map((k) => <KeyRow key={k.id} k={k} onChange={() => onChange(k)} onRevoke={() => onRevoke(k)} />)}
				</tbody>
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
	const first = useLoad<{ tokens: Token[] }>(`${BASE}/tokens?limit=1`);
	useLive(() => {
		keys.reload();
		first.reload();
	});
	const [fresh, setFresh] = useState<string | null>(null);
	const [revoking, setRevoking] = useState<ApiKey | null>(null);
	const [changing, setChanging] = useState<ApiKey | null>(null);
	return (
		<main class="page">
			<div class="page-head">
				<div class="stack-8">
					<h1>API Keys</h1>
					<p class="muted">A program shows one of these to read the tokens you choose.</p>
				</div>
			</div>
			<div class="stack">
				{keys.problem && <ProblemNotice problem={keys.problem} />}
				{fresh && <Fresh value={fresh} onClose={() => setFresh(null)} />}
				{!keys.data && !keys.problem && <div class="card card-pad"><Skeleton lines={3} /></div>}
				{keys.data && keys.data.keys.length > 0 && <KeyTable keys={keys.data.keys}
					onChange={setChanging} onRevoke={setRevoking} />}
				<div class="config">
					<CreateForm onCreated={(key) => {
						setFresh(key);
						keys.reload();
						scrollTo(0, 0);
					}} />
					<Examples name={first.data?.tokens[0]?.name ?? "My Dropbox"} />
				</div>
			</div>
			{changing && <ChangeDialog k={changing} onClose={() => setChanging(null)} onChanged={() => {
				setChanging(null);
				keys.reload();
			}} />}
			{revoking && <RevokeDialog k={revoking} onClose={() => setRevoking(null)} onRevoked={() => {
				setRevoking(null);
				keys.reload();
			}} />}
		</main>
	);
}
