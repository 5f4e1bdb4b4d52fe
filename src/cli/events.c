/* valetkey events: what happened, and what happens. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/json.h"
#include "cli/cli.h"
#include "cli/manager.h"
#include "cli/output.h"

#define FOLLOW_MS 1000
#define LIMIT_MAX 200
#define LIMIT "20"
#define CURSOR_MAX 4096

struct arguments {
	const char *token, *type, *limit;
	bool follow, json, help;
};

static const char help[] =
    "Usage: valetkey events [--token NAME] [--type TYPE] [--limit N] [--follow] [--json]\n"
    "\n"
    "What happened to the tokens that your API key may read, the newest last.\n"
    "\n"
    "  --token NAME  of this token only\n"
    "  --type TYPE   of this type only: token.failing, or token for all that begin so\n"
    "  --limit N     the newest N (20, at most 200)\n"
    "  --follow      go on with what happens from now on, until it is ended\n"
    "  --json        one JSON object a line\n"
    "\n"
    "The types are listed in docs/mechanisms/events.md; settings and exit status are those\n"
    "of valetkey token.\n";

/* The address of the list, with what was asked for. */
static struct str
path_of(struct ctx *cx, const struct arguments *args, const char *name, struct str value)
{
	struct str encoded = str_percent_encode(cx->arena, value);
	struct str path = str_printf(cx->arena, "/api/v1/events?%s=%.*s", name, STR_ARG(encoded));

	if (args->token != NULL) {
		encoded = str_percent_encode(cx->arena, str_of(args->token));
		path = str_printf(cx->arena, "%.*s&token=%.*s", STR_ARG(path), STR_ARG(encoded));
	}
	if (args->type != NULL) {
		encoded = str_percent_encode(cx->arena, str_of(args->type));
		path = str_printf(cx->arena, "%.*s&type=%.*s", STR_ARG(path), STR_ARG(encoded));
	}
	return path;
}

static struct str
text_of(const json_t *obj, const char *name)
{
	const json_t *v = json_object_get(obj, name);

	return (struct str){ json_string_value(v), json_string_length(v) };
}

/* "admin", or what acts when it is nobody by name. */
static struct str
actor_of(const json_t *event)
{
	const json_t *actor = json_object_get(event, "actor");
	struct str name = text_of(actor, "name");

	return name.len > 0 ? name : text_of(actor, "kind");
}

static enum out_colour
colour_of(struct str type)
{
	if (str_eq(type, S("token.needs_reauthorization")) ||
	    str_eq(type, S("token.misconfigured")))
		return OUT_BAD;
	if (str_eq(type, S("token.failing")))
		return OUT_WARN;
	return str_eq(type, S("token.recovered")) ? OUT_GOOD : OUT_PLAIN;
}

static void
print_rows(struct ctx *cx, const json_t *list, bool newest_first)
{
	static const char *const heading[] = { "AT", "TYPE", "BY", "WHAT" };
	size_t n = json_array_size(list);
	struct out_row *rows = ARENA_ARRAY(cx->arena, struct out_row, n + 1);

	for (size_t i = 0; i < n; i++) {
		const json_t *e = json_array_get(list, newest_first ? n - 1 - i : i);
		struct out_cell *c = rows[i].cells;

		c[0].text = text_of(e, "at");
		c[1].text = text_of(e, "type");
		c[1].colour = colour_of(c[1].text);
		c[2].text = actor_of(e);
		c[3].text = text_of(e, "sentence");
	}
	out_table(heading, 4, rows, n);
}

static void
print_events(struct ctx *cx, const struct arguments *args, const json_t *list, bool newest_first)
{
	size_t n = json_array_size(list);

	for (size_t i = 0; args->json && i < n; i++) {
		json_dumpf(json_array_get(list, newest_first ? n - 1 - i : i), stdout,
		    JSON_COMPACT | (out_is_terminal() ? JSON_ENSURE_ASCII : 0));
		putchar('\n');
	}
	if (!args->json && n > 0)
		print_rows(cx, list, newest_first);
	fflush(stdout);
}

/* The manager may be away for a while, as when it is started anew: that ends nothing. */
static enum rc
ask_on(struct ctx *cx, const struct cli_config *config, struct str path, json_t **answer)
{
	enum rc rc = manager_ask(cx, config, "GET", path, answer);

	if (rc != E_UPSTREAM && rc != E_BUSY)
		return rc;
	ctx_clear(cx);
	*answer = NULL;
	return OK;
}

