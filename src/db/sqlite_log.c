#include "db/sqlite_log.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"

#define CHUNK 65536
/* Of a page in the log: a header, whose second number is not 0 for the last page of a commit. (SQLite's
 * fileformat2, 4.1) */
#define HEADER 24
#define GATHERED_MAX (124 << 10) /* SQLite writes less than 128 KiB to a file at once */

struct sqlite_log {
	sqlite3_io_methods methods; /* first: the file has these instead of its own */
	const sqlite3_io_methods *own;
	sqlite3_file *file;
	pthread_mutex_t lock; /* of what is told about a sync */
	_Atomic int lost;

	/* The rest is the connection's thread's. */
	char *gathered; /* what is to be written at `from`, and nothing behind it was */
	int len;
	sqlite3_int64 from;
	sqlite3_int64 next; /* behind what came last: where a page that follows begins */
	bool in_page, last; /* its header was gathered; it is the commit's last page */
};

/* SQLite does not say, and its file does not always. */
static int
why(void)
{
	return errno != 0 ? errno : EIO;
}

static struct sqlite_log *
of(sqlite3_file *file)
{
	return (struct sqlite_log *)file->pMethods;
}

/* Also by another thread: nothing that was committed is gathered only. */
static int
watched_sync(sqlite3_file *file, int flags)
{
	struct sqlite_log *log = of(file);
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

static int
write_gathered(struct sqlite_log *log)
{
	int len = log->len;

	log->len = 0;
	log->in_page = false;
	return len == 0 ? SQLITE_OK : log->own->xWrite(log->file, log->gathered, len, log->from);
}

static void
gather(struct sqlite_log *log, const void *bytes, int n, sqlite3_int64 at)
{
	if (log->len == 0)
		log->from = at;
	memcpy(log->gathered + log->len, bytes, (size_t)n);
	log->len += n;
}

static bool
is_last(const unsigned char *header)
{
	return header[4] != 0 || header[5] != 0 || header[6] != 0 || header[7] != 0;
}

/* Only what follows directly is gathered, header and page in turns: whatever is corrected further up is written
 * as it comes, and all before it. */
static int
watched_write(sqlite3_file *file, const void *bytes, int n, sqlite3_int64 at)
{
	struct sqlite_log *log = of(file);
	bool follows = at == log->next, header = n == HEADER && !log->in_page;
	int rc;

	log->next = at + n;
	if (follows && header && log->len + n <= GATHERED_MAX) {
		gather(log, bytes, n, at);
		log->in_page = true;
		log->last = is_last(bytes);
		return SQLITE_OK;
	}
	if (follows && log->in_page && log->len + n <= GATHERED_MAX) {
		gather(log, bytes, n, at);
		log->in_page = false;
		return log->last ? write_gathered(log) : SQLITE_OK;
	}
	rc = write_gathered(log);
	return rc == SQLITE_OK ? log->own->xWrite(file, bytes, n, at) : rc;
}

static int
watched_read(sqlite3_file *file, void *bytes, int n, sqlite3_int64 at)
{
	int rc = write_gathered(of(file));

	return rc == SQLITE_OK ? of(file)->own->xRead(file, bytes, n, at) : rc;
}

static int
watched_truncate(sqlite3_file *file, sqlite3_int64 size)
{
	int rc = write_gathered(of(file));

	return rc == SQLITE_OK ? of(file)->own->xTruncate(file, size) : rc;
}

static int
watched_size(sqlite3_file *file, sqlite3_int64 *size)
{
	int rc = write_gathered(of(file));

	return rc == SQLITE_OK ? of(file)->own->xFileSize(file, size) : rc;
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
	log->methods.xWrite = watched_write;
	log->methods.xRead = watched_read;
	log->methods.xTruncate = watched_truncate;
	log->methods.xFileSize = watched_size;
	log->methods.xSync = watched_sync;
	log->gathered = mem_alloc(GATHERED_MAX);
	log->next = -1;
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
	free(log->gathered);
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
	bool ok = watched_size(log->file, &size) == SQLITE_OK;
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
