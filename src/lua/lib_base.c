/* ========================================================================== >>lua/lib_base.c */
#include "lib_base.h"
#include "lib_coroutine.h"
#include "lib_math.h"
#include "lib_os.h"
#include "lib_string.h"
#include "lib_table.h"

#include <string.h>

/* ------------------------------------------------------------------ errors */

/* Raise the string on top with the position of `level` in front of it. */
static int wippyli_base_raise_at(lua_State *L, int level)
{
    luaL_where(L, level);
    if (lua_rawlen(L, -1) > 0) {
        wippyli_error_record(L, -1);
    }
    lua_insert(L, -2);
    lua_concat(L, 2);
    return lua_error(L);
}

static int wippyli_base_error(lua_State *L)
{
    lua_Integer level = luaL_optinteger(L, 2, 1);
    lua_settop(L, 1);
    if (lua_type(L, 1) == LUA_TSTRING && level > 0 && level < 1000) {
        return wippyli_base_raise_at(L, (int)level);
    }
    return lua_error(L);
}

static int wippyli_base_assert(lua_State *L)
{
    if (lua_toboolean(L, 1)) {
        return lua_gettop(L);
    }
    luaL_checkany(L, 1);
    if (lua_gettop(L) == 1) {
        lua_pushliteral(L, "assertion failed!");
        return wippyli_base_raise_at(L, 1);
    }
    lua_settop(L, 2);
    return lua_error(L);
}

/* The call is over, one way or the other; results stand from `first` on. */
static int wippyli_base_called(lua_State *L, int status, lua_KContext first)
{
    if (wippyli_guard_of(L)->killed) {
        return wippyli_guard_stop(L);
    }
    if (status == LUA_OK || status == LUA_YIELD) {
        return lua_gettop(L) - (int)first + 1;
    }
    lua_pushboolean(L, 0);
    lua_insert(L, -2);
    return 2;
}

static int wippyli_base_pcall(lua_State *L)
{
    luaL_checkany(L, 1);
    lua_pushboolean(L, 1);
    lua_insert(L, 1);
    int status = lua_pcallk(L, lua_gettop(L) - 2, LUA_MULTRET, 0, 1, wippyli_base_called);
    return wippyli_base_called(L, status, 1);
}

static int wippyli_base_handler(lua_State *L)
{
    lua_settop(L, 1);
    if (wippyli_guard_of(L)->killed) {
        return 1;
    }
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 1);
    lua_call(L, 1, 1);
    return 1;
}

static int wippyli_base_xpcall(lua_State *L)
{
    int argument_count = lua_gettop(L) - 2;
    luaL_checktype(L, 2, LUA_TFUNCTION);
    lua_pushvalue(L, 2);
    lua_pushcclosure(L, wippyli_base_handler, 1);
    lua_replace(L, 2);
    lua_pushboolean(L, 1);
    lua_pushvalue(L, 1);
    lua_rotate(L, 3, 2); /* function, handler, true, function, arguments */
    int status = lua_pcallk(L, argument_count, LUA_MULTRET, 2, 3, wippyli_base_called);
    return wippyli_base_called(L, status, 3);
}

/* ------------------------------------------------------------------ values */

static int wippyli_base_type(lua_State *L)
{
    luaL_checkany(L, 1);
    lua_pushstring(L, luaL_typename(L, 1));
    return 1;
}

static int wippyli_base_tostring(lua_State *L)
{
    luaL_checkany(L, 1);
    wippyli_tostring(L, 1, NULL);
    return 1;
}

static bool wippyli_base_is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static int wippyli_base_digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'z') {
        return c - 'a' + 10;
    }
    return c >= 'A' && c <= 'Z' ? c - 'A' + 10 : 36;
}

/* Digits of any base; false when the text is something else. Too many digits wrap around. */
static bool wippyli_base_parse(const char *text, const char *end, int base, lua_Integer *out)
{
    while (text < end && wippyli_base_is_space(*text)) {
        text++;
    }
    while (text < end && wippyli_base_is_space(end[-1])) {
        end--;
    }
    bool negative = text < end && *text == '-';
    text += negative || (text < end && *text == '+') ? 1 : 0;
    if (text == end) {
        return false;
    }
    lua_Unsigned value = 0;
    for (; text < end; text++) {
        int digit = wippyli_base_digit(*text);
        if (digit >= base) {
            return false;
        }
        value = value * (lua_Unsigned)base + (lua_Unsigned)digit;
    }
    *out = (lua_Integer)(negative ? 0u - value : value);
    return true;
}

