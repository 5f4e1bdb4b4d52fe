#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "http/server_int.h"

#define BACKLOG 1024

static enum rc
failed(struct ctx *cx, struct str host, int port, int error)
{
	if (error == EADDRINUSE)
		return fail_at(cx, E_CONFLICT, "address-in-use", NULL,
		    "Port %d on %.*s is in use by another program.", port, STR_ARG(host));
	if (error == EACCES)
		return fail(
		    cx, E_DENIED, "Port %d needs rights that this user does not have.", port);
	return fail(cx, E_INPUT, "Listening on %.*s port %d failed: %s.", STR_ARG(host), port,
	    strerror(error));
}

static int
set_on(int fd, int level, int option)
{
	int on = 1;

	return setsockopt(fd, level, option, &on, sizeof(on));
}

/* The first socket is bound without SO_REUSEPORT, so that a second program on the port is noticed;
 * the option is set before it listens, so that our own others can join it. */
static int
bind_one(const struct addrinfo *ai, bool first)
{
	int fd = socket(ai->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int error = 0;

	if (fd < 0)
		return -errno;
	if (ai->ai_family == AF_INET6)
		set_on(fd, IPPROTO_IPV6, IPV6_V6ONLY);
	set_on(fd, IPPROTO_TCP, TCP_NODELAY); /* those that it accepts inherit it */
	if (set_on(fd, SOL_SOCKET, SO_REUSEADDR) != 0 ||
	    (!first && set_on(fd, SOL_SOCKET, SO_REUSEPORT) != 0) ||
	    bind(fd, ai->ai_addr, ai->ai_addrlen) != 0 ||
	    (first && set_on(fd, SOL_SOCKET, SO_REUSEPORT) != 0)) {
		error = errno;
		close(fd);
		return -error;
	}
	return fd;
}

static int
bound_port(int fd, struct addrinfo *ai)
{
	socklen_t len = ai->ai_addrlen;

	if (getsockname(fd, ai->ai_addr, &len) != 0)
		return 0;
	if (ai->ai_family == AF_INET6)
		return ntohs(((struct sockaddr_in6 *)(void *)ai->ai_addr)->sin6_port);
	return ntohs(((struct sockaddr_in *)(void *)ai->ai_addr)->sin_port);
}

static int
bind_all(struct addrinfo *ai, int *port, int count, int *fds)
{
	for (int i = 0; i < count; i++) {
		fds[i] = bind_one(ai, i == 0);
		if (fds[i] < 0)
			return -fds[i];
		if (i == 0)
			*port = bound_port(fds[0], ai); /* the rest bind to the port we got */
	}
	for (int i = 0; i < count; i++) {
		if (listen(fds[i], BACKLOG) != 0)
			return errno;
	}
	return 0;
}

enum rc
listen_open(struct ctx *cx, struct str host, int *port, int count, int *fds)
{
	struct addrinfo hints = {
		.ai_socktype = SOCK_STREAM,
		.ai_flags = AI_PASSIVE | AI_NUMERICSERV,
	};
	struct addrinfo *ai = NULL;
	struct str service = str_printf(cx->arena, "%d", *port);
	int error;

	for (int i = 0; i < count; i++)
		fds[i] = -1;
	if (getaddrinfo(str_cstr(cx->arena, host), service.p, &hints, &ai) != 0)
		return fail(cx, E_INPUT, "The address to listen on, \"%.*s\", is not known here.",
		    STR_ARG(host));
	error = bind_all(ai, port, count, fds);
	freeaddrinfo(ai);
	if (error == 0)
		return OK;
	for (int i = 0; i < count; i++) {
		if (fds[i] >= 0)
			close(fds[i]);
	}
	return failed(cx, host, *port, error);
}
