#include "run/visit.h"

#include <unistd.h>

#include "run/runtime.h"
#include "vault/vault.h"

static enum rc
want_manager(struct start *st)
{
	const char *dir = st->options.data;
	struct ctx *cx = &st->cx;

	if (access(str_printf(cx->arena, "%s/valetkey.db", dir).p, F_OK) == 0)
		return OK;
	fail(cx, E_INPUT, "There is no manager's data in %s.", dir);
	return fail_todo(cx, "Name the directory that valetkey serve uses with --data.");
}

enum rc
visit_begin(struct start *st, struct visit *out)
{
	*out = (struct visit){ .lock_fd = -1 };
	TRY(start_want_data(st));
	TRY(options_store(&st->cx, st->options.store));
	if (st->options.store != NULL) /* a PostgreSQL locks by itself whoever writes to it */
		return OK;
	TRY(want_manager(st));
	return runtime_visit(&st->cx, st->options.data, &out->lock_fd);
}

enum rc
visit_open(struct start *st, struct visit *v)
{
	const struct vault_config cfg = {
		.master_key_file = str_of(st->options.master_key_file),
		.public_url = S("http://127.0.0.1"),
		.data_dir = st->options.data,
		.store = st->options.store,
		.clock = st->clock,
	};

	return vault_open(&st->cx, &cfg, &v->vault);
}

void
visit_end(struct visit *v)
{
	vault_close(v->vault);
	runtime_unlock(v->lock_fd);
}
