#include "crypto/cert.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "base/buf.h"
#include "crypto/crypto.h"

#define DAY_S (24 * 3600L)
#define BACKDATE_S 3600 /* a client's clock may be a little late */
#define TEXT_MAX 4096
#define PEM_MAX 16384

/* One certificate in the making; released as a whole. */
struct making {
	X509 *cert, *issuer; /* issuer: NULL for one that signs itself */
	EVP_PKEY *key, *issuer_key;
};

static int
no_passphrase(char *buf, int size, int writing, void *arg)
{
	(void)buf, (void)size, (void)writing, (void)arg;
	return -1;
}

static X509 *
read_cert(struct str pem)
{
	BIO *bio = BIO_new_mem_buf(pem.p, (int)pem.len);
	X509 *cert = pem.len == 0 ? NULL : PEM_read_bio_X509(bio, NULL, no_passphrase, NULL);

	BIO_free(bio);
	return cert;
}

static EVP_PKEY *
read_key(struct secret pem)
{
	struct str text = secret_expose(pem);
	BIO *bio = BIO_new_mem_buf(text.p, (int)text.len);
	EVP_PKEY *key =
	    text.len == 0 ? NULL : PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL);

	BIO_free(bio);
	return key;
}

static void
release(struct making *m)
{
	X509_free(m->cert);
	X509_free(m->issuer);
	EVP_PKEY_free(m->key);
	EVP_PKEY_free(m->issuer_key);
	ERR_clear_error();
}

/* The text that a memory BIO holds; frees it. */
static struct str
take(struct arena *a, BIO *bio)
{
	char *p = NULL;
	long len = BIO_get_mem_data(bio, &p);
	struct str s = str_dup(a, (struct str){ p, len > 0 ? (size_t)len : 0 });

	if (len > 0)
		mem_wipe(p, (size_t)len);
	BIO_free(bio);
	return s;
}

static bool
write_pair(struct ctx *cx, const struct making *m, struct cert *out)
{
	BIO *cert = BIO_new(BIO_s_mem()), *key = BIO_new(BIO_s_mem());
	bool ok = PEM_write_bio_X509(cert, m->cert) == 1 &&
	    PEM_write_bio_PKCS8PrivateKey(key, m->key, NULL, NULL, 0, NULL, NULL) == 1;

	out->pem = take(cx->arena, cert);
	out->key_pem = secret_of(take(cx->arena, key));
	return ok;
}

static bool
set_serial(X509 *cert)
{
	unsigned char bytes[16];
	BIGNUM *n;
	bool ok;

	crypto_random(bytes, sizeof(bytes));
	bytes[0] = (bytes[0] & 0x7f) | 0x40; /* positive and of full length */
	n = BN_bin2bn(bytes, sizeof(bytes), NULL);
	ok = n != NULL && BN_to_ASN1_INTEGER(n, X509_get_serialNumber(cert)) != NULL;
	BN_free(n);
	return ok;
}

static bool
set_times(X509 *cert, const X509 *issuer, int days)
{
	time_t now = (time_t)(clock_wall_ms() / 1000), end = now + days * DAY_S;
	const ASN1_TIME *last = issuer != NULL ? X509_get0_notAfter(issuer) : NULL;

	if (ASN1_TIME_set(X509_getm_notBefore(cert), now - BACKDATE_S) == NULL)
		return false;
	if (last != NULL && X509_cmp_time(last, &end) < 0)
		return X509_set1_notAfter(cert, last) == 1;
	return ASN1_TIME_set(X509_getm_notAfter(cert), end) != NULL;
}

static bool
set_subject(X509 *cert, struct str name)
{
	X509_NAME *subject = X509_get_subject_name(cert);

	return X509_NAME_add_entry_by_txt(subject, "O", MBSTRING_UTF8,
		   (const unsigned char *)"valetkey", -1, -1, 0) == 1 &&
	    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, (const unsigned char *)name.p,
		(int)name.len, -1, 0) == 1;
}

static bool
add_extension(const struct making *m, int nid, const char *value)
{
	X509V3_CTX x;
	X509_EXTENSION *ext;
	bool ok;

	X509V3_set_ctx_nodb(&x);
	X509V3_set_ctx(&x, m->issuer != NULL ? m->issuer : m->cert, m->cert, NULL, NULL, 0);
	ext = X509V3_EXT_conf_nid(NULL, &x, nid, value);
	ok = ext != NULL && X509_add_ext(m->cert, ext, -1) == 1;
	X509_EXTENSION_free(ext);
	return ok;
}

/* Everything but the extensions and the signature. */
static bool
begin(struct making *m, struct str name, int days)
{
	m->cert = X509_new();
	m->key = EVP_EC_gen("P-256");
	return m->cert != NULL && m->key != NULL && X509_set_version(m->cert, 2) == 1 &&
	    set_serial(m->cert) && set_times(m->cert, m->issuer, days) &&
	    set_subject(m->cert, name) &&
	    X509_set_issuer_name(
		m->cert, X509_get_subject_name(m->issuer != NULL ? m->issuer : m->cert)) == 1 &&
	    X509_set_pubkey(m->cert, m->key) == 1 &&
	    add_extension(m, NID_subject_key_identifier, "hash") &&
	    add_extension(m, NID_authority_key_identifier, "keyid:always");
}

