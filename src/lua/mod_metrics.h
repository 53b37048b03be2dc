/* ========================================================================== >>lua/mod_metrics
   The module `metrics`: counters, gauges and histograms by name and labels, kept in memory.
   Holds: per runtime one record a name with labels.  Locks: the common one, for a few additions.
   Allocates: a record when a name is first used. */
#ifndef WIPPYLI_MOD_METRICS_H
#define WIPPYLI_MOD_METRICS_H

#include "common.h"

WIPPYLI_FN const wippyli_library *wippyli_mod_metrics(void);

#endif /* WIPPYLI_MOD_METRICS_H */
