#include "registry.h"

#include <string.h>

/* ------------------------------------------------------------------ making */

static wippy_result wippyi_registry_first(wippyi_registry *registry)
{
    wippy_result result = wippyi_kinds_add_native(&registry->kinds, registry->mem);
    if (result == WIPPY_OK) {
        result = wippyi_snapshot_make(registry->mem, NULL, NULL, 0, &registry->current);
    }
    if (result == WIPPY_OK) {
        result = wippyi_registry_reserve(registry);
    }
    if (result == WIPPY_OK) {
        wippyi_version *version = &registry->versions[registry->version_count++];
        memset(version, 0, sizeof(*version));
        version->previous = -1;
        version->next = -1;
        version->wall_ns = wippy_wall_ns(registry->rt);
    }
    return result;
}

WIPPYI_FN wippy_result wippyi_registry_create(wippy_runtime *rt, wippyi_mem *mem,
                                              wippyi_registry **out)
{
    wippyi_registry *registry = (wippyi_registry *)wippyi_mem_alloc(mem, sizeof(wippyi_registry));
    if (registry == NULL) {
        return WIPPY_ERR_NOMEM;
    }
    memset(registry, 0, sizeof(*registry));
    registry->rt = rt;
    registry->mem = mem;
    registry->next_revision = 1;
    registry->version_limit = wippy_runtime_desc(rt)->history_limit;
    wippyi_kinds_init(&registry->kinds);
    wippyi_a64_init(&registry->change_owner, 0);
    wippy_result result = wippyi_mutex_init(&registry->change);
    if (result != WIPPY_OK) {
        wippyi_mem_free(mem, registry, sizeof(*registry));
        return result;
    }
    result = wippyi_mutex_init(&registry->state);
    if (result != WIPPY_OK) {
        wippyi_mutex_destroy(&registry->change);
        wippyi_mem_free(mem, registry, sizeof(*registry));
        return result;
    }
    result = wippyi_registry_first(registry);
    if (result != WIPPY_OK) {
        wippyi_registry_destroy(registry);
        return result;
    }
    *out = registry;
    return WIPPY_OK;
}

static wippyi_version *wippyi_version_slot(const wippyi_registry *registry, size_t id)
{
    return &registry->versions[id % registry->version_room];
}

static void wippyi_step_free(wippyi_mem *mem, wippy_entry_change *step, size_t count)
{
    for (size_t i = 0; step != NULL && i < count; i++) {
        wippyi_entry_release(mem, step[i].before);
        wippyi_entry_release(mem, step[i].after);
    }
    wippyi_mem_free(mem, step, count * sizeof(wippy_entry_change));
}

WIPPYI_FN void wippyi_registry_destroy(wippyi_registry *registry)
{
    wippyi_mem *mem = registry->mem;
    for (size_t id = registry->version_first; id < registry->version_count; id++) {
        wippyi_version *version = wippyi_version_slot(registry, id);
        wippyi_step_free(mem, version->step, version->step_count);
    }
    wippyi_snapshot_release(mem, registry->current);
    wippyi_mem_free(mem, registry->versions, registry->version_room * sizeof(wippyi_version));
    wippyi_mem_free(mem, registry->listeners, registry->listener_room * sizeof(wippyi_listener));
    wippyi_kinds_free(&registry->kinds, mem);
    wippyi_mutex_destroy(&registry->state);
    wippyi_mutex_destroy(&registry->change);
    wippyi_mem_free(mem, registry, sizeof(*registry));
}

/* ------------------------------------------------------------------ one change at a time */

WIPPYI_FN wippy_result wippyi_registry_enter(wippyi_registry *registry)
{
    uint64_t me = wippyi_thread_self_id();
    /* relaxed: equal only if this very thread wrote it */
    if (wippyi_a64_load_rlx(&registry->change_owner) == me) {
        return WIPPY_ERR_BUSY;
    }
    wippyi_mutex_lock(&registry->change);
    wippyi_a64_store_rlx(&registry->change_owner, me);
    return WIPPY_OK;
}

WIPPYI_FN void wippyi_registry_leave(wippyi_registry *registry)
{
    wippyi_a64_store_rlx(&registry->change_owner, 0);
    wippyi_mutex_unlock(&registry->change);
}

/* Doubled, and never more than one above the limit: numbers wrap only in a ring of that size. */
static size_t wippyi_registry_room(const wippyi_registry *registry)
{
    size_t room = registry->version_room > 0 ? registry->version_room * 2 : 8;
    return room > registry->version_limit ? registry->version_limit + 1 : room;
}

