#include "run/variables.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/buf.h"
#include "run/dev_ca.h"
#include "sandbox/sandbox.h"

#define NO_PROXY_MAX 8192

void
variables_add(struct variables *v, const char *name, struct str value)
{
	if (v->count == VARIABLES_MAX)
		abort(); /* the lists below are fixed */
	v->list[v->count].name = name;
	v->list[v->count++].value = value;
}

/* Would a client that reads this entry of NO_PROXY pass the proxy by for one of our names? */
static bool
covers_ours(struct str entry)
{
	size_t count;
	const char *const *names = sandbox_tunnel_names(&count);

	if (str_starts(entry, S("*")))
		entry = str_sub(entry, 1, entry.len);
	if (str_starts(entry, S(".")))
		entry = str_sub(entry, 1, entry.len);
	for (size_t i = 0; i < count; i++) {
		struct str name = str_of(names[i]);
		size_t before = name.len - (entry.len < name.len ? entry.len : name.len);

		if (str_eq_nocase(str_sub(name, before, name.len), entry) &&
		    (before == 0 || entry.len == 0 || name.p[before - 1] == '.'))
			return true;
	}
	return false;
}

/* The loopback is never proxied: the sandbox's own address, and callbacks to the program. */
static struct str
no_proxy_list(struct ctx *cx, struct str before)
{
	struct buf b = buf_in(cx->arena, NO_PROXY_MAX);
	struct str entry, rest = before;

	buf_add(&b, S("localhost,127.0.0.1,::1"));
	while (str_split(&rest, ',', &entry)) {
		entry = str_trim(entry);
		if (entry.len == 0 || covers_ours(entry) || str_eq(entry, S("localhost")) ||
		    str_eq(entry, S("127.0.0.1")) || str_eq(entry, S("::1")))
			continue;
		buf_addc(&b, ',');
		buf_add(&b, entry);
	}
	return buf_str(&b);
}

static void
add_trust(struct variables *v, struct str ca, struct str bundle)
{
	static const char *const bundled[] = { "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE",
		"CURL_CA_BUNDLE", "GIT_SSL_CAINFO", "PIP_CERT", "CARGO_HTTP_CAINFO",
		"npm_config_cafile", "AWS_CA_BUNDLE", "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH" };

	for (size_t i = 0; i < sizeof(bundled) / sizeof(bundled[0]); i++)
		variables_add(v, bundled[i], bundle);
	variables_add(v, "NODE_EXTRA_CA_CERTS", ca);
}

enum rc
variables_fill(struct ctx *cx, const char *data_dir, const struct runtime *r, struct str no_proxy,
    struct variables *out)
{
	struct str ca, bundle, list = no_proxy_list(cx, no_proxy);

	*out = (struct variables){ 0 };
	variables_add(out, "VALETKEY_SANDBOX_URL", r->url);
	if (r->ca) {
		TRY(dev_ca_paths(cx, data_dir, &ca, &bundle));
		add_trust(out, ca, bundle);
	}
	if (r->proxy.len > 0) {
		variables_add(out, "HTTPS_PROXY", r->proxy);
		variables_add(out, "https_proxy", r->proxy);
		variables_add(out, "NO_PROXY", list);
		variables_add(out, "no_proxy", list);
		variables_add(out, "NODE_USE_ENV_PROXY", S("1"));
	}
	return OK;
}

struct str
variables_no_proxy(void)
{
	const char *upper = getenv("NO_PROXY");

	return str_of(upper != NULL ? upper : getenv("no_proxy"));
}

static bool
is_replaced(const struct variables *v, struct str line)
{
	struct str name = str_sub(line, 0, str_find(line, '='));

	for (size_t i = 0; i < v->count; i++) {
		if (str_eq(str_of(v->list[i].name), name))
			return true;
	}
	return false;
}

char **
variables_environment(struct arena *a, const struct variables *v)
{
	size_t had = 0, n = 0;
	char **all;

	while (environ[had] != NULL)
		had++;
	all = ARENA_ARRAY(a, char *, had + v->count + 1);
	for (size_t i = 0; i < had; i++) {
		if (!is_replaced(v, str_of(environ[i])))
			all[n++] = environ[i];
	}
	for (size_t i = 0; i < v->count; i++)
		all[n++] = str_cstr(
		    a, str_printf(a, "%s=%.*s", v->list[i].name, STR_ARG(v->list[i].value)));
	return all;
}
