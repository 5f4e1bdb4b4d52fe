/* consent.tsx - what an app wants to do, in plain sentences, and the two answers. */
import { useEffect, useState } from "preact/hooks";
import { Button, ExternalLink, Icon, type IconName } from "../shared/ui";
import { AppMark } from "./app-mark";
import { accountKind } from "./layout";
import { useTitle } from "./session";
import type { Account, Consent, ConsentApp, Scope } from "./types";

/* So that a click meant for what was here before does not agree to anything. */
const READY_AFTER_MS = 500;

export interface ConsentProps {
	consent: Consent;
	busy: "allow" | "cancel" | null;
	onDecide: (what: "allow" | "cancel") => void;
	onSwitch: () => void;
}

function reach({ app, team }: Consent): string {
	if (team)
		return "It works for everybody in your team.";
	if (app.access === "full")
		return "It can reach all your files and folders.";
	return `It can reach one folder only: Apps/${app.folder_name ?? app.name}.`;
}

/* The limits that people ask about, each only where it holds. */
function limits({ app, scopes, team }: Consent): string[] {
	const has = (prefix: string) => scopes.some((s) => s.scope.startsWith(prefix));
	return [
		app.access === "app_folder" && !team && "See anything outside its own folder",
		!has("files.content.write") && "Change, add or remove files",
		!has("files.content.read") && "Open what is in your files",
		!has("sharing.write") && "Share your files with others",
		!has("account_info.write") && "Change your account",
		"See your password",
	].filter((s): s is string => typeof s === "string").slice(0, 4);
}

function Group({ title, icon, lines, tone }: {
	title: string; icon: IconName; lines: string[]; tone: string;
}) {
	if (lines.length === 0)
		return null;
	return (
		<section class={`grant grant-${tone}`}>
			<h2>{title}</h2>
			<ul>{lines.map((l) => <li key={l}><Icon name={icon} /><span>{l}</span></li>)}</ul>
		</section>
	);
}

export function Whose({ account, onSwitch }: { account: Account; onSwitch?: () => void }) {
	return (
		<div class="whose">
			<span class="avatar" aria-hidden="true">{account.initials}</span>
			<div class="whose-who">
				<p><strong><bdi>{account.display_name}</bdi></strong></p>
				<p class="hint">{account.email}</p>
				<p class="hint">{accountKind(account)}</p>
			</div>
			{onSwitch && <Button kind="quiet" small onClick={onSwitch}>Not you?</Button>}
		</div>
	);
}

/* Who stands behind the app. A published name is its own claim, so the account is told as well. */
export function MadeBy({ app }: { app: ConsentApp }) {
	return (
		<p class="hint">
			Made by <bdi>{app.publisher ? `${app.publisher} (${app.owner_name})` : app.owner_name}</bdi>, {app.owner_email}
		</p>
	);
}

function Head({ consent }: { consent: Consent }) {
	const { app, team } = consent;
	return (
		<div class="consent-head">
			<AppMark name={app.name} iconId={app.icon_id} large />
			<h1 class="asks">
				<strong><bdi>{app.name}</bdi></strong> wants to connect to{" "}
				{team ? <>your team <strong><bdi>{team}</bdi></strong></> : "your account"}
			</h1>
			<MadeBy app={app} />
			{app.description && <p class="secondary"><bdi>{app.description}</bdi></p>}
			<p class="consent-marks">
				{app.status === "development" && <span class="pill">In development</span>}
				{/^https?:\/\//i.test(app.website ?? "") && <ExternalLink href={app.website ?? ""}>Website</ExternalLink>}
			</p>
		</div>
	);
}

function Foot({ consent }: { consent: Consent }) {
	return (
		<p class="hint consent-foot">
			{consent.offline && "It stays connected while you are away. "}
			You can disconnect it at any time under Connected apps.
		</p>
	);
}

function useReady(): boolean {
	const [ready, setReady] = useState(false);
	useEffect(() => {
		const timer = setTimeout(() => setReady(true), READY_AFTER_MS);
		return () => clearTimeout(timer);
	}, []);
	return ready;
}

export function ConsentCard({ consent, busy, onDecide, onSwitch }: ConsentProps) {
	const { app, account } = consent;
	const ready = useReady();
	const titles = (kind: Scope["kind"]) =>
		consent.scopes.filter((s) => s.kind === kind).map((s) => s.title);
	useTitle(`Connect ${app.name}`);
	return (
		<div class="card consent">
			<Head consent={consent} />
			<Whose account={account} onSwitch={onSwitch} />
			<div>
				<p class="reach">{reach(consent)}</p>
				{consent.answer_goes_to
					&& <p class="hint">Your answer goes to <code>{consent.answer_goes_to}</code>.</p>}
			</div>
			<div class="grants">
				<Group title="What it may read" icon="eye" lines={titles("read")} tone="read" />
				<Group title="What it may change" icon="check" lines={titles("write")} tone="write" />
				<Group title="What it may not do" icon="cross" lines={limits(consent)} tone="not" />
			</div>
			<div class="consent-actions">
				<Button kind="primary" disabled={!ready} busy={busy === "allow"} onClick={() => onDecide("allow")}>Allow</Button>
				<Button busy={busy === "cancel"} onClick={() => onDecide("cancel")}>Cancel</Button>
			</div>
			<Foot consent={consent} />
		</div>
	);
}
