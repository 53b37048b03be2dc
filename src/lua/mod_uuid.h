/* ========================================================================== >>lua/mod_uuid
   The module `uuid`: v4 (random) and v7 (time, then random), as text. The randomness is that of the
   runtime: with a fixed random_seed the same run gives the same numbers.
   Holds: no state.  Locks: none.  Allocates: Lua strings. */
#ifndef WIPPYLI_MOD_UUID_H
#define WIPPYLI_MOD_UUID_H

#include "process.h"

WIPPYLI_FN const wippyli_library *wippyli_uuid_module(void);

#endif /* WIPPYLI_MOD_UUID_H */
