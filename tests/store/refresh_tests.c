/* The one refresh that a token may have: claim, fence, commit, failure. */
#include "suite.h"

static void
test_refresh_is_claimed_by_one(void **state)
{
	struct fixture *f = *state;
	struct refresh_claim c, other;

	create(f, "t1", "One");
	c = claim(f, "t1", NOW);
	assert_true(crypto_equal(c.secrets.refresh, plain.refresh));
	assert_rc(store_refresh_claim(store(f), &f->cx, S("t1"), NOW + LEASE - 1, LEASE, &other),
	    E_CONFLICT);
	assert_ok(store_refresh_commit(store(f), &f->cx, &c, &fresh));
	other = claim(f, "t1", NOW + 1); /* given back before its end */
	assert_int_equal(other.fence, c.fence + 1);
}

static void
test_refresh_commits_the_pair(void **state)
{
	struct fixture *f = *state;
	struct refresh_claim c;
	struct token_secrets s;
	struct token t;

	create(f, "t1", "One");
	c = claim(f, "t1", NOW);
	assert_ok(store_refresh_commit(store(f), &f->cx, &c, &fresh));
	assert_ok(store_token_open(store(f), &f->cx, S("One"), &t, &s));
	assert_true(crypto_equal(s.access, fresh.access));
	assert_true(crypto_equal(s.refresh, fresh.refresh));
	assert_true(crypto_equal(s.app_secret, plain.app_secret));
	assert_int_equal(t.expires_ms, fresh.expires_ms);
	assert_int_equal(t.refreshed_ms, fresh.now_ms);
	assert_int_equal(t.due_ms, fresh.due_ms);
	assert_int_equal(t.failed_ms, 0);
	assert_true(t.has_app_secret);
	assert_str_equal(t.scope_granted, S("account_info.read files.content.read"));
}

static void
test_refresh_without_a_new_refresh_token_keeps_the_old(void **state)
{
	struct fixture *f = *state;
	struct token_grant grant = fresh;
	struct refresh_claim c;
	struct token_secrets s;

	create(f, "t1", "One");
	c = claim(f, "t1", NOW);
	grant.refresh = secret_of(S(""));
	assert_ok(store_refresh_commit(store(f), &f->cx, &c, &grant));
	assert_ok(store_token_secrets(store(f), &f->cx, S("t1"), &s));
	assert_true(crypto_equal(s.access, fresh.access));
	assert_true(crypto_equal(s.refresh, plain.refresh));
}

/* A refresher that slept through its lease writes nothing, neither success nor failure. */
static void
test_refresh_fence_stops_the_late_one(void **state)
{
	struct fixture *f = *state;
	struct refresh_failure failure = {
		.status = TOKEN_NEEDS_REAUTHORIZATION, .reason = S("late"), .now_ms = NOW
	};
	struct token_grant stale = fresh;
	struct refresh_claim late, next;
	struct token_secrets s;
	struct token t;

	create(f, "t1", "One");
	late = claim(f, "t1", NOW);
	next = claim(f, "t1", NOW + LEASE + 1);
	stale.access = secret_of(S("stale"));
	assert_rc(store_refresh_commit(store(f), &f->cx, &late, &stale), E_CONFLICT);
	assert_rc(store_refresh_failed(store(f), &f->cx, &late, &failure), E_CONFLICT);
	assert_ok(store_refresh_commit(store(f), &f->cx, &next, &fresh));
	assert_rc(store_refresh_commit(store(f), &f->cx, &late, &stale), E_CONFLICT);
	assert_ok(store_token_open(store(f), &f->cx, S("One"), &t, &s));
	assert_true(crypto_equal(s.access, fresh.access));
	assert_int_equal(t.status, TOKEN_ACTIVE);
}

