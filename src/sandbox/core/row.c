#include "sandbox/core/row.h"

#include "sandbox/core/state.h"

const struct row *
row_of(const struct sandbox *s, const struct http_req *req)
{
	return s->rows[req->route - s->routes];
}

const char *
row_access_word(enum access access)
{
	static const char *const words[] = {
		[ACCESS_PUBLIC] = "public",
		[ACCESS_PAGE] = "page",
		[ACCESS_TOKEN] = "token",
		[ACCESS_VISITOR] = "visitor",
		[ACCESS_WEB] = "web",
		[ACCESS_CHANGE] = "change",
		[ACCESS_SIGN] = "sign",
		[ACCESS_API_USER] = "api-user",
		[ACCESS_API_TEAM] = "api-team",
		[ACCESS_API_ANY] = "api-any",
		[ACCESS_API_APP] = "api-app",
		[ACCESS_API_USER_APP] = "api-user-app",
		[ACCESS_API_NONE] = "api-none",
		[ACCESS_UPLOAD_LINK] = "upload-link",
		[ACCESS_PREFLIGHT] = "preflight",
		[ACCESS_CONTROL] = "control",
		[ACCESS_CONTROL_SIGN] = "control-sign",
	};

	return words[access];
}
