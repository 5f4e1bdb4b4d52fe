#include "vault/census.h"
#include "vault/vault.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/log.h"
#include "base/throttle.h"
#include "crypto/cert.h"
#include "crypto/safe.h"
#include "store/refresh.h"
#include "store/webhook.h"
#include "vault/learn.h"
#include "vault/live_cache.h"
#include "vault/hashing.h"
#include "vault/outbox.h"
#include "vault/vault_int.h"
#include "vault/waits.h"

#define CALLS_GRACE_MS 2000
#define STORE_BEHIND_MS 2000 /* the bound of docs/mechanisms/store.md */
#define CA_FILE_MAX (1u << 20)

struct str
vault_new_id(struct arena *a)
{
	return secret_expose(
	    crypto_random_text(a, ID_LEN, S("0123456789abcdefghijklmnopqrstuvwxyz")));
}

enum rc
vault_bad_field(struct ctx *cx, const char *field, const char *why, const char *todo)
{
	fail_at(cx, E_INPUT, "bad-field", field, "%s", why);
	return fail_todo(cx, "%s", todo);
}

/* The sandbox's own authority is believed for Dropbox only, by a client of its own (S-026). */
static enum rc
trust_sandbox(struct vault *v, struct ctx *cx, const struct vault_config *cfg)
{
	struct str pem;

	if (cfg->dropbox_ca_file == NULL)
		return OK;
	if (cfg->dropbox_url.len == 0) {
		fail(cx, E_INPUT, "A CA was given for a sandbox, but not where the sandbox is.");
		return fail_todo(cx, "Give --dropbox-url and --dropbox-ca, or neither.");
	}
	TRY(file_read(cx, cfg->dropbox_ca_file, CA_FILE_MAX, &pem));
	TRY(cert_check_roots(cx, pem, cfg->dropbox_ca_file));
	v->sandbox_client = http_client_new(S("valetkey"), pem);
	return OK;
}

struct http_client *
vault_client(const struct vault *v, const struct provider *p)
{
	return v->sandbox_client != NULL && str_eq(p->id, S("dropbox")) ? v->sandbox_client
									: v->client;
}

static enum rc
make_data_dir(struct ctx *cx, const char *dir)
{
	if (mkdir(dir, 0700) == 0 || errno == EEXIST)
		return OK;
	fail(cx, E_INPUT, "The data directory %s could not be made: %s.", dir, strerror(errno));
	return fail_todo(cx, "Name another with --data, or make its parent first.");
}

static enum rc
open_keyring(struct vault *v, struct ctx *cx, const struct vault_config *cfg, const char *where)
{
	const char *path = cfg->master_key_file.len > 0
	    ? str_cstr(cx->arena, cfg->master_key_file)
	    : str_printf(cx->arena, "%s/master.key", cfg->data_dir).p;
	bool own_file = cfg->master_key_file.len == 0, data_exists;

	TRY(store_exists(cx, where, &data_exists));
	return keyring_open(cx, path, own_file ? KEY_MAKE : KEY_REFUSE, data_exists, &v->keyring);
}

/* Tells this installation's cookies from those of another on the same host. */
static enum rc
take_instance(struct vault *v, struct ctx *cx)
{
	struct secret mine = crypto_random_text(cx->arena, 8, S("0123456789abcdef"));
	struct str value;

	TRY(store_meta_first(v->store, cx, S("instance"), secret_expose(mine), &value));
	v->instance = str_dup(v->arena, value);
	return OK;
}

static enum rc
open_parts(struct vault *v, struct ctx *cx, const struct vault_config *cfg)
{
	const char *where = cfg->store;

	if (where == NULL)
		where = str_printf(cx->arena, "%s/valetkey.db", cfg->data_dir).p;

	TRY(make_data_dir(cx, cfg->data_dir));
	TRY(open_keyring(v, cx, cfg, where));
	keyring_keep(v->keyring, S(KEY_PURPOSE));
	TRY(store_open(cx, where, v->keyring, &v->store));
	TRY(take_instance(v, cx));
	TRY(provider_read_all(
	    v, cx, cfg->providers_dir, cfg->dropbox_url, cfg->deny_private_providers));
	v->skews = mem_alloc(v->provider_count * sizeof(*v->skews));
	for (size_t i = 0; i < v->provider_count; i++)
		v->skews[i] = SKEW_UNKNOWN;
	TRY(key_index_load(v, cx));
	v->client = http_client_new(S("valetkey"), S(""));
	return trust_sandbox(v, cx, cfg);
}

