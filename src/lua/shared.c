/* ========================================================================== >>lua/shared.c */
#include "shared.h"

#include <string.h>

/* The block, then the zone, which is relocatable. Its header is padded to 16 bytes. */
#define WIPPYLI_SHARED_HEAD ((sizeof(wippyli_shared) + 15) & ~(size_t)15)

static void wippyli_shared_free(wippy_runtime *rt, void *user_data)
{
    wippyli_shared *shared = (wippyli_shared *)user_data;
    if (shared->terminal) {
        shared->terminal_free(shared);
    }
    wippy_memory_put(rt, shared, shared->bytes);
}

WIPPYLI_FN wippy_result wippyli_shared_open(wippyli_bridge *bridge)
{
    wippyli_zone *zone = NULL;
    wippy_result result = wippyli_zone_local(&bridge->mem, &zone);
    if (result != WIPPY_OK) {
        return result;
    }
    size_t bytes = WIPPYLI_SHARED_HEAD + zone->bytes;
    char *block = (char *)wippy_memory_get(bridge->rt, bytes);
    if (block) {
        wippyli_shared *shared = (wippyli_shared *)(void *)block;
        memset(shared, 0, sizeof(*shared));
        memcpy(block + WIPPYLI_SHARED_HEAD, zone, zone->bytes);
        shared->bytes = bytes;
        shared->rt = bridge->rt;
        result = wippy_on_destroy(bridge->rt, wippyli_shared_free, shared);
        if (result != WIPPY_OK) {
            wippy_memory_put(bridge->rt, shared, bytes);
        } else {
            bridge->sandbox.zone =
                (const wippyli_zone *)(const void *)(block + WIPPYLI_SHARED_HEAD);
        }
    }
    wippyli_zone_free(&bridge->mem, zone);
    return block ? result : WIPPY_ERR_NOMEM;
}

WIPPYLI_FN wippyli_shared *wippyli_shared_of(const wippyli_bridge *bridge)
{
    return (wippyli_shared *)((uintptr_t)bridge->sandbox.zone - WIPPYLI_SHARED_HEAD);
}
#undef WIPPYLI_SHARED_HEAD
