#include "http/multi.h"

#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/clock.h"
#include "http/curl_load.h"

#define EVENTS_AT_ONCE 64
#define NEVER INT64_MAX
#define FIRST_WATCHERS 64

struct watcher {
	void (*ready)(void *arg); /* NULL: the socket is libcurl's */
	void *arg;
};

struct multi {
	CURLM *curl;
	int epoll, wake;
	int64_t timer_at; /* clock_mono_ms, when libcurl wants to be called all the same */
	/* By descriptor: an event that was told before its socket was closed finds whoever has the number now,
	 * who sees that there is nothing. */
	struct watcher *watchers;
	int watcher_count;
};

static uint32_t
events_of(int what)
{
	return what == CURL_POLL_IN ? EPOLLIN
	    : what == CURL_POLL_OUT ? EPOLLOUT
				    : EPOLLIN | EPOLLOUT;
}

/* libcurl tells which sockets it waits for. `known` is what was assigned to this one before. */
static int
on_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *known)
{
	struct multi *m = arg;
	struct epoll_event event = { .events = events_of(what), .data.fd = fd };

	(void)easy;
	if (what == CURL_POLL_REMOVE) {
		epoll_ctl(m->epoll, EPOLL_CTL_DEL, fd, NULL); /* it may be closed already */
		return 0;
	}
	/* A socket that was closed is out of the epoll by itself, and another one may have its number. */
	if (known != NULL && epoll_ctl(m->epoll, EPOLL_CTL_MOD, fd, &event) == 0)
		return 0;
	if (epoll_ctl(m->epoll, EPOLL_CTL_ADD, fd, &event) != 0 &&
	    epoll_ctl(m->epoll, EPOLL_CTL_MOD, fd, &event) != 0)
		abort();
	curl_multi_assign(m->curl, fd, m);
	return 0;
}

static int
on_timer(CURLM *curl, long ms, void *arg)
{
	struct multi *m = arg;

	(void)curl;
	m->timer_at = ms < 0 ? NEVER : clock_mono_ms() + ms;
	return 0;
}

static bool
set_up(struct multi *m)
{
	struct epoll_event event = { .events = EPOLLIN };

	m->epoll = epoll_create1(EPOLL_CLOEXEC);
	m->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	event.data.fd = m->wake;
	if (m->epoll < 0 || m->wake < 0 || epoll_ctl(m->epoll, EPOLL_CTL_ADD, m->wake, &event) != 0)
		return false;
	m->curl = curl_multi_init();
	return m->curl != NULL &&
	    curl_multi_setopt(m->curl, CURLMOPT_SOCKETFUNCTION, on_socket) == CURLM_OK &&
	    curl_multi_setopt(m->curl, CURLMOPT_SOCKETDATA, m) == CURLM_OK &&
	    curl_multi_setopt(m->curl, CURLMOPT_TIMERFUNCTION, on_timer) == CURLM_OK &&
	    curl_multi_setopt(m->curl, CURLMOPT_TIMERDATA, m) == CURLM_OK;
}

struct multi *
multi_new(void)
{
	struct multi *m = mem_alloc(sizeof(*m));

	m->timer_at = NEVER;
	if (set_up(m))
		return m;
	multi_free(m);
	return NULL;
}

void
multi_free(struct multi *m)
{
	if (m == NULL)
		return;
	if (m->curl != NULL)
		curl_multi_cleanup(m->curl);
	if (m->wake >= 0)
		close(m->wake);
	if (m->epoll >= 0)
		close(m->epoll);
	free(m->watchers);
	free(m);
}

void
multi_add(struct multi *m, CURL *easy)
{
	if (curl_multi_add_handle(m->curl, easy) != CURLM_OK)
		abort();
}

void
multi_remove(struct multi *m, CURL *easy)
{
	curl_multi_remove_handle(m->curl, easy);
}

static void
make_room(struct multi *m, int fd)
{
	int count = m->watcher_count > 0 ? m->watcher_count : FIRST_WATCHERS;

	while (count <= fd)
		count *= 2;
	if (count == m->watcher_count)
		return;
	m->watchers = mem_realloc(m->watchers, (size_t)count * sizeof(*m->watchers));
	memset(m->watchers + m->watcher_count, 0,
	    (size_t)(count - m->watcher_count) * sizeof(*m->watchers));
	m->watcher_count = count;
}

void
multi_watch(struct multi *m, int fd, void (*ready)(void *arg), void *arg)
{
	struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };

	make_room(m, fd);
	m->watchers[fd] = (struct watcher){ ready, arg };
	if (epoll_ctl(m->epoll, EPOLL_CTL_ADD, fd, &event) != 0 &&
	    epoll_ctl(m->epoll, EPOLL_CTL_MOD, fd, &event) != 0)
		abort();
}

void
multi_want_out(struct multi *m, int fd, bool want)
{
	struct epoll_event event = { .events = want ? EPOLLIN | EPOLLOUT : EPOLLIN, .data.fd = fd };

	epoll_ctl(m->epoll, EPOLL_CTL_MOD, fd, &event);
}

void
multi_unwatch(struct multi *m, int fd)
{
	epoll_ctl(m->epoll, EPOLL_CTL_DEL, fd, NULL);
	m->watchers[fd] = (struct watcher){ 0 };
}

static int
wait_ms(const struct multi *m, int ms)
{
	int64_t left;

	if (m->timer_at == NEVER)
		return ms;
	left = m->timer_at - clock_mono_ms();
	if (left <= 0)
		return 0;
	return ms < 0 || left < ms ? (int)(left < INT_MAX ? left : INT_MAX) : ms;
}

static void
happened(struct multi *m, const struct epoll_event *event)
{
	int running, what = 0;
	uint64_t count;

	if (event->data.fd == m->wake) {
		if (read(m->wake, &count, sizeof(count)) < 0)
			return; /* somebody was faster */
		return;
	}
	if (event->data.fd < m->watcher_count && m->watchers[event->data.fd].ready != NULL) {
		m->watchers[event->data.fd].ready(m->watchers[event->data.fd].arg);
		return;
	}
	if ((event->events & EPOLLIN) != 0)
		what |= CURL_CSELECT_IN;
	if ((event->events & EPOLLOUT) != 0)
		what |= CURL_CSELECT_OUT;
	if ((event->events & (EPOLLERR | EPOLLHUP)) != 0)
		what |= CURL_CSELECT_ERR;
	curl_multi_socket_action(m->curl, event->data.fd, what, &running);
}

bool
multi_turn(struct multi *m, int ms)
{
	struct epoll_event events[EVENTS_AT_ONCE];
	int running, n = epoll_wait(m->epoll, events, EVENTS_AT_ONCE, wait_ms(m, ms));

	for (int i = 0; i < n; i++)
		happened(m, &events[i]);
	if (clock_mono_ms() < m->timer_at)
		return n > 0;
	m->timer_at = NEVER;
	curl_multi_socket_action(m->curl, CURL_SOCKET_TIMEOUT, 0, &running);
	return true;
}

void
multi_wake(struct multi *m)
{
	uint64_t one = 1;

	if (write(m->wake, &one, sizeof(one)) < 0)
		return; /* it is awake already */
}

CURL *
multi_ended(struct multi *m, CURLcode *code)
{
	const CURLMsg *msg;
	int left;

	while ((msg = curl_multi_info_read(m->curl, &left)) != NULL)
		if (msg->msg == CURLMSG_DONE) {
			*code = msg->data.result;
			return msg->easy_handle;
		}
	return NULL;
}
