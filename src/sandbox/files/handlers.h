/* sandbox/files/handlers.h - what the rows of files/routes.c call. Each is an http_handler. */
#ifndef SANDBOX_FILES_HANDLERS_H
#define SANDBOX_FILES_HANDLERS_H

#include "sandbox/core/row.h"

/* routes.c: content and listing. */
extern const struct row_group files_rows;

HANDLER(api_list_folder);
HANDLER(api_list_folder_continue);
HANDLER(api_list_folder_latest);
HANDLER(api_longpoll);
HANDLER(api_get_metadata);
HANDLER(api_create_folder);
HANDLER(api_create_folder_v1);
HANDLER(api_create_folder_batch);
HANDLER(api_delete);
HANDLER(api_delete_v1);
HANDLER(api_delete_batch);
HANDLER(api_permanently_delete);
HANDLER(api_copy);
HANDLER(api_copy_v1);
HANDLER(api_copy_batch);
HANDLER(api_copy_batch_v1);
HANDLER(api_move);
HANDLER(api_move_v1);
HANDLER(api_move_batch);
HANDLER(api_move_batch_v1);
HANDLER(api_batch_check);
HANDLER(api_list_revisions);
HANDLER(api_restore);
HANDLER(api_download);
HANDLER(api_download_zip);
HANDLER(api_upload);
HANDLER(api_temporary_upload_link);
HANDLER(upload_by_link);
HANDLER(api_session_start);
HANDLER(api_session_start_batch);
HANDLER(api_session_append);
HANDLER(api_session_append_v1);
HANDLER(api_session_append_batch);
HANDLER(api_session_finish);
HANDLER(api_session_finish_batch);
HANDLER(api_session_finish_batch_v1);

HANDLER(api_search);
HANDLER(api_search_v2);
HANDLER(api_search_continue);

HANDLER(api_thumbnail);
HANDLER(api_thumbnail_v2);
HANDLER(api_thumbnail_batch);
HANDLER(api_preview);

#endif
