/* Two nodes on one PostgreSQL: what one changes, the other hears. */
#include "suite.h"

#include <pthread.h>

#include "cluster.h"
#include "db/db.h"
#include "store/batch.h"
#include "store/changes.h"
#include "store/copy.h"
#include "store/event.h"
#include "store/webhook.h"

#define HEARD_MAX 20
#define BOUND_MS 2000 /* what docs/mechanisms/store.md promises */

/* What the second node was told. */
static struct {
	pthread_mutex_t lock;
	pthread_cond_t more;
	struct {
		enum change_kind kind;
		char id[40];
	} heard[HEARD_MAX];
	size_t count;
	int refuse; /* so many times more */
} ear = { .lock = PTHREAD_MUTEX_INITIALIZER, .more = PTHREAD_COND_INITIALIZER };

static enum rc
hear(void *arg, struct ctx *cx, const struct change *change)
{
	enum rc rc = OK;

	(void)arg;
	pthread_mutex_lock(&ear.lock);
	if (ear.refuse > 0) {
		ear.refuse--;
		rc = fail(cx, E_BUSY, "Not now.");
	} else if (ear.count < HEARD_MAX) {
		ear.heard[ear.count].kind = change->kind;
		snprintf(
		    ear.heard[ear.count].id, sizeof(ear.heard[0].id), "%.*s", STR_ARG(change->id));
		ear.count++;
	}
	pthread_cond_broadcast(&ear.more);
	pthread_mutex_unlock(&ear.lock);
	return rc;
}

/* How long it took until so much was heard; -1: longer than promised. */
static int64_t
wait_heard(size_t count)
{
	int64_t began = clock_mono_ms(), took;
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += BOUND_MS / 1000;
	pthread_mutex_lock(&ear.lock);
	while (ear.count < count && pthread_cond_timedwait(&ear.more, &ear.lock, &until) == 0)
		;
	took = ear.count >= count ? clock_mono_ms() - began : -1;
	pthread_mutex_unlock(&ear.lock);
	return took;
}

static struct store *
second_node(struct fixture *f)
{
	struct store *s;

	ear.count = 0;
	ear.refuse = 0;
	assert_ok(store_open(&f->cx, opened(f)->where, opened(f)->keyring, &s));
	assert_ok(store_follow(&f->cx, s, hear, NULL));
	return s;
}

static void
make_key(struct fixture *f, const char *id)
{
	struct api_key k = { .id = str_of(id),
		.label = S("One"),
		.hint = S(""),
		.digest = str_of(id),
		.all_tokens = true,
		.created_ms = NOW };

	assert_ok(store_key_create(store(f), &f->cx, &k));
}

static void
assert_heard(size_t i, enum change_kind kind, const char *id)
{
	assert_int_equal(ear.heard[i].kind, kind);
	assert_string_equal(ear.heard[i].id, id);
}

static void
test_a_change_reaches_the_other_node(void **state)
{
	struct fixture *f = *state;
	struct store *other;

	make_key(f, "before"); /* what it reads at its start anyway */
	other = second_node(f);
	make_key(f, "k1");
	assert_true(wait_heard(1) >= 0);
	assert_heard(0, CHANGE_KEYS, "k1");
	assert_ok(store_key_delete(store(f), &f->cx, S("k1")));
	assert_true(wait_heard(2) >= 0);
	assert_heard(1, CHANGE_KEYS, "k1");
	assert_true(store_behind_ms(other) < BOUND_MS);
	store_close(other);
}

static void
test_a_notification_is_faster_than_looking(void **state)
{
	struct fixture *f = *state;
	struct store *other = second_node(f), *self;
	int64_t best = BOUND_MS;

	/* The first node announces when it follows as well, as every node that serves does. */
	self = store(f);
	assert_ok(store_follow(&f->cx, self, hear, NULL));
	for (size_t i = 0; i < 5; i++) {
		const char *id = str_printf(f->arena, "k%zu", i).p;
		int64_t took;

		make_key(f, id);
		took = wait_heard(i + 1);
		assert_true(took >= 0);
		if (took < best)
			best = took;
	}
	assert_true(best < 150); /* it looks every 300 ms by itself */
	store_close(other);
}

static void
test_what_the_follower_could_not_take_comes_again(void **state)
{
	struct fixture *f = *state;
	struct store *other = second_node(f);

	ear.refuse = 3;
	make_key(f, "k1");
	assert_true(wait_heard(1) >= 0);
	assert_heard(0, CHANGE_KEYS, "k1");
	store_close(other);
}

