#include "sandbox/sharing/settings.h"

#include "sandbox/api/args.h"
#include "sandbox/api/values.h"
#include "sandbox/core/state.h"
#include "sandbox/core/times.h"

#define PASSWORD_MAX_LEN 512

static enum rc
invalid(struct ctx *cx, const char *why)
{
	return fail_at(cx, E_CONFLICT, "settings_error/invalid_settings", NULL, "%s", why);
}

static enum rc
not_authorized(struct ctx *cx)
{
	return fail_at(cx, E_CONFLICT, "settings_error/not_authorized", NULL,
	    "A basic account has public links only, without an end.");
}

bool
settings_allowed(const struct account *acct)
{
	return acct->business;
}

/* What of the settings is there; the rest of it is NULL. */
struct asked {
	const char *audience, *visibility, *access;
	struct str password, expires;
	const json_t *require_password, *allow_download;
};

static enum rc
take_flag(struct ctx *cx, const json_t *settings, const char *name, const json_t **out)
{
	const json_t *v = json_object_get(settings, name);

	*out = v == NULL || json_is_null(v) ? NULL : v;
	if (*out == NULL || json_is_boolean(*out))
		return OK;
	return fail(cx, E_INPUT, "request body: settings.%s: expected boolean", name);
}

static enum rc
take_tag(struct ctx *cx, const json_t *settings, const char *name, const char *const *known,
    const char **out)
{
	const json_t *v = json_object_get(settings, name);

	*out = NULL;
	if (v == NULL || json_is_null(v))
		return OK;
	for (; *known != NULL; known++)
		if (value_tag_of(v) != NULL && strcmp(value_tag_of(v), *known) == 0)
			*out = *known;
	if (*out != NULL)
		return OK;
	return fail(cx, E_INPUT, "request body: settings.%s: not one of its tags", name);
}

static enum rc
read_asked(struct ctx *cx, const json_t *settings, struct asked *out)
{
	static const char *const audiences[] = { "public", "team", "no_one", "password", "members",
		NULL };
	static const char *const visibilities[] = { "public", "team_only", "password", NULL };
	static const char *const accesses[] = { "viewer", "editor", "max", "default", NULL };

	if (!json_is_object(settings))
		return fail(cx, E_INPUT, "request body: settings: expected object");
	TRY(take_tag(cx, settings, "audience", audiences, &out->audience));
	TRY(take_tag(cx, settings, "requested_visibility", visibilities, &out->visibility));
	TRY(take_tag(cx, settings, "access", accesses, &out->access));
	TRY(api_arg_str(cx, settings, "link_password", PASSWORD_MAX_LEN, &out->password));
	TRY(api_arg_str(cx, settings, "expires", 32, &out->expires));
	TRY(take_flag(cx, settings, "require_password", &out->require_password));
	return take_flag(cx, settings, "allow_download", &out->allow_download);
}

static bool
is(const char *tag, const char *name)
{
	return tag != NULL && strcmp(tag, name) == 0;
}

static enum rc
apply_audience(
    struct ctx *cx, const struct caller *who, const struct asked *a, struct shared_link *l)
{
	if (is(a->audience, "team") || is(a->visibility, "team_only")) {
		l->audience = AUDIENCE_TEAM;
		return who->account.team_id.len > 0 ? OK : not_authorized(cx);
	}
	if (is(a->audience, "no_one") || is(a->audience, "members"))
		l->audience = AUDIENCE_NO_ONE;
	else if (a->audience != NULL || a->visibility != NULL)
		l->audience = AUDIENCE_PUBLIC;
	return OK;
}

/* require_password: false, or a visibility that is asked for and is another one, takes it away. */
static enum rc
apply_password(struct sandbox *s, struct ctx *cx, const struct asked *a, struct shared_link *l)
{
	bool wanted = json_is_true(a->require_password) || is(a->visibility, "password") ||
	    is(a->audience, "password");
	bool dropped = json_is_false(a->require_password) ||
	    (a->visibility != NULL && !is(a->visibility, "password"));

	if (wanted && dropped)
		return invalid(cx, "A password is asked for and not asked for.");
	if (wanted && a->password.len == 0)
		return invalid(cx, "The password is missing.");
	if (!wanted && a->password.len > 0)
		return invalid(cx, "There is a password that was not asked for.");
	if (wanted)
		l->password_digest = shared_link_password_digest(s, cx, l, secret_of(a->password));
	else if (dropped)
		l->password_digest = (struct str){ 0 };
	return OK;
}

static enum rc
apply_expiry(struct sandbox *s, struct ctx *cx, const struct asked *a, struct shared_link *l)
{
	if (a->expires.len == 0)
		return OK;
	if (!time_parse(a->expires, &l->expires_ms))
		return fail(cx, E_INPUT,
		    "request body: settings.expires: expected time like 2026-01-02T03:04:05Z");
	return l->expires_ms > clock_now_ms(s->clock) ? OK : invalid(cx, "The end is in the past.");
}

enum rc
settings_apply(struct sandbox *s, struct ctx *cx, const struct caller *who, const json_t *settings,
    struct shared_link *l)
{
	struct asked a = { 0 };

	if (settings == NULL || json_is_null(settings))
		return OK;
	TRY(read_asked(cx, settings, &a));
	if (a.audience == NULL && a.visibility == NULL && a.access == NULL && a.password.len == 0 &&
	    a.expires.len == 0 && a.require_password == NULL && a.allow_download == NULL)
		return invalid(cx, "All settings are empty.");
	if (is(a.access, "editor"))
		return invalid(cx, "Links of this sandbox are for viewing.");
	TRY(apply_audience(cx, who, &a, l));
	TRY(apply_password(s, cx, &a, l));
	TRY(apply_expiry(s, cx, &a, l));
	if (a.allow_download != NULL)
		l->allow_download = json_is_true(a.allow_download);
	if (settings_allowed(&who->account) ||
	    (l->audience == AUDIENCE_PUBLIC && l->password_digest.len == 0 && l->expires_ms == 0 &&
		l->allow_download))
		return OK;
	return not_authorized(cx);
}
