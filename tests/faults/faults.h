/* ========================================================================== >>faults
   Failures made to happen: number n of a kind of calls fails, for every n there is, once and for ever.

       static void scenario(fault_run *run, void *arg)
       {
           desc.allocator = fault_allocator(run);       the scenario's memory comes from run->heap
           ...                                          every answer: good, or an error that says so
           fault_disarm(run);                           what follows works again
           CHECK(...);                                  and what was is still there
       }
       fault_sweep(FAULT_ALLOC, scenario, arg);

   Kinds other than FAULT_ALLOC are calls to the system: the test programs of this directory are linked
   with --wrap, so that the library itself has nothing in it for this (system.c).
   After each run the memory is balanced; the test's alarm (TEST_TIMEOUT) ends what hangs.

   Environment: FAULTS   how many n a sweep tries of those there are; 16, and `full` means all and says
                         how many failures were made. */
#ifndef WIPPY_FAULTS_H
#define WIPPY_FAULTS_H

#include "wippy.h"

#include "../test.h"

#include <unistd.h>

typedef enum fault_kind {
    FAULT_ALLOC = 0, /* memory */
    FAULT_THREAD,    /* pthread_create */
    FAULT_OPEN,      /* open, fopen */
    FAULT_READ,      /* read from a file */
    FAULT_LOCK,      /* pthread_mutex_init, pthread_cond_init, pthread_condattr_init */
    FAULT_LIST,      /* opendir, readdir */
    FAULT_STAT,      /* fstat, fstatat, stat */
    FAULT_WRITE,     /* write, fwrite to a file */
    FAULT_RENAME,
    FAULT_POLL, /* epoll_create1, eventfd, epoll_ctl, pipe */
    FAULT_KINDS
} fault_kind;

typedef struct fault_run {
    test_heap heap;
    fault_kind kind;
    uint64_t n;
    uint64_t held;
    bool undisturbed; /* nothing fails in this run */
    bool disarmed;
    uint64_t asked; /* until it was disarmed */
    uint64_t refused;
    bool for_ever;
} fault_run;

/* ---- system.c ---- */

/* Call n of that kind fails from now on (1 = the next; 0 = none does). */
void fault_system_arm(fault_kind kind, uint64_t n, bool for_ever);
uint64_t fault_system_asked(void);   /* calls of the kind since it was armed */
uint64_t fault_system_refused(void); /* those that failed */

/* What the monotonic clock says: real time times `rate_percent` / 100 plus `offset_ns`. Rate 0 stands
   still. The steps it makes are made at once. The wall clock moves by `wall_ns`. */
void fault_clock(int64_t offset_ns, int rate_percent, int64_t wall_ns);
void fault_clock_reset(void);
bool fault_clock_stands(void);
uint64_t fault_real_ms(void); /* whatever the clock above says */

/* ---- sweeps ---- */

static inline wippy_allocator fault_allocator(fault_run *run)
{
    wippy_allocator allocator;
    allocator.alloc_fn = test_alloc_fn;
    allocator.free_fn = test_free_fn;
    allocator.user_data = &run->heap;
    return allocator;
}

static inline uint64_t fault_asked(fault_run *run)
{
    return run->kind == FAULT_ALLOC ? TEST_ATOMIC_LOAD(&run->heap.asked_count)
                                    : fault_system_asked();
}

static inline uint64_t fault_refused(fault_run *run)
{
    return run->kind == FAULT_ALLOC ? TEST_ATOMIC_LOAD(&run->heap.refused_count)
                                    : fault_system_refused();
}

/* Failures wait until fault_begin(): what a scenario stands on is made in peace. */
static inline void fault_hold(fault_run *run)
{
    run->held = run->kind == FAULT_ALLOC ? TEST_ATOMIC_LOAD(&run->heap.fail_at) : run->n;
    if (run->kind == FAULT_ALLOC) {
        test_heap_fail(&run->heap, 0, false);
    } else {
        fault_system_arm(run->kind, 0, false);
    }
}

static inline void fault_begin(fault_run *run)
{
    if (run->kind == FAULT_ALLOC) {
        test_heap_fail(&run->heap, run->held, run->for_ever);
    } else {
        fault_system_arm(run->kind, run->held, run->for_ever);
    }
}

/* Nothing fails any more; the count of what did is kept. */
static inline void fault_disarm(fault_run *run)
{
    TEST_ATOMIC_STORE(&run->heap.fail_at, (uint64_t)0);
    if (run->disarmed) {
        return;
    }
    run->disarmed = true;
    run->asked = fault_asked(run);
    run->refused = fault_refused(run);
    if (run->kind != FAULT_ALLOC) {
        fault_system_arm(run->kind, 0, false);
    }
}

/* One run with call n refused; answers how many calls there were, *refused how many failed. */
static inline uint64_t fault_once(fault_kind kind, uint64_t n, bool for_ever,
                                  void (*scenario)(fault_run *run, void *arg), void *arg,
                                  uint64_t *refused)
{
    fault_run *run = (fault_run *)calloc(1, sizeof(*run));
    test_heap_init(&run->heap);
    run->kind = kind;
    run->n = n;
    run->undisturbed = n == 0;
    run->for_ever = for_ever;
    if (kind == FAULT_ALLOC) {
        test_heap_fail(&run->heap, n, for_ever);
    } else {
        fault_system_arm(kind, n, for_ever);
    }
    scenario(run, arg);
    fault_disarm(run);
    uint64_t asked = run->asked;
    *refused = run->refused;
    CHECK_BALANCED(&run->heap);
    free(run);
    return asked;
}

