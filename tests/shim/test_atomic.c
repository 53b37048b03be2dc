/* Atomic words: every operation in every order by value, and between threads. */
#define WIPPY_IMPLEMENTATION
#include "wippy.h"

#include "../test.h"

/* ------------------------------------------------------------------ values */

/* Every read-modify-write of one type in one order: old value back, new value in place. */
#define CHECK_RMW(S, T, ord)                                                       \
    do {                                                                           \
        wippyi_##S a;                                                              \
        T expected = (T)12;                                                        \
        wippyi_##S##_init(&a, (T)12);                                              \
        CHECK_EQ_U64(wippyi_##S##_xchg_##ord(&a, (T)10), 12);                      \
        CHECK_EQ_U64(wippyi_##S##_add_##ord(&a, (T)5), 10);                        \
        CHECK_EQ_U64(wippyi_##S##_sub_##ord(&a, (T)3), 15);                        \
        CHECK_EQ_U64(wippyi_##S##_or_##ord(&a, (T)3), 12);                         \
        CHECK_EQ_U64(wippyi_##S##_and_##ord(&a, (T)6), 15);                        \
        CHECK(!wippyi_##S##_cas_##ord(&a, &expected, (T)1));                       \
        CHECK_EQ_U64(expected, 6);                                                 \
        CHECK(wippyi_##S##_cas_##ord(&a, &expected, (T)(0 - (T)1)));               \
        CHECK_EQ_U64(expected, 6);                                                 \
        CHECK_EQ_U64(wippyi_##S##_add_##ord(&a, (T)2), (T)(0 - (T)1));             \
        CHECK_EQ_U64(wippyi_##S##_sub_##ord(&a, (T)2), 1);                         \
        CHECK_EQ_U64(wippyi_##S##_load_rlx(&a), (T)(0 - (T)1));                    \
    } while (0)

#define CHECK_LOADS_STORES(S, T)                         \
    do {                                                 \
        wippyi_##S a;                                    \
        wippyi_##S##_init(&a, (T)7);                     \
        CHECK_EQ_U64(wippyi_##S##_load_rlx(&a), 7);      \
        CHECK_EQ_U64(wippyi_##S##_load_acq(&a), 7);      \
        CHECK_EQ_U64(wippyi_##S##_load_sc(&a), 7);       \
        wippyi_##S##_store_rlx(&a, (T)8);                \
        CHECK_EQ_U64(wippyi_##S##_load_sc(&a), 8);       \
        wippyi_##S##_store_rel(&a, (T)9);                \
        CHECK_EQ_U64(wippyi_##S##_load_sc(&a), 9);       \
        wippyi_##S##_store_sc(&a, (T)(0 - (T)2));        \
        CHECK_EQ_U64(wippyi_##S##_load_sc(&a), (T)(0 - (T)2)); \
    } while (0)

TEST(test_atomic_a32_every_operation_gives_old_and_new_value)
{
    CHECK_LOADS_STORES(a32, uint32_t);
    CHECK_RMW(a32, uint32_t, rlx);
    CHECK_RMW(a32, uint32_t, acq);
    CHECK_RMW(a32, uint32_t, rel);
    CHECK_RMW(a32, uint32_t, acqrel);
    CHECK_RMW(a32, uint32_t, sc);
}

TEST(test_atomic_a64_every_operation_gives_old_and_new_value)
{
    CHECK_LOADS_STORES(a64, uint64_t);
    CHECK_RMW(a64, uint64_t, rlx);
    CHECK_RMW(a64, uint64_t, acq);
    CHECK_RMW(a64, uint64_t, rel);
    CHECK_RMW(a64, uint64_t, acqrel);
    CHECK_RMW(a64, uint64_t, sc);
}

TEST(test_atomic_a64_carries_into_the_high_half)
{
    wippyi_a64 a;
    wippyi_a64_init(&a, 0xffffffffu);
    CHECK_EQ_U64(wippyi_a64_add_rlx(&a, 1), 0xffffffffu);
    CHECK_EQ_U64(wippyi_a64_or_sc(&a, 0x8000000000000000u), 0x100000000u);
    CHECK_EQ_U64(wippyi_a64_load_acq(&a), 0x8000000100000000u);
    CHECK_EQ_U64(wippyi_a64_sub_rlx(&a, 1), 0x8000000100000000u);
    CHECK_EQ_U64(wippyi_a64_load_acq(&a), 0x80000000ffffffffu);
}

TEST(test_atomic_a64_is_eight_bytes_aligned_in_a_struct)
{
    struct {
        char before;
        wippyi_a64 word;
    } s;
    CHECK_EQ_INT((uintptr_t)&s.word % 8, 0);
    CHECK_EQ_INT(sizeof(wippyi_a64), 8);
    CHECK_EQ_INT(sizeof(wippyi_a32), 4);
    CHECK_EQ_INT(sizeof(wippyi_ap), sizeof(void *));
}

#define CHECK_POINTER(ord)                                          \
    do {                                                            \
        wippyi_ap a;                                                \
        void *expected = &two;                                      \
        wippyi_ap_init(&a, &one);                                   \
        CHECK_EQ_PTR(wippyi_ap_xchg_##ord(&a, &three), &one);       \
        CHECK(!wippyi_ap_cas_##ord(&a, &expected, &one));           \
        CHECK_EQ_PTR(expected, &three);                             \
        CHECK(wippyi_ap_cas_##ord(&a, &expected, NULL));            \
        CHECK_EQ_PTR(wippyi_ap_load_rlx(&a), NULL);                 \
    } while (0)

TEST(test_atomic_ap_every_operation_gives_old_and_new_pointer)
{
    int one, two, three;
    wippyi_ap a;
    CHECK_POINTER(rlx);
    CHECK_POINTER(acq);
    CHECK_POINTER(rel);
    CHECK_POINTER(acqrel);
    CHECK_POINTER(sc);
    wippyi_ap_init(&a, NULL);
    wippyi_ap_store_rlx(&a, &one);
    CHECK_EQ_PTR(wippyi_ap_load_acq(&a), &one);
    wippyi_ap_store_rel(&a, &two);
    CHECK_EQ_PTR(wippyi_ap_load_sc(&a), &two);
    wippyi_ap_store_sc(&a, &three);
    CHECK_EQ_PTR(wippyi_ap_load_rlx(&a), &three);
}

/* ------------------------------------------------------------------ threads */

enum { CREW = 4 };

typedef struct crew {
    wippyi_a32 a32;
    wippyi_a64 a64;
    wippyi_ap list;      /* of nodes */
    wippyi_a32 lock;     /* 1 = held */
    uint64_t plain;      /* guarded by lock */
    wippyi_a32 next_id;
    unsigned rounds;
    wippyi_a32 flag_x, flag_y, seen_x, seen_y, gate;
    uint64_t payload; /* published by `gate` */
} crew;

typedef struct node {
    struct node *next;
    uint32_t value;
} node;

/* Run the function on CREW threads and wait for them. */
static void crew_run(crew *c, void (*fn)(void *), unsigned count)
{
    wippyi_thread threads[CREW];
    wippyi_a32_init(&c->next_id, 0);
    for (unsigned i = 0; i < count; i++) {
        CHECK_EQ_INT(wippyi_thread_start(&threads[i], fn, c, "crew"), WIPPY_OK);
    }
    for (unsigned i = 0; i < count; i++) {
        wippyi_thread_join(&threads[i]);
    }
}

static crew *crew_new(unsigned rounds)
{
    crew *c = (crew *)calloc(1, sizeof(*c));
    if (!c) {
        abort();
    }
    c->rounds = test_scale(rounds);
    return c;
}

static void count_all_orders(void *arg)
{
    crew *c = (crew *)arg;
    for (unsigned i = 0; i < c->rounds; i++) {
        wippyi_a32_add_rlx(&c->a32, 1);
        wippyi_a32_add_acq(&c->a32, 1);
        wippyi_a32_add_rel(&c->a32, 1);
        wippyi_a32_add_acqrel(&c->a32, 1);
        wippyi_a32_add_sc(&c->a32, 1);
        wippyi_a32_sub_rlx(&c->a32, 1);
        wippyi_a64_add_rlx(&c->a64, 0x100000001u);
        wippyi_a64_add_acq(&c->a64, 0x100000001u);
        wippyi_a64_sub_acqrel(&c->a64, 0x100000001u);
        wippyi_a64_add_sc(&c->a64, 0x100000001u);
    }
}

TEST(test_atomic_add_from_many_threads_loses_nothing)
{
    crew *c = crew_new(50000);
    crew_run(c, count_all_orders, CREW);
    CHECK_EQ_U64(wippyi_a32_load_rlx(&c->a32), 4u * CREW * c->rounds);
    CHECK_EQ_U64(wippyi_a64_load_rlx(&c->a64), 0x100000001u * (uint64_t)(2u * CREW * c->rounds));
    free(c);
}

static void cas_count(void *arg)
{
    crew *c = (crew *)arg;
    for (unsigned i = 0; i < c->rounds; i++) {
        uint64_t seen = wippyi_a64_load_rlx(&c->a64);
        while (!wippyi_a64_cas_rlx(&c->a64, &seen, seen + 1)) {
        }
        uint32_t seen32 = wippyi_a32_load_rlx(&c->a32);
        while (!wippyi_a32_cas_acqrel(&c->a32, &seen32, seen32 + 3)) {
        }
    }
}

TEST(test_atomic_compare_and_swap_from_many_threads_loses_nothing)
{
    crew *c = crew_new(50000);
    crew_run(c, cas_count, CREW);
    CHECK_EQ_U64(wippyi_a64_load_rlx(&c->a64), CREW * c->rounds);
    CHECK_EQ_U64(wippyi_a32_load_rlx(&c->a32), 3u * CREW * c->rounds);
    free(c);
}

/* A lock made of acquire and release: what it guards is plain memory, so TSan judges the orders. */
static void lock_and_count(void *arg)
{
    crew *c = (crew *)arg;
    for (unsigned i = 0; i < c->rounds; i++) {
        unsigned spins = 0;
        while (wippyi_a32_xchg_acq(&c->lock, 1) != 0) {
            wippyi_cpu_relax();
            if (++spins % 64 == 0) {
                wippyi_thread_yield();
            }
        }
        c->plain++;
        wippyi_a32_store_rel(&c->lock, 0);
    }
}

TEST(test_atomic_acquire_and_release_guard_plain_memory)
{
    crew *c = crew_new(20000);
    crew_run(c, lock_and_count, CREW);
    CHECK_EQ_U64(c->plain, CREW * c->rounds);
    free(c);
}

/* Many push with compare-and-swap release; the values of a node are plain memory. */
static void push_nodes(void *arg)
{
    crew *c = (crew *)arg;
    for (unsigned i = 0; i < c->rounds; i++) {
        node *n = (node *)malloc(sizeof(*n));
        if (!n) {
            abort();
        }
        n->value = 1;
        void *head = wippyi_ap_load_rlx(&c->list);
        do {
            n->next = (node *)head;
        } while (!wippyi_ap_cas_rel(&c->list, &head, n));
    }
    wippyi_a32_add_rel(&c->next_id, 1);
}

TEST(test_atomic_pointer_list_gives_every_pushed_node_once)
{
    crew *c = crew_new(5000);
    wippyi_thread threads[CREW];
    uint64_t sum = 0;
    bool over = false;
    for (unsigned i = 0; i < CREW; i++) {
        CHECK_EQ_INT(wippyi_thread_start(&threads[i], push_nodes, c, NULL), WIPPY_OK);
    }
    while (!over) {
        over = wippyi_a32_load_acq(&c->next_id) == CREW; /* before the last look */
        node *n = (node *)wippyi_ap_xchg_acq(&c->list, NULL);
        while (n) {
            node *next = n->next;
            sum += n->value;
            free(n);
            n = next;
        }
        wippyi_thread_yield();
    }
    for (unsigned i = 0; i < CREW; i++) {
        wippyi_thread_join(&threads[i]);
    }
    CHECK_EQ_U64(sum, CREW * c->rounds);
    free(c);
}

/* Both threads store, then load the other's word: under seq_cst at least one sees the other. */
static void store_then_load(void *arg)
{
    crew *c = (crew *)arg;
    bool first = wippyi_a32_add_rlx(&c->next_id, 1) == 0;
    wippyi_a32 *mine = first ? &c->flag_x : &c->flag_y;
    wippyi_a32 *other = first ? &c->flag_y : &c->flag_x;
    wippyi_a32 *seen = first ? &c->seen_x : &c->seen_y;
    for (unsigned i = 1; i <= c->rounds; i++) {
        unsigned spins = 0;
        wippyi_a32_add_acqrel(&c->gate, 1); /* meet */
        while (wippyi_a32_load_acq(&c->gate) < i * 4 - 2) {
            wippyi_cpu_relax();
            if (++spins % 64 == 0) {
                wippyi_thread_yield();
            }
        }
        wippyi_a32_store_sc(mine, i);
        wippyi_a32_store_rlx(seen, wippyi_a32_load_sc(other));
        wippyi_a32_add_acqrel(&c->gate, 1); /* part */
        while (wippyi_a32_load_acq(&c->gate) < i * 4) {
            wippyi_cpu_relax();
            if (++spins % 64 == 0) {
                wippyi_thread_yield();
            }
        }
        if (first) {
            bool missed = wippyi_a32_load_rlx(&c->seen_x) < i && wippyi_a32_load_rlx(&c->seen_y) < i;
            c->plain += missed ? 1 : 0;
        }
    }
}

TEST(test_atomic_seq_cst_store_then_load_never_misses_on_both_sides)
{
    crew *c = crew_new(3000);
    crew_run(c, store_then_load, 2);
    CHECK_EQ_U64(c->plain, 0);
    free(c);
}

/* A torn 64-bit word would show halves of two values. */
static void write_twins(void *arg)
{
    crew *c = (crew *)arg;
    uint32_t id = wippyi_a32_add_rlx(&c->next_id, 1) + 1;
    for (unsigned i = 0; i < c->rounds; i++) {
        uint64_t half = (uint64_t)id << 24 | i;
        wippyi_a64_store_rlx(&c->a64, half << 32 | half);
        uint64_t seen = wippyi_a64_load_rlx(&c->a64);
        if (seen >> 32 != (seen & 0xffffffffu)) {
            wippyi_a32_add_rlx(&c->a32, 1);
        }
    }
}

TEST(test_atomic_a64_is_never_torn)
{
    crew *c = crew_new(100000);
    crew_run(c, write_twins, CREW);
    CHECK_EQ_U64(wippyi_a32_load_rlx(&c->a32), 0);
    free(c);
}

static void publish(void *arg)
{
    crew *c = (crew *)arg;
    c->payload = 42;
    wippyi_a32_store_rel(&c->gate, 1);
}

TEST(test_atomic_release_store_publishes_what_was_written_before)
{
    for (unsigned i = 0; i < test_scale(100); i++) {
        crew *c = crew_new(1);
        wippyi_thread thread;
        CHECK_EQ_INT(wippyi_thread_start(&thread, publish, c, NULL), WIPPY_OK);
        while (wippyi_a32_load_acq(&c->gate) == 0) {
            wippyi_thread_yield();
        }
        CHECK_EQ_U64(c->payload, 42);
        wippyi_thread_join(&thread);
        free(c);
    }
}

TEST_MAIN(TEST_ENTRY(test_atomic_a32_every_operation_gives_old_and_new_value),
          TEST_ENTRY(test_atomic_a64_every_operation_gives_old_and_new_value),
          TEST_ENTRY(test_atomic_a64_carries_into_the_high_half),
          TEST_ENTRY(test_atomic_a64_is_eight_bytes_aligned_in_a_struct),
          TEST_ENTRY(test_atomic_ap_every_operation_gives_old_and_new_pointer),
          TEST_ENTRY(test_atomic_add_from_many_threads_loses_nothing),
          TEST_ENTRY(test_atomic_compare_and_swap_from_many_threads_loses_nothing),
          TEST_ENTRY(test_atomic_acquire_and_release_guard_plain_memory),
          TEST_ENTRY(test_atomic_pointer_list_gives_every_pushed_node_once),
          TEST_ENTRY(test_atomic_seq_cst_store_then_load_never_misses_on_both_sides),
          TEST_ENTRY(test_atomic_a64_is_never_torn),
          TEST_ENTRY(test_atomic_release_store_publishes_what_was_written_before))
