#include "platform.h"

#include <string.h>

#if WIPPYI_OS_WINDOWS
#if !defined(WIN32_LEAN_AND_MEAN)
#define WIN32_LEAN_AND_MEAN
#endif
#if !defined(NOMINMAX)
#define NOMINMAX
#endif
#include <windows.h>
#include <bcrypt.h> /* with MinGW link -lbcrypt */
#if defined(_MSC_VER)
#pragma comment(lib, "bcrypt")
#endif
#else
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
#if !defined(CLOCK_MONOTONIC) || !defined(SA_SIGINFO)
#error "wippy: system headers were included before wippy.h in a strict mode; define _GNU_SOURCE"
#endif
#endif

#if WIPPYI_OS_LINUX
#include <sys/mman.h>
#include <sys/prctl.h>
#endif

#if WIPPYI_OS_POSIX && WIPPYI_THREADS
#define WIPPYI_INTERRUPTS 1
#else
#define WIPPYI_INTERRUPTS 0
#endif

/* ---- clocks ---- */

#if WIPPYI_OS_WINDOWS

WIPPYI_FN uint64_t wippyi_clock_mono_ns(void)
{
    LARGE_INTEGER ticks;
    LARGE_INTEGER per_second;
    QueryPerformanceFrequency(&per_second);
    QueryPerformanceCounter(&ticks);
    uint64_t t = (uint64_t)ticks.QuadPart;
    uint64_t f = (uint64_t)per_second.QuadPart;
    return t / f * WIPPYI_SECOND_NS + t % f * WIPPYI_SECOND_NS / f;
}

WIPPYI_FN uint64_t wippyi_clock_coarse_ns(void)
{
    return wippyi_clock_mono_ns();
}

/* File times count 100 ns from 1601. */
static uint64_t wippyi_filetime_ticks(const FILETIME *time)
{
    return ((uint64_t)time->dwHighDateTime << 32) | time->dwLowDateTime;
}

WIPPYI_FN int64_t wippyi_clock_wall_ns(void)
{
    FILETIME now;
    GetSystemTimePreciseAsFileTime(&now);
    return ((int64_t)wippyi_filetime_ticks(&now) - 116444736000000000) * 100;
}

WIPPYI_FN uint64_t wippyi_thread_cpu_ns(void)
{
    FILETIME created, ended, kernel, user;
    if (!GetThreadTimes(GetCurrentThread(), &created, &ended, &kernel, &user)) {
        return 0;
    }
    return (wippyi_filetime_ticks(&kernel) + wippyi_filetime_ticks(&user)) * 100;
}

#if !WIPPYI_THREADS
static void wippyi_sleep_ns(uint64_t time_ns)
{
    uint64_t time_ms = time_ns / WIPPYI_MILLI_NS + 1;
    Sleep((DWORD)WIPPYI_MIN(time_ms, (uint64_t)INFINITE - 1));
}
#endif

#else

static uint64_t wippyi_clock_read(clockid_t clock)
{
    struct timespec now;
    if (clock_gettime(clock, &now) != 0) {
        return 0;
    }
    return (uint64_t)now.tv_sec * WIPPYI_SECOND_NS + (uint64_t)now.tv_nsec;
}

WIPPYI_FN uint64_t wippyi_clock_mono_ns(void)
{
    return wippyi_clock_read(CLOCK_MONOTONIC);
}

WIPPYI_FN uint64_t wippyi_clock_coarse_ns(void)
{
#if WIPPYI_OS_LINUX && defined(CLOCK_MONOTONIC_COARSE)
    return wippyi_clock_read(CLOCK_MONOTONIC_COARSE);
#else
    return wippyi_clock_mono_ns();
#endif
}

WIPPYI_FN int64_t wippyi_clock_wall_ns(void)
{
    return (int64_t)wippyi_clock_read(CLOCK_REALTIME);
}

WIPPYI_FN uint64_t wippyi_thread_cpu_ns(void)
{
#if defined(CLOCK_THREAD_CPUTIME_ID)
    return wippyi_clock_read(CLOCK_THREAD_CPUTIME_ID);
#else
    return 0;
#endif
}

static struct timespec wippyi_timespec(uint64_t time_ns)
{
    struct timespec time;
    memset(&time, 0, sizeof(time));
    time.tv_sec = (time_t)(time_ns / WIPPYI_SECOND_NS);
    time.tv_nsec = (long)(time_ns % WIPPYI_SECOND_NS);
    return time;
}

#if !WIPPYI_THREADS
static void wippyi_sleep_ns(uint64_t time_ns)
{
    struct timespec left = wippyi_timespec(time_ns);
    while (nanosleep(&left, &left) != 0 && errno == EINTR) {
    }
}
#endif

#endif

/* Point in time after which a wait ends; saturates, so that far away never becomes the past. The
   limit keeps the seconds in a signed 64-bit number of nanoseconds, which every kernel accepts. */
WIPPYI_UNUSED static uint64_t wippyi_deadline(uint64_t timeout_ns)
{
    uint64_t now = wippyi_clock_mono_ns();
    uint64_t end = (uint64_t)INT64_MAX;
    return timeout_ns < end - now ? now + timeout_ns : end;
}

/* ---- chance and processors ---- */

#if WIPPYI_OS_WINDOWS

WIPPYI_FN uint64_t wippyi_entropy64(void)
{
    uint64_t random = 0;
    if (BCryptGenRandom(NULL, (PUCHAR)&random, (ULONG)sizeof(random),
                        BCRYPT_USE_SYSTEM_PREFERRED_RNG) == 0) {
        return random;
    }
    return wippyi_clock_mono_ns() * 0x9e3779b97f4a7c15u ^ (uint64_t)wippyi_clock_wall_ns();
}

WIPPYI_FN unsigned wippyi_cpu_count(void)
{
    DWORD_PTR process = 0;
    DWORD_PTR machine = 0;
    unsigned count = 0;
    if (GetProcessAffinityMask(GetCurrentProcess(), &process, &machine)) {
        for (; process != 0; process &= process - 1) {
            count++;
        }
    }
    return count > 0 ? count : 1;
}

