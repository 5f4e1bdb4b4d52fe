/* Requests that are run together: in which order gates and handlers are asked, and what becomes of the
 * replies when what they share is lost. */
#include "fixture.h"

#include "http/frame.h"

#define MANY 3

/* A site of one token: the first request takes it away, the others need it. */
struct site {
	char order[64];
	bool token, begin_fails, settle_fails, again, lost;
};

static void
note(struct site *s, char what)
{
	s->order[strlen(s->order)] = what;
}

static enum rc
begin(void *app, struct ctx *cx)
{
	struct site *s = app;

	note(s, 'b');
	return s->begin_fails ? fail(cx, E_BUSY, "No.") : OK;
}

static enum rc
gate(void *app, struct ctx *cx, struct http_req *req, struct http_res *res)
{
	struct site *s = app;

	(void)req, (void)res;
	note(s, 'g');
	return s->token ? OK : fail(cx, E_AUTH, "Revoked.");
}

static enum rc
end_token(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	struct site *s = app;

	(void)cx, (void)req;
	note(s, 'h');
	if (s->lost)
		return E_AGAIN;
	s->token = false;
	res->status = 200;
	return OK;
}

static enum rc
settle(void *app, struct ctx *cx)
{
	struct site *s = app;

	note(s, 's');
	if (s->again) {
		s->again = s->lost = false;
		return E_AGAIN;
	}
	return s->settle_fails ? fail(cx, E_STORE, "Lost.") : OK;
}

/* The statuses of MANY requests that wait together. */
static void
run(struct fixture *f, struct site *s, int status[MANY])
{
	const struct http_route route = {
		.method = HTTP_M_POST, .path = "/revoke", .lane = LANE_BATCH, .handler = end_token
	};
	const struct http_site site = { .app = s,
		.routes = &route,
		.route_count = 1,
		.begin = begin,
		.gate = gate,
		.settle = settle };
	const struct frame frame = { .site = &site, .name = "test" };
	struct exchange *xs[MANY];

	for (int i = 0; i < MANY; i++) {
		xs[i] = ARENA_NEW(f->arena, struct exchange);
		ctx_init(&xs[i]->cx, f->arena, f->clock);
		xs[i]->req.route = &route;
		xs[i]->req.body_fd = -1;
		xs[i]->res.arena = f->arena;
	}
	for (size_t ran = 0; ran < MANY;)
		ran += frame_batch_run(&frame, xs + ran, MANY - ran);
	for (int i = 0; i < MANY; i++)
		status[i] = xs[i]->res.status;
}

static void
a_gate_is_asked_after_the_handlers_before_it(void **state)
{
	struct site s = { .token = true };
	int status[MANY];

	run(*state, &s, status);
	assert_string_equal(s.order, "bghggs");
	assert_int_equal(status[0], 200);
	assert_int_equal(status[1], 401);
	assert_int_equal(status[2], 401);
}

static void
what_is_lost_was_answered_to_nobody(void **state)
{
	struct site s = { .token = true, .settle_fails = true };
	int status[MANY];

	run(*state, &s, status);
	for (int i = 0; i < MANY; i++)
		assert_int_equal(status[i], 500);
}

static void
nothing_runs_when_it_cannot_begin(void **state)
{
	struct site s = { .token = true, .begin_fails = true };
	int status[MANY];

	run(*state, &s, status);
	assert_string_equal(s.order, "b");
	for (int i = 0; i < MANY; i++)
		assert_int_equal(status[i], 503);
}

/* A round that is lost is run again: the handlers of those that their gates let in, and no gate twice. */
static void
handlers_run_again_when_nothing_of_them_is_there(void **state)
{
	struct site s = { .token = true, .again = true };
	int status[MANY];

	run(*state, &s, status);
	assert_string_equal(s.order, "bghggsbhs");
	assert_int_equal(status[0], 200);
	assert_int_equal(status[1], 401);
	assert_int_equal(status[2], 401);
}

static void
those_behind_the_one_that_lost_it_come_later(void **state)
{
	struct site s = { .token = true, .again = true, .lost = true };
	int status[MANY];

	run(*state, &s, status);
	assert_string_equal(s.order, "bghsbhsbggs");
	assert_int_equal(status[0], 200);
	assert_int_equal(status[1], 401);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_gate_is_asked_after_the_handlers_before_it),
		TEST(what_is_lost_was_answered_to_nobody),
		TEST(handlers_run_again_when_nothing_of_them_is_there),
		TEST(those_behind_the_one_that_lost_it_come_later),
		TEST(nothing_runs_when_it_cannot_begin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
