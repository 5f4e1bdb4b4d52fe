#include "sandbox/files/zip.h"

#include <errno.h>
#include <time.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/map.h"
#include "sandbox/tree/contents.h"
#include "sandbox/tree/names.h"

#define CHUNK (64u << 10)
#define LOCAL_SIG 0x04034b50
#define CENTRAL_SIG 0x02014b50
#define END_SIG 0x06054b50
#define VERSION 20
#define UTF8_NAMES 0x0800
#define FOLDER_ATTRIBUTE 0x10
#define DIRECTORY_MAX (128u << 20)
#define SAME_NAMES_MAX 100000

struct zip {
	int fd;
	int64_t at; /* where the next byte goes */
	struct buf directory;
	unsigned members;
	struct map *names; /* keys that are taken */
	uint32_t crc_table[256];
};

struct member {
	struct str name;
	uint32_t crc, size, offset, attributes;
	uint16_t time, date;
};

static void
fill_table(uint32_t table[256])
{
	for (uint32_t i = 0; i < 256; i++) {
		uint32_t c = i;

		for (int bit = 0; bit < 8; bit++)
			c = (c & 1) != 0 ? c >> 1 ^ 0xedb88320u : c >> 1;
		table[i] = c;
	}
}

struct zip *
zip_new(struct arena *a, int fd)
{
	struct zip *z = ARENA_NEW(a, struct zip);

	z->fd = fd;
	z->directory = buf_in(a, DIRECTORY_MAX);
	z->names = map_new();
	fill_table(z->crc_table);
	return z;
}

void
zip_free(struct zip *z)
{
	if (z != NULL && z->names != NULL)
		map_free(z->names, NULL);
	if (z != NULL)
		z->names = NULL;
}

static void
put(struct buf *b, uint32_t value, int bytes)
{
	for (; bytes > 0; bytes--, value >>= 8)
		buf_addc(b, (char)(value & 0xff));
}

