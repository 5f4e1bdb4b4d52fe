/* sandbox/console/notifier.h - tells webhooks that files have changed, and checks new ones.
 *
 * Owns one thread and one outgoing client (http/client.h: no redirect, http and https only, replies
 * bounded). The thread looks after a committed change which accounts' seq has
 * moved, gathers for each webhook the accounts it has not heard of yet, and sends them in one signed
 * call; a webhook has one call in flight at most, so a slow one gathers more and delays nobody.
 * A call that is not answered with 2xx is made again after 5, 30 and 300 seconds of the sandbox's
 * clock, then given up. What waits and the log are in memory: a restart forgets them.
 *
 * With the setting webhook_targets = "public" only public addresses are called. All functions are
 * thread-safe. Source: Dropbox's description of webhooks. */
#ifndef SANDBOX_CONSOLE_NOTIFIER_H
#define SANDBOX_CONSOLE_NOTIFIER_H

#include "base/json.h"

struct sandbox;

/* Starts the thread; sets s->notifier and s->committed. Takes the store. */
MUST enum rc notifier_start(struct sandbox *s, struct ctx *cx);
/* Ends it, and gives up what is in flight; the store is still open. Takes a sandbox without one. */
void notifier_stop(struct sandbox *s);

/* Notes where every account stands, so that changes from here on are told. For who adds or enables a
 * webhook, in the same transaction. Store held. */
MUST enum rc notifier_watch(struct sandbox *s, struct ctx *cx);

/* GET uri?challenge=X; OK when X comes back within ten seconds. E_UPSTREAM with what came instead,
 * E_BUSY when too many wait for theirs. The store must not be held. */
MUST enum rc notifier_challenge(struct sandbox *s, struct ctx *cx, struct str uri);

/* The latest calls of one webhook, newest first:
 * [{at_ms, accounts, attempt, delivered, status, error, again_ms}]. */
json_t *notifier_log_json(struct sandbox *s, struct str hook_id);
/* After a webhook is gone. */
void notifier_forget(struct sandbox *s, struct str hook_id);

#endif
