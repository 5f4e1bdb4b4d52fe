/* cli/config.h - which manager, and with which key.
 *
 * VALETKEY_URL and VALETKEY_API_KEY, else the file valetkey/config in the user's configuration
 * directory, else the manager of this machine and no key. A key is never an argument. */
#ifndef CLI_CONFIG_H
#define CLI_CONFIG_H

#include "base/ctx.h"
#include "base/secret.h"

#define CLI_DEFAULT_URL "http://127.0.0.1:8090"

struct cli_config {
	struct str url; /* without a slash at the end */
	struct secret api_key;
};

/* Takes the key out of the environment and wipes it there. E_INPUT a setting is wrong, E_AUTH no
 * key, E_STORE the file cannot be read. Memory is cx->arena's. */
MUST enum rc cli_config_load(struct ctx *cx, struct cli_config *out);

#endif
