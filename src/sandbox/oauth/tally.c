#include "sandbox/oauth/tally.h"

#include <stdlib.h>

#include "sandbox/core/sql.h"
#include "sandbox/core/state.h"
#include "sandbox/oauth/grants.h"
#include "sandbox/oauth/walk.h"

struct tally {
	bool known;
	uint64_t stamp; /* it is the count under this one */
	int64_t count;
	uint64_t changes; /* how many the stamp did not tell of */
};

struct tally *
tally_new(void)
{
	return mem_alloc(sizeof(struct tally));
}

void
tally_free(struct tally *t)
{
	free(t);
}

void
tally_issued(struct sandbox *s)
{
	s->tally->count++;
	s->tally->changes++;
}

void
tally_swept(struct sandbox *s)
{
	s->tally->known = false;
	s->tally->changes++;
}

struct counting {
	int64_t count;
	uint64_t stamp, changes; /* at the first page, then at the last */
	bool begun, disturbed;
};

static enum rc
count_page(struct sandbox *s, struct ctx *cx, struct str from, struct str to, void *arg)
{
	struct counting *c = arg;
	int64_t n;

	TRY(sql_count(cx, s->db,
	    "SELECT count(*) FROM access_tokens t CROSS JOIN grants g ON g.id = t.grant_id"
	    " WHERE t.digest > $1 AND t.digest <= $2 AND " ALIVE,
	    SQL_ARGS(B(from), B(to)), &n));
	c->disturbed |= c->begun && (c->stamp != store_stamp(s) || c->changes != s->tally->changes);
	c->begun = true;
	c->stamp = store_stamp(s);
	c->changes = s->tally->changes;
	c->count += n;
	return OK;
}

/* Whether nothing has been written since the walk began. */
static void
keep(struct sandbox *s, const struct counting *c)
{
	if (!c->begun || c->disturbed || c->stamp != store_stamp(s) ||
	    c->changes != s->tally->changes)
		return;
	s->tally->known = true;
	s->tally->stamp = c->stamp;
	s->tally->count = c->count;
}

/* True: *out is the count, and nothing need be read. */
static bool
is_known(const struct sandbox *s, int64_t *out)
{
	*out = s->tally->count;
	return s->tally->known && s->tally->stamp == store_stamp(s);
}

enum rc
tally_count(struct sandbox *s, struct ctx *cx, int64_t *out)
{
	struct counting c = { 0 };
	bool known;

	TRY(store_enter(s, cx, STORE_READ));
	known = is_known(s, out);
	TRY(store_leave(s, cx, STORE_READ, OK));
	if (known)
		return OK;
	TRY(walk_tokens(s, cx, &(struct walk){ STORE_READ, count_page, &c }));
	*out = c.count;
	TRY(store_enter(s, cx, STORE_READ));
	keep(s, &c);
	return store_leave(s, cx, STORE_READ, OK);
}
