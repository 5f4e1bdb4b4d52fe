#include "sandbox/people/handlers.h"

static const struct row rows[] = {
	{ HTTP_M_GET, "/_web/session", ROW(VISITOR, NONE), 0, web_session },
	{ HTTP_M_POST, "/_web/sign-in", ROW(SIGN, NONE), 4 * KB, web_sign_in },
	{ HTTP_M_POST, "/_web/sign-out", ROW(SIGN, WRITE), KB, web_sign_out },
};

ROW_GROUP(people_rows, rows);
