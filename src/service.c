#include "service.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define WIPPYI_SERVICE_ID_MAX 512 /* bytes of a completed id */

/* ------------------------------------------------------------------ backoff */

/* d * factor / 1000 without overflow, at most `limit`. */
static uint64_t wippyi_restart_grow(uint64_t delay_ns, uint32_t factor_milli, uint64_t limit)
{
    uint64_t whole = delay_ns / 1000;
    uint64_t rest = delay_ns % 1000 * factor_milli / 1000;
    if (factor_milli > 0 && whole > (limit - WIPPYI_MIN(rest, limit)) / factor_milli) {
        return limit;
    }
    return WIPPYI_MIN(whole * factor_milli + rest, limit);
}

WIPPYI_FN uint64_t wippyi_restart_delay(const wippyi_restart *restart, uint32_t failures,
                                        uint64_t random)
{
    uint64_t delay_ns = WIPPYI_MIN(restart->initial_ns, restart->max_ns);
    for (uint32_t i = 1; i < failures; i++) {
        uint64_t grown = wippyi_restart_grow(delay_ns, restart->factor_milli, restart->max_ns);
        if (grown == delay_ns) {
            break; /* the cap, a factor of 1, or too little to grow */
        }
        delay_ns = grown;
    }
    uint64_t parts = 1000000 - restart->jitter_ppm +
                     random % ((uint64_t)restart->jitter_ppm * 2 + 1); /* millionths */
    return delay_ns / 1000000 * parts + delay_ns % 1000000 * parts / 1000000;
}

WIPPYI_FN bool wippyi_restart_again(const wippyi_restart *restart, uint64_t stable_ns,
                                    uint64_t run_ns, uint32_t *failures)
{
    *failures = run_ns >= stable_ns ? 1 : *failures + (*failures < UINT32_MAX ? 1 : 0);
    return restart->max_attempts == 0 || *failures < restart->max_attempts;
}

/* ------------------------------------------------------------------ reading fields */

typedef struct wippyi_service_reader {
    wippy_slice data;
    wippy_diag *diag; /* never NULL */
    wippy_result result;
} wippyi_service_reader;

static void wippyi_service_reject(wippyi_service_reader *r, const char *format, ...)
    WIPPYI_PRINTF(2, 3);

static void wippyi_service_reject(wippyi_service_reader *r, const char *format, ...)
{
    va_list args;
    if (r->result != WIPPY_OK) {
        return;
    }
    va_start(args, format);
    r->result = WIPPY_ERR_INVALID;
    r->diag->code = WIPPY_ERR_INVALID;
    vsnprintf(r->diag->message, sizeof(r->diag->message), format, args);
    va_end(args);
}

static bool wippyi_service_slice_is(wippy_slice slice, const char *text)
{
    return strlen(text) == slice.size &&
           (slice.size == 0 || memcmp(slice.data, text, slice.size) == 0);
}

static bool wippyi_service_field(const wippyi_service_reader *r, const char *path, wippy_slice *out)
{
    return wippy_value_get(r->data, path, out) == WIPPY_OK &&
           wippy_value_type_of(*out) != WIPPY_NIL;
}

/* A duration as text; missing or zero gives the default. */
static uint64_t wippyi_service_duration(wippyi_service_reader *r, const char *path,
                                        int64_t default_ns)
{
    wippy_slice value;
    int64_t ns = 0;
    if (!wippyi_service_field(r, path, &value)) {
        return (uint64_t)default_ns;
    }
    wippy_slice text = wippy_value_string(value, "", NULL);
    bool zero = wippy_value_type_of(value) == WIPPY_INT && wippy_value_int(value, "", 1) == 0;
    if (!zero &&
        (!text.data || wippy_duration_parse(text.data, text.size, &ns) != WIPPY_OK || ns < 0)) {
        wippyi_service_reject(r, "%s must be a duration such as 10s", path);
    }
    return (uint64_t)(ns > 0 ? ns : default_ns);
}

