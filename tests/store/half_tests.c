/* Nothing is half written: each verb with each of its driver calls failing in turn, once before it
 * reached the database and once after, when only the answer was lost. */
#include "suite.h"

#include "fault.h"
#include "store/webhook.h"
#include "store/store_int.h"

#define CALLS_MAX 100

/* A verb that writes, on what stands_ready() made. Sealing is random, so `act` says what it did in
 * columns that can be compared. */
struct verb {
	const char *name;
	enum rc (*act)(struct fixture *f);
};

static struct refresh_claim claimed;

static enum rc
act_meta_put(struct fixture *f)
{
	return store_meta_put(store(f), &f->cx, S("a"), S("1"));
}

static enum rc
act_meta_put_sealed(struct fixture *f)
{
	return store_meta_put_sealed(store(f), &f->cx, S("a"), secret_of(S("1")));
}

static enum rc
act_user_put(struct fixture *f)
{
	struct user u = { .id = S("u2"), .username = S("admin"), .password_hash = S("other") };

	return store_user_put(store(f), &f->cx, &u);
}

static enum rc
act_user_change(struct fixture *f)
{
	struct user u = { .id = S("u1"), .username = S("admin"), .password_hash = S("hash") };

	return store_user_change(store(f), &f->cx, &u, S("other"), S("s9"));
}

static enum rc
act_session_create(struct fixture *f)
{
	struct user u = { .id = S("u1"), .password_hash = S("hash") };

	return store_session_create(store(f), &f->cx, S("s2"), &u, NOW);
}

static enum rc
act_key_create(struct fixture *f)
{
	struct str some[] = { S("t1"), S("t2") };
	struct api_key k = { .id = S("k2"),
		.label = S("Two"),
		.hint = S(""),
		.digest = S("digest 2"),
		.token_ids = some,
		.token_count = 2,
		.created_ms = NOW };

	return store_key_create(store(f), &f->cx, &k);
}

static enum rc
act_key_edit(struct fixture *f)
{
	struct str one[] = { S("t1") };
	struct api_key_edit e = { .set_label = true,
		.label = S("Renamed"),
		.set_tokens = true,
		.token_ids = one,
		.token_count = 1 };

	return store_key_edit(store(f), &f->cx, S("k1"), &e);
}

static enum rc
act_key_delete(struct fixture *f)
{
	return store_key_delete(store(f), &f->cx, S("k1"));
}

static enum rc
act_token_create(struct fixture *f)
{
	struct token t = a_token("t3", "Three");

	return store_token_create(store(f), &f->cx, &t, &plain, S("c1"));
}

static enum rc
act_token_edit(struct fixture *f)
{
	struct token_edit edit = { .set_name = true,
		.name = S("Renamed"),
		.set_description = true,
		.description = S("changed"),
		.set_app_secret = true,
		.app_secret = secret_of(S("another")),
		.now_ms = NOW + 1 };

	return store_token_edit(store(f), &f->cx, S("t1"), &edit);
}

static enum rc
act_token_delete(struct fixture *f)
{
	return store_token_delete(store(f), &f->cx, S("t1"), NOW);
}

static enum rc
act_token_reconnect(struct fixture *f)
{
	struct token_reconnect r = { .app_key = S("key2"),
		.scopes = S("s"),
		.redirect_uri = S("uri"),
		.app_secret = secret_of(S("secret2")),
		.account_email = S("bob@example.com"),
		.grant = fresh };

	return store_token_reconnect(store(f), &f->cx, S("t1"), &r);
}

static enum rc
act_refresh_claim(struct fixture *f)
{
	struct refresh_claim c;

	return store_refresh_claim(store(f), &f->cx, S("t1"), NOW, LEASE, &c);
}

static enum rc
act_refresh_commit(struct fixture *f)
{
	return store_refresh_commit(store(f), &f->cx, &claimed, &fresh);
}

static enum rc
act_refresh_sent(struct fixture *f)
{
	struct refresh_claim c = claimed;

	return store_refresh_sent(store(f), &f->cx, &c, NOW + 1, true);
}

