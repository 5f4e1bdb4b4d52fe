#include "suite.h"

#include "base/buf.h"
#include "cluster.h"
#include "db/db.h"
#include "fault.h"
#include "store/reply.h"
#include "store/store_int.h"

enum backend backend;

struct opened *
opened(struct fixture *f)
{
	return f->more;
}

struct store *
store(struct fixture *f)
{
	return opened(f)->store;
}

const char *
new_where(struct fixture *f, const char *name)
{
	return backend == ON_SQLITE ? fixture_path(f, name)
				    : str_dup(f->arena, str_of(cluster_new_url())).p;
}

void
open_store(struct fixture *f)
{
	struct opened *o = opened(f);

	assert_ok(store_open(&f->cx, o->where, o->keyring, &o->store));
}

void
open_faulty(struct fixture *f)
{
	struct opened *o = opened(f);

	store_close(o->store);
	assert_ok(store_open_with(&f->cx, o->where, o->keyring, fault_open, &o->store));
}

int
suite_setup(void **state)
{
	struct fixture *f;

	if (fixture_setup(state) != 0)
		return -1;
	f = *state;
	f->more = mem_alloc(sizeof(struct opened));
	opened(f)->where = new_where(f, "valetkey.db");
	assert_int_equal(
	    keyring_open(&f->cx, fixture_path(f, "key"), KEY_MAKE, false, &opened(f)->keyring), OK);
	open_store(f);
	return 0;
}

int
suite_teardown(void **state)
{
	struct fixture *f = *state;

	db_close(opened(f)->hand);
	store_close(opened(f)->store);
	keyring_free(opened(f)->keyring);
	free(f->more);
	return fixture_teardown(state);
}

/* A connection of its own to what the store has open, kept until that is another place. */
static struct db *
hand(struct fixture *f)
{
	struct opened *o = opened(f);

	if (o->hand == NULL || o->hand_where != o->where) {
		db_close(o->hand);
		o->hand = NULL;
		assert_ok(db_open(&f->cx, o->where, &o->hand));
		o->hand_where = o->where;
	}
	return o->hand;
}

int64_t
run_sql(struct fixture *f, const char *sql)
{
	struct db_stmt *st;
	int64_t changed;

	assert_ok(db_stmt(&f->cx, hand(f), sql, &st));
	assert_ok(db_run(&f->cx, st, &changed));
	return changed;
}

void
by_hand(struct fixture *f, const char *sql)
{
	assert_true(run_sql(f, sql) > 0);
}

void
move_replies(struct fixture *f)
{
	struct db *db = store(f)->db;

	assert_ok(db_begin(&f->cx, db));
	assert_ok(reply_recover(&f->cx, db, NOW));
	assert_ok(db_commit(&f->cx, db));
}

static void
dump_value(struct fixture *f, struct buf *out, struct db_stmt *st, int i, enum db_type type,
    bool with_bytes)
{
	struct str bytes = db_col_blob(st, i, f->arena);

	if (type == DB_INT)
		buf_addf(out, "|%lld", (long long)db_col_int(st, i));
	else if (type == DB_BLOB && !with_bytes)
		buf_addf(out, "|%s", bytes.len > 0 ? "bytes" : "");
	else
		buf_addf(out, "|%.*s", STR_ARG(bytes));
}

/* When and as which one an event, and what tells it, was written. */
static bool
is_own_number(const struct db_column *c)
{
	static const char *const own[] = { "head", "seq", "at_ms", "id", "created_ms", "due_ms" };
	bool delivery = str_eq(c->table, S("delivery"));

	if (str_eq(c->table, S("reply")))
		return str_eq(c->name, S("slot"));

	if (!delivery && !str_eq(c->table, S("event")))
		return false;
	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		if (str_eq(c->name, str_of(own[i])))
			return true;
	return false;
}

