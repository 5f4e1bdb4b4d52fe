/* sandbox/tree/quota.h - how much an account may hold, and how much it does.
 *
 * The limits stand in the settings, by the names below, whole numbers from 0 to 2^53, so that a test
 * can lower them; an absent one has its default. The counts are kept with each write. Store held. */
#ifndef SANDBOX_TREE_QUOTA_H
#define SANDBOX_TREE_QUOTA_H

#include "base/ctx.h"

struct sandbox;

#define PATH_DEPTH_MAX 128
#define RELOCATE_MAX 10000 /* entries of one copy or move, as Dropbox says */
#define DELETE_MAX 100000  /* entries of one deletion */
#define HISTORY_MAX 200000 /* old revisions of one account */
#define HISTORY_DAYS 30

struct quota {
	int64_t bytes;    /* quota_basic, quota_business: of all files; of old revisions as much */
	int64_t files;    /* files_max: entries, folders too */
	int64_t sessions; /* sessions_max: open upload sessions */
	int64_t marks;    /* marks_max: deleted entries that cursors are still told of */
};

struct tree {
	int64_t seq, used, entries, old_bytes, old_count;
	int64_t marks;      /* of deleted entries, at most so many */
	int64_t forgot_seq; /* marks of changes up to this one may be gone */
};

MUST enum rc quota_of(struct sandbox *s, struct ctx *cx, struct str account_id, struct quota *out);
MUST enum rc tree_of(struct sandbox *s, struct ctx *cx, struct str account_id, struct tree *out);
MUST enum rc files_used(struct sandbox *s, struct ctx *cx, struct str account_id, int64_t *bytes);
MUST enum rc files_quota(struct sandbox *s, struct ctx *cx, struct str account_id, int64_t *bytes);

/* E_CONFLICT "insufficient_space" unless the account has room for so much more. */
MUST enum rc tree_want_room(
    struct sandbox *s, struct ctx *cx, struct str account_id, int64_t bytes, int64_t entries);
/* Counts a change and gives its number. */
MUST enum rc tree_count(struct sandbox *s, struct ctx *cx, struct str account_id, int64_t bytes,
    int64_t entries, int64_t *seq);

#endif
