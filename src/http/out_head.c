#include "http/out_head.h"

#include "base/scan.h"

#define LENGTH_MAX 1000000000000

/* The text up to CR LF, which it takes off the front. */
static bool
take_line(struct str *left, struct str *line)
{
	size_t n = scan_find(*left, scan_controls);

	if (left->len - n < 2 || left->p[n] != '\r' || left->p[n + 1] != '\n')
		return false;
	*line = str_sub(*left, 0, n);
	*left = str_sub(*left, n + 2, left->len);
	return true;
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool
read_status(struct str line, struct out_head *h)
{
	const char *d = line.p + 9;

	if (line.len < 12 || !str_starts(line, S("HTTP/1.1 ")) || !is_digit(d[0]) ||
	    !is_digit(d[1]) || !is_digit(d[2]) || (line.len > 12 && line.p[12] != ' '))
		return false;
	h->status = (d[0] - '0') * 100 + (d[1] - '0') * 10 + (d[2] - '0');
	return h->status >= 200 && h->status <= 599 && h->status != 204 && h->status != 304;
}

/* What stands in no name that is known here; every other name with such in it is http_parser's. */
static bytes16
not_in_names(bytes16 v)
{
	return (bytes16)((v | 0x20) - 'a' > 'z' - 'a') & (bytes16)(v - '0' > 9) &
	    (bytes16)(v != '-');
}

static bool
take_length(struct str value, struct out_head *h, bool *has_length)
{
	int64_t n;

	if (*has_length || !str_int(value, 0, LENGTH_MAX, &n))
		return false;
	*has_length = true;
	h->content_length = (uint64_t)n;
	return true;
}

static bool
take_connection(struct str value, struct out_head *h)
{
	if (str_eq_nocase(value, S("close")))
		h->close = true;
	return h->close || str_eq_nocase(value, S("keep-alive"));
}

/* http_parser takes a name that only begins so for the whole one. */
static bool
begins(struct str name, struct str with)
{
	return name.len >= with.len && str_eq_nocase(str_sub(name, 0, with.len), with);
}

/* Told apart by their length first. */
static bool
take_field(struct str name, struct str value, struct out_head *h, bool *has_length)
{
	if (name.len == 4 && str_eq_nocase(name, S("date")))
		h->date = value;
	else if (name.len == 11 && str_eq_nocase(name, S("retry-after")))
		h->retry_after = value;
	else if (name.len == 12 && str_eq_nocase(name, S("content-type")))
		h->content_type = value;
	else if (h->coding.p == NULL && name.len == 16 &&
	    str_eq_nocase(name, S("content-encoding")))
		h->coding = value;
	else if (name.len == 14 && str_eq_nocase(name, S("content-length")))
		return take_length(value, h, has_length);
	else if (name.len == 10 && str_eq_nocase(name, S("connection")))
		return take_connection(value, h);
	else if ((name.len == 16 && str_eq_nocase(name, S("content-encoding"))) ||
	    begins(name, S("transfer-encoding")) || begins(name, S("content-length")) ||
	    (name.len == 16 && str_eq_nocase(name, S("proxy-connection"))) ||
	    (name.len == 7 && str_eq_nocase(name, S("upgrade"))))
		return false;
	return true;
}

bool
out_head_read(struct str bytes, struct out_head *h)
{
	struct str left = bytes, line;
	bool has_length = false;

	*h = (struct out_head){ 0 };
	if (!take_line(&left, &line) || !read_status(line, h))
		return false;
	while (take_line(&left, &line)) {
		size_t colon = scan_find(line, not_in_names);
		struct str name = str_sub(line, 0, colon);

		if (line.len == 0) {
			h->len = bytes.len - left.len;
			return has_length;
		}
		if (colon == 0 || colon == line.len || line.p[colon] != ':' ||
		    !take_field(name, str_trim(str_sub(line, colon + 1, line.len)), h, &has_length))
			return false;
	}
	return false;
}
