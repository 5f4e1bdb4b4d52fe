#include "sandbox/tree/files.h"

#include "base/buf.h"
#include "sandbox/core/sql.h"
#include "sandbox/core/state.h"
#include "sandbox/core/text.h"

#define COLUMNS                                                                              \
	"path_lower, path_display, id, folder, deleted, size, rev, content_hash, client_ms," \
	" server_ms, seq"
#define BLOCK (4u << 20)
#define DEPTH_MAX 64

struct str
path_parent(struct str path)
{
	while (path.len > 0 && path.p[path.len - 1] != '/')
		path.len--;
	return str_sub(path, 0, path.len > 0 ? path.len - 1 : 0);
}

struct str
path_name(struct str path)
{
	return str_sub(path, path_parent(path).len + 1, path.len);
}

static struct str
hex(struct arena *a, struct str bytes)
{
	struct buf b = buf_in(a, 256);

	for (size_t i = 0; i < bytes.len; i++)
		buf_addf(&b, "%02x", (unsigned char)bytes.p[i]);
	return buf_str(&b);
}

struct str
content_hash(struct arena *a, struct str content)
{
	struct buf blocks = buf_in(a, 1 << 16);

	for (size_t at = 0; at < content.len; at += BLOCK)
		buf_add(&blocks, crypto_sha256(a, str_sub(content, at, at + BLOCK)));
	return hex(a, crypto_sha256(a, blocks.len > 0 ? buf_str(&blocks) : S("")));
}

static void
read_file(struct ctx *cx, struct db_stmt *st, struct str account_id, struct file *out)
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
	};
}

static enum rc
take_one(struct ctx *cx, struct db_stmt *st, struct str account_id, struct file *out)
{
	bool row;

	TRY(db_step(cx, st, &row));
	if (!row)
		return fail(cx, E_NOTFOUND, "There is nothing at this path.");
	read_file(cx, st, account_id, out);
	db_done(st);
	return OK;
}

enum rc
file_by_path(
    struct sandbox *s, struct ctx *cx, struct str account_id, struct str path, struct file *out)
{
	struct db_stmt *st;

	TRY(sql_bind(cx, s->db,
	    "SELECT " COLUMNS
	    " FROM files WHERE account_id = $1 AND path_lower = $2 AND deleted = 0",
	    SQL_ARGS(T(account_id), T(text_fold(cx->arena, path))), &st));
	return take_one(cx, st, account_id, out);
}

enum rc
file_by_id(
    struct sandbox *s, struct ctx *cx, struct str account_id, struct str id, struct file *out)
{
	struct db_stmt *st;

	TRY(sql_bind(cx, s->db,
	    "SELECT " COLUMNS " FROM files WHERE account_id = $1 AND id = $2 AND deleted = 0",
	    SQL_ARGS(T(account_id), T(id)), &st));
	return take_one(cx, st, account_id, out);
}

enum rc
file_by_rev(
    struct sandbox *s, struct ctx *cx, struct str account_id, struct str rev, struct file *out)
{
	struct db_stmt *st;

	TRY(sql_bind(cx, s->db,
	    "SELECT " COLUMNS " FROM files WHERE account_id = $1 AND rev = $2 AND deleted = 0",
	    SQL_ARGS(T(account_id), T(rev)), &st));
	return take_one(cx, st, account_id, out);
}

enum rc
file_content(struct sandbox *s, struct ctx *cx, const struct file *f, struct str *out)
{
	struct db_stmt *st;
	bool row;

	TRY(sql_bind(cx, s->db,
	    "SELECT content FROM files WHERE account_id = $1 AND path_lower = $2",
	    SQL_ARGS(T(f->account_id), T(f->path_lower)), &st));
	TRY(db_step(cx, st, &row));
	*out = row ? db_col_blob(st, 0, cx->arena) : S("");
	db_done(st);
	return OK;
}

enum rc
files_seq(struct sandbox *s, struct ctx *cx, struct str account_id, int64_t *out)
{
	return sql_count(cx, s->db, "SELECT max(seq) FROM files WHERE account_id = $1",
	    SQL_ARGS(T(account_id)), out);
}

enum rc
files_used(struct sandbox *s, struct ctx *cx, struct str account_id, int64_t *bytes)
{
	return sql_count(cx, s->db,
	    "SELECT sum(size) FROM files WHERE account_id = $1 AND deleted = 0",
	    SQL_ARGS(T(account_id)), bytes);
}

/* One row, its parents already there. A replaced entry keeps its id. */
static enum rc
put_row(struct sandbox *s, struct ctx *cx, struct file *f, struct str content)
{
	struct arena *a = cx->arena;
	unsigned char rev[8];
	int64_t last;

	crypto_random(rev, sizeof(rev));
	TRY(files_seq(s, cx, f->account_id, &last));
	f->path_lower = text_fold(a, f->path_display);
	f->seq = last + 1;
	f->server_ms = clock_now_ms(s->clock);
	if (f->id.len == 0)
		f->id = str_printf(a, "id:%.22s", secret_expose(crypto_random_token(a)).p);
	f->rev = f->folder ? S("") : hex(a, (struct str){ (char *)rev, sizeof(rev) });
	f->content_hash = f->folder ? S("") : content_hash(a, content);
	f->size = f->folder ? 0 : (int64_t)content.len;
	return sql_exec(cx, s->db, NULL,
	    "INSERT INTO files (account_id, path_lower, parent_lower, path_display, id, folder, "
	    "deleted,"
	    " size, rev, content_hash, client_ms, server_ms, seq, content)"
	    " VALUES ($1, $2, $3, $4, $5, $6, 0, $7, $8, $9, $10, $11, $12, $13)"
	    " ON CONFLICT (account_id, path_lower) DO UPDATE SET path_display = "
	    "excluded.path_display,"
	    " id = excluded.id, folder = excluded.folder, deleted = 0, size = excluded.size,"
	    " rev = excluded.rev, content_hash = excluded.content_hash,"
	    " client_ms = excluded.client_ms, server_ms = excluded.server_ms, seq = excluded.seq,"
	    " content = excluded.content",
	    SQL_ARGS(T(f->account_id), T(f->path_lower), T(path_parent(f->path_lower)),
		T(f->path_display), T(f->id), I(f->folder), I(f->size), T(f->rev),
		T(f->content_hash), I(f->client_ms), I(f->server_ms), I(f->seq),
		B(f->folder ? (struct str){ 0 } : (content.p != NULL ? content : S("")))));
}

