/* ========================================================================== >>lua/mod_events
   The module `events`: subscriptions to the event bus as channels, and sending.
   Each subscription has a topic of its own, "@events.N", so that nothing but its channel takes its mail.
   Holds: per subscription one block of the process; given up when the process ends or is upgraded.
   Locks: none.  Allocates: that, and Lua values. */
#ifndef WIPPYLI_MOD_EVENTS_H
#define WIPPYLI_MOD_EVENTS_H

#include "channel.h"
#include "common.h"

WIPPYLI_FN const wippyli_library *wippyli_mod_events(void);

#endif /* WIPPYLI_MOD_EVENTS_H */
