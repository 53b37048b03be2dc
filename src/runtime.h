/* ========================================================================== >>runtime
   The edge: create, stop, join, destroy, logging, the tables of types; argument checks.
   Any thread; destroy: one thread, with nobody else inside.
   Allocates: the runtime and everything that hangs off it. */
#ifndef WIPPYI_RUNTIME_H
#define WIPPYI_RUNTIME_H

#include "core.h"

#endif /* WIPPYI_RUNTIME_H */
