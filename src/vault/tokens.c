#include "vault/tokens.h"

#include "store/refresh.h"
#include "vault/revoke.h"
#include "vault/upstream.h"
#include "vault/vault_int.h"
#include "vault/waits.h"

#define NAME_MAX_LEN 100
#define DESCRIPTION_MAX 2000
#define EDIT_TRIES 8

enum rc
token_name_check(struct ctx *cx, struct str name)
{
	bool ok = name.len > 0 && name.len <= NAME_MAX_LEN && name.p[0] != ' ' &&
	    name.p[name.len - 1] != ' ' && !str_contains(name, S("  "));

	for (size_t i = 0; i < name.len; i++) {
		char c = name.p[i];

		ok = ok &&
		    ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
			c == ' ');
	}
	if (ok)
		return OK;
	if (name.len == 0)
		fail_at(cx, E_INPUT, "bad-field", "name", "The token needs a name.");
	else
		fail_at(cx, E_INPUT, "bad-field", "name",
		    "A token name has letters, numbers and single spaces between them, at most "
		    "100.");
	return fail_todo(cx, "For example: Dropbox Archive 2");
}

enum rc
vault_token_page(struct vault *v, struct ctx *cx, const struct token_page *page, struct token **out,
    size_t *count)
{
	return store_token_page(v->store, cx, page, out, count);
}

enum rc
vault_token_get(struct vault *v, struct ctx *cx, struct str id, struct token *out)
{
	return store_token_get(v->store, cx, id, out);
}

enum rc
vault_token_by_name(struct vault *v, struct ctx *cx, struct str name, struct token *out)
{
	return store_token_by_name(v->store, cx, name, out);
}

/* When the answer of the commit is lost, it may have happened all the same, or happen late (S-132). */
static enum rc
changed(struct vault *v, struct str id, enum rc rc)
{
	if (rc == E_STORE || rc == E_BUSY)
		live_unsure(v, id);
	else
		live_forget(v, id);
	engine_wake(v->engine);
	return rc;
}

/* Lazy or not changes when it is due; a new App Secret makes it due at once. */
static enum rc
due_after_edit(struct vault *v, struct ctx *cx, struct str id, struct token_edit *edit)
{
	struct token *t = ARENA_NEW(cx->arena, struct token);
	struct token_secrets secrets;
	const struct provider *p;

	TRY(store_token_get(v->store, cx, id, t));
	edit->due_from = t;
	TRY(store_token_secrets(v->store, cx, id, &secrets));
	TRY(vault_provider(v, cx, t->provider, &p));
	/* What fails or is in doubt goes on as it would. */
	if (!edit->set_app_secret && t->attempt.stage == STAGE_SETTLED && t->attempts == 0 &&
	    t->status == TOKEN_ACTIVE)
		edit->due_ms = engine_due_ms(
		    &(struct due_state){ .contract = *provider_contract(p, secrets.app_secret),
			.now_ms = edit->now_ms,
			.expires_ms = t->expires_ms,
			.used_ms = t->refreshed_ms > 0 ? t->refreshed_ms : t->consented_ms,
			.refresh_expires_ms = t->refresh_expires_ms,
			.has_refresh = t->has_refresh,
			.lazy = edit->lazy });
	else if (!edit->set_app_secret)
		edit->due_ms = t->due_ms;
	return OK;
}

/* As often as a refresh comes in between. */
static enum rc
edit_when_due(struct vault *v, struct ctx *cx, struct str id, struct token_edit *edit)
{
	enum rc rc = E_AGAIN;

	for (int i = 0; i < EDIT_TRIES && rc == E_AGAIN; i++) {
		ctx_clear(cx);
		TRY(due_after_edit(v, cx, id, edit));
		rc = store_token_edit(v->store, cx, id, edit);
	}
	if (rc != E_AGAIN)
		return rc;
	fail_at(cx, E_BUSY, "busy", NULL, "The token is being refreshed just now.");
	return fail_todo(cx, "Save again in a moment.");
}

enum rc
vault_token_edit(struct vault *v, struct ctx *cx, struct str id, struct token_edit *edit)
{
	if (edit->set_name)
		TRY(token_name_check(cx, edit->name));
	if (edit->set_description && str_chars(edit->description) > DESCRIPTION_MAX)
		return fail_at(cx, E_INPUT, "bad-field", "description",
		    "The description is longer than 2000 characters.");
	edit->now_ms = clock_now_ms(v->clock);
	edit->due_ms = edit->now_ms;
	return changed(v, id,
	    edit->set_lazy ? edit_when_due(v, cx, id, edit)
			   : store_token_edit(v->store, cx, id, edit));
}

