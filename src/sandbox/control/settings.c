/* What can be set for the whole sandbox; each is a setting of its own in the store. */
#include "sandbox/control/handlers.h"
#include "sandbox/control/input.h"
#include "sandbox/core/state.h"

struct setting {
	const char *name;
	const char *words[3]; /* the first one is the default */
};

static const struct setting settings[] = {
	/* What a new app may do from the start. */
	{ "new_app_scopes", { "procedure", "minimal" } },
	/* Which addresses webhooks may have. */
	{ "webhook_targets", { "any", "public" } },
};

#define SETTING_COUNT (sizeof(settings) / sizeof(settings[0]))

static enum rc
tell(struct sandbox *s, struct ctx *cx, struct http_res *res)
{
	json_t *o = json_object();
	struct str word;

	for (size_t i = 0; i < SETTING_COUNT; i++) {
		TRY(store_setting_get(s, cx, str_of(settings[i].name), &word));
		json_put(o, settings[i].name,
		    word.len > 0 ? json_str(word) : json_string(settings[i].words[0]));
	}
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
	const char *members[SETTING_COUNT + 1] = { NULL };
	struct input in;
	int word;

	for (size_t i = 0; i < SETTING_COUNT; i++)
		members[i] = settings[i].name;
	TRY(input_body(cx, req, members, &in));
	for (size_t i = 0; i < SETTING_COUNT; i++) {
		const struct setting *one = &settings[i];

		TRY(input_word(cx, &in, one->name, one->words, &word));
		if (word >= 0)
			TRY(store_setting_put(
			    app, cx, str_of(one->name), str_of(one->words[word])));
	}
	return tell(app, cx, res);
}
