#include "db/postgres_link.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>

#include "base/buf.h"
#include "db/pq_load.h"

#define CALL_MS 8000 /* of one round trip; the server gives up on a statement before that */
#define PAUSE_MS 500 /* unless the connection is told otherwise */
#define SYSTEM_CAS "/etc/ssl/certs/ca-certificates.crt"

/* What comes before the address's own options, which win. A server that is gone without a word is
 * noticed by the kernel within seconds. */
static const char *const defaults[][2] = {
	{ "connect_timeout", "3" },
	{ "tcp_user_timeout", "5000" },
	{ "keepalives_idle", "5" },
	{ "keepalives_interval", "2" },
	{ "keepalives_count", "3" },
	{ "fallback_application_name", "valetkey" },
};

#define DEFAULT_COUNT (sizeof(defaults) / sizeof(defaults[0]))

/* A node that stops in the middle of a transaction must not hold its rows for ever; a commit is one
 * that survives a power cut, whatever the server's default. */
static const char session_setup[] =
    "SET statement_timeout = '5s'; SET lock_timeout = '3s';"
    "SET idle_in_transaction_session_timeout = '15s'; SET client_min_messages = warning;"
    "SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL READ COMMITTED;"
    "SELECT set_config('synchronous_commit', 'on', false)"
    " WHERE current_setting('synchronous_commit') IN ('off', 'local')";

static const char listening[] = "LISTEN valetkey";
static const char sharing[] = "SELECT pg_try_advisory_lock_shared(" PG_SERVING ")";

/* SQLSTATE, whole or its class: which of our meanings it has. */
static const struct {
	const char *state;
	enum rc rc;
	bool lost; /* this connection is of no more use */
	const char *code, *why;
} meanings[] = {
	{ "23505", E_CONFLICT, false, NULL, "It exists already." },
	{ "40001", E_BUSY, false, NULL, "The database is busy." },
	{ "40P01", E_BUSY, false, NULL, "The database is busy." },
	{ "55P03", E_BUSY, false, NULL, "The database is busy." },
	{ "57014", E_BUSY, false, NULL, "The database takes too long." },
	{ "53100", E_STORE, false, "insufficient-storage", "The database's disk is full." },
	/* A primary that has become a standby: the next connection looks for the new primary. */
	{ "25006", E_STORE, true, "store-unavailable", NULL },
	{ "57P", E_STORE, true, "store-unavailable", NULL },
	{ "08", E_STORE, true, "store-unavailable", NULL },
};

static enum rc
unavailable(struct ctx *cx, const struct pg_link *l)
{
	fail_at(cx, E_STORE, "store-unavailable", NULL, "The database cannot be reached: %s",
	    l->trouble);
	cx->retry_after_s = 1;
	return fail_todo(cx, "Try again shortly; valetkey connects again by itself.");
}

static void
note_trouble(struct pg_link *l, const char *text)
{
	size_t n = 0;

	for (; text[n] != '\0' && n < sizeof(l->trouble) - 1; n++)
		l->trouble[n] = text[n] == '\n' || text[n] == '\t' ? ' ' : text[n];
	while (n > 0 && l->trouble[n - 1] == ' ')
		n--;
	l->trouble[n] = '\0';
}

void
pg_link_drop(struct pg_link *l, const char *why)
{
	if (l->conn == NULL)
		return;
	note_trouble(l, why);
	PQfinish(l->conn);
	l->conn = NULL;
}

static void
pause_after_failure(struct pg_link *l)
{
	l->try_at_ms = clock_mono_ms() + l->pause_ms;
}

static void
no_notice(void *arg, const PGresult *res)
{
	(void)arg, (void)res;
}

static const char *
option_value(const PQconninfoOption *options, const char *name)
{
	for (const PQconninfoOption *o = options; o->keyword != NULL; o++)
		if (strcmp(o->keyword, name) == 0 && o->val != NULL)
			return o->val;
	return "";
}

/* A socket, or this machine: nobody listens in between. */
static bool
is_local(struct str host)
{
	return host.len == 0 || host.p[0] == '/' || host.p[0] == '@' ||
	    str_eq(host, S("localhost")) || str_eq(host, S("127.0.0.1")) || str_eq(host, S("::1"));
}

static bool
each_local(const PQconninfoOption *options)
{
	struct str hosts = str_of(option_value(options, "host")), host;
	bool local = option_value(options, "hostaddr")[0] == '\0' &&
	    option_value(options, "service")[0] == '\0';

	while (str_split(&hosts, ',', &host))
		local = local && is_local(host);
	return local;
}

/* What the address leaves out libpq takes from the environment. */
static bool
all_local(const char *url)
{
	PQconninfoOption *own = PQconninfoParse(url, NULL), *around = PQconndefaults();
	bool local = own != NULL && around != NULL && each_local(own) &&
	    (option_value(own, "host")[0] != '\0' || each_local(around));

	PQconninfoFree(own);
	PQconninfoFree(around);
	return local;
}

