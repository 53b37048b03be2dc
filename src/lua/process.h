/* ========================================================================== >>lua/process
   What runs inside one Lua process: its coroutines in one FIFO, the yields they wait for, what it
   holds. Above it stand channel (coroutines meet), inbox (mail meets channels), body (init, step,
   close) and the Lua modules.
   STABLE for authors of modules: everything above the line "private".

   Rule L1: no Lua API call that can allocate or raise outside protection. Protected is every C
   function called by Lua, every `then`, `push` and `take` below. Not protected are `done` of a yield
   and `run` of a cleanup: they may only note things and use the functions that say "runs no Lua".
   Holds: one per process, in the core's state bytes.  Locks: none, one thread at a time. */
#ifndef WIPPYLI_PROCESS_H
#define WIPPYLI_PROCESS_H

#include "lvalue.h"
#include "sandbox.h"

typedef struct wippyli_process wippyli_process;
typedef struct wippyli_bridge wippyli_bridge; /* one per runtime, see state.h */

/* ---- who runs */

/* The process of any of its threads. */
WIPPYLI_INLINE wippyli_process *wippyli_process_of(lua_State *L)
{
    return *(wippyli_process **)lua_getextraspace(L);
}

/* For the verbs of wippy.h; valid during the current step (or init) only. */
WIPPYLI_FN wippy_self *wippyli_self(const wippyli_process *process);
WIPPYLI_FN wippy_runtime *wippyli_runtime(const wippyli_process *process);
WIPPYLI_FN wippyli_bridge *wippyli_bridge_of(const wippyli_process *process);

/* ---- waiting
   A blocking function in three steps:

       wippyli_check_block(L, "time.sleep");                      raises where it cannot wait
       wippy_result r = wippy_timer(self, ns, wippyli_await_tag(L), wippyli_await_token(L));
       if (r != WIPPY_PENDING) return wippyli_await_failed(L, r);  nil, error
       return wippyli_await(L, then, ctx);                        continues in `then`           */

/* Raises `attempt to yield across a C-call boundary (name)` or `cannot block while the script loads`;
   call it before anything is begun or taken. */
WIPPYLI_FN void wippyli_check_block(lua_State *L, const char *name);
WIPPYLI_FN bool wippyli_can_block(lua_State *L);

/* Runs protected when the yield completed; `mail` (kind DONE: result, values) is valid until it
   returns. Its Lua stack is that of the function that called wippyli_await(). May wait again. */
typedef int (*wippyli_then)(lua_State *L, const wippy_mail *mail, lua_KContext ctx);

/* Tag and token for the one yield the running coroutine is about to wait for. Raises RateLimited text
   only through wippyli_await_failed(): a tag of 0 means there is no memory (give it up then). */
WIPPYLI_FN uint64_t wippyli_await_tag(lua_State *L);
WIPPYLI_FN wippy_token *wippyli_await_token(lua_State *L);

/* Return what it answers. */
WIPPYLI_FN int wippyli_await(lua_State *L, wippyli_then then, lua_KContext ctx);

/* The verb did not answer PENDING: forget the tag, push nil and an error object; answers 2. */
WIPPYLI_FN int wippyli_await_failed(lua_State *L, wippy_result result);
/* The same without pushing anything. */
WIPPYLI_FN void wippyli_await_cancel(lua_State *L);

/* ---- yields nobody stands still for (timers, futures)
   Embed one in your memory, which must stay where it is (anchor the userdata) until done or dropped. */
typedef struct wippyli_yield wippyli_yield;
struct wippyli_yield {
    /* The completion; not protected. The yield is free again when it is called. */
    void (*done)(wippyli_process *process, wippyli_yield *yield, const wippy_mail *mail);
    wippy_token token; /* give its address to the verb that asks */
    uint32_t slot;     /* private; 0 = not open */
};

