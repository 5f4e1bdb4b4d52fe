/* What a call has come to: how it ended, in which words, and what arrived of its reply. */
#include <stdio.h>
#include <time.h>

#include "http/coding.h"
#include "http/curl_load.h"
#include "http/transfer.h"

#define RETRY_AFTER_MAX_S 604800

/* Less than the whole body was handed to the connection, so that nobody can have acted on it. Of a kept
 * connection that cannot be said: libcurl may have begun again on another one. */
static bool
left_whole(const struct http_transfer *t)
{
	curl_off_t sent = 0;

	if (!t->sent || !t->fresh || t->body_out.len <= 1)
		return t->sent;
	return curl_easy_getinfo(t->easy, CURLINFO_SIZE_UPLOAD_T, &sent) != CURLE_OK ||
	    sent >= (curl_off_t)(t->body_out.len - 1);
}

static const char *
reason(const struct http_transfer *t, CURLcode code)
{
	long os_error = 0;

	if (code == CURLE_COULDNT_CONNECT &&
	    curl_easy_getinfo(t->easy, CURLINFO_OS_ERRNO, &os_error) == CURLE_OK && os_error != 0)
		return strerror((int)os_error);
	/* libcurl's own text names the fault of a certificate. */
	if (code == CURLE_PEER_FAILED_VERIFICATION && t->curl_text[0] != '\0')
		return t->curl_text;
	return curl_easy_strerror(code);
}

static void
say(struct http_transfer *t, enum http_call_end end, const char *what, const char *why)
{
	t->reply.end = end;
	snprintf(t->reply.error, sizeof(t->reply.error), "%.30s %s: %s", what, t->host, why);
	for (char *p = t->reply.error; *p != '\0'; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = ' ';
}

static void
judge_failure(struct http_transfer *t, CURLcode code)
{
	t->reply.untrusted = !t->sent && code == CURLE_PEER_FAILED_VERIFICATION;
	if (!t->sent && (code == CURLE_URL_MALFORMAT || code == CURLE_UNSUPPORTED_PROTOCOL))
		say(t, CALL_BAD_URL, "cannot call", "the address is not a valid URL");
	else if (!t->sent && t->barred)
		say(t, CALL_BAD_URL, "cannot call", "only public addresses may be called");
	else if (!t->sent && code == CURLE_OPERATION_TIMEDOUT)
		say(t, CALL_REFUSED, "could not connect to", "no answer in time");
	else if (t->reply.untrusted)
		say(t, CALL_REFUSED, "could not trust", reason(t, code));
	else if (!t->sent)
		say(t, CALL_REFUSED, "could not connect to", reason(t, code));
	else if (!left_whole(t))
		say(t, CALL_REFUSED, "could not send to", reason(t, code));
	else if (code == CURLE_FILESIZE_EXCEEDED)
		say(t, CALL_TOO_LARGE, "no reply taken from", "it is past the size limit");
	else if (code == CURLE_OUT_OF_MEMORY)
		/* How libcurl calls a header line longer than its own limit. */
		say(t, CALL_TOO_LARGE, "no reply taken from", "a header is past the size limit");
	else if (code == CURLE_OPERATION_TIMEDOUT)
		say(t, CALL_TIMED_OUT, "no complete reply from", "it took too long");
	else
		say(t, CALL_LOST, "no complete reply from", reason(t, code));
}

/* Many replies are of the same second. */
static int64_t
date_s(const char *text)
{
	static _Thread_local char last[64];
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
retry_after_s(const struct http_transfer *t)
{
	int64_t s, from = t->reply.date_s > 0 ? t->reply.date_s : time(NULL);
	struct str v = str_of(t->retry_after);

	if (v.len == 0)
		return 0;
	if (strspn(t->retry_after, "0123456789") == v.len) {
		if (!str_int(v, 0, RETRY_AFTER_MAX_S, &s))
			s = RETRY_AFTER_MAX_S;
	} else {
		s = curl_getdate(t->retry_after, NULL) - from;
	}
	return s <= 0 ? 0 : s > RETRY_AFTER_MAX_S ? RETRY_AFTER_MAX_S : (int)s;
}

static struct secret
body_of(struct http_transfer *t)
{
	t->decoded = buf_heap(t->body_in.max);
	return secret_of(coding_undo(str_of(t->coding), buf_str(&t->body_in), &t->decoded)
		? buf_str(&t->decoded)
		: buf_str(&t->body_in));
}

/* What arrived is the only copy of what it holds, however the call ended. */
static void
hand_over(struct http_transfer *t)
{
	enum http_call_end end = t->reply.end;

	if (t->salvage && (end == CALL_LOST || end == CALL_TIMED_OUT || end == CALL_TOO_LARGE))
		t->reply.body = body_of(t);
}

void
transfer_finish(struct http_transfer *t, CURLcode code)
{
	long status = 0;

	curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
	t->reply.status = (int)status;
	t->reply.date_s = date_s(t->date);
	t->reply.retry_after_s = retry_after_s(t);
	t->reply.content_type = str_of(t->content_type);
	if (t->gave_up) {
		hand_over(t);
	} else if (code != CURLE_OK) {
		judge_failure(t, code);
		hand_over(t);
	} else if (status >= 300 && status < 400) {
		say(t, CALL_REDIRECTED, "a redirect came from", "it is not followed");
	} else if (status < 200) {
		say(t, CALL_LOST, "no complete reply from", "it did not speak HTTP as asked");
	} else {
		t->reply.end = CALL_ANSWERED;
		t->reply.body = body_of(t);
		/* Counted after decompression (S-020). */
		if (t->decoded.overflow)
			say(t, CALL_TOO_LARGE, "no reply taken from", "it is past the size limit");
	}
}

void
transfer_abandon(struct http_transfer *t)
{
	long status = 0;

	if (t->easy != NULL)
		curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
	t->reply.status = (int)status;
	say(t, t->sent ? CALL_LOST : CALL_REFUSED, "stopped while calling", "this side is closing");
	hand_over(t);
}
