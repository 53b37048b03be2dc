/* ========================================================================== >>sim
   Simulation: one thread makes the moves of all workers, in an order chosen by a seed, on a clock of its
   own. What moves is the code that threads run: this module only stands for the threads, the clock and
   chance. Everything asks rt->sim, which is NULL when the world is real.
   The one thread.  Locks: none; it must not be called under any, because whoever moves may want it.
   Allocates: itself, calls of wippy_sim_call().
   Holds: a worker whose move is interrupted by others (wippyi_sim_pause) is `busy` and does not move
   until they are done; the innermost one that moves is sim->current. */
#ifndef WIPPYI_SIM_H
#define WIPPYI_SIM_H

#include "core.h"

WIPPYI_FN wippy_result wippyi_sim_open(wippy_runtime *rt); /* in wippy_create(), desc.sim.on */
WIPPYI_FN void wippyi_sim_close(wippy_runtime *rt);

/* Others move, or time passes, once. False: timeout_ns is over, or for ever and nothing can move. */
WIPPYI_FN bool wippyi_sim_wait(wippy_runtime *rt, uint64_t timeout_ns);
/* wippyi_ticket_wait() for ever. False: nothing can move, so the wake never comes. */
WIPPYI_FN bool wippyi_sim_ticket(wippy_runtime *rt, wippyi_ticket *ticket);
/* A simulation in which nothing can move, pump hosts included, however long one waits. */
WIPPYI_FN bool wippyi_sim_ended(wippy_runtime *rt);
/* The worker's thread ends: now, or with the move that it is in. */
WIPPYI_FN void wippyi_sim_retire(wippyi_worker *w);
/* Where a timer of this tick goes among those that fire with it. */
WIPPYI_FN wippyi_timer_node **wippyi_sim_tie(wippy_runtime *rt, wippyi_timer_node **list,
                                             uint64_t tick);

WIPPYI_FN void wippyi_sim_interrupt(wippy_runtime *rt);
WIPPYI_FN void wippyi_sim_begin(wippyi_worker *w);
WIPPYI_FN void wippyi_sim_end(wippyi_worker *w);
WIPPYI_FN void wippyi_sim_pump(wippy_runtime *rt);

/* Here another thread may have been quicker: the moves of others, perhaps. */
WIPPYI_INLINE void wippyi_sim_pause(wippy_runtime *rt)
{
    if (WIPPYI_UNLIKELY(rt->sim != NULL)) {
        wippyi_sim_interrupt(rt);
    }
}

/* The same at the beginning of a verb. Who stands outside may hold a lock of the runtime. */
WIPPYI_INLINE void wippyi_sim_point(const wippy_self *self)
{
    if (WIPPYI_UNLIKELY(self->rt->sim != NULL) && self->slot != NULL) {
        wippyi_sim_interrupt(self->rt);
    }
}

/* This thread is worker w from here to there. */
WIPPYI_INLINE void wippyi_sim_enter(wippyi_worker *w)
{
    if (WIPPYI_UNLIKELY(w->host->rt->sim != NULL)) {
        wippyi_sim_begin(w);
    }
}

WIPPYI_INLINE void wippyi_sim_leave(wippyi_worker *w)
{
    if (WIPPYI_UNLIKELY(w->host->rt->sim != NULL)) {
        wippyi_sim_end(w);
    }
}

/* Between two turns of a pump. */
WIPPYI_INLINE void wippyi_sim_pumped(wippy_runtime *rt)
{
    if (WIPPYI_UNLIKELY(rt->sim != NULL)) {
        wippyi_sim_pump(rt);
    }
}

#endif /* WIPPYI_SIM_H */
