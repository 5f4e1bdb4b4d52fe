/* my-apps.tsx - the apps of the person signed in, newest first, a page at a time. */
import { useEffect, useRef, useState } from "preact/hooks";
import { type Problem, problemOf } from "../shared/api";
import { announce, Button, EmptyState, Icon, Link, ProblemNotice, Skeleton, Time } from "../shared/ui";
import { AppMark } from "./app-mark";
import { Layout } from "./layout";
import { api, useTitle } from "./session";
import { ACCESS_WORDS, API_WORDS, type AppPage, type AppRow, STATUS_WORDS } from "./types";

const SEARCH_FROM = 8; /* fewer are seen at a glance */
const TYPING_MS = 200;

function CreateLink() {
	return <Link href="/developers/apps/create" button="primary" icon="plus">Create App</Link>;
}

function Row({ app }: { app: AppRow }) {
	return (
		<li class="row">
			<AppMark name={app.name} iconId={app.icon_id} />
			<div class="row-main">
				<Link href={`/developers/apps/info/${encodeURIComponent(app.app_key)}`} class="row-name">
					{app.name}
				</Link>
				<p class="hint">{API_WORDS[app.api]} · {ACCESS_WORDS[app.access]}</p>
			</div>
			<div class="row-side hint">
				<span class={app.status === "production" ? "pill pill-ok" : "pill"}>{STATUS_WORDS[app.status]}</span>
				<span>Created <Time at_ms={app.created_ms} interval_ms={30000} /></span>
			</div>
		</li>
	);
}

function pagePath(words: string, after: string | null): string {
	const query = new URLSearchParams();
	if (words)
		query.set("q", words);
	if (after)
		query.set("after", after);
	return query.size > 0 ? `/_web/apps?${query}` : "/_web/apps";
}

/* The pages so far for these words. An answer that comes after other words were typed is dropped. */
function useApps(words: string) {
	const [page, setPage] = useState<AppPage | null>(null);
	const [problem, setProblem] = useState<Problem | null>(null);
	const [busy, setBusy] = useState(false);
	const latest = useRef(words);

	const load = async (before: AppPage | null) => {
		setBusy(true);
		try {
			const next = await api.get<AppPage>(pagePath(words, before?.next ?? null));
			if (latest.current !== words)
				return;
			setPage(before ? { ...next, apps: [...before.apps, ...next.apps] } : next);
			setProblem(null);
			if (words && !before)
				announce(next.total === 1 ? "1 app found" : `${next.total} apps found`);
		} catch (e) {
			if (latest.current === words)
				setProblem(problemOf(e));
		} finally {
			setBusy(false);
		}
	};
	useEffect(() => {
		latest.current = words;
		void load(null);
	}, [words]);
	return { page, problem, busy, more: () => void load(page) };
}

/* What was typed, once the fingers rest. */
function useRested(text: string): string {
	const [rested, setRested] = useState(text);
	useEffect(() => {
		const timer = setTimeout(() => setRested(text), text === "" ? 0 : TYPING_MS);
		return () => clearTimeout(timer);
	}, [text]);
	return rested;
}

function Search({ text, onText }: { text: string; onText: (text: string) => void }) {
	return (
		<div class="search">
			<Icon name="search" />
			<input class="input" type="search" aria-label="Search my apps" placeholder="Search by name or app key"
				value={text} spellcheck={false} autocomplete="off" onInput={(e) => onText(e.currentTarget.value)} />
		</div>
	);
}

function FirstApp() {
	return (
		<EmptyState title="Register your first app" action={<CreateLink />}>
			<p class="secondary">
				An app stands for a program that wants to reach somebody's files. Registering it gives
				you the key and the secret which that program signs in with.
			</p>
			<ol class="steps">
				<li>Choose an API and how much of an account the app may see.</li>
				<li>Name it, and copy its key and secret into your program.</li>
				<li>Tell the app which address people come back to after they agree.</li>
			</ol>
		</EmptyState>
	);
}

function Rest({ page, busy, onMore }: { page: AppPage; busy: boolean; onMore: () => void }) {
	if (page.next === null)
		return null;
	return (
		<div class="list-end">
			<Button busy={busy} onClick={onMore}>More apps</Button>
			<span class="hint">{page.apps.length} of {page.total}</span>
		</div>
	);
}

export function MyApps() {
	useTitle("My apps");
	const [text, setText] = useState("");
	const words = useRested(text.trim());
	const { page, problem, busy, more } = useApps(words);
	const none = page !== null && page.total === 0;
	const search = text !== "" || words !== "" || (page !== null && page.total >= SEARCH_FROM);
	return (
		<Layout>
			<div class="page-head">
				<h1>My apps</h1>
				{page && (!none || words) && <CreateLink />}
			</div>
			{problem && <ProblemNotice problem={problem} />}
			{!page && !problem && <Skeleton />}
			{page && search && <Search text={text} onText={setText} />}
			{none && !words && <FirstApp />}
			{none && words && (
				<EmptyState title="No app of that name"
					action={<Button onClick={() => setText("")}>See all apps</Button>}>
					<p class="secondary">None of your apps has “{words}” in its name.</p>
				</EmptyState>
			)}
			{page && !none && (
				<>
					<ul class="card rows">{page.apps.map((a) => <Row key={a.app_key} app={a} />)}</ul>
					<Rest page={page} busy={busy} onMore={more} />
				</>
			)}
		</Layout>
	);
}
