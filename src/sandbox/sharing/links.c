#include "sandbox/sharing/links.h"

#include <ctype.h>

#include "base/buf.h"
#include "crypto/crypto.h"
#include "sandbox/core/sql.h"
#include "sandbox/core/state.h"

#define COLUMNS                                                                               \
	"id, account_id, file_id, folder, key_sealed, audience, password_digest, expires_ms," \
	" allow_download, created_ms"
#define ALPHABET S("abcdefghijklmnopqrstuvwxyz0123456789")
#define ID_LEN 21
#define KEY_LEN 25
#define URL_MAX 2000

static const char *const audiences[] = { "public", "team", "no_one" };

static struct seal_place
key_place(struct str id)
{
	return (struct seal_place){ .purpose = S("sandbox.shared-link"), .row = id };
}

struct str
shared_link_password_digest(
    struct sandbox *s, struct ctx *cx, const struct shared_link *l, struct secret password)
{
	struct str purpose = str_printf(cx->arena, "sandbox.link-password %.*s", STR_ARG(l->id));

	return crypto_digest(s->keys, cx->arena, purpose, password);
}

void
shared_link_begin(struct sandbox *s, struct ctx *cx, struct shared_link *l)
{
	l->id = secret_expose(crypto_random_text(cx->arena, ID_LEN, ALPHABET));
	l->key = crypto_random_text(cx->arena, KEY_LEN, ALPHABET);
	l->created_ms = clock_now_ms(s->clock);
}

enum rc
shared_link_add(struct sandbox *s, struct ctx *cx, const struct shared_link *l)
{
	return sql_exec(cx, s->db, NULL,
	    "INSERT INTO shared_links (" COLUMNS ") VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10)",
	    SQL_ARGS(T(l->id), T(l->account_id), T(l->file_id), I(l->folder),
		B(crypto_seal(s->keys, cx->arena, key_place(l->id), l->key)),
		T(str_of(audiences[l->audience])), B(l->password_digest), I(l->expires_ms),
		I(l->allow_download), I(l->created_ms)));
}

enum rc
shared_link_save(struct sandbox *s, struct ctx *cx, const struct shared_link *l)
{
	return sql_exec(cx, s->db, NULL,
	    "UPDATE shared_links SET audience = $1, password_digest = $2, expires_ms = $3,"
	    " allow_download = $4 WHERE id = $5",
	    SQL_ARGS(T(str_of(audiences[l->audience])), B(l->password_digest), I(l->expires_ms),
		I(l->allow_download), T(l->id)));
}

enum rc
shared_link_delete(struct sandbox *s, struct ctx *cx, struct str id)
{
	return sql_exec(cx, s->db, NULL, "DELETE FROM shared_links WHERE id = $1", SQL_ARGS(T(id)));
}

static enum audience
read_audience(struct str text)
{
	return str_eq(text, S("public")) ? AUDIENCE_PUBLIC
	    : str_eq(text, S("team"))    ? AUDIENCE_TEAM
					 : AUDIENCE_NO_ONE;
}

static enum rc
read_link(struct sandbox *s, struct ctx *cx, struct db_stmt *st, struct shared_link *out)
{
	struct arena *a = cx->arena;

	*out = (struct shared_link){
		.id = db_col_text(st, 0, a),
		.account_id = db_col_text(st, 1, a),
		.file_id = db_col_text(st, 2, a),
		.folder = db_col_int(st, 3) != 0,
		.audience = read_audience(db_col_text(st, 5, a)),
		.password_digest = db_col_blob(st, 6, a),
		.expires_ms = db_col_int(st, 7),
		.allow_download = db_col_int(st, 8) != 0,
		.created_ms = db_col_int(st, 9),
	};
	return crypto_open(s->keys, cx, key_place(out->id), db_col_blob(st, 4, a), &out->key);
}

static enum rc
take_one(struct sandbox *s, struct ctx *cx, struct db_stmt *st, struct shared_link *out)
{
	enum rc rc;
	bool row;

	TRY(db_step(cx, st, &row));
	if (!row)
		return fail(cx, E_NOTFOUND, "There is no such shared link.");
	rc = read_link(s, cx, st, out);
	db_done(st);
	return rc;
}