enum rc
folder_ensure(struct sandbox *s, struct ctx *cx, struct str account_id, struct str path_display)
{
	struct file f;
	enum rc rc;

	for (size_t at = 1, depth = 0; at < path_display.len && depth < DEPTH_MAX; depth++) {
		size_t len = at + str_find(str_sub(path_display, at, path_display.len), '/');

		rc = file_by_path(s, cx, account_id, str_sub(path_display, 0, len), &f);
		if (rc == OK && !f.folder)
			return fail_at(
			    cx, E_CONFLICT, "file_ancestor", NULL, "A file is in the way.");
		if (rc == E_NOTFOUND) {
			f = (struct file){ .account_id = account_id,
				.path_display = str_sub(path_display, 0, len),
				.folder = true };
			rc = put_row(s, cx, &f, S(""));
		}
		TRY(rc);
		at = len + 1;
	}
	return OK;
}

enum rc
file_put(struct sandbox *s, struct ctx *cx, struct file *f, struct str content)
{
	TRY(folder_ensure(s, cx, f->account_id, path_parent(f->path_display)));
	return put_row(s, cx, f, content);
}

/* '0' comes right after '/': together they hold everything below a folder. */
static struct str
below_from(struct ctx *cx, struct str path_lower)
{
	return str_printf(cx->arena, "%.*s/", STR_ARG(path_lower));
}

static struct str
below_to(struct ctx *cx, struct str path_lower)
{
	return str_printf(cx->arena, "%.*s0", STR_ARG(path_lower));
}

enum rc
file_delete(struct sandbox *s, struct ctx *cx, const struct file *f)
{
	int64_t last;

	TRY(files_seq(s, cx, f->account_id, &last));
	return sql_exec(cx, s->db, NULL,
	    "UPDATE files SET deleted = 1, content = NULL, seq = $1 WHERE account_id = $2"
	    " AND deleted = 0 AND (path_lower = $3 OR (path_lower > $4 AND path_lower < $5))",
	    SQL_ARGS(I(last + 1), T(f->account_id), T(f->path_lower),
		T(below_from(cx, f->path_lower)), T(below_to(cx, f->path_lower))));
}

#define FROM_FILES "SELECT " COLUMNS " FROM files WHERE account_id = $1 AND "
#define IN_FOLDER "parent_lower = $2 AND path_lower <> ''"
#define IN_TREE "(path_lower = $2 OR (path_lower > $3 AND path_lower < $4))"

static enum rc
bind_query(struct sandbox *s, struct ctx *cx, const struct file_query *q, struct db_stmt **st)
{
	struct str from = below_from(cx, q->path_lower), to = below_to(cx, q->path_lower);
	struct str after = q->after.p != NULL ? q->after : S("");

	if (q->recursive && q->changes)
		return sql_bind(cx, s->db,
		    FROM_FILES IN_TREE " AND (seq > $5 OR (seq = $5 AND path_lower > $6))"
				       " ORDER BY seq, path_lower LIMIT $7",
		    SQL_ARGS(T(q->account_id), T(q->path_lower), T(from), T(to), I(q->since),
			T(after), I(q->limit + 1)),
		    st);
	if (q->recursive)
		return sql_bind(cx, s->db,
		    FROM_FILES IN_TREE
		    " AND deleted = 0 AND path_lower > $5 ORDER BY path_lower LIMIT $6",
		    SQL_ARGS(T(q->account_id), T(q->path_lower), T(from), T(to), T(after),
			I(q->limit + 1)),
		    st);
	if (q->changes)
		return sql_bind(cx, s->db,
		    FROM_FILES IN_FOLDER " AND (seq > $3 OR (seq = $3 AND path_lower > $4))"
					 " ORDER BY seq, path_lower LIMIT $5",
		    SQL_ARGS(
			T(q->account_id), T(q->path_lower), I(q->since), T(after), I(q->limit + 1)),
		    st);
	return sql_bind(cx, s->db,
	    FROM_FILES IN_FOLDER
	    " AND deleted = 0 AND path_lower > $3 ORDER BY path_lower LIMIT $4",
	    SQL_ARGS(T(q->account_id), T(q->path_lower), T(after), I(q->limit + 1)), st);
}

enum rc
files_list(struct sandbox *s, struct ctx *cx, const struct file_query *q, struct file *out,
    size_t *count, bool *more)
{
	struct db_stmt *st;
	bool row;

	*count = 0;
	*more = false;
	TRY(bind_query(s, cx, q, &st));
	for (;;) {
		TRY(db_step(cx, st, &row));
		if (!row)
			return OK;
		if (*count == (size_t)q->limit)
			break;
		read_file(cx, st, q->account_id, &out[(*count)++]);
	}
	*more = true;
	db_done(st);
	return OK;
}
