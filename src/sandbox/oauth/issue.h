/* sandbox/oauth/issue.h - making tokens: the room's own, between grants.c, codes.c and refresh.c. */
#ifndef SANDBOX_OAUTH_ISSUE_H
#define SANDBOX_OAUTH_ISSUE_H

#include "sandbox/oauth/grants.h"

#define REFRESH_LEN 64
#define ACCESS_TIME_LEN 12 /* of a short-lived access token's end: milliseconds in hexadecimal */

/* A grant as far as issuing needs it. */
struct grant {
	struct str id, app_key, account_id, team_id;
	scope_set scopes;
	bool offline, long_lived;
	struct personality personality;
};

struct str token_digest(
    struct sandbox *s, struct ctx *cx, const char *purpose, struct secret value);
#define CODE_PURPOSE "sandbox.code"
#define REFRESH_PURPOSE "sandbox.refresh"

/* The key of an access token's row. Short-lived ones end with the time when they were made, and in
 * the key it stands in front of the digest: new rows come together at the end of the index, however
 * many there are. */
struct str access_digest(struct sandbox *s, struct ctx *cx, struct secret token);

/* Of a row of links whose pair has no grant any more: the link goes with the last. */
#define NOBODYS_LINK                                                         \
	"NOT EXISTS (SELECT 1 FROM grants o WHERE o.app_key = links.app_key" \
	" AND o.account_id = links.account_id AND o.ended_ms = 0)"

struct str random_id(struct ctx *cx);
enum rc invalid_grant(struct ctx *cx, const char *why); /* always fails */

/* Where an access token comes from. */
struct birth {
	int64_t number; /* the how manyth refresh of its grant; 0: none, a consent */
	int64_t
	    watched; /* the generation of refresh tokens whose grace ends when it is used; 0: none */
};

/* Into out: access, when it expires, and whose it is. out->scopes says what it may, out->at_ms when. */
MUST enum rc access_issue(struct sandbox *s, struct ctx *cx, const struct grant *g,
    struct birth birth, struct issued *out);
/* Into out->refresh, at out->at_ms. Empty value: a random one. */
MUST enum rc refresh_issue(struct sandbox *s, struct ctx *cx, const struct grant *g,
    int64_t generation, struct secret value, struct issued *out);

#endif
