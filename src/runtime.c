#include "runtime.h"

#include "blocking.h"
#include "descriptors.h"
#include "entry.h"
#include "env.h"
#include "events.h"
#include "groups.h"
#include "host.h"
#include "message.h"
#include "outdated.h"
#include "policy.h"
#include "process.h"
#include "registry.h"
#include "relations.h"
#include "scheduler.h"
#include "sim.h"
#include "supervisor.h"
#include "watchdog.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define WIPPYI_MESSAGE_BYTES_MAX (64u * 1024 * 1024)

/* ---- results ---- */

WIPPY_API const char *wippy_result_name(wippy_result result)
{
    switch ((int)result) {
#define WIPPYI_RESULT_NAME(name, value, kind, text) \
    case value: return #name;
        WIPPY_RESULTS(WIPPYI_RESULT_NAME)
#undef WIPPYI_RESULT_NAME
    default: return "unknown";
    }
}

WIPPY_API const char *wippy_result_kind(wippy_result result)
{
    switch ((int)result) {
#define WIPPYI_RESULT_KIND(name, value, kind, text) \
    case value: return kind;
        WIPPY_RESULTS(WIPPYI_RESULT_KIND)
#undef WIPPYI_RESULT_KIND
    default: return "Internal";
    }
}

WIPPY_API const char *wippy_result_text(wippy_result result)
{
    switch ((int)result) {
#define WIPPYI_RESULT_TEXT(name, value, kind, text) \
    case value: return text;
        WIPPY_RESULTS(WIPPYI_RESULT_TEXT)
#undef WIPPYI_RESULT_TEXT
    default: return "unknown result";
    }
}

/* ---- clocks and memory ---- */

WIPPY_API uint64_t wippy_now_ns(const wippy_runtime *rt)
{
    return wippyi_now_ns(rt);
}

WIPPY_API int64_t wippy_wall_ns(const wippy_runtime *rt)
{
    return rt->sim == NULL ? wippyi_clock_wall_ns()
                           : rt->start_wall_ns + (int64_t)(rt->sim_ns - rt->start_ns);
}

WIPPY_API uint64_t wippy_uptime_ns(const wippy_runtime *rt)
{
    return wippy_now_ns(rt) - rt->start_ns;
}

WIPPY_API void *wippy_memory_get(wippy_runtime *rt, size_t size_bytes)
{
    return wippyi_mem_alloc(&rt->mem, size_bytes);
}

WIPPY_API void wippy_memory_put(wippy_runtime *rt, void *ptr, size_t size_bytes)
{
    wippyi_mem_free(&rt->mem, ptr, size_bytes);
}

WIPPYI_FN uint32_t wippyi_runtime_cpus(const wippy_runtime *rt)
{
    return rt->cpu_count;
}

WIPPYI_FN bool wippyi_runtime_wait(wippy_runtime *rt, wippyi_cond *cond, wippyi_mutex *mutex,
                                   uint64_t timeout_ns)
{
    bool moved;
    if (rt->sim == NULL) {
        return wippyi_cond_timedwait(cond, mutex, timeout_ns);
    }
    wippyi_mutex_unlock(mutex);
    moved = wippyi_sim_wait(rt, timeout_ns);
    wippyi_mutex_lock(mutex);
    return moved;
}

WIPPYI_FN wippyi_mem *wippyi_runtime_mem(wippy_runtime *rt)
{
    return &rt->mem;
}
WIPPYI_FN wippyi_registry *wippyi_runtime_registry(wippy_runtime *rt)
{
    return rt->registry;
}
WIPPYI_FN wippyi_policy *wippyi_runtime_policy(wippy_runtime *rt)
{
    return rt->policy;
}
WIPPYI_FN wippyi_events *wippyi_runtime_events(wippy_runtime *rt)
{
    return rt->events;
}
WIPPYI_FN wippyi_supervisor *wippyi_runtime_supervisor(wippy_runtime *rt)
{
    return rt->supervisor;
}
WIPPYI_FN wippyi_env *wippyi_runtime_env(wippy_runtime *rt)
{
    return rt->env;
}

/* ---- log ---- */

static void wippyi_log_write(wippy_runtime *rt, const wippy_self *self, wippy_log_level level,
                             const char *logger, wippy_slice fields, const char *format,
                             va_list args) WIPPYI_PRINTF(6, 0);