#else

#if !defined(__APPLE__) && !defined(__FreeBSD__) && !defined(__OpenBSD__) && !defined(__NetBSD__)

static bool wippyi_entropy_device(uint64_t *random)
{
    int fd = open("/dev/urandom", O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return false;
    }
    ssize_t got = read(fd, random, sizeof(*random));
    close(fd);
    return got == (ssize_t)sizeof(*random);
}

/* In order: the kernel's call, the device, and where a sandbox forbids both, two clocks, the
   process number and the address of the stack. The last is guessable: it spreads seeds, it keeps no
   secret. */
WIPPYI_FN uint64_t wippyi_entropy64(void)
{
    uint64_t random = 0;
#if WIPPYI_OS_LINUX && defined(SYS_getrandom)
    if (syscall(SYS_getrandom, &random, sizeof(random), 1 /* do not wait */) ==
        (long)sizeof(random)) {
        return random;
    }
#endif
    if (wippyi_entropy_device(&random)) {
        return random;
    }
    random = wippyi_clock_mono_ns() * 0x9e3779b97f4a7c15u;
    random ^= (uint64_t)wippyi_clock_wall_ns() ^ (uint64_t)getpid() << 40;
    return random ^ (uint64_t)(uintptr_t)&random;
}

#else

WIPPYI_FN uint64_t wippyi_entropy64(void)
{
    uint64_t random = 0;
    arc4random_buf(&random, sizeof(random));
    return random;
}

#endif

#if WIPPYI_OS_LINUX && defined(SYS_sched_getaffinity)

/* Processors in this process's affinity mask; 0 = unknown. The system call is used because the C
   library's macros for it are only there with _GNU_SOURCE. */
static unsigned wippyi_cpu_affinity(void)
{
    unsigned long mask[1024 / sizeof(unsigned long)];
    unsigned count = 0;
    memset(mask, 0, sizeof(mask));
    if (syscall(SYS_sched_getaffinity, 0, sizeof(mask), mask) <= 0) {
        return 0;
    }
    for (size_t i = 0; i < WIPPYI_COUNT(mask); i++) {
        for (unsigned long bits = mask[i]; bits != 0; bits &= bits - 1) {
            count++;
        }
    }
    return count;
}

#else

static unsigned wippyi_cpu_affinity(void)
{
    return 0;
}

#endif

WIPPYI_FN unsigned wippyi_cpu_count(void)
{
    unsigned count = wippyi_cpu_affinity();
    if (count == 0) {
        long online = sysconf(_SC_NPROCESSORS_ONLN);
        count = online > 0 ? (unsigned)online : 1;
    }
    return count;
}

#endif

/* ---- pages ---- */

#if WIPPYI_OS_LINUX
#define WIPPYI_PAGE           ((uintptr_t)4096) /* where they are larger the system refuses */
#define WIPPYI_POPULATE_WRITE 23                /* MADV_POPULATE_WRITE, Linux 5.14 */

WIPPYI_FN void wippyi_pages_prepare(void *at, size_t size)
{
    uintptr_t begin = ((uintptr_t)at + WIPPYI_PAGE - 1) & ~(WIPPYI_PAGE - 1);
    uintptr_t end = ((uintptr_t)at + size) & ~(WIPPYI_PAGE - 1);
    if (begin < end) {
        (void)madvise((void *)begin, end - begin, WIPPYI_POPULATE_WRITE);
    }
}

#undef WIPPYI_PAGE
#undef WIPPYI_POPULATE_WRITE
#else
WIPPYI_FN void wippyi_pages_prepare(void *at, size_t size)
{
    (void)at;
    (void)size;
}
#endif

/* ---- mutex and condition ---- */

#if !WIPPYI_THREADS

WIPPYI_FN wippy_result wippyi_mutex_init(wippyi_mutex *m)
{
    m->unused = 0;
    return WIPPY_OK;
}

WIPPYI_FN void wippyi_mutex_destroy(wippyi_mutex *m)
{
    (void)m;
}

WIPPYI_FN void wippyi_mutex_lock(wippyi_mutex *m)
{
    (void)m;
}

WIPPYI_FN bool wippyi_mutex_trylock(wippyi_mutex *m)
{
    (void)m;
    return true;
}

WIPPYI_FN void wippyi_mutex_unlock(wippyi_mutex *m)
{
    (void)m;
}

WIPPYI_FN wippy_result wippyi_cond_init(wippyi_cond *c)
{
    c->unused = 0;
    return WIPPY_OK;
}

WIPPYI_FN void wippyi_cond_destroy(wippyi_cond *c)
{
    (void)c;
}

WIPPYI_FN void wippyi_cond_wait(wippyi_cond *c, wippyi_mutex *m)
{
    (void)c;
    (void)m;
}

WIPPYI_FN bool wippyi_cond_timedwait(wippyi_cond *c, wippyi_mutex *m, uint64_t timeout_ns)
{
    (void)c;
    (void)m;
    if (timeout_ns != WIPPYI_FOREVER) {
        wippyi_sleep_ns(timeout_ns);
    }
    return false;
}

WIPPYI_FN void wippyi_cond_signal(wippyi_cond *c)
{
    (void)c;
}

WIPPYI_FN void wippyi_cond_broadcast(wippyi_cond *c)
{
    (void)c;
}

#elif WIPPYI_OS_WINDOWS

/* Both Windows objects are one pointer, zero at first, and need no destruction. */
static SRWLOCK *wippyi_srwlock(wippyi_mutex *m)
{
    return (SRWLOCK *)(void *)&m->lock;
}

static CONDITION_VARIABLE *wippyi_condvar(wippyi_cond *c)
{
    return (CONDITION_VARIABLE *)(void *)&c->cond;
}

WIPPYI_FN wippy_result wippyi_mutex_init(wippyi_mutex *m)
{
    WIPPYI_STATIC_ASSERT(sizeof(SRWLOCK) == sizeof(void *), "SRWLOCK is a pointer");
    m->lock = NULL;
    return WIPPY_OK;
}

