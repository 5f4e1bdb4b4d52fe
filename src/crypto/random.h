/* crypto/random.h - the room's own view of the random numbers: crypto.h hands them out. */
#ifndef CRYPTO_RANDOM_H
#define CRYPTO_RANDOM_H

#include <stdbool.h>
#include <stdint.h>

/* From then on a child of fork() draws nothing that its parent draws as well. False: no memory. */
bool random_setup(void);
/* Changes in a child of fork(), so that what must be used once is not used by both. */
unsigned random_forks(void);

/* Random numbers that were got from the system longer ago are not used any more: a machine that was copied
 * while it slept, and now goes on twice, would use them twice. What remains is a second of its own time after a
 * copy that no clock of it has seen (a snapshot of a virtual machine). */
#define RANDOM_FRESH_MS 1000
bool random_is_fresh(int64_t from_ms); /* clock_boot_ms() when they were got */

#endif
