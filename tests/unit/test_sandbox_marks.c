/* Deleted entries leave marks for cursors. There are never many more than the limit says, and a cursor
 * that would have needed a forgotten one starts anew (S-214). */
#include "fixture.h"

#include "base/json.h"
#include "crypto/crypto.h"
#include "sandbox/core/sql.h"
#include "sandbox/core/state.h"
#include "sandbox/core/store.h"
#include "sandbox/files/cursor.h"
#include "sandbox/sandbox.h"
#include "sandbox/tree/quota.h"

#define LIMIT 8

static void
must(enum rc rc)
{
	assert_int_equal(rc, OK);
}

static struct str
some_account(struct fixture *f, struct sandbox *s)
{
	struct db_stmt *st;
	struct str id;
	bool row;

	must(sql_bind(&f->cx, s->db, "SELECT id FROM accounts LIMIT 1", SQL_ARGS(), &st));
	must(db_step(&f->cx, st, &row));
	assert_true(row);
	id = db_col_text(st, 0, f->arena);
	db_done(st);
	return id;
}

static int64_t
count_marks(struct fixture *f, struct sandbox *s, struct str account)
{
	int64_t n;

	must(sql_count(&f->cx, s->db,
	    "SELECT count(*) FROM files WHERE account_id = $1 AND deleted = 1",
	    SQL_ARGS(T(account)), &n));
	return n;
}

static void
make_and_delete(struct fixture *f, struct sandbox *s, struct str account, int n)
{
	struct str path = str_printf(f->arena, "/gone %d", n);
	struct file file;

	must(tree_put_text(s, &f->cx, account, path, S("x")));
	must(file_by_path(s, &f->cx, account, path, &file));
	must(file_delete(s, &f->cx, &file));
}

static struct str
cursor_now(struct fixture *f, struct sandbox *s, const struct caller *who)
{
	struct file_query q = { .account_id = who->account.id,
		.path_lower = S(""),
		.after = S(""),
		.recursive = true,
		.changes = true,
		.limit = 10 };

	must(files_seq(s, &f->cx, who->account.id, &q.since));
	q.since++;
	return list_cursor_write(s, &f->cx, who, &q);
}

static void
test_marks_are_limited(void **state)
{
	struct fixture *f = *state;
	const struct sandbox_config cfg = {
		.data_dir = f->dir, .clock = f->clock, .public_url = S("http://127.0.0.1:1")
	};
	struct caller who = { .app_key = S("app"), .root = S("") };
	struct str early, late;
	struct file_query q;
	struct sandbox *s;

	must(sandbox_new(&f->cx, &cfg, &s));
	must(store_enter(s, &f->cx, STORE_WRITE));
	who.account.id = some_account(f, s);
	must(store_setting_put(s, &f->cx, S("marks_max"), str_printf(f->arena, "%d", LIMIT)));
	early = cursor_now(f, s, &who);
	for (int n = 0; n < LIMIT; n++)
		make_and_delete(f, s, who.account.id, n);
	assert_int_equal(count_marks(f, s, who.account.id), LIMIT);
	must(list_cursor_read(s, &f->cx, &who, early, &q));
	for (int n = LIMIT; n < 4 * LIMIT; n++) {
		make_and_delete(f, s, who.account.id, n);
		assert_true(count_marks(f, s, who.account.id) <= LIMIT);
	}
	assert_true(count_marks(f, s, who.account.id) >= LIMIT / 2);
	assert_int_equal(list_cursor_read(s, &f->cx, &who, early, &q), E_CONFLICT);
	assert_string_equal(f->cx.code, "reset");
	ctx_clear(&f->cx);
	late = cursor_now(f, s, &who);
	make_and_delete(f, s, who.account.id, 4 * LIMIT);
	must(list_cursor_read(s, &f->cx, &who, late, &q));
	must(store_leave(s, &f->cx, STORE_WRITE, OK));
	sandbox_free(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_marks_are_limited),
	};

	json_setup();
	crypto_setup();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
