#include "base/map.h"

#include <stdlib.h>
#include <sys/random.h>

#include "base/arena.h"

#define FIRST_BUCKETS 64

struct entry {
	struct entry *next;
	uint64_t hash;
	void *value;
	size_t key_len;
	char key[];
};

struct map {
	struct entry **buckets;
	size_t bucket_count; /* a power of two */
	size_t count;
	uint64_t seed;
};

static uint64_t
mix(uint64_t h, uint64_t word)
{
	h = (h ^ word) * 0xff51afd7ed558ccdu;
	return h ^ (h >> 32);
}

/* Eight bytes at a time from a random start, the length among them: enough against chosen keys for tables
 * whose keys are ids of ours or digests. */
static uint64_t
hash_of(const struct map *m, struct str key)
{
	uint64_t h = mix(m->seed, key.len), word;

	for (; key.len >= sizeof(word); key = str_sub(key, sizeof(word), key.len)) {
		memcpy(&word, key.p, sizeof(word));
		h = mix(h, word);
	}
	word = 0;
	if (key.len > 0)
		memcpy(&word, key.p, key.len);
	return mix(mix(h, word), m->seed);
}

struct map *
map_new(void)
{
	struct map *m = mem_alloc(sizeof(*m));

	m->bucket_count = FIRST_BUCKETS;
	m->buckets = mem_alloc(sizeof(struct entry *) * m->bucket_count);
	if (getrandom(&m->seed, sizeof(m->seed), 0) != (ssize_t)sizeof(m->seed))
		abort();
	return m;
}

void
map_free(struct map *m, void (*free_value)(void *))
{
	if (m == NULL)
		return;
	for (size_t i = 0; i < m->bucket_count; i++) {
		while (m->buckets[i] != NULL) {
			struct entry *e = m->buckets[i];

			m->buckets[i] = e->next;
			if (free_value != NULL)
				free_value(e->value);
			free(e);
		}
	}
	free(m->buckets);
	free(m);
}

/* The link that points to the entry of this key, or to the NULL where it would go. */
static struct entry **
find(const struct map *m, struct str key, uint64_t hash)
{
	struct entry **link = &m->buckets[hash & (m->bucket_count - 1)];

	while (*link != NULL) {
		const struct entry *e = *link;

		if (e->hash == hash && str_eq((struct str){ e->key, e->key_len }, key))
			break;
		link = &(*link)->next;
	}
	return link;
}

static void
grow(struct map *m)
{
	size_t count = m->bucket_count * 2;
	struct entry **buckets = mem_alloc(sizeof(struct entry *) * count);

	for (size_t i = 0; i < m->bucket_count; i++) {
		while (m->buckets[i] != NULL) {
			struct entry *e = m->buckets[i];

			m->buckets[i] = e->next;
			e->next = buckets[e->hash & (count - 1)];
			buckets[e->hash & (count - 1)] = e;
		}
	}
	free(m->buckets);
	m->buckets = buckets;
	m->bucket_count = count;
}

void *
map_get(const struct map *m, struct str key)
{
	const struct entry *e = *find(m, key, hash_of(m, key));

	return e == NULL ? NULL : e->value;
}

void *
map_put(struct map *m, struct str key, void *value)
{
	uint64_t hash = hash_of(m, key);
	struct entry **link = find(m, key, hash), *e;

	if (*link != NULL) {
		void *old = (*link)->value;

		(*link)->value = value;
		return old;
	}
	e = mem_alloc(sizeof(*e) + key.len);
	e->hash = hash;
	e->value = value;
	e->key_len = key.len;
	if (key.len > 0)
		memcpy(e->key, key.p, key.len);
	*link = e;
	if (++m->count > m->bucket_count)
		grow(m);
	return NULL;
}

void *
map_del(struct map *m, struct str key)
{
	struct entry **link = find(m, key, hash_of(m, key)), *e = *link;
	void *value;

	if (e == NULL)
		return NULL;
	value = e->value;
	*link = e->next;
	free(e);
	m->count--;
	return value;
}

size_t
map_count(const struct map *m)
{
	return m->count;
}

void
map_each(struct map *m, bool (*fn)(struct str key, void *value, void *arg), void *arg)
{
	for (size_t i = 0; i < m->bucket_count; i++) {
		struct entry **link = &m->buckets[i];

		while (*link != NULL) {
			struct entry *e = *link;

			if (fn((struct str){ e->key, e->key_len }, e->value, arg)) {
				link = &e->next;
				continue;
			}
			*link = e->next;
			free(e);
			m->count--;
		}
	}
}
