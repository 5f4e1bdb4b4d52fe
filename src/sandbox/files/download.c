/* files/download. */
#include "sandbox/api/args.h"
#include "sandbox/api/content.h"
#include "sandbox/files/handlers.h"

enum rc
api_download(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	static const char *const names[] = { "path", "rev", NULL };
	const struct caller *who = req->session;
	struct place at;
	struct str rev;
	struct file f;
	json_t *arg;

	TRY(api_header_arg(cx, req, names, &arg));
	TRY(api_place(cx, who, arg, PATH_ID | PATH_REV, &at));
	TRY(api_arg_str(cx, arg, "rev", 64, &rev));
	if (rev.len > 0)
		at = (struct place){ .rev = rev }; /* an old way to say it */
	TRY(api_under(cx, api_find(app, cx, who, &at, &f), "path"));
	if (f.folder)
		return fail_at(cx, E_CONFLICT, "path/not_file", NULL, "This is not a file.");
	return content_reply(app, cx, req, &f, api_metadata(cx, who, &f, false), res);
}
