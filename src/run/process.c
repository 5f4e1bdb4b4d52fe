#include "run/process.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* What this process was started with, for a command that it starts in turn. */
static struct {
	mode_t umask;
	sigset_t blocked;
	void (*on_pipe)(int);
	struct rlimit core;
} given;

void
process_harden(void)
{
	struct rlimit none = { 0 };

	getrlimit(RLIMIT_CORE, &given.core);
	none.rlim_max = given.core.rlim_max;
	pthread_sigmask(SIG_SETMASK, NULL, &given.blocked);
	given.umask = umask(077);
	given.on_pipe = signal(SIGPIPE, SIG_IGN);
	prctl(PR_SET_DUMPABLE, 0);
	setrlimit(RLIMIT_CORE, &none);
}

void
process_harden_for_good(void)
{
	const struct rlimit none = { 0, 0 };

	setrlimit(RLIMIT_CORE, &none);
}

static sigset_t
ending_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
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

/* --- a command --- */

static sigset_t
handed_on(void)
{
	sigset_t set = ending_signals();

	sigaddset(&set, SIGQUIT);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGUSR2);
	sigaddset(&set, SIGCHLD);
	return set;
}

void
process_hold_for_command(void)
{
	sigset_t set = handed_on();

	pthread_sigmask(SIG_BLOCK, &set, NULL);
}

/* In the child of a program with threads: nothing here may allocate or lock. */
__attribute__((noreturn)) static void
become(char *const *command, char *const *environment, int report)
{
	int error;

	umask(given.umask);
	setrlimit(RLIMIT_CORE, &given.core);
	signal(SIGPIPE, given.on_pipe);
	pthread_sigmask(SIG_SETMASK, &given.blocked, NULL);
	execvpe(command[0], command, environment);
	error = errno;
	while (write(report, &error, sizeof(error)) < 0 && errno == EINTR)
		;
	_exit(127);
}

static enum rc
not_started(struct ctx *cx, const char *command, int error)
{
	enum rc rc = error == ENOENT ? E_NOTFOUND : error == EACCES ? E_DENIED : E_INPUT;

	return fail(cx, rc, "The command %s could not be started: %s.", command, strerror(error));
}

enum rc
process_spawn(struct ctx *cx, char *const *command, char *const *environment, pid_t *pid)
{
	int report[2], error = 0;
	ssize_t n;

	if (pipe2(report, O_CLOEXEC) != 0)
		return not_started(cx, command[0], errno);
	*pid = fork();
	if (*pid == 0)
		become(command, environment, report[1]);
	if (*pid < 0)
		error = errno;
	close(report[1]);
	while ((n = read(report[0], &error, sizeof(error))) < 0 && errno == EINTR)
		;
	close(report[0]);
	if (error == 0)
		return OK;
	if (*pid > 0)
		waitpid(*pid, NULL, 0);
	return not_started(cx, command[0], error);
}

int
process_wait_for_child(pid_t pid)
{
	sigset_t set = handed_on();
	siginfo_t info;
	int status;

	while (waitpid(pid, &status, WNOHANG) == 0) {
		int got = sigwaitinfo(&set, &info);

		if (got > 0 && got != SIGCHLD && info.si_code != SI_KERNEL)
			kill(pid, got);
	}
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

int
process_fail(const struct ctx *cx)
{
	fprintf(stderr, "valetkey: %s\n", cx->why);
	if (cx->todo[0] != '\0')
		fprintf(stderr, "          %s\n", cx->todo);
	return cx->rc == E_INPUT ? 2 : 1;
}
