/* sandbox/sharing/settings.h - SharedLinkSettings: what a person asks for a link, and may. */
#ifndef SANDBOX_SHARING_SETTINGS_H
#define SANDBOX_SHARING_SETTINGS_H

#include "sandbox/oauth/grants.h"
#include "sandbox/sharing/links.h"

/* What somebody with this account can set: a basic account has public links without an end. */
bool settings_allowed(const struct account *acct);

/* Puts the settings (an object, or NULL for none) of an argument into l, whose id is set. E_INPUT for
 * a wrong type; E_CONFLICT "settings_error/invalid_settings", "settings_error/not_authorized". */
MUST enum rc settings_apply(struct sandbox *s, struct ctx *cx, const struct caller *who,
    const json_t *settings, struct shared_link *l);

#endif
