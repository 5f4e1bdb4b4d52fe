/* generate-token.tsx - an access token of one's own account, shown once. */
import { useState } from "preact/hooks";
import { formatSpan } from "../shared/time";
import { Button, CopyButton, ProblemNotice, TextField } from "../shared/ui";
import { appPath } from "./app-info";
import type { AppPartProps } from "./parts";
import { useSaving } from "./saving";
import { api, useSession } from "./session";
import type { App } from "./types";

interface Generated {
	access_token: string;
	expires_in: number | null;
}

/* It is in the page only as long as this tab of the app is open. */
export function GenerateToken({ app, onChange }: AppPartProps) {
	const email = useSession().session.account?.email ?? "your account";
	const saving = useSaving();
	const [made, setMade] = useState<Generated | null>(null);
	const generate = async () => {
		const got = await saving.run(() => api.post<Generated>(`${appPath(app.app_key)}/generate`), "");
		if (!got)
			return;
		setMade(got);
		const next = await saving.run(() => api.get<App>(appPath(app.app_key)), "");
		if (next)
			onChange(next);
	};
	const life = made?.expires_in ? `It lives ${formatSpan(made.expires_in * 1000)}` : "It has no end";
	return (
		<div class="list-field">
			<div class="field">
				<p class="field-title" id="generate-title">Generated access token</p>
				<p class="hint" id="generate-hint">
					For trying things out, without a consent: it reaches {email} with all of the app's permissions.
				</p>
			</div>
			<div>
				<Button busy={saving.busy} describedBy="generate-title generate-hint"
					onClick={() => void generate()}>Generate</Button>
			</div>
			{made && (
				<TextField label="Access token" value={made.access_token} readOnly mono
					hint={`${life}. Copy it now: it is not shown again.`}
					after={(labelId) => <CopyButton text={made.access_token} describedBy={labelId} />} />
			)}
			{saving.problem && <ProblemNotice problem={saving.problem} />}
		</div>
	);
}
