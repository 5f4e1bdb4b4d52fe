/* base/scan.h - how far a text goes without a byte of some kind, sixteen bytes at a time.
 *
 * A kind is a function from sixteen bytes to sixteen answers, 0 or not, written with the compiler's
 * vectors: return (bytes16)(v < ' ') | (bytes16)(v == '"'); it is one instruction each where the
 * processor has such. Pure. */
#ifndef BASE_SCAN_H
#define BASE_SCAN_H

#include <endian.h>

#include "base/str.h"

typedef unsigned char bytes16 __attribute__((vector_size(16)));

static inline bytes16
scan_controls(bytes16 v)
{
	return (bytes16)(v < 0x20) | (bytes16)(v == 0x7f);
}

/* What cannot stand between quotation marks as it is: controls, quotation marks, backslashes, other than
 * ASCII. */
static inline bytes16
scan_unusual(bytes16 v)
{
	return (bytes16)(v < ' ') | (bytes16)(v >= 0x7f) | (bytes16)(v == '"') |
	    (bytes16)(v == '\\');
}

static inline size_t
scan_first(bytes16 answers)
{
	uint64_t halves[2];

	memcpy(halves, &answers, sizeof(halves));
	for (size_t i = 0; i < 2; i++)
		if (halves[i] != 0)
			return i * sizeof(halves[i]) +
			    (size_t)__builtin_ctzll(le64toh(halves[i])) / 8;
	return sizeof(answers);
}

/* Index of the first byte of that kind, or s.len. */
static inline size_t
scan_find(struct str s, bytes16 (*kind)(bytes16))
{
	for (size_t n = 0; n < s.len; n += sizeof(bytes16)) {
		size_t left = s.len - n, at;
		bytes16 v = (bytes16){ 0 } + 'a'; /* of no kind that is looked for */

		if (left >= sizeof(v))
			memcpy(&v, s.p + n, sizeof(v));
		else
			memcpy(&v, s.p + n, left);
		at = scan_first(kind(v));
		if (at < sizeof(v))
			return at < left ? n + at : s.len;
	}
	return s.len;
}

static inline bool
scan_has(struct str s, bytes16 (*kind)(bytes16))
{
	return scan_find(s, kind) < s.len;
}

#endif
