/* The API keys of access.h. */
#include "store/access.h"

#include <stdlib.h>

#include "base/map.h"
#include "store/store_int.h"

static enum rc
tell_key(
    struct store *s, struct ctx *cx, const char *type, const struct api_key *k, json_t *details)
{
	json_t *o = details != NULL ? details : json_object();

	json_put(o, "hint", json_str(k->hint));
	json_put(o, "all_tokens", json_boolean(k->all_tokens));
	return store_event(s, cx,
	    &(struct event_note){ .type = type,
		.about_kind = "key",
		.about_id = k->id,
		.about_name = k->label,
		.details = json_write(cx->arena, o) });
}

static enum rc
put_tokens(struct store *s, struct ctx *cx, struct str key_id, const struct str *ids, size_t n)
{
	struct db_stmt *st;

	for (size_t i = 0; i < n; i++) {
		TRY(db_stmt(cx, s->db,
		    "INSERT INTO api_key_token (key_id, token_id) VALUES ($1, $2)"
		    " ON CONFLICT (key_id, token_id) DO NOTHING",
		    &st));
		db_bind_text(st, 1, key_id);
		db_bind_text(st, 2, ids[i]);
		TRY(db_run(cx, st, NULL));
	}
	return OK;
}

enum rc
store_key_create(struct store *s, struct ctx *cx, const struct api_key *k)
{
	STORE_HOLD hold = store_hold(s, cx);
	struct db_stmt *st;

	TRY(db_begin(cx, s->db));
	TRY(db_stmt(cx, s->db,
	    "INSERT INTO api_key (id, label, hint, digest, all_tokens, created_ms, used_ms)"
	    " VALUES ($1, $2, $3, $4, $5, $6, 0)",
	    &st));
	db_bind_text(st, 1, k->id);
	db_bind_text(st, 2, k->label);
	db_bind_text(st, 3, k->hint);
	db_bind_blob(st, 4, k->digest);
	db_bind_int(st, 5, k->all_tokens);
	db_bind_int(st, 6, k->created_ms);
	TRY(db_run(cx, st, NULL));
	TRY(put_tokens(s, cx, k->id, k->token_ids, k->token_count));
	TRY(tell_key(s, cx, "key.created", k, NULL));
	TRY(store_changed(s, cx, CHANGE_KEYS, k->id));
	return db_commit(cx, s->db);
}

#define TOKENS_FIRST 4

/* An array of the key's own, twice as long whenever it is full. */
static void
add_token(struct arena *a, struct api_key *k, struct str id)
{
	size_t n = k->token_count;

	if (n == 0 || (n >= TOKENS_FIRST && (n & (n - 1)) == 0)) {
		struct str *longer = ARENA_ARRAY(a, struct str, n == 0 ? TOKENS_FIRST : 2 * n);

		if (n > 0)
			memcpy(longer, k->token_ids, n * sizeof(*longer));
		k->token_ids = longer;
	}
	k->token_ids[k->token_count++] = id;
}

static const char every_token[] =
    "SELECT token_id FROM api_key_token WHERE key_id = $1 ORDER BY token_id";
static const char live_tokens[] =
    "SELECT token_id FROM api_key_token CROSS JOIN token"
    " WHERE key_id = $1 AND id = token_id AND deleted_ms = 0 ORDER BY token_id";

/* By one of these. */
static enum rc
read_key_tokens(struct store *s, struct ctx *cx, const char *sql, struct api_key *k)
{
	struct db_stmt *st;
	bool row;

	k->token_ids = NULL;
	k->token_count = 0;
	TRY(db_stmt(cx, s->db, sql, &st));
	db_bind_text(st, 1, k->id);
	for (;;) {
		TRY(db_step(cx, st, &row));
		if (!row)
			break;
		add_token(cx->arena, k, db_col_text(st, 0, cx->arena));
	}
	db_done(st);
	return OK;
}

static void
free_map(void *map)
{
	map_free(map, NULL);
}

/* Of all keys, in the order of the table's own index, which nobody has to sort. Two queries see the
 * database at two moments: a key that came in between is left for the next reading. */
