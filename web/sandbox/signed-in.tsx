/* signed-in.tsx - what www.dropbox.com shows by the proxy to somebody who is signed in. */
import { CopyButton } from "../shared/ui";
import { Layout } from "./layout";
import { useSession, useTitle } from "./session";

export function SignedIn() {
	const { session } = useSession();
	useTitle("Signed in");
	return (
		<Layout>
			<div class="narrow stack">
				<div>
					<h1>You are signed in</h1>
					<p class="lead">
						Programs that send you here for a consent find you
						as <strong>{session.account?.email}</strong>.
					</p>
				</div>
				<p>Apps are made in the App Console, at the sandbox's own address and without the proxy:</p>
				<div class="uri">
					<code>{session.console_url}</code>
					<CopyButton text={session.console_url} />
				</div>
			</div>
		</Layout>
	);
}
