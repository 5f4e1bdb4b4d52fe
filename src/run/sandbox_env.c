#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "run/commands.h"
#include "run/start.h"
#include "run/variables.h"

/* Inside single quotes a shell changes nothing; the quote itself stands outside them. */
static void
print_quoted(struct str s)
{
	putchar('\'');
	for (size_t i = 0; i < s.len; i++) {
		if (s.p[i] == '\'')
			fputs("'\\''", stdout);
		else
			putchar(s.p[i]);
	}
	putchar('\'');
}

static void
print_lines(const struct variables *v)
{
	for (size_t i = 0; i < v->count; i++) {
		printf("export %s=", v->list[i].name);
		print_quoted(v->list[i].value);
		putchar('\n');
	}
}

static enum rc
print_json(struct ctx *cx, const struct variables *v)
{
	json_t *o = json_object();
	struct str text;

	for (size_t i = 0; i < v->count; i++) {
		if (!str_utf8(v->list[i].value)) {
			json_decref(o);
			return fail(cx, E_INPUT, "%s is not UTF-8, so JSON cannot say it.",
			    v->list[i].name);
		}
		json_put(o, v->list[i].name, json_str(v->list[i].value));
	}
	text = json_write(cx->arena, o);
	printf("%.*s\n", STR_ARG(text));
	return OK;
}

static enum rc
print_variables(struct start *st)
{
	struct ctx *cx = &st->cx;
	struct runtime r = { 0 };
	struct variables v;

	TRY(start_want_data(st));
	TRY(runtime_read(cx, st->options.data, &r));
	TRY(variables_fill(cx, st->options.data, &r, variables_no_proxy(), &v));
	if (st->options.json)
		return print_json(cx, &v);
	print_lines(&v);
	return OK;
}

int
run_sandbox_env(int argc, char **argv)
{
	return start_run(
	    &(struct start_what){ FOR_SANDBOX_ENV, "sandbox env --data DIR",
		"Prints the variables that make programs use the running sandbox, for a shell:\n"
		"eval \"$(valetkey sandbox env --data DIR)\"",
		print_variables },
	    argc, argv);
}
