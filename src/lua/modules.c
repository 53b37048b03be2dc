/* ========================================================================== >>lua/modules.c */
#include "modules.h"
#include "common.h"
#include "mod_ctx.h"
#include "mod_env.h"
#include "mod_events.h"
#include "mod_funcs.h"
#include "mod_io.h"
#include "mod_json.h"
#include "mod_logger.h"
#include "mod_metrics.h"
#include "mod_pg.h"
#include "mod_registry.h"
#include "mod_security.h"
#include "mod_system.h"
#include "mod_payload.h"
#include "mod_time.h"
#include "mod_uuid.h"
#include "shared.h"

/* Modules that entries name in `modules`. */
static const wippyli_library *(*const wippyli_modules_granted[])(void) = {
    wippyli_io_module,
    wippyli_json_module,
    wippyli_logger_module,
    wippyli_mtime_module,
    wippyli_uuid_module,
    wippyli_mod_ctx,
    wippyli_mod_env,
    wippyli_mod_events,
    wippyli_mod_funcs,
    wippyli_mod_metrics,
    wippyli_mod_pg,
    wippyli_mod_registry,
    wippyli_mod_security,
    wippyli_mod_system,
};

WIPPYLI_FN wippy_result wippyli_modules_open(wippyli_bridge *bridge)
{
    wippy_result result = wippyli_shared_open(bridge);
    bridge->sandbox.print = wippyli_logger_print;
    if (result == WIPPY_OK) {
        result = wippyli_mpayload_open(bridge);
    }
    if (result == WIPPY_OK) {
        wippyli_security_hooks(bridge);
        result = wippyli_common_open(bridge);
    }
    for (size_t i = 0; i < WIPPYLI_COUNT(wippyli_modules_granted) && result == WIPPY_OK; i++) {
        result = wippyli_bridge_module(bridge, wippyli_modules_granted[i]());
    }
    return result;
}
