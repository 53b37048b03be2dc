/* ========================================================================== >>supervisor
   Services in order: which may start, which must stop first, what the registry changes; the public
   functions of services. The root is one process; each service has a runner of its own (runner
   module).
   Public functions: any thread.  The root: its own steps.  Kinds: the thread that changes the
   registry.
   Locks: wippyi_supervisor.lock, never held while something is sent, spawned or logged.
   Allocates: a record a service, when its entry is staged.
   Holds: a service starts after everything it requires runs, and stops before it; hosts stop last.

   The root looks at the whole table each time something changed (no message says what): it spreads
   wishes along requirements, decides for each service whether it may start or must stop, and wakes
   the runners concerned. */
#ifndef WIPPYI_SUPERVISOR_H
#define WIPPYI_SUPERVISOR_H

#include "api.h"
#include "config.h"
#include "runner.h"

/* Also registers process types and the kinds process.host, terminal.host, process.service. */
WIPPYI_FN wippy_result wippyi_supervisor_create(wippy_runtime *rt, wippyi_mem *mem,
                                                wippyi_supervisor **out);
/* After the last process has ended, before the registry is destroyed. NULL does nothing. */
WIPPYI_FN void wippyi_supervisor_destroy(wippyi_supervisor *supervisor);

/* Ask for the end of all services; never blocks. NULL does nothing. */
WIPPYI_FN void wippyi_supervisor_request_stop(wippyi_supervisor *supervisor);

#endif /* WIPPYI_SUPERVISOR_H */
