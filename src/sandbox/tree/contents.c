#include "sandbox/tree/contents.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sandbox/core/sql.h"
#include "sandbox/core/state.h"
#include "sandbox/tree/measure.h"

#define ID_LEN 32
#define TIDY_AT_ONCE 32
#define DIR_FLAGS (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

struct contents {
	int incoming, sessions, store; /* directories */
	char incoming_path[4096];
	/* Until the sandbox is open nothing was acknowledged, and what is made then is synced later. */
	bool open;
	char (*unsynced)[ID_LEN];
	size_t unsynced_count;
};

static void
sync_later(struct contents *c, struct str id)
{
	size_t n = c->unsynced_count++;

	c->unsynced = mem_realloc(c->unsynced, (n + 1) * sizeof(*c->unsynced));
	memcpy(c->unsynced[n], id.p, ID_LEN);
}

enum rc
content_broken(struct ctx *cx, int error, const char *what)
{
	if (error == ENOSPC || error == EDQUOT || error == EFBIG)
		return fail_at(cx, E_STORE, "insufficient-storage", NULL,
		    "There is no room on the disk for a content.");
	return fail(cx, E_STORE, "A content could not be %s: %s.", what, strerror(error));
}

static bool
id_ok(struct str id)
{
	if (id.len != ID_LEN)
		return false;
	for (size_t i = 0; i < id.len; i++)
		if (!(id.p[i] >= '0' && id.p[i] <= '9') && !(id.p[i] >= 'a' && id.p[i] <= 'f'))
			return false;
	return true;
}

struct str
content_new_id(struct arena *a)
{
	unsigned char bytes[ID_LEN / 2];

	crypto_random(bytes, sizeof(bytes));
	return hex_text(a, bytes, sizeof(bytes));
}

/* The directory of the store that an id belongs in, made when it is not there yet; -1 and errno. */
static int
shelf_open(const struct contents *c, struct str id, bool make)
{
	char name[3] = { id.p[0], id.p[1], '\0' };
	int fd = openat(c->store, name, DIR_FLAGS);

	if (fd >= 0 || errno != ENOENT || !make)
		return fd;
	if (mkdirat(c->store, name, 0700) != 0 && errno != EEXIST)
		return -1;
	if (c->open && fsync(c->store) != 0)
		return -1;
	return openat(c->store, name, DIR_FLAGS);
}

static void
unplace(const struct contents *c, const char *id)
{
	int shelf = shelf_open(c, str_of(id), false);

	if (shelf < 0)
		return;
	unlinkat(shelf, id, 0);
	close(shelf);
}

static enum rc
place(struct sandbox *s, struct ctx *cx, int from, int fd, struct str id)
{
	char *name = str_cstr(cx->arena, id);
	bool now = s->contents->open;
	int shelf, error = 0;

	if (!now)
		sync_later(s->contents, id);
	if (now && fsync(fd) != 0)
		return content_broken(cx, errno, "written");
	shelf = shelf_open(s->contents, id, true);
	if (shelf < 0)
		return content_broken(cx, errno, "put in place");
	if (linkat(from, name, shelf, name, 0) != 0 || (now && fsync(shelf) != 0))
		error = errno;
	close(shelf);
	return error == 0 ? OK : content_broken(cx, error, "put in place");
}

enum rc
content_place(struct sandbox *s, struct ctx *cx, int fd, struct str id)
{
	return place(s, cx, s->contents->incoming, fd, id);
}

enum rc
content_place_session(struct sandbox *s, struct ctx *cx, int fd, struct str id)
{
	return place(s, cx, s->contents->sessions, fd, id);
}

void
content_unplace(struct sandbox *s, struct ctx *cx, struct str id)
{
	unplace(s->contents, str_cstr(cx->arena, id));
}

static bool
write_all(int fd, struct str bytes)
{
	while (bytes.len > 0) {
		ssize_t n = write(fd, bytes.p, bytes.len);

		if (n < 0 && errno != EINTR)
			return false;
		if (n > 0)
			bytes = str_sub(bytes, (size_t)n, bytes.len);
	}
	return true;
}

enum rc
content_write(struct sandbox *s, struct ctx *cx, struct str bytes, struct content *out)
{
	struct str id = content_new_id(cx->arena);
	int fd = openat(
	    s->contents->incoming, id.p, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	enum rc rc;

	if (fd < 0)
		return content_broken(cx, errno, "written");
	rc = write_all(fd, bytes) ? content_place(s, cx, fd, id)
				  : content_broken(cx, errno, "written");
	close(fd);
	*out = (struct content){ id, (int64_t)bytes.len, content_hash(cx->arena, bytes) };
	return rc;
}

static enum rc
check_open(struct ctx *cx, int fd, int64_t size)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return content_broken(cx, errno, "read");
	if (!S_ISREG(st.st_mode))
		return fail(cx, E_STORE, "A content is not a regular file.");
	if (st.st_size != size)
		return fail(cx, E_STORE, "A content is not as long as it should be.");
	return OK;
}