static void wippyi_log_write(wippy_runtime *rt, const wippy_self *self, wippy_log_level level,
                             const char *logger, wippy_slice fields, const char *format,
                             va_list args)
{
    char room[1024];
    char *text = room;
    wippy_log_record record;
    va_list again;
    int length;
    va_copy(again, args);
    length = vsnprintf(room, sizeof(room), format, args);
    if (length >= (int)sizeof(room)) {
        text = (char *)wippyi_mem_alloc(&rt->mem, (size_t)length + 1);
        if (text != NULL) {
            (void)vsnprintf(text, (size_t)length + 1, format, again);
        } else {
            text = room; /* cut short rather than lost */
        }
    }
    va_end(again);
    memset(&record, 0, sizeof(record));
    record.level = level;
    record.wall_ns = wippy_wall_ns(rt);
    record.uptime_ns = wippy_uptime_ns(rt);
    record.logger = logger != NULL ? logger : "";
    record.message = text;
    record.fields = fields;
    record.entry = "";
    if (self != NULL) {
        record.pid = self->pid;
        record.entry = wippy_self_entry(self);
    }
    rt->desc.log_fn(&record, rt->desc.log_user_data);
    if (text != room) {
        wippyi_mem_free(&rt->mem, text, (size_t)length + 1);
    }
}

WIPPYI_FN bool wippyi_log_wanted(const wippy_runtime *rt, wippy_log_level level)
{
    return rt->desc.log_fn != NULL && level >= rt->desc.log_level;
}

WIPPYI_FN void wippyi_log(wippy_runtime *rt, wippy_log_level level, const char *logger,
                          wippy_slice fields, const char *format, ...)
{
    va_list args;
    if (!wippyi_log_wanted(rt, level)) {
        return;
    }
    va_start(args, format);
    wippyi_log_write(rt, NULL, level, logger, fields, format, args);
    va_end(args);
}

WIPPY_API void wippy_log(const wippy_self *self, wippy_log_level level, const char *logger,
                         wippy_slice fields, const char *format, ...)
{
    va_list args;
    if (!wippyi_log_wanted(self->rt, level)) {
        return;
    }
    va_start(args, format);
    wippyi_log_write(self->rt, self, level, logger, fields, format, args);
    va_end(args);
}

/* ---- process types ---- */

/* Under tables_lock. */
static wippy_result wippyi_type_add(wippy_runtime *rt, const wippy_type_desc *desc, wippy_type *out)
{
    uint32_t at = wippyi_a32_load_rlx(&rt->type_count);
    wippyi_type *block;
    if (at >= WIPPYI_TYPES_MAX) {
        return WIPPY_ERR_LIMIT;
    }
    if (wippy_type_find(rt, desc->name, out) == WIPPY_OK) {
        return WIPPY_ERR_EXISTS;
    }
    block = (wippyi_type *)wippyi_ap_load_rlx(&rt->types[at / 64]);
    if (block == NULL) {
        block = (wippyi_type *)wippyi_mem_alloc(&rt->mem, 64 * sizeof(*block));
        if (block == NULL) {
            return WIPPY_ERR_NOMEM;
        }
        memset(block, 0, 64 * sizeof(*block));
        wippyi_ap_store_rel(&rt->types[at / 64], block);
    }
    block += at % 64;
    block->name = wippyi_mem_text(&rt->mem, desc->name, strlen(desc->name));
    if (block->name == NULL) {
        return WIPPY_ERR_NOMEM;
    }
    block->desc = *desc;
    block->desc.name = block->name;
    /* release: publishes the type to whoever loads the count */
    wippyi_a32_store_rel(&rt->type_count, at + 1);
    out->id = at + 1;
    return WIPPY_OK;
}

WIPPY_API wippy_result wippy_type_register(wippy_runtime *rt, const wippy_type_desc *desc,
                                           wippy_type *out)
{
    wippy_type type;
    wippy_result r;
    if (desc == NULL || desc->step == NULL || desc->name == NULL || desc->name[0] == '\0') {
        return WIPPY_ERR_INVALID;
    }
    wippyi_mutex_lock(&rt->tables_lock);
    r = wippyi_type_add(rt, desc, &type);
    wippyi_mutex_unlock(&rt->tables_lock);
    if (r == WIPPY_OK && out != NULL) {
        *out = type;
    }
    return r;
}

