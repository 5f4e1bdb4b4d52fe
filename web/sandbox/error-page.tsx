/* error-page.tsx - a page that says what happened and what to do about it. */
import type { ComponentChildren } from "preact";
import { CopyButton, Icon } from "../shared/ui";
import { Layout } from "./layout";
import { useAway, useSession, useTitle } from "./session";
import type { ErrorPage as ErrorFacts } from "./types";

export interface ErrorPageProps {
	error: ErrorFacts;
	nav?: boolean; /* with the ways to the other pages */
	action?: ComponentChildren;
}

export function ErrorPage({ error, nav, action }: ErrorPageProps) {
	useTitle(error.title);
	return (
		<Layout bare={!nav}>
			<div class="card card-pad narrow stack error-page">
				<div>
					<span class="error-mark"><Icon name="warn" /></span>
					<h1>{error.title}</h1>
				</div>
				<p>{error.detail}</p>
				{error.redirect_uri && (
					<div class="uri">
						<code>{error.redirect_uri}</code>
						<CopyButton text={error.redirect_uri} />
					</div>
				)}
				{error.todo && <p><strong>What to do:</strong> {error.todo}</p>}
				{action && <div>{action}</div>}
				{error.request_id && <p class="request-id">Request {error.request_id}</p>}
			</div>
		</Layout>
	);
}

export function NotFound() {
	const { session } = useSession();
	const todo = useAway()
		? `Apps are made in the App Console, at ${session.console_url} and without the proxy.`
		: "Check the address, or start again from the list of your apps.";
	return (
		<ErrorPage nav error={{ status: 404, title: "There is nothing here",
			detail: "This page does not exist, or it belongs to another account.", todo }} />
	);
}
