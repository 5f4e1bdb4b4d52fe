#include "sandbox/control/handlers.h"

#define GET HTTP_M_GET
#define POST HTTP_M_POST
#define PUT HTTP_M_PUT
#define DELETE HTTP_M_DELETE

static const struct row rows[] = {
	{ GET, "/_sandbox", ROW(PAGE, NONE), 0, control_page },
	{ POST, "/_sandbox/session", ROW(CONTROL_SIGN, NONE), KB, control_sign_in },
	{ DELETE, "/_sandbox/session", ROW(CONTROL, NONE), KB, control_sign_out },

	{ GET, "/_sandbox/clock", ROW(CONTROL, NONE), 0, control_clock },
	{ POST, "/_sandbox/clock", ROW(CONTROL, WRITE), 4 * KB, control_clock_advance },
	{ GET, "/_sandbox/state", ROW(CONTROL, NONE), 0, control_state },

	{ GET, "/_sandbox/faults", ROW(CONTROL, NONE), 0, control_fault_list },
	{ POST, "/_sandbox/faults", ROW(CONTROL, NONE), 16 * KB, control_fault_add },
	{ DELETE, "/_sandbox/faults", ROW(CONTROL, NONE), KB, control_fault_clear },
	{ DELETE, "/_sandbox/faults/{}", ROW(CONTROL, NONE), KB, control_fault_delete },

	{ GET, "/_sandbox/limits", ROW(CONTROL, NONE), 0, control_limits },
	{ PUT, "/_sandbox/limits", ROW(CONTROL, WRITE), 4 * KB, control_limits_put },
	{ GET, "/_sandbox/settings", ROW(CONTROL, READ), 0, control_settings },
	{ PUT, "/_sandbox/settings", ROW(CONTROL, WRITE), 4 * KB, control_settings_put },
	{ GET, "/_sandbox/accounts", ROW(CONTROL, READ), 0, control_account_list },
	{ POST, "/_sandbox/accounts", ROW(CONTROL, WRITE), 4 * KB, control_account_add },
	{ PUT, "/_sandbox/accounts/{}", ROW(CONTROL, WRITE), KB, control_account_put },
	{ GET, "/_sandbox/apps", ROW(CONTROL, READ), 0, control_app_list },

	{ GET, "/_sandbox/snapshots", ROW(CONTROL, READ), 0, control_snapshot_list },
	{ POST, "/_sandbox/snapshots", ROW(CONTROL, READ), KB, control_snapshot_add },
	{ POST, "/_sandbox/snapshots/{}/restore", ROW(CONTROL, NONE), KB,
	    control_snapshot_restore },
	{ DELETE, "/_sandbox/snapshots/{}", ROW(CONTROL, READ), KB, control_snapshot_delete },
	{ GET, "/_sandbox/log", ROW(CONTROL, NONE), 0, control_log },
};

ROW_GROUP(control_rows, rows);
