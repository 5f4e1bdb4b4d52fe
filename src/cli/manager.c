#include "cli/manager.h"

#include <signal.h>
#include <unistd.h>

#include "base/json.h"
#include "http/client.h"

#define CALL_MS 30000
#define ANSWER_MAX (4u << 20)
#define DEPTH_MAX 16

static void
say_waiting(int signal_number)
{
	static const char text[] = "valetkey: waiting for the manager…\n";
	ssize_t n = write(STDERR_FILENO, text, sizeof(text) - 1);

	(void)signal_number, (void)n;
}

static void
call_manager(struct ctx *cx, const struct http_call *call, struct http_reply *reply)
{
	struct sigaction after_a_second = { .sa_handler = say_waiting, .sa_flags = SA_RESTART };
	bool person_watches = isatty(STDERR_FILENO);

	if (person_watches && sigaction(SIGALRM, &after_a_second, NULL) == 0)
		alarm(1);
	http_client_once(cx, S("valetkey-cli"), call, reply);
	alarm(0);
}

static enum rc
unreachable(struct ctx *cx, const struct cli_config *config, const struct http_reply *reply)
{
	enum rc rc = reply->end == CALL_BAD_URL ? E_INPUT : E_UPSTREAM;

	(void)fail(
	    cx, rc, "The manager at %.*s gave no answer: %s.", STR_ARG(config->url), reply->error);
	return fail_todo(cx,
	    "Check that it runs (`valetkey serve`) and that VALETKEY_URL is its "
	    "address.");
}

static enum rc
rc_of(int status, const char *code)
{
	switch (status) {
	case 401:
		return E_AUTH;
	case 403:
		return E_DENIED;
	case 404:
		return E_NOTFOUND;
	case 409:
		return strcmp(code, "reauthorization-required") == 0 ? E_REAUTH : E_CONFLICT;
	case 429:
		return E_BUSY;
	case 502:
	case 503:
	case 504:
		return E_UPSTREAM;
	default:
		return status < 500 ? E_INPUT : E_STORE;
	}
}

static const char *
text_of(const json_t *obj, const char *name)
{
	const char *text = json_string_value(json_object_get(obj, name));

	return text != NULL ? text : "";
}

static void
say_what_to_do(struct ctx *cx, const struct cli_config *config, enum rc rc)
{
	if (rc == E_AUTH)
		fail_todo(cx,
		    "Set VALETKEY_API_KEY to a key made in the console under API Keys: %.*s",
		    STR_ARG(config->url));
	else if (rc == E_DENIED)
		fail_todo(cx, "Let the key read this token, in the console under API Keys: %.*s",
		    STR_ARG(config->url));
	else if (rc == E_NOTFOUND)
		fail_todo(cx, "See the names with: valetkey token list");
	else if (rc == E_REAUTH)
		fail_todo(cx, "Open the token in the console and click Reconnect: %.*s",
		    STR_ARG(config->url));
	else if (rc == E_UPSTREAM || rc == E_BUSY)
		fail_todo(cx, "Try again in a moment.");
}

static enum rc
problem(struct ctx *cx, const struct cli_config *config, int status, const json_t *doc)
{
	enum rc rc = rc_of(status, text_of(doc, "code"));
	const char *detail = text_of(doc, "detail");

	if (detail[0] == '\0')
		detail = text_of(doc, "title");
	(void)fail(cx, rc, "%s", detail[0] != '\0' ? detail : "The manager refused.");
	/* The manager speaks of headers there; here the key is a setting. */
	if (rc != E_AUTH && text_of(doc, "todo")[0] != '\0')
		fail_todo(cx, "%s", text_of(doc, "todo"));
	else
		say_what_to_do(cx, config, rc);
	memcpy(cx->request_id, text_of(doc, "request_id"),
	    strnlen(text_of(doc, "request_id"), REQUEST_ID_LEN));
	return rc;
}

/* Something answers there, but not this program's other half. */
static enum rc
stranger(struct ctx *cx, const struct cli_config *config, int status)
{
	(void)fail(cx, E_UPSTREAM, "%.*s does not answer like a valetkey manager (HTTP %d).",
	    STR_ARG(config->url), status);
	return fail_todo(cx, "Check VALETKEY_URL.");
}

enum rc
manager_ask(struct ctx *cx, const struct cli_config *config, const char *method, struct str path,
    json_t **out)
{
	return manager_tell(cx, config, method, path, NULL, out);
}

enum rc
manager_tell(struct ctx *cx, const struct cli_config *config, const char *method, struct str path,
    json_t *body, json_t **out)
{
	struct http_call call = { .method = method,
		.timeout_ms = CALL_MS,
		.reply_max = ANSWER_MAX,
		.content_type = S("application/json"),
		.has_body = body != NULL,
		.no_proxy = str_starts(config->url, S("http://")) };
	struct str key = secret_expose(config->api_key);
	struct http_reply reply;
	bool is_problem;

	if (body != NULL)
		call.body = secret_of(json_write(cx->arena, body));
	call.url = str_printf(cx->arena, "%.*s%.*s", STR_ARG(config->url), STR_ARG(path));
	call.authorization = secret_of(str_printf(cx->arena, "Bearer %.*s", STR_ARG(key)));
	call_manager(cx, &call, &reply);
	if (reply.end == CALL_REDIRECTED)
		return stranger(cx, config, reply.status);
	if (reply.end != CALL_ANSWERED)
		return unreachable(cx, config, &reply);
	is_problem = str_eq(reply.content_type, S("application/problem+json"));
	if ((!is_problem && !str_eq(reply.content_type, S("application/json"))) ||
	    json_read(cx, secret_expose(reply.body), DEPTH_MAX, out) != OK ||
	    !json_is_object(*out) || (!is_problem && reply.status != 200))
		return stranger(cx, config, reply.status);
	return is_problem ? problem(cx, config, reply.status, *out) : OK;
}
