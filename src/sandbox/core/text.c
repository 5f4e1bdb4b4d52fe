#include "sandbox/core/text.h"

#include "base/arena.h"

#define URI_MAX 2000

struct str
text_fold(struct arena *a, struct str s)
{
	char *p = str_cstr(a, s);

	for (size_t i = 0; i < s.len; i++)
		if (p[i] >= 'A' && p[i] <= 'Z')
			p[i] = (char)(p[i] - 'A' + 'a');
	return (struct str){ p, s.len };
}

/* The code point at the front of well-formed UTF-8; advances. */
static uint32_t
next_point(struct str *s)
{
	unsigned char c = (unsigned char)s->p[0];
	size_t n = c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
	uint32_t v = n == 1 ? c : c & (0x7fu >> n);

	for (size_t i = 1; i < n; i++)
		v = v << 6 | ((unsigned char)s->p[i] & 0x3f);
	*s = str_sub(*s, n, s->len);
	return v;
}

static bool
deceives(uint32_t c)
{
	return c < 0x20 || (c >= 0x7f && c <= 0x9f) || c == 0xad || c == 0x61c || c == 0x180e ||
	    (c >= 0x200b && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e) ||
	    (c >= 0x2060 && c <= 0x206f) || c == 0xfeff || (c >= 0xfff0 && c <= 0xffff) ||
	    (c >= 0xe0000 && c <= 0xe0fff);
}

bool
text_printable(struct str s)
{
	if (!str_utf8(s))
		return false;
	while (s.len > 0)
		if (deceives(next_point(&s)))
			return false;
	return true;
}

size_t
text_length(struct str s)
{
	size_t n = 0;

	for (; s.len > 0; n++)
		next_point(&s);
	return n;
}

bool
text_only(struct str s, const char *extra)
{
	for (size_t i = 0; i < s.len; i++) {
		char c = s.p[i];

		if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'))
			continue;
		if (c == '\0' || strchr(extra, c) == NULL)
			return false;
	}
	return true;
}

struct str
uri_authority(struct str uri)
{
	size_t end = 0;

	if (str_starts(uri, S("https://")))
		uri = str_sub(uri, 8, uri.len);
	else if (str_starts(uri, S("http://")))
		uri = str_sub(uri, 7, uri.len);
	else
		return (struct str){ 0 };
	while (end < uri.len && strchr("/?#\\", uri.p[end]) == NULL)
		end++;
	return str_sub(uri, 0, end);
}

/* Splits "host:port" and "[v6]:port". False when the port is not a number from 1 to 65535. */
static bool
split_port(struct str authority, struct str *host)
{
	size_t from = str_starts(authority, S("[")) ? str_find(authority, ']') : 0;
	struct str tail = str_sub(authority, from, authority.len);
	size_t colon = from + str_find(tail, ':');
	int64_t port;

	*host = str_sub(authority, 0, colon);
	return colon == authority.len ||
	    str_int(str_sub(authority, colon + 1, authority.len), 1, 65535, &port);
}

static bool
host_ok(struct str host)
{
	if (str_starts(host, S("[")))
		return str_ends(host, S("]")) && host.len >= 4 &&
		    text_only(str_sub(host, 1, host.len - 1), ":.");
	return host.len > 0 && host.len <= 253 && text_only(host, ".-") && host.p[0] != '.' &&
	    host.p[0] != '-';
}

static bool
uri_bytes_ok(struct str uri)
{
	return text_only(uri, "-._~:/?[]@!$&'()+,;=%");
}

bool
redirect_uri_ok(struct str uri, const char **why)
{
	struct str authority = uri_authority(uri), host;

	*why = NULL;
	if (uri.len == 0)
		*why = "The redirect URI is empty.";
	else if (uri.len > URI_MAX)
		*why = "The redirect URI is longer than 2000 characters.";
	else if (str_contains(uri, S("#")))
		*why = "A redirect URI cannot have a fragment (the part after #).";
	else if (str_contains(uri, S("*")))
		*why = "A redirect URI cannot have a wildcard.";
	else if (!uri_bytes_ok(uri))
		*why = "The redirect URI has a character that does not belong in an address.";
	else if (authority.len == 0)
		*why = "The redirect URI must start with https:// (or http:// on localhost).";
	else if (str_contains(authority, S("@")))
		*why = "A redirect URI cannot have a user name in it.";
	else if (!split_port(authority, &host) || !host_ok(host))
		*why = "The host or the port of the redirect URI is not valid.";
	else if (str_starts(uri, S("http://")) && !str_eq_nocase(host, S("localhost")) &&
	    !str_eq(host, S("127.0.0.1")) && !str_eq(host, S("[::1]")))
		*why =
		    "A redirect URI must use https:// unless its host is localhost or 127.0.0.1.";
	return *why == NULL;
}

bool
web_address_ok(struct str uri, const char **why)
{
	struct str authority = uri_authority(uri), host;

	*why = NULL;
	if (authority.len == 0)
		*why = "The address must start with https:// or http://.";
	else if (uri.len > URI_MAX)
		*why = "The address is longer than 2000 characters.";
	else if (!text_only(uri, "-._~:/?[]@!$&'()+,;=%#*"))
		*why = "The address has a character that does not belong in one.";
	else if (str_contains(authority, S("@")))
		*why = "The address cannot have a user name in it.";
	else if (!split_port(authority, &host) || !host_ok(host))
		*why = "The host or the port of the address is not valid.";
	return *why == NULL;
}

static bool
label_ok(struct str label)
{
	return label.len > 0 && label.len <= 63 && text_only(label, "-") && label.p[0] != '-' &&
	    label.p[label.len - 1] != '-';
}

bool
domain_ok(struct str domain)
{
	struct str host, label;

	if (!split_port(domain, &host) || host.len > 253)
		return false;
	while (str_split(&host, '.', &label))
		if (!label_ok(label))
			return false;
	return true;
}
