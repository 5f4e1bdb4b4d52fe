/* config-parts.tsx - the pieces of the configuration screen that show what is going on. */
import { useState } from "preact/hooks";
import { type Problem, problemOf } from "../shared/api";
import { formatSpan, formatWhen, useNow } from "../shared/time";
import { Button, Notice, ProblemNotice, SecretField, Time } from "../shared/ui";
import type { Connector } from "./connect";
import { api, at, type Account, type Ailment, type Received, type Token } from "./model";
import { accountWords, Ago, Code, curlExample, forecastWords, LifeBar, StatusMark } from "./ui";

interface WaitingProps {
	connector: Connector;
	provider: string;
	again: () => void;
}

/* While the provider's window is open. */
export function WaitingPanel({ connector, provider, again }: WaitingProps) {
	const now = useNow();
	const { attempt, blocked, phase } = connector.state;
	if (blocked && attempt)
		return <BlockedPanel connector={connector} url={attempt.authorization_url} provider={provider} />;
	const words = phase === "exchanging" ? `${provider} has agreed; fetching the token…`
		: `Waiting for your consent in the ${provider} window…`;
	return (
		<div class="waiting" role="status">
			<p class="waiting-words"><span class="pulse" aria-hidden="true" />{words}</p>
			<p class="hint" aria-live="off">
				It closes by itself when you are through.
				{attempt && ` This attempt ends in ${formatSpan(attempt.expires_at_ms - now)}.`}
			</p>
			<div class="actions">
				<Button small onClick={() => connector.front()}>Bring it to the front</Button>
				<Button small onClick={again}>Start again</Button>
			</div>
		</div>
	);
}

function BlockedPanel({ connector, url, provider }: Omit<WaitingProps, "again"> & { url: string }) {
	const open = (e: MouseEvent) => {
		if (connector.openBlocked())
			e.preventDefault();
	};
	return (
		<Notice kind="warn" title="The browser blocked the new window" live>
			<p>
				Open it yourself: <a href={url} target="_blank" rel="noopener" onClick={open}>continue at {provider}</a>.
				This screen goes on waiting. To avoid this next time, let this site open windows.
			</p>
		</Notice>
	);
}

export interface LiveToken {
	path: string[];          /* below the API's base: ["tokens", id] or ["connections", id] */
	expires_at_ms: number | null;
	from_ms: number;
	account: Account | null;
	warning: Received["warning"];
	stale: boolean;
	stamp: unknown;
}

export function TokenField({ live, renewed }: { live: LiveToken | null; renewed: boolean }) {
	const now = useNow();
	const [problem, setProblem] = useState<Problem | null>(null);
	const reveal = async () => {
		setProblem(null);
		const r = await api.post<{ access_token: string }>(`${at(...live!.path)}/reveal`);
		return r.access_token;
	};
	return (
		<div class="stack-8">
			<SecretField label="OAuth 2.0 Access Token" present={live !== null} copy fetchValue={reveal}
				stamp={live?.stamp} onError={(e) => setProblem(problemOf(e))}
				hint={live ? undefined : "Empty until the provider has sent one. You cannot type into it."} />
			{live?.expires_at_ms && (
				<div class="life-row">
					<LifeBar from_ms={live.from_ms} until_ms={live.expires_at_ms} now_ms={now} />
					<p class="hint">
						{live.expires_at_ms > now ? <>Expires <Time at_ms={live.expires_at_ms} interval_ms={1000} /></>
							: <>Expired <Time at_ms={live.expires_at_ms} interval_ms={1000} /></>}
						{renewed && live.expires_at_ms > now && ", renewed before that"}
						{live.account && <>. Account of <b>{accountWords(live.account)}</b></>}
					</p>
				</div>
			)}
			{live && !live.expires_at_ms && live.account && <p class="hint">Account of <b>{accountWords(live.account)}</b></p>}
			{live?.stale && <Notice kind="warn" live>
				<p>The app’s data changed after this token was received. Get it again, or put the former values back.</p>
			</Notice>}
			{live?.warning && <NoRenewal warning={live.warning} expires_at_ms={live.expires_at_ms} />}
			{problem && <ProblemNotice problem={problem} onClose={() => setProblem(null)} />}
		</div>
	);
}