WIPPY_API wippy_result wippy_type_find(wippy_runtime *rt, const char *name, wippy_type *out)
{
    uint32_t count = wippyi_a32_load_acq(&rt->type_count);
    uint32_t i;
    for (i = 0; i < count; i++) {
        if (strcmp(wippyi_type_at(rt, i)->name, name) == 0) {
            out->id = i + 1;
            return WIPPY_OK;
        }
    }
    return WIPPY_ERR_NOTFOUND;
}

WIPPY_API void *wippy_type_user_data(wippy_runtime *rt, wippy_type type)
{
    if (type.id == 0 || type.id > wippyi_a32_load_acq(&rt->type_count)) {
        return NULL;
    }
    return wippyi_type_at(rt, type.id - 1)->desc.user_data;
}

/* ---- creation ---- */

static void wippyi_desc_defaults(wippy_desc *desc)
{
    desc->max_processes = desc->max_processes != 0 ? desc->max_processes : WIPPYI_SLOT_MAX;
    desc->blocking_threads = desc->blocking_threads != 0 ? desc->blocking_threads : 4;
    desc->slice_us = desc->slice_us != 0 ? desc->slice_us : 10000;
    desc->stuck_ms = desc->stuck_ms != 0 ? desc->stuck_ms : 500;
    desc->history_limit = desc->history_limit != 0 ? desc->history_limit : 1000;
    desc->max_message_bytes =
        desc->max_message_bytes != 0 ? desc->max_message_bytes : WIPPYI_MESSAGE_BYTES_MAX;
    if (desc->sim.on) {
        desc->sim.step_ns = desc->sim.step_ns != 0 ? desc->sim.step_ns : 100000;
        desc->sim.start_wall_ns = desc->sim.start_wall_ns != 0 ? desc->sim.start_wall_ns
                                                               : 946684800 * (int64_t)1000000000;
    }
}

static wippy_result wippyi_desc_check(const wippy_desc *desc)
{
    bool allocs = desc->allocator.alloc_fn != NULL;
    bool frees = desc->allocator.free_fn != NULL;
    if (allocs != frees || desc->max_processes > WIPPYI_SLOT_MAX ||
        desc->max_message_bytes > WIPPYI_MESSAGE_BYTES_MAX ||
        (uint32_t)desc->log_level > (uint32_t)WIPPY_LOG_OFF) {
        return WIPPY_ERR_INVALID;
    }
    return WIPPY_OK;
}

static wippy_result wippyi_fixed_results(wippy_runtime *rt)
{
    static const char *const texts[WIPPYI_FIXED_RESULTS] = {
        "process terminated", "linked process failed", "canceled", "out of memory"};
    static const wippy_result codes[WIPPYI_FIXED_RESULTS] = {WIPPY_ERR_INTERNAL, WIPPY_ERR_INTERNAL,
                                                             WIPPY_ERR_CANCELED, WIPPY_ERR_NOMEM};
    uint32_t i;
    for (i = 0; i < WIPPYI_FIXED_RESULTS; i++) {
        rt->fixed[i] = wippyi_result_error(rt, codes[i], texts[i]);
        if (rt->fixed[i] == NULL) {
            return WIPPY_ERR_NOMEM;
        }
    }
    return WIPPY_OK;
}

static wippy_result wippyi_core_init(wippy_runtime *rt)
{
    wippy_result r = wippyi_depot_init(&rt->depot, &rt->mem);
    wippyi_heap_init(&rt->outside_heap, &rt->depot);
    wippyi_strmap_init(&rt->topic_ids, &rt->mem);
    wippyi_strmap_init(&rt->label_ids, &rt->mem);
    /* not max_processes: free slots lie in the caches of workers; spawn counts who is alive */
    r = r == WIPPY_OK ? wippyi_slab_init(&rt->slots, &rt->mem, sizeof(wippyi_slot), WIPPYI_SLOT_MAX)
                      : r;
    wippyi_slab_set_aside(&rt->slots, 32, 64);
    r = r == WIPPY_OK
            ? wippyi_slab_init(&rt->yields, &rt->mem, sizeof(wippyi_yield), WIPPYI_SLOT_MAX)
            : r;
    r = r == WIPPY_OK ? wippyi_mutex_init(&rt->outside_lock) : r;
    r = r == WIPPY_OK ? wippyi_mutex_init(&rt->tables_lock) : r;
    r = r == WIPPY_OK ? wippyi_mutex_init(&rt->hosts_lock) : r;
    r = r == WIPPY_OK ? wippyi_mutex_init(&rt->stop_lock) : r;
    r = r == WIPPY_OK ? wippyi_cond_init(&rt->stop_cond) : r;
    r = r == WIPPY_OK ? wippyi_relations_init(rt) : r;
    r = r == WIPPY_OK ? wippyi_groups_init(rt) : r;
    return r == WIPPY_OK ? wippyi_fixed_results(rt) : r;
}

