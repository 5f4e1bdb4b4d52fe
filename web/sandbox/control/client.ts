/* client.ts - the control page's connection to the control API, and the shapes it says.
 *
 * The cookie comes from the server and is out of reach here; the token that goes with it is kept for
 * this origin alone, so that it survives a reload but no other page has it. */
import { useEffect, useState } from "preact/hooks";
import { Api, type Problem, problemOf, type SessionBase } from "../../shared/api";
import { syncClock } from "../../shared/time";

const SESSION = "/_sandbox/session";
const KEY = "valetkey-sandbox-control";

export const control = new Api<SessionBase>(SESSION, true);

function keep(csrf: string): void {
	try {
		localStorage.setItem(KEY, csrf);
	} catch {
		/* without storage the token is typed again after a reload */
	}
}

/* Whether this browser was let in before; the server may have forgotten it since. */
export function recall(): boolean {
	try {
		const csrf = localStorage.getItem(KEY) ?? "";
		control.adopt({ csrf });
		return csrf !== "";
	} catch {
		return false;
	}
}

export async function enter(token: string): Promise<void> {
	const { csrf } = await control.post<SessionBase>(SESSION, { token }, { expect401: true });
	control.adopt({ csrf });
	keep(csrf);
}

export async function leave(): Promise<void> {
	await control.del(SESSION, { expect401: true });
	control.adopt({ csrf: "" });
	keep("");
}

export interface GrantState {
	grant_id: string;
	app_key: string;
	account_id: string;
	team_id: string | null;
	offline: boolean;
	refreshes: number;
	reuses: number;
	revocations: number;
	ended: boolean;
	created_at: string;
}

export interface State {
	accounts: number;
	apps: number;
	grants: number;
	access_tokens: number;
	refresh_tokens: number;
	files: number;
	faults: number;
	sessions: number;
	now: string;
	offset_s: number;
	grants_detail: GrantState[];
}

export interface Account {
	account_id: string;
	email: string;
	display_name: string;
	type: "basic" | "business";
	suspended: boolean;
}

export type Personality = Record<string, unknown>;

export interface AppRow {
	app_key: string;
	name: string;
	owner: string;
	personality: Personality;
}

/* What several tabs show and change: fetched together, and again after each change. */
export interface World {
	state: State;
	accounts: Account[];
	apps: AppRow[];
}

export async function fetchState(): Promise<State> {
	const state = await control.get<State>("/_sandbox/state");
	syncClock(Date.parse(state.now));
	return state;
}

export async function fetchWorld(): Promise<World> {
	const [state, { accounts }, { apps }] = await Promise.all([
		fetchState(),
		control.get<{ accounts: Account[] }>("/_sandbox/accounts"),
		control.get<{ apps: AppRow[] }>("/_sandbox/apps"),
	]);
	return { state, accounts, apps };
}

/* What a tab needs of the page around it. */
export interface TabProps {
	world: World;
	reload: () => void; /* something was changed */
}

/* One action at a time: busy while it runs, its problem until the next one. */
export function useAction() {
	const [busy, setBusy] = useState("");
	const [problem, setProblem] = useState<Problem | null>(null);
	const run = async (name: string, action: () => Promise<unknown>): Promise<boolean> => {
		if (busy)
			return false;
		setBusy(name);
		setProblem(null);
		try {
			await action();
			return true;
		} catch (e) {
			setProblem(problemOf(e));
			return false;
		} finally {
			setBusy("");
		}
	};
	return { busy, problem, run, forget: () => setProblem(null) };
}

/* GETs path when the part appears, and again on reload(). */
export function useControl<T>(path: string) {
	const [data, setData] = useState<T | null>(null);
	const [problem, setProblem] = useState<Problem | null>(null);
	const [round, setRound] = useState(0);
	useEffect(() => {
		let gone = false;
		control.get<T>(path).then(
			(d) => {
				if (!gone) {
					setData(d);
					setProblem(null);
				}
			},
			(e) => !gone && setProblem(problemOf(e)));
		return () => {
			gone = true;
		};
	}, [path, round]);
	return { data, problem, reload: () => setRound((n) => n + 1) };
}
