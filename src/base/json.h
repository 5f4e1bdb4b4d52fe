/* base/json.h - jansson with our limits: duplicates refused, depth and size capped, memory wiped.
 *
 * Parsed values belong to the context's arena (released when it ends). Builders return values that
 * json_write() consumes. Integers beyond 64 bits are an error unless lenient is asked for. */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include <jansson.h>

#include "base/ctx.h"

struct secret;

void json_setup(void); /* once, before threads */

/* E_INPUT with a sentence. max_depth counts nested arrays and objects. */
MUST enum rc json_read(struct ctx *cx, struct str text, int max_depth, json_t **out);
/* The same for a provider's reply: a huge integer is read as a real instead of failing. */
MUST enum rc json_read_lenient(struct ctx *cx, struct str text, int max_depth, json_t **out);

/* Serializes into the arena and drops the caller's reference. Escapes "<" so that the text can
 * stand inside a data block of a page. Larger than 16 MiB: the empty slice, whose p is NULL. */
struct str json_write(struct arena *a, json_t *value);

/* Members of an object. E_INPUT with the field named when absent, of another type, or longer than
 * max bytes; the opt form gives the empty slice when absent or null. */
MUST enum rc json_take_str(
    struct ctx *cx, const json_t *obj, const char *name, size_t max, struct str *out);
MUST enum rc json_take_str_opt(
    struct ctx *cx, const json_t *obj, const char *name, size_t max, struct str *out);
MUST enum rc json_take_secret(
    struct ctx *cx, const json_t *obj, const char *name, size_t max, struct secret *out);
MUST enum rc json_take_bool_opt(struct ctx *cx, const json_t *obj, const char *name, bool *out);
/* A whole number within [min, max]; absent or null leaves *out as it is. */
MUST enum rc json_take_int_opt(
    struct ctx *cx, const json_t *obj, const char *name, int64_t min, int64_t max, int64_t *out);
/* E_INPUT unless obj is an object whose members all stand in names, which ends with NULL. */
MUST enum rc json_only_members(struct ctx *cx, const json_t *obj, const char *const *names);

json_t *json_str(struct str s);                              /* invalid UTF-8 becomes "" */
json_t *json_opt_str(struct str s);                          /* empty becomes null */
void json_put(json_t *obj, const char *name, json_t *value); /* consumes value */

#endif