WIPPYI_FN void wippyi_mutex_destroy(wippyi_mutex *m)
{
    (void)m;
}

WIPPYI_FN void wippyi_mutex_lock(wippyi_mutex *m)
{
    AcquireSRWLockExclusive(wippyi_srwlock(m));
}

WIPPYI_FN bool wippyi_mutex_trylock(wippyi_mutex *m)
{
    return TryAcquireSRWLockExclusive(wippyi_srwlock(m)) != 0;
}

WIPPYI_FN void wippyi_mutex_unlock(wippyi_mutex *m)
{
    ReleaseSRWLockExclusive(wippyi_srwlock(m));
}

WIPPYI_FN wippy_result wippyi_cond_init(wippyi_cond *c)
{
    WIPPYI_STATIC_ASSERT(sizeof(CONDITION_VARIABLE) == sizeof(void *), "one pointer");
    c->cond = NULL;
    return WIPPY_OK;
}

WIPPYI_FN void wippyi_cond_destroy(wippyi_cond *c)
{
    (void)c;
}

WIPPYI_FN void wippyi_cond_wait(wippyi_cond *c, wippyi_mutex *m)
{
    SleepConditionVariableSRW(wippyi_condvar(c), wippyi_srwlock(m), INFINITE, 0);
}

WIPPYI_FN bool wippyi_cond_timedwait(wippyi_cond *c, wippyi_mutex *m, uint64_t timeout_ns)
{
    if (timeout_ns == WIPPYI_FOREVER) {
        wippyi_cond_wait(c, m);
        return true;
    }
    uint64_t timeout_ms = timeout_ns / WIPPYI_MILLI_NS + (timeout_ns % WIPPYI_MILLI_NS != 0);
    DWORD limit_ms = (DWORD)WIPPYI_MIN(timeout_ms, (uint64_t)INFINITE - 1);
    return SleepConditionVariableSRW(wippyi_condvar(c), wippyi_srwlock(m), limit_ms, 0) != 0;
}

WIPPYI_FN void wippyi_cond_signal(wippyi_cond *c)
{
    WakeConditionVariable(wippyi_condvar(c));
}

WIPPYI_FN void wippyi_cond_broadcast(wippyi_cond *c)
{
    WakeAllConditionVariable(wippyi_condvar(c));
}

#else

/* The results of lock and unlock are only ever our own mistakes: asserted, not handled. */
static void wippyi_expect_zero(int result)
{
    (void)result;
    WIPPYI_ASSERT(result == 0);
}

WIPPYI_FN wippy_result wippyi_mutex_init(wippyi_mutex *m)
{
    return pthread_mutex_init(&m->lock, NULL) == 0 ? WIPPY_OK : WIPPY_ERR_NOMEM;
}

WIPPYI_FN void wippyi_mutex_destroy(wippyi_mutex *m)
{
    wippyi_expect_zero(pthread_mutex_destroy(&m->lock));
}

/* What is locked here is held for some hundred nanoseconds; a thread that sleeps over it loses some ten
   thousand, and its waker a thousand. So it looks again for about as long as a sleep costs. */
#if defined(WIPPYI_EXPLORE)
#define WIPPYI_LOCK_TRIES 0 /* the explorer lets nobody run while we look */
#else
#define WIPPYI_LOCK_TRIES 100
#endif

WIPPYI_FN void wippyi_mutex_lock(wippyi_mutex *m)
{
    int tries;
    for (tries = 0; tries < WIPPYI_LOCK_TRIES; tries++) {
        if (WIPPYI_LIKELY(pthread_mutex_trylock(&m->lock) == 0)) {
            return;
        }
        wippyi_cpu_relax();
    }
    wippyi_expect_zero(pthread_mutex_lock(&m->lock));
}

WIPPYI_FN bool wippyi_mutex_trylock(wippyi_mutex *m)
{
    return pthread_mutex_trylock(&m->lock) == 0;
}

WIPPYI_FN void wippyi_mutex_unlock(wippyi_mutex *m)
{
    wippyi_expect_zero(pthread_mutex_unlock(&m->lock));
}

#if defined(__APPLE__)

WIPPYI_FN wippy_result wippyi_cond_init(wippyi_cond *c)
{
    return pthread_cond_init(&c->cond, NULL) == 0 ? WIPPY_OK : WIPPY_ERR_NOMEM;
}

#else

/* The clock of a condition is the wall clock unless it is told otherwise. */
WIPPYI_FN wippy_result wippyi_cond_init(wippyi_cond *c)
{
    pthread_condattr_t attributes;
    if (pthread_condattr_init(&attributes) != 0) {
        return WIPPY_ERR_NOMEM;
    }
    int failed = pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    if (failed == 0) {
        failed = pthread_cond_init(&c->cond, &attributes);
    }
    pthread_condattr_destroy(&attributes);
    return failed == 0 ? WIPPY_OK : WIPPY_ERR_NOMEM;
}

#endif

WIPPYI_FN void wippyi_cond_destroy(wippyi_cond *c)
{
    wippyi_expect_zero(pthread_cond_destroy(&c->cond));
}

WIPPYI_FN void wippyi_cond_wait(wippyi_cond *c, wippyi_mutex *m)
{
    wippyi_expect_zero(pthread_cond_wait(&c->cond, &m->lock));
}

WIPPYI_FN bool wippyi_cond_timedwait(wippyi_cond *c, wippyi_mutex *m, uint64_t timeout_ns)
{
    if (timeout_ns == WIPPYI_FOREVER) {
        wippyi_cond_wait(c, m);
        return true;
    }
#if defined(__APPLE__)
    struct timespec left = wippyi_timespec(WIPPYI_MIN(timeout_ns, (uint64_t)INT64_MAX));
    return pthread_cond_timedwait_relative_np(&c->cond, &m->lock, &left) != ETIMEDOUT;
#else
    struct timespec end = wippyi_timespec(wippyi_deadline(timeout_ns));
    return pthread_cond_timedwait(&c->cond, &m->lock, &end) != ETIMEDOUT;
#endif
}

