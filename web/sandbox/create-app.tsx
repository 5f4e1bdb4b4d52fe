/* create-app.tsx - registering an app: an API, an access type, a name. */
import { useRef, useState } from "preact/hooks";
import { type Problem, problemOf, sentences } from "../shared/api";
import { navigate } from "../shared/router";
import { Button, focusFirstError, ProblemNotice, RadioCards, TextField } from "../shared/ui";
import { Agreement } from "./agreement";
import { Layout } from "./layout";
import { api, useSession, useTitle } from "./session";
import { ACCESS_WORDS, API_WORDS, type App } from "./types";

const API_CHOICES = [
	{ value: "dropbox", label: API_WORDS.dropbox,
		hint: "For apps that work with the files of the one person who connects them." },
	{ value: "business", label: API_WORDS.business,
		hint: "For apps that work for a whole team; an admin of the team connects them." },
];
const ACCESS_CHOICES = [
	{ value: "app_folder", label: ACCESS_WORDS.app_folder,
		hint: "A single folder made for your app. It sees nothing else." },
	{ value: "full", label: ACCESS_WORDS.full,
		hint: "All files and folders of whoever connects the app." },
];
const FIELDS = ["api", "access", "name"];

type Errors = Record<string, string | undefined>;

function Mark({ n }: { n: number }) {
	return <span class="step-mark" aria-hidden="true">{n}</span>;
}

function missing(values: Record<string, string>): Errors {
	return {
		api: values.api ? undefined : "Choose one.",
		access: values.access ? undefined : "Choose one.",
		name: values.name.trim() ? undefined : "Give your app a name.",
	};
}

function fieldErrors(p: Problem): Errors {
	const field = p.field ?? (p.code === "name-taken" ? "name" : "");
	return FIELDS.includes(field) ? { [field]: sentences(p) } : {};
}

export function CreateApp() {
	useTitle("New app");
	const business = useSession().session.account?.type === "business";
	const [values, setValues] = useState({ api: business ? "" : "dropbox", access: "", name: "" });
	const [errors, setErrors] = useState<Errors>({});
	const [problem, setProblem] = useState<Problem | null>(null);
	const [agreed, setAgreed] = useState(false);
	const [busy, setBusy] = useState(false);
	const form = useRef<HTMLFormElement>(null);

	const set = (field: string) => (value: string) => {
		setValues((v) => ({ ...v, [field]: value }));
		setErrors((e) => ({ ...e, [field]: undefined }));
	};
	const refuse = (found: Errors) => {
		setErrors(found);
		focusFirstError(form.current);
	};
	const submit = async (e: Event) => {
		e.preventDefault();
		const found = { ...missing(values), agree: agreed ? undefined : "Tick it to go on." };
		setProblem(null);
		if (busy || Object.values(found).some(Boolean))
			return busy ? undefined : refuse(found);
		setBusy(true);
		try {
			const app = await api.post<App>("/_web/apps", { ...values, name: values.name.trim() });
			await navigate(`/developers/apps/info/${encodeURIComponent(app.app_key)}`);
		} catch (err) {
			const p = problemOf(err);
			const at = fieldErrors(p);
			setBusy(false);
			refuse(at);
			setProblem(Object.keys(at).length > 0 ? null : p);
		}
	};
	return (
		<Layout>
			<div class="page-head"><h1>Register a new app</h1></div>
			<form class="card card-pad wizard" ref={form} onSubmit={(e) => void submit(e)} noValidate>
				<RadioCards legend="Choose an API" mark={<Mark n={1} />} name="api" value={values.api}
					options={business ? API_CHOICES : API_CHOICES.slice(0, 1)} onChange={set("api")}
					error={errors.api} />
				<RadioCards legend="Choose the type of access you need" mark={<Mark n={2} />} name="access"
					value={values.access} options={ACCESS_CHOICES} onChange={set("access")}
					error={errors.access} />
				<TextField label="Name your app" heading headingMark={<Mark n={3} />} value={values.name}
					onInput={set("name")} error={errors.name} maxLength={200}
					hint="People see it when they are asked to connect. No other app may have the same, and it may not start with Dropbox." />
				<Agreement agreed={agreed} error={errors.agree}
					onChange={(on) => { setAgreed(on); setErrors((e) => ({ ...e, agree: undefined })); }} />
				{problem && <ProblemNotice problem={problem} />}
				<div class="actions">
					<Button type="submit" kind="primary" busy={busy}>Create app</Button>
				</div>
			</form>
		</Layout>
	);
}
