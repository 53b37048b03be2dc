/* ========================================================================== >>duration
   Durations as text, in both directions: "1h30m", "1.5s", "-250ms", "0". Integer arithmetic only,
   so every machine reads and writes the same.
   Pure functions.  Locks: none.  Allocates: nothing.
   Holds: what wippy_duration_text() writes, wippy_duration_parse() reads back exactly. */
#ifndef WIPPYI_DURATION_H
#define WIPPYI_DURATION_H

#include "api.h"
#include "config.h"

#define WIPPYI_NS_PER_US INT64_C(1000)
#define WIPPYI_NS_PER_MS INT64_C(1000000)
#define WIPPYI_NS_PER_S  INT64_C(1000000000)

#endif /* WIPPYI_DURATION_H */
