#include "oauth/reply.h"

#include "base/buf.h"
#include "base/json.h"

#define DEPTH_MAX 8
#define TOKEN_MAX 16384
#define TEXT_MAX 200
#define SCOPE_MAX 4096
#define LIFE_MAX_S (10LL * 365 * 86400)

/* RFC 6750 section 2.1, b64token: what can stand behind "Bearer " without harm. */
static bool
header_safe(struct str s)
{
	for (size_t i = 0; i < s.len; i++)
		if (s.p[i] <= ' ' || s.p[i] >= 0x7f || s.p[i] == '"' || s.p[i] == '\\')
			return false;
	return s.len > 0 && s.len <= TOKEN_MAX;
}

static struct str
member(const json_t *obj, const char *name)
{
	const json_t *v = json_object_get(obj, name);

	if (!json_is_string(v))
		return (struct str){ 0 };
	return (struct str){ json_string_value(v), json_string_length(v) };
}

/* The provider's own words, for a sentence of ours: printable ASCII, cut. */
static struct str
quoted_words(struct arena *a, struct str s, size_t max)
{
	struct buf b = buf_in(a, max);

	for (size_t i = 0; i < s.len; i++)
		buf_addc(&b, s.p[i] >= ' ' && s.p[i] < 0x7f ? s.p[i] : '?');
	return b.p == NULL ? S("") : buf_str(&b);
}

/* Seconds as an integer, or as text with one (a known quirk). Anything else is "not said". */
static int64_t
expires_in(const json_t *obj)
{
	const json_t *v = json_object_get(obj, "expires_in");
	int64_t s = -1;

	if (json_is_integer(v))
		s = json_integer_value(v);
	else if (json_is_real(v) && json_real_value(v) >= 0 &&
	    json_real_value(v) <= (double)LIFE_MAX_S)
		s = (int64_t)json_real_value(v);
	else if (json_is_string(v) && !str_int(member(obj, "expires_in"), 0, LIFE_MAX_S, &s))
		s = -1;
	return s >= 0 && s <= LIFE_MAX_S ? s : -1;
}

static bool
read_tokens(struct arena *a, const json_t *obj, struct oauth_reply *out)
{
	struct str access = member(obj, "access_token"), type = member(obj, "token_type");
	struct str refresh = member(obj, "refresh_token");

	if (!header_safe(access) || !str_eq_nocase(type, S("bearer")))
		return false;
	if (refresh.len > TOKEN_MAX || (refresh.len > 0 && !header_safe(refresh)))
		return false;
	out->access_token = secret_dup(a, secret_of(access));
	out->refresh_token = secret_dup(a, secret_of(refresh));
	out->expires_in_s = expires_in(obj);
	out->scope = quoted_words(a, member(obj, "scope"), SCOPE_MAX);
	return true;
}

/* Dropbox writes "invalid_client: Invalid client_id or client_secret" into `error`. */
static enum oauth_outcome
outcome_of_error(struct str error)
{
	static const char *const misconfigured[] = { "invalid_client", "unauthorized_client",
		"unsupported_grant_type", "invalid_request", "invalid_scope" };
	struct str code = str_sub(error, 0, str_find(error, ':'));

	if (str_eq(code, S("invalid_grant")))
		return OUTCOME_REAUTHORIZE;
	for (size_t i = 0; i < sizeof(misconfigured) / sizeof(misconfigured[0]); i++)
		if (str_eq(code, str_of(misconfigured[i])))
			return OUTCOME_MISCONFIGURED;
	if (str_eq(code, S("temporarily_unavailable")) || str_eq(code, S("server_error")))
		return OUTCOME_TRANSIENT;
	return OUTCOME_UNREADABLE;
}

void
oauth_reply_read(struct ctx *cx, int status, struct secret body, struct oauth_reply *out)
{
	json_t *obj;

	*out = (struct oauth_reply){ .outcome = OUTCOME_UNREADABLE, .expires_in_s = -1 };
	if (status == 429 || status >= 500)
		out->outcome = OUTCOME_TRANSIENT;
	if (json_read_lenient(cx, secret_expose(body), DEPTH_MAX, &obj) != OK ||
	    !json_is_object(obj)) {
		ctx_clear(cx);
		return;
	}
	out->error = quoted_words(cx->arena, member(obj, "error"), TEXT_MAX);
	out->error_description =
	    quoted_words(cx->arena, member(obj, "error_description"), TEXT_MAX);
	if (status == 200 && out->error.len == 0 && read_tokens(cx->arena, obj, out))
		out->outcome = OUTCOME_TOKENS;
	else if (status >= 400 && status < 500 && status != 429 && out->error.len > 0)
		out->outcome = outcome_of_error(out->error);
}

static bool
has_word(struct str words, struct str word)
{
	struct str w;

	while (str_split(&words, ' ', &w))
		if (str_eq(w, word))
			return true;
	return false;
}

struct str
oauth_scope_extra(struct arena *a, struct str granted, struct str asked)
{
	struct buf b = buf_in(a, granted.len + 1);
	struct str w;

	while (str_split(&granted, ' ', &w)) {
		if (w.len == 0 || has_word(asked, w))
			continue;
		if (b.len > 0)
			buf_addc(&b, ' ');
		buf_add(&b, w);
	}
	return b.p == NULL ? S("") : buf_str(&b);
}
