/* http/tls.h - TLS for the server, between bytes and bytes.
 *
 * A struct tls_rules is a listener's certificate, key and what it agrees to: TLS 1.3, and 1.2 with
 * forward secrecy and authenticated ciphers; no compression, no renegotiation, no resumption (so a
 * restart is nothing special), http/1.1 only. It is immutable, so any thread may use it. A struct
 * tls is one connection's session; it knows no socket: what came in is fed to it, what must go out
 * is taken from it. One thread at a time. Besides crypto/cert.c the only file that
 * sees OpenSSL. Source: RFC 9325. */
#ifndef HTTP_TLS_H
#define HTTP_TLS_H

#include "http/server.h"

struct tls_rules;
struct tls;

/* With names, the client must ask for one of them (SNI); borrowed. E_INPUT: the PEM is not a
 * certificate and its key. */
MUST enum rc tls_rules_new(struct ctx *cx, const struct http_tls *pem, const char *const *names,
    size_t name_count, struct tls_rules **out);
void tls_rules_free(struct tls_rules *r); /* after its sessions; takes NULL */

struct tls *tls_new(const struct tls_rules *r);
void tls_free(struct tls *t); /* takes NULL */

enum tls_step {
	TLS_READ, /* *n bytes of clear text were written */
	TLS_MORE, /* the other side must say more first */
	TLS_END,  /* the other side has said that it ends */
	TLS_BAD,  /* broken: send what is still to go out, then close */
};

void tls_feed(struct tls *t, struct str from_wire);
/* Does the handshake too. Afterwards something may have to go out. */
enum tls_step tls_read(struct tls *t, char *p, size_t room, size_t *n);
/* False: broken, or the handshake has not ended. */
bool tls_write(struct tls *t, struct str clear);
void tls_say_end(struct tls *t);

/* What must go out, valid until the next call; tls_sent forgets it. */
struct str tls_to_send(struct tls *t);
void tls_sent(struct tls *t);

#endif
