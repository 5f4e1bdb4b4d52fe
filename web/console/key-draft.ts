/* key-draft.ts - what is typed and ticked for an API key, and what it was typed over. Pure. */

export interface Named {
	id: string;
	name: string;
}

export interface KeyDraft {
	label: string;
	all_tokens: boolean;
	tokens: Named[]; /* stay ticked while it is all */
}

/* As the manager takes it. */
export interface Wanted {
	label: string;
	all_tokens: boolean;
	token_ids: string[];
}

export function wantedOf(d: KeyDraft): Wanted {
	return { label: d.label.trim(), all_tokens: d.all_tokens, token_ids: d.all_tokens ? [] : d.tokens.map((t) => t.id) };
}

const SEEN_MAX = 2000; /* as many as the manager takes */

/* What was not touched follows what is stored now: else a change of the label alone would bring back what somebody
 * took from the key meanwhile. What was changed stays. `gone` are those of `seen` that were removed since: whoever
 * changed the ticks saw them, and one that is not ticked is to stay away from the key when its removal is undone; of very
 * many the first ones stand for all. */
export function follow(d: KeyDraft, seen: KeyDraft, now: KeyDraft, gone: Named[]): { draft: KeyDraft; seen: KeyDraft } {
	const label = d.label.trim() === seen.label ? now.label : d.label;
	if (sameReach(wantedOf(d), seen))
		return { draft: { ...now, label }, seen: now };
	const room = Math.max(0, SEEN_MAX - now.tokens.length);
	return { draft: { ...d, label }, seen: { ...now, tokens: [...now.tokens, ...gone.slice(0, room)] } };
}

export interface Changes extends Partial<Wanted> {
	was: Partial<Wanted>;
}

/* What another window changed meanwhile, and this one did not, stays. Null: nothing is changed. */
export function changesOf(seen: KeyDraft, wanted: Wanted): Changes | null {
	const same = sameReach(wanted, seen);
	const next: Changes = { was: {} };
	if (wanted.label !== seen.label)
		[next.label, next.was.label] = [wanted.label, seen.label];
	if (!same) {
		[next.all_tokens, next.was.all_tokens] = [wanted.all_tokens, seen.all_tokens];
		[next.token_ids, next.was.token_ids] = [wanted.token_ids, seen.tokens.map((t) => t.id)];
	}
	return "label" in next || !same ? next : null;
}

function sameReach(wanted: Wanted, seen: KeyDraft): boolean {
	const before = new Set(seen.tokens.map((t) => t.id));
	return wanted.all_tokens === seen.all_tokens && wanted.token_ids.length === before.size &&
		wanted.token_ids.every((id) => before.has(id));
}
