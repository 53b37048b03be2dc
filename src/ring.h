/* ========================================================================== >>ring
   A fixed FIFO of runnable processes: one producer at the tail, many consumers at the head.
   push, room, pop:   the worker that owns the ring.   steal: any other worker, into its own ring.
   Locks: none.  Allocates: nothing.
   Source: the run queue of the Go runtime (runqput, runqget, runqgrab), with the same proof: a
   consumer copies entries first and then claims them by one CAS of `head`; the owner overwrites an
   entry only after it has seen `head` move past it, so a successful CAS proves the copies whole. */
#ifndef WIPPYI_RING_H
#define WIPPYI_RING_H

#include "atomic.h"
#include "config.h"

#if !defined(WIPPYI_RING_SIZE)
#define WIPPYI_RING_SIZE 256u /* power of two; tests shrink it */
#endif

typedef struct wippyi_ring {
    wippyi_a32 head; /* written: owner and thieves by CAS (acq_rel) */
    wippyi_a32
        tail; /* written: owner (release): publishes the entries below it */
    wippyi_ap entries[WIPPYI_RING_SIZE]; /* written: owner, relaxed, before `tail` covers them */
} wippyi_ring;

WIPPYI_INLINE void wippyi_ring_init(wippyi_ring *ring)
{
    uint32_t i;
    wippyi_a32_init(&ring->head, 0);
    wippyi_a32_init(&ring->tail, 0);
    for (i = 0; i < WIPPYI_RING_SIZE; i++) {
        wippyi_ap_init(&ring->entries[i], NULL);
    }
}

/* Entries now; exact for the owner as far as pushes go, advisory for others. */
WIPPYI_INLINE uint32_t wippyi_ring_count(const wippyi_ring *ring)
{
    uint32_t head = wippyi_a32_load_acq(&ring->head);
    uint32_t tail = wippyi_a32_load_acq(&ring->tail);
    uint32_t count = tail - head;
    return count > WIPPYI_RING_SIZE ? 0 : count; /* head passed our old tail: a race, look again */
}

/* The same of whether there is one. */
WIPPYI_INLINE bool wippyi_ring_has(const wippyi_ring *ring)
{
    return wippyi_a32_load_acq(&ring->tail) != wippyi_a32_load_acq(&ring->head);
}

/* Owner. False: full. */
WIPPYI_INLINE bool wippyi_ring_push(wippyi_ring *ring, void *entry)
{
    uint32_t tail = wippyi_a32_load_rlx(&ring->tail); /* only the owner writes it */
    /* acquire: pairs with the CAS of consumers, so their reads of the entry we overwrite are done */
    uint32_t head = wippyi_a32_load_acq(&ring->head);
    if (tail - head >= WIPPYI_RING_SIZE) {
        return false;
    }
    wippyi_ap_store_rlx(&ring->entries[tail & (WIPPYI_RING_SIZE - 1)], entry);
    /* release: publishes the entry; pairs with the acquire loads of tail in count and steal */
    wippyi_a32_store_rel(&ring->tail, tail + 1);
    return true;
}

/* Owner. NULL: empty. */
WIPPYI_INLINE void *wippyi_ring_pop(wippyi_ring *ring)
{
    uint32_t head = wippyi_a32_load_acq(&ring->head);
    for (;;) {
        uint32_t tail = wippyi_a32_load_rlx(&ring->tail);
        void *entry;
        if (head == tail) {
            return NULL;
        }
        entry = wippyi_ap_load_rlx(&ring->entries[head & (WIPPYI_RING_SIZE - 1)]);
        /* acq_rel: a thief may have claimed it; release lets the producer reuse the entry */
        if (wippyi_a32_cas_acqrel(&ring->head, &head, head + 1)) {
            return entry;
        }
    }
}

/* Owner. Entries that may be pushed now, at least. */
WIPPYI_INLINE uint32_t wippyi_ring_room(const wippyi_ring *ring)
{
    /* acquire: as in push */
    return WIPPYI_RING_SIZE - (wippyi_a32_load_rlx(&ring->tail) - wippyi_a32_load_acq(&ring->head));
}

/* Owner. `count` at once, for which there is room. */
WIPPYI_INLINE void wippyi_ring_push_all(wippyi_ring *ring, void *const *entries, uint32_t count)
{
    uint32_t tail = wippyi_a32_load_rlx(&ring->tail);
    uint32_t i;
    for (i = 0; i < count; i++) {
        wippyi_ap_store_rlx(&ring->entries[(tail + i) & (WIPPYI_RING_SIZE - 1)], entries[i]);
    }
    wippyi_a32_store_rel(&ring->tail, tail + count); /* as in push */
}

/* Owner. Up to `most` of the oldest at once; how many. */
WIPPYI_INLINE uint32_t wippyi_ring_pop_some(wippyi_ring *ring, void **entries, uint32_t most)
{
    uint32_t tail = wippyi_a32_load_rlx(&ring->tail);
    uint32_t head = wippyi_a32_load_acq(&ring->head);
    for (;;) {
        uint32_t count = WIPPYI_MIN(tail - head, most);
        uint32_t i;
        for (i = 0; i < count; i++) {
            entries[i] = wippyi_ap_load_rlx(&ring->entries[(head + i) & (WIPPYI_RING_SIZE - 1)]);
        }
        /* acq_rel: as in pop */
        if (count == 0 || wippyi_a32_cas_acqrel(&ring->head, &head, head + count)) {
            return count;
        }
    }
}

/* A thief: take half (at least one) of what `ring` holds. All but the last go to `own`, which must be
   empty; the last is returned. NULL: nothing there. `taken` counts. */
WIPPYI_INLINE void *wippyi_ring_steal(wippyi_ring *ring, wippyi_ring *own, uint32_t *taken)
{
    uint32_t own_tail = wippyi_a32_load_rlx(&own->tail);
    uint32_t own_head = wippyi_a32_load_acq(&own->head);
    uint32_t room = WIPPYI_RING_SIZE - (own_tail - own_head);
    uint32_t head = wippyi_a32_load_acq(&ring->head);
    for (;;) {
        /* acquire: pairs with the release in push, so that the entries are seen */
        uint32_t tail = wippyi_a32_load_acq(&ring->tail);
        uint32_t count = tail - head;
        uint32_t i;
        void *last;
        if (count == 0 || count > WIPPYI_RING_SIZE) {
            if (count == 0) {
                return NULL;
            }
            head = wippyi_a32_load_acq(&ring->head); /* our two loads were torn apart */
            continue;
        }
        count -= count / 2;
        if (count > room + 1) {
            count = room + 1;
        }
        for (i = 0; i + 1 < count; i++) {
            void *entry = wippyi_ap_load_rlx(&ring->entries[(head + i) & (WIPPYI_RING_SIZE - 1)]);
            wippyi_ap_store_rlx(&own->entries[(own_tail + i) & (WIPPYI_RING_SIZE - 1)], entry);
        }
        last = wippyi_ap_load_rlx(&ring->entries[(head + i) & (WIPPYI_RING_SIZE - 1)]);
        /* The CAS proves that nobody claimed or overwrote what was copied. acq_rel as in pop. */
        if (wippyi_a32_cas_acqrel(&ring->head, &head, head + count)) {
            /* release: publishes the copies to thieves of `own` */
            wippyi_a32_store_rel(&own->tail, own_tail + count - 1);
            *taken = count;
            return last;
        }
    }
}

#endif /* WIPPYI_RING_H */
