/* ui.tsx - the small parts that both sites are made of. Form fields are in fields.tsx, the frame of a
 * page (header, menus) in frame.tsx; both are exported from here too.
 *
 * Accessible names are short and stable on purpose: a helper button is "Copy" or "Reveal" and points
 * to what it works on with aria-describedby, so that a field's own name belongs to the field alone. */
import type { ComponentChildren, RefObject } from "preact";
import { useEffect, useId, useRef, useState } from "preact/hooks";
import { Icon, type IconName } from "./icons";
import type { Problem } from "./api";
import { followLink } from "./router";
import { formatExact, formatRelative, useNow } from "./time";

export * from "./fields";
export * from "./frame";
export { Icon, type IconName } from "./icons";

export function cx(...names: unknown[]): string {
	return names.filter(Boolean).join(" ");
}

/* Says something to a screen reader without moving anything on the page. */
export function announce(words: string): void {
	let region = document.getElementById("announcer");
	if (!region) {
		region = document.createElement("div");
		region.id = "announcer";
		region.className = "visually-hidden";
		region.setAttribute("aria-live", "polite");
		document.body.append(region);
	}
	region.textContent = words;
}

export interface ButtonProps {
	children: ComponentChildren;
	kind?: "primary" | "plain" | "quiet" | "danger";
	type?: "button" | "submit";
	icon?: IconName;
	busy?: boolean;
	disabled?: boolean;
	small?: boolean;
	wide?: boolean;
	label?: string; /* the accessible name when the visible words are not enough */
	describedBy?: string;
	expanded?: boolean;
	buttonRef?: RefObject<HTMLButtonElement>;
	onClick?: (e: MouseEvent) => void;
}

/* While busy it keeps its words, its size and the focus, and ignores clicks. */
export function Button(p: ButtonProps) {
	const click = (e: MouseEvent) => {
		if (p.busy)
			e.preventDefault();
		else
			p.onClick?.(e);
	};
	return (
		<button type={p.type ?? "button"} ref={p.buttonRef} disabled={p.disabled} onClick={click}
			class={cx("btn", `btn-${p.kind ?? "plain"}`, p.small && "btn-small", p.wide && "btn-wide",
				p.busy && "is-busy")}
			aria-label={p.label} aria-describedby={p.describedBy} aria-expanded={p.expanded}
			aria-busy={p.busy || undefined} aria-disabled={p.busy || undefined}>
			{p.icon && <Icon name={p.icon} />}
			<span class="btn-words">{p.children}</span>
		</button>
	);
}

export interface LinkProps {
	href: string;
	children: ComponentChildren;
	button?: "primary" | "plain" | "quiet"; /* looks like a button */
	icon?: IconName;
	class?: string;
	current?: boolean;
}

/* A link inside the site. */
export function Link(p: LinkProps) {
	return (
		<a href={p.href} onClick={followLink} aria-current={p.current ? "page" : undefined}
			class={cx(p.button && `btn btn-${p.button}`, p.class)}>
			{p.icon && <Icon name={p.icon} />}
			{p.children}
		</a>
	);
}

/* A link to another site, in a new tab that knows nothing of this one. */
export function ExternalLink(p: { href: string; children: ComponentChildren; button?: "primary" | "plain" }) {
	return (
		<a href={p.href} target="_blank" rel="noopener noreferrer"
			class={cx("external", p.button && `btn btn-${p.button}`)}>
			{p.children}
			<Icon name="external" />
		</a>
	);
}

async function writeClipboard(words: string): Promise<boolean> {
	try {
		await navigator.clipboard.writeText(words);
		return true;
	} catch {
		return copyOldWay(words);
	}
}

/* For pages served over plain HTTP from another machine, where there is no clipboard object. */
function copyOldWay(words: string): boolean {
	const area = document.createElement("textarea");
	area.value = words;
	area.className = "visually-hidden";
	area.setAttribute("aria-hidden", "true");
	document.body.append(area);
	area.select();
	try {
		return document.execCommand("copy");
	} finally {
		area.remove();
	}
}

