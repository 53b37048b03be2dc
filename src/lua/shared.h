/* ========================================================================== >>lua/shared
   What the modules keep once per runtime: the local time zone, and the terminal's input once it is
   read.
   It lies in front of the zone that the sandbox knows, in one block, so that the bridge needs no field
   for it.
   Holds: the above, from wippy_lua_open() until wippy_destroy().  Locks: `lock`, a spin lock held for a
   few loads.  Allocates: one block per runtime. */
#ifndef WIPPYLI_SHARED_H
#define WIPPYLI_SHARED_H

#include "gozone.h"
#include "state.h"

typedef struct wippyli_shared {
    size_t bytes; /* of the whole block */
    wippy_runtime *rt;
    struct wippyli_terminal *terminal; /* NULL until it is needed; guarded by lock, see mod_io */
    void (*terminal_free)(struct wippyli_shared *shared);
    wippyli_lock lock;
} wippyli_shared;

/* Once for each bridge, while it opens.  Returns: WIPPY_OK, _ERR_NOMEM. */
WIPPYLI_FN wippy_result wippyli_shared_open(wippyli_bridge *bridge);
WIPPYLI_FN wippyli_shared *wippyli_shared_of(const wippyli_bridge *bridge);

#endif /* WIPPYLI_SHARED_H */
