/*
 * A desk (tests/lib/desk.mjs) with a browser at it, in which somebody has signed in:
 *
 *   const { p, manager, ann, key, browser, page } = await startScreen();
 */
import { after } from 'node:test';

import { openBrowser } from '../lib/browser.mjs';
import { startDesk } from '../lib/desk.mjs';
import { signInManager } from './walk.mjs';

export async function startScreen(options) {
	let browser;
	/* Before the manager ends, which its pages would complain of. */
	after(() => browser?.close());
	const desk = await startDesk(options);
	browser = await openBrowser();
	const page = await browser.person();
	await signInManager(page, { manager: desk.manager.url, seed: { admin: desk.manager } });
	return { ...desk, browser, page };
}
