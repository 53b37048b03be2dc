/* The calls to the system that tests/faults makes fail: linked with --wrap=NAME for each, so calls from
   the library come here first. Thread safe. Descriptors 0 to 2, and everything while nothing is armed,
   pass. */
#define _GNU_SOURCE
#include "faults.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static struct {
    int kind; /* -1 = nothing */
    uint64_t fail_at;
    bool for_ever;
    uint64_t asked;
    uint64_t refused;
} armed = {-1, 0, false, 0, 0};

void fault_system_arm(fault_kind kind, uint64_t n, bool for_ever)
{
    TEST_ATOMIC_STORE(&armed.kind, -1);
    TEST_ATOMIC_STORE(&armed.asked, (uint64_t)0);
    TEST_ATOMIC_STORE(&armed.refused, (uint64_t)0);
    armed.fail_at = n;
    armed.for_ever = for_ever;
    TEST_ATOMIC_STORE(&armed.kind, (int)kind);
}

uint64_t fault_system_asked(void)
{
    return TEST_ATOMIC_LOAD(&armed.asked);
}

uint64_t fault_system_refused(void)
{
    return TEST_ATOMIC_LOAD(&armed.refused);
}

/* Is this the call that fails? Sets errno then. */
static bool fails(fault_kind kind, int error)
{
    if (TEST_ATOMIC_LOAD(&armed.kind) != (int)kind) {
        return false;
    }
    uint64_t number = TEST_ATOMIC_ADD(&armed.asked, (uint64_t)1) + 1;
    if (armed.fail_at == 0 || number < armed.fail_at ||
        (number > armed.fail_at && !armed.for_ever)) {
        return false;
    }
    TEST_ATOMIC_ADD(&armed.refused, (uint64_t)1);
    errno = error;
    return true;
}

#define WRAP(type, name, args) \
    type __real_##name args;   \
    type __wrap_##name args;   \
    type __wrap_##name args

WRAP(int, pthread_create,
     (pthread_t * thread, const pthread_attr_t *attr, void *(*fn)(void *), void *arg))
{
    return fails(FAULT_THREAD, EAGAIN) ? EAGAIN : __real_pthread_create(thread, attr, fn, arg);
}

WRAP(int, pthread_mutex_init, (pthread_mutex_t * mutex, const pthread_mutexattr_t *attributes))
{
    return fails(FAULT_LOCK, ENOMEM) ? ENOMEM : __real_pthread_mutex_init(mutex, attributes);
}

WRAP(int, pthread_cond_init, (pthread_cond_t * cond, const pthread_condattr_t *attributes))
{
    return fails(FAULT_LOCK, ENOMEM) ? ENOMEM : __real_pthread_cond_init(cond, attributes);
}

WRAP(int, pthread_condattr_init, (pthread_condattr_t * attributes))
{
    return fails(FAULT_LOCK, ENOMEM) ? ENOMEM : __real_pthread_condattr_init(attributes);
}

int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...)
{
    va_list args;
    va_start(args, flags);
    int mode = flags & O_CREAT ? va_arg(args, int) : 0;
    va_end(args);
    return fails(FAULT_OPEN, EMFILE) ? -1 : __real_open(path, flags, mode);
}

WRAP(FILE *, fopen, (const char *path, const char *mode))
{
    return fails(FAULT_OPEN, EMFILE) ? NULL : __real_fopen(path, mode);
}

static bool is_file(int fd)
{
    return fd > 2 && lseek(fd, 0, SEEK_CUR) >= 0;
}

WRAP(ssize_t, read, (int fd, void *data, size_t size))
{
    return is_file(fd) && fails(FAULT_READ, EIO) ? -1 : __real_read(fd, data, size);
}

WRAP(ssize_t, write, (int fd, const void *data, size_t size))
{
    return is_file(fd) && fails(FAULT_WRITE, ENOSPC) ? -1 : __real_write(fd, data, size);
}

WRAP(size_t, fwrite, (const void *data, size_t size, size_t count, FILE *file))
{
    bool own = file == stdout || file == stderr;
    return !own && fails(FAULT_WRITE, ENOSPC) ? 0 : __real_fwrite(data, size, count, file);
}

WRAP(int, rename, (const char *from, const char *to))
{
    return fails(FAULT_RENAME, EACCES) ? -1 : __real_rename(from, to);
}

WRAP(DIR *, opendir, (const char *path))
{
    return fails(FAULT_LIST, EACCES) ? NULL : __real_opendir(path);
}

WRAP(struct dirent *, readdir, (DIR * stream))
{
    return fails(FAULT_LIST, EIO) ? NULL : __real_readdir(stream);
}

WRAP(int, fstat, (int fd, struct stat *info))
{
    return fails(FAULT_STAT, EIO) ? -1 : __real_fstat(fd, info);
}

WRAP(int, stat, (const char *path, struct stat *info))
{
    return fails(FAULT_STAT, EACCES) ? -1 : __real_stat(path, info);
}

WRAP(int, fstatat, (int fd, const char *path, struct stat *info, int flags))
{
    return fails(FAULT_STAT, EIO) ? -1 : __real_fstatat(fd, path, info, flags);
}

WRAP(int, epoll_create1, (int flags))
{
    return fails(FAULT_POLL, EMFILE) ? -1 : __real_epoll_create1(flags);
}

