/* ========================================================================== >>lua/lib_string
   The string library, except patterns, the metatable of strings, and tostring().

   The subject of every function, its first argument, may be an error object, which then stands for its
   text. Only string.format() is the stock function; the rest is ours so that nothing loops without
   looking at the guard. There is no string.dump.
   Holds: no state.  Locks: none.  Allocates: Lua objects. */
#ifndef WIPPYLI_LIB_STRING_H
#define WIPPYLI_LIB_STRING_H

#include "errors.h"

/* `string`: a maker for wippyli_entry. Its table and all strings have one metatable in common. */
WIPPYLI_FN int wippyli_string_open(lua_State *L);

/* Give strings their metatable: methods, and arithmetic on strings that are numerals. Answers 0. */
WIPPYLI_FN int wippyli_string_metatable(lua_State *L);

/* Push what tostring() gives for the value at `index`. May run a __tostring. */
WIPPYLI_FN const char *wippyli_tostring(lua_State *L, int index, size_t *size);

#endif /* WIPPYLI_LIB_STRING_H */
