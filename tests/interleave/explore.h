/* The explorer: runs small programs of two to four threads under every order of their steps, as far
   as the bounds reach, and lets loads return old values where the memory model allows it.

   A step is one operation of src/atomic.h (WIPPYI_EXPLORE), one lock, one wait. Threads are fibers of
   one thread; only here is decided who goes on, so a run is a list of decisions and can be repeated.

   Memory model. Each atomic word keeps its modification order (the order in which the stores ran)
   with what every store released. A load may take any store that is not hidden from it: older than
   one that happened before the load, or than one that somebody saw before the load (coherence); a
   seq_cst load sees at least the last seq_cst store. Read-modify-write takes the newest; a
   compare-and-swap that fails is a load. Release sequences are those of C++20 (only RMW goes on).
   Not modelled: loads that see stores of the future, modification orders other than the order of
   execution, fences.

   Plain memory. The programs are compiled with the compiler's thread instrumentation, whose calls
   arrive here instead of in its library: every plain access of the real code is checked with vector
   clocks against every other access, and against memory that was freed.

   Search. Depth first with bounds on preemptions and on old values, bounds rising as long as time is
   left; then random priorities (PCT) and random walks. Only words that two threads use and one writes
   are places to switch at: they are learned while running. A failure prints its decisions in one
   word, to be given back as an argument. */
#ifndef EXPLORE_H
#define EXPLORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <pthread.h>
#include <time.h>

#define EXPLORE_THREADS 4

typedef struct explore_program {
    const char *name;
    void (*setup)(void); /* once; everything it makes comes from explore_alloc() */
    void (*threads[EXPLORE_THREADS])(void);
    void (*check)(void); /* after every run: EXPLORE_CHECK what must hold */
    bool (*stuck)(void); /* all threads wait, and no time will help: true = that is a good end */
    bool timeless;       /* no wait may time out: who needs that was not woken */
} explore_program;

int explore_main(int argc, char **argv, const explore_program *programs, size_t count);

/* Memory that every run finds as setup left it. Freed memory is not used again in the same run. */
void *explore_alloc(size_t size);
void explore_free(void *ptr, size_t size);
/* For traces: what lies at an address. */
void explore_name(const void *at, size_t size, const char *name);
/* Counters nobody decides by: no place to switch at. */
void explore_boring(const void *at, size_t size);

unsigned explore_self(void); /* 0, 1, ... */
void explore_spin(void);     /* nothing to do until somebody else has run */
uint64_t explore_now_ns(void);
void explore_advance_ns(uint64_t ns);

void explore_fail(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));
#define EXPLORE_CHECK(x) ((x) ? (void)0 : explore_fail("%s:%d: %s", __FILE__, __LINE__, #x))
void explore_read(const void *at, size_t size);
void explore_write(void *at, size_t size);
#define EXPLORE_READ(ptr)  explore_read((ptr), sizeof(*(ptr)))
#define EXPLORE_WRITE(ptr) explore_write((ptr), sizeof(*(ptr)))

/* ---- what takes the place of the operating system: explore_platform.h ---- */
int explore_mutex_lock(pthread_mutex_t *m);
int explore_mutex_trylock(pthread_mutex_t *m);
int explore_mutex_unlock(pthread_mutex_t *m);
int explore_cond_wait(pthread_cond_t *c, pthread_mutex_t *m);
int explore_cond_timedwait(pthread_cond_t *c, pthread_mutex_t *m, const struct timespec *end);
int explore_cond_wake(pthread_cond_t *c, bool all);
int explore_create(pthread_t *t, const void *attr, void *(*fn)(void *), void *arg);
int explore_join(pthread_t t, void **out);
/* Body of a program thread: run what the nth explore_create() asked for. */
void explore_run_created(unsigned nth);
pthread_t explore_pthread_self(void);
int explore_clock(clockid_t clock, struct timespec *out);
long explore_syscall(long number, ...);
void *explore_memcpy(void *to, const void *from, size_t size);
void *explore_memmove(void *to, const void *from, size_t size);
void *explore_memset(void *to, int value, size_t size);

#endif /* EXPLORE_H */