static void
test_a_listener_that_was_cut_hears_within_the_bound(void **state)
{
	struct fixture *f = *state;
	struct store *other = second_node(f);

	make_key(f, "k1");
	assert_true(wait_heard(1) >= 0);
	cluster_sql("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
		    " WHERE application_name = 'valetkey'");
	make_key(f, "k2");
	assert_true(wait_heard(2) >= 0);
	assert_heard(1, CHANGE_KEYS, "k2");
	store_close(other);
}

static void
test_far_behind_everything_is_forgotten(void **state)
{
	struct fixture *f = *state;
	struct store *other = second_node(f);

	make_key(f, "k1");
	assert_true(wait_heard(1) >= 0);
	by_hand(f, "UPDATE node SET seq = seq + 100000");
	assert_true(wait_heard(2) >= 0);
	assert_heard(1, CHANGE_ALL, "");
	/* A standby that lacked the newest changes has become the primary. */
	by_hand(f, "UPDATE node SET seq = seq - 100001");
	assert_true(wait_heard(3) >= 0);
	assert_heard(2, CHANGE_ALL, "");
	store_close(other);
}

/* Each process that ever wrote has a row, for a day: a cron job makes hundreds of them. */
static void
test_a_change_is_heard_behind_hundreds_of_nodes(void **state)
{
	struct fixture *f = *state;
	struct store *other;

	by_hand(f,
	    "INSERT INTO node (id, seq, seen_ms)"
	    " SELECT 'old' || n, n, 32503680000000 FROM generate_series(1, 700) AS n");
	other = second_node(f);
	make_key(f, "k1");
	assert_true(wait_heard(1) >= 0);
	assert_heard(0, CHANGE_KEYS, "k1");
	by_hand(f,
	    "INSERT INTO node (id, seq, seen_ms)"
	    " SELECT 'new' || n, 0, 32503680000000 FROM generate_series(1, 700) AS n");
	make_key(f, "k2");
	assert_true(wait_heard(2) >= 0);
	assert_heard(1, CHANGE_KEYS, "k2");
	store_close(other);
}

static void
test_an_outage_is_told_and_ends(void **state)
{
	struct fixture *f = *state;
	struct store *other = second_node(f);

	make_key(f, "k1");
	assert_true(wait_heard(1) >= 0);
	cluster_crash();
	while (store_behind_ms(other) < BOUND_MS)
		usleep(50000);
	cluster_start_again();
	for (int i = 0; i < 1200 && store_behind_ms(other) >= BOUND_MS; i++)
		usleep(50000);
	assert_true(store_behind_ms(other) < BOUND_MS);
	make_key(f, "k2");
	assert_true(wait_heard(2) >= 0);
	store_close(other);
}

struct editor {
	struct fixture *f;
	struct store *store;
	int failed;
	bool names; /* edit_hook: not addresses */
};

#define EDITS 25

static void *
edit_often(void *arg)
{
	struct editor *e = arg;
	struct arena *a = arena_new();
	struct ctx cx;

	for (int i = 0; i < EDITS; i++) {
		struct token_edit edit = { .set_app_secret = true,
			.app_secret = secret_of(str_printf(a, "%p %d", arg, i)),
			.now_ms = NOW };

		ctx_init(&cx, a, e->f->clock);
		cx.may_block = true;
		if (store_token_edit(e->store, &cx, S("t1"), &edit) != OK) {
			print_error("%s\n", cx.why);
			e->failed++;
		}
	}
	arena_free(a);
	return NULL;
}

/* Each edit reads the sealed row and writes it anew: none may find it changed under its hands. */
static void
test_two_nodes_write_one_token_in_turns(void **state)
{
	struct fixture *f = *state;
	struct store *other;
	struct editor one = { f, store(f), 0, false }, two = { f, NULL, 0, false };
	pthread_t thread;
	struct token t;

	assert_ok(store_open(&f->cx, opened(f)->where, opened(f)->keyring, &other));
	two.store = other;
	create(f, "t1", "One");
	assert_int_equal(pthread_create(&thread, NULL, edit_often, &two), 0);
	edit_often(&one);
	pthread_join(thread, NULL);
	assert_int_equal(one.failed + two.failed, 0);
	assert_ok(store_token_get(store(f), &f->cx, S("t1"), &t));
	assert_int_equal(t.sealed_version, 1 + 2 * EDITS);
	store_close(other);
}

