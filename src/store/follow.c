/* A node among others on one database: what it changes it writes into change_log under its own name
 * and numbers; what the others wrote there it reads and passes on. Numbers are a node's own, so that
 * no two nodes ever wait for each other over one. */
#include "store/changes.h"

#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/log.h"
#include "store/store_int.h"

#define LOOK_MS 300       /* the others' rows are read at least that often */
#define PATIENCE_MS 500   /* with a connection that says nothing */
#define AGAIN_MS 100      /* after a failure */
#define CATCH_UP_MAX 1000 /* further behind, everything is forgotten instead */
#define KEEP 10000        /* changes of one node that stay readable, well above that */
#define PRUNE_EVERY 1000
#define NODE_LIFE_MS (24LL * 3600 * 1000)
#define ID_LEN 12

struct position {
	char node[ID_LEN + 1];
	int64_t seq; /* read up to here */
};

struct follower {
	struct store *store;
	char id[ID_LEN + 1];
	int64_t seq; /* the writer's: of the newest change of this node */
	bool noted;  /* the writer's: something is to be announced */

	struct store view; /* the thread's own connection, to read through; its lock is not used */
	int wake_fd;       /* an announcement is to be made, or the end */
	struct position *positions; /* of each node that has a row, in the order of their names */
	size_t position_count;
	enum rc (*fn)(void *arg, struct ctx *cx, const struct change *change);
	void *arg;
	pthread_t thread;
	bool running;
	_Atomic pthread_t self; /* set by the thread; 0: not yet */
	_Atomic bool stopping;
	_Atomic int64_t certain_ms; /* clock_mono_ms() when all was known */
};

/* --- writing --- */

static enum rc
write_node(struct follower *f, struct ctx *cx, int64_t wall_ms)
{
	struct db_stmt *st;

	TRY(db_stmt(cx, f->store->db,
	    "INSERT INTO node (id, seq, seen_ms) VALUES ($1, $2, $3)"
	    " ON CONFLICT (id) DO UPDATE SET seq = excluded.seq, seen_ms = excluded.seen_ms",
	    &st));
	db_bind_text(st, 1, str_of(f->id));
	db_bind_int(st, 2, f->seq);
	db_bind_int(st, 3, wall_ms);
	return db_run(cx, st, NULL);
}

static enum rc
prune_own(struct follower *f, struct ctx *cx)
{
	struct db_stmt *st;

	TRY(db_stmt(cx, f->store->db, "DELETE FROM change_log WHERE node = $1 AND seq < $2", &st));
	db_bind_text(st, 1, str_of(f->id));
	db_bind_int(st, 2, f->seq - KEEP);
	return db_run(cx, st, NULL);
}

struct notes {
	struct follower *f;
	enum change_kind kind;
	const struct str *ids;
	int64_t first, wall_ms;
};

static void
bind_note(void *arg, size_t i, struct db_stmt *st)
{
	const struct notes *n = arg;

	db_bind_text(st, 1, str_of(n->f->id));
	db_bind_int(st, 2, n->first + (int64_t)i);
	db_bind_int(st, 3, n->kind);
	db_bind_text(st, 4, n->ids[i]);
	db_bind_int(st, 5, n->wall_ms);
}

enum rc
follower_note(
    struct store *s, struct ctx *cx, enum change_kind kind, const struct str *ids, size_t count)
{
	struct follower *f = s->follower;
	struct notes notes = { f, kind, ids, f->seq + 1, clock_wall_ms() };
	int64_t before = f->seq;

	f->seq += (int64_t)count; /* a number that was rolled back is not used again */
	f->noted = true;
	TRY(db_run_many(cx, s->db,
	    &(struct db_many){ .sql = "INSERT INTO change_log (node, seq, kind, item, made_ms)"
				      " VALUES ($1, $2, $3, $4, $5)",
		.count = count,
		.bind = bind_note,
		.arg = &notes,
		.changed = ARENA_ARRAY(cx->arena, int64_t, count) }));
	TRY(write_node(f, cx, notes.wall_ms));
	return f->seq / PRUNE_EVERY != before / PRUNE_EVERY ? prune_own(f, cx) : OK;
}

static void
wake(struct follower *f)
{
	uint64_t one = 1;

	if (write(f->wake_fd, &one, sizeof(one)) < 0)
		return; /* it is awake already */
}

void
follower_announce(struct follower *f)
{
	if (!f->noted)
		return;
	f->noted = false;
	wake(f);
}

/* --- reading --- */

static int
by_node(const void *a, const void *b)
{
	return memcmp(((const struct position *)a)->node, ((const struct position *)b)->node,
	    sizeof(((const struct position *)a)->node));
}