static inline uint64_t fault_points(void)
{
    const char *text = getenv("FAULTS"); /* make hands it on empty when nobody has set it */
    if (text != NULL && strcmp(text, "full") == 0) {
        return UINT64_MAX;
    }
    uint64_t points = text != NULL ? strtoull(text, NULL, 10) : 0;
    return points > 0 ? points : 16;
}

/* Undisturbed first, then with call n failing. Answers how many calls the undisturbed run makes. */
static inline uint64_t fault_sweep(fault_kind kind, void (*scenario)(fault_run *run, void *arg),
                                   void *arg)
{
    uint64_t refused = 0;
    uint64_t made = 0;
    unsigned before = TEST_ATOMIC_LOAD(&test_global.failures);
    uint64_t calls = fault_once(kind, 0, false, scenario, arg, &refused);
    uint64_t points = fault_points();
    uint64_t stride = points >= calls ? 1 : (calls + points - 1) / points;
    for (int for_ever = 0; for_ever < 2; for_ever++) {
        /* What is asked for may change after a refusal, so n goes a little beyond. */
        for (uint64_t n = stride / 2 + 1; n <= calls + stride; n += stride) {
            if (TEST_ATOMIC_LOAD(&test_global.failures) != before) {
                return calls;
            }
            test_arm_timeout();
            (void)fault_once(kind, n, for_ever != 0, scenario, arg, &refused);
            made += refused > 0 ? 1u : 0u;
            if (TEST_ATOMIC_LOAD(&test_global.failures) != before) {
                FAIL("the failure above came with call %llu of kind %d refused %s",
                     (unsigned long long)n, (int)kind, for_ever ? "for ever" : "once");
            }
        }
    }
    if (points == UINT64_MAX) {
        printf("%llu failures made: %s\n", (unsigned long long)made, test_global.current);
    }
    return calls;
}

/* What may be answered when something is short. */
static inline bool fault_fair(wippy_result r)
{
    return r == WIPPY_OK || r == WIPPY_PENDING || r == WIPPY_ERR_NOMEM;
}

#define FAIR(call) CHECK(fault_fair(call))

/* ---- what a reader sees of the registry, as one number ---- */

static inline uint64_t fault_mix(uint64_t hash, const void *data, size_t size)
{
    const unsigned char *bytes = (const unsigned char *)data;
    for (size_t i = 0; i < size; i++) {
        hash = (hash ^ bytes[i]) * 0x100000001b3u;
    }
    return hash * 31 + size;
}

static inline uint64_t fault_picture(wippy_runtime *rt)
{
    wippy_snapshot *snapshot = NULL;
    uint64_t hash = 0xcbf29ce484222325u;
    if (wippy_snapshot_current(rt, &snapshot) != WIPPY_OK) {
        return 0;
    }
    for (size_t i = 0; i < wippy_snapshot_count(snapshot); i++) {
        wippy_entry *entry = wippy_snapshot_entry(snapshot, i);
        wippy_slice meta = wippy_entry_meta(entry);
        wippy_slice data = wippy_entry_data(entry);
        uint64_t one = fault_mix(0x5f, wippy_entry_id(entry), strlen(wippy_entry_id(entry)));
        one = fault_mix(one, wippy_entry_kind(entry), strlen(wippy_entry_kind(entry)));
        one = fault_mix(one, meta.data, meta.size);
        hash += fault_mix(one, data.data, data.size); /* whatever their order */
    }
    wippy_snapshot_release(rt, snapshot);
    return hash;
}

/* ---- projects on disk ---- */

static char fault_directory[256]; /* of the running test */

static inline void fault_path(char *path, size_t room, const char *name)
{
    snprintf(path, room, "%s/%s", fault_directory, name);
}

static inline void fault_put_file(const char *name, const char *text)
{
    char path[512];
    fault_path(path, sizeof(path), name);
    FILE *file = fopen(path, "wb");
    if (CHECK(file != NULL)) {
        CHECK(fwrite(text, 1, strlen(text), file) == strlen(text));
        fclose(file);
    }
}

/* A directory of its own with a lock file and src/deeper/. */
static inline void fault_make_project(const char *name)
{
    char command[512];
    const char *build = getenv("BUILD");
    snprintf(fault_directory, sizeof(fault_directory), "%s/faults-%s-%ld", build ? build : "build",
             name, (long)getpid());
    snprintf(command, sizeof(command), "mkdir -p '%s/src/deeper'", fault_directory);
    CHECK_EQ_INT(system(command), 0);
    fault_put_file("wippy.lock", "directories: {modules: .wippy, src: ./src}\n");
}

static inline void fault_remove_project(void)
{
    char command[512];
    snprintf(command, sizeof(command), "rm -rf '%s'", fault_directory);
    CHECK_EQ_INT(system(command), 0);
}

static inline bool fault_file_is(const char *name, const char *text)
{
    char path[512];
    char found[512];
    fault_path(path, sizeof(path), name);
    FILE *file = fopen(path, "rb");
    size_t size = file ? fread(found, 1, sizeof(found) - 1, file) : 0;
    if (file) {
        fclose(file);
    }
    found[size] = '\0';
    return strcmp(found, text) == 0;
}

#endif /* WIPPY_FAULTS_H */
