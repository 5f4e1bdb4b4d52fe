#include "http/transfer.h"

#include <ctype.h>
#include <malloc.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "http/address.h"
#include "http/curl_load.h"

#define HEAD_MAX (64u << 10)
#define REPLY_MAX (1u << 20)
#define CONNECT_MAX_MS 10000
#define READ_AT_ONCE 4096 /* allocated and wiped for each call */
#define KEPT_BODY_MAX (64u << 10)
#define BODY_OUT_MAX (64u << 20)
#define SLOW_BYTES_PER_S 10
#define SLOW_TIME_S 10
#define IDLE_CONNECTION_MAX_S 45

/* libcurl keeps copies of headers and bodies in its own buffers; with these its memory is wiped as
 * it is freed, so no authorization or token stays behind on the heap. */
static void
wiping_free(void *p)
{
	if (p == NULL)
		return;
	mem_wipe(p, malloc_usable_size(p));
	free(p);
}

static void *
wiping_realloc(void *p, size_t size)
{
	size_t had = p != NULL ? malloc_usable_size(p) : 0;
	void *q = malloc(size);

	if (q == NULL)
		return NULL;
	if (p != NULL)
		memcpy(q, p, had < size ? had : size);
	wiping_free(p);
	return q;
}

static void
setup_once(void)
{
	if (curl_global_init_mem(CURL_GLOBAL_DEFAULT, malloc, wiping_free, wiping_realloc, strdup,
		calloc) != CURLE_OK)
		abort();
}

static bool
set_up(struct http_transfer *t)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	const char *why = curl_load();

	if (why == NULL)
		return pthread_once(&once, setup_once) == 0;
	t->reply.end = CALL_REFUSED;
	snprintf(t->reply.error, sizeof(t->reply.error),
	    "the library for calls cannot be used, install libcurl4: %s", why);
	return false;
}

/* Ends the call from inside a callback; returning 0 bytes taken makes libcurl stop. */
static size_t
give_up(struct http_transfer *t, enum http_call_end end, const char *what)
{
	t->gave_up = true;
	t->reply.end = end;
	snprintf(t->reply.error, sizeof(t->reply.error), "%s %.80s", t->host, what);
	return 0;
}

/* Its value when the line is of that name; else p is NULL. */
static struct str
header_value(struct str line, struct str name)
{
	if (line.len <= name.len || line.p[name.len] != ':' ||
	    !str_eq_nocase(str_sub(line, 0, name.len), name))
		return (struct str){ 0 };
	return str_trim(str_sub(line, name.len + 1, line.len));
}

static void
keep(char *to, size_t size, struct str s)
{
	snprintf(to, size, "%.*s", STR_ARG(str_sub(s, 0, size - 1)));
}

static void
keep_content_type(struct http_transfer *t, struct str v)
{
	keep(t->content_type, sizeof(t->content_type), str_trim(str_sub(v, 0, str_find(v, ';'))));
	for (char *p = t->content_type; *p != '\0'; p++)
		*p = (char)tolower((unsigned char)*p);
}

/* False when the reply cannot be read. */
static bool
note_header(struct http_transfer *t, struct str line)
{
	struct str v;

	if ((v = header_value(line, S("content-type"))).p != NULL)
		keep_content_type(t, v);
	if ((v = header_value(line, S("retry-after"))).p != NULL)
		keep(t->retry_after, sizeof(t->retry_after), v);
	if ((v = header_value(line, S("date"))).p != NULL)
		keep(t->date, sizeof(t->date), v);
	/* No coding was offered: one that comes all the same may be a bomb (S-020). */
	v = header_value(line, S("content-encoding"));
	if (v.len == 0 || str_eq_nocase(v, S("identity")))
		return true;
	keep(t->coding, sizeof(t->coding), v);
	return t->salvage;
}

