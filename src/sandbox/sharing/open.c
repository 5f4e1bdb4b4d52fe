#include "sandbox/sharing/open.h"

#include "base/throttle.h"
#include "crypto/crypto.h"
#include "sandbox/api/args.h"
#include "sandbox/core/state.h"

#define TRIES_A_MINUTE 10

static enum rc
not_found(struct ctx *cx)
{
	return fail_at(
	    cx, E_CONFLICT, "shared_link_not_found", NULL, "There is no such shared link.");
}

static enum rc
denied(struct ctx *cx)
{
	return fail_at(cx, E_CONFLICT, "shared_link_access_denied", NULL,
	    "The shared link is not for this caller.");
}

static bool
within_app(struct ctx *cx, const struct caller *who, const struct file *f)
{
	struct str root = path_key(cx->arena, who->root);

	return path_within(f->path_lower, root) && f->path_lower.len > root.len;
}

enum rc
link_target(struct sandbox *s, struct ctx *cx, const struct caller *who,
    const struct shared_link *l, struct file *out)
{
	TRY(file_by_id(s, cx, l->account_id, l->file_id, out));
	if (within_app(cx, who, out))
		return OK;
	return fail(cx, E_NOTFOUND, "The file is outside of the app's folder.");
}

static enum rc
find_link(
    struct sandbox *s, struct ctx *cx, const struct caller *who, struct str url, struct opened *out)
{
	enum rc rc = shared_link_by_url(s, cx, url, &out->link);

	if (rc == OK)
		rc = file_by_id(s, cx, out->link.account_id, out->link.file_id, &out->file);
	if (rc == E_INPUT || rc == E_NOTFOUND)
		return not_found(cx);
	TRY(rc);
	TRY(account_get(s, cx, out->link.account_id, &out->owner));
	out->mine = str_eq(out->owner.id, who->account.id) && within_app(cx, who, &out->file);
	return OK;
}

static enum rc
check_password(
    struct sandbox *s, struct ctx *cx, const struct shared_link *l, struct secret password)
{
	struct str name = str_printf(cx->arena, "link %.*s", STR_ARG(l->id)), given;

	if (l->password_digest.len == 0)
		return OK;
	if (secret_empty(password))
		return denied(cx);
	TRY(throttle_check(s->link_passwords, cx, name, TRIES_A_MINUTE));
	given = shared_link_password_digest(s, cx, l, password);
	if (crypto_equal(secret_of(given), secret_of(l->password_digest))) {
		throttle_forget(s->link_passwords, name);
		return OK;
	}
	throttle_failed(s->link_passwords, name);
	return denied(cx);
}

static enum rc
check_access(struct sandbox *s, struct ctx *cx, const struct caller *who, const struct opened *o,
    struct secret password)
{
	const struct shared_link *l = &o->link;

	if (o->mine)
		return OK;
	if (l->expires_ms != 0 && l->expires_ms <= clock_now_ms(s->clock))
		return not_found(cx);
	if (l->audience == AUDIENCE_NO_ONE || o->owner.suspended ||
	    (l->audience == AUDIENCE_TEAM &&
		(who->account.team_id.len == 0 || !str_eq(who->account.team_id, o->owner.team_id))))
		return denied(cx);
	return check_password(s, cx, l, password);
}

/* What lies below a linked folder, and nothing beside it: the path has no "." or ".." part, since such
 * names do not exist here. */
static enum rc
go_below(struct sandbox *s, struct ctx *cx, struct str path, struct opened *o)
{
	struct str below =
	    str_printf(cx->arena, "%.*s%.*s", STR_ARG(o->file.path_lower), STR_ARG(path));
	enum rc rc;

	if (path.len <= 1)
		return OK;
	if (!o->file.folder || path.p[0] != '/')
		return not_found(cx);
	rc = file_by_path(s, cx, o->link.account_id, below, &o->file);
	return rc == E_NOTFOUND ? not_found(cx) : rc;
}

enum rc
link_open(struct sandbox *s, struct ctx *cx, const struct caller *who, const struct opening *o,
    struct opened *out)
{
	*out = (struct opened){ 0 };
	TRY(find_link(s, cx, who, o->url, out));
	TRY(check_access(s, cx, who, out, o->password));
	return go_below(s, cx, o->path, out);
}

enum rc
link_mine(
    struct sandbox *s, struct ctx *cx, const struct caller *who, struct str url, struct opened *out)
{
	*out = (struct opened){ 0 };
	TRY(find_link(s, cx, who, url, out));
	return out->mine ? OK : denied(cx);
}
