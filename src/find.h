/* ========================================================================== >>find
   Queries over a snapshot: wippy_snapshot_find().
   Any thread.  Locks: none.  Allocates: compiled expressions for the length of a call.
   Holds: a query without expressions allocates nothing. */
#ifndef WIPPYI_FIND_H
#define WIPPYI_FIND_H

#include "snapshot.h"

/* The value under a path of keys: a key that is the whole path first, then key by key at the dots.
   Returns: WIPPY_OK, _ERR_NOTFOUND. */
WIPPYI_FN wippy_result wippyi_path_get(wippy_slice map, wippy_slice path, wippy_slice *out);

#endif /* WIPPYI_FIND_H */
