/* db/postgres_link.h - one connection to PostgreSQL that never hangs and comes back by itself.
 *
 * Owns connecting, waiting with a limit, and what an error means; for db/postgres.c only. */
#ifndef DB_POSTGRES_LINK_H
#define DB_POSTGRES_LINK_H

#include <libpq-fe.h>

#include "base/ctx.h"

struct pg_link {
	PGconn *conn; /* NULL: lost */
	char *url;
	uint64_t generation; /* moves with every new connection: what was prepared is gone */
	int64_t try_at_ms;   /* after a failure, not before; on clock_mono_ms() */
	int64_t patience_ms; /* of one round trip */
	int64_t pause_ms;  /* after a failure to connect, callers are answered at once that long */
	bool listening;    /* on every new connection */
	bool sharing;      /* the same */
	char trouble[200]; /* why it is lost */
};

MUST enum rc pg_link_open(struct ctx *cx, struct pg_link *l, const char *url);
void pg_link_close(struct pg_link *l);
/* Connects anew at the next call. */
void pg_link_drop(struct pg_link *l, const char *why);
/* Connected, as far as one can see without asking. Connects again when the server went away, but
 * not inside a transaction. */
MUST enum rc pg_link_ready(struct ctx *cx, struct pg_link *l, bool in_transaction);
/* The answer to what was sent with PQsend…: the first error, or the last result. E_CONFLICT, E_BUSY,
 * E_STORE; `sent` is what that call returned. *out is the caller's, NULL on failure. */
MUST enum rc pg_link_answer(struct ctx *cx, struct pg_link *l, int sent, PGresult **out);
/* Several statements without parameters, answers thrown away. */
MUST enum rc pg_link_exec(struct ctx *cx, struct pg_link *l, const char *script);
/* Whether the last failure was a connection that broke, so that trying once more makes sense. */
bool pg_link_broke(const struct pg_link *l);

/* What everybody who writes holds shared; of each schema its own. */
#define PG_SERVING "1986096997, hashtext(current_schema()::text)"
/* Holds it, also after connecting anew: while somebody has it alone, there is no connection. */
MUST enum rc pg_link_share(struct ctx *cx, struct pg_link *l);
/* Hears announcements, also after connecting anew. */
MUST enum rc pg_link_listen(struct ctx *cx, struct pg_link *l);
#define PG_ANNOUNCE "NOTIFY valetkey"
/* Until an announcement comes, the connection ends, wake_fd can be read, or ms are over. */
void pg_link_wait(struct pg_link *l, int wake_fd, int64_t ms);

/* "host:port/database" without user and password. */
struct str pg_link_describe(struct arena *a, const char *url);

#endif
