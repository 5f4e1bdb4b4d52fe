/* oauth/flat.h - the JSON of nearly every token reply, read without a tree.
 *
 * Takes an object whose members are plain ASCII texts and whole numbers, and refuses everything else, valid or
 * not: that is for base/json.h, which gives the same for what is taken here (tests/unit/test_oauth.c). Nothing
 * is copied. */
#ifndef OAUTH_FLAT_H
#define OAUTH_FLAT_H

#include "base/str.h"

#define FLAT_MAX 16

struct flat_member {
	struct str name, text; /* text.p NULL: it is a number */
	int64_t number;
};

struct flat {
	struct flat_member members[FLAT_MAX];
	size_t count;
};

bool flat_read(struct str json, struct flat *out);
const struct flat_member *flat_get(const struct flat *f, const char *name); /* or NULL */

#endif
