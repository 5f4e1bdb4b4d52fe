/*
 * A browser without a screen: cookie jar, the page's CSRF token, its Origin.
 *
 *   const ann = await managerClient(demo);             signed in as the seeded admin
 *   const { status, body } = await ann.post('/api/console/keys', {...});
 *   const bob = await sandboxClient(demo, 'business');  signed in to the sandbox
 */

/* Before Node 18.15 there is no getSetCookie; no cookie of ours has a comma in it. */
function setCookies(headers) {
	const joined = headers.get('set-cookie');
	return headers.getSetCookie?.() ?? (joined ? joined.split(/,\s*(?=[^;]+=)/) : []);
}

export class Client {
	/* sessionPath: where the session object with its `csrf` comes from. */
	constructor(url, sessionPath) {
		this.url = url;
		this.sessionPath = sessionPath;
		this.origin = undefined; /* set it when the public URL is another */
		this.cookies = new Map();
		this.cookieLines = [];
		this.csrf = '';
	}

	/* The bare request: no CSRF, no Origin, no redirects followed. */
	async fetch(path, { method = 'GET', headers = {}, body } = {}) {
		const cookie = [...this.cookies].map(([k, v]) => `${k}=${v}`).join('; ');
		const res = await fetch(new URL(path, this.url), {
			method,
			redirect: 'manual',
			headers: { ...(cookie ? { cookie } : {}), ...headers },
			body,
		});
		for (const line of setCookies(res.headers)) this.keep(line);
		return res;
	}

	keep(line) {
		const [pair, ...attributes] = line.split(';');
		const at = pair.indexOf('=');
		const name = pair.slice(0, at).trim();
		this.cookieLines.push(line);
		if (attributes.some((a) => /^\s*max-age\s*=\s*0\s*$/i.test(a))) this.cookies.delete(name);
		else this.cookies.set(name, pair.slice(at + 1));
	}

	/* -> { status, headers, body }: the body parsed when it is JSON. */
	async call(path, opt) {
		const res = await this.fetch(path, opt);
		const text = await res.text();
		const json = /json/.test(res.headers.get('content-type') ?? '');
		return { status: res.status, headers: res.headers, body: json && text ? JSON.parse(text) : text, text };
	}

	get(path, headers) {
		return this.call(path, { headers: { accept: 'application/json', ...headers } });
	}

	/* As the page does it. A header given as undefined is left out. */
	send(method, path, body, headers = {}) {
		const all = {
			origin: this.origin ?? new URL(this.url).origin,
			'x-csrf-token': this.csrf,
			...(body === undefined ? {} : { 'content-type': 'application/json' }),
			...headers,
		};
		return this.call(path, {
			method,
			headers: Object.fromEntries(Object.entries(all).filter(([, v]) => v !== undefined)),
			body: body === undefined ? undefined : JSON.stringify(body),
		});
	}

	post(path, body = {}, headers) {
		return this.send('POST', path, body, headers);
	}

	patch(path, body, headers) {
		return this.send('PATCH', path, body, headers);
	}

	del(path, headers) {
		return this.send('DELETE', path, undefined, headers);
	}

	async session() {
		const reply = await this.get(this.sessionPath);
		if (reply.status === 200) this.csrf = reply.body.csrf;
		return reply.body;
	}

	/* Returns the reply, whatever it says. */
	async signIn(path, credentials) {
		await this.session();
		const reply = await this.post(path, credentials);
		if (reply.status === 200) this.csrf = reply.body.csrf;
		return reply;
	}
}

function must(reply, what) {
	if (reply.status !== 200) throw new Error(`${what}: ${reply.status} ${reply.text}`);
}

/* A visitor of the manager, not signed in. */
export function managerVisitor(where) {
	return new Client(where.manager ?? where.url, '/api/console/session');
}

/* `where`: what startDemo or startServe returned. */
export async function managerClient(where) {
	const client = managerVisitor(where);
	const credentials = where.seed?.admin ?? { username: where.username, password: where.password };
	must(await client.signIn('/api/console/sign-in', credentials), 'the manager refused the sign-in');
	return client;
}

export function sandboxVisitor(where) {
	return new Client(where.sandbox ?? where.url, '/_web/session');
}

/* `where`: what startDemo or startSandbox returned. */
export async function sandboxClient(where, type = 'basic') {
	const client = sandboxVisitor(where);
	const { email, password } = where.account(type);
	must(await client.signIn('/_web/sign-in', { email, password }), 'the sandbox refused the sign-in');
	return client;
}

/* A program with an API key: no cookies. -> { status, headers, body } */
export async function programGet(url, path, key, { method = 'GET', headers = {} } = {}) {
	return new Client(url, '').call(path, {
		method,
		headers: { ...(key ? { authorization: `Bearer ${key}` } : {}), ...headers },
	});
}
