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
MUST enum rc api_arg_bool(struct ctx *cx, const json_t *arg, const char *name, bool *out);
MUST enum rc api_arg_str(
    struct ctx *cx, const json_t *arg, const char *name, size_t max, struct str *out);

enum path_form { PATH_ROOT = 1, PATH_ID = 2, PATH_REV = 4 };

/* A "path" argument as a place in the account's tree. forms says what else than "/…" may stand there.
 * absolute is the path within the account, root of the app included; empty for ids. */
struct place {
	struct str absolute;
	struct str id, rev;
};
MUST enum rc api_place(
    struct ctx *cx, const struct caller *who, const json_t *arg, int forms, struct place *out);
/* What stands there. E_NOTFOUND also outside of the app's folder. */
MUST enum rc api_find(struct sandbox *s, struct ctx *cx, const struct caller *who,
    const struct place *at, struct file *out);

/* Metadata as the caller sees it: paths relative to the app's root. */
json_t *api_metadata(struct ctx *cx, const struct caller *who, const struct file *f, bool tagged);

#endif
