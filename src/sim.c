#include "sim.h"

#include "blocking.h"
#include "descriptors.h"
#include "scheduler.h"

#include <string.h>

#define WIPPYI_SIM_DEPTH   4  /* moves inside each other where a step is interrupted */
#define WIPPYI_SIM_CALLERS 8  /* foreign calls inside each other: each may wait for others */
#define WIPPYI_SIM_ALIGN   64 /* of memory: how many blocks fit into it must not depend on the address */
#define WIPPYI_SIM_HEAD    16 /* in front of it: where the allocation begins */
#define WIPPYI_SIM_START_NS 1000000000u

/* A call of a thread that is not there. */
typedef struct wippyi_sim_call {
    struct wippyi_sim_call *next;
    uint64_t due_ns;
    void (*fn)(wippy_runtime *rt, void *arg);
    void *arg;
} wippyi_sim_call;

struct wippyi_sim {
    wippy_runtime *rt;
    uint64_t random;  /* of the schedule */
    uint64_t failing; /* of the allocations */
    uint64_t moves;
    uint64_t hash;
    uint64_t refused;
    uint32_t depth;   /* moves inside each other */
    uint32_t callers; /* foreign calls inside each other */
    bool fails;       /* allocations may */
    wippyi_worker *current;
    wippyi_sim_call *calls;
    wippy_allocator allocator; /* the embedder's */
    wippy_trace_fn trace_fn;   /* the embedder's */
    void *trace_user_data;
};

static uint64_t wippyi_sim_dice(wippyi_sim *sim, uint64_t sides)
{
    return wippyi_random(&sim->random) % sides;
}

/* ---- what is seen of a run ---- */

static void wippyi_sim_note(wippyi_sim *sim, uint64_t what)
{
    uint64_t state = sim->hash ^ what;
    sim->hash = wippyi_random(&state);
}

static void wippyi_sim_trace(const wippy_trace_record *record, void *user_data)
{
    wippyi_sim *sim = (wippyi_sim *)user_data;
    wippyi_sim_note(sim, (uint64_t)record->kind);
    wippyi_sim_note(sim, record->time_ns);
    wippyi_sim_note(sim, record->pid.id);
    wippyi_sim_note(sim, record->other.id);
    wippyi_sim_note(sim, (uint64_t)record->number);
    if (sim->trace_fn != NULL) {
        sim->trace_fn(record, sim->trace_user_data);
    }
}

/* ---- memory ---- */

static bool wippyi_sim_refuses(wippyi_sim *sim)
{
    uint32_t one_in = sim->rt->desc.sim.fail_one_in;
    if (!sim->fails || sim->depth == 0 || one_in == 0 ||
        wippyi_random(&sim->failing) % one_in != 0) {
        return false;
    }
    sim->refused++;
    return true;
}

static void *wippyi_sim_alloc(size_t size, void *user_data)
{
    wippyi_sim *sim = (wippyi_sim *)user_data;
    char *block;
    char *at;
    if (size > SIZE_MAX - WIPPYI_SIM_HEAD - WIPPYI_SIM_ALIGN || wippyi_sim_refuses(sim)) {
        return NULL;
    }
    block = (char *)sim->allocator.alloc_fn(size + WIPPYI_SIM_HEAD + WIPPYI_SIM_ALIGN,
                                            sim->allocator.user_data);
    if (block == NULL) {
        return NULL;
    }
    at = block + WIPPYI_SIM_HEAD;
    at += (WIPPYI_SIM_ALIGN - ((uintptr_t)at & (WIPPYI_SIM_ALIGN - 1))) & (WIPPYI_SIM_ALIGN - 1);
    memcpy(at - WIPPYI_SIM_HEAD, &block, sizeof(block));
    return at;
}

static void wippyi_sim_free(void *ptr, size_t size, void *user_data)
{
    wippyi_sim *sim = (wippyi_sim *)user_data;
    void *block;
    memcpy(&block, (char *)ptr - WIPPYI_SIM_HEAD, sizeof(block));
    sim->allocator.free_fn(block, size + WIPPYI_SIM_HEAD + WIPPYI_SIM_ALIGN,
                           sim->allocator.user_data);
}

