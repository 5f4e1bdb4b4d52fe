#include "http/server_int.h"
#include "http/spool.h"

#define WAITING_MAX 1024
#define BATCH_MAX 64

void
workers_init(struct workers *w)
{
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->more, NULL);
	w->last = &w->first;
}

struct exchange *
workers_submit(struct workers *w, struct exchange *list)
{
	pthread_mutex_lock(&w->lock);
	while (list != NULL && w->waiting < WAITING_MAX) {
		*w->last = list;
		w->last = &list->next;
		w->waiting++;
		list = list->next;
	}
	*w->last = NULL;
	pthread_cond_signal(&w->more);
	pthread_mutex_unlock(&w->lock);
	return list;
}

/* Waits for something to do; at most max of it. 0: the end. */
static size_t
take(struct workers *w, struct exchange **xs, size_t max)
{
	size_t count = 0;

	pthread_mutex_lock(&w->lock);
	while (w->first == NULL && !w->stopping)
		pthread_cond_wait(&w->more, &w->lock);
	while (w->first != NULL && count < max) {
		xs[count++] = w->first;
		w->first = w->first->next;
	}
	if (w->first == NULL)
		w->last = &w->first;
	w->waiting -= count;
	pthread_mutex_unlock(&w->lock);
	return count;
}

static void
run(const struct frame *f, struct exchange *x)
{
	if (x->admit)
		x->admit = frame_admit(f, x);
	else if (x->begun)
		frame_go_on(f, x);
	else if (frame_run(f, x, true) == FRAME_REPLY)
		spool_drop(f->site->body_dir, &x->req); /* here, since it may block */
}

static void *
worker_main(void *arg)
{
	struct http_server *s = arg;
	struct exchange *x;

	while (take(&s->workers, &x, 1) > 0) {
		run(&s->frame, x);
		x->next = NULL;
		loop_finished(x->loop, x);
	}
	return NULL;
}

/* Each loop is woken once. */
static void
give_back(struct exchange **xs, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct loop *l = xs[i] != NULL ? xs[i]->loop : NULL;
		struct exchange *list = NULL;

		for (size_t k = i; l != NULL && k < count; k++) {
			if (xs[k] == NULL || xs[k]->loop != l)
				continue;
			xs[k]->next = list;
			list = xs[k];
			xs[k] = NULL;
		}
		if (list != NULL)
			loop_finished(l, list);
	}
}

static void *
batch_main(void *arg)
{
	struct http_server *s = arg;
	struct exchange *xs[BATCH_MAX];
	size_t count, ran;

	while ((count = take(&s->batch, xs, BATCH_MAX)) > 0) {
		for (size_t i = 0; i < count; i += ran) {
			ran = frame_batch_run(&s->frame, xs + i, count - i);
			give_back(xs + i, ran);
		}
	}
	return NULL;
}

static enum rc
start(struct ctx *cx, struct http_server *s, struct workers *w, int count, void *(*run)(void *))
{
	for (w->count = 0; w->count < count; w->count++) {
		if (pthread_create(&w->threads[w->count], NULL, run, s) != 0)
			return fail(cx, E_BUG, "A worker thread could not be started.");
	}
	return OK;
}

enum rc
workers_start(struct ctx *cx, struct http_server *s, int count)
{
	return start(cx, s, &s->workers, count, worker_main);
}

enum rc
batch_start(struct ctx *cx, struct http_server *s)
{
	return s->frame.site->begin != NULL ? start(cx, s, &s->batch, 1, batch_main) : OK;
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
