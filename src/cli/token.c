#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/json.h"
#include "cli/cli.h"
#include "cli/manager.h"
#include "cli/output.h"
#include "cli/pages.h"
#include "crypto/crypto.h"

#define TOKEN_MAX 16384
#define SPAN_MAX_S (100LL * 365 * 86400)
#define MIN_TTL_MAX_S 86400 /* as the manager has it */

struct arguments {
	const char *name;
	const char *min_ttl;
	const char *fingerprint;
	int64_t span_s; /* --for, --dying; -1: not given */
	bool json, help;
};

struct command {
	const char *word;
	bool wants_name, takes_json;
	const char *option; /* the one option with a value that it takes; NULL: none */
	enum rc (*run)(
	    struct ctx *cx, const struct cli_config *config, const struct arguments *args);
};

static const char help[] =
    "Usage: valetkey token list [--dying SPAN] [--json]\n"
    "       valetkey token get NAME [--min-ttl SECONDS]\n"
    "       valetkey token show NAME [--json]\n"
    "       valetkey token refresh NAME [--json]\n"
    "       valetkey token check NAME [--for SPAN]\n"
    "       valetkey token rejected NAME [--fingerprint HEX]\n"
    "       valetkey token recover NAME [--json]\n"
    "\n"
    "  list      The tokens your API key may read.\n"
    "            --dying SPAN: those that will need a person within 30m, 12h, 7d.\n"
    "  get       Print the live access token and nothing else.\n"
    "            --min-ttl S: one that lives at least S more seconds.\n"
    "  show      Status, expiry, scope and account of one token, without its value.\n"
    "  refresh   Get a fresh access token from the provider now.\n"
    "  check     Say until when a token works and why; exit status 5 when it will need a\n"
    "            person within --for SPAN (30m, 12h, 7d; else now), 6 when nobody can say.\n"
    "  rejected  The provider refused the access token: print one that works. Reads the\n"
    "            refused one from standard input, or takes --fingerprint, the first 16 or\n"
    "            more hex digits of its SHA-256.\n"
    "  recover   Read a kept reply of the provider again, after an upgrade.\n"
    "\n"
    "Quote a name with spaces: valetkey token get 'My Dropbox'\n"
    "On a terminal you get columns, in a pipe one line a token with tabs; --json gives JSON.\n"
    "\n"
    "Settings:\n"
    "  VALETKEY_URL       the manager's address, else http://127.0.0.1:8090\n"
    "  VALETKEY_API_KEY   an API key made in the console (vk_...)\n"
    "  Both may stand in $XDG_CONFIG_HOME/valetkey/config or ~/.config/valetkey/config\n"
    "  as lines `url = ...` and `api_key = ...`; with a key its mode must be 600.\n"
    "  NO_COLOR           when set, no colour\n"
    "\n"
    "Exit status:\n"
    "  0  done\n"
    "  1  something else failed\n"
    "  2  the command line was wrong\n"
    "  3  no such token\n"
    "  4  no key, a wrong key, or it may not read this token\n"
    "  5  the token's owner must connect again (Reconnect in the console)\n"
    "  6  the manager or the provider cannot be reached; try later\n";

static struct str
text_of(const json_t *obj, const char *name)
{
	const json_t *v = json_object_get(obj, name);

	return (struct str){ json_string_value(v), json_string_length(v) };
}

static struct str
or_dash(struct str s)
{
	return s.len > 0 ? s : S("-");
}

static struct str
path_of(struct ctx *cx, const char *name, const char *rest)
{
	struct str encoded = str_percent_encode(cx->arena, str_of(name));

	return str_printf(cx->arena, "/api/v1/tokens/%.*s%s", STR_ARG(encoded), rest);
}

static struct str
duration(struct ctx *cx, long long s)
{
	if (s < 60)
		return str_printf(cx->arena, "%lld s", s);
	if (s < 3600)
		return str_printf(cx->arena, "%lld min", s / 60);
	if (s < 86400)
		return str_printf(cx->arena, "%lld h %lld min", s / 3600, s % 3600 / 60);
	return str_printf(cx->arena, "%lld d %lld h", s / 86400, s % 86400 / 3600);
}

