/*
 * Fills a manager's data with tokens, sealed as always, thousands in one transaction: what takes a person a
 * consent each. Nothing of it is in the list of what happened. For benchmarks and for trying out what many tokens do.
 *
 *   bench_seed --data DIR [--store postgres://…] --tokens N [options]
 *
 * Tokens are named "Bench 0000000" and so on. Prints one line of JSON: a key that may read the first
 * KEY_TOKENS of them ("key"), one that may read all ("key_for_all"), and the console's sign-in.
 */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/crypto.h"
#include "store/token_row.h"
#include "vault/keys.h"
#include "vault/people.h"
#include "vault/vault.h"
#include "vault/vault_int.h"

#define BATCH 4096
#define KEY_TOKENS 10000 /* as many as one key may name */
#define ACCESS_LEN 138   /* as Dropbox's are long */
#define REFRESH_LEN 64
#define LINE_MAX_LEN 4096
#define PASSWORD "bench-sign-in"
#define LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

struct seeding {
	const char *data, *store;
	const char *app_key, *app_secret;
	FILE *refresh_tokens; /* NULL: random ones */
	int64_t from, count, life_s;
	bool due, lazy;
	struct vault *vault;
	struct clock *clock;
};

struct rows {
	struct token tokens[BATCH];
	struct token_secrets secrets[BATCH];
};

static void
usage(void)
{
	fputs(
	    "usage: bench_seed --data DIR --tokens N\n"
	    "  --store postgres://…      instead of DIR/valetkey.db\n"
	    "  --from N                  the first that is missing (0); keys are made with 0 only\n"
	    "  --life SECONDS            of the access tokens, from now (14400)\n"
	    "  --due                     their refresh is due now\n"
	    "  --lazy                    refreshed when read only\n"
	    "  --app-key, --app-secret   of the app that they were consented to\n"
	    "  --refresh-tokens FILE     one a line; random ones otherwise\n",
	    stderr);
	exit(2);
}

static int64_t
number(const char *text)
{
	int64_t n;

	if (!str_int(str_of(text), 0, INT64_MAX / 1000, &n))
		usage();
	return n;
}

static void
read_option(struct seeding *s, int option)
{
	switch (option) {
	case 'd':
		s->data = optarg;
		break;
	case 's':
		s->store = optarg;
		break;
	case 'n':
		s->count = number(optarg);
		break;
	case 'f':
		s->from = number(optarg);
		break;
	case 'l':
		s->life_s = number(optarg);
		break;
	case 'D':
		s->due = true;
		break;
	case 'L':
		s->lazy = true;
		break;
	case 'k':
		s->app_key = optarg;
		break;
	case 'S':
		s->app_secret = optarg;
		break;
	case 'r':
		s->refresh_tokens = fopen(optarg, "r");
		if (s->refresh_tokens == NULL) {
			perror(optarg);
			exit(1);
		}
		break;
	default:
		usage();
	}
}

static void
read_options(struct seeding *s, int argc, char **argv)
{
	static const struct option options[] = {
		{ "data", required_argument, NULL, 'd' },
		{ "store", required_argument, NULL, 's' },
		{ "tokens", required_argument, NULL, 'n' },
		{ "from", required_argument, NULL, 'f' },
		{ "life", required_argument, NULL, 'l' },
		{ "due", no_argument, NULL, 'D' },
		{ "lazy", no_argument, NULL, 'L' },
		{ "app-key", required_argument, NULL, 'k' },
		{ "app-secret", required_argument, NULL, 'S' },
		{ "refresh-tokens", required_argument, NULL, 'r' },
		{ 0 },
	};
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1)
		read_option(s, option);
	if (s->data == NULL || optind != argc)
		usage();
}

static void
must(const struct ctx *cx, enum rc rc)
{
	if (rc == OK)
		return;
	fprintf(stderr, "bench_seed: %s\n", cx->why);
	exit(1);
}

static struct ctx
begin(const struct seeding *s, struct arena *a)
{
	struct ctx cx;

	ctx_init(&cx, a, s->clock);
	cx.may_block = true;
	return cx;
}

static struct secret
refresh_token(const struct seeding *s, struct arena *a)
{
	char line[LINE_MAX_LEN];

	if (s->refresh_tokens == NULL)
		return crypto_random_text(a, REFRESH_LEN, S(LETTERS));
	if (fgets(line, sizeof(line), s->refresh_tokens) == NULL) {
		fputs("bench_seed: the file has fewer refresh tokens\n", stderr);
		exit(1);
	}
	line[strcspn(line, "\r\n")] = '\0';
	return secret_of(str_dup(a, str_of(line)));
}

static void
fill_row(const struct seeding *s, struct arena *a, int64_t i, struct token *t,
    struct token_secrets *secrets)
{
	int64_t now = clock_now_ms(s->clock);
	struct str sl = str_printf(a, "sl.%.*s",
	    STR_ARG(secret_expose(crypto_random_text(a, ACCESS_LEN - 3, S(LETTERS)))));

