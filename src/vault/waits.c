#include "vault/waits.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "vault/vault_int.h"

#define LONG_MAX_ALL 12    /* of sixteen workers */
#define LONG_MAX_PERSON 14 /* with those of people */
#define REPORTS_MAX 3
#define JOIN_S 1
#define RETRY_S 5

/* The question about one token. Who joins counts, so that the slot stays until all have read it. */
struct question {
	char token[ID_LEN + 1];
	int holders; /* who asks and who joined; 0: free */
	bool answered, answer;
};

struct waits {
	pthread_mutex_t lock;
	pthread_cond_t answered;
	int all, reports;
	struct question questions[REPORTS_MAX];
};

struct waits *
waits_new(void)
{
	struct waits *w = mem_alloc(sizeof(*w));
	pthread_condattr_t attr;

	pthread_mutex_init(&w->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&w->answered, &attr);
	pthread_condattr_destroy(&attr);
	return w;
}

void
waits_free(struct waits *w)
{
	if (w == NULL)
		return;
	pthread_cond_destroy(&w->answered);
	pthread_mutex_destroy(&w->lock);
	free(w);
}

static bool
enter(struct waits *w, enum wait_for what)
{
	if (w->all >= (what == WAIT_PERSON ? LONG_MAX_PERSON : LONG_MAX_ALL) ||
	    (what == WAIT_REPORT && w->reports >= REPORTS_MAX))
		return false;
	w->all++;
	if (what == WAIT_REPORT)
		w->reports++;
	return true;
}

static void
leave(struct waits *w, enum wait_for what)
{
	w->all--;
	if (what == WAIT_REPORT)
		w->reports--;
}

bool
waits_enter(struct waits *w, enum wait_for what)
{
	bool entered;

	pthread_mutex_lock(&w->lock);
	entered = enter(w, what);
	pthread_mutex_unlock(&w->lock);
	return entered;
}

void
waits_leave(struct waits *w, enum wait_for what)
{
	pthread_mutex_lock(&w->lock);
	leave(w, what);
	pthread_mutex_unlock(&w->lock);
}

enum rc
waits_enter_person(struct waits *w, struct ctx *cx)
{
	if (waits_enter(w, WAIT_PERSON))
		return OK;
	fail_at(cx, E_BUSY, "providers-slow", NULL,
	    "Too many requests wait for slow providers just now.");
	cx->retry_after_s = RETRY_S;
	return fail_todo(cx, "Try again in a few seconds.");
}

/* --- one question for each token --- */

static struct question *
find(struct waits *w, struct str token_id)
{
	for (size_t i = 0; i < REPORTS_MAX; i++)
		if (w->questions[i].holders > 0 && !w->questions[i].answered &&
		    str_eq(str_of(w->questions[i].token), token_id))
			return &w->questions[i];
	return NULL;
}

static enum wait_ask
join(struct waits *w, struct question *q, bool *answer)
{
	struct timespec until;
	bool told;
	int rc = 0;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += JOIN_S;
	q->holders++;
	while (!q->answered && rc == 0)
		rc = pthread_cond_timedwait(&w->answered, &w->lock, &until);
	told = q->answered;
	*answer = q->answer;
	q->holders--;
	return told ? WAIT_TOLD : WAIT_FULL;
}

static enum wait_ask
begin(struct waits *w, struct str token_id)
{
	for (size_t i = 0; i < REPORTS_MAX; i++) {
		struct question *q = &w->questions[i];

		if (q->holders > 0)
			continue;
		if (!enter(w, WAIT_REPORT))
			break;
		*q = (struct question){ .holders = 1 };
		memcpy(q->token, token_id.p, token_id.len < ID_LEN ? token_id.len : ID_LEN);
		return WAIT_ASK;
	}
	return WAIT_FULL;
}

enum wait_ask
waits_ask(struct waits *w, struct str token_id, bool *answer)
{
	struct question *q;
	enum wait_ask ask;

	pthread_mutex_lock(&w->lock);
	q = find(w, token_id);
	ask = q != NULL ? join(w, q, answer) : begin(w, token_id);
	pthread_mutex_unlock(&w->lock);
	return ask;
}

void
waits_answer(struct waits *w, struct str token_id, bool answer)
{
	struct question *q;

	pthread_mutex_lock(&w->lock);
	q = find(w, token_id);
	if (q != NULL) {
		q->answered = true;
		q->answer = answer;
		q->holders--;
	}
	leave(w, WAIT_REPORT);
	pthread_cond_broadcast(&w->answered);
	pthread_mutex_unlock(&w->lock);
}
