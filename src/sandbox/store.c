#include "sandbox/store.h"

#include <errno.h>
#include <sys/stat.h>

#include "sandbox/sql.h"
#include "sandbox/state.h"

static const char *const steps[] = {
	"CREATE TABLE settings (name TEXT PRIMARY KEY, value TEXT NOT NULL);"
	"CREATE TABLE accounts (id TEXT PRIMARY KEY, uid BIGINT NOT NULL UNIQUE,"
	" email TEXT NOT NULL UNIQUE, given_name TEXT NOT NULL, surname TEXT NOT NULL,"
	" kind TEXT NOT NULL, role TEXT, member_id TEXT, namespace_id TEXT NOT NULL,"
	" password_hash TEXT NOT NULL, password_sealed BLOB NOT NULL, created_ms BIGINT NOT NULL);"
	"CREATE TABLE sessions (digest BLOB PRIMARY KEY,"
	" account_id TEXT NOT NULL REFERENCES accounts(id) ON DELETE CASCADE,"
	" created_ms BIGINT NOT NULL);"
	"CREATE TABLE apps (app_key TEXT PRIMARY KEY,"
	" owner_id TEXT NOT NULL REFERENCES accounts(id) ON DELETE CASCADE,"
	" name TEXT NOT NULL, name_folded TEXT NOT NULL UNIQUE, api TEXT NOT NULL,"
	" access TEXT NOT NULL, folder_name TEXT, scopes TEXT NOT NULL, secret_digest BLOB NOT "
	"NULL,"
	" secret_sealed BLOB NOT NULL, created_ms BIGINT NOT NULL);"
	"CREATE TABLE redirect_uris (app_key TEXT NOT NULL REFERENCES apps(app_key) ON DELETE "
	"CASCADE,"
	" uri TEXT NOT NULL, position BIGINT NOT NULL, PRIMARY KEY (app_key, uri));"
	"CREATE TABLE links (id TEXT PRIMARY KEY,"
	" app_key TEXT NOT NULL REFERENCES apps(app_key) ON DELETE CASCADE,"
	" account_id TEXT NOT NULL REFERENCES accounts(id) ON DELETE CASCADE,"
	" scopes TEXT NOT NULL, redirect_uri TEXT, connected_ms BIGINT NOT NULL,"
	" UNIQUE (app_key, account_id));"
	"CREATE TABLE requests (digest BLOB PRIMARY KEY,"
	" app_key TEXT NOT NULL REFERENCES apps(app_key) ON DELETE CASCADE,"
	" redirect_uri TEXT, scopes TEXT NOT NULL, state BLOB, challenge TEXT, method TEXT,"
	" offline BIGINT NOT NULL, reapprove BIGINT NOT NULL, reauthenticate BIGINT NOT NULL,"
	" role TEXT, session_digest BLOB, done BIGINT NOT NULL, created_ms BIGINT NOT NULL);"
	"CREATE INDEX requests_created ON requests (created_ms);"
	"CREATE TABLE grants (id TEXT PRIMARY KEY,"
	" app_key TEXT NOT NULL REFERENCES apps(app_key) ON DELETE CASCADE,"
	" account_id TEXT NOT NULL REFERENCES accounts(id) ON DELETE CASCADE,"
	" scopes TEXT NOT NULL, offline BIGINT NOT NULL, refresh_digest BLOB UNIQUE,"
	" created_ms BIGINT NOT NULL);"
	"CREATE INDEX grants_app_account ON grants (app_key, account_id);"
	"CREATE TABLE codes (digest BLOB PRIMARY KEY, grant_id TEXT NOT NULL, app_key TEXT NOT "
	"NULL,"
	" redirect_uri TEXT, challenge TEXT, method TEXT, expires_ms BIGINT NOT NULL,"
	" used BIGINT NOT NULL, tries BIGINT NOT NULL);"
	"CREATE INDEX codes_expires ON codes (expires_ms);"
	"CREATE TABLE tokens (digest BLOB PRIMARY KEY,"
	" grant_id TEXT NOT NULL REFERENCES grants(id) ON DELETE CASCADE,"
	" scopes TEXT NOT NULL, expires_ms BIGINT NOT NULL);"
	"CREATE INDEX tokens_grant ON tokens (grant_id);"
	"CREATE INDEX tokens_expires ON tokens (expires_ms);"
	"CREATE TABLE files (account_id TEXT NOT NULL REFERENCES accounts(id) ON DELETE CASCADE,"
	" path_lower TEXT NOT NULL, parent_lower TEXT NOT NULL, path_display TEXT NOT NULL,"
	" id TEXT NOT NULL, folder BIGINT NOT NULL, deleted BIGINT NOT NULL, size BIGINT NOT NULL,"
	" rev TEXT NOT NULL, content_hash TEXT NOT NULL, client_ms BIGINT NOT NULL,"
	" server_ms BIGINT NOT NULL, seq BIGINT NOT NULL, content BLOB,"
	" PRIMARY KEY (account_id, path_lower));"
	"CREATE INDEX files_parent ON files (account_id, parent_lower, path_lower);"
	"CREATE INDEX files_id ON files (account_id, id);"
	"CREATE INDEX files_rev ON files (account_id, rev);"
	"CREATE INDEX files_seq ON files (account_id, seq);",
};

