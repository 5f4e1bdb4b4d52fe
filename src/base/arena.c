#include "base/arena.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK_SIZE 16384
#define ALIGNMENT 16

struct chunk {
	struct chunk *next;
	size_t size, used; /* what is not used is zero */
	_Alignas(ALIGNMENT) unsigned char bytes[];
};

struct deferred {
	struct deferred *next;
	void (*fn)(void *);
	void *arg;
};

struct arena {
	struct chunk *chunks; /* newest first */
	struct deferred *deferred;
};

static void
out_of_memory(void)
{
	fputs("valetkey: out of memory\n", stderr);
	abort();
}

void *
mem_alloc(size_t size)
{
	void *p = calloc(1, size > 0 ? size : 1);

	if (p == NULL)
		out_of_memory();
	return p;
}

void *
mem_realloc(void *p, size_t size)
{
	p = realloc(p, size > 0 ? size : 1);
	if (p == NULL)
		out_of_memory();
	return p;
}

void
mem_wipe(void *p, size_t size)
{
	if (p != NULL && size > 0)
		explicit_bzero(p, size);
}

static struct chunk *
chunk_new(size_t size)
{
	struct chunk *c = mem_alloc(sizeof(*c) + size);

	c->size = size;
	return c;
}

struct arena *
arena_new_small(size_t first)
{
	struct arena *a = mem_alloc(sizeof(*a));

	a->chunks = chunk_new(first);
	return a;
}

struct arena *
arena_new(void)
{
	return arena_new_small(CHUNK_SIZE);
}

static void
run_deferred(struct arena *a)
{
	while (a->deferred != NULL) {
		struct deferred *d = a->deferred;

		a->deferred = d->next;
		d->fn(d->arg);
	}
}

void
arena_reset(struct arena *a)
{
	run_deferred(a);
	/* The oldest chunk stays. */
	while (a->chunks->next != NULL) {
		struct chunk *c = a->chunks;

		a->chunks = c->next;
		mem_wipe(c->bytes, c->used);
		free(c);
	}
	mem_wipe(a->chunks->bytes, a->chunks->used);
	a->chunks->used = 0;
}

void
arena_free(struct arena *a)
{
	if (a == NULL)
		return;
	arena_reset(a);
	free(a->chunks);
	free(a);
}

void *
arena_alloc(struct arena *a, size_t size)
{
	struct chunk *c = a->chunks;
	void *p;

	if (size > SIZE_MAX - CHUNK_SIZE)
		out_of_memory();
	size = (size + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
	if (size > c->size - c->used) {
		c = chunk_new(size > CHUNK_SIZE ? size : CHUNK_SIZE);
		c->next = a->chunks;
		a->chunks = c;
	}
	p = c->bytes + c->used;
	c->used += size;
	return p;
}

void
arena_defer(struct arena *a, void (*fn)(void *), void *arg)
{
	struct deferred *d = ARENA_NEW(a, struct deferred);

	d->fn = fn;
	d->arg = arg;
	d->next = a->deferred;
	a->deferred = d;
}
