/* sandbox/people/accounts.h - the people of the sandbox: seeded, never edited. Store held by the caller. */
#ifndef SANDBOX_PEOPLE_ACCOUNTS_H
#define SANDBOX_PEOPLE_ACCOUNTS_H

#include "base/json.h"

struct sandbox;
struct sandbox_seed;

#define TEAM_NAME "Example Team"

struct account {
	struct str id; /* dbid:… */
	int64_t uid;
	struct str email, given_name, surname, display_name;
	bool business;
	struct str role;      /* "admin", "member", or empty */
	struct str member_id; /* dbmid:…, or empty */
	struct str namespace_id;
	struct str password_hash;
};

/* E_NOTFOUND */
MUST enum rc account_get(struct sandbox *s, struct ctx *cx, struct str id, struct account *out);
MUST enum rc account_by_email(
    struct sandbox *s, struct ctx *cx, struct str email, struct account *out);
/* The object the pages show. */
json_t *account_json(struct ctx *cx, const struct account *acct);

/* On the first start: makes the team and the accounts with fresh passwords and some files. */
MUST enum rc accounts_make(struct sandbox *s, struct ctx *cx);
MUST enum rc accounts_reveal(struct sandbox *s, struct ctx *cx, struct sandbox_seed *out);

#endif