static size_t
on_header(char *p, size_t size, size_t n, void *arg)
{
	struct http_transfer *t = arg;
	struct str line = { p, size * n };

	t->head_len += line.len;
	if (t->head_len > HEAD_MAX)
		return give_up(t, CALL_TOO_LARGE, "sent more than 64 KiB of headers");
	while (line.len > 0 && (line.p[line.len - 1] == '\n' || line.p[line.len - 1] == '\r'))
		line.len--;
	if (str_starts(line, S("HTTP/"))) {
		/* The reply of a proxy or an interim one may have come before. */
		t->in_head = true;
		t->content_type[0] = t->retry_after[0] = t->coding[0] = t->date[0] = '\0';
	} else if (line.len == 0) {
		t->in_head = false;
	} else if (t->in_head && !note_header(t, line)) {
		return give_up(t, CALL_LOST, "sent an encoded reply, which cannot be read");
	}
	return size * n;
}

static size_t
on_body(char *p, size_t size, size_t n, void *arg)
{
	struct http_transfer *t = arg;
	struct str piece = { p, size * n };
	size_t room = t->body_in.max - t->body_in.len;

	buf_add(&t->body_in, str_sub(piece, 0, room));
	if (piece.len > room)
		return give_up(t, CALL_TOO_LARGE, "sent a reply past the size limit");
	return size * n;
}

/* Called when the connection stands and the request is about to leave. libcurl sends again by
 * itself when a kept connection turns out dead; a refresh token must not be spent twice. */
static int
on_ready(void *arg, char *ip, char *local_ip, int port, int local_port)
{
	struct http_transfer *t = arg;

	(void)ip, (void)local_ip, (void)port, (void)local_port;
	if (t->sent && t->send_once)
		return CURL_PREREQFUNC_ABORT;
	t->sent = true;
	return CURL_PREREQFUNC_OK;
}

/* Sees each address right before it is connected to, so that no name can change between the check and
 * the connection (S-028). */
static curl_socket_t
open_public(void *arg, curlsocktype purpose, struct curl_sockaddr *at)
{
	struct http_transfer *t = arg;

	(void)purpose;
	if (address_is_public(&at->addr))
		return socket(at->family, at->socktype | SOCK_CLOEXEC, at->protocol);
	t->barred = true;
	return CURL_SOCKET_BAD;
}

/* A proxy would connect where we cannot look, a kept connection was perhaps made without the rule. */
static bool
use_public_only(struct http_transfer *t)
{
	return curl_easy_setopt(t->easy, CURLOPT_OPENSOCKETFUNCTION, open_public) == CURLE_OK &&
	    curl_easy_setopt(t->easy, CURLOPT_OPENSOCKETDATA, t) == CURLE_OK &&
	    curl_easy_setopt(t->easy, CURLOPT_PROXY, "") == CURLE_OK &&
	    curl_easy_setopt(t->easy, CURLOPT_FRESH_CONNECT, 1L) == CURLE_OK &&
	    curl_easy_setopt(t->easy, CURLOPT_FORBID_REUSE, 1L) == CURLE_OK;
}

static bool
is_loopback(const char *host)
{
	struct str h = str_of(host);

	return str_eq_nocase(h, S("localhost")) || str_eq(h, S("[::1]")) ||
	    (str_starts(h, S("127.")) && strspn(host, "0123456789.") == h.len);
}

static bool
printable(struct str s)
{
	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if ((c < 0x20 && c != '\t') || c == 0x7f)
			return false;
	}
	return true;
}

static bool
refuse_call(struct http_transfer *t, const char *why)
{
	t->reply.end = CALL_BAD_URL;
	snprintf(t->reply.error, sizeof(t->reply.error), "%s", why);
	return false;
}

/* Takes the address apart for the rules libcurl has no switch for; the caller frees the parts. */
static bool
check_parts(struct http_transfer *t, CURLU *u, char **scheme, char **host, char **port)
{
	char *user = NULL, *password = NULL;
	bool named;

	if (curl_url_get(u, CURLUPART_SCHEME, scheme, 0) != CURLUE_OK ||
	    curl_url_get(u, CURLUPART_HOST, host, 0) != CURLUE_OK ||
	    curl_url_get(u, CURLUPART_PORT, port, CURLU_DEFAULT_PORT) != CURLUE_OK)
		return refuse_call(t, "the address is not a complete http or https URL");
	if (strcmp(*scheme, "http") != 0 && strcmp(*scheme, "https") != 0)
		return refuse_call(t, "the address must begin with http:// or https://");
	named = curl_url_get(u, CURLUPART_USER, &user, 0) == CURLUE_OK ||
	    curl_url_get(u, CURLUPART_PASSWORD, &password, 0) == CURLUE_OK;
	curl_free(user);
	curl_free(password);
	if (named)
		return refuse_call(t, "the address must not hold a user name or password");
	return true;
}

