#include "host.h"

#include "descriptors.h"
#include "process.h"
#include "scheduler.h"
#include "sim.h"
#include "watchdog.h"

#include <stdio.h>
#include <string.h>

#define WIPPYI_SPARES_MAX 4 /* per host */
#define WIPPYI_ORPHAN_GRACE_NS 100000000u /* from the begin of a stop */
#define WIPPYI_WORKERS_USER_MAX (WIPPYI_WORKERS_MAX - WIPPYI_SPARES_MAX)

/* ---- labels: the texts in front of the bar in a pid ---- */

static wippyi_label *wippyi_label_slot(const wippy_runtime *rt, uint32_t label)
{
    wippyi_label *block = (wippyi_label *)wippyi_ap_load_acq(&rt->labels[label / 256]);
    return block != NULL ? block + label % 256 : NULL;
}

WIPPYI_FN const wippyi_label *wippyi_label_at(const wippy_runtime *rt, uint32_t label)
{
    if (label == 0 || label > wippyi_a32_load_acq(&rt->label_count)) {
        return NULL;
    }
    return wippyi_label_slot(rt, label);
}

/* Under hosts_lock. */
static uint32_t wippyi_label_add(wippy_runtime *rt, const char *text, size_t bytes)
{
    uint32_t label = wippyi_a32_load_rlx(&rt->label_count) + 1;
    wippyi_label *slot;
    if (label > WIPPYI_LABEL_MAX || bytes == 0 || bytes > 200) {
        return 0;
    }
    if (wippyi_label_slot(rt, label) == NULL) {
        wippyi_label *block =
            (wippyi_label *)wippyi_mem_alloc(&rt->mem, 256 * sizeof(wippyi_label));
        if (block == NULL) {
            return 0;
        }
        memset(block, 0, 256 * sizeof(wippyi_label));
        wippyi_ap_store_rel(&rt->labels[label / 256], block);
    }
    slot = wippyi_label_slot(rt, label);
    slot->text = wippyi_mem_text(&rt->mem, text, bytes);
    slot->bytes = (uint32_t)bytes;
    if (slot->text == NULL) {
        return 0;
    }
    if (wippyi_strmap_put(&rt->label_ids, text, bytes, slot) != WIPPY_OK) {
        wippyi_mem_free(&rt->mem, slot->text, bytes + 1);
        slot->text = NULL;
        return 0;
    }
    slot->id = label;
    /* release: publishes the text to wippy_pid_text() */
    wippyi_a32_store_rel(&rt->label_count, label);
    return label;
}

static uint32_t wippyi_label_look(wippy_runtime *rt, const char *text, size_t bytes)
{
    const wippyi_label *found =
        (const wippyi_label *)wippyi_strmap_get(&rt->label_ids, text, bytes);
    return found != NULL ? found->id : 0;
}

WIPPYI_FN uint32_t wippyi_label_find(wippy_runtime *rt, const char *text, size_t bytes)
{
    uint32_t label;
    wippyi_mutex_lock(&rt->hosts_lock);
    label = wippyi_label_look(rt, text, bytes);
    wippyi_mutex_unlock(&rt->hosts_lock);
    return label;
}

WIPPYI_FN uint32_t wippyi_label_of(wippy_runtime *rt, const char *text, size_t bytes)
{
    uint32_t label;
    wippyi_mutex_lock(&rt->hosts_lock);
    label = wippyi_label_look(rt, text, bytes);
    if (label == 0) {
        label = wippyi_label_add(rt, text, bytes);
    }
    wippyi_mutex_unlock(&rt->hosts_lock);
    return label;
}

WIPPYI_FN wippyi_host *wippyi_host_at(wippy_runtime *rt, wippy_host host)
{
    const wippyi_label *label = wippyi_label_at(rt, host.id);
    return label != NULL ? (wippyi_host *)wippyi_ap_load_acq(&label->host) : NULL;
}

/* ---- worker threads ---- */

static void wippyi_host_join(wippyi_worker *w)
{
    if (w->host->rt->sim == NULL) {
        wippyi_thread_join(&w->thread);
    }
    w->thread_started = false;
}

