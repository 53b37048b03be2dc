/* ======================================================================== >>platform
   The one door to the operating system: locks, threads, clocks, randomness, descriptors, files. All
   nondeterminism comes in here; who links other bodies for these functions decides time and order.
   Any thread, unless a function says otherwise.  Locks: what it hands out.
   Allocates: poller, file and directory functions, through the wippyi_mem they are given.
   Holds: times are nanoseconds of the monotonic clock; WIPPYI_FOREVER never passes.

   The tests run on Linux. What other POSIX systems do differently is written from their manuals.
   The Windows parts were built with MinGW and run under Wine, not on Windows.

   The bodies are in platform.c, poller.c and files.c.

   Test builds may force the portable bodies on Linux: WIPPYI_NO_FUTEX (tickets from mutex and
   condition), WIPPYI_NO_EPOLL (poller over poll(2) and a pipe), WIPPYI_NO_MEMBARRIER (barriers by their
   word). */
#ifndef WIPPYI_PLATFORM_H
#define WIPPYI_PLATFORM_H

#include "config.h"
#include "api.h"
#include "atomic.h"

#if WIPPYI_OS_POSIX && WIPPYI_THREADS
#include <pthread.h>
#endif
#if WIPPYI_OS_LINUX
#include <sys/syscall.h>
#endif

#define WIPPYI_FOREVER   UINT64_MAX
#define WIPPYI_SECOND_NS 1000000000u
#define WIPPYI_MILLI_NS  1000000u

/* The allocator stands above this layer; its three verbs are named here for the bodies below. */
struct wippyi_mem;
WIPPYI_FN void *wippyi_mem_alloc(struct wippyi_mem *mem, size_t size);
WIPPYI_FN void wippyi_mem_free(struct wippyi_mem *mem, void *ptr, size_t size);
WIPPYI_FN void *wippyi_mem_resize(struct wippyi_mem *mem, void *ptr, size_t old_size,
                                  size_t new_size);

/* ---- mutex and condition ---- without threads they do nothing */

typedef struct wippyi_mutex {
#if !WIPPYI_THREADS
    char unused;
#elif WIPPYI_OS_WINDOWS
    void *lock; /* SRWLOCK */
#else
    pthread_mutex_t lock;
#endif
} wippyi_mutex;

typedef struct wippyi_cond {
#if !WIPPYI_THREADS
    char unused;
#elif WIPPYI_OS_WINDOWS
    void *cond; /* CONDITION_VARIABLE */
#else
    pthread_cond_t cond;
#endif
} wippyi_cond;

/* For a mutex with static storage: needs no init and no destroy. */
/* clang-format off */
#if !WIPPYI_THREADS
#define WIPPYI_MUTEX_STATIC {0}
#elif WIPPYI_OS_WINDOWS
#define WIPPYI_MUTEX_STATIC {NULL}
#else
#define WIPPYI_MUTEX_STATIC {PTHREAD_MUTEX_INITIALIZER}
#endif
/* clang-format on */

/* Not recursive. init: WIPPY_OK or WIPPY_ERR_NOMEM. */
WIPPYI_FN wippy_result wippyi_mutex_init(wippyi_mutex *m);
WIPPYI_FN void wippyi_mutex_destroy(wippyi_mutex *m);
WIPPYI_FN void wippyi_mutex_lock(wippyi_mutex *m);
WIPPYI_FN bool wippyi_mutex_trylock(wippyi_mutex *m);
WIPPYI_FN void wippyi_mutex_unlock(wippyi_mutex *m);

/* Waiting may end without a signal: test the condition in a loop. */
WIPPYI_FN wippy_result wippyi_cond_init(wippyi_cond *c);
WIPPYI_FN void wippyi_cond_destroy(wippyi_cond *c);
WIPPYI_FN void wippyi_cond_wait(wippyi_cond *c, wippyi_mutex *m);
WIPPYI_FN bool wippyi_cond_timedwait(wippyi_cond *c, wippyi_mutex *m,
                                     uint64_t timeout_ns); /* false: the time has passed */
