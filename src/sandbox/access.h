/* sandbox/access.h - who may use a row, packed into http_route.access: class, scope, use of store. */
#ifndef SANDBOX_ACCESS_H
#define SANDBOX_ACCESS_H

enum access {
	ACCESS_PUBLIC,   /* anybody; nothing personal, nothing changes */
	ACCESS_PAGE,     /* anybody; the reply is HTML, and so are its errors */
	ACCESS_TOKEN,    /* the token endpoint: the app proves itself in the handler */
	ACCESS_VISITOR,  /* the browser's session, signed in or not */
	ACCESS_WEB,      /* a signed-in session */
	ACCESS_CHANGE,   /* a signed-in session with our Origin and CSRF token, JSON only */
	ACCESS_SIGN,     /* the same without being signed in */
	ACCESS_API_USER, /* a bearer token with the row's scope */
	ACCESS_API_APP,  /* app key and secret by HTTP Basic */
	ACCESS_CONTROL,  /* the control token, from the loopback */
};

#define ACCESS_PACK(class, scope, use) ((int)(class) | (int)(scope) << 8 | (int)(use) << 16)

static inline enum access
access_class(int packed)
{
	return (enum access)(packed & 0xff);
}

static inline int
access_scope(int packed)
{
	return packed >> 8 & 0xff;
}

static inline int
access_store(int packed)
{
	return packed >> 16 & 0xff;
}

#endif