static void
test_refresh_failure_changes_the_state_and_no_secret(void **state)
{
	struct fixture *f = *state;
	struct refresh_failure failure = { .status = TOKEN_ACTIVE,
		.reason = S("no answer"),
		.now_ms = NOW + 1,
		.due_ms = NOW + 60000 };
	struct refresh_claim c;
	struct token_secrets s;
	struct token t;

	create(f, "t1", "One");
	c = claim(f, "t1", NOW);
	assert_ok(store_refresh_failed(store(f), &f->cx, &c, &failure));
	assert_ok(store_token_get(store(f), &f->cx, S("t1"), &t));
	assert_int_equal(t.status, TOKEN_ACTIVE);
	assert_int_equal(t.attempts, 1);
	assert_str_equal(t.last_error, S("no answer"));
	assert_int_equal(t.status_reason.len, 0);
	c = claim(f, "t1", NOW + 2);
	failure = (struct refresh_failure){ .status = TOKEN_NEEDS_REAUTHORIZATION,
		.reason = S("Consent was withdrawn."),
		.now_ms = NOW + 3 };
	assert_ok(store_refresh_failed(store(f), &f->cx, &c, &failure));
	assert_ok(store_token_open(store(f), &f->cx, S("One"), &t, &s));
	assert_int_equal(t.status, TOKEN_NEEDS_REAUTHORIZATION);
	assert_int_equal(t.status_ms, NOW + 3);
	assert_int_equal(t.attempts, 2);
	assert_int_equal(t.failed_ms, NOW + 1); /* since the first of them */
	assert_str_equal(t.status_reason, S("Consent was withdrawn."));
	assert_true(crypto_equal(s.refresh, plain.refresh));
	/* somebody tries all the same, in vain */
	c = claim(f, "t1", NOW + 4);
	failure.reason = S("HTTP status 500");
	assert_ok(store_refresh_failed(store(f), &f->cx, &c, &failure));
	assert_ok(store_token_get(store(f), &f->cx, S("t1"), &t));
	assert_str_equal(t.status_reason, S("Consent was withdrawn."));
	assert_str_equal(t.last_error, S("HTTP status 500"));
}

/* The new secret was blamed for a refusal of the old one. */
static void
test_refresh_failure_does_not_blame_a_newer_secret(void **state)
{
	struct fixture *f = *state;
	struct token_edit edit = {
		.set_app_secret = true, .app_secret = secret_of(S("newer")), .now_ms = NOW + 1
	};
	struct refresh_failure failure = { .status = TOKEN_MISCONFIGURED,
		.reason = S("The App Secret was not accepted."),
		.now_ms = NOW + 2 };
	struct refresh_claim c;
	struct token t;

	create(f, "t1", "One");
	c = claim(f, "t1", NOW);
	assert_ok(store_token_edit(store(f), &f->cx, S("t1"), &edit));
	assert_rc(store_refresh_failed(store(f), &f->cx, &c, &failure), E_CONFLICT);
	assert_ok(store_token_get(store(f), &f->cx, S("t1"), &t));
	assert_int_equal(t.status, TOKEN_ACTIVE);
}

static void
test_refresh_needs_a_refresh_token(void **state)
{
	struct fixture *f = *state;
	struct token t = a_token("t1", "One");
	struct token_secrets s = plain;
	struct refresh_claim c;

	s.refresh = secret_of(S(""));
	assert_ok(store_token_create(store(f), &f->cx, &t, &s, S("")));
	assert_rc(store_refresh_claim(store(f), &f->cx, S("t1"), NOW, LEASE, &c), E_REAUTH);
	/* and nothing stays locked behind it */
	assert_rc(store_refresh_claim(store(f), &f->cx, S("t1"), NOW, LEASE, &c), E_REAUTH);
	assert_rc(store_refresh_claim(store(f), &f->cx, S("none"), NOW, LEASE, &c), E_NOTFOUND);
}

static void
test_due_tokens_oldest_first_without_the_claimed(void **state)
{
	struct fixture *f = *state;
	struct token t;
	int64_t next;
	struct str *ids;
	size_t n;

	create(f, "t1", "One");
	create(f, "t2", "Two");
	create(f, "t3", "Three");
	assert_ok(store_token_get(store(f), &f->cx, S("t1"), &t));
	assert_ok(store_token_postpone(store(f), &f->cx, S("t1"), t.due_ms, NOW + 20));
	assert_ok(store_token_postpone(store(f), &f->cx, S("t2"), t.due_ms, NOW + 10));
	/* what somebody else has made due meanwhile stays so */
	assert_ok(store_token_postpone(store(f), &f->cx, S("t2"), t.due_ms, NOW + 900000));
	assert_ok(
	    store_token_due(store(f), &f->cx, S("dropbox"), NOW + 5, NOW, 10, &ids, &n, &next));
	assert_int_equal(n, 0);
	assert_int_equal(next, NOW + 10);
	assert_ok(
	    store_token_due(store(f), &f->cx, S("dropbox"), NOW + 20, NOW, 10, &ids, &n, &next));
	assert_int_equal(n, 2);
	assert_str_equal(ids[0], S("t2"));
	assert_str_equal(ids[1], S("t1"));
	/* as many as were asked for: there may be more */
	assert_ok(
	    store_token_due(store(f), &f->cx, S("dropbox"), NOW + 20, NOW, 1, &ids, &n, &next));
	assert_int_equal(n, 1);
	assert_str_equal(ids[0], S("t2"));
	assert_int_equal(next, NOW + 20);
	claim(f, "t2", NOW);
	assert_ok(
	    store_token_due(store(f), &f->cx, S("dropbox"), NOW + 20, NOW, 10, &ids, &n, &next));
	assert_int_equal(n, 1);
	assert_str_equal(ids[0], S("t1"));
}