static enum rc
check_key(struct sandbox *s, struct ctx *cx)
{
	struct str here = keyring_check_value(s->keys, cx->arena);
	struct str stored;

	TRY(store_setting_get(s, cx, S("key_check"), &stored));
	if (stored.len == 0)
		return store_setting_put(s, cx, S("key_check"), here);
	if (str_eq(stored, here))
		return OK;
	fail_at(cx, E_INPUT, "wrong-key", NULL,
	    "The file sandbox.key is not the key of the database sandbox.db beside it.");
	return fail_todo(cx, "Put the right key back, or start with an empty data directory.");
}

enum rc
sandbox_store_open(struct sandbox *s, struct ctx *cx, const char *dir)
{
	struct str db_path = str_printf(cx->arena, "%s/sandbox.db", dir);
	struct str key_path = str_printf(cx->arena, "%s/sandbox.key", dir);
	struct stat st;
	bool data_exists = stat(db_path.p, &st) == 0 && st.st_size > 0;
	enum rc rc;

	if (mkdir(dir, 0700) != 0 && errno != EEXIST)
		return fail(cx, E_INPUT, "The data directory %s could not be made: %s.", dir,
		    strerror(errno));
	TRY(keyring_open(cx, key_path.p, true, data_exists, &s->keys));
	TRY(db_open(cx, db_path.p, &s->db));
	TRY(db_migrate(cx, s->db, steps, sizeof(steps) / sizeof(steps[0])));
	TRY(store_enter(s, cx, STORE_WRITE));
	rc = check_key(s, cx);
	return store_leave(s, cx, STORE_WRITE, rc);
}

void
sandbox_store_close(struct sandbox *s)
{
	db_close(s->db);
	keyring_free(s->keys);
}

enum rc
store_enter(struct sandbox *s, struct ctx *cx, enum store_use use)
{
	enum rc rc = OK;

	pthread_mutex_lock(&s->lock);
	s->keep = false;
	if (use == STORE_WRITE)
		rc = db_begin(cx, s->db);
	if (rc != OK)
		pthread_mutex_unlock(&s->lock);
	return rc;
}

enum rc
store_leave(struct sandbox *s, struct ctx *cx, enum store_use use, enum rc rc)
{
	if (use == STORE_WRITE && (rc == OK || s->keep)) {
		enum rc committed = db_commit(cx, s->db);

		if (committed != OK)
			rc = committed;
	}
	if (use == STORE_WRITE)
		db_rollback(s->db);
	pthread_mutex_unlock(&s->lock);
	return rc;
}

void
store_keep(struct sandbox *s)
{
	s->keep = true;
}

enum rc
store_setting_get(struct sandbox *s, struct ctx *cx, struct str name, struct str *out)
{
	struct db_stmt *st;
	bool row;

	*out = (struct str){ 0 };
	TRY(sql_bind(
	    cx, s->db, "SELECT value FROM settings WHERE name = $1", SQL_ARGS(T(name)), &st));
	TRY(db_step(cx, st, &row));
	if (row)
		*out = db_col_text(st, 0, cx->arena);
	db_done(st);
	return OK;
}

enum rc
store_setting_put(struct sandbox *s, struct ctx *cx, struct str name, struct str value)
{
	return sql_exec(cx, s->db, NULL,
	    "INSERT INTO settings (name, value) VALUES ($1, $2)"
	    " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
	    SQL_ARGS(T(name), T(value)));
}
