#include "vault/events.h"

#include "base/buf.h"
#include "base/json.h"
#include "vault/outbox.h"
#include "vault/vault_int.h"

#define SENTENCE_MAX 2048
#define DEPTH_MAX 6

static const struct event_type types[] = {
	{ "token.created", "{about} was saved." },
	{ "token.renamed", "{was} was renamed to {about}." },
	{ "token.changed", "{about} was changed: {changed}." },
	{ "token.deleted",
	    "{about} was removed[, after {revoked_by} had ended its access]; it can be restored." },
	{ "token.restored", "{about} was restored[; it was called {was} before]." },
	{ "token.purged", "{about} was deleted for good." },
	{ "token.failing", "{about} could not be refreshed: {why}" },
	{ "token.recovered", "{about} works again." },
	{ "token.needs_reauthorization", "{about} needs to be connected again: {why}" },
	{ "token.misconfigured", "{about} is misconfigured: {why}" },
	{ "token.reauthorized",
	    "{about} was connected again[: {account} instead of {account_was}]." },
	{ "token.revealed", "The access token of {about} was shown." },
	{ "connection.connected", "An app was connected at {about}[ for {account}]." },
	{ "connection.failed", "Connecting at {about} failed: {why}" },
	{ "connection.revealed", "A new access token of {about} was shown." },
	{ "key.created", "The API key {about} was made." },
	{ "key.changed", "The API key {about}[, called {was} before,] was changed: {changed}." },
	{ "key.revoked", "The API key {about} was revoked." },
	{ "webhook.created", "The webhook {about} was made." },
	{ "webhook.changed", "The webhook {about} was changed: {changed}." },
	{ "webhook.deleted", "The webhook {about} was removed." },
	{ "user.created", "{about} was added." },
	{ "user.password_changed", "The password of {about} was changed." },
	{ "user.signed_in", "{about} signed in." },
	{ "user.signed_out", "{about} signed out." },
	{ "user.confirmed", "{about} gave the password again." },
	{ "user.confirm_refused", "A password to confirm that it is {about} was refused." },
	{ "user.sessions_ended", "Other sessions of {about} were ended ({sessions})." },
	{ "user.sign_in_refused", "A sign-in[ as {about}] was refused." },
};

#define TYPE_COUNT (sizeof(types) / sizeof(types[0]))

const struct event_type *
vault_event_types(size_t *count)
{
	*count = TYPE_COUNT;
	return types;
}

bool
vault_event_type_known(struct str type)
{
	for (size_t i = 0; i < TYPE_COUNT; i++) {
		struct str known = str_of(types[i].type);

		if (str_eq(type, known) || str_eq(type, str_sub(known, 0, str_find(known, '.'))))
			return true;
	}
	return false;
}

struct str
vault_event_id(struct arena *a, const struct event *e)
{
	return str_printf(a, "%lld-%lld", (long long)e->head, (long long)e->seq);
}

/* --- the sentence --- */

static struct str
list_words(struct ctx *cx, const json_t *list)
{
	struct buf b = buf_in(cx->arena, SENTENCE_MAX);

	for (size_t i = 0; i < json_array_size(list); i++) {
		struct str word = str_of(json_string_value(json_array_get(list, i)));

		buf_addf(&b, "%s%.*s", i > 0 ? ", " : "", STR_ARG(word));
	}
	return buf_str(&b);
}

static struct str
value_of(struct ctx *cx, const struct event *e, const json_t *details, struct str name)
{
	const json_t *v = json_object_get(details, str_cstr(cx->arena, name));

	if (str_eq(name, S("about")))
		return e->about_name;
	if (json_is_integer(v))
		return str_printf(cx->arena, "%lld", (long long)json_integer_value(v));
	if (json_is_array(v))
		return list_words(cx, v);
	return (struct str){ json_string_value(v), json_string_length(v) };
}

