/* The namespace team, as far as the sandbox has it: the team, its members, suspending one; shapes of
 * team.stone. Each function exists in two generations that differ in how roles are shown. */
#include "sandbox/api/args.h"
#include "sandbox/api/handlers.h"
#include "sandbox/api/people.h"
#include "sandbox/api/values.h"
#include "sandbox/core/state.h"
#include "sandbox/people/accounts.h"

#define PAGE_MAX 1000
#define INFO_MAX 1000
#define LICENSES_MIN 5
#define CURSOR_MAX 4096
#define SELECTOR_MAX 255
#define ADMIN_ROLE_ID "pid_dbtmr:sandbox-admin"

enum generation { FIRST, SECOND };

static const struct account *
admin_of(const struct http_req *req)
{
	return &((const struct caller *)req->session)->account;
}

enum rc
api_team_info(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	const struct account *admin = admin_of(req);
	json_t *o, *policies;
	int64_t members;

	TRY(api_rpc_arg(cx, req, NULL, &o));
	TRY(accounts_count(app, cx, S(""), &members));
	policies = json_object();
	json_put(policies, "sharing", people_sharing_policies());
	json_put(policies, "emm_state", value_tag("disabled"));
	json_put(policies, "office_addin", value_tag("disabled"));
	json_put(policies, "suggest_members_policy", value_tag("enabled"));
	json_put(policies, "top_level_content_policy", value_tag("admin_only"));
	o = json_object();
	json_put(o, "name", json_str(admin->team_name));
	json_put(o, "team_id", json_str(admin->team_id));
	json_put(
	    o, "num_licensed_users", json_integer(members > LICENSES_MIN ? members : LICENSES_MIN));
	json_put(o, "num_provisioned_users", json_integer(members));
	json_put(o, "num_used_licenses", json_integer(members));
	json_put(o, "policies", policies);
	api_json(cx, res, 200, o);
	return OK;
}

static json_t *
profile(struct ctx *cx, const struct account *m)
{
	json_t *o = json_object();

	json_put(o, "team_member_id", json_str(m->member_id));
	json_put(o, "account_id", json_str(m->id));
	json_put(o, "email", json_str(m->email));
	json_put(o, "email_verified", json_true());
	json_put(o, "secondary_emails", json_array());
	json_put(o, "status", value_tag(m->suspended ? "suspended" : "active"));
	json_put(o, "name", people_name(cx, m));
	json_put(o, "membership_type", value_tag("full"));
	json_put(o, "joined_on", json_str(clock_rfc3339(cx->arena, m->created_ms)));
	json_put(o, "groups", json_array());
	json_put(o, "member_folder_id", json_str(m->namespace_id));
	json_put(o, "root_folder_id", json_str(m->namespace_id));
	return o;
}

static json_t *
roles(bool admin)
{
	json_t *list = json_array(), *role;

	if (!admin)
		return list;
	role = json_object();
	json_put(role, "role_id", json_string(ADMIN_ROLE_ID));
	json_put(role, "name", json_string("Team"));
	json_put(role, "description", json_string("Manage everything and access all permissions"));
	json_array_append_new(list, role);
	return list;
}

static json_t *
member(struct ctx *cx, const struct account *m, enum generation g)
{
	bool admin = str_eq(m->role, S("admin"));
	json_t *o = json_object();

	json_put(o, "profile", profile(cx, m));
	if (g == FIRST)
		json_put(o, "role", value_tag(admin ? "team_admin" : "member_only"));
	else
		json_put(o, "roles", roles(admin));
	return o;
}

static enum rc
emit_members(struct sandbox *s, struct ctx *cx, const struct http_req *req, struct http_res *res,
    struct member_query *q, enum generation g)
{
	struct account *page = ARENA_ARRAY(cx->arena, struct account, q->limit);
	json_t *o, *list, *cursor;
	size_t count;
	bool more;

