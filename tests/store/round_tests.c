/* The steps of many refreshes in one transaction. */
#include "suite.h"

#include "fault.h"
#include "store/round.h"
#include "store/store_int.h"

#define WISHES 4
#define REPLIES 2
#define PAIRS 3
#define FAILURES 3

struct work {
	struct refresh_claim claim;
	struct ctx cx;
	bool record, asked;
};

struct many {
	struct work wished[WISHES], replied[REPLIES], paired[PAIRS], failed[FAILURES];
	struct round_wish wishes[WISHES];
	struct round_reply replies[REPLIES];
	struct round_pair pairs[PAIRS];
	struct round_failure failures[FAILURES];
	struct token_grant grant;
	struct round round;
	struct ctx cx;
};

static const char *
id_of(struct fixture *f, const char *kind, int i)
{
	return str_printf(f->arena, "%s%d", kind, i).p;
}

static struct ctx
new_cx(struct fixture *f)
{
	struct ctx cx;

	ctx_init(&cx, f->arena, f->clock);
	cx.may_block = true;
	return cx;
}

static bool
begin(void *arg, bool *risky)
{
	struct work *w = arg;

	w->asked = true;
	*risky = false;
	return w->record;
}

/* Of each the reply was kept; of the second it stays so, though nobody knows what it says. */
static const struct refresh_failure failures[FAILURES] = {
	{ .reason = { "no answer", 9 },
	    .now_ms = NOW + 5,
	    .due_ms = NOW + 60000,
	    .attempt = { .stage = STAGE_LOST, .sent_ms = NOW } },
	{ .reason = { "half of an answer", 17 },
	    .now_ms = NOW + 5,
	    .due_ms = NOW + 60000,
	    .keep_reply = true,
	    .attempt = { .stage = STAGE_LOST, .sent_ms = NOW } },
	{ .status = TOKEN_NEEDS_REAUTHORIZATION,
	    .reason = { "Consent was withdrawn.", 22 },
	    .now_ms = NOW + 5 },
};

static void
make_failures(struct fixture *f, struct many *m)
{
	for (int i = 0; i < FAILURES; i++) {
		struct work *w = &m->failed[i];

		create(f, id_of(f, "fail", i), id_of(f, "fail", i));
		w->claim = claim(f, id_of(f, "fail", i), NOW);
		assert_ok(store_refresh_sent(store(f), &f->cx, &w->claim, NOW, false));
		assert_ok(store_refresh_answered(
		    store(f), &f->cx, &w->claim, NOW, 200, 7, secret_of(S("the raw reply"))));
		w->cx = new_cx(f);
		m->failures[i] = (struct round_failure){
			.claim = &w->claim, .cx = &w->cx, .failure = &failures[i]
		};
	}
	m->round.failures = m->failures;
	m->round.failure_count = FAILURES;
}

static void
make_work(struct fixture *f, struct many *m)
{
	*m = (struct many){ .round = { .now_ms = NOW + 5, .wall_ms = NOW, .lease_ms = LEASE } };
	m->cx = new_cx(f);
	m->grant = fresh;
	m->grant.expires_date_s = 1700001234;
	for (int i = 0; i < WISHES; i++) {
		create(f, id_of(f, "wish", i), id_of(f, "wish", i));
		m->wished[i].record = true;
		m->wished[i].cx = new_cx(f);
		m->wishes[i] = (struct round_wish){ .id = str_of(id_of(f, "wish", i)),
			.cx = &m->wished[i].cx,
			.begin = begin,
			.arg = &m->wished[i],
			.claim = &m->wished[i].claim };
	}
	for (int i = 0; i < REPLIES; i++) {
		create(f, id_of(f, "reply", i), id_of(f, "reply", i));
		m->replied[i].claim = claim(f, id_of(f, "reply", i), NOW);
		assert_ok(store_refresh_sent(store(f), &f->cx, &m->replied[i].claim, NOW, false));
		m->replied[i].cx = new_cx(f);
		m->replies[i] = (struct round_reply){ .claim = &m->replied[i].claim,
			.cx = &m->replied[i].cx,
			.status = 200,
			.date_s = 7,
			.body = secret_of(S("the raw reply")) };
	}
	for (int i = 0; i < PAIRS; i++) {
		create(f, id_of(f, "pair", i), id_of(f, "pair", i));
		m->paired[i].claim = claim(f, id_of(f, "pair", i), NOW);
		m->paired[i].cx = new_cx(f);
		m->pairs[i] = (struct round_pair){
			.claim = &m->paired[i].claim, .cx = &m->paired[i].cx, .grant = &m->grant
		};
	}
	m->round.wishes = m->wishes;
	m->round.wish_count = WISHES;
	m->round.replies = m->replies;
	m->round.reply_count = REPLIES;
	m->round.pairs = m->pairs;
	m->round.pair_count = PAIRS;
	make_failures(f, m);
}

