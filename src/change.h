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
   releases its holds afterwards. Kinds without handler and references not found are warned about;
   when lenient, so is an entry that its kind refuses: it stays readable, the others go on.
   Nothing to load is fine. Returns: as wippy_registry_apply(). */
WIPPYI_FN wippy_result wippyi_change_load(wippyi_registry *registry, wippy_entry *const *entries,
                                          size_t count, bool lenient, wippy_diag *diag);

/* Is that the file of an entry that a reload may delete? */
typedef bool (*wippyi_owns_fn)(const char *file, void *user_data);

/* Make the registry agree with what was loaded, as one version: entries that differ are created or
   updated, those whose file is owned and that were not loaded are deleted. What is the same in kind,
   meta and data is left alone. entries: as for wippyi_change_load().
   count    receives how many entries changed; 0 = nothing differs, no version was made
   Returns: as wippy_registry_apply(), but a kind without handler is only warned about. */
WIPPYI_FN wippy_result wippyi_change_reload(wippyi_registry *registry, wippy_entry *const *entries,
                                            size_t entry_count, wippyi_owns_fn owns,
                                            void *user_data, size_t *count, int64_t *version,
                                            wippy_diag *diag);

#endif /* WIPPYI_CHANGE_H */
