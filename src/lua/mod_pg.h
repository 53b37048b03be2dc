/* ========================================================================== >>lua/mod_pg
   The module `pg`: the groups of wippy.h, within scopes that entries of kind pg.scope declare.
   Holds: a membership is the process's, also over an upgrade; a watch is the body's.
   Locks: none.  Allocates: from the process. */
#ifndef WIPPYLI_MOD_PG_H
#define WIPPYLI_MOD_PG_H

#include "common.h"
#include "subscription.h"

WIPPYLI_FN const wippyli_library *wippyli_mod_pg(void);

#endif /* WIPPYLI_MOD_PG_H */
