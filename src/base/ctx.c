#include "base/ctx.h"

#include <stdarg.h>
#include <stdio.h>

void
ctx_init(struct ctx *cx, struct arena *a, const struct clock *clock)
{
	/* The sentences are a kilobyte, and end where they begin. */
	memset(cx, 0, offsetof(struct ctx, why));
	cx->arena = a;
	cx->clock = clock;
	ctx_clear(cx);
}

void
ctx_clear(struct ctx *cx)
{
	cx->rc = OK;
	cx->code = cx->field = NULL;
	cx->why[0] = cx->todo[0] = '\0';
	cx->retry_after_s = 0;
	cx->detail = (struct str){ 0 };
}

/* A sentence that was cut inside a character, or that quotes a stranger's bytes, stays text: what is
 * not UTF-8 could not be shown or stored. */
static void
keep_text(char *s)
{
	if (str_utf8(str_of(s)))
		return;
	for (; *s != '\0'; s++)
		if ((unsigned char)*s >= 0x80)
			*s = '?';
}

static enum rc
record(struct ctx *cx, enum rc rc, const char *fmt, va_list ap)
{
	ctx_clear(cx);
	cx->rc = rc;
	vsnprintf(cx->why, sizeof(cx->why), fmt, ap);
	keep_text(cx->why);
	return rc;
}

enum rc
fail(struct ctx *cx, enum rc rc, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	record(cx, rc, fmt, ap);
	va_end(ap);
	return rc;
}

enum rc
fail_at(struct ctx *cx, enum rc rc, const char *code, const char *field, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	record(cx, rc, fmt, ap);
	va_end(ap);
	cx->code = code;
	cx->field = field;
	return rc;
}

enum rc
fail_todo(struct ctx *cx, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(cx->todo, sizeof(cx->todo), fmt, ap);
	keep_text(cx->todo);
	va_end(ap);
	return cx->rc;
}
