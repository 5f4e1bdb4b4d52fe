/* The development authority: which certificates its constraints let through (S-161), and that only
 * the client that was given it believes it (S-026). */
#include "fixture.h"

#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "base/file.h"
#include "crypto/cert.h"
#include "crypto/crypto.h"
#include "http/client.h"
#include "http/server.h"

#define NAMES(...)                                                  \
	((struct cert_names){ (const char *const[]){ __VA_ARGS__ }, \
	    sizeof((const char *const[]){ __VA_ARGS__ }) / sizeof(char *) })

static struct cert
authority(struct fixture *f, int days)
{
	struct cert ca;

	assert_int_equal(cert_authority_make(&f->cx, "test CA",
			     NAMES("localhost", "dropbox.com", "dropboxapi.com"), days, &ca),
	    OK);
	return ca;
}

static X509 *
parse(struct str pem)
{
	BIO *bio = BIO_new_mem_buf(pem.p, (int)pem.len);
	X509 *cert = PEM_read_bio_X509(bio, NULL, NULL, NULL);

	BIO_free(bio);
	assert_non_null(cert);
	return cert;
}

/* What a TLS client's verification says of the leaf: X509_V_OK or why not. */
static int
verdict(struct str ca_pem, struct str leaf_pem)
{
	X509 *ca = parse(ca_pem), *leaf = parse(leaf_pem);
	X509_STORE *store = X509_STORE_new();
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	int error;

	X509_STORE_add_cert(store, ca);
	X509_STORE_CTX_init(ctx, store, leaf, NULL);
	X509_STORE_CTX_set_purpose(ctx, X509_PURPOSE_SSL_SERVER);
	X509_verify_cert(ctx);
	error = X509_STORE_CTX_get_error(ctx);
	X509_STORE_CTX_free(ctx);
	X509_STORE_free(store);
	X509_free(ca);
	X509_free(leaf);
	return error;
}

static int
verdict_for(struct fixture *f, const struct cert *ca, const char *name)
{
	struct cert leaf;

	assert_int_equal(cert_server_make(&f->cx, ca, NAMES(name), 30, &leaf), OK);
	return verdict(ca->pem, leaf.pem);
}

static void
test_s161_the_authority_vouches_for_its_names_only(void **state)
{
	static const char *const good[] = { "localhost", "x.localhost", "127.0.0.1", "127.9.9.9",
		"::1", "www.dropbox.com", "dropbox.com", "content.dropboxapi.com" };
	static const char *const bad[] = { "evil.example", "notdropbox.com", "dropbox.com.evil",
		"com", "8.8.8.8", "126.255.255.255", "128.0.0.1", "::2", "0.0.0.0" };
	struct fixture *f = *state;
	struct cert ca = authority(f, 100);

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_int_equal(verdict_for(f, &ca, good[i]), X509_V_OK);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(verdict_for(f, &ca, bad[i]), X509_V_ERR_PERMITTED_VIOLATION);
}

static void
test_s161_the_authority_signs_no_other(void **state)
{
	struct fixture *f = *state;
	struct cert ca = authority(f, 100);
	X509 *cert = parse(ca.pem);

	assert_int_equal(X509_get_pathlen(cert), 0);
	assert_int_equal(X509_get_key_usage(cert), KU_KEY_CERT_SIGN | KU_CRL_SIGN);
	assert_int_equal(X509_get_extended_key_usage(cert), XKU_SSL_SERVER);
	assert_true(X509_EXTENSION_get_critical(
	    X509_get_ext(cert, X509_get_ext_by_NID(cert, NID_name_constraints, -1))));
	assert_true(X509_EXTENSION_get_critical(
	    X509_get_ext(cert, X509_get_ext_by_NID(cert, NID_basic_constraints, -1))));
	X509_free(cert);
}

static void
test_a_server_ends_before_its_authority(void **state)
{
	struct fixture *f = *state;
	struct cert ca = authority(f, 10), leaf;

	assert_int_equal(cert_server_make(&f->cx, &ca, NAMES("localhost"), 397, &leaf), OK);
	assert_in_range(cert_days_left(leaf.pem), 9, 10);
	assert_int_equal(cert_days_left(S("no certificate")), -1);
}

static void
test_s162_no_two_are_alike(void **state)
{
	struct fixture *f = *state;
	struct cert one = authority(f, 10), two = authority(f, 10), leaf;

	assert_false(str_eq(secret_expose(one.key_pem), secret_expose(two.key_pem)));
	assert_int_equal(cert_server_make(&f->cx, &one, NAMES("localhost"), 5, &leaf), OK);
	assert_true(cert_is_for(leaf.pem, one.pem, NAMES("localhost")));
	assert_false(cert_is_for(leaf.pem, two.pem, NAMES("localhost")));
	assert_false(cert_is_for(leaf.pem, one.pem, NAMES("localhost", "127.0.0.1")));
	assert_false(cert_is_for(leaf.pem, one.pem, NAMES("www.dropbox.com")));
}

