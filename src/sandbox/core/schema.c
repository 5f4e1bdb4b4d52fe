#include "sandbox/core/schema.h"

#define STEP_1                                                                                    \
	"CREATE TABLE settings (name TEXT PRIMARY KEY, value TEXT NOT NULL);"                     \
	"CREATE TABLE accounts (id TEXT PRIMARY KEY, uid BIGINT NOT NULL UNIQUE,"                 \
	" email TEXT NOT NULL UNIQUE, given_name TEXT NOT NULL, surname TEXT NOT NULL,"           \
	" kind TEXT NOT NULL, role TEXT, member_id TEXT, namespace_id TEXT NOT NULL,"             \
	" password_hash TEXT NOT NULL, password_sealed BLOB NOT NULL, created_ms BIGINT NOT "     \
	"NULL);"                                                                                  \
	"CREATE TABLE sessions (digest BLOB PRIMARY KEY,"                                         \
	" account_id TEXT NOT NULL REFERENCES accounts(id) ON DELETE CASCADE,"                    \
	" created_ms BIGINT NOT NULL);"                                                           \
	"CREATE TABLE apps (app_key TEXT PRIMARY KEY,"                                            \
	" owner_id TEXT NOT NULL REFERENCES accounts(id) ON DELETE CASCADE,"                      \
	" name TEXT NOT NULL, name_folded TEXT NOT NULL UNIQUE, api TEXT NOT NULL,"               \
	" access TEXT NOT NULL, folder_name TEXT, scopes TEXT NOT NULL, secret_digest BLOB NOT "  \
	"NULL,"                                                                                   \
	" secret_sealed BLOB NOT NULL, created_ms BIGINT NOT NULL);"                              \
	"CREATE TABLE redirect_uris (app_key TEXT NOT NULL REFERENCES apps(app_key) ON DELETE "   \
	"CASCADE,"                                                                                \
	" uri TEXT NOT NULL, position BIGINT NOT NULL, PRIMARY KEY (app_key, uri));"              \
	"CREATE TABLE links (id TEXT PRIMARY KEY,"                                                \
	" app_key TEXT NOT NULL REFERENCES apps(app_key) ON DELETE CASCADE,"                      \
	" account_id TEXT NOT NULL REFERENCES accounts(id) ON DELETE CASCADE,"                    \
	" scopes TEXT NOT NULL, redirect_uri TEXT, connected_ms BIGINT NOT NULL,"                 \
	" UNIQUE (app_key, account_id));"                                                         \
	"CREATE TABLE requests (digest BLOB PRIMARY KEY,"                                         \
	" app_key TEXT NOT NULL REFERENCES apps(app_key) ON DELETE CASCADE,"                      \
	" redirect_uri TEXT, scopes TEXT NOT NULL, state BLOB, challenge TEXT, method TEXT,"      \
	" offline BIGINT NOT NULL, reapprove BIGINT NOT NULL, reauthenticate BIGINT NOT NULL,"    \
	" role TEXT, session_digest BLOB, done BIGINT NOT NULL, created_ms BIGINT NOT NULL);"     \
	"CREATE INDEX requests_created ON requests (created_ms);"                                 \
	"CREATE TABLE grants (id TEXT PRIMARY KEY,"                                               \
	" app_key TEXT NOT NULL REFERENCES apps(app_key) ON DELETE CASCADE,"                      \
	" account_id TEXT NOT NULL REFERENCES accounts(id) ON DELETE CASCADE,"                    \
	" scopes TEXT NOT NULL, offline BIGINT NOT NULL, refresh_digest BLOB UNIQUE,"             \
	" created_ms BIGINT NOT NULL);"                                                           \
	"CREATE INDEX grants_app_account ON grants (app_key, account_id);"                        \
	"CREATE TABLE codes (digest BLOB PRIMARY KEY, grant_id TEXT NOT NULL, app_key TEXT NOT "  \
	"NULL,"                                                                                   \
	" redirect_uri TEXT, challenge TEXT, method TEXT, expires_ms BIGINT NOT NULL,"            \
	" used BIGINT NOT NULL, tries BIGINT NOT NULL);"                                          \
	"CREATE INDEX codes_expires ON codes (expires_ms);"                                       \
	"CREATE TABLE tokens (digest BLOB PRIMARY KEY,"                                           \
	" grant_id TEXT NOT NULL REFERENCES grants(id) ON DELETE CASCADE,"                        \
	" scopes TEXT NOT NULL, expires_ms BIGINT NOT NULL);"                                     \
	"CREATE INDEX tokens_grant ON tokens (grant_id);"                                         \
	"CREATE INDEX tokens_expires ON tokens (expires_ms);"                                     \
	"CREATE TABLE files (account_id TEXT NOT NULL REFERENCES accounts(id) ON DELETE CASCADE," \
	" path_lower TEXT NOT NULL, parent_lower TEXT NOT NULL, path_display TEXT NOT NULL,"      \
	" id TEXT NOT NULL, folder BIGINT NOT NULL, deleted BIGINT NOT NULL, size BIGINT NOT "    \
	"NULL,"                                                                                   \
	" rev TEXT NOT NULL, content_hash TEXT NOT NULL, client_ms BIGINT NOT NULL,"              \
	" server_ms BIGINT NOT NULL, seq BIGINT NOT NULL, content BLOB,"                          \
	" PRIMARY KEY (account_id, path_lower));"                                                 \
	"CREATE INDEX files_parent ON files (account_id, parent_lower, path_lower);"              \
	"CREATE INDEX files_id ON files (account_id, id);"                                        \
	"CREATE INDEX files_rev ON files (account_id, rev);"                                      \
	"CREATE INDEX files_seq ON files (account_id, seq);"

