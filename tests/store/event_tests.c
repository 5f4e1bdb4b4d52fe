/* What happened: one row for each change, in chains that show what is wrong with them. */
#include "suite.h"

#include "base/buf.h"
#include "store/event.h"

#define MANY 100

static const struct event_filter all = { 0 };

static struct event *
newest(struct fixture *f, const struct event_filter *filter, size_t *n)
{
	struct event *list;

	assert_ok(store_event_list(store(f), &f->cx, filter, NULL, MANY, &list, n));
	return list;
}

/* "token.created token.renamed", oldest first. */
static struct str
types(struct fixture *f, const struct event_filter *filter)
{
	struct buf b = buf_in(f->arena, 4096);
	size_t n;
	struct event *list = newest(f, filter, &n);

	while (n-- > 0)
		buf_addf(&b, "%s%.*s", b.len > 0 ? " " : "", STR_ARG(list[n].type));
	return buf_str(&b);
}

/* A clock that stands still but for one step before each event makes the order certain. */
static void
step_clock(struct fixture *f)
{
	clock_set_offset_ms(f->clock, clock_offset_ms(f->clock) + 1000);
}

static void
add(struct fixture *f, const char *type, const char *token)
{
	step_clock(f);
	assert_ok(store_event_add(store(f), &f->cx,
	    &(struct event_note){ .type = type,
		.about_kind = "token",
		.about_id = str_of(token),
		.about_name = S("One") }));
}

static void
edit(struct fixture *f, struct token_edit e)
{
	step_clock(f);
	e.now_ms = NOW;
	assert_ok(store_token_edit(store(f), &f->cx, S("t1"), &e));
}

static void
test_each_change_of_a_token_is_one_event(void **state)
{
	struct fixture *f = *state;
	struct token t;

	create(f, "t1", "One");
	edit(f, (struct token_edit){ .set_name = true, .name = S("Uno") });
	edit(f, (struct token_edit){ .set_name = true, .name = S("Uno") });
	edit(f, (struct token_edit){ .set_description = true, .description = S("new") });
	step_clock(f);
	assert_ok(store_token_delete(store(f), &f->cx, S("t1"), NOW));
	step_clock(f);
	assert_ok(store_token_restore(store(f), &f->cx, S("t1"), S(""), &t));
	step_clock(f);
	assert_ok(store_token_delete(store(f), &f->cx, S("t1"), NOW));
	step_clock(f);
	assert_ok(store_token_purge(store(f), &f->cx, NOW + 1));
	assert_str_equal(types(f, &all),
	    S("token.created token.renamed token.changed token.deleted token.restored"
	      " token.deleted token.purged"));
}

static void
test_an_event_says_who_and_about_what(void **state)
{
	struct fixture *f = *state;
	struct api_key k = { .id = S("k1"),
		.label = S("backup script"),
		.hint = S("vk_…1"),
		.digest = S("d"),
		.all_tokens = true };
	struct event *e;
	size_t n;

	create(f, "t1", "One");
	f->cx.actor = S("user:u1");
	f->cx.actor_name = S("admin");
	f->cx.from = S("192.0.2.7");
	edit(f, (struct token_edit){ .set_name = true, .name = S("Uno") });
	e = newest(f, &all, &n);
	assert_str_equal(e[0].actor_kind, S("user"));
	assert_str_equal(e[0].actor_id, S("u1"));
	assert_str_equal(e[0].actor_name, S("admin"));
	assert_str_equal(e[0].from, S("192.0.2.7"));
	assert_str_equal(e[0].about_id, S("t1"));
	assert_str_equal(e[0].about_name, S("Uno"));
	assert_non_null(strstr(str_cstr(f->arena, e[0].details), "\"was\":\"One\""));
	assert_ok(store_key_create(store(f), &f->cx, &k));
	f->cx.actor = S("key:k1");
	f->cx.actor_name = S("");
	add(f, "token.revealed", "t1");
	e = newest(f, &all, &n);
	assert_str_equal(e[0].actor_kind, S("key"));
	assert_str_equal(e[0].actor_name, S("backup script"));
}

