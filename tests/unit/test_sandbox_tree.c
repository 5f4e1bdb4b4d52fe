/* The sandbox's tree: which names are the same (S-213), paths and their parts, the content hash. */
#include "fixture.h"

#include "base/buf.h"
#include "sandbox/core/text.h"
#include "sandbox/tree/contents.h"
#include "sandbox/tree/measure.h"
#include "sandbox/tree/names.h"

static void
assert_same(struct fixture *f, const char *a, const char *b)
{
	assert_str_equal(path_key(f->arena, str_of(a)), path_key(f->arena, str_of(b)));
}

static void
assert_different(struct fixture *f, const char *a, const char *b)
{
	assert_false(str_eq(path_key(f->arena, str_of(a)), path_key(f->arena, str_of(b))));
}

static void
test_names_that_are_the_same(void **state)
{
	struct fixture *f = *state;

	assert_str_equal(path_key(f->arena, S("/A/b C.TXT")), S("/a/b c.txt"));
	assert_same(f, "caf\xc3\xa9", "cafe\xcc\x81"); /* é in one point and in two */
	assert_same(f, "STRASSE",
	    "stra\xc3\x9f"
	    "e");                                /* ß folds to ss */
	assert_same(f, "\xe2\x84\xaa", "k");     /* the Kelvin sign */
	assert_same(f, "\xc3\x84", "A\xcc\x88"); /* Ä */
	assert_same(f, "\xce\xa3\xcf\x83\xcf\x82", "\xcf\x83\xcf\x83\xcf\x83"); /* Σσς */
	assert_same(f, "\xef\xbc\xa1", "\xef\xbd\x81"); /* full-width A and a */
}

static void
test_names_that_are_different(void **state)
{
	struct fixture *f = *state;

	assert_different(f, "\xc4\xb0", "i");     /* İ is i with a dot above */
	assert_different(f, "\xc4\xb1", "i");     /* ı */
	assert_different(f, "\xef\xbc\xa1", "a"); /* full-width A is not A */
	assert_different(f, "a.", "a");
	assert_different(f, "\xf0\x9f\x91\xa9", "\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x92\xbb");
}

static size_t
encode(uint32_t c, char out[4])
{
	if (c < 0x80) {
		out[0] = (char)c;
		return 1;
	}
	if (c < 0x800) {
		out[0] = (char)(0xc0 | c >> 6);
		out[1] = (char)(0x80 | (c & 0x3f));
		return 2;
	}
	if (c < 0x10000) {
		out[0] = (char)(0xe0 | c >> 12);
		out[1] = (char)(0x80 | (c >> 6 & 0x3f));
		out[2] = (char)(0x80 | (c & 0x3f));
		return 3;
	}
	out[0] = (char)(0xf0 | c >> 18);
	out[1] = (char)(0x80 | (c >> 12 & 0x3f));
	out[2] = (char)(0x80 | (c >> 6 & 0x3f));
	out[3] = (char)(0x80 | (c & 0x3f));
	return 4;
}

/* Marks of several classes after it, so that their order matters as well. */
static const char *const tails[] = { "", "x", "\xcd\x85", "\xcd\x85\xcc\x81", "\xcc\x81\xcd\x85",
	"\xcc\xa3\xcc\x87", "\xcc\x87\xcc\xa3" };

static void
test_the_key_of_a_key_is_itself(void **state)
{
	struct fixture *f = *state;

	for (uint32_t c = 1; c < 0x20000; c++) {
		if (c >= 0xd800 && c < 0xe000)
			continue;
		for (size_t t = 0; t < sizeof(tails) / sizeof(tails[0]); t++) {
			char text[4];
			struct str name, key;

			if (t > 0 && c >= 0x2000)
				break;
			name = (struct str){ text, encode(c, text) };
			name = str_printf(f->arena, "%.*s%s", STR_ARG(name), tails[t]);
			key = path_key(f->arena, name);
			assert_str_equal(path_key(f->arena, key), key);
			assert_true(str_utf8(key));
			assert_int_equal(path_depth(key), path_depth(name));
		}
		if (c % 0x1000 == 0)
			arena_reset(f->arena);
	}
}

