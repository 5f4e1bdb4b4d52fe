/* app-info.tsx - one app: its head and the tabs, which keep their place in the address. */
import { navigate, useLocation } from "../shared/router";
import { ProblemNotice, Skeleton, Tabs } from "../shared/ui";
import { AppBranding } from "./app-branding";
import { AppMark } from "./app-mark";
import { AppPermissions } from "./app-permissions";
import { AppSettings } from "./app-settings";
import { NotFound } from "./error-page";
import { Layout } from "./layout";
import { useLoad, useTitle } from "./session";
import { ACCESS_WORDS, API_WORDS, type App } from "./types";

const TABS = [
	{ id: "settings", label: "Settings" },
	{ id: "permissions", label: "Permissions" },
	{ id: "branding", label: "Branding" },
];

export function appPath(key: string): string {
	return `/_web/apps/${encodeURIComponent(key)}`;
}

export function AppInfo({ appKey }: { appKey: string }) {
	const { data: app, problem, setData } = useLoad<App>(appPath(appKey));
	const { path, hash } = useLocation();
	const tab = TABS.some((t) => t.id === hash) ? hash : "settings";
	useTitle(app?.name ?? "App");
	if (problem?.status === 404)
		return <NotFound />;
	return (
		<Layout>
			{problem && <ProblemNotice problem={problem} />}
			{!app && !problem && <Skeleton lines={6} />}
			{app && (
				<>
					<div class="app-head">
						<AppMark key={app.icon_id ?? ""} name={app.name} iconId={app.icon_id} />
						<div>
							<h1>{app.name}</h1>
							<p class="hint">{API_WORDS[app.api]} · {ACCESS_WORDS[app.access]}</p>
						</div>
					</div>
					<Tabs tabs={TABS} current={tab}
						onSelect={(id) => void navigate(`${path}#${id}`, { replace: true })}>
						{tab === "settings" && <AppSettings app={app} onChange={setData} />}
						{tab === "permissions" && <AppPermissions app={app} onChange={setData} />}
						{tab === "branding" && <AppBranding app={app} onChange={setData} />}
					</Tabs>
				</>
			)}
		</Layout>
	);
}
