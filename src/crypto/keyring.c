#include "crypto/keyring.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "crypto/seal_key.h"

static enum rc
cannot(struct ctx *cx, const char *path, const char *what)
{
	return fail_at(cx, E_INPUT, "master-key", NULL, "The master key file %s %s.", path, what);
}

static struct keyring *
keyring_alloc(void)
{
	struct keyring *k = mem_alloc(sizeof(*k));

	k->master = sodium_malloc(MASTER_KEY_LEN);
	k->seal = sodium_malloc(SUBKEY_LEN);
	if (k->master == NULL || k->seal == NULL)
		abort();
	k->seal_keys = seal_keys_new();
	return k;
}

static void
keyring_ready(struct keyring *k)
{
	unsigned char id[SUBKEY_LEN];

	keyring_subkey(k, S("seal"), k->seal);
	keyring_subkey(k, S("key id"), id);
	memcpy(k->id, id, KEY_ID_LEN);
	sodium_mprotect_readonly(k->master);
	sodium_mprotect_readonly(k->seal);
}

static enum rc
write_new(struct ctx *cx, const char *path, const unsigned char *key, bool now)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	bool ok;

	if (fd < 0)
		return cannot(cx, path, "could not be created");
	ok = write(fd, key, MASTER_KEY_LEN) == MASTER_KEY_LEN && (!now || fsync(fd) == 0);
	if (close(fd) != 0 || !ok)
		return cannot(cx, path, "could not be written");
	if (now && !file_sync_name(path))
		return cannot(cx, path, "could not be kept");
	return OK;
}

static enum rc
read_key(struct ctx *cx, const char *path, int fd, unsigned char *key)
{
	unsigned char extra;
	struct stat st;

	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
		return cannot(cx, path, "is not a file");
	if ((st.st_mode & 077) != 0) {
		cannot(cx, path, "can be read by others");
		return fail_todo(cx, "Run: chmod 600 %s", path);
	}
	if (read(fd, key, MASTER_KEY_LEN) != MASTER_KEY_LEN || read(fd, &extra, 1) != 0)
		return cannot(cx, path, "does not hold exactly 32 bytes");
	return OK;
}

static enum rc
make_or_refuse(
    struct ctx *cx, const char *path, enum key_missing missing, bool data_exists, struct keyring *k)
{
	if (data_exists) {
		cannot(cx, path, "is missing, but there is data sealed with it");
		return fail_todo(
		    cx, "Put the key file back; without it the stored secrets are lost.");
	}
	randombytes_buf(k->master, MASTER_KEY_LEN);
	return write_new(cx, path, k->master, missing == KEY_MAKE);
}

enum rc
keyring_open(struct ctx *cx, const char *path, enum key_missing missing, bool data_exists,
    struct keyring **out)
{
	struct keyring *k = keyring_alloc();
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;
	enum rc rc;

	if (fd >= 0) {
		rc = read_key(cx, path, fd, k->master);
		close(fd);
	} else if (errno == ENOENT && missing != KEY_REFUSE && lstat(path, &st) != 0) {
		rc = make_or_refuse(cx, path, missing, data_exists, k);
	} else {
		rc = cannot(cx, path, "could not be opened");
	}
	if (rc != OK) {
		keyring_free(k);
		return rc;
	}
	keyring_ready(k);
	*out = k;
	return OK;
}

void
keyring_free(struct keyring *k)
{
	if (k == NULL)
		return;
	sodium_free(k->master);
	sodium_free(k->seal);
	seal_keys_free(k->seal_keys);
	for (size_t i = 0; i < k->kept_count; i++)
		sodium_free(k->kept[i].key);
	free(k);
}

void
keyring_keep(struct keyring *k, struct str purpose)
{
	unsigned char *key = sodium_malloc(SUBKEY_LEN);

	if (key == NULL || k->kept_count == KEPT_MAX)
		abort();
	keyring_subkey(k, purpose, key);
	sodium_mprotect_readonly(key);
	k->kept[k->kept_count].purpose = purpose;
	k->kept[k->kept_count++].key = key;
}

void
keyring_subkey(const struct keyring *k, struct str purpose, unsigned char out[SUBKEY_LEN])
{
	for (size_t i = 0; i < k->kept_count; i++)
		if (str_eq(k->kept[i].purpose, purpose)) {
			memcpy(out, k->kept[i].key, SUBKEY_LEN);
			return;
		}
	crypto_generichash(out, SUBKEY_LEN, (const unsigned char *)purpose.p, purpose.len,
	    k->master, MASTER_KEY_LEN);
}

struct str
keyring_check_value(const struct keyring *k, struct arena *a)
{
	unsigned char v[SUBKEY_LEN];

	keyring_subkey(k, S("check value"), v);
	return crypto_base64url(a, (struct str){ (const char *)v, sizeof(v) });
}
