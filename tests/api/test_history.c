/* Old versions of the registry: whatever was made from what, each that is kept shows what it showed when
   it was current; the others are gone, with their memory. */
#include "wippy.h"

#include "../test.h"

#include "../registry_kit.h"

#define NAMES    5
#define VERSIONS 512

/* What must be so. A version is a number for each name, 0 = no such entry. */
typedef struct history {
    kit k;
    uint32_t limit;
    int first;
    int count;
    int current;
    uint32_t stamp;
    int previous[VERSIONS];
    uint32_t values[VERSIONS][NAMES];
} history;

static const char *const names[NAMES] = {"x:a", "x:b", "x:c", "x:d", "x:e"};

static bool history_open(history *h, test_heap *heap, uint32_t limit)
{
    wippy_desc desc;
    memset(h, 0, sizeof(*h));
    test_heap_init(&h->k.heap);
    kit_desc(&h->k, &desc);
    desc.allocator.user_data = heap != NULL ? heap : &h->k.heap;
    desc.history_limit = limit;
    h->limit = limit;
    h->count = 1;
    h->previous[0] = -1;
    return wippy_create(&h->k.rt, &desc) == WIPPY_OK;
}

/* ------------------------------------------------------------------ what it does */

/* A few of the names: made, changed or deleted. */
static wippy_result change(history *h)
{
    kit_wish wishes[NAMES];
    char data[NAMES][32];
    uint32_t after[NAMES];
    size_t count = 0;
    int64_t version = -9;
    memcpy(after, h->values[h->current], sizeof(after));
    uint32_t which = 1 + test_random_below((1u << NAMES) - 1);
    for (size_t i = 0; i < NAMES; i++) {
        if ((which >> i & 1) == 0) {
            continue;
        }
        bool gone = after[i] != 0 && test_random_below(3) == 0;
        snprintf(data[i], sizeof(data[i]), "{'n': %u}", ++h->stamp);
        memset(&wishes[count], 0, sizeof(wishes[count]));
        wishes[count].op = gone ? '-' : after[i] != 0 ? '=' : '+';
        wishes[count].id = names[i];
        wishes[count].kind = "registry.entry";
        wishes[count].data = data[i];
        after[i] = gone ? 0 : h->stamp;
        count++;
    }
    wippy_result result = kit_apply(&h->k, wishes, count, &version, NULL);
    CHECK_EQ_INT(version, result == WIPPY_OK ? h->count : -9);
    if (result == WIPPY_OK) {
        memcpy(h->values[h->count], after, sizeof(after));
        h->previous[h->count] = h->current;
        h->current = h->count++;
        h->first += (uint32_t)(h->count - h->first) > h->limit;
    }
    return result;
}

static wippy_result go_to(history *h, int version)
{
    wippy_diag diag;
    memset(&diag, 0, sizeof(diag));
    wippy_result result = wippy_registry_apply_version(h->k.rt, version, &diag);
    if (version < h->first || version >= h->count) {
        CHECK_EQ_INT(result, WIPPY_ERR_NOTFOUND);
        CHECK_STR(diag.message, "version not found");
    } else if (result == WIPPY_OK) {
        h->current = version;
    }
    return result;
}

/* ------------------------------------------------------------------ what must be so */

static uint32_t number_of(const wippy_snapshot *snapshot, const char *name)
{
    wippy_entry *entry = wippy_snapshot_get(snapshot, name);
    return entry != NULL ? (uint32_t)wippy_value_int(wippy_entry_data(entry), "n", -1) : 0;
}

static void look_at(const history *h, wippy_snapshot *snapshot, int version)
{
    size_t count = 0;
    for (size_t i = 0; i < NAMES; i++) {
        CHECK_EQ_INT(number_of(snapshot, names[i]), h->values[version][i]);
        count += h->values[version][i] != 0;
    }
    CHECK_EQ_INT(wippy_snapshot_count(snapshot), count);
    CHECK_EQ_INT(wippy_snapshot_version(snapshot), version);
    wippy_snapshot_release(h->k.rt, snapshot);
}

static void look_back(const history *h, int version)
{
    wippy_version_info info;
    wippy_snapshot *snapshot = NULL;
    bool kept = version >= h->first && version < h->count;
    wippy_result result = wippy_snapshot_at(h->k.rt, version, &snapshot);
    CHECK_EQ_INT(wippy_version_get(h->k.rt, version, &info), kept ? WIPPY_OK : WIPPY_ERR_NOTFOUND);
    if (!kept) {
        CHECK_EQ_INT(result, WIPPY_ERR_NOTFOUND);
        return;
    }
    int previous = h->previous[version];
    CHECK_EQ_INT(info.previous, previous < h->first ? -1 : previous);
    CHECK(info.next == -1 || (info.next < h->count && h->previous[info.next] == version));
    CHECK(result == WIPPY_OK || result == WIPPY_ERR_NOMEM);
    if (result == WIPPY_OK) {
        look_at(h, snapshot, version);
    }
}

