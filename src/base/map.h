/* base/map.h - a hash table from text to a pointer, keyed with a random seed per process.
 *
 * Copies its keys, never its values. Not thread-safe: the owner locks. */
#ifndef BASE_MAP_H
#define BASE_MAP_H

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"

struct map;

struct map *map_new(void);
void map_free(struct map *m, void (*free_value)(void *));  /* free_value may be NULL; takes NULL */
void *map_get(const struct map *m, struct str key);        /* NULL when absent */
void *map_put(struct map *m, struct str key, void *value); /* the value that was there, or NULL */
void *map_del(struct map *m, struct str key);              /* the value that was there, or NULL */
size_t map_count(const struct map *m);
/* Calls fn for each entry; fn returning false removes that entry. */
void map_each(struct map *m, bool (*fn)(struct str key, void *value, void *arg), void *arg);

#endif
