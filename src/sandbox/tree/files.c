#include "sandbox/tree/files.h"

#include "sandbox/core/sql.h"
#include "sandbox/core/state.h"
#include "sandbox/tree/history.h"
#include "sandbox/tree/quota.h"
#include "sandbox/tree/range.h"
#include "sandbox/tree/write.h"

#define AUTORENAME_TRIES 1000

void
file_row(struct ctx *cx, struct db_stmt *st, struct str account_id, struct file *out)
{
	struct arena *a = cx->arena;

	*out = (struct file){
		.account_id = account_id,
		.path_lower = db_col_text(st, 0, a),
		.path_display = db_col_text(st, 1, a),
		.id = db_col_text(st, 2, a),
		.folder = db_col_int(st, 3) != 0,
		.deleted = db_col_int(st, 4) != 0,
		.size = db_col_int(st, 5),
		.rev = db_col_text(st, 6, a),
		.content_hash = db_col_text(st, 7, a),
		.client_ms = db_col_int(st, 8),
		.server_ms = db_col_int(st, 9),
		.seq = db_col_int(st, 10),
		.content_id = db_col_text(st, 11, a),
	};
}

enum rc
file_take_one(struct ctx *cx, struct db_stmt *st, struct str account_id, struct file *out)
{
	bool row;

	TRY(db_step(cx, st, &row));
	if (!row)
		return fail(cx, E_NOTFOUND, "There is nothing at this path.");
	file_row(cx, st, account_id, out);
	db_done(st);
	return OK;
}

struct str
below_from(struct ctx *cx, struct str path_key)
{
	return str_printf(cx->arena, "%.*s/", STR_ARG(path_key));
}

struct str
below_to(struct ctx *cx, struct str path_key)
{
	return str_printf(cx->arena, "%.*s0", STR_ARG(path_key));
}

static enum rc
by_path(struct sandbox *s, struct ctx *cx, struct str account_id, struct str path, bool deleted,
    struct file *out)
{
	struct db_stmt *st;

	TRY(sql_bind(cx, s->db,
	    "SELECT " FILE_COLUMNS
	    " FROM files WHERE account_id = $1 AND path_lower = $2 AND deleted = $3",
	    SQL_ARGS(T(account_id), T(path_key(cx->arena, path)), I(deleted)), &st));
	return file_take_one(cx, st, account_id, out);
}

enum rc
file_by_path(
    struct sandbox *s, struct ctx *cx, struct str account_id, struct str path, struct file *out)
{
	return by_path(s, cx, account_id, path, false, out);
}

enum rc
file_deleted_by_path(
    struct sandbox *s, struct ctx *cx, struct str account_id, struct str path, struct file *out)
{
	return by_path(s, cx, account_id, path, true, out);
}

enum rc
file_by_id(
    struct sandbox *s, struct ctx *cx, struct str account_id, struct str id, struct file *out)
{
	struct db_stmt *st;

	TRY(sql_bind(cx, s->db,
	    "SELECT " FILE_COLUMNS " FROM files WHERE account_id = $1 AND id = $2 AND deleted = 0",
	    SQL_ARGS(T(account_id), T(id)), &st));
	return file_take_one(cx, st, account_id, out);
}

enum rc
file_by_rev(
    struct sandbox *s, struct ctx *cx, struct str account_id, struct str rev, struct file *out)
{
	struct db_stmt *st;
	enum rc rc;

	TRY(sql_bind(cx, s->db,
	    "SELECT " FILE_COLUMNS " FROM files WHERE account_id = $1 AND rev = $2 AND deleted = 0",
	    SQL_ARGS(T(account_id), T(rev)), &st));
	rc = file_take_one(cx, st, account_id, out);
	if (rc != E_NOTFOUND)
		return rc;
	ctx_clear(cx);
	return history_by_rev(s, cx, account_id, rev, out);
}

enum rc
file_open(struct sandbox *s, struct ctx *cx, const struct file *f, int *fd)
{
	return content_open(s, cx, f->content_id, f->size, fd);
}