/* Before what comes after the gap. */
static void
say_missed(const struct arguments *args)
{
	out_warning(
	    S("Some events may be missing here: they are not kept any more, or the manager's "
	      "data were put back to an earlier state."),
	    S("Look at what matters anew, for example with: valetkey token list"));
	if (args->json)
		puts("{\"missed\":true}");
}

/* One look; the cursor moves on, and *more says that there is more at once. */
static enum rc
look(struct ctx *cx, const struct cli_config *config, const struct arguments *args, char *cursor,
    bool *more)
{
	struct str next;
	json_t *answer;

	TRY(ask_on(cx, config, path_of(cx, args, "after", str_of(cursor)), &answer));
	*more = answer != NULL && json_is_true(json_object_get(answer, "more"));
	if (answer == NULL)
		return OK;
	if (json_is_true(json_object_get(answer, "missed")))
		say_missed(args);
	print_events(cx, args, json_object_get(answer, "events"), false);
	next = text_of(answer, "cursor");
	if (next.len == 0 || next.len >= CURSOR_MAX)
		return fail(cx, E_UPSTREAM, "The manager's answer is not understood.");
	memcpy(cursor, next.p, next.len);
	cursor[next.len] = '\0';
	return OK;
}

static enum rc
follow(struct ctx *cx, const struct cli_config *config, const struct arguments *args, char *cursor)
{
	const struct timespec pause = { .tv_sec = FOLLOW_MS / 1000 };
	struct arena *kept = cx->arena;
	bool more;
	enum rc rc;

	for (;;) {
		cx->arena = arena_new();
		rc = look(cx, config, args, cursor, &more);
		arena_free(cx->arena);
		cx->arena = kept;
		/* When nobody reads any more, out_end says so. */
		if (rc != OK || ferror(stdout))
			return rc;
		if (!more)
			nanosleep(&pause, NULL);
	}
}

static enum rc
run(struct ctx *cx, const struct arguments *args)
{
	struct str limit = str_of(args->limit != NULL ? args->limit : LIMIT);
	struct cli_config config;
	char cursor[CURSOR_MAX];
	json_t *answer;

	TRY(cli_config_load(cx, &config));
	TRY(manager_ask(cx, &config, "GET", path_of(cx, args, "limit", limit), &answer));
	print_events(cx, args, json_object_get(answer, "events"), true);
	if (json_array_size(json_object_get(answer, "events")) == 0)
		fputs("valetkey: Nothing has happened yet that this key may see.\n", stderr);
	if (!args->follow)
		return OK;
	snprintf(cursor, sizeof(cursor), "%.*s", STR_ARG(text_of(answer, "cursor")));
	return follow(cx, &config, args, cursor);
}

static int
take(const char *option, const char *value, const char **out)
{
	if (value == NULL || value[0] == '\0')
		return out_usage_of("events", "%s needs a value.", option);
	*out = value;
	return CLI_DONE;
}

static int
parse(int argc, char **argv, struct arguments *args)
{
	int64_t n;

	for (int i = 1; i < argc && !args->help; i++) {
		const char *a = argv[i];
		int status = CLI_DONE;

		if (strcmp(a, "--help") == 0 || strcmp(a, "-h") == 0)
			args->help = true;
		else if (strcmp(a, "--follow") == 0)
			args->follow = true;
		else if (strcmp(a, "--json") == 0)
			args->json = true;
		else if (strcmp(a, "--token") == 0)
			status = take(a, argv[++i], &args->token);
		else if (strcmp(a, "--type") == 0)
			status = take(a, argv[++i], &args->type);
		else if (strcmp(a, "--limit") == 0)
			status = take(a, argv[++i], &args->limit);
		else
			status = out_usage_of("events", "events does not know %.40s.", a);
		if (status != CLI_DONE)
			return status;
	}
	if (args->limit != NULL && !str_int(str_of(args->limit), 1, LIMIT_MAX, &n))
		return out_usage_of(
		    "events", "--limit needs a whole number from 1 to %d.", LIMIT_MAX);
	return CLI_DONE;
}

int
cli_events_main(int argc, char **argv)
{
	struct arguments args = { 0 };
	struct ctx cx;
	int status = parse(argc, argv, &args);
	enum rc rc;

	if (status != CLI_DONE)
		return status;
	if (args.help) {
		fputs(help, stdout);
		return out_end(CLI_DONE);
	}
	json_setup();
	ctx_init(&cx, arena_new(), NULL);
	rc = run(&cx, &args);
	status = out_end(rc == OK ? CLI_DONE : out_failure(&cx, rc));
	arena_free(cx.arena);
	return status;
}
