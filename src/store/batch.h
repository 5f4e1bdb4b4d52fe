/* store/batch.h - several writes, one commit: one sync of the disk for all of them.
 *
 * For results that come in together, such as refreshes. */
#ifndef STORE_BATCH_H
#define STORE_BATCH_H

#include "store/store.h"

struct store_job {
	/* Calls verbs; they see what earlier jobs wrote. */
	enum rc (*run)(struct store *s, struct ctx *cx, void *arg);
	void *arg;
	struct ctx *cx; /* the job's own */
	enum rc rc;     /* out; E_STORE when the commit of all of them failed */
};

/* Runs the jobs in order on this thread, then commits. A job that fails takes back what it wrote and
 * nothing else. Nothing is seen by anybody before all of it is durable. */
void store_batch(struct store *s, struct store_job *jobs, size_t count);

#endif