/* ---- beginning and end ---- */

WIPPYI_FN wippy_result wippyi_sim_open(wippy_runtime *rt)
{
    const wippy_sim_desc *desc = &rt->desc.sim;
    wippyi_sim *sim = (wippyi_sim *)wippyi_mem_alloc(&rt->mem, sizeof(*sim));
    uint64_t seed = desc->seed;
    if (sim == NULL) {
        return WIPPY_ERR_NOMEM;
    }
    memset(sim, 0, sizeof(*sim));
    sim->rt = rt;
    sim->random = wippyi_random(&seed);
    sim->failing = wippyi_random(&seed);
    sim->allocator = rt->mem.allocator;
    sim->trace_fn = rt->desc.trace_fn;
    sim->trace_user_data = rt->desc.trace_user_data;
    rt->sim = sim;
    rt->sim_ns = WIPPYI_SIM_START_NS;
    rt->start_ns = rt->sim_ns;
    rt->start_wall_ns = desc->start_wall_ns;
    rt->cpu_count = 4;
    if (rt->desc.random_seed == 0) {
        wippyi_a64_init(&rt->random, wippyi_random(&seed));
    }
    rt->desc.trace_fn = wippyi_sim_trace;
    rt->desc.trace_user_data = sim;
    rt->mem.allocator.alloc_fn = wippyi_sim_alloc;
    rt->mem.allocator.free_fn = wippyi_sim_free;
    rt->mem.allocator.user_data = sim;
    sim->fails = true;
    return WIPPY_OK;
}

/* After everything else has given its memory back. */
WIPPYI_FN void wippyi_sim_close(wippy_runtime *rt)
{
    wippyi_sim *sim = rt->sim;
    while (sim->calls != NULL) {
        wippyi_sim_call *call = sim->calls;
        sim->calls = call->next;
        wippyi_mem_free(&rt->mem, call, sizeof(*call));
    }
    rt->mem.allocator = sim->allocator;
    rt->sim = NULL;
    wippyi_mem_free(&rt->mem, sim, sizeof(*sim));
}

/* ---- being a worker ---- */

WIPPYI_FN void wippyi_sim_begin(wippyi_worker *w)
{
    wippyi_sim *sim = w->host->rt->sim;
    w->outer = sim->current;
    if (w->outer != NULL) { /* its thread stands still */
        wippyi_a64_store_rel(&w->outer->thread_id, 0);
    }
    w->busy = true;
    wippyi_a64_store_rel(&w->thread_id, wippyi_thread_self_id());
    sim->current = w;
    sim->depth++;
}

WIPPYI_FN void wippyi_sim_end(wippyi_worker *w)
{
    wippyi_sim *sim = w->host->rt->sim;
    sim->depth--;
    sim->current = w->outer;
    wippyi_a64_store_rel(&w->thread_id, 0);
    w->busy = false;
    if (w->outer != NULL) {
        wippyi_a64_store_rel(&w->outer->thread_id, wippyi_thread_self_id());
        w->outer = NULL;
    }
}

WIPPYI_FN void wippyi_sim_retire(wippyi_worker *w)
{
    if (!w->busy) {
        wippyi_worker_retire(w);
    }
}

/* Being nobody: a thread that is no worker. Answers whom to be again. */
static wippyi_worker *wippyi_sim_abroad(wippyi_sim *sim)
{
    wippyi_worker *outer = sim->current;
    if (outer != NULL) {
        wippyi_a64_store_rel(&outer->thread_id, 0);
        sim->current = NULL;
    }
    sim->depth++;
    sim->callers++;
    return outer;
}

static void wippyi_sim_home(wippyi_sim *sim, wippyi_worker *outer)
{
    sim->callers--;
    sim->depth--;
    if (outer != NULL) {
        wippyi_a64_store_rel(&outer->thread_id, wippyi_thread_self_id());
        sim->current = outer;
    }
}

/* ---- who can move ---- */

