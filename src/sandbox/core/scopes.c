#include "sandbox/core/scopes.h"

#include "base/buf.h"

struct scope_row {
	const char *name;
	const char *title;
	bool write;
	enum scope needs; /* itself: nothing */
};

static const struct scope_row rows[SCOPE_COUNT] = {
	[SCOPE_ACCOUNT_READ] = { "account_info.read", "See your name, e-mail address and country",
	    false, SCOPE_ACCOUNT_READ },
	[SCOPE_ACCOUNT_WRITE] = { "account_info.write",
	    "Change your account's details, such as its photo", true, SCOPE_ACCOUNT_READ },
	[SCOPE_META_READ] = { "files.metadata.read",
	    "See the names, sizes and dates of your files and folders", false, SCOPE_META_READ },
	[SCOPE_META_WRITE] = { "files.metadata.write",
	    "Change details of your files and folders, such as tags", true, SCOPE_META_READ },
	[SCOPE_CONTENT_READ] = { "files.content.read", "Open and download your files", false,
	    SCOPE_META_READ },
	[SCOPE_CONTENT_WRITE] = { "files.content.write",
	    "Add, change and delete your files and folders", true, SCOPE_META_READ },
	[SCOPE_SHARING_READ] = { "sharing.read", "See whom you share with, and your shared links",
	    false, SCOPE_SHARING_READ },
	[SCOPE_SHARING_WRITE] = { "sharing.write",
	    "Share files and folders, and change who has access", true, SCOPE_SHARING_READ },
	[SCOPE_REQUESTS_READ] = { "file_requests.read", "See your file requests", false,
	    SCOPE_REQUESTS_READ },
	[SCOPE_REQUESTS_WRITE] = { "file_requests.write", "Make and change file requests", true,
	    SCOPE_REQUESTS_READ },
	[SCOPE_CONTACTS_READ] = { "contacts.read", "See your contacts", false,
	    SCOPE_CONTACTS_READ },
	[SCOPE_CONTACTS_WRITE] = { "contacts.write", "Delete contacts you added", true,
	    SCOPE_CONTACTS_READ },
	[SCOPE_OPENID] = { "openid", "Sign you in with your account here", false, SCOPE_OPENID },
	[SCOPE_PROFILE] = { "profile", "See your name when you sign in", false, SCOPE_OPENID },
	[SCOPE_EMAIL] = { "email", "See your e-mail address when you sign in", false,
	    SCOPE_OPENID },
	[SCOPE_TEAM_INFO_READ] = { "team_info.read", "See your team's name and settings", false,
	    SCOPE_TEAM_INFO_READ },
	[SCOPE_TEAM_INFO_WRITE] = { "team_info.write", "Change your team's settings", true,
	    SCOPE_TEAM_INFO_READ },
	[SCOPE_TEAM_MEMBER] = { "team_data.member", "Act for the members of your team", true,
	    SCOPE_TEAM_MEMBER },
	[SCOPE_TEAM_SPACE] = { "team_data.team_space", "Use your team's shared space", true,
	    SCOPE_TEAM_SPACE },
	[SCOPE_TEAM_CONTENT_READ] = { "team_data.content.read", "Open your team's content", false,
	    SCOPE_TEAM_CONTENT_READ },
	[SCOPE_TEAM_CONTENT_WRITE] = { "team_data.content.write", "Change your team's content",
	    true, SCOPE_TEAM_CONTENT_READ },
	[SCOPE_GOVERNANCE_READ] = { "team_data.governance.read",
	    "See your team's data for governance", false, SCOPE_GOVERNANCE_READ },
	[SCOPE_GOVERNANCE_WRITE] = { "team_data.governance.write",
	    "Change your team's data for governance", true, SCOPE_GOVERNANCE_READ },
	[SCOPE_TEAM_META_READ] = { "files.team_metadata.read",
	    "See the names and sizes of your team's files", false, SCOPE_TEAM_META_READ },
	[SCOPE_TEAM_META_WRITE] = { "files.team_metadata.write",
	    "Change details of your team's files", true, SCOPE_TEAM_META_READ },
	[SCOPE_PERMANENT_DELETE] = { "files.permanent_delete", "Delete your team's files for good",
	    true, SCOPE_PERMANENT_DELETE },
	[SCOPE_MEMBERS_READ] = { "members.read", "See who is in your team", false,
	    SCOPE_MEMBERS_READ },
	[SCOPE_MEMBERS_WRITE] = { "members.write", "Add members to your team and change them", true,
	    SCOPE_MEMBERS_READ },
	[SCOPE_MEMBERS_DELETE] = { "members.delete", "Remove members from your team", true,
	    SCOPE_MEMBERS_READ },
	[SCOPE_GROUPS_READ] = { "groups.read", "See your team's groups", false, SCOPE_GROUPS_READ },
	[SCOPE_GROUPS_WRITE] = { "groups.write", "Change your team's groups", true,
	    SCOPE_GROUPS_READ },
	[SCOPE_SESSIONS_LIST] = { "sessions.list", "See your team's sessions and devices", false,
	    SCOPE_SESSIONS_LIST },
	[SCOPE_SESSIONS_MODIFY] = { "sessions.modify", "End your team's sessions", true,
	    SCOPE_SESSIONS_LIST },
	[SCOPE_EVENTS_READ] = { "events.read", "See your team's activity", false,
	    SCOPE_EVENTS_READ },
};

