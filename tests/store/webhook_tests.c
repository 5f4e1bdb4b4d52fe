/* The outbox: a delivery is written with the event that it tells, and sent by one. */
#include "suite.h"

#include "store/webhook.h"

#define LEASED 60000

static void
hook(struct fixture *f, const char *id, const char *types)
{
	struct webhook w = { .id = str_of(id),
		.name = str_of(id),
		.url = S("https://example.com/hook"),
		.types = str_of(types),
		.enabled = true,
		.created_ms = NOW };

	assert_ok(store_webhook_create(store(f), &f->cx, &w, secret_of(S("whsec_c2VjcmV0"))));
}

static size_t
due(struct fixture *f, const char *id, int64_t wall_ms, struct delivery **out)
{
	size_t n;

	assert_ok(store_delivery_claim(
	    store(f), &f->cx, str_of(id), INT64_MAX - 1, wall_ms, LEASED, 10, out, &n));
	return n;
}

static void
test_each_webhook_gets_the_types_it_wants(void **state)
{
	struct fixture *f = *state;
	struct delivery *d;
	struct event e;
	struct webhook_edit off = { .set_enabled = true };
	struct secret secret;

	hook(f, "all", "");
	hook(f, "tokens", "token");
	hook(f, "failing", "token.failing user");
	hook(f, "none", "token.fail");
	hook(f, "off", "");
	assert_ok(store_webhook_edit(store(f), &f->cx, S("off"), &off));
	due(f, "all", NOW, &d); /* the webhooks that were made after it */
	create(f, "t1", "One");
	assert_int_equal(due(f, "all", NOW + 1, &d), 1);
	assert_str_equal(d[0].type, S("token.created"));
	assert_ok(store_delivery_event(store(f), &f->cx, &d[0], &e));
	assert_str_equal(e.about_id, S("t1"));
	assert_int_equal(due(f, "tokens", NOW, &d), 1);
	assert_int_equal(due(f, "failing", NOW, &d), 0);
	assert_int_equal(due(f, "none", NOW, &d), 0);
	/* one that is off had its own creation told, and nothing since */
	assert_int_equal(run_sql(f, "UPDATE delivery SET type = type WHERE webhook_id = 'off'"), 1);
	assert_ok(store_webhook_secret(store(f), &f->cx, S("all"), &secret));
	assert_str_equal(secret_expose(secret), S("whsec_c2VjcmV0"));
}

static void
test_a_delivery_is_claimed_by_one_until_its_lease_lapses(void **state)
{
	struct fixture *f = *state;
	struct delivery *d;
	struct str first;
	int64_t next;

	hook(f, "h", "token");
	create(f, "t1", "One");
	assert_int_equal(due(f, "h", NOW, &d), 1);
	first = d[0].id;
	assert_int_equal(due(f, "h", NOW + 1, &d), 0);
	assert_ok(store_delivery_next(store(f), &f->cx, NOW + 1, &next));
	assert_int_equal(next, 0);
	assert_int_equal(due(f, "h", NOW + LEASED + 1, &d), 1);
	assert_str_equal(d[0].id, first);
	assert_ok(store_delivery_recover(store(f), &f->cx));
	assert_int_equal(due(f, "h", NOW, &d), 1);
}

static void
test_what_came_of_a_try(void **state)
{
	struct fixture *f = *state;
	struct delivery *d, *list;
	int64_t next;
	size_t n;

	hook(f, "h", "token");
	create(f, "t1", "One");
	due(f, "h", NOW, &d);
	d[0].attempts = 1;
	d[0].tried_ms = NOW;
	d[0].status = 500;
	d[0].error = S("It answered with HTTP status 500.");
	d[0].due_ms = NOW + 5000;
	assert_ok(store_delivery_tried(store(f), &f->cx, &d[0]));
	assert_ok(store_delivery_next(store(f), &f->cx, NOW, &next));
	assert_int_equal(next, NOW + 5000);
	d[0].due_ms = 0;
	d[0].state = DELIVERY_GIVEN_UP;
	assert_ok(store_delivery_tried(store(f), &f->cx, &d[0]));
	assert_int_equal(due(f, "h", NOW, &d), 0);
	assert_ok(store_delivery_list(store(f), &f->cx, S("h"), 10, &list, &n));
	assert_int_equal(n, 1);
	assert_int_equal(list[0].state, DELIVERY_GIVEN_UP);
	assert_int_equal(list[0].status, 500);
	assert_rc(store_delivery_again(store(f), &f->cx, S("other"), list[0].id, NOW), E_NOTFOUND);
	assert_ok(store_delivery_again(store(f), &f->cx, S("h"), list[0].id, NOW));
	assert_int_equal(due(f, "h", NOW, &d), 1);
	d[0].state = DELIVERY_DONE;
	d[0].due_ms = 0;
	d[0].tried_ms = NOW;
	assert_ok(store_delivery_tried(store(f), &f->cx, &d[0]));
	assert_rc(store_delivery_again(store(f), &f->cx, S("h"), d[0].id, NOW), E_NOTFOUND);
	assert_ok(store_delivery_sweep(store(f), &f->cx, NOW, 10));
	assert_ok(store_delivery_list(store(f), &f->cx, S("h"), 10, &list, &n));
	assert_int_equal(n, 1);
	assert_ok(store_delivery_sweep(store(f), &f->cx, NOW + 1, 10));
	assert_ok(store_delivery_list(store(f), &f->cx, S("h"), 10, &list, &n));
	assert_int_equal(n, 0);
}