static bool wippyi_sim_can(wippyi_worker *w)
{
    return !w->busy && w->thread_started && wippyi_worker_wakes(w);
}

/* The worker that is number `which` among those that can move, hosts newest first; count: how many. */
static wippyi_worker *wippyi_sim_worker(wippy_runtime *rt, uint64_t which, uint32_t *count)
{
    wippyi_host *host = (wippyi_host *)wippyi_ap_load_acq(&rt->host_list);
    wippyi_worker *found = NULL;
    *count = 0;
    for (; host != NULL; host = host->next_host) {
        uint32_t workers = wippyi_a32_load_acq(&host->worker_slots);
        uint32_t i;
        for (i = 0; i < workers && host->kind != WIPPY_HOST_PUMP; i++) {
            wippyi_worker *w = wippyi_host_worker(host, i);
            if (wippyi_sim_can(w) && (*count)++ == which) {
                found = w;
            }
        }
    }
    return found;
}

/* Calls of the blocking pool that may begin now. */
static uint32_t wippyi_sim_blocking(wippyi_sim *sim)
{
    uint32_t most = WIPPYI_MIN(sim->rt->desc.blocking_threads, WIPPYI_SIM_CALLERS);
    uint32_t waiting = wippyi_blocking_waiting(sim->rt);
    return sim->callers < most ? WIPPYI_MIN(waiting, most - sim->callers) : 0;
}

static uint32_t wippyi_sim_due(const wippyi_sim *sim)
{
    const wippyi_sim_call *call = sim->calls;
    uint32_t count = 0;
    for (; call != NULL && sim->callers < WIPPYI_SIM_CALLERS; call = call->next) {
        count += call->due_ns <= sim->rt->sim_ns ? 1u : 0u;
    }
    return count;
}

/* When something moves by itself; UINT64_MAX = never. */
static uint64_t wippyi_sim_next_ns(const wippyi_sim *sim)
{
    const wippyi_host *host = (const wippyi_host *)wippyi_ap_load_acq(&sim->rt->host_list);
    const wippyi_sim_call *call = sim->calls;
    uint64_t next = UINT64_MAX;
    for (; host != NULL; host = host->next_host) {
        uint32_t workers = wippyi_a32_load_acq(&host->worker_slots);
        uint32_t i;
        for (i = 0; i < workers && host->kind != WIPPY_HOST_PUMP; i++) {
            const wippyi_worker *w = wippyi_host_worker(host, i);
            if (!w->busy && w->thread_started) {
                uint64_t wakes = wippyi_worker_wakes_ns(w);
                next = WIPPYI_MIN(next, wakes);
            }
        }
    }
    for (; call != NULL && sim->callers < WIPPYI_SIM_CALLERS; call = call->next) {
        next = WIPPYI_MIN(next, call->due_ns);
    }
    return next;
}

/* ---- moves ---- */

/* Mostly short, sometimes long: the scheduler decides by what steps cost. */
static void wippyi_sim_tick(wippyi_sim *sim)
{
    uint64_t most = sim->rt->desc.sim.step_ns >> wippyi_sim_dice(sim, 8);
    sim->rt->sim_ns += 1 + wippyi_sim_dice(sim, most + 1);
    sim->moves++;
}

static void wippyi_sim_turn(wippyi_sim *sim, wippyi_worker *w)
{
    wippyi_sim_tick(sim);
    wippyi_sim_note(sim, (uint64_t)w->host->id << 32 | w->index);
    wippyi_sim_begin(w);
    wippyi_worker_round(w);
    wippyi_sim_end(w);
    if (wippyi_a32_load_acq(&w->quit) != 0 && wippyi_a32_load_acq(&w->exited) == 0) {
        wippyi_worker_retire(w); /* asked for while it moved */
    }
}

