/* ========================================================================== >>blocking
   A bounded pool of threads for calls that block: wippy_blocking(). Threads start when there is work
   and none is free, up to desc.blocking_threads, and stay. Without threads the call runs at once.
   Any thread.  Locks: one.  Allocates: one job a call. */
#ifndef WIPPYI_BLOCKING_H
#define WIPPYI_BLOCKING_H

#include "core.h"

WIPPYI_FN void wippyi_blocking_destroy(wippy_runtime *rt); /* waits for calls that run */

#endif /* WIPPYI_BLOCKING_H */
