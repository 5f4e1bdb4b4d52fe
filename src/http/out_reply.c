#include "http/out_reply.h"

#include <stddef.h>
#include <stdio.h>

#include "base/arena.h"
#include "http/coding.h"
#include "http/out_head.h"

#define REPLY_HEAD_MAX (64u << 10)
#define BODY_AT_FIRST 4096

enum { NO_FIELD = -1, CONTENT_TYPE, RETRY_AFTER, CODING, DATE };

#define FIELD(text, member)                                                 \
	{                                                                   \
		text, sizeof(text) - 1, offsetof(struct out_reply, member), \
		    sizeof(((struct out_reply *)NULL)->member)              \
	}
static const struct {
	const char *name;
	size_t len, at, size;
} fields[] = {
	[CONTENT_TYPE] = FIELD("content-type", content_type),
	[RETRY_AFTER] = FIELD("retry-after", retry_after),
	[CODING] = FIELD("content-encoding", coding),
	[DATE] = FIELD("date", date),
};

void
out_say(struct http_reply *reply, enum http_call_end end, const char *what, const char *host,
    const char *why)
{
	reply->end = end;
	snprintf(reply->error, sizeof(reply->error), "%.30s %.70s: %s", what, host, why);
	for (char *p = reply->error; *p != '\0'; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = ' ';
}

static int
broken(struct out_reply *r, enum http_call_end end, const char *why)
{
	r->end = end;
	r->why = why;
	return -1;
}

/* --- fields --- */

static int
field_of(struct str name)
{
	for (int i = CONTENT_TYPE; i <= DATE; i++)
		if (name.len == fields[i].len &&
		    str_eq_nocase(name, (struct str){ fields[i].name, fields[i].len }))
			return i;
	return NO_FIELD;
}

static char *
text_of(struct out_reply *r, int field)
{
	return (char *)r + fields[field].at;
}

/* Its parameters say nothing that anybody here asks for. */
static void
end_content_type(char *type)
{
	char *end = type + strcspn(type, ";");

	while (end > type && (end[-1] == ' ' || end[-1] == '\t'))
		end--;
	*end = '\0';
	for (char *c = type; *c != '\0'; c++)
		if (*c >= 'A' && *c <= 'Z')
			*c = (char)(*c - 'A' + 'a');
}

static int
end_coding(struct out_reply *r)
{
	if (str_eq_nocase(str_of(r->coding), S("identity")))
		r->coding[0] = '\0';
	if (r->coding[0] == '\0' || r->salvage)
		return 0;
	return broken(r, CALL_LOST, "it is encoded");
}

/* The field that was read, if one was. */
static int
end_field(struct out_reply *r)
{
	int field = r->in_value ? r->field : NO_FIELD;
	char *text;

	r->in_value = false;
	r->name_len = 0;
	if (field == NO_FIELD)
		return 0;
	text = text_of(r, field);
	while (
	    r->value_len > 0 && (text[r->value_len - 1] == ' ' || text[r->value_len - 1] == '\t'))
		text[--r->value_len] = '\0';
	if (field == CONTENT_TYPE)
		end_content_type(text);
	return field == CODING ? end_coding(r) : 0;
}

static void
forget_fields(struct out_reply *r)
{
	r->content_type[0] = r->retry_after[0] = r->coding[0] = r->date[0] = '\0';
}

/* --- what the parser tells --- */

static int
on_name(http_parser *p, const char *at, size_t len)
{
	struct out_reply *r = p->data;
	size_t room = sizeof(r->name) - r->name_len;

	if (!r->in_head)
		return 0;
	if (r->in_value && end_field(r) != 0)
		return -1;
	room = sizeof(r->name) - r->name_len;
	memcpy(r->name + r->name_len, at, len < room ? len : room);
	r->name_len += len < room ? len : room;
	return 0;
}

static int
on_value(http_parser *p, const char *at, size_t len)
{
	struct out_reply *r = p->data;
	size_t room;
	char *text;

	if (!r->in_head)
		return 0;
	if (!r->in_value) {
		r->in_value = true;
		r->value_len = 0;
		r->field = field_of((struct str){ r->name, r->name_len });
	}
	if (r->field == NO_FIELD)
		return 0;
	text = text_of(r, r->field);
	room = fields[r->field].size - 1 - r->value_len;
	len = len < room ? len : room;
	memcpy(text + r->value_len, at, len);
	r->value_len += len;
	text[r->value_len] = '\0';
	return 0;
}

static int
check_length(struct out_reply *r, uint64_t len)
{
	return len > r->body.max && !r->salvage
	    ? broken(r, CALL_TOO_LARGE, "it is past the size limit")
	    : 0;
}

/* 1: no body follows, whatever the head says (RFC 9112 section 6.3). */
static int
on_head(http_parser *p)
{
	struct out_reply *r = p->data;

	if (end_field(r) != 0)
		return -1;
	r->in_head = false;
	if (p->status_code == 101)
		return broken(r, CALL_LOST, "it did not speak HTTP as asked");
	if (r->without_body || p->status_code < 200 || p->status_code == 204 ||
	    p->status_code == 304)
		return 1;
	return p->content_length != UINT64_MAX ? check_length(r, p->content_length) : 0;
}

static int
take_body(struct out_reply *r, struct str piece)
{
	size_t room = r->body.max - r->body.len;

	if (r->body.cap == 0 && r->body.max > BODY_AT_FIRST)
		buf_room(&r->body, BODY_AT_FIRST);
	buf_add(&r->body, str_sub(piece, 0, room));
	return piece.len <= room ? 0 : broken(r, CALL_TOO_LARGE, "it is past the size limit");
}

static int
on_body(http_parser *p, const char *at, size_t len)
{
	return take_body(p->data, (struct str){ at, len });
}

static int
on_end(http_parser *p)
{
	struct out_reply *r = p->data;

	if (p->status_code < 200) {
		forget_fields(r);
		r->in_head = true;
		return 0;
	}
	r->complete = true;
	r->keep_alive = http_should_keep_alive(p) != 0;
	http_parser_pause(p, 1); /* nothing behind it is looked at */
	return 0;
}

static const http_parser_settings settings = {
	.on_header_field = on_name,
	.on_header_value = on_value,
	.on_headers_complete = on_head,
	.on_body = on_body,
	.on_message_complete = on_end,
};

/* --- an ordinary one --- */

static int
take_field(struct out_reply *r, int field, struct str value)
{
	if (value.p == NULL)
		return 0;
	value = str_sub(value, 0, fields[field].size - 1);
	memcpy(text_of(r, field), value.p, value.len);
	text_of(r, field)[value.len] = '\0';
	r->value_len = value.len;
	r->field = field;
	r->in_value = true;
	return end_field(r);
}

static int
take_head(struct out_reply *r, const struct out_head *h)
{
	r->ordinary = true;
	r->in_head = false;
	r->keep_alive = !h->close;
	r->left = h->content_length;
	r->parser.status_code = (unsigned int)h->status;
	if (take_field(r, CONTENT_TYPE, h->content_type) != 0 ||
	    take_field(r, RETRY_AFTER, h->retry_after) != 0 || take_field(r, DATE, h->date) != 0 ||
	    take_field(r, CODING, h->coding) != 0)
		return -1;
	return check_length(r, h->content_length);
}

/* How much of the bytes was its own. */
static size_t
take_ordinary(struct out_reply *r, struct str bytes)
{
	size_t n = bytes.len < r->left ? bytes.len : (size_t)r->left;

	if (n > 0 && take_body(r, str_sub(bytes, 0, n)) != 0)
		return 0;
	r->left -= n;
	r->complete = r->left == 0;
	return n;
}

static size_t
take_parsed(struct out_reply *r, const char *bytes, size_t n)
{
	size_t used = http_parser_execute(&r->parser, &settings, bytes, n);

	if (r->in_head && !r->complete)
		r->head_len += n;
	if (r->complete)
		return used;
	if (r->why == NULL && n == 0)
		broken(r, CALL_LOST, "the connection was closed before its end");
	else if (r->why == NULL && (used < n || HTTP_PARSER_ERRNO(&r->parser) != HPE_OK))
		broken(r, CALL_LOST, "it did not speak HTTP as asked");
	if (HTTP_PARSER_ERRNO(&r->parser) == HPE_HEADER_OVERFLOW || r->head_len >= REPLY_HEAD_MAX)
		broken(r, CALL_TOO_LARGE, "a header is past the size limit");
	return used;
}

/* --- from outside --- */

void
out_reply_begin(struct out_reply *r, const struct http_call *call)
{
	http_parser_init(&r->parser, HTTP_RESPONSE);
	r->parser.data = r;
	r->body.max = call->reply_max > 0 ? call->reply_max : OUT_REPLY_MAX;
	r->without_body = strcmp(call->method, "HEAD") == 0;
	r->salvage = call->salvage;
	forget_fields(r);
	r->complete = r->keep_alive = r->in_value = r->begun = r->ordinary = false;
	r->in_head = true;
	r->head_len = r->name_len = 0;
	r->why = NULL;
}

size_t
out_reply_room(const struct out_reply *r, size_t room)
{
	size_t left = REPLY_HEAD_MAX - r->head_len;

	return r->in_head && left < room ? left : room;
}

static size_t
take(struct out_reply *r, struct str bytes)
{
	struct out_head h;

	if (r->ordinary)
		return take_ordinary(r, bytes);
	if (r->begun || r->without_body || !out_head_read(bytes, &h))
		return take_parsed(r, bytes.p, bytes.len);
	if (take_head(r, &h) != 0)
		return 0;
	return h.len + take_ordinary(r, str_sub(bytes, h.len, bytes.len));
}

bool
out_reply_take(struct out_reply *r, const char *bytes, size_t n)
{
	size_t used;

	if (n == 0 && (r->ordinary || !r->begun)) {
		broken(r, CALL_LOST,
		    r->begun ? "the connection was closed before its end"
			     : "the connection was closed without one");
		return false;
	}
	used = take(r, (struct str){ bytes, n });
	r->begun = true;
	if (r->complete)
		r->keep_alive &= used == n;
	return !r->complete && r->why == NULL;
}

static struct secret
body_of(struct out_reply *r)
{
	r->decoded = buf_heap(r->body.max);
	return secret_of(
	    r->coding[0] != '\0' && coding_undo(str_of(r->coding), buf_str(&r->body), &r->decoded)
		? buf_str(&r->decoded)
		: buf_str(&r->body));
}

static void
judge_complete(struct out_reply *r, const char *host, struct http_reply *out)
{
	if (out->status >= 300 && out->status < 400) {
		out_say(out, CALL_REDIRECTED, "a redirect came from", host, "it is not followed");
		return;
	}
	out->end = CALL_ANSWERED;
	out->body = body_of(r);
	/* Counted after decompression (S-020). */
	if (r->decoded.overflow)
		out_say(
		    out, CALL_TOO_LARGE, "no reply taken from", host, "it is past the size limit");
}

void
out_reply_judge(struct out_reply *r, const char *host, struct http_reply *out)
{
	out->status = (int)r->parser.status_code;
	out->content_type = str_of(r->content_type);
	if (r->complete) {
		judge_complete(r, host, out);
		return;
	}
	out_say(out, r->end,
	    r->end == CALL_TOO_LARGE ? "no reply taken from" : "no complete reply from", host,
	    r->why);
	out_reply_salvage(r, out);
}

void
out_reply_salvage(struct out_reply *r, struct http_reply *out)
{
	enum http_call_end end = out->end;

	out->status = (int)r->parser.status_code;
	out->content_type = str_of(r->content_type);
	if (r->salvage && (end == CALL_LOST || end == CALL_TIMED_OUT || end == CALL_TOO_LARGE))
		out->body = body_of(r);
}

void
out_reply_wipe(struct out_reply *r)
{
	mem_wipe(r->body.p, r->body.len);
	r->body.len = 0;
	r->body.overflow = false;
	buf_free(&r->decoded);
}
