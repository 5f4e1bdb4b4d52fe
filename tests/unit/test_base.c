/* The base room: slices, buffers, the arena, maps, JSON limits, the throttle. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>
#undef fail /* base/ctx.h has its own */

#include "base/buf.h"
#include "base/clock.h"
#include "base/ctx.h"
#include "base/json.h"
#include "base/map.h"
#include "base/scan.h"
#include "base/throttle.h"

struct fixture {
	struct arena *arena;
	struct clock *clock;
	struct ctx cx;
};

static int
setup(void **state)
{
	struct fixture *f = mem_alloc(sizeof(*f));

	f->arena = arena_new();
	f->clock = clock_new();
	ctx_init(&f->cx, f->arena, f->clock);
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	arena_free(f->arena);
	clock_free(f->clock);
	free(f);
	return 0;
}

static void
test_str_int_takes_plain_decimals_only(void **state)
{
	static const char *const bad[] = { "", "+1", "-1", " 1", "1 ", "0x1", "1e1", "101",
		"9223372036854775808", "99999999999999999999" };
	int64_t n = -7;

	(void)state;
	assert_true(str_int(S("100"), 0, 100, &n));
	assert_int_equal(n, 100);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(str_int(str_of(bad[i]), 0, 100, &n));
	assert_true(str_int(S("9223372036854775807"), 0, INT64_MAX, &n));
}

static void
test_str_utf8_refuses_malformed(void **state)
{
	(void)state;
	assert_true(str_utf8(S("Gr\xc3\xbc\xc3\x9f \xf0\x9f\x94\x91")));
	assert_false(str_utf8(S("\xc0\xaf")));         /* overlong */
	assert_false(str_utf8(S("\xed\xa0\x80")));     /* a surrogate */
	assert_false(str_utf8(S("\xf4\x90\x80\x80"))); /* beyond U+10FFFF */
	assert_false(str_utf8(S("\xe2\x82")));         /* cut short */
	assert_false(str_utf8(S("a\0b")));
}

static void
test_str_split_gives_every_part(void **state)
{
	struct str rest = S("a,,b,"), part;

	(void)state;
	assert_true(str_split(&rest, ',', &part) && str_eq(part, S("a")));
	assert_true(str_split(&rest, ',', &part) && part.len == 0);
	assert_true(str_split(&rest, ',', &part) && str_eq(part, S("b")));
	assert_true(str_split(&rest, ',', &part) && part.len == 0);
	assert_false(str_split(&rest, ',', &part));
}

