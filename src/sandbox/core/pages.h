/* sandbox/core/pages.h - the one HTML shell and the boot object that tells it what to show. */
#ifndef SANDBOX_CORE_PAGES_H
#define SANDBOX_CORE_PAGES_H

#include "base/json.h"
#include "http/message.h"

struct sandbox;

/* Cuts the shell at its marker. E_BUG when the marker is not there. */
MUST enum rc pages_prepare(struct sandbox *s, struct ctx *cx);
/* Consumes boot. */
void page_emit(struct sandbox *s, struct http_res *res, int status, json_t *boot);

struct page_error {
	int status;
	const char *title, *todo;
	struct str detail;
	struct str redirect_uri; /* p == NULL: none to show */
};

void page_emit_error(
    struct sandbox *s, const struct ctx *cx, struct http_res *res, const struct page_error *e);

/* Rows: any page of the shell; whether the sandbox answers at all. */
enum rc page_app(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res);
enum rc health(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res);

#endif
