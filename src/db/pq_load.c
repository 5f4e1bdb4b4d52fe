#include "db/pq_load.h"

#include <libpq-fe.h>

#include "base/library.h"

/* clang-format off */
#define FUNCTIONS(_)                                                                            \
	_(PGconn *, PQconnectdbParams,                                                          \
	    (const char *const *names, const char *const *values, int expand),                  \
	    (names, values, expand))                                                            \
	_(void, PQfinish, (PGconn *c), (c))                                                     \
	_(PQconninfoOption *, PQconninfoParse, (const char *text, char **why), (text, why))     \
	_(void, PQconninfoFree, (PQconninfoOption *o), (o))                                     \
	_(ConnStatusType, PQstatus, (const PGconn *c), (c))                                     \
	_(char *, PQerrorMessage, (const PGconn *c), (c))                                       \
	_(int, PQsocket, (const PGconn *c), (c))                                                \
	_(PQnoticeReceiver, PQsetNoticeReceiver, (PGconn *c, PQnoticeReceiver f, void *arg),    \
	    (c, f, arg))                                                                        \
	_(int, PQsetnonblocking, (PGconn *c, int on), (c, on))                                  \
	_(int, PQsendQuery, (PGconn *c, const char *query), (c, query))                         \
	_(int, PQsendPrepare,                                                                   \
	    (PGconn *c, const char *name, const char *query, int n, const Oid *types),          \
	    (c, name, query, n, types))                                                         \
	_(int, PQsendQueryPrepared,                                                             \
	    (PGconn *c, const char *name, int n, const char *const *values, const int *lengths, \
	    const int *formats, int format),                                                    \
	    (c, name, n, values, lengths, formats, format))                                     \
	_(PQconninfoOption *, PQconndefaults, (void), ())                                       \
	_(PGresult *, PQgetResult, (PGconn *c), (c))                                            \
	_(int, PQisBusy, (PGconn *c), (c))                                                      \
	_(int, PQconsumeInput, (PGconn *c), (c))                                                \
	_(int, PQflush, (PGconn *c), (c))                                                       \
	_(PGnotify *, PQnotifies, (PGconn *c), (c))                                             \
	_(ExecStatusType, PQresultStatus, (const PGresult *r), (r))                             \
	_(char *, PQresultErrorField, (const PGresult *r, int field), (r, field))               \
	_(int, PQntuples, (const PGresult *r), (r))                                             \
	_(int, PQnfields, (const PGresult *r), (r))                                             \
	_(Oid, PQftype, (const PGresult *r, int column), (r, column))                           \
	_(char *, PQcmdStatus, (PGresult *r), (r))                                              \
	_(char *, PQcmdTuples, (PGresult *r), (r))                                              \
	_(char *, PQgetvalue, (const PGresult *r, int row, int column), (r, row, column))       \
	_(int, PQgetlength, (const PGresult *r, int row, int column), (r, row, column))         \
	_(int, PQgetisnull, (const PGresult *r, int row, int column), (r, row, column))         \
	_(void, PQclear, (PGresult *r), (r))                                                    \
	_(void, PQfreemem, (void *p), (p))
/* clang-format on */

LIBRARY_TABLE(pq_load, "libpq.so.5", FUNCTIONS)
FUNCTIONS(LIBRARY_HAND_ON)
