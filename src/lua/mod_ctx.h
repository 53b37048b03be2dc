/* ========================================================================== >>lua/mod_ctx
   The module `ctx`: the context values of the running process, read only.
   Holds: no state.  Locks: none.  Allocates: Lua values. */
#ifndef WIPPYLI_MOD_CTX_H
#define WIPPYLI_MOD_CTX_H

#include "common.h"

WIPPYLI_FN const wippyli_library *wippyli_mod_ctx(void);

#endif /* WIPPYLI_MOD_CTX_H */
