/* sandbox/oauth/decide.h - may this account agree to this request, and what follows. Store held.
 *
 * Everything here is asked at the moment of the decision, whatever a page showed before: role, team,
 * users of the app, its permissions and its redirect URIs may all have changed meanwhile. */
#ifndef SANDBOX_OAUTH_DECIDE_H
#define SANDBOX_OAUTH_DECIDE_H

#include "base/json.h"
#include "base/secret.h"
#include "sandbox/console/apps.h"
#include "sandbox/oauth/requests.h"
#include "sandbox/people/accounts.h"

struct decision {
	const struct app *app;
	const struct auth_request *r;
	const struct account *account;
	int64_t signed_in_ms; /* wall clock */
	/* decide_check fills these. */
	scope_set scopes;   /* what an Allow grants: with what was granted before, when asked for */
	struct str team_id; /* empty: it would be a user's grant */
};

/* E_DENIED with code "account-suspended", "wrong-role", "team-admin-only" or "app-users-limit";
 * E_CONFLICT "no-public-clients" or "uri-removed". */
MUST enum rc decide_check(struct sandbox *s, struct ctx *cx, struct decision *d);

struct decided {
	struct str address; /* where the person goes; empty: there is no redirect URI */
	struct secret code; /* to be shown then; empty after a refusal */
};

/* After decide_check. */
MUST enum rc decide_allow(
    struct sandbox *s, struct ctx *cx, const struct decision *d, struct decided *out);
void decide_deny(struct ctx *cx, const struct auth_request *r, struct decided *out);
/* {redirect}, {code} or {cancelled}, as pages and the control API read it. */
void decided_put(json_t *o, const struct decided *done);
/* A remembered approval covers the same address and no more than was granted, and never a client that
 * need not prove itself (S-084, RFC 8252 section 8.6). */
MUST enum rc decide_remembered(
    struct sandbox *s, struct ctx *cx, const struct decision *d, bool *out);

#endif
