/* activity.tsx - what happened: all of it, or what is about one token. */
import { useEffect, useState } from "preact/hooks";
import { type Problem, problemOf } from "../shared/api";
import { formatExact } from "../shared/time";
import { Button, cx, EmptyState, Link, ProblemNotice, Skeleton } from "../shared/ui";
import { useLive } from "./live";
import { api, BASE } from "./model";
import { Ago, useTitle } from "./ui";

interface Named {
	kind: string;
	id: string | null;
	name: string | null;
}

interface Happened {
	id: string;
	at_ms: number;
	type: string;
	sentence: string;
	actor: Named;
	about: Named;
	from: string | null;
	result: "allowed" | "refused";
}

interface Page {
	events: Happened[];
	next: string | null;
}

const KINDS = [
	{ type: "", label: "Everything" },
	{ type: "token", label: "Tokens" },
	{ type: "connection", label: "Connections" },
	{ type: "key", label: "API keys" },
	{ type: "webhook", label: "Webhooks" },
	{ type: "user", label: "People" },
];

type Tone = "good" | "bad" | "warn" | "plain";

const TONES: Record<string, Tone> = {
	"token.recovered": "good",
	"token.reauthorized": "good",
	"connection.connected": "good",
	"token.failing": "warn",
	"token.needs_reauthorization": "bad",
	"token.misconfigured": "bad",
	"connection.failed": "bad",
	"user.sign_in_refused": "bad",
	"user.confirm_refused": "bad",
};

/* A shape for each, so that colour is never what tells. */
const SHAPES: Record<Tone, string> = {
	good: "M6.5 11.6 3 8.1l1.4-1.4 2.1 2.1 5-5L13 5.2z",
	bad: "M8 1l7 7-7 7-7-7z",
	warn: "M8 1.5l7 12.5H1z",
	plain: "M8 4.5a3.5 3.5 0 1 0 0 7 3.5 3.5 0 0 0 0-7z",
};

const MACHINES: Record<string, string> = {
	engine: "the refresh engine",
	command: "the command line",
	manager: "the manager",
};

function byWhom({ actor, from }: Happened): string {
	if (actor.kind === "key")
		return actor.name ? `the key ${actor.name}` : "a key that is gone";
	if (actor.kind === "user")
		return from ? `${actor.name} from ${from}` : actor.name ?? "somebody";
	if (actor.kind === "visitor")
		return `a visitor from ${from}`;
	const machine = MACHINES[actor.kind] ?? actor.kind;
	return from ? `${machine}, asked from ${from}` : machine;
}

function Row({ e, linked }: { e: Happened; linked: boolean }) {
	const tone = TONES[e.type] ?? "plain";
	const gone = e.type === "token.purged" || e.type === "token.deleted";
	return (
		<li class="happened">
			<svg class={cx("happened-mark", `is-${tone}`)} viewBox="0 0 16 16" aria-hidden="true" focusable="false">
				<path d={SHAPES[tone]} />
			</svg>
			<div class="happened-text">
				<p>{e.sentence}</p>
				<p class="hint"><code>{e.type}</code> · by {byWhom(e)}</p>
			</div>
			<div class="happened-end">
				<span class="hint" title={formatExact(e.at_ms)}><Ago at_ms={e.at_ms} /></span>
				{linked && e.about.kind === "token" && e.about.id && !gone && (
					<Link href={`/tokens/${e.about.id}`}>Open<span class="visually-hidden"> {e.about.name}</span></Link>
				)}
			</div>
		</li>
	);
}

interface ListProps {
	token?: string;
	type: string;
	limit: number;
	empty: preact.ComponentChildren;
}

function path(p: ListProps, before: string | null): string {
	const query = new URLSearchParams({ limit: String(p.limit) });
	if (p.token)
		query.set("token", p.token);
	if (p.type)
		query.set("type", p.type);
	if (before)
		query.set("before", before);
	return `${BASE}/events?${query}`;
}

/* The newest page in front of what is shown. When more happened than it holds, the two do not touch, and
 * what is shown begins anew: a list with a hole in it would look whole. */
function joined(shown: Page | null, newest: Page): Page {
	const fresh = new Set(newest.events.map((e) => e.id));
	if (!shown?.events.some((e) => fresh.has(e.id)))
		return newest;
	return { events: [...newest.events, ...shown.events.filter((e) => !fresh.has(e.id))], next: shown.next };
}

/* What a person asked for behind it, unless the list has begun anew meanwhile. */
function extended(shown: Page | null, asked: string | null, older: Page): Page | null {
	if (shown?.next !== asked)
		return shown;
	return { events: [...shown?.events ?? [], ...older.events], next: older.next };
}

/* The newest page, kept up to date, and what a person asked for behind it. */
function List(p: ListProps) {
	const [shown, setShown] = useState<Page | null>(null);
	const [problem, setProblem] = useState<Problem | null>(null);
	const [busy, setBusy] = useState(false);
	const [round, setRound] = useState(0);
	const events = shown?.events ?? null;
	const next = shown?.next ?? null;
	useLive(() => setRound((n) => n + 1));
	useEffect(() => {
		let gone = false;
		api.get<Page>(path(p, null)).then((page) => {
			if (gone)
				return;
			setProblem(null);
			setShown((was) => joined(was, page));
		}, (e) => !gone && setProblem(problemOf(e)));
		return () => {
			gone = true;
		};
	}, [round]);
	const more = async () => {
		setBusy(true);
		try {
			const page = await api.get<Page>(path(p, next));
			setShown((was) => extended(was, next, page));
		} catch (e) {
			setProblem(problemOf(e));
		} finally {
			setBusy(false);
		}
	};
	return (
		<div class="stack-12">
			{problem && <ProblemNotice problem={problem} />}
			{!events && !problem && <div class="card card-pad"><Skeleton lines={5} /></div>}
			{events && events.length > 0 && (
				<ol class="card happenings">
					{events.map((e) => <Row key={e.id} e={e} linked={!p.token} />)}
				</ol>
			)}
			{events?.length === 0 && p.empty}
			{next && <div><Button small busy={busy} onClick={() => void more()}>Show earlier</Button></div>}
		</div>
	);
}

/* Below the screen of one token. */
export function TokenActivity({ id }: { id: string }) {
	return (
		<section class="stack-12 token-activity" aria-labelledby="token-activity">
			<h2 id="token-activity">Activity</h2>
			<List token={id} type="" limit={5} empty={<p class="hint">Nothing has happened yet that is kept.</p>} />
		</section>
	);
}

export function ActivityPage() {
	useTitle("Activity");
	const [type, setType] = useState("");
	return (
		<main class="page page-middle">
			<div class="page-head">
				<div class="stack-8">
					<h1>Activity</h1>
					<p class="muted">What happened, who did it, and what came of it.</p>
				</div>
				<Link href="/notifications">Tell other programs</Link>
			</div>
			<div class="chips" role="group" aria-label="Show">
				{KINDS.map((k) => (
					<button key={k.type} type="button" class="chip" aria-pressed={type === k.type}
						onClick={() => setType(k.type)}>{k.label}</button>
				))}
			</div>
			<List key={type} type={type} limit={50} empty={
				<EmptyState title="Nothing of this kind yet">
					<p>What happens here from now on is listed at once.</p>
				</EmptyState>
			} />
		</main>
	);
}
