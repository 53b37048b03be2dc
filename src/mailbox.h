/* ========================================================================== >>mailbox
   Many senders, one receiver, one word.
   push: any thread.   take, idle, close, open: only the owner of the process.
   Locks: none.  Allocates: nothing.

   The word also says who must see to it that the process runs ("owner": the run queue or worker that
   holds it, or the thread that is about to put it into a queue):

     value    meaning                              moved on by
     IDLE     no mail, nobody owns the process     push -> a list; claim -> EMPTY: both become owner
     EMPTY    no mail, somebody owns the process   push -> a list (ownership stays);
                                                   owner: idle -> IDLE, close -> CLOSED
     a list   mail, newest first; owned            push -> a longer list; owner: take -> EMPTY,
                                                   close -> CLOSED; peek, then idle_after -> IDLE
     CLOSED   no process lives here                owner at spawn: open -> EMPTY

   ABA is harmless: a push only needs the head it links to be the head at that moment, whatever
   happened in between, and nobody removes single elements. Mail that was peeked at stays the head's
   last element and is not freed before idle_after or take_after, so it cannot come a second time. */
#ifndef WIPPYI_MAILBOX_H
#define WIPPYI_MAILBOX_H

#include "api.h"
#include "atomic.h"
#include "config.h"

#include <string.h>

#define WIPPYI_BOX_EMPTY  NULL
#define WIPPYI_BOX_IDLE   ((void *)(uintptr_t)1)
#define WIPPYI_BOX_CLOSED ((void *)(uintptr_t)2)

/* wippy_mail.flags: the last bytes of the block say where mail lies that was sent a little before, for who
   walks a list that another core wrote: each link is a line to be waited for, and this lets several
   travel at once. A hint: what lies there may be anything by now, so it is asked for and not looked at. */
#define WIPPYI_MAIL_TRAIL 0x20

/* Where the hint lies, in mail of the smallest class. */
WIPPYI_INLINE void *wippyi_mail_trail(wippy_mail *mail)
{
    return (char *)mail + 64 - sizeof(void *);
}

typedef struct wippyi_mailbox {
    wippyi_ap head; /* written: any sender and the owner, by RMW only (but for init and open) */
} wippyi_mailbox;

typedef enum wippyi_push_result {
    WIPPYI_PUSH_QUEUED = 0, /* somebody owns the process and will see the mail */
    WIPPYI_PUSH_OWNED,      /* the caller now owns the process and must schedule it */
    WIPPYI_PUSH_CLOSED      /* nothing was touched */
} wippyi_push_result;

WIPPYI_INLINE void wippyi_mailbox_init(wippyi_mailbox *box)
{
    wippyi_ap_init(&box->head, WIPPYI_BOX_CLOSED);
}

WIPPYI_INLINE wippyi_push_result wippyi_mailbox_push(wippyi_mailbox *box, wippy_mail *mail)
{
    void *head = wippyi_ap_load_rlx(&box->head);
    for (;;) {
        /* IDLE -> list or list/EMPTY -> list. release: publishes the mail, pairs with the acquire
           exchange in take; acquire: when IDLE is replaced we become the owner and must see what the
           last owner wrote before its idle. */
        if (head == WIPPYI_BOX_IDLE) {
            mail->next_ = NULL;
            if (WIPPYI_LIKELY(wippyi_ap_cas_acqrel(&box->head, &head, mail))) {
                return WIPPYI_PUSH_OWNED;
            }
        } else if (WIPPYI_LIKELY(head != WIPPYI_BOX_CLOSED)) {
            mail->next_ = (wippy_mail *)head;
            if (WIPPYI_LIKELY(wippyi_ap_cas_acqrel(&box->head, &head, mail))) {
                return WIPPYI_PUSH_QUEUED;
            }
        } else {
            /* acquire: pairs with close; the caller frees the mail next, and the owner's last writes
               to what the mail lies in came before its close */
            (void)wippyi_ap_load_acq(&box->head);
            return WIPPYI_PUSH_CLOSED;
        }
    }
}

/* Owner: the mail, when there is exactly one. It stays in the box and may be used but neither freed nor
   sent until idle_after() or take_after() is done with it. NULL: none, or more; then take(). */
WIPPYI_INLINE wippy_mail *wippyi_mailbox_peek(const wippyi_mailbox *box)
{
    /* acquire: pairs with the release of the push */
    wippy_mail *mail = (wippy_mail *)wippyi_ap_load_acq(&box->head);
    return mail != NULL && mail->next_ == NULL ? mail : NULL;
}

