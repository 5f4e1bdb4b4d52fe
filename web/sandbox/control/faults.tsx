/* faults.tsx - which calls are to be spoilt, and how. */
import { useEffect, useState } from "preact/hooks";
import { sentences } from "../../shared/api";
import { announce, Button, Checkbox, EmptyState, ProblemNotice, Skeleton, TextField } from "../../shared/ui";
import { control, type TabProps, useAction, useControl } from "./client";
import { Card, NumberField, numberOf, Select } from "./parts";

type Mode = "lose_reply" | "status" | "timeout" | "reset" | "cut" | "garbage" | "drip" | "delay";

interface Fault {
	id: string;
	path: string;
	method?: string;
	grant_type?: string;
	app_key?: string;
	account?: string;
	mode: Mode;
	status?: number;
	retry_after_s?: number;
	delay_ms?: number;
	bytes_per_s?: number;
	skip: number;
	count: number | null;
	hits: number;
}

const MODES: { value: Mode; label: string; hint: string }[] = [
	{ value: "lose_reply", label: "Lose the reply",
		hint: "The call is processed and what it did stays; the reply never arrives. Costs people their grants." },
	{ value: "status", label: "Answer with a status", hint: "The call is not processed." },
	{ value: "timeout", label: "Never answer", hint: "The call is not processed; the connection is reset in the end." },
	{ value: "reset", label: "Reset the connection", hint: "The call is not processed." },
	{ value: "cut", label: "Break off in the middle", hint: "The call is processed; half of the reply arrives." },
	{ value: "garbage", label: "Answer with garbage", hint: "The call is not processed; what comes back is not HTTP." },
	{ value: "drip", label: "Answer drop by drop", hint: "The call is processed." },
	{ value: "delay", label: "Answer late", hint: "The call is processed." },
];

const STATUSES = [429, 500, 502, 503, 504, 400, 401, 403, 409];
const GRANT_TYPES = [
	{ value: "", label: "Any" },
	{ value: "refresh_token", label: "refresh_token" },
	{ value: "authorization_code", label: "authorization_code" },
];
const PATHS = ["/oauth2/token", "/oauth2/authorize", "/2/*", "/2/files/*", "/2/files/upload", "/2/users/get_current_account"];

const EMPTY = {
	path: "/oauth2/token", grant_type: "refresh_token", app_key: "", account: "", mode: "lose_reply" as Mode,
	status: "429", retry_after_s: "", delay_ms: "5000", bytes_per_s: "100", skip: "0", count: "1", always: false,
};

type Draft = typeof EMPTY;

function body(d: Draft): object {
	const own: Partial<Record<Mode, object>> = {
		status: { status: Number(d.status), retry_after_s: numberOf(d.retry_after_s) },
		timeout: { delay_ms: numberOf(d.delay_ms) },
		delay: { delay_ms: numberOf(d.delay_ms) },
		drip: { bytes_per_s: numberOf(d.bytes_per_s) },
	};
	return {
		path: d.path.trim(), mode: d.mode, ...own[d.mode],
		grant_type: isToken(d.path) && d.grant_type ? d.grant_type : undefined,
		app_key: d.app_key || undefined, account: d.account || undefined,
		skip: numberOf(d.skip), count: d.always ? null : numberOf(d.count),
	};
}

function isToken(path: string): boolean {
	return path.trim().startsWith("/oauth2/");
}

function ModeFields({ d, set, errorAt }: { d: Draft; set: (p: Partial<Draft>) => void; errorAt: (f: string) => string | undefined }) {
	if (d.mode === "status")
		return (
			<div class="control-pair">
				<Select label="Status" value={d.status} error={errorAt("status")}
					options={STATUSES.map((s) => ({ value: String(s), label: String(s) }))}
					onChange={(status) => set({ status })} />
				<NumberField label="Retry-After, seconds" optional value={d.retry_after_s} min={0} max={86400}
					error={errorAt("retry_after_s")} onInput={(retry_after_s) => set({ retry_after_s })} />
			</div>
		);
	if (d.mode === "timeout" || d.mode === "delay")
		return <NumberField label="How long, milliseconds" value={d.delay_ms} min={1} max={300000}
			error={errorAt("delay_ms")} onInput={(delay_ms) => set({ delay_ms })} />;
	if (d.mode === "drip")
		return <NumberField label="Bytes a second" value={d.bytes_per_s} min={1} max={1000000}
			error={errorAt("bytes_per_s")} onInput={(bytes_per_s) => set({ bytes_per_s })} />;
	return null;
}

