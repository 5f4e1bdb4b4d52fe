/* The oauth room: PKCE, the authorization URL, token requests, and what a token reply means. */
#include "fixture.h"

#include "base/json.h"
#include "crypto/crypto.h"
#include "oauth/flat.h"
#include "oauth/pkce.h"
#include "oauth/outcome.h"
#include "oauth/request.h"

/* RFC 7636 appendix B. */
static void
test_pkce_agrees_with_the_rfc(void **state)
{
	struct fixture *f = *state;
	struct secret verifier = secret_of(S("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"));

	assert_str_equal(
	    pkce_challenge(f->arena, verifier), S("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"));
}

static void
test_pkce_verifier_is_long_unreserved_and_new(void **state)
{
	struct fixture *f = *state;
	struct str v = secret_expose(pkce_verifier(f->arena));

	assert_true(v.len >= 43 && v.len <= 128);
	assert_str_equal(str_percent_encode(f->arena, v), v);
	assert_false(str_eq(v, secret_expose(pkce_verifier(f->arena))));
}

static struct oauth_authorize
authorize(void)
{
	return (struct oauth_authorize){
		.endpoint = S("https://p.example/oauth2/authorize"),
		.client_id = S("abc123"),
		.redirect_uri = S("http://127.0.0.1:8090/oauth/callback/dropbox"),
		.state = secret_of(S("the-state")),
		.challenge = S("the-challenge"),
	};
}

static void
test_authorize_url_has_every_part(void **state)
{
	struct fixture *f = *state;
	struct oauth_authorize in = authorize();

	in.scope = S("account_info.read files.content.read");
	in.extra[0] = (struct oauth_param){ S("token_access_type"), S("offline") };
	in.extra_count = 1;
	assert_str_equal(oauth_authorize_url(f->arena, &in),
	    S("https://p.example/oauth2/authorize?response_type=code&client_id=abc123"
	      "&redirect_uri=http%3A%2F%2F127.0.0.1%3A8090%2Foauth%2Fcallback%2Fdropbox"
	      "&scope=account_info.read%20files.content.read&state=the-state"
	      "&code_challenge=the-challenge&code_challenge_method=S256&token_access_type="
	      "offline"));
}

static void
test_authorize_url_leaves_out_what_is_empty(void **state)
{
	struct fixture *f = *state;
	struct oauth_authorize in = authorize();
	struct str url;

	in.state = secret_of(S(""));
	in.challenge = S("");
	url = oauth_authorize_url(f->arena, &in);
	assert_false(str_contains(url, S("scope=")));
	assert_false(str_contains(url, S("state=")));
	assert_false(str_contains(url, S("code_challenge")));
}

static void
test_authorize_url_keeps_the_endpoints_own_query(void **state)
{
	struct fixture *f = *state;
	struct oauth_authorize in = authorize();

	in.endpoint = S("https://p.example/authorize?tenant=7");
	assert_true(str_starts(oauth_authorize_url(f->arena, &in),
	    S("https://p.example/authorize?tenant=7&response_type=code&")));
}

/* A name that a person typed must not become a parameter of its own. */
static void
test_authorize_url_encodes_what_could_break_out(void **state)
{
	struct fixture *f = *state;
	struct oauth_authorize in = authorize();
	struct str url;

	in.client_id = S("a&redirect_uri=https://evil.example#x");
	url = oauth_authorize_url(f->arena, &in);
	assert_true(
	    str_contains(url, S("client_id=a%26redirect_uri%3Dhttps%3A%2F%2Fevil.example%23x&")));
	assert_false(str_contains(url, S("#")));
	assert_false(str_contains(url, S("https://evil")));
}

static const struct oauth_client *
client(enum oauth_client_auth auth)
{
	static struct oauth_client c;

	c = (struct oauth_client){
		.id = S("my key"), .secret = secret_of(S("se:cr%et")), .auth = auth
	};
	return &c;
}

/* RFC 6749 section 2.3.1: both halves are encoded first, so that the colon between them is the only
 * one. */
