#include "vault/keys.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "base/map.h"
#include "vault/vault_int.h"

#define PREFIX "vk_"
#define RANDOM_LEN 43
#define CHECK_LEN 6
#define KEY_LEN (3 + RANDOM_LEN + CHECK_LEN)
#define LABEL_MAX 100

static const char alphabet[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

struct key_entry {
	char id[ID_LEN + 1];
	bool all_tokens;
	struct map *tokens; /* token id -> itself */
	_Atomic int64_t used_ms;
	int64_t flushed_ms;
};

struct key_index {
	pthread_rwlock_t lock;
	struct map *by_digest;
	struct map *by_id;     /* the same entries, borrowed */
	uint64_t loads, shown; /* numbers of the newest load begun, and of the one in the maps */
	_Atomic bool stale;    /* the store may say something else, and must be asked again */
	_Atomic int64_t
	    unsure_until_ms; /* clock_mono_ms; a change may come to be there until then */
};

static void
entry_free(void *value)
{
	struct key_entry *e = value;

	map_free(e->tokens, NULL);
	free(e);
}

void
key_index_free(struct key_index *k)
{
	if (k == NULL)
		return;
	map_free(k->by_id, NULL);
	map_free(k->by_digest, entry_free);
	pthread_rwlock_destroy(&k->lock);
	free(k);
}

static struct key_entry *
entry_new(const struct api_key *k)
{
	struct key_entry *e = mem_alloc(sizeof(*e));

	memcpy(e->id, k->id.p, k->id.len < ID_LEN ? k->id.len : ID_LEN);
	e->all_tokens = k->all_tokens;
	e->tokens = map_new();
	for (size_t i = 0; i < k->token_count; i++)
		map_put(e->tokens, k->token_ids[i], e);
	e->flushed_ms = k->used_ms;
	atomic_store(&e->used_ms, k->used_ms);
	return e;
}

static uint64_t
begin_load(struct key_index *k)
{
	uint64_t load;

	pthread_rwlock_wrlock(&k->lock);
	load = ++k->loads;
	pthread_rwlock_unlock(&k->lock);
	return load;
}

/* What is only known here, when a key was used last, is not lost to a load. */
static bool
carry_over(struct str id, void *value, void *arg)
{
	struct key_entry *old = value, *e = map_get(arg, id);
	int64_t used_ms = atomic_load(&old->used_ms);

	if (e != NULL && used_ms > atomic_load(&e->used_ms))
		atomic_store(&e->used_ms, used_ms);
	return true;
}

/* Loads that overlap may end in any order. The one that began last has read every change made before
 * it, so an earlier one must not bring back a key that was deleted meanwhile. */
static void
show(struct key_index *k, uint64_t load, struct map *by_digest, struct map *by_id)
{
	struct map *old_digest = by_digest, *old_id = by_id;

	pthread_rwlock_wrlock(&k->lock);
	if (load > k->shown) {
		old_digest = k->by_digest;
		old_id = k->by_id;
		map_each(old_id, carry_over, by_id);
		k->by_digest = by_digest;
		k->by_id = by_id;
		k->shown = load;
	}
	pthread_rwlock_unlock(&k->lock);
	map_free(old_id, NULL);
	map_free(old_digest, entry_free);
}

static enum rc
load(struct vault *v, struct ctx *cx)
{
	uint64_t number = begin_load(v->keys);
	struct map *by_digest, *by_id;
	struct api_key *keys;
	size_t n;

	TRY(store_key_list(v->store, cx, &keys, &n));
	by_digest = map_new();
	by_id = map_new();
	for (size_t i = 0; i < n; i++) {
		struct key_entry *e = entry_new(&keys[i]);

		map_put(by_digest, keys[i].digest, e);
		map_put(by_id, keys[i].id, e);
	}
	show(v->keys, number, by_digest, by_id);
	return OK;
}

enum rc
key_index_load(struct vault *v, struct ctx *cx)
{
	enum rc rc;

	if (v->keys == NULL) {
		v->keys = mem_alloc(sizeof(*v->keys));
		pthread_rwlock_init(&v->keys->lock, NULL);
		v->keys->by_digest = map_new();
		v->keys->by_id = map_new();
	}
	atomic_store(&v->keys->stale, false);
	rc = load(v, cx);
	if (rc != OK)
		atomic_store(&v->keys->stale, true);
	return rc;
}

bool
key_index_mend(struct vault *v, struct ctx *cx)
{
	bool unsure;

	if (v->keys == NULL)
		return true;
	unsure = clock_mono_ms() < atomic_load(&v->keys->unsure_until_ms);
	if (!unsure && !atomic_load(&v->keys->stale))
		return true;
	return key_index_load(v, cx) == OK && !unsure;
}

/* The keys that were used since they were last written down. */
struct used {
	struct arena *arena;
	struct key_use *keys;
	size_t count;
};

static bool
note_used(struct str key, void *value, void *arg)
{
	struct key_entry *e = value;
	struct used *u = arg;
	int64_t ms = atomic_load(&e->used_ms);

	if (ms != e->flushed_ms)
		u->keys[u->count++] = (struct key_use){ str_dup(u->arena, key), ms };
	return true;
}

static void
flushed(struct key_index *k, const struct key_use *use)
{
	struct key_entry *e;

	pthread_rwlock_wrlock(&k->lock);
	e = map_get(k->by_id, use->id);
	if (e != NULL)
		e->flushed_ms = use->used_ms;
	pthread_rwlock_unlock(&k->lock);
}

/* The store is written without the lock: a server loop that checks a key must not wait for a disk. */
void
key_index_flush(struct vault *v, struct ctx *cx)
{
	struct used used = { .arena = cx->arena };

	if (v->keys == NULL)
		return;
	pthread_rwlock_rdlock(&v->keys->lock);
	used.keys = ARENA_ARRAY(cx->arena, struct key_use, map_count(v->keys->by_id));
	map_each(v->keys->by_id, note_used, &used);
	pthread_rwlock_unlock(&v->keys->lock);
	if (used.count == 0 || store_keys_used(v->store, cx, used.keys, used.count) != OK)
		return;
	for (size_t i = 0; i < used.count; i++)
		flushed(v->keys, &used.keys[i]);
}

static enum rc
unknown_key(struct ctx *cx)
{
	fail_at(cx, E_AUTH, "invalid-api-key", NULL, "The API key is not valid.");
	return fail_todo(cx, "Send Authorization: Bearer vk_… with a key made under API Keys.");
}

enum rc
vault_key_check(struct vault *v, struct ctx *cx, struct secret key, struct key_ref *out)
{
	struct str text = secret_expose(key), digest;
	struct key_entry *e;

	if (text.len != KEY_LEN || !str_starts(text, S(PREFIX)))
		return unknown_key(cx);
	digest = crypto_digest(v->keyring, cx->arena, S(KEY_PURPOSE), key);
	pthread_rwlock_rdlock(&v->keys->lock);
	e = map_get(v->keys->by_digest, digest);
	if (e != NULL) {
		out->id = str_dup(cx->arena, str_of(e->id));
		out->all_tokens = e->all_tokens;
		atomic_store_explicit(&e->used_ms, clock_now_ms(v->clock), memory_order_relaxed);
	}
	pthread_rwlock_unlock(&v->keys->lock);
	return e == NULL ? unknown_key(cx) : OK;
}

bool
vault_key_allows(struct vault *v, const struct key_ref *key, struct str token_id)
{
	struct key_entry *e;
	bool ok;

	pthread_rwlock_rdlock(&v->keys->lock);
	e = map_get(v->keys->by_id, key->id);
	ok = e != NULL && (e->all_tokens || map_get(e->tokens, token_id) != NULL);
	pthread_rwlock_unlock(&v->keys->lock);
	return ok;
}

bool
vault_key_allows_all(struct vault *v, const struct key_ref *key)
{
	struct key_entry *e;
	bool all;

	pthread_rwlock_rdlock(&v->keys->lock);
	e = map_get(v->keys->by_id, key->id);
	all = e != NULL && e->all_tokens;
	pthread_rwlock_unlock(&v->keys->lock);
	return all;
}

/* For programs that look for keys in texts, and for people: a mistyped key can be told from a wrong one
 * without asking. Here it proves nothing that the digest does not. */
static struct str
checksum(struct arena *a, struct str text)
{
	struct str sum = crypto_sha256(a, text);
	char *p = arena_alloc(a, CHECK_LEN + 1);

	for (size_t i = 0; i < CHECK_LEN; i++)
		p[i] = alphabet[(unsigned char)sum.p[i] % 62];
	return (struct str){ p, CHECK_LEN };
}

bool
vault_key_lives(struct vault *v, const struct key_ref *key)
{
	bool lives;

	pthread_rwlock_rdlock(&v->keys->lock);
	lives = map_get(v->keys->by_id, key->id) != NULL;
	pthread_rwlock_unlock(&v->keys->lock);
	return lives;
}

enum rc
vault_key_want_lives(struct vault *v, struct ctx *cx, const struct key_ref *key)
{
	return vault_key_lives(v, key) ? OK : unknown_key(cx);
}

static struct secret
new_key(struct arena *a)
{
	struct secret random = crypto_random_text(a, RANDOM_LEN, str_of(alphabet));
	struct str head = str_printf(a, PREFIX "%.*s", STR_ARG(secret_expose(random)));

	return secret_of(str_printf(a, "%.*s%.*s", STR_ARG(head), STR_ARG(checksum(a, head))));
}

static enum rc
check_label(struct ctx *cx, struct str label)
{
	if (label.len > 0 && str_utf8(label) && str_chars(label) <= LABEL_MAX)
		return OK;
	return vault_bad_field(cx, "label", "The key needs a label of 1 to 100 characters.",
	    "Say what will use it, for example \"backup script\".");
}

static enum rc
want_tokens(struct vault *v, struct ctx *cx, const struct str *ids, size_t count)
{
	struct token ignored;

	for (size_t i = 0; i < count; i++) {
		enum rc rc = store_token_get(v->store, cx, ids[i], &ignored);

		if (rc == E_NOTFOUND) {
			fail_at(cx, rc, "token-gone", "token_ids",
			    "One of the chosen tokens is not there any more.");
			return fail_todo(cx, "Choose among those that are there, and save again.");
		}
		TRY(rc);
	}
	return OK;
}

enum rc
vault_key_create(struct vault *v, struct ctx *cx, struct api_key *k, struct secret *key_out)
{
	struct secret key = new_key(cx->arena);
	struct str text = secret_expose(key);

	TRY(check_label(cx, k->label));
	TRY(want_tokens(v, cx, k->token_ids, k->token_count));
	k->id = vault_new_id(cx->arena);
	k->hint =
	    str_printf(cx->arena, PREFIX "…%.*s", STR_ARG(str_sub(text, text.len - 4, text.len)));
	k->digest = crypto_digest(v->keyring, cx->arena, S(KEY_PURPOSE), key);
	k->created_ms = clock_now_ms(v->clock);
	TRY(store_key_create(v->store, cx, k));
	TRY(key_index_load(v, cx));
	*key_out = key;
	return OK;
}

enum rc
vault_key_list(struct vault *v, struct ctx *cx, struct api_key **out, size_t *count)
{
	key_index_flush(v, cx);
	return store_key_list(v->store, cx, out, count);
}

/* The answer of a change may be lost and the key changed all the same, now or a moment later (S-132). */
static enum rc
reload_changed(struct vault *v, struct ctx *cx, enum rc rc)
{
	struct ctx scratch = *cx;
	bool unsure = rc == E_STORE || rc == E_BUSY;
	enum rc loaded;

	if (unsure)
		atomic_store(&v->keys->unsure_until_ms, clock_mono_ms() + UNSURE_MS);
	loaded = key_index_load(v, rc == OK ? cx : &scratch);
	/* The engine does a load that failed again, and all of them until it is sure. */
	if (unsure || loaded != OK)
		vault_wake(v);
	return rc == OK ? loaded : rc;
}

enum rc
vault_key_get(struct vault *v, struct ctx *cx, struct str id, struct api_key *out)
{
	struct key_entry *e;

	TRY(store_key_get(v->store, cx, id, out));
	pthread_rwlock_rdlock(&v->keys->lock);
	e = map_get(v->keys->by_id, id);
	if (e != NULL && atomic_load(&e->used_ms) > out->used_ms)
		out->used_ms = atomic_load(&e->used_ms);
	pthread_rwlock_unlock(&v->keys->lock);
	return OK;
}

enum rc
vault_key_live_tokens(struct vault *v, struct ctx *cx, struct str id, int64_t *out)
{
	return store_key_live_tokens(v->store, cx, id, out);
}

enum rc
vault_key_edit(struct vault *v, struct ctx *cx, struct str id, const struct api_key_edit *edit,
    struct api_key *out)
{
	if (edit->set_label)
		TRY(check_label(cx, edit->label));
	TRY(want_tokens(v, cx, edit->token_ids, edit->token_count));
	TRY(reload_changed(v, cx, store_key_edit(v->store, cx, id, edit)));
	return vault_key_get(v, cx, id, out);
}

enum rc
vault_key_delete(struct vault *v, struct ctx *cx, struct str id)
{
	return reload_changed(v, cx, store_key_delete(v->store, cx, id));
}
