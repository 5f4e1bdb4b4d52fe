/* What of an address may be shown. Everything that is not known to be harmless is masked. */
#include "base/buf.h"
#include "sandbox/control/reqlog.h"
#include "sandbox/core/text.h"

#define MASK S("***")
#define SHOWN_MAX 1024
#define PLAIN_NAME_MAX 32
#define PLAIN_SEGMENT_MAX 24

static const char *const harmless[] = { "client_id", "response_type", "redirect_uri", "scope",
	"token_access_type", "include_granted_scopes", "code_challenge_method", "force_reapprove",
	"force_reauthentication", "disable_signup", "require_role", "locale", "grant_type", "after",
	"limit", "wait_ms" };

static bool
is_harmless(struct str name)
{
	for (size_t i = 0; i < sizeof(harmless) / sizeof(harmless[0]); i++) {
		if (str_eq(name, str_of(harmless[i])))
			return true;
	}
	return false;
}

/* Names of parameters are words; a secret that stands where a name should is none. */
static bool
is_word(struct str name)
{
	if (name.len == 0 || name.len > PLAIN_NAME_MAX)
		return false;
	for (size_t i = 0; i < name.len; i++) {
		if (name.p[i] != '_' && (name.p[i] < 'a' || name.p[i] > 'z'))
			return false;
	}
	return true;
}

struct str
reqlog_mask_query(struct arena *a, struct str query)
{
	struct buf b = buf_in(a, SHOWN_MAX);
	struct str pair;

	while (query.len > 0 && str_split(&query, '&', &pair)) {
		size_t eq = str_find(pair, '=');
		struct str name = str_sub(pair, 0, eq);

		if (b.len > 0)
			buf_addc(&b, '&');
		if (eq < pair.len && is_harmless(name)) {
			buf_add(&b, pair);
		} else if (eq < pair.len && is_word(name)) {
			buf_add(&b, name);
			buf_addc(&b, '=');
			buf_add(&b, MASK);
		} else {
			buf_add(&b, MASK);
		}
	}
	return buf_str(&b);
}

static bool
may_hide(struct str segment)
{
	return segment.len > PLAIN_SEGMENT_MAX || str_starts(segment, S("sl.")) ||
	    str_find(segment, '%') < segment.len;
}

struct str
reqlog_mask_path(struct arena *a, const struct http_req *req, struct str pattern)
{
	struct str path = str_sub(req->path, 1, req->path.len), segment, literal = { 0 };
	struct buf b = buf_in(a, SHOWN_MAX);

	pattern = str_sub(pattern, 1, pattern.len);
	while (str_split(&path, '/', &segment)) {
		bool known = str_split(&pattern, '/', &literal) && str_eq(segment, literal);

		buf_addc(&b, '/');
		buf_add(&b, known || !may_hide(segment) ? segment : MASK);
	}
	return buf_str(&b);
}
