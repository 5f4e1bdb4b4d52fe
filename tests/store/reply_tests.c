/* A raw reply between its seal and what it said being written: whatever ends there, it is found. */
#include "suite.h"

#include "cluster.h"
#include "fault.h"
#include "store/copy.h"
#include "store/store_int.h"

#define MANY 130 /* more than two words of the map of slots */

static struct secret
body_of(struct fixture *f, const char *id)
{
	return secret_of(str_printf(f->arena, "{\"access_token\":\"new one of %s\"}", id));
}

static struct refresh_claim
answered_claim(struct fixture *f, struct store *s, const char *id)
{
	struct refresh_claim c;

	assert_ok(store_refresh_claim(s, &f->cx, str_of(id), NOW, LEASE, &c));
	assert_ok(store_refresh_sent(s, &f->cx, &c, NOW + 1, false));
	assert_ok(store_refresh_answered(s, &f->cx, &c, NOW + 2, 201, 77, body_of(f, id)));
	return c;
}

static struct refresh_claim
answered(struct fixture *f, const char *id)
{
	create(f, id, id);
	return answered_claim(f, store(f), id);
}

/* The process is gone, and the next one begins. */
static void
start_again(struct fixture *f)
{
	int64_t n;

	store_close(store(f));
	open_store(f);
	assert_ok(store_refresh_recover(store(f), &f->cx, NOW + 9, &n));
}

static int64_t
replies(struct fixture *f)
{
	return run_sql(f, "UPDATE reply SET slot = slot");
}

static void
assert_found(struct fixture *f, const char *id)
{
	struct refresh_claim c = claim(f, id, NOW + LEASE + 10);

	assert_int_equal(c.token.attempt.stage, STAGE_KEPT);
	assert_int_equal(c.token.attempt.sent_ms, NOW + 1);
	assert_int_equal(c.token.attempt.status, 201);
	assert_int_equal(c.token.attempt.date_s, 77);
	assert_true(crypto_equal(c.reply, body_of(f, id)));
}

static void
assert_no_reply(struct fixture *f, const char *id, int64_t stage)
{
	struct refresh_claim c = claim(f, id, NOW + LEASE + 10);

	assert_int_equal(c.token.attempt.stage, stage);
	assert_true(secret_empty(c.reply));
}

static void
test_a_reply_that_was_sealed_is_found_at_the_next_start(void **state)
{
	struct fixture *f = *state;

	answered(f, "t1");
	create(f, "t2", "t2");
	if (backend == ON_SQLITE)
		assert_int_equal(replies(f), 1);
	start_again(f);
	assert_int_equal(replies(f), 0);
	assert_found(f, "t1");
	assert_no_reply(f, "t2", STAGE_SETTLED);
}

/* Which ended before: its answer was lost, or the start failed. */
static void
test_a_start_that_fails_loses_no_reply(void **state)
{
	struct fixture *f = *state;
	bool fired = true;
	int64_t n;

	for (int at = 1; fired; at++) {
		const char *id = str_printf(f->arena, "t%d", at).p;

		answered(f, id);
		open_faulty(f);
		fault_arm(FAULT_BEFORE, at);
		if (store_refresh_recover(store(f), &f->cx, NOW + 9, &n) != OK)
			ctx_clear(&f->cx);
		fired = fault_disarm();
		start_again(f);
		assert_found(f, id);
	}
}

static const char *
name(struct fixture *f, const char *kind, int i)
{
	return str_printf(f->arena, "%s%d", kind, i).p;
}

/* Any number at once: each keeps its slot until what it said is written, whoever else comes and goes. */
static void
test_a_slot_is_not_written_over_while_its_reply_is_needed(void **state)
{
	struct fixture *f = *state;
	struct refresh_claim claims[MANY];

	for (int i = 0; i < MANY; i++)
		claims[i] = answered(f, name(f, "old", i));
	for (int i = 0; i < MANY; i += 2)
		assert_ok(store_refresh_commit(store(f), &f->cx, &claims[i], &fresh));
	for (int i = 0; i < MANY; i++)
		answered(f, name(f, "new", i));
	start_again(f);
	for (int i = 0; i < MANY; i++) {
		assert_found(f, name(f, "new", i));
		if (i % 2 == 1)
			assert_found(f, name(f, "old", i));
		else
			assert_no_reply(f, name(f, "old", i), STAGE_SETTLED);
	}
}