WIPPYI_FN void wippyi_cond_signal(wippyi_cond *c);
WIPPYI_FN void wippyi_cond_broadcast(wippyi_cond *c);

/* ---- ticket: a binary semaphore ----
   One thread at a time waits, any thread wakes. A wake before the wait is kept; several wakes
   before one wait are one. What a waker wrote before the wake is visible after the wait. */

#if WIPPYI_OS_LINUX && WIPPYI_THREADS && defined(SYS_futex) && !defined(WIPPYI_NO_FUTEX)
#define WIPPYI_TICKET_FUTEX 1
#else
#define WIPPYI_TICKET_FUTEX 0
#endif

typedef struct wippyi_ticket {
    wippyi_a32 word; /* futex: see platform.c. Otherwise 1 = woken, guarded by lock */
#if !WIPPYI_TICKET_FUTEX
    wippyi_mutex lock;
    wippyi_cond cond;
#endif
} wippyi_ticket;

/* ---- latch: a mutex without conditions, for what is held for some hundred nanoseconds ----
   One word where the kernel can wait for words: then a free one costs two atomic operations and no call.
   Elsewhere a mutex. Not recursive. init: WIPPY_OK or WIPPY_ERR_NOMEM. */

typedef struct wippyi_latch {
#if WIPPYI_TICKET_FUTEX
    wippyi_a32 word; /* WIPPYI_LATCH_...; RMW only */
#else
    wippyi_mutex mutex;
#endif
} wippyi_latch;

#if WIPPYI_TICKET_FUTEX

/* FREE -> HELD by who takes it, HELD -> SLEPT by who has to sleep for it, any -> FREE by who drops it, and
   wakes one when it was SLEPT. Who slept takes it as SLEPT: others may sleep still. */
enum { WIPPYI_LATCH_FREE = 0, WIPPYI_LATCH_HELD = 1, WIPPYI_LATCH_SLEPT = 2 };

WIPPYI_FN void wippyi_latch_wait(wippyi_latch *l);
WIPPYI_FN void wippyi_latch_wake(wippyi_latch *l);

WIPPYI_INLINE bool wippyi_latch_try(wippyi_latch *l)
{
    uint32_t expected = WIPPYI_LATCH_FREE;
    /* acquire: what the last holder wrote; pairs with the release in drop */
    return wippyi_a32_cas_acq(&l->word, &expected, WIPPYI_LATCH_HELD);
}

WIPPYI_INLINE void wippyi_latch_take(wippyi_latch *l)
{
    if (WIPPYI_UNLIKELY(!wippyi_latch_try(l))) {
        wippyi_latch_wait(l);
    }
}

WIPPYI_INLINE void wippyi_latch_drop(wippyi_latch *l)
{
    /* release: what we wrote; pairs with the acquire in try and wait. An exchange, so that a sleeper that
       announced itself is seen. */
    if (WIPPYI_UNLIKELY(wippyi_a32_xchg_rel(&l->word, WIPPYI_LATCH_FREE) == WIPPYI_LATCH_SLEPT)) {
        wippyi_latch_wake(l);
    }
}

WIPPYI_INLINE wippy_result wippyi_latch_init(wippyi_latch *l)
{
    wippyi_a32_init(&l->word, WIPPYI_LATCH_FREE);
    return WIPPY_OK;
}

WIPPYI_INLINE void wippyi_latch_destroy(wippyi_latch *l)
{
    (void)l;
}

#else

WIPPYI_INLINE bool wippyi_latch_try(wippyi_latch *l)
{
    return wippyi_mutex_trylock(&l->mutex);
}

WIPPYI_INLINE void wippyi_latch_take(wippyi_latch *l)
{
    wippyi_mutex_lock(&l->mutex);
}

WIPPYI_INLINE void wippyi_latch_drop(wippyi_latch *l)
{
    wippyi_mutex_unlock(&l->mutex);
}

WIPPYI_INLINE wippy_result wippyi_latch_init(wippyi_latch *l)
{
    return wippyi_mutex_init(&l->mutex);
}

WIPPYI_INLINE void wippyi_latch_destroy(wippyi_latch *l)
{
    wippyi_mutex_destroy(&l->mutex);
}

#endif

