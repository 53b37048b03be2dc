/* Records that never move: indices, addresses, limits, reuse, and refusal of memory. */
#define WIPPY_IMPLEMENTATION
#include "wippy.h"

#include "../test.h"

typedef struct record {
    wippyi_slab_head head;
    uint64_t value;
} record;

typedef struct slab_kit {
    test_heap heap;
    wippyi_mem mem;
    wippyi_slab slab;
    wippyi_slab_cache cache;
} slab_kit;

static bool slab_open(slab_kit *k, uint32_t limit)
{
    wippy_allocator allocator;
    memset(k, 0, sizeof(*k));
    allocator.alloc_fn = test_alloc_fn;
    allocator.free_fn = test_free_fn;
    allocator.user_data = &k->heap;
    wippyi_mem_init(&k->mem, &allocator);
    return CHECK_EQ_INT(wippyi_slab_init(&k->slab, &k->mem, 128, limit), WIPPY_OK);
}

static void slab_close(slab_kit *k)
{
    wippyi_slab_destroy(&k->slab);
    CHECK_BALANCED(&k->heap);
}

TEST(test_slab_place_covers_every_index_once)
{
    uint32_t segment = 0;
    uint32_t last_offset = 0;
    wippyi_slab_place(1, &last_offset);
    segment = wippyi_slab_place(1, &last_offset);
    for (uint32_t i = 2; i < 300000; i++) {
        uint32_t offset;
        uint32_t at = wippyi_slab_place(i, &offset);
        if (!CHECK((at == segment && offset == last_offset + 1) || (at == segment + 1 && offset == 0))) {
            return;
        }
        segment = at;
        last_offset = offset;
    }
    uint32_t offset;
    CHECK(wippyi_slab_place((1u << 24) - 1, &offset) < WIPPYI_SLAB_SEGMENTS);
}

TEST(test_slab_hands_out_low_indices_first_zeroed_and_aligned)
{
    slab_kit k;
    REQUIRE(slab_open(&k, 1000));
    CHECK(wippyi_slab_at(&k.slab, 0) == NULL);
    CHECK(wippyi_slab_at(&k.slab, 1) == NULL); /* not yet made */
    for (uint32_t i = 1; i <= 1000; i++) {
        record *r = (record *)wippyi_slab_get(&k.slab, &k.cache);
        REQUIRE(r != NULL);
        CHECK_EQ_INT(r->head.index, i);
        CHECK_EQ_U64(r->value, 0);
        CHECK_EQ_U64((uintptr_t)r & 63, 0);
        CHECK_EQ_PTR(wippyi_slab_at(&k.slab, i), r);
        r->value = i;
    }
    CHECK(wippyi_slab_get(&k.slab, &k.cache) == NULL); /* the limit */
    CHECK(wippyi_slab_get(&k.slab, &k.cache) == NULL);
    CHECK(wippyi_slab_at(&k.slab, 1001) == NULL);
    CHECK(wippyi_slab_at(&k.slab, UINT32_MAX) == NULL);
    for (uint32_t i = 1; i <= 1000; i++) {
        CHECK_EQ_U64(((record *)wippyi_slab_at(&k.slab, i))->value, i); /* nothing has moved */
    }
    slab_close(&k);
}

TEST(test_slab_reuses_what_comes_back_and_keeps_its_content)
{
    slab_kit k;
    static record *taken[200];
    static bool out[201];
    REQUIRE(slab_open(&k, 200));
    for (int i = 0; i < 200; i++) {
        taken[i] = (record *)wippyi_slab_get(&k.slab, &k.cache);
        REQUIRE(taken[i] != NULL);
        taken[i]->value = taken[i]->head.index;
    }
    for (int round = 0; round < 50; round++) {
        wippyi_slab_cache other;
        memset(&other, 0, sizeof(other));
        memset(out, 0, sizeof(out));
        for (int i = 0; i < 200; i++) {
            wippyi_slab_put(&k.slab, &other, taken[i]); /* another worker's cache */
        }
        wippyi_slab_return(&k.slab, &other, other.count);
        for (int i = 0; i < 200; i++) {
            taken[i] = (record *)wippyi_slab_get(&k.slab, &k.cache);
            REQUIRE(taken[i] != NULL);
            CHECK(!out[taken[i]->head.index]);
            out[taken[i]->head.index] = true;
            CHECK_EQ_U64(taken[i]->value, taken[i]->head.index);
        }
        CHECK(wippyi_slab_get(&k.slab, &k.cache) == NULL);
    }
    slab_close(&k);
}

TEST(test_slab_refused_memory_is_an_answer)
{
    slab_kit k;
    REQUIRE(slab_open(&k, 10000));
    test_heap_fail(&k.heap, 1, true);
    CHECK(wippyi_slab_get(&k.slab, &k.cache) == NULL);
    test_heap_fail(&k.heap, 2, true); /* the first segment, and no more */
    uint32_t got = 0;
    while (wippyi_slab_get(&k.slab, &k.cache) != NULL) {
        got++;
    }
    CHECK(got >= 63);
    test_heap_fail(&k.heap, 0, false);
    CHECK(wippyi_slab_get(&k.slab, &k.cache) != NULL);
    slab_close(&k);
}

TEST_MAIN(TEST_ENTRY(test_slab_place_covers_every_index_once),
          TEST_ENTRY(test_slab_hands_out_low_indices_first_zeroed_and_aligned),
          TEST_ENTRY(test_slab_reuses_what_comes_back_and_keeps_its_content),
          TEST_ENTRY(test_slab_refused_memory_is_an_answer))