static void
test_exchange_request_with_basic(void **state)
{
	struct fixture *f = *state;
	struct oauth_code_exchange in = { .code = secret_of(S("the+code")),
		.redirect_uri = S("https://m.example/cb"),
		.verifier = secret_of(S("verify")) };
	struct oauth_token_request r =
	    oauth_exchange_request(f->arena, client(CLIENT_AUTH_BASIC), &in);
	struct str header = secret_expose(r.authorization), pair;

	assert_str_equal(secret_expose(r.body),
	    S("grant_type=authorization_code&code=the%2Bcode&redirect_uri=https%3A%2F%2Fm.example%"
	      "2Fcb"
	      "&code_verifier=verify"));
	assert_true(str_starts(header, S("Basic ")));
	assert_int_equal(crypto_base64_decode(&f->cx, str_sub(header, 6, header.len), &pair), OK);
	assert_str_equal(pair, S("my%20key:se%3Acr%25et"));
}

static void
test_refresh_request_with_the_client_in_the_body(void **state)
{
	struct fixture *f = *state;
	struct oauth_token_request r =
	    oauth_refresh_request(f->arena, client(CLIENT_AUTH_BODY), secret_of(S("re/fresh")));

	assert_true(secret_empty(r.authorization));
	assert_str_equal(secret_expose(r.body),
	    S("grant_type=refresh_token&refresh_token=re%2Ffresh&client_id=my%20key"
	      "&client_secret=se%3Acr%25et"));
}

static struct oauth_reply
read_reply(struct fixture *f, int status, const char *body)
{
	struct oauth_reply out;

	ctx_clear(&f->cx);
	oauth_reply_read(&f->cx, status, secret_of(str_of(body)), &out);
	assert_int_equal(f->cx.rc, OK);
	return out;
}

static void
test_reply_with_tokens(void **state)
{
	struct fixture *f = *state;
	struct oauth_reply r = read_reply(f, 200,
	    "{\"access_token\": \"sl.u.abc\", \"token_type\": \"bearer\", \"expires_in\": 14400,"
	    " \"refresh_token\": \"rrr\", \"scope\": \"account_info.read files.content.read\","
	    " \"uid\": \"12345\", \"account_id\": \"dbid:AAA\"}");

	assert_true(r.has_tokens);
	assert_str_equal(secret_expose(r.access_token), S("sl.u.abc"));
	assert_str_equal(secret_expose(r.refresh_token), S("rrr"));
	assert_int_equal(r.expires_in_s, 14400);
	assert_str_equal(r.scope, S("account_info.read files.content.read"));
}

static void
test_reply_of_a_refresh_without_refresh_token(void **state)
{
	struct fixture *f = *state;
	struct oauth_reply r =
	    read_reply(f, 200, "{\"access_token\":\"a\",\"token_type\":\"Bearer\"}");

	assert_true(r.has_tokens);
	assert_true(secret_empty(r.refresh_token));
	assert_int_equal(r.expires_in_s, -1);
	assert_int_equal(r.scope.len, 0);
}

static void
test_reply_expires_in_of_any_type(void **state)
{
	static const struct {
		const char *value;
		int64_t want;
	} cases[] = {
		{ "0", -1 },
		{ "3600", 3600 },
		{ "\"3600\"", 3600 },
		{ "3600.0", 3600 },
		{ "3600.9", 3600 },
		{ "-1", -1 },
		{ "\"-1\"", -1 },
		{ "\"\"", -1 },
		{ "\"1e3\"", -1 },
		{ "\"soon\"", -1 },
		{ "null", -1 },
		{ "true", -1 },
		{ "[3600]", -1 },
		{ "{}", -1 },
		{ "1e300", -1 },
		{ "99999999999999999999", -1 },
		{ "9223372036854775807", -1 },
		{ "\"9223372036854775808\"", -1 },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct str body = str_printf(f->arena,
		    "{\"access_token\":\"a\",\"token_type\":\"bearer\",\"expires_in\":%s}",
		    cases[i].value);
		struct oauth_reply r = read_reply(f, 200, body.p);

		assert_true(r.has_tokens);
		assert_int_equal(r.expires_in_s, cases[i].want);
	}
}

