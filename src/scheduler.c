#include "scheduler.h"

#include "host.h"
#include "message.h"
#include "process.h"
#include "sim.h"
#include "watchdog.h"
#include "yield.h"

#include <stdio.h>
#include <string.h>

#define WIPPYI_HOPS_MAX      16    /* next-slot runs in a row */
#define WIPPYI_GLOBAL_EVERY  61    /* looks between two looks at the global queue, when busy */
#define WIPPYI_NORMAL_EVERY  8     /* looks between two in which normal goes before high */
#define WIPPYI_TAKE_MAX      16    /* taken from the global queue at once */
#define WIPPYI_SPREAD_NS     20000 /* queued work worth moving to another core: as long as waking it takes */
#define WIPPYI_TINY_NS       2000  /* a shorter step costs more on another core than it takes here: the
                                      lines of the process, its mail and its blocks move with it */
#define WIPPYI_MANY_NS       100000 /* queued work worth moving although its steps are that short */
#define WIPPYI_COST_START_NS 20000 /* what a step is taken to cost before one was measured */
#define WIPPYI_FIRE_MAX      256   /* timers fired at once: records that are still in the cache when
                                      their processes run; what is late by then is not made later */
#define WIPPYI_COST_GROWS    8     /* at most, from one measurement to the next: beyond, the thread was not
                                      running */
#define WIPPYI_SPINS         300   /* looks before a searching worker sleeps */

