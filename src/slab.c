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
    return wippyi_slab_segment_records(segment) * slab->record_bytes + 64 + sizeof(void *);
}

WIPPYI_FN void wippyi_slab_destroy(wippyi_slab *slab)
{
    uint32_t i;
    for (i = 0; i < WIPPYI_SLAB_SEGMENTS; i++) {
        char *records = (char *)wippyi_ap_load_rlx(&slab->segments[i]);
        if (records != NULL) {
            void *block;
            memcpy(&block, records - sizeof(void *), sizeof(block));
            wippyi_mem_free(slab->mem, block, wippyi_slab_segment_bytes(slab, i));
        }
    }
    wippyi_mutex_destroy(&slab->lock);
}

/* A record never used before; under the lock. NULL: no memory, or the limit. */
static void *wippyi_slab_extend(wippyi_slab *slab)
{
    uint32_t offset;
    uint32_t segment = wippyi_slab_place(slab->next, &offset);
    char *records = (char *)wippyi_ap_load_rlx(&slab->segments[segment]);
    wippyi_slab_head *head;
    if (slab->next > slab->limit) {
        return NULL;
    }
    if (records == NULL) {
        void *block = wippyi_mem_alloc(slab->mem, wippyi_slab_segment_bytes(slab, segment));
        if (block == NULL) {
            return NULL;
        }
        records = wippyi_slab_align(block);
        memcpy(records - sizeof(void *), &block, sizeof(block));
        wippyi_ap_store_rlx(&slab->segments[segment], records);
    }
    head = (wippyi_slab_head *)(void *)(records + offset * slab->record_bytes);
    memset(head, 0, slab->record_bytes);
    head->index = slab->next++;
    return head;
}

/* Take up to half a cache of records. False: not one could be had. */
WIPPYI_FN bool wippyi_slab_refill(wippyi_slab *slab, wippyi_slab_cache *cache)
{
    uint32_t wanted = WIPPYI_SLAB_CACHE / 2;
    uint32_t i;
    wippyi_mutex_lock(&slab->lock);
    while (cache->count < wanted) {
        void *record = NULL;
        if (slab->free_head != 0) {
            record = wippyi_slab_at(slab, slab->free_head);
            if (record != NULL) {
                slab->free_head = wippyi_a32_load_rlx(&((wippyi_slab_head *)record)->link);
            }
        } else {
            record = wippyi_slab_extend(slab);
        }
        if (record == NULL) {
            break;
        }
        cache->records[cache->count++] = record;
    }
    wippyi_a32_store_rel(&slab->high, slab->next);
    wippyi_mutex_unlock(&slab->lock);
    /* lowest index last, so that it is handed out first */
    for (i = 0; i + i + 1 < cache->count; i++) {
        void *other = cache->records[cache->count - 1 - i];
        cache->records[cache->count - 1 - i] = cache->records[i];
        cache->records[i] = other;
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
        wippyi_slab_head *head = (wippyi_slab_head *)cache->records[i];
        wippyi_a32_store_rlx(&head->link, slab->free_head);
        slab->free_head = head->index;
    }
    wippyi_mutex_unlock(&slab->lock);
    memmove(cache->records, cache->records + count,
            (cache->count - count) * sizeof(cache->records[0]));
    cache->count -= count;
}
