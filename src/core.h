/* ========================================================================== >>core
   The structs of the core and who writes each field. Bodies are in the module named at each struct.
   Locks, allocates: nothing; what guards a field stands beside it.
   Words beside an atomic field: who writes it, with which order, and what it pairs with. "gauge" is
   relaxed on both sides: a number for people and heuristics, nothing depends on it. A field that is
   not atomic and says nothing is constant, or its owner's alone.

   Life of a process slot (state machine; the mailbox word of mailbox.h is the other half):

     state        life word     mailbox  moved on by
     free         0             CLOSED   spawn takes it from the slab
     new          0             any      target host: init ok -> live; init failed -> free. Gets mail
                                         that its init asks for (completions, EXIT), no messages
     live         pid           any      its owner (scheduler): step ended it -> ended;
                                         terminate() sets WIPPYI_LIFE_TERMINATE in the life word
     ended        0             CLOSED   its last owner: completion sequence, close -> free, with the
                                         next generation; after the last generation: retired for ever
*/
#ifndef WIPPYI_CORE_H
#define WIPPYI_CORE_H

#include "api.h"
#include "atomic.h"
#include "config.h"
#include "mailbox.h"
#include "memory.h"
#include "platform.h"
#include "ring.h"
#include "runtime_access.h"
#include "slab.h"
#include "table.h"
#include "timer.h"

typedef struct wippyi_slot wippyi_slot;
typedef struct wippyi_worker wippyi_worker;
typedef struct wippyi_host wippyi_host;
typedef struct wippyi_ext wippyi_ext;
typedef struct wippyi_yield wippyi_yield;
typedef struct wippyi_relations wippyi_relations;
typedef struct wippyi_relation wippyi_relation;
typedef struct wippyi_sim wippyi_sim;

/* ---- pid: 24 bits slot, 14 bits host label, 25 bits generation, 1 bit never set in a pid ---- */
#define WIPPYI_PID_SLOT_BITS 24
#define WIPPYI_PID_LABEL_BITS 14
#define WIPPYI_PID_GENERATION_BITS 25
#define WIPPYI_SLOT_MAX ((1u << WIPPYI_PID_SLOT_BITS) - 1)
#define WIPPYI_LABEL_MAX ((1u << WIPPYI_PID_LABEL_BITS) - 1)
#define WIPPYI_GENERATION_MAX ((1u << WIPPYI_PID_GENERATION_BITS) - 1)
#define WIPPYI_LIFE_TERMINATE ((uint64_t)1 << 63)

WIPPYI_INLINE uint64_t wippyi_pid_make(uint32_t slot, uint32_t label, uint32_t generation)
{
    return slot | ((uint64_t)label << WIPPYI_PID_SLOT_BITS) |
           ((uint64_t)generation << (WIPPYI_PID_SLOT_BITS + WIPPYI_PID_LABEL_BITS));
}
WIPPYI_INLINE uint32_t wippyi_pid_slot(uint64_t pid)
{
    return (uint32_t)pid & WIPPYI_SLOT_MAX;
}
WIPPYI_INLINE uint32_t wippyi_pid_label(uint64_t pid)
{
    return (uint32_t)(pid >> WIPPYI_PID_SLOT_BITS) & WIPPYI_LABEL_MAX;
}
WIPPYI_INLINE uint32_t wippyi_pid_generation(uint64_t pid)
{
    return (uint32_t)(pid >> (WIPPYI_PID_SLOT_BITS + WIPPYI_PID_LABEL_BITS)) &
           WIPPYI_GENERATION_MAX;
}

/* ---- message: how blocks of mail lie in memory ---- */
enum { /* wippy_mail.flags beyond the public ones and WIPPYI_MAIL_TRAIL */
    WIPPYI_MAIL_COUNTED = 0x80, /* counts against the mailbox limit */
    WIPPYI_MAIL_NUMBERED = 0x40 /* to_ holds the arrival number */
};
enum { /* wippy_mail.class_: below WIPPYI_CLASSES a heap class */
    WIPPYI_MAIL_LARGE = WIPPYI_CLASS_LARGE,
    WIPPYI_MAIL_YIELD = 32,    /* inside a wippyi_yield */
    WIPPYI_MAIL_RELATION = 33  /* inside a wippyi_relation */
};