enum rc
content_open(struct sandbox *s, struct ctx *cx, struct str id, int64_t size, int *fd)
{
	int shelf;
	enum rc rc;

	*fd = -1;
	if (!id_ok(id))
		return fail(cx, E_STORE, "The file has no content.");
	shelf = shelf_open(s->contents, id, false);
	if (shelf < 0)
		return content_broken(cx, errno, "read");
	/* O_NONBLOCK: a FIFO put there by hand does not hold us. */
	*fd =
	    openat(shelf, str_cstr(cx->arena, id), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	rc = *fd < 0 ? content_broken(cx, errno, "read") : check_open(cx, *fd, size);
	close(shelf);
	if (rc != OK && *fd >= 0)
		close(*fd);
	return rc;
}

enum rc
content_scratch(struct sandbox *s, struct ctx *cx, int *fd)
{
	struct str name = content_new_id(cx->arena);

	*fd = openat(s->contents->incoming, name.p,
	    O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (*fd < 0)
		return content_broken(cx, errno, "made");
	unlinkat(s->contents->incoming, name.p, 0);
	return OK;
}

enum rc
content_hold(struct sandbox *s, struct ctx *cx, const struct content *c)
{
	return sql_exec(cx, s->db, NULL,
	    "INSERT INTO contents (id, size, hash, refs) VALUES ($1, $2, $3, 1)"
	    " ON CONFLICT (id) DO UPDATE SET refs = refs + 1",
	    SQL_ARGS(T(c->id), I(c->size), T(c->hash)));
}

enum rc
content_release(struct sandbox *s, struct ctx *cx, struct str id)
{
	return sql_exec(
	    cx, s->db, NULL, "UPDATE contents SET refs = refs - 1 WHERE id = $1", SQL_ARGS(T(id)));
}

/* Nothing can come to refer to a content that nobody has, so its file may go before the commit. That
 * holds for what earlier transactions gave up, once that is on the disk; what this one did may yet be
 * rolled back. */
enum rc
contents_tidy(struct sandbox *s, struct ctx *cx)
{
	struct str ids[TIDY_AT_ONCE];
	size_t count = 0;
	struct db_stmt *st;
	bool row;

	if (s->tidied)
		return OK;
	s->tidied = true;
	TRY(sql_bind(cx, s->db, "SELECT id FROM contents WHERE refs = 0 LIMIT $1",
	    SQL_ARGS(I(TIDY_AT_ONCE)), &st));
	for (;;) {
		TRY(db_step(cx, st, &row));
		if (!row)
			break;
		ids[count++] = db_col_text(st, 0, cx->arena);
	}
	if (count > 0)
		TRY(db_settle(cx, s->db));
	for (size_t i = 0; i < count; i++) {
		unplace(s->contents, ids[i].p);
		TRY(sql_exec(
		    cx, s->db, NULL, "DELETE FROM contents WHERE id = $1", SQL_ARGS(T(ids[i]))));
	}
	return OK;
}

int
content_shelf(const struct sandbox *s, struct str id, bool make)
{
	if (id_ok(id))
		return shelf_open(s->contents, id, make);
	errno = EINVAL;
	return -1;
}

enum rc
session_file_take(struct sandbox *s, struct ctx *cx, struct str id)
{
	const struct contents *c = s->contents;

	return renameat(c->incoming, id.p, c->sessions, id.p) == 0
	    ? OK
	    : content_broken(cx, errno, "kept for a session");
}

enum rc
session_file_make(struct sandbox *s, struct ctx *cx, struct str id)
{
	int fd = openat(
	    s->contents->sessions, id.p, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0)
		return content_broken(cx, errno, "started");
	close(fd);
	return OK;
}

enum rc
session_file_open(struct sandbox *s, struct ctx *cx, struct str id, int *fd)
{
	struct stat st;

	*fd = openat(s->contents->sessions, id.p, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (*fd < 0)
		return content_broken(cx, errno, "opened");
	if (fstat(*fd, &st) == 0 && S_ISREG(st.st_mode))
		return OK;
	close(*fd);
	return fail(cx, E_STORE, "A session's content is not a regular file.");
}

void
session_file_remove(struct sandbox *s, struct str id)
{
	unlinkat(s->contents->sessions, id.p, 0);
}

static enum rc
is_known(struct sandbox *s, struct ctx *cx, const char *sql, const char *id, bool *out)
{
	int64_t n;

	TRY(sql_count(cx, s->db, sql, SQL_ARGS(T(str_of(id))), &n));
	*out = n > 0;
	return OK;
}

/* One name in incoming/ or sessions/: an open session stays; of a content that the database took, only
 * the second name goes; everything else was never acknowledged. */
static enum rc
sweep_one(struct sandbox *s, struct ctx *cx, int dir, const char *name)
{
	bool session = false, content;

	if (!id_ok(str_of(name)))
		return OK;
	if (dir == s->contents->sessions)
		TRY(is_known(
		    s, cx, "SELECT count(*) FROM upload_sessions WHERE id = $1", name, &session));
	TRY(is_known(s, cx, "SELECT count(*) FROM contents WHERE id = $1", name, &content));
	if (!content)
		unplace(s->contents, name);
	if (!session)
		unlinkat(dir, name, 0);
	return OK;
}

static enum rc
sweep(struct sandbox *s, struct ctx *cx, int dir)
{
	int again = openat(dir, ".", DIR_FLAGS);
	DIR *list = again >= 0 ? fdopendir(again) : NULL;
	struct dirent *entry;
	enum rc rc = OK;

	if (list == NULL)
		return content_broken(cx, errno, "looked for");
	while (rc == OK && (entry = readdir(list)) != NULL)
		rc = sweep_one(s, cx, dir, entry->d_name);
	closedir(list);
	return rc;
}

static bool
exists_in(int dir, const char *name)
{
	return faccessat(dir, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static enum rc
weed_one(struct sandbox *s, struct ctx *cx, int shelf, const char *id)
{
	bool known;

	if (!id_ok(str_of(id)) || exists_in(s->contents->incoming, id) ||
	    exists_in(s->contents->sessions, id))
		return OK;
	TRY(is_known(s, cx, "SELECT count(*) FROM contents WHERE id = $1", id, &known));
	if (!known)
		unlinkat(shelf, id, 0);
	return OK;
}

static enum rc
weed_shelf(struct sandbox *s, struct ctx *cx, const char *name)
{
	int shelf = openat(s->contents->store, name, DIR_FLAGS);
	DIR *list = shelf >= 0 ? fdopendir(shelf) : NULL;
	struct dirent *entry;
	enum rc rc = OK;

	if (list == NULL) {
		if (shelf >= 0)
			close(shelf);
		return OK;
	}
	while (rc == OK && (entry = readdir(list)) != NULL)
		rc = weed_one(s, cx, dirfd(list), entry->d_name);
	closedir(list);
	return rc;
}

enum rc
contents_weed(struct sandbox *s, struct ctx *cx)
{
	for (int i = 0; i < 256; i++) {
		char name[3];

		snprintf(name, sizeof(name), "%02x", i);
		TRY(weed_shelf(s, cx, name));
	}
	return OK;
}

static int
subdir(int parent, const char *name)
{
	if (mkdirat(parent, name, 0700) != 0 && errno != EEXIST)
		return -1;
	return openat(parent, name, DIR_FLAGS);
}

static enum rc
open_dirs(struct ctx *cx, const char *dir, struct contents *c)
{
	int data = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int files = data >= 0 ? subdir(data, "files") : -1;
	int error;

	c->incoming = files >= 0 ? subdir(files, "incoming") : -1;
	c->sessions = files >= 0 ? subdir(files, "sessions") : -1;
	c->store = files >= 0 ? subdir(files, "store") : -1;
	error = errno;
	if (data >= 0)
		close(data);
	if (files >= 0)
		close(files);
	if (c->incoming >= 0 && c->sessions >= 0 && c->store >= 0)
		return OK;
	fail(cx, E_INPUT, "The directory %s/files cannot be used: %s.", dir, strerror(error));
	return fail_todo(cx, "It and what is in it must be directories of ours, and no links.");
}

enum rc
contents_open(struct sandbox *s, struct ctx *cx, const char *dir)
{
	struct contents *c = mem_alloc(sizeof(*c));

	*c = (struct contents){ .incoming = -1, .sessions = -1, .store = -1 };
	s->contents = c;
	if (snprintf(c->incoming_path, sizeof(c->incoming_path), "%s/files/incoming", dir) >=
	    (int)sizeof(c->incoming_path))
		return fail(cx, E_INPUT, "The path of the data directory is too long.");
	TRY(open_dirs(cx, dir, c));
	TRY(sweep(s, cx, c->incoming));
	return sweep(s, cx, c->sessions);
}

void
contents_opened(struct sandbox *s)
{
	s->contents->open = true;
}

static void
sync_one(const struct contents *c, struct str id)
{
	int shelf = shelf_open(c, id, false), fd;
	char name[ID_LEN + 1] = "";

	memcpy(name, id.p, ID_LEN);
	fd = shelf >= 0 ? openat(shelf, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC) : -1;
	if (fd >= 0) {
		fsync(fd);
		close(fd);
	}
	if (shelf >= 0) {
		fsync(shelf);
		close(shelf);
	}
	unlinkat(c->incoming, name, 0); /* the database has it: no second name is needed */
}

void
contents_settle(struct sandbox *s)
{
	struct contents *c = s->contents;

	for (size_t i = 0; i < c->unsynced_count; i++)
		sync_one(c, (struct str){ c->unsynced[i], ID_LEN });
	if (c->unsynced_count > 0)
		fsync(c->store);
	free(c->unsynced);
	c->unsynced = NULL;
	c->unsynced_count = 0;
}

void
contents_close(struct sandbox *s)
{
	struct contents *c = s->contents;

	if (c == NULL)
		return;
	if (c->incoming >= 0)
		close(c->incoming);
	if (c->sessions >= 0)
		close(c->sessions);
	if (c->store >= 0)
		close(c->store);
	free(c->unsynced);
	free(c);
	s->contents = NULL;
}

const char *
contents_incoming(const struct sandbox *s)
{
	return s->contents->incoming_path;
}
