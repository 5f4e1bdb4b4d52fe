#include "vault/people.h"

#include "base/log.h"
#include "base/throttle.h"
#include "store/connection.h"
#include "vault/hashing.h"
#include "vault/vault_int.h"

#define COOKIE_LEN 43
#define IDLE_MS (12LL * 3600 * 1000)
#define LIFE_MS (7LL * 24 * 3600 * 1000)
#define CONFIRMED_MIN 10
#define PASSWORD_MIN 10
#define PASSWORD_MAX 200
#define FAILURES_A_MINUTE 10    /* of one name, from one address */
#define FAILURES_OF_ADDRESS 100 /* of whatever names: made-up ones are for free */
#define REFUSALS_TOLD 30        /* a minute; who knocks all day must not fill the store */

static void
session_of_cookie(struct vault *v, struct ctx *cx, struct secret cookie, struct session *out)
{
	*out = (struct session){
		.cookie = cookie,
		.digest = crypto_digest(v->keyring, cx->arena, S("session"), cookie),
		.csrf = crypto_mac_text(v->keyring, cx->arena, S("csrf"), cookie),
	};
}

static bool
plausible_cookie(struct str s)
{
	for (size_t i = 0; i < s.len; i++) {
		char c = s.p[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
			c == '-' || c == '_'))
			return false;
	}
	return s.len == COOKIE_LEN;
}

enum rc
vault_session(struct vault *v, struct ctx *cx, struct str cookie, struct session *out, bool *fresh)
{
	enum rc rc;

	*fresh = !plausible_cookie(cookie);
	session_of_cookie(v, cx, *fresh ? crypto_random_token(cx->arena) : secret_of(cookie), out);
	if (*fresh)
		return OK;
	rc = store_session_check(
	    v->store, cx, out->digest, clock_wall_ms(), IDLE_MS, LIFE_MS, &out->user);
	if (rc != E_NOTFOUND)
		return rc;
	ctx_clear(cx);
	return OK;
}

enum rc
vault_session_lives(struct vault *v, struct ctx *cx, struct str digest)
{
	return store_session_lives(v->store, cx, digest, clock_wall_ms(), IDLE_MS, LIFE_MS);
}

void
vault_act_as(struct ctx *cx, const struct user *user)
{
	cx->actor = str_printf(cx->arena, "user:%.*s", STR_ARG(user->id));
	cx->actor_name = user->username;
}

bool
vault_csrf_ok(const struct session *s, struct str token)
{
	return crypto_equal(secret_of(s->csrf), secret_of(token));
}

static enum rc
wrong_password(struct ctx *cx)
{
	fail_at(cx, E_AUTH, "wrong-password", NULL, "The username or the password is wrong.");
	return fail_todo(cx, "Try again, or set a new one: valetkey passwd --data DIR");
}

/* What was refused is told whatever comes of the telling: the answer is no already. A name that nobody
 * has is not repeated: it may be a password in the wrong field (S-194). */
static void
tell_refused(struct vault *v, const struct ctx *asked, const struct user *user)
{
	struct ctx cx = *asked;
	struct event_note note = { .type = "user.sign_in_refused",
		.about_kind = "user",
		.about_id = user->id,
		.about_name = user->username,
		.refused = true };
	int64_t untold;

	cx.actor = S("visitor");
	cx.actor_name = S("");
	if (throttle_check(v->throttle, &cx, S("refusals told"), REFUSALS_TOLD) != OK) {
		atomic_fetch_add(&v->refusals_untold, 1);
		return;
	}
	throttle_failed(v->throttle, S("refusals told"));
	untold = atomic_exchange(&v->refusals_untold, 0);
	note.details = str_printf(cx.arena, "{\"others\":%lld}", (long long)untold);
	if (store_event_add(v->store, &cx, &note) != OK)
		log_event(LOG_ERROR, "event.not_written", KV_STR("why", str_of(cx.why)));
}

/* A password that is to be checked, and the counts that it goes on before it is known to be wrong: of many
 * at once no more than the allowed number reaches the hash (S-122). */
struct password_try {
	enum hashing_for who;
	struct str attempt, address; /* what is counted; address empty: not counted */
	struct str hash;
	struct secret password;
};

static enum rc
count_try(struct vault *v, struct ctx *cx, const struct password_try *t)
{
	enum rc rc;

	TRY(throttle_take(v->throttle, cx, t->attempt, FAILURES_A_MINUTE));
	if (t->address.len == 0)
		return OK;
	rc = throttle_take(v->throttle, cx, t->address, FAILURES_OF_ADDRESS);
	if (rc != OK)
		throttle_give_back(v->throttle, t->attempt);
	return rc;
}

static void
uncount_try(struct vault *v, const struct password_try *t)
{
	throttle_give_back(v->throttle, t->attempt);
	if (t->address.len > 0)
		throttle_give_back(v->throttle, t->address);
}

/* After count_try. */
static enum rc
check_password(struct vault *v, struct ctx *cx, const struct password_try *t, bool *ok)
{
	enum rc rc = hashing_check(v->hashing, cx, t->who, t->hash, t->password, ok);

	if (rc != OK || *ok)
		uncount_try(v, t);
	if (rc == OK && *ok)
		throttle_forget(v->throttle, t->attempt);
	return rc;
}

enum rc
vault_sign_in(struct vault *v, struct ctx *cx, struct session *s, struct str peer,
    struct str username, struct secret password)
{
	/* By name and address: nobody elsewhere can lock a person out. */
	struct password_try try = { .who = HASHING_STRANGER,
		.attempt = str_printf(cx->arena, "%.*s %.*s", STR_ARG(peer), STR_ARG(username)),
		.address = str_concat(cx->arena, S("address "), peer),
		.password = password };
	struct user user = { 0 };
	bool right = false;
	enum rc rc;

