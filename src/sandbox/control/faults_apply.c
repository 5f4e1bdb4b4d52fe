/* What a fault does to the reply of a call. */
#include "sandbox/control/faults_int.h"
#include "sandbox/core/basic.h"
#include "sandbox/core/errors.h"
#include "sandbox/core/row.h"
#include "sandbox/core/state.h"

/* Not HTTP: neither a status line nor text, with a NUL and a broken UTF-8 sequence in it. */
#define GARBAGE S("\x16\x03\xff\xc3\x28 garbage \0\x01\x02\r\n\r\n{\"access_tok")

/* Recorded as the code of the failure, and told from all others by its address. */
static const char answered[] = "fault";

bool
faults_answered(const struct ctx *cx)
{
	return cx->code == answered;
}

const char *
faults_mode_of(const struct ctx *cx, const struct http_res *res)
{
	enum fault_mode mode;

	switch (res->fault.kind) {
	case HTTP_FAULT_CLOSE:
		mode = FAULT_LOSE_REPLY;
		break;
	case HTTP_FAULT_RESET:
		mode = res->fault.delay_ms > 0 ? FAULT_TIMEOUT : FAULT_RESET;
		break;
	case HTTP_FAULT_RAW:
		mode = FAULT_GARBAGE;
		break;
	case HTTP_FAULT_CUT:
		mode = FAULT_CUT;
		break;
	case HTTP_FAULT_DRIP:
		mode = FAULT_DRIP;
		break;
	default:
		if (faults_answered(cx))
			mode = FAULT_STATUS;
		else if (res->fault.delay_ms > 0)
			mode = FAULT_DELAY;
		else
			return NULL;
	}
	return fault_modes[mode];
}

static void
write_retry_after(struct ctx *cx, struct http_res *res, const struct fault_effect *e)
{
	if (e->retry_after_s >= 0)
		http_res_header(
		    res, S("Retry-After"), str_printf(cx->arena, "%d", e->retry_after_s));
}

/* The statuses that have a shape of their own, as failures of the sandbox itself. */
static bool
own_failure(int status, bool token, enum rc *rc, const char **code)
{
	*code = NULL;
	switch (status) {
	case 400:
		*rc = E_INPUT;
		return true;
	case 401:
		*rc = token ? E_INPUT : E_AUTH;
		*code = token ? "invalid_client" : "invalid_access_token";
		return true;
	case 409:
		*rc = token ? E_INPUT : E_CONFLICT;
		*code = token ? "invalid_request" : "other";
		return true;
	case 429:
		*rc = E_BUSY;
		*code = "too-many-requests";
		return true;
	default:
		return false;
	}
}

/* RFC 6749 section 5.2 has no failure of the server; the words are those of section 4.1.2.1. */
static struct str
oauth_failure(struct ctx *cx, int status)
{
	json_t *o = json_object();

	json_put(
	    o, "error", json_string(status == 503 ? "temporarily_unavailable" : "server_error"));
	json_put(o, "error_description", json_string("a fault of this sandbox answered"));
	return json_write(cx->arena, o);
}

/* As the sandbox itself would answer with this status at this address. */
static void
write_usual(struct sandbox *s, struct ctx *cx, const struct http_req *req, struct http_res *res,
    const struct fault_effect *e)
{
	bool token = row_of(s, req)->access == ACCESS_TOKEN;
	const char *code;
	enum rc rc;

	if (own_failure(e->status, token, &rc, &code)) {
		fail_at(cx, rc, code, NULL, "a fault of this sandbox answered");
		cx->retry_after_s = e->retry_after_s > 0 ? e->retry_after_s : 0;
		sandbox_fail(s, cx, req, res, rc);
		res->status = e->status;
		return;
	}
	write_retry_after(cx, res, e);
	api_request_id(cx, res);
	if (token)
		http_res_json(res, e->status, oauth_failure(cx, e->status));
	else
		http_res_text(res, e->status,
		    str_printf(
			cx->arena, "A fault of this sandbox answered with status %d.", e->status));
}

static void
write_status(struct sandbox *s, struct ctx *cx, const struct http_req *req, struct http_res *res,
    const struct fault_effect *e)
{
	if (e->body.p == NULL) {
		write_usual(s, cx, req, res, e);
		return;
	}
	api_request_id(cx, res);
	write_retry_after(cx, res, e);
	if (e->json)
		http_res_json(res, e->status, e->body);
	else
		http_res_text(res, e->status, e->body);
}

static enum http_fault_kind
kind_of(enum fault_mode mode)
{
	static const enum http_fault_kind kinds[] = {
		[FAULT_STATUS] = HTTP_FAULT_NONE,
		[FAULT_RESET] = HTTP_FAULT_RESET,
		[FAULT_TIMEOUT] = HTTP_FAULT_RESET,
		[FAULT_GARBAGE] = HTTP_FAULT_RAW,
		[FAULT_LOSE_REPLY] = HTTP_FAULT_CLOSE,
		[FAULT_CUT] = HTTP_FAULT_CUT,
		[FAULT_DRIP] = HTTP_FAULT_DRIP,
		[FAULT_DELAY] = HTTP_FAULT_NONE,
	};

	return kinds[mode];
}

static enum rc
apply(struct sandbox *s, struct ctx *cx, const struct http_req *req, struct http_res *res,
    const struct fault_effect *e)
{
	res->fault = (struct http_fault){
		.kind = kind_of(e->mode),
		.delay_ms = e->delay_ms,
		.bytes_per_s = e->bytes_per_s,
	};
	if (e->mode > FAULT_GARBAGE)
		return OK; /* it is processed */
	if (e->mode == FAULT_STATUS)
		write_status(s, cx, req, res, e);
	if (e->mode == FAULT_GARBAGE)
		res->body = e->body.p != NULL ? e->body : GARBAGE;
	return fail_at(cx, E_BUSY, answered, NULL, "A fault answered this call.");
}

/* The token endpoint's parameters may stand in the form or in the query. */
static struct str
param(struct ctx *cx, const struct http_req *req, struct str name)
{
	struct str value = { 0 };
	int count;

	if (str_form_get(cx->arena, req->body, name, &value, &count))
		return value;
	return str_form_get(cx->arena, req->query, name, &value, &count) ? value : S("");
}

static void
read_parameters(struct ctx *cx, struct fault_call *call)
{
	const struct http_req *req = call->req;
	struct secret password;
	bool basic;

	if (!str_starts(req->path, S("/oauth2/")))
		return;
	call->grant_type = param(cx, req, S("grant_type"));
	call->client_id = param(cx, req, S("client_id"));
	if (call->client_id.len > 0)
		return;
	if (basic_read(cx, req, &call->client_id, &password, &basic) != OK)
		ctx_clear(cx); /* the endpoint itself tells */
}

enum rc
faults_meet(struct sandbox *s, struct ctx *cx, const struct http_req *req, struct http_res *res,
    const struct fault_caller *who, bool *met)
{
	struct fault_call call = { .req = req, .who = who };
	struct fault_effect effect;

	*met = false;
	if (faults_count(s->faults) == 0 || str_starts(req->path, S("/_sandbox")))
		return OK;
	read_parameters(cx, &call);
	*met = faults_take(s->faults, cx->arena, &call, &effect);
	return *met ? apply(s, cx, req, res, &effect) : OK;
}
