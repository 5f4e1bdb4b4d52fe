/* cli/manager.h - one question to the manager's API, and its answer as JSON. */
#ifndef CLI_MANAGER_H
#define CLI_MANAGER_H

#include <jansson.h>

#include "cli/config.h"

/* path begins with "/api/v1/". The answer lives as long as cx->arena. A problem document becomes
 * the recorded failure: E_AUTH, E_DENIED, E_NOTFOUND, E_REAUTH, E_CONFLICT, E_INPUT; E_UPSTREAM and
 * E_BUSY when the manager or the provider behind it gives no answer; else E_STORE. */
MUST enum rc manager_tell(struct ctx *cx, const struct cli_config *config, const char *method,
    struct str path, json_t *body, json_t **out); /* body is consumed */
MUST enum rc manager_ask(struct ctx *cx, const struct cli_config *config, const char *method,
    struct str path, json_t **out);

#endif
