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
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#if !defined(CLOCK_MONOTONIC) || !defined(SA_SIGINFO)
#error "wippy: system headers were included before wippy.h in a strict mode; define _GNU_SOURCE"
#endif
#endif

#if WIPPYI_OS_LINUX
#include <sys/prctl.h>
#endif

#if WIPPYI_OS_LINUX && !defined(WIPPYI_NO_EPOLL)
#include <sys/epoll.h>
#include <sys/eventfd.h>
#define WIPPYI_EPOLL 1
#else
#define WIPPYI_EPOLL 0
#endif

#if WIPPYI_OS_POSIX && WIPPYI_THREADS
#define WIPPYI_INTERRUPTS 1
#else
#define WIPPYI_INTERRUPTS 0
#endif

#define WIPPYI_SECOND_NS 1000000000u
#define WIPPYI_MILLI_NS 1000000u

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

static void wippyi_sleep_ns(uint64_t time_ns)
{
    uint64_t time_ms = time_ns / WIPPYI_MILLI_NS + 1;
    Sleep((DWORD)WIPPYI_MIN(time_ms, (uint64_t)INFINITE - 1));
}

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

/* In order: the kernel's call, the device, and where a sandbox forbids both, two clocks, the process
   number and the address of the stack. The last is guessable: it spreads seeds, it keeps no secret. */
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

