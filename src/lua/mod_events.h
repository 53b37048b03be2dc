/* ========================================================================== >>lua/mod_events
   The module `events`: subscriptions to the event bus as channels, and sending.
   Holds: nothing.
   Locks: none.  Allocates: Lua values. */
#ifndef WIPPYLI_MOD_EVENTS_H
#define WIPPYLI_MOD_EVENTS_H

#include "common.h"
#include "subscription.h"

WIPPYLI_FN const wippyli_library *wippyli_mod_events(void);

#endif /* WIPPYLI_MOD_EVENTS_H */
