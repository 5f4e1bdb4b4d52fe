/* webhooks.tsx - the addresses that are told when files change, and how the last calls went. */
import { useEffect, useRef, useState } from "preact/hooks";
import { Button, focusFirstError, ProblemNotice, Skeleton, TextField, Time } from "../shared/ui";
import { appPath } from "./app-info";
import { Outcome, Section } from "./parts";
import { useSaving } from "./saving";
import { api, useLoad } from "./session";
import type { App, Delivery, Webhook } from "./types";

const LOOK_AGAIN_MS = 5000;

interface Answer {
	webhooks: Webhook[];
	now_ms: number; /* the sandbox's clock may have been moved meanwhile */
}

function outcome(d: Delivery): string {
	if (d.delivered)
		return `Answered ${d.status}`;
	if (d.error)
		return d.error.charAt(0).toUpperCase() + d.error.slice(1);
	return `Answered ${d.status} instead of 200`;
}

function Log({ deliveries }: { deliveries: Delivery[] }) {
	return (
		<ul class="deliveries">
			{deliveries.map((d, i) => (
				<li key={`${d.at_ms} ${d.attempt}`}>
					<span class={d.delivered ? "pill pill-ok" : "pill pill-bad"}>{d.delivered ? "Told" : "Failed"}</span>
					<span>
						{outcome(d)}
						<span class="hint">
							{" "}· {d.accounts === 1 ? "1 account" : `${d.accounts} accounts`}
							{d.attempt > 1 && ` · attempt ${d.attempt}`} · <Time at_ms={d.at_ms} />
							{i === 0 && d.again_ms !== null && <>, again <Time at_ms={d.again_ms} /></>}
						</span>
					</span>
				</li>
			))}
		</ul>
	);
}

function Row(p: { hook: Webhook; busy: boolean; onEnable: () => void; onDelete: () => void }) {
	const { hook } = p;
	const id = `webhook-${hook.id}`;
	return (
		<li class="webhook">
			<div class="uri">
				<code id={id}>{hook.uri}</code>
				<div class="uri-side">
					<span class={hook.enabled ? "pill pill-ok" : "pill"}>{hook.enabled ? "Enabled" : "Disabled"}</span>
					<Button kind="quiet" small busy={p.busy} onClick={p.onEnable}
						label={`${hook.enabled ? "Disable" : "Enable"} ${hook.uri}`}>
						{hook.enabled ? "Disable" : "Enable"}
					</Button>
					<Button kind="quiet" small busy={p.busy} label={`Delete ${hook.uri}`} onClick={p.onDelete}>
						Delete
					</Button>
				</div>
			</div>
			{hook.deliveries.length > 0 ? (
				<details class="more">
					<summary>Last calls: {hook.deliveries[0].delivered ? "told" : "failed"}{" "}
						<Time at_ms={hook.deliveries[0].at_ms} /></summary>
					<Log deliveries={hook.deliveries} />
				</details>
			) : <p class="hint">Not called yet: no file of anybody connected has changed since.</p>}
		</li>
	);
}

/* Looks again now and then, as long as the page is in front of somebody. */
function useWebhooks(app: App) {
	const path = `${appPath(app.app_key)}/webhooks`;
	const loaded = useLoad<Answer>(path);
	const { setData } = loaded;
	const any = (loaded.data?.webhooks.length ?? 0) > 0;
	useEffect(() => {
		if (!any)
			return undefined;
		let gone = false;
		const look = () => document.visibilityState === "visible"
			&& api.get<Answer>(path).then((d) => !gone && setData(d), () => undefined);
		const timer = setInterval(look, LOOK_AGAIN_MS);
		return () => {
			gone = true;
			clearInterval(timer);
		};
	}, [path, any]);
	return { path, ...loaded };
}

export function Webhooks({ app }: { app: App }) {
	const { path, data, problem, setData } = useWebhooks(app);
	const [uri, setUri] = useState("");
	const [missing, setMissing] = useState(false);
	const [which, setWhich] = useState("");
	const saving = useSaving();
	const form = useRef<HTMLFormElement>(null);

	const run = async (what: string, call: () => Promise<Answer>, done: string) => {
		setWhich(what);
		const next = await saving.run(call, done);
		if (next)
			setData(next);
		return next;
	};
	const add = async (e: Event) => {
		e.preventDefault();
		setMissing(uri.trim() === "");
		if (uri.trim() !== "" && await run("", () => api.post<Answer>(path, { uri: uri.trim() }),
			"Saved. It gave the challenge back, and is told from now on."))
			setUri("");
		else
			focusFirstError(form.current);
	};
	const change = (hook: Webhook) => void run(hook.id,
		() => api.post<Answer>(`${path}/${hook.id}`, { enabled: !hook.enabled }),
		hook.enabled ? "Disabled. It hears nothing until you enable it again." : "Enabled.");
	const remove = async (hook: Webhook) => {
		/* The button that had the focus is gone with its row. */
		if (await run(hook.id, () => api.del<Answer>(`${path}/${hook.id}`), "Deleted."))
			form.current?.querySelector("input")?.focus();
	};
	return (
		<Section title="Webhooks" hint="Told by a signed POST when files of somebody connected change.">
			<div class="list-field">
				<form ref={form} onSubmit={(e) => void add(e)} noValidate>
					<TextField label="Webhook URIs" mono value={uri} placeholder="https://"
						error={missing ? "Type the address at which your program listens." : saving.errorAt("uri")}
						onInput={(v) => { setUri(v); setMissing(false); saving.clear(); }}
						after={<Button type="submit" busy={saving.busy && which === ""}>Add webhook</Button>}
						hint="It is called at once: GET ?challenge=X has to answer X within ten seconds." />
				</form>
				{!data && !problem && <Skeleton lines={1} />}
				{problem && <ProblemNotice problem={problem} />}
				{data && data.webhooks.length > 0 && (
					<ul class="uris">
						{data.webhooks.map((h) => (
							<Row key={h.id} hook={h} busy={saving.busy && which === h.id}
								onEnable={() => change(h)} onDelete={() => void remove(h)} />
						))}
					</ul>
				)}
				<Outcome saving={saving} field="uri" />
			</div>
		</Section>
	);
}