typedef struct wippyi_owned { /* payload block of WIPPY_MAIL_OWNED mail */
    void *data;
    size_t size;
    void (*free_fn)(void *data, size_t size, void *user_data);
    void *user_data;
} wippyi_owned;

/* How a process ended: one encoded value, shared by everybody who is told. */
typedef struct wippyi_result {
    wippyi_a32 refs; /* any holder; up relaxed, down acq_rel: the last one frees */
    int32_t code;    /* wippy_result */
    size_t size;     /* bytes that follow; 0 = nil */
} wippyi_result;

/* ---- yield: an open request of a process (yield.c) ----
     state   meaning                                      moved on by
     FREE    in the slab                                  owner opens -> OPEN
     OPEN    waiting                                      completer -> CLAIMED; owner drops -> FREE
     CLAIMED completion is being written, is in the       owner reads it -> FREE; a completer or a
             mailbox or in the hands of the owner         drain that finds the process gone -> FREE */
enum { WIPPYI_YIELD_FREE = 0, WIPPYI_YIELD_OPEN = 1, WIPPYI_YIELD_CLAIMED = 2 };

struct wippyi_yield { /* what a timer touches when it moves in its wheel and fires comes first */
    wippyi_slab_head head;
    wippyi_a64 state;     /* sequence << 2 | WIPPYI_YIELD_*; open and free store (release), all else is
                             CAS: a claim acquires what open published */
    uint64_t owner;       /* pid */
    wippyi_timer_node timer;
    wippyi_worker *wheel; /* whose wheel may hold the timer; NULL = none does */
    union {               /* the completion: by mail.size, */
        char room[16];    /* small, or */
        void *block;      /* from wippyi_mem */
    };
    wippy_mail mail;      /* the completion */
    uint64_t tag;
    wippyi_yield *next;   /* list of the process; owner only */
    wippyi_yield **link;  /* NULL = not in the list */
    void (*cancel)(wippy_runtime *rt, wippyi_yield *yield); /* of a built-in command that has not
                                                               completed the yield itself, or NULL */
    bool dropped;         /* owner only: discard the completion when it arrives */
    uint32_t command;     /* index + 1 of a registered command; 0 = built in */
    void *job;            /* of the command */
    int fd;               /* wippy_wait_fd() */
    wippyi_a64 child;     /* wippy_exec(): the pid to cancel when the yield is dropped; written: who
                             gives birth to it (seq_cst, with `state`: see wippyi_bind_exec()) */
};

/* ---- relations: monitors and links (relations.c), guarded by the stripes of both ends ---- */
typedef struct wippyi_rel_node {
    struct wippyi_rel_node *next;
    struct wippyi_rel_node **link; /* NULL = in no list */
    wippyi_relation *relation;
} wippyi_rel_node;

struct wippyi_relation {
    uint64_t watcher; /* or one end of a link */
    uint64_t target;  /* or the other end */
    wippyi_rel_node at_watcher;
    wippyi_rel_node at_target;
    bool is_link;
    wippyi_result *result; /* while `mail` is under way */
    wippy_mail mail;       /* the EXIT or LINK_DOWN, paid for in advance */
};

typedef struct wippyi_name {
    struct wippyi_name *next; /* names of one owner, guarded by its stripe */
    struct wippyi_name **link;
    uint64_t pid;
    size_t bytes;
    char *text;
    bool listed; /* false: its owner's exit holds it and frees it */
} wippyi_name;

typedef struct wippyi_waiter { /* somebody refused by a full mailbox */
    struct wippyi_waiter *next;
    uint64_t pid;
    wippy_mail *mail;
} wippyi_waiter;

struct wippyi_relations {
    wippyi_rel_node *watching; /* we are the watcher */
    wippyi_rel_node *watched;  /* we are the target */
    wippyi_rel_node *links;
    wippyi_name *names;
    wippyi_waiter *waiters;
    struct wippyi_member *groups; /* owner only; see groups.h */
    struct wippyi_group_watch *watches; /* owner only */
};