	rc = count_try(v, cx, &try);
	if (rc != OK)
		atomic_fetch_add(&v->refusals_untold, 1);
	TRY(rc);
	rc = store_user_by_name(v->store, cx, username, &user);
	if (rc != OK && rc != E_NOTFOUND) {
		uncount_try(v, &try);
		return rc;
	}
	ctx_clear(cx);
	try.hash = user.password_hash;
	TRY(check_password(v, cx, &try, &right));
	if (!right) {
		tell_refused(v, cx, &user);
		return wrong_password(cx);
	}
	vault_act_as(cx, &user);
	TRY(store_session_delete(v->store, cx, s->digest));
	session_of_cookie(v, cx, crypto_random_token(cx->arena), s);
	s->user = user;
	TRY(store_session_prune(v->store, cx, clock_wall_ms() - LIFE_MS));
	rc = store_session_create(v->store, cx, s->digest, &user, clock_wall_ms());
	if (rc == E_NOTFOUND)
		return wrong_password(cx); /* since a moment ago */
	TRY(rc);
	log_event(LOG_INFO, "user.signed_in", KV_STR("user", user.username), KV_STR("peer", peer));
	return OK;
}

enum rc
vault_session_want_confirmed(struct vault *v, struct ctx *cx, const struct session *s)
{
	int64_t confirmed_ms, now_ms = clock_wall_ms();

	TRY(store_session_confirmed(v->store, cx, s->digest, &confirmed_ms));
	/* A clock that was put back makes nothing last longer. */
	if (confirmed_ms <= now_ms && now_ms - confirmed_ms < CONFIRMED_MIN * 60000LL)
		return OK;
	fail_at(cx, E_DENIED, "reauthentication-required", NULL,
	    "You gave your password more than %d minutes ago.", CONFIRMED_MIN);
	return fail_todo(cx, "Confirm with your password that it is you.");
}

static enum rc
refuse_confirm(struct vault *v, struct ctx *cx, const struct session *s)
{
	TRY(store_event_add(v->store, cx,
	    &(struct event_note){ .type = "user.confirm_refused",
		.about_kind = "user",
		.about_id = s->user.id,
		.about_name = s->user.username,
		.refused = true }));
	return fail_at(cx, E_INPUT, "wrong-password", "password", "The password is wrong.");
}

enum rc
vault_session_confirm(struct vault *v, struct ctx *cx, const struct session *s, struct str peer,
    struct secret password)
{
	/* One count for both doors. */
	struct password_try try = { .who = HASHING_SIGNED_IN,
		.attempt =
		    str_printf(cx->arena, "%.*s %.*s", STR_ARG(peer), STR_ARG(s->user.username)),
		.hash = s->user.password_hash,
		.password = password };
	bool right;

	TRY(count_try(v, cx, &try));
	TRY(check_password(v, cx, &try, &right));
	if (!right)
		return refuse_confirm(v, cx, s);
	return store_session_confirm(v->store, cx, s->digest, clock_wall_ms());
}

enum rc
vault_sign_out(struct vault *v, struct ctx *cx, struct session *s)
{
	TRY(store_connection_end_session(v->store, cx, s->digest));
	TRY(store_session_delete(v->store, cx, s->digest));
	session_of_cookie(v, cx, crypto_random_token(cx->arena), s);
	return OK;
}

static enum rc
check_new_password(struct ctx *cx, struct secret password)
{
	size_t len = secret_expose(password).len;

	if (len >= PASSWORD_MIN && len <= PASSWORD_MAX)
		return OK;
	fail_at(cx, E_INPUT, "bad-field", "new", "The new password has %s.",
	    len < PASSWORD_MIN ? "fewer than 10 characters" : "more than 200 characters");
	return fail_todo(cx, "A sentence of four or five words is long enough and easy to keep.");
}

enum rc
vault_password_set(struct vault *v, struct ctx *cx, struct str username, struct secret password)
{
	struct user user = { .id = vault_new_id(cx->arena), .username = username };

	TRY(check_new_password(cx, password));
	TRY(hashing_make(v->hashing, cx, password, &user.password_hash));
	return store_user_put(v->store, cx, &user);
}

enum rc
vault_first_user(struct vault *v, struct ctx *cx, struct str username, struct secret password)
{
	struct user user = { .id = vault_new_id(cx->arena), .username = username };

	user.password_hash = crypto_password_hash(cx->arena, password);
	return store_user_first(v->store, cx, &user);
}

enum rc
vault_password_change(struct vault *v, struct ctx *cx, const struct session *s,
    struct secret current, struct secret replacement)
{
	const struct user *user = &s->user;
	/* Of the person, from wherever: a session that was stolen does not become a guessing machine. */
	struct password_try try = { .who = HASHING_SIGNED_IN,
		.attempt = str_concat(cx->arena, S("password "), user->id),
		.hash = user->password_hash,
		.password = current };
	struct str hash;
	bool right;

	TRY(count_try(v, cx, &try));
	TRY(check_password(v, cx, &try, &right));
	if (!right) {
		fail_at(cx, E_INPUT, "wrong-password", "current", "The current password is wrong.");
		return fail_todo(cx, "Type the password you signed in with.");
	}
	TRY(check_new_password(cx, replacement));
	TRY(hashing_make(v->hashing, cx, replacement, &hash));
	return store_user_change(v->store, cx, user, hash, s->digest);
}

enum rc
vault_has_users(struct vault *v, struct ctx *cx, bool *out)
{
	int64_t n;

	TRY(store_user_count(v->store, cx, &n));
	*out = n > 0;
	return OK;
}
