/* sandbox/api/people.h - people and the team as the API shows them; shapes of users.stone, team.stone. */
#ifndef SANDBOX_API_PEOPLE_H
#define SANDBOX_API_PEOPLE_H

#include "base/json.h"
#include "http/message.h"
#include "sandbox/people/accounts.h"

json_t *people_name(struct ctx *cx, const struct account *acct);
/* Account: what BasicAccount and FullAccount share. */
json_t *people_account(struct ctx *cx, const struct account *acct);
json_t *people_sharing_policies(void);

/* A feature that this sandbox does not have: its value is the union `inner`, false or nothing. */
struct feature {
	const char *name, *inner;
	bool nothing;
};
/* features/get_values; the list ends with a name of NULL. E_CONFLICT "empty_features_list". */
MUST enum rc people_features(
    struct ctx *cx, const struct http_req *req, struct http_res *res, const struct feature *known);

#endif
