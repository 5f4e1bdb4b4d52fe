/* The calls of notifier.h: the challenge of a new webhook, and the signed word that files changed. */
#include <stdlib.h>

#include "base/log.h"
#include "crypto/crypto.h"
#include "sandbox/console/apps.h"
#include "sandbox/console/notifier_int.h"
#include "sandbox/core/state.h"
#include "sandbox/core/store.h"

#define CALL_MS 10000
#define REPLY_MAX (16u << 10)
#define CHALLENGES_MAX 4

static enum rc
read_targets(struct sandbox *s, struct ctx *cx, bool *public_only)
{
	struct str value;

	TRY(store_setting_get(s, cx, S("webhook_targets"), &value));
	*public_only = str_eq(value, S("public"));
	return OK;
}

static bool
begin_challenge(struct notifier *n)
{
	bool room;

	pthread_mutex_lock(&n->lock);
	room = n->challenges < CHALLENGES_MAX;
	n->challenges += room;
	pthread_mutex_unlock(&n->lock);
	return room;
}

static void
end_challenge(struct notifier *n)
{
	pthread_mutex_lock(&n->lock);
	n->challenges--;
	pthread_mutex_unlock(&n->lock);
}

/* What came back is told by its kind and never by its content: the address may be one that the person
 * who asks could not read from by himself. */
static enum rc
judge_challenge(struct ctx *cx, const struct http_reply *reply, struct secret challenge)
{
	struct str body = secret_expose(reply->body);
	struct str type = reply->content_type.len > 0 ? reply->content_type : S("no type");

	if (reply->end != CALL_ANSWERED)
		fail_at(cx, E_INPUT, "no-challenge", "uri", "The webhook did not answer: %s.",
		    reply->error);
	else if (reply->status != 200)
		fail_at(cx, E_INPUT, "no-challenge", "uri",
		    "The webhook answered the challenge with status %d instead of 200.",
		    reply->status);
	else if (!crypto_equal(reply->body, challenge))
		fail_at(cx, E_INPUT, "no-challenge", "uri",
		    "The webhook answered with %zu bytes (%.*s) that are not the challenge.",
		    body.len, STR_ARG(type));
	else
		return OK;
	return fail_todo(cx,
	    "GET ?challenge=X must answer X and nothing else, as text/plain, within ten seconds.");
}

static enum rc
ask_challenge(struct notifier *n, struct ctx *cx, struct str uri, bool public_only)
{
	struct secret challenge = crypto_random_token(cx->arena);
	struct http_reply reply;
	struct http_call call = {
		.method = "GET",
		.url = str_printf(cx->arena, "%.*s%cchallenge=%.*s", STR_ARG(uri),
		    str_contains(uri, S("?")) ? '&' : '?', STR_ARG(secret_expose(challenge))),
		.public_only = public_only,
		.timeout_ms = CALL_MS,
		.reply_max = REPLY_MAX,
	};

	http_client_call(n->client, cx, &call, &reply);
	return judge_challenge(cx, &reply, challenge);
}

enum rc
notifier_challenge(struct sandbox *s, struct ctx *cx, struct str uri)
{
	bool public_only = false;
	enum rc rc;

	TRY(store_enter(s, cx, STORE_READ));
	rc = read_targets(s, cx, &public_only);
	TRY(store_leave(s, cx, STORE_READ, rc));
	if (!begin_challenge(s->notifier))
		return fail_at(cx, E_BUSY, "too-many-challenges", NULL,
		    "Other webhooks are being checked at the moment. Try again.");
	rc = ask_challenge(s->notifier, cx, uri, public_only);
	end_challenge(s->notifier);
	return rc;
}

/* {"list_folder":{"accounts":[…]},"delta":{"users":[…]}} */
static struct str
body_of(struct ctx *cx, const struct changed_list *list)
{
	json_t *o = json_object(), *folder = json_object(), *delta = json_object();
	json_t *ids = json_array(), *uids = json_array();

	for (size_t i = 0; i < list->count; i++) {
		json_array_append_new(ids, json_string(list->at[i].id));
		json_array_append_new(uids, json_integer(list->at[i].uid));
	}
	json_put(folder, "accounts", ids);
	json_put(delta, "users", uids);
	json_put(o, "list_folder", folder);
	json_put(o, "delta", delta);
	return json_write(cx->arena, o);
}

/* What the call's end needs to find its queue again. */
struct flight {
	struct notifier *n;
	char id[WEBHOOK_ID_LEN + 1];
};

static void
landed(void *arg, const struct http_reply *reply)
{
	struct flight *f = arg;
	struct notifier *n = f->n;
	struct queue *q;

	log_event(LOG_INFO, "webhook.called", KV_STR("webhook", str_of(f->id)),
	    KV_INT("status", reply->status), KV_STR("error", str_of(reply->error)));
	pthread_mutex_lock(&n->lock);
	n->in_flight--;
	q = queue_find(n, str_of(f->id));
	if (q != NULL)
		queue_ended(q, reply, clock_now_ms(n->s->clock));
	pthread_cond_signal(&n->wake);
	pthread_mutex_unlock(&n->lock);
	free(f);
}

struct target {
	struct webhook hook;
	struct secret secret;
	bool public_only;
};

static enum rc
read_target(struct sandbox *s, struct ctx *cx, struct str hook_id, struct target *out)
{
	TRY(webhook_get(s, cx, hook_id, &out->hook));
	TRY(app_secret(s, cx, out->hook.app_key, &out->secret));
	return read_targets(s, cx, &out->public_only);
}

/* What waits becomes the body of one call; empty when there is nothing, or nobody to tell. */
static struct str
take_body(struct notifier *n, struct ctx *cx, const struct target *to, bool there)
{
	struct str body = { 0 };
	struct queue *q;

	pthread_mutex_lock(&n->lock);
	q = queue_find(n, to->hook.id);
	if (q != NULL && there && q->waiting.count > 0 && !q->in_flight) {
		queue_take(q);
		n->in_flight++;
		body = body_of(cx, &q->sent);
	} else if (q != NULL && !there) {
		q->waiting.count = 0;
	}
	pthread_mutex_unlock(&n->lock);
	return body;
}

static void
send_to(struct notifier *n, struct ctx *cx, const struct target *to, struct str body)
{
	struct str signature = crypto_hmac_sha256_hex(cx->arena, to->secret, body);
	struct flight *f = mem_alloc(sizeof(*f));
	struct http_call call = {
		.method = "POST",
		.url = to->hook.uri,
		.headers = { { S("X-Dropbox-Signature"), signature } },
		.header_count = 1,
		.content_type = S("application/json"),
		.body = secret_of(body),
		.has_body = true,
		.public_only = to->public_only,
		.timeout_ms = CALL_MS,
		.reply_max = REPLY_MAX,
	};

	f->n = n;
	memcpy(f->id, to->hook.id.p, to->hook.id.len);
	http_client_send(n->client, &call, landed, f);
}

void
notifier_deliver(struct notifier *n, struct ctx *cx, struct str hook_id)
{
	struct target to = { 0 };
	struct str body;
	enum rc rc = store_enter(n->s, cx, STORE_READ);

	if (rc == OK)
		rc = store_leave(n->s, cx, STORE_READ, read_target(n->s, cx, hook_id, &to));
	to.hook.id = hook_id;
	body = take_body(n, cx, &to, rc == OK && to.hook.enabled);
	if (body.len > 0)
		send_to(n, cx, &to, body);
}
