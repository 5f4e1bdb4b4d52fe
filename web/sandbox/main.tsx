/* main.tsx - starts the sandbox's pages: session, sign-in, and which page the address means. */
import "../shared/base.css";
import "./sandbox.css";
import { render } from "preact";
import { useEffect, useMemo, useState } from "preact/hooks";
import { type Problem, problemOf } from "../shared/api";
import { readBoot } from "../shared/boot";
import { match, navigate, useLocation } from "../shared/router";
import { startTheme } from "../shared/theme";
import { Dialog, ProblemNotice } from "../shared/ui";
import { AppInfo } from "./app-info";
import { Authorize } from "./authorize";
import { ConnectedApps } from "./connected-apps";
import { ControlPage } from "./control/page";
import { CreateApp } from "./create-app";
import { ErrorPage, NotFound } from "./error-page";
import { Layout } from "./layout";
import { MyApps } from "./my-apps";
import { api, SessionContext, useAway, useSession } from "./session";
import { SharedLinkPage } from "./shared-link";
import { SignInForm, SignInPage } from "./sign-in";
import { SignedIn } from "./signed-in";
import type { Boot, Session } from "./types";

const HOME = "/developers/apps";
const CONTROL = "/_sandbox"; /* a page of its own, without the session of the others */

function GoHome() {
	useEffect(() => void navigate(HOME, { replace: true }), []);
	return null;
}

function AppPages() {
	const { session, setSession } = useSession();
	const { path } = useLocation();
	const away = useAway();
	if (!session.account)
		return <Layout><SignInPage onSignedIn={setSession} /></Layout>;
	if (away)
		return path === "/" || path === "/login" ? <SignedIn /> : <NotFound />;
	const info = match("/developers/apps/info/{key}", path);
	if (info)
		return <AppInfo key={info.key} appKey={info.key} />;
	switch (path) {
	case "/":
	case "/login":
		return <GoHome />;
	case HOME:
		return <MyApps />;
	case "/developers/apps/create":
		return <CreateApp />;
	case "/account/connected_apps":
		return <ConnectedApps />;
	default:
		return <NotFound />;
	}
}

/* An error page stays until the person goes somewhere else. */
function Page({ boot }: { boot: Boot }) {
	const { path } = useLocation();
	const [first] = useState(path);
	if (boot.page === "authorize")
		return <Authorize request={boot.request} />;
	if (boot.page === "link" && path === first)
		return <SharedLinkPage link={boot} />;
	if (boot.page === "error" && path === first)
		return <ErrorPage error={boot} nav={boot.status === 404} />;
	return <AppPages />;
}

type Waiting = { resolve: (signedIn: boolean) => void };

/* When a session ends under an open page, the form is shown over it and the page goes on after. */
function Root({ boot, first }: { boot: Boot; first: Session }) {
	const [session, setSession] = useState(first);
	const [waiting, setWaiting] = useState<Waiting | null>(null);
	const state = useMemo(() => ({ session, setSession }), [session]);
	useEffect(() => {
		let open: Promise<boolean> | null = null;
		api.onSignedOut = () => {
			open ??= new Promise<boolean>((resolve) => setWaiting({ resolve })).finally(() => {
				open = null;
			});
			return open;
		};
	}, []);

	const finish = (next: Session | null) => {
		waiting?.resolve(next !== null);
		setWaiting(null);
		setSession(next ?? { ...session, account: null });
	};
	return (
		<SessionContext.Provider value={state}>
			<Page boot={boot} />
			{waiting && (
				<Dialog title="Your session has ended" stay onClose={() => finish(null)}>
					<p>Sign in again to go on; what you typed is still there.</p>
					<SignInForm onSignedIn={finish} />
				</Dialog>
			)}
		</SessionContext.Provider>
	);
}

function Unreachable({ problem }: { problem: Problem }) {
	return <main class="page"><div class="narrow"><ProblemNotice problem={problem} /></div></main>;
}

async function start(): Promise<void> {
	startTheme();
	const root = document.getElementById("app");
	if (!root)
		return;
	if (location.pathname === CONTROL) {
		render(<ControlPage />, root);
		return;
	}
	try {
		const boot = readBoot<Boot>();
		render(<Root boot={boot} first={await api.session()} />, root);
	} catch (e) {
		render(<Unreachable problem={problemOf(e)} />, root);
	}
}

void start();