/* A reader asked for it, and whoever was at it is gone. */
static void
test_a_claim_of_a_token_that_was_not_due_is_taken_up_when_its_lease_lapses(void **state)
{
	const struct token_edit lazy = { .set_lazy = true, .lazy = true, .now_ms = NOW + 1 };
	const int64_t lapsed = NOW + LEASE + 2;
	struct fixture *f = *state;
	struct refresh_claim c;
	int64_t next;
	struct str *ids;
	size_t n;

	create(f, "t1", "One");
	create(f, "t2", "Two");
	by_hand(f, "UPDATE token SET due_ms = 0");
	/* and whose clock was two hours ahead */
	by_hand(f, "UPDATE token SET due_ms = 1700000000000 + 7200000 WHERE id = 't2'");
	claim(f, "t2", NOW);
	c = claim(f, "t1", NOW);
	assert_int_equal(c.token.due_ms, 0);
	assert_ok(store_refresh_sent(store(f), &f->cx, &c, NOW, false));
	assert_ok(store_token_edit(store(f), &f->cx, S("t1"), &lazy));
	assert_ok(
	    store_token_due(store(f), &f->cx, S("dropbox"), NOW + 2, NOW + 2, 10, &ids, &n, &next));
	assert_int_equal(n, 0);
	assert_int_equal(next, NOW + LEASE + 1);
	assert_ok(
	    store_token_due(store(f), &f->cx, S("dropbox"), lapsed, lapsed, 10, &ids, &n, &next));
	assert_int_equal(n, 2);
	/* What was changed meanwhile is due at once: its time was computed for another setting. */
	assert_ok(store_refresh_release(store(f), &f->cx, &c, 0));
	assert_ok(store_token_get(store(f), &f->cx, S("t1"), &c.token));
	assert_in_range(c.token.due_ms, 1, clock_now_ms(f->clock));
	c = claim(f, "t1", NOW);
	assert_ok(store_refresh_release(store(f), &f->cx, &c, 0));
	assert_ok(store_token_get(store(f), &f->cx, S("t1"), &c.token));
	assert_int_equal(c.token.due_ms, 0);
}

static void
test_reconnect_replaces_all_and_ends_a_refresh_under_way(void **state)
{
	struct fixture *f = *state;
	struct token_reconnect r = { .app_key = S("key2"),
		.scopes = S("s"),
		.redirect_uri = S("uri"),
		.app_secret = secret_of(S("secret2")),
		.account_email = S("bob@example.com"),
		.grant = fresh };
	struct refresh_claim c;
	struct token_secrets s;
	struct token t;

	create(f, "t1", "One");
	c = claim(f, "t1", NOW);
	assert_ok(store_token_reconnect(store(f), &f->cx, S("t1"), &r));
	assert_rc(store_refresh_commit(store(f), &f->cx, &c, &fresh), E_CONFLICT);
	assert_ok(store_token_open(store(f), &f->cx, S("One"), &t, &s));
	assert_str_equal(t.app_key, S("key2"));
	assert_str_equal(t.account_email, S("bob@example.com"));
	assert_true(crypto_equal(s.app_secret, r.app_secret));
	assert_true(crypto_equal(s.refresh, fresh.refresh));
}

#define REPLY "{\"access_token\":\"secret-reply\"}"

