#include "snapshot.h"

#include <string.h>

/* ---- order ---- */

static void wippyi_order_sift(wippy_entry **entries, size_t root, size_t count)
{
    for (size_t child = 2 * root + 1; child < count; child = 2 * root + 1) {
        if (child + 1 < count && entries[child]->order < entries[child + 1]->order) {
            child++;
        }
        if (entries[root]->order >= entries[child]->order) {
            return;
        }
        wippy_entry *swapped = entries[root];
        entries[root] = entries[child];
        entries[child] = swapped;
        root = child;
    }
}

/* Heap sort: in place, whatever the input. (qsort() may allocate behind our back.) */
static void wippyi_order_sort(wippy_entry **entries, size_t count)
{
    for (size_t root = count / 2; root > 0; root--) {
        wippyi_order_sift(entries, root - 1, count);
    }
    for (size_t last = count; last > 1; last--) {
        wippy_entry *largest = entries[0];
        entries[0] = entries[last - 1];
        entries[last - 1] = largest;
        wippyi_order_sift(entries, 0, last - 1);
    }
}

/* ---- making ---- */

/* The parts that changes add to and take from a base. */
typedef struct wippyi_merge {
    uint8_t *gone; /* one flag for each entry of the base */
    wippy_entry **added;
    size_t gone_count;
    size_t added_count;
} wippyi_merge;

static void wippyi_merge_free(wippyi_merge *merge, wippyi_mem *mem, size_t base_count, size_t room)
{
    wippyi_mem_free(mem, merge->gone, base_count);
    wippyi_mem_free(mem, merge->added, room * sizeof(wippy_entry *));
}

static void wippyi_merge_take(wippyi_merge *merge, const wippy_snapshot *base,
                              const wippy_entry_change *change)
{
    wippy_slice none = {NULL, 0};
    if (change->before == change->after) {
        return;
    }
    if (change->before != NULL) {
        uint32_t place = wippyi_snapshot_place(base, none, wippyi_text_slice(change->before->id));
        WIPPYI_ASSERT(place != WIPPYI_NOWHERE && merge->gone[place] == 0);
        merge->gone[place] = 1;
        merge->gone_count++;
    }
    if (change->after != NULL) {
        merge->added[merge->added_count++] = change->after;
    }
}

static wippy_result wippyi_merge_make(wippyi_merge *merge, wippyi_mem *mem,
                                      const wippy_snapshot *base, const wippyi_changes *changes)
{
    size_t base_count = base != NULL ? base->count : 0;
    size_t room = changes != NULL ? changes->count : 0;
    memset(merge, 0, sizeof(*merge));
    merge->gone = (uint8_t *)wippyi_mem_alloc(mem, base_count);
    merge->added = (wippy_entry **)wippyi_mem_alloc(mem, room * sizeof(wippy_entry *));
    if (merge->gone == NULL || merge->added == NULL) {
        wippyi_merge_free(merge, mem, base_count, room);
        return WIPPY_ERR_NOMEM;
    }
    memset(merge->gone, 0, base_count);
    for (size_t i = 0; i < room; i++) {
        wippyi_merge_take(merge, base, &changes->items[i]);
    }
    wippyi_order_sort(merge->added, merge->added_count);
    return WIPPY_OK;
}

static wippy_result wippyi_snapshot_alloc(wippyi_mem *mem, size_t room, int64_t version,
                                          wippy_snapshot **out)
{
    wippy_snapshot *snapshot = (wippy_snapshot *)wippyi_mem_alloc(mem, sizeof(wippy_snapshot));
    if (snapshot == NULL) {
        return WIPPY_ERR_NOMEM;
    }
    memset(snapshot, 0, sizeof(*snapshot));
    wippyi_a32_init(&snapshot->holds, 1);
    snapshot->version = version;
    snapshot->room = room;
    snapshot->entries = (wippy_entry **)wippyi_mem_alloc(mem, room * sizeof(wippy_entry *));
    wippy_result result = wippyi_ids_make(&snapshot->index, mem, room);
    if (snapshot->entries == NULL || result != WIPPY_OK) {
        wippyi_snapshot_release(mem, snapshot);
        return result != WIPPY_OK ? result : WIPPY_ERR_NOMEM;
    }
    *out = snapshot;
    return WIPPY_OK;
}

static void wippyi_snapshot_append(wippy_snapshot *snapshot, wippy_entry *entry)
{
    uint32_t place = (uint32_t)snapshot->count++;
    snapshot->entries[place] = wippy_entry_hold(entry);
    wippyi_ids_add(&snapshot->index, snapshot->entries, place);
}

