/* sandbox/core/row.h - a row of the route table, and the tables of each room.
 *
 * A row says everything that is decided before its handler runs: who may, with which permission, how
 * the store is used, how large a body may be. Each room has its rows in its routes.c; the site
 * (sandbox/routes.c) is their sum. */
#ifndef SANDBOX_CORE_ROW_H
#define SANDBOX_CORE_ROW_H

#include "http/server.h"
#include "sandbox/core/scopes.h"
#include "sandbox/core/store.h"

enum access {
	ACCESS_PUBLIC,   /* anybody; nothing personal, nothing changes */
	ACCESS_PAGE,     /* anybody; the reply is HTML, and so are its errors */
	ACCESS_TOKEN,    /* the token endpoint: the app proves itself in the handler */
	ACCESS_VISITOR,  /* the browser's session, signed in or not */
	ACCESS_WEB,      /* a signed-in session */
	ACCESS_CHANGE,   /* a signed-in session with our Origin and CSRF token, JSON only */
	ACCESS_SIGN,     /* the same without being signed in */
	ACCESS_API_USER, /* a bearer token of a user (or a team's, acting as one) with the scope */
	ACCESS_API_TEAM, /* a bearer token of a team with the scope */
	ACCESS_API_ANY,  /* a bearer token of either kind */
	ACCESS_API_APP,  /* app key and secret by HTTP Basic */
	ACCESS_API_USER_APP, /* what API_USER wants, or what API_APP wants: no account then */
	ACCESS_API_NONE,     /* the API without any authentication */
	ACCESS_UPLOAD_LINK,  /* what get_temporary_upload_link gave, for one upload */
	ACCESS_PREFLIGHT,    /* a browser asks whether a page may call a row of the API */
	ACCESS_CONTROL,      /* the control token or its page's cookie, from the loopback */
	ACCESS_CONTROL_SIGN, /* the control page, where the token is typed in */
};

struct row {
	enum http_method method;
	const char *path;
	enum access access;
	enum scope scope; /* SCOPE_NONE: no permission is needed */
	enum store_use use;
	uint64_t body_max;
	http_handler *handler;
	bool body_to_file; /* the body streams to a file: req->body_fd, req->body_path */
};

struct row_group {
	const struct row *rows;
	size_t count;
};

#define ROW_GROUP(name, array) \
	const struct row_group name = { array, sizeof(array) / sizeof((array)[0]) }

/* For the tables: the three columns that most rows share. */
#define ROW(class, use) ACCESS_##class, SCOPE_NONE, STORE_##use
#define API_ROW(scope, use) ACCESS_API_USER, SCOPE_##scope, STORE_##use
#define TEAM_ROW(scope, use) ACCESS_API_TEAM, SCOPE_##scope, STORE_##use

#define KB 1024u

/* A room's handlers.h declares with it what its rows call. */
#define HANDLER(name) \
	enum rc name(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)

struct sandbox;
const struct row *row_of(const struct sandbox *s, const struct http_req *req);
/* "public", "api-user", …: the row's access for lists. */
const char *row_access_word(enum access access);

#endif
