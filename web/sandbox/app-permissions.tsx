/* app-permissions.tsx - the Permissions tab: which scopes the app may ask for. */
import { useMemo, useState } from "preact/hooks";
import { type Problem, problemOf } from "../shared/api";
import { Button, Checkbox, Icon, ProblemNotice } from "../shared/ui";
import { appPath } from "./app-info";
import type { AppPartProps } from "./app-settings";
import { api } from "./session";
import type { App, AppScope } from "./types";

const GROUPS: { title: string; has: (scope: string) => boolean }[] = [
	{ title: "Account", has: (s) => s.startsWith("account_info.") },
	{ title: "Files and folders", has: (s) => /^files\.(metadata|content)\./.test(s) },
	{ title: "Collaboration", has: (s) => /^(sharing|file_requests|contacts)\./.test(s) },
	{ title: "OpenID", has: (s) => ["openid", "profile", "email"].includes(s) },
	{ title: "Team", has: () => true },
];

/* What a scope is of no use without. */
function needs(scope: string): string[] {
	if (scope === "profile" || scope === "email")
		return ["openid"];
	const found = scope.endsWith(".write") ? [scope.replace(/write$/, "read")] : [];
	if (scope.startsWith("files.content."))
		found.push("files.metadata.read");
	return found.filter((s) => s !== "files.content.read");
}

/* Ticking a scope ticks what it needs; taking one away takes what needs it. */
function toggled(granted: Set<string>, scopes: AppScope[], scope: string, on: boolean): Set<string> {
	const next = new Set(granted);
	const known = new Set(scopes.map((s) => s.scope));
	const put = (s: string) => {
		if (next.has(s) || !known.has(s))
			return;
		next.add(s);
		needs(s).forEach(put);
	};
	const take = (s: string) => {
		next.delete(s);
		[...next].filter((other) => needs(other).includes(s)).forEach(take);
	};
	(on ? put : take)(scope);
	return next;
}

function grouped(scopes: AppScope[]) {
	return GROUPS.map((g) => ({
		title: g.title,
		scopes: scopes.filter((s) => GROUPS.find((h) => h.has(s.scope)) === g),
	})).filter((g) => g.scopes.length > 0);
}

export function AppPermissions({ app, onChange }: AppPartProps) {
	const initial = () => new Set(app.scopes.filter((s) => s.granted).map((s) => s.scope));
	const [granted, setGranted] = useState(initial);
	const [busy, setBusy] = useState(false);
	const [saved, setSaved] = useState(false);
	const [problem, setProblem] = useState<Problem | null>(null);
	const groups = useMemo(() => grouped(app.scopes), [app]);

	const submit = async (e: Event) => {
		e.preventDefault();
		if (busy)
			return;
		setBusy(true);
		setSaved(false);
		setProblem(null);
		try {
			const next = await api.post<App>(`${appPath(app.app_key)}/scopes`, { scopes: [...granted] });
			onChange(next);
			setGranted(new Set(next.scopes.filter((s) => s.granted).map((s) => s.scope)));
			setSaved(true);
		} catch (err) {
			setProblem(problemOf(err));
		} finally {
			setBusy(false);
		}
	};
	const change = (scope: string) => (on: boolean) => {
		setGranted((g) => toggled(g, app.scopes, scope, on));
		setSaved(false);
	};
	return (
		<form class="stack" onSubmit={(e) => void submit(e)}>
			<p class="secondary">
				What this app may ask people for. Tokens given out before a change keep what they had.
			</p>
			<div class="scope-groups">
				{groups.map((g) => (
					<fieldset class="card card-pad scopes" key={g.title}>
						<legend class="visually-hidden">{g.title}</legend>
						<h2 aria-hidden="true">{g.title}</h2>
						{g.scopes.map((s) => (
							<Checkbox key={s.scope} label={s.scope} checked={granted.has(s.scope) || s.fixed}
								disabled={s.fixed} onChange={change(s.scope)}
								hint={s.fixed ? `${s.title.replace(/\.$/, "")}. Every app has this one.` : s.title} />
						))}
					</fieldset>
				))}
			</div>
			{problem && <ProblemNotice problem={problem} />}
			<div class="actions sticky-actions">
				<Button type="submit" kind="primary" busy={busy}>Submit</Button>
				<span role="status" class="saved">
					{saved && <><Icon name="check" />Saved. New consents ask for these.</>}
				</span>
			</div>
		</form>
	);
}
