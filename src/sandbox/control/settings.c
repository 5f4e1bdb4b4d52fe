/* What can be set for the whole sandbox; each is a setting of its own in the store. */
#include "sandbox/control/handlers.h"
#include "sandbox/control/input.h"
#include "sandbox/core/state.h"

#define NEW_APP_SCOPES "new_app_scopes"

/* What a new app may do from the start: the first word is the default. */
static const char *const scopes_words[] = { "procedure", "minimal", NULL };

static enum rc
tell(struct sandbox *s, struct ctx *cx, struct http_res *res)
{
	json_t *o = json_object();
	struct str word;

	TRY(store_setting_get(s, cx, S(NEW_APP_SCOPES), &word));
	json_put(o, NEW_APP_SCOPES, word.len > 0 ? json_str(word) : json_string(scopes_words[0]));
	http_res_json(res, 200, json_write(cx->arena, o));
	return OK;
}

enum rc
control_settings(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	(void)req;
	return tell(app, cx, res);
}

enum rc
control_settings_put(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	static const char *const members[] = { NEW_APP_SCOPES, NULL };
	struct input in;
	int word;

	TRY(input_body(cx, req, members, &in));
	TRY(input_word(cx, &in, NEW_APP_SCOPES, scopes_words, &word));
	if (word >= 0)
		TRY(store_setting_put(app, cx, S(NEW_APP_SCOPES), str_of(scopes_words[word])));
	return tell(app, cx, res);
}