/* One node writes names, the other addresses; each must find what it wrote last. */
static void *
edit_hook(void *arg)
{
	struct editor *e = arg;
	struct arena *a = arena_new();
	struct ctx cx;

	ctx_init(&cx, a, e->f->clock);
	cx.may_block = true;
	for (int i = 0; i < EDITS; i++) {
		struct str text = str_printf(a, "https://example.com/%d", i);
		struct webhook_edit edit = {
			.set_name = e->names, .name = text, .set_url = !e->names, .url = text
		};
		struct webhook w;

		if (store_webhook_edit(e->store, &cx, S("w1"), &edit) != OK ||
		    store_webhook_get(e->store, &cx, S("w1"), &w) != OK ||
		    !str_eq(e->names ? w.name : w.url, text))
			e->failed++;
	}
	arena_free(a);
	return NULL;
}

static void
test_two_nodes_edit_one_webhook_and_lose_nothing(void **state)
{
	struct fixture *f = *state;
	const struct webhook w = {
		.id = S("w1"), .name = S("w"), .url = S("https://example.com"), .created_ms = NOW
	};
	struct editor one = { f, store(f), 0, true }, two = { f, NULL, 0, false };
	pthread_t thread;

	assert_ok(store_open(&f->cx, opened(f)->where, opened(f)->keyring, &two.store));
	assert_ok(store_webhook_create(store(f), &f->cx, &w, secret_of(S("whsec_x"))));
	assert_int_equal(pthread_create(&thread, NULL, edit_hook, &two), 0);
	edit_hook(&one);
	pthread_join(thread, NULL);
	assert_int_equal(one.failed + two.failed, 0);
	store_close(two.store);
}

/* What it would write meanwhile would be left behind. */
static void
test_nobody_moves_data_that_is_being_served(void **state)
{
	struct fixture *f = *state;
	struct store *other = second_node(f);
	struct store_copy copy = {
		.from = opened(f)->where, .to = fixture_path(f, "moved.db"), .moving = true
	};

	store_close(store(f));
	opened(f)->store = NULL;
	assert_rc(store_copy(&f->cx, &copy), E_CONFLICT);
	assert_int_not_equal(access(copy.to, F_OK), 0);
	store_close(other);
	ctx_clear(&f->cx);
	assert_ok(store_copy(&f->cx, &copy));
}

/* Nor begins to write, or connects again to go on writing, while it is being moved. */
static void
test_nobody_writes_to_data_that_is_being_moved(void **state)
{
	struct fixture *f = *state;
	struct store *late;
	struct db *mover;
	bool alone;

	store_close(store(f));
	opened(f)->store = NULL;
	assert_ok(db_open(&f->cx, opened(f)->where, &mover));
	assert_ok(db_claim_alone(&f->cx, mover, &alone));
	assert_true(alone);
	f->cx.deadline_ms = 1; /* it would wait for a moment */
	assert_rc(store_open(&f->cx, opened(f)->where, opened(f)->keyring, &late), E_STORE);
	assert_non_null(strstr(f->cx.why, "being moved"));
	ctx_clear(&f->cx);
	f->cx.deadline_ms = 0;
	db_close(mover);
	open_store(f);
	make_key(f, "k1");
}

static void *
open_one(void *arg)
{
	struct fixture *f = arg;
	struct arena *a = arena_new();
	struct store *s = NULL;
	struct ctx cx;

	ctx_init(&cx, a, f->clock);
	cx.may_block = true;
	if (store_open(&cx, opened(f)->where, opened(f)->keyring, &s) != OK)
		print_error("%s\n", cx.why);
	arena_free(a);
	return s;
}

#define AT_ONCE 4

/* Nodes that start together on an empty database: one makes the schema, and all have the same. */
static void
test_nodes_that_start_at_once_migrate_once(void **state)
{
	struct fixture *f = *state;
	pthread_t threads[AT_ONCE];
	struct store *stores[AT_ONCE];
	struct str mine[AT_ONCE];

	opened(f)->where = new_where(f, "unused");
	for (int i = 0; i < AT_ONCE; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, open_one, f), 0);
	for (int i = 0; i < AT_ONCE; i++)
		assert_int_equal(pthread_join(threads[i], (void **)&stores[i]), 0);
	for (int i = 0; i < AT_ONCE; i++) {
		assert_non_null(stores[i]);
		assert_ok(store_meta_first(
		    stores[i], &f->cx, S("instance"), str_printf(f->arena, "%d", i), &mine[i]));
		assert_str_equal(mine[i], S("0"));
	}
	for (int i = 0; i < AT_ONCE; i++)
		store_close(stores[i]);
}

static void
reveal(struct fixture *f, struct store *s, const char *id)
{
	assert_ok(store_event_add(s, &f->cx,
	    &(struct event_note){ .type = "token.revealed",
		.about_kind = "token",
		.about_id = str_of(id),
		.about_name = S("One") }));
}

