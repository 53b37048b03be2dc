/* ========================================================================== >>lua/mod_funcs
   The module `funcs`: calling entries as functions. Each call is a process of its own, labelled
   "ns:name#lua.N" (N counts the versions of the entry seen), that ends with a value. It runs on the
   caller's host when that has workers, else on a host of this module, made when it is first needed;
   where a program only pumps, on the caller's host, so that no thread appears unasked. At most
   pool.max_size calls of a function run at once, the others wait in order.
   Holds: per runtime one record a function called; per call one block of the caller's.
   Locks: the common one, for a few loads.  Allocates: those, and a frame where identity differs. */
#ifndef WIPPYLI_MOD_FUNCS_H
#define WIPPYLI_MOD_FUNCS_H

#include "channel.h"
#include "common.h"

WIPPYLI_FN const wippyli_library *wippyli_mod_funcs(void);

#endif /* WIPPYLI_MOD_FUNCS_H */
