/* time.ts - times as people read them, on the server's clock.
 *
 * The server's clock can differ from the browser's (a sandbox clock can be moved), so every reply that
 * carries now_ms sets the difference and all relative times use it. */
import { useEffect, useState } from "preact/hooks";

let offset_ms = 0;

export function syncClock(server_now_ms: number): void {
	offset_ms = server_now_ms - Date.now();
}

export function serverNow(): number {
	return Date.now() + offset_ms;
}

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/* "3 h 40 min", "12 min", "40 s", "5 days" */
export function formatSpan(span_ms: number): string {
	const ms = Math.max(0, span_ms);
	if (ms < MINUTE)
		return `${Math.floor(ms / SECOND)} s`;
	if (ms < HOUR)
		return `${Math.floor(ms / MINUTE)} min`;
	if (ms < 2 * DAY) {
		const min = Math.floor((ms % HOUR) / MINUTE);
		return `${Math.floor(ms / HOUR)} h${min > 0 ? ` ${min} min` : ""}`;
	}
	return `${Math.round(ms / DAY)} days`;
}

/* "in 3 h 40 min", "12 min ago", "just now" */
export function formatRelative(at_ms: number, now_ms: number): string {
	const diff = at_ms - now_ms;
	if (diff > 0)
		return `in ${formatSpan(diff)}`;
	return diff > -10 * SECOND ? "just now" : `${formatSpan(-diff)} ago`;
}

/* To the minute, for sentences. */
export function formatWhen(at_ms: number): string {
	return new Date(at_ms).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });
}

export function formatExact(at_ms: number): string {
	return new Date(at_ms).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "medium" });
}

/* One timer for all that show a time: a list of hundreds is drawn anew once, and not for each of them. */
const hearers = new Map<number, Set<(now_ms: number) => void>>();

function hear(interval_ms: number, hearer: (now_ms: number) => void): () => void {
	let all = hearers.get(interval_ms);
	if (!all) {
		const made = new Set<(now_ms: number) => void>();
		hearers.set(interval_ms, made);
		setInterval(() => {
			const now = serverNow();
			made.forEach((h) => h(now));
		}, interval_ms);
		all = made;
	}
	const set = all.add(hearer);
	return () => void set.delete(hearer);
}

/* The server's time, again every interval_ms. */
export function useNow(interval_ms = 1000): number {
	const [now, setNow] = useState(serverNow);
	useEffect(() => hear(interval_ms, setNow), [interval_ms]);
	return now;
}
