/* sandbox/files/commit.h - CommitInfo: where a content goes, and what happens if something is there.
 *
 * files.stone, CommitInfo and WriteMode. */
#ifndef SANDBOX_FILES_COMMIT_H
#define SANDBOX_FILES_COMMIT_H

#include "sandbox/api/args.h"

enum write_mode { MODE_ADD, MODE_OVERWRITE, MODE_UPDATE };

struct commit {
	struct place at;
	enum write_mode mode;
	struct str update_rev;
	bool autorename, strict_conflict;
	int64_t client_ms; /* 0: not given */
};

/* The members of CommitInfo, for lists of names. */
#define COMMIT_NAMES                                                                \
	"path", "mode", "autorename", "client_modified", "mute", "property_groups", \
	    "strict_conflict"

/* Out of an argument whose members were looked at. */
MUST enum rc commit_read(
    struct ctx *cx, const struct caller *who, const json_t *arg, struct commit *out);
/* Writes it. E_CONFLICT with the tail of a WriteError. *used is false when exactly this content stood
 * there already: then nothing was written and *out is what stands there. Store held for writing. */
MUST enum rc commit_write(struct sandbox *s, struct ctx *cx, const struct caller *who,
    const struct commit *u, const struct content *c, struct file *out, bool *used);

/* A name that Dropbox saves for nobody: E_CONFLICT "disallowed_name". */
MUST enum rc name_allowed(struct ctx *cx, struct str path);
/* "content_hash": empty when absent, otherwise 64 hexadecimal digits. */
MUST enum rc content_hash_read(struct ctx *cx, const json_t *arg, struct str *out);
/* E_CONFLICT "content_hash_mismatch" unless wanted is empty or it. */
MUST enum rc content_hash_check(struct ctx *cx, struct str wanted, const struct content *c);
/* E_INPUT unless the body of an upload route has its media type. */
MUST enum rc upload_type_check(struct ctx *cx, const struct http_req *req);

#endif