	TRY(accounts_of_team(s, cx, q, page, &count, &more));
	list = json_array();
	for (size_t i = 0; i < count; i++)
		json_array_append_new(list, member(cx, &page[i], g));
	cursor = json_object();
	json_put(cursor, "a", json_str(count > 0 ? page[count - 1].member_id : q->after));
	json_put(cursor, "n", json_integer((json_int_t)q->limit));
	o = json_object();
	json_put(o, "members", list);
	json_put(o, "cursor", json_str(cursor_seal(s, cx, "members", req->session, cursor)));
	json_put(o, "has_more", json_boolean(more));
	api_json(cx, res, 200, o);
	return OK;
}

static enum rc
list_members(struct sandbox *s, struct ctx *cx, const struct http_req *req, struct http_res *res,
    enum generation g)
{
	static const char *const names[] = { "limit", "include_removed", NULL };
	struct member_query q = { 0 };
	int64_t limit = PAGE_MAX;
	bool removed = false;
	json_t *arg;

	TRY(api_rpc_arg(cx, req, names, &arg));
	TRY(value_int(cx, arg, "limit", 1, PAGE_MAX, &limit));
	TRY(api_arg_bool(cx, arg, "include_removed", &removed)); /* none is ever removed */
	q.limit = (size_t)limit;
	return emit_members(s, cx, req, res, &q, g);
}

enum rc
api_members_list(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	return list_members(app, cx, req, res, FIRST);
}

enum rc
api_members_list_v2(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	return list_members(app, cx, req, res, SECOND);
}

static enum rc
go_on(struct sandbox *s, struct ctx *cx, const struct http_req *req, struct http_res *res,
    enum generation g)
{
	static const char *const names[] = { "cursor", NULL };
	struct member_query q = { 0 };
	struct str text;
	json_t *arg, *cursor;
	enum rc rc;

	TRY(api_rpc_arg(cx, req, names, &arg));
	TRY(api_arg_str(cx, arg, "cursor", CURSOR_MAX, &text));
	rc = cursor_open(s, cx, "members", req->session, text, &cursor);
	if (rc == E_NOTFOUND)
		return fail_at(cx, E_CONFLICT, "invalid_cursor", NULL, "Not one of our cursors.");
	TRY(rc);
	TRY(json_take_str_opt(cx, cursor, "a", SELECTOR_MAX, &q.after));
	q.limit = (size_t)json_integer_value(json_object_get(cursor, "n"));
	return emit_members(s, cx, req, res, &q, g);
}

enum rc
api_members_continue(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	return go_on(app, cx, req, res, FIRST);
}

enum rc
api_members_continue_v2(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	return go_on(app, cx, req, res, SECOND);
}

/* UserSelectorArg. *text is what it named; E_NOTFOUND when no member is that. */
static enum rc
select_one(struct sandbox *s, struct ctx *cx, const json_t *selector, struct str *text,
    struct account *out)
{
	const char *tag = value_tag_of(selector);
	bool by_id = tag != NULL && strcmp(tag, "team_member_id") == 0;
	bool by_email = tag != NULL && strcmp(tag, "email") == 0;

	if (!by_id && !by_email && (tag == NULL || strcmp(tag, "external_id") != 0))
		return fail(cx, E_INPUT,
		    "request body: a user is named by team_member_id, external_id or email");
	TRY(api_arg_str(cx, selector, tag, SELECTOR_MAX, text));
	if (text->len == 0)
		return fail(cx, E_INPUT, "request body: missing required field '%s'", tag);
	if (by_id)
		return account_by_member(s, cx, *text, out);
	if (!by_email)
		return fail(cx, E_NOTFOUND, "Nobody has an external id here.");
	TRY(account_by_email(s, cx, *text, out));
	return out->member_id.len > 0 ? OK : fail(cx, E_NOTFOUND, "Not a member.");
}

static enum rc
get_infos(
    struct sandbox *s, struct ctx *cx, const struct http_req *req, json_t *list, enum generation g)
{
	static const char *const names[] = { "members", NULL };
	json_t *arg, *asked;

