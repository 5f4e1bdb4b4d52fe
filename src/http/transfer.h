/* http/transfer.h - one outgoing call as a libcurl easy handle, with every limit set.
 *
 * Owns the copies of what is sent and what comes back, and wipes both. Knows no thread: client.c
 * runs transfers on its loop, or one alone. Private to the room. */
#ifndef HTTP_TRANSFER_H
#define HTTP_TRANSFER_H

#include <curl/curl.h>

#include "base/buf.h"
#include "http/client.h"

#define CALL_TIMEOUT_MS 20000
#define CALL_TIMEOUT_MAX_MS 30000

struct http_transfer {
	CURL *easy; /* NULL: the call cannot be made, reply.end says why */
	struct http_reply reply;
	struct http_transfer *prev, *next; /* for whoever keeps lists of them */
	void (*done)(void *arg, const struct http_reply *reply);
	void *arg;

	/* The rest is the two sources' own. What it was made for, as long as another call may be made with it: */
	struct buf method, url;
	int timeout_ms;
	size_t reply_max;
	bool has_body, no_proxy;
	bool once; /* never again */

	/* And of this call. */
	struct curl_slist *lines;
	struct buf body_out, body_in, decoded;
	char host[72]; /* "host:port", for sentences; a long name is cut */
	char content_type[128], retry_after[64], coding[64], date[64], curl_text[CURL_ERROR_SIZE];
	size_t head_len;
	bool in_head;   /* between a status line and its empty line */
	bool sent;      /* the request may have left this machine */
	bool fresh;     /* never sent again by libcurl itself, so that it counts what was sent */
	bool send_once; /* doing it twice is not the same as once */
	bool salvage;   /* a body is handed over in whatever state it came */
	bool gave_up;   /* a callback ended it and filled in reply */
	bool barred;    /* an address was refused because it is not a public one */
};

/* Without `easy` it cannot be sent, and its reply says why. roots_pem: the authorities to believe,
 * borrowed until transfer_free; empty: the system's. */
struct http_transfer *transfer_new(
    const struct http_call *call, struct str user_agent, struct str roots_pem);
/* After its call: wipes what it held of it, so that it can be kept for another one; false: it cannot. */
bool transfer_empty(struct http_transfer *t);
/* The same as transfer_new with one that was emptied, of the same user agent and roots. False when it was
 * made for another address, method or limit. */
bool transfer_again(struct http_transfer *t, const struct http_call *call, struct str user_agent);
/* Fills in t->reply from libcurl's verdict. */
void transfer_finish(struct http_transfer *t, CURLcode code);
/* The same for one that is dropped half-way. */
void transfer_abandon(struct http_transfer *t);
void transfer_free(struct http_transfer *t); /* takes NULL */

#endif
