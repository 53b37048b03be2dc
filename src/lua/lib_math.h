/* ========================================================================== >>lua/lib_math
   The math library: what Lua 5.1 to 5.4 have, together. Random numbers (xoshiro256**) come from the seed
   in the guard and differ in nothing but that seed.
   Holds: no state.  Locks: none.  Allocates: nothing but the library's table. */
#ifndef WIPPYLI_LIB_MATH_H
#define WIPPYLI_LIB_MATH_H

#include "sandbox.h"

/* `math` as a lazy table; a maker for wippyli_entry. */
WIPPYLI_FN int wippyli_math_open(lua_State *L);

#endif /* WIPPYLI_LIB_MATH_H */
