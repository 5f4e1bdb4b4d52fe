/* sandbox/core/state.h - what the handlers of the sandbox share.
 *
 * Everything but the database and the throttles is set before the server starts and never changes.
 * The database is used between store_enter and store_leave only; the dispatcher does that for each
 * row that says so. A request is whole or not at all; those that write at the same time share a
 * transaction (store.h). */
#ifndef SANDBOX_CORE_STATE_H
#define SANDBOX_CORE_STATE_H

#include <pthread.h>

#include "base/ctx.h"
#include "base/secret.h"
#include "crypto/crypto.h"
#include "db/db.h"
#include "http/server.h"

#define SECOND_MS 1000LL
#define MINUTE_MS (60 * SECOND_MS)
#define HOUR_MS (60 * MINUTE_MS)
#define DAY_MS (24 * HOUR_MS)

struct throttle;
struct known;
struct counts;
struct sweep;
struct tally;
struct faults;
struct rates;
struct reqlog;
struct notifier;
struct contents;

struct sandbox {
	struct arena *arena; /* the texts below */
	struct keyring *keys;
	struct clock *clock;
	struct str public_url, data_dir;
	struct str cookie_name, secure_cookie_name; /* reach.h says which */
	struct str shell_head, shell_tail;          /* the page around its boot object */
	struct secret control_token;
	/* One for each kind of guess, so that a flood of one kind cannot make another forgotten. */
	struct throttle *sign_ins, *app_secrets, *link_passwords;
	struct faults *faults; /* these three are the control room's, with locks of their own */
	struct rates *rates;
	struct reqlog *reqlog;

	struct notifier *notifier; /* console/notifier.h; NULL until everything else is there */
	/* Called after a transaction that may have written was committed, without the lock. */
	void (*committed)(struct sandbox *s);
	/* Called when what requests had written together was lost, with the lock: what they changed in
	 * memory goes back to what the store says. */
	void (*undone)(struct sandbox *s);
	/* Called, with the lock, when what was written is committed (kept), and when it was taken back: all
	 * of a transaction, or a part of it. NULL until everything is there. */
	void (*ended)(struct sandbox *s, bool kept);

	pthread_mutex_t lock; /* the database and what belongs to it */
	struct db *db;
	bool writing;                      /* whoever has the store has it for writing */
	bool keep;                         /* commit although the request fails */
	bool tidied;                       /* contents_tidy has had its turn in this transaction */
	size_t parts;                      /* of the transaction that requests share */
	bool parts_lost;                   /* it failed in one of them */
	bool careful;                      /* and now each can be undone alone */
	uint64_t part_from;                /* db_runs at the beginning of the one under way */
	uint64_t stamp;                    /* what store_stamp adds to db_runs */
	struct known *clients, *refreshes; /* core/known.h: of console/apps.c, of oauth/refresh.c */
	struct counts *counts;             /* oauth/counts.h */
	struct sweep *sweep;               /* oauth/sweep.h */
	struct tally *tally;               /* oauth/tally.h */

	struct contents *contents; /* tree/contents.h */

	struct http_route *routes;
	const struct row **rows; /* of the same index */
	struct http_site site;
};

#endif