static enum rc
read_all_tokens(struct store *s, struct ctx *cx, struct api_key *keys, size_t count)
{
	struct map *by_id = map_new();
	struct api_key *k = NULL;
	struct db_stmt *st;
	bool row;

	arena_defer(cx->arena, free_map, by_id);
	for (size_t i = 0; i < count; i++)
		map_put(by_id, keys[i].id, &keys[i]);
	TRY(db_stmt(cx, s->db,
	    "SELECT key_id, token_id FROM api_key_token ORDER BY key_id, token_id", &st));
	for (;;) {
		struct str id;

		TRY(db_step(cx, st, &row));
		if (!row)
			break;
		id = db_col_text(st, 0, cx->arena);
		if (k == NULL || !str_eq(k->id, id))
			k = map_get(by_id, id);
		if (k != NULL)
			add_token(cx->arena, k, db_col_text(st, 1, cx->arena));
	}
	db_done(st);
	return OK;
}

#define KEY_COLUMNS "id, label, hint, digest, all_tokens, created_ms, used_ms"

static struct api_key
key_of_row(struct db_stmt *st, struct arena *a)
{
	return (struct api_key){ .id = db_col_text(st, 0, a),
		.label = db_col_text(st, 1, a),
		.hint = db_col_text(st, 2, a),
		.digest = db_col_blob(st, 3, a),
		.all_tokens = db_col_int(st, 4) != 0,
		.created_ms = db_col_int(st, 5),
		.used_ms = db_col_int(st, 6) };
}

enum rc
store_key_list(struct store *s, struct ctx *cx, struct api_key **out, size_t *count)
{
	STORE_HOLD hold = store_hold_read(&s, cx);
	struct db_stmt *st;
	int64_t max, n = 0;
	bool row = true;

	TRY(store_number(s, cx, "SELECT count(*) FROM api_key", &max));
	*out = ARENA_ARRAY(cx->arena, struct api_key, (size_t)max);
	TRY(db_stmt(
	    cx, s->db, "SELECT " KEY_COLUMNS " FROM api_key ORDER BY created_ms DESC, id", &st));
	while (n < max) {
		TRY(db_step(cx, st, &row));
		if (!row)
			break;
		(*out)[n++] = key_of_row(st, cx->arena);
	}
	db_done(st);
	*count = (size_t)n;
	return read_all_tokens(s, cx, *out, *count);
}

/* Without its tokens. */
static enum rc
read_key(struct store *s, struct ctx *cx, struct str id, struct api_key *out)
{
	struct db_stmt *st;

	TRY(db_stmt(cx, s->db, "SELECT " KEY_COLUMNS " FROM api_key WHERE id = $1", &st));
	db_bind_text(st, 1, id);
	TRY(store_want_row(cx, st, "API key"));
	*out = key_of_row(st, cx->arena);
	db_done(st);
	return OK;
}

enum rc
store_key_get(struct store *s, struct ctx *cx, struct str id, struct api_key *out)
{
	STORE_HOLD hold = store_hold_read(&s, cx);

	TRY(read_key(s, cx, id, out));
	return read_key_tokens(s, cx, every_token, out);
}

enum rc
store_key_live_tokens(struct store *s, struct ctx *cx, struct str id, int64_t *out)
{
	STORE_HOLD hold = store_hold_read(&s, cx);
	struct db_stmt *st;

	TRY(db_stmt(cx, s->db,
	    "SELECT count(*) FROM api_key_token CROSS JOIN token"
	    " WHERE key_id = $1 AND id = token_id AND deleted_ms = 0",
	    &st));
	db_bind_text(st, 1, id);
	TRY(store_want_row(cx, st, "API key"));
	*out = db_col_int(st, 0);
	db_done(st);
	return OK;
}

static enum rc
write_key(struct store *s, struct ctx *cx, const struct api_key *k)
{
	struct db_stmt *st;

	TRY(db_stmt(
	    cx, s->db, "UPDATE api_key SET label = $1, all_tokens = $2 WHERE id = $3", &st));
	db_bind_text(st, 1, k->label);
	db_bind_int(st, 2, k->all_tokens);
	db_bind_text(st, 3, k->id);
	return store_write_one(cx, st, E_NOTFOUND, "There is no such API key.");
}

