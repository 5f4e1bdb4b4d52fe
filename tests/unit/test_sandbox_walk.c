/* Many access tokens: they are counted and ended page by page, each once, and whoever asks again how many there
 * are need not wait for a count. */
#include "fixture.h"

#include "base/json.h"
#include "crypto/crypto.h"
#include "sandbox/core/sql.h"
#include "sandbox/core/state.h"
#include "sandbox/core/store.h"
#include "sandbox/oauth/ending.h"
#include "sandbox/oauth/issue.h"
#include "sandbox/oauth/sweep.h"
#include "sandbox/oauth/tally.h"
#include "sandbox/oauth/walk.h"
#include "sandbox/sandbox.h"

#define TOKENS 10000 /* of three pages */
#define GRANTS 600   /* the same */
#define PAGES 3

static void
must(enum rc rc)
{
	assert_int_equal(rc, OK);
}

static void
run(struct fixture *f, struct sandbox *s, const char *sql, int64_t n)
{
	must(store_enter(s, &f->cx, STORE_WRITE));
	must(store_leave(
	    s, &f->cx, STORE_WRITE, sql_exec(&f->cx, s->db, NULL, sql, SQL_ARGS(I(n)))));
}

static int64_t
count(struct fixture *f, struct sandbox *s, const char *sql)
{
	int64_t n;

	must(store_enter(s, &f->cx, STORE_READ));
	must(sql_count(&f->cx, s->db, sql, SQL_ARGS(), &n));
	must(store_leave(s, &f->cx, STORE_READ, OK));
	return n;
}

/* Two apps; every third grant, and so every third token, is of the second. Each grant has a refresh token. */
static struct sandbox *
start(struct fixture *f)
{
	const struct sandbox_config cfg = {
		.data_dir = f->dir, .clock = f->clock, .public_url = S("http://127.0.0.1:1")
	};
	struct sandbox *s;

	must(sandbox_new(&f->cx, &cfg, &s));
	run(f, s,
	    "INSERT INTO apps (app_key, owner_id, name, name_folded, api, access, scopes,"
	    " secret_digest, secret_sealed, created_ms) SELECT n.k, a.id, n.k, n.k, 'dropbox',"
	    " 'full', 'account_info.read', x'00', x'00', $1 FROM (SELECT id FROM accounts LIMIT 1) "
	    "a,"
	    " (SELECT 'one' AS k UNION SELECT 'two') n",
	    1);
	run(f, s,
	    "WITH RECURSIVE i(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM i WHERE n + 1 < $1)"
	    " INSERT INTO grants (id, app_key, account_id, scopes, offline, created_ms)"
	    " SELECT printf('g%05d', n), CASE n % 3 WHEN 0 THEN 'two' ELSE 'one' END,"
	    " (SELECT owner_id FROM apps LIMIT 1), 'account_info.read', 1, 1 FROM i",
	    GRANTS);
	run(f, s,
	    "INSERT INTO refresh_tokens (digest, grant_id, generation, issued_ms)"
	    " SELECT CAST(id AS BLOB), id, 1, $1 FROM grants",
	    1);
	run(f, s,
	    "WITH RECURSIVE i(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM i WHERE n + 1 < $1)"
	    " INSERT INTO access_tokens (digest, grant_id, scopes, expires_ms, watched, born)"
	    " SELECT CAST(printf('%012x%032d', n, n) AS BLOB), printf('g%05d', n % 600), NULL,"
	    " 1 << 60, 0, n / 600 + 1 FROM i",
	    TOKENS);
	return s;
}

#define OF_TWO                                                                          \
	"SELECT count(*) FROM access_tokens t JOIN grants g ON g.id = t.grant_id WHERE" \
	" g.app_key = 'two'"
#define LIVE_OF_TWO OF_TWO " AND t.expires_ms = 1 << 60"
#define LIVE "SELECT count(*) FROM access_tokens WHERE expires_ms = 1 << 60"

