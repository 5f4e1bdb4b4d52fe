#include "http/forwarded.h"

#include <arpa/inet.h>

#define FIELD S("X-Forwarded-For")

/* Digits, letters, dots and colons only: what inet_pton takes, and no zone, port or bracket. */
static bool
read_address(struct str text, struct in6_addr *out)
{
	char s[INET6_ADDRSTRLEN];
	struct in_addr v4;

	if (text.len == 0 || text.len >= sizeof(s) || memchr(text.p, '\0', text.len) != NULL)
		return false;
	memcpy(s, text.p, text.len);
	s[text.len] = '\0';
	if (inet_pton(AF_INET6, s, out) == 1)
		return true;
	if (inet_pton(AF_INET, s, &v4) != 1)
		return false;
	*out = (struct in6_addr){ .s6_addr = { [10] = 0xff, [11] = 0xff } };
	memcpy(&out->s6_addr[12], &v4, sizeof(v4));
	return true;
}

static struct str
address_text(struct arena *a, const struct in6_addr *address)
{
	char s[INET6_ADDRSTRLEN];

	if (IN6_IS_ADDR_V4MAPPED(address))
		inet_ntop(AF_INET, &address->s6_addr[12], s, sizeof(s));
	else
		inet_ntop(AF_INET6, address, s, sizeof(s));
	return str_dup(a, str_of(s));
}

static bool
is_proxy(const struct forwarded *f, const struct in6_addr *address)
{
	for (size_t i = 0; i < f->count; i++)
		if (IN6_ARE_ADDR_EQUAL(&f->proxies[i], address))
			return true;
	return false;
}

bool
forwarded_is_proxy(const struct forwarded *f, struct str text)
{
	struct in6_addr address;

	return f->count > 0 && read_address(text, &address) && is_proxy(f, &address);
}

enum rc
forwarded_read(struct ctx *cx, struct str list, struct forwarded *out)
{
	struct str rest = list, text;

	*out = (struct forwarded){ 0 };
	if (list.len == 0)
		return OK;
	if (list.p[list.len - 1] == ',')
		return fail(cx, E_INPUT, "The list of trusted proxies ends with a comma.");
	while (str_split(&rest, ',', &text)) {
		if (out->count == FORWARDED_PROXIES_MAX)
			return fail(
			    cx, E_INPUT, "More than %d trusted proxies.", FORWARDED_PROXIES_MAX);
		if (!read_address(text, &out->proxies[out->count++])) {
			fail(cx, E_INPUT, "\"%.*s\" is not the address of a trusted proxy.",
			    STR_ARG(str_sub(text, 0, 100)));
			return fail_todo(cx,
			    "Write addresses without a port, parted by commas: "
			    "127.0.0.1,10.0.0.7");
		}
	}
	return OK;
}

/* The last element; *list becomes what stands before it. False: there is none. */
static bool
take_last(struct str *list, struct str *out)
{
	size_t from = list->len;

	if (list->p == NULL)
		return false;
	while (from > 0 && list->p[from - 1] != ',')
		from--;
	*out = str_trim(str_sub(*list, from, list->len));
	*list = from == 0 ? (struct str){ 0 } : str_sub(*list, 0, from - 1);
	return true;
}

/* True: the walk is over, with *client. */
static bool
walk(const struct forwarded *f, struct str list, struct in6_addr *client)
{
	struct in6_addr address;
	struct str hop;

	while (take_last(&list, &hop)) {
		if (!read_address(hop, &address))
			return true;
		*client = address;
		if (!is_proxy(f, client))
			return true;
	}
	return false;
}

struct str
forwarded_client(const struct forwarded *f, struct arena *a, const struct http_req *req)
{
	struct in6_addr client;

	if (f->count == 0 || !read_address(req->peer, &client) || !is_proxy(f, &client))
		return req->peer;
	for (size_t i = req->header_count; i-- > 0;)
		if (str_eq_nocase(req->headers[i].name, FIELD) &&
		    walk(f, req->headers[i].value, &client))
			break;
	return address_text(a, &client);
}
