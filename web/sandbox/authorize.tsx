/* authorize.tsx - a program asks for access: sign in, the warning, the consent, the way back. */
import { useCallback, useEffect, useState } from "preact/hooks";
import { type Problem, problemOf } from "../shared/api";
import { Button, CopyButton, ProblemNotice, Skeleton, TextField } from "../shared/ui";
import { BeforeYouConnect } from "./before-connect";
import { ConsentCard } from "./consent";
import { ErrorPage } from "./error-page";
import { Layout } from "./layout";
import { api, useSession, useSignOut } from "./session";
import { SignInPage } from "./sign-in";
import type { AuthorizeAnswer, AuthorizeStage, Consent } from "./types";

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

function CodePage({ code }: { code: string }) {
	return (
		<div class="narrow stack">
			<h1>Copy this code</h1>
			<p class="lead">Paste it into the program that sent you here. It can be used once, and soon.</p>
			<TextField label="Code" value={code} readOnly mono
				after={(labelId) => <CopyButton text={code} describedBy={labelId} />} />
		</div>
	);
}

function ConsentSteps({ request, consent, onSwitch }: {
	request: string; consent: Consent; onSwitch: () => void;
}) {
	const [warned, setWarned] = useState(consent.app.status !== "development");
	const [busy, setBusy] = useState<"allow" | "cancel" | null>(null);
	const [problem, setProblem] = useState<Problem | null>(null);
	const [answer, setAnswer] = useState<AuthorizeAnswer | null>(null);

	const decide = async (what: "allow" | "cancel") => {
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
	if (answer?.code)
		return <CodePage code={answer.code} />;
	if (answer)
		return <Leaving />;
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
			{stage?.stage === "redirect" && <Leaving />}
		</Layout>
	);
}
