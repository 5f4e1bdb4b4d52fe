/* The outbox of store/webhook.h. */
#include "store/event_int.h"
#include "store/store_int.h"
#include "store/webhook.h"

#define COLUMNS                                                                            \
	"id, webhook_id, type, head, seq, created_ms, due_ms, state, attempts, tried_ms, " \
	"status, error"
#define ID_LEN 24

static void
read_delivery(struct ctx *cx, struct db_stmt *st, struct delivery *d)
{
	int64_t *const numbers[] = { &d->head, &d->seq, &d->created_ms, &d->due_ms };

	*d = (struct delivery){ .id = db_col_text(st, 0, cx->arena),
		.webhook_id = db_col_text(st, 1, cx->arena),
		.type = db_col_text(st, 2, cx->arena),
		.state = (enum delivery_state)db_col_int(st, 7),
		.attempts = db_col_int(st, 8),
		.tried_ms = db_col_int(st, 9),
		.status = db_col_int(st, 10),
		.error = db_col_text(st, 11, cx->arena) };
	for (int i = 0; i < 4; i++)
		*numbers[i] = db_col_int(st, 3 + i);
}

static enum rc
read_some(struct ctx *cx, struct db_stmt *st, size_t max, struct delivery **out, size_t *count)
{
	bool row;

	*count = 0;
	*out = ARENA_ARRAY(cx->arena, struct delivery, max);
	while (*count < max) {
		TRY(db_step(cx, st, &row));
		if (!row)
			break;
		read_delivery(cx, st, &(*out)[(*count)++]);
	}
	db_done(st);
	return OK;
}

static enum rc
insert(struct store *s, struct ctx *cx, const struct delivery *d)
{
	struct db_stmt *st;

	TRY(db_stmt(cx, s->db,
	    "INSERT INTO delivery (" COLUMNS
	    ", lease_until_ms) VALUES ($1, $2, $3, $4, $5, $6, $6, 0, 0, 0, 0, '', 0)",
	    &st));
	db_bind_text(st, 1, d->id);
	db_bind_text(st, 2, d->webhook_id);
	db_bind_text(st, 3, d->type);
	db_bind_int(st, 4, d->head);
	db_bind_int(st, 5, d->seq);
	db_bind_int(st, 6, d->created_ms);
	return db_run(cx, st, NULL);
}

static struct str
new_id(struct ctx *cx)
{
	struct secret random = crypto_random_text(
	    cx->arena, ID_LEN, S("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"));

	return str_printf(cx->arena, "msg_%.*s", STR_ARG(secret_expose(random)));
}

enum rc
event_deliver(struct store *s, struct ctx *cx, struct str webhook_id, const struct event *e)
{
	return insert(s, cx,
	    &(struct delivery){ .id = new_id(cx),
		.webhook_id = webhook_id,
		.type = e->type,
		.head = e->head,
		.seq = e->seq,
		.created_ms = e->at_ms });
}

enum rc
store_delivery_test(
    struct store *s, struct ctx *cx, struct str webhook_id, int64_t now_ms, struct str *id)
{
	STORE_HOLD hold = store_hold(s, cx);

	*id = new_id(cx);
	return insert(s, cx,
	    &(struct delivery){ .id = *id,
		.webhook_id = webhook_id,
		.type = S("webhook.test"),
		.created_ms = now_ms });
}

/* False: another node was faster. */
static enum rc
lease(struct store *s, struct ctx *cx, struct str id, int64_t wall_ms, int64_t lease_ms, bool *ours)
{
	struct db_stmt *st;
	int64_t changed;

	TRY(db_stmt(cx, s->db,
	    "UPDATE delivery SET lease_until_ms = $1 WHERE id = $2 AND lease_until_ms < $3 AND"
	    " due_ms > 0",
	    &st));
	db_bind_int(st, 1, wall_ms + lease_ms);
	db_bind_text(st, 2, id);
	db_bind_int(st, 3, wall_ms);
	TRY(db_run(cx, st, &changed));
	*ours = changed == 1;
	return OK;
}

enum rc
store_delivery_claim(struct store *s, struct ctx *cx, struct str webhook_id, int64_t now_ms,
    int64_t wall_ms, int64_t lease_ms, size_t max, struct delivery **out, size_t *count)
{
	STORE_HOLD hold = store_hold(s, cx);
	struct db_stmt *st;
	size_t seen;

	*count = 0;
	TRY(db_begin(cx, s->db));
	TRY(store_clock(s, cx, &wall_ms));
	TRY(db_stmt(cx, s->db,
	    "SELECT " COLUMNS " FROM delivery WHERE webhook_id = $1 AND due_ms > 0 AND"
	    " due_ms <= $2 AND lease_until_ms < $3 ORDER BY due_ms, head, seq LIMIT $4",
	    &st));
	db_bind_text(st, 1, webhook_id);
	db_bind_int(st, 2, now_ms);
	db_bind_int(st, 3, wall_ms);
	db_bind_int(st, 4, (int64_t)max);
	TRY(read_some(cx, st, max, out, &seen));
	for (size_t i = 0; i < seen; i++) {
		bool ours;

		TRY(lease(s, cx, (*out)[i].id, wall_ms, lease_ms, &ours));
		if (ours)
			(*out)[(*count)++] = (*out)[i];
	}
	return db_commit(cx, s->db);
}

