/* Every schema that ever shipped still opens: data written under it is brought up to date whole. */
#include "suite.h"

#include "base/buf.h"
#include "store/store_int.h"

/* The beginning of each step's SHA-256. A step that has shipped never changes: this row was never
 * wrong before, so the step is. A new step gets its row here. */
static const char *const shipped[] = {
	"P0Nq67IULBpZQoS4",
	"cDTvO05m7ypV6rGe",
	"f9MtGhS4xmCxopqT",
	"hDM2lGD-5rkxAssQ",
	"kZJLJA6KQB8RRLfW",
	"EFcLVrXCuKLP1ns5",
	"kZt3FtvkRNL_tYVo",
	"suPNw9UGcteKnluP",
	"CWtXDqVVg3F0DjRy",
	"DNxCNGSaM_m-dhze",
	"FrMYv-3wRtxkouzh",
	"RdUoiseO09WLZd90",
	"BBPYBEsQadybKoDU",
	"hclcaAA-k2-hWQt8",
	"1lM2WUvQBCbhboET",
};

#define SHIPPED (sizeof(shipped) / sizeof(shipped[0]))

static struct str
fingerprint(struct fixture *f, const char *step)
{
	return str_sub(crypto_base64url(f->arena, crypto_sha256(f->arena, str_of(step))), 0, 16);
}

static void
test_no_step_ever_changed(void **state)
{
	struct fixture *f = *state;

	for (size_t i = 0; i < store_schema_count; i++) {
		struct str is = fingerprint(f, store_schema[i]);

		if (i >= SHIPPED || !str_eq(is, str_of(shipped[i])))
			print_error("step %zu: \"%.*s\"\n", i + 1, STR_ARG(is));
	}
	assert_int_equal(store_schema_count, SHIPPED);
	for (size_t i = 0; i < SHIPPED; i++)
		assert_str_equal(fingerprint(f, store_schema[i]), str_of(shipped[i]));
}

static void
bind_sealed(struct fixture *f, struct db_stmt *st, int i, struct str purpose, struct str row,
    struct secret plain_text)
{
	struct seal_place at = { .purpose = purpose, .row = row, .version = 1 };

	db_bind_blob(st, i, crypto_seal(opened(f)->keyring, f->arena, at, plain_text));
}

/* A token as the first version wrote it. */
static void
write_old_token(struct fixture *f, struct db *db)
{
	struct db_stmt *st;
	int64_t version;
	struct str sql;

	assert_ok(db_schema_version(&f->cx, db, &version));
	sql = str_printf(f->arena,
	    "INSERT INTO token (id, name, name_key, description, provider, app_key, scopes,"
	    " scope_granted, redirect_uri, account_id, account_name, account_email, status,"
	    " status_reason, status_ms, expires_ms, created_ms, updated_ms, refreshed_ms, due_ms,"
	    " attempts, last_error, fence, lease_until_ms, %s, app_secret, access,"
	    " refresh) VALUES ('t1', 'Old One', 'old one', 'about', 'dropbox', 'key', '', 'files',"
	    " 'uri', 'dbid:1', 'Ann Lee', 'ann@example.com', 0, '', 5, 1700000900000, 3, 4,"
	    " 1700000000000, 7, 2, 'no answer', 9, 0, 1, $1, $2, $3)",
	    version < 14 ? "sealed_version" : "access_version");
	assert_ok(db_stmt(&f->cx, db, str_cstr(f->arena, sql), &st));
	bind_sealed(f, st, 1, S("token.app_secret"), S("t1 Old One"), plain.app_secret);
	bind_sealed(f, st, 2, S("token.access"), S("t1 Old One"), plain.access);
	bind_sealed(f, st, 3, S("token.refresh"), S("t1 Old One"), plain.refresh);
	assert_ok(db_run(&f->cx, st, NULL));
}

