/* sandbox/console/notifier_int.h - the inside of the notifier: the queue of each webhook, and who does
 * what. queue.c keeps it, notifier.c runs the thread, deliver.c speaks to the world. */
#ifndef SANDBOX_CONSOLE_NOTIFIER_INT_H
#define SANDBOX_CONSOLE_NOTIFIER_INT_H

#include <pthread.h>

#include "http/client.h"
#include "sandbox/console/notifier.h"
#include "sandbox/console/webhooks.h"

#define ACCOUNTS_MAX 1000 /* in one call; what is more waits for nothing and is left out */
#define LOG_MAX 10
#define QUEUES_MAX 2000
#define IN_FLIGHT_MAX 16
#define ATTEMPTS_MAX 4
#define ACCOUNT_ID_LEN 40

struct changed {
	char id[ACCOUNT_ID_LEN + 1];
	int64_t uid;
};

struct changed_list {
	struct changed *at;
	size_t count, room;
};

struct delivery {
	int64_t at_ms, again_ms; /* again_ms 0: not tried again */
	size_t accounts;
	int attempt, status;
	bool delivered;
	char error[160];
};

/* One webhook that something has happened to. */
struct queue {
	struct queue *next;
	char id[WEBHOOK_ID_LEN + 1];
	struct changed_list waiting, sent; /* sent: what the call in flight tells */
	bool in_flight;
	int attempts;    /* calls that failed in a row */
	int64_t next_ms; /* not before, on the sandbox's clock */
	struct delivery log[LOG_MAX];
	size_t logged; /* how many there were ever */
};

struct mark {
	struct changed account;
	int64_t seq;
};

struct notifier {
	struct sandbox *s;
	pthread_t thread;

	pthread_mutex_t lock; /* the rest; a leaf: nothing is called while it is held */
	pthread_cond_t wake;
	bool stop, dirty;
	int64_t dirty_ms; /* monotonic: when the first change came that nobody has looked at */
	struct queue *queues;
	size_t queue_count, in_flight;
	int challenges;
	struct http_client *client;
	struct mark *marks; /* by account id; NULL while no webhook is enabled */
	size_t mark_count;
};

/* --- queue.c: n->lock held --- */
struct queue *queue_find(struct notifier *n, struct str id);
/* Makes it when there is none; the oldest idle one goes when there are too many. NULL: all are busy. */
struct queue *queue_of(struct notifier *n, struct str id);
void queue_drop(struct notifier *n, struct str id);
void queues_free(struct notifier *n);
/* The next one that has something to say at now_ms; otherwise NULL, and *next_ms is lowered to when
 * one will. */
struct queue *queue_ready(struct notifier *n, int64_t now_ms, int64_t *next_ms);
void changed_add(struct changed_list *l, const struct changed *account);
/* All that waits becomes what is sent. */
void queue_take(struct queue *q);
/* How the call ended. Sets next_ms, or gives up. */
void queue_ended(struct queue *q, const struct http_reply *reply, int64_t now_ms);

/* --- deliver.c --- */
/* Sends what waits in the queue of this webhook, or empties it when the webhook is gone. Takes the
 * store; n->lock not held. */
void notifier_deliver(struct notifier *n, struct ctx *cx, struct str hook_id);

#endif
