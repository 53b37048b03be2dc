/* ========================================================================== >>change
   From wishes to a new version, all or nothing: resolve, order, check, apply, publish, commit, tell.
   Any thread; one change at a time (wippyi_registry_enter).
   Locks: the registry's change lock, while kinds and listeners run.  Allocates: through wippyi_mem,
   all before the first handler is asked to apply.
   Holds: after a failure nothing has changed, what was applied has been taken back in reverse. */
#ifndef WIPPYI_CHANGE_H
#define WIPPYI_CHANGE_H

#include "registry.h"

/* Apply what was loaded: entries that nobody else knows yet and whose ids are all different; each is
   created or replaces the one that is there. They get their order and revision here; the caller
   releases its holds afterwards. Kinds without handler and references not found are warned about.
   Nothing to load is fine. Returns: as wippy_registry_apply(). */
WIPPYI_FN wippy_result wippyi_change_load(wippyi_registry *registry, wippy_entry *const *entries,
                                          size_t count, wippy_diag *diag);

#endif /* WIPPYI_CHANGE_H */
