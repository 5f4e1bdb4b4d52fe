/* connect.ts - one connection attempt after another: the window, the waiting, the outcome.
 *
 * Three things can say that an attempt is over, and none is enough alone: the message of the callback
 * page (lost when the browser cuts pages apart), the manager's answer each second (the truth, late by
 * a second), and the window being closed (which a provider's isolation header can make look closed). So
 * the manager's answer always decides, and a success that comes after "closed" still counts. */
import { useEffect, useRef, useState } from "preact/hooks";
import { ApiError, problemOf } from "../shared/api";
import { serverNow } from "../shared/time";
import { type CallbackMessage, type Message, openChannel } from "./channel";
import { api, at, BASE, type Connection, type Probe, type Received, type Started } from "./model";

const WINDOW_FEATURES = "popup,width=640,height=780";
const POLL_MS = 1000;
/* Another tab may own the attempt that a message is about; it says so within this time. */
const OWNER_MS = 250;
const GRACE_MS = 5000;

export interface ConnectInput {
	provider: string;
	app_key: string;
	app_secret?: string;
	scopes: string;
	token_id?: string;
}

export interface Trouble {
	field: string | null;
	detail: string;
	todo: string;
}

export interface Got {
	id: string;
	input: ConnectInput;
	token: Received;
	received_ms: number;
}

/* A reconnect brought another account than the saved token's: nothing has changed yet. */
export interface Question {
	id: string;
	code: string; /* other-account, or not-applied: it could not be stored */
	detail: string;
	token: Received;
	trouble?: string; /* why it could not be used just now */
}

export type Phase = "idle" | "starting" | "waiting" | "exchanging" | "connected" | "failed" | "held";

export interface ConnectState {
	phase: Phase;
	attempt: Started | null;
	opened: boolean;         /* a window was sent to the provider at least once */
	blocked: boolean;        /* the browser refused to open the window */
	trouble: Trouble | null;
	notice: Trouble | null;  /* about a link that was not this screen's attempt */
	got: Got | null;
	question: Question | null;
}

const START: ConnectState = {
	phase: "idle", attempt: null, opened: false, blocked: false, trouble: null, notice: null, got: null,
	question: null,
};

const EXPIRED: Trouble = {
	field: null,
	detail: "This attempt has expired: the consent was not given within ten minutes.",
	todo: "Start it again with the button below and allow the app in the new window.",
};

const UNKNOWN: Trouble = {
	field: null,
	detail: "This attempt is no longer known here: it has expired or was replaced.",
	todo: "Start it again with the button below.",
};

function closedEarly(provider: string): Trouble {
	return {
		field: null,
		detail: `The ${provider} window was closed before it finished.`,
		todo: "Start it again with the button below and stay in the new window until it closes by itself.",
	};
}

/* An empty window that knows nothing of this one: the provider's pages must not reach what opened them. */
function openWindow(): Window | null {
	const popup = window.open("about:blank", "_blank", WINDOW_FEATURES);
	if (popup)
		popup.opener = null;
	return popup;
}

export class Connector {
	state: ConnectState = START;
	private ended: string | null = null; /* the attempt whose failure is shown */
	private run = 0; /* answers that belong to an older attempt are dropped */
	private popup: Window | null = null;
	private timer = 0;
	private polling = false;
	private channel: BroadcastChannel | null = null;
	private readonly claimed = new Set<string>();
	private input: ConnectInput | null = null;

	constructor(private readonly providerName: string, private readonly changed: () => void) {}

	attach(): void {
		this.channel = openChannel((m) => void this.onMessage(m));
	}

	/* The screen goes away: what was not saved is forgotten on the server too. */
	detach(): void {
		this.stop();
		this.popup?.close();
		this.channel?.close();
		this.channel = null;
		this.forget(this.state.attempt?.id);
		this.forget(this.state.got?.id);
		this.forget(this.state.question?.id);
	}

	/* The answer to the question: take the grant, or forget it. */
	async decide(use: boolean): Promise<void> {
		const { question } = this.state;
		if (!question)
			return;
		if (!use) {
			this.forget(question.id);
			this.set({ phase: "idle", question: null });
			return;
		}
		try {
			await api.post(`${at("connections", question.id)}/use`);
			this.connected(question.id, question.token);
		} catch (e) {
			const p = problemOf(e);
			if (p.status >= 500) /* it is held still */
				this.set({ question: { ...question, trouble: p.detail } });
			else
				this.fail({ field: null, detail: p.detail, todo: p.todo ?? "" });
		}
	}

	/* The received token was saved; nothing is left to forget. */
	keep(): void {
		this.set({ got: null, attempt: null });
	}

	dismissNotice(): void {
		this.set({ notice: null });
	}

	clearTrouble(field: string): void {
		if (this.state.trouble?.field === field)
			this.set({ trouble: null });
	}

	/* Must be called straight from a click: the browser lets no later code open a window. */
	async start(input: ConnectInput): Promise<void> {
		const before = this.state.attempt;
		this.stop();
		const run = this.run;
		this.popup?.close();
		this.popup = openWindow();
		this.input = input;
		this.forget(this.state.question?.id);
		this.set({ phase: "starting", attempt: null, trouble: null, notice: null, blocked: false, question: null });
		this.forget(before?.id);
		try {
			const attempt = await api.post<Started>(`${BASE}/connections`, input);
			if (run === this.run)
				this.wait(attempt);
			else
				this.forget(attempt.id);
		} catch (e) {
			if (run === this.run)
				this.startFailed(e);
		}
	}

	/* The link that is offered when the browser blocked the window. True: it was opened here. */
	openBlocked(): boolean {
		if (!this.state.attempt)
			return false;
		this.popup = openWindow();
		if (!this.popup)
			return false;
		this.popup.location.href = this.state.attempt.authorization_url;
		this.set({ blocked: false, opened: true });
		return true;
	}

