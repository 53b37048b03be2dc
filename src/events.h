/* ========================================================================== >>events
   The event bus: subscriptions by pattern, and events that reach all of them in one order.
   Any thread.
   Locks: one mutex; held while an event is matched and queued at its receivers, which is what makes
   the order one. Allocates: a block a subscription; the encoded event.
   Holds: of two events every subscriber sees the same one first; a subscription is forgotten when a
   send to its process finds nobody. Changes of the registry are events of system "registry". */
#ifndef WIPPYI_EVENTS_H
#define WIPPYI_EVENTS_H

#include "api.h"
#include "config.h"
#include "memory.h"
#include "platform.h"
#include "runtime_access.h"

typedef struct wippyi_subscription {
    struct wippyi_subscription *next;
    uint64_t id;
    wippy_pid pid;
    size_t bytes;       /* of this block; the texts lie behind it */
    const char *system; /* patterns */
    const char *kind;
    const char *topic;
} wippyi_subscription;

struct wippyi_events {
    wippy_runtime *rt;
    wippyi_mem *mem;
    wippyi_mutex lock;
    wippyi_subscription *first; /* guarded by lock, in the order of subscribing */
    uint64_t last_id;           /* guarded by lock */
};

WIPPYI_FN wippy_result wippyi_events_create(wippy_runtime *rt, wippyi_mem *mem,
                                            wippyi_events **out);
WIPPYI_FN void wippyi_events_destroy(wippyi_events *events); /* NULL does nothing */
WIPPYI_FN bool wippyi_events_match(const char *pattern, const char *text);

#endif /* WIPPYI_EVENTS_H */
