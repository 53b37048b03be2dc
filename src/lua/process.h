/* ========================================================================== >>lua/process
   What runs inside one Lua process: its coroutines in one FIFO, the yields they wait for, what it
   holds. Above it stand channel (coroutines meet), inbox (mail meets channels), body (init, step,
   close) and the Lua modules.
   STABLE for authors of modules: everything above the line "private".

   Rule L1: no Lua API call that can allocate or raise outside protection. Protected is every C
   function called by Lua, every `then`, `push` and `take` below. Not protected are `done` of a yield
   and `run` of a cleanup: they may only note things and use the functions that say "runs no Lua".
   Holds: one per process, in the core's state bytes.  Locks: none, one thread at a time. */
#ifndef WIPPYLI_PROCESS_H
#define WIPPYLI_PROCESS_H

#include "lvalue.h"

typedef struct wippyli_process wippyli_process;
typedef struct wippyli_bridge wippyli_bridge; /* one per runtime, see state.h */

/* ---- who runs */

/* The process of any of its threads. */
WIPPYLI_INLINE wippyli_process *wippyli_process_of(lua_State *L)
{
    return *(wippyli_process **)lua_getextraspace(L);
}

/* For the verbs of wippy.h; valid during the current step (or init) only. */
WIPPYLI_FN wippy_self *wippyli_self(const wippyli_process *process);
WIPPYLI_FN wippy_runtime *wippyli_runtime(const wippyli_process *process);
WIPPYLI_FN wippyli_bridge *wippyli_bridge_of(const wippyli_process *process);

/* ---- waiting
   A blocking function in three steps:

       wippyli_check_block(L, "time.sleep");                      raises where it cannot wait
       wippy_result r = wippy_timer(self, ns, wippyli_await_tag(L), wippyli_await_token(L));
       if (r != WIPPY_PENDING) return wippyli_await_failed(L, r);  nil, error
       return wippyli_await(L, then, ctx);                        continues in `then`           */

/* Raises `attempt to yield across a C-call boundary (name)` or `cannot block while the script loads`;
   call it before anything is begun or taken. */
WIPPYLI_FN void wippyli_check_block(lua_State *L, const char *name);
WIPPYLI_FN bool wippyli_can_block(lua_State *L);

/* Runs protected when the yield completed; `mail` (kind DONE: result, values) is valid until it
   returns. Its Lua stack is that of the function that called wippyli_await(). May wait again. */
typedef int (*wippyli_then)(lua_State *L, const wippy_mail *mail, lua_KContext ctx);

/* Tag and token for the one yield the running coroutine is about to wait for. Raises RateLimited text
   only through wippyli_await_failed(): a tag of 0 means there is no memory (give it up then). */
WIPPYLI_FN uint64_t wippyli_await_tag(lua_State *L);
WIPPYLI_FN wippy_token *wippyli_await_token(lua_State *L);

/* Return what it answers. */
WIPPYLI_FN int wippyli_await(lua_State *L, wippyli_then then, lua_KContext ctx);

/* The verb did not answer PENDING: forget the tag, push nil and an error object; answers 2. */
WIPPYLI_FN int wippyli_await_failed(lua_State *L, wippy_result result);
/* The same without pushing anything. */
WIPPYLI_FN void wippyli_await_cancel(lua_State *L);

/* ---- yields nobody stands still for (timers, futures)
   Embed one in your memory, which must stay where it is (anchor the userdata) until done or dropped. */
typedef struct wippyli_yield wippyli_yield;
struct wippyli_yield {
    /* The completion; not protected. The yield is free again when it is called. */
    void (*done)(wippyli_process *process, wippyli_yield *yield, const wippy_mail *mail);
    wippy_token token; /* give its address to the verb that asks */
    uint32_t slot;     /* private; 0 = not open */
};

/* Get a tag; the yield counts as open from here. 0 = no memory (RateLimited). Runs no Lua. */
WIPPYLI_FN uint64_t wippyli_yield_open(wippyli_process *process, wippyli_yield *yield);
/* The verb refused: forget the tag. */
WIPPYLI_FN void wippyli_yield_refused(wippyli_process *process, wippyli_yield *yield);
/* Give up an open yield: `done` will not be called. False: it was not open. Runs no Lua. */
WIPPYLI_FN bool wippyli_yield_drop(wippyli_process *process, wippyli_yield *yield);
WIPPYLI_INLINE bool wippyli_yield_is_open(const wippyli_yield *yield)
{
    return yield->slot != 0;
}

/* ---- what a process holds */

/* Count memory that is not in the Lua heap against the process's limit. False: over it, nothing is
   counted; answer wippyli_rate_limited(L). Run no Lua. */
WIPPYLI_FN bool wippyli_charge(wippyli_process *process, size_t bytes);
WIPPYLI_FN void wippyli_refund(wippyli_process *process, size_t bytes);

/* Memory of the process that is dropped with it, counted; NULL = no memory. Runs no Lua. */
WIPPYLI_FN void *wippyli_get(wippyli_process *process, size_t bytes);
WIPPYLI_FN void wippyli_put(wippyli_process *process, void *ptr, size_t bytes);

/* Push nil and the error RateLimited "memory limit exceeded"; answers 2. */
WIPPYLI_FN int wippyli_rate_limited(lua_State *L);

/* Called once when the process ends or its body is replaced, newest first; not protected, and the Lua
   state is not to be touched. For what lives outside: descriptors, frames, subscriptions. */
typedef struct wippyli_cleanup wippyli_cleanup;
struct wippyli_cleanup {
    void (*run)(wippyli_process *process, wippyli_cleanup *cleanup);
    wippyli_cleanup *next; /* private */
    wippyli_cleanup *previous;
};
WIPPYLI_FN void wippyli_cleanup_add(wippyli_process *process, wippyli_cleanup *cleanup);
WIPPYLI_FN void wippyli_cleanup_remove(wippyli_process *process, wippyli_cleanup *cleanup);

/* A module's own word per process, zero at first: key is the address of something static. Raises
   without memory; the memory is `bytes` zeroed bytes that live as long as the process. */
WIPPYLI_FN void *wippyli_module_state(lua_State *L, const void *key, size_t bytes);

/* ------------------------------------------------------------------ private */

#endif /* WIPPYLI_PROCESS_H */
