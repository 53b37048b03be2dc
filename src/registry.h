/* ========================================================================== >>registry
   The current version of everything declared, and the way to it.
   Readers: any thread, one short lock to take hold of the current snapshot.
   Changes: one at a time, under the change lock, which is held while kinds and listeners are called;
   the short lock is not.
   Locks: change, then state.  Allocates: through wippyi_mem; nothing once the first handler was
   asked to apply, so that publishing cannot fail.
   Holds: of the versions ever made, the newest desc.history_limit are kept, as a line of steps in the
   order of their numbers, whatever each was made from: so the oldest can be forgotten without touching
   another. Version 0 is what was loaded before the first change. */
#ifndef WIPPYI_REGISTRY_H
#define WIPPYI_REGISTRY_H

#include "kinds.h"
#include "platform.h"
#include "refs.h"
#include "snapshot.h"

typedef struct wippyi_version {
    int64_t previous; /* made from it, perhaps forgotten; -1 = none */
    int64_t next;     /* latest made from this one; -1 = none */
    int64_t wall_ns;
    size_t count;             /* entries that it changed */
    wippy_entry_change *step; /* from the version numbered one less to this, both sides held; NULL for
                                 the oldest that is kept */
    size_t step_count;
} wippyi_version;

typedef struct wippyi_listener {
    wippy_registry_fn fn;
    void *user_data;
} wippyi_listener;

struct wippyi_registry {
    wippy_runtime *rt;
    wippyi_mem *mem;
    wippyi_kinds kinds; /* added under state, read without lock */

    wippyi_mutex change; /* one change at a time */
    wippyi_a64
        change_owner; /* thread that holds `change`, 0 = nobody; only compared with oneself */
    wippyi_listener *listeners; /* this and all up to `state`: guarded by change */
    size_t listener_count;
    size_t listener_room;
    uint64_t next_revision;
    uint64_t next_order;

    wippyi_mutex state; /* guards all below; written with `change` held too */
    wippy_snapshot *current;
    wippyi_version *versions; /* ring: version i stands at i % version_room */
    size_t version_first;     /* oldest that is kept */
    size_t version_count;     /* ever made, so the number of the next one */
    size_t version_room;      /* one more than is kept, once it is full */
    size_t version_limit;     /* kept at most */
};

/* Make an empty registry at version 0, with the built-in kinds. Returns: WIPPY_OK, _ERR_NOMEM. */
WIPPYI_FN wippy_result wippyi_registry_create(wippy_runtime *rt, wippyi_mem *mem,
                                              wippyi_registry **out);
/* Nobody uses it any more; entries and snapshots that are still held must be released before. */
WIPPYI_FN void wippyi_registry_destroy(wippyi_registry *registry);

/* What a spawn by entry needs. `entry` is held for the caller.
   Returns: WIPPY_OK, _ERR_NOTFOUND ("factory not found"), or what the kind answered. */
WIPPYI_FN wippy_result wippyi_registry_resolve(wippy_runtime *rt, const char *entry_id,
                                               wippy_entry **entry, wippy_type *type,
                                               wippy_diag *diag);

/* For a listener: who is outdated by the change, see wippyi_refs_outdated(). */
WIPPYI_FN wippy_result wippyi_registry_outdated(wippy_runtime *rt,
                                                const wippy_registry_event *event,
                                                wippyi_outdated_fn fn, void *user_data);

/* ---- for the change module ---- */

/* Become the one who changes. Returns: WIPPY_OK, _ERR_BUSY (this thread is already). */
WIPPYI_FN wippy_result wippyi_registry_enter(wippyi_registry *registry);
WIPPYI_FN void wippyi_registry_leave(wippyi_registry *registry);

/* The current snapshot, held. */
WIPPYI_FN wippy_snapshot *wippyi_registry_current(wippyi_registry *registry);

/* An old or the current snapshot, put together from the history. The caller has entered or not.
   Returns: WIPPY_OK, _ERR_NOTFOUND, _ERR_NOMEM. */
WIPPYI_FN wippy_result wippyi_registry_at(wippyi_registry *registry, int64_t version,
                                          wippy_snapshot **out);

/* Make sure that one more version can be recorded. Entered. */
WIPPYI_FN wippy_result wippyi_registry_reserve(wippyi_registry *registry);

/* Make `next` current (taking over the caller's hold). It is recorded as the next version when its
   number says so: count is what it changed, step (taken over) leads to it from the newest version;
   otherwise it exists already. Entered, reserved. */
WIPPYI_FN void wippyi_registry_publish(wippyi_registry *registry, wippy_snapshot *next,
                                       size_t count, wippy_entry_change *step, size_t step_count);

/* Free what is kept beyond the limit. Entered; frees the last recorded step when the limit is 1. */
WIPPYI_FN void wippyi_registry_forget(wippyi_registry *registry);

#endif /* WIPPYI_REGISTRY_H */
