#include "store/store.h"

#include <stdlib.h>
#include <unistd.h>

#include "store/store_int.h"

static void
must_be_allowed_to_block(const struct ctx *cx)
{
	if (!cx->may_block)
		abort(); /* a server loop must never wait for the database */
}

/* What was silent to the follower is not waited for by anybody else, and what is back is not gone. */
static void
heed_doubts(const struct store *writer, struct store *s)
{
	unsigned doubts = atomic_load(&writer->all_doubts);

	if (s->doubts != doubts && s->db != NULL)
		db_doubt(s->db);
	s->doubts = doubts;
}

struct store_hold
store_hold(struct store *s, struct ctx *cx)
{
	must_be_allowed_to_block(cx);
	if (atomic_load(&s->batcher) == pthread_self())
		return (struct store_hold){ NULL };
	pthread_mutex_lock(&s->lock);
	heed_doubts(s, s);
	return (struct store_hold){ s };
}

/* A reader that cannot be opened fails as the writer will, and that one says why. */
static bool
reader_ready(const struct store *s, struct store *reader, struct ctx *cx)
{
	struct ctx scratch;

	if (reader->db != NULL)
		return true;
	ctx_init(&scratch, cx->arena, cx->clock);
	return s->open(&scratch, s->where, &reader->db) == OK;
}

struct store_hold
store_hold_read(struct store **s, struct ctx *cx)
{
	struct store *writer = *s, *reader = NULL;
	unsigned first = atomic_fetch_add(&writer->next_reader, 1);

	must_be_allowed_to_block(cx);
	if (atomic_load(&writer->batcher) == pthread_self())
		return (struct store_hold){ NULL };
	if (writer->follower != NULL && follower_view(writer->follower) != NULL) {
		*s = follower_view(writer->follower);
		return (struct store_hold){ NULL };
	}
	for (unsigned i = 0; i < STORE_READERS && reader == NULL; i++) {
		reader = &writer->readers[(first + i) % STORE_READERS];
		if (pthread_mutex_trylock(&reader->lock) != 0)
			reader = NULL;
	}
	if (reader == NULL) {
		reader = &writer->readers[first % STORE_READERS];
		pthread_mutex_lock(&reader->lock);
	}
	if (!reader_ready(writer, reader, cx)) {
		pthread_mutex_unlock(&reader->lock);
		return store_hold(writer, cx);
	}
	heed_doubts(writer, reader);
	*s = reader;
	return (struct store_hold){ reader };
}

void
store_release(struct store_hold *h)
{
	if (h->s == NULL)
		return;
	db_rollback(h->s->db);
	db_rest(h->s->db);
	if (h->s->follower != NULL)
		follower_announce(h->s->follower);
	store_event_settle(h->s);
	store_event_tell(h->s);
	pthread_mutex_unlock(&h->s->lock);
}

void
store_batch_begins(struct store *s)
{
	atomic_store(&s->batcher, pthread_self());
}

void
store_batch_ends(struct store *s)
{
	atomic_store(&s->batcher, (pthread_t)0);
}

enum rc
store_changed(struct store *s, struct ctx *cx, enum change_kind kind, struct str id)
{
	return store_changed_many(s, cx, kind, &id, 1);
}

enum rc
store_changed_many(
    struct store *s, struct ctx *cx, enum change_kind kind, const struct str *ids, size_t count)
{
	return s->follower == NULL ? OK : follower_note(s, cx, kind, ids, count);
}

enum rc
store_want_row(struct ctx *cx, struct db_stmt *st, const char *what)
{
	bool row;

	TRY(db_step(cx, st, &row));
	return row ? OK : fail_at(cx, E_NOTFOUND, "not-found", NULL, "There is no such %s.", what);
}

enum rc
store_meanwhile(struct ctx *cx, const char *field, const char *what)
{
	fail_at(cx, E_CONFLICT, "changed-meanwhile", field,
	    "%s was changed meanwhile, by somebody else or in another window.", what);
	return fail_todo(cx, "Save again to put yours in its place, or reload to keep it.");
}

