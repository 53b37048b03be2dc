/* ========================================================================== >>scheduler
   Who runs next. Per worker: a next-slot and one ring per lane; per host: one global FIFO per lane.
   wippyi_schedule: any thread that owns the process.   The rest: the worker itself.
   Locks: a queue's lock (consumers only), the park lock (only to sleep and to wake).
   Allocates: a block for what overflows a ring; without it, it goes another way.
   Sleep and wake: whoever makes work visible does so with a seq_cst operation and then loads
   sleep_word (seq_cst); a worker that is about to sleep changes sleep_word (seq_cst RMW) and then
   looks at every queue again. One of the two sees the other. For the rings, which are pushed into all the
   time, a barrier whose far side is the sleeper's stands in for the order of the push; a nap of a millisecond
   goes without it, so a push that it missed waits no longer than that for another core. */
#ifndef WIPPYI_SCHEDULER_H
#define WIPPYI_SCHEDULER_H

#include "core.h"

/* wippyi_schedule() but for the next-slot: into the ring, or the queue of another host. */
WIPPYI_FN void wippyi_schedule_other(wippyi_worker *w, wippyi_slot *slot);
/* The same for a process that just ran here: to the end of the line. */
WIPPYI_FN void wippyi_requeue(wippyi_worker *w, wippyi_slot *slot);

WIPPYI_FN wippyi_worker *wippyi_worker_new(wippyi_host *host, uint32_t index);
WIPPYI_FN void wippyi_worker_free(wippyi_worker *w);
WIPPYI_FN void wippyi_worker_main(void *arg); /* body of a worker thread */

/* Run one process if there is one. False: nothing to do here (timers were looked at). */
WIPPYI_FN bool wippyi_worker_turn(wippyi_worker *w);
/* Fire the timers of a worker's wheel that are due; mail is delivered through `via`. */
/* What waits behind an overdue step goes to the queues of the host, where workers with work of their own
   look too, and its timers fire. Any thread. */
WIPPYI_FN void wippyi_worker_unload(wippyi_worker *w);
/* A step that took too long is over: spares that were started because of it may leave. */
WIPPYI_FN void wippyi_worker_relieved(wippyi_worker *w);
/* When worker `w` has to look at a wheel again: its own, and the first one of a host at those of
   workers that have ended. */
WIPPYI_FN uint64_t wippyi_wheels_next_ns(const wippyi_worker *w);
WIPPYI_FN void wippyi_worker_timers(wippyi_worker *via, wippyi_worker *owner, uint64_t now_ns);
/* A worker without a thread (simulation): can it move now; when by itself, UINT64_MAX = never; one round
   of its loop, up to where a thread would sleep; its end. */
WIPPYI_FN bool wippyi_worker_wakes(wippyi_worker *w);
WIPPYI_FN uint64_t wippyi_worker_wakes_ns(const wippyi_worker *w);
WIPPYI_FN void wippyi_worker_round(wippyi_worker *w);
WIPPYI_FN void wippyi_worker_retire(wippyi_worker *w);
WIPPYI_FN bool wippyi_host_has_work(const wippyi_host *host);
/* Work became visible: wake a sleeper if nobody is looking. */
WIPPYI_FN void wippyi_host_notify(wippyi_host *host);
WIPPYI_FN void wippyi_host_wake_all(wippyi_host *host);
WIPPYI_FN void wippyi_queue_push(wippyi_host *host, uint32_t lane, wippyi_slot *slot);
WIPPYI_FN uint64_t wippyi_random(uint64_t *state);

WIPPYI_INLINE wippyi_worker *wippyi_host_worker(const wippyi_host *host, uint32_t index)
{
    return (wippyi_worker *)wippyi_ap_load_acq(&host->workers[index]);
}

/* Of a process the caller owns. Where there never was a high one the flags are not looked at: they lie
   in the line of whoever ran the process last. */
WIPPYI_INLINE uint32_t wippyi_slot_lane(const wippyi_host *host, const wippyi_slot *slot)
{
    /* relaxed: it was set before the process was first queued, and the mailbox handed that on */
    if (WIPPYI_LIKELY(wippyi_a32_load_rlx(&host->has_high) == 0)) {
        return WIPPYI_LANE_NORMAL;
    }
    return (slot->flags & WIPPYI_PROC_HIGH) != 0 ? WIPPYI_LANE_HIGH : WIPPYI_LANE_NORMAL;
}

/* wippyi_schedule() into the next-slot, if it is free and the place for the process. */
WIPPYI_INLINE bool wippyi_schedule_next(wippyi_worker *w, wippyi_slot *slot)
{
    /* Only the owner makes next_slot non-NULL, so a NULL seen here stays one. release: publishes the
       slot to a thief's exchange. */
    if (w->host == wippyi_slot_host(slot) &&
        wippyi_slot_lane(w->host, slot) == WIPPYI_LANE_NORMAL &&
        wippyi_ap_load_rlx(&w->next_slot) == NULL) {
        wippyi_ap_store_rel(&w->next_slot, slot);
        return true;
    }
    return false;
}

/* Make a process runnable; the caller owned it, now the queue does. w: the worker this thread runs,
   or NULL. */
WIPPYI_INLINE void wippyi_schedule(wippyi_worker *w, wippyi_slot *slot)
{
    if (w == NULL || !wippyi_schedule_next(w, slot)) {
        wippyi_schedule_other(w, slot);
    }
}

#endif /* WIPPYI_SCHEDULER_H */
