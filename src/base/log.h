/* base/log.h - one event is one line on stderr: `ts level event=… key=value …`.
 *
 * Values are escaped and cut, so nothing that a stranger sends can start a second line.
 * There is no way to pass a struct secret. Thread-safe. */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "base/str.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };

struct log_kv {
	const char *key;
	struct str text; /* used when .p is not NULL */
	long long number;
};

#define KV_STR(k, s) ((struct log_kv){ .key = (k), .text = (s) })
#define KV_INT(k, n) ((struct log_kv){ .key = (k), .number = (n) })

void log_set_level(enum log_level level); /* default LOG_INFO; VALETKEY_LOG_LEVEL in main */
bool log_level_parse(struct str s, enum log_level *out);
void log_write(enum log_level level, const char *event, const struct log_kv *kvs, size_t n);

bool log_wants(enum log_level level);

/* Its values are not looked at when nobody wants to hear of it. */
#define log_event(level, event, ...)                                                        \
	do {                                                                                \
		if (log_wants(level))                                                       \
			log_write((level), (event), (const struct log_kv[]){ __VA_ARGS__ }, \
			    sizeof((const struct log_kv[]){ __VA_ARGS__ }) /                \
				sizeof(struct log_kv));                                     \
	} while (0)

#endif