/* ---- process (process.c) ---- */
enum { /* wippyi_slot.flags: owner only */
    WIPPYI_PROC_TRAP = 1,
    WIPPYI_PROC_HIGH = 4,
    WIPPYI_PROC_NEW = 8,      /* job waits for init on this host */
    WIPPYI_PROC_HIDDEN = 16,  /* not counted against max_processes */
    WIPPYI_PROC_LINK_FAILED = 32,
    WIPPYI_PROC_BODY = 128, /* init succeeded, close was not called yet */
    WIPPYI_PROC_RUN = 64 /* wants a step even without mail: the first one, or WIPPY_CONTINUE */
};
enum { /* wippyi_slot.marks */
    WIPPYI_MARK_WRITABLE = 1, /* somebody waits for room; set and cleared under the stripe, seq_cst */
    WIPPYI_MARK_BLOCKED = 2,  /* the last step said WIPPY_YIELD; owner; gauge */
    WIPPYI_MARK_ORPHAN = 4,   /* made by wippy_exec(), and nobody waits for it any more; owner; who stops
                                 the host looks (relaxed: a look too early is followed by another) */
    WIPPYI_MARK_TERMINATE = 8, /* shall end although it is not born yet; set under the stripe of a tenant
                                  that is being born (seq_cst, before another look at `life`); the birth
                                  stores `life` and then looks here; init looks relaxed, now and then */
    WIPPYI_MARK_UPGRADABLE = 16, /* wants OUTDATED; owner; who announces newer code looks (relaxed: asked
                                    for a moment later, it comes with the next change) */
    WIPPYI_MARK_MEMORY = 32   /* one unit of what wippy_self_memory() was told; counts upwards from here
                                 to the end of the word; owner; gauge */
};
#define WIPPYI_MEMORY_UNIT 64 /* bytes: 27 bits of units are 8 GiB */
#define WIPPYI_MEMORY_MAX  WIPPYI_MIN(UINT32_MAX / WIPPYI_MARK_MEMORY, SIZE_MAX / WIPPYI_MEMORY_UNIT)

struct wippyi_slot {
    /* senders read and CAS */
    wippyi_slab_head head;
    wippyi_mailbox box;
    wippyi_a64 life;     /* pid | WIPPYI_LIFE_TERMINATE, or 0; owner stores (seq_cst at birth, release at
                            the end), terminate() sets the bit by CAS (seq_cst); senders acquire */
    wippyi_ap host;      /* wippyi_host*; written: spawner (relaxed; `tenant` and `life` publish it);
                            constant while live; senders may look a moment too late */
    wippyi_a32 pending;  /* messages counted against the limit; only used when there is one; RMW: up by
                            senders (relaxed), down by who takes one out (seq_cst, with `marks`) */
    wippyi_a32 marks;    /* WIPPYI_MARK_...; RMW: two writers in one word */
    wippyi_slot *run_next; /* link of the queue that holds the process; here, because who queues it has
                              just pushed into `box` */
    wippyi_a64 tenant;   /* pid from birth on, | WIPPYI_LIFE_TERMINATE once its relations are closed;
                            written: owner (release); the closing under the stripe */
    wippy_entry *entry;  /* counted; NULL = none; owner; others read it under the stripe */
    /* owner */
    void *state;
    wippyi_ext *ext;     /* NULL until needed */
    wippy_mail *fresh;   /* received, not yet looked at; oldest first */
    wippy_mail **fresh_end;
    uint64_t parent;     /* constant while live; others read it under the stripe */
    wippy_frame *frame;  /* counted; NULL = empty */
    wippyi_relations *relations; /* guarded by the stripe of the slot */
    uint32_t started_ms; /* of the runtime's uptime */
    uint16_t type;       /* index into runtime.types; an upgrade writes it under the stripe, where the
                            watchdog reads it */
    uint16_t flags;      /* WIPPYI_PROC_... */
};

typedef struct wippyi_shelf {
    wippy_mail *first;
    wippy_mail *last;
    bool used;
} wippyi_shelf;

struct wippyi_ext {
    wippyi_yield *yields;
    uint32_t open_yields;
    uint32_t shelf_count;
    wippyi_shelf *shelves; /* shelf_count of them, from wippyi_mem */
    uint64_t arrivals;
    size_t kept_bytes;
    size_t kept_count;
    wippy_token on_exit; /* wippy_exec(): complete this at the end */
    struct wippyi_job *job;     /* while NEW, or an upgrade under way */
};

/* A spawn or an upgrade that waits for its init. In one allocation with its copies, or on the stack
   of a spawn that runs at once. */
