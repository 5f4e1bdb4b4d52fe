#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static enum rc
cannot(struct ctx *cx, const char *path, const char *what)
{
	return fail(cx, E_INPUT, "The file %s %s.", path, what);
}

static enum rc
read_all(struct ctx *cx, const char *path, int fd, size_t len, struct str *out)
{
	char *p = arena_alloc(cx->arena, len + 1);
	size_t got = 0;
	ssize_t n;

	while (got < len && (n = read(fd, p + got, len - got)) > 0)
		got += (size_t)n;
	if (got < len)
		return cannot(cx, path, "could not be read");
	p[len] = '\0';
	*out = (struct str){ p, len };
	return OK;
}

static enum rc
read_checked(
    struct ctx *cx, const char *path, int fd, mode_t forbidden, size_t max, struct str *out)
{
	struct stat st;

	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
		return cannot(cx, path, "is not a file");
	if ((st.st_mode & forbidden) != 0) {
		cannot(cx, path, "can be read by others");
		return fail_todo(cx, "Run: chmod 600 %s", path);
	}
	if (st.st_size < 0 || (size_t)st.st_size > max)
		return cannot(cx, path, "is too large");
	return read_all(cx, path, fd, (size_t)st.st_size, out);
}

static enum rc
read_file(struct ctx *cx, const char *path, mode_t forbidden, size_t max, struct str *out)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	enum rc rc;

	*out = (struct str){ 0 };
	if (fd < 0 && errno == ENOENT)
		return fail(cx, E_NOTFOUND, "There is no file %s.", path);
	if (fd < 0)
		return fail(
		    cx, E_INPUT, "The file %s could not be opened: %s.", path, strerror(errno));
	rc = read_checked(cx, path, fd, forbidden, max, out);
	close(fd);
	return rc;
}

enum rc
file_read(struct ctx *cx, const char *path, size_t max, struct str *out)
{
	return read_file(cx, path, 0, max, out);
}

enum rc
file_read_private(struct ctx *cx, const char *path, size_t max, struct str *out)
{
	return read_file(cx, path, 077, max, out);
}

static bool
write_all(int fd, struct str text)
{
	while (text.len > 0) {
		ssize_t n = write(fd, text.p, text.len);

		if (n <= 0)
			return false;
		text = str_sub(text, (size_t)n, text.len);
	}
	return true;
}

bool
file_sync_name(const char *path)
{
	const char *slash = strrchr(path, '/');
	size_t len = slash == NULL ? 0 : slash == path ? 1 : (size_t)(slash - path);
	char *dir = len == 0 ? strdup(".") : strndup(path, len);
	int fd = dir == NULL ? -1 : open(dir, O_RDONLY | O_CLOEXEC | O_DIRECTORY);
	bool ok = fd >= 0 && fsync(fd) == 0;

	free(dir);
	if (fd >= 0)
		close(fd);
	return ok;
}

static enum rc
replace(struct ctx *cx, const char *path, struct str text, bool now)
{
	const char *fresh = str_printf(cx->arena, "%s.new", path).p;
	int fd;
	bool ok;

	unlink(fresh);
	fd = open(fresh, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	ok = fd >= 0 && write_all(fd, text) && (!now || fsync(fd) == 0);
	if (fd >= 0 && close(fd) != 0)
		ok = false;
	if (ok && rename(fresh, path) == 0 && (!now || file_sync_name(path)))
		return OK;
	return fail(cx, E_STORE, "The file %s could not be written: %s.", path, strerror(errno));
}

enum rc
file_write(struct ctx *cx, const char *path, struct str text)
{
	return replace(cx, path, text, true);
}

enum rc
file_write_later(struct ctx *cx, const char *path, struct str text)
{
	return replace(cx, path, text, false);
}

bool
file_sync(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	bool ok = fd >= 0 && fsync(fd) == 0;

	if (fd >= 0)
		close(fd);
	return file_sync_name(path) && ok;
}
