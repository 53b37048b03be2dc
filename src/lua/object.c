/* ========================================================================== >>lua/object.c
   The first word of such a userdata is the address of its class: testing one is two loads. Userdata
   made by others cannot hold it by accident. */
#include "object.h"

#include <string.h>

/* More methods than this are not entered before they are called: every tick brings a Time, and its
   thirty methods would cost an idle process three kilobytes. */
#define WIPPYLI_OBJECT_EAGER 8

typedef struct wippyli_object_head {
    const wippyli_class *cls;
} wippyli_object_head;

/* Methods stand in a table of their own: what scripts reach through obj.name never has a metamethod in
   it, and no script reaches the table itself or the metatable. */
static void wippyli_object_fill(lua_State *L, const wippyli_class *cls, int metatable, bool late)
{
    for (const luaL_Reg *method = cls->methods; method->name; method++) {
        bool meta = method->name[0] == '_' && method->name[1] == '_';
        if (meta || !late) {
            lua_pushcfunction(L, method->func);
            lua_setfield(L, meta ? metatable : metatable + 1, method->name);
        }
    }
}

/* methods[name] of a class with many: looked up in C the first time, a field from then on. */
static int wippyli_object_find(lua_State *L)
{
    const wippyli_class *cls = (const wippyli_class *)lua_touserdata(L, lua_upvalueindex(1));
    const char *name = lua_type(L, 2) == LUA_TSTRING ? lua_tostring(L, 2) : "__";
    bool meta = name[0] == '_' && name[1] == '_';
    for (const luaL_Reg *method = cls->methods; !meta && method->name; method++) {
        if (strcmp(method->name, name) == 0) {
            lua_settop(L, 2);
            lua_pushcfunction(L, method->func);
            lua_pushvalue(L, 2);
            lua_pushvalue(L, 3);
            lua_rawset(L, 1);
            return 1;
        }
    }
    return 0;
}

/* The method table at the top fills itself. */
static void wippyli_object_fill_late(lua_State *L, const wippyli_class *cls)
{
    lua_createtable(L, 0, 1);
    lua_pushlightuserdata(L, (void *)(uintptr_t)cls);
    lua_pushcclosure(L, wippyli_object_find, 1);
    lua_setfield(L, -2, "__index");
    lua_setmetatable(L, -2);
}

static void wippyli_object_metatable(lua_State *L, const wippyli_class *cls)
{
    if (lua_rawgetp(L, LUA_REGISTRYINDEX, cls) == LUA_TTABLE) {
        return;
    }
    int meta_count = 3;
    int method_count = 0;
    for (const luaL_Reg *method = cls->methods; method->name; method++) {
        if (method->name[0] == '_' && method->name[1] == '_') {
            meta_count++;
        } else {
            method_count++;
        }
    }
    lua_pop(L, 1);
    lua_createtable(L, 0, meta_count);
    bool late = method_count > WIPPYLI_OBJECT_EAGER;
    lua_createtable(L, 0, late ? 0 : method_count);
    wippyli_object_fill(L, cls, lua_gettop(L) - 1, late);
    if (late) {
        wippyli_object_fill_late(L, cls);
    }
    lua_setfield(L, -2, "__index");
    lua_pushstring(L, cls->name);
    lua_setfield(L, -2, "__name");
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
    lua_pushvalue(L, -1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, cls);
}

WIPPYLI_FN void *wippyli_object_push(lua_State *L, const wippyli_class *cls, size_t bytes,
                                     int values)
{
    wippyli_object_head *head =
        (wippyli_object_head *)lua_newuserdatauv(L, sizeof(*head) + bytes, values);
    head->cls = cls;
    wippyli_object_metatable(L, cls);
    lua_setmetatable(L, -2);
    return head + 1;
}

WIPPYLI_FN void *wippyli_object_test(lua_State *L, int index, const wippyli_class *cls)
{
    wippyli_object_head *head = (wippyli_object_head *)lua_touserdata(L, index);
    if (!head || lua_type(L, index) != LUA_TUSERDATA || lua_rawlen(L, index) < sizeof(*head) ||
        head->cls != cls) {
        return NULL;
    }
    return head + 1;
}

WIPPYLI_FN void *wippyli_object_check(lua_State *L, int index, const wippyli_class *cls)
{
    void *object = wippyli_object_test(L, index, cls);
    if (!object) {
        luaL_argerror(
            L, index,
            lua_pushfstring(L, "%s expected, got %s", cls->name, luaL_typename(L, index)));
    }
    return object;
}
