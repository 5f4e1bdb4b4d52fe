/* store/round.h - the steps of many refreshes, as one durable transaction.
 *
 * A refresh is three durable points (store/refresh.h): claim and record, seal, commit or fail. Here each of
 * them is written for many tokens at once, and those of different tokens together: one sync of the disk,
 * and of a database on the network a few round trips. Each check is that of the verb for one token. */
#ifndef STORE_ROUND_H
#define STORE_ROUND_H

#include "store/refresh.h"

#define ROUND_MAX 512 /* of each kind */

/* Claims a token and, when begin() says so, records its attempt. begin() is called inside the
 * transaction with the claim filled in, and calls no verb of a store. */
struct round_wish {
	struct str id;
	struct ctx *cx; /* its own, like those below */
	bool (*begin)(void *arg, bool *risky);
	void *arg;
	struct refresh_claim *claim; /* out */
	bool recorded;               /* out */
	bool risky;
	/* out, with an rc that is not OK: whether it was written is not known, since the store went away at
	 * the commit. store_refresh_find tells when it is back. */
	bool unsure;
	enum rc rc; /* out: as store_refresh_claim says */
};

/* A raw reply, sealed: store_refresh_answered. */
struct round_reply {
	struct refresh_claim *claim;
	struct ctx *cx;
	int status;
	int64_t date_s;
	struct secret body;
	enum rc rc;
};

/* A pair: store_refresh_commit. */
struct round_pair {
	struct refresh_claim *claim;
	struct ctx *cx;
	const struct token_grant *grant;
	enum rc rc;
};

/* What did not work: store_refresh_failed. */
struct round_failure {
	struct refresh_claim *claim;
	struct ctx *cx;
	const struct refresh_failure *failure;
	enum rc rc;
};

struct round {
	struct round_wish *wishes;
	struct round_reply *replies;
	struct round_pair *pairs;
	struct round_failure *failures;
	size_t wish_count, reply_count, pair_count, failure_count;
	int64_t now_ms;
	int64_t wall_ms; /* of the leases; STORE_CLOCK, else tests only */
	int64_t lease_ms;
};

/* All of it is durable when it returns. When the transaction as a whole fails, each of its parts fails with the
 * same words; a claim whose commit was not answered is looked for first, and is as good as any when it is there.
 * Sorts the wishes. */
void store_round(struct store *s, struct ctx *cx, struct round *r);

/* The same in two steps, so that others may be at work while the disk is. True: it is written and seen by all
 * who read, and durable once store_round_settle() says so; what is to be durable first is not done before. False: it
 * is durable, or has failed. */
bool store_round_write(struct store *s, struct ctx *cx, struct round *r);
/* Everything that was written before is on the disk when it returns. On any one thread, whoever writes meanwhile. */
MUST enum rc store_round_settle(struct store *s, struct ctx *cx);
/* After a failure of that, whose words are in cx: each part fails with them, and whether a claim stands is not
 * known. */
void store_round_unsettled(struct round *r, const struct ctx *cx);

#endif
