/* app-settings.tsx - the Settings tab: what the app is, and everything that is set one by one. */
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { Button, ConfirmDialog, CopyButton, Notice, ProblemNotice, SecretField, TextField } from "../shared/ui";
import { appPath } from "./app-info";
import { DeleteApp } from "./delete-app";
import { GenerateToken } from "./generate-token";
import { type AppPartProps, ListField, Section, SettingChoice } from "./parts";
import { useSaving } from "./saving";
import { api } from "./session";
import { ACCESS_WORDS, API_WORDS, type App, STATUS_WORDS } from "./types";
import { Webhooks } from "./webhooks";

function Fact({ name, children }: { name: string; children: ComponentChildren }) {
	return (
		<div class="fact">
			<dt>{name}</dt>
			<dd>{children}</dd>
		</div>
	);
}

function AppStatus({ app, onChange }: AppPartProps) {
	const saving = useSaving();
	const [asking, setAsking] = useState(false);
	const live = app.status === "production";
	const put = async (status: string) => {
		const next = await saving.run(
			() => api.post<App>(`${appPath(app.app_key)}/settings`, { status }), "");
		setAsking(false);
		if (next)
			onChange(next);
	};
	return (
		<Fact name="Status">
			<div class="fact-row">
				<span class={live ? "pill pill-ok" : "pill"}>{STATUS_WORDS[app.status]}</span>
				{live
					? <Button small busy={saving.busy} onClick={() => void put("development")}>Back to development</Button>
					: <Button small onClick={() => setAsking(true)}>Apply for production</Button>}
			</div>
			<p class="hint">
				{live ? "Anybody may connect it, without a warning first."
					: "People are warned before they connect it."}
			</p>
			{saving.problem && <ProblemNotice problem={saving.problem} />}
			{asking && (
				<ConfirmDialog title="Apply for production?" confirm="Apply" keep="Not yet" busy={saving.busy}
					onClose={() => setAsking(false)} onConfirm={() => void put("production")}>
					<p>
						The real console looks at the app first, which takes days. The sandbox grants it at once,
						and lets you go back.
					</p>
				</ConfirmDialog>
			)}
		</Fact>
	);
}

function DevelopmentUsers({ app, onChange }: AppPartProps) {
	const saving = useSaving();
	const [asking, setAsking] = useState(false);
	const live = app.status === "production";
	const path = appPath(app.app_key);
	const run = async (call: () => Promise<App>) => {
		const next = await saving.run(call, "");
		setAsking(false);
		if (next)
			onChange(next);
	};
	return (
		<Fact name={live ? "Users" : "Development users"}>
			<div class="fact-row">
				<span>{live ? app.users_linked : `${app.users_linked} / ${app.users_max}`}</span>
				{!live && !app.more_users && (
					<Button small busy={saving.busy && !asking} onClick={() => void run(
						() => api.post<App>(`${path}/settings`, { more_users: true }))}>
						Enable additional users
					</Button>
				)}
				{app.users_linked > 0 && (
					<Button small onClick={() => setAsking(true)}>Unlink all users</Button>
				)}
			</div>
			{!live && (
				<p class="hint">
					{app.more_users ? "Additional users are enabled." : "Only you can connect it, until you enable others."}
				</p>
			)}
			{saving.problem && <ProblemNotice problem={saving.problem} />}
			{asking && (
				<ConfirmDialog title="Unlink all users?" confirm="Unlink them" keep="Keep them" danger
					busy={saving.busy} onClose={() => setAsking(false)}
					onConfirm={() => void run(() => api.post<App>(`${path}/unlink`))}>
					<p>Every token of {app.name} stops working at once, and everybody has to agree again.</p>
				</ConfirmDialog>
			)}
		</Fact>
	);
}

function Facts({ app, onChange }: AppPartProps) {
	return (
		<dl class="card facts">
			<AppStatus app={app} onChange={onChange} />
			<DevelopmentUsers app={app} onChange={onChange} />
			<Fact name="Permission type">
				{API_WORDS[app.api]}, {ACCESS_WORDS[app.access]}
				<p class="hint">
					{app.access === "full" ? "It may see all files and folders of whoever connects it."
						: "It sees one folder, made for it when somebody connects it."}
				</p>
			</Fact>
			{app.folder_name && (
				<Fact name="App folder name">
					{app.folder_name}
					<p class="hint">Inside Apps, in the files of whoever connects it.</p>
				</Fact>
			)}
			<Fact name="Owner">{app.owner_email}</Fact>
		</dl>
	);
}

