/* theme.ts - light or dark: the system's choice, or the person's, remembered in this browser. */
import { useEffect, useState } from "preact/hooks";

export type Theme = "system" | "light" | "dark";

const KEY = "valetkey-theme";
const dark = matchMedia("(prefers-color-scheme: dark)");
const listeners = new Set<() => void>();

/* Storage can be switched off in a browser; the theme then lasts as long as the page. */
let chosen: Theme = read();

function read(): Theme {
	try {
		const v = localStorage.getItem(KEY);
		return v === "light" || v === "dark" ? v : "system";
	} catch {
		return "system";
	}
}

function apply(): void {
	const name = chosen === "system" ? (dark.matches ? "dark" : "light") : chosen;
	document.documentElement.dataset.theme = name;
	listeners.forEach((f) => f());
}

/* Call once, before the first render. */
export function startTheme(): void {
	dark.addEventListener("change", apply);
	apply();
}

export function setTheme(theme: Theme): void {
	chosen = theme;
	try {
		localStorage.setItem(KEY, theme);
	} catch {
		/* see read() */
	}
	apply();
}

export function useTheme(): Theme {
	const [theme, set] = useState(chosen);
	useEffect(() => {
		const f = () => set(chosen);
		listeners.add(f);
		return () => void listeners.delete(f);
	}, []);
	return theme;
}
