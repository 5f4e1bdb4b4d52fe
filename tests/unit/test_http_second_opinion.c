/* Two readers of one head: what ours accepts, http_parser accepts too, and reads the same in it.
 *
 * A request without a body is read by our strict scan alone (http/body.c asks http_parser where there
 * is one). So here both read a hundred thousand heads: the known tricks, and what becomes of them when
 * pieces and bytes are put in, left out, doubled or exchanged. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>
#undef fail                       /* ours records a failure */
#define http_method parser_method /* ours is called so too */
#include <http_parser.h>
#undef http_method

#include "base/buf.h"
#include "http/head.h"
#include "http/origin.h"
#include "http/router.h"
#include "http/target.h"

#define ROUNDS 100000
#define HEAD_SIZE_MAX 2048

static const char *const seeds[] = {
	"GET /api/v1/tokens/My%20token/access-token HTTP/1.1\r\nHost: h:80\r\n"
	"Authorization: Bearer vk_abc\r\n\r\n",
	"GET / HTTP/1.0\r\n\r\n",
	"HEAD /a?b=c&d HTTP/1.1\r\nHost: h\r\nConnection: keep-alive, x\r\n\r\n",
	"DELETE /a HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\nX-A:\tb\r\n\r\n",
	"GET http://h/a HTTP/1.1\r\nHost: h\r\nAccept: */*\r\n\r\n",
	"GET / HTTP/1.1\r\nHost: h\r\nUpgrade: h2c\r\nConnection: upgrade\r\n\r\n",
	"POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n",
	"PUT /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nTE: trailers\r\n\r\n",
	"PATCH /%41/\xc3\xa9 HTTP/1.1\r\nHost: [::1]:8\r\nX-B: \xc3\xa9\r\nX-C:\r\n\r\n",
	"OPTIONS * HTTP/1.1\r\nHost: h\r\nOrigin: null\r\nCookie: a=b; c=d\r\n\r\n",
};

static const char *const pieces[] = { "\r\n", "\r", "\n", " ", "\t", ":", "\r\n ", "\v", "\f",
	"\x7f", "\x80", "\xff", "\x01", "Content-Length: 5\r\n", "Content-Length: 0\r\n",
	"Transfer-Encoding: chunked\r\n", "Transfer-Encoding: identity\r\n",
	"transfer-encoding:\r\n", "Host: x\r\n", "Connection: close\r\n", "Connection: upgrade\r\n",
	"Upgrade: x\r\n", "Proxy-Connection: close\r\n", "Expect: x\r\n", "GET ", "CONNECT ",
	"PRI * HTTP/2.0\r\n\r\n", "HTTP/1.1", "HTTP/0.9", "HTTP/1.2", "http://", "https://", "//",
	"/../", "?", "#", "%00", "%", ",", ";", "@", "*", "[", "]", "\\", "\"", "chunked", "0", "5",
	"99999999999999999999", "Keep-Alive: 1\r\n" };

/* What http_parser found. */
struct seen {
	struct http_header fields[HTTP_MAX_HEADERS];
	size_t count;
	bool in_value, complete;
};

static void
extend(struct str *s, const char *at, size_t len)
{
	*s = s->len > 0 ? (struct str){ s->p, s->len + len } : (struct str){ at, len };
}

static int
on_name(http_parser *p, const char *at, size_t len)
{
	struct seen *s = p->data;

	if (s->in_value || s->count == 0)
		s->count++;
	s->in_value = false;
	if (s->count > HTTP_MAX_HEADERS)
		return 1;
	extend(&s->fields[s->count - 1].name, at, len);
	return 0;
}

static int
on_value(http_parser *p, const char *at, size_t len)
{
	struct seen *s = p->data;

	s->in_value = true;
	extend(&s->fields[s->count - 1].value, at, len);
	return 0;
}

static int
on_end(http_parser *p)
{
	((struct seen *)p->data)->complete = true;
	return 0;
}

static const http_parser_settings settings = {
	.on_header_field = on_name,
	.on_header_value = on_value,
	.on_message_complete = on_end,
};

/* Slices of both point into the same bytes, so the same field is the same place. */
static bool
same_fields(const struct http_req *req, const struct seen *s)
{
	if (req->header_count != s->count)
		return false;
	for (size_t i = 0; i < s->count; i++) {
		if (!str_eq(req->headers[i].name, s->fields[i].name) ||
		    !str_eq(req->headers[i].value, str_trim(s->fields[i].value)))
			return false;
	}
	return true;
}

static bool
same_end(const http_parser *p, const struct head *h, bool complete)
{
	bool empty = !h->chunked && h->content_length == 0;

	if (h->chunked != ((p->flags & F_CHUNKED) != 0))
		return false;
	return complete == empty && (empty || h->chunked || p->content_length == h->content_length);
}

/* The frame compares both with its own names (http/frame.c, check_host); here any name may be one. */
static bool
is_ours(struct str authority)
{
	return authority.len == 0 || origin_plausible(authority);
}