/* Start the thread of workers[index], making the worker when it is new. Under thread_lock. */
static wippy_result wippyi_host_start_worker(wippyi_host *host, uint32_t index, bool spare)
{
    wippyi_worker *w = wippyi_host_worker(host, index);
    char name[16];
    wippy_result r;
    if (w == NULL) {
        w = wippyi_worker_new(host, index);
        if (w == NULL) {
            return WIPPY_ERR_NOMEM;
        }
        wippyi_ap_store_rel(&host->workers[index], w);
        /* release: thieves that see the count see the worker */
        wippyi_a32_store_rel(&host->worker_slots, index + 1);
    }
    if (w->thread_started) {
        wippyi_host_join(w);
    }
    wippyi_a32_store_rel(&w->exited, 0);
    wippyi_a32_store_rel(&w->quit, 0);
    wippyi_a32_store_rel(&w->spare, spare ? WIPPYI_SPARE_YES : WIPPYI_SPARE_NO);
    w->searching = false;
    w->step_budget = host->desc.step_budget;
    (void)snprintf(name, sizeof(name), "wippy-%u.%u", (unsigned)(host->id % 1000),
                   (unsigned)(index % 1000));
    r = host->rt->sim != NULL
            ? WIPPY_OK /* it moves when its turn comes */
            : wippyi_thread_start(&w->thread, wippyi_worker_main, w, name);
    w->thread_started = r == WIPPY_OK;
    if (r != WIPPY_OK) {
        wippyi_a32_store_rel(&w->exited, 1);
    }
    return r;
}

WIPPYI_FN bool wippyi_host_spare(wippyi_host *host)
{
    bool running = false;
    uint32_t wanted, i;
    if (!wippyi_mutex_trylock(&host->thread_lock)) {
        return true; /* somebody changes the number of workers; the next tick tries again */
    }
    wanted = wippyi_a32_load_acq(&host->worker_count);
    if (wippyi_a32_load_acq(&host->state) < WIPPYI_HOST_STOPPED) {
        for (i = wanted; i < wanted + WIPPYI_SPARES_MAX && i < WIPPYI_WORKERS_MAX; i++) {
            wippyi_worker *w = i < wippyi_a32_load_acq(&host->worker_slots)
                                   ? wippyi_host_worker(host, i)
                                   : NULL;
            if (i > wippyi_a32_load_acq(&host->worker_slots)) {
                break;
            }
            if (w == NULL || wippyi_a32_load_acq(&w->exited) != 0) {
                running = wippyi_host_start_worker(host, i, true) == WIPPY_OK;
                break;
            }
        }
    }
    wippyi_mutex_unlock(&host->thread_lock);
    return running;
}

/* Until a worker that shall quit has done so: it says so under stop_lock. Wakes are repeated, because
   one may go to another worker; a wake too many is kept by the ticket and found at the next sleep. */
static void wippyi_host_wait_exit(wippyi_host *host, wippyi_worker *w)
{
    wippy_runtime *rt = host->rt;
    while (wippyi_a32_load_acq(&w->exited) == 0) {
        wippyi_host_wake_all(host);
        wippyi_mutex_lock(&rt->stop_lock);
        if (wippyi_a32_load_acq(&w->exited) == 0) {
            (void)wippyi_cond_timedwait(&rt->stop_cond, &rt->stop_lock, 5000000);
        }
        wippyi_mutex_unlock(&rt->stop_lock);
    }
}

/* End the threads of workers[from...); under thread_lock. */
static void wippyi_host_end_from(wippyi_host *host, uint32_t from)
{
    uint32_t count = wippyi_a32_load_acq(&host->worker_slots);
    uint32_t i;
    for (i = from; i < count; i++) {
        wippyi_worker *w = wippyi_host_worker(host, i);
        if (w->thread_started) {
            wippyi_a32_store_sc(&w->quit, 1);
        }
    }
    for (i = from; i < count; i++) {
        wippyi_worker *w = wippyi_host_worker(host, i);
        if (!w->thread_started) {
            continue;
        }
        if (host->rt->sim != NULL) {
            wippyi_sim_retire(w);
        } else {
            wippyi_host_wait_exit(host, w);
        }
        wippyi_host_join(w);
    }
}

WIPPYI_FN void wippyi_host_end_workers(wippyi_host *host)
{
    wippyi_mutex_lock(&host->thread_lock);
    wippyi_a32_store_rel(&host->state, WIPPYI_HOST_STOPPED);
    wippyi_a32_store_rel(&host->worker_count, 0);
    wippyi_host_end_from(host, 0);
    wippyi_mutex_unlock(&host->thread_lock);
}

