/* sandbox/people/accounts.h - the people of the sandbox and their one team. Store held by the caller,
 * but for account_password_ok.
 *
 * A personal account is "basic"; a business account is a member of the team, whose id and name are the
 * settings team_id and team_name. Ids as Dropbox writes them: dbid:, dbmid:, dbtid: and 35 characters.
 * Source: users.stone, team.stone. */
#ifndef SANDBOX_PEOPLE_ACCOUNTS_H
#define SANDBOX_PEOPLE_ACCOUNTS_H

#include "base/json.h"
#include "base/secret.h"
#include "crypto/crypto.h"

struct sandbox;
struct sandbox_seed;

#define PASSWORD_MAX 256 /* bytes */

struct account {
	struct str id; /* dbid:… */
	int64_t uid;
	struct str email, given_name, surname, display_name;
	bool business;
	struct str role;               /* "admin", "member", or empty */
	struct str member_id;          /* dbmid:…, or empty */
	struct str team_id, team_name; /* of a member */
	struct str namespace_id;
	bool suspended;
	int64_t created_ms;
	struct str password_hash; /* empty until the first sign-in */
	struct str password_sealed;
};

struct account_new {
	struct str email, given_name, surname;
	bool business;
	struct str role; /* empty, "member" or "admin"; a business account is a member at least */
	struct secret password; /* empty: a random one */
};

/* Makes its ids; out is what was made. E_INPUT, E_CONFLICT when the e-mail address is taken. */
MUST enum rc account_add(
    struct sandbox *s, struct ctx *cx, const struct account_new *a, struct account *out);
MUST enum rc account_suspend(struct sandbox *s, struct ctx *cx, struct str id, bool suspended);

/* Where passwords are sealed. */
struct seal_place account_password_place(struct str id);
/* For people who sign in. Costs one Argon2 hash, whoever it is: an account of nobody (id empty) takes
 * as long and is never right, and an account that never signed in, whose hash is not there yet, pays
 * the same before its sealed password is compared. Needs no store. */
bool account_password_ok(
    struct sandbox *s, struct ctx *cx, const struct account *acct, struct secret password);
/* Keeps the hash of a password that was right, where there is none yet. */
MUST enum rc account_password_keep(
    struct sandbox *s, struct ctx *cx, const struct account *acct, struct str hash);

/* E_NOTFOUND */
MUST enum rc account_get(struct sandbox *s, struct ctx *cx, struct str id, struct account *out);
MUST enum rc account_by_member(
    struct sandbox *s, struct ctx *cx, struct str member_id, struct account *out);
MUST enum rc account_by_email(
    struct sandbox *s, struct ctx *cx, struct str email, struct account *out);
/* Members of the team in the order of their member ids, up to limit after that one (empty: from the
 * first); *more when there are others. */
struct member_query {
	struct str after;
	size_t limit;
};
MUST enum rc accounts_of_team(struct sandbox *s, struct ctx *cx, const struct member_query *q,
    struct account *out, size_t *count, bool *more);
/* Active ones, of a role ("" for any). */
MUST enum rc accounts_count(struct sandbox *s, struct ctx *cx, struct str role, int64_t *out);
struct str account_initials(struct arena *a, const struct account *acct);
/* The object the pages show. */
json_t *account_json(struct ctx *cx, const struct account *acct);

/* The team, if there is none yet; it keeps a name that was set before. */
MUST enum rc team_make(struct sandbox *s, struct ctx *cx);
/* The team if there is none yet; and, where nobody is, the accounts with fresh passwords and some
 * files. */
MUST enum rc accounts_make(struct sandbox *s, struct ctx *cx);
MUST enum rc accounts_reveal(struct sandbox *s, struct ctx *cx, struct sandbox_seed *out);

#endif
