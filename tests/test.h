/* ========================================================================== >>test
   The harness of every test program: C11 and C++, one header, nothing to link.

       #define WIPPY_IMPLEMENTATION
       #include "wippy.h"                  (before test.h: it sets the feature macros)
       #include "test.h"

       TEST(test_ring_full_refuses)
       {
           CHECK_EQ_INT(wippyi_ring_push(&ring, 1), WIPPY_ERR_FULL);
       }

       TEST_MAIN(TEST_ENTRY(test_ring_full_refuses), TEST_ENTRY(test_ring_...))

   A test that is not in the table is an unused function, which is a warning and so an error.
   A failed CHECK prints file:line and the test goes on; a failed REQUIRE returns from the
   function it stands in. CHECK may be used from any thread. The last line of a program is
   `N passed, N failed` (tests, not checks), its exit status 1 when one failed.

   Command line: PROGRAM [--list] [--seed N] [TEXT...]; a TEXT runs the tests whose names hold it.
   Environment:  TEST_SEED     same as --seed
                 TEST_SCALE    per cent of the work stress loops do (see test_scale), default 100
                 TEST_TIMEOUT  seconds one test may take before the program ends itself, default 120

   Globals: this is a test program, one translation unit, so its state is static here. */
#ifndef WIPPY_TEST_H
#define WIPPY_TEST_H

#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#if defined(_WIN32)
#include <windows.h>
#else
/* Chosen because these declare what is used here even under a strict -std=c11. */
#include <poll.h>
#include <unistd.h>
#endif

#if defined(__GNUC__)
#define TEST_PRINTF(format_index, args_index) \
    __attribute__((format(printf, format_index, args_index)))
#else
#define TEST_PRINTF(format_index, args_index)
#endif

#define TEST_COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* ------------------------------------------------------------------ the table */

typedef struct test_entry {
    const char *name;
    void (*run)(void);
} test_entry;

#define TEST(name) static void name(void)
#define TEST_ENTRY(name) \
    {                    \
#name, name      \
    }

#define TEST_MAIN(...)                                              \
    int main(int argc, char **argv)                                 \
    {                                                               \
        const test_entry entries[] = {__VA_ARGS__};                 \
        return test_main(argc, argv, entries, TEST_COUNT(entries)); \
    }

/* ------------------------------------------------------------------ state */

typedef struct test_state {
    const char *program;
    const char *current; /* name of the running test */
    uint64_t seed;
    uint64_t random;
    bool seed_used;
    bool skipped;
    unsigned failures; /* of the running test; atomic, checks may come from any thread */
    unsigned passed_count;
    unsigned failed_count;
    unsigned skipped_count;
} test_state;

static test_state test_global;

/* The test programs need few atomics: seq_cst, because nothing here is hot. */
#if defined(__GNUC__)
#define TEST_ATOMIC_ADD(ptr, value)   __atomic_fetch_add((ptr), (value), __ATOMIC_SEQ_CST)
#define TEST_ATOMIC_SUB(ptr, value)   __atomic_fetch_sub((ptr), (value), __ATOMIC_SEQ_CST)
#define TEST_ATOMIC_LOAD(ptr)         __atomic_load_n((ptr), __ATOMIC_SEQ_CST)
#define TEST_ATOMIC_STORE(ptr, value) __atomic_store_n((ptr), (value), __ATOMIC_SEQ_CST)
#else
#error "test.h: give TEST_ATOMIC_* for this compiler"
#endif

/* ------------------------------------------------------------------ checks */

static inline void test_fail(const char *file, int line, const char *format, ...) TEST_PRINTF(3, 4);

