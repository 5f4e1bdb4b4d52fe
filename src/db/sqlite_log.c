#include "db/sqlite_log.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/arena.h"

#define CHUNK 65536

struct sqlite_log {
	sqlite3_io_methods methods; /* first: the file has these instead of its own */
	const sqlite3_io_methods *own;
	sqlite3_file *file;
	pthread_mutex_t lock; /* of what is told about a sync */
	_Atomic int lost;
};

/* SQLite does not say, and its file does not always. */
static int
why(void)
{
	return errno != 0 ? errno : EIO;
}

static int
watched_sync(sqlite3_file *file, int flags)
{
	struct sqlite_log *log = (struct sqlite_log *)file->pMethods;
	int rc = SQLITE_IOERR_FSYNC;

	pthread_mutex_lock(&log->lock);
	if (log->lost == 0) {
		rc = log->own->xSync(file, flags);
		if (rc != SQLITE_OK)
			log->lost = why();
	}
	pthread_mutex_unlock(&log->lock);
	return rc;
}

struct sqlite_log *
sqlite_log_watch(sqlite3 *handle)
{
	struct sqlite_log *log;
	sqlite3_file *file = NULL;

	(void)sqlite3_file_control(handle, "main", SQLITE_FCNTL_JOURNAL_POINTER, &file);
	if (file == NULL || file->pMethods == NULL)
		return NULL;
	log = mem_alloc(sizeof(*log));
	log->own = file->pMethods;
	log->methods = *file->pMethods;
	log->methods.xSync = watched_sync;
	log->file = file;
	pthread_mutex_init(&log->lock, NULL);
	file->pMethods = &log->methods;
	return log;
}

void
sqlite_log_free(struct sqlite_log *log)
{
	if (log == NULL)
		return;
	pthread_mutex_destroy(&log->lock);
	free(log);
}

int
sqlite_log_sync(struct sqlite_log *log)
{
	return watched_sync(log->file, SQLITE_SYNC_NORMAL) == SQLITE_OK ? 0 : log->lost;
}

int
sqlite_log_lost(const struct sqlite_log *log)
{
	return log->lost;
}

/* What is read is what was written, as long as the system has it in memory; what it is told to write again it
 * does not take for written any more. */
static bool
write_anew(const struct sqlite_log *log)
{
	sqlite3_int64 size = 0;
	bool ok = log->own->xFileSize(log->file, &size) == SQLITE_OK;
	char *bytes = mem_alloc(CHUNK);

	for (sqlite3_int64 at = 0; ok && at < size; at += CHUNK) {
		int n = size - at < CHUNK ? (int)(size - at) : CHUNK;

		ok = log->own->xRead(log->file, bytes, n, at) == SQLITE_OK &&
		    log->own->xWrite(log->file, bytes, n, at) == SQLITE_OK;
	}
	free(bytes);
	return ok && log->own->xSync(log->file, SQLITE_SYNC_NORMAL) == SQLITE_OK;
}

int
sqlite_log_mend(struct sqlite_log *log)
{
	pthread_mutex_lock(&log->lock);
	if (log->lost != 0)
		log->lost = write_anew(log) ? 0 : why();
	pthread_mutex_unlock(&log->lock);
	return log->lost;
}
