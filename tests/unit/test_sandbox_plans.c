/* How the database finds what ends, of ten grants as of a million: by its key or its pair, and never by reading all
 * that lives, which is what the indexes of the sweeps offer. */
#include "fixture.h"

#include <sqlite3.h>
#include <string.h>

#include "base/json.h"
#include "crypto/crypto.h"
#include "sandbox/core/sql.h"
#include "sandbox/core/state.h"
#include "sandbox/core/store.h"
#include "sandbox/oauth/ending.h"
#include "sandbox/oauth/grants.h"
#include "sandbox/sandbox.h"

#define GRANTS 10
#define NOTED_MAX 64

static struct {
	struct arena *arena; /* NULL: nothing is noted now */
	sqlite3 *db;
	const char *sql[NOTED_MAX];
	size_t count;
	size_t runs; /* of any, as often as they ran */
} noted;

static bool walked_pair; /* in a plan since noting began */

static int
note(unsigned what, void *arg, void *statement, void *text)
{
	const char *sql = sqlite3_sql(statement);

	(void)what, (void)arg, (void)text;
	if (noted.arena == NULL || sql == NULL)
		return 0;
	noted.runs++;
	for (size_t i = 0; i < noted.count; i++) {
		if (strcmp(noted.sql[i], sql) == 0)
			return 0;
	}
	assert_true(noted.count < NOTED_MAX);
	noted.sql[noted.count++] = str_printf(noted.arena, "%s", sql).p;
	noted.db = sqlite3_db_handle(statement);
	return 0;
}

static void
begin_noting(struct fixture *f)
{
	noted.arena = f->arena;
	noted.count = 0;
	noted.runs = 0;
	walked_pair = false;
}

static int
note_each(sqlite3 *db, const char **why, const struct sqlite3_api_routines *api)
{
	(void)why, (void)api;
	return sqlite3_trace_v2(db, SQLITE_TRACE_STMT, note, NULL);
}

static void
must(enum rc rc)
{
	assert_int_equal(rc, OK);
}

static void
reads_all(const char *sql, const char *step)
{
	static const char *const bad[] = { "grants_ended", "refresh_tokens_spent", "SCAN grants",
		"SCAN g", "SCAN o", "SCAN refresh_tokens", "SCAN links" };

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		const char *at = strstr(step, bad[i]);
		char after = at != NULL ? at[strlen(bad[i])] : 'x';

		if (after != '\0' && after != ' ')
			continue;
		print_error("%s: %s\n", step, sql);
		assert_null(at);
	}
	/* Nor those of its pair that have ended before. */
	if (strstr(step, "grants_pair") != NULL) {
		walked_pair = true;
		if (strstr(step, "AND ended_ms=?)") == NULL)
			print_error("%s: %s\n", step, sql);
		assert_non_null(strstr(step, "AND ended_ms=?)"));
	}
}

/* Of what has run since noting began; `least` that it was this. */
static void
assert_plans(const char *least)
{
	bool met = false;

	noted.arena = NULL;
	for (size_t i = 0; i < noted.count; i++) {
		char *explain = sqlite3_mprintf("EXPLAIN QUERY PLAN %s", noted.sql[i]);
		sqlite3_stmt *st;

		assert_int_equal(sqlite3_prepare_v2(noted.db, explain, -1, &st, NULL), SQLITE_OK);
		while (sqlite3_step(st) == SQLITE_ROW)
			reads_all(noted.sql[i], (const char *)sqlite3_column_text(st, 3));
		sqlite3_finalize(st);
		sqlite3_free(explain);
		met = met || strstr(noted.sql[i], least) != NULL;
	}
	assert_true(met);
}

static void
run(struct fixture *f, struct sandbox *s, const char *sql)
{
	must(store_enter(s, &f->cx, STORE_WRITE));
	must(store_leave(s, &f->cx, STORE_WRITE, sql_exec(&f->cx, s->db, NULL, sql, SQL_ARGS())));
}

static struct str
text(struct fixture *f, struct sandbox *s, const char *sql)
{
	struct db_stmt *st;
	struct str got;
	bool row;

	must(store_enter(s, &f->cx, STORE_READ));
	must(sql_bind(&f->cx, s->db, sql, SQL_ARGS(), &st));
	must(db_step(&f->cx, st, &row));
	assert_true(row);
	got = db_col_text(st, 0, f->arena);
	db_done(st);
	must(store_leave(s, &f->cx, STORE_READ, OK));
	return got;
}