static inline void test_fail(const char *file, int line, const char *format, ...)
{
    char text[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    TEST_ATOMIC_ADD(&test_global.failures, 1u);
    printf("%s:%d: FAIL %s: %s\n", file, line, test_global.current ? test_global.current : "?",
           text);
    fflush(stdout);
}

static inline bool test_check(bool holds, const char *text, const char *file, int line)
{
    if (!holds) {
        test_fail(file, line, "%s", text);
    }
    return holds;
}

static inline bool test_check_int(long long actual, long long expected, const char *text,
                                  const char *file, int line)
{
    if (actual != expected) {
        test_fail(file, line, "%s is %lld, expected %lld", text, actual, expected);
    }
    return actual == expected;
}

static inline bool test_check_u64(unsigned long long actual, unsigned long long expected,
                                  const char *text, const char *file, int line)
{
    if (actual != expected) {
        test_fail(file, line, "%s is %llu (0x%llx), expected %llu (0x%llx)", text, actual, actual,
                  expected, expected);
    }
    return actual == expected;
}

static inline bool test_check_ptr(const void *actual, const void *expected, const char *text,
                                  const char *file, int line)
{
    if (actual != expected) {
        test_fail(file, line, "%s is %p, expected %p", text, actual, expected);
    }
    return actual == expected;
}

static inline bool test_check_near(double actual, double expected, double tolerance,
                                   const char *text, const char *file, int line)
{
    double distance = actual > expected ? actual - expected : expected - actual;
    bool holds = distance <= tolerance; /* false for NaN, as it should be */
    if (!holds) {
        test_fail(file, line, "%s is %.17g, expected %.17g within %g", text, actual, expected,
                  tolerance);
    }
    return holds;
}

static inline bool test_check_str(const char *actual, const char *expected, const char *text,
                                  const char *file, int line)
{
    bool holds = actual == expected || (actual && expected && strcmp(actual, expected) == 0);
    if (!holds) {
        test_fail(file, line, "%s is \"%s\", expected \"%s\"", text, actual ? actual : "(null)",
                  expected ? expected : "(null)");
    }
    return holds;
}

static inline bool test_check_has(const char *actual, const char *part, const char *text,
                                  const char *file, int line)
{
    bool holds = actual && part && strstr(actual, part) != NULL;
    if (!holds) {
        test_fail(file, line, "%s is \"%s\", expected to hold \"%s\"", text,
                  actual ? actual : "(null)", part ? part : "(null)");
    }
    return holds;
}

static inline bool test_check_mem(const void *actual, const void *expected, size_t size,
                                  const char *text, const char *file, int line)
{
    const unsigned char *a = (const unsigned char *)actual;
    const unsigned char *b = (const unsigned char *)expected;
    for (size_t i = 0; i < size; i++) {
        if (a[i] != b[i]) {
            test_fail(file, line, "%s: byte %zu of %zu is 0x%02x, expected 0x%02x", text, i, size,
                      (unsigned)a[i], (unsigned)b[i]);
            return false;
        }
    }
    return true;
}

#define CHECK(cond) test_check(!!(cond), #cond, __FILE__, __LINE__)
#define CHECK_EQ_INT(actual, expected) \
    test_check_int((long long)(actual), (long long)(expected), #actual, __FILE__, __LINE__)
#define CHECK_EQ_U64(actual, expected)                                                    \
    test_check_u64((unsigned long long)(actual), (unsigned long long)(expected), #actual, \
                   __FILE__, __LINE__)
#define CHECK_EQ_PTR(actual, expected) \
    test_check_ptr((actual), (expected), #actual, __FILE__, __LINE__)
#define CHECK_NEAR(actual, expected, tolerance) \
    test_check_near((actual), (expected), (tolerance), #actual, __FILE__, __LINE__)
#define CHECK_STR(actual, expected) \
    test_check_str((actual), (expected), #actual, __FILE__, __LINE__)
#define CHECK_HAS(actual, part) test_check_has((actual), (part), #actual, __FILE__, __LINE__)
#define CHECK_MEM(actual, expected, size) \
    test_check_mem((actual), (expected), (size), #actual, __FILE__, __LINE__)
#define FAIL(...) test_fail(__FILE__, __LINE__, __VA_ARGS__)

/* For what the rest of the test stands on: returns from the (void) function it is in. */
#define REQUIRE(cond)                                           \
    do {                                                        \
        if (!test_check(!!(cond), #cond, __FILE__, __LINE__)) { \
            return;                                             \
        }                                                       \
    } while (0)

/* Ends the (void) test as skipped; the reason is printed, the count stands in the last line. */
#define TEST_SKIP(reason)                                       \
    do {                                                        \
        printf("SKIP %s: %s\n", test_global.current, (reason)); \
        test_global.skipped = true;                             \
        return;                                                 \
    } while (0)

/* ------------------------------------------------------------------ time */

static inline uint64_t test_now_ms(void)
{
#if defined(_WIN32)
    return (uint64_t)GetTickCount64();
#elif defined(CLOCK_MONOTONIC)
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000u + (uint64_t)now.tv_nsec / 1000000u;
#else
    struct timespec now;
    timespec_get(&now, TIME_UTC);
    return (uint64_t)now.tv_sec * 1000u + (uint64_t)now.tv_nsec / 1000000u;
#endif
}

static inline void test_pause_ms(int pause_ms)
{
#if defined(_WIN32)
    Sleep((DWORD)pause_ms);
#else
    poll(NULL, 0, pause_ms);
#endif
}

/* Wait until the condition holds, true; or the deadline passes, false. Never sleep for a guessed time. */
static inline bool test_wait_until(bool (*cond_fn)(void *arg), void *arg, unsigned deadline_ms)
{
    uint64_t end = test_now_ms() + deadline_ms;
    for (unsigned tries = 0; !cond_fn(arg); tries++) {
        if (test_now_ms() >= end) {
            return cond_fn(arg);
        }
        test_pause_ms(tries < 64 ? 0 : 1);
    }
    return true;
}

#define CHECK_WAIT(cond_fn, arg, deadline_ms)                                                 \
    test_check(test_wait_until((cond_fn), (arg), (deadline_ms)), #cond_fn " before deadline", \
               __FILE__, __LINE__)

/* `full` rounds in an ordinary run, fewer in the slow lanes; at least 1. */
static inline unsigned test_scale(unsigned full)
{
    const char *text = getenv("TEST_SCALE");
    unsigned long percent = text ? strtoul(text, NULL, 10) : 100u;
    unsigned long long scaled = (unsigned long long)full * percent / 100u;
    return scaled > 0 ? (unsigned)scaled : 1u;
}

/* ------------------------------------------------------------------ randomness */

/* The seed of this program run; asking for it makes a failure print it. */
static inline uint64_t test_seed(void)
{
    test_global.seed_used = true;
    return test_global.seed;
}

/* splitmix64: state is any number, the sequence is the same everywhere. */
static inline uint64_t test_random_next(uint64_t *state)
{
    uint64_t mixed = (*state += 0x9e3779b97f4a7c15u);
    mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9u;
    mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111ebu;
    return mixed ^ (mixed >> 31);
}

/* Restarted from the seed for each test, so that a test alone repeats. Main thread only. */
static inline uint64_t test_random(void)
{
    test_global.seed_used = true;
    return test_random_next(&test_global.random);
}

static inline uint32_t test_random_below(uint32_t limit)
{
    return (uint32_t)((test_random() >> 32) * limit >> 32);
}

/* ------------------------------------------------------------------ allocator */

/* Counts, checks and fails allocations; any thread. Give its address as user_data:
       desc.alloc_fn = test_alloc_fn; desc.free_fn = test_free_fn; desc.alloc_user_data = &heap;
   New memory is filled with 0xA5 and freed memory with 0xDD, so nobody relies on zeros. */
typedef struct test_heap {
    uint64_t alloc_count; /* successful ones; atomic */
    uint64_t free_count;
    uint64_t live_bytes;
    uint64_t asked_count;   /* since test_heap_fail(), failed ones too */
    uint64_t refused_count; /* allocations refused on purpose since test_heap_fail() */
    uint64_t fail_at;       /* 1 = the next one, 0 = never */
    bool fail_for_ever;
    unsigned errors; /* wrong size or block given to free */
} test_heap;

typedef struct test_block {
    uint64_t size;
    uint64_t mark;
} test_block; /* 16 bytes, so what follows is aligned as malloc aligned it */

#define TEST_BLOCK_LIVE  0x11feb10cf00dcafeu
#define TEST_BLOCK_FREED 0xdeadb10cdeadb10cu

static inline void test_heap_init(test_heap *heap)
{
    memset(heap, 0, sizeof(*heap));
}

/* Refuse allocation number n from now on (1 = the next); 0 refuses none. */
static inline void test_heap_fail(test_heap *heap, uint64_t n, bool for_ever)
{
    TEST_ATOMIC_STORE(&heap->fail_at, (uint64_t)0);
    TEST_ATOMIC_STORE(&heap->asked_count, (uint64_t)0);
    TEST_ATOMIC_STORE(&heap->refused_count, (uint64_t)0);
    heap->fail_for_ever = for_ever;
    TEST_ATOMIC_STORE(&heap->fail_at, n);
}

static inline bool test_heap_refuses(test_heap *heap)
{
    uint64_t fail_at = TEST_ATOMIC_LOAD(&heap->fail_at);
    uint64_t number = TEST_ATOMIC_ADD(&heap->asked_count, (uint64_t)1) + 1;
    if (fail_at == 0 || number < fail_at || (number > fail_at && !heap->fail_for_ever)) {
        return false;
    }
    TEST_ATOMIC_ADD(&heap->refused_count, (uint64_t)1);
    return true;
}

static inline void *test_alloc_fn(size_t size, void *user_data)
{
    test_heap *heap = (test_heap *)user_data;
    if (test_heap_refuses(heap)) {
        return NULL;
    }
    test_block *block = (test_block *)malloc(sizeof(test_block) + size);
    if (!block) {
        return NULL;
    }
    block->size = size;
    block->mark = TEST_BLOCK_LIVE;
    memset(block + 1, 0xA5, size);
    TEST_ATOMIC_ADD(&heap->alloc_count, (uint64_t)1);
    TEST_ATOMIC_ADD(&heap->live_bytes, (uint64_t)size);
    return block + 1;
}

static inline void test_free_fn(void *ptr, size_t size, void *user_data)
{
    test_heap *heap = (test_heap *)user_data;
    if (!ptr) {
        return;
    }
    test_block *block = (test_block *)ptr - 1;
    if (block->mark != TEST_BLOCK_LIVE) {
        TEST_ATOMIC_ADD(&heap->errors, 1u);
        test_fail(__FILE__, __LINE__, "free of %p: not a live block (freed twice?)", ptr);
        return;
    }
    if (block->size != size) {
        TEST_ATOMIC_ADD(&heap->errors, 1u);
        test_fail(__FILE__, __LINE__, "free of %p says %zu bytes, allocated were %llu", ptr, size,
                  (unsigned long long)block->size);
    }
    TEST_ATOMIC_ADD(&heap->free_count, (uint64_t)1);
    TEST_ATOMIC_SUB(&heap->live_bytes, block->size);
    memset(ptr, 0xDD, (size_t)block->size);
    block->mark = TEST_BLOCK_FREED;
    free(block);
}

static inline bool test_check_balanced(const test_heap *heap, const char *file, int line)
{
    uint64_t allocs = TEST_ATOMIC_LOAD(&heap->alloc_count);
    uint64_t frees = TEST_ATOMIC_LOAD(&heap->free_count);
    uint64_t bytes = TEST_ATOMIC_LOAD(&heap->live_bytes);
    if (allocs == frees && bytes == 0) {
        return heap->errors == 0;
    }
    test_fail(file, line, "%llu allocations, %llu frees, %llu bytes still held",
              (unsigned long long)allocs, (unsigned long long)frees, (unsigned long long)bytes);
    return false;
}

#define CHECK_BALANCED(heap) test_check_balanced((heap), __FILE__, __LINE__)

/* Run the scenario with allocation n refused, n = 1, 2, ... until it asks for fewer: first each one
   once, then each one and all after it. The scenario builds what it needs from the heap, uses it,
   accepts refusal as an answer and frees everything; balance is checked after each run.
   Returns how many allocations the undisturbed scenario makes. */
static inline uint64_t test_heap_sweep(void (*scenario)(test_heap *heap, void *arg), void *arg)
{
    uint64_t n = 0;
    for (int for_ever = 0; for_ever < 2; for_ever++) {
        uint64_t refused = 1;
        for (n = 0; refused > 0 && n < 100000; n++) {
            unsigned failures = TEST_ATOMIC_LOAD(&test_global.failures);
            test_heap heap;
            test_heap_init(&heap);
            test_heap_fail(&heap, n + 1, for_ever != 0);
            scenario(&heap, arg);
            refused = TEST_ATOMIC_LOAD(&heap.refused_count);
            CHECK_BALANCED(&heap);
            if (TEST_ATOMIC_LOAD(&test_global.failures) != failures) {
                FAIL("the failure above came with allocation %llu refused %s",
                     (unsigned long long)(n + 1), for_ever ? "for ever" : "once");
                return n;
            }
        }
        if (refused > 0) {
            FAIL("the scenario never ran to its end in %llu runs", (unsigned long long)n);
        }
    }
    return n > 0 ? n - 1 : 0;
}

/* ------------------------------------------------------------------ the run */

static inline int test_report(void)
{
    if (test_global.skipped_count > 0) {
        printf("%u passed, %u failed, %u skipped\n", test_global.passed_count,
               test_global.failed_count, test_global.skipped_count);
    } else {
        printf("%u passed, %u failed\n", test_global.passed_count, test_global.failed_count);
    }
    fflush(stdout);
    return test_global.failed_count > 0 ? 1 : 0;
}

#if !defined(_WIN32)
static inline void test_on_alarm(int signal_number)
{
    /* Not async-signal-safe, but the program hangs and ends here: a name beats silence. */
    (void)signal_number;
    printf("FAIL %s: hangs (TEST_TIMEOUT)\n%u passed, %u failed\n", test_global.current,
           test_global.passed_count, test_global.failed_count + 1);
    fflush(stdout);
    _exit(1);
}
#endif

static inline void test_arm_timeout(void)
{
#if !defined(_WIN32)
    const char *text = getenv("TEST_TIMEOUT");
    signal(SIGALRM, test_on_alarm);
    alarm(text ? (unsigned)strtoul(text, NULL, 10) : 120u);
#endif
}

static inline void test_run_one(const test_entry *entry)
{
    test_global.current = entry->name;
    test_global.random = test_global.seed;
    test_global.seed_used = false;
    test_global.skipped = false;
    TEST_ATOMIC_STORE(&test_global.failures, 0u);
    test_arm_timeout();
    entry->run();
    if (TEST_ATOMIC_LOAD(&test_global.failures) > 0) {
        test_global.failed_count++;
        printf("  again: %s", test_global.program);
        if (test_global.seed_used) {
            printf(" --seed %llu", (unsigned long long)test_global.seed);
        }
        printf(" %s\n", entry->name);
    } else if (test_global.skipped) {
        test_global.skipped_count++;
    } else {
        test_global.passed_count++;
    }
}

static inline bool test_selected(const char *name, int argc, char **argv)
{
    bool any_text = false;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--seed") == 0) {
            i++; /* its number is not a text */
        } else {
            any_text = true;
            if (strstr(name, argv[i])) {
                return true;
            }
        }
    }
    return !any_text;
}

static inline void test_setup(int argc, char **argv)
{
    const char *seed = getenv("TEST_SEED");
    test_global.program = argc > 0 ? argv[0] : "test";
    for (int i = 1; i + 1 < argc; i++) {
        if (strcmp(argv[i], "--seed") == 0) {
            seed = argv[i + 1];
        }
    }
    test_global.seed = seed ? strtoull(seed, NULL, 0) : (uint64_t)time(NULL) ^ test_now_ms() << 20;
}

static inline int test_main(int argc, char **argv, const test_entry *entries, size_t count)
{
    test_setup(argc, argv);
    if (argc == 2 && strcmp(argv[1], "--list") == 0) {
        for (size_t i = 0; i < count; i++) {
            puts(entries[i].name);
        }
        return 0;
    }
    for (size_t i = 0; i < count; i++) {
        if (test_selected(entries[i].name, argc, argv)) {
            test_run_one(&entries[i]);
        }
    }
    if (test_global.passed_count + test_global.failed_count + test_global.skipped_count == 0) {
        puts("no test has such a name");
        test_global.failed_count = 1;
    }
    return test_report();
}

#endif /* WIPPY_TEST_H */
