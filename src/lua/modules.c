/* ========================================================================== >>lua/modules.c
   The modules of the bridge, one line each: what a runtime offers beyond the core of the bridge. */
#include "body.h"

WIPPYLI_FN wippy_result wippyli_modules_open(wippyli_bridge *bridge)
{
    (void)bridge;
    return WIPPY_OK;
}