typedef struct wippyi_job {
    size_t bytes; /* of the allocation; 0 = on a stack */
    wippy_input input;
    uint16_t type;
    uint32_t flags; /* WIPPY_SPAWN_... */
    uint64_t spawner;
    const char *name; /* NULL = none */
    size_t name_bytes;
    wippy_mail *messages;      /* to be delivered first, oldest first */
    wippyi_relation *monitor;  /* paid for in advance */
    wippyi_relation *link;
    wippyi_relations *own;     /* relations of the child, paid for in advance */
    wippyi_relations *parents; /* of the spawner, in case it has none yet */
    wippy_token token;         /* of the spawn's completion */
    wippy_token on_exit;       /* wippy_exec() */
    wippyi_ticket *done;       /* an outside thread waits; below is its answer */
    wippy_result result;
    wippy_pid pid;
    wippy_diag *diag;
} wippyi_job;

enum { /* wippy_self.bits */
    WIPPYI_SELF_SEEN_DONE = 1, /* the process let go of `seen` */
    WIPPYI_SELF_FAILED = 2,    /* wippy_fail() was called */
    WIPPYI_SELF_CLOSING = 4,   /* inside close */
    WIPPYI_SELF_GUARDED = 8,   /* sends take the long way: rights, trace, close, an outside thread */
    WIPPYI_SELF_RECORDED = 16  /* there is a result or an upgrade */
};

struct wippy_self {
    wippy_runtime *rt;
    wippyi_worker *worker; /* NULL: outside */
    wippyi_host *host;     /* NULL: outside */
    wippyi_slot *slot;     /* NULL: outside, or a step that ended */
    wippy_pid pid;
    wippyi_heap *heap;     /* the worker's; outside: shared, under rt->outside_lock */
    const struct wippyi_type *type; /* of slot */
    wippy_mail *current;   /* latest mail handed out; freed when the next one is asked for */
    wippy_mail *seen;      /* the only mail of this step, still in the mailbox (wippyi_mailbox_peek()):
                              plain, and freed after the step; NULL = the mailbox was taken */
    uint32_t budget;       /* messages this step may still take */
    uint32_t depth;        /* inits inside each other */
    wippyi_result *result; /* recorded by wippy_done/wippy_fail */
    wippyi_job *upgrade;   /* recorded by wippy_upgrade */
    uint32_t bits;         /* WIPPYI_SELF_... */
};

WIPPYI_INLINE bool wippyi_self_closing(const wippy_self *self)
{
    return (self->bits & WIPPYI_SELF_CLOSING) != 0;
}

/* ---- scheduler (scheduler.c) ---- */
enum { WIPPYI_LANE_NORMAL = 0, WIPPYI_LANE_HIGH = 1, WIPPYI_LANES = 2 };

/* Processes counted in and out of a host. Each worker has such counters for its own host, the host has
   those of everybody else; nobody tells which of them a process left by, so only sums mean something:
   wippyi_host_population(). Counters of which all workers write one would cost more than a birth. */
typedef struct wippyi_census {
    wippyi_a64 born;      /* up before a birth; RMW seq_cst, with the host's `state` */
    wippyi_a64 gone;      /* up after the last thing an ending process does; likewise */
    wippyi_a32 processes; /* gauge: alive or being born, hidden ones not; wraps */
} wippyi_census;

#define WIPPYI_TRAIL 8 /* how far back a hint points: see WIPPYI_MAIL_TRAIL */

