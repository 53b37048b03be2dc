/* ========================================================================== >>refs
   Which entries need which: the order of a change, cycles and aliases of imports, and who is
   outdated by it.
   One thread at a time.  Locks: none.  Allocates: graphs for the length of a call, through wippyi_mem.
   Holds: no recursion; time and memory are linear in entries and references, but aliases: what each
          entry imports, summed over the entries. */
#ifndef WIPPYI_REFS_H
#define WIPPYI_REFS_H

#include "kinds.h"
#include "snapshot.h"

typedef struct wippyi_refs_env {
    wippy_runtime *rt;
    wippyi_mem *mem;
    const wippyi_kinds *kinds;
} wippyi_refs_env;

/* The order in which changes are applied: creates and updates after what they need, then deletes
   before what they need; otherwise as listed. Circles that are not of imports are cut somewhere.
   order    receives changes->count positions */
WIPPYI_FN wippy_result wippyi_refs_order(const wippyi_refs_env *env, const wippyi_changes *changes,
                                         uint32_t *order);

/* Refuse a snapshot in which something created or updated imports itself, through whatever chain, or in
   which one alias means two things among all that an entry imports, directly or not.
   Returns: WIPPY_OK, _ERR_INVALID ("adding dependency would create a cycle: ..."), _ERR_CONFLICT ("alias
            '...' collision: ..."), _ERR_NOMEM. *culprit: the entry without whose imports this would not
            be; else unchanged. */
WIPPYI_FN wippy_result wippyi_refs_imports(const wippyi_refs_env *env, const wippy_snapshot *next,
                                           const wippyi_changes *changes, wippy_entry **culprit,
                                           wippy_diag *diag);

/* Refuse an entry whose import alias is also the name of one of its modules, or empty.
   Returns: WIPPY_OK, _ERR_CONFLICT, _ERR_INVALID. */
WIPPYI_FN wippy_result wippyi_refs_aliases(const wippy_entry *entry, wippy_diag *diag);

/* Called once for each entry that is outdated: its code, or that of something it imports, however
   indirectly, was replaced. sources: encoded array of the ids that were replaced and concern it. */
typedef void (*wippyi_outdated_fn)(const wippy_entry *entry, wippy_slice sources, void *user_data);

/* Returns: WIPPY_OK, _ERR_NOMEM (after no call, or some). */
WIPPYI_FN wippy_result wippyi_refs_outdated(const wippyi_refs_env *env, const wippy_snapshot *after,
                                            const wippy_entry_change *changes, size_t count,
                                            wippyi_outdated_fn fn, void *user_data);

#endif /* WIPPYI_REFS_H */
