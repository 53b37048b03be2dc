/* ========================================================================== >>plan
   The table of services, and what is to be done next: which may start, which must stop first.
   Every function here: the caller holds wippyi_supervisor.lock.
   Locks: none of its own.  Allocates: a record a service, in add.
   Holds: a plan depends on the table alone (and on which hosts the program has made itself); what
   is to be done is left in it: allowed, stop_now, quit, ring, say_blocked. */
#ifndef WIPPYI_PLAN_H
#define WIPPYI_PLAN_H

#include "api.h"
#include "config.h"
#include "runner.h"

WIPPYI_FN wippyi_service *wippyi_services_find(const wippyi_supervisor *supervisor, const char *id);
/* A new record at the end; NULL = no memory. */
WIPPYI_FN wippyi_service *wippyi_services_add(wippyi_supervisor *supervisor, const char *id);
WIPPYI_FN void wippyi_service_free(wippyi_supervisor *supervisor, wippyi_service *service);
/* Free the records that nobody needs any more. While a root runs, only the root may do that. */
WIPPYI_FN void wippyi_services_sweep(wippyi_supervisor *supervisor);
WIPPYI_FN bool wippyi_supervisor_is_up(const wippyi_supervisor *supervisor);

/* Look up requirements again, when something was declared or deleted; before the next two. */
WIPPYI_FN void wippyi_services_relink(wippyi_supervisor *supervisor);
WIPPYI_FN size_t wippyi_service_requirements(const wippyi_service *service);
WIPPYI_FN wippyi_service *wippyi_service_target(const wippyi_service *service, size_t index);

/* It is to run: a new request to start it. */
WIPPYI_FN void wippyi_service_want(wippyi_service *service);
/* Look at everything and decide. */
WIPPYI_FN void wippyi_plan(wippyi_supervisor *supervisor);

#endif /* WIPPYI_PLAN_H */