struct wippyi_worker {
    wippy_self self;
    wippyi_host *host;
    uint32_t index;
    /* What is taken by a thief only inside a step of the owner, and by the owner only outside: near
       side of the barrier the owner, who has left a step and then looks at `robber`; far side the thief,
       who has set `robber` and then looks at step_number. See wippyi_rob(). */
    wippyi_ap next_slot; /* wippyi_slot*; put by the owner at any time (release), taken by the owner
                            (relaxed) or a thief (exchange, acquire) */
    wippyi_a32 robber;   /* 1: a thief is at it; CAS acq_rel up, store release down; the owner acquires */
    wippyi_barrier barrier; /* also between a push into a ring and the host's sleep_word */
    /* owner; thieves take by CAS */
    wippyi_ring rings[WIPPYI_LANES]; /* see ring.h */
    /* owner only */
    wippyi_heap heap;
    wippyi_slab_cache slots;
    wippyi_slab_cache yields;
    wippy_mail *trail[WIPPYI_TRAIL]; /* sent last, all to `trail_to`; never looked into */
    const wippyi_slot *trail_to;     /* of another host */
    uint32_t trail_count;            /* sent in this run */
    uint32_t hops;         /* next-slot runs in a row */
    uint32_t until_global; /* looks until the global queue comes first */
    uint32_t until_normal; /* looks until the normal lane comes first */
    uint32_t until_clock;  /* steps until the clock is read again */
    uint32_t clock_batch;  /* what until_clock was when clock_ns was set */
    wippyi_a32 cost_ns;    /* moving average of a step; written: owner; gauge for thieves */
    uint64_t clock_ns;     /* when it was last read */
    uint64_t random;
    /* timers of the processes that ran here */
    wippyi_latch wheel_lock;
    wippyi_wheel wheel;
    wippyi_a64 wheel_next_ns; /* written under wheel_lock; read by anybody; gauge */
    /* watchdog and statistics */
    wippyi_a64 step_number;  /* odd = inside a step; written: owner (release); watchdog acquires */
    wippyi_a32 overdue;      /* set by the watchdog, cleared by the owner when the step ends (and, when the
                                watchdog was late, as the next one begins); relaxed: seen late, a thief
                                or a step looks again */
    wippyi_ap running;       /* wippyi_slot*; of the step, or of the last one; NULL: of no process; written:
                                owner (release: others look at the slot, see wippyi_worker_runs()) */
    wippyi_a64 inits;        /* what step_number counts without being a step: inits, callbacks that wait;
                                written: owner; gauge */
    wippyi_a64 stolen, parked, messages, spawned; /* written: owner; gauges */
    wippyi_census census;    /* of what this worker counted on its host */
    uint64_t seen_step;      /* watchdog only */
    uint32_t seen_ticks;     /* watchdog only */
    uint64_t seen_used_ns;   /* watchdog only: processor time of the thread at the first of them */
    uint64_t ended_step;     /* watchdog only: the step whose process it terminated last */
    /* sleeping */
    wippyi_ticket ticket;
    bool is_parked; /* guarded by host->park_lock */
    struct wippyi_worker *park_next;
    wippyi_thread thread;
    bool thread_started;
    wippyi_a32 quit; /* this worker shall end; written under thread_lock (seq_cst: before the wake;
                        a worker going to sleep reads it after it said so) */
    wippyi_a64 thread_id; /* of the thread that runs this worker now; 0 = none; written: that thread;
                             only compared with the reader's own id, so any order would do */
    uint32_t step_budget; /* messages the next step may take */
    bool searching;     /* owner only; a waker's promise is in sleep_word */
    bool by_timer;      /* owner only: what it found last it found by its timers */
    uint64_t sleep_ns;  /* owner only: how long it sleeps when nobody wakes it */
    wippyi_a32 spare;   /* WIPPYI_SPARE_*: 1 -> 0 by a resize that keeps it, 1 -> 2 by itself; CAS
                           acq_rel; set anew under thread_lock before the thread starts */
    wippyi_a32 exited;  /* its thread is about to return: join it before it is started again; written:
                           the thread (release, under stop_lock), cleared under thread_lock */
    /* in a simulation, which has one thread */
    bool busy;          /* in the middle of a move, which somebody else's interrupts */
    bool asleep;        /* where its thread would wait for the ticket */
    bool woken;         /* asleep, and the ticket came */
    struct wippyi_worker *outer; /* busy: whose move this one interrupts */
};

enum { /* wippyi_worker.spare */
    WIPPYI_SPARE_NO = 0,
    WIPPYI_SPARE_YES = 1,
    WIPPYI_SPARE_LEAVING = 2
};

/* Keeps what is above it and what is below it on different cache lines. */
typedef struct wippyi_apart {
    char unused[WIPPYI_CACHELINE];
} wippyi_apart;

/* What a full ring could not hold, as an array: processes lie all over the memory, and whoever takes them
   asks for all at once. A block of a heap. */
#define WIPPYI_BUNDLE_MAX \
    (WIPPYI_RING_SIZE < 64 ? WIPPYI_RING_SIZE / 2 : WIPPYI_RING_SIZE / 2 - 2) /* 1,024 bytes */
typedef struct wippyi_bundle {
    struct wippyi_bundle *next;
    uint32_t taken;
    uint32_t count;
    void *slots[WIPPYI_BUNDLE_MAX]; /* oldest first */
} wippyi_bundle;

/* The host's global queue of one lane: a list of what was pushed one by one, and one of bundles. They get
   their turn by turns; each is a FIFO. */