static void
read_on(struct fixture *f, struct event_cursor *c, const char *want)
{
	const struct event_filter all = { 0 };
	struct event *list;
	bool missed;
	size_t n;

	assert_ok(store_event_after(store(f), &f->cx, &all, c, 10, &list, &n, &missed));
	assert_false(missed);
	assert_int_equal(n, want == NULL ? 0 : 1);
	if (want != NULL)
		assert_str_equal(list[0].about_id, str_of(want));
}

struct slow {
	struct fixture *f;
	struct event_cursor cursor;
};

/* While this node's event is written and not committed, the other commits one that is read. */
static enum rc
write_slowly(struct store *s, struct ctx *cx, void *arg)
{
	struct slow *slow = arg;

	TRY(store_event_add(s, cx,
	    &(struct event_note){ .type = "token.revealed",
		.about_kind = "token",
		.about_id = S("late"),
		.about_name = S("") }));
	reveal(slow->f, store(slow->f), "early");
	read_on(slow->f, &slow->cursor, "early");
	return OK;
}

static void
test_what_a_node_commits_late_is_not_passed_over(void **state)
{
	struct fixture *f = *state;
	struct store *second = second_node(f);
	struct slow slow = { .f = f };
	struct ctx cx;
	struct store_job job = { .run = write_slowly, .arg = &slow, .cx = &cx };

	ctx_init(&cx, f->arena, f->clock);
	cx.may_block = true;
	reveal(f, store(f), "first");
	reveal(f, second, "second");
	assert_ok(store_event_end(store(f), &f->cx, &slow.cursor));
	store_batch(second, &job, 1);
	assert_int_equal(job.rc, OK);
	read_on(f, &slow.cursor, "late");
	read_on(f, &slow.cursor, NULL);
	store_close(second);
}

static enum rc
write_in_vain(struct store *s, struct ctx *cx, void *arg)
{
	reveal(arg, s, "in vain");
	return fail(cx, E_BUSY, "Not now.");
}

/* A chain whose making was rolled back is none: another node may be the one that makes it. */
static void
test_no_two_nodes_write_one_chain_after_a_rollback(void **state)
{
	struct fixture *f = *state;
	struct store *second = second_node(f);
	struct event_cursor end;
	struct ctx cx;
	struct store_job job = { .run = write_in_vain, .arg = f, .cx = &cx };

	ctx_init(&cx, f->arena, f->clock);
	cx.may_block = true;
	store_batch(second, &job, 1);
	assert_int_equal(job.rc, E_BUSY);
	reveal(f, store(f), "a");
	reveal(f, second, "b");
	reveal(f, second, "c");
	assert_ok(store_event_end(store(f), &f->cx, &end));
	assert_int_equal(end.count, 2);
	assert_int_equal(end.at[0].seq, 1);
	assert_int_equal(end.at[1].seq, 2);
	store_close(second);
}

/* A chain that nobody writes to is closed, and its process begins another. */
static void
test_idle_chains_are_closed_and_left_behind(void **state)
{
	struct fixture *f = *state;
	struct store *second = second_node(f);
	struct event_cursor c = { 0 };
	struct str bad;
	int64_t rows;

	reveal(f, store(f), "a");
	read_on(f, &c, "a");
	reveal(f, second, "b");
	read_on(f, &c, "b");
	assert_int_equal(c.count, 2);
	by_hand(f, "UPDATE event_head SET changed_ms = 0");
	assert_ok(store_event_sweep(store(f), &f->cx, 0, 10));
	read_on(f, &c, NULL);
	assert_int_equal(c.count, 0);
	assert_int_equal(c.floor, 3);
	reveal(f, second, "c");
	read_on(f, &c, "c");
	assert_int_equal(c.count, 1);
	assert_int_equal(c.at[0].head, 3);
	assert_ok(store_event_verify(store(f), &f->cx, &rows, &bad));
	assert_str_equal(bad, S(""));
	assert_int_equal(rows, 3);
	store_close(second);
}

/* Chains of processes that came and went, beside one that is written to all the time. */
static void
make_closed_heads(struct fixture *f, int64_t first, int64_t count)
{
	by_hand(f,
	    str_printf(f->arena,
		"INSERT INTO event_head (num, seq, mac, closed, changed_ms, swept_seq, swept_mac,"
		" seal) SELECT n, 0, '', 1, 0, 0, '', '' FROM generate_series(%lld, %lld) n",
		(long long)first, (long long)(first + count - 1))
		.p);
}

