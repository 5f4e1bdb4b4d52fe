/* sandbox/files/batch.h - many entries in one call, and the jobs behind them. async.stone.
 *
 * The sandbox does everything before it answers. Only where an asynchronous answer was asked for, or is
 * the only one that can tell of a failure, does the result wait in a job for its /check route. Jobs are
 * kept for an hour and belong to the app and the account that started them. Store held for writing. */
#ifndef SANDBOX_FILES_BATCH_H
#define SANDBOX_FILES_BATCH_H

#include "sandbox/api/args.h"

/* Does one entry and makes its {".tag": "success", …}. E_CONFLICT is the entry's failure. */
typedef enum rc batch_step(struct sandbox *s, struct ctx *cx, const struct caller *who,
    const json_t *entry, const void *arg, json_t **done);

struct batch {
	batch_step *step;
	const void *arg;
	const char *wrap; /* a member of the failure's union that holds the entry's; NULL: none */
	bool whole;       /* the first failure undoes all: *out is NULL then, and cx has it */
};

/* The array of results, in order. An entry that failed has changed nothing. */
MUST enum rc batch_run(struct sandbox *s, struct ctx *cx, const struct caller *who,
    const struct batch *b, const json_t *entries, json_t **out);

/* {"entries": …} as {".tag": "complete", …}, at once or, with later, behind a job. Consumes entries. */
MUST enum rc batch_emit(struct sandbox *s, struct ctx *cx, const struct http_req *req,
    json_t *entries, bool later, struct http_res *res);
/* The recorded failure as the result of a job. */
MUST enum rc batch_emit_failed(
    struct sandbox *s, struct ctx *cx, const struct http_req *req, struct http_res *res);

#endif
