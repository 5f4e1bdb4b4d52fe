/* Which keys this process lets in, when the answer to a revocation is lost. */
#include "suite.h"

#include "fault.h"
#include "store/store_int.h"
#include "vault/keys.h"
#include "vault/vault_int.h"

#define CALLS_MAX 100

static struct str
make_key(struct fixture *f, int64_t i)
{
	struct api_key k = { .id = str_printf(f->arena, "key-%lld", (long long)i),
		.label = S("One"),
		.hint = S(""),
		.all_tokens = true,
		.created_ms = NOW };

	k.digest = k.id;
	assert_ok(store_key_create(store(f), &f->cx, &k));
	return k.id;
}

static bool
stored(struct fixture *f, struct str id)
{
	struct api_key *keys;
	size_t n;

	assert_ok(store_key_list(store(f), &f->cx, &keys, &n));
	for (size_t i = 0; i < n; i++)
		if (str_eq(keys[i].id, id))
			return true;
	return false;
}

static void
revoke_key(struct fixture *f, struct vault *v, struct str id)
{
	enum rc rc = vault_key_delete(v, &f->cx, id);

	assert_true(rc == OK || rc == E_STORE || rc == E_NOTFOUND);
	ctx_clear(&f->cx);
}

/* One call to the database fails. False: there were not so many. */
static bool
revoke_with_fault(struct fixture *f, struct vault *v, enum fault_kind kind, int at)
{
	const struct key_ref key = { .id = make_key(f, kind * CALLS_MAX + at) };
	bool fired;

	assert_ok(key_index_load(v, &f->cx));
	assert_true(vault_key_lives(v, &key));
	fault_arm(kind, at);
	revoke_key(f, v, key.id);
	fired = fault_disarm();
	/* What the engine does within a second. */
	(void)key_index_mend(v, &f->cx);
	assert_true(vault_key_lives(v, &key) == stored(f, key.id));
	/* Whoever asks again is told that it is gone, and it is. */
	revoke_key(f, v, key.id);
	assert_false(vault_key_lives(v, &key));
	return fired;
}

static void
test_s132_a_key_whose_revocation_lost_its_answer_is_dead(void **state)
{
	struct fixture *f = *state;
	struct opened *o = opened(f);
	struct vault v = { .keyring = o->keyring, .clock = f->clock };

	open_faulty(f);
	v.store = o->store;
	for (int kind = FAULT_BEFORE; kind <= FAULT_AFTER; kind++) {
		int at = 1;

		while (at < CALLS_MAX && revoke_with_fault(f, &v, (enum fault_kind)kind, at))
			at++;
		assert_in_range(at, 5, CALLS_MAX - 1);
	}
	key_index_free(v.keys);
}

static void
test_s132_a_revocation_that_is_done_late_is_seen(void **state)
{
	struct fixture *f = *state;
	struct opened *o = opened(f);
	struct vault v = { .keyring = o->keyring, .clock = f->clock };
	const struct key_ref key = { .id = make_key(f, 1) };

	open_faulty(f);
	v.store = o->store;
	assert_ok(key_index_load(&v, &f->cx));
	assert_true(key_index_mend(&v, &f->cx));
	fault_arm_commit(FAULT_BEFORE);
	assert_rc(vault_key_delete(&v, &f->cx, key.id), E_STORE);
	(void)fault_disarm();
	ctx_clear(&f->cx);
	assert_false(key_index_mend(&v, &f->cx)); /* it may not be over */
	assert_true(vault_key_lives(&v, &key));
	assert_ok(store_key_delete(store(f), &f->cx, key.id));
	assert_false(key_index_mend(&v, &f->cx));
	assert_false(vault_key_lives(&v, &key));
	key_index_free(v.keys);
}

const struct CMUnitTest key_index_tests[] = {
	STORE_TEST(test_s132_a_revocation_that_is_done_late_is_seen),
	STORE_TEST(test_s132_a_key_whose_revocation_lost_its_answer_is_dead),
};
const size_t key_index_test_count = sizeof(key_index_tests) / sizeof(key_index_tests[0]);
