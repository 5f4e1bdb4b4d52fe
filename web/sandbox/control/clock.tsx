/* clock.tsx - the sandbox's time and how to move it, and how much there is of everything. */
import { useState } from "preact/hooks";
import { formatSpan, useNow } from "../../shared/time";
import { announce, Button, ProblemNotice } from "../../shared/ui";
import { control, type State, useAction } from "./client";

const STEPS = [
	{ words: "1 hour", seconds: 3600 },
	{ words: "4 hours", seconds: 14400 },
	{ words: "1 day", seconds: 86400 },
];

const UNITS = [
	{ value: "1", label: "seconds" },
	{ value: "60", label: "minutes" },
	{ value: "3600", label: "hours" },
	{ value: "86400", label: "days" },
];

const COUNTS: { name: keyof State; words: string }[] = [
	{ name: "accounts", words: "Accounts" },
	{ name: "apps", words: "Apps" },
	{ name: "grants", words: "Grants" },
	{ name: "access_tokens", words: "Access tokens" },
	{ name: "refresh_tokens", words: "Refresh tokens" },
	{ name: "files", words: "Files" },
	{ name: "faults", words: "Faults" },
];

/* "2026-11-25 22:40:07": the same everywhere, for comparing with a program's own log. */
function utc(ms: number): string {
	return new Date(ms).toISOString().slice(0, 19).replace("T", " ");
}

function Counts({ state }: { state: State }) {
	return (
		<dl class="control-counts">
			{COUNTS.map((c) => (
				<div key={c.name}>
					<dt>{c.words}</dt>
					<dd>{String(state[c.name])}</dd>
				</div>
			))}
		</dl>
	);
}

function OwnStep({ busy, onMove }: { busy: boolean; onMove: (seconds: number, words: string) => void }) {
	const [amount, setAmount] = useState("30");
	const [unit, setUnit] = useState("60");
	const seconds = Number(amount) * Number(unit);
	const words = `${amount} ${UNITS.find((u) => u.value === unit)?.label}`;
	const submit = (e: Event) => {
		e.preventDefault();
		if (Number.isInteger(seconds) && seconds > 0)
			onMove(seconds, words);
	};
	return (
		<form class="control-own-step" onSubmit={submit}>
			<input class="input" type="number" min={1} max={100000} step={1} required value={amount}
				aria-label="How far" onInput={(e) => setAmount(e.currentTarget.value)} />
			<select class="input" aria-label="Unit" value={unit}
				onChange={(e) => setUnit(e.currentTarget.value)}>
				{UNITS.map((u) => <option key={u.value} value={u.value}>{u.label}</option>)}
			</select>
			<Button type="submit" busy={busy}>Advance</Button>
		</form>
	);
}

export function Clock({ state, onMoved }: { state: State; onMoved: () => void }) {
	const now = useNow();
	const { busy, problem, run, forget } = useAction();
	const move = (seconds: number, words: string) =>
		void run(words, () => control.post("/_sandbox/clock", { advance_s: seconds })).then((done) => {
			if (done) {
				announce(`The clock is ${words} further`);
				onMoved();
			}
		});
	return (
		<section class="card control-clock" aria-label="Clock">
			<div class="control-now">
				<p class="control-label">Sandbox time</p>
				<p class="control-time"><time>{utc(now)}</time> <span class="hint">UTC</span></p>
				<p class="hint">
					{state.offset_s > 0 ? `${formatSpan(state.offset_s * 1000)} ahead of this machine.`
						: "The same as this machine's."} Tokens and codes live by it; sign-ins do not.
				</p>
			</div>
			<div class="control-steps" role="group" aria-label="Advance the clock">
				{STEPS.map((s) => (
					<Button key={s.words} label={`Advance ${s.words}`} busy={busy === s.words}
						onClick={() => move(s.seconds, s.words)}>+ {s.words}</Button>
				))}
				<OwnStep busy={busy !== "" && !STEPS.some((s) => s.words === busy)} onMove={move} />
			</div>
			{problem && <ProblemNotice problem={problem} onClose={forget} />}
			<Counts state={state} />
		</section>
	);
}
