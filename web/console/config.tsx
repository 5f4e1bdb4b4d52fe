/* config.tsx - Access Token Configuration: the screen that works before anything is stored.
 *
 * The form knows two lives: a new token (a received one is saved by Done) and a saved one (Reconnect is
 * applied by the manager at once, Done saves the rest). Nothing typed is lost by any outcome. */
import { useEffect, useRef, useState } from "preact/hooks";
import { type Problem, problemOf } from "../shared/api";
import { navigate, setLeaveGuard } from "../shared/router";
import { serverNow } from "../shared/time";
import {
	Button, Checkbox, ConfirmDialog, CopyButton, focusFirstError, Link, Notice, ProblemNotice, Skeleton, TextField,
} from "../shared/ui";
import { TokenActivity } from "./activity";
import { type LiveToken, StatusCard, TokenField, UseIt, WaitingPanel } from "./config-parts";
import { type Connector, type ConnectState, type Question, type Trouble, useConnector } from "./connect";
import {
	baseline, changesOf, connectErrors, connectInput, type Draft, type DraftField, type Errors, follow, isStale, nameError,
	plausible, type Refusal, sameDraft, saveRefusal,
} from "./draft";
import { Guide, type Progress } from "./guide";
import { useLive } from "./live";
import { api, at, BASE, type Provider, type TestResult, type Token } from "./model";
import { accountWords, useLoad, useTitle } from "./ui";

const PLACES = ["name", "app_key", "app_secret", "redirect_uri", "scopes"];
const AGAIN_MS = 15000;

function troubleWords(t: Trouble): string {
	return [t.detail, t.todo].filter(Boolean).join(" ");
}

function problemWords(p: Problem): string {
	return [p.detail, p.todo].filter(Boolean).join(" ");
}

function errorAt(field: DraftField | "redirect_uri", errors: Errors, state: ConnectState): string | undefined {
	return errors[field] ?? (state.trouble?.field === field ? troubleWords(state.trouble) : undefined);
}

interface FieldsProps {
	draft: Draft;
	saved: boolean;
	provider: Provider;
	error: (f: DraftField | "redirect_uri") => string | undefined;
	onInput: (f: DraftField, value: string) => void;
	onCopied: () => void;
}

/* The secret's own toggle is "Show": "Reveal" belongs to the token, which is fetched for it. */
function AppSecret({ p }: { p: FieldsProps }) {
	const [open, setOpen] = useState(false);
	return (
		<TextField label="App Secret" mono type={open ? "text" : "password"} value={p.draft.app_secret}
			onInput={(v) => p.onInput("app_secret", v)} error={p.error("app_secret")} maxLength={256}
			placeholder={p.saved ? "Stored. Type a new one only to replace it." : undefined}
			after={<Button icon="eye" disabled={p.draft.app_secret === ""} onClick={() => setOpen(!open)}>
				{open ? "Hide" : "Show"}</Button>} />
	);
}

function Fields(p: FieldsProps) {
	const { draft, error, onInput, provider } = p;
	return (
		<>
			<TextField label="Token Name" value={draft.name} onInput={(v) => onInput("name", v)}
				error={error("name")} hint="Letters, numbers and spaces. Programs ask for it by this name." />
			<TextField label="Description" multiline optional value={draft.description} maxLength={1000}
				onInput={(v) => onInput("description", v)} />
			<TextField label="App Key" mono value={draft.app_key} onInput={(v) => onInput("app_key", v)}
				error={error("app_key")} maxLength={256} />
			<AppSecret p={p} />
			<div onCopy={p.onCopied}>
				<TextField label="Redirect URI" mono readOnly value={provider.redirect_uri} error={error("redirect_uri")}
					hint={`Add exactly this to the app's redirect URIs in ${provider.name}.`}
					after={<CopyButton text={provider.redirect_uri} onCopied={p.onCopied} />} />
			</div>
			<TextField label="Scopes" mono optional value={draft.scopes} onInput={(v) => onInput("scopes", v)}
				error={error("scopes")} maxLength={2000}
				hint="Separated by spaces. Empty asks for everything the app may do." />
		</>
	);
}

function TestLine({ result }: { result: TestResult | string | null }) {
	if (result === null)
		return <div role="status" class="test-line" />;
	const r = typeof result === "string" ? { ok: false, message: result, todo: "", account: null } : result;
	const who = r.account && !r.message.includes(r.account.name) ? ` Account: ${accountWords(r.account)}.` : "";
	return (
		<div role="status" class="test-line">
			<Notice kind={r.ok ? "ok" : "warn"}><p>{[r.message, r.todo].filter(Boolean).join(" ")}{who}</p></Notice>
		</div>
	);
}