static wippy_result wippyi_upper_init(wippy_runtime *rt)
{
    wippy_result r = wippyi_registry_create(rt, &rt->mem, &rt->registry);
    r = r == WIPPY_OK ? wippyi_policy_create(rt, &rt->mem, &rt->policy) : r;
    r = r == WIPPY_OK ? wippyi_events_create(rt, &rt->mem, &rt->events) : r;
    r = r == WIPPY_OK ? wippyi_env_create(rt, &rt->mem, &rt->env) : r;
    r = r == WIPPY_OK ? wippyi_supervisor_create(rt, &rt->mem, &rt->supervisor) : r;
    return r == WIPPY_OK ? wippyi_outdated_listen(rt) : r;
}

static void wippyi_tables_free(wippy_runtime *rt)
{
    uint32_t i;
    for (i = 0; i < wippyi_a32_load_rlx(&rt->type_count); i++) {
        wippyi_mem_text_free(&rt->mem, wippyi_type_at(rt, i)->name);
    }
    for (i = 0; i < WIPPYI_COUNT(rt->types); i++) {
        wippyi_mem_free(&rt->mem, wippyi_ap_load_rlx(&rt->types[i]), 64 * sizeof(wippyi_type));
    }
    for (i = 0; i < wippyi_a32_load_rlx(&rt->command_count); i++) {
        wippyi_command *block = (wippyi_command *)wippyi_ap_load_rlx(&rt->commands[i / 64]);
        wippyi_mem_text_free(&rt->mem, block[i % 64].name);
    }
    for (i = 0; i < WIPPYI_COUNT(rt->commands); i++) {
        wippyi_mem_free(&rt->mem, wippyi_ap_load_rlx(&rt->commands[i]),
                        64 * sizeof(wippyi_command));
    }
    for (i = 0; i < wippyi_a32_load_rlx(&rt->topic_count); i++) {
        wippyi_topic *block = (wippyi_topic *)wippyi_ap_load_rlx(&rt->topics[i / 256]);
        wippyi_mem_free(&rt->mem, block[i % 256].text, (size_t)block[i % 256].bytes + 1);
    }
    for (i = 0; i < WIPPYI_COUNT(rt->topics); i++) {
        wippyi_mem_free(&rt->mem, wippyi_ap_load_rlx(&rt->topics[i]), 256 * sizeof(wippyi_topic));
    }
    wippyi_strmap_destroy(&rt->topic_ids);
}

static void wippyi_upper_free(wippy_runtime *rt)
{
    wippyi_supervisor_destroy(rt->supervisor);
    wippyi_env_destroy(rt->env);
    wippyi_events_destroy(rt->events);
    if (rt->registry != NULL) {
        wippyi_registry_destroy(rt->registry);
    }
    if (rt->policy != NULL) {
        wippyi_policy_destroy(rt->policy);
    }
}

static void wippyi_runtime_free(wippy_runtime *rt)
{
    wippyi_mem mem;
    uint32_t i;
    wippyi_upper_free(rt);
    wippyi_hosts_destroy(rt);
    wippyi_tables_free(rt);
    wippyi_groups_destroy(rt);
    wippyi_relations_destroy(rt);
    for (i = 0; i < WIPPYI_FIXED_RESULTS; i++) {
        wippyi_result_release(rt, rt->fixed[i]);
    }
    wippyi_cond_destroy(&rt->stop_cond);
    wippyi_mutex_destroy(&rt->stop_lock);
    wippyi_mutex_destroy(&rt->hosts_lock);
    wippyi_mutex_destroy(&rt->tables_lock);
    wippyi_mutex_destroy(&rt->outside_lock);
    wippyi_slab_destroy(&rt->yields);
    wippyi_slab_destroy(&rt->slots);
    wippyi_depot_destroy(&rt->depot);
    if (rt->sim != NULL) {
        wippyi_sim_close(rt);
    }
    mem = rt->mem;
    wippyi_mem_free(&mem, rt, sizeof(*rt));
}

