#include "http/curl_load.h"

#include <curl/curl.h>
#include <malloc.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/library.h"

/* clang-format off */
#define WITH_FIXED_ARGUMENTS(_)                                                                \
	_(CURL *, curl_easy_init, (void), ())                                                  \
	_(void, curl_easy_cleanup, (CURL *e), (e))                                             \
	_(CURLcode, curl_easy_recv, (CURL *e, void *p, size_t len, size_t *n), (e, p, len, n)) \
	_(CURLcode, curl_easy_send, (CURL *e, const void *p, size_t len, size_t *n),           \
	    (e, p, len, n))                                                                    \
	_(const char *, curl_easy_strerror, (CURLcode code), (code))                           \
	_(void, curl_free, (void *p), (p))                                                     \
	_(time_t, curl_getdate, (const char *text, const time_t *unused), (text, unused))      \
	_(CURLcode, curl_global_init_mem,                                                      \
	    (long flags, curl_malloc_callback m, curl_free_callback f,                         \
	    curl_realloc_callback r, curl_strdup_callback s, curl_calloc_callback c),          \
	    (flags, m, f, r, s, c))                                                            \
	_(CURLsslset, curl_global_sslset,                                                      \
	    (curl_sslbackend id, const char *name, const curl_ssl_backend ***all),             \
	    (id, name, all))                                                                   \
	_(CURLM *, curl_multi_init, (void), ())                                                \
	_(CURLMcode, curl_multi_cleanup, (CURLM *m), (m))                                      \
	_(CURLMcode, curl_multi_add_handle, (CURLM *m, CURL *e), (m, e))                       \
	_(CURLMcode, curl_multi_remove_handle, (CURLM *m, CURL *e), (m, e))                    \
	_(CURLMsg *, curl_multi_info_read, (CURLM *m, int *left), (m, left))                   \
	_(CURLMcode, curl_multi_socket_action,                                                 \
	    (CURLM *m, curl_socket_t s, int what, int *running), (m, s, what, running))         \
	_(CURLMcode, curl_multi_assign, (CURLM *m, curl_socket_t s, void *p), (m, s, p))       \
	_(CURLSH *, curl_share_init, (void), ())                                               \
	_(CURLSHcode, curl_share_cleanup, (CURLSH *s), (s))                                    \
	_(CURLU *, curl_url, (void), ())                                                       \
	_(void, curl_url_cleanup, (CURLU *u), (u))                                             \
	_(CURLUcode, curl_url_get, (CURLU *u, CURLUPart p, char **out, unsigned int f),        \
	    (u, p, out, f))                                                                    \
	_(CURLUcode, curl_url_set, (CURLU *u, CURLUPart p, const char *text, unsigned int f),  \
	    (u, p, text, f))

#define WITH_ONE_OF_ANY_TYPE(_)                                      \
	_(CURLcode, curl_easy_setopt, (CURL *, CURLoption, ...), )   \
	_(CURLcode, curl_easy_getinfo, (CURL *, CURLINFO, ...), )    \
	_(CURLMcode, curl_multi_setopt, (CURLM *, CURLMoption, ...), ) \
	_(CURLSHcode, curl_share_setopt, (CURLSH *, CURLSHoption, ...), )
/* clang-format on */

/* Functions here, not the header's macros around them. */
#undef curl_easy_setopt
#undef curl_easy_getinfo
#undef curl_multi_setopt
#undef curl_share_setopt

#define FUNCTIONS(_) WITH_FIXED_ARGUMENTS(_) WITH_ONE_OF_ANY_TYPE(_)

const char *curl_load(void);
LIBRARY_TABLE(curl_load, "libcurl.so.4", FUNCTIONS)
WITH_FIXED_ARGUMENTS(LIBRARY_HAND_ON)

/* The type is in the option's number, and a call with another one does not compile
 * (<curl/typecheck-gcc.h>). */
CURLcode
curl_easy_setopt(CURL *e, CURLoption option, ...)
{
	int type = (int)option - (int)option % CURLOPTTYPE_OBJECTPOINT;
	CURLcode code;
	va_list ap;

	va_start(ap, option);
	if (type == CURLOPTTYPE_LONG)
		code = loaded()->curl_easy_setopt(e, option, va_arg(ap, long));
	else if (type == CURLOPTTYPE_OFF_T)
		code = loaded()->curl_easy_setopt(e, option, va_arg(ap, curl_off_t));
	else
		code = loaded()->curl_easy_setopt(e, option, va_arg(ap, void *));
	va_end(ap);
	return code;
}

CURLMcode
curl_multi_setopt(CURLM *m, CURLMoption option, ...)
{
	CURLMcode code;
	va_list ap;

	va_start(ap, option);
	if ((int)option < CURLOPTTYPE_OBJECTPOINT)
		code = loaded()->curl_multi_setopt(m, option, va_arg(ap, long));
	else
		code = loaded()->curl_multi_setopt(m, option, va_arg(ap, void *));
	va_end(ap);
	return code;
}

/* What is to be shared is the one option that is used here. */
CURLSHcode
curl_share_setopt(CURLSH *s, CURLSHoption option, ...)
{
	CURLSHcode code;
	va_list ap;

	va_start(ap, option);
	code = loaded()->curl_share_setopt(s, option, va_arg(ap, int));
	va_end(ap);
	return code;
}

/* Whatever it is, it goes to where this points. */
CURLcode
curl_easy_getinfo(CURL *e, CURLINFO info, ...)
{
	CURLcode code;
	va_list ap;

	va_start(ap, info);
	code = loaded()->curl_easy_getinfo(e, info, va_arg(ap, void *));
	va_end(ap);
	return code;
}

/* --- memory --- */

/* libcurl keeps copies in buffers of its own, of a proxy's password for one; with these its memory is wiped
 * as it is freed. */
static void
wiping_free(void *p)
{
	if (p == NULL)
		return;
	mem_wipe(p, malloc_usable_size(p));
	free(p);
}

static void *
wiping_realloc(void *p, size_t size)
{
	size_t had = p != NULL ? malloc_usable_size(p) : 0;
	void *q = malloc(size);

	if (q == NULL)
		return NULL;
	if (p != NULL)
		memcpy(q, p, had < size ? had : size);
	wiping_free(p);
	return q;
}

static const char *unfit;

/* Before everything else: http/out_conn.c sets an option of OpenSSL's own. */
static void
set_up(void)
{
	if (curl_global_sslset(CURLSSLBACKEND_OPENSSL, NULL, NULL) != CURLSSLSET_OK) {
		unfit = "its TLS is not OpenSSL's";
		return;
	}
	if (curl_global_init_mem(CURL_GLOBAL_DEFAULT, malloc, wiping_free, wiping_realloc, strdup,
		calloc) != CURLE_OK)
		abort();
}

const char *
curl_ready(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	const char *why = curl_load();

	if (why == NULL)
		pthread_once(&once, set_up);
	return why != NULL ? why : unfit;
}
