/*
 * Loads an HTTP server on the loopback from one thread, and measures how long answers take.
 *
 *   bench_load --port P --requests FILE [--connections 64] [--seconds 3] [--rate N] [--reconnect]
 *              [--once]
 *
 * FILE holds whole requests, one after the other; they are sent in turn, with --once each one time and
 * then it ends. Without a rate
 * each connection sends the next request as soon as it has its answer. With one, requests are due at
 * equal distances whether or not the server keeps up, and an answer's time counts from the moment its
 * request was due: a server that stalls is not spared the requests that would have come meanwhile.
 * --reconnect makes a connection for each request, which must ask for its end.
 *
 * Prints a line of JSON: {"requests","seconds","errors","p50_us","p99_us","p999_us","max_us"}.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define EVENTS 256
#define REPLY_MAX 262144
#define SLOTS (1 << 20) /* of a microsecond */
#define SECOND 1000000000LL

struct request {
	const char *p;
	size_t len;
};

struct connection {
	int fd; /* -1: none */
	bool connecting, busy;
	int64_t due_ns;
	size_t len;
	const struct request *request;
	char reply[REPLY_MAX];
};

struct load {
	int port, connections, seconds;
	int64_t rate; /* 0: as fast as it goes */
	bool reconnect, once;
	const char *file;

	struct request *requests;
	size_t request_count, next_request;
	struct connection *all;
	int epoll;

	int64_t start_ns, end_ns;
	int64_t sent; /* of those that are due */
	int *idle;    /* with a rate: connections without a request */
	int idle_count;
	int64_t started, answered, errors;
	uint32_t *slots; /* how many answers took so many microseconds */
};

static void
die(const char *what)
{
	perror(what);
	exit(1);
}

static void *
must_alloc(size_t count, size_t size)
{
	void *p = calloc(count, size);

	if (p == NULL)
		die("bench_load");
	return p;
}

static int64_t
now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * SECOND + t.tv_nsec;
}

/* --- what it was asked for --- */

static void
usage(void)
{
	fputs(
	    "usage: bench_load --port P --requests FILE [--connections N] [--seconds N] [--rate N] "
	    "[--reconnect] [--once]\n",
	    stderr);
	exit(2);
}

static void
read_options(struct load *l, int argc, char **argv)
{
	static const struct option options[] = {
		{ "port", required_argument, NULL, 'p' },
		{ "requests", required_argument, NULL, 'r' },
		{ "connections", required_argument, NULL, 'c' },
		{ "seconds", required_argument, NULL, 's' },
		{ "rate", required_argument, NULL, 'R' },
		{ "reconnect", no_argument, NULL, 'x' },
		{ "once", no_argument, NULL, 'o' },
		{ 0 },
	};
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		int64_t n = optarg != NULL ? strtoll(optarg, NULL, 10) : 0;

		if (option == 'p')
			l->port = (int)n;
		else if (option == 'r')
			l->file = optarg;
		else if (option == 'c')
			l->connections = (int)n;
		else if (option == 's')
			l->seconds = (int)n;
		else if (option == 'R')
			l->rate = n;
		else if (option == 'x')
			l->reconnect = true;
		else if (option == 'o')
			l->once = true;
		else
			usage();
	}
	if (l->port <= 0 || l->file == NULL || l->connections <= 0 || l->seconds <= 0)
		usage();
}

static size_t
body_length(const char *head, const char *end)
{
	const char *length = memmem(head, (size_t)(end - head), "Content-Length: ", 16);

	return length != NULL ? strtoul(length + 16, NULL, 10) : 0;
}

