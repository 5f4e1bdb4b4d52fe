/* app-settings.tsx - the Settings tab: what the app is, its key and secret, its redirect URIs. */
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { type Problem, problemOf } from "../shared/api";
import { CopyButton, ProblemNotice, SecretField, TextField } from "../shared/ui";
import { appPath } from "./app-info";
import { DeleteApp } from "./delete-app";
import { RedirectUris } from "./redirect-uris";
import { api } from "./session";
import { ACCESS_WORDS, type App } from "./types";

export interface AppPartProps {
	app: App;
	onChange: (app: App) => void;
}

function Fact({ name, children }: { name: string; children: ComponentChildren }) {
	return (
		<div class="fact">
			<dt>{name}</dt>
			<dd>{children}</dd>
		</div>
	);
}

function Facts({ app }: { app: App }) {
	const users = app.users_linked === 1 ? "1 person has" : `${app.users_linked} people have`;
	return (
		<dl class="card facts">
			<Fact name="Status">
				<span class="pill">{app.status === "development" ? "Development" : app.status}</span>
				<p class="hint">{users} connected it.</p>
			</Fact>
			<Fact name="Permission type">
				{ACCESS_WORDS[app.access]}
				<p class="hint">
					{app.access === "full" ? "It may see all files and folders of whoever connects it."
						: "It sees one folder, made for it when somebody connects it."}
				</p>
			</Fact>
			{app.folder_name && (
				<Fact name="Folder name">
					{app.folder_name}
					<p class="hint">Inside Apps, in the files of whoever connects it.</p>
				</Fact>
			)}
			<Fact name="Owner">{app.owner_email}</Fact>
		</dl>
	);
}

function Credentials({ app }: { app: App }) {
	const [problem, setProblem] = useState<Problem | null>(null);
	const fetchSecret = async () => {
		setProblem(null);
		return (await api.post<{ app_secret: string }>(`${appPath(app.app_key)}/secret`)).app_secret;
	};
	return (
		<section class="card card-pad stack">
			<div>
				<h2>Credentials</h2>
				<p class="hint">Your program proves with these two that it is this app.</p>
			</div>
			<TextField label="App key" value={app.app_key} readOnly mono
				after={(labelId) => <CopyButton text={app.app_key} describedBy={labelId} />} />
			<SecretField label="App secret" present fetchValue={fetchSecret} revealWord="Show" copy
				onError={(e) => setProblem(problemOf(e))} stamp={app.app_key}
				hint="Keep it to yourself: whoever has it can pose as this app." />
			{problem && <ProblemNotice problem={problem} />}
		</section>
	);
}

export function AppSettings({ app, onChange }: AppPartProps) {
	return (
		<div class="settings">
			<div class="stack">
				<Credentials app={app} />
				<RedirectUris app={app} onChange={onChange} />
			</div>
			<div class="stack">
				<Facts app={app} />
				<DeleteApp app={app} />
			</div>
		</div>
	);
}