typedef struct wippyi_queue {
    wippyi_ap inbox;      /* wippyi_slot*, newest first; any thread pushes by CAS (seq_cst, with
                             sleep_word), a consumer takes all by exchange (acquire) */
    wippyi_apart pushers_from_consumers;
    wippyi_mutex lock;    /* consumers */
    wippyi_slot *first;   /* guarded by lock */
    wippyi_slot *last;    /* guarded by lock */
    wippyi_bundle *bundles;      /* guarded by lock */
    wippyi_bundle *bundles_last; /* guarded by lock */
    bool bundles_next;    /* guarded by lock: it is the bundles' turn */
    wippyi_a32 waiting;   /* first or bundles; written under lock (seq_cst); relaxed looks are hints */
} wippyi_queue;

/* RUNNING -> STOPPING (no spawns, CANCEL sent) -> KILLING (grace is over, everything terminated)
   -> STOPPED (empty, workers ended); by the thread that stops the host. */
enum {
    WIPPYI_HOST_RUNNING = 0,
    WIPPYI_HOST_STOPPING = 1,
    WIPPYI_HOST_KILLING = 2,
    WIPPYI_HOST_STOPPED = 3
};
#define WIPPYI_WORKERS_MAX 128 /* per host, spares included */

struct wippyi_host {
    wippy_runtime *rt;
    wippyi_host *next_host; /* the one created before; constant */
    uint32_t id;            /* label, and handle */
    char *name;
    wippy_host_kind kind;   /* constant */
    wippy_host_desc desc;   /* limits resolved; constant while running */
    wippyi_a32 mailbox_limit; /* of desc; written: creation (relaxed); senders may look when the host is
                                 stopped already */
    wippyi_a32 has_high;      /* 1: a process with high priority was spawned here, ever; written: before
                                 the first such process can be queued (seq_cst) */
    wippyi_a32 state;       /* WIPPYI_HOST_*; written: who creates it (under hosts_lock) or stops it
                               (seq_cst, with `census`, and with `life` at a birth) */
    wippyi_a64 orphans_ns;  /* STOPPING: when to look for orphans next; written: who stops it; relaxed */
    wippyi_apart above_is_read_only; /* by every send */
    wippyi_queue queues[WIPPYI_LANES];
    wippyi_apart below_is_written_less;
    wippyi_ap workers[WIPPYI_WORKERS_MAX]; /* wippyi_worker*; written under thread_lock (release); a
                                              worker is never freed before the host */
    wippyi_a32 worker_slots;  /* workers[0..n) are set; grows only; under thread_lock (release) */
    wippyi_a32 worker_count;  /* running threads wanted; under thread_lock (release) */
    wippyi_a32 processes;     /* alive or being born, hidden ones not; only used when there is a limit; RMW
                                 relaxed: it only limits itself */
    wippyi_census census;     /* of what its workers did not count */
    wippyi_a64 refused;       /* gauge */
    wippyi_a64 stuck_ended;   /* written: watchdog; gauge */
    uint32_t stuck_ticks;     /* watchdog only: up while every thread is held by one step, down else */
    uint32_t stuck_batch;     /* watchdog only: how many it ends at once; doubles while stuck_ticks > 0 */
    /* sleep and wake: word = searching + parked << 32; RMW seq_cst, pairs with publishers who make
       work visible (seq_cst) and then load it */
    wippyi_a64 sleep_word;
    wippyi_mutex park_lock;
    wippyi_worker *parked_list; /* guarded by park_lock */
    wippyi_mutex thread_lock;   /* starting and joining worker threads */
    /* pump */
    wippyi_a32 pumping;  /* 1: a thread is inside wippy_pump(); CAS acquire, store release: a lock */
    wippyi_a32 signalled; /* 1: wake_fn was called since the last pump began; exchanges only, acq_rel */
};

/* ---- edge ---- */
typedef struct wippyi_type {
    wippy_type_desc desc;
    char *name;
} wippyi_type;

enum { WIPPYI_FIXED_TERMINATED, WIPPYI_FIXED_LINK, WIPPYI_FIXED_CANCELED, WIPPYI_FIXED_NOMEM,
       WIPPYI_FIXED_RESULTS };

typedef struct wippyi_command {
    wippy_command_desc desc;
    char *name;
} wippyi_command;

#define WIPPYI_TYPES_MAX 1024
#define WIPPYI_COMMANDS_MAX 256
#define WIPPYI_TOPICS_MAX 65536
#define WIPPYI_STRIPES 64
/* Neighbours share a stripe: a worker has as many slots at once, so that it does not fetch a lock from
   another processor for each. */
