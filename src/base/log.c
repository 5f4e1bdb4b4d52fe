#include "base/log.h"

#include <stdatomic.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"

#define VALUE_MAX 256
#define LINE_MAX_BYTES 4096

static _Atomic int threshold = LOG_INFO;
static const char *const level_names[] = { "debug", "info", "warn", "error" };

void
log_set_level(enum log_level level)
{
	atomic_store(&threshold, (int)level);
}

bool
log_level_parse(struct str s, enum log_level *out)
{
	for (int i = LOG_DEBUG; i <= LOG_ERROR; i++) {
		if (str_eq(s, str_of(level_names[i]))) {
			*out = (enum log_level)i;
			return true;
		}
	}
	return false;
}

/* Bare when it cannot be misread, else quoted with everything unusual escaped. */
static void
add_value(struct buf *b, struct str s)
{
	bool plain = s.len > 0;

	s = str_sub(s, 0, VALUE_MAX);
	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c <= ' ' || c >= 0x7f || c == '"' || c == '=' || c == '\\')
			plain = false;
	}
	if (plain) {
		buf_add(b, s);
		return;
	}
	buf_addc(b, '"');
	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c == '"' || c == '\\')
			buf_addf(b, "\\%c", c);
		else if (c < ' ' || c >= 0x7f)
			buf_addf(b, "\\x%02x", c);
		else
			buf_addc(b, (char)c);
	}
	buf_addc(b, '"');
}

bool
log_wants(enum log_level level)
{
	return (int)level >= atomic_load_explicit(&threshold, memory_order_relaxed);
}

void
log_write(enum log_level level, const char *event, const struct log_kv *kvs, size_t n)
{
	struct arena *a;
	struct buf b;
	ssize_t wrote;

	a = arena_new();
	b = buf_in(a, LINE_MAX_BYTES);
	buf_addf(&b, "%.*s %s event=%s", STR_ARG(clock_rfc3339(a, clock_wall_ms())),
	    level_names[level], event);
	for (size_t i = 0; i < n; i++) {
		buf_addf(&b, " %s=", kvs[i].key);
		if (kvs[i].text.p != NULL)
			add_value(&b, kvs[i].text);
		else
			buf_addf(&b, "%lld", kvs[i].number);
	}
	b.max++; /* the line end always fits */
	b.overflow = false;
	buf_addc(&b, '\n');
	/* One write, so that lines of several threads stay whole; a full disk must not stop us. */
	wrote = write(STDERR_FILENO, b.p, b.len);
	(void)wrote;
	arena_free(a);
}
