#include "sandbox/tree/upgrade.h"

#include "sandbox/core/sql.h"
#include "sandbox/core/state.h"
#include "sandbox/core/store.h"
#include "sandbox/tree/files.h"

#define AT_ONCE 64

struct old_row {
	struct str account_id, path_lower, path_display, bytes;
	bool deleted;
};

static enum rc
read_rows(struct ctx *cx, struct db_stmt *st, struct old_row *out, size_t *count)
{
	bool row;

	for (*count = 0; *count < AT_ONCE; (*count)++) {
		TRY(db_step(cx, st, &row));
		if (!row)
			return OK;
		out[*count] = (struct old_row){ db_col_text(st, 0, cx->arena),
			db_col_text(st, 1, cx->arena), db_col_text(st, 2, cx->arena),
			db_col_blob(st, 3, cx->arena), db_col_int(st, 4) != 0 };
	}
	db_done(st);
	return OK;
}

static enum rc
move_bytes(struct sandbox *s, struct ctx *cx, const struct old_row *row)
{
	struct content c;

	TRY(content_write(s, cx, row->bytes, &c));
	TRY(content_hold(s, cx, &c));
	return sql_exec(cx, s->db, NULL,
	    "UPDATE files SET content_id = $1, content = NULL WHERE account_id = $2"
	    " AND path_lower = $3",
	    SQL_ARGS(T(c.id), T(row->account_id), T(row->path_lower)));
}

static enum rc
move_all_bytes(struct sandbox *s, struct ctx *cx)
{
	struct old_row rows[AT_ONCE];
	struct db_stmt *st;
	size_t count;

	do {
		TRY(sql_bind(cx, s->db,
		    "SELECT account_id, path_lower, path_display, content, deleted FROM files"
		    " WHERE content IS NOT NULL LIMIT $1",
		    SQL_ARGS(I(AT_ONCE)), &st));
		TRY(read_rows(cx, st, rows, &count));
		for (size_t i = 0; i < count; i++)
			TRY(move_bytes(s, cx, &rows[i]));
	} while (count > 0);
	return OK;
}

/* Two names that were different and are one now: the later one gets a number. */
static enum rc
free_key(struct sandbox *s, struct ctx *cx, const struct old_row *row, struct str *display)
{
	struct file there;
	enum rc rc = file_by_path(s, cx, row->account_id, *display, &there);

	if (rc == OK && !str_eq(there.path_lower, row->path_lower))
		return path_free(s, cx, row->account_id, display);
	if (rc != E_NOTFOUND)
		return rc;
	ctx_clear(cx);
	return OK;
}

static enum rc
change_key(struct sandbox *s, struct ctx *cx, const struct old_row *row)
{
	struct str display = row->path_display, key;

	if (row->deleted)
		return sql_exec(cx, s->db, NULL,
		    "DELETE FROM files WHERE account_id = $1 AND path_lower = $2",
		    SQL_ARGS(T(row->account_id), T(row->path_lower)));
	TRY(free_key(s, cx, row, &display));
	key = path_key(cx->arena, display);
	TRY(sql_exec(cx, s->db, NULL,
	    "DELETE FROM files WHERE account_id = $1 AND path_lower = $2"
	    " AND deleted = 1",
	    SQL_ARGS(T(row->account_id), T(key))));
	return sql_exec(cx, s->db, NULL,
	    "UPDATE files SET path_lower = $1, parent_lower = $2, path_display = $3"
	    " WHERE account_id = $4 AND path_lower = $5",
	    SQL_ARGS(
		T(key), T(path_parent(key)), T(display), T(row->account_id), T(row->path_lower)));
}

/* By path: a folder has its new key before what is in it. */
static enum rc
change_all_keys(struct sandbox *s, struct ctx *cx)
{
	struct old_row rows[AT_ONCE], last = { .account_id = S(""), .path_lower = S("") };
	struct db_stmt *st;
	size_t count;

	do {
		TRY(sql_bind(cx, s->db,
		    "SELECT account_id, path_lower, path_display, NULL, deleted FROM files"
		    " WHERE (account_id, path_lower) > ($1, $2) ORDER BY account_id, path_lower"
		    " LIMIT $3",
		    SQL_ARGS(T(last.account_id), T(last.path_lower), I(AT_ONCE)), &st));
		TRY(read_rows(cx, st, rows, &count));
		for (size_t i = 0; i < count; i++) {
			last = rows[i];
			if (!str_eq(path_key(cx->arena, last.path_display), last.path_lower))
				TRY(change_key(s, cx, &last));
		}
	} while (count > 0);
	return OK;
}

enum rc
tree_upgrade(struct sandbox *s, struct ctx *cx)
{
	struct str keys;

	TRY(move_all_bytes(s, cx));
	TRY(store_setting_get(s, cx, S("tree_keys"), &keys));
	if (str_eq(keys, S("folded")))
		return OK;
	TRY(change_all_keys(s, cx));
	return store_setting_put(s, cx, S("tree_keys"), S("folded"));
}
