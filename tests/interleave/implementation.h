/* The whole implementation from src/, over the explorer: the operating system's locks, conditions,
   futexes, clocks and threads are replaced by name, so the bodies of src/platform.c are explored too.
   implementation_list.h is made from src/modules when the programs are built. */
#ifndef EXPLORE_IMPLEMENTATION_H
#define EXPLORE_IMPLEMENTATION_H

#define WIPPYI_EXPLORE
#define WIPPY_STATIC
#define WIPPY_PARANOID
#define WIPPY_ASSERT(x) \
    ((x) ? (void)0 : explore_fail("assert at %s:%d: %s", __FILE__, __LINE__, #x))
#define WIPPY_UNREACHABLE() explore_fail("reached %s:%d", __FILE__, __LINE__)

#include "explore.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <math.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define pthread_mutex_init(m, a)        ((void)(m), 0)
#define pthread_mutex_destroy(m)        ((void)(m), 0)
#define pthread_mutex_lock(m)           explore_mutex_lock(m)
#define pthread_mutex_trylock(m)        explore_mutex_trylock(m)
#define pthread_mutex_unlock(m)         explore_mutex_unlock(m)
#define pthread_cond_init(c, a)         ((void)(c), (void)(a), 0)
#define pthread_cond_destroy(c)         ((void)(c), 0)
#define pthread_cond_wait(c, m)         explore_cond_wait(c, m)
#define pthread_cond_timedwait(c, m, t) explore_cond_timedwait(c, m, t)
#define pthread_cond_signal(c)          explore_cond_wake(c, false)
#define pthread_cond_broadcast(c)       explore_cond_wake(c, true)
#define pthread_create(t, a, f, p)      explore_create(t, a, f, p)
#define pthread_join(t, r)              explore_join(t, r)
#define pthread_self()                  explore_pthread_self()
#define pthread_kill(t, s)              ((void)(t), 0)
#define pthread_sigmask(h, s, o)        ((void)(s), (void)(o), 0)
#define prctl(...)                      (0)
#define sched_yield()                   explore_spin()
#define clock_gettime(c, t)             explore_clock(c, t)
#define syscall(...)                    explore_syscall(__VA_ARGS__)
#define memcpy(t, f, n)                 explore_memcpy(t, f, n)
#define memmove(t, f, n)                explore_memmove(t, f, n)
#define memset(t, v, n)                 explore_memset(t, v, n)

#if defined(__clang__)
#pragma clang diagnostic ignored "-Wunused-function"
#else
#pragma GCC diagnostic ignored "-Wunused-function"
#pragma GCC diagnostic ignored "-Wunused-value"
#endif

#include "implementation_list.h"

#endif /* EXPLORE_IMPLEMENTATION_H */