/* For people how long, for programs when. */
static struct str
expiry(struct ctx *cx, const json_t *token)
{
	const json_t *in = json_object_get(token, "expires_in");
	struct str span;

	if (!out_is_terminal() || !json_is_integer(in))
		return or_dash(text_of(token, "expires_at"));
	if (json_integer_value(in) <= 0)
		return S("past");
	span = duration(cx, json_integer_value(in));
	return str_printf(cx->arena, "in %.*s", STR_ARG(span));
}

static struct out_cell
status_cell(const json_t *token)
{
	struct str status = text_of(token, "status");
	bool terminal = out_is_terminal();

	if (str_eq(status, S("active")))
		return (struct out_cell){ status, OUT_GOOD };
	if (str_eq(status, S("needs_reauthorization")))
		return (struct out_cell){ terminal ? S("needs reauthorization") : status, OUT_BAD };
	return (struct out_cell){ or_dash(status), OUT_WARN };
}

static void
print_tokens(struct ctx *cx, json_t *const *tokens, size_t count)
{
	static const char *const heading[] = { "NAME", "TYPE", "STATUS", "EXPIRES", "ENCRYPTED",
		"RENEWAL" };
	struct out_row *rows = ARENA_ARRAY(cx->arena, struct out_row, count + 1);

	for (size_t i = 0; i < count; i++) {
		const json_t *t = tokens[i];
		struct out_cell *c = rows[i].cells;

		c[0].text = or_dash(text_of(t, "name"));
		c[1].text = or_dash(text_of(t, "type"));
		c[2] = status_cell(t);
		c[3].text = expiry(cx, t);
		c[4].text = json_is_true(json_object_get(t, "encrypted")) ? S("yes") : S("no");
		c[5].text = or_dash(text_of(t, "renewal"));
	}
	out_table(heading, 6, rows, count);
}

static enum rc
odd_answer(struct ctx *cx)
{
	(void)fail(cx, E_UPSTREAM, "The manager's answer is not understood.");
	return fail_todo(cx, "Check that it and this program are of the same version.");
}

/* Will it need a person within so many seconds? */
static bool
dies_within(const json_t *token, int64_t span_s)
{
	const json_t *in = json_object_get(token, "works_for");

	return json_is_integer(in) && json_integer_value(in) <= span_s;
}

/* It stops within so many seconds unless a refresh works, or nobody said how long it lives. */
static bool
is_doubtful(const json_t *token, int64_t span_s)
{
	const json_t *in = json_object_get(token, "expires_in");
	struct str outlook = text_of(token, "outlook");

	if (str_eq(outlook, S("unknown")))
		return true;
	return str_eq(outlook, S("failing")) &&
	    (!json_is_integer(in) || json_integer_value(in) <= span_s);
}

static enum rc
run_list(struct ctx *cx, const struct cli_config *config, const struct arguments *args)
{
	json_t *answer, *list, **tokens;
	size_t count;

	TRY(pages_tokens(
	    cx, config, args->span_s >= 0 ? dies_within : NULL, args->span_s, &answer));
	list = json_object_get(answer, "tokens");
	count = json_array_size(list);
	if (args->json) {
		out_json(answer);
	} else if (count == 0 && args->span_s >= 0) {
		fputs("valetkey: None of them will need a person so soon.\n", stderr);
	} else if (count == 0) {
		fputs("valetkey: This key may read no token yet.\n"
		      "  Add one in the console, or let the key read it, under API Keys.\n",
		    stderr);
	} else {
		tokens = ARENA_ARRAY(cx->arena, json_t *, count);
		for (size_t i = 0; i < count; i++)
			tokens[i] = json_array_get(list, i);
		print_tokens(cx, tokens, count);
	}
	return OK;
}

