/* sandbox/console/webhooks.h - where an app is told that files of its users have changed. Store held.
 *
 * A webhook is an address of an app, checked by a challenge before it is kept; the calls themselves
 * are notifier.h's. */
#ifndef SANDBOX_CONSOLE_WEBHOOKS_H
#define SANDBOX_CONSOLE_WEBHOOKS_H

#include "base/json.h"

struct sandbox;

#define WEBHOOK_ID_LEN 22

struct webhook {
	struct str id, app_key, uri;
	bool enabled;
};

/* http or https, a host, no user part, no fragment. E_INPUT "uri". */
MUST enum rc webhook_uri_check(struct ctx *cx, struct str uri);
/* Whether one more fits, before anybody is called. E_CONFLICT it is there; E_INPUT there are ten. */
MUST enum rc webhook_check_room(
    struct sandbox *s, struct ctx *cx, struct str app_key, struct str uri);
/* Enabled from the start; fills the id. E_CONFLICT as above. */
MUST enum rc webhook_add(struct sandbox *s, struct ctx *cx, struct webhook *hook);
/* E_NOTFOUND, also for another app's. */
MUST enum rc webhook_remove(struct sandbox *s, struct ctx *cx, struct str app_key, struct str id);
MUST enum rc webhook_enable(
    struct sandbox *s, struct ctx *cx, struct str app_key, struct str id, bool enabled);
MUST enum rc webhook_get(struct sandbox *s, struct ctx *cx, struct str id, struct webhook *out);
/* [{id, uri, enabled, deliveries}], as they were added. */
MUST enum rc webhooks_json(struct sandbox *s, struct ctx *cx, struct str app_key, json_t **out);
/* Whether any app has an enabled one. */
MUST enum rc webhooks_any(struct sandbox *s, struct ctx *cx, bool *out);

/* Each enabled webhook that is to hear of a change of this account after seq `since`: its app is
 * connected to the account, and for an app-folder app the change is inside its folder. */
MUST enum rc webhooks_hearing(struct sandbox *s, struct ctx *cx, struct str account_id,
    int64_t since, void (*each)(void *arg, struct str id), void *arg);

#endif
