/* vault/live_cache.h - the access tokens handed out last, so that the next reader needs no database.
 *
 * Owns its entries: what a reader must know of a token, and the access token, sealed by whoever puts it
 * in. Takes at most so many bytes, what its tables need for an entry among them; when that is not enough,
 * what was not read lately makes room (CLOCK: a hand goes round, and what was read since it last came by
 * is spared once). Reading costs a shared lock and no write but the first since then. Thread-safe, and
 * never blocks for more than a memory copy. */
#ifndef VAULT_LIVE_CACHE_H
#define VAULT_LIVE_CACHE_H

#include "base/ctx.h"
#include "store/token.h"

struct live_cache;

/* A token as one request sees it. */
struct live_view {
	struct str id, name, scope, sealed;
	enum token_status status;
	bool has_refresh;
	bool refused; /* the provider does not accept it, although it has not run out */
	int64_t expires_ms, refreshed_ms;
	int64_t retry_ms; /* after failed refreshes: not again before; 0: none failed */
};

struct live_cache *live_cache_new(size_t max_bytes);
void live_cache_free(struct live_cache *c); /* takes NULL */

/* False: it is not there. The texts are copies in the context's arena. */
bool live_cache_get(struct live_cache *c, struct ctx *cx, struct str name, struct live_view *out);

/* Moves whenever something is forgotten. A put tells what it was before the store was read: if something
 * was forgotten since, what is put may be the older truth, and nothing happens. */
uint64_t live_cache_generation(struct live_cache *c);
void live_cache_put(struct live_cache *c, const struct live_view *view, uint64_t generation);

void live_cache_forget(struct live_cache *c, struct str token_id);
void live_cache_forget_all(struct live_cache *c);

size_t live_cache_count(struct live_cache *c);
size_t live_cache_bytes(struct live_cache *c);

#endif
