/* ========================================================================== >>stats
   Numbers about a runtime that works: each is advisory, nothing depends on it.
   Any thread.  Locks: none.  Allocates: nothing. */
#include "core.h"
#include "entry.h"
#include "host.h"
#include "scheduler.h"

#include <stdio.h>
#include <string.h>

static uint64_t wippyi_worker_queued(const wippyi_worker *w)
{
    return (uint64_t)wippyi_ring_count(&w->rings[0]) + wippyi_ring_count(&w->rings[1]) +
           (wippyi_ap_load_rlx(&w->next_slot) != NULL ? 1u : 0u);
}

static uint32_t wippyi_host_threads(const wippyi_host *host)
{
    uint32_t count = wippyi_a32_load_acq(&host->worker_slots);
    uint32_t threads = 0;
    uint32_t i;
    for (i = 0; i < count && host->kind != WIPPY_HOST_PUMP; i++) {
        threads += wippyi_a32_load_acq(&wippyi_host_worker(host, i)->exited) == 0 ? 1u : 0u;
    }
    return threads;
}

static uint64_t wippyi_host_spawned(const wippyi_host *host)
{
    uint32_t count = wippyi_a32_load_acq(&host->worker_slots);
    uint64_t spawned = 0;
    uint32_t i;
    for (i = 0; i < count; i++) {
        spawned += wippyi_a64_load_rlx(&wippyi_host_worker(host, i)->spawned);
    }
    return spawned;
}

WIPPY_API wippy_result wippy_runtime_stats(wippy_runtime *rt, wippy_runtime_info *out)
{
    const wippyi_host *host = (const wippyi_host *)wippyi_ap_load_acq(&rt->host_list);
    memset(out, 0, sizeof(*out));
    out->processes = wippyi_population(rt);
    out->dead_letters = wippyi_a64_load_rlx(&rt->dead_letters);
    out->memory_bytes = wippyi_a64_load_rlx(&rt->mem.bytes);
    out->uptime_ns = wippy_uptime_ns(rt);
    for (; host != NULL; host = host->next_host) {
        out->hosts++;
        out->threads += wippyi_host_threads(host);
        out->spawned += wippyi_host_spawned(host);
    }
    return WIPPY_OK;
}

WIPPY_API wippy_result wippy_host_stats(wippy_runtime *rt, wippy_host handle, wippy_host_info *out)
{
    wippyi_host *host = wippyi_host_at(rt, handle);
    uint32_t count, i;
    if (host == NULL) {
        return WIPPY_ERR_NOTFOUND;
    }
    memset(out, 0, sizeof(*out));
    out->host = handle;
    out->name = host->name;
    out->kind = host->kind;
    out->workers = wippyi_a32_load_acq(&host->worker_count);
    out->refused = wippyi_a64_load_rlx(&host->refused);
    out->stuck_ended = wippyi_a64_load_rlx(&host->stuck_ended);
    out->processes = wippyi_a32_load_rlx(&host->processes) +
                     wippyi_a32_load_rlx(&host->census.processes);
    count = wippyi_a32_load_acq(&host->worker_slots);
    for (i = 0; i < count; i++) {
        const wippyi_worker *w = wippyi_host_worker(host, i);
        out->processes += wippyi_a32_load_rlx(&w->census.processes);
        out->executed += wippyi_worker_executed(w);
        out->stolen += wippyi_a64_load_rlx(&w->stolen);
        out->parked += wippyi_a64_load_rlx(&w->parked);
        out->messages += wippyi_a64_load_rlx(&w->messages);
        out->queue_depth += wippyi_worker_queued(w);
    }
    return WIPPY_OK;
}

WIPPY_API wippy_result wippy_worker_stats(wippy_runtime *rt, wippy_host handle, uint32_t index,
                                          wippy_worker_info *out)
{
    wippyi_host *host = wippyi_host_at(rt, handle);
    const wippyi_worker *w;
    if (host == NULL || index >= wippyi_a32_load_acq(&host->worker_slots)) {
        return WIPPY_ERR_NOTFOUND;
    }
    w = wippyi_host_worker(host, index);
    memset(out, 0, sizeof(*out));
    out->index = index;
    out->executed = wippyi_worker_executed(w);
    out->stolen = wippyi_a64_load_rlx(&w->stolen);
    out->parked = wippyi_a64_load_rlx(&w->parked);
    out->queue_depth = wippyi_worker_queued(w);
    out->running.id = wippyi_worker_runs(w);
    return WIPPY_OK;
}

