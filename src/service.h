/* ========================================================================== >>service
   What an entry says about a service, and the arithmetic of restarting: the parts of supervision
   that need no process.
   Pure functions; a wippyi_service_config is immutable but for its count: any thread reads it.
   Locks: none.  Allocates: one block a configuration, through wippyi_mem.
   Holds: delays are integer arithmetic: the same numbers give the same delay on every machine. */
#ifndef WIPPYI_SERVICE_H
#define WIPPYI_SERVICE_H

#include "api.h"
#include "atomic.h"
#include "config.h"
#include "duration.h"
#include "memory.h"

typedef enum wippyi_service_type {
    WIPPYI_SERVICE_PROCESS = 0, /* process.service */
    WIPPYI_SERVICE_HOST,        /* process.host */
    WIPPYI_SERVICE_TERMINAL,    /* terminal.host */
    WIPPYI_SERVICE_SCOPE        /* pg.scope: there is nothing to start or stop */
} wippyi_service_type;

typedef struct wippyi_restart {
    uint64_t initial_ns;
    uint64_t max_ns;
    uint32_t factor_milli; /* thousandths: 2000 doubles */
    uint32_t jitter_ppm;   /* millionths, at most 1,000,000 */
    uint32_t max_attempts; /* 0 = unlimited */
} wippyi_restart;

struct wippyi_service;

/* A service that must run first. */
typedef struct wippyi_requirement {
    const char *id;                /* full id */
    struct wippyi_service *target; /* NULL = no such service; the root supervisor's */
} wippyi_requirement;

typedef struct wippyi_service_config {
    wippyi_a32 refs; /* any holder; up relaxed, down acq_rel: the last one frees */
    wippy_runtime *rt;
    wippyi_mem *mem;
    size_t bytes;       /* of this block */
    wippy_entry *entry; /* held; NULL in tests */
    const char *id;     /* these and all below lie in the entry or in this block */
    const char *kind;
    wippyi_service_type type;
    bool auto_start;
    bool optional;
    uint64_t start_timeout_ns;
    uint64_t stop_timeout_ns;
    uint64_t stable_ns;
    wippyi_restart restart;
    wippy_slice security; /* encoded map, or size 0 */
    const char *process;  /* full id; process.service */
    const char *host;     /* full id; process.service */
    wippy_slice input;    /* encoded values, one after the other */
    uint32_t input_count;
    wippy_slice host_fields; /* encoded map, or size 0; the other two */
    uint32_t workers;        /* 0 = default */
    uint32_t max_processes;  /* 0 = unlimited */
    uint32_t mailbox_limit;  /* 0 = unlimited */
    uint32_t step_budget;    /* 0 = default */
    uint64_t memory_limit;   /* bytes; 0 = unlimited */
    wippyi_requirement *requirements;
    size_t requirement_count;
} wippyi_service_config;

/* Read the data of an entry. id, kind and data must outlive the configuration; they do when `entry`
   is given: it is then held. diag is never NULL. Returns: WIPPY_OK, _ERR_INVALID, _ERR_NOMEM. */
WIPPYI_FN wippy_result wippyi_service_read(wippy_runtime *rt, wippyi_mem *mem, wippy_entry *entry,
                                           const char *id, const char *kind, wippy_slice data,
                                           wippyi_service_config **out, wippy_diag *diag);
WIPPYI_FN wippyi_service_config *wippyi_service_hold(wippyi_service_config *config);
WIPPYI_FN void wippyi_service_release(wippyi_service_config *config); /* NULL does nothing */

/* May a running host go over to the new configuration by changing its number of workers alone? */
WIPPYI_FN bool wippyi_service_same_host(const wippyi_service_config *a,
                                        const wippyi_service_config *b);

/* Delay before attempt `failures` + 1: initial * factor^(failures - 1), capped, then times a factor
   that `random` picks evenly from [1 - jitter, 1 + jitter]. */
WIPPYI_FN uint64_t wippyi_restart_delay(const wippyi_restart *restart, uint32_t failures,
                                        uint64_t random);
/* Count a failure after a run of run_ns. Returns: whether to try again. */
WIPPYI_FN bool wippyi_restart_again(const wippyi_restart *restart, uint64_t stable_ns,
                                    uint64_t run_ns, uint32_t *failures);

#endif /* WIPPYI_SERVICE_H */
