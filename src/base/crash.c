#include "base/crash.h"

#ifdef VALETKEY_TEST_BUILD

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"

void
crash_here(enum crash_step step)
{
	const char *at = getenv("VALETKEY_CRASH_AT");

	if (at != NULL && strtol(at, NULL, 10) == (long)step)
		raise(SIGKILL);
}

static void
read_offset(struct clock *c)
{
	const char *path = getenv("VALETKEY_TEST_CLOCK");
	FILE *file = path == NULL ? NULL : fopen(path, "re");
	long long offset_ms, shift_ms;
	int read;

	if (file == NULL)
		return;
	read = fscanf(file, "%lld %lld", &offset_ms, &shift_ms);
	if (read == 2)
		clock_shift_wall_ms(shift_ms);
	if (read >= 1) {
		clock_set_offset_ms(c, offset_ms);
		log_event(LOG_WARN, "test.clock", KV_INT("offset_ms", offset_ms));
	}
	fclose(file);
}

static void *
follow(void *arg)
{
	sigset_t set;
	int got;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	while (sigwait(&set, &got) == 0)
		read_offset(arg);
	return NULL;
}

void
crash_clock_follow(struct clock *c)
{
	pthread_t thread;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	read_offset(c);
	if (getenv("VALETKEY_TEST_CLOCK") != NULL && pthread_create(&thread, NULL, follow, c) == 0)
		pthread_detach(thread);
}

#endif
