/* ========================================================================== >>timer
   A hierarchical timing wheel: 7 levels of 128 slots, one tick = 65,536 ns, so 48 bits of ticks cover
   every 64-bit nanosecond time.  Insert and cancel O(1); a node moves down at most 6 times, with a wait
   of up to a second once: what a timer costs is how often its memory is touched.
   All functions: under the lock of whoever owns the wheel.  Allocates: nothing.
   A node fires at the first tick that is not before its deadline: never early, late by at most one
   tick plus the time until somebody looks.
   Source: Varghese & Lauck 1987, scheme 7. */
#ifndef WIPPYI_TIMER_H
#define WIPPYI_TIMER_H

#include "config.h"

#define WIPPYI_TICK_SHIFT   16
#define WIPPYI_WHEEL_LEVELS 7
#define WIPPYI_WHEEL_BITS   7
#define WIPPYI_WHEEL_SLOTS  (1u << WIPPYI_WHEEL_BITS)
#define WIPPYI_WHEEL_LANES  4 /* lists of a slot, walked side by side */
#define WIPPYI_WHEEL_WORDS  (WIPPYI_WHEEL_SLOTS / 64)

typedef struct wippyi_timer_link { /* a ring: a node, or the list it is in */
    struct wippyi_timer_link *older;
    struct wippyi_timer_link *newer; /* NULL = not in a wheel */
} wippyi_timer_link;

typedef struct wippyi_timer_node {
    wippyi_timer_link at;
    struct wippyi_timer_node *next; /* out of the wheel: the list of who is due. In it: what stood two
                                       places on when this was set; fetched early, never followed */
    uint64_t tick; /* deadline */
} wippyi_timer_node;

typedef struct wippyi_wheel {
    uint64_t now_tick; /* every deadline up to here has fired */
    uint64_t count;
    uint64_t occupied[WIPPYI_WHEEL_LEVELS][WIPPYI_WHEEL_WORDS];
    wippyi_timer_link slots[WIPPYI_WHEEL_LEVELS][WIPPYI_WHEEL_SLOTS][WIPPYI_WHEEL_LANES];
} wippyi_wheel;

WIPPYI_FN void wippyi_wheel_init(wippyi_wheel *wheel, uint64_t now_ns);
/* When to look for it, as far as it alone is concerned: wippyi_wheel_next_ns() is at most that. */
WIPPYI_FN uint64_t wippyi_wheel_insert(wippyi_wheel *wheel, wippyi_timer_node *node,
                                       uint64_t deadline_ns);
/* False: it was not in the wheel. */
WIPPYI_FN bool wippyi_wheel_remove(wippyi_wheel *wheel, wippyi_timer_node *node);
/* Nodes due at now_ns, oldest deadline first, those of one tick in the order they were set, linked by
   `next`; none is in the wheel. Ends with the tick in which there are `limit`; the rest is due still. */
WIPPYI_FN wippyi_timer_node *wippyi_wheel_advance(wippyi_wheel *wheel, uint64_t now_ns,
                                                  uint32_t limit);
/* When to look again; UINT64_MAX = nothing is set. */
WIPPYI_FN uint64_t wippyi_wheel_next_ns(const wippyi_wheel *wheel);

#endif /* WIPPYI_TIMER_H */
