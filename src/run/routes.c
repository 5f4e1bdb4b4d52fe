#include <stdio.h>
#include <string.h>

#include "api/api.h"
#include "http/server.h"
#include "run/commands.h"
#include "sandbox/sandbox.h"

static const char usage[] =
    "The manager's routes, one a line: method, path, who may call it.\n\n"
    "Usage: valetkey routes [--sandbox]\n\n"
    "  --sandbox   the sandbox's: method, path, who may call it, with which permission,\n"
    "              which names of the proxy have it (www, api, or - for none), and\n"
    "              \"absent\" for a function of Dropbox's that it does not have\n";

static const char *const methods[] = { "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS" };

static int
print_manager(void)
{
	size_t count;
	const struct http_route *rows = api_route_table(&count);

	for (size_t i = 0; i < count; i++)
		printf("%-7s %-42s %s\n", methods[rows[i].method], rows[i].path,
		    api_access_word(rows[i].access));
	return 0;
}

static void
print_row(void *arg, const struct sandbox_route *r)
{
	(void)arg;
	printf("%-7s %-54s %-12s %-24s %s%s\n", methods[r->method], r->path, r->access, r->scope,
	    r->tunnel, r->absent ? " absent" : "");
}

static int
print_sandbox(void)
{
	sandbox_routes_each(print_row, NULL);
	return 0;
}

int
run_routes(int argc, char **argv)
{
	bool asked = argc == 2 && strcmp(argv[1], "--help") == 0;

	if (argc == 1)
		return print_manager();
	if (argc == 2 && strcmp(argv[1], "--sandbox") == 0)
		return print_sandbox();
	fputs(usage, asked ? stdout : stderr);
	return asked ? 0 : 2;
}
