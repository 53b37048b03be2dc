/* ========================================================================== >>yield
   Open requests of a process and their completion by token, once, from any thread; timers; commands.
   wippyi_yield_claim, _push: any thread.   open, drop, receive: the owner of the process.
   Locks: a wheel's lock for timers.
   Allocates: a record from a type-stable slab, which holds the completion. */
#ifndef WIPPYI_YIELD_H
#define WIPPYI_YIELD_H

#include "core.h"

/* A new open record of this process. NULL: no memory. */
WIPPYI_FN wippyi_yield *wippyi_yield_open(wippy_runtime *rt, wippyi_worker *w, wippyi_slot *slot,
                                          uint64_t pid, uint64_t tag);
WIPPYI_FN wippy_token wippyi_yield_token(const wippyi_yield *yield);

/* Is the record still open? False: completed, or dropped by whoever opened it. Any thread. */
WIPPYI_FN bool wippyi_yield_waits(wippy_runtime *rt, wippy_token token);

/* OPEN -> CLAIMED: the caller must push. NULL: too late. */
WIPPYI_FN wippyi_yield *wippyi_yield_claim(wippy_runtime *rt, wippy_token token);
WIPPYI_FN wippy_result wippyi_yield_push(wippy_runtime *rt, wippyi_worker *w, wippyi_yield *yield,
                                         wippy_result result, const void *data, size_t size,
                                         uint32_t count);
/* For the built-in command that opened the yield: claim, so that its cancel is not called any more. */
WIPPYI_FN wippyi_yield *wippyi_yield_claim_own(wippy_runtime *rt, wippy_token token);
/* wippy_complete() from a worker. */
WIPPYI_FN wippy_result wippyi_complete(wippy_runtime *rt, wippyi_worker *w, wippy_token token,
                                       wippy_result result, const void *data, size_t size,
                                       uint32_t count);

/* The completion arrived: true = hand it to the process, false = it was dropped and is free now. */
WIPPYI_FN bool wippyi_yield_receive(wippy_runtime *rt, wippyi_worker *w, wippyi_slot *slot,
                                    wippyi_yield *yield);
/* CLAIMED or taken out of a list -> FREE. */
WIPPYI_FN void wippyi_yield_free(wippy_runtime *rt, wippyi_worker *w, wippyi_yield *yield);
/* Drop an open record of this process. False: its completion is under way (it will be discarded). */
WIPPYI_FN bool wippyi_yield_drop(wippy_runtime *rt, wippyi_worker *w, wippyi_slot *slot,
                                 wippyi_yield *yield);
WIPPYI_FN void wippyi_yields_drop_all(wippy_runtime *rt, wippyi_worker *w, wippyi_slot *slot);

/* A process that must never be short of a record keeps the one it has. Neither needs memory. */

/* The small DONE that wippy_next() gave last has been read: open its record again. */
WIPPYI_FN wippy_token wippyi_yield_again(wippy_self *self);
/* Of an open record whose token nobody else has: let it complete in delay_ns, instead of when it would
   have (UINT64_MAX = never, until this is called again). *token is a new one. False: too late, its
   completion is under way. */
WIPPYI_FN bool wippyi_timer_again(wippy_self *self, wippy_token *token, uint64_t delay_ns);

#endif /* WIPPYI_YIELD_H */
