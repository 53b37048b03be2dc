/* ========================================================================== >>outdated
   Tells processes that asked for it (wippy_set_upgradable) that newer code of theirs is there.
   announce: a registry listener.   merge: the owner of the process, on worker w.
   Locks: the stripe of a process while its entry is looked at; none while mail is sent.
   Allocates: one message a process told. Short of memory nobody is told: the old code goes on. */
#ifndef WIPPYI_OUTDATED_H
#define WIPPYI_OUTDATED_H

#include "core.h"

WIPPYI_FN wippy_result wippyi_outdated_listen(wippy_runtime *rt);
/* Put the sources of `mail` into an OUTDATED the process has not looked at yet. True: done, the mail
   is free; false: there is none (or no memory), the mail is the caller's. */
WIPPYI_FN bool wippyi_outdated_merge(wippy_runtime *rt, wippyi_worker *w, wippyi_slot *slot,
                                     wippy_mail *mail);

#endif /* WIPPYI_OUTDATED_H */
