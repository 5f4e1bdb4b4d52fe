#include "sandbox/control/reqlog.h"

#include <pthread.h>
#include <stdlib.h>

#include "sandbox/control/faults.h"
#include "sandbox/core/basic.h"
#include "sandbox/core/row.h"
#include "sandbox/core/state.h"
#include "sandbox/oauth/grants.h"
#include "sandbox/oauth/handlers.h"
#include "sandbox/people/session.h"

#define TEXT_MAX 1024

enum text { METHOD, PATH, QUERY, APP_KEY, EMAIL, GRANT_TYPE, CODE, ERROR, TEXTS };

static const char *const text_names[] = {
	[METHOD] = "method",
	[PATH] = "path",
	[QUERY] = "query",
	[APP_KEY] = "app_key",
	[EMAIL] = "email",
	[GRANT_TYPE] = "grant_type",
	[CODE] = "code",
	[ERROR] = "error",
};

struct entry {
	int64_t number, at_ms, ms;
	int status;
	bool sent;         /* the status went out: no fault took the reply away */
	const char *fault; /* a literal; NULL: none */
	char request_id[REQUEST_ID_LEN + 1];
	uint16_t len[TEXTS];
	size_t room; /* for texts */
	char texts[];
};

struct reqlog {
	pthread_mutex_t lock;
	struct entry *ring[REQLOG_MAX]; /* entry n stands at n % REQLOG_MAX */
	int64_t last;
};

struct reqlog *
reqlog_new(void)
{
	struct reqlog *l = mem_alloc(sizeof(*l));

	pthread_mutex_init(&l->lock, NULL);
	return l;
}

void
reqlog_free(struct reqlog *l)
{
	if (l == NULL)
		return;
	for (size_t i = 0; i < REQLOG_MAX; i++)
		free(l->ring[i]);
	pthread_mutex_destroy(&l->lock);
	free(l);
}

int64_t
reqlog_last(struct reqlog *l)
{
	int64_t last;

	pthread_mutex_lock(&l->lock);
	last = l->last;
	pthread_mutex_unlock(&l->lock);
	return last;
}

/* --- noting --- */

static bool
leave_out(const struct http_req *req, const struct http_res *res)
{
	bool reads = req->method == HTTP_M_GET || req->method == HTTP_M_HEAD;

	if (req->path.len == 0)
		return true; /* a head that could not be read */
	return res->status < 400 && reads &&
	    (str_starts(req->path, S("/assets/")) || str_starts(req->path, S("/_sandbox")) ||
		str_eq(req->path, S("/healthz")));
}

/* The app in the credentials of HTTP Basic; what is malformed the endpoint itself has told. */
static void
note_basic(const struct ctx *cx, const struct http_req *req, struct str texts[TEXTS])
{
	struct ctx own = *cx;
	struct secret password;
	bool present;

	if (basic_read(&own, req, &texts[APP_KEY], &password, &present) != OK)
		texts[APP_KEY] = S("");
}

static void
note_form(const struct ctx *cx, const struct http_req *req, struct str texts[TEXTS])
{
	const struct token_call *call = req->session;
	struct arena *a = cx->arena;
	int count;

	if (call != NULL && call->read) {
		texts[APP_KEY] = call->client_id;
		texts[GRANT_TYPE] = call->grant_type;
		return;
	}
	if (!str_form_get(a, req->body, S("client_id"), &texts[APP_KEY], &count) &&
	    !str_form_get(a, req->query, S("client_id"), &texts[APP_KEY], &count))
		note_basic(cx, req, texts);
	if (!str_form_get(a, req->body, S("grant_type"), &texts[GRANT_TYPE], &count))
		str_form_get(a, req->query, S("grant_type"), &texts[GRANT_TYPE], &count);
}

static void
note_caller(
    struct sandbox *s, const struct ctx *cx, const struct http_req *req, struct str texts[TEXTS])
{
	const struct session *session = req->session;
	const struct caller *caller = req->session;
	int count;

	switch (row_of(s, req)->access) {
	case ACCESS_TOKEN:
		note_form(cx, req, texts);
		break;
	case ACCESS_PAGE:
		str_form_get(cx->arena, req->query, S("client_id"), &texts[APP_KEY], &count);
		break;
	case ACCESS_API_USER:
	case ACCESS_API_TEAM:
	case ACCESS_API_ANY:
	case ACCESS_API_APP:
	case ACCESS_API_USER_APP:
		if (caller == NULL)
			break;
		texts[APP_KEY] = caller->app_key;
		texts[EMAIL] = caller->account.email;
		break;
	case ACCESS_VISITOR:
	case ACCESS_WEB:
	case ACCESS_CHANGE:
	case ACCESS_SIGN:
		if (session != NULL && session->signed_in)
			texts[EMAIL] = session->account.email;
		break;
	default:
		break;
	}
}