/* The next of a list while it is turned round. */
WIPPYI_INLINE wippy_mail *wippyi_mailbox_turn(wippy_mail *list, wippy_mail **ordered)
{
    wippy_mail *next = list->next_;
    list->next_ = *ordered;
    *ordered = list;
    return next;
}

/* A list from the mailbox, turned round: oldest first, up to `end`, which is not of it. */
WIPPYI_INLINE wippy_mail *wippyi_mailbox_ordered(wippy_mail *list, const wippy_mail *end)
{
    wippy_mail *ordered = NULL;
    if (list != end && WIPPYI_UNLIKELY((list->flags & WIPPYI_MAIL_TRAIL) != 0)) {
        while (list != end) {
            if ((list->flags & WIPPYI_MAIL_TRAIL) != 0) {
                void *before;
                memcpy(&before, wippyi_mail_trail(list), sizeof(before));
                WIPPYI_PREFETCH(before);
            }
            list = wippyi_mailbox_turn(list, &ordered);
        }
    }
    while (list != end) {
        list = wippyi_mailbox_turn(list, &ordered);
    }
    return ordered;
}

/* Owner: everything that is there, oldest first. Leaves EMPTY. */
WIPPYI_INLINE wippy_mail *wippyi_mailbox_take(wippyi_mailbox *box)
{
    wippy_mail *list;
    if (wippyi_ap_load_rlx(&box->head) == WIPPYI_BOX_EMPTY) {
        return NULL; /* mail that comes now makes idle() fail */
    }
    /* acquire: pairs with the release of every push in the list (they form one release sequence) */
    list = (wippy_mail *)wippyi_ap_xchg_acq(&box->head, WIPPYI_BOX_EMPTY);
    if (list == NULL || list->next_ == NULL) {
        return list;
    }
    return wippyi_mailbox_ordered(list, NULL);
}

/* Owner gives the process up: EMPTY -> IDLE. False: mail came, the caller is still the owner.
   seq_cst: release for the next owner, and ordered before the caller's look at the terminate bit,
   which terminate() sets before it tries claim(): one of the two sees the other. */
WIPPYI_INLINE bool wippyi_mailbox_idle(wippyi_mailbox *box)
{
    void *expected = WIPPYI_BOX_EMPTY;
    return wippyi_ap_cas_sc(&box->head, &expected, WIPPYI_BOX_IDLE);
}

/* The same with the mail the owner peeked at: it leaves the box. False: more came. */
WIPPYI_INLINE bool wippyi_mailbox_idle_after(wippyi_mailbox *box, wippy_mail *seen)
{
    void *expected = seen;
    return wippyi_ap_cas_sc(&box->head, &expected, WIPPYI_BOX_IDLE);
}

/* Owner: what came after the mail it peeked at, oldest first; that mail leaves the box too. Leaves
   EMPTY. */
WIPPYI_INLINE wippy_mail *wippyi_mailbox_take_after(wippyi_mailbox *box, const wippy_mail *seen)
{
    /* acquire: as in take */
    wippy_mail *list = (wippy_mail *)wippyi_ap_xchg_acq(&box->head, WIPPYI_BOX_EMPTY);
    return wippyi_mailbox_ordered(list, seen);
}

/* Anybody: IDLE -> EMPTY. True: the caller is the owner now and must schedule the process.
   seq_cst: acquire of what the last owner wrote before its idle(), and after the caller's store that
   made it look (the terminate bit): see idle(). */
WIPPYI_INLINE bool wippyi_mailbox_claim(wippyi_mailbox *box)
{
    void *expected = WIPPYI_BOX_IDLE;
    return wippyi_ap_cas_sc(&box->head, &expected, WIPPYI_BOX_EMPTY);
}

/* Owner: nobody can push any more; what was queued, oldest first. */
WIPPYI_INLINE wippy_mail *wippyi_mailbox_close(wippyi_mailbox *box)
{
    /* acquire as in take; release: what the owner wrote is seen by whoever opens the slot again */
    void *head = wippyi_ap_xchg_acqrel(&box->head, WIPPYI_BOX_CLOSED);
    if (head == WIPPYI_BOX_IDLE || head == WIPPYI_BOX_CLOSED) {
        return NULL;
    }
    return wippyi_mailbox_ordered((wippy_mail *)head, NULL);
}

/* Spawner: CLOSED -> EMPTY, owned by the caller. release: publishes the new tenant to pushes. */
WIPPYI_INLINE void wippyi_mailbox_open(wippyi_mailbox *box)
{
    WIPPYI_PARANOID(wippyi_ap_load_rlx(&box->head) == WIPPYI_BOX_CLOSED);
    wippyi_ap_store_rel(&box->head, WIPPYI_BOX_EMPTY);
}

#endif /* WIPPYI_MAILBOX_H */
