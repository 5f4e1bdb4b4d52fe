/* The namespace users; shapes of users.stone. */
#include "sandbox/api/args.h"
#include "sandbox/api/handlers.h"
#include "sandbox/api/people.h"
#include "sandbox/api/values.h"
#include "sandbox/core/state.h"
#include "sandbox/tree/quota.h"

#define ACCOUNT_ID_LEN 40
#define BATCH_MAX 300
#define TEAM_PAGE 100
#define FEATURES_MAX 20

json_t *
people_name(struct ctx *cx, const struct account *acct)
{
	json_t *o = json_object();

	json_put(o, "given_name", json_str(acct->given_name));
	json_put(o, "surname", json_str(acct->surname));
	json_put(o, "familiar_name", json_str(acct->given_name));
	json_put(o, "display_name", json_str(acct->display_name));
	json_put(o, "abbreviated_name", json_str(account_initials(cx->arena, acct)));
	return o;
}

json_t *
people_account(struct ctx *cx, const struct account *acct)
{
	json_t *o = json_object();

	json_put(o, "account_id", json_str(acct->id));
	json_put(o, "name", people_name(cx, acct));
	json_put(o, "email", json_str(acct->email));
	json_put(o, "email_verified", json_true());
	json_put(o, "disabled", json_boolean(acct->suspended));
	return o;
}

/* What a team is allowed: the same for all, since nothing here depends on it. */
json_t *
people_sharing_policies(void)
{
	json_t *o = json_object();

	json_put(o, "shared_folder_member_policy", value_tag("anyone"));
	json_put(o, "shared_folder_join_policy", value_tag("from_anyone"));
	json_put(o, "shared_link_create_policy", value_tag("default_public"));
	json_put(o, "group_creation_policy", value_tag("admins_and_members"));
	json_put(o, "shared_folder_link_restriction_policy", value_tag("anyone"));
	json_put(o, "enforce_link_password_policy", value_tag("optional"));
	json_put(o, "default_link_expiration_days_policy", value_tag("none"));
	json_put(o, "shared_link_default_permissions_policy", value_tag("default"));
	return o;
}

static json_t *
full_team(const struct account *acct)
{
	json_t *o = json_object();

	json_put(o, "id", json_str(acct->team_id));
	json_put(o, "name", json_str(acct->team_name));
	json_put(o, "sharing_policies", people_sharing_policies());
	json_put(o, "office_addin_policy", value_tag("disabled"));
	json_put(o, "top_level_content_policy", value_tag("admin_only"));
	return o;
}

static json_t *
root_json(const struct account *acct)
{
	json_t *o = value_tag("user");

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
	o = people_account(cx, acct);
	json_put(o, "country", json_string("US"));
	json_put(o, "locale", json_string("en"));
	json_put(o, "referral_link", json_string("https://example.com/referral"));
	if (acct->role.len > 0) {
		json_put(o, "team", full_team(acct));
		json_put(o, "team_member_id", json_str(acct->member_id));
	}
	json_put(o, "is_paired", json_false());
	json_put(o, "account_type", value_tag(acct->business ? "business" : "basic"));
	json_put(o, "root_info", root_json(acct));
	api_json(cx, res, 200, o);
	return OK;
}

static json_t *
basic_account(struct ctx *cx, const struct caller *who, const struct account *other)
{
	bool teammate = str_eq(other->id, who->account.id) ||
	    (other->team_id.len > 0 && str_eq(other->team_id, who->account.team_id));
	json_t *o = people_account(cx, other);

	json_put(o, "is_teammate", json_boolean(teammate));
	if (teammate && other->member_id.len > 0)
		json_put(o, "team_member_id", json_str(other->member_id));
	return o;
}

static enum rc
find_account(struct sandbox *s, struct ctx *cx, struct str id, struct account *out)
{
	enum rc rc;

	if (id.len != ACCOUNT_ID_LEN)
		return fail(cx, E_INPUT,
		    "request body: account_id: expected string of %d characters", ACCOUNT_ID_LEN);
	rc = account_get(s, cx, id, out);
	return rc != E_NOTFOUND
	    ? rc
	    : fail_at(cx, E_CONFLICT, "no_account", NULL, "There is no such account.");
}

enum rc
api_account(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	static const char *const names[] = { "account_id", NULL };
	struct account other;
	struct str id;
	json_t *o;

	TRY(api_rpc_arg(cx, req, names, &o));
	TRY(api_arg_str(cx, o, "account_id", 128, &id));
	TRY(find_account(app, cx, id, &other));
	api_json(cx, res, 200, basic_account(cx, req->session, &other));
	return OK;
}

