/* ========================================================================== >>lua/modules
   The modules of the bridge, one line each in modules.c: what a runtime offers beyond the core of the
   bridge.
   Holds: no state.  Locks: none.  Allocates: what the modules keep per runtime. */
#ifndef WIPPYLI_MODULES_H
#define WIPPYLI_MODULES_H

#include "body.h"

#endif /* WIPPYLI_MODULES_H */
