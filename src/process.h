/* ========================================================================== >>process
   The life of one process: mail in, steps, the completion sequence; and the door of rights.
   wippyi_deliver: any thread.   The rest: the owner of the process, on worker w.
   Locks: none here; relations and wheels take theirs.
   Holds: at most one thread owns a process (see mailbox.h); only the owner touches the second line of
   its slot. */
#ifndef WIPPYI_PROCESS_H
#define WIPPYI_PROCESS_H

#include "core.h"

/* Put mail into the mailbox of a pid and schedule it if need be. On failure (GONE) the mail is still
   the caller's. */
WIPPYI_FN wippy_result wippyi_deliver(wippy_runtime *rt, wippyi_worker *w, uint64_t to,
                                      wippy_mail *mail);

/* Free mail of whatever class: heap block, yield record, relation record. */
WIPPYI_FN void wippyi_mail_release(wippy_runtime *rt, wippyi_worker *w, wippy_mail *mail);

/* One turn of a process this worker owns. Afterwards it is queued again, idle, or gone. */
WIPPYI_FN void wippyi_process_run(wippyi_worker *w, wippyi_slot *slot);

/* The external part of a process, made on first use. NULL: no memory. */
WIPPYI_FN wippyi_ext *wippyi_ext_of(wippy_runtime *rt, wippyi_worker *w, wippyi_slot *slot);

/* Note for statistics what the process holds. Owner only. */
WIPPYI_FN void wippyi_slot_memory(wippyi_slot *slot, size_t bytes);

/* Nobody reaches the process from here on. Returns what was unread, for strip. */
WIPPYI_FN wippy_mail *wippyi_process_shut(wippy_runtime *rt, wippyi_worker *w, wippyi_slot *slot);
/* Give up everything a body held: shelves, mail, ext, entry, frame. */
WIPPYI_FN void wippyi_process_strip(wippy_runtime *rt, wippyi_worker *w, wippyi_slot *slot,
                                    wippy_mail *unread);
/* A counted message leaves the mailbox of `slot` for good, or never came in. */
WIPPYI_FN void wippyi_uncount(wippy_runtime *rt, wippyi_worker *w, wippyi_slot *slot);
WIPPYI_FN void wippyi_slot_free(wippy_runtime *rt, wippyi_worker *w, wippyi_slot *slot);
WIPPYI_FN void wippyi_self_begin(wippy_self *self, wippyi_worker *w, wippyi_slot *slot,
                                 uint64_t pid);
WIPPYI_FN void wippyi_self_end(wippy_self *self);
/* The body of self->slot is closed. */
WIPPYI_FN void wippyi_self_close(wippy_self *self, void *state);

WIPPYI_FN wippy_result wippyi_cancel(wippy_runtime *rt, wippyi_worker *w, uint64_t from,
                                     uint64_t to, const char *reason);
WIPPYI_FN wippy_result wippyi_terminate(wippy_runtime *rt, wippyi_worker *w, uint64_t pid);

WIPPYI_FN bool wippyi_restricted(const wippy_self *self); /* has an actor or scope to be asked */

/* Rights: true = allowed. A process without actor and scope is let through at the price of a look. */
WIPPYI_FN bool wippyi_door_text(const wippy_self *self, const char *action, const char *resource,
                                size_t bytes);
WIPPYI_FN bool wippyi_door_pid(const wippy_self *self, const char *action, wippy_pid pid);

#endif /* WIPPYI_PROCESS_H */
