/* Maps by text and by number: order, refusal, memory that runs out, and stb_ds kept to ourselves. */
#define WIPPY_IMPLEMENTATION
#include "wippy.h"

#include "../test.h"

/* ------------------------------------------------------------------ tools */

typedef struct bench {
    test_heap heap;
    wippyi_mem mem;
} bench;

static void bench_init_on(bench *b, test_heap *heap)
{
    wippy_allocator allocator;
    memset(&allocator, 0, sizeof(allocator));
    allocator.alloc_fn = test_alloc_fn;
    allocator.free_fn = test_free_fn;
    allocator.user_data = heap;
    wippyi_mem_init(&b->mem, &allocator);
}

static void bench_init(bench *b)
{
    test_heap_init(&b->heap);
    bench_init_on(b, &b->heap);
}

/* A value that is a number. */
static void *as_value(uintptr_t number)
{
    return (void *)number;
}

static wippy_result put(wippyi_strmap *map, const char *key, uintptr_t value)
{
    return wippyi_strmap_put(map, key, strlen(key), as_value(value));
}

static uintptr_t get(const wippyi_strmap *map, const char *key)
{
    return (uintptr_t)wippyi_strmap_get(map, key, strlen(key));
}

/* Every link of a map agrees with every other; the keys are findable. */
static void check_whole(const wippyi_table *table, bool by_text)
{
    size_t count = 0;
    const wippyi_table_entry *previous = NULL;
    for (wippyi_table_entry *e = table->first; e != NULL; e = e->next) {
        CHECK_EQ_PTR(e->previous, previous);
        const char *text = by_text ? wippyi_table_text(e) : "";
        CHECK_EQ_PTR(wippyi_table_find(table, e->key, text, e->text_size), e);
        CHECK_EQ_INT(wippyi_table_text(e)[e->text_size], 0);
        previous = e;
        count++;
    }
    CHECK_EQ_PTR(table->last, previous);
    CHECK_EQ_INT(table->count, count);
    CHECK_EQ_PTR(wippyi_stb_current, NULL);
}

/* ------------------------------------------------------------------ by text */

TEST(test_strmap_empty_finds_nothing)
{
    bench b;
    wippyi_strmap map;
    void *value = &b;
    bench_init(&b);
    wippyi_strmap_init(&map, &b.mem);
    CHECK_EQ_PTR(wippyi_strmap_get(&map, "a", 1), NULL);
    CHECK_EQ_PTR(wippyi_strmap_find(&map, "", 0), NULL);
    CHECK_EQ_INT(wippyi_strmap_remove(&map, "a", 1, &value), WIPPY_ERR_NOTFOUND);
    CHECK_EQ_PTR(value, &b);
    CHECK_EQ_INT(wippyi_strmap_count(&map), 0);
    CHECK_EQ_PTR(wippyi_strmap_first(&map), NULL);
    CHECK_EQ_U64(b.heap.alloc_count, 0);
    wippyi_strmap_destroy(&map);
    CHECK_BALANCED(&b.heap);
}

TEST(test_strmap_put_get_remove)
{
    bench b;
    wippyi_strmap map;
    void *value = NULL;
    bench_init(&b);
    wippyi_strmap_init(&map, &b.mem);
    CHECK_EQ_INT(put(&map, "one", 1), WIPPY_OK);
    CHECK_EQ_INT(put(&map, "two", 2), WIPPY_OK);
    CHECK_EQ_INT(put(&map, "one", 3), WIPPY_ERR_EXISTS);
    CHECK_EQ_INT(get(&map, "one"), 1);
    CHECK_EQ_INT(get(&map, "two"), 2);
    CHECK_EQ_INT(get(&map, "three"), 0);
    CHECK_EQ_INT(wippyi_strmap_remove(&map, "one", 3, &value), WIPPY_OK);
    CHECK_EQ_PTR(value, as_value(1));
    CHECK_EQ_INT(wippyi_strmap_remove(&map, "one", 3, NULL), WIPPY_ERR_NOTFOUND);
    CHECK_EQ_INT(get(&map, "one"), 0);
    CHECK_EQ_INT(wippyi_strmap_remove(&map, "two", 3, NULL), WIPPY_OK);
    CHECK_EQ_INT(put(&map, "one", 4), WIPPY_OK);
    CHECK_EQ_INT(get(&map, "one"), 4);
    check_whole(&map.table, true);
    wippyi_strmap_destroy(&map);
    CHECK_EQ_INT(wippyi_strmap_count(&map), 0);
    CHECK_BALANCED(&b.heap);
}

