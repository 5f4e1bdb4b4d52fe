/* sandbox/tree/contents.h - the bytes of files, on disk under DIR/files.
 *
 * A content is a regular file that is never changed once it is in place. Its name is random: nothing a
 * user names is ever a name on disk.
 *
 *   DIR/files/incoming/<id>     while it arrives (http/server.h, BODY_TO_FILE)
 *   DIR/files/sessions/<id>     while an upload session collects it
 *   DIR/files/store/<xx>/<id>   in place; xx are the id's first two digits
 *
 * What was started with incoming/ or sessions/ stays there too, as a second name of the same file,
 * until the database has it: so the next start finds what a killed process left, and nothing else has
 * to be looked at. Every open refuses links and whatever is no regular file. The table contents counts
 * how many entries and revisions share one; what none has goes away with the next write. */
#ifndef SANDBOX_TREE_CONTENTS_H
#define SANDBOX_TREE_CONTENTS_H

#include "base/ctx.h"

struct sandbox;
struct contents;

#define CONTENT_BLOCK (4u << 20)

struct content {
	struct str id;
	int64_t size;
	struct str hash; /* Dropbox's block hash, hex */
};

/* Makes the directories and removes what a killed process left. Sets s->contents. Store held. */
MUST enum rc contents_open(struct sandbox *s, struct ctx *cx, const char *dir);
void contents_close(struct sandbox *s);
/* From here on contents are on the disk when they are in place; those from before once contents_settle
 * returns. So a first start answers before the disk has everything. */
void contents_opened(struct sandbox *s);
void contents_settle(struct sandbox *s); /* one thread, once */
/* For http_site.body_dir; lives as long as the sandbox. */
const char *contents_incoming(const struct sandbox *s);

/* Reads fd from its start: size and hash. Takes its time: not with the store held. */
MUST enum rc content_measure(struct ctx *cx, int fd, struct content *out);
/* Syncs incoming/<id> and gives it its place. E_STORE; "insufficient-storage" on a full disk. Not
 * with the store held. */
MUST enum rc content_place(struct sandbox *s, struct ctx *cx, int fd, struct str id);
/* The same for sessions/<id>. */
MUST enum rc content_place_session(struct sandbox *s, struct ctx *cx, int fd, struct str id);
/* Takes a place back whose content the database did not take. */
void content_unplace(struct sandbox *s, struct ctx *cx, struct str id);
/* Small text from memory, in place. Before the start is over its second name goes with contents_settle. */
MUST enum rc content_write(
    struct sandbox *s, struct ctx *cx, struct str bytes, struct content *out);
/* Open for reading. E_STORE when it is missing, no regular file, or of another size. */
MUST enum rc content_open(struct sandbox *s, struct ctx *cx, struct str id, int64_t size, int *fd);

/* A file without a name, for what is made on the way; the caller closes fd. */
MUST enum rc content_scratch(struct sandbox *s, struct ctx *cx, int *fd);

/* One more, one less entry has it. Store held for writing. */
MUST enum rc content_hold(struct sandbox *s, struct ctx *cx, const struct content *c);
MUST enum rc content_release(struct sandbox *s, struct ctx *cx, struct str id);
/* Removes some of the contents nobody has. Before the transaction releases any; later calls in the
 * same one do nothing. */
MUST enum rc contents_tidy(struct sandbox *s, struct ctx *cx);

/* For copies of the whole: the directory that an id's file is in, made when make says so; -1 and
 * errno. The caller closes it. */
int content_shelf(const struct sandbox *s, struct str id, bool make);
/* Removes every file of the store that the database does not know and that is not on its way in. */
MUST enum rc contents_weed(struct sandbox *s, struct ctx *cx);

/* Files of upload sessions. An arrived body becomes one, under its own name; or an empty one is made. */
MUST enum rc session_file_take(struct sandbox *s, struct ctx *cx, struct str id);
MUST enum rc session_file_make(struct sandbox *s, struct ctx *cx, struct str id);
/* For reading and writing; the caller closes fd. */
MUST enum rc session_file_open(struct sandbox *s, struct ctx *cx, struct str id, int *fd);
void session_file_remove(struct sandbox *s, struct str id);

/* The failure for an errno; "insufficient-storage" for a full disk. `what` could not be done. */
enum rc content_broken(struct ctx *cx, int error, const char *what);

/* Of the whole of it, for tests and small texts. */
struct str content_hash(struct arena *a, struct str bytes);
/* A random name for a content or a session. */
struct str content_new_id(struct arena *a);

#endif
