/* main.tsx - starts the manager's pages: session, sign-in, and which page the address means. */
import "../shared/base.css";
import "./console.css";
import { render } from "preact";
import { useEffect, useState } from "preact/hooks";
import { type Problem, problemOf } from "../shared/api";
import { readBoot } from "../shared/boot";
import { match, navigate, useLocation } from "../shared/router";
import { startTheme } from "../shared/theme";
import { Dialog, Link, ProblemNotice } from "../shared/ui";
import { Frame } from "./account";
import { ActivityPage } from "./activity";
import { AddToken } from "./add";
import { type CallbackBoot, CallbackPage } from "./callback";
import { NewToken, SavedToken } from "./config";
import { ConfirmItIsYou } from "./confirm";
import { KeysPage } from "./keys";
import { api, type Session } from "./model";
import { NotificationsPage } from "./notifications";
import { SignInForm, SignInPage } from "./sign-in";
import { TokenList } from "./tokens";
import { useTitle, Verdict } from "./ui";

interface AppBoot {
	page: "app";
	public_url: string;
}

interface ErrorBoot {
	page: "error";
	public_url?: string;
	status: number;
	title: string;
	detail: string;
	todo: string;
	request_id: string;
}

type Boot = AppBoot | ErrorBoot | CallbackBoot;

function ErrorPage({ error }: { error: Omit<ErrorBoot, "page"> }) {
	useTitle(error.title);
	return (
		<main class="page page-narrow">
			<Verdict ok={false} title={error.title} detail={error.detail} todo={error.todo}>
				{error.request_id && <p class="request-id">Request {error.request_id}</p>}
				<p><Link href="/tokens">Go to Access Tokens</Link></p>
			</Verdict>
		</main>
	);
}

const NOT_FOUND = {
	status: 404,
	title: "There is no such page",
	detail: "The address leads nowhere on this manager.",
	todo: "Check it for a typing error.",
	request_id: "",
};

function AppPages() {
	const { path } = useLocation();
	const saved = match("/tokens/{id}", path);
	const fresh = match("/tokens/new/{provider}", path);
	switch (path) {
	case "/":
	case "/tokens":
		return <TokenList />;
	case "/sign-in":
		return <GoToList />;
	case "/tokens/new":
		return <AddToken />;
	case "/keys":
		return <KeysPage />;
	case "/activity":
		return <ActivityPage />;
	case "/notifications":
		return <NotificationsPage />;
	}
	if (fresh)
		return <NewToken key={fresh.provider} provider={fresh.provider} />;
	return saved ? <SavedToken key={saved.id} id={saved.id} /> : <ErrorPage error={NOT_FOUND} />;
}

function GoToList() {
	useEffect(() => void navigate("/tokens", { replace: true }), []);
	return null;
}

/* A question over the page that calls wait for; those that come meanwhile wait for the same one. */
function useQuestion(hook: "onSignedOut" | "onConfirm") {
	const [asked, setAsked] = useState<{ resolve: (mended: boolean) => void } | null>(null);
	useEffect(() => {
		let open: Promise<boolean> | null = null;
		api[hook] = () => {
			open ??= new Promise<boolean>((resolve) => setAsked({ resolve })).finally(() => {
				open = null;
			});
			return open;
		};
	}, []);
	const answer = (mended: boolean) => {
		asked?.resolve(mended);
		setAsked(null);
	};
	return { asked: asked !== null, answer };
}

/* When a session ends under an open page, the form is shown over it and the page goes on after. */
function Root({ boot, first }: { boot: AppBoot | ErrorBoot; first: Session }) {
	const { path } = useLocation();
	const [firstPath] = useState(path);
	const [session, setSession] = useState(first);
	const signIn = useQuestion("onSignedOut");
	const confirm = useQuestion("onConfirm");
	const finish = (next: Session | null) => {
		if (next)
			setSession(next);
		signIn.answer(next !== null);
	};
	const page = boot.page === "error" && path === firstPath ? <ErrorPage error={boot} />
		: session.user ? <AppPages /> : <SignInPage onSignedIn={setSession} />;
	return (
		<Frame session={session} onSession={setSession}>
			{page}
			{confirm.asked && session.user && (
				<ConfirmItIsYou username={session.user.username} onDone={confirm.answer} />
			)}
			{signIn.asked && (
				<Dialog title="Your session has ended" onClose={() => finish(null)}>
					<p>Sign in again to go on. What you typed is still there.</p>
					<SignInForm onSignedIn={finish} />
				</Dialog>
			)}
		</Frame>
	);
}

function Unreachable({ problem }: { problem: Problem }) {
	return <main class="page page-narrow"><ProblemNotice problem={problem} /></main>;
}

/* Cookies and the redirect URI belong to one origin; "localhost" must become what the manager is called.
 * True: the browser is on its way. */
function goToOwnOrigin(boot: Boot): boolean {
	if (boot.page === "callback" || !boot.public_url)
		return false;
	const own = new URL(boot.public_url).origin;
	if (own === location.origin)
		return false;
	location.replace(own + location.pathname + location.search);
	return true;
}

async function start(): Promise<void> {
	startTheme();
	const root = document.getElementById("app");
	if (!root)
		return;
	try {
		const boot = readBoot<Boot>();
		if (goToOwnOrigin(boot))
			return;
		if (boot.page === "callback")
			render(<CallbackPage boot={boot} />, root);
		else
			render(<Root boot={boot} first={await api.session()} />, root);
	} catch (e) {
		render(<Unreachable problem={problemOf(e)} />, root);
	}
}

void start();
