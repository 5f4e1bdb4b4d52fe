#include "sandbox/files/cursor.h"

#include "sandbox/core/state.h"
#include "sandbox/tree/quota.h"

#define PLACE ((struct seal_place){ .purpose = S("sandbox.cursor"), .row = S("2") })

struct str
list_cursor_write(
    struct sandbox *s, struct ctx *cx, const struct caller *who, const struct file_query *q)
{
	json_t *o = json_object();
	struct str sealed;

	json_put(o, "k", json_str(who->app_key));
	json_put(o, "u", json_str(who->account.id));
	json_put(o, "p", json_str(q->path_lower));
	json_put(o, "r", json_boolean(q->recursive));
	json_put(o, "d", json_boolean(q->deleted));
	json_put(o, "c", json_boolean(q->changes));
	json_put(o, "a", json_str(q->after));
	json_put(o, "s", json_integer(q->since));
	json_put(o, "n", json_integer(q->limit));
	sealed = crypto_seal(s->keys, cx->arena, PLACE, secret_of(json_write(cx->arena, o)));
	return crypto_base64url(cx->arena, sealed);
}

static enum rc
reset(struct ctx *cx)
{
	return fail_at(cx, E_CONFLICT, "reset", NULL, "The cursor is not one of ours.");
}

/* crypto decodes the standard alphabet with padding only. */
static struct str
to_base64(struct ctx *cx, struct str text)
{
	char *p = arena_alloc(cx->arena, text.len + 4);
	size_t n = text.len;

	for (size_t i = 0; i < n; i++)
		p[i] = (char)(text.p[i] == '-' ? '+' : text.p[i] == '_' ? '/' : text.p[i]);
	while (n % 4 != 0)
		p[n++] = '=';
	return (struct str){ p, n };
}

static enum rc
take(struct ctx *cx, const json_t *o, const struct caller *who, struct file_query *q)
{
	struct str app_key;

	TRY(json_take_str(cx, o, "k", 128, &app_key));
	TRY(json_take_str(cx, o, "u", 128, &q->account_id));
	TRY(json_take_str(cx, o, "p", CURSOR_MAX, &q->path_lower));
	TRY(json_take_str(cx, o, "a", CURSOR_MAX, &q->after));
	q->recursive = json_is_true(json_object_get(o, "r"));
	q->deleted = json_is_true(json_object_get(o, "d"));
	q->changes = json_is_true(json_object_get(o, "c"));
	q->since = json_integer_value(json_object_get(o, "s"));
	q->limit = json_integer_value(json_object_get(o, "n"));
	if (who == NULL)
		return OK;
	/* The root too: what an app may see can have changed since. */
	return str_eq(app_key, who->app_key) && str_eq(q->account_id, who->account.id) &&
		path_within(q->path_lower, path_key(cx->arena, who->root))
	    ? OK
	    : reset(cx);
}

enum rc
list_cursor_read(struct sandbox *s, struct ctx *cx, const struct caller *who, struct str text,
    struct file_query *q)
{
	struct secret plain;
	struct str sealed;
	struct tree t;
	int64_t first;
	json_t *o;

	*q = (struct file_query){ 0 };
	if (crypto_base64_decode(cx, to_base64(cx, text), &sealed) != OK ||
	    crypto_open(s->keys, cx, PLACE, sealed, &plain) != OK ||
	    json_read(cx, secret_expose(plain), 2, &o) != OK || take(cx, o, who, q) != OK)
		return reset(cx);
	TRY(tree_of(s, cx, q->account_id, &t));
	/* A listing that is not through looks at changes after its start only. */
	first = q->changes ? q->since : q->since + 1;
	/* An older state was restored, or there were too many deletions since. */
	return first > t.forgot_seq && q->since <= t.seq + 1 ? OK : reset(cx);
}