/* The access token on standard output, and what a person should know beside it. */
static enum rc
print_live(struct ctx *cx, const json_t *answer)
{
	const json_t *warning = json_object_get(answer, "warning");

	if (!out_secret_line(text_of(answer, "access_token")))
		return odd_answer(cx);
	if (json_is_object(warning))
		out_warning(str_printf(cx->arena, "It works until %.*s only: %.*s",
				STR_ARG(text_of(answer, "expires_at")),
				STR_ARG(text_of(warning, "detail"))),
		    text_of(warning, "todo"));
	return OK;
}

static enum rc
run_get(struct ctx *cx, const struct cli_config *config, const struct arguments *args)
{
	struct str rest = S("/access-token");
	json_t *answer;

	if (args->min_ttl != NULL)
		rest = str_printf(cx->arena, "/access-token?min_ttl=%s", args->min_ttl);
	TRY(manager_ask(cx, config, "GET", path_of(cx, args->name, rest.p), &answer));
	return print_live(cx, answer);
}

static void
add_field(struct out_row *rows, size_t *count, const char *label, struct out_cell value)
{
	if (value.text.len == 0)
		return;
	rows[*count].cells[0].text = str_of(label);
	rows[(*count)++].cells[1] = value;
}

#define CELL(s) ((struct out_cell){ .text = (s) })

static enum rc
run_show(struct ctx *cx, const struct cli_config *config, const struct arguments *args)
{
	static const char *const heading[] = { "FIELD", "VALUE" };
	static const char *const facts[] = { "refresh_token", "old_access_token", "access_life" };
	struct out_row rows[24] = { 0 };
	const json_t *account, *learned;
	size_t n = 0;
	json_t *t;

	TRY(manager_ask(cx, config, "GET", path_of(cx, args->name, ""), &t));
	if (args->json) {
		out_json(t);
		return OK;
	}
	account = json_object_get(t, "account");
	learned = json_object_get(t, "learned");
	add_field(rows, &n, "name", CELL(text_of(t, "name")));
	add_field(rows, &n, "description", CELL(text_of(t, "description")));
	add_field(rows, &n, "type", CELL(text_of(t, "type")));
	add_field(rows, &n, "status", status_cell(t));
	add_field(rows, &n, "reason", CELL(text_of(t, "status_reason")));
	add_field(rows, &n, "expires", CELL(expiry(cx, t)));
	add_field(rows, &n, "renewal", CELL(text_of(t, "renewal")));
	add_field(rows, &n, "last refresh", CELL(text_of(t, "last_refresh")));
	add_field(rows, &n, "next refresh", CELL(text_of(t, "next_refresh")));
	add_field(rows, &n, "proof", CELL(text_of(t, "proof")));
	add_field(rows, &n, "trouble", CELL(text_of(json_object_get(t, "trouble"), "sentence")));
	add_field(rows, &n, "works until", CELL(text_of(t, "works_until")));
	add_field(rows, &n, "because", CELL(text_of(t, "because")));
	add_field(
	    rows, &n, "lazy", CELL(json_is_true(json_object_get(t, "lazy")) ? S("yes") : S("no")));
	for (size_t i = 0; i < sizeof(facts) / sizeof(facts[0]); i++)
		add_field(rows, &n, i == 0 ? "learned" : "",
		    CELL(text_of(json_object_get(learned, facts[i]), "sentence")));
	add_field(
	    rows, &n, "clock", CELL(text_of(json_object_get(t, "provider_clock"), "sentence")));
	add_field(rows, &n, "scope", CELL(text_of(t, "scope")));
	add_field(rows, &n, "account", CELL(text_of(account, "name")));
	add_field(rows, &n, "email", CELL(text_of(account, "email")));
	add_field(rows, &n, "encrypted",
	    CELL(json_is_true(json_object_get(t, "encrypted")) ? S("yes") : S("no")));
	out_table(heading, 2, rows, n);
	return OK;
}

/* Something done to a token, which is shown as it is then. */
static enum rc
act(struct ctx *cx, const struct cli_config *config, const struct arguments *args, const char *what)
{
	json_t *t;

	TRY(manager_ask(cx, config, "POST", path_of(cx, args->name, what), &t));
	if (args->json)
		out_json(t);
	else
		print_tokens(cx, &t, 1);
	return OK;
}

