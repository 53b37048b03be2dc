/* ========================================================================== >>blocking
   A bounded pool of threads for calls that block: wippy_blocking(). Threads start when there is work
   and none is free, up to desc.blocking_threads, and stay. Without threads the call runs at once; in a
   simulation it is one of the moves.
   Any thread.  Locks: one.  Allocates: one job a call. */
#ifndef WIPPYI_BLOCKING_H
#define WIPPYI_BLOCKING_H

#include "core.h"

WIPPYI_FN void wippyi_blocking_destroy(wippy_runtime *rt); /* waits for calls that run */
/* In a simulation, which has one thread: calls that wait, and one of them (0 = the oldest) is made. */
WIPPYI_FN uint32_t wippyi_blocking_waiting(wippy_runtime *rt);
WIPPYI_FN void wippyi_blocking_run(wippy_runtime *rt, uint32_t which);

#endif /* WIPPYI_BLOCKING_H */
