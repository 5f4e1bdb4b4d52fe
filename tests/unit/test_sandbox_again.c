/* One request of those that share a transaction fails after it has written: the others are answered as if it
 * had not been there, and the counts of refreshes outlive whatever is taken back. */
#include "fixture.h"

#include "base/json.h"
#include "crypto/crypto.h"
#include "http/frame.h"
#include "sandbox/core/sql.h"
#include "sandbox/core/state.h"
#include "sandbox/core/store.h"
#include "sandbox/oauth/counts.h"
#include "sandbox/sandbox.h"

#define APP "againkey0000001"
#define MANY 3

static const char seed[] =
    "{\"accounts\":[{\"email\":\"ann@example.com\",\"password\":\"not a secret\","
    "\"given_name\":\"Ann\",\"surname\":\"Example\"}],"
    "\"apps\":[{\"name\":\"Again\",\"owner\":\"ann@example.com\",\"app_key\":\"" APP "\","
    "\"app_secret\":\"" APP "\",\"personality\":{\"rotation\":\"%s\"}}],\"grants\":["
    "{\"app\":\"" APP
    "\",\"account\":\"ann@example.com\",\"offline\":true,\"refresh_token\":\"%s\"},"
    "{\"app\":\"" APP
    "\",\"account\":\"ann@example.com\",\"offline\":true,\"refresh_token\":\"%s\"},"
    "{\"app\":\"" APP
    "\",\"account\":\"ann@example.com\",\"offline\":true,\"refresh_token\":\"%s\"}]}";

static void
must(enum rc rc)
{
	assert_int_equal(rc, OK);
}

static const char *
refresh_token(struct fixture *f, int i)
{
	char *token = arena_alloc(f->arena, 65);

	memset(token, 'a' + i, 64);
	return token;
}

static struct sandbox *
start(struct fixture *f, const char *rotation)
{
	struct sandbox_config cfg = { .data_dir = fixture_path(f, "data"),
		.clock = f->clock,
		.public_url = S("http://127.0.0.1:1"),
		.seed_file = fixture_path(f, "seed.json") };
	struct str text = str_printf(f->arena, seed, rotation, refresh_token(f, 0),
	    refresh_token(f, 1), refresh_token(f, 2));
	FILE *file = fopen(cfg.seed_file, "w");
	struct sandbox *s;

	assert_non_null(file);
	assert_int_equal(fwrite(text.p, 1, text.len, file), text.len);
	fclose(file);
	must(sandbox_new(&f->cx, &cfg, &s));
	return s;
}

static int64_t
number(struct fixture *f, struct sandbox *s, const char *sql)
{
	int64_t n;

	must(store_enter(s, &f->cx, STORE_READ));
	must(sql_count(&f->cx, s->db, sql, SQL_ARGS(), &n));
	must(store_leave(s, &f->cx, STORE_READ, OK));
	return n;
}

static void
run_sql(struct fixture *f, struct sandbox *s, const char *sql)
{
	must(store_enter(s, &f->cx, STORE_WRITE));
	must(store_leave(s, &f->cx, STORE_WRITE, sql_exec(&f->cx, s->db, NULL, sql, SQL_ARGS())));
}

/* The database fails at the last write of the refresh of one grant of the three. */
static void
break_second(struct fixture *f, struct sandbox *s)
{
	run_sql(f, s,
	    "CREATE TEMP TRIGGER broken BEFORE UPDATE ON grants WHEN OLD.id ="
	    " (SELECT id FROM grants ORDER BY rowid LIMIT 1 OFFSET 1)"
	    " BEGIN SELECT RAISE(ABORT, 'broken'); END");
}

static const struct http_route *
token_route(const struct http_site *site)
{
	for (size_t i = 0; i < site->route_count; i++)
		if (strcmp(site->routes[i].path, "/oauth2/token") == 0 &&
		    site->routes[i].method == HTTP_M_POST)
			return &site->routes[i];
	abort();
}

/* Refreshes of the first `count` grants that wait together: the statuses. */
static void
refresh(struct fixture *f, struct sandbox *s, size_t count, int status[MANY])
{
	const struct http_site *site = sandbox_site(s);
	const struct frame frame = { .site = site, .name = "test" };
	struct exchange *xs[MANY];
	size_t ran = 0;

	for (size_t i = 0; i < count; i++) {
		struct exchange *x = xs[i] = ARENA_NEW(f->arena, struct exchange);

		ctx_init(&x->cx, f->arena, f->clock);
		x->res.arena = f->arena;
		x->req = (struct http_req){ .method = HTTP_M_POST,
			.path = S("/oauth2/token"),
			.route = token_route(site),
			.body_fd = -1,
			.peer_is_loopback = true,
			.header_count = 1,
			.headers = { { S("Content-Type"),
			    S("application/x-www-form-urlencoded") } },
			.body = str_printf(f->arena,
			    "grant_type=refresh_token&client_id=" APP "&client_secret=" APP
			    "&refresh_token=%s",
			    refresh_token(f, (int)i)) };
	}
	while (ran < count)
		ran += frame_batch_run(&frame, xs + ran, count - ran);
	for (size_t i = 0; i < count; i++)
		status[i] = xs[i]->res.status;
}