#if defined(WIPPYI_EXPLORE)
#define WIPPYI_STRIPE_SLOTS 1 /* its few processes shall have different ones */
#else
#define WIPPYI_STRIPE_SLOTS 16
#endif
#define WIPPYI_NAME_SHARDS 16

typedef union wippyi_stripe {
    wippyi_latch latch;
    char room[WIPPYI_CACHELINE]; /* no two workers write one line for two stripes */
} wippyi_stripe;

typedef struct wippyi_topic {
    uint32_t id;
    uint32_t bytes;
    char *text;
} wippyi_topic;

typedef struct wippyi_shard {
    wippyi_mutex lock;
    wippyi_strmap names; /* text -> wippyi_name* */
} wippyi_shard;

typedef struct wippyi_groups { /* groups.c */
    wippyi_mutex lock;
    wippyi_strmap by_key; /* scope NUL name -> wippyi_group; guarded by lock, as all below */
    struct wippyi_group_watch *watches; /* in the order of asking */
    struct wippyi_group_watch **watches_end;
    uint64_t last_watch;
} wippyi_groups;

typedef struct wippyi_watchdog wippyi_watchdog; /* watchdog.c */
typedef struct wippyi_blocking wippyi_blocking; /* blocking.c */
typedef struct wippyi_waiting wippyi_waiting;   /* descriptors.c */

struct wippy_runtime {
    wippyi_mem mem;
    wippy_desc desc;
    uint64_t start_ns;
    int64_t start_wall_ns;
    wippyi_depot depot;
    wippyi_slab slots;
    wippyi_slab yields;
    /* outside threads */
    wippy_self outside;
    wippyi_mutex outside_lock;
    wippyi_heap outside_heap;
    wippyi_slab_cache outside_slots;
    wippyi_slab_cache outside_yields;
    /* relations */
    wippyi_stripe stripes[WIPPYI_STRIPES];
    wippyi_shard shards[WIPPYI_NAME_SHARDS];
    wippyi_groups groups;
    /* declared things: entries are constant once their count covers them; counts and blocks are
       written under tables_lock (release) and read by anybody (acquire) */
    wippyi_mutex tables_lock;
    wippyi_a32 type_count;
    wippyi_ap types[WIPPYI_TYPES_MAX / 64]; /* blocks of 64 wippyi_type */
    wippyi_a32 command_count;
    wippyi_ap commands[WIPPYI_COMMANDS_MAX / 64];
    wippyi_a32 topic_count;
    wippyi_ap topics[WIPPYI_TOPICS_MAX / 256]; /* blocks of 256 wippyi_topic */
    wippyi_strmap topic_ids; /* guarded by tables_lock */
    /* hosts and labels */
    wippyi_mutex hosts_lock;
    wippyi_ap host_list;     /* wippyi_host*, newest first; grows only, under hosts_lock; release */
    wippyi_a32 label_count;  /* labels 1..n are set; grows only, under hosts_lock; release */
    wippyi_ap labels[(WIPPYI_LABEL_MAX + 1) / 256]; /* blocks of 256 wippyi_label; likewise */
    wippyi_strmap label_ids; /* text -> label; guarded by hosts_lock */
    /* stopping */
    wippyi_a32 stopping;     /* 0 -> 1 once, by exchange (acq_rel); asked again under hosts_lock by who
                                must not be missed */
    wippyi_mutex stop_lock;
    wippyi_cond stop_cond;   /* a host became empty, or stopping was asked for */
    wippyi_a32 awake;        /* workers of pool hosts not parked, and whether the watchdog sleeps; RMW
                                acq_rel, see watchdog_work() */
    wippyi_a32 searching;    /* workers spinning, whole runtime; gauge */
    uint32_t cpu_count;      /* constant */
    wippyi_sim *sim;         /* sim.h; NULL: threads and clocks are the system's; constant */
    uint64_t sim_ns;         /* the clock of a simulation, which has one thread */
    uint32_t self_bits;      /* constant: WIPPYI_SELF_... at the start of every step */
    wippyi_a64 dead_letters; /* gauge */
    wippyi_a64 alive;        /* processes, hidden ones too; only used when max_processes is a limit; RMW
                                relaxed: it only limits itself */
    wippyi_a64 random;       /* RMW relaxed: each adder gets a number of its own */
    wippyi_result *fixed[WIPPYI_FIXED_RESULTS]; /* made at creation: these errors need no memory */
    wippyi_watchdog *watchdog; /* set before the first worker thread starts */
    wippyi_ap blocking;        /* wippyi_blocking*, made on first use under tables_lock; release */
    wippyi_ap waiting;         /* wippyi_waiting*, likewise */
    /* the layers above */
    struct wippyi_registry *registry;
    struct wippyi_policy *policy;
    struct wippyi_events *events;
    struct wippyi_supervisor *supervisor;
    struct wippyi_env *env;
    struct wippyi_farewell *farewells; /* newest first; guarded by tables_lock */
};

