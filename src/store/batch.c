#include "store/batch.h"

#include "store/store_int.h"

/* The words of one failure, for every job that shares it. */
static void
all_failed(struct store_job *jobs, size_t count, const struct ctx *why)
{
	for (size_t i = 0; i < count; i++) {
		if (jobs[i].rc != OK)
			continue; /* it has words of its own */
		jobs[i].rc = fail_at(jobs[i].cx, why->rc, why->code, NULL, "%s", why->why);
		jobs[i].cx->retry_after_s = why->retry_after_s;
	}
}

static enum rc
run_job(struct store *s, struct ctx *cx, struct store_job *job)
{
	TRY(db_savepoint(cx, s->db));
	job->rc = job->run(s, job->cx, job->arg);
	if (job->rc != OK)
		s->event_made = 0;
	return db_savepoint_end(cx, s->db, job->rc == OK);
}

static enum rc
run_all(struct store *s, struct ctx *cx, struct store_job *jobs, size_t count)
{
	TRY(db_begin(cx, s->db));
	for (size_t i = 0; i < count; i++)
		TRY(run_job(s, cx, &jobs[i]));
	return db_commit(cx, s->db);
}

void
store_batch(struct store *s, struct store_job *jobs, size_t count)
{
	struct ctx cx;

	if (count == 0)
		return;
	ctx_init(&cx, jobs[0].cx->arena, jobs[0].cx->clock);
	cx.may_block = true;
	for (size_t i = 0; i < count; i++)
		jobs[i].rc = OK;
	STORE_HOLD hold = store_hold(s, &cx);
	store_batch_begins(s);
	if (run_all(s, &cx, jobs, count) != OK)
		all_failed(jobs, count, &cx);
	store_batch_ends(s);
}