static int
by_id(const void *a, const void *b)
{
	return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

/* In the order of bytes, which not every database has them in. */
static struct str *
in_order(struct arena *a, const struct str *ids, size_t count)
{
	struct str *copy = ARENA_ARRAY(a, struct str, count);

	if (count > 0) {
		memcpy(copy, ids, sizeof(*ids) * count);
		qsort(copy, count, sizeof(*copy), by_id);
	}
	return copy;
}

struct ids {
	struct str *ids;
	size_t count;
};

/* Those of the one that do not stand in the other. */
static struct ids
left_out(struct arena *a, struct ids of, struct ids other)
{
	struct ids out = { in_order(a, of.ids, of.count), 0 };
	struct str *there = in_order(a, other.ids, other.count);

	for (size_t i = 0, j = 0; i < of.count; i++) {
		while (j < other.count && str_cmp(there[j], out.ids[i]) < 0)
			j++;
		if (j == other.count || !str_eq(there[j], out.ids[i]))
			out.ids[out.count++] = out.ids[i];
	}
	return out;
}

static enum rc
any_lives(struct store *s, struct ctx *cx, struct ids tokens, bool *yes)
{
	struct db_stmt *st;

	*yes = false;
	for (size_t i = 0; i < tokens.count && !*yes; i++) {
		TRY(db_stmt(
		    cx, s->db, "SELECT 1 FROM token WHERE id = $1 AND deleted_ms = 0", &st));
		db_bind_text(st, 1, tokens.ids[i]);
		TRY(db_step(cx, st, yes));
		db_done(st);
	}
	return OK;
}

/* Whether the key still reads what the editor saw, less those tokens that are put aside since. */
static enum rc
check_tokens_seen(
    struct store *s, struct ctx *cx, const struct api_key *live, const struct api_key_edit *edit)
{
	struct ids reads = { live->token_ids, live->token_count };
	struct ids seen = { edit->was.token_ids, edit->was.token_count };
	bool other =
	    edit->was.all_tokens != live->all_tokens || left_out(cx->arena, reads, seen).count > 0;

	if (!other)
		TRY(any_lives(s, cx, left_out(cx->arena, seen, reads), &other));
	return other ? store_meanwhile(cx, "token_ids", "What the key may read") : OK;
}

/* live: the key with the tokens that the console shows. */
static enum rc
check_key_seen(
    struct store *s, struct ctx *cx, const struct api_key *live, const struct api_key_edit *edit)
{
	if (edit->was.label.p != NULL && !str_eq(edit->was.label, live->label))
		return store_meanwhile(cx, "label", "The label");
	return edit->was.has_tokens ? check_tokens_seen(s, cx, live, edit) : OK;
}

/* From what the key reads, or from what the editor saw, of which some may be put aside since. */
static bool
takes_away(struct ctx *cx, const struct api_key *live, const struct api_key_edit *edit)
{
	struct ids reads = { live->token_ids, live->token_count };
	struct ids seen = { edit->was.token_ids, edit->was.token_count };
	struct ids wanted = { edit->token_ids, edit->token_count };

	if (edit->all_tokens || live->all_tokens)
		return true;
	return left_out(cx->arena, reads, wanted).count > 0 ||
	    left_out(cx->arena, seen, wanted).count > 0;
}

/* all: those that are put aside as well. */
static enum rc
replace_tokens(
    struct store *s, struct ctx *cx, struct str id, const struct api_key_edit *edit, bool all)
{
	struct db_stmt *st;

	TRY(db_stmt(cx, s->db,
	    all ? "DELETE FROM api_key_token WHERE key_id = $1"
		: "DELETE FROM api_key_token WHERE key_id = $1 AND EXISTS"
		  " (SELECT 1 FROM token WHERE id = api_key_token.token_id"
		  " AND deleted_ms = 0)",
	    &st));
	db_bind_text(st, 1, id);
	TRY(db_run(cx, st, NULL));
	return edit->all_tokens ? OK : put_tokens(s, cx, id, edit->token_ids, edit->token_count);
}

/* Whether two keys may read different tokens, which are in order. */
static bool
reads_otherwise(const struct api_key *a, const struct api_key *b)
{
	if (a->all_tokens != b->all_tokens || a->token_count != b->token_count)
		return true;
	for (size_t i = 0; i < a->token_count; i++)
		if (!str_eq(a->token_ids[i], b->token_ids[i]))
			return true;
	return false;
}

/* What differs afterwards, by name; no row when nothing does. */
static enum rc
tell_key_edit(struct store *s, struct ctx *cx, const struct api_key *was, const struct api_key *now)
{
	bool renamed = !str_eq(was->label, now->label), other = reads_otherwise(was, now);
	json_t *o, *changed;

	if (!renamed && !other)
		return OK;
	o = json_object();
	changed = json_array();
	if (renamed) {
		json_array_append_new(changed, json_string("label"));
		json_put(o, "was", json_str(was->label));
	}
	if (other)
		json_array_append_new(changed, json_string("tokens"));
	json_put(o, "changed", changed);
	return tell_key(s, cx, "key.changed", now, o);
}

/* What is read from here on nobody else changes before the end: a label written beside an older reach would
 * widen the key again. */
static enum rc
hold_key(struct store *s, struct ctx *cx, struct str id)
{
	struct db_stmt *st;

	TRY(db_stmt(cx, s->db, "UPDATE api_key SET label = label WHERE id = $1", &st));
	db_bind_text(st, 1, id);
	return store_write_one(cx, st, E_NOTFOUND, "There is no such API key.");
}

enum rc
store_key_edit(struct store *s, struct ctx *cx, struct str id, const struct api_key_edit *edit)
{
	STORE_HOLD hold = store_hold(s, cx);
	struct api_key was, now, live;

	TRY(db_begin(cx, s->db));
	TRY(hold_key(s, cx, id));
	TRY(read_key(s, cx, id, &was));
	live = was;
	TRY(read_key_tokens(s, cx, live_tokens, &live));
	TRY(check_key_seen(s, cx, &live, edit));
	TRY(read_key_tokens(s, cx, every_token, &was));
	now = was;
	if (edit->set_label)
		now.label = edit->label;
	if (edit->set_tokens)
		now.all_tokens = edit->all_tokens;
	TRY(write_key(s, cx, &now));
	if (edit->set_tokens)
		TRY(replace_tokens(s, cx, id, edit, takes_away(cx, &live, edit)));
	TRY(read_key_tokens(s, cx, every_token, &now));
	TRY(tell_key_edit(s, cx, &was, &now));
	TRY(store_changed(s, cx, CHANGE_KEYS, id));
	return db_commit(cx, s->db);
}

enum rc
store_key_delete(struct store *s, struct ctx *cx, struct str id)
{
	STORE_HOLD hold = store_hold(s, cx);
	struct db_stmt *st;
	struct api_key k;

	TRY(db_begin(cx, s->db));
	TRY(read_key(s, cx, id, &k));
	TRY(db_stmt(cx, s->db, "DELETE FROM api_key WHERE id = $1", &st));
	db_bind_text(st, 1, id);
	TRY(store_write_one(cx, st, E_NOTFOUND, "There is no such API key."));
	TRY(tell_key(s, cx, "key.revoked", &k, NULL));
	TRY(store_changed(s, cx, CHANGE_KEYS, id));
	return db_commit(cx, s->db);
}

static int
by_key(const void *a, const void *b)
{
	return str_cmp(((const struct key_use *)a)->id, ((const struct key_use *)b)->id);
}

/* In one order on every node, so that of two that write the same keys none waits for one that waits for
 * it. */
enum rc
store_keys_used(struct store *s, struct ctx *cx, struct key_use *uses, size_t count)
{
	STORE_HOLD hold = store_hold(s, cx);
	struct db_stmt *st;

	qsort(uses, count, sizeof(*uses), by_key);
	TRY(db_begin(cx, s->db));
	for (size_t i = 0; i < count; i++) {
		TRY(db_stmt(cx, s->db,
		    "UPDATE api_key SET used_ms = $1 WHERE id = $2 AND used_ms < $1", &st));
		db_bind_int(st, 1, uses[i].used_ms);
		db_bind_text(st, 2, uses[i].id);
		TRY(db_run(cx, st, NULL));
	}
	return db_commit(cx, s->db);
}
