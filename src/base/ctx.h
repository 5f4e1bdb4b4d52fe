/* base/ctx.h - what one request or job carries along.
 *
 * Made at the door, passed down, gone at the end. A failing function records its sentence here with
 * fail() and returns the code; nobody formats errors twice. Belongs to one thread at a time. */
#ifndef BASE_CTX_H
#define BASE_CTX_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/rc.h"
#include "base/str.h"

#define REQUEST_ID_LEN 16

struct ctx {
	struct arena *arena;
	const struct clock *clock;
	int64_t deadline_ms; /* clock_mono_ms() by which the answer must be there; 0: none */
	bool may_block;      /* false on a server loop: return E_AGAIN instead of blocking */
	char request_id[REQUEST_ID_LEN + 1];
	/* Who acts: "user:" or "key:" and an id, "engine", "command". */
	struct str actor;
	struct str actor_name; /* of a user, as the user is called */
	struct str from;       /* the address that the request came from; empty: none */

	enum rc rc;        /* set by fail() */
	const char *code;  /* stable slug for programs, "name-taken"; a literal, may be NULL */
	const char *field; /* the input at fault, "app_key"; a literal, may be NULL */
	char why[512];     /* what happened, one sentence */
	char todo[512];    /* what to do about it, one sentence; may be empty */
	int retry_after_s; /* 0: none */
	struct str detail; /* JSON that the writer of failures puts into the reply; empty: none */
};

void ctx_init(struct ctx *cx, struct arena *a, const struct clock *clock);
/* Forgets a recorded failure, for callers that go on after one. */
void ctx_clear(struct ctx *cx);

/* Record what happened and return rc. Never pass a secret. */
enum rc fail(struct ctx *cx, enum rc rc, const char *fmt, ...) PRINTF(3, 4);
/* The same with a stable code and, or NULL, the field at fault. */
enum rc fail_at(struct ctx *cx, enum rc rc, const char *code, const char *field, const char *fmt,
    ...) PRINTF(5, 6);
/* Adds what to do; returns cx->rc, so that it can end a function. */
enum rc fail_todo(struct ctx *cx, const char *fmt, ...) PRINTF(2, 3);

#endif
