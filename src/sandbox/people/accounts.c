#include "sandbox/people/accounts.h"

#include "sandbox/tree/files.h"
#include "sandbox/sandbox.h"
#include "sandbox/core/sql.h"
#include "sandbox/core/state.h"
#include "sandbox/core/store.h"

#define COLUMNS \
	"id, uid, email, given_name, surname, kind, role, member_id, namespace_id, password_hash"

#define ID_ALPHABET S("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789")
/* Without letters that look alike, since people type these. */
#define PASSWORD_ALPHABET S("abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789")
#define PASSWORD_LEN 16

struct person {
	const char *email, *given_name, *surname, *kind, *role;
};

static const struct person people[] = {
	{ "basic@example.com", "Bea", "Basic", "basic", NULL },
	{ "business@example.com", "Bruno", "Business", "business", "admin" },
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

static void
read_account(struct ctx *cx, struct db_stmt *st, struct account *out)
{
	struct arena *a = cx->arena;

	*out = (struct account){
		.id = db_col_text(st, 0, a),
		.uid = db_col_int(st, 1),
		.email = db_col_text(st, 2, a),
		.given_name = db_col_text(st, 3, a),
		.surname = db_col_text(st, 4, a),
		.business = str_eq(db_col_text(st, 5, a), S("business")),
		.role = db_col_text(st, 6, a),
		.member_id = db_col_text(st, 7, a),
		.namespace_id = db_col_text(st, 8, a),
		.password_hash = db_col_text(st, 9, a),
	};
	out->display_name =
	    str_printf(a, "%.*s %.*s", STR_ARG(out->given_name), STR_ARG(out->surname));
}

static enum rc
take_one(struct ctx *cx, struct db_stmt *st, struct account *out)
{
	bool row;

	TRY(db_step(cx, st, &row));
	if (!row)
		return fail(cx, E_NOTFOUND, "There is no such account.");
	read_account(cx, st, out);
	db_done(st);
	return OK;
}

enum rc
account_get(struct sandbox *s, struct ctx *cx, struct str id, struct account *out)
{
	struct db_stmt *st;

	TRY(sql_bind(
	    cx, s->db, "SELECT " COLUMNS " FROM accounts WHERE id = $1", SQL_ARGS(T(id)), &st));
	return take_one(cx, st, out);
}

enum rc
account_by_email(struct sandbox *s, struct ctx *cx, struct str email, struct account *out)
{
	struct db_stmt *st;

	TRY(sql_bind(cx, s->db, "SELECT " COLUMNS " FROM accounts WHERE email = lower($1)",
	    SQL_ARGS(T(email)), &st));
	return take_one(cx, st, out);
}

json_t *
account_json(struct ctx *cx, const struct account *acct)
{
	json_t *o = json_object(), *team = json_null();

	if (acct->role.len > 0) {
		team = json_object();
		json_put(team, "name", json_string(TEAM_NAME));
		json_put(team, "role", json_str(acct->role));
	}
	json_put(o, "account_id", json_str(acct->id));
	json_put(o, "email", json_str(acct->email));
	json_put(o, "display_name", json_str(acct->display_name));
	json_put(o, "initials",
	    json_str(str_printf(cx->arena, "%.1s%.1s", acct->given_name.p, acct->surname.p)));
	json_put(o, "type", json_string(acct->business ? "business" : "basic"));
	json_put(o, "team", team);
	return o;
}

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
		struct file made = { .account_id = account_id,
			.path_display = str_of(f->path),
			.folder = f->text == NULL,
			.client_ms = clock_now_ms(s->clock) };

		TRY(file_put(s, cx, &made, str_of(f->text)));
	}
	return OK;
}

static enum rc
make_person(struct sandbox *s, struct ctx *cx, const struct person *p)
{
	struct str id = random_id(cx, "dbid:", 35, ID_ALPHABET);
	struct secret password = crypto_random_text(cx->arena, PASSWORD_LEN, PASSWORD_ALPHABET);
	struct str sealed = crypto_seal(s->keys, cx->arena,
	    (struct seal_place){ .purpose = S("sandbox.password"), .row = id }, password);
	struct str uid = random_id(cx, "", 9, S("123456789"));
	struct str member =
	    p->role != NULL ? random_id(cx, "dbmid:", 35, ID_ALPHABET) : str_of(NULL);
	int64_t number;

	if (!str_int(uid, 1, INT64_MAX, &number))
		return fail(cx, E_BUG, "The random account number is not a number.");
	TRY(sql_exec(cx, s->db, NULL,
	    "INSERT INTO accounts (id, uid, email, given_name, surname, kind, role, member_id,"
	    " namespace_id, password_hash, password_sealed, created_ms)"
	    " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
	    SQL_ARGS(T(id), I(number), T(str_of(p->email)), T(str_of(p->given_name)),
		T(str_of(p->surname)), T(str_of(p->kind)), T(str_of(p->role)), T(member),
		T(random_id(cx, "", 8, S("123456789"))),
		T(crypto_password_hash(cx->arena, password)), B(sealed), I(clock_wall_ms()))));
	return make_files(s, cx, id);
}

enum rc
accounts_make(struct sandbox *s, struct ctx *cx)
{
	int64_t there;

	TRY(sql_count(cx, s->db, "SELECT count(*) FROM accounts", SQL_ARGS(), &there));
	if (there > 0)
		return OK;
	TRY(store_setting_put(s, cx, S("team_id"), random_id(cx, "dbtid:", 35, ID_ALPHABET)));
	for (size_t i = 0; i < sizeof(people) / sizeof(people[0]); i++)
		TRY(make_person(s, cx, &people[i]));
	return OK;
}

enum rc
accounts_reveal(struct sandbox *s, struct ctx *cx, struct sandbox_seed *out)
{
	struct db_stmt *st;
	bool row;

	TRY(sql_bind(cx, s->db,
	    "SELECT id, email, kind, password_sealed FROM accounts ORDER BY email", SQL_ARGS(),
	    &st));
	for (;;) {
		struct sandbox_seed_account *acct = &out->accounts[out->account_count];
		struct seal_place at = { .purpose = S("sandbox.password") };

		TRY(db_step(cx, st, &row));
		if (!row || out->account_count == SANDBOX_SEED_MAX)
			break;
		at.row = db_col_text(st, 0, cx->arena);
		acct->email = db_col_text(st, 1, cx->arena);
		acct->type = db_col_text(st, 2, cx->arena);
		TRY(crypto_open(s->keys, cx, at, db_col_blob(st, 3, cx->arena), &acct->password));
		out->account_count++;
	}
	db_done(st);
	return OK;
}
