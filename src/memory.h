/* ========================================================================== >>memory
   The allocator of the runtime, and heaps of small blocks over it.
   wippyi_mem:   the embedder's allocator, counted.  Any thread.
   wippyi_depot: batches of free blocks shared by all heaps of a runtime.  Any thread; one lock, taken
                 once per batch of blocks.
   wippyi_heap:  free blocks of one worker.  Only its owner, or (shared heap) under its lock.
   A block may be freed into another heap than it came from; surplus travels through the depot in
   batches, so a producer and a consumer on two cores meet once per WIPPYI_BATCH blocks.
   Memory of heaps goes back to the allocator when the depot is destroyed. */
#ifndef WIPPYI_MEMORY_H
#define WIPPYI_MEMORY_H

#include "api.h"
#include "atomic.h"
#include "config.h"
#include "platform.h"

typedef struct wippyi_mem {
    wippy_allocator allocator;
    wippyi_a64 bytes; /* advisory: taken and not given back */
} wippyi_mem;

/* NULL or empty: malloc and free. */
WIPPYI_FN void wippyi_mem_init(wippyi_mem *mem, const wippy_allocator *allocator);
WIPPYI_FN void *wippyi_mem_alloc(wippyi_mem *mem, size_t size);
WIPPYI_FN void wippyi_mem_free(wippyi_mem *mem, void *ptr, size_t size);
WIPPYI_FN void *wippyi_mem_resize(wippyi_mem *mem, void *ptr, size_t old_size, size_t new_size);
WIPPYI_FN char *wippyi_mem_text(wippyi_mem *mem, const char *text, size_t size); /* copy + NUL */
WIPPYI_FN void wippyi_mem_text_free(wippyi_mem *mem, char *text);                /* by strlen */

#define WIPPYI_CLASSES     6  /* 64 128 256 512 1024 2048 bytes */
#define WIPPYI_CLASS_LARGE 16 /* straight from wippyi_mem */
#define WIPPYI_BATCH       32 /* blocks that travel together */
#define WIPPYI_BATCH_AHEAD 4  /* of them travel between two cores at the same time */

typedef struct wippyi_block {
    struct wippyi_block *next;
    struct wippyi_block *next_batch; /* first block of a batch: the next batch of the depot */
    uint32_t count;                  /* first block of a batch: blocks in it */
    struct wippyi_block *ahead;      /* in a batch from the depot: one to be taken a little later, or NULL */
} wippyi_block;

typedef struct wippyi_chunk {
    struct wippyi_chunk *next;
    size_t size;
} wippyi_chunk;

typedef struct wippyi_depot {
    wippyi_mem *mem;
    wippyi_mutex lock;
    wippyi_block *batches[WIPPYI_CLASSES]; /* guarded by lock */
    wippyi_chunk *chunks;                  /* guarded by lock */
    size_t chunk_bytes;                    /* guarded by lock; grows */
} wippyi_depot;

typedef struct wippyi_magazine { /* blocks of one class */
    wippyi_block *head;  /* at most WIPPYI_BATCH */
    wippyi_block *spare; /* NULL or a batch */
    uint32_t count;      /* of head */
    uint32_t foreign;    /* how many of head, about, another core had last */
    bool took;           /* from the depot, since the last batch for it */
} wippyi_magazine;

typedef struct wippyi_heap {
    wippyi_depot *depot;
    wippyi_magazine classes[WIPPYI_CLASSES];
    char *bump; /* unused rest of this heap's chunk */
    char *bump_end;
} wippyi_heap;

WIPPYI_FN wippy_result wippyi_depot_init(wippyi_depot *depot, wippyi_mem *mem);
WIPPYI_FN void wippyi_depot_destroy(wippyi_depot *depot);
WIPPYI_FN void wippyi_heap_init(wippyi_heap *heap, wippyi_depot *depot);
WIPPYI_FN void wippyi_heap_flush(wippyi_heap *heap); /* everything to the depot */
WIPPYI_FN void *wippyi_heap_refill(wippyi_heap *heap, uint32_t size_class);
WIPPYI_FN void wippyi_heap_spill(wippyi_heap *heap, uint32_t size_class);

WIPPYI_INLINE size_t wippyi_class_bytes(uint32_t size_class)
{
    return (size_t)64 << size_class;
}

/* Smallest class that holds `size` bytes, or WIPPYI_CLASS_LARGE. */
WIPPYI_INLINE uint32_t wippyi_class_of(size_t size)
{
    uint32_t size_class = 1;
    if (WIPPYI_LIKELY(size <= 64)) {
        return 0;
    }
    if (size > wippyi_class_bytes(WIPPYI_CLASSES - 1)) {
        return WIPPYI_CLASS_LARGE;
    }
#if WIPPYI_GNUC
    size_class = 32 - (uint32_t)__builtin_clz((uint32_t)((size - 1) / 64));
#else
    while (wippyi_class_bytes(size_class) < size) {
        size_class++;
    }
#endif
    return size_class;
}

/* Take `block`, the head of the magazine. */
WIPPYI_INLINE void *wippyi_magazine_pop(wippyi_magazine *magazine, wippyi_block *block)
{
    magazine->head = block->next;
    magazine->count--;
    return block;
}

/* Just before `block`, which was the head, is written: ask for one that is taken a little later. */
WIPPYI_INLINE void wippyi_magazine_ahead(wippyi_magazine *magazine, const wippyi_block *block)
{
    if (magazine->foreign != 0) {
        magazine->foreign--;
        WIPPYI_PREFETCH(block->ahead);
    }
}

/* A block of a class; NULL when the allocator has none. */
WIPPYI_INLINE void *wippyi_heap_get(wippyi_heap *heap, uint32_t size_class)
{
    wippyi_magazine *magazine = &heap->classes[size_class];
    wippyi_block *block = magazine->head;
    if (WIPPYI_UNLIKELY(block == NULL)) {
        return wippyi_heap_refill(heap, size_class);
    }
    return wippyi_magazine_pop(magazine, block);
}

/* May a block be pushed without wippyi_heap_put()? */
WIPPYI_INLINE bool wippyi_magazine_room(const wippyi_magazine *magazine)
{
    return !WIPPYI_ASAN && magazine->count < WIPPYI_BATCH - 1;
}

WIPPYI_INLINE void wippyi_magazine_push(wippyi_magazine *magazine, void *ptr)
{
    wippyi_block *block = (wippyi_block *)ptr;
    block->next = magazine->head;
    magazine->head = block;
    magazine->count++;
}

WIPPYI_INLINE void wippyi_heap_put(wippyi_heap *heap, uint32_t size_class, void *ptr)
{
#if WIPPYI_ASAN
    wippyi_mem_free(heap->depot->mem, ptr, wippyi_class_bytes(size_class));
#else
    wippyi_magazine *magazine = &heap->classes[size_class];
    wippyi_magazine_push(magazine, ptr);
    if (WIPPYI_UNLIKELY(magazine->count == WIPPYI_BATCH)) {
        wippyi_heap_spill(heap, size_class);
    }
#endif
}

#endif /* WIPPYI_MEMORY_H */
