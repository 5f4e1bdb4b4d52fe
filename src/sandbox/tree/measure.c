#include "sandbox/tree/measure.h"

#include <errno.h>
#include <unistd.h>

#include "sandbox/tree/contents.h"

#define CHUNK (64u << 10)

struct str
hex_text(struct arena *a, const unsigned char *bytes, size_t len)
{
	static const char digits[] = "0123456789abcdef";
	char *p = arena_alloc(a, 2 * len + 1);

	for (size_t i = 0; i < len; i++) {
		p[2 * i] = digits[bytes[i] >> 4];
		p[2 * i + 1] = digits[bytes[i] & 15];
	}
	return (struct str){ p, 2 * len };
}

void
measure_begin(struct measure *m)
{
	*m = (struct measure){ 0 };
	crypto_sha256_begin(&m->whole);
	crypto_sha256_begin(&m->block);
}

static void
end_block(struct measure *m)
{
	unsigned char digest[SHA256_LEN];

	crypto_sha256_end(&m->block, digest);
	crypto_sha256_add(&m->whole, digest, sizeof(digest));
	crypto_sha256_begin(&m->block);
	m->in_block = 0;
}

void
measure_add(struct measure *m, const void *bytes, size_t len)
{
	const char *at = bytes;

	m->size += (int64_t)len;
	while (len > 0) {
		size_t n = CONTENT_BLOCK - m->in_block;

		n = n < len ? n : len;
		crypto_sha256_add(&m->block, at, n);
		m->in_block += n;
		at += n;
		len -= n;
		if (m->in_block == CONTENT_BLOCK)
			end_block(m);
	}
}

struct str
measure_end(struct measure *m, struct arena *a)
{
	unsigned char digest[SHA256_LEN];

	if (m->in_block > 0)
		end_block(m);
	crypto_sha256_end(&m->whole, digest);
	return hex_text(a, digest, sizeof(digest));
}

struct str
content_hash(struct arena *a, struct str bytes)
{
	struct measure m;

	measure_begin(&m);
	measure_add(&m, bytes.p, bytes.len);
	return measure_end(&m, a);
}

enum rc
content_measure(struct ctx *cx, int fd, struct content *out)
{
	char chunk[CHUNK]; /* not of the arena: one request may measure thousands */
	struct measure m;
	ssize_t n;

	measure_begin(&m);
	for (off_t at = 0; (n = pread(fd, chunk, CHUNK, at)) != 0;) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return fail(
			    cx, E_STORE, "A content could not be read: %s.", strerror(errno));
		measure_add(&m, chunk, (size_t)n);
		at += n;
	}
	out->size = m.size;
	out->hash = measure_end(&m, cx->arena);
	return OK;
}
