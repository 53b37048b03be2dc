/* ========================================================================== >>lua/mod_security
   The module `security`: the identity of the process, actors, scopes and policies as values.
   An Actor is an id and encoded meta, a Scope a list of policy ids, a Policy an id; all immutable. What
   a policy says is looked up when it is asked, so a policy changed meanwhile counts at once.
   Holds: no state.  Locks: none.  Allocates: Lua values. */
#ifndef WIPPYLI_MOD_SECURITY_H
#define WIPPYLI_MOD_SECURITY_H

#include "common.h"

WIPPYLI_FN const wippyli_library *wippyli_mod_security(void);

/* Let spawners and funcs know actors and scopes. */
WIPPYLI_FN void wippyli_security_hooks(wippyli_bridge *bridge);

#endif /* WIPPYLI_MOD_SECURITY_H */