static void
fail_refresh(struct fixture *f, enum token_status status, const char *why)
{
	struct refresh_claim c = claim(f, "t1", NOW);
	struct refresh_failure failure = {
		.status = status, .reason = str_of(why), .now_ms = NOW, .due_ms = NOW + 5
	};

	step_clock(f);
	assert_ok(store_refresh_failed(store(f), &f->cx, &c, &failure));
}

static void
work_refresh(struct fixture *f)
{
	struct refresh_claim c = claim(f, "t1", NOW);

	step_clock(f);
	assert_ok(store_refresh_sent(store(f), &f->cx, &c, NOW, false));
	assert_ok(store_refresh_commit(store(f), &f->cx, &c, &fresh));
}

/* A refresh like any other writes no row; the first failure does, and what ends the trouble. */
static void
test_refreshes_are_told_when_the_state_changes(void **state)
{
	struct fixture *f = *state;

	create(f, "t1", "One");
	work_refresh(f);
	work_refresh(f);
	assert_str_equal(types(f, &all), S("token.created"));
	fail_refresh(f, TOKEN_ACTIVE, "Dropbox did not answer in time.");
	fail_refresh(f, TOKEN_ACTIVE, "Dropbox did not answer in time.");
	work_refresh(f);
	work_refresh(f);
	fail_refresh(f, TOKEN_ACTIVE, "Dropbox did not answer in time.");
	fail_refresh(f, TOKEN_NEEDS_REAUTHORIZATION, "Dropbox refused the grant.");
	fail_refresh(f, TOKEN_NEEDS_REAUTHORIZATION, "Dropbox refused the grant.");
	work_refresh(f);
	fail_refresh(f, TOKEN_MISCONFIGURED, "The App Secret is wrong.");
	assert_str_equal(types(f, &all),
	    S("token.created token.failing token.recovered token.failing"
	      " token.needs_reauthorization token.recovered token.misconfigured"));
}

/* The same App Secret again: nothing is new but the status. */
static void
test_a_misconfigured_token_that_is_mended_is_told(void **state)
{
	struct fixture *f = *state;
	struct event *e;
	size_t n;

	create(f, "t1", "One");
	fail_refresh(f, TOKEN_MISCONFIGURED, "The App Secret is wrong.");
	edit(f, (struct token_edit){ .set_app_secret = true, .app_secret = plain.app_secret });
	e = newest(f, &all, &n);
	assert_str_equal(types(f, &all), S("token.created token.misconfigured token.changed"));
	assert_non_null(strstr(str_cstr(f->arena, e[0].details), "\"changed\":[\"status\"]"));
}

static void
test_people_and_keys(void **state)
{
	struct fixture *f = *state;
	struct user u = { .id = S("u1"), .username = S("admin"), .password_hash = S("hash") };
	struct api_key k = { .id = S("k1"), .label = S("One"), .hint = S(""), .digest = S("d") };
	struct store *s = store(f);

	assert_ok(store_user_put(s, &f->cx, &u));
	step_clock(f);
	assert_ok(store_session_create(s, &f->cx, S("s1"), &u, NOW));
	step_clock(f);
	assert_ok(store_session_create(s, &f->cx, S("s2"), &u, NOW));
	step_clock(f);
	assert_ok(store_user_change(s, &f->cx, &u, S("new"), S("s1")));
	step_clock(f);
	assert_ok(store_session_delete(s, &f->cx, S("s1")));
	assert_ok(store_session_delete(s, &f->cx, S("s1"))); /* a visitor has none to end */
	step_clock(f);
	assert_ok(store_key_create(s, &f->cx, &k));
	step_clock(f);
	assert_ok(store_key_edit(
	    s, &f->cx, S("k1"), &(struct api_key_edit){ .set_label = true, .label = S("Other") }));
	step_clock(f);
	/* Nothing differs afterwards, and nothing is told. */
	assert_ok(store_key_edit(
	    s, &f->cx, S("k1"), &(struct api_key_edit){ .set_label = true, .label = S("Other") }));
	step_clock(f);
	assert_ok(store_key_delete(s, &f->cx, S("k1")));
	assert_str_equal(types(f, &all),
	    S("user.created user.signed_in user.signed_in user.password_changed"
	      " user.sessions_ended user.signed_out key.created key.changed key.revoked"));
}

