/* ========================================================================== >>lua/modules.c */
#include "modules.h"
#include "mod_time.h"
#include "shared.h"

/* Modules that entries name in `modules`. */
static const wippyli_library *(*const wippyli_modules_granted[])(void) = {
    wippyli_mtime_module,
};

WIPPYLI_FN wippy_result wippyli_modules_open(wippyli_bridge *bridge)
{
    wippy_result result = wippyli_shared_open(bridge);
    for (size_t i = 0; i < WIPPYLI_COUNT(wippyli_modules_granted) && result == WIPPY_OK; i++) {
        result = wippyli_bridge_module(bridge, wippyli_modules_granted[i]());
    }
    return result;
}
