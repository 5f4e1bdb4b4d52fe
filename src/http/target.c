#include "http/target.h"

#include "base/scan.h"

bool
target_split(struct str target, struct str *authority, struct str *path, struct str *query)
{
	size_t mark;

	*authority = (struct str){ 0 };
	if (str_starts(target, S("http://")) || str_starts(target, S("https://"))) {
		size_t slash;

		target = str_sub(target, str_find(target, ':') + 3, target.len);
		slash = str_find(target, '/');
		*authority = str_sub(target, 0, slash);
		target = slash < target.len ? str_sub(target, slash, target.len) : S("/");
		if (authority->len == 0)
			return false;
	}
	mark = str_find(target, '?');
	*path = str_sub(target, 0, mark);
	*query = str_sub(target, mark + 1, target.len);
	return str_starts(*path, S("/"));
}

static bytes16
harmful(bytes16 v)
{
	return scan_controls(v) | (bytes16)(v == '/') | (bytes16)(v == '\\') | (bytes16)(v == ';');
}

static bool
harmless(struct str segment)
{
	return !scan_has(segment, harmful) && !str_eq(segment, S(".")) &&
	    !str_eq(segment, S("..")) && str_utf8(segment);
}

static enum target_fault
decode_segment(struct arena *a, struct str raw, struct str *out)
{
	if (raw.len == 0)
		return TARGET_NOTHING;
	*out = raw;
	if (str_find(raw, '%') < raw.len && !str_percent_decode(a, raw, false, out))
		return TARGET_BAD;
	return harmless(*out) ? TARGET_OK : TARGET_BAD;
}

enum target_fault
target_segments(struct arena *a, struct str path, struct http_req *req)
{
	enum target_fault worst = TARGET_OK;
	struct str rest = str_sub(path, 1, path.len);

	req->seg_count = 0;
	if (rest.len == 0)
		return TARGET_OK;
	for (;;) {
		size_t slash = str_find(rest, '/');
		enum target_fault fault;

		if (req->seg_count == HTTP_MAX_SEGMENTS)
			return TARGET_NOTHING;
		fault = decode_segment(a, str_sub(rest, 0, slash), &req->segs[req->seg_count++]);
		if (fault == TARGET_BAD)
			return TARGET_BAD;
		if (fault != TARGET_OK)
			worst = fault;
		if (slash == rest.len)
			return worst;
		rest = str_sub(rest, slash + 1, rest.len);
	}
}
