/* db/pq_load.h - libpq, loaded when a PostgreSQL is opened. <libpq-fe.h> is used as ever. */
#ifndef DB_PQ_LOAD_H
#define DB_PQ_LOAD_H

/* Loads it unless it is there: NULL, or why it cannot be, for a person. Thread-safe. Everything else
 * of libpq ends the process when it is not there. */
const char *pq_load(void);

#endif
