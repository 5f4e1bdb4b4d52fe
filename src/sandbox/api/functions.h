/* sandbox/api/functions.h - every function of Dropbox's published specification: who may call it, with
 * which permission, and whether the sandbox answers it or not. Facts of the routes' "attrs". */
#ifndef SANDBOX_API_FUNCTIONS_H
#define SANDBOX_API_FUNCTIONS_H

#include "sandbox/core/row.h"

enum function_flag {
	FOLDER = 1, /* apps with access to their app folder may call it */
	ADMIN = 2,  /* takes Dropbox-API-Select-Admin */
	CLOSED = 4, /* its permission is Dropbox's own: nobody can have it */
};

struct function {
	const char *name; /* "files/upload": the path without "/2/" */
	enum access access;
	enum scope scope;
	unsigned flags;
};

/* By name. */
extern const struct function functions[];
extern const size_t function_count;

/* NULL when the specification has no such function. */
const struct function *function_find(const char *name);
/* The row of a function that the sandbox does not have: it checks token and permission, then says so. */
struct row function_absent_row(struct arena *a, const struct function *f);
bool function_is_absent(const struct row *row); /* made by that */

#endif
