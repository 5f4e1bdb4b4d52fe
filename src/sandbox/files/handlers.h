/* sandbox/files/handlers.h - what the rows of files/routes.c call. Each is an http_handler. */
#ifndef SANDBOX_FILES_HANDLERS_H
#define SANDBOX_FILES_HANDLERS_H

#include "sandbox/core/row.h"

/* routes.c: content and listing. */
extern const struct row_group files_rows;

HANDLER(api_list_folder);
HANDLER(api_list_folder_continue);
HANDLER(api_list_folder_latest);
HANDLER(api_get_metadata);
HANDLER(api_create_folder);
HANDLER(api_create_folder_v1);
HANDLER(api_delete);
HANDLER(api_delete_v1);
HANDLER(api_download);
HANDLER(api_upload);

#endif
