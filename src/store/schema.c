#include "store/store_int.h"

/* One entry is one step; a step that has shipped never changes. */
const char *const store_schema[] = {
	"CREATE TABLE meta ("
	" name TEXT PRIMARY KEY,"
	" value TEXT NOT NULL,"
	" sealed BLOB);"

	"CREATE TABLE user_ ("
	" id TEXT PRIMARY KEY,"
	" username TEXT NOT NULL UNIQUE,"
	" password_hash TEXT NOT NULL);"

	"CREATE TABLE session ("
	" digest BLOB PRIMARY KEY,"
	" user_id TEXT NOT NULL REFERENCES user_ (id) ON DELETE CASCADE,"
	" created_ms BIGINT NOT NULL,"
	" seen_ms BIGINT NOT NULL);"

	"CREATE TABLE token ("
	" id TEXT PRIMARY KEY,"
	" name TEXT NOT NULL,"
	" name_key TEXT NOT NULL UNIQUE," /* lower case */
	" description TEXT NOT NULL,"
	" provider TEXT NOT NULL,"
	" app_key TEXT NOT NULL,"
	" scopes TEXT NOT NULL,"
	" scope_granted TEXT NOT NULL,"
	" redirect_uri TEXT NOT NULL,"
	" account_id TEXT NOT NULL,"
	" account_name TEXT NOT NULL,"
	" account_email TEXT NOT NULL,"
	" status BIGINT NOT NULL,"
	" status_reason TEXT NOT NULL,"
	" status_ms BIGINT NOT NULL,"
	" expires_ms BIGINT NOT NULL,"
	" created_ms BIGINT NOT NULL,"
	" updated_ms BIGINT NOT NULL,"
	" refreshed_ms BIGINT NOT NULL,"
	" due_ms BIGINT NOT NULL,"
	" attempts BIGINT NOT NULL,"
	" last_error TEXT NOT NULL,"
	" fence BIGINT NOT NULL,"
	" lease_until_ms BIGINT NOT NULL,"
	" sealed_version BIGINT NOT NULL,"
	" app_secret BLOB NOT NULL,"
	" access BLOB NOT NULL,"
	" refresh BLOB NOT NULL);" /* empty: none */
	"CREATE INDEX token_due ON token (due_ms) WHERE due_ms > 0;"

	"CREATE TABLE connection ("
	" id TEXT PRIMARY KEY,"
	" session_digest BLOB NOT NULL,"
	" state_digest BLOB NOT NULL UNIQUE,"
	" provider TEXT NOT NULL,"
	" token_id TEXT NOT NULL,"
	" app_key TEXT NOT NULL,"
	" scopes TEXT NOT NULL,"
	" redirect_uri TEXT NOT NULL,"
	" status BIGINT NOT NULL,"
	" error_code TEXT NOT NULL,"
	" error_field TEXT NOT NULL,"
	" error_why TEXT NOT NULL,"
	" error_todo TEXT NOT NULL,"
	" created_ms BIGINT NOT NULL,"
	" expires_ms BIGINT NOT NULL,"
	" token_expires_ms BIGINT NOT NULL,"
	" scope_granted TEXT NOT NULL,"
	" account_id TEXT NOT NULL,"
	" account_name TEXT NOT NULL,"
	" account_email TEXT NOT NULL,"
	" app_secret BLOB NOT NULL,"
	" verifier BLOB NOT NULL,"
	" access BLOB NOT NULL,"
	" refresh BLOB NOT NULL);"
	"CREATE INDEX connection_session ON connection (session_digest, created_ms);"
	"CREATE INDEX connection_created ON connection (created_ms);"

	"CREATE TABLE api_key ("
	" id TEXT PRIMARY KEY,"
	" label TEXT NOT NULL,"
	" hint TEXT NOT NULL,"
	" digest BLOB NOT NULL UNIQUE,"
	" all_tokens BIGINT NOT NULL,"
	" created_ms BIGINT NOT NULL,"
	" used_ms BIGINT NOT NULL);"
	"CREATE TABLE api_key_token ("
	" key_id TEXT NOT NULL REFERENCES api_key (id) ON DELETE CASCADE,"
	" token_id TEXT NOT NULL REFERENCES token (id) ON DELETE CASCADE,"
	" PRIMARY KEY (key_id, token_id));",

	/* 2: several nodes on one database (store/follow.c) */
	"CREATE TABLE node ("
	" id TEXT PRIMARY KEY,"
	" seq BIGINT NOT NULL,"
	" seen_ms BIGINT NOT NULL);"
	"CREATE TABLE change_log ("
	" node TEXT NOT NULL,"
	" seq BIGINT NOT NULL,"
	" kind BIGINT NOT NULL,"
	" item TEXT NOT NULL,"
	" made_ms BIGINT NOT NULL,"
	" PRIMARY KEY (node, seq));",

	/* 3: what the refresh engine keeps about a grant, and its newest attempt (store/refresh.h) */
	"ALTER TABLE token ADD COLUMN life_source BIGINT NOT NULL DEFAULT 0;"
	"ALTER TABLE token ADD COLUMN consented_ms BIGINT NOT NULL DEFAULT 0;"
	"ALTER TABLE token ADD COLUMN refresh_expires_ms BIGINT NOT NULL DEFAULT 0;"
	"ALTER TABLE token ADD COLUMN proved_ms BIGINT NOT NULL DEFAULT 0;"
	"ALTER TABLE token ADD COLUMN deleted_ms BIGINT NOT NULL DEFAULT 0;"
	"ALTER TABLE token ADD COLUMN lazy BIGINT NOT NULL DEFAULT 0;"
	"ALTER TABLE token ADD COLUMN learned_refreshes BIGINT NOT NULL DEFAULT 0;"
	"ALTER TABLE token ADD COLUMN learned_rotations BIGINT NOT NULL DEFAULT 0;"
	"ALTER TABLE token ADD COLUMN learned_kills BIGINT NOT NULL DEFAULT 0;"
	"ALTER TABLE token ADD COLUMN learned_life_s BIGINT NOT NULL DEFAULT 0;"
	"ALTER TABLE token ADD COLUMN attempt_stage BIGINT NOT NULL DEFAULT 0;"
	"ALTER TABLE token ADD COLUMN attempt_fence BIGINT NOT NULL DEFAULT 0;"
	"ALTER TABLE token ADD COLUMN attempt_first_ms BIGINT NOT NULL DEFAULT 0;"
	"ALTER TABLE token ADD COLUMN attempt_sent_ms BIGINT NOT NULL DEFAULT 0;"
	"ALTER TABLE token ADD COLUMN attempt_risked BIGINT NOT NULL DEFAULT 0;"
	"ALTER TABLE token ADD COLUMN attempt_status BIGINT NOT NULL DEFAULT 0;"
	"ALTER TABLE token ADD COLUMN attempt_date_s BIGINT NOT NULL DEFAULT 0;"
	"ALTER TABLE token ADD COLUMN attempt_reply BLOB NOT NULL DEFAULT '';"
	"ALTER TABLE token ADD COLUMN previous_version BIGINT NOT NULL DEFAULT 0;"
	"ALTER TABLE token ADD COLUMN previous_access BLOB NOT NULL DEFAULT '';"
	"ALTER TABLE token ADD COLUMN previous_refresh BLOB NOT NULL DEFAULT '';"
	/* life_source 1: the reply said it */
	"UPDATE token SET consented_ms = created_ms, proved_ms = CASE WHEN refreshed_ms > 0 THEN"
	" refreshed_ms ELSE created_ms END, life_source = CASE WHEN expires_ms > 0 THEN 1 ELSE 0"
	" END;"
	"DROP INDEX token_due;"
	"CREATE INDEX token_due ON token (provider, due_ms) WHERE due_ms > 0;"
	"CREATE INDEX token_attempt ON token (attempt_stage) WHERE attempt_stage > 0;"
	"ALTER TABLE connection ADD COLUMN life_source BIGINT NOT NULL DEFAULT 0;"
	"ALTER TABLE connection ADD COLUMN refresh_expires_ms BIGINT NOT NULL DEFAULT 0;"
	"CREATE INDEX token_deleted ON token (deleted_ms) WHERE deleted_ms > 0;",

	/* 4: since when refreshes fail */
	"ALTER TABLE token ADD COLUMN failed_ms BIGINT NOT NULL DEFAULT 0;",

	/* 5: since when each thing about the provider is known, and what it refused */
	"ALTER TABLE token ADD COLUMN learned_returned BIGINT NOT NULL DEFAULT 0;"
	"ALTER TABLE token ADD COLUMN learned_ms BIGINT NOT NULL DEFAULT 0;"
	"ALTER TABLE token ADD COLUMN learned_kills_ms BIGINT NOT NULL DEFAULT 0;"
	"ALTER TABLE token ADD COLUMN learned_life_ms BIGINT NOT NULL DEFAULT 0;"
	"ALTER TABLE token ADD COLUMN refused_ms BIGINT NOT NULL DEFAULT 0;"
	"ALTER TABLE token ADD COLUMN previous_expires_ms BIGINT NOT NULL DEFAULT 0;"
	"UPDATE token SET learned_returned = learned_rotations, learned_ms = CASE WHEN"
	" learned_refreshes > 0 THEN consented_ms ELSE 0 END, learned_life_ms = CASE WHEN"
	" learned_life_s > 0 THEN updated_ms ELSE 0 END;",

	/* 6: what happened, in chains (store/event.h) */
	"CREATE TABLE event_head ("
	" num BIGINT PRIMARY KEY,"
	" seq BIGINT NOT NULL," /* of its newest row */
	" mac BLOB NOT NULL,"   /* and that one's */
	" closed BIGINT NOT NULL,"
	" changed_ms BIGINT NOT NULL,"
	" swept_seq BIGINT NOT NULL," /* rows up to here are not kept any more */
	" swept_mac BLOB NOT NULL,"
	" seal BLOB NOT NULL);" /* over the rest */
	"CREATE TABLE event ("
	" head BIGINT NOT NULL,"
	" seq BIGINT NOT NULL,"
	" at_ms BIGINT NOT NULL,"
	" type TEXT NOT NULL,"
	" actor_kind TEXT NOT NULL,"
	" actor_id TEXT NOT NULL,"
	" actor_name TEXT NOT NULL,"
	" from_address TEXT NOT NULL,"
	" about_kind TEXT NOT NULL,"
	" about_id TEXT NOT NULL,"
	" about_name TEXT NOT NULL,"
	" refused BIGINT NOT NULL,"
	" details TEXT NOT NULL,"
	" mac BLOB NOT NULL,"
	" PRIMARY KEY (head, seq));"
	"CREATE INDEX event_time ON event (at_ms, head, seq);"
	"CREATE INDEX event_about ON event (about_id, at_ms);",

	/* 7: the end of the access token on the provider's own clock, which ours may leave */
	"ALTER TABLE token ADD COLUMN expires_date_s BIGINT NOT NULL DEFAULT 0;",

	/* 8: who is told of it, and what is to be told still (store/webhook.h) */
	"CREATE TABLE webhook ("
	" id TEXT PRIMARY KEY,"
	" name TEXT NOT NULL,"
	" url TEXT NOT NULL,"
	" types TEXT NOT NULL,"
	" enabled BIGINT NOT NULL,"
	" created_ms BIGINT NOT NULL,"
	" secret BLOB NOT NULL);"
	"CREATE TABLE delivery ("
	" id TEXT PRIMARY KEY,"
	" webhook_id TEXT NOT NULL REFERENCES webhook (id) ON DELETE CASCADE,"
	" type TEXT NOT NULL,"
	" head BIGINT NOT NULL,"
	" seq BIGINT NOT NULL,"
	" created_ms BIGINT NOT NULL,"
	" due_ms BIGINT NOT NULL,"
	" state BIGINT NOT NULL,"
	" attempts BIGINT NOT NULL,"
	" tried_ms BIGINT NOT NULL,"
	" status BIGINT NOT NULL,"
	" error TEXT NOT NULL,"
	" lease_until_ms BIGINT NOT NULL);"
	"CREATE INDEX delivery_due ON delivery (webhook_id, due_ms) WHERE due_ms > 0;"
	"CREATE INDEX delivery_made ON delivery (webhook_id, created_ms);",

	/* 9: a start after a crash finds what was held without reading every token */
	"CREATE INDEX token_leased ON token (lease_until_ms) WHERE lease_until_ms > 0;",

	/* 10: what is under way is in the index of leases and in no other. A look for what is due does not
	 * walk over it, and of the steps of a refresh only claim and commit touch an index. */
	"DROP INDEX token_due;"
	"CREATE INDEX token_due ON token (provider, due_ms) WHERE due_ms > 0 AND lease_until_ms = "
	"0;"
	"DROP INDEX token_attempt;"
	"CREATE INDEX token_attempt ON token (attempt_stage) WHERE attempt_stage > 0 AND"
	" lease_until_ms = 0;",

	/* 11: whose claim the newest one is, for a node whose COMMIT was answered to nobody */
	"ALTER TABLE token ADD COLUMN claim_nonce BLOB NOT NULL DEFAULT '';",

	/* 12: when the password was last given in a session; 0: before there was this column */
	"ALTER TABLE session ADD COLUMN confirmed_ms BIGINT NOT NULL DEFAULT 0;",

	/* 13: what was told is swept without reading every delivery */
	"CREATE INDEX delivery_tried ON delivery (tried_ms) WHERE state > 0;",

	/* 14: each secret of a token with the version that it is sealed for, so that a refresh writes what
	 * is new and leaves the rest as it stands; the previous pair keeps its seal. An older program, which
	 * seals by other rules, cannot go on beside it: the column that all its statements name has another
	 * name. PostgreSQL finds room for a row's next version beside it, and touches no index where none
	 * has to change: not at a claim, and not when a reply is sealed. What is under way is due from here
	 * on, whatever the clock of its node. */
	"ALTER TABLE token ADD COLUMN app_secret_version BIGINT NOT NULL DEFAULT 0;"
	"ALTER TABLE token ADD COLUMN refresh_version BIGINT NOT NULL DEFAULT 0;"
	"ALTER TABLE token ADD COLUMN previous_refresh_version BIGINT NOT NULL DEFAULT 0;"
	"ALTER TABLE token ADD COLUMN previous_name TEXT NOT NULL DEFAULT '';"
	"UPDATE token SET app_secret_version = sealed_version, refresh_version = sealed_version;"
	"ALTER TABLE token RENAME COLUMN sealed_version TO access_version;"
	"ON_POSTGRES DROP INDEX token_attempt;\n"
	"ON_POSTGRES DROP INDEX token_leased;\n"
	"ON_POSTGRES DROP INDEX token_due;\n"
	"ON_POSTGRES CREATE INDEX token_due ON token (provider, due_ms) WHERE due_ms > 0;\n"
	"ON_POSTGRES UPDATE token SET due_ms = 1 WHERE attempt_stage = 1 AND deleted_ms = 0;\n"
	"ON_POSTGRES ALTER TABLE token SET (fillfactor = 40, toast_tuple_target = 8160);\n",

	/* 15: where one process has the database for itself, a raw reply is sealed in a slot of a small table
	 * instead of its token's wide row (store/reply.h). Only as INTEGER is the key SQLite's own. */
	"CREATE TABLE reply ("
	" slot INTEGER PRIMARY KEY,"
	" token_id TEXT NOT NULL,"
	" fence BIGINT NOT NULL,"
	" status BIGINT NOT NULL,"
	" date_s BIGINT NOT NULL,"
	" sealed BLOB NOT NULL);\n"
	"ON_POSTGRES ALTER TABLE reply ALTER COLUMN slot TYPE BIGINT;\n",
};

const size_t store_schema_count = sizeof(store_schema) / sizeof(store_schema[0]);