static void
dump_table(struct fixture *f, struct db *db, const struct db_column *c, size_t n, struct buf *out,
    bool with_bytes)
{
	struct buf sql = buf_in(f->arena, 4096);
	struct db_stmt *st;
	bool row = true;

	/* Numbers of a node's own, that nobody uses twice. */
	if (!with_bytes &&
	    (str_eq(c->table, S("node")) || str_eq(c->table, S("change_log")) ||
		str_eq(c->table, S("event_head"))))
		return;
	buf_addf(out, "%.*s\n", STR_ARG(c->table));
	for (size_t i = 0; i < n; i++)
		buf_addf(&sql, "%s%.*s", i == 0 ? "SELECT " : ", ", STR_ARG(c[i].name));
	buf_addf(&sql, " FROM %.*s ORDER BY ", STR_ARG(c->table));
	/* The ids of deliveries are random: they stand in the order in which they were written. */
	if (str_eq(c->table, S("delivery")))
		buf_add(&sql, S("head, seq, webhook_id"));
	else
		buf_addf(&sql, "1%s", n > 1 ? ", 2" : "");
	assert_ok(db_stmt(&f->cx, db, str_cstr(f->arena, buf_str(&sql)), &st));
	for (;;) {
		assert_ok(db_step(&f->cx, st, &row));
		if (!row)
			return;
		for (size_t i = 0; i < n; i++)
			if (with_bytes || !is_own_number(&c[i]))
				dump_value(f, out, st, (int)i, c[i].type, with_bytes);
		buf_addc(out, '\n');
	}
}

struct str
dump(struct fixture *f, bool with_bytes)
{
	struct buf out = buf_in(f->arena, 1 << 20);
	struct db_column *columns;
	size_t count, n;

	assert_ok(db_columns(&f->cx, hand(f), &columns, &count));
	for (size_t i = 0; i < count; i += n) {
		for (n = 1; i + n < count && str_eq(columns[i].table, columns[i + n].table); n++)
			;
		dump_table(f, hand(f), &columns[i], n, &out, with_bytes);
	}
	assert_false(out.overflow);
	return buf_str(&out);
}

void
assert_rc_is(struct fixture *f, enum rc got, enum rc want)
{
	if (got != want)
		print_error("rc %d, not %d: %s\n", got, want, f->cx.why);
	assert_int_equal(got, want);
	if (want != OK)
		assert_true(f->cx.why[0] != '\0');
}

const struct token_secrets plain = {
	.app_secret = { { "the-app-secret", 14 } },
	.access = { { "the-access-token", 16 } },
	.refresh = { { "the-refresh-token", 17 } },
};

const struct token_grant fresh = {
	.access = { { "access-2", 8 } },
	.refresh = { { "refresh-2", 9 } },
	.expires_ms = NOW + 20000000,
	.now_ms = NOW + 5000,
	.due_ms = NOW + 19000000,
};

struct token
a_token(const char *id, const char *name)
{
	return (struct token){
		.id = str_of(id),
		.name = str_of(name),
		.description = S("what for"),
		.provider = S("dropbox"),
		.app_key = S("appkey"),
		.scopes = S("account_info.read"),
		.scope_granted = S("account_info.read files.content.read"),
		.redirect_uri = S("http://127.0.0.1:8090/oauth/callback/dropbox"),
		.account_id = S("dbid:1"),
		.account_name = S("Ann Lee"),
		.account_email = S("ann@example.com"),
		.expires_ms = NOW + 14400000,
		.created_ms = NOW,
		.updated_ms = NOW,
		.due_ms = NOW + 14000000,
		.sealed_version = 1,
	};
}

void
create(struct fixture *f, const char *id, const char *name)
{
	struct token t = a_token(id, name);

	assert_ok(store_token_create(store(f), &f->cx, &t, &plain, S("")));
}

struct refresh_claim
claim(struct fixture *f, const char *id, int64_t wall_ms)
{
	struct refresh_claim c;

	assert_ok(store_refresh_claim(store(f), &f->cx, str_of(id), wall_ms, LEASE, &c));
	return c;
}

static struct connection
a_connection(const char *id, const char *state_digest, int64_t created_ms)
{
	return (struct connection){ .id = str_of(id),
		.session_digest = S("session"),
		.state_digest = str_of(state_digest),
		.provider = S("dropbox"),
		.token_id = S(""),
		.app_key = S("appkey"),
		.scopes = S(""),
		.redirect_uri = S("uri"),
		.created_ms = created_ms,
		.expires_ms = created_ms + 600000 };
}

void
start(struct fixture *f, const char *id, int64_t created_ms)
{
	struct connection c = a_connection(id, id, created_ms);
	struct connection_secrets s = { .app_secret = secret_of(S("app")),
		.verifier = secret_of(S("verifier")) };

	assert_ok(store_connection_create(store(f), &f->cx, &c, &s));
}
