/* crypto/random.h - the room's own view of the random numbers: crypto.h hands them out. */
#ifndef CRYPTO_RANDOM_H
#define CRYPTO_RANDOM_H

#include <stdbool.h>

/* From then on a child of fork() draws nothing that its parent draws as well. False: no memory. */
bool random_setup(void);
/* Changes in a child of fork(), so that what must be used once is not used by both. */
unsigned random_forks(void);

#endif
