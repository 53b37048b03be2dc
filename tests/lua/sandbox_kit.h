/* A sandboxed Lua state with the smallest scheduler that keeps the rules of lib_coroutine.h: one FIFO
   of threads, a function that blocks, a count hook that pre-empts or kills.

       kit k;
       kit_open(&k);
       CHECK_STR(kit_eval(&k, "return 1 + 1"), "2");
       kit_close(&k);

   kit_eval gives the results as text, joined by spaces, or "error: " and the error. */
#ifndef WIPPY_TEST_SANDBOX_KIT_H
#define WIPPY_TEST_SANDBOX_KIT_H

#include "../../src/lua/sandbox.c"
#include "../../src/lua/object.c"
#include "../../src/lua/errors.c"
#include "../../src/lua/gotime.c"
#include "../../src/lua/zonerule.c"
#include "../../src/lua/gozone.c"
#include "../../src/lua/golayout.c"
#include "../../src/lua/strftime.c"
#include "../../src/lua/lib_pattern.c"
#include "../../src/lua/lexer.c"
#include "../../src/lua/lib_string.c"
#include "../../src/lua/lib_table.c"
#include "../../src/lua/lib_math.c"
#include "../../src/lua/lib_os.c"
#include "../../src/lua/lib_coroutine.c"
#include "../../src/lua/lib_base.c"

#include "../test.h"

#define KIT_THREADS   64
#define KIT_BLOCK_MAX ((size_t)1 << 31)

typedef struct kit {
    wippyli_guard guard; /* first: the extra space points here */
    wippyli_sandbox shared;
    lua_State *L;
    size_t bytes;
    size_t limit; /* 0 = none */
    lua_State *queue[KIT_THREADS];
    int resumed_with[KIT_THREADS]; /* values each gets */
    unsigned queue_count;
    unsigned steps;            /* lua_resume calls of the scheduler */
    unsigned block_count;      /* times something blocked */
    int hook_count;            /* instructions between hooks; 0 = no hook */
    unsigned hooks_until_kill; /* 0 = never */
    bool preempt;
    unsigned polls_until_kill; /* 0 = never */
    unsigned polls;
    char text[4096];
} kit;

static void *kit_alloc(void *ud, void *ptr, size_t old_size, size_t new_size)
{
    kit *k = (kit *)ud;
    size_t old = ptr ? old_size : 0;
    if (new_size == 0) {
        free(ptr);
        k->bytes -= old;
        return NULL;
    }
    if (new_size > KIT_BLOCK_MAX) {
        return NULL;
    }
    if (k->limit && new_size > old && k->bytes - old + new_size > k->limit) {
        return NULL;
    }
    void *block = realloc(ptr, new_size);
    if (block) {
        k->bytes += new_size - old;
    }
    return block;
}

static kit *kit_of(lua_State *L)
{
    return (kit *)wippyli_guard_of(L);
}

static bool kit_poll(lua_State *L, void *user_data)
{
    kit *k = (kit *)user_data;
    (void)L;
    k->polls++;
    return k->polls_until_kill && k->polls >= k->polls_until_kill;
}

static void kit_print(lua_State *L, const char *text, size_t size, void *user_data)
{
    kit *k = (kit *)user_data;
    (void)L;
    snprintf(k->text, sizeof(k->text), "%.*s", (int)size, text);
}

/* ---- blocking: goes to the scheduler, comes back with its first argument */

static int kit_block_then(lua_State *L, int status, lua_KContext context)
{
    (void)status;
    (void)context;
    lua_settop(L, 1);
    return 1;
}

static int kit_block(lua_State *L)
{
    kit *k = kit_of(L);
    lua_settop(L, 1);
    wippyli_guard_check_block(L, "block");
    k->block_count++;
    k->guard.yield_reason = WIPPYLI_YIELD_BLOCKED;
    return lua_yieldk(L, 0, 0, kit_block_then);
}

/* One that does not ask whether it may. */
static int kit_block_rudely(lua_State *L)
{
    kit_of(L)->guard.yield_reason = WIPPYLI_YIELD_BLOCKED;
    return lua_yield(L, 0);
}

/* Kills the state from inside, with no hook anywhere. */
static int kit_die(lua_State *L)
{
    return wippyli_guard_stop(L);
}

/* ---- the hook */

static void kit_hook(lua_State *L, lua_Debug *ar)
{
    kit *k = kit_of(L);
    (void)ar;
    if (k->hooks_until_kill && --k->hooks_until_kill == 0) {
        k->guard.killed = true;
    }
    if (k->guard.killed) {
        wippyli_guard_stop(L);
    } else if (k->preempt && wippyli_guard_can_yield(L)) {
        k->guard.yield_reason = WIPPYLI_YIELD_PREEMPTED;
        lua_yield(L, 0);
    }
}

/* ---- scheduler */

static void kit_append(kit *k, lua_State *thread, int value_count)
{
    if (k->queue_count == KIT_THREADS) {
        FAIL("too many threads");
        return;
    }
    k->queue[k->queue_count] = thread;
    k->resumed_with[k->queue_count++] = value_count;
}

static void kit_prepend(kit *k, lua_State *thread)
{
    kit_append(k, thread, 0);
    memmove(k->queue + 1, k->queue, (k->queue_count - 1) * sizeof(k->queue[0]));
    memmove(k->resumed_with + 1, k->resumed_with,
            (k->queue_count - 1) * sizeof(k->resumed_with[0]));
    k->queue[0] = thread;
    k->resumed_with[0] = 0;
}

