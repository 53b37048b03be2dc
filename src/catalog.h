/* ========================================================================== >>catalog
   Objects made from registry entries (policies, storages, variables), found by id, counted, and
   exchanged in two steps: staged while a registry change may still be taken back, committed when it
   cannot. Committing never fails, because staging reserved what it needs.
   find, next, each: any thread.  stage, unstage, commit: one thread at a time (the registry's).
   Locks: one mutex for the table; held for a few instructions, never while an object is freed.
   Allocates: the table and one node per staged change, through wippyi_mem.
   Holds: the table is sorted by id and has every id once; the last count frees an object. */
#ifndef WIPPYI_CATALOG_H
#define WIPPYI_CATALOG_H

#include "api.h"
#include "atomic.h"
#include "config.h"
#include "memory.h"
#include "platform.h"

/* First member of every object. */
typedef struct wippyi_item {
    wippyi_a32 refs; /* any holder; up relaxed, down acq_rel: the last one frees */
    const char *id;  /* lives as long as the object */
    void (*free_fn)(struct wippyi_item *item);
} wippyi_item;

typedef struct wippyi_staged {
    struct wippyi_staged *next;
    wippyi_item *item; /* NULL = the id is to vanish */
    char *id;
} wippyi_staged;

typedef struct wippyi_catalog {
    wippyi_mem *mem;
    wippyi_mutex lock;
    wippyi_item **items; /* guarded by lock */
    size_t count;        /* guarded by lock */
    size_t capacity;     /* guarded by lock */
    size_t staged_count; /* the stager's */
    wippyi_staged *staged;
} wippyi_catalog;

WIPPYI_FN wippy_result wippyi_catalog_init(wippyi_catalog *catalog, wippyi_mem *mem);
WIPPYI_FN void wippyi_catalog_destroy(wippyi_catalog *catalog);

/* One count for the maker. */
WIPPYI_FN void wippyi_item_init(wippyi_item *item, const char *id,
                                void (*free_fn)(wippyi_item *item));
WIPPYI_FN wippyi_item *wippyi_item_hold(wippyi_item *item);
WIPPYI_FN void wippyi_item_release(wippyi_item *item); /* NULL does nothing */

/* Prepare that `id` names `item` (NULL = nothing). Takes over the caller's count on success only.
   Returns: WIPPY_OK, _ERR_NOMEM. */
WIPPYI_FN wippy_result wippyi_catalog_stage(wippyi_catalog *catalog, const char *id,
                                            wippyi_item *item);
/* Forget, or make effective, what was staged for `id`; without it nothing happens. */
WIPPYI_FN void wippyi_catalog_unstage(wippyi_catalog *catalog, const char *id);
WIPPYI_FN void wippyi_catalog_commit(wippyi_catalog *catalog, const char *id);

/* The object of an id, held; NULL = none. */
WIPPYI_FN wippyi_item *wippyi_catalog_find(wippyi_catalog *catalog, const char *id);
/* The object with the smallest id after `id` (NULL = the first of all), held; NULL = none. A walk
   that takes no memory and survives changes. */
WIPPYI_FN wippyi_item *wippyi_catalog_next(wippyi_catalog *catalog, const char *id);

#endif /* WIPPYI_CATALOG_H */
