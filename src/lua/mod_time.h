/* ========================================================================== >>lua/mod_time
   The module `time`: Time, Duration, Location, Timer and Ticker over the calendar of lua/gotime.

   A Time is 16 bytes and says which zone it is in: UTC, the machine's, or a Location it refers to. A
   Location holds its zone whole. What fires is an alarm in the extra bytes of a channel; Timer and
   Ticker only point to that channel, which is anchored as long as its alarm is armed.
   An alarm that is stopped or armed again gives up its yield: no completion of the older one is seen.
   Holds: per armed alarm one yield.  Locks: none.  Allocates: Lua objects. */
#ifndef WIPPYLI_MOD_TIME_H
#define WIPPYLI_MOD_TIME_H

#include "channel.h"
#include "goparse.h"
#include "shared.h"

WIPPYLI_FN const wippyli_library *wippyli_mtime_module(void);

/* Read a duration, a number of nanoseconds, a text or a Duration. False: the value is none. Runs no
   Lua, raises nothing. */
WIPPYLI_FN bool wippyli_mtime_duration(lua_State *L, int index, int64_t *out);

/* Push a Time in the machine's zone. */
WIPPYLI_FN void wippyli_mtime_push_local(lua_State *L, int64_t wall_ns);

#endif /* WIPPYLI_MOD_TIME_H */
