/* sandbox/tree/names.h - names and paths: when two are the same, and their parts. Pure.
 *
 * Two names are the same when their keys are equal: Unicode normalisation form C and full case
 * folding, so that "STRASSE" and "straße" are one name and so are both ways to write "é". The key of
 * a key is itself. Every look-up, listing and write goes by it; what is shown is what was written.
 * Unicode Standard, section 3.13 (default caseless matching). */
#ifndef SANDBOX_TREE_NAMES_H
#define SANDBOX_TREE_NAMES_H

#include "base/arena.h"
#include "base/str.h"

#define PATH_NAME_MAX 255 /* characters of one component */
#define PATH_BYTES_MAX 4096

/* Of well-formed UTF-8; of a whole path it is the keys of its components. */
struct str path_key(struct arena *a, struct str path);
/* The last component, and the path without it. */
struct str path_name(struct str path);
struct str path_parent(struct str path);
size_t path_depth(struct str path); /* components */
/* Without its first `depth` components. */
struct str path_without(struct str path, size_t depth);
/* "/a/b.txt" with 2 gives "/a/b (2).txt", with 0 "/a/b (conflicted copy).txt". A name that would be too
 * long for it loses the end of its stem. */
struct str path_numbered(struct arena *a, struct str path, int n);
/* inner is outer or lies below it; both are keys. */
bool path_within(struct str inner, struct str outer);

#endif