function FaultForm({ world, onAdded }: { world: TabProps["world"]; onAdded: () => void }) {
	const [d, setDraft] = useState<Draft>(EMPTY);
	const { busy, problem, run, forget } = useAction();
	const set = (part: Partial<Draft>) => setDraft({ ...d, ...part });
	const errorAt = (field: string) => problem?.field === field ? sentences(problem) : undefined;
	const submit = (e: Event) => {
		e.preventDefault();
		void run("add", () => control.post("/_sandbox/faults", body(d))).then((done) => {
			if (done) {
				announce("The fault is set");
				onAdded();
			}
		});
	};
	return (
		<form class="card card-pad control-card" onSubmit={submit} noValidate>
			<div>
				<h2>Spoil calls</h2>
				<p class="hint">The next calls that fit are spoilt, then everything is as before.</p>
			</div>
			{problem && !problem.field && <ProblemNotice problem={problem} onClose={forget} />}
			<TextField label="Path" mono value={d.path} error={errorAt("path")} onInput={(path) => set({ path })}
				hint="A * at the end takes every path that begins so." />
			<div class="control-paths" role="group" aria-label="Usual paths">
				{PATHS.map((p) => (
					<button key={p} type="button" class="pill" aria-pressed={d.path === p} onClick={() => set({ path: p })}>{p}</button>
				))}
			</div>
			{isToken(d.path) && (
				<Select label="Grant type" value={d.grant_type} options={GRANT_TYPES}
					onChange={(grant_type) => set({ grant_type })} />
			)}
			<Select label="What happens" value={d.mode} options={MODES}
				hint={MODES.find((m) => m.value === d.mode)?.hint}
				onChange={(mode) => set({ mode: mode as Mode })} />
			<ModeFields d={d} set={set} errorAt={errorAt} />
			<div class="control-pair">
				<NumberField label="How many calls" value={d.always ? "" : d.count} min={1} max={1000000}
					disabled={d.always} error={errorAt("count")} onInput={(count) => set({ count })} />
				<NumberField label="Let pass before" value={d.skip} min={0} max={1000000}
					error={errorAt("skip")} onInput={(skip) => set({ skip })} />
			</div>
			<Checkbox label="All calls, until it is deleted" checked={d.always}
				onChange={(always) => set({ always })} />
			<Select label="Only for the app" value={d.app_key} onChange={(app_key) => set({ app_key })}
				options={[{ value: "", label: "Any app" },
					...world.apps.map((a) => ({ value: a.app_key, label: `${a.name} (${a.app_key})` }))]} />
			{!isToken(d.path) && (
				<Select label="Only of the account" value={d.account} onChange={(account) => set({ account })}
					options={[{ value: "", label: "Any account" },
						...world.accounts.map((a) => ({ value: a.email, label: a.email }))]} />
			)}
			<div class="actions"><Button type="submit" kind="primary" busy={busy !== ""}>Add fault</Button></div>
		</form>
	);
}

function detail(f: Fault): string {
	const words = MODES.find((m) => m.value === f.mode)?.label ?? f.mode;
	const more = [
		f.status, f.retry_after_s !== undefined && `Retry-After ${f.retry_after_s} s`,
		f.delay_ms && `${f.delay_ms} ms`, f.bytes_per_s && `${f.bytes_per_s} bytes/s`,
	].filter(Boolean).join(", ");
	return more ? `${words}: ${more}` : words;
}

function left(f: Fault): string {
	const count = f.count === null ? "all calls" : f.count === 1 ? "1 call left" : `${f.count} calls left`;
	const skip = f.skip > 0 ? ` after ${f.skip} more` : "";
	return `${count}${skip}, spoilt ${f.hits} so far`;
}

function FaultRow({ f, busy, onDelete }: { f: Fault; busy: boolean; onDelete: () => void }) {
	const id = `fault-${f.id}`;
	return (
		<li class="row">
			<div class="row-main" id={id}>
				<p><code class="control-path">{f.method ? `${f.method} ` : ""}{f.path}</code></p>
				<p class="row-name">{detail(f)}</p>
				<p class="hint">{[left(f), f.grant_type, f.app_key, f.account].filter(Boolean).join(" · ")}</p>
			</div>
			<Button small busy={busy} describedBy={id} onClick={onDelete}>Delete</Button>
		</li>
	);
}

export function FaultsTab({ world, reload: reloadWorld }: TabProps) {
	const { data, problem, reload } = useControl<{ faults: Fault[] }>("/_sandbox/faults");
	const action = useAction();
	useEffect(reload, [world.state]); /* with the state, the page asks for it again and again */
	const changed = () => {
		reload();
		reloadWorld();
	};
	const remove = (name: string, path: string) =>
		void action.run(name, () => control.del(`/_sandbox/faults${path}`)).then(changed);
	const faults = data?.faults ?? [];
	return (
		<div class="control-split">
			<FaultForm world={world} onAdded={changed} />
			<div class="stack">
				{(problem ?? action.problem) && <ProblemNotice problem={(problem ?? action.problem)!} />}
				{!data && !problem && <Skeleton />}
				{data && faults.length === 0 && (
					<EmptyState title="Nothing is spoilt">
						<p class="secondary">Every call is answered as it should be. A fault goes away by itself
							once it has spoilt its calls, and all of them at a restart.</p>
					</EmptyState>
				)}
				{faults.length > 0 && (
					<Card title="Waiting for their calls">
						<ul class="rows control-rows">
							{faults.map((f) => (
								<FaultRow key={f.id} f={f} busy={action.busy === f.id} onDelete={() => remove(f.id, `/${f.id}`)} />
							))}
						</ul>
						<div class="actions control-actions">
							<Button kind="danger" busy={action.busy === "all"} onClick={() => remove("all", "")}>Delete all</Button>
						</div>
					</Card>
				)}
			</div>
		</div>
	);
}