static enum rc
finish(struct ctx *cx, struct making *m, bool ok, struct cert *out)
{
	EVP_PKEY *signer = m->issuer_key != NULL ? m->issuer_key : m->key;

	ok = ok && X509_sign(m->cert, signer, EVP_sha256()) > 0 && write_pair(cx, m, out);
	release(m);
	return ok ? OK : fail(cx, E_BUG, "A certificate could not be made.");
}

/* Where one name of a kind is permitted the others are not: a mail host and a URI host that nobody has
 * shut their kinds. */
static const char *
constraints(struct ctx *cx, struct cert_names domains)
{
	struct buf b = buf_in(cx->arena, TEXT_MAX);

	buf_add(&b,
	    S("critical,permitted;IP:127.0.0.0/255.0.0.0,permitted;IP:0:0:0:0:0:0:0:1/"
	      "FFFF:FFFF:FFFF:FFFF:FFFF:FFFF:FFFF:FFFF,permitted;email:shut.invalid,"
	      "permitted;URI:shut.invalid"));
	for (size_t i = 0; i < domains.count; i++)
		buf_addf(&b, ",permitted;DNS:%s", domains.names[i]);
	buf_addc(&b, '\0');
	return b.overflow ? "" : b.p;
}

enum rc
cert_authority_make(
    struct ctx *cx, const char *name, struct cert_names domains, int days, struct cert *out)
{
	struct secret mark = crypto_random_text(cx->arena, 8, S("0123456789abcdef"));
	struct str subject = str_printf(cx->arena, "%s %.*s", name, STR_ARG(secret_expose(mark)));
	struct making m = { 0 };
	bool ok = begin(&m, subject, days) &&
	    add_extension(&m, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") &&
	    add_extension(&m, NID_key_usage, "critical,keyCertSign,cRLSign") &&
	    add_extension(&m, NID_ext_key_usage, "serverAuth") &&
	    add_extension(&m, NID_name_constraints, constraints(cx, domains));

	return finish(cx, &m, ok, out);
}

static bool
is_address(const char *name)
{
	unsigned char bytes[sizeof(struct in6_addr)];

	return inet_pton(AF_INET, name, bytes) == 1 || inet_pton(AF_INET6, name, bytes) == 1;
}

static const char *
alternatives(struct ctx *cx, struct cert_names names)
{
	struct buf b = buf_in(cx->arena, TEXT_MAX);

	for (size_t i = 0; i < names.count; i++)
		buf_addf(&b, "%s%s:%s", i > 0 ? "," : "", is_address(names.names[i]) ? "IP" : "DNS",
		    names.names[i]);
	buf_addc(&b, '\0');
	return b.overflow ? "" : b.p;
}

enum rc
cert_server_make(struct ctx *cx, const struct cert *authority, struct cert_names names, int days,
    struct cert *out)
{
	/* A subject that could be a host would be held against the constraints, too. */
	struct making m = { .issuer = read_cert(authority->pem),
		.issuer_key = read_key(authority->key_pem) };
	bool ok = m.issuer != NULL && m.issuer_key != NULL && names.count > 0 &&
	    begin(&m, S("development server"), days) &&
	    add_extension(&m, NID_basic_constraints, "critical,CA:FALSE") &&
	    add_extension(&m, NID_key_usage, "critical,digitalSignature") &&
	    add_extension(&m, NID_ext_key_usage, "serverAuth") &&
	    add_extension(&m, NID_subject_alt_name, alternatives(cx, names));

	return finish(cx, &m, ok, out);
}

enum rc
cert_check_pair(struct ctx *cx, const struct cert *c)
{
	struct making m = { .cert = read_cert(c->pem), .key = read_key(c->key_pem) };
	bool ok = m.cert != NULL && m.key != NULL && X509_check_private_key(m.cert, m.key) == 1;

	release(&m);
	return ok ? OK
		  : fail(cx, E_INPUT, "They are not a certificate and its private key in PEM.");
}

enum rc
cert_check_roots(struct ctx *cx, struct str pem, const char *path)
{
	struct making m = { .cert = read_cert(pem) };
	bool ok = m.cert != NULL;

	release(&m);
	return ok ? OK : fail(cx, E_INPUT, "The file %s is not a certificate in PEM.", path);
}

int
cert_days_left(struct str pem)
{
	struct making m = { .cert = read_cert(pem) };
	int days = -1, seconds = 0;

	if (m.cert == NULL ||
	    ASN1_TIME_diff(&days, &seconds, NULL, X509_get0_notAfter(m.cert)) != 1 || seconds < 0)
		days = -1;
	release(&m);
	return days;
}

static size_t
alternative_count(const X509 *cert)
{
	GENERAL_NAMES *list = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
	int count = list != NULL ? sk_GENERAL_NAME_num(list) : 0;

	GENERAL_NAMES_free(list);
	return count > 0 ? (size_t)count : 0;
}

static bool
has_name(X509 *cert, const char *name)
{
	if (is_address(name))
		return X509_check_ip_asc(cert, name, 0) == 1;
	return X509_check_host(cert, name, 0, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT, NULL) == 1;
}

bool
cert_is_for(struct str pem, struct str authority_pem, struct cert_names names)
{
	struct making m = { .cert = read_cert(pem), .issuer = read_cert(authority_pem) };
	bool ok = m.cert != NULL && m.issuer != NULL &&
	    X509_verify(m.cert, X509_get0_pubkey(m.issuer)) == 1 &&
	    alternative_count(m.cert) == names.count;

	for (size_t i = 0; ok && i < names.count; i++)
		ok = has_name(m.cert, names.names[i]);
	release(&m);
	return ok;
}
