#include "http/out_call.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/arena.h"
#include "base/clock.h"
#include "http/curl_load.h"
#include "http/out_request.h"

#define REQUEST_MAX ((64u << 20) + (64u << 10))
#define KEPT_MAX (64u << 10)
#define RETRY_AFTER_MAX_S 604800
#define SLOW_BYTES_PER_S 10
#define SLOW_TIME_MS 10000
#define COUNT_EVERY_MS 1000
#define TLS_AT_ONCE (16u << 10)
#define REPLY_TIME_MS 2000

struct out_call *
out_call_new(void)
{
	struct out_call *c = mem_alloc(sizeof(*c));

	c->request = buf_heap(REQUEST_MAX);
	return c;
}

/* --- before --- */

static bool
cannot(struct out_call *c, const char *why)
{
	c->reply.end = CALL_BAD_URL;
	snprintf(c->reply.error, sizeof(c->reply.error), "%s", why);
	return false;
}

static int
timeout_of(const struct http_call *call)
{
	int ms = call->timeout_ms > 0 ? call->timeout_ms : CALL_TIMEOUT_MS;

	return ms < CALL_TIMEOUT_MAX_MS ? ms : CALL_TIMEOUT_MAX_MS;
}

bool
out_call_prepare(
    struct out_call *c, const struct http_call *call, struct out_url *url, struct str user_agent)
{
	struct out_target to = { .authority = buf_str(&url->authority),
		.path = buf_str(&url->path) };

	c->url = url;
	c->public_only = call->public_only;
	/* A proxy would connect where we cannot look; traffic of this machine with itself never passes one. */
	c->direct = call->no_proxy || call->public_only || url->loopback;
	c->fresh = call->fresh;
	c->timeout_ms = timeout_of(call);
	c->has_body = call->has_body && !secret_empty(call->body);
	out_reply_begin(&c->answer, call);
	/* Going there without it would tell others what only the proxy is to see. */
	if (!c->direct && url->proxy.too_long)
		return cannot(
		    c, "the proxy's address in http_proxy is too long: at most 2048 bytes");
	if (!c->direct && url->proxy.absolute) {
		to.proxy = S("http://");
		to.proxy_authorization = buf_str(&url->proxy.login);
	}
	if (!out_request_write(&c->request, user_agent, call, &to))
		return cannot(c, "a header holds a character that cannot be sent");
	return !c->request.overflow || cannot(c, "the request is too large to be sent");
}

/* --- how it ended --- */

/* Of TLS and of a proxy nobody can say what became of bytes that were not taken whole. */
static bool
may_have_left(const struct out_call *c)
{
	return c->began && (c->sent > 0 || !c->conn->bare);
}

/* Less than the whole body was handed to the connection, so that nobody can have acted on it. */
static bool
left_in_part(const struct out_call *c)
{
	return c->fresh && c->has_body && c->sent < c->request.len;
}

static enum out_step
lose(struct out_call *c, enum http_call_end end, const char *why)
{
	const char *host = c->url->host;

	if (!may_have_left(c))
		out_say(&c->reply, CALL_REFUSED, "could not connect to", host,
		    end == CALL_TIMED_OUT ? "no answer in time" : why);
	else if (left_in_part(c))
		out_say(&c->reply, CALL_REFUSED, "could not send to", host, why);
	else
		out_say(&c->reply, end, "no complete reply from", host, why);
	out_reply_salvage(&c->answer, &c->reply);
	return OUT_OVER;
}

void
out_call_late(struct out_call *c)
{
	lose(c, CALL_TIMED_OUT, "it took too long");
}

void
out_call_abandon(struct out_call *c)
{
	c->reply.ours = !may_have_left(c);
	out_say(&c->reply, c->reply.ours ? CALL_REFUSED : CALL_LOST, "stopped while calling",
	    c->url->host, "this side is closing");
	out_reply_salvage(&c->answer, &c->reply);
}

/* Many replies are of the same second. */
static int64_t
date_s(const char *text)
{
	static _Thread_local char last[sizeof(((struct out_reply *)NULL)->date)];
	static _Thread_local int64_t last_s;

	if (text[0] == '\0')
		return 0;
	if (strcmp(text, last) != 0) {
		last_s = curl_getdate(text, NULL);
		memcpy(last, text, strlen(text) + 1);
	}
	return last_s > 0 ? last_s : 0;
}

/* Seconds, or a date measured against the server's own clock when it told it. */
static int
retry_after_s(const struct out_call *c)
{
	struct str v = str_of(c->answer.retry_after);
	int64_t s;

	if (v.len == 0)
		return 0;
	if (strspn(v.p, "0123456789") == v.len) {
		if (!str_int(v, 0, RETRY_AFTER_MAX_S, &s))
			s = RETRY_AFTER_MAX_S;
	} else {
		s = curl_getdate(v.p, NULL) - (c->reply.date_s > 0 ? c->reply.date_s : time(NULL));
	}
	return s <= 0 ? 0 : s > RETRY_AFTER_MAX_S ? RETRY_AFTER_MAX_S : (int)s;
}

