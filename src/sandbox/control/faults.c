#include "sandbox/control/faults_int.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "crypto/crypto.h"
#include "sandbox/control/input.h"

#define PATH_MAX_LEN 256
#define NAME_MAX_LEN 128
#define BODY_MAX_LEN 4096
#define NUMBER_MAX 1000000
#define TIMEOUT_MS 30000
#define FOR_EVER (-1)
#define ID_LEN 16
#define ANY_METHOD (-1)

const char *const fault_modes[] = { "status", "reset", "timeout", "garbage", "lose_reply", "cut",
	"drip", "delay", NULL };

/* In the order of enum http_method. */
static const char *const methods[] = { "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS",
	NULL };

const char *const fault_members[] = { "path", "method", "grant_type", "app_key", "account", "mode",
	"status", "retry_after_s", "body", "bytes_per_s", "delay_ms", "skip", "count", NULL };

/* Which calls. Empty slices take any. */
struct pattern {
	struct str path; /* without its * */
	bool prefix;
	int method;
	struct str grant_type, app_key, account;
};

struct fault {
	char id[ID_LEN + 1];
	struct pattern pattern;
	struct fault_effect effect;
	int64_t skip, count, hits; /* count: how many more; FOR_EVER */
	char texts[];              /* of the slices above */
};

struct faults {
	pthread_mutex_t lock;
	struct fault *all[FAULTS_MAX];
	int used;
	atomic_int count; /* the same, to be read without the lock */
};

struct faults *
faults_new(void)
{
	struct faults *f = mem_alloc(sizeof(*f));

	pthread_mutex_init(&f->lock, NULL);
	return f;
}

void
faults_free(struct faults *f)
{
	if (f == NULL)
		return;
	faults_forget(f, S(""));
	pthread_mutex_destroy(&f->lock);
	free(f);
}

int
faults_count(const struct faults *f)
{
	return atomic_load_explicit(&f->count, memory_order_relaxed);
}

/* --- adding --- */

static enum rc
read_pattern(struct ctx *cx, const struct input *in, struct pattern *out)
{
	TRY(input_need(cx, in, "path", PATH_MAX_LEN, &out->path));
	out->prefix = str_ends(out->path, S("*"));
	if (out->prefix)
		out->path = str_sub(out->path, 0, out->path.len - 1);
	if (!str_starts(out->path, S("/")) || str_find(out->path, '*') < out->path.len)
		return input_bad(
		    cx, in, "path", "must begin with a slash; a * may stand at its end only.");
	if (str_starts(out->path, S("/_sandbox")))
		return input_bad(cx, in, "path", "must not be the control API itself.");
	TRY(input_word(cx, in, "method", methods, &out->method));
	TRY(input_text(cx, in, "grant_type", NAME_MAX_LEN, &out->grant_type));
	TRY(input_text(cx, in, "app_key", NAME_MAX_LEN, &out->app_key));
	return input_text(cx, in, "account", NAME_MAX_LEN, &out->account);
}

static enum rc
read_number(
    struct ctx *cx, const struct input *in, const char *name, struct input_range range, int *out)
{
	int64_t n;

	TRY(input_int(cx, in, name, range, &n));
	*out = (int)n;
	return OK;
}

/* Text, or an object that becomes JSON. */
static enum rc
read_body(struct ctx *cx, const struct input *in, struct fault_effect *out)
{
	json_t *body = json_object_get(in->object, "body");

	out->json = json_is_object(body);
	if (!out->json)
		return input_text(cx, in, "body", BODY_MAX_LEN, &out->body);
	out->body = json_write(cx->arena, json_incref(body));
	if (out->body.len > BODY_MAX_LEN)
		return input_bad(cx, in, "body", "must be at most %d bytes.", BODY_MAX_LEN);
	return OK;
}

