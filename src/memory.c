#include "memory.h"

#include <stdlib.h>
#include <string.h>

/* ---- the embedder's allocator ---- */

static void *wippyi_malloc(size_t size, void *user_data)
{
    (void)user_data;
    return malloc(size);
}

static void wippyi_free(void *ptr, size_t size, void *user_data)
{
    (void)size;
    (void)user_data;
    free(ptr);
}

WIPPYI_FN void wippyi_mem_init(wippyi_mem *mem, const wippy_allocator *allocator)
{
    memset(mem, 0, sizeof(*mem));
    if (allocator != NULL && allocator->alloc_fn != NULL) {
        mem->allocator = *allocator;
    } else {
        mem->allocator.alloc_fn = wippyi_malloc;
        mem->allocator.free_fn = wippyi_free;
    }
    wippyi_a64_init(&mem->bytes, 0);
}

WIPPYI_FN void *wippyi_mem_alloc(wippyi_mem *mem, size_t size)
{
    void *ptr = mem->allocator.alloc_fn(size > 0 ? size : 1, mem->allocator.user_data);
    if (ptr != NULL) {
        wippyi_a64_add_rlx(&mem->bytes, size);
    }
    return ptr;
}

WIPPYI_FN void wippyi_mem_free(wippyi_mem *mem, void *ptr, size_t size)
{
    if (ptr != NULL) {
        wippyi_a64_sub_rlx(&mem->bytes, size);
        mem->allocator.free_fn(ptr, size > 0 ? size : 1, mem->allocator.user_data);
    }
}

WIPPYI_FN void *wippyi_mem_resize(wippyi_mem *mem, void *ptr, size_t old_size, size_t new_size)
{
    void *fresh = wippyi_mem_alloc(mem, new_size);
    if (fresh == NULL) {
        return NULL;
    }
    if (ptr != NULL) {
        memcpy(fresh, ptr, old_size < new_size ? old_size : new_size);
        wippyi_mem_free(mem, ptr, old_size);
    }
    return fresh;
}

WIPPYI_FN char *wippyi_mem_text(wippyi_mem *mem, const char *text, size_t size)
{
    char *copy = (char *)wippyi_mem_alloc(mem, size + 1);
    if (copy != NULL) {
        if (size > 0) {
            memcpy(copy, text, size);
        }
        copy[size] = '\0';
    }
    return copy;
}

WIPPYI_FN void wippyi_mem_text_free(wippyi_mem *mem, char *text)
{
    if (text != NULL) {
        wippyi_mem_free(mem, text, strlen(text) + 1);
    }
}

/* ---- depot: batches of free blocks, and the chunks everything was cut from ---- */

WIPPYI_FN wippy_result wippyi_depot_init(wippyi_depot *depot, wippyi_mem *mem)
{
    memset(depot, 0, sizeof(*depot));
    depot->mem = mem;
    depot->chunk_bytes = 8 * 1024;
    return wippyi_mutex_init(&depot->lock);
}

WIPPYI_FN void wippyi_depot_destroy(wippyi_depot *depot)
{
    while (depot->chunks != NULL) {
        wippyi_chunk *chunk = depot->chunks;
        depot->chunks = chunk->next;
        wippyi_mem_free(depot->mem, chunk, chunk->size);
    }
    wippyi_mutex_destroy(&depot->lock);
}

#if !WIPPYI_ASAN
static wippyi_block *wippyi_depot_take(wippyi_depot *depot, uint32_t size_class)
{
    wippyi_block *batch;
    wippyi_mutex_lock(&depot->lock);
    batch = depot->batches[size_class];
    if (batch != NULL) {
        depot->batches[size_class] = batch->next_batch;
    }
    wippyi_mutex_unlock(&depot->lock);
    return batch;
}
#endif

/* Each block names one that comes later, so that who takes the batch waits for several at once. */
static void wippyi_batch_trail(wippyi_block *batch)
{
    wippyi_block *ahead = batch;
    uint32_t i;
    for (i = 0; i < WIPPYI_BATCH_AHEAD && ahead != NULL; i++) {
        ahead = ahead->next;
    }
    for (; batch != NULL; batch = batch->next) {
        batch->ahead = ahead;
        ahead = ahead != NULL ? ahead->next : NULL;
    }
}

static void wippyi_depot_give(wippyi_depot *depot, uint32_t size_class, wippyi_block *batch)
{
    wippyi_mutex_lock(&depot->lock);
    batch->next_batch = depot->batches[size_class];
    depot->batches[size_class] = batch;
    wippyi_mutex_unlock(&depot->lock);
}