enum rc
vault_token_delete(struct vault *v, struct ctx *cx, struct str id, bool at_provider)
{
	struct str by;

	if (!at_provider)
		return changed(v, id, store_token_delete(v->store, cx, id, clock_now_ms(v->clock)));
	TRY(revoke_grant(v, cx, id, &by));
	return changed(
	    v, id, store_token_delete_revoked(v->store, cx, id, clock_now_ms(v->clock), by));
}

enum rc
vault_token_restore(
    struct vault *v, struct ctx *cx, struct str id, struct str name, struct token *out)
{
	if (name.len > 0)
		TRY(token_name_check(cx, name));
	return changed(v, id, store_token_restore(v->store, cx, id, name, out));
}

enum rc
vault_token_page_deleted(struct vault *v, struct ctx *cx, const struct deleted_page *page,
    struct token **out, size_t *count)
{
	return store_token_page_deleted(v->store, cx, page, out, count);
}

enum rc
vault_token_reveal(struct vault *v, struct ctx *cx, struct str id, struct secret *access)
{
	struct token_secrets secrets;
	struct token t;

	TRY(store_token_get(v->store, cx, id, &t));
	TRY(store_token_secrets(v->store, cx, id, &secrets));
	/* Told before it is shown: what cannot be told is not shown (S-198). */
	TRY(store_event_add(v->store, cx,
	    &(struct event_note){ .type = "token.revealed",
		.about_kind = "token",
		.about_id = t.id,
		.about_name = t.name }));
	*access = secrets.access;
	return OK;
}

enum rc
vault_token_refresh(struct vault *v, struct ctx *cx, struct str id)
{
	struct token t;

	TRY(store_token_get(v->store, cx, id, &t));
	if (!t.has_refresh) {
		fail_at(cx, E_REAUTH, "no-refresh-token", NULL,
		    "The provider gave no refresh token for this access token.");
		return fail_todo(cx, "Open the token in the console and click Reconnect.");
	}
	return engine_refresh(v->engine, cx, id, ENGINE_ANYWAY);
}

enum rc
vault_token_recover(struct vault *v, struct ctx *cx, struct str id)
{
	enum rc rc = store_refresh_reread(v->store, cx, id, clock_now_ms(v->clock));

	if (rc == E_NOTFOUND) {
		fail_at(cx, E_CONFLICT, "nothing-kept", NULL,
		    "No reply of the provider is kept for this access token.");
		return fail_todo(cx, "There is nothing to recover; Reconnect if it does not work.");
	}
	TRY(rc);
	return engine_refresh(v->engine, cx, id, ENGINE_ANYWAY);
}

/* A token that was not accepted is refreshed once: it may just have run out on their clock. */
static void
test_again_after_refresh(struct vault *v, struct ctx *cx, const struct provider *p, struct str id,
    struct token_test *out)
{
	struct token_secrets secrets;
	bool rejected;

	if (engine_refresh(v->engine, cx, id, ENGINE_ANYWAY) != OK) {
		out->message = str_dup(cx->arena, str_of(cx->why));
		out->todo = str_dup(cx->arena, str_of(cx->todo));
		ctx_clear(cx);
		return;
	}
	if (store_token_secrets(v->store, cx, id, &secrets) == OK)
		upstream_account(v, cx, p, secrets.access, out, &rejected);
	if (out->ok)
		out->message = str_printf(
		    cx->arena, "%.*s The token had to be refreshed for it.", STR_ARG(out->message));
}

static enum rc
test_token(struct vault *v, struct ctx *cx, struct str id, struct token_test *out)
{
	struct token_secrets secrets;
	const struct provider *p;
	struct token t;
	bool rejected;

	TRY(store_token_get(v->store, cx, id, &t));
	TRY(store_token_secrets(v->store, cx, id, &secrets));
	TRY(vault_provider(v, cx, t.provider, &p));
	upstream_account(v, cx, p, secrets.access, out, &rejected);
	if (rejected && t.has_refresh)
		test_again_after_refresh(v, cx, p, id, out);
	if (out->ok)
		TRY(store_token_proved(v->store, cx, id, clock_now_ms(v->clock)));
	return OK;
}

enum rc
vault_token_test(struct vault *v, struct ctx *cx, struct str id, struct token_test *out)
{
	enum rc rc;

	TRY(waits_enter_person(v->waits, cx));
	rc = test_token(v, cx, id, out);
	waits_leave(v->waits, WAIT_PERSON);
	return rc;
}
