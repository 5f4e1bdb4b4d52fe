/* The control room's parts that need no server: what a log may show, what input is refused, how calls
 * are counted, and how faults count theirs. */
#include "fixture.h"

#include "crypto/crypto.h"
#include "sandbox/control/faults_int.h"
#include "sandbox/control/input.h"
#include "sandbox/control/rates.h"
#include "sandbox/control/reqlog.h"
#include "sandbox/core/schema.h"
#include "sandbox/core/state.h"

#define assert_str(s, text) assert_string_equal(str_cstr(f->arena, (s)), (text))

static void
query_is_masked(void **state)
{
	struct fixture *f = *state;
	static const char *const cases[][2] = {
		{ "", "" },
		{ "client_id=abc&response_type=code", "client_id=abc&response_type=code" },
		{ "client_secret=s3cret", "client_secret=***" },
		{ "code=x&code=y", "code=***&code=***" },
		{ "sl.token", "***" },
		{ "sl.token=1", "***" },
		{ "=value", "***" },
		{ "client_id", "***" },
		{ "Client_id=abc", "***" },
		{ "a&b=c&&", "***&b=***&***" },
		{ "name_of_a_parameter_that_is_too_long=1", "***" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_str(reqlog_mask_query(f->arena, str_of(cases[i][0])), cases[i][1]);
}

static void
query_is_bounded(void **state)
{
	struct fixture *f = *state;
	char *text = arena_alloc(f->arena, 20000);

	memset(text, 'a', 19999);
	memcpy(text, "scope=", 6);
	assert_true(reqlog_mask_query(f->arena, (struct str){ text, 19999 }).len <= 1024);
	memset(text, '&', 19999);
	assert_true(reqlog_mask_query(f->arena, (struct str){ text, 19999 }).len <= 1024);
}

static void
path_is_masked(void **state)
{
	struct fixture *f = *state;
	static const char *const cases[][3] = {
		{ "/2/files/list_folder", "/2/files/list_folder", "/2/files/list_folder" },
		{ "/_sandbox/apps/{}/personality", "/_sandbox/apps/abcdefghijklmno/personality",
		    "/_sandbox/apps/abcdefghijklmno/personality" },
		{ "/_web/authorize/{}",
		    "/_web/authorize/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
		    "/_web/authorize/***" },
		{ "/2/team/a_name_of_a_function_that_is_long",
		    "/2/team/a_name_of_a_function_that_is_long",
		    "/2/team/a_name_of_a_function_that_is_long" },
		{ "", "/2/nothing/sl.short", "/2/nothing/***" },
		{ "", "/a%3Cb", "/***" },
		{ "", "/", "/" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct http_req req = { .path = str_of(cases[i][1]) };

		assert_str(reqlog_mask_path(f->arena, &req, str_of(cases[i][0])), cases[i][2]);
	}
}

static struct input
input_of(struct fixture *f, const char *text)
{
	json_t *value;

	assert_int_equal(json_read(&f->cx, str_of(text), 8, &value), OK);
	return (struct input){ .object = value, .place = S("apps[3]") };
}

static void
errors_name_their_place(void **state)
{
	struct fixture *f = *state;
	struct input in =
	    input_of(f, "{\"n\":1.5,\"t\":5,\"w\":\"z\",\"b\":\"true\",\"null\":null}");
	static const char *const words[] = { "x", "y", NULL };
	static const char *const known[] = { "n", "t", NULL };
	struct input inner;
	struct str text;
	int64_t n;
	bool b;
	int w;

	assert_int_equal(input_int(&f->cx, &in, "n", (struct input_range){ 0, 9, 0 }, &n), E_INPUT);
	assert_string_equal(f->cx.why, "apps[3].n must be a whole number from 0 to 9.");
	assert_int_equal(input_text(&f->cx, &in, "t", 10, &text), E_INPUT);
	assert_int_equal(input_word(&f->cx, &in, "w", words, &w), E_INPUT);
	assert_string_equal(f->cx.why, "apps[3].w must be one of x, y.");
	assert_int_equal(input_bool(&f->cx, &in, "b", &b), E_INPUT);
	assert_int_equal(input_need(&f->cx, &in, "null", 10, &text), E_INPUT);
	assert_string_equal(f->cx.why, "apps[3].null is missing.");
	assert_int_equal(input_int(&f->cx, &in, "null", (struct input_range){ 1, 9, 7 }, &n), OK);
	assert_int_equal(n, 7);
	assert_int_equal(input_object(&f->cx, in.object, S("apps[3]"), known, &inner), E_INPUT);
	assert_string_equal(f->cx.why, "apps[3].w is not known here.");
}

/* A name from outside is repeated as plain text only, and not at length. */
static void
unknown_names_are_tamed(void **state)
{
	struct fixture *f = *state;
	struct input in =
	    input_of(f, "{\"\\u001b[31m<b>\\u00e9aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\":1}");
	static const char *const known[] = { NULL };

	assert_int_equal(input_object(&f->cx, in.object, S(""), known, &in), E_INPUT);
	assert_null(strchr(f->cx.why, '\x1b'));
	assert_true(strlen(f->cx.why) < 70);
}

static void
open_sandbox(struct fixture *f, struct sandbox *s)
{
	crypto_setup();
	assert_int_equal(
	    keyring_open(&f->cx, fixture_path(f, "key"), KEY_MAKE, false, &s->keys), OK);
	assert_int_equal(db_open(&f->cx, fixture_path(f, "db"), &s->db), OK);
	assert_int_equal(db_migrate(&f->cx, s->db, schema_steps, schema_step_count), OK);
	s->clock = f->clock;
	s->rates = rates_new();
}

static enum rc
count_call(struct fixture *f, struct sandbox *s, int token)
{
	struct str name = str_printf(f->arena, "token %d", token);

	return rates_count(s, &f->cx, secret_of(name), S("app"));
}

/* More names than there is room for: all begin again, and memory stays what it is. */
static void
counters_are_bounded(void **state)
{
	struct fixture *f = *state;
	struct sandbox s = { 0 };
	struct input rule = input_of(f, "{\"per_token\":{\"calls\":1,\"window_s\":60}}");

	open_sandbox(f, &s);
	assert_int_equal(rates_put(&s, &f->cx, &rule), OK);
	for (int i = 0; i < RATES_NAMES_MAX; i++)
		assert_int_equal(count_call(f, &s, i), OK);
	assert_int_equal(count_call(f, &s, 0), E_BUSY);
	assert_true(f->cx.retry_after_s > 0 && f->cx.retry_after_s <= 60);
	assert_int_equal(count_call(f, &s, RATES_NAMES_MAX), OK);
	assert_int_equal(count_call(f, &s, 0), OK);
	rates_free(s.rates);
	db_close(s.db);
	keyring_free(s.keys);
}

static void
faults_let_pass_and_run_out(void **state)
{
	struct fixture *f = *state;
	struct faults *faults = faults_new();
	struct http_req req = { .method = HTTP_M_POST, .path = S("/2/files/upload") };
	struct fault_call call = { .req = &req };
	struct fault_effect effect;
	struct input in = input_of(f,
	    "{\"path\":\"/2/files/*\",\"mode\":\"status\",\"status\":500,\"skip\":2,\"count\":2}");
	static const bool met[] = { false, false, true, true, false };
	struct str id;

	assert_int_equal(faults_add(faults, &f->cx, &in, &id), OK);
	for (size_t i = 0; i < sizeof(met) / sizeof(met[0]); i++)
		assert_int_equal(faults_take(faults, f->arena, &call, &effect), met[i]);
	assert_int_equal(faults_count(faults), 0);
	faults_free(faults);
}

/* Newer entries take the memory of older ones, which were shorter or longer. */
static void
the_log_keeps_the_last_thousand(void **state)
{
	struct fixture *f = *state;
	struct sandbox s = { .clock = f->clock, .reqlog = reqlog_new() };
	enum { NOTED = 3 * REQLOG_MAX + 7 };
	char path[] = "/a_segment_of_any_length";
	struct http_res res = { .status = 200 };
	json_t *list;

	for (int i = 0; i < NOTED; i++) {
		struct http_req req = { .method = HTTP_M_POST,
			.path = { path, 1 + (size_t)i % 24 } };

		reqlog_note(&s, &f->cx, &req, &res, S("POST"), i);
	}
	list = reqlog_json(s.reqlog, &f->cx, 0, NOTED);
	assert_int_equal(json_array_size(list), REQLOG_MAX);
	for (int i = 0; i < REQLOG_MAX; i++) {
		const json_t *o = json_array_get(list, (size_t)i);
		int n = NOTED - REQLOG_MAX + i;

		assert_int_equal(json_integer_value(json_object_get(o, "ms")), n);
		assert_int_equal(json_integer_value(json_object_get(o, "number")), n + 1);
		assert_string_equal(json_string_value(json_object_get(o, "path")),
		    str_cstr(f->arena, (struct str){ path, 1 + (size_t)n % 24 }));
		assert_string_equal(json_string_value(json_object_get(o, "method")), "POST");
	}
	json_decref(list);
	reqlog_free(s.reqlog);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(query_is_masked),
		TEST(query_is_bounded),
		TEST(path_is_masked),
		TEST(errors_name_their_place),
		TEST(unknown_names_are_tamed),
		TEST(counters_are_bounded),
		TEST(faults_let_pass_and_run_out),
		TEST(the_log_keeps_the_last_thousand),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
