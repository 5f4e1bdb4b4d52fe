#include "db/postgres_sets.h"

#include <endian.h>
#include <stdlib.h>

#include "base/buf.h"

#define SQL_MAX 16384
#define ARRAY_MAX (64 << 20)
#define HEAD_LEN 20
#define ARRAYS_MAX (DB_PARAMS_MAX + 1)

enum { OID_BYTEA_ARRAY = 1001, OID_TEXT_ARRAY = 1009, OID_TID_ARRAY = 1010, OID_INT8_ARRAY = 1016 };

static const struct {
	const char *name;
	Oid array, element;
} kinds[] = {
	[DB_INT] = { "bigint[]", OID_INT8_ARRAY, OID_INT8 },
	[DB_TEXT] = { "text[]", OID_TEXT_ARRAY, OID_TEXT },
	[DB_BLOB] = { "bytea[]", OID_BYTEA_ARRAY, OID_BYTEA },
	[DB_PLACE] = { "tid[]", OID_TID_ARRAY, OID_TID },
};

struct pg_sets *
pg_sets_new(const char *sql, unsigned number)
{
	struct pg_sets *s = mem_alloc(sizeof(*s));

	s->sql = sql;
	s->arrays = mem_alloc(ARRAYS_MAX * sizeof(*s->arrays));
	for (int i = 0; i < ARRAYS_MAX; i++)
		s->arrays[i] = buf_heap(ARRAY_MAX);
	snprintf(s->name, sizeof(s->name), "m%u", number);
	return s;
}

void
pg_sets_clear(struct pg_sets *s)
{
	for (int i = 0; i < ARRAYS_MAX; i++) {
		struct buf *b = &s->arrays[i];

		if (b->len > 0)
			mem_wipe(b->p, b->len);
		b->len = 0;
		b->overflow = false;
		s->counts[i] = 0;
	}
}

void
pg_sets_free(struct pg_sets *s)
{
	if (s == NULL)
		return;
	for (int i = 0; i < ARRAYS_MAX; i++)
		buf_free(&s->arrays[i]);
	free(s->arrays);
	free(s);
}

static void
add_number(struct buf *b, uint32_t n)
{
	uint32_t wire = htobe32(n);

	buf_add(b, (struct str){ (const char *)&wire, sizeof(wire) });
}

/* One dimension, no nulls, from 1; how many there are is known at the end. */
static void
add_head(struct buf *b, Oid element)
{
	const uint32_t head[HEAD_LEN / sizeof(uint32_t)] = { 1, 0, element, 0, 1 };

	for (size_t i = 0; i < sizeof(head) / sizeof(head[0]); i++)
		add_number(b, head[i]);
}

static void
add_value(struct pg_sets *s, int param, enum db_type type, struct str value)
{
	struct buf *b = &s->arrays[param];

	if (b->len == 0)
		add_head(b, kinds[type].element);
	add_number(b, (uint32_t)value.len);
	buf_add(b, value);
	s->counts[param]++;
}

void
pg_sets_add(struct pg_sets *s, int param, enum db_type type, struct str value)
{
	if (type == DB_NULL)
		abort(); /* a statement of ours that gives many sets without a type */
	if (param >= s->params)
		s->params = param + 1;
	s->types[param] = type;
	add_value(s, param, type, value);
}

bool
pg_sets_fit(const struct pg_sets *s)
{
	for (int i = 0; i < s->params; i++)
		if (s->arrays[i].overflow)
			return false;
	return true;
}

/* --- the text --- */

/* Side by side in the list of a SELECT: as sources of a FROM each array would first be copied into a table of its
 * own. */
static void
add_source(struct buf *b, const struct pg_sets *s)
{
	buf_add(b, S("(SELECT "));
	for (int i = 0; i < s->params; i++)
		buf_addf(b, "unnest($%d::%s) AS p%d, ", i + 1, kinds[s->types[i]].name, i + 1);
	buf_addf(b, "unnest($%d::bigint[]) AS n) AS v", s->params + 1);
}

