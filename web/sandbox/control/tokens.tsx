/* tokens.tsx - ending tokens: of an account, of an app, of one grant, or one by its text. */
import { useState } from "preact/hooks";
import { Button, ConfirmDialog, EmptyState, Notice, ProblemNotice, SecretInput } from "../../shared/ui";
import { control, type GrantState, type TabProps, useAction } from "./client";
import { Card, Select } from "./parts";

type By = "email" | "app_key" | "token";

interface Ended {
	access_tokens: number;
	grants: number;
}

type How = "expire" | "revoke";

const BY = [
	{ value: "email", label: "An account" },
	{ value: "app_key", label: "An app" },
	{ value: "token", label: "One token" },
];

function said(how: How, e: Ended): string {
	const tokens = e.access_tokens === 1 ? "1 access token" : `${e.access_tokens} access tokens`;
	const grants = e.grants === 1 ? "1 grant" : `${e.grants} grants`;
	return how === "expire" ? `${tokens} of ${grants} ran out.` : `${grants} ended, and ${tokens} with them.`;
}

/* Ends what the selector says, and tells how much that was. */
function useEnding(reload: () => void) {
	const action = useAction();
	const [done, setDone] = useState("");
	const end = async (name: string, how: How, selector: object) => {
		setDone("");
		const ok = await action.run(name, async () => {
			const ended = await control.post<Ended>(`/_sandbox/tokens/${how}`, selector);
			setDone(said(how, ended));
		});
		if (ok)
			reload();
	};
	return { ...action, done, end };
}

type Ending = ReturnType<typeof useEnding>;

/* What is to be revoked once the person has confirmed it. */
interface Asked {
	title: string;
	name: string; /* which button is busy then */
	selector: object;
}

interface EnderProps {
	world: TabProps["world"];
	ending: Ending;
	onRevoke: (a: Asked) => void;
}

function Ender({ world, ending, onRevoke }: EnderProps) {
	const [by, setBy] = useState<By>("email");
	const [email, setEmail] = useState(world.accounts[0]?.email ?? "");
	const [key, setKey] = useState(world.apps[0]?.app_key ?? "");
	const [token, setToken] = useState("");
	const value = { email, app_key: key, token }[by];
	const title = { email: `Revoke all grants of ${email}?`, app_key: "Revoke all grants of this app?",
		token: "Revoke this token?" }[by];
	return (
		<Card title="End tokens" hint="Expired, an access token is as after four hours; the program refreshes. Revoked, the grant is over, as when its person disconnects the app.">
			<Select label="Of" value={by} options={BY} onChange={(v) => setBy(v as By)} />
			{by === "email" && (
				<Select label="Account" value={email} onChange={setEmail}
					options={world.accounts.map((a) => ({ value: a.email, label: a.email }))} />
			)}
			{by === "app_key" && (
				<Select label="App" value={key} onChange={setKey}
					options={world.apps.map((a) => ({ value: a.app_key, label: `${a.name} (${a.app_key})` }))} />
			)}
			{by === "token" && (
				<SecretInput label="Token" value={token} onInput={setToken} hint="An access token or a refresh token; it ends alone." />
			)}
			<div class="actions control-actions">
				<Button disabled={!value} busy={ending.busy === "expire"} onClick={() => void ending.end("expire", "expire", { [by]: value })}>Expire</Button>
				<Button kind="danger" disabled={!value} busy={ending.busy === "revoke"}
					onClick={() => onRevoke({ title, name: "revoke", selector: { [by]: value } })}>Revoke</Button>
			</div>
		</Card>
	);
}

function Times({ n, one, many }: { n: number; one: string; many: string }) {
	return <span class={n > 0 ? "control-met" : undefined}>{n} {n === 1 ? one : many}</span>;
}

interface GrantProps {
	g: GrantState;
	world: TabProps["world"];
	busy: string;
	onEnd: (how: How) => void;
}

function GrantRow({ g, world, busy, onEnd }: GrantProps) {
	const app = world.apps.find((a) => a.app_key === g.app_key);
	const account = world.accounts.find((a) => a.account_id === g.account_id);
	const id = `grant-${g.grant_id}`;
	return (
		<li class="row">
			<div class="row-main" id={id}>
				<p class="row-name">{app?.name ?? g.app_key}</p>
				<p class="hint">{account?.email ?? g.account_id}{g.team_id ? ", for the team" : ""} · since {g.created_at.slice(0, 16).replace("T", " ")} UTC</p>
				<p class="hint">
					<Times n={g.refreshes} one="refresh" many="refreshes" /> · <Times n={g.reuses} one="reuse of a spent token" many="reuses of spent tokens" /> · <Times n={g.revocations} one="revocation" many="revocations" />
				</p>
			</div>
			{g.ended ? <span class="pill">ended</span> : (
				<div class="control-row-buttons">
					<Button small describedBy={id} busy={busy === `expire ${id}`} onClick={() => onEnd("expire")}>Expire</Button>
					<Button small kind="danger" describedBy={id} busy={busy === `revoke ${id}`} onClick={() => onEnd("revoke")}>Revoke</Button>
				</div>
			)}
		</li>
	);
}

const SHOWN_MAX = 50;

export function TokensTab({ world, reload }: TabProps) {
	const ending = useEnding(reload);
	const [asked, setAsked] = useState<Asked | null>(null);
	const grants = world.state.grants_detail;
	const endOne = (how: How, g: GrantState) => {
		const name = `${how} grant-${g.grant_id}`;
		const selector = { grant_id: g.grant_id };
		if (how === "expire")
			void ending.end(name, how, selector);
		else
			setAsked({ title: "Revoke this grant?", name, selector });
	};
	return (
		<div class="control-split">
			<div class="stack">
				{ending.problem && <ProblemNotice problem={ending.problem} onClose={ending.forget} />}
				{ending.done && <Notice kind="ok" live>{ending.done}</Notice>}
				<Ender world={world} ending={ending} onRevoke={setAsked} />
			</div>
			<div class="stack">
				{grants.length === 0 && (
					<EmptyState title="No app is connected">
						<p class="secondary">A grant appears here when somebody allows an app, with how often it was refreshed.</p>
					</EmptyState>
				)}
				{grants.length > 0 && (
					<Card title="Grants" hint={grants.length > SHOWN_MAX ? `The newest ${SHOWN_MAX} of ${grants.length}.` : "Each is one consent of a person to an app."}>
						<ul class="rows control-rows">
							{grants.slice(0, SHOWN_MAX).map((g) => (
								<GrantRow key={g.grant_id} g={g} world={world} busy={ending.busy}
									onEnd={(how) => endOne(how, g)} />
							))}
						</ul>
					</Card>
				)}
			</div>
			{asked && (
				<ConfirmDialog title={asked.title} confirm="Revoke" keep="Cancel" danger
					onClose={() => setAsked(null)}
					onConfirm={() => {
						void ending.end(asked.name, "revoke", asked.selector);
						setAsked(null);
					}}>
					<p>What is revoked stops working at once. A grant that has ended needs a new consent.</p>
				</ConfirmDialog>
			)}
		</div>
	);
}