/* Both inputs ascend; so does the result. */
static void wippyi_snapshot_fill(wippy_snapshot *snapshot, const wippy_snapshot *base,
                                 const wippyi_merge *merge)
{
    size_t base_count = base != NULL ? base->count : 0;
    size_t next = 0;
    for (size_t i = 0; i < base_count; i++) {
        if (merge->gone[i] != 0) {
            continue;
        }
        while (next < merge->added_count && merge->added[next]->order < base->entries[i]->order) {
            wippyi_snapshot_append(snapshot, merge->added[next++]);
        }
        wippyi_snapshot_append(snapshot, base->entries[i]);
    }
    while (next < merge->added_count) {
        wippyi_snapshot_append(snapshot, merge->added[next++]);
    }
}

WIPPYI_FN wippy_result wippyi_snapshot_make(wippyi_mem *mem, const wippy_snapshot *base,
                                            const wippyi_changes *changes, int64_t version,
                                            wippy_snapshot **out)
{
    size_t base_count = base != NULL ? base->count : 0;
    wippyi_merge merge;
    wippy_result result = wippyi_merge_make(&merge, mem, base, changes);
    if (result != WIPPY_OK) {
        return result;
    }
    wippy_snapshot *snapshot = NULL;
    result = wippyi_snapshot_alloc(mem, base_count - merge.gone_count + merge.added_count, version,
                                   &snapshot);
    if (result == WIPPY_OK) {
        wippyi_snapshot_fill(snapshot, base, &merge);
        *out = snapshot;
    }
    wippyi_merge_free(&merge, mem, base_count, changes != NULL ? changes->count : 0);
    return result;
}

/* ---- counting ---- */

WIPPY_API wippy_snapshot *wippy_snapshot_hold(wippy_snapshot *snapshot)
{
    if (snapshot != NULL) {
        /* relaxed: the caller has a hold, or the lock under which the pointer is replaced */
        wippyi_a32_add_rlx(&snapshot->holds, 1);
    }
    return snapshot;
}

WIPPYI_FN void wippyi_snapshot_release(wippyi_mem *mem, wippy_snapshot *snapshot)
{
    /* acquire-release: reads made under other holds happen before the memory is freed */
    if (snapshot == NULL || wippyi_a32_sub_acqrel(&snapshot->holds, 1) != 1) {
        return;
    }
    for (size_t i = 0; i < snapshot->count; i++) {
        wippyi_entry_release(mem, snapshot->entries[i]);
    }
    wippyi_mem_free(mem, snapshot->entries, snapshot->room * sizeof(wippy_entry *));
    wippyi_ids_free(&snapshot->index, mem);
    wippyi_mem_free(mem, snapshot, sizeof(*snapshot));
}

/* ---- reading ---- */

WIPPYI_FN uint32_t wippyi_snapshot_place(const wippy_snapshot *snapshot, wippy_slice space,
                                         wippy_slice rest)
{
    return wippyi_ids_find(&snapshot->index, snapshot->entries, space, rest);
}

WIPPY_API int64_t wippy_snapshot_version(const wippy_snapshot *snapshot)
{
    return snapshot->version;
}

WIPPY_API size_t wippy_snapshot_count(const wippy_snapshot *snapshot)
{
    return snapshot->count;
}

WIPPY_API wippy_entry *wippy_snapshot_entry(const wippy_snapshot *snapshot, size_t index)
{
    return index < snapshot->count ? snapshot->entries[index] : NULL;
}

WIPPY_API wippy_entry *wippy_snapshot_get(const wippy_snapshot *snapshot, const char *id)
{
    wippy_slice none = {NULL, 0};
    uint32_t place = wippyi_snapshot_place(snapshot, none, wippyi_text_slice(id));
    return place != WIPPYI_NOWHERE ? snapshot->entries[place] : NULL;
}

WIPPYI_FN wippy_result wippyi_snapshot_diff(wippyi_mem *mem, const wippy_snapshot *from,
                                            const wippy_snapshot *to, wippyi_changes *out)
{
    wippy_result result = wippyi_changes_make(out, mem, from->count + to->count);
    if (result != WIPPY_OK) {
        return result;
    }
    for (size_t i = 0; i < to->count; i++) {
        wippy_entry *before = wippy_snapshot_get(from, to->entries[i]->id);
        if (before != to->entries[i]) {
            wippyi_changes_add(out, before, to->entries[i]);
        }
    }
    for (size_t i = 0; i < from->count; i++) {
        if (wippy_snapshot_get(to, from->entries[i]->id) == NULL) {
            wippyi_changes_add(out, from->entries[i], NULL);
        }
    }
    return WIPPY_OK;
}
