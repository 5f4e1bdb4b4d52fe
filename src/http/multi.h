/* http/multi.h - a libcurl multi handle that its thread drives with epoll.
 *
 * Each turn costs what there is to do, however many calls are out: curl_multi_perform() would look at all
 * of them. One thread uses it; multi_wake() alone is for any. Private to the room. */
#ifndef HTTP_MULTI_H
#define HTTP_MULTI_H

#include <curl/curl.h>
#include <stdbool.h>

struct multi;

/* host_connections at once to one host, what comes on top waits; kept: connections that stay open. NULL:
 * there are no descriptors left. */
struct multi *multi_new(long host_connections, long kept);
void multi_free(struct multi *m); /* takes NULL; no handle is in it any more */

void multi_add(struct multi *m, CURL *easy);
void multi_remove(struct multi *m, CURL *easy);

/* Waits until something happens, at most so long, and lets libcurl do what there is to do. False: nothing
 * happened. */
bool multi_turn(struct multi *m, int ms);
void multi_wake(struct multi *m);
/* The next one that has ended; NULL: no other. It is still in it. */
CURL *multi_ended(struct multi *m, CURLcode *code);

#endif
