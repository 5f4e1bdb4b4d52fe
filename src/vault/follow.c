/* What another node changed: the copies of it in this one's memory are forgotten. */
#include "vault/vault_int.h"

enum rc
vault_follow(void *arg, struct ctx *cx, const struct change *change)
{
	struct vault *v = arg;

	switch (change->kind) {
	case CHANGE_TOKEN:
		live_forget(v, change->id);
		break;
	case CHANGE_KEYS:
		TRY(key_index_load(v, cx));
		break;
	case CHANGE_EVENTS:
		return OK;
	case CHANGE_ALL:
		live_forget_all(v);
		TRY(key_index_load(v, cx));
		break;
	}
	engine_wake(v->engine);
	return OK;
}
