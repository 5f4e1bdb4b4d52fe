#include "sandbox/console/icons.h"

#include "sandbox/core/sql.h"
#include "sandbox/core/state.h"

#define ID_ALPHABET S("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789")
#define ID_LEN 22

const char *
icon_type(struct str bytes)
{
	if (str_starts(bytes, S("\x89PNG\r\n\x1a\n")))
		return "image/png";
	return str_starts(bytes, S("\xff\xd8\xff")) ? "image/jpeg" : NULL;
}

static enum rc
set_id(struct sandbox *s, struct ctx *cx, struct str app_key, struct str id)
{
	return sql_exec(cx, s->db, NULL, "UPDATE apps SET icon_id = $1 WHERE app_key = $2",
	    SQL_ARGS(T(id), T(app_key)));
}

enum rc
icon_put(struct sandbox *s, struct ctx *cx, struct str app_key, struct str bytes)
{
	struct str id = secret_expose(crypto_random_text(cx->arena, ID_LEN, ID_ALPHABET));
	const char *type = icon_type(bytes);

	if (type == NULL) {
		fail_at(cx, E_INPUT, "bad-icon", "icon", "This file is not a PNG or JPEG picture.");
		return fail_todo(cx, "Save the picture as PNG and choose it again.");
	}
	if (bytes.len > ICON_MAX) {
		fail_at(cx, E_INPUT, "bad-icon", "icon", "The picture is larger than %u kB.",
		    ICON_MAX / 1024);
		return fail_todo(cx, "A square of 256 pixels is enough.");
	}
	TRY(icon_remove(s, cx, app_key));
	TRY(sql_exec(cx, s->db, NULL,
	    "INSERT INTO app_icons (id, app_key, kind, bytes) VALUES ($1, $2, $3, $4)",
	    SQL_ARGS(T(id), T(app_key), T(str_of(type)), B(bytes))));
	return set_id(s, cx, app_key, id);
}

enum rc
icon_remove(struct sandbox *s, struct ctx *cx, struct str app_key)
{
	TRY(sql_exec(
	    cx, s->db, NULL, "DELETE FROM app_icons WHERE app_key = $1", SQL_ARGS(T(app_key))));
	return set_id(s, cx, app_key, S(""));
}

enum rc
icon_get(struct sandbox *s, struct ctx *cx, struct str id, struct str *type, struct str *bytes)
{
	struct db_stmt *st;
	bool row;

	TRY(sql_bind(
	    cx, s->db, "SELECT kind, bytes FROM app_icons WHERE id = $1", SQL_ARGS(T(id)), &st));
	TRY(db_step(cx, st, &row));
	if (!row)
		return fail_at(cx, E_NOTFOUND, "no-icon", NULL, "There is no such picture.");
	*type = db_col_text(st, 0, cx->arena);
	*bytes = db_col_blob(st, 1, cx->arena);
	db_done(st);
	return OK;
}
