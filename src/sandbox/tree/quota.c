#include "sandbox/tree/quota.h"

#include "sandbox/core/sql.h"
#include "sandbox/core/state.h"
#include "sandbox/core/store.h"
#include "sandbox/tree/files.h"

#define QUOTA_BASIC (2LL << 30)
#define QUOTA_BUSINESS (5LL << 40)
#define FILES_MAX 5000000
#define SESSIONS_MAX 2000
#define MARKS_MAX 200000
#define SETTING_MAX (1LL << 53)

static enum rc
number(struct sandbox *s, struct ctx *cx, struct str name, int64_t standard, int64_t *out)
{
	struct str text;

	TRY(store_setting_get(s, cx, name, &text));
	if (!str_int(text, 0, SETTING_MAX, out))
		*out = standard;
	return OK;
}

enum rc
files_quota(struct sandbox *s, struct ctx *cx, struct str account_id, int64_t *bytes)
{
	int64_t business;

	TRY(sql_count(cx, s->db,
	    "SELECT count(*) FROM accounts WHERE id = $1 AND kind = 'business'",
	    SQL_ARGS(T(account_id)), &business));
	return business > 0 ? number(s, cx, S("quota_business"), QUOTA_BUSINESS, bytes)
			    : number(s, cx, S("quota_basic"), QUOTA_BASIC, bytes);
}

enum rc
quota_of(struct sandbox *s, struct ctx *cx, struct str account_id, struct quota *out)
{
	TRY(files_quota(s, cx, account_id, &out->bytes));
	TRY(number(s, cx, S("files_max"), FILES_MAX, &out->files));
	TRY(number(s, cx, S("sessions_max"), SESSIONS_MAX, &out->sessions));
	return number(s, cx, S("marks_max"), MARKS_MAX, &out->marks);
}

enum rc
tree_of(struct sandbox *s, struct ctx *cx, struct str account_id, struct tree *out)
{
	struct db_stmt *st;
	bool row;

	*out = (struct tree){ 0 };
	TRY(sql_bind(cx, s->db,
	    "SELECT seq, used, entries, old_bytes, old_count, marks, forgot_seq FROM trees"
	    " WHERE account_id = $1",
	    SQL_ARGS(T(account_id)), &st));
	TRY(db_step(cx, st, &row));
	if (row)
		*out = (struct tree){ db_col_int(st, 0), db_col_int(st, 1), db_col_int(st, 2),
			db_col_int(st, 3), db_col_int(st, 4), db_col_int(st, 5),
			db_col_int(st, 6) };
	db_done(st);
	return OK;
}

enum rc
files_used(struct sandbox *s, struct ctx *cx, struct str account_id, int64_t *bytes)
{
	struct tree t;

	TRY(tree_of(s, cx, account_id, &t));
	*bytes = t.used;
	return OK;
}

enum rc
files_seq(struct sandbox *s, struct ctx *cx, struct str account_id, int64_t *out)
{
	struct tree t;

	TRY(tree_of(s, cx, account_id, &t));
	*out = t.seq;
	return OK;
}

enum rc
tree_want_room(
    struct sandbox *s, struct ctx *cx, struct str account_id, int64_t bytes, int64_t entries)
{
	struct quota max;
	struct tree t;

	if (bytes <= 0 && entries <= 0)
		return OK;
	TRY(quota_of(s, cx, account_id, &max));
	TRY(tree_of(s, cx, account_id, &t));
	if ((bytes <= 0 || bytes <= max.bytes - t.used) &&
	    (entries <= 0 || entries <= max.files - t.entries))
		return OK;
	return fail_at(
	    cx, E_CONFLICT, "insufficient_space", NULL, "The account has no room for this.");
}

enum rc
tree_count(struct sandbox *s, struct ctx *cx, struct str account_id, int64_t bytes, int64_t entries,
    int64_t *seq)
{
	return sql_count(cx, s->db,
	    "INSERT INTO trees (account_id, seq, used, entries, old_bytes, old_count)"
	    " VALUES ($1, 1, $2, $3, 0, 0) ON CONFLICT (account_id) DO UPDATE SET seq = seq + 1,"
	    " used = used + excluded.used, entries = entries + excluded.entries RETURNING seq",
	    SQL_ARGS(T(account_id), I(bytes), I(entries)), seq);
}
