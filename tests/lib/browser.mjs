/*
 * Headless Chromium from the system, through playwright-core.
 *
 *   const browser = await openBrowser();
 *   const page = await browser.person();   a new person: own cookies
 *   await browser.close();                 throws when a page logged an error of its own
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { chromium } from 'playwright-core';

/* Chromium without its windows does the same in two thirds of the time; with windows it is to be looked at. */
const shell = '/usr/bin/chromium-headless-shell';
const whole = ['/usr/bin/chromium', '/usr/bin/chromium-browser'];

function executable(headless) {
	return process.env.CHROMIUM_BIN ?? [...(headless ? [shell] : []), ...whole].find((p) => existsSync(p));
}

const args = [
	'--no-sandbox',
	'--disable-gpu',
	'--disable-quic',
	'--disable-dev-shm-usage',
	'--no-first-run',
	'--disable-background-networking',
	'--disable-component-update',
	'--disable-sync',
	'--in-process-gpu',
	/* Nor a process for each page that might come. */
	'--disable-features=Translate,OptimizationHints,MediaRouter,SpareRendererForSitePerProcess',
];

/* Names never leave the machine: only loopback answers. */
function resolverRules(here) {
	const mapped = here.map((name) => `MAP ${name} 127.0.0.1, `).join('');
	return `--host-resolver-rules=${mapped}MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost`;
}

/* What a page says about itself that no working page says. */
function isFault(text) {
	return !/Failed to load resource/.test(text);
}

/* A home whose certificate store holds the CA, as a person would put it there. */
function homeThatTrusts(ca) {
	const home = mkdtempSync(path.join(tmpdir(), 'valetkey-home-'));
	const store = path.join(home, '.pki/nssdb');
	mkdirSync(store, { recursive: true });
	execFileSync('certutil', ['-N', '-d', `sql:${store}`, '--empty-password']);
	execFileSync('certutil', ['-A', '-d', `sql:${store}`, '-n', 'sandbox', '-t', 'C,,', '-i', ca]);
	return home;
}

/* Chromium itself crashes now and then while it starts, before anything was asked of it: then it is started again. */
async function launch(options) {
	try {
		return await chromium.launch(options);
	} catch (e) {
		if (!/exitCode=139|signal=SIGSEGV/.test(e.message)) throw e;
		return chromium.launch(options);
	}
}

/* proxy: "http://127.0.0.1:PORT", for all but the loopback. ca: the file of a CA to trust. here: names
 * that lead to this machine. */
export async function openBrowser({ headless = true, slowMo, timeout = 45000, proxy, ca, here = [] } = {}) {
	const own = [proxy ? `--proxy-server=${proxy}` : '--no-proxy-server', resolverRules(here)];
	const home = ca ? homeThatTrusts(ca) : undefined;
	const env = home ? { ...process.env, HOME: home } : undefined;
	const browser = await launch({ executablePath: executable(headless), headless, slowMo, env, args: [...args, ...own] });
	const faults = [];

	function watch(page) {
		page.on('pageerror', (e) => faults.push(`${page.url()}: ${e.message}`));
		page.on('console', (m) => {
			if (m.type() === 'error' && isFault(m.text())) faults.push(`${page.url()}: ${m.text()}`);
		});
	}

	return {
		browser,
		faults,
		/* A page in a context of its own; pop-ups are watched too. page.context() has the rest. */
		async person(options = {}) {
			const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
			context.setDefaultTimeout(timeout);
			context.on('page', watch);
			await context
				.grantPermissions(['clipboard-read', 'clipboard-write'])
				.catch(() => {});
			return context.newPage();
		},
		async close({ allowFaults = false } = {}) {
			await browser.close();
			if (home) rmSync(home, { recursive: true, force: true, maxRetries: 3 });
			if (!allowFaults && faults.length > 0) throw new Error(`pages reported errors:\n${faults.join('\n')}`);
		},
	};
}

/* The opened window of what `act` clicks. */
export async function popupOf(page, act) {
	const [popup] = await Promise.all([page.waitForEvent('popup'), act()]);
	await popup.waitForLoadState();
	return popup;
}
