/* fault.h - a driver around another one that fails a call on purpose. */
#ifndef TESTS_STORE_FAULT_H
#define TESTS_STORE_FAULT_H

#include "db/db.h"

enum fault_kind {
	FAULT_BEFORE, /* the call never reaches the database */
	FAULT_AFTER,  /* it was done, but its answer is lost */
};

/* Opens `where` with the real driver, behind one that can fail. */
MUST enum rc fault_open(struct ctx *cx, const char *where, struct db **out);

/* Fails call number `at`, from 1, of those that can fail. */
void fault_arm(enum fault_kind kind, int at);
/* From that call on none reaches the database any more; the first one as `kind` says. */
void fault_arm_away(enum fault_kind kind, int at);
/* The same from the next commit on. */
void fault_arm_commit(enum fault_kind kind);
/* Whether it came to that; no call fails any more. */
bool fault_disarm(void);

#endif