static void
test_s160_a_pair_that_is_none(void **state)
{
	struct fixture *f = *state;
	struct cert one = authority(f, 10), two = authority(f, 10);
	struct cert mixed = { one.pem, two.key_pem }, no_key = { one.pem, secret_of(one.pem) };

	assert_int_equal(cert_check_pair(&f->cx, &one), OK);
	assert_int_equal(cert_check_pair(&f->cx, &mixed), E_INPUT);
	assert_int_equal(cert_check_pair(&f->cx, &no_key), E_INPUT);
	assert_int_equal(cert_check_roots(&f->cx, S("nothing"), "the-file"), E_INPUT);
	assert_non_null(strstr(f->cx.why, "the-file"));
}

static void
test_files_are_private_and_whole(void **state)
{
	struct fixture *f = *state;
	const char *path = fixture_path(f, "file");
	struct stat st;
	struct str text;

	assert_int_equal(file_read(&f->cx, path, 100, &text), E_NOTFOUND);
	assert_int_equal(file_write(&f->cx, path, S("first")), OK);
	assert_int_equal(file_write_later(&f->cx, path, S("second")), OK);
	file_sync(path);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(file_read_private(&f->cx, path, 6, &text), OK);
	assert_str_equal(text, S("second"));
	assert_int_equal(file_read(&f->cx, path, 5, &text), E_INPUT);
	assert_int_equal(chmod(path, 0644), 0);
	assert_int_equal(file_read(&f->cx, path, 6, &text), OK);
	assert_int_equal(file_read_private(&f->cx, path, 6, &text), E_INPUT);
	assert_int_equal(file_read(&f->cx, f->dir, 6, &text), E_INPUT);
}

static enum rc
hello(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	(void)app, (void)cx, (void)req;
	http_res_text(res, 200, S("hello"));
	return OK;
}

static enum rc
no_gate(void *app, struct ctx *cx, struct http_req *req, struct http_res *res)
{
	(void)app, (void)cx, (void)req, (void)res;
	return OK;
}

static struct http_server *
start_server(struct fixture *f, const struct cert *server)
{
	static const struct http_route route = { HTTP_M_GET, "/", 0, LANE_LOOP, 0, hello,
		BODY_TO_MEMORY };
	static const struct http_site site = {
		.routes = &route, .route_count = 1, .gate = no_gate
	};
	struct http_tls tls = { server->pem, secret_expose(server->key_pem) };
	struct http_server_config cfg = { .host = S("127.0.0.1"), .clock = f->clock, .tls = &tls };
	struct http_server *s;

	assert_int_equal(http_server_new(&f->cx, &cfg, &s), OK);
	assert_int_equal(http_server_start(&f->cx, s, &site), OK);
	return s;
}

static struct http_reply
call(struct fixture *f, struct http_client *c, const struct http_server *s)
{
	struct http_call call = { .method = "GET", .url = http_server_url(s) };
	struct http_reply reply;

	http_client_call(c, &f->cx, &call, &reply);
	return reply;
}

static void
assert_refused(struct http_reply reply)
{
	assert_int_equal(reply.end, CALL_REFUSED);
	assert_true(reply.untrusted);
	assert_non_null(strstr(reply.error, "certificate"));
}

static void
test_s026_an_authority_is_believed_by_the_client_it_was_given_to(void **state)
{
	struct fixture *f = *state;
	struct cert ca = authority(f, 10), other = authority(f, 10), leaf;
	struct http_client *with, *without, *wrong;
	struct http_server *s;

	assert_int_equal(cert_server_make(&f->cx, &ca, NAMES("127.0.0.1"), 5, &leaf), OK);
	s = start_server(f, &leaf);
	with = http_client_new(S("t"), ca.pem);
	without = http_client_new(S("t"), S(""));
	wrong = http_client_new(S("t"), other.pem);
	assert_refused(call(f, without, s));
	for (int i = 0; i < 3; i++) {
		assert_int_equal(call(f, with, s).status, 200);
		assert_refused(call(f, without, s)); /* no kept connection of the other is used */
		assert_refused(call(f, wrong, s));
	}
	http_client_free(with);
	http_client_free(without);
	http_client_free(wrong);
	http_server_stop(s, 0);
	http_server_free(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_s161_the_authority_vouches_for_its_names_only),
		TEST(test_s161_the_authority_signs_no_other),
		TEST(test_a_server_ends_before_its_authority),
		TEST(test_s162_no_two_are_alike),
		TEST(test_s160_a_pair_that_is_none),
		TEST(test_files_are_private_and_whole),
		TEST(test_s026_an_authority_is_believed_by_the_client_it_was_given_to),
	};

	crypto_setup();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
