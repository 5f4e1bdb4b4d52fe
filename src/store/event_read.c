/* Reading events: a page backwards, and what came since a cursor. */
#include "store/event_int.h"

#include "base/buf.h"
#include "store/store_int.h"

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

enum rc
store_event_list(struct store *s, struct ctx *cx, const struct event_filter *f,
    const struct event *before, size_t max, struct event **out, size_t *count)
{
	STORE_HOLD hold = store_hold_read(&s, cx);
	const struct event newest = { .at_ms = INT64_MAX };
	const struct event *from = before != NULL ? before : &newest;
	struct db_stmt *st;

	*out = ARENA_ARRAY(cx->arena, struct event, max);
	TRY(db_stmt(cx, s->db,
	    "SELECT " EVENT_COLUMNS " FROM event WHERE (at_ms, head, seq) < ($1, $2, $3)" FILTER(
		4, 5, 6, 7) " ORDER BY at_ms DESC, head DESC, seq DESC LIMIT $8",
	    &st));
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
	    !str_int(part, 0, INT64_MAX, &out->floor))
		return false;
	while (str_split(&text, '.', &part)) {
		if (out->count == EVENT_HEADS_MAX || !str_split(&part, '-', &number) ||
		    !str_int(number, 1, INT64_MAX, &out->at[out->count].head) ||
		    !str_int(part, 0, INT64_MAX, &out->at[out->count].seq))
			return false;
		out->count++;
	}
	return true;
}

static int64_t
position(const struct event_cursor *c, int64_t head)
{
	for (size_t i = 0; i < c->count; i++)
		if (c->at[i].head == head)
			return c->at[i].seq;
	return 0;
}

struct seen_head {
	int64_t num, seq, swept_seq;
	bool closed;
};

static enum rc
read_heads(struct store *s, struct ctx *cx, int64_t floor, struct seen_head *heads, size_t *count)
{
	struct db_stmt *st;
	size_t n = 0;
	bool row;

	TRY(db_stmt(cx, s->db,
	    "SELECT num, seq, swept_seq, closed FROM event_head WHERE num >= $1 ORDER BY num"
	    " LIMIT $2",
	    &st));
	db_bind_int(st, 1, floor);
	db_bind_int(st, 2, EVENT_HEADS_MAX);
	while (n < EVENT_HEADS_MAX) {
		TRY(db_step(cx, st, &row));
		if (!row)
			break;
		heads[n++] = (struct seen_head){ .num = db_col_int(st, 0),
			.seq = db_col_int(st, 1),
			.swept_seq = db_col_int(st, 2),
			.closed = db_col_int(st, 3) != 0 };
	}
	db_done(st);
	*count = n;
	return OK;
}

/* Where we are in each of the heads; those that will never grow are left behind. */
static void
keep_place(struct event_cursor *c, const struct seen_head *heads, const int64_t *read, size_t count)
{
	size_t first = 0;

	while (first < count && heads[first].closed && read[first] == heads[first].seq)
		first++;
	if (first > 0)
		c->floor = heads[first - 1].num + 1;
	c->count = 0;
	for (size_t i = first; i < count; i++) {
		c->at[c->count].head = heads[i].num;
		c->at[c->count++].seq = read[i];
	}
}

enum rc
store_event_end(struct store *s, struct ctx *cx, struct event_cursor *out)
{
	STORE_HOLD hold = store_hold_read(&s, cx);
	struct seen_head *heads = ARENA_ARRAY(cx->arena, struct seen_head, EVENT_HEADS_MAX);
	int64_t *read = ARENA_ARRAY(cx->arena, int64_t, EVENT_HEADS_MAX);
	size_t n;

	*out = (struct event_cursor){ 0 };
	do {
		TRY(read_heads(s, cx, out->floor, heads, &n));
		for (size_t i = 0; i < n; i++)
			read[i] = heads[i].seq;
		keep_place(out, heads, read, n);
	} while (n == EVENT_HEADS_MAX && out->count < n);
	return OK;
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

enum rc
store_event_after(struct store *s, struct ctx *cx, const struct event_filter *f,
    struct event_cursor *cursor, size_t max, struct event **out, size_t *count, bool *missed)
{
	STORE_HOLD hold = store_hold_read(&s, cx);
	struct seen_head *heads = ARENA_ARRAY(cx->arena, struct seen_head, EVENT_HEADS_MAX);
	int64_t *read = ARENA_ARRAY(cx->arena, int64_t, EVENT_HEADS_MAX);
	size_t n, got;

	*out = ARENA_ARRAY(cx->arena, struct event, max);
	*count = 0;
	*missed = false;
	TRY(read_heads(s, cx, cursor->floor, heads, &n));
	for (size_t i = 0; i < n; i++) {
		read[i] = position(cursor, heads[i].num);
		if (read[i] < heads[i].swept_seq || read[i] > heads[i].seq) {
			*missed = true;
			read[i] = read[i] > heads[i].seq ? heads[i].seq : heads[i].swept_seq;
		}
		TRY(read_head(s, cx, f, &heads[i], &read[i], max - *count, *out + *count, &got));
		*count += got;
	}
	keep_place(cursor, heads, read, n);
	return OK;
}
