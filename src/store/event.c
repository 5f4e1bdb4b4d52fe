/* Writing events: the chains. What a row holds goes into its MAC together with the MAC of the row
 * before it; the head, which says where a chain begins and ends, is sealed likewise. Who has the
 * database and not the key can make neither (security row S-200). */
#include "store/event.h"

#include "base/buf.h"
#include "store/event_int.h"
#include "store/store_int.h"
#include "store/token.h"

#define ROW_MAX 65536
#define HEAD_TRIES 8

static void
add_number(struct buf *b, int64_t n)
{
	buf_addf(b, "%lld;", (long long)n);
}

/* With its length, so that two rows never read alike. */
static void
add_text(struct buf *b, struct str s)
{
	buf_addf(b, "%zu:", s.len);
	buf_add(b, s);
}

struct str
event_mac(struct store *s, struct ctx *cx, struct str before, const struct event *e)
{
	const struct str texts[] = { before, e->type, e->actor_kind, e->actor_id, e->actor_name,
		e->from, e->about_kind, e->about_id, e->about_name, e->details };
	struct buf b = buf_in(cx->arena, ROW_MAX);

	add_number(&b, e->head);
	add_number(&b, e->seq);
	add_number(&b, e->at_ms);
	add_number(&b, e->refused);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		add_text(&b, texts[i]);
	return crypto_digest(s->keyring, cx->arena, S("event"), secret_of(buf_str(&b)));
}

struct str
event_head_seal(struct store *s, struct ctx *cx, const struct event_head *h)
{
	struct buf b = buf_in(cx->arena, ROW_MAX);

	add_number(&b, h->num);
	add_number(&b, h->seq);
	add_number(&b, h->swept_seq);
	add_text(&b, h->mac);
	add_text(&b, h->swept_mac);
	return crypto_digest(s->keyring, cx->arena, S("event head"), secret_of(buf_str(&b)));
}

/* --- heads --- */

enum rc
event_head_get(struct store *s, struct ctx *cx, int64_t num, struct event_head *out)
{
	struct db_stmt *st;

	TRY(db_stmt(cx, s->db,
	    "SELECT seq, mac, swept_seq, swept_mac, seal, changed_ms FROM event_head WHERE num = "
	    "$1",
	    &st));
	db_bind_int(st, 1, num);
	TRY(store_want_row(cx, st, "chain of events"));
	*out = (struct event_head){ .num = num,
		.seq = db_col_int(st, 0),
		.mac = db_col_blob(st, 1, cx->arena),
		.swept_seq = db_col_int(st, 2),
		.swept_mac = db_col_blob(st, 3, cx->arena),
		.seal = db_col_blob(st, 4, cx->arena),
		.changed_ms = db_col_int(st, 5) };
	db_done(st);
	return OK;
}

enum rc
event_head_put(struct store *s, struct ctx *cx, struct event_head *h)
{
	struct db_stmt *st;

	h->seal = event_head_seal(s, cx, h);
	TRY(db_stmt(cx, s->db,
	    "UPDATE event_head SET mac = $1, swept_seq = $2, swept_mac = $3, seal = $4,"
	    " changed_ms = $5 WHERE num = $6",
	    &st));
	db_bind_blob(st, 1, h->mac);
	db_bind_int(st, 2, h->swept_seq);
	db_bind_blob(st, 3, h->swept_mac);
	db_bind_blob(st, 4, h->seal);
	db_bind_int(st, 5, h->changed_ms);
	db_bind_int(st, 6, h->num);
	return store_write_one(cx, st, E_BUG, "The chain of events changed under its own lock.");
}

static int64_t
our_head(const struct store *s)
{
	return s->event_made != 0 ? s->event_made : s->event_head;
}

/* Takes the next number of our head; until the end nobody else writes to it. *there false: it is
 * closed, or was never committed. */
static enum rc
step_head(struct store *s, struct ctx *cx, bool *there)
{
	struct db_stmt *st;
	int64_t changed;

	*there = false;
	if (our_head(s) == 0)
		return OK;
	TRY(db_stmt(
	    cx, s->db, "UPDATE event_head SET seq = seq + 1 WHERE num = $1 AND closed = 0", &st));
	db_bind_int(st, 1, our_head(s));
	TRY(db_run(cx, st, &changed));
	*there = changed == 1;
	return OK;
}

/* The only process on a file goes on with the chain that is there. */
static enum rc
find_head(struct store *s, struct ctx *cx)
{
	return store_number(
	    s, cx, "SELECT coalesce(max(num), 0) FROM event_head WHERE closed = 0", &s->event_head);
}

static enum rc
new_head(struct store *s, struct ctx *cx)
{
	struct event_head h = { .mac = S(""), .swept_mac = S("") };
	struct db_stmt *st;
	int64_t changed = 0;

	/* Another node may take the same number at the same time; then it is there. */
	for (int i = 0; i < HEAD_TRIES && changed == 0; i++) {
		TRY(store_number(
		    s, cx, "SELECT coalesce(max(num), 0) + 1 FROM event_head", &h.num));
		h.seal = event_head_seal(s, cx, &h);
		TRY(db_stmt(cx, s->db,
		    "INSERT INTO event_head (num, seq, mac, closed, changed_ms, swept_seq,"
		    " swept_mac, seal) VALUES ($1, 0, $2, 0, $3, 0, $2, $4)"
		    " ON CONFLICT (num) DO NOTHING",
		    &st));
		db_bind_int(st, 1, h.num);
		db_bind_blob(st, 2, S(""));
		db_bind_int(st, 3, clock_wall_ms());
		db_bind_blob(st, 4, h.seal);
		TRY(db_run(cx, st, &changed));
	}
	s->event_made = h.num;
	s->event_made_at = db_commits(s->db);
	return changed == 1 ? OK : fail(cx, E_BUSY, "Too many nodes began to write events.");
}