function useLeaveQuestion(dirty: boolean) {
	const [ask, setAsk] = useState<((leave: boolean) => void) | null>(null);
	useEffect(() => {
		setLeaveGuard(dirty ? () => new Promise((resolve) => setAsk(() => resolve)) : null);
		return () => setLeaveGuard(null);
	}, [dirty]);
	const answer = (leave: boolean) => {
		ask?.(leave);
		setAsk(null);
	};
	return ask && (
		<ConfirmDialog title="Leave without saving?" confirm="Leave" keep="Keep editing" danger
			onClose={() => answer(false)} onConfirm={() => answer(true)}>
			<p>What you typed or received here has not been saved.</p>
		</ConfirmDialog>
	);
}

interface FormProps {
	provider: Provider;
	token: Token | null;
	onToken: (t: Token) => void;
}

/* What the screen can do at the server; the state stays in the hook below. */
async function askTest(path: string | null): Promise<TestResult | string> {
	if (!path)
		return "There is no access token to test yet. Choose Get OAuth2 Access Token first.";
	try {
		return await api.post<TestResult>(`${path}/test`);
	} catch (e) {
		return problemWords(problemOf(e));
	}
}

async function store(draft: Draft, seen: Draft, token: Token | null, connection: string | undefined): Promise<void> {
	if (!token) {
		const text = { name: draft.name.trim(), description: draft.description, lazy: draft.lazy };
		await api.post(`${BASE}/tokens`, { connection, ...text });
		return;
	}
	const changes = changesOf(draft, seen);
	if (changes)
		await api.patch(at("tokens", token.id), changes);
}

/* What is typed and what is wrong with it. */
function useDraft(provider: Provider, token: Token | null) {
	const [{ draft, seen }, setBoth] = useState(() => {
		const base = baseline(provider, token);
		return { draft: base, seen: base };
	});
	const setDraft = (next: (d: Draft) => Draft) => setBoth((b) => ({ ...b, draft: next(b.draft) }));
	/* From now on what is stored is what the person saw, and what they typed goes over it. */
	const look = (t: Token) => setBoth((b) => {
		const now = baseline(provider, t);
		return { draft: follow(b.draft, b.seen, now).draft, seen: now };
	});
	useEffect(() => setBoth((b) => follow(b.draft, b.seen, baseline(provider, token))), [provider, token]);
	const [errors, setErrors] = useState<Errors>({});
	const [problem, setProblem] = useState<Problem | null>(null);
	const root = useRef<HTMLFormElement>(null);
	const refuse = (r: Refusal) => {
		setErrors(r.errors);
		setProblem(r.sentence ? { status: 0, title: "", ...r.sentence } : null);
		focusFirstError(root.current);
	};
	const refuseProblem = (p: Problem) => {
		const placed = p.field !== undefined && PLACES.includes(p.field);
		setErrors(placed ? { [p.field!]: problemWords(p) } : {});
		setProblem(placed ? null : p);
		focusFirstError(root.current);
	};
	const input = (field: DraftField, value: string) => {
		setDraft((d) => ({ ...d, [field]: value }));
		setErrors((e) => ({ ...e, [field]: undefined }));
	};
	const setLazy = (lazy: boolean) => setDraft((d) => ({ ...d, lazy }));
	return { setLazy, draft, seen, look, setDraft, errors, problem, setProblem, root, refuse, refuseProblem, input };
}

/* Everything the screen knows and can do; ConfigForm draws it. */
function useConfig({ provider, token, onToken }: FormProps) {
	const connector = useConnector(provider.name);
	const form = useDraft(provider, token);
	const [copied, setCopied] = useState(false);
	const [saving, setSaving] = useState(false);
	const [testing, setTesting] = useState(false);
	const [test, setTest] = useState<TestResult | string | null>(null);
	const { state } = connector;
	const { got } = state;
	const { draft, seen } = form;
	const base = baseline(provider, token);
	const stale = got !== null && token === null && isStale(draft, got);

	/* A Reconnect is applied already: show what is stored now. */
	useEffect(() => {
		if (!got || !token)
			return;
		form.setDraft((d) => ({ ...d, app_key: got.input.app_key, app_secret: "", scopes: got.input.scopes }));
		connector.keep();
		api.get<{ token: Token }>(at("tokens", token.id))
			.then((r) => onToken(r.token), (e) => form.setProblem(problemOf(e)));
	}, [got]);

	const reload = async (id: string) => {
		try {
			const now = (await api.get<{ token: Token }>(at("tokens", id))).token;
			onToken(now);
			form.look(now);
		} catch {
			return; /* the refusal says what matters */
		}
	};
	const input = (field: DraftField, value: string) => {
		form.input(field, value);
		connector.clearTrouble(field);
	};
	const connect = () => {
		const errors = connectErrors(draft, token !== null);
		form.refuse({ errors });
		setTest(null);
		if (Object.keys(errors).length === 0)
			void connector.start(connectInput(draft, provider, token));
	};
	const runTest = async () => {
		setTesting(true);
		setTest(null);
		const result = await askTest(token ? at("tokens", token.id) : got ? at("connections", got.id) : null);
		setTesting(false);
		setTest(result);
		if (typeof result !== "string" && result.token)
			onToken(result.token);
	};
	const save = async () => {
		const refusal = saveRefusal({ draft, base, saved: token !== null, received: got !== null, stale });
		if (refusal) {
			form.refuse(refusal);
			return;
		}
		setSaving(true);
		try {
			await store(draft, seen, token, got?.id);
			connector.keep();
			await navigate("/tokens", { force: true });
		} catch (e) {
			const p = problemOf(e);
			if (token && p.code === "changed-meanwhile")
				await reload(token.id);
			form.refuseProblem(p);
			setSaving(false);
		}
	};
	const dirty = !saving && (!sameDraft(draft, seen) || got !== null || state.attempt !== null || state.question !== null);
	return { ...form, connector, state, copied, setCopied, saving, testing, test, stale, dirty, input, connect,
		runTest, save };
}

