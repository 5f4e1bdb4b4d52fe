#include "sandbox/core/reach.h"

#include "http/server.h"
#include "sandbox/core/state.h"

#define WWW "www.dropbox.com"
#define BARE "dropbox.com" /* leads to the other; the SDK begins there */

const char *const reach_names[] = { WWW, "api.dropboxapi.com", "content.dropboxapi.com",
	"notify.dropboxapi.com", "api.dropbox.com", BARE };
const size_t reach_name_count = sizeof(reach_names) / sizeof(reach_names[0]);

enum place { DIRECT_ONLY, AT_WWW, AT_API };

struct reach_row {
	const char *path;
	bool prefix; /* everything below it too */
	enum place place;
};

static const struct reach_row in_tunnels[] = {
	{ "/", false, AT_WWW },
	{ "/login", false, AT_WWW },
	{ "/oauth2/authorize", false, AT_WWW },
	{ "/1/oauth2/authorize", false, AT_WWW },
	{ "/oauth2/token", false, AT_API },
	{ "/1/oauth2/token", false, AT_API },
	{ "/_web/session", false, AT_WWW },
	{ "/_web/sign-in", false, AT_WWW },
	{ "/_web/sign-out", false, AT_WWW },
	{ "/_web/authorize/", true, AT_WWW },
	{ "/_web/icons/", true, AT_WWW },
	{ "/.well-known/", true, AT_WWW },
	{ "/scl/", true, AT_WWW },
	{ "/apitl/", true, AT_API },
	{ "/apitul/", true, AT_API },
	{ "/2/", true, AT_API },
};

static enum place
place_of(const char *route_path)
{
	struct str path = str_of(route_path);

	for (size_t i = 0; i < sizeof(in_tunnels) / sizeof(in_tunnels[0]); i++) {
		struct str known = str_of(in_tunnels[i].path);

		if (in_tunnels[i].prefix ? str_starts(path, known) : str_eq(path, known))
			return in_tunnels[i].place;
	}
	return DIRECT_ONLY;
}

const char *
reach_word(const char *route_path)
{
	static const char *const words[] = { "-", "www", "api" };

	return words[place_of(route_path)];
}

bool
reach_has(const struct http_req *req)
{
	enum place asked = str_eq(req->tunnel, S(WWW)) ? AT_WWW : AT_API;

	if (str_eq(req->tunnel, S(BARE)))
		return false;
	return req->tunnel.len == 0 || place_of(req->route->path) == asked;
}

bool
reach_elsewhere(const struct http_req *req, struct arena *a, struct str *url)
{
	if (!str_eq(req->tunnel, S(BARE)))
		return false;
	*url = str_printf(a, "https://" WWW "%.*s%s%.*s", STR_ARG(req->path),
	    req->query.len > 0 ? "?" : "", STR_ARG(req->query));
	return true;
}

bool
reach_has_pages(const struct http_req *req)
{
	return req->tunnel.len == 0 || str_eq(req->tunnel, S(WWW));
}

struct str
reach_url(const struct sandbox *s, const struct http_req *req)
{
	return req->tunnel.len > 0 ? S("https://" WWW) : s->public_url;
}

struct str
reach_cookie_name(const struct sandbox *s, const struct http_req *req)
{
	return req->tunnel.len > 0 ? s->secure_cookie_name : s->cookie_name;
}

struct str
reach_cookie_flags(const struct sandbox *s, const struct http_req *req)
{
	return req->tunnel.len > 0 || str_starts(s->public_url, S("https://"))
	    ? S("; Path=/; HttpOnly; SameSite=Lax; Secure")
	    : S("; Path=/; HttpOnly; SameSite=Lax");
}

void
reach_prepare(struct sandbox *s, struct str instance)
{
	s->secure_cookie_name = str_printf(s->arena, "__Host-sandbox_%.*s", STR_ARG(instance));
	s->cookie_name = str_starts(s->public_url, S("https://"))
	    ? s->secure_cookie_name
	    : str_printf(s->arena, "sandbox_%.*s", STR_ARG(instance));
}
