/* valetkey audit verify: whether what is kept of what happened is whole. */
#include <stdio.h>
#include <unistd.h>

#include "crypto/crypto.h"
#include "run/commands.h"
#include "run/start.h"
#include "store/event.h"

static enum rc
want_there(struct ctx *cx, const char *where)
{
	bool there;

	TRY(store_exists(cx, where, &there));
	if (there)
		return OK;
	fail(cx, E_INPUT, "There is no manager's data in %s.", where);
	return fail_todo(cx, "Name the directory that valetkey serve uses with --data.");
}

static enum rc
verify_all(struct ctx *cx, struct store *s)
{
	struct str bad;
	int64_t rows;

	TRY(store_event_verify(s, cx, &rows, &bad));
	if (bad.len > 0) {
		fail(cx, E_STORE, "What happened is not kept whole: %.*s.", STR_ARG(bad));
		return fail_todo(cx, "Somebody wrote to the database; compare it with a backup.");
	}
	printf("%lld event%s, each as it was written, and none is missing.\n", (long long)rows,
	    rows == 1 ? "" : "s");
	return OK;
}

static enum rc
verify(struct start *st)
{
	const struct options *o = &st->options;
	struct ctx *cx = &st->cx;
	const char *where = o->store, *key = o->master_key_file;
	struct keyring *keyring;
	struct store *s;
	enum rc rc;

	if (o->operand_count != 1 || !str_eq(str_of(o->operands[0]), S("verify")))
		return fail(cx, E_INPUT, "What should be done? valetkey audit verify --data DIR");
	TRY(options_store(cx, o->store));
	if (where == NULL || key == NULL)
		TRY(start_want_data(st));
	if (where == NULL)
		where = str_printf(cx->arena, "%s/valetkey.db", o->data).p;
	if (key == NULL)
		key = str_printf(cx->arena, "%s/master.key", o->data).p;
	TRY(want_there(cx, where));
	TRY(keyring_open(cx, key, false, true, &keyring));
	rc = store_open(cx, where, keyring, &s);
	if (rc == OK) {
		rc = verify_all(cx, s);
		store_close(s);
	}
	keyring_free(keyring);
	return rc;
}

int
run_audit(int argc, char **argv)
{
	return start_run(
	    &(struct start_what){ FOR_AUDIT, "audit verify --data DIR [options]",
		"Proves with the master key that no event was changed, added or removed at the "
		"database.\nThe manager may be serving meanwhile. See docs/mechanisms/events.md.",
		verify },
	    argc, argv);
}
