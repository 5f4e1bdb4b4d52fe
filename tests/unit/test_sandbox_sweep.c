/* What is dead for long goes away, a little at a time, and nothing else does; and access tokens of an
 * earlier release work on. */
#include "fixture.h"

#include "base/json.h"
#include "crypto/crypto.h"
#include "sandbox/core/schema.h"
#include "sandbox/core/sql.h"
#include "sandbox/core/state.h"
#include "sandbox/core/store.h"
#include "sandbox/oauth/issue.h"
#include "sandbox/oauth/sweep.h"
#include "sandbox/sandbox.h"

static void
must(enum rc rc)
{
	assert_int_equal(rc, OK);
}

static struct sandbox *
start(struct fixture *f)
{
	const struct sandbox_config cfg = {
		.data_dir = f->dir, .clock = f->clock, .public_url = S("http://127.0.0.1:1")
	};
	struct sandbox *s;

	must(sandbox_new(&f->cx, &cfg, &s));
	return s;
}

static void
run(struct fixture *f, struct db *db, const char *sql, int64_t n)
{
	must(sql_exec(&f->cx, db, NULL, sql, SQL_ARGS(I(n))));
}

static int64_t
count(struct fixture *f, struct sandbox *s, const char *sql)
{
	int64_t n;

	must(sql_count(&f->cx, s->db, sql, SQL_ARGS(), &n));
	return n;
}

#define APP                                                                                   \
	"INSERT INTO apps (app_key, owner_id, name, name_folded, api, access, scopes,"        \
	" secret_digest, secret_sealed, created_ms) SELECT 'anapp', id, 'A', 'a', 'dropbox'," \
	" 'full', 'account_info.read', x'00', x'00', $1 FROM accounts WHERE email = (SELECT"  \
	" min(email) FROM accounts)"
#define GRANT(id)                                                                   \
	"INSERT INTO grants (id, app_key, account_id, scopes, offline, created_ms)" \
	" SELECT '" id "', 'anapp', owner_id, 'account_info.read', 1, $1 FROM apps" \
	" WHERE app_key = 'anapp'"
/* Keys as those of tokens that were made one after the other. */
#define TOKENS(n, grant, from, expires)                                                    \
	"WITH RECURSIVE i(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM i WHERE n < " n ")"  \
	" INSERT INTO access_tokens (digest, grant_id, scopes, expires_ms, watched, born)" \
	" SELECT CAST(printf('%012x%032d', " from " + n, n) AS BLOB), '" grant "', NULL,"  \
	" " expires ", 0, n FROM i WHERE $1 = $1"

static void
a_sweep_takes_a_little_at_a_time_and_leaves_what_lives(void **state)
{
	struct fixture *f = *state;
	struct sandbox *s = start(f);
	int64_t before, now_ms = clock_now_ms(f->clock);

	must(store_enter(s, &f->cx, STORE_WRITE));
	run(f, s->db, APP, now_ms);
	run(f, s->db, GRANT("lives"), now_ms);
	run(f, s->db, GRANT("ended"), now_ms);
	run(f, s->db, "UPDATE grants SET ended_ms = $1 WHERE id = 'ended'", now_ms);
	run(f, s->db, TOKENS("700", "lives", "1000", "2000"), 0);    /* expired */
	run(f, s->db, TOKENS("300", "lives", "9000", "1 << 60"), 0); /* good */
	run(f, s->db, TOKENS("300", "ended", "12000", "9223372036854775807"), 0);
	run(f, s->db, TOKENS("300", "nobody", "15000", "9223372036854775807"), 0);
	sweep_anew(s->sweep);
	for (int turn = 0; turn < 7; turn++) {
		before = count(f, s, "SELECT count(*) FROM access_tokens");
		must(grants_sweep(s, &f->cx));
		assert_true(
		    before - count(f, s, "SELECT count(*) FROM access_tokens") <= SWEEP_ROWS);
		clock_set_offset_ms(f->clock, (turn + 1) * MINUTE_MS);
	}
	assert_int_equal(count(f, s, "SELECT count(*) FROM access_tokens"), 300);
	assert_int_equal(
	    count(f, s, "SELECT count(*) FROM access_tokens WHERE grant_id = 'lives'"), 300);
	must(store_leave(s, &f->cx, STORE_WRITE, OK));
	sandbox_free(s);
}

/* An access token of 64 letters, as those without an end have: its key is the digest alone. */
#define OLD_TOKEN "oldoldoldoldoldoldoldoldoldoldoldoldoldoldoldoldoldoldoldoldoldo"

static void
an_access_token_of_the_release_before_works_until_its_grant_ends(void **state)
{
	struct fixture *f = *state;
	struct secret token = secret_of(S(OLD_TOKEN));
	struct caller who;
	struct keyring *keys;
	struct sandbox *s;
	struct db *db;

	must(keyring_open(&f->cx, fixture_path(f, "sandbox.key"), KEY_MAKE, false, &keys));
	must(db_open(&f->cx, fixture_path(f, "sandbox.db"), &db));
	must(db_migrate(&f->cx, db, schema_steps, 3));
	run(f, db,
	    "INSERT INTO accounts (id, uid, email, given_name, surname, kind, role, member_id,"
	    " namespace_id, password_hash, password_sealed, created_ms)"
	    " VALUES ('dbid:old', 1, 'old@example.com', 'O', 'L', 'basic', NULL, NULL, '1', '',"
	    " x'00', $1)",
	    1);
	run(f, db, APP, 1);
	run(f, db, GRANT("old"), 1);
	must(sql_exec(&f->cx, db, NULL,
	    "INSERT INTO tokens (digest, grant_id, scopes, expires_ms)"
	    " VALUES ($1, 'old', 'account_info.read', $2)",
	    SQL_ARGS(B(crypto_digest(keys, f->arena, S("sandbox.access"), token)), I(NEVER_MS))));
	db_close(db);
	keyring_free(keys);

	s = start(f);
	must(store_enter(s, &f->cx, STORE_WRITE));
	must(token_find(s, &f->cx, token, &who));
	assert_str_equal(who.grant_id, S("old"));
	must(grant_revoke(s, &f->cx, who.grant_id));
	assert_int_equal(token_find(s, &f->cx, token, &who), E_AUTH);
	must(store_leave(s, &f->cx, STORE_WRITE, OK));
	sandbox_free(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_sweep_takes_a_little_at_a_time_and_leaves_what_lives),
		TEST(an_access_token_of_the_release_before_works_until_its_grant_ends),
	};

	json_setup();
	crypto_setup();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
