/* ========================================================================== >>lua/lib_base
   The global functions, `package`, and the list of what every state has.

   pcall and xpcall can be yielded through; once the state is killed they end no error and call no
   handler. next, pairs, rawget, rawset, getmetatable and setmetatable know lazy tables; the metatables
   of strings, userdata, libraries and _G are out of reach. A metatable with __gc is refused: hooks are
   off in a finalizer, so one that loops could not be stopped.
   Holds: no state.  Locks: none.  Allocates: Lua objects. */
#ifndef WIPPYLI_LIB_BASE_H
#define WIPPYLI_LIB_BASE_H

#include "errors.h"

/* Set what a sandbox takes from here: globals, strings, format. Once per runtime; the allocator is used
   for a short-lived state.
   Returns: WIPPY_OK, _ERR_NOMEM. */
WIPPYLI_FN wippy_result wippyli_base_init(wippyli_sandbox *shared, lua_Alloc alloc_fn, void *ud);

#endif /* WIPPYLI_LIB_BASE_H */
