#include "catalog.h"

#include <string.h>

/* ------------------------------------------------------------------ objects */

WIPPYI_FN void wippyi_item_init(wippyi_item *item, const char *id,
                                void (*free_fn)(wippyi_item *item))
{
    wippyi_a32_init(&item->refs, 1);
    item->id = id;
    item->free_fn = free_fn;
}

WIPPYI_FN wippyi_item *wippyi_item_hold(wippyi_item *item)
{
    /* relaxed: whoever holds a count, or the lock of the table that does, sees the object */
    wippyi_a32_add_rlx(&item->refs, 1);
    return item;
}

WIPPYI_FN void wippyi_item_release(wippyi_item *item)
{
    /* acq_rel: reads of other holders come before the free of the last one */
    if (item && wippyi_a32_sub_acqrel(&item->refs, 1) == 1) {
        item->free_fn(item);
    }
}

/* ------------------------------------------------------------------ table */

WIPPYI_FN wippy_result wippyi_catalog_init(wippyi_catalog *catalog, wippyi_mem *mem)
{
    memset(catalog, 0, sizeof(*catalog));
    catalog->mem = mem;
    return wippyi_mutex_init(&catalog->lock);
}

static void wippyi_staged_free(wippyi_catalog *catalog, wippyi_staged *staged)
{
    wippyi_item_release(staged->item);
    wippyi_mem_text_free(catalog->mem, staged->id);
    wippyi_mem_free(catalog->mem, staged, sizeof(*staged));
    catalog->staged_count--;
}

WIPPYI_FN void wippyi_catalog_destroy(wippyi_catalog *catalog)
{
    while (catalog->staged) {
        wippyi_staged *staged = catalog->staged;
        catalog->staged = staged->next;
        wippyi_staged_free(catalog, staged);
    }
    for (size_t i = 0; i < catalog->count; i++) {
        wippyi_item_release(catalog->items[i]);
    }
    wippyi_mem_free(catalog->mem, catalog->items, catalog->capacity * sizeof(wippyi_item *));
    wippyi_mutex_destroy(&catalog->lock);
}

/* Index of the first object whose id is not below `id`. Caller holds the lock. */
static size_t wippyi_catalog_place(const wippyi_catalog *catalog, const char *id, bool *found)
{
    size_t low = 0;
    size_t high = catalog->count;
    *found = false;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(catalog->items[middle]->id, id);
        if (order < 0) {
            low = middle + 1;
        } else {
            *found = *found || order == 0;
            high = middle;
        }
    }
    return low;
}

/* Room for everything that is staged plus one more. */
static wippy_result wippyi_catalog_reserve(wippyi_catalog *catalog)
{
    size_t wanted = catalog->count + catalog->staged_count + 1;
    if (wanted <= catalog->capacity) {
        return WIPPY_OK;
    }
    size_t capacity = WIPPYI_MAX(wanted, catalog->capacity * 2 + 8);
    void *items =
        wippyi_mem_resize(catalog->mem, catalog->items, catalog->capacity * sizeof(wippyi_item *),
                          capacity * sizeof(wippyi_item *));
    if (!items) {
        return WIPPY_ERR_NOMEM;
    }
    catalog->items = (wippyi_item **)items;
    catalog->capacity = capacity;
    return WIPPY_OK;
}

static wippyi_staged *wippyi_staged_make(wippyi_catalog *catalog, const char *id)
{
    wippyi_staged *staged = (wippyi_staged *)wippyi_mem_alloc(catalog->mem, sizeof(*staged));
    char *copy = staged ? wippyi_mem_text(catalog->mem, id, strlen(id)) : NULL;
    if (!copy) {
        wippyi_mem_free(catalog->mem, staged, sizeof(*staged));
        return NULL;
    }
    staged->id = copy;
    return staged;
}

WIPPYI_FN wippy_result wippyi_catalog_stage(wippyi_catalog *catalog, const char *id,
                                            wippyi_item *item)
{
    wippyi_mutex_lock(&catalog->lock);
    wippy_result result = wippyi_catalog_reserve(catalog);
    wippyi_mutex_unlock(&catalog->lock);
    if (result != WIPPY_OK) {
        return result;
    }
    wippyi_staged *staged = wippyi_staged_make(catalog, id);
    if (!staged) {
        return WIPPY_ERR_NOMEM;
    }
    staged->item = item;
    staged->next = catalog->staged;
    catalog->staged = staged;
    catalog->staged_count++;
    return WIPPY_OK;
}

static wippyi_staged *wippyi_catalog_unlink(wippyi_catalog *catalog, const char *id)
{
    wippyi_staged **link = &catalog->staged;
    while (*link && strcmp((*link)->id, id) != 0) {
        link = &(*link)->next;
    }
    wippyi_staged *staged = *link;
    if (staged) {
        *link = staged->next;
    }
    return staged;
}

WIPPYI_FN void wippyi_catalog_unstage(wippyi_catalog *catalog, const char *id)
{
    wippyi_staged *staged = wippyi_catalog_unlink(catalog, id);
    if (staged) {
        wippyi_staged_free(catalog, staged);
    }
}

/* Put `item` (or nothing) where `id` is; the object that was there, or NULL. */
static wippyi_item *wippyi_catalog_swap(wippyi_catalog *catalog, const char *id, wippyi_item *item)
{
    bool found;
    size_t at = wippyi_catalog_place(catalog, id, &found);
    wippyi_item *old = found ? catalog->items[at] : NULL;
    size_t behind = catalog->count - at;
    if (found && item) {
        catalog->items[at] = item;
    } else if (found) {
        memmove(catalog->items + at, catalog->items + at + 1, (behind - 1) * sizeof(wippyi_item *));
        catalog->count--;
    } else if (item) {
        memmove(catalog->items + at + 1, catalog->items + at, behind * sizeof(wippyi_item *));
        catalog->items[at] = item;
        catalog->count++;
    }
    return old;
}

WIPPYI_FN void wippyi_catalog_commit(wippyi_catalog *catalog, const char *id)
{
    wippyi_staged *staged = wippyi_catalog_unlink(catalog, id);
    if (!staged) {
        return;
    }
    wippyi_mutex_lock(&catalog->lock);
    wippyi_item *old = wippyi_catalog_swap(catalog, id, staged->item);
    wippyi_mutex_unlock(&catalog->lock);
    staged->item = old; /* released together with the node */
    wippyi_staged_free(catalog, staged);
}

WIPPYI_FN wippyi_item *wippyi_catalog_find(wippyi_catalog *catalog, const char *id)
{
    bool found;
    wippyi_mutex_lock(&catalog->lock);
    size_t at = wippyi_catalog_place(catalog, id, &found);
    wippyi_item *item = found ? wippyi_item_hold(catalog->items[at]) : NULL;
    wippyi_mutex_unlock(&catalog->lock);
    return item;
}

WIPPYI_FN wippyi_item *wippyi_catalog_next(wippyi_catalog *catalog, const char *id)
{
    bool found = false;
    wippyi_mutex_lock(&catalog->lock);
    size_t at = id ? wippyi_catalog_place(catalog, id, &found) : 0;
    at += found ? 1 : 0;
    wippyi_item *item = at < catalog->count ? wippyi_item_hold(catalog->items[at]) : NULL;
    wippyi_mutex_unlock(&catalog->lock);
    return item;
}
