#include "http/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <unistd.h>

#define NAME_BYTES 16

enum rc
spool_failed(struct ctx *cx, int error)
{
	if (error == ENOSPC || error == EDQUOT || error == EFBIG)
		return fail_at(cx, E_STORE, "insufficient-storage", NULL,
		    "There is no room on the disk for the body.");
	return fail(cx, E_STORE, "The body could not be kept in a file: %s.", strerror(error));
}

static struct str
random_name(struct arena *a)
{
	unsigned char bytes[NAME_BYTES];
	char *name = arena_alloc(a, 2 * NAME_BYTES + 1);

	if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
		abort();
	for (size_t i = 0; i < NAME_BYTES; i++)
		snprintf(name + 2 * i, 3, "%02x", bytes[i]);
	return (struct str){ name, 2 * NAME_BYTES };
}

enum rc
spool_open(struct ctx *cx, const char *dir, struct http_req *req)
{
	struct str name = random_name(cx->arena);
	struct str path = str_printf(cx->arena, "%s/%s", dir, name.p);
	int fd = open(path.p, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0)
		return spool_failed(cx, errno);
	req->body_fd = fd;
	req->body_path = name;
	return OK;
}

void
spool_drop(const char *dir, struct http_req *req)
{
	char path[PATH_MAX];

	if (req->body_fd < 0)
		return;
	close(req->body_fd);
	req->body_fd = -1;
	if (snprintf(path, sizeof(path), "%s/%s", dir, req->body_path.p) < (int)sizeof(path))
		unlink(path);
}
