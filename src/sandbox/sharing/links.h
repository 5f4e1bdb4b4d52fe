/* sandbox/sharing/links.h - shared links: who may open which file or folder by knowing an address.
 *
 * An address is https://HOST/scl/fi/<id>/<name>?rlkey=<key> ("fo" for a folder). The id finds the link,
 * the key opens it; both are random, and the key stands sealed in the store. A link is to a file's id,
 * so it follows the file wherever it is moved, and is dead while the file is deleted. Of the password
 * only a digest under the sandbox's key is kept. Store held. Source: sharing.stone. */
#ifndef SANDBOX_SHARING_LINKS_H
#define SANDBOX_SHARING_LINKS_H

#include "base/ctx.h"
#include "base/secret.h"

struct sandbox;

enum audience { AUDIENCE_PUBLIC, AUDIENCE_TEAM, AUDIENCE_NO_ONE };

struct shared_link {
	struct str id;
	struct secret key;
	struct str account_id; /* whose it is */
	struct str file_id;
	bool folder;
	enum audience audience;
	struct str password_digest; /* empty: no password */
	bool allow_download;
	int64_t expires_ms; /* on the sandbox's clock; 0: never */
	int64_t created_ms;
};

/* Fills id, key and created_ms. */
void shared_link_begin(struct sandbox *s, struct ctx *cx, struct shared_link *l);
/* There is one link for a file. */
MUST enum rc shared_link_add(struct sandbox *s, struct ctx *cx, const struct shared_link *l);
/* Its settings, by id. */
MUST enum rc shared_link_save(struct sandbox *s, struct ctx *cx, const struct shared_link *l);
MUST enum rc shared_link_delete(struct sandbox *s, struct ctx *cx, struct str id);

/* E_INPUT when url is no address of a link, E_NOTFOUND when there is none or the key is wrong. */
MUST enum rc shared_link_by_url(
    struct sandbox *s, struct ctx *cx, struct str url, struct shared_link *out);
/* E_NOTFOUND */
MUST enum rc shared_link_of_file(struct sandbox *s, struct ctx *cx, struct str account_id,
    struct str file_id, struct shared_link *out);

struct shared_link_query {
	struct str account_id;
	struct str after; /* the id to go on after; empty: from the first */
	size_t limit;
};
MUST enum rc shared_links_list(struct sandbox *s, struct ctx *cx, const struct shared_link_query *q,
    struct shared_link *out, size_t *count, bool *more);

struct str shared_link_url(
    struct ctx *cx, const struct shared_link *l, struct str base, struct str name);
struct str shared_link_password_digest(
    struct sandbox *s, struct ctx *cx, const struct shared_link *l, struct secret password);

#endif
