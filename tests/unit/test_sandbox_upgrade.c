/* Databases made by an earlier release, step by step. One of the first, where contents stood in the table and names were compared in ASCII:
 * its files are there after a start of this one. */
#include "fixture.h"

#include "base/json.h"
#include "crypto/crypto.h"
#include "db/db.h"
#include "sandbox/core/schema.h"
#include "sandbox/core/sql.h"
#include "sandbox/core/state.h"
#include "sandbox/core/store.h"
#include "sandbox/sandbox.h"
#include "sandbox/tree/files.h"
#include "sandbox/tree/quota.h"

#define ACCOUNT S("dbid:old")

struct old_file {
	const char *path_lower, *path_display, *text; /* without text: a folder */
	bool deleted;
};

static const struct old_file old_files[] = {
	{ "/\xc3\x84rger", "/\xc3\x84rger", NULL, false }, /* Ä stayed as it was */
	{ "/\xc3\x84rger/notiz.txt", "/\xc3\x84rger/Notiz.txt", "hello", false },
	{ "/caf\xc3\xa9", "/caf\xc3\xa9", "one point", false },
	{ "/cafe\xcc\x81", "/cafe\xcc\x81", "two points",
	    false }, /* was another name, and is the same */
	{ "/gone", "/Gone", NULL, true },
	{ "/plain.txt", "/Plain.txt", "plain", false },
};

static void
must(enum rc rc)
{
	assert_int_equal(rc, OK);
}

static void
insert(struct fixture *f, struct db *db, const struct old_file *file, int64_t seq)
{
	struct str key = str_of(file->path_lower), text = str_of(file->text);

	must(sql_exec(&f->cx, db, NULL,
	    "INSERT INTO files (account_id, path_lower, parent_lower, path_display, id, folder,"
	    " deleted, size, rev, content_hash, client_ms, server_ms, seq, content)"
	    " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 1, 1, $11, $12)",
	    SQL_ARGS(T(ACCOUNT), T(key), T(path_parent(key)), T(str_of(file->path_display)),
		T(str_printf(f->arena, "id:%d", (int)seq)), I(file->text == NULL && !file->deleted),
		I(file->deleted), I((int64_t)text.len), T(S("0123456789")),
		T(content_hash(f->arena, text)), I(seq), B(text))));
}

static void
make_old(struct fixture *f)
{
	struct keyring *keys;
	struct db *db;

	must(keyring_open(&f->cx, fixture_path(f, "sandbox.key"), KEY_MAKE, false, &keys));
	keyring_free(keys);
	must(db_open(&f->cx, fixture_path(f, "sandbox.db"), &db));
	must(db_migrate(&f->cx, db, schema_steps, 1));
	must(db_begin(&f->cx, db));
	must(sql_exec(&f->cx, db, NULL,
	    "INSERT INTO accounts (id, uid, email, given_name, surname, kind, role, member_id,"
	    " namespace_id, password_hash, password_sealed, created_ms)"
	    " VALUES ($1, 1, 'old@example.com', 'O', 'L', 'basic', NULL, NULL, '1', '', $2, 1)",
	    SQL_ARGS(T(ACCOUNT), B(S("x")))));
	for (size_t i = 0; i < sizeof(old_files) / sizeof(old_files[0]); i++)
		insert(f, db, &old_files[i], (int64_t)i + 1);
	must(db_commit(&f->cx, db));
	db_close(db);
}

static struct sandbox *
start(struct fixture *f)
{
	const struct sandbox_config cfg = {
		.data_dir = f->dir, .clock = f->clock, .public_url = S("http://127.0.0.1:1")
	};
	struct sandbox *s;

	must(sandbox_new(&f->cx, &cfg, &s));
	must(store_enter(s, &f->cx, STORE_READ));
	return s;
}

static void
stop(struct fixture *f, struct sandbox *s)
{
	must(store_leave(s, &f->cx, STORE_READ, OK));
	sandbox_free(s);
}

static void
assert_text(struct fixture *f, struct sandbox *s, const char *path, const char *text)
{
	struct file file;
	char got[64];
	int fd;
	ssize_t n;

	must(file_by_path(s, &f->cx, ACCOUNT, str_of(path), &file));
	must(file_open(s, &f->cx, &file, &fd));
	n = read(fd, got, sizeof(got));
	close(fd);
	assert_str_equal((struct str){ got, (size_t)n }, str_of(text));
}

static void
test_old_files_are_there(void **state)
{
	struct fixture *f = *state;
	struct file file;
	struct tree tree;

	make_old(f);
	/* the second start finds nothing to do */
	for (int i = 0; i < 2; i++) {
		struct sandbox *s = start(f);

		assert_text(f, s, "/\xc3\xa4RGER/NOTIZ.txt", "hello");
		assert_text(f, s, "/PLAIN.TXT", "plain");
		must(file_by_path(s, &f->cx, ACCOUNT, S("/CAFE\xcc\x81"), &file));
		must(file_by_path(s, &f->cx, ACCOUNT, S("/caf\xc3\xa9 (1)"), &file));
		assert_int_equal(file_by_path(s, &f->cx, ACCOUNT, S("/gone"), &file), E_NOTFOUND);
		must(tree_of(s, &f->cx, ACCOUNT, &tree));
		assert_int_equal(tree.seq, 6);
		assert_int_equal(tree.entries, 5);
		assert_int_equal(tree.used, 5 + 9 + 10 + 5);
		stop(f, s);
	}
}

static struct str
schema_text(struct fixture *f, const struct db_whole *whole, const char *name)
{
	struct db_stmt *st;
	struct str text;
	struct db *db;
	bool row;

	must(db_open(&f->cx, fixture_path(f, name), &db));
	must(db_migrate_whole(&f->cx, db, whole, schema_steps, schema_step_count));
	must(sql_bind(&f->cx, db,
	    "SELECT group_concat(sql, char(10)) || (SELECT group_concat(version) FROM"
	    " schema_version) FROM (SELECT sql FROM sqlite_schema ORDER BY type, name)",
	    SQL_ARGS(), &st));
	must(db_step(&f->cx, st, &row));
	text = db_col_text(st, 0, f->arena);
	db_done(st);
	db_close(db);
	return text;
}

static void
test_the_short_cut_gives_what_the_steps_give(void **state)
{
	struct fixture *f = *state;
	struct str steps = schema_text(f, NULL, "steps.db");

	assert_true(steps.len > 5000);
	assert_str_equal(schema_text(f, &schema_whole, "whole.db"), steps);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_old_files_are_there),
		TEST(test_the_short_cut_gives_what_the_steps_give),
	};

	json_setup();
	crypto_setup();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
