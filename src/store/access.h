/* store/access.h - people, their sessions, and API keys. */
#ifndef STORE_ACCESS_H
#define STORE_ACCESS_H

#include "store/store.h"

struct user {
	struct str id, username, password_hash;
};

MUST enum rc store_user_count(struct store *s, struct ctx *cx, int64_t *out);
MUST enum rc store_user_by_name(
    struct store *s, struct ctx *cx, struct str username, struct user *out);
/* The first person of an installation; E_CONFLICT when there is somebody. */
MUST enum rc store_user_first(struct store *s, struct ctx *cx, const struct user *u);
/* Creates or replaces by username. All sessions of the user end. */
MUST enum rc store_user_put(struct store *s, struct ctx *cx, const struct user *u);

/* Another password for whoever knew the one of was->password_hash: E_CONFLICT code "changed-meanwhile" when it
 * is another by now, and nothing is changed. All sessions of the user end but one. */
MUST enum rc store_user_change(struct store *s, struct ctx *cx, const struct user *was,
    struct str password_hash, struct str keep_digest);

/* For whoever knew the password of u->password_hash: E_NOTFOUND when it is another by now.
 * Session times are wall time: they are about the person at the keyboard. */
MUST enum rc store_session_create(
    struct store *s, struct ctx *cx, struct str digest, const struct user *u, int64_t wall_ms);
/* E_NOTFOUND when unknown, idle since idle_since_ms or made before made_before_ms; else notes that
 * it was seen (at most once a minute). */
MUST enum rc store_session_check(struct store *s, struct ctx *cx, struct str digest,
    int64_t wall_ms, int64_t idle_ms, int64_t life_ms, struct user *out);
/* The same without noting anything: for whoever only listens. */
MUST enum rc store_session_lives(struct store *s, struct ctx *cx, struct str digest,
    int64_t wall_ms, int64_t idle_ms, int64_t life_ms);
/* The password was given again in it. E_NOTFOUND when it has ended meanwhile. */
MUST enum rc store_session_confirm(
    struct store *s, struct ctx *cx, struct str digest, int64_t wall_ms);
/* When it was last given, at the sign-in or since. E_NOTFOUND. */
MUST enum rc store_session_confirmed(
    struct store *s, struct ctx *cx, struct str digest, int64_t *wall_ms);
MUST enum rc store_session_delete(struct store *s, struct ctx *cx, struct str digest);
MUST enum rc store_session_prune(struct store *s, struct ctx *cx, int64_t before_ms);

struct api_key {
	struct str id, label, hint, digest;
	bool all_tokens;
	struct str *token_ids;
	size_t token_count;
	int64_t created_ms, used_ms; /* used_ms 0: never */
};

MUST enum rc store_key_create(struct store *s, struct ctx *cx, const struct api_key *k);
/* All of them, the newest first, each with its tokens, those that are put aside included. */
MUST enum rc store_key_list(struct store *s, struct ctx *cx, struct api_key **out, size_t *count);
/* One of them. E_NOTFOUND. */
MUST enum rc store_key_get(struct store *s, struct ctx *cx, struct str id, struct api_key *out);
/* What becomes of a key: its label, or which tokens it may read; the key itself stays as it is. Tokens
 * that are put aside stay with it while tokens are only added: who takes any away means the rest to be all
 * that the key may read, whatever is restored later. Taken away is what the key reads, or what edit->was has,
 * and what is not in edit->token_ids. No id stands in a list twice.
 * E_NOTFOUND. E_CONFLICT code "changed-meanwhile" with the field (label, token_ids) that is not as edit->was
 * has it any more. Tokens that are put aside do not count there: nobody sees them, and whoever saw one
 * before that has nothing to decide anew. */
struct api_key_edit {
	bool set_label, set_tokens;
	struct str label;
	bool all_tokens;
	struct str *token_ids;
	size_t token_count;
	struct { /* as the editor saw it; a label without p, or !has_tokens: does not matter */
		struct str label;
		bool has_tokens, all_tokens;
		struct str *token_ids;
		size_t token_count;
	} was;
};
MUST enum rc store_key_edit(
    struct store *s, struct ctx *cx, struct str id, const struct api_key_edit *edit);
/* How many tokens it names that are not put aside. */
MUST enum rc store_key_live_tokens(struct store *s, struct ctx *cx, struct str id, int64_t *out);
MUST enum rc store_key_delete(struct store *s, struct ctx *cx, struct str id);

struct key_use {
	struct str id;
	int64_t used_ms;
};

/* When they were last used, in one transaction. */
MUST enum rc store_keys_used(struct store *s, struct ctx *cx, struct key_use *uses, size_t count);

#endif
