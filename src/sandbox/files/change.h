/* sandbox/files/change.h - single changes, as a route by itself and as an entry of a batch.
 *
 * Each fails with the code of its route's union. Store held for writing. */
#ifndef SANDBOX_FILES_CHANGE_H
#define SANDBOX_FILES_CHANGE_H

#include "sandbox/api/args.h"

/* CreateFolderError */
MUST enum rc folder_create(struct sandbox *s, struct ctx *cx, const struct caller *who,
    struct str path_text, bool autorename, struct file *out);
/* DeleteError; arg is a DeleteArg. */
MUST enum rc entry_delete(struct sandbox *s, struct ctx *cx, const struct caller *who,
    const json_t *arg, struct file *out);

/* {"metadata": …} */
json_t *in_metadata(json_t *metadata);

#endif
