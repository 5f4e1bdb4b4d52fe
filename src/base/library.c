#include "base/library.h"

#include <dlfcn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *
library_load(const char *soname, const struct library_function *functions, size_t count)
{
	void *handle = dlopen(soname, RTLD_NOW | RTLD_LOCAL);
	bool found = handle != NULL;
	void *address;
	const char *why;

	for (size_t i = 0; found && i < count; i++) {
		address = dlsym(handle, functions[i].name);
		found = address != NULL;
		memcpy(functions[i].to, &address, sizeof(address));
	}
	if (found)
		return NULL;
	why = dlerror();
	why = why != NULL ? strdup(why) : NULL;
	return why != NULL ? why : soname;
}

void
library_missing(const char *why)
{
	fprintf(stderr, "valetkey: %s\n", why);
	abort();
}
