/* crowd_site.h - the same as wild_site.h for many connections at once: a thread for each, one script for all.
 * `heard` is the latest request of whichever. */
#ifndef TESTS_CROWD_SITE_H
#define TESTS_CROWD_SITE_H

#include "wild_site.h"

#define CROWD_MAX 200

struct crowd {
	struct site site;
	pthread_t threads[CROWD_MAX];
	struct crowd_member {
		struct crowd *crowd;
		int fd;
	} members[CROWD_MAX];
	_Atomic bool released; /* for scripts that hold back */
};

static inline void *
crowd_serve(void *arg)
{
	struct crowd_member *m = arg;

	m->crowd->site.serve(&m->crowd->site, m->fd);
	close(m->fd);
	return NULL;
}

static inline void *
crowd_run(void *arg)
{
	struct crowd *crowd = arg;
	int fd;

	while ((fd = accept(crowd->site.fd, NULL, NULL)) >= 0) {
		int i = crowd->site.connections++;

		if (i >= CROWD_MAX)
			abort();
		crowd->members[i] = (struct crowd_member){ crowd, fd };
		pthread_create(&crowd->threads[i], NULL, crowd_serve, &crowd->members[i]);
	}
	return NULL;
}

/* serve() gets the crowd's site, which stands at its beginning. */
static inline struct crowd *
crowd_start(void (*serve)(struct site *site, int fd))
{
	struct crowd *crowd = mem_alloc(sizeof(*crowd));

	site_listen(&crowd->site, serve, 200);
	assert_int_equal(pthread_create(&crowd->site.thread, NULL, crowd_run, crowd), 0);
	return crowd;
}

/* Once no client is left that keeps a connection. */
static inline void
crowd_stop(struct crowd *crowd)
{
	site_stop(&crowd->site);
	for (int i = 0; i < crowd->site.connections; i++)
		pthread_join(crowd->threads[i], NULL);
	free(crowd);
}

static inline void
wait_for_count(const _Atomic int *count, int want)
{
	for (int i = 0; i < 30000 && *count < want; i++)
		usleep(1000);
	assert_int_equal(*count, want);
}

#endif