WIPPYI_FN void wippyi_mutex_lock(wippyi_mutex *m)
{
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

/* States of the word. Waiter takes EMPTY -> WAITING (going to sleep), WAITING -> EMPTY (time passed),
   WOKEN -> EMPTY (wake consumed). Wakers take anything -> WOKEN.
   Release of the waker's exchange pairs with acquire of the waiter's exchange or compare-and-swap.
   All are read-modify-write: a second wake over a first keeps the first one's release visible. */
enum { WIPPYI_TICKET_EMPTY = 0, WIPPYI_TICKET_WOKEN = 1, WIPPYI_TICKET_WAITING = 2 };

/* The kernel's words; its own header for them is not everywhere. */
enum { WIPPYI_FUTEX_WAKE_PRIVATE = 1 | 128, WIPPYI_FUTEX_WAIT_UNTIL_PRIVATE = 9 | 128 };

/* Sleep while the word is WAITING, at most until a point of the monotonic clock; false when that has
   passed. May end early. */
static bool wippyi_futex_wait(wippyi_a32 *word, uint64_t deadline_ns)
{
    struct {
        long seconds;
        long nanoseconds;
    } end;
    end.seconds = (long)(deadline_ns / WIPPYI_SECOND_NS);
    end.nanoseconds = (long)(deadline_ns % WIPPYI_SECOND_NS);
    long failed = syscall(SYS_futex, &word->v_, WIPPYI_FUTEX_WAIT_UNTIL_PRIVATE,
                          (uint32_t)WIPPYI_TICKET_WAITING,
                          deadline_ns == WIPPYI_FOREVER ? NULL : (void *)&end, NULL, UINT32_MAX);
    return failed == 0 || errno != ETIMEDOUT;
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
        if (!wippyi_futex_wait(&t->word, deadline_ns)) {
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

WIPPYI_FN void wippyi_thread_yield(void)
{
}

WIPPYI_FN uint64_t wippyi_thread_self_id(void)
{
    return 1;
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

/* The process-wide state of this library: this lock and the table of interrupts below, because signal
   handlers belong to the process and have no argument. Nothing else may be kept here. */
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

/* Everything is blocked but what an instruction of the thread itself raises, what profilers use, and
   the default interrupt. */
static void wippyi_thread_mask(sigset_t *mask)
{
    static const int open_signals[] = {SIGSEGV, SIGBUS,  SIGFPE,  SIGILL, SIGTRAP,
                                       SIGABRT, SIGSYS,  SIGPROF, SIGURG};
    sigfillset(mask);
    for (size_t i = 0; i < WIPPYI_COUNT(open_signals); i++) {
        sigdelset(mask, open_signals[i]);
    }
}

/* A thread inherits the mask of its creator, so that is changed for a moment. The lock keeps the new
   thread back until its handle is written. */
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

#endif

/* ---- interrupts ---- */

#if WIPPYI_INTERRUPTS

#define WIPPYI_INTERRUPT_SIGNALS 4
#define WIPPYI_INTERRUPT_SLOTS 64

/* One asked-for interrupt. States of `owner`:
     FREE    -> CLAIMED  a sender, to fill the slot
     CLAIMED -> key      that sender, by release store: the slot is published
     key     -> CLAIMED  the handler on that thread, a sender that compares, or discard
     CLAIMED -> FREE     the handler or discard;  -> key: the sender that compared
   The fields are touched only in state CLAIMED by the one who made it so. Senders and discard exclude
   each other by the lock; the handler cannot take it, hence the states. */
typedef struct wippyi_interrupt_slot {
    wippyi_a64 owner;
    int signo;
    void (*fn)(void *cookie);
    void *cookie;
} wippyi_interrupt_slot;

enum { WIPPYI_INTERRUPT_FREE = 0, WIPPYI_INTERRUPT_CLAIMED = 1 };

typedef struct wippyi_interrupt_signal {
    wippyi_a32 signo;       /* 0 = unused; published by release after `before` */
    uint32_t count;         /* installations; guarded by the lock */
    bool covered;           /* somebody put a handler over ours, which so stays; guarded by the lock */
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

/* Take a slot from a state we expect it to be in. */
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
    explained = explained && info->si_code == SI_TKILL; /* else one of theirs came together with ours */
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

WIPPYI_FN void wippyi_interrupt_discard(void)
{
}

#endif

/* ---- poller ---- */

#if WIPPYI_OS_WINDOWS

WIPPYI_FN wippy_result wippyi_poller_create(wippyi_poller *p, struct wippyi_mem *mem)
{
    memset(p, 0, sizeof(*p));
    p->mem = mem;
    return WIPPY_ERR_UNSUPPORTED;
}

WIPPYI_FN void wippyi_poller_destroy(wippyi_poller *p)
{
    (void)p;
}

WIPPYI_FN wippy_result wippyi_poller_add(wippyi_poller *p, int fd, bool want_read, bool want_write,
                                         void *cookie)
{
    (void)p;
    (void)fd;
    (void)want_read;
    (void)want_write;
    (void)cookie;
    return WIPPY_ERR_UNSUPPORTED;
}

WIPPYI_FN bool wippyi_poller_remove(wippyi_poller *p, int fd, void *cookie)
{
    (void)p;
    (void)fd;
    (void)cookie;
    return false;
}

WIPPYI_FN size_t wippyi_poller_wait(wippyi_poller *p, wippyi_poll_event *events, size_t room,
                                    uint64_t timeout_ns)
{
    (void)p;
    (void)events;
    (void)room;
    (void)timeout_ns;
    return 0;
}

WIPPYI_FN void wippyi_poller_wake(wippyi_poller *p)
{
    (void)p;
}

#else

/* What the system reports about a descriptor, and what a watch makes of it. */
typedef struct wippyi_poll_state {
    bool readable;
    bool writable;
    bool error;
} wippyi_poll_state;

static void wippyi_watch_append(wippyi_watch **list, wippyi_watch *watch)
{
    while (*list != NULL) {
        list = &(*list)->next;
    }
    watch->next = NULL;
    *list = watch;
}

/* Take the watch with this descriptor and cookie out of a list; NULL when it is not there. */
static wippyi_watch *wippyi_watch_extract(wippyi_watch **list, int fd, const void *cookie)
{
    for (; *list != NULL; list = &(*list)->next) {
        wippyi_watch *watch = *list;
        if (watch->fd == fd && watch->cookie == cookie) {
            *list = watch->next;
            return watch;
        }
    }
    return NULL;
}

static bool wippyi_watch_has(const wippyi_watch *list, int fd, const void *cookie)
{
    for (; list != NULL; list = list->next) {
        if (list->fd == fd && list->cookie == cookie) {
            return true;
        }
    }
    return false;
}

static void wippyi_watch_free(wippyi_poller *p, wippyi_watch *watch)
{
    p->watch_count--;
    wippyi_mem_free(p->mem, watch, sizeof(*watch));
}

static void wippyi_watch_free_list(wippyi_poller *p, wippyi_watch *list)
{
    while (list != NULL) {
        wippyi_watch *next = list->next;
        wippyi_watch_free(p, list);
        list = next;
    }
}

static bool wippyi_watch_fires(const wippyi_watch *watch, const wippyi_poll_state *state)
{
    return (watch->want_read && state->readable) || (watch->want_write && state->writable) ||
           state->error;
}

/* Report a watch that is in no list any more, and free it. */
static void wippyi_watch_report(wippyi_poller *p, wippyi_watch *watch,
                                const wippyi_poll_state *state, wippyi_poll_event *event)
{
    event->cookie = watch->cookie;
    event->readable = watch->want_read && state->readable;
    event->writable = watch->want_write && state->writable;
    event->error = state->error;
    wippyi_watch_free(p, watch);
}

/* Report what fires of one descriptor's watches; those without room stay for the next wait. */
static size_t wippyi_poll_dispatch(wippyi_poller *p, wippyi_watch **list,
                                   const wippyi_poll_state *state, wippyi_poll_event *events,
                                   size_t room)
{
    size_t count = 0;
    while (*list != NULL && count < room) {
        wippyi_watch *watch = *list;
        if (wippyi_watch_fires(watch, state)) {
            *list = watch->next;
            wippyi_watch_report(p, watch, state, &events[count++]);
        } else {
            list = &watch->next;
        }
    }
    return count;
}

/* The watches that need no waiting. */
static size_t wippyi_poll_take_ready(wippyi_poller *p, wippyi_poll_event *events, size_t room)
{
    wippyi_poll_state state;
    state.readable = true;
    state.writable = true;
    state.error = false;
    wippyi_mutex_lock(&p->lock);
    size_t count = wippyi_poll_dispatch(p, &p->ready, &state, events, room);
    wippyi_mutex_unlock(&p->lock);
    return count;
}

/* Make the slot of a descriptor exist. Lock held. */
static bool wippyi_poll_reserve_slot(wippyi_poller *p, int fd)
{
    size_t needed = (size_t)fd + 1;
    if (needed <= p->slot_count) {
        return true;
    }
    size_t count = WIPPYI_MAX(needed, p->slot_count * 2);
    count = WIPPYI_MAX(count, 16u);
    wippyi_poll_slot *slots = (wippyi_poll_slot *)wippyi_mem_resize(
        p->mem, p->slots, p->slot_count * sizeof(*slots), count * sizeof(*slots));
    if (slots == NULL) {
        return false;
    }
    memset(slots + p->slot_count, 0, (count - p->slot_count) * sizeof(*slots));
    p->slots = slots;
    p->slot_count = count;
    return true;
}

/* Milliseconds for the system calls, rounded up so that a wait is never short; -1 = for ever. */
static int wippyi_poll_timeout_ms(uint64_t timeout_ns)
{
    if (timeout_ns == WIPPYI_FOREVER) {
        return -1;
    }
    uint64_t time_ms = timeout_ns / WIPPYI_MILLI_NS + (timeout_ns % WIPPYI_MILLI_NS != 0);
    return (int)WIPPYI_MIN(time_ms, (uint64_t)INT32_MAX);
}

/* Lock held. The descriptor never blocks; a full pipe is as good as one byte in it. */
static void wippyi_poll_wake_locked(wippyi_poller *p)
{
    uint64_t one = 1; /* an eventfd wants eight bytes, a pipe takes them */
    if (!p->woken) {
        p->woken = true;
        ssize_t written = write(p->wake_write, &one, sizeof(one));
        (void)written;
    }
}

/* Lock held. */
static void wippyi_poll_drain(wippyi_poller *p)
{
    uint64_t bytes = 0;
    ssize_t got = read(p->wake_read, &bytes, sizeof(bytes));
    (void)got;
    p->woken = false;
}

WIPPYI_FN void wippyi_poller_wake(wippyi_poller *p)
{
    wippyi_mutex_lock(&p->lock);
    wippyi_poll_wake_locked(p);
    wippyi_mutex_unlock(&p->lock);
}

#if WIPPYI_EPOLL

/* The event data of the wake descriptor; others have the descriptor in the low half and the slot's
   generation in the high half. */
#define WIPPYI_POLL_WAKE UINT64_MAX

static wippy_result wippyi_poll_open(wippyi_poller *p)
{
    struct epoll_event event;
    p->poll_fd = epoll_create1(EPOLL_CLOEXEC);
    p->wake_read = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    p->wake_write = p->wake_read;
    if (p->poll_fd < 0 || p->wake_read < 0) {
        return WIPPY_ERR_IO;
    }
    memset(&event, 0, sizeof(event));
    event.events = EPOLLIN;
    event.data.u64 = WIPPYI_POLL_WAKE;
    int failed = epoll_ctl(p->poll_fd, EPOLL_CTL_ADD, p->wake_read, &event);
    return failed == 0 ? WIPPY_OK : WIPPY_ERR_IO;
}

/* Tell epoll what the watches of a descriptor want together: one-shot, so a descriptor that nobody
   watches is silent though still known. Lock held. Returns 0 or an errno value. */
static int wippyi_poll_arm(wippyi_poller *p, int fd)
{
    wippyi_poll_slot *slot = &p->slots[fd];
    struct epoll_event event;
    memset(&event, 0, sizeof(event));
    event.data.u64 = (uint64_t)slot->generation << 32 | (uint32_t)fd;
    event.events = (uint32_t)EPOLLONESHOT;
    for (const wippyi_watch *watch = slot->first; watch != NULL; watch = watch->next) {
        event.events |= (watch->want_read ? (uint32_t)EPOLLIN : 0u) |
                        (watch->want_write ? (uint32_t)EPOLLOUT : 0u);
    }
    int verb = slot->registered ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
    int failed = epoll_ctl(p->poll_fd, verb, fd, &event);
    if (failed != 0 && verb == EPOLL_CTL_MOD && errno == ENOENT) {
        /* closed since, and the number is in use again */
        failed = epoll_ctl(p->poll_fd, EPOLL_CTL_ADD, fd, &event);
    }
    slot->registered = failed == 0;
    return failed == 0 ? 0 : errno;
}

static void wippyi_poll_disarm(wippyi_poller *p, int fd)
{
    struct epoll_event unused; /* kernels before 2.6.9 want the pointer */
    memset(&unused, 0, sizeof(unused));
    epoll_ctl(p->poll_fd, EPOLL_CTL_DEL, fd, &unused);
    p->slots[fd].registered = false;
}

static wippy_result wippyi_poll_reserve_scratch(wippyi_poller *p)
{
    (void)p;
    return WIPPY_OK;
}

/* Watches that were left over are armed again; when that fails they are reported as ready, so that
   whoever waits finds out by trying. Lock held. */
static void wippyi_poll_rearm(wippyi_poller *p, int fd)
{
    wippyi_poll_slot *slot = &p->slots[fd];
    if (slot->first != NULL && wippyi_poll_arm(p, fd) != 0) {
        wippyi_watch *list = slot->first;
        slot->first = NULL;
        while (list != NULL) {
            wippyi_watch *next = list->next;
            wippyi_watch_append(&p->ready, list);
            list = next;
        }
        wippyi_poll_wake_locked(p);
    }
}

static size_t wippyi_poll_handle(wippyi_poller *p, const struct epoll_event *event,
                                 wippyi_poll_event *events, size_t room)
{
    wippyi_poll_state state;
    if (event->data.u64 == WIPPYI_POLL_WAKE) {
        wippyi_poll_drain(p);
        return 0;
    }
    int fd = (int)(uint32_t)event->data.u64;
    if (p->slots[fd].generation != (uint32_t)(event->data.u64 >> 32)) {
        return 0; /* about a descriptor that was removed while the event was on its way to us */
    }
    state.readable = (event->events & (uint32_t)(EPOLLIN | EPOLLHUP)) != 0;
    state.writable = (event->events & (uint32_t)(EPOLLOUT | EPOLLHUP)) != 0;
    state.error = (event->events & (uint32_t)EPOLLERR) != 0;
    size_t count = wippyi_poll_dispatch(p, &p->slots[fd].first, &state, events, room);
    wippyi_poll_rearm(p, fd);
    return count;
}

static size_t wippyi_poll_wait(wippyi_poller *p, wippyi_poll_event *events, size_t room,
                               uint64_t timeout_ns)
{
    struct epoll_event found[64];
    size_t count = 0;
    int found_room = (int)WIPPYI_MIN(room, WIPPYI_COUNT(found));
    int n = epoll_wait(p->poll_fd, found, found_room, wippyi_poll_timeout_ms(timeout_ns));
    wippyi_mutex_lock(&p->lock);
    for (int i = 0; i < n; i++) {
        count += wippyi_poll_handle(p, &found[i], events + count, room - count);
    }
    wippyi_mutex_unlock(&p->lock);
    return count;
}

#else

static bool wippyi_poll_prepare_pipe(int fd)
{
    int flags = fcntl(fd, F_GETFL);
    return flags >= 0 && fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0 &&
           fcntl(fd, F_SETFD, FD_CLOEXEC) == 0;
}

static wippy_result wippyi_poll_open(wippyi_poller *p)
{
    int ends[2];
    if (pipe(ends) != 0) {
        return WIPPY_ERR_IO;
    }
    p->wake_read = ends[0];
    p->wake_write = ends[1];
    bool ready = wippyi_poll_prepare_pipe(ends[0]) && wippyi_poll_prepare_pipe(ends[1]);
    return ready ? WIPPY_OK : WIPPY_ERR_IO;
}

/* The waiter builds its array anew from the slots, so it only has to be told. Lock held. */
static int wippyi_poll_arm(wippyi_poller *p, int fd)
{
    (void)fd;
    wippyi_poll_wake_locked(p);
    return 0;
}

static void wippyi_poll_disarm(wippyi_poller *p, int fd)
{
    (void)p;
    (void)fd;
}

/* The waiter's array is in use while it sleeps, so room for one more descriptor is set aside here and
   taken over by its next wait: waiting needs no memory. Lock held. */
static wippy_result wippyi_poll_reserve_scratch(wippyi_poller *p)
{
    size_t needed = p->watch_count + 2; /* the new one and the wake pipe */
    if (needed <= WIPPYI_MAX(p->scratch_count, p->spare_count)) {
        return WIPPY_OK;
    }
    size_t count = needed * 2;
    void *spare = wippyi_mem_alloc(p->mem, count * sizeof(struct pollfd));
    if (spare == NULL) {
        return WIPPY_ERR_NOMEM;
    }
    wippyi_mem_free(p->mem, p->spare, p->spare_count * sizeof(struct pollfd));
    p->spare = spare;
    p->spare_count = count;
    return WIPPY_OK;
}

/* Lock held. */
static void wippyi_poll_adopt_spare(wippyi_poller *p)
{
    if (p->spare != NULL) {
        wippyi_mem_free(p->mem, p->scratch, p->scratch_count * sizeof(struct pollfd));
        p->scratch = p->spare;
        p->scratch_count = p->spare_count;
        p->spare = NULL;
        p->spare_count = 0;
    }
}

static short wippyi_poll_wants(const wippyi_watch *list)
{
    int wants = 0;
    for (; list != NULL; list = list->next) {
        wants |= (list->want_read ? POLLIN : 0) | (list->want_write ? POLLOUT : 0);
    }
    return (short)wants;
}

/* Fill the array from the slots. Lock held. */
static size_t wippyi_poll_collect(wippyi_poller *p, struct pollfd *set)
{
    size_t count = 0;
    for (size_t fd = 0; fd < p->slot_count; fd++) {
        if (p->slots[fd].first != NULL) {
            WIPPYI_ASSERT(count + 1 < p->scratch_count);
            p->slots[fd].polled = p->slots[fd].generation;
            set[count].fd = (int)fd;
            set[count].events = wippyi_poll_wants(p->slots[fd].first);
            set[count].revents = 0;
            count++;
        }
    }
    return count;
}

static size_t wippyi_poll_handle(wippyi_poller *p, const struct pollfd *found,
                                 wippyi_poll_event *events, size_t room)
{
    wippyi_poll_state state;
    wippyi_poll_slot *slot = &p->slots[found->fd];
    if (slot->generation != slot->polled) {
        return 0; /* about a descriptor that was removed while we slept */
    }
    state.readable = (found->revents & (POLLIN | POLLHUP)) != 0;
    state.writable = (found->revents & (POLLOUT | POLLHUP)) != 0;
    state.error = (found->revents & (POLLERR | POLLNVAL)) != 0;
    return wippyi_poll_dispatch(p, &slot->first, &state, events, room);
}

/* Entry 0 is the wake pipe. */
static size_t wippyi_poll_begin(wippyi_poller *p)
{
    struct pollfd *set;
    wippyi_mutex_lock(&p->lock);
    wippyi_poll_adopt_spare(p);
    set = (struct pollfd *)p->scratch;
    set[0].fd = p->wake_read;
    set[0].events = POLLIN;
    set[0].revents = 0;
    size_t count = wippyi_poll_collect(p, set + 1) + 1;
    wippyi_mutex_unlock(&p->lock);
    return count;
}

static size_t wippyi_poll_wait(wippyi_poller *p, wippyi_poll_event *events, size_t room,
                               uint64_t timeout_ns)
{
    size_t set_count = wippyi_poll_begin(p);
    struct pollfd *set = (struct pollfd *)p->scratch;
    size_t count = 0;
    if (poll(set, (nfds_t)set_count, wippyi_poll_timeout_ms(timeout_ns)) <= 0) {
        return 0;
    }
    wippyi_mutex_lock(&p->lock);
    if (set[0].revents != 0) {
        wippyi_poll_drain(p);
    }
    for (size_t i = 1; i < set_count; i++) {
        if (set[i].revents != 0) {
            count += wippyi_poll_handle(p, &set[i], events + count, room - count);
        }
    }
    wippyi_mutex_unlock(&p->lock);
    return count;
}

#endif

static void wippyi_poll_close(int fd)
{
    if (fd >= 0) {
        close(fd);
    }
}

static void wippyi_poller_close(wippyi_poller *p)
{
    wippyi_poll_close(p->poll_fd);
    wippyi_poll_close(p->wake_read);
    if (p->wake_write != p->wake_read) {
        wippyi_poll_close(p->wake_write);
    }
}

static wippy_result wippyi_poller_begin(wippyi_poller *p)
{
    wippy_result result = wippyi_poll_reserve_scratch(p);
    if (result == WIPPY_OK) {
        result = wippyi_poll_open(p);
    }
    if (result != WIPPY_OK) {
        wippyi_poller_close(p);
#if !WIPPYI_EPOLL
        wippyi_mem_free(p->mem, p->spare, p->spare_count * sizeof(struct pollfd));
#endif
    }
    return result;
}

WIPPYI_FN wippy_result wippyi_poller_create(wippyi_poller *p, struct wippyi_mem *mem)
{
    memset(p, 0, sizeof(*p));
    p->mem = mem;
    p->poll_fd = -1;
    p->wake_read = -1;
    p->wake_write = -1;
    wippy_result result = wippyi_mutex_init(&p->lock);
    if (result != WIPPY_OK) {
        return result;
    }
    result = wippyi_poller_begin(p);
    if (result != WIPPY_OK) {
        wippyi_mutex_destroy(&p->lock);
    }
    return result;
}

WIPPYI_FN void wippyi_poller_destroy(wippyi_poller *p)
{
    for (size_t i = 0; i < p->slot_count; i++) {
        wippyi_watch_free_list(p, p->slots[i].first);
    }
    wippyi_watch_free_list(p, p->ready);
    wippyi_mem_free(p->mem, p->slots, p->slot_count * sizeof(*p->slots));
#if !WIPPYI_EPOLL
    wippyi_mem_free(p->mem, p->scratch, p->scratch_count * sizeof(struct pollfd));
    wippyi_mem_free(p->mem, p->spare, p->spare_count * sizeof(struct pollfd));
#endif
    wippyi_poller_close(p);
    wippyi_mutex_destroy(&p->lock);
}

/* Give the watch to the system, or to the ready list when it cannot be waited for. Lock held. */
static wippy_result wippyi_poll_insert(wippyi_poller *p, wippyi_watch *watch)
{
    wippyi_poll_slot *slot = &p->slots[watch->fd];
    wippyi_watch_append(&slot->first, watch);
    int failed = wippyi_poll_arm(p, watch->fd);
    if (failed == 0) {
        return WIPPY_OK;
    }
    wippyi_watch_extract(&slot->first, watch->fd, watch->cookie);
    if (failed != EPERM) {
        return failed == ENOMEM || failed == ENOSPC ? WIPPY_ERR_NOMEM : WIPPY_ERR_IO;
    }
    wippyi_watch_append(&p->ready, watch);
    wippyi_poll_wake_locked(p);
    return WIPPY_OK;
}

/* Lock held. */
static wippy_result wippyi_poll_add(wippyi_poller *p, const wippyi_watch *wanted)
{
    if (!wippyi_poll_reserve_slot(p, wanted->fd) || wippyi_poll_reserve_scratch(p) != WIPPY_OK) {
        return WIPPY_ERR_NOMEM;
    }
    if (wippyi_watch_has(p->slots[wanted->fd].first, wanted->fd, wanted->cookie) ||
        wippyi_watch_has(p->ready, wanted->fd, wanted->cookie)) {
        return WIPPY_ERR_EXISTS;
    }
    wippyi_watch *watch = (wippyi_watch *)wippyi_mem_alloc(p->mem, sizeof(*watch));
    if (watch == NULL) {
        return WIPPY_ERR_NOMEM;
    }
    *watch = *wanted;
    p->watch_count++;
    wippy_result result = wippyi_poll_insert(p, watch);
    if (result != WIPPY_OK) {
        wippyi_watch_free(p, watch);
    }
    return result;
}

WIPPYI_FN wippy_result wippyi_poller_add(wippyi_poller *p, int fd, bool want_read, bool want_write,
                                         void *cookie)
{
    wippyi_watch wanted;
    if (fd < 0 || (!want_read && !want_write) || fcntl(fd, F_GETFD) < 0) {
        return WIPPY_ERR_INVALID;
    }
    memset(&wanted, 0, sizeof(wanted));
    wanted.fd = fd;
    wanted.cookie = cookie;
    wanted.want_read = want_read;
    wanted.want_write = want_write;
    wippyi_mutex_lock(&p->lock);
    wippy_result result = wippyi_poll_add(p, &wanted);
    wippyi_mutex_unlock(&p->lock);
    return result;
}

/* Lock held. */
static wippyi_watch *wippyi_poll_remove(wippyi_poller *p, int fd, const void *cookie)
{
    if (fd < 0 || (size_t)fd >= p->slot_count) {
        return NULL;
    }
    wippyi_watch *watch = wippyi_watch_extract(&p->slots[fd].first, fd, cookie);
    if (watch == NULL) {
        return wippyi_watch_extract(&p->ready, fd, cookie);
    }
    if (p->slots[fd].first == NULL) {
        p->slots[fd].generation++; /* the number may mean another file soon */
        wippyi_poll_disarm(p, fd);
    }
    return watch;
}

WIPPYI_FN bool wippyi_poller_remove(wippyi_poller *p, int fd, void *cookie)
{
    wippyi_mutex_lock(&p->lock);
    wippyi_watch *watch = wippyi_poll_remove(p, fd, cookie);
    if (watch != NULL) {
        wippyi_watch_free(p, watch);
    }
    wippyi_mutex_unlock(&p->lock);
    return watch != NULL;
}

WIPPYI_FN size_t wippyi_poller_wait(wippyi_poller *p, wippyi_poll_event *events, size_t room,
                                    uint64_t timeout_ns)
{
    WIPPYI_ASSERT(room > 0);
    size_t count = wippyi_poll_take_ready(p, events, room);
    if (count == room) {
        return count;
    }
    /* with something in hand only look; a stream of ready ones must not hide the others */
    return count + wippyi_poll_wait(p, events + count, room - count, count > 0 ? 0 : timeout_ns);
}

#endif

/* ---- files and directories ---- */

/* Text copy that ends with NUL and, when cut, with the end of the text: that part of a path tells. */
static void wippyi_diag_copy(char *out, size_t room, const char *text)
{
    size_t size = strlen(text);
    if (size >= room) {
        text += size - (room - 1);
        size = room - 1;
    }
    memcpy(out, text, size);
    out[size] = '\0';
}

static void wippyi_diag_append(wippy_diag *diag, const char *text)
{
    size_t used = strlen(diag->message);
    wippyi_diag_copy(diag->message + used, sizeof(diag->message) - used, text);
}

/* Fill a diagnostic: "cannot <verb>: <reason>". */
static wippy_result wippyi_file_fail(wippy_diag *diag, wippy_result code, const char *verb,
                                     const char *path, const char *reason)
{
    if (diag != NULL) {
        memset(diag, 0, sizeof(*diag));
        diag->code = code;
        wippyi_diag_copy(diag->file, sizeof(diag->file), path);
        wippyi_diag_append(diag, "cannot ");
        wippyi_diag_append(diag, verb);
        wippyi_diag_append(diag, ": ");
        wippyi_diag_append(diag, reason);
    }
    return code;
}

typedef struct wippyi_file_error {
    long number;
    wippy_result code;
    const char *reason;
} wippyi_file_error;

/* Own texts: strerror is not thread safe, and its safe relatives differ between systems. */
static const wippyi_file_error wippyi_file_errors[] = {
#if WIPPYI_OS_WINDOWS
    {ERROR_FILE_NOT_FOUND, WIPPY_ERR_NOTFOUND, "no such file or directory"},
    {ERROR_PATH_NOT_FOUND, WIPPY_ERR_NOTFOUND, "no such file or directory"},
    {ERROR_INVALID_NAME, WIPPY_ERR_NOTFOUND, "not a file name"},
    {ERROR_ACCESS_DENIED, WIPPY_ERR_DENIED, "permission denied, or a directory"},
    {ERROR_SHARING_VIOLATION, WIPPY_ERR_BUSY, "in use by another program"},
    {ERROR_DIRECTORY, WIPPY_ERR_IO, "not a directory"},
    {ERROR_TOO_MANY_OPEN_FILES, WIPPY_ERR_IO, "too many open files"},
    {ERROR_NOT_ENOUGH_MEMORY, WIPPY_ERR_NOMEM, "out of memory"},
#else
    {ENOENT, WIPPY_ERR_NOTFOUND, "no such file or directory"},
    {ENOTDIR, WIPPY_ERR_NOTFOUND, "a part of the path is not a directory"},
    {EACCES, WIPPY_ERR_DENIED, "permission denied"},
    {EPERM, WIPPY_ERR_DENIED, "operation not permitted"},
    {EISDIR, WIPPY_ERR_IO, "it is a directory"},
    {ELOOP, WIPPY_ERR_IO, "too many symbolic links"},
    {ENAMETOOLONG, WIPPY_ERR_IO, "the path is too long"},
    {EMFILE, WIPPY_ERR_IO, "too many open files in this program"},
    {ENFILE, WIPPY_ERR_IO, "too many open files in the system"},
    {EIO, WIPPY_ERR_IO, "input/output error of the device"},
    {ENOMEM, WIPPY_ERR_NOMEM, "out of memory"},
#endif
};

/* Decimal digits of an error number; text has room for 24. */
static void wippyi_error_number(char *text, long number)
{
    char digits[24];
    size_t count = 0;
    memcpy(text, "error ", 6);
    do {
        digits[count++] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0 && count < 12);
    for (size_t i = 0; i < count; i++) {
        text[6 + i] = digits[count - 1 - i];
    }
    text[6 + count] = '\0';
}

static wippy_result wippyi_file_fail_number(wippy_diag *diag, const char *verb, const char *path,
                                            long number)
{
    char reason[24];
    for (size_t i = 0; i < WIPPYI_COUNT(wippyi_file_errors); i++) {
        const wippyi_file_error *error = &wippyi_file_errors[i];
        if (error->number == number) {
            return wippyi_file_fail(diag, error->code, verb, path, error->reason);
        }
    }
    wippyi_error_number(reason, number);
    return wippyi_file_fail(diag, WIPPY_ERR_IO, verb, path, reason);
}

/* A file being read: the bytes so far and the room for them. */
typedef struct wippyi_file_buffer {
    struct wippyi_mem *mem;
    char *bytes;
    size_t size;
    size_t room;
    size_t limit; /* bytes a file may have */
} wippyi_file_buffer;

/* Ends with `room` exactly: callers free size + 1. */
static wippy_result wippyi_file_resize(wippyi_file_buffer *b, size_t room)
{
    if (room != b->room) {
        char *bytes = (char *)wippyi_mem_resize(b->mem, b->bytes, b->room, room);
        if (bytes == NULL) {
            return WIPPY_ERR_NOMEM;
        }
        b->bytes = bytes;
        b->room = room;
    }
    return WIPPY_OK;
}

/* One byte more than the limit is read at most: it tells that there is more. */
static wippy_result wippyi_file_grow(wippyi_file_buffer *b)
{
    size_t most = b->limit < SIZE_MAX - 1 ? b->limit + 1 : SIZE_MAX - 1;
    size_t room = b->room < most / 2 ? b->room * 2 : most;
    room = WIPPYI_MIN(WIPPYI_MAX(room, 4096u), most);
    return room > b->room ? wippyi_file_resize(b, room) : WIPPY_ERR_LIMIT;
}

#if WIPPYI_OS_WINDOWS

/* Files are opened by UTF-16 names. NULL: out of memory or not UTF-8; *size is in bytes. */
static wchar_t *wippyi_wide_path(struct wippyi_mem *mem, const char *path, const char *suffix,
                                 size_t *size)
{
    int path_count = MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, path, -1, NULL, 0);
    if (path_count <= 0) {
        return NULL;
    }
    size_t suffix_count = strlen(suffix);
    *size = ((size_t)path_count + suffix_count) * sizeof(wchar_t);
    wchar_t *wide = (wchar_t *)wippyi_mem_alloc(mem, *size);
    if (wide == NULL) {
        return NULL;
    }
    MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, path, -1, wide, path_count);
    for (size_t i = 0; i <= suffix_count; i++) {
        wide[(size_t)path_count - 1 + i] = (wchar_t)suffix[i];
    }
    return wide;
}

static long wippyi_file_load(HANDLE file, wippyi_file_buffer *b, wippy_result *result)
{
    for (;;) {
        DWORD got = 0;
        if (b->size == b->room) {
            *result = wippyi_file_grow(b);
            if (*result != WIPPY_OK) {
                return 0;
            }
        }
        DWORD wanted = (DWORD)WIPPYI_MIN(b->room - b->size, (size_t)0x40000000);
        if (!ReadFile(file, b->bytes + b->size, wanted, &got, NULL)) {
            return (long)GetLastError();
        }
        if (got == 0) {
            return 0;
        }
        b->size += got;
    }
}

/* Returns an error number of the system, or 0 with *result. */
static long wippyi_file_fetch(const char *path, wippyi_file_buffer *b, wippy_result *result)
{
    size_t wide_size = 0;
    wchar_t *wide = wippyi_wide_path(b->mem, path, "", &wide_size);
    if (wide == NULL) {
        return ERROR_NOT_ENOUGH_MEMORY;
    }
    HANDLE file = CreateFileW(wide, GENERIC_READ, FILE_SHARE_READ | FILE_SHARE_DELETE, NULL,
                              OPEN_EXISTING, FILE_ATTRIBUTE_NORMAL, NULL);
    long failed = file == INVALID_HANDLE_VALUE ? (long)GetLastError() : 0;
    wippyi_mem_free(b->mem, wide, wide_size);
    if (failed == 0) {
        failed = wippyi_file_load(file, b, result);
        CloseHandle(file);
    }
    return failed;
}

#else

static int wippyi_file_open(const char *path, int flags)
{
    int fd;
    do {
        fd = open(path, flags | O_RDONLY | O_CLOEXEC);
    } while (fd < 0 && errno == EINTR);
    return fd;
}

/* Read to the end; the size that fstat tells is only a first guess (pipes, /proc, growing files).
   Returns an error number of the system, or 0 with *result. */
static long wippyi_file_load(int fd, wippyi_file_buffer *b, wippy_result *result)
{
    for (;;) {
        if (b->size == b->room) {
            *result = wippyi_file_grow(b);
            if (*result != WIPPY_OK) {
                return 0;
            }
        }
        ssize_t got = read(fd, b->bytes + b->size, b->room - b->size);
        if (got == 0) {
            return 0;
        }
        if (got > 0) {
            b->size += (size_t)got;
        } else if (errno != EINTR) {
            return errno;
        }
    }
}

static void wippyi_file_guess(int fd, wippyi_file_buffer *b, wippy_result *result)
{
    struct stat info;
    if (fstat(fd, &info) == 0 && S_ISREG(info.st_mode) && info.st_size >= 0) {
        uint64_t size = (uint64_t)info.st_size;
        if (size > b->limit) {
            *result = WIPPY_ERR_LIMIT;
        } else if (size < SIZE_MAX / 2) {
            *result = wippyi_file_resize(b, (size_t)size + 1);
        }
    }
}

static long wippyi_file_fetch(const char *path, wippyi_file_buffer *b, wippy_result *result)
{
    int fd = wippyi_file_open(path, 0);
    if (fd < 0) {
        return errno;
    }
    long failed = 0;
    wippyi_file_guess(fd, b, result);
    if (*result == WIPPY_OK) {
        failed = wippyi_file_load(fd, b, result);
    }
    close(fd);
    return failed;
}

#endif

static wippy_result wippyi_file_finish(wippyi_file_buffer *b)
{
    if (b->size > b->limit) {
        return WIPPY_ERR_LIMIT;
    }
    wippy_result result = wippyi_file_resize(b, b->size + 1);
    if (result == WIPPY_OK) {
        b->bytes[b->size] = '\0';
    }
    return result;
}

WIPPYI_FN wippy_result wippyi_file_read(struct wippyi_mem *mem, const char *path, size_t max_bytes,
                                        char **out, size_t *out_size, wippy_diag *diag)
{
    wippyi_file_buffer b;
    wippy_result result = WIPPY_OK;
    memset(&b, 0, sizeof(b));
    b.mem = mem;
    b.limit = max_bytes;
    long failed = wippyi_file_fetch(path, &b, &result);
    if (failed == 0 && result == WIPPY_OK) {
        result = wippyi_file_finish(&b);
    }
    if (failed == 0 && result == WIPPY_OK) {
        *out = b.bytes;
        *out_size = b.size;
        return WIPPY_OK;
    }
    wippyi_mem_free(mem, b.bytes, b.room);
    if (failed != 0) {
        return wippyi_file_fail_number(diag, "read the file", path, failed);
    }
    return wippyi_file_fail(diag, result, "read the file", path,
                            result == WIPPY_ERR_LIMIT ? "it is larger than allowed"
                                                      : "out of memory");
}

/* ---- directories ---- */

static bool wippyi_dir_reserve(struct wippyi_mem *mem, wippyi_dir *dir)
{
    if (dir->count < dir->room) {
        return true;
    }
    size_t room = dir->room > 0 ? dir->room * 2 : 16;
    wippyi_dir_entry *entries = (wippyi_dir_entry *)wippyi_mem_resize(
        mem, dir->entries, dir->room * sizeof(*entries), room * sizeof(*entries));
    if (entries == NULL) {
        return false;
    }
    dir->entries = entries;
    dir->room = room;
    return true;
}

/* Where a name belongs. */
static size_t wippyi_dir_place(const wippyi_dir *dir, const char *name)
{
    size_t low = 0;
    size_t high = dir->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(dir->entries[middle].name, name) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* Insert in order: the C library's sort may allocate behind our back. */
static bool wippyi_dir_add(struct wippyi_mem *mem, wippyi_dir *dir, const char *name, bool is_dir)
{
    if (!wippyi_dir_reserve(mem, dir)) {
        return false;
    }
    size_t size = strlen(name);
    char *copy = (char *)wippyi_mem_alloc(mem, size + 1);
    if (copy == NULL) {
        return false;
    }
    memcpy(copy, name, size + 1);
    size_t place = wippyi_dir_place(dir, name);
    memmove(dir->entries + place + 1, dir->entries + place,
            (dir->count - place) * sizeof(*dir->entries));
    dir->entries[place].name = copy;
    dir->entries[place].name_size = size;
    dir->entries[place].is_dir = is_dir;
    dir->count++;
    return true;
}

static bool wippyi_dir_is_dots(const char *name)
{
    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

WIPPYI_FN void wippyi_dir_free(struct wippyi_mem *mem, wippyi_dir *dir)
{
    for (size_t i = 0; i < dir->count; i++) {
        wippyi_mem_free(mem, dir->entries[i].name, dir->entries[i].name_size + 1);
    }
    wippyi_mem_free(mem, dir->entries, dir->room * sizeof(*dir->entries));
    memset(dir, 0, sizeof(*dir));
}

#if WIPPYI_OS_WINDOWS

static long wippyi_dir_load(struct wippyi_mem *mem, const char *path, wippyi_dir *dir)
{
    WIN32_FIND_DATAW found;
    size_t wide_size = 0;
    long failed = 0;
    wchar_t *wide = wippyi_wide_path(mem, path, "\\*", &wide_size);
    if (wide == NULL) {
        return ERROR_NOT_ENOUGH_MEMORY;
    }
    HANDLE search = FindFirstFileW(wide, &found);
    failed = search == INVALID_HANDLE_VALUE ? (long)GetLastError() : 0;
    wippyi_mem_free(mem, wide, wide_size);
    while (failed == 0) {
        char name[MAX_PATH * 3 + 1];
        bool is_dir = (found.dwFileAttributes & FILE_ATTRIBUTE_DIRECTORY) != 0;
        WideCharToMultiByte(CP_UTF8, 0, found.cFileName, -1, name, (int)sizeof(name), NULL, NULL);
        if (!wippyi_dir_is_dots(name) && !wippyi_dir_add(mem, dir, name, is_dir)) {
            failed = ERROR_NOT_ENOUGH_MEMORY;
        } else if (!FindNextFileW(search, &found)) {
            failed = (long)GetLastError();
        }
    }
    if (search != INVALID_HANDLE_VALUE) {
        FindClose(search);
    }
    return failed == ERROR_NO_MORE_FILES ? 0 : failed;
}

WIPPYI_FN wippyi_path_kind wippyi_path_look(const char *path)
{
    wchar_t wide[MAX_PATH + 1];
    if (MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, path, -1, wide, MAX_PATH + 1) <= 0) {
        return WIPPYI_PATH_NONE;
    }
    DWORD attributes = GetFileAttributesW(wide);
    if (attributes == INVALID_FILE_ATTRIBUTES) {
        return WIPPYI_PATH_NONE;
    }
    return (attributes & FILE_ATTRIBUTE_DIRECTORY) != 0 ? WIPPYI_PATH_DIR : WIPPYI_PATH_FILE;
}

#else

static long wippyi_dir_load(struct wippyi_mem *mem, const char *path, wippyi_dir *dir)
{
    DIR *stream = opendir(path);
    long failed = stream == NULL ? errno : 0;
    while (failed == 0) {
        struct stat info;
        errno = 0;
        const struct dirent *found = readdir(stream);
        if (found == NULL) {
            failed = errno;
            break;
        }
        bool is_dir = fstatat(dirfd(stream), found->d_name, &info, 0) == 0 && S_ISDIR(info.st_mode);
        if (!wippyi_dir_is_dots(found->d_name) &&
            !wippyi_dir_add(mem, dir, found->d_name, is_dir)) {
            failed = ENOMEM;
        }
    }
    if (stream != NULL) {
        closedir(stream);
    }
    return failed;
}

WIPPYI_FN wippyi_path_kind wippyi_path_look(const char *path)
{
    struct stat info;
    if (stat(path, &info) != 0) {
        return WIPPYI_PATH_NONE;
    }
    return S_ISDIR(info.st_mode) ? WIPPYI_PATH_DIR : WIPPYI_PATH_FILE;
}

#endif

WIPPYI_FN wippy_result wippyi_dir_read(struct wippyi_mem *mem, const char *path, wippyi_dir *out,
                                       wippy_diag *diag)
{
    memset(out, 0, sizeof(*out));
    long failed = wippyi_dir_load(mem, path, out);
    if (failed == 0) {
        return WIPPY_OK;
    }
    wippyi_dir_free(mem, out);
    return wippyi_file_fail_number(diag, "list the directory", path, failed);
}

/* ---- paths ---- */

static bool wippyi_path_is_separator(char c)
{
    return c == '/' || (WIPPYI_OS_WINDOWS && c == '\\');
}

/* A colon names a drive or a stream of a file on Windows: neither stays below a root. */
static bool wippyi_path_is_absolute(const char *path)
{
    return wippyi_path_is_separator(path[0]) || (WIPPYI_OS_WINDOWS && strchr(path, ':') != NULL);
}

/* Drop the last part of out[floor..size); false when there is none. */
static bool wippyi_path_up(const char *out, size_t floor, size_t *size)
{
    if (*size == floor) {
        return false;
    }
    while (*size > floor && out[*size - 1] != '/') {
        (*size)--;
    }
    if (*size > floor) {
        (*size)--; /* the separator before the part */
    }
    return true;
}

/* Append "/part", or "part" at the very beginning of a relative result. */
static bool wippyi_path_append(char *out, size_t room, size_t *size, const char *part, size_t count)
{
    size_t separator = *size > 0 && out[*size - 1] != '/' ? 1 : 0;
    if (room - *size <= count + separator) {
        return false;
    }
    if (separator != 0) {
        out[(*size)++] = '/';
    }
    memcpy(out + *size, part, count);
    *size += count;
    return true;
}

static wippy_result wippyi_path_parts(char *out, size_t room, size_t *size, const char *relative)
{
    size_t floor = *size;
    while (*relative != '\0') {
        size_t count = 0;
        while (relative[count] != '\0' && !wippyi_path_is_separator(relative[count])) {
            count++;
        }
        if (count == 2 && relative[0] == '.' && relative[1] == '.') {
            if (!wippyi_path_up(out, floor, size)) {
                return WIPPY_ERR_DENIED;
            }
        } else if (count > 0 && !(count == 1 && relative[0] == '.')) {
            if (!wippyi_path_append(out, room, size, relative, count)) {
                return WIPPY_ERR_LIMIT;
            }
        }
        relative += count;
        relative += *relative != '\0' ? 1 : 0;
    }
    return WIPPY_OK;
}

WIPPYI_FN wippy_result wippyi_path_join(char *out, size_t room, const char *root,
                                        const char *relative)
{
    size_t size = 0;
    WIPPYI_ASSERT(room > 0);
    out[0] = '\0';
    if (wippyi_path_is_absolute(relative)) {
        return WIPPY_ERR_DENIED;
    }
    if (root[0] != '\0' && !wippyi_path_append(out, room, &size, root, strlen(root))) {
        out[0] = '\0';
        return WIPPY_ERR_LIMIT;
    }
    wippy_result result = wippyi_path_parts(out, room, &size, relative);
    out[result == WIPPY_OK ? size : 0] = '\0';
    return result;
}