static void
read_requests(struct load *l)
{
	int fd = open(l->file, O_RDONLY);
	struct stat st;
	size_t room = 0;
	char *text, *at, *end;

	if (fd < 0 || fstat(fd, &st) != 0)
		die(l->file);
	text = must_alloc(1, (size_t)st.st_size + 1);
	if (read(fd, text, (size_t)st.st_size) != st.st_size)
		die(l->file);
	close(fd);
	for (at = text; (end = strstr(at, "\r\n\r\n")) != NULL; at = end + 4) {
		if (l->request_count == room) {
			room = room > 0 ? room * 2 : 1024;
			l->requests = realloc(l->requests, room * sizeof(*l->requests));
			if (l->requests == NULL)
				die("bench_load");
		}
		end += body_length(at, end);
		l->requests[l->request_count++] = (struct request){ at, (size_t)(end + 4 - at) };
	}
	if (l->request_count == 0)
		die("no request");
}

/* --- connections --- */

static void
watch(struct load *l, struct connection *c, int how, uint32_t events)
{
	struct epoll_event e = { .events = events, .data.ptr = c };

	if (epoll_ctl(l->epoll, how, c->fd, &e) != 0)
		die("epoll_ctl");
}

static void
open_connection(struct load *l, struct connection *c)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
		.sin_port = htons((uint16_t)l->port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int on = 1;

	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (c->fd < 0)
		die("socket");
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (connect(c->fd, (struct sockaddr *)&to, sizeof(to)) != 0 && errno != EINPROGRESS)
		die("connect");
	c->connecting = true;
	c->len = 0;
	watch(l, c, EPOLL_CTL_ADD, EPOLLOUT);
}

static void
write_request(struct load *l, struct connection *c)
{
	c->len = 0;
	if (write(c->fd, c->request->p, c->request->len) != (ssize_t)c->request->len)
		l->errors++; /* no request of ours fills a socket */
}

static void
send_next(struct load *l, struct connection *c, int64_t due_ns)
{
	c->due_ns = due_ns;
	c->busy = true;
	c->request = &l->requests[l->next_request];
	l->next_request = (l->next_request + 1) % l->request_count;
	l->started++;
	if (c->fd < 0)
		open_connection(l, c);
	else if (!c->connecting)
		write_request(l, c);
}

/* --- answers --- */

/* Whether the whole reply is here: its head, and as many bytes as the head says. */
static bool
is_whole(const struct connection *c)
{
	const char *end = memmem(c->reply, c->len, "\r\n\r\n", 4), *length;

	if (end == NULL)
		return false;
	length = memmem(c->reply, (size_t)(end - c->reply), "ontent-Length: ", 15);
	if (length == NULL)
		return true;
	return c->len >= (size_t)(end + 4 - c->reply) + strtoul(length + 15, NULL, 10);
}

static void
note_time(struct load *l, int64_t ns)
{
	int64_t us = ns / 1000;

	l->slots[us < SLOTS ? us : SLOTS - 1]++;
}

static void
note_answer(struct load *l, struct connection *c)
{
	if (memcmp(c->reply, "HTTP/1.1 200", 12) != 0)
		l->errors++;
	l->answered++;
	note_time(l, now_ns() - c->due_ns);
	c->busy = false;
}

static void
go_on(struct load *l, struct connection *c)
{
	if (l->once && l->started >= (int64_t)l->request_count) {
		if (l->answered >= l->started)
			l->end_ns = now_ns();
		return;
	}
	if (l->rate == 0)
		send_next(l, c, now_ns());
	else
		l->idle[l->idle_count++] = (int)(c - l->all);
}

static void
end_connection(struct load *l, struct connection *c)
{
	close(c->fd);
	c->fd = -1;
	if (c->busy) {
		l->errors++;
		c->busy = false;
	}
	go_on(l, c);
}

static void
on_readable(struct load *l, struct connection *c)
{
	ssize_t n = read(c->fd, c->reply + c->len, sizeof(c->reply) - c->len);

	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0) {
		end_connection(l, c);
		return;
	}
	c->len += (size_t)n;
	if (!c->busy || !is_whole(c))
		return;
	note_answer(l, c);
	if (!l->reconnect)
		go_on(l, c); /* otherwise the server ends the connection */
}

