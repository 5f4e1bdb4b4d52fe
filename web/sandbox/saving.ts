/* saving.ts - one change of an app that is saved by itself: busy, saved, or what went wrong. */
import { useState } from "preact/hooks";
import { type Problem, problemOf, sentences } from "../shared/api";

export interface Saving {
	busy: boolean;
	saved: string; /* what to tell, once it is done */
	problem: Problem | null;
	/* The problem's words when it is about this field. */
	errorAt: (field: string) => string | undefined;
	/* Null when it failed, or when another one is under way. */
	run: <T>(call: () => Promise<T>, done: string) => Promise<T | null>;
	clear: () => void;
}

export function useSaving(): Saving {
	const [busy, setBusy] = useState(false);
	const [saved, setSaved] = useState("");
	const [problem, setProblem] = useState<Problem | null>(null);
	const clear = () => {
		setSaved("");
		setProblem(null);
	};
	const run = async <T>(call: () => Promise<T>, done: string): Promise<T | null> => {
		if (busy)
			return null;
		clear();
		setBusy(true);
		try {
			const result = await call();
			setSaved(done);
			return result;
		} catch (e) {
			setProblem(problemOf(e));
			return null;
		} finally {
			setBusy(false);
		}
	};
	const errorAt = (field: string) =>
		problem && problem.field === field ? sentences(problem) : undefined;
	return { busy, saved, problem, errorAt, run, clear };
}
