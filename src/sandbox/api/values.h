/* sandbox/api/values.h - small values of the API: tagged unions, lists, numbers, times, cursors. */
#ifndef SANDBOX_API_VALUES_H
#define SANDBOX_API_VALUES_H

#include "base/json.h"
#include "sandbox/oauth/grants.h"

/* {".tag": name} */
json_t *value_tag(const char *name);
/* {".tag": name, name: value}; consumes value. */
json_t *value_union(const char *name, json_t *value);
/* The tag of a union that travels as text or as an object; NULL when it is neither. */
const char *value_tag_of(const json_t *value);

/* A member that is a list of at most max items; a missing one is E_INPUT, as is one with too many. */
MUST enum rc value_list(
    struct ctx *cx, const json_t *arg, const char *name, size_t max, json_t **out);
/* A member that is a whole number; *out stays when it is absent or null. */
MUST enum rc value_int(
    struct ctx *cx, const json_t *arg, const char *name, int64_t min, int64_t max, int64_t *out);

/* A cursor is a sealed object: it cannot be read or made up, and opens for the same purpose, app and
 * account only. Consumes value. */
struct str cursor_seal(struct sandbox *s, struct ctx *cx, const char *purpose,
    const struct caller *who, json_t *value);
/* E_NOTFOUND when it is none of ours: the caller names its own error. */
MUST enum rc cursor_open(struct sandbox *s, struct ctx *cx, const char *purpose,
    const struct caller *who, struct str text, json_t **out);

#endif