export interface CopyButtonProps {
	text: string | (() => Promise<string>);
	describedBy?: string;
	disabled?: boolean;
	onCopied?: () => void;
	onError?: (e: unknown) => void; /* text() failed */
}

/* Confirms in its own place; its name stays "Copy". */
export function CopyButton(p: CopyButtonProps) {
	const [state, setState] = useState<"idle" | "done" | "refused">("idle");
	const timer = useRef(0);
	useEffect(() => () => clearTimeout(timer.current), []);

	const show = (next: "done" | "refused") => {
		setState(next);
		announce(next === "done" ? "Copied" : "The browser refused to copy");
		clearTimeout(timer.current);
		timer.current = window.setTimeout(() => setState("idle"), 2000);
	};
	const copy = async () => {
		try {
			const words = typeof p.text === "string" ? p.text : await p.text();
			const done = await writeClipboard(words);
			show(done ? "done" : "refused");
			if (done)
				p.onCopied?.();
		} catch (e) {
			p.onError?.(e);
		}
	};
	return (
		<span class={cx("copy", state !== "idle" && `is-${state}`)}>
			<Button icon={state === "done" ? "check" : "copy"} onClick={() => void copy()}
				disabled={p.disabled} describedBy={p.describedBy}>Copy</Button>
			{state !== "idle" && (
				<span class="copy-bubble" aria-hidden="true">
					{state === "done" ? "Copied" : "Refused by the browser: select it and copy"}
				</span>
			)}
		</span>
	);
}

const NOTICE_ICONS: Record<NoticeKind, IconName> = {
	info: "info", ok: "check", warn: "warn", error: "warn",
};

export type NoticeKind = "info" | "ok" | "warn" | "error";

export interface NoticeProps {
	kind: NoticeKind;
	title?: ComponentChildren;
	children?: ComponentChildren;
	live?: boolean; /* read out when it appears (role=status); errors always are */
	onClose?: () => void;
}

export function Notice(p: NoticeProps) {
	const role = p.kind === "error" ? "alert" : p.live ? "status" : undefined;
	return (
		<div class={`notice notice-${p.kind}`} role={role}>
			<Icon name={NOTICE_ICONS[p.kind]} />
			<div class="notice-text">
				{p.title && <p class="notice-title">{p.title}</p>}
				{p.children}
			</div>
			{p.onClose && (
				<button type="button" class="icon-btn" aria-label="Dismiss" onClick={p.onClose}>
					<Icon name="cross" />
				</button>
			)}
		</div>
	);
}

/* What went wrong, what to do, and the request id, small. */
export function ProblemNotice({ problem, onClose }: { problem: Problem; onClose?: () => void }) {
	return (
		<Notice kind="error" onClose={onClose}>
			<p>{problem.detail}{problem.todo && ` ${problem.todo}`}</p>
			{problem.request_id && <p class="request-id">Request {problem.request_id}</p>}
		</Notice>
	);
}

export interface DialogProps {
	title: string;
	children: ComponentChildren;
	onClose: () => void; /* Esc, or a click beside it */
	stay?: boolean;      /* neither of them closes it */
}

/* Modal, over the page. Put its buttons into <div class="actions">. */
export function Dialog(p: DialogProps) {
	const ref = useRef<HTMLDialogElement>(null);
	const id = useId();
	useEffect(() => {
		const before = document.activeElement as HTMLElement | null;
		ref.current?.showModal();
		return () => before?.focus?.();
	}, []);
	const cancel = (e: Event) => {
		e.preventDefault();
		if (!p.stay)
			p.onClose();
	};
	/* A browser closes a dialog at the second Esc whatever the page says. */
	const closed = () => p.stay ? ref.current?.showModal() : p.onClose();
	return (
		<dialog ref={ref} class="dialog" aria-labelledby={id} onCancel={cancel} onClose={closed}
			onMouseDown={(e) => e.target === ref.current && !p.stay && p.onClose()}>
			<div class="dialog-body">
				<h2 id={id}>{p.title}</h2>
				{p.children}
			</div>
		</dialog>
	);
}

