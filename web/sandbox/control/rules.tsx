/* rules.tsx - rate limits, and the settings of the whole sandbox. */
import { useEffect, useState } from "preact/hooks";
import { sentences } from "../../shared/api";
import { Button, Checkbox, ProblemNotice, Skeleton } from "../../shared/ui";
import { control, useAction, useControl } from "./client";
import { Card, NumberField, numberOf, Select } from "./parts";

interface Limit {
	calls: number;
	window_s: number;
}

interface Limits {
	per_token: Limit | null;
	per_app: Limit | null;
}

interface Settings {
	new_app_scopes: string;
	webhook_targets: string;
	quota_basic: number | null;
	quota_business: number | null;
	files_max: number | null;
	sessions_max: number | null;
}

interface LimitDraft {
	on: boolean;
	calls: string;
	window_s: string;
}

function draftOf(l: Limit | null): LimitDraft {
	return { on: l !== null, calls: String(l?.calls ?? 1000), window_s: String(l?.window_s ?? 60) };
}

function limitOf(d: LimitDraft): Partial<Limit> | null {
	return d.on ? { calls: numberOf(d.calls), window_s: numberOf(d.window_s) } : null;
}

function LimitFields(p: { label: string; d: LimitDraft; error?: string; onChange: (d: LimitDraft) => void }) {
	return (
		<fieldset class="control-limit">
			<Checkbox label={p.label} checked={p.d.on} onChange={(on) => p.onChange({ ...p.d, on })} />
			{p.d.on && (
				<div class="control-pair">
					<NumberField label="Calls" value={p.d.calls} min={1} max={1000000000}
						onInput={(calls) => p.onChange({ ...p.d, calls })} />
					<NumberField label="In so many seconds" value={p.d.window_s} min={1} max={86400}
						onInput={(window_s) => p.onChange({ ...p.d, window_s })} />
				</div>
			)}
			{p.error && <p class="field-error" role="alert">{p.error}</p>}
		</fieldset>
	);
}

function Saved({ shown }: { shown: boolean }) {
	return shown ? <span class="saved" role="status">Saved</span> : null;
}

function LimitsCard() {
	const { data, problem } = useControl<Limits>("/_sandbox/limits");
	const action = useAction();
	const [token, setToken] = useState(draftOf(null));
	const [app, setApp] = useState(draftOf(null));
	const [saved, setSaved] = useState(false);
	useEffect(() => {
		if (data) {
			setToken(draftOf(data.per_token));
			setApp(draftOf(data.per_app));
		}
	}, [data]);
	const save = () => {
		setSaved(false);
		void action.run("save", () => control.put("/_sandbox/limits", { per_token: limitOf(token), per_app: limitOf(app) }))
			.then(setSaved);
	};
	const shown = problem ?? action.problem;
	return (
		<Card title="Rate limits" hint="For calls of the API: beyond them it answers 429 with Retry-After. Windows run on the sandbox's clock.">
			{!data && !problem && <Skeleton />}
			{shown && <ProblemNotice problem={shown} onClose={action.forget} />}
			{data && (
				<>
					<LimitFields label="For each access token" d={token} onChange={(d) => {
						setToken(d);
						setSaved(false);
					}} />
					<LimitFields label="For each app" d={app} onChange={(d) => {
						setApp(d);
						setSaved(false);
					}} />
					<div class="actions control-actions">
						<Button kind="primary" busy={action.busy !== ""} onClick={save}>Save limits</Button>
						<Saved shown={saved} />
					</div>
				</>
			)}
		</Card>
	);
}

const NUMBERS: { name: keyof Settings; label: string; hint: string }[] = [
	{ name: "quota_basic", label: "Quota of a Basic account, bytes", hint: "2 GiB unless set." },
	{ name: "quota_business", label: "Quota of a Business account, bytes", hint: "5 TiB unless set." },
	{ name: "files_max", label: "Entries in an account", hint: "5,000,000 unless set." },
	{ name: "sessions_max", label: "Open upload sessions of an account", hint: "2,000 unless set." },
];

function SettingsCard() {
	const { data, problem } = useControl<Settings>("/_sandbox/settings");
	const action = useAction();
	const [draft, setDraft] = useState<Record<string, string>>({});
	const [saved, setSaved] = useState(false);
	useEffect(() => {
		if (data)
			setDraft(Object.fromEntries(Object.entries(data).map(([k, v]) => [k, String(v ?? "")])));
	}, [data]);
	const set = (name: string, value: string) => {
		setDraft({ ...draft, [name]: value });
		setSaved(false);
	};
	const save = () => {
		const body = Object.fromEntries(Object.entries(draft).map(([k, v]) =>
			[k, NUMBERS.some((n) => n.name === k) ? numberOf(v) : v]));
		void action.run("save", () => control.put("/_sandbox/settings", body)).then(setSaved);
	};
	const at = (field: string) => action.problem?.field === field ? sentences(action.problem) : undefined;
	const shown = problem ?? (action.problem?.field ? null : action.problem);
	return (
		<Card title="Settings" hint="Of the whole sandbox; they are kept over restarts.">
			{!data && !problem && <Skeleton />}
			{shown && <ProblemNotice problem={shown} onClose={action.forget} />}
			{data && (
				<>
					<Select label="Permissions of a new app" value={draft.new_app_scopes ?? ""}
						onChange={(v) => set("new_app_scopes", v)} error={at("new_app_scopes")}
						options={[{ value: "procedure", label: "Account info, files and sharing" },
							{ value: "minimal", label: "account_info.read alone, as today's console" }]} />
					<Select label="Webhooks may go to" value={draft.webhook_targets ?? ""}
						onChange={(v) => set("webhook_targets", v)} error={at("webhook_targets")}
						options={[{ value: "any", label: "Any address" }, { value: "public", label: "Public addresses only" }]} />
					{NUMBERS.map((n) => (
						<NumberField key={n.name} label={n.label} hint={n.hint} optional min={0} max={9007199254740992}
							value={draft[n.name] ?? ""} error={at(n.name)} onInput={(v) => set(n.name, v)} />
					))}
					<div class="actions control-actions">
						<Button kind="primary" busy={action.busy !== ""} onClick={save}>Save settings</Button>
						<Saved shown={saved} />
					</div>
				</>
			)}
		</Card>
	);
}

export function RulesTab() {
	return (
		<div class="control-halves">
			<LimitsCard />
			<SettingsCard />
		</div>
	);
}
