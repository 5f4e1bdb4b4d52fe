/* vault/keys.h - API keys: vk_ and 49 characters, kept as a keyed digest, checked from memory. */
#ifndef VAULT_KEYS_H
#define VAULT_KEYS_H

#include "store/access.h"

struct vault;

/* Who is asking, as long as the request lives. */
struct key_ref {
	struct str id;
	bool all_tokens; /* as it came in: whoever waits or goes on asks vault_key_allows_all */
};

/* Never blocks. E_AUTH. */
MUST enum rc vault_key_check(
    struct vault *v, struct ctx *cx, struct secret key, struct key_ref *out);
/* As the key is now, which may have been cut down since it came in. Never block. */
bool vault_key_allows_all(struct vault *v, const struct key_ref *key);
bool vault_key_allows(struct vault *v, const struct key_ref *key, struct str token_id);

/* E_AUTH, as vault_key_check, once it is gone: asked again by whoever waited. */
MUST enum rc vault_key_want_lives(struct vault *v, struct ctx *cx, const struct key_ref *key);
bool vault_key_lives(struct vault *v, const struct key_ref *key);

/* The key itself is only ever in *key_out. E_NOTFOUND code "token-gone", here and in an edit, when a token
 * that it is to read is not there. */
MUST enum rc vault_key_create(
    struct vault *v, struct ctx *cx, struct api_key *k, struct secret *key_out);
MUST enum rc vault_key_list(struct vault *v, struct ctx *cx, struct api_key **out, size_t *count);
MUST enum rc vault_key_get(struct vault *v, struct ctx *cx, struct str id, struct api_key *out);
/* Those that it may read now, which may be fewer than it names: some may be put aside. */
MUST enum rc vault_key_live_tokens(struct vault *v, struct ctx *cx, struct str id, int64_t *out);
/* store_key_edit; holds for the next call already. *out: the key as it is then. */
MUST enum rc vault_key_edit(struct vault *v, struct ctx *cx, struct str id,
    const struct api_key_edit *edit, struct api_key *out);
MUST enum rc vault_key_delete(struct vault *v, struct ctx *cx, struct str id);

#endif
