#include "sandbox/control/settings.h"

#include "sandbox/control/handlers.h"
#include "sandbox/control/input.h"
#include "sandbox/core/state.h"

#define NUMBER_MAX (1LL << 53)

/* Where they count: console/apps.h, console/notifier.h, tree/quota.h. */
const char *const setting_members[] = { "new_app_scopes", "webhook_targets", "quota_basic",
	"quota_business", "files_max", "sessions_max", NULL };

/* In the same order: the words that a setting may have, the default first; without words it is a
 * number, or null for the default. */
static const char *const words[][3] = {
	{ "procedure", "minimal" },
	{ "any", "public" },
	{ NULL },
	{ NULL },
	{ NULL },
	{ NULL },
};

static enum rc
put_number(struct sandbox *s, struct ctx *cx, const struct input *in, const char *name)
{
	int64_t n;

	if (json_is_null(json_object_get(in->object, name)))
		return store_setting_put(s, cx, str_of(name), S(""));
	TRY(input_int(cx, in, name, (struct input_range){ 0, NUMBER_MAX, -1 }, &n));
	if (n < 0)
		return OK;
	return store_setting_put(s, cx, str_of(name), str_printf(cx->arena, "%lld", (long long)n));
}

enum rc
settings_put(struct sandbox *s, struct ctx *cx, const struct input *in)
{
	int word;

	for (size_t i = 0; setting_members[i] != NULL; i++) {
		const char *name = setting_members[i];

		if (words[i][0] == NULL) {
			TRY(put_number(s, cx, in, name));
			continue;
		}
		TRY(input_word(cx, in, name, words[i], &word));
		if (word >= 0)
			TRY(store_setting_put(s, cx, str_of(name), str_of(words[i][word])));
	}
	return OK;
}

static json_t *
value_json(struct str text, const char *const *of_words)
{
	int64_t n;

	if (of_words[0] != NULL)
		return text.len > 0 ? json_str(text) : json_string(of_words[0]);
	return str_int(text, 0, NUMBER_MAX, &n) ? json_integer(n) : json_null();
}

static enum rc
tell(struct sandbox *s, struct ctx *cx, struct http_res *res)
{
	struct str texts[sizeof(words) / sizeof(words[0])];
	json_t *o;

	for (size_t i = 0; setting_members[i] != NULL; i++)
		TRY(store_setting_get(s, cx, str_of(setting_members[i]), &texts[i]));
	o = json_object();
	for (size_t i = 0; setting_members[i] != NULL; i++)
		json_put(o, setting_members[i], value_json(texts[i], words[i]));
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
	struct input in;

	TRY(input_body(cx, req, setting_members, &in));
	TRY(settings_put(app, cx, &in));
	return tell(app, cx, res);
}
