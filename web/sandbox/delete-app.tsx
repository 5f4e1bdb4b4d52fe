/* delete-app.tsx - ending an app for good: folded away, and confirmed by typing its name. */
import { useState } from "preact/hooks";
import { navigate } from "../shared/router";
import { useSending } from "../shared/send";
import { Button, Dialog, ProblemNotice, TextField } from "../shared/ui";
import { appPath } from "./app-info";
import { api } from "./session";
import type { App } from "./types";

function ConfirmDelete({ app, onClose }: { app: App; onClose: () => void }) {
	const [typed, setTyped] = useState("");
	const [wrong, setWrong] = useState(false);
	const isIt = () => {
		setWrong(typed.trim() !== app.name);
		return typed.trim() === app.name;
	};
	const { form, busy, problem, submit } = useSending(isIt, async () => {
		await api.del(appPath(app.app_key));
		await navigate("/developers/apps");
	});
	return (
		<Dialog title={`Delete ${app.name}?`} onClose={onClose}>
			<p>Every token it was given stops working at once. This cannot be undone.</p>
			<form ref={form} onSubmit={submit} noValidate>
				<TextField label="Type its name" value={typed} autofocus
					error={wrong ? `That is not its name. Type ${app.name} to go on.` : undefined}
					onInput={(v) => { setTyped(v); setWrong(false); }} />
				{problem && <ProblemNotice problem={problem} />}
				<div class="actions">
					<Button type="submit" kind="danger" busy={busy}>Delete for good</Button>
					<Button onClick={onClose}>Keep it</Button>
				</div>
			</form>
		</Dialog>
	);
}

/* Its buttons are in the page only while it is unfolded. */
export function DeleteApp({ app }: { app: App }) {
	const [open, setOpen] = useState(false);
	const [asking, setAsking] = useState(false);
	return (
		<details class="card danger-zone" open={open} onToggle={(e) => setOpen(e.currentTarget.open)}>
			<summary>Delete app</summary>
			{open && (
				<div class="danger-body">
					<p class="hint">It disappears from the accounts of everybody who connected it.</p>
					<Button kind="danger" small onClick={() => setAsking(true)}>Delete app…</Button>
				</div>
			)}
			{asking && <ConfirmDelete app={app} onClose={() => setAsking(false)} />}
		</details>
	);
}
