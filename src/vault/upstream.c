#include "vault/upstream.h"

#include "base/buf.h"
#include "base/json.h"
#include "vault/vault_int.h"

#define REPLY_DEPTH_MAX 16
#define TOKEN_REPLY_MAX (256 * 1024)
#define TEXT_MAX 256
#define TELLING 8 /* so many characters of a secret are too many */
#define MASK "[hidden]"
#define WORDS_MAX 4096

struct http_call
upstream_token_call(const struct provider *p, const struct oauth_token_request *request)
{
	struct http_call call = {
		.method = "POST",
		.url = p->token_url,
		.headers = { { S("Accept"), S("application/json") } },
		.header_count = 1,
		.authorization = request->authorization,
		.body = request->body,
		.content_type = S("application/x-www-form-urlencoded"),
		.has_body = true,
		.reply_max = TOKEN_REPLY_MAX,
		.public_only = p->public_only,
	};

	return call;
}

static enum rc
not_answered(struct ctx *cx, const struct provider *p, const struct http_reply *reply)
{
	const char *name = p->name.p;

	if (reply->untrusted) {
		fail_at(cx, E_UPSTREAM, "untrusted", NULL,
		    "What answers for %s is not to be trusted: %s.", name, reply->error);
		return fail_todo(cx,
		    "Look for a proxy in between; for a sandbox that speaks https, start the "
		    "manager with --dropbox-ca and its ca.pem.");
	}
	switch (reply->end) {
	case CALL_REDIRECTED:
		fail_at(cx, E_UPSTREAM, "unexpected-redirect", NULL,
		    "%s answered with an unexpected redirect, which is never followed.", name);
		return fail_todo(cx, "Check the provider's address, or a proxy in between.");
	case CALL_TOO_LARGE:
		fail_at(cx, E_UPSTREAM, "reply-too-large", NULL,
		    "%s sent a reply larger than any token reply is, so it was cut off.", name);
		break;
	case CALL_TIMED_OUT:
		fail_at(cx, E_UPSTREAM, "timed-out", NULL, "%s did not answer in time.", name);
		break;
	case CALL_LOST:
		fail_at(cx, E_UPSTREAM, "reply-lost", NULL, "The connection to %s was lost: %s.",
		    name, reply->error);
		break;
	default:
		fail_at(cx, E_UPSTREAM, "unreachable", NULL, "%s could not be reached: %s.", name,
		    reply->error);
		break;
	}
	return fail_todo(
	    cx, "Try again; if it stays, check the network between here and %s.", name);
}

/* How many bytes at the beginning of the text are somewhere in the secret; 0 when they tell little. */
static size_t
told_of(struct str secret, struct str text)
{
	size_t best = 0, least = secret.len < TELLING ? secret.len : TELLING;

	for (size_t from = 0; from < secret.len; from++) {
		size_t n = 0;

		while (n < text.len && from + n < secret.len && text.p[n] == secret.p[from + n])
			n++;
		best = n > best ? n : best;
	}
	return best >= least ? best : 0;
}

static struct str
masked(struct arena *a, struct str text, const struct upstream_sent *sent)
{
	struct buf b = buf_in(a, WORDS_MAX);

	while (text.len > 0) {
		size_t told = 0;

		for (size_t i = 0; i < sizeof(sent->secrets) / sizeof(sent->secrets[0]); i++) {
			size_t n = told_of(secret_expose(sent->secrets[i]), text);

			told = n > told ? n : told;
		}
		buf_add(&b, told > 0 ? S(MASK) : str_sub(text, 0, 1));
		text = str_sub(text, told > 0 ? told : 1, text.len);
	}
	return buf_str(&b);
}

/* "invalid_grant: code has expired", or what there is of it. It is kept and shown to many: a provider
 * that repeats what it was sent must not give it away (S-194, S-202). */
static struct str
their_words(struct arena *a, const struct oauth_reply *r, const struct upstream_sent *sent)
{
	struct str error = str_sub(r->error, 0, str_find(r->error, ':'));

	if (r->error_description.len == 0)
		return masked(a, r->error, sent);
	return str_printf(a, "%.*s: %.*s", STR_ARG(masked(a, error, sent)),
	    STR_ARG(masked(a, r->error_description, sent)));
}

static enum rc
refused(struct ctx *cx, const struct provider *p, enum oauth_outcome outcome,
    const struct oauth_reply *r, const struct upstream_sent *sent)
{
	struct str words = their_words(cx->arena, r, sent);
	const char *name = p->name.p;

	switch (outcome) {
	case OUTCOME_REAUTHORIZE:
		fail_at(cx, E_REAUTH, "invalid-grant", NULL, "%s refused the grant (%.*s).", name,
		    STR_ARG(words));
		return fail_todo(cx, "Connect again.");
	case OUTCOME_REFUSED:
	case OUTCOME_MISCONFIGURED:
		if (str_starts(r->error, S("invalid_client"))) {
			fail_at(cx, E_INPUT, "invalid-client", "app_secret",
			    "%s did not accept the App Secret for this App Key (%.*s).", name,
			    STR_ARG(words));
			return fail_todo(cx,
			    "Copy both again from the app's Settings tab: App key, and App secret "
			    "after Show.");
		}
		fail_at(cx, E_INPUT, "refused-request", NULL, "%s refused the request (%.*s).",
		    name, STR_ARG(words));
		return fail_todo(cx, "Check the app's settings at %s.", name);
	default:
		/* A success that names no token, or none that can be used. */
		if (outcome == OUTCOME_UNREADABLE || (r->status < 300 && r->error.len == 0)) {
			fail_at(cx, E_UPSTREAM, "unreadable-reply", NULL,
			    "%s answered with HTTP status %d and no token that could be used.",
			    name, r->status);
			return fail_todo(cx, "Check the provider's address.");
		}
		fail_at(cx, E_UPSTREAM, "provider-busy", NULL,
		    "%s answered with HTTP status %d%s%.*s.", name, r->status,
		    words.len > 0 ? ": " : "", STR_ARG(words));
		return fail_todo(cx, "Try again in a moment.");
	}
}

