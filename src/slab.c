#include "slab.h"

#include <string.h>

static uint32_t wippyi_slab_segment_records(uint32_t segment)
{
    uint32_t doubling = WIPPYI_SLAB_LAST - WIPPYI_SLAB_FIRST;
    return 1u << (segment < doubling ? segment + WIPPYI_SLAB_FIRST : (uint32_t)WIPPYI_SLAB_LAST);
}

WIPPYI_FN wippy_result wippyi_slab_init(wippyi_slab *slab, wippyi_mem *mem, size_t record_bytes,
                                        uint32_t limit)
{
    memset(slab, 0, sizeof(*slab));
    slab->mem = mem;
    slab->record_bytes = record_bytes;
    slab->limit = limit;
    slab->next = 1;
    wippyi_a32_init(&slab->high, 1);
    return wippyi_mutex_init(&slab->lock);
}

/* Segments are over-allocated by a line so that records start on cache lines. */
static char *wippyi_slab_align(void *block)
{
    char *at = (char *)block + sizeof(void *);
    return at + ((64 - ((uintptr_t)at & 63)) & 63);
}

static size_t wippyi_slab_segment_bytes(const wippyi_slab *slab, uint32_t segment)
{
    return wippyi_slab_segment_records(segment) * (slab->record_bytes + sizeof(uint32_t)) + 64 +
           sizeof(void *);
}

WIPPYI_FN void wippyi_slab_destroy(wippyi_slab *slab)
{
    uint32_t i;
    for (i = 0; i < WIPPYI_SLAB_SEGMENTS; i++) {
        char *records = slab->records[i];
        if (records != NULL) {
            void *block;
            memcpy(&block, records - sizeof(void *), sizeof(block));
            wippyi_mem_free(slab->mem, block, wippyi_slab_segment_bytes(slab, i));
        }
    }
    wippyi_mutex_destroy(&slab->lock);
}

/* The memory of one segment, made when it is first needed; under the lock. The first segment is
   zeroed as a whole, because indices set aside there are handed out before the ones in front. */
static char *wippyi_slab_segment(wippyi_slab *slab, uint32_t segment)
{
    char *records = slab->records[segment];
    void *block;
    if (records != NULL) {
        return records;
    }
    block = wippyi_mem_alloc(slab->mem, wippyi_slab_segment_bytes(slab, segment));
    if (block == NULL) {
        return NULL;
    }
    records = wippyi_slab_align(block);
    if (segment == 0) {
        memset(records, 0, wippyi_slab_segment_records(0) * slab->record_bytes);
    }
    memcpy(records - sizeof(void *), &block, sizeof(block));
    slab->records[segment] = records;
    /* by way of an integer: the address need not lie in any object */
    wippyi_ap_store_rlx(&slab->origins[segment],
                        (void *)((uintptr_t)records - wippyi_slab_segment_first(segment) *
                                                          slab->record_bytes));
    return records;
}

#define WIPPYI_SLAB_PREPARE ((size_t)128 * 1024) /* bytes, in segments of ten times as many */

/* A record of a large segment is about to be written for the first time: is it the first in its 128 KB? Few
   records are made where that much is nothing, and where there are many, most of what making one costs
   is the page. */
static void wippyi_slab_prepare(char *records, size_t bytes, size_t at, size_t record_bytes)
{
    if (bytes >= 10 * WIPPYI_SLAB_PREPARE && at % WIPPYI_SLAB_PREPARE < record_bytes) {
        wippyi_pages_prepare(records + at, WIPPYI_MIN(WIPPYI_SLAB_PREPARE, bytes - at));
    }
}

/* The record of an index never used before; under the lock. NULL: no memory. */
static void *wippyi_slab_make(wippyi_slab *slab, uint32_t index)
{
    uint32_t offset;
    uint32_t segment = wippyi_slab_place(index, &offset);
    char *records = wippyi_slab_segment(slab, segment);
    wippyi_slab_head *head;
    if (records == NULL) {
        return NULL;
    }
    wippyi_slab_prepare(records, wippyi_slab_segment_records(segment) * slab->record_bytes,
                        offset * slab->record_bytes, slab->record_bytes);
    head = (wippyi_slab_head *)(void *)(records + offset * slab->record_bytes);
    memset(head, 0, slab->record_bytes);
    head->index = index;
    return head;
}

/* The next record of the ordinary run; under the lock. NULL: no memory, or the limit. */
static void *wippyi_slab_extend(wippyi_slab *slab)
{
    void *record = slab->next <= slab->limit ? wippyi_slab_make(slab, slab->next) : NULL;
    if (record != NULL && ++slab->next == slab->aside_first) {
        slab->next = slab->aside_end;
    }
    return record;
}

