/* Who and what is there: the accounts, which can be added and suspended here only, and all apps. */
#include "sandbox/control/handlers.h"
#include "sandbox/control/input.h"
#include "sandbox/control/people.h"
#include "sandbox/core/sql.h"
#include "sandbox/core/state.h"
#include "sandbox/oauth/personality.h"
#include "sandbox/people/accounts.h"

#define LIST_MAX 1000
#define SEARCH_MAX 200
#define EMAIL_MAX 254
#define NAME_MAX_LEN 400

const char *const account_members[] = { "email", "password", "given_name", "surname", "type",
	"role", "suspended", NULL };

enum rc
account_read(struct sandbox *s, struct ctx *cx, const struct input *in, struct account *out)
{
	static const char *const types[] = { "basic", "business", NULL };
	struct account_new new = { 0 };
	struct str password;
	bool suspended;
	int type;

	TRY(input_need(cx, in, "email", EMAIL_MAX, &new.email));
	TRY(input_text(cx, in, "password", PASSWORD_MAX, &password));
	TRY(input_need(cx, in, "given_name", NAME_MAX_LEN, &new.given_name));
	TRY(input_need(cx, in, "surname", NAME_MAX_LEN, &new.surname));
	TRY(input_word(cx, in, "type", types, &type));
	TRY(input_text(cx, in, "role", NAME_MAX_LEN, &new.role));
	TRY(input_bool(cx, in, "suspended", &suspended));
	new.business = type == 1;
	new.password = secret_of(password);
	TRY(account_add(s, cx, &new, out));
	if (!suspended)
		return OK;
	out->suspended = true;
	return account_suspend(s, cx, out->id, true);
}

static json_t *
one_json(struct ctx *cx, const struct account *acct)
{
	json_t *o = account_json(cx, acct);

	json_put(o, "suspended", json_boolean(acct->suspended));
	return o;
}

enum rc
control_account_add(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	struct account made;
	struct input in;

	TRY(input_body(cx, req, account_members, &in));
	TRY(account_read(app, cx, &in, &made));
	http_res_json(res, 201, json_write(cx->arena, one_json(cx, &made)));
	return OK;
}

enum rc
control_account_put(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	static const char *const members[] = { "suspended", NULL };
	struct str name = req->args[0];
	struct account acct;
	struct input in;
	bool suspended;

	TRY(input_body(cx, req, members, &in));
	TRY(input_bool(cx, &in, "suspended", &suspended));
	if (!input_has(&in, "suspended"))
		return input_bad(cx, &in, "suspended", "is missing.");
	TRY(str_starts(name, S("dbid:")) ? account_get(app, cx, name, &acct)
					 : account_by_email(app, cx, name, &acct));
	TRY(account_suspend(app, cx, acct.id, suspended));
	acct.suspended = suspended;
	http_res_json(res, 200, json_write(cx->arena, one_json(cx, &acct)));
	return OK;
}

static enum rc
list_ids(struct sandbox *s, struct ctx *cx, struct str *ids, size_t *count)
{
	struct db_stmt *st;
	bool row;

	TRY(sql_bind(cx, s->db, "SELECT id FROM accounts ORDER BY created_ms, email LIMIT $1",
	    SQL_ARGS(I(LIST_MAX)), &st));
	for (*count = 0;; (*count)++) {
		TRY(db_step(cx, st, &row));
		if (!row)
			return OK;
		ids[*count] = db_col_text(st, 0, cx->arena);
	}
}

enum rc
control_account_list(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	struct str *ids = ARENA_ARRAY(cx->arena, struct str, LIST_MAX);
	json_t *list = json_array(), *o = json_object();
	struct account acct;
	size_t count = 0;
	enum rc rc = list_ids(app, cx, ids, &count);

	(void)req;
	json_put(o, "accounts", list);
	for (size_t i = 0; rc == OK && i < count; i++) {
		rc = account_get(app, cx, ids[i], &acct);
		if (rc == OK)
			json_array_append_new(list, one_json(cx, &acct));
	}
	if (rc == OK)
		http_res_json(res, 200, json_write(cx->arena, o));
	else
		json_decref(o);
	return rc;
}

/* --- apps --- */

static enum rc
app_row_json(struct ctx *cx, struct db_stmt *st, json_t *list)
{
	struct personality p = { 0 };
	struct str text = db_col_text(st, 3, cx->arena);
	json_t *o;

	TRY(personality_parse(cx, text, &p));
	o = json_object();
	json_put(o, "app_key", json_str(db_col_text(st, 0, cx->arena)));
	json_put(o, "name", json_str(db_col_text(st, 1, cx->arena)));
	json_put(o, "owner", json_str(db_col_text(st, 2, cx->arena)));
	json_put(o, "personality", personality_json(&p));
	json_array_append_new(list, o);
	return OK;
}

static enum rc
list_apps(struct sandbox *s, struct ctx *cx, struct str words, json_t *list)
{
	struct db_stmt *st;
	bool row = true;

	TRY(sql_bind(cx, s->db,
	    "SELECT a.app_key, a.name, c.email, a.personality FROM apps a"
	    " JOIN accounts c ON c.id = a.owner_id"
	    " WHERE $1 = '' OR a.app_key = $1 OR instr(a.name_folded, lower($1)) > 0"
	    " ORDER BY a.created_ms DESC, a.app_key LIMIT $2",
	    SQL_ARGS(T(words), I(LIST_MAX)), &st));
	while (row) {
		TRY(db_step(cx, st, &row));
		if (row)
			TRY(app_row_json(cx, st, list));
	}
	return OK;
}

/* The newest thousand; ?search= part of a name, or a key. */
enum rc
control_app_list(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	json_t *list, *o;
	struct str words;
	enum rc rc;

	TRY(http_req_param(cx, req, "search", &words));
	if (words.len > SEARCH_MAX)
		return fail_at(cx, E_INPUT, "bad-field", "search", "search is too long.");
	o = json_object();
	list = json_array();
	json_put(o, "apps", list);
	rc = list_apps(app, cx, words.p != NULL ? words : S(""), list);
	if (rc == OK)
		http_res_json(res, 200, json_write(cx->arena, o));
	else
		json_decref(o);
	return rc;
}
