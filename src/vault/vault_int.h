/* vault/vault_int.h - shared inside this room only. */
#ifndef VAULT_VAULT_INT_H
#define VAULT_VAULT_INT_H

#include <pthread.h>
#include <stdatomic.h>

#include "crypto/crypto.h"
#include "http/client.h"
#include "store/changes.h"
#include "store/event.h"
#include "store/token.h"
#include "vault/counts.h"
#include "vault/engine.h"
#include "vault/provider.h"
#include "vault/vault.h"

#define KEY_PURPOSE "api key" /* of digests */
#define ID_LEN 20
#define SKEW_UNKNOWN INT64_MIN
#define UNSURE_MS 10000 /* a commit without an answer may still be done so long after */

struct live_cache;
struct key_index;
struct learner;
struct safe;
struct throttle;
struct hashing;
struct census_keeper;
struct waits;
struct outbox;

struct vault {
	struct arena *arena; /* boot time: provider definitions, texts */
	struct clock *clock;
	struct keyring *keyring;
	struct store *store;
	struct http_client *client;
	struct http_client *sandbox_client; /* with roots of its own; NULL: there is none */
	struct engine *engine;
	struct learner *learner;
	struct live_cache *live;
	_Atomic int64_t live_unsure_until_ms; /* clock_mono_ms; see live_unsure */
	struct safe *safe;                    /* of the access tokens in it */
	struct key_index *keys;
	struct throttle *throttle;
	struct hashing *hashing;
	struct census_keeper *census;
	struct waits *waits;
	struct str public_url, instance;
	struct provider *providers;
	size_t provider_count;
	_Atomic int64_t *skews; /* one for each of them; vault/skew.h */
	int64_t keep_deleted_ms, keep_events_ms;
	_Atomic int64_t counts[VAULT_COUNTS];
	bool shared;                 /* other nodes may use the store */
	bool deny_private;           /* webhooks go to public addresses only */
	struct outbox *outbox;       /* sends the webhooks */
	void (*on_event)(void *arg); /* NULL: nobody listens */
	void *on_event_arg;
	_Atomic int64_t refusals_untold; /* of sign-ins, since the last that is an event */
};

struct str vault_new_id(struct arena *a);
/* Always fails: E_INPUT, with what is wrong with the field and what to do. */
enum rc vault_bad_field(struct ctx *cx, const char *field, const char *why, const char *todo);
/* For calls to the provider. Clients share neither connections nor trust. */
struct http_client *vault_client(const struct vault *v, const struct provider *p);

/* Whatever is cached of this name or id is out of date. */
void live_forget(struct vault *v, struct str token_id);
void live_forget_all(struct vault *v);

/* The same, after a change whose commit had no answer: as long as it may come to be late, live_mend
 * forgets what was read meanwhile. */
void live_unsure(struct vault *v, struct str token_id);
bool live_mend(struct vault *v);  /* false: to be called again */
void vault_wake(struct vault *v); /* engine_wake, once there is an engine */

/* When it fails, key_index_mend does it later. */
MUST enum rc key_index_load(struct vault *v, struct ctx *cx);
/* Loads again what may not be as the store has it; false: it still may not. After a change whose commit
 * had no answer that is so for UNSURE_MS: it may come to be late. */
bool key_index_mend(struct vault *v, struct ctx *cx);
void key_index_free(struct key_index *k);
/* Writes the last-used times that changed. */
void key_index_flush(struct vault *v, struct ctx *cx);

/* From here on vault_event_listen's fn, and the outbox, hear of events. */
void vault_event_begin(struct vault *v);

/* Hears what other nodes changed (store/changes.h). */
MUST enum rc vault_follow(void *arg, struct ctx *cx, const struct change *change);

#endif