enum rc
store_number(struct store *s, struct ctx *cx, const char *sql, int64_t *out)
{
	struct db_stmt *st;

	TRY(db_stmt(cx, s->db, sql, &st));
	TRY(store_want_row(cx, st, "table"));
	*out = db_col_int(st, 0);
	db_done(st);
	return OK;
}

enum rc
store_write_one(struct ctx *cx, struct db_stmt *st, enum rc rc, const char *what)
{
	int64_t changed;

	TRY(db_run(cx, st, &changed));
	return changed == 1 ? OK : fail_at(cx, rc, NULL, NULL, "%s", what);
}

void
store_bind_sealed(struct store *s, struct ctx *cx, struct db_stmt *st, int i, struct seal_place at,
    struct secret value)
{
	db_bind_blob(
	    st, i, secret_empty(value) ? S("") : crypto_seal(s->keyring, cx->arena, at, value));
}

enum rc
store_open_sealed(
    struct store *s, struct ctx *cx, struct seal_place at, struct str sealed, struct secret *out)
{
	if (sealed.len == 0) {
		*out = secret_of(S(""));
		return OK;
	}
	return crypto_open(s->keyring, cx, at, sealed, out);
}

/* The first value that anybody gave a name stays; also when several nodes start at once. */
static enum rc
first_value(struct store *s, struct ctx *cx, struct str name, struct str mine, struct str *out)
{
	struct db_stmt *st;

	TRY(db_stmt(cx, s->db,
	    "INSERT INTO meta (name, value, sealed) VALUES ($1, $2, $3)"
	    " ON CONFLICT (name) DO NOTHING",
	    &st));
	db_bind_text(st, 1, name);
	db_bind_text(st, 2, mine);
	db_bind_blob(st, 3, S(""));
	TRY(db_run(cx, st, NULL));
	TRY(db_stmt(cx, s->db, "SELECT value FROM meta WHERE name = $1", &st));
	db_bind_text(st, 1, name);
	TRY(store_want_row(cx, st, "setting"));
	*out = db_col_text(st, 0, cx->arena);
	db_done(st);
	return OK;
}

/* A database that was sealed with another key is noticed before anything else is written to it. */
static enum rc
check_key(struct store *s, struct ctx *cx)
{
	struct str mine = keyring_check_value(s->keyring, cx->arena), stored;

	TRY(first_value(s, cx, S("key check"), mine, &stored));
	if (crypto_equal(secret_of(mine), secret_of(stored)))
		return OK;
	fail_at(cx, E_INPUT, "master-key", NULL,
	    "The master key is not the one this data was made with.");
	return fail_todo(cx,
	    "Put the key file with the mark %.*s back (this one has %.*s); nothing was changed.",
	    STR_ARG(str_sub(stored, 0, STORE_KEY_MARK)), STR_ARG(str_sub(mine, 0, STORE_KEY_MARK)));
}

static enum rc
open_parts(struct ctx *cx, struct store *s)
{
	TRY(s->open(cx, s->where, &s->db));
	TRY(store_upgrade(s, cx));
	TRY(check_key(s, cx));
	return db_is_shared(s->db) ? follower_new(cx, s, &s->follower) : OK;
}

enum rc
store_open_with(struct ctx *cx, const char *where, const struct keyring *keyring,
    enum rc (*open)(struct ctx *cx, const char *where, struct db **out), struct store **out)
{
	struct store *s = mem_alloc(sizeof(*s));
	enum rc rc;

	pthread_mutex_init(&s->lock, NULL);
	s->keyring = keyring;
	s->arena = arena_new();
	s->where = str_dup(s->arena, str_of(where)).p;
	s->open = open;
	s->readers = mem_alloc(STORE_READERS * sizeof(*s->readers));
	for (int i = 0; i < STORE_READERS; i++) {
		pthread_mutex_init(&s->readers[i].lock, NULL);
		s->readers[i].keyring = keyring;
	}
	rc = open_parts(cx, s);
	if (rc != OK) {
		store_close(s);
		return rc;
	}
	*out = s;
	return OK;
}

