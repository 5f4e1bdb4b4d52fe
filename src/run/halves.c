#include "run/halves.h"

#include "api/api.h"
#include "base/file.h"
#include "http/server.h"
#include "run/dev_ca.h"
#include "run/runtime.h"
#include "sandbox/sandbox.h"
#include "vault/events.h"
#include "vault/vault.h"

#define STOP_GRACE_MS 3000
#define DAY_MS 86400000LL
#define KEEP_DELETED_DAYS 30
#define KEEP_EVENTS_DAYS 90
#define DAYS_MAX 3650
#define LIVE_CACHE_MIB 512
#define LIVE_CACHE_MIB_MAX 1048576
#define PEM_MAX (1u << 20)
#define WORKERS 16 /* more than readers of a slow provider may hold (vault/engine.c) */

static enum rc
open_server(struct ctx *cx, struct http_server_config *cfg, const char *listen,
    const char *public_url, struct http_server **out)
{
	cfg->workers = WORKERS;
	TRY(options_listen(cx, listen, &cfg->host, &cfg->port));
	TRY(options_url(cx, "--public-url", public_url, &cfg->public_url));
	return http_server_new(cx, cfg, out);
}

static enum rc
take_days(struct ctx *cx, const char *option, const char *text, int64_t min, int64_t *out)
{
	int64_t days;

	if (text == NULL)
		return OK;
	if (!str_int(str_of(text), min, DAYS_MAX, &days)) {
		fail(cx, E_INPUT, "%s %s is no number of days.", option, text);
		return fail_todo(
		    cx, "Write a whole number from %lld to %d.", (long long)min, DAYS_MAX);
	}
	*out = days * DAY_MS;
	return OK;
}

static enum rc
take_live_cache(struct ctx *cx, const char *text, size_t *out)
{
	int64_t mib = LIVE_CACHE_MIB;

	if (text != NULL && !str_int(str_of(text), 0, LIVE_CACHE_MIB_MAX, &mib)) {
		fail(cx, E_INPUT, "--live-cache %s is no amount of memory.", text);
		return fail_todo(
		    cx, "Write a whole number of MiB from 0 to %d.", LIVE_CACHE_MIB_MAX);
	}
	*out = (size_t)mib << 20;
	return OK;
}

/* Whoever follows the events hears of them at once. */
static void
on_event(void *server)
{
	http_server_nudge(server);
}

/* A certificate with its chain, and a key that nobody else may read. */
static enum rc
read_tls(struct ctx *cx, const struct manager_config *cfg, struct http_tls *out)
{
	if (cfg->tls_cert == NULL || cfg->tls_key == NULL) {
		fail(cx, E_INPUT, "A TLS certificate and its key belong together.");
		return fail_todo(cx, "Give --tls-cert and --tls-key, or neither.");
	}
	TRY(file_read(cx, cfg->tls_cert, PEM_MAX, &out->chain_pem));
	return file_read_private(cx, cfg->tls_key, PEM_MAX, &out->key_pem);
}

static enum rc
open_manager_server(struct ctx *cx, const struct manager_config *cfg, struct manager *out)
{
	struct http_server_config server = {
		.clock = cfg->clock, .name = "manager", .proxies = str_of(cfg->trusted_proxy)
	};
	struct http_tls tls = { 0 };
	enum rc rc;

	if (cfg->tls_cert != NULL || cfg->tls_key != NULL) {
		TRY(read_tls(cx, cfg, &tls));
		server.tls = &tls;
	}
	rc = open_server(cx, &server, cfg->listen, cfg->public_url, &out->server);
	mem_wipe((void *)(uintptr_t)tls.key_pem.p, tls.key_pem.len);
	return rc;
}

enum rc
manager_open(struct ctx *cx, const struct manager_config *cfg, struct manager *out)
{
	struct vault_config vault = {
		.data_dir = cfg->data_dir,
		.store = cfg->store,
		.master_key_file = str_of(cfg->master_key_file),
		.dropbox_url = cfg->dropbox_url,
		.providers_dir = cfg->providers_dir,
		.keep_deleted_ms = KEEP_DELETED_DAYS * DAY_MS,
		.keep_events_ms = KEEP_EVENTS_DAYS * DAY_MS,
		.deny_private = cfg->deny_private,
		.deny_private_providers = cfg->deny_private_providers,
		.dropbox_ca_file = cfg->dropbox_ca,
		.clock = cfg->clock,
	};

	*out = (struct manager){ 0 };
	TRY(take_days(cx, "--keep-deleted", cfg->keep_deleted, 0, &vault.keep_deleted_ms));
	TRY(take_live_cache(cx, cfg->live_cache, &vault.live_cache_bytes));
	TRY(take_days(cx, "--keep-events", cfg->keep_events, 1, &vault.keep_events_ms));
	TRY(open_manager_server(cx, cfg, out));
	vault.public_url = http_server_url(out->server);
	TRY(runtime_lock(cx, cfg->data_dir, &out->lock_fd));
	TRY(vault_open(cx, &vault, &out->vault));
	out->api = api_new(out->vault);
	vault_event_listen(out->vault, on_event, out->server);
	return OK;
}

