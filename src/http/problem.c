#include <stddef.h>

#include "base/buf.h"
#include "base/log.h"
#include "http/message.h"
#include "http/reply.h"

#define PROBLEM_MAX 4096

/* Codes that say more about the status than their rc does. */
static const struct {
	const char *code;
	int status;
} code_statuses[] = {
	{ "method-not-allowed", 405 },
	{ "request-timeout", 408 },
	{ "length-required", 411 },
	{ "too-large", 413 },
	{ "uri-too-long", 414 },
	{ "unsupported-media-type", 415 },
	{ "expectation", 417 },
	{ "misdirected", 421 },
	{ "too-many-requests", 429 },
	{ "too-many-attempts", 429 },
	{ "slow-down", 429 },
	{ "head-too-large", 431 },
	{ "transfer-coding", 501 },
	{ "http-version", 505 },
	{ "store-unavailable", 503 },
	{ "insufficient-storage", 507 },
};

static const struct {
	int status;
	const char *code; /* when nobody gave one */
} rc_statuses[] = {
	[OK] = { 200, "ok" },
	[E_AGAIN] = { 500, "internal" },
	[E_INPUT] = { 400, "bad-request" },
	[E_TOOBIG] = { 413, "too-large" },
	[E_AUTH] = { 401, "unauthenticated" },
	[E_DENIED] = { 403, "forbidden" },
	[E_NOTFOUND] = { 404, "not-found" },
	[E_CONFLICT] = { 409, "conflict" },
	[E_REAUTH] = { 409, "reauthorization-required" },
	[E_UPSTREAM] = { 502, "upstream" },
	[E_BUSY] = { 503, "busy" },
	[E_STORE] = { 500, "internal" },
	[E_BUG] = { 500, "internal" },
};

int
http_status_of(const struct ctx *cx, enum rc rc)
{
	int status = rc_statuses[rc].status;

	/* Of the failures on this side only two have a status of their own. */
	if (cx->code == NULL ||
	    (status == 500 && strcmp(cx->code, "insufficient-storage") != 0 &&
		strcmp(cx->code, "store-unavailable") != 0))
		return status;
	for (size_t i = 0; i < sizeof(code_statuses) / sizeof(code_statuses[0]); i++) {
		if (strcmp(cx->code, code_statuses[i].code) == 0)
			return code_statuses[i].status;
	}
	return status;
}

/* A sentence cut in the middle of a character would make the JSON invalid. */
static struct str
clean_text(struct arena *a, const char *text)
{
	struct str s = str_of(text);
	char *p;

	if (str_utf8(s))
		return s;
	p = str_cstr(a, s);
	for (size_t i = 0; i < s.len; i++) {
		if ((unsigned char)p[i] >= 0x80)
			p[i] = '?';
	}
	return (struct str){ p, s.len };
}

static void
add_member(struct buf *b, const char *name, struct str value)
{
	buf_addf(b, ",\"%s\":", name);
	buf_add_json_string(b, value);
}

/* A failure on this side keeps its words for the log, unless it has a code of its own: then they
 * were written for a person. */
static bool
may_be_told(const struct ctx *cx, int status)
{
	return status != 500 || cx->code != NULL;
}

static struct str
detail_of(const struct ctx *cx, struct arena *a, int status)
{
	if (!may_be_told(cx, status))
		return S(
		    "Something went wrong on this side. The log has more under the request id.");
	if (cx->why[0] == '\0')
		return str_printf(a, "%.*s.", STR_ARG(reply_phrase(status)));
	return clean_text(a, cx->why);
}

/* Programs act on one code when a person is needed; why is said beside it. */
static const char *
code_of(const struct ctx *cx, enum rc rc)
{
	return cx->code != NULL && rc != E_REAUTH ? cx->code : rc_statuses[rc].code;
}

static void
log_internal(const struct ctx *cx)
{
	log_event(LOG_ERROR, "http.failed", KV_STR("req", str_of(cx->request_id)),
	    KV_INT("rc", cx->rc), KV_STR("why", str_of(cx->why)));
}

/* A handler may have said it better already. */
static void
add_unless_there(struct http_res *res, struct str name, struct str value)
{
	if (res->head_ == NULL || !str_contains(buf_str(res->head_), name))
		http_res_header(res, name, value);
}

static void
add_status_headers(struct http_res *res, const struct ctx *cx, int status)
{
	int wait_s = cx->retry_after_s;

	if (status == 401)
		add_unless_there(res, S("WWW-Authenticate"), S("Bearer"));
	if (wait_s == 0 && (status == 503 || status == 429))
		wait_s = 1;
	if (wait_s > 0)
		add_unless_there(res, S("Retry-After"), str_printf(res->arena, "%d", wait_s));
}

void
http_res_problem(struct http_res *res, const struct ctx *cx, enum rc rc)
{
	int status = http_status_of(cx, rc);
	const char *code = code_of(cx, rc);
	struct buf b = buf_in(res->arena, PROBLEM_MAX);

	if (status == 500)
		log_internal(cx);
	buf_addf(&b, "{\"type\":\"urn:valetkey:problem:%s\"", code);
	add_member(&b, "title", reply_phrase(status));
	buf_addf(&b, ",\"status\":%d", status);
	add_member(&b, "detail", detail_of(cx, res->arena, status));
	if (cx->todo[0] != '\0' && may_be_told(cx, status))
		add_member(&b, "todo", clean_text(res->arena, cx->todo));
	add_member(&b, "code", str_of(code));
	if (cx->code != NULL && cx->code != code)
		add_member(&b, "cause", str_of(cx->code));
	if (cx->field != NULL)
		add_member(&b, "field", str_of(cx->field));
	add_member(&b, "request_id", str_of(cx->request_id));
	buf_addc(&b, '}');
	http_res_drop_file(res);
	res->status = status;
	res->cacheable = false;
	res->content_type = S("application/problem+json");
	res->body = buf_str(&b);
	add_status_headers(res, cx, status);
}
