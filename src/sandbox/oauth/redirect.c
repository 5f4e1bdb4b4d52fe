#include "sandbox/oauth/redirect.h"

#include "base/buf.h"

#include "sandbox/oauth/requests.h"

#define REDIRECT_MAX 32768

struct str
redirect_with(struct ctx *cx, struct str uri, enum redirect_part part,
    const struct redirect_param *params, size_t count)
{
	struct buf b = buf_in(cx->arena, REDIRECT_MAX);
	char sep = str_contains(uri, S("?")) ? '&' : '?';

	if (part == REDIRECT_FRAGMENT)
		sep = '#';

	buf_add(&b, uri);
	for (size_t i = 0; i < count; i++) {
		if (params[i].value.p == NULL)
			continue;
		buf_addc(&b, sep);
		buf_add(&b, str_of(params[i].name));
		buf_addc(&b, '=');
		buf_add_percent(&b, params[i].value);
		sep = '&';
	}
	return buf_str(&b);
}

enum redirect_part
redirect_part_of(const struct auth_request *r)
{
	return r->implicit ? REDIRECT_FRAGMENT : REDIRECT_QUERY;
}