/* Written before the request may leave, and found again by whoever comes after a crash. */
static void
test_attempt_is_found_again_after_a_crash(void **state)
{
	struct fixture *f = *state;
	struct refresh_claim c;
	int64_t n;

	create(f, "t1", "One");
	c = claim(f, "t1", NOW);
	assert_int_equal(c.token.attempt.stage, STAGE_SETTLED);
	assert_ok(store_refresh_sent(store(f), &f->cx, &c, NOW + 1, false));
	store_close(store(f));
	open_store(f);
	assert_ok(store_refresh_recover(store(f), &f->cx, NOW + 9, &n));
	assert_int_equal(n, 1);
	c = claim(f, "t1", NOW + 9); /* the lease went with its process */
	assert_int_equal(c.token.attempt.stage, STAGE_SENT);
	assert_int_equal(c.token.attempt.first_ms, NOW + 1);
	assert_int_equal(c.token.due_ms, NOW + 9);
	assert_true(crypto_equal(c.secrets.refresh, plain.refresh));
}

/* The doubt began with the first sending; that a risky try was made is never forgotten. */
static void
test_attempts_in_doubt_add_up(void **state)
{
	struct fixture *f = *state;
	struct refresh_failure lost = { .reason = S("no answer"),
		.now_ms = NOW + 2,
		.due_ms = NOW + 60000,
		.attempt = { .stage = STAGE_LOST, .sent_ms = NOW + 2 } };
	struct refresh_claim c;

	create(f, "t1", "One");
	c = claim(f, "t1", NOW);
	assert_ok(store_refresh_sent(store(f), &f->cx, &c, NOW + 1, false));
	assert_ok(store_refresh_failed(store(f), &f->cx, &c, &lost));
	c = claim(f, "t1", NOW + 3);
	assert_int_equal(c.token.attempt.stage, STAGE_LOST);
	assert_int_equal(c.token.attempt.first_ms, NOW + 1);
	assert_int_equal(c.token.attempt.sent_ms, NOW + 2); /* when its call had ended */
	assert_ok(store_refresh_sent(store(f), &f->cx, &c, NOW + 4, true));
	c = claim(f, "t1", NOW + 4 + LEASE);
	assert_int_equal(c.token.attempt.stage, STAGE_SENT);
	assert_int_equal(c.token.attempt.first_ms, NOW + 1);
	assert_int_equal(c.token.attempt.sent_ms, NOW + 4);
	assert_true(c.token.attempt.risked);
	assert_ok(store_refresh_commit(store(f), &f->cx, &c, &fresh));
	c = claim(f, "t1", NOW + 5 + LEASE);
	assert_int_equal(c.token.attempt.stage, STAGE_SETTLED);
	assert_false(c.token.attempt.risked);
}

/* S-166 for the raw reply: sealed, bound to its token and to the claim that got it. */
static void
test_s166_reply_is_kept_sealed_until_it_is_read(void **state)
{
	struct fixture *f = *state;
	struct refresh_claim c;
	int64_t n;

	create(f, "t1", "One");
	create(f, "t2", "Two");
	c = claim(f, "t1", NOW);
	assert_ok(store_refresh_sent(store(f), &f->cx, &c, NOW + 1, false));
	assert_ok(
	    store_refresh_answered(store(f), &f->cx, &c, NOW + 2, 200, 77, secret_of(S(REPLY))));
	assert_false(str_contains(dump(f, true), S("secret-reply")));
	assert_ok(store_refresh_recover(store(f), &f->cx, NOW + 2, &n));
	c = claim(f, "t1", NOW + 2);
	assert_int_equal(c.token.attempt.stage, STAGE_KEPT);
	assert_int_equal(c.token.attempt.status, 200);
	assert_int_equal(c.token.attempt.date_s, 77);
	assert_true(crypto_equal(c.reply, secret_of(S(REPLY))));
	by_hand(f,
	    "UPDATE token SET attempt_stage = 2, attempt_fence = 1, attempt_reply ="
	    " (SELECT attempt_reply FROM token WHERE id = 't1') WHERE id = 't2'");
	assert_rc(store_refresh_claim(store(f), &f->cx, S("t2"), NOW, LEASE, &c), E_STORE);
	assert_string_equal(f->cx.code, "integrity");
	ctx_clear(&f->cx);
	by_hand(f, "UPDATE token SET attempt_fence = 7 WHERE id = 't1'");
	assert_rc(
	    store_refresh_claim(store(f), &f->cx, S("t1"), NOW + 3 + LEASE, LEASE, &c), E_STORE);
}