static struct str
new_id(struct ctx *cx)
{
	return str_printf(cx->arena, "id:%.22s", secret_expose(crypto_random_token(cx->arena)).p);
}

static struct str
new_rev(struct ctx *cx)
{
	unsigned char rev[8];

	crypto_random(rev, sizeof(rev));
	return hex_text(cx->arena, rev, sizeof(rev));
}

static enum rc
insert(struct sandbox *s, struct ctx *cx, const struct file *f)
{
	return sql_exec(cx, s->db, NULL,
	    "INSERT INTO files (account_id, path_lower, parent_lower, path_display, id, folder, "
	    "deleted, size, rev, content_hash, client_ms, server_ms, seq, content_id)"
	    " VALUES ($1, $2, $3, $4, $5, $6, 0, $7, $8, $9, $10, $11, $12, $13)"
	    " ON CONFLICT (account_id, path_lower) DO UPDATE SET path_display = "
	    "excluded.path_display, id = excluded.id, folder = excluded.folder, deleted = 0,"
	    " size = excluded.size, rev = excluded.rev, content_hash = excluded.content_hash,"
	    " client_ms = excluded.client_ms, server_ms = excluded.server_ms, seq = excluded.seq,"
	    " content_id = excluded.content_id",
	    SQL_ARGS(T(f->account_id), T(f->path_lower), T(path_parent(f->path_lower)),
		T(f->path_display), T(f->id), I(f->folder), I(f->size), T(f->rev),
		T(f->content_hash), I(f->client_ms), I(f->server_ms), I(f->seq),
		T(f->folder ? str_of(NULL) : f->content_id)));
}

enum rc
entry_insert(struct sandbox *s, struct ctx *cx, struct file *f, const struct content *c)
{
	f->path_lower = path_key(cx->arena, f->path_display);
	f->folder = c == NULL;
	f->size = f->folder ? 0 : c->size;
	f->rev = f->folder ? S("") : new_rev(cx);
	f->content_hash = f->folder ? S("") : c->hash;
	f->content_id = f->folder ? S("") : c->id;
	if (f->id.len == 0)
		f->id = new_id(cx);
	if (f->server_ms == 0)
		f->server_ms = clock_now_ms(s->clock);
	if (!f->folder)
		TRY(content_hold(s, cx, c));
	return insert(s, cx, f);
}

enum rc
entry_write(struct sandbox *s, struct ctx *cx, struct file *f, const struct content *c)
{
	struct file old = { 0 };
	enum rc rc = file_by_path(s, cx, f->account_id, f->path_display, &old);
	int64_t bytes = (c != NULL ? c->size : 0) - old.size;

	if (rc == E_NOTFOUND)
		ctx_clear(cx);
	else
		TRY(rc);
	TRY(tree_want_room(s, cx, f->account_id, bytes, rc != OK));
	TRY(tree_count(s, cx, f->account_id, bytes, rc != OK, &f->seq));
	if (rc == OK)
		TRY(history_keep(s, cx, f->account_id, old.path_lower, false, f->seq));
	return entry_insert(s, cx, f, c);
}

static enum rc
make_folder(struct sandbox *s, struct ctx *cx, struct str account_id, struct str display)
{
	struct file f = { .account_id = account_id, .path_display = display };

	return entry_write(s, cx, &f, NULL);
}

enum rc
folder_reach(
    struct sandbox *s, struct ctx *cx, struct str account_id, struct str path, struct str *display)
{
	struct str rest = str_sub(path, 1, path.len), name;
	struct file f;
	enum rc rc;

