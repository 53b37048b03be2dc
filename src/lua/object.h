/* ========================================================================== >>lua/object
   Kinds of userdata. A kind's metatable is made in a process when it is first needed.
   STABLE for authors of modules.
   Holds: nothing; metatables stand in the registry of each state under the class's address.
   Locks: none.  Allocates: Lua objects. */
#ifndef WIPPYLI_OBJECT_H
#define WIPPYLI_OBJECT_H

#include "stock.h"

/* Static. The address is the identity. */
typedef struct wippyli_class {
    const char *name; /* type name in error texts, and __name */
    const luaL_Reg
        *methods; /* ends with {NULL, NULL}; metamethods (__tostring ...) may stand here */
} wippyli_class;

/* Push a new userdata of the class: `bytes` bytes, not zeroed, 8-byte aligned, and `values` user
   values. Raises without memory. */
WIPPYLI_FN void *wippyli_object_push(lua_State *L, const wippyli_class *cls, size_t bytes,
                                     int values);

/* The same for the few classes of which most processes make objects: their metatables stand in the array
   part of the registry, behind what Lua keeps there, and not under their address. In the order of first
   use, so that the array part grows with a process: an idle one has the first two. */
typedef enum wippyli_often {
    WIPPYLI_OFTEN_LATE = LUA_RIDX_LAST + 1, /* no class: see wippyli_class_push_methods() */
    WIPPYLI_OFTEN_CHANNEL,
    WIPPYLI_OFTEN_MESSAGE,
    WIPPYLI_OFTEN_PAYLOAD,
    WIPPYLI_OFTEN_END /* the next free place */
} wippyli_often;

WIPPYLI_FN void *wippyli_object_push_often(lua_State *L, const wippyli_class *cls,
                                           wippyli_often often, size_t bytes, int values);

/* Private: the first word of such a userdata is the address of its class. Userdata made by others cannot
   hold it by accident. */
typedef struct wippyli_object_head {
    const wippyli_class *cls;
} wippyli_object_head;

/* The memory of the userdata at index if it is of the class, else NULL; raises nothing. check raises
   "<name> expected, got ...". */
WIPPYLI_INLINE void *wippyli_object_test(lua_State *L, int index, const wippyli_class *cls)
{
    wippyli_object_head *head = (wippyli_object_head *)lua_touserdata(L, index);
    if (!head || lua_rawlen(L, index) < sizeof(*head) || head->cls != cls) { /* light: length 0 */
        return NULL;
    }
    return head + 1;
}

WIPPYLI_FN void *wippyli_object_refuse(lua_State *L, int index, const wippyli_class *cls);

WIPPYLI_INLINE void *wippyli_object_check(lua_State *L, int index, const wippyli_class *cls)
{
    void *object = wippyli_object_test(L, index, cls);
    return object ? object : wippyli_object_refuse(L, index, cls);
}

/* Push a table of the methods of a class, each entered when it is first asked for; body in sandbox.c. */
WIPPYLI_FN void wippyli_class_push_methods(lua_State *L, const wippyli_class *cls);
/* What it asks: enter the method `name` in the table at 1 and leave it on top. Answers how many values
   it left, 0 = there is no such method. */
WIPPYLI_FN int wippyli_class_method(lua_State *L, const wippyli_class *cls, const char *name);

#endif /* WIPPYLI_OBJECT_H */
