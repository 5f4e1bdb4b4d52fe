#include "store/webhook.h"

#include "store/event_int.h"
#include "store/store_int.h"

#define COLUMNS "id, name, url, types, enabled, created_ms"

static void
read_webhook(struct ctx *cx, struct db_stmt *st, struct webhook *w)
{
	*w = (struct webhook){ .id = db_col_text(st, 0, cx->arena),
		.name = db_col_text(st, 1, cx->arena),
		.url = db_col_text(st, 2, cx->arena),
		.types = db_col_text(st, 3, cx->arena),
		.enabled = db_col_int(st, 4) != 0,
		.created_ms = db_col_int(st, 5) };
}

/* Bound to its row; each new secret is another one, so no version is needed. */
static struct seal_place
place(struct str id)
{
	return (struct seal_place){ .purpose = S("webhook.secret"), .row = id };
}

static enum rc
tell(struct store *s, struct ctx *cx, const char *type, const struct webhook *w, json_t *details)
{
	json_t *o = details != NULL ? details : json_object();

	json_put(o, "url", json_str(w->url));
	return store_event(s, cx,
	    &(struct event_note){ .type = type,
		.about_kind = "webhook",
		.about_id = w->id,
		.about_name = w->name,
		.details = json_write(cx->arena, o) });
}

enum rc
store_webhook_create(struct store *s, struct ctx *cx, const struct webhook *w, struct secret secret)
{
	STORE_HOLD hold = store_hold(s, cx);
	struct db_stmt *st;
	int64_t count;

	TRY(db_begin(cx, s->db));
	TRY(store_number(s, cx, "SELECT count(*) FROM webhook", &count));
	if (count >= WEBHOOKS_MAX)
		return fail_at(cx, E_CONFLICT, "too-many", NULL,
		    "There are %d webhooks already, which is the most.", WEBHOOKS_MAX);
	TRY(db_stmt(cx, s->db,
	    "INSERT INTO webhook (" COLUMNS ", secret) VALUES ($1, $2, $3, $4, $5, $6, $7)", &st));
	db_bind_text(st, 1, w->id);
	db_bind_text(st, 2, w->name);
	db_bind_text(st, 3, w->url);
	db_bind_text(st, 4, w->types);
	db_bind_int(st, 5, w->enabled);
	db_bind_int(st, 6, w->created_ms);
	store_bind_sealed(s, cx, st, 7, place(w->id), secret);
	TRY(db_run(cx, st, NULL));
	TRY(tell(s, cx, "webhook.created", w, NULL));
	return db_commit(cx, s->db);
}

static enum rc
list(struct store *s, struct ctx *cx, struct webhook **out, size_t *count)
{
	struct db_stmt *st;
	bool row;

	*count = 0;
	*out = ARENA_ARRAY(cx->arena, struct webhook, WEBHOOKS_MAX);
	TRY(db_stmt(cx, s->db, "SELECT " COLUMNS " FROM webhook ORDER BY created_ms, id", &st));
	while (*count < WEBHOOKS_MAX) {
		TRY(db_step(cx, st, &row));
		if (!row)
			break;
		read_webhook(cx, st, &(*out)[(*count)++]);
	}
	db_done(st);
	return OK;
}

enum rc
store_webhook_list(struct store *s, struct ctx *cx, struct webhook **out, size_t *count)
{
	STORE_HOLD hold = store_hold_read(&s, cx);

	return list(s, cx, out, count);
}

static enum rc
get(struct store *s, struct ctx *cx, struct str id, struct webhook *out)
{
	struct db_stmt *st;

	TRY(db_stmt(cx, s->db, "SELECT " COLUMNS " FROM webhook WHERE id = $1", &st));
	db_bind_text(st, 1, id);
	TRY(store_want_row(cx, st, "webhook"));
	read_webhook(cx, st, out);
	db_done(st);
	return OK;
}

enum rc
store_webhook_get(struct store *s, struct ctx *cx, struct str id, struct webhook *out)
{
	STORE_HOLD hold = store_hold_read(&s, cx);

	return get(s, cx, id, out);
}

enum rc
store_webhook_secret(struct store *s, struct ctx *cx, struct str id, struct secret *out)
{
	STORE_HOLD hold = store_hold_read(&s, cx);
	struct db_stmt *st;
	struct str sealed;

	TRY(db_stmt(cx, s->db, "SELECT secret FROM webhook WHERE id = $1", &st));
	db_bind_text(st, 1, id);
	TRY(store_want_row(cx, st, "webhook"));
	sealed = db_col_blob(st, 0, cx->arena);
	db_done(st);
	return store_open_sealed(s, cx, place(id), sealed, out);
}

/* What differs afterwards, by name; false when nothing does. */
static bool
changes(const struct webhook *was, const struct webhook_edit *e, json_t *changed)
{
	const struct {
		const char *name;
		bool differs;
	} parts[] = {
		{ "name", e->set_name && !str_eq(e->name, was->name) },
		{ "url", e->set_url && !str_eq(e->url, was->url) },
		{ "types", e->set_types && !str_eq(e->types, was->types) },
		{ "enabled", e->set_enabled && e->enabled != was->enabled },
		{ "secret", e->set_secret },
	};

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		if (parts[i].differs)
			json_array_append_new(changed, json_string(parts[i].name));
	return json_array_size(changed) > 0;
}

