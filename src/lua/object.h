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

/* The same for the few classes of which most messages make an object: their metatables stand in the
   array part of the registry, behind what Lua keeps there, and not under their address. */
typedef enum wippyli_often {
    WIPPYLI_OFTEN_MESSAGE = LUA_RIDX_LAST + 1,
    WIPPYLI_OFTEN_PAYLOAD,
    WIPPYLI_OFTEN_END /* the next free place */
} wippyli_often;

/* Make the array part hold them: while the registry has nothing else this costs least. */
WIPPYLI_FN void wippyli_object_reserve(lua_State *L);

WIPPYLI_FN void *wippyli_object_push_often(lua_State *L, const wippyli_class *cls,
                                           wippyli_often often, size_t bytes, int values);

/* The memory of the userdata at index if it is of the class, else NULL; raises nothing. check raises
   "<name> expected, got ...". */
WIPPYLI_FN void *wippyli_object_test(lua_State *L, int index, const wippyli_class *cls);
WIPPYLI_FN void *wippyli_object_check(lua_State *L, int index, const wippyli_class *cls);

#endif /* WIPPYLI_OBJECT_H */
