/* run/visit.h - a command that writes to a manager's data, which may be serving meanwhile. */
#ifndef RUN_VISIT_H
#define RUN_VISIT_H

#include "run/start.h"

struct vault;

struct visit {
	struct vault *vault; /* NULL until visit_open */
	int lock_fd;
};

/* Finds the data that the options name, and keeps it where it is until visit_end, which is called whatever
 * becomes of this. E_INPUT there is none. E_CONFLICT it is being moved. */
MUST enum rc visit_begin(struct start *st, struct visit *out);
MUST enum rc visit_open(struct start *st, struct visit *v);
void visit_end(struct visit *v);

#endif
