/* ========================================================================== >>lua/lib_coroutine.c */
#include "lib_coroutine.h"

/* ------------------------------------------------------------------ ownership */

/* registry[address of the thread] = the thread */

WIPPYLI_FN void wippyli_coroutine_mark_owned(lua_State *L, lua_State *thread)
{
    lua_pushthread(thread);
    lua_xmove(thread, L, 1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, thread);
}

WIPPYLI_FN void wippyli_coroutine_release(lua_State *L, lua_State *thread)
{
    lua_pushnil(L);
    lua_rawsetp(L, LUA_REGISTRYINDEX, thread);
}

WIPPYLI_FN bool wippyli_coroutine_is_owned(lua_State *L, lua_State *thread)
{
    bool owned = lua_rawgetp(L, LUA_REGISTRYINDEX, thread) != LUA_TNIL;
    lua_pop(L, 1);
    return owned;
}

/* ------------------------------------------------------------------ what a thread is doing */

typedef enum wippyli_thread_status {
    WIPPYLI_THREAD_RUNNING = 0,
    WIPPYLI_THREAD_SUSPENDED,
    WIPPYLI_THREAD_NORMAL, /* waits for one it resumed, or for the scheduler on behalf of its resumer */
    WIPPYLI_THREAD_DEAD
} wippyli_thread_status;

static const char *const wippyli_thread_status_names[] = {"running", "suspended", "normal", "dead"};

static int wippyli_coroutine_yield(lua_State *L);

/* Does a suspended thread stand in coroutine.yield? If not, it blocks, was pre-empted, or resumed one
   that does: whoever resumed it waits for it still. */
static bool wippyli_thread_yielded(lua_State *thread)
{
    lua_Debug ar;
    if (wippyli_guard_of(thread)->passing == 0) {
        return true; /* nobody waits like that now */
    }
    if (!lua_getstack(thread, 0, &ar) || !lua_checkstack(thread, 1)) {
        return false;
    }
    lua_getinfo(thread, "f", &ar);
    bool yielded = lua_tocfunction(thread, -1) == wippyli_coroutine_yield;
    lua_pop(thread, 1);
    return yielded;
}

static wippyli_thread_status wippyli_thread_status_of(lua_State *L, lua_State *thread)
{
    lua_Debug ar;
    if (L == thread) {
        return WIPPYLI_THREAD_RUNNING;
    }
    switch (lua_status(thread)) {
    case LUA_YIELD:
        return wippyli_thread_yielded(thread) || wippyli_coroutine_is_owned(L, thread)
                   ? WIPPYLI_THREAD_SUSPENDED
                   : WIPPYLI_THREAD_NORMAL;
    case LUA_OK:
        if (lua_getstack(thread, 0, &ar)) {
            return WIPPYLI_THREAD_NORMAL;
        }
        return lua_gettop(thread) == 0 ? WIPPYLI_THREAD_DEAD : WIPPYLI_THREAD_SUSPENDED;
    default: return WIPPYLI_THREAD_DEAD;
    }
}

static lua_State *wippyli_check_thread(lua_State *L, int index)
{
    lua_State *thread = lua_tothread(L, index);
    if (!thread) {
        luaL_typeerror(L, index, "coroutine");
    }
    return thread;
}

/* ------------------------------------------------------------------ resume */

/* NULL = it may be resumed with `count` values, otherwise why not. */
static const char *wippyli_resume_refusal(lua_State *L, lua_State *thread, int count)
{
    switch (wippyli_thread_status_of(L, thread)) {
    case WIPPYLI_THREAD_SUSPENDED: break;
    case WIPPYLI_THREAD_DEAD: return "cannot resume dead coroutine";
    default: return "cannot resume non-suspended coroutine";
    }
    return lua_checkstack(thread, count) ? NULL : "too many arguments to resume";
}

typedef enum wippyli_outcome {
    WIPPYLI_OUTCOME_VALUES = 0, /* it returned or yielded: values on its stack */
    WIPPYLI_OUTCOME_ERROR,      /* the error on its stack */
    WIPPYLI_OUTCOME_PASS        /* it waits for the scheduler: yield on its behalf */
} wippyli_outcome;

static int wippyli_thread_close(lua_State *L, lua_State *thread);

/* A thread waits for the scheduler where its resumer cannot yield. Blocking functions ask before
   (wippyli_guard_check_block); for one that did not, this is all that is left. */
static void wippyli_thread_give_up(lua_State *L, lua_State *thread, int count)
{
    lua_pop(thread, count);
    wippyli_thread_close(L, thread);
    lua_settop(thread, 0);
    lua_pushliteral(thread, "attempt to yield across a C-call boundary");
}

