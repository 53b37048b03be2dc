/* ========================================================================== >>lua/mod_registry
   The module `registry`: entries, snapshots, versions and changes. Reading happens within the step;
   what changes the registry runs handlers, so it goes to the pool of blocking calls.
   Holds: one snapshot a Snapshot object, until it is collected or the process ends.
   Locks: none.  Allocates: Lua values; a job while a change is under way. */
#ifndef WIPPYLI_MOD_REGISTRY_H
#define WIPPYLI_MOD_REGISTRY_H

#include "common.h"

WIPPYLI_FN const wippyli_library *wippyli_mod_registry(void);

#endif /* WIPPYLI_MOD_REGISTRY_H */
