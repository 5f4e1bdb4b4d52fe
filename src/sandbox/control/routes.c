#include "sandbox/control/handlers.h"

static const struct row rows[] = {
	{ HTTP_M_POST, "/_sandbox/clock", ROW(CONTROL, WRITE), 4 * KB, control_clock },
	{ HTTP_M_GET, "/_sandbox/state", ROW(CONTROL, READ), 0, control_state },
};

ROW_GROUP(control_rows, rows);
