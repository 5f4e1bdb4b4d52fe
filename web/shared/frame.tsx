/* frame.tsx - what surrounds a page: header, account menu, theme switch. */
import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { Icon } from "./icons";
import { type Theme, setTheme, useTheme } from "./theme";
import { Link } from "./ui";

export interface TopBarProps {
	mark: string;        /* one letter */
	product: string;
	tag?: string;        /* a small permanent sign, "sandbox" */
	home?: string;       /* where the mark leads; absent: nowhere */
	nav?: { href: string; label: string; current: boolean }[];
	children?: ComponentChildren; /* right side: AccountMenu or ThemeSwitch */
}

export function TopBar(p: TopBarProps) {
	const brand = (
		<>
			<span class="brand-mark" aria-hidden="true">{p.mark}</span>
			<span class="brand-name">{p.product}</span>
		</>
	);
	return (
		<header class="topbar">
			<div class="topbar-inner">
				{p.home ? <Link href={p.home} class="brand">{brand}</Link> : <span class="brand">{brand}</span>}
				{p.tag && <span class="site-tag">{p.tag}</span>}
				{p.nav && p.nav.length > 0 && (
					<nav class="topnav">
						{p.nav.map((n) => <Link key={n.href} href={n.href} current={n.current}>{n.label}</Link>)}
					</nav>
				)}
				<div class="topbar-right">{p.children}</div>
			</div>
		</header>
	);
}

/* Closes on Esc, on a click elsewhere and when the focus leaves it. */
export function AccountMenu(p: { initials: string; name: string; detail?: ComponentChildren; children: ComponentChildren }) {
	const [open, setOpen] = useState(false);
	const root = useRef<HTMLDivElement>(null);
	useEffect(() => {
		if (!open)
			return undefined;
		const outside = (e: Event) => {
			if (!root.current?.contains(e.target as Node))
				setOpen(false);
		};
		const key = (e: KeyboardEvent) => e.key === "Escape" && setOpen(false);
		document.addEventListener("pointerdown", outside);
		document.addEventListener("focusin", outside);
		document.addEventListener("keydown", key);
		return () => {
			document.removeEventListener("pointerdown", outside);
			document.removeEventListener("focusin", outside);
			document.removeEventListener("keydown", key);
		};
	}, [open]);
	return (
		<div class="account" ref={root}>
			<button type="button" class="account-btn" aria-expanded={open} onClick={() => setOpen(!open)}>
				<span class="avatar" aria-hidden="true">{p.initials}</span>
				<span class="account-name">{p.name}</span>
				<Icon name="down" />
			</button>
			{open && (
				<div class="menu">
					{p.detail && <div class="menu-head">{p.detail}</div>}
					{p.children}
					<ThemeSwitch />
				</div>
			)}
		</div>
	);
}

const THEMES: { value: Theme; label: string }[] = [
	{ value: "system", label: "Auto" },
	{ value: "light", label: "Light" },
	{ value: "dark", label: "Dark" },
];

export function ThemeSwitch() {
	const theme = useTheme();
	return (
		<div class="theme-switch" role="group" aria-label="Theme">
			{THEMES.map((t) => (
				<button type="button" key={t.value} aria-pressed={theme === t.value}
					onClick={() => setTheme(t.value)}>{t.label}</button>
			))}
		</div>
	);
}