enum rc
vault_open(struct ctx *cx, const struct vault_config *cfg, struct vault **out)
{
	struct vault *v = mem_alloc(sizeof(*v));
	enum rc rc;

	v->arena = arena_new();
	v->clock = cfg->clock;
	v->keep_deleted_ms = cfg->keep_deleted_ms;
	v->keep_events_ms = cfg->keep_events_ms;
	v->deny_private = cfg->deny_private;
	v->shared = cfg->store != NULL;
	v->public_url = str_dup(v->arena, cfg->public_url);
	v->live = live_cache_new(cfg->live_cache_bytes);
	v->safe = safe_new();
	v->throttle = throttle_new();
	v->hashing = hashing_new();
	v->census = census_keeper_new();
	v->waits = waits_new();
	rc = open_parts(v, cx, cfg);
	if (rc != OK) {
		vault_close(v);
		return rc;
	}
	*out = v;
	return OK;
}

enum rc
vault_start(struct ctx *cx, struct vault *v)
{
	int64_t cut_off = 0;

	/* The lock on the data directory says that whoever held a lease in its file is gone. */
	if (!v->shared)
		TRY(store_refresh_recover(v->store, cx, clock_now_ms(v->clock), &cut_off));
	if (cut_off > 0)
		log_event(LOG_WARN, "engine.recovered", KV_INT("attempts", cut_off));
	TRY(learner_start(cx, v, &v->learner));
	if (!v->shared)
		TRY(store_delivery_recover(v->store, cx));
	TRY(outbox_start(cx, v, &v->outbox));
	vault_event_begin(v);
	TRY(engine_start(cx, v, &v->engine));
	return store_follow(cx, v->store, vault_follow, v);
}

void
vault_stop(struct vault *v)
{
	if (v->engine != NULL)
		engine_stop(v->engine);
	outbox_stop(v->outbox);
	/* A request that waits for a provider would keep the servers from stopping. */
	if (v->client != NULL)
		http_client_stop(v->client, CALLS_GRACE_MS);
	if (v->sandbox_client != NULL)
		http_client_stop(v->sandbox_client, CALLS_GRACE_MS);
	/* The engine asked it; what it asked itself has been answered. */
	learner_free(v->learner);
	v->learner = NULL;
}

void
vault_unfollow(struct vault *v)
{
	if (v->store != NULL)
		store_unfollow(v->store);
}

void
vault_close(struct vault *v)
{
	struct arena *a;
	struct ctx cx;

	if (v == NULL)
		return;
	vault_unfollow(v);
	outbox_free(v->outbox);
	http_client_free(v->client);
	http_client_free(v->sandbox_client);
	engine_free(v->engine);
	learner_free(v->learner);
	free(v->skews);
	if (v->store != NULL) {
		a = arena_new();
		ctx_init(&cx, a, v->clock);
		cx.may_block = true;
		key_index_flush(v, &cx);
		arena_free(a);
	}
	key_index_free(v->keys);
	throttle_free(v->throttle);
	hashing_free(v->hashing);
	census_keeper_free(v->census);
	waits_free(v->waits);
	live_cache_free(v->live);
	safe_free(v->safe);
	store_close(v->store);
	keyring_free(v->keyring);
	arena_free(v->arena);
	free(v);
}

bool
vault_store_reached(struct vault *v)
{
	return store_behind_ms(v->store) < STORE_BEHIND_MS;
}

int64_t
vault_keep_deleted_ms(const struct vault *v)
{
	return v->keep_deleted_ms;
}

struct str
vault_public_url(const struct vault *v)
{
	return v->public_url;
}

struct str
vault_instance(const struct vault *v)
{
	return v->instance;
}

enum rc
vault_seed_get(struct vault *v, struct ctx *cx, struct secret *out)
{
	return store_meta_get_sealed(v->store, cx, S("demo seed"), out);
}

enum rc
vault_seed_put(struct vault *v, struct ctx *cx, struct secret seed)
{
	return store_meta_put_sealed(v->store, cx, S("demo seed"), seed);
}