/* A member that another mode would need tells of a mistake. */
static enum rc
check_mode(struct ctx *cx, const struct input *in, enum fault_mode mode)
{
	static const struct {
		const char *name;
		enum fault_mode mode;
		bool needed;
	} own[] = {
		{ "status", FAULT_STATUS, true },
		{ "retry_after_s", FAULT_STATUS, false },
		{ "bytes_per_s", FAULT_DRIP, true },
		{ "delay_ms", FAULT_DELAY, true },
	};

	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++) {
		bool there = input_has(in, own[i].name);

		if (own[i].needed && own[i].mode == mode && !there)
			return input_bad(
			    cx, in, own[i].name, "is missing: %s needs it.", fault_modes[mode]);
		if (there && own[i].mode != mode && own[i].mode != FAULT_DELAY)
			return input_bad(cx, in, own[i].name, "belongs to mode %s only.",
			    fault_modes[own[i].mode]);
	}
	if (input_has(in, "body") && mode != FAULT_STATUS && mode != FAULT_GARBAGE)
		return input_bad(cx, in, "body", "belongs to modes status and garbage only.");
	return OK;
}

static enum rc
read_effect(struct ctx *cx, const struct input *in, struct fault_effect *out)
{
	int mode;

	TRY(input_word(cx, in, "mode", fault_modes, &mode));
	if (mode < 0)
		return input_bad(cx, in, "mode", "is missing.");
	out->mode = mode;
	TRY(check_mode(cx, in, out->mode));
	TRY(read_number(cx, in, "status", (struct input_range){ 400, 599, 0 }, &out->status));
	TRY(read_number(
	    cx, in, "retry_after_s", (struct input_range){ 0, 86400, -1 }, &out->retry_after_s));
	TRY(read_number(cx, in, "delay_ms",
	    (struct input_range){ 0, FAULT_DELAY_MAX_MS, mode == FAULT_TIMEOUT ? TIMEOUT_MS : 0 },
	    &out->delay_ms));
	TRY(read_number(
	    cx, in, "bytes_per_s", (struct input_range){ 1, NUMBER_MAX, 0 }, &out->bytes_per_s));
	return read_body(cx, in, out);
}

static enum rc
read_times(struct ctx *cx, const struct input *in, struct fault *out)
{
	const json_t *count = json_object_get(in->object, "count");

	TRY(input_int(cx, in, "skip", (struct input_range){ 0, NUMBER_MAX, 0 }, &out->skip));
	return input_int(cx, in, "count",
	    (struct input_range){ 1, NUMBER_MAX, json_is_null(count) ? FOR_EVER : 1 }, &out->count);
}

/* One block with the texts behind it, so that a fault is one free(). */
static struct fault *
pack(const struct fault *from)
{
	struct str from_texts[] = { from->pattern.path, from->pattern.grant_type,
		from->pattern.app_key, from->pattern.account, from->effect.body };
	size_t len = 0, count = sizeof(from_texts) / sizeof(from_texts[0]);
	struct fault *to;

	for (size_t i = 0; i < count; i++)
		len += from_texts[i].len;
	to = mem_alloc(sizeof(*to) + len);
	*to = *from;
	struct str *texts[] = { &to->pattern.path, &to->pattern.grant_type, &to->pattern.app_key,
		&to->pattern.account, &to->effect.body };
	len = 0;
	for (size_t i = 0; i < count; i++) {
		if (from_texts[i].len > 0)
			memcpy(to->texts + len, from_texts[i].p, from_texts[i].len);
		texts[i]->p = from_texts[i].p != NULL ? to->texts + len : NULL;
		len += from_texts[i].len;
	}
	return to;
}

enum rc
faults_add(struct faults *f, struct ctx *cx, const struct input *in, struct str *id)
{
	struct fault fault = { 0 };
	struct fault *packed;
	bool fits;

	TRY(read_pattern(cx, in, &fault.pattern));
	TRY(read_effect(cx, in, &fault.effect));
	TRY(read_times(cx, in, &fault));
	*id = secret_expose(crypto_random_text(cx->arena, ID_LEN, S("0123456789abcdef")));
	memcpy(fault.id, id->p, ID_LEN);
	packed = pack(&fault);
	pthread_mutex_lock(&f->lock);
	fits = f->used < FAULTS_MAX;
	if (fits) {
		f->all[f->used++] = packed;
		atomic_store(&f->count, f->used);
	}
	pthread_mutex_unlock(&f->lock);
	if (fits)
		return OK;
	free(packed);
	fail_at(
	    cx, E_CONFLICT, "too-many-faults", NULL, "There are %d faults already.", FAULTS_MAX);
	return fail_todo(cx, "Delete some first.");
}

/* --- forgetting and listing --- */

