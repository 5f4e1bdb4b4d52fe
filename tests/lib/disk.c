/* Before a program (LD_PRELOAD): a disk that takes its time, or fails. While the file $DISK_HELD.hold is there the
 * settler's sync of a write-ahead log does not end, and $DISK_HELD says that it has begun; while $DISK_HELD.fail
 * is there everybody's fails. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "is_log.h"

static bool
is_settler(void)
{
	char name[16] = "";

	return prctl(PR_GET_NAME, name) == 0 && strcmp(name, "settler") == 0;
}

static bool
there(const char *ending)
{
	char path[4096];

	snprintf(path, sizeof(path), "%s%s", getenv("DISK_HELD"), ending);
	return access(path, F_OK) == 0;
}

int
fdatasync(int fd)
{
	if (is_log(fd)) {
		if (is_settler() && there(".hold"))
			close(open(getenv("DISK_HELD"), O_CREAT | O_WRONLY, 0600));
		while (is_settler() && there(".hold"))
			usleep(5000);
		if (there(".fail")) {
			errno = EIO;
			return -1;
		}
	}
	return (int)syscall(SYS_fdatasync, fd);
}
