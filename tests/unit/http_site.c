/* A small site on the real server, for the raw-socket tests in tests/security/http.
 *
 * Prints "listening PORT" on stdout when it listens and stops cleanly on SIGTERM, SIGINT or the end
 * of its standard input. Every argument is NAME=VALUE; see read_args. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/log.h"
#include "http/server.h"

#define BIG_LEN (8u << 20)

enum { PUBLIC, NEEDS_KEY };

static int ran; /* how often the hidden request's handler ran */
static int slow_begun, big_begun, released;
static char big[BIG_LEN];

static enum rc
get_hello(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	(void)app, (void)cx, (void)req;
	http_res_json(res, 200, S("{\"hello\":\"world\"}"));
	return OK;
}

static enum rc
post_echo(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	(void)app, (void)cx;
	http_res_text(res, 200, req->body);
	return OK;
}

static enum rc
post_json(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	json_t *value;

	(void)app;
	TRY(http_req_want_json(cx, req));
	TRY(json_read(cx, req->body, 8, &value));
	http_res_json(res, 200, req->body);
	return OK;
}

static enum rc
get_slow(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	struct str ms = { 0 };
	int64_t n = 50;

	(void)app;
	TRY(http_req_param(cx, req, "ms", &ms));
	if (ms.p != NULL && !str_int(ms, 0, 10000, &n))
		return fail_at(cx, E_INPUT, "bad-query", "ms", "ms is a number up to 10000.");
	if (!cx->may_block)
		return E_AGAIN;
	__atomic_add_fetch(&slow_begun, 1, __ATOMIC_RELAXED);
	usleep((useconds_t)n * 1000);
	http_res_text(res, 200, str_printf(cx->arena, "slept %lld", (long long)n));
	return OK;
}

/* Keeps its worker until somebody asks for /release, or a minute. */
static enum rc
get_hold(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	(void)app, (void)cx, (void)req;
	for (int i = 0; i < 6000 && !__atomic_load_n(&released, __ATOMIC_RELAXED); i++)
		usleep(10000);
	http_res_text(res, 200, S("held"));
	return OK;
}

static enum rc
get_release(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	(void)app, (void)cx, (void)req;
	__atomic_store_n(&released, 1, __ATOMIC_RELAXED);
	http_res_text(res, 200, S("released"));
	return OK;
}

/* How many of the slow and of the big requests have begun. */
static enum rc
get_begun(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	(void)app, (void)req;
	http_res_json(res, 200,
	    str_printf(cx->arena, "{\"slow\":%d,\"big\":%d}",
		__atomic_load_n(&slow_begun, __ATOMIC_RELAXED),
		__atomic_load_n(&big_begun, __ATOMIC_RELAXED)));
	return OK;
}

static enum rc
get_item(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	(void)app;
	http_res_text(res, 200, str_printf(cx->arena, "item %.*s", STR_ARG(req->args[0])));
	return OK;
}

static enum rc
get_special(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	(void)app, (void)cx, (void)req;
	http_res_text(res, 200, S("special"));
	return OK;
}

/* What a tester can ask back: who am I, and what did you read? */
static enum rc
get_seen(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	struct buf b = buf_in(cx->arena, 65536);
	struct str cookie;

	(void)app;
	buf_addf(&b, "{\"peer\":\"%.*s\",\"headers\":%zu,\"authorization\":", STR_ARG(req->peer),
	    req->header_count);
	buf_add_json_string(&b, http_req_header(req, S("authorization")));
	buf_add(&b, S(",\"cookie\":"));
	buf_add_json_string(&b, http_req_cookie(req, S("sid"), &cookie) ? cookie : S(""));
	buf_addc(&b, '}');
	http_res_json(res, 200, buf_str(&b));
	return OK;
}

static enum rc
get_private(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	(void)app, (void)cx, (void)req;
	http_res_text(res, 200, S("private"));
	return OK;
}

static enum rc
get_hidden(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	(void)app, (void)cx, (void)req;
	__atomic_add_fetch(&ran, 1, __ATOMIC_RELAXED);
	http_res_text(res, 200, S("HIDDEN"));
	return OK;
}

static enum rc
get_hidden_count(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	(void)app, (void)req;
	http_res_text(
	    res, 200, str_printf(cx->arena, "%d", __atomic_load_n(&ran, __ATOMIC_RELAXED)));
	return OK;
}

static enum rc
get_big(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	(void)app, (void)cx, (void)req;
	__atomic_add_fetch(&big_begun, 1, __ATOMIC_RELAXED);
	http_res_text(res, 200, (struct str){ big, sizeof(big) });
	return OK;
}

