/* notifications.tsx - webhooks: who is told of events over HTTP, and what came of it. */
import { useId, useRef, useState } from "preact/hooks";
import { type Problem, problemOf } from "../shared/api";
import {
	announce, Button, Checkbox, ConfirmDialog, CopyButton, Field, focusFirstError, Notice, ProblemNotice, RadioCards,
	Skeleton, TextField,
} from "../shared/ui";
import { EVENT_TYPES, useLive } from "./live";
import { api, at, BASE } from "./model";
import { Ago, Code, useLoad, useTitle } from "./ui";

interface Webhook {
	id: string;
	name: string;
	url: string;
	types: string[];
	enabled: boolean;
	created_ms: number;
}

interface Delivery {
	id: string;
	type: string;
	created_ms: number;
	state: "waiting" | "delivered" | "given_up";
	attempts: number;
	tried_ms: number | null;
	next_ms: number | null;
	status: number | null;
	error: string | null;
}

const AGAIN_MS = 15000;
const NEEDED = ["token.failing", "token.needs_reauthorization", "token.misconfigured", "token.recovered"];
const WHICH = [
	{ value: "needed", label: "What needs somebody", hint: "A token fails, needs a person, or works again." },
	{ value: "all", label: "Everything", hint: "Also sign-ins, keys and changes." },
	{ value: "some", label: "Chosen ones", hint: "Type by type." },
];

function typesOf(which: string, chosen: string[]): string[] {
	return which === "needed" ? NEEDED : which === "all" ? [] : chosen;
}

function typeWords(types: string[]): string {
	if (types.length === 0)
		return "Everything";
	const same = types.length === NEEDED.length && NEEDED.every((t) => types.includes(t));
	return same ? "What needs somebody" : types.join(", ");
}

function CreateForm({ onCreated }: { onCreated: (secret: string) => void }) {
	const [name, setName] = useState("");
	const [url, setUrl] = useState("");
	const [which, setWhich] = useState("needed");
	const [chosen, setChosen] = useState<string[]>([]);
	const [busy, setBusy] = useState(false);
	const [problem, setProblem] = useState<Problem | null>(null);
	const form = useRef<HTMLFormElement>(null);
	const [missing, setMissing] = useState<Partial<Record<"name" | "url" | "which", string>>>({});
	const errorAt = (field: "name" | "url") => missing[field] ?? (problem?.field === field
		? [problem.detail, problem.todo].filter(Boolean).join(" ") : undefined);
	const submit = async (e: Event) => {
		e.preventDefault();
		if (busy)
			return;
		const lacking = {
			name: name.trim() === "" ? "Say who is told, for example: pager." : undefined,
			url: url.trim() === "" ? "Paste the address that takes webhooks." : undefined,
			which: which === "some" && chosen.length === 0 ? "Choose at least one below." : undefined,
		};
		setMissing(lacking);
		setProblem(null);
		focusFirstError(form.current);
		if (Object.values(lacking).some(Boolean))
			return;
		setBusy(true);
		try {
			const r = await api.post<{ secret: string }>(`${BASE}/webhooks`,
				{ name: name.trim(), url: url.trim(), types: typesOf(which, chosen) });
			setName("");
			setUrl("");
			setChosen([]);
			onCreated(r.secret);
		} catch (err) {
			setProblem(problemOf(err));
			focusFirstError(form.current);
		} finally {
			setBusy(false);
		}
	};
	const placed = problem?.field === "name" || problem?.field === "url";
	return (
		<form class="card card-pad stack" ref={form} onSubmit={(e) => void submit(e)} noValidate autocomplete="off">
			<h2>A new webhook</h2>
			<TextField label="Name" value={name} onInput={setName} error={errorAt("name")} maxLength={100}
				hint="Who is told: a chat, a pager, a program." />
			<TextField label="Address" value={url} onInput={setUrl} error={errorAt("url")} maxLength={1000} mono
				hint="https://… (or http:// on this machine)" />
			<RadioCards legend="What it is told" name="which" options={WHICH} value={which} onChange={setWhich}
				error={missing.which} />
			{which === "some" && (
				<div class="token-checks type-checks">
					{EVENT_TYPES.map((t) => <Checkbox key={t} label={t} checked={chosen.includes(t)}
						onChange={(on) => setChosen(on ? [...chosen, t] : chosen.filter((x) => x !== t))} />)}
				</div>
			)}
			{problem && !placed && <ProblemNotice problem={problem} />}
			<div>
				<Button type="submit" kind="primary" busy={busy}>Add webhook</Button>
			</div>
		</form>
	);
}