	front(): void {
		this.popup?.focus();
	}

	private startFailed(e: unknown): void {
		this.popup?.close();
		this.popup = null;
		const p = problemOf(e);
		this.fail({ field: p.field ?? null, detail: p.detail, todo: p.todo ?? "" });
	}

	private wait(attempt: Started): void {
		const opened = this.popup !== null;
		if (this.popup && !this.popup.closed)
			this.popup.location.href = attempt.authorization_url;
		this.set({ phase: "waiting", attempt, blocked: !opened, opened: this.state.opened || opened });
		this.timer = window.setInterval(() => void this.tick(), POLL_MS);
		void this.probe(attempt.id);
	}

	/* The window shows the provider's own refusal, in the provider's words; this says it here, in the
	 * place of the field. A probe that itself fails says nothing: the window still tells. */
	private async probe(id: string): Promise<void> {
		try {
			const p = await api.post<Probe>(`${at("connections", id)}/probe`);
			if (!p.ok && this.state.attempt?.id === id)
				this.set({ trouble: { field: p.field, detail: p.detail, todo: p.todo } });
		} catch {
			return;
		}
	}

	private async tick(): Promise<void> {
		if (this.polling)
			return;
		this.polling = true;
		const closed = this.popup?.closed ?? false; /* before the question, so that an outcome wins */
		const run = this.run;
		await this.look();
		this.polling = false;
		if (run !== this.run || this.state.phase !== "waiting")
			return;
		if (closed)
			this.set({ phase: "failed", trouble: this.state.trouble ?? closedEarly(this.providerName) });
	}

	private async look(): Promise<void> {
		const { attempt } = this.state;
		const run = this.run;
		if (!attempt)
			return;
		if (serverNow() > attempt.expires_at_ms + GRACE_MS) {
			this.finish(EXPIRED);
			return;
		}
		try {
			const r = await api.get<{ connection: Connection }>(at("connections", attempt.id));
			if (run === this.run)
				this.take(r.connection);
		} catch (e) {
			if (run === this.run && e instanceof ApiError && e.problem.status === 404)
				this.finish(UNKNOWN);
		}
	}

	private take(c: Connection): void {
		if (c.status === "connected" && c.token)
			this.connected(c.id, c.token);
		else if (c.status === "held" && c.token && c.error)
			this.ask({ id: c.id, code: c.error.code, detail: c.error.detail, token: c.token });
		else if (c.status === "failed")
			this.finish(c.error ?? UNKNOWN);
		else if (c.status === "exchanging")
			this.set({ phase: "exchanging" });
	}

	private ask(question: Question): void {
		this.ended = question.id;
		this.stop();
		this.popup?.close();
		this.set({ phase: "held", attempt: null, trouble: null, notice: null, blocked: false, question });
	}

	private connected(id: string, token: Received): void {
		const older = this.state.got;
		this.stop();
		this.popup?.close();
		this.set({ phase: "connected", attempt: null, trouble: null, notice: null, blocked: false, question: null,
			got: { id, token, input: this.input!, received_ms: serverNow() } });
		if (older && older.id !== id)
			this.forget(older.id);
	}

	private finish(trouble: Trouble): void {
		this.ended = this.state.attempt?.id ?? null;
		this.stop();
		this.fail({ field: trouble.field, detail: trouble.detail, todo: trouble.todo });
	}

	private fail(trouble: Trouble): void {
		this.set({ phase: "failed", attempt: null, blocked: false, question: null, trouble });
	}

	private async onMessage(m: Message): Promise<void> {
		if (m.type === "oauth-ack") {
			if (m.owner && m.connection)
				this.claimed.add(m.connection);
			return;
		}
		const { attempt, got } = this.state;
		if (m.connection !== null && m.connection === attempt?.id)
			await this.ownMessage(m);
		else if (m.connection !== null && m.connection === got?.id)
			this.show(m, true);
		else if (m.connection !== null && m.connection === this.ended)
			this.ack(m, true); /* the question was faster than the message: it is said already */
		else if (m.outcome === "failed")
			setTimeout(() => this.foreignMessage(m), OWNER_MS);
	}

	private async ownMessage(m: CallbackMessage): Promise<void> {
		const run = this.run;
		this.ack(m, true);
		await this.look();
		if (m.outcome === "failed" && run === this.run && this.state.attempt?.id === m.connection)
			this.finish({ field: null, detail: m.detail, todo: m.todo });
	}

	private foreignMessage(m: CallbackMessage): void {
		if (m.connection === null || !this.claimed.has(m.connection))
			this.show(m, false);
	}

	private show(m: CallbackMessage, owner: boolean): void {
		this.ack(m, owner);
		if (m.outcome === "failed")
			this.set({ notice: { field: null, detail: m.detail, todo: m.todo } });
	}

	private ack(m: CallbackMessage, owner: boolean): void {
		this.channel?.postMessage({ type: "oauth-ack", connection: m.connection, owner });
	}

	private stop(): void {
		this.run++;
		clearInterval(this.timer);
	}

	private forget(id: string | undefined): void {
		if (id)
			api.del(at("connections", id)).catch(() => undefined);
	}

	private set(part: Partial<ConnectState>): void {
		this.state = { ...this.state, ...part };
		this.changed();
	}
}

export function useConnector(providerName: string): Connector {
	const [, redraw] = useState(0);
	const ref = useRef<Connector | null>(null);
	ref.current ??= new Connector(providerName, () => redraw((n) => n + 1));
	useEffect(() => {
		const c = ref.current!;
		c.attach();
		return () => c.detach();
	}, []);
	return ref.current;
}
