#include "http/address.h"

#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct range {
	uint32_t first;
	int bits;
};

/* RFC 6890 and the registry of special-purpose IPv4 addresses. */
static const struct range special[] = {
	{ 0x00000000, 8 },  /* this network */
	{ 0x0a000000, 8 },  /* private */
	{ 0x64400000, 10 }, /* shared, behind a carrier's NAT */
	{ 0x7f000000, 8 },  /* loopback */
	{ 0xa9fe0000, 16 }, /* link-local, and where clouds serve their metadata */
	{ 0xac100000, 12 }, /* private */
	{ 0xc0000000, 24 }, /* protocol assignments */
	{ 0xc0000200, 24 }, /* documentation */
	{ 0xc0586300, 24 }, /* 6to4 relays */
	{ 0xc0a80000, 16 }, /* private */
	{ 0xc6120000, 15 }, /* benchmarks */
	{ 0xc6336400, 24 }, /* documentation */
	{ 0xcb007100, 24 }, /* documentation */
	{ 0xe0000000, 3 },  /* multicast, reserved, broadcast */
};

static bool
v4_is_public(uint32_t address)
{
	for (size_t i = 0; i < sizeof(special) / sizeof(special[0]); i++)
		if ((address ^ special[i].first) >> (32 - special[i].bits) == 0)
			return false;
	return true;
}

static uint32_t
v4_at(const unsigned char *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static bool
v6_is_public(const unsigned char p[16])
{
	static const unsigned char mapped[12] = { [10] = 0xff, [11] = 0xff };
	static const unsigned char nat64[12] = { 0x00, 0x64, 0xff, 0x9b };

	if (memcmp(p, mapped, 12) == 0 || memcmp(p, nat64, 12) == 0)
		return v4_is_public(v4_at(p + 12));
	if ((p[0] & 0xe0) != 0x20) /* only 2000::/3 is handed out */
		return false;
	if (p[0] == 0x20 && p[1] == 0x02) /* 6to4 */
		return v4_is_public(v4_at(p + 2));
	/* 2001::/23 are protocol assignments (Teredo among them), 2001:db8::/32 and 3fff::/20
	 * documentation. */
	if (p[0] == 0x20 && p[1] == 0x01)
		return p[2] > 0x01 && !(p[2] == 0x0d && p[3] == 0xb8);
	return !(p[0] == 0x3f && p[1] == 0xff && p[2] < 0x10);
}

bool
address_is_public(const struct sockaddr *address)
{
	if (address->sa_family == AF_INET)
		return v4_is_public(
		    ntohl(((const struct sockaddr_in *)(const void *)address)->sin_addr.s_addr));
	if (address->sa_family == AF_INET6)
		return v6_is_public(
		    ((const struct sockaddr_in6 *)(const void *)address)->sin6_addr.s6_addr);
	return false;
}