/* The only time the secret can be seen. */
function Fresh({ value, onClose }: { value: string; onClose: () => void }) {
	const id = useId();
	return (
		<Notice kind="ok" title="Copy the signing secret now: it is not shown again." live onClose={onClose}>
			<Field label="Signing secret">
				{(wiring) => (
					<div class="input-row">
						<input {...wiring} class="input mono" readOnly value={value} autocomplete="off" spellcheck={false}
							onFocus={(e) => e.currentTarget.select()} />
						<span id={id} hidden>the signing secret</span>
						<CopyButton text={value} describedBy={id} />
					</div>
				)}
			</Field>
		</Notice>
	);
}

const STATE = { waiting: "waits", delivered: "delivered", given_up: "given up" };
const MARK = { waiting: "expired", delivered: "active", given_up: "misconfigured" };

function DeliveryRow({ hook, d, reload }: { hook: Webhook; d: Delivery; reload: () => void }) {
	const [problem, setProblem] = useState<Problem | null>(null);
	const again = async () => {
		setProblem(null);
		try {
			await api.post(at("webhooks", hook.id, "deliveries", d.id, "again"));
			reload();
		} catch (e) {
			setProblem(problemOf(e));
		}
	};
	return (
		<tr>
			<td class="cell-name"><code id={`type-${d.id}`}>{d.type}</code></td>
			<td data-label="State"><span class={`status status-${MARK[d.state]}`}>{STATE[d.state]}</span></td>
			<td data-label="Last try">
				<span>
					{d.tried_ms ? <Ago at_ms={d.tried_ms} /> : "None yet"}
					{d.attempts > 1 && ` (${d.attempts} tries)`}
				</span>
			</td>
			<td data-label="Answer">{d.error ?? (d.status ? `HTTP ${d.status}` : "–")}</td>
			<td class="cell-end">
				{d.state === "given_up" && (
					<Button small kind="quiet" describedBy={`type-${d.id}`} onClick={() => void again()}>Send again</Button>
				)}
				{problem && <ProblemNotice problem={problem} onClose={() => setProblem(null)} />}
			</td>
		</tr>
	);
}

function Deliveries({ hook, round }: { hook: Webhook; round: number }) {
	const { data, problem, reload } = useLoad<{ deliveries: Delivery[] }>(
		`${at("webhooks", hook.id, "deliveries")}?round=${round}`, 2000);
	if (problem)
		return <ProblemNotice problem={problem} />;
	if (!data)
		return <Skeleton lines={2} />;
	if (data.deliveries.length === 0)
		return <p class="hint">Nothing has been sent in the last week. Send a test to see whether it arrives.</p>;
	return (
		<div class="table-wrap">
			<table class="table">
				<thead>
					<tr>
						{["Event", "State", "Last try", "Answer"].map((h) => <th key={h} scope="col">{h}</th>)}
						<th scope="col"><span class="visually-hidden">Actions</span></th>
					</tr>
				</thead>
				<tbody>{data.deliveries.slice(0, 10).map((d) => <DeliveryRow key={d.id} hook={hook} d={d} reload={reload} />)}</tbody>
			</table>
		</div>
	);
}

interface HookProps {
	hook: Webhook;
	reload: () => void;
	onSecret: (secret: string) => void;
	onRemove: () => void;
}

