/* ui.tsx - the small parts that only the manager's pages have. */
import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import { type Problem, problemOf } from "../shared/api";
import { formatExact, formatRelative, formatWhen, useNow } from "../shared/time";
import { CopyButton, cx, Icon } from "../shared/ui";
import { api, type Account, type Forecast, type Status } from "./model";

export function useTitle(title: string): void {
	useEffect(() => {
		document.title = `${title} · valetkey`;
	}, [title]);
}

export interface Loaded<T> {
	data: T | null;
	problem: Problem | null;
	setData: (data: T) => void;
	reload: () => void;
}

/* GETs path when the part appears, on reload(), and every again_ms while the page is looked at. */
export function useLoad<T>(path: string, again_ms = 0): Loaded<T> {
	return useFetched(path, () => api.get<T>(path), again_ms);
}

/* The same of whatever fetch brings; another key asks anew. */
export function useFetched<T>(key: string, fetch: () => Promise<T>, again_ms = 0): Loaded<T> {
	const [data, setData] = useState<T | null>(null);
	const [problem, setProblem] = useState<Problem | null>(null);
	const [round, setRound] = useState(0);
	const reload = () => setRound((n) => n + 1);
	useEffect(() => {
		let gone = false;
		fetch().then((d) => {
			if (gone)
				return;
			setData(d);
			setProblem(null);
		}, (e) => !gone && setProblem(problemOf(e)));
		return () => {
			gone = true;
		};
	}, [key, round]);
	useEffect(() => {
		if (again_ms === 0)
			return undefined;
		const look = () => document.visibilityState === "visible" && reload();
		const timer = setInterval(look, again_ms);
		document.addEventListener("visibilitychange", look);
		return () => {
			clearInterval(timer);
			document.removeEventListener("visibilitychange", look);
		};
	}, [again_ms]);
	return { data, problem, setData, reload };
}

const STATUS: Record<Status, { words: string; shape: string }> = {
	active: { words: "active", shape: "M8 2a6 6 0 1 0 0 12A6 6 0 0 0 8 2z" },
	expired: { words: "expired", shape: "M2.5 7h11v2h-11z" },
	needs_reauthorization: { words: "needs reauthorization", shape: "M8 1.5l7 12.5H1z" },
	misconfigured: { words: "misconfigured", shape: "M8 1l7 7-7 7-7-7z" },
};

export function statusWords(status: Status): string {
	return STATUS[status].words;
}

/* A word and a shape, so that colour is never what tells. */
export function StatusMark({ status, reason }: { status: Status; reason?: string }) {
	return (
		<span class={`status status-${status}`} title={reason || undefined}>
			<svg viewBox="0 0 16 16" aria-hidden="true" focusable="false"><path d={STATUS[status].shape} /></svg>
			{STATUS[status].words}
		</span>
	);
}

/* The life of a token as a bar that runs down; the words beside it say the same. */
export function LifeBar({ from_ms, until_ms, now_ms }: { from_ms: number; until_ms: number; now_ms: number }) {
	const whole = Math.max(1, until_ms - from_ms);
	const left = Math.min(100, Math.max(0, Math.round(100 * (until_ms - now_ms) / whole)));
	return (
		<svg class={cx("life", left < 10 && "is-low")} viewBox="0 0 100 4" preserveAspectRatio="none"
			aria-hidden="true" focusable="false">
			<rect class="life-all" width="100" height="4" />
			<rect class="life-left" width={left} height="4" />
		</svg>
	);
}

/* A time that has been: never "in 0 s" when the clocks of two machines differ a little. */
export function Ago({ at_ms }: { at_ms: number }) {
	const now = useNow(5000);
	return (
		<time dateTime={new Date(at_ms).toISOString()} title={formatExact(at_ms)}>
			{formatRelative(Math.min(at_ms, now), now)}
		</time>
	);
}

/* Until when it works, and why. */
export function forecastWords({ state, until_ms, because }: Forecast): string {
	const end = until_ms ? formatWhen(until_ms) : "";
	if (state === "lasts")
		return "No end in sight";
	if (state === "stopped")
		return `Stopped ${end}: ${because}`;
	if (state === "failing")
		return end ? `Works until ${end} unless a refresh works before: ${because}` : `Refreshes fail: ${because}`;
	return end ? `Works until ${end}: ${because}` : `No known end: ${because}`;
}

export function accountWords(a: Account): string {
	return a.email ? `${a.name} (${a.email})` : a.name;
}

export function curlExample(name: string): string {
	const url = `${location.origin}/api/v1/tokens/${encodeURIComponent(name)}/access-token`;
	return `curl -H "Authorization: Bearer $VALETKEY_API_KEY" ${url}`;
}

export function Code({ text }: { text: string }) {
	return (
		<div class="code">
			<pre><code>{text}</code></pre>
			<CopyButton text={text} />
		</div>
	);
}

export interface VerdictProps {
	ok: boolean;
	title: string;
	detail: string;
	todo?: string;
	children?: ComponentChildren;
}

/* A page that has one thing to say. */
export function Verdict(p: VerdictProps) {
	return (
		<section class={cx("verdict", "card", p.ok ? "is-ok" : "is-bad")} role={p.ok ? "status" : "alert"}>
			<Icon name={p.ok ? "check" : "warn"} />
			<div class="stack-8">
				<h1>{p.title}</h1>
				<p>{p.detail}</p>
				{p.todo && <p>{p.todo}</p>}
				{p.children}
			</div>
		</section>
	);
}
