/* layout.tsx - header and footer around every page of the sandbox. */
import type { ComponentChildren } from "preact";
import { useLocation } from "../shared/router";
import { AccountMenu, ThemeSwitch, TopBar } from "../shared/ui";
import { useAway, useSession, useSignOut } from "./session";
import type { Account } from "./types";

const NAV = [
	{ href: "/developers/apps", label: "My apps" },
	{ href: "/account/connected_apps", label: "Connected apps" },
];

export function accountKind(a: Account): string {
	if (a.type === "basic")
		return "Basic account";
	return a.team ? `Business account, ${a.team.role} of ${a.team.name}` : "Business account";
}

function Account({ account }: { account: Account }) {
	const signOut = useSignOut();
	return (
		<AccountMenu initials={account.initials} name={account.display_name} detail={
			<>
				<strong>{account.display_name}</strong>
				<p class="hint">{account.email}</p>
				<p class="hint">{accountKind(account)}</p>
			</>
		}>
			<button type="button" onClick={() => void signOut()}>Sign out</button>
		</AccountMenu>
	);
}

function Footer({ theme, control }: { theme: boolean; control: boolean }) {
	return (
		<footer class="footer">
			<p class="hint">An offline sandbox on your own machine. Nothing here reaches a real service.</p>
			{control && <p class="hint"><a href="/_sandbox">Drive the sandbox</a></p>}
			{theme && <ThemeSwitch />}
		</footer>
	);
}

/* bare: no way around the page, for the steps of a consent. */
export function Layout({ children, bare }: { children: ComponentChildren; bare?: boolean }) {
	const { account } = useSession().session;
	const { path } = useLocation();
	const around = account && !bare; /* then the theme is in the account menu */
	const away = useAway();
	const nav = around && !away ? NAV.map((n) => ({ ...n, current: path.startsWith(n.href) })) : [];
	return (
		<div class="site">
			<TopBar mark="S" product="App Console" tag="sandbox" home={bare ? undefined : "/"} nav={nav}>
				{around && <Account account={account} />}
			</TopBar>
			<main class={bare ? "page page-bare" : "page"}>{children}</main>
			<Footer theme={!around} control={Boolean(around) && !away} />
		</div>
	);
}
