/* ========================================================================== >>lua/mod_io
   The module `io`: the standard streams, for processes of a terminal host only.

   Input that was read but not asked for yet belongs to the runtime, not to the process: the next
   process finds it. A read takes from it only what it could turn into a Lua value. Waiting is a yield
   for the descriptor, or a call on the blocking pool where descriptors cannot be waited for.
   Raw mode is counted, per process and as a whole; a process that ends gives its share back.
   Holds: one block a runtime, from the first read or raw() on.
   Locks: that of lua/shared, held while ready bytes are read.  Allocates: from the runtime. */
#ifndef WIPPYLI_MOD_IO_H
#define WIPPYLI_MOD_IO_H

#include "process.h"
#include "shared.h"

WIPPYLI_FN const wippyli_library *wippyli_io_module(void);

#endif /* WIPPYLI_MOD_IO_H */