/* Only a person can mend it: with Reconnect. */
function needsConsent(token: Token): boolean {
	return token.status === "needs_reauthorization" || token.status === "misconfigured";
}

function liveToken(state: ConnectState, token: Token | null, stale: boolean): LiveToken | null {
	const { got } = state;
	if (token)
		return { path: ["tokens", token.id], expires_at_ms: token.expires_at_ms, account: token.account,
			from_ms: token.last_refresh_ms ?? token.created_ms, warning: null, stale: false,
			stamp: `${token.updated_ms} ${token.expires_at_ms}` };
	return got && { path: ["connections", got.id], expires_at_ms: got.token.expires_at_ms,
		account: got.token.account, from_ms: got.received_ms, warning: got.token.warning, stale, stamp: got.id };
}

function HeldConsent({ connector, question }: { connector: Connector; question: Question }) {
	const [busy, setBusy] = useState(false);
	const use = () => {
		setBusy(true);
		void connector.decide(true).finally(() => setBusy(false));
	};
	const trouble = question.trouble && <p role="alert">{question.trouble}</p>;
	if (question.code !== "other-account")
		return (
			<ConfirmDialog title="Not stored yet" confirm="Use it" keep="Forget it" busy={busy}
				onClose={() => void connector.decide(false)} onConfirm={use}>
				<p>{question.detail}</p>
				<p>The consent is kept until you decide.</p>
				{trouble}
			</ConfirmDialog>
		);
	return (
		<ConfirmDialog title="Another account" confirm="Use it anyway" keep="Keep the former one" danger busy={busy}
			onClose={() => void connector.decide(false)} onConfirm={use}>
			<p>{question.detail} Use it anyway?</p>
			<p>Nothing has changed yet. Programs that use this access token would read and write in the other account.</p>
			{trouble}
		</ConfirmDialog>
	);
}

interface ConnectAreaProps {
	c: ReturnType<typeof useConfig>;
	token: Token | null;
	provider: Provider;
}

function ConnectArea({ c, token, provider }: ConnectAreaProps) {
	const saved = token !== null;
	const settled = saved && !needsConsent(token);
	const { trouble, notice, phase, got } = c.state;
	const busy = phase === "waiting" || phase === "exchanging";
	const ref = useRef<HTMLDivElement>(null);
	const placed = trouble !== null && trouble.field !== null && PLACES.includes(trouble.field);
	useEffect(() => {
		if (placed && phase === "failed")
			focusFirstError(c.root.current);
		else if (trouble || phase === "waiting" || got)
			ref.current?.scrollIntoView({ block: "nearest" });
	}, [trouble, phase, got]);
	return (
		<div class="stack-12" ref={ref}>
			{trouble && !placed && <Notice kind="error"><p>{troubleWords(trouble)}</p></Notice>}
			{notice && (
				<Notice kind="warn" live onClose={() => c.connector.dismissNotice()}><p>{troubleWords(notice)}</p></Notice>
			)}
			<div>
				<Button kind={got || (settled && !trouble) ? "plain" : "primary"} busy={phase === "starting"}
					onClick={c.connect}>
					{saved ? "Reconnect" : "Get OAuth2 Access Token"}
				</Button>
			</div>
			{c.state.question && <HeldConsent connector={c.connector} question={c.state.question} />}
			{busy && <WaitingPanel connector={c.connector} provider={provider.name} again={c.connect} />}
			{phase === "connected" && <Notice kind="ok" live>
				<p>{saved ? `${provider.name} is connected again.` : `${provider.name} sent the token. Choose Done to keep it.`}</p>
			</Notice>}
		</div>
	);
}

