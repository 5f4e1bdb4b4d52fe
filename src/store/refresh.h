/* store/refresh.h - the one refresh a token may have, step by durable step.
 *
 *   claim     compare-and-set on lease and fence; everything is read after it
 *   sent      the attempt is recorded, before the request may leave
 *   answered  the raw reply is sealed, before a byte of it is parsed
 *   commit    the pair, in one transaction; or failed, or released
 *
 * Every other verb after the claim checks the fence: E_CONFLICT means that somebody newer has taken over
 * and that nothing was written; of sent and failed also that the reply to the attempt before this claim
 * was sealed since: the next claim finds it. Each is one durable transaction. A failure changes states, never a
 * secret. A claim or a record whose commit ended without an answer is found again (store_refresh_find): nothing
 * has left yet, so nothing need be in doubt. Stages are those of oauth/plan.h, of which this room knows three numbers only. */
#ifndef STORE_REFRESH_H
#define STORE_REFRESH_H

#include "store/token.h"

enum { STAGE_SETTLED, STAGE_SENT, STAGE_KEPT, STAGE_LOST };

#define REFRESH_NONCE_LEN 16

struct refresh_claim {
	struct token token;
	struct token_secrets secrets;
	struct secret reply; /* with STAGE_KEPT: the raw reply of an earlier attempt */
	int64_t fence;
	int64_t place; /* where its row was last seen: a hint (db_bind_place) */
	int64_t slot;  /* where its reply is sealed until it is written what it said; 0: in none */
	unsigned char nonce[REFRESH_NONCE_LEN]; /* tells it from another claim of the same fence */
};

/* E_CONFLICT when somebody else holds it, E_NOTFOUND when it was deleted, E_REAUTH when there is
 * nothing to refresh with. Leases are on the clock of the database: wall_ms is STORE_CLOCK. */
MUST enum rc store_refresh_claim(struct store *s, struct ctx *cx, struct str id, int64_t wall_ms,
    int64_t lease_ms, struct refresh_claim *out);

MUST enum rc store_refresh_sent(
    struct store *s, struct ctx *cx, struct refresh_claim *claim, int64_t now_ms, bool risky);

/* After a claim or a record of which it is not known whether it was written: OK when the claim stands in the
 * store and nobody newer has taken over, with its attempt as it stands there; *recorded says whether that is
 * this claim's own. E_CONFLICT: nothing of it is there. */
MUST enum rc store_refresh_find(
    struct store *s, struct ctx *cx, struct refresh_claim *claim, bool *recorded);

/* Also for somebody whom a newer claim has overtaken, as long as no newer attempt has left, and for one whose claim
 * and record a failover has lost: it is the only copy. Makes the token due, for whoever reads it. In a file it lies
 * beside the token at first (store/reply.h), and commit or failed find who was overtaken: then it is as said here. */
MUST enum rc store_refresh_answered(struct store *s, struct ctx *cx, struct refresh_claim *claim,
    int64_t now_ms, int status, int64_t date_s, struct secret reply);

/* The pair that was there stays, sealed, as the previous one until the next commit. May be called again
 * when it is not known whether it was written. */
MUST enum rc store_refresh_commit(
    struct store *s, struct ctx *cx, struct refresh_claim *claim, const struct token_grant *grant);

/* A refresh that did not work. E_CONFLICT also when the state would change although the secret it
 * was tried with has meanwhile. */
struct refresh_failure {
	enum token_status status;
	struct str reason; /* a sentence for people */
	int64_t now_ms, due_ms;
	struct token_attempt
	    attempt;         /* what stays in doubt; the kept reply stays with STAGE_KEPT */
	bool keep_reply;     /* with STAGE_LOST too, though it tells nothing of the attempt */
	bool first_of_kind;  /* attempts are counted from this one on */
	bool newly_in_doubt; /* it was not before: told, whatever failed before */
};
MUST enum rc store_refresh_failed(struct store *s, struct ctx *cx, struct refresh_claim *claim,
    const struct refresh_failure *failure);

/* Gives the lease back with nothing tried; looks again at due_ms. */
MUST enum rc store_refresh_release(
    struct store *s, struct ctx *cx, const struct refresh_claim *claim, int64_t due_ms);

/* For a process that owns the data alone, at its start: leases are those of a process that is gone, and so are
 * the replies that it left beside their tokens. Makes what was in the middle of an attempt due at once; *count says how many. */
MUST enum rc store_refresh_recover(struct store *s, struct ctx *cx, int64_t now_ms, int64_t *count);

/* Makes the kept reply be read again. E_NOTFOUND when none is kept. */
MUST enum rc store_refresh_reread(struct store *s, struct ctx *cx, struct str id, int64_t now_ms);

#endif
