/* sandbox/console/apps.h - the apps of the App Console: key, secret, redirect URIs, permissions.
 *
 * The store verbs want the store held. The secret stands sealed (for Show) and as a keyed digest (for
 * comparing). */
#ifndef SANDBOX_CONSOLE_APPS_H
#define SANDBOX_CONSOLE_APPS_H

#include "base/json.h"
#include "base/secret.h"
#include "sandbox/core/scopes.h"

struct sandbox;

#define APP_KEY_LEN 15 /* of one that is made here */
#define APP_KEY_MAX 64 /* of one that a seed file brings; app_secret too */
/* How many accounts may be connected to an app in development. */
#define DEVELOPMENT_USERS_MAX 500

struct app {
	struct str key, owner_id, name;
	struct str api;         /* "dropbox" or "business" */
	struct str access;      /* "app_folder" or "full" */
	struct str folder_name; /* empty with full access */
	scope_set scopes;
	int64_t created_ms;
	bool production;     /* status; otherwise development */
	bool more_users;     /* "Enable additional users" */
	bool public_clients; /* implicit grant, and PKCE without the secret */
	bool no_expiration;  /* access tokens without end (legacy) */
	struct str publisher, website, description;
	struct str personality; /* JSON, oauth/personality.h; empty: as Dropbox */
	struct str icon_id;     /* console/icons.h; empty: none */
};

/* Once, before threads: the key of the digests of secrets is at hand from then on. */
void apps_keep_keys(struct sandbox *s);

/* E_NOTFOUND */
MUST enum rc app_get(struct sandbox *s, struct ctx *cx, struct str key, struct app *out);
/* E_NOTFOUND also when it belongs to somebody else. */
MUST enum rc app_get_own(
    struct sandbox *s, struct ctx *cx, struct str key, struct str owner_id, struct app *out);
/* E_CONFLICT the name is taken. Fills key, folder_name, scopes, created_ms. */
MUST enum rc app_create(struct sandbox *s, struct ctx *cx, struct app *app);
/* The same with key, scopes, folder name and secret as given, where they are not empty. E_CONFLICT
 * "key-taken" too. The caller has checked what came from outside. */
MUST enum rc app_import(struct sandbox *s, struct ctx *cx, struct app *app, struct secret secret);
/* Writes name, status, users, public clients, life of tokens and branding. E_CONFLICT the name is
 * taken. */
MUST enum rc app_save(struct sandbox *s, struct ctx *cx, const struct app *app);
MUST enum rc app_secret(struct sandbox *s, struct ctx *cx, struct str key, struct secret *out);
/* Makes a new secret; from now on the old one is wrong. Tokens stay as they are. */
MUST enum rc app_rotate_secret(
    struct sandbox *s, struct ctx *cx, struct str key, struct secret *out);
/* Whether key and secret belong together; takes the same steps for an unknown key. E_BUSY after too
 * many wrong ones for this key within a minute. */
MUST enum rc app_prove(
    struct sandbox *s, struct ctx *cx, struct str key, struct secret given, bool *right);
/* Whether it lets clients in that have no secret; false for an unknown key. */
MUST enum rc app_is_public(struct sandbox *s, struct ctx *cx, struct str key, bool *out);
/* What a person may call an app: printable, 1 to 50 characters, not Dropbox's own. E_INPUT "name". */
MUST enum rc app_name_check(struct ctx *cx, struct str name);
MUST enum rc app_has_uri(
    struct sandbox *s, struct ctx *cx, struct str key, struct str uri, bool *out);
/* E_CONFLICT it is there; E_INPUT there are 100. The caller has checked it with redirect_uri_ok. */
MUST enum rc app_add_uri(struct sandbox *s, struct ctx *cx, struct str key, struct str uri);
MUST enum rc app_remove_uri(struct sandbox *s, struct ctx *cx, struct str key, struct str uri);
/* The same for the domains of Chooser, Saver and Embedder. */
MUST enum rc app_add_domain(struct sandbox *s, struct ctx *cx, struct str key, struct str domain);
MUST enum rc app_remove_domain(
    struct sandbox *s, struct ctx *cx, struct str key, struct str domain);
MUST enum rc app_set_scopes(struct sandbox *s, struct ctx *cx, struct str key, scope_set scopes);
MUST enum rc app_delete(struct sandbox *s, struct ctx *cx, struct str key);

/* One page of the owner's apps, newest first. */
struct apps_query {
	struct str owner_id;
	struct str words; /* part of a name, or a key; empty: all */
	struct str after; /* the cursor of the page before; empty: from the start */
	int64_t limit;
};

/* {apps: [summary], total, next}: total counts what matches; next is null at the end. E_INPUT the
 * cursor is not one. */
MUST enum rc apps_json(struct sandbox *s, struct ctx *cx, const struct apps_query *q, json_t **out);
/* All that the tabs of its owner show, but never the secret. */
MUST enum rc app_json(
    struct sandbox *s, struct ctx *cx, const struct app *app, struct str owner_email, json_t **out);

#endif
