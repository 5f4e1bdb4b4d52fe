/* callback.tsx - the last page of the pop-up: tells the configuration screen and goes away. */
import { useEffect, useState } from "preact/hooks";
import { TopBar } from "../shared/ui";
import { type CallbackMessage, openChannel } from "./channel";
import { Verdict } from "./ui";

const ANSWER_MS = 1000;

export interface CallbackBoot {
	page: "callback";
	public_url: string;
	outcome: "connected" | "failed";
	connection: string | null;
	title: string;
	detail: string;
	todo: string;
}

/* Posts the outcome; done(true) once a configuration screen shows it, done(false) when none answered. */
function report(boot: CallbackBoot, done: (taken: boolean) => void): () => void {
	const message: CallbackMessage = { type: "oauth-callback", connection: boot.connection,
		outcome: boot.outcome, title: boot.title, detail: boot.detail, todo: boot.todo };
	const channel = openChannel((m) => m.type === "oauth-ack" && m.connection === boot.connection && end(true));
	const timer = setTimeout(() => end(false), ANSWER_MS);
	const end = (taken: boolean) => {
		clearTimeout(timer);
		channel.onmessage = null;
		done(taken);
	};
	channel.postMessage(message);
	return () => {
		clearTimeout(timer);
		channel.close();
	};
}

export function CallbackPage({ boot }: { boot: CallbackBoot }) {
	const [stays, setStays] = useState(false);
	useEffect(() => {
		/* The address holds the code: it is used up, and still nobody's business in the history. */
		history.replaceState(null, "", location.pathname);
		return report(boot, (taken) => {
			if (taken || boot.outcome === "connected")
				window.close();
			/* Reached when the browser does not let this page close its own window, too. */
			setTimeout(() => setStays(true), taken ? 300 : 0);
		});
	}, []);
	const failed = boot.outcome === "failed";
	return (
		<>
			<TopBar mark="V" product="valetkey" />
			<main class="page page-narrow">
				{failed || stays ? (
					<Verdict ok={!failed} title={boot.title} detail={boot.detail} todo={boot.todo}>
						{stays && !boot.todo.includes("close this window") && <p>You can close this window.</p>}
					</Verdict>
				) : <p class="muted" role="status">Finishing…</p>}
			</main>
		</>
	);
}
