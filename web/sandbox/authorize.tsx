/* authorize.tsx - a program asks for access: sign in, the warning, the consent, the way back. */
import { useCallback, useEffect, useState } from "preact/hooks";
import { type Problem, problemOf } from "../shared/api";
import { Button, CopyButton, Icon, ProblemNotice, Skeleton } from "../shared/ui";
import { BeforeYouConnect } from "./before-connect";
import { ConsentCard } from "./consent";
import { ErrorPage } from "./error-page";
import { Layout } from "./layout";
import { RefusedCard } from "./refused";
import { api, useSession, useSignOut, useTitle } from "./session";
import { SignInPage } from "./sign-in";
import type { AuthorizeAnswer, AuthorizeStage, Consent, Refused } from "./types";

type Decision = "allow" | "cancel";

/* The server sends only registered addresses; anything but the web is refused here once more. */
function leaveTo(redirect: string): void {
	if (/^https?:\/\//i.test(redirect))
		location.replace(redirect);
	else
		throw new Error("the redirect is not a web address");
}

function Leaving() {
	return (
		<div class="narrow stack" role="status">
			<h1>Taking you back</h1>
			<p class="lead">This window goes back to the program that sent you here.</p>
		</div>
	);
}

function CodePage({ app, code }: { app: string; code: string }) {
	useTitle("Copy your code");
	return (
		<div class="card consent">
			<div class="consent-head">
				<span class="done-mark"><Icon name="check" /></span>
				<h1>One step left: copy this code</h1>
				<p class="lead">Paste it into <strong><bdi>{app}</bdi></strong> to finish connecting it.</p>
			</div>
			<div class="code-box">
				<output aria-label="Code">{code}</output>
				<CopyButton text={code} />
			</div>
			<p class="hint consent-foot">
				The code works once and for ten minutes. Give it to nobody but that program; then you
				can close this page.
			</p>
		</div>
	);
}

function Cancelled({ app }: { app: string }) {
	useTitle("Not connected");
	return (
		<div class="card consent">
			<div class="consent-head">
				<h1>Not connected</h1>
				<p class="lead"><strong><bdi>{app}</bdi></strong> got no access. You can close this page.</p>
			</div>
		</div>
	);
}

/* Sends the answer and goes where it leads. */
function useDecision(request: string) {
	const [busy, setBusy] = useState<Decision | null>(null);
	const [problem, setProblem] = useState<Problem | null>(null);
	const [answer, setAnswer] = useState<AuthorizeAnswer | null>(null);

	const decide = async (what: Decision) => {
		if (busy)
			return;
		setBusy(what);
		setProblem(null);
		try {
			const a = await api.post<AuthorizeAnswer>(
				`/_web/authorize/${encodeURIComponent(request)}/${what}`);
			setAnswer(a);
			if (a.redirect)
				leaveTo(a.redirect);
		} catch (e) {
			setProblem(problemOf(e));
			setBusy(null);
			setAnswer(null);
		}
	};
	return { busy, problem, answer, decide };
}

function Answered({ app, answer }: { app: string; answer: AuthorizeAnswer }) {
	if (answer.code)
		return <CodePage app={app} code={answer.code} />;
	return answer.cancelled ? <Cancelled app={app} /> : <Leaving />;
}

function ConsentSteps({ request, consent, onSwitch }: {
	request: string; consent: Consent; onSwitch: () => void;
}) {
	const [warned, setWarned] = useState(consent.app.status !== "development");
	const { busy, problem, answer, decide } = useDecision(request);
	if (answer)
		return <Answered app={consent.app.name} answer={answer} />;
	return (
		<>
			{problem && <ProblemNotice problem={problem} />}
			{warned
				? <ConsentCard consent={consent} busy={busy} onDecide={(w) => void decide(w)}
					onSwitch={onSwitch} />
				: <BeforeYouConnect consent={consent} busy={busy === "cancel"}
					onContinue={() => setWarned(true)} onBack={() => void decide("cancel")} />}
		</>
	);
}

function RefusedStep({ request, refused, onSwitch }: {
	request: string; refused: Refused; onSwitch: () => void;
}) {
	const { busy, problem, answer, decide } = useDecision(request);
	if (answer)
		return <Answered app="The app" answer={answer} />;
	return (
		<>
			{problem && <ProblemNotice problem={problem} />}
			<RefusedCard refused={refused} busy={busy !== null} onSwitch={onSwitch}
				onBack={() => void decide("cancel")} />
		</>
	);
}

export function Authorize({ request }: { request: string }) {
	const { session, setSession } = useSession();
	const signOut = useSignOut();
	const [stage, setStage] = useState<AuthorizeStage | null>(null);
	const [problem, setProblem] = useState<Problem | null>(null);

	const load = useCallback(async () => {
		try {
			const next = await api.get<AuthorizeStage>(`/_web/authorize/${encodeURIComponent(request)}`,
				{ expect401: true });
			setProblem(null);
			setStage(next);
			if (next.stage === "redirect")
				leaveTo(next.redirect);
		} catch (e) {
			setProblem(problemOf(e));
		}
	}, [request]);
	/* A new session has a new CSRF token, also when the same account signs in again. */
	useEffect(() => void load(), [load, session.csrf, session.account?.account_id]);

	if (problem) {
		const other = problem.status === 403 && session.account !== null;
		return <ErrorPage error={problem} action={other
			&& <Button onClick={() => void signOut()}>Use another account</Button>} />;
	}
	return (
		<Layout bare>
			{!stage && <div class="narrow"><Skeleton lines={6} /></div>}
			{stage?.stage === "sign_in" && <SignInPage app={stage.app.name} onSignedIn={setSession} />}
			{stage?.stage === "consent" && (
				<ConsentSteps key={stage.account.account_id} request={request} consent={stage}
					onSwitch={() => void signOut()} />
			)}
			{stage?.stage === "refused" && (
				<RefusedStep key={stage.account.account_id} request={request} refused={stage}
					onSwitch={() => void signOut()} />
			)}
			{stage?.stage === "redirect" && <Leaving />}
		</Layout>
	);
}
