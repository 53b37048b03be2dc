/* ========================================================================== >>lua/lib_coroutine
   The coroutine library over a scheduler. A thread that yields says why in the guard. Only USER goes
   to whoever resumed it; anything else passes up through every resumer to the scheduler, and the way
   back down leads to the same thread again. So a generator may block or be pre-empted and its caller
   never notices.

   What the scheduler does with a thread T of its own:
     wippyli_coroutine_mark_owned(L, T);  once: anchors it, and Lua code cannot resume or close it
     wippyli_guard_switch(guard, T); lua_resume(T, NULL, n, &count); guard->running = NULL;
     on LUA_YIELD: read guard->yield_reason, set it to USER; USER: append it to the FIFO again
     wippyli_coroutine_release(L, T);     when it ended
   A blocking function sets yield_reason to BLOCKED and returns lua_yieldk(L, 0, ...), after
   wippyli_guard_check_block(); values given to lua_resume arrive at its continuation. The hook, at the
   end of a time slice and only if wippyli_guard_can_yield(L), sets PREEMPTED and calls lua_yield(L, 0).
   Holds: in the registry of a state the owned threads, under their addresses.
   Locks: none.  Allocates: Lua threads; a resume only stack. */
#ifndef WIPPYLI_LIB_COROUTINE_H
#define WIPPYLI_LIB_COROUTINE_H

#include "errors.h"

/* `coroutine` as a lazy table; a maker for wippyli_entry. */
WIPPYLI_FN int wippyli_coroutine_open(lua_State *L);

/* The scheduler owns `thread` from here until release: it stays alive, and resume, wrap and close by
   Lua code are refused. Not for the main thread of the state. */
WIPPYLI_FN void wippyli_coroutine_mark_owned(lua_State *L, lua_State *thread);
WIPPYLI_FN void wippyli_coroutine_release(lua_State *L, lua_State *thread);

/* Runs no Lua; needs a stack slot. */
WIPPYLI_FN bool wippyli_coroutine_is_owned(lua_State *L, lua_State *thread);

#endif /* WIPPYLI_LIB_COROUTINE_H */
