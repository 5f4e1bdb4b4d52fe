/* vault/engine_int.h - shared by the engine's files: its thread (engine.c), what is under way
 * (flight.c), what is written together (round.c), and the way of an attempt (attempt*.c). */
#ifndef VAULT_ENGINE_INT_H
#define VAULT_ENGINE_INT_H

#include "oauth/plan.h"
#include "store/round.h"
#include "vault/lane.h"
#include "vault/settler.h"
#include "vault/upstream.h"
#include "vault/vault_int.h"

#define LEASE_MS 45000        /* longer than any call may take */
#define CALL_TIMEOUT_MS 20000 /* shorter than the lease, so it cannot lapse under a call */
#define WITNESS_TIMEOUT_MS 8000
#define LEASE_MARGIN_MS 5000 /* what must be left of the lease beyond the call's time limit */

enum flight_stage {
	FLIGHT_WANTED,   /* not begun: waits for room in its lane */
	FLIGHT_UNSURE,   /* whether its claim or its record was written is not known yet */
	FLIGHT_CALLING,  /* a call is out; the client's thread may write the reply */
	FLIGHT_ANSWERED, /* the reply is here, or what it says could not be written yet */
	FLIGHT_READ,     /* its pair is to be committed */
	FLIGHT_FAILED,   /* its failure is to be written */
	FLIGHT_DONE,
};

/* What the state that was read with the claim says. */
enum flight_begin {
	BEGIN_OVER,   /* somebody did it between the wish and the claim */
	BEGIN_REFUSE, /* its refresh token is known to be dead */
	BEGIN_PLAN,   /* as the plan says */
};

enum flight_call { FLIGHT_REFRESH, FLIGHT_KEPT_REPLY, FLIGHT_WITNESS };

/* One refresh of one token, from the wish to the outcome. Readers and the engine hold it. */
struct flight {
	/* What each round looks at, of all that are under way. */
	struct flight *prev, *next;
	enum flight_stage stage;
	int readers;
	/* Not before, clock_mono_ms: the store failed (FLIGHT_UNSURE, _ANSWERED, _READ, _FAILED), or another
	 * node is at it (FLIGHT_WANTED). */
	int64_t again_ms;
	struct lane *lane; /* NULL until the token was looked up */
	bool in_lane;      /* counted in it */
	bool settling;     /* what it wrote in its last step is on its way to the disk */

	bool rejected; /* somebody was refused with the access token of rejected_ms */
	bool due_only; /* nobody asked but the clock */
	struct engine *engine;
	struct arena *arena; /* the engine thread's, except for the reply during FLIGHT_CALLING */
	struct str token_id;
	int64_t rejected_ms; /* its refreshed_ms: by the time of the claim there may be another */
	int64_t seen_ms;     /* refreshed_ms of the token somebody found wanting; ENGINE_ANYWAY */
	enum rc rc;          /* with FLIGHT_DONE; words in cx */

	enum flight_begin begin;
	struct refresh_claim claim;
	/* Of its lease, as taken before the claim: until when by either clock. The machine may sleep, or
	 * stand still and have its clock set afterwards. */
	int64_t lease_boot_ms, lease_wall_ms;
	struct plan_state plan;
	enum flight_call call;
	bool was_told;      /* its owner knows already that something is in doubt */
	bool first_of_kind; /* its failure is another than the one before */
	bool keep_reply;    /* although it tells nothing of the attempt */
	bool in_doubt;      /* what this attempt, or the one that was found, came to is not known */
	bool called;        /* there was a call, or a kept reply was read */
	struct http_reply reply;
	bool sealed;              /* the reply is in the store */
	bool sealed_again;        /* after its pair could not be committed */
	struct token_grant grant; /* what the reply gave, once it is read */
	int64_t expires_in_s;
	struct refresh_failure failure; /* with FLIGHT_FAILED */
	struct ctx cx;                  /* the last: see flight_drop */
};