static void
those_of_an_app_run_out_page_by_page(void **state)
{
	struct fixture *f = *state;
	struct sandbox *s = start(f);
	struct ending which = { ENDING_APP, S("two") };
	int64_t of_two = count(f, s, OF_TWO);
	uint64_t commits = db_commits(s->db);
	struct ended n;

	must(tokens_expire(s, &f->cx, &which, &n));
	assert_true(db_commits(s->db) - commits >= PAGES);
	assert_int_equal(n.access_tokens, of_two);
	assert_int_equal(n.grants, GRANTS / 3);
	assert_int_equal(n.refresh_tokens, 0);
	assert_int_equal(count(f, s, LIVE_OF_TWO), 0);
	assert_int_equal(count(f, s, LIVE), TOKENS - of_two);
	must(tokens_expire(s, &f->cx, &which, &n)); /* they have run out */
	assert_int_equal(n.access_tokens, 0);
	assert_int_equal(n.grants, 0);
	sandbox_free(s);
}

static void
those_of_one_grant_run_out_alone(void **state)
{
	struct fixture *f = *state;
	struct sandbox *s = start(f);
	struct ending which = { ENDING_GRANT, S("g00399") };
	struct ended n;

	must(tokens_expire(s, &f->cx, &which, &n));
	assert_int_equal(n.access_tokens, TOKENS / GRANTS + 1);
	assert_int_equal(n.grants, 1);
	assert_int_equal(count(f, s, LIVE), TOKENS - n.access_tokens);
	must(tokens_revoke(s, &f->cx, &which, &n));
	assert_int_equal(n.access_tokens, 0);
	assert_int_equal(n.refresh_tokens, 1);
	assert_int_equal(n.grants, 1);
	assert_int_equal(count(f, s, "SELECT count(*) FROM grants WHERE ended_ms > 0"), 1);
	sandbox_free(s);
}

static void
grants_of_an_account_end_page_by_page(void **state)
{
	struct fixture *f = *state;
	struct sandbox *s = start(f);
	struct ending which = { .by = ENDING_ACCOUNT };
	struct ended n;
	struct db_stmt *st;
	uint64_t commits;
	bool row;

	must(store_enter(s, &f->cx, STORE_READ));
	must(sql_bind(&f->cx, s->db, "SELECT owner_id FROM apps", SQL_ARGS(), &st));
	must(db_step(&f->cx, st, &row));
	which.value = db_col_text(st, 0, f->arena);
	db_done(st);
	must(store_leave(s, &f->cx, STORE_READ, OK));
	commits = db_commits(s->db);
	must(tokens_revoke(s, &f->cx, &which, &n));
	assert_true(db_commits(s->db) - commits >= PAGES);
	assert_int_equal(n.access_tokens, TOKENS);
	assert_int_equal(n.refresh_tokens, GRANTS);
	assert_int_equal(n.grants, GRANTS);
	assert_int_equal(count(f, s, "SELECT count(*) FROM grants WHERE ended_ms = 0"), 0);
	assert_int_equal(count(f, s, "SELECT count(*) FROM refresh_tokens"), 0);
	sandbox_free(s);
}

static int64_t
tally(struct fixture *f, struct sandbox *s)
{
	int64_t n;

	must(tally_count(s, &f->cx, &n));
	return n;
}

static enum rc
issue(struct fixture *f, struct sandbox *s)
{
	const struct grant g = { .id = S("g00001"), .app_key = S("one"), .offline = true };
	struct issued out = { .at_ms = clock_now_ms(f->clock) };

	return access_issue(s, &f->cx, &g, (struct birth){ .number = 99 }, &out);
}

