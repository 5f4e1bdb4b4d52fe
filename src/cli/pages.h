/* cli/pages.h - all the tokens that the key may read, asked for page by page. */
#ifndef CLI_PAGES_H
#define CLI_PAGES_H

#include "cli/config.h"
#include "cli/manager.h"

typedef bool pages_keep(const json_t *token, int64_t arg);

/* *out is the manager's answer as if it were one, with those of "tokens" that keep wants (NULL: all);
 * it lives as long as cx->arena. E_UPSTREAM for an answer without such a list, else as manager_ask. */
MUST enum rc pages_tokens(
    struct ctx *cx, const struct cli_config *config, pages_keep *keep, int64_t arg, json_t **out);

#endif