/* A text that was cut in the middle of a character is no text any more. */
static void
make_text(char *p, size_t len)
{
	if (str_utf8((struct str){ p, len }))
		return;
	for (size_t i = 0; i < len; i++) {
		if ((unsigned char)p[i] >= 0x80 || p[i] == '\0')
			p[i] = '?';
	}
}

static struct entry *
with_room(struct entry *old, size_t len)
{
	struct entry *e;

	if (old != NULL && old->room >= len && old->room / 4 <= len)
		return old;
	free(old);
	e = mem_alloc(sizeof(*e) + len);
	e->room = len;
	return e;
}

/* In the place of an older one, which is mostly of the same size. */
static struct entry *
pack(struct entry *old, const struct entry *from, const struct str texts[TEXTS])
{
	struct entry *e;
	size_t len = 0, room;

	for (int i = 0; i < TEXTS; i++)
		len += texts[i].len < TEXT_MAX ? texts[i].len : TEXT_MAX;
	e = with_room(old, len);
	room = e->room;
	*e = *from;
	e->room = room;
	len = 0;
	for (int i = 0; i < TEXTS; i++) {
		struct str t = str_sub(texts[i], 0, TEXT_MAX);

		if (t.len > 0)
			memcpy(e->texts + len, t.p, t.len);
		make_text(e->texts + len, t.len);
		e->len[i] = (uint16_t)t.len;
		len += t.len;
	}
	return e;
}

static void
append(struct reqlog *l, struct entry *from, const struct str texts[TEXTS])
{
	struct entry **at;

	pthread_mutex_lock(&l->lock);
	from->number = ++l->last;
	at = &l->ring[from->number % REQLOG_MAX];
	*at = pack(*at, from, texts);
	pthread_mutex_unlock(&l->lock);
}

void
reqlog_note(void *app, const struct ctx *cx, const struct http_req *req, const struct http_res *res,
    struct str method, int64_t ms)
{
	struct sandbox *s = app;
	struct str texts[TEXTS] = { [METHOD] = method };
	struct entry e = {
		.at_ms = clock_now_ms(s->clock),
		.ms = ms,
		.status = res->status,
		.sent = res->fault.kind == HTTP_FAULT_NONE || res->fault.kind >= HTTP_FAULT_CUT,
		.fault = faults_mode_of(cx, res),
	};

	if (leave_out(req, res))
		return;
	memcpy(e.request_id, cx->request_id, sizeof(e.request_id));
	texts[PATH] =
	    reqlog_mask_path(cx->arena, req, str_of(req->route != NULL ? req->route->path : NULL));
	texts[QUERY] = reqlog_mask_query(cx->arena, req->query);
	if (req->route != NULL)
		note_caller(s, cx, req, texts);
	if (res->status >= 400) {
		texts[CODE] = str_of(cx->code);
		texts[ERROR] = str_of(cx->why);
	}
	append(s->reqlog, &e, texts);
}

/* --- telling --- */

static json_t *
entry_json(struct arena *a, const struct entry *e)
{
	json_t *o = json_object();
	const char *p = e->texts;

	json_put(o, "number", json_integer(e->number));
	json_put(o, "time", json_str(clock_rfc3339(a, e->at_ms)));
	for (int i = 0; i < TEXTS; i++) {
		if (e->len[i] > 0)
			json_put(o, text_names[i], json_str((struct str){ p, e->len[i] }));
		p += e->len[i];
	}
	json_put(o, "status", e->sent ? json_integer(e->status) : json_null());
	json_put(o, "ms", json_integer(e->ms));
	if (e->fault != NULL)
		json_put(o, "fault", json_string(e->fault));
	json_put(o, "request_id", json_string(e->request_id));
	return o;
}

json_t *
reqlog_json(struct reqlog *l, struct ctx *cx, int64_t after, int max)
{
	json_t *list = json_array();
	int64_t first;

	pthread_mutex_lock(&l->lock);
	first = l->last >= REQLOG_MAX ? l->last - REQLOG_MAX + 1 : 1;
	if (first <= after)
		first = after + 1;
	if (l->last - first + 1 > max)
		first = l->last - max + 1;
	for (int64_t n = first; n <= l->last; n++)
		json_array_append_new(list, entry_json(cx->arena, l->ring[n % REQLOG_MAX]));
	pthread_mutex_unlock(&l->lock);
	return list;
}