static void look(const history *h)
{
    int64_t numbers[VERSIONS];
    wippy_snapshot *snapshot = NULL;
    size_t count = wippy_versions(h->k.rt, numbers, VERSIONS);
    CHECK_EQ_INT(count, h->count - h->first);
    for (size_t i = 0; i < count; i++) {
        CHECK_EQ_INT(numbers[i], h->first + (int)i);
    }
    CHECK_EQ_INT(wippy_version_current(h->k.rt), h->current);
    wippy_snapshot_current(h->k.rt, &snapshot);
    look_at(h, snapshot, h->current);
}

/* ------------------------------------------------------------------ the tests */

TEST(test_history_any_way_through_the_versions_shows_what_was)
{
    static const uint32_t limits[] = {1, 2, 3, 8, 9, 40, UINT32_MAX};
    static history h;
    for (size_t i = 0; i < TEST_COUNT(limits); i++) {
        REQUIRE(history_open(&h, NULL, limits[i]));
        while (h.count < 300) {
            if (test_random_below(3) == 0) {
                go_to(&h, (int)test_random_below((uint32_t)h.count + 1));
            } else {
                CHECK_EQ_INT(change(&h), WIPPY_OK);
            }
            look(&h);
            look_back(&h, (int)test_random_below((uint32_t)h.count + 1));
        }
        for (int version = -1; version <= h.count; version++) {
            look_back(&h, version);
        }
        kit_close(&h.k);
    }
}

/* Back to the oldest that is kept and on from there: it is forgotten, the others stay. */
TEST(test_history_grows_from_the_oldest_that_is_kept)
{
    static history h;
    REQUIRE(history_open(&h, NULL, 10));
    while (h.count < 20) {
        change(&h);
    }
    CHECK_EQ_INT(h.first, 10);
    CHECK_EQ_INT(go_to(&h, 10), WIPPY_OK);
    CHECK_EQ_INT(change(&h), WIPPY_OK);
    CHECK_EQ_INT(go_to(&h, 10), WIPPY_ERR_NOTFOUND);
    for (int version = 9; version <= h.count; version++) {
        look_back(&h, version);
    }
    CHECK_EQ_INT(go_to(&h, 11), WIPPY_OK);
    look(&h);
    kit_close(&h.k);
}

/* Who holds a snapshot keeps it, with its entries, after its number is gone. */
TEST(test_history_a_held_snapshot_stays)
{
    static history h;
    wippy_snapshot *held = NULL;
    REQUIRE(history_open(&h, NULL, 2));
    change(&h);
    wippy_snapshot_current(h.k.rt, &held);
    int version = h.current;
    while (h.count < 10) {
        change(&h);
    }
    look_back(&h, version);
    look_at(&h, held, version);
    kit_close(&h.k);
}

/* Changes for ever need no more memory than the first few hundred. */
TEST(test_history_memory_does_not_grow)
{
    static history h;
    uint64_t most = 0;
    long rounds = test_scale(10000);
    REQUIRE(history_open(&h, NULL, 0));
    CHECK_EQ_INT(wippy_runtime_desc(h.k.rt)->history_limit, 1000);
    kit_one(&h.k, '+', "x:a", "registry.entry", "{'n': 1}");
    for (long i = 0; i < rounds + 4000; i++) {
        CHECK_EQ_INT(kit_one(&h.k, '=', "x:a", NULL, "{'n': 1}"), WIPPY_OK);
        uint64_t bytes = h.k.heap.live_bytes;
        if (i < 2000) {
            most = bytes > most ? bytes : most;
        }
        CHECK(bytes <= most);
    }
    CHECK_EQ_INT(wippy_versions(h.k.rt, NULL, 0), 1000);
    kit_close(&h.k);
}

static void without_memory(test_heap *heap, void *arg)
{
    static history h;
    (void)arg;
    test_global.random = 1; /* the same each time */
    if (!history_open(&h, heap, 3)) {
        return;
    }
    for (int i = 0; i < 12; i++) {
        wippy_result result =
            i % 3 == 2 ? go_to(&h, h.first + (int)test_random_below(3)) : change(&h);
        CHECK(result == WIPPY_OK || result == WIPPY_ERR_NOMEM || result == WIPPY_ERR_NOTFOUND);
        look(&h);
        look_back(&h, h.first);
    }
    CHECK_EQ_INT(wippy_destroy(h.k.rt), WIPPY_OK);
}

TEST(test_history_without_memory_nothing_changes)
{
    CHECK(test_heap_sweep(without_memory, NULL) > 100);
}

TEST_MAIN(TEST_ENTRY(test_history_any_way_through_the_versions_shows_what_was),
          TEST_ENTRY(test_history_grows_from_the_oldest_that_is_kept),
          TEST_ENTRY(test_history_a_held_snapshot_stays),
          TEST_ENTRY(test_history_memory_does_not_grow),
          TEST_ENTRY(test_history_without_memory_nothing_changes))