/* Where we are with a node; 0: it was not there yet. */
static int64_t
read_up_to(const struct follower *f, const struct position *node)
{
	const struct position *p = f->position_count == 0
	    ? NULL
	    : bsearch(node, f->positions, f->position_count, sizeof(*node), by_node);

	return p == NULL ? 0 : p->seq;
}

static enum rc
tell(struct follower *f, struct ctx *cx, const struct change *change)
{
	struct store *s = f->store;

	if (s->on_event != NULL && (change->kind == CHANGE_EVENTS || change->kind == CHANGE_ALL))
		s->on_event(s->on_event_arg);
	return change->kind == CHANGE_EVENTS ? OK : f->fn(f->arg, cx, change);
}

static enum rc
tell_all(struct follower *f, struct ctx *cx)
{
	return tell(f, cx, &(struct change){ .kind = CHANGE_ALL, .id = S("") });
}

/* The changes of one node from where we were to where it is. */
static enum rc
catch_up(struct follower *f, struct ctx *cx, const struct position *p, int64_t from)
{
	struct change *changes = ARENA_ARRAY(cx->arena, struct change, CATCH_UP_MAX);
	struct db_stmt *st;
	size_t n = 0;
	bool row;

	/* Backwards: a standby that lacked the newest of them has become the primary. */
	if (p->seq < from || p->seq - from > CATCH_UP_MAX)
		return tell_all(f, cx);
	TRY(db_stmt(cx, f->view.db,
	    "SELECT kind, item FROM change_log WHERE node = $1 AND seq > $2 AND seq <= $3", &st));
	db_bind_text(st, 1, str_of(p->node));
	db_bind_int(st, 2, from);
	db_bind_int(st, 3, p->seq);
	while (n < CATCH_UP_MAX) {
		TRY(db_step(cx, st, &row));
		if (!row)
			break;
		changes[n].kind = (enum change_kind)db_col_int(st, 0);
		changes[n++].id = db_col_text(st, 1, cx->arena);
	}
	db_done(st);
	for (size_t i = 0; i < n; i++)
		TRY(tell(f, cx, &changes[i]));
	return OK;
}

struct nodes {
	struct position *list;
	size_t count, room;
};

static struct position *
one_more(struct nodes *n)
{
	if (n->count == n->room) {
		n->room = n->room == 0 ? 16 : n->room * 2;
		n->list = mem_realloc(n->list, n->room * sizeof(*n->list));
	}
	n->list[n->count] = (struct position){ .seq = 0 };
	return &n->list[n->count++];
}

/* Every node, however many: what one that is left out revoked would go on working here. */
static enum rc
read_nodes(struct ctx *cx, struct db *db, struct nodes *nodes)
{
	struct db_stmt *st;
	bool row;

	TRY(db_stmt(cx, db, "SELECT id, seq FROM node", &st));
	for (;;) {
		struct position *p;
		struct str id;

		TRY(db_step(cx, st, &row));
		if (!row)
			break;
		p = one_more(nodes);
		id = db_col_text(st, 0, cx->arena);
		memcpy(p->node, id.p, id.len < ID_LEN ? id.len : ID_LEN);
		p->seq = db_col_int(st, 1);
	}
	db_done(st);
	if (nodes->count > 0)
		qsort(nodes->list, nodes->count, sizeof(*nodes->list), by_node);
	return OK;
}

/* From now on we are where these are. */
static void
keep_positions(struct follower *f, const struct nodes *nodes)
{
	free(f->positions);
	f->positions = nodes->list;
	f->position_count = nodes->count;
}

/* After so long a silence rows may be gone that were never read. */
static bool
rows_may_be_gone(const struct follower *f, int64_t now)
{
	return now - atomic_load(&f->certain_ms) > NODE_LIFE_MS / 2;
}

static enum rc
look_at(struct follower *f, struct ctx *cx, const struct nodes *nodes)
{
	for (size_t i = 0; i < nodes->count; i++) {
		const struct position *p = &nodes->list[i];
		int64_t from = read_up_to(f, p);

		if (from != p->seq && strcmp(p->node, f->id) != 0)
			TRY(catch_up(f, cx, p, from));
	}
	return OK;
}

/* One look at what the others did. What could not be told is told again by the next one. */
static enum rc
look(struct follower *f, struct ctx *cx)
{
	int64_t began = clock_mono_ms();
	struct nodes nodes = { 0 };
	enum rc rc;

	if (f->view.db == NULL) {
		TRY(db_open(cx, f->store->where, &f->view.db));
		db_hurry(f->view.db, PATIENCE_MS, AGAIN_MS);
	}
	TRY(db_listen(cx, f->view.db));
	rc = read_nodes(cx, f->view.db, &nodes);
	if (rc == OK)
		rc = rows_may_be_gone(f, began) ? tell_all(f, cx) : look_at(f, cx, &nodes);
	if (rc != OK) {
		free(nodes.list);
		return rc;
	}
	keep_positions(f, &nodes);
	atomic_store(&f->certain_ms, began);
	return OK;
}

