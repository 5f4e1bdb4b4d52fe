/* valetkey store copy, backup and restore: an installation's data from one place to another. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto/crypto.h"
#include "db/db.h"
#include "run/commands.h"
#include "run/runtime.h"
#include "run/start.h"
#include "store/copy.h"

static void
tell(void *arg, struct str table, int64_t rows)
{
	int64_t *total = arg;

	*total += rows;
	fprintf(stderr, "  %-16.*s %8lld row%s\n", STR_ARG(table), (long long)rows,
	    rows == 1 ? "" : "s");
}

/* "--from DIR" is the database in it, "--from FILE" a backup. */
static const char *
database_of(struct ctx *cx, const char *where)
{
	struct stat st;

	if (db_is_url(str_of(where)) || (stat(where, &st) == 0 && !S_ISDIR(st.st_mode)))
		return where;
	return str_printf(cx->arena, "%s/valetkey.db", where).p;
}

static enum rc
make_dir(struct ctx *cx, const char *dir)
{
	if (mkdir(dir, 0700) == 0 || errno == EEXIST)
		return OK;
	return fail(cx, E_INPUT, "The directory %s could not be made: %s.", dir, strerror(errno));
}

static bool
is_dir(const char *where)
{
	struct stat st;

	return !db_is_url(str_of(where)) && stat(where, &st) == 0 && S_ISDIR(st.st_mode);
}

/* The directory of an installation: named itself, or by the database in it. NULL: a backup, or none. */
static const char *
installation_dir(struct ctx *cx, const char *where)
{
	struct str path = str_of(where), name = S("valetkey.db");
	const char *dir;

	if (is_dir(where))
		return where;
	if (db_is_url(path) || !str_ends(path, name))
		return NULL;
	dir = str_printf(cx->arena, "%.*s.", (int)(path.len - name.len), where).p;
	return access(str_printf(cx->arena, "%s/lock", dir).p, F_OK) == 0 ? dir : NULL;
}

/* A directory that is copied from or to belongs to nobody else meanwhile. */
static enum rc
lock_dir(struct ctx *cx, const char *where, struct runtime_alone *out)
{
	const char *dir = installation_dir(cx, where);

	return dir != NULL ? runtime_alone(cx, dir, out) : OK;
}

static enum rc
copy_between(struct ctx *cx, const char *from, const char *to, bool moving)
{
	struct str from_name = db_describe(cx->arena, from), to_name = db_describe(cx->arena, to);
	struct runtime_alone from_lock = { -1, -1 }, to_lock = { -1, -1 };
	int64_t total = 0;
	struct store_copy copy = {
		.from = database_of(cx, from), .moving = moving, .told = tell, .arg = &total
	};
	enum rc rc;

	if (!db_is_url(str_of(to)))
		TRY(make_dir(cx, to));
	copy.to = database_of(cx, to);
	rc = moving ? lock_dir(cx, from, &from_lock) : OK;
	if (rc == OK)
		rc = lock_dir(cx, to, &to_lock);
	if (rc == OK) {
		fprintf(stderr, "Copying %.*s to %.*s.\n", STR_ARG(from_name), STR_ARG(to_name));
		rc = store_copy(cx, &copy);
	}
	runtime_alone_end(&from_lock);
	runtime_alone_end(&to_lock);
	if (rc == OK)
		fprintf(stderr, "%lld rows, read back and compared: all are the same.\n",
		    (long long)total);
	return rc;
}

/* --- store copy --- */

static enum rc
store_command(struct start *st)
{
	const struct options *o = &st->options;
	struct ctx *cx = &st->cx;

	if (o->operand_count != 1 || !str_eq(str_of(o->operands[0]), S("copy")))
		return fail(cx, E_INPUT, "What should be done with the store? valetkey store copy");
	if (o->from == NULL || o->to == NULL) {
		fail(cx, E_INPUT, "Copy from where to where?");
		return fail_todo(cx, "Name a data directory or postgres://… with --from and --to.");
	}
	TRY(copy_between(cx, o->from, o->to, true));
	fputs("The master key is not part of it: every node needs the same master.key.\n", stderr);
	return OK;
}

/* --- backup --- */

static enum rc
want_backup(struct ctx *cx, const char *file)
{
	if (access(file, R_OK) == 0 && !is_dir(file))
		return OK;
	fail(cx, E_INPUT, "The backup %s cannot be read: %s.", file,
	    is_dir(file) ? "it is a directory" : strerror(errno));
	return fail_todo(cx, "Name the file that valetkey backup FILE has written.");
}