TEST(test_strmap_keys_are_bytes_of_explicit_length)
{
    bench b;
    wippyi_strmap map;
    char room[4] = {'a', 'b', 0, 'c'};
    bench_init(&b);
    wippyi_strmap_init(&map, &b.mem);
    for (size_t size = 0; size <= sizeof(room); size++) {
        CHECK_EQ_INT(wippyi_strmap_put(&map, room, size, as_value(size + 1)), WIPPY_OK);
    }
    memset(room, 'x', sizeof(room)); /* keys were copied */
    CHECK_EQ_PTR(wippyi_strmap_get(&map, "", 0), as_value(1));
    CHECK_EQ_PTR(wippyi_strmap_get(&map, NULL, 0), as_value(1));
    CHECK_EQ_PTR(wippyi_strmap_get(&map, "ab", 2), as_value(3));
    CHECK_EQ_PTR(wippyi_strmap_get(&map, "ab\0", 3), as_value(4));
    CHECK_EQ_PTR(wippyi_strmap_get(&map, "ab\0c", 4), as_value(5));
    CHECK_EQ_PTR(wippyi_strmap_get(&map, "ab\0d", 4), NULL);
    const wippyi_table_entry *e = wippyi_strmap_find(&map, "ab\0c", 4);
    REQUIRE(e != NULL);
    CHECK_EQ_INT(e->text_size, 4);
    CHECK_MEM(wippyi_table_text(e), "ab\0c", 5);
    check_whole(&map.table, true);
    wippyi_strmap_destroy(&map);
    CHECK_BALANCED(&b.heap);
}

TEST(test_strmap_null_values_are_values)
{
    bench b;
    wippyi_strmap map;
    bench_init(&b);
    wippyi_strmap_init(&map, &b.mem);
    CHECK_EQ_INT(wippyi_strmap_put(&map, "k", 1, NULL), WIPPY_OK);
    CHECK_EQ_INT(wippyi_strmap_put(&map, "k", 1, &b), WIPPY_ERR_EXISTS);
    CHECK(wippyi_strmap_find(&map, "k", 1) != NULL);
    wippyi_strmap_destroy(&map);
    CHECK_BALANCED(&b.heap);
}

TEST(test_strmap_set_replaces_and_keeps_the_place)
{
    bench b;
    wippyi_strmap map;
    void *old = &b;
    bench_init(&b);
    wippyi_strmap_init(&map, &b.mem);
    CHECK_EQ_INT(wippyi_strmap_set(&map, "a", 1, as_value(1), &old), WIPPY_OK);
    CHECK_EQ_PTR(old, NULL);
    CHECK_EQ_INT(put(&map, "b", 2), WIPPY_OK);
    CHECK_EQ_INT(wippyi_strmap_set(&map, "a", 1, as_value(3), &old), WIPPY_OK);
    CHECK_EQ_PTR(old, as_value(1));
    CHECK_EQ_INT(wippyi_strmap_set(&map, "a", 1, as_value(4), NULL), WIPPY_OK);
    CHECK_EQ_INT(wippyi_strmap_count(&map), 2);
    CHECK_STR(wippyi_table_text(wippyi_strmap_first(&map)), "a");
    CHECK_EQ_PTR(wippyi_strmap_first(&map)->value, as_value(4));
    wippyi_strmap_destroy(&map);
    CHECK_BALANCED(&b.heap);
}

static void check_order(const wippyi_strmap *map, const char *expected)
{
    char seen[64] = "";
    size_t used = 0;
    for (const wippyi_table_entry *e = wippyi_strmap_first(map); e != NULL; e = e->next) {
        seen[used++] = wippyi_table_text(e)[0];
        seen[used] = '\0';
    }
    CHECK_STR(seen, expected);
}

