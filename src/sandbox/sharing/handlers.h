/* sandbox/sharing/handlers.h - what the rows of sharing/routes.c call. Each is an http_handler. */
#ifndef SANDBOX_SHARING_HANDLERS_H
#define SANDBOX_SHARING_HANDLERS_H

#include "sandbox/core/row.h"

extern const struct row_group sharing_rows;

HANDLER(api_link_create);
HANDLER(api_link_create_old);
HANDLER(api_links_list);
HANDLER(api_link_metadata);
HANDLER(api_link_file);
HANDLER(api_link_modify);
HANDLER(api_link_revoke);
HANDLER(api_temporary_link);
HANDLER(temporary_content);
HANDLER(page_link);

#endif
