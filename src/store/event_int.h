/* store/event_int.h - the chains of events, for the files that write, read and check them. */
#ifndef STORE_EVENT_INT_H
#define STORE_EVENT_INT_H

#include "store/event.h"

struct event_head {
	int64_t num, seq;
	struct str mac; /* of row seq; empty before the first */
	int64_t swept_seq;
	struct str swept_mac;
	struct str seal;
	int64_t changed_ms; /* wall time of the newest row */
};

/* The MAC of a row behind the one with MAC `before`. */
struct str event_mac(struct store *s, struct ctx *cx, struct str before, const struct event *e);
struct str event_head_seal(struct store *s, struct ctx *cx, const struct event_head *h);

MUST enum rc event_head_get(struct store *s, struct ctx *cx, int64_t num, struct event_head *out);
/* Writes all but num and seq, with a new seal. The row is locked already. */
MUST enum rc event_head_put(struct store *s, struct ctx *cx, struct event_head *h);

/* Inside the event's transaction: a delivery for each webhook that wants it (webhook.c). */
MUST enum rc event_outbox(struct store *s, struct ctx *cx, const struct event *e);
MUST enum rc event_deliver(
    struct store *s, struct ctx *cx, struct str webhook_id, const struct event *e);

#define EVENT_COLUMNS                                                              \
	"head, seq, at_ms, type, actor_kind, actor_id, actor_name, from_address, " \
	"about_kind, about_id, about_name, refused, details"
enum { EVENT_COLUMN_COUNT = 13 };

struct db_stmt;
void event_row_read(struct ctx *cx, struct db_stmt *st, struct event *e);

#endif