/* https://HOST/scl/fi/<id>/<name>?rlkey=<key>; which host does not matter: we stand for all. */
static bool
split_url(struct ctx *cx, struct str url, struct str *id, struct str *key)
{
	size_t scheme = str_starts(url, S("https://")) ? 8 : str_starts(url, S("http://")) ? 7 : 0;
	struct str rest = str_sub(url, scheme, url.len), part, path;
	size_t question = str_find(rest, '?');
	int count;

	path = str_sub(rest, 0, question);
	if (scheme == 0 || url.len > URL_MAX || !str_split(&path, '/', &part) || part.len == 0 ||
	    !str_split(&path, '/', &part) || !str_eq(part, S("scl")) ||
	    !str_split(&path, '/', &part) || (!str_eq(part, S("fi")) && !str_eq(part, S("fo"))) ||
	    !str_split(&path, '/', id) || id->len != ID_LEN || question == rest.len)
		return false;
	return str_form_get(
		   cx->arena, str_sub(rest, question + 1, rest.len), S("rlkey"), key, &count) &&
	    count == 1;
}

enum rc
shared_link_by_url(struct sandbox *s, struct ctx *cx, struct str url, struct shared_link *out)
{
	struct str id, key;
	struct db_stmt *st;

	if (!split_url(cx, url, &id, &key))
		return fail(cx, E_INPUT, "This is not the address of a shared link.");
	TRY(sql_bind(
	    cx, s->db, "SELECT " COLUMNS " FROM shared_links WHERE id = $1", SQL_ARGS(T(id)), &st));
	TRY(take_one(s, cx, st, out));
	if (crypto_equal(secret_of(key), out->key))
		return OK;
	return fail(cx, E_NOTFOUND, "There is no such shared link.");
}

enum rc
shared_link_of_file(struct sandbox *s, struct ctx *cx, struct str account_id, struct str file_id,
    struct shared_link *out)
{
	struct db_stmt *st;

	TRY(sql_bind(cx, s->db,
	    "SELECT " COLUMNS " FROM shared_links WHERE account_id = $1 AND file_id = $2",
	    SQL_ARGS(T(account_id), T(file_id)), &st));
	return take_one(s, cx, st, out);
}

enum rc
shared_links_list(struct sandbox *s, struct ctx *cx, const struct shared_link_query *q,
    struct shared_link *out, size_t *count, bool *more)
{
	struct db_stmt *st;

	*count = 0;
	TRY(sql_bind(cx, s->db,
	    "SELECT " COLUMNS
	    " FROM shared_links WHERE account_id = $1 AND id > $2 ORDER BY id LIMIT $3",
	    SQL_ARGS(T(q->account_id), T(q->after.p != NULL ? q->after : S("")),
		I((int64_t)q->limit + 1)),
	    &st));
	for (;;) {
		TRY(db_step(cx, st, more));
		if (!*more || *count == q->limit)
			break;
		TRY(read_link(s, cx, st, &out[(*count)++]));
	}
	db_done(st);
	return OK;
}

/* The name in an address is for people: what an address could trip over is left out of it. */
static struct str
plain_name(struct arena *a, struct str name)
{
	char *p = str_cstr(a, name);

	for (size_t i = 0; i < name.len; i++) {
		unsigned char c = (unsigned char)p[i];

		if (c < 0x80 && !isalnum(c) && strchr(" -._~", c) == NULL)
			p[i] = '_';
	}
	return (struct str){ p, name.len };
}

struct str
shared_link_url(struct ctx *cx, const struct shared_link *l, struct str base, struct str name)
{
	struct buf b = buf_in(cx->arena, 4096);

	buf_add(&b, base);
	buf_add(&b, l->folder ? S("/scl/fo/") : S("/scl/fi/"));
	buf_add(&b, l->id);
	buf_addc(&b, '/');
	buf_add_percent(&b, plain_name(cx->arena, name));
	buf_add(&b, S("?rlkey="));
	buf_add(&b, secret_expose(l->key));
	buf_add(&b, S("&dl=0"));
	return buf_str(&b);
}