static enum rc
write_at(struct ctx *cx, int fd, struct str bytes, int64_t at)
{
	while (bytes.len > 0) {
		ssize_t n = pwrite(fd, bytes.p, bytes.len, at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return content_broken(cx, n < 0 ? errno : ENOSPC, "archived");
		bytes = str_sub(bytes, (size_t)n, bytes.len);
		at += n;
	}
	return OK;
}

/* What Windows takes for a drive, a stream, a device's separator or a pattern, and what no terminal
 * should be sent. The slash parts folders. */
static bool
harmless(char c)
{
	return (unsigned char)c >= 0x20 && c != 0x7f && strchr("\\:*?\"<>|", c) == NULL;
}

static struct str
unique_name(struct zip *z, struct ctx *cx, struct str path, bool folder)
{
	char *p = str_cstr(cx->arena, path);
	struct str name = { p, path.len }, key;

	for (size_t i = 0; i < path.len; i++)
		if (!harmless(p[i]))
			p[i] = '_';
	key = path_key(cx->arena, name);
	for (int n = 1; map_get(z->names, key) != NULL && n < SAME_NAMES_MAX; n++) {
		struct str slashed = str_printf(cx->arena, "/%s", p);

		slashed = path_numbered(cx->arena, slashed, n);
		name = str_sub(slashed, 1, slashed.len);
		key = path_key(cx->arena, name);
	}
	map_put(z->names, key, z);
	return folder ? str_printf(cx->arena, "%.*s/", STR_ARG(name)) : name;
}

/* The part that local header and directory share. */
static void
put_common(struct buf *b, const struct member *m)
{
	put(b, VERSION, 2);
	put(b, UTF8_NAMES, 2);
	put(b, 0, 2); /* stored */
	put(b, m->time, 2);
	put(b, m->date, 2);
	put(b, m->crc, 4);
	put(b, m->size, 4);
	put(b, m->size, 4);
	put(b, (uint32_t)m->name.len, 2);
	put(b, 0, 2); /* no extra field */
}

static enum rc
write_local(struct zip *z, struct ctx *cx, const struct member *m)
{
	struct buf b = buf_in(cx->arena, 1 << 17);

	put(&b, LOCAL_SIG, 4);
	put_common(&b, m);
	buf_add(&b, m->name);
	return write_at(cx, z->fd, buf_str(&b), m->offset);
}

static void
note(struct zip *z, const struct member *m)
{
	struct buf *b = &z->directory;

	put(b, CENTRAL_SIG, 4);
	put(b, VERSION, 2);
	put_common(b, m);
	put(b, 0, 2); /* no comment */
	put(b, 0, 2); /* disk */
	put(b, 0, 2); /* internal attributes */
	put(b, m->attributes, 4);
	put(b, m->offset, 4);
	buf_add(b, m->name);
	z->members++;
}

enum rc
zip_folder(struct zip *z, struct ctx *cx, struct str path)
{
	struct member m = { .name = unique_name(z, cx, path, true),
		.offset = (uint32_t)z->at,
		.attributes = FOLDER_ATTRIBUTE,
		.date = 1 << 5 | 1 };

	TRY(write_local(z, cx, &m));
	z->at += 30 + (int64_t)m.name.len;
	note(z, &m);
	return OK;
}

/* MS-DOS: two seconds, from 1980 on. */
static void
set_time(struct member *m, int64_t ms)
{
	time_t t = ms / 1000;
	struct tm tm;

	gmtime_r(&t, &tm);
	if (tm.tm_year < 80)
		tm = (struct tm){ .tm_year = 80, .tm_mday = 1 };
	m->time = (uint16_t)(tm.tm_hour << 11 | tm.tm_min << 5 | tm.tm_sec / 2);
	m->date = (uint16_t)((tm.tm_year - 80) << 9 | (tm.tm_mon + 1) << 5 | tm.tm_mday);
}

static enum rc
copy(struct zip *z, struct ctx *cx, int content, int64_t to, struct member *m)
{
	unsigned char chunk[CHUNK]; /* not of the arena: there may be ten thousand files */
	uint32_t crc = 0xffffffffu;
	int64_t done = 0;
	ssize_t n;

	while ((n = pread(content, chunk, CHUNK, done)) != 0) {
		if (n < 0)
			return content_broken(cx, errno, "read");
		for (ssize_t i = 0; i < n; i++)
			crc = crc >> 8 ^ z->crc_table[(crc ^ chunk[i]) & 0xff];
		TRY(write_at(cx, z->fd, (struct str){ (char *)chunk, (size_t)n }, to + done));
		done += n;
	}
	m->crc = crc ^ 0xffffffffu;
	m->size = (uint32_t)done;
	return OK;
}

enum rc
zip_file(struct zip *z, struct ctx *cx, struct str path, int content, int64_t modified_ms)
{
	struct member m = { .name = unique_name(z, cx, path, false), .offset = (uint32_t)z->at };
	int64_t from = z->at + 30 + (int64_t)m.name.len;

	set_time(&m, modified_ms);
	TRY(copy(z, cx, content, from, &m));
	TRY(write_local(z, cx, &m)); /* afterwards: it holds the sum */
	z->at = from + m.size;
	note(z, &m);
	return OK;
}

static enum rc
write_end(struct zip *z, struct ctx *cx, int64_t *len)
{
	uint32_t size = (uint32_t)z->directory.len;
	struct buf *b = &z->directory;

	put(b, END_SIG, 4);
	put(b, 0, 4); /* disks */
	put(b, z->members, 2);
	put(b, z->members, 2);
	put(b, size, 4);
	put(b, (uint32_t)z->at, 4);
	put(b, 0, 2); /* no comment */
	if (b->overflow)
		return fail(cx, E_STORE, "The archive's directory is too long.");
	*len = z->at + (int64_t)b->len;
	return write_at(cx, z->fd, buf_str(b), z->at);
}

enum rc
zip_end(struct zip *z, struct ctx *cx, int64_t *len)
{
	enum rc rc = write_end(z, cx, len);

	zip_free(z);
	return rc;
}
