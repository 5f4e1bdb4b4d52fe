#include "sandbox/core/basic.h"

#include "crypto/crypto.h"

static enum rc
malformed(struct ctx *cx)
{
	return fail_at(cx, E_INPUT, "invalid_client", NULL, "Invalid client_id or client_secret");
}

enum rc
basic_read(struct ctx *cx, const struct http_req *req, struct str *user, struct secret *password,
    bool *present)
{
	struct str value = http_req_header(req, S("Authorization")), decoded;
	size_t colon;

	*present = value.len >= 6 && str_eq_nocase(str_sub(value, 0, 6), S("Basic "));
	if (!*present)
		return OK;
	if (crypto_base64_decode(cx, str_trim(str_sub(value, 6, value.len)), &decoded) != OK)
		return malformed(cx);
	colon = str_find(decoded, ':');
	if (colon == decoded.len)
		return malformed(cx);
	*user = str_sub(decoded, 0, colon);
	*password = secret_of(str_sub(decoded, colon + 1, decoded.len));
	return OK;
}

struct secret
bearer_of(struct str value)
{
	if (value.len <= 7 || !str_eq_nocase(str_sub(value, 0, 7), S("Bearer ")))
		return (struct secret){ 0 };
	return secret_of(str_trim(str_sub(value, 7, value.len)));
}