WIPPYI_FN wippy_result wippyi_registry_reserve(wippyi_registry *registry)
{
    if (registry->version_count - registry->version_first < registry->version_room) {
        return WIPPY_OK;
    }
    size_t room = wippyi_registry_room(registry);
    wippyi_version *versions =
        (wippyi_version *)wippyi_mem_alloc(registry->mem, room * sizeof(wippyi_version));
    if (versions == NULL) {
        return WIPPY_ERR_NOMEM;
    }
    wippyi_mutex_lock(&registry->state);
    wippyi_version *old = registry->versions;
    size_t old_room = registry->version_room;
    if (old != NULL) {
        memcpy(versions, old, registry->version_count * sizeof(wippyi_version));
    }
    registry->versions = versions;
    registry->version_room = room;
    wippyi_mutex_unlock(&registry->state);
    wippyi_mem_free(registry->mem, old, old_room * sizeof(wippyi_version));
    return WIPPY_OK;
}

WIPPYI_FN void wippyi_registry_publish(wippyi_registry *registry, wippy_snapshot *next,
                                       size_t count, wippy_entry_change *step, size_t step_count)
{
    int64_t wall_ns = wippy_wall_ns(registry->rt);
    wippyi_mutex_lock(&registry->state);
    wippy_snapshot *old = registry->current;
    if (next->version == (int64_t)registry->version_count) {
        wippyi_version *version = wippyi_version_slot(registry, registry->version_count++);
        version->previous = old->version;
        version->next = -1;
        version->wall_ns = wall_ns;
        version->count = count;
        version->step = step;
        version->step_count = step_count;
        wippyi_version_slot(registry, (size_t)old->version)->next = next->version;
    } else if (registry->version_count == 1) {
        registry->versions[0].count = next->count; /* loaded */
    }
    registry->current = next;
    wippyi_mutex_unlock(&registry->state);
    wippyi_snapshot_release(registry->mem, old);
}

/* The one that becomes the oldest needs no way to it any more. */
WIPPYI_FN void wippyi_registry_forget(wippyi_registry *registry)
{
    while (registry->version_count - registry->version_first > registry->version_limit) {
        wippyi_mutex_lock(&registry->state);
        wippyi_version *oldest = wippyi_version_slot(registry, ++registry->version_first);
        wippy_entry_change *step = oldest->step;
        oldest->step = NULL;
        wippyi_mutex_unlock(&registry->state);
        wippyi_step_free(registry->mem, step, oldest->step_count);
    }
}

/* ------------------------------------------------------------------ reading */

WIPPYI_FN wippy_snapshot *wippyi_registry_current(wippyi_registry *registry)
{
    wippyi_mutex_lock(&registry->state);
    wippy_snapshot *snapshot = wippy_snapshot_hold(registry->current);
    wippyi_mutex_unlock(&registry->state);
    return snapshot;
}

WIPPY_API wippy_result wippy_entry_get(wippy_runtime *rt, const char *id, wippy_entry **out)
{
    wippyi_registry *registry = wippyi_runtime_registry(rt);
    wippyi_mutex_lock(&registry->state);
    wippy_entry *entry = wippy_entry_hold(wippy_snapshot_get(registry->current, id));
    wippyi_mutex_unlock(&registry->state);
    if (entry == NULL) {
        return WIPPY_ERR_NOTFOUND;
    }
    *out = entry;
    return WIPPY_OK;
}

WIPPY_API void wippy_entry_release(wippy_runtime *rt, wippy_entry *entry)
{
    wippyi_entry_release(wippyi_runtime_mem(rt), entry);
}

WIPPY_API void wippy_snapshot_release(wippy_runtime *rt, wippy_snapshot *snapshot)
{
    wippyi_snapshot_release(wippyi_runtime_mem(rt), snapshot);
}

WIPPYI_FN wippy_result wippyi_registry_resolve(wippy_runtime *rt, const char *entry_id,
                                               wippy_entry **entry, wippy_type *type,
                                               wippy_diag *diag)
{
    wippy_entry *found = NULL;
    if (wippy_entry_get(rt, entry_id, &found) != WIPPY_OK) {
        return wippyi_reject(diag, WIPPY_ERR_NOTFOUND, entry_id, "factory not found");
    }
    wippy_result result =
        wippyi_kinds_type(&wippyi_runtime_registry(rt)->kinds, rt, found, type, diag);
    if (result != WIPPY_OK) {
        wippy_entry_release(rt, found);
        return result;
    }
    *entry = found;
    return WIPPY_OK;
}

static wippyi_refs_env wippyi_registry_env(const wippyi_registry *registry)
{
    wippyi_refs_env env;
    env.rt = registry->rt;
    env.mem = registry->mem;
    env.kinds = &registry->kinds;
    return env;
}

WIPPYI_FN wippy_result wippyi_registry_outdated(wippy_runtime *rt,
                                                const wippy_registry_event *event,
                                                wippyi_outdated_fn fn, void *user_data)
{
    wippyi_refs_env env = wippyi_registry_env(wippyi_runtime_registry(rt));
    return wippyi_refs_outdated(&env, event->after, event->changes, event->count, fn, user_data);
}

