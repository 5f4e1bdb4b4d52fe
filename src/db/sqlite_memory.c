#include "db/sqlite_memory.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define STEP 64
#define CLASSES 16 /* up to 1,024 bytes */
#define KEPT_MAX 64

struct piece {
	union {
		size_t size; /* in use */
		struct piece *next;
	};
	size_t unused; /* what follows is aligned for anything */
};

struct kept {
	struct piece *first[CLASSES];
	int count[CLASSES];
};

static _Thread_local struct kept *kept;
static pthread_key_t key;

static void
release(void *arg)
{
	struct kept *k = arg;

	for (int i = 0; i < CLASSES; i++)
		for (struct piece *p = k->first[i], *next; p != NULL; p = next) {
			next = p->next;
			free(p);
		}
	free(k);
	kept = NULL;
}

static struct kept *
of_this_thread(void)
{
	if (kept == NULL && (kept = calloc(1, sizeof(*kept))) != NULL)
		pthread_setspecific(key, kept);
	return kept;
}

static int
round_up(int size)
{
	return (size + STEP - 1) & ~(STEP - 1);
}

static void *
take(int size)
{
	size_t rounded = (size_t)round_up(size), i = rounded / STEP - 1;
	struct kept *k = i < CLASSES ? of_this_thread() : NULL;
	struct piece *p = k != NULL ? k->first[i] : NULL;

	if (p != NULL) {
		k->first[i] = p->next;
		k->count[i]--;
	} else if ((p = malloc(sizeof(*p) + rounded)) == NULL) {
		return NULL;
	}
	p->size = rounded;
	return p + 1;
}

static void
give_back(void *memory)
{
	struct piece *p = (struct piece *)memory - 1;
	size_t i = p->size / STEP - 1;
	struct kept *k = i < CLASSES ? of_this_thread() : NULL;

	if (k == NULL || k->count[i] == KEPT_MAX) {
		free(p);
		return;
	}
	p->next = k->first[i];
	k->first[i] = p;
	k->count[i]++;
}

static int
size_of(void *memory)
{
	return (int)((struct piece *)memory - 1)->size;
}

static void *
resize(void *memory, int size)
{
	int had = size_of(memory);
	void *other;

	if (round_up(size) == had)
		return memory;
	other = take(size);
	if (other == NULL)
		return NULL;
	memcpy(other, memory, (size_t)(had < size ? had : size));
	give_back(memory);
	return other;
}

static int
begin(void *arg)
{
	(void)arg;
	return pthread_key_create(&key, release) == 0 ? SQLITE_OK : SQLITE_NOMEM;
}

static void
end(void *arg)
{
	(void)arg;
	pthread_key_delete(key);
}

const sqlite3_mem_methods sqlite_memory = { take, give_back, resize, size_of, round_up, begin, end,
	NULL };
