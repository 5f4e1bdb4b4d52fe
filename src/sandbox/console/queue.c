/* The queues of notifier_int.h. */
#include <stdlib.h>

#include "sandbox/console/notifier_int.h"

static const int wait_s[ATTEMPTS_MAX - 1] = { 5, 30, 300 };

struct queue *
queue_find(struct notifier *n, struct str id)
{
	for (struct queue *q = n->queues; q != NULL; q = q->next)
		if (str_eq(str_of(q->id), id))
			return q;
	return NULL;
}

static void
queue_free(struct queue *q)
{
	free(q->waiting.at);
	free(q->sent.at);
	free(q);
}

static void
unlink_queue(struct notifier *n, struct queue *gone)
{
	struct queue **at = &n->queues;

	while (*at != gone)
		at = &(*at)->next;
	*at = gone->next;
	n->queue_count--;
	queue_free(gone);
}

/* The list is newest first, so the last idle one is the oldest. */
static bool
make_room(struct notifier *n)
{
	struct queue *oldest = NULL;

	if (n->queue_count < QUEUES_MAX)
		return true;
	for (struct queue *q = n->queues; q != NULL; q = q->next)
		if (!q->in_flight && q->waiting.count == 0)
			oldest = q;
	if (oldest != NULL)
		unlink_queue(n, oldest);
	return oldest != NULL;
}

struct queue *
queue_of(struct notifier *n, struct str id)
{
	struct queue *q = queue_find(n, id);

	if (q != NULL || id.len > WEBHOOK_ID_LEN || !make_room(n))
		return q;
	q = mem_alloc(sizeof(*q));
	memcpy(q->id, id.p, id.len);
	q->next = n->queues;
	n->queues = q;
	n->queue_count++;
	return q;
}

/* One in flight stays until its call has ended. */
void
queue_drop(struct notifier *n, struct str id)
{
	struct queue *q = queue_find(n, id);

	if (q == NULL)
		return;
	q->waiting.count = 0;
	if (!q->in_flight)
		unlink_queue(n, q);
}

void
queues_free(struct notifier *n)
{
	while (n->queues != NULL)
		unlink_queue(n, n->queues);
}

struct queue *
queue_ready(struct notifier *n, int64_t now_ms, int64_t *next_ms)
{
	if (n->in_flight >= IN_FLIGHT_MAX)
		return NULL;
	for (struct queue *q = n->queues; q != NULL; q = q->next) {
		if (q->in_flight || q->waiting.count == 0)
			continue;
		if (q->next_ms <= now_ms)
			return q;
		if (q->next_ms < *next_ms)
			*next_ms = q->next_ms;
	}
	return NULL;
}

void
changed_add(struct changed_list *l, const struct changed *account)
{
	for (size_t i = 0; i < l->count; i++)
		if (strcmp(l->at[i].id, account->id) == 0)
			return;
	if (l->count == ACCOUNTS_MAX)
		return;
	if (l->count == l->room) {
		l->room = l->room > 0 ? 2 * l->room : 4;
		l->at = mem_realloc(l->at, l->room * sizeof(*l->at));
	}
	l->at[l->count++] = *account;
}

void
queue_take(struct queue *q)
{
	struct changed_list empty = q->sent;

	empty.count = 0;
	q->sent = q->waiting;
	q->waiting = empty;
	q->in_flight = true;
}

static struct delivery *
note(struct queue *q, const struct http_reply *reply, int64_t now_ms)
{
	struct delivery *d = &q->log[q->logged++ % LOG_MAX];
	bool answered = reply->end == CALL_ANSWERED;

	*d = (struct delivery){
		.at_ms = now_ms,
		.accounts = q->sent.count,
		.attempt = q->attempts + 1,
		.status = answered || reply->end == CALL_REDIRECTED ? reply->status : 0,
		.delivered = answered && reply->status >= 200 && reply->status < 300,
	};
	if (!answered)
		memcpy(d->error, reply->error, sizeof(d->error));
	return d;
}

void
queue_ended(struct queue *q, const struct http_reply *reply, int64_t now_ms)
{
	struct delivery *d = note(q, reply, now_ms);

	q->in_flight = false;
	if (d->delivered || d->attempt == ATTEMPTS_MAX) {
		q->attempts = 0;
		q->next_ms = 0;
	} else {
		q->next_ms = d->again_ms = now_ms + wait_s[q->attempts++] * 1000LL;
		for (size_t i = 0; i < q->sent.count; i++)
			changed_add(&q->waiting, &q->sent.at[i]);
	}
	q->sent.count = 0;
}