/* Each parameter is a column of the sets. */
static void
add_words(struct buf *b, struct str words)
{
	for (size_t i = 0; i < words.len; i++)
		buf_add(b, words.p[i] == '$' ? S("v.p") : str_sub(words, i, i + 1));
}

/* What stands before the word and what behind it; without it, all of it and nothing. */
static struct str
split(struct str *rest, const char *word)
{
	const char *at = strstr(rest->p, word);
	struct str before = *rest;

	if (at != NULL)
		before.len = (size_t)(at - rest->p);
	*rest = str_sub(*rest, at != NULL ? before.len + strlen(word) : rest->len, rest->len);
	return before;
}

/* The word must be there. */
static struct str
cut(struct str *rest, const char *word)
{
	if (strstr(rest->p, word) == NULL)
		abort(); /* a statement of ours of another form */
	return split(rest, word);
}

bool
pg_sets_tells(const struct pg_sets *s)
{
	return !str_starts(str_of(s->sql), S("INSERT"));
}

static void
add_insert(struct buf *b, const struct pg_sets *s)
{
	struct str rest = str_of(s->sql);

	buf_add(b, cut(&rest, " VALUES ("));
	buf_add(b, S(" SELECT "));
	add_words(b, str_sub(rest, 0, rest.len - 1));
	buf_add(b, S(" FROM "));
	add_source(b, s);
}

static void
add_update(struct buf *b, const struct pg_sets *s)
{
	struct str rest = str_of(s->sql);

	add_words(b, cut(&rest, " WHERE "));
	buf_add(b, S(" FROM "));
	add_source(b, s);
	buf_add(b, S(" WHERE "));
	add_words(b, split(&rest, " RETURNING "));
	buf_add(b, S(" RETURNING "));
	if (rest.len > 0) {
		add_words(b, rest);
		buf_add(b, S(", "));
	}
	buf_add(b, S("v.n"));
}

static void
add_select(struct buf *b, const struct pg_sets *s)
{
	struct str rest = str_of(s->sql);

	add_words(b, cut(&rest, " FROM "));
	buf_add(b, S(", v.n FROM "));
	add_words(b, cut(&rest, " WHERE "));
	buf_add(b, S(", "));
	add_source(b, s);
	buf_add(b, S(" WHERE "));
	add_words(b, rest);
}

static struct buf
text_of(const struct pg_sets *s)
{
	struct buf b = buf_heap(SQL_MAX);

	if (!pg_sets_tells(s))
		add_insert(&b, s);
	else if (str_starts(str_of(s->sql), S("UPDATE ")))
		add_update(&b, s);
	else
		add_select(&b, s);
	buf_addc(&b, '\0');
	return b;
}

/* After the parameters, one more that says how manyth each set is. */
static void
add_numbers(struct pg_sets *s)
{
	for (size_t i = s->counts[s->params]; i < s->counts[0]; i++) {
		uint64_t wire = htobe64(i + 1);

		add_value(s, s->params, DB_INT, (struct str){ (const char *)&wire, sizeof(wire) });
	}
}

int
pg_sets_prepare(const struct pg_sets *s, PGconn *conn)
{
	struct buf text = text_of(s);
	Oid types[ARRAYS_MAX];
	int sent;

	for (int i = 0; i < s->params; i++)
		types[i] = kinds[s->types[i]].array;
	types[s->params] = OID_INT8_ARRAY;
	sent = PQsendPrepare(conn, s->name, text.p, s->params + 1, types);
	buf_free(&text);
	return sent;
}

int
pg_sets_send(struct pg_sets *s, PGconn *conn)
{
	const char *values[ARRAYS_MAX];
	int lengths[ARRAYS_MAX], formats[ARRAYS_MAX];

	add_numbers(s);
	for (int i = 0; i <= s->params; i++) {
		struct buf *b = &s->arrays[i];
		uint32_t count = htobe32((uint32_t)s->counts[i]);

		memcpy(b->p + 3 * sizeof(count), &count, sizeof(count));
		values[i] = b->p;
		lengths[i] = (int)b->len;
		formats[i] = 1;
	}
	return PQsendQueryPrepared(conn, s->name, s->params + 1, values, lengths, formats, 1);
}