/* A number in steps of 1 / scale. A negative one, or one above `most`, is refused. */
static uint32_t wippyi_service_number(wippyi_service_reader *r, const char *path, double fallback,
                                      double scale, double most)
{
    wippy_slice value;
    double number = fallback;
    if (wippyi_service_field(r, path, &value)) {
        wippy_value_type type = wippy_value_type_of(value);
        number = wippy_value_float(value, "", -1);
        if ((type != WIPPY_INT && type != WIPPY_FLOAT) || !(number >= 0 && number <= most)) {
            wippyi_service_reject(r, "%s must be a number from 0 to %g", path, most);
            number = fallback;
        }
    }
    return (uint32_t)(number * scale + 0.5);
}

static bool wippyi_service_flag(wippyi_service_reader *r, const char *path)
{
    wippy_slice value;
    if (!wippyi_service_field(r, path, &value)) {
        return false;
    }
    if (wippy_value_type_of(value) != WIPPY_BOOL) {
        wippyi_service_reject(r, "%s must be true or false", path);
    }
    return wippy_value_bool(value, "", false);
}

static uint64_t wippyi_service_initial(wippyi_service_reader *r)
{
    wippy_slice value;
    const char *path = "lifecycle.restart.initial_delay";
    if (!wippyi_service_field(r, path, &value)) {
        path = "lifecycle.restart.delay";
    }
    return wippyi_service_duration(r, path, WIPPYI_NS_PER_S);
}

static void wippyi_service_map(wippyi_service_reader *r, const char *path, wippy_slice *out)
{
    memset(out, 0, sizeof(*out));
    if (wippyi_service_field(r, path, out) && wippy_value_type_of(*out) != WIPPY_MAP) {
        wippyi_service_reject(r, "%s must be a map", path);
    }
}

static void wippyi_service_lifecycle(wippyi_service_reader *r, wippyi_service_config *config)
{
    wippy_slice map;
    wippy_slice startup = wippy_value_string(r->data, "lifecycle.startup", "");
    wippyi_service_map(r, "lifecycle", &map);
    wippyi_service_map(r, "lifecycle.restart", &map);
    config->auto_start = wippyi_service_flag(r, "lifecycle.auto_start");
    config->optional = wippyi_service_slice_is(startup, "optional");
    config->start_timeout_ns =
        wippyi_service_duration(r, "lifecycle.start_timeout", 10 * WIPPYI_NS_PER_S);
    config->stop_timeout_ns =
        wippyi_service_duration(r, "lifecycle.stop_timeout", 10 * WIPPYI_NS_PER_S);
    config->stable_ns =
        wippyi_service_duration(r, "lifecycle.stable_threshold", 5 * WIPPYI_NS_PER_S);
    config->restart.initial_ns = wippyi_service_initial(r);
    config->restart.max_ns =
        wippyi_service_duration(r, "lifecycle.restart.max_delay", 90 * WIPPYI_NS_PER_S);
    config->restart.factor_milli =
        wippyi_service_number(r, "lifecycle.restart.backoff_factor", 2, 1000, 1000);
    if (config->restart.factor_milli == 0) {
        config->restart.factor_milli = 2000;
    }
    config->restart.jitter_ppm =
        wippyi_service_number(r, "lifecycle.restart.jitter", 0.1, 1000000, 1);
    config->restart.max_attempts =
        wippyi_service_number(r, "lifecycle.restart.max_attempts", 0, 1, 1000000000);
    wippyi_service_map(r, "lifecycle.security", &config->security);
}

static void wippyi_service_input(wippyi_service_reader *r, wippyi_service_config *config)
{
    wippy_slice list;
    wippy_value_iter it;
    if (!wippyi_service_field(r, "input", &list)) {
        return;
    }
    if (wippy_value_type_of(list) != WIPPY_ARRAY) {
        wippyi_service_reject(r, "input must be a list");
    }
    for (wippy_value_each(list, &it); wippy_value_next(&it);) {
        if (config->input_count++ == 0) {
            config->input.data = it.value.data;
        }
        config->input.size = (size_t)(it.value.data + it.value.size - config->input.data);
    }
}

/* A count; 0 means the default. What is no whole number is no count either. */
static int64_t wippyi_service_count(wippyi_service_reader *r, const char *path, const char *what)
{
    wippy_slice value;
    int64_t number = 0;
    if (wippyi_service_field(r, path, &value)) {
        number = wippy_value_int(value, "", -1);
    }
    if (number < 0) {
        wippyi_service_reject(r, "%s must be greater than 0", what);
    }
    return WIPPYI_MAX(number, 0);
}

