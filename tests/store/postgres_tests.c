/* What only a server can do: go away, come back, hang, be busy. */
#include "suite.h"

#include <pthread.h>
#include <signal.h>

#include "cluster.h"
#include "db/db.h"
#include "db/postgres_link.h"
#include "store/copy.h"

#define END_ALL                                                        \
	"SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity" \
	" WHERE application_name = 'valetkey'"

static void
test_a_connection_that_ended_is_made_again_unnoticed(void **state)
{
	struct fixture *f = *state;
	struct token t;

	create(f, "t1", "One");
	cluster_sql(END_ALL);
	assert_ok(store_token_get(store(f), &f->cx, S("t1"), &t));
	cluster_sql(END_ALL);
	create(f, "t2", "Two"); /* a transaction */
	cluster_sql(END_ALL);
	assert_ok(store_token_postpone(
	    store(f), &f->cx, S("t2"), t.due_ms, NOW + 7)); /* a single write */
	assert_ok(store_token_get(store(f), &f->cx, S("t2"), &t));
	assert_int_equal(t.due_ms, NOW + 7);
}

struct server {
	const char *where;
	struct db *db; /* its connection */
	bool asked;
};

static int64_t
asked(struct ctx *cx, struct db *db)
{
	struct db_stmt *st;
	int64_t count;
	bool row;

	if (db_stmt(cx, db,
		"SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_try_adv%'",
		&st) != OK ||
	    db_step(cx, st, &row) != OK)
		return -1;
	count = db_col_int(st, 0);
	db_done(st);
	return count;
}

/* Stops once somebody has asked whether it is alone. */
static void *
serve_until_asked(void *arg)
{
	struct server *server = arg;
	struct arena *arena = arena_new();
	struct db *watch = NULL;
	struct ctx cx;

	ctx_init(&cx, arena, NULL);
	if (db_open(&cx, server->where, &watch) == OK) {
		int64_t count;

		while ((count = asked(&cx, watch)) == 0)
			clock_pause_ms(1);
		server->asked = count > 0;
	}
	db_close(watch);
	db_close(server->db);
	arena_free(arena);
	return NULL;
}

/* The server knows of a connection for a moment after it has ended. */
static void
test_a_copy_waits_for_who_stops_just_now(void **state)
{
	struct fixture *f = *state;
	struct server server = { .where = opened(f)->where };
	struct store_copy copy = {
		.from = server.where, .to = fixture_path(f, "copy.db"), .moving = true
	};
	pthread_t thread;

	store_close(opened(f)->store);
	opened(f)->store = NULL;
	assert_ok(db_open(&f->cx, server.where, &server.db));
	assert_ok(db_claim_shared(&f->cx, server.db));
	assert_int_equal(pthread_create(&thread, NULL, serve_until_asked, &server), 0);
	assert_ok(store_copy(&f->cx, &copy));
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_true(server.asked);
}

static void
test_a_crash_is_unavailable_until_the_server_is_back(void **state)
{
	struct fixture *f = *state;
	struct token_secrets s;
	struct token t;
	int64_t began;

	create(f, "t1", "One");
	cluster_crash();
	assert_rc(store_token_get(store(f), &f->cx, S("t1"), &t), E_STORE);
	assert_string_equal(f->cx.code, "store-unavailable");
	began = clock_mono_ms();
	ctx_clear(&f->cx);
	assert_rc(store_token_delete(store(f), &f->cx, S("t1"), NOW), E_STORE);
	assert_string_equal(f->cx.code, "store-unavailable");
	assert_true(clock_mono_ms() - began < 3000); /* nobody queues up behind it */
	cluster_start_again();
	for (int i = 0; i < 1500; i++) {
		ctx_clear(&f->cx);
		if (store_token_secrets(store(f), &f->cx, S("t1"), &s) == OK)
			break;
		usleep(20000); /* it asks again after half a second, not at every call */
	}
	assert_ok(store_token_secrets(store(f), &f->cx, S("t1"), &s));
	assert_true(crypto_equal(s.refresh, plain.refresh));
}

static enum rc
exec(struct fixture *f, struct pg_link *l, const char *sql)
{
	TRY(pg_link_ready(&f->cx, l, false));
	return pg_link_exec(&f->cx, l, sql);
}