static enum rc
act_refresh_answered(struct fixture *f)
{
	return store_refresh_answered(
	    store(f), &f->cx, &claimed, NOW + 3, 200, 7, secret_of(S("the reply")));
}

static enum rc
act_refresh_release(struct fixture *f)
{
	return store_refresh_release(store(f), &f->cx, &claimed, NOW + 7);
}

static enum rc
act_refresh_recover(struct fixture *f)
{
	int64_t n;

	return store_refresh_recover(store(f), &f->cx, NOW + 9, &n);
}

static enum rc
act_refresh_failed(struct fixture *f)
{
	struct refresh_failure failure = { .status = TOKEN_NEEDS_REAUTHORIZATION,
		.reason = S("Consent was withdrawn."),
		.now_ms = NOW + 1 };

	return store_refresh_failed(store(f), &f->cx, &claimed, &failure);
}

static enum rc
act_connection_spend(struct fixture *f)
{
	return store_connection_spend(store(f), &f->cx, S("c1"));
}

static enum rc
act_connection_finish(struct fixture *f)
{
	struct connection_secrets s = { .app_secret = secret_of(S("app")),
		.access = secret_of(S("access")) };
	struct connection c;

	TRY(store_connection_get(store(f), &f->cx, S("c1"), &c));
	c.status = CONN_CONNECTED;
	return store_connection_finish(store(f), &f->cx, &c, &s);
}

static enum rc
act_connection_prune(struct fixture *f)
{
	return store_connection_prune(store(f), &f->cx, NOW + 5, S("session"), 1);
}

static enum rc
act_session_delete(struct fixture *f)
{
	return store_session_delete(store(f), &f->cx, S("s1"));
}

static enum rc
act_token_restore(struct fixture *f)
{
	struct token t;

	return store_token_restore(store(f), &f->cx, S("gone"), S(""), &t);
}

static enum rc
act_token_purge(struct fixture *f)
{
	return store_token_purge(store(f), &f->cx, NOW + 1);
}

static enum rc
act_event_add(struct fixture *f)
{
	return store_event_add(store(f), &f->cx,
	    &(struct event_note){ .type = "token.revealed",
		.about_kind = "token",
		.about_id = S("t1"),
		.about_name = S("One") });
}

static enum rc
act_event_sweep(struct fixture *f)
{
	return store_event_sweep(store(f), &f->cx, INT64_MAX, 3);
}

static enum rc
act_webhook_create(struct fixture *f)
{
	struct webhook w = { .id = S("w2"), .name = S("Two"), .url = S("url"), .types = S("") };

	return store_webhook_create(store(f), &f->cx, &w, secret_of(S("whsec_x")));
}

static enum rc
act_webhook_edit(struct fixture *f)
{
	struct webhook_edit e = {
		.set_url = true, .url = S("new"), .set_secret = true, .secret = secret_of(S("n"))
	};

	return store_webhook_edit(store(f), &f->cx, S("w1"), &e);
}

static enum rc
act_webhook_delete(struct fixture *f)
{
	return store_webhook_delete(store(f), &f->cx, S("w1"));
}

static enum rc
act_delivery_claim(struct fixture *f)
{
	struct delivery *d;
	size_t n;

	return store_delivery_claim(
	    store(f), &f->cx, S("w1"), INT64_MAX - 1, NOW, LEASE, 2, &d, &n);
}

static enum rc
act_refresh_failed_kept(struct fixture *f)
{
	struct refresh_failure failure = {
		.reason = S("not understood"), .now_ms = NOW + 4, .attempt = { .stage = STAGE_KEPT }
	};

	return store_refresh_failed(store(f), &f->cx, &claimed, &failure);
}

/* Its token was deleted meanwhile: the reply goes to its row. */
static enum rc
act_refresh_handed_over(struct fixture *f)
{
	enum rc rc = store_refresh_commit(store(f), &f->cx, &claimed, &fresh);

	return rc == E_NOTFOUND ? OK : rc;
}

