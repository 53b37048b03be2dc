/* The counted allocator, and heaps of small blocks whose surplus travels through the depot. */
#define WIPPY_IMPLEMENTATION
#include "wippy.h"

#include "../test.h"

#include <pthread.h>

static void memory_init(wippyi_mem *mem, test_heap *heap)
{
    wippy_allocator allocator;
    test_heap_init(heap);
    allocator.alloc_fn = test_alloc_fn;
    allocator.free_fn = test_free_fn;
    allocator.user_data = heap;
    wippyi_mem_init(mem, &allocator);
}

TEST(test_memory_counts_and_resizes)
{
    wippyi_mem mem;
    test_heap heap;
    memory_init(&mem, &heap);
    char *block = (char *)wippyi_mem_alloc(&mem, 10);
    REQUIRE(block != NULL);
    CHECK_EQ_U64(wippyi_a64_load_rlx(&mem.bytes), 10);
    memcpy(block, "0123456789", 10);
    test_heap_fail(&heap, 1, false);
    CHECK(wippyi_mem_resize(&mem, block, 10, 20) == NULL);
    CHECK_MEM(block, "0123456789", 10); /* intact */
    block = (char *)wippyi_mem_resize(&mem, block, 10, 20);
    REQUIRE(block != NULL);
    CHECK_MEM(block, "0123456789", 10);
    block = (char *)wippyi_mem_resize(&mem, block, 20, 4);
    REQUIRE(block != NULL);
    CHECK_MEM(block, "0123", 4);
    wippyi_mem_free(&mem, block, 4);
    wippyi_mem_free(&mem, NULL, 4);
    block = (char *)wippyi_mem_resize(&mem, NULL, 0, 7);
    wippyi_mem_free(&mem, block, 7);
    char *text = wippyi_mem_text(&mem, "hello there", 5);
    CHECK_STR(text, "hello");
    wippyi_mem_text_free(&mem, text);
    wippyi_mem_text_free(&mem, NULL);
    void *nothing = wippyi_mem_alloc(&mem, 0);
    CHECK(nothing != NULL);
    wippyi_mem_free(&mem, nothing, 0);
    CHECK_EQ_U64(wippyi_a64_load_rlx(&mem.bytes), 0);
    CHECK_BALANCED(&heap);
    wippyi_mem_init(&mem, NULL);
    block = (char *)wippyi_mem_alloc(&mem, 10);
    CHECK(block != NULL);
    wippyi_mem_free(&mem, block, 10);
}

TEST(test_memory_classes_hold_what_they_say)
{
    for (size_t size = 0; size <= 3000; size++) {
        uint32_t size_class = wippyi_class_of(size);
        if (size > 2048) {
            CHECK_EQ_INT(size_class, WIPPYI_CLASS_LARGE);
        } else {
            CHECK(size_class < WIPPYI_CLASSES);
            CHECK(wippyi_class_bytes(size_class) >= size);
            CHECK(size_class == 0 || wippyi_class_bytes(size_class - 1) < size);
        }
    }
}

TEST(test_memory_blocks_do_not_overlap)
{
    wippyi_mem mem;
    test_heap heap;
    wippyi_depot depot;
    wippyi_heap own;
    static unsigned char *blocks[500];
    static uint32_t classes[500];
    memory_init(&mem, &heap);
    REQUIRE(wippyi_depot_init(&depot, &mem) == WIPPY_OK);
    wippyi_heap_init(&own, &depot);
    memset(blocks, 0, sizeof(blocks));
    for (unsigned step = 0; step < test_scale(50000); step++) {
        uint32_t at = test_random_below(500);
        if (blocks[at] != NULL) {
            size_t bytes = wippyi_class_bytes(classes[at]);
            for (size_t i = sizeof(wippyi_block); i < bytes; i += 16) {
                CHECK(blocks[at][i] == (unsigned char)at);
            }
            wippyi_heap_put(&own, classes[at], blocks[at]);
            blocks[at] = NULL;
        } else {
            classes[at] = test_random_below(WIPPYI_CLASSES);
            blocks[at] = (unsigned char *)wippyi_heap_get(&own, classes[at]);
            REQUIRE(blocks[at] != NULL);
            CHECK_EQ_U64((uintptr_t)blocks[at] & 15, 0);
            memset(blocks[at], (int)(at & 255), wippyi_class_bytes(classes[at]));
        }
    }
    for (uint32_t at = 0; at < 500; at++) {
        if (blocks[at] != NULL) {
            wippyi_heap_put(&own, classes[at], blocks[at]);
        }
    }
    wippyi_heap_flush(&own);
    wippyi_depot_destroy(&depot);
    CHECK_BALANCED(&heap);
}

