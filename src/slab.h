/* ========================================================================== >>slab
   A growing table of records that never move and are never unmapped while the runtime lives, so a
   record may be looked at by index at any time, by any thread (process slots, yield records).
   wippyi_slab_at: any thread, no lock.   get/put: under the lock, in groups, through a cache.
   wippyi_slab_cache: its owner only.
   Records begin with a head (wippyi_slab_head); a fresh record is zeroed but for its index before the
   index can be used by anybody.
   Free records are cold, and nobody touches one to find the next: their indices are a stack, whose words
   stand behind the records of each segment, one for each. */
#ifndef WIPPYI_SLAB_H
#define WIPPYI_SLAB_H

#include "memory.h"

#define WIPPYI_SLAB_FIRST 6  /* first segment: 2^6 records */
#define WIPPYI_SLAB_LAST  16 /* segments stop doubling at 2^16 records */
#define WIPPYI_SLAB_SEGMENTS \
    (WIPPYI_SLAB_LAST - WIPPYI_SLAB_FIRST + (1 << (24 - WIPPYI_SLAB_LAST)) + 1)
#define WIPPYI_SLAB_CACHE 32
#define WIPPYI_SLAB_COLD \
    256 /* indices below are handed out one by one, so that they come in order */

typedef struct wippyi_slab_head {
    uint32_t index; /* set once */
    wippyi_a32 count; /* the owner's to count with */
} wippyi_slab_head;

typedef struct wippyi_slab {
    wippyi_mem *mem;
    size_t record_bytes;
    uint32_t limit; /* highest index allowed */
    wippyi_mutex lock;
    uint32_t free_count;  /* guarded by lock, as are the words of the stack */
    uint32_t next;        /* guarded by lock: first index never used; index 0 is reserved */
    uint32_t aside;       /* guarded by lock: next index set aside; see wippyi_slab_set_aside() */
    uint32_t aside_first; /* constant; 0 = none */
    uint32_t aside_end;   /* constant */
    wippyi_a32 high;      /* written under lock; release: publishes the records below it and their
                           segments, pairs with the acquire load in wippyi_slab_at() */
    char *records[WIPPYI_SLAB_SEGMENTS]; /* guarded by lock: first record of each segment, or NULL */
    wippyi_ap origins[WIPPYI_SLAB_SEGMENTS]; /* addresses to count from: wippyi_slab_record();
                                                written before `high`, then constant */
} wippyi_slab;

typedef struct wippyi_slab_cache {
    uint32_t count;
    void *records[WIPPYI_SLAB_CACHE];
} wippyi_slab_cache;

WIPPYI_FN wippy_result wippyi_slab_init(wippyi_slab *slab, wippyi_mem *mem, size_t record_bytes,
                                        uint32_t limit);
/* Keep the indices [from, to) of the first segment out of the ordinary run; before the first get. */
WIPPYI_FN void wippyi_slab_set_aside(wippyi_slab *slab, uint32_t from, uint32_t to);
/* A record from there, or an ordinary one when they are used up. NULL: no memory, or the limit. */
WIPPYI_FN void *wippyi_slab_get_aside(wippyi_slab *slab, wippyi_slab_cache *cache);
/* One past the highest index made so far, as of a moment inside the call. */
WIPPYI_FN uint32_t wippyi_slab_high(wippyi_slab *slab);
WIPPYI_FN void wippyi_slab_destroy(wippyi_slab *slab);
WIPPYI_FN bool wippyi_slab_refill(wippyi_slab *slab, wippyi_slab_cache *cache);
WIPPYI_FN void wippyi_slab_return(wippyi_slab *slab, wippyi_slab_cache *cache, uint32_t count);

/* Records are numbered from here on for finding them: then segment n of the doubling ones begins at a
   power of two, and each of the rest at a multiple of the largest. */
WIPPYI_INLINE uint32_t wippyi_slab_biased(uint32_t index)
{
    return index + (1u << WIPPYI_SLAB_FIRST);
}

WIPPYI_INLINE uint32_t wippyi_slab_segment_of(uint32_t biased)
{
    uint32_t top;
    if (biased >= (1u << WIPPYI_SLAB_LAST)) {
        return WIPPYI_SLAB_LAST - WIPPYI_SLAB_FIRST - 1 + (biased >> WIPPYI_SLAB_LAST);
    }
#if WIPPYI_GNUC
    top = (uint32_t)__builtin_clz(biased) ^ 31u;
#else
    for (top = WIPPYI_SLAB_FIRST; (biased >> (top + 1)) != 0; top++) {
    }
#endif
    return top - WIPPYI_SLAB_FIRST;
}

/* The first record of a segment, in the same count. */
WIPPYI_INLINE uint32_t wippyi_slab_segment_first(uint32_t segment)
{
    uint32_t doubling = WIPPYI_SLAB_LAST - WIPPYI_SLAB_FIRST;
    return segment < doubling ? 1u << (segment + WIPPYI_SLAB_FIRST)
                              : (segment - doubling + 1) << WIPPYI_SLAB_LAST;
}

/* Where index lives: segment number and position. */
WIPPYI_INLINE uint32_t wippyi_slab_place(uint32_t index, uint32_t *offset)
{
    uint32_t biased = wippyi_slab_biased(index);
    uint32_t segment = wippyi_slab_segment_of(biased);
    *offset = biased - wippyi_slab_segment_first(segment);
    return segment;
}

/* Was a record ever made there? Index 0 wraps around. */
WIPPYI_INLINE bool wippyi_slab_has(const wippyi_slab *slab, uint32_t index)
{
    return index - 1 < wippyi_a32_load_acq(&slab->high) - 1;
}

/* The record of an index that has one. record_bytes: those of the slab, a constant where the caller
   knows them. */
WIPPYI_INLINE void *wippyi_slab_record(const wippyi_slab *slab, uint32_t index, size_t record_bytes)
{
    uint32_t biased = wippyi_slab_biased(index);
    /* the origin lies in front of the segment, so that nothing has to be subtracted here */
    return (void *)((uintptr_t)wippyi_ap_load_rlx(&slab->origins[wippyi_slab_segment_of(biased)]) +
                    biased * record_bytes);
}

/* The same, or NULL. */
WIPPYI_INLINE void *wippyi_slab_at(const wippyi_slab *slab, uint32_t index)
{
    return wippyi_slab_has(slab, index) ? wippyi_slab_record(slab, index, slab->record_bytes) : NULL;
}

WIPPYI_INLINE void *wippyi_slab_get(wippyi_slab *slab, wippyi_slab_cache *cache)
{
    if (WIPPYI_UNLIKELY(cache->count == 0) && !wippyi_slab_refill(slab, cache)) {
        return NULL;
    }
    return cache->records[--cache->count];
}

WIPPYI_INLINE void wippyi_slab_put(wippyi_slab *slab, wippyi_slab_cache *cache, void *record)
{
    if (WIPPYI_UNLIKELY(cache->count == WIPPYI_SLAB_CACHE)) {
        wippyi_slab_return(slab, cache, WIPPYI_SLAB_CACHE / 2);
    }
    cache->records[cache->count++] = record;
}

#endif /* WIPPYI_SLAB_H */
