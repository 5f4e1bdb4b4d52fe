/* snapshots.tsx - the whole state under a name: keeping it, and bringing it back. */
import { useState } from "preact/hooks";
import { sentences } from "../../shared/api";
import { Button, ConfirmDialog, EmptyState, Notice, ProblemNotice, Skeleton, TextField } from "../../shared/ui";
import { control, type TabProps, useAction, useControl } from "./client";
import { Card } from "./parts";

interface Snapshot {
	name: string;
	created_at: string;
	bytes: number;
}

function size(bytes: number): string {
	return bytes < 1 << 20 ? `${Math.ceil(bytes / 1024)} KiB` : `${(bytes / (1 << 20)).toFixed(1)} MiB`;
}

function Row(p: { s: Snapshot; onRestore: () => void; onDelete: () => void }) {
	const id = `snapshot-${p.s.name}`;
	return (
		<li class="row">
			<div class="row-main" id={id}>
				<p class="row-name">{p.s.name}</p>
				<p class="hint">Kept {p.s.created_at.slice(0, 19).replace("T", " ")} UTC, database {size(p.s.bytes)}</p>
			</div>
			<div class="control-row-buttons">
				<Button small describedBy={id} onClick={p.onRestore}>Restore</Button>
				<Button small kind="danger" describedBy={id} onClick={p.onDelete}>Delete</Button>
			</div>
		</li>
	);
}

export function SnapshotsTab({ reload: reloadWorld }: TabProps) {
	const { data, problem, reload } = useControl<{ snapshots: Snapshot[] }>("/_sandbox/snapshots");
	const { busy, problem: failed, run, forget } = useAction();
	const [name, setName] = useState("");
	const [asked, setAsked] = useState<{ what: "restore" | "delete"; name: string } | null>(null);
	const [done, setDone] = useState("");
	const act = async (what: string, action: () => Promise<unknown>, words: string) => {
		setDone("");
		setAsked(null);
		if (!(await run(what, action)))
			return false;
		setDone(words);
		reload();
		reloadWorld();
		return true;
	};
	const add = (e: Event) => {
		e.preventDefault();
		void act("add", () => control.post("/_sandbox/snapshots", { name: name.trim() }), `“${name.trim()}” is kept.`)
			.then((ok) => ok && setName(""));
	};
	const confirm = (a: NonNullable<typeof asked>) => {
		const path = `/_sandbox/snapshots/${encodeURIComponent(a.name)}`;
		void (a.what === "restore"
			? act("restore", () => control.post(`${path}/restore`), `Everything is as it was in “${a.name}”.`)
			: act("delete", () => control.del(path), `“${a.name}” is deleted.`));
	};
	const list = data?.snapshots ?? [];
	return (
		<div class="control-split">
			<div class="stack">
				<form class="card card-pad control-card" onSubmit={add} noValidate>
					<div>
						<h2>Keep the state</h2>
						<p class="hint">Accounts, apps, grants, tokens, files with their contents, settings and the clock.</p>
					</div>
					<TextField label="Name" value={name} onInput={setName} maxLength={64}
						error={failed?.field === "name" ? sentences(failed) : undefined}
						hint="Letters, digits, - and _." />
					<div class="actions control-actions">
						<Button type="submit" kind="primary" busy={busy === "add"} disabled={name.trim() === ""}>Keep</Button>
					</div>
				</form>
			</div>
			<div class="stack">
				{problem && <ProblemNotice problem={problem} />}
				{failed && failed.field !== "name" && <ProblemNotice problem={failed} onClose={forget} />}
				{done && <Notice kind="ok" live>{done}</Notice>}
				{!data && !problem && <Skeleton />}
				{data && list.length === 0 && (
					<EmptyState title="Nothing is kept yet">
						<p class="secondary">Keep the state before a test changes it, and bring it back as often as you like.</p>
					</EmptyState>
				)}
				{list.length > 0 && (
					<Card title="Kept">
						<ul class="rows control-rows">
							{list.map((s) => (
								<Row key={s.name} s={s} onRestore={() => setAsked({ what: "restore", name: s.name })}
									onDelete={() => setAsked({ what: "delete", name: s.name })} />
							))}
						</ul>
					</Card>
				)}
			</div>
			{asked && (
				<ConfirmDialog danger={asked.what === "delete"} keep="Cancel" onClose={() => setAsked(null)}
					title={asked.what === "restore" ? `Go back to “${asked.name}”?` : `Delete “${asked.name}”?`}
					confirm={asked.what === "restore" ? "Restore" : "Delete"} onConfirm={() => confirm(asked)}>
					<p>{asked.what === "restore"
						? "What happened since then is undone, files included. Who is signed in stays so."
						: "What it kept cannot be brought back afterwards."}</p>
				</ConfirmDialog>
			)}
		</div>
	);
}