WIPPYI_FN void wippyi_cond_signal(wippyi_cond *c)
{
    wippyi_expect_zero(pthread_cond_signal(&c->cond));
}

WIPPYI_FN void wippyi_cond_broadcast(wippyi_cond *c)
{
    wippyi_expect_zero(pthread_cond_broadcast(&c->cond));
}

#endif

/* ---- ticket ---- */

#if WIPPYI_TICKET_FUTEX

/* States of the word. Waiter takes EMPTY -> WAITING (going to sleep), WAITING -> EMPTY (time
   passed), WOKEN -> EMPTY (wake consumed). Wakers take anything -> WOKEN.
   Release of the waker's exchange pairs with acquire of the waiter's exchange or compare-and-swap.
   All are read-modify-write: a second wake over a first keeps the first one's release visible. */
enum { WIPPYI_TICKET_EMPTY = 0, WIPPYI_TICKET_WOKEN = 1, WIPPYI_TICKET_WAITING = 2 };

/* The kernel's words; its own header for them is not everywhere. */
enum { WIPPYI_FUTEX_WAKE_PRIVATE = 1 | 128, WIPPYI_FUTEX_WAIT_UNTIL_PRIVATE = 9 | 128 };

/* Sleep while the word is `value`, at most until a point of the monotonic clock; false when that
   has passed. May end early. */
static bool wippyi_futex_wait(wippyi_a32 *word, uint32_t value, uint64_t deadline_ns)
{
    struct {
        long seconds;
        long nanoseconds;
    } end;
    end.seconds = (long)(deadline_ns / WIPPYI_SECOND_NS);
    end.nanoseconds = (long)(deadline_ns % WIPPYI_SECOND_NS);
    long failed = syscall(SYS_futex, &word->v_, WIPPYI_FUTEX_WAIT_UNTIL_PRIVATE, value,
                          deadline_ns == WIPPYI_FOREVER ? NULL : (void *)&end, NULL, UINT32_MAX);
    return failed == 0 || errno != ETIMEDOUT;
}

WIPPYI_FN void wippyi_latch_wait(wippyi_latch *l)
{
    int tries;
    for (tries = 0; tries < WIPPYI_LOCK_TRIES; tries++) {
        wippyi_cpu_relax();
        if (wippyi_a32_load_rlx(&l->word) == WIPPYI_LATCH_FREE && wippyi_latch_try(l)) {
            return;
        }
    }
    /* FREE or HELD -> SLEPT; acquire: as in try */
    while (wippyi_a32_xchg_acq(&l->word, WIPPYI_LATCH_SLEPT) != WIPPYI_LATCH_FREE) {
        (void)wippyi_futex_wait(&l->word, WIPPYI_LATCH_SLEPT, WIPPYI_FOREVER);
    }
}