struct engine {
	struct vault *vault;
	pthread_mutex_t lock;
	pthread_cond_t changed; /* work for the engine, or a flight is done */
	pthread_t thread;
	struct flight *flights;
	struct flight *spare; /* wiped, for those to come: a storm's are not made anew each */
	int spare_count;
	struct map *flying; /* token id -> its flight that is not done */
	struct map
	    *over; /* token id -> when its call ended with nothing; the engine's thread only */
	struct lane *lanes; /* one for each provider, in its order */
	bool look;          /* something may be due anywhere */
	uint64_t news;      /* counts what the engine's thread must not sleep over */
	bool clock_moved;
	int64_t house_at, purge_at; /* clock_mono_ms */
	bool stopping, ended;
	/* On the engine's thread, like the rest: round.c. */
	struct round_parts *parts;    /* of the next round */
	struct round_parts *settling; /* of the one that is on its way to the disk; NULL: none is */
	struct round_parts *idle;     /* NULL while there is one */
	struct settler *settler;
	struct arena *arena; /* of one look */
};

/* --- flight.c; the engine's lock is held, but for flight_done --- */

struct flight *flight_find(struct engine *e, struct str token_id); /* not done yet; or NULL */
struct flight *flight_new(struct engine *e, struct str token_id);
/* Wipes it, and keeps it for another. */
void flight_drop(struct engine *e, struct flight *f);
void flight_let_spare_go(struct engine *e);
/* It waits in this lane. */
void flight_enter(struct flight *f, struct lane *l);
void flight_move(struct flight *f, enum flight_stage stage);
/* Its attempt begins, or may: it waits no longer. */
void flight_take_place(struct flight *f, int64_t mono_ms);
/* Gives back its place in the lane, of which it made no use. */
void flight_leave_unused(struct flight *f);
/* Wakes the readers; frees the flight when there are none. */
void flight_done(struct flight *f, enum rc rc);
struct lane *lane_of(struct engine *e, struct str provider); /* NULL: no such provider */

/* --- attempt.c and attempt_reply.c; on the engine's thread --- */

/* Right after the claim, inside its transaction: whether a refresh is to be recorded and sent. */
bool attempt_plan(void *flight, bool *risky);
/* It cannot be claimed, in words of its context. What is so with the row itself is not tried again at
 * once; a store that is away says nothing about a token. */
void attempt_postpone(struct flight *f, enum rc rc, int64_t seen_due_ms);
/* Whether its claim, or its record, was written is not known: nothing leaves before that is found out. */
void attempt_unsure(struct flight *f);
/* Finds it out, goes on or begins again; the store may still be away. */
void attempt_find(struct flight *f);
/* The claim is durable, or was not made: does what the plan says. */
void attempt_begin(struct flight *f, enum rc rc, bool recorded);

/* The flight's call has ended. */
bool attempt_wants_seal(const struct flight *f);
/* The reply is in the store, or there was none to keep: reads it. */
void attempt_answered(struct flight *f);
/* It could not be sealed. */
void attempt_not_sealed(struct flight *f, enum rc rc);
/* Its failure is in the store, or could not be written: why, in the store's words. */
void attempt_failure_written(struct flight *f, enum rc rc, const char *why);
/* The pair is in the store, or could not be written. */
void attempt_committed(struct flight *f, enum rc rc);

/* --- round.c; on the engine's thread --- */

struct round_parts *round_parts_new(void);
void round_parts_free(struct round_parts *parts);
/* Takes one durable step with each flight that can take one: what they write is one transaction. They go on
 * when it is on the disk, and the next round is written meanwhile. False when there was nothing to do; *at_ms is
 * brought forward to when there will be. */
bool round_fly(struct engine *e, int64_t *at_ms);
/* Waits for the one that is on its way. */
void round_land(struct engine *e);

uint32_t engine_random(void);
/* Wakes whoever waits for a change. The lock is held. */
void engine_news(struct engine *e);

#endif
