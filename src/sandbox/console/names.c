/* The naming rules of apps.h. What exactly the real console refuses is not published; this refuses
 * what would pass for Dropbox's own: its name at the front, however it is written, and its name beside
 * a word that claims to speak for it. */
#include "sandbox/console/apps.h"
#include "sandbox/core/text.h"

#define NAME_CHARS_MAX 50
#define OWN_NAME S("dropbox")

/* Letters of other alphabets, and digits, that pass for those of the name. */
static const struct {
	const char *looks;
	char like;
} lookalikes[] = {
	{ "0", 'o' },
	{ "\xce\xbf", 'o' },
	{ "\xd0\xbe", 'o' },
	{ "\xd0\x9e", 'o' },
	{ "\xce\x9f", 'o' },
	{ "\xd1\x80", 'p' },
	{ "\xd0\xa0", 'p' },
	{ "\xcf\x81", 'p' },
	{ "\xce\xa1", 'p' },
	{ "\xd1\x85", 'x' },
	{ "\xd0\xa5", 'x' },
	{ "\xcf\x87", 'x' },
	{ "\xce\xa7", 'x' },
	{ "\xd4\x81", 'd' },
	{ "\xd0\x92", 'b' },
	{ "\xd0\xb2", 'b' },
	{ "\xce\x92", 'b' },
	{ "8", 'b' },
	{ "\xc3\xb6", 'o' },
	{ "\xc3\x96", 'o' },
};

/* The letter at the front in the skeleton, '\0' for what leaves no trace; *len is its bytes. */
static char
skeleton_letter(struct str s, size_t *len)
{
	unsigned char c = (unsigned char)s.p[0];

	for (size_t i = 0; i < sizeof(lookalikes) / sizeof(lookalikes[0]); i++) {
		struct str looks = str_of(lookalikes[i].looks);

		if (str_starts(s, looks)) {
			*len = looks.len;
			return lookalikes[i].like;
		}
	}
	/* Fullwidth forms, U+FF21 to U+FF5A. */
	if (s.len >= 3 && c == 0xef &&
	    ((unsigned char)s.p[1] == 0xbc || (unsigned char)s.p[1] == 0xbd)) {
		unsigned at = ((unsigned char)s.p[1] & 3u) << 6 | ((unsigned char)s.p[2] & 0x3fu);
		char plain = (char)(at + 0x20);

		*len = 3;
		return (char)(plain >= 'A' && plain <= 'Z' ? plain + 32 : plain);
	}
	*len = 1;
	if (c >= 'A' && c <= 'Z')
		return (char)(c + 32);
	return c >= 'a' && c <= 'z' ? (char)c : '\0';
}

static struct str
skeleton(struct arena *a, struct str name)
{
	char *p = arena_alloc(a, name.len + 1);
	size_t n = 0, len;

	for (; name.len > 0; name = str_sub(name, len, name.len)) {
		char c = skeleton_letter(name, &len);

		if (c >= 'a' && c <= 'z')
			p[n++] = c;
	}
	return (struct str){ p, n };
}

static bool
poses(struct arena *a, struct str name)
{
	static const char *const claims[] = { "official", "security", "support", "team", "inc",
		"login", "signin", "account", "staff" };
	struct str s = skeleton(a, name);

	if (str_starts(s, S("the")))
		s = str_sub(s, 3, s.len);
	if (str_starts(s, OWN_NAME))
		return true;
	for (size_t i = 0; i < sizeof(claims) / sizeof(claims[0]); i++) {
		if (str_contains(s, str_printf(a, "%sdropbox", claims[i])) ||
		    str_contains(s, str_printf(a, "dropbox%s", claims[i])))
			return true;
	}
	return false;
}

static enum rc
bad_name(struct ctx *cx, const char *why, const char *todo)
{
	fail_at(cx, E_INPUT, "bad-name", "name", "%s", why);
	return fail_todo(cx, "%s", todo);
}

enum rc
app_name_check(struct ctx *cx, struct str name)
{
	if (name.len == 0)
		return bad_name(cx, "The app needs a name.", "Type one.");
	if (!text_printable(name))
		return bad_name(cx, "The name has a character that cannot be shown.",
		    "Type it again, without line breaks and invisible characters.");
	if (text_length(name) > NAME_CHARS_MAX)
		return bad_name(cx, "The name is longer than 50 characters.", "Shorten it.");
	if (poses(cx->arena, name))
		return bad_name(cx,
		    "The name of an app may not start with Dropbox or pass for one of Dropbox's "
		    "own.",
		    "Choose a name that is your own.");
	return OK;
}
