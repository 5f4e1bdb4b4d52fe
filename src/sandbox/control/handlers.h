/* sandbox/control/handlers.h - what the rows of control/routes.c call. Each is an http_handler. */
#ifndef SANDBOX_CONTROL_HANDLERS_H
#define SANDBOX_CONTROL_HANDLERS_H

#include "sandbox/core/row.h"

extern const struct row_group control_rows;

HANDLER(control_clock);
HANDLER(control_clock_advance);
HANDLER(control_state);
HANDLER(control_fault_add);
HANDLER(control_fault_list);
HANDLER(control_fault_clear);
HANDLER(control_fault_delete);
HANDLER(control_limits);
HANDLER(control_limits_put);
HANDLER(control_settings);
HANDLER(control_settings_put);
HANDLER(control_log);
HANDLER(control_account_list);
HANDLER(control_account_add);
HANDLER(control_account_put);
HANDLER(control_app_list);
HANDLER(control_snapshot_list);
HANDLER(control_snapshot_add);
HANDLER(control_snapshot_restore);
HANDLER(control_snapshot_delete);
HANDLER(control_page);
HANDLER(control_sign_in);
HANDLER(control_sign_out);

#endif