/* The first unknown one fails the whole, and is named. */
enum rc
api_account_batch(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	static const char *const names[] = { "account_ids", NULL };
	struct account *all;
	json_t *arg, *ids, *list;
	size_t count;

	TRY(api_rpc_arg(cx, req, names, &arg));
	TRY(value_list(cx, arg, "account_ids", BATCH_MAX, &ids));
	count = json_array_size(ids);
	if (count == 0)
		return fail(cx, E_INPUT, "request body: account_ids: expected at least one item");
	all = ARENA_ARRAY(cx->arena, struct account, count);
	for (size_t i = 0; i < count; i++) {
		const char *id = json_string_value(json_array_get(ids, i));
		enum rc rc = find_account(app, cx, str_of(id), &all[i]);

		if (rc != OK)
			return rc == E_CONFLICT ? api_detail(cx, json_string(id)) : rc;
	}
	list = json_array();
	for (size_t i = 0; i < count; i++)
		json_array_append_new(list, basic_account(cx, req->session, &all[i]));
	api_json(cx, res, 200, list);
	return OK;
}

static enum rc
team_used(struct sandbox *s, struct ctx *cx, int64_t *out)
{
	struct account *members = ARENA_ARRAY(cx->arena, struct account, TEAM_PAGE);
	struct member_query q = { .limit = TEAM_PAGE };
	bool more = true;

	*out = 0;
	while (more) {
		size_t count;

		TRY(accounts_of_team(s, cx, &q, members, &count, &more));
		for (size_t i = 0; i < count; i++) {
			int64_t used;

			TRY(files_used(s, cx, members[i].id, &used));
			*out += used;
		}
		if (count > 0)
			q.after = members[count - 1].member_id;
	}
	return OK;
}

enum rc
api_space_usage(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	const struct caller *who = req->session;
	bool team = who->account.team_id.len > 0;
	json_t *o, *allocation;
	int64_t used, quota, by_all = 0;

	TRY(api_rpc_arg(cx, req, NULL, &o));
	TRY(files_used(app, cx, who->account.id, &used));
	TRY(files_quota(app, cx, who->account.id, &quota));
	if (team)
		TRY(team_used(app, cx, &by_all));
	allocation = value_tag(team ? "team" : "individual");
	json_put(allocation, "allocated", json_integer(quota));
	if (team) {
		json_put(allocation, "used", json_integer(by_all));
		json_put(allocation, "user_within_team_space_allocated", json_integer(0));
		json_put(allocation, "user_within_team_space_limit_type", value_tag("off"));
		json_put(allocation, "user_within_team_space_used_cached", json_integer(used));
	}
	o = json_object();
	json_put(o, "used", json_integer(used));
	json_put(o, "allocation", allocation);
	api_json(cx, res, 200, o);
	return OK;
}

static json_t *
feature_value(const struct feature *f)
{
	return value_union(
	    f->name, f->nothing ? value_tag(f->inner) : value_union(f->inner, json_false()));
}

enum rc
people_features(
    struct ctx *cx, const struct http_req *req, struct http_res *res, const struct feature *known)
{
	static const char *const names[] = { "features", NULL };
	json_t *arg, *asked, *o, *values;

	TRY(api_rpc_arg(cx, req, names, &arg));
	TRY(value_list(cx, arg, "features", FEATURES_MAX, &asked));
	if (json_array_size(asked) == 0)
		return fail_at(
		    cx, E_CONFLICT, "empty_features_list", NULL, "Name at least one feature.");
	values = json_array();
	for (size_t i = 0; i < json_array_size(asked); i++) {
		const char *tag = value_tag_of(json_array_get(asked, i));
		const struct feature *f = known;

		while (tag != NULL && f->name != NULL && strcmp(tag, f->name) != 0)
			f++;
		json_array_append_new(
		    values, tag != NULL && f->name != NULL ? feature_value(f) : value_tag("other"));
	}
	o = json_object();
	json_put(o, "values", values);
	api_json(cx, res, 200, o);
	return OK;
}

/* No Paper, no file locks, no shared team space. */
enum rc
api_user_features(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	static const struct feature known[] = { { "paper_as_files", "enabled", false },
		{ "file_locking", "enabled", false }, { "team_shared_dropbox", "enabled", false },
		{ "distinct_member_home", "enabled", false }, { 0 } };

	(void)app;
	return people_features(cx, req, res, known);
}
