/* refused.tsx - the account that is signed in cannot agree to this request; perhaps another one can. */
import { Button, Icon } from "../shared/ui";
import { Whose } from "./consent";
import { useTitle } from "./session";
import type { Refused } from "./types";

export function RefusedCard({ refused, busy, onSwitch, onBack }: {
	refused: Refused; busy: boolean; onSwitch: () => void; onBack: () => void;
}) {
	useTitle(refused.title);
	return (
		<div class="card consent" role="alert">
			<div class="consent-head">
				<span class="error-mark"><Icon name="warn" /></span>
				<h1>{refused.title}</h1>
				<p class="lead"><bdi>{refused.detail}</bdi></p>
			</div>
			<Whose account={refused.account} />
			<p><strong>What to do:</strong> {refused.todo}</p>
			<div class="consent-actions refused-actions">
				{refused.other_account && <Button kind="primary" onClick={onSwitch}>Use another account</Button>}
				<Button busy={busy} onClick={onBack}>{refused.can_go_back ? "Go back to the app" : "Cancel"}</Button>
			</div>
		</div>
	);
}
