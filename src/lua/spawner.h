/* ========================================================================== >>lua/spawner
   Starting processes from Lua: process.spawn and its variants, process.exec, and spawner objects, which
   carry context values, identity, name and messages for the child. A spawner is immutable; with_...
   makes another one.
   Holds: no state.  Locks: none.  Allocates: Lua objects; a frame during the call. */
#ifndef WIPPYLI_SPAWNER_H
#define WIPPYLI_SPAWNER_H

#include "inbox.h"
#include "state.h"

WIPPYLI_FN int wippyli_process_spawn(lua_State *L);
WIPPYLI_FN int wippyli_process_spawn_monitored(lua_State *L);
WIPPYLI_FN int wippyli_process_spawn_linked(lua_State *L);
WIPPYLI_FN int wippyli_process_spawn_linked_monitored(lua_State *L);
WIPPYLI_FN int wippyli_process_exec(lua_State *L);
WIPPYLI_FN int wippyli_process_with_context(lua_State *L);
WIPPYLI_FN int wippyli_process_with_options(lua_State *L);

/* For modules that start processes with an identity of their own (funcs): the frame of the caller with
   the context values of the table at `context` (0 = none) over it, and the actor and scope at these
   indexes (0 = the caller's). *out is held by the caller. Raises for keys that are no strings.
   Returns: WIPPY_OK, _ERR_NOMEM, _ERR_INVALID. */
WIPPYLI_FN wippy_result wippyli_frame_of(lua_State *L, int context, int actor, int scope,
                                         wippy_frame **out);

#endif /* WIPPYLI_SPAWNER_H */