/* Puts what the caller says into header values, to see whether it can end the line. */
static enum rc
get_reflect(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	struct str v = { 0 };

	(void)app;
	TRY(http_req_param(cx, req, "v", &v));
	http_res_header(res, S("X-Reflected"), v);
	http_res_cookie(res, S("reflected"), v, S("; Path=/; HttpOnly"));
	http_res_redirect(res, 303, v);
	return OK;
}

static enum rc
get_empty(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	(void)app, (void)cx, (void)req;
	http_res_text(res, 204, S("this must not be sent"));
	return OK;
}

static enum rc
get_broken(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	(void)app, (void)req, (void)res;
	return fail(cx, E_STORE, "the inner sentence");
}

static char body_dir[1024];

/* What came: length, a sum over the bytes of the file, whether the memory is empty. */
static enum rc
post_upload(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	char bytes[16384], from[2048], to[2048];
	struct str keep = { 0 };
	int64_t len = 0;
	uint32_t sum = 1;
	ssize_t n;

	(void)app;
	TRY(http_req_param(cx, req, "keep", &keep));
	while ((n = read(req->body_fd, bytes, sizeof(bytes))) > 0) {
		for (ssize_t i = 0; i < n; i++)
			sum = sum * 31 + (unsigned char)bytes[i];
		len += n;
	}
	if (keep.p != NULL) {
		snprintf(from, sizeof(from), "%s/%s", body_dir, req->body_path.p);
		snprintf(to, sizeof(to), "%s/kept", body_dir);
		if (rename(from, to) != 0)
			return fail(cx, E_STORE, "The file could not be renamed.");
	}
	res->close = req->body.len > 0 || req->body_len != len;
	http_res_text(res, 200, str_printf(cx->arena, "%lld %u", (long long)len, sum));
	return OK;
}

static int64_t
number_of(struct ctx *cx, const struct http_req *req, const char *name)
{
	struct str text = { 0 };
	int64_t n = 0;

	if (http_req_param(cx, req, name, &text) != OK || text.p == NULL ||
	    !str_int(text, 0, INT32_MAX, &n))
		return 0;
	return n;
}

/* A file of `len` bytes in which each names its place, from `at`; promises `more` than there is. */
static enum rc
get_file(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	int64_t len = number_of(cx, req, "len"), at = number_of(cx, req, "at");
	FILE *f = tmpfile();

	(void)app;
	if (f == NULL)
		return fail(cx, E_STORE, "No file could be made.");
	for (int64_t i = 0; i < len; i++)
		putc((int)((i + i / 251) & 0xff), f);
	fflush(f);
	http_res_file(res, 200, dup(fileno(f)), at, len - at + number_of(cx, req, "more"));
	fclose(f);
	return number_of(cx, req, "fail") > 0 ? fail(cx, E_CONFLICT, "Thought better.") : OK;
}

static int waits_begun, waits_run;

/* Runs again until `ms` have passed. */
static enum rc
get_wait(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	(void)app;
	if (!cx->may_block)
		return E_AGAIN;
	__atomic_add_fetch(&waits_run, 1, __ATOMIC_RELAXED);
	if (req->waited_ms == 0)
		__atomic_add_fetch(&waits_begun, 1, __ATOMIC_RELAXED);
	if (req->waited_ms < number_of(cx, req, "ms")) {
		http_res_header(res, S("X-Undone"), S("1"));
		res->again_ms = 20;
		return E_AGAIN;
	}
	http_res_text(res, 200, S("waited"));
	return OK;
}

static enum rc
get_wait_counts(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	(void)app, (void)req;
	http_res_text(res, 200,
	    str_printf(cx->arena, "%d %d", __atomic_load_n(&waits_begun, __ATOMIC_RELAXED),
		__atomic_load_n(&waits_run, __ATOMIC_RELAXED)));
	return OK;
}

/* /fault?kind=…&delay=…&rate=…&file=1 */
static enum rc
get_fault(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	static const char *const kinds[] = { "none", "close", "reset", "raw", "cut", "drip" };
	struct str kind = { 0 };

	TRY(http_req_param(cx, req, "kind", &kind));
	if (number_of(cx, req, "len") > 0)
		TRY(get_file(app, cx, req, res));
	else
		http_res_text(res, 200, S("0123456789abcdefghijklmnopqrstuvwxyz"));
	for (int i = 0; i < 6; i++) {
		if (str_eq(kind, str_of(kinds[i])))
			res->fault.kind = (enum http_fault_kind)i;
	}
	res->fault.delay_ms = (int)number_of(cx, req, "delay");
	res->fault.bytes_per_s = (int)number_of(cx, req, "rate");
	return OK;
}

