#include "sandbox/core/times.h"

#include <time.h>

bool
time_parse(struct str s, int64_t *ms)
{
	static const char shape[] = "0000-00-00T00:00:00Z";
	int64_t y, mo, d, h, mi, se;
	struct tm tm = { 0 };

	if (s.len != sizeof(shape) - 1)
		return false;
	for (size_t i = 0; i < s.len; i++)
		if (shape[i] != '0' && s.p[i] != shape[i])
			return false;
	if (!str_int(str_sub(s, 0, 4), 1970, 9999, &y) || !str_int(str_sub(s, 5, 7), 1, 12, &mo) ||
	    !str_int(str_sub(s, 8, 10), 1, 31, &d) || !str_int(str_sub(s, 11, 13), 0, 23, &h) ||
	    !str_int(str_sub(s, 14, 16), 0, 59, &mi) || !str_int(str_sub(s, 17, 19), 0, 59, &se))
		return false;
	tm = (struct tm){ .tm_year = (int)y - 1900,
		.tm_mon = (int)mo - 1,
		.tm_mday = (int)d,
		.tm_hour = (int)h,
		.tm_min = (int)mi,
		.tm_sec = (int)se };
	*ms = (int64_t)timegm(&tm) * 1000;
	return true;
}
