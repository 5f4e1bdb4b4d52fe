/* base/arena.h - request memory: many allocations, one end, wiped.
 *
 * Not thread-safe: an arena belongs to one request or job at a time. Allocation never fails
 * (running out of memory ends the process); sizes from outside are capped before they get here. */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stddef.h>

struct arena;

struct arena *arena_new(void);
/* For a job that needs less than a request: with room for so many bytes, and a request's when it needs
 * more. */
struct arena *arena_new_small(size_t first);
void arena_free(struct arena *a);  /* runs the deferred calls, wipes, frees; takes NULL */
void arena_reset(struct arena *a); /* the same, but ready for the next request */

void *arena_alloc(struct arena *a, size_t size); /* zeroed, aligned for anything */
/* Calls fn(arg) when the arena ends: how objects of other libraries get released. */
void arena_defer(struct arena *a, void (*fn)(void *), void *arg);

/* For memory outside an arena. Zeroed; ends the process when there is none. */
void *mem_alloc(size_t size);
void *mem_realloc(void *p, size_t size);
void mem_wipe(void *p, size_t size);

#define ARENA_NEW(a, type) ((type *)arena_alloc((a), sizeof(type)))
#define ARENA_ARRAY(a, type, n) ((type *)arena_alloc((a), sizeof(type) * (n)))

#endif
