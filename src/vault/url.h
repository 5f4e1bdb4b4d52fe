/* vault/url.h - addresses that a person or a definition names.
 *
 * Only what every parser reads the same way: visible ASCII, http or https, a host of plain characters with at
 * most one port, no user, no fragment, no backslash (security row S-029). */
#ifndef VAULT_URL_H
#define VAULT_URL_H

#include "base/str.h"

/* "https" and "host:8443" of https://host:8443/path?query. False: it is no such address. */
bool url_split(struct str url, struct str *scheme, struct str *host);
/* This machine itself: 127.0.0.1, localhost or [::1], with or without a port. */
bool url_is_loopback(struct str host);

#endif
