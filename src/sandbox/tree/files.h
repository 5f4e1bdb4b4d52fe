/* sandbox/tree/files.h - each account's tree of files and folders: looking up, putting, deleting.
 *
 * Paths are absolute in the account and compared by their keys (names.h), without a trailing slash; the
 * root is the empty path. A deleted entry stays as a mark, so that cursors can tell of it; what it held
 * goes to the history (history.h), like each content that is replaced. seq numbers the changes of an
 * account. Contents are on disk (contents.h). Store held; for writing where something is written.
 *
 * A write that cannot be done is E_CONFLICT, whose code is the tail of Dropbox's WriteError:
 * "conflict/file", "conflict/folder", "conflict/file_ancestor", "insufficient_space",
 * "malformed_path", "too_many_write_operations". Nothing was written then. */
#ifndef SANDBOX_TREE_FILES_H
#define SANDBOX_TREE_FILES_H

#include "base/ctx.h"
#include "sandbox/tree/contents.h"
#include "sandbox/tree/names.h"

struct sandbox;

struct file {
	struct str account_id;
	struct str path_lower; /* the key */
	struct str path_display;
	struct str id;
	bool folder, deleted;
	int64_t size;
	struct str rev, content_hash, content_id;
	int64_t client_ms, server_ms, seq;
};

/* E_NOTFOUND, also for deleted ones. */
MUST enum rc file_by_path(
    struct sandbox *s, struct ctx *cx, struct str account_id, struct str path, struct file *out);
MUST enum rc file_by_id(
    struct sandbox *s, struct ctx *cx, struct str account_id, struct str id, struct file *out);
/* Of the history too: then path and id are those it had. */
MUST enum rc file_by_rev(
    struct sandbox *s, struct ctx *cx, struct str account_id, struct str rev, struct file *out);
/* The mark of a deleted one; E_NOTFOUND when there is none or something stands there again. */
MUST enum rc file_deleted_by_path(
    struct sandbox *s, struct ctx *cx, struct str account_id, struct str path, struct file *out);
/* Its content, open for reading; the caller closes fd. */
MUST enum rc file_open(struct sandbox *s, struct ctx *cx, const struct file *f, int *fd);

/* Creates or replaces what stands at f->path_display, with its parents; takes over their way of
 * writing. Needs account_id, path_display, client_ms, and id when it replaces; c is NULL for a folder.
 * Fills the rest. Does not ask whether it may replace. */
MUST enum rc file_put(struct sandbox *s, struct ctx *cx, struct file *f, const struct content *c);
MUST enum rc folder_ensure(
    struct sandbox *s, struct ctx *cx, struct str account_id, struct str path_display);
/* A small text file with its parents, whatever stood there; nothing may be a folder there. */
MUST enum rc tree_put_text(
    struct sandbox *s, struct ctx *cx, struct str account_id, struct str path, struct str text);
/* Marks it and everything below it as deleted. E_CONFLICT "too_many_files". */
MUST enum rc file_delete(struct sandbox *s, struct ctx *cx, const struct file *f);
/* The first free "name (1).ext"; E_CONFLICT "too_many_write_operations" when there are too many. */
MUST enum rc path_free(struct sandbox *s, struct ctx *cx, struct str account_id, struct str *path);

struct relocation {
	struct file from;
	struct str to; /* path_display */
	bool move;     /* the files keep their ids */
};

/* Copies or moves from with everything below it; *made is what stands at `to` then. E_CONFLICT as
 * above, and "too_many_files". Nothing stands at `to`, unless it is from itself under another way of
 * writing. */
MUST enum rc file_relocate(
    struct sandbox *s, struct ctx *cx, const struct relocation *r, struct file *made);

struct file_query {
	struct str account_id;
	struct str path_lower; /* the folder */
	bool recursive;
	bool deleted;     /* marks too; changes always have them */
	bool changes;     /* by seq and path, otherwise by path */
	struct str after; /* the path to go on after */
	int64_t since;    /* the seq to go on at, with changes */
	int64_t limit;
};

/* Up to limit entries; *more when there are others after them. */
MUST enum rc files_list(struct sandbox *s, struct ctx *cx, const struct file_query *q,
    struct file *out, size_t *count, bool *more);
/* Whether files_list would give anything. */
MUST enum rc files_changed(
    struct sandbox *s, struct ctx *cx, const struct file_query *q, bool *out);
/* The last seq; 0 for an account without files. */
MUST enum rc files_seq(struct sandbox *s, struct ctx *cx, struct str account_id, int64_t *out);

#endif
