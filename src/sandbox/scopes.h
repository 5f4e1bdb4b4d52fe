/* sandbox/scopes.h - the permissions an app can have, as bits of a set. Pure. */
#ifndef SANDBOX_SCOPES_H
#define SANDBOX_SCOPES_H

#include "base/json.h"
#include "base/str.h"

enum scope {
	SCOPE_ACCOUNT_READ,
	SCOPE_ACCOUNT_WRITE,
	SCOPE_META_READ,
	SCOPE_META_WRITE,
	SCOPE_CONTENT_READ,
	SCOPE_CONTENT_WRITE,
	SCOPE_SHARING_READ,
	SCOPE_SHARING_WRITE,
	SCOPE_REQUESTS_READ,
	SCOPE_REQUESTS_WRITE,
	SCOPE_CONTACTS_READ,
	SCOPE_CONTACTS_WRITE,
	SCOPE_COUNT,
	SCOPE_NONE = SCOPE_COUNT, /* for rows that need no permission */
};

#define SCOPE_BIT(scope) (1u << (scope))
/* Granted to each new app: the procedure has no permissions step. */
#define SCOPES_OF_A_NEW_APP                                                  \
	(SCOPE_BIT(SCOPE_ACCOUNT_READ) | SCOPE_BIT(SCOPE_META_READ) |        \
	    SCOPE_BIT(SCOPE_META_WRITE) | SCOPE_BIT(SCOPE_CONTENT_READ) |    \
	    SCOPE_BIT(SCOPE_CONTENT_WRITE) | SCOPE_BIT(SCOPE_SHARING_READ) | \
	    SCOPE_BIT(SCOPE_SHARING_WRITE))

const char *scope_name(enum scope s);
bool scope_find(struct str name, enum scope *out);
/* Space-separated names. False when one is unknown or stands twice. */
bool scopes_parse(struct str text, uint32_t *out);
struct str scopes_text(struct arena *a, uint32_t set);
/* The first permission of the set that lacks one it rests on (a write needs its read, content needs
 * metadata); false when the set is closed. */
bool scopes_gap(uint32_t set, enum scope *lacking, enum scope *needed);
json_t *scopes_json(uint32_t set);             /* [{scope,title,kind}] of the set */
json_t *scopes_json_choices(uint32_t granted); /* all, with granted and fixed */

#endif
