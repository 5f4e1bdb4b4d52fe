/* tokens.tsx - the list of access tokens: one line each, search, sort, keyboard. */
import { useState } from "preact/hooks";
import { type Problem, problemOf, sentences } from "../shared/api";
import { navigate } from "../shared/router";
import {
	announce, Button, Checkbox, ConfirmDialog, cx, Icon, LetterMark, Link, ProblemNotice, Skeleton, TextField, Time,
} from "../shared/ui";
import { type Removed, type RemovedList, type Tokens, useRemoved, useTokens } from "./listing";
import { useLive } from "./live";
import { api, at, BASE, type Provider, type Token } from "./model";
import { Ago, forecastWords, StatusMark, statusWords, useLoad, useTitle } from "./ui";

const AGAIN_MS = 15000;

type Column = "name" | "type" | "status" | "expires" | "encrypted" | "renewal";

const COLUMNS: { id: Column; label: string }[] = [
	{ id: "name", label: "Name" },
	{ id: "type", label: "Type" },
	{ id: "status", label: "Status" },
	{ id: "expires", label: "Expires" },
	{ id: "encrypted", label: "Encrypted" },
	{ id: "renewal", label: "Renewal" },
];

const KEYS: Record<Column, (t: Token) => string | number> = {
	name: (t) => t.name.toLowerCase(),
	type: (t) => t.type.toLowerCase(),
	status: (t) => statusWords(t.status),
	expires: (t) => t.expires_at_ms ?? Number.MAX_SAFE_INTEGER,
	encrypted: (t) => t.encrypted ? 0 : 1,
	renewal: (t) => t.renewal,
};

interface Order {
	by: Column;
	down: boolean;
}

function arrange(tokens: Token[], words: string, order: Order): Token[] {
	const wanted = words.trim().toLowerCase();
	const key = KEYS[order.by];
	const sign = order.down ? -1 : 1;
	return tokens
		.filter((t) => `${t.name} ${t.description} ${t.type} ${statusWords(t.status)}`.toLowerCase().includes(wanted))
		.sort((a, b) => {
			const [x, y] = [key(a), key(b)];
			return sign * (x < y ? -1 : x > y ? 1 : a.name.localeCompare(b.name));
		});
}

/* Arrow keys go from row to row; Enter is the link's own. */
function rowKey(e: KeyboardEvent): void {
	const row = (e.currentTarget as HTMLElement).closest("tr");
	const to = e.key === "ArrowDown" ? row?.nextElementSibling
		: e.key === "ArrowUp" ? row?.previousElementSibling : null;
	const link = to?.querySelector<HTMLElement>("a");
	if (link) {
		e.preventDefault();
		link.focus();
	}
}

function Row({ token, onRemove }: { token: Token; onRemove: () => void }) {
	const href = `/tokens/${encodeURIComponent(token.id)}`;
	const open = (e: MouseEvent) => {
		if (!(e.target as HTMLElement).closest("a, button") && String(getSelection()) === "")
			void navigate(href);
	};
	return (
		<tr onClick={open}>
			<td class="cell-name" onKeyDown={rowKey}>
				<div class="marked">
					<LetterMark name={token.type} />
					<div id={`name-${token.id}`}>
						<Link href={href} class="row-link">{token.name}</Link>
						{token.description && <p class="hint one-line">{token.description}</p>}
					</div>
				</div>
			</td>
			<td data-label="Type">{token.type}</td>
			<td data-label="Status">
				<div class="two-lines">
					<StatusMark status={token.status} reason={token.trouble?.sentence} />
					{token.proved_ms && <p class="hint">answered <Ago at_ms={token.proved_ms} /></p>}
				</div>
			</td>
			<td data-label="Expires">{token.expires_at_ms ? <Time at_ms={token.expires_at_ms} /> : "Never"}</td>
			<td data-label="Encrypted">{token.encrypted ? "Yes" : "No"}</td>
			<td data-label="Renewal">
				<div class="two-lines">
					<span>{token.renewal}</span>
					<p class="hint">{forecastWords(token.forecast)}</p>
				</div>
			</td>
			<td class="cell-end">
				<Button small kind="quiet" describedBy={`name-${token.id}`} onClick={onRemove}>Remove</Button>
			</td>
		</tr>
	);
}