/* Step 2, room by room. */

/* --- console: settings, branding, webhooks --- */
#define CONSOLE_2                                                                             \
	"ALTER TABLE apps ADD COLUMN status TEXT NOT NULL DEFAULT 'development';"             \
	"ALTER TABLE apps ADD COLUMN more_users BIGINT NOT NULL DEFAULT 0;"                   \
	"ALTER TABLE apps ADD COLUMN public_clients BIGINT NOT NULL DEFAULT 0;"               \
	"ALTER TABLE apps ADD COLUMN token_life TEXT NOT NULL DEFAULT 'short';"               \
	"ALTER TABLE apps ADD COLUMN publisher TEXT NOT NULL DEFAULT '';"                     \
	"ALTER TABLE apps ADD COLUMN website TEXT NOT NULL DEFAULT '';"                       \
	"ALTER TABLE apps ADD COLUMN description TEXT NOT NULL DEFAULT '';"                   \
	"ALTER TABLE apps ADD COLUMN icon_id TEXT NOT NULL DEFAULT '';"                       \
	"CREATE INDEX apps_owner ON apps (owner_id, created_ms, app_key, name_folded);"       \
	"ALTER TABLE apps ADD COLUMN folder_key TEXT;"                                        \
	"CREATE UNIQUE INDEX apps_folder ON apps (folder_key);"                               \
	"CREATE TABLE app_icons (id TEXT PRIMARY KEY,"                                        \
	" app_key TEXT NOT NULL UNIQUE REFERENCES apps(app_key) ON DELETE CASCADE,"           \
	" kind TEXT NOT NULL, bytes BLOB NOT NULL);"                                          \
	"CREATE TABLE app_domains (app_key TEXT NOT NULL REFERENCES apps(app_key) ON DELETE " \
	"CASCADE,"                                                                            \
	" domain TEXT NOT NULL, position BIGINT NOT NULL, PRIMARY KEY (app_key, domain));"    \
	"CREATE TABLE webhooks (id TEXT PRIMARY KEY,"                                         \
	" app_key TEXT NOT NULL REFERENCES apps(app_key) ON DELETE CASCADE,"                  \
	" uri TEXT NOT NULL, enabled BIGINT NOT NULL, created_ms BIGINT NOT NULL,"            \
	" UNIQUE (app_key, uri));"                                                            \
	"CREATE INDEX links_account ON links (account_id);"

/* --- oauth: personalities, families of refresh tokens, teams' grants --- */
/* Refresh tokens have a table of their own; grants.refresh_digest of step 1 stays empty. A grant that
 * has ended stays for a while, for its counts. */
