/* sign-in.tsx - the sign-in form, alone on a page or over one whose session has ended. */
import { useState } from "preact/hooks";
import { sentences } from "../shared/api";
import { useSending } from "../shared/send";
import { Button, ProblemNotice, TextField } from "../shared/ui";
import { api, useTitle } from "./session";
import type { Session } from "./types";

export function SignInForm({ onSignedIn }: { onSignedIn: (s: Session) => void }) {
	const [email, setEmail] = useState("");
	const [password, setPassword] = useState("");
	const { form, busy, tried, problem, submit } = useSending(() => email.trim() !== "" && password !== "", async () =>
		onSignedIn(api.adopt(await api.post<Session>("/_web/sign-in", { email: email.trim(), password }, { expect401: true }))));
	const errorAt = (field: string, value: string, missing: string) => {
		if (tried && value === "")
			return missing;
		return problem?.field === field ? sentences(problem) : undefined;
	};
	return (
		<form class="stack" ref={form} onSubmit={submit} noValidate>
			{problem && !problem.field && <ProblemNotice problem={problem} />}
			<TextField label="Email" type="email" autocomplete="username" value={email} autofocus
				onInput={setEmail} error={errorAt("email", email.trim(), "Type the email of an account.")} />
			<TextField label="Password" type="password" autocomplete="current-password" value={password}
				onInput={setPassword} error={errorAt("password", password, "Type its password.")} />
			<Button type="submit" kind="primary" wide busy={busy}>Sign in</Button>
		</form>
	);
}

/* app: the program that waits for a consent, when there is one. */
export function SignInPage(p: { app?: string; onSignedIn: (s: Session) => void }) {
	useTitle("Welcome");
	return (
		<div class="narrow stack">
			<div>
				<h1>{p.app ? `Connect ${p.app}` : "Welcome to the sandbox"}</h1>
				<p class="lead">
					{p.app ? "First say which account it is to be connected to."
						: "Register an app, get its key and secret, and connect it: all on this machine."}
				</p>
			</div>
			<div class="card card-pad">
				<SignInForm onSignedIn={p.onSignedIn} />
			</div>
			<p class="hint">
				This is an offline sandbox with accounts of its own. Their emails and passwords were printed
				in the terminal where it was started.
			</p>
		</div>
	);
}