/* True: ours refuses it, or both read the same. */
static bool
agree(struct str raw, bool *accepted)
{
	static struct http_req req;
	static struct seen seen;
	struct str authority, path, query;
	size_t scanned = 0, len = 0, used;
	struct head h;
	http_parser p;

	*accepted = head_find_end(raw, &scanned, &len) == HEAD_COMPLETE;
	raw = str_sub(raw, 0, len);
	*accepted = *accepted && head_parse(raw, &req, &h) && h.method_known &&
	    target_split(h.target, &authority, &path, &query) && is_ours(authority) &&
	    (h.host.p == NULL || is_ours(h.host));
	if (!*accepted)
		return true;
	seen = (struct seen){ 0 };
	http_parser_init(&p, HTTP_REQUEST);
	p.data = &seen;
	used = http_parser_execute(&p, &settings, raw.p, raw.len);
	return HTTP_PARSER_ERRNO(&p) == HPE_OK && (used == raw.len || p.upgrade) &&
	    p.http_major == 1 && p.http_minor == h.minor && same_fields(&req, &seen) &&
	    same_end(&p, &h, seen.complete) &&
	    str_eq(str_of(http_method_str(p.method)), http_method_text(req.method));
}

/* --- heads --- */

static uint32_t
random_below(uint64_t *state, uint32_t n)
{
	*state = *state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(*state >> 33) % n;
}

static void
replace(char *head, size_t *len, size_t at, size_t gone, struct str with)
{
	if (*len - gone + with.len > HEAD_SIZE_MAX)
		return;
	memmove(head + at + with.len, head + at + gone, *len - at - gone);
	if (with.len > 0)
		memcpy(head + at, with.p, with.len);
	*len = *len - gone + with.len;
}

/* Somewhere, or where a line or a word begins: there most of what is read in two ways stands. */
static size_t
somewhere(uint64_t *state, struct str head)
{
	size_t at = random_below(state, (uint32_t)head.len);

	switch (random_below(state, 3)) {
	case 0:
		return at;
	case 1:
		at += str_find(str_sub(head, at, head.len), '\n') + 1;
		break;
	default:
		at += str_find(str_sub(head, at, head.len), ' ') + 1;
		break;
	}
	return at < head.len ? at : head.len - 1;
}

static void
change(uint64_t *state, char *head, size_t *len)
{
	size_t at = somewhere(state, (struct str){ head, *len });
	size_t gone = random_below(state, 4) == 0 ? 1 + random_below(state, 6) : 0;
	const char *piece = pieces[random_below(state, sizeof(pieces) / sizeof(pieces[0]))];
	char byte = (char)random_below(state, 256);

	if (gone > *len - at)
		gone = *len - at;
	if (*len - gone == 0)
		return;
	switch (random_below(state, 4)) {
	case 0:
		replace(head, len, at, gone, (struct str){ &byte, 1 });
		break;
	case 1:
		replace(head, len, at, gone > 0 ? gone : 1, S(""));
		break;
	default:
		replace(head, len, at, gone, str_of(piece));
		break;
	}
	if (*len == 0)
		*len = 1;
}

static void
check(struct str head, size_t *accepted)
{
	bool ok, yes;

	ok = agree(head, &yes);
	*accepted += yes;
	if (!ok)
		print_error("read in two ways: %.*s\n", STR_ARG(head));
	assert_true(ok);
}

static void
test_what_ours_accepts_http_parser_reads_the_same(void **unused)
{
	static char head[HEAD_SIZE_MAX];
	uint64_t state = 1;
	size_t accepted = 0;

	(void)unused;
	for (size_t i = 0; i < ROUNDS; i++) {
		struct str seed = str_of(seeds[i % (sizeof(seeds) / sizeof(seeds[0]))]);
		size_t len = seed.len;

		memcpy(head, seed.p, len);
		for (size_t n = i < 10 ? 0 : 1 + random_below(&state, 3); n > 0; n--)
			change(&state, head, &len);
		check((struct str){ head, len }, &accepted);
	}
	/* Neither all nor none: there was something to compare. */
	assert_in_range(accepted, ROUNDS / 20, ROUNDS / 2);
}

/* Every byte at every place of each seed. */
static void
test_every_byte_everywhere(void **unused)
{
	static char head[HEAD_SIZE_MAX];
	size_t accepted = 0;

	(void)unused;
	for (size_t i = 0; i < sizeof(seeds) / sizeof(seeds[0]); i++) {
		struct str seed = str_of(seeds[i]);

		for (size_t at = 0; at < seed.len; at++) {
			for (int byte = 0; byte < 256; byte++) {
				memcpy(head, seed.p, seed.len);
				head[at] = (char)byte;
				check((struct str){ head, seed.len }, &accepted);
			}
		}
	}
	assert_true(accepted > 1000);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_ours_accepts_http_parser_reads_the_same),
		cmocka_unit_test(test_every_byte_everywhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
