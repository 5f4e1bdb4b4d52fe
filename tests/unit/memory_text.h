/* memory_text.h - how often a text stands in this process's own memory, for tests of what is wiped. */
#ifndef TESTS_MEMORY_TEXT_H
#define TESTS_MEMORY_TEXT_H

#include <sys/mman.h>

enum { PIECE = 1 << 16, SMALLEST_PAGE = 4096 };

/* Most of what a sanitizer maps was never touched. */
static inline bool
was_touched(unsigned long from)
{
	unsigned char pages[PIECE / SMALLEST_PAGE] = { 0 };

	/* The last piece of a region may reach beyond it. */
	if (mincore((void *)from, PIECE, pages) != 0)
		return true;
	for (size_t i = 0; i < sizeof(pages); i++)
		if ((pages[i] & 1) != 0)
			return true;
	return false;
}

static inline int
times_in(
    const unsigned char *p, ssize_t n, const unsigned char *masked, size_t len, unsigned char mask)
{
	const unsigned char *end = p + n, *at = p;
	int times = 0;

	for (; n >= (ssize_t)len && (at = memchr(at, masked[0] ^ mask, (size_t)(end - at))) != NULL;
	     at++) {
		size_t k = 0;

		while (k < len && at + k < end && at[k] == (masked[k] ^ mask))
			k++;
		times += k == len;
	}
	return times;
}

/* How often a text stands anywhere in this process's memory that can be written. The mask keeps what is
 * looked for from being found where it is looked for. */
static inline int
times_in_memory(const unsigned char *masked, size_t len, unsigned char mask)
{
	static unsigned char piece[PIECE + 64];
	FILE *maps = fopen("/proc/self/maps", "r");
	int times = 0, fd = open("/proc/self/mem", O_RDONLY);
	unsigned long from, to;
	char line[512], rights[5];

	assert_true(maps != NULL && fd >= 0 && len <= 64);
	while (fgets(line, sizeof(line), maps) != NULL) {
		if (sscanf(line, "%lx-%lx %4s", &from, &to, rights) != 3 || rights[1] != 'w' ||
		    to - from > (1UL << 30))
			continue;
		for (; from < to; from += PIECE) {
			if (!was_touched(from))
				continue;
			times += times_in(piece, pread(fd, piece, PIECE + len - 1, (off_t)from),
			    masked, len, mask);
			mem_wipe(piece, sizeof(piece));
		}
	}
	fclose(maps);
	close(fd);
	return times;
}

#endif
