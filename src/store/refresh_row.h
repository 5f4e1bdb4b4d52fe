/* store/refresh_row.h - what a refresh writes into the rows of tokens, for many rows at once.
 *
 * For the verbs of this room, inside a transaction. A part that fails has its own rc and words; what a
 * function returns other than OK ends the transaction. */
#ifndef STORE_REFRESH_ROW_H
#define STORE_REFRESH_ROW_H

#include "store/round.h"
#include "store/store_int.h"

#define REFRESH_TAKEN_OVER "Something newer has taken over."

/* Reads each row that can be claimed, as it stays until the end of the transaction, with the fence of the
 * claim to come. */
MUST enum rc refresh_rows_find(
    struct store *s, struct ctx *cx, struct round_wish *wishes, size_t n, const struct round *r);
/* Claims those that were found, and records the attempts of those that are to be. */
MUST enum rc refresh_rows_claim(
    struct store *s, struct ctx *cx, struct round_wish *wishes, size_t n, const struct round *r);
/* Of one that was claimed. E_CONFLICT: something newer has taken over. */
MUST enum rc refresh_row_record(
    struct store *s, struct ctx *cx, struct round_wish *wish, int64_t now_ms);
MUST enum rc refresh_rows_seal(
    struct store *s, struct ctx *cx, struct round_reply *replies, size_t n, int64_t now_ms);
/* E_CONFLICT also when the row's secrets were sealed anew meanwhile, under the same fence. */
MUST enum rc refresh_rows_commit(
    struct store *s, struct ctx *cx, struct round_pair *pairs, size_t n);
/* E_CONFLICT as store_refresh_failed says. */
MUST enum rc refresh_rows_fail(
    struct store *s, struct ctx *cx, struct round_failure *failures, size_t n);

#endif
