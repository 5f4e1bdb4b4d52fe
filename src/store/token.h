/* store/token.h - saved access tokens and the one refresh each may have. */
#ifndef STORE_TOKEN_H
#define STORE_TOKEN_H

#include "store/store.h"

enum token_status { TOKEN_ACTIVE, TOKEN_NEEDS_REAUTHORIZATION, TOKEN_MISCONFIGURED };

enum old_access { OLD_ACCESS_UNKNOWN, OLD_ACCESS_LIVES, OLD_ACCESS_DIES };

/* What the provider was seen to do since the newest consent; shown, never believed over its
 * definition. */
struct token_learned {
	int64_t refreshes; /* how many were seen */
	int64_t returned;  /* of them with a refresh token in the reply */
	int64_t rotations; /* and with another one than before */
	int64_t since_ms;  /* the first of them */
	int64_t kills;     /* enum old_access: what a refresh does to the access token before it */
	int64_t kills_ms;  /* seen when; 0: never */
	int64_t life_s;    /* access tokens were refused at this age; 0: never seen */
	int64_t life_ms;   /* seen when */
};

/* The one risky try (oauth/plan.h): made by the newest attempt, or before it. */
enum { RISK_NONE, RISK_BEFORE, RISK_NEWEST };

/* The newest refresh attempt, as far as it is not settled; store/refresh.h. */
struct token_attempt {
	int64_t stage;          /* of the caller; 0: nothing is in doubt */
	int64_t fence;          /* of the claim that made it */
	int64_t first_ms;       /* the refresh token was first sent without a reply */
	int64_t sent_ms;        /* and last */
	int64_t risked;         /* RISK_… */
	int64_t status, date_s; /* of the kept reply */
};

struct token {
	struct str id, name, description, provider;
	struct str app_key, scopes, scope_granted, redirect_uri;
	struct str account_id, account_name, account_email; /* whose grant it is; may be empty */
	enum token_status status;
	struct str status_reason; /* a sentence; empty while all is well */
	int64_t status_ms;        /* since when */
	int64_t expires_ms;       /* of the access token; 0: the provider did not say */
	bool has_app_secret, has_refresh;
	int64_t created_ms, updated_ms, refreshed_ms; /* refreshed_ms 0: never */
	int64_t due_ms;         /* when the engine looks at it next; 0: never */
	int64_t attempts;       /* failed refreshes in a row */
	int64_t failed_ms;      /* the first of them; 0: none failed */
	struct str last_error;  /* of the newest failed refresh; empty after a success */
	int64_t fence;          /* counts claims */
	int64_t sealed_version; /* of the access token, and what counts edits and grants */
	int64_t app_secret_version, refresh_version; /* what these two are sealed for */
	int64_t life_source;        /* where expires_ms comes from; of the caller */
	int64_t consented_ms;       /* the newest consent */
	int64_t refresh_expires_ms; /* of the refresh token, when a reply said it; 0: not said */
	int64_t proved_ms;          /* the provider last answered with this grant; 0: never */
	int64_t deleted_ms;         /* 0: it is there */
	int64_t expires_date_s;     /* expires_ms on the provider's clock; 0: not known */
	int64_t
	    refused_ms; /* the provider did not take the access token, before its end; 0: never */
	bool lazy;      /* refreshed when somebody reads it only */
	struct token_learned learned;
	struct token_attempt attempt;
};

/* The secrets of one token, opened. */
struct token_secrets {
	struct secret app_secret, access, refresh;
};

/* The grant as it came from the provider, for the writes below. */
struct token_grant {
	struct secret access;
	struct secret refresh; /* empty: keep what is there */
	int64_t expires_ms;
	struct str scope_granted; /* empty: keep what is there */
	int64_t life_source;
	int64_t expires_date_s;     /* on the provider's clock; 0: not known */
	int64_t refresh_expires_ms; /* 0: keep what is there */
	int64_t now_ms, due_ms;
};

/* E_CONFLICT field "name" when the name is taken (letter case ignored). The connection it was made
 * from, if any, ends in the same transaction: E_NOTFOUND when it has been used up already. */
MUST enum rc store_token_create(struct store *s, struct ctx *cx, const struct token *t,
    const struct token_secrets *secrets, struct str connection_id);
MUST enum rc store_token_get(struct store *s, struct ctx *cx, struct str id, struct token *out);
MUST enum rc store_token_by_name(
    struct store *s, struct ctx *cx, struct str name, struct token *out);
MUST enum rc store_token_secrets(
    struct store *s, struct ctx *cx, struct str id, struct token_secrets *out);
/* The token and its secrets as of one moment. */
MUST enum rc store_token_open(struct store *s, struct ctx *cx, struct str name, struct token *out,
    struct token_secrets *secrets);