static enum out_step
end(struct out_call *c)
{
	c->reply.date_s = date_s(c->answer.date);
	c->reply.retry_after_s = retry_after_s(c);
	if (!c->answer.complete && (!may_have_left(c) || left_in_part(c)))
		return lose(c, CALL_LOST, c->send_failed != NULL ? c->send_failed : c->answer.why);
	out_reply_judge(&c->answer, c->url->host, &c->reply);
	return OUT_OVER;
}

/* --- on a connection --- */

static void
want_out(struct out_call *c, bool want)
{
	if (c->wants_out != want)
		out_conn_want_out(c->conn, want);
	c->wants_out = want;
}

/* False: the connection takes no more, ever. */
static bool
send_some(struct out_call *c)
{
	while (c->sent < c->request.len) {
		size_t left = c->request.len - c->sent;
		ssize_t n;

		/* Of more than a record TLS says nothing before all of it is gone, as if nothing moved. */
		if (!c->conn->bare && left > TLS_AT_ONCE)
			left = TLS_AT_ONCE;
		n = out_conn_send(c->conn, c->request.p + c->sent, left);
		if (n < 0 && errno != EAGAIN) {
			c->send_failed = c->conn->why;
			return false;
		}
		if (n <= 0) {
			want_out(c, true);
			return true;
		}
		c->sent += (size_t)n;
		c->moved += (uint64_t)n;
	}
	want_out(c, false);
	return true;
}

/* The other side may have answered before it closed, without having read everything. */
static enum out_step
read_some(struct out_call *c, char *scratch, size_t size)
{
	size_t room = 0;
	ssize_t n;
	bool more;

	do {
		if (room > 0 && c->conn->bare && (size_t)n < room && c->send_failed == NULL)
			return OUT_GOES_ON; /* it would only say that there is nothing */
		room = out_reply_room(&c->answer, size);
		n = out_conn_recv(c->conn, scratch, room);
		if (n < 0 && errno == EAGAIN && c->send_failed == NULL)
			return OUT_GOES_ON;
		if (n < 0)
			return lose(
			    c, CALL_LOST, c->send_failed != NULL ? c->send_failed : c->conn->why);
		c->moved += (uint64_t)n;
		more = out_reply_take(&c->answer, scratch, (size_t)n);
		mem_wipe(scratch, (size_t)n);
	} while (more);
	return end(c);
}

enum out_step
out_call_begin(
    struct out_call *c, struct out_conn *conn, int64_t now_ms, char *scratch, size_t room)
{
	c->conn = conn;
	c->began = true;
	c->counted = c->moved;
	c->counted_ms = c->slow_since_ms = now_ms;
	if (send_some(c))
		return OUT_GOES_ON;
	if (c->sent == 0 && conn->bare && conn->used) {
		c->send_failed = NULL;
		c->began = false;
		return OUT_NOTHING_LEFT;
	}
	return read_some(c, scratch, room);
}

enum out_step
out_call_step(struct out_call *c, char *scratch, size_t room)
{
	if (c->sent < c->request.len && c->send_failed == NULL)
		send_some(c);
	return read_some(c, scratch, room);
}

bool
out_call_spares_connection(const struct out_call *c)
{
	return c->answer.complete && c->answer.keep_alive && c->sent == c->request.len &&
	    !c->public_only;
}

bool
out_call_has_time(const struct out_call *c, int64_t now_ms)
{
	int share_ms = c->timeout_ms / 10;

	return c->deadline_ms - now_ms >= (share_ms < REPLY_TIME_MS ? share_ms : REPLY_TIME_MS);
}

bool
out_call_is_late(struct out_call *c, int64_t now_ms)
{
	int64_t passed_ms = now_ms - c->counted_ms;

	if (now_ms >= c->deadline_ms)
		return true;
	if (!c->began || passed_ms < COUNT_EVERY_MS)
		return false;
	if ((int64_t)(c->moved - c->counted) * 1000 >= passed_ms * SLOW_BYTES_PER_S)
		c->slow_since_ms = now_ms;
	c->counted = c->moved;
	c->counted_ms = now_ms;
	return now_ms - c->slow_since_ms >= SLOW_TIME_MS;
}

/* --- after --- */

bool
out_call_clear(struct out_call *c)
{
	struct out_reply answer;
	struct buf request = c->request;

	out_url_let_go(c->url);
	c->url = NULL;
	mem_wipe(request.p, request.len);
	out_reply_wipe(&c->answer);
	if (request.cap > KEPT_MAX || c->answer.body.cap > KEPT_MAX)
		return false;
	request.len = 0;
	request.overflow = false;
	answer = c->answer;
	*c = (struct out_call){ .request = request, .answer = answer };
	return true;
}

void
out_call_free(struct out_call *c)
{
	if (c == NULL)
		return;
	out_url_let_go(c->url);
	buf_free(&c->request);
	buf_free(&c->answer.body);
	buf_free(&c->answer.decoded);
	free(c);
}