/* Every byte at every place of sixteen: only the unreserved ones of RFC 3986 stand as they are. */
static void
test_percent_coding_keeps_what_is_unreserved(void **state)
{
	static const char kept[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
	struct fixture *f = *state;

	for (int c = 0; c < 256; c++)
		for (size_t at = 0; at < 17; at++) {
			char text[18] = "xxxxxxxxxxxxxxxxx";
			const char *end;
			struct str got, wanted;

			text[at] = (char)c;
			got = str_percent_encode(f->arena, (struct str){ text, 17 });
			end = c != 0 && strchr(kept, c) != NULL
			    ? str_printf(f->arena, "%c", c).p
			    : str_printf(f->arena, "%%%02X", (unsigned)c).p;
			wanted = str_printf(f->arena, "%.*s%s%.*s", (int)at, "xxxxxxxxxxxxxxxxx",
			    end, (int)(16 - at), "xxxxxxxxxxxxxxxxx");
			assert_true(str_eq(got, wanted));
		}
}

/* Around the length that is printed without looking twice. */
static void
test_printf_gives_all_of_it(void **state)
{
	struct fixture *f = *state;

	for (int len = 500; len < 525; len++) {
		struct str text = str_printf(f->arena, "%*d", len, 7);

		assert_int_equal(text.len, len);
		assert_int_equal(text.p[len - 1], '7');
		assert_int_equal(text.p[len], '\0');
		assert_int_equal(text.p[0], ' ');
	}
	assert_int_equal(str_printf(f->arena, "%s", "").len, 0);
}

static void
test_percent_coding_round_trips_and_refuses(void **state)
{
	struct fixture *f = *state;
	struct str out;

	assert_true(
	    str_eq(str_percent_encode(f->arena, S("Team Files/1+~")), S("Team%20Files%2F1%2B~")));
	assert_true(str_percent_decode(f->arena, S("a%20b+c"), false, &out));
	assert_true(str_eq(out, S("a b+c")));
	assert_true(str_percent_decode(f->arena, S("b+c"), true, &out));
	assert_true(str_eq(out, S("b c")));
	assert_false(str_percent_decode(f->arena, S("a%00"), false, &out));
	assert_false(str_percent_decode(f->arena, S("a%2"), false, &out));
	assert_false(str_percent_decode(f->arena, S("a%zz"), false, &out));
}

static void
test_form_counts_repeats(void **state)
{
	struct fixture *f = *state;
	struct str out;
	int count;

	assert_true(str_form_get(f->arena, S("a=1&b=x%20y&a=2"), S("a"), &out, &count));
	assert_int_equal(count, 2);
	assert_true(str_eq(out, S("1")));
	assert_false(str_form_get(f->arena, S("a=1"), S("b"), &out, &count));
	assert_int_equal(count, 0);
	assert_false(str_form_get(f->arena, S("a=%"), S("a"), &out, &count));
	assert_int_equal(count, -1);
}

static void
test_buf_stops_at_its_cap(void **state)
{
	struct buf b = buf_heap(4);

	(void)state;
	buf_add(&b, S("abcd"));
	assert_false(b.overflow);
	buf_addc(&b, 'e');
	assert_true(b.overflow);
	assert_true(str_eq(buf_str(&b), S("abcd")));
	buf_free(&b);
}

static void
test_buf_json_string_is_safe_in_a_page(void **state)
{
	struct fixture *f = *state;
	struct buf b = buf_in(f->arena, 1000);

	buf_add_json_string(&b, S("</script>\"\\\n&"));
	assert_true(str_eq(buf_str(&b), S("\"\\u003c/script\\u003e\\\"\\\\\\u000a\\u0026\"")));
}

/* Byte by byte, as it is defined; what needs no escape is copied in runs. */
static void
test_buf_json_string_escapes_every_byte_that_must_be(void **state)
{
	struct fixture *f = *state;

	for (int c = 0; c < 256; c++) {
		struct buf got = buf_in(f->arena, 100);
		const char text[] = { 'a', (char)c, (char)c, 'z' };
		const char *one;

		if (c == '"' || c == '\\')
			one = str_printf(f->arena, "\\%c", c).p;
		else if (c < 0x20 || c == 0x7f || c == '<' || c == '>' || c == '&')
			one = str_printf(f->arena, "\\u%04x", c).p;
		else
			one = str_printf(f->arena, "%c", c).p;
		buf_add_json_string(&got, (struct str){ text, sizeof(text) });
		assert_true(str_eq(buf_str(&got), str_printf(f->arena, "\"a%s%sz\"", one, one)));
	}
}

static void
test_json_that_is_too_large_is_no_half_of_it(void **state)
{
	struct fixture *f = *state;
	json_t *list = json_array();
	char text[1 << 10];

	memset(text, 'x', sizeof(text));
	for (int i = 0; i < 17 << 10; i++)
		json_array_append_new(list, json_str((struct str){ text, sizeof(text) }));
	assert_null(json_write(f->arena, list).p);
	assert_string_equal(json_write(f->arena, json_array()).p, "[]");
}

static void
test_buf_adds_whole_numbers(void **state)
{
	static const int64_t numbers[] = { 0, 7, 10, -1, 1767323045000, INT64_MAX, INT64_MIN };
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		struct buf b = buf_in(f->arena, 100);

		buf_add_int(&b, numbers[i]);
		assert_true(
		    str_eq(buf_str(&b), str_printf(f->arena, "%lld", (long long)numbers[i])));
		b.len = 0;
		buf_add_hex(&b, (uint64_t)numbers[i], 16);
		assert_true(str_eq(
		    buf_str(&b), str_printf(f->arena, "%016llx", (unsigned long long)numbers[i])));
	}
}

/* Against the C library, over leap days, centuries and the ends of days. */
static void
test_clock_writes_times_as_the_calendar_has_them(void **state)
{
	struct fixture *f = *state;

	for (int64_t day = 0; day < 2000000; day += 13) {
		for (int64_t s = 0; s < 86400; s += 86399) {
			time_t t = (time_t)(day * 86400 + s);
			char want[64];
			struct tm tm;

			gmtime_r(&t, &tm);
			strftime(want, sizeof(want), "%Y-%m-%dT%H:%M:%SZ", &tm);
			assert_true(str_eq(clock_rfc3339(f->arena, t * 1000 + 999), str_of(want)));
		}
		if (day % 1000 == 0)
			arena_reset(f->arena);
	}
	assert_true(str_eq(clock_rfc3339(f->arena, -1), S("1969-12-31T23:59:59Z")));
	assert_true(str_eq(clock_rfc3339(f->arena, 951782400000), S("2000-02-29T00:00:00Z")));
}

