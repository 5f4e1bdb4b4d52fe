/* sign-in.tsx - the sign-in form, alone on a page or over one whose session has ended. */
import { useRef, useState } from "preact/hooks";
import { type Problem, problemOf } from "../shared/api";
import { Button, focusFirstError, ProblemNotice, TextField } from "../shared/ui";
import { api, BASE, type Session } from "./model";
import { useTitle } from "./ui";

export function SignInForm({ onSignedIn }: { onSignedIn: (s: Session) => void }) {
	const [username, setUsername] = useState("");
	const [password, setPassword] = useState("");
	const [busy, setBusy] = useState(false);
	const [tried, setTried] = useState(false);
	const [problem, setProblem] = useState<Problem | null>(null);
	const form = useRef<HTMLFormElement>(null);

	const submit = async (e: Event) => {
		e.preventDefault();
		if (busy)
			return;
		setTried(true);
		setProblem(null);
		if (username.trim() === "" || password === "") {
			focusFirstError(form.current);
			return;
		}
		setBusy(true);
		try {
			onSignedIn(api.adopt(await api.post<Session>(`${BASE}/sign-in`,
				{ username: username.trim(), password }, { expect401: true })));
		} catch (err) {
			setProblem(problemOf(err));
			setBusy(false);
			form.current?.querySelector<HTMLInputElement>("input[type=password]")?.select();
		}
	};
	const missing = (value: string, words: string) => tried && value === "" ? words : undefined;
	return (
		<form class="stack" ref={form} onSubmit={(e) => void submit(e)} noValidate>
			{problem && <ProblemNotice problem={problem} />}
			<TextField label="Username" autocomplete="username" value={username} autofocus
				onInput={setUsername} error={missing(username.trim(), "Type your user name.")} />
			<TextField label="Password" type="password" autocomplete="current-password" value={password}
				onInput={setPassword} error={missing(password, "Type your password.")} />
			<Button type="submit" kind="primary" wide busy={busy}>Sign in</Button>
		</form>
	);
}

export function SignInPage({ onSignedIn }: { onSignedIn: (s: Session) => void }) {
	useTitle("Welcome");
	return (
		<main class="page page-narrow stack">
			<div class="stack-8">
				<h1>Welcome to valetkey</h1>
				<p class="muted">
					It gets OAuth 2.0 access tokens, keeps them sealed and fresh, and hands them to your
					programs.
				</p>
			</div>
			<div class="card card-pad">
				<SignInForm onSignedIn={onSignedIn} />
			</div>
			<p class="hint">The first sign-in was printed in the terminal where the manager was started.</p>
		</main>
	);
}
