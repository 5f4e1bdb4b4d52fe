/* What requests that share a transaction see of each other, and what is left of them when it is lost. */
#include "fixture.h"

#include "base/json.h"
#include "crypto/crypto.h"
#include "sandbox/console/apps.h"
#include "sandbox/control/rates.h"
#include "sandbox/core/row.h"
#include "sandbox/core/sql.h"
#include "sandbox/core/state.h"
#include "sandbox/core/store.h"
#include "sandbox/oauth/grants.h"
#include "sandbox/people/accounts.h"
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

static const struct http_route *
route(struct sandbox *s, enum http_method method, const char *path)
{
	const struct http_site *site = sandbox_site(s);

	for (size_t i = 0; i < site->route_count; i++) {
		if (site->routes[i].method == method && strcmp(site->routes[i].path, path) == 0)
			return &site->routes[i];
	}
	abort();
}

/* An access token of an app of the first account's. */
static struct secret
some_token(struct fixture *f, struct sandbox *s)
{
	struct account who = { 0 };
	struct app app = { .name = S("Together"), .api = S("dropbox"), .access = S("full") };
	struct secret access;
	struct db_stmt *st;
	int64_t life;
	bool row;

	must(store_enter(s, &f->cx, STORE_WRITE));
	must(sql_bind(&f->cx, s->db, "SELECT id FROM accounts", SQL_ARGS(), &st));
	must(db_step(&f->cx, st, &row));
	who.id = app.owner_id = db_col_text(st, 0, f->arena);
	db_done(st);
	must(app_create(s, &f->cx, &app));
	must(grant_generate(s, &f->cx, app.key, who.id, &access, &life));
	must(store_leave(s, &f->cx, STORE_WRITE, OK));
	return access;
}

/* Gate and handler of one request, as between begin and settle. */
static enum rc
call(struct fixture *f, struct sandbox *s, const char *path, struct secret token, struct str body)
{
	enum http_method method = strcmp(path, "/_sandbox/limits") == 0 ? HTTP_M_PUT : HTTP_M_POST;
	const struct http_site *site = sandbox_site(s);
	struct http_req req = {
		.method = method,
		.path = str_of(path),
		.route = route(s, method, path),
		.body = body,
		.body_fd = -1,
		.peer_is_loopback = true,
		.header_count = 2,
		.headers = {
			{ S("Authorization"),
			    str_printf(f->arena, "Bearer %.*s", STR_ARG(secret_expose(token))) },
			{ S("Content-Type"), S("application/json") },
		},
	};
	struct http_res res = { .arena = f->arena };

	ctx_clear(&f->cx);
	TRY(site->gate(s, &f->cx, &req, &res));
	return req.route->handler(s, &f->cx, &req, &res);
}

static void
a_token_revoked_in_a_batch_opens_no_gate_of_those_behind(void **state)
{
	struct fixture *f = *state;
	struct sandbox *s = start(f);
	struct secret token = some_token(f, s);

	must(store_share(s, &f->cx));
	must(call(f, s, "/2/auth/token/revoke", token, S("null")));
	assert_int_equal(call(f, s, "/2/auth/token/revoke", token, S("null")), E_AUTH);
	must(store_settle(s, &f->cx));
	sandbox_free(s);
}

static void
clock_and_limits_are_as_before_when_a_batch_is_lost(void **state)
{
	struct fixture *f = *state;
	struct sandbox *s = start(f);
	struct str limits;

	must(store_share(s, &f->cx));
	must(call(f, s, "/_sandbox/clock", s->control_token, S("{\"advance_s\":3600}")));
	must(store_settle(s, &f->cx));
	limits = json_write(f->arena, rates_json(s->rates));

	must(store_share(s, &f->cx));
	must(call(f, s, "/_sandbox/clock", s->control_token, S("{\"advance_s\":60}")));
	must(call(f, s, "/_sandbox/limits", s->control_token,
	    S("{\"per_app\":{\"calls\":1,\"window_s\":60}}")));
	assert_int_equal(clock_offset_ms(f->clock), 3660 * SECOND_MS);
	s->parts_lost = true; /* as a database that ran out of room does */
	assert_int_equal(store_settle(s, &f->cx), E_AGAIN);
	assert_int_equal(clock_offset_ms(f->clock), 3600 * SECOND_MS);
	assert_str_equal(json_write(f->arena, rates_json(s->rates)), limits);
	sandbox_free(s);
}

static void
the_first_advance_is_undone_too(void **state)
{
	struct fixture *f = *state;
	struct sandbox *s = start(f);

	must(store_share(s, &f->cx));
	must(call(f, s, "/_sandbox/clock", s->control_token, S("{\"advance_s\":60}")));
	s->parts_lost = true;
	assert_int_equal(store_settle(s, &f->cx), E_AGAIN);
	assert_int_equal(clock_offset_ms(f->clock), 0);
	sandbox_free(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_token_revoked_in_a_batch_opens_no_gate_of_those_behind),
		TEST(clock_and_limits_are_as_before_when_a_batch_is_lost),
		TEST(the_first_advance_is_undone_too),
	};

	json_setup();
	crypto_setup();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