/* A storm of any length keeps to the slots that it needs at once. */
static void
test_slots_are_used_again(void **state)
{
	struct fixture *f = *state;
	struct refresh_failure failure = { .reason = S("no"), .now_ms = NOW };
	struct refresh_claim first, second;

	if (backend == ON_POSTGRES)
		return; /* there it is in its row, where any node finds it */
	for (int i = 0; i < 4; i++) {
		first = answered(f, name(f, "first", i));
		second = answered(f, name(f, "second", i));
		assert_int_not_equal(first.slot, second.slot);
		assert_in_range(first.slot, 1, 2);
		assert_in_range(second.slot, 1, 2);
		assert_int_equal(replies(f), 2);
		assert_ok(store_refresh_failed(store(f), &f->cx, &first, &failure));
		assert_ok(store_refresh_commit(store(f), &f->cx, &second, &fresh));
	}
	assert_int_equal(replies(f), 0);
}

static void
test_replies_are_deleted_when_none_is_needed(void **state)
{
	struct fixture *f = *state;
	struct refresh_claim first, second;

	if (backend == ON_POSTGRES)
		return;
	first = answered(f, "t1");
	second = answered(f, "t2");
	assert_ok(store_refresh_commit(store(f), &f->cx, &first, &fresh));
	assert_int_equal(replies(f), 2);
	assert_ok(store_refresh_commit(store(f), &f->cx, &second, &fresh));
	assert_int_equal(replies(f), 0);
	first = answered(f, "failing");
	assert_int_equal(replies(f), 1);
	assert_ok(store_refresh_failed(store(f), &f->cx, &first,
	    &(struct refresh_failure){ .reason = S("no"), .now_ms = NOW + 3 }));
	assert_int_equal(replies(f), 0);
	answered(f, "t3");
	start_again(f);
	assert_found(f, "t3");
}

/* What was written of it stands, whatever still lies in its slot. */
static void
test_a_reply_that_was_read_is_not_read_again_at_a_start(void **state)
{
	static const int64_t stages[] = { STAGE_SETTLED, STAGE_LOST };
	struct fixture *f = *state;
	struct refresh_claim failed[2], committed = answered(f, "committed");
	struct refresh_claim again = answered(f, "sent again");

	for (int i = 0; i < 2; i++)
		failed[i] = answered(f, name(f, "t", i));
	answered(f, "needed still"); /* so none is deleted */
	for (int i = 0; i < 2; i++) {
		struct refresh_failure failure = {
			.reason = S("no"), .now_ms = NOW + 3, .attempt = { .stage = stages[i] }
		};

		assert_ok(store_refresh_failed(store(f), &f->cx, &failed[i], &failure));
	}
	assert_ok(store_refresh_commit(store(f), &f->cx, &committed, &fresh));
	assert_ok(store_refresh_commit(store(f), &f->cx, &again, &fresh));
	again = claim(f, "sent again", NOW);
	assert_ok(store_refresh_sent(store(f), &f->cx, &again, NOW, false));
	if (backend == ON_SQLITE)
		assert_int_equal(replies(f), 5);
	start_again(f);
	for (int i = 0; i < 2; i++)
		assert_no_reply(f, name(f, "t", i), stages[i]);
	assert_no_reply(f, "committed", STAGE_SETTLED);
	assert_no_reply(f, "sent again", STAGE_SENT);
	assert_found(f, "needed still");
}

/* One that cannot be read, and one that tells nothing: kept beside what went wrong, in the row. */
static void
test_a_reply_that_a_failure_keeps_is_in_its_row(void **state)
{
	struct refresh_failure unread = { .reason = S("not understood"),
		.now_ms = NOW + 3,
		.attempt = { .stage = STAGE_KEPT, .sent_ms = NOW + 1 } };
	struct refresh_failure half = { .reason = S("half"),
		.now_ms = NOW + 3,
		.keep_reply = true,
		.attempt = { .stage = STAGE_LOST, .sent_ms = NOW + 1 } };
	struct fixture *f = *state;
	struct refresh_claim c;

	c = answered(f, "unread");
	assert_ok(store_refresh_failed(store(f), &f->cx, &c, &unread));
	c = answered(f, "half");
	assert_ok(store_refresh_failed(store(f), &f->cx, &c, &half));
	assert_int_equal(replies(f), 0);
	start_again(f);
	assert_no_reply(f, "half", STAGE_LOST); /* until a person says so */
	assert_ok(store_refresh_reread(store(f), &f->cx, S("half"), NOW + 9));
	assert_ok(store_refresh_recover(store(f), &f->cx, NOW + 9, &(int64_t){ 0 }));
	assert_found(f, "half");
	assert_found(f, "unread");
}

