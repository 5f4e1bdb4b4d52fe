/* sandbox/tree/history.h - the contents that files had before: what was replaced or deleted.
 *
 * Kept for 30 days on the sandbox's clock, and as long as they are no more bytes than the account's
 * quota; then the oldest go first. Store held for writing. */
#ifndef SANDBOX_TREE_HISTORY_H
#define SANDBOX_TREE_HISTORY_H

#include "sandbox/tree/files.h"

/* Keeps what stands at path_key and, with below, under it: as far as it is living files. seq is of the
 * change that makes them old. */
MUST enum rc history_keep(struct sandbox *s, struct ctx *cx, struct str account_id,
    struct str path_key, bool below, int64_t seq);
MUST enum rc history_by_rev(
    struct sandbox *s, struct ctx *cx, struct str account_id, struct str rev, struct file *out);

struct history_query {
	struct str account_id;
	struct str path_key; /* one of the two */
	struct str id;
	int64_t before_seq; /* older than this change */
	int64_t limit;
};

/* Newest first, without the living one. */
MUST enum rc history_list(struct sandbox *s, struct ctx *cx, const struct history_query *q,
    struct file *out, size_t *count);

/* When what stood at the mark's path was deleted; 0 when the history does not know it any more. */
MUST enum rc history_ended(struct sandbox *s, struct ctx *cx, const struct file *mark, int64_t *ms);
/* Forgets everything that stood at f's path and below it. */
MUST enum rc history_forget(struct sandbox *s, struct ctx *cx, const struct file *f);

#endif