/* What is no success must not be taken for one, whatever the status says. */
static void
test_reply_200_that_is_no_success(void **state)
{
	static const char *const bodies[] = {
		"",
		"null",
		"[]",
		"\"sl.abc\"",
		"<html>sign in</html>",
		"{",
		"{}",
		"{\"access_token\":\"a\"}",
		"{\"access_token\":\"a\",\"token_type\":\"mac\"}",
		"{\"access_token\":\"a\",\"token_type\":null}",
		"{\"access_token\":\"\",\"token_type\":\"bearer\"}",
		"{\"access_token\":7,\"token_type\":\"bearer\"}",
		"{\"access_token\":null,\"token_type\":\"bearer\"}",
		"{\"access_token\":[\"a\"],\"token_type\":\"bearer\"}",
		"{\"access_token\":\"a\",\"access_token\":\"b\",\"token_type\":\"bearer\"}",
		"{\"access_token\":\"a\",\"token_type\":\"bearer\"} trailing",
		"{\"error\":\"invalid_grant\",\"access_token\":\"a\",\"token_type\":\"bearer\"}",
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
		struct oauth_reply r = read_reply(f, 200, bodies[i]);

		assert_int_equal(oauth_classify(TRANSPORT_ANSWERED, &r),
		    r.names_token ? OUTCOME_UNREADABLE : OUTCOME_AMBIGUOUS);
		assert_true(secret_empty(r.access_token));
	}
}

/* A token goes into a header: one that would end the header is none. */
static void
test_reply_with_tokens_that_no_header_may_hold(void **state)
{
	static const char *const values[] = { "a b", "a\\r\\nX-Evil: 1", "a\\tb", "a\\nb",
		"\\u00e9", "a\\u007f", "a\\\"b", "a\\\\b", " a", "a " };
	struct fixture *f = *state;

	/* At every place: behind so many letters that harm nobody. */
	for (size_t n = 0; n < 34 * sizeof(values) / sizeof(values[0]); n++) {
		const char *value = values[n / 34];
		int before = (int)(n % 34);
		struct str access =
		    str_printf(f->arena, "{\"access_token\":\"%.*s%s\",\"token_type\":\"bearer\"}",
			before, "abcdefghijklmnopqrstuvwxyz012345678", value);
		struct str refresh = str_printf(f->arena,
		    "{\"access_token\":\"a\",\"token_type\":\"bearer\",\"refresh_token\":\"%.*s%"
		    "s\"}",
		    before, "abcdefghijklmnopqrstuvwxyz012345678", value);

		assert_false(read_reply(f, 200, access.p).has_tokens);
		assert_false(read_reply(f, 200, refresh.p).has_tokens);
	}
}

/* The provider's words end up in a sentence of ours and in the log. */
static void
test_reply_words_are_printable_and_short(void **state)
{
	struct fixture *f = *state;
	struct str body = str_printf(f->arena,
	    "{\"error\":\"invalid_grant\",\"error_description\":\"a\\nb\\u001b[31m%0500d\"}", 0);
	struct str words = read_reply(f, 400, body.p).error_description;

	assert_int_equal(words.len, 200);
	assert_true(str_starts(words, S("a?b?[31m000")));
	for (size_t i = 0; i < words.len; i++)
		assert_in_range(words.p[i], ' ', '~');
	body = S("{\"error\":\"x\",\"error_description\":\"seventeen letters\\u0007\xc3\xa9 "
		 "e\\u007f\"}");
	assert_str_equal(
	    read_reply(f, 400, body.p).error_description, S("seventeen letters??? e?"));
}

/* Cut like a provider's sentence, a long list would end in half a scope. */
static void
test_reply_keeps_a_long_list_of_scopes(void **state)
{
	struct fixture *f = *state;
	struct str scopes = S("account_info.read account_info.write contacts.read contacts.write "
			      "file_requests.read file_requests.write files.content.read "
			      "files.content.write files.metadata.read files.metadata.write "
			      "profile email openid sharing.read sharing.write team_info.read");
	struct str body = str_printf(f->arena,
	    "{\"access_token\":\"a\",\"token_type\":\"bearer\",\"scope\":\"%.*s\"}",
	    STR_ARG(scopes));

	assert_true(scopes.len > 200);
	assert_str_equal(read_reply(f, 200, body.p).scope, scopes);
}

