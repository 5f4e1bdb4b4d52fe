/* Power may fail at any moment: what the log held by then is what is there afterwards. Of a storm of refreshes whose
 * slots are used again and again, each prefix of the log that ends with a commit is taken for all that is left. */
#include "suite.h"

#include <endian.h>
#include <stdio.h>

#include "store/round.h"

#define TOKENS 36
#define BATCH 6
#define BATCHES (TOKENS / BATCH)
#define WAL_HEADER 32
#define FRAME_HEADER 24

struct bytes {
	char *p;
	size_t len;
};

static struct bytes
read_bytes(struct fixture *f, const char *path)
{
	FILE *file = fopen(path, "rb");
	struct bytes b = { 0 };

	assert_non_null(file);
	assert_int_equal(fseek(file, 0, SEEK_END), 0);
	b.len = (size_t)ftell(file);
	b.p = arena_alloc(f->arena, b.len + 1);
	rewind(file);
	assert_int_equal(fread(b.p, 1, b.len, file), b.len);
	fclose(file);
	return b;
}

static void
write_bytes(const char *path, const char *p, size_t len)
{
	FILE *file = fopen(path, "wb");

	assert_non_null(file);
	assert_int_equal(fwrite(p, 1, len, file), len);
	assert_int_equal(fclose(file), 0);
}

static uint32_t
number_at(const struct bytes *b, size_t at)
{
	uint32_t n;

	memcpy(&n, b->p + at, sizeof(n));
	return be32toh(n);
}

/* --- the storm --- */

struct attempt {
	struct refresh_claim claim;
	struct ctx cx;
	struct token_grant grant;
};

static const char *
id_of(struct fixture *f, int i)
{
	return str_printf(f->arena, "token%02d", i).p;
}

/* Of different lengths, so that a slot's row grows and shrinks. */
static struct secret
reply_of(struct fixture *f, int i)
{
	return secret_of(str_printf(f->arena, "the reply of %d%0*d", i, 1 + i * 37 % 900, 0));
}

static struct secret
refresh_of(struct fixture *f, int i)
{
	return secret_of(str_printf(f->arena, "the new refresh token of %d", i));
}

static bool
always(void *arg, bool *risky)
{
	(void)arg;
	*risky = false;
	return true;
}

static void
add_batch(struct fixture *f, struct attempt *all, int batch, struct round *r)
{
	for (int i = 0; i < BATCH; i++) {
		int n = (batch + 1) * BATCH + i;

		if (n < TOKENS)
			r->wishes[r->wish_count++] = (struct round_wish){ .id = str_of(id_of(f, n)),
				.cx = &all[n].cx,
				.begin = always,
				.claim = &all[n].claim };
		n -= BATCH;
		if (n >= 0 && n < TOKENS)
			r->replies[r->reply_count++] = (struct round_reply){ .claim = &all[n].claim,
				.cx = &all[n].cx,
				.status = 200,
				.body = reply_of(f, n) };
		/* Some are held up for a round more. */
		n -= i % 3 == 0 ? 2 * BATCH : BATCH;
		if (n < 0 || n >= TOKENS)
			continue;
		all[n].grant = fresh;
		all[n].grant.refresh = refresh_of(f, n);
		r->pairs[r->pair_count++] = (struct round_pair){
			.claim = &all[n].claim, .cx = &all[n].cx, .grant = &all[n].grant
		};
	}
}

