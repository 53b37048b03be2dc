/* ========================================================================== >>lua/sandbox.c */
#include "sandbox.h"

#include <string.h>

/* ------------------------------------------------------------------ guard */

static const char *const wippyli_killed_text = "process killed";

static void wippyli_guard_hook(lua_State *L, lua_Debug *ar);

WIPPYLI_FN int wippyli_guard_stop(lua_State *L)
{
    wippyli_guard *guard = wippyli_guard_of(L);
    guard->killed = true;
    if (wippyli_guard_can_yield(L)) {
        guard->yield_reason = WIPPYLI_YIELD_FATAL;
        return lua_yield(L, 0);
    }
    /* An error can be caught or run a __close: the hook raises again at the first instruction. */
    lua_sethook(L, wippyli_guard_hook, LUA_MASKCOUNT, 1);
    lua_pushstring(L, wippyli_killed_text);
    return lua_error(L);
}

static void wippyli_guard_hook(lua_State *L, lua_Debug *ar)
{
    (void)ar;
    wippyli_guard_stop(L);
}

WIPPYLI_FN void wippyli_guard_poll(lua_State *L)
{
    wippyli_guard *guard = wippyli_guard_of(L);
    const wippyli_sandbox *shared = guard->shared;
    if (guard->killed || (shared->poll && shared->poll(L, guard->user_data))) {
        wippyli_guard_stop(L);
    }
}

WIPPYLI_FN void wippyli_guard_check_block(lua_State *L, const char *name)
{
    if (wippyli_guard_can_yield(L)) {
        return;
    }
    if (wippyli_guard_of(L)->loading) {
        luaL_error(L, "cannot block while the script loads (%s)", name);
    }
    luaL_error(L, "attempt to yield across a C-call boundary (%s)", name);
}

/* ------------------------------------------------------------------ libraries */

/* late[&key] = what the table fills itself from: a library, or a class with WIPPYLI_LATE_CLASS added. No
   script can make such a key. */
static const char wippyli_late_key = 0;

#define WIPPYLI_LATE_CLASS 1u /* structs stand at even addresses */

WIPPYLI_FN int wippyli_library_find(const wippyli_library *library, const char *name, size_t size)
{
    uint32_t from = 0;
    uint32_t to = library->entry_count;
    while (from < to) {
        uint32_t middle = from + (to - from) / 2;
        int order = strcmp(library->entries[middle].name, name);
        if (order == 0) {
            return strlen(name) == size ? (int)middle : -1; /* a zero byte in the name */
        }
        if (order < 0) {
            from = middle + 1;
        } else {
            to = middle;
        }
    }
    return -1;
}

static void wippyli_entry_push(lua_State *L, const wippyli_entry *entry)
{
    if (!entry->function) {
        if (entry->text) {
            lua_pushstring(L, entry->text);
        } else {
            lua_pushinteger(L, entry->integer);
        }
        return;
    }
    if (entry->integer == WIPPYLI_MAKE) {
        entry->function(L);
        return;
    }
    lua_pushcfunction(L, entry->function);
}

/* Push cache[entry's name] and keep it there. */
static void wippyli_cache_fill(lua_State *L, int cache, const wippyli_entry *entry)
{
    wippyli_entry_push(L, entry);
    if (!lua_isnil(L, -1)) {
        lua_pushstring(L, entry->name);
        lua_pushvalue(L, -2);
        lua_rawset(L, cache);
    }
}

static uintptr_t wippyli_late_source(lua_State *L, int late)
{
    lua_rawgetp(L, late, &wippyli_late_key);
    uintptr_t source = (uintptr_t)lua_touserdata(L, -1);
    lua_pop(L, 1);
    return source;
}

static const wippyli_library *wippyli_cache_library(lua_State *L, int cache)
{
    return (const wippyli_library *)wippyli_late_source(L, cache);
}

/* late[name] for the first time; the table is at 1, the name at 2. */
static int wippyli_late_index(lua_State *L, uintptr_t source, const char *name, size_t size)
{
    if ((source & WIPPYLI_LATE_CLASS) != 0) {
        return wippyli_class_method(L, (const wippyli_class *)(source - WIPPYLI_LATE_CLASS), name);
    }
    const wippyli_library *library = (const wippyli_library *)source;
    int at = wippyli_library_find(library, name, size);
    if (at < 0) {
        return 0;
    }
    wippyli_cache_fill(L, 1, &library->entries[at]);
    return 1;
}

/* Push a table that fills itself. All of them share the metatable of _G, which no script can change: what
   _G adds to it, they do not need, as no script reaches them. */