enum oauth_transport
upstream_transport(const struct http_reply *reply)
{
	static const enum oauth_transport ends[] = {
		[CALL_ANSWERED] = TRANSPORT_ANSWERED,
		[CALL_REFUSED] = TRANSPORT_NOT_SENT,
		[CALL_LOST] = TRANSPORT_LOST,
		[CALL_TOO_LARGE] = TRANSPORT_TOO_LARGE,
		[CALL_TIMED_OUT] = TRANSPORT_TIMED_OUT,
		[CALL_REDIRECTED] = TRANSPORT_REDIRECTED,
		[CALL_BAD_URL] = TRANSPORT_NOT_SENT,
	};

	return ends[reply->end];
}

enum rc
upstream_token_reply(struct ctx *cx, const struct provider *p, const struct upstream_sent *sent,
    const struct http_reply *reply, struct oauth_reply *out, enum oauth_outcome *outcome)
{
	enum oauth_transport end = upstream_transport(reply);

	oauth_reply_read(cx, reply->status, reply->body, out);
	/* An object ends with its brace: what can be read as one is no part of a longer one, and holds what
	 * the provider wrote into it, whatever became of what was to follow. */
	if (out->is_object && reply->status >= 200 && reply->status < 300)
		end = TRANSPORT_ANSWERED;
	*outcome = oauth_classify(end, out);
	if (*outcome == OUTCOME_TOKENS)
		return OK;
	if (end != TRANSPORT_ANSWERED)
		return not_answered(cx, p, reply);
	refused(cx, p, *outcome, out, sent);
	cx->retry_after_s = reply->retry_after_s;
	return cx->rc;
}

/* The text at a dotted path, "name.display_name". */
static struct str
text_at(struct ctx *cx, const json_t *value, struct str path)
{
	struct str step;

	while (str_split(&path, '.', &step))
		value = json_object_get(value, str_cstr(cx->arena, step));
	if (!json_is_string(value) || json_string_length(value) > TEXT_MAX)
		return S("");
	return str_of(json_string_value(value));
}

static void
say_account(struct ctx *cx, const struct provider *p, struct secret body, struct token_test *out)
{
	json_t *obj;

	if (json_read_lenient(cx, secret_expose(body), REPLY_DEPTH_MAX, &obj) != OK) {
		ctx_clear(cx);
		out->message = str_printf(
		    cx->arena, "%s accepted the token, but its answer is unreadable.", p->name.p);
		return;
	}
	out->ok = true;
	out->account_id = text_at(cx, obj, p->account.id);
	out->account_name = text_at(cx, obj, p->account.name);
	out->account_email = text_at(cx, obj, p->account.email);
	out->message = str_printf(cx->arena, "%s answered for %.*s (%.*s).", p->name.p,
	    STR_ARG(out->account_name), STR_ARG(out->account_email));
}

struct http_call
upstream_call(struct ctx *cx, const struct provider_call *what, struct secret access)
{
	struct str bearer = str_printf(cx->arena, "Bearer %.*s", STR_ARG(secret_expose(access)));

	return (struct http_call){
		.method = what->method.p,
		.url = what->url,
		.authorization = secret_of(bearer),
		.body = secret_of(what->body),
		.content_type = S("application/json"),
		.has_body = what->body.len > 0,
		.public_only = what->public_only,
	};
}

void
upstream_account(struct vault *v, struct ctx *cx, const struct provider *p, struct secret access,
    struct token_test *out, bool *rejected)
{
	struct http_call call = upstream_call(cx, &p->account.call, access);
	struct http_reply reply;

	*out = (struct token_test){ 0 };
	http_client_call(vault_client(v, p), cx, &call, &reply);
	*rejected = reply.end == CALL_ANSWERED && reply.status == 401;
	if (reply.end == CALL_ANSWERED && reply.status == 200) {
		say_account(cx, p, reply.body, out);
		return;
	}
	if (reply.end != CALL_ANSWERED) {
		not_answered(cx, p, &reply);
		out->message = str_dup(cx->arena, str_of(cx->why));
		out->todo = str_dup(cx->arena, str_of(cx->todo));
		ctx_clear(cx);
		return;
	}
	out->message = *rejected
	    ? str_printf(cx->arena, "%s did not accept the access token.", p->name.p)
	    : str_printf(cx->arena, "%s answered with HTTP status %d.", p->name.p, reply.status);
	out->todo = *rejected ? S("Connect again to get a new one.")
			      : S("Check the app's permissions, or try again in a moment.");
}
