#include "http/origin.h"

#include "base/arena.h"

static void
add_name(struct origin *o, struct str name)
{
	if (o->count < ORIGIN_NAMES_MAX && !origin_has(o, name))
		o->names[o->count++] = name;
}

static void
add_local(struct origin *o, struct arena *a, const char *host, int port)
{
	add_name(o, str_printf(a, "%s:%d", host, port));
	if (port == (o->https ? 443 : 80))
		add_name(o, str_of(host));
}

bool
origin_plausible(struct str s)
{
	for (size_t i = 0; i < s.len; i++) {
		char c = s.p[i];

		if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'))
			continue;
		if (c == '\0' || strchr(".-_:[]", c) == NULL)
			return false;
	}
	return s.len > 0 && s.len <= 255;
}

struct str
origin_find(const struct origin *o, struct str authority)
{
	for (size_t i = 0; i < o->count; i++) {
		if (str_eq(o->names[i], authority) ||
		    (o->any_case && str_eq_nocase(o->names[i], authority)))
			return o->names[i];
	}
	return (struct str){ 0 };
}

bool
origin_has(const struct origin *o, struct str authority)
{
	return origin_find(o, authority).p != NULL;
}

struct str
origin_host(struct str authority)
{
	if (str_starts(authority, S("[")))
		return str_sub(authority, 0, str_find(authority, ']') + 1);
	return str_sub(authority, 0, str_find(authority, ':'));
}

static struct str
to_lower(struct arena *a, struct str s)
{
	char *p = arena_alloc(a, s.len + 1);

	for (size_t i = 0; i < s.len; i++)
		p[i] = s.p[i] >= 'A' && s.p[i] <= 'Z' ? (char)(s.p[i] + ('a' - 'A')) : s.p[i];
	return (struct str){ p, s.len };
}

/* Browsers leave a scheme's own port out of Host, and out of Origin, which is compared with the URL (RFC
 * 6454 section 6.2); other programs may write it in Host. */
static void
set_public(struct origin *o, struct arena *a, struct str authority)
{
	struct str usual = o->https ? S(":443") : S(":80");
	size_t bracket = str_find(authority, ']');
	struct str after =
	    bracket < authority.len ? str_sub(authority, bracket, authority.len) : authority;

	if (str_ends(after, usual))
		authority = str_sub(authority, 0, authority.len - usual.len);
	add_name(o, authority);
	if (str_ends(after, usual) || str_find(after, ':') == after.len)
		add_name(o, str_printf(a, "%.*s%.*s", STR_ARG(authority), STR_ARG(usual)));
	o->url = str_printf(a, "%s://%.*s", o->https ? "https" : "http", STR_ARG(authority));
}

static enum rc
public_origin(struct ctx *cx, struct arena *a, struct str url, struct origin *o)
{
	struct str authority;

	while (str_ends(url, S("/")))
		url = str_sub(url, 0, url.len - 1);
	o->https = str_starts(url, S("https://"));
	authority = str_sub(url, o->https ? 8 : 7, url.len);
	if ((!o->https && !str_starts(url, S("http://"))) || !origin_plausible(authority))
		return fail(cx, E_INPUT,
		    "The public URL must be http:// or https:// with a host and maybe a port.");
	set_public(o, a, to_lower(a, authority));
	return OK;
}

enum rc
origin_fill(struct ctx *cx, struct arena *a, struct str host, int port, bool https,
    struct str public_url, struct origin *out)
{
	bool v6 = str_find(host, ':') < host.len;

	*out = (struct origin){ .https = https };
	add_local(out, a, "127.0.0.1", port);
	add_local(out, a, "localhost", port);
	add_local(out, a, "[::1]", port);
	if (public_url.len > 0)
		return public_origin(cx, a, public_url, out);
	/* Nobody can type the wildcard address, so the loopback one stands for it. */
	if (str_eq(host, S("0.0.0.0")) || str_eq(host, S("::")))
		host = str_eq(host, S("::")) ? S("::1") : S("127.0.0.1");
	set_public(out, a, str_printf(a, v6 ? "[%.*s]:%d" : "%.*s:%d", STR_ARG(host), port));
	return OK;
}

void
origin_fill_tunnel(struct arena *a, const char *const *names, size_t count, struct origin *out)
{
	*out = (struct origin){ .https = true, .any_case = true };
	for (size_t i = 0; i < count; i++) {
		add_name(out, str_dup(a, str_of(names[i])));
		add_name(out, str_printf(a, "%s:443", names[i]));
	}
}