static enum rc
run_refresh(struct ctx *cx, const struct cli_config *config, const struct arguments *args)
{
	return act(cx, config, args, "/refresh");
}

static enum rc
run_check(struct ctx *cx, const struct cli_config *config, const struct arguments *args)
{
	int64_t span_s = args->span_s < 0 ? 0 : args->span_s;
	struct out_row row = { 0 };
	json_t *t;

	TRY(manager_ask(cx, config, "GET", path_of(cx, args->name, ""), &t));
	if (dies_within(t, span_s)) {
		struct str because = text_of(t, "because"), until = text_of(t, "works_until");

		(void)fail(cx, E_REAUTH, "It works until %.*s only: %.*s", STR_ARG(until),
		    STR_ARG(because));
		return fail_todo(cx, "Open the token in the console and click Reconnect: %.*s",
		    STR_ARG(text_of(t, "console_url")));
	}
	if (is_doubtful(t, span_s)) {
		struct str because = text_of(t, "because");

		(void)fail(cx, E_UPSTREAM, "Nobody can say whether it works so long: %.*s",
		    STR_ARG(because));
		return fail_todo(cx, "No person is needed so far; ask again later.");
	}
	row.cells[0] = status_cell(t);
	row.cells[1].text = or_dash(text_of(t, "works_until"));
	row.cells[2].text = or_dash(text_of(t, "because"));
	out_table((const char *const[]){ "STATUS", "WORKS UNTIL", "BECAUSE" }, 3, &row, 1);
	return OK;
}

static enum rc
run_recover(struct ctx *cx, const struct cli_config *config, const struct arguments *args)
{
	return act(cx, config, args, "/recover");
}

/* Of the token on standard input, without its newline. */
static enum rc
fingerprint_of_input(struct ctx *cx, struct str *out)
{
	char *p = arena_alloc(cx->arena, TOKEN_MAX);
	size_t n;

	if (isatty(STDIN_FILENO)) {
		(void)fail(cx, E_INPUT, "There is no access token on standard input.");
		return fail_todo(cx, "Write it there, or give --fingerprint.");
	}
	n = fread(p, 1, TOKEN_MAX, stdin);
	while (n > 0 && (p[n - 1] == '\n' || p[n - 1] == '\r'))
		n--;
	if (n == 0 || n == TOKEN_MAX)
		return fail(cx, E_INPUT, "What stands on standard input is no access token.");
	*out = crypto_hex(cx->arena, crypto_sha256(cx->arena, (struct str){ p, n }));
	return OK;
}

static enum rc
run_rejected(struct ctx *cx, const struct cli_config *config, const struct arguments *args)
{
	struct str fingerprint = str_of(args->fingerprint);
	json_t *answer, *body;

	if (args->fingerprint == NULL)
		TRY(fingerprint_of_input(cx, &fingerprint));
	body = json_object();
	json_put(body, "fingerprint", json_str(fingerprint));
	TRY(manager_tell(
	    cx, config, "POST", path_of(cx, args->name, "/access-token/rejected"), body, &answer));
	return print_live(cx, answer);
}

static const struct command commands[] = {
	/* word, NAME, --json, its option, run */
	{ "list", false, true, "--dying", run_list },
	{ "get", true, false, "--min-ttl", run_get },
	{ "show", true, true, NULL, run_show },
	{ "refresh", true, true, NULL, run_refresh },
	{ "check", true, false, "--for", run_check },
	{ "rejected", true, false, "--fingerprint", run_rejected },
	{ "recover", true, true, NULL, run_recover },
};

static const struct command *
find_command(const char *word)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (strcmp(word, commands[i].word) == 0)
			return &commands[i];
	return NULL;
}

/* 30m, 12h, 7d, 90s, or seconds. */
static bool
read_span(struct str text, int64_t *out)
{
	static const struct {
		char unit;
		int64_t seconds;
	} units[] = { { 's', 1 }, { 'm', 60 }, { 'h', 3600 }, { 'd', 86400 } };
	int64_t factor = 1;

	for (size_t i = 0; text.len > 0 && i < sizeof(units) / sizeof(units[0]); i++) {
		if (text.p[text.len - 1] != units[i].unit)
			continue;
		factor = units[i].seconds;
		text.len--;
		break;
	}
	if (!str_int(text, 0, SPAN_MAX_S / factor, out))
		return false;
	*out *= factor;
	return true;
}

