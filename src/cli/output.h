/* cli/output.h - what a person or a pipe gets to see.
 *
 * On a terminal: columns, a heading, colour beside the word (unless NO_COLOR is set). In a pipe:
 * one line a row, fields parted by tabs, no heading. Control characters never get through. */
#ifndef CLI_OUTPUT_H
#define CLI_OUTPUT_H

#include <jansson.h>

#include "base/ctx.h"

#define OUT_COLUMNS_MAX 8

enum out_colour { OUT_PLAIN, OUT_GOOD, OUT_WARN, OUT_BAD };

struct out_cell {
	struct str text;
	enum out_colour colour;
};

struct out_row {
	struct out_cell cells[OUT_COLUMNS_MAX];
};

bool out_is_terminal(void);
/* The heading is shown on a terminal only; it says how many columns there are. */
void out_table(
    const char *const *heading, size_t columns, const struct out_row *rows, size_t count);
void out_json(const json_t *value);
/* Text and a newline, as it is; false when it holds what no token can. */
bool out_secret_line(struct str text);

/* To stderr: what goes on all the same. */
void out_warning(struct str what, struct str todo);
/* Writes the recorded failure to stderr and gives the exit status that belongs to it. */
int out_failure(const struct ctx *cx, enum rc rc);
int out_usage(const char *fmt, ...) PRINTF(1, 2); /* of token; CLI_USAGE */
int out_usage_of(const char *command, const char *fmt, ...) PRINTF(2, 3);
/* status, or CLI_FAILED when stdout did not take it all. */
int out_end(int status);

#endif
