#include "cli/output.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/print.h"
#include "cli/cli.h"

#define COLUMN_GAP 2

bool
out_is_terminal(void)
{
	return isatty(STDOUT_FILENO);
}

static bool
may_colour(void)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

	return out_is_terminal() && (no == NULL || no[0] == '\0') && term != NULL &&
	    strcmp(term, "dumb") != 0;
}

static void
put_cell(const struct out_cell *cell, size_t pad_to, bool coloured)
{
	static const char *const codes[] = { "", "\033[32m", "\033[33m", "\033[31m" };

	if (coloured && cell->colour != OUT_PLAIN)
		fputs(codes[cell->colour], stdout);
	print_text(stdout, cell->text);
	if (coloured && cell->colour != OUT_PLAIN)
		fputs("\033[0m", stdout);
	for (size_t n = str_chars(cell->text); n < pad_to; n++)
		putchar(' ');
}

static void
put_plain(size_t columns, const struct out_row *rows, size_t count)
{
	for (size_t r = 0; r < count; r++) {
		for (size_t c = 0; c < columns; c++) {
			if (c > 0)
				putchar('\t');
			print_text(stdout, rows[r].cells[c].text);
		}
		putchar('\n');
	}
}

void
out_table(const char *const *heading, size_t columns, const struct out_row *rows, size_t count)
{
	size_t widths[OUT_COLUMNS_MAX] = { 0 };
	bool coloured = may_colour();

	if (!out_is_terminal()) {
		put_plain(columns, rows, count);
		return;
	}
	for (size_t c = 0; c < columns; c++) {
		widths[c] = strlen(heading[c]);
		for (size_t r = 0; r < count; r++)
			if (str_chars(rows[r].cells[c].text) > widths[c])
				widths[c] = str_chars(rows[r].cells[c].text);
	}
	for (size_t c = 0; c < columns; c++)
		printf("%-*s", c + 1 < columns ? (int)(widths[c] + COLUMN_GAP) : 0, heading[c]);
	putchar('\n');
	for (size_t r = 0; r < count; r++) {
		for (size_t c = 0; c < columns; c++)
			put_cell(&rows[r].cells[c], c + 1 < columns ? widths[c] + COLUMN_GAP : 0,
			    coloured);
		putchar('\n');
	}
}

void
out_json(const json_t *value)
{
	/* JSON escapes control characters up to U+001F only; a terminal obeys others too. */
	json_dumpf(
	    value, stdout, out_is_terminal() ? JSON_INDENT(2) | JSON_ENSURE_ASCII : JSON_COMPACT);
	putchar('\n');
}

bool
out_secret_line(struct str text)
{
	for (size_t i = 0; i < text.len; i++)
		if (text.p[i] <= ' ' || text.p[i] > '~')
			return false;
	if (text.len == 0)
		return false;
	fwrite(text.p, 1, text.len, stdout);
	putchar('\n');
	return true;
}

void
out_warning(struct str what, struct str todo)
{
	fputs("valetkey: ", stderr);
	print_text(stderr, what);
	fputs("\n  ", stderr);
	print_text(stderr, todo);
	putc('\n', stderr);
}

int
out_failure(const struct ctx *cx, enum rc rc)
{
	fputs("valetkey: ", stderr);
	print_text(stderr, str_of(cx->why[0] != '\0' ? cx->why : "Something went wrong."));
	if (cx->todo[0] != '\0') {
		fputs("\n  ", stderr);
		print_text(stderr, str_of(cx->todo));
	}
	if (cx->request_id[0] != '\0') {
		fputs("\n  Request: ", stderr);
		print_text(stderr, str_of(cx->request_id));
	}
	putc('\n', stderr);
	switch (rc) {
	case E_NOTFOUND:
		return CLI_NOT_FOUND;
	case E_AUTH:
	case E_DENIED:
		return CLI_NOT_PERMITTED;
	case E_REAUTH:
		return CLI_REAUTHORIZE;
	case E_UPSTREAM:
	case E_BUSY:
		return CLI_UNREACHABLE;
	default:
		return CLI_FAILED;
	}
}

static int
say_usage(const char *command, const char *fmt, va_list ap)
{
	fputs("valetkey: ", stderr);
	vfprintf(stderr, fmt, ap);
	fprintf(stderr, "\n  See: valetkey %s --help\n", command);
	return CLI_USAGE;
}

int
out_usage(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say_usage("token", fmt, ap);
	va_end(ap);
	return CLI_USAGE;
}

int
out_usage_of(const char *command, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say_usage(command, fmt, ap);
	va_end(ap);
	return CLI_USAGE;
}

int
out_end(int status)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return status;
	fputs("valetkey: The output could not be written.\n", stderr);
	return status != CLI_DONE ? status : CLI_FAILED;
}
