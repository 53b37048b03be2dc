/* ========================================================================== >>lua/lib_os
   The os library: time, date, clock, difftime, platform. Nothing that touches files or processes.
   os.time(t) differs from stock Lua: missing parts of the date are today's, and a missing hour is 0.
   Holds: no state.  Locks: none.  Allocates: Lua objects. */
#ifndef WIPPYLI_LIB_OS_H
#define WIPPYLI_LIB_OS_H

#include "sandbox.h"

/* `os` as a lazy table; a maker for wippyli_entry. */
WIPPYLI_FN int wippyli_os_open(lua_State *L);

#endif /* WIPPYLI_LIB_OS_H */