static int wippyli_base_tonumber(lua_State *L)
{
    if (!lua_isnoneornil(L, 2)) {
        lua_Integer base = luaL_checkinteger(L, 2);
        luaL_checktype(L, 1, LUA_TSTRING);
        luaL_argcheck(L, base >= 2 && base <= 36, 2, "base out of range");
        size_t size = 0;
        const char *text = lua_tolstring(L, 1, &size);
        lua_Integer value = 0;
        if (wippyli_base_parse(text, text + size, (int)base, &value)) {
            lua_pushinteger(L, value);
            return 1;
        }
    } else if (lua_type(L, 1) == LUA_TNUMBER) {
        lua_settop(L, 1);
        return 1;
    } else if (lua_type(L, 1) == LUA_TSTRING) {
        size_t size = 0;
        const char *text = lua_tolstring(L, 1, &size);
        if (lua_stringtonumber(L, text) == size + 1) {
            return 1;
        }
    } else {
        luaL_checkany(L, 1);
    }
    lua_pushnil(L);
    return 1;
}

static int wippyli_base_select(lua_State *L)
{
    int top = lua_gettop(L);
    if (lua_type(L, 1) == LUA_TSTRING && *lua_tostring(L, 1) == '#') {
        lua_pushinteger(L, top - 1);
        return 1;
    }
    lua_Integer at = luaL_checkinteger(L, 1);
    if (at < 0) {
        at += top;
    } else if (at > top) {
        at = top;
    }
    luaL_argcheck(L, at >= 1, 1, "index out of range");
    return top - (int)at;
}

/* Checked casts: what is left of `number(x)` when types are erased. */
static int wippyli_base_cast(lua_State *L, bool holds, const char *expected)
{
    if (!holds) {
        return luaL_error(L, "expected %s, got %s", expected, luaL_typename(L, 1));
    }
    lua_settop(L, 1);
    return 1;
}

static int wippyli_base_number(lua_State *L)
{
    return wippyli_base_cast(L, lua_type(L, 1) == LUA_TNUMBER, "number");
}

static int wippyli_base_integer(lua_State *L)
{
    return wippyli_base_cast(L, lua_isinteger(L, 1) != 0, "integer");
}

static int wippyli_base_boolean(lua_State *L)
{
    return wippyli_base_cast(L, lua_type(L, 1) == LUA_TBOOLEAN, "boolean");
}

static int wippyli_base_print(lua_State *L)
{
    int count = lua_gettop(L);
    wippyli_guard *guard = wippyli_guard_of(L);
    luaL_Buffer buffer;
    luaL_buffinit(L, &buffer);
    for (int i = 1; i <= count; i++) {
        if (i > 1) {
            luaL_addchar(&buffer, ' ');
        }
        wippyli_tostring(L, i, NULL);
        luaL_addvalue(&buffer);
    }
    luaL_pushresult(&buffer);
    size_t size = 0;
    const char *text = lua_tolstring(L, -1, &size);
    if (guard->shared->print) {
        guard->shared->print(L, text, size, guard->user_data);
    }
    return 0;
}

/* ------------------------------------------------------------------ tables */

static int wippyli_base_next_of_library(lua_State *L)
{
    luaL_getmetafield(L, 1, "__index");
    lua_pushvalue(L, 2);
    if (lua_isnil(L, 2) || lua_rawget(L, -2) == LUA_TNIL) {
        lua_settop(L, 2);
        wippyli_library_push_filled(L, 1);
    } else {
        lua_settop(L, 3);
    }
    lua_pushvalue(L, 2);
    while (lua_next(L, 3)) {
        if (lua_type(L, -2) == LUA_TSTRING) {
            return 2;
        }
        lua_pop(L, 1);
    }
    lua_pushnil(L);
    return 1;
}

/* next for tables that are known to be plain */
static int wippyli_base_next_plain(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 2);
    if (lua_next(L, 1)) {
        return 2;
    }
    lua_pushnil(L);
    return 1;
}

