/* SharedLinkMetadata and LinkPermissions of sharing.stone. */
#include "sandbox/api/values.h"
#include "sandbox/sharing/open.h"
#include "sandbox/sharing/settings.h"

const char *
link_visibility(const struct shared_link *l)
{
	bool password = l->password_digest.len > 0;

	switch (l->audience) {
	case AUDIENCE_PUBLIC:
		return password ? "password" : "public";
	case AUDIENCE_TEAM:
		return password ? "team_and_password" : "team_only";
	default:
		return "no_one";
	}
}

/* What was asked for; nothing of the kind was when only the link's own people may open it. */
static const char *
requested(const struct shared_link *l)
{
	switch (l->audience) {
	case AUDIENCE_PUBLIC:
		return l->password_digest.len > 0 ? "password" : "public";
	case AUDIENCE_TEAM:
		return "team_only";
	default:
		return NULL;
	}
}

static json_t *
policies(const struct account *acct)
{
	static const char *const names[] = { "public", "team_only", "password" };
	json_t *list = json_array();

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		bool allowed = i == 0 || settings_allowed(acct);
		json_t *o = json_object();

		json_put(o, "policy", value_tag(names[i]));
		json_put(o, "resolved_policy", value_tag(names[i]));
		json_put(o, "allowed", json_boolean(allowed));
		if (!allowed)
			json_put(o, "disallowed_reason",
			    value_tag(i == 1 ? "user_not_on_team" : "user_account_type"));
		json_array_append_new(list, o);
	}
	return list;
}

static json_t *
permissions(const struct opened *o)
{
	const struct shared_link *l = &o->link;
	bool may = o->mine && settings_allowed(&o->owner);
	json_t *p = json_object();

	json_put(p, "resolved_visibility", value_tag(link_visibility(l)));
	if (o->mine && requested(l) != NULL)
		json_put(p, "requested_visibility", value_tag(requested(l)));
	json_put(p, "can_revoke", json_boolean(o->mine));
	if (!o->mine)
		json_put(p, "revoke_failure_reason", value_tag("owner_only"));
	json_put(p, "effective_audience",
	    value_tag(l->audience == AUDIENCE_PUBLIC ? "public"
		    : l->audience == AUDIENCE_TEAM   ? "team"
						     : "no_one"));
	json_put(p, "link_access_level", value_tag("viewer"));
	json_put(p, "visibility_policies", o->mine ? policies(&o->owner) : json_array());
	json_put(p, "can_set_expiry", json_boolean(may));
	json_put(p, "can_remove_expiry", json_boolean(may));
	json_put(p, "allow_download", json_boolean(l->allow_download));
	json_put(p, "can_allow_download", json_boolean(may));
	json_put(p, "can_disallow_download", json_boolean(may));
	json_put(p, "allow_comments", json_false());
	json_put(p, "team_restricts_comments", json_false());
	json_put(p, "can_set_password", json_boolean(may));
	json_put(p, "can_remove_password", json_boolean(may));
	json_put(p, "require_password", json_boolean(l->password_digest.len > 0));
	json_put(p, "can_use_extended_sharing_controls", json_boolean(may));
	return p;
}

static json_t *
member_info(const struct caller *who, const struct account *owner)
{
	json_t *o = json_object(), *team = json_object();

	json_put(team, "id", json_str(owner->team_id));
	json_put(team, "name", json_str(owner->team_name));
	json_put(o, "team_info", team);
	json_put(o, "display_name", json_str(owner->display_name));
	if (str_eq(who->account.team_id, owner->team_id))
		json_put(o, "member_id", json_str(owner->member_id));
	return o;
}

struct str
link_path(const struct caller *who, const struct file *f)
{
	return path_without(f->path_lower, path_depth(who->root));
}

json_t *
link_json(struct ctx *cx, const struct caller *who, const struct opened *o, struct str base)
{
	const struct file *f = &o->file;
	struct str name = path_name(f->path_display);
	json_t *j = value_tag(f->folder ? "folder" : "file");

	json_put(j, "url", json_str(shared_link_url(cx, &o->link, base, name)));
	json_put(j, "id", json_str(f->id));
	json_put(j, "name", json_str(name));
	if (o->link.expires_ms != 0)
		json_put(j, "expires", json_str(clock_rfc3339(cx->arena, o->link.expires_ms)));
	if (o->mine)
		json_put(j, "path_lower", json_str(link_path(who, f)));
	json_put(j, "link_permissions", permissions(o));
	if (o->owner.team_id.len > 0)
		json_put(j, "team_member_info", member_info(who, &o->owner));
	if (f->folder)
		return j;
	json_put(j, "client_modified", json_str(clock_rfc3339(cx->arena, f->client_ms)));
	json_put(j, "server_modified", json_str(clock_rfc3339(cx->arena, f->server_ms)));
	json_put(j, "rev", json_str(f->rev));
	json_put(j, "size", json_integer(f->size));
	return j;
}
