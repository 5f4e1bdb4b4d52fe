/* http/out_reply.h - reads the reply to an outgoing call while its bytes arrive, and says what it is.
 *
 * Knows no socket and no time. Bounded: the head with every interim one (64 KiB), the body (its limit; a
 * length past it ends the reading before a byte of the body is here). No coding was offered, so one that
 * comes all the same may be a bomb and is refused (S-020), but for `salvage`, where it is undone at the
 * end. Interim replies are passed over, trailers read and dropped. An ordinary reply is read without
 * http_parser (http/out_head.h). One thread. Private to the room.
 * Sources: RFC 9112 sections 2 to 7, RFC 9110. */
#ifndef HTTP_OUT_REPLY_H
#define HTTP_OUT_REPLY_H

#include <http_parser.h>

#include "base/buf.h"
#include "http/client.h"

#define OUT_REPLY_MAX (1u << 20) /* of a body, when the call says nothing */

struct out_reply {
	http_parser parser;
	struct buf body, decoded; /* the first is the owner's: where it grows, and how far */
	char content_type[128], retry_after[64], coding[64], date[64]; /* cut to what fits */
	bool salvage;
	bool complete;
	bool keep_alive; /* of a complete one: nothing came behind it, and the connection stays */

	/* The source's own. */
	bool without_body, in_head, in_value, begun;
	bool ordinary; /* read by out_head.c, with so many bytes of the body to come */
	uint64_t left;
	size_t head_len;
	char name[20]; /* of the field that is being read; one that fills it is none of ours */
	size_t name_len, value_len;
	int field;
	enum http_call_end end; /* with `why`: what is wrong with it */
	const char *why;
};

/* For the reply to one call; body keeps its memory, everything else is as new. */
void out_reply_begin(struct out_reply *r, const struct http_call *call);
/* How many bytes may be given next, at most `room`: a head never reaches past its limit. */
size_t out_reply_room(const struct out_reply *r, size_t room);
/* The next bytes; none: the connection has ended. False: no more are wanted, since it is complete or
 * cannot end well any more. */
bool out_reply_take(struct out_reply *r, const char *bytes, size_t n);
/* Of one that wants no more: how it ended, its status, type and body. host is for sentences. */
void out_reply_judge(struct out_reply *r, const char *host, struct http_reply *out);
/* What arrived is the only copy of what it holds: handed over with `salvage`, however the call ended. */
void out_reply_salvage(struct out_reply *r, struct http_reply *out);
/* Wipes what it holds; `body` keeps its memory. */
void out_reply_wipe(struct out_reply *r);

/* "WHAT HOST: WHY" in reply->error, with nothing in it that a terminal would act on. */
void out_say(struct http_reply *reply, enum http_call_end end, const char *what, const char *host,
    const char *why);

#endif