/* Let `thread` run with the top *count values of its stack; *count becomes the number of results. */
static wippyli_outcome wippyli_thread_run(lua_State *L, lua_State *thread, int *count)
{
    wippyli_guard *guard = wippyli_guard_of(L);
    bool can_pass = wippyli_guard_can_yield(L);
    int argument_count = *count;
    for (;;) {
        if (guard->killed) { /* a __close that is C gets here */
            wippyli_guard_stop(L);
        }
        guard->pinned += can_pass ? 0 : 1;
        wippyli_guard_switch(guard, thread);
        int status = lua_resume(thread, L, argument_count, count);
        wippyli_guard_switch(guard, L);
        guard->pinned -= can_pass ? 0 : 1;
        if (guard->killed) {
            wippyli_guard_stop(L);
        }
        if (status != LUA_YIELD) {
            return status == LUA_OK ? WIPPYLI_OUTCOME_VALUES : WIPPYLI_OUTCOME_ERROR;
        }
        if (guard->yield_reason == WIPPYLI_YIELD_USER) {
            return WIPPYLI_OUTCOME_VALUES;
        }
        if (can_pass) {
            return WIPPYLI_OUTCOME_PASS;
        }
        int reason = guard->yield_reason;
        guard->yield_reason = WIPPYLI_YIELD_USER;
        if (reason == WIPPYLI_YIELD_BLOCKED) {
            wippyli_thread_give_up(L, thread, *count);
            return WIPPYLI_OUTCOME_ERROR;
        }
        lua_pop(thread, *count);
        argument_count = 0;
    }
}

/* Move the results of a thread to its resumer. */
static void wippyli_thread_results(lua_State *L, lua_State *thread, int count)
{
    if (!lua_checkstack(L, count + 1)) {
        lua_pop(thread, count);
        luaL_error(L, "too many results to resume");
    }
    lua_xmove(thread, L, count);
}

/* Yield what the thread yielded, with the same reason. */
static int wippyli_thread_pass(lua_State *L, lua_State *thread, int count, lua_KFunction then)
{
    wippyli_thread_results(L, thread, count);
    wippyli_guard_of(L)->passing++;
    return lua_yieldk(L, count, 0, then);
}

/* `values` values on top of the stack go to the thread at 1. */
static int wippyli_coroutine_resume_with(lua_State *L, int values);

static int wippyli_coroutine_resumed(lua_State *L, int status, lua_KContext context)
{
    (void)status;
    (void)context;
    wippyli_guard_of(L)->passing--;
    return wippyli_coroutine_resume_with(L, lua_gettop(L) - 1);
}

static int wippyli_coroutine_resume_with(lua_State *L, int values)
{
    lua_State *thread = lua_tothread(L, 1);
    int count = values;
    lua_xmove(L, thread, values);
    switch (wippyli_thread_run(L, thread, &count)) {
    case WIPPYLI_OUTCOME_VALUES:
        lua_pushboolean(L, 1);
        wippyli_thread_results(L, thread, count);
        return count + 1;
    case WIPPYLI_OUTCOME_ERROR:
        lua_pushboolean(L, 0);
        lua_xmove(thread, L, 1);
        return 2;
    default: return wippyli_thread_pass(L, thread, count, wippyli_coroutine_resumed);
    }
}

static int wippyli_coroutine_resume(lua_State *L)
{
    lua_State *thread = wippyli_check_thread(L, 1);
    int values = lua_gettop(L) - 1;
    const char *refusal = wippyli_coroutine_is_owned(L, thread)
                              ? "cannot resume a scheduled coroutine"
                              : wippyli_resume_refusal(L, thread, values);
    if (refusal) {
        lua_pushboolean(L, 0);
        lua_pushstring(L, refusal);
        return 2;
    }
    return wippyli_coroutine_resume_with(L, values);
}

/* ------------------------------------------------------------------ close */

/* Run what the thread still has to close; an error is then on its stack. */
static int wippyli_thread_close(lua_State *L, lua_State *thread)
{
    wippyli_guard *guard = wippyli_guard_of(L);
    if (guard->killed) {
        wippyli_guard_stop(L);
    }
    guard->pinned++;
    wippyli_guard_switch(guard, thread);
    int status = lua_resetthread(thread);
    wippyli_guard_switch(guard, L);
    guard->pinned--;
    if (guard->killed) {
        wippyli_guard_stop(L);
    }
    return status;
}

static int wippyli_coroutine_close(lua_State *L)
{
    lua_State *thread = wippyli_check_thread(L, 1);
    if (wippyli_coroutine_is_owned(L, thread)) {
        lua_pushboolean(L, 0);
        lua_pushliteral(L, "cannot resume a scheduled coroutine");
        return 2;
    }
    wippyli_thread_status status = wippyli_thread_status_of(L, thread);
    if (status != WIPPYLI_THREAD_DEAD && status != WIPPYLI_THREAD_SUSPENDED) {
        return luaL_error(L, "cannot close a %s coroutine",
                          wippyli_thread_status_names[(int)status]);
    }
    if (wippyli_thread_close(L, thread) == LUA_OK) {
        lua_pushboolean(L, 1);
        return 1;
    }
    lua_pushboolean(L, 0);
    lua_xmove(thread, L, 1);
    return 2;
}