TEST(test_strmap_is_visited_in_the_order_of_puts)
{
    bench b;
    wippyi_strmap map;
    bench_init(&b);
    wippyi_strmap_init(&map, &b.mem);
    for (const char *c = "qwertyuiopasdfghjkl"; *c != '\0'; c++) {
        CHECK_EQ_INT(wippyi_strmap_put(&map, c, 1, NULL), WIPPY_OK);
    }
    check_order(&map, "qwertyuiopasdfghjkl");
    CHECK_EQ_INT(wippyi_strmap_remove(&map, "q", 1, NULL), WIPPY_OK); /* first */
    CHECK_EQ_INT(wippyi_strmap_remove(&map, "l", 1, NULL), WIPPY_OK); /* last */
    CHECK_EQ_INT(wippyi_strmap_remove(&map, "i", 1, NULL), WIPPY_OK);
    check_order(&map, "wertyuopasdfghjk");
    CHECK_EQ_INT(put(&map, "i", 1), WIPPY_OK);
    check_order(&map, "wertyuopasdfghjki");
    wippyi_table_entry *next = NULL; /* removing while visiting */
    for (wippyi_table_entry *e = wippyi_strmap_first(&map); e != NULL; e = next) {
        next = e->next;
        if (strchr("aeiouy", wippyi_table_text(e)[0]) != NULL) {
            CHECK_EQ_INT(wippyi_strmap_remove(&map, wippyi_table_text(e), 1, NULL), WIPPY_OK);
        }
    }
    check_order(&map, "wrtpsdfghjk");
    check_whole(&map.table, true);
    wippyi_strmap_destroy(&map);
    CHECK_BALANCED(&b.heap);
}

TEST(test_strmap_destroyed_may_be_used_again)
{
    bench b;
    wippyi_strmap map;
    bench_init(&b);
    wippyi_strmap_init(&map, &b.mem);
    for (int round = 0; round < 3; round++) {
        CHECK_EQ_INT(put(&map, "a", 1), WIPPY_OK);
        wippyi_strmap_destroy(&map);
        CHECK_EQ_INT(wippyi_strmap_count(&map), 0);
        CHECK_EQ_U64(b.heap.live_bytes, 0);
    }
    CHECK_BALANCED(&b.heap);
}

/* ------------------------------------------------------------------ by number */

TEST(test_intmap_put_get_remove)
{
    static const uint64_t keys[] = {0, 1, UINT64_MAX, 0x100000000u, 1u << 31, 2};
    bench b;
    wippyi_intmap map;
    void *value = NULL;
    bench_init(&b);
    wippyi_intmap_init(&map, &b.mem);
    CHECK_EQ_PTR(wippyi_intmap_get(&map, 0), NULL);
    CHECK_EQ_INT(wippyi_intmap_remove(&map, 0, NULL), WIPPY_ERR_NOTFOUND);
    for (size_t i = 0; i < WIPPYI_COUNT(keys); i++) {
        CHECK_EQ_INT(wippyi_intmap_put(&map, keys[i], as_value(i + 1)), WIPPY_OK);
        CHECK_EQ_INT(wippyi_intmap_put(&map, keys[i], NULL), WIPPY_ERR_EXISTS);
    }
    size_t place = 0;
    for (const wippyi_table_entry *e = wippyi_intmap_first(&map); e != NULL; e = e->next) {
        CHECK_EQ_U64(e->key, keys[place]);
        CHECK_EQ_PTR(e->value, as_value(++place));
    }
    CHECK_EQ_INT(place, WIPPYI_COUNT(keys));
    CHECK_EQ_INT(wippyi_intmap_set(&map, UINT64_MAX, as_value(77), &value), WIPPY_OK);
    CHECK_EQ_PTR(value, as_value(3));
    CHECK_EQ_INT(wippyi_intmap_remove(&map, UINT64_MAX, &value), WIPPY_OK);
    CHECK_EQ_PTR(value, as_value(77));
    CHECK_EQ_PTR(wippyi_intmap_find(&map, UINT64_MAX), NULL);
    CHECK_EQ_INT(wippyi_intmap_count(&map), WIPPYI_COUNT(keys) - 1);
    check_whole(&map.table, false);
    wippyi_intmap_destroy(&map);
    CHECK_BALANCED(&b.heap);
}