/* A consent that leaves the refresh token where it is, while its refresh is under way. */
static void
reconnect(struct fixture *f, const char *id)
{
	struct token_reconnect r = { .app_key = S("appkey"),
		.app_secret = secret_of(S("secret")),
		.account_id = S("dbid:1"),
		.grant = { .access = secret_of(S("a")), .now_ms = NOW } };

	assert_ok(store_token_reconnect(store(f), &f->cx, str_of(id), &r));
}

static void
test_a_reply_of_one_who_was_overtaken_goes_to_its_row(void **state)
{
	struct refresh_failure failure = { .reason = S("no"), .now_ms = NOW + 3 };
	struct fixture *f = *state;
	struct refresh_claim pair, failed, cut_off;

	pair = answered(f, "pair");
	failed = answered(f, "failed");
	cut_off = answered(f, "cut off");
	reconnect(f, "pair");
	reconnect(f, "failed");
	reconnect(f, "cut off");
	assert_rc(store_refresh_commit(store(f), &f->cx, &pair, &fresh), E_CONFLICT);
	assert_rc(store_refresh_failed(store(f), &f->cx, &failed, &failure), E_CONFLICT);
	if (backend == ON_SQLITE)
		assert_true(pair.slot == 0 && failed.slot == 0 && cut_off.slot > 0);
	assert_found(f, "pair");
	assert_found(f, "failed");
	start_again(f);
	assert_found(f, "cut off");
}

/* Whatever its row says of when it is due: a deleted one never is. */
static void
test_a_reply_is_due_as_one_that_was_sealed_in_its_row(void **state)
{
	struct fixture *f = *state;
	struct refresh_claim c;
	struct token t;

	c = answered(f, "deleted");
	assert_ok(store_token_delete(store(f), &f->cx, S("deleted"), NOW));
	assert_rc(store_refresh_commit(store(f), &f->cx, &c, &fresh), E_NOTFOUND);
	assert_int_equal(run_sql(f, "UPDATE token SET due_ms = 0 WHERE attempt_stage = 2"), 1);
	answered(f, "deleted and cut off");
	assert_ok(store_token_delete(store(f), &f->cx, S("deleted and cut off"), NOW));
	c = answered(f, "purged");
	assert_ok(store_token_delete(store(f), &f->cx, S("purged"), NOW - 9));
	assert_ok(store_token_purge(store(f), &f->cx, NOW - 5));
	assert_rc(store_refresh_commit(store(f), &f->cx, &c, &fresh), E_NOTFOUND);
	assert_int_equal(c.slot, 0);
	start_again(f);
	assert_int_equal(run_sql(f,
			     "UPDATE token SET due_ms = 0 WHERE deleted_ms > 0 AND due_ms = 0"
			     " AND attempt_stage = 2"),
	    2);
	assert_ok(store_token_restore(store(f), &f->cx, S("deleted"), S(""), &t));
	assert_ok(store_token_restore(store(f), &f->cx, S("deleted and cut off"), S(""), &t));
	assert_found(f, "deleted");
	assert_found(f, "deleted and cut off");
}

/* The seal itself could not be written, and then could. */
static void
test_a_seal_that_failed_is_tried_again(void **state)
{
	struct fixture *f = *state;
	struct refresh_claim c;
	bool fired = true;

	open_faulty(f);
	for (int at = 1; fired; at++) {
		const char *id = name(f, "t", at);
		enum rc rc;

		create(f, id, id);
		c = claim(f, id, NOW);
		assert_ok(store_refresh_sent(store(f), &f->cx, &c, NOW + 1, false));
		fault_arm(at % 2 == 0 ? FAULT_AFTER : FAULT_BEFORE, (at + 1) / 2);
		rc = store_refresh_answered(store(f), &f->cx, &c, NOW + 2, 201, 77, body_of(f, id));
		fired = fault_disarm();
		assert_int_equal(rc == OK, !fired);
		ctx_clear(&f->cx);
		assert_ok(
		    store_refresh_answered(store(f), &f->cx, &c, NOW + 2, 201, 77, body_of(f, id)));
		start_again(f);
		assert_found(f, id);
		open_faulty(f);
	}
}

/* --- copies --- */

static struct store_copy
copy_of(struct fixture *f, const char *to)
{
	return (struct store_copy){ .from = opened(f)->where, .to = to };
}

/* Another place is what is open from now on, as after a move. */
static void
move_to(struct fixture *f, const char *where)
{
	store_close(opened(f)->store);
	opened(f)->store = NULL;
	opened(f)->where = where;
	open_store(f);
}

