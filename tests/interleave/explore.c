/* The explorer; see explore.h. Compiled without instrumentation, apart from the programs. */
#if !defined(_GNU_SOURCE)
#define _GNU_SOURCE 1
#endif
#define WIPPYI_EXPLORE
#include "explore.h"
#include "atomic.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
#if !defined(__x86_64__) || defined(EXPLORE_UCONTEXT)
#define EXPLORE_CONTEXTS 1
#else
#define EXPLORE_CONTEXTS 0
#endif
#if EXPLORE_CONTEXTS
#include <ucontext.h>
#endif

#define T           EXPLORE_THREADS
#define ARENA_BYTES ((size_t)1024 * 1024)
#define STACK_BYTES ((size_t)64 * 1024)
#define SPACE_BYTES (ARENA_BYTES + T * STACK_BYTES)
#define CELLS       (SPACE_BYTES / 4)
#define LINE_CELLS  16
#define LINES       (CELLS / LINE_CELLS)
#define HISTORY     12
#define LOCS        8192
#define LOCKS       64
#define RECORDS     65536
#define STEPS_MAX   20000
#define PATIENCE    2000
#define TURN        100
#define NAMES       64
#define CREATED     8
#define DECISIONS   1024

typedef struct clocks {
    uint32_t at[T];
} clocks;

typedef struct store {
    uint64_t value;
    clocks released;
    clocks seen; /* first event of each thread that saw or made it; 0 = none */
    bool sc;
} store;

typedef struct location {
    unsigned count;
    store stores[HISTORY]; /* oldest first */
} location;

typedef struct cell { /* four bytes of plain memory */
    uint32_t written; /* epoch of the last plain write */
    uint32_t read[T];
    uint32_t touched[T]; /* by atomic operations */
    uint16_t where;      /* location + 1 */
    uint8_t writer;
    bool freed;
} cell;

typedef enum state { READY, WAIT_LOCK, WAIT_FUTEX, WAIT_COND, WAIT_JOIN, ENDED } state;

typedef struct fiber {
    state is;
    const void *on;
    uint64_t deadline;
    bool timed_out;
    bool spun;
    void *stack_at;
    int created; /* runs the nth explore_create() */
    clocks clock;
    unsigned priority;
    uint32_t since; /* step at which it was switched to */
} fiber;

typedef struct lock {
    const void *at;
    int holder; /* -1 = free */
    clocks released;
} lock;

typedef struct record {
    uint32_t step;
    char kind; /* s: who goes on; v: how old a value */
    uint8_t chosen;
    uint8_t count;
    uint8_t limit;
} record;

typedef struct decision {
    uint32_t step;
    char kind;
    uint8_t value;
} decision;

typedef enum mode { DEPTH_FIRST, RANDOM, REPLAY } mode;

static unsigned char space[SPACE_BYTES] __attribute__((aligned(4096)));
static unsigned char image[ARENA_BYTES];
static cell cells[CELLS];
static uint8_t line_dirty[LINES];
static uint32_t dirty[LINES];
static uint32_t dirty_count;
static uint8_t known[CELLS]; /* for all runs: threads that used it; 0x80 written; 0x40 boring */
static location locations[LOCS];
static unsigned location_count;
static lock locks[LOCKS];
static unsigned lock_count;
static fiber fibers[T];
static unsigned fiber_count;
static unsigned me;
static bool running, grown, failed, tracing;
static size_t arena_used, image_used;
static uint32_t step_number;
static uint64_t now_ns, setup_now_ns;
static char why[512];
static void *main_stack;
static const explore_program *program;
static bool checking;
static jmp_buf check_failed;
static struct {
    void *(*fn)(void *);
    void *arg;
} created[CREATED];
static unsigned created_count;
static struct {
    const unsigned char *at;
    size_t size;
    const char *text;
} names[NAMES];
static unsigned name_count;

/* search */
static mode how;
static record records[RECORDS];
static unsigned record_count, prefix_count;
static decision decisions[DECISIONS];
static unsigned decision_count, decision_next;
static unsigned preempted, aged, preempt_bound, age_bound;
static uint64_t random_state;
static uint32_t change_at[4];
static unsigned lowest;
static bool walking;
static uint32_t longest;