/* One app that is connected to one account by ten grants. */
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
	    " secret_digest, secret_sealed, created_ms) SELECT 'one', id, 'one', 'one', 'dropbox',"
	    " 'full', 'account_info.read', x'00', x'00', 1 FROM accounts LIMIT 1");
	run(f, s,
	    "INSERT INTO links (id, app_key, account_id, scopes, connected_ms)"
	    " SELECT 'link', app_key, owner_id, scopes, 1 FROM apps");
	run(f, s,
	    "WITH RECURSIVE i(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM i WHERE n < 9)"
	    " INSERT INTO grants (id, app_key, account_id, scopes, offline, created_ms)"
	    " SELECT 'g' || n, app_key, owner_id, scopes, 1, 1 FROM i, apps");
	run(f, s,
	    "INSERT INTO refresh_tokens (digest, grant_id, generation, issued_ms)"
	    " SELECT CAST(id AS BLOB), id, 1, 1 FROM grants");
	run(f, s,
	    "INSERT INTO access_tokens (digest, grant_id, scopes, expires_ms, watched, born)"
	    " SELECT CAST(id AS BLOB), id, NULL, 1 << 60, 0, 1 FROM grants");
	return s;
}

static void
end(struct fixture *f, struct sandbox *s, enum ending_by by, struct str name, int64_t grants)
{
	struct ended n;

	begin_noting(f);
	must(tokens_revoke(s, &f->cx, &(struct ending){ by, name }, &n));
	assert_plans(grants > 0 ? "DELETE FROM links" : "FROM grants");
	assert_int_equal(n.grants, grants);
	assert_int_equal(n.access_tokens, grants);
	assert_int_equal(n.refresh_tokens, grants);
}

static void
whoever_is_named_is_found_without_reading_all_that_live(void **state)
{
	static const char alive_again[] = "UPDATE grants SET ended_ms = 0 WHERE id > 'g1'";
	static const char tokens_again[] =
	    "INSERT INTO refresh_tokens (digest, grant_id, generation, issued_ms)"
	    " SELECT CAST(id AS BLOB), id, 1, 1 FROM grants WHERE id > 'g1'";
	struct fixture *f = *state;
	struct sandbox *s = start(f);
	struct str account = text(f, s, "SELECT owner_id FROM apps");
	struct str email = text(f, s, "SELECT email FROM accounts JOIN apps ON owner_id = id");

	end(f, s, ENDING_GRANT, S("g1"), 1);
	assert_str_equal(text(f, s, "SELECT id FROM links"), S("link")); /* nine are left */
	end(f, s, ENDING_GRANT, S("g1"), 0);
	end(f, s, ENDING_APP, S("one"), GRANTS - 1);
	assert_str_equal(text(f, s, "SELECT count(*) || '' FROM links"), S("0"));
	run(f, s, alive_again);
	run(f, s, tokens_again);
	end(f, s, ENDING_ACCOUNT, account, GRANTS - 2);
	run(f, s, alive_again);
	run(f, s, tokens_again);
	end(f, s, ENDING_EMAIL, email, GRANTS - 2);
	sandbox_free(s);
}

static void
a_grant_and_a_link_end_without_reading_all_that_live(void **state)
{
	struct fixture *f = *state;
	struct sandbox *s = start(f);
	struct str account = text(f, s, "SELECT owner_id FROM apps");
	json_t *list;

	begin_noting(f);
	must(store_enter(s, &f->cx, STORE_WRITE));
	must(store_leave(s, &f->cx, STORE_WRITE, grant_revoke(s, &f->cx, S("g1"))));
	assert_plans("DELETE FROM links");
	assert_true(walked_pair);

	begin_noting(f);
	must(store_enter(s, &f->cx, STORE_READ));
	must(store_leave(s, &f->cx, STORE_READ, links_json(s, &f->cx, account, &list)));
	assert_plans("FROM links");
	assert_int_equal(json_array_size(list), 1);
	json_decref(list);

	begin_noting(f);
	must(store_enter(s, &f->cx, STORE_WRITE));
	must(store_leave(s, &f->cx, STORE_WRITE, link_end(s, &f->cx, S("link"), account)));
	assert_plans("FROM grants");
	assert_true(noted.runs < GRANTS); /* not one by one */
	assert_str_equal(text(f, s,
			     "SELECT (SELECT count(*) FROM grants WHERE ended_ms = 0) || ' '"
			     " || (SELECT max(revocations) FROM grants) || ' '"
			     " || (SELECT count(*) FROM refresh_tokens) || ' '"
			     " || (SELECT count(*) FROM links)"),
	    S("0 1 0 0"));
	sandbox_free(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(whoever_is_named_is_found_without_reading_all_that_live),
		TEST(a_grant_and_a_link_end_without_reading_all_that_live),
	};

	sqlite3_auto_extension((void (*)(void))note_each);
	json_setup();
	crypto_setup();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