static wippy_result wippyi_host_start_workers(wippyi_host *host, uint32_t wanted)
{
    wippy_result r = WIPPY_OK;
    uint32_t i;
    wippyi_a32_store_rel(&host->worker_count, wanted);
    for (i = 0; i < wanted && r == WIPPY_OK; i++) {
        wippyi_worker *w = i < wippyi_a32_load_acq(&host->worker_slots)
                               ? wippyi_host_worker(host, i)
                               : NULL;
        uint32_t spare = WIPPYI_SPARE_YES;
        /* YES -> NO: the spare stays as a worker, unless it decided to leave: one of the two CAS
           succeeds, see wippyi_spare_leaves(). Nothing else is published. */
        if (w == NULL || !w->thread_started || wippyi_a32_load_acq(&w->exited) != 0 ||
            (!wippyi_a32_cas_acqrel(&w->spare, &spare, WIPPYI_SPARE_NO) &&
             spare == WIPPYI_SPARE_LEAVING)) {
            r = wippyi_host_start_worker(host, i, false); /* joins a thread that is about to end */
        }
    }
    return r;
}

/* ---- creation ---- */

static void wippyi_host_free(wippyi_host *host)
{
    wippy_runtime *rt = host->rt;
    uint32_t count = wippyi_a32_load_acq(&host->worker_slots);
    uint32_t i;
    for (i = 0; i < count; i++) {
        wippyi_worker_free(wippyi_host_worker(host, i));
    }
    for (i = 0; i < WIPPYI_LANES; i++) {
        wippyi_mutex_destroy(&host->queues[i].lock);
    }
    wippyi_mutex_destroy(&host->park_lock);
    wippyi_mutex_destroy(&host->thread_lock);
    wippyi_mem_free(&rt->mem, host, sizeof(*host));
}

static uint32_t wippyi_pool_hosts(wippy_runtime *rt)
{
    wippyi_host *host = (wippyi_host *)wippyi_ap_load_acq(&rt->host_list);
    uint32_t count = 0;
    for (; host != NULL; host = host->next_host) {
        count += host->kind == WIPPY_HOST_POOL ? 1u : 0u;
    }
    return count;
}

static void wippyi_host_resolve(wippy_runtime *rt, wippyi_host *host)
{
    wippy_host_desc *desc = &host->desc;
    if (desc->step_budget == 0) {
        desc->step_budget = 64;
    }
    if (desc->kind == WIPPY_HOST_TERMINAL) {
        desc->workers = 1;
        desc->max_processes = 1;
    } else if (desc->kind == WIPPY_HOST_PUMP) {
        desc->workers = 0;
    } else if (desc->workers == 0) {
        desc->workers = rt->cpu_count / (wippyi_pool_hosts(rt) + 1);
        desc->workers = WIPPYI_MAX(1, desc->workers);
    }
    desc->workers = WIPPYI_MIN(desc->workers, WIPPYI_WORKERS_USER_MAX);
    wippyi_a32_store_rlx(&host->mailbox_limit, desc->mailbox_limit);
}

static wippyi_host *wippyi_host_new(wippy_runtime *rt, const wippy_host_desc *desc)
{
    wippyi_host *host = (wippyi_host *)wippyi_mem_alloc(&rt->mem, sizeof(*host));
    wippy_result r = WIPPY_OK;
    uint32_t i;
    if (host == NULL) {
        return NULL;
    }
    memset(host, 0, sizeof(*host));
    host->rt = rt;
    host->kind = desc->kind;
    host->desc = *desc;
    wippyi_host_resolve(rt, host);
    for (i = 0; i < WIPPYI_LANES && r == WIPPY_OK; i++) {
        r = wippyi_mutex_init(&host->queues[i].lock);
    }
    r = r == WIPPY_OK ? wippyi_mutex_init(&host->park_lock) : r;
    r = r == WIPPY_OK ? wippyi_mutex_init(&host->thread_lock) : r;
    if (r != WIPPY_OK) {
        wippyi_mem_free(&rt->mem, host, sizeof(*host));
        return NULL;
    }
    return host;
}

/* A pump's single worker has no thread. */
static wippy_result wippyi_host_add_pump(wippyi_host *host)
{
    wippyi_worker *w;
    if (wippyi_a32_load_acq(&host->worker_slots) > 0) {
        return WIPPY_OK;
    }
    w = wippyi_worker_new(host, 0);
    if (w == NULL) {
        return WIPPY_ERR_NOMEM;
    }
    wippyi_ap_store_rel(&host->workers[0], w);
    wippyi_a32_store_rel(&host->worker_slots, 1);
    return WIPPY_OK;
}

