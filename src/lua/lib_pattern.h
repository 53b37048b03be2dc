/* ========================================================================== >>lua/lib_pattern
   Lua patterns: string.find, match, gmatch, gsub.

   The language is that of Lua 5.4; letters, digits and so on are those of ASCII. Matching keeps its
   choices in a row instead of calling itself, one for each quantifier passed, at most 200. Every step
   is counted: the guard is asked every 4,096 of them, and past the budget of the call `pattern too
   complex` is raised, so a pattern that would run for ever ends.
   Holds: no state.  Locks: none.  Allocates: Lua objects. */
#ifndef WIPPYLI_LIB_PATTERN_H
#define WIPPYLI_LIB_PATTERN_H

#include "errors.h"

/* Steps of one call, unless the sandbox says otherwise; 16 more for each byte of the subject. A step is
   a few nanoseconds. */
#define WIPPYLI_PATTERN_STEPS 100000000

WIPPYLI_FN int wippyli_pattern_find(lua_State *L);
WIPPYLI_FN int wippyli_pattern_match(lua_State *L);
WIPPYLI_FN int wippyli_pattern_gmatch(lua_State *L);
WIPPYLI_FN int wippyli_pattern_gsub(lua_State *L);

/* A position from the end of a string (-1 = last byte) as one from its beginning, at least 1. */
WIPPYLI_INLINE size_t wippyli_string_from(lua_Integer position, size_t size)
{
    if (position > 0) { /* all that lie behind the end are one: a size may have fewer bits */
        return (uint64_t)position > (uint64_t)size + 1 ? size + 2 : (size_t)position;
    }
    if (position == 0 || position < -(lua_Integer)size) {
        return 1;
    }
    return size + (size_t)position + 1;
}

#endif /* WIPPYLI_LIB_PATTERN_H */
