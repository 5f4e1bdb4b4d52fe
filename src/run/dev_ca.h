/* run/dev_ca.h - the sandbox's certificates, in its data directory.
 *
 * ca.pem and ca-key.pem are the development authority, made once for each directory; server.pem is
 * the server's certificate with its key, made again when it is near its end; ca-bundle.pem is the
 * system's roots and ca.pem together, for programs whose variable replaces the roots. Nothing
 * installs the authority anywhere. */
#ifndef RUN_DEV_CA_H
#define RUN_DEV_CA_H

#include "crypto/cert.h"

struct dev_ca {
	struct str ca_path; /* absolute, in cx->arena */
	struct cert server;
};

/* Reads or makes all of it. names: what the server answers to besides the loopback's names. E_INPUT a
 * file is there and cannot be used; the sentence names it (S-160). */
MUST enum rc dev_ca_open(
    struct ctx *cx, const char *data_dir, struct cert_names names, struct dev_ca *out);

/* Brings to the disk what dev_ca_open made, once there is time for it. */
void dev_ca_settle(struct ctx *cx, const char *data_dir);
/* Where ca.pem and ca-bundle.pem of a data directory are, absolute. */
MUST enum rc dev_ca_paths(struct ctx *cx, const char *data_dir, struct str *ca, struct str *bundle);

#endif