static struct token
token_now(struct fixture *f, const char *kind, int i)
{
	struct token t;

	assert_ok(store_token_get(store(f), &f->cx, str_of(id_of(f, kind, i)), &t));
	return t;
}

static bool
is_fresh(struct fixture *f, int i)
{
	struct token_secrets s;

	assert_ok(store_token_secrets(store(f), &f->cx, str_of(id_of(f, "pair", i)), &s));
	return crypto_equal(s.refresh, fresh.refresh);
}

/* A row that has failed is free again, and due; whoever reads its reply once more finds it, or not. */
static void
test_a_round_writes_what_failed(void **state)
{
	struct fixture *f = *state;
	struct many m;

	make_work(f, &m);
	store_round(store(f), &m.cx, &m.round);
	for (int i = 0; i < FAILURES; i++) {
		struct token t = token_now(f, "fail", i);
		enum rc kept = store_refresh_reread(store(f), &f->cx, t.id, NOW + 6);

		assert_int_equal(m.failures[i].rc, OK);
		assert_int_equal(t.attempts, 1);
		assert_int_equal(t.failed_ms, NOW + 5);
		assert_int_equal(t.due_ms, failures[i].due_ms);
		assert_int_equal(t.status, failures[i].status);
		assert_str_equal(t.last_error, failures[i].reason);
		assert_int_equal(t.attempt.stage, failures[i].attempt.stage);
		assert_int_equal(kept, failures[i].keep_reply ? OK : E_NOTFOUND);
		ctx_clear(&f->cx);
		assert_str_equal(secret_expose(claim(f, id_of(f, "fail", i), NOW).reply),
		    failures[i].keep_reply ? S("the raw reply") : S(""));
	}
	/* Who was overtaken changes nothing, and takes nobody with it. */
	m.round.wish_count = m.round.reply_count = m.round.pair_count = 0;
	m.failed[0].claim = claim(f, "fail0", NOW + LEASE + 1);
	store_round(store(f), &m.cx, &m.round);
	assert_int_equal(m.failures[0].rc, OK);
	assert_int_equal(m.failures[1].rc, E_CONFLICT);
	assert_true(m.failed[1].cx.why[0] != '\0');
	assert_int_equal(token_now(f, "fail", 0).attempts, 2);
	assert_int_equal(token_now(f, "fail", 1).attempts, 1);
}

static void
test_a_round_takes_each_its_step(void **state)
{
	struct fixture *f = *state;
	struct many m;

	make_work(f, &m);
	store_round(store(f), &m.cx, &m.round);
	for (int i = 0; i < WISHES; i++) {
		assert_int_equal(m.wishes[i].rc, OK);
		assert_true(m.wishes[i].recorded);
		assert_int_equal(m.wished[i].claim.token.attempt.stage, STAGE_SENT);
		assert_int_equal(token_now(f, "wish", i).attempt.stage, STAGE_SENT);
		assert_int_equal(token_now(f, "wish", i).attempt.sent_ms, NOW + 5);
		assert_true(crypto_equal(m.wished[i].claim.secrets.refresh, plain.refresh));
	}
	move_replies(f);
	for (int i = 0; i < REPLIES; i++) {
		assert_int_equal(m.replies[i].rc, OK);
		assert_int_equal(token_now(f, "reply", i).attempt.stage, STAGE_KEPT);
	}
	for (int i = 0; i < PAIRS; i++) {
		assert_int_equal(m.pairs[i].rc, OK);
		assert_true(is_fresh(f, i));
		assert_int_equal(token_now(f, "pair", i).learned.refreshes, 1);
		assert_int_equal(token_now(f, "pair", i).learned.rotations, 1);
		assert_int_equal(token_now(f, "pair", i).due_ms, fresh.due_ms);
		assert_int_equal(token_now(f, "pair", i).expires_date_s, m.grant.expires_date_s);
	}
	/* A kept reply is there for the next who claims. */
	m.replied[0].claim = claim(f, "reply0", NOW + LEASE + 1);
	assert_true(crypto_equal(m.replied[0].claim.reply, secret_of(S("the raw reply"))));
}

