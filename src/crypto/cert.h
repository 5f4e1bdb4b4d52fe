/* crypto/cert.h - a certificate authority for one machine, and the certificate it gives a server.
 *
 * Text in, text out; nothing is read or written here. P-256 keys, SHA-256. The authority is
 * name-constrained, so that whoever steals its key can stand for nothing but its few names: critical
 * constraints for DNS names and addresses, e-mail and URI shut, path length 0, server use only.
 * Sources: RFC 5280 section 4.2.1. */
#ifndef CRYPTO_CERT_H
#define CRYPTO_CERT_H

#include "base/ctx.h"
#include "base/secret.h"

struct cert {
	struct str pem;
	struct secret key_pem;
};

struct cert_names {
	const char *const *names; /* DNS names in lower case, or addresses */
	size_t count;
};

/* May vouch for loopback addresses and for `domains` with what is below them. Its name begins with
 * `name` and ends with something random, so that no two are confused. */
MUST enum rc cert_authority_make(
    struct ctx *cx, const char *name, struct cert_names domains, int days, struct cert *out);
/* Ends before its authority does. */
MUST enum rc cert_server_make(struct ctx *cx, const struct cert *authority, struct cert_names names,
    int days, struct cert *out);

/* E_INPUT: the texts are not one certificate and its key. */
MUST enum rc cert_check_pair(struct ctx *cx, const struct cert *c);
/* E_INPUT, naming `path`: there is not one certificate in it. */
MUST enum rc cert_check_roots(struct ctx *cx, struct str pem, const char *path);
/* Whole days until the end of it, by the wall clock; negative: it is over, or no certificate. */
int cert_days_left(struct str pem);
/* Is it by this authority, and for exactly these names? */
bool cert_is_for(struct str pem, struct str authority_pem, struct cert_names names);

#endif
