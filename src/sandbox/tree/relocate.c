#include "sandbox/core/sql.h"
#include "sandbox/core/state.h"
#include "sandbox/tree/quota.h"
#include "sandbox/tree/range.h"
#include "sandbox/tree/write.h"

/* Everything that is moved or copied, parents before what is in them. */
static enum rc
read_all(struct sandbox *s, struct ctx *cx, const struct file *from, struct file *out, size_t max,
    size_t *count)
{
	struct file_query q = { .account_id = from->account_id,
		.path_lower = from->path_lower,
		.recursive = true,
		.limit = (int64_t)max };
	bool more;

	return files_list(s, cx, &q, out, count, &more);
}

static struct content
content_of(const struct file *f)
{
	return (struct content){ f->content_id, f->size, f->content_hash };
}

/* The entry `old` below r->from as it is to be below `to`. */
static struct file
moved(struct ctx *cx, const struct relocation *r, struct str to, const struct file *old)
{
	struct str tail = path_without(old->path_display, path_depth(r->from.path_display));

	return (struct file){
		.account_id = old->account_id,
		.path_display = str_printf(cx->arena, "%.*s%.*s", STR_ARG(to), STR_ARG(tail)),
		.id = r->move ? old->id : S(""),
		.client_ms = old->client_ms,
		.server_ms = r->move ? old->server_ms : 0,
	};
}

/* The way to the deepest of them is a path that may be, as if each were written by itself. */
static enum rc
check_paths(
    struct ctx *cx, const struct relocation *r, struct str to, const struct file *all, size_t count)
{
	size_t above = path_depth(r->from.path_display);

	for (size_t i = 0; i < count; i++) {
		struct str tail = path_without(all[i].path_display, above);

		if (path_depth(to) + path_depth(tail) > PATH_DEPTH_MAX ||
		    to.len + tail.len > PATH_BYTES_MAX)
			return fail_at(cx, E_CONFLICT, "malformed_path", NULL,
			    "The path of something in it would be too long or too deep.");
	}
	return OK;
}

/* There is room, and nothing stands there: it was looked at before. */
static enum rc
write_all(struct sandbox *s, struct ctx *cx, const struct relocation *r, struct str to,
    const struct file *all, size_t count, struct file *made)
{
	int64_t bytes = 0, seq;

	for (size_t i = 0; i < count; i++)
		bytes += all[i].size;
	TRY(tree_count(s, cx, r->from.account_id, bytes, (int64_t)count, &seq));
	for (size_t i = 0; i < count; i++) {
		struct file f = moved(cx, r, to, &all[i]);
		struct content c = content_of(&all[i]);

		f.seq = seq;
		TRY(entry_insert(s, cx, &f, all[i].folder ? NULL : &c));
		if (i == 0)
			*made = f;
	}
	return OK;
}

/* The same place in other letters: the names change, and nothing else. */
static enum rc
rewrite(struct sandbox *s, struct ctx *cx, const struct relocation *r, struct str to,
    const struct file *all, size_t count, struct file *made)
{
	int64_t seq;

	TRY(tree_count(s, cx, r->from.account_id, 0, 0, &seq));
	for (size_t i = 0; i < count; i++) {
		struct file f = moved(cx, r, to, &all[i]);

		TRY(sql_exec(cx, s->db, NULL,
		    "UPDATE files SET path_display = $1, seq = $2 WHERE account_id = $3"
		    " AND path_lower = $4",
		    SQL_ARGS(T(f.path_display), I(seq), T(f.account_id), T(all[i].path_lower))));
	}
	return file_by_path(s, cx, r->from.account_id, to, made);
}

enum rc
file_relocate(struct sandbox *s, struct ctx *cx, const struct relocation *r, struct file *made)
{
	struct str to = r->to;
	bool same = str_eq(path_key(cx->arena, to), r->from.path_lower);
	struct file *all;
	struct room size, need = { 0 };
	size_t count;

	TRY(tree_measure(s, cx, &r->from, &size));
	if (size.entries > RELOCATE_MAX)
		return fail_at(cx, E_CONFLICT, "too_many_files", NULL,
		    "There are more than %d files and folders in it.", RELOCATE_MAX);
	if (!r->move)
		need = size;
	TRY(contents_tidy(s, cx));
	all = ARENA_ARRAY(cx->arena, struct file, (size_t)size.entries);
	TRY(read_all(s, cx, &r->from, all, (size_t)size.entries, &count));
	TRY(check_paths(cx, r, to, all, count));
	TRY(parents_make(s, cx, r->from.account_id, &to, &need));
	if (same)
		return rewrite(s, cx, r, to, all, count, made);
	if (r->move)
		TRY(file_delete(s, cx, &r->from));
	return write_all(s, cx, r, to, all, count, made);
}