static void
test_unreadable_reply_stays_and_is_read_again(void **state)
{
	struct fixture *f = *state;
	struct refresh_failure unread = {
		.reason = S("not understood"), .now_ms = NOW + 2, .attempt = { .stage = STAGE_KEPT }
	};
	struct refresh_claim c;

	create(f, "t1", "One");
	assert_rc(store_refresh_reread(store(f), &f->cx, S("t1"), NOW), E_NOTFOUND);
	c = claim(f, "t1", NOW);
	assert_ok(store_refresh_sent(store(f), &f->cx, &c, NOW + 1, false));
	assert_ok(
	    store_refresh_answered(store(f), &f->cx, &c, NOW + 2, 200, 0, secret_of(S(REPLY))));
	assert_ok(store_refresh_failed(store(f), &f->cx, &c, &unread));
	ctx_clear(&f->cx);
	assert_ok(store_refresh_reread(store(f), &f->cx, S("t1"), NOW + 5));
	c = claim(f, "t1", NOW + 6);
	assert_int_equal(c.token.due_ms, NOW + 5);
	assert_true(crypto_equal(c.reply, secret_of(S(REPLY))));
}

/* Where it lies beside its token at first, that is found when the pair is written. */
static void
assert_reply_is_refused(struct fixture *f, struct refresh_claim *c)
{
	enum rc rc = store_refresh_answered(store(f), &f->cx, c, NOW, 200, 0, secret_of(S(REPLY)));

	if (backend == ON_SQLITE) {
		assert_rc(rc, OK);
		rc = store_refresh_commit(store(f), &f->cx, c, &fresh);
	}
	assert_rc(rc, E_CONFLICT);
	ctx_clear(&f->cx);
}

/* Neither the attempt nor the reply of somebody whom a newer claim has overtaken is written. */
static void
test_fence_stops_every_step_of_the_late_one(void **state)
{
	struct fixture *f = *state;
	struct refresh_claim late, next;

	create(f, "t1", "One");
	late = claim(f, "t1", NOW);
	next = claim(f, "t1", NOW + LEASE + 1);
	assert_rc(store_refresh_sent(store(f), &f->cx, &late, NOW, false), E_CONFLICT);
	assert_reply_is_refused(f, &late);
	/* and the late one cannot give back what is not his */
	assert_rc(store_refresh_release(store(f), &f->cx, &late, NOW), E_CONFLICT);
	assert_rc(store_refresh_claim(store(f), &f->cx, S("t1"), NOW + LEASE + 2, LEASE, &late),
	    E_CONFLICT);
	assert_ok(store_refresh_release(store(f), &f->cx, &next, NOW + 50));
	next = claim(f, "t1", NOW + LEASE + 2);
	assert_int_equal(next.token.due_ms, NOW + 50);
	assert_int_equal(next.token.attempt.stage, STAGE_SETTLED);
}

/* A reply in the memory of somebody who was held up is the only copy: it is kept, unless a newer
 * attempt has left since, or the grant is another. */
static void
test_late_reply_is_kept_while_no_newer_attempt_has_left(void **state)
{
	struct fixture *f = *state;
	struct token_reconnect r = {
		.app_key = S("k"), .app_secret = secret_of(S("s")), .grant = fresh
	};
	struct refresh_claim late, next;
	struct token t;

	create(f, "t1", "One");
	late = claim(f, "t1", NOW);
	assert_ok(store_refresh_sent(store(f), &f->cx, &late, NOW, false));
	next = claim(f, "t1", NOW + LEASE + 1);
	assert_ok(
	    store_refresh_answered(store(f), &f->cx, &late, NOW + 9, 200, 0, secret_of(S(REPLY))));
	assert_rc(store_refresh_commit(store(f), &f->cx, &late, &fresh), E_CONFLICT);
	next = claim(f, "t1", NOW + 2 * LEASE + 2);
	assert_true(crypto_equal(next.reply, secret_of(S(REPLY))));
	assert_in_range(next.token.due_ms, 1, NOW + 9);
	assert_ok(store_refresh_sent(store(f), &f->cx, &next, NOW, false));
	assert_reply_is_refused(f, &late);
	assert_ok(store_token_get(store(f), &f->cx, S("t1"), &t));
	assert_int_equal(t.attempt.stage, STAGE_SENT);
	assert_ok(store_token_reconnect(store(f), &f->cx, S("t1"), &r));
	assert_reply_is_refused(f, &next);
	assert_ok(store_token_get(store(f), &f->cx, S("t1"), &t));
	assert_int_equal(t.attempt.stage, STAGE_SETTLED);
}

