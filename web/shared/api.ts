/* api.ts - calls to the page's own server: session, CSRF header, problem documents as typed errors.
 *
 * A failed call always throws ApiError, also when no answer came, so that a page has one thing to show. */
import { syncClock } from "./time";

export interface Problem {
	status: number;
	title: string;
	detail: string;
	todo?: string;
	code?: string;
	field?: string;
	request_id?: string;
}

export class ApiError extends Error {
	constructor(readonly problem: Problem) {
		super(problem.detail);
	}
}

export interface SessionBase {
	csrf: string;
	now_ms?: number;
}

const NO_ANSWER: Problem = {
	status: 0,
	code: "no-answer",
	title: "No answer",
	detail: "The server did not answer.",
	todo: "Check that it is still running, then try again.",
};

/* What any thrown thing says to a person. */
export function problemOf(e: unknown): Problem {
	if (e instanceof ApiError)
		return e.problem;
	return { ...NO_ANSWER, code: "page-failed", title: "Something failed on this page",
		detail: "This page ran into a fault of its own.", todo: "Reload the page and try again." };
}

/* What happened and what to do, for an error at a field. */
export function sentences(p: Problem): string {
	return p.todo ? `${p.detail} ${p.todo}` : p.detail;
}

function isRecord(v: unknown): v is Record<string, unknown> {
	return typeof v === "object" && v !== null && !Array.isArray(v);
}

function isSignedIn(session: object): boolean {
	const s = session as Record<string, unknown>;
	return Boolean(s.account ?? s.user);
}

/* The session without what changes by itself. */
function whoIs(session: SessionBase): string {
	return JSON.stringify({ ...session, csrf: "", now_ms: 0 });
}

function text(v: unknown): string | undefined {
	return typeof v === "string" && v !== "" ? v : undefined;
}

function readProblem(status: number, body: unknown): Problem {
	const b = isRecord(body) ? body : {};
	return {
		status,
		title: text(b.title) ?? "The request failed",
		detail: text(b.detail) ?? text(b.title) ?? `The server answered with status ${status}.`,
		todo: text(b.todo),
		code: text(b.code),
		field: text(b.field),
		request_id: text(b.request_id),
	};
}

async function readJson(reply: Response): Promise<unknown> {
	try {
		return await reply.json();
	} catch {
		return undefined;
	}
}

export interface CallOptions {
	/* A 401 is the answer itself (the sign-in form) and not a sign that the session ended. */
	expect401?: boolean;
	signal?: AbortSignal;
}

export class Api<S extends SessionBase> {
	private csrf = "";
	private who = "";
	/* Called when the session has ended: shows the sign-in form and resolves to true once
	 * somebody is signed in again; the call that failed is then repeated. */
	onSignedOut: (() => Promise<boolean>) | null = null;
	/* Called when a secret is asked for and the password was given too long ago: asks for it and
	 * resolves to true once it was right. */
	onConfirm: (() => Promise<boolean>) | null = null;

	/* tokenOnReads: the server wants the CSRF token for reading too, and tells it once only. */
	constructor(private readonly sessionPath: string, private readonly tokenOnReads = false) {}

	async session(): Promise<S> {
		return this.adopt(await this.get<S>(this.sessionPath));
	}

	/* Takes over the CSRF token of a session object (sign-in and sign-out return a new one). */
	adopt(session: S): S {
		this.csrf = session.csrf;
		this.who = whoIs(session);
		return session;
	}

	/* Another tab may have renewed or ended the session. Never goes on as somebody else by itself:
	 * what this page shows was decided as the person who was signed in when it was drawn. */
	private async renewed(opt?: CallOptions): Promise<boolean> {
		const now = await this.get<S>(this.sessionPath);
		if (now.csrf === this.csrf)
			return false;
		if (whoIs(now) === this.who) {
			this.adopt(now);
			return true;
		}
		if (isSignedIn(now) || !this.onSignedOut)
			return false;
		this.adopt(now);
		/* The sign-in form's own call must not wait for a sign-in. */
		return opt?.expect401 || this.onSignedOut();
	}

	get<T>(path: string, opt?: CallOptions): Promise<T> {
		return this.call<T>("GET", path, undefined, opt);
	}

	post<T>(path: string, body: object = {}, opt?: CallOptions): Promise<T> {
		return this.call<T>("POST", path, body, opt);
	}

	put<T>(path: string, body: object, opt?: CallOptions): Promise<T> {
		return this.call<T>("PUT", path, body, opt);
	}

	patch<T>(path: string, body: object, opt?: CallOptions): Promise<T> {
		return this.call<T>("PATCH", path, body, opt);
	}

	del<T = void>(path: string, opt?: CallOptions): Promise<T> {
		return this.call<T>("DELETE", path, undefined, opt);
	}

	private async call<T>(method: string, path: string, body?: object, opt?: CallOptions): Promise<T> {
		try {
			return await this.once<T>(method, path, body, opt);
		} catch (e) {
			if (!(e instanceof ApiError) || !(await this.mended(e.problem, method, path, opt)))
				throw e;
			return this.once<T>(method, path, body, opt);
		}
	}

	/* Whether the cause of a refusal is gone, so that one more attempt makes sense. */
	private async mended(p: Problem, method: string, path: string,
		opt?: CallOptions): Promise<boolean> {
		if (path === this.sessionPath)
			return false;
		if (p.status === 401 && !opt?.expect401 && this.onSignedOut)
			return this.onSignedOut();
		if (p.code === "reauthentication-required" && this.onConfirm)
			return this.onConfirm();
		return p.status === 403 && !p.field && method !== "GET" && !this.tokenOnReads &&
			this.renewed(opt);
	}

	private async once<T>(method: string, path: string, body?: object, opt?: CallOptions): Promise<T> {
		const headers: Record<string, string> = { Accept: "application/json" };
		if (method !== "GET" || this.tokenOnReads)
			headers["X-CSRF-Token"] = this.csrf;
		if (body !== undefined)
			headers["Content-Type"] = "application/json";
		let reply: Response;
		try {
			reply = await fetch(path, { method, headers, credentials: "same-origin", cache: "no-store",
				redirect: "error", signal: opt?.signal,
				body: body === undefined ? undefined : JSON.stringify(body) });
		} catch {
			throw new ApiError(NO_ANSWER);
		}
		const json = reply.status === 204 ? undefined : await readJson(reply);
		if (!reply.ok)
			throw new ApiError(readProblem(reply.status, json));
		if (isRecord(json) && typeof json.now_ms === "number")
			syncClock(json.now_ms);
		return json as T;
	}
}
