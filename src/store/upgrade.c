/* The schema, brought up to date. */
#include <string.h>

#include "store/store_int.h"

/* The newest step beside which an older program may not go on: it would seal secrets by its own rules, and rows
 * that it wrote would not open any more. */
#define ALONE_STEP 14
#define ALONE_WAIT_MS 10000 /* others that stop just now, or one that is at it */
#define ALONE_AGAIN_MS 100

static enum rc
migrate(struct store *s, struct ctx *cx)
{
	return db_migrate_whole(cx, s->db, &store_schema_whole, store_schema, store_schema_count);
}

static enum rc
is_far_behind(struct store *s, struct ctx *cx, bool *behind)
{
	int64_t version;

	TRY(db_schema_look(cx, s->db, &version));
	*behind = version > 0 && version < ALONE_STEP;
	return OK;
}

static int64_t
patience_ends(const struct ctx *cx)
{
	int64_t until = clock_mono_ms() + ALONE_WAIT_MS;

	return cx->deadline_ms > 0 && cx->deadline_ms < until ? cx->deadline_ms : until;
}

/* Until nobody else serves from it, or somebody else has brought it up to date. */
static enum rc
wait_until_alone(struct store *s, struct ctx *cx, int64_t until, bool *behind)
{
	bool alone = false;

	for (;;) {
		TRY(is_far_behind(s, cx, behind));
		if (*behind)
			TRY(db_claim_alone(cx, s->db, &alone));
		if (alone || !*behind)
			return OK;
		if (clock_mono_ms() >= until)
			break;
		clock_pause_ms(ALONE_AGAIN_MS);
	}
	fail_at(cx, E_CONFLICT, "older-nodes", NULL,
	    "Another valetkey, an older one, serves from this database, and could not read what "
	    "this "
	    "one makes of it.");
	return fail_todo(cx, "Stop all older nodes first. Nothing was changed.");
}

/* Whoever has just brought it up to date holds it alone for a moment more. */
static enum rc
share(struct store *s, struct ctx *cx, int64_t until)
{
	enum rc rc;

	for (;;) {
		rc = db_claim_shared(cx, s->db);
		if (rc != E_STORE || cx->code == NULL ||
		    strcmp(cx->code, "store-unavailable") != 0 || clock_mono_ms() >= until)
			return rc;
		ctx_clear(cx);
		clock_pause_ms(ALONE_AGAIN_MS);
	}
}

enum rc
store_upgrade(struct store *s, struct ctx *cx)
{
	bool behind = false;

	if (db_is_shared(s->db))
		TRY(is_far_behind(s, cx, &behind));
	if (behind)
		TRY(wait_until_alone(s, cx, patience_ends(cx), &behind));
	TRY(migrate(s, cx));
	TRY(share(s, cx, patience_ends(cx)));
	return behind ? db_unclaim_alone(cx, s->db) : OK;
}