#if !WIPPYI_ASAN
static bool wippyi_heap_new_chunk(wippyi_heap *heap)
{
    wippyi_depot *depot = heap->depot;
    wippyi_chunk *chunk;
    size_t size;
    wippyi_mutex_lock(&depot->lock);
    size = depot->chunk_bytes;
    if (depot->chunk_bytes < 256 * 1024) {
        depot->chunk_bytes *= 2;
    }
    wippyi_mutex_unlock(&depot->lock);
    chunk = (wippyi_chunk *)wippyi_mem_alloc(depot->mem, size);
    if (chunk == NULL) {
        return false;
    }
    chunk->size = size;
    wippyi_mutex_lock(&depot->lock);
    chunk->next = depot->chunks;
    depot->chunks = chunk;
    wippyi_mutex_unlock(&depot->lock);
    /* blocks start on cache lines, whatever alignment the allocator gave */
    heap->bump = (char *)chunk + sizeof(wippyi_chunk);
    heap->bump += (64 - ((uintptr_t)heap->bump & 63)) & 63;
    heap->bump_end = (char *)chunk + size;
    return true;
}

/* Cut one block from the chunk; what is left of an old chunk is at most 2 KB and forgotten. */
static void *wippyi_heap_cut(wippyi_heap *heap, uint32_t size_class)
{
    size_t size = wippyi_class_bytes(size_class);
    char *block;
    if ((size_t)(heap->bump_end - heap->bump) < size && !wippyi_heap_new_chunk(heap)) {
        return NULL;
    }
    block = heap->bump;
    heap->bump += size;
    return block;
}
#endif

/* ---- heap ---- */

WIPPYI_FN void wippyi_heap_init(wippyi_heap *heap, wippyi_depot *depot)
{
    memset(heap, 0, sizeof(*heap));
    heap->depot = depot;
}

#if !WIPPYI_ASAN
/* A block of a class that has none in hand: from the spare batch or the depot. */
static void *wippyi_heap_reload(wippyi_heap *heap, uint32_t size_class)
{
    wippyi_block *batch = heap->classes[size_class].spare;
    if (batch != NULL) {
        heap->classes[size_class].spare = NULL;
    } else {
        batch = wippyi_depot_take(heap->depot, size_class);
        heap->classes[size_class].took = true;
        heap->classes[size_class].foreign =
            batch != NULL && batch->ahead != NULL ? batch->count - 1 : 0;
    }
    if (batch != NULL) {
        heap->classes[size_class].head = batch->next;
        heap->classes[size_class].count = batch->count - 1;
    }
    return batch;
}

/* The allocator has no more, but blocks of a larger class may lie idle after a flood of large mail:
   cut one up. The pieces stay in their new class. */
static void *wippyi_heap_split(wippyi_heap *heap, uint32_t size_class)
{
    size_t piece = wippyi_class_bytes(size_class);
    uint32_t larger;
    for (larger = size_class + 1; larger < WIPPYI_CLASSES; larger++) {
        char *block = (char *)heap->classes[larger].head;
        size_t at;
        if (block == NULL) {
            block = (char *)wippyi_heap_reload(heap, larger);
        } else {
            heap->classes[larger].head = heap->classes[larger].head->next;
            heap->classes[larger].count--;
        }
        for (at = piece; block != NULL && at < wippyi_class_bytes(larger); at += piece) {
            wippyi_heap_put(heap, size_class, block + at);
        }
        if (block != NULL) {
            return block;
        }
    }
    return NULL;
}
#endif

WIPPYI_FN void *wippyi_heap_refill(wippyi_heap *heap, uint32_t size_class)
{
#if WIPPYI_ASAN
    /* straight from the allocator, so that the sanitizer sees every use after free */
    return wippyi_mem_alloc(heap->depot->mem, wippyi_class_bytes(size_class));
#else
    void *block = wippyi_heap_reload(heap, size_class);
    if (block == NULL) {
        block = wippyi_heap_cut(heap, size_class);
    }
    return block != NULL ? block : wippyi_heap_split(heap, size_class);
#endif
}

/* The spare batch is for others. Who takes as much as it gives gets it back as likely as not. */
static void wippyi_heap_give(wippyi_heap *heap, uint32_t size_class)
{
    wippyi_magazine *magazine = &heap->classes[size_class];
    magazine->spare->ahead = NULL;
    if (!magazine->took) {
        wippyi_batch_trail(magazine->spare);
    }
    magazine->took = false;
    wippyi_depot_give(heap->depot, size_class, magazine->spare);
}

/* The list is full: it becomes the spare, the old spare goes to the depot. */
WIPPYI_FN void wippyi_heap_spill(wippyi_heap *heap, uint32_t size_class)
{
    if (heap->classes[size_class].spare != NULL) {
        wippyi_heap_give(heap, size_class);
    }
    heap->classes[size_class].head->count = heap->classes[size_class].count;
    heap->classes[size_class].spare = heap->classes[size_class].head;
    heap->classes[size_class].head = NULL;
    heap->classes[size_class].count = 0;
}

/* For a worker that ends: what it holds goes to the depot, the rest of its chunk stays unused. */
WIPPYI_FN void wippyi_heap_flush(wippyi_heap *heap)
{
    uint32_t i;
    for (i = 0; i < WIPPYI_CLASSES; i++) {
        if (heap->classes[i].head != NULL) {
            wippyi_heap_spill(heap, i);
        }
        if (heap->classes[i].spare != NULL) {
            wippyi_heap_give(heap, i);
            heap->classes[i].spare = NULL;
        }
    }
}