/* In each round one batch is claimed, the one before sealed, and the one before that committed. */
static void
storm(struct fixture *f)
{
	static struct attempt all[TOKENS];

	for (int i = 0; i < TOKENS; i++) {
		ctx_init(&all[i].cx, f->arena, f->clock);
		all[i].cx.may_block = true;
	}
	for (int batch = -1; batch <= BATCHES + 1; batch++) {
		struct round_wish wishes[BATCH];
		struct round_reply replies[BATCH];
		struct round_pair pairs[BATCH];
		struct round r = { .wishes = wishes,
			.replies = replies,
			.pairs = pairs,
			.now_ms = NOW,
			.wall_ms = NOW,
			.lease_ms = LEASE };

		add_batch(f, all, batch, &r);
		store_round(store(f), &f->cx, &r);
		assert_int_equal(f->cx.rc, OK);
		for (size_t i = 0; i < r.wish_count; i++)
			assert_int_equal(wishes[i].rc, OK);
		for (size_t i = 0; i < r.reply_count; i++)
			assert_int_equal(replies[i].rc, OK);
		for (size_t i = 0; i < r.pair_count; i++)
			assert_int_equal(pairs[i].rc, OK);
		assert_in_range(run_sql(f, "UPDATE reply SET slot = slot"), 0, 3 * BATCH);
	}
	assert_int_equal(run_sql(f, "UPDATE reply SET slot = slot"), 0);
}

/* --- what is left of it --- */

enum state { MADE, RECORDED, SEALED, COMMITTED };

static enum state
state_of(struct fixture *f, struct store *s, int i)
{
	struct str id = str_of(id_of(f, i));
	struct token_secrets secrets;
	struct refresh_claim c;

	assert_ok(store_token_secrets(s, &f->cx, id, &secrets));
	if (crypto_equal(secrets.refresh, refresh_of(f, i)))
		return COMMITTED;
	assert_true(crypto_equal(secrets.refresh, plain.refresh));
	assert_ok(store_refresh_claim(s, &f->cx, id, NOW + LEASE + 1, LEASE, &c));
	if (c.token.attempt.stage == STAGE_KEPT) {
		assert_true(crypto_equal(c.reply, reply_of(f, i)));
		return SEALED;
	}
	return c.token.attempt.stage == STAGE_SENT ? RECORDED : MADE;
}

/* No token is further back than with less of the log; *counts says how many are in which state. */
static void
check_prefix(struct fixture *f, const char *where, enum state *states, int *counts)
{
	struct store *s;
	int64_t n;

	assert_ok(store_open(&f->cx, where, opened(f)->keyring, &s));
	assert_ok(store_refresh_recover(s, &f->cx, NOW, &n));
	for (int i = 0; i < TOKENS; i++) {
		enum state now = state_of(f, s, i);

		if (now < states[i])
			print_error("token %d was %d and is %d\n", i, states[i], now);
		assert_true(now >= states[i]);
		states[i] = now;
		counts[now]++;
	}
	store_close(s);
}

static void
test_no_prefix_of_the_log_has_lost_a_reply(void **state)
{
	struct fixture *f = *state;
	const char *where = opened(f)->where;
	enum state states[TOKENS] = { MADE };
	int counts[COMMITTED + 1] = { 0 };
	struct bytes file, log;
	const char *log_path = str_printf(f->arena, "%s-wal", where).p;
	size_t frame, end;

	for (int i = 0; i < TOKENS; i++)
		create(f, id_of(f, i), id_of(f, i));
	end = read_bytes(f, log_path).len;
	storm(f);
	file = read_bytes(f, where);
	log = read_bytes(f, log_path);
	frame = FRAME_HEADER + number_at(&log, 8);
	for (; end <= log.len; end += frame) {
		const char *there = fixture_path(f, str_printf(f->arena, "at-%zu.db", end).p);

		if (number_at(&log, end - frame + 4) == 0)
			continue; /* not the end of a transaction */
		write_bytes(there, file.p, file.len);
		write_bytes(str_printf(f->arena, "%s-wal", there).p, log.p, end);
		check_prefix(f, there, states, counts);
	}
	for (int i = 0; i < TOKENS; i++)
		assert_int_equal(states[i], COMMITTED);
	for (int i = MADE; i <= COMMITTED; i++)
		assert_true(counts[i] >= BATCH);
}

const struct CMUnitTest log_tests[] = {
	STORE_TEST(test_no_prefix_of_the_log_has_lost_a_reply),
};
const size_t log_test_count = sizeof(log_tests) / sizeof(log_tests[0]);
