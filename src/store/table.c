#include "store/table.h"

#include <endian.h>

#include "base/buf.h"
#include "crypto/crypto.h"

#define TABLES_MAX 100
#define BATCH 500 /* rows in memory at once */
#define SQL_MAX 16384
#define ROW_MAX (64 << 20)

/* Others refer to these; the rest has no order. */
static const char *const first[] = { "user_", "token", "api_key", "webhook" };
#define FIRST_COUNT (sizeof(first) / sizeof(first[0]))

static const char *const left_out[] = { "schema_version", "node", "change_log", "backup_digest" };

struct value {
	bool null;
	int64_t number;
	struct str bytes;
};

/* Where a reading is: the rows of the newest batch, and the keys of the one before. */
struct cursor {
	struct ctx *cx;
	struct db *db;
	const struct table *table;
	struct arena *arenas[2]; /* of this batch and the last, in turns */
	int turn;
	struct value *rows; /* BATCH of table->count each */
	size_t n;
	const struct value *last; /* the row to go on behind; NULL: the beginning */
};

static bool
is_left_out(struct str name)
{
	for (size_t i = 0; i < sizeof(left_out) / sizeof(left_out[0]); i++)
		if (str_eq(name, str_of(left_out[i])))
			return true;
	return false;
}

static size_t
rank_of(struct str name)
{
	size_t i = 0;

	while (i < FIRST_COUNT && !str_eq(name, str_of(first[i])))
		i++;
	return i;
}

static void
sort_by_rank(struct table *tables, size_t count)
{
	for (size_t i = 1; i < count; i++)
		for (size_t k = i; k > 0 && rank_of(tables[k].name) < rank_of(tables[k - 1].name);
		     k--) {
			struct table t = tables[k];

			tables[k] = tables[k - 1];
			tables[k - 1] = t;
		}
}

enum rc
table_list(struct ctx *cx, struct db *db, struct table **out, size_t *count)
{
	struct table *tables = ARENA_ARRAY(cx->arena, struct table, TABLES_MAX);
	struct db_column *columns;
	size_t total, n = 0;

	TRY(db_columns(cx, db, &columns, &total));
	for (size_t i = 0, width; i < total && n < TABLES_MAX; i += width) {
		for (width = 1;
		     i + width < total && str_eq(columns[i].table, columns[i + width].table);
		     width++)
			;
		if (is_left_out(columns[i].table))
			continue;
		tables[n++] = (struct table){
			.name = columns[i].table, .columns = &columns[i], .count = width
		};
	}
	sort_by_rank(tables, n);
	*out = tables;
	*count = n;
	return OK;
}