static PGconn *
connect_to(const char *url)
{
	const char *names[DEFAULT_COUNT + 5], *values[DEFAULT_COUNT + 5];
	size_t n = 0;

	for (; n < DEFAULT_COUNT; n++) {
		names[n] = defaults[n][0];
		values[n] = defaults[n][1];
	}
	/* libpq would take whatever certificate, or none (S-176). The address may say otherwise. */
	if (!all_local(url)) {
		names[n] = "sslmode";
		values[n++] = "verify-full";
		names[n] = "sslrootcert";
		values[n++] = SYSTEM_CAS;
	}
	names[n] = "dbname"; /* expanded: the whole address */
	values[n++] = url;
	names[n] = "client_encoding";
	values[n++] = "UTF8";
	names[n] = values[n] = NULL;
	return PQconnectdbParams(names, values, 1);
}

/* A connection without it is none: what it writes would be left behind by a copy that is under way. */
static enum rc
take_share(struct ctx *cx, struct pg_link *l)
{
	PGresult *res;
	bool mine;

	TRY(pg_link_answer(cx, l, PQsendQuery(l->conn, sharing), &res));
	mine = PQgetvalue(res, 0, 0)[0] == 't';
	PQclear(res);
	if (mine)
		return OK;
	pg_link_drop(l, "its data is being moved (valetkey store copy).");
	pause_after_failure(l);
	return unavailable(cx, l);
}

static enum rc
settle_in(struct ctx *cx, struct pg_link *l)
{
	TRY(pg_link_exec(cx, l, session_setup));
	if (l->sharing)
		TRY(take_share(cx, l));
	return l->listening ? pg_link_exec(cx, l, listening) : OK;
}

static enum rc
reconnect(struct ctx *cx, struct pg_link *l)
{
	enum rc rc;

	if (clock_mono_ms() < l->try_at_ms)
		return unavailable(cx, l);
	l->conn = connect_to(l->url);
	l->generation++;
	if (PQstatus(l->conn) != CONNECTION_OK) {
		pg_link_drop(l, PQerrorMessage(l->conn));
		pause_after_failure(l);
		return unavailable(cx, l);
	}
	PQsetNoticeReceiver(l->conn, no_notice, NULL);
	PQsetnonblocking(l->conn, 1);
	l->try_at_ms = 0;
	rc = settle_in(cx, l);
	if (rc != OK) {
		pg_link_drop(l, "a session could not be set up.");
		pause_after_failure(l);
	}
	return rc;
}

/* An address that cannot be read is not repeated: it may hold a password. */
static enum rc
check_url(struct ctx *cx, const char *url)
{
	char *why = NULL;
	PQconninfoOption *options = PQconninfoParse(url, &why);

	PQfreemem(why);
	if (options != NULL) {
		PQconninfoFree(options);
		return OK;
	}
	fail(cx, E_INPUT, "The address of the PostgreSQL database cannot be read.");
	return fail_todo(cx,
	    "Write it as postgres://USER@HOST:PORT/DATABASE, with %%XX for special characters.");
}

static enum rc
want_library(struct ctx *cx)
{
	const char *why = pq_load();

	if (why == NULL)
		return OK;
	fail(cx, E_STORE, "PostgreSQL's client library cannot be used: %s.", why);
	return fail_todo(cx, "Install libpq5.");
}

enum rc
pg_link_open(struct ctx *cx, struct pg_link *l, const char *url)
{
	*l = (struct pg_link){ .patience_ms = CALL_MS, .pause_ms = PAUSE_MS };
	TRY(want_library(cx));
	TRY(check_url(cx, url));
	l->url = mem_alloc(strlen(url) + 1);
	memcpy(l->url, url, strlen(url));
	return reconnect(cx, l);
}

void
pg_link_close(struct pg_link *l)
{
	if (l->conn != NULL)
		PQfinish(l->conn);
	if (l->url != NULL)
		mem_wipe(l->url, strlen(l->url));
	free(l->url);
}

/* A server that ended while nobody asked it anything has said so on the socket. */
static bool
still_there(struct pg_link *l)
{
	struct pollfd p = { .fd = PQsocket(l->conn), .events = POLLIN };

	/* Its last words are read before the end behind them. */
	while (PQstatus(l->conn) == CONNECTION_OK && poll(&p, 1, 0) > 0)
		PQconsumeInput(l->conn);
	return PQstatus(l->conn) == CONNECTION_OK;
}

enum rc
pg_link_ready(struct ctx *cx, struct pg_link *l, bool in_transaction)
{
	if (l->conn != NULL && (in_transaction || still_there(l)))
		return OK;
	if (l->conn != NULL)
		pg_link_drop(l, "the server ended the connection.");
	return in_transaction ? unavailable(cx, l) : reconnect(cx, l);
}

/* Waits until everything is sent and, with `answer`, something can be read. False: too late. */
static bool
wait_for(struct pg_link *l, int64_t until_ms)
{
	int flushed = PQflush(l->conn);
	struct pollfd p = { .fd = PQsocket(l->conn), .events = POLLIN };
	int64_t left = until_ms - clock_mono_ms();

	if (flushed > 0)
		p.events |= POLLOUT;
	if (left <= 0)
		return false;
	return poll(&p, 1, (int)left) >= 0 || errno == EINTR;
}

