/* store/reply.h - raw replies in slots, where one process has the database for itself.
 *
 * A reply must be on the disk before a byte of it is read, and is of no use once it is written what it
 * said, a moment later. So it is sealed in a row of a small table instead of its token's wide row, which
 * stays as it is: STAGE_SENT. On PostgreSQL, where another node must find it, it goes into the token's row
 * (refresh_rows_seal).
 *
 *   taken    from the first try to seal until what the reply said is written; a claim knows its slot
 *   free     the next reply is written over it, the lowest slot first: a storm keeps to a few pages
 *   emptied  all at once, in the transaction that writes what the last of them said, and at a start
 *
 * A reply is of use only while its token's row says STAGE_SENT with its fence. A process that ends leaves
 * it in its slot: whoever takes the data up moves it into the row, as if it had been sealed there
 * (reply_recover: a start, a copy to PostgreSQL, the proof of a backup).
 * The store is held; all but reply_has_slots and reply_free are for inside a transaction. */
#ifndef STORE_REPLY_H
#define STORE_REPLY_H

#include "store/round.h"
#include "store/store_int.h"

#define REPLY_STEP 15 /* of the schema, which made the table */

bool reply_has_slots(const struct store *s);
/* Seals each in a slot of its own. Whether something newer has taken over is found when what it said is
 * written. */
MUST enum rc reply_seal(struct store *s, struct ctx *cx, struct round_reply *replies, size_t n);
/* For a failure that keeps the reply: into the row, beside the failure. Nothing where there is no slot. */
MUST enum rc reply_keep(struct store *s, struct ctx *cx, const struct refresh_claim *claim);
/* For one that something newer has overtaken, or whose token was deleted meanwhile: into the row, unless that is
 * about another attempt or another grant by now. Due for whoever reads it. */
MUST enum rc reply_hand_over(
    struct store *s, struct ctx *cx, const struct refresh_claim *claim, int64_t now_ms);
/* So many are written now, and will be free: when no other is needed, none stays. */
MUST enum rc reply_end(struct store *s, struct ctx *cx, size_t ended);
/* Every reply that is of use into its row, and none is left. No process may be serving from it. */
MUST enum rc reply_recover(struct ctx *cx, struct db *db, int64_t now_ms);

/* After the commit: its slot is free. */
void reply_free(struct store *s, struct refresh_claim *claim);

#endif