TEST(test_memory_steady_state_takes_nothing_new)
{
    wippyi_mem mem;
    test_heap heap;
    wippyi_depot depot;
    wippyi_heap producer, consumer;
    memory_init(&mem, &heap);
    REQUIRE(wippyi_depot_init(&depot, &mem) == WIPPY_OK);
    wippyi_heap_init(&producer, &depot);
    wippyi_heap_init(&consumer, &depot);
    uint64_t settled = 0;
    for (int round = 0; round < 1000; round++) { /* taken here, freed there, as messages are */
        void *blocks[50];
        for (int i = 0; i < 50; i++) {
            blocks[i] = wippyi_heap_get(&producer, 1);
            REQUIRE(blocks[i] != NULL);
        }
        for (int i = 0; i < 50; i++) {
            wippyi_heap_put(&consumer, 1, blocks[i]);
        }
        if (round == 20) {
            settled = heap.alloc_count;
        }
    }
#if !WIPPYI_ASAN
    CHECK_EQ_U64(heap.alloc_count, settled);
#endif
    (void)settled;
    wippyi_heap_flush(&producer);
    wippyi_heap_flush(&consumer);
    wippyi_depot_destroy(&depot);
    CHECK_BALANCED(&heap);
}

TEST(test_memory_refusal_leaves_the_heap_usable)
{
    wippyi_mem mem;
    test_heap heap;
    wippyi_depot depot;
    wippyi_heap own;
    memory_init(&mem, &heap);
    REQUIRE(wippyi_depot_init(&depot, &mem) == WIPPY_OK);
    wippyi_heap_init(&own, &depot);
    test_heap_fail(&heap, 1, true);
    CHECK(wippyi_heap_get(&own, 3) == NULL);
    CHECK(wippyi_heap_get(&own, 3) == NULL);
    test_heap_fail(&heap, 0, false);
    void *block = wippyi_heap_get(&own, 3);
    CHECK(block != NULL);
    wippyi_heap_put(&own, 3, block);
    wippyi_heap_flush(&own);
    wippyi_depot_destroy(&depot);
    CHECK_BALANCED(&heap);
}

typedef struct traffic {
    wippyi_depot depot;
    void *slots[64]; /* blocks in transit; exchanged atomically */
    uint32_t per_thread;
} traffic;

static void *traffic_main(void *arg)
{
    traffic *t = (traffic *)arg;
    wippyi_heap own;
    uint64_t random = (uint64_t)(uintptr_t)&own;
    wippyi_heap_init(&own, &t->depot);
    for (uint32_t i = 0; i < t->per_thread; i++) {
        uint64_t *block = (uint64_t *)wippyi_heap_get(&own, 0);
        if (!CHECK(block != NULL)) {
            break;
        }
        for (int k = 0; k < 8; k++) {
            block[k] = (uint64_t)(uintptr_t)block;
        }
        block = (uint64_t *)__atomic_exchange_n(&t->slots[test_random_next(&random) % 64], block,
                                                __ATOMIC_ACQ_REL);
        if (block != NULL) {
            for (int k = 0; k < 8; k++) { /* nobody else wrote into it */
                CHECK(block[k] == (uint64_t)(uintptr_t)block);
            }
            wippyi_heap_put(&own, 0, block);
        }
    }
    wippyi_heap_flush(&own);
    return NULL;
}

TEST(test_memory_blocks_travel_between_threads)
{
    static traffic t;
    wippyi_mem mem;
    test_heap heap;
    wippyi_heap last;
    pthread_t threads[3];
    memory_init(&mem, &heap);
    memset(&t, 0, sizeof(t));
    REQUIRE(wippyi_depot_init(&t.depot, &mem) == WIPPY_OK);
    t.per_thread = test_scale(100000);
    for (int i = 0; i < 3; i++) {
        REQUIRE(pthread_create(&threads[i], NULL, traffic_main, &t) == 0);
    }
    for (int i = 0; i < 3; i++) {
        pthread_join(threads[i], NULL);
    }
    wippyi_heap_init(&last, &t.depot);
    for (int i = 0; i < 64; i++) {
        if (t.slots[i] != NULL) {
            wippyi_heap_put(&last, 0, t.slots[i]);
        }
    }
    wippyi_depot_destroy(&t.depot);
    CHECK_BALANCED(&heap);
}

TEST_MAIN(TEST_ENTRY(test_memory_counts_and_resizes),
          TEST_ENTRY(test_memory_classes_hold_what_they_say),
          TEST_ENTRY(test_memory_blocks_do_not_overlap),
          TEST_ENTRY(test_memory_steady_state_takes_nothing_new),
          TEST_ENTRY(test_memory_refusal_leaves_the_heap_usable),
          TEST_ENTRY(test_memory_blocks_travel_between_threads))
