/* What the Settings tab changes one by one: status, development users, public clients, life of tokens.
 * Absent members stay as they are. */
#include "base/json.h"
#include "sandbox/console/handlers.h"
#include "sandbox/console/view.h"

static enum rc
take_choice(
    struct ctx *cx, const json_t *body, const char *name, const char *const words[2], bool *second)
{
	struct str value;

	TRY(json_take_str_opt(cx, body, name, 20, &value));
	if (value.len == 0)
		return OK;
	*second = str_eq(value, str_of(words[1]));
	if (*second || str_eq(value, str_of(words[0])))
		return OK;
	return fail_at(
	    cx, E_INPUT, "bad-choice", name, "%s is %s or %s.", name, words[0], words[1]);
}

static enum rc
read_settings(struct ctx *cx, const struct http_req *req, struct app *app)
{
	static const char *const statuses[2] = { "development", "production" };
	static const char *const lives[2] = { "short", "none" };
	json_t *body;

	TRY(json_read(cx, req->body, 4, &body));
	TRY(take_choice(cx, body, "status", statuses, &app->production));
	TRY(take_choice(cx, body, "token_life", lives, &app->no_expiration));
	TRY(json_take_bool_opt(cx, body, "more_users", &app->more_users));
	return json_take_bool_opt(cx, body, "public_clients", &app->public_clients);
}

enum rc
web_app_settings(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	struct app own;

	TRY(view_own_app(app, cx, req, &own));
	TRY(read_settings(cx, req, &own));
	TRY(app_save(app, cx, &own));
	return view_emit_app(app, cx, req, res, 200);
}
