/* Reading events: a page backwards, and what came since a cursor. */
#include "store/event_int.h"

#include "base/buf.h"
#include "store/store_int.h"

#define HEADS_AT_ONCE 128
#define HEAD_MAX (INT64_MAX - 1)

void
event_row_read(struct ctx *cx, struct db_stmt *st, struct event *e)
{
	struct str *const texts[] = { &e->type, &e->actor_kind, &e->actor_id, &e->actor_name,
		&e->from, &e->about_kind, &e->about_id, &e->about_name };
	int i = 3;

	*e = (struct event){
		.head = db_col_int(st, 0), .seq = db_col_int(st, 1), .at_ms = db_col_int(st, 2)
	};
	for (size_t n = 0; n < sizeof(texts) / sizeof(texts[0]); n++)
		*texts[n] = db_col_text(st, i++, cx->arena);
	e->refused = db_col_int(st, i++) != 0;
	e->details = db_col_text(st, i, cx->arena);
}

/* Four parameters, whichever query they stand in. */
#define FILTER(a, b, c, d)                                                                  \
	" AND ($" #a " = 0 OR about_kind = 'token')"                                        \
	" AND ($" #b                                                                        \
	" = '' OR about_id IN (SELECT token_id FROM api_key_token WHERE key_id = $" #b "))" \
	" AND ($" #c " = '' OR about_id = $" #c ")"                                         \
	" AND ($" #d " = '' OR type = $" #d " OR substr(type, 1, length($" #d ") + 1) ="    \
	" $" #d " || '.')"

static void
bind_filter(struct db_stmt *st, int i, const struct event_filter *f)
{
	db_bind_int(st, i, f->tokens_only);
	db_bind_text(st, i + 1, f->key_id);
	db_bind_text(st, i + 2, f->token_id);
	db_bind_text(st, i + 3, f->type);
}

static enum rc
read_rows(struct ctx *cx, struct db_stmt *st, size_t max, struct event *out, size_t *count)
{
	size_t n = 0;
	bool row;

	while (n < max) {
		TRY(db_step(cx, st, &row));
		if (!row)
			break;
		event_row_read(cx, st, &out[n++]);
	}
	db_done(st);
	*count = n;
	return OK;
}

/* Those of one token are found by its index, however many there are of others. */
#define LIST(which)                                        \
	"SELECT " EVENT_COLUMNS " FROM event WHERE " which \
	"(at_ms, head, seq) < ($1, $2, $3)" FILTER(        \
	    4, 5, 6, 7) " ORDER BY at_ms DESC, head DESC, seq DESC LIMIT $8"

enum rc
store_event_list(struct store *s, struct ctx *cx, const struct event_filter *f,
    const struct event *before, size_t max, struct event **out, size_t *count)
{
	STORE_HOLD hold = store_hold_read(&s, cx);
	const struct event newest = { .at_ms = INT64_MAX };
	const struct event *from = before != NULL ? before : &newest;
	struct db_stmt *st;

	*out = ARENA_ARRAY(cx->arena, struct event, max);
	TRY(db_stmt(cx, s->db, f->token_id.len > 0 ? LIST("about_id = $6 AND ") : LIST(""), &st));
	db_bind_int(st, 1, from->at_ms);
	db_bind_int(st, 2, from->head);
	db_bind_int(st, 3, from->seq);
	bind_filter(st, 4, f);
	db_bind_int(st, 8, (int64_t)max);
	return read_rows(cx, st, max, *out, count);
}

/* --- the cursor --- */

struct str
event_cursor_text(struct arena *a, const struct event_cursor *c)
{
	struct buf b = buf_in(a, EVENT_CURSOR_MAX);

	buf_addf(&b, "%lld", (long long)c->floor);
	for (size_t i = 0; i < c->count; i++)
		buf_addf(&b, ".%lld-%lld", (long long)c->at[i].head, (long long)c->at[i].seq);
	return buf_str(&b);
}

bool
event_cursor_read(struct str text, struct event_cursor *out)
{
	struct str part, number;

	*out = (struct event_cursor){ 0 };
	if (text.len > EVENT_CURSOR_MAX || !str_split(&text, '.', &part) ||
	    !str_int(part, 0, HEAD_MAX, &out->floor))
		return false;
	while (str_split(&text, '.', &part)) {
		if (out->count == EVENT_HEADS_MAX || !str_split(&part, '-', &number) ||
		    !str_int(number, 1, HEAD_MAX, &out->at[out->count].head) ||
		    !str_int(part, 0, INT64_MAX, &out->at[out->count].seq))
			return false;
		/* A head that is in it is not new, also in one of before: its floor was lower. */
		if (out->at[out->count].head >= out->floor)
			out->floor = out->at[out->count].head + 1;
		out->count++;
	}
	return true;
}

struct seen_head {
	int64_t num, seq, swept_seq;
	bool closed;
};

#define SEEN_COLUMNS "num, seq, swept_seq, closed"

static struct seen_head
seen_head_read(struct db_stmt *st)
{
	return (struct seen_head){ .num = db_col_int(st, 0),
		.seq = db_col_int(st, 1),
		.swept_seq = db_col_int(st, 2),
		.closed = db_col_int(st, 3) != 0 };
}

/* Keeps a place in a head that may grow or is not read to its end; for the newest one the oldest goes.
 * False when one went. */
static bool
keep_place(struct event_cursor *c, const struct seen_head *head, int64_t at)
{
	bool full = c->count == EVENT_HEADS_MAX;

	if (head->closed && at == head->seq)
		return true;
	if (full)
		memmove(&c->at[0], &c->at[1], --c->count * sizeof(c->at[0]));
	c->at[c->count].head = head->num;
	c->at[c->count++].seq = at;
	return !full;
}

