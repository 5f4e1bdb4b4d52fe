#include "sandbox/sandbox.h"

#include <stdlib.h>

#include "sandbox/console/apps.h"
#include "sandbox/console/notifier.h"
#include "sandbox/oauth/counts.h"
#include "sandbox/oauth/grants.h"
#include "sandbox/oauth/sweep.h"
#include "sandbox/oauth/tally.h"
#include "sandbox/people/accounts.h"
#include "sandbox/control/control.h"
#include "sandbox/control/faults.h"
#include "sandbox/control/rates.h"
#include "sandbox/control/reqlog.h"
#include "sandbox/control/seed.h"
#include "sandbox/control/snapshots.h"
#include "sandbox/core/known.h"
#include "sandbox/core/pages.h"
#include "sandbox/core/reach.h"
#include "sandbox/routes.h"
#include "sandbox/core/state.h"
#include "sandbox/core/sql.h"
#include "sandbox/core/store.h"
#include "sandbox/tree/contents.h"
#include "sandbox/tree/upgrade.h"
#include "base/log.h"
#include "base/throttle.h"

/* Each instance has its own cookie name: others on this host's ports share our cookies (S-106). */
static enum rc
name_cookie(struct sandbox *s, struct ctx *cx)
{
	struct str id;

	TRY(store_setting_get(s, cx, S("instance"), &id));
	if (id.len == 0) {
		id = secret_expose(crypto_random_text(cx->arena, 8, S("0123456789abcdef")));
		TRY(store_setting_put(s, cx, S("instance"), id));
	}
	reach_prepare(s, id);
	return OK;
}

/* A seed file counts for a data directory in which nobody lives yet. */
static enum rc
seed_once(struct sandbox *s, struct ctx *cx, const char *seed_file)
{
	int64_t accounts;

	if (seed_file == NULL)
		return OK;
	TRY(sql_count(cx, s->db, "SELECT count(*) FROM accounts", SQL_ARGS(), &accounts));
	return accounts > 0 ? OK : seed_load(s, cx, seed_file);
}

static enum rc
first_start(struct sandbox *s, struct ctx *cx, const char *dir, const char *seed_file)
{
	enum rc rc;

	TRY(store_enter(s, cx, STORE_WRITE));
	rc = contents_open(s, cx, dir);
	if (rc == OK)
		rc = tree_upgrade(s, cx);
	if (rc == OK)
		rc = seed_once(s, cx, seed_file);
	if (rc == OK)
		rc = accounts_make(s, cx);
	if (rc == OK)
		rc = name_cookie(s, cx);
	if (rc == OK)
		rc = control_start(s, cx, dir);
	if (rc == OK)
		rc = counts_restore(s, cx);
	if (rc == OK)
		rc = snapshots_start(s, cx);
	return store_leave(s, cx, STORE_WRITE, rc);
}

static void
undone(struct sandbox *s)
{
	struct arena *a = arena_new();
	struct ctx cx;
	enum rc counts, control;

	ctx_init(&cx, a, s->clock);
	counts = counts_restore(s, &cx);
	control = control_restore(s, &cx);
	if (counts != OK || control != OK)
		log_event(LOG_ERROR, "sandbox.not-undone", KV_STR("why", str_of(cx.why)));
	arena_free(a);
}

static enum rc
open_all(struct sandbox *s, struct ctx *cx, const char *dir, const char *seed_file)
{
	TRY(pages_prepare(s, cx));
	TRY(sandbox_store_open(s, cx, dir));
	apps_keep_keys(s);
	tokens_keep_keys(s);
	TRY(first_start(s, cx, dir, seed_file));
	contents_opened(s);
	s->undone = undone;
	s->ended = counts_ended;
	s->site.body_dir = contents_incoming(s);
	return notifier_start(s, cx);
}

enum rc
sandbox_new(struct ctx *cx, const struct sandbox_config *cfg, struct sandbox **out)
{
	struct sandbox *s = mem_alloc(sizeof(*s));
	struct str url = cfg->public_url.len > 0 ? cfg->public_url : http_server_url(cfg->server);
	enum rc rc;

	s->arena = arena_new();
	s->clock = cfg->clock;
	s->public_url = str_dup(s->arena, url);
	s->data_dir = str_dup(s->arena, str_of(cfg->data_dir));
	s->sign_ins = throttle_new();
	s->app_secrets = throttle_new();
	s->link_passwords = throttle_new();
	s->faults = faults_new();
	s->rates = rates_new();
	s->reqlog = reqlog_new();
	s->clients = known_new();
	s->refreshes = known_new();
	s->counts = counts_new();
	s->sweep = sweep_new();
	s->tally = tally_new();
	pthread_mutex_init(&s->lock, NULL);
	routes_prepare(s);
	rc = open_all(s, cx, cfg->data_dir, cfg->seed_file);
	if (rc != OK) {
		sandbox_free(s);
		return rc;
	}
	*out = s;
	return OK;
}

void
sandbox_settle(struct sandbox *s, struct ctx *cx)
{
	contents_settle(s);
	if (sandbox_store_settle(s, cx) != OK)
		log_event(LOG_WARN, "sandbox-not-settled", KV_STR("why", str_of(cx->why)));
}

const struct http_site *
sandbox_site(struct sandbox *s)
{
	return &s->site;
}

const char *const *
sandbox_tunnel_names(size_t *count)
{
	*count = reach_name_count;
	return reach_names;
}

enum rc
sandbox_seed(struct sandbox *s, struct ctx *cx, struct sandbox_seed *out)
{
	enum rc rc;

	*out = (struct sandbox_seed){ .control_token = s->control_token };
	TRY(store_enter(s, cx, STORE_READ));
	rc = accounts_reveal(s, cx, out);
	return store_leave(s, cx, STORE_READ, rc);
}

void
sandbox_free(struct sandbox *s)
{
	if (s == NULL)
		return;
	notifier_stop(s);
	contents_close(s);
	sandbox_store_close(s);
	throttle_free(s->sign_ins);
	throttle_free(s->app_secrets);
	throttle_free(s->link_passwords);
	faults_free(s->faults);
	rates_free(s->rates);
	reqlog_free(s->reqlog);
	known_free(s->clients);
	known_free(s->refreshes);
	counts_free(s->counts);
	sweep_free(s->sweep);
	tally_free(s->tally);
	pthread_mutex_destroy(&s->lock);
	arena_free(s->arena);
	free(s);
}
