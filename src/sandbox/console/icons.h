/* sandbox/console/icons.h - the picture of an app: bytes that are stored and served, never decoded.
 *
 * PNG or JPEG by its first bytes, at most ICON_MAX. Its id is random and new with each picture: who
 * has the id has seen the app. Store held. */
#ifndef SANDBOX_CONSOLE_ICONS_H
#define SANDBOX_CONSOLE_ICONS_H

#include "base/ctx.h"

struct sandbox;

#define ICON_MAX (256u * 1024)

/* "image/png", "image/jpeg", or NULL for anything else. Pure. */
const char *icon_type(struct str bytes);
/* Replaces the app's picture. E_INPUT "icon". */
MUST enum rc icon_put(struct sandbox *s, struct ctx *cx, struct str app_key, struct str bytes);
MUST enum rc icon_remove(struct sandbox *s, struct ctx *cx, struct str app_key);
/* E_NOTFOUND */
MUST enum rc icon_get(
    struct sandbox *s, struct ctx *cx, struct str id, struct str *type, struct str *bytes);

#endif
