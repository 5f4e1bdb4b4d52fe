/* base/library.h - a shared library that is loaded when it is first needed, and then stays.
 *
 * For one that brings many others along and that most processes never use. Nothing is linked with it;
 * a file of ours defines those of its functions that are used, and hands them on:
 *
 *	#define FUNCTIONS(_) _(int, their_call, (const char *text), (text))
 *	LIBRARY_TABLE(their_load, "libtheirs.so.1", FUNCTIONS)
 *	FUNCTIONS(LIBRARY_HAND_ON)
 *
 * A function that is missing from the list is missing at link time. */
#ifndef BASE_LIBRARY_H
#define BASE_LIBRARY_H

#include <pthread.h>
#include <stddef.h>

struct library_function {
	const char *name;
	void *to; /* where its address goes: a pointer to a pointer to that function */
};

/* Looks where the linker looks for what is linked, binds everything at once (RTLD_NOW) and lets no
 * other library see its names. NULL, or why not, for a person; that text stays. */
const char *library_load(
    const char *soname, const struct library_function *functions, size_t count);
/* For calls without a load that went well before them: ends the process. */
_Noreturn void library_missing(const char *why);

/* Defines `const char *load(void)`, which loads it unless it is there (NULL, or why it cannot be), and
 * loaded(), the table of its functions. Both are thread-safe. */
#define LIBRARY_TABLE(load, soname, FUNCTIONS)                                                   \
	static struct {                                                                          \
		FUNCTIONS(LIBRARY_POINTER_)                                                      \
	} library_table_;                                                                        \
	static const struct library_function library_names_[] = { FUNCTIONS(LIBRARY_NAME_) };    \
	static const char *library_failure_;                                                     \
	static void library_once_(void)                                                          \
	{                                                                                        \
		library_failure_ = library_load(                                                 \
		    soname, library_names_, sizeof(library_names_) / sizeof(library_names_[0])); \
	}                                                                                        \
	const char *load(void)                                                                   \
	{                                                                                        \
		static pthread_once_t once = PTHREAD_ONCE_INIT;                                  \
                                                                                                 \
		pthread_once(&once, library_once_);                                              \
		return library_failure_;                                                         \
	}                                                                                        \
	static __typeof__(library_table_) *loaded(void)                                          \
	{                                                                                        \
		if (load() != NULL)                                                              \
			library_missing(load());                                                 \
		return &library_table_;                                                          \
	}

#define LIBRARY_POINTER_(type, name, parameters, arguments) type(*name) parameters;
#define LIBRARY_NAME_(type, name, parameters, arguments) { #name, &library_table_.name },
#define LIBRARY_HAND_ON(type, name, parameters, arguments) \
	type name parameters                               \
	{                                                  \
		return loaded()->name arguments;           \
	}

#endif
