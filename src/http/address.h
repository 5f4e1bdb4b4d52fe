/* http/address.h - which addresses belong to the public internet. Pure.
 *
 * For outgoing calls whose target a stranger may name (security row S-027). What is judged is the
 * address that is connected to, after every name has been resolved (S-028). */
#ifndef HTTP_ADDRESS_H
#define HTTP_ADDRESS_H

#include <stdbool.h>
#include <sys/socket.h>

/* False for loopback, private, link-local, shared, documentation, multicast and reserved ranges, also
 * when they stand inside an IPv6 address, and for anything that is not IP (RFC 6890). */
bool address_is_public(const struct sockaddr *address);

#endif