/* A pair that was put aside as it used to be: sealed anew, for a place of its own. */
static void
write_old_previous(struct fixture *f, struct db *db)
{
	struct db_stmt *st;

	assert_ok(db_stmt(&f->cx, db,
	    "UPDATE token SET previous_version = 1, previous_access = $1, previous_refresh = $2",
	    &st));
	bind_sealed(f, st, 1, S("token.previous_access"), S("t1"), secret_of(S("access-before")));
	bind_sealed(f, st, 2, S("token.previous_refresh"), S("t1"), secret_of(S("refresh-before")));
	assert_ok(db_run(&f->cx, st, NULL));
}

/* What came with a step, for a row that is of before it and stands there all the same. */
static void
write_what_the_steps_brought(struct fixture *f, struct db *db, size_t version)
{
	struct db_stmt *st;

	if (version >= 3)
		write_old_previous(f, db);
	if (version < 14)
		return;
	assert_ok(db_stmt(
	    &f->cx, db, "UPDATE token SET app_secret_version = 1, refresh_version = 1", &st));
	assert_ok(db_run(&f->cx, st, NULL));
}

static void
write_old_rows(struct fixture *f, struct db *db)
{
	static const char *const rows[] = {
		"INSERT INTO meta (name, value) VALUES ('instance', '0123abcd')",
		"INSERT INTO user_ (id, username, password_hash) VALUES ('u1', 'admin', 'hash')",
		"INSERT INTO api_key (id, label, hint, digest, all_tokens, created_ms, used_ms)"
		" VALUES ('k1', 'backup', 'vk_…abcd', $1, 0, 5, 6)",
		"INSERT INTO api_key_token (key_id, token_id) VALUES ('k1', 't1')",
		"INSERT INTO session (digest, user_id, created_ms, seen_ms) VALUES ($1, 'u1', 5, "
		"6)",
		"INSERT INTO connection (id, session_digest, state_digest, provider, token_id, "
		"app_key,"
		" scopes, redirect_uri, status, error_code, error_field, error_why, error_todo,"
		" created_ms, expires_ms, token_expires_ms, scope_granted, account_id, "
		"account_name,"
		" account_email, app_secret, verifier, access, refresh) VALUES ('c1', $1, $1, "
		"'dropbox',"
		" '', 'key', '', 'uri', 0, '', '', '', '', 5, 6, 0, '', '', '', '', $1, $1, $1, "
		"$1)",
	};
	struct db_stmt *st;

	write_old_token(f, db);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_ok(db_stmt(&f->cx, db, rows[i], &st));
		if (strstr(rows[i], "$1") != NULL)
			db_bind_blob(st, 1, S("digest"));
		assert_ok(db_run(&f->cx, st, NULL));
	}
}

static void
check_old_previous(struct fixture *f)
{
	struct token_previous previous;

	assert_ok(store_token_previous(store(f), &f->cx, S("t1"), &previous));
	assert_true(crypto_equal(previous.access, secret_of(S("access-before"))));
	assert_true(crypto_equal(previous.refresh, secret_of(S("refresh-before"))));
}

static void
check_old_rows(struct fixture *f)
{
	struct token_secrets s;
	struct api_key *keys;
	struct connection c;
	struct str instance;
	struct user u;
	struct token t;
	size_t n;

	assert_ok(store_token_open(store(f), &f->cx, S("Old One"), &t, &s));
	assert_str_equal(t.description, S("about"));
	assert_str_equal(t.account_email, S("ann@example.com"));
	assert_int_equal(t.expires_ms, 1700000900000);
	assert_int_equal(t.attempts, 2);
	assert_true(t.has_refresh);
	assert_true(crypto_equal(s.app_secret, plain.app_secret));
	assert_true(crypto_equal(s.access, plain.access));
	assert_true(crypto_equal(s.refresh, plain.refresh));
	assert_ok(store_user_by_name(store(f), &f->cx, S("admin"), &u));
	assert_ok(store_session_check(store(f), &f->cx, S("digest"), 7, 10, 10, &u));
	assert_ok(store_key_list(store(f), &f->cx, &keys, &n));
	assert_int_equal(n, 1);
	assert_int_equal(keys[0].token_count, 1);
	assert_ok(store_connection_get(store(f), &f->cx, S("c1"), &c));
	assert_ok(store_meta_get(store(f), &f->cx, S("instance"), &instance));
	assert_str_equal(instance, S("0123abcd"));
	/* and it can be written */
	claim(f, "t1", NOW);
	create(f, "t2", "New one");
}