/* The name it was asked for under, and the tunnel it came through. */
static enum rc
get_names(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	(void)app;
	http_res_text(
	    res, 200, str_printf(cx->arena, "%.*s %.*s", STR_ARG(req->host), STR_ARG(req->tunnel)));
	return OK;
}

static enum rc
gate(void *app, struct ctx *cx, struct http_req *req, struct http_res *res)
{
	(void)app, (void)res;
	if (req->route->access == PUBLIC ||
	    str_eq(http_req_header(req, S("authorization")), S("Bearer vk_test")))
		return OK;
	return fail_at(cx, E_AUTH, "no-key", NULL, "An API key is needed.");
}

static const struct http_route routes[] = {
	{ HTTP_M_GET, "/hello", PUBLIC, LANE_LOOP, 0, get_hello },
	{ HTTP_M_GET, "/healthz", PUBLIC, LANE_LOOP, 0, get_hello },
	{ HTTP_M_POST, "/echo", PUBLIC, LANE_LOOP, 65536, post_echo },
	{ HTTP_M_POST, "/worker-echo", PUBLIC, LANE_WORKER, 65536, post_echo },
	{ HTTP_M_POST, "/json", PUBLIC, LANE_LOOP, 4096, post_json },
	{ HTTP_M_GET, "/slow", PUBLIC, LANE_LOOP, 0, get_slow },
	{ HTTP_M_GET, "/hold", PUBLIC, LANE_WORKER, 0, get_hold },
	{ HTTP_M_GET, "/release", PUBLIC, LANE_LOOP, 0, get_release },
	{ HTTP_M_GET, "/begun", PUBLIC, LANE_LOOP, 0, get_begun },
	{ HTTP_M_GET, "/items/{}/x", PUBLIC, LANE_LOOP, 0, get_item },
	{ HTTP_M_DELETE, "/items/{}", PUBLIC, LANE_LOOP, 0, get_item },
	{ HTTP_M_PATCH, "/items/{}", PUBLIC, LANE_LOOP, 4096, get_item },
	{ HTTP_M_GET, "/items/special", PUBLIC, LANE_LOOP, 0, get_special },
	{ HTTP_M_GET, "/seen", PUBLIC, LANE_LOOP, 0, get_seen },
	{ HTTP_M_GET, "/private", NEEDS_KEY, LANE_LOOP, 0, get_private },
	{ HTTP_M_POST, "/private", NEEDS_KEY, LANE_LOOP, 65536, get_private },
	{ HTTP_M_GET, "/hidden", PUBLIC, LANE_LOOP, 0, get_hidden },
	{ HTTP_M_GET, "/hidden-count", PUBLIC, LANE_LOOP, 0, get_hidden_count },
	{ HTTP_M_GET, "/big", PUBLIC, LANE_LOOP, 0, get_big },
	{ HTTP_M_GET, "/reflect", PUBLIC, LANE_LOOP, 0, get_reflect },
	{ HTTP_M_GET, "/empty", PUBLIC, LANE_LOOP, 0, get_empty },
	{ HTTP_M_POST, "/upload", PUBLIC, LANE_WORKER, 256u << 20, post_upload, BODY_TO_FILE },
	{ HTTP_M_POST, "/private-upload", NEEDS_KEY, LANE_WORKER, 1 << 20, post_upload,
	    BODY_TO_FILE },
	{ HTTP_M_GET, "/file", PUBLIC, LANE_WORKER, 0, get_file },
	{ HTTP_M_GET, "/wait", PUBLIC, LANE_LOOP, 0, get_wait },
	{ HTTP_M_GET, "/wait-counts", PUBLIC, LANE_LOOP, 0, get_wait_counts },
	{ HTTP_M_GET, "/fault", PUBLIC, LANE_WORKER, 0, get_fault },
	{ HTTP_M_GET, "/names", PUBLIC, LANE_LOOP, 0, get_names },
	{ HTTP_M_GET, "/broken", PUBLIC, LANE_LOOP, 0, get_broken },
};

static const struct http_asset assets[] = {
	{ "/assets/app.js", "text/javascript", (const unsigned char *)"let a = 1;\n", 11,
	    "\"e1a5\"" },
};

static const struct http_site site = {
	.routes = routes,
	.route_count = sizeof(routes) / sizeof(routes[0]),
	.assets = assets,
	.asset_count = 1,
	.gate = gate,
	.body_dir = body_dir,
};

static int file_max;                     /* bytes of the largest file, as if the disk were full */
static const char *cert_path, *key_path; /* TLS, or the proxy's with use_proxy */
static int use_proxy;
static int grace_ms = 1000;
static int hold; /* descriptors to use up, so that the server runs out of them */