static bool
set_url(struct http_transfer *t, const char *url)
{
	char *scheme = NULL, *host = NULL, *port = NULL;
	CURLU *u = curl_url();
	bool ok;

	if (u == NULL || curl_url_set(u, CURLUPART_URL, url, CURLU_NON_SUPPORT_SCHEME) != CURLUE_OK)
		ok = refuse_call(t, "the address is not a valid URL");
	else
		ok = check_parts(t, u, &scheme, &host, &port);
	if (ok) {
		snprintf(t->host, sizeof(t->host), "%.60s:%.5s", host, port);
		/* Traffic of this machine with itself never passes a proxy. */
		if (is_loopback(host))
			ok = curl_easy_setopt(t->easy, CURLOPT_PROXY, "") == CURLE_OK;
		ok = ok && curl_easy_setopt(t->easy, CURLOPT_URL, url) == CURLE_OK;
	}
	curl_free(scheme);
	curl_free(host);
	curl_free(port);
	curl_url_cleanup(u);
	return ok;
}

static bool
use_url(struct http_transfer *t, struct str url)
{
	struct buf b = buf_heap(url.len + 1);
	bool ok;

	if (!printable(url) || memchr(url.p != NULL ? url.p : "", ' ', url.len) != NULL)
		return refuse_call(t, "the address holds a character that no URL can have");
	buf_add(&b, url);
	buf_addc(&b, '\0');
	ok = set_url(t, b.p);
	buf_free(&b);
	return ok;
}

static bool
add_line(struct http_transfer *t, struct str name, struct str value)
{
	struct buf b = buf_heap(name.len + value.len + 3);
	struct curl_slist *lines;

	if (!printable(name) || !printable(value))
		return refuse_call(t, "a header holds a character that cannot be sent");
	buf_add(&b, name);
	buf_add(&b, value.len > 0 ? S(": ") : S(":"));
	buf_add(&b, value);
	buf_addc(&b, '\0');
	lines = curl_slist_append(t->lines, b.p);
	buf_free(&b);
	if (lines == NULL)
		abort();
	t->lines = lines;
	return true;
}

static bool
use_headers(struct http_transfer *t, const struct http_call *call, struct str user_agent)
{
	bool ok = add_line(t, S("User-Agent"), user_agent);

	for (size_t i = 0; ok && i < call->header_count; i++)
		ok = add_line(t, call->headers[i].name, call->headers[i].value);
	if (ok && !secret_empty(call->authorization))
		ok = add_line(t, S("Authorization"), secret_expose(call->authorization));
	/* An empty value takes away what libcurl would put there by itself. */
	ok = ok && add_line(t, S("Content-Type"), call->has_body ? call->content_type : S(""));
	ok = ok && add_line(t, S("Expect"), S(""));
	return ok && curl_easy_setopt(t->easy, CURLOPT_HTTPHEADER, t->lines) == CURLE_OK;
}

static void
use_body(struct http_transfer *t, const struct http_call *call)
{
	if (!call->has_body && !str_eq(str_of(call->method), S("POST")))
		return;
	if (call->has_body)
		buf_add(&t->body_out, secret_expose(call->body));
	buf_addc(&t->body_out, '\0');
	curl_easy_setopt(t->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)(t->body_out.len - 1));
	curl_easy_setopt(t->easy, CURLOPT_POSTFIELDS, t->body_out.p);
}

static void
use_method(struct http_transfer *t, const struct http_call *call)
{
	struct str method = str_of(call->method);

	t->send_once = !str_eq(method, S("GET")) && !str_eq(method, S("HEAD"));
	if (str_eq(method, S("HEAD")))
		curl_easy_setopt(t->easy, CURLOPT_NOBODY, 1L);
	use_body(t, call);
	curl_easy_setopt(t->easy, CURLOPT_CUSTOMREQUEST, call->method);
}