static void
test_paths(void **state)
{
	struct fixture *f = *state;

	assert_str_equal(path_name(S("/a/b.txt")), S("b.txt"));
	assert_str_equal(path_parent(S("/a/b.txt")), S("/a"));
	assert_str_equal(path_parent(S("/a")), S(""));
	assert_int_equal(path_depth(S("")), 0);
	assert_int_equal(path_depth(S("/a/b")), 2);
	assert_str_equal(path_without(S("/Apps/My app/x/y"), 2), S("/x/y"));
	assert_str_equal(path_without(S("/Apps/My app"), 2), S(""));
	assert_str_equal(path_without(S("/x"), 0), S("/x"));
	assert_str_equal(path_numbered(f->arena, S("/a.b/c.tar.gz"), 3), S("/a.b/c.tar (3).gz"));
	assert_str_equal(path_numbered(f->arena, S("/a.b/c"), 1), S("/a.b/c (1)"));
	assert_str_equal(path_numbered(f->arena, S("/.hidden"), 1), S("/.hidden (1)"));
	assert_str_equal(path_numbered(f->arena, S("/c.txt"), 0), S("/c (conflicted copy).txt"));
}

/* "/d/éé….txt" of so many characters, and the dot and three more. */
static struct str
long_path(struct arena *a, int count)
{
	struct buf b = buf_in(a, 4096);

	buf_add(&b, S("/d/"));
	while (count-- > 0)
		buf_add(&b, S("\xc3\xa9"));
	buf_add(&b, S(".txt"));
	return buf_str(&b);
}

static void
test_a_numbered_name_is_not_too_long_to_be_asked_for(void **state)
{
	struct fixture *f = *state;
	struct str path = path_numbered(f->arena, long_path(f->arena, 251), 12);

	assert_int_equal(text_length(path_name(path)), PATH_NAME_MAX);
	assert_true(str_ends(path, S("\xc3\xa9 (12).txt")));
	assert_true(str_utf8(path));
	path = path_numbered(f->arena, long_path(f->arena, 246), 12);
	assert_int_equal(text_length(path_name(path)), PATH_NAME_MAX);
	assert_int_equal(path.len, long_path(f->arena, 246).len + 5);
	assert_true(path_within(S("/a/b"), S("/a")));
	assert_true(path_within(S("/a"), S("/a")));
	assert_true(path_within(S("/a"), S("")));
	assert_false(path_within(S("/ab"), S("/a")));
	assert_false(path_within(S("/a"), S("/a/b")));
}

/* In pieces of any length the hash is the same, over the border of a block too. */
static void
test_content_hash_in_pieces(void **state)
{
	struct fixture *f = *state;
	size_t len = CONTENT_BLOCK + 100;
	char *bytes = arena_alloc(f->arena, len);
	struct str whole = content_hash(f->arena, (struct str){ bytes, len });
	struct measure m;

	for (size_t piece = 777; piece < len; piece *= 37) {
		measure_begin(&m);
		for (size_t at = 0; at < len; at += piece)
			measure_add(&m, bytes + at, at + piece < len ? piece : len - at);
		assert_int_equal(m.size, len);
		assert_str_equal(measure_end(&m, f->arena), whole);
	}
	/* SHA-256 of the SHA-256 of each block, and of nothing for an empty file */
	assert_str_equal(content_hash(f->arena, S("")),
	    S("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"));
	assert_str_equal(content_hash(f->arena, S("hello")),
	    S("9595c9df90075148eb06860365df33584b75bff782a510c6cd4883a419833d50"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_names_that_are_the_same),
		TEST(test_names_that_are_different),
		TEST(test_the_key_of_a_key_is_itself),
		TEST(test_paths),
		TEST(test_a_numbered_name_is_not_too_long_to_be_asked_for),
		TEST(test_content_hash_in_pieces),
	};

	crypto_setup();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
