/* http/out_head.h - the head of an ordinary reply, read at one look. Pure; private to the room.
 *
 * Ordinary is what token endpoints send: HTTP/1.1, whole in one piece, a final status whose body has one
 * Content-Length, and nothing that another reader could read otherwise. Of everything else it says no more than
 * that, and http_parser reads it; what is read here http_parser reads the same way, at three
 * times the price (tests/unit/test_out_head.c lets both read a hundred thousand heads). */
#ifndef HTTP_OUT_HEAD_H
#define HTTP_OUT_HEAD_H

#include "base/str.h"

struct out_head {
	size_t len; /* with the empty line */
	int status;
	uint64_t content_length;
	bool close;                                         /* the connection ends with the body */
	struct str content_type, retry_after, coding, date; /* the last of each; p NULL: none */
};

bool out_head_read(struct str bytes, struct out_head *h);

#endif