static const struct verb verbs[] = {
	{ "webhook_create", act_webhook_create },
	{ "webhook_edit", act_webhook_edit },
	{ "webhook_delete", act_webhook_delete },
	{ "delivery_claim", act_delivery_claim },
	{ "session_delete", act_session_delete },
	{ "token_restore", act_token_restore },
	{ "token_purge", act_token_purge },
	{ "event_add", act_event_add },
	{ "event_sweep", act_event_sweep },
	{ "meta_put", act_meta_put },
	{ "meta_put_sealed", act_meta_put_sealed },
	{ "user_put", act_user_put },
	{ "user_change", act_user_change },
	{ "session_create", act_session_create },
	{ "key_create", act_key_create },
	{ "key_edit", act_key_edit },
	{ "key_delete", act_key_delete },
	{ "token_create", act_token_create },
	{ "token_edit", act_token_edit },
	{ "token_delete", act_token_delete },
	{ "token_reconnect", act_token_reconnect },
	{ "refresh_claim", act_refresh_claim },
	{ "refresh_commit", act_refresh_commit },
	{ "refresh_failed", act_refresh_failed },
	{ "refresh_sent", act_refresh_sent },
	{ "refresh_answered", act_refresh_answered },
	{ "refresh_release", act_refresh_release },
	{ "refresh_recover", act_refresh_recover },
	{ "refresh_failed_kept", act_refresh_failed_kept },
	{ "refresh_handed_over", act_refresh_handed_over },
	{ "connection_spend", act_connection_spend },
	{ "connection_finish", act_connection_finish },
	{ "connection_prune", act_connection_prune },
};

static bool
needs_reply(const struct verb *verb)
{
	return verb->act == act_refresh_recover || verb->act == act_refresh_failed_kept ||
	    verb->act == act_refresh_handed_over;
}

/* One of everything; t1's refresh is claimed last, so that its outcome can be written. */
static void
stand_ready(struct fixture *f, const struct verb *verb)
{
	struct webhook w = {
		.id = S("w1"), .name = S("One"), .url = S("url"), .types = S(""), .enabled = true
	};
	struct user u = { .id = S("u1"), .username = S("admin"), .password_hash = S("hash") };
	struct str some[] = { S("t1") };
	struct api_key k = { .id = S("k1"),
		.label = S("One"),
		.hint = S(""),
		.digest = S("digest"),
		.token_ids = some,
		.token_count = 1,
		.created_ms = NOW };

	assert_ok(store_webhook_create(store(f), &f->cx, &w, secret_of(S("whsec_x"))));
	create(f, "t1", "One");
	create(f, "t2", "Two");
	create(f, "gone", "Gone");
	assert_ok(store_token_delete(store(f), &f->cx, S("gone"), NOW));
	start(f, "c1", NOW);
	start(f, "c2", NOW + 10);
	start(f, "c3", NOW + 20);
	assert_ok(store_user_put(store(f), &f->cx, &u));
	assert_ok(store_session_create(store(f), &f->cx, S("s1"), &u, NOW));
	assert_ok(store_key_create(store(f), &f->cx, &k));
	if (strncmp(verb->name, "refresh_", 8) == 0 && verb->act != act_refresh_claim)
		claimed = claim(f, "t1", NOW);
	if (verb->act == act_connection_finish)
		assert_ok(store_connection_spend(store(f), &f->cx, S("c1")));
	if (verb->act == act_refresh_answered || needs_reply(verb))
		assert_ok(store_refresh_sent(store(f), &f->cx, &claimed, NOW, false));
	if (needs_reply(verb))
		assert_ok(act_refresh_answered(f));
	if (verb->act == act_refresh_handed_over)
		assert_ok(store_token_delete(store(f), &f->cx, S("t1"), NOW));
}