/* Told when the runtime is destroyed. */
typedef struct wippyi_farewell {
    struct wippyi_farewell *next;
    void (*fn)(wippy_runtime *rt, void *user_data);
    void *user_data;
} wippyi_farewell;

typedef struct wippyi_label {
    uint32_t id;
    uint32_t bytes;
    char *text;
    wippyi_ap host; /* wippyi_host*; NULL: only a label (function pools, supervisors); under
                       hosts_lock, once; release */
} wippyi_label;

/* The monotonic clock of a runtime. */
WIPPYI_INLINE uint64_t wippyi_now_ns(const wippy_runtime *rt)
{
    return WIPPYI_LIKELY(rt->sim == NULL) ? wippyi_clock_mono_ns() : rt->sim_ns;
}

/* Is desc.max_processes less than what there are slots for? Constant. */
WIPPYI_INLINE bool wippyi_runtime_limited(const wippy_runtime *rt)
{
    return rt->desc.max_processes < WIPPYI_SLOT_MAX;
}

WIPPYI_INLINE const wippyi_type *wippyi_type_at(const wippy_runtime *rt, uint32_t index)
{
    return (const wippyi_type *)wippyi_ap_load_acq(&rt->types[index / 64]) + index % 64;
}

/* Whose step or init runs there now, as of a moment ago; 0 = none. */
WIPPYI_INLINE uint64_t wippyi_worker_runs(const wippyi_worker *w)
{
    const wippyi_slot *slot;
    if ((wippyi_a64_load_rlx(&w->step_number) & 1) == 0) {
        return 0;
    }
    slot = (const wippyi_slot *)wippyi_ap_load_acq(&w->running);
    return slot != NULL ? wippyi_a64_load_acq(&slot->tenant) & ~WIPPYI_LIFE_TERMINATE : 0;
}

/* Steps it has made: those that began, without the inits. */
WIPPYI_INLINE uint64_t wippyi_worker_executed(const wippyi_worker *w)
{
    uint64_t inits = wippyi_a64_load_rlx(&w->inits);
    return wippyi_a64_load_rlx(&w->step_number) / 2 - inits;
}

WIPPYI_INLINE wippyi_slot *wippyi_slot_of(const wippy_runtime *rt, uint64_t pid)
{
    uint32_t index = wippyi_pid_slot(pid);
    return wippyi_slab_has(&rt->slots, index)
               ? (wippyi_slot *)wippyi_slab_record(&rt->slots, index, sizeof(wippyi_slot))
               : NULL;
}

/* What guards the relations of a slot. */
WIPPYI_INLINE wippyi_latch *wippyi_stripe_at(wippy_runtime *rt, uint32_t index)
{
    return &rt->stripes[index / WIPPYI_STRIPE_SLOTS % WIPPYI_STRIPES].latch;
}

WIPPYI_INLINE wippyi_host *wippyi_slot_host(const wippyi_slot *slot)
{
    return (wippyi_host *)wippyi_ap_load_acq(&slot->host);
}

/* Is this pid being born, alive, or ending but not yet telling its relations? Under its stripe. */
WIPPYI_INLINE bool wippyi_tenant_is(const wippyi_slot *slot, uint64_t pid)
{
    return wippyi_a64_load_acq(&slot->tenant) == pid && pid != 0;
}

/* Is this pid reachable now? acquire: pairs with the release that made the tenant live. */
WIPPYI_INLINE bool wippyi_slot_is(const wippyi_slot *slot, uint64_t pid)
{
    return (wippyi_a64_load_acq(&slot->life) & ~WIPPYI_LIFE_TERMINATE) == pid && pid != 0;
}

#endif /* WIPPYI_CORE_H */
