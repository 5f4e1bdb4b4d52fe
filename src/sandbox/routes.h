/* sandbox/routes.h - every address of the sandbox, as rows. */
#ifndef SANDBOX_ROUTES_H
#define SANDBOX_ROUTES_H

struct sandbox;

/* Fills s->routes and s->site. */
void routes_prepare(struct sandbox *s);

#endif
