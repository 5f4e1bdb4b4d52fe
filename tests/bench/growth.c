/*
 * What the manager's everyday steps cost in a store of some size, below HTTP: to find a token by its name,
 * a page of the list, to look for what is due, to claim a refresh, to check an API key and its permission.
 *
 *   bench_growth --data DIR --tokens N --key vk_… [--rounds 200]
 *
 * Works on what bench_seed made, and leaves it as it was. Prints a line of JSON, medians in microseconds.
 */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "crypto/crypto.h"
#include "store/batch.h"
#include "store/refresh.h"
#include "store/token.h"
#include "vault/keys.h"
#include "vault/vault.h"
#include "vault/vault_int.h"

#define LEASE_MS 30000
#define CLAIMS 16 /* as many as the engine claims at once */
#define PAGE 100
#define CHECKS 100
#define ROUNDS_MAX 10000
#define FAR_MS (3650 * 86400000LL)

struct growth {
	const char *data;
	int64_t tokens, rounds;
	struct secret key;
	struct vault *vault;
	struct clock *clock;
	struct arena *arena; /* of one round */
	struct ctx cx;
	uint64_t random;
};

static void
must(const struct ctx *cx, enum rc rc)
{
	if (rc == OK)
		return;
	fprintf(stderr, "bench_growth: %s\n", cx->why);
	exit(1);
}

/* The same names in each run. */
static struct str
some_name(struct growth *g)
{
	g->random = g->random * 6364136223846793005u + 1442695040888963407u;
	return str_printf(g->arena, "Bench %07" PRIu64, (g->random >> 33) % (uint64_t)g->tokens);
}

static void
by_name(struct growth *g)
{
	struct token_secrets secrets;
	struct token t;

	must(&g->cx, store_token_open(g->vault->store, &g->cx, some_name(g), &t, &secrets));
}

static void
page(struct growth *g)
{
	struct token_page p = { .after = some_name(g), .max = PAGE };
	struct token *list;
	size_t n;

	must(&g->cx, store_token_page(g->vault->store, &g->cx, &p, &list, &n));
}

static size_t
due_ids(struct growth *g, struct str **ids)
{
	int64_t next_ms;
	size_t n;

	must(&g->cx,
	    store_token_due(g->vault->store, &g->cx, S("dropbox"), clock_now_ms(g->clock) + FAR_MS,
		clock_wall_ms(), CLAIMS, ids, &n, &next_ms));
	return n;
}

static void
due(struct growth *g)
{
	struct str *ids;

	due_ids(g, &ids);
}

struct claiming {
	struct str id;
	struct ctx cx;
	struct refresh_claim claim;
};

static enum rc
claim_one(struct store *s, struct ctx *cx, void *arg)
{
	struct claiming *c = arg;

	TRY(store_refresh_claim(s, cx, c->id, clock_wall_ms(), LEASE_MS, &c->claim));
	return store_refresh_release(s, cx, &c->claim, c->claim.token.due_ms);
}

/* Claims and gives back, together in one commit. */
static void
claim(struct growth *g)
{
	struct claiming all[CLAIMS];
	struct store_job jobs[CLAIMS];
	struct str *ids;
	size_t n = due_ids(g, &ids);

	for (size_t i = 0; i < n; i++) {
		all[i] = (struct claiming){ .id = ids[i], .cx = g->cx };
		jobs[i] = (struct store_job){ claim_one, &all[i], &all[i].cx, OK };
	}
	store_batch(g->vault->store, jobs, n);
	for (size_t i = 0; i < n; i++)
		must(&all[i].cx, jobs[i].rc);
}

static void
check_key(struct growth *g)
{
	struct key_ref ref;

	for (int i = 0; i < CHECKS; i++) {
		must(&g->cx, vault_key_check(g->vault, &g->cx, g->key, &ref));
		if (vault_key_allows(g->vault, &ref, S("no such token")))
			abort();
	}
}

static double
now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static int
by_value(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static double
median_us(struct growth *g, void (*step)(struct growth *g))
{
	static double times[ROUNDS_MAX];

	g->random = 1;
	for (int64_t i = 0; i < g->rounds; i++) {
		double at;

		arena_reset(g->arena);
		ctx_init(&g->cx, g->arena, g->clock);
		g->cx.may_block = true;
		at = now_us();
		step(g);
		times[i] = now_us() - at;
	}
	qsort(times, (size_t)g->rounds, sizeof(times[0]), by_value);
	return times[g->rounds / 2];
}

static void
read_options(struct growth *g, int argc, char **argv)
{
	static const struct option options[] = {
		{ "data", required_argument, NULL, 'd' },
		{ "tokens", required_argument, NULL, 't' },
		{ "key", required_argument, NULL, 'k' },
		{ "rounds", required_argument, NULL, 'r' },
		{ 0 },
	};
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 'd')
			g->data = optarg;
		else if (option == 't')
			g->tokens = strtoll(optarg, NULL, 10);
		else if (option == 'k')
			g->key = secret_of(str_of(optarg));
		else if (option == 'r')
			g->rounds = strtoll(optarg, NULL, 10);
	}
	if (g->data != NULL && g->tokens > 0 && !secret_empty(g->key) && g->rounds > 0 &&
	    g->rounds <= ROUNDS_MAX)
		return;
	fputs("usage: bench_growth --data DIR --tokens N --key vk_… [--rounds N]\n", stderr);
	exit(2);
}

int
main(int argc, char **argv)
{
	struct growth g = { .rounds = 200, .arena = arena_new() };
	struct arena *a = arena_new();
	struct vault_config cfg;
	struct ctx cx;

	read_options(&g, argc, argv);
	crypto_setup();
	g.clock = clock_new();
	ctx_init(&cx, a, g.clock);
	cx.may_block = true;
	cfg = (struct vault_config){
		.data_dir = g.data, .public_url = S("http://127.0.0.1:8090"), .clock = g.clock
	};
	must(&cx, vault_open(&cx, &cfg, &g.vault));
	printf("{\"by_name\":%.2f,\"page\":%.2f,\"due\":%.2f,\"claim\":%.2f,\"key\":%.3f}\n",
	    median_us(&g, by_name), median_us(&g, page), median_us(&g, due),
	    median_us(&g, claim) / CLAIMS, median_us(&g, check_key) / CHECKS);
	vault_close(g.vault);
	clock_free(g.clock);
	arena_free(g.arena);
	arena_free(a);
	return 0;
}
