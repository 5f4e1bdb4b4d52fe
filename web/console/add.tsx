/* add.tsx - which kind of token: the first step of adding one. */
import { Link, LetterMark, ProblemNotice, Skeleton } from "../shared/ui";
import { followLink } from "../shared/router";
import { BASE, type Provider } from "./model";
import { useLoad, useTitle } from "./ui";

function Choice({ provider }: { provider: Provider }) {
	const id = `about-${provider.id}`;
	return (
		<li class="choice card">
			<LetterMark name={provider.name} />
			<div>
				<a class="choice-link" href={`/tokens/new/${encodeURIComponent(provider.id)}`} onClick={followLink}
					aria-describedby={id}>{provider.name}</a>
				<p class="hint" id={id}>OAuth 2.0, with an app of your own at {new URL(provider.console_url).host}.</p>
			</div>
		</li>
	);
}

export function AddToken() {
	useTitle("Add Token");
	const { data, problem } = useLoad<{ providers: Provider[] }>(`${BASE}/providers`);
	return (
		<main class="page page-middle">
			<div class="page-head">
				<div class="stack-8">
					<h1>Add Token</h1>
					<p class="muted">Which service is the token for?</p>
				</div>
				<Link href="/tokens" button="quiet">Back to the list</Link>
			</div>
			{problem && <ProblemNotice problem={problem} />}
			{!data && !problem && <Skeleton lines={2} />}
			<ul class="choices">{data?.providers.map((p) => <Choice key={p.id} provider={p} />)}</ul>
		</main>
	);
}