/* A frozen server keeps its sockets open and answers nothing. */
static void
test_a_server_that_hangs_holds_nobody(void **state)
{
	struct fixture *f = *state;
	struct pg_link l;
	int64_t began;
	pid_t pid;

	assert_ok(pg_link_open(&f->cx, &l, opened(f)->where));
	l.patience_ms = 200;
	pid = PQbackendPID(l.conn);
	kill(pid, SIGSTOP);
	began = clock_mono_ms();
	assert_rc(exec(f, &l, "SELECT 1"), E_STORE);
	assert_string_equal(f->cx.code, "store-unavailable");
	assert_true(clock_mono_ms() - began >= 200);
	kill(pid, SIGCONT);
	/* For a moment everybody is told at once, then it connects anew. */
	assert_rc(exec(f, &l, "SELECT 1"), E_STORE);
	l.try_at_ms = 0;
	ctx_clear(&f->cx);
	assert_ok(exec(f, &l, "SELECT 1"));
	pg_link_close(&l);
}

static void
test_who_holds_a_row_makes_others_busy(void **state)
{
	struct fixture *f = *state;
	struct pg_link a, b;

	create(f, "t1", "One");
	assert_ok(pg_link_open(&f->cx, &a, opened(f)->where));
	assert_ok(pg_link_open(&f->cx, &b, opened(f)->where));
	assert_ok(exec(f, &a, "BEGIN; UPDATE token SET attempts = 1"));
	assert_ok(exec(f, &b, "SET lock_timeout = '20ms'"));
	assert_rc(exec(f, &b, "UPDATE token SET attempts = 2"), E_BUSY);
	assert_ok(exec(f, &b, "SET statement_timeout = '20ms'; SET lock_timeout = 0"));
	ctx_clear(&f->cx);
	assert_rc(exec(f, &b, "UPDATE token SET attempts = 2"), E_BUSY);
	pg_link_close(&a);
	pg_link_close(&b);
}

/* A primary that became a standby refuses to write: the next connection looks for the new one. */
static void
test_a_read_only_server_is_left(void **state)
{
	struct fixture *f = *state;
	struct pg_link l;
	uint64_t generation;

	assert_ok(pg_link_open(&f->cx, &l, opened(f)->where));
	generation = l.generation;
	assert_ok(exec(f, &l, "SET default_transaction_read_only = on"));
	assert_rc(exec(f, &l, "CREATE TABLE x (y BIGINT)"), E_STORE);
	assert_string_equal(f->cx.code, "store-unavailable");
	ctx_clear(&f->cx);
	assert_ok(exec(f, &l, "CREATE TABLE x (y BIGINT)"));
	assert_int_equal(l.generation, generation + 1);
	pg_link_close(&l);
}

/* A commit survives a power cut even where the server's default is a faster one. */
static void
test_commits_are_durable_whatever_the_default(void **state)
{
	struct fixture *f = *state;
	struct db *db;
	struct db_stmt *st;
	bool row;

	cluster_sql("ALTER ROLE valetkey SET synchronous_commit = off");
	assert_ok(db_open(&f->cx, opened(f)->where, &db));
	assert_ok(db_stmt(&f->cx, db, "SELECT current_setting('synchronous_commit')", &st));
	assert_ok(db_step(&f->cx, st, &row));
	assert_str_equal(db_col_text(st, 0, f->arena), S("on"));
	db_close(db);
	cluster_sql("ALTER ROLE valetkey RESET synchronous_commit");
}

static void
test_an_address_never_shows_its_password(void **state)
{
	static const char *const bad[] = {
		"postgres://me:hunter2@127.0.0.1:1/db?connect_timeout=1",
		"postgres://me:hunter2@127.0.0.1:port/db",
		"postgres://me:hunter2@127.0.0.1/db?nosuch=hunter2",
		"postgres://me:hunter2%ZZ@127.0.0.1/db",
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct pg_link l;

		ctx_clear(&f->cx);
		assert_int_not_equal(pg_link_open(&f->cx, &l, bad[i]), OK);
		assert_null(strstr(f->cx.why, "hunter2"));
		assert_null(strstr(f->cx.todo, "hunter2"));
		assert_false(str_contains(db_describe(f->arena, bad[i]), S("hunter2")));
		pg_link_close(&l);
	}
	assert_str_equal(db_describe(f->arena, bad[0]), S("PostgreSQL at 127.0.0.1:1/db"));
}

const struct CMUnitTest postgres_tests[] = {
	STORE_TEST(test_a_copy_waits_for_who_stops_just_now),
	STORE_TEST(test_a_connection_that_ended_is_made_again_unnoticed),
	STORE_TEST(test_a_crash_is_unavailable_until_the_server_is_back),
	STORE_TEST(test_a_server_that_hangs_holds_nobody),
	STORE_TEST(test_who_holds_a_row_makes_others_busy),
	STORE_TEST(test_a_read_only_server_is_left),
	STORE_TEST(test_commits_are_durable_whatever_the_default),
	STORE_TEST(test_an_address_never_shows_its_password),
};
const size_t postgres_test_count = sizeof(postgres_tests) / sizeof(postgres_tests[0]);