enum rc
store_open(struct ctx *cx, const char *where, const struct keyring *keyring, struct store **out)
{
	return store_open_with(cx, where, keyring, db_open, out);
}

enum rc
store_exists(struct ctx *cx, const char *where, bool *out)
{
	int64_t version = 0;
	struct db *db;
	enum rc rc;

	if (!db_is_url(str_of(where))) {
		*out = access(where, F_OK) == 0;
		return OK;
	}
	TRY(db_open(cx, where, &db));
	rc = db_schema_version(cx, db, &version);
	db_close(db);
	*out = version > 0;
	return rc;
}

void
store_close(struct store *s)
{
	if (s == NULL)
		return;
	follower_free(s->follower);
	for (int i = 0; i < STORE_READERS; i++) {
		db_close(s->readers[i].db);
		pthread_mutex_destroy(&s->readers[i].lock);
	}
	db_close(s->db);
	pthread_mutex_destroy(&s->lock);
	free(s->readers);
	free(s->slots.taken);
	arena_free(s->arena);
	free(s);
}

enum rc
store_meta_first(
    struct store *s, struct ctx *cx, struct str name, struct str value, struct str *out)
{
	STORE_HOLD hold = store_hold(s, cx);

	return first_value(s, cx, name, value, out);
}

enum rc
store_meta_get(struct store *s, struct ctx *cx, struct str name, struct str *out)
{
	STORE_HOLD hold = store_hold_read(&s, cx);
	struct db_stmt *st;

	TRY(db_stmt(cx, s->db, "SELECT value FROM meta WHERE name = $1", &st));
	db_bind_text(st, 1, name);
	TRY(store_want_row(cx, st, "setting"));
	*out = db_col_text(st, 0, cx->arena);
	db_done(st);
	return OK;
}

static enum rc
meta_put(struct store *s, struct ctx *cx, struct str name, struct str value, struct secret sealed)
{
	STORE_HOLD hold = store_hold(s, cx);
	struct db_stmt *st;

	TRY(db_stmt(cx, s->db,
	    "INSERT INTO meta (name, value, sealed) VALUES ($1, $2, $3)"
	    " ON CONFLICT (name) DO UPDATE SET value = excluded.value, sealed = excluded.sealed",
	    &st));
	db_bind_text(st, 1, name);
	db_bind_text(st, 2, value);
	store_bind_sealed(
	    s, cx, st, 3, (struct seal_place){ .purpose = S("meta"), .row = name }, sealed);
	return db_run(cx, st, NULL);
}

enum rc
store_meta_put(struct store *s, struct ctx *cx, struct str name, struct str value)
{
	return meta_put(s, cx, name, value, secret_of(S("")));
}

enum rc
store_meta_put_sealed(struct store *s, struct ctx *cx, struct str name, struct secret value)
{
	return meta_put(s, cx, name, S(""), value);
}

enum rc
store_meta_get_sealed(struct store *s, struct ctx *cx, struct str name, struct secret *out)
{
	STORE_HOLD hold = store_hold_read(&s, cx);
	struct db_stmt *st;
	struct str sealed;

	TRY(db_stmt(cx, s->db, "SELECT sealed FROM meta WHERE name = $1", &st));
	db_bind_text(st, 1, name);
	TRY(store_want_row(cx, st, "setting"));
	sealed = db_col_blob(st, 0, cx->arena);
	db_done(st);
	return store_open_sealed(
	    s, cx, (struct seal_place){ .purpose = S("meta"), .row = name }, sealed, out);
}

enum rc
store_clock(struct store *s, struct ctx *cx, int64_t *wall_ms)
{
	return *wall_ms == STORE_CLOCK ? db_clock_ms(cx, s->db, wall_ms) : OK;
}
