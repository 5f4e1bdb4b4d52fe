/* sandbox/tree/upgrade.h - brings a database of the first release up to what this room expects.
 *
 * There the contents stood in the table files and names were compared in ASCII lower case. Runs at each
 * start and finds nothing to do, at once, in a database that has been through it. Store held for
 * writing, contents open. */
#ifndef SANDBOX_TREE_UPGRADE_H
#define SANDBOX_TREE_UPGRADE_H

#include "base/ctx.h"

struct sandbox;

MUST enum rc tree_upgrade(struct sandbox *s, struct ctx *cx);

#endif
