/* is_log.h - for those who stand before the system's calls: whether it is a write-ahead log of SQLite. */
#ifndef TESTS_LIB_IS_LOG_H
#define TESTS_LIB_IS_LOG_H

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static bool
is_log(int fd)
{
	char link[64], path[4096];
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, path, sizeof(path) - 1);
	return n > 4 && memcmp(path + n - 4, "-wal", 4) == 0;
}

#endif