enum rc
store_delivery_next(struct store *s, struct ctx *cx, int64_t wall_ms, int64_t *next_ms)
{
	STORE_HOLD hold = store_hold_read(&s, cx);
	struct db_stmt *st;

	TRY(store_clock(s, cx, &wall_ms));
	TRY(db_stmt(cx, s->db,
	    "SELECT coalesce(min(d.due_ms), 0) FROM delivery d JOIN webhook w ON"
	    " w.id = d.webhook_id WHERE d.due_ms > 0 AND d.lease_until_ms < $1 AND w.enabled = 1",
	    &st));
	db_bind_int(st, 1, wall_ms);
	TRY(store_want_row(cx, st, "table"));
	*next_ms = db_col_int(st, 0);
	db_done(st);
	return OK;
}

enum rc
store_delivery_tried(struct store *s, struct ctx *cx, const struct delivery *d)
{
	STORE_HOLD hold = store_hold(s, cx);
	struct db_stmt *st;

	TRY(db_stmt(cx, s->db,
	    "UPDATE delivery SET due_ms = $1, state = $2, attempts = $3, tried_ms = $4,"
	    " status = $5, error = $6, lease_until_ms = 0 WHERE id = $7 AND state = 0",
	    &st));
	db_bind_int(st, 1, d->due_ms);
	db_bind_int(st, 2, d->state);
	db_bind_int(st, 3, d->attempts);
	db_bind_int(st, 4, d->tried_ms);
	db_bind_int(st, 5, d->status);
	db_bind_text(st, 6, d->error);
	db_bind_text(st, 7, d->id);
	return db_run(cx, st, NULL);
}

enum rc
store_delivery_list(struct store *s, struct ctx *cx, struct str webhook_id, size_t max,
    struct delivery **out, size_t *count)
{
	STORE_HOLD hold = store_hold_read(&s, cx);
	struct db_stmt *st;

	TRY(db_stmt(cx, s->db,
	    "SELECT " COLUMNS " FROM delivery WHERE webhook_id = $1"
	    " ORDER BY created_ms DESC, head DESC, seq DESC LIMIT $2",
	    &st));
	db_bind_text(st, 1, webhook_id);
	db_bind_int(st, 2, (int64_t)max);
	return read_some(cx, st, max, out, count);
}

enum rc
store_delivery_again(
    struct store *s, struct ctx *cx, struct str webhook_id, struct str id, int64_t now_ms)
{
	STORE_HOLD hold = store_hold(s, cx);
	struct db_stmt *st;

	TRY(db_stmt(cx, s->db,
	    "UPDATE delivery SET due_ms = $1, state = 0, attempts = 0 WHERE id = $2 AND"
	    " webhook_id = $3 AND state = 2",
	    &st));
	db_bind_int(st, 1, now_ms);
	db_bind_text(st, 2, id);
	db_bind_text(st, 3, webhook_id);
	return store_write_one(cx, st, E_NOTFOUND, "There is no such delivery that was given up.");
}

enum rc
store_delivery_event(struct store *s, struct ctx *cx, const struct delivery *d, struct event *out)
{
	STORE_HOLD hold = store_hold_read(&s, cx);
	struct db_stmt *st;

	TRY(db_stmt(
	    cx, s->db, "SELECT " EVENT_COLUMNS " FROM event WHERE head = $1 AND seq = $2", &st));
	db_bind_int(st, 1, d->head);
	db_bind_int(st, 2, d->seq);
	TRY(store_want_row(cx, st, "event any more"));
	event_row_read(cx, st, out);
	db_done(st);
	return OK;
}

enum rc
store_delivery_recover(struct store *s, struct ctx *cx)
{
	STORE_HOLD hold = store_hold(s, cx);
	struct db_stmt *st;

	TRY(db_stmt(cx, s->db, "UPDATE delivery SET lease_until_ms = 0 WHERE due_ms > 0", &st));
	return db_run(cx, st, NULL);
}

enum rc
store_delivery_sweep(struct store *s, struct ctx *cx, int64_t before_ms, int64_t max)
{
	STORE_HOLD hold = store_hold(s, cx);
	struct db_stmt *st;

	TRY(db_stmt(cx, s->db,
	    "DELETE FROM delivery WHERE id IN (SELECT id FROM delivery WHERE state > 0 AND"
	    " tried_ms < $1 LIMIT $2)",
	    &st));
	db_bind_int(st, 1, before_ms);
	db_bind_int(st, 2, max);
	return db_run(cx, st, NULL);
}
