/* base/print.h - text from outside on a terminal or in a pipe. */
#ifndef BASE_PRINT_H
#define BASE_PRINT_H

#include <stdio.h>

#include "base/str.h"

/* With "?" for each control character (also U+0080 to U+009F): what came from outside must not move the
 * cursor or start a second line. */
void print_text(FILE *to, struct str s);

#endif
