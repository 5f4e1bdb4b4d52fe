/* wild_site.h - a server that misbehaves as a test likes, for the tests of outgoing calls: raw sockets, one
 * thread, one script per connection. The test's `void **state` holds a struct world. */
#ifndef TESTS_WILD_SITE_H
#define TESTS_WILD_SITE_H

#include <arpa/inet.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "http/client.h"

/* Last: it defines a macro named fail. */
#include <cmocka.h>

#define SITE_CONNECTIONS_MAX 8

struct site {
	int fd, port;
	pthread_t thread;
	void (*serve)(struct site *site, int fd);
	_Atomic int connections, requests;
	char heard[8192]; /* the latest request */
};

struct world {
	struct ctx cx;
	struct clock *clock;
	struct http_client *client;
	struct site site;
};

static inline bool
put(int fd, const char *text, size_t len)
{
	while (len > 0) {
		ssize_t n = send(fd, text, len, MSG_NOSIGNAL);

		if (n <= 0)
			return false;
		text += n;
		len -= (size_t)n;
	}
	return true;
}

static inline bool
puts_to(int fd, const char *text)
{
	return put(fd, text, strlen(text));
}

static inline size_t
body_length(const char *request)
{
	const char *p = strcasestr(request, "content-length:");

	return p != NULL ? strtoul(p + 15, NULL, 10) : 0;
}

/* Reads one request with its body; false when the peer has gone. */
static inline bool
hear(struct site *site, int fd)
{
	char text[sizeof(site->heard)] = "";
	size_t len = 0;
	char *end;
	ssize_t n;

	do {
		n = recv(fd, text + len, sizeof(text) - 1 - len, 0);
		if (n <= 0)
			return false;
		len += (size_t)n;
		end = strstr(text, "\r\n\r\n");
	} while (end == NULL || len < (size_t)(end + 4 - text) + body_length(text));
	memcpy(site->heard, text, sizeof(text));
	mem_wipe(text, sizeof(text));
	site->requests++;
	return true;
}

static inline void *
site_run(void *arg)
{
	struct site *site = arg;
	int fd;

	while ((fd = accept(site->fd, NULL, NULL)) >= 0) {
		site->connections++;
		site->serve(site, fd);
		close(fd);
	}
	return NULL;
}

static inline void
site_listen(struct site *site, void (*serve)(struct site *site, int fd), int backlog)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(at);

	*site = (struct site){ .serve = serve, .fd = socket(AF_INET, SOCK_STREAM, 0) };
	assert_int_equal(bind(site->fd, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(listen(site->fd, backlog), 0);
	assert_int_equal(getsockname(site->fd, (struct sockaddr *)&at, &len), 0);
	site->port = ntohs(at.sin_port);
}

static inline void
site_start(struct site *site, void (*serve)(struct site *site, int fd))
{
	site_listen(site, serve, SITE_CONNECTIONS_MAX);
	assert_int_equal(pthread_create(&site->thread, NULL, site_run, site), 0);
}

static inline void
site_stop(struct site *site)
{
	shutdown(site->fd, SHUT_RDWR);
	pthread_join(site->thread, NULL);
	close(site->fd);
}

static inline int
setup(void **state)
{
	struct world *w = mem_alloc(sizeof(*w));

	w->clock = clock_new();
	ctx_init(&w->cx, arena_new(), w->clock);
	w->cx.may_block = true;
	w->client = http_client_new(S("valetkey-test"), S(""));
	*state = w;
	return 0;
}

static inline int
teardown(void **state)
{
	struct world *w = *state;

	http_client_free(w->client);
	if (w->site.serve != NULL)
		site_stop(&w->site);
	arena_free(w->cx.arena);
	clock_free(w->clock);
	free(w);
	return 0;
}

static inline struct http_call
call_to(struct world *w, const char *method, const char *path)
{
	return (struct http_call){ .method = method,
		.url = str_printf(w->cx.arena, "http://127.0.0.1:%d%s", w->site.port, path),
		.timeout_ms = 20000 };
}

static inline struct http_reply
ask(struct world *w, const char *path)
{
	struct http_call call = call_to(w, "GET", path);
	struct http_reply reply;

	http_client_call(w->client, &w->cx, &call, &reply);
	return reply;
}

static inline void
serve_ok(struct site *site, int fd)
{
	while (hear(site, fd) &&
	    puts_to(fd,
		"HTTP/1.1 429 Slow Down\r\nDate: Tue, 15 Nov 1994 08:12:31 GMT\r\n"
		"Retry-After: Tue, 15 Nov 1994 08:14:31 GMT\r\n"
		"Content-Type: Application/JSON; charset=utf-8\r\n"
		"Content-Length: 13\r\n\r\n{\"a\":\"hello\"}"))
		;
}

static inline void
serve_slowly(struct site *site, int fd)
{
	if (!hear(site, fd) || !puts_to(fd, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"))
		return;
	while (puts_to(fd, " "))
		usleep(20000);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

#endif
