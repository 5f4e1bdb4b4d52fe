/* files/download_zip: a folder as an archive, made in a file without a name before it is sent. */
#include <unistd.h>

#include "sandbox/api/args.h"
#include "sandbox/api/content.h"
#include "sandbox/core/state.h"
#include "sandbox/files/change.h"
#include "sandbox/files/handlers.h"
#include "sandbox/files/zip.h"

struct folder {
	struct file top;
	struct file *all;
	size_t count;
};

static enum rc
refuse(struct ctx *cx, const char *tags)
{
	return fail_at(cx, E_CONFLICT, tags, NULL, "The folder cannot be had as an archive.");
}

static enum rc
check_size(struct ctx *cx, const struct folder *f, bool more)
{
	int64_t bytes = 0;

	if (more)
		return refuse(cx, "too_many_files");
	for (size_t i = 0; i < f->count; i++) {
		bytes += f->all[i].size;
		if (bytes > ZIP_BYTES_MAX)
			return refuse(cx, "too_large");
	}
	return OK;
}

static enum rc
read_folder(struct sandbox *s, struct ctx *cx, const struct caller *who, const struct place *at,
    struct folder *f)
{
	struct file_query q = {
		.account_id = who->account.id, .recursive = true, .limit = ZIP_MEMBERS_MAX - 1
	};
	bool more;

	TRY(api_under(cx, api_find(s, cx, who, at, &f->top), "path"));
	if (!f->top.folder)
		return refuse(cx, "path/not_folder");
	q.path_lower = f->top.path_lower;
	f->all = ARENA_ARRAY(cx->arena, struct file, (size_t)q.limit);
	TRY(files_list(s, cx, &q, f->all, &f->count, &more));
	return check_size(cx, f, more);
}

static enum rc
add(struct sandbox *s, struct ctx *cx, struct zip *z, const struct folder *f,
    const struct file *file)
{
	size_t above = path_depth(f->top.path_display) - 1;
	struct str path = path_without(file->path_display, above);
	enum rc rc;
	int fd;

	path = str_sub(path, 1, path.len);
	if (file->folder)
		return zip_folder(z, cx, path);
	TRY(file_open(s, cx, file, &fd));
	rc = zip_file(z, cx, path, fd, file->client_ms);
	close(fd);
	return rc;
}

/* The contents are looked at without the store: what is in an archive stays for as long as it is in the
 * history, and one that is not there any more ends the attempt. */
static enum rc
pack(struct sandbox *s, struct ctx *cx, const struct folder *f, int fd, int64_t *len)
{
	struct zip *z = zip_new(cx->arena, fd);
	enum rc rc = OK;

	for (size_t i = 0; rc == OK && i < f->count; i++)
		rc = add(s, cx, z, f, &f->all[i]);
	if (rc == OK)
		return zip_end(z, cx, len);
	zip_free(z);
	return rc;
}

enum rc
api_download_zip(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	static const char *const names[] = { "path", NULL };
	const struct caller *who = req->session;
	struct folder f = { 0 };
	struct place at;
	int64_t len;
	json_t *arg;
	enum rc rc;
	int fd;

	TRY(api_header_arg(cx, req, names, &arg));
	TRY(api_place(cx, who, arg, PATH_ID | PATH_REV, &at));
	TRY(store_enter(app, cx, STORE_READ));
	rc = read_folder(app, cx, who, &at, &f);
	TRY(store_leave(app, cx, STORE_READ, rc));
	TRY(content_scratch(app, cx, &fd));
	rc = pack(app, cx, &f, fd, &len);
	if (rc != OK) {
		close(fd);
		return rc;
	}
	api_request_id(cx, res);
	res->content_type = S("application/zip");
	http_res_header(res, S("Dropbox-API-Result"),
	    content_result(cx, in_metadata(api_metadata(cx, who, &f.top, false))));
	http_res_header(res, S("Content-Disposition"),
	    content_disposition(
		cx, str_printf(cx->arena, "%.*s.zip", STR_ARG(path_name(f.top.path_display)))));
	http_res_file(res, 200, fd, 0, len);
	return OK;
}