function progressOf(c: ReturnType<typeof useConfig>, p: FormProps, received: boolean): Progress {
	const fresh = received && p.token === null;
	return {
		keyed: plausible(c.draft, p.provider, p.token !== null),
		copied: (c.copied || received) && c.state.trouble?.field !== "redirect_uri",
		named: nameError(c.draft.name) === undefined,
		opened: c.state.opened,
		consented: c.state.phase === "exchanging" || fresh,
		received: fresh,
		renews: c.state.got?.token.has_refresh_token ?? true,
	};
}

function ConfigForm(p: FormProps) {
	const c = useConfig(p);
	const { provider, token } = p;
	const leaving = useLeaveQuestion(c.dirty);
	const live = liveToken(c.state, token, c.stale);
	const submit = (e: Event) => {
		e.preventDefault();
		void c.save();
	};
	const received = live !== null;
	const guided = token === null || needsConsent(token);
	return (
		<>
			{token && <StatusCard token={token} onToken={p.onToken} />}
			<div class="config">
				<form class="card card-pad stack" ref={c.root} onSubmit={submit} noValidate autocomplete="off">
					<Fields draft={c.draft} saved={token !== null} provider={provider} onInput={c.input}
						error={(f) => errorAt(f, c.errors, c.state)} onCopied={() => c.setCopied(true)} />
					<hr />
					<ConnectArea c={c} token={token} provider={provider} />
					<TokenField live={live}
						renewed={((token ?? c.state.got?.token)?.has_refresh_token ?? false) && !(token && (needsConsent(token) || token.lazy))} />
					<Checkbox label="Encrypt" checked disabled
						hint="Always on: secrets and tokens are sealed before they are stored, and there is no way to store them open." />
					<Checkbox label="Refresh only when a program asks" checked={c.draft.lazy} onChange={c.setLazy}
						hint="For tokens that are seldom used: nothing is refreshed meanwhile, and the first one to ask waits for it. A refresh token that would die unused is still used in time." />
					<hr />
					<TestLine result={c.test} />
					{c.problem && <ProblemNotice problem={c.problem} onClose={() => c.setProblem(null)} />}
					<div class="config-end">
						<Button busy={c.testing} onClick={() => void c.runTest()}>Test Connection</Button>
						<span class="grow" />
						<Button onClick={() => void navigate("/tokens")}>Cancel</Button>
						<Button type="submit" kind={live && !(token && needsConsent(token)) ? "primary" : "plain"}
							busy={c.saving}>Done</Button>
					</div>
				</form>
				{guided ? <Guide provider={provider} progress={progressOf(c, p, received)} /> : <UseIt token={token} />}
			</div>
			{leaving}
		</>
	);
}

interface ScreenProps {
	provider: string;
	token: Token | null;
	onToken: (t: Token) => void;
}

function Screen({ provider, token, onToken }: ScreenProps) {
	useTitle(token ? token.name : "New token");
	const { data, problem } = useLoad<{ providers: Provider[] }>(`${BASE}/providers`);
	const found = data?.providers.find((x) => x.id === provider);
	return (
		<main class="page">
			<div class="page-head">
				<div>
					<h1>Access Token Configuration</h1>
					<p class="muted">{found ? found.name : " "}{token && <> · {token.name}</>}</p>
				</div>
			</div>
			{problem && <ProblemNotice problem={problem} />}
			{!data && !problem && <div class="card card-pad"><Skeleton lines={8} /></div>}
			{data && !found && <Notice kind="error"><p>This manager does not know the kind of this token.</p></Notice>}
			{found && <ConfigForm provider={found} token={token} onToken={onToken} />}
			{found && token && <TokenActivity id={token.id} />}
		</main>
	);
}

export function NewToken({ provider }: { provider: string }) {
	return <Screen provider={provider} token={null} onToken={() => undefined} />;
}

export function SavedToken({ id }: { id: string }) {
	const { data, problem, setData, reload } = useLoad<{ now_ms: number; token: Token }>(at("tokens", id), AGAIN_MS);
	useLive(reload);
	if (data)
		return <Screen provider={data.token.provider} token={data.token}
			onToken={(token) => setData({ now_ms: serverNow(), token })} />;
	return (
		<main class="page">
			<div class="page-head"><h1>Access Token Configuration</h1></div>
			{problem ? (
				<div class="stack-12">
					<ProblemNotice problem={problem} />
					<p><Link href="/tokens">Go to Access Tokens</Link></p>
				</div>
			) : <div class="card card-pad"><Skeleton lines={8} /></div>}
		</main>
	);
}
