/* vault/tokens.h - saved tokens as their owner sees them. */
#ifndef VAULT_TOKENS_H
#define VAULT_TOKENS_H

#include "store/token.h"

struct vault;

/* store_token_page */
MUST enum rc vault_token_page(struct vault *v, struct ctx *cx, const struct token_page *page,
    struct token **out, size_t *count);
MUST enum rc vault_token_get(struct vault *v, struct ctx *cx, struct str id, struct token *out);
MUST enum rc vault_token_by_name(
    struct vault *v, struct ctx *cx, struct str name, struct token *out);
MUST enum rc vault_token_edit(
    struct vault *v, struct ctx *cx, struct str id, struct token_edit *edit);
/* Puts it aside: it can be restored until it is purged. at_provider: ends the grant there first, and
 * deletes only when that is confirmed. */
MUST enum rc vault_token_delete(struct vault *v, struct ctx *cx, struct str id, bool at_provider);
/* Under another name when it is not empty. E_CONFLICT field "name" when another token has it now. */
MUST enum rc vault_token_restore(
    struct vault *v, struct ctx *cx, struct str id, struct str name, struct token *out);
MUST enum rc vault_token_page_deleted(struct vault *v, struct ctx *cx,
    const struct deleted_page *page, struct token **out, size_t *count);
MUST enum rc vault_token_reveal(
    struct vault *v, struct ctx *cx, struct str id, struct secret *access);
/* Refreshes now, whatever is left of the old one. */
MUST enum rc vault_token_refresh(struct vault *v, struct ctx *cx, struct str id);

/* Reads the provider's kept reply again, after an upgrade that may understand it. E_CONFLICT code
 * "nothing-kept" when there is none. */
MUST enum rc vault_token_recover(struct vault *v, struct ctx *cx, struct str id);

/* What one real call with the token said. */
struct token_test {
	bool ok;
	struct str message, todo;
	struct str account_id, account_name, account_email;
};
MUST enum rc vault_token_test(
    struct vault *v, struct ctx *cx, struct str id, struct token_test *out);

/* Letters, numbers and single spaces between them, 1 to 100. E_INPUT field "name". */
MUST enum rc token_name_check(struct ctx *cx, struct str name);

#endif
