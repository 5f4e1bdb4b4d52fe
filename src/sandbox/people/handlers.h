/* sandbox/people/handlers.h - what the rows of people/routes.c call. Each is an http_handler. */
#ifndef SANDBOX_PEOPLE_HANDLERS_H
#define SANDBOX_PEOPLE_HANDLERS_H

#include "sandbox/core/row.h"

extern const struct row_group people_rows;

HANDLER(web_session);
HANDLER(web_sign_in);
HANDLER(web_sign_out);

#endif