WIPPYI_FN wippy_result wippyi_ticket_init(wippyi_ticket *t);
WIPPYI_FN void wippyi_ticket_destroy(wippyi_ticket *t); /* no wake may still be under way */
/* true: woken. false: the time has passed; 0 only looks. Without threads nobody can come: a wait
   sleeps its time, and one for ever returns at once. */
WIPPYI_FN bool wippyi_ticket_wait(wippyi_ticket *t, uint64_t timeout_ns);
WIPPYI_FN void wippyi_ticket_wake(wippyi_ticket *t);

/* ---- barrier: a full barrier of which one side is nearly free ----
   For two threads of which each writes, passes the barrier, and then reads what the other wrote: at least
   one of them sees the other's write. The near side is passed all the time, by one thread for each
   word; the far side rarely, and it does the work for both: on Linux the kernel makes every running
   thread of the program pass a barrier. Where no system does that, both sides are read-modify-writes
   of the word, of which the second sees what came before the first; so in the explorer, which knows
   words only.
   far: false = the system refused, and nothing is known; only where a program forbids itself the system
   call after it was tried here. */

#if WIPPYI_OS_LINUX && WIPPYI_THREADS && defined(SYS_membarrier) && !WIPPYI_ATOMIC_HOOK && \
    !defined(WIPPYI_NO_MEMBARRIER)
#define WIPPYI_BARRIER_FAR 1
#else
#define WIPPYI_BARRIER_FAR 0
#endif

typedef struct wippyi_barrier {
    wippyi_a32 word; /* written: both sides, by RMW acq_rel: they pair with each other */
    bool by_system;  /* constant; false: by the word */
} wippyi_barrier;

WIPPYI_FN void wippyi_barrier_init(wippyi_barrier *b);
WIPPYI_FN bool wippyi_barrier_far(wippyi_barrier *b);

WIPPYI_INLINE void wippyi_barrier_near(wippyi_barrier *b)
{
#if WIPPYI_BARRIER_FAR
    if (WIPPYI_LIKELY(b->by_system)) {
        __atomic_signal_fence(__ATOMIC_SEQ_CST); /* the compiler's part of it */
        return;
    }
#endif
    (void)wippyi_a32_add_acqrel(&b->word, 1);
}

/* ---- threads ---- */

/* Must stay where it is from start to join. */
typedef struct wippyi_thread {
#if WIPPYI_THREADS
#if WIPPYI_OS_WINDOWS
    void *handle;
    uint32_t id;
#else
    pthread_t handle;
    bool running; /* guarded by the lock of the interrupts: holds while a signal is sent */
#endif
#endif
    void (*fn)(void *arg);
    void *arg;
    char name[16];
} wippyi_thread;

/* Start a thread that runs fn(arg). Its signal mask lets through only what belongs to a running
   instruction (SIGSEGV and such), SIGPROF and SIGURG: the program's signals stay with the program.
   name: shown by debuggers, cut at 15 bytes; may be NULL.
   Returns: WIPPY_OK, _ERR_NOMEM (too many threads), _ERR_INTERNAL, _ERR_UNSUPPORTED (no threads);
   after a failure nothing is left to undo. */
WIPPYI_FN wippy_result wippyi_thread_start(wippyi_thread *t, void (*fn)(void *arg), void *arg,
                                           const char *name);
WIPPYI_FN void wippyi_thread_join(wippyi_thread *t);

/* Fill *t for the calling thread, which was started by somebody else, so that it can be
   interrupted. Release on the same thread; afterwards no interrupt sent through t runs. */
WIPPYI_FN void wippyi_thread_adopt(wippyi_thread *t);
WIPPYI_FN void wippyi_thread_release(wippyi_thread *t);

WIPPYI_FN bool wippyi_thread_is_current(const wippyi_thread *t);
WIPPYI_FN void wippyi_thread_yield(void);
/* Never 0; unique among living threads, reused afterwards. Cheap: no system call. */
WIPPYI_FN uint64_t wippyi_thread_self_id(void);
/* Processor time of a thread that was started here; UINT64_MAX = it has ended, or nobody can say. */
WIPPYI_FN uint64_t wippyi_thread_used_ns(wippyi_thread *t);

