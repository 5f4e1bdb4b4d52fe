#include "store/store.h"

#include <stdlib.h>

#include "store/store_int.h"

struct store_hold
store_hold(struct store *s, struct ctx *cx)
{
	if (!cx->may_block)
		abort(); /* a server loop must never wait for the database */
	pthread_mutex_lock(&s->lock);
	return (struct store_hold){ s };
}

void
store_release(struct store_hold *h)
{
	db_rollback(h->s->db);
	pthread_mutex_unlock(&h->s->lock);
}

enum rc
store_want_row(struct ctx *cx, struct db_stmt *st, const char *what)
{
	bool row;

	TRY(db_step(cx, st, &row));
	return row ? OK : fail_at(cx, E_NOTFOUND, "not-found", NULL, "There is no such %s.", what);
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

/* A database that was sealed with another key is noticed before anything is written to it. */
static enum rc
check_key(struct store *s, struct ctx *cx)
{
	struct str mine = keyring_check_value(s->keyring, cx->arena), stored;
	enum rc rc = store_meta_get(s, cx, S("key check"), &stored);

	if (rc == E_NOTFOUND) {
		ctx_clear(cx);
		return store_meta_put(s, cx, S("key check"), mine);
	}
	TRY(rc);
	if (crypto_equal(secret_of(mine), secret_of(stored)))
		return OK;
	fail_at(cx, E_INPUT, "master-key", NULL,
	    "The master key is not the one this data directory was made with.");
	return fail_todo(cx, "Put the right key file back; nothing was changed.");
}

enum rc
store_open_with(struct ctx *cx, const char *where, const struct keyring *keyring,
    enum rc (*open)(struct ctx *cx, const char *where, struct db **out), struct store **out)
{
	struct store *s = mem_alloc(sizeof(*s));
	enum rc rc;

	pthread_mutex_init(&s->lock, NULL);
	s->keyring = keyring;
	rc = open(cx, where, &s->db);
	if (rc == OK)
		rc = db_migrate(cx, s->db, store_schema, store_schema_count);
	if (rc == OK)
		rc = check_key(s, cx);
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

void
store_close(struct store *s)
{
	if (s == NULL)
		return;
	db_close(s->db);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

enum rc
store_meta_get(struct store *s, struct ctx *cx, struct str name, struct str *out)
{
	STORE_HOLD hold = store_hold(s, cx);
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
	STORE_HOLD hold = store_hold(s, cx);
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
