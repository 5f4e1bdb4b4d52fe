/* Rotation contracts and the classifier of token requests, by table. */
#include "fixture.h"

#include "base/json.h"
#include "oauth/outcome.h"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

static struct oauth_reply
read_reply(struct fixture *f, int status, const char *body)
{
	struct oauth_reply r;

	oauth_reply_read(&f->cx, status, secret_of(str_of(body)), &r);
	return r;
}

static void
test_answers_by_status_and_word(void **state)
{
	static const struct {
		int status;
		const char *body;
		enum oauth_outcome want;
	} rows[] = {
		{ 200, "{\"access_token\":\"a\",\"token_type\":\"bearer\"}", OUTCOME_TOKENS },
		{ 400, "{\"error\":\"invalid_grant\"}", OUTCOME_REAUTHORIZE },
		{ 401, "{\"error\":\"invalid_grant\"}", OUTCOME_REAUTHORIZE },
		{ 403, "{\"error\":\"invalid_grant\"}", OUTCOME_REAUTHORIZE },
		{ 403,
		    "{\"error\":\"unauthorized_client\",\"error_description\":\"refresh_token is "
		    "invalid\"}",
		    OUTCOME_REAUTHORIZE },
		{ 403, "{\"error\":\"unauthorized_client\"}", OUTCOME_MISCONFIGURED },
		{ 401, "{\"error\":{\"code\":\"refresh_token_reused\"}}", OUTCOME_REAUTHORIZE },
		{ 401, "{\"error\":\"refresh_token_expired\"}", OUTCOME_REAUTHORIZE },
		{ 401, "{\"error\":\"refresh_token_invalidated\"}", OUTCOME_REAUTHORIZE },
		{ 400, "{\"error\":\"invalid_client\"}", OUTCOME_MISCONFIGURED },
		{ 401, "{\"error\":\"invalid_client: Invalid client_id or client_secret\"}",
		    OUTCOME_MISCONFIGURED },
		{ 400, "{\"error\":\"unauthorized_client\"}", OUTCOME_MISCONFIGURED },
		{ 400, "{\"error\":\"unsupported_grant_type\"}", OUTCOME_REFUSED },
		{ 400, "{\"error\":\"invalid_request\"}", OUTCOME_REFUSED },
		{ 400, "{\"error\":\"invalid_scope\"}", OUTCOME_REFUSED },
		/* 200 with an error */
		{ 200, "{\"ok\":false,\"error\":\"invalid_refresh_token\"}", OUTCOME_REAUTHORIZE },
		{ 200, "{\"error\":\"bad_refresh_token\"}", OUTCOME_REAUTHORIZE },
		{ 200, "{\"error\":\"invalid_code\"}", OUTCOME_REAUTHORIZE },
		{ 200, "{\"error\":\"incorrect_client_credentials\"}", OUTCOME_MISCONFIGURED },
		{ 200, "{\"error\":\"out of order\"}", OUTCOME_TRANSIENT },
		/* what names no token may be of somebody in between, or half of a reply */
		{ 200, "", OUTCOME_AMBIGUOUS },
		{ 200, "{}", OUTCOME_AMBIGUOUS },
		{ 200, "<html>", OUTCOME_AMBIGUOUS },
		{ 200, "{\"access_token\":\"a\",\"token_type\":\"bear", OUTCOME_AMBIGUOUS },
		{ 200, "{\"message\":\"back soon\",\"access_token\":null}", OUTCOME_AMBIGUOUS },
		{ 204, "", OUTCOME_AMBIGUOUS },
		/* success that cannot be used is kept, not thrown away */
		{ 200, "{\"refresh_token\":\"r\"}", OUTCOME_UNREADABLE },
		{ 200, "{\"access_token\":\"a\",\"token_type\":\"bearer\",\"refresh_token\":7}",
		    OUTCOME_UNREADABLE },
		{ 200,
		    "{\"access_token\":\"a\",\"token_type\":\"bearer\",\"refresh_token\":{\"v\":"
		    "\"r\"}}",
		    OUTCOME_UNREADABLE },
		{ 200, "{\"access_token\":\"a\",\"token_type\":\"bearer\",\"refresh_token\":null}",
		    OUTCOME_TOKENS },
		{ 200, "{\"access_token\":\"a\",\"token_type\":\"bearer\",\"refresh_token\":\"\"}",
		    OUTCOME_TOKENS },
		{ 200, "{\"access_token\":{\"value\":\"a\"}}", OUTCOME_UNREADABLE },
		{ 200, "{\"access_token\":\"a b\",\"token_type\":\"bearer\"}", OUTCOME_UNREADABLE },
		{ 200, "{\"error\":\"invalid_grant\",\"access_token\":\"a\"}", OUTCOME_UNREADABLE },
		{ 201, "{\"access_token\":\"a\",\"token_type\":\"bearer\"}", OUTCOME_UNREADABLE },
		/* certainly not processed */
		{ 429, "", OUTCOME_TRANSIENT },
		{ 429, "{\"error\":\"invalid_grant\"}", OUTCOME_TRANSIENT },
		{ 425, "", OUTCOME_TRANSIENT },
		{ 400, "{\"error\":\"temporarily_unavailable\"}", OUTCOME_TRANSIENT },
		{ 503, "{\"error\":\"temporarily_unavailable\"}", OUTCOME_TRANSIENT },
		{ 400, "{\"error\":\"invalid_grant_of_another_kind\"}", OUTCOME_TRANSIENT },
		{ 400, "{\"access_token\":\"a\",\"token_type\":\"bearer\"}", OUTCOME_TRANSIENT },
		{ 403, "blocked", OUTCOME_TRANSIENT },
		{ 404, "not here", OUTCOME_TRANSIENT },
		/* who knows what happened behind the gateway */
		{ 408, "", OUTCOME_AMBIGUOUS },
		{ 500, "", OUTCOME_AMBIGUOUS },
		{ 500, "{\"error\":\"invalid_grant\"}", OUTCOME_AMBIGUOUS },
		{ 500, "{\"access_token\":\"a\",\"token_type\":\"bearer\"}", OUTCOME_AMBIGUOUS },
		{ 502, "<h1>Bad gateway</h1>", OUTCOME_AMBIGUOUS },
		{ 503, "{\"error\":\"server_error\"}", OUTCOME_AMBIGUOUS },
		{ 504, "", OUTCOME_AMBIGUOUS },
		{ 400, "{\"error\":\"server_error\"}", OUTCOME_AMBIGUOUS },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct oauth_reply r = read_reply(f, rows[i].status, rows[i].body);
		enum oauth_outcome got = oauth_classify(TRANSPORT_ANSWERED, &r);

		if (got != rows[i].want)
			print_error("row %zu: %d %s\n", i, rows[i].status, rows[i].body);
		assert_int_equal(got, rows[i].want);
	}
}

