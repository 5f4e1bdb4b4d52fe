/* sandbox/tree/files.h - each account's tree of files and folders, small and whole in the store.
 *
 * Paths are absolute in the account, compared in ASCII lower case, without a trailing slash; the root
 * is the empty path. A deleted entry stays as a mark, so that cursors can tell of it; seq numbers each
 * change of the account. Store held. */
#ifndef SANDBOX_TREE_FILES_H
#define SANDBOX_TREE_FILES_H

#include "base/ctx.h"

struct sandbox;

#define FILE_MAX (1u << 20)

struct file {
	struct str account_id;
	struct str path_lower, path_display;
	struct str id;
	bool folder, deleted;
	int64_t size;
	struct str rev, content_hash;
	int64_t client_ms, server_ms, seq;
};

/* E_NOTFOUND, also for deleted ones. */
MUST enum rc file_by_path(
    struct sandbox *s, struct ctx *cx, struct str account_id, struct str path, struct file *out);
MUST enum rc file_by_id(
    struct sandbox *s, struct ctx *cx, struct str account_id, struct str id, struct file *out);
MUST enum rc file_by_rev(
    struct sandbox *s, struct ctx *cx, struct str account_id, struct str rev, struct file *out);
MUST enum rc file_content(struct sandbox *s, struct ctx *cx, const struct file *f, struct str *out);

/* Creates or replaces what stands at f->path_display, with its parents. Needs account_id,
 * path_display, folder, client_ms; fills the rest. E_CONFLICT "file_ancestor". */
MUST enum rc file_put(struct sandbox *s, struct ctx *cx, struct file *f, struct str content);
MUST enum rc folder_ensure(
    struct sandbox *s, struct ctx *cx, struct str account_id, struct str path_display);
/* Marks it and everything below it as deleted. */
MUST enum rc file_delete(struct sandbox *s, struct ctx *cx, const struct file *f);
MUST enum rc files_used(struct sandbox *s, struct ctx *cx, struct str account_id, int64_t *bytes);

struct file_query {
	struct str account_id;
	struct str path_lower; /* the folder */
	bool recursive;
	bool changes;     /* by seq and path, deleted ones too; otherwise by path, living ones */
	struct str after; /* the path to go on after */
	int64_t since;    /* the seq to go on at, with changes */
	int64_t limit;
};

/* Up to limit entries; *more when there are others after them. */
MUST enum rc files_list(struct sandbox *s, struct ctx *cx, const struct file_query *q,
    struct file *out, size_t *count, bool *more);
MUST enum rc files_seq(struct sandbox *s, struct ctx *cx, struct str account_id, int64_t *out);

/* Block hash of Dropbox's reference, in hex. */
struct str content_hash(struct arena *a, struct str content);
/* The last component, and the path without it. */
struct str path_name(struct str path);
struct str path_parent(struct str path);

#endif