static void wippyi_sim_foreign(wippyi_sim *sim, uint64_t which)
{
    wippyi_sim_call **at = &sim->calls;
    wippyi_sim_call *call;
    wippyi_worker *outer;
    for (; (*at)->due_ns > sim->rt->sim_ns || which-- > 0; at = &(*at)->next) {
    }
    call = *at;
    *at = call->next;
    wippyi_sim_tick(sim);
    wippyi_sim_note(sim, 1);
    outer = wippyi_sim_abroad(sim);
    call->fn(sim->rt, call->arg);
    wippyi_sim_home(sim, outer);
    wippyi_mem_free(&sim->rt->mem, call, sizeof(*call));
}

static void wippyi_sim_block(wippyi_sim *sim, uint64_t which)
{
    wippyi_worker *outer;
    wippyi_sim_tick(sim);
    wippyi_sim_note(sim, 2);
    outer = wippyi_sim_abroad(sim);
    wippyi_blocking_run(sim->rt, (uint32_t)which);
    wippyi_sim_home(sim, outer);
}

/* One move of anybody. False: nobody can, now. */
static bool wippyi_sim_move(wippyi_sim *sim)
{
    uint32_t workers;
    uint32_t blocking = wippyi_sim_blocking(sim);
    uint32_t due = wippyi_sim_due(sim);
    uint64_t which;
    (void)wippyi_sim_worker(sim->rt, UINT64_MAX, &workers);
    if (workers + blocking + due == 0) {
        return false;
    }
    which = wippyi_sim_dice(sim, (uint64_t)workers + blocking + due);
    if (which < workers) {
        wippyi_sim_turn(sim, wippyi_sim_worker(sim->rt, which, &workers));
    } else if (which - workers < blocking) {
        wippyi_sim_block(sim, which - workers);
    } else {
        wippyi_sim_foreign(sim, which - workers - blocking);
    }
    return true;
}

/* Nothing can move now: let time pass, at most to the limit. False: there is nothing to wait for. */
static bool wippyi_sim_pass(wippyi_sim *sim, uint64_t limit_ns)
{
    wippy_runtime *rt = sim->rt;
    uint64_t next = wippyi_sim_next_ns(sim);
    wippyi_descriptors_poll(rt);
    if (next == UINT64_MAX && limit_ns == UINT64_MAX) {
        return false;
    }
    if (next < limit_ns && wippyi_sim_dice(sim, 4) == 0) { /* late, so that more is due at once */
        next += wippyi_sim_dice(sim, 1000000);
    }
    next = WIPPYI_MIN(next, limit_ns);
    rt->sim_ns = WIPPYI_MAX(rt->sim_ns, next);
    return true;
}

static uint64_t wippyi_sim_limit_ns(const wippyi_sim *sim, uint64_t time_ns)
{
    uint64_t now = sim->rt->sim_ns;
    return time_ns < UINT64_MAX - now ? now + time_ns : UINT64_MAX;
}

WIPPYI_FN bool wippyi_sim_wait(wippy_runtime *rt, uint64_t timeout_ns)
{
    wippyi_sim *sim = rt->sim;
    uint64_t limit = wippyi_sim_limit_ns(sim, timeout_ns);
    return wippyi_sim_move(sim) || (wippyi_sim_pass(sim, limit) && rt->sim_ns < limit);
}

WIPPYI_FN bool wippyi_sim_ticket(wippy_runtime *rt, wippyi_ticket *ticket)
{
    if (rt->sim == NULL) {
        return wippyi_ticket_wait(ticket, WIPPYI_FOREVER);
    }
    while (!wippyi_ticket_wait(ticket, 0)) {
        if (!wippyi_sim_wait(rt, UINT64_MAX)) {
            return false;
        }
    }
    return true;
}

WIPPYI_FN bool wippyi_sim_ended(wippy_runtime *rt)
{
    wippyi_sim *sim = rt->sim;
    const wippyi_host *host;
    uint32_t workers;
    if (sim == NULL || wippyi_sim_blocking(sim) != 0 || wippyi_sim_next_ns(sim) != UINT64_MAX) {
        return false;
    }
    (void)wippyi_sim_worker(rt, UINT64_MAX, &workers);
    for (host = (wippyi_host *)wippyi_ap_load_acq(&rt->host_list); host != NULL;
         host = host->next_host) {
        wippy_host handle;
        handle.id = host->id;
        workers += wippy_pump_deadline(rt, handle) != UINT64_MAX ? 1u : 0u;
    }
    return workers == 0;
}

