/* ========================================================================== >>override
   Changing one value in an encoded map by its path, and settings of the form "path=value".
   Any thread.  Locks: none.  Allocates: what the writer takes.
   Holds: everything beside the path keeps its bytes and its place. */
#ifndef WIPPYI_OVERRIDE_H
#define WIPPYI_OVERRIDE_H

#include "document.h"

/* Apply "ns:entry:field=value" to one of the entries; field: kind, meta.x.y, or a path in the data.
   Returns: WIPPY_OK, _ERR_INVALID (its form), _ERR_NOTFOUND (no such entry), _ERR_NOMEM. */
WIPPYI_FN wippy_result wippyi_override_apply(wippyi_entries *entries, const char *setting,
                                             wippy_diag *diag);

#endif /* WIPPYI_OVERRIDE_H */