	*display = S("");
	if (path_depth(path) > PATH_DEPTH_MAX)
		return fail_at(cx, E_CONFLICT, "malformed_path", NULL, "The path is too deep.");
	while (path.len > 0 && str_split(&rest, '/', &name)) {
		*display = str_printf(cx->arena, "%.*s/%.*s", STR_ARG(*display), STR_ARG(name));
		rc = file_by_path(s, cx, account_id, *display, &f);
		if (rc == OK && !f.folder)
			return fail_at(cx, E_CONFLICT, "conflict/file_ancestor", NULL,
			    "A file is in the way.");
		if (rc == OK) {
			*display = f.path_display;
			continue;
		}
		if (rc == E_NOTFOUND)
			rc = make_folder(s, cx, account_id, *display);
		TRY(rc);
	}
	return OK;
}

enum rc
folder_ensure(struct sandbox *s, struct ctx *cx, struct str account_id, struct str path_display)
{
	struct str display;

	return folder_reach(s, cx, account_id, path_display, &display);
}

/* The folders above `path` that are not there yet; E_CONFLICT when one of them is a file. */
static enum rc
count_missing(
    struct sandbox *s, struct ctx *cx, struct str account_id, struct str path, int64_t *missing)
{
	struct file f;
	enum rc rc;

	*missing = 0;
	for (path = path_parent(path); path.len > 0; path = path_parent(path)) {
		rc = file_by_path(s, cx, account_id, path, &f);
		if (rc == E_NOTFOUND) {
			ctx_clear(cx);
			(*missing)++;
			continue;
		}
		TRY(rc);
		return f.folder ? OK
				: fail_at(cx, E_CONFLICT, "conflict/file_ancestor", NULL,
				      "A file is in the way.");
	}
	return OK;
}

enum rc
parents_make(struct sandbox *s, struct ctx *cx, struct str account_id, struct str *path,
    const struct room *need)
{
	struct str display;
	int64_t missing;

	if (path_depth(*path) > PATH_DEPTH_MAX)
		return fail_at(cx, E_CONFLICT, "malformed_path", NULL, "The path is too deep.");
	TRY(count_missing(s, cx, account_id, *path, &missing));
	TRY(tree_want_room(s, cx, account_id, need->bytes, need->entries + missing));
	TRY(folder_reach(s, cx, account_id, path_parent(*path), &display));
	*path = str_printf(cx->arena, "%.*s/%.*s", STR_ARG(display), STR_ARG(path_name(*path)));
	return OK;
}

enum rc
file_put(struct sandbox *s, struct ctx *cx, struct file *f, const struct content *c)
{
	struct room need = { .bytes = c == NULL ? 0 : c->size, .entries = 1 };
	struct file old;
	enum rc rc = file_by_path(s, cx, f->account_id, f->path_display, &old);

	if (rc == OK) {
		need = (struct room){ .bytes = need.bytes - old.size };
	} else {
		if (rc != E_NOTFOUND)
			return rc;
		ctx_clear(cx);
	}
	TRY(contents_tidy(s, cx));
	TRY(parents_make(s, cx, f->account_id, &f->path_display, &need));
	return entry_write(s, cx, f, c);
}

enum rc
tree_put_text(
    struct sandbox *s, struct ctx *cx, struct str account_id, struct str path, struct str text)
{
	struct file f = {
		.account_id = account_id, .path_display = path, .client_ms = clock_now_ms(s->clock)
	};
	struct content c;
	struct file old;
	enum rc rc = file_by_path(s, cx, account_id, path, &old);

	if (rc == E_NOTFOUND)
		ctx_clear(cx);
	else
		TRY(rc);
	if (rc == OK && old.folder)
		return fail_at(cx, E_CONFLICT, "conflict/folder", NULL, "A folder is in the way.");
	f.id = rc == OK ? old.id : S("");
	TRY(content_write(s, cx, text, &c));
	rc = file_put(s, cx, &f, &c);
	if (rc != OK)
		content_unplace(s, cx, c.id);
	return rc;
}

enum rc
path_free(struct sandbox *s, struct ctx *cx, struct str account_id, struct str *path)
{
	struct file there;
	struct str tried;
	enum rc rc;

	for (int n = 1; n < AUTORENAME_TRIES; n++) {
		tried = path_numbered(cx->arena, *path, n);
		rc = file_by_path(s, cx, account_id, tried, &there);
		if (rc == E_NOTFOUND) {
			ctx_clear(cx);
			*path = tried;
			return OK;
		}
		TRY(rc);
	}
	return fail_at(cx, E_CONFLICT, "too_many_write_operations", NULL,
	    "There are too many files of this name.");
}

