#include "base/secret.h"

struct secret
secret_of(struct str s)
{
	return (struct secret){ .hidden_ = s };
}

struct secret
secret_dup(struct arena *a, struct secret s)
{
	return (struct secret){ .hidden_ = str_dup(a, s.hidden_) };
}

struct str
secret_expose(struct secret s)
{
	return s.hidden_;
}

bool
secret_empty(struct secret s)
{
	return s.hidden_.len == 0;
}
