#include "sandbox/files/handlers.h"

#define GET HTTP_M_GET
#define POST HTTP_M_POST
#define RPC (64 * KB)
#define BATCH (8192 * KB)
#define UPLOAD_MAX (150ull << 20) /* the most that one request may bring */

/* Rows that take a body to a file enter the store themselves, after the slow part. */
#define UPLOAD(path, handler)                                                       \
	{                                                                           \
		POST, path, API_ROW(CONTENT_WRITE, NONE), UPLOAD_MAX, handler, true \
	}

/* Download routes can be read with GET as well. */
#define IMAGE_ROWS(path, access, handler)                                                \
	{ GET, path, ACCESS_##access, SCOPE_CONTENT_READ, STORE_READ, 0, handler },      \
	{                                                                                \
		POST, path, ACCESS_##access, SCOPE_CONTENT_READ, STORE_READ, KB, handler \
	}

static const struct row rows[] = {
	{ POST, "/2/files/list_folder", API_ROW(META_READ, READ), RPC, api_list_folder },
	{ POST, "/2/files/list_folder/continue", API_ROW(META_READ, READ), RPC,
	    api_list_folder_continue },
	{ POST, "/2/files/list_folder/get_latest_cursor", API_ROW(META_READ, READ), RPC,
	    api_list_folder_latest },
	{ POST, "/2/files/list_folder/longpoll", ACCESS_API_NONE, SCOPE_NONE, STORE_NONE, RPC,
	    api_longpoll },
	{ POST, "/2/files/get_metadata", API_ROW(META_READ, READ), RPC, api_get_metadata },
	{ POST, "/2/files/create_folder_v2", API_ROW(CONTENT_WRITE, WRITE), RPC,
	    api_create_folder },
	{ POST, "/2/files/create_folder", API_ROW(CONTENT_WRITE, WRITE), RPC,
	    api_create_folder_v1 },
	{ POST, "/2/files/delete_v2", API_ROW(CONTENT_WRITE, WRITE), RPC, api_delete },
	{ POST, "/2/files/delete", API_ROW(CONTENT_WRITE, WRITE), RPC, api_delete_v1 },
	{ POST, "/2/files/create_folder_batch", API_ROW(CONTENT_WRITE, WRITE), BATCH,
	    api_create_folder_batch },
	{ POST, "/2/files/create_folder_batch/check", API_ROW(CONTENT_WRITE, READ), RPC,
	    api_batch_check },
	{ POST, "/2/files/delete_batch", API_ROW(CONTENT_WRITE, WRITE), BATCH, api_delete_batch },
	{ POST, "/2/files/delete_batch/check", API_ROW(CONTENT_WRITE, READ), RPC, api_batch_check },
	{ POST, "/2/files/permanently_delete", API_ROW(PERMANENT_DELETE, WRITE), RPC,
	    api_permanently_delete },
	{ POST, "/2/files/copy_v2", API_ROW(CONTENT_WRITE, WRITE), RPC, api_copy },
	{ POST, "/2/files/copy", API_ROW(CONTENT_WRITE, WRITE), RPC, api_copy_v1 },
	{ POST, "/2/files/copy_batch_v2", API_ROW(CONTENT_WRITE, WRITE), BATCH, api_copy_batch },
	{ POST, "/2/files/copy_batch/check_v2", API_ROW(CONTENT_WRITE, READ), RPC,
	    api_batch_check },
	{ POST, "/2/files/copy_batch", API_ROW(CONTENT_WRITE, NONE), BATCH, api_copy_batch_v1 },
	{ POST, "/2/files/copy_batch/check", API_ROW(CONTENT_WRITE, READ), RPC, api_batch_check },
	{ POST, "/2/files/move_v2", API_ROW(CONTENT_WRITE, WRITE), RPC, api_move },
	{ POST, "/2/files/move", API_ROW(CONTENT_WRITE, WRITE), RPC, api_move_v1 },
	{ POST, "/2/files/move_batch_v2", API_ROW(CONTENT_WRITE, WRITE), BATCH, api_move_batch },
	{ POST, "/2/files/move_batch/check_v2", API_ROW(CONTENT_WRITE, READ), RPC,
	    api_batch_check },
	{ POST, "/2/files/move_batch", API_ROW(CONTENT_WRITE, NONE), BATCH, api_move_batch_v1 },
	{ POST, "/2/files/move_batch/check", API_ROW(CONTENT_WRITE, READ), RPC, api_batch_check },
	{ POST, "/2/files/list_revisions", API_ROW(META_READ, READ), RPC, api_list_revisions },
	{ POST, "/2/files/restore", API_ROW(CONTENT_WRITE, WRITE), RPC, api_restore },
	{ GET, "/2/files/download", API_ROW(CONTENT_READ, READ), 0, api_download },
	{ POST, "/2/files/download", API_ROW(CONTENT_READ, READ), KB, api_download },
	{ POST, "/2/files/download_zip", API_ROW(CONTENT_READ, NONE), KB, api_download_zip },
	{ GET, "/2/files/download_zip", API_ROW(CONTENT_READ, NONE), 0, api_download_zip },
	UPLOAD("/2/files/upload", api_upload),
	UPLOAD("/2/files/alpha/upload", api_upload),
	{ POST, "/2/files/get_temporary_upload_link", API_ROW(CONTENT_WRITE, WRITE), RPC,
	    api_temporary_upload_link },
	{ POST, "/apitul/1/{}", ROW(UPLOAD_LINK, NONE), UPLOAD_MAX, upload_by_link, true },
	UPLOAD("/2/files/upload_session/start", api_session_start),
	UPLOAD("/2/files/upload_session/append_v2", api_session_append),
	UPLOAD("/2/files/upload_session/append", api_session_append_v1),
	UPLOAD("/2/files/upload_session/append_batch", api_session_append_batch),
	UPLOAD("/2/files/upload_session/finish", api_session_finish),
	{ POST, "/2/files/upload_session/start_batch", API_ROW(CONTENT_WRITE, NONE), RPC,
	    api_session_start_batch },
	{ POST, "/2/files/upload_session/finish_batch_v2", API_ROW(CONTENT_WRITE, NONE), BATCH,
	    api_session_finish_batch },
	{ POST, "/2/files/upload_session/finish_batch", API_ROW(CONTENT_WRITE, NONE), BATCH,
	    api_session_finish_batch_v1 },
	{ POST, "/2/files/upload_session/finish_batch/check", API_ROW(CONTENT_WRITE, READ), RPC,
	    api_batch_check },
	{ POST, "/2/files/alpha/get_metadata", API_ROW(META_READ, READ), RPC, api_get_metadata },
	{ POST, "/2/files/search", API_ROW(META_READ, NONE), RPC, api_search },
	{ POST, "/2/files/search_v2", API_ROW(META_READ, NONE), RPC, api_search_v2 },
	{ POST, "/2/files/search/continue_v2", API_ROW(META_READ, NONE), RPC, api_search_continue },
	IMAGE_ROWS("/2/files/get_thumbnail", API_USER, api_thumbnail),
	IMAGE_ROWS("/2/files/get_thumbnail_v2", API_USER_APP, api_thumbnail_v2),
	IMAGE_ROWS("/2/files/get_preview", API_USER, api_preview),
	{ POST, "/2/files/get_thumbnail_batch", API_ROW(CONTENT_READ, READ), RPC,
	    api_thumbnail_batch },
};

ROW_GROUP(files_rows, rows);