/* ---- interrupts: run a function on another thread, wherever that is ----
   A directed signal (POSIX with threads; elsewhere WIPPY_ERR_UNSUPPORTED). fn runs as a signal
   handler: it may set flags and hooks, nothing that locks or allocates. System calls are restarted.
   signo 0 means SIGURG. Several runtimes may install the same signal; each counts. A handler found
   at the first installation still gets every signal that no interrupt explains, and is put back by
   the last uninstall unless somebody has replaced ours since.

   The handler has no argument to find its data by, so this module has the one process-wide table of
   the library (platform.c, wippyi_interrupts). */

/* Returns: WIPPY_OK, _ERR_INVALID (no such signal), _ERR_LIMIT (more than WIPPYI_INTERRUPT_SIGNALS
   different ones), _ERR_UNSUPPORTED. */
WIPPYI_FN wippy_result wippyi_interrupt_install(int signo);
/* Call when no interrupt by this signal can be under way: targets joined, released or discarded. */
WIPPYI_FN void wippyi_interrupt_uninstall(int signo);
/* Unblock the signal for the calling thread (pump threads may have it blocked). */
WIPPYI_FN void wippyi_interrupt_accept(int signo);
/* Have fn(cookie) run on thread t, soon; once, if it was already asked for with the same fn and
   cookie and has not run yet.
   Returns: WIPPY_OK, _ERR_GONE (t does not run), _ERR_BUSY (too many open interrupts; try again),
            _ERR_INVALID (signal not installed), _ERR_UNSUPPORTED. */
WIPPYI_FN wippy_result wippyi_interrupt_send(wippyi_thread *t, int signo, void (*fn)(void *cookie),
                                             void *cookie);
/* On the calling thread, interrupts asked for so far and not run yet will not run. */
WIPPYI_FN void wippyi_interrupt_discard(void);

/* ---- clocks, chance, processors ---- */

WIPPYI_FN uint64_t wippyi_clock_mono_ns(void);
/* The same clock, up to some 10 ms behind, for a fifth of the price. */
WIPPYI_FN uint64_t wippyi_clock_coarse_ns(void);
WIPPYI_FN int64_t wippyi_clock_wall_ns(void);  /* since 1970, UTC */
WIPPYI_FN uint64_t wippyi_thread_cpu_ns(void); /* of the calling thread; 0 = not known here */
WIPPYI_FN uint64_t wippyi_entropy64(void);
WIPPYI_FN unsigned wippyi_cpu_count(void); /* that this process may use; at least 1 */

/* ---- pages ---- */

/* Memory of the caller's that he will write soon, for the first time: its pages come at once, for half of what
   it costs when each is asked for by touching it. A hint: where the system does not know how, or has no
   memory, nothing happens. */
WIPPYI_FN void wippyi_pages_prepare(void *at, size_t size);

/* ---- poller: wait for readable and writable descriptors ----
   A watch is one-shot: it is reported once and then gone. Several watches may be on one descriptor.
   Any thread adds, removes and wakes; one thread at a time waits. Remove the watches of a
   descriptor before closing it. What cannot be waited for (regular files) is reported as ready at
   once. Windows: create returns WIPPY_ERR_UNSUPPORTED. */

typedef struct wippyi_poll_event {
    void *cookie;
    bool readable; /* also at the end of the stream; only when asked for */
    bool writable; /* only when asked for */
    bool error;
} wippyi_poll_event;

typedef struct wippyi_watch {
    struct wippyi_watch *next; /* in its descriptor's list, or in the ready list */
    void *cookie;
    int fd;
    bool want_read;
    bool want_write;
} wippyi_watch;

typedef struct wippyi_poll_slot {
    wippyi_watch *first; /* in order of add */
    uint32_t generation; /* grows when the last watch is removed: older news are not for the next */
    uint32_t polled;     /* generation the waiter has asked poll(2) about */
    bool registered;     /* epoll knows the descriptor */
} wippyi_poll_slot;

