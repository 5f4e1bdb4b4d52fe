/* model.ts - what the manager's private API says, as types, and the one client of it. */
import { Api, type SessionBase } from "../shared/api";

export const BASE = "/api/console";

export interface Session extends SessionBase {
	user: { username: string } | null;
	public_url: string;
	version: string;
}

export interface Provider {
	id: string;
	name: string;
	redirect_uri: string;
	console_url: string;
	app_key_pattern: string;
	default_scopes: string;
}

export interface Account {
	name: string;
	email: string;
}

export type Status = "active" | "expired" | "needs_reauthorization" | "misconfigured";

export interface Forecast {
	state: "lasts" | "ends" | "failing" | "unknown" | "stopped";
	until_ms: number | null; /* null: no end is in sight */
	because: string;         /* a sentence */
}

/* What is wrong, since when, and who can mend it. */
export interface Ailment {
	sentence: string;
	what: string;            /* the beginning of the sentence */
	since_ms: number;
	who: "nobody" | "owner" | "administrator";
}

/* What the provider was seen to do. */
export interface Fact {
	sentence: string;
	since_ms: number;
}

export interface Token {
	id: string;
	name: string;
	description: string;
	provider: string;
	type: string;
	status: Status;
	status_reason: string;
	status_since_ms: number;
	app_key: string;
	scopes: string;
	scope_granted: string;
	redirect_uri: string;
	expires_at_ms: number | null;
	has_refresh_token: boolean;
	renewal: string;
	encrypted: boolean;
	account: Account | null;
	created_ms: number;
	updated_ms: number;
	last_refresh_ms: number | null;
	next_refresh_ms: number | null;
	last_error: string;
	proved_ms: number | null;
	forecast: Forecast;
	trouble: Ailment | null;
	lazy: boolean;
	learned: Record<"refresh_token" | "old_access_token" | "access_life", Fact | null>;
	provider_clock: { ahead_s: number; sentence: string } | null;
	expires_source: "reply" | "token" | "definition" | "learned" | null;
}

/* What a finished consent brought, before it is saved. */
export interface Received {
	expires_at_ms: number | null;
	scope: string;
	has_refresh_token: boolean;
	account: Account | null;
	warning: { what: string; advice: string } | null; /* nothing renews it */
}

export interface Connection {
	id: string;
	status: "waiting" | "exchanging" | "connected" | "failed" | "held"; /* held: see Connector.decide */
	error: { code: string; field: string | null; detail: string; todo: string } | null;
	expires_at_ms: number;
	token: Received | null;
}

export interface Started {
	id: string;
	authorization_url: string;
	expires_at_ms: number;
}

export interface Probe {
	ok: boolean;
	code: string;
	field: string | null;
	detail: string;
	todo: string;
}

export interface TestResult {
	ok: boolean;
	message: string;
	todo: string;
	account: Account | null;
	token?: Token;
}

export interface ApiKey {
	id: string;
	label: string;
	hint: string;
	all_tokens: boolean;
	tokens: { id: string; name: string }[];
	tokens_more: number; /* besides those */
	created_ms: number;
	last_used_ms: number | null;
}

export const api = new Api<Session>(`${BASE}/session`);

/* A path below the API's base with its last parts escaped. */
export function at(...parts: string[]): string {
	return [BASE, ...parts.map(encodeURIComponent)].join("/");
}