static void wippyli_late_push(lua_State *L, uintptr_t source)
{
    lua_createtable(L, 0, 2);
    lua_pushlightuserdata(L, (void *)source);
    lua_rawsetp(L, -2, &wippyli_late_key);
    if (lua_rawgeti(L, LUA_REGISTRYINDEX, WIPPYLI_OFTEN_LATE) != LUA_TTABLE) {
        lua_pop(L, 1);
        lua_pushglobaltable(L);
        lua_getmetatable(L, -1);
        lua_remove(L, -2);
        lua_pushvalue(L, -1);
        lua_rawseti(L, LUA_REGISTRYINDEX, WIPPYLI_OFTEN_LATE);
    }
    lua_setmetatable(L, -2);
}

WIPPYLI_FN void wippyli_library_push_cache(lua_State *L, const wippyli_library *library)
{
    wippyli_late_push(L, (uintptr_t)library);
}

WIPPYLI_FN void wippyli_class_push_methods(lua_State *L, const wippyli_class *cls)
{
    wippyli_late_push(L, (uintptr_t)cls + WIPPYLI_LATE_CLASS);
}

WIPPYLI_FN int wippyli_library_refuse(lua_State *L)
{
    luaL_getmetafield(L, 1, "__index");
    const wippyli_library *library = wippyli_cache_library(L, lua_gettop(L));
    return luaL_error(L, "library '%s' is read-only", library->name);
}

WIPPYLI_FN void wippyli_library_push(lua_State *L, const wippyli_library *library)
{
    lua_createtable(L, 0, 0);
    lua_createtable(L, 0, library->call ? 3 : 2);
    wippyli_library_push_cache(L, library);
    lua_setfield(L, -2, "__index");
    lua_pushcfunction(L, wippyli_library_refuse);
    lua_setfield(L, -2, "__newindex");
    if (library->call) {
        lua_pushcfunction(L, library->call);
        lua_setfield(L, -2, "__call");
    }
    lua_setmetatable(L, -2);
}

WIPPYLI_FN void wippyli_library_push_filled(lua_State *L, int index)
{
    luaL_getmetafield(L, index, "__index");
    int cache = lua_gettop(L);
    const wippyli_library *library = wippyli_cache_library(L, cache);
    for (uint32_t i = 0; i < library->entry_count; i++) {
        lua_pushstring(L, library->entries[i].name);
        if (lua_rawget(L, cache) == LUA_TNIL) {
            wippyli_cache_fill(L, cache, &library->entries[i]);
        }
        lua_settop(L, cache);
    }
}

/* ------------------------------------------------------------------ _G */

static int wippyli_globals_newindex(lua_State *L);

WIPPYLI_FN wippyli_table_kind wippyli_table_kind_of(lua_State *L, int index)
{
    if (lua_type(L, index) != LUA_TTABLE || !lua_getmetatable(L, index)) {
        return WIPPYLI_TABLE_PLAIN;
    }
    lua_pushliteral(L, "__newindex");
    lua_rawget(L, -2);
    lua_CFunction mark = lua_tocfunction(L, -1);
    lua_pop(L, 2);
    if (mark == wippyli_library_refuse) {
        return WIPPYLI_TABLE_LIBRARY;
    }
    return mark == wippyli_globals_newindex ? WIPPYLI_TABLE_GLOBALS : WIPPYLI_TABLE_PLAIN;
}

static bool wippyli_is_granted(const wippyli_guard *guard, int module)
{
    return module >= 0 && (guard->granted[module / 64] >> (module % 64) & 1) != 0;
}

static void wippyli_take_module(wippyli_guard *guard, int module)
{
    guard->granted[module / 64] &= ~((uint64_t)1 << (module % 64));
}

static int wippyli_module_place(const wippyli_sandbox *shared, const char *name)
{
    uint32_t from = 0;
    uint32_t to = shared->module_count;
    while (from < to) {
        uint32_t middle = from + (to - from) / 2;
        int order = strcmp(shared->modules[middle]->name, name);
        if (order == 0) {
            return (int)middle;
        }
        if (order < 0) {
            from = middle + 1;
        } else {
            to = middle;
        }
    }
    return -1;
}

static void wippyli_module_push(lua_State *L, const wippyli_library *module)
{
    if (!module->make) {
        wippyli_library_push(L, module);
        return;
    }
    lua_pushcfunction(L, module->make);
    lua_pushstring(L, module->name);
    lua_call(L, 1, 1);
}

/* Keep the value on top in _G (at 1) under the name (at 2). The name is taken after that: it must not
   be lost when there is no memory to keep it. */
