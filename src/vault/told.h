/* vault/told.h - the state of a token as people are told it.
 *
 * From what is in its row and its provider's contract; nothing is asked of anybody. Texts are in
 * cx->arena. A sentence never holds a secret. */
#ifndef VAULT_TOLD_H
#define VAULT_TOLD_H

#include "oauth/forecast.h"
#include "store/token.h"

struct vault;

enum told_who {
	WHO_NOBODY,        /* it mends itself */
	WHO_OWNER,         /* of the account: Reconnect */
	WHO_ADMINISTRATOR, /* who runs this installation or the app */
};

struct told_trouble {
	struct str what;     /* no full stop at its end */
	struct str sentence; /* what, since when, who can mend it; empty while there is none */
	int64_t since_ms;
	enum told_who who;
};

/* Something the provider was seen to do. */
struct told_fact {
	struct str sentence; /* empty: not seen yet */
	const char *value;   /* for programs: a word, or a number of seconds */
	int64_t seconds;
	int64_t since_ms;
};

/* docs/mechanisms/refresh.md, "What is learned" */
struct told_learned {
	struct told_fact refresh_token; /* of a refresh: "none", "same", "new", "sometimes-new" */
	struct told_fact old_access;    /* after it: "lives", "dies" */
	struct told_fact life;          /* the age at which access tokens were refused */
	struct told_fact clock;         /* how far the provider's is ahead */
};

struct told {
	int64_t proved_ms; /* the provider last answered with this grant; 0: never */
	struct str proof;  /* "Dropbox answered 4 minutes ago." */
	struct forecast forecast;
	struct str because; /* one sentence: why until then */
	struct told_trouble trouble;
	struct str url; /* the token's own screen in the console, with Reconnect */
};

void vault_token_told(struct vault *v, struct ctx *cx, const struct token *t, struct told *out);

/* Of it the forecast alone, which costs no sentence. */
struct forecast vault_token_forecast(struct vault *v, struct ctx *cx, const struct token *t);

void vault_token_learned(
    struct vault *v, struct ctx *cx, const struct token *t, struct told_learned *out);

const char *told_who_word(enum told_who who);

#endif