/* ------------------------------------------------------------------ versions */

static bool wippyi_history_has(const wippyi_registry *registry, int64_t version)
{
    return version >= (int64_t)registry->version_first &&
           version < (int64_t)registry->version_count;
}

/* Go one version up or down in the list of what leads from the current version to another. */
static void wippyi_history_step(wippyi_changes *net, const wippyi_version *version, bool back)
{
    for (size_t i = 0; i < version->step_count; i++) {
        const wippy_entry_change *change = &version->step[i];
        wippyi_changes_follow(net, back ? change->after : change->before,
                              back ? change->before : change->after);
    }
}

static wippy_result wippyi_history_net(const wippyi_registry *registry, size_t to,
                                       wippyi_changes *net)
{
    size_t from = (size_t)registry->current->version;
    size_t room = 0;
    for (size_t id = WIPPYI_MIN(from, to); id < WIPPYI_MAX(from, to); id++) {
        room += wippyi_version_slot(registry, id + 1)->step_count;
    }
    wippy_result result = wippyi_changes_make(net, registry->mem, room);
    if (result != WIPPY_OK) {
        return result;
    }
    for (; from > to; from--) {
        wippyi_history_step(net, wippyi_version_slot(registry, from), true);
    }
    for (; from < to; from++) {
        wippyi_history_step(net, wippyi_version_slot(registry, from + 1), false);
    }
    return WIPPY_OK;
}

WIPPYI_FN wippy_result wippyi_registry_at(wippyi_registry *registry, int64_t version,
                                          wippy_snapshot **out)
{
    wippyi_changes net;
    wippy_result result = WIPPY_OK;
    wippyi_mutex_lock(&registry->state);
    if (!wippyi_history_has(registry, version)) {
        result = WIPPY_ERR_NOTFOUND;
    } else if (version == registry->current->version) {
        *out = wippy_snapshot_hold(registry->current);
    } else {
        /* Under the lock, as the history must not move: rare, and readers wait only for this. */
        result = wippyi_history_net(registry, (size_t)version, &net);
        if (result == WIPPY_OK) {
            result = wippyi_snapshot_make(registry->mem, registry->current, &net, version, out);
            wippyi_changes_free(&net);
        }
    }
    wippyi_mutex_unlock(&registry->state);
    return result;
}

WIPPY_API wippy_result wippy_snapshot_current(wippy_runtime *rt, wippy_snapshot **out)
{
    *out = wippyi_registry_current(wippyi_runtime_registry(rt));
    return WIPPY_OK;
}

WIPPY_API wippy_result wippy_snapshot_at(wippy_runtime *rt, int64_t version, wippy_snapshot **out)
{
    return wippyi_registry_at(wippyi_runtime_registry(rt), version, out);
}

WIPPY_API int64_t wippy_version_current(wippy_runtime *rt)
{
    wippyi_registry *registry = wippyi_runtime_registry(rt);
    wippyi_mutex_lock(&registry->state);
    int64_t version = registry->current->version;
    wippyi_mutex_unlock(&registry->state);
    return version;
}

WIPPY_API wippy_result wippy_version_get(wippy_runtime *rt, int64_t version,
                                         wippy_version_info *out)
{
    wippyi_registry *registry = wippyi_runtime_registry(rt);
    wippy_result result = WIPPY_ERR_NOTFOUND;
    wippyi_mutex_lock(&registry->state);
    if (wippyi_history_has(registry, version)) {
        const wippyi_version *found = wippyi_version_slot(registry, (size_t)version);
        out->id = version;
        out->previous = wippyi_history_has(registry, found->previous) ? found->previous : -1;
        out->next = found->next;
        out->changes = found->count;
        out->wall_ns = found->wall_ns;
        result = WIPPY_OK;
    }
    wippyi_mutex_unlock(&registry->state);
    return result;
}

WIPPY_API size_t wippy_versions(wippy_runtime *rt, int64_t *versions, size_t room)
{
    wippyi_registry *registry = wippyi_runtime_registry(rt);
    wippyi_mutex_lock(&registry->state);
    size_t first = registry->version_first;
    size_t count = registry->version_count - first;
    wippyi_mutex_unlock(&registry->state);
    for (size_t i = 0; i < count && i < room; i++) {
        versions[i] = (int64_t)(first + i);
    }
    return count;
}

/* ------------------------------------------------------------------ differences */