/* S-135, S-202: a key is shown what is about the tokens it may read, and nothing else. */
static void
test_s202_a_narrow_key_sees_its_own(void **state)
{
	struct fixture *f = *state;
	struct str one[] = { S("t1") };
	struct api_key k = { .id = S("k1"),
		.label = S("One"),
		.hint = S(""),
		.digest = S("d"),
		.token_ids = one,
		.token_count = 1 };
	struct event_filter narrow = { .tokens_only = true, .key_id = S("k1") };
	struct event_filter wide = { .tokens_only = true };
	struct event_filter nobody = { .tokens_only = true, .key_id = S("k2") };
	struct event_filter foreign = narrow;
	struct event_cursor c = { 0 };
	struct event *list;
	bool missed;
	size_t n;

	create(f, "t1", "One");
	step_clock(f);
	create(f, "t2", "Two");
	assert_ok(store_key_create(store(f), &f->cx, &k));
	add(f, "token.failing", "t2");
	add(f, "token.failing", "t1");
	assert_str_equal(
	    types(f, &wide), S("token.created token.created token.failing token.failing"));
	assert_str_equal(types(f, &narrow), S("token.created token.failing"));
	assert_str_equal(types(f, &nobody), S(""));
	foreign.token_id = S("t2");
	assert_str_equal(types(f, &foreign), S(""));
	assert_ok(store_event_after(store(f), &f->cx, &narrow, &c, MANY, &list, &n, &missed));
	assert_int_equal(n, 2);
	assert_str_equal(list[1].about_id, S("t1"));
}

static void
test_filter_by_token_and_type(void **state)
{
	struct fixture *f = *state;
	struct event_filter two = { .token_id = S("t2") };
	struct event_filter type = { .type = S("token.failing") };
	struct event_filter family = { .type = S("token") };
	struct event_filter part = { .type = S("tok") };
	struct event *list, *rest;
	size_t n, more;

	add(f, "token.failing", "t1");
	add(f, "token.failing", "t2");
	add(f, "token.recovered", "t2");
	assert_str_equal(types(f, &two), S("token.failing token.recovered"));
	assert_str_equal(types(f, &type), S("token.failing token.failing"));
	assert_str_equal(types(f, &family), S("token.failing token.failing token.recovered"));
	assert_str_equal(types(f, &part), S(""));
	/* page by page */
	assert_ok(store_event_list(store(f), &f->cx, &all, NULL, 2, &list, &n));
	assert_int_equal(n, 2);
	assert_ok(store_event_list(store(f), &f->cx, &all, &list[1], 2, &rest, &more));
	assert_int_equal(more, 1);
	assert_str_equal(rest[0].about_id, S("t1"));
}

