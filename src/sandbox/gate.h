/* sandbox/gate.h - who may pass, decided from the row before its handler runs. */
#ifndef SANDBOX_GATE_H
#define SANDBOX_GATE_H

#include "http/server.h"

struct sandbox;

/* http_site.gate. Sets req->session: a struct session for pages, a struct caller for the API. */
enum rc sandbox_gate(void *app, struct ctx *cx, struct http_req *req, struct http_res *res);
/* Its part for the API: token, acting for a member, path root, permission (gate_api.c). */
MUST enum rc gate_api(struct sandbox *s, struct ctx *cx, struct http_req *req);

#endif
