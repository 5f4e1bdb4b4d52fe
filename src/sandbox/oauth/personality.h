/* sandbox/oauth/personality.h - how an app's refresh tokens behave, when not as Dropbox's. Pure.
 *
 * Every provider answers the same three questions differently: does a refresh give a new refresh token,
 * what becomes of the old one, and what of the old access tokens. A personality is one set of answers,
 * so that a program can be tried against any of them. Stands as JSON in apps.personality; the empty
 * text is Dropbox's. The members are those of docs/sandbox.md. */
#ifndef SANDBOX_OAUTH_PERSONALITY_H
#define SANDBOX_OAUTH_PERSONALITY_H

#include "base/json.h"

enum rotation {
	ROTATION_NONE,   /* a refresh token stays (Dropbox, Google) */
	ROTATION_GRACE,  /* a new one each time; the old one works for a while */
	ROTATION_SINGLE, /* a new one each time; the old one is dead */
	ROTATION_STRICT, /* and using the old one ends the whole family (RFC 9700 section 4.14.2) */
};

/* What ends a grace before its max_s. */
enum grace_until { GRACE_SECONDS, GRACE_R2_USED, GRACE_ACCESS_USED };

enum expires_as { EXPIRES_NUMBER, EXPIRES_TEXT, EXPIRES_ABSENT, EXPIRES_ZERO };

struct personality {
	enum rotation rotation;
	enum grace_until until;
	int64_t grace_max_s;
	bool repeat_same;  /* repeating gives the same pair; otherwise a new one */
	bool after_strict; /* using the old one after its grace ends the family */
	bool refresh_kills_access;
	int64_t idle_s, max_age_s; /* of a refresh token; 0: none */
	bool age_from_issue;       /* otherwise from the consent: rotation does not prolong it */
	enum expires_as expires_in;
	int64_t access_life_s; /* 0: 14,400, or without end when expires_in is zero */
};

/* E_INPUT naming the member that is unknown, of the wrong kind or out of range. */
MUST enum rc personality_read(struct ctx *cx, const json_t *o, struct personality *out);
/* From the column. E_BUG when it is not what personality_json wrote. */
MUST enum rc personality_parse(struct ctx *cx, struct str text, struct personality *out);
/* rotation, and every other member that is not the default. */
json_t *personality_json(const struct personality *p);

#endif