WIPPY_API wippy_result wippy_delta_build(wippy_runtime *rt, wippy_snapshot *from,
                                         wippy_snapshot *to, wippy_delta *out)
{
    wippyi_registry *registry = wippyi_runtime_registry(rt);
    wippyi_refs_env env = wippyi_registry_env(registry);
    wippyi_mem *mem = registry->mem;
    wippyi_changes changes;
    wippy_result result = wippyi_snapshot_diff(mem, from, to, &changes);
    if (result != WIPPY_OK) {
        return result;
    }
    size_t count = changes.count;
    uint32_t *order = (uint32_t *)wippyi_mem_alloc(mem, count * sizeof(uint32_t));
    wippy_entry_change *list =
        (wippy_entry_change *)wippyi_mem_alloc(mem, count * sizeof(wippy_entry_change));
    result =
        order != NULL && list != NULL ? wippyi_refs_order(&env, &changes, order) : WIPPY_ERR_NOMEM;
    if (result == WIPPY_OK) {
        for (size_t i = 0; i < count; i++) {
            list[i] = changes.items[order[i]];
            wippy_entry_hold(list[i].before);
            wippy_entry_hold(list[i].after);
        }
        out->changes = list;
        out->count = count;
        out->memory_ = list;
    } else {
        wippyi_mem_free(mem, list, count * sizeof(wippy_entry_change));
    }
    wippyi_mem_free(mem, order, count * sizeof(uint32_t));
    wippyi_changes_free(&changes);
    return result;
}

WIPPY_API void wippy_delta_free(wippy_runtime *rt, wippy_delta *delta)
{
    wippyi_mem *mem = wippyi_runtime_mem(rt);
    for (size_t i = 0; i < delta->count; i++) {
        wippyi_entry_release(mem, delta->changes[i].before);
        wippyi_entry_release(mem, delta->changes[i].after);
    }
    wippyi_mem_free(mem, delta->memory_, delta->count * sizeof(wippy_entry_change));
    memset(delta, 0, sizeof(*delta));
}

/* ------------------------------------------------------------------ listeners and kinds */

static wippy_result wippyi_listeners_grow(wippyi_registry *registry)
{
    size_t room = registry->listener_room > 0 ? registry->listener_room * 2 : 4;
    wippyi_listener *listeners = (wippyi_listener *)wippyi_mem_resize(
        registry->mem, registry->listeners, registry->listener_room * sizeof(wippyi_listener),
        room * sizeof(wippyi_listener));
    if (listeners == NULL) {
        return WIPPY_ERR_NOMEM;
    }
    registry->listeners = listeners;
    registry->listener_room = room;
    return WIPPY_OK;
}

WIPPY_API wippy_result wippy_registry_listen(wippy_runtime *rt, wippy_registry_fn fn,
                                             void *user_data)
{
    wippyi_registry *registry = wippyi_runtime_registry(rt);
    wippy_result result = fn != NULL ? wippyi_registry_enter(registry) : WIPPY_ERR_INVALID;
    if (result != WIPPY_OK) {
        return result;
    }
    if (registry->listener_count == registry->listener_room) {
        result = wippyi_listeners_grow(registry);
    }
    if (result == WIPPY_OK) {
        wippyi_listener *listener = &registry->listeners[registry->listener_count++];
        listener->fn = fn;
        listener->user_data = user_data;
    }
    wippyi_registry_leave(registry);
    return result;
}

WIPPY_API wippy_result wippy_registry_unlisten(wippy_runtime *rt, wippy_registry_fn fn,
                                               void *user_data)
{
    wippyi_registry *registry = wippyi_runtime_registry(rt);
    wippy_result result = wippyi_registry_enter(registry);
    if (result != WIPPY_OK) {
        return result;
    }
    result = WIPPY_ERR_NOTFOUND;
    for (size_t i = 0; i < registry->listener_count && result != WIPPY_OK; i++) {
        const wippyi_listener *listener = &registry->listeners[i];
        if (listener->fn == fn && listener->user_data == user_data) {
            registry->listener_count--;
            memmove(&registry->listeners[i], &registry->listeners[i + 1],
                    (registry->listener_count - i) * sizeof(wippyi_listener));
            result = WIPPY_OK;
        }
    }
    wippyi_registry_leave(registry);
    return result;
}

WIPPY_API wippy_result wippy_kind_register(wippy_runtime *rt, const wippy_kind_desc *desc)
{
    wippyi_registry *registry = wippyi_runtime_registry(rt);
    wippyi_mutex_lock(&registry->state);
    wippy_result result = wippyi_kinds_add(&registry->kinds, registry->mem, desc);
    wippyi_mutex_unlock(&registry->state);
    return result;
}

WIPPY_API wippy_result wippy_kind_flags(wippy_runtime *rt, const char *name, uint32_t *flags)
{
    const wippyi_kind *kind = wippyi_kinds_find(&wippyi_runtime_registry(rt)->kinds, name);
    if (kind == NULL) {
        return WIPPY_ERR_NOTFOUND;
    }
    *flags = kind->desc.flags;
    return WIPPY_OK;
}