/* In the middle of somebody's move: workers only, for the others may wait, perhaps for this one. */
WIPPYI_FN void wippyi_sim_interrupt(wippy_runtime *rt)
{
    wippyi_sim *sim = rt->sim;
    if (rt->desc.sim.whole_steps || sim->depth >= WIPPYI_SIM_DEPTH) {
        return;
    }
    while (wippyi_sim_dice(sim, 4) == 0) {
        uint32_t workers;
        (void)wippyi_sim_worker(rt, UINT64_MAX, &workers);
        if (workers == 0) {
            return;
        }
        wippyi_sim_turn(sim, wippyi_sim_worker(rt, wippyi_sim_dice(sim, workers), &workers));
    }
}

WIPPYI_FN void wippyi_sim_pump(wippy_runtime *rt)
{
    wippyi_sim_tick(rt->sim);
    wippyi_sim_interrupt(rt);
}

WIPPYI_FN wippyi_timer_node **wippyi_sim_tie(wippy_runtime *rt, wippyi_timer_node **list,
                                             uint64_t tick)
{
    wippyi_timer_node **at = list;
    wippyi_timer_node *node;
    uint64_t ties = 0;
    uint64_t skip;
    while (*at != NULL && (*at)->tick != tick) {
        at = &(*at)->next;
    }
    for (node = *at; node != NULL; node = node->next) {
        ties++;
    }
    for (skip = wippyi_sim_dice(rt->sim, ties + 1); skip > 0; skip--) {
        at = &(*at)->next;
    }
    return at;
}

/* ---- public ---- */

WIPPY_API wippy_result wippy_sim_step(wippy_runtime *rt)
{
    return wippy_sim_run(rt, UINT64_MAX, 1);
}

WIPPY_API wippy_result wippy_sim_run(wippy_runtime *rt, uint64_t time_ns, uint64_t moves)
{
    wippyi_sim *sim = rt->sim;
    uint64_t limit;
    uint64_t last;
    if (sim == NULL || sim->current != NULL) {
        return WIPPY_ERR_INVALID;
    }
    limit = wippyi_sim_limit_ns(sim, time_ns);
    last = moves != 0 ? moves : UINT64_MAX;
    for (; last > 0 && rt->sim_ns < limit; last--) {
        if (!wippyi_sim_move(sim) && !wippyi_sim_pass(sim, limit)) {
            return WIPPY_OK;
        }
    }
    return rt->sim_ns < limit ? WIPPY_PENDING : WIPPY_OK;
}

WIPPY_API wippy_result wippy_sim_call(wippy_runtime *rt, uint64_t delay_ns,
                                      void (*fn)(wippy_runtime *rt, void *arg), void *arg)
{
    wippyi_sim *sim = rt->sim;
    wippyi_sim_call **at;
    wippyi_sim_call *call;
    if (sim == NULL || fn == NULL) {
        return WIPPY_ERR_INVALID;
    }
    call = (wippyi_sim_call *)wippyi_mem_alloc(&rt->mem, sizeof(*call));
    if (call == NULL) {
        return WIPPY_ERR_NOMEM;
    }
    call->next = NULL;
    call->due_ns = wippyi_sim_limit_ns(sim, delay_ns);
    call->fn = fn;
    call->arg = arg;
    for (at = &sim->calls; *at != NULL; at = &(*at)->next) {
    }
    *at = call;
    return WIPPY_OK;
}

WIPPY_API wippy_result wippy_sim_stats(wippy_runtime *rt, wippy_sim_info *out)
{
    const wippyi_sim *sim = rt->sim;
    if (sim == NULL) {
        return WIPPY_ERR_INVALID;
    }
    out->moves = sim->moves;
    out->hash = sim->hash;
    out->refused = sim->refused;
    out->time_ns = wippy_uptime_ns(rt);
    return WIPPY_OK;
}