static int wippyli_base_next(lua_State *L)
{
    switch (wippyli_table_kind_of(L, 1)) {
    case WIPPYLI_TABLE_LIBRARY: lua_settop(L, 2); return wippyli_base_next_of_library(L);
    case WIPPYLI_TABLE_GLOBALS:
        if (lua_isnoneornil(L, 2)) {
            wippyli_sandbox_fill(L);
        }
        return wippyli_base_next_plain(L);
    default: return wippyli_base_next_plain(L);
    }
}

static int wippyli_base_pairs_called(lua_State *L, int status, lua_KContext context)
{
    (void)L;
    (void)status;
    (void)context;
    return 3;
}

static int wippyli_base_pairs(lua_State *L)
{
    luaL_checkany(L, 1);
    lua_settop(L, 1);
    if (luaL_getmetafield(L, 1, "__pairs") != LUA_TNIL) {
        lua_pushvalue(L, 1);
        lua_callk(L, 1, 3, 0, wippyli_base_pairs_called);
        return 3;
    }
    bool lazy = wippyli_table_kind_of(L, 1) != WIPPYLI_TABLE_PLAIN;
    lua_pushcfunction(L, lazy ? wippyli_base_next : wippyli_base_next_plain);
    lua_pushvalue(L, 1);
    lua_pushnil(L);
    return 3;
}

static int wippyli_base_ipairs_step(lua_State *L)
{
    lua_Integer at = luaL_checkinteger(L, 2);
    at = (lua_Integer)((lua_Unsigned)at + 1);
    lua_pushinteger(L, at);
    return lua_geti(L, 1, at) == LUA_TNIL ? 1 : 2;
}

static int wippyli_base_ipairs(lua_State *L)
{
    luaL_checkany(L, 1);
    lua_pushcfunction(L, wippyli_base_ipairs_step);
    lua_pushvalue(L, 1);
    lua_pushinteger(L, 0);
    return 3;
}

static int wippyli_base_rawequal(lua_State *L)
{
    luaL_checkany(L, 1);
    luaL_checkany(L, 2);
    lua_pushboolean(L, lua_rawequal(L, 1, 2));
    return 1;
}

static int wippyli_base_rawget(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    luaL_checkany(L, 2);
    lua_settop(L, 2);
    if (wippyli_table_kind_of(L, 1) == WIPPYLI_TABLE_PLAIN) {
        lua_rawget(L, 1);
    } else {
        lua_gettable(L, 1); /* fills in */
    }
    return 1;
}

static int wippyli_base_rawset(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    luaL_checkany(L, 2);
    luaL_checkany(L, 3);
    lua_settop(L, 3);
    if (wippyli_table_kind_of(L, 1) == WIPPYLI_TABLE_PLAIN) {
        lua_rawset(L, 1);
    } else {
        lua_settable(L, 1); /* refused, or noted */
    }
    return 1;
}

static int wippyli_base_getmetatable(lua_State *L)
{
    luaL_checkany(L, 1);
    if (!lua_getmetatable(L, 1)) {
        lua_pushnil(L);
    } else if (luaL_getmetafield(L, 1, "__metatable") == LUA_TNIL &&
               (lua_type(L, 1) != LUA_TTABLE ||
                wippyli_table_kind_of(L, 1) != WIPPYLI_TABLE_PLAIN)) {
        lua_pushboolean(L, 0);
    }
    return 1;
}

static int wippyli_base_setmetatable(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    int type = lua_type(L, 2);
    if (type != LUA_TNIL && type != LUA_TTABLE) {
        return luaL_typeerror(L, 2, "nil or table");
    }
    lua_settop(L, 2);
    if (lua_getmetatable(L, 1) && (luaL_getmetafield(L, 1, "__metatable") != LUA_TNIL ||
                                   wippyli_table_kind_of(L, 1) != WIPPYLI_TABLE_PLAIN)) {
        return luaL_error(L, "cannot change a protected metatable");
    }
    if (type == LUA_TTABLE) {
        lua_pushliteral(L, "__gc");
        if (lua_rawget(L, 2) != LUA_TNIL) {
            return luaL_error(L, "'__gc' is not available");
        }
    }
    lua_settop(L, 2);
    lua_setmetatable(L, 1);
    return 1;
}

/* ------------------------------------------------------------------ modules */

static int wippyli_base_require(lua_State *L)
{
    const char *name = luaL_checkstring(L, 1);
    if (lua_getglobal(L, name) == LUA_TNIL) {
        return luaL_error(L, "module '%s' not found", name);
    }
    return 1;
}