static int
take_option(const char *option, const char *value, struct arguments *args)
{
	int64_t s;

	if (strcmp(option, "--for") == 0 || strcmp(option, "--dying") == 0)
		return value != NULL && read_span(str_of(value), &args->span_s)
		    ? CLI_DONE
		    : out_usage("%s needs a span of time, for example 30m, 12h or 7d.", option);
	if (strcmp(option, "--fingerprint") == 0) {
		args->fingerprint = value;
		return value != NULL ? CLI_DONE : out_usage("--fingerprint needs hex digits.");
	}
	if (value == NULL || !str_int(str_of(value), 0, MIN_TTL_MAX_S, &s))
		return out_usage(
		    "--min-ttl needs a whole number of seconds, at most %d.", MIN_TTL_MAX_S);
	args->min_ttl = value;
	return CLI_DONE;
}

static int
take_name(const struct command *cmd, const char *word, struct arguments *args)
{
	if (!cmd->wants_name)
		return out_usage("token %s takes no NAME.", cmd->word);
	if (args->name != NULL)
		return out_usage("One NAME is wanted; put quotes around a name with spaces.");
	args->name = word;
	return CLI_DONE;
}

/* argv[0] is the command's word. */
static int
parse(const struct command *cmd, int argc, char **argv, struct arguments *args)
{
	size_t len = cmd->option == NULL ? 0 : strlen(cmd->option);
	bool options = true;
	int status = CLI_DONE;

	for (int i = 1; i < argc && status == CLI_DONE && !args->help; i++) {
		const char *a = argv[i];

		if (!options || a[0] != '-')
			status = take_name(cmd, a, args);
		else if (strcmp(a, "--") == 0)
			options = false;
		else if (strcmp(a, "--help") == 0 || strcmp(a, "-h") == 0)
			args->help = true;
		else if (cmd->takes_json && strcmp(a, "--json") == 0)
			args->json = true;
		else if (len > 0 && strcmp(a, cmd->option) == 0)
			status = take_option(cmd->option, argv[++i], args);
		else if (len > 0 && strncmp(a, cmd->option, len) == 0 && a[len] == '=')
			status = take_option(cmd->option, a + len + 1, args);
		else
			/* Without what follows "=": it may be a key. */
			status = out_usage(
			    "token %s has no option %.*s.", cmd->word, (int)strcspn(a, "="), a);
	}
	if (status == CLI_DONE && !args->help && cmd->wants_name &&
	    (args->name == NULL || args->name[0] == '\0'))
		return out_usage(
		    "token %s needs the NAME of a token; valetkey token list shows them.",
		    cmd->word);
	return status;
}

static int
print_help(void)
{
	fputs(help, stdout);
	return out_end(CLI_DONE);
}

int
cli_token_main(int argc, char **argv)
{
	const struct command *cmd;
	struct arguments args = { .span_s = -1 };
	struct cli_config config;
	struct ctx cx;
	int status;
	enum rc rc;

	if (argc < 2)
		return out_usage(
		    "token needs a command: list, get, show, refresh, check, rejected or recover.");
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
	    strcmp(argv[1], "help") == 0)
		return print_help();
	cmd = find_command(argv[1]);
	if (cmd == NULL)
		return out_usage("There is no command \"token %.40s\".", argv[1]);
	status = parse(cmd, argc - 1, argv + 1, &args);
	if (status != CLI_DONE || args.help)
		return args.help ? print_help() : status;
	json_setup();
	ctx_init(&cx, arena_new(), NULL);
	rc = cli_config_load(&cx, &config);
	if (rc == OK)
		rc = cmd->run(&cx, &config, &args);
	status = out_end(rc == OK ? CLI_DONE : out_failure(&cx, rc));
	arena_free(cx.arena);
	return status;
}