static wippy_result wippyi_host_launch(wippyi_host *host)
{
    wippy_result r;
    if (host->kind == WIPPY_HOST_PUMP) {
        return wippyi_host_add_pump(host);
    }
    r = host->rt->sim != NULL ? WIPPY_OK : wippyi_watchdog_start(host->rt);
    if (r == WIPPY_OK) {
        wippyi_mutex_lock(&host->thread_lock);
        r = wippyi_host_start_workers(host, host->desc.workers);
        wippyi_mutex_unlock(&host->thread_lock);
    }
    if (r != WIPPY_OK) {
        wippyi_host_end_workers(host);
    }
    return r;
}

/* A stopped host of the same name comes back to life, with new limits. Under hosts_lock. */
static wippy_result wippyi_host_revive(wippyi_host *host, const wippy_host_desc *desc)
{
    wippy_result r;
    if (wippyi_a32_load_acq(&host->state) != WIPPYI_HOST_STOPPED) {
        return WIPPY_ERR_EXISTS;
    }
    if (desc->kind != host->kind) {
        return WIPPY_ERR_CONFLICT; /* others look at the kind without asking whether the host runs */
    }
    host->desc = *desc;
    host->desc.name = host->name;
    wippyi_host_resolve(host->rt, host);
    r = wippyi_host_launch(host);
    if (r == WIPPY_OK) {
        wippyi_a32_store_sc(&host->state, WIPPYI_HOST_RUNNING);
    }
    return r;
}

/* Under hosts_lock. */
static wippy_result wippyi_host_add(wippy_runtime *rt, const wippy_host_desc *desc,
                                    wippyi_label *label)
{
    wippyi_host *host = wippyi_host_new(rt, desc);
    wippy_result r;
    if (host == NULL) {
        return WIPPY_ERR_NOMEM;
    }
    host->id = label->id;
    host->name = label->text;
    host->desc.name = label->text;
    r = wippyi_host_launch(host);
    if (r != WIPPY_OK) {
        wippyi_host_free(host);
        return r;
    }
    host->next_host = (wippyi_host *)wippyi_ap_load_rlx(&rt->host_list);
    wippyi_ap_store_rel(&rt->host_list, host); /* release: the watchdog walks the list */
    wippyi_ap_store_rel(&label->host, host);
    return WIPPY_OK;
}

WIPPY_API wippy_result wippy_host_create(wippy_runtime *rt, const wippy_host_desc *desc,
                                         wippy_host *out)
{
    wippyi_label *label;
    wippyi_host *old;
    uint32_t id;
    wippy_result r;
    if (desc == NULL || out == NULL || desc->name == NULL || desc->name[0] == '\0' ||
        (uint32_t)desc->kind > WIPPY_HOST_TERMINAL || strchr(desc->name, '|') != NULL ||
        desc->workers > WIPPYI_WORKERS_USER_MAX || strlen(desc->name) > 200) {
        return WIPPY_ERR_INVALID;
    }
    if (!WIPPYI_THREADS && desc->kind != WIPPY_HOST_PUMP && rt->sim == NULL) {
        return WIPPY_ERR_UNSUPPORTED;
    }
    if (wippyi_a32_load_acq(&rt->stopping) != 0) {
        return WIPPY_ERR_STOPPED;
    }
    id = wippyi_label_of(rt, desc->name, strlen(desc->name));
    if (id == 0) {
        return wippyi_a32_load_acq(&rt->label_count) >= WIPPYI_LABEL_MAX ? WIPPY_ERR_LIMIT
                                                                         : WIPPY_ERR_NOMEM;
    }
    wippyi_mutex_lock(&rt->hosts_lock);
    label = wippyi_label_slot(rt, id);
    old = (wippyi_host *)wippyi_ap_load_acq(&label->host);
    /* again, under the lock: wippy_join() takes it once before it looks for hosts */
    r = wippyi_a32_load_acq(&rt->stopping) != 0 ? WIPPY_ERR_STOPPED
        : old != NULL ? wippyi_host_revive(old, desc) : wippyi_host_add(rt, desc, label);
    wippyi_mutex_unlock(&rt->hosts_lock);
    if (r == WIPPY_OK) {
        out->id = id;
    }
    return r;
}

