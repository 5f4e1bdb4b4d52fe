/* session.tsx - the one connection of these pages to their server, and who is signed in. */
import { createContext } from "preact";
import { useCallback, useContext, useEffect, useState } from "preact/hooks";
import { Api, type Problem, problemOf } from "../shared/api";
import type { Session } from "./types";

export const api = new Api<Session>("/_web/session");

export interface SessionState {
	session: Session;
	setSession: (s: Session) => void;
}

export const SessionContext = createContext<SessionState | null>(null);

export function useSession(): SessionState {
	const state = useContext(SessionContext);
	if (!state)
		throw new Error("no session above this part of the page");
	return state;
}

/* By the proxy, as www.dropbox.com: there is signing in and consent, and no App Console. */
export function useAway(): boolean {
	const { session } = useSession();
	return session.public_url !== session.console_url;
}

export function useSignOut(): () => Promise<void> {
	const { setSession } = useSession();
	return useCallback(async () => {
		setSession(api.adopt(await api.post<Session>("/_web/sign-out")));
	}, [setSession]);
}

export interface Loaded<T> {
	data: T | null;
	problem: Problem | null;
	setData: (data: T) => void;
	reload: () => void;
}

/* GETs path when the part appears, and again on reload(). */
export function useLoad<T>(path: string): Loaded<T> {
	const [data, setData] = useState<T | null>(null);
	const [problem, setProblem] = useState<Problem | null>(null);
	const [round, setRound] = useState(0);
	useEffect(() => {
		let gone = false;
		setProblem(null);
		api.get<T>(path).then(
			(d) => !gone && setData(d),
			(e) => !gone && setProblem(problemOf(e)));
		return () => {
			gone = true;
		};
	}, [path, round]);
	return { data, problem, setData, reload: () => setRound((n) => n + 1) };
}

export function useTitle(title: string): void {
	useEffect(() => {
		document.title = `${title} · Sandbox`;
	}, [title]);
}