/* What is not so for one of them is so for that one only. */
static void
test_a_round_tells_each_what_became_of_it(void **state)
{
	struct fixture *f = *state;
	struct refresh_claim other;
	struct many m;

	make_work(f, &m);
	other = claim(f, "wish0", NOW);
	assert_ok(store_token_delete(store(f), &f->cx, S("wish1"), NOW));
	m.wished[2].record = false;
	m.replied[0].claim.fence--; /* somebody newer has sent one */
	m.paired[1].claim.fence--;
	store_round(store(f), &m.cx, &m.round);
	for (int i = 0; i < WISHES; i++) { /* sorted, so found by their ids */
		const struct round_wish *w = &m.wishes[i];
		bool is[WISHES];

		for (int k = 0; k < WISHES; k++)
			is[k] = str_eq(w->id, str_of(id_of(f, "wish", k)));
		assert_int_equal(w->rc, is[0] ? E_CONFLICT : is[1] ? E_NOTFOUND : OK);
		assert_int_equal(w->recorded, is[3]);
	}
	assert_false(m.wished[0].asked || m.wished[1].asked);
	assert_true(m.wished[2].asked);
	assert_int_equal(token_now(f, "wish", 2).attempt.stage, STAGE_SETTLED);
	/* Claimed all the same: it is given back by whoever claimed it. */
	assert_ok(store_refresh_release(store(f), &f->cx, &m.wished[2].claim, NOW));
	assert_ok(store_refresh_release(store(f), &f->cx, &other, NOW));
	/* In a file it is found by whoever writes what the reply said. */
	assert_int_equal(m.replies[0].rc, backend == ON_SQLITE ? OK : E_CONFLICT);
	assert_int_equal(m.replies[1].rc, OK);
	move_replies(f);
	assert_int_equal(token_now(f, "reply", 0).attempt.stage, STAGE_SENT);
	assert_int_equal(token_now(f, "reply", 1).attempt.stage, STAGE_KEPT);
	assert_int_equal(m.pairs[1].rc, E_CONFLICT);
	assert_true(is_fresh(f, 0) && !is_fresh(f, 1) && is_fresh(f, 2));
}

/* A row whose secrets do not open is refused, and its lease is not kept. */
static void
test_a_round_gives_back_what_it_cannot_begin(void **state)
{
	struct fixture *f = *state;
	struct many m;

	make_work(f, &m);
	by_hand(f, "UPDATE token SET refresh = access WHERE id = 'wish3'");
	by_hand(f, "UPDATE token SET lease_until_ms = 0, refresh = '' WHERE id = 'wish2'");
	store_round(store(f), &m.cx, &m.round);
	for (int i = 0; i < WISHES; i++)
		assert_int_equal(m.wishes[i].rc,
		    str_eq(m.wishes[i].id, S("wish3"))       ? E_STORE
			: str_eq(m.wishes[i].id, S("wish2")) ? E_REAUTH
							     : OK);
	assert_int_equal(run_sql(f,
			     "UPDATE token SET fence = fence WHERE lease_until_ms = 0"
			     " AND id IN ('wish2', 'wish3')"),
	    2);
	assert_true(is_fresh(f, 0));
}

/* Renamed, or given a new App Secret, while its refresh was under way: the pair is written all the same,
 * sealed to what the row is now. */
static void
test_a_pair_is_written_to_a_row_that_was_edited(void **state)
{
	struct fixture *f = *state;
	struct token_edit edit = { .set_name = true, .name = S("another name"), .now_ms = NOW + 1 };
	struct token_secrets s;
	struct token t;
	struct many m;

	make_work(f, &m);
	assert_ok(store_token_edit(store(f), &f->cx, S("pair1"), &edit));
	store_round(store(f), &m.cx, &m.round);
	assert_int_equal(m.pairs[1].rc, OK);
	assert_ok(store_token_open(store(f), &f->cx, S("another name"), &t, &s));
	assert_true(crypto_equal(s.access, fresh.access));
	assert_true(is_fresh(f, 0) && is_fresh(f, 2));
}

/* Where a row was when it was last written is a hint and nothing more: another version of it may stand elsewhere,
 * and another row in its place. */
