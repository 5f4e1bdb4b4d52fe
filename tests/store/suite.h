/* suite.h - one suite of the store's verbs, run on every database.
 *
 * A subject's file has its tests in `x_tests`; test_store.c runs them once a backend. A test's state holds
 * a struct fixture whose store is open and empty. */
#ifndef TESTS_STORE_SUITE_H
#define TESTS_STORE_SUITE_H

#include "../unit/fixture.h"

#include "crypto/crypto.h"
#include "store/access.h"
#include "store/connection.h"
#include "store/refresh.h"
#include "store/token.h"

#define NOW 1700000000000
#define LEASE 30000

enum backend { ON_SQLITE, ON_POSTGRES };
extern enum backend backend; /* of the tests that run now */

struct opened {
	struct keyring *keyring;
	struct store *store;
	const char *where; /* what store_open was given */
	struct db *hand;   /* by_hand's */
	const char *hand_where;
};

int suite_setup(void **state);
int suite_teardown(void **state);
#define STORE_TEST(fn) cmocka_unit_test_setup_teardown(fn, suite_setup, suite_teardown)

struct opened *opened(struct fixture *f);
struct store *store(struct fixture *f);
void open_store(struct fixture *f);
/* What is open, again behind the driver of fault.h. */
void open_faulty(struct fixture *f);
/* An empty place for another store on the same kind of database. */
const char *new_where(struct fixture *f, const char *name);

/* Somebody at the database itself, past every verb; it must change something. */
void by_hand(struct fixture *f, const char *sql);
/* The same, where it need not change anything: how many rows it changed. */
int64_t run_sql(struct fixture *f, const char *sql);

/* As a start does: in a file, replies that were sealed lie beside their tokens until then. */
void move_replies(struct fixture *f);

/* Every row of every table as text, in an order of its own. Sealed bytes differ from one sealing to
 * the next: without them only their presence is told. */
struct str dump(struct fixture *f, bool with_bytes);

void assert_rc_is(struct fixture *f, enum rc got, enum rc want);
#define assert_ok(expr) assert_rc_is(f, (expr), OK)
#define assert_rc(expr, want) assert_rc_is(f, (expr), (want))

extern const struct token_secrets plain;
extern const struct token_grant fresh;
struct token a_token(const char *id, const char *name);
void create(struct fixture *f, const char *id, const char *name);
struct refresh_claim claim(struct fixture *f, const char *id, int64_t wall_ms);
/* A connection that was just begun. */
void start(struct fixture *f, const char *id, int64_t created_ms);

#endif
