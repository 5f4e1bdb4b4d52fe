/* parts.tsx - what the tabs of an app are made of: a section, a choice that saves itself, a list. */
import type { ComponentChildren } from "preact";
import { useRef, useState } from "preact/hooks";
import { Button, Field, focusFirstError, Icon, ProblemNotice, TextField } from "../shared/ui";
import { appPath } from "./app-info";
import { type Saving, useSaving } from "./saving";
import { api } from "./session";
import type { App } from "./types";

export interface AppPartProps {
	app: App;
	onChange: (app: App) => void;
}

export function Section({ title, hint, children }: {
	title: string; hint?: ComponentChildren; children: ComponentChildren;
}) {
	return (
		<section class="card card-pad stack">
			<div>
				<h2>{title}</h2>
				{hint && <p class="hint">{hint}</p>}
			</div>
			{children}
		</section>
	);
}

/* Tells the result where the change was made; nothing moves when it comes. */
export function Outcome({ saving, field }: { saving: Saving; field?: string }) {
	if (saving.problem && saving.problem.field !== field)
		return <ProblemNotice problem={saving.problem} />;
	return (
		<p role="status" class={saving.saved ? "saved" : "visually-hidden"}>
			{saving.saved && <><Icon name="check" />{saving.saved}</>}
		</p>
	);
}

/* One of a few words, saved as soon as it is chosen. */
export function SettingChoice(p: AppPartProps & {
	label: string;
	hint?: ComponentChildren;
	name: string; /* the setting */
	value: string;
	options: { value: string; label: string; send: unknown }[];
	done: string;
}) {
	const saving = useSaving();
	const choose = async (value: string) => {
		const option = p.options.find((o) => o.value === value);
		const path = `${appPath(p.app.app_key)}/settings`;
		const next = option && await saving.run(() => api.post<App>(path, { [p.name]: option.send }), p.done);
		if (next)
			p.onChange(next);
	};
	return (
		<div class="choice">
			<Field label={p.label} hint={p.hint} error={saving.errorAt(p.name)}>
				{(wiring) => (
					<select {...wiring} class="input select" value={p.value} aria-busy={saving.busy}
						onChange={(e) => void choose(e.currentTarget.value)}>
						{p.options.map((o) => <option key={o.value} value={o.value}>{o.label}</option>)}
					</select>
				)}
			</Field>
			<Outcome saving={saving} field={p.name} />
		</div>
	);
}

function ListRow(p: { value: string; index: number; name: string; only: boolean; busy: boolean; onDelete: () => void }) {
	const id = `${p.name}-${p.index}`;
	return (
		<li class="uri">
			<code id={id}>{p.value}</code>
			<Button kind="quiet" small busy={p.busy} describedBy={id} onClick={p.onDelete}
				label={p.only ? undefined : `Delete ${p.value}`}>Delete</Button>
		</li>
	);
}

/* A list of texts that grows and shrinks one by one: redirect URIs, domains. */
export function ListField(p: AppPartProps & {
	label: string;
	hint: ComponentChildren;
	placeholder: string;
	add: string;         /* the words of the button */
	missing: string;     /* when there is nothing to add */
	path: string;        /* "redirect-uris" */
	field: string;       /* "uri" */
	values: string[];
	added: string;
	deleted: string;
}) {
	const [text, setText] = useState("");
	const [missing, setMissing] = useState(false);
	const [going, setGoing] = useState("");
	const saving = useSaving();
	const form = useRef<HTMLFormElement>(null);
	const send = (tail: string, value: string, done: string) => saving.run(
		() => api.post<App>(`${appPath(p.app.app_key)}/${p.path}${tail}`, { [p.field]: value }), done);

	const add = async (e: Event) => {
		e.preventDefault();
		setGoing("");
		setMissing(text.trim() === "");
		const next = text.trim() !== "" && await send("", text.trim(), p.added);
		if (next) {
			setText("");
			p.onChange(next);
		} else {
			focusFirstError(form.current);
		}
	};
	const remove = async (value: string) => {
		setGoing(value);
		const next = await send("/remove", value, p.deleted);
		if (!next)
			return;
		p.onChange(next);
		/* The button that had the focus is gone with its row. */
		form.current?.querySelector("input")?.focus();
	};
	return (
		<div class="list-field">
			<form ref={form} onSubmit={(e) => void add(e)} noValidate>
				<TextField label={p.label} mono value={text} placeholder={p.placeholder} hint={p.hint}
					error={missing ? p.missing : saving.errorAt(p.field)}
					onInput={(v) => { setText(v); setMissing(false); saving.clear(); }}
					after={<Button type="submit" busy={saving.busy && going === ""}>{p.add}</Button>} />
			</form>
			{p.values.length > 0 && (
				<ul class="uris">
					{p.values.map((v, i) => (
						<ListRow key={v} value={v} index={i} name={p.path} only={p.values.length === 1}
							busy={saving.busy && going === v} onDelete={() => void remove(v)} />
					))}
				</ul>
			)}
			<Outcome saving={saving} field={p.field} />
		</div>
	);
}
