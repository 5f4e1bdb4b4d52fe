#include "http/out_proxy.h"

#include <arpa/inet.h>
#include <sodium.h>
#include <stdlib.h>

#include "base/arena.h"
#include "http/curl_load.h"

#include <curl/curl.h>

#define PROXY_MAX 4096

/* --- whom no proxy is for --- */

struct address {
	unsigned char bytes[16];
	int bits; /* 0: not an address */
};

static struct address
address_of(struct str s)
{
	struct address a = { 0 };
	char text[INET6_ADDRSTRLEN + 1];

	if (s.len > 2 && s.p[0] == '[' && s.p[s.len - 1] == ']')
		s = str_sub(s, 1, s.len - 1);
	if (s.len == 0 || s.len >= sizeof(text))
		return a;
	memcpy(text, s.p, s.len);
	text[s.len] = '\0';
	if (inet_pton(AF_INET, text, a.bytes) == 1)
		a.bits = 32;
	else if (inet_pton(AF_INET6, text, a.bytes) == 1)
		a.bits = 128;
	return a;
}

static bool
within(const struct address *a, struct str range)
{
	size_t slash = str_find(range, '/');
	struct address net = address_of(str_sub(range, 0, slash));
	int64_t bits = net.bits;

	if (net.bits == 0 || net.bits != a->bits ||
	    (slash < range.len &&
		!str_int(str_sub(range, slash + 1, range.len), 0, net.bits, &bits)))
		return false;
	for (int i = 0; i < bits; i++)
		if (((net.bytes[i / 8] ^ a->bytes[i / 8]) >> (7 - i % 8) & 1) != 0)
			return false;
	return true;
}

static struct str
without_dot(struct str name)
{
	return name.len > 0 && name.p[name.len - 1] == '.' ? str_sub(name, 0, name.len - 1) : name;
}

static bool
below(struct str host, struct str name)
{
	size_t at = host.len - name.len;

	if (name.len == 0 || host.len < name.len ||
	    !str_eq_nocase(str_sub(host, at, host.len), name))
		return false;
	return at == 0 || host.p[at - 1] == '.';
}

bool
out_proxy_spares(struct str list, const char *host)
{
	struct str h = without_dot(str_of(host)), one;
	struct address a = address_of(h);
	size_t n;

	if (str_eq(list, S("*")))
		return true;
	for (; list.len > 0; list = str_sub(list, n + 1, list.len)) {
		n = 0;
		while (n < list.len && list.p[n] != ',' && list.p[n] != ' ' && list.p[n] != '\t')
			n++;
		one = str_sub(list, 0, n);
		if (a.bits > 0 ? within(&a, one)
			       : below(h,
				     without_dot(
					 str_starts(one, S(".")) ? str_sub(one, 1, one.len) : one)))
			return true;
	}
	return false;
}

/* --- which --- */

static const char *
first_set(const char *const names[], int count)
{
	for (int i = 0; i < count; i++) {
		const char *value = getenv(names[i]);

		if (value != NULL && value[0] != '\0')
			return value;
	}
	return NULL;
}

/* Basic, as libcurl would send it (RFC 7617). */
static void
take_login(CURLU *parsed, struct out_proxy *p)
{
	char *user = NULL, *password = NULL;
	struct buf pair = buf_heap(PROXY_MAX);
	char coded[sodium_base64_ENCODED_LEN(PROXY_MAX, sodium_base64_VARIANT_ORIGINAL)];

	if (curl_url_get(parsed, CURLUPART_USER, &user, CURLU_URLDECODE) == CURLUE_OK) {
		curl_url_get(parsed, CURLUPART_PASSWORD, &password, CURLU_URLDECODE);
		buf_add(&pair, str_of(user));
		buf_addc(&pair, ':');
		buf_add(&pair, str_of(password));
		sodium_bin2base64(coded, sizeof(coded), (const unsigned char *)pair.p, pair.len,
		    sodium_base64_VARIANT_ORIGINAL);
		buf_add(&p->login, S("Basic "));
		buf_add(&p->login, str_of(coded));
		mem_wipe(coded, sizeof(coded));
	}
	buf_free(&pair);
	curl_free(user);
	curl_free(password);
}

static void
take_proxy(const char *text, struct out_proxy *p)
{
	CURLU *parsed = curl_url();
	char *scheme = NULL;

	buf_add(&p->url, str_of(text));
	buf_addc(&p->url, '\0');
	/* What it cannot read the connection will complain of. */
	if (parsed != NULL &&
	    curl_url_set(parsed, CURLUPART_URL, text,
		CURLU_NON_SUPPORT_SCHEME | CURLU_GUESS_SCHEME) == CURLUE_OK &&
	    curl_url_get(parsed, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK)
		p->absolute = !str_starts(str_of(scheme), S("socks"));
	if (p->absolute)
		take_login(parsed, p);
	curl_free(scheme);
	curl_url_cleanup(parsed);
}

void
out_proxy_find(const char *host, struct out_proxy *p)
{
	static const char *const proxies[] = { "http_proxy", "all_proxy", "ALL_PROXY" };
	static const char *const spared[] = { "no_proxy", "NO_PROXY" };
	const char *proxy = first_set(proxies, 3), *list = first_set(spared, 2);

	p->url = p->login = buf_heap(2 * PROXY_MAX);
	if (proxy == NULL || (list != NULL && out_proxy_spares(str_of(list), host)))
		return;
	p->too_long = strlen(proxy) > PROXY_MAX / 2;
	if (!p->too_long)
		take_proxy(proxy, p);
}

void
out_proxy_free(struct out_proxy *p)
{
	buf_free(&p->url);
	buf_free(&p->login);
}
