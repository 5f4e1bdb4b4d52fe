#include "http/tls.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <stdlib.h>

struct tls_rules {
	SSL_CTX *ssl;
	const char *const *names;
	size_t name_count;
};

struct tls {
	SSL *ssl; /* owns the two */
	BIO *in, *out;
};

static bool
is_listed(const struct tls_rules *r, const char *name)
{
	for (size_t i = 0; name != NULL && i < r->name_count; i++) {
		if (str_eq_nocase(str_of(r->names[i]), str_of(name)))
			return true;
	}
	return false;
}

/* OpenSSL asks here whether or not the client named a server. */
static int
on_server_name(SSL *ssl, int *alert, void *arg)
{
	const struct tls_rules *r = arg;

	if (r->name_count == 0 || is_listed(r, SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name)))
		return SSL_TLSEXT_ERR_OK;
	*alert = SSL_AD_UNRECOGNIZED_NAME;
	return SSL_TLSEXT_ERR_ALERT_FATAL;
}

static int
on_protocols(SSL *ssl, const unsigned char **out, unsigned char *out_len, const unsigned char *in,
    unsigned in_len, void *arg)
{
	static const unsigned char ours[] = "\x08http/1.1";
	unsigned char *chosen;

	(void)ssl, (void)arg;
	if (SSL_select_next_proto(&chosen, out_len, ours, sizeof(ours) - 1, in, in_len) !=
	    OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_ALERT_FATAL;
	*out = chosen;
	return SSL_TLSEXT_ERR_OK;
}

/* A key without a passphrase is wanted, so nobody is asked for one. */
static int
no_passphrase(char *buf, int size, int writing, void *arg)
{
	(void)buf, (void)size, (void)writing, (void)arg;
	return -1;
}

static bool
use_chain(SSL_CTX *ssl, struct str pem)
{
	BIO *bio = BIO_new_mem_buf(pem.p, (int)pem.len);
	X509 *cert = PEM_read_bio_X509(bio, NULL, no_passphrase, NULL);
	bool good = cert != NULL && SSL_CTX_use_certificate(ssl, cert) == 1;

	X509_free(cert);
	while (good && (cert = PEM_read_bio_X509(bio, NULL, no_passphrase, NULL)) != NULL) {
		good = SSL_CTX_add0_chain_cert(ssl, cert) == 1;
		if (!good)
			X509_free(cert);
	}
	BIO_free(bio);
	return good;
}

static bool
use_key(SSL_CTX *ssl, struct str pem)
{
	BIO *bio = BIO_new_mem_buf(pem.p, (int)pem.len);
	EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL);
	bool good = key != NULL && SSL_CTX_use_PrivateKey(ssl, key) == 1;

	EVP_PKEY_free(key);
	BIO_free(bio);
	return good;
}

