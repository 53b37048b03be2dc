/* ========================================================================== >>runtime_access
   What the modules below the runtime ask of it; the bodies are in the runtime module.
   Any thread.  Locks: none.  Allocates: nothing. */
#ifndef WIPPYI_RUNTIME_ACCESS_H
#define WIPPYI_RUNTIME_ACCESS_H

#include "api.h"
#include "config.h"
#include "memory.h"
#include "platform.h"

typedef struct wippyi_registry wippyi_registry;
typedef struct wippyi_policy wippyi_policy;
typedef struct wippyi_events wippyi_events;
typedef struct wippyi_supervisor wippyi_supervisor;
typedef struct wippyi_env wippyi_env;

/* Set before any other thread knows the runtime and there until it is destroyed. */
WIPPYI_FN wippyi_registry *wippyi_runtime_registry(wippy_runtime *rt);
WIPPYI_FN wippyi_mem *wippyi_runtime_mem(wippy_runtime *rt);
WIPPYI_FN wippyi_policy *wippyi_runtime_policy(wippy_runtime *rt);
WIPPYI_FN wippyi_events *wippyi_runtime_events(wippy_runtime *rt);
WIPPYI_FN wippyi_supervisor *wippyi_runtime_supervisor(wippy_runtime *rt);
WIPPYI_FN wippyi_env *wippyi_runtime_env(wippy_runtime *rt);

/* CPUs that the runtime counts on: as many as it may use, or in a simulation always the same. */
WIPPYI_FN uint32_t wippyi_runtime_cpus(const wippy_runtime *rt);

/* wippyi_cond_timedwait(); in a simulation others move instead, and then for ever may end: when nothing
   can move any more. False: the time has passed, or that. */
WIPPYI_FN bool wippyi_runtime_wait(wippy_runtime *rt, wippyi_cond *cond, wippyi_mutex *mutex,
                                   uint64_t timeout_ns);

/* Write a log record on behalf of the runtime. fields: one encoded map or size 0. The caller holds no
   lock that a reader of the registry needs. */
WIPPYI_FN void wippyi_log(wippy_runtime *rt, wippy_log_level level, const char *logger,
                          wippy_slice fields, const char *format, ...) WIPPYI_PRINTF(5, 6);

/* Would a record of that level be written? */
WIPPYI_FN bool wippyi_log_wanted(const wippy_runtime *rt, wippy_log_level level);

#endif /* WIPPYI_RUNTIME_ACCESS_H */
