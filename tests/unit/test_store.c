/* The store's verbs on SQLite: tokens and their one refresh, connections, keys, sessions; and what is
 * sealed does not open once somebody moved it by hand. */
#include "fixture.h"

#include <sqlite3.h>

#include "crypto/crypto.h"
#include "store/access.h"
#include "store/connection.h"
#include "store/token.h"

#define NOW 1700000000000
#define LEASE 30000

struct opened {
	struct keyring *keyring;
	struct store *store;
};

static struct opened *
opened(struct fixture *f)
{
	return f->more;
}

static struct store *
store(struct fixture *f)
{
	return opened(f)->store;
}

static void
open_store(struct fixture *f)
{
	struct opened *o = opened(f);

	assert_int_equal(
	    store_open(&f->cx, fixture_path(f, "valetkey.db"), o->keyring, &o->store), OK);
}

static int
setup(void **state)
{
	struct fixture *f;

	if (fixture_setup(state) != 0)
		return -1;
	f = *state;
	f->more = mem_alloc(sizeof(struct opened));
	assert_int_equal(
	    keyring_open(&f->cx, fixture_path(f, "key"), true, false, &opened(f)->keyring), OK);
	open_store(f);
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	store_close(opened(f)->store);
	keyring_free(opened(f)->keyring);
	free(f->more);
	return fixture_teardown(state);
}

