/* ========================================================================== >>watchdog
   Notices steps that take too long: interrupts them, has their neighbours stolen, names them in the
   log, and when they hold all threads of a host while others wait, ends one after the other. One thread a runtime, started with the first pool host, asleep while all workers are.
   enter, leave, rest, work: the worker itself.   The rest: the thread that starts or ends hosts.
   Locks: rt->hosts_lock is not needed: hosts are only ever added. Takes thread_lock of a host (never
   waiting) and stripes, one at a time.   Allocates: itself. */
#ifndef WIPPYI_WATCHDOG_H
#define WIPPYI_WATCHDOG_H

#include "core.h"

WIPPYI_FN wippy_result wippyi_watchdog_start(wippy_runtime *rt); /* again: nothing happens */
WIPPYI_FN void wippyi_watchdog_stop(wippy_runtime *rt);
WIPPYI_FN void wippyi_watchdog_enter(wippyi_worker *w);
WIPPYI_FN void wippyi_watchdog_leave(wippyi_worker *w);
WIPPYI_FN void wippyi_watchdog_rest(wippy_runtime *rt);      /* a worker goes to sleep */
WIPPYI_FN void wippyi_watchdog_work(wippy_runtime *rt);      /* a worker woke up */
WIPPYI_FN bool wippyi_host_overdue(const wippyi_host *host); /* any step overdue there? */

#endif /* WIPPYI_WATCHDOG_H */