static void
test_str_concat_joins(void **state)
{
	struct fixture *f = *state;

	assert_true(str_eq(str_concat(f->arena, S("key:"), S("abc")), S("key:abc")));
	assert_true(str_eq(str_concat(f->arena, S(""), (struct str){ 0 }), S("")));
}

static void
count_up(void *arg)
{
	++*(int *)arg;
}

static void
test_arena_runs_what_was_deferred_once(void **state)
{
	struct arena *a = arena_new();
	int ran = 0;

	(void)state;
	arena_defer(a, count_up, &ran);
	arena_reset(a);
	assert_int_equal(ran, 1);
	arena_free(a);
	assert_int_equal(ran, 1);
}

static void
test_map_holds_many(void **state)
{
	struct fixture *f = *state;
	struct map *m = map_new();
	int values[500];

	for (int i = 0; i < 500; i++)
		assert_null(map_put(m, str_printf(f->arena, "key %d", i), &values[i]));
	assert_int_equal(map_count(m), 500);
	for (int i = 0; i < 500; i += 2)
		assert_ptr_equal(map_del(m, str_printf(f->arena, "key %d", i)), &values[i]);
	assert_int_equal(map_count(m), 250);
	assert_null(map_get(m, S("key 2")));
	assert_ptr_equal(map_get(m, S("key 3")), &values[3]);
	map_free(m, NULL);
}

static void
test_json_has_limits(void **state)
{
	struct fixture *f = *state;
	json_t *v;

	assert_int_equal(json_read(&f->cx, S("{\"a\":[1]}"), 2, &v), OK);
	assert_int_equal(json_read(&f->cx, S("{\"a\":[[1]]}"), 2, &v), E_INPUT);
	assert_int_equal(json_read(&f->cx, S("{\"a\":1,\"a\":2}"), 4, &v), E_INPUT);
	assert_int_equal(json_read(&f->cx, S("{\"a\":1} x"), 4, &v), E_INPUT);
	assert_int_equal(json_read(&f->cx, S(""), 4, &v), E_INPUT);
	assert_int_equal(json_read(&f->cx, S("[99999999999999999999]"), 4, &v), E_INPUT);
	assert_int_equal(json_read_lenient(&f->cx, S("[99999999999999999999]"), 4, &v), OK);
}

static void
test_throttle_closes_and_forgets(void **state)
{
	struct fixture *f = *state;
	struct throttle *t = throttle_new();

	for (int i = 0; i < 3; i++) {
		assert_int_equal(throttle_check(t, &f->cx, S("ann"), 3), OK);
		throttle_failed(t, S("ann"));
	}
	assert_int_equal(throttle_check(t, &f->cx, S("ann"), 3), E_BUSY);
	assert_string_equal(f->cx.code, "too-many-attempts");
	assert_true(f->cx.retry_after_s > 0);
	assert_int_equal(throttle_check(t, &f->cx, S("bob"), 3), OK);
	throttle_forget(t, S("ann"));
	assert_int_equal(throttle_check(t, &f->cx, S("ann"), 3), OK);
	throttle_free(t);
}

static void
test_a_flood_of_names_makes_the_throttle_forget_none(void **state)
{
	struct fixture *f = *state;
	struct throttle *t = throttle_new();
	int refused = 0;

	for (int i = 0; i < 3; i++)
		throttle_failed(t, S("ann"));
	for (int i = 0; i < 2000; i++) {
		struct str name = str_printf(f->arena, "made up %d", i);

		if (throttle_check(t, &f->cx, name, 3) == OK)
			throttle_failed(t, name);
		else
			refused++;
	}
	assert_int_equal(throttle_check(t, &f->cx, S("ann"), 3), E_BUSY);
	/* 511 had a slot beside ann's, and 48 failures were for all others together. */
	assert_int_equal(refused, 2000 - 511 - 48);
	assert_int_equal(throttle_check(t, &f->cx, S("somebody else"), 3), E_BUSY);
	throttle_forget(t, S("made up 7"));
	assert_int_equal(throttle_check(t, &f->cx, S("somebody else"), 3), OK);
	throttle_free(t);
}

static void
count_change(void *arg)
{
	++*(int *)arg;
}