/* ------------------------------------------------------------------ against a model */

enum { MODEL_KEYS = 300 };

typedef struct model {
    bool in[MODEL_KEYS];
    uintptr_t value[MODEL_KEYS];
    size_t count;
} model;

static size_t model_key(char *text, size_t room, uint32_t key)
{
    int size = snprintf(text, room, "%s%u", key % 3 == 0 ? "a long prefix of many keys/" : "", key);
    return (size_t)size;
}

/* One random verb on the map and on the model. */
static void model_step(wippyi_strmap *map, model *m, uintptr_t step)
{
    char text[64];
    uint32_t key = test_random_below(MODEL_KEYS);
    size_t size = model_key(text, sizeof(text), key);
    void *old = NULL;
    switch (test_random_below(4)) {
    case 0:
    case 1: {
        wippy_result expected = m->in[key] ? WIPPY_ERR_EXISTS : WIPPY_OK;
        CHECK_EQ_INT(wippyi_strmap_put(map, text, size, as_value(step)), expected);
        m->value[key] = m->in[key] ? m->value[key] : step;
        m->count += m->in[key] ? 0 : 1;
        m->in[key] = true;
        break;
    }
    case 2: {
        wippy_result expected = m->in[key] ? WIPPY_OK : WIPPY_ERR_NOTFOUND;
        CHECK_EQ_INT(wippyi_strmap_remove(map, text, size, &old), expected);
        CHECK(!m->in[key] || old == as_value(m->value[key]));
        m->count -= m->in[key] ? 1 : 0;
        m->in[key] = false;
        break;
    }
    default:
        CHECK_EQ_PTR(wippyi_strmap_get(map, text, size),
                     m->in[key] ? as_value(m->value[key]) : NULL);
        break;
    }
    CHECK_EQ_INT(wippyi_strmap_count(map), m->count);
}

TEST(test_strmap_agrees_with_a_model)
{
    bench b;
    wippyi_strmap map;
    model m;
    memset(&m, 0, sizeof(m));
    bench_init(&b);
    wippyi_strmap_init(&map, &b.mem);
    uint32_t rounds = test_scale(30000);
    for (uint32_t step = 1; step <= rounds; step++) {
        model_step(&map, &m, step);
        if (step % 1000 == 0) {
            check_whole(&map.table, true);
        }
    }
    wippyi_strmap_destroy(&map);
    CHECK_BALANCED(&b.heap);
}

/* Up and down: the index grows, and gives memory back. */
TEST(test_intmap_grows_and_shrinks)
{
    bench b;
    wippyi_intmap map;
    bench_init(&b);
    wippyi_intmap_init(&map, &b.mem);
    uint64_t count = test_scale(5000);
    for (uint64_t i = 0; i < count; i++) {
        CHECK_EQ_INT(wippyi_intmap_put(&map, i * 0x10001u, as_value((uintptr_t)i + 1)), WIPPY_OK);
    }
    uint64_t full_bytes = b.heap.live_bytes;
    for (uint64_t i = 0; i < count; i++) {
        CHECK_EQ_PTR(wippyi_intmap_get(&map, i * 0x10001u), as_value((uintptr_t)i + 1));
    }
    for (uint64_t i = 0; i < count; i++) {
        CHECK_EQ_INT(wippyi_intmap_remove(&map, i * 0x10001u, NULL), WIPPY_OK);
    }
    CHECK_EQ_INT(wippyi_intmap_count(&map), 0);
    CHECK(b.heap.live_bytes < full_bytes / 2);
    check_whole(&map.table, false);
    wippyi_intmap_destroy(&map);
    CHECK_BALANCED(&b.heap);
}

/* ------------------------------------------------------------------ memory runs out */

enum { SCENARIO_KEYS = 40 };

