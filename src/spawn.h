/* ========================================================================== >>spawn
   Birth and rebirth: from a wippy_spawn_desc to a live process, and the change of a body.
   wippyi_job_run, wippyi_job_upgrade: on worker w of the process's host, which owns it.
   Allocates: the slot's state, and everything the child's relations will need, before init runs. */
#ifndef WIPPYI_SPAWN_H
#define WIPPYI_SPAWN_H

#include "core.h"

WIPPYI_FN void wippyi_job_run(wippyi_worker *w, wippyi_slot *slot, wippyi_job *job, uint32_t depth);
/* After WIPPY_UPGRADE. False: it failed; the body is gone and self->result says why. */
WIPPYI_FN bool wippyi_job_upgrade(wippyi_worker *w, wippyi_slot *slot, wippy_self *self);
WIPPYI_FN void wippyi_job_free(wippy_runtime *rt, wippyi_worker *w, wippyi_job *job);
WIPPYI_FN void *wippyi_state_get(wippy_runtime *rt, wippyi_worker *w, uint16_t type);
WIPPYI_FN void wippyi_state_put(wippy_runtime *rt, wippyi_worker *w, uint16_t type, void *state);

#endif /* WIPPYI_SPAWN_H */
