#include "sandbox/core/row.h"

#include "sandbox/core/state.h"

const struct row *
row_of(const struct sandbox *s, const struct http_req *req)
{
	return s->rows[req->route - s->routes];
}