/* Get a tag; the yield counts as open from here. 0 = no memory (RateLimited). Runs no Lua. */
WIPPYLI_FN uint64_t wippyli_yield_open(wippyli_process *process, wippyli_yield *yield);
/* The verb refused: forget the tag. */
WIPPYLI_FN void wippyli_yield_refused(wippyli_process *process, wippyli_yield *yield);
/* Give up an open yield: `done` will not be called. False: it was not open. Runs no Lua. */
WIPPYLI_FN bool wippyli_yield_drop(wippyli_process *process, wippyli_yield *yield);
WIPPYLI_INLINE bool wippyli_yield_is_open(const wippyli_yield *yield)
{
    return yield->slot != 0;
}

/* ---- what a process holds */

/* Count memory that is not in the Lua heap against the process's limit. False: over it, nothing is
   counted; answer wippyli_rate_limited(L). Run no Lua. */
WIPPYLI_FN bool wippyli_charge(wippyli_process *process, size_t bytes);
WIPPYLI_FN void wippyli_refund(wippyli_process *process, size_t bytes);

/* Memory of the process that is dropped with it, counted; NULL = no memory. Runs no Lua. */
WIPPYLI_FN void *wippyli_get(wippyli_process *process, size_t bytes);
WIPPYLI_FN void wippyli_put(wippyli_process *process, void *ptr, size_t bytes);

/* Push nil and the error RateLimited "memory limit exceeded"; answers 2. */
WIPPYLI_FN int wippyli_rate_limited(lua_State *L);

/* Called once when the process ends or its body is replaced, newest first; not protected, and the Lua
   state is not to be touched. For what lives outside: descriptors, frames, subscriptions. */
typedef struct wippyli_cleanup wippyli_cleanup;
struct wippyli_cleanup {
    void (*run)(wippyli_process *process, wippyli_cleanup *cleanup);
    wippyli_cleanup *next; /* private */
    wippyli_cleanup *previous;
};
WIPPYLI_FN void wippyli_cleanup_add(wippyli_process *process, wippyli_cleanup *cleanup);
WIPPYLI_FN void wippyli_cleanup_remove(wippyli_process *process, wippyli_cleanup *cleanup);

/* A module's own word per process, zero at first: key is the address of something static. Raises
   without memory; the memory is `bytes` zeroed bytes that live as long as the process. */
WIPPYLI_FN void *wippyli_module_state(lua_State *L, const void *key, size_t bytes);

/* ---- what modules give to the core of the bridge; set them while wippy_lua_open() runs */

/* Who a spawner's child is to be. Strings live as long as the Lua value does. */
typedef struct wippyli_actor {
    const char *id;
    wippy_slice meta; /* one encoded map or size 0 */
} wippyli_actor;

/* What modules give to others; set when the bridge is opened, before any process runs. */
typedef struct wippyli_hooks {
    lua_CFunction transcode; /* payload:transcode(format) */
    /* Is the value at index an Actor (a Scope)? Raise nothing. scope: ids of its policies, at most
       `room`; answers how many there are, -1 = no Scope. */
    bool (*actor)(lua_State *L, int index, wippyli_actor *out);
    int (*scope)(lua_State *L, int index, const char **ids, int room);
} wippyli_hooks;

WIPPYLI_FN wippyli_hooks *wippyli_hooks_of(wippyli_bridge *bridge);

/* ------------------------------------------------------------------ private */

typedef struct wippyli_task wippyli_task;
typedef struct wippyli_waiter wippyli_waiter;
struct wippyli_channel;

/* Why a coroutine runs again. */
typedef enum wippyli_wake {
    WIPPYLI_WAKE_NONE = 0, /* it waits */
    WIPPYLI_WAKE_RUN,      /* it starts, was pre-empted or yielded of its own */
    WIPPYLI_WAKE_DONE,     /* its yield completed: the mail is the one in hand */
    WIPPYLI_WAKE_VALUE,    /* a channel: the value lies on its stack */
    WIPPYLI_WAKE_FEED,     /* a channel: one offered value is promised to it */
    WIPPYLI_WAKE_MAIL,     /* a channel: the mail in hand is its value */
    WIPPYLI_WAKE_SENT,     /* a channel took its value */
    WIPPYLI_WAKE_CLOSED    /* the channel was closed */
} wippyli_wake;

