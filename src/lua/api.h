/* SPDX-License-Identifier: MIT
   wippy_lua.h - Lua 5.4 processes for wippy.h: isolated states, channels, messages, upgrade.

@MANUAL@
*/
#ifndef WIPPY_LUA_H
#define WIPPY_LUA_H

#ifndef WIPPY_H
#include "wippy.h"
#endif

struct lua_State;

#ifdef __cplusplus
extern "C" {
#endif

/* ====================================================================== >>lua */

#define WIPPY_LUA_TYPE "lua" /* name of the process type, see wippy_type_find() */

/* How the processes of the bridge are made. Zeroed = all defaults. */
typedef struct wippy_lua_desc {
    size_t memory_limit;        /* bytes one process may hold; 0 = only the host's memory_limit */
    uint32_t slice_instructions; /* VM instructions between two looks at the time slice where the
                                   count hook is used; default 10,000 */
    uint32_t slice_looks;       /* looks until such a step is interrupted, whatever the clock says;
                                   default 100 */
    bool hook_always;           /* count hook on pool hosts too (no signal may interrupt a step) */
    bool hook_never;            /* no count hook on pump hosts: a busy loop is never interrupted */
    bool no_recycle;            /* give memory of ended processes back at once */
    uint32_t recycle_bytes;     /* most memory kept warm for the next process; default 4 MiB */
    int argc;                   /* arguments of the program, for io.args() */
    const char *const *argv;    /* must live as long as the runtime */
    /* What system.exit(code) does, on the thread of the step; NULL = wippy_stop(). It should begin the
       end and return. */
    void (*exit_fn)(wippy_runtime *rt, int64_t code, void *user_data);
    void *user_data; /* of exit_fn */
} wippy_lua_desc;

/* Bring Lua to a runtime: the process type "lua" and the entry kinds process.lua, function.lua and
   library.lua.

   desc     NULL or zeroed = all defaults; copied

   A process can also be started without an entry: give wippy_spawn() the type "lua" and as input
   either raw bytes, which are the source text, or values: the first is the source text or a map
   {source, method, name, modules, imports} like the data of an entry, the others are arguments.

   Thread:  any, once for a runtime, before entries are loaded.
   Returns: WIPPY_OK, _ERR_EXISTS (open already), _ERR_NOMEM, _ERR_INVALID (slice_instructions over
            2^31 - 1, hook_always together with hook_never). Another Lua than 5.4 does not compile.
   Cost:    a few allocations, one short-lived Lua state. */
WIPPY_API wippy_result wippy_lua_open(wippy_runtime *rt, const wippy_lua_desc *desc);

/* One function of a module, as in luaL_Reg. */
typedef struct wippy_lua_function {
    const char *name;
    int (*fn)(struct lua_State *L); /* user_data: wippy_lua_user_data() of the module */
} wippy_lua_function;

/* A module that entries may name in `modules`. Either functions or open, not both. */
typedef struct wippy_lua_module_desc {
    const char *name; /* global under which a process sees it; copied */
    /* A table of functions. Costs a process nothing for functions it does not use. Must live as long
       as the runtime. */
    const wippy_lua_function *functions;
    uint32_t function_count;
    /* Or: called once in each process that asked for the module, protected; pushes the module. */
    int (*open)(struct lua_State *L);
    void *user_data;
} wippy_lua_module_desc;

/* Add a module, or replace the bridge's own of that name.

   desc     the desc and its name are copied

   Thread:  any, after wippy_lua_open() and before entries are loaded.
   Returns: WIPPY_OK, _ERR_INVALID (no name, both or neither of functions and open), _ERR_EXISTS
            (added twice), _ERR_NOTFOUND (no wippy_lua_open() yet), _ERR_LIMIT (too many),
            _ERR_NOMEM. */
WIPPY_API wippy_result wippy_lua_module(wippy_runtime *rt, const wippy_lua_module_desc *desc);

/* user_data of the module `name`, for its functions; NULL when there is none of that name.
   Thread:  a function called by Lua.   Cost: a search among the modules. */
WIPPY_API void *wippy_lua_user_data(struct lua_State *L, const char *name);

/* The running process, to be used with any verb of wippy.h.
   Thread:  a function called by Lua, or `open` of a module. */
WIPPY_API wippy_self *wippy_lua_self(struct lua_State *L);

/* Append a copy of the Lua value at `index` to `out`: nil, booleans, numbers, strings, tables with
   shared and cyclic parts, error objects. Anything else becomes nil. Runs no Lua code.

   Thread:  a function called by Lua.
   Returns: WIPPY_OK, _ERR_LIMIT ("nesting too deep"), _ERR_NOMEM; the writer then failed too. */
WIPPY_API wippy_result wippy_lua_encode(struct lua_State *L, int index, wippy_writer *out);

/* Push `count` encoded values. Raises a Lua error for malformed bytes or when there is no memory.
   Thread:  a function called by Lua.   Returns: count. */
WIPPY_API int wippy_lua_decode(struct lua_State *L, const void *data, size_t size, uint32_t count);

/* Let the running coroutine wait for a yield, like this:

       static int answer(struct lua_State *L, const wippy_mail *mail, void *arg)
       {
           return wippy_lua_decode(L, wippy_mail_data(mail), mail->size, mail->count);
       }
       static int ask(struct lua_State *L)
       {
           uint64_t tag = wippy_lua_wait_tag(L, "module.ask");
           wippy_result r = wippy_command_yield(wippy_lua_self(L), command, 0, 0, 0, tag, 0);
           return r == WIPPY_PENDING ? wippy_lua_wait(L, answer, arg) : wippy_lua_fail(L, r);
       }

   wippy_lua_wait_tag:  tag to ask with; raises where `name` cannot block, and nothing is begun
   wippy_lua_wait:      must be returned at once; `then` runs, protected, when the yield is complete;
                        what it returns is what the Lua function returns
   wippy_lua_fail:      push nil and an error object of that result; answers 2
   Thread:  a function called by Lua. */
WIPPY_API uint64_t wippy_lua_wait_tag(struct lua_State *L, const char *name);
WIPPY_API int wippy_lua_wait(struct lua_State *L,
                             int (*then)(struct lua_State *L, const wippy_mail *mail, void *arg),
                             void *arg);
WIPPY_API int wippy_lua_fail(struct lua_State *L, wippy_result result);

#ifdef __cplusplus
} /* extern "C" */

inline wippy_result wippy_lua_open(wippy_runtime *rt, const wippy_lua_desc &desc)
{
    return wippy_lua_open(rt, &desc);
}
inline wippy_result wippy_lua_module(wippy_runtime *rt, const wippy_lua_module_desc &desc)
{
    return wippy_lua_module(rt, &desc);
}
#endif

#endif /* WIPPY_LUA_H */