static void
test_data_of_every_schema_is_brought_up_to_date(void **state)
{
	struct fixture *f = *state;
	struct opened *o = opened(f);

	for (size_t version = 1; version <= store_schema_count; version++) {
		struct db *db;

		store_close(o->store);
		o->store = NULL;
		o->where = new_where(f, str_printf(f->arena, "v%zu.db", version).p);
		assert_ok(db_open(&f->cx, o->where, &db));
		assert_ok(db_migrate(&f->cx, db, store_schema, version));
		write_old_rows(f, db);
		write_what_the_steps_brought(f, db, version);
		db_close(db);
		open_store(f);
		if (version >= 3)
			check_old_previous(f);
		check_old_rows(f);
	}
}

/* Everything that a schema is, as text, in an order of its own. */
static struct str
schema_text(struct fixture *f, const struct db_whole *whole, const char *name)
{
	const char *where = new_where(f, name);
	struct buf out = buf_in(f->arena, 1 << 18);
	struct db_column *columns;
	struct db_stmt *st;
	struct db *db;
	bool row;
	size_t n;

	assert_ok(db_open(&f->cx, where, &db));
	assert_ok(db_migrate_whole(&f->cx, db, whole, store_schema, store_schema_count));
	assert_ok(db_columns(&f->cx, db, &columns, &n));
	for (size_t i = 0; i < n; i++)
		buf_addf(&out, "%.*s.%.*s %d %d\n", STR_ARG(columns[i].table),
		    STR_ARG(columns[i].name), columns[i].type, columns[i].key);
	assert_ok(db_stmt(&f->cx, db,
	    backend == ON_SQLITE
		? "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY name"
		: "SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' UNION ALL"
		  " SELECT conrelid::regclass || ' ' || conname || ' ' || pg_get_constraintdef(oid)"
		  " FROM pg_constraint WHERE connamespace = 'public'::regnamespace UNION ALL"
		  " SELECT concat_ws(' ', table_name, column_name, column_default, is_nullable)"
		  " FROM information_schema.columns WHERE table_schema = 'public' ORDER BY 1",
	    &st));
	for (;;) {
		assert_ok(db_step(&f->cx, st, &row));
		if (!row)
			break;
		buf_addf(&out, "%.*s\n", STR_ARG(db_col_text(st, 0, f->arena)));
	}
	assert_ok(db_stmt(&f->cx, db, "SELECT count(*), max(version) FROM schema_version", &st));
	assert_ok(db_step(&f->cx, st, &row));
	buf_addf(&out, "%d %d", (int)db_col_int(st, 0), (int)db_col_int(st, 1));
	db_done(st);
	db_close(db);
	return buf_str(&out);
}

static void
test_the_short_cut_gives_what_the_steps_give(void **state)
{
	struct fixture *f = *state;
	struct str steps = schema_text(f, NULL, "steps.db");

	assert_true(steps.len > 2000);
	assert_str_equal(schema_text(f, &store_schema_whole, "whole.db"), steps);
}

static void
test_an_older_program_refuses_newer_data(void **state)
{
	struct fixture *f = *state;
	struct opened *o = opened(f);
	struct str before;

	create(f, "t1", "One");
	store_close(o->store);
	o->store = NULL;
	by_hand(f, "INSERT INTO schema_version (version) VALUES (1000)");
	before = dump(f, true);
	assert_rc(store_open(&f->cx, o->where, o->keyring, &o->store), E_INPUT);
	assert_string_equal(f->cx.code, "schema-too-new");
	assert_non_null(strstr(f->cx.why, "newer valetkey"));
	assert_non_null(strstr(f->cx.todo, "Start the newer program"));
	assert_str_equal(dump(f, true), before);
}