static const char *
own_database(struct start *st)
{
	return st->options.store != NULL ? st->options.store
					 : database_of(&st->cx, st->options.data);
}

static const char *
key_path(struct start *st)
{
	return st->options.master_key_file != NULL
	    ? st->options.master_key_file
	    : str_printf(st->cx.arena, "%s/master.key", st->options.data).p;
}

static enum rc
want_key_or_data(struct start *st)
{
	return st->options.master_key_file != NULL ? OK : start_want_data(st);
}

static enum rc
verify(struct start *st, const char *file)
{
	struct store_verdict v;
	struct keyring *keyring;
	struct ctx *cx = &st->cx;
	enum rc rc;

	TRY(want_key_or_data(st));
	TRY(keyring_open(cx, key_path(st), KEY_REFUSE, true, &keyring));
	rc = store_backup_verify(cx, file, keyring, &v);
	keyring_free(keyring);
	TRY(rc);
	for (size_t i = 0; i < v.broken_count; i++)
		fprintf(stderr, "  %.*s\n", STR_ARG(v.broken[i]));
	if (v.broken_count > 0)
		return fail(cx, E_STORE, "%zu sealed %s with this key.", v.broken_count,
		    v.broken_count == 1 ? "value does not open" : "values do not open");
	printf("%s is whole: %lld access token%s, each opens with the master key.\n", file,
	    (long long)v.tokens, v.tokens == 1 ? "" : "s");
	return OK;
}

static enum rc
make_backup(struct start *st, const char *file)
{
	int64_t total = 0;
	struct str mark;
	struct store_copy copy = { .to = file, .told = tell, .arg = &total };

	if (st->options.store == NULL)
		TRY(start_want_data(st));
	TRY(options_store(&st->cx, st->options.store));
	copy.from = own_database(st);
	TRY(store_backup(&st->cx, &copy));
	TRY(store_backup_key(&st->cx, file, &mark));
	printf(
	    "%s has %lld rows, as of one moment. It opens with the master key of the mark %.*s;\n"
	    "keep that apart from it.\n",
	    file, (long long)total, STR_ARG(mark));
	return st->options.verify ? verify(st, file) : OK;
}

static enum rc
backup_command(struct start *st)
{
	const struct options *o = &st->options;

	if (o->operand_count == 2 && str_eq(str_of(o->operands[0]), S("verify"))) {
		TRY(want_backup(&st->cx, o->operands[1]));
		return verify(st, o->operands[1]);
	}
	if (o->operand_count == 1 && !str_eq(str_of(o->operands[0]), S("verify")))
		return make_backup(st, o->operands[0]);
	fail(&st->cx, E_INPUT, "Which file?");
	return fail_todo(&st->cx, "valetkey backup FILE, or valetkey backup verify FILE");
}

/* --- restore --- */

/* With a key at hand, it must be the backup's before anything is written. */
static enum rc
check_key(struct start *st, const char *file)
{
	if (access(key_path(st), F_OK) == 0)
		return verify(st, file);
	fprintf(stderr, "There is no %s: put the key that belongs to the backup there.\n",
	    key_path(st));
	return OK;
}

static enum rc
restore_command(struct start *st)
{
	const struct options *o = &st->options;
	struct ctx *cx = &st->cx;

	if (o->operand_count != 1)
		return fail(cx, E_INPUT, "Which file? valetkey restore FILE --data DIR");
	TRY(want_backup(cx, o->operands[0]));
	TRY(start_want_data(st));
	TRY(options_store(cx, o->store));
	TRY(check_key(st, o->operands[0]));
	return copy_between(cx, o->operands[0], o->store != NULL ? o->store : o->data, false);
}

int
run_store(int argc, char **argv)
{
	return start_run(&(struct start_what){ FOR_STORE, "store copy --from DIR|URL --to DIR|URL",
			     "Moves an installation between a data directory and a PostgreSQL, row "
			     "for row. Nobody\n"
			     "may serve from either meanwhile; the source stays as it is.",
			     store_command },
	    argc, argv);
}

int
run_backup(int argc, char **argv)
{
	return start_run(
	    &(struct start_what){ FOR_BACKUP, "backup [verify] FILE --data DIR [options]",
		"Writes all data, as of one moment, into one file that did not exist; the manager "
		"may\n"
		"go on. \"verify\" proves that a backup is whole and opens with the master key.",
		backup_command },
	    argc, argv);
}

int
run_restore(int argc, char **argv)
{
	return start_run(
	    &(struct start_what){ FOR_RESTORE, "restore FILE --data DIR [options]",
		"Puts a backup into an empty data directory or PostgreSQL.", restore_command },
	    argc, argv);
}
