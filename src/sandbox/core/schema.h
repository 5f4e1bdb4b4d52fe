/* sandbox/core/schema.h - the numbered steps of the sandbox's database. A step that has been in a
 * release is never changed; what comes later is a new step. */
#ifndef SANDBOX_CORE_SCHEMA_H
#define SANDBOX_CORE_SCHEMA_H

#include "db/db.h"

extern const char *const schema_steps[];
extern const size_t schema_step_count;
extern const struct db_whole schema_whole;

#endif
