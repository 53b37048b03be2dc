/* ========================================================================== >>relations
   Monitors, links, names, and who waits for room in a mailbox.
   Locks: one stripe per slot number (two in ascending order; against it only a try that does not wait),
          one shard per name hash (before a stripe). No lock is held while mail is delivered or user
          code runs.
   Allocates: records with the message they will become, so that an exit needs no memory.
   Holds: a process gets no new relation once its exit has closed the tenant word under its stripe;
          every insert looks at that word under the same stripe. */
#ifndef WIPPYI_RELATIONS_H
#define WIPPYI_RELATIONS_H

#include "core.h"

WIPPYI_FN wippy_result wippyi_relations_init(wippy_runtime *rt);
WIPPYI_FN void wippyi_relations_destroy(wippy_runtime *rt);

WIPPYI_FN wippyi_relation *wippyi_relation_new(wippy_runtime *rt, wippyi_worker *w);
WIPPYI_FN void wippyi_relation_free(wippy_runtime *rt, wippyi_worker *w, wippyi_relation *relation);

/* Insert a prepared record; `spares` are two empty wippyi_relations for ends that have none (used
   ones are set to NULL). target_is_new: the target is being born by the caller and not yet live.
   Returns: WIPPY_OK, _ERR_GONE (an end is not live), _ERR_EXISTS; the record is then still the
   caller's. */
WIPPYI_FN wippy_result wippyi_relate(wippy_runtime *rt, wippyi_relation *relation,
                                     wippyi_relations *spares[2], bool target_is_new);

/* Steps 2 to 5 of a completion: names, cross references, EXIT to watchers, LINK_DOWN to links when
   failed. Only the last owner of the process; its life word is 0 already. */
WIPPYI_FN void wippyi_relations_exit(wippy_runtime *rt, wippyi_worker *w, wippyi_slot *slot,
                                     uint64_t pid, wippy_result code, wippyi_result *result);

/* A link that could not be made because its watcher is dead: the target gets LINK_DOWN (GONE). The record
   is used up. */
WIPPYI_FN void wippyi_relation_broken(wippy_runtime *rt, wippyi_worker *w, wippyi_relation *link);

/* The lists of a process, by its owner: made when there are none yet (NULL: no memory, or its end is
   under way), or only looked at. The pointer stays good until the process ends. */
WIPPYI_FN wippyi_relations *wippyi_relations_own(wippy_runtime *rt, wippyi_worker *w,
                                                 wippyi_slot *slot, uint64_t pid);
WIPPYI_FN wippyi_relations *wippyi_relations_look(wippy_runtime *rt, wippyi_slot *slot,
                                                  uint64_t pid);

WIPPYI_FN wippy_result wippyi_name_claim(wippy_runtime *rt, const char *name, size_t bytes,
                                         uint64_t pid, bool owner_is_new);
WIPPYI_FN void wippyi_relations_writable(wippy_runtime *rt, wippyi_worker *w, wippyi_slot *slot);

#endif /* WIPPYI_RELATIONS_H */