static uint64_t random64(void)
{
    uint64_t z = (random_state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

/* ---- fibers ---- */

static void fiber_body(void);

#if !EXPLORE_CONTEXTS
void explore_switch(void **save, void *to);
__asm__(".text\n.globl explore_switch\n.type explore_switch,@function\nexplore_switch:\n"
        "pushq %rbp\npushq %rbx\npushq %r12\npushq %r13\npushq %r14\npushq %r15\n"
        "movq %rsp,(%rdi)\nmovq %rsi,%rsp\n"
        "popq %r15\npopq %r14\npopq %r13\npopq %r12\npopq %rbx\npopq %rbp\nret\n"
        ".size explore_switch,.-explore_switch\n");

static void fiber_prepare(unsigned i)
{
    void **top = (void **)(void *)(space + ARENA_BYTES + (i + 1) * STACK_BYTES);
    unsigned k;
    *--top = NULL; /* the alignment a function finds after a call */
    *--top = (void *)(uintptr_t)fiber_body;
    for (k = 0; k < 6; k++) {
        *--top = NULL;
    }
    fibers[i].stack_at = top;
}
static void switch_to_fiber(void **save, unsigned i)
{
    explore_switch(save, fibers[i].stack_at);
}
static void switch_to_main(void **save)
{
    explore_switch(save, main_stack);
}
#else
static ucontext_t contexts[T + 1];
static void fiber_prepare(unsigned i)
{
    getcontext(&contexts[i]);
    contexts[i].uc_stack.ss_sp = space + ARENA_BYTES + i * STACK_BYTES;
    contexts[i].uc_stack.ss_size = STACK_BYTES;
    contexts[i].uc_link = NULL;
    makecontext(&contexts[i], fiber_body, 0);
    fibers[i].stack_at = &contexts[i];
}
static ucontext_t *context_of(void **save)
{
    unsigned i;
    for (i = 0; i < T; i++) {
        if (save == &fibers[i].stack_at) {
            return &contexts[i];
        }
    }
    return &contexts[T];
}
static void switch_to_fiber(void **save, unsigned i)
{
    swapcontext(context_of(save), &contexts[i]);
}
#endif

static void leave_run(void)
{
    void *ignored;
    running = false;
#if !EXPLORE_CONTEXTS
    switch_to_main(&ignored);
#else
    (void)ignored;
    setcontext(&contexts[T]);
#endif
    abort();
}

void explore_fail(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    if (!failed) {
        vsnprintf(why, sizeof(why), format, args);
    }
    va_end(args);
    failed = true;
    if (running) {
        leave_run();
    }
    if (program != NULL && checking) {
        longjmp(check_failed, 1);
    }
    fflush(stdout);
    fprintf(stderr, "explore: %s\n", why);
    abort();
}

/* ---- clocks ---- */

static void join_clocks(clocks *into, const clocks *from)
{
    unsigned i;
    for (i = 0; i < T; i++) {
        into->at[i] = into->at[i] > from->at[i] ? into->at[i] : from->at[i];
    }
}

static uint32_t epoch(void)
{
    return fibers[me].clock.at[me];
}

/* ---- names of places ---- */

void explore_name(const void *at, size_t size, const char *name)
{
    if (name_count < NAMES) {
        names[name_count].at = (const unsigned char *)at;
        names[name_count].size = size;
        names[name_count].text = name;
        name_count++;
    }
}

static const char *place(const void *address)
{
    static char text[4][96];
    static unsigned next;
    const unsigned char *at = (const unsigned char *)address;
    char *out = text[next++ % 4];
    unsigned i;
    for (i = name_count; i-- > 0;) {
        if (at >= names[i].at && at < names[i].at + names[i].size) {
            snprintf(out, sizeof(text[0]), "%s+%zu", names[i].text, (size_t)(at - names[i].at));
            return out;
        }
    }
    if (at >= space && at < space + ARENA_BYTES) {
        snprintf(out, sizeof(text[0]), "memory+%zu", (size_t)(at - space));
    } else if (at >= space && at < space + SPACE_BYTES) {
        size_t offset = (size_t)(at - space) - ARENA_BYTES;
        snprintf(out, sizeof(text[0]), "stack%zu+%zu", offset / STACK_BYTES, offset % STACK_BYTES);
    } else {
        snprintf(out, sizeof(text[0]), "%p", address);
    }
    return out;
}

static void trace(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void trace(const char *format, ...)
{
    va_list args;
    if (!tracing) {
        return;
    }
    va_start(args, format);
    printf("  %5u  %*s%u: ", step_number, (int)(me * 4), "", me);
    vprintf(format, args);
    printf("\n");
    va_end(args);
}

/* ---- plain memory ---- */

static bool inside(const void *at)
{
    return (const unsigned char *)at >= space && (const unsigned char *)at < space + SPACE_BYTES;
}

static cell *cell_at(const void *at)
{
    size_t i = (size_t)((const unsigned char *)at - space) / 4;
    size_t line = i / LINE_CELLS;
    if (!line_dirty[line]) {
        line_dirty[line] = 1;
        dirty[dirty_count++] = (uint32_t)line;
    }
    return &cells[i];
}

static void race(const void *at, const char *what, unsigned other)
{
    explore_fail("race: thread %u %s %s, unordered with thread %u", me, what, place(at), other);
}

static void check_written(const cell *c, const void *at, const char *what)
{
    if (c->freed) {
        explore_fail("thread %u %s freed memory at %s", me, what, place(at));
    }
    if (c->written > fibers[me].clock.at[c->writer] && c->writer != me) {
        race(at, what, c->writer);
    }
}

static void check_others(const uint32_t *epochs, const void *at, const char *what)
{
    unsigned t;
    for (t = 0; t < fiber_count; t++) {
        if (t != me && epochs[t] > fibers[me].clock.at[t]) {
            race(at, what, t);
        }
    }
}

static void plain(const void *at, size_t size, bool write)
{
    const unsigned char *from, *end, *p;
    if (!running || size == 0 || !inside(at)) {
        return;
    }
    from = (const unsigned char *)((uintptr_t)at & ~(uintptr_t)3);
    end = (const unsigned char *)at + size;
    for (p = from; p < end; p += 4) {
        cell *c = cell_at(p);
        check_written(c, p, write ? "writes" : "reads");
        if (write) {
            check_others(c->read, p, "writes");
            check_others(c->touched, p, "writes");
            c->written = epoch();
            c->writer = (uint8_t)me;
            c->where = 0;
        } else {
            c->read[me] = epoch();
        }
    }
}

void explore_read(const void *at, size_t size)
{
    plain(at, size, false);
}

void explore_write(void *at, size_t size)
{
    plain(at, size, true);
}

void *explore_memcpy(void *to, const void *from, size_t size)
{
    plain(from, size, false);
    plain(to, size, true);
    return memcpy(to, from, size);
}

void *explore_memmove(void *to, const void *from, size_t size)
{
    plain(from, size, false);
    plain(to, size, true);
    return memmove(to, from, size);
}

void *explore_memset(void *to, int value, size_t size)
{
    plain(to, size, true);
    return memset(to, value, size);
}

void *explore_alloc(size_t size)
{
    size_t bytes = (size + 15) & ~(size_t)15;
    void *at = space + arena_used;
    if (arena_used + bytes > ARENA_BYTES) {
        explore_fail("the explorer's memory is used up");
    }
    arena_used += bytes;
    return at;
}

void explore_free(void *ptr, size_t size)
{
    unsigned char *p;
    if (!running || ptr == NULL) {
        return;
    }
    plain(ptr, size, true);
    for (p = (unsigned char *)ptr; p < (unsigned char *)ptr + size; p += 4) {
        cell_at(p)->freed = true;
    }
}

/* What the compiler's instrumentation calls. */
void __tsan_init(void);
void __tsan_func_entry(void *pc);
void __tsan_func_exit(void);
void __tsan_vptr_update(void **at, void *value);
void __tsan_read_range(void *at, unsigned long size);
void __tsan_write_range(void *at, unsigned long size);
void *__tsan_memcpy(void *to, const void *from, size_t size);
void *__tsan_memmove(void *to, const void *from, size_t size);
void *__tsan_memset(void *to, int value, size_t size);
void __tsan_init(void) {}
void __tsan_func_entry(void *pc)
{
    (void)pc;
}
void __tsan_func_exit(void) {}
void __tsan_vptr_update(void **at, void *value)
{
    (void)at;
    (void)value;
}
void __tsan_read_range(void *at, unsigned long size)
{
    plain(at, size, false);
}
void __tsan_write_range(void *at, unsigned long size)
{
    plain(at, size, true);
}
void *__tsan_memcpy(void *to, const void *from, size_t size)
{
    return explore_memcpy(to, from, size);
}
void *__tsan_memmove(void *to, const void *from, size_t size)
{
    return explore_memmove(to, from, size);
}
void *__tsan_memset(void *to, int value, size_t size)
{
    return explore_memset(to, value, size);
}
#define HOOK(n)                               \
    void __tsan_read##n(void *at);            \
    void __tsan_write##n(void *at);           \
    void __tsan_unaligned_read##n(void *at);  \
    void __tsan_unaligned_write##n(void *at); \
    void __tsan_volatile_read##n(void *at);   \
    void __tsan_volatile_write##n(void *at);  \
    void __tsan_read##n(void *at)             \
    {                                         \
        plain(at, n, false);                  \
    }                                         \
    void __tsan_write##n(void *at)            \
    {                                         \
        plain(at, n, true);                   \
    }                                         \
    void __tsan_unaligned_read##n(void *at)   \
    {                                         \
        plain(at, n, false);                  \
    }                                         \
    void __tsan_unaligned_write##n(void *at)  \
    {                                         \
        plain(at, n, true);                   \
    }                                         \
    void __tsan_volatile_read##n(void *at)    \
    {                                         \
        plain(at, n, false);                  \
    }                                         \
    void __tsan_volatile_write##n(void *at)   \
    {                                         \
        plain(at, n, true);                   \
    }
HOOK(1)
HOOK(2)
HOOK(4)
HOOK(8)
HOOK(16)

/* ---- decisions ---- */

static void note_decision(char kind, unsigned value)
{
    if (decision_count < DECISIONS) {
        decisions[decision_count].step = step_number;
        decisions[decision_count].kind = kind;
        decisions[decision_count].value = (uint8_t)value;
        decision_count++;
    }
}

/* One of `count` options, of which depth first search may use the first `limit`. */
static unsigned decide_depth(char kind, unsigned count, unsigned limit)
{
    record *r;
    if (record_count < prefix_count) {
        r = &records[record_count];
        if (r->step == step_number && r->kind == kind) {
            record_count++;
            r->count = (uint8_t)count;
            return r->chosen < count ? r->chosen : 0;
        }
        return 0; /* a place learned since: this run only teaches, the search begins again */
    }
    if (limit > 1 && record_count < RECORDS) {
        r = &records[record_count++];
        r->step = step_number;
        r->kind = kind;
        r->chosen = 0;
        r->count = (uint8_t)count;
        r->limit = (uint8_t)limit;
    }
    return 0;
}

static bool replayed(char kind, unsigned *value)
{
    if (decision_next < decision_count && decisions[decision_next].step == step_number &&
        decisions[decision_next].kind == kind) {
        *value = decisions[decision_next++].value;
        return true;
    }
    return false;
}

static unsigned decide_random_thread(const unsigned *options, unsigned count, bool current)
{
    unsigned i, best = 0;
    if (walking) {
        return current && random64() % 4 != 0 ? 0 : (unsigned)(random64() % count);
    }
    for (i = 0; i < 4; i++) {
        if (change_at[i] == step_number && current) {
            fibers[me].priority = lowest--;
        }
    }
    for (i = 1; i < count; i++) {
        if (fibers[options[i]].priority > fibers[options[best]].priority) {
            best = i;
        }
    }
    return best;
}

/* Who goes on? options[0] is what happens if nobody decides. */
static unsigned decide_thread(const unsigned *options, unsigned count, bool current)
{
    unsigned chosen = 0;
    unsigned i, value;
    if (count == 1) {
        return options[0];
    }
    if (how == REPLAY) {
        if (replayed('s', &value)) {
            for (i = 0; i < count; i++) {
                chosen = options[i] == value ? i : chosen;
            }
        }
        return options[chosen];
    }
    chosen = how == RANDOM
                 ? decide_random_thread(options, count, current)
                 : decide_depth('s', count, current && preempted >= preempt_bound ? 1 : count);
    if (chosen != 0) {
        note_decision('s', options[chosen]);
        preempted += current ? 1u : 0u;
    }
    return options[chosen];
}

/* How old? 0 = the newest value. */
static unsigned decide_age(unsigned count)
{
    unsigned chosen = 0;
    if (count == 1) {
        return 0;
    }
    if (how == REPLAY) {
        return replayed('v', &chosen) && chosen < count ? chosen : 0;
    }
    chosen = how == RANDOM ? (random64() % 4 == 0 && aged < 4 ? (unsigned)(random64() % count) : 0)
                           : decide_depth('v', count, aged >= age_bound ? 1 : count);
    if (chosen != 0) {
        note_decision('v', chosen);
        aged++;
    }
    return chosen;
}

/* ---- who runs ---- */

static void go_to(unsigned next)
{
    unsigned from = me;
    if (next != me) {
        me = next;
        fibers[me].since = step_number;
        switch_to_fiber(&fibers[from].stack_at, next);
    }
}

static void count_step(void)
{
    if (++step_number > STEPS_MAX) {
        explore_fail("no progress: more than %d steps", STEPS_MAX);
    }
}

/* A run that has gone on for very long gets fair turns and no decisions: no order here is endlessly
   unfair. T = nobody else. */
static unsigned next_in_turn(void)
{
    unsigned i;
    for (i = 1; i < fiber_count; i++) {
        unsigned other = (me + i) % fiber_count;
        if (fibers[other].is == READY) {
            return other;
        }
    }
    return T;
}

static bool long_run(void)
{
    return step_number > PATIENCE;
}

/* Before a step: anybody may go first. */
static void point(bool interesting)
{
    unsigned options[T];
    unsigned count = 1;
    unsigned i;
    count_step();
    if (!interesting && how != REPLAY) {
        return;
    }
    if (long_run()) {
        unsigned other = step_number - fibers[me].since > TURN ? next_in_turn() : T;
        if (other != T) {
            go_to(other);
        }
        return;
    }
    options[0] = me;
    for (i = 0; i < fiber_count; i++) {
        if (i != me && fibers[i].is == READY && !fibers[i].spun) {
            options[count++] = i;
        }
    }
    go_to(decide_thread(options, count, true));
    for (i = 0; i < fiber_count; i++) {
        fibers[i].spun = fibers[i].spun && i == me;
    }
}

static bool wake_sleeper(void)
{
    unsigned i, first = T;
    for (i = 0; i < fiber_count; i++) {
        if ((fibers[i].is == WAIT_FUTEX || fibers[i].is == WAIT_COND) &&
            fibers[i].deadline != UINT64_MAX &&
            (first == T || fibers[i].deadline < fibers[first].deadline)) {
            first = i;
        }
    }
    if (first == T) {
        return false;
    }
    now_ns = fibers[first].deadline > now_ns ? fibers[first].deadline : now_ns;
    fibers[first].is = READY;
    fibers[first].timed_out = true;
    return true;
}

/* The current fiber cannot go on. */
static void give_way(void)
{
    unsigned options[T];
    unsigned count, i;
    count_step();
    for (;;) {
        bool all = true;
        count = 0;
        for (i = 0; i < fiber_count; i++) {
            all = all && fibers[i].is == ENDED;
            if (fibers[i].is == READY && (i != me || !fibers[i].spun)) {
                options[count++] = i;
            }
        }
        if (count == 0 && fibers[me].is == READY) {
            return; /* it spins, and there is nobody else */
        }
        if (count > 0) {
            break;
        }
        if (all) {
            leave_run();
        }
        if (program->timeless || !wake_sleeper()) {
            bool good;
            running = false; /* it only looks */
            good = program->stuck != NULL && program->stuck();
            running = true;
            if (!good) {
                explore_fail("all threads wait");
            }
            leave_run();
        }
    }
    if (long_run()) {
        i = next_in_turn();
        go_to(i != T ? i : options[0]);
        return;
    }
    go_to(decide_thread(options, count, false));
}

static void wait_as(state is, const void *on, uint64_t deadline)
{
    fiber *f = &fibers[me];
    f->is = is;
    f->on = on;
    f->deadline = deadline;
    f->timed_out = false;
    trace("waits on %s", place(on));
    give_way();
}

static void fiber_body(void)
{
    unsigned i;
    program->threads[me]();
    fibers[me].is = ENDED;
    trace("ends");
    for (i = 0; i < fiber_count; i++) {
        if (fibers[i].is == WAIT_JOIN && fibers[i].on == &fibers[me]) {
            fibers[i].is = READY;
            join_clocks(&fibers[i].clock, &fibers[me].clock);
        }
    }
    give_way();
    abort();
}

unsigned explore_self(void)
{
    return me;
}

void explore_spin(void)
{
    unsigned i;
    if (running) {
        for (i = 0; i < fiber_count; i++) {
            fibers[i].spun = false;
        }
        fibers[me].spun = true;
        give_way();
        fibers[me].spun = false;
    }
}

void wippyi_explore_relax(void)
{
    explore_spin();
}

/* ---- atomic words ---- */

/* Is this a place to switch at? Learned over all runs. */
static bool learn(const void *at, bool write)
{
    uint8_t *k, was, is;
    if (!inside(at)) {
        return false;
    }
    k = &known[((const unsigned char *)at - space) / 4];
    was = *k;
    is = (uint8_t)(was | (1u << me) | (write ? 0x80u : 0u));
    if (is != was) {
        *k = is;
    }
    if ((is & 0x40) != 0 || (is & 0x80) == 0 || ((is & 0x0f) & ((is & 0x0f) - 1)) == 0) {
        return false;
    }
    if ((was & 0x80) == 0 || ((was & 0x0f) & ((was & 0x0f) - 1)) == 0) {
        grown = true;
    }
    return true;
}

void explore_boring(const void *at, size_t size)
{
    size_t i;
    for (i = 0; i < size; i += 4) {
        known[((const unsigned char *)at + i - space) / 4] |= 0x40;
    }
}

static uint64_t read_memory(const void *at, unsigned width)
{
    uint64_t wide = 0;
    uint32_t narrow;
    if (width == 4) {
        memcpy(&narrow, at, 4);
        return narrow;
    }
    memcpy(&wide, at, 8);
    return wide;
}

static void write_memory(void *at, unsigned width, uint64_t value)
{
    memcpy(at, &value, width); /* little endian, as every machine this runs on */
}

static uint64_t apply(wippyi_atomic_kind kind, uint64_t old, uint64_t operand)
{
    switch (kind) {
    case WIPPYI_AT_ADD: return old + operand;
    case WIPPYI_AT_SUB: return old - operand;
    case WIPPYI_AT_OR: return old | operand;
    case WIPPYI_AT_AND: return old & operand;
    default: return operand;
    }
}

static location *location_at(void *at, unsigned width)
{
    cell *c = cell_at(at);
    location *l;
    if (c->where == 0) {
        if (location_count == LOCS) {
            explore_fail("too many atomic words");
        }
        l = &locations[location_count++];
        l->count = 1;
        memset(&l->stores[0], 0, sizeof(store));
        l->stores[0].value = read_memory(at, width);
        c->where = (uint16_t)location_count;
    }
    return &locations[c->where - 1];
}

/* Has the current thread something behind it that saw this store? */
static bool hides_older(const store *s)
{
    unsigned t;
    for (t = 0; t < fiber_count; t++) {
        if (s->seen.at[t] != 0 && s->seen.at[t] <= fibers[me].clock.at[t]) {
            return true;
        }
    }
    return false;
}

/* Index of the oldest store a load may return. */
static unsigned oldest_visible(const location *l, bool sc)
{
    unsigned i = l->count - 1;
    while (i > 0 && !hides_older(&l->stores[i]) && !(sc && l->stores[i].sc)) {
        i--;
    }
    return i;
}

static void see(store *s, bool acquire)
{
    if (s->seen.at[me] == 0) {
        s->seen.at[me] = epoch();
    }
    if (acquire) {
        join_clocks(&fibers[me].clock, &s->released);
    }
}

static store *append(location *l, uint64_t value, bool sc)
{
    store *s;
    if (l->count == HISTORY) {
        memmove(&l->stores[0], &l->stores[1], (HISTORY - 1) * sizeof(store));
        l->count--;
    }
    s = &l->stores[l->count++];
    memset(s, 0, sizeof(*s));
    s->value = value;
    s->sc = sc;
    s->seen.at[me] = epoch();
    return s;
}

static bool acquires(wippyi_atomic_order order)
{
    return order == WIPPYI_ORD_acq || order == WIPPYI_ORD_acqrel || order == WIPPYI_ORD_sc;
}

static bool releases(wippyi_atomic_order order)
{
    return order == WIPPYI_ORD_rel || order == WIPPYI_ORD_acqrel || order == WIPPYI_ORD_sc;
}

static uint64_t do_load(location *l, wippyi_atomic_order order)
{
    unsigned oldest = oldest_visible(l, order == WIPPYI_ORD_sc);
    unsigned age = decide_age(l->count - oldest);
    store *s = &l->stores[l->count - 1 - age];
    see(s, acquires(order));
    return s->value;
}

static void do_store(location *l, wippyi_atomic_order order, uint64_t value)
{
    store *s = append(l, value, order == WIPPYI_ORD_sc);
    if (releases(order)) {
        s->released = fibers[me].clock;
    }
}

static uint64_t do_change(location *l, wippyi_atomic_kind kind, wippyi_atomic_order order,
                          uint64_t operand, unsigned width)
{
    store *newest = &l->stores[l->count - 1];
    clocks chain = newest->released;
    uint64_t old = newest->value;
    uint64_t value = apply(kind, old, operand);
    store *s;
    see(newest, acquires(order));
    if (releases(order)) {
        join_clocks(&chain, &fibers[me].clock);
    }
    s = append(l, width == 4 ? (uint32_t)value : value, order == WIPPYI_ORD_sc);
    s->released = chain;
    return old;
}

/* A failing one may see any visible value but the expected one. */
static uint64_t do_cas(location *l, wippyi_atomic_order order, uint64_t desired, uint64_t *expected)
{
    unsigned oldest = oldest_visible(l, order == WIPPYI_ORD_sc);
    unsigned candidates[HISTORY];
    unsigned count = 1;
    unsigned i;
    store *s;
    candidates[0] = l->count - 1;
    for (i = l->count - 1; i-- > oldest;) {
        if (l->stores[i].value != *expected) {
            candidates[count++] = i;
        }
    }
    s = &l->stores[candidates[decide_age(count)]];
    if (s->value == *expected) {
        do_change(l, WIPPYI_AT_CAS, order, desired, 8);
        return 1;
    }
    see(s, acquires(order));
    *expected = s->value;
    return 0;
}

static uint64_t direct(wippyi_atomic_kind kind, unsigned width, void *at, uint64_t operand,
                       uint64_t *expected)
{
    uint64_t old = read_memory(at, width);
    if (kind == WIPPYI_AT_LOAD) {
        return old;
    }
    if (kind == WIPPYI_AT_CAS) {
        if (old != *expected) {
            *expected = old;
            return 0;
        }
        write_memory(at, width, operand);
        return 1;
    }
    write_memory(at, width, apply(kind, old, operand));
    return old;
}

static const char *kind_name(wippyi_atomic_kind kind)
{
    static const char *const text[] = {"init", "load",     "store", "exchange", "cas",
                                       "add",  "subtract", "or",    "and"};
    return text[kind];
}

static const char *order_name(wippyi_atomic_order order)
{
    static const char *const text[] = {"rlx", "acq", "rel", "acqrel", "sc"};
    return text[order];
}

uint64_t wippyi_explore_op(wippyi_atomic_kind kind, wippyi_atomic_order order, unsigned width,
                           void *address, uint64_t operand, uint64_t *expected)
{
    uint64_t result = 0;
    uint64_t wanted = expected != NULL ? *expected : 0;
    location *l;
    cell *c;
    bool write = kind != WIPPYI_AT_LOAD;
    if (!running || !inside(address)) {
        return direct(kind, width, address, operand, expected);
    }
    if (kind == WIPPYI_AT_INIT) {
        plain(address, width, true);
        write_memory(address, width, operand);
        return 0;
    }
    point(learn(address, write));
    c = cell_at(address);
    check_written(c, address, kind_name(kind));
    if (write) {
        check_others(c->read, address, kind_name(kind));
    }
    c->touched[me] = epoch();
    if (width == 8) {
        cell *upper = cell_at((char *)address + 4);
        check_written(upper, address, kind_name(kind));
        upper->touched[me] = epoch();
    }
    l = location_at(address, width);
    switch (kind) {
    case WIPPYI_AT_LOAD: result = do_load(l, order); break;
    case WIPPYI_AT_STORE: do_store(l, order, operand); break;
    case WIPPYI_AT_CAS: result = do_cas(l, order, operand, expected); break;
    default: result = do_change(l, kind, order, operand, width); break;
    }
    write_memory(address, width, l->stores[l->count - 1].value);
    if (tracing) {
        if (kind == WIPPYI_AT_CAS) {
            trace("cas_%s %s %llx -> %llx %s (%llx)", order_name(order), place(address),
                  (unsigned long long)wanted, (unsigned long long)operand,
                  result ? "done" : "failed", (unsigned long long)*expected);
        } else {
            trace("%s_%s %s operand %llx result %llx", kind_name(kind), order_name(order),
                  place(address), (unsigned long long)operand, (unsigned long long)result);
        }
    }
    fibers[me].clock.at[me]++;
    return result;
}

/* ---- locks, conditions, futexes, threads, clocks ---- */

static lock *lock_at(const void *at)
{
    unsigned i;
    for (i = 0; i < lock_count; i++) {
        if (locks[i].at == at) {
            return &locks[i];
        }
    }
    if (lock_count == LOCKS) {
        explore_fail("too many locks");
    }
    memset(&locks[lock_count], 0, sizeof(locks[0]));
    locks[lock_count].at = at;
    locks[lock_count].holder = -1;
    return &locks[lock_count++];
}

static void lock_taken(lock *l)
{
    l->holder = (int)me;
    join_clocks(&fibers[me].clock, &l->released);
    trace("locks %s", place(l->at));
}

int explore_mutex_lock(pthread_mutex_t *m)
{
    lock *l;
    if (!running) {
        return 0;
    }
    point(learn(m, true));
    l = lock_at(m);
    if (inside(m) && cell_at(m)->freed) {
        explore_fail("thread %u locks freed memory at %s", me, place(m));
    }
    if (l->holder == (int)me) {
        explore_fail("thread %u locks %s twice", me, place(m));
    }
    while (l->holder != -1) {
        wait_as(WAIT_LOCK, m, UINT64_MAX);
    }
    lock_taken(l);
    return 0;
}

int explore_mutex_trylock(pthread_mutex_t *m)
{
    lock *l;
    if (!running) {
        return 0;
    }
    point(learn(m, true));
    l = lock_at(m);
    if (l->holder != -1) {
        return EBUSY;
    }
    lock_taken(l);
    return 0;
}

static void lock_release(pthread_mutex_t *m)
{
    lock *l = lock_at(m);
    unsigned i;
    if (l->holder != (int)me) {
        explore_fail("thread %u unlocks %s, which it does not hold", me, place(m));
    }
    l->holder = -1;
    l->released = fibers[me].clock;
    fibers[me].clock.at[me]++;
    trace("unlocks %s", place(m));
    for (i = 0; i < fiber_count; i++) {
        if (fibers[i].is == WAIT_LOCK && fibers[i].on == m) {
            fibers[i].is = READY;
        }
    }
}

int explore_mutex_unlock(pthread_mutex_t *m)
{
    if (running) {
        lock_release(m);
    }
    return 0;
}

static int cond_sleep(pthread_cond_t *c, pthread_mutex_t *m, uint64_t deadline)
{
    bool timed_out;
    lock *l;
    if (!running) {
        return 0;
    }
    lock_release(m);
    wait_as(WAIT_COND, c, deadline);
    timed_out = fibers[me].timed_out;
    l = lock_at(m);
    while (l->holder != -1) {
        wait_as(WAIT_LOCK, m, UINT64_MAX);
    }
    lock_taken(l);
    return timed_out ? ETIMEDOUT : 0;
}

int explore_cond_wait(pthread_cond_t *c, pthread_mutex_t *m)
{
    return cond_sleep(c, m, UINT64_MAX);
}

int explore_cond_timedwait(pthread_cond_t *c, pthread_mutex_t *m, const struct timespec *end)
{
    return cond_sleep(c, m, (uint64_t)end->tv_sec * 1000000000u + (uint64_t)end->tv_nsec);
}

int explore_cond_wake(pthread_cond_t *c, bool all)
{
    unsigned i;
    for (i = 0; running && i < fiber_count; i++) {
        if (fibers[i].is == WAIT_COND && fibers[i].on == c) {
            fibers[i].is = READY;
            if (!all) {
                break;
            }
        }
    }
    return 0;
}

int explore_create(pthread_t *t, const void *attr, void *(*fn)(void *), void *arg)
{
    (void)attr;
    if (created_count == CREATED || running) {
        return EAGAIN;
    }
    created[created_count].fn = fn;
    created[created_count].arg = arg;
    created_count++;
    *t = (pthread_t)created_count;
    return 0;
}

void explore_run_created(unsigned nth)
{
    if (nth >= created_count) {
        explore_fail("thread %u was not created by setup", nth);
    }
    fibers[me].created = (int)nth;
    (void)created[nth].fn(created[nth].arg);
}

/* The program's thread i runs what was created with the same number, or nobody does. */
int explore_join(pthread_t t, void **out)
{
    unsigned i;
    (void)out;
    for (i = 0; running && i < fiber_count; i++) {
        if (fibers[i].created == (int)t - 1) {
            count_step();
            if (fibers[i].is != ENDED) {
                wait_as(WAIT_JOIN, &fibers[i], UINT64_MAX);
            }
            join_clocks(&fibers[me].clock, &fibers[i].clock);
        }
    }
    return 0;
}

pthread_t explore_pthread_self(void)
{
    if (!running) {
        return (pthread_t)1000;
    }
    return fibers[me].created >= 0 ? (pthread_t)(fibers[me].created + 1) : (pthread_t)(100 + me);
}

uint64_t explore_now_ns(void)
{
    return now_ns;
}

void explore_advance_ns(uint64_t ns)
{
    unsigned i;
    now_ns += ns;
    for (i = 0; running && i < fiber_count; i++) {
        if ((fibers[i].is == WAIT_FUTEX || fibers[i].is == WAIT_COND) &&
            fibers[i].deadline <= now_ns) {
            fibers[i].is = READY;
            fibers[i].timed_out = true;
        }
    }
}

int explore_clock(clockid_t clock, struct timespec *out)
{
    (void)clock;
    out->tv_sec = (time_t)(now_ns / 1000000000u);
    out->tv_nsec = (long)(now_ns % 1000000000u);
    return 0;
}

static long futex_wait(uint32_t *at, uint32_t value, const struct timespec *end)
{
    uint64_t deadline =
        end != NULL ? (uint64_t)end->tv_sec * 1000000000u + (uint64_t)end->tv_nsec : UINT64_MAX;
    point(learn(at, true));
    if (*at != value) {
        errno = EAGAIN;
        return -1;
    }
    if (deadline <= now_ns) {
        errno = ETIMEDOUT;
        return -1;
    }
    wait_as(WAIT_FUTEX, at, deadline);
    if (fibers[me].timed_out) {
        errno = ETIMEDOUT;
        return -1;
    }
    return 0;
}

static long futex_wake(const uint32_t *at)
{
    unsigned i;
    trace("futex wake %s", place(at));
    for (i = 0; i < fiber_count; i++) {
        if (fibers[i].is == WAIT_FUTEX && fibers[i].on == at) {
            fibers[i].is = READY;
            return 1;
        }
    }
    return 0;
}

long explore_syscall(long number, ...)
{
    va_list args;
    long result = -1;
    va_start(args, number);
#if defined(SYS_futex)
    if (number == SYS_futex && running) {
        uint32_t *at = va_arg(args, uint32_t *);
        int op = va_arg(args, int) & 127;
        uint32_t value = va_arg(args, uint32_t);
        const struct timespec *end = va_arg(args, const struct timespec *);
        result = op == 1 ? futex_wake(at) : futex_wait(at, value, end);
    }
#endif
    va_end(args);
    return result;
}

/* ---- one run ---- */

static void forget_cells(void)
{
    uint32_t i;
    for (i = 0; i < dirty_count; i++) {
        memset(&cells[dirty[i] * LINE_CELLS], 0, LINE_CELLS * sizeof(cell));
        line_dirty[dirty[i]] = 0;
    }
    dirty_count = 0;
}

static void run_once(void)
{
    volatile unsigned first;
    unsigned i;
    unsigned options[T];
    forget_cells();
    memcpy(space, image, image_used > arena_used ? image_used : arena_used);
    arena_used = image_used;
    location_count = 0;
    lock_count = 0;
    memset(fibers, 0, sizeof(fibers));
    for (i = 0; i < fiber_count; i++) {
        fibers[i].clock.at[i] = 1;
        fibers[i].created = -1;
        fibers[i].priority = 1000 + (unsigned)(how == RANDOM ? random64() % 1000 : 0);
        options[i] = i;
        fiber_prepare(i);
    }
    for (i = 0; i < 4; i++) {
        change_at[i] = how == RANDOM && longest > 0 ? (uint32_t)(random64() % longest) : 0;
    }
    lowest = 999;
    walking = how == RANDOM && random64() % 2 == 0;
    now_ns = setup_now_ns;
    step_number = 0;
    record_count = 0;
    preempted = 0;
    aged = 0;
    grown = false;
    if (how != REPLAY) {
        decision_count = 0;
    }
    decision_next = 0;
    running = true;
    first = decide_thread(options, fiber_count, false);
    me = first;
    switch_to_fiber(&main_stack, first);
    running = false;
    longest = longest > step_number ? longest : step_number;
    if (!failed && program->check != NULL) {
        checking = true;
        if (setjmp(check_failed) == 0) {
            program->check();
        }
        checking = false;
    }
}

/* ---- the search ---- */

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* The next list of decisions; false: all were made. */
static bool advance(void)
{
    while (record_count > 0) {
        record *r = &records[record_count - 1];
        if (r->chosen + 1 < r->limit) {
            r->chosen++;
            prefix_count = record_count;
            return true;
        }
        record_count--;
    }
    return false;
}

/* 1 = complete within the bounds, 0 = time is over, -1 = failed. */
static int search(unsigned preemptions, unsigned ages, double until, unsigned long *runs)
{
    how = DEPTH_FIRST;
    preempt_bound = preemptions;
    age_bound = ages;
    prefix_count = 0;
    for (;;) {
        run_once();
        (*runs)++;
        if (failed) {
            return -1;
        }
        if (grown) {
            prefix_count = 0; /* places learned: from the beginning */
            continue;
        }
        if (!advance()) {
            return 1;
        }
        if ((*runs & 63) == 0 && seconds() > until) {
            return 0;
        }
    }
}

static int wander(double until, unsigned long *runs)
{
    how = RANDOM;
    do {
        run_once();
        (*runs)++;
        if (failed) {
            return -1;
        }
    } while ((*runs & 15) != 0 || seconds() < until);
    return 0;
}

static void print_decisions(FILE *to)
{
    unsigned i;
    if (decision_count == 0) {
        fprintf(to, "0");
    }
    for (i = 0; i < decision_count; i++) {
        fprintf(to, "%s%c%u=%u", i > 0 ? "," : "", decisions[i].kind, (unsigned)decisions[i].step,
                (unsigned)decisions[i].value);
    }
}

static bool parse_decisions(const char *text)
{
    decision_count = 0;
    while (*text == 's' || *text == 'v') {
        char *end;
        if (decision_count == DECISIONS) {
            return false;
        }
        decisions[decision_count].kind = *text;
        decisions[decision_count].step = (uint32_t)strtoul(text + 1, &end, 10);
        if (*end != '=') {
            return false;
        }
        decisions[decision_count++].value = (uint8_t)strtoul(end + 1, &end, 10);
        text = *end == ',' ? end + 1 : end;
    }
    return *text == '\0' || strcmp(text, "0") == 0;
}

static void begin(const explore_program *p)
{
    program = p;
    arena_used = 0;
    image_used = 0;
    created_count = 0;
    name_count = 0;
    longest = 0;
    failed = false;
    now_ns = 1000000000;
    random_state = 1;
    memset(known, 0, sizeof(known));
    memset(space, 0, ARENA_BYTES);
    for (fiber_count = 0; fiber_count < T && p->threads[fiber_count] != NULL;) {
        fiber_count++;
    }
    p->setup();
    setup_now_ns = now_ns;
    image_used = arena_used;
    memcpy(image, space, image_used);
}

/* true: held. */
static bool explore(const explore_program *p, const char *self, double budget, bool quiet)
{
    static const unsigned bounds[][2] = {{0, 0}, {1, 0}, {1, 1}, {2, 1}, {2, 2},
                                         {3, 1}, {3, 2}, {4, 2}, {5, 3}, {6, 3}};
    unsigned long deep = 0, wide = 0;
    char reached[64] = "none";
    double start = seconds();
    unsigned i;
    int r = 1;
    begin(p);
    r = wander(start + budget * 0.1, &wide); /* learns most places */
    for (i = 0; r >= 0 && i < sizeof(bounds) / sizeof(bounds[0]); i++) {
        r = search(bounds[i][0], bounds[i][1], start + budget * 0.8, &deep);
        if (r <= 0) {
            break;
        }
        snprintf(reached, sizeof(reached), "%u preemptions, %u old values", bounds[i][0],
                 bounds[i][1]);
    }
    if (r >= 0) {
        r = wander(start + budget, &wide);
    }
    if (r >= 0) {
        if (!quiet) {
            printf("%-32s %8lu orders, complete to %s; %lu random\n", p->name, deep, reached, wide);
        }
        return true;
    }
    printf("FAIL %s after %lu orders: %s\n", p->name, deep + wide, why);
    printf("repeat with: %s %s ", self, p->name);
    print_decisions(stdout);
    printf("\n");
    return false;
}

static int replay(const explore_program *p, const char *text)
{
    begin(p);
    if (!parse_decisions(text)) {
        fprintf(stderr, "not a list of decisions: %s\n", text);
        return 2;
    }
    tracing = true;
    how = REPLAY;
    run_once();
    printf(failed ? "FAIL %s: %s\n" : "%s held%s\n", p->name, failed ? why : "");
    return failed ? 1 : 0;
}

/* program [SECONDS | NAME [DECISIONS]] */
int explore_main(int argc, char **argv, const explore_program *programs, size_t count)
{
    const char *scale = getenv("TEST_SCALE");
    const char *only = argc > 1 ? argv[1] : NULL;
    double budget = 0.4 * (scale != NULL && atof(scale) > 0 ? atof(scale) : 100.0) / 100.0;
    unsigned passed = 0, bad = 0;
    size_t i;
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (only != NULL && only[0] >= '0' && only[0] <= '9') {
        budget = atof(only);
        only = NULL;
    }
    for (i = 0; i < count; i++) {
        if (only != NULL && strcmp(only, programs[i].name) != 0) {
            continue;
        }
        if (argc > 2) {
            return replay(&programs[i], argv[2]);
        }
        if (explore(&programs[i], argv[0], budget, false)) {
            passed++;
        } else {
            bad++;
        }
    }
    printf("%u passed, %u failed\n", passed, bad);
    return bad == 0 && passed > 0 ? 0 : 1;
}
