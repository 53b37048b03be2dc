/* ========================================================================== >>lua/lib_process
   The global `process` with `process.event` and `process.registry`, the global `channel`, and the
   globals subscribe and unsubscribe.
   Holds: no state.  Locks: none.  Allocates: Lua objects. */
#ifndef WIPPYLI_LIB_PROCESS_H
#define WIPPYLI_LIB_PROCESS_H

#include "body.h"
#include "spawner.h"

#endif /* WIPPYLI_LIB_PROCESS_H */