function HookCard({ hook, reload, onSecret, onRemove }: HookProps) {
	const [open, setOpen] = useState(false);
	const [round, setRound] = useState(0);
	const [busy, setBusy] = useState("");
	const [problem, setProblem] = useState<Problem | null>(null);
	const act = (what: string, call: () => Promise<void>) => async () => {
		setBusy(what);
		setProblem(null);
		try {
			await call();
		} catch (e) {
			setProblem(problemOf(e));
		} finally {
			setBusy("");
		}
	};
	const test = act("test", async () => {
		await api.post(at("webhooks", hook.id, "test"));
		announce("The test is on its way");
		setOpen(true);
		setRound(round + 1);
	});
	const toggle = act("toggle", async () => {
		try {
			await api.patch(at("webhooks", hook.id), { enabled: !hook.enabled, was: { enabled: hook.enabled } });
		} catch (e) {
			if (problemOf(e).code !== "changed-meanwhile")
				throw e;
			announce(`Somebody else has switched it ${hook.enabled ? "off" : "on"} already`);
		}
		reload();
	});
	const renew = act("renew", async () => {
		onSecret((await api.post<{ secret: string }>(at("webhooks", hook.id, "secret"))).secret);
	});
	const id = `hook-${hook.id}`;
	return (
		<section class="card card-pad stack-16" aria-labelledby={id}>
			<div class="hook-head">
				<div class="stack-4">
					<h2 id={id}>{hook.name}</h2>
					<code class="hook-url">{hook.url}</code>
				</div>
				<span class={`status status-${hook.enabled ? "active" : "expired"}`}>{hook.enabled ? "on" : "off"}</span>
			</div>
			<dl class="facts">
				<div><dt>Told of</dt><dd>{typeWords(hook.types)}</dd></div>
				<div><dt>Added</dt><dd><Ago at_ms={hook.created_ms} /></dd></div>
			</dl>
			{problem && <ProblemNotice problem={problem} />}
			<div class="hook-actions">
				<Button small busy={busy === "test"} disabled={!hook.enabled} describedBy={id}
					onClick={() => void test()}>Send a test</Button>
				<Button small kind="quiet" describedBy={id} onClick={() => setOpen(!open)}>
					{open ? "Hide deliveries" : "Deliveries"}
				</Button>
				<Button small kind="quiet" busy={busy === "toggle"} describedBy={id} onClick={() => void toggle()}>
					{hook.enabled ? "Switch off" : "Switch on"}
				</Button>
				<Button small kind="quiet" busy={busy === "renew"} describedBy={id} onClick={() => void renew()}>New secret</Button>
				<Button small kind="quiet" describedBy={id} onClick={onRemove}>Remove</Button>
			</div>
			{open && <Deliveries hook={hook} round={round} />}
		</section>
	);
}

function RemoveDialog({ hook, onClose, onRemoved }: { hook: Webhook; onClose: () => void; onRemoved: () => void }) {
	const [busy, setBusy] = useState(false);
	const [problem, setProblem] = useState<Problem | null>(null);
	const remove = async () => {
		setBusy(true);
		try {
			await api.del(at("webhooks", hook.id));
			announce("The webhook was removed");
			onRemoved();
		} catch (e) {
			setProblem(problemOf(e));
			setBusy(false);
		}
	};
	return (
		<ConfirmDialog title={`Remove “${hook.name}”?`} confirm="Remove it" keep="Keep it" danger busy={busy}
			onClose={onClose} onConfirm={() => void remove()}>
			<p>It is told nothing more, not even what waits to be sent.</p>
			{problem && <ProblemNotice problem={problem} />}
		</ConfirmDialog>
	);
}

function HowTo() {
	return (
		<aside class="guide card card-pad stack-16">
			<h2>What arrives</h2>
			<p class="hint">A POST with JSON and three headers, as Standard Webhooks has them:</p>
			<Code text={["webhook-id: msg_…", "webhook-timestamp: 1674087231", "webhook-signature: v1,…"].join("\n")} />
			<p class="hint">
				The signature is HMAC-SHA256 over id, timestamp and body, joined by dots. Answer 2xx within ten seconds;
				anything else is tried again for about sixteen hours.
			</p>
		</aside>
	);
}

export function NotificationsPage() {
	useTitle("Notifications");
	const { data, problem, reload } = useLoad<{ webhooks: Webhook[] }>(`${BASE}/webhooks`, AGAIN_MS);
	const [secret, setSecret] = useState<string | null>(null);
	const [removing, setRemoving] = useState<Webhook | null>(null);
	useLive(reload);
	const show = (value: string) => {
		setSecret(value);
		reload();
		scrollTo(0, 0);
	};
	return (
		<main class="page">
			<div class="page-head">
				<div class="stack-8">
					<h1>Notifications</h1>
					<p class="muted">Signed webhooks tell other programs what happens here.</p>
				</div>
			</div>
			<div class="stack">
				{problem && <ProblemNotice problem={problem} />}
				{secret && <Fresh value={secret} onClose={() => setSecret(null)} />}
				{!data && !problem && <div class="card card-pad"><Skeleton lines={3} /></div>}
				{data?.webhooks.map((w) => <HookCard key={w.id} hook={w} reload={reload} onSecret={show}
					onRemove={() => setRemoving(w)} />)}
				<div class="config">
					<CreateForm onCreated={show} />
					<HowTo />
				</div>
			</div>
			{removing && <RemoveDialog hook={removing} onClose={() => setRemoving(null)} onRemoved={() => {
				setRemoving(null);
				reload();
			}} />}
		</main>
	);
}