static void
test_a_cursor_goes_on_where_it_was(void **state)
{
	struct fixture *f = *state;
	struct event_filter ones = { .token_id = S("t1") };
	struct event_cursor c, copy;
	struct event *list;
	struct str text;
	bool missed;
	size_t n;

	add(f, "token.failing", "t1");
	assert_ok(store_event_end(store(f), &f->cx, &c));
	assert_ok(store_event_after(store(f), &f->cx, &all, &c, MANY, &list, &n, &missed));
	assert_int_equal(n, 0);
	add(f, "token.recovered", "t1");
	add(f, "token.failing", "t2");
	add(f, "token.failing", "t1");
	assert_ok(store_event_after(store(f), &f->cx, &ones, &c, 1, &list, &n, &missed));
	assert_int_equal(n, 1);
	assert_str_equal(list[0].type, S("token.recovered"));
	text = event_cursor_text(f->arena, &c);
	assert_true(event_cursor_read(text, &copy));
	assert_ok(store_event_after(store(f), &f->cx, &ones, &copy, MANY, &list, &n, &missed));
	assert_int_equal(n, 1);
	assert_str_equal(list[0].type, S("token.failing"));
	assert_false(missed);
	assert_ok(store_event_after(store(f), &f->cx, &ones, &copy, MANY, &list, &n, &missed));
	assert_int_equal(n, 0);
	/* of other data: as far as it can be */
	assert_true(event_cursor_read(S("0.1-900"), &copy));
	assert_ok(store_event_after(store(f), &f->cx, &all, &copy, MANY, &list, &n, &missed));
	assert_true(missed);
	assert_ok(store_event_after(store(f), &f->cx, &all, &copy, MANY, &list, &n, &missed));
	assert_false(missed);
	assert_false(event_cursor_read(S(""), &copy));
	assert_false(event_cursor_read(S("0.1"), &copy));
	assert_false(event_cursor_read(S("0.1-x"), &copy));
	assert_false(event_cursor_read(S("-1.1-2"), &copy));
}

/* The data were put back to an earlier state, or a standby that lagged is the primary now: the chains
 * that the cursor knows of are not there, or not there yet. */
static void
test_a_cursor_of_other_data_says_so_and_goes_on(void **state)
{
	static const char *const foreign[] = { "9", "9.8-3", "2.1-900", "9.1-1.8-1" };
	struct fixture *f = *state;
	struct event_cursor c;
	struct event *list;
	bool missed;
	size_t n;

	add(f, "token.failing", "t1");
	for (size_t i = 0; i < sizeof(foreign) / sizeof(foreign[0]); i++) {
		assert_true(event_cursor_read(str_of(foreign[i]), &c));
		assert_ok(store_event_after(store(f), &f->cx, &all, &c, MANY, &list, &n, &missed));
		assert_true(missed);
		assert_int_equal(n, 0);
		add(f, "token.recovered", "t1");
		assert_ok(store_event_after(store(f), &f->cx, &all, &c, MANY, &list, &n, &missed));
		assert_false(missed);
		assert_int_equal(n, 1);
	}
}

static void
test_old_events_end_in_pieces_and_the_chain_holds(void **state)
{
	struct fixture *f = *state;
	struct event_cursor begin = { 0 };
	struct event *list;
	int64_t rows, middle;
	struct str bad;
	bool missed;
	size_t n;

	for (int i = 0; i < 5; i++)
		add(f, "token.failing", "t1");
	step_clock(f);
	middle = clock_now_ms(f->clock);
	add(f, "token.recovered", "t1");
	assert_ok(store_event_sweep(store(f), &f->cx, middle, 2));
	newest(f, &all, &n);
	assert_int_equal(n, 4);
	assert_ok(store_event_sweep(store(f), &f->cx, middle, MANY));
	newest(f, &all, &n);
	assert_int_equal(n, 1);
	assert_ok(store_event_verify(store(f), &f->cx, &rows, &bad));
	assert_str_equal(bad, S(""));
	assert_int_equal(rows, 1);
	assert_ok(store_event_after(store(f), &f->cx, &all, &begin, MANY, &list, &n, &missed));
	assert_true(missed);
	assert_int_equal(n, 1);
	add(f, "token.failing", "t1");
	assert_ok(store_event_verify(store(f), &f->cx, &rows, &bad));
	assert_str_equal(bad, S(""));
}

