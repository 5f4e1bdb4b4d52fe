/* listing.ts - the list of tokens, in pages: a manager may have a million of them.
 *
 * While one page holds them all, the browser has everything, and can search and sort it as it likes.
 * Beyond that the manager searches, by name, and the order is that of the names. */
import { useEffect, useState } from "preact/hooks";
import { api, BASE, type Token } from "./model";
import { type Loaded, useFetched } from "./ui";

const PAGE = 200;
const TYPING_MS = 250;

export interface Listing<T = Token> {
	tokens: T[];
	next: string | null; /* there are more */
}

async function fetchPages<T>(what: string, wanted: number, query: Record<string, string> = {}): Promise<Listing<T>> {
	const tokens: T[] = [];
	let next: string | null = "";
	while (next !== null && tokens.length < wanted) {
		const words = new URLSearchParams({ limit: String(PAGE), after: next, ...query });
		const page: Listing<T> = await api.get<Listing<T>>(`${BASE}/${what}?${words}`);
		tokens.push(...page.tokens);
		next = page.next;
	}
	return { tokens, next };
}

export interface Removed extends Token {
	deleted_ms: number;
	ends_ms: number;
}

export interface RemovedList extends Loaded<Listing<Removed>> {
	more: () => void;
}

/* Those that a person can have back, the newest first. */
export function useRemoved(again_ms: number): RemovedList {
	const [wanted, setWanted] = useState(PAGE);
	const loaded = useFetched(`${wanted}`, () => fetchPages<Removed>("deleted-tokens", wanted), again_ms);
	return { ...loaded, more: () => setWanted((loaded.data?.tokens.length ?? 0) + PAGE) };
}

/* What was typed, once the typing has paused. */
function usePaused(words: string): string {
	const [paused, setPaused] = useState(words);
	useEffect(() => {
		const timer = setTimeout(() => setPaused(words), TYPING_MS);
		return () => clearTimeout(timer);
	}, [words]);
	return paused;
}

export interface Tokens extends Loaded<Listing> {
	many: boolean;  /* the manager searches; else `words` is left to the caller */
	found: string;  /* what the manager was asked for */
	more: () => void;
}

export function useTokens(words: string, again_ms = 0): Tokens {
	const [many, setMany] = useState(false);
	const [wanted, setWanted] = useState(PAGE);
	const paused = usePaused(words.trim());
	const found = many ? paused : "";
	const loaded = useFetched(`${found}\n${wanted}`, () => fetchPages<Token>("tokens", wanted, { find: found }), again_ms);
	const { data } = loaded;
	useEffect(() => {
		if (data?.next)
			setMany(true);
	}, [data]);
	useEffect(() => setWanted(PAGE), [found]);
	return { ...loaded, many, found, more: () => setWanted((data?.tokens.length ?? 0) + PAGE) };
}
