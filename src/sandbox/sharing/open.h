/* sandbox/sharing/open.h - opening a shared link: whether this caller may, what it leads to, and how it
 * is shown. Failures are those of SharedLinkError in sharing.stone. */
#ifndef SANDBOX_SHARING_OPEN_H
#define SANDBOX_SHARING_OPEN_H

#include "http/message.h"
#include "sandbox/oauth/grants.h"
#include "sandbox/sharing/links.h"
#include "sandbox/tree/files.h"

struct opened {
	struct shared_link link;
	struct file file;     /* what it leads to: the linked one, or one below a linked folder */
	struct account owner; /* of the link */
	bool mine;            /* the caller is the owner, and the file is within the app's root */
};

struct opening {
	struct str url;
	struct str path;        /* below a linked folder, "/…"; empty: the folder itself */
	struct secret password; /* empty: none given */
};

/* E_CONFLICT "shared_link_not_found" or "shared_link_access_denied"; E_BUSY after ten wrong passwords
 * for one link within a minute. */
MUST enum rc link_open(struct sandbox *s, struct ctx *cx, const struct caller *who,
    const struct opening *o, struct opened *out);
/* A link that the caller made and may change. */
MUST enum rc link_mine(struct sandbox *s, struct ctx *cx, const struct caller *who, struct str url,
    struct opened *out);
/* The file of a link of the caller's own; E_NOTFOUND while it is deleted or out of the app's root. */
MUST enum rc link_target(struct sandbox *s, struct ctx *cx, const struct caller *who,
    const struct shared_link *l, struct file *out);

/* ResolvedVisibility. */
const char *link_visibility(const struct shared_link *l);
/* The file's path_lower as the caller's app sees it. */
struct str link_path(const struct caller *who, const struct file *f);
/* SharedLinkMetadata; base is the origin of the address. */
json_t *link_json(
    struct ctx *cx, const struct caller *who, const struct opened *o, struct str base);

#endif
