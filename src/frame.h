/* ========================================================================== >>frame
   What a process carries besides its state: actor, scope, context values.
   Any thread.  Locks: none.  Allocates: one block a frame, through wippyi_mem.
   Holds: a frame never changes after it was made; it is freed by the thread that releases the last
   count. A trusted frame (the runtime's own processes) may do everything and is never inherited. */
#ifndef WIPPYI_FRAME_H
#define WIPPYI_FRAME_H

#include "api.h"
#include "atomic.h"
#include "config.h"
#include "memory.h"

struct wippy_frame {
    wippyi_a32 refs; /* any holder; up relaxed, down acq_rel: the last one frees */
    uint32_t scope_count;
    bool has_scope;
    bool trusted;
    const char *actor; /* "" = none; all strings lie behind the struct */
    wippy_slice actor_meta;
    wippy_slice context; /* size 0 = empty */
    const char *const *scope;
    size_t bytes; /* of the whole block */
    wippyi_mem *mem;
};

/* wippy_frame_make() from an allocator. Also _ERR_INVALID when a context is no map, or when merging
   would tear apart values that share a container. */
WIPPYI_FN wippy_result wippyi_frame_build(wippyi_mem *mem, const wippy_frame_desc *desc,
                                          wippy_frame **out);

/* A frame for a process of the runtime itself. */
WIPPYI_FN wippy_result wippyi_frame_trusted(wippyi_mem *mem, wippy_frame **out);

#endif /* WIPPYI_FRAME_H */
