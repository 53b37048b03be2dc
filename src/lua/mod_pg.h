/* ========================================================================== >>lua/mod_pg
   The module `pg`: groups of processes by name, within scopes (entries of kind pg.scope). Only Lua
   processes join, each for itself; they leave when they end or their body is replaced.
   Holds: per runtime the groups that have members, and who watches them.
   Locks: the common one, for the walk of a group; none while messages are sent.
   Allocates: a record a group, membership and watch. */
#ifndef WIPPYLI_MOD_PG_H
#define WIPPYLI_MOD_PG_H

#include "channel.h"
#include "common.h"

WIPPYLI_FN const wippyli_library *wippyli_mod_pg(void);

/* The kind pg.scope. Returns: WIPPY_OK, _ERR_EXISTS, _ERR_NOMEM. */
WIPPYLI_FN wippy_result wippyli_pg_kind(wippyli_bridge *bridge);

#endif /* WIPPYLI_MOD_PG_H */