WIPPY_API wippy_result wippy_create(wippy_runtime **out, const wippy_desc *given)
{
    wippy_desc desc;
    wippyi_mem mem;
    wippy_runtime *rt;
    wippy_result r;
    memset(&desc, 0, sizeof(desc));
    if (given != NULL) {
        desc = *given;
    }
    if (out == NULL || wippyi_desc_check(&desc) != WIPPY_OK) {
        return WIPPY_ERR_INVALID;
    }
    wippyi_desc_defaults(&desc);
    wippyi_mem_init(&mem, &desc.allocator);
    rt = (wippy_runtime *)wippyi_mem_alloc(&mem, sizeof(*rt));
    if (rt == NULL) {
        return WIPPY_ERR_NOMEM;
    }
    memset(rt, 0, sizeof(*rt));
    rt->mem = mem;
    rt->desc = desc;
    rt->start_ns = wippyi_clock_mono_ns();
    rt->start_wall_ns = wippyi_clock_wall_ns();
    rt->cpu_count = wippyi_cpu_count();
    wippyi_a64_init(&rt->random, desc.random_seed != 0 ? desc.random_seed : wippyi_entropy64());
    rt->outside.rt = rt;
    rt->outside.heap = &rt->outside_heap;
    rt->outside.bits = WIPPYI_SELF_GUARDED;
    rt->self_bits = desc.trace_fn != NULL || desc.strict_rights || desc.sim.on
                        ? (uint32_t)WIPPYI_SELF_GUARDED
                        : 0;
    r = desc.sim.on ? wippyi_sim_open(rt) : WIPPY_OK;
    if (r != WIPPY_OK) {
        wippyi_mem_free(&mem, rt, sizeof(*rt));
        return r;
    }
    r = wippyi_core_init(rt);
    r = r == WIPPY_OK ? wippyi_upper_init(rt) : r;
    if (r != WIPPY_OK) {
        wippyi_runtime_free(rt);
        return r;
    }
    *out = rt;
    return WIPPY_OK;
}

WIPPY_API const wippy_desc *wippy_runtime_desc(const wippy_runtime *rt)
{
    return &rt->desc;
}

WIPPY_API wippy_self *wippy_outside(wippy_runtime *rt)
{
    return &rt->outside;
}

WIPPY_API wippy_result wippy_on_destroy(wippy_runtime *rt,
                                        void (*fn)(wippy_runtime *rt, void *user_data),
                                        void *user_data)
{
    wippyi_farewell *farewell;
    if (fn == NULL) {
        return WIPPY_ERR_INVALID;
    }
    farewell = (wippyi_farewell *)wippyi_mem_alloc(&rt->mem, sizeof(*farewell));
    if (farewell == NULL) {
        return WIPPY_ERR_NOMEM;
    }
    farewell->fn = fn;
    farewell->user_data = user_data;
    wippyi_mutex_lock(&rt->tables_lock);
    farewell->next = rt->farewells;
    rt->farewells = farewell;
    wippyi_mutex_unlock(&rt->tables_lock);
    return WIPPY_OK;
}

/* ---- stopping ---- */

WIPPY_API wippy_result wippy_stop(wippy_runtime *rt)
{
    /* 0 -> 1: one caller asks the supervisor. Release: pairs with the acquire loads in spawn,
       wippy_host_create() and wippy_join(). */
    if (wippyi_a32_xchg_acqrel(&rt->stopping, 1) == 0) {
        wippyi_supervisor_request_stop(rt->supervisor);
        wippyi_mutex_lock(&rt->stop_lock);
        wippyi_cond_broadcast(&rt->stop_cond);
        wippyi_mutex_unlock(&rt->stop_lock);
    }
    return WIPPY_OK;
}

static bool wippyi_inside_worker(wippy_runtime *rt)
{
    wippyi_host *host = (wippyi_host *)wippyi_ap_load_acq(&rt->host_list);
    for (; host != NULL; host = host->next_host) {
        if (wippyi_host_here(host) != NULL) {
            return true;
        }
    }
    return false;
}

