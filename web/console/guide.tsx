/* guide.tsx - the procedure beside the form, in the provider's own words; it ticks itself. */
import type { ComponentChildren } from "preact";
import { cx, ExternalLink, Icon } from "../shared/ui";
import type { Provider } from "./model";

export interface Progress {
	keyed: boolean;    /* app key and app secret have a plausible shape */
	copied: boolean;   /* the redirect URI was copied */
	named: boolean;
	opened: boolean;   /* the provider's window was opened */
	consented: boolean;
	received: boolean;
	renews: boolean;   /* false: it came without a refresh token */
}

interface Step {
	title: string;
	done: boolean;
	body: ComponentChildren;
}

function Ticks({ rows }: { rows: [string, boolean][] }) {
	return (
		<ul class="ticks">
			{rows.map(([words, done]) => (
				<li key={words} class={cx(done && "is-done")}>
					<span class="tick" aria-hidden="true">{done && <Icon name="check" />}</span>
					{words}{done && <span class="visually-hidden"> (finished)</span>}
				</li>
			))}
		</ul>
	);
}

/* What a provider calls things on its own pages. */
interface Words {
	place: string; /* where apps are made */
	create: ComponentChildren;
	copy: ComponentChildren;
	redirect: ComponentChildren;
	consent: ComponentChildren;
}

const DROPBOX: Words = {
	place: "App Console",
	create: (
		<>
			In <b>My apps</b> choose <b>Create App</b>, then <b>Dropbox API</b>, then{" "}
			<b>App folder</b> or <b>Full Dropbox</b>. Give it a name and choose <b>Create app</b>.
			Leave this screen open.
		</>
	),
	copy: (
		<>
			On the app’s <b>Settings</b> tab copy the key. Choose <b>Show</b> beside the secret and copy it
			too. Paste both here.
		</>
	),
	redirect: (
		<>
			Copy the redirect URI from here, paste it under <b>Redirect URIs</b> on the same tab and
			choose <b>Add</b>. It must match to the letter.
		</>
	),
	consent: (
		<>
			A small window opens. Sign in if it asks, go past <b>Before you connect this app</b> with{" "}
			<b>Continue</b>, then choose <b>Allow</b>.
		</>
	),
};

const ANY: Words = {
	place: "developer pages",
	create: "Make an app there, or an OAuth client, of the kind for a web server. Leave this screen open.",
	copy: "Copy the app’s key and its secret; they may be called client ID and client secret. Paste both here.",
	redirect: "Copy the redirect URI from here and add it to the app’s redirect URIs. It must match to the letter.",
	consent: "A small window opens. Sign in if it asks, then allow the app.",
};

function steps(provider: Provider, p: Progress): Step[] {
	const there = provider.name;
	const words = provider.id === "dropbox" ? DROPBOX : ANY;
	return [
		{ title: `Create an app in ${there}`, done: p.keyed, body: (
			<>
				<p><ExternalLink href={provider.console_url}>Open {there}'s {words.place}</ExternalLink></p>
				<p>{words.create}</p>
			</>
		) },
		{ title: "Copy its key and secret", done: p.keyed, body: <p>{words.copy}</p> },
		{ title: "Give the app the address of this manager", done: p.copied, body: <p>{words.redirect}</p> },
		{ title: "Name it and connect", done: p.received, body: (
			<>
				<p>{words.consent}</p>
				<Ticks rows={[["Named", p.named], ["Window opened", p.opened],
					["Consent given", p.consented], ["Token received", p.received]]} />
			</>
		) },
		{ title: "Save", done: false, body:
			<p>
				Choose <b>Done</b>. {p.renews ? "From then on it is kept fresh, and your programs can ask for it."
					: "Your programs can ask for it until it stops: nothing renews it, as the form says."}
			</p> },
	];
}

export function Guide({ provider, progress }: { provider: Provider; progress: Progress }) {
	const all = steps(provider, progress);
	const current = all.findIndex((s) => !s.done);
	return (
		<aside class="guide card card-pad">
			<h2>The five steps</h2>
			<ol>
				{all.map((s, i) => (
					<li key={s.title} class={cx("guide-step", s.done && "is-done", i === current && "is-current")}
						aria-current={i === current ? "step" : undefined}>
						<span class="step-mark" aria-hidden="true">{s.done ? <Icon name="check" /> : i + 1}</span>
						<div class="stack-4">
							<h3>{s.title}{s.done && <span class="visually-hidden"> (finished)</span>}</h3>
							<div class="guide-body">{s.body}</div>
						</div>
					</li>
				))}
			</ol>
		</aside>
	);
}
