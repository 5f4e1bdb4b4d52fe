// The token commands of the real binary against a small server that plays the manager's API.
import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import http from "node:http";
import https from "node:https";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, beforeEach, describe, test } from "node:test";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../", import.meta.url));
const binary = path.resolve(root, process.env.VALETKEY_BIN ?? "build/valetkey");
const KEY = "vk_cliTestKey0123456789";
const ACCESS = "sl.u.a-live-ACCESS_token.0123";

const token = {
	name: "Team Files 1",
	description: "the team's files",
	type: "dropbox",
	status: "active",
	status_reason: null,
	expires_at: "2026-01-02T03:04:05Z",
	expires_in: 13200,
	scope: "account_info.read files.content.read",
	encrypted: true,
	renewal: "automatic",
	account: { name: "Ann Lee", email: "ann@example.com" },
};
const dead = {
	...token,
	name: "Old",
	status: "needs_reauthorization",
	status_reason: "The refresh token was refused.",
	expires_at: null,
	expires_in: null,
	account: null,
};

/* Made for this test: signed by itself, good for 127.0.0.1 for a hundred years. */
const selfSigned = {
	key: `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQggWyY+TEtVCQLb30F
95+woHiNiKwOV93QCByO+6adQLOhRANCAASxb5tSlR3hOz0oyz5chb67FOfCJpLH
BSX7jcXL63B5SbOMXtZpLAIRSq3b1QJ4GUKxq97NvBXncaplf+Kp1VSM
-----END PRIVATE KEY-----`,
	cert: `-----BEGIN CERTIFICATE-----
MIIBkTCCATagAwIBAgIURYYomvLmkjHyJbaucTpY1e3kdTowCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJMTI3LjAuMC4xMCAXDTI2MTEyMzIzMTUyM1oYDzIxMjYxMDMw
MjMxNTIzWjAUMRIwEAYDVQQDDAkxMjcuMC4wLjEwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAASxb5tSlR3hOz0oyz5chb67FOfCJpLHBSX7jcXL63B5SbOMXtZpLAIR
Sq3b1QJ4GUKxq97NvBXncaplf+Kp1VSMo2QwYjAdBgNVHQ4EFgQU3l6aNe0yY3Vg
Je3hiwrNlSg345YwHwYDVR0jBBgwFoAU3l6aNe0yY3VgJe3hiwrNlSg345YwDwYD
VR0TAQH/BAUwAwEB/zAPBgNVHREECDAGhwR/AAABMAoGCCqGSM49BAMCA0kAMEYC
IQCW4QLFboorAkY/fAn3ysrsH8rVHYZYaZAQ+qAQteQB1QIhALDGXe29hpH/CBWS
BAxBWew0m1KrPwTyGhYEmj3/sNjy
-----END CERTIFICATE-----`,
};

let server, url, home, seen, answer;

function json(res, status, body, type = "application/json") {
	res.writeHead(status, { "content-type": type });
	res.end(JSON.stringify(body));
}

function problem(res, status, code, detail, more = {}) {
	json(
		res,
		status,
		{ type: "about:blank", title: "Problem", status, code, detail, request_id: "0123456789abcdef", ...more },
		"application/problem+json",
	);
}

/* The manager as its API document has it. */
function manager(req, res) {
	if (req.headers.authorization !== `Bearer ${KEY}`)
		return problem(res, 401, "key-wrong", "The API key is not known.");
	const { pathname } = new URL(req.url, "http://x");
	const name = "/api/v1/tokens/Team%20Files%201";
	if (req.method === "GET" && pathname === "/api/v1/tokens")
		return json(res, 200, { now: "2026-01-01T00:00:00Z", tokens: [token, dead] });
	if (req.method === "GET" && pathname === name) return json(res, 200, token);
	if (req.method === "GET" && pathname === `${name}/access-token`)
		return json(res, 200, {
			access_token: ACCESS,
			token_type: "bearer",
			expires_at: token.expires_at,
			expires_in: 13200,
			scope: token.scope,
		});
	if (req.method === "POST" && pathname === `${name}/refresh`) return json(res, 200, token);
	if (pathname.startsWith("/api/v1/tokens/Old/"))
		return problem(res, 409, "reauthorization-required", "The refresh token was refused.", {
			todo: "Click Reconnect on the token's screen.",
		});
	return problem(res, 404, "token-unknown", "There is no token of that name.");
}

