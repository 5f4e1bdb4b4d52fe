/* sandbox/api/args.h - reading the arguments of /2/ routes. */
#ifndef SANDBOX_API_ARGS_H
#define SANDBOX_API_ARGS_H

#include "base/json.h"
#include "http/message.h"
#include "sandbox/core/errors.h"
#include "sandbox/tree/files.h"
#include "sandbox/oauth/grants.h"

/* The JSON argument of an rpc route; names ends with NULL, and any other member is refused. A route
 * without argument passes names NULL: an empty body or null. E_INPUT says why. */
MUST enum rc api_rpc_arg(
    struct ctx *cx, const struct http_req *req, const char *const *names, json_t **out);
/* The same out of Dropbox-API-Arg or ?arg=. */
MUST enum rc api_header_arg(
    struct ctx *cx, const struct http_req *req, const char *const *names, json_t **out);
/* An empty object when there is none: for upload_session/start, whose members are all optional. */
MUST enum rc api_header_arg_opt(
    struct ctx *cx, const struct http_req *req, const char *const *names, json_t **out);
MUST enum rc api_arg_bool(struct ctx *cx, const json_t *arg, const char *name, bool *out);
MUST enum rc api_arg_str(
    struct ctx *cx, const json_t *arg, const char *name, size_t max, struct str *out);

/* An object within an argument; E_INPUT for a member that is not among names. */
MUST enum rc api_check_members(struct ctx *cx, const json_t *arg, const char *const *names);

#define PATH_TEXT_MAX 32768 /* longer ones are not even looked at */

enum path_form { PATH_ROOT = 1, PATH_ID = 2, PATH_REV = 4 };

/* A "path" argument as a place in the account's tree. forms says what else than "/…" may stand there.
 * absolute is the path within the account, root of the app included; empty for ids. */
struct place {
	struct str absolute;
	struct str id, rev;
};
/* The member "path", whose errors are "path/malformed_path" and the like. */
MUST enum rc api_place(
    struct ctx *cx, const struct caller *who, const json_t *arg, int forms, struct place *out);
/* Another member, or with other errors. */
struct path_rule {
	const char *name;  /* "from_path" */
	const char *error; /* "from_lookup" */
	int forms;
	bool write; /* its errors are those of WriteError */
};
MUST enum rc api_place_of(struct ctx *cx, const struct caller *who, const struct path_rule *rule,
    const json_t *arg, struct place *out);
MUST enum rc api_place_text(struct ctx *cx, const struct caller *who, const struct path_rule *rule,
    struct str path, struct place *out);
/* What stands there. E_NOTFOUND also outside of the app's folder. */
MUST enum rc api_find(struct sandbox *s, struct ctx *cx, const struct caller *who,
    const struct place *at, struct file *out);

/* Puts a failure of the tree below a member of the route's union: E_NOTFOUND becomes
 * E_CONFLICT "<prefix>/not_found", E_CONFLICT "conflict/file" becomes "<prefix>/conflict/file". */
enum rc api_under(struct ctx *cx, enum rc rc, const char *prefix);

/* Metadata as the caller sees it: paths relative to the app's root. */
json_t *api_metadata(struct ctx *cx, const struct caller *who, const struct file *f, bool tagged);

#endif