static void
test_calls_without_an_answer(void **state)
{
	static const struct {
		enum oauth_transport end;
		enum oauth_outcome want;
	} rows[] = {
		{ TRANSPORT_NOT_SENT, OUTCOME_TRANSIENT },
		{ TRANSPORT_REDIRECTED, OUTCOME_TRANSIENT },
		{ TRANSPORT_LOST, OUTCOME_AMBIGUOUS },
		{ TRANSPORT_TIMED_OUT, OUTCOME_AMBIGUOUS },
		{ TRANSPORT_TOO_LARGE, OUTCOME_AMBIGUOUS },
		{ TRANSPORT_CRASHED, OUTCOME_AMBIGUOUS },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		assert_int_equal(oauth_classify(rows[i].end, NULL), rows[i].want);
}

static void
test_a_refusal_is_believed_when_nothing_is_in_doubt(void **state)
{
	static const struct {
		enum rotation rotation;
		bool after_ambiguous;
		enum oauth_outcome want;
	} rows[] = {
		{ ROTATION_NONE, false, OUTCOME_REAUTHORIZE },
		{ ROTATION_NONE, true, OUTCOME_TRANSIENT },
		{ ROTATION_GRACE, false, OUTCOME_REAUTHORIZE },
		{ ROTATION_GRACE, true, OUTCOME_TRANSIENT },
		{ ROTATION_SINGLE, false, OUTCOME_REAUTHORIZE },
		{ ROTATION_SINGLE, true, OUTCOME_REAUTHORIZE },
		{ ROTATION_STRICT, true, OUTCOME_REAUTHORIZE },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct contract c = { .rotation = rows[i].rotation };

		assert_int_equal(
		    oauth_believe(OUTCOME_REAUTHORIZE, &c, rows[i].after_ambiguous), rows[i].want);
		assert_int_equal(
		    oauth_believe(OUTCOME_MISCONFIGURED, &c, true), OUTCOME_MISCONFIGURED);
	}
}

/* eyJ… of {"alg":"none"}, then the payload, then a signature that nobody looks at. */
static struct secret
jwt(struct fixture *f, const char *payload)
{
	return secret_of(str_printf(f->arena, "eyJhbGciOiJub25lIn0.%s.c2ln", payload));
}

static void
test_jwt_exp(void **state)
{
	struct fixture *f = *state;

	/* {"exp":1700000000} and {"exp":1700000000.5,"a":"~~~?"}, whose text has - and _ */
	assert_int_equal(oauth_jwt_exp(&f->cx, jwt(f, "eyJleHAiOjE3MDAwMDAwMDB9")), 1700000000);
	assert_int_equal(
	    oauth_jwt_exp(&f->cx, jwt(f, "eyJleHAiOjE3MDAwMDAwMDAuNSwiYSI6In5-fj8ifQ")),
	    1700000000);
	/* {"exp":"soon"}, {"exp":-1}, {}, and no JWT at all */
	assert_int_equal(oauth_jwt_exp(&f->cx, jwt(f, "eyJleHAiOiJzb29uIn0")), 0);
	assert_int_equal(oauth_jwt_exp(&f->cx, jwt(f, "eyJleHAiOi0xfQ")), 0);
	assert_int_equal(oauth_jwt_exp(&f->cx, jwt(f, "e30")), 0);
	assert_int_equal(oauth_jwt_exp(&f->cx, jwt(f, "!!!")), 0);
	assert_int_equal(oauth_jwt_exp(&f->cx, secret_of(S("sl.u.abc"))), 0);
	assert_int_equal(oauth_jwt_exp(&f->cx, secret_of(S("eyJh.eyJleHAiOjE3MDAwMDAwMDB9"))), 0);
	assert_int_equal(f->cx.rc, OK);
}

/* Unknown is not forever: reply, JWT, definition, what was learned; else it says unknown. */
static void
test_life_from_the_best_source(void **state)
{
	struct fixture *f = *state;
	struct oauth_reply r = { .expires_in_s = 3600 };
	struct contract c = { .access_life_s = 1800 }, plain = { 0 };
	struct oauth_life life;

	r.access_token = jwt(f, "eyJleHAiOjE3MDAwMDAwMDB9");
	life = oauth_life(&f->cx, &r, &c, 900, 1000, 0);
	assert_int_equal(life.source, LIFE_REPLY);
	assert_int_equal(life.expires_ms, 3601000);
	r.expires_in_s = -1;
	life = oauth_life(&f->cx, &r, &c, 900, 1000, 5000);
	assert_int_equal(life.source, LIFE_JWT);
	assert_int_equal(life.expires_ms, 1700000000000 - 5000);
	r.access_token = secret_of(S("opaque"));
	life = oauth_life(&f->cx, &r, &c, 900, 1000, 0);
	assert_int_equal(life.source, LIFE_DEFINITION);
	assert_int_equal(life.expires_ms, 1801000);
	life = oauth_life(&f->cx, &r, &plain, 900, 1000, 0);
	assert_int_equal(life.source, LIFE_LEARNED);
	assert_int_equal(life.expires_ms, 901000);
	life = oauth_life(&f->cx, &r, &plain, 0, 1000, 0);
	assert_int_equal(life.source, LIFE_UNKNOWN);
	assert_int_equal(life.expires_ms, 0);
}

static enum rc
read_contract(struct fixture *f, const char *text, struct contract *out)
{
	json_t *obj;

	ctx_clear(&f->cx);
	assert_int_equal(json_read(&f->cx, str_of(text), 4, &obj), OK);
	return contract_read(&f->cx, obj, out);
}

static void
test_contracts_are_read(void **state)
{
	struct fixture *f = *state;
	struct contract c;

	assert_int_equal(read_contract(f, "{\"rotation\":\"none\"}", &c), OK);
	assert_int_equal(c.rotation, ROTATION_NONE);
	assert_int_equal(read_contract(f,
			     "{\"rotation\":\"grace\",\"grace\":{\"until\":\"access_used\","
			     "\"max_s\":28800},\"refresh_kills_access\":true,"
			     "\"refresh_token_idle_s\":7,\"refresh_token_max_age_s\":8,"
			     "\"from\":\"last_use\",\"access_life_s\":9}",
			     &c),
	    OK);
	assert_int_equal(c.rotation, ROTATION_GRACE);
	assert_int_equal(c.grace_until, GRACE_ACCESS_USED);
	assert_int_equal(c.grace_max_s, 28800);
	assert_true(c.refresh_kills_access);
	assert_int_equal(c.refresh_token_idle_s, 7);
	assert_int_equal(c.refresh_token_max_age_s, 8);
	assert_int_equal(c.max_age_from, AGE_FROM_LAST_USE);
	assert_int_equal(c.access_life_s, 9);
}

static void
test_contracts_with_errors_are_refused(void **state)
{
	static const char *const bad[] = {
		"{}",
		"{\"rotation\":\"lenient\"}",
		"{\"rotation\":7}",
		"{\"rotation\":\"strict\",\"refresh_kill_access\":true}",
		"{\"rotation\":\"strict\",\"grace\":{\"until\":\"seconds\",\"max_s\":3}}",
		"{\"rotation\":\"grace\"}",
		"{\"rotation\":\"grace\",\"grace\":{\"until\":\"seconds\"}}",
		"{\"rotation\":\"grace\",\"grace\":{\"until\":\"monday\"}}",
		"{\"rotation\":\"none\",\"refresh_token_idle_s\":-1}",
		"{\"rotation\":\"none\",\"refresh_token_idle_s\":\"7\"}",
		"{\"rotation\":\"none\",\"from\":\"birth\"}",
		"[]",
	};
	struct fixture *f = *state;
	struct contract c;

	for (size_t i = 0; i < COUNT(bad); i++) {
		if (read_contract(f, bad[i], &c) != E_INPUT)
			print_error("accepted: %s\n", bad[i]);
		assert_int_equal(read_contract(f, bad[i], &c), E_INPUT);
		assert_true(f->cx.why[0] != '\0');
	}
}

static void
test_what_a_contract_forgives(void **state)
{
	static const struct {
		struct contract c;
		int64_t after_ms;
		bool want;
	} rows[] = {
		{ { .rotation = ROTATION_NONE }, 1LL << 40, true },
		{ { .rotation = ROTATION_GRACE, .grace_max_s = 30 }, 19999, true },
		{ { .rotation = ROTATION_GRACE, .grace_max_s = 30 }, 20000, false },
		{ { .rotation = ROTATION_GRACE, .grace_max_s = 10 }, 4999, true },
		{ { .rotation = ROTATION_GRACE, .grace_max_s = 10 }, 5000, false },
		{ { .rotation = ROTATION_GRACE, .grace_until = GRACE_R2_USED }, 1LL << 40, true },
		{ { .rotation = ROTATION_GRACE,
		      .grace_until = GRACE_ACCESS_USED,
		      .grace_max_s = 9 },
		    9000, false },
		{ { .rotation = ROTATION_SINGLE }, 0, false },
		{ { .rotation = ROTATION_STRICT }, 0, false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		assert_int_equal(
		    contract_forgives(&rows[i].c, 5000, 5000 + rows[i].after_ms), rows[i].want);
}

static void
test_a_retry_inside_a_grace_is_not_scheduled_after_it(void **state)
{
	static const struct {
		struct contract c;
		int64_t after_ms, want;
	} rows[] = {
		{ { .rotation = ROTATION_GRACE, .grace_max_s = 60 }, 0, 45000 },
		{ { .rotation = ROTATION_GRACE, .grace_max_s = 60 }, 46000, 47000 },
		{ { .rotation = ROTATION_GRACE, .grace_max_s = 60 }, 50000, INT64_MAX },
		{ { .rotation = ROTATION_GRACE, .grace_max_s = 8 }, 0, 2000 },
		{ { .rotation = ROTATION_GRACE, .grace_until = GRACE_R2_USED }, 0, INT64_MAX },
		{ { .rotation = ROTATION_NONE }, 0, INT64_MAX },
		{ { .rotation = ROTATION_STRICT }, 0, INT64_MAX },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		int64_t want = rows[i].want == INT64_MAX ? INT64_MAX : 5000 + rows[i].want;

		assert_int_equal(
		    contract_again_by_ms(&rows[i].c, 5000, 5000 + rows[i].after_ms), want);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_answers_by_status_and_word),
		TEST(test_calls_without_an_answer),
		TEST(test_a_refusal_is_believed_when_nothing_is_in_doubt),
		TEST(test_jwt_exp),
		TEST(test_life_from_the_best_source),
		TEST(test_contracts_are_read),
		TEST(test_contracts_with_errors_are_refused),
		TEST(test_what_a_contract_forgives),
		TEST(test_a_retry_inside_a_grace_is_not_scheduled_after_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
