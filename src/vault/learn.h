/* vault/learn.h - what a provider really does with access tokens: asked, and written down.
 *
 * A thread of its own asks one question at a time, each one cheap call (the definition's witness) with
 * an access token. It holds few questions, and of those after refreshes few in a second: when many
 * come at once the rest is dropped, and the next refresh asks again. Nobody waits for an answer; what it says is written to the store. */
#ifndef VAULT_LEARN_H
#define VAULT_LEARN_H

#include "base/secret.h"
#include "store/token.h"
#include "vault/provider.h"

struct learner;

MUST enum rc learner_start(struct ctx *cx, struct vault *v, struct learner **out);
void learner_free(struct learner *l); /* drops what is not asked yet; takes NULL */

/* After a refresh that was committed: does the access token from before it, which has not run out,
 * still work? Asked while it is not known of this grant. t and access are as before the refresh. */
void learn_old_access(
    struct vault *v, const struct provider *p, const struct token *t, struct secret access);

/* The grant was refused: does its access token, which has not run out, still work? */
void learn_current_access(
    struct vault *v, const struct provider *p, const struct token *t, struct secret access);

/* The same question, asked now. True, and written down: the provider does not accept it. */
bool learn_refused(struct vault *v, struct ctx *cx, const struct provider *p, const struct token *t,
    struct secret access);

#endif
