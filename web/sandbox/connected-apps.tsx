/* connected-apps.tsx - what the person signed in has connected, and how to end it. */
import { useState } from "preact/hooks";
import { type Problem, problemOf } from "../shared/api";
import { Button, ConfirmDialog, EmptyState, ExternalLink, Notice, ProblemNotice, Skeleton, Time } from "../shared/ui";
import { AppMark } from "./app-mark";
import { Layout } from "./layout";
import { api, useLoad, useTitle } from "./session";
import { ACCESS_WORDS, type ConnectedApp } from "./types";

function Row({ app, onEnd }: { app: ConnectedApp; onEnd: () => void }) {
	const id = `grant-${app.grant_id}`;
	return (
		<li class="row row-top">
			<AppMark name={app.name} iconId={app.icon_id} />
			<div class="row-main">
				<p class="row-name" id={id}>{app.name}</p>
				{app.publisher && <p class="hint">By <bdi>{app.publisher}</bdi></p>}
				<p class="hint">
					{app.folder_name ? `Folder Apps/${app.folder_name}` : ACCESS_WORDS[app.access]}
					{" "}· connected <Time at_ms={app.connected_ms} interval_ms={30000} />
					{" "}· last token <Time at_ms={app.token_ms} interval_ms={30000} />
				</p>
				<details class="more">
					<summary>What it may do</summary>
					<ul>{app.scopes.map((s) => <li key={s.scope}>{s.title}</li>)}</ul>
					{/^https?:\/\//i.test(app.website ?? "") && (
						<p><ExternalLink href={app.website ?? ""}>Its website</ExternalLink></p>
					)}
				</details>
			</div>
			<div class="row-side">
				<Button small describedBy={id} onClick={onEnd}>Disconnect</Button>
			</div>
		</li>
	);
}

export function ConnectedApps() {
	useTitle("Connected apps");
	const { data, problem, setData } = useLoad<{ apps: ConnectedApp[] }>("/_web/connected-apps");
	const [ending, setEnding] = useState<ConnectedApp | null>(null);
	const [busy, setBusy] = useState(false);
	const [ended, setEnded] = useState("");
	const [failed, setFailed] = useState<Problem | null>(null);

	const end = async (app: ConnectedApp) => {
		setBusy(true);
		setFailed(null);
		try {
			await api.del(`/_web/connected-apps/${encodeURIComponent(app.grant_id)}`);
			setData({ apps: (data?.apps ?? []).filter((a) => a.grant_id !== app.grant_id) });
			setEnded(app.name);
		} catch (e) {
			setFailed(problemOf(e));
		} finally {
			setBusy(false);
			setEnding(null);
		}
	};
	return (
		<Layout>
			<div class="page-head"><h1>Connected apps</h1></div>
			<div class="stack">
				{(problem ?? failed) && <ProblemNotice problem={(problem ?? failed)!} />}
				{ended && <Notice kind="ok" live><p>{ended} can no longer reach your account.</p></Notice>}
				{!data && !problem && <Skeleton />}
				{data?.apps.length === 0 && (
					<EmptyState title="Nothing is connected">
						<p class="secondary">Programs that you let into your account are listed here.</p>
					</EmptyState>
				)}
				{data && data.apps.length > 0 && (
					<ul class="card rows">
						{data.apps.map((a) => <Row key={a.grant_id} app={a} onEnd={() => setEnding(a)} />)}
					</ul>
				)}
			</div>
			{ending && (
				<ConfirmDialog title={`Disconnect ${ending.name}?`} confirm="Disconnect it" keep="Keep it"
					danger busy={busy} onClose={() => setEnding(null)} onConfirm={() => void end(ending)}>
					<p>Its tokens stop working at once. It can ask you again later.</p>
				</ConfirmDialog>
			)}
		</Layout>
	);
}
