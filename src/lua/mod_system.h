/* ========================================================================== >>lua/mod_system
   The module `system`: the end of the program, and facts about runtime, hosts, services and machine.
   What a garbage-collected runtime would report (heap, collector, threads) is mapped to the runtime's
   memory and workers; limits that mean nothing here are kept and reported.
   Holds: the kept numbers, in common.  Locks: the common one.  Allocates: Lua values. */
#ifndef WIPPYLI_MOD_SYSTEM_H
#define WIPPYLI_MOD_SYSTEM_H

#include "common.h"

WIPPYLI_FN const wippyli_library *wippyli_mod_system(void);

#endif /* WIPPYLI_MOD_SYSTEM_H */