typedef struct wippyi_poller {
    struct wippyi_mem *mem;
    wippyi_mutex lock;       /* guards all below but the descriptors */
    wippyi_poll_slot *slots; /* indexed by descriptor */
    size_t slot_count;
    size_t watch_count;
    wippyi_watch *ready; /* cannot be waited for; to be reported */
    bool woken;          /* a wake byte is in the pipe */
    int poll_fd;         /* epoll; -1 = poll(2) */
    int wake_read;
    int wake_write;
    void *scratch; /* waiter's pollfd array (poll(2) only) */
    size_t scratch_count;
    void *spare; /* larger one, taken over by the next wait */
    size_t spare_count;
} wippyi_poller;

/* Returns: WIPPY_OK, _ERR_NOMEM, _ERR_IO (no descriptors left), _ERR_UNSUPPORTED. */
WIPPYI_FN wippy_result wippyi_poller_create(wippyi_poller *p, struct wippyi_mem *mem);
WIPPYI_FN void wippyi_poller_destroy(wippyi_poller *p);
/* Returns: WIPPY_OK, _ERR_NOMEM, _ERR_INVALID (not an open descriptor, or nothing wanted),
            _ERR_EXISTS (this cookie already watches this descriptor), _ERR_IO. */
WIPPYI_FN wippy_result wippyi_poller_add(wippyi_poller *p, int fd, bool want_read, bool want_write,
                                         void *cookie);
/* true: the watch is gone and will not be reported. false: it was or will be reported. */
WIPPYI_FN bool wippyi_poller_remove(wippyi_poller *p, int fd, void *cookie);
/* Fill at most `room` (at least 1) events; 0 after the timeout, which is rounded up to
   milliseconds, or after a wake. */
WIPPYI_FN size_t wippyi_poller_wait(wippyi_poller *p, wippyi_poll_event *events, size_t room,
                                    uint64_t timeout_ns);
/* End the wait under way, or the next one. */
WIPPYI_FN void wippyi_poller_wake(wippyi_poller *p);

/* ---- files ---- paths are UTF-8; the diagnostic gets the path and the reason */

/* Read a whole file. *out has a NUL after its *out_size bytes: free *out_size + 1 bytes.
   Returns: WIPPY_OK, _ERR_NOTFOUND, _ERR_DENIED, _ERR_NOMEM, _ERR_LIMIT (more than max_bytes),
            _ERR_IO (also: it is a directory). */
WIPPYI_FN wippy_result wippyi_file_read(struct wippyi_mem *mem, const char *path, size_t max_bytes,
                                        char **out, size_t *out_size, wippy_diag *diag);

typedef struct wippyi_dir_entry {
    char *name;
    size_t name_size; /* without the NUL */
    bool is_dir;      /* or a link to one */
} wippyi_dir_entry;

typedef struct wippyi_dir {
    wippyi_dir_entry *entries; /* by name, bytewise; without "." and ".." */
    size_t count;
    size_t room;
} wippyi_dir;

/* List a directory. Returns as wippyi_file_read(); *out is valid, perhaps empty, in any case. */
WIPPYI_FN wippy_result wippyi_dir_read(struct wippyi_mem *mem, const char *path, wippyi_dir *out,
                                       wippy_diag *diag);
WIPPYI_FN void wippyi_dir_free(struct wippyi_mem *mem, wippyi_dir *dir);

typedef enum wippyi_path_kind {
    WIPPYI_PATH_NONE = 0, /* nothing there, or not reachable */
    WIPPYI_PATH_FILE = 1, /* anything but a directory */
    WIPPYI_PATH_DIR = 2
} wippyi_path_kind;

WIPPYI_FN wippyi_path_kind wippyi_path_look(const char *path);

/* Write root + "/" + relative to out, with "." and "a/.." and empty parts of `relative` resolved by
   text alone (links are not followed). root "" means that relative stands alone.
   Returns: WIPPY_OK, _ERR_DENIED (relative is absolute or leads out of the root),
            _ERR_LIMIT (longer than room; out is then ""). */
WIPPYI_FN wippy_result wippyi_path_join(char *out, size_t room, const char *root,
                                        const char *relative);

#endif /* WIPPYI_PLATFORM_H */