WIPPYI_FN uint64_t wippyi_random(uint64_t *state) /* splitmix64, Steele et al. 2014 */
{
    uint64_t z = (*state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

/* ---- the host's global queue ---- */

WIPPYI_FN void wippyi_queue_push(wippyi_host *host, uint32_t lane, wippyi_slot *slot)
{
    wippyi_queue *queue = &host->queues[lane];
    void *head = wippyi_ap_load_rlx(&queue->inbox);
    do {
        slot->run_next = (wippyi_slot *)head;
        /* seq_cst: release for the consumer's acquire exchange, and before the load of sleep_word */
    } while (!wippyi_ap_cas_sc(&queue->inbox, &head, slot));
}

static bool wippyi_queue_has_sc(const wippyi_queue *queue)
{
    return wippyi_ap_load_sc(&queue->inbox) != NULL || wippyi_a32_load_sc(&queue->waiting) != 0;
}

/* Move the inbox behind the ordered list; under the lock. */
static void wippyi_queue_sort(wippyi_queue *queue)
{
    /* acquire: pairs with the pushes in the list */
    wippyi_slot *slot = (wippyi_slot *)wippyi_ap_xchg_acq(&queue->inbox, NULL);
    wippyi_slot *last = slot;
    wippyi_slot *ordered = NULL;
    while (slot != NULL) {
        wippyi_slot *next = slot->run_next;
        slot->run_next = ordered;
        ordered = slot;
        slot = next;
    }
    if (ordered == NULL) {
        return;
    }
    if (queue->first == NULL) {
        queue->first = ordered;
    } else {
        queue->last->run_next = ordered;
    }
    queue->last = last;
}

static wippyi_slot *wippyi_queue_pop(wippyi_queue *queue)
{
    wippyi_slot *slot = queue->first;
    if (slot != NULL) {
        queue->first = slot->run_next;
        slot->run_next = NULL;
        if (queue->first == NULL) {
            queue->last = NULL;
        }
    }
    return slot;
}

static void wippyi_queue_add(wippyi_queue *queue, wippyi_bundle *bundle)
{
    bundle->next = NULL;
    bundle->taken = 0;
    wippyi_mutex_lock(&queue->lock);
    if (queue->bundles == NULL) {
        queue->bundles = bundle;
    } else {
        queue->bundles_last->next = bundle;
    }
    queue->bundles_last = bundle;
    wippyi_a32_store_sc(&queue->waiting, 1);
    wippyi_mutex_unlock(&queue->lock);
}

/* Up to `most` out of the first bundle; how many. *empty: a bundle nobody needs any more. */
static uint32_t wippyi_queue_unbundle(wippyi_queue *queue, void **slots, uint32_t most,
                                      wippyi_bundle **empty)
{
    wippyi_bundle *bundle = queue->bundles;
    uint32_t count = WIPPYI_MIN(most, bundle->count - bundle->taken);
    uint32_t i;
    for (i = 0; i < count; i++) {
        slots[i] = bundle->slots[bundle->taken++];
    }
    if (bundle->taken == bundle->count) {
        queue->bundles = bundle->next;
        *empty = bundle;
    }
    return count;
}

/* Under the lock: up to `most` from what has its turn; how many. */
static uint32_t wippyi_queue_take_some(wippyi_queue *queue, void **slots, uint32_t most,
                                       wippyi_bundle **empty)
{
    uint32_t count = 0;
    wippyi_queue_sort(queue);
    queue->bundles_next = !queue->bundles_next;
    if (queue->bundles != NULL && (queue->bundles_next || queue->first == NULL)) {
        count = wippyi_queue_unbundle(queue, slots, most, empty);
    }
    if (count == 0) {
        while (count < most && (slots[count] = wippyi_queue_pop(queue)) != NULL) {
            count++;
        }
    }
    return count;
}

WIPPYI_INLINE void wippyi_spread(wippyi_worker *w);

/* They run soon. Inline, because compilers think a function that only does this does nothing. */
WIPPYI_INLINE_ALWAYS void wippyi_slots_fetch(void *const *slots, uint32_t count)
{
    uint32_t i;
    for (i = 0; i < count; i++) {
        WIPPYI_PREFETCH(slots[i]);
        WIPPYI_PREFETCH((char *)slots[i] + WIPPYI_CACHELINE);
    }
    for (i = 0; i < count; i++) {
        const wippyi_slot *slot = (const wippyi_slot *)slots[i];
        WIPPYI_PREFETCH(slot->state);
        WIPPYI_PREFETCH(wippyi_ap_load_rlx(&slot->box.head)); /* its mail, or nothing */
    }
}

/* One process to run, and up to WIPPYI_TAKE_MAX more into the worker's ring. */
static WIPPYI_NOINLINE wippyi_slot *wippyi_queue_take_locked(wippyi_worker *w, uint32_t lane)
{
    wippyi_queue *queue = &w->host->queues[lane];
    void *slots[WIPPYI_TAKE_MAX + 1];
    wippyi_bundle *empty = NULL;
    uint32_t room = wippyi_ring_room(&w->rings[lane]);
    uint32_t count;
    room = WIPPYI_MIN(room, WIPPYI_TAKE_MAX);
    wippyi_mutex_lock(&queue->lock);
    count = wippyi_queue_take_some(queue, slots, room + 1, &empty);
    wippyi_a32_store_sc(&queue->waiting, queue->first != NULL || queue->bundles != NULL ? 1 : 0);
    wippyi_mutex_unlock(&queue->lock);
    wippyi_block_put(w->host->rt, w, empty, sizeof(*empty));
    wippyi_slots_fetch(slots, count);
    if (count > 1) { /* all are out of the list: once they are in the ring, a thief may run them */
        wippyi_ring_push_all(&w->rings[lane], slots + 1, count - 1);
        if (w->host->kind != WIPPY_HOST_PUMP) {
            wippyi_spread(w); /* whoever looked while these were nowhere to be seen may sleep by now */
        }
    }
    return count > 0 ? (wippyi_slot *)slots[0] : NULL;
}

/* A hint: what was pushed a moment ago may not be seen yet. */
WIPPYI_INLINE bool wippyi_queue_has_rlx(const wippyi_queue *queue)
{
    return wippyi_ap_load_rlx(&queue->inbox) != NULL || wippyi_a32_load_rlx(&queue->waiting) != 0;
}

WIPPYI_INLINE wippyi_slot *wippyi_queue_take(wippyi_worker *w, uint32_t lane)
{
    return wippyi_queue_has_rlx(&w->host->queues[lane]) ? wippyi_queue_take_locked(w, lane) : NULL;
}

/* ---- sleep and wake ---- */

#define WIPPYI_ONE_SEARCHING ((uint64_t)1)
#define WIPPYI_ONE_PARKED    ((uint64_t)1 << 32)

static uint32_t wippyi_searching(uint64_t word)
{
    return (uint32_t)word;
}

static uint32_t wippyi_parked(uint64_t word)
{
    return (uint32_t)(word >> 32);
}

/* Take one sleeper off the list and wake it; it counts as searching from here on. */
static bool wippyi_host_wake_one(wippyi_host *host)
{
    wippyi_worker *w;
    wippyi_mutex_lock(&host->park_lock);
    w = host->parked_list;
    if (w != NULL) {
        host->parked_list = w->park_next;
        w->is_parked = false;
        /* parked -> searching in one step, so that no other publisher wakes a second one for the same
           work. seq_cst like every change of the word: see the banner. */
        wippyi_a64_add_sc(&host->sleep_word, WIPPYI_ONE_SEARCHING - WIPPYI_ONE_PARKED);
    }
    wippyi_mutex_unlock(&host->park_lock);
    if (w == NULL) {
        return false;
    }
    wippyi_ticket_wake(&w->ticket);
    return true;
}

/* 0 -> 1: the first publisher since the last pump began calls wake_fn. Release: the work was pushed
   before; pairs with the exchange in wippy_pump(). Of the two exchanges one comes first: either the
   pump's does, and we find 0 and call; or ours does, and the pump sees our work. */
static void wippyi_pump_signal(wippyi_host *host)
{
    if (host->desc.wake_fn != NULL && wippyi_a32_xchg_acqrel(&host->signalled, 1) == 0) {
        host->desc.wake_fn(host->desc.user_data);
    }
}

WIPPYI_FN void wippyi_host_notify(wippyi_host *host)
{
    uint64_t word;
    if (host->kind == WIPPY_HOST_PUMP) {
        wippyi_pump_signal(host);
        return;
    }
    /* seq_cst: after the push, see the banner */
    word = wippyi_a64_load_sc(&host->sleep_word);
    if (wippyi_searching(word) == 0 && wippyi_parked(word) > 0) {
        (void)wippyi_host_wake_one(host);
    }
}

WIPPYI_FN void wippyi_host_wake_all(wippyi_host *host)
{
    wippyi_worker *sleepers, *w;
    if (host->kind == WIPPY_HOST_PUMP) {
        wippyi_pump_signal(host);
        return;
    }
    /* the whole list at once: one that parks again meanwhile is not woken twice */
    wippyi_mutex_lock(&host->park_lock);
    sleepers = host->parked_list;
    host->parked_list = NULL;
    for (w = sleepers; w != NULL; w = w->park_next) {
        w->is_parked = false;
        /* parked -> searching; seq_cst: as in wippyi_host_wake_one() */
        wippyi_a64_add_sc(&host->sleep_word, WIPPYI_ONE_SEARCHING - WIPPYI_ONE_PARKED);
    }
    while (sleepers != NULL) { /* under the lock: an awake worker writes park_next only there */
        w = sleepers;
        sleepers = w->park_next;
        wippyi_ticket_wake(&w->ticket);
    }
    wippyi_mutex_unlock(&host->park_lock);
}

/* ---- making processes runnable ---- */

/* The ring is full: its older half goes to the global queue, so that nothing is lost; one by one when there
   is no memory for a bundle. */
static WIPPYI_NOINLINE void wippyi_overflow(wippyi_worker *w, uint32_t lane)
{
    wippyi_bundle *bundle =
        (wippyi_bundle *)wippyi_block_get(w->host->rt, w, sizeof(wippyi_bundle));
    uint32_t i;
    if (bundle == NULL) {
        for (i = 0; i < WIPPYI_RING_SIZE / 2; i++) {
            wippyi_slot *slot = (wippyi_slot *)wippyi_ring_pop(&w->rings[lane]);
            if (slot == NULL) {
                break;
            }
            wippyi_queue_push(w->host, lane, slot);
        }
        return;
    }
    bundle->count = wippyi_ring_pop_some(&w->rings[lane], bundle->slots, WIPPYI_BUNDLE_MAX);
    if (bundle->count == 0) {
        wippyi_block_put(w->host->rt, w, bundle, sizeof(*bundle));
        return;
    }
    wippyi_queue_add(&w->host->queues[lane], bundle);
}

/* Is what waits in the rings of a worker worth another core? */
static bool wippyi_worth_moving(const wippyi_worker *w)
{
    uint64_t cost = wippyi_a32_load_rlx(&w->cost_ns);
    uint64_t count = (uint64_t)wippyi_ring_count(&w->rings[WIPPYI_LANE_NORMAL]) +
                     wippyi_ring_count(&w->rings[WIPPYI_LANE_HIGH]);
    return count * cost >= (cost >= WIPPYI_TINY_NS ? WIPPYI_SPREAD_NS : WIPPYI_MANY_NS);
}

/* Wake a core only when what waits here is worth the trip. */
WIPPYI_INLINE void wippyi_spread(wippyi_worker *w)
{
    wippyi_barrier_near(&w->barrier); /* between the push and this look: see wippyi_host_barrier() */
    if (wippyi_parked(wippyi_a64_load_sc(&w->host->sleep_word)) > 0 &&
        wippyi_worth_moving(w)) {
        wippyi_host_notify(w->host);
    }
}

static void wippyi_local_push(wippyi_worker *w, uint32_t lane, wippyi_slot *slot)
{
    while (WIPPYI_UNLIKELY(!wippyi_ring_push(&w->rings[lane], slot))) {
        wippyi_overflow(w, lane);
    }
    if (w->host->kind != WIPPY_HOST_PUMP) {
        wippyi_spread(w);
    }
}

/* For a process that had its turn. While others wait in the global queue it goes behind them: the ring
   would run its 256 over and over, and look there once in a while. Nobody is woken: this worker is
   awake, looks there before it sleeps, and wakes another when it took many. */
WIPPYI_FN void wippyi_requeue(wippyi_worker *w, wippyi_slot *slot)
{
    uint32_t lane = wippyi_slot_lane(w->host, slot);
    if (WIPPYI_UNLIKELY(wippyi_queue_has_rlx(&w->host->queues[lane]))) {
        wippyi_queue_push(w->host, lane, slot);
        return;
    }
    wippyi_local_push(w, lane, slot);
}

WIPPYI_FN void wippyi_schedule_other(wippyi_worker *w, wippyi_slot *slot)
{
    wippyi_host *host = wippyi_slot_host(slot);
    uint32_t lane = wippyi_slot_lane(host, slot);
    if (w == NULL || w->host != host) {
        wippyi_queue_push(host, lane, slot);
        wippyi_host_notify(host);
    } else {
        wippyi_local_push(w, lane, slot);
    }
}

/* ---- finding work ---- */

static WIPPYI_NOINLINE void wippyi_await_robber(wippyi_worker *w)
{
    /* acquire: pairs with the robber's store; what it took is seen to be gone */
    while (wippyi_a32_load_acq(&w->robber) != 0) {
        wippyi_thread_yield();
    }
}

/* Between two steps: from here to the next one no thief is at what the worker has in hand. */
WIPPYI_INLINE void wippyi_take_begin(wippyi_worker *w)
{
    WIPPYI_PARANOID((wippyi_a64_load_rlx(&w->step_number) & 1) == 0);
    wippyi_barrier_near(&w->barrier); /* between the end of the step and this look */
    if (WIPPYI_UNLIKELY(wippyi_a32_load_acq(&w->robber) != 0)) {
        wippyi_await_robber(w);
    }
}

/* What a worker has in hand while it is in a step that takes too long. NULL: nothing, or the step is
   over, or somebody else is at it. */
static wippyi_slot *wippyi_rob(wippyi_worker *victim)
{
    wippyi_slot *slot = NULL;
    uint32_t nobody = 0;
    /* acquire: pairs with the last robber's store */
    if (!wippyi_a32_cas_acqrel(&victim->robber, &nobody, 1)) {
        return NULL;
    }
    /* Either the owner, leaving its step, sees us and waits; or we see that it has left. A later step is
       as good: at the end of it the same holds. acquire: what the owner did before this step. */
    if (wippyi_barrier_far(&victim->barrier) &&
        (wippyi_a64_load_acq(&victim->step_number) & 1) != 0) {
        /* an exchange, because the owner puts when it sees NULL; acquire: the slot is seen whole */
        slot = (wippyi_slot *)wippyi_ap_xchg_acqrel(&victim->next_slot, NULL);
    }
    wippyi_a32_store_rel(&victim->robber, 0);
    return slot;
}

WIPPYI_INLINE wippyi_slot *wippyi_take_next(wippyi_worker *w)
{
    wippyi_slot *slot = (wippyi_slot *)wippyi_ap_load_rlx(&w->next_slot);
    if (slot == NULL) {
        w->hops = 0;
        return NULL;
    }
    wippyi_ap_store_rlx(&w->next_slot, NULL); /* no thief is there: wippyi_take_begin() */
    if (WIPPYI_UNLIKELY(++w->hops > WIPPYI_HOPS_MAX)) {
        w->hops = 0;
        if (wippyi_ring_count(&w->rings[WIPPYI_LANE_NORMAL]) > 0) { /* the others first */
            wippyi_local_push(w, WIPPYI_LANE_NORMAL, slot);
            return NULL;
        }
    }
    return slot;
}

static wippyi_slot *wippyi_take_high(wippyi_worker *w)
{
    wippyi_slot *slot = NULL;
    if (wippyi_ring_count(&w->rings[WIPPYI_LANE_HIGH]) > 0) {
        slot = (wippyi_slot *)wippyi_ring_pop(&w->rings[WIPPYI_LANE_HIGH]);
    }
    return slot != NULL ? slot : wippyi_queue_take(w, WIPPYI_LANE_HIGH);
}

WIPPYI_INLINE wippyi_slot *wippyi_take_normal(wippyi_worker *w)
{
    wippyi_slot *slot = NULL;
    if (WIPPYI_UNLIKELY(--w->until_global == 0)) {
        w->until_global = WIPPYI_GLOBAL_EVERY;
        slot = wippyi_queue_take(w, WIPPYI_LANE_NORMAL);
        if (slot != NULL) {
            return slot;
        }
    }
    slot = wippyi_take_next(w);
    if (slot == NULL) {
        slot = (wippyi_slot *)wippyi_ring_pop(&w->rings[WIPPYI_LANE_NORMAL]);
    }
    return slot != NULL ? slot : wippyi_queue_take(w, WIPPYI_LANE_NORMAL);
}

/* Both lanes, high first, but for one look in WIPPYI_NORMAL_EVERY. */
static wippyi_slot *wippyi_take_lanes(wippyi_worker *w)
{
    wippyi_slot *slot;
    if (--w->until_normal != 0) {
        slot = wippyi_take_high(w);
        return slot != NULL ? slot : wippyi_take_normal(w);
    }
    w->until_normal = WIPPYI_NORMAL_EVERY;
    slot = wippyi_take_normal(w);
    return slot != NULL ? slot : wippyi_take_high(w);
}

/* What runs here, without looking at other workers. */
WIPPYI_INLINE wippyi_slot *wippyi_take_own(wippyi_worker *w)
{
    wippyi_take_begin(w);
    if (WIPPYI_LIKELY(wippyi_a32_load_rlx(&w->host->has_high) == 0)) {
        return wippyi_take_normal(w);
    }
    return wippyi_take_lanes(w);
}

static void wippyi_wheels_fire(wippyi_worker *via, wippyi_worker *w, uint64_t now);

/* Is there something on that worker worth moving? */
static bool wippyi_stealable(const wippyi_worker *victim)
{
    if (wippyi_a32_load_rlx(&victim->overdue) != 0) {
        return wippyi_ap_load_sc(&victim->next_slot) != NULL ||
               wippyi_ring_has(&victim->rings[WIPPYI_LANE_NORMAL]) ||
               wippyi_ring_has(&victim->rings[WIPPYI_LANE_HIGH]);
    }
    return wippyi_worth_moving(victim);
}

static wippyi_slot *wippyi_steal_from(wippyi_worker *w, wippyi_worker *victim)
{
    uint32_t lane;
    uint32_t taken = 0;
    wippyi_slot *slot = NULL;
    if (WIPPYI_UNLIKELY(wippyi_a32_load_rlx(&victim->overdue) != 0)) {
        wippyi_wheels_fire(w, victim, wippyi_now_ns(w->host->rt)); /* it cannot do so itself */
    }
    if (!wippyi_stealable(victim)) {
        return NULL;
    }
    for (lane = WIPPYI_LANES; lane-- > 0 && slot == NULL;) {
        slot = (wippyi_slot *)wippyi_ring_steal(&victim->rings[lane], &w->rings[lane], &taken);
    }
    if (slot == NULL && wippyi_a32_load_rlx(&victim->overdue) != 0) {
        slot = wippyi_rob(victim);
        taken = slot != NULL ? 1 : 0;
    }
    if (taken > 0) {
        wippy_runtime *rt = w->host->rt;
        wippyi_a64_store_rlx(&w->stolen, wippyi_a64_load_rlx(&w->stolen) + taken);
        if (WIPPYI_UNLIKELY(rt->desc.trace_fn != NULL)) {
            wippy_trace_record record;
            memset(&record, 0, sizeof(record));
            record.kind = WIPPY_TRACE_STEAL;
            record.time_ns = wippyi_now_ns(rt);
            record.number = (int64_t)w->index;
            rt->desc.trace_fn(&record, rt->desc.trace_user_data);
        }
    }
    return slot;
}

/* In order, at most what a ring holds. */
static void wippyi_unload_ring(wippyi_host *host, wippyi_worker *w, uint32_t lane)
{
    uint32_t moved = 0;
    wippyi_ring aside; /* no worker owns it, so nobody steals from it */
    wippyi_ring_init(&aside);
    while (moved < WIPPYI_RING_SIZE) {
        uint32_t taken = 0;
        wippyi_slot *last = (wippyi_slot *)wippyi_ring_steal(&w->rings[lane], &aside, &taken);
        wippyi_slot *slot;
        if (last == NULL) {
            return;
        }
        while ((slot = (wippyi_slot *)wippyi_ring_pop(&aside)) != NULL) {
            wippyi_queue_push(host, lane, slot);
        }
        wippyi_queue_push(host, lane, last);
        moved += taken;
    }
}

WIPPYI_FN void wippyi_worker_unload(wippyi_worker *w)
{
    wippyi_host *host = w->host;
    wippyi_slot *slot;
    uint32_t lane;
    wippyi_wheels_fire(NULL, w, wippyi_now_ns(host->rt));
    for (lane = WIPPYI_LANES; lane-- > 0;) {
        wippyi_unload_ring(host, w, lane);
    }
    slot = wippyi_rob(w);
    if (slot != NULL) {
        wippyi_queue_push(host, wippyi_slot_lane(host, slot), slot);
    }
    wippyi_host_notify(host);
}

static wippyi_slot *wippyi_steal(wippyi_worker *w)
{
    wippyi_host *host = w->host;
    uint32_t count = wippyi_a32_load_acq(&host->worker_slots);
    uint32_t start = (uint32_t)(wippyi_random(&w->random) % count);
    uint32_t i;
    for (i = 0; i < count; i++) {
        wippyi_worker *victim = wippyi_host_worker(host, (start + i) % count);
        if (victim != w) {
            wippyi_slot *slot = wippyi_steal_from(w, victim);
            if (slot != NULL) {
                return slot;
            }
        }
    }
    return NULL;
}

/* Before a sleep: everything another thread may have made visible. */
WIPPYI_FN bool wippyi_host_has_work(const wippyi_host *host)
{
    uint32_t count = wippyi_a32_load_acq(&host->worker_slots);
    uint32_t i;
    if (wippyi_queue_has_sc(&host->queues[WIPPYI_LANE_NORMAL]) ||
        wippyi_queue_has_sc(&host->queues[WIPPYI_LANE_HIGH])) {
        return true;
    }
    for (i = 0; i < count; i++) {
        if (wippyi_stealable(wippyi_host_worker(host, i))) {
            return true;
        }
    }
    return false;
}

static bool wippyi_worker_has_own(const wippyi_worker *w)
{
    return wippyi_ap_load_sc(&w->next_slot) != NULL ||
           wippyi_ring_has(&w->rings[WIPPYI_LANE_NORMAL]) ||
           wippyi_ring_has(&w->rings[WIPPYI_LANE_HIGH]);
}

/* ---- timers and the clock ---- */

WIPPYI_FN void wippyi_worker_timers(wippyi_worker *via, wippyi_worker *owner, uint64_t now_ns)
{
    wippy_runtime *rt = owner->host->rt;
    wippyi_timer_node *node;
    wippyi_timer_node *claimed = NULL;
    wippyi_timer_node **end = &claimed;
    if (now_ns < wippyi_a64_load_rlx(&owner->wheel_next_ns)) {
        return;
    }
    wippyi_latch_take(&owner->wheel_lock);
    node = wippyi_wheel_advance(&owner->wheel, now_ns, WIPPYI_FIRE_MAX);
    while (node != NULL) {
        wippyi_timer_node *next = node->next;
        wippyi_yield *yield = WIPPYI_CONTAINER_OF(node, wippyi_yield, timer);
        /* under the lock: whoever drops the yield claims it first and then waits for the lock, so a
           node that is not ours is not touched after this */
        if (wippyi_yield_claim(rt, wippyi_yield_token(yield)) != NULL) {
            yield->wheel = NULL;
            WIPPYI_PREFETCH(&yield->mail); /* of all of them, while this loop goes on */
            if (WIPPYI_UNLIKELY(rt->sim != NULL)) {
                end = wippyi_sim_tie(rt, &claimed, node->tick);
            }
            node->next = *end;
            *end = node;
            end = &node->next;
        }
        node = next;
    }
    wippyi_a64_store_rlx(&owner->wheel_next_ns, wippyi_wheel_next_ns(&owner->wheel));
    wippyi_latch_drop(&owner->wheel_lock);
    while (claimed != NULL) {
        wippyi_yield *yield = WIPPYI_CONTAINER_OF(claimed, wippyi_yield, timer);
        claimed = claimed->next;
        (void)wippyi_yield_push(rt, via, yield, WIPPY_OK, NULL, 0, 0);
    }
}

WIPPYI_FN void wippyi_worker_relieved(wippyi_worker *w)
{
    wippyi_host *host = w->host;
    uint32_t count = wippyi_a32_load_acq(&host->worker_slots);
    uint32_t i;
    wippyi_a32_store_rlx(&w->overdue, 0);
    for (i = 0; i < count; i++) {
        if (wippyi_a32_load_rlx(&wippyi_host_worker(host, i)->spare) == WIPPYI_SPARE_YES) {
            wippyi_host_wake_all(host); /* a parked one would not see it */
            return;
        }
    }
}

/* When this worker must look at a wheel again. The first worker, which never ends while its host runs,
   also looks after the wheels of workers that have ended. */
WIPPYI_FN uint64_t wippyi_wheels_next_ns(const wippyi_worker *w)
{
    uint64_t next = wippyi_a64_load_rlx(&w->wheel_next_ns);
    uint32_t count = w->index == 0 ? wippyi_a32_load_acq(&w->host->worker_slots) : 0;
    uint32_t i;
    for (i = 1; i < count; i++) {
        const wippyi_worker *other = wippyi_host_worker(w->host, i);
        if (wippyi_a32_load_acq(&other->exited) != 0) {
            uint64_t orphan = wippyi_a64_load_rlx(&other->wheel_next_ns);
            next = WIPPYI_MIN(next, orphan);
        }
    }
    return next;
}

/* What `w` has to look after, by `via`: itself, or a thief while it cannot. */
static void wippyi_wheels_fire(wippyi_worker *via, wippyi_worker *w, uint64_t now)
{
    uint32_t count = w->index == 0 ? wippyi_a32_load_acq(&w->host->worker_slots) : 0;
    uint32_t i;
    wippyi_worker_timers(via, w, now);
    for (i = 1; i < count; i++) {
        wippyi_worker *other = wippyi_host_worker(w->host, i);
        if (wippyi_a32_load_acq(&other->exited) != 0) {
            wippyi_worker_timers(via, other, now);
        }
    }
}

/* Read the clock, learn what a step costs, fire timers. The clock is read about every 20 us of work,
   at most every step and at least every 64. */
static WIPPYI_NOINLINE void wippyi_worker_clock(wippyi_worker *w)
{
    uint64_t now = wippyi_now_ns(w->host->rt);
    uint64_t steps = w->clock_batch - w->until_clock;
    w->until_clock = 1;
    if (steps > 0) {
        uint64_t cost = (now - w->clock_ns) / steps;
        uint64_t old = wippyi_a32_load_rlx(&w->cost_ns);
        uint64_t most = (old + 1) * WIPPYI_COST_GROWS;
        uint64_t average = (old * 3 + WIPPYI_MIN(cost, most)) / 4;
        wippyi_a32_store_rlx(&w->cost_ns, (uint32_t)average);
        w->until_clock = (uint32_t)WIPPYI_MAX(1, WIPPYI_MIN(64, WIPPYI_SPREAD_NS / (average + 1)));
        if (average > old && w->host->kind != WIPPY_HOST_PUMP) {
            wippyi_spread(w); /* what waits here became more expensive than it looked */
        }
    }
    w->clock_ns = now;
    w->clock_batch = w->until_clock;
    wippyi_wheels_fire(w, w, now);
}

WIPPYI_INLINE void wippyi_run(wippyi_worker *w, wippyi_slot *slot)
{
    wippyi_process_run(w, slot);
    if (WIPPYI_UNLIKELY(--w->until_clock == 0)) {
        wippyi_worker_clock(w);
    }
}

/* Out of work: time that passes now is not the cost of steps. */
static WIPPYI_NOINLINE bool wippyi_idle_timers(wippyi_worker *w)
{
    uint64_t now = wippyi_now_ns(w->host->rt);
    w->clock_batch = w->until_clock;
    w->clock_ns = now;
    if (now < wippyi_wheels_next_ns(w)) {
        return false;
    }
    w->by_timer = true;
    wippyi_wheels_fire(w, w, now);
    return wippyi_worker_has_own(w);
}

WIPPYI_FN bool wippyi_worker_turn(wippyi_worker *w)
{
    wippyi_slot *slot = wippyi_take_own(w);
    if (slot == NULL && wippyi_idle_timers(w)) {
        slot = wippyi_take_own(w);
    }
    if (slot == NULL) {
        return false;
    }
    wippyi_run(w, slot);
    return true;
}

/* ---- the worker thread ---- */

/* running -> searching: from here on publishers leave the waking to us. seq_cst: before our looks at
   the queues, see the banner. */
static void wippyi_search_begin(wippyi_worker *w)
{
    wippyi_a64_add_sc(&w->host->sleep_word, WIPPYI_ONE_SEARCHING);
    w->searching = true;
}

/* Between a change of sleep_word and a look at the rings of others: far side of the barrier that their
   owners pass between a push and their look at sleep_word. False: look again later. */
static bool wippyi_host_barrier(wippyi_host *host)
{
    uint32_t count = wippyi_a32_load_acq(&host->worker_slots);
    uint32_t i;
    for (i = 0; i < count; i++) {
        wippyi_barrier *barrier = &wippyi_host_worker(host, i)->barrier;
        if (!wippyi_barrier_far(barrier)) {
            return false;
        }
        if (barrier->by_system) { /* one is enough for all */
            return true;
        }
    }
    return true;
}

/* Leave searching because work was found: the last searcher hands the search on. seq_cst, and the barrier:
   publishers that saw us searching woke nobody, so we look at the queues again after this. */
static void wippyi_search_end(wippyi_worker *w)
{
    uint64_t before = wippyi_a64_sub_sc(&w->host->sleep_word, WIPPYI_ONE_SEARCHING);
    w->searching = false;
    if (wippyi_searching(before) == 1 && wippyi_parked(before) > 0 &&
        (!wippyi_host_barrier(w->host) || wippyi_host_has_work(w->host))) {
        wippyi_host_notify(w->host);
    }
}

static wippyi_slot *wippyi_find(wippyi_worker *w)
{
    wippyi_slot *slot = wippyi_take_own(w);
    if (slot == NULL && wippyi_idle_timers(w)) {
        slot = wippyi_take_own(w);
    }
    return slot != NULL ? slot : wippyi_steal(w);
}

/* Look again and again for about as long as a wake costs. At most one such worker per two CPUs; and
   none whose work comes from its own timers, for it knows when to come back: between the ticks of many
   timers there would be nothing but spinning. */
static wippyi_slot *wippyi_spin(wippyi_worker *w)
{
    wippy_runtime *rt = w->host->rt;
    wippyi_slot *slot = NULL;
    uint32_t spinners, i, k;
    if (w->by_timer) {
        return NULL;
    }
    spinners = wippyi_a32_add_rlx(&rt->searching, 1); /* gauge: one spinner more does no harm */
    if (spinners < (rt->cpu_count + 1) / 2) {
        for (i = 0; i < WIPPYI_SPINS && slot == NULL && wippyi_a32_load_rlx(&w->quit) == 0; i++) {
            for (k = 0; k < 8; k++) {
                wippyi_cpu_relax();
            }
            if (wippyi_host_has_work(w->host) || wippyi_worker_has_own(w) || i % 64 == 0) {
                slot = wippyi_find(w);
            }
        }
    }
    wippyi_a32_sub_rlx(&rt->searching, 1);
    return slot;
}

/* Take ourselves off the list of sleepers. False: a waker has done it, its wake is on its way. */
static bool wippyi_unpark_self(wippyi_worker *w)
{
    wippyi_host *host = w->host;
    wippyi_worker **at;
    bool was;
    wippyi_mutex_lock(&host->park_lock);
    was = w->is_parked;
    if (was) {
        for (at = &host->parked_list; *at != w; at = &(*at)->park_next) {
        }
        *at = w->park_next;
        w->is_parked = false;
        /* parked -> running; under park_lock, so a waker has counted us or will not find us */
        wippyi_a64_sub_sc(&host->sleep_word, WIPPYI_ONE_PARKED);
    }
    wippyi_mutex_unlock(&host->park_lock);
    return was;
}

static void wippyi_trace_worker(wippyi_worker *w, wippy_trace_kind kind)
{
    wippy_runtime *rt = w->host->rt;
    if (WIPPYI_UNLIKELY(rt->desc.trace_fn != NULL)) {
        wippy_trace_record record;
        memset(&record, 0, sizeof(record));
        record.kind = kind;
        record.time_ns = wippyi_now_ns(rt);
        record.number = (int64_t)w->index;
        rt->desc.trace_fn(&record, rt->desc.trace_user_data);
    }
}

static uint64_t wippyi_until_wake_ns(const wippyi_worker *w)
{
    uint64_t next = wippyi_wheels_next_ns(w);
    uint64_t now;
    if (next == UINT64_MAX) {
        return UINT64_MAX;
    }
    now = wippyi_now_ns(w->host->rt);
    return next > now ? next - now : 0;
}

/* How long a worker sleeps at most when a push of another may have missed it: because the system refuses the
   barrier; and a sleep that a timer ends soon anyway does without, for between the ticks of many timers
   the barrier's interrupts cost more than they could save. */
#define WIPPYI_BLIND_NS (20u * 1000000u)
#define WIPPYI_NAP_NS   (1u * 1000000u)

/* Say that this worker sleeps, then look again. False: there is something to do. */
static bool wippyi_park_begin(wippyi_worker *w)
{
    wippyi_host *host = w->host;
    wippyi_mutex_lock(&host->park_lock);
    w->is_parked = true;
    w->park_next = host->parked_list;
    host->parked_list = w;
    /* searching or running -> parked, seq_cst, before the look at the queues below: see the banner */
    wippyi_a64_add_sc(&host->sleep_word,
                      WIPPYI_ONE_PARKED - (w->searching ? WIPPYI_ONE_SEARCHING : 0));
    w->searching = false;
    wippyi_mutex_unlock(&host->park_lock);
    w->sleep_ns = wippyi_until_wake_ns(w);
    if (w->sleep_ns > WIPPYI_NAP_NS && !wippyi_host_barrier(host)) {
        w->sleep_ns = WIPPYI_MIN(w->sleep_ns, WIPPYI_BLIND_NS);
    }
    if (wippyi_host_has_work(host) || wippyi_worker_has_own(w) ||
        wippyi_a32_load_sc(&w->quit) != 0) {
        return false;
    }
    wippyi_trace_worker(w, WIPPY_TRACE_PARK);
    wippyi_a64_store_rlx(&w->parked, wippyi_a64_load_rlx(&w->parked) + 1);
    return true;
}

/* Awake again; woken: by the ticket. */
static void wippyi_park_end(wippyi_worker *w, bool woken)
{
    if (woken) {
        w->by_timer = false;
        w->searching = true; /* the waker counted us */
    } else if (!wippyi_unpark_self(w)) {
        (void)wippyi_ticket_wait(&w->ticket, UINT64_MAX); /* it is on its way */
        w->searching = true;
    }
}

/* Sleep until there is something to do. */
static void wippyi_park(wippyi_worker *w)
{
    wippy_runtime *rt = w->host->rt;
    bool woken = false;
    if (wippyi_park_begin(w)) {
        wippyi_watchdog_rest(rt);
        woken = wippyi_ticket_wait(&w->ticket, w->sleep_ns);
        wippyi_watchdog_work(rt);
        wippyi_trace_worker(w, WIPPY_TRACE_WAKE);
    }
    wippyi_park_end(w, woken);
}

/* What is left in the queues of a worker that ends is for the others, who may steal at the same time. */
static void wippyi_hand_over(wippyi_worker *w)
{
    wippyi_slot *slot;
    uint32_t lane;
    wippyi_take_begin(w);
    slot = wippyi_take_next(w);
    if (slot != NULL) {
        wippyi_queue_push(w->host, wippyi_slot_lane(w->host, slot), slot);
    }
    for (lane = 0; lane < WIPPYI_LANES; lane++) {
        while ((slot = (wippyi_slot *)wippyi_ring_pop(&w->rings[lane])) != NULL) {
            wippyi_queue_push(w->host, lane, slot);
        }
    }
    wippyi_host_notify(w->host);
}

/* Nobody needs a spare any more. Decided once: a resize that wants to keep it either comes before,
   or waits for the thread to end and starts another. YES -> LEAVING; pairs with the CAS in
   wippyi_host_start_workers(): one of the two succeeds. */
static bool wippyi_spare_leaves(wippyi_worker *w)
{
    uint32_t expected = WIPPYI_SPARE_YES;
    return wippyi_a32_load_rlx(&w->spare) == WIPPYI_SPARE_YES && !wippyi_host_overdue(w->host) &&
           wippyi_a32_cas_acqrel(&w->spare, &expected, WIPPYI_SPARE_LEAVING);
}

/* The last thing a worker does. */
static void wippyi_worker_exit(wippyi_worker *w)
{
    wippyi_host *host = w->host;
    wippyi_a64_store_rel(&w->thread_id, 0);
    wippyi_mutex_lock(&host->rt->stop_lock);
    wippyi_a32_store_rel(&w->exited, 1);
    wippyi_cond_broadcast(&host->rt->stop_cond);
    wippyi_mutex_unlock(&host->rt->stop_lock);
    if (wippyi_a64_load_rlx(&w->wheel_next_ns) != UINT64_MAX) {
        wippyi_host_wake_all(host); /* the first worker looks after our wheel from now on */
    }
}

WIPPYI_FN void wippyi_worker_main(void *arg)
{
    wippyi_worker *w = (wippyi_worker *)arg;
    wippyi_a64_store_rel(&w->thread_id, wippyi_thread_self_id());
    wippyi_watchdog_enter(w);
    while (wippyi_a32_load_acq(&w->quit) == 0) {
        wippyi_slot *slot = wippyi_find(w);
        if (slot == NULL) {
            if (!w->searching) {
                wippyi_search_begin(w);
            }
            slot = wippyi_spin(w);
        }
        if (slot != NULL) {
            if (w->searching) {
                wippyi_search_end(w);
            }
            wippyi_run(w, slot);
        } else if (wippyi_spare_leaves(w)) {
            break;
        } else {
            wippyi_park(w);
        }
    }
    if (w->searching) {
        wippyi_search_end(w);
    }
    wippyi_hand_over(w);
    wippyi_watchdog_leave(w);
    wippyi_worker_exit(w);
}

/* ---- a worker without a thread: what a simulation calls ---- */

/* One process from one of the places where there may be some. */
static wippyi_slot *wippyi_take_from(wippyi_worker *w, uint32_t place)
{
    wippyi_worker *victim;
    switch (place) {
    case 0: wippyi_take_begin(w); return wippyi_take_next(w);
    case 1: return (wippyi_slot *)wippyi_ring_pop(&w->rings[WIPPYI_LANE_NORMAL]);
    case 2: return (wippyi_slot *)wippyi_ring_pop(&w->rings[WIPPYI_LANE_HIGH]);
    case 3: return wippyi_queue_take(w, WIPPYI_LANE_NORMAL);
    case 4: return wippyi_queue_take(w, WIPPYI_LANE_HIGH);
    case 5: return wippyi_idle_timers(w) ? wippyi_take_own(w) : NULL;
    default: break;
    }
    if (wippyi_worker_has_own(w)) {
        return NULL; /* nobody steals then */
    }
    victim = wippyi_host_worker(w->host, (uint32_t)(wippyi_random(&w->random) %
                                                    wippyi_a32_load_acq(&w->host->worker_slots)));
    if (victim != w) {
        wippyi_a32_store_rlx(&victim->overdue, 1); /* as if its last step took long */
    }
    return wippyi_steal(w);
}

/* Any order of looking is a legal one: now and then that of the threads, else one of chance. */
static wippyi_slot *wippyi_find_any(wippyi_worker *w)
{
    uint64_t dice = wippyi_random(&w->random);
    wippyi_slot *slot = NULL;
    uint32_t i;
    for (i = 0; i < 7 && slot == NULL && dice % 4 != 0; i++) {
        slot = wippyi_take_from(w, (uint32_t)((dice >> 8) + (i * 3u)) % 7);
    }
    return slot != NULL ? slot : wippyi_find(w);
}

WIPPYI_FN bool wippyi_worker_wakes(wippyi_worker *w)
{
    if (w->asleep && !w->woken) {
        w->woken = wippyi_ticket_wait(&w->ticket, 0);
    }
    return !w->asleep || w->woken || wippyi_until_wake_ns(w) == 0;
}

WIPPYI_FN uint64_t wippyi_worker_wakes_ns(const wippyi_worker *w)
{
    return wippyi_wheels_next_ns(w);
}

static void wippyi_worker_rise(wippyi_worker *w)
{
    if (w->asleep) {
        w->asleep = false;
        wippyi_trace_worker(w, WIPPY_TRACE_WAKE);
        wippyi_park_end(w, w->woken);
        w->woken = false;
    }
}

WIPPYI_FN void wippyi_worker_round(wippyi_worker *w)
{
    wippyi_slot *slot;
    wippyi_worker_rise(w);
    slot = wippyi_find_any(w);
    if (slot != NULL) {
        if (w->searching) {
            wippyi_search_end(w);
        }
        wippyi_run(w, slot);
    } else if (!w->searching) {
        wippyi_search_begin(w); /* and looks again in the next round */
    } else if (wippyi_park_begin(w)) {
        w->asleep = true;
    } else {
        wippyi_park_end(w, false);
    }
}

WIPPYI_FN void wippyi_worker_retire(wippyi_worker *w)
{
    wippyi_worker_rise(w);
    if (w->searching) {
        wippyi_search_end(w);
    }
    wippyi_hand_over(w);
    wippyi_worker_exit(w);
}

/* ---- workers as objects ---- */

WIPPYI_FN wippyi_worker *wippyi_worker_new(wippyi_host *host, uint32_t index)
{
    wippy_runtime *rt = host->rt;
    wippyi_worker *w = (wippyi_worker *)wippyi_mem_alloc(&rt->mem, sizeof(*w));
    uint32_t lane;
    if (w == NULL) {
        return NULL;
    }
    memset(w, 0, sizeof(*w));
    w->host = host;
    w->index = index;
    for (lane = 0; lane < WIPPYI_LANES; lane++) {
        wippyi_ring_init(&w->rings[lane]);
    }
    wippyi_heap_init(&w->heap, &rt->depot);
    w->self.rt = rt;
    w->self.worker = w;
    w->self.host = host;
    w->self.heap = &w->heap;
    wippyi_barrier_init(&w->barrier);
    w->random =
        wippyi_a64_add_rlx(&rt->random, 0x9e3779b97f4a7c15u); /* RMW: a seed nobody else gets */
    w->step_budget = host->desc.step_budget;
    w->clock_ns = wippyi_now_ns(rt);
    w->until_clock = 1;
    w->clock_batch = 1;
    w->until_global = WIPPYI_GLOBAL_EVERY;
    w->until_normal = WIPPYI_NORMAL_EVERY;
    wippyi_a32_init(&w->cost_ns, WIPPYI_COST_START_NS);
    wippyi_wheel_init(&w->wheel, w->clock_ns);
    wippyi_a64_init(&w->wheel_next_ns, UINT64_MAX);
    if (wippyi_latch_init(&w->wheel_lock) != WIPPY_OK) {
        wippyi_mem_free(&rt->mem, w, sizeof(*w));
        return NULL;
    }
    if (wippyi_ticket_init(&w->ticket) != WIPPY_OK) {
        wippyi_latch_destroy(&w->wheel_lock);
        wippyi_mem_free(&rt->mem, w, sizeof(*w));
        return NULL;
    }
    return w;
}

WIPPYI_FN void wippyi_worker_free(wippyi_worker *w)
{
    wippy_runtime *rt = w->host->rt;
    wippyi_heap_flush(&w->heap);
    wippyi_ticket_destroy(&w->ticket);
    wippyi_latch_destroy(&w->wheel_lock);
    wippyi_mem_free(&rt->mem, w, sizeof(*w));
}
