/* vault/events.h - what happened, as people and programs are told it.
 *
 * The rows are the store's (store/event.h); here are their types, one sentence for each, and the one
 * JSON form that the API, the stream and the webhooks send. */
#ifndef VAULT_EVENTS_H
#define VAULT_EVENTS_H

#include <jansson.h>

#include "store/event.h"

struct vault;

struct event_type {
	const char *type;
	/* {about}, {was}, …: the event's name or a member of its details; an optional one stands with
	 * what goes before it in [square brackets]. */
	const char *says;
};

/* All there are, in the order of docs/mechanisms/events.md. */
const struct event_type *vault_event_types(size_t *count);
/* A type, or the word before the dot that several begin with. */
bool vault_event_type_known(struct str type);

struct str vault_event_id(struct arena *a, const struct event *e); /* "3-42" */
/* {id, at, type, sentence, actor, about, result, details}; with `from` for whoever may know where
 * people work. */
json_t *vault_event_json(
    const struct vault *v, struct ctx *cx, const struct event *e, bool with_from);

/* Calls fn(arg) when there are new events, of whichever node; fn must neither block nor call the vault.
 * Set before vault_start. */
void vault_event_listen(struct vault *v, void (*fn)(void *arg), void *arg);
MUST enum rc vault_event_list(struct vault *v, struct ctx *cx, const struct event_filter *f,
    const struct event *before, size_t max, struct event **out, size_t *count);
MUST enum rc vault_event_end(struct vault *v, struct ctx *cx, struct event_cursor *out);
MUST enum rc vault_event_after(struct vault *v, struct ctx *cx, const struct event_filter *f,
    struct event_cursor *cursor, size_t max, struct event **out, size_t *count, bool *missed);

#endif
