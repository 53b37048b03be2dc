/* ========================================================================== >>host
   Where processes run: pools of workers, pumps, terminals; labels printed in pids.
   Locks: rt->hosts_lock for creation and names; rt->stop_lock to wait for an empty host.
   Allocates: the host, its workers; labels live as long as the runtime. */
#ifndef WIPPYI_HOST_H
#define WIPPYI_HOST_H

#include "core.h"

WIPPYI_FN wippyi_host *wippyi_host_at(wippy_runtime *rt, wippy_host host);
/* Label number of a text, made when new; 0 = no memory or no room. */
WIPPYI_FN uint32_t wippyi_label_of(wippy_runtime *rt, const char *text, size_t bytes);
WIPPYI_FN const wippyi_label *wippyi_label_at(const wippy_runtime *rt, uint32_t label);
WIPPYI_FN uint32_t wippyi_label_find(wippy_runtime *rt, const char *text, size_t bytes);
WIPPYI_FN void wippyi_hosts_destroy(wippy_runtime *rt);
/* Enter and leave a pump host on this thread; false: somebody is inside. */
WIPPYI_FN bool wippyi_pump_enter(wippyi_host *host);
WIPPYI_FN void wippyi_pump_leave(wippyi_host *host);
/* The worker of this host that the calling thread runs now; NULL = none. */
WIPPYI_FN wippyi_worker *wippyi_host_here(const wippyi_host *host);
/* Ask every process of a host to end: CANCEL, or terminate. */
WIPPYI_FN void wippyi_host_evict(wippyi_host *host, bool terminate);
WIPPYI_FN void wippyi_host_begin_stop(wippyi_host *host);
/* Count a process in, before a birth, and out, after its end; w: the worker this thread runs, or NULL.
   Who counted in and then finds the host running is waited for by a stop. */
WIPPYI_FN void wippyi_host_enter(wippyi_host *host, wippyi_worker *w);
WIPPYI_FN void wippyi_host_leave(wippyi_host *host, wippyi_worker *w);
/* The same for one that is not hidden, while it is counted in. False: the limit of the host leaves no room
   for it, and it has to leave its place again. relaxed: a number that limits itself. */
WIPPYI_FN bool wippyi_place_enter(wippyi_host *host, wippyi_worker *w);
WIPPYI_FN void wippyi_place_leave(wippyi_host *host, wippyi_worker *w);
/* How many are counted in. Never too few; exact while nothing moves. 0 on a host that stops: for good. */
WIPPYI_FN uint64_t wippyi_host_population(const wippyi_host *host);
/* Of all hosts. */
WIPPYI_FN uint64_t wippyi_population(wippy_runtime *rt);
WIPPYI_FN bool wippyi_host_wait_empty(wippyi_host *host, uint64_t deadline_ns);
WIPPYI_FN void wippyi_host_end_workers(wippyi_host *host);

/* One more worker, for as long as a step is overdue. False: no more may be started, or none could be. */
WIPPYI_FN bool wippyi_host_spare(wippyi_host *host);

#endif /* WIPPYI_HOST_H */