function environment(extra) {
	const env = { PATH: process.env.PATH, HOME: home, VALETKEY_URL: url, VALETKEY_API_KEY: KEY };
	if (process.env.ASAN_OPTIONS) env.ASAN_OPTIONS = process.env.ASAN_OPTIONS;
	for (const [k, v] of Object.entries(extra ?? {})) if (v === undefined) delete env[k]; else env[k] = v;
	return env;
}

function cli(args, extra) {
	return new Promise((resolve, reject) => {
		const options = { env: environment(extra), timeout: 60000 };
		execFile(binary, ["token", ...args], options, (error, stdout, stderr) => {
			if (/AddressSanitizer|runtime error:/.test(stderr)) reject(new Error(stderr));
			else resolve({ status: error ? error.code : 0, stdout, stderr });
		});
	});
}

before(async () => {
	home = mkdtempSync(path.join(tmpdir(), "valetkey-cli-"));
	server = http.createServer((req, res) => {
		seen.push({ method: req.method, url: req.url, headers: req.headers });
		answer(req, res);
	});
	await new Promise((ready) => server.listen(0, "127.0.0.1", ready));
	url = `http://127.0.0.1:${server.address().port}`;
});

after(() => {
	server.closeAllConnections?.();
	server.close();
	rmSync(home, { recursive: true, force: true });
});

beforeEach(() => {
	seen = [];
	answer = manager;
});

describe("what a pipe gets", () => {
	test("get prints the access token, a newline and nothing else", async () => {
		const r = await cli(["get", "Team Files 1"]);
		assert.deepEqual(r, { status: 0, stdout: `${ACCESS}\n`, stderr: "" });
		assert.equal(seen[0].url, "/api/v1/tokens/Team%20Files%201/access-token");
		assert.equal(seen[0].headers.authorization, `Bearer ${KEY}`);
	});

	test("--min-ttl is passed on", async () => {
		assert.equal((await cli(["get", "Team Files 1", "--min-ttl", "600"])).status, 0);
		assert.equal((await cli(["get", "--min-ttl=60", "Team Files 1"])).status, 0);
		assert.deepEqual(
			seen.map((s) => new URL(s.url, url).search),
			["?min_ttl=600", "?min_ttl=60"],
		);
	});

	test("names are percent-encoded, so none leads elsewhere", async () => {
		for (const name of ["../../v1/tokens", "a/b", "ä b", "x?min_ttl=1#y", "100%"]) {
			seen = [];
			assert.equal((await cli(["get", "--", name])).status, 3);
			assert.equal(seen.length, 1);
			assert.equal(
				seen[0].url,
				`/api/v1/tokens/${encodeURIComponent(name).replace(/[!'()*]/g, (c) => "%" + c.charCodeAt(0).toString(16))}/access-token`,
			);
		}
	});

	test("list gives one line a token, parted by tabs", async () => {
		const r = await cli(["list"]);
		assert.equal(r.status, 0);
		assert.equal(
			r.stdout,
			"Team Files 1\tdropbox\tactive\t2026-01-02T03:04:05Z\tyes\tautomatic\n" +
				"Old\tdropbox\tneeds_reauthorization\t-\tyes\tautomatic\n",
		);
	});

	test("--json gives the manager's own values", async () => {
		assert.deepEqual(JSON.parse((await cli(["list", "--json"])).stdout).tokens, [token, dead]);
		assert.deepEqual(JSON.parse((await cli(["show", "Team Files 1", "--json"])).stdout), token);
		assert.deepEqual(JSON.parse((await cli(["refresh", "--json", "Team Files 1"])).stdout), token);
		assert.equal(seen.at(-1).method, "POST");
		assert.equal(seen.at(-1).url, "/api/v1/tokens/Team%20Files%201/refresh");
	});

	test("show names the account and never the token's value", async () => {
		const r = await cli(["show", "Team Files 1"]);
		assert.match(r.stdout, /^status\tactive$/m);
		assert.match(r.stdout, /^email\tann@example\.com$/m);
		assert.ok(!r.stdout.includes(ACCESS));
	});

	test("control characters of a name cannot reach the terminal", async () => {
		answer = (req, res) =>
			json(res, 200, { now: "x", tokens: [{ ...token, name: "a\u001b[2Jb\nc\u009bd\te" }] });
		const r = await cli(["list"]);
		assert.ok(r.stdout.startsWith("a?[2Jb?c?d?e\tdropbox"));
	});

	test("a token that could start a second line is not printed", async () => {
		for (const access_token of ["a\nb", "a b", "", "\u00e4", 5, null]) {
			answer = (req, res) => json(res, 200, { access_token, token_type: "bearer" });
			const r = await cli(["get", "x"]);
			assert.equal(r.stdout, "");
			assert.equal(r.status, 6);
		}
	});

	test("an empty list says what to do, on stderr", async () => {
		answer = (req, res) => json(res, 200, { now: "x", tokens: [] });
		const r = await cli(["list"]);
		assert.equal(r.status, 0);
		assert.equal(r.stdout, "");
		assert.match(r.stderr, /API Keys/);
	});
});

