#include "run/runtime.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"

#define FILE_MAX 4096
#define VISITORS "visitors.lock"
#define LOOKERS 5 /* tries, in case somebody is just looking whether it is locked */
#define LOOK_MS 10

/* Made by root, it is the directory's owner's, as what SQLite makes beside a database is: a command that root ran
 * once must not keep the service's user out. Where a file system cannot have that, no_lock says what to do. Only
 * a file that is new: one that stood there may be a name that its owner gave to something of root's. */
static int
make_lock(const char *data_dir, const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	struct stat dir;

	if (fd >= 0 && geteuid() == 0 && stat(data_dir, &dir) == 0) {
		bool given = fchown(fd, dir.st_uid, dir.st_gid) == 0;

		(void)given;
	}
	return fd;
}

static int
open_lock(const char *data_dir, const char *path)
{
	int fd = make_lock(data_dir, path);

	if (fd < 0 && errno == EEXIST)
		fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	return fd;
}

static enum rc
no_lock(struct ctx *cx, const char *data_dir, const char *name, int error)
{
	fail(cx, E_INPUT,
	    "The data directory %s cannot be used: its file %s could not be opened: %s.", data_dir,
	    name, strerror(error));
	if (error != EACCES)
		return E_INPUT;
	return fail_todo(cx,
	    "The directory and all that is in it must belong to the user that valetkey runs as: "
	    "chown -R USER %s",
	    data_dir);
}

/* E_BUSY: somebody else has it. */
static enum rc
take(struct ctx *cx, const char *data_dir, const char *name, int how, int *fd)
{
	const struct timespec pause = { .tv_nsec = LOOK_MS * 1000000L };
	const char *path = str_printf(cx->arena, "%s/%s", data_dir, name).p;

	mkdir(data_dir, 0700); /* what is wrong with the directory, opening the file tells */
	*fd = open_lock(data_dir, path);
	if (*fd < 0)
		return no_lock(cx, data_dir, name, errno);
	for (int i = 0; i < LOOKERS; i++) {
		if (flock(*fd, how | LOCK_NB) == 0)
			return OK;
		nanosleep(&pause, NULL);
	}
	return E_BUSY;
}

enum rc
runtime_lock(struct ctx *cx, const char *data_dir, int *fd)
{
	enum rc rc = take(cx, data_dir, "lock", LOCK_EX, fd);

	if (rc != E_BUSY)
		return rc;
	fail(cx, E_CONFLICT, "Another valetkey is running on the data directory %s.", data_dir);
	return fail_todo(cx, "Stop it first, or name another directory with --data.");
}

enum rc
runtime_visit(struct ctx *cx, const char *data_dir, int *fd)
{
	enum rc rc = take(cx, data_dir, VISITORS, LOCK_SH, fd);

	if (rc != E_BUSY)
		return rc;
	fail(cx, E_CONFLICT, "The data in %s is being moved.", data_dir);
	return fail_todo(cx,
	    "Wait until that is done, and write to where it is then: what is written meanwhile "
	    "would be left behind.");
}

enum rc
runtime_alone(struct ctx *cx, const char *data_dir, struct runtime_alone *out)
{
	enum rc rc;

	TRY(runtime_lock(cx, data_dir, &out->server_fd));
	rc = take(cx, data_dir, VISITORS, LOCK_EX, &out->visitors_fd);
	if (rc != E_BUSY)
		return rc;
	fail(cx, E_CONFLICT, "A valetkey command is writing to the data directory %s.", data_dir);
	return fail_todo(cx, "Try again when it is done.");
}

void
runtime_alone_end(struct runtime_alone *a)
{
	runtime_unlock(a->visitors_fd);
	runtime_unlock(a->server_fd);
}

void
runtime_unlock(int fd)
{
	if (fd > 0)
		close(fd);
}

static const char *
path_of(struct ctx *cx, const char *data_dir)
{
	return str_printf(cx->arena, "%s/running.json", data_dir).p;
}

enum rc
runtime_write(struct ctx *cx, const char *data_dir, const struct runtime *r)
{
	json_t *o = json_object();

	json_put(o, "url", json_str(r->url));
	json_put(o, "proxy", json_str(r->proxy));
	json_put(o, "ca", json_boolean(r->ca));
	return file_write_later(cx, path_of(cx, data_dir), json_write(cx->arena, o));
}

void
runtime_remove(struct ctx *cx, const char *data_dir)
{
	unlink(path_of(cx, data_dir));
}

/* The holder of the lock is alive, whatever the file says. */
static bool
somebody_runs(struct ctx *cx, const char *data_dir)
{
	int fd = open(str_printf(cx->arena, "%s/lock", data_dir).p, O_RDWR | O_CLOEXEC);
	bool free = fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) == 0;

	if (fd >= 0)
		close(fd);
	return fd >= 0 && !free;
}

static enum rc
not_running(struct ctx *cx, const char *data_dir)
{
	fail(cx, E_NOTFOUND, "No sandbox is running on the data directory %s.", data_dir);
	return fail_todo(cx, "Start one: valetkey sandbox --data DIR --proxy :8092");
}

enum rc
runtime_read(struct ctx *cx, const char *data_dir, struct runtime *out)
{
	struct str text;
	enum rc rc = file_read(cx, path_of(cx, data_dir), FILE_MAX, &text);
	json_t *o;

	if (rc == E_NOTFOUND || !somebody_runs(cx, data_dir))
		return not_running(cx, data_dir);
	TRY(rc);
	TRY(json_read(cx, text, 2, &o));
	TRY(json_take_str(cx, o, "url", FILE_MAX, &out->url));
	TRY(json_take_str(cx, o, "proxy", FILE_MAX, &out->proxy));
	return json_take_bool_opt(cx, o, "ca", &out->ca);
}
