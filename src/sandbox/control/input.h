/* sandbox/control/input.h - members of JSON objects from outside, with errors that name their place.
 *
 * A place is where the object stands in a larger document ("apps[0]", or empty). All functions fail
 * with E_INPUT and code "bad-field". Pure. */
#ifndef SANDBOX_CONTROL_INPUT_H
#define SANDBOX_CONTROL_INPUT_H

#include "base/json.h"
#include "http/message.h"

struct input {
	const json_t *object;
	struct str place;
};

/* The body of a request: an object with no other members than these (NULL ends the list). An empty
 * body is an empty object. */
MUST enum rc input_body(
    struct ctx *cx, const struct http_req *req, const char *const *names, struct input *out);
/* The same for a value inside of a document. */
MUST enum rc input_object(struct ctx *cx, const json_t *value, struct str place,
    const char *const *names, struct input *out);

bool input_has(const struct input *in, const char *name); /* there, and not null */

struct input_range {
	int64_t min, max, absent; /* absent: the value when it is not there or null */
};

MUST enum rc input_int(struct ctx *cx, const struct input *in, const char *name,
    struct input_range range, int64_t *out);
/* Text of at most max bytes; p == NULL when absent or null. */
MUST enum rc input_text(
    struct ctx *cx, const struct input *in, const char *name, size_t max, struct str *out);
/* The same, but it must be there and not empty. */
MUST enum rc input_need(
    struct ctx *cx, const struct input *in, const char *name, size_t max, struct str *out);
/* One of the words (NULL ends the list); *out is its index, -1 when absent. */
MUST enum rc input_word(
    struct ctx *cx, const struct input *in, const char *name, const char *const *words, int *out);
/* false when absent. */
MUST enum rc input_bool(struct ctx *cx, const struct input *in, const char *name, bool *out);

/* "apps[0].app_key must be …": E_INPUT about a member. */
enum rc input_bad(struct ctx *cx, const struct input *in, const char *name, const char *fmt, ...)
    PRINTF(4, 5);

#endif
