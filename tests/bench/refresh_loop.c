/*
 * What the refresh engine is measured against: the requests it would make, by a bare libcurl multi loop
 * that stores nothing and reads no reply.
 *
 *   bench_refresh_loop URL APP_KEY APP_SECRET FILE REQUESTS CONNECTIONS
 *
 * FILE holds one refresh token a line, and is begun again at its end. As many easy handles as connections,
 * each used again as soon as it is answered. Prints one line of JSON: how long it took, and how many
 * replies were no 200.
 */
#include <curl/curl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define HANDLES_MAX 512
#define BODY_MAX 1024

struct loop {
	CURLM *multi;
	const char *url, *app_key, *app_secret;
	struct curl_slist *headers;
	FILE *tokens;
	long left, failed;
};

struct request {
	CURL *easy;
	char body[BODY_MAX];
};

static double
now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static size_t
drop(char *p, size_t size, size_t n, void *arg)
{
	(void)p, (void)arg;
	return size * n;
}

static void
next_token(struct loop *l, char *out, size_t size)
{
	if (fgets(out, (int)size, l->tokens) == NULL) {
		rewind(l->tokens);
		if (fgets(out, (int)size, l->tokens) == NULL)
			exit(1);
	}
	out[strcspn(out, "\n")] = '\0';
}

/* The next request on this handle; false when there is none. */
static bool
start(struct loop *l, struct request *r)
{
	char token[BODY_MAX / 2];

	if (l->left == 0)
		return false;
	l->left--;
	next_token(l, token, sizeof(token));
	snprintf(r->body, sizeof(r->body), "grant_type=refresh_token&refresh_token=%s", token);
	curl_easy_setopt(r->easy, CURLOPT_POSTFIELDS, r->body);
	curl_easy_setopt(r->easy, CURLOPT_POSTFIELDSIZE, (long)strlen(r->body));
	return curl_multi_add_handle(l->multi, r->easy) == CURLM_OK;
}

static void
prepare(struct loop *l, struct request *r)
{
	r->easy = curl_easy_init();
	if (r->easy == NULL)
		exit(1);
	curl_easy_setopt(r->easy, CURLOPT_URL, l->url);
	curl_easy_setopt(r->easy, CURLOPT_HTTPHEADER, l->headers);
	curl_easy_setopt(r->easy, CURLOPT_USERNAME, l->app_key);
	curl_easy_setopt(r->easy, CURLOPT_PASSWORD, l->app_secret);
	curl_easy_setopt(r->easy, CURLOPT_WRITEFUNCTION, drop);
	curl_easy_setopt(r->easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(r->easy, CURLOPT_PROXY, "");
	curl_easy_setopt(r->easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(r->easy, CURLOPT_PRIVATE, r);
}

/* Takes what is answered and goes on with its handles; how many have nothing more to do. */
static int
go_on(struct loop *l)
{
	const CURLMsg *msg;
	struct request *r;
	int left, idle = 0;
	long status;

	while ((msg = curl_multi_info_read(l->multi, &left)) != NULL) {
		CURLcode code = msg->data.result;

		status = 0;
		curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, &r);
		curl_easy_getinfo(msg->easy_handle, CURLINFO_RESPONSE_CODE, &status);
		l->failed += code != CURLE_OK || status != 200;
		curl_multi_remove_handle(l->multi, r->easy);
		idle += !start(l, r);
	}
	return idle;
}

int
main(int argc, char **argv)
{
	struct request *requests = calloc(HANDLES_MAX, sizeof(*requests));
	struct loop l = { 0 };
	int handles, running;
	double began;

	if (argc != 7 || requests == NULL || (handles = atoi(argv[6])) < 1 || handles > HANDLES_MAX)
		return 2;
	curl_global_init(CURL_GLOBAL_DEFAULT);
	l = (struct loop){ .multi = curl_multi_init(),
		.url = argv[1],
		.app_key = argv[2],
		.app_secret = argv[3],
		.headers = curl_slist_append(NULL, "Accept: application/json"),
		.tokens = fopen(argv[4], "r"),
		.left = atol(argv[5]) };
	if (l.tokens == NULL)
		return 2;
	curl_multi_setopt(l.multi, CURLMOPT_MAXCONNECTS, (long)handles);
	began = now_s();
	for (int i = 0; i < handles; i++) {
		prepare(&l, &requests[i]);
		start(&l, &requests[i]);
	}
	for (int idle = 0; idle < handles;) {
		curl_multi_perform(l.multi, &running);
		idle += go_on(&l);
		if (idle < handles)
			curl_multi_poll(l.multi, NULL, 0, 1000, NULL);
	}
	printf("{\"seconds\":%.3f,\"failed\":%ld}\n", now_s() - began, l.failed);
	for (int i = 0; i < handles; i++)
		curl_easy_cleanup(requests[i].easy);
	curl_multi_cleanup(l.multi);
	curl_slist_free_all(l.headers);
	fclose(l.tokens);
	free(requests);
	return 0;
}