/* One result, or NULL when there is none left or the connection is gone. */
static PGresult *
next_result(struct pg_link *l, int64_t until_ms)
{
	while (PQisBusy(l->conn)) {
		if (!wait_for(l, until_ms)) {
			pg_link_drop(l, "it does not answer.");
			pause_after_failure(l);
			return NULL;
		}
		if (PQconsumeInput(l->conn) == 0)
			break; /* PQgetResult has the error */
	}
	return PQgetResult(l->conn);
}

static bool
is_error(const PGresult *res)
{
	ExecStatusType status = PQresultStatus(res);

	return status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK &&
	    status != PGRES_EMPTY_QUERY;
}

/* The first error, or the last result. */
static PGresult *
read_results(struct pg_link *l)
{
	int64_t until_ms = clock_mono_ms() + l->patience_ms;
	PGresult *kept = NULL, *res;

	while ((res = next_result(l, until_ms)) != NULL) {
		if (kept != NULL && is_error(kept)) {
			PQclear(res);
			continue;
		}
		PQclear(kept);
		kept = res;
		if (PQstatus(l->conn) != CONNECTION_OK)
			break;
	}
	return kept;
}

static enum rc
meaning_of(struct ctx *cx, struct pg_link *l, const PGresult *res)
{
	const char *state = PQresultErrorField(res, PG_DIAG_SQLSTATE);
	const char *text = PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY);

	if (l->conn != NULL && PQstatus(l->conn) != CONNECTION_OK)
		pg_link_drop(l, text != NULL ? text : "the connection broke.");
	for (size_t i = 0; state != NULL && i < sizeof(meanings) / sizeof(meanings[0]); i++) {
		if (!str_starts(str_of(state), str_of(meanings[i].state)))
			continue;
		if (meanings[i].lost && l->conn != NULL)
			pg_link_drop(l, text != NULL ? text : "the server ends.");
		if (meanings[i].lost)
			return unavailable(cx, l);
		return fail_at(cx, meanings[i].rc, meanings[i].code, NULL, "%s", meanings[i].why);
	}
	if (l->conn == NULL)
		return unavailable(cx, l);
	return fail(cx, E_STORE, "The database failed: %s (%s).", text != NULL ? text : "no words",
	    state != NULL ? state : "no state");
}

static enum rc
lost(struct ctx *cx, struct pg_link *l)
{
	pg_link_drop(l, PQerrorMessage(l->conn));
	return unavailable(cx, l);
}

enum rc
pg_link_answer(struct ctx *cx, struct pg_link *l, int sent, PGresult **out)
{
	PGresult *res = NULL;
	enum rc rc;

	*out = NULL;
	if (sent == 0)
		return lost(cx, l);
	res = read_results(l);
	if (res != NULL && !is_error(res) && l->conn != NULL) {
		*out = res;
		return OK;
	}
	rc = meaning_of(cx, l, res);
	PQclear(res);
	return rc;
}

enum rc
pg_link_exec(struct ctx *cx, struct pg_link *l, const char *script)
{
	PGresult *res;

	TRY(pg_link_answer(cx, l, PQsendQuery(l->conn, script), &res));
	PQclear(res);
	return OK;
}

enum rc
pg_link_share(struct ctx *cx, struct pg_link *l)
{
	if (l->sharing)
		return OK;
	TRY(take_share(cx, l));
	l->sharing = true;
	return OK;
}

enum rc
pg_link_listen(struct ctx *cx, struct pg_link *l)
{
	if (l->listening)
		return OK;
	TRY(pg_link_exec(cx, l, listening));
	l->listening = true;
	return OK;
}

void
pg_link_wait(struct pg_link *l, int wake_fd, int64_t ms)
{
	struct pollfd p[] = { { .fd = wake_fd, .events = POLLIN },
		{ .fd = l->conn != NULL ? PQsocket(l->conn) : -1, .events = POLLIN } };
	PGnotify *n;

	if (poll(p, 2, (int)ms) <= 0 || p[1].revents == 0)
		return;
	PQconsumeInput(l->conn); /* an end is found by whoever calls next */
	while ((n = PQnotifies(l->conn)) != NULL)
		PQfreemem(n);
}

bool
pg_link_broke(const struct pg_link *l)
{
	return l->conn == NULL && clock_mono_ms() >= l->try_at_ms;
}

struct str
pg_link_describe(struct arena *a, const char *url)
{
	PQconninfoOption *options = pq_load() == NULL ? PQconninfoParse(url, NULL) : NULL;
	struct str text;

	if (options == NULL)
		return S("PostgreSQL");
	text = str_printf(a, "PostgreSQL at %s:%s/%s", option_value(options, "host"),
	    option_value(options, "port"), option_value(options, "dbname"));
	PQconninfoFree(options);
	return text;
}
