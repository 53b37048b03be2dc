/* ========================================================================== >>snapshot
   One version of the registry: entries in load order, then creation order, and an index by id.
   Immutable but for its count; any thread.  Made by one thread.
   Locks: none.  Allocates: when it is made, through wippyi_mem.
   Holds: each id stands once; each entry is held by every snapshot it stands in. */
#ifndef WIPPYI_SNAPSHOT_H
#define WIPPYI_SNAPSHOT_H

#include "entry.h"

struct wippy_snapshot {
    wippyi_a32 holds; /* starts at 1; the release that takes the last frees */
    int64_t version;
    size_t count;
    size_t room;           /* of entries */
    wippy_entry **entries; /* ascending wippy_entry.order */
    wippyi_ids index;
};

/* Make the snapshot that `changes` make of `base`. NULL = nothing, for either. */
WIPPYI_FN wippy_result wippyi_snapshot_make(wippyi_mem *mem, const wippy_snapshot *base,
                                            const wippyi_changes *changes, int64_t version,
                                            wippy_snapshot **out);
WIPPYI_FN void wippyi_snapshot_release(wippyi_mem *mem, wippy_snapshot *snapshot);

/* Position of the entry whose id is `space` followed by `rest`, or WIPPYI_NOWHERE. */
WIPPYI_FN uint32_t wippyi_snapshot_place(const wippy_snapshot *snapshot, wippy_slice space,
                                         wippy_slice rest);

/* What leads from one to the other: creates and updates in the order of `to`, then deletes. */
WIPPYI_FN wippy_result wippyi_snapshot_diff(wippyi_mem *mem, const wippy_snapshot *from,
                                            const wippy_snapshot *to, wippyi_changes *out);

#endif /* WIPPYI_SNAPSHOT_H */
