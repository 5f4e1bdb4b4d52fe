/* oauth/plan.h - what to do next about a token, after an attempt whose end is not known, and when to
 * refresh at all. Pure: everything it looks at is in its argument.
 *
 * In doubt means: a refresh token was sent, and no reply was kept. Whether it may be sent again is
 * the provider's contract (oauth/contract.h). */
#ifndef OAUTH_PLAN_H
#define OAUTH_PLAN_H

#include "oauth/contract.h"

/* What stands in the store about the newest attempt. */
enum attempt_stage {
	ATTEMPT_NONE,
	ATTEMPT_SENT, /* recorded before the request left; whoever finds it so without a lease: a crash */
	ATTEMPT_KEPT, /* the raw reply is in the store, not yet understood */
	ATTEMPT_LOST, /* ended without a reply */
};

/* What one cheap call with the old access token said. */
enum witness { WITNESS_NOT_ASKED, WITNESS_ALIVE, WITNESS_DEAD, WITNESS_SILENT };

enum plan_step {
	PLAN_SEND,        /* send the refresh token: no harm can come of it */
	PLAN_READ,        /* read the kept reply */
	PLAN_ASK_WITNESS, /* ask with the old access token whether the provider processed the attempt */
	PLAN_HOLD,        /* touch nothing until at_ms (0: until something changes) */
	PLAN_RISK,        /* the one second try that may do harm: the last safe moment has come */
	PLAN_GIVE_UP,     /* the new refresh token is lost: its owner must connect again */
};

struct plan_state {
	struct contract contract;
	enum attempt_stage stage;
	bool risked;        /* the risky try has been made */
	int64_t first_ms;   /* when the refresh token was first sent without a reply */
	int64_t sent_ms;    /* when it was last sent */
	int64_t expires_ms; /* of the old access token; 0: unknown */
	int64_t refused_ms; /* when it was seen to be dead before its end; 0: it was not */
	bool rejected;      /* the provider refused the old access token to somebody */
	bool has_witness;   /* there is a cheap call */
	enum witness witness;
	bool unreadable; /* the kept reply was read in vain */
	int64_t now_ms;
	/* When its call ended and what is now, by a clock that nobody sets; over_ms 0: not known, since it
	 * was another process's. */
	int64_t over_ms, steady_ms;
};

struct plan {
	enum plan_step step;
	int64_t at_ms; /* with PLAN_HOLD */
};

struct plan plan_next(const struct plan_state *s);

/* A request may still be working its way through the provider this long after its connection broke;
 * a witness asked earlier could say alive too soon, and a second try could meet the first. */
#define PLAN_SETTLE_MS 30000
/* The risky try is made this long before the old access token ends, so that it can be answered. */
#define PLAN_LAST_MOMENT_MS 120000

struct due_state {
	struct contract contract;
	int64_t now_ms, expires_ms; /* expires_ms 0: unknown */
	int64_t used_ms;            /* when the refresh token was used last; 0: now */
	int64_t refresh_expires_ms; /* of the refresh token, as a reply said; 0: not said */
	bool unmoved;               /* the newest use did not move that end */
	bool has_refresh;
	bool lazy;       /* nobody asked for it to be kept fresh: only kept alive */
	uint32_t random; /* jitter */
};

/* When to refresh next; 0: not by itself. Single and strict providers at half of the life, so that
 * hours are left to mend what goes wrong; where a refresh kills the old access token under its
 * readers, and everywhere else, late. Refresh tokens that die unused, or whose end a reply told, are
 * used in time. */
int64_t plan_due_ms(const struct due_state *s);
/* Is the end of a refresh token, as the newest reply tells it, the one that was told before? 0: not told,
 * and then it may have moved. */
bool plan_end_stays(int64_t before_ms, int64_t now_ms);

#endif
