#include "http/proxy.h"

#define NAME_MAX_LEN 253

static bool
is_name(struct str s)
{
	for (size_t i = 0; i < s.len; i++) {
		char c = s.p[i];

		if ((c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' && c != '.')
			return false;
	}
	return s.len > 0 && s.len <= NAME_MAX_LEN;
}

enum rc
proxy_fill(struct ctx *cx, struct arena *a, const struct http_proxy_config *cfg, struct proxy *out)
{
	if (cfg->name_count == 0 || cfg->name_count > HTTP_PROXY_NAMES_MAX || cfg->tls == NULL)
		return fail(cx, E_INPUT, "A CONNECT proxy needs one to %d names and a certificate.",
		    HTTP_PROXY_NAMES_MAX);
	for (size_t i = 0; i < cfg->name_count; i++) {
		if (!is_name(str_of(cfg->names[i])))
			return fail(cx, E_INPUT,
			    "A name of the CONNECT proxy is not a host name in lower case.");
		out->names[i] = str_cstr(a, str_of(cfg->names[i]));
	}
	out->name_count = cfg->name_count;
	return tls_rules_new(cx, cfg->tls, out->names, out->name_count, &out->tls);
}

static struct str
listed(const struct proxy *p, struct str name)
{
	for (size_t i = 0; i < p->name_count; i++) {
		if (str_eq_nocase(str_of(p->names[i]), name))
			return str_of(p->names[i]);
	}
	return (struct str){ 0 };
}

static struct str
refuse(struct exchange *x, int status, const char *code, const char *why)
{
	frame_refuse(x, status, code, why);
	return (struct str){ 0 };
}

/* Host says the same as the target, if it says anything; the port may be missing. */
static bool
host_agrees(struct str host, struct str target, struct str name)
{
	return host.p == NULL || str_eq_nocase(host, target) || str_eq_nocase(host, name);
}

struct str
proxy_accept(const struct proxy *p, struct exchange *x, struct str raw_head, bool more)
{
	struct head *h = &x->head;
	struct str name;

	if (!head_parse(raw_head, &x->req, h))
		return refuse(x, h->status, h->code, h->why);
	if (!str_eq(h->method, S("CONNECT"))) {
		refuse(x, 405, "method-not-allowed", "This is a proxy for CONNECT only.");
		http_res_header(&x->res, S("Allow"), S("CONNECT"));
		return (struct str){ 0 };
	}
	if (more || h->chunked || h->has_length)
		return refuse(
		    x, 400, "bad-request", "Nothing may come behind CONNECT before its answer.");
	name = listed(p, str_sub(h->target, 0, str_find(h->target, ':')));
	if (name.len == 0 ||
	    !str_eq(str_sub(h->target, str_find(h->target, ':'), h->target.len), S(":443")))
		return refuse(
		    x, 403, "forbidden", "This proxy leads to a few names on port 443 only.");
	if (!host_agrees(h->host, h->target, name))
		return refuse(x, 400, "bad-request", "Host is not what CONNECT asks for.");
	x->res.status = 200;
	return name;
}
