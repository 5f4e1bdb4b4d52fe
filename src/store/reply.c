#include "store/reply.h"

#include "store/token_row.h"

#define SLOTS_IN_WORD 64

struct sealing {
	struct store *store;
	struct ctx *cx;
	const struct round_reply *replies;
};

bool
reply_has_slots(const struct store *s)
{
	return !db_is_shared(s->db);
}

/* The lowest that is free. Slots count from 1. */
static int64_t
take(struct reply_slots *slots)
{
	size_t w = 0;
	int bit;

	while (w < slots->words && slots->taken[w] == UINT64_MAX)
		w++;
	if (w == slots->words) {
		slots->taken = mem_realloc(slots->taken, (w + 1) * sizeof(*slots->taken));
		slots->taken[slots->words++] = 0;
	}
	bit = __builtin_ctzll(~slots->taken[w]);
	slots->taken[w] |= 1ULL << bit;
	slots->taken_count++;
	return (int64_t)w * SLOTS_IN_WORD + bit + 1;
}

void
reply_free(struct store *s, struct refresh_claim *claim)
{
	struct reply_slots *slots = &s->slots;
	size_t i = (size_t)claim->slot - 1;

	if (claim->slot == 0)
		return;
	claim->slot = 0;
	slots->taken[i / SLOTS_IN_WORD] &= ~(1ULL << i % SLOTS_IN_WORD);
	slots->taken_count--;
}

static void
bind_slot(void *arg, size_t i, struct db_stmt *st)
{
	const struct sealing *sealing = arg;
	const struct round_reply *reply = &sealing->replies[i];
	const struct refresh_claim *claim = reply->claim;

	db_bind_int(st, 1, claim->slot);
	db_bind_text(st, 2, claim->token.id);
	db_bind_int(st, 3, claim->fence);
	db_bind_int(st, 4, reply->status);
	db_bind_int(st, 5, reply->date_s);
	store_bind_sealed(sealing->store, sealing->cx, st, 6,
	    token_reply_place(claim->token.id, claim->fence), reply->body);
}

enum rc
reply_seal(struct store *s, struct ctx *cx, struct round_reply *replies, size_t n)
{
	struct sealing sealing = { s, cx, replies };

	/* One that could not be written keeps its slot for the next try. */
	for (size_t i = 0; i < n; i++) {
		if (replies[i].claim->slot == 0)
			replies[i].claim->slot = take(&s->slots);
		replies[i].rc = OK;
	}
	return db_run_many(cx, s->db,
	    &(struct db_many){ .sql = "INSERT INTO reply (slot, token_id, fence, status, date_s,"
				      " sealed) VALUES ($1, $2, $3, $4, $5, $6)"
				      " ON CONFLICT (slot) DO UPDATE SET token_id = $2, fence = $3,"
				      " status = $4, date_s = $5, sealed = $6",
		.count = n,
		.bind = bind_slot,
		.arg = &sealing,
		.changed = ARENA_ARRAY(cx->arena, int64_t, n > 0 ? n : 1) });
}

/* --- into the rows --- */

#define REPLY                                                                            \
	"attempt_status = reply.status, attempt_date_s = reply.date_s, attempt_reply = " \
	"reply.sealed"
#define OF_REPLY " FROM reply WHERE token.id = reply.token_id AND attempt_fence = reply.fence"

/* As a seal in the row itself would have left it: refresh_rows_seal. */
#define MOVED                                                                                   \
	"UPDATE token SET attempt_stage = $1, due_ms = CASE WHEN deleted_ms > 0 OR (due_ms > 0" \
	" AND due_ms < $2) THEN due_ms ELSE $2 END, " REPLY OF_REPLY

/* The transaction before may have been committed without an answer. */
static enum rc
is_kept(struct store *s, struct ctx *cx, const struct refresh_claim *claim)
{
	struct db_stmt *st;
	bool row;

	TRY(db_stmt(cx, s->db, "SELECT 1 FROM token WHERE id = $1 AND attempt_fence = $2", &st));
	db_bind_text(st, 1, claim->token.id);
	db_bind_int(st, 2, claim->fence);
	TRY(db_step(cx, st, &row));
	db_done(st);
	return row ? OK : fail(cx, E_BUG, "The reply that is to be kept is not in its slot.");
}

enum rc
reply_keep(struct store *s, struct ctx *cx, const struct refresh_claim *claim)
{
	struct db_stmt *st;
	int64_t changed;

	if (claim->slot == 0)
		return OK;
	TRY(db_stmt(cx, s->db,
	    "UPDATE token SET " REPLY OF_REPLY
	    " AND slot = $1 AND token.id = $2 AND token.fence = $3",
	    &st));
	db_bind_int(st, 1, claim->slot);
	db_bind_text(st, 2, claim->token.id);
	db_bind_int(st, 3, claim->fence);
	TRY(db_run(cx, st, &changed));
	return changed > 0 ? OK : is_kept(s, cx, claim);
}

enum rc
reply_hand_over(struct store *s, struct ctx *cx, const struct refresh_claim *claim, int64_t now_ms)
{
	struct db_stmt *st;

	if (claim->slot == 0)
		return OK;
	TRY(db_stmt(cx, s->db, MOVED " AND slot = $3 AND token.id = $4 AND reply.fence = $5", &st));
	db_bind_int(st, 1, STAGE_KEPT);
	db_bind_int(st, 2, now_ms);
	db_bind_int(st, 3, claim->slot);
	db_bind_text(st, 4, claim->token.id);
	db_bind_int(st, 5, claim->fence);
	return db_run(cx, st, NULL);
}

static enum rc
delete_all(struct ctx *cx, struct db *db)
{
	struct db_stmt *st;

	TRY(db_stmt(cx, db, "DELETE FROM reply", &st));
	return db_run(cx, st, NULL);
}

enum rc
reply_end(struct store *s, struct ctx *cx, size_t ended)
{
	return ended > 0 && ended == s->slots.taken_count ? delete_all(cx, s->db) : OK;
}

enum rc
reply_recover(struct ctx *cx, struct db *db, int64_t now_ms)
{
	struct db_stmt *st;

	TRY(db_stmt(cx, db, MOVED " AND attempt_stage = $3", &st));
	db_bind_int(st, 1, STAGE_KEPT);
	db_bind_int(st, 2, now_ms);
	db_bind_int(st, 3, STAGE_SENT);
	TRY(db_run(cx, st, NULL));
	return delete_all(cx, db);
}