/* ------------------------------------------------------------------ wrap */

/* The error of a wrapped thread goes on as it is: one position is enough. */
static int wippyli_wrap_failed(lua_State *L, lua_State *thread)
{
    if (lua_status(thread) != LUA_OK) {
        wippyli_thread_close(L, thread);
    }
    lua_xmove(thread, L, 1);
    return lua_error(L);
}

static int wippyli_wrap_with(lua_State *L, lua_State *thread, int values);

static int wippyli_wrap_resumed(lua_State *L, int status, lua_KContext context)
{
    (void)status;
    (void)context;
    wippyli_guard_of(L)->passing--;
    return wippyli_wrap_with(L, lua_tothread(L, lua_upvalueindex(1)), lua_gettop(L));
}

static int wippyli_wrap_with(lua_State *L, lua_State *thread, int values)
{
    int count = values;
    lua_xmove(L, thread, values);
    switch (wippyli_thread_run(L, thread, &count)) {
    case WIPPYLI_OUTCOME_VALUES: wippyli_thread_results(L, thread, count); return count;
    case WIPPYLI_OUTCOME_ERROR: return wippyli_wrap_failed(L, thread);
    default: return wippyli_thread_pass(L, thread, count, wippyli_wrap_resumed);
    }
}

/* A wrapped thread is never one of the scheduler's. */
static int wippyli_wrap_call(lua_State *L)
{
    lua_State *thread = lua_tothread(L, lua_upvalueindex(1));
    const char *refusal = wippyli_resume_refusal(L, thread, lua_gettop(L));
    if (refusal) {
        return luaL_error(L, "%s", refusal);
    }
    return wippyli_wrap_with(L, thread, lua_gettop(L));
}

static int wippyli_coroutine_create(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TFUNCTION);
    lua_State *thread = lua_newthread(L);
    lua_pushvalue(L, 1);
    lua_xmove(L, thread, 1);
    return 1;
}

static int wippyli_coroutine_wrap(lua_State *L)
{
    wippyli_coroutine_create(L);
    lua_pushcclosure(L, wippyli_wrap_call, 1);
    return 1;
}

/* ------------------------------------------------------------------ the rest */

static int wippyli_coroutine_yield(lua_State *L)
{
    if (!lua_isyieldable(L)) {
        if (wippyli_guard_of(L)->loading) {
            return luaL_error(L, "cannot block while the script loads (coroutine.yield)");
        }
        return luaL_error(L, "attempt to yield across a C-call boundary (coroutine.yield)");
    }
    wippyli_guard_of(L)->yield_reason = WIPPYLI_YIELD_USER;
    return lua_yield(L, lua_gettop(L));
}

static int wippyli_coroutine_status(lua_State *L)
{
    wippyli_thread_status status = wippyli_thread_status_of(L, wippyli_check_thread(L, 1));
    lua_pushstring(L, wippyli_thread_status_names[(int)status]);
    return 1;
}

static int wippyli_coroutine_running(lua_State *L)
{
    int is_main = lua_pushthread(L);
    lua_pushboolean(L, is_main);
    return 2;
}

static int wippyli_coroutine_isyieldable(lua_State *L)
{
    lua_State *thread = lua_isnoneornil(L, 1) ? L : wippyli_check_thread(L, 1);
    lua_pushboolean(L, lua_isyieldable(thread));
    return 1;
}

static int wippyli_coroutine_spawn(lua_State *L)
{
    lua_CFunction spawn = wippyli_guard_of(L)->shared->spawn;
    if (spawn) {
        lua_pushcfunction(L, spawn);
    } else {
        lua_pushnil(L);
    }
    return 1;
}

static const wippyli_entry wippyli_coroutine_entries[] = {
    {"close", wippyli_coroutine_close, 0, NULL},
    {"create", wippyli_coroutine_create, 0, NULL},
    {"isyieldable", wippyli_coroutine_isyieldable, 0, NULL},
    {"resume", wippyli_coroutine_resume, 0, NULL},
    {"running", wippyli_coroutine_running, 0, NULL},
    {"spawn", wippyli_coroutine_spawn, WIPPYLI_MAKE, NULL},
    {"status", wippyli_coroutine_status, 0, NULL},
    {"wrap", wippyli_coroutine_wrap, 0, NULL},
    {"yield", wippyli_coroutine_yield, 0, NULL},
};

static const wippyli_library wippyli_coroutine_library = {
    "coroutine", wippyli_coroutine_entries, WIPPYLI_COUNT(wippyli_coroutine_entries), NULL, NULL};

WIPPYLI_FN int wippyli_coroutine_open(lua_State *L)
{
    wippyli_library_push(L, &wippyli_coroutine_library);
    return 1;
}