static enum rc
take_number(struct store *s, struct ctx *cx, struct event_head *out)
{
	bool there;

	if (our_head(s) == 0 && s->follower == NULL)
		TRY(find_head(s, cx));
	TRY(step_head(s, cx, &there));
	if (!there) {
		TRY(new_head(s, cx));
		TRY(step_head(s, cx, &there));
	}
	if (!there)
		return fail(cx, E_BUG, "A new chain of events is not there.");
	return event_head_get(s, cx, our_head(s), out);
}

/* --- rows --- */

/* A key is told by its label, which the gate does not know. */
static enum rc
name_key(struct store *s, struct ctx *cx, struct event *e)
{
	struct db_stmt *st;
	bool row;

	TRY(db_stmt(cx, s->db, "SELECT label FROM api_key WHERE id = $1", &st));
	db_bind_text(st, 1, e->actor_id);
	TRY(db_step(cx, st, &row));
	if (row)
		e->actor_name = db_col_text(st, 0, cx->arena);
	db_done(st);
	return OK;
}

static enum rc
take_actor(struct store *s, struct ctx *cx, struct event *e)
{
	struct str rest = cx->actor;

	if (!str_split(&rest, ':', &e->actor_kind) || e->actor_kind.len == 0)
		e->actor_kind = S("manager");
	e->actor_id = rest.p != NULL ? rest : S("");
	e->actor_name = cx->actor_name;
	e->from = cx->from;
	return str_eq(e->actor_kind, S("key")) ? name_key(s, cx, e) : OK;
}

static enum rc
insert(struct store *s, struct ctx *cx, const struct event *e, struct str mac)
{
	const struct str texts[] = { e->type, e->actor_kind, e->actor_id, e->actor_name, e->from,
		e->about_kind, e->about_id, e->about_name, e->details };
	struct db_stmt *st;

	TRY(db_stmt(cx, s->db,
	    "INSERT INTO event (type, actor_kind, actor_id, actor_name, from_address, about_kind,"
	    " about_id, about_name, details, head, seq, at_ms, refused, mac)"
	    " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
	    &st));
	for (int i = 0; i < 9; i++)
		db_bind_text(st, i + 1, texts[i]);
	db_bind_int(st, 10, e->head);
	db_bind_int(st, 11, e->seq);
	db_bind_int(st, 12, e->at_ms);
	db_bind_int(st, 13, e->refused);
	db_bind_blob(st, 14, mac);
	return db_run(cx, st, NULL);
}

enum rc
store_event(struct store *s, struct ctx *cx, const struct event_note *note)
{
	struct event e = {
		.at_ms = cx->clock != NULL ? clock_now_ms(cx->clock) : clock_wall_ms(),
		.type = str_of(note->type),
		.about_kind = str_of(note->about_kind),
		.about_id = note->about_id,
		.about_name = note->about_name,
		.refused = note->refused,
		.details = note->details.len > 0 ? note->details : S("{}"),
	};
	struct event_head head;

	TRY(take_actor(s, cx, &e));
	TRY(take_number(s, cx, &head));
	e.head = head.num;
	e.seq = head.seq;
	head.changed_ms = clock_wall_ms();
	head.mac = event_mac(s, cx, head.mac, &e);
	TRY(insert(s, cx, &e, head.mac));
	TRY(event_head_put(s, cx, &head));
	TRY(event_outbox(s, cx, &e));
	s->event_noted = true;
	return store_changed(s, cx, CHANGE_EVENTS, S(""));
}

enum rc
store_event_token(
    struct store *s, struct ctx *cx, const char *type, const struct token *t, json_t *details)
{
	json_t *o = details != NULL ? details : json_object();

	json_put(o, "provider", json_str(t->provider));
	return store_event(s, cx,
	    &(struct event_note){ .type = type,
		.about_kind = "token",
		.about_id = t->id,
		.about_name = t->name,
		.details = json_write(cx->arena, o) });
}

enum rc
store_event_add(struct store *s, struct ctx *cx, const struct event_note *note)
{
	STORE_HOLD hold = store_hold(s, cx);

	TRY(db_begin(cx, s->db));
	TRY(store_event(s, cx, note));
	return db_commit(cx, s->db);
}

void
store_event_listen(struct store *s, void (*fn)(void *arg), void *arg)
{
	s->on_event = fn;
	s->on_event_arg = arg;
}

void
store_event_settle(struct store *s)
{
	if (s->event_made != 0 && db_commits(s->db) != s->event_made_at)
		s->event_head = s->event_made;
	s->event_made = 0;
}

void
store_event_tell(struct store *s)
{
	if (s->event_noted && s->on_event != NULL)
		s->on_event(s->on_event_arg);
	s->event_noted = false;
}
