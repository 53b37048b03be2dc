/* ========================================================================== >>lua/lib_string
   The string library, except patterns, and the metatable of strings.

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

/* A position from the end of a string (-1 = last byte) as one from its beginning, at least 1. */
WIPPYLI_INLINE size_t wippyli_string_from(lua_Integer position, size_t size)
{
    if (position > 0) {
        return (size_t)position;
    }
    if (position == 0 || position < -(lua_Integer)size) {
        return 1;
    }
    return size + (size_t)position + 1;
}

#endif /* WIPPYLI_LIB_STRING_H */
