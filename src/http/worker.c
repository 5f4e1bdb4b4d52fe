#include "http/server_int.h"
#include "http/spool.h"

#define WAITING_MAX 1024

void
workers_init(struct workers *w)
{
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->more, NULL);
	w->last = &w->first;
}

bool
workers_submit(struct workers *w, struct exchange *x)
{
	bool fits;

	x->next = NULL;
	pthread_mutex_lock(&w->lock);
	fits = w->waiting < WAITING_MAX;
	if (fits) {
		*w->last = x;
		w->last = &x->next;
		w->waiting++;
		pthread_cond_signal(&w->more);
	}
	pthread_mutex_unlock(&w->lock);
	return fits;
}

static struct exchange *
take(struct workers *w)
{
	struct exchange *x;

	pthread_mutex_lock(&w->lock);
	while (w->first == NULL && !w->stopping)
		pthread_cond_wait(&w->more, &w->lock);
	x = w->first;
	if (x != NULL) {
		w->first = x->next;
		if (w->first == NULL)
			w->last = &w->first;
		w->waiting--;
	}
	pthread_mutex_unlock(&w->lock);
	return x;
}

static void
run(const struct frame *f, struct exchange *x)
{
	if (x->admit)
		x->admit = frame_admit(f, x);
	else if (frame_run(f, x, true) == FRAME_REPLY)
		spool_drop(f->site->body_dir, &x->req); /* here, since it may block */
}

static void *
worker_main(void *arg)
{
	struct http_server *s = arg;
	struct exchange *x;

	while ((x = take(&s->workers)) != NULL) {
		run(&s->frame, x);
		loop_finished(x->loop, x);
	}
	return NULL;
}

enum rc
workers_start(struct ctx *cx, struct http_server *s, int count)
{
	struct workers *w = &s->workers;

	for (w->count = 0; w->count < count; w->count++) {
		if (pthread_create(&w->threads[w->count], NULL, worker_main, s) != 0)
			return fail(cx, E_BUG, "A worker thread could not be started.");
	}
	return OK;
}

void
workers_stop(struct workers *w)
{
	pthread_mutex_lock(&w->lock);
	w->stopping = true;
	pthread_cond_broadcast(&w->more);
	pthread_mutex_unlock(&w->lock);
	for (int i = 0; i < w->count; i++)
		pthread_join(w->threads[i], NULL);
	w->count = 0;
	pthread_cond_destroy(&w->more);
	pthread_mutex_destroy(&w->lock);
}