enum rc
tree_measure(struct sandbox *s, struct ctx *cx, const struct file *f, struct room *out)
{
	struct db_stmt *st;
	bool row;

	TRY(sql_bind(cx, s->db,
	    "SELECT coalesce(sum(size), 0), count(*) FROM files WHERE account_id = $1 AND"
	    " deleted = 0 AND (path_lower = $2 OR (path_lower > $3 AND path_lower < $4))",
	    SQL_ARGS(T(f->account_id), T(f->path_lower), T(below_from(cx, f->path_lower)),
		T(below_to(cx, f->path_lower))),
	    &st));
	TRY(db_step(cx, st, &row));
	*out = (struct room){ .bytes = db_col_int(st, 0), .entries = db_col_int(st, 1) };
	db_done(st);
	return OK;
}

/* When there are too many, the older half goes, and a cursor from before then starts anew. */
static enum rc
forget_marks(struct sandbox *s, struct ctx *cx, struct str account_id)
{
	struct quota max;
	struct tree t;
	int64_t last, left;

	TRY(quota_of(s, cx, account_id, &max));
	TRY(tree_of(s, cx, account_id, &t));
	if (t.marks <= max.marks)
		return OK;
	TRY(sql_count(cx, s->db,
	    "SELECT seq FROM files WHERE account_id = $1 AND deleted = 1 ORDER BY seq DESC"
	    " LIMIT 1 OFFSET $2",
	    SQL_ARGS(T(account_id), I(max.marks / 2)), &last));
	TRY(sql_exec(cx, s->db, NULL,
	    "DELETE FROM files WHERE account_id = $1 AND deleted = 1 AND seq <= $2",
	    SQL_ARGS(T(account_id), I(last))));
	TRY(sql_count(cx, s->db, "SELECT count(*) FROM files WHERE account_id = $1 AND deleted = 1",
	    SQL_ARGS(T(account_id)), &left));
	return sql_exec(cx, s->db, NULL,
	    "UPDATE trees SET marks = $1, forgot_seq = max(forgot_seq, $2) WHERE account_id = $3",
	    SQL_ARGS(I(left), I(last), T(account_id)));
}

static enum rc
count_marks(struct sandbox *s, struct ctx *cx, struct str account_id, int64_t more)
{
	TRY(sql_exec(cx, s->db, NULL, "UPDATE trees SET marks = marks + $1 WHERE account_id = $2",
	    SQL_ARGS(I(more), T(account_id))));
	return forget_marks(s, cx, account_id);
}

/* The marks keep their names; what the files held is in the history. */
enum rc
file_delete(struct sandbox *s, struct ctx *cx, const struct file *f)
{
	struct room all;
	int64_t seq;

	TRY(tree_measure(s, cx, f, &all));
	if (all.entries > DELETE_MAX)
		return fail_at(cx, E_CONFLICT, "too_many_files", NULL,
		    "There are more than %d files and folders in it.", DELETE_MAX);
	TRY(contents_tidy(s, cx));
	TRY(tree_count(s, cx, f->account_id, -all.bytes, -all.entries, &seq));
	TRY(history_keep(s, cx, f->account_id, f->path_lower, true, seq));
	TRY(sql_exec(cx, s->db, NULL,
	    "UPDATE files SET deleted = 1, content_id = NULL, seq = $1 WHERE account_id = $2"
	    " AND deleted = 0 AND (path_lower = $3 OR (path_lower > $4 AND path_lower < $5))",
	    SQL_ARGS(I(seq), T(f->account_id), T(f->path_lower), T(below_from(cx, f->path_lower)),
		T(below_to(cx, f->path_lower)))));
	return count_marks(s, cx, f->account_id, all.entries);
}