/* S-200: whoever has the database and not the key leaves a mark, whatever it is. */
static void
test_s200_tampering_is_found(void **state)
{
	static const char *const deeds[][3] = {
		{ "UPDATE event SET about_name = 'x' WHERE seq = 3", "changed: event 1-3" },
		{ "UPDATE event SET at_ms = at_ms + 1 WHERE seq = 1", "changed: event 1-1" },
		{ "UPDATE event SET refused = 1 WHERE seq = 2", "changed: event 1-2" },
		{ "DELETE FROM event WHERE seq = 4", "missing: event 1-4" },
		{ "DELETE FROM event WHERE seq = 1", "missing: event 1-1" },
		{ "DELETE FROM event WHERE seq > 3", "missing: event 1-4" },
		{ "DELETE FROM event", "missing: event 1-1" },
		{ "UPDATE event_head SET seq = 5", "changed: the end of the chain at event 1-5",
		    "UPDATE event_head SET mac = (SELECT mac FROM event WHERE seq = 5)" },
		{ "UPDATE event_head SET swept_seq = 6",
		    "changed: the end of the chain at event 1-6", "DELETE FROM event" },
		{ "DELETE FROM event_head", "6 events of a chain that is not there" },
		{ "INSERT INTO event SELECT head, 7, at_ms, type, actor_kind, actor_id, actor_name,"
		  " from_address, about_kind, about_id, about_name, refused, details, mac FROM "
		  "event"
		  " WHERE seq = 6",
		    "changed: event 1-7" },
	};
	struct fixture *f = *state;
	int64_t rows;
	struct str bad;

	for (size_t i = 0; i < sizeof(deeds) / sizeof(deeds[0]); i++) {
		struct opened *o = opened(f);

		store_close(o->store);
		o->store = NULL;
		o->where = new_where(f, str_printf(f->arena, "deed%zu.db", i).p);
		open_store(f);
		for (int n = 0; n < 6; n++)
			add(f, "token.failing", "t1");
		assert_ok(store_event_verify(store(f), &f->cx, &rows, &bad));
		assert_str_equal(bad, S(""));
		assert_int_equal(rows, 6);
		by_hand(f, deeds[i][0]);
		if (deeds[i][2] != NULL)
			by_hand(f, deeds[i][2]);
		assert_ok(store_event_verify(store(f), &f->cx, &rows, &bad));
		assert_str_equal(bad, str_of(deeds[i][1]));
	}
}

static void
count_one(void *arg)
{
	++*(int *)arg;
}

static void
test_the_listener_hears_of_a_commit(void **state)
{
	struct fixture *f = *state;
	struct token t;
	int heard = 0;

	store_event_listen(store(f), count_one, &heard);
	create(f, "t1", "One");
	assert_int_equal(heard, 1);
	assert_ok(store_token_get(store(f), &f->cx, S("t1"), &t));
	work_refresh(f);
	assert_int_equal(heard, 1);
	fail_refresh(f, TOKEN_ACTIVE, "Dropbox did not answer in time.");
	assert_int_equal(heard, 2);
}

const struct CMUnitTest event_tests[] = {
	STORE_TEST(test_each_change_of_a_token_is_one_event),
	STORE_TEST(test_an_event_says_who_and_about_what),
	STORE_TEST(test_refreshes_are_told_when_the_state_changes),
	STORE_TEST(test_a_misconfigured_token_that_is_mended_is_told),
	STORE_TEST(test_people_and_keys),
	STORE_TEST(test_s202_a_narrow_key_sees_its_own),
	STORE_TEST(test_filter_by_token_and_type),
	STORE_TEST(test_a_cursor_goes_on_where_it_was),
	STORE_TEST(test_a_cursor_of_other_data_says_so_and_goes_on),
	STORE_TEST(test_old_events_end_in_pieces_and_the_chain_holds),
	STORE_TEST(test_s200_tampering_is_found),
	STORE_TEST(test_the_listener_hears_of_a_commit),
};
const size_t event_test_count = sizeof(event_tests) / sizeof(event_tests[0]);