/* Of a process that was ended with a reply in its slot, by then. */
static void
test_a_copy_and_a_backup_have_the_reply(void **state)
{
	struct fixture *f = *state;
	const char *file = fixture_path(f, "backup");
	struct store_copy out = copy_of(f, file), in = { .from = file };
	struct store_verdict v;

	answered(f, "t1");
	assert_ok(store_backup(&f->cx, &out));
	assert_ok(store_backup_verify(&f->cx, file, opened(f)->keyring, &v));
	assert_int_equal(v.broken_count, 0);
	in.to = new_where(f, "restored.db");
	assert_ok(store_copy(&f->cx, &in));
	move_to(f, in.to);
	start_again(f);
	assert_found(f, "t1");
}

static void
test_verify_opens_a_reply_in_its_slot(void **state)
{
	struct fixture *f = *state;
	const char *file = fixture_path(f, "backup");
	struct store_copy out = copy_of(f, file);
	struct store_verdict v;

	if (backend == ON_POSTGRES)
		return;
	answered(f, "t1");
	by_hand(f, "UPDATE reply SET sealed = (SELECT access FROM token)");
	assert_ok(store_backup(&f->cx, &out));
	assert_ok(store_backup_verify(&f->cx, file, opened(f)->keyring, &v));
	assert_int_equal(v.broken_count, 1);
	assert_true(str_starts(v.broken[0], S("Kept reply for access token \"t1\": ")));
}

/* Nobody looks for it beside its token there. */
static void
test_a_copy_from_a_file_to_a_server_has_the_reply_in_its_row(void **state)
{
	struct fixture *f = *state;
	struct token t = a_token("t1", "t1");
	struct store_copy copy = { .from = fixture_path(f, "source.db"), .moving = true };
	struct store *source;

	if (backend == ON_SQLITE)
		return;
	assert_ok(store_open(&f->cx, copy.from, opened(f)->keyring, &source));
	assert_ok(store_token_create(source, &f->cx, &t, &plain, S("")));
	assert_true(answered_claim(f, source, "t1").slot > 0);
	store_close(source);
	copy.to = new_where(f, "target");
	assert_ok(store_copy(&f->cx, &copy));
	move_to(f, copy.to);
	assert_int_equal(replies(f), 0);
	assert_found(f, "t1");
}

/* That it was committed was not answered, and the table is empty since. */
static void
test_an_empty_reply_that_is_kept_may_be_kept_again(void **state)
{
	struct refresh_failure empty = { .reason = S("nothing in it"),
		.now_ms = NOW + 3,
		.keep_reply = true,
		.attempt = { .stage = STAGE_LOST, .sent_ms = NOW + 1 } };
	struct fixture *f = *state;
	struct refresh_claim c;

	create(f, "t1", "t1");
	open_faulty(f);
	c = claim(f, "t1", NOW);
	assert_ok(store_refresh_sent(store(f), &f->cx, &c, NOW + 1, false));
	assert_ok(store_refresh_answered(store(f), &f->cx, &c, NOW + 2, 200, 0, secret_of(S(""))));
	fault_arm_commit(FAULT_AFTER);
	assert_rc(store_refresh_failed(store(f), &f->cx, &c, &empty), E_STORE);
	assert_true(fault_disarm());
	ctx_clear(&f->cx);
	assert_ok(store_refresh_failed(store(f), &f->cx, &c, &empty));
	assert_no_reply(f, "t1", STAGE_LOST);
}

const struct CMUnitTest reply_tests[] = {
	STORE_TEST(test_a_reply_that_was_sealed_is_found_at_the_next_start),
	STORE_TEST(test_a_start_that_fails_loses_no_reply),
	STORE_TEST(test_a_slot_is_not_written_over_while_its_reply_is_needed),
	STORE_TEST(test_slots_are_used_again),
	STORE_TEST(test_replies_are_deleted_when_none_is_needed),
	STORE_TEST(test_a_reply_that_was_read_is_not_read_again_at_a_start),
	STORE_TEST(test_a_reply_that_a_failure_keeps_is_in_its_row),
	STORE_TEST(test_an_empty_reply_that_is_kept_may_be_kept_again),
	STORE_TEST(test_a_reply_of_one_who_was_overtaken_goes_to_its_row),
	STORE_TEST(test_a_reply_is_due_as_one_that_was_sealed_in_its_row),
	STORE_TEST(test_a_seal_that_failed_is_tried_again),
	STORE_TEST(test_a_copy_and_a_backup_have_the_reply),
	STORE_TEST(test_verify_opens_a_reply_in_its_slot),
	STORE_TEST(test_a_copy_from_a_file_to_a_server_has_the_reply_in_its_row),
};
const size_t reply_test_count = sizeof(reply_tests) / sizeof(reply_tests[0]);