static int wippyli_base_loadlib(lua_State *L)
{
    lua_pushliteral(L, "package.loadlib is not available");
    return 1;
}

static const wippyli_entry wippyli_package_entries[] = {
    {"cpath", NULL, 0, ""},
    {"loadlib", wippyli_base_loadlib, 0, NULL},
    {"path", NULL, 0, ""},
};

static const wippyli_library wippyli_package_library = {
    "package", wippyli_package_entries, WIPPYLI_COUNT(wippyli_package_entries), NULL, NULL};

static int wippyli_base_package(lua_State *L)
{
    wippyli_library_push(L, &wippyli_package_library);
    return 1;
}

static int wippyli_base_globals(lua_State *L)
{
    lua_pushglobaltable(L);
    return 1;
}

/* ------------------------------------------------------------------ the list */

static const wippyli_entry wippyli_base_entries[] = {
    {"_G", wippyli_base_globals, WIPPYLI_MAKE, NULL},
    {"_VERSION", NULL, 0, "Lua 5.4"},
    {"assert", wippyli_base_assert, 0, NULL},
    {"boolean", wippyli_base_boolean, 0, NULL},
    {"coroutine", wippyli_coroutine_open, WIPPYLI_MAKE, NULL},
    {"error", wippyli_base_error, 0, NULL},
    {"errors", wippyli_errors_open, WIPPYLI_MAKE, NULL},
    {"getmetatable", wippyli_base_getmetatable, 0, NULL},
    {"integer", wippyli_base_integer, 0, NULL},
    {"ipairs", wippyli_base_ipairs, 0, NULL},
    {"math", wippyli_math_open, WIPPYLI_MAKE, NULL},
    {"next", wippyli_base_next, 0, NULL},
    {"number", wippyli_base_number, 0, NULL},
    {"os", wippyli_os_open, WIPPYLI_MAKE, NULL},
    {"package", wippyli_base_package, WIPPYLI_MAKE, NULL},
    {"pairs", wippyli_base_pairs, 0, NULL},
    {"pcall", wippyli_base_pcall, 0, NULL},
    {"print", wippyli_base_print, 0, NULL},
    {"rawequal", wippyli_base_rawequal, 0, NULL},
    {"rawget", wippyli_base_rawget, 0, NULL},
    {"rawset", wippyli_base_rawset, 0, NULL},
    {"require", wippyli_base_require, 0, NULL},
    {"select", wippyli_base_select, 0, NULL},
    {"setmetatable", wippyli_base_setmetatable, 0, NULL},
    {"string", wippyli_string_open, WIPPYLI_MAKE, NULL},
    {"table", wippyli_table_open, WIPPYLI_MAKE, NULL},
    {"tonumber", wippyli_base_tonumber, 0, NULL},
    {"tostring", wippyli_base_tostring, 0, NULL},
    {"type", wippyli_base_type, 0, NULL},
    {"unpack", wippyli_table_unpack, 0, NULL},
    {"xpcall", wippyli_base_xpcall, 0, NULL},
};

static const wippyli_library wippyli_base_library = {
    "_G", wippyli_base_entries, WIPPYLI_COUNT(wippyli_base_entries), NULL, NULL};

/* Stock functions do not differ between states: their addresses are taken once. */
static int wippyli_base_find_stock(lua_State *L)
{
    wippyli_sandbox *shared = (wippyli_sandbox *)lua_touserdata(L, 1);
    luaL_requiref(L, "string", luaopen_string, 0);
    lua_getfield(L, -1, "format");
    shared->format = lua_tocfunction(L, -1);
    return 0;
}

WIPPYLI_FN wippy_result wippyli_base_init(wippyli_sandbox *shared, lua_Alloc alloc_fn, void *ud)
{
    shared->globals = &wippyli_base_library;
    shared->strings = wippyli_string_metatable;
    lua_State *L = lua_newstate(alloc_fn, ud);
    if (!L) {
        return WIPPY_ERR_NOMEM;
    }
    lua_pushcfunction(L, wippyli_base_find_stock);
    lua_pushlightuserdata(L, shared);
    int status = lua_pcall(L, 1, 0, 0);
    lua_close(L);
    return status == LUA_OK ? WIPPY_OK : WIPPY_ERR_NOMEM;
}