/* Puts, replaces, removes; whatever is refused must be as if it had not been asked. */
static void strmap_scenario(test_heap *heap, void *arg)
{
    bench b;
    wippyi_strmap map;
    bool in[SCENARIO_KEYS];
    char text[16];
    (void)arg;
    bench_init_on(&b, heap);
    memset(in, 0, sizeof(in));
    wippyi_strmap_init(&map, &b.mem);
    for (unsigned step = 0; step < 3 * SCENARIO_KEYS; step++) {
        unsigned key = step * 7 % SCENARIO_KEYS;
        size_t size = (size_t)snprintf(text, sizeof(text), "key %u", key);
        size_t count = wippyi_strmap_count(&map);
        if (step / SCENARIO_KEYS == 1 && key % 4 != 0) {
            CHECK_EQ_INT(wippyi_strmap_remove(&map, text, size, NULL),
                         in[key] ? WIPPY_OK : WIPPY_ERR_NOTFOUND);
            CHECK_EQ_INT(wippyi_strmap_count(&map), count - (in[key] ? 1 : 0));
            in[key] = false;
        } else {
            void *old = NULL;
            wippy_result result = wippyi_strmap_set(&map, text, size, as_value(step + 1), &old);
            CHECK(result == WIPPY_OK || (result == WIPPY_ERR_NOMEM && !in[key]));
            CHECK_EQ_INT(wippyi_strmap_count(&map), count + (result == WIPPY_OK && !in[key]));
            in[key] = in[key] || result == WIPPY_OK;
        }
        CHECK_EQ_INT(wippyi_strmap_find(&map, text, size) != NULL, in[key]);
    }
    check_whole(&map.table, true);
    wippyi_strmap_destroy(&map);
}

TEST(test_strmap_without_memory_stays_as_it_was_and_usable)
{
    CHECK(test_heap_sweep(strmap_scenario, NULL) > SCENARIO_KEYS);
}

static void intmap_scenario(test_heap *heap, void *arg)
{
    bench b;
    wippyi_intmap map;
    bool in[SCENARIO_KEYS];
    (void)arg;
    bench_init_on(&b, heap);
    memset(in, 0, sizeof(in));
    wippyi_intmap_init(&map, &b.mem);
    for (unsigned i = 0; i < SCENARIO_KEYS; i++) {
        wippy_result result = wippyi_intmap_put(&map, i, as_value(i + 1));
        CHECK(result == WIPPY_OK || result == WIPPY_ERR_NOMEM);
        in[i] = result == WIPPY_OK;
        CHECK_EQ_PTR(wippyi_intmap_get(&map, i), in[i] ? as_value(i + 1) : NULL);
    }
    for (unsigned i = 0; i < SCENARIO_KEYS; i++) {
        CHECK_EQ_INT(wippyi_intmap_remove(&map, i, NULL), in[i] ? WIPPY_OK : WIPPY_ERR_NOTFOUND);
    }
    CHECK_EQ_INT(wippyi_intmap_count(&map), 0);
    wippyi_intmap_destroy(&map);
}

TEST(test_intmap_without_memory_stays_as_it_was_and_usable)
{
    CHECK(test_heap_sweep(intmap_scenario, NULL) > SCENARIO_KEYS);
}

/* Removing leaves tombstones, and rebuilding without them needs memory: with none ever again, a table
   full of tombstones must still answer, and may only refuse to grow. Entries are allocated while
   index memory is refused: those are small, these are not. */
static void *small_only_alloc(size_t size, void *user_data)
{
    return size > 120 ? NULL : test_alloc_fn(size, user_data);
}

TEST(test_intmap_that_can_never_rebuild_does_not_search_for_ever)
{
    bench b;
    wippyi_intmap map;
    unsigned refused = 0;
    unsigned accepted = 0;
    bench_init(&b);
    wippyi_intmap_init(&map, &b.mem);
    for (uint64_t i = 0; i < 20; i++) {
        CHECK_EQ_INT(wippyi_intmap_put(&map, i, NULL), WIPPY_OK);
    }
    b.mem.allocator.alloc_fn = small_only_alloc;
    for (uint64_t i = 20; i < 2000; i++) {
        CHECK_EQ_PTR(wippyi_intmap_find(&map, i), NULL);
        wippy_result result = wippyi_intmap_put(&map, i, NULL);
        CHECK(result == WIPPY_OK || result == WIPPY_ERR_NOMEM);
        accepted += result == WIPPY_OK ? 1 : 0;
        refused += result == WIPPY_ERR_NOMEM ? 1 : 0;
        if (result == WIPPY_OK) {
            CHECK_EQ_INT(wippyi_intmap_remove(&map, i, NULL), WIPPY_OK);
        }
    }
    CHECK(accepted > 0);
    CHECK(refused > 0);
    b.mem.allocator.alloc_fn = test_alloc_fn;
    CHECK_EQ_INT(wippyi_intmap_put(&map, 5000, NULL), WIPPY_OK);
    check_whole(&map.table, false);
    wippyi_intmap_destroy(&map);
    CHECK_BALANCED(&b.heap);
}

