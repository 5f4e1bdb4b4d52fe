/* confirm.tsx - the password once more, before a secret is shown or made. */
import { useRef, useState } from "preact/hooks";
import { type Problem, problemOf, sentences } from "../shared/api";
import { Button, Dialog, focusFirstError, ProblemNotice, TextField } from "../shared/ui";
import { api, BASE } from "./model";

/* Over the page; what was asked for goes on after it by itself. */
export function ConfirmItIsYou({ username, onDone }: { username: string; onDone: (confirmed: boolean) => void }) {
	const [password, setPassword] = useState("");
	const [busy, setBusy] = useState(false);
	const [problem, setProblem] = useState<Problem | null>(null);
	const form = useRef<HTMLFormElement>(null);
	const refuse = (p: Problem) => {
		setProblem(p);
		setBusy(false);
		focusFirstError(form.current);
		form.current?.querySelector<HTMLInputElement>("input[type=password]")?.select();
	};
	const submit = async (e: Event) => {
		e.preventDefault();
		if (busy)
			return;
		setProblem(null);
		if (password === "") {
			refuse({ status: 0, title: "", detail: "Type your password.", field: "password" });
			return;
		}
		setBusy(true);
		try {
			await api.post(`${BASE}/confirm`, { password });
			onDone(true);
		} catch (err) {
			refuse(problemOf(err));
		}
	};
	const placed = problem?.field === "password";
	return (
		<Dialog title="Is it still you?" onClose={() => onDone(false)}>
			<form class="stack-16" ref={form} onSubmit={(e) => void submit(e)} noValidate>
				<p>
					You signed in as <b>{username}</b> a while ago. Before a secret is shown or made, type your password
					again; it is not asked for in the next ten minutes.
				</p>
				{problem && !placed && <ProblemNotice problem={problem} />}
				<input type="text" hidden autocomplete="username" value={username} readOnly />
				<TextField label="Your password" type="password" autocomplete="current-password" autofocus
					value={password} onInput={setPassword} error={placed ? sentences(problem) : undefined} />
				<div class="actions">
					<Button type="submit" kind="primary" busy={busy}>Confirm</Button>
					<Button onClick={() => onDone(false)}>Cancel</Button>
				</div>
			</form>
		</Dialog>
	);
}