WIPPY_API wippy_result wippy_host_resize(wippy_runtime *rt, wippy_host handle, uint32_t workers)
{
    wippyi_host *host = wippyi_host_at(rt, handle);
    wippy_result r;
    if (host == NULL) {
        return WIPPY_ERR_NOTFOUND;
    }
    if (workers == 0 || workers > WIPPYI_WORKERS_USER_MAX) {
        return WIPPY_ERR_INVALID;
    }
    if (host->kind != WIPPY_HOST_POOL) {
        return WIPPY_ERR_UNSUPPORTED;
    }
    if (wippyi_host_here(host) != NULL) {
        return WIPPY_ERR_INVALID;
    }
    wippyi_mutex_lock(&host->thread_lock);
    if (wippyi_a32_load_acq(&host->state) != WIPPYI_HOST_RUNNING) {
        r = WIPPY_ERR_STOPPED;
    } else {
        r = wippyi_host_start_workers(host, workers);
        wippyi_host_end_from(host, workers);
    }
    wippyi_mutex_unlock(&host->thread_lock);
    return r;
}

WIPPY_API wippy_result wippy_host_find(wippy_runtime *rt, const char *name, wippy_host *out)
{
    wippy_host host;
    host.id = name != NULL ? wippyi_label_find(rt, name, strlen(name)) : 0;
    if (wippyi_host_at(rt, host) == NULL) {
        return WIPPY_ERR_NOTFOUND;
    }
    *out = host;
    return WIPPY_OK;
}

WIPPY_API const char *wippy_host_name(wippy_runtime *rt, wippy_host host)
{
    const wippyi_label *label = wippyi_label_at(rt, host.id);
    return label != NULL ? label->text : "";
}

WIPPY_API size_t wippy_hosts(wippy_runtime *rt, wippy_host *hosts, size_t room)
{
    wippyi_host *host = (wippyi_host *)wippyi_ap_load_acq(&rt->host_list);
    wippyi_host *at;
    size_t count = 0;
    size_t i;
    for (at = host; at != NULL; at = at->next_host) {
        count++;
    }
    for (i = count; host != NULL; host = host->next_host) {
        if (--i < room) {
            hosts[i].id = host->id;
        }
    }
    return count;
}

/* ---- pump ---- */

WIPPYI_FN bool wippyi_pump_enter(wippyi_host *host)
{
    uint32_t expected = 0;
    /* free -> pumping: one pump at a time. acquire: sees what the last pump left in the worker, pairs
       with the release in wippyi_pump_leave(). */
    if (!wippyi_a32_cas_acq(&host->pumping, &expected, 1)) {
        return false;
    }
    wippyi_sim_enter(wippyi_host_worker(host, 0));
    wippyi_a64_store_rel(&wippyi_host_worker(host, 0)->thread_id, wippyi_thread_self_id());
    return true;
}

WIPPYI_FN wippyi_worker *wippyi_host_here(const wippyi_host *host)
{
    uint32_t count = wippyi_a32_load_acq(&host->worker_slots);
    uint64_t id = wippyi_thread_self_id();
    uint32_t i;
    for (i = 0; i < count; i++) {
        wippyi_worker *w = wippyi_host_worker(host, i);
        if (wippyi_a64_load_rlx(&w->thread_id) == id) {
            return w;
        }
    }
    return NULL;
}

WIPPYI_FN void wippyi_pump_leave(wippyi_host *host)
{
    wippyi_a64_store_rel(&wippyi_host_worker(host, 0)->thread_id, 0);
    wippyi_sim_leave(wippyi_host_worker(host, 0));
    wippyi_a32_store_rel(&host->pumping, 0);
}

static uint64_t wippyi_pump_messages(const wippyi_worker *w)
{
    return wippyi_a64_load_rlx(&w->messages);
}

/* One turn, with no more messages than the budget leaves. False: nothing to do. */
static bool wippyi_pump_turn(wippyi_host *host, wippyi_worker *w, uint64_t left)
{
    w->step_budget = (uint32_t)WIPPYI_MIN(left, (uint64_t)host->desc.step_budget);
    wippyi_sim_pumped(host->rt);
    return wippyi_worker_turn(w);
}

static bool wippyi_pump_has_work(const wippyi_host *host)
{
    const wippyi_worker *w = wippyi_host_worker(host, 0);
    return wippyi_host_has_work(host) || wippyi_ap_load_sc(&w->next_slot) != NULL ||
           wippyi_ring_has(&w->rings[0]) || wippyi_ring_has(&w->rings[1]);
}