static void
the_count_is_right_whatever_is_made_undone_or_swept(void **state)
{
	struct fixture *f = *state;
	struct sandbox *s = start(f);
	struct ended n;

	assert_int_equal(tally(f, s), TOKENS);
	must(store_enter(s, &f->cx, STORE_WRITE));
	must(store_leave(s, &f->cx, STORE_WRITE, issue(f, s)));
	assert_int_equal(tally(f, s), TOKENS + 1);
	must(store_enter(s, &f->cx, STORE_WRITE));
	must(issue(f, s));
	assert_int_equal(store_leave(s, &f->cx, STORE_WRITE, E_INPUT), E_INPUT);
	assert_int_equal(tally(f, s), TOKENS + 1);

	must(tokens_revoke(s, &f->cx, &(struct ending){ ENDING_GRANT, S("g00001") }, &n));
	assert_int_equal(tally(f, s), TOKENS + 1 - n.access_tokens);

	run(f, s, "UPDATE access_tokens SET expires_ms = $1 WHERE grant_id = 'g00002'", 1);
	assert_int_equal(tally(f, s), TOKENS + 1 - n.access_tokens);
	clock_set_offset_ms(f->clock, 10 * MINUTE_MS);
	sweep_anew(s->sweep);
	must(store_enter(s, &f->cx, STORE_WRITE));
	must(grants_sweep(s, &f->cx)); /* one that ran out long ago, one of the grant that ended */
	must(store_leave(s, &f->cx, STORE_WRITE, OK));
	assert_int_equal(count(f, s, "SELECT count(*) FROM access_tokens"), TOKENS - 1);
	assert_int_equal(tally(f, s), TOKENS - n.access_tokens);
	sandbox_free(s);
}

/* What was counted stands under the stamp: a row that goes without anybody's knowing is not missed. */
static void
a_count_that_stands_is_not_made_again(void **state)
{
	struct fixture *f = *state;
	struct sandbox *s = start(f);

	assert_int_equal(tally(f, s), TOKENS);
	run(f, s, "DELETE FROM access_tokens WHERE born < $1", 2);
	must(store_enter(s, &f->cx, STORE_READ));
	s->stamp -= 2; /* as if that had not been: one statement, and the end of its transaction */
	must(store_leave(s, &f->cx, STORE_READ, OK));
	assert_int_equal(tally(f, s), TOKENS);
	s->stamp++;
	assert_int_equal(tally(f, s), TOKENS - GRANTS);
	sandbox_free(s);
}

/* Offline grants and others stand in two parts of one index. */
static void
the_newest_grants_come_first_of_either_kind(void **state)
{
	struct fixture *f = *state;
	struct sandbox *s = start(f);
	json_t *list;

	run(f, s, "UPDATE grants SET offline = 0, created_ms = $1 WHERE id IN ('g00007', 'g00009')",
	    7);
	run(f, s, "UPDATE grants SET created_ms = $1 WHERE id IN ('g00008', 'g00003')", 7);
	run(f, s, "UPDATE grants SET created_ms = $1 WHERE id = 'g00100'", 9);
	must(store_enter(s, &f->cx, STORE_READ));
	must(grants_state_json(s, &f->cx, &list));
	must(store_leave(s, &f->cx, STORE_READ, OK));
	assert_int_equal(json_array_size(list), GRANTS);
	for (size_t i = 0; i < 6; i++) {
		static const char *const want[] = { "g00100", "g00003", "g00007", "g00008",
			"g00009", "g00000" };

		assert_string_equal(
		    json_string_value(json_object_get(json_array_get(list, i), "grant_id")),
		    want[i]);
	}
	json_decref(list);
	sandbox_free(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(those_of_an_app_run_out_page_by_page),
		TEST(those_of_one_grant_run_out_alone),
		TEST(grants_of_an_account_end_page_by_page),
		TEST(the_count_is_right_whatever_is_made_undone_or_swept),
		TEST(the_newest_grants_come_first_of_either_kind),
		TEST(a_count_that_stands_is_not_made_again),
	};

	json_setup();
	crypto_setup();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
