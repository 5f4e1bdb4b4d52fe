/* cluster.h - a PostgreSQL of the tests' own: a temporary directory, a socket in it, no port.
 *
 * It ends with the test program, however that ends. As root it runs as the user postgres. */
#ifndef TESTS_STORE_CLUSTER_H
#define TESTS_STORE_CLUSTER_H

#include "base/str.h"

void cluster_start(void); /* ends the program with a sentence when it cannot */
void cluster_stop(void);

/* The address of an empty database: a schema of its own in the one cluster. Static memory. */
const char *cluster_new_url(void);
/* Runs a statement as the administrator of the cluster. */
void cluster_sql(const char *sql);
/* kill -9, and a start on the same files. */
void cluster_crash(void);
void cluster_start_again(void);

#endif