WIPPY_API wippy_result wippy_pump(wippy_runtime *rt, wippy_host handle, uint64_t time_budget_ns,
                                  uint32_t message_budget)
{
    wippyi_host *host = wippyi_host_at(rt, handle);
    wippyi_worker *w;
    uint64_t start, last;
    uint32_t round = 0;
    bool more = true;
    if (host == NULL) {
        return WIPPY_ERR_NOTFOUND;
    }
    if (host->kind != WIPPY_HOST_PUMP) {
        return WIPPY_ERR_INVALID;
    }
    if (wippyi_a32_load_acq(&host->state) == WIPPYI_HOST_STOPPED) {
        return WIPPY_ERR_STOPPED;
    }
    if (!wippyi_pump_enter(host)) {
        return WIPPY_ERR_BUSY;
    }
    w = wippyi_host_worker(host, 0);
    /* Work that comes from here on signals again. An exchange, not a store: when a publisher found 1
       before us, we acquire what it pushed; see wippyi_pump_signal(). */
    (void)wippyi_a32_xchg_acqrel(&host->signalled, 0);
    start = wippyi_now_ns(rt);
    last = message_budget != 0 ? wippyi_pump_messages(w) + message_budget : UINT64_MAX;
    wippyi_descriptors_poll(rt);
    if (time_budget_ns == 0) {
        round = wippyi_ring_count(&w->rings[0]) + wippyi_ring_count(&w->rings[1]) + 2;
    }
    for (;;) {
        more = wippyi_pump_turn(host, w, last - wippyi_pump_messages(w));
        if (!more || (time_budget_ns == 0 && --round == 0) || wippyi_pump_messages(w) >= last ||
            (time_budget_ns != 0 && time_budget_ns != UINT64_MAX &&
             wippyi_now_ns(rt) - start >= time_budget_ns)) {
            break;
        }
    }
    more = more && wippyi_pump_has_work(host);
    wippyi_pump_leave(host);
    return more ? WIPPY_PENDING : WIPPY_OK;
}

WIPPY_API uint64_t wippy_pump_deadline(wippy_runtime *rt, wippy_host handle)
{
    wippyi_host *host = wippyi_host_at(rt, handle);
    wippyi_worker *w;
    uint64_t next, now, patience;
    if (host == NULL || host->kind != WIPPY_HOST_PUMP) {
        return UINT64_MAX;
    }
    w = wippyi_host_worker(host, 0);
    if (wippyi_pump_has_work(host)) {
        return 0;
    }
    patience = wippyi_descriptors_patience_ns(rt);
    next = wippyi_a64_load_rlx(&w->wheel_next_ns);
    if (next == UINT64_MAX) {
        return patience;
    }
    now = wippy_now_ns(rt);
    return next > now ? WIPPYI_MIN(next - now, patience) : 0;
}

/* ---- stopping ---- */

WIPPYI_FN void wippyi_host_evict(wippyi_host *host, bool terminate)
{
    wippy_runtime *rt = host->rt;
    uint32_t high = wippyi_slab_high(&rt->slots);
    uint32_t i;
    for (i = 1; i < high; i++) {
        wippyi_slot *slot = (wippyi_slot *)wippyi_slab_at(&rt->slots, i);
        /* seq_cst: after the host's state was changed; a birth stores the life word and then looks at
           the state: one of the two sees the other */
        uint64_t pid =
            slot != NULL ? wippyi_a64_load_sc(&slot->life) & ~WIPPYI_LIFE_TERMINATE : 0;
        if (pid == 0 || wippyi_slot_host(slot) != host) {
            continue;
        }
        if (terminate) {
            (void)wippyi_terminate(rt, NULL, pid);
        } else {
            (void)wippyi_cancel(rt, NULL, 0, pid, "scheduler shutdown");
        }
        wippyi_sim_pause(rt); /* who is born behind us sees the state */
    }
}

/* Calls whose callers are gone: nobody would see how they end, so a stop gives them less time. */
static void wippyi_host_evict_orphans(wippyi_host *host)
{
    wippy_runtime *rt = host->rt;
    uint32_t high = wippyi_slab_high(&rt->slots);
    uint32_t i;
    for (i = 1; i < high; i++) {
        wippyi_slot *slot = (wippyi_slot *)wippyi_slab_at(&rt->slots, i);
        uint64_t pid = slot != NULL ? wippyi_a64_load_acq(&slot->life) : 0;
        /* the pid first: a later tenant's mark leads to a terminate that finds nobody */
        if (pid != 0 && (pid & WIPPYI_LIFE_TERMINATE) == 0 && wippyi_slot_host(slot) == host &&
            (wippyi_a32_load_rlx(&slot->marks) & WIPPYI_MARK_ORPHAN) != 0) {
            (void)wippyi_terminate(rt, NULL, pid);
        }
    }
}

