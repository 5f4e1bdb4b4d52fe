#include "http/server.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/log.h"
#include "http/server_int.h"

#define RESERVED_FDS 64 /* for the store, outgoing calls, logs */
#define CONNECTIONS_DEFAULT_MAX 20000

static int
or_default(int value, int otherwise)
{
	return value > 0 ? value : otherwise;
}

static int
clamp(int value, int low, int high)
{
	return value < low ? low : value > high ? high : value;
}

static size_t
connections_allowed(size_t wanted)
{
	struct rlimit lim = { .rlim_cur = 1024 };
	size_t most = CONNECTIONS_DEFAULT_MAX;

	getrlimit(RLIMIT_NOFILE, &lim);
	if (lim.rlim_cur < most + RESERVED_FDS)
		most = lim.rlim_cur > 2 * RESERVED_FDS ? lim.rlim_cur - RESERVED_FDS
						       : lim.rlim_cur / 2;
	return wanted > 0 && wanted < most ? wanted : most;
}

static void
set_times(struct times *t, const struct http_server_config *cfg)
{
	int shortest;

	t->head_ms = or_default(cfg->head_ms, 10000);
	t->body_ms = or_default(cfg->body_ms, 30000);
	t->reply_ms = or_default(cfg->reply_ms, 30000);
	t->idle_ms = or_default(cfg->idle_ms, 75000);
	t->linger_ms = or_default(cfg->linger_ms, 1000);
	shortest = t->head_ms < t->linger_ms ? t->head_ms : t->linger_ms;
	t->tick_ms = clamp(shortest / 4, 10, 250);
}

static void
set_up_loop(struct http_server *s, struct loop *l)
{
	l->server = s;
	for (int i = 0; i < DOORS; i++)
		l->doors[i] = (struct door){ .loop = l, .fd = -1, .is_proxy = i == 1 };
}

enum rc
http_server_new(struct ctx *cx, const struct http_server_config *cfg, struct http_server **out)
{
	struct http_server *s = mem_alloc(sizeof(*s));
	int fds[LOOPS_MAX];
	enum rc rc;

	s->arena = arena_new();
	s->port = cfg->port;
	s->clock = cfg->clock;
	s->loop_count = clamp(or_default(cfg->loops, 2), 1, LOOPS_MAX);
	s->worker_count = clamp(or_default(cfg->workers, 4), 1, WORKERS_MAX);
	s->frame.name = str_cstr(s->arena, str_of(cfg->name != NULL ? cfg->name : "http"));
	set_times(&s->times, cfg);
	peers_init(&s->peers, connections_allowed(cfg->max_connections));
	pthread_mutex_init(&s->nudging, NULL);
	workers_init(&s->workers);
	workers_init(&s->batch);
	for (int i = 0; i < s->loop_count; i++)
		set_up_loop(s, &s->loops[i]);
	rc = forwarded_read(cx, cfg->proxies, &s->frame.forwarded);
	if (rc == OK)
		rc = listen_open(cx, cfg->host, &s->port, s->loop_count, fds);
	for (int i = 0; rc == OK && i < s->loop_count; i++)
		s->loops[i].doors[0].fd = fds[i];
	if (rc == OK)
		rc = origin_fill(cx, s->arena, str_dup(s->arena, cfg->host), s->port,
		    cfg->tls != NULL, str_dup(s->arena, cfg->public_url), &s->frame.origin);
	if (rc == OK && cfg->tls != NULL)
		rc = tls_rules_new(cx, cfg->tls, NULL, 0, &s->tls);
	/* A browser that was told so of localhost would ask every other server there for https. */
	s->constant_head =
	    reply_constant(s->arena, cfg->public_url.len > 0 && s->frame.origin.https);
	if (rc != OK) {
		http_server_free(s);
		return rc;
	}
	*out = s;
	return OK;
}

struct str
http_server_url(const struct http_server *s)
{
	return s->frame.origin.url;
}

int
http_server_port(const struct http_server *s)
{
	return s->port;
}

enum rc
http_server_proxy(struct ctx *cx, struct http_server *s, const struct http_proxy_config *cfg)
{
	struct str host = cfg->host.len > 0 ? cfg->host : S("127.0.0.1");
	int fds[LOOPS_MAX];

	TRY(proxy_fill(cx, s->arena, cfg, &s->proxy));
	origin_fill_tunnel(s->arena, s->proxy.names, s->proxy.name_count, &s->frame.tunnel);
	s->proxy.port = cfg->port;
	TRY(listen_open(cx, host, &s->proxy.port, s->loop_count, fds));
	for (int i = 0; i < s->loop_count; i++)
		s->loops[i].doors[1].fd = fds[i];
	return OK;
}

int
http_server_proxy_port(const struct http_server *s)
{
	return s->proxy.port;
}

static enum rc
start_threads(struct ctx *cx, struct http_server *s)
{
	TRY(workers_start(cx, s, s->worker_count));
	TRY(batch_start(cx, s));
	for (int i = 0; i < s->loop_count; i++) {
		struct loop *l = &s->loops[i];

		TRY(loop_init(cx, l));
		if (pthread_create(&l->thread, NULL, loop_main, l) != 0)
			return fail(cx, E_BUG, "A server thread could not be started.");
		pthread_mutex_lock(&s->nudging);
		l->started = true;
		pthread_mutex_unlock(&s->nudging);
	}
	return OK;
}

enum rc
http_server_start(struct ctx *cx, struct http_server *s, const struct http_site *site)
{
	sigset_t all, before;
	enum rc rc;

	s->frame.site = site;
	s->frame.router = router_new(site);
	/* Signals are the main thread's; a peer that is gone shows as an error of the write. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	rc = start_threads(cx, s);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	s->running = true;
	if (rc != OK)
		http_server_stop(s, 0);
	return rc;
}

void
http_server_nudge(struct http_server *s)
{
	pthread_mutex_lock(&s->nudging);
	for (int i = 0; i < s->loop_count && !atomic_load(&s->stopping); i++) {
		struct loop *l = &s->loops[i];

		if (!l->started)
			continue;
		atomic_store(&l->nudged, true);
		uv_async_send(&l->wake);
	}
	pthread_mutex_unlock(&s->nudging);
}

void
http_server_stop(struct http_server *s, int grace_ms)
{
	if (!s->running)
		return;
	pthread_mutex_lock(&s->nudging);
	atomic_store(&s->stop_by_ms, clock_mono_ms() + grace_ms);
	atomic_store(&s->stopping, true);
	pthread_mutex_unlock(&s->nudging);
	for (int i = 0; i < s->loop_count; i++) {
		if (s->loops[i].started)
			uv_async_send(&s->loops[i].wake);
	}
	for (int i = 0; i < s->loop_count; i++) {
		struct loop *l = &s->loops[i];

		if (!l->started)
			continue;
		pthread_join(l->thread, NULL);
		loop_end(l);
		l->started = false;
	}
	workers_stop(&s->workers);
	workers_stop(&s->batch);
	s->running = false;
}

void
http_server_free(struct http_server *s)
{
	if (s == NULL)
		return;
	for (int i = 0; i < s->loop_count; i++) {
		for (int k = 0; k < DOORS; k++) {
			if (s->loops[i].doors[k].fd >= 0)
				close(s->loops[i].doors[k].fd);
		}
	}
	tls_rules_free(s->tls);
	tls_rules_free(s->proxy.tls);
	peers_end(&s->peers);
	pthread_mutex_destroy(&s->nudging);
	router_free((struct router *)(uintptr_t)s->frame.router);
	arena_free(s->arena);
	free(s);
}