describe("what a person at a terminal gets", () => {
	function terminal(args, extra = {}) {
		const line = [binary, "token", ...args].map((a) => `'${a}'`).join(" ");
		return new Promise((resolve, reject) => {
			execFile(
				"script",
				["-qec", line, "/dev/null"],
				{ env: environment({ TERM: "xterm", SHELL: "/bin/sh", ...extra }), timeout: 60000 },
				(error, stdout) => (error ? reject(error) : resolve(stdout)),
			);
		});
	}

	test("columns with a heading, time left in words, colour beside the word", async () => {
		const out = await terminal(["list"]);
		assert.match(out, /^NAME +TYPE +STATUS +EXPIRES +ENCRYPTED +RENEWAL\s*$/m);
		assert.match(out, /Team Files 1 +dropbox +\u001b\[32mactive\u001b\[0m +in 3 h 40 min +yes +automatic/);
		assert.match(out, /\u001b\[31mneeds reauthorization\u001b\[0m/);
	});

	test("control characters of a name cannot reach the terminal in JSON either", async () => {
		answer = (req, res) =>
			json(res, 200, { now: "x", tokens: [{ ...token, name: "c\u009b2Jd\u00e4" }] });
		const out = await terminal(["list", "--json"]);
		assert.ok(out.includes("c\\u009B2Jd\\u00E4"), out);
		assert.ok(!out.includes("\u009b"));
	});

	test("NO_COLOR takes the colour away", async () => {
		const out = await terminal(["list"], { NO_COLOR: "1" });
		assert.ok(!out.includes("\u001b["));
		assert.match(out, /needs reauthorization/);
	});
});

describe("exit status and sentences", () => {
	test("2: a wrong command line asks the manager nothing", async () => {
		for (const args of [
			[],
			["fetch"],
			["get"],
			["get", ""],
			["get", "Team", "Files"],
			["get", "x", "--json"],
			["get", "x", "--min-ttl"],
			["get", "x", "--min-ttl", "-1"],
			["get", "x", "--min-ttl", "1s"],
			["get", "x", "--min-ttl", "86401"],
			["list", "x"],
			["list", "--api-key", KEY],
			["list", `--api-key=${KEY}`],
		]) {
			const r = await cli(args);
			assert.equal(r.status, 2, args.join(" "));
			assert.match(r.stderr, /^valetkey: .*\n  See: valetkey token --help\n$/);
			assert.equal(r.stdout, "");
			assert.ok(!r.stderr.includes(KEY));
		}
		assert.equal(seen.length, 0);
	});

	test("3: no such token", async () => {
		const r = await cli(["show", "Nope"]);
		assert.equal(r.status, 3);
		assert.match(r.stderr, /^valetkey: There is no token of that name\.\n  See the names with: valetkey token list\n/);
		assert.match(r.stderr, /Request: 0123456789abcdef/);
	});

	test("4: a wrong key, no key, a key that may not", async () => {
		const wrong = await cli(["list"], { VALETKEY_API_KEY: "vk_other" });
		assert.equal(wrong.status, 4);
		assert.match(wrong.stderr, /not known[^]*API Keys/);
		assert.ok(!wrong.stderr.includes("vk_other"));
		seen = [];
		const none = await cli(["list"], { VALETKEY_API_KEY: undefined });
		assert.equal(none.status, 4);
		assert.match(none.stderr, /No API key[^]*VALETKEY_API_KEY/);
		assert.equal(seen.length, 0);
		answer = (req, res) => problem(res, 403, "scope", "This key may not read that token.");
		assert.equal((await cli(["get", "x"])).status, 4);
	});

	test("5: the owner must connect again", async () => {
		const r = await cli(["get", "Old"]);
		assert.equal(r.status, 5);
		assert.equal(r.stdout, "");
		assert.match(r.stderr, /The refresh token was refused\.\n  Click Reconnect/);
	});

	test("6: nobody answers, or the provider behind does not", async () => {
		const gone = await cli(["list"], { VALETKEY_URL: "http://127.0.0.1:1" });
		assert.equal(gone.status, 6);
		assert.match(gone.stderr, /127\.0\.0\.1:1[^]*refused[^]*valetkey serve/);
		answer = (req, res) => problem(res, 502, "provider-unreachable", "Dropbox gave no answer.");
		assert.equal((await cli(["refresh", "x"])).status, 6);
		answer = (req, res) => res.destroy();
		assert.equal((await cli(["list"])).status, 6);
	});

	test("6: another kind of server is recognized, and no redirect takes the key along", async () => {
		answer = (req, res) => res.writeHead(200, { "content-type": "text/html" }).end("<p>hello");
		const r = await cli(["list"]);
		assert.equal(r.status, 6);
		assert.match(r.stderr, /does not answer like a valetkey manager/);
		for (const body of ["[]", "{", '{"a":1,"a":2}', "[".repeat(100)]) {
			answer = (req, res) => res.writeHead(200, { "content-type": "application/json" }).end(body);
			assert.equal((await cli(["list"])).status, 6);
		}
		seen = [];
		answer = (req, res) => res.writeHead(307, { location: "/elsewhere" }).end();
		assert.equal((await cli(["list"])).status, 6);
		assert.equal(seen.length, 1);
	});

	test("S-024: a certificate that nobody vouches for ends the call before the key is sent", async () => {
		let requests = 0;
		let connections = 0;
		const site = https.createServer(selfSigned, (req, res) => {
			requests++;
			manager(req, res);
		});
		site.on("connection", () => connections++);
		await new Promise((ready) => site.listen(0, "127.0.0.1", ready));
		const r = await cli(["list"], { VALETKEY_URL: `https://127.0.0.1:${site.address().port}` });
		site.close();
		assert.equal(r.status, 6);
		assert.match(r.stderr, /self-signed certificate/);
		assert.equal(connections, 1);
		assert.equal(requests, 0);
	});

	test("1: anything else", async () => {
		answer = (req, res) => problem(res, 500, "internal", "The store failed.");
		assert.equal((await cli(["list"])).status, 1);
		answer = (req, res) => problem(res, 409, "busy-elsewhere", "Somebody was faster.");
		assert.equal((await cli(["refresh", "x"])).status, 1);
		assert.equal((await cli(["list"], { VALETKEY_URL: "ftp://x" })).status, 1);
	});

	test("0: --help everywhere, with the exit statuses", async () => {
		for (const args of [["--help"], ["list", "--help"], ["get", "-h"], ["help"]]) {
			const r = await cli(args, { VALETKEY_API_KEY: undefined });
			assert.equal(r.status, 0);
			for (const word of ["token list", "token get NAME", "VALETKEY_URL", "Exit status"])
				assert.ok(r.stdout.includes(word), word);
		}
		assert.equal(seen.length, 0);
	});

	test("1: a full disk is not success", async () => {
		const status = await new Promise((resolve) => {
			spawn("sh", ["-c", `exec '${binary}' token get 'Team Files 1' > /dev/full`], {
				env: environment(),
				stdio: "ignore",
			}).on("exit", resolve);
		});
		assert.equal(status, 1);
	});
});

describe("where the key comes from", () => {
	const bare = { VALETKEY_URL: undefined, VALETKEY_API_KEY: undefined };

	function configure(directory, text, mode = 0o600) {
		const file = path.join(directory, "valetkey", "config");
		mkdirSync(path.dirname(file), { recursive: true });
		writeFileSync(file, text);
		chmodSync(file, mode);
		return file;
	}

	test("the file in the user's configuration directory", async () => {
		const file = configure(path.join(home, ".config"), `# mine\n\nurl = ${url}/\n api_key=${KEY} \n`);
		assert.equal((await cli(["list"], bare)).status, 0);
		assert.equal(seen[0].url, "/api/v1/tokens?limit=250");
		assert.equal((await cli(["list"], { ...bare, VALETKEY_API_KEY: "vk_other" })).status, 4);
		rmSync(file);
	});

	test("XDG_CONFIG_HOME leads", async () => {
		const xdg = path.join(home, "xdg");
		configure(xdg, `url = ${url}\napi_key = ${KEY}\n`);
		assert.equal((await cli(["list"], { ...bare, XDG_CONFIG_HOME: xdg })).status, 0);
	});

	test("a key that others may read is refused, with the command that mends it", async () => {
		const xdg = path.join(home, "open");
		for (const mode of [0o640, 0o604, 0o660]) {
			const file = configure(xdg, `url = ${url}\napi_key = ${KEY}\n`, mode);
			const r = await cli(["list"], { ...bare, XDG_CONFIG_HOME: xdg });
			assert.equal(r.status, 1);
			assert.ok(r.stderr.includes(`chmod 600 '${file}'`));
			assert.ok(!r.stderr.includes(KEY));
		}
		assert.equal(seen.length, 0);
		configure(xdg, `url = ${url}\n`, 0o644);
		assert.equal((await cli(["list"], { ...bare, VALETKEY_API_KEY: KEY, XDG_CONFIG_HOME: xdg })).status, 0);
	});

	test("a line that is not understood is named by its number, not shown", async () => {
		const xdg = path.join(home, "odd");
		configure(xdg, `url = ${url}\n${KEY}\n`);
		const r = await cli(["list"], { ...bare, XDG_CONFIG_HOME: xdg });
		assert.equal(r.status, 1);
		assert.match(r.stderr, /Line 2 of/);
		assert.ok(!r.stderr.includes(KEY));
	});

	test("S-182: while it runs neither its arguments nor its environment show the key", async () => {
		let release;
		const asked = new Promise((resolve) => {
			answer = (req, res) => {
				release = () => manager(req, res);
				resolve();
			};
		});
		const child = spawn(binary, ["token", "get", "Team Files 1"], { env: environment(), stdio: ["ignore", "pipe", "ignore"] });
		let stdout = "";
		child.stdout.on("data", (d) => (stdout += d));
		const ended = new Promise((resolve) => child.on("close", resolve));
		await asked;
		assert.ok(readFileSync(`/proc/${child.pid}/cmdline`, "utf8").includes("Team Files 1"));
		assert.ok(!readFileSync(`/proc/${child.pid}/cmdline`, "utf8").includes(KEY));
		let environ = "";
		try {
			environ = readFileSync(`/proc/${child.pid}/environ`, "utf8");
		} catch (error) {
			assert.equal(error.code, "EACCES"); // closed to others altogether
		}
		assert.ok(!environ.includes(KEY));
		release();
		assert.equal(await ended, 0);
		assert.equal(stdout, `${ACCESS}\n`);
	});
});