static void *
open_beside(void *arg)
{
	struct fixture *f = arg;
	struct arena *a = arena_new();
	struct store *s = NULL;
	struct ctx cx;

	ctx_init(&cx, a, f->clock);
	cx.may_block = true;
	if (store_open(&cx, opened(f)->where, opened(f)->keyring, &s) != OK)
		print_error("%s\n", cx.why);
	arena_free(a);
	return s;
}

#define TOGETHER 4

/* One brings it up to date, and the others wait for that. */
static void
test_newer_nodes_that_start_together_all_start(void **state)
{
	struct fixture *f = *state;
	struct opened *o = opened(f);
	struct store *stores[TOGETHER];
	pthread_t threads[TOGETHER];
	struct db *db;

	if (backend == ON_SQLITE)
		return;
	store_close(o->store);
	o->store = NULL;
	o->where = new_where(f, "together.db");
	assert_ok(db_open(&f->cx, o->where, &db));
	assert_ok(db_migrate(&f->cx, db, store_schema, 13));
	write_old_rows(f, db);
	db_close(db);
	for (int i = 0; i < TOGETHER; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, open_beside, f), 0);
	for (int i = 0; i < TOGETHER; i++)
		assert_int_equal(pthread_join(threads[i], (void **)&stores[i]), 0);
	for (int i = 0; i < TOGETHER; i++)
		assert_non_null(stores[i]);
	for (int i = 0; i < TOGETHER; i++)
		store_close(stores[i]);
	open_store(f);
	check_old_rows(f);
}

/* It would write what the newer one cannot open. */
static void
test_no_upgrade_beside_an_older_node(void **state)
{
	struct fixture *f = *state;
	struct opened *o = opened(f);
	struct db_stmt *st;
	int64_t version;
	struct db *older;

	if (backend == ON_SQLITE)
		return; /* nobody else has the file open: locked as a whole */
	store_close(o->store);
	o->store = NULL;
	o->where = new_where(f, "upgrade.db");
	assert_ok(db_open(&f->cx, o->where, &older));
	assert_ok(db_migrate(&f->cx, older, store_schema, 13));
	write_old_rows(f, older);
	assert_ok(db_claim_shared(&f->cx, older));
	f->cx.deadline_ms = 1;
	assert_rc(store_open(&f->cx, o->where, o->keyring, &o->store), E_CONFLICT);
	assert_string_equal(f->cx.code, "older-nodes");
	assert_ok(db_schema_version(&f->cx, older, &version));
	assert_int_equal(version, 13);
	db_close(older);
	f->cx.deadline_ms = 0;
	open_store(f);
	check_old_rows(f);
	/* an older one that comes back, say when its connection does, is refused by the database */
	assert_ok(db_open(&f->cx, o->where, &older));
	assert_ok(db_stmt(&f->cx, older,
	    "UPDATE token SET sealed_version = 2 WHERE id = 't1' AND sealed_version = 1", &st));
	assert_rc(db_run(&f->cx, st, NULL), E_STORE);
	db_close(older);
	/* and others may serve beside this one */
	assert_ok(db_open(&f->cx, o->where, &older));
	assert_ok(db_claim_shared(&f->cx, older));
	db_close(older);
}

const struct CMUnitTest schema_tests[] = {
	STORE_TEST(test_no_step_ever_changed),
	STORE_TEST(test_data_of_every_schema_is_brought_up_to_date),
	STORE_TEST(test_the_short_cut_gives_what_the_steps_give),
	STORE_TEST(test_an_older_program_refuses_newer_data),
	STORE_TEST(test_no_upgrade_beside_an_older_node),
	STORE_TEST(test_newer_nodes_that_start_together_all_start),
};
const size_t schema_test_count = sizeof(schema_tests) / sizeof(schema_tests[0]);
