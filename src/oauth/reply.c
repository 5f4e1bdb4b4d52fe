#include "oauth/reply.h"

#include "base/buf.h"
#include "base/json.h"
#include "base/scan.h"
#include "oauth/flat.h"

#define DEPTH_MAX 8
#define TOKEN_MAX 16384
#define TEXT_MAX 200
#define SCOPE_MAX 4096
#define LIFE_MAX_S (10LL * 365 * 86400)

static bytes16
harmful_in_header(bytes16 v)
{
	return scan_unusual(v) | (bytes16)(v == ' ');
}

/* RFC 6750 section 2.1, b64token: what can stand behind "Bearer " without harm. */
static bool
header_safe(struct str s)
{
	return s.len > 0 && s.len <= TOKEN_MAX && !scan_has(s, harmful_in_header);
}

/* What the reply says: flat, as nearly all are, or as a tree. */
struct said {
	const struct flat *flat; /* NULL: in obj */
	const json_t *obj;
};

/* Some say null, false or "" where there is none. */
static bool
names(const struct said *said, const char *name)
{
	const struct flat_member *m;
	const json_t *v;

	if (said->flat != NULL) {
		m = flat_get(said->flat, name);
		return m != NULL && (m->text.p == NULL || m->text.len > 0);
	}
	v = json_object_get(said->obj, name);
	return v != NULL && !json_is_null(v) && !json_is_false(v) &&
	    !(json_is_string(v) && json_string_length(v) == 0);
}

static struct str
text_of(const json_t *v)
{
	if (!json_is_string(v))
		return (struct str){ 0 };
	return (struct str){ json_string_value(v), json_string_length(v) };
}

static struct str
member(const struct said *said, const char *name)
{
	const struct flat_member *m;

	if (said->flat == NULL)
		return text_of(json_object_get(said->obj, name));
	m = flat_get(said->flat, name);
	return m != NULL ? m->text : (struct str){ 0 };
}

static bytes16
unprintable(bytes16 v)
{
	return (bytes16)(v < ' ') | (bytes16)(v >= 0x7f);
}

/* The provider's own words, for a sentence of ours: printable ASCII, cut. */
static struct str
quoted_words(struct arena *a, struct str s, size_t max)
{
	char *p;

	s = str_sub(s, 0, max);
	if (s.len == 0)
		return S("");
	p = str_cstr(a, s);
	for (size_t i = 0; (i += scan_find(str_sub(s, i, s.len), unprintable)) < s.len; i++)
		p[i] = '?';
	return (struct str){ p, s.len };
}

static int64_t
number(const struct said *said, const char *name)
{
	const struct flat_member *m;
	const json_t *v;

	if (said->flat != NULL) {
		m = flat_get(said->flat, name);
		return m != NULL && m->text.p == NULL ? m->number : -1;
	}
	v = json_object_get(said->obj, name);
	if (json_is_integer(v))
		return json_integer_value(v);
	if (json_is_real(v) && json_real_value(v) >= 0 && json_real_value(v) <= (double)LIFE_MAX_S)
		return (int64_t)json_real_value(v);
	return -1;
}

/* Seconds as an integer, or as text with one (a known quirk). Anything else is "not said", and so
 * is zero. */
static int64_t
seconds(const struct said *said, const char *name)
{
	int64_t s = number(said, name);
	struct str text = member(said, name);

	if (text.p != NULL && !str_int(text, 0, LIFE_MAX_S, &s))
		s = -1;
	return s > 0 && s <= LIFE_MAX_S ? s : -1;
}

static bool
read_tokens(struct arena *a, const struct said *said, struct oauth_reply *out)
{
	struct str access = member(said, "access_token"), type = member(said, "token_type");
	struct str refresh = member(said, "refresh_token");

	if (!header_safe(access) || !str_eq_nocase(type, S("bearer")))
		return false;
	/* Not text: it is one, in a form that we do not understand. */
	if (refresh.len == 0 && names(said, "refresh_token"))
		return false;
	if (refresh.len > TOKEN_MAX || (refresh.len > 0 && !header_safe(refresh)))
		return false;
	out->access_token = secret_dup(a, secret_of(access));
	out->refresh_token = secret_dup(a, secret_of(refresh));
	out->expires_in_s = seconds(said, "expires_in");
	out->refresh_expires_in_s = seconds(said, "refresh_token_expires_in");
	out->scope = quoted_words(a, member(said, "scope"), SCOPE_MAX);
	return true;
}

/* "error" as RFC 6749 has it, or the code inside an error object. */
static struct str
error_word(struct arena *a, const struct said *said)
{
	const json_t *error = said->flat == NULL ? json_object_get(said->obj, "error") : NULL;

	return quoted_words(a,
	    json_is_object(error) ? text_of(json_object_get(error, "code")) : member(said, "error"),
	    TEXT_MAX);
}

static bool
listen(struct ctx *cx, struct secret body, struct flat *flat, struct said *said)
{
	json_t *obj;

	if (flat_read(secret_expose(body), flat)) {
		*said = (struct said){ .flat = flat };
		return true;
	}
	if (json_read_lenient(cx, secret_expose(body), DEPTH_MAX, &obj) != OK ||
	    !json_is_object(obj)) {
		ctx_clear(cx);
		return false;
	}
	*said = (struct said){ .obj = obj };
	return true;
}

void
oauth_reply_read(struct ctx *cx, int status, struct secret body, struct oauth_reply *out)
{
	struct said said;
	struct flat flat;

	*out = (struct oauth_reply){
		.status = status, .expires_in_s = -1, .refresh_expires_in_s = -1
	};
	if (!listen(cx, body, &flat, &said))
		return;
	out->is_object = true;
	out->names_token = names(&said, "access_token") || names(&said, "refresh_token");
	out->error = error_word(cx->arena, &said);
	out->error_description =
	    quoted_words(cx->arena, member(&said, "error_description"), TEXT_MAX);
	out->has_tokens =
	    status == 200 && out->error.len == 0 && read_tokens(cx->arena, &said, out);
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
