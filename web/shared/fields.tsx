/* fields.tsx - form fields: label above, help below, the error in the field's own place. */
import type { ComponentChildren, JSX, RefObject } from "preact";
import { useEffect, useId, useState } from "preact/hooks";
import { Button, CopyButton, cx } from "./ui";

/* Puts the cursor into the first field with an error. Call it after the errors were set. */
export function focusFirstError(root: ParentNode | null): void {
	requestAnimationFrame(() => {
		root?.querySelector<HTMLElement>("[aria-invalid=true]")?.focus();
	});
}

export interface FieldProps {
	label: string; /* the whole accessible name of the input */
	hint?: ComponentChildren;
	error?: ComponentChildren; /* what is wrong and what to do */
	optional?: boolean;
	heading?: boolean; /* the label is a heading of the page too */
	headingMark?: ComponentChildren;
	/* wiring goes onto the input; labelId is what a helper button is described by. */
	children: (wiring: FieldWiring, labelId: string) => ComponentChildren;
}

export interface FieldWiring {
	id: string;
	"aria-describedby": string | undefined;
	"aria-invalid": boolean | undefined;
}

export function Field(p: FieldProps) {
	const id = useId();
	const described = [p.optional && `${id}-opt`, p.error && `${id}-err`, p.hint && `${id}-hint`]
		.filter(Boolean).join(" ");
	const label = <label for={id} id={`${id}-label`}>{p.label}</label>;
	return (
		<div class={cx("field", p.error && "has-error")}>
			<div class="field-label">
				{p.heading ? <h2>{p.headingMark}{label}</h2> : label}
				{p.optional && <span class="optional" id={`${id}-opt`}>optional</span>}
			</div>
			{p.children({ id, "aria-describedby": described || undefined,
				"aria-invalid": p.error ? true : undefined }, `${id}-label`)}
			{p.error && <p class="field-error" role="alert" id={`${id}-err`}>{p.error}</p>}
			{p.hint && <p class="hint" id={`${id}-hint`}>{p.hint}</p>}
		</div>
	);
}

export interface TextFieldProps extends Omit<FieldProps, "children"> {
	value: string;
	onInput?: (value: string) => void;
	type?: "text" | "email" | "password" | "url" | "search";
	autocomplete?: string;
	readOnly?: boolean;
	disabled?: boolean;
	mono?: boolean;
	autofocus?: boolean;
	placeholder?: string;
	maxLength?: number;
	multiline?: boolean;
	inputRef?: RefObject<HTMLInputElement>;
	onKeyDown?: (e: KeyboardEvent) => void;
	onBlur?: () => void;
	after?: ComponentChildren | ((labelId: string) => ComponentChildren); /* buttons in the same row */
}

export function TextField(p: TextFieldProps) {
	return (
		<Field {...p}>
			{(wiring, labelId) => (
				<div class="input-row">
					{p.multiline ? <Area {...p} wiring={wiring} /> : <Input {...p} wiring={wiring} />}
					{typeof p.after === "function" ? p.after(labelId) : p.after}
				</div>
			)}
		</Field>
	);
}

type Wired = TextFieldProps & { wiring: FieldWiring };

function common(p: Wired) {
	return {
		...p.wiring, value: p.value, readOnly: p.readOnly, disabled: p.disabled, spellcheck: false,
		placeholder: p.placeholder, maxLength: p.maxLength, onKeyDown: p.onKeyDown, onBlur: p.onBlur,
		class: cx("input", p.mono && "mono"),
	};
}

function Input(p: Wired) {
	return (
		<input {...common(p)} type={p.type ?? "text"} ref={p.inputRef} autofocus={p.autofocus}
			autocomplete={(p.autocomplete ?? "off") as JSX.InputHTMLAttributes["autocomplete"]}
			autocapitalize="off"
			onInput={(e) => p.onInput?.(e.currentTarget.value)} />
	);
}

function Area(p: Wired) {
	return (
		<textarea {...common(p)} rows={2} onInput={(e) => p.onInput?.(e.currentTarget.value)} />
	);
}

export type SecretInputProps = Omit<TextFieldProps, "type" | "multiline" | "after">;