/* fixed: only some of the tokens are here, in the order of their names. */
function Heads({ order, fixed, onOrder }: { order: Order; fixed: boolean; onOrder: (o: Order) => void }) {
	return (
		<tr>
			{COLUMNS.map((c) => {
				if (fixed)
					return <th key={c.id} scope="col" aria-sort={c.id === "name" ? "ascending" : undefined}>{c.label}</th>;
				const on = order.by === c.id;
				return (
					<th key={c.id} scope="col" aria-sort={!on ? undefined : order.down ? "descending" : "ascending"}>
						<button type="button" class={cx("sort", on && (order.down ? "is-down" : "is-up"))}
							onClick={() => onOrder({ by: c.id, down: on && !order.down })}>
							{c.label}<Icon name="down" />
						</button>
					</th>
				);
			})}
			<th scope="col"><span class="visually-hidden">Actions</span></th>
		</tr>
	);
}

/* In the words of Dropbox as long as there is nothing else to choose. */
function firstSteps(providers: Provider[]): [string, string][] {
	const only = providers.length === 1 ? providers[0] : undefined;
	const dropbox = only?.id === "dropbox", there = only?.name ?? "the provider";
	return [
		["Open the configuration screen", "It shows the redirect URI before anything is stored. Keep it open."],
		[`Create an app ${only ? `in ${there}` : "at the provider"}`, dropbox ? "In another tab: My apps, and three short questions."
			: "In another tab, on its pages for developers."],
		["Copy its key and secret", `From ${dropbox ? "the app's Settings tab" : "there"} into the screen here.`],
		["Give the app the redirect URI", "Copy it from here, paste it there."],
		["Connect", `${only ? there : "The provider"} asks for your consent in a small window. The token arrives by itself.`],
	];
}

function FirstSteps() {
	const { data, problem } = useLoad<{ providers: Provider[] }>(`${BASE}/providers`);
	/* The list is for the words alone: who cannot have it still gets the steps. */
	const providers = data?.providers ?? (problem ? [] : undefined);
	return (
		<section class="card card-pad stack">
			<div class="stack-8">
				<h2>Connect your first account</h2>
				<p class="muted">Five steps, about three minutes. The next screen leads through them.</p>
			</div>
			{!providers && <Skeleton lines={3} />}
			<ol class="first-steps">
				{providers && firstSteps(providers).map(([title, text], i) => (
					<li key={title}>
						<span class="step-mark" aria-hidden="true">{i + 1}</span>
						<div><h3>{title}</h3><p class="hint">{text}</p></div>
					</li>
				))}
			</ol>
			<div><Link href="/tokens/new" button="primary" icon="plus">Add Token</Link></div>
		</section>
	);
}

interface RemoveProps {
	token: Token;
	onClose: () => void;
	onRemoved: () => void;
}

function RemoveDialog({ token, onClose, onRemoved }: RemoveProps) {
	const [busy, setBusy] = useState(false);
	const [revoke, setRevoke] = useState(false);
	const [problem, setProblem] = useState<Problem | null>(null);
	const remove = async () => {
		setBusy(true);
		setProblem(null);
		try {
			await api.del(`${at("tokens", token.id)}?revoke=${revoke}`);
			announce(`${token.name} was removed`);
			onRemoved();
		} catch (e) {
			setProblem(problemOf(e));
			setBusy(false);
		}
	};
	return (
		<ConfirmDialog title={`Remove ${token.name}?`} confirm="Remove it" keep="Keep it" danger busy={busy}
			onClose={onClose} onConfirm={() => void remove()}>
			<p>Programs that ask for it get an error from then on. It stays sealed under Removed, where it can be restored, and is deleted when its time there is over.</p>
			<Checkbox label={`Also end the access at ${token.type}`} checked={revoke} onChange={setRevoke}
				hint="Then nothing is left to restore: its owner would have to connect again." />
			{problem && <ProblemNotice problem={problem} />}
		</ConfirmDialog>
	);
}

interface TableProps {
	list: Tokens;
	words: string;
	onWords: (words: string) => void;
	reload: () => void;
}

/* How many there are, or are of those that were searched for. */
function countWords({ data, many, found }: Tokens, shown: number, words: string): string {
	const all = data?.tokens.length ?? 0;
	if (many)
		return `${data?.next ? "the first " : ""}${shown}${found ? " found" : ""}, by name`;
	return words ? `${shown} of ${all}` : all === 1 ? "1 token" : `${all} tokens`;
}

const BY_NAME: Order = { by: "name", down: false };

