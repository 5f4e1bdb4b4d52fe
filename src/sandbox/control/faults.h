/* sandbox/control/faults.h - replies that are spoilt on purpose: which calls, how, how often.
 *
 * A fault names calls by their path (a trailing * takes all that begin so), and perhaps by method,
 * grant type, app and account. The first fault that fits a call spoils it. Faults live in memory, at
 * most FAULTS_MAX of them, and are gone after a restart. Thread-safe; its lock is a leaf, and while
 * there is no fault a request costs one atomic read. The control API itself is never spoilt.
 *
 *   status, reset, timeout, garbage   the call is not processed: no token is needed, nothing changes
 *   lose_reply, cut, drip, delay      it is processed and committed first */
#ifndef SANDBOX_CONTROL_FAULTS_H
#define SANDBOX_CONTROL_FAULTS_H

#include "base/json.h"
#include "http/message.h"

#define FAULTS_MAX 1000
#define FAULT_DELAY_MAX_MS 300000

struct sandbox;
struct faults;
struct input;

struct faults *faults_new(void);
void faults_free(struct faults *f); /* takes NULL */

/* Adds what the object says; its id goes to *id. E_INPUT; E_CONFLICT when there are too many. */
MUST enum rc faults_add(struct faults *f, struct ctx *cx, const struct input *in, struct str *id);
extern const char *const fault_members[]; /* what such an object may hold */
/* Ends the one with this id, or all when id is empty; how many that were. */
int faults_forget(struct faults *f, struct str id);
int faults_count(const struct faults *f);
json_t *faults_json(struct faults *f); /* an array */

/* Who calls, as far as it is known. */
struct fault_caller {
	struct str app_key, account_id, email;
};

/* Before it is known who calls (who NULL): faults without app and account; after that, the others.
 * Marks the reply as to be spoilt and says so in *met. A failure means that the call is answered by
 * the fault alone. */
MUST enum rc faults_meet(struct sandbox *s, struct ctx *cx, const struct http_req *req,
    struct http_res *res, const struct fault_caller *who, bool *met);
/* Whether the recorded failure is a fault's, which has written its reply. */
bool faults_answered(const struct ctx *cx);
/* The mode of the fault that spoilt this reply; NULL: none. */
const char *faults_mode_of(const struct ctx *cx, const struct http_res *res);

#endif
