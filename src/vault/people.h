/* vault/people.h - who is at the keyboard: passwords, sessions, CSRF tokens. */
#ifndef VAULT_PEOPLE_H
#define VAULT_PEOPLE_H

#include "store/access.h"

struct vault;

/* Made from the cookie alone, so an anonymous visitor costs nothing; user.id is empty then. */
struct session {
	struct secret cookie;
	struct str digest;
	struct str csrf;
	struct user user;
};

/* A session for this cookie value, signed in or not. An empty or odd value gets a fresh one and
 * *fresh is set. */
MUST enum rc vault_session(
    struct vault *v, struct ctx *cx, struct str cookie, struct session *out, bool *fresh);
/* Whether it is still one of a person; does not count as using it. E_NOTFOUND. */
MUST enum rc vault_session_lives(struct vault *v, struct ctx *cx, struct str digest);
/* From here on the context is this person's. */
void vault_act_as(struct ctx *cx, const struct user *user);
bool vault_csrf_ok(const struct session *s, struct str token);

/* A new session id on success, the one before is gone (S-104). E_AUTH for a wrong user or password,
 * alike in words and time; E_BUSY code "too-many-attempts" after ten failures a minute. */
MUST enum rc vault_sign_in(struct vault *v, struct ctx *cx, struct session *s, struct str peer,
    struct str username, struct secret password);
/* Whoever is handed a secret has given the password in this session in the last ten minutes (S-119);
 * else E_DENIED code "reauthentication-required". */
MUST enum rc vault_session_want_confirmed(struct vault *v, struct ctx *cx, const struct session *s);
/* It was given again. E_INPUT field "password" for a wrong one; E_BUSY as for vault_sign_in. */
MUST enum rc vault_session_confirm(struct vault *v, struct ctx *cx, const struct session *s,
    struct str peer, struct secret password);
MUST enum rc vault_sign_out(struct vault *v, struct ctx *cx, struct session *s);
/* Ends the user's other sessions. E_INPUT field "current" or "new". E_CONFLICT when
 * somebody else has changed it meanwhile. */
MUST enum rc vault_password_change(struct vault *v, struct ctx *cx, const struct session *s,
    struct secret current, struct secret replacement);

/* Sets a password without knowing the old one: first start and `valetkey passwd`. */
MUST enum rc vault_password_set(
    struct vault *v, struct ctx *cx, struct str username, struct secret password);
/* The same for the first person; E_CONFLICT when there is somebody, of another node too. */
MUST enum rc vault_first_user(
    struct vault *v, struct ctx *cx, struct str username, struct secret password);
MUST enum rc vault_has_users(struct vault *v, struct ctx *cx, bool *out);

#endif
