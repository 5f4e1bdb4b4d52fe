/* router.ts - the address bar as state: path and hash, links, and a guard for unsaved work. */
import { useEffect, useState } from "preact/hooks";

type Guard = (next: string) => boolean | Promise<boolean>;

const listeners = new Set<() => void>();
let guard: Guard | null = null;
let shown = here();

function here(): string {
	return location.pathname + location.search + location.hash;
}

function show(): void {
	shown = here();
	listeners.forEach((f) => f());
}

async function mayLeave(next: string): Promise<boolean> {
	return guard === null || (await guard(next));
}

export interface NavigateOptions {
	replace?: boolean; /* no new history entry */
	force?: boolean;   /* do not ask the guard */
}

/* Goes to a path of this site; the guard may refuse. */
export async function navigate(to: string, opt: NavigateOptions = {}): Promise<void> {
	if (!opt.force && !(await mayLeave(to)))
		return;
	if (opt.force)
		guard = null;
	history[opt.replace ? "replaceState" : "pushState"](null, "", to);
	show();
	if (!location.hash)
		scrollTo(0, 0);
}

/* Asks f before the shown page is left by a link, by Back, or (with the browser's own words) by
 * closing the tab. null takes the guard away. */
export function setLeaveGuard(f: Guard | null): void {
	guard = f;
}

addEventListener("popstate", () => {
	const next = here();
	const samePage = next.split("#")[0] === shown.split("#")[0];
	if (guard === null || samePage) {
		show();
		return;
	}
	/* The browser has moved already: put the old address back while the person is asked. */
	history.pushState(null, "", shown);
	void navigate(next, { replace: true });
});

addEventListener("beforeunload", (e) => {
	if (guard !== null)
		e.preventDefault();
});

/* {path, hash}: path without the query, hash without "#". */
export function useLocation(): { path: string; hash: string } {
	const [, redraw] = useState(0);
	useEffect(() => {
		const f = () => redraw((n) => n + 1);
		listeners.add(f);
		return () => void listeners.delete(f);
	}, []);
	return { path: location.pathname, hash: location.hash.slice(1) };
}

/* The values of the {…} segments when path has the shape of pattern, otherwise null.
 * match("/tokens/{id}", "/tokens/a%20b") -> {id: "a b"} */
export function match(pattern: string, path: string): Record<string, string> | null {
	const want = pattern.split("/");
	const have = path.split("/");
	if (want.length !== have.length)
		return null;
	const params: Record<string, string> = {};
	for (let i = 0; i < want.length; i++) {
		if (want[i].startsWith("{") && have[i] !== "")
			params[want[i].slice(1, -1)] = decode(have[i]);
		else if (want[i] !== have[i])
			return null;
	}
	return params;
}

function decode(segment: string): string {
	try {
		return decodeURIComponent(segment);
	} catch {
		return segment;
	}
}

/* onClick of a link inside the site: keeps the browser's own ways to open a new tab. */
export function followLink(e: MouseEvent): void {
	const a = e.currentTarget as HTMLAnchorElement;
	if (e.button !== 0 || e.ctrlKey || e.metaKey || e.shiftKey || e.altKey || a.target === "_blank")
		return;
	e.preventDefault();
	void navigate(a.getAttribute("href") ?? "/");
}
