/* draft.ts - what is typed on the configuration screen, and what is wrong with it. Pure. */
import type { ConnectInput, Got } from "./connect";
import type { Provider, Token } from "./model";

export interface Draft {
	name: string;
	description: string;
	app_key: string;
	app_secret: string;
	scopes: string;
	lazy: boolean; /* refreshed only when somebody asks for it */
}

export type DraftField = Exclude<keyof Draft, "lazy">;
export type Errors = Partial<Record<DraftField | "redirect_uri", string>>;

/* As the manager has it: a name stands in addresses. */
const NAME = /^[A-Za-z0-9]+( [A-Za-z0-9]+)*$/;
const NAME_MAX = 100;
const SECRET_MIN = 8;

/* A saved secret never comes back: its field starts empty, and empty means unchanged. */
export function baseline(provider: Provider, token: Token | null): Draft {
	return {
		name: token?.name ?? "",
		description: token?.description ?? "",
		app_key: token?.app_key ?? "",
		app_secret: "",
		scopes: token?.scopes ?? provider.default_scopes,
		lazy: token?.lazy ?? false,
	};
}

export function sameDraft(a: Draft, b: Draft): boolean {
	return (Object.keys(a) as DraftField[]).every((k) => a[k] === b[k]);
}

/* What was not touched follows what is stored now; what was typed stays, and so does what it was typed over. */
export function follow(d: Draft, seen: Draft, now: Draft): { draft: Draft; seen: Draft } {
	const keep = (k: keyof Draft) => d[k] !== seen[k] && d[k] !== now[k];
	const pick = (mine: Draft): Draft =>
		({ ...now, ...Object.fromEntries((Object.keys(now) as (keyof Draft)[]).filter(keep).map((k) => [k, mine[k]])) });
	return { draft: pick(d), seen: pick(seen) };
}

export interface Changes {
	name?: string;
	description?: string;
	lazy?: boolean;
	app_secret?: string;
	was?: { name?: string; description?: string; lazy?: boolean };
}

/* What a person changed of a saved token, and over what; null: nothing. */
export function changesOf(d: Draft, seen: Draft): Changes | null {
	const next: Changes = {}, was: Changes["was"] = {};
	if (d.name.trim() !== seen.name)
		[next.name, was.name] = [d.name.trim(), seen.name];
	if (d.description !== seen.description)
		[next.description, was.description] = [d.description, seen.description];
	if (d.lazy !== seen.lazy)
		[next.lazy, was.lazy] = [d.lazy, seen.lazy];
	if (d.app_secret.trim() !== "")
		next.app_secret = d.app_secret.trim();
	return Object.keys(next).length > 0 ? { ...next, was } : null;
}

export function tidyScopes(scopes: string): string {
	return scopes.trim().split(/[\s,]+/).filter(Boolean).join(" ");
}

export function nameError(name: string): string | undefined {
	const n = name.trim();
	if (n === "")
		return "Give the token a name; programs ask for it by this name.";
	if (!NAME.test(n))
		return "Use the letters a to z, numbers, and single spaces between them.";
	return n.length > NAME_MAX ? `Use at most ${NAME_MAX} characters.` : undefined;
}

/* What must be there before the provider can be asked. */
export function connectErrors(d: Draft, saved: boolean): Errors {
	const errors: Errors = {};
	if (d.app_key.trim() === "")
		errors.app_key = "Paste the app's key first.";
	if (d.app_secret.trim() === "" && !saved)
		errors.app_secret = "Paste the app's secret first; its pages may hide it behind Show.";
	return errors;
}

export function connectInput(d: Draft, provider: Provider, token: Token | null): ConnectInput {
	return {
		provider: provider.id,
		app_key: d.app_key.trim(),
		app_secret: d.app_secret.trim() || undefined,
		scopes: tidyScopes(d.scopes),
		token_id: token?.id,
	};
}

/* Whether what is typed now differs from what the received token was asked for with. */
export function isStale(d: Draft, got: Got): boolean {
	return d.app_key.trim() !== got.input.app_key || tidyScopes(d.scopes) !== got.input.scopes ||
		(d.app_secret.trim() || undefined) !== got.input.app_secret;
}

/* It only ticks a step of the guide, so a pattern that this browser cannot read refuses nothing. */
function looksLikeKey(pattern: string, key: string): boolean {
	try {
		return key !== "" && new RegExp(pattern).test(key);
	} catch {
		return key !== "";
	}
}

export function plausible(d: Draft, provider: Provider, saved: boolean): boolean {
	const key = looksLikeKey(provider.app_key_pattern, d.app_key.trim());
	return key && (saved || d.app_secret.trim().length >= SECRET_MIN);
}

export interface Refusal {
	errors: Errors;
	sentence?: { detail: string; todo: string };
}

export interface SaveState {
	draft: Draft;
	base: Draft;
	saved: boolean;
	received: boolean;
	stale: boolean;
}

/* Why Done cannot save yet; null: it can. */
export function saveRefusal(s: SaveState): Refusal | null {
	const name = nameError(s.draft.name);
	if (name)
		return { errors: { name } };
	if (!s.saved && !s.received)
		return because("There is no access token to save yet.", "Choose Get OAuth2 Access Token first, and then Done.");
	if (s.stale)
		return because("The app's data changed after the token was received.",
			"Get it again, or put the former values back.");
	if (s.saved && !sameApp(s.draft, s.base))
		return because("The app key or the scopes differ from what the token was made with.",
			"Reconnect to use them, or put the former values back.");
	return null;
}

function because(detail: string, todo: string): Refusal {
	return { errors: {}, sentence: { detail, todo } };
}

function sameApp(a: Draft, b: Draft): boolean {
	return a.app_key.trim() === b.app_key && tidyScopes(a.scopes) === tidyScopes(b.scopes);
}
