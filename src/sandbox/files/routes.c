#include "sandbox/files/handlers.h"

#define GET HTTP_M_GET
#define POST HTTP_M_POST
#define RPC (64 * KB)
#define UPLOAD_MAX (150ull << 20) /* the most that one request may bring */

/* Rows that take a body to a file enter the store themselves, after the slow part. */
#define UPLOAD(path, handler)                                                       \
	{                                                                           \
		POST, path, API_ROW(CONTENT_WRITE, NONE), UPLOAD_MAX, handler, true \
	}

static const struct row rows[] = {
	{ POST, "/2/files/list_folder", API_ROW(META_READ, READ), RPC, api_list_folder },
	{ POST, "/2/files/list_folder/continue", API_ROW(META_READ, READ), RPC,
	    api_list_folder_continue },
	{ POST, "/2/files/list_folder/get_latest_cursor", API_ROW(META_READ, READ), RPC,
	    api_list_folder_latest },
	{ POST, "/2/files/get_metadata", API_ROW(META_READ, READ), RPC, api_get_metadata },
	{ POST, "/2/files/create_folder_v2", API_ROW(CONTENT_WRITE, WRITE), RPC,
	    api_create_folder },
	{ POST, "/2/files/create_folder", API_ROW(CONTENT_WRITE, WRITE), RPC,
	    api_create_folder_v1 },
	{ POST, "/2/files/delete_v2", API_ROW(CONTENT_WRITE, WRITE), RPC, api_delete },
	{ POST, "/2/files/delete", API_ROW(CONTENT_WRITE, WRITE), RPC, api_delete_v1 },
	{ GET, "/2/files/download", API_ROW(CONTENT_READ, READ), 0, api_download },
	{ POST, "/2/files/download", API_ROW(CONTENT_READ, READ), KB, api_download },
	UPLOAD("/2/files/upload", api_upload),
};

ROW_GROUP(files_rows, rows);
