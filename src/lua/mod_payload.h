/* ========================================================================== >>lua/mod_payload
   The global `payload`: payload.new, payload.format, and what payload:transcode() can do. The objects
   themselves are in lua/lvalue.
   Values become JSON and JSON becomes values; text, bytes and strings become each other. YAML and
   MessagePack are refused.
   Holds: no state.  Locks: none.  Allocates: Lua objects. */
#ifndef WIPPYLI_MOD_PAYLOAD_H
#define WIPPYLI_MOD_PAYLOAD_H

#include "state.h"

/* Add the global, and the conversion to the hooks of the bridge.  Returns: WIPPY_OK, _ERR_LIMIT. */
WIPPYLI_FN wippy_result wippyli_mpayload_open(wippyli_bridge *bridge);

#endif /* WIPPYLI_MOD_PAYLOAD_H */