static bool
set_rules(SSL_CTX *ssl, struct tls_rules *r)
{
	/* A record is decrypted in place, in memory that OpenSSL would free as it is (S-178). */
	SSL_CTX_set_options(ssl,
	    SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET |
		SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_CLEANSE_PLAINTEXT);
	SSL_CTX_set_mode(ssl, SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_session_cache_mode(ssl, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_tlsext_servername_callback(ssl, on_server_name);
	SSL_CTX_set_tlsext_servername_arg(ssl, r);
	SSL_CTX_set_alpn_select_cb(ssl, on_protocols, NULL);
	return SSL_CTX_set_min_proto_version(ssl, TLS1_2_VERSION) == 1 &&
	    SSL_CTX_set_num_tickets(ssl, 0) == 1 &&
	    SSL_CTX_set_cipher_list(ssl, "ECDHE+AESGCM:ECDHE+CHACHA20:!aNULL:!PSK") == 1;
}

static enum rc
fill(struct ctx *cx, struct tls_rules *r, const struct http_tls *pem)
{
	if (r->ssl == NULL || !set_rules(r->ssl, r))
		return fail(cx, E_BUG, "The TLS library does not take our rules.");
	if (pem->chain_pem.len == 0 || pem->chain_pem.len > INT32_MAX ||
	    !use_chain(r->ssl, pem->chain_pem))
		return fail_at(cx, E_INPUT, "bad-certificate", NULL,
		    "The TLS certificate is not a certificate in PEM.");
	if (pem->key_pem.len == 0 || pem->key_pem.len > INT32_MAX ||
	    !use_key(r->ssl, pem->key_pem) || SSL_CTX_check_private_key(r->ssl) != 1)
		return fail_at(cx, E_INPUT, "bad-key", NULL,
		    "The TLS key is not a private key in PEM that belongs to the certificate.");
	return OK;
}

enum rc
tls_rules_new(struct ctx *cx, const struct http_tls *pem, const char *const *names,
    size_t name_count, struct tls_rules **out)
{
	struct tls_rules *r = mem_alloc(sizeof(*r));
	enum rc rc;

	*r = (struct tls_rules){
		.ssl = SSL_CTX_new(TLS_server_method()),
		.names = names,
		.name_count = name_count,
	};
	rc = fill(cx, r, pem);
	ERR_clear_error();
	if (rc != OK) {
		tls_rules_free(r);
		return rc;
	}
	*out = r;
	return OK;
}

void
tls_rules_free(struct tls_rules *r)
{
	if (r == NULL)
		return;
	SSL_CTX_free(r->ssl);
	free(r);
}

struct tls *
tls_new(const struct tls_rules *r)
{
	struct tls *t = mem_alloc(sizeof(*t));

	t->ssl = SSL_new(r->ssl);
	t->in = BIO_new(BIO_s_mem());
	t->out = BIO_new(BIO_s_mem());
	if (t->ssl == NULL || t->in == NULL || t->out == NULL)
		abort(); /* no memory */
	BIO_set_mem_eof_return(t->in, -1);
	BIO_set_mem_eof_return(t->out, -1);
	SSL_set_bio(t->ssl, t->in, t->out);
	SSL_set_accept_state(t->ssl);
	return t;
}

void
tls_free(struct tls *t)
{
	if (t == NULL)
		return;
	SSL_free(t->ssl);
	free(t);
}

void
tls_feed(struct tls *t, struct str from_wire)
{
	if (BIO_write(t->in, from_wire.p, (int)from_wire.len) != (int)from_wire.len)
		abort(); /* no memory */
}

enum tls_step
tls_read(struct tls *t, char *p, size_t room, size_t *n)
{
	int got;

	*n = 0;
	if (BIO_pending(t->in) == 0 && SSL_pending(t->ssl) == 0)
		return TLS_MORE; /* what there was has been read: OpenSSL need not say so */
	ERR_clear_error();
	got = SSL_read(t->ssl, p, room > INT32_MAX ? INT32_MAX : (int)room);
	if (got > 0) {
		*n = (size_t)got;
		return TLS_READ;
	}
	switch (SSL_get_error(t->ssl, got)) {
	case SSL_ERROR_WANT_READ:
	case SSL_ERROR_WANT_WRITE:
		return TLS_MORE;
	case SSL_ERROR_ZERO_RETURN:
		return TLS_END;
	default:
		return TLS_BAD;
	}
}

bool
tls_write(struct tls *t, struct str clear)
{
	ERR_clear_error();
	/* Into memory, so all of it or nothing. */
	return clear.len == 0 ||
	    (SSL_is_init_finished(t->ssl) &&
		SSL_write(t->ssl, clear.p, (int)clear.len) == (int)clear.len);
}

void
tls_say_end(struct tls *t)
{
	ERR_clear_error();
	if (SSL_is_init_finished(t->ssl))
		SSL_shutdown(t->ssl);
}

struct str
tls_to_send(struct tls *t)
{
	char *p = NULL;
	long len = BIO_get_mem_data(t->out, &p);

	return (struct str){ p, len > 0 ? (size_t)len : 0 };
}

void
tls_sent(struct tls *t)
{
	(void)BIO_reset(t->out);
}