static void
clear(struct fixture *f)
{
	static const char *const tables[] = { "webhook", "event", "event_head", "api_key", "token",
		"connection", "reply", "user_", "meta WHERE name <> 'key check'" };

	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++)
		run_sql(f, str_printf(f->arena, "DELETE FROM %s", tables[i]).p);
}

/* What the rows look like before a verb, with their bytes, and when it has worked, without. */
struct rows {
	struct str before, done;
};

static struct rows
rows_of(struct fixture *f, const struct verb *verb)
{
	struct rows rows;

	stand_ready(f, verb);
	assert_ok(verb->act(f));
	rows.done = dump(f, false);
	clear(f);
	stand_ready(f, verb);
	rows.before = dump(f, true);
	return rows;
}

/* One failing call. False when the verb did not get that far: it has no more calls, and has worked. After
 * a failure that wrote nothing the rows are as they were, byte for byte: the next try begins with them and
 * finds what this one left in its way. */
static bool
fail_one(
    struct fixture *f, const struct verb *verb, enum fault_kind kind, int at, struct rows *rows)
{
	struct str after;
	bool fired;
	enum rc rc;

	ctx_clear(&f->cx);
	fault_arm(kind, at);
	rc = verb->act(f);
	fired = fault_disarm();
	if (fired && rc == OK && verb->act != act_refresh_claim)
		print_error("%s: call %d failed unseen\n", verb->name, at);
	/* A claim whose commit was not answered is looked for, and found. */
	assert_true(fired == (rc != OK) || (verb->act == act_refresh_claim && kind == FAULT_AFTER));
	after = dump(f, true);
	if (rc != OK && str_eq(after, rows->before))
		return true;
	/* It worked, or the answer to the commit itself was lost: all of it is there. */
	assert_true(rc == OK || kind == FAULT_AFTER);
	assert_str_equal(dump(f, false), rows->done);
	if (rc != OK && verb->act == act_refresh_commit) {
		ctx_clear(&f->cx);
		assert_ok(verb->act(f)); /* and is not written twice */
		assert_str_equal(dump(f, true), after);
	}
	clear(f);
	if (fired) {
		stand_ready(f, verb);
		rows->before = dump(f, true);
	}
	return fired;
}

static void
try_all(struct fixture *f, enum fault_kind kind)
{
	open_faulty(f);
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		struct rows rows = rows_of(f, &verbs[i]);
		int at = 1;

		while (fail_one(f, &verbs[i], kind, at, &rows))
			assert_true(++at < CALLS_MAX);
		assert_true(at > 1);
	}
}

static void
test_a_call_that_fails_leaves_nothing_half_written(void **state)
{
	try_all(*state, FAULT_BEFORE);
}

static void
test_an_answer_that_is_lost_leaves_all_or_nothing(void **state)
{
	try_all(*state, FAULT_AFTER);
}

/* A migration is whole or has not happened; the next start does it. */
static void
test_a_migration_that_fails_leaves_nothing(void **state)
{
	struct fixture *f = *state;
	struct opened *o = opened(f);
	struct str empty;
	int at = 1;

	store_close(o->store);
	o->store = NULL;
	o->where = new_where(f, "another.db");
	empty = dump(f, true);
	for (;; at++) {
		enum rc rc;

		fault_arm(FAULT_BEFORE, at);
		rc = store_open_with(&f->cx, o->where, o->keyring, fault_open, &o->store);
		if (!fault_disarm()) {
			assert_ok(rc);
			break;
		}
		assert_rc(rc, E_STORE);
		if (at < 4) /* the schema itself is behind these calls */
			assert_str_equal(dump(f, true), empty);
	}
	assert_true(at > 4);
	create(f, "t1", "One");
}

const struct CMUnitTest half_tests[] = {
	STORE_TEST(test_a_call_that_fails_leaves_nothing_half_written),
	STORE_TEST(test_an_answer_that_is_lost_leaves_all_or_nothing),
	STORE_TEST(test_a_migration_that_fails_leaves_nothing),
};
const size_t half_test_count = sizeof(half_tests) / sizeof(half_tests[0]);