	*t = (struct token){
		.id = vault_new_id(a),
		.name = str_printf(a, "Bench %07" PRId64, i),
		.description = S("made by bench_seed"),
		.provider = S("dropbox"),
		.app_key = str_of(s->app_key),
		.scopes = S("account_info.read files.content.read"),
		.scope_granted = S("account_info.read files.content.read"),
		.redirect_uri = S("http://127.0.0.1:8090/oauth/callback/dropbox"),
		.account_id = str_printf(a, "dbid:%" PRId64, i),
		.account_name = S("Bench"),
		.account_email = S("bench@example.com"),
		.expires_ms = now + s->life_s * 1000,
		.created_ms = now,
		.updated_ms = now,
		.consented_ms = now,
		.proved_ms = now,
		.due_ms = s->lazy ? 0
		    : s->due      ? now
				  : now + s->life_s * 900,
		.lazy = s->lazy,
		.life_source = 1, /* the reply said it */
		.sealed_version = 1,
	};
	*secrets = (struct token_secrets){ .app_secret = secret_of(str_of(s->app_secret)),
		.access = secret_of(sl),
		.refresh = refresh_token(s, a) };
}

static enum rc
insert_rows(struct store *store, struct ctx *cx, const struct rows *rows, size_t n)
{
	STORE_HOLD hold = store_hold(store, cx);

	TRY(db_begin(cx, store->db));
	TRY(token_row_insert_many(store, cx, rows->tokens, rows->secrets, n));
	return db_commit(cx, store->db);
}

static void
create_tokens(const struct seeding *s)
{
	struct rows *rows = mem_alloc(sizeof(*rows));
	struct arena *a = arena_new();

	for (int64_t i = s->from; i < s->count;) {
		struct ctx cx = begin(s, a);
		size_t n = 0;

		for (; n < BATCH && i < s->count; n++, i++)
			fill_row(s, a, i, &rows->tokens[n], &rows->secrets[n]);
		must(&cx, insert_rows(s->vault->store, &cx, rows, n));
		arena_reset(a);
	}
	arena_free(a);
	free(rows);
}

static struct str
make_key(const struct seeding *s, struct ctx *cx, const char *label, struct api_key *k)
{
	struct secret key;

	k->label = str_of(label);
	must(cx, vault_key_create(s->vault, cx, k, &key));
	return secret_expose(key);
}

/* The ids of the first KEY_TOKENS, or of fewer. */
static void
first_tokens(const struct seeding *s, struct ctx *cx, struct api_key *k)
{
	int64_t n = s->count < KEY_TOKENS ? s->count : KEY_TOKENS;

	k->token_ids = ARENA_ARRAY(cx->arena, struct str, (size_t)n);
	for (int64_t i = 0; i < n; i++) {
		struct token t;

		must(cx,
		    store_token_by_name(
			s->vault->store, cx, str_printf(cx->arena, "Bench %07" PRId64, i), &t));
		k->token_ids[k->token_count++] = t.id;
	}
}

static void
make_keys(const struct seeding *s)
{
	struct arena *a = arena_new();
	struct ctx cx = begin(s, a);
	struct api_key some = { 0 }, all = { .all_tokens = true };
	struct str key, key_for_all;

	first_tokens(s, &cx, &some);
	key = make_key(s, &cx, "some", &some);
	key_for_all = make_key(s, &cx, "all", &all);
	must(&cx, vault_password_set(s->vault, &cx, S("admin"), secret_of(S(PASSWORD))));
	printf("{\"tokens\":%" PRId64 ",\"key\":\"%.*s\",\"key_for_all\":\"%.*s\","
	       "\"username\":\"admin\",\"password\":\"" PASSWORD "\"}\n",
	    s->count, STR_ARG(key), STR_ARG(key_for_all));
	arena_free(a);
}

int
main(int argc, char **argv)
{
	struct seeding s = { .count = 1000,
		.life_s = 14400,
		.app_key = "abcdefghijklmno",
		.app_secret = "secretsecret123" };
	struct arena *a = arena_new();
	struct vault_config cfg;
	struct ctx cx;

	read_options(&s, argc, argv);
	crypto_setup();
	s.clock = clock_new();
	cx = begin(&s, a);
	cfg = (struct vault_config){ .data_dir = s.data,
		.store = s.store,
		.public_url = S("http://127.0.0.1:8090"),
		.clock = s.clock };
	must(&cx, vault_open(&cx, &cfg, &s.vault));
	create_tokens(&s);
	if (s.from == 0)
		make_keys(&s);
	vault_close(s.vault);
	clock_free(s.clock);
	arena_free(a);
	if (s.refresh_tokens != NULL)
		fclose(s.refresh_tokens);
	return 0;
}
