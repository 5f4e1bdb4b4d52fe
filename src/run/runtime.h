/* run/runtime.h - what a running sandbox tells other processes of its user: where it listens.
 *
 * A small file in the data directory, mode 0600, from when the sandbox answers until it ends. A file
 * that a killed one left behind is known by the directory's lock, which goes with its process. */
#ifndef RUN_RUNTIME_H
#define RUN_RUNTIME_H

#include "base/ctx.h"

struct runtime {
	struct str url;   /* "http://127.0.0.1:8091" */
	struct str proxy; /* "http://127.0.0.1:8092"; empty: none */
	bool ca;          /* its certificates are in use */
};

/* Locks the data directory, which is made when missing: one server for each. The lock is the process's
 * and goes with it. E_CONFLICT another has it. */
MUST enum rc runtime_lock(struct ctx *cx, const char *data_dir, int *fd);
/* For a command that writes to its data beside the server, or without one; several may at once.
 * E_CONFLICT while the data is moved. */
MUST enum rc runtime_visit(struct ctx *cx, const char *data_dir, int *fd);
/* For moving its data: no server and no such command. E_CONFLICT there is one. */
struct runtime_alone {
	int server_fd, visitors_fd; /* { -1, -1 }: nothing is locked */
};
MUST enum rc runtime_alone(struct ctx *cx, const char *data_dir, struct runtime_alone *out);
void runtime_alone_end(struct runtime_alone *a);
void runtime_unlock(int fd);

MUST enum rc runtime_write(struct ctx *cx, const char *data_dir, const struct runtime *r);
void runtime_remove(struct ctx *cx, const char *data_dir);
/* E_NOTFOUND: no sandbox is running there. */
MUST enum rc runtime_read(struct ctx *cx, const char *data_dir, struct runtime *out);

#endif
