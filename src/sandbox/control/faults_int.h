/* sandbox/control/faults_int.h - between the list of faults and what applies one to a reply. */
#ifndef SANDBOX_CONTROL_FAULTS_INT_H
#define SANDBOX_CONTROL_FAULTS_INT_H

#include "sandbox/control/faults.h"

enum fault_mode {
	FAULT_STATUS,
	FAULT_RESET,
	FAULT_TIMEOUT,
	FAULT_GARBAGE,
	FAULT_LOSE_REPLY,
	FAULT_CUT,
	FAULT_DRIP,
	FAULT_DELAY,
};

extern const char *const fault_modes[]; /* their words, ends with NULL */

struct fault_effect {
	enum fault_mode mode;
	int status, retry_after_s; /* retry_after_s: -1 when not said */
	int delay_ms, bytes_per_s;
	struct str body; /* p == NULL: not said */
	bool json;       /* the body is JSON */
};

struct fault_call {
	const struct http_req *req;
	struct str grant_type, client_id;
	const struct fault_caller *who; /* NULL: not known yet */
};

/* The first fault that fits and lets no more calls pass; counts it. */
bool faults_take(
    struct faults *f, struct arena *a, const struct fault_call *call, struct fault_effect *out);

#endif