static void
test_a_round_finds_rows_that_stand_elsewhere_by_now(void **state)
{
	struct fixture *f = *state;
	struct many m;
	int64_t place;

	make_work(f, &m);
	by_hand(f, "UPDATE token SET description = description WHERE id = 'pair0'");
	place = m.paired[1].claim.place;
	m.paired[1].claim.place = m.paired[2].claim.place;
	m.paired[2].claim.place = place;
	m.replied[0].claim.place = m.replied[1].claim.place;
	m.replied[1].claim.place = 0;
	store_round(store(f), &m.cx, &m.round);
	for (int i = 0; i < PAIRS; i++) {
		assert_int_equal(m.pairs[i].rc, OK);
		assert_true(is_fresh(f, i));
		assert_int_equal(token_now(f, "pair", i).learned.refreshes, 1);
	}
	move_replies(f);
	for (int i = 0; i < REPLIES; i++) {
		assert_int_equal(m.replies[i].rc, OK);
		assert_int_equal(token_now(f, "reply", i).attempt.stage, STAGE_KEPT);
	}
}

/* A round of its own with each of its calls failing in turn, and what must hold after it. */
static void
break_each(
    struct fixture *f, enum fault_kind kind, void (*check)(struct fixture *f, struct many *m))
{
	bool fired = true;

	open_faulty(f);
	for (int at = 1; fired; at++) {
		struct many m;

		make_work(f, &m);
		fault_arm(kind, at);
		store_round(store(f), &m.cx, &m.round);
		fired = fault_disarm();
		check(f, &m);
		by_hand(f, "DELETE FROM token");
		assert_true(at < 200);
	}
}

static void
check_wishes(struct fixture *f, struct many *m)
{
	for (int i = 0; i < WISHES; i++) {
		struct token t;

		assert_ok(store_token_get(store(f), &f->cx, m->wishes[i].id, &t));
		assert_false(m->wishes[i].unsure);
		assert_int_equal(t.attempt.stage == STAGE_SENT, m->wishes[i].rc == OK);
		assert_int_equal(m->wishes[i].recorded, m->wishes[i].rc == OK);
	}
}

static void
check_all(struct fixture *f, struct many *m)
{
	check_wishes(f, m);
	move_replies(f);
	for (int i = 0; i < REPLIES; i++)
		assert_int_equal(
		    token_now(f, "reply", i).attempt.stage == STAGE_KEPT, m->replies[i].rc == OK);
	for (int i = 0; i < PAIRS; i++)
		assert_int_equal(is_fresh(f, i), m->pairs[i].rc == OK);
	for (int i = 0; i < FAILURES; i++)
		assert_int_equal(token_now(f, "fail", i).attempts == 1, m->failures[i].rc == OK);
}

/* Whichever call fails: who was told OK is written, who was not is not. */
static void
test_a_round_that_breaks_tells_each_the_truth(void **state)
{
	break_each(*state, FAULT_BEFORE, check_all);
}

/* The commit of many claims ends without an answer, and the store stays away: nobody knows what was written
 * until it is back, and then each is found as it is. */
static void
lose_commit(struct fixture *f, enum fault_kind kind, struct many *m)
{
	make_work(f, m);
	m->wished[1].record = false;
	fault_arm_commit(kind);
	store_round(store(f), &m->cx, &m->round);
	assert_true(fault_disarm());
	for (int i = 0; i < WISHES; i++) {
		assert_true(m->wishes[i].unsure);
		assert_int_equal(m->wishes[i].rc, E_STORE);
	}
}

static void
test_claims_whose_commit_was_not_answered_are_found_again(void **state)
{
	struct fixture *f = *state;
	struct many m;

	open_faulty(f);
	lose_commit(f, FAULT_AFTER, &m);
	for (int i = 0; i < WISHES; i++) {
		struct refresh_claim *c = &m.wished[i].claim;
		bool recorded = i == 1;

		ctx_clear(&f->cx);
		assert_ok(store_refresh_find(store(f), &f->cx, c, &recorded));
		assert_int_equal(recorded, i != 1);
		assert_int_equal(c->token.attempt.stage, i != 1 ? STAGE_SENT : STAGE_SETTLED);
		/* It is the owner's, with all that an owner may do. */
		if (recorded)
			assert_ok(store_refresh_answered(
			    store(f), &f->cx, c, NOW + 6, 200, 7, secret_of(S("the raw reply"))));
		assert_ok(store_refresh_commit(store(f), &f->cx, c, &fresh));
	}
}