TEST(test_strmap_key_of_impossible_size_is_refused)
{
    bench b;
    wippyi_strmap map;
    bench_init(&b);
    wippyi_strmap_init(&map, &b.mem);
    CHECK_EQ_INT(wippyi_table_put(&map.table, 1, "x", SIZE_MAX - 3, NULL), WIPPY_ERR_NOMEM);
    wippyi_strmap_destroy(&map);
    CHECK_BALANCED(&b.heap);
}

/* ------------------------------------------------------------------ several runtimes */

typedef struct tenant {
    wippyi_thread thread;
    bench b;
    unsigned rounds;
    unsigned wrong;
    bool starved;
} tenant;

/* A map of its own, with an allocator of its own that fails now and then. */
static void tenant_run(void *arg)
{
    tenant *t = (tenant *)arg;
    for (unsigned round = 0; round < t->rounds; round++) {
        wippyi_intmap map;
        uintptr_t expected = 0;
        uintptr_t sum = 0;
        if (t->starved) {
            test_heap_fail(&t->b.heap, 1 + round % 90, round % 2 == 0);
        }
        wippyi_intmap_init(&map, &t->b.mem);
        for (uintptr_t i = 1; i < 60; i++) {
            expected += wippyi_intmap_put(&map, i, as_value(i)) == WIPPY_OK ? i : 0;
        }
        for (uintptr_t i = 1; i < 60; i++) {
            sum += (uintptr_t)wippyi_intmap_get(&map, i);
        }
        t->wrong += sum != expected || (!t->starved && sum != 59 * 60 / 2) ? 1 : 0;
        for (uintptr_t i = 1; i < 60; i += 2) {
            wippyi_intmap_remove(&map, i, NULL);
        }
        wippyi_intmap_destroy(&map);
    }
}

TEST(test_table_of_several_threads_do_not_meet)
{
    tenant tenants[3];
    memset(tenants, 0, sizeof(tenants));
    for (size_t i = 0; i < 3; i++) {
        bench_init(&tenants[i].b);
        tenants[i].rounds = test_scale(400);
        tenants[i].starved = i != 1;
        CHECK_EQ_INT(wippyi_thread_start(&tenants[i].thread, tenant_run, &tenants[i], "tenant"),
                     WIPPY_OK);
    }
    for (size_t i = 0; i < 3; i++) {
        wippyi_thread_join(&tenants[i].thread);
        CHECK_EQ_INT(tenants[i].wrong, 0);
        CHECK_BALANCED(&tenants[i].b.heap);
    }
}

TEST_MAIN(TEST_ENTRY(test_strmap_empty_finds_nothing), TEST_ENTRY(test_strmap_put_get_remove),
          TEST_ENTRY(test_strmap_keys_are_bytes_of_explicit_length),
          TEST_ENTRY(test_strmap_null_values_are_values),
          TEST_ENTRY(test_strmap_set_replaces_and_keeps_the_place),
          TEST_ENTRY(test_strmap_is_visited_in_the_order_of_puts),
          TEST_ENTRY(test_strmap_destroyed_may_be_used_again),
          TEST_ENTRY(test_intmap_put_get_remove), TEST_ENTRY(test_strmap_agrees_with_a_model),
          TEST_ENTRY(test_intmap_grows_and_shrinks),
          TEST_ENTRY(test_strmap_without_memory_stays_as_it_was_and_usable),
          TEST_ENTRY(test_intmap_without_memory_stays_as_it_was_and_usable),
          TEST_ENTRY(test_intmap_that_can_never_rebuild_does_not_search_for_ever),
          TEST_ENTRY(test_strmap_key_of_impossible_size_is_refused),
          TEST_ENTRY(test_table_of_several_threads_do_not_meet))