static void
remove_at(struct faults *f, int i)
{
	free(f->all[i]);
	memmove(&f->all[i], &f->all[i + 1], sizeof(f->all[0]) * (size_t)(f->used - i - 1));
	f->used--;
	atomic_store(&f->count, f->used);
}

int
faults_forget(struct faults *f, struct str id)
{
	int gone = 0;

	pthread_mutex_lock(&f->lock);
	for (int i = f->used - 1; i >= 0; i--) {
		if (id.len > 0 && !str_eq(id, str_of(f->all[i]->id)))
			continue;
		remove_at(f, i);
		gone++;
	}
	pthread_mutex_unlock(&f->lock);
	return gone;
}

static void
put_text(json_t *o, const char *name, struct str text)
{
	if (text.len > 0)
		json_put(o, name, json_str(text));
}

static void
put_number(json_t *o, const char *name, int64_t n)
{
	if (n > 0)
		json_put(o, name, json_integer(n));
}

static json_t *
fault_json(const struct fault *f)
{
	const struct pattern *p = &f->pattern;
	const struct fault_effect *e = &f->effect;
	json_t *o = json_object();

	json_put(o, "id", json_string(f->id));
	json_put(o, "path", json_pack("s%+", p->path.p, p->path.len, p->prefix ? "*" : ""));
	if (p->method != ANY_METHOD)
		json_put(o, "method", json_string(methods[p->method]));
	put_text(o, "grant_type", p->grant_type);
	put_text(o, "app_key", p->app_key);
	put_text(o, "account", p->account);
	json_put(o, "mode", json_string(fault_modes[e->mode]));
	put_number(o, "status", e->status);
	if (e->retry_after_s >= 0)
		json_put(o, "retry_after_s", json_integer(e->retry_after_s));
	put_number(o, "delay_ms", e->delay_ms);
	put_number(o, "bytes_per_s", e->bytes_per_s);
	put_text(o, "body", e->body);
	json_put(o, "skip", json_integer(f->skip));
	json_put(o, "count", f->count == FOR_EVER ? json_null() : json_integer(f->count));
	json_put(o, "hits", json_integer(f->hits));
	return o;
}

json_t *
faults_json(struct faults *f)
{
	json_t *list = json_array();

	pthread_mutex_lock(&f->lock);
	for (int i = 0; i < f->used; i++)
		json_array_append_new(list, fault_json(f->all[i]));
	pthread_mutex_unlock(&f->lock);
	return list;
}

/* --- meeting a call --- */

static bool
fits_caller(const struct pattern *p, const struct fault_call *call)
{
	const struct fault_caller *who = call->who;
	struct str key = call->client_id;

	if (p->app_key.len == 0 && p->account.len == 0)
		return who == NULL;
	if (who == NULL)
		return false;
	if (who->app_key.len > 0)
		key = who->app_key;
	if (p->app_key.len > 0 && !str_eq(p->app_key, key))
		return false;
	return p->account.len == 0 || str_eq(p->account, who->account_id) ||
	    str_eq_nocase(p->account, who->email);
}

static bool
fits(const struct pattern *p, const struct fault_call *call)
{
	struct str path = call->req->path;

	if (p->prefix ? !str_starts(path, p->path) : !str_eq(path, p->path))
		return false;
	if (p->method != ANY_METHOD && p->method != (int)call->req->method)
		return false;
	if (p->grant_type.len > 0 && !str_eq(p->grant_type, call->grant_type))
		return false;
	return fits_caller(p, call);
}

bool
faults_take(
    struct faults *f, struct arena *a, const struct fault_call *call, struct fault_effect *out)
{
	bool found = false;

	pthread_mutex_lock(&f->lock);
	for (int i = 0; i < f->used && !found; i++) {
		struct fault *fault = f->all[i];

		if (!fits(&fault->pattern, call))
			continue;
		if (fault->skip > 0) {
			fault->skip--;
			continue;
		}
		found = true;
		fault->hits++;
		*out = fault->effect;
		if (fault->effect.body.p != NULL)
			out->body = str_dup(a, fault->effect.body);
		if (fault->count != FOR_EVER && --fault->count == 0)
			remove_at(f, i);
	}
	pthread_mutex_unlock(&f->lock);
	return found;
}
