/* redirect-uris.tsx - the addresses people may be sent back to after they agree. */
import { useRef, useState } from "preact/hooks";
import { type Problem, problemOf, sentences } from "../shared/api";
import { Button, focusFirstError, Notice, ProblemNotice, TextField } from "../shared/ui";
import { appPath } from "./app-info";
import type { AppPartProps } from "./app-settings";
import { api } from "./session";
import type { App } from "./types";

function Row(p: { uri: string; index: number; only: boolean; busy: boolean; onDelete: () => void }) {
	const id = `uri-${p.index}`;
	return (
		<li class="uri">
			<code id={id}>{p.uri}</code>
			<Button kind="quiet" small busy={p.busy} describedBy={id} onClick={p.onDelete}
				label={p.only ? undefined : `Delete ${p.uri}`}>Delete</Button>
		</li>
	);
}

export function RedirectUris({ app, onChange }: AppPartProps) {
	const [uri, setUri] = useState("");
	const [error, setError] = useState("");
	const [problem, setProblem] = useState<Problem | null>(null);
	const [saved, setSaved] = useState("");
	const [busy, setBusy] = useState<string | null>(null);
	const form = useRef<HTMLFormElement>(null);

	const send = async (what: string, path: string, value: string, done: string) => {
		setBusy(what);
		setError("");
		setProblem(null);
		setSaved("");
		try {
			onChange(await api.post<App>(`${appPath(app.app_key)}/${path}`, { uri: value }));
			setSaved(done);
			return true;
		} catch (e) {
			const p = problemOf(e);
			if (path === "redirect-uris" && (p.field === "uri" || p.status === 409)) {
				setError(sentences(p));
				focusFirstError(form.current);
			} else {
				setProblem(p);
			}
			return false;
		} finally {
			setBusy(null);
		}
	};
	const add = async (e: Event) => {
		e.preventDefault();
		if (busy !== null)
			return;
		if (uri.trim() === "") {
			setError("Paste the address that your program shows as its redirect URI.");
			focusFirstError(form.current);
		} else if (await send("", "redirect-uris", uri.trim(), "Saved. People can be sent back there now.")) {
			setUri("");
		}
	};
	const remove = (value: string) => {
		if (busy === null)
			void send(value, "redirect-uris/remove", value, "Deleted. Nobody is sent back there any more.");
	};
	return (
		<section class="card card-pad stack">
			<div>
				<h2>OAuth 2</h2>
				<p class="hint">Where people go back to, once they have agreed or declined.</p>
			</div>
			<form ref={form} onSubmit={(e) => void add(e)} noValidate>
				<TextField label="Redirect URIs" mono value={uri} error={error || undefined}
					onInput={(v) => { setUri(v); setError(""); }} placeholder="https://"
					after={<Button type="submit" busy={busy === ""}>Add</Button>}
					hint="Must be https, except on localhost. It has to match to the letter, the path too." />
			</form>
			{app.redirect_uris.length > 0 && (
				<ul class="uris">
					{app.redirect_uris.map((u, i) => (
						<Row key={u} uri={u} index={i} only={app.redirect_uris.length === 1}
							busy={busy === u} onDelete={() => remove(u)} />
					))}
				</ul>
			)}
			{problem && <ProblemNotice problem={problem} />}
			{saved && <Notice kind="ok" live><p>{saved}</p></Notice>}
		</section>
	);
}
