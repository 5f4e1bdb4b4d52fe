/* sign-in.tsx - the sign-in form, alone on a page or over one whose session has ended. */
import { useState } from "preact/hooks";
import { useSending } from "../shared/send";
import { Button, ProblemNotice, TextField } from "../shared/ui";
import { api, BASE, type Session } from "./model";
import { useTitle } from "./ui";

export function SignInForm({ onSignedIn }: { onSignedIn: (s: Session) => void }) {
	const [username, setUsername] = useState("");
	const [password, setPassword] = useState("");
	const { form, busy, tried, problem, submit } = useSending(() => username.trim() !== "" && password !== "", async () => {
		try {
			onSignedIn(api.adopt(await api.post<Session>(`${BASE}/sign-in`,
				{ username: username.trim(), password }, { expect401: true })));
		} catch (e) {
			form.current?.querySelector<HTMLInputElement>("input[type=password]")?.select();
			throw e;
		}
	});
	const missing = (value: string, words: string) => tried && value === "" ? words : undefined;
	return (
		<form class="stack" ref={form} onSubmit={submit} noValidate>
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
