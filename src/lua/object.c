/* ========================================================================== >>lua/object.c */
#include "object.h"

#include <string.h>

/* Methods stand in a table of their own: what scripts reach through obj.name never has a metamethod in
   it, and no script reaches the table itself or the metatable. A method is entered when it is first
   called: a class costs an idle process little, however many methods it has. */

static bool wippyli_is_meta(const char *name)
{
    return name[0] == '_' && name[1] == '_';
}

WIPPYLI_FN int wippyli_class_method(lua_State *L, const wippyli_class *cls, const char *name)
{
    for (const luaL_Reg *method = cls->methods; !wippyli_is_meta(name) && method->name; method++) {
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

/* Push a new metatable for the class. It needs no __metatable: the own getmetatable() gives out those of
   plain tables only. */
static void wippyli_object_metatable(lua_State *L, const wippyli_class *cls)
{
    int count = 2;
    for (const luaL_Reg *method = cls->methods; method->name; method++) {
        count += wippyli_is_meta(method->name);
    }
    lua_createtable(L, 0, count);
    for (const luaL_Reg *method = cls->methods; method->name; method++) {
        if (wippyli_is_meta(method->name)) {
            lua_pushcfunction(L, method->func);
            lua_setfield(L, -2, method->name);
        }
    }
    wippyli_class_push_methods(L, cls);
    lua_setfield(L, -2, "__index");
    lua_pushstring(L, cls->name);
    lua_setfield(L, -2, "__name");
}

static wippyli_object_head *wippyli_object_new(lua_State *L, const wippyli_class *cls, size_t bytes,
                                               int values)
{
    wippyli_object_head *head =
        (wippyli_object_head *)lua_newuserdatauv(L, sizeof(*head) + bytes, values);
    head->cls = cls;
    return head;
}

WIPPYLI_FN void *wippyli_object_push(lua_State *L, const wippyli_class *cls, size_t bytes,
                                     int values)
{
    wippyli_object_head *head = wippyli_object_new(L, cls, bytes, values);
    if (lua_rawgetp(L, LUA_REGISTRYINDEX, cls) != LUA_TTABLE) {
        lua_pop(L, 1);
        wippyli_object_metatable(L, cls);
        lua_pushvalue(L, -1);
        lua_rawsetp(L, LUA_REGISTRYINDEX, cls);
    }
    lua_setmetatable(L, -2);
    return head + 1;
}

WIPPYLI_FN void *wippyli_object_push_often(lua_State *L, const wippyli_class *cls,
                                           wippyli_often often, size_t bytes, int values)
{
    wippyli_object_head *head = wippyli_object_new(L, cls, bytes, values);
    if (lua_rawgeti(L, LUA_REGISTRYINDEX, (lua_Integer)often) != LUA_TTABLE) {
        lua_pop(L, 1);
        wippyli_object_metatable(L, cls);
        lua_pushvalue(L, -1);
        lua_rawseti(L, LUA_REGISTRYINDEX, (lua_Integer)often);
    }
    lua_setmetatable(L, -2);
    return head + 1;
}

WIPPYLI_FN void *wippyli_object_refuse(lua_State *L, int index, const wippyli_class *cls)
{
    luaL_argerror(L, index,
                  lua_pushfstring(L, "%s expected, got %s", cls->name, luaL_typename(L, index)));
    return NULL;
}
