/* run/variables.h - the environment variables that make a program use the sandbox as its Dropbox.
 *
 * Which runtime reads what was tried out one by one: most replace the system's roots by the file that
 * their variable names, so those get the bundle; Node adds, so it gets the CA. */
#ifndef RUN_VARIABLES_H
#define RUN_VARIABLES_H

#include "base/ctx.h"
#include "run/runtime.h"

#define VARIABLES_MAX 24

struct variables {
	struct {
		const char *name;
		struct str value;
	} list[VARIABLES_MAX];
	size_t count;
};

void variables_add(struct variables *v, const char *name, struct str value);
/* The sandbox's address, and with a proxy or TLS what a client needs to use and believe it. no_proxy:
 * what the environment has had until now; hosts that the sandbox does not stand for stay in it. */
MUST enum rc variables_fill(struct ctx *cx, const char *data_dir, const struct runtime *r,
    struct str no_proxy, struct variables *out);
/* NO_PROXY as this process got it. */
struct str variables_no_proxy(void);
/* The environment of this process with these over it: for process_spawn. */
char **variables_environment(struct arena *a, const struct variables *v);

#endif
