/* sandbox/control/handlers.h - what the rows of control/routes.c call. Each is an http_handler. */
#ifndef SANDBOX_CONTROL_HANDLERS_H
#define SANDBOX_CONTROL_HANDLERS_H

#include "sandbox/core/row.h"

extern const struct row_group control_rows;

HANDLER(control_clock);
HANDLER(control_state);

#endif