WRAP(int, eventfd, (unsigned count, int flags))
{
    return fails(FAULT_POLL, EMFILE) ? -1 : __real_eventfd(count, flags);
}

WRAP(int, epoll_ctl, (int poll_fd, int op, int fd, struct epoll_event *event))
{
    /* Taking a descriptor out does not fail for want of anything. */
    bool takes = op != EPOLL_CTL_DEL;
    return takes && fails(FAULT_POLL, ENOSPC) ? -1 : __real_epoll_ctl(poll_fd, op, fd, event);
}

WRAP(int, pipe, (int ends[2]))
{
    return fails(FAULT_POLL, EMFILE) ? -1 : __real_pipe(ends);
}

/* ---- the clock ---- */

static struct {
    int64_t base_ns; /* real time at which rate began to count */
    int64_t at_ns;   /* what the clock said then */
    int rate_percent;
    int64_t wall_ns;
} clocks = {0, 0, 100, 0};
static unsigned clock_lock;

int __real_clock_gettime(clockid_t clock, struct timespec *out);
int __wrap_clock_gettime(clockid_t clock, struct timespec *out);

static int64_t real_ns(clockid_t clock)
{
    struct timespec now;
    __real_clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static int64_t bent_ns(int64_t real)
{
    if (clocks.base_ns == 0) {
        return real;
    }
    return clocks.at_ns + (real - clocks.base_ns) / 100 * clocks.rate_percent;
}

static void lock_clock(void)
{
    while (__atomic_exchange_n(&clock_lock, 1u, __ATOMIC_ACQUIRE) != 0) {
    }
}

void fault_clock(int64_t offset_ns, int rate_percent, int64_t wall_ns)
{
    lock_clock();
    int64_t real = real_ns(CLOCK_MONOTONIC);
    clocks.at_ns = bent_ns(real) + offset_ns;
    clocks.base_ns = real;
    clocks.rate_percent = rate_percent;
    clocks.wall_ns = wall_ns;
    __atomic_store_n(&clock_lock, 0u, __ATOMIC_RELEASE);
}

void fault_clock_reset(void)
{
    lock_clock();
    clocks.base_ns = 0;
    clocks.rate_percent = 100;
    clocks.wall_ns = 0;
    __atomic_store_n(&clock_lock, 0u, __ATOMIC_RELEASE);
}

uint64_t fault_real_ms(void)
{
    return (uint64_t)real_ns(CLOCK_MONOTONIC) / 1000000u;
}

bool fault_clock_stands(void)
{
    return clocks.base_ns != 0 && clocks.rate_percent == 0;
}

/* The kernel's clock is not bent: a time by ours as a time by its. False: ours stands still before it. */
static bool unbend(const struct timespec *ours, struct timespec *real)
{
    lock_clock();
    int64_t now = real_ns(CLOCK_MONOTONIC);
    int64_t left = (int64_t)ours->tv_sec * 1000000000 + ours->tv_nsec - bent_ns(now);
    int rate = clocks.base_ns != 0 ? clocks.rate_percent : 100;
    __atomic_store_n(&clock_lock, 0u, __ATOMIC_RELEASE);
    bool comes = rate > 0 || left <= 0;
    /* Looks again soon in any case: the clock may be set meanwhile. */
    int64_t wait = left <= 0 ? 0 : !comes || left > 20000000 ? 20000000 : left;
    real->tv_sec = (time_t)((now + wait) / 1000000000);
    real->tv_nsec = (long)((now + wait) % 1000000000);
    return comes && left <= 20000000;
}

WRAP(int, pthread_cond_timedwait,
     (pthread_cond_t * cond, pthread_mutex_t *mutex, const struct timespec *end))
{
    struct timespec real;
    if (clocks.base_ns == 0) {
        return __real_pthread_cond_timedwait(cond, mutex, end);
    }
    bool comes = unbend(end, &real);
    int result = __real_pthread_cond_timedwait(cond, mutex, &real);
    return result == ETIMEDOUT && !comes ? 0 : result; /* woken for no reason */
}

long __real_syscall(long number, ...);
long __wrap_syscall(long number, ...);
long __wrap_syscall(long number, ...)
{
    long a[6];
    va_list args;
    va_start(args, number);
    for (int i = 0; i < 6; i++) {
        a[i] = va_arg(args, long);
    }
    va_end(args);
    struct timespec real;
    bool waits = number == SYS_futex && a[1] == (9 | 128) && a[3] != 0 && clocks.base_ns != 0;
    if (!waits) {
        return __real_syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]);
    }
    bool comes = unbend((const struct timespec *)a[3], &real);
    long failed = __real_syscall(number, a[0], a[1], a[2], (long)&real, a[4], a[5]);
    if (failed != 0 && errno == ETIMEDOUT && !comes) {
        errno = EINTR;
    }
    return failed;
}

int __wrap_clock_gettime(clockid_t clock, struct timespec *out)
{
    int64_t now;
    if (clock != CLOCK_MONOTONIC && clock != CLOCK_REALTIME) {
        return __real_clock_gettime(clock, out);
    }
    lock_clock();
    now = real_ns(clock);
    now = clock == CLOCK_MONOTONIC ? bent_ns(now) : now + clocks.wall_ns;
    __atomic_store_n(&clock_lock, 0u, __ATOMIC_RELEASE);
    out->tv_sec = (time_t)(now / 1000000000);
    out->tv_nsec = (long)(now % 1000000000);
    return 0;
}