/* Whether it still is what the editor saw. */
static enum rc
check_seen(struct ctx *cx, const struct webhook *is, const struct webhook_edit *e)
{
	if (e->was.name.p != NULL && !str_eq(e->was.name, is->name))
		return store_meanwhile(cx, "name", "The name");
	if (e->was.url.p != NULL && !str_eq(e->was.url, is->url))
		return store_meanwhile(cx, "url", "The address");
	if (e->was.has_types && !str_eq(e->was.types, is->types))
		return store_meanwhile(cx, "types", "What the webhook is told");
	if (e->was.has_enabled && e->was.enabled != is->enabled)
		return store_meanwhile(cx, "enabled", "Whether the webhook is on");
	return OK;
}

static enum rc
write_edit(struct store *s, struct ctx *cx, const struct webhook *w, const struct webhook_edit *e)
{
	struct db_stmt *st;

	TRY(db_stmt(cx, s->db,
	    "UPDATE webhook SET name = $1, url = $2, types = $3, enabled = $4 WHERE id = $5", &st));
	db_bind_text(st, 1, w->name);
	db_bind_text(st, 2, w->url);
	db_bind_text(st, 3, w->types);
	db_bind_int(st, 4, w->enabled);
	db_bind_text(st, 5, w->id);
	TRY(store_write_one(cx, st, E_NOTFOUND, "There is no such webhook."));
	if (!e->set_secret)
		return OK;
	TRY(db_stmt(cx, s->db, "UPDATE webhook SET secret = $1 WHERE id = $2", &st));
	store_bind_sealed(s, cx, st, 1, place(w->id), e->secret);
	db_bind_text(st, 2, w->id);
	return store_write_one(cx, st, E_NOTFOUND, "There is no such webhook.");
}

/* All of it is written anew, so from here on nobody else changes it before the end. */
static enum rc
hold_row(struct store *s, struct ctx *cx, struct str id)
{
	struct db_stmt *st;

	TRY(db_stmt(cx, s->db, "UPDATE webhook SET name = name WHERE id = $1", &st));
	db_bind_text(st, 1, id);
	return store_write_one(cx, st, E_NOTFOUND, "There is no such webhook.");
}

enum rc
store_webhook_edit(struct store *s, struct ctx *cx, struct str id, const struct webhook_edit *edit)
{
	STORE_HOLD hold = store_hold(s, cx);
	json_t *changed = json_array();
	struct webhook w;
	bool any;

	arena_defer(cx->arena, (void (*)(void *))json_decref, changed);
	TRY(db_begin(cx, s->db));
	TRY(hold_row(s, cx, id));
	TRY(get(s, cx, id, &w));
	TRY(check_seen(cx, &w, edit));
	any = changes(&w, edit, changed);
	w.name = edit->set_name ? edit->name : w.name;
	w.url = edit->set_url ? edit->url : w.url;
	w.types = edit->set_types ? edit->types : w.types;
	w.enabled = edit->set_enabled ? edit->enabled : w.enabled;
	TRY(write_edit(s, cx, &w, edit));
	if (any)
		TRY(tell(s, cx, "webhook.changed", &w, json_pack("{s:O}", "changed", changed)));
	return db_commit(cx, s->db);
}

enum rc
store_webhook_delete(struct store *s, struct ctx *cx, struct str id)
{
	STORE_HOLD hold = store_hold(s, cx);
	struct db_stmt *st;
	struct webhook w;

	TRY(db_begin(cx, s->db));
	TRY(get(s, cx, id, &w));
	TRY(db_stmt(cx, s->db, "DELETE FROM webhook WHERE id = $1", &st));
	db_bind_text(st, 1, id);
	TRY(store_write_one(cx, st, E_NOTFOUND, "There is no such webhook."));
	TRY(tell(s, cx, "webhook.deleted", &w, NULL));
	return db_commit(cx, s->db);
}

/* --- the outbox --- */

/* "token.failing" is one of its types, or begins with one. */
static bool
wants(const struct webhook *w, struct str type)
{
	struct str family = str_sub(type, 0, str_find(type, '.')), rest = w->types, one;

	if (!w->enabled)
		return false;
	if (rest.len == 0)
		return true;
	while (str_split(&rest, ' ', &one))
		if (str_eq(one, type) || str_eq(one, family))
			return true;
	return false;
}

enum rc
event_outbox(struct store *s, struct ctx *cx, const struct event *e)
{
	struct webhook *hooks;
	size_t n;

	TRY(list(s, cx, &hooks, &n));
	for (size_t i = 0; i < n; i++)
		if (wants(&hooks[i], e->type))
			TRY(event_deliver(s, cx, hooks[i].id, e));
	return OK;
}