#define SPENT "SELECT count(*) FROM refresh_tokens WHERE spent_ms > 0"
#define COUNTED "SELECT sum(refreshes) FROM grants"

static void
one_that_fails_after_writing_is_undone_alone(void **state)
{
	struct fixture *f = *state;
	struct sandbox *s = start(f, "single");
	int status[MANY];

	break_second(f, s);
	refresh(f, s, MANY, status);
	assert_int_equal(status[0], 200);
	assert_int_equal(status[1], 500);
	assert_int_equal(status[2], 200);
	assert_int_equal(number(f, s, "SELECT count(*) FROM access_tokens"), 2);
	assert_int_equal(number(f, s, SPENT), 2);
	assert_int_equal(number(f, s, COUNTED), 2);
	run_sql(f, s, "DROP TRIGGER temp.broken");
	refresh(f, s, 2, status);
	assert_int_equal(status[0], 400); /* it was spent */
	assert_int_equal(status[1], 200); /* and this one was not */
	sandbox_free(s);
}

static enum rc
settle_counts(struct fixture *f, struct sandbox *s)
{
	enum rc rc;

	must(store_enter(s, &f->cx, STORE_READ));
	rc = counts_settle(s, &f->cx);
	return store_leave(s, &f->cx, STORE_READ, rc);
}

static void
counts_that_are_taken_back_with_a_request_are_written_again(void **state)
{
	struct fixture *f = *state;
	struct sandbox *s = start(f, "none");
	int status[MANY];

	refresh(f, s, MANY, status);
	assert_int_equal(number(f, s, COUNTED), 0); /* they wait */

	must(store_enter(s, &f->cx, STORE_WRITE));
	must(counts_settle(s, &f->cx));
	assert_int_equal(store_leave(s, &f->cx, STORE_WRITE, E_INPUT), E_INPUT);
	assert_int_equal(number(f, s, COUNTED), 0);

	must(store_share(s, &f->cx));
	must(store_part_enter(s, &f->cx, STORE_WRITE));
	must(counts_settle(s, &f->cx));
	assert_int_equal(store_part_leave(s, &f->cx, STORE_WRITE, E_INPUT), E_INPUT);
	must(store_settle(s, &f->cx));
	assert_int_equal(number(f, s, COUNTED), 0);

	must(settle_counts(f, s));
	assert_int_equal(number(f, s, COUNTED), 3);
	sandbox_free(s);
}

static void
a_count_that_cannot_be_written_now_is_not_lost(void **state)
{
	struct fixture *f = *state;
	struct sandbox *s = start(f, "none");
	int status[MANY];

	refresh(f, s, MANY, status);
	break_second(f, s);
	assert_int_equal(settle_counts(f, s), E_STORE);
	assert_int_equal(number(f, s, COUNTED), 0);
	run_sql(f, s, "DROP TRIGGER temp.broken");
	must(settle_counts(f, s));
	assert_int_equal(number(f, s, COUNTED), 3);
	sandbox_free(s);
}

/* What was noted is taken back, and the database does not even say what is left of it. */
static void
counts_are_asked_for_again_when_the_store_could_not_say_them(void **state)
{
	struct fixture *f = *state;
	struct sandbox *s = start(f, "none");
	int status[MANY];

	refresh(f, s, MANY, status);
	run_sql(f, s, "ALTER TABLE access_tokens RENAME TO away");
	must(store_share(s, &f->cx));
	must(store_part_enter(s, &f->cx, STORE_WRITE));
	must(store_part_leave(s, &f->cx, STORE_WRITE, OK));
	s->parts_lost = s->careful = true;
	assert_int_equal(store_settle(s, &f->cx), E_STORE);
	run_sql(f, s, "ALTER TABLE away RENAME TO access_tokens");
	refresh(f, s, 1, status);
	assert_int_equal(status[0], 200);
	must(settle_counts(f, s));
	assert_int_equal(number(f, s, COUNTED), 4);
	sandbox_free(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(one_that_fails_after_writing_is_undone_alone),
		TEST(counts_that_are_taken_back_with_a_request_are_written_again),
		TEST(a_count_that_cannot_be_written_now_is_not_lost),
		TEST(counts_are_asked_for_again_when_the_store_could_not_say_them),
	};

	json_setup();
	crypto_setup();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
