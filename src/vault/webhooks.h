/* vault/webhooks.h - events told over HTTP, signed: who is told, and what became of it.
 *
 * The convention is that of Standard Webhooks: the headers webhook-id (the same at each try),
 * webhook-timestamp (seconds) and webhook-signature, "v1," and the base64 of HMAC-SHA256 over
 * "id.timestamp.body", with the bytes that stand in base64 behind "whsec_" as the key. */
#ifndef VAULT_WEBHOOKS_H
#define VAULT_WEBHOOKS_H

#include "store/webhook.h"

struct vault;

#define WEBHOOK_TRIES 10 /* over about sixteen hours, then it is given up */

/* Fills in id, created_ms and enabled; the secret is only ever in *secret_out. E_INPUT with the field
 * "name", "url" or "types". */
MUST enum rc vault_webhook_create(
    struct vault *v, struct ctx *cx, struct webhook *w, struct secret *secret_out);
MUST enum rc vault_webhook_list(
    struct vault *v, struct ctx *cx, struct webhook **out, size_t *count);
MUST enum rc vault_webhook_get(struct vault *v, struct ctx *cx, struct str id, struct webhook *out);
/* store_webhook_edit. */
MUST enum rc vault_webhook_edit(
    struct vault *v, struct ctx *cx, struct str id, struct webhook_edit *edit);
/* Another secret; the old one signs nothing more. */
MUST enum rc vault_webhook_renew_secret(
    struct vault *v, struct ctx *cx, struct str id, struct secret *secret_out);
MUST enum rc vault_webhook_delete(struct vault *v, struct ctx *cx, struct str id);
/* Sends something that tells no event; *id is its delivery, whose outcome comes later. */
MUST enum rc vault_webhook_test(
    struct vault *v, struct ctx *cx, struct str webhook_id, struct str *id);
MUST enum rc vault_delivery_list(
    struct vault *v, struct ctx *cx, struct str webhook_id, struct delivery **out, size_t *count);
MUST enum rc vault_delivery_again(
    struct vault *v, struct ctx *cx, struct str webhook_id, struct str id);

#endif