/* What a standby knows that became the primary before it heard of the claim of t1. */
static void
forget_claim(struct fixture *f, const char *more)
{
	by_hand(f,
	    "UPDATE token SET fence = 0, attempt_fence = 0, attempt_stage = 0, attempt_sent_ms = 0,"
	    " attempt_first_ms = 0, lease_until_ms = 0 WHERE id = 't1'");
	by_hand(f, more);
}

/* The reply is in the memory of the node that asked, and nowhere else. */
static void
test_a_reply_outlives_a_failover_that_lost_its_attempt(void **state)
{
	struct fixture *f = *state;
	struct refresh_claim c, next;

	if (backend == ON_SQLITE)
		return; /* a file has no standby */
	create(f, "t1", "One");
	c = claim(f, "t1", NOW);
	assert_ok(store_refresh_sent(store(f), &f->cx, &c, NOW, false));
	/* Somebody else is at it, or it is another grant's by now. */
	forget_claim(f, "UPDATE token SET attempt_stage = 1 WHERE id = 't1'");
	assert_rc(store_refresh_answered(store(f), &f->cx, &c, NOW, 200, 0, secret_of(S(REPLY))),
	    E_CONFLICT);
	forget_claim(f, "UPDATE token SET consented_ms = consented_ms + 1 WHERE id = 't1'");
	assert_rc(store_refresh_answered(store(f), &f->cx, &c, NOW, 200, 0, secret_of(S(REPLY))),
	    E_CONFLICT);
	forget_claim(f, "UPDATE token SET consented_ms = consented_ms - 1 WHERE id = 't1'");
	assert_rc(store_refresh_commit(store(f), &f->cx, &c, &fresh), E_CONFLICT);
	assert_ok(
	    store_refresh_answered(store(f), &f->cx, &c, NOW + 9, 200, 0, secret_of(S(REPLY))));
	next = claim(f, "t1", NOW + LEASE + 1);
	assert_int_equal(next.token.attempt.stage, STAGE_KEPT);
	assert_int_equal(next.token.attempt.sent_ms, NOW);
	assert_true(crypto_equal(next.reply, secret_of(S(REPLY))));
	assert_int_equal(next.fence, c.fence + 1);
	/* Whoever was overtaken meanwhile writes no pair. */
	assert_rc(store_refresh_commit(store(f), &f->cx, &c, &fresh), E_CONFLICT);
	assert_ok(store_refresh_commit(store(f), &f->cx, &next, &fresh));
}

/* It is not wiped by who claimed before it was sealed, and believed that nobody has it. */
static void
test_late_reply_outlives_the_claim_that_did_not_find_it(void **state)
{
	struct fixture *f = *state;
	struct refresh_failure lost = { .reason = S("no answer"),
		.now_ms = NOW + 10,
		.due_ms = NOW + 60000,
		.attempt = { .stage = STAGE_LOST } };
	struct refresh_claim late, next;

	create(f, "t1", "One");
	late = claim(f, "t1", NOW);
	assert_ok(store_refresh_sent(store(f), &f->cx, &late, NOW, false));
	next = claim(f, "t1", NOW + LEASE + 1);
	assert_int_equal(next.token.attempt.stage, STAGE_SENT);
	assert_ok(
	    store_refresh_answered(store(f), &f->cx, &late, NOW + 9, 200, 0, secret_of(S(REPLY))));
	assert_rc(store_refresh_commit(store(f), &f->cx, &late, &fresh), E_CONFLICT);
	assert_rc(store_refresh_failed(store(f), &f->cx, &next, &lost), E_CONFLICT);
	lost.attempt.stage = STAGE_SETTLED;
	assert_rc(store_refresh_failed(store(f), &f->cx, &next, &lost), E_CONFLICT);
	assert_rc(store_refresh_sent(store(f), &f->cx, &next, NOW + 11, false), E_CONFLICT);
	assert_ok(store_refresh_release(store(f), &f->cx, &next, NOW + 60000));
	next = claim(f, "t1", NOW + LEASE + 2);
	assert_in_range(next.token.due_ms, 1, NOW + 9); /* as who sealed it said */
	assert_true(crypto_equal(next.reply, secret_of(S(REPLY))));
	/* who found it may say what it is */
	lost.attempt.stage = STAGE_KEPT;
	assert_ok(store_refresh_failed(store(f), &f->cx, &next, &lost));
}