/* The same with a commit that never arrived; another node may have claimed it meanwhile, with the same fence. */
static void
test_claims_whose_commit_never_arrived_are_not_taken_for_ones_own(void **state)
{
	struct fixture *f = *state;
	struct refresh_claim other;
	bool recorded;
	struct many m;

	open_faulty(f);
	lose_commit(f, FAULT_BEFORE, &m);
	other = claim(f, "wish2", NOW);
	assert_int_equal(other.fence, m.wished[2].claim.fence);
	for (int i = 0; i < WISHES; i++) {
		assert_rc(store_refresh_find(store(f), &f->cx, &m.wished[i].claim, &recorded),
		    E_CONFLICT);
		assert_int_equal(token_now(f, "wish", i).attempt.stage, STAGE_SETTLED);
	}
	assert_ok(store_refresh_find(store(f), &f->cx, &other, &recorded));
	assert_false(recorded);
	(void)claim(f, "wish0", NOW); /* and nothing is in its way */
}

/* The store is back at once: the round itself finds out. */
static void
test_a_round_finds_out_what_became_of_its_commit(void **state)
{
	break_each(*state, FAULT_AFTER, check_wishes);
}

struct names {
	const char *const *names;
	size_t rows;
};

static void
bind_name(void *arg, size_t i, struct db_stmt *st)
{
	const struct names *n = arg;

	db_bind_text(st, 1, str_of(n->names[i]));
}

static void
count_row(void *arg, size_t i, struct db_stmt *st)
{
	struct names *n = arg;

	struct arena *a = arena_new();

	n->rows += str_eq(db_col_text(st, 0, a), str_of(n->names[i]));
	arena_free(a);
}

/* The values of one set that the database refuses end them all, and nothing else. */
static void
test_many_sets_of_values_stand_or_fall_together(void **state)
{
	static const char *const good[] = { "a", "b", "c" }, *const bad[] = { "d", "a", "e" };
	struct fixture *f = *state;
	struct db *db = store(f)->db;
	struct names names = { good, 0 };
	int64_t changed[3];
	struct db_many many = {
		.sql = "INSERT INTO meta (name, value) VALUES ($1, '')",
		.count = 3,
		.bind = bind_name,
		.arg = &names,
		.changed = changed,
	};
	struct str out;

	assert_rc(db_run_many(&f->cx, db, &many), E_BUG); /* outside of a transaction */
	assert_ok(db_begin(&f->cx, db));
	assert_ok(db_run_many(&f->cx, db, &many));
	for (int i = 0; i < 3; i++)
		assert_int_equal(changed[i], 1);
	assert_ok(db_commit(&f->cx, db));
	names.names = bad;
	assert_ok(db_begin(&f->cx, db));
	assert_rc(db_run_many(&f->cx, db, &many), E_CONFLICT);
	db_rollback(db);
	assert_rc(store_meta_get(store(f), &f->cx, S("d"), &out), E_NOTFOUND);
	assert_ok(store_meta_get(store(f), &f->cx, S("c"), &out));
	assert_ok(store_meta_put(store(f), &f->cx, S("e"), S("1"))); /* as good as before */
}

/* Each set of values has its own answer, whatever becomes of those beside it. */
static void
test_many_sets_of_values_each_have_their_answer(void **state)
{
	static const char *const written[] = { "a", "b", "c" }, *const asked[] = { "c", "x", "a" };
	struct fixture *f = *state;
	struct db *db = store(f)->db;
	struct names names = { asked, 0 };
	int64_t changed[3];
	struct db_many many = {
		.sql = "SELECT name, value FROM meta WHERE name = $1 AND value = 'old'",
		.count = 3,
		.bind = bind_name,
		.row = count_row,
		.arg = &names,
		.changed = changed,
	};
	struct str out;

	for (int i = 0; i < 3; i++)
		assert_ok(store_meta_put(store(f), &f->cx, str_of(written[i]), S("old")));
	assert_ok(db_begin(&f->cx, db));
	assert_ok(db_run_many(&f->cx, db, &many));
	assert_int_equal(names.rows, 2);
	assert_true(changed[0] == 1 && changed[1] == 0 && changed[2] == 1);
	many.sql = "UPDATE meta SET value = 'new' WHERE name = $1 AND value = 'old'";
	many.row = NULL;
	assert_ok(db_run_many(&f->cx, db, &many));
	assert_true(changed[0] == 1 && changed[1] == 0 && changed[2] == 1);
	assert_ok(db_commit(&f->cx, db));
	assert_ok(store_meta_get(store(f), &f->cx, S("a"), &out));
	assert_str_equal(out, S("new"));
	assert_ok(store_meta_get(store(f), &f->cx, S("b"), &out));
	assert_str_equal(out, S("old"));
}