function Table({ list, words, onWords, reload }: TableProps) {
	const [order, setOrder] = useState(BY_NAME);
	const [removing, setRemoving] = useState<Token | null>(null);
	const tokens = list.data?.tokens ?? [];
	const shown = list.many ? tokens : arrange(tokens, words, order);
	return (
		<>
			<div class="list-tools">
				<div class="search">
					<Icon name="search" />
					<input class="input" type="search" aria-label="Search" value={words}
						placeholder={list.many ? "Search names" : "Search"}
						autocomplete="off" onInput={(e) => onWords(e.currentTarget.value)} />
				</div>
				<p class="hint" role="status">{countWords(list, shown.length, words)}</p>
			</div>
			<div class="card table-wrap">
				<table class="table">
					<thead><Heads order={order} fixed={list.many} onOrder={setOrder} /></thead>
					<tbody>
						{shown.map((t) => <Row key={t.id} token={t} onRemove={() => setRemoving(t)} />)}
						{shown.length === 0 && <tr class="no-rows"><td colSpan={7}>Nothing has “{words}” in it.</td></tr>}
					</tbody>
				</table>
			</div>
			{list.data?.next && <div><Button small onClick={list.more}>Show more</Button></div>}
			{removing && <RemoveDialog token={removing} onClose={() => setRemoving(null)}
				onRemoved={() => {
					setRemoving(null);
					reload();
				}} />}
		</>
	);
}

function RemovedRow({ token, onRestored }: { token: Removed; onRestored: () => void }) {
	const [busy, setBusy] = useState(false);
	const [problem, setProblem] = useState<Problem | null>(null);
	const [name, setName] = useState<string | null>(null); /* another one, when its own is taken */
	const restore = async () => {
		setBusy(true);
		setProblem(null);
		try {
			await api.post(at("deleted-tokens", token.id, "restore"), name === null ? {} : { name: name.trim() });
			announce(`${name ?? token.name} was restored`);
			onRestored();
		} catch (e) {
			const p = problemOf(e);
			setProblem(p);
			setName((was) => p.field === "name" ? was ?? token.name : was);
			setBusy(false);
		}
	};
	const submit = (e: Event) => {
		e.preventDefault();
		void restore();
	};
	return (
		<>
			<tr>
				<td class="cell-name" id={`removed-${token.id}`}>{token.name}</td>
				<td data-label="Type">{token.type}</td>
				<td data-label="Removed"><Time at_ms={token.deleted_ms} /></td>
				<td data-label="Deleted for good"><Time at_ms={token.ends_ms} /></td>
				<td class="cell-end">
					<Button small kind="quiet" describedBy={`removed-${token.id}`} busy={busy}
						onClick={() => void restore()}>Restore</Button>
				</td>
			</tr>
			{name !== null && (
				<tr>
					<td colSpan={5}>
						<form class="stack-12" onSubmit={submit} noValidate>
							<TextField label="Restore it under the name" value={name} onInput={setName} autofocus
								error={problem?.field === "name" ? sentences(problem) : undefined} />
							<div><Button small type="submit" busy={busy}>Restore under this name</Button></div>
						</form>
					</td>
				</tr>
			)}
			{problem && problem.field !== "name" && <tr><td colSpan={5}><ProblemNotice problem={problem} /></td></tr>}
		</>
	);
}

/* What a person removed and can have back; nothing is shown while there is nothing. */
function RemovedTokens({ list, reload }: { list: RemovedList; reload: () => void }) {
	const { tokens, next } = list.data ?? { tokens: [], next: null };
	if (tokens.length === 0)
		return null;
	return (
		<details class="stack-8">
			<summary>Removed ({next ? `the last ${tokens.length}` : tokens.length})</summary>
			<div class="stack-12">
				<div class="card table-wrap">
					<table class="table">
						<thead>
							<tr>
								<th scope="col">Name</th><th scope="col">Type</th><th scope="col">Removed</th>
								<th scope="col">Deleted for good</th>
								<th scope="col"><span class="visually-hidden">Actions</span></th>
							</tr>
						</thead>
						<tbody>
							{tokens.map((t) => <RemovedRow key={t.id} token={t} onRestored={reload} />)}
						</tbody>
					</table>
				</div>
				{next && <div><Button small onClick={list.more}>Show more that were removed</Button></div>}
			</div>
		</details>
	);
}

export function TokenList() {
	useTitle("Access Tokens");
	const [words, setWords] = useState("");
	const list = useTokens(words, AGAIN_MS);
	const { data, problem, reload } = list;
	const removed = useRemoved(AGAIN_MS);
	const reloadBoth = () => {
		reload();
		removed.reload();
	};
	useLive(reloadBoth);
	const some = data !== null && (data.tokens.length > 0 || list.many);
	return (
		<main class="page">
			<div class="page-head">
				<h1>Access Tokens</h1>
				{some && <Link href="/tokens/new" button="primary" icon="plus">Add Token</Link>}
			</div>
			<div class="stack">
				{problem && <ProblemNotice problem={problem} />}
				{!data && !problem && <div class="card card-pad"><Skeleton lines={4} /></div>}
				{some && <Table list={list} words={words} onWords={setWords} reload={reloadBoth} />}
				{data && !some && <FirstSteps />}
				<RemovedTokens list={removed} reload={reloadBoth} />
			</div>
		</main>
	);
}
