/* What happens, as it happens: server-sent events (HTML standard, section 9.2).
 *
 * A stream is a reply that goes on (http/message.h): each run looks what came since its cursor, as the
 * same query that GET …/events?after= makes, and whether its owner may still ask. */
#include <pthread.h>
#include <stdlib.h>

#include "api/events.h"
#include "base/buf.h"

#define STREAMS_MAX 64
#define STREAMS_EACH 16 /* of one key or person */
#define OWNER_MAX 64
#define LOOK_MS 1000 /* also without a nudge: the bound for a right that has ended */
#define BEAT_MS 15000
#define BATCH 50
#define PIECE_MAX (BATCH * 8192)

/* How many there are, and whose. */
struct streams {
	pthread_mutex_t lock;                /* a leaf */
	char owners[STREAMS_MAX][OWNER_MAX]; /* empty: free */
};

/* One stream; in its request's arena. */
struct stream {
	struct api *api;
	struct streams *all;
	size_t slot;
	struct event_filter filter;
	struct event_cursor cursor;
	int64_t said_ms; /* clock_mono_ms of the last byte */
};

struct streams *
streams_new(void)
{
	struct streams *s = mem_alloc(sizeof(*s));

	pthread_mutex_init(&s->lock, NULL);
	return s;
}

void
streams_free(struct streams *s)
{
	if (s == NULL)
		return;
	pthread_mutex_destroy(&s->lock);
	free(s);
}

/* False when there are too many. */
static bool
enter(struct streams *s, struct str owner, size_t *slot)
{
	size_t theirs = 0;

	*slot = STREAMS_MAX;
	owner = str_sub(owner, 0, OWNER_MAX - 1);
	pthread_mutex_lock(&s->lock);
	for (size_t i = 0; i < STREAMS_MAX; i++) {
		if (s->owners[i][0] == '\0')
			*slot = i;
		else if (str_eq(str_of(s->owners[i]), owner))
			theirs++;
	}
	if (theirs >= STREAMS_EACH)
		*slot = STREAMS_MAX;
	if (*slot < STREAMS_MAX)
		memcpy(s->owners[*slot], owner.p, owner.len);
	pthread_mutex_unlock(&s->lock);
	return *slot < STREAMS_MAX;
}

static void
leave(void *state)
{
	struct stream *st = state;

	pthread_mutex_lock(&st->all->lock);
	mem_wipe(st->all->owners[st->slot], OWNER_MAX);
	pthread_mutex_unlock(&st->all->lock);
}

/* Signed out, revoked, or run out: on whichever node. */
static enum rc
may_still(struct api *api, struct ctx *cx, const struct http_req *req)
{
	if (req->route->access != ACCESS_KEY)
		return vault_session_lives(api->vault, cx, session_of(req)->digest);
	return vault_key_lives(api->vault, req->session)
	    ? OK
	    : fail_at(cx, E_AUTH, "invalid-api-key", NULL, "The API key is not valid.");
}

static enum rc
begin(struct api *api, struct ctx *cx, const struct http_req *req, struct stream **out)
{
	struct str text = http_req_header(req, S("Last-Event-ID"));
	struct stream *st = ARENA_NEW(cx->arena, struct stream);

	st->api = api;
	st->all = api->streams;
	TRY(api_event_filter(api, cx, req, &st->filter));
	if (text.p == NULL)
		TRY(http_req_param(cx, req, "after", &text));
	if (text.len > 0)
		TRY(api_event_cursor(cx, text, &st->cursor));
	else
		TRY(vault_event_end(api->vault, cx, &st->cursor));
	if (!enter(st->all, cx->actor, &st->slot)) {
		fail_at(cx, E_BUSY, "too-many-streams", NULL,
		    "Too many event streams are open already.");
		cx->retry_after_s = 30;
		return fail_todo(cx, "Close one, or ask /api/v1/events?after= now and then.");
	}
	*out = st;
	return OK;
}

/* The cursor stands behind all of the batch, so only its last event carries it: who goes on from there
 * misses none, and may get some twice. */
static void
add_event(struct ctx *cx, const struct http_req *req, const struct stream *st,
    const struct event *e, bool last, struct buf *b)
{
	if (last)
		buf_addf(b, "id: %.*s\n", STR_ARG(event_cursor_text(cx->arena, &st->cursor)));
	buf_addf(b, "event: %.*s\ndata: ", STR_ARG(e->type));
	buf_add(b, json_write(cx->arena, api_event_view(st->api, cx, req, e)));
	buf_add(b, S("\n\n"));
}

static enum rc
next_piece(struct api *api, struct ctx *cx, const struct http_req *req, struct stream *st,
    struct buf *b, bool *more)
{
	int64_t now = clock_mono_ms();
	struct event *list;
	bool missed;
	size_t n;

	api_event_reach(api, req, &st->filter);
	TRY(vault_event_after(api->vault, cx, &st->filter, &st->cursor, BATCH, &list, &n, &missed));
	if (missed)
		buf_add(b, S("event: missed\ndata: {}\n\n"));
	for (size_t i = 0; i < n; i++)
		add_event(cx, req, st, &list[i], i + 1 == n, b);
	if (b->len == 0 && now - st->said_ms >= BEAT_MS)
		buf_add(b, S(":\n\n"));
	if (b->len > 0)
		st->said_ms = now;
	*more = n == BATCH;
	return b->overflow ? E_TOOBIG : OK;
}

enum rc
api_event_stream(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	struct api *api = app;
	struct stream *st = res->more.state;
	struct buf b = buf_in(cx->arena, PIECE_MAX);
	bool more = false;

	TRY(may_still(api, cx, req));
	if (st == NULL) {
		TRY(begin(api, cx, req, &st));
		res->more = (struct http_more){ .state = st, .over = leave };
		res->content_type = S("text/event-stream");
		buf_add(&b, S("retry: 2000\n\n"));
	}
	TRY(next_piece(api, cx, req, st, &b, &more));
	res->body = buf_str(&b);
	res->more.after_ms = more ? 1 : LOOK_MS;
	return OK;
}
