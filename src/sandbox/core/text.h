/* sandbox/core/text.h - small questions about text that people typed. Pure. */
#ifndef SANDBOX_CORE_TEXT_H
#define SANDBOX_CORE_TEXT_H

#include "base/str.h"

/* Lower case for comparing. ASCII only: other letters are compared as they are. */
struct str text_fold(struct arena *a, struct str s);
/* Well-formed UTF-8 without control characters and without marks that turn the direction of text,
 * hide or join it. */
bool text_printable(struct str s);
size_t text_length(struct str s); /* code points of well-formed UTF-8 */
/* Every byte is a letter, a digit, or one of extra. */
bool text_only(struct str s, const char *extra);

/* A redirect URI that may be registered: absolute https, or http on the loopback; no fragment, user
 * part, wildcard, space or control character. why gets a sentence. */
bool redirect_uri_ok(struct str uri, const char **why);
/* An http or https address without user part and odd characters, for a link. */
bool web_address_ok(struct str uri, const char **why);
/* A host name of at least one label in lower case, perhaps with a port: "www.example.com". */
bool domain_ok(struct str domain);
/* host[:port] of an absolute URI; empty when there is none. */
struct str uri_authority(struct str uri);

#endif
