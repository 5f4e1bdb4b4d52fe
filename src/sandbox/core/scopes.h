/* sandbox/core/scopes.h - the permissions an app can have, as bits of a set. Pure. */
#ifndef SANDBOX_CORE_SCOPES_H
#define SANDBOX_CORE_SCOPES_H

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
	SCOPE_OPENID,
	SCOPE_PROFILE,
	SCOPE_EMAIL,
	SCOPE_TEAM_INFO_READ, /* from here on: of a team */
	SCOPE_TEAM_INFO_WRITE,
	SCOPE_TEAM_MEMBER,
	SCOPE_TEAM_SPACE,
	SCOPE_TEAM_CONTENT_READ,
	SCOPE_TEAM_CONTENT_WRITE,
	SCOPE_GOVERNANCE_READ,
	SCOPE_GOVERNANCE_WRITE,
	SCOPE_TEAM_META_READ,
	SCOPE_TEAM_META_WRITE,
	SCOPE_PERMANENT_DELETE,
	SCOPE_MEMBERS_READ,
	SCOPE_MEMBERS_WRITE,
	SCOPE_MEMBERS_DELETE,
	SCOPE_GROUPS_READ,
	SCOPE_GROUPS_WRITE,
	SCOPE_SESSIONS_LIST,
	SCOPE_SESSIONS_MODIFY,
	SCOPE_EVENTS_READ,
	SCOPE_COUNT,
	SCOPE_NONE = SCOPE_COUNT, /* for rows that need no permission */
};

typedef uint64_t scope_set;

#define SCOPE_BIT(scope) ((scope_set)1 << (scope))
/* Those that are a team's; an authorization with one of them is a team's. */
#define SCOPES_OF_A_TEAM (SCOPE_BIT(SCOPE_COUNT) - SCOPE_BIT(SCOPE_TEAM_INFO_READ))
/* Of OpenID Connect: only when asked for by name. */
#define SCOPES_OF_OPENID \
	(SCOPE_BIT(SCOPE_OPENID) | SCOPE_BIT(SCOPE_PROFILE) | SCOPE_BIT(SCOPE_EMAIL))
/* Granted to each new app: the procedure has no permissions step. */
#define SCOPES_OF_A_NEW_APP                                                  \
	(SCOPE_BIT(SCOPE_ACCOUNT_READ) | SCOPE_BIT(SCOPE_META_READ) |        \
	    SCOPE_BIT(SCOPE_META_WRITE) | SCOPE_BIT(SCOPE_CONTENT_READ) |    \
	    SCOPE_BIT(SCOPE_CONTENT_WRITE) | SCOPE_BIT(SCOPE_SHARING_READ) | \
	    SCOPE_BIT(SCOPE_SHARING_WRITE))

const char *scope_name(enum scope s);
bool scope_find(struct str name, enum scope *out);
/* Space-separated names. False when one is unknown or stands twice. */
bool scopes_parse(struct str text, scope_set *out);
struct str scopes_text(struct arena *a, scope_set set);
/* The first permission of the set that lacks one it rests on (a write needs its read, content needs
 * metadata); false when the set is closed. */
bool scopes_gap(scope_set set, enum scope *lacking, enum scope *needed);
json_t *scopes_json(scope_set set);             /* [{scope,title,kind}] of the set */
json_t *scopes_json_choices(scope_set granted); /* all, with granted, fixed, team and needs */

#endif
