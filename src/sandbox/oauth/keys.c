#include "sandbox/oauth/keys.h"

#include "crypto/sign.h"
#include "sandbox/core/sql.h"
#include "sandbox/core/state.h"

struct signing_key {
	struct str kid;
	struct secret der;
};

static struct seal_place
key_place(struct str kid)
{
	return (struct seal_place){ .purpose = S("sandbox.signing_key"), .row = kid };
}

/* RFC 7638: the digest of the public members, in this order. */
static struct str
thumbprint(struct ctx *cx, const struct sign_public *p)
{
	struct str text = str_printf(cx->arena, "{\"e\":\"%.*s\",\"kty\":\"RSA\",\"n\":\"%.*s\"}",
	    STR_ARG(p->exponent), STR_ARG(p->modulus));

	return crypto_base64url(cx->arena, crypto_sha256(cx->arena, text));
}

static enum rc
key_make(struct sandbox *s, struct ctx *cx, struct signing_key *out)
{
	struct sign_public public;

	TRY(sign_key_new(cx, &out->der, &public));
	out->kid = thumbprint(cx, &public);
	return sql_exec(cx, s->db, NULL,
	    "INSERT INTO signing_keys (kid, sealed, modulus, exponent, created_ms)"
	    " VALUES ($1, $2, $3, $4, $5)",
	    SQL_ARGS(T(out->kid), B(crypto_seal(s->keys, cx->arena, key_place(out->kid), out->der)),
		T(public.modulus), T(public.exponent), I(clock_now_ms(s->clock))));
}

static enum rc
key_current(struct sandbox *s, struct ctx *cx, struct signing_key *out)
{
	struct db_stmt *st;
	struct str sealed;
	bool row;

	TRY(sql_bind(cx, s->db, "SELECT kid, sealed FROM signing_keys WHERE retired_ms = 0",
	    SQL_ARGS(), &st));
	TRY(db_step(cx, st, &row));
	if (!row)
		return key_make(s, cx, out);
	out->kid = db_col_text(st, 0, cx->arena);
	sealed = db_col_blob(st, 1, cx->arena);
	db_done(st);
	return crypto_open(s->keys, cx, key_place(out->kid), sealed, &out->der);
}

static struct str
encode(struct ctx *cx, json_t *value)
{
	return crypto_base64url(cx->arena, json_write(cx->arena, value));
}

enum rc
keys_sign(struct sandbox *s, struct ctx *cx, json_t *claims, struct str *jwt)
{
	struct str payload = encode(cx, claims), signature, signed_part;
	json_t *header = json_object();
	struct signing_key key;
	enum rc rc = key_current(s, cx, &key);

	if (rc != OK) {
		json_decref(header);
		return rc;
	}
	json_put(header, "alg", json_string("RS256"));
	json_put(header, "typ", json_string("JWT"));
	json_put(header, "kid", json_str(key.kid));
	signed_part = encode(cx, header);
	signed_part = str_printf(cx->arena, "%.*s.%.*s", STR_ARG(signed_part), STR_ARG(payload));
	TRY(sign_rs256(cx, key.der, signed_part, &signature));
	signature = crypto_base64url(cx->arena, signature);
	*jwt = str_printf(cx->arena, "%.*s.%.*s", STR_ARG(signed_part), STR_ARG(signature));
	return OK;
}

static json_t *
public_json(struct ctx *cx, struct db_stmt *st)
{
	json_t *o = json_object();

	json_put(o, "kty", json_string("RSA"));
	json_put(o, "use", json_string("sig"));
	json_put(o, "alg", json_string("RS256"));
	json_put(o, "kid", json_str(db_col_text(st, 0, cx->arena)));
	json_put(o, "n", json_str(db_col_text(st, 1, cx->arena)));
	json_put(o, "e", json_str(db_col_text(st, 2, cx->arena)));
	return o;
}

/* No token that these signed is alive. */
static enum rc
drop_dead(struct sandbox *s, struct ctx *cx)
{
	return sql_exec(cx, s->db, NULL,
	    "DELETE FROM signing_keys WHERE retired_ms > 0 AND retired_ms <= $1",
	    SQL_ARGS(I(clock_now_ms(s->clock) - ID_TOKEN_LIFE_S * SECOND_MS)));
}

static enum rc
list_keys(struct sandbox *s, struct ctx *cx, json_t *list)
{
	struct db_stmt *st;
	bool row;

	TRY(sql_bind(cx, s->db,
	    "SELECT kid, modulus, exponent FROM signing_keys ORDER BY retired_ms, kid", SQL_ARGS(),
	    &st));
	for (;;) {
		TRY(db_step(cx, st, &row));
		if (!row)
			return OK;
		json_array_append_new(list, public_json(cx, st));
	}
}

enum rc
keys_json(struct sandbox *s, struct ctx *cx, json_t **out)
{
	struct signing_key key;
	json_t *list;
	enum rc rc;

	TRY(drop_dead(s, cx));
	TRY(key_current(s, cx, &key));
	list = json_array();
	*out = json_object();
	json_put(*out, "keys", list);
	rc = list_keys(s, cx, list);
	if (rc != OK)
		json_decref(*out);
	return rc;
}

enum rc
keys_rotate(struct sandbox *s, struct ctx *cx, struct str *kid)
{
	struct signing_key key;

	TRY(drop_dead(s, cx));
	TRY(sql_exec(cx, s->db, NULL,
	    "UPDATE signing_keys SET retired_ms = $1 WHERE retired_ms = 0",
	    SQL_ARGS(I(clock_now_ms(s->clock)))));
	TRY(key_make(s, cx, &key));
	*kid = key.kid;
	return OK;
}
