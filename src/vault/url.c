#include "vault/url.h"

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool
is_host_byte(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' ||
	    c == '_' || c == '.';
}

static bool
is_port(struct str s)
{
	int64_t n;

	return s.len > 0 && is_digit(s.p[0]) && str_int(s, 1, 65535, &n);
}

static bool
is_name(struct str s)
{
	for (size_t i = 0; i < s.len; i++)
		if (!is_host_byte(s.p[i]) || (s.p[i] == '.' && (i == 0 || s.p[i - 1] == '.')))
			return false;
	return s.len > 0;
}

static bool
is_v6(struct str s)
{
	for (size_t i = 0; i < s.len; i++)
		if (!(is_digit(s.p[i]) || (s.p[i] >= 'a' && s.p[i] <= 'f') ||
			(s.p[i] >= 'A' && s.p[i] <= 'F') || s.p[i] == ':' || s.p[i] == '.'))
			return false;
	return s.len > 0;
}

static bool
is_authority(struct str s)
{
	bool v6 = str_starts(s, S("["));
	size_t end = v6 ? str_find(s, ']') : str_find(s, ':');
	struct str after = str_sub(s, v6 ? end + 1 : end, s.len);

	if (v6 && (end == s.len || !is_v6(str_sub(s, 1, end))))
		return false;
	if (!v6 && !is_name(str_sub(s, 0, end)))
		return false;
	return after.len == 0 || (after.p[0] == ':' && is_port(str_sub(after, 1, after.len)));
}

bool
url_split(struct str url, struct str *scheme, struct str *host)
{
	size_t at = str_find(url, ':');
	struct str rest = str_sub(url, at + 3, url.len);

	for (size_t i = 0; i < url.len; i++)
		if (url.p[i] <= ' ' || url.p[i] > '~' || url.p[i] == '\\' || url.p[i] == '#')
			return false;
	*scheme = str_sub(url, 0, at);
	if (!str_eq(str_sub(url, at, at + 3), S("://")) ||
	    (!str_eq(*scheme, S("https")) && !str_eq(*scheme, S("http"))))
		return false;
	*host = str_sub(rest, 0, str_find(rest, '/'));
	*host = str_sub(*host, 0, str_find(*host, '?'));
	return is_authority(*host);
}

bool
url_is_loopback(struct str host)
{
	static const char *const names[] = { "127.0.0.1", "localhost", "[::1]" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct str name = str_of(names[i]);

		if (str_eq(host, name) ||
		    (str_starts(host, name) && host.len > name.len && host.p[name.len] == ':'))
			return true;
	}
	return false;
}