static bool wippyi_is_running(const wippyi_host *host, uint64_t pid)
{
    uint32_t count = wippyi_a32_load_acq(&host->worker_slots);
    uint32_t i;
    for (i = 0; i < count; i++) {
        if (wippyi_worker_runs(wippyi_host_worker(host, i)) == pid) {
            return true;
        }
    }
    return false;
}

static const char *wippyi_state_name(const wippyi_slot *slot, const wippyi_host *host, uint64_t pid)
{
    if (wippyi_is_running(host, pid)) {
        return "running";
    }
    if (wippyi_ap_load_rlx(&slot->box.head) != WIPPYI_BOX_IDLE) {
        return "ready";
    }
    return (wippyi_a32_load_rlx(&slot->marks) & WIPPYI_MARK_BLOCKED) != 0 ? "blocked" : "idle";
}

/* Fields of the owner are read under the stripe: an exit closes the tenant word there before it lets go
   of anything, so a pid that is live under the lock stays as it is while we hold it. */
WIPPY_API wippy_result wippy_process_stats(wippy_runtime *rt, wippy_pid pid,
                                           wippy_process_info *out)
{
    wippyi_slot *slot = wippyi_slot_of(rt, pid.id);
    wippyi_latch *stripe = wippyi_stripe_at(rt, wippyi_pid_slot(pid.id));
    wippy_result r = WIPPY_ERR_GONE;
    if (slot == NULL) {
        return r;
    }
    memset(out, 0, sizeof(*out));
    out->entry = out->entry_room;
    wippyi_latch_take(stripe);
    if (wippyi_slot_is(slot, pid.id)) {
        const wippyi_host *host = wippyi_slot_host(slot);
        r = WIPPY_OK;
        out->pid = pid;
        out->host.id = host->id;
        out->parent.id = slot->parent;
        out->steps = wippyi_a32_load_rlx(&slot->head.count);
        out->memory_bytes = (size_t)(wippyi_a32_load_rlx(&slot->marks) / WIPPYI_MARK_MEMORY) *
                            WIPPYI_MEMORY_UNIT;
        out->started_wall_ns = rt->start_wall_ns + (int64_t)slot->started_ms * 1000000;
        out->state = wippyi_state_name(slot, host, pid.id);
        if (slot->entry != NULL) {
            (void)snprintf(out->entry_room, sizeof(out->entry_room), "%s",
                           wippy_entry_id(slot->entry));
        }
        if (slot->frame != NULL) {
            (void)snprintf(out->actor_room, sizeof(out->actor_room), "%s",
                           wippy_frame_actor(slot->frame));
        }
    }
    wippyi_latch_drop(stripe);
    return r;
}

WIPPY_API size_t wippy_processes(wippy_runtime *rt, wippy_host host, wippy_pid *pids, size_t room)
{
    uint32_t high = wippyi_a32_load_acq(&rt->slots.high);
    size_t count = 0;
    uint32_t i;
    for (i = 1; i < high; i++) {
        const wippyi_slot *slot = (const wippyi_slot *)wippyi_slab_at(&rt->slots, i);
        uint64_t pid = slot != NULL ? wippyi_a64_load_acq(&slot->life) & ~WIPPYI_LIFE_TERMINATE : 0;
        if (pid == 0 || (host.id != 0 && wippyi_slot_host(slot)->id != host.id)) {
            continue;
        }
        if (count < room) {
            pids[count].id = pid;
        }
        count++;
    }
    return count;
}

WIPPY_API size_t wippy_survivors(wippy_runtime *rt, wippy_pid *pids, size_t room)
{
    wippy_host all;
    all.id = 0;
    return wippy_processes(rt, all, pids, room);
}
