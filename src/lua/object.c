/* ========================================================================== >>lua/object.c
   The first word of such a userdata is the address of its class: testing one is two loads. Userdata
   made by others cannot hold it by accident. */
#include "object.h"

typedef struct wippyli_object_head {
    const wippyli_class *cls;
} wippyli_object_head;

/* Methods stand in a table of their own: what scripts reach through obj.name never has a metamethod in
   it, and no script reaches the table itself or the metatable. */
static void wippyli_object_fill(lua_State *L, const wippyli_class *cls, int metatable)
{
    for (const luaL_Reg *method = cls->methods; method->name; method++) {
        bool meta = method->name[0] == '_' && method->name[1] == '_';
        lua_pushcfunction(L, method->func);
        lua_setfield(L, meta ? metatable : metatable + 1, method->name);
    }
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
    lua_createtable(L, 0, method_count);
    wippyli_object_fill(L, cls, lua_gettop(L) - 1);
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