static uint32_t wippyi_service_positive(wippyi_service_reader *r, const char *path,
                                        const char *what)
{
    return (uint32_t)WIPPYI_MIN(wippyi_service_count(r, path, what), (int64_t)INT32_MAX);
}

static void wippyi_service_host_fields(wippyi_service_reader *r, wippyi_service_config *config)
{
    wippyi_service_map(r, "host", &config->host_fields);
    config->workers = wippyi_service_positive(r, "host.workers", "workers");
    (void)wippyi_service_positive(r, "host.queue_size", "queue size"); /* queues grow: a hint */
    (void)wippyi_service_positive(r, "host.local_queue_size", "local queue size");
    config->max_processes = wippyi_service_positive(r, "host.max_processes", "max processes");
    config->mailbox_limit = wippyi_service_positive(r, "host.mailbox_limit", "mailbox limit");
    config->step_budget = wippyi_service_positive(r, "host.step_budget", "step budget");
    config->memory_limit = (uint64_t)wippyi_service_count(r, "host.memory_limit", "memory limit");
}

/* ------------------------------------------------------------------ one block
   The struct, the requirements, then the completed ids. Ids are visited twice: to be counted, then
   to be copied. */

typedef struct wippyi_service_ids {
    const char *owner;
    wippyi_requirement *requirements; /* NULL while counting */
    char *at;                         /* NULL while counting */
    size_t count;
    size_t bytes;
    bool too_long;
} wippyi_service_ids;

static const char *wippyi_service_id(wippyi_service_ids *ids, wippy_slice id)
{
    char *start = ids->at;
    size_t size = wippy_id_complete(id.data, id.size, ids->owner, NULL, 0) + 1;
    ids->too_long = ids->too_long || size > WIPPYI_SERVICE_ID_MAX;
    ids->bytes += size;
    if (start) {
        (void)wippy_id_complete(id.data, id.size, ids->owner, start, size);
        ids->at += size;
    }
    return start;
}

static void wippyi_service_require(wippyi_service_ids *ids, const char *id)
{
    if (ids->requirements) {
        ids->requirements[ids->count].id = id;
        ids->requirements[ids->count].target = NULL;
    }
    ids->count++;
}

static void wippyi_service_require_list(wippyi_service_reader *r, wippyi_service_ids *ids,
                                        const char *path)
{
    wippy_slice list;
    wippy_value_iter it;
    if (!wippyi_service_field(r, path, &list)) {
        return;
    }
    if (wippy_value_type_of(list) == WIPPY_STRING) {
        wippyi_service_require(ids, wippyi_service_id(ids, wippy_value_string(list, "", "")));
        return;
    }
    if (wippy_value_type_of(list) != WIPPY_ARRAY) {
        wippyi_service_reject(r, "%s must be a list of ids", path);
    }
    for (wippy_value_each(list, &it); wippy_value_next(&it);) {
        wippy_slice id = wippy_value_string(it.value, "", NULL);
        if (!id.data) {
            wippyi_service_reject(r, "%s must be a list of ids", path);
            return;
        }
        wippyi_service_require(ids, wippyi_service_id(ids, id));
    }
}

static const char *wippyi_service_required_id(wippyi_service_reader *r, wippyi_service_ids *ids,
                                              const char *path)
{
    wippy_slice id = wippy_value_string(r->data, path, "");
    if (id.size == 0) {
        wippyi_service_reject(r, "%s is required", path);
        return "";
    }
    return wippyi_service_id(ids, id);
}

static void wippyi_service_all_ids(wippyi_service_reader *r, wippyi_service_ids *ids,
                                   wippyi_service_config *config)
{
    if (config->type == WIPPYI_SERVICE_PROCESS) {
        config->process = wippyi_service_required_id(r, ids, "process");
        config->host = wippyi_service_required_id(r, ids, "host");
        wippyi_service_require(ids, config->host);
    }
    wippyi_service_require_list(r, ids, "lifecycle.requires");
    wippyi_service_require_list(r, ids, "lifecycle.depends_on");
}

