#include "oauth/flat.h"

#include "base/scan.h"

#define DIGITS_MAX 15

static void
skip_space(struct str *s)
{
	size_t n = 0;

	while (
	    n < s->len && (s->p[n] == ' ' || s->p[n] == '\t' || s->p[n] == '\n' || s->p[n] == '\r'))
		n++;
	*s = str_sub(*s, n, s->len);
}

/* The next character, if it is this one, and the space around it. */
static bool
take(struct str *s, char c)
{
	skip_space(s);
	if (s->len == 0 || s->p[0] != c)
		return false;
	*s = str_sub(*s, 1, s->len);
	skip_space(s);
	return true;
}

static bool
take_text(struct str *s, struct str *out)
{
	size_t n;

	if (s->len == 0 || s->p[0] != '"')
		return false;
	n = 1 + scan_find(str_sub(*s, 1, s->len), scan_unusual);
	if (n == s->len || s->p[n] != '"')
		return false;
	*out = str_sub(*s, 1, n);
	*s = str_sub(*s, n + 1, s->len);
	return true;
}

/* Without sign, fraction or exponent. What follows it is for the caller to refuse. */
static bool
take_number(struct str *s, int64_t *out)
{
	size_t n = 0;

	*out = 0;
	for (; n < s->len && n < DIGITS_MAX && s->p[n] >= '0' && s->p[n] <= '9'; n++)
		*out = *out * 10 + (s->p[n] - '0');
	if (n == 0 || (n > 1 && s->p[0] == '0'))
		return false;
	*s = str_sub(*s, n, s->len);
	return true;
}

const struct flat_member *
flat_get(const struct flat *f, const char *name)
{
	struct str wanted = str_of(name);

	for (size_t i = 0; i < f->count; i++)
		if (str_eq(f->members[i].name, wanted))
			return &f->members[i];
	return NULL;
}

static bool
take_member(struct str *s, struct flat *f)
{
	struct flat_member m = { 0 };

	if (f->count == FLAT_MAX || !take_text(s, &m.name) || !take(s, ':'))
		return false;
	if (!take_text(s, &m.text) && !take_number(s, &m.number))
		return false;
	for (size_t i = 0; i < f->count; i++)
		if (str_eq(f->members[i].name, m.name))
			return false;
	f->members[f->count++] = m;
	return true;
}

bool
flat_read(struct str json, struct flat *out)
{
	out->count = 0;
	if (!take(&json, '{'))
		return false;
	do {
		if (!take_member(&json, out))
			return false;
	} while (take(&json, ','));
	return take(&json, '}') && json.len == 0;
}
