/* ========================================================================== >>lua/typevalue
   Type aliases as values of a running program: Type(v) gives v or raises, Type:is(v) gives v, nil or
   nil, error. Only aliases whose name the source uses outside of types become globals, and only where
   no global has that name.
   Holds: no state.  Locks: none.  Allocates: at compile time from wippyli_mem, later Lua objects. */
#ifndef WIPPYLI_TYPEVALUE_H
#define WIPPYLI_TYPEVALUE_H

#include "stock.h"
#include "typecheck.h"

/* Does the erased `text` name one of the aliases? Runs no Lua. */
WIPPYLI_FN bool wippyli_types_used(const unsigned char *types, size_t types_size, const char *text,
                                   size_t text_size);

/* Set the globals for the aliases of a source. Protected. */
WIPPYLI_FN void wippyli_types_set(lua_State *L, const unsigned char *types, size_t types_size);

#endif /* WIPPYLI_TYPEVALUE_H */