/* One coroutine at one channel: in the list of its receivers or of its senders. */
struct wippyli_waiter {
    wippyli_waiter *next;
    wippyli_waiter *previous;
    struct wippyli_channel *channel; /* NULL = in no list */
    wippyli_task *task;
    int32_t index; /* on the stack of task->blocked: the value (send) or the case (select) */
    bool sends;
    bool selects;
};

/* A coroutine the scheduler owns. It waits for one thing at a time, so what waiting needs is here. */
struct wippyli_task {
    wippyli_task *next;      /* in the FIFO */
    lua_State *thread;       /* resumed by the scheduler */
    lua_State *blocked;      /* innermost thread that waits: thread, or a generator it resumed */
    wippyli_waiter *waiters; /* room for waiter_room; &one while that is enough */
    wippyli_waiter *won;     /* the one that ended the wait */
    wippyli_waiter one;
    uint16_t waiter_count; /* in use */
    uint16_t waiter_room;
    int arguments; /* first run: values above the function */
    uint8_t wake;  /* wippyli_wake */
    bool awaits;   /* it waits for `yield` */
    bool then_embedder;
    union {
        wippyli_then own;
        int (*embedder)(lua_State *L, const wippy_mail *mail, void *arg);
    } then; /* after WIPPYLI_WAKE_DONE */
    wippyli_yield yield;
};

typedef struct wippyli_slot {
    wippyli_yield *yield; /* NULL = free */
    uint32_t sequence;
    uint32_t next_free; /* index + 1 */
} wippyli_slot;

typedef struct wippyli_kept wippyli_kept;   /* memory of wippyli_module_state() */
struct wippyli_binding;                     /* a topic and its channel; inbox.c */
typedef struct wippyli_peers wippyli_peers; /* texts of pids lately used; inbox.c */

/* Subscriptions. */
typedef struct wippyli_inbox {
    struct wippyli_channel *inbox; /* NULL = not asked for */
    struct wippyli_channel *events;
    struct wippyli_binding *bindings; /* open addressing; room is 0 or a power of two, at most half full */
    uint32_t room;
    uint32_t count;
    uint32_t events_shelf; /* 0 = no event yet */
    size_t kept_bytes;     /* of kept mail, as counted in arena.other */
} wippyli_inbox;

/* What each allocation looks at stands first. */
typedef struct wippyli_arena {
    wippyli_bridge *bridge;
    void **free_lists; /* heads, at the beginning of the first chunk */
    char *bump;        /* free rest of the newest chunk */
    char *bump_end;
    size_t used;  /* bytes asked for and not given back */
    size_t other; /* bytes charged for things outside: kept mail and so on */
    size_t limit; /* of used + other; SIZE_MAX = none */
    size_t held;  /* bytes taken from the runtime */
    struct wippyli_chunk *chunks;
    struct wippyli_large *large;
} wippyli_arena;

/* What every message touches stands together: a thousand processes that take turns are as fast as few
   cache lines each. */
