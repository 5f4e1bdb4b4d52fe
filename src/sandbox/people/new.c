/* Making accounts and the team, and what a fresh sandbox starts with. */
#include "sandbox/people/accounts.h"

#include "sandbox/core/sql.h"
#include "sandbox/core/state.h"
#include "sandbox/core/store.h"
#include "sandbox/core/text.h"
#include "sandbox/tree/files.h"

#define ID_ALPHABET S("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789")
/* Without letters that look alike, since people type these. */
#define PASSWORD_ALPHABET S("abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789")
#define PASSWORD_LEN 16

#define EMAIL_MAX 254
#define NAME_MAX 100 /* code points of a given name or surname */

struct person {
	const char *email, *given_name, *surname, *role; /* role NULL: a personal account */
};

static const struct person people[] = {
	{ "basic@example.com", "Bea", "Basic", NULL },
	{ "business@example.com", "Bruno", "Business", "admin" },
	{ "member@example.com", "Mia", "Member", "member" },
};

struct seed_file {
	const char *path, *text; /* without text: a folder */
};

static const struct seed_file seed_files[] = {
	{ "/Welcome.txt",
	    "These files live in the sandbox only. Change or delete them as you like.\n" },
	{ "/Documents", NULL },
	{ "/Documents/Shopping list.txt", "bread\nmilk\napples\n" },
	{ "/Documents/Meeting notes.md",
	    "# Meeting\n\n- who: everybody\n- when: Monday at nine\n" },
	{ "/Pictures", NULL },
	{ "/Pictures/square.svg",
	    "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"8\" height=\"8\">"
	    "<rect width=\"8\" height=\"8\"/></svg>\n" },
};

static struct str
random_id(struct ctx *cx, const char *prefix, size_t len, struct str alphabet)
{
	struct str tail = secret_expose(crypto_random_text(cx->arena, len, alphabet));

	return str_printf(cx->arena, "%s%.*s", prefix, STR_ARG(tail));
}

static enum rc
make_files(struct sandbox *s, struct ctx *cx, struct str account_id)
{
	for (size_t i = 0; i < sizeof(seed_files) / sizeof(seed_files[0]); i++) {
		const struct seed_file *f = &seed_files[i];

		TRY(f->text != NULL
			? tree_put_text(s, cx, account_id, str_of(f->path), str_of(f->text))
			: folder_ensure(s, cx, account_id, str_of(f->path)));
	}
	return OK;
}

static bool
name_ok(struct str name)
{
	return name.len > 0 && text_printable(name) && text_length(name) <= NAME_MAX;
}

static bool
email_ok(struct str email)
{
	size_t at = str_find(email, '@');

	return email.len <= EMAIL_MAX && at > 0 && at + 1 < email.len && text_printable(email) &&
	    str_find(email, ' ') == email.len;
}

static bool
role_ok(struct str role)
{
	return role.len == 0 || str_eq(role, S("member")) || str_eq(role, S("admin"));
}

static enum rc
check_new(struct sandbox *s, struct ctx *cx, const struct account_new *a, struct str email)
{
	int64_t there;

	if (!email_ok(email))
		return fail_at(cx, E_INPUT, NULL, "email", "An e-mail address is not valid.");
	if (!name_ok(a->given_name) || !name_ok(a->surname))
		return fail_at(cx, E_INPUT, NULL, "given_name",
		    "A given name and a surname have 1 to %d printable characters each.", NAME_MAX);
	if (!role_ok(a->role) || (a->role.len > 0 && !a->business))
		return fail_at(cx, E_INPUT, NULL, "role",
		    "A role is \"member\" or \"admin\", of a business account only.");
	if (secret_expose(a->password).len > PASSWORD_MAX)
		return fail_at(cx, E_INPUT, NULL, "password", "A password has at most %d bytes.",
		    PASSWORD_MAX);
	TRY(sql_count(cx, s->db, "SELECT count(*) FROM accounts WHERE email = $1",
	    SQL_ARGS(T(email)), &there));
	if (there == 0)
		return OK;
	return fail_at(cx, E_CONFLICT, "email-taken", "email", "The e-mail address %.*s is taken.",
	    STR_ARG(email));
}

static int64_t
random_number(struct ctx *cx, size_t digits)
{
	int64_t n = 0;

	str_int(random_id(cx, "", digits, S("123456789")), 1, INT64_MAX, &n);
	return n;
}

/* The hash is left for the first sign-in: a start must not pay for it (account_password_ok). */
static enum rc
insert_account(
    struct sandbox *s, struct ctx *cx, const struct account_new *a, struct str id, struct str email)
{
	struct secret password = secret_empty(a->password)
	    ? crypto_random_text(cx->arena, PASSWORD_LEN, PASSWORD_ALPHABET)
	    : a->password;
	struct str role = a->role.len > 0 ? a->role : a->business ? S("member") : str_of(NULL);
	struct str member = role.len > 0 ? random_id(cx, "dbmid:", 35, ID_ALPHABET) : str_of(NULL);

	return sql_exec(cx, s->db, NULL,
	    "INSERT INTO accounts (id, uid, email, given_name, surname, kind, role, member_id,"
	    " namespace_id, password_hash, password_sealed, created_ms)"
	    " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, '', $10, $11)",
	    SQL_ARGS(T(id), I(random_number(cx, 9)), T(email), T(a->given_name), T(a->surname),
		T(a->business ? S("business") : S("basic")), T(role), T(member),
		T(random_id(cx, "", 8, S("123456789"))),
		B(crypto_seal(s->keys, cx->arena, account_password_place(id), password)),
		I(clock_now_ms(s->clock))));
}

enum rc
account_add(struct sandbox *s, struct ctx *cx, const struct account_new *a, struct account *out)
{
	struct str id = random_id(cx, "dbid:", 35, ID_ALPHABET);
	struct str email = text_fold(cx->arena, a->email);

	TRY(check_new(s, cx, a, email));
	TRY(insert_account(s, cx, a, id, email));
	return account_get(s, cx, id, out);
}

enum rc
team_make(struct sandbox *s, struct ctx *cx)
{
	struct str there;

	TRY(store_setting_get(s, cx, S("team_id"), &there));
	if (there.len == 0)
		TRY(store_setting_put(
		    s, cx, S("team_id"), random_id(cx, "dbtid:", 35, ID_ALPHABET)));
	TRY(store_setting_get(s, cx, S("team_name"), &there));
	return there.len > 0 ? OK : store_setting_put(s, cx, S("team_name"), S("Example Team"));
}

enum rc
accounts_make(struct sandbox *s, struct ctx *cx)
{
	int64_t there;

	TRY(team_make(s, cx));
	TRY(sql_count(cx, s->db, "SELECT count(*) FROM accounts", SQL_ARGS(), &there));
	if (there > 0)
		return OK;
	for (size_t i = 0; i < sizeof(people) / sizeof(people[0]); i++) {
		const struct person *p = &people[i];
		struct account_new new = { .email = str_of(p->email),
			.given_name = str_of(p->given_name),
			.surname = str_of(p->surname),
			.business = p->role != NULL,
			.role = str_of(p->role) };
		struct account made;

		TRY(account_add(s, cx, &new, &made));
		TRY(make_files(s, cx, made.id));
	}
	return OK;
}