static void
read_args(int argc, char **argv, struct http_server_config *cfg)
{
	const struct {
		const char *name;
		int *value;
	} numbers[] = {
		{ "port", &cfg->port },
		{ "loops", &cfg->loops },
		{ "workers", &cfg->workers },
		{ "head-ms", &cfg->head_ms },
		{ "body-ms", &cfg->body_ms },
		{ "reply-ms", &cfg->reply_ms },
		{ "idle-ms", &cfg->idle_ms },
		{ "linger-ms", &cfg->linger_ms },
		{ "grace-ms", &grace_ms },
		{ "hold", &hold },
		{ "file-max", &file_max },
		{ "proxy", &use_proxy },
	};

	for (int i = 1; i < argc; i++) {
		struct str value = str_of(argv[i]), name;
		int64_t n;

		str_split(&value, '=', &name);
		if (str_eq(name, S("public-url")))
			cfg->public_url = value;
		if (str_eq(name, S("proxies")))
			cfg->proxies = value;
		if (str_eq(name, S("body-dir")))
			snprintf(body_dir, sizeof(body_dir), "%s", value.p);
		if (str_eq(name, S("cert")))
			cert_path = value.p;
		if (str_eq(name, S("key")))
			key_path = value.p;
		if (str_eq(name, S("max-connections")) && str_int(value, 1, 100000, &n))
			cfg->max_connections = (size_t)n;
		for (size_t k = 0; k < sizeof(numbers) / sizeof(numbers[0]); k++) {
			if (str_eq(name, str_of(numbers[k].name)) && str_int(value, 0, 1 << 30, &n))
				*numbers[k].value = (int)n;
		}
	}
}

static void
on_signal(int signo)
{
	(void)signo;
	close(STDIN_FILENO); /* ends the read below */
}

static void
wait_for_end(void)
{
	struct sigaction sa = { .sa_handler = on_signal }; /* no SA_RESTART: read() returns */
	char byte;

	sigaction(SIGTERM, &sa, NULL);
	sigaction(SIGINT, &sa, NULL);
	while (read(STDIN_FILENO, &byte, 1) > 0)
		continue;
}

static struct str
read_file(struct arena *a, const char *path)
{
	char *p = arena_alloc(a, 16384);
	FILE *f = fopen(path, "r");
	size_t n = f != NULL ? fread(p, 1, 16384, f) : 0;

	if (f != NULL)
		fclose(f);
	return (struct str){ p, n };
}

static void
limit_files(void)
{
	struct rlimit lim = { .rlim_cur = (rlim_t)file_max, .rlim_max = (rlim_t)file_max };

	if (file_max == 0)
		return;
	signal(SIGXFSZ, SIG_IGN);
	setrlimit(RLIMIT_FSIZE, &lim);
}

static const char *const tunnel_names[] = { "api.dropboxapi.com", "content.dropboxapi.com" };

static enum rc
open_server(struct ctx *cx, struct http_server_config *cfg, struct http_server **out)
{
	struct http_tls tls = { 0 };
	struct http_proxy_config proxy = { .names = tunnel_names, .name_count = 2, .tls = &tls };

	if (cert_path != NULL && key_path != NULL) {
		tls.chain_pem = read_file(cx->arena, cert_path);
		tls.key_pem = read_file(cx->arena, key_path);
		if (!use_proxy)
			cfg->tls = &tls;
	}
	TRY(http_server_new(cx, cfg, out));
	if (use_proxy)
		TRY(http_server_proxy(cx, *out, &proxy));
	return http_server_start(cx, *out, &site);
}

int
main(int argc, char **argv)
{
	struct http_server_config cfg = { .host = S("127.0.0.1"), .name = "site" };
	struct arena *a = arena_new();
	struct clock *clock = clock_new();
	struct http_server *server = NULL;
	struct ctx cx;

	json_setup();
	log_set_level(LOG_DEBUG);
	memset(big, 'x', sizeof(big));
	cfg.clock = clock;
	read_args(argc, argv, &cfg);
	ctx_init(&cx, a, clock);
	limit_files();
	if (open_server(&cx, &cfg, &server) != OK) {
		fprintf(stderr, "http_site: %s\n", cx.why);
		return 1;
	}
	for (int i = 0; i < hold; i++) {
		if (dup(STDOUT_FILENO) < 0)
			return 1;
	}
	printf("listening %d proxy %d\n", http_server_port(server), http_server_proxy_port(server));
	fflush(stdout);
	wait_for_end();
	http_server_stop(server, grace_ms);
	http_server_free(server);
	clock_free(clock);
	arena_free(a);
	return 0;
}