/* release: publishes the records below; pairs with the load in wippyi_slab_at() */
static void wippyi_slab_publish(wippyi_slab *slab)
{
    uint32_t high =
        slab->aside > slab->aside_first && slab->aside > slab->next ? slab->aside : slab->next;
    wippyi_a32_store_rel(&slab->high, high);
}

WIPPYI_FN uint32_t wippyi_slab_high(wippyi_slab *slab)
{
    uint32_t high;
    wippyi_mutex_lock(&slab->lock); /* a refill that comes after us sees what we did before */
    high = wippyi_a32_load_acq(&slab->high);
    wippyi_mutex_unlock(&slab->lock);
    return high;
}

WIPPYI_FN void wippyi_slab_set_aside(wippyi_slab *slab, uint32_t from, uint32_t to)
{
    slab->aside_first = from;
    slab->aside = from;
    slab->aside_end = to;
}

WIPPYI_FN void *wippyi_slab_get_aside(wippyi_slab *slab, wippyi_slab_cache *cache)
{
    void *record = NULL;
    wippyi_mutex_lock(&slab->lock);
    if (slab->aside < slab->aside_end && slab->aside <= slab->limit) {
        record = wippyi_slab_make(slab, slab->aside);
        slab->aside += record != NULL ? 1u : 0u;
        wippyi_slab_publish(slab);
    }
    wippyi_mutex_unlock(&slab->lock);
    return record != NULL ? record : wippyi_slab_get(slab, cache);
}

/* Word number `at` of the stack of free indices; under the lock. There are as many as there are records. */
static uint32_t *wippyi_slab_free(const wippyi_slab *slab, uint32_t at)
{
    uint32_t offset;
    uint32_t segment = wippyi_slab_place(at + 1, &offset);
    char *words =
        slab->records[segment] + wippyi_slab_segment_records(segment) * slab->record_bytes;
    return (uint32_t *)(void *)words + offset;
}

/* Pop up to `wanted` indices; how many. */
static uint32_t wippyi_slab_pop(wippyi_slab *slab, uint32_t *indices, uint32_t wanted)
{
    uint32_t count = WIPPYI_MIN(wanted, slab->free_count);
    uint32_t i;
    for (i = 0; i < count; i++) {
        indices[i] = *wippyi_slab_free(slab, --slab->free_count);
    }
    return count;
}

/* Take up to half a cache of records. False: not one could be had. */
WIPPYI_FN bool wippyi_slab_refill(wippyi_slab *slab, wippyi_slab_cache *cache)
{
    uint32_t free_ones[WIPPYI_SLAB_CACHE];
    void *fresh[WIPPYI_SLAB_CACHE];
    uint32_t wanted = WIPPYI_SLAB_CACHE / 2 - cache->count;
    uint32_t freed, made;
    wippyi_mutex_lock(&slab->lock);
    if (slab->next < WIPPYI_SLAB_COLD && slab->free_count == 0) {
        wanted = 1;
    }
    freed = wippyi_slab_pop(slab, free_ones, wanted);
    for (made = 0; made < wanted - freed; made++) {
        fresh[made] = wippyi_slab_extend(slab);
        if (fresh[made] == NULL) {
            break;
        }
    }
    wippyi_slab_publish(slab);
    wippyi_mutex_unlock(&slab->lock);
    /* what is taken first is handed out first */
    while (made > 0) {
        cache->records[cache->count++] = fresh[--made];
    }
    while (freed > 0) {
        char *record = (char *)wippyi_slab_record(slab, free_ones[--freed], slab->record_bytes);
        WIPPYI_PREFETCH(record);
        WIPPYI_PREFETCH(record + WIPPYI_CACHELINE);
        cache->records[cache->count++] = record;
    }
    return cache->count > 0;
}

WIPPYI_FN void wippyi_slab_return(wippyi_slab *slab, wippyi_slab_cache *cache, uint32_t count)
{
    uint32_t i;
    if (count == 0) {
        return;
    }
    wippyi_mutex_lock(&slab->lock);
    for (i = 0; i < count; i++) { /* the coldest ones, from the bottom */
        *wippyi_slab_free(slab, slab->free_count++) =
            ((const wippyi_slab_head *)cache->records[i])->index;
    }
    wippyi_mutex_unlock(&slab->lock);
    memmove(cache->records, cache->records + count,
            (cache->count - count) * sizeof(cache->records[0]));
    cache->count -= count;
}
