/* oauth/contract.h - how a provider treats a refresh token that has been used. Pure.
 *
 * The right answer to a lost reply is the opposite for the next provider, so a provider definition
 * says for each kind of client (RFC 6749 section 2.1) what becomes of the old refresh token, R1, and
 * of the old access token when R1 is exchanged for R2. Schema: providers/schema.json. */
#ifndef OAUTH_CONTRACT_H
#define OAUTH_CONTRACT_H

#include "base/ctx.h"
#include "base/json.h"

enum rotation {
	ROTATION_NONE,   /* R1 keeps working, whether or not there is an R2 */
	ROTATION_GRACE,  /* R1 works for a while */
	ROTATION_SINGLE, /* R1 is dead at once */
	ROTATION_STRICT, /* R1 is dead, and presenting it again revokes R2 as well */
};

/* What ends the grace, besides its seconds. */
enum grace_until { GRACE_SECONDS, GRACE_R2_USED, GRACE_ACCESS_USED };

enum max_age_from { AGE_FROM_CONSENT, AGE_FROM_LAST_USE };

struct contract {
	enum rotation rotation;
	enum grace_until grace_until;
	int64_t grace_max_s;             /* ROTATION_GRACE only; 0: no limit but the event */
	bool refresh_kills_access;       /* the old access token dies with the refresh */
	int64_t refresh_token_idle_s;    /* a refresh token dies when unused so long; 0: never */
	int64_t refresh_token_max_age_s; /* or this old; 0: never */
	enum max_age_from max_age_from;
	int64_t access_life_s; /* of an access token whose reply does not say; 0: unknown */
};

/* Reads one contract. E_INPUT names the member at fault: a definition with a typing error must not
 * become a milder contract by silence. */
MUST enum rc contract_read(struct ctx *cx, const json_t *obj, struct contract *out);

const char *rotation_word(enum rotation r);

/* May R1 be presented again at now_ms without harm, when it was sent at sent_ms and no reply came?
 * Where the grace ends by an event it has not ended: nothing new came that could have been used. Of its seconds the
 * last ten (of less than twenty the second half) are not used: what leaves then may arrive too late. */
bool contract_forgives(const struct contract *c, int64_t sent_ms, int64_t now_ms);
/* When it has to be tried again at the latest to be within a grace that goes on at now_ms; INT64_MAX: no end is
 * near. */
int64_t contract_again_by_ms(const struct contract *c, int64_t sent_ms, int64_t now_ms);

#endif
