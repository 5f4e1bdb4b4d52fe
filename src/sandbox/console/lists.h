/* sandbox/console/lists.h - an app's lists as JSON, in the order in which they grew. Store held. The
 * verbs that change them are in apps.h. */
#ifndef SANDBOX_CONSOLE_LISTS_H
#define SANDBOX_CONSOLE_LISTS_H

#include "base/json.h"

struct sandbox;

MUST enum rc uris_json(struct sandbox *s, struct ctx *cx, struct str key, json_t **out);
MUST enum rc domains_json(struct sandbox *s, struct ctx *cx, struct str key, json_t **out);

#endif