/* The reply is kept for an undo, but nobody works on what is deleted: it would come up again and again. */
static void
test_a_deleted_token_with_a_late_reply_is_not_due(void **state)
{
	struct fixture *f = *state;
	struct refresh_claim c;
	int64_t next_ms;
	struct str *ids;
	struct token t;
	size_t n;

	create(f, "t1", "One");
	c = claim(f, "t1", NOW);
	assert_ok(store_refresh_sent(store(f), &f->cx, &c, NOW, false));
	assert_ok(store_token_delete(store(f), &f->cx, S("t1"), NOW));
	assert_ok(
	    store_refresh_answered(store(f), &f->cx, &c, NOW + 9, 200, 0, secret_of(S(REPLY))));
	assert_rc(store_refresh_commit(store(f), &f->cx, &c, &fresh), E_NOTFOUND);
	assert_int_equal(run_sql(f, "UPDATE token SET fence = fence WHERE due_ms > 0"), 0);
	assert_ok(store_token_due(store(f), &f->cx, S("dropbox"), NOW + LEASE + 10,
	    NOW + LEASE + 10, 8, &ids, &n, &next_ms));
	assert_int_equal(n, 0);
	assert_int_equal(next_ms, 0);
	assert_ok(store_token_restore(store(f), &f->cx, S("t1"), S(""), &t));
	c = claim(f, "t1", NOW + LEASE + 10);
	assert_int_equal(c.token.attempt.stage, STAGE_KEPT);
	assert_true(crypto_equal(c.reply, secret_of(S(REPLY))));
}

/* When it is due again was computed for a token that nobody reads. */
static void
test_a_token_that_is_no_longer_lazy_when_its_refresh_ends_is_due(void **state)
{
	struct fixture *f = *state;
	struct token_edit lazy = { .set_lazy = true, .lazy = true, .now_ms = NOW };
	struct token_edit fresh_again = { .set_lazy = true, .now_ms = NOW, .due_ms = NOW + 7 };
	struct token_grant grant = fresh;
	struct refresh_claim c;
	struct token t;

	create(f, "t1", "One");
	assert_ok(store_token_edit(store(f), &f->cx, S("t1"), &lazy));
	c = claim(f, "t1", NOW);
	assert_ok(store_token_edit(store(f), &f->cx, S("t1"), &fresh_again));
	grant.due_ms = 0;
	assert_ok(store_refresh_commit(store(f), &f->cx, &c, &grant));
	assert_ok(store_token_get(store(f), &f->cx, S("t1"), &t));
	assert_int_equal(t.due_ms, grant.now_ms);
}

const struct CMUnitTest refresh_tests[] = {
	STORE_TEST(test_refresh_is_claimed_by_one),
	STORE_TEST(test_refresh_commits_the_pair),
	STORE_TEST(test_refresh_without_a_new_refresh_token_keeps_the_old),
	STORE_TEST(test_refresh_fence_stops_the_late_one),
	STORE_TEST(test_refresh_failure_changes_the_state_and_no_secret),
	STORE_TEST(test_refresh_failure_does_not_blame_a_newer_secret),
	STORE_TEST(test_refresh_needs_a_refresh_token),
	STORE_TEST(test_due_tokens_oldest_first_without_the_claimed),
	STORE_TEST(test_a_claim_of_a_token_that_was_not_due_is_taken_up_when_its_lease_lapses),
	STORE_TEST(test_reconnect_replaces_all_and_ends_a_refresh_under_way),
	STORE_TEST(test_attempt_is_found_again_after_a_crash),
	STORE_TEST(test_attempts_in_doubt_add_up),
	STORE_TEST(test_s166_reply_is_kept_sealed_until_it_is_read),
	STORE_TEST(test_unreadable_reply_stays_and_is_read_again),
	STORE_TEST(test_fence_stops_every_step_of_the_late_one),
	STORE_TEST(test_late_reply_is_kept_while_no_newer_attempt_has_left),
	STORE_TEST(test_late_reply_outlives_the_claim_that_did_not_find_it),
	STORE_TEST(test_a_reply_outlives_a_failover_that_lost_its_attempt),
	STORE_TEST(test_a_deleted_token_with_a_late_reply_is_not_due),
	STORE_TEST(test_a_token_that_is_no_longer_lazy_when_its_refresh_ends_is_due),
};
const size_t refresh_test_count = sizeof(refresh_tests) / sizeof(refresh_tests[0]);