#define OAUTH_2                                                                                    \
	"ALTER TABLE apps ADD COLUMN personality TEXT NOT NULL DEFAULT '';"                        \
	"ALTER TABLE links ADD COLUMN approved TEXT NOT NULL DEFAULT '';"                          \
	"UPDATE links SET approved = scopes;"                                                      \
	"ALTER TABLE requests ADD COLUMN implicit BIGINT NOT NULL DEFAULT 0;"                      \
	"ALTER TABLE requests ADD COLUMN long_lived BIGINT NOT NULL DEFAULT 0;"                    \
	"ALTER TABLE requests ADD COLUMN include TEXT NOT NULL DEFAULT '';"                        \
	"ALTER TABLE requests ADD COLUMN nonce TEXT;"                                              \
	"ALTER TABLE codes ADD COLUMN nonce TEXT;"                                                 \
	"ALTER TABLE codes ADD COLUMN auth_ms BIGINT NOT NULL DEFAULT 0;"                          \
	"ALTER TABLE grants ADD COLUMN team_id TEXT NOT NULL DEFAULT '';"                          \
	"ALTER TABLE grants ADD COLUMN public_client BIGINT NOT NULL DEFAULT 0;"                   \
	"ALTER TABLE grants ADD COLUMN long_lived BIGINT NOT NULL DEFAULT 0;"                      \
	"ALTER TABLE grants ADD COLUMN refreshed_ms BIGINT NOT NULL DEFAULT 0;"                    \
	"ALTER TABLE grants ADD COLUMN ended_ms BIGINT NOT NULL DEFAULT 0;"                        \
	"ALTER TABLE grants ADD COLUMN refreshes BIGINT NOT NULL DEFAULT 0;"                       \
	"ALTER TABLE grants ADD COLUMN reuses BIGINT NOT NULL DEFAULT 0;"                          \
	"ALTER TABLE grants ADD COLUMN revocations BIGINT NOT NULL DEFAULT 0;"                     \
	"CREATE INDEX grants_ended ON grants (ended_ms);"                                          \
	"CREATE INDEX grants_online ON grants (offline, created_ms);"                              \
	"ALTER TABLE tokens ADD COLUMN watched BIGINT NOT NULL DEFAULT 0;"                         \
	"CREATE TABLE refresh_tokens (digest BLOB PRIMARY KEY,"                                    \
	" grant_id TEXT NOT NULL REFERENCES grants(id) ON DELETE CASCADE,"                         \
	" generation BIGINT NOT NULL, issued_ms BIGINT NOT NULL,"                                  \
	" spent_ms BIGINT NOT NULL DEFAULT 0, grace_over BIGINT NOT NULL DEFAULT 0, reply BLOB);"  \
	"CREATE INDEX refresh_tokens_grant ON refresh_tokens (grant_id, generation);"              \
	"CREATE INDEX refresh_tokens_spent ON refresh_tokens (spent_ms);"                          \
	"INSERT INTO refresh_tokens (digest, grant_id, generation, issued_ms)"                     \
	" SELECT refresh_digest, id, 1, created_ms FROM grants WHERE refresh_digest IS NOT NULL;"  \
	"UPDATE grants SET refresh_digest = NULL;"                                                 \
	"CREATE TABLE signing_keys (kid TEXT PRIMARY KEY, sealed BLOB NOT NULL, modulus TEXT NOT " \
	"NULL,"                                                                                    \
	" exponent TEXT NOT NULL, retired_ms BIGINT NOT NULL DEFAULT 0, created_ms BIGINT NOT "    \
	"NULL);"

/* --- people: teams --- */
#define PEOPLE_2                                                               \
	"ALTER TABLE accounts ADD COLUMN suspended BIGINT NOT NULL DEFAULT 0;" \
	"CREATE UNIQUE INDEX accounts_member ON accounts (member_id);"

/* --- tree: contents on disk, revisions, upload sessions --- */
#define TREE_2                                                                                   \
	"ALTER TABLE files ADD COLUMN content_id TEXT;"                                          \
	"CREATE INDEX files_with_bytes ON files (account_id) WHERE content IS NOT NULL;"         \
	"CREATE TABLE contents (id TEXT PRIMARY KEY, size BIGINT NOT NULL, hash TEXT NOT NULL,"  \
	" refs BIGINT NOT NULL);"                                                                \
	"CREATE INDEX contents_unused ON contents (id) WHERE refs = 0;"                          \
	"CREATE TABLE trees (account_id TEXT PRIMARY KEY REFERENCES accounts(id) ON DELETE "     \
	"CASCADE,"                                                                               \
	" seq BIGINT NOT NULL, used BIGINT NOT NULL, entries BIGINT NOT NULL,"                   \
	" old_bytes BIGINT NOT NULL, old_count BIGINT NOT NULL,"                                 \
	" marks BIGINT NOT NULL DEFAULT 0, forgot_seq BIGINT NOT NULL DEFAULT 0);"               \
	"CREATE INDEX files_marks ON files (account_id, seq) WHERE deleted = 1;"                 \
	"INSERT INTO trees (account_id, seq, used, entries, old_bytes, old_count)"               \
	" SELECT account_id, max(seq), sum((1 - deleted) * size),"                               \
	" sum(1 - deleted), 0, 0 FROM files GROUP BY account_id;"                                \
	"CREATE TABLE revisions (account_id TEXT NOT NULL REFERENCES accounts(id) ON DELETE "    \
	"CASCADE,"                                                                               \
	" rev TEXT NOT NULL, path_lower TEXT NOT NULL, path_display TEXT NOT NULL, id TEXT NOT " \
	"NULL,"                                                                                  \
	" size BIGINT NOT NULL, content_hash TEXT NOT NULL, content_id TEXT NOT NULL,"           \
	" client_ms BIGINT NOT NULL, server_ms BIGINT NOT NULL, seq BIGINT NOT NULL,"            \
	" old_seq BIGINT NOT NULL, old_ms BIGINT NOT NULL, PRIMARY KEY (account_id, rev));"      \
	"CREATE INDEX revisions_path ON revisions (account_id, path_lower, seq);"                \
	"CREATE INDEX revisions_id ON revisions (account_id, id, seq);"                          \
	"CREATE INDEX revisions_old ON revisions (account_id, old_seq);"                         \
	"CREATE TABLE upload_sessions (id TEXT PRIMARY KEY,"                                     \
	" account_id TEXT NOT NULL REFERENCES accounts(id) ON DELETE CASCADE,"                   \
	" app_key TEXT NOT NULL, concurrent BIGINT NOT NULL, closed BIGINT NOT NULL,"            \
	" size BIGINT NOT NULL, created_ms BIGINT NOT NULL);"                                    \
	"CREATE INDEX upload_sessions_account ON upload_sessions (account_id, created_ms);"      \
	"CREATE INDEX upload_sessions_created ON upload_sessions (created_ms);"                  \
	"CREATE TABLE upload_parts ("                                                            \
	" session_id TEXT NOT NULL REFERENCES upload_sessions(id) ON DELETE CASCADE,"            \
	" start BIGINT NOT NULL, size BIGINT NOT NULL, PRIMARY KEY (session_id, start));"        \
	"CREATE TABLE jobs (id TEXT PRIMARY KEY, account_id TEXT NOT NULL, app_key TEXT NOT "    \
	"NULL,"                                                                                  \
	" kind TEXT NOT NULL, result TEXT NOT NULL, created_ms BIGINT NOT NULL);"                \
	"CREATE INDEX jobs_created ON jobs (created_ms);"

