#include "cluster.h"

#include <fcntl.h>
#include <ftw.h>
#include <glob.h>
#include <libpq-fe.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define START_TRIES 600 /* of 50 ms */

static char dir[] = "/tmp/valetkey-pg-XXXXXX";
static char bin[200];
static pid_t server;
static int schemas;

static void
die(const char *what)
{
	fprintf(stderr, "The tests' PostgreSQL: %s\n", what);
	exit(1);
}

static void
find_programs(void)
{
	glob_t found;

	if (glob("/usr/lib/postgresql/*/bin/initdb", 0, NULL, &found) != 0)
		die("it is not installed; run make deps.");
	snprintf(bin, sizeof(bin), "%s", found.gl_pathv[found.gl_pathc - 1]);
	bin[strlen(bin) - strlen("/initdb")] = '\0';
	globfree(&found);
}

/* The server refuses to run as root. */
static const struct passwd *
its_user(void)
{
	return geteuid() == 0 ? getpwnam("postgres") : NULL;
}

static void
become(const struct passwd *user)
{
	if (user != NULL && (setgid(user->pw_gid) != 0 || setuid(user->pw_uid) != 0))
		_exit(127);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
}

static pid_t
spawn(const char *program, char **argv)
{
	char path[300], log[100];
	pid_t parent = getpid(), pid;
	int fd;

	snprintf(path, sizeof(path), "%s/%s", bin, program);
	snprintf(log, sizeof(log), "%s/log", dir);
	pid = fork();
	if (pid != 0)
		return pid;
	become(its_user());
	if (getppid() != parent || chdir(dir) != 0)
		_exit(127);
	fd = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);
	dup2(fd, STDOUT_FILENO);
	dup2(fd, STDERR_FILENO);
	unsetenv("ASAN_OPTIONS");
	execv(path, argv);
	_exit(127);
}

/* The language of the cluster is one that sorts unlike bytes: the store must not mind. */
static void
make_cluster(void)
{
	char data[60];
	char *argv[] = { (char *)"initdb", (char *)"-D", data, (char *)"-A", (char *)"trust",
		(char *)"-U", (char *)"valetkey", (char *)"--no-sync", (char *)"-E", (char *)"UTF8",
		(char *)"--locale=C.UTF-8", (char *)"--locale-provider=icu",
		(char *)"--icu-locale=en-US", NULL };
	int status;

	snprintf(data, sizeof(data), "%s/data", dir);
	if (waitpid(spawn("initdb", argv), &status, 0) < 0 || status != 0)
		die("initdb failed.");
}

static void
wait_ready(void)
{
	char conninfo[100];

	snprintf(conninfo, sizeof(conninfo), "host=%s user=valetkey dbname=postgres", dir);
	for (int i = 0; i < START_TRIES; i++) {
		if (PQping(conninfo) == PQPING_OK)
			return;
		usleep(50000);
	}
	die("it does not start.");
}

void
cluster_start_again(void)
{
	char data[60], socket_dir[80];
	char *argv[] = { (char *)"postgres", (char *)"-D", data, (char *)"-c", socket_dir,
		(char *)"-c", (char *)"listen_addresses=", (char *)"-c", (char *)"fsync=off",
		(char *)"-c", (char *)"full_page_writes=off", (char *)"-c",
		(char *)"shared_buffers=16MB", NULL };

	snprintf(data, sizeof(data), "%s/data", dir);
	snprintf(socket_dir, sizeof(socket_dir), "unix_socket_directories=%s", dir);
	server = spawn("postgres", argv);
	wait_ready();
}

void
cluster_start(void)
{
	const struct passwd *user = its_user();

	if (geteuid() == 0 && user == NULL)
		die("there is no user postgres to run it.");
	if (mkdtemp(dir) == NULL || (user != NULL && chown(dir, user->pw_uid, user->pw_gid) != 0))
		die("no directory for it.");
	find_programs();
	make_cluster();
	cluster_start_again();
}

void
cluster_crash(void)
{
	kill(server, SIGQUIT); /* the postmaster's own kill -9: no checkpoint, no goodbye */
	waitpid(server, NULL, 0);
}

static int
remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

void
cluster_stop(void)
{
	kill(server, SIGINT);
	waitpid(server, NULL, 0);
	nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

void
cluster_sql(const char *sql)
{
	char conninfo[100];
	PGresult *res;
	PGconn *conn;

	snprintf(conninfo, sizeof(conninfo), "host=%s user=valetkey dbname=postgres", dir);
	conn = PQconnectdb(conninfo);
	res = PQexec(conn, sql);
	if (PQresultStatus(res) != PGRES_COMMAND_OK && PQresultStatus(res) != PGRES_TUPLES_OK)
		die(PQerrorMessage(conn));
	PQclear(res);
	PQfinish(conn);
}

const char *
cluster_new_url(void)
{
	static char url[200];
	char sql[60];

	snprintf(sql, sizeof(sql), "CREATE SCHEMA t%d", ++schemas);
	cluster_sql(sql);
	snprintf(url, sizeof(url),
	    "postgres://valetkey@/postgres?host=%s&options=-csearch_path%%3Dt%d", dir, schemas);
	return url;
}
