#include "http/out_url.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "http/curl_load.h"
#include "http/out_request.h"

#include <curl/curl.h>

#define URL_MAX (64u << 10)

static bool
is_loopback(const char *host)
{
	struct str h = str_of(host);

	return str_eq_nocase(h, S("localhost")) || str_eq(h, S("[::1]")) ||
	    (str_starts(h, S("127.")) && strspn(host, "0123456789.") == h.len);
}

/* An owned text of it; NULL when it has none. */
static char *
part(CURLU *parsed, CURLUPart which, unsigned int flags)
{
	char *text = NULL;

	return curl_url_get(parsed, which, &text, flags) == CURLUE_OK ? text : NULL;
}

static bool
has(CURLU *parsed, CURLUPart which)
{
	char *text = part(parsed, which, 0);

	curl_free(text);
	return text != NULL;
}

static bool
add_part(struct buf *b, CURLU *parsed, CURLUPart which, unsigned int flags)
{
	char *text = part(parsed, which, flags);

	if (text != NULL)
		buf_add(b, str_of(text));
	curl_free(text);
	return text != NULL;
}

static void
take_path(struct out_url *u, CURLU *parsed)
{
	char *query = part(parsed, CURLUPART_QUERY, 0);

	if (!add_part(&u->path, parsed, CURLUPART_PATH, 0))
		buf_addc(&u->path, '/');
	if (query != NULL) {
		buf_addc(&u->path, '?');
		buf_add(&u->path, str_of(query));
	}
	curl_free(query);
}

/* Nothing but where it goes: what a path holds is none of the connection's business. */
static bool
take_origin(struct out_url *u, CURLU *parsed)
{
	curl_url_set(parsed, CURLUPART_PATH, "/", 0);
	curl_url_set(parsed, CURLUPART_QUERY, NULL, 0);
	curl_url_set(parsed, CURLUPART_FRAGMENT, NULL, 0);
	if (!add_part(&u->origin, parsed, CURLUPART_URL, CURLU_DEFAULT_PORT))
		return false;
	buf_addc(&u->origin, '\0');
	return !u->origin.overflow;
}

static const char *
take_host(struct out_url *u, CURLU *parsed)
{
	char *host = part(parsed, CURLUPART_HOST, CURLU_PUNYCODE);
	char *port = part(parsed, CURLUPART_PORT, CURLU_DEFAULT_PORT);
	bool whole = host != NULL && port != NULL;

	if (whole) {
		snprintf(u->host, sizeof(u->host), "%.60s:%.5s", host, port);
		u->loopback = is_loopback(host);
		buf_add(&u->authority, str_of(host));
		if (strcmp(port, u->tls ? "443" : "80") != 0)
			buf_addf(&u->authority, ":%s", port);
		if (!u->tls && !u->loopback)
			out_proxy_find(host, &u->proxy);
	}
	curl_free(host);
	curl_free(port);
	return whole ? NULL : "the address is not a complete http or https URL";
}

static const char *
take_parts(struct out_url *u, CURLU *parsed)
{
	char *scheme = part(parsed, CURLUPART_SCHEME, 0);
	bool known =
	    scheme != NULL && (strcmp(scheme, "http") == 0 || strcmp(scheme, "https") == 0);
	const char *why;

	u->tls = known && strcmp(scheme, "https") == 0;
	curl_free(scheme);
	if (scheme == NULL)
		return "the address is not a complete http or https URL";
	if (!known)
		return "the address must begin with http:// or https://";
	if (has(parsed, CURLUPART_USER) || has(parsed, CURLUPART_PASSWORD))
		return "the address must not hold a user name or password";
	why = take_host(u, parsed);
	if (why != NULL)
		return why;
	take_path(u, parsed);
	return take_origin(u, parsed) ? NULL : "the address is not a valid URL";
}

static const char *
take_text(struct out_url *u, struct str text)
{
	CURLU *parsed;
	const char *why;

	if (!out_printable(text) || (text.len > 0 && memchr(text.p, ' ', text.len) != NULL))
		return "the address holds a character that no URL can have";
	buf_add(&u->text, text);
	buf_addc(&u->text, '\0');
	parsed = curl_url();
	if (parsed == NULL)
		abort();
	why = u->text.overflow ||
		curl_url_set(parsed, CURLUPART_URL, u->text.p, CURLU_NON_SUPPORT_SCHEME) !=
		    CURLUE_OK
	    ? "the address is not a valid URL"
	    : take_parts(u, parsed);
	curl_url_cleanup(parsed);
	return why;
}

struct out_url *
out_url_new(struct str text, const char **why)
{
	struct out_url *u = mem_alloc(sizeof(*u));

	u->holders = 1;
	u->text = u->origin = u->authority = u->path = buf_heap(URL_MAX);
	*why = take_text(u, text);
	if (*why == NULL)
		return u;
	out_url_let_go(u);
	return NULL;
}

void
out_url_let_go(struct out_url *u)
{
	if (u == NULL || __atomic_sub_fetch(&u->holders, 1, __ATOMIC_ACQ_REL) > 0)
		return;
	buf_free(&u->text);
	buf_free(&u->origin);
	buf_free(&u->authority);
	buf_free(&u->path);
	out_proxy_free(&u->proxy);
	free(u);
}

/* --- those of late --- */

static struct out_url *
hold(struct out_url *u)
{
	__atomic_add_fetch(&u->holders, 1, __ATOMIC_RELAXED);
	return u;
}

struct out_url *
out_urls_find(struct out_urls *us, struct str text)
{
	for (unsigned i = 0; i < OUT_URLS_KEPT && us->at[i] != NULL; i++)
		if (str_eq(str_sub(buf_str(&us->at[i]->text), 0, us->at[i]->text.len - 1), text))
			return hold(us->at[i]);
	return NULL;
}

void
out_urls_keep(struct out_urls *us, struct out_url *u)
{
	out_url_let_go(us->at[us->next]);
	us->at[us->next] = hold(u);
	us->next = (us->next + 1) % OUT_URLS_KEPT;
}

void
out_urls_free(struct out_urls *us)
{
	for (unsigned i = 0; i < OUT_URLS_KEPT; i++)
		out_url_let_go(us->at[i]);
	*us = (struct out_urls){ 0 };
}