/* Is it time to look for orphans? Then note when it is the next time. */
static bool wippyi_host_orphans_due(wippyi_host *host, uint64_t now_ns)
{
    if (wippyi_a32_load_acq(&host->state) != WIPPYI_HOST_STOPPING ||
        now_ns < wippyi_a64_load_rlx(&host->orphans_ns)) {
        return false;
    }
    wippyi_a64_store_rlx(&host->orphans_ns, now_ns + WIPPYI_ORPHAN_GRACE_NS);
    return true;
}

/* RUNNING -> STOPPING. */
WIPPYI_FN void wippyi_host_begin_stop(wippyi_host *host)
{
    uint32_t expected = WIPPYI_HOST_RUNNING;
    wippyi_a64_store_rlx(&host->orphans_ns, wippyi_now_ns(host->rt) + WIPPYI_ORPHAN_GRACE_NS);
    /* seq_cst: a spawn counts itself in and then reads the state; we set the state and then read the
       count: one of the two sees the other */
    if (wippyi_a32_cas_sc(&host->state, &expected, WIPPYI_HOST_STOPPING)) {
        wippyi_sim_pause(host->rt);
        wippyi_host_evict(host, false);
        wippyi_host_wake_all(host);
    }
}

/* ---- who is counted in ---- */

static wippyi_census *wippyi_census_of(wippyi_host *host, wippyi_worker *w)
{
    return w != NULL && w->host == host ? &w->census : &host->census;
}

WIPPYI_FN void wippyi_host_enter(wippyi_host *host, wippyi_worker *w)
{
    /* seq_cst: before the look at the host's state that follows, see wippyi_host_leave() */
    (void)wippyi_a64_add_sc(&wippyi_census_of(host, w)->born, 1);
}

WIPPYI_FN void wippyi_host_leave(wippyi_host *host, wippyi_worker *w)
{
    wippy_runtime *rt = host->rt;
    if (wippyi_runtime_limited(rt)) {
        (void)wippyi_a64_sub_rlx(&rt->alive, 1); /* relaxed: only a number to compare with the limit */
    }
    /* release: who sees nobody left sees everything the last process did. seq_cst: whoever stops the host
       sets the state and then looks at the census; either it sees us gone, or we see the state. Of the
       last two to go the later one sees both. */
    (void)wippyi_a64_add_sc(&wippyi_census_of(host, w)->gone, 1);
    if (WIPPYI_UNLIKELY(wippyi_a32_load_sc(&host->state) != WIPPYI_HOST_RUNNING) &&
        wippyi_host_population(host) == 0) {
        wippyi_mutex_lock(&rt->stop_lock);
        wippyi_cond_broadcast(&rt->stop_cond);
        wippyi_mutex_unlock(&rt->stop_lock);
    }
}

/* Ends are read before births: a process whose end is seen was born before that, so its birth is seen too,
   and when the sums are equal there was nobody in between. seq_cst: after the state was set, see
   wippyi_host_leave(); acquire of what those who are gone did. */
WIPPYI_FN uint64_t wippyi_host_population(const wippyi_host *host)
{
    uint32_t count = wippyi_a32_load_acq(&host->worker_slots);
    uint64_t gone = wippyi_a64_load_sc(&host->census.gone);
    uint64_t born;
    uint32_t i;
    for (i = 0; i < count; i++) {
        gone += wippyi_a64_load_sc(&wippyi_host_worker(host, i)->census.gone);
    }
    count = wippyi_a32_load_acq(&host->worker_slots); /* those that are new meanwhile */
    born = wippyi_a64_load_sc(&host->census.born);
    for (i = 0; i < count; i++) {
        born += wippyi_a64_load_sc(&wippyi_host_worker(host, i)->census.born);
    }
    return born - gone;
}

WIPPYI_FN uint64_t wippyi_population(wippy_runtime *rt)
{
    const wippyi_host *host = (const wippyi_host *)wippyi_ap_load_acq(&rt->host_list);
    uint64_t all = 0;
    for (; host != NULL; host = host->next_host) {
        all += wippyi_host_population(host);
    }
    return all;
}

/* The counter of those that are not hidden: one for all where there is a limit. */
static wippyi_a32 *wippyi_places_of(wippyi_host *host, wippyi_worker *w)
{
    return host->desc.max_processes != 0 ? &host->processes : &wippyi_census_of(host, w)->processes;
}