struct wippyli_process {
    wippyli_guard guard; /* first: the extra space of every thread points here */
    wippy_self *self;    /* of the running step; NULL between steps */
    lua_State *L;        /* main thread, also the main coroutine */
    wippyli_task *running;
    wippyli_task *head; /* FIFO of runnable coroutines */
    wippyli_task *tail;
    wippyli_inbox inbox;
    wippyli_peers *peers;              /* NULL until a pid is written or read */
    const wippy_mail *fresh;           /* mail in hand that the core has not been told to keep */
    struct wippyli_channel *mail_back; /* where mail in hand belongs if its value cannot be made */
    uint32_t subscriptions;
    uint32_t open_count; /* yields open */
    uint8_t status;      /* wippy_status to return once `ended` */
    bool ended;          /* the step is to return `status` */
    bool sliced;         /* a coroutine was pre-empted: the step is to end */
    bool count_hook;     /* the hook is armed all the time */
    bool draining;       /* mail is taken inside a coroutine: promised mail goes to handoff */
    bool mail_open;      /* the mail in hand of the running coroutine was not finished */
    wippyli_arena arena;
    uint32_t looks;   /* count hook: until the slice is over */
    uint32_t handoff; /* shelf of mail promised to runnable coroutines, in their order; 0 = none */
    wippyli_task main;
    struct wippyli_channel *retired; /* anchors to be undone when protected */
    wippyli_slot *slots;             /* open yields by index */
    wippyli_cleanup *cleanups;
    wippyli_kept *kept;
    uint32_t slot_room;
    uint32_t slot_free;  /* index + 1 of the first free slot; 0 = none */
    uint32_t task_count; /* coroutines that have not ended */
};

WIPPYLI_INLINE wippyli_bridge *wippyli_bridge_at(lua_State *L)
{
    return wippyli_process_of(L)->arena.bridge;
}

/* ---- scheduling */

/* Put a task at the end of the FIFO. Runs no Lua. */
WIPPYLI_FN void wippyli_task_ready(wippyli_process *process, wippyli_task *task, wippyli_wake wake);

/* Leave the running coroutine until its task is ready again; return what it answers. */
WIPPYLI_FN int wippyli_block(lua_State *L, lua_KFunction k, lua_KContext ctx);

/* wippyli_await() with the signature that embedders see. */
WIPPYLI_FN int wippyli_await_embedder(lua_State *L,
                                      int (*then)(lua_State *L, const wippy_mail *mail, void *arg),
                                      void *arg);

/* Let the others go first, or the worker; `k` runs when it is this coroutine's turn again. */
WIPPYLI_FN int wippyli_yield_turn(lua_State *L, lua_KFunction k, lua_KContext ctx);

/* The mail that the running task was woken with, and the end of its use. */
WIPPYLI_FN const wippy_mail *wippyli_mail_in_hand(wippyli_process *process);
WIPPYLI_FN void wippyli_mail_finish(wippyli_process *process);
/* Mail in hand whose value could not be made: put it away. Before the core is asked for other mail, which
   takes the one in hand back. Runs no Lua. */
WIPPYLI_FN void wippyli_mail_settle(wippyli_process *process);
/* Promise `mail`, just taken from the core, to the task that was made ready last. Runs no Lua. */
WIPPYLI_FN void wippyli_mail_hand(wippyli_process *process, const wippy_mail *mail);

/* A yield completed. Runs no Lua. */
WIPPYLI_FN void wippyli_mail_done(wippyli_process *process, const wippy_mail *mail);

/* Run the first task of the FIFO. False: it is empty. Look at process->ended afterwards. */
WIPPYLI_FN bool wippyli_run_next(wippyli_process *process);

/* coroutine.spawn */
WIPPYLI_FN int wippyli_task_spawn(lua_State *L);

/* The count hook, and what the guard's arm and poll do. */
WIPPYLI_FN void wippyli_hook(lua_State *L, lua_Debug *ar);
WIPPYLI_FN void wippyli_hook_arm(lua_State *L, void *user_data);
WIPPYLI_FN bool wippyli_hook_poll(lua_State *L, void *user_data);

/* ---- ends */

/* Record how the process ends; the step returns as soon as no Lua runs. Runs no Lua. */
WIPPYLI_FN void wippyli_end_done(wippyli_process *process, lua_State *L, int first, int count);
WIPPYLI_FN void wippyli_end_raised(wippyli_process *process, lua_State *L, int status);
WIPPYLI_FN void wippyli_end_text(wippyli_process *process, wippy_result result, const char *text);

/* Unlink and forget everything that may not outlive the body; the state is dropped next. */
WIPPYLI_FN void wippyli_process_close(wippyli_process *process);

#endif /* WIPPYLI_PROCESS_H */