static lua_State *kit_new_thread(lua_State *L)
{
    lua_State *thread = lua_newthread(L);
    wippyli_coroutine_mark_owned(L, thread);
    if (kit_of(L)->hook_count > 0) {
        lua_sethook(thread, kit_hook, LUA_MASKCOUNT, kit_of(L)->hook_count);
    }
    lua_pop(L, 1);
    return thread;
}

static int kit_spawn(lua_State *L)
{
    lua_State *thread = kit_new_thread(L);
    lua_pushvalue(L, 1);
    lua_xmove(L, thread, 1);
    kit_append(kit_of(L), thread, 0);
    lua_pushthread(thread);
    lua_xmove(thread, L, 1);
    return 1;
}

/* Run until the main thread ends; its status, or LUA_YIELD when the state was killed or everybody is
   stuck. */
static int kit_schedule(kit *k, lua_State *main_thread)
{
    kit_append(k, main_thread, lua_gettop(main_thread) - 1);
    while (k->queue_count > 0) {
        lua_State *thread = k->queue[0];
        int values = k->resumed_with[0];
        k->queue_count--;
        memmove(k->queue, k->queue + 1, k->queue_count * sizeof(k->queue[0]));
        memmove(k->resumed_with, k->resumed_with + 1, k->queue_count * sizeof(k->resumed_with[0]));
        int count = 0;
        k->steps++;
        wippyli_guard_switch(&k->guard, thread);
        int status = lua_resume(thread, NULL, values, &count);
        int reason = k->guard.yield_reason;
        k->guard.yield_reason = WIPPYLI_YIELD_USER;
        CHECK_EQ_INT(k->guard.pinned, 0);
        if (k->guard.killed) {
            return LUA_YIELD;
        }
        if (status != LUA_YIELD) {
            if (thread == main_thread || status != LUA_OK) {
                return status;
            }
            wippyli_coroutine_release(k->L, thread);
        } else if (reason == WIPPYLI_YIELD_PREEMPTED) {
            kit_prepend(k, thread);
        } else {
            lua_pop(thread, count);
            kit_append(k, thread, 0);
        }
    }
    return LUA_YIELD;
}

/* ---- states */

static int kit_open_protected(lua_State *L)
{
    wippyli_sandbox_open(L);
    lua_pushcfunction(L, kit_block);
    lua_setglobal(L, "block");
    lua_pushcfunction(L, kit_block_rudely);
    lua_setglobal(L, "block_rudely");
    lua_pushcfunction(L, kit_die);
    lua_setglobal(L, "die");
    return 0;
}

static void kit_open_with(kit *k, const wippyli_library *const *modules, uint32_t count)
{
    memset(k, 0, sizeof(*k));
    CHECK_EQ_INT(wippyli_base_init(&k->shared, kit_alloc, k), WIPPY_OK);
    CHECK_EQ_U64(k->bytes, 0);
    k->shared.modules = modules;
    k->shared.module_count = count;
    k->shared.poll = kit_poll;
    k->shared.print = kit_print;
    k->shared.spawn = kit_spawn;
    k->guard.shared = &k->shared;
    k->guard.user_data = k;
    k->guard.random[0] = 1;
    k->L = lua_newstate(kit_alloc, k);
    *(void **)lua_getextraspace(k->L) = k;
    lua_pushcfunction(k->L, kit_open_protected);
    CHECK_EQ_INT(lua_pcall(k->L, 0, 0, 0), LUA_OK);
}

static void kit_open(kit *k)
{
    kit_open_with(k, NULL, 0);
}

static void kit_close(kit *k)
{
    lua_close(k->L);
    CHECK_EQ_U64(k->bytes, 0);
}

/* Values from index 1 on, as text. */
static void kit_describe(kit *k, lua_State *thread, const char *prefix)
{
    size_t at = (size_t)snprintf(k->text, sizeof(k->text), "%s", prefix);
    int count = lua_gettop(thread);
    for (int i = *prefix ? count : 1; i <= count && at < sizeof(k->text); i++) {
        const char *text = luaL_tolstring(thread, i, NULL);
        at += (size_t)snprintf(k->text + at, sizeof(k->text) - at, "%s%s",
                               i > 1 && !*prefix ? " " : "", text);
        lua_pop(thread, 1);
    }
}

/* Run a chunk as the main thread of a process. */
static const char *kit_eval(kit *k, const char *code)
{
    lua_State *thread = kit_new_thread(k->L);
    k->text[0] = 0;
    k->queue_count = 0;
    int status = luaL_loadbuffer(thread, code, strlen(code), "=test");
    if (status == LUA_OK) {
        status = kit_schedule(k, thread);
    }
    if (status == LUA_OK) {
        kit_describe(k, thread, "");
    } else if (k->guard.killed) {
        snprintf(k->text, sizeof(k->text), "killed");
        return k->text;
    } else if (status == LUA_YIELD) {
        snprintf(k->text, sizeof(k->text), "stuck");
    } else {
        kit_describe(k, thread, "error: ");
    }
    wippyli_coroutine_release(k->L, thread);
    return k->text;
}

/* One fresh state for one chunk. */
static const char *kit_once(kit *k, const char *code)
{
    kit_open(k);
    const char *text = kit_eval(k, code);
    kit_close(k);
    return text;
}

#endif /* WIPPY_TEST_SANDBOX_KIT_H */
