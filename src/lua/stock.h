/* ========================================================================== >>lua/stock
   The headers of the stock Lua library, in C and in C++.
   Holds: no state.  Locks: none.  Allocates: nothing. */
#ifndef WIPPYLI_STOCK_H
#define WIPPYLI_STOCK_H

#include "config.h"

#ifdef __cplusplus
extern "C" {
#endif
#include <lua.h>
#include <lauxlib.h>
#include <lualib.h>
#ifdef __cplusplus
}
#endif

#if LUA_VERSION_NUM != 504
#error "wippy_lua.h needs Lua 5.4 (5.4.4 or later)"
#endif

#endif /* WIPPYLI_STOCK_H */