static void wippyli_globals_keep(lua_State *L)
{
    lua_pushvalue(L, 2);
    lua_pushvalue(L, -2);
    lua_rawset(L, 1);
}

/* __index of late tables and of _G, which has no source. */
static int wippyli_globals_index(lua_State *L)
{
    if (lua_type(L, 2) != LUA_TSTRING) {
        return 0;
    }
    size_t size = 0;
    const char *name = lua_tolstring(L, 2, &size);
    uintptr_t source = wippyli_late_source(L, 1);
    if (source != 0) {
        return wippyli_late_index(L, source, name, size);
    }
    wippyli_guard *guard = wippyli_guard_of(L);
    const wippyli_sandbox *shared = guard->shared;
    int at = wippyli_library_find(shared->globals, name, size);
    if (at >= 0 && (guard->taken >> at & 1) == 0) {
        wippyli_entry_push(L, &shared->globals->entries[at]);
        wippyli_globals_keep(L);
        guard->taken |= (uint64_t)1 << at;
        return 1;
    }
    at = strlen(name) == size ? wippyli_module_place(shared, name) : -1;
    if (!wippyli_is_granted(guard, at)) {
        return 0;
    }
    wippyli_module_push(L, shared->modules[at]);
    wippyli_globals_keep(L);
    wippyli_take_module(guard, at);
    return 1;
}

/* A name gets a value that is not the one it would be filled in with. */
static void wippyli_globals_take(wippyli_guard *guard, const char *name, size_t size)
{
    int at = wippyli_library_find(guard->shared->globals, name, size);
    if (at >= 0) {
        guard->taken |= (uint64_t)1 << at;
    }
    at = strlen(name) == size ? wippyli_module_place(guard->shared, name) : -1;
    if (at >= 0) {
        wippyli_take_module(guard, at);
    }
}

/* A name that was absent gets a value: whatever it is, nil too, the name is not filled in later. */
static int wippyli_globals_newindex(lua_State *L)
{
    lua_settop(L, 3);
    if (!lua_isnil(L, 3)) {
        lua_pushvalue(L, 2);
        lua_pushvalue(L, 3);
        lua_rawset(L, 1);
    }
    if (lua_type(L, 2) == LUA_TSTRING) {
        size_t size = 0;
        const char *name = lua_tolstring(L, 2, &size);
        wippyli_globals_take(wippyli_guard_of(L), name, size);
    }
    return 0;
}

WIPPYLI_FN void wippyli_sandbox_fill(lua_State *L)
{
    wippyli_guard *guard = wippyli_guard_of(L);
    const wippyli_sandbox *shared = guard->shared;
    lua_pushglobaltable(L);
    for (uint32_t i = 0; i < shared->globals->entry_count; i++) {
        if ((guard->taken >> i & 1) == 0) {
            lua_getfield(L, -1, shared->globals->entries[i].name);
            lua_pop(L, 1);
        }
    }
    for (uint32_t i = 0; i < shared->module_count; i++) {
        if (wippyli_is_granted(guard, (int)i)) {
            lua_getfield(L, -1, shared->modules[i]->name);
            lua_pop(L, 1);
        }
    }
    lua_pop(L, 1);
}

WIPPYLI_FN wippy_result wippyli_sandbox_grant(lua_State *L, const char *name)
{
    wippyli_guard *guard = wippyli_guard_of(L);
    int at = wippyli_module_place(guard->shared, name);
    if (at >= 0) {
        guard->granted[at / 64] |= (uint64_t)1 << (at % 64);
        return WIPPY_OK;
    }
    at = wippyli_library_find(guard->shared->globals, name, strlen(name));
    return at >= 0 ? WIPPY_OK : WIPPY_ERR_NOTFOUND;
}

WIPPYLI_FN void wippyli_sandbox_set(lua_State *L, const char *name)
{
    lua_setglobal(L, name); /* through __newindex, which takes the name */
}

WIPPYLI_FN void wippyli_sandbox_open(lua_State *L)
{
    wippyli_guard *guard = wippyli_guard_of(L);
    guard->running = L;
    lua_pushglobaltable(L);
    lua_createtable(L, 0, 2);
    lua_pushcfunction(L, wippyli_globals_index);
    lua_setfield(L, -2, "__index");
    lua_pushcfunction(L, wippyli_globals_newindex);
    lua_setfield(L, -2, "__newindex");
    lua_setmetatable(L, -2);
    lua_pop(L, 1);
    guard->shared->strings(L);
}

#undef WIPPYLI_LATE_CLASS