	TRY(api_rpc_arg(cx, req, names, &arg));
	TRY(value_list(cx, arg, "members", INFO_MAX, &asked));
	for (size_t i = 0; i < json_array_size(asked); i++) {
		struct account found;
		struct str text;
		enum rc rc = select_one(s, cx, json_array_get(asked, i), &text, &found);
		json_t *item;

		if (rc != OK && rc != E_NOTFOUND)
			return rc;
		if (rc == OK) {
			item = member(cx, &found, g);
			json_put(item, ".tag", json_string("member_info"));
		} else {
			item = value_union("id_not_found", json_str(text));
		}
		json_array_append_new(list, item);
	}
	ctx_clear(cx);
	return OK;
}

enum rc
api_members_info(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	json_t *list = json_array();
	enum rc rc = get_infos(app, cx, req, list, FIRST);

	if (rc == OK)
		api_json(cx, res, 200, list);
	else
		json_decref(list);
	return rc;
}

enum rc
api_members_info_v2(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	json_t *o = json_object(), *list = json_array();
	enum rc rc;

	json_put(o, "members_info", list);
	rc = get_infos(app, cx, req, list, SECOND);
	if (rc == OK)
		api_json(cx, res, 200, o);
	else
		json_decref(o);
	return rc;
}

enum rc
api_authenticated_admin(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	const struct account *admin = admin_of(req);
	json_t *o;

	(void)app;
	TRY(api_rpc_arg(cx, req, NULL, &o));
	if (admin->suspended || !str_eq(admin->role, S("admin")))
		return fail_at(
		    cx, E_CONFLICT, "admin_not_active", NULL, "The administrator is not active.");
	o = json_object();
	json_put(o, "admin_profile", profile(cx, admin));
	api_json(cx, res, 200, o);
	return OK;
}

static enum rc
find_user(struct sandbox *s, struct ctx *cx, const json_t *arg, struct account *out)
{
	struct str text;
	enum rc rc = select_one(s, cx, json_object_get(arg, "user"), &text, out);

	return rc != E_NOTFOUND
	    ? rc
	    : fail_at(cx, E_CONFLICT, "user_not_found", NULL, "There is no such user.");
}

enum rc
api_members_suspend(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	static const char *const names[] = { "user", "wipe_data", NULL };
	struct account m;
	int64_t admins;
	json_t *arg;

	TRY(api_rpc_arg(cx, req, names, &arg));
	TRY(find_user(app, cx, arg, &m));
	if (m.suspended)
		return fail_at(
		    cx, E_CONFLICT, "suspend_inactive_user", NULL, "The user is not active.");
	TRY(accounts_count(app, cx, S("admin"), &admins));
	if (str_eq(m.role, S("admin")) && admins == 1)
		return fail_at(
		    cx, E_CONFLICT, "suspend_last_admin", NULL, "The last administrator stays.");
	TRY(account_suspend(app, cx, m.id, true));
	api_json(cx, res, 200, json_null());
	return OK;
}

enum rc
api_members_unsuspend(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	static const char *const names[] = { "user", NULL };
	struct account m;
	json_t *arg;

	TRY(api_rpc_arg(cx, req, names, &arg));
	TRY(find_user(app, cx, arg, &m));
	if (!m.suspended)
		return fail_at(cx, E_CONFLICT, "unsuspend_non_suspended_member", NULL,
		    "The user is not suspended.");
	TRY(account_suspend(app, cx, m.id, false));
	api_json(cx, res, 200, json_null());
	return OK;
}

enum rc
api_team_features(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	static const struct feature known[] = { { "upload_api_rate_limit", "unlimited", true },
		{ "has_team_shared_dropbox", "has_team_shared_dropbox", false },
		{ "has_team_file_events", "enabled", false },
		{ "has_team_selective_sync", "has_team_selective_sync", false },
		{ "has_distinct_member_homes", "has_distinct_member_homes", false }, { 0 } };

	(void)app;
	return people_features(cx, req, res, known);
}
