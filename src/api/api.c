#include "api/api.h"

#include <stdlib.h>

#include "api/api_int.h"
#include "web_assets.h"

#define BODY_DEPTH_MAX 6

struct api *
api_new(struct vault *vault)
{
	struct api *api = mem_alloc(sizeof(*api));
	bool https = str_starts(vault_public_url(vault), S("https://"));

	api->vault = vault;
	api->arena = arena_new();
	api->streams = streams_new();
	api->cookie_name = str_printf(
	    api->arena, "%svaletkey_%.*s", https ? "__Host-" : "", STR_ARG(vault_instance(vault)));
	/* Lax, not Strict: the provider's redirect back is a cross-site navigation that must find the
	 * session it belongs to. */
	api->cookie_attributes =
	    https ? "; Path=/; HttpOnly; SameSite=Lax; Secure" : "; Path=/; HttpOnly; SameSite=Lax";
	api->site = (struct http_site){
		.app = api,
		.routes = api_routes,
		.route_count = api_route_count,
		.assets = web_console_assets,
		.asset_count = web_console_asset_count,
		.gate = api_gate,
		.fail = api_fail,
	};
	return api;
}

void
api_free(struct api *api)
{
	if (api == NULL)
		return;
	arena_free(api->arena);
	streams_free(api->streams);
	free(api);
}

const struct http_site *
api_site(const struct api *api)
{
	return &api->site;
}

enum rc
api_body(struct ctx *cx, const struct http_req *req, json_t **out)
{
	TRY(json_read(cx, req->body, BODY_DEPTH_MAX, out));
	if (!json_is_object(*out))
		return fail_at(cx, E_INPUT, "bad-json", NULL, "The body must be a JSON object.");
	return OK;
}

enum rc
api_reply(struct http_res *res, int status, json_t *obj)
{
	http_res_json(res, status, json_write(res->arena, obj));
	return OK;
}

json_t *
api_dated(struct ctx *cx)
{
	json_t *o = json_object();

	json_put(o, "now_ms", json_integer(clock_now_ms(cx->clock)));
	return o;
}

enum rc
api_no_content(struct http_res *res)
{
	res->status = 204;
	return OK;
}

void
api_set_cookie(const struct api *api, struct http_res *res, const struct session *s)
{
	http_res_cookie(
	    res, api->cookie_name, secret_expose(s->cookie), str_of(api->cookie_attributes));
}
