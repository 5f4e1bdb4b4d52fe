#include "run/process.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

void
process_harden(void)
{
	const struct rlimit none = { 0, 0 };

	prctl(PR_SET_DUMPABLE, 0);
	setrlimit(RLIMIT_CORE, &none);
	umask(077);
	signal(SIGPIPE, SIG_IGN);
}

static sigset_t
ending_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	return set;
}

void
process_hold_signals(void)
{
	sigset_t set = ending_signals();

	pthread_sigmask(SIG_BLOCK, &set, NULL);
}

void
process_wait_for_end(void)
{
	sigset_t set = ending_signals();
	int got;

	sigwait(&set, &got);
}

int
process_fail(const struct ctx *cx)
{
	fprintf(stderr, "valetkey: %s\n", cx->why);
	if (cx->todo[0] != '\0')
		fprintf(stderr, "          %s\n", cx->todo);
	return cx->rc == E_INPUT ? 2 : 1;
}