enum rc
manager_start(struct ctx *cx, struct manager *m)
{
	TRY(vault_start(cx, m->vault));
	return http_server_start(cx, m->server, api_site(m->api));
}

void
manager_stop(struct manager *m)
{
	/* The vault first: requests that wait for a refresh or a provider are let go by it. */
	if (m->vault != NULL)
		vault_stop(m->vault);
	if (m->server != NULL)
		http_server_stop(m->server, STOP_GRACE_MS);
	/* As long as anybody is answered, what other nodes revoke and delete is heard. */
	if (m->vault != NULL)
		vault_unfollow(m->vault);
	http_server_free(m->server);
	api_free(m->api);
	vault_close(m->vault);
	runtime_unlock(m->lock_fd);
	*m = (struct manager){ 0 };
}

static enum rc
open_proxy(struct ctx *cx, const char *address, const struct http_tls *tls, struct cert_names names,
    struct sandbox_half *out)
{
	struct http_proxy_config cfg = {
		.names = names.names, .name_count = names.count, .tls = tls
	};
	TRY(options_listen(cx, address, &cfg.host, &cfg.port));
	TRY(http_server_proxy(cx, out->server, &cfg));
	/* Nobody can call the wildcard address, so the loopback one stands for it. */
	if (str_eq(cfg.host, S("0.0.0.0")))
		cfg.host = S("127.0.0.1");
	else if (str_eq(cfg.host, S("::")))
		cfg.host = S("::1");
	out->runtime.proxy = str_printf(cx->arena,
	    str_find(cfg.host, ':') < cfg.host.len ? "http://[%.*s]:%d" : "http://%.*s:%d",
	    STR_ARG(cfg.host), http_server_proxy_port(out->server));
	return OK;
}

/* The server, and before it what it needs to speak TLS. */
static enum rc
open_doors(struct ctx *cx, const struct sandbox_half_config *cfg, struct sandbox_half *out)
{
	struct http_server_config server = { .clock = cfg->clock, .name = "sandbox" };
	struct cert_names names;
	struct http_tls tls;
	struct dev_ca ca;

	names.names = sandbox_tunnel_names(&names.count);
	if (cfg->tls || cfg->proxy != NULL) {
		TRY(dev_ca_open(cx, cfg->data_dir, names, &ca));
		tls = (struct http_tls){ ca.server.pem, secret_expose(ca.server.key_pem) };
		out->ca_path = ca.ca_path;
		out->runtime.ca = true;
	}
	if (cfg->tls)
		server.tls = &tls;
	TRY(open_server(cx, &server, cfg->listen, cfg->public_url, &out->server));
	out->runtime.url = http_server_url(out->server);
	return cfg->proxy != NULL ? open_proxy(cx, cfg->proxy, &tls, names, out) : OK;
}

enum rc
sandbox_half_open(struct ctx *cx, const struct sandbox_half_config *cfg, struct sandbox_half *out)
{
	struct sandbox_config sandbox = {
		.data_dir = cfg->data_dir,
		.clock = cfg->clock,
		.seed_file = cfg->seed_file,
	};

	*out = (struct sandbox_half){ .data_dir = cfg->data_dir };
	TRY(runtime_lock(cx, cfg->data_dir, &out->lock_fd));
	TRY(open_doors(cx, cfg, out));
	sandbox.server = out->server;
	sandbox.public_url = http_server_url(out->server);
	return sandbox_new(cx, &sandbox, &out->sandbox);
}

enum rc
sandbox_half_start(struct ctx *cx, struct sandbox_half *h)
{
	TRY(http_server_start(cx, h->server, sandbox_site(h->sandbox)));
	h->started = true;
	return runtime_write(cx, h->data_dir, &h->runtime);
}

void
sandbox_half_settle(struct ctx *cx, struct sandbox_half *h)
{
	sandbox_settle(h->sandbox, cx);
	if (h->runtime.ca)
		dev_ca_settle(cx, h->data_dir);
}

void
sandbox_half_stop(struct ctx *cx, struct sandbox_half *h)
{
	if (h->started)
		runtime_remove(cx, h->data_dir);
	if (h->server != NULL)
		http_server_stop(h->server, STOP_GRACE_MS);
	http_server_free(h->server);
	sandbox_free(h->sandbox);
	runtime_unlock(h->lock_fd);
	*h = (struct sandbox_half){ 0 };
}
