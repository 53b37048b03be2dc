/* ========================================================================== >>runner
   The table of services, and the process that looks after one of them: starts it, sees it end,
   waits, starts it again, stops it. Which service may start or must stop when is the root's
   business (supervisor module); the two talk through the table and wake each other by bells.

   A bell is an open yield whose token stands in the table: ringing it completes the yield, costs no
   memory and cannot fail; ringing it twice is once. Whoever is woken opens the bell again first and
   reads the table afterwards, so no change is missed. An alarm is one that time rings. A process
   opens both in its init and keeps their records: later it needs no memory in order to wait.

   Table: any thread under `lock`.  A runner: its own steps.
   Locks: wippyi_supervisor.lock, never held while something is sent, spawned or logged.
   Allocates: one record a service; jobs and frames while something starts.
   Holds: at most one child of a service lives; a new attempt begins after the EXIT of the last one.

   Life of a runner (state machine; the status in brackets is what others see):

     phase      meaning                         moved on by
     DOWN       nothing runs [unknown, stopped, start allowed -> CLEARING; quit -> ends
                exited, failed]
     CLEARING   a child of before still lives:  nothing left -> STARTING; stop -> DOWN
                terminated, its EXIT awaited
     STARTING   spawn or host asked for         there -> UP; refused or late -> WAITING or DOWN
                [starting]
     UP         it runs [running]               EXIT -> WAITING or DOWN; stop or new
                                                configuration -> STOPPING
     STOPPING   CANCEL sent, or host is         EXIT -> DOWN, or CLEARING for a restart;
                stopping [stopping]             too late -> DOWN [failed]
     WAITING    the delay before an attempt     time or start allowed -> CLEARING; stop -> DOWN
                [failed] */
#ifndef WIPPYI_RUNNER_H
#define WIPPYI_RUNNER_H

#include "api.h"
#include "config.h"
#include "memory.h"
#include "platform.h"
#include "runtime_access.h"
#include "service.h"

/* One service. Guarded by the supervisor's lock; the comment says who writes. */
typedef struct wippyi_service {
    struct wippyi_service *next;          /* declared later; NULL = last */
    struct wippyi_supervisor *supervisor; /* constant */
    char *id;                             /* constant */
    /* the registry's side */
    wippyi_service_config *config; /* in effect; NULL = not committed yet, or deleted */
    wippyi_service_config *staged; /* to come; NULL with is_staged = to be deleted */
    bool is_staged;
    bool deleted;
    bool replaced;     /* deleted and created again while it was up: what is up goes first */
    uint32_t revision; /* configurations so far */
    /* wishes: requests and the root */
    bool wanted;         /* it is to run */
    uint32_t asked;      /* requests to start it, so far */
    uint32_t allowed;    /* root: the one that may begin */
    uint32_t begun;      /* runner: the one that has begun */
    bool stop_now;       /* root: what depends on it is down */
    bool quit;           /* root: the runner is to end */
    bool blocked;        /* root: what it requires is not there and will not come by itself */
    bool cyclic;         /* root: it requires itself */
    bool settled;        /* root: nothing is to be waited for */
    bool leveled;        /* root: scratch */
    uint32_t dependents; /* root: scratch; services that are up and require it */
    bool ring;           /* root: its runner is to be woken */
    bool say_blocked;    /* root: to be logged */
    /* what the runner reports */
    wippy_service_status status;
    bool failed; /* the status came with an error */
    bool up;     /* something runs, comes up or goes down */
    uint32_t retry_count;
    uint64_t retry_at_ns; /* 0 = no attempt is planned */
    int64_t last_update_wall_ns;
    int64_t started_wall_ns;
    wippy_pid child;
    char details[256];
    /* how to reach it */
    wippy_pid runner; /* zero = none */
    wippy_token bell;
} wippyi_service;

typedef enum wippyi_supervisor_state {
    WIPPYI_SUPERVISOR_OFF = 0,
    WIPPYI_SUPERVISOR_COMING, /* wippy_services_start() is at work */
    WIPPYI_SUPERVISOR_ON,
    WIPPYI_SUPERVISOR_STOPPING
} wippyi_supervisor_state;

struct wippyi_supervisor {
    wippy_runtime *rt;
    wippyi_mem *mem;
    wippy_frame *frame; /* trusted; of the root and the runners */
    wippy_type root_type;
    wippy_type runner_type;
    wippyi_mutex lock;
    wippyi_cond changed; /* a plan was made, or the state changed */
    /* guarded by lock */
    wippyi_supervisor_state state;
    wippyi_service *services; /* in the order of their declaration */
    bool relinked;            /* requirements are to be looked up again */
    wippy_host where;
    bool own_host; /* where is ours: node:control */
    wippy_pid root;
    wippy_token bell;
    bool settled; /* every wanted service is, see wippy_services_wait() */
    void (*exit_fn)(wippy_runtime *rt, const wippy_exit_info *info, void *user_data);
    void *exit_user_data;
};

WIPPYI_FN wippy_result wippyi_runner_register(wippyi_supervisor *supervisor);

/* The two ends of a bell. open publishes the new token at *place under the lock; again does so when
   the bell's DONE has just been read. */
WIPPYI_FN wippy_result wippyi_bell_open(wippy_self *self, wippyi_supervisor *supervisor,
                                        uint64_t tag, wippy_token *place);
WIPPYI_FN void wippyi_bell_again(wippy_self *self, wippyi_supervisor *supervisor,
                                 wippy_token *place);
WIPPYI_FN void wippyi_bell_ring(wippyi_supervisor *supervisor, const wippy_token *place);

/* The alarm of one process. All three: its own init and steps. */
typedef struct wippyi_alarm {
    wippy_token token;
    uint64_t at_ns; /* when it rings; 0 = never */
} wippyi_alarm;

WIPPYI_FN wippy_result wippyi_alarm_open(wippy_self *self, uint64_t tag, wippyi_alarm *alarm);
/* Its DONE has just been read. */
WIPPYI_FN void wippyi_alarm_rung(wippy_self *self, wippyi_alarm *alarm);
/* Ring at at_ns, and not when it would have; 0 = never. It may ring too early: look at the clock. */
WIPPYI_FN void wippyi_alarm_set(wippy_self *self, wippyi_alarm *alarm, uint64_t at_ns);

#endif /* WIPPYI_RUNNER_H */
