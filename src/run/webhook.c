/* valetkey webhook: who is told of events, from the machine that has the data. */
#include <stdio.h>

#include "base/print.h"
#include "run/commands.h"
#include "run/visit.h"
#include "vault/vault.h"
#include "vault/webhooks.h"

static enum rc
list(struct ctx *cx, struct vault *v)
{
	struct webhook *hooks;
	size_t n;

	TRY(vault_webhook_list(v, cx, &hooks, &n));
	for (size_t i = 0; i < n; i++) {
		print_text(stdout, hooks[i].name);
		printf("\t%s\t%.*s\t%.*s\n", hooks[i].enabled ? "on" : "off", STR_ARG(hooks[i].url),
		    STR_ARG(hooks[i].types.len > 0 ? hooks[i].types : S("all")));
	}
	return OK;
}

static enum rc
add(struct ctx *cx, struct vault *v, const struct options *o, const char *url)
{
	struct webhook w = {
		.name = str_of(o->name != NULL ? o->name : url),
		.url = str_of(url),
		.types = str_of(o->types),
	};
	struct secret secret;

	TRY(vault_webhook_create(v, cx, &w, &secret));
	printf("%.*s\n", STR_ARG(secret_expose(secret)));
	fputs("This is the signing secret; it is shown only now.\n", stderr);
	return OK;
}

static enum rc
drop(struct ctx *cx, struct vault *v, struct str name)
{
	struct webhook *hooks;
	size_t n;

	TRY(vault_webhook_list(v, cx, &hooks, &n));
	for (size_t i = 0; i < n; i++)
		if (str_eq(hooks[i].name, name))
			return vault_webhook_delete(v, cx, hooks[i].id);
	fail(cx, E_NOTFOUND, "There is no webhook \"%.*s\".", STR_ARG(str_sub(name, 0, 100)));
	return fail_todo(cx, "valetkey webhook list shows their names.");
}

static enum rc
act(struct ctx *cx, struct vault *v, const struct options *o)
{
	struct str what = str_of(o->operands[0]);

	if (o->operand_count == 1 && str_eq(what, S("list")))
		return list(cx, v);
	if (o->operand_count == 2 && str_eq(what, S("add")))
		return add(cx, v, o, o->operands[1]);
	if (o->operand_count == 2 && str_eq(what, S("remove")))
		return drop(cx, v, str_of(o->operands[1]));
	fail(cx, E_INPUT, "What should be done?");
	return fail_todo(cx, "valetkey webhook list, add URL, or remove NAME");
}

static enum rc
run(struct start *st)
{
	struct visit v;
	enum rc rc = visit_begin(st, &v);

	if (rc == OK)
		rc = visit_open(st, &v);
	if (rc == OK)
		rc = act(&st->cx, v.vault, &st->options);
	visit_end(&v);
	return rc;
}

int
run_webhook(int argc, char **argv)
{
	return start_run(
	    &(struct start_what){ FOR_WEBHOOK,
		"webhook list|add URL|remove NAME --data DIR [options]",
		"Who is told of events over HTTP, signed. \"add\" prints the signing secret. The "
		"manager\nmay be serving meanwhile. See docs/mechanisms/events.md.",
		run },
	    argc, argv);
}
