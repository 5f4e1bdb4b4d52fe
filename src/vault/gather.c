#include "vault/gather.h"

#include "base/crash.h"
#include "store/batch.h"
#include "vault/engine_int.h"

/* The replies that can be worked on now. */
static size_t
collect(struct engine *e, struct flight **out)
{
	int64_t now = clock_mono_ms();
	size_t n = 0;

	pthread_mutex_lock(&e->lock);
	for (struct flight *f = e->flights; f != NULL && n < GATHER_MAX; f = f->next)
		if (f->stage == FLIGHT_ANSWERED && f->again_ms <= now)
			out[n++] = f;
	pthread_mutex_unlock(&e->lock);
	return n;
}

static struct store_job
job_of(struct flight *f, enum rc (*run)(struct store *s, struct ctx *cx, void *arg))
{
	ctx_clear(&f->cx);
	return (struct store_job){ .run = run, .arg = f, .cx = &f->cx };
}

static void
seal_all(struct engine *e, struct flight **flights, size_t count)
{
	struct store_job jobs[GATHER_MAX];
	size_t n = 0;

	for (size_t i = 0; i < count; i++)
		if (attempt_wants_seal(flights[i]))
			jobs[n++] = job_of(flights[i], attempt_seal);
	if (n < 2)
		return; /* attempt_answered() seals it */
	store_batch(e->vault->store, jobs, n);
	for (size_t i = 0; i < n; i++)
		if (jobs[i].rc == OK)
			attempt_sealed(jobs[i].arg);
}

static void
commit_all(struct engine *e)
{
	struct store_job jobs[GATHER_MAX];
	size_t n = e->gathered_count;

	for (size_t i = 0; i < n; i++)
		jobs[i] = job_of(e->gathered[i], attempt_commit);
	store_batch(e->vault->store, jobs, n);
	for (size_t i = 0; i < n; i++)
		attempt_committed(jobs[i].arg, jobs[i].rc);
}

void
gather_answered(struct engine *e)
{
	struct flight *flights[GATHER_MAX];
	size_t n = collect(e, flights);

	if (n == 1) {
		attempt_answered(flights[0]);
		return;
	}
	seal_all(e, flights, n);
	e->gathering = true;
	e->gathered_count = 0;
	/* Each ends its own flight only, or leaves it to be committed. */
	for (size_t i = 0; i < n; i++)
		attempt_answered(flights[i]);
	e->gathering = false;
	commit_all(e);
}

bool
gather_takes(struct flight *f)
{
	struct engine *e = f->engine;

	if (!e->gathering || e->gathered_count == GATHER_MAX)
		return false;
	e->gathered[e->gathered_count++] = f;
	return true;
}
