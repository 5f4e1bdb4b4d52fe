/* before-connect.tsx - the warning before a consent: few people have used this app so far. */
import { useTitle } from "./session";
import { Button, Icon } from "../shared/ui";
import { AppMark } from "./app-mark";
import type { Consent } from "./types";

export interface BeforeProps {
	consent: Consent;
	busy: boolean;
	onContinue: () => void;
	onBack: () => void;
}

export function BeforeYouConnect({ consent, busy, onContinue, onBack }: BeforeProps) {
	const { app } = consent;
	useTitle("Before you connect this app");
	return (
		<div class="card consent">
			<div class="consent-head">
				<AppMark name={app.name} iconId={app.icon_id} large />
				<h1>Before you connect this app</h1>
				<p class="lead">
					<strong><bdi>{app.name}</bdi></strong> is still in development, and only few people have used it.
					Connect it only if you know who made it.
				</p>
			</div>
			<ul class="checks">
				<li><Icon name="info" /><span>It was made by <strong><bdi>{app.owner_name}</bdi></strong>, {app.owner_email}.</span></li>
				{consent.answer_goes_to && (
					<li><Icon name="external" /><span>Your answer goes to <code>{consent.answer_goes_to}</code>. Is that where you came from?</span></li>
				)}
				<li><Icon name="lock" /><span>You have not agreed to anything yet: the next page lists what it wants to do.</span></li>
			</ul>
			<div class="consent-actions">
				<Button kind="primary" onClick={onContinue}>Continue</Button>
				<Button busy={busy} onClick={onBack}>Go back</Button>
			</div>
		</div>
	);
}
