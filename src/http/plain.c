#include "http/plain.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "http/out_reply.h"
#include "http/out_request.h"

#define REQUEST_MAX (1u << 20)
#define READ_SIZE 16384
#define DEFAULT_PORT 80

/* Where the call goes. */
struct target {
	struct str authority, path;
	struct sockaddr_storage at[2]; /* "localhost" is two */
	int count;
};

struct exchange {
	struct ctx *cx;
	struct http_reply *out;
	struct target to;
	const char *host; /* for sentences */
	int64_t until_ms;
	struct out_reply reply;
};

/* --- what to call --- */

static void
add_v4(struct target *t, struct in_addr at, int port)
{
	struct sockaddr_in *a = (struct sockaddr_in *)&t->at[t->count++];

	*a = (struct sockaddr_in){ AF_INET, htons((uint16_t)port), at, { 0 } };
}

static void
add_v6_loopback(struct target *t, int port)
{
	struct sockaddr_in6 *a = (struct sockaddr_in6 *)&t->at[t->count++];

	*a = (struct sockaddr_in6){ .sin6_family = AF_INET6,
		.sin6_port = htons((uint16_t)port),
		.sin6_addr = in6addr_loopback };
}

static bool
take_host(struct ctx *cx, struct str host, int port, struct target *t)
{
	struct in_addr v4 = { htonl(INADDR_LOOPBACK) };

	if (str_eq(host, S("[::1]"))) {
		add_v6_loopback(t, port);
	} else if (str_eq_nocase(host, S("localhost"))) {
		add_v4(t, v4, port);
		add_v6_loopback(t, port);
	} else if (str_starts(host, S("127.")) &&
	    inet_pton(AF_INET, str_cstr(cx->arena, host), &v4) == 1) {
		add_v4(t, v4, port);
	}
	return t->count > 0;
}

static bool
visible(struct str s)
{
	for (size_t i = 0; i < s.len; i++)
		if (s.p[i] <= ' ' || s.p[i] > '~' || s.p[i] == '#')
			return false;
	return true;
}

static bool
take_url(struct ctx *cx, struct str url, struct target *t)
{
	size_t scheme = S("http://").len, slash, colon;
	int64_t port = DEFAULT_PORT;
	struct str host;

	if (!str_starts(url, S("http://")) || !visible(url))
		return false;
	url = str_sub(url, scheme, url.len);
	slash = str_find(url, '/');
	t->authority = str_sub(url, 0, slash);
	t->path = slash < url.len ? str_sub(url, slash, url.len) : S("/");
	host = t->authority;
	for (colon = host.len; colon > 0 && host.p[colon - 1] >= '0' && host.p[colon - 1] <= '9';)
		colon--;
	if (colon > 1 && colon < host.len && host.p[colon - 1] == ':') {
		if (!str_int(str_sub(host, colon, host.len), 1, 65535, &port))
			return false;
		host = str_sub(host, 0, colon - 1);
	}
	return take_host(cx, host, (int)port, t);
}

static bool
write_request(
    struct str user_agent, const struct http_call *call, const struct target *t, struct buf *b)
{
	struct out_target to = { .authority = t->authority, .path = t->path, .close = true };

	return out_request_write(b, user_agent, call, &to) && !b->overflow;
}

/* --- the socket --- */

static bool
wait_for(struct exchange *x, int fd, short events)
{
	struct pollfd p = { .fd = fd, .events = events };
	int64_t left;
	int n;

	do {
		left = x->until_ms - clock_mono_ms();
		n = left > 0 ? poll(&p, 1, (int)left) : 0;
	} while (n < 0 && errno == EINTR);
	if (n == 0)
		errno = ETIMEDOUT;
	return n > 0;
}

/* -1 and errno. */
static int
connect_one(struct exchange *x, const struct sockaddr_storage *at)
{
	int fd = socket(at->ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), error = 0;
	socklen_t len =
	    at->ss_family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);

	if (fd < 0)
		return -1;
	if (connect(fd, (const struct sockaddr *)at, len) != 0)
		error = errno;
	len = sizeof(error);
	if (error == EINPROGRESS &&
	    (!wait_for(x, fd, POLLOUT) || getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0))
		error = errno;
	if (error == 0)
		return fd;
	close(fd);
	errno = error;
	return -1;
}

static int
connect_any(struct exchange *x)
{
	int fd = -1;

	for (int i = 0; i < x->to.count && fd < 0; i++)
		fd = connect_one(x, &x->to.at[i]);
	if (fd < 0)
		out_say(x->out, CALL_REFUSED, "could not connect to", x->host, strerror(errno));
	return fd;
}

static void
broke_off(struct exchange *x)
{
	if (errno == ETIMEDOUT)
		out_say(
		    x->out, CALL_TIMED_OUT, "no complete reply from", x->host, "it took too long");
	else
		out_say(x->out, CALL_LOST, "no complete reply from", x->host, strerror(errno));
	out_reply_salvage(&x->reply, x->out);
}

static bool
send_all(struct exchange *x, int fd, struct str bytes)
{
	while (bytes.len > 0) {
		ssize_t n = send(fd, bytes.p, bytes.len, MSG_NOSIGNAL);

		if (n > 0)
			bytes = str_sub(bytes, (size_t)n, bytes.len);
		else if ((errno != EAGAIN && errno != EINTR) || !wait_for(x, fd, POLLOUT))
			return false;
	}
	return true;
}

static void
receive(struct exchange *x, int fd)
{
	char bytes[READ_SIZE];
	bool going = true;
	ssize_t n = 1;

	while (going) {
		n = recv(fd, bytes, out_reply_room(&x->reply, sizeof(bytes)), 0);
		if (n >= 0)
			going = out_reply_take(&x->reply, bytes, (size_t)n);
		else if (errno != EINTR && (errno != EAGAIN || !wait_for(x, fd, POLLIN)))
			break;
	}
	mem_wipe(bytes, sizeof(bytes));
	if (going)
		broke_off(x);
	else
		out_reply_judge(&x->reply, x->host, x->out);
}

/* What the caller keeps is the context's. */
static void
hand_over(struct exchange *x)
{
	x->out->content_type = str_dup(x->cx->arena, x->out->content_type);
	x->out->body = secret_dup(x->cx->arena, x->out->body);
	out_reply_wipe(&x->reply);
}

bool
plain_call(struct ctx *cx, struct str user_agent, const struct http_call *call, int timeout_ms,
    struct http_reply *out)
{
	struct exchange x = { .cx = cx, .out = out };
	struct buf request = buf_in(cx->arena, REQUEST_MAX);
	int fd;

	if (call->public_only || !take_url(cx, call->url, &x.to) ||
	    !write_request(user_agent, call, &x.to, &request))
		return false;
	*out = (struct http_reply){ .content_type = S("") };
	x.host = str_cstr(cx->arena, x.to.authority);
	x.until_ms = clock_mono_ms() + timeout_ms;
	x.reply.body = buf_in(cx->arena, 0);
	out_reply_begin(&x.reply, call);
	fd = connect_any(&x);
	if (fd < 0)
		return true;
	if (send_all(&x, fd, buf_str(&request)))
		receive(&x, fd);
	else
		broke_off(&x);
	close(fd);
	hand_over(&x);
	return true;
}
