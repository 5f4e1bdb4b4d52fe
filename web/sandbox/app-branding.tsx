/* app-branding.tsx - the Branding tab: what people see of the app when it asks them. */
import { useRef, useState } from "preact/hooks";
import { Button, focusFirstError, ProblemNotice, TextField } from "../shared/ui";
import { appPath } from "./app-info";
import { AppMark } from "./app-mark";
import { type AppPartProps, Outcome, Section } from "./parts";
import { useSaving } from "./saving";
import { api } from "./session";
import type { App } from "./types";
import { Unsaved } from "./unsaved";

const ICON_MAX = 256 * 1024;
const FIELDS = ["name", "publisher", "website", "description"] as const;
type Values = Record<(typeof FIELDS)[number], string>;

function valuesOf(app: App): Values {
	return { name: app.name, publisher: app.publisher, website: app.website, description: app.description };
}

function readBase64(file: File): Promise<string> {
	return new Promise((resolve, reject) => {
		const reader = new FileReader();
		reader.onload = () => resolve(String(reader.result).replace(/^[^,]*,/, ""));
		reader.onerror = () => reject(reader.error ?? new Error("the file could not be read"));
		reader.readAsDataURL(file);
	});
}

function IconPart({ app, onChange }: AppPartProps) {
	const saving = useSaving();
	const [refused, setRefused] = useState("");
	const input = useRef<HTMLInputElement>(null);
	const path = `${appPath(app.app_key)}/icon`;
	const put = async (call: () => Promise<App>, done: string) => {
		const next = await saving.run(call, done);
		if (next)
			onChange(next);
	};
	const choose = async (file: File | undefined) => {
		if (!file)
			return;
		saving.clear();
		setRefused(file.size > ICON_MAX ? "The picture is larger than 256 kB. A square of 256 pixels is enough." : "");
		if (file.size <= ICON_MAX)
			await put(async () => api.post<App>(path, { icon: await readBase64(file) }), "Saved.");
		if (input.current)
			input.current.value = "";
	};
	const error = refused || saving.errorAt("icon");
	return (
		<Section title="Icon" hint="Shown when people are asked, and among their connected apps.">
			<div class="icon-part">
				<AppMark key={app.icon_id ?? ""} name={app.name} iconId={app.icon_id} large />
				<div class="list-field">
					<div class="actions">
						<input ref={input} type="file" accept="image/png,image/jpeg" id="icon-file"
							class="visually-hidden" tabIndex={-1} aria-label="Icon file"
							onChange={(e) => void choose(e.currentTarget.files?.[0])} />
						<Button busy={saving.busy} describedBy="icon-hint" onClick={() => input.current?.click()}>
							{app.icon_id ? "Choose another picture" : "Choose a picture"}
						</Button>
						{app.icon_id && (
							<Button kind="quiet" onClick={() => void put(() => api.del<App>(path), "Removed.")}>
								Remove
							</Button>
						)}
					</div>
					<p class="hint" id="icon-hint">PNG or JPEG, square, at most 256 kB.</p>
					{error && <p class="field-error" role="alert">{error}</p>}
					<Outcome saving={saving} field="icon" />
				</div>
			</div>
		</Section>
	);
}

function TextsPart({ app, onChange }: AppPartProps) {
	const [values, setValues] = useState(() => valuesOf(app));
	const saving = useSaving();
	const form = useRef<HTMLFormElement>(null);
	const known = valuesOf(app);
	const changed = FIELDS.some((f) => values[f].trim() !== known[f]);
	const set = (field: keyof Values) => (v: string) => {
		saving.clear();
		setValues((all) => ({ ...all, [field]: v }));
	};
	const submit = async (e: Event) => {
		e.preventDefault();
		const next = await saving.run(() => api.post<App>(`${appPath(app.app_key)}/branding`, values), "Saved.");
		if (next) {
			setValues(valuesOf(next));
			onChange(next);
		} else {
			focusFirstError(form.current);
		}
	};
	const atField = saving.problem?.field;
	return (
		<Section title="Name and publisher" hint="What people read when the app asks them.">
			<Unsaved changed={changed} save="Save" />
			<form class="stack" ref={form} onSubmit={(e) => void submit(e)} noValidate>
				<TextField label="App name" value={values.name} onInput={set("name")} error={saving.errorAt("name")}
					hint="No other app may have the same. The folder of an app-folder app keeps its name." />
				<TextField label="Publisher" optional value={values.publisher} onInput={set("publisher")}
					error={saving.errorAt("publisher")} hint="Who offers the app, a person or a company." />
				<TextField label="Website" optional type="url" value={values.website} onInput={set("website")}
					error={saving.errorAt("website")} placeholder="https://" />
				<TextField label="Description" optional multiline value={values.description}
					onInput={set("description")} error={saving.errorAt("description")}
					hint="One or two sentences on what it does." />
				{saving.problem && !FIELDS.includes(atField as keyof Values)
					&& <ProblemNotice problem={saving.problem} />}
				<div class="actions">
					<Button type="submit" kind="primary" busy={saving.busy}>Save</Button>
					{changed && !saving.saved && <span class="hint">Not saved yet.</span>}
					<Outcome saving={{ ...saving, problem: null }} />
				</div>
			</form>
		</Section>
	);
}

export function AppBranding({ app, onChange }: AppPartProps) {
	return (
		<div class="branding">
			<TextsPart app={app} onChange={onChange} />
			<IconPart app={app} onChange={onChange} />
		</div>
	);
}
