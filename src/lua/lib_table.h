/* ========================================================================== >>lua/lib_table
   The table library. Every loop looks at the guard now and then, so none of them outlives a kill, and a
   __len above 2^31 is refused.

   table.sort is stable and reads each element at its comparisons but writes only at the end: an order
   function that fails leaves the table as it was.
   Holds: no state.  Locks: none.  Allocates: Lua objects; sort 8 bytes an element (numbers 16). */
#ifndef WIPPYLI_LIB_TABLE_H
#define WIPPYLI_LIB_TABLE_H

#include "errors.h"

/* `table` as a lazy table; a maker for wippyli_entry. */
WIPPYLI_FN int wippyli_table_open(lua_State *L);

/* table.unpack, which is the global unpack too. */
WIPPYLI_FN int wippyli_table_unpack(lua_State *L);

#endif /* WIPPYLI_LIB_TABLE_H */