/* A page of them in the order of their names, letter case ignored. By index, whatever their number. */
struct token_page {
	struct str key;   /* only those that this API key names; empty: all */
	struct str after; /* behind this name; empty: from the first */
	struct str
	    find; /* with this somewhere in the name; empty: any. Walks over the others' names */
	size_t max;
};
MUST enum rc store_token_page(struct store *s, struct ctx *cx, const struct token_page *page,
    struct token **out, size_t *count);
/* Puts it aside: no verb but these sees it any more, and its name is free. */
MUST enum rc store_token_delete(struct store *s, struct ctx *cx, struct str id, int64_t now_ms);
/* The same after the provider has ended the grant; its event says so, with the provider's name. */
MUST enum rc store_token_delete_revoked(
    struct store *s, struct ctx *cx, struct str id, int64_t now_ms, struct str revoked_by);
/* Under another name when it is not empty. E_CONFLICT field "name" when the name has been taken
 * meanwhile. */
MUST enum rc store_token_restore(
    struct store *s, struct ctx *cx, struct str id, struct str name, struct token *out);
/* A page of what is put aside, the newest first, by index. */
struct deleted_page {
	int64_t until_ms; /* put aside no later */
	struct str
	    after_id; /* of those put aside right then: behind this one; empty: from the first */
	size_t max;
};
MUST enum rc store_token_page_deleted(struct store *s, struct ctx *cx,
    const struct deleted_page *page, struct token **out, size_t *count);
/* Ends what was put aside before before_ms. */
MUST enum rc store_token_purge(struct store *s, struct ctx *cx, int64_t before_ms);

struct token_edit {
	bool set_name, set_description, set_app_secret, set_lazy;
	bool lazy;
	struct str name, description;
	struct secret app_secret;     /* a new one also ends TOKEN_MISCONFIGURED */
	int64_t now_ms, due_ms;       /* due_ms: with a new secret then, or with lazy */
	const struct token *due_from; /* the reading that due_ms comes from; NULL: none */
	struct { /* as the editor saw it; a text without p, or !has_lazy: does not matter */
		struct str name, description;
		bool has_lazy, lazy;
	} was;
};
/* E_CONFLICT code "changed-meanwhile" with the field that is not as edit->was has it any more. E_AGAIN when a
 * refresh of it has begun or ended since edit->due_from was read. */
MUST enum rc store_token_edit(
    struct store *s, struct ctx *cx, struct str id, const struct token_edit *edit);

/* A new consent for a saved token: replaces the client, the grant and the account. */
struct token_reconnect {
	/* The attempt it comes from, which ends in the same transaction (E_CONFLICT: it was used already)
	 * and must be of the token's provider (E_INPUT); NULL: none. */
	const struct connection *attempt;
	struct str app_key, scopes, redirect_uri;
	struct secret app_secret;
	struct str account_id, account_name, account_email;
	struct token_grant grant;
	int64_t kept_due_ms; /* in the place of grant.due_ms where the old refresh token stays */
};
/* A consent that brought no refresh token leaves one of the same app and account where it is, unless the
 * provider has refused it. The pair that is replaced becomes the previous one. */
MUST enum rc store_token_reconnect(
    struct store *s, struct ctx *cx, struct str id, const struct token_reconnect *r);

/* Ids of one provider that are due and not claimed, oldest first, and when its next one will be, or the
 * next lease lapses (0: neither); now_ms when there are as many as were asked for. By index: never a walk over
 * all tokens. */
MUST enum rc store_token_due(struct store *s, struct ctx *cx, struct str provider, int64_t now_ms,
    int64_t wall_ms, size_t max, struct str **ids, size_t *count, int64_t *next_ms);

/* For a token that could not even be claimed: looks again at due_ms, unless it is due at another time
 * than seen_ms by now. */
MUST enum rc store_token_postpone(
    struct store *s, struct ctx *cx, struct str id, int64_t seen_ms, int64_t due_ms);

/* The provider answered with this grant at now_ms. */
MUST enum rc store_token_proved(struct store *s, struct ctx *cx, struct str id, int64_t now_ms);
/* Writes what is seen outside a refresh: life and kills, each with its time; 0 leaves what is there,
 * and who was seen to die is not seen to live. Nothing when there is a newer consent than the token's. */
MUST enum rc store_token_learn(struct store *s, struct ctx *cx, const struct token *t);
/* The provider does not accept the token's access token any more; nothing when there is a newer one. Counts
 * as after an attempt that is in doubt now and before one to come, whatever the clock says. */
MUST enum rc store_token_refused(
    struct store *s, struct ctx *cx, const struct token *t, int64_t now_ms);

/* The pair that the newest refresh replaced; access is empty when there is none. */
struct token_previous {
	struct secret access, refresh;
	int64_t expires_ms; /* of access; 0: was not known */
};
MUST enum rc store_token_previous(
    struct store *s, struct ctx *cx, struct str id, struct token_previous *out);

#endif
