#include "run/ephemeral.h"

#include <errno.h>
#include <ftw.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/statfs.h>
#include <unistd.h>

#define ROOM_MIN (1LL << 30) /* containers give /dev/shm 64 MB, too little for files */
#define OPEN_MAX_DIRS 16

static bool
has_room_in_memory(const char *dir)
{
	struct statfs fs;

	return statfs(dir, &fs) == 0 && fs.f_type == TMPFS_MAGIC &&
	    (long long)fs.f_bavail * fs.f_bsize >= ROOM_MIN && access(dir, W_OK | X_OK) == 0;
}

static const char *
parent(void)
{
	const char *tmp = getenv("TMPDIR");

	if (has_room_in_memory("/dev/shm"))
		return "/dev/shm";
	return tmp != NULL && tmp[0] == '/' ? tmp : "/tmp";
}

enum rc
ephemeral_make(struct ctx *cx, const char **dir)
{
	struct str path = str_printf(cx->arena, "%s/valetkey-sandbox-XXXXXX", parent());
	char *made = str_cstr(cx->arena, path);

	if (mkdtemp(made) == NULL)
		return fail(cx, E_INPUT, "A directory for the sandbox could not be made at %s: %s.",
		    made, strerror(errno));
	*dir = made;
	return OK;
}

static int
remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	if (remove(path) != 0)
		fprintf(stderr, "valetkey: %s could not be removed: %s.\n", path, strerror(errno));
	return 0;
}

void
ephemeral_remove(const char *dir)
{
	if (dir != NULL)
		nftw(dir, remove_one, OPEN_MAX_DIRS, FTW_DEPTH | FTW_PHYS);
}
