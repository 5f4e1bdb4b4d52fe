/* log.tsx - the requests as they come, newest first. */
import { useEffect, useRef, useState } from "preact/hooks";
import { type Problem, problemOf } from "../../shared/api";
import { Button, Checkbox, cx, EmptyState, ProblemNotice, Skeleton, TextField } from "../../shared/ui";
import { control } from "./client";

const SHOWN_MAX = 300;
const KEPT_MAX = 1000;
const WAIT_MS = 20000;
const RETRY_MS = 2000;

interface Entry {
	number: number;
	time: string;
	method: string;
	path: string;
	query?: string;
	app_key?: string;
	email?: string;
	grant_type?: string;
	code?: string;
	error?: string;
	status: number | null;
	ms: number;
	fault?: string;
	request_id: string;
}

interface LogPage {
	entries: Entry[];
	last: number;
}

const FAULT_WORDS: Record<string, string> = {
	status: "fault: status", reset: "fault: reset", timeout: "fault: timeout", garbage: "fault: garbage",
	lose_reply: "fault: reply lost", cut: "fault: cut", drip: "fault: drip", delay: "fault: delay",
};

function pause(ms: number): Promise<void> {
	return new Promise((resolve) => setTimeout(resolve, ms));
}

/* Asks for what came after the last one, and waits for it, until it is stopped. */
function useFollow(running: boolean) {
	const [entries, setEntries] = useState<Entry[] | null>(null);
	const [problem, setProblem] = useState<Problem | null>(null);
	const last = useRef(0);
	useEffect(() => {
		const stop = new AbortController();
		const once = async () => {
			const wait = last.current > 0 ? WAIT_MS : 0;
			const page = await control.get<LogPage>(`/_sandbox/log?after=${last.current}&wait_ms=${wait}`,
				{ signal: stop.signal });
			const restarted = page.last < last.current;
			last.current = page.last;
			setProblem(null);
			setEntries((old) => [...page.entries].reverse().concat(restarted ? [] : old ?? [])
				.slice(0, KEPT_MAX));
			if (page.last === 0)
				await pause(RETRY_MS);
		};
		const follow = async () => {
			while (!stop.signal.aborted) {
				try {
					await once();
				} catch (e) {
					if (stop.signal.aborted)
						return;
					setProblem(problemOf(e));
					await pause(RETRY_MS);
				}
			}
		};
		if (running)
			void follow();
		return () => stop.abort();
	}, [running]);
	return { entries, problem, clear: () => setEntries([]) };
}

function isFailure(e: Entry): boolean {
	return e.status === null || e.status >= 400 || e.fault !== undefined;
}

function has(e: Entry, words: string): boolean {
	const all = [e.method, e.path, e.query, e.app_key, e.email, e.grant_type, e.code, e.error, e.fault,
		e.status, e.request_id].join(" ").toLowerCase();
	return words.toLowerCase().split(/\s+/).every((w) => all.includes(w));
}

function Fact({ name, value }: { name: string; value?: string | number }) {
	if (value === undefined || value === "")
		return null;
	return <div><dt>{name}</dt><dd>{value}</dd></div>;
}

function Row({ e }: { e: Entry }) {
	const status = e.status === null ? "none" : String(e.status);
	const kind = isFailure(e) ? e.status !== null && e.status < 500 && !e.fault ? "is-refused" : "is-failed" : "is-ok";
	return (
		<li>
			<details class="log-row">
				<summary>
					<span class="log-time">{e.time.slice(11, 19)}</span>
					<span class={cx("log-status", kind)} title={e.status === null ? "No reply was sent" : undefined}>
						{status}
					</span>
					<span class="log-what"><span class="log-method">{e.method}</span> {e.path}</span>
					<span class="log-notes">
						{e.fault && <span class="pill">{FAULT_WORDS[e.fault] ?? e.fault}</span>}
						{e.grant_type && <span class="hint">{e.grant_type}</span>}
						{!e.fault && e.code && <span class="hint">{e.code}</span>}
					</span>
					<span class="log-ms hint">{e.ms} ms</span>
				</summary>
				<dl class="log-facts">
					<Fact name="Query" value={e.query} />
					<Fact name="App" value={e.app_key} />
					<Fact name="Account" value={e.email} />
					<Fact name="Error" value={[e.code, e.error].filter(Boolean).join(": ")} />
					<Fact name="Time" value={`${e.time}, ${e.ms} ms`} />
					<Fact name="Request" value={e.request_id} />
				</dl>
			</details>
		</li>
	);
}

export function LogTab() {
	const [running, setRunning] = useState(true);
	const [words, setWords] = useState("");
	const [failures, setFailures] = useState(false);
	const { entries, problem, clear } = useFollow(running);
	const shown = entries?.filter((e) => (!failures || isFailure(e)) && has(e, words.trim())) ?? [];
	return (
		<section class="stack control-log" aria-label="Log">
			<div class="log-tools">
				<TextField label="Filter" type="search" value={words} onInput={setWords}
					placeholder="path, app, account, error …" />
				<Checkbox label="Failures and faults only" checked={failures} onChange={setFailures} />
				<div class="log-buttons">
					<Button onClick={() => setRunning(!running)}>{running ? "Pause" : "Go on"}</Button>
					<Button kind="quiet" onClick={clear}>Clear</Button>
				</div>
			</div>
			{problem && <ProblemNotice problem={problem} />}
			{!entries && !problem && <Skeleton lines={6} />}
			{entries && shown.length === 0 && (
				<EmptyState title={entries.length === 0 ? "Nothing was asked yet" : "Nothing matches"}>
					<p class="secondary">
						{entries.length === 0
							? "Each request to the sandbox appears here at once, with its secrets masked."
							: `${entries.length} requests do not match the filter.`}
					</p>
				</EmptyState>
			)}
			{shown.length > 0 && (
				<>
					<ol class="card log-rows">
						{shown.slice(0, SHOWN_MAX).map((e) => <Row key={e.number} e={e} />)}
					</ol>
					<p class="hint">
						{shown.length > SHOWN_MAX ? `The newest ${SHOWN_MAX} of ${shown.length}. ` : ""}
						{running ? "New requests appear at the top." : "Paused: new requests are not shown."}
						{" "}Headers and bodies are not kept, values of parameters are masked.
					</p>
				</>
			)}
		</section>
	);
}
