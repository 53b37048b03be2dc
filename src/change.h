/* ========================================================================== >>change
   From wishes to a new version, all or nothing: resolve, order, check, apply, publish, commit, tell.
   Any thread; one change at a time (wippyi_registry_enter).
   Locks: the registry's change lock, while kinds and listeners run.  Allocates: through wippyi_mem,
   all before the first handler is asked to apply.
   Holds: after a failure nothing has changed, what was applied has been taken back in reverse. */
#ifndef WIPPYI_CHANGE_H
#define WIPPYI_CHANGE_H

#include "registry.h"

/* A wish of the loader: where it comes from; create or update, whichever fits. */
typedef struct wippyi_wish {
    const char *id;
    const char *kind;
    const char *file;
    uint32_t line;
    wippy_slice meta;
    wippy_slice data;
} wippyi_wish;

/* Apply what was loaded: kinds without handler and references not found are warned about. No id
   occurs twice. Nothing to load is fine. */
WIPPYI_FN wippy_result wippyi_change_load(wippyi_registry *registry, const wippyi_wish *wishes,
                                          size_t count, wippy_diag *diag);

#endif /* WIPPYI_CHANGE_H */