static void
use_limits(struct http_transfer *t, const struct http_call *call)
{
	long ms = call->timeout_ms > 0 ? call->timeout_ms : CALL_TIMEOUT_MS;
	size_t max = call->reply_max > 0 ? call->reply_max : REPLY_MAX;

	if (ms > CALL_TIMEOUT_MAX_MS)
		ms = CALL_TIMEOUT_MAX_MS;
	t->body_in = buf_heap(max);
	/* A length past it ends the call before a byte of the body is here. */
	if (!call->salvage)
		curl_easy_setopt(t->easy, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)max);
	curl_easy_setopt(t->easy, CURLOPT_TIMEOUT_MS, ms);
	curl_easy_setopt(
	    t->easy, CURLOPT_CONNECTTIMEOUT_MS, ms < CONNECT_MAX_MS ? ms : (long)CONNECT_MAX_MS);
	curl_easy_setopt(t->easy, CURLOPT_LOW_SPEED_LIMIT, (long)SLOW_BYTES_PER_S);
	curl_easy_setopt(t->easy, CURLOPT_LOW_SPEED_TIME, (long)SLOW_TIME_S);
	curl_easy_setopt(t->easy, CURLOPT_MAXAGE_CONN, (long)IDLE_CONNECTION_MAX_S);
	curl_easy_setopt(t->easy, CURLOPT_BUFFERSIZE, (long)READ_AT_ONCE);
}

