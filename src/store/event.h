/* store/event.h - what happened: one row for each change of state, written in the change's own
 * transaction, in chains that show when one was altered or is missing.
 *
 * The verbs of this room write their events themselves; who acted and from where they take from the
 * context. An event never holds a secret. Each process writes a chain of its own (a head, and rows
 * numbered from 1 without a gap), so that nodes never wait for each other over a number, and within a
 * head rows become visible in order. Types and guarantees: docs/mechanisms/events.md. */
#ifndef STORE_EVENT_H
#define STORE_EVENT_H

#include "store/store.h"

struct event {
	int64_t head, seq; /* together its id, "3-42" */
	int64_t at_ms;
	struct str type;                             /* "token.failing" */
	struct str actor_kind, actor_id, actor_name; /* "user", "key", "visitor", "engine", … */
	struct str from;                             /* the address of the request; may be empty */
	struct str about_kind, about_id, about_name; /* as it was called then */
	bool refused;
	struct str details; /* a JSON object */
};

/* What is written about an event besides who and when. */
struct event_note {
	const char *type;
	const char *about_kind;
	struct str about_id, about_name;
	bool refused;
	struct str details; /* a JSON object; empty: {} */
};

/* For what changes nothing else, such as a refusal or a reveal. */
MUST enum rc store_event_add(struct store *s, struct ctx *cx, const struct event_note *note);

/* Calls fn(arg) after a commit with events, of this node or, some time later, of another. fn holds
 * the store's lock: it must not block or call a verb. Set before threads use the store. */
void store_event_listen(struct store *s, void (*fn)(void *arg), void *arg);

/* Which events somebody may see, and wants to. */
struct event_filter {
	bool tokens_only;    /* only what is about tokens */
	struct str key_id;   /* of these, those that this API key may read; empty: all */
	struct str token_id; /* empty: any */
	struct str type;     /* "token.failing", or "token" for all that begin so; empty: any */
};

/* Newest first, older than `before` (NULL: from the newest), at most max. */
MUST enum rc store_event_list(struct store *s, struct ctx *cx, const struct event_filter *f,
    const struct event *before, size_t max, struct event **out, size_t *count);

/* How far somebody has read: in every head of its own, so that what a slow node commits late is
 * not passed over. Heads from `floor` on are new; of those before it, the ones that are not in `at` are
 * closed and read to their end. */
#define EVENT_HEADS_MAX 128
#define EVENT_CURSOR_MAX 4096 /* bytes as text */
struct event_cursor {
	int64_t floor;
	size_t count;
	struct {
		int64_t head, seq;
	} at[EVENT_HEADS_MAX];
};

struct str event_cursor_text(struct arena *a, const struct event_cursor *c);
bool event_cursor_read(struct str text, struct event_cursor *out);
/* Behind everything that is there. */
MUST enum rc store_event_end(struct store *s, struct ctx *cx, struct event_cursor *out);
/* What came after the cursor, in order within each head, at most max; the cursor moves behind it. More
 * may be there when *count is max. *missed: the cursor was so old that some are not kept any more, or
 * more heads than it holds are written to; or it is not one of these data, and stands behind all now. */
MUST enum rc store_event_after(struct store *s, struct ctx *cx, const struct event_filter *f,
    struct event_cursor *cursor, size_t max, struct event **out, size_t *count, bool *missed);

/* Ends what is older than before_ms, at most max rows of each head, and closes heads that nobody
 * writes to any more. */
MUST enum rc store_event_sweep(struct store *s, struct ctx *cx, int64_t before_ms, int64_t max);

/* Walks all chains. *bad says what does not fit and where, or is empty; *rows how many were read. */
MUST enum rc store_event_verify(struct store *s, struct ctx *cx, int64_t *rows, struct str *bad);

#endif