static void
test_scope_extra_names_what_nobody_asked_for(void **state)
{
	struct fixture *f = *state;

	assert_str_equal(oauth_scope_extra(f->arena, S("a b c"), S("c a")), S("b"));
	assert_str_equal(
	    oauth_scope_extra(f->arena, S("a.read a.write"), S("a")), S("a.read a.write"));
	assert_str_equal(oauth_scope_extra(f->arena, S("a"), S("a b")), S(""));
	assert_str_equal(oauth_scope_extra(f->arena, S(""), S("a")), S(""));
	assert_str_equal(oauth_scope_extra(f->arena, S("a  b"), S("")), S("a b"));
}

/* What is read without a tree is what the tree says, whatever comes. */
static bool
same_as_tree(struct fixture *f, const struct flat *flat, struct str text)
{
	json_t *obj;

	if (json_read(&f->cx, text, 8, &obj) != OK || json_object_size(obj) != flat->count)
		return false;
	for (size_t i = 0; i < flat->count; i++) {
		const struct flat_member *m = &flat->members[i];
		const json_t *v = json_object_get(obj, str_cstr(f->arena, m->name));

		if (m->text.p == NULL
			? !json_is_integer(v) || json_integer_value(v) != m->number
			: !json_is_string(v) || !str_eq(str_of(json_string_value(v)), m->text))
			return false;
	}
	return true;
}

static void
test_reply_read_flat_is_read_the_same(void **state)
{
	static const char reply[] = "{\"access_token\": \"sl.u.AbC\", \"token_type\":\"bearer\","
				    "\r\n\t\"expires_in\":14400 , \"uid\":\"\",\"zero\":0}";
	static const char letters[] = "{}[]\",:\\ \n\t01290.-+eEtrufalsnd\x01\x7f\x80\xc3/";
	struct fixture *f = *state;
	struct flat flat;
	size_t taken = 0;

	assert_true(flat_read(str_of(reply), &flat));
	assert_int_equal(flat.count, 5);
	assert_int_equal(flat_get(&flat, "expires_in")->number, 14400);
	assert_false(flat_read(S("{\"a\":1,\"a\":1}"), &flat));
	assert_false(flat_read(S("{\"a\":01}"), &flat));
	assert_false(flat_read(S("{\"a\":1} x"), &flat));
	assert_false(flat_read(S("{\"a\":\"\\u0041\"}"), &flat));
	for (int i = 0; i < 50000; i++) {
		char text[sizeof(reply)];
		uint32_t random[4];

		memcpy(text, reply, sizeof(reply));
		crypto_random(random, sizeof(random));
		for (uint32_t k = 0; k <= random[0] % 3; k++)
			text[random[k + 1] % (sizeof(reply) - 1)] =
			    letters[(random[k + 1] >> 16) % (sizeof(letters) - 1)];
		if (!flat_read((struct str){ text, sizeof(reply) - 1 }, &flat))
			continue;
		taken++;
		if (!same_as_tree(f, &flat, (struct str){ text, sizeof(reply) - 1 })) {
			print_error("%.*s\n", (int)sizeof(reply) - 1, text);
			assert_true(false);
		}
		arena_reset(f->arena);
	}
	assert_true(taken > 500);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_pkce_agrees_with_the_rfc),
		TEST(test_pkce_verifier_is_long_unreserved_and_new),
		TEST(test_authorize_url_has_every_part),
		TEST(test_authorize_url_leaves_out_what_is_empty),
		TEST(test_authorize_url_keeps_the_endpoints_own_query),
		TEST(test_authorize_url_encodes_what_could_break_out),
		TEST(test_exchange_request_with_basic),
		TEST(test_refresh_request_with_the_client_in_the_body),
		TEST(test_reply_with_tokens),
		TEST(test_reply_of_a_refresh_without_refresh_token),
		TEST(test_reply_expires_in_of_any_type),
		TEST(test_reply_200_that_is_no_success),
		TEST(test_reply_with_tokens_that_no_header_may_hold),
		TEST(test_reply_words_are_printable_and_short),
		TEST(test_reply_keeps_a_long_list_of_scopes),
		TEST(test_reply_read_flat_is_read_the_same),
		TEST(test_scope_extra_names_what_nobody_asked_for),
	};

	crypto_setup();
	json_setup();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