static wippyi_service_type wippyi_service_type_of(const char *kind)
{
    return strcmp(kind, "process.host") == 0    ? WIPPYI_SERVICE_HOST
           : strcmp(kind, "terminal.host") == 0 ? WIPPYI_SERVICE_TERMINAL
           : strcmp(kind, "pg.scope") == 0      ? WIPPYI_SERVICE_SCOPE
                                                : WIPPYI_SERVICE_PROCESS;
}

static void wippyi_service_fill(wippyi_service_reader *r, wippyi_service_config *config)
{
    wippyi_service_lifecycle(r, config);
    if (config->type == WIPPYI_SERVICE_PROCESS) {
        wippyi_service_input(r, config);
    } else if (config->type != WIPPYI_SERVICE_SCOPE) {
        wippyi_service_host_fields(r, config);
    }
}

static wippyi_service_config *
wippyi_service_block(wippyi_mem *mem, const wippyi_service_config *from, wippyi_service_ids *ids)
{
    size_t list = ids->count * sizeof(wippyi_requirement);
    size_t bytes = sizeof(wippyi_service_config) + list + ids->bytes;
    wippyi_service_config *config = (wippyi_service_config *)wippyi_mem_alloc(mem, bytes);
    if (!config) {
        return NULL;
    }
    *config = *from;
    config->bytes = bytes;
    config->requirements = (wippyi_requirement *)(void *)(config + 1);
    config->requirement_count = ids->count;
    ids->requirements = config->requirements;
    ids->at = (char *)(config + 1) + list;
    ids->count = 0;
    return config;
}

WIPPYI_FN wippy_result wippyi_service_read(wippy_runtime *rt, wippyi_mem *mem, wippy_entry *entry,
                                           const char *id, const char *kind, wippy_slice data,
                                           wippyi_service_config **out, wippy_diag *diag)
{
    wippyi_service_config draft;
    wippyi_service_reader r;
    wippyi_service_ids ids;
    memset(&draft, 0, sizeof(draft));
    memset(&ids, 0, sizeof(ids));
    r.data = data;
    r.diag = diag;
    r.result = WIPPY_OK;
    ids.owner = id;
    draft.rt = rt;
    draft.mem = mem;
    draft.id = id;
    draft.kind = kind;
    draft.type = wippyi_service_type_of(kind);
    wippyi_service_fill(&r, &draft);
    wippyi_service_all_ids(&r, &ids, &draft);
    if (ids.too_long) {
        wippyi_service_reject(&r, "an id is longer than %d bytes", WIPPYI_SERVICE_ID_MAX - 1);
    }
    if (r.result != WIPPY_OK) {
        return r.result;
    }
    wippyi_service_config *config = wippyi_service_block(mem, &draft, &ids);
    if (!config) {
        return WIPPY_ERR_NOMEM;
    }
    wippyi_service_all_ids(&r, &ids, config);
    wippyi_a32_init(&config->refs, 1);
    config->entry = entry ? wippy_entry_hold(entry) : NULL;
    if (config->host && strcmp(config->host, "node:control") == 0) {
        wippyi_service_reject(&r, "host must not be node:control");
        wippyi_service_release(config);
        return r.result;
    }
    *out = config;
    return WIPPY_OK;
}

WIPPYI_FN wippyi_service_config *wippyi_service_hold(wippyi_service_config *config)
{
    /* relaxed: whoever holds a count sees the configuration */
    wippyi_a32_add_rlx(&config->refs, 1);
    return config;
}

WIPPYI_FN void wippyi_service_release(wippyi_service_config *config)
{
    /* acq_rel: reads of other holders come before the free of the last one */
    if (config && wippyi_a32_sub_acqrel(&config->refs, 1) == 1) {
        if (config->entry) {
            wippy_entry_release(config->rt, config->entry);
        }
        wippyi_mem_free(config->mem, config, config->bytes);
    }
}

WIPPYI_FN bool wippyi_service_same_host(const wippyi_service_config *a,
                                        const wippyi_service_config *b)
{
    return a->type == b->type && a->max_processes == b->max_processes &&
           a->mailbox_limit == b->mailbox_limit && a->step_budget == b->step_budget &&
           a->memory_limit == b->memory_limit;
}