static enum rc
cursor_end(struct store *s, struct ctx *cx, struct event_cursor *out)
{
	struct db_stmt *st;
	int64_t last;
	bool row;

	*out = (struct event_cursor){ 0 };
	TRY(store_number(s, cx, "SELECT coalesce(max(num), 0) FROM event_head", &last));
	TRY(db_stmt(cx, s->db,
	    "SELECT " SEEN_COLUMNS " FROM event_head WHERE closed = 0 AND num <= $1 ORDER BY num",
	    &st));
	db_bind_int(st, 1, last);
	for (;;) {
		struct seen_head head;

		TRY(db_step(cx, st, &row));
		if (!row)
			break;
		head = seen_head_read(st);
		keep_place(out, &head, head.seq);
	}
	db_done(st);
	out->floor = last + 1;
	return OK;
}

enum rc
store_event_end(struct store *s, struct ctx *cx, struct event_cursor *out)
{
	STORE_HOLD hold = store_hold_read(&s, cx);

	return cursor_end(s, cx, out);
}

/* Up to what stood in the head before, so that what is not shown to this reader is passed as well. */
static enum rc
read_head(struct store *s, struct ctx *cx, const struct event_filter *f,
    const struct seen_head *head, int64_t *at, size_t max, struct event *out, size_t *count)
{
	struct db_stmt *st;

	*count = 0;
	if (*at >= head->seq || max == 0)
		return OK;
	TRY(db_stmt(cx, s->db,
	    "SELECT " EVENT_COLUMNS " FROM event WHERE head = $1 AND seq > $2 AND seq <= $3" FILTER(
		4, 5, 6, 7) " ORDER BY seq LIMIT $8",
	    &st));
	db_bind_int(st, 1, head->num);
	db_bind_int(st, 2, *at);
	db_bind_int(st, 3, head->seq);
	bind_filter(st, 4, f);
	db_bind_int(st, 8, (int64_t)max);
	TRY(read_rows(cx, st, max, out, count));
	*at = *count == max ? out[max - 1].seq : head->seq;
	return OK;
}

/* What store_event_after collects. */
struct harvest {
	const struct event_filter *filter;
	struct event_cursor *to;
	struct event *out;
	size_t count, max;
	bool missed;
};

static enum rc
read_on(
    struct store *s, struct ctx *cx, struct harvest *h, const struct seen_head *head, int64_t at)
{
	size_t got;

	if (at < head->swept_seq || at > head->seq) {
		h->missed = true;
		at = at > head->seq ? head->seq : head->swept_seq;
	}
	TRY(read_head(s, cx, h->filter, head, &at, h->max - h->count, h->out + h->count, &got));
	h->count += got;
	if (!keep_place(h->to, head, at))
		h->missed = true;
	return OK;
}

/* *there false: these are other data. */
static enum rc
read_listed(
    struct store *s, struct ctx *cx, struct harvest *h, int64_t num, int64_t at, bool *there)
{
	struct seen_head head;
	struct db_stmt *st;

	TRY(db_stmt(cx, s->db, "SELECT " SEEN_COLUMNS " FROM event_head WHERE num = $1", &st));
	db_bind_int(st, 1, num);
	TRY(db_step(cx, st, there));
	if (!*there)
		return OK;
	head = seen_head_read(st);
	db_done(st);
	return read_on(s, cx, h, &head, at);
}

/* While there is room for more events, so that what the cursor holds was read to its end before. */
static enum rc
read_new(struct store *s, struct ctx *cx, struct harvest *h)
{
	struct seen_head *heads = ARENA_ARRAY(cx->arena, struct seen_head, HEADS_AT_ONCE);
	struct db_stmt *st;
	size_t n = 0;
	bool row;

	do {
		TRY(db_stmt(cx, s->db,
		    "SELECT " SEEN_COLUMNS " FROM event_head WHERE num >= $1 ORDER BY num LIMIT $2",
		    &st));
		db_bind_int(st, 1, h->to->floor);
		db_bind_int(st, 2, HEADS_AT_ONCE);
		for (n = 0; n < HEADS_AT_ONCE; n++) {
			TRY(db_step(cx, st, &row));
			if (!row)
				break;
			heads[n] = seen_head_read(st);
		}
		db_done(st);
		for (size_t i = 0; i < n && h->count < h->max; i++) {
			TRY(read_on(s, cx, h, &heads[i], 0));
			h->to->floor = heads[i].num + 1;
		}
	} while (n == HEADS_AT_ONCE && h->count < h->max);
	return OK;
}

enum rc
store_event_after(struct store *s, struct ctx *cx, const struct event_filter *f,
    struct event_cursor *cursor, size_t max, struct event **out, size_t *count, bool *missed)
{
	STORE_HOLD hold = store_hold_read(&s, cx);
	const struct event_cursor from = *cursor;
	struct harvest h = { .filter = f, .to = cursor, .max = max };
	int64_t last;
	bool there;

	h.out = ARENA_ARRAY(cx->arena, struct event, max);
	*cursor = (struct event_cursor){ .floor = from.floor };
	TRY(store_number(s, cx, "SELECT coalesce(max(num), 0) FROM event_head", &last));
	there = from.floor <= last + 1;
	for (size_t i = 0; i < from.count && there; i++)
		TRY(read_listed(s, cx, &h, from.at[i].head, from.at[i].seq, &there));
	if (there) {
		TRY(read_new(s, cx, &h));
	} else {
		TRY(cursor_end(s, cx, cursor));
		h.count = 0;
		h.missed = true;
	}
	*out = h.out;
	*count = h.count;
	*missed = h.missed;
	return OK;
}
