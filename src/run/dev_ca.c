#include "run/dev_ca.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"

#define PEM_MAX (64u << 10)
#define ROOTS_MAX (4u << 20)
#define AUTHORITY_DAYS (5 * 365)
#define SERVER_DAYS 397
#define RENEW_DAYS 30
#define NAMES_MAX 24

static const char *const domains[] = { "localhost", "dropbox.com", "dropboxapi.com" };
static const char *const local_names[] = { "localhost", "127.0.0.1", "::1" };

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

struct place {
	const char *ca, *ca_key, *server, *bundle;
	const char *next_ca, *next_key; /* of an authority that is being made */
};

static enum rc
find_place(struct ctx *cx, const char *data_dir, struct place *out)
{
	char *dir = realpath(data_dir, NULL);

	if (dir == NULL)
		return fail(cx, E_INPUT, "The data directory %s is not there.", data_dir);
	out->ca = str_printf(cx->arena, "%s/ca.pem", dir).p;
	out->ca_key = str_printf(cx->arena, "%s/ca-key.pem", dir).p;
	out->next_ca = str_printf(cx->arena, "%s/ca.pem.next", dir).p;
	out->next_key = str_printf(cx->arena, "%s/ca-key.pem.next", dir).p;
	out->server = str_printf(cx->arena, "%s/server.pem", dir).p;
	out->bundle = str_printf(cx->arena, "%s/ca-bundle.pem", dir).p;
	free(dir);
	return OK;
}

static enum rc
put_in_place(struct ctx *cx, const char *from, const char *to)
{
	if (rename(from, to) == 0)
		return OK;
	return fail(cx, E_STORE, "The file %s could not be written: %s.", to, strerror(errno));
}

static enum rc
make_authority(struct ctx *cx, const struct place *at, struct cert *ca)
{
	struct cert_names names = { domains, COUNT(domains) };

	TRY(cert_authority_make(cx, "sandbox development CA", names, AUTHORITY_DAYS, ca));
	/* Both are there before the first takes its place; finish_authority goes on from any point. */
	TRY(file_write_later(cx, at->next_ca, ca->pem));
	TRY(file_write_later(cx, at->next_key, secret_expose(ca->key_pem)));
	TRY(put_in_place(cx, at->next_key, at->ca_key));
	return put_in_place(cx, at->next_ca, at->ca);
}

/* A start that ended while it made an authority: the change is finished when the new key is in its
 * place already, else forgotten. */
static enum rc
finish_authority(struct ctx *cx, const struct place *at)
{
	struct cert next = { 0 };
	struct str key;
	bool half_done = file_read(cx, at->next_ca, PEM_MAX, &next.pem) == OK &&
	    file_read_private(cx, at->ca_key, PEM_MAX, &key) == OK;

	if (half_done) {
		next.key_pem = secret_of(key);
		half_done = cert_check_pair(cx, &next) == OK;
	}
	ctx_clear(cx);
	if (half_done)
		return put_in_place(cx, at->next_ca, at->ca);
	unlink(at->next_ca);
	unlink(at->next_key);
	return OK;
}

static enum rc
read_authority(struct ctx *cx, const struct place *at, struct cert *ca)
{
	struct str key;
	enum rc rc = file_read_private(cx, at->ca_key, PEM_MAX, &key);

	ca->key_pem = secret_of(key);
	if (rc == E_NOTFOUND)
		rc = fail(
		    cx, E_INPUT, "The key %s of the certificate ca.pem is missing.", at->ca_key);
	else if (rc == OK && cert_check_pair(cx, ca) != OK)
		rc = fail(cx, E_INPUT, "The files %s and %s are not a certificate and its key.",
		    at->ca, at->ca_key);
	else
		return rc;
	return fail_todo(cx, "Put the right one back, or remove both to have new ones made.");
}

static enum rc
open_authority(struct ctx *cx, const struct place *at, struct cert *ca)
{
	enum rc rc = file_read(cx, at->ca, PEM_MAX, &ca->pem);

	if (rc == E_NOTFOUND) {
		ctx_clear(cx);
		return make_authority(cx, at, ca);
	}
	TRY(rc);
	TRY(read_authority(cx, at, ca));
	return cert_days_left(ca->pem) < RENEW_DAYS ? make_authority(cx, at, ca) : OK;
}

