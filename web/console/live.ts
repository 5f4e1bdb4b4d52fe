/* live.ts - what happens, as it happens: one stream of events for each tab that is looked at.
 *
 * A tab that is hidden holds no connection (a browser has six for one server), and looks again when it
 * is shown. */
import { useEffect, useRef } from "preact/hooks";
import { BASE } from "./model";

/* All there are: docs/mechanisms/events.md. */
export const EVENT_TYPES = [
	"token.created", "token.renamed", "token.changed", "token.deleted", "token.restored", "token.purged",
	"token.failing", "token.recovered", "token.needs_reauthorization", "token.misconfigured",
	"token.reauthorized", "token.revealed",
	"connection.connected", "connection.failed", "connection.revealed",
	"key.created", "key.changed", "key.revoked",
	"webhook.created", "webhook.changed", "webhook.deleted",
	"user.created", "user.password_changed", "user.signed_in", "user.signed_out", "user.sessions_ended",
	"user.confirmed", "user.confirm_refused",
	"user.sign_in_refused",
];

const GATHER_MS = 100; /* what comes together is looked at once */
const AGAIN_MS = 3000; /* after an answer that was no stream */

const hearers = new Set<() => void>();
let source: EventSource | null = null;
let timer = 0;
let again = 0;

function tellAll(): void {
	clearTimeout(timer);
	timer = window.setTimeout(() => hearers.forEach((hear) => hear()), GATHER_MS);
}

function close(): void {
	clearTimeout(again);
	source?.close();
	source = null;
}

function open(): void {
	if (source || hearers.size === 0 || document.visibilityState !== "visible")
		return;
	source = new EventSource(`${BASE}/events/stream`);
	for (const type of [...EVENT_TYPES, "missed"])
		source.addEventListener(type, tellAll);
	source.addEventListener("error", refused);
}

/* A connection that breaks is made again by the browser. An answer that is no stream (the session has
 * ended, the store is away) ends it for good: a new one is asked for, and what it missed is looked at. */
function refused(): void {
	if (source?.readyState !== EventSource.CLOSED)
		return;
	close();
	again = window.setTimeout(() => {
		open();
		source?.addEventListener("open", tellAll, { once: true });
	}, AGAIN_MS);
}

document.addEventListener("visibilitychange", () => {
	if (document.visibilityState !== "visible") {
		close();
		return;
	}
	open();
	tellAll();
});

/* Calls `hear` some time after something happened, as long as the part is shown. */
export function useLive(hear: () => void): void {
	const newest = useRef(hear);
	newest.current = hear;
	useEffect(() => {
		const call = () => newest.current();
		hearers.add(call);
		open();
		return () => {
			hearers.delete(call);
			if (hearers.size === 0)
				close();
		};
	}, []);
}
