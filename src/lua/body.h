/* ========================================================================== >>lua/body
   The process type "lua": init, step, close, interrupt, and what opens the bridge on a runtime.
   init: on a thread of the target host, before the pid can be reached; runs the chunk, finds the
   method and leaves it with its arguments on the main thread.  step: mail to coroutines, coroutines
   in their order, until nothing can run.  close: drops the arena; no Lua code runs.
   Locks: none.  Allocates: the process's arena. */
#ifndef WIPPYLI_BODY_H
#define WIPPYLI_BODY_H

#include "inbox.h"
#include "state.h"

/* Globals of the core of the bridge: process, channel, subscribe, unsubscribe; and coroutine.spawn. */
WIPPYLI_FN wippy_result wippyli_core_open(wippyli_bridge *bridge); /* body in lib_process.c */

/* What other modules add to a bridge; listed in modules.c. */
WIPPYLI_FN wippy_result wippyli_modules_open(wippyli_bridge *bridge);

#endif /* WIPPYLI_BODY_H */