static struct cert_names
all_names(struct ctx *cx, struct cert_names names)
{
	const char **all = ARENA_ARRAY(cx->arena, const char *, NAMES_MAX);
	size_t n = 0;

	for (size_t i = 0; i < COUNT(local_names); i++)
		all[n++] = local_names[i];
	for (size_t i = 0; i < names.count && n < NAMES_MAX; i++)
		all[n++] = names.names[i];
	return (struct cert_names){ all, n };
}

static enum rc
make_server(struct ctx *cx, const struct place *at, const struct cert *ca, struct cert_names names,
    struct cert *out)
{
	struct str both;

	TRY(cert_server_make(cx, ca, names, SERVER_DAYS, out));
	both = str_printf(
	    cx->arena, "%.*s%.*s", STR_ARG(out->pem), STR_ARG(secret_expose(out->key_pem)));
	return file_write_later(cx, at->server, both);
}

/* One file holds both, so that they are never out of step. */
static enum rc
open_server(struct ctx *cx, const struct place *at, const struct cert *ca, struct cert_names names,
    struct cert *out)
{
	struct str both;
	enum rc rc = file_read_private(cx, at->server, PEM_MAX, &both);

	if (rc != OK && rc != E_NOTFOUND)
		return rc;
	*out = (struct cert){ both, secret_of(both) };
	if (rc == OK && cert_days_left(both) >= RENEW_DAYS && cert_is_for(both, ca->pem, names) &&
	    cert_check_pair(cx, out) == OK)
		return OK;
	ctx_clear(cx);
	return make_server(cx, at, ca, names, out);
}

/* Where the system's roots are: Debian and others, Fedora, SUSE, BSD. */
static struct str
system_roots(struct ctx *cx)
{
	static const char *const files[] = { "/etc/ssl/certs/ca-certificates.crt",
		"/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem", "/etc/ssl/cert.pem" };
	struct str roots = { 0 };

	for (size_t i = 0; i < COUNT(files); i++) {
		if (file_read(cx, files[i], ROOTS_MAX, &roots) == OK)
			break;
		ctx_clear(cx);
	}
	return roots;
}

static enum rc
write_bundle(struct ctx *cx, const struct place *at, struct str ca_pem)
{
	struct buf bundle = buf_in(cx->arena, ROOTS_MAX + PEM_MAX);
	struct str there;
	enum rc rc;

	buf_add(&bundle, system_roots(cx));
	buf_add(&bundle, ca_pem);
	rc = file_read(cx, at->bundle, ROOTS_MAX + PEM_MAX, &there);
	if (rc == OK && str_eq(there, buf_str(&bundle)))
		return OK;
	ctx_clear(cx);
	return file_write_later(cx, at->bundle, buf_str(&bundle));
}

enum rc
dev_ca_open(struct ctx *cx, const char *data_dir, struct cert_names names, struct dev_ca *out)
{
	struct place at = { 0 };
	struct cert ca;

	TRY(find_place(cx, data_dir, &at));
	TRY(finish_authority(cx, &at));
	TRY(open_authority(cx, &at, &ca));
	TRY(open_server(cx, &at, &ca, all_names(cx, names), &out->server));
	TRY(write_bundle(cx, &at, ca.pem));
	out->ca_path = str_of(at.ca);
	return OK;
}

enum rc
dev_ca_paths(struct ctx *cx, const char *data_dir, struct str *ca, struct str *bundle)
{
	struct place at = { 0 };

	TRY(find_place(cx, data_dir, &at));
	*ca = str_of(at.ca);
	*bundle = str_of(at.bundle);
	return OK;
}

void
dev_ca_settle(struct ctx *cx, const char *data_dir)
{
	struct place at = { 0 };

	if (find_place(cx, data_dir, &at) != OK)
		return;
	file_sync(at.ca_key);
	file_sync(at.ca);
	file_sync(at.server);
}