/* Before it is saved: when it stops, and what to change. */
function NoRenewal({ warning, expires_at_ms }: { warning: NonNullable<Received["warning"]>; expires_at_ms: number | null }) {
	return (
		<Notice kind="warn" title="This token cannot renew itself" live>
			<p>
				{warning.what}{" "}
				{expires_at_ms
					? <>It stops on <b>{formatWhen(expires_at_ms)}</b>, and its owner must Reconnect then.</>
					: "Nobody said when it stops; its owner must Reconnect then."}
			</p>
			<p>{warning.advice}</p>
		</Notice>
	);
}

const MENDS: Record<Ailment["who"], string> = {
	nobody: "Nobody has to do anything: it is tried again by itself.",
	owner: "Its owner can mend it: choose Reconnect below, and then Allow.",
	administrator: "Correct App Key and App Secret below, then choose Reconnect.",
};

/* On top of the screen of a saved token. */
export function StatusCard({ token, onToken }: { token: Token; onToken: (t: Token) => void }) {
	const [busy, setBusy] = useState(false);
	const [problem, setProblem] = useState<Problem | null>(null);
	const refresh = async () => {
		setBusy(true);
		setProblem(null);
		try {
			onToken((await api.post<{ token: Token }>(`${at("tokens", token.id)}/refresh`)).token);
		} catch (e) {
			setProblem(problemOf(e));
		} finally {
			setBusy(false);
		}
	};
	return (
		<section class="card card-pad status-card">
			<dl class="facts">
				<div><dt>Status</dt><dd><StatusMark status={token.status} /></dd></div>
				<div>
					<dt>{token.type} answered</dt>
					<dd>{token.proved_ms ? <Ago at_ms={token.proved_ms} /> : "Not yet"}</dd>
				</div>
				<div>
					<dt>Last refresh</dt>
					<dd>{token.last_refresh_ms ? <Ago at_ms={token.last_refresh_ms} /> : "None yet"}</dd>
				</div>
				<div>
					<dt>Next refresh</dt>
					<dd>{token.next_refresh_ms ? <Time at_ms={token.next_refresh_ms} /> : "None planned"}</dd>
				</div>
				<div><dt>Account</dt><dd>{token.account ? accountWords(token.account) : "Not known yet"}</dd></div>
				<div><dt>Renewal</dt><dd>{token.renewal}</dd></div>
			</dl>
			{token.has_refresh_token && token.status !== "needs_reauthorization" &&
				<Button small busy={busy} onClick={() => void refresh()}>Refresh now</Button>}
			<p class="forecast hint">{forecastWords(token.forecast)}</p>
			{token.trouble && (
				<Notice kind="warn" title={token.trouble.what}>
					<p>Since <Ago at_ms={token.trouble.since_ms} />. {MENDS[token.trouble.who]}</p>
				</Notice>
			)}
			{problem && <ProblemNotice problem={problem} onClose={() => setProblem(null)} />}
		</section>
	);
}

const SKEW_MIN_S = 5;

/* What the provider was seen to do, in plain words. */
function Seen({ token }: { token: Token }) {
	const { refresh_token, old_access_token, access_life } = token.learned;
	const facts = [refresh_token, old_access_token, access_life].filter((f) => f !== null);
	const clock = token.provider_clock;
	const off = clock !== null && Math.abs(clock.ahead_s) >= SKEW_MIN_S;
	if (facts.length === 0 && !off)
		return null;
	return (
		<div class="stack-8">
			<h3>Seen at {token.type}</h3>
			<ul class="seen">
				{facts.map((f) => (
					<li key={f.sentence}>{f.sentence} <span class="hint">First seen <Ago at_ms={f.since_ms} />.</span></li>
				))}
				{off && <li>{clock.sentence}</li>}
			</ul>
		</div>
	);
}

export function UseIt({ token }: { token: Token }) {
	return (
		<aside class="guide card card-pad stack-16">
			<h2>Use it</h2>
			<p class="hint">On the command line:</p>
			<Code text={`valetkey token get "${token.name}"`} />
			<p class="hint">From any program, with an API key:</p>
			<Code text={curlExample(token.name)} />
			{token.scope_granted && (
				<div class="stack-4">
					<h3>Granted by {token.type}</h3>
					<p class="mono small">{token.scope_granted.split(" ").join("  ")}</p>
				</div>
			)}
			<Seen token={token} />
		</aside>
	);
}