static void
test_clock_forgets_a_listener_that_ended(void **state)
{
	struct fixture *f = *state;
	int first = 0, second = 0;

	clock_on_change(f->clock, count_change, &first);
	clock_on_change(f->clock, count_change, &second);
	clock_set_offset_ms(f->clock, 1000);
	clock_off_change(f->clock, count_change, &first);
	clock_set_offset_ms(f->clock, 2000);
	assert_int_equal(first, 1);
	assert_int_equal(second, 2);
}

static void
test_a_cut_sentence_stays_text(void **state)
{
	struct fixture *f = *state;
	char longer[600];

	for (size_t i = 0; i + 1 < sizeof(longer); i++)
		longer[i] = (char)(i % 2 == 0 ? 0xc3 : 0xa9);
	longer[sizeof(longer) - 1] = '\0';
	assert_int_equal(fail(&f->cx, E_INPUT, "%s", longer), E_INPUT);
	assert_true(str_utf8(str_of(f->cx.why)));
	fail(&f->cx, E_INPUT, "They said \"%s\".", "\xff\xfe");
	assert_string_equal(f->cx.why, "They said \"??\".");
	fail_todo(&f->cx, "Ask \xc3");
	assert_string_equal(f->cx.todo, "Ask ?");
}

static void
test_a_text_that_is_too_long_to_print_is_empty(void **state)
{
	struct fixture *f = *state;
	size_t len = 2 << 20;
	char *p = mem_alloc(len);

	memset(p, 'x', len);
	assert_int_equal(str_printf(f->arena, "%.*s", (int)len, p).len, 0);
	free(p);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

/* At every place of every length, and not behind the end. */
static void
test_a_scan_finds_the_first_of_a_kind(void **state)
{
	char text[50];

	(void)state;
	for (size_t len = 0; len < sizeof(text); len++) {
		memset(text, ' ', sizeof(text));
		text[len] = '\n';
		assert_int_equal(scan_find((struct str){ text, len }, scan_controls), len);
		for (size_t at = 0; at < len; at++) {
			memset(text, at % 2 == 0 ? 0x80 : '~', sizeof(text));
			memset(
			    text + at, at % 3 == 0 ? 0x7f : (int)(at % 0x20), 20 % (len - at) + 1);
			assert_int_equal(scan_find((struct str){ text, len }, scan_controls), at);
		}
	}
	for (int byte = 0; byte < 256; byte++) {
		char c = (char)byte;

		assert_int_equal(
		    scan_has((struct str){ &c, 1 }, scan_controls), byte < 32 || byte == 127);
	}
}

static void
test_case_is_ignored_in_letters_alone(void **state)
{
	(void)state;
	for (int x = 0; x < 256; x++) {
		for (int y = 0; y < 256; y++) {
			char a = (char)x, b = (char)y;
			int low = x | 0x20;
			bool same = x == y || (low == (y | 0x20) && low >= 'a' && low <= 'z');

			assert_int_equal(
			    str_eq_nocase((struct str){ &a, 1 }, (struct str){ &b, 1 }), same);
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_str_int_takes_plain_decimals_only),
		TEST(test_str_utf8_refuses_malformed),
		TEST(test_str_split_gives_every_part),
		TEST(test_percent_coding_round_trips_and_refuses),
		TEST(test_percent_coding_keeps_what_is_unreserved),
		TEST(test_printf_gives_all_of_it),
		TEST(test_form_counts_repeats),
		TEST(test_buf_stops_at_its_cap),
		TEST(test_buf_json_string_is_safe_in_a_page),
		TEST(test_buf_json_string_escapes_every_byte_that_must_be),
		TEST(test_json_that_is_too_large_is_no_half_of_it),
		TEST(test_buf_adds_whole_numbers),
		TEST(test_clock_writes_times_as_the_calendar_has_them),
		TEST(test_str_concat_joins),
		TEST(test_arena_runs_what_was_deferred_once),
		TEST(test_map_holds_many),
		TEST(test_json_has_limits),
		TEST(test_throttle_closes_and_forgets),
		TEST(test_a_flood_of_names_makes_the_throttle_forget_none),
		TEST(test_clock_forgets_a_listener_that_ended),
		TEST(test_a_cut_sentence_stays_text),
		TEST(test_a_text_that_is_too_long_to_print_is_empty),
		TEST(test_a_scan_finds_the_first_of_a_kind),
		TEST(test_case_is_ignored_in_letters_alone),
	};

	json_setup();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
