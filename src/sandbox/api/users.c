/* users/get_current_account, get_account, get_space_usage; shapes of users.stone. */
#include "sandbox/api/args.h"
#include "sandbox/api/handlers.h"
#include "sandbox/core/state.h"
#include "sandbox/core/store.h"

#define BASIC_SPACE (2LL << 30)
#define TEAM_SPACE (5LL << 40)
#define ACCOUNT_ID_LEN 40

static json_t *
tag(const char *name)
{
	json_t *o = json_object();

	json_put(o, ".tag", json_string(name));
	return o;
}

static json_t *
name_json(struct ctx *cx, const struct account *acct)
{
	json_t *o = json_object();

	json_put(o, "given_name", json_str(acct->given_name));
	json_put(o, "surname", json_str(acct->surname));
	json_put(o, "familiar_name", json_str(acct->given_name));
	json_put(o, "display_name", json_str(acct->display_name));
	json_put(o, "abbreviated_name",
	    json_str(str_printf(cx->arena, "%.1s%.1s", acct->given_name.p, acct->surname.p)));
	return o;
}

static json_t *
basic_json(struct ctx *cx, const struct account *acct)
{
	json_t *o = json_object();

	json_put(o, "account_id", json_str(acct->id));
	json_put(o, "name", name_json(cx, acct));
	json_put(o, "email", json_str(acct->email));
	json_put(o, "email_verified", json_true());
	json_put(o, "disabled", json_false());
	return o;
}

/* What a team is allowed: the same for all, since nothing here depends on it. */
static json_t *
team_json(const struct account *acct)
{
	json_t *o = json_object(), *sharing = json_object();

	json_put(sharing, "shared_folder_member_policy", tag("anyone"));
	json_put(sharing, "shared_folder_join_policy", tag("from_anyone"));
	json_put(sharing, "shared_link_create_policy", tag("default_public"));
	json_put(sharing, "group_creation_policy", tag("admins_and_members"));
	json_put(sharing, "shared_folder_link_restriction_policy", tag("anyone"));
	json_put(sharing, "enforce_link_password_policy", tag("optional"));
	json_put(sharing, "default_link_expiration_days_policy", tag("none"));
	json_put(sharing, "shared_link_default_permissions_policy", tag("default"));
	json_put(o, "id", json_str(acct->team_id));
	json_put(o, "name", json_str(acct->team_name));
	json_put(o, "sharing_policies", sharing);
	json_put(o, "office_addin_policy", tag("disabled"));
	json_put(o, "top_level_content_policy", tag("admin_only"));
	return o;
}

static json_t *
root_json(const struct account *acct)
{
	json_t *o = tag("user");

	json_put(o, "root_namespace_id", json_str(acct->namespace_id));
	json_put(o, "home_namespace_id", json_str(acct->namespace_id));
	return o;
}

enum rc
api_current_account(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	const struct caller *who = req->session;
	const struct account *acct = &who->account;
	json_t *o;

	(void)app;
	TRY(api_rpc_arg(cx, req, NULL, &o));
	o = basic_json(cx, acct);
	json_put(o, "country", json_string("US"));
	json_put(o, "locale", json_string("en"));
	json_put(o, "referral_link", json_string("https://example.com/referral"));
	if (acct->role.len > 0) {
		json_put(o, "team", team_json(acct));
		json_put(o, "team_member_id", json_str(acct->member_id));
	}
	json_put(o, "is_paired", json_false());
	json_put(o, "account_type", tag(acct->business ? "business" : "basic"));
	json_put(o, "root_info", root_json(acct));
	api_json(cx, res, 200, o);
	return OK;
}

enum rc
api_account(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	static const char *const names[] = { "account_id", NULL };
	const struct caller *who = req->session;
	struct account other;
	struct str id;
	bool teammate;
	json_t *o;
	enum rc rc;

	TRY(api_rpc_arg(cx, req, names, &o));
	TRY(api_arg_str(cx, o, "account_id", 128, &id));
	if (id.len != ACCOUNT_ID_LEN)
		return fail(cx, E_INPUT,
		    "request body: account_id: expected string of %d characters", ACCOUNT_ID_LEN);
	rc = account_get(app, cx, id, &other);
	if (rc == E_NOTFOUND)
		return fail_at(cx, E_CONFLICT, "no_account", NULL, "There is no such account.");
	TRY(rc);
	teammate =
	    str_eq(other.id, who->account.id) || (other.role.len > 0 && who->account.role.len > 0);
	o = basic_json(cx, &other);
	json_put(o, "is_teammate", json_boolean(teammate));
	if (teammate && other.member_id.len > 0)
		json_put(o, "team_member_id", json_str(other.member_id));
	api_json(cx, res, 200, o);
	return OK;
}

enum rc
api_space_usage(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	const struct caller *who = req->session;
	bool team = who->account.role.len > 0;
	json_t *o, *allocation;
	int64_t used;

	TRY(api_rpc_arg(cx, req, NULL, &o));
	TRY(files_used(app, cx, who->account.id, &used));
	allocation = tag(team ? "team" : "individual");
	json_put(allocation, "allocated", json_integer(team ? TEAM_SPACE : BASIC_SPACE));
	if (team) {
		json_put(allocation, "used", json_integer(used));
		json_put(allocation, "user_within_team_space_allocated", json_integer(0));
		json_put(allocation, "user_within_team_space_limit_type", tag("off"));
		json_put(allocation, "user_within_team_space_used_cached", json_integer(used));
	}
	o = json_object();
	json_put(o, "used", json_integer(used));
	json_put(o, "allocation", allocation);
	api_json(cx, res, 200, o);
	return OK;
}
