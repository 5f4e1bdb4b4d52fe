/* store/webhook.h - who is told of events over HTTP, and the outbox: what is to be told still.
 *
 * A delivery is written in the transaction of the event that it tells (store/event.h), so that none is
 * lost and none tells what did not happen. Whoever sends it takes a lease first, so that several nodes
 * send it once; one that ends in the middle leaves a lease that lapses, and it is sent again, with the
 * same id. */
#ifndef STORE_WEBHOOK_H
#define STORE_WEBHOOK_H

#include "store/event.h"

#define WEBHOOKS_MAX 20

struct webhook {
	struct str id, name, url;
	struct str types; /* parted by spaces, "token.failing key"; empty: all */
	bool enabled;
	int64_t created_ms;
};

/* E_CONFLICT code "too-many" past WEBHOOKS_MAX. */
MUST enum rc store_webhook_create(
    struct store *s, struct ctx *cx, const struct webhook *w, struct secret secret);
MUST enum rc store_webhook_list(
    struct store *s, struct ctx *cx, struct webhook **out, size_t *count);
MUST enum rc store_webhook_get(struct store *s, struct ctx *cx, struct str id, struct webhook *out);
MUST enum rc store_webhook_secret(
    struct store *s, struct ctx *cx, struct str id, struct secret *out);

/* E_NOTFOUND. E_CONFLICT code "changed-meanwhile" with the field (name, url, types, enabled) that is not as
 * edit->was has it any more; then nothing is changed. */
struct webhook_edit {
	bool set_name, set_url, set_types, set_enabled, set_secret;
	struct str name, url, types;
	bool enabled; /* false: what waits is not sent */
	struct secret secret;
	struct { /* as the editor saw it; without p, or !has_…: does not matter */
		struct str name, url, types;
		bool has_types, has_enabled, enabled;
	} was;
};
MUST enum rc store_webhook_edit(
    struct store *s, struct ctx *cx, struct str id, const struct webhook_edit *edit);
/* With its deliveries. */
MUST enum rc store_webhook_delete(struct store *s, struct ctx *cx, struct str id);

enum delivery_state { DELIVERY_WAITING, DELIVERY_DONE, DELIVERY_GIVEN_UP };

struct delivery {
	struct str id, webhook_id;
	struct str type;
	int64_t head, seq; /* the event; 0: a test, or one that is not kept any more */
	int64_t created_ms;
	int64_t due_ms; /* the next try; 0: none */
	enum delivery_state state;
	int64_t attempts, tried_ms, status; /* of the newest try; status 0: no answer */
	struct str error;                   /* a sentence; empty after a success */
};

/* A delivery that tells no event, due at once. */
MUST enum rc store_delivery_test(
    struct store *s, struct ctx *cx, struct str webhook_id, int64_t now_ms, struct str *id);
/* Takes what is due of one webhook, oldest first, at most max, each under a lease until
 * wall_ms + lease_ms. */
MUST enum rc store_delivery_claim(struct store *s, struct ctx *cx, struct str webhook_id,
    int64_t now_ms, int64_t wall_ms, int64_t lease_ms, size_t max, struct delivery **out,
    size_t *count);
/* When the next one is due of those that nobody has claimed or whose lease has lapsed by then; 0: none. */
MUST enum rc store_delivery_next(
    struct store *s, struct ctx *cx, int64_t wall_ms, int64_t *next_ms);
/* What came of a try: writes all but id, webhook_id, type, event and created_ms, and gives the lease
 * back. Fine when it was deleted meanwhile. */
MUST enum rc store_delivery_tried(struct store *s, struct ctx *cx, const struct delivery *d);
/* Newest first. */
MUST enum rc store_delivery_list(struct store *s, struct ctx *cx, struct str webhook_id, size_t max,
    struct delivery **out, size_t *count);
/* Makes one that was given up due again. E_NOTFOUND unless it was. */
MUST enum rc store_delivery_again(
    struct store *s, struct ctx *cx, struct str webhook_id, struct str id, int64_t now_ms);
/* The event of a delivery. E_NOTFOUND when it is not kept any more. */
MUST enum rc store_delivery_event(
    struct store *s, struct ctx *cx, const struct delivery *d, struct event *out);
/* For a process that owns the data alone, at its start: leases are those of a process that is gone. */
MUST enum rc store_delivery_recover(struct store *s, struct ctx *cx);
/* Forgets what was over before before_ms, at most max. */
MUST enum rc store_delivery_sweep(struct store *s, struct ctx *cx, int64_t before_ms, int64_t max);

#endif
