/* Whether a backup is worth anything: its rows are the ones that were written, and they open. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "store/connection.h"
#include "store/copy.h"
#include "store/refresh.h"
#include "store/store_int.h"
#include "store/token_row.h"
#include "store/webhook.h"

struct ids {
	struct str *ids;
	size_t count;
};

static enum rc
read_ids(struct store *s, struct ctx *cx, const char *count_sql, const char *sql, struct ids *out)
{
	STORE_HOLD hold = store_hold(s, cx);
	struct db_stmt *st;
	int64_t max;
	bool row = true;

	TRY(store_number(s, cx, count_sql, &max));
	out->ids = ARENA_ARRAY(cx->arena, struct str, (size_t)max);
	out->count = 0;
	TRY(db_stmt(cx, s->db, sql, &st));
	while (out->count < (size_t)max) {
		TRY(db_step(cx, st, &row));
		if (!row)
			break;
		out->ids[out->count++] = db_col_text(st, 0, cx->arena);
	}
	db_done(st);
	return OK;
}

/* One thing that was tried. What does not open is a finding, and the next one is tried. */
static void
note(struct ctx *cx, enum rc rc, const char *what, struct str name, struct store_verdict *out)
{
	if (rc != OK)
		out->broken[out->broken_count++] =
		    str_printf(cx->arena, "%s \"%.*s\": %s", what, STR_ARG(name), cx->why);
	ctx_clear(cx);
}

#define ANY_BY_ID "SELECT " TOKEN_COLUMNS " FROM token WHERE id = $1"

/* What may be found about one token: its grant, the one before, a reply that was kept. */
#define PARTS_OF_TOKEN 3

/* Also one that a person has deleted: it can still be taken back. */
static void
open_token(struct store *s, struct ctx *cx, struct str id, struct store_verdict *out)
{
	STORE_HOLD hold = store_hold(s, cx);
	struct token_previous previous;
	struct token_secrets secrets;
	struct token t = { .name = id };
	struct secret reply;
	struct str name = token_row_get(s, cx, ANY_BY_ID, id, &t) == OK ? t.name : id;

	note(cx, token_row_open(s, cx, ANY_BY_ID, id, &t, &secrets), "Access token", name, out);
	note(cx, token_row_previous(s, cx, id, &previous), "Previous pair of access token", name,
	    out);
	note(cx, token_row_reply(s, cx, id, t.attempt.fence, &reply), "Kept reply for access token",
	    name, out);
}

static enum rc
open_everything(struct store *s, struct ctx *cx, struct store_verdict *out)
{
	struct ids tokens, connections, texts, webhooks;
	struct secret text;

	TRY(read_ids(s, cx, "SELECT count(*) FROM token", "SELECT id FROM token ORDER BY name_key",
	    &tokens));
	TRY(read_ids(s, cx, "SELECT count(*) FROM connection",
	    "SELECT id FROM connection ORDER BY created_ms", &connections));
	TRY(read_ids(s, cx, "SELECT count(*) FROM meta WHERE length(sealed) > 0",
	    "SELECT name FROM meta WHERE length(sealed) > 0 ORDER BY name", &texts));
	TRY(read_ids(s, cx, "SELECT count(*) FROM webhook", "SELECT id FROM webhook ORDER BY id",
	    &webhooks));
	*out = (struct store_verdict){ .tokens = (int64_t)tokens.count,
		.connections = (int64_t)connections.count };
	out->broken = ARENA_ARRAY(cx->arena, struct str,
	    tokens.count * PARTS_OF_TOKEN + connections.count + texts.count + webhooks.count);
	for (size_t i = 0; i < tokens.count; i++)
		open_token(s, cx, tokens.ids[i], out);
	for (size_t i = 0; i < connections.count; i++) {
		struct connection_secrets secrets;

		note(cx, store_connection_secrets(s, cx, connections.ids[i], &secrets),
		    "Unfinished connection", connections.ids[i], out);
	}
	for (size_t i = 0; i < texts.count; i++)
		note(cx, store_meta_get_sealed(s, cx, texts.ids[i], &text), "Sealed text",
		    texts.ids[i], out);
	for (size_t i = 0; i < webhooks.count; i++)
		note(cx, store_webhook_secret(s, cx, webhooks.ids[i], &text), "Secret of webhook",
		    webhooks.ids[i], out);
	return OK;
}

static enum rc
verify_in(struct ctx *cx, const char *file, const char *place, const struct keyring *keyring,
    struct store_verdict *out)
{
	struct store_copy copy = { .from = file, .to = place };
	int64_t cut_off;
	struct store *s;
	enum rc rc;

	TRY(store_copy(cx, &copy));
	TRY(store_open(cx, place, keyring, &s));
	rc = store_refresh_recover(s, cx, clock_now_ms(cx->clock), &cut_off);
	if (rc == OK)
		rc = open_everything(s, cx, out);
	store_close(s);
	return rc;
}

/* A copy is opened, since opening brings an old schema up to date, and a backup stays as it is. What a start would
 * find is looked at: a reply that was sealed just then is moved to its token first. */
enum rc
store_backup_verify(
    struct ctx *cx, const char *file, const struct keyring *keyring, struct store_verdict *out)
{
	const char *tmp = getenv("TMPDIR");
	char *dir = str_cstr(cx->arena,
	    str_printf(cx->arena, "%s/valetkey-verify-XXXXXX", tmp != NULL ? tmp : "/tmp"));
	const char *place;
	enum rc rc;

	if (mkdtemp(dir) == NULL)
		return fail(cx, E_STORE, "No temporary directory could be made in %s.", dir);
	place = str_printf(cx->arena, "%s/copy.db", dir).p;
	rc = verify_in(cx, file, place, keyring, out);
	unlink(place);
	unlink(str_printf(cx->arena, "%s-wal", place).p);
	unlink(str_printf(cx->arena, "%s-shm", place).p);
	rmdir(dir);
	return rc;
}