static void
on_connected(struct load *l, struct connection *c)
{
	int error = 0;
	socklen_t len = sizeof(error);

	getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &len);
	if (error != 0) {
		end_connection(l, c);
		return;
	}
	c->connecting = false;
	watch(l, c, EPOLL_CTL_MOD, EPOLLIN);
	if (c->busy)
		write_request(l, c);
	else
		go_on(l, c);
}

/* --- the pace --- */

static int64_t
due_at(const struct load *l, int64_t i)
{
	return l->start_ns + i * SECOND / l->rate;
}

static void
send_due(struct load *l)
{
	int64_t now = now_ns();

	while (l->idle_count > 0 && due_at(l, l->sent) <= now && now < l->end_ns)
		send_next(l, &l->all[l->idle[--l->idle_count]], due_at(l, l->sent++));
}

/* How long epoll may wait: until the next request is due and there is a connection for it. */
static struct timespec
patience(const struct load *l)
{
	int64_t now = now_ns(), until = l->end_ns;

	if (l->rate > 0 && l->idle_count > 0 && due_at(l, l->sent) < until)
		until = due_at(l, l->sent);
	if (until < now)
		until = now;
	return (struct timespec){ (until - now) / SECOND, (until - now) % SECOND };
}

static void
run(struct load *l)
{
	struct epoll_event events[EVENTS];

	l->start_ns = now_ns();
	l->end_ns = l->start_ns + l->seconds * SECOND;
	for (int i = 0; i < l->connections; i++) {
		l->all[i].fd = -1;
		if (l->rate == 0)
			send_next(l, &l->all[i], l->start_ns);
		else if (l->reconnect)
			l->idle[l->idle_count++] = i;
		else
			open_connection(l, &l->all[i]);
	}
	while (now_ns() < l->end_ns) {
		struct timespec wait = patience(l);
		int n = epoll_pwait2(l->epoll, events, EVENTS, &wait, NULL);

		for (int i = 0; i < n; i++) {
			struct connection *c = events[i].data.ptr;

			if (c->connecting)
				on_connected(l, c);
			else
				on_readable(l, c);
		}
		if (l->rate > 0)
			send_due(l);
	}
}

/* Requests that were due and have no answer yet have waited until now at least. */
static void
note_unanswered(struct load *l)
{
	if (l->rate == 0)
		return;
	for (int i = 0; i < l->connections; i++)
		if (l->all[i].busy)
			note_time(l, l->end_ns - l->all[i].due_ns);
	for (; due_at(l, l->sent) < l->end_ns; l->sent++)
		note_time(l, l->end_ns - due_at(l, l->sent));
}

static int64_t
percentile(const struct load *l, int64_t per_mille, int64_t total)
{
	int64_t seen = 0;

	for (int64_t us = 0; us < SLOTS; us++) {
		seen += l->slots[us];
		if (seen * 1000 >= total * per_mille)
			return us;
	}
	return SLOTS;
}

int
main(int argc, char **argv)
{
	struct load l = { .connections = 64, .seconds = 3 };
	int64_t total = 0;

	read_options(&l, argc, argv);
	read_requests(&l);
	l.all = must_alloc((size_t)l.connections, sizeof(*l.all));
	l.idle = must_alloc((size_t)l.connections, sizeof(*l.idle));
	l.slots = must_alloc(SLOTS, sizeof(*l.slots));
	l.epoll = epoll_create1(EPOLL_CLOEXEC);
	if (l.epoll < 0)
		die("epoll_create1");
	run(&l);
	note_unanswered(&l);
	for (int i = 0; i < SLOTS; i++)
		total += l.slots[i];
	printf(
	    "{\"requests\":%lld,\"seconds\":%.3f,\"errors\":%lld,\"p50_us\":%lld,\"p99_us\":%lld,"
	    "\"p999_us\":%lld,\"max_us\":%lld}\n",
	    (long long)l.answered, (double)(l.end_ns - l.start_ns) / SECOND, (long long)l.errors,
	    (long long)percentile(&l, 500, total), (long long)percentile(&l, 990, total),
	    (long long)percentile(&l, 999, total), (long long)percentile(&l, 1000, total));
	return 0;
}
