/* send.ts - a form that is sent: busy meanwhile, and what went wrong afterwards. */
import type { RefObject } from "preact";
import { useRef, useState } from "preact/hooks";
import { type Problem, problemOf } from "./api";
import { focusFirstError } from "./fields";

export interface Sending {
	form: RefObject<HTMLFormElement>;
	busy: boolean;
	tried: boolean; /* it was sent once, whole or not */
	problem: Problem | null;
	submit: (e: Event) => void;
}

/* The page goes elsewhere when send succeeds: it stays busy until then. */
export function useSending(isWhole: () => boolean, send: () => Promise<void>): Sending {
	const [busy, setBusy] = useState(false);
	const [tried, setTried] = useState(false);
	const [problem, setProblem] = useState<Problem | null>(null);
	const form = useRef<HTMLFormElement>(null);
	const submit = async (e: Event) => {
		e.preventDefault();
		if (busy)
			return;
		setTried(true);
		setProblem(null);
		if (!isWhole()) {
			focusFirstError(form.current);
			return;
		}
		setBusy(true);
		try {
			await send();
		} catch (err) {
			setProblem(problemOf(err));
			setBusy(false);
			focusFirstError(form.current);
		}
	};
	return { form, busy, tried, problem, submit: (e) => void submit(e) };
}
