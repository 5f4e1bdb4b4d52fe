/* account.tsx - header, account menu, change of password. */
import type { ComponentChildren } from "preact";
import { useRef, useState } from "preact/hooks";
import { type Problem, problemOf } from "../shared/api";
import { navigate, useLocation } from "../shared/router";
import {
	AccountMenu, announce, Button, Dialog, focusFirstError, ProblemNotice, TextField, ThemeSwitch, TopBar,
} from "../shared/ui";
import { api, BASE, type Session } from "./model";

function PasswordDialog({ onClose }: { onClose: () => void }) {
	const [current, setCurrent] = useState("");
	const [next, setNext] = useState("");
	const [busy, setBusy] = useState(false);
	const [problem, setProblem] = useState<Problem | null>(null);
	const form = useRef<HTMLFormElement>(null);
	const submit = async (e: Event) => {
		e.preventDefault();
		setBusy(true);
		setProblem(null);
		try {
			await api.post(`${BASE}/password`, { current, new: next });
			announce("The password was changed");
			onClose();
		} catch (err) {
			setProblem(problemOf(err));
			setBusy(false);
			focusFirstError(form.current);
		}
	};
	const at = (field: string) => problem?.field === field
		? [problem.detail, problem.todo].filter(Boolean).join(" ") : undefined;
	return (
		<Dialog title="Change your password" onClose={onClose}>
			<form class="stack" ref={form} onSubmit={(e) => void submit(e)} noValidate>
				{problem && !problem.field && <ProblemNotice problem={problem} />}
				<TextField label="Current password" type="password" autocomplete="current-password" autofocus
					value={current} onInput={setCurrent} error={at("current")} />
				<TextField label="New password" type="password" autocomplete="new-password"
					value={next} onInput={setNext} error={at("new")} />
				<div class="actions">
					<Button type="submit" kind="primary" busy={busy}
						disabled={current === "" || next === ""}>Change it</Button>
					<Button onClick={onClose}>Keep the old one</Button>
				</div>
			</form>
		</Dialog>
	);
}

const NAV = [
	{ href: "/tokens", label: "Access Tokens" },
	{ href: "/keys", label: "API Keys" },
	{ href: "/activity", label: "Activity" },
	{ href: "/notifications", label: "Notifications" },
];

export interface FrameProps {
	session: Session;
	onSession: (s: Session) => void;
	children: ComponentChildren;
}

/* Header and footer around every page. */
export function Frame({ session, onSession, children }: FrameProps) {
	const { path } = useLocation();
	const [changing, setChanging] = useState(false);
	const [problem, setProblem] = useState<Problem | null>(null);
	const signOut = async () => {
		setProblem(null);
		/* Going to the list first asks about unsaved work. */
		await navigate("/tokens");
		if (location.pathname !== "/tokens")
			return;
		try {
			onSession(api.adopt(await api.post<Session>(`${BASE}/sign-out`)));
		} catch (e) {
			setProblem(problemOf(e));
		}
	};
	const { user } = session;
	const nav = user ? NAV.map((n) => ({ ...n,
		current: path.startsWith(n.href) || (path === "/" && n.href === "/tokens") })) : [];
	return (
		<>
			<TopBar mark="V" product="valetkey" home={user ? "/tokens" : undefined} nav={nav}>
				{user ? (
					<AccountMenu initials={user.username.slice(0, 2).toUpperCase()} name={user.username}
						detail={<>Signed in as <strong>{user.username}</strong></>}>
						<button type="button" onClick={() => setChanging(true)}>Change your password</button>
						<button type="button" onClick={() => void signOut()}>Sign out</button>
					</AccountMenu>
				) : <ThemeSwitch />}
			</TopBar>
			{problem && (
				<div class="page">
					<p><b>You are still signed in.</b></p>
					<ProblemNotice problem={problem} onClose={() => setProblem(null)} />
				</div>
			)}
			{children}
			<footer class="foot">valetkey {session.version}</footer>
			{changing && <PasswordDialog onClose={() => setChanging(false)} />}
		</>
	);
}