static void
use_callbacks(struct http_transfer *t)
{
	curl_easy_setopt(t->easy, CURLOPT_PRIVATE, t);
	curl_easy_setopt(t->easy, CURLOPT_ERRORBUFFER, t->curl_text);
	curl_easy_setopt(t->easy, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(t->easy, CURLOPT_HEADERDATA, t);
	curl_easy_setopt(t->easy, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(t->easy, CURLOPT_WRITEDATA, t);
	curl_easy_setopt(t->easy, CURLOPT_PREREQFUNCTION, on_ready);
	curl_easy_setopt(t->easy, CURLOPT_PREREQDATA, t);
	curl_easy_setopt(t->easy, CURLOPT_NOSIGNAL, 1L);
	/* A slow name server must not hold up the other calls of the thread. */
	curl_easy_setopt(t->easy, CURLOPT_QUICK_EXIT, 1L);
}

/* What must hold whatever the library's defaults are; a switch it does not know ends the call. */
static bool
use_rules(struct http_transfer *t)
{
	return curl_easy_setopt(t->easy, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK &&
	    curl_easy_setopt(t->easy, CURLOPT_FOLLOWLOCATION, 0L) == CURLE_OK &&
	    curl_easy_setopt(t->easy, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED) == CURLE_OK &&
	    curl_easy_setopt(t->easy, CURLOPT_SSL_VERIFYPEER, 1L) == CURLE_OK &&
	    curl_easy_setopt(t->easy, CURLOPT_SSL_VERIFYHOST, 2L) == CURLE_OK &&
	    curl_easy_setopt(t->easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2) ==
	    CURLE_OK &&
	    curl_easy_setopt(t->easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1) ==
	    CURLE_OK;
}

/* These instead of the system's, which are a file and a directory. */
static bool
use_roots(struct http_transfer *t, struct str pem)
{
	struct curl_blob blob = { (void *)(uintptr_t)pem.p, pem.len, CURL_BLOB_NOCOPY };

	return pem.len == 0 ||
	    (curl_easy_setopt(t->easy, CURLOPT_CAINFO_BLOB, &blob) == CURLE_OK &&
		curl_easy_setopt(t->easy, CURLOPT_CAINFO, NULL) == CURLE_OK &&
		curl_easy_setopt(t->easy, CURLOPT_CAPATH, NULL) == CURLE_OK);
}

static struct buf
copy_of(struct str s)
{
	struct buf b = buf_heap(s.len + 1);

	buf_add(&b, s);
	return b;
}

static void
remember_shape(struct http_transfer *t, const struct http_call *call)
{
	t->once = call->public_only || call->fresh;
	t->method = copy_of(str_of(call->method));
	t->url = copy_of(call->url);
	t->timeout_ms = call->timeout_ms;
	t->reply_max = call->reply_max;
	t->has_body = call->has_body;
	t->no_proxy = call->no_proxy;
	t->salvage = call->salvage;
}

static bool
has_shape_of(const struct http_transfer *t, const struct http_call *call)
{
	return !call->public_only && !call->fresh && t->timeout_ms == call->timeout_ms &&
	    t->reply_max == call->reply_max && t->has_body == call->has_body &&
	    t->salvage == call->salvage && t->no_proxy == call->no_proxy &&
	    str_eq(buf_str(&t->url), call->url) &&
	    str_eq(buf_str(&t->method), str_of(call->method));
}

static void
cannot_be_sent(struct http_transfer *t)
{
	curl_easy_cleanup(t->easy);
	t->easy = NULL;
}

struct http_transfer *
transfer_new(const struct http_call *call, struct str user_agent, struct str roots_pem)
{
	struct http_transfer *t = mem_alloc(sizeof(*t));

	t->body_out = buf_heap(BODY_OUT_MAX);
	if (!set_up(t))
		return t;
	t->easy = curl_easy_init();
	if (t->easy == NULL || !use_rules(t) || !use_roots(t, roots_pem) ||
	    (call->public_only && !use_public_only(t)) ||
	    (call->no_proxy && curl_easy_setopt(t->easy, CURLOPT_PROXY, "") != CURLE_OK))
		abort();
	t->fresh = call->fresh;
	if (call->fresh && curl_easy_setopt(t->easy, CURLOPT_FRESH_CONNECT, 1L) != CURLE_OK)
		abort();
	remember_shape(t, call);
	use_callbacks(t);
	use_limits(t, call);
	use_method(t, call);
	if (!use_url(t, call->url) || !use_headers(t, call, user_agent))
		cannot_be_sent(t);
	return t;
}

static void
empty_buf(struct buf *b)
{
	struct buf fresh = buf_heap(b->max);

	if (b->cap > KEPT_BODY_MAX) {
		buf_free(b);
		*b = fresh;
		return;
	}
	mem_wipe(b->p, b->len);
	b->len = 0;
	b->overflow = false;
}

/* What libcurl itself had of the call it has freed at its end, wiped; these are what it borrowed, and what
 * was noted of the reply. Every option but those of headers and body stays as the shape has it. */
bool
transfer_empty(struct http_transfer *t)
{
	if (t->easy == NULL || t->once ||
	    curl_easy_setopt(t->easy, CURLOPT_HTTPHEADER, NULL) != CURLE_OK)
		return false;
	/* Of a call without one the option alone would make a POST of the next. */
	if (t->body_out.len > 0 && curl_easy_setopt(t->easy, CURLOPT_POSTFIELDS, NULL) != CURLE_OK)
		return false;
	curl_slist_free_all(t->lines);
	t->lines = NULL;
	empty_buf(&t->body_out);
	empty_buf(&t->body_in);
	buf_free(&t->decoded);
	t->reply = (struct http_reply){ 0 };
	t->content_type[0] = t->retry_after[0] = t->coding[0] = t->date[0] = t->curl_text[0] = '\0';
	t->head_len = 0;
	t->in_head = t->sent = t->gave_up = t->barred = false;
	t->prev = t->next = NULL;
	return true;
}

bool
transfer_again(struct http_transfer *t, const struct http_call *call, struct str user_agent)
{
	if (!has_shape_of(t, call))
		return false;
	use_body(t, call);
	if (!use_headers(t, call, user_agent))
		cannot_be_sent(t);
	return true;
}

void
transfer_free(struct http_transfer *t)
{
	if (t == NULL)
		return;
	if (t->easy != NULL)
		curl_easy_cleanup(t->easy);
	if (t->lines != NULL)
		curl_slist_free_all(t->lines);
	buf_free(&t->method);
	buf_free(&t->url);
	buf_free(&t->body_out);
	buf_free(&t->body_in);
	buf_free(&t->decoded);
	free(t);
}