static void
test_a_new_chain_is_read_behind_many_closed_ones(void **state)
{
	struct fixture *f = *state;
	struct store *second = second_node(f), *third;
	struct event_cursor begin = { 0 }, end, c;

	reveal(f, store(f), "a");
	read_on(f, &begin, "a");
	make_closed_heads(f, 2, 3 * EVENT_HEADS_MAX);
	assert_ok(store_event_end(store(f), &f->cx, &end));
	assert_int_equal(end.count, 1);
	reveal(f, second, "b");
	c = end;
	read_on(f, &c, "b");
	read_on(f, &begin, "b");
	assert_int_equal(begin.count, 2);
	/* and through its text */
	assert_true(event_cursor_read(event_cursor_text(f->arena, &begin), &c));
	third = second_node(f);
	reveal(f, third, "c");
	read_on(f, &c, "c");
	reveal(f, store(f), "a");
	read_on(f, &c, "a");
	/* one of an earlier version: all from its floor on that it had seen are in it */
	assert_true(event_cursor_read(S("0.1-1"), &c));
	assert_int_equal(c.floor, 2);
	store_close(third);
	store_close(second);
}

/* More are open than a cursor holds: what may be lost is told. */
static void
test_more_open_chains_than_a_cursor_holds_are_told(void **state)
{
	const struct event_filter all = { 0 };
	struct fixture *f = *state;
	struct event_cursor c = { 0 };
	struct event *list;
	bool missed;
	size_t n;

	reveal(f, store(f), "a");
	read_on(f, &c, "a");
	make_closed_heads(f, 2, EVENT_HEADS_MAX - 1);
	by_hand(f, "UPDATE event_head SET closed = 0");
	read_on(f, &c, NULL);
	assert_int_equal(c.count, EVENT_HEADS_MAX);
	make_closed_heads(f, EVENT_HEADS_MAX + 1, 1);
	by_hand(f, "UPDATE event_head SET closed = 0");
	assert_ok(store_event_after(store(f), &f->cx, &all, &c, 10, &list, &n, &missed));
	assert_true(missed);
	assert_int_equal(c.at[0].head, 2);
	assert_int_equal(c.at[EVENT_HEADS_MAX - 1].head, EVENT_HEADS_MAX + 1);
}

/* Ending old rows is no sign of life of the one who wrote them. */
static void
test_a_swept_chain_grows_idle_all_the_same(void **state)
{
	struct fixture *f = *state;
	struct event_cursor c;

	reveal(f, store(f), "a");
	by_hand(f, "UPDATE event_head SET changed_ms = 0");
	by_hand(f, "UPDATE event_head SET closed = 1"); /* so that the sweep itself does not */
	assert_ok(store_event_sweep(store(f), &f->cx, INT64_MAX, 10));
	by_hand(f, "UPDATE event_head SET closed = 0");
	assert_ok(store_event_sweep(store(f), &f->cx, 0, 10));
	assert_ok(store_event_end(store(f), &f->cx, &c));
	assert_int_equal(c.count, 0);
}

const struct CMUnitTest node_tests[] = {
	STORE_TEST(test_a_change_reaches_the_other_node),
	STORE_TEST(test_a_notification_is_faster_than_looking),
	STORE_TEST(test_what_the_follower_could_not_take_comes_again),
	STORE_TEST(test_a_listener_that_was_cut_hears_within_the_bound),
	STORE_TEST(test_far_behind_everything_is_forgotten),
	STORE_TEST(test_an_outage_is_told_and_ends),
	STORE_TEST(test_two_nodes_write_one_token_in_turns),
	STORE_TEST(test_two_nodes_edit_one_webhook_and_lose_nothing),
	STORE_TEST(test_nobody_moves_data_that_is_being_served),
	STORE_TEST(test_nobody_writes_to_data_that_is_being_moved),
	STORE_TEST(test_a_change_is_heard_behind_hundreds_of_nodes),
	STORE_TEST(test_nodes_that_start_at_once_migrate_once),
	STORE_TEST(test_what_a_node_commits_late_is_not_passed_over),
	STORE_TEST(test_no_two_nodes_write_one_chain_after_a_rollback),
	STORE_TEST(test_idle_chains_are_closed_and_left_behind),
	STORE_TEST(test_a_new_chain_is_read_behind_many_closed_ones),
	STORE_TEST(test_more_open_chains_than_a_cursor_holds_are_told),
	STORE_TEST(test_a_swept_chain_grows_idle_all_the_same),
};
const size_t node_test_count = sizeof(node_tests) / sizeof(node_tests[0]);