export interface ConfirmDialogProps extends DialogProps {
	confirm: string;
	keep: string; /* the words of the way back */
	danger?: boolean;
	busy?: boolean;
	onConfirm: () => void;
}

export function ConfirmDialog(p: ConfirmDialogProps) {
	return (
		<Dialog title={p.title} onClose={p.onClose}>
			{p.children}
			<div class="actions">
				<Button kind={p.danger ? "danger" : "primary"} busy={p.busy} onClick={p.onConfirm}>
					{p.confirm}
				</Button>
				<Button onClick={p.onClose}>{p.keep}</Button>
			</div>
		</Dialog>
	);
}

export function EmptyState(p: { title: string; children?: ComponentChildren; action?: ComponentChildren }) {
	return (
		<div class="empty">
			<h2>{p.title}</h2>
			{p.children}
			{p.action && <div class="actions">{p.action}</div>}
		</div>
	);
}

export interface TabsProps {
	tabs: { id: string; label: string }[];
	current: string;
	onSelect: (id: string) => void;
	children: ComponentChildren; /* the panel of the current tab */
}

/* Arrow keys move between tabs, as in the ARIA pattern. */
export function Tabs(p: TabsProps) {
	const key = (e: KeyboardEvent) => {
		const at = p.tabs.findIndex((t) => t.id === p.current);
		const step = { ArrowRight: 1, ArrowLeft: -1 }[e.key];
		const to = e.key === "Home" ? 0 : e.key === "End" ? p.tabs.length - 1
			: step && (at + step + p.tabs.length) % p.tabs.length;
		if (to === undefined)
			return;
		e.preventDefault();
		p.onSelect(p.tabs[to].id);
		document.getElementById(`tab-${p.tabs[to].id}`)?.focus();
	};
	/* On a narrow screen the row of tabs scrolls; where one is must be seen. */
	useEffect(() => {
		document.getElementById(`tab-${p.current}`)?.scrollIntoView({ block: "nearest", inline: "nearest" });
	}, [p.current]);
	return (
		<>
			<div class="tabs" role="tablist" onKeyDown={key}>
				{p.tabs.map((t) => (
					<button type="button" role="tab" id={`tab-${t.id}`} key={t.id}
						aria-selected={t.id === p.current} aria-controls="tab-panel"
						tabIndex={t.id === p.current ? 0 : -1} onClick={() => p.onSelect(t.id)}>
						{t.label}
					</button>
				))}
			</div>
			<div role="tabpanel" id="tab-panel" aria-labelledby={`tab-${p.current}`}>{p.children}</div>
		</>
	);
}

/* "in 3 h 40 min", exact on hover. */
export function Time({ at_ms, interval_ms = 5000 }: { at_ms: number; interval_ms?: number }) {
	const now = useNow(interval_ms);
	return (
		<time dateTime={new Date(at_ms).toISOString()} title={formatExact(at_ms)}>
			{formatRelative(at_ms, now)}
		</time>
	);
}

const MARK_HUES = 6;

/* A letter mark with a colour of its own, the same for the same name. */
export function LetterMark({ name, large }: { name: string; large?: boolean }) {
	const sum = [...name].reduce((n, c) => (n * 31 + (c.codePointAt(0) ?? 0)) % 9973, 7);
	return (
		<span class={cx("letter-mark", `hue-${sum % MARK_HUES}`, large && "is-large")} aria-hidden="true">
			{[...name.trim()][0]?.toUpperCase() ?? "?"}
		</span>
	);
}

/* Grey bars in the place of what is being fetched, so that nothing jumps. */
export function Skeleton({ lines = 3 }: { lines?: number }) {
	return (
		<div class="skeleton" aria-hidden="true">
			{Array.from({ length: lines }, (_, i) => <span key={i} />)}
		</div>
	);
}
