#include "base/print.h"

void
print_text(FILE *to, struct str s)
{
	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.p[i];
		unsigned char next = i + 1 < s.len ? (unsigned char)s.p[i + 1] : 0;

		if (c < 0x20 || c == 0x7f) {
			putc('?', to);
		} else if (c == 0xc2 && next >= 0x80 && next < 0xa0) {
			putc('?', to);
			i++;
		} else {
			putc(c, to);
		}
	}
}
