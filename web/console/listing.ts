/* listing.ts - the list of tokens, in pages: a manager may have a million of them.
 *
 * While one page holds them all, the browser has everything, and can search and sort it as it likes.
 * Beyond that the manager searches, by name, and the order is that of the names. */
import { useEffect, useState } from "preact/hooks";
import { api, BASE, type Token } from "./model";
import { type Loaded, useFetched } from "./ui";

const PAGE = 200;
const TYPING_MS = 250;

export interface Listing {
	tokens: Token[];
	next: string | null; /* there are more */
}

async function fetchTokens(find: string, wanted: number): Promise<Listing> {
	const tokens: Token[] = [];
	let next: string | null = "";
	while (next !== null && tokens.length < wanted) {
		const query = new URLSearchParams({ limit: String(PAGE), after: next, find });
		const page: Listing = await api.get<Listing>(`${BASE}/tokens?${query}`);
		tokens.push(...page.tokens);
		next = page.next;
	}
	return { tokens, next };
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
	const loaded = useFetched(`${found}\n${wanted}`, () => fetchTokens(found, wanted), again_ms);
	const { data } = loaded;
	useEffect(() => {
		if (data?.next)
			setMany(true);
	}, [data]);
	useEffect(() => setWanted(PAGE), [found]);
	return { ...loaded, many, found, more: () => setWanted((data?.tokens.length ?? 0) + PAGE) };
}
