/* db/sqlite_memory.h - where SQLite takes its memory from.
 *
 * A statement takes some twenty pieces for the texts of a row and gives them back when it is done. SQLite has
 * an allocator for just that ("lookaside"), which Debian's build leaves out. Each thread keeps what it has given
 * back in lists by size; what is larger, or too much, is malloc's. A piece knows its size, so that any thread may
 * free it. What a thread keeps ends with it. */
#ifndef DB_SQLITE_MEMORY_H
#define DB_SQLITE_MEMORY_H

#include <sqlite3.h>

/* For SQLITE_CONFIG_MALLOC, before SQLite is used for the first time. */
extern const sqlite3_mem_methods sqlite_memory;

#endif
