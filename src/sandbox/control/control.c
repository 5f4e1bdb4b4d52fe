#include "sandbox/control/control.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "sandbox/control/handlers.h"
#include "sandbox/control/input.h"
#include "sandbox/control/rates.h"
#include "sandbox/core/state.h"
#include "sandbox/core/store.h"

#define YEAR_S (365LL * 24 * 3600)
#define ADVANCE_MAX_S (10 * YEAR_S)
#define OFFSET_MAX_S (100 * YEAR_S)
#define OFFSET_SETTING S("clock_offset_ms")

/* Written beside and moved into place, so that a reader sees the old token or the new one. */
static enum rc
write_token(struct ctx *cx, const char *dir, struct secret token)
{
	struct str path = str_printf(cx->arena, "%s/control-token", dir);
	struct str fresh = str_printf(cx->arena, "%s/control-token.new", dir);
	struct str text = secret_expose(token);
	int fd;
	bool ok;

	unlink(fresh.p);
	fd = open(fresh.p, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	ok = fd >= 0 && write(fd, text.p, text.len) == (ssize_t)text.len && write(fd, "\n", 1) == 1;
	if (fd >= 0 && close(fd) != 0)
		ok = false;
	if (ok && rename(fresh.p, path.p) == 0)
		return OK;
	return fail(cx, E_STORE, "The file %s could not be written: %s.", path.p, strerror(errno));
}

enum rc
control_restore(struct sandbox *s, struct ctx *cx)
{
	struct str text;
	int64_t offset_ms;

	TRY(store_setting_get(s, cx, OFFSET_SETTING, &text));
	if (!str_int(text, 0, OFFSET_MAX_S * SECOND_MS, &offset_ms))
		offset_ms = 0;
	if (offset_ms != clock_offset_ms(s->clock))
		clock_set_offset_ms(s->clock, offset_ms);
	return rates_load(s, cx);
}

enum rc
control_start(struct sandbox *s, struct ctx *cx, const char *dir)
{
	s->control_token = secret_dup(s->arena, crypto_random_token(cx->arena));
	TRY(control_restore(s, cx));
	return write_token(cx, dir, s->control_token);
}

void
control_put_clock(struct sandbox *s, struct ctx *cx, json_t *o)
{
	json_put(o, "now", json_str(clock_rfc3339(cx->arena, clock_now_ms(s->clock))));
	json_put(o, "offset_s", json_integer(clock_offset_ms(s->clock) / SECOND_MS));
}

static enum rc
read_advance(struct sandbox *s, struct ctx *cx, const struct http_req *req, int64_t *offset_ms)
{
	static const char *const members[] = { "advance_s", NULL };
	struct input in;
	int64_t advance_s;

	TRY(input_body(cx, req, members, &in));
	TRY(input_int(
	    cx, &in, "advance_s", (struct input_range){ 0, ADVANCE_MAX_S, -1 }, &advance_s));
	if (advance_s < 0)
		return input_bad(cx, &in, "advance_s", "is missing.");
	*offset_ms = clock_offset_ms(s->clock) + advance_s * SECOND_MS;
	if (*offset_ms <= OFFSET_MAX_S * SECOND_MS)
		return OK;
	fail_at(
	    cx, E_INPUT, "bad-field", "advance_s", "The clock would be more than 100 years ahead.");
	return fail_todo(cx, "Start with a new data directory.");
}

static enum rc
tell_clock(struct sandbox *s, struct ctx *cx, struct http_res *res)
{
	json_t *o = json_object();

	control_put_clock(s, cx, o);
	http_res_json(res, 200, json_write(cx->arena, o));
	return OK;
}

enum rc
control_clock(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	(void)req;
	return tell_clock(app, cx, res);
}

enum rc
control_clock_advance(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	struct sandbox *s = app;
	int64_t offset_ms = 0;

	TRY(read_advance(s, cx, req, &offset_ms));
	TRY(store_setting_put(
	    s, cx, OFFSET_SETTING, str_printf(cx->arena, "%lld", (long long)offset_ms)));
	clock_set_offset_ms(s->clock, offset_ms);
	return tell_clock(s, cx, res);
}
