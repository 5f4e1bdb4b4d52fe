/* my-apps.tsx - the apps of the person signed in. */
import { EmptyState, LetterMark, Link, ProblemNotice, Skeleton, Time } from "../shared/ui";
import { Layout } from "./layout";
import { useLoad, useTitle } from "./session";
import { ACCESS_WORDS, API_WORDS, type AppRow } from "./types";

function CreateLink() {
	return <Link href="/developers/apps/create" button="primary" icon="plus">Create App</Link>;
}

function Row({ app }: { app: AppRow }) {
	return (
		<li class="row">
			<LetterMark name={app.name} />
			<div class="row-main">
				<Link href={`/developers/apps/info/${encodeURIComponent(app.app_key)}`} class="row-name">
					{app.name}
				</Link>
				<p class="hint">{API_WORDS[app.api]} · {ACCESS_WORDS[app.access]}</p>
			</div>
			<div class="row-side hint">
				<span class="pill">{app.status === "development" ? "Development" : app.status}</span>
				<span>Created <Time at_ms={app.created_ms} interval_ms={30000} /></span>
			</div>
		</li>
	);
}

export function MyApps() {
	useTitle("My apps");
	const { data, problem } = useLoad<{ apps: AppRow[] }>("/_web/apps");
	const empty = data?.apps.length === 0;
	return (
		<Layout>
			<div class="page-head">
				<h1>My apps</h1>
				{data && !empty && <CreateLink />}
			</div>
			{problem && <ProblemNotice problem={problem} />}
			{!data && !problem && <Skeleton />}
			{empty && (
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
			)}
			{data && !empty && <ul class="card rows">{data.apps.map((a) => <Row key={a.app_key} app={a} />)}</ul>}
		</Layout>
	);
}