/* Somebody at the file itself, past every verb. */
static void
by_hand(struct fixture *f, const char *sql)
{
	sqlite3 *db;

	assert_int_equal(sqlite3_open(fixture_path(f, "valetkey.db"), &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	assert_true(sqlite3_total_changes(db) > 0);
	sqlite3_close(db);
}

#define assert_ok(expr) assert_rc_is(f, (expr), OK)
#define assert_rc(expr, want) assert_rc_is(f, (expr), (want))

static void
assert_rc_is(struct fixture *f, enum rc got, enum rc want)
{
	if (got != want)
		print_error("rc %d, not %d: %s\n", got, want, f->cx.why);
	assert_int_equal(got, want);
	if (want != OK)
		assert_true(f->cx.why[0] != '\0');
}

static struct token
a_token(const char *id, const char *name)
{
	return (struct token){
		.id = str_of(id),
		.name = str_of(name),
		.description = S("what for"),
		.provider = S("dropbox"),
		.app_key = S("appkey"),
		.scopes = S("account_info.read"),
		.scope_granted = S("account_info.read files.content.read"),
		.redirect_uri = S("http://127.0.0.1:8090/oauth/callback/dropbox"),
		.account_id = S("dbid:1"),
		.account_name = S("Ann Lee"),
		.account_email = S("ann@example.com"),
		.expires_ms = NOW + 14400000,
		.created_ms = NOW,
		.updated_ms = NOW,
		.due_ms = NOW + 14000000,
		.sealed_version = 1,
	};
}

static const struct token_secrets plain = {
	.app_secret = { { "the-app-secret", 14 } },
	.access = { { "the-access-token", 16 } },
	.refresh = { { "the-refresh-token", 17 } },
};

static void
create(struct fixture *f, const char *id, const char *name)
{
	struct token t = a_token(id, name);

	assert_ok(store_token_create(store(f), &f->cx, &t, &plain, S("")));
}

static void
test_token_comes_back_as_it_went_in(void **state)
{
	struct fixture *f = *state;
	struct token_secrets s;
	struct token t;

	create(f, "t1", "My Token");
	assert_ok(store_token_open(store(f), &f->cx, S("My Token"), &t, &s));
	assert_str_equal(t.id, S("t1"));
	assert_str_equal(t.description, S("what for"));
	assert_str_equal(t.scope_granted, S("account_info.read files.content.read"));
	assert_str_equal(t.account_email, S("ann@example.com"));
	assert_int_equal(t.status, TOKEN_ACTIVE);
	assert_int_equal(t.expires_ms, NOW + 14400000);
	assert_true(t.has_refresh);
	assert_true(crypto_equal(s.app_secret, plain.app_secret));
	assert_true(crypto_equal(s.access, plain.access));
	assert_true(crypto_equal(s.refresh, plain.refresh));
	assert_rc(store_token_get(store(f), &f->cx, S("t2"), &t), E_NOTFOUND);
	assert_rc(store_token_by_name(store(f), &f->cx, S("my token"), &t), E_NOTFOUND);
}

static void
test_token_outlives_the_process(void **state)
{
	struct fixture *f = *state;
	struct token_secrets s;

	create(f, "t1", "One");
	store_close(store(f));
	open_store(f);
	assert_ok(store_token_secrets(store(f), &f->cx, S("t1"), &s));
	assert_true(crypto_equal(s.refresh, plain.refresh));
}

static bool
file_holds(struct fixture *f, const char *name, const char *text)
{
	int fd = open(fixture_path(f, name), O_RDONLY);
	struct stat st;
	struct str all;
	char *p;

	if (fd < 0)
		return false;
	assert_int_equal(fstat(fd, &st), 0);
	p = arena_alloc(f->arena, (size_t)st.st_size);
	all = (struct str){ p, (size_t)st.st_size };
	assert_int_equal(read(fd, p, all.len), all.len);
	close(fd);
	return str_contains(all, str_of(text));
}

static void
test_no_secret_stands_in_the_file(void **state)
{
	static const char *const files[] = { "valetkey.db", "valetkey.db-wal" };
	struct fixture *f = *state;
	bool name_found = false;

	create(f, "t1", "A Name To Find");
	assert_ok(
	    store_meta_put_sealed(store(f), &f->cx, S("seed"), secret_of(S("the-seed-text"))));
	for (size_t i = 0; i < 2; i++) {
		name_found = name_found || file_holds(f, files[i], "A Name To Find");
		assert_false(file_holds(f, files[i], "the-app-secret"));
		assert_false(file_holds(f, files[i], "the-access-token"));
		assert_false(file_holds(f, files[i], "the-refresh-token"));
		assert_false(file_holds(f, files[i], "the-seed-text"));
	}
	assert_true(name_found); /* the search works */
}

static void
test_token_name_is_taken_in_any_case(void **state)
{
	struct fixture *f = *state;
	struct token t = a_token("t2", "MY token");
	struct token_edit edit = { .set_name = true, .name = S("my TOKEN"), .now_ms = NOW };

	create(f, "t1", "My Token");
	assert_rc(store_token_create(store(f), &f->cx, &t, &plain, S("")), E_CONFLICT);
	assert_string_equal(f->cx.code, "name-taken");
	assert_string_equal(f->cx.field, "name");
	create(f, "t2", "Other");
	assert_rc(store_token_edit(store(f), &f->cx, S("t2"), &edit), E_CONFLICT);
	assert_ok(store_token_edit(store(f), &f->cx, S("t1"), &edit));
}

static void
test_token_edit_seals_again(void **state)
{
	struct fixture *f = *state;
	struct token_edit edit = { .set_name = true,
		.name = S("New"),
		.set_description = true,
		.description = S("changed"),
		.set_app_secret = true,
		.app_secret = secret_of(S("another")),
		.now_ms = NOW + 1 };
	struct token_secrets s;
	struct token t;

	create(f, "t1", "Old");
	assert_ok(store_token_edit(store(f), &f->cx, S("t1"), &edit));
	assert_rc(store_token_by_name(store(f), &f->cx, S("Old"), &t), E_NOTFOUND);
	assert_ok(store_token_open(store(f), &f->cx, S("New"), &t, &s));
	assert_str_equal(t.description, S("changed"));
	assert_true(crypto_equal(s.app_secret, edit.app_secret));
	assert_true(crypto_equal(s.access, plain.access));
	assert_true(crypto_equal(s.refresh, plain.refresh));
}

static void
test_token_list_is_sorted_and_delete_deletes(void **state)
{
	struct fixture *f = *state;
	struct token *list;
	size_t n;

	create(f, "t1", "beta");
	create(f, "t2", "Alpha");
	create(f, "t3", "gamma");
	assert_ok(store_token_delete(store(f), &f->cx, S("t3")));
	assert_rc(store_token_delete(store(f), &f->cx, S("t3")), E_NOTFOUND);
	assert_ok(store_token_list(store(f), &f->cx, &list, &n));
	assert_int_equal(n, 2);
	assert_str_equal(list[0].name, S("Alpha"));
	assert_str_equal(list[1].name, S("beta"));
}

static void
assert_integrity(struct fixture *f, const char *id)
{
	struct token_secrets s;

	ctx_clear(&f->cx);
	assert_rc(store_token_secrets(store(f), &f->cx, str_of(id), &s), E_STORE);
	assert_string_equal(f->cx.code, "integrity");
}

/* S-166: a sealed value opens in its own column of its own row, of its own version, only. */
static void
test_s166_values_moved_by_hand_do_not_open(void **state)
{
	static const char *const moves[] = {
		"UPDATE token SET access = (SELECT access FROM token WHERE id = 't2') WHERE id = "
		"'t1'",
		"UPDATE token SET refresh = (SELECT refresh FROM token WHERE id = 't2') WHERE id = "
		"'t1'",
		"UPDATE token SET app_secret = access WHERE id = 't1'",
		"UPDATE token SET access = refresh, refresh = access WHERE id = 't1'",
		"UPDATE token SET sealed_version = sealed_version + 1 WHERE id = 't1'",
		"UPDATE token SET name = 'Renamed' WHERE id = 't1'",
		"UPDATE token SET access = CAST('the-access-token' AS BLOB) WHERE id = 't1'",
		"UPDATE token SET access = substr(access, 1, length(access) - 1) WHERE id = 't1'",
	};
	struct fixture *f = *state;
	struct token_secrets s;

	for (size_t i = 0; i < sizeof(moves) / sizeof(moves[0]); i++) {
		create(f, "t1", "One");
		create(f, "t2", "Two");
		by_hand(f, moves[i]);
		assert_integrity(f, "t1");
		assert_ok(store_token_secrets(store(f), &f->cx, S("t2"), &s));
		by_hand(f, "DELETE FROM token");
	}
}

/* An old value put back into its own place is noticed as well: the version moved on. */
static void
test_s166_an_old_value_put_back_does_not_open(void **state)
{
	struct fixture *f = *state;
	struct token_edit edit = {
		.set_app_secret = true, .app_secret = secret_of(S("x")), .now_ms = NOW
	};

	create(f, "t1", "One");
	by_hand(f, "CREATE TABLE kept (access BLOB); INSERT INTO kept SELECT access FROM token");
	assert_ok(store_token_edit(store(f), &f->cx, S("t1"), &edit));
	by_hand(f, "UPDATE token SET access = (SELECT access FROM kept)");
	assert_integrity(f, "t1");
}

static void
test_meta_is_bound_to_its_name(void **state)
{
	struct fixture *f = *state;
	struct secret out;
	struct str text;

	assert_ok(store_meta_put(store(f), &f->cx, S("a"), S("1")));
	assert_ok(store_meta_put(store(f), &f->cx, S("a"), S("2")));
	assert_ok(store_meta_get(store(f), &f->cx, S("a"), &text));
	assert_str_equal(text, S("2"));
	assert_rc(store_meta_get(store(f), &f->cx, S("b"), &text), E_NOTFOUND);
	assert_ok(store_meta_put_sealed(store(f), &f->cx, S("s1"), secret_of(S("one"))));
	assert_ok(store_meta_put_sealed(store(f), &f->cx, S("s2"), secret_of(S("two"))));
	assert_ok(store_meta_get_sealed(store(f), &f->cx, S("s1"), &out));
	assert_true(crypto_equal(out, secret_of(S("one"))));
	by_hand(f,
	    "UPDATE meta SET sealed = (SELECT sealed FROM meta WHERE name = 's2')"
	    " WHERE name = 's1'");
	assert_rc(store_meta_get_sealed(store(f), &f->cx, S("s1"), &out), E_STORE);
}

/* S-169: the key of another installation. */
static void
test_s169_another_key_is_noticed_at_the_door(void **state)
{
	struct fixture *f = *state;
	struct keyring *other;
	struct store *s = NULL;

	create(f, "t1", "One");
	assert_ok(keyring_open(&f->cx, fixture_path(f, "other"), true, false, &other));
	assert_rc(store_open(&f->cx, fixture_path(f, "valetkey.db"), other, &s), E_INPUT);
	assert_string_equal(f->cx.code, "master-key");
	assert_null(s);
	keyring_free(other);
}

static struct refresh_claim
claim(struct fixture *f, const char *id, int64_t wall_ms)
{
	struct refresh_claim c;

	assert_ok(store_refresh_claim(store(f), &f->cx, str_of(id), wall_ms, LEASE, &c));
	return c;
}

static const struct token_grant fresh = {
	.access = { { "access-2", 8 } },
	.refresh = { { "refresh-2", 9 } },
	.expires_ms = NOW + 20000000,
	.now_ms = NOW + 5000,
	.due_ms = NOW + 19000000,
};

static void
test_refresh_is_claimed_by_one(void **state)
{
	struct fixture *f = *state;
	struct refresh_claim c, other;

	create(f, "t1", "One");
	c = claim(f, "t1", NOW);
	assert_true(crypto_equal(c.secrets.refresh, plain.refresh));
	assert_rc(store_refresh_claim(store(f), &f->cx, S("t1"), NOW + LEASE - 1, LEASE, &other),
	    E_CONFLICT);
	assert_ok(store_refresh_commit(store(f), &f->cx, &c, &fresh));
	other = claim(f, "t1", NOW + 1); /* given back before its end */
	assert_int_equal(other.fence, c.fence + 1);
}

static void
test_refresh_commits_the_pair(void **state)
{
	struct fixture *f = *state;
	struct refresh_claim c;
	struct token_secrets s;
	struct token t;

	create(f, "t1", "One");
	c = claim(f, "t1", NOW);
	assert_ok(store_refresh_commit(store(f), &f->cx, &c, &fresh));
	assert_ok(store_token_open(store(f), &f->cx, S("One"), &t, &s));
	assert_true(crypto_equal(s.access, fresh.access));
	assert_true(crypto_equal(s.refresh, fresh.refresh));
	assert_true(crypto_equal(s.app_secret, plain.app_secret));
	assert_int_equal(t.expires_ms, fresh.expires_ms);
	assert_int_equal(t.refreshed_ms, fresh.now_ms);
	assert_int_equal(t.due_ms, fresh.due_ms);
	assert_str_equal(t.scope_granted, S("account_info.read files.content.read"));
}

static void
test_refresh_without_a_new_refresh_token_keeps_the_old(void **state)
{
	struct fixture *f = *state;
	struct token_grant grant = fresh;
	struct refresh_claim c;
	struct token_secrets s;

	create(f, "t1", "One");
	c = claim(f, "t1", NOW);
	grant.refresh = secret_of(S(""));
	assert_ok(store_refresh_commit(store(f), &f->cx, &c, &grant));
	assert_ok(store_token_secrets(store(f), &f->cx, S("t1"), &s));
	assert_true(crypto_equal(s.access, fresh.access));
	assert_true(crypto_equal(s.refresh, plain.refresh));
}

/* A refresher that slept through its lease writes nothing, neither success nor failure. */
static void
test_refresh_fence_stops_the_late_one(void **state)
{
	struct fixture *f = *state;
	struct refresh_failure failure = {
		.status = TOKEN_NEEDS_REAUTHORIZATION, .reason = S("late"), .now_ms = NOW
	};
	struct token_grant stale = fresh;
	struct refresh_claim late, next;
	struct token_secrets s;
	struct token t;

	create(f, "t1", "One");
	late = claim(f, "t1", NOW);
	next = claim(f, "t1", NOW + LEASE + 1);
	stale.access = secret_of(S("stale"));
	assert_rc(store_refresh_commit(store(f), &f->cx, &late, &stale), E_CONFLICT);
	assert_rc(store_refresh_failed(store(f), &f->cx, &late, &failure), E_CONFLICT);
	assert_ok(store_refresh_commit(store(f), &f->cx, &next, &fresh));
	assert_rc(store_refresh_commit(store(f), &f->cx, &late, &stale), E_CONFLICT);
	assert_ok(store_token_open(store(f), &f->cx, S("One"), &t, &s));
	assert_true(crypto_equal(s.access, fresh.access));
	assert_int_equal(t.status, TOKEN_ACTIVE);
}

static void
test_refresh_failure_changes_the_state_and_no_secret(void **state)
{
	struct fixture *f = *state;
	struct refresh_failure failure = { .status = TOKEN_ACTIVE,
		.reason = S("no answer"),
		.now_ms = NOW + 1,
		.due_ms = NOW + 60000 };
	struct refresh_claim c;
	struct token_secrets s;
	struct token t;

	create(f, "t1", "One");
	c = claim(f, "t1", NOW);
	assert_ok(store_refresh_failed(store(f), &f->cx, &c, &failure));
	assert_ok(store_token_get(store(f), &f->cx, S("t1"), &t));
	assert_int_equal(t.status, TOKEN_ACTIVE);
	assert_int_equal(t.attempts, 1);
	assert_str_equal(t.last_error, S("no answer"));
	assert_int_equal(t.status_reason.len, 0);
	c = claim(f, "t1", NOW + 2);
	failure = (struct refresh_failure){ .status = TOKEN_NEEDS_REAUTHORIZATION,
		.reason = S("Consent was withdrawn."),
		.now_ms = NOW + 3 };
	assert_ok(store_refresh_failed(store(f), &f->cx, &c, &failure));
	assert_ok(store_token_open(store(f), &f->cx, S("One"), &t, &s));
	assert_int_equal(t.status, TOKEN_NEEDS_REAUTHORIZATION);
	assert_int_equal(t.status_ms, NOW + 3);
	assert_int_equal(t.attempts, 2);
	assert_str_equal(t.status_reason, S("Consent was withdrawn."));
	assert_true(crypto_equal(s.refresh, plain.refresh));
}

/* The new secret was blamed for a refusal of the old one. */
static void
test_refresh_failure_does_not_blame_a_newer_secret(void **state)
{
	struct fixture *f = *state;
	struct token_edit edit = {
		.set_app_secret = true, .app_secret = secret_of(S("newer")), .now_ms = NOW + 1
	};
	struct refresh_failure failure = { .status = TOKEN_MISCONFIGURED,
		.reason = S("The App Secret was not accepted."),
		.now_ms = NOW + 2 };
	struct refresh_claim c;
	struct token t;

	create(f, "t1", "One");
	c = claim(f, "t1", NOW);
	assert_ok(store_token_edit(store(f), &f->cx, S("t1"), &edit));
	assert_rc(store_refresh_failed(store(f), &f->cx, &c, &failure), E_CONFLICT);
	assert_ok(store_token_get(store(f), &f->cx, S("t1"), &t));
	assert_int_equal(t.status, TOKEN_ACTIVE);
}

static void
test_refresh_needs_a_refresh_token(void **state)
{
	struct fixture *f = *state;
	struct token t = a_token("t1", "One");
	struct token_secrets s = plain;
	struct refresh_claim c;

	s.refresh = secret_of(S(""));
	assert_ok(store_token_create(store(f), &f->cx, &t, &s, S("")));
	assert_rc(store_refresh_claim(store(f), &f->cx, S("t1"), NOW, LEASE, &c), E_REAUTH);
	/* and nothing stays locked behind it */
	assert_rc(store_refresh_claim(store(f), &f->cx, S("t1"), NOW, LEASE, &c), E_REAUTH);
	assert_rc(store_refresh_claim(store(f), &f->cx, S("none"), NOW, LEASE, &c), E_NOTFOUND);
}

static void
test_due_tokens_oldest_first_without_the_claimed(void **state)
{
	struct fixture *f = *state;
	int64_t next;
	struct str *ids;
	size_t n;

	create(f, "t1", "One");
	create(f, "t2", "Two");
	create(f, "t3", "Three");
	assert_ok(store_token_postpone(store(f), &f->cx, S("t1"), NOW + 20));
	assert_ok(store_token_postpone(store(f), &f->cx, S("t2"), NOW + 10));
	assert_ok(store_token_due(store(f), &f->cx, NOW + 5, NOW, 10, &ids, &n, &next));
	assert_int_equal(n, 0);
	assert_int_equal(next, NOW + 10);
	assert_ok(store_token_due(store(f), &f->cx, NOW + 20, NOW, 10, &ids, &n, &next));
	assert_int_equal(n, 2);
	assert_str_equal(ids[0], S("t2"));
	assert_str_equal(ids[1], S("t1"));
	claim(f, "t2", NOW);
	assert_ok(store_token_due(store(f), &f->cx, NOW + 20, NOW, 10, &ids, &n, &next));
	assert_int_equal(n, 1);
	assert_str_equal(ids[0], S("t1"));
}

static void
test_reconnect_replaces_all_and_ends_a_refresh_under_way(void **state)
{
	struct fixture *f = *state;
	struct token_reconnect r = { .app_key = S("key2"),
		.scopes = S("s"),
		.redirect_uri = S("uri"),
		.app_secret = secret_of(S("secret2")),
		.account_email = S("bob@example.com"),
		.grant = fresh };
	struct refresh_claim c;
	struct token_secrets s;
	struct token t;

	create(f, "t1", "One");
	c = claim(f, "t1", NOW);
	assert_ok(store_token_reconnect(store(f), &f->cx, S("t1"), &r));
	assert_rc(store_refresh_commit(store(f), &f->cx, &c, &fresh), E_CONFLICT);
	assert_ok(store_token_open(store(f), &f->cx, S("One"), &t, &s));
	assert_str_equal(t.app_key, S("key2"));
	assert_str_equal(t.account_email, S("bob@example.com"));
	assert_true(crypto_equal(s.app_secret, r.app_secret));
	assert_true(crypto_equal(s.refresh, fresh.refresh));
}

static struct connection
a_connection(const char *id, const char *state_digest, int64_t created_ms)
{
	return (struct connection){ .id = str_of(id),
		.session_digest = S("session"),
		.state_digest = str_of(state_digest),
		.provider = S("dropbox"),
		.token_id = S(""),
		.app_key = S("appkey"),
		.scopes = S(""),
		.redirect_uri = S("uri"),
		.created_ms = created_ms,
		.expires_ms = created_ms + 600000 };
}

static void
start(struct fixture *f, const char *id, int64_t created_ms)
{
	struct connection c = a_connection(id, id, created_ms);
	struct connection_secrets s = { .app_secret = secret_of(S("app")),
		.verifier = secret_of(S("verifier")) };

	assert_ok(store_connection_create(store(f), &f->cx, &c, &s));
}

static void
test_connection_is_spent_once(void **state)
{
	struct fixture *f = *state;
	struct connection c;

	start(f, "c1", NOW);
	assert_ok(store_connection_by_state(store(f), &f->cx, S("c1"), &c));
	assert_int_equal(c.status, CONN_WAITING);
	assert_rc(store_connection_by_state(store(f), &f->cx, S("c2"), &c), E_NOTFOUND);
	assert_ok(store_connection_spend(store(f), &f->cx, S("c1")));
	assert_rc(store_connection_spend(store(f), &f->cx, S("c1")), E_CONFLICT);
	assert_rc(store_connection_spend(store(f), &f->cx, S("c2")), E_CONFLICT);
}

static void
test_connection_finishes_with_its_secrets(void **state)
{
	struct fixture *f = *state;
	struct connection_secrets s = { .app_secret = secret_of(S("app")),
		.access = secret_of(S("access")),
		.refresh = secret_of(S("refresh")) };
	struct connection c;

	start(f, "c1", NOW);
	assert_ok(store_connection_get(store(f), &f->cx, S("c1"), &c));
	assert_false(c.has_refresh);
	c.status = CONN_CONNECTED;
	c.account_name = S("Ann Lee");
	assert_ok(store_connection_finish(store(f), &f->cx, &c, &s));
	assert_ok(store_connection_get(store(f), &f->cx, S("c1"), &c));
	assert_int_equal(c.status, CONN_CONNECTED);
	assert_str_equal(c.account_name, S("Ann Lee"));
	assert_true(c.has_refresh);
	assert_rc(store_connection_spend(store(f), &f->cx, S("c1")), E_CONFLICT);
	s = (struct connection_secrets){ 0 };
	assert_ok(store_connection_secrets(store(f), &f->cx, S("c1"), &s));
	assert_true(crypto_equal(s.access, secret_of(S("access"))));
	assert_true(secret_empty(s.verifier));
	assert_ok(store_connection_delete(store(f), &f->cx, S("c1")));
	assert_rc(store_connection_finish(store(f), &f->cx, &c, &s), E_NOTFOUND);
}

/* Done twice at once, with two names, once made two tokens of one grant. */
static void
test_connection_becomes_one_token(void **state)
{
	struct fixture *f = *state;
	struct token first = a_token("t1", "First"), second = a_token("t2", "Second"), t;
	struct token taken = a_token("t3", "FIRST");
	struct connection c;

	start(f, "c1", NOW);
	assert_ok(store_token_create(store(f), &f->cx, &first, &plain, S("c1")));
	assert_rc(store_connection_get(store(f), &f->cx, S("c1"), &c), E_NOTFOUND);
	assert_rc(store_token_create(store(f), &f->cx, &second, &plain, S("c1")), E_NOTFOUND);
	assert_rc(store_token_get(store(f), &f->cx, S("t2"), &t), E_NOTFOUND);
	/* A name that is taken leaves the connection for another try. */
	start(f, "c2", NOW);
	assert_rc(store_token_create(store(f), &f->cx, &taken, &plain, S("c2")), E_CONFLICT);
	assert_ok(store_connection_get(store(f), &f->cx, S("c2"), &c));
}

static void
test_connection_secrets_moved_by_hand_do_not_open(void **state)
{
	struct fixture *f = *state;
	struct connection_secrets s;

	start(f, "c1", NOW);
	start(f, "c2", NOW);
	by_hand(f,
	    "UPDATE connection SET verifier = (SELECT verifier FROM connection WHERE id = 'c2')"
	    " WHERE id = 'c1'");
	assert_rc(store_connection_secrets(store(f), &f->cx, S("c1"), &s), E_STORE);
	assert_ok(store_connection_secrets(store(f), &f->cx, S("c2"), &s));
}

static void
test_connection_prune_keeps_the_newest(void **state)
{
	struct fixture *f = *state;
	struct connection c;

	start(f, "c1", NOW);
	start(f, "c2", NOW + 10);
	start(f, "c3", NOW + 20);
	start(f, "c4", NOW + 30);
	assert_ok(store_connection_prune(store(f), &f->cx, NOW + 5, S("session"), 2));
	assert_rc(store_connection_get(store(f), &f->cx, S("c1"), &c), E_NOTFOUND);
	assert_rc(store_connection_get(store(f), &f->cx, S("c2"), &c), E_NOTFOUND);
	assert_ok(store_connection_get(store(f), &f->cx, S("c3"), &c));
	assert_ok(store_connection_get(store(f), &f->cx, S("c4"), &c));
}

static void
test_keys_with_their_tokens(void **state)
{
	struct fixture *f = *state;
	struct str some[] = { S("t1"), S("t2") };
	struct api_key one = { .id = S("k1"),
		.label = S("One"),
		.hint = S("vk_...1"),
		.digest = S("digest-1"),
		.token_ids = some,
		.token_count = 2,
		.created_ms = NOW };
	struct api_key all = { .id = S("k2"),
		.label = S("All"),
		.hint = S("vk_...2"),
		.digest = S("digest-2"),
		.all_tokens = true,
		.created_ms = NOW + 1 };
	struct api_key *list;
	size_t n;

	create(f, "t1", "One");
	create(f, "t2", "Two");
	assert_ok(store_key_create(store(f), &f->cx, &one));
	assert_ok(store_key_create(store(f), &f->cx, &all));
	assert_ok(store_key_used(store(f), &f->cx, S("k1"), NOW + 5));
	assert_ok(store_token_delete(store(f), &f->cx, S("t2")));
	assert_ok(store_key_list(store(f), &f->cx, &list, &n));
	assert_int_equal(n, 2);
	assert_str_equal(list[0].id, S("k2"));
	assert_true(list[0].all_tokens);
	assert_false(list[1].all_tokens);
	assert_int_equal(list[1].used_ms, NOW + 5);
	assert_str_equal(list[1].digest, S("digest-1"));
	assert_int_equal(list[1].token_count, 1);
	assert_str_equal(list[1].token_ids[0], S("t1"));
	assert_ok(store_key_delete(store(f), &f->cx, S("k1")));
	assert_rc(store_key_delete(store(f), &f->cx, S("k1")), E_NOTFOUND);
}

/* A key with a token that is not there is not made at all. */
static void
test_key_is_made_whole_or_not(void **state)
{
	struct fixture *f = *state;
	struct str some[] = { S("t1"), S("missing") };
	struct api_key k = { .id = S("k1"),
		.label = S("One"),
		.hint = S(""),
		.digest = S("d"),
		.token_ids = some,
		.token_count = 2,
		.created_ms = NOW };
	struct api_key *list;
	size_t n;

	create(f, "t1", "One");
	assert_int_not_equal(store_key_create(store(f), &f->cx, &k), OK);
	assert_ok(store_key_list(store(f), &f->cx, &list, &n));
	assert_int_equal(n, 0);
}

#define IDLE 1000000
#define LIFE 5000000

static void
test_session_ends_by_idleness_and_by_age(void **state)
{
	struct fixture *f = *state;
	struct user u = { .id = S("u1"), .username = S("admin"), .password_hash = S("hash") }, got;
	struct store *s = store(f);
	int64_t t = NOW;

	assert_ok(store_user_put(s, &f->cx, &u));
	assert_ok(store_session_create(s, &f->cx, S("s1"), S("u1"), NOW));
	assert_rc(store_session_check(s, &f->cx, S("s2"), NOW, IDLE, LIFE, &got), E_NOTFOUND);
	for (; t < NOW + LIFE; t += IDLE - 1) {
		assert_ok(store_session_check(s, &f->cx, S("s1"), t, IDLE, LIFE, &got));
		assert_str_equal(got.username, S("admin"));
	}
	assert_rc(
	    store_session_check(s, &f->cx, S("s1"), NOW + LIFE, IDLE, LIFE, &got), E_NOTFOUND);
	assert_ok(store_session_create(s, &f->cx, S("s3"), S("u1"), NOW));
	assert_rc(
	    store_session_check(s, &f->cx, S("s3"), NOW + IDLE, IDLE, LIFE, &got), E_NOTFOUND);
}

static void
test_session_delete_others_leaves_one(void **state)
{
	struct fixture *f = *state;
	struct user u = { .id = S("u1"), .username = S("admin"), .password_hash = S("hash") }, got;
	struct store *s = store(f);

	assert_ok(store_user_put(s, &f->cx, &u));
	assert_ok(store_session_create(s, &f->cx, S("s1"), S("u1"), NOW));
	assert_ok(store_session_create(s, &f->cx, S("s2"), S("u1"), NOW));
	assert_ok(store_session_delete_others(s, &f->cx, S("u1"), S("s2")));
	assert_rc(store_session_check(s, &f->cx, S("s1"), NOW, IDLE, LIFE, &got), E_NOTFOUND);
	assert_ok(store_session_check(s, &f->cx, S("s2"), NOW, IDLE, LIFE, &got));
	assert_ok(store_session_delete(s, &f->cx, S("s2")));
	assert_rc(store_session_check(s, &f->cx, S("s2"), NOW, IDLE, LIFE, &got), E_NOTFOUND);
}

static void
test_user_put_replaces_by_name(void **state)
{
	struct fixture *f = *state;
	struct user u = { .id = S("u1"), .username = S("admin"), .password_hash = S("one") }, got;
	int64_t n;

	assert_ok(store_user_put(store(f), &f->cx, &u));
	u.id = S("u2");
	u.password_hash = S("two");
	assert_ok(store_user_put(store(f), &f->cx, &u));
	assert_ok(store_user_count(store(f), &f->cx, &n));
	assert_int_equal(n, 1);
	assert_ok(store_user_by_name(store(f), &f->cx, S("admin"), &got));
	assert_str_equal(got.id, S("u1"));
	assert_str_equal(got.password_hash, S("two"));
}

#define STORE_TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_TEST(test_token_comes_back_as_it_went_in),
		STORE_TEST(test_token_outlives_the_process),
		STORE_TEST(test_no_secret_stands_in_the_file),
		STORE_TEST(test_token_name_is_taken_in_any_case),
		STORE_TEST(test_token_edit_seals_again),
		STORE_TEST(test_token_list_is_sorted_and_delete_deletes),
		STORE_TEST(test_s166_values_moved_by_hand_do_not_open),
		STORE_TEST(test_s166_an_old_value_put_back_does_not_open),
		STORE_TEST(test_meta_is_bound_to_its_name),
		STORE_TEST(test_s169_another_key_is_noticed_at_the_door),
		STORE_TEST(test_refresh_is_claimed_by_one),
		STORE_TEST(test_refresh_commits_the_pair),
		STORE_TEST(test_refresh_without_a_new_refresh_token_keeps_the_old),
		STORE_TEST(test_refresh_fence_stops_the_late_one),
		STORE_TEST(test_refresh_failure_changes_the_state_and_no_secret),
		STORE_TEST(test_refresh_failure_does_not_blame_a_newer_secret),
		STORE_TEST(test_refresh_needs_a_refresh_token),
		STORE_TEST(test_due_tokens_oldest_first_without_the_claimed),
		STORE_TEST(test_reconnect_replaces_all_and_ends_a_refresh_under_way),
		STORE_TEST(test_connection_is_spent_once),
		STORE_TEST(test_connection_finishes_with_its_secrets),
		STORE_TEST(test_connection_becomes_one_token),
		STORE_TEST(test_connection_secrets_moved_by_hand_do_not_open),
		STORE_TEST(test_connection_prune_keeps_the_newest),
		STORE_TEST(test_keys_with_their_tokens),
		STORE_TEST(test_key_is_made_whole_or_not),
		STORE_TEST(test_session_ends_by_idleness_and_by_age),
		STORE_TEST(test_session_delete_others_leaves_one),
		STORE_TEST(test_user_put_replaces_by_name),
	};

	crypto_setup();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