/* --- sharing: shared links --- */
#define SHARING_2                                                                           \
	"CREATE TABLE shared_links (id TEXT PRIMARY KEY,"                                   \
	" account_id TEXT NOT NULL REFERENCES accounts(id) ON DELETE CASCADE,"              \
	" file_id TEXT NOT NULL, folder BIGINT NOT NULL, key_sealed BLOB NOT NULL,"         \
	" audience TEXT NOT NULL, password_digest BLOB, expires_ms BIGINT NOT NULL,"        \
	" allow_download BIGINT NOT NULL, created_ms BIGINT NOT NULL, UNIQUE (account_id, " \
	"file_id));"                                                                        \
	"CREATE INDEX shared_links_account ON shared_links (account_id, id);"

/* --- control --- */
#define CONTROL_2 ""

/* --- files: links for one upload each --- */
#define FILES_3                                                                        \
	"CREATE TABLE upload_links (id TEXT PRIMARY KEY, grant_id TEXT NOT NULL,"      \
	" app_key TEXT NOT NULL, account_id TEXT NOT NULL REFERENCES accounts(id) ON " \
	"DELETE CASCADE,"                                                              \
	" root TEXT NOT NULL, commit_info TEXT NOT NULL, until_ms BIGINT NOT NULL);"   \
	"CREATE INDEX upload_links_until ON upload_links (until_ms);"

/* --- oauth: access tokens in the order in which they are made, and nothing beside them --- */
#define OAUTH_4                                                                                 \
	"ALTER TABLE grants ADD COLUMN access_from BIGINT NOT NULL DEFAULT 0;"                  \
	"ALTER TABLE grants ADD COLUMN access_until_ms BIGINT NOT NULL DEFAULT 0;"              \
	"UPDATE grants SET access_until_ms ="                                                   \
	" coalesce((SELECT max(expires_ms) FROM tokens WHERE grant_id = grants.id), 0)"         \
	" WHERE offline = 0;"                                                                   \
	"CREATE TABLE access_tokens (digest BLOB PRIMARY KEY, grant_id TEXT NOT NULL, scopes "  \
	"TEXT,"                                                                                 \
	" expires_ms BIGINT NOT NULL, watched BIGINT NOT NULL, born BIGINT NOT NULL) WITHOUT "  \
	"ROWID;"                                                                                \
	"INSERT INTO access_tokens (digest, grant_id, scopes, expires_ms, watched, born)"       \
	" SELECT digest, grant_id, scopes, expires_ms, watched, 0 FROM tokens ORDER BY digest;" \
	"DROP TABLE tokens;"

/* --- oauth: of a pair those grants that have not ended are found without those that have --- */
#define OAUTH_5                          \
	"DROP INDEX grants_app_account;" \
	"CREATE INDEX grants_pair ON grants (app_key, account_id, ended_ms);"

const char *const schema_steps[] = {
	STEP_1,
	CONSOLE_2 OAUTH_2 PEOPLE_2 TREE_2 SHARING_2 CONTROL_2,
	FILES_3,
	OAUTH_4,
	OAUTH_5,
};

const size_t schema_step_count = sizeof(schema_steps) / sizeof(schema_steps[0]);