bool
table_same(const struct table *a, const struct table *b)
{
	if (!str_eq(a->name, b->name) || a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (!str_eq(a->columns[i].name, b->columns[i].name) ||
		    a->columns[i].type != b->columns[i].type)
			return false;
	return true;
}

enum rc
table_count(struct ctx *cx, struct db *db, const struct table *t, int64_t *out)
{
	const char *sql = str_printf(cx->arena, "SELECT count(*) FROM %.*s", STR_ARG(t->name)).p;
	struct db_stmt *st;
	bool row;

	TRY(db_stmt(cx, db, sql, &st));
	TRY(db_step(cx, st, &row));
	*out = db_col_int(st, 0);
	db_done(st);
	return OK;
}

/* The column that is number `place` in the key; NULL when there is none. */
static const struct db_column *
key_column(const struct table *t, int place)
{
	for (size_t i = 0; i < t->count; i++)
		if (t->columns[i].key == place)
			return &t->columns[i];
	return NULL;
}

/* "k1, k2", or "$1, $2" */
static void
add_keys(struct buf *sql, const struct table *t, bool as_parameters)
{
	const struct db_column *c;

	for (int i = 1; (c = key_column(t, i)) != NULL; i++) {
		buf_addf(sql, "%s", i > 1 ? ", " : "");
		if (as_parameters)
			buf_addf(sql, "$%d", i);
		else
			buf_add(sql, c->name);
	}
}

static void
add_columns(struct buf *sql, const struct table *t)
{
	for (size_t i = 0; i < t->count; i++)
		buf_addf(sql, "%s%.*s", i > 0 ? ", " : "", STR_ARG(t->columns[i].name));
}

static const char *
select_sql(const struct cursor *c, struct arena *a)
{
	struct buf sql = buf_in(a, SQL_MAX);

	buf_add(&sql, S("SELECT "));
	add_columns(&sql, c->table);
	buf_addf(&sql, " FROM %.*s", STR_ARG(c->table->name));
	if (c->last != NULL) {
		buf_add(&sql, S(" WHERE ("));
		add_keys(&sql, c->table, false);
		buf_add(&sql, S(") > ("));
		add_keys(&sql, c->table, true);
		buf_addc(&sql, ')');
	}
	buf_add(&sql, S(" ORDER BY "));
	add_keys(&sql, c->table, false);
	buf_addf(&sql, " LIMIT %d", BATCH);
	return str_cstr(a, buf_str(&sql));
}

static void
bind_value(struct db_stmt *st, int i, enum db_type type, const struct value *v)
{
	if (v->null)
		db_bind_null(st, i);
	else if (type == DB_INT)
		db_bind_int(st, i, v->number);
	else if (type == DB_TEXT)
		db_bind_text(st, i, v->bytes);
	else
		db_bind_blob(st, i, v->bytes);
}

static void
bind_last(const struct cursor *c, struct db_stmt *st)
{
	const struct db_column *column;

	if (c->last == NULL)
		return;
	for (int i = 1; (column = key_column(c->table, i)) != NULL; i++)
		bind_value(st, i, column->type, &c->last[column - c->table->columns]);
}

static void
read_value(struct db_stmt *st, int i, enum db_type type, struct arena *a, struct value *v)
{
	*v = (struct value){ .null = db_col_null(st, i) };
	if (v->null)
		return;
	if (type == DB_INT)
		v->number = db_col_int(st, i);
	else
		v->bytes = db_col_blob(st, i, a);
}

static enum rc
next_batch(struct cursor *c)
{
	size_t width = c->table->count;
	struct arena *a = c->arenas[c->turn ^= 1];
	struct db_stmt *st;
	bool row;

	arena_reset(a);
	TRY(db_stmt(c->cx, c->db, select_sql(c, a), &st));
	bind_last(c, st);
	c->rows = ARENA_ARRAY(a, struct value, BATCH * width);
	for (c->n = 0; c->n < BATCH; c->n++) {
		TRY(db_step(c->cx, st, &row));
		if (!row)
			break;
		for (size_t i = 0; i < width; i++)
			read_value(
			    st, (int)i, c->table->columns[i].type, a, &c->rows[c->n * width + i]);
	}
	db_done(st);
	if (c->n > 0)
		c->last = &c->rows[(c->n - 1) * width];
	return OK;
}

/* A value in one way only, so that two tables with the same digest have the same values. */
static void
add_value(struct buf *out, enum db_type type, const struct value *v)
{
	uint64_t wire = htobe64(type == DB_INT ? (uint64_t)v->number : (uint64_t)v->bytes.len);

	buf_addc(out, v->null ? 'n' : type == DB_INT ? 'i' : 'b');
	buf_add(out, (struct str){ (const char *)&wire, sizeof(wire) });
	buf_add(out, v->bytes);
}

static enum rc
digest_batch(const struct cursor *c, struct table *t)
{
	struct arena *a = c->arenas[c->turn];

	for (size_t r = 0; r < c->n; r++) {
		struct buf row = buf_in(a, ROW_MAX);

		buf_add(&row, t->digest);
		for (size_t i = 0; i < t->count; i++)
			add_value(&row, t->columns[i].type, &c->rows[r * t->count + i]);
		if (row.overflow)
			return fail(c->cx, E_TOOBIG, "A row of %.*s is too big.", STR_ARG(t->name));
		t->digest = crypto_sha256(a, buf_str(&row));
	}
	t->digest = str_dup(c->cx->arena, t->digest);
	t->rows += (int64_t)c->n;
	return OK;
}

static const char *
insert_sql(const struct table *t, struct arena *a)
{
	struct buf sql = buf_in(a, SQL_MAX);

	buf_addf(&sql, "INSERT INTO %.*s (", STR_ARG(t->name));
	add_columns(&sql, t);
	for (size_t i = 1; i <= t->count; i++)
		buf_addf(&sql, "%s$%zu", i > 1 ? ", " : ") VALUES (", i);
	buf_addc(&sql, ')');
	return str_cstr(a, buf_str(&sql));
}

static enum rc
write_batch(const struct cursor *c, const char *sql, struct db *to)
{
	size_t width = c->table->count;
	struct db_stmt *st;

	for (size_t r = 0; r < c->n; r++) {
		TRY(db_stmt(c->cx, to, sql, &st));
		for (size_t i = 0; i < width; i++)
			bind_value(
			    st, (int)i + 1, c->table->columns[i].type, &c->rows[r * width + i]);
		TRY(db_run(c->cx, st, NULL));
	}
	return OK;
}

static enum rc
read_all(struct cursor *c, struct table *t, struct db *to)
{
	const char *sql = to != NULL ? insert_sql(t, c->cx->arena) : NULL;

	t->rows = 0;
	t->digest = S("");
	do {
		TRY(next_batch(c));
		TRY(digest_batch(c, t));
		if (to != NULL)
			TRY(write_batch(c, sql, to));
	} while (c->n == BATCH);
	return OK;
}

enum rc
table_read(struct ctx *cx, struct db *db, struct table *t, struct db *to)
{
	struct cursor c = {
		.cx = cx, .db = db, .table = t, .arenas = { arena_new(), arena_new() }
	};
	enum rc rc;

	if (key_column(t, 1) == NULL)
		rc = fail(cx, E_BUG, "The table %.*s has no key.", STR_ARG(t->name));
	else
		rc = read_all(&c, t, to);
	arena_free(c.arenas[0]);
	arena_free(c.arenas[1]);
	return rc;
}
