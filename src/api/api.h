/* api/api.h - the manager over HTTP: the console's pages and JSON, and the API for programs.
 *
 * Each handler parses, asks vault/, and replies; who may call it stands in its row of routes.c and
 * is enforced by gate.c before it runs. */
#ifndef API_API_H
#define API_API_H

#include "http/server.h"

struct vault;
struct api;

struct api *api_new(struct vault *vault); /* borrows vault */
void api_free(struct api *api);           /* takes NULL */
/* Valid as long as the api. */
const struct http_site *api_site(const struct api *api);

/* The rows, for `valetkey routes` and the tests that walk them. */
const struct http_route *api_route_table(size_t *count);
/* "public", "key", …: who may call a row. */
const char *api_access_word(int access);

#endif