struct places {
	const char *const *names;
	int64_t places[2];
};

static void
bind_name_and_place(void *arg, size_t i, struct db_stmt *st)
{
	const struct places *p = arg;

	db_bind_text(st, 1, str_of(p->names[i]));
	db_bind_place(st, 2, p->places[i]);
}

static void
row_place(void *arg, size_t i, struct db_stmt *st)
{
	struct places *p = arg;

	p->places[i] = db_col_int(st, 0);
}

/* Many, or one by one. */
static void
run_places(struct fixture *f, const char *sql, struct places *p, bool together, int64_t *changed)
{
	struct db_many many = {
		.sql = sql, .bind = bind_name_and_place, .row = row_place, .arg = p, .count = 2
	};

	if (together) {
		many.changed = changed;
		assert_ok(db_run_many(&f->cx, store(f)->db, &many));
		return;
	}
	for (int i = 0; i < 2; i++) {
		struct places one = { p->names + i, { p->places[i] } };

		many.count = 1;
		many.arg = &one;
		many.changed = changed + i;
		assert_ok(db_run_many(&f->cx, store(f)->db, &many));
		p->places[i] = one.places[0];
	}
}

static void
test_rows_are_found_where_they_stand(void **state)
{
	static const char update[] =
	    "UPDATE meta SET value = 'new' WHERE name = $1 AND ROW_PLACE = $2"
	    " RETURNING ROW_PLACE";
	static const char *const names[] = { "a", "b" }, *const others[] = { "b", "a" };
	struct fixture *f = *state;

	assert_ok(store_meta_put(store(f), &f->cx, S("a"), S("old")));
	assert_ok(store_meta_put(store(f), &f->cx, S("b"), S("old")));
	for (int together = 0; together < 2; together++) {
		struct places p = { .names = names };
		int64_t changed[2];

		assert_ok(db_begin(&f->cx, store(f)->db));
		run_places(f,
		    "SELECT ROW_PLACE FROM meta WHERE name = $1 AND (ROW_PLACE = $2 OR value <> "
		    "'')",
		    &p, together, changed);
		assert_true(changed[0] == 1 && changed[1] == 1);
		assert_true(p.places[0] != 0 && p.places[0] != p.places[1]);
		for (int i = 0; i < 2; i++) { /* and again where that has put them */
			run_places(f, update, &p, together, changed);
			assert_true(changed[0] == 1 && changed[1] == 1);
		}
		p.names = others;
		run_places(f, update, &p, together, changed);
		assert_true(changed[0] == 0 && changed[1] == 0);
		assert_ok(db_commit(&f->cx, store(f)->db));
	}
}

const struct CMUnitTest round_tests[] = {
	STORE_TEST(test_rows_are_found_where_they_stand),
	STORE_TEST(test_a_round_finds_rows_that_stand_elsewhere_by_now),
	STORE_TEST(test_many_sets_of_values_stand_or_fall_together),
	STORE_TEST(test_many_sets_of_values_each_have_their_answer),
	STORE_TEST(test_a_round_takes_each_its_step),
	STORE_TEST(test_a_round_writes_what_failed),
	STORE_TEST(test_a_round_tells_each_what_became_of_it),
	STORE_TEST(test_a_round_gives_back_what_it_cannot_begin),
	STORE_TEST(test_a_pair_is_written_to_a_row_that_was_edited),
	STORE_TEST(test_a_round_that_breaks_tells_each_the_truth),
	STORE_TEST(test_claims_whose_commit_was_not_answered_are_found_again),
	STORE_TEST(test_claims_whose_commit_never_arrived_are_not_taken_for_ones_own),
	STORE_TEST(test_a_round_finds_out_what_became_of_its_commit),
};
const size_t round_test_count = sizeof(round_tests) / sizeof(round_tests[0]);
