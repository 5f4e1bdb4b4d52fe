/* sandbox/core/times.h - reading the one time format of the API. Pure. */
#ifndef SANDBOX_CORE_TIMES_H
#define SANDBOX_CORE_TIMES_H

#include "base/str.h"

/* "2026-01-02T03:04:05Z" to ms since 1970. */
bool time_parse(struct str s, int64_t *ms);

#endif
