#include "sandbox/control/snapshots_int.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sandbox/core/sql.h"
#include "sandbox/oauth/counts.h"
#include "sandbox/core/state.h"
#include "sandbox/core/text.h"
#include "sandbox/tree/contents.h"

#define NAME_MAX_LEN 64
#define DIR_FLAGS (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
#define DEPTH_MAX 3 /* of a snapshot: its directory, files/, xx/ */

/* --- names and directories --- */

enum rc
snapshot_name_check(struct ctx *cx, struct str name)
{
	if (name.len > 0 && name.len <= NAME_MAX_LEN && text_only(name, "-_") && name.p[0] != '-')
		return OK;
	return fail_at(cx, E_INPUT, "bad-field", "name",
	    "A snapshot's name is 1 to %d letters, digits, - and _, and does not begin with -.",
	    NAME_MAX_LEN);
}

static enum rc
no_such(struct ctx *cx)
{
	return fail_at(cx, E_NOTFOUND, "no-snapshot", NULL, "There is no snapshot of this name.");
}

static enum rc
cannot_write(struct ctx *cx, int error)
{
	return fail_at(cx, E_STORE, error == ENOSPC ? "insufficient-storage" : NULL, NULL,
	    "The snapshot could not be written: %s.", strerror(error));
}

enum rc
snapshot_broken(struct ctx *cx, const char *fmt, ...)
{
	char why[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	return fail_at(cx, E_CONFLICT, "broken-snapshot", NULL,
	    "The snapshot cannot be restored: %s. Nothing was changed.", why);
}

const char *
snapshot_path(struct sandbox *s, struct ctx *cx, const char *rest)
{
	return str_printf(cx->arena, "%.*s/%s", STR_ARG(s->data_dir), rest).p;
}

int
snapshot_subdir(int parent, const char *name, bool make)
{
	if (make && mkdirat(parent, name, 0700) != 0 && errno != EEXIST)
		return -1;
	return openat(parent, name, DIR_FLAGS);
}

int
snapshots_dir(struct sandbox *s, struct ctx *cx)
{
	int data = open(str_cstr(cx->arena, s->data_dir), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int dir;

	if (data < 0)
		return -1;
	dir = snapshot_subdir(data, "snapshots", true);
	close(data);
	return dir;
}

static bool
is_dots(const char *name)
{
	return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

static void
empty(int fd, int depth)
{
	DIR *list = fdopendir(fd); /* takes fd */
	struct dirent *entry;

	if (list == NULL) {
		close(fd);
		return;
	}
	while ((entry = readdir(list)) != NULL) {
		int sub;

		if (is_dots(entry->d_name) || unlinkat(dirfd(list), entry->d_name, 0) == 0)
			continue;
		sub = depth > 1 ? openat(dirfd(list), entry->d_name, DIR_FLAGS) : -1;
		if (sub >= 0) {
			empty(sub, depth - 1);
			unlinkat(dirfd(list), entry->d_name, AT_REMOVEDIR);
		}
	}
	closedir(list);
}

void
snapshot_remove(int parent, const char *name)
{
	int fd = openat(parent, name, DIR_FLAGS);

	if (fd >= 0)
		empty(fd, DEPTH_MAX);
	unlinkat(parent, name, AT_REMOVEDIR);
}

/* --- making one --- */

/* A content as a second name of the same file. */
static enum rc
link_content(struct sandbox *s, struct ctx *cx, int files, struct str id)
{
	char shelf_name[3] = { id.p[0], id.p[1], '\0' };
	int from = content_shelf(s, id, false);
	int to = from >= 0 ? snapshot_subdir(files, shelf_name, true) : -1;
	int error = 0;

	if (to < 0 || linkat(from, id.p, to, id.p, 0) != 0)
		error = errno;
	if (from >= 0)
		close(from);
	if (to >= 0)
		close(to);
	return error == 0 ? OK : cannot_write(cx, error);
}

static enum rc
link_contents(struct sandbox *s, struct ctx *cx, int files)
{
	struct db_stmt *st;
	bool row = true;

	TRY(sql_bind(cx, s->db, "SELECT id FROM contents WHERE refs > 0", SQL_ARGS(), &st));
	while (row) {
		enum rc rc;

		TRY(db_step(cx, st, &row));
		rc = row ? link_content(s, cx, files, db_col_text(st, 0, cx->arena)) : OK;
		if (rc != OK) {
			db_done(st);
			return rc;
		}
	}
	return OK;
}

static enum rc
sync_file(struct ctx *cx, int dir, const char *name)
{
	int fd = openat(dir, name, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
	bool ok = fd >= 0 && fchmod(fd, 0600) == 0 && fsync(fd) == 0;
	int error = errno;

	if (fd >= 0)
		close(fd);
	return ok ? OK : cannot_write(cx, error);
}

static enum rc
fill(struct sandbox *s, struct ctx *cx, int dir, const char *path)
{
	struct str db = str_printf(cx->arena, "%s/" SNAPSHOT_DB, path);
	int files = snapshot_subdir(dir, "files", true);
	enum rc rc;

	if (files < 0)
		return cannot_write(cx, errno);
	rc = counts_settle(s, cx);
	if (rc == OK)
		rc = sql_exec(cx, s->db, NULL, "VACUUM INTO $1", SQL_ARGS(T(db)));
	if (rc == OK)
		rc = sync_file(cx, dir, SNAPSHOT_DB);
	if (rc == OK)
		rc = link_contents(s, cx, files);
	if (rc == OK && (fsync(files) != 0 || fsync(dir) != 0))
		rc = cannot_write(cx, errno);
	close(files);
	return rc;
}

/* In place under its name only when all of it is there. */
static enum rc
make_in(struct sandbox *s, struct ctx *cx, int all, struct str name)
{
	const char *fresh = ".new", *path = snapshot_path(s, cx, "snapshots/.new");
	int dir;
	enum rc rc;

	snapshot_remove(all, fresh);
	dir = snapshot_subdir(all, fresh, true);
	if (dir < 0)
		return cannot_write(cx, errno);
	rc = fill(s, cx, dir, path);
	close(dir);
	if (rc == OK &&
	    (renameat(all, fresh, all, str_cstr(cx->arena, name)) != 0 || fsync(all) != 0))
		rc = cannot_write(cx, errno);
	if (rc != OK)
		snapshot_remove(all, fresh);
	return rc;
}

static enum rc
count_of(struct sandbox *s, struct ctx *cx, struct str name, size_t *count, bool *there)
{
	json_t *list, *one;
	size_t i;

	TRY(snapshots_json(s, cx, &list));
	*count = json_array_size(list);
	*there = false;
	json_array_foreach (list, i, one)
		*there |= str_eq(name, str_of(json_string_value(json_object_get(one, "name"))));
	json_decref(list);
	return OK;
}

enum rc
snapshot_make(struct sandbox *s, struct ctx *cx, struct str name)
{
	size_t count;
	bool there;
	int all;
	enum rc rc;

	TRY(snapshot_name_check(cx, name));
	TRY(count_of(s, cx, name, &count, &there));
	if (there)
		return fail_at(cx, E_CONFLICT, "snapshot-exists", "name",
		    "There is a snapshot of this name already.");
	if (count >= SNAPSHOTS_MAX)
		return fail_at(cx, E_CONFLICT, "too-many-snapshots", NULL,
		    "There are %d snapshots already.", SNAPSHOTS_MAX);
	all = snapshots_dir(s, cx);
	if (all < 0)
		return cannot_write(cx, errno);
	rc = make_in(s, cx, all, name);
	close(all);
	return rc;
}

/* --- deleting and listing --- */

enum rc
snapshot_delete(struct sandbox *s, struct ctx *cx, struct str name)
{
	int all, error = 0;

	TRY(snapshot_name_check(cx, name));
	all = snapshots_dir(s, cx);
	if (all < 0)
		return cannot_write(cx, errno);
	snapshot_remove(all, ".old");
	if (renameat(all, str_cstr(cx->arena, name), all, ".old") != 0)
		error = errno;
	else
		snapshot_remove(all, ".old");
	close(all);
	if (error == ENOENT)
		return no_such(cx);
	return error == 0 ? OK : cannot_write(cx, error);
}

static void
list_one(struct ctx *cx, int all, const char *name, json_t *list)
{
	struct str path = str_printf(cx->arena, "%s/" SNAPSHOT_DB, name);
	struct stat st;
	json_t *o;

	if (fstatat(all, path.p, &st, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(st.st_mode))
		return;
	o = json_object();
	json_put(o, "name", json_string(name));
	json_put(o, "created_at", json_str(clock_rfc3339(cx->arena, st.st_mtime * SECOND_MS)));
	json_put(o, "bytes", json_integer(st.st_size));
	json_array_append_new(list, o);
}

static int
by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

enum rc
snapshots_json(struct sandbox *s, struct ctx *cx, json_t **out)
{
	const char *names[SNAPSHOTS_MAX * 2];
	struct dirent *entry;
	size_t count = 0;
	int all = snapshots_dir(s, cx);
	DIR *list = all >= 0 ? fdopendir(all) : NULL;

	if (list == NULL)
		return cannot_write(cx, errno);
	while ((entry = readdir(list)) != NULL && count < sizeof(names) / sizeof(names[0])) {
		if (snapshot_name_check(cx, str_of(entry->d_name)) == OK)
			names[count++] = str_cstr(cx->arena, str_of(entry->d_name));
	}
	ctx_clear(cx);
	qsort(names, count, sizeof(names[0]), by_name);
	*out = json_array();
	for (size_t i = 0; i < count; i++)
		list_one(cx, dirfd(list), names[i], *out);
	closedir(list);
	return OK;
}

enum rc
snapshots_start(struct sandbox *s, struct ctx *cx)
{
	int all = snapshots_dir(s, cx);
	const char *mark = snapshot_path(s, cx, WEED_MARK);

	if (all < 0)
		return fail(cx, E_INPUT, "The directory %s cannot be used: %s.",
		    snapshot_path(s, cx, "snapshots"), strerror(errno));
	snapshot_remove(all, ".new");
	snapshot_remove(all, ".old");
	close(all);
	unlink(snapshot_path(s, cx, RESTORED_DB));
	unlink(snapshot_path(s, cx, RESTORED_DB "-wal"));
	unlink(snapshot_path(s, cx, RESTORED_DB "-shm"));
	if (access(mark, F_OK) != 0)
		return OK;
	TRY(contents_weed(s, cx));
	unlink(mark);
	return OK;
}
