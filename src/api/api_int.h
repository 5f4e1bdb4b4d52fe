/* api/api_int.h - shared inside this room only. */
#ifndef API_API_INT_H
#define API_API_INT_H

#include "api/api.h"
#include "base/json.h"
#include "vault/connect.h"
#include "vault/keys.h"
#include "vault/people.h"
#include "vault/tokens.h"
#include "vault/vault.h"

struct streams;

struct api {
	struct vault *vault;
	struct streams *streams; /* stream.c */
	struct arena *arena;
	struct str cookie_name;
	const char *cookie_attributes;
	struct http_site site;
};

/* Who may call a row. The ones with CHANGE also want our own Origin and the CSRF token. */
enum access {
	ACCESS_PUBLIC,         /* health, the API's description: no credential is read */
	ACCESS_PAGE,           /* the page shell: holds no data */
	ACCESS_CALLBACK,       /* the provider's answer: a session if there is one */
	ACCESS_VISITOR,        /* any session, also one that has not signed in */
	ACCESS_VISITOR_CHANGE, /* signing in and out */
	ACCESS_USER,
	ACCESS_USER_CHANGE,
	ACCESS_USER_SECRET, /* a change that answers with a secret: the password was given lately */
	ACCESS_KEY,         /* Authorization: Bearer vk_… */
};

extern const struct http_route api_routes[];
extern const size_t api_route_count;

enum rc api_gate(void *app, struct ctx *cx, struct http_req *req, struct http_res *res);
void api_fail(
    void *app, struct ctx *cx, const struct http_req *req, struct http_res *res, enum rc rc);

static inline struct session *
session_of(const struct http_req *req)
{
	return req->session;
}

struct streams *streams_new(void);
void streams_free(struct streams *s); /* takes NULL */

/* The body as a JSON object. */
MUST enum rc api_body(struct ctx *cx, const struct http_req *req, json_t **out);
/* Replies with the object, consuming it. */
enum rc api_reply(struct http_res *res, int status, json_t *obj);
/* An object with the time in it, which the others are told against. */
json_t *api_dated(struct ctx *cx);
#define API_PAGE_MAX 1000 /* tokens */
/* limit, after and find of a list of tokens; page->max is 0 without a limit. */
MUST enum rc api_take_page(struct ctx *cx, const struct http_req *req, struct token_page *page);
enum rc api_no_content(struct http_res *res);
void api_set_cookie(const struct api *api, struct http_res *res, const struct session *s);

/* The page shell with its boot object (consumed). */
void api_page(struct http_res *res, int status, json_t *boot);

/* {"name","email"} or null. */
json_t *view_account(struct str name, struct str email);
json_t *view_token(struct api *api, struct ctx *cx, const struct token *t);    /* for the console */
json_t *view_token_v1(struct api *api, struct ctx *cx, const struct token *t); /* for programs */
json_t *view_connection(struct api *api, struct ctx *cx, const struct connection *c);
json_t *view_test(const struct token_test *test);
json_t *view_time(int64_t ms); /* null for 0 */

http_handler api_health, api_openapi, api_app_page, api_callback;
http_handler api_session_get, api_sign_in, api_sign_out, api_password, api_confirm;
http_handler api_providers, api_tokens, api_token_create, api_token_get, api_token_patch,
    api_token_delete, api_token_reveal, api_token_test, api_token_refresh, api_token_recover,
    api_tokens_deleted, api_token_restore;
http_handler api_connection_create, api_connection_get, api_connection_probe, api_connection_reveal,
    api_connection_test, api_connection_use, api_connection_delete;
http_handler api_keys, api_key_create, api_key_get, api_key_patch, api_key_delete;
http_handler api_v1_tokens, api_v1_token, api_v1_access_token, api_v1_refresh, api_v1_recover,
    api_v1_rejected, api_metrics;
http_handler api_events, api_event_stream;
http_handler api_webhooks, api_webhook_create, api_webhook_patch, api_webhook_delete,
    api_webhook_secret, api_webhook_test, api_deliveries, api_delivery_again;

#endif
