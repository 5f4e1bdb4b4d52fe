/* http/plain.h - one call to this machine itself over plain TCP, for a program that makes one.
 *
 * Most calls of `valetkey token` go to a manager on the loopback address, and loading libcurl for one
 * takes longer than all else together. The rules are those of http/client.h: no redirect, no content
 * coding, bounded head, body and time; nothing on the way to the loopback address is a proxy's.
 * Source: RFC 9112. */
#ifndef HTTP_PLAIN_H
#define HTTP_PLAIN_H

#include "http/client.h"

/* False when the call is not one for this file, and nothing was done: anything but http:// to
 * localhost, 127.0.0.0/8 or [::1]. Otherwise fills in *out as http_client_once does. */
bool plain_call(struct ctx *cx, struct str user_agent, const struct http_call *call, int timeout_ms,
    struct http_reply *out);

#endif
