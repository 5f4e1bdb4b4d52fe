/* base/rc.h - the dozen meanings a caller can act on.
 *
 * Every fallible function returns one of these. The sentence that goes with it
 * stands in the context (base/ctx.h); one place in each half maps it to HTTP. */
#ifndef BASE_RC_H
#define BASE_RC_H

enum rc {
	OK = 0,
	E_AGAIN,    /* would block: run again where blocking is allowed */
	E_INPUT,    /* the caller sent something wrong */
	E_TOOBIG,   /* the caller sent too much */
	E_AUTH,     /* who are you? */
	E_DENIED,   /* you may not */
	E_NOTFOUND, /* no such thing, or not for you */
	E_CONFLICT, /* it exists already, or somebody was faster */
	E_REAUTH,   /* the owner must connect again */
	E_UPSTREAM, /* the other side failed: try later */
	E_BUSY,     /* this side is full: try later */
	E_STORE,    /* the database, a file, or a sealed value failed */
	E_BUG,      /* cannot happen */
};

#define MUST __attribute__((warn_unused_result))
#define PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))

/* The only control-flow macro: hand a failure to the caller as it is. */
#define TRY(expr)                         \
	do {                              \
		enum rc try_rc_ = (expr); \
		if (try_rc_ != OK)        \
			return try_rc_;   \
	} while (0)

#endif