WIPPYI_FN void wippyi_latch_wake(wippyi_latch *l)
{
    syscall(SYS_futex, &l->word.v_, WIPPYI_FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

WIPPYI_FN wippy_result wippyi_ticket_init(wippyi_ticket *t)
{
    wippyi_a32_init(&t->word, WIPPYI_TICKET_EMPTY);
    return WIPPY_OK;
}

WIPPYI_FN void wippyi_ticket_destroy(wippyi_ticket *t)
{
    (void)t;
}

WIPPYI_FN bool wippyi_ticket_wait(wippyi_ticket *t, uint64_t timeout_ns)
{
    uint32_t seen = WIPPYI_TICKET_WOKEN;
    /* WOKEN -> EMPTY: the wake came first; acquire: what the waker wrote before it */
    if (wippyi_a32_cas_acq(&t->word, &seen, WIPPYI_TICKET_EMPTY)) {
        return true;
    }
    WIPPYI_ASSERT(seen == WIPPYI_TICKET_EMPTY); /* or a second thread waits */
    if (timeout_ns == 0) {
        return false;
    }
    uint64_t deadline_ns =
        timeout_ns == WIPPYI_FOREVER ? WIPPYI_FOREVER : wippyi_deadline(timeout_ns);
    /* EMPTY -> WAITING; when it fails a wake has come and the exchange below takes it */
    seen = WIPPYI_TICKET_EMPTY;
    wippyi_a32_cas_rlx(&t->word, &seen, WIPPYI_TICKET_WAITING);
    while (wippyi_a32_load_rlx(&t->word) == WIPPYI_TICKET_WAITING) {
        if (!wippyi_futex_wait(&t->word, WIPPYI_TICKET_WAITING, deadline_ns)) {
            seen = WIPPYI_TICKET_WAITING; /* WAITING -> EMPTY unless a wake won the race */
            if (wippyi_a32_cas_rlx(&t->word, &seen, WIPPYI_TICKET_EMPTY)) {
                return false;
            }
        }
    }
    wippyi_a32_xchg_acq(&t->word, WIPPYI_TICKET_EMPTY); /* WOKEN -> EMPTY */
    return true;
}

WIPPYI_FN void wippyi_ticket_wake(wippyi_ticket *t)
{
    /* anything -> WOKEN; release: publishes to the waiter what made us wake it. Only from WAITING is
       there somebody to call. */
    if (wippyi_a32_xchg_rel(&t->word, WIPPYI_TICKET_WOKEN) == WIPPYI_TICKET_WAITING) {
        syscall(SYS_futex, &t->word.v_, WIPPYI_FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
    }
}

#else

WIPPYI_FN wippy_result wippyi_ticket_init(wippyi_ticket *t)
{
    wippyi_a32_init(&t->word, 0);
    wippy_result result = wippyi_mutex_init(&t->lock);
    if (result != WIPPY_OK) {
        return result;
    }
    result = wippyi_cond_init(&t->cond);
    if (result != WIPPY_OK) {
        wippyi_mutex_destroy(&t->lock);
    }
    return result;
}

WIPPYI_FN void wippyi_ticket_destroy(wippyi_ticket *t)
{
    wippyi_cond_destroy(&t->cond);
    wippyi_mutex_destroy(&t->lock);
}

/* Sleep until woken or until the time has passed. Lock held. */
static void wippyi_ticket_sleep(wippyi_ticket *t, uint64_t timeout_ns)
{
    uint64_t start = wippyi_clock_mono_ns();
    uint64_t spent = 0;
    while (wippyi_a32_load_rlx(&t->word) == 0 && spent < timeout_ns) {
        uint64_t left = timeout_ns == WIPPYI_FOREVER ? timeout_ns : timeout_ns - spent;
        bool in_time = wippyi_cond_timedwait(&t->cond, &t->lock, left);
        if (!WIPPYI_THREADS && !in_time) {
            return; /* nobody can come */
        }
        spent = wippyi_clock_mono_ns() - start;
    }
}

WIPPYI_FN bool wippyi_ticket_wait(wippyi_ticket *t, uint64_t timeout_ns)
{
    wippyi_mutex_lock(&t->lock);
    wippyi_ticket_sleep(t, timeout_ns);
    bool woken = wippyi_a32_load_rlx(&t->word) != 0;
    wippyi_a32_store_rlx(&t->word, 0);
    wippyi_mutex_unlock(&t->lock);
    return woken;
}

/* The signal is given under the lock, so that a waiter that returns may destroy the ticket. */
WIPPYI_FN void wippyi_ticket_wake(wippyi_ticket *t)
{
    wippyi_mutex_lock(&t->lock);
    wippyi_a32_store_rlx(&t->word, 1);
    wippyi_cond_signal(&t->cond);
    wippyi_mutex_unlock(&t->lock);
}

#endif

#undef WIPPYI_LOCK_TRIES

/* ---- barrier ---- */

#if WIPPYI_BARRIER_FAR
/* The kernel's words, as above. */
enum { WIPPYI_MEMBARRIER_EXPEDITED = 1 << 3, WIPPYI_MEMBARRIER_REGISTER = 1 << 4 };
#endif

WIPPYI_FN void wippyi_barrier_init(wippyi_barrier *b)
{
    wippyi_a32_init(&b->word, 0);
    b->by_system = false;
#if WIPPYI_BARRIER_FAR
    b->by_system = syscall(SYS_membarrier, WIPPYI_MEMBARRIER_REGISTER, 0, 0) == 0 &&
                   syscall(SYS_membarrier, WIPPYI_MEMBARRIER_EXPEDITED, 0, 0) == 0;
#endif
}

WIPPYI_FN bool wippyi_barrier_far(wippyi_barrier *b)
{
#if WIPPYI_BARRIER_FAR
    if (b->by_system) {
        return syscall(SYS_membarrier, WIPPYI_MEMBARRIER_EXPEDITED, 0, 0) == 0;
    }
#endif
    (void)wippyi_a32_add_acqrel(&b->word, 1);
    return true;
}

/* ---- threads ---- */

static void wippyi_thread_fill(wippyi_thread *t, void (*fn)(void *), void *arg, const char *name)
{
    memset(t, 0, sizeof(*t));
    t->fn = fn;
    t->arg = arg;
    for (size_t i = 0; name != NULL && name[i] != '\0' && i < sizeof(t->name) - 1; i++) {
        t->name[i] = name[i];
    }
}

#if !WIPPYI_THREADS

WIPPYI_FN wippy_result wippyi_thread_start(wippyi_thread *t, void (*fn)(void *), void *arg,
                                           const char *name)
{
    wippyi_thread_fill(t, fn, arg, name);
    return WIPPY_ERR_UNSUPPORTED;
}

WIPPYI_FN void wippyi_thread_join(wippyi_thread *t)
{
    (void)t;
}

WIPPYI_FN void wippyi_thread_adopt(wippyi_thread *t)
{
    wippyi_thread_fill(t, NULL, NULL, NULL);
}

WIPPYI_FN void wippyi_thread_release(wippyi_thread *t)
{
    (void)t;
}

WIPPYI_FN bool wippyi_thread_is_current(const wippyi_thread *t)
{
    (void)t;
    return true;
}

WIPPYI_FN void wippyi_thread_yield(void) {}

WIPPYI_FN uint64_t wippyi_thread_self_id(void)
{
    return 1;
}

WIPPYI_FN uint64_t wippyi_thread_used_ns(wippyi_thread *t)
{
    (void)t;
    return UINT64_MAX;
}

#elif WIPPYI_OS_WINDOWS

static DWORD WINAPI wippyi_thread_main(LPVOID arg)
{
    wippyi_thread *t = (wippyi_thread *)arg;
    t->fn(t->arg);
    return 0;
}

WIPPYI_FN wippy_result wippyi_thread_start(wippyi_thread *t, void (*fn)(void *), void *arg,
                                           const char *name)
{
    DWORD id = 0;
    wippyi_thread_fill(t, fn, arg, name);
    /* suspended, so that handle and id are written before the thread can read them */
    HANDLE handle = CreateThread(NULL, 0, wippyi_thread_main, t, CREATE_SUSPENDED, &id);
    if (handle == NULL) {
        return WIPPY_ERR_NOMEM;
    }
    t->handle = handle;
    t->id = (uint32_t)id;
    ResumeThread(handle);
    return WIPPY_OK;
}

WIPPYI_FN void wippyi_thread_join(wippyi_thread *t)
{
    WaitForSingleObject((HANDLE)t->handle, INFINITE);
    CloseHandle((HANDLE)t->handle);
}

WIPPYI_FN void wippyi_thread_adopt(wippyi_thread *t)
{
    wippyi_thread_fill(t, NULL, NULL, NULL);
    t->id = (uint32_t)GetCurrentThreadId();
}

WIPPYI_FN void wippyi_thread_release(wippyi_thread *t)
{
    t->id = 0;
}

WIPPYI_FN bool wippyi_thread_is_current(const wippyi_thread *t)
{
    return t->id == (uint32_t)GetCurrentThreadId();
}

WIPPYI_FN void wippyi_thread_yield(void)
{
    SwitchToThread();
}

WIPPYI_FN uint64_t wippyi_thread_self_id(void)
{
    return (uint64_t)GetCurrentThreadId();
}

WIPPYI_FN uint64_t wippyi_thread_used_ns(wippyi_thread *t)
{
    FILETIME created, ended, kernel, user;
    if (t->handle == NULL ||
        !GetThreadTimes((HANDLE)t->handle, &created, &ended, &kernel, &user)) {
        return UINT64_MAX;
    }
    return (wippyi_filetime_ticks(&kernel) + wippyi_filetime_ticks(&user)) * 100;
}

#else

static void wippyi_thread_set_name(const char *name)
{
    if (name[0] == '\0') {
        return;
    }
#if WIPPYI_OS_LINUX
    prctl(PR_SET_NAME, name, 0, 0, 0);
#elif defined(__APPLE__)
    pthread_setname_np(name);
#endif
}

/* The process-wide state of this library: this lock and the table of interrupts below, because
   signal handlers belong to the process and have no argument. Nothing else may be kept here. */
static wippyi_mutex wippyi_interrupt_lock = WIPPYI_MUTEX_STATIC;

static void wippyi_thread_set_running(wippyi_thread *t, bool running)
{
    wippyi_mutex_lock(&wippyi_interrupt_lock);
    t->running = running;
    wippyi_mutex_unlock(&wippyi_interrupt_lock);
}

static void *wippyi_thread_main(void *arg)
{
    wippyi_thread *t = (wippyi_thread *)arg;
    wippyi_thread_set_name(t->name);
    wippyi_thread_set_running(t, true); /* waits until start has written the handle */
    t->fn(t->arg);
    wippyi_thread_set_running(t, false);
    wippyi_interrupt_discard(); /* our id may be another thread's soon */
    return NULL;
}

/* Everything is blocked but what an instruction of the thread itself raises, what profilers use,
   and the default interrupt. */
static void wippyi_thread_mask(sigset_t *mask)
{
    static const int open_signals[] = {SIGSEGV, SIGBUS, SIGFPE,  SIGILL, SIGTRAP,
                                       SIGABRT, SIGSYS, SIGPROF, SIGURG};
    sigfillset(mask);
    for (size_t i = 0; i < WIPPYI_COUNT(open_signals); i++) {
        sigdelset(mask, open_signals[i]);
    }
}

/* A thread inherits the mask of its creator, so that is changed for a moment. The lock keeps the
   new thread back until its handle is written. */
static int wippyi_thread_create(wippyi_thread *t)
{
    sigset_t mask, before;
    wippyi_thread_mask(&mask);
    wippyi_mutex_lock(&wippyi_interrupt_lock);
    pthread_sigmask(SIG_SETMASK, &mask, &before);
    int failed = pthread_create(&t->handle, NULL, wippyi_thread_main, t);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    wippyi_mutex_unlock(&wippyi_interrupt_lock);
    return failed;
}

WIPPYI_FN wippy_result wippyi_thread_start(wippyi_thread *t, void (*fn)(void *), void *arg,
                                           const char *name)
{
    wippyi_thread_fill(t, fn, arg, name);
    int failed = wippyi_thread_create(t);
    if (failed == 0) {
        return WIPPY_OK;
    }
    return failed == EAGAIN || failed == ENOMEM ? WIPPY_ERR_NOMEM : WIPPY_ERR_INTERNAL;
}

WIPPYI_FN void wippyi_thread_join(wippyi_thread *t)
{
    wippyi_expect_zero(pthread_join(t->handle, NULL));
}

WIPPYI_FN void wippyi_thread_adopt(wippyi_thread *t)
{
    wippyi_thread_fill(t, NULL, NULL, NULL);
    t->handle = pthread_self();
    wippyi_thread_set_running(t, true);
}

WIPPYI_FN void wippyi_thread_release(wippyi_thread *t)
{
    WIPPYI_ASSERT(wippyi_thread_is_current(t));
    wippyi_thread_set_running(t, false);
    wippyi_interrupt_discard();
}

WIPPYI_FN bool wippyi_thread_is_current(const wippyi_thread *t)
{
    return pthread_equal(t->handle, pthread_self()) != 0;
}

WIPPYI_FN void wippyi_thread_yield(void)
{
    sched_yield();
}

static uint64_t wippyi_thread_id_of(pthread_t handle)
{
    uint64_t id = 0;
    WIPPYI_STATIC_ASSERT(sizeof(handle) <= sizeof(id), "thread handles fit into 64 bits");
    memcpy(&id, &handle, sizeof(handle));
    return id;
}

WIPPYI_FN uint64_t wippyi_thread_self_id(void)
{
    return wippyi_thread_id_of(pthread_self());
}

WIPPYI_FN uint64_t wippyi_thread_used_ns(wippyi_thread *t)
{
    uint64_t used_ns = UINT64_MAX;
#if defined(_POSIX_THREAD_CPUTIME) && _POSIX_THREAD_CPUTIME >= 0 && !defined(__APPLE__)
    struct timespec used;
    clockid_t clock;
    wippyi_mutex_lock(&wippyi_interrupt_lock); /* while it holds, the thread does not end */
    if (t->running && pthread_getcpuclockid(t->handle, &clock) == 0 &&
        clock_gettime(clock, &used) == 0) {
        used_ns = (uint64_t)used.tv_sec * 1000000000u + (uint64_t)used.tv_nsec;
    }
    wippyi_mutex_unlock(&wippyi_interrupt_lock);
#else
    (void)t;
#endif
    return used_ns;
}

#endif

/* ---- interrupts ---- */

#if WIPPYI_INTERRUPTS

#define WIPPYI_INTERRUPT_SIGNALS 4
#define WIPPYI_INTERRUPT_SLOTS   64

/* One asked-for interrupt. States of `owner`:
     FREE    -> CLAIMED  a sender, to fill the slot
     CLAIMED -> key      that sender, by release store: the slot is published
     key     -> CLAIMED  the handler on that thread, a sender that compares, or discard
     CLAIMED -> FREE     the handler or discard;  -> key: the sender that compared
   The fields are touched only in state CLAIMED by the one who made it so. Senders and discard
   exclude each other by the lock; the handler cannot take it, hence the states. */
typedef struct wippyi_interrupt_slot {
    wippyi_a64 owner; /* claims are CAS (acquire), everything else a release store */
    int signo;
    void (*fn)(void *cookie);
    void *cookie;
} wippyi_interrupt_slot;

enum { WIPPYI_INTERRUPT_FREE = 0, WIPPYI_INTERRUPT_CLAIMED = 1 };

typedef struct wippyi_interrupt_signal {
    wippyi_a32 signo; /* 0 = unused; published by release after `before` */
    uint32_t count;   /* installations; guarded by the lock */
    bool covered;     /* somebody put a handler over ours, which so stays; guarded by the lock */
    struct sigaction before; /* constant while our handler is in place */
} wippyi_interrupt_signal;

static struct {
    wippyi_interrupt_signal signals[WIPPYI_INTERRUPT_SIGNALS];
    wippyi_interrupt_slot slots[WIPPYI_INTERRUPT_SLOTS];
} wippyi_interrupts;

/* The two smallest numbers mean something else in a slot. */
static uint64_t wippyi_interrupt_key(pthread_t handle)
{
    return wippyi_thread_id_of(handle) + 2;
}

static int wippyi_interrupt_signo(int signo)
{
    return signo == 0 ? SIGURG : signo;
}

static wippyi_interrupt_signal *wippyi_interrupt_find(int signo)
{
    for (size_t i = 0; i < WIPPYI_INTERRUPT_SIGNALS; i++) {
        if (wippyi_a32_load_acq(&wippyi_interrupts.signals[i].signo) == (uint32_t)signo) {
            return &wippyi_interrupts.signals[i];
        }
    }
    return NULL;
}

/* Take a slot from a state we expect it to be in: FREE or a thread's key -> CLAIMED. acquire: pairs with
   the release stores of `owner`, which publish signo, fn and cookie to the next claimer. */
static bool wippyi_interrupt_claim(wippyi_interrupt_slot *slot, uint64_t expected)
{
    if (wippyi_a64_load_rlx(&slot->owner) != expected) {
        return false;
    }
    return wippyi_a64_cas_acq(&slot->owner, &expected, WIPPYI_INTERRUPT_CLAIMED);
}

/* Run what was asked for on this thread. Async-signal-safe, like all below up to the handler. */
static bool wippyi_interrupt_run(int signo)
{
    uint64_t key = wippyi_interrupt_key(pthread_self());
    bool ran = false;
    for (size_t i = 0; i < WIPPYI_INTERRUPT_SLOTS; i++) {
        wippyi_interrupt_slot *slot = &wippyi_interrupts.slots[i];
        if (!wippyi_interrupt_claim(slot, key)) {
            continue;
        }
        if (slot->signo != signo) {
            wippyi_a64_store_rel(&slot->owner, key);
            continue;
        }
        void (*fn)(void *) = slot->fn;
        void *cookie = slot->cookie;
        wippyi_a64_store_rel(&slot->owner, WIPPYI_INTERRUPT_FREE);
        fn(cookie);
        ran = true;
    }
    return ran;
}

/* Hand a signal to the handler that was there before ours. A default action is not repeated: what
   seems unexplained may be an interrupt that an earlier signal has already served. */
static void wippyi_interrupt_pass_on(int signo, siginfo_t *info, void *context)
{
    const wippyi_interrupt_signal *signal = wippyi_interrupt_find(signo);
    if (signal == NULL) {
        return;
    }
    if ((signal->before.sa_flags & SA_SIGINFO) != 0) {
        signal->before.sa_sigaction(signo, info, context);
    } else if (signal->before.sa_handler != SIG_DFL && signal->before.sa_handler != SIG_IGN) {
        signal->before.sa_handler(signo);
    }
}

static void wippyi_interrupt_handler(int signo, siginfo_t *info, void *context)
{
    int saved_errno = errno;
    bool explained = wippyi_interrupt_run(signo);
#if defined(SI_TKILL)
    /* another code: one of theirs has come together with ours */
    explained = explained && info->si_code == SI_TKILL;
#endif
    if (!explained) {
        wippyi_interrupt_pass_on(signo, info, context);
    }
    errno = saved_errno;
}

static bool wippyi_interrupt_is_ours(const struct sigaction *action)
{
    return (action->sa_flags & SA_SIGINFO) != 0 && action->sa_sigaction == wippyi_interrupt_handler;
}

/* First installation of a signal. Lock held. */
static wippy_result wippyi_interrupt_take_over(wippyi_interrupt_signal *signal, int signo)
{
    struct sigaction action;
    if (!signal->covered) {
        if (sigaction(signo, NULL, &signal->before) != 0) {
            return WIPPY_ERR_INVALID;
        }
        memset(&action, 0, sizeof(action));
        action.sa_sigaction = wippyi_interrupt_handler;
        action.sa_flags = SA_SIGINFO | SA_RESTART | SA_ONSTACK;
        sigemptyset(&action.sa_mask);
        /* release: whoever finds the signal sees `before`; pairs with wippyi_interrupt_find() */
        wippyi_a32_store_rel(&signal->signo, (uint32_t)signo);
        if (sigaction(signo, &action, NULL) != 0) {
            wippyi_a32_store_rel(&signal->signo, 0);
            return WIPPY_ERR_INVALID;
        }
    }
    signal->count = 1;
    return WIPPY_OK;
}

static wippy_result wippyi_interrupt_count_up(int signo)
{
    wippyi_interrupt_signal *signal = wippyi_interrupt_find(signo);
    if (signal == NULL) {
        signal = wippyi_interrupt_find(0);
    }
    if (signal == NULL) {
        return WIPPY_ERR_LIMIT;
    }
    if (signal->count == 0) {
        return wippyi_interrupt_take_over(signal, signo);
    }
    signal->count++;
    return WIPPY_OK;
}

WIPPYI_FN wippy_result wippyi_interrupt_install(int signo)
{
    if (signo < 0) {
        return WIPPY_ERR_INVALID;
    }
    wippyi_mutex_lock(&wippyi_interrupt_lock);
    wippy_result result = wippyi_interrupt_count_up(wippyi_interrupt_signo(signo));
    wippyi_mutex_unlock(&wippyi_interrupt_lock);
    return result;
}

/* A handler put over ours calls ours in turn, so ours must stay: it then only passes signals on. */
static void wippyi_interrupt_give_back(wippyi_interrupt_signal *signal, int signo)
{
    struct sigaction current;
    memset(&current, 0, sizeof(current));
    sigaction(signo, NULL, &current);
    signal->covered = !wippyi_interrupt_is_ours(&current);
    if (!signal->covered) {
        sigaction(signo, &signal->before, NULL);
        wippyi_a32_store_rel(&signal->signo, 0);
    }
}

WIPPYI_FN void wippyi_interrupt_uninstall(int signo)
{
    signo = wippyi_interrupt_signo(signo);
    wippyi_mutex_lock(&wippyi_interrupt_lock);
    wippyi_interrupt_signal *signal = wippyi_interrupt_find(signo);
    WIPPYI_ASSERT(signal != NULL && signal->count > 0);
    if (signal != NULL && --signal->count == 0) {
        wippyi_interrupt_give_back(signal, signo);
    }
    wippyi_mutex_unlock(&wippyi_interrupt_lock);
}

WIPPYI_FN void wippyi_interrupt_accept(int signo)
{
    sigset_t mask;
    sigemptyset(&mask);
    sigaddset(&mask, wippyi_interrupt_signo(signo));
    pthread_sigmask(SIG_UNBLOCK, &mask, NULL);
}

/* Whether the same is asked for already and has not run. */
static bool wippyi_interrupt_is_open(uint64_t key, int signo, void (*fn)(void *), void *cookie)
{
    for (size_t i = 0; i < WIPPYI_INTERRUPT_SLOTS; i++) {
        wippyi_interrupt_slot *slot = &wippyi_interrupts.slots[i];
        if (wippyi_interrupt_claim(slot, key)) {
            bool same = slot->signo == signo && slot->fn == fn && slot->cookie == cookie;
            wippyi_a64_store_rel(&slot->owner, key);
            if (same) {
                return true;
            }
        }
    }
    return false;
}

static bool wippyi_interrupt_ask(uint64_t key, int signo, void (*fn)(void *), void *cookie)
{
    for (size_t i = 0; i < WIPPYI_INTERRUPT_SLOTS; i++) {
        wippyi_interrupt_slot *slot = &wippyi_interrupts.slots[i];
        if (wippyi_interrupt_claim(slot, WIPPYI_INTERRUPT_FREE)) {
            slot->signo = signo;
            slot->fn = fn;
            slot->cookie = cookie;
            /* release: publishes the fields; pairs with the claim in wippyi_interrupt_run() */
            wippyi_a64_store_rel(&slot->owner, key);
            return true;
        }
    }
    return false;
}

/* The signal is sent in any case: a handler that ran while we held the slot has passed it over. */
static wippy_result wippyi_interrupt_post(wippyi_thread *t, int signo, void (*fn)(void *),
                                          void *cookie)
{
    uint64_t key = wippyi_interrupt_key(t->handle);
    bool asked = wippyi_interrupt_is_open(key, signo, fn, cookie) ||
                 wippyi_interrupt_ask(key, signo, fn, cookie);
    int failed = pthread_kill(t->handle, signo);
    if (!asked) {
        return WIPPY_ERR_BUSY;
    }
    return failed == 0 ? WIPPY_OK : WIPPY_ERR_INTERNAL;
}

WIPPYI_FN wippy_result wippyi_interrupt_send(wippyi_thread *t, int signo, void (*fn)(void *cookie),
                                             void *cookie)
{
    signo = wippyi_interrupt_signo(signo);
    if (wippyi_interrupt_find(signo) == NULL) {
        return WIPPY_ERR_INVALID;
    }
    wippyi_mutex_lock(&wippyi_interrupt_lock);
    wippy_result result = WIPPY_ERR_GONE;
    if (t->running) {
        result = wippyi_interrupt_post(t, signo, fn, cookie);
    }
    wippyi_mutex_unlock(&wippyi_interrupt_lock);
    return result;
}

WIPPYI_FN void wippyi_interrupt_discard(void)
{
    uint64_t key = wippyi_interrupt_key(pthread_self());
    wippyi_mutex_lock(&wippyi_interrupt_lock);
    for (size_t i = 0; i < WIPPYI_INTERRUPT_SLOTS; i++) {
        wippyi_interrupt_slot *slot = &wippyi_interrupts.slots[i];
        if (wippyi_interrupt_claim(slot, key)) {
            wippyi_a64_store_rel(&slot->owner, WIPPYI_INTERRUPT_FREE);
        }
    }
    wippyi_mutex_unlock(&wippyi_interrupt_lock);
}

#else

WIPPYI_FN wippy_result wippyi_interrupt_install(int signo)
{
    (void)signo;
    return WIPPY_ERR_UNSUPPORTED;
}

WIPPYI_FN void wippyi_interrupt_uninstall(int signo)
{
    (void)signo;
}

WIPPYI_FN void wippyi_interrupt_accept(int signo)
{
    (void)signo;
}

WIPPYI_FN wippy_result wippyi_interrupt_send(wippyi_thread *t, int signo, void (*fn)(void *cookie),
                                             void *cookie)
{
    (void)t;
    (void)signo;
    (void)fn;
    (void)cookie;
    return WIPPY_ERR_UNSUPPORTED;
}

WIPPYI_FN void wippyi_interrupt_discard(void) {}

#endif
