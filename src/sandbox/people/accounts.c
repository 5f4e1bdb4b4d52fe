#include "sandbox/people/accounts.h"

#include "sandbox/sandbox.h"
#include "sandbox/core/sql.h"
#include "sandbox/core/state.h"

#define COLUMNS                                                                                    \
	"id, uid, email, given_name, surname, kind, role, member_id, namespace_id, password_hash," \
	" password_sealed, suspended, created_ms,"                                                 \
	" (SELECT value FROM settings WHERE name = 'team_id'),"                                    \
	" (SELECT value FROM settings WHERE name = 'team_name')"

struct seal_place
account_password_place(struct str id)
{
	return (struct seal_place){ .purpose = S("sandbox.password"), .row = id };
}

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
		.password_sealed = db_col_blob(st, 10, a),
		.suspended = db_col_int(st, 11) != 0,
		.created_ms = db_col_int(st, 12),
	};
	if (out->member_id.len > 0) {
		out->team_id = db_col_text(st, 13, a);
		out->team_name = db_col_text(st, 14, a);
	}
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
account_by_member(struct sandbox *s, struct ctx *cx, struct str member_id, struct account *out)
{
	struct db_stmt *st;

	TRY(sql_bind(cx, s->db, "SELECT " COLUMNS " FROM accounts WHERE member_id = $1",
	    SQL_ARGS(T(member_id)), &st));
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

enum rc
accounts_of_team(struct sandbox *s, struct ctx *cx, const struct member_query *q,
    struct account *out, size_t *count, bool *more)
{
	struct db_stmt *st;

	*count = 0;
	TRY(sql_bind(cx, s->db,
	    "SELECT " COLUMNS " FROM accounts WHERE member_id > $1 ORDER BY member_id LIMIT $2",
	    SQL_ARGS(T(q->after.p != NULL ? q->after : S("")), I((int64_t)q->limit + 1)), &st));
	for (;;) {
		TRY(db_step(cx, st, more));
		if (!*more || *count == q->limit)
			break;
		read_account(cx, st, &out[(*count)++]);
	}
	db_done(st);
	return OK;
}

enum rc
accounts_count(struct sandbox *s, struct ctx *cx, struct str role, int64_t *out)
{
	return sql_count(cx, s->db,
	    "SELECT count(*) FROM accounts WHERE member_id IS NOT NULL AND suspended = 0"
	    " AND ($1 = '' OR role = $1)",
	    SQL_ARGS(T(role)), out);
}

struct str
account_initials(struct arena *a, const struct account *acct)
{
	struct str parts[] = { acct->given_name, acct->surname };
	size_t len[2];

	for (size_t i = 0; i < 2; i++) /* one letter, however many bytes it has */
		for (len[i] = 1; len[i] < parts[i].len && (parts[i].p[len[i]] & 0xc0) == 0x80;)
			len[i]++;
	return str_printf(a, "%.*s%.*s", (int)len[0], parts[0].p, (int)len[1], parts[1].p);
}

json_t *
account_json(struct ctx *cx, const struct account *acct)
{
	json_t *o = json_object(), *team = json_null();

	if (acct->role.len > 0) {
		team = json_object();
		json_put(team, "name", json_str(acct->team_name));
		json_put(team, "role", json_str(acct->role));
	}
	json_put(o, "account_id", json_str(acct->id));
	json_put(o, "email", json_str(acct->email));
	json_put(o, "display_name", json_str(acct->display_name));
	json_put(o, "initials", json_str(account_initials(cx->arena, acct)));
	json_put(o, "type", json_string(acct->business ? "business" : "basic"));
	json_put(o, "team", team);
	return o;
}

enum rc
account_suspend(struct sandbox *s, struct ctx *cx, struct str id, bool suspended)
{
	return sql_exec(cx, s->db, NULL, "UPDATE accounts SET suspended = $1 WHERE id = $2",
	    SQL_ARGS(I(suspended), T(id)));
}

bool
account_password_ok(
    struct sandbox *s, struct ctx *cx, const struct account *acct, struct secret password)
{
	struct secret right;
	bool ok = crypto_password_ok(acct->password_hash, password);

	if (acct->id.len == 0 || acct->password_hash.len > 0)
		return ok;
	return crypto_open(s->keys, cx, account_password_place(acct->id), acct->password_sealed,
		   &right) == OK &&
	    crypto_equal(right, password);
}

enum rc
account_password_keep(
    struct sandbox *s, struct ctx *cx, const struct account *acct, struct str hash)
{
	return sql_exec(cx, s->db, NULL,
	    "UPDATE accounts SET password_hash = $1 WHERE id = $2 AND password_hash = ''",
	    SQL_ARGS(T(hash), T(acct->id)));
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

		TRY(db_step(cx, st, &row));
		if (!row || out->account_count == SANDBOX_SEED_MAX)
			break;
		acct->email = db_col_text(st, 1, cx->arena);
		acct->type = db_col_text(st, 2, cx->arena);
		TRY(crypto_open(s->keys, cx, account_password_place(db_col_text(st, 0, cx->arena)),
		    db_col_blob(st, 3, cx->arena), &acct->password));
		out->account_count++;
	}
	out->more = row;
	db_done(st);
	return OK;
}
