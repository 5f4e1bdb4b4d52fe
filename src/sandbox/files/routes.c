#include "sandbox/files/handlers.h"
#include "sandbox/tree/files.h"

#define GET HTTP_M_GET
#define POST HTTP_M_POST

static const struct row rows[] = {
	{ POST, "/2/files/list_folder", API_ROW(META_READ, READ), 64 * KB, api_list_folder },
	{ POST, "/2/files/list_folder/continue", API_ROW(META_READ, READ), 64 * KB,
	    api_list_folder_continue },
	{ POST, "/2/files/get_metadata", API_ROW(META_READ, READ), 64 * KB, api_get_metadata },
	{ POST, "/2/files/create_folder_v2", API_ROW(CONTENT_WRITE, WRITE), 64 * KB,
	    api_create_folder },
	{ POST, "/2/files/delete_v2", API_ROW(CONTENT_WRITE, WRITE), 64 * KB, api_delete },
	{ GET, "/2/files/download", API_ROW(CONTENT_READ, READ), 0, api_download },
	{ POST, "/2/files/download", API_ROW(CONTENT_READ, READ), KB, api_download },
	{ POST, "/2/files/upload", API_ROW(CONTENT_WRITE, WRITE), FILE_MAX, api_upload },
};

ROW_GROUP(files_rows, rows);