WIPPYI_FN bool wippyi_place_enter(wippyi_host *host, wippyi_worker *w)
{
    uint32_t limit = host->desc.max_processes;
    uint32_t before = wippyi_a32_add_rlx(wippyi_places_of(host, w), 1);
    return limit == 0 || before < limit;
}

WIPPYI_FN void wippyi_place_leave(wippyi_host *host, wippyi_worker *w)
{
    (void)wippyi_a32_sub_rlx(wippyi_places_of(host, w), 1);
}

WIPPYI_FN bool wippyi_host_wait_empty(wippyi_host *host, uint64_t deadline_ns)
{
    wippy_runtime *rt = host->rt;
    bool empty;
    wippyi_mutex_lock(&rt->stop_lock);
    for (;;) {
        uint64_t now = wippyi_now_ns(rt);
        empty = wippyi_host_population(host) == 0;
        if (empty || now >= deadline_ns || (deadline_ns == UINT64_MAX && wippyi_sim_ended(rt))) {
            break;
        }
        if (wippyi_host_orphans_due(host, now)) {
            wippyi_mutex_unlock(&rt->stop_lock);
            wippyi_host_evict_orphans(host);
            wippyi_mutex_lock(&rt->stop_lock);
        } else if (host->kind == WIPPY_HOST_PUMP) {
            wippy_host handle;
            uint64_t wait;
            handle.id = host->id;
            wippyi_mutex_unlock(&rt->stop_lock);
            (void)wippy_pump(rt, handle, 1000000, 0);
            wait = WIPPYI_MIN(wippy_pump_deadline(rt, handle), 1000000);
            wippyi_mutex_lock(&rt->stop_lock);
            if (wait > 0 && wippyi_host_population(host) != 0) {
                (void)wippyi_runtime_wait(rt, &rt->stop_cond, &rt->stop_lock, wait);
            }
        } else {
            uint64_t wait = deadline_ns - now;
            (void)wippyi_runtime_wait(rt, &rt->stop_cond, &rt->stop_lock,
                                      WIPPYI_MIN(wait, WIPPYI_ORPHAN_GRACE_NS));
        }
    }
    wippyi_mutex_unlock(&rt->stop_lock);
    return empty;
}

WIPPY_API wippy_result wippy_host_stop(wippy_runtime *rt, wippy_host handle, uint64_t grace_ns)
{
    wippyi_host *host = wippyi_host_at(rt, handle);
    uint64_t now = wippyi_now_ns(rt);
    uint64_t forced;
    if (host == NULL) {
        return WIPPY_ERR_NOTFOUND;
    }
    if (wippyi_host_here(host) != NULL) {
        return WIPPY_ERR_INVALID; /* it would wait for itself */
    }
    if (wippyi_a32_load_acq(&host->state) == WIPPYI_HOST_STOPPED) {
        return WIPPY_OK;
    }
    wippyi_host_begin_stop(host);
    if (!wippyi_host_wait_empty(host, grace_ns < UINT64_MAX - now ? now + grace_ns : UINT64_MAX)) {
        wippyi_a32_store_sc(&host->state, WIPPYI_HOST_KILLING);
        wippyi_host_evict(host, true);
        forced = wippyi_now_ns(rt) + 2000000000u;
        if (!wippyi_host_wait_empty(host, forced)) {
            return WIPPY_ERR_TIMEOUT;
        }
    }
    wippyi_host_end_workers(host);
    return WIPPY_OK;
}

WIPPYI_FN void wippyi_hosts_destroy(wippy_runtime *rt)
{
    wippyi_host *host = (wippyi_host *)wippyi_ap_load_acq(&rt->host_list);
    uint32_t i;
    while (host != NULL) {
        wippyi_host *next = host->next_host;
        wippyi_host_free(host);
        host = next;
    }
    wippyi_strmap_destroy(&rt->label_ids);
    for (i = 0; i < WIPPYI_COUNT(rt->labels); i++) {
        wippyi_label *block = (wippyi_label *)wippyi_ap_load_rlx(&rt->labels[i]);
        uint32_t k;
        if (block == NULL) {
            continue;
        }
        for (k = 0; k < 256; k++) {
            if (block[k].text != NULL) {
                wippyi_mem_free(&rt->mem, block[k].text, (size_t)block[k].bytes + 1);
            }
        }
        wippyi_mem_free(&rt->mem, block, 256 * sizeof(*block));
    }
}
