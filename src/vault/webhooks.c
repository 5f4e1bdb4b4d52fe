#include "vault/webhooks.h"

#include "base/buf.h"
#include "vault/events.h"
#include "vault/outbox.h"
#include "vault/url.h"
#include "vault/vault_int.h"

#define NAME_MAX_LEN 100
#define URL_MAX 1000
#define TYPES_MAX 2000
#define SECRET_BYTES 32
#define LISTED 50

static enum rc
check_name(struct ctx *cx, struct str name)
{
	if (name.len > 0 && str_utf8(name) && str_chars(name) <= NAME_MAX_LEN)
		return OK;
	return vault_bad_field(cx, "name", "The webhook needs a name of 1 to 100 characters.",
	    "Say who is told, for example \"on-call chat\".");
}

static enum rc
check_url(struct vault *v, struct ctx *cx, struct str url)
{
	struct str scheme, host;

	if (url.len == 0 || url.len > URL_MAX || !url_split(url, &scheme, &host))
		return vault_bad_field(cx, "url",
		    "This is no address that a webhook can be sent to.",
		    "Write it as https://HOST/PATH, at most 1000 characters.");
	if (v->deny_private && url_is_loopback(host))
		return vault_bad_field(cx, "url",
		    "Addresses that are not public are not allowed here.",
		    "Name a public address, or start without --deny-private-webhooks.");
	if (str_eq(scheme, S("http")) && !url_is_loopback(host))
		return vault_bad_field(cx, "url", "What is told must not travel in the clear.",
		    "Use https://; http:// is for this machine itself (127.0.0.1).");
	return OK;
}

static enum rc
check_types(struct ctx *cx, struct str types)
{
	struct str one;

	if (types.len > TYPES_MAX)
		return vault_bad_field(
		    cx, "types", "Too many types of events.", "Name none for all.");
	while (types.len > 0 && str_split(&types, ' ', &one))
		if (!vault_event_type_known(one)) {
			fail_at(cx, E_INPUT, "bad-field", "types",
			    "There is no type of event \"%.*s\".", STR_ARG(str_sub(one, 0, 60)));
			return fail_todo(
			    cx, "For example token.failing, or token for all that begin so.");
		}
	return OK;
}

static struct secret
new_secret(struct ctx *cx)
{
	char *bytes = arena_alloc(cx->arena, SECRET_BYTES);
	struct str text;

	crypto_random(bytes, SECRET_BYTES);
	text = crypto_base64(cx->arena, (struct str){ bytes, SECRET_BYTES });
	return secret_of(str_printf(cx->arena, "whsec_%.*s", STR_ARG(text)));
}

enum rc
vault_webhook_create(struct vault *v, struct ctx *cx, struct webhook *w, struct secret *secret_out)
{
	struct secret secret = new_secret(cx);

	TRY(check_name(cx, w->name));
	TRY(check_url(v, cx, w->url));
	TRY(check_types(cx, w->types));
	w->id = vault_new_id(cx->arena);
	w->enabled = true;
	w->created_ms = clock_now_ms(v->clock);
	TRY(store_webhook_create(v->store, cx, w, secret));
	*secret_out = secret;
	return OK;
}

enum rc
vault_webhook_list(struct vault *v, struct ctx *cx, struct webhook **out, size_t *count)
{
	return store_webhook_list(v->store, cx, out, count);
}

enum rc
vault_webhook_get(struct vault *v, struct ctx *cx, struct str id, struct webhook *out)
{
	return store_webhook_get(v->store, cx, id, out);
}

enum rc
vault_webhook_edit(struct vault *v, struct ctx *cx, struct str id, struct webhook_edit *edit)
{
	if (edit->set_name)
		TRY(check_name(cx, edit->name));
	if (edit->set_url)
		TRY(check_url(v, cx, edit->url));
	if (edit->set_types)
		TRY(check_types(cx, edit->types));
	TRY(store_webhook_edit(v->store, cx, id, edit));
	outbox_wake(v->outbox);
	return OK;
}

enum rc
vault_webhook_renew_secret(
    struct vault *v, struct ctx *cx, struct str id, struct secret *secret_out)
{
	struct webhook_edit edit = { .set_secret = true, .secret = new_secret(cx) };

	TRY(store_webhook_edit(v->store, cx, id, &edit));
	*secret_out = edit.secret;
	return OK;
}

enum rc
vault_webhook_delete(struct vault *v, struct ctx *cx, struct str id)
{
	return store_webhook_delete(v->store, cx, id);
}

enum rc
vault_webhook_test(struct vault *v, struct ctx *cx, struct str webhook_id, struct str *id)
{
	struct webhook w;

	TRY(store_webhook_get(v->store, cx, webhook_id, &w));
	if (!w.enabled) {
		fail_at(cx, E_CONFLICT, "webhook-off", NULL, "This webhook is switched off.");
		return fail_todo(cx, "Switch it on first.");
	}
	TRY(store_delivery_test(v->store, cx, webhook_id, clock_now_ms(v->clock), id));
	outbox_wake(v->outbox);
	return OK;
}

enum rc
vault_delivery_list(
    struct vault *v, struct ctx *cx, struct str webhook_id, struct delivery **out, size_t *count)
{
	return store_delivery_list(v->store, cx, webhook_id, LISTED, out, count);
}

enum rc
vault_delivery_again(struct vault *v, struct ctx *cx, struct str webhook_id, struct str id)
{
	TRY(store_delivery_again(v->store, cx, webhook_id, id, clock_now_ms(v->clock)));
	outbox_wake(v->outbox);
	return OK;
}
