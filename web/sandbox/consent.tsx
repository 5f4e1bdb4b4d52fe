/* consent.tsx - what an app wants to do, in plain sentences, and the two answers. */
import { Button, Icon, type IconName, LetterMark } from "../shared/ui";
import { useTitle } from "./session";
import type { Consent, ConsentApp, Scope } from "./types";

export interface ConsentProps {
	consent: Consent;
	busy: "allow" | "cancel" | null;
	onDecide: (what: "allow" | "cancel") => void;
	onSwitch: () => void;
}

function reach(app: ConsentApp): string {
	if (app.api === "business")
		return "It works for your whole team.";
	if (app.access === "full")
		return "It can reach all your files and folders.";
	return `It can reach one folder only: Apps/${app.folder_name ?? app.name}.`;
}

/* The limits that people ask about, each only where it holds. */
function limits(app: ConsentApp, scopes: Scope[]): string[] {
	const has = (prefix: string) => scopes.some((s) => s.scope.startsWith(prefix));
	return [
		app.access === "app_folder" && "See anything outside its own folder",
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

function Whose({ consent, onSwitch }: { consent: Consent; onSwitch: () => void }) {
	const { account } = consent;
	return (
		<div class="whose">
			<span class="avatar" aria-hidden="true">{account.initials}</span>
			<div class="whose-who">
				<p><strong>{account.display_name}</strong></p>
				<p class="hint">{account.email}</p>
			</div>
			<Button kind="quiet" small onClick={onSwitch}>Not you?</Button>
		</div>
	);
}

export function ConsentCard({ consent, busy, onDecide, onSwitch }: ConsentProps) {
	const { app, scopes } = consent;
	const titles = (kind: "read" | "write") => scopes.filter((s) => s.kind === kind).map((s) => s.title);
	useTitle(`Connect ${app.name}`);
	return (
		<div class="card consent">
			<div class="consent-head">
				<LetterMark name={app.name} large />
				<h1 class="asks"><strong>{app.name}</strong> wants to connect to your account</h1>
				<p class="hint">Made by {app.owner_name}, {app.owner_email}</p>
			</div>
			<Whose consent={consent} onSwitch={onSwitch} />
			<p class="reach">{reach(app)}</p>
			<div class="grants">
				<Group title="What it may read" icon="eye" lines={titles("read")} tone="read" />
				<Group title="What it may change" icon="check" lines={titles("write")} tone="write" />
				<Group title="What it may not do" icon="cross" lines={limits(app, scopes)} tone="not" />
			</div>
			<div class="consent-actions">
				<Button kind="primary" busy={busy === "allow"} onClick={() => onDecide("allow")}>Allow</Button>
				<Button busy={busy === "cancel"} onClick={() => onDecide("cancel")}>Cancel</Button>
			</div>
			<p class="hint consent-foot">
				{consent.answer_goes_to && <>Your answer goes to <code>{consent.answer_goes_to}</code>. </>}
				You can disconnect it at any time under Connected apps.
			</p>
		</div>
	);
}