/* A secret that the person types or pastes: masked, with Reveal and Hide. */
export function SecretInput(p: SecretInputProps) {
	const [open, setOpen] = useState(false);
	const shown = open && p.value !== "";
	return (
		<TextField {...p} mono type={shown ? "text" : "password"} after={(labelId) => (
			<Button icon="eye" describedBy={labelId} disabled={p.value === ""}
				onClick={() => setOpen(!shown)}>{shown ? "Hide" : "Reveal"}</Button>
		)} />
	);
}

/* As many for every secret: the length of one says nothing. */
export const BULLETS = "•".repeat(24);

export interface SecretFieldProps extends Omit<FieldProps, "children"> {
	present: boolean;               /* false: empty, with nothing to reveal */
	fetchValue: () => Promise<string>;
	revealWord?: "Reveal" | "Show";
	copy?: boolean;
	stamp?: unknown;                /* another value hides what is shown (the secret has changed) */
	onError?: (e: unknown) => void;
}

/* A stored secret. Its value is asked for when it is wanted, and is in the page only while shown. */
export function SecretField(p: SecretFieldProps) {
	const [value, setValue] = useState<string | null>(null);
	const [busy, setBusy] = useState(false);
	useEffect(() => setValue(null), [p.stamp, p.present]);

	const toggle = async () => {
		if (value !== null) {
			setValue(null);
			return;
		}
		setBusy(true);
		try {
			setValue(await p.fetchValue());
		} catch (e) {
			p.onError?.(e);
		} finally {
			setBusy(false);
		}
	};
	const copyText = () => value === null ? p.fetchValue() : Promise.resolve(value);
	return (
		<Field {...p}>
			{(wiring, labelId) => (
				<div class="input-row">
					<input {...wiring} class="input mono" type="text" readOnly spellcheck={false}
						autocomplete="off" value={value ?? (p.present ? BULLETS : "")} />
					<Button icon="eye" busy={busy} disabled={!p.present} describedBy={labelId}
						onClick={() => void toggle()}>
						{value === null ? p.revealWord ?? "Reveal" : "Hide"}
					</Button>
					{p.copy && <CopyButton text={copyText} disabled={!p.present} describedBy={labelId}
						onError={p.onError} />}
				</div>
			)}
		</Field>
	);
}

export interface CheckboxProps {
	label: string;
	hint?: ComponentChildren;
	checked: boolean;
	disabled?: boolean;
	onChange?: (checked: boolean) => void;
}

export function Checkbox(p: CheckboxProps) {
	const id = useId();
	return (
		<div class="check">
			<input type="checkbox" id={id} checked={p.checked} disabled={p.disabled}
				aria-describedby={p.hint ? `${id}-hint` : undefined}
				onChange={(e) => p.onChange?.(e.currentTarget.checked)} />
			<div>
				<label for={id}>{p.label}</label>
				{p.hint && <p class="hint" id={`${id}-hint`}>{p.hint}</p>}
			</div>
		</div>
	);
}

export interface RadioCardsProps {
	legend: string; /* heading, and the name of the group */
	mark?: ComponentChildren; /* before the heading; hide it from screen readers */
	name: string;
	options: { value: string; label: string; hint?: ComponentChildren }[];
	value: string;
	onChange: (value: string) => void;
	error?: ComponentChildren;
}

/* A choice as cards; each radio is named by its label only, its explanation is a description. */
export function RadioCards(p: RadioCardsProps) {
	const id = useId();
	return (
		<div class={cx("field", p.error && "has-error")}>
			<h2>{p.mark}<span id={id}>{p.legend}</span></h2>
			<div class="radio-cards" role="radiogroup" aria-labelledby={id}
				aria-describedby={p.error ? `${id}-err` : undefined}>
				{p.options.map((o, i) => (
					<div class={cx("radio-card", o.value === p.value && "is-chosen")} key={o.value}>
						<input type="radio" name={p.name} id={`${id}-${i}`} value={o.value}
							checked={o.value === p.value} aria-invalid={p.error ? true : undefined}
							aria-describedby={o.hint ? `${id}-${i}-hint` : undefined}
							onChange={() => p.onChange(o.value)} />
						<div>
							<label for={`${id}-${i}`}>{o.label}</label>
							{o.hint && <p class="hint" id={`${id}-${i}-hint`}>{o.hint}</p>}
						</div>
					</div>
				))}
			</div>
			{p.error && <p class="field-error" role="alert" id={`${id}-err`}>{p.error}</p>}
		</div>
	);
}
