/* personalities.tsx - how an app's refresh tokens behave: as Dropbox's, or as another provider's. */
import { useState } from "preact/hooks";
import { sentences } from "../../shared/api";
import { Button, EmptyState, LetterMark, ProblemNotice, TextField } from "../../shared/ui";
import { type AppRow, control, type Personality, type TabProps, useAction } from "./client";
import { Select } from "./parts";

interface Preset {
	id: string;
	label: string;
	hint: string;
	value: Personality;
}

/* What each provider documents or was measured to do. */
const PRESETS: Preset[] = [
	{ id: "dropbox", label: "Dropbox, Google", hint: "The refresh token stays, however often it is used.", value: {} },
	{ id: "box", label: "Box", hint: "A new one each time; the old one gives the same pair until the new one is used, for at most 60 days.",
		value: { rotation: "grace", grace: { until: "r2_used", max_s: 5184000, repeat: "same" } } },
	{ id: "xero", label: "Xero", hint: "A new one each time; the old one works for half an hour.",
		value: { rotation: "grace", grace: { until: "seconds", max_s: 1800 } } },
	{ id: "withings", label: "Withings", hint: "The old one works until the new access token is used, for at most eight hours.",
		value: { rotation: "grace", grace: { until: "access_used", max_s: 28800 } } },
	{ id: "atlassian", label: "Atlassian", hint: "The old one works for ten minutes; after that, using it ends the whole family.",
		value: { rotation: "grace", grace: { until: "seconds", max_s: 600, after: "strict" } } },
	{ id: "github", label: "GitHub App", hint: "The old refresh token and the old access token are dead at once.",
		value: { rotation: "single", refresh_kills_access: true } },
	{ id: "auth0", label: "Auth0 without overlap", hint: "Using the old one ends the whole family.", value: { rotation: "strict" } },
	{ id: "spotify", label: "Spotify", hint: "The refresh token stays, and dies half a year after the consent.",
		value: { rotation: "none", refresh_token_max_age_s: 15552000, max_age_from: "consent" } },
	{ id: "absent", label: "Replies without expires_in", hint: "As Dropbox, but nobody says how long an access token lives.",
		value: { expires_in: "absent" } },
	{ id: "text", label: "expires_in as text", hint: "As Dropbox, but \"14400\" instead of 14400.", value: { expires_in: "text" } },
];

const OWN = "own";

/* The server leaves out what is the default, and says rotation and the whole grace always. */
function canonical(p: Personality): string {
	const grace = p.rotation === "grace"
		? { until: "seconds", max_s: 600, repeat: "new", after: "dead", ...(p.grace as object | undefined) } : undefined;
	const all: Personality = { rotation: "none", ...p, grace };
	if (all.max_age_from === "consent")
		delete all.max_age_from;
	return JSON.stringify(Object.entries(all).filter(([, v]) => v !== undefined).sort().map(([k, v]) =>
		[k, v !== null && typeof v === "object" ? Object.entries(v).sort() : v]));
}

function presetOf(p: Personality): string {
	return PRESETS.find((x) => canonical(x.value) === canonical(p))?.id ?? OWN;
}

function OwnEditor(p: { text: string; error?: string; busy: boolean; onText: (t: string) => void; onSave: () => void }) {
	return (
		<>
			<TextField label="Members, as JSON" mono multiline value={p.text} error={p.error} onInput={p.onText}
				hint="rotation, grace, refresh_kills_access, refresh_token_idle_s, refresh_token_max_age_s, max_age_from, expires_in, access_life_s" />
			<div class="actions control-actions">
				<Button kind="primary" busy={p.busy} onClick={p.onSave}>Save</Button>
			</div>
		</>
	);
}

function AppCard({ app, onChanged }: { app: AppRow; onChanged: () => void }) {
	const current = presetOf(app.personality);
	const [chosen, setChosen] = useState(current);
	const [text, setText] = useState(JSON.stringify(app.personality));
	const [notJson, setNotJson] = useState(false);
	const [saved, setSaved] = useState(false);
	const { busy, problem, run } = useAction();
	const save = (value: Personality) => {
		setSaved(false);
		void run("save", () => control.put(`/_sandbox/apps/${encodeURIComponent(app.app_key)}/personality`, value)).then((done) => {
			setSaved(done);
			if (done)
				onChanged();
		});
	};
	const choose = (id: string) => {
		setChosen(id);
		setSaved(false);
		const preset = PRESETS.find((x) => x.id === id);
		if (preset)
			save(preset.value);
	};
	const saveOwn = () => {
		try {
			const value = JSON.parse(text) as Personality;
			setNotJson(false);
			save(value);
		} catch {
			setNotJson(true);
		}
	};
	const hint = PRESETS.find((x) => x.id === chosen)?.hint ?? "A set of your own.";
	return (
		<li class="card card-pad control-card">
			<div class="control-app">
				<LetterMark name={app.name} />
				<div>
					<h2>{app.name}</h2>
					<p class="hint"><code>{app.app_key}</code> · {app.owner}</p>
				</div>
				{saved && <span class="saved" role="status">Saved</span>}
			</div>
			<Select label="Refresh tokens behave as at" value={chosen} hint={hint} onChange={choose}
				options={[...PRESETS.map((x) => ({ value: x.id, label: x.label })), { value: OWN, label: "A set of my own …" }]} />
			{chosen === OWN && (
				<OwnEditor text={text} busy={busy !== ""} onText={setText} onSave={saveOwn}
					error={notJson ? "This is no JSON. Check the quotes and braces." : problem ? sentences(problem) : undefined} />
			)}
			{chosen !== OWN && problem && <ProblemNotice problem={problem} />}
		</li>
	);
}

const SHOWN_MAX = 20;

export function PersonalitiesTab({ world, reload }: TabProps) {
	const [words, setWords] = useState("");
	const fits = world.apps.filter((a) =>
		`${a.name} ${a.app_key} ${a.owner}`.toLowerCase().includes(words.trim().toLowerCase()));
	if (world.apps.length === 0)
		return (
			<EmptyState title="There is no app yet" action={<a class="btn btn-primary" href="/developers/apps/create">Create App</a>}>
				<p class="secondary">Each app can behave as another provider's, so that a program is tried against all of them.</p>
			</EmptyState>
		);
	return (
		<div class="stack">
			<p class="lead control-lead">Each app can answer refreshes as another provider does, from the next request on.</p>
			{world.apps.length > 4 && <TextField label="Find an app" type="search" value={words} onInput={setWords} />}
			<ul class="control-cards">
				{fits.slice(0, SHOWN_MAX).map((a) => <AppCard key={a.app_key} app={a} onChanged={reload} />)}
			</ul>
			{fits.length > SHOWN_MAX && <p class="hint">{fits.length - SHOWN_MAX} more: search for their name or key.</p>}
		</div>
	);
}
