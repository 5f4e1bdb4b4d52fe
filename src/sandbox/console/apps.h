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

#define APP_KEY_LEN 15

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
};

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
/* Whether key and secret belong together; takes the same steps for an unknown key. E_BUSY after too
 * many wrong ones for this key within a minute. */
MUST enum rc app_prove(
    struct sandbox *s, struct ctx *cx, struct str key, struct secret given, bool *right);
MUST enum rc app_has_uri(
    struct sandbox *s, struct ctx *cx, struct str key, struct str uri, bool *out);
MUST enum rc app_add_uri(struct sandbox *s, struct ctx *cx, struct str key, struct str uri);
MUST enum rc app_remove_uri(struct sandbox *s, struct ctx *cx, struct str key, struct str uri);
MUST enum rc app_set_scopes(struct sandbox *s, struct ctx *cx, struct str key, scope_set scopes);
MUST enum rc app_delete(struct sandbox *s, struct ctx *cx, struct str key);
/* What a list shows of each of the owner's apps; the detail adds the rest. */
MUST enum rc apps_json(struct sandbox *s, struct ctx *cx, struct str owner_id, json_t **out);
MUST enum rc app_json(
    struct sandbox *s, struct ctx *cx, const struct app *app, struct str owner_email, json_t **out);

#endif
