/* The run queue of a worker: FIFO, bounded, and every entry exactly once however many steal. */
#define WIPPYI_RING_SIZE 8u /* wraps and fills all the time */
#define WIPPY_IMPLEMENTATION
#include "wippy.h"

#include "../test.h"

#include <pthread.h>

static void *entry(uintptr_t number)
{
    return (void *)(number + 1);
}

static uintptr_t number_of(const void *ptr)
{
    return (uintptr_t)ptr - 1;
}

TEST(test_ring_is_first_in_first_out_and_bounded)
{
    static wippyi_ring ring;
    wippyi_ring_init(&ring);
    CHECK(wippyi_ring_pop(&ring) == NULL);
    CHECK(!wippyi_ring_has(&ring));
    uintptr_t in = 0;
    uintptr_t out = 0;
    for (uint32_t round = 0; round < 50; round++) {
        while (wippyi_ring_push(&ring, entry(in))) {
            in++;
        }
        CHECK_EQ_INT(wippyi_ring_count(&ring), WIPPYI_RING_SIZE);
        CHECK(wippyi_ring_has(&ring));
        for (uint32_t i = 0; i < 1 + round % WIPPYI_RING_SIZE; i++) {
            CHECK_EQ_U64(number_of(wippyi_ring_pop(&ring)), out);
            out++;
        }
    }
    while (wippyi_ring_count(&ring) > 0) {
        CHECK_EQ_U64(number_of(wippyi_ring_pop(&ring)), out);
        out++;
    }
    CHECK_EQ_U64(in, out);
}

TEST(test_ring_counters_may_wrap)
{
    static wippyi_ring ring;
    wippyi_ring_init(&ring);
    wippyi_a32_store_rlx(&ring.head, UINT32_MAX - 3);
    wippyi_a32_store_rlx(&ring.tail, UINT32_MAX - 3);
    for (uintptr_t i = 0; i < WIPPYI_RING_SIZE; i++) {
        CHECK(wippyi_ring_push(&ring, entry(i)));
    }
    CHECK(!wippyi_ring_push(&ring, entry(9)));
    for (uintptr_t i = 0; i < WIPPYI_RING_SIZE; i++) {
        CHECK_EQ_U64(number_of(wippyi_ring_pop(&ring)), i);
    }
}

TEST(test_ring_steal_takes_the_older_half)
{
    for (uint32_t held = 0; held <= WIPPYI_RING_SIZE; held++) {
        static wippyi_ring victim, own;
        uint32_t taken = 0;
        wippyi_ring_init(&victim);
        wippyi_ring_init(&own);
        for (uintptr_t i = 0; i < held; i++) {
            CHECK(wippyi_ring_push(&victim, entry(i)));
        }
        void *last = wippyi_ring_steal(&victim, &own, &taken);
        uint32_t expected = held - held / 2;
        CHECK((last == NULL) == (held == 0));
        CHECK_EQ_INT(taken, held == 0 ? 0 : expected);
        CHECK_EQ_INT(wippyi_ring_count(&own), held == 0 ? 0 : expected - 1);
        CHECK_EQ_INT(wippyi_ring_count(&victim), held - expected);
        for (uintptr_t i = 0; i + 1 < expected; i++) {
            CHECK_EQ_U64(number_of(wippyi_ring_pop(&own)), i);
        }
        if (last != NULL) {
            CHECK_EQ_U64(number_of(last), expected - 1);
        }
    }
}

/* One owner pushes and pops, thieves steal into their own rings and pop those. */
#define THIEVES 3u

typedef struct robbery {
    wippyi_ring rings[THIEVES + 1];
    uint8_t *seen;
    uint32_t total;
    uint32_t found;
    uint32_t done;
    uint32_t thread_number;
} robbery;

static void take(robbery *r, const void *ptr)
{
    uintptr_t n = number_of(ptr);
    if (CHECK(n < r->total)) {
        CHECK_EQ_INT(TEST_ATOMIC_ADD(&r->seen[n], (uint8_t)1), 0);
        TEST_ATOMIC_ADD(&r->found, 1u);
    }
}

static void *thief_main(void *arg)
{
    robbery *r = (robbery *)arg;
    uint32_t me = 1 + TEST_ATOMIC_ADD(&r->thread_number, 1u);
    uint64_t random = me;
    while (TEST_ATOMIC_LOAD(&r->found) < r->total && TEST_ATOMIC_LOAD(&r->done) == 0) {
        uint32_t victim = (uint32_t)(test_random_next(&random) % (THIEVES + 1));
        uint32_t taken = 0;
        void *got = wippyi_ring_pop(&r->rings[me]);
        if (got == NULL && victim != me) {
            got = wippyi_ring_steal(&r->rings[victim], &r->rings[me], &taken);
        }
        if (got != NULL) {
            take(r, got);
        }
    }
    return NULL;
}

TEST(test_ring_robbery_finds_every_entry_exactly_once)
{
    static robbery r;
    pthread_t threads[THIEVES];
    uint64_t deadline = test_now_ms() + 60000;
    memset(&r, 0, sizeof(r));
    r.total = test_scale(300000);
    r.seen = (uint8_t *)calloc(r.total, 1);
    REQUIRE(r.seen != NULL);
    for (uint32_t i = 0; i <= THIEVES; i++) {
        wippyi_ring_init(&r.rings[i]);
    }
    for (uint32_t i = 0; i < THIEVES; i++) {
        REQUIRE(pthread_create(&threads[i], NULL, thief_main, &r) == 0);
    }
    uintptr_t next = 0;
    while (TEST_ATOMIC_LOAD(&r.found) < r.total && test_now_ms() < deadline) {
        while (next < r.total && wippyi_ring_push(&r.rings[0], entry(next))) {
            next++;
        }
        void *mine = wippyi_ring_pop(&r.rings[0]);
        if (mine != NULL) {
            take(&r, mine);
        }
    }
    TEST_ATOMIC_ADD(&r.done, 1u);
    for (uint32_t i = 0; i < THIEVES; i++) {
        pthread_join(threads[i], NULL);
    }
    CHECK_EQ_INT(r.found, r.total);
    free(r.seen);
}

TEST_MAIN(TEST_ENTRY(test_ring_is_first_in_first_out_and_bounded),
          TEST_ENTRY(test_ring_counters_may_wrap), TEST_ENTRY(test_ring_steal_takes_the_older_half),
          TEST_ENTRY(test_ring_robbery_finds_every_entry_exactly_once))
