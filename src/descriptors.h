/* ========================================================================== >>descriptors
   Waiting for readable and writable descriptors: wippy_wait_fd().
   With pool hosts one thread waits, started on first use; without, wippy_pump() looks.
   Any thread.  Locks: the poller's.  Allocates: one job a wait. */
#ifndef WIPPYI_DESCRIPTORS_H
#define WIPPYI_DESCRIPTORS_H

#include "core.h"

WIPPYI_FN void wippyi_descriptors_poll(wippy_runtime *rt); /* from a pump; cheap when unused */
/* How long a pump may stay away while descriptors wait for it; UINT64_MAX: as long as it likes. */
WIPPYI_FN uint64_t wippyi_descriptors_patience_ns(wippy_runtime *rt);
WIPPYI_FN void wippyi_descriptors_destroy(wippy_runtime *rt);

#endif /* WIPPYI_DESCRIPTORS_H */
