#include <stdio.h>
#include <string.h>

#include "api/api.h"
#include "http/server.h"
#include "run/commands.h"

static const char usage[] =
    "The manager's routes, one a line: method, path, who may call it.\n\nUsage: valetkey routes\n";

int
run_routes(int argc, char **argv)
{
	static const char *const methods[] = { "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE",
		"OPTIONS" };
	const struct http_route *rows;
	size_t count;

	if (argc > 1) {
		bool asked = strcmp(argv[1], "--help") == 0;

		fputs(usage, asked ? stdout : stderr);
		return asked ? 0 : 2;
	}
	rows = api_route_table(&count);
	for (size_t i = 0; i < count; i++)
		printf("%-7s %-42s %s\n", methods[rows[i].method], rows[i].path,
		    api_access_word(rows[i].access));
	return 0;
}
