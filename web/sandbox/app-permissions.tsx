/* app-permissions.tsx - the Permissions tab: which scopes the app may ask for. */
import { useMemo, useState } from "preact/hooks";
import { Button, Checkbox, Icon, Notice, ProblemNotice } from "../shared/ui";
import { appPath } from "./app-info";
import type { AppPartProps } from "./parts";
import { useSaving } from "./saving";
import { api } from "./session";
import type { App, AppScope } from "./types";
import { Unsaved } from "./unsaved";

const GROUPS: { title: string; has: (s: AppScope) => boolean }[] = [
	{ title: "Account Info", has: (s) => s.scope.startsWith("account_info.") },
	{ title: "Files and folders", has: (s) => /^files\.(metadata|content)\./.test(s.scope) },
	{ title: "Collaboration", has: (s) => /^(sharing|file_requests|contacts)\./.test(s.scope) },
	{ title: "OpenID", has: (s) => ["openid", "profile", "email"].includes(s.scope) },
	{ title: "Team information and data", has: (s) => /^team_(info|data)\./.test(s.scope) },
	{ title: "Team files", has: (s) => s.team && s.scope.startsWith("files.") },
	{ title: "Members, groups and activity", has: (s) => s.team },
];

/* Ticking a scope ticks what it needs; taking one away takes what needs it. The rest of the change is
 * what else happened, for telling. */
function toggled(granted: Set<string>, scopes: AppScope[], scope: string, on: boolean): [Set<string>, string[]] {
	const next = new Set(granted);
	const also: string[] = [];
	const put = (name: string) => {
		const found = scopes.find((s) => s.scope === name);
		if (!found || next.has(name))
			return;
		next.add(name);
		also.push(name);
		if (found.needs)
			put(found.needs);
	};
	const take = (name: string) => {
		if (next.delete(name))
			also.push(name);
		scopes.filter((s) => s.needs === name && next.has(s.scope)).forEach((s) => take(s.scope));
	};
	(on ? put : take)(scope);
	return [next, also.filter((s) => s !== scope)];
}

/* The group titles follow the console's; the halves are people's own data and a team's. */
function grouped(scopes: AppScope[], team: boolean) {
	return GROUPS.map((g) => ({
		title: g.title,
		scopes: scopes.filter((s) => s.team === team && GROUPS.find((h) => h.has(s)) === g),
	})).filter((g) => g.scopes.length > 0);
}

type Group = ReturnType<typeof grouped>[number];

function GroupCard({ group, granted, onChange }: {
	group: Group; granted: Set<string>; onChange: (scope: string, on: boolean) => void;
}) {
	return (
		<fieldset class="card card-pad scopes">
			<legend class="visually-hidden">{group.title}</legend>
			<h3 aria-hidden="true">{group.title}</h3>
			{group.scopes.map((s) => (
				<Checkbox key={s.scope} label={s.scope} checked={granted.has(s.scope) || s.fixed}
					disabled={s.fixed} onChange={(on) => onChange(s.scope, on)}
					hint={s.fixed ? `${s.title}. Every app has this one.` : s.title} />
			))}
		</fieldset>
	);
}

function grantedOf(app: App): Set<string> {
	return new Set(app.scopes.filter((s) => s.granted || s.fixed).map((s) => s.scope));
}

function sameSet(a: Set<string>, b: Set<string>): boolean {
	return a.size === b.size && [...a].every((s) => b.has(s));
}

function note(on: boolean, scope: string, also: string[]): string {
	if (also.length === 0)
		return "";
	const names = also.join(", ");
	return on ? `Also ticked: ${names}. ${scope} needs it.` : `Also taken away: ${names}, which needs ${scope}.`;
}

export function AppPermissions({ app, onChange }: AppPartProps) {
	const [granted, setGranted] = useState(() => grantedOf(app));
	const [also, setAlso] = useState("");
	const saving = useSaving();
	const team = app.api === "business";
	const own = useMemo(() => grouped(app.scopes, false), [app]);
	const teams = useMemo(() => grouped(app.scopes, true), [app]);
	const changed = !sameSet(granted, grantedOf(app));

	const submit = async (e: Event) => {
		e.preventDefault();
		setAlso("");
		const next = await saving.run(
			() => api.post<App>(`${appPath(app.app_key)}/scopes`, { scopes: [...granted] }),
			"Saved. New consents ask for these.");
		if (!next)
			return;
		onChange(next);
		setGranted(grantedOf(next));
	};
	const change = (scope: string, on: boolean) => {
		const [next, more] = toggled(granted, app.scopes, scope, on);
		setGranted(next);
		setAlso(note(on, scope, more));
		saving.clear();
	};
	return (
		<form class="stack" onSubmit={(e) => void submit(e)}>
			<Unsaved changed={changed} save="Submit" />
			<Notice kind="info">
				<p>
					What this app may ask people for. Tokens given out before a change do not gain what you
					add; people have to agree again. What you take away, they lose at once.
				</p>
			</Notice>
			<div>
				<h2 class="scopes-title">Individual Scopes</h2>
				<div class="scope-groups">
					{own.map((g) => <GroupCard key={g.title} group={g} granted={granted} onChange={change} />)}
				</div>
				{team && (
					<>
						<h2 class="scopes-title">Team Scopes</h2>
						<p class="hint scopes-hint">An app that asks for one of these is connected by an administrator, for the whole team.</p>
						<div class="scope-groups">
							{teams.map((g) => <GroupCard key={g.title} group={g} granted={granted} onChange={change} />)}
						</div>
					</>
				)}
			</div>
			{saving.problem && <ProblemNotice problem={saving.problem} />}
			<div class="actions sticky-actions">
				<Button type="submit" kind="primary" busy={saving.busy}>Submit</Button>
				<span role="status" class={saving.saved ? "saved" : "hint"}>
					{saving.saved ? <><Icon name="check" />{saving.saved}</>
						: also || (changed && "Not submitted yet.")}
				</span>
			</div>
		</form>
	);
}