static void
look_or_say(struct follower *f, struct ctx *cx, bool *troubled)
{
	enum rc rc = look(f, cx);

	if ((rc == E_STORE && !*troubled) || (rc == OK && *troubled))
		atomic_fetch_add(&f->store->all_doubts, 1);
	if (rc != OK && !*troubled)
		log_event(LOG_WARN, "store.behind", KV_STR("why", str_of(cx->why)));
	if (rc == OK && *troubled)
		log_event(LOG_INFO, "store.caught_up", KV_STR("node", str_of(f->id)));
	*troubled = rc != OK;
}

static void *
follow_main(void *arg)
{
	struct follower *f = arg;
	struct arena *a = arena_new();
	bool troubled = false;
	struct ctx cx;

	atomic_store(&f->self, pthread_self());
	while (!atomic_load(&f->stopping)) {
		uint64_t ignored;

		ctx_init(&cx, a, NULL);
		cx.may_block = true;
		look_or_say(f, &cx, &troubled);
		db_wait(f->view.db, f->wake_fd, troubled ? AGAIN_MS : LOOK_MS);
		/* That of one announcement nobody hears is nothing: they look anyway. */
		if (read(f->wake_fd, &ignored, sizeof(ignored)) > 0 && f->view.db != NULL &&
		    db_announce(&cx, f->view.db) != OK)
			ctx_clear(&cx);
		arena_reset(a);
	}
	arena_free(a);
	return NULL;
}

struct store *
follower_view(struct follower *f)
{
	return atomic_load(&f->self) == pthread_self() ? &f->view : NULL;
}

/* --- beginning and end --- */

/* Nodes that are long gone, and what they wrote. */
static enum rc
prune_nodes(struct store *s, struct ctx *cx)
{
	int64_t before_ms = clock_wall_ms() - NODE_LIFE_MS;
	struct db_stmt *st;

	TRY(db_stmt(cx, s->db, "DELETE FROM node WHERE seen_ms < $1", &st));
	db_bind_int(st, 1, before_ms);
	TRY(db_run(cx, st, NULL));
	TRY(db_stmt(cx, s->db, "DELETE FROM change_log WHERE made_ms < $1", &st));
	db_bind_int(st, 1, before_ms);
	return db_run(cx, st, NULL);
}

enum rc
follower_new(struct ctx *cx, struct store *s, struct follower **out)
{
	struct follower *f = mem_alloc(sizeof(*f));
	struct secret id = crypto_random_text(cx->arena, ID_LEN, S("0123456789abcdef"));
	struct nodes nodes = { 0 };
	enum rc rc;

	f->store = s;
	f->view.keyring = s->keyring;
	memcpy(f->id, secret_expose(id).p, ID_LEN);
	f->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	atomic_store(&f->certain_ms, clock_mono_ms());
	*out = f;
	TRY(prune_nodes(s, cx));
	/* Before anybody reads anything that a change could make old. */
	rc = read_nodes(cx, s->db, &nodes);
	keep_positions(f, &nodes);
	return rc;
}

void
follower_free(struct follower *f)
{
	if (f == NULL)
		return;
	store_unfollow(f->store);
	db_close(f->view.db);
	close(f->wake_fd);
	free(f->positions);
	free(f);
}

enum rc
store_follow(struct ctx *cx, struct store *s,
    enum rc (*fn)(void *arg, struct ctx *cx, const struct change *change), void *arg)
{
	struct follower *f = s->follower;

	if (f == NULL)
		return OK;
	f->fn = fn;
	f->arg = arg;
	if (pthread_create(&f->thread, NULL, follow_main, f) != 0)
		return fail(cx, E_BUSY, "A thread could not be started.");
	f->running = true;
	log_event(LOG_INFO, "store.node", KV_STR("node", str_of(f->id)));
	return OK;
}

void
store_unfollow(struct store *s)
{
	struct follower *f = s->follower;

	if (f == NULL || !f->running)
		return;
	atomic_store(&f->stopping, true);
	wake(f);
	pthread_join(f->thread, NULL);
	f->running = false;
}

int64_t
store_behind_ms(struct store *s)
{
	struct follower *f = s->follower;

	return f == NULL ? 0 : clock_mono_ms() - atomic_load(&f->certain_ms);
}
