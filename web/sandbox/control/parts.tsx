/* parts.tsx - the few form parts that only the control page has. */
import type { ComponentChildren } from "preact";
import { Field } from "../../shared/ui";

export interface SelectProps {
	label: string;
	hint?: ComponentChildren;
	error?: ComponentChildren;
	value: string;
	options: { value: string; label: string }[];
	onChange: (value: string) => void;
}

export function Select(p: SelectProps) {
	return (
		<Field label={p.label} hint={p.hint} error={p.error}>
			{(wiring) => (
				<select {...wiring} class="input" value={p.value}
					onChange={(e) => p.onChange(e.currentTarget.value)}>
					{p.options.map((o) => <option key={o.value} value={o.value}>{o.label}</option>)}
				</select>
			)}
		</Field>
	);
}

export interface NumberFieldProps {
	label: string;
	hint?: ComponentChildren;
	error?: ComponentChildren;
	optional?: boolean;
	value: string; /* as typed; empty: none */
	min: number;
	max: number;
	onInput: (value: string) => void;
	disabled?: boolean;
}

export function NumberField(p: NumberFieldProps) {
	return (
		<Field label={p.label} hint={p.hint} error={p.error} optional={p.optional}>
			{(wiring) => (
				<input {...wiring} class="input" type="number" inputMode="numeric" step={1} min={p.min}
					max={p.max} value={p.value} disabled={p.disabled}
					onInput={(e) => p.onInput(e.currentTarget.value)} />
			)}
		</Field>
	);
}

/* A number as typed, or undefined when nothing is. */
export function numberOf(typed: string): number | undefined {
	return typed.trim() === "" ? undefined : Number(typed);
}

/* A card with a heading and what it is for. */
export function Card(p: { title: string; hint?: ComponentChildren; children: ComponentChildren }) {
	return (
		<section class="card card-pad control-card">
			<div>
				<h2>{p.title}</h2>
				{p.hint && <p class="hint">{p.hint}</p>}
			</div>
			{p.children}
		</section>
	);
}