function Credentials({ app }: { app: App }) {
	const saving = useSaving();
	const [asking, setAsking] = useState(false);
	const [turn, setTurn] = useState(0);
	const path = `${appPath(app.app_key)}/secret`;
	const fetchSecret = async () => {
		saving.clear();
		return (await api.post<{ app_secret: string }>(path)).app_secret;
	};
	const rotate = async () => {
		const done = await saving.run(() => api.post(`${path}/rotate`),
			"Replaced. Put the new one into your program.");
		setAsking(false);
		if (done)
			setTurn(turn + 1);
	};
	return (
		<Section title="Credentials" hint="Your program proves with these two that it is this app.">
			<TextField label="App key" value={app.app_key} readOnly mono
				after={(labelId) => <CopyButton text={app.app_key} describedBy={labelId} />} />
			<div class="list-field">
				<SecretField label="App secret" present fetchValue={fetchSecret} revealWord="Show" copy
					onError={(e) => void saving.run(() => Promise.reject(e), "")} stamp={`${app.app_key} ${turn}`}
					hint="Keep it to yourself: whoever has it can pose as this app." />
				<div class="btn-inset">
					<Button kind="quiet" small onClick={() => setAsking(true)}>Replace it with a new one</Button>
				</div>
				{saving.problem && <ProblemNotice problem={saving.problem} />}
				{saving.saved && <Notice kind="ok" live><p>{saving.saved}</p></Notice>}
			</div>
			{asking && (
				<ConfirmDialog title="Make a new secret?" confirm="Replace it" keep="Keep the old one" danger
					busy={saving.busy} onClose={() => setAsking(false)} onConfirm={() => void rotate()}>
					<p>
						The old one is refused from that moment on, in your programs too. Tokens that were given
						out stay as they are; people are asked once more when they connect again.
					</p>
				</ConfirmDialog>
			)}
		</Section>
	);
}

function OAuth({ app, onChange }: AppPartProps) {
	return (
		<Section title="OAuth 2" hint="Where people go back to, once they have agreed or declined, and what they bring.">
			<ListField app={app} onChange={onChange} label="Redirect URIs" values={app.redirect_uris}
				path="redirect-uris" field="uri" add="Add" placeholder="https://"
				hint="Must be https, except on localhost. It has to match to the letter, the path too."
				missing="Paste the address that your program shows as its redirect URI."
				added="Saved. People can be sent back there now."
				deleted="Deleted. Nobody is sent back there any more." />
			<SettingChoice app={app} onChange={onChange} name="public_clients"
				label="Allow public clients (Implicit Grant & PKCE)"
				value={app.public_clients ? "allow" : "disallow"} done="Saved."
				options={[{ value: "allow", label: "Allow", send: true },
					{ value: "disallow", label: "Disallow", send: false }]}
				hint="For programs that cannot keep a secret: a page in a browser, an app on a phone." />
			<GenerateToken app={app} onChange={onChange} />
			<SettingChoice app={app} onChange={onChange} name="token_life" label="Access token expiration"
				value={app.token_life} done="Saved. It counts for tokens from now on."
				options={[{ value: "short", label: "Short-lived", send: "short" },
					{ value: "none", label: "No expiration", send: "none" }]}
				hint={app.token_life === "short" ? "Four hours; with offline access a program renews them by itself."
					: "Of the past: a token that never ends is one that can be stolen for good."} />
		</Section>
	);
}

function Domains({ app, onChange }: AppPartProps) {
	return (
		<Section title="Chooser, Saver and Embedder" hint="The sites whose pages may offer them under this app's key.">
			<ListField app={app} onChange={onChange} label="Domains" values={app.domains} path="domains"
				field="domain" add="Add domain" placeholder="www.example.com"
				hint="A host name, with a port if it is not the usual one." missing="Type the domain of your site."
				added="Saved." deleted="Deleted." />
		</Section>
	);
}

export function AppSettings({ app, onChange }: AppPartProps) {
	return (
		<div class="settings">
			<div class="stack">
				<Credentials app={app} />
				<OAuth app={app} onChange={onChange} />
				<Webhooks app={app} />
				<Domains app={app} onChange={onChange} />
			</div>
			<div class="stack">
				<Facts app={app} onChange={onChange} />
				<DeleteApp app={app} />
			</div>
		</div>
	);
}
