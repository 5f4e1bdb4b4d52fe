/* http/multi.h - a libcurl multi handle, and sockets of our own, that one thread drives with epoll.
 *
 * Each turn costs what there is to do, however many calls are out: curl_multi_perform() would look at all
 * of them. One thread uses it; multi_wake() alone is for any. Private to the room. */
#ifndef HTTP_MULTI_H
#define HTTP_MULTI_H

#include <curl/curl.h>
#include <stdbool.h>

struct multi;

/* NULL: there are no descriptors left. */
struct multi *multi_new(void);
void multi_free(struct multi *m); /* takes NULL; no handle is in it any more */

void multi_add(struct multi *m, CURL *easy);
void multi_remove(struct multi *m, CURL *easy);

/* From now on ready(arg) is called in each turn in which there is something to read at fd, a socket that libcurl
 * has no part in (any more). It may close and watch what it likes. */
void multi_watch(struct multi *m, int fd, void (*ready)(void *arg), void *arg);
void multi_want_out(struct multi *m, int fd, bool want); /* also when there is room to send */
void multi_unwatch(struct multi *m, int fd);             /* before it is closed */

/* Waits until something happens, at most so long (-1: for ever), and lets libcurl do what there is to do. False:
 * nothing happened. */
bool multi_turn(struct multi *m, int ms);
void multi_wake(struct multi *m);
/* The next one that has ended; NULL: no other. It is still in it. */
CURL *multi_ended(struct multi *m, CURLcode *code);

#endif