const char *
scope_name(enum scope s)
{
	return rows[s].name;
}

bool
scope_find(struct str name, enum scope *out)
{
	for (int i = 0; i < SCOPE_COUNT; i++) {
		if (str_eq(name, str_of(rows[i].name))) {
			*out = (enum scope)i;
			return true;
		}
	}
	return false;
}

bool
scopes_parse(struct str text, scope_set *out)
{
	struct str name;
	enum scope s;

	*out = 0;
	while (str_split(&text, ' ', &name)) {
		if (name.len == 0)
			continue;
		if (!scope_find(name, &s) || (*out & SCOPE_BIT(s)) != 0)
			return false;
		*out |= SCOPE_BIT(s);
	}
	return true;
}

struct str
scopes_text(struct arena *a, scope_set set)
{
	struct buf b = buf_in(a, 4096);

	for (int i = 0; i < SCOPE_COUNT; i++) {
		if ((set & SCOPE_BIT(i)) == 0)
			continue;
		if (b.len > 0)
			buf_addc(&b, ' ');
		buf_add(&b, str_of(rows[i].name));
	}
	return b.len > 0 ? buf_str(&b) : S("");
}

bool
scopes_gap(scope_set set, enum scope *lacking, enum scope *needed)
{
	for (int i = 0; i < SCOPE_COUNT; i++) {
		if ((set & SCOPE_BIT(i)) == 0 || (set & SCOPE_BIT(rows[i].needs)) != 0)
			continue;
		*lacking = (enum scope)i;
		*needed = rows[i].needs;
		return true;
	}
	return false;
}

static json_t *
row_json(int i)
{
	json_t *o = json_object();

	json_put(o, "scope", json_string(rows[i].name));
	json_put(o, "title", json_string(rows[i].title));
	json_put(o, "kind", json_string(rows[i].write ? "write" : "read"));
	return o;
}

json_t *
scopes_json(scope_set set)
{
	json_t *list = json_array();

	for (int i = 0; i < SCOPE_COUNT; i++)
		if ((set & SCOPE_BIT(i)) != 0)
			json_array_append_new(list, row_json(i));
	return list;
}

json_t *
scopes_json_choices(scope_set granted)
{
	json_t *list = json_array();

	for (int i = 0; i < SCOPE_COUNT; i++) {
		json_t *o = row_json(i);

		json_put(o, "granted", json_boolean((granted & SCOPE_BIT(i)) != 0));
		json_put(o, "fixed", json_boolean(i == SCOPE_ACCOUNT_READ));
		json_put(o, "team", json_boolean((SCOPE_BIT(i) & SCOPES_OF_A_TEAM) != 0));
		json_put(o, "needs",
		    rows[i].needs == (enum scope)i ? json_null()
						   : json_string(rows[rows[i].needs].name));
		json_array_append_new(list, o);
	}
	return list;
}
