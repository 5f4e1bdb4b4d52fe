/* db/sqlite_log.h - how SQLite's write-ahead log gets to the disk, and whether it still can.
 *
 * SQLite writes each page of a commit in two pieces, one after the other. Here the pages of a commit are gathered
 * and written together, at the latest when its last one is there: before anybody is told of it.
 *
 * A commit stands in the log before it is synced, by SQLite itself or, later, by another thread. When a sync
 * fails the system says so once, to one of those who sync, and takes from then on for written what was not: to
 * sync again proves nothing. So all syncs of the log share one verdict, SQLite's own at a commit and at a
 * checkpoint among them: once one has failed all fail, until what the log holds has been written anew. */
#ifndef DB_SQLITE_LOG_H
#define DB_SQLITE_LOG_H

#include <sqlite3.h>
#include <stdbool.h>

struct sqlite_log;

/* The log of this connection's file, watched from now on; NULL while it has none open. On the connection's
 * thread. It stays until the connection is closed, and is freed after that. */
struct sqlite_log *sqlite_log_watch(sqlite3 *handle);
void sqlite_log_free(struct sqlite_log *log); /* takes NULL */

/* On any thread. All that was committed before is on the disk; 0, or an errno. */
int sqlite_log_sync(struct sqlite_log *log);
/* Since a sync failed, that errno; 0: none has. */
int sqlite_log_lost(const struct sqlite_log *log);
/* After such a failure, by one who holds the right to write to the database: writes all of the log anew, and syncs
 * it. 0: it is as if none had failed; else an errno. */
int sqlite_log_mend(struct sqlite_log *log);

#endif