static void
refuses_edit(struct fixture *f, const struct webhook_edit *edit, const char *field)
{
	assert_rc(store_webhook_edit(store(f), &f->cx, S("h"), edit), E_CONFLICT);
	assert_string_equal(f->cx.code, "changed-meanwhile");
	assert_string_equal(f->cx.field, field);
	ctx_clear(&f->cx);
}

/* Of two who saw the same webhook the second is told, and changes nothing. */
static void
test_an_edit_of_a_webhook_that_is_another_by_now_is_refused(void **state)
{
	struct fixture *f = *state;
	struct webhook_edit edit = { .set_name = true, .name = S("mine"), .set_enabled = true };
	struct webhook w;

	hook(f, "h", "token key");
	edit.was.name = S("g");
	refuses_edit(f, &edit, "name");
	edit.was.name = S("h");
	edit.was.url = S("https://example.com/other");
	refuses_edit(f, &edit, "url");
	edit.was.url = S("https://example.com/hook");
	edit.was.has_types = true;
	refuses_edit(f, &edit, "types");
	edit.was.types = S("token key");
	edit.was.has_enabled = true;
	refuses_edit(f, &edit, "enabled");
	assert_ok(store_webhook_get(store(f), &f->cx, S("h"), &w));
	assert_str_equal(w.name, S("h"));
	assert_true(w.enabled);
	edit.was.enabled = true;
	assert_ok(store_webhook_edit(store(f), &f->cx, S("h"), &edit));
	assert_ok(store_webhook_get(store(f), &f->cx, S("h"), &w));
	assert_str_equal(w.name, S("mine"));
	assert_false(w.enabled);
}

static void
test_the_end_of_a_webhook_is_the_end_of_what_waits(void **state)
{
	struct fixture *f = *state;
	struct webhook w;
	struct str id;

	hook(f, "h", "token");
	create(f, "t1", "One");
	assert_ok(store_delivery_test(store(f), &f->cx, S("h"), NOW, &id));
	assert_true(str_starts(id, S("msg_")));
	assert_ok(store_webhook_delete(store(f), &f->cx, S("h")));
	assert_rc(store_webhook_get(store(f), &f->cx, S("h"), &w), E_NOTFOUND);
	assert_rc(store_webhook_delete(store(f), &f->cx, S("h")), E_NOTFOUND);
	assert_int_equal(run_sql(f, "UPDATE delivery SET type = type"), 0);
}

static void
test_webhooks_are_few(void **state)
{
	struct fixture *f = *state;
	struct webhook w = { .id = S("one more"), .name = S("x"), .url = S("x"), .types = S("") };

	for (int i = 0; i < WEBHOOKS_MAX; i++)
		hook(f, str_printf(f->arena, "h%d", i).p, "token");
	assert_rc(store_webhook_create(store(f), &f->cx, &w, secret_of(S("whsec_x"))), E_CONFLICT);
}

const struct CMUnitTest webhook_tests[] = {
	STORE_TEST(test_each_webhook_gets_the_types_it_wants),
	STORE_TEST(test_a_delivery_is_claimed_by_one_until_its_lease_lapses),
	STORE_TEST(test_what_came_of_a_try),
	STORE_TEST(test_an_edit_of_a_webhook_that_is_another_by_now_is_refused),
	STORE_TEST(test_the_end_of_a_webhook_is_the_end_of_what_waits),
	STORE_TEST(test_webhooks_are_few),
};
const size_t webhook_test_count = sizeof(webhook_tests) / sizeof(webhook_tests[0]);