/* Wait for every pump host, or for every other one, until the deadline or for one millisecond. */
static bool wippyi_wait_hosts(wippy_runtime *rt, bool pumps, uint64_t deadline_ns)
{
    bool empty = true;
    wippyi_host *host = (wippyi_host *)wippyi_ap_load_acq(&rt->host_list);
    for (; host != NULL; host = host->next_host) {
        if ((host->kind == WIPPY_HOST_PUMP) == pumps) {
            uint64_t soon = wippyi_now_ns(rt) + 1000000;
            empty =
                wippyi_host_wait_empty(host, pumps ? WIPPYI_MIN(soon, deadline_ns) : deadline_ns) &&
                empty;
        }
    }
    return empty;
}

/* Wait for every host. Pump hosts are pumped in turn: their processes may need each other to end, and
   those of the pools may need them. */
static bool wippyi_wait_all(wippy_runtime *rt, uint64_t deadline_ns)
{
    for (;;) {
        bool late = wippyi_now_ns(rt) >= deadline_ns ||
                    (deadline_ns == UINT64_MAX && wippyi_sim_ended(rt));
        bool pumps = wippyi_wait_hosts(rt, true, deadline_ns);
        if (pumps || late) {
            return wippyi_wait_hosts(rt, false, deadline_ns) && pumps;
        }
    }
}

static void wippyi_each_host(wippy_runtime *rt, void (*fn)(wippyi_host *host))
{
    wippyi_host *host = (wippyi_host *)wippyi_ap_load_acq(&rt->host_list);
    for (; host != NULL; host = host->next_host) {
        fn(host);
    }
}

static void wippyi_host_kill(wippyi_host *host)
{
    uint32_t expected = WIPPYI_HOST_STOPPING;
    /* STOPPING -> KILLING, never back from STOPPED. seq_cst: before the look for live processes; one
       that is born later sees the state, see wippyi_late_for_stop(). */
    (void)wippyi_a32_cas_sc(&host->state, &expected, WIPPYI_HOST_KILLING);
    wippyi_host_evict(host, true);
}

WIPPY_API wippy_result wippy_join(wippy_runtime *rt, uint64_t timeout_ns)
{
    uint64_t start = wippyi_now_ns(rt);
    uint64_t half = timeout_ns / 2;
    uint64_t end = timeout_ns < UINT64_MAX - start ? start + timeout_ns : UINT64_MAX;
    if (wippyi_a32_load_acq(&rt->stopping) == 0 || wippyi_inside_worker(rt)) {
        return WIPPY_ERR_INVALID;
    }
    (void)wippy_services_stop(rt, half);
    wippyi_mutex_lock(&rt->hosts_lock); /* a host that is being created is in the list after this */
    wippyi_mutex_unlock(&rt->hosts_lock);
    wippyi_each_host(rt, wippyi_host_begin_stop);
    if (!wippyi_wait_all(rt, timeout_ns == UINT64_MAX ? UINT64_MAX : start + half)) {
        wippyi_each_host(rt, wippyi_host_kill);
        if (!wippyi_wait_all(rt, end)) {
            return WIPPY_ERR_TIMEOUT;
        }
    }
    wippyi_each_host(rt, wippyi_host_end_workers);
    return WIPPY_OK;
}

static void wippyi_say_farewell(wippy_runtime *rt)
{
    while (rt->farewells != NULL) {
        wippyi_farewell *farewell = rt->farewells;
        rt->farewells = farewell->next;
        farewell->fn(rt, farewell->user_data);
        wippyi_mem_free(&rt->mem, farewell, sizeof(*farewell));
    }
}

WIPPY_API wippy_result wippy_destroy(wippy_runtime *rt)
{
    wippy_result r;
    if (rt == NULL) {
        return WIPPY_OK;
    }
    (void)wippy_stop(rt);
    r = wippy_join(rt, 10000000000u);
    if (r != WIPPY_OK) {
        return r == WIPPY_ERR_TIMEOUT ? WIPPY_ERR_BUSY : r;
    }
    wippyi_blocking_destroy(rt);
    wippyi_descriptors_destroy(rt);
    wippyi_watchdog_stop(rt);
    wippyi_say_farewell(rt);
    wippyi_runtime_free(rt);
    return WIPPY_OK;
}
