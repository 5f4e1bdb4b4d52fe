/* api/events.h - shared by the page of events and the stream of them. */
#ifndef API_EVENTS_H
#define API_EVENTS_H

#include "api/api_int.h"
#include "vault/events.h"

/* What the caller may see and asked for, by ?token= and ?type=. Memory is the request's. */
MUST enum rc api_event_filter(
    struct api *api, struct ctx *cx, const struct http_req *req, struct event_filter *f);
/* Sets key_id by what the caller may read now: anew for each piece of a stream. */
void api_event_reach(struct api *api, const struct http_req *req, struct event_filter *f);
MUST enum rc api_event_cursor(struct ctx *cx, struct str text, struct event_cursor *out);
json_t *api_event_view(
    struct api *api, struct ctx *cx, const struct http_req *req, const struct event *e);

#endif
