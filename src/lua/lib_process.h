/* ========================================================================== >>lua/lib_process
   The global `process` with `process.event` and `process.registry`, the global `channel`, and the
   globals subscribe and unsubscribe.
   Holds: no state.  Locks: none.  Allocates: Lua objects. */
#ifndef WIPPYLI_LIB_PROCESS_H
#define WIPPYLI_LIB_PROCESS_H

#include "body.h"
#include "spawner.h"

/* Read a destination, a pid or a registered name, at `index`; raises when it is no string. False: nil
   and an error object were pushed. */
WIPPYLI_FN bool wippyli_check_destination(lua_State *L, int index, wippy_pid *out);

#endif /* WIPPYLI_LIB_PROCESS_H */