/* One piece of a sentence, up to its end; *empty when a value in it is. */
static struct str
fill(struct ctx *cx, const struct event *e, const json_t *details, struct str text, bool *empty)
{
	struct buf b = buf_in(cx->arena, SENTENCE_MAX);

	*empty = false;
	while (text.len > 0) {
		size_t open = str_find(text, '{'), close = str_find(text, '}');
		struct str value;

		buf_add(&b, str_sub(text, 0, open));
		if (open == text.len)
			break;
		value = value_of(cx, e, details, str_sub(text, open + 1, close));
		*empty = *empty || value.len == 0;
		buf_add(&b, value);
		text = str_sub(text, close + 1, text.len);
	}
	return buf_str(&b);
}

static struct str
pattern_of(const struct event *e)
{
	for (size_t i = 0; i < TYPE_COUNT; i++)
		if (str_eq(e->type, str_of(types[i].type)))
			return str_of(types[i].says);
	return e->type; /* of a newer program, on the same database */
}

static struct str
sentence(struct ctx *cx, const struct event *e, const json_t *details)
{
	struct str text = pattern_of(e), part;
	struct buf b = buf_in(cx->arena, SENTENCE_MAX);
	bool optional = false, empty;

	while (text.len > 0) {
		size_t end = str_find(text, optional ? ']' : '[');

		part = fill(cx, e, details, str_sub(text, 0, end), &empty);
		if (!optional || !empty)
			buf_add(&b, part);
		text = str_sub(text, end + 1, text.len);
		optional = !optional;
	}
	return buf_str(&b);
}

static json_t *
details_of(struct ctx *cx, const struct event *e)
{
	json_t *o;

	if (json_read(cx, e->details, DEPTH_MAX, &o) == OK && json_is_object(o))
		return json_incref(o);
	ctx_clear(cx);
	return json_object();
}

/* Connections are kept under the id of their provider; people read its name. */
static struct event
as_read(const struct vault *v, const struct event *e)
{
	struct event out = *e;
	size_t n;
	const struct provider *p = vault_providers(v, &n);

	if (str_eq(e->about_kind, S("connection")))
		for (size_t i = 0; i < n; i++)
			if (str_eq(p[i].id, e->about_name))
				out.about_name = p[i].name;
	return out;
}

static json_t *
named(struct str kind, struct str id, struct str name)
{
	json_t *o = json_object();

	json_put(o, "kind", json_str(kind));
	json_put(o, "id", json_opt_str(id));
	json_put(o, "name", json_opt_str(name));
	return o;
}

json_t *
vault_event_json(const struct vault *v, struct ctx *cx, const struct event *e, bool with_from)
{
	json_t *details = details_of(cx, e), *o = json_object();
	struct event read = as_read(v, e);

	json_put(o, "id", json_str(vault_event_id(cx->arena, e)));
	json_put(o, "at", json_str(clock_rfc3339(cx->arena, e->at_ms)));
	json_put(o, "type", json_str(e->type));
	json_put(o, "sentence", json_str(sentence(cx, &read, details)));
	json_put(o, "actor", named(e->actor_kind, e->actor_id, e->actor_name));
	if (with_from)
		json_put(o, "from", json_opt_str(e->from));
	json_put(o, "about", named(e->about_kind, e->about_id, e->about_name));
	json_put(o, "result", json_string(e->refused ? "refused" : "allowed"));
	json_put(o, "details", details);
	return o;
}

/* --- reading --- */

void
vault_event_listen(struct vault *v, void (*fn)(void *arg), void *arg)
{
	v->on_event = fn;
	v->on_event_arg = arg;
}

static void
heard(void *arg)
{
	struct vault *v = arg;

	outbox_wake(v->outbox);
	if (v->on_event != NULL)
		v->on_event(v->on_event_arg);
}

void
vault_event_begin(struct vault *v)
{
	store_event_listen(v->store, heard, v);
}

enum rc
vault_event_list(struct vault *v, struct ctx *cx, const struct event_filter *f,
    const struct event *before, size_t max, struct event **out, size_t *count)
{
	return store_event_list(v->store, cx, f, before, max, out, count);
}

enum rc
vault_event_end(struct vault *v, struct ctx *cx, struct event_cursor *out)
{
	return store_event_end(v->store, cx, out);
}

enum rc
vault_event_after(struct vault *v, struct ctx *cx, const struct event_filter *f,
    struct event_cursor *cursor, size_t max, struct event **out, size_t *count, bool *missed)
{
	return store_event_after(v->store, cx, f, cursor, max, out, count, missed);
}
