/* ========================================================================== >>lua/mod_funcs.c */
#include "mod_funcs.h"

#include "errors.h"
#include "machine.h"
#include "spawner.h"

#include <stdio.h>
#include <string.h>

#define WIPPYLI_FUNCS_POOL         "system:functions"
#define WIPPYLI_FUNCS_DEFAULT_SIZE 100 /* calls at once without `pool` */
#define WIPPYLI_FUNCS_LAZY_SIZE    16  /* with `type: lazy` and no size */
#define WIPPYLI_FUNCS_SPAWN_CALL   32u /* flag of wippy_exec(): the rights are asked here */

/* ------------------------------------------------------------------ functions
   One record for each function ever called, kept until the runtime ends. */

typedef struct wippyli_call wippyli_call;

typedef struct wippyli_function {
    wippyli_record record; /* in common->functions */
    uint64_t revision;     /* of the entry when last called; guarded by the common lock, as below */
    uint32_t generation;
    uint32_t limit; /* calls at once; 0 = any number */
    uint32_t active;
    wippyli_call *waiting; /* calls that wait for their turn, oldest first */
    wippyli_call *waiting_last;
} wippyli_function;

typedef enum wippyli_call_state {
    WIPPYLI_CALL_NEW = 0,
    WIPPYLI_CALL_WAITING, /* for its turn, or for the next attempt */
    WIPPYLI_CALL_RUNNING,
    WIPPYLI_CALL_ENDED
} wippyli_call_state;

/* What a call answered, in memory of the process. */
typedef struct wippyli_answer {
    wippy_result result;
    char *data; /* encoded value or error; NULL = none */
    size_t size;
} wippyli_answer;

typedef struct wippyli_future wippyli_future;

struct wippyli_call {
    wippyli_cleanup cleanup;
    wippyli_yield yield; /* the turn, the next attempt, or the callee */
    wippyli_yield timer; /* of the option timeout */
    wippyli_common *common;
    wippyli_function *function;
    wippyli_call *next; /* in function->waiting; guarded by the common lock, as the two below */
    bool queued;
    bool holds;    /* it counts in function->active */
    uint8_t state; /* wippyli_call_state */
    wippy_host host;
    wippy_frame *frame; /* held; NULL = the caller's */
    char *data;         /* arguments */
    size_t size;
    uint32_t count;
    uint32_t attempts; /* left, besides the running one */
    uint64_t timeout_ns;
    uint64_t delay_ns; /* before the next attempt */
    double backoff;
    wippyli_task *task;     /* waits for the end; NULL: the future does */
    wippyli_future *future; /* waits otherwise; a canceled one takes the call with it */
    wippyli_answer answer;  /* for task */
    char label[224];
};

/* How many calls at once `pool` of an entry allows. */
static uint32_t wippyli_function_limit(wippy_slice data)
{
    wippy_slice pool;
    if (wippy_value_get(data, "pool", &pool) != WIPPY_OK) {
        return WIPPYLI_FUNCS_DEFAULT_SIZE;
    }
    wippy_slice type = wippy_value_string(pool, "type", "");
    if (type.size == 6 && memcmp(type.data, "inline", 6) == 0) {
        return 0;
    }
    bool fixed = type.size == 6 && memcmp(type.data, "static", 6) == 0;
    bool lazy = type.size == 4 && memcmp(type.data, "lazy", 4) == 0;
    int64_t size = wippy_value_int(pool, "size", wippy_value_int(pool, "workers", 0));
    if (!fixed || size <= 0) {
        size = wippy_value_int(pool, "max_size", fixed ? size : 0);
    }
    if (size <= 0 || size > UINT32_MAX) {
        size = lazy ? WIPPYLI_FUNCS_LAZY_SIZE : WIPPYLI_FUNCS_DEFAULT_SIZE;
    }
    return (uint32_t)size;
}

/* ------------------------------------------------------------------ turns */

static void wippyli_call_launch(wippyli_process *process, wippyli_call *call);
static void wippyli_call_end(wippyli_process *process, wippyli_call *call, wippy_result result,
                             const void *data, size_t size);

/* A call gives its place up: the oldest one that waits takes it. When the process of that one is just
   ending, it gives the place up itself. */
static void wippyli_function_pass(wippyli_common *common, wippyli_function *function)
{
    wippy_token token;
    memset(&token, 0, sizeof(token));
    wippyli_lock_take(&common->lock);
    wippyli_call *next = function->waiting;
    if (!next || (function->limit != 0 && function->active > function->limit)) {
        function->active--;
        next = NULL;
    } else {
        function->waiting = next->next;
        next->queued = false;
        next->holds = true;
        token = next->yield.token; /* the call may vanish from here on */
    }
    wippyli_lock_drop(&common->lock);
    if (next) {
        (void)wippy_complete(common->rt, token, WIPPY_OK, NULL, 0, 0);
    }
}

/* Take a place among the running calls, or a place in the line. */
static bool wippyli_call_enter(wippyli_call *call, bool wait)
{
    wippyli_function *function = call->function;
    wippyli_lock_take(&call->common->lock);
    bool free = function->limit == 0 || function->active < function->limit;
    if (free) {
        function->active++;
        call->holds = true;
    } else if (wait) {
        call->next = NULL;
        call->queued = true;
        if (function->waiting) {
            function->waiting_last->next = call;
        } else {
            function->waiting = call;
        }
        function->waiting_last = call;
    }
    wippyli_lock_drop(&call->common->lock);
    return free;
}

static void wippyli_call_unqueue(wippyli_call *call)
{
    wippyli_call *before = NULL;
    wippyli_call **link = &call->function->waiting;
    while (*link != call) {
        before = *link;
        link = &before->next;
    }
    *link = call->next;
    if (call->function->waiting_last == call) {
        call->function->waiting_last = before;
    }
    call->queued = false;
}

/* Leave the line, or the place among the running calls. */
static void wippyli_call_leave(wippyli_call *call)
{
    if (!call->function) {
        return;
    }
    wippyli_lock_take(&call->common->lock);
    bool held = call->holds;
    call->holds = false;
    if (call->queued) {
        wippyli_call_unqueue(call);
    }
    wippyli_lock_drop(&call->common->lock);
    if (held) {
        wippyli_function_pass(call->common, call->function);
    }
}

/* Its turn, or its next attempt. */
static void wippyli_call_turn(wippyli_process *process, wippyli_yield *yield,
                              const wippy_mail *mail)
{
    (void)mail;
    wippyli_call_launch(process,
                        (wippyli_call *)(void *)((char *)yield - offsetof(wippyli_call, yield)));
}

/* Begin the call, at once or when it is its turn. */
static void wippyli_call_begin(wippyli_process *process, wippyli_call *call)
{
    if (!call->function || wippyli_call_enter(call, false)) {
        wippyli_call_launch(process, call);
        return;
    }
    call->yield.done = wippyli_call_turn;
    uint64_t tag = wippyli_yield_open(process, &call->yield);
    if (tag == 0 || wippy_open(wippyli_self(process), tag, &call->yield.token) != WIPPY_PENDING) {
        wippyli_yield_refused(process, &call->yield);
        wippyli_call_end(process, call, WIPPY_ERR_LIMIT, NULL, 0);
        return;
    }
    call->state = WIPPYLI_CALL_WAITING;
    if (wippyli_call_enter(call, true)) { /* a place became free meanwhile */
        wippyli_yield_drop(process, &call->yield);
        wippyli_call_launch(process, call);
    }
}

/* ------------------------------------------------------------------ life of a call */

static void wippyli_answer_free(wippyli_process *process, wippyli_answer *answer)
{
    if (answer->data) {
        wippyli_put(process, answer->data, answer->size);
    }
    answer->data = NULL;
    answer->size = 0;
}

/* Keep a copy of an answer; without memory it becomes that failure. */
static void wippyli_answer_set(wippyli_process *process, wippyli_answer *answer,
                               wippy_result result, const void *data, size_t size)
{
    answer->result = result;
    answer->size = size;
    answer->data = size > 0 ? (char *)wippyli_get(process, size) : NULL;
    if (answer->data) {
        memcpy(answer->data, data, size);
    } else if (size > 0) {
        answer->size = 0;
        answer->result = WIPPY_ERR_LIMIT;
    }
}

/* Push the error of a failed answer. */
static void wippyli_answer_push_error(lua_State *L, const wippyli_answer *answer)
{
    if (answer->size > 0) {
        wippyli_decode(L, answer->data, answer->size, 1);
    } else {
        const char *text = answer->result == WIPPY_ERR_LIMIT ? "memory limit exceeded"
                                                             : wippy_result_text(answer->result);
        wippyli_error_push(L, wippy_result_kind(answer->result), text, 0);
    }
}

static void wippyli_call_release_outside(wippyli_call *call)
{
    wippyli_call_leave(call);
    if (call->frame) {
        wippy_frame_release(call->common->rt, call->frame);
        call->frame = NULL;
    }
}

/* The process ends with the call under way: its yields go with it. */
static void wippyli_call_abandoned(wippyli_process *process, wippyli_cleanup *cleanup)
{
    (void)process;
    wippyli_call_release_outside(
        (wippyli_call *)(void *)((char *)cleanup - offsetof(wippyli_call, cleanup)));
}

static wippyli_call *wippyli_call_make(wippyli_process *process)
{
    wippyli_call *call = (wippyli_call *)wippyli_get(process, sizeof(*call));
    if (call) {
        memset(call, 0, sizeof(*call));
        call->cleanup.run = wippyli_call_abandoned;
        wippyli_cleanup_add(process, &call->cleanup);
    }
    return call;
}

static void wippyli_call_free(wippyli_process *process, wippyli_call *call)
{
    wippyli_cleanup_remove(process, &call->cleanup);
    wippyli_call_release_outside(call);
    wippyli_answer_free(process, &call->answer);
    if (call->data) {
        wippyli_put(process, call->data, call->size);
    }
    wippyli_put(process, call, sizeof(*call));
}

static void wippyli_future_complete(wippyli_process *process, wippyli_future *future,
                                    wippy_result result, const void *data, size_t size);

static void wippyli_call_end(wippyli_process *process, wippyli_call *call, wippy_result result,
                             const void *data, size_t size)
{
    wippyli_yield_drop(process, &call->timer);
    call->state = WIPPYLI_CALL_ENDED;
    if (call->task) {
        wippyli_answer_set(process, &call->answer, result, data, size);
        wippyli_call_release_outside(call);
        wippyli_task_ready(process, call->task, WIPPYLI_WAKE_RUN);
        return; /* the coroutine frees it */
    }
    wippyli_future_complete(process, call->future, result, data, size);
    wippyli_call_free(process, call);
}

/* ---- the callee */

/* May the error say that another attempt is worth it? */
static bool wippyli_call_retries(const wippyli_call *call, const wippy_mail *mail)
{
    wippy_reader reader;
    wippy_value value;
    if (call->attempts == 0 || mail->result == WIPPY_OK) {
        return false;
    }
    wippy_reader_init(&reader, wippy_mail_data(mail), mail->size);
    return wippy_read(&reader, &value) == WIPPY_OK && value.type == WIPPY_ERROR &&
           value.as.error.retryable != 0;
}

/* Wait before the next attempt. False: not possible, the failure stands. */
static bool wippyli_call_retry(wippyli_process *process, wippyli_call *call)
{
    call->yield.done = wippyli_call_turn;
    uint64_t tag = wippyli_yield_open(process, &call->yield);
    if (tag == 0 || wippy_timer(wippyli_self(process), call->delay_ns, tag, &call->yield.token) !=
                        WIPPY_PENDING) {
        wippyli_yield_refused(process, &call->yield);
        return false;
    }
    call->attempts--;
    call->delay_ns = (uint64_t)((double)call->delay_ns * call->backoff);
    return true;
}

static void wippyli_call_done(wippyli_process *process, wippyli_yield *yield,
                              const wippy_mail *mail)
{
    wippyli_call *call = (wippyli_call *)(void *)((char *)yield - offsetof(wippyli_call, yield));
    if (wippyli_call_retries(call, mail) && wippyli_call_retry(process, call)) {
        return;
    }
    bool has_value = mail->count > 0;
    wippyli_call_end(process, call, (wippy_result)mail->result,
                     has_value ? wippy_mail_data(mail) : NULL, has_value ? mail->size : 0);
}

/* End with an error made of a diag. */
static void wippyli_call_refused(wippyli_process *process, wippyli_call *call, wippy_result result,
                                 const char *text)
{
    wippy_writer writer;
    wippy_slice encoded = {NULL, 0};
    const char *kind = wippy_result_kind(result);
    wippy_writer_init(&writer, wippyli_runtime(process));
    wippy_write_error(&writer, kind, strlen(kind), text, strlen(text), 0);
    wippy_write_end(&writer);
    wippy_writer_finish(&writer, &encoded);
    wippyli_call_end(process, call, result, encoded.data, encoded.size);
    wippy_writer_free(&writer);
}

static void wippyli_call_launch(wippyli_process *process, wippyli_call *call)
{
    wippy_spawn_desc desc;
    wippy_diag diag;
    memset(&desc, 0, sizeof(desc));
    diag.message[0] = 0;
    call->state = WIPPYLI_CALL_RUNNING;
    call->yield.done = wippyli_call_done;
    desc.tag = wippyli_yield_open(process, &call->yield);
    if (desc.tag == 0) {
        wippyli_call_end(process, call, WIPPY_ERR_LIMIT, NULL, 0);
        return;
    }
    desc.entry = call->function ? call->function->record.name : call->label;
    desc.label = call->function ? call->label : NULL;
    desc.host = call->host;
    desc.frame = call->frame;
    desc.flags = WIPPYLI_FUNCS_SPAWN_CALL;
    desc.data = call->data;
    desc.size = call->size;
    desc.count = call->count;
    wippy_result result = wippy_exec(wippyli_self(process), &desc, &call->yield.token, &diag);
    if (result != WIPPY_PENDING) {
        wippyli_yield_refused(process, &call->yield);
        wippyli_call_refused(process, call, result,
                             diag.message[0] ? diag.message : wippy_result_text(result));
    }
}

static void wippyli_call_late(wippyli_process *process, wippyli_yield *yield,
                              const wippy_mail *mail)
{
    wippyli_call *call = (wippyli_call *)(void *)((char *)yield - offsetof(wippyli_call, timer));
    (void)mail;
    wippyli_yield_drop(process, &call->yield); /* cancels the callee */
    wippyli_call_end(process, call, WIPPY_ERR_TIMEOUT, NULL, 0);
}

static void wippyli_call_start(wippyli_process *process, wippyli_call *call)
{
    if (call->timeout_ns > 0) {
        call->timer.done = wippyli_call_late;
        uint64_t tag = wippyli_yield_open(process, &call->timer);
        if (tag == 0 || wippy_timer(wippyli_self(process), call->timeout_ns, tag,
                                    &call->timer.token) != WIPPY_PENDING) {
            wippyli_yield_refused(process, &call->timer);
            wippyli_call_end(process, call, WIPPY_ERR_LIMIT, NULL, 0);
            return;
        }
    }
    wippyli_call_begin(process, call);
}

/* ------------------------------------------------------------------ where calls run */

static bool wippyli_has_workers(wippy_runtime *rt)
{
    wippy_host hosts[64];
    size_t count = wippy_hosts(rt, hosts, WIPPYLI_COUNT(hosts));
    for (size_t i = 0; i < count && i < WIPPYLI_COUNT(hosts); i++) {
        wippy_host_info info;
        if (wippy_host_stats(rt, hosts[i], &info) == WIPPY_OK && info.kind != WIPPY_HOST_PUMP) {
            return true;
        }
    }
    return false;
}

/* The host of this module, made now if it is not there; zero when it cannot be made. */
static wippy_host wippyli_funcs_pool(wippyli_common *common)
{
    wippy_host host = {0};
    wippy_host_desc desc;
    if (wippy_host_find(common->rt, WIPPYLI_FUNCS_POOL, &host) == WIPPY_OK) {
        return host;
    }
    memset(&desc, 0, sizeof(desc));
    desc.name = WIPPYLI_FUNCS_POOL;
    desc.workers = wippyli_machine_cpus();
    if (wippy_host_create(common->rt, &desc, &host) == WIPPY_ERR_EXISTS) {
        (void)wippy_host_find(common->rt, WIPPYLI_FUNCS_POOL, &host); /* another one was quicker */
    }
    return host;
}

static wippy_host wippyli_call_host(wippyli_process *process, wippyli_common *common)
{
    wippy_host own = {0};
    wippy_host_kind kind = wippy_self_host_kind(wippyli_self(process));
    if (kind == WIPPY_HOST_POOL || (kind == WIPPY_HOST_PUMP && !wippyli_has_workers(common->rt))) {
        return own;
    }
    return wippyli_funcs_pool(common);
}

/* ------------------------------------------------------------------ what is called */

/* Nobody answers under this id. */
static wippy_result wippyli_target_none(wippy_diag *diag)
{
    snprintf(diag->message, sizeof(diag->message), "no handler registered for target");
    return WIPPY_ERR_NOTFOUND;
}

/* A process is started on the host its entry names. */
static wippy_result wippyli_target_process(wippyli_call *call, const wippy_entry *entry,
                                           wippy_diag *diag)
{
    char name[256];
    wippy_slice meta = wippy_entry_meta(entry);
    wippy_slice host = wippy_value_string(meta, "default_host", NULL);
    if (!host.data) {
        host = wippy_value_string(meta, "options.default_host", NULL);
    }
    if (host.size == 0 || host.size >= sizeof(name)) {
        return wippyli_target_none(diag);
    }
    memcpy(name, host.data, host.size);
    name[host.size] = 0;
    snprintf(call->label, sizeof(call->label), "%s", wippy_entry_id(entry));
    if (strlen(wippy_entry_id(entry)) >= sizeof(call->label)) {
        return wippyli_target_none(diag);
    }
    if (wippy_host_find(call->common->rt, name, &call->host) != WIPPY_OK) {
        snprintf(diag->message, sizeof(diag->message), "host not found");
        return WIPPY_ERR_NOTFOUND;
    }
    return WIPPY_OK;
}

static wippy_result wippyli_target_function(wippyli_process *process, wippyli_call *call,
                                            const wippy_entry *entry)
{
    const char *id = wippy_entry_id(entry);
    wippyli_function *function = (wippyli_function *)(void *)wippyli_record_get(
        call->common, call->common->functions, id, sizeof(*function));
    if (!function) {
        return WIPPY_ERR_NOMEM;
    }
    wippyli_lock_take(&call->common->lock);
    if (function->revision != wippy_entry_revision(entry)) {
        function->revision = wippy_entry_revision(entry);
        function->generation++;
        function->limit = wippyli_function_limit(wippy_entry_data(entry));
    }
    uint32_t generation = function->generation;
    wippyli_lock_drop(&call->common->lock);
    int size = snprintf(call->label, sizeof(call->label), "%s#lua.%u", id, (unsigned)generation);
    if (size >= 200) {
        snprintf(call->label, sizeof(call->label), "#lua.%u", (unsigned)generation);
    }
    call->host = wippyli_call_host(process, call->common);
    call->function = function;
    return WIPPY_OK;
}

static void wippyli_call_retry_policy(wippyli_call *call, const wippy_entry *entry)
{
    wippy_slice retry;
    if (wippy_value_get(wippy_entry_meta(entry), "options.retry", &retry) != WIPPY_OK) {
        return;
    }
    int64_t attempts = wippy_value_int(retry, "max_attempts", 1);
    int64_t delay_ms = wippy_value_int(retry, "initial_delay", 0);
    call->attempts = attempts > 1 && attempts <= 1000 ? (uint32_t)attempts - 1 : 0;
    call->delay_ns = delay_ms > 0 ? (uint64_t)delay_ms * 1000000u : 0;
    call->backoff = wippy_value_float(retry, "backoff_factor", 1.0);
    if (!(call->backoff >= 0.0 && call->backoff <= 1000.0)) {
        call->backoff = 1.0;
    }
}

/* Find out what answers under `id`, and where it runs. */
static wippy_result wippyli_call_target(wippyli_process *process, wippyli_call *call,
                                        const char *id, wippy_diag *diag)
{
    wippy_runtime *rt = call->common->rt;
    wippy_entry *entry = NULL;
    uint32_t flags = 0;
    diag->message[0] = 0;
    if (wippy_entry_get(rt, id, &entry) != WIPPY_OK) {
        return wippyli_target_none(diag);
    }
    wippy_result result;
    (void)wippy_kind_flags(rt, wippy_entry_kind(entry), &flags); /* an unknown kind has none */
    if ((flags & WIPPY_KIND_CALLABLE) != 0) {
        result = wippyli_target_function(process, call, entry);
    } else if ((flags & WIPPY_KIND_PROCESS) != 0) {
        result = wippyli_target_process(call, entry, diag);
    } else {
        result = wippyli_target_none(diag);
    }
    if (result == WIPPY_OK) {
        wippyli_call_retry_policy(call, entry);
    }
    wippy_entry_release(rt, entry);
    return result;
}

/* ------------------------------------------------------------------ calls from Lua
   An Executor is userdata whose user value is a table: context, actor, scope, options. */

static const wippyli_class *wippyli_executor_class(void);

/* What is wrong with the id at `index`; NULL = nothing. */
static const char *wippyli_target_mistake(lua_State *L, int index)
{
    if (lua_isnoneornil(L, index)) {
        return "function ID required";
    }
    const char *id = luaL_checkstring(L, index);
    const char *colon = strchr(id, ':');
    if (!id[0]) {
        return "function ID required";
    }
    if (!colon || colon == id) {
        return "namespace required in function ID";
    }
    return colon[1] ? NULL : "name required in function ID";
}

/* Copy the arguments above `index` into the call. */
static wippy_result wippyli_call_arguments(lua_State *L, wippyli_call *call, int index)
{
    wippyli_process *process = wippyli_process_of(L);
    wippy_writer writer;
    wippy_slice encoded = {NULL, 0};
    int count = lua_gettop(L) - index;
    wippy_writer_init(&writer, call->common->rt);
    wippyli_encode(L, index + 1, count, &writer);
    wippy_result result = wippy_writer_finish(&writer, &encoded);
    if (result == WIPPY_OK && encoded.size > 0) {
        call->data = (char *)wippyli_get(process, encoded.size);
        result = call->data ? WIPPY_OK : WIPPY_ERR_NOMEM;
    }
    if (call->data) {
        memcpy(call->data, encoded.data, encoded.size);
        call->size = encoded.size;
        call->count = (uint32_t)count;
    }
    wippy_writer_free(&writer);
    return result;
}

/* Identity and options of the Executor at 1. */
static wippy_result wippyli_call_executor(lua_State *L, wippyli_call *call)
{
    int top = lua_gettop(L);
    wippy_result result = WIPPY_OK;
    lua_getiuservalue(L, 1, 1);
    int context = lua_getfield(L, top + 1, "context") == LUA_TTABLE ? top + 2 : 0;
    int actor = lua_getfield(L, top + 1, "actor") != LUA_TNIL ? top + 3 : 0;
    int scope = lua_getfield(L, top + 1, "scope") != LUA_TNIL ? top + 4 : 0;
    if (lua_getfield(L, top + 1, "options") == LUA_TTABLE) {
        lua_getfield(L, -1, "timeout");
        lua_Number ms = lua_tonumber(L, -1);
        call->timeout_ns = ms > 0 && ms < 9e12 ? (uint64_t)(ms * 1e6) : 0;
    }
    if (context || actor || scope) {
        result = wippyli_frame_of(L, context, actor, scope, &call->frame);
    }
    lua_settop(L, top);
    return result;
}

/* Everything up to the start. NULL: nil and an error object were pushed. When the target is missing
   *missing is set and the call must be ended with it. index: of the id. */
static wippyli_call *wippyli_call_prepare(lua_State *L, int index, wippy_result *missing,
                                          wippy_diag *diag)
{
    wippyli_process *process = wippyli_process_of(L);
    const char *mistake = wippyli_target_mistake(L, index);
    wippyli_stack_room(L, 16, "funcs");
    if (mistake) {
        wippyli_fail(L, "Invalid", "%s", mistake);
        return NULL;
    }
    const char *id = lua_tostring(L, index);
    if (!wippyli_may(L, "funcs.call", id)) {
        wippyli_fail(L, "PermissionDenied", "not allowed: %s", id);
        return NULL;
    }
    wippyli_call *call = wippyli_call_make(process);
    if (!call) {
        wippyli_rate_limited(L);
        return NULL;
    }
    call->common = wippyli_common_of(L);
    wippy_result result = wippyli_call_arguments(L, call, index);
    if (result == WIPPY_OK && index == 2) {
        result = wippyli_call_executor(L, call);
    }
    if (result != WIPPY_OK) {
        wippyli_call_free(process, call);
        if (result == WIPPY_ERR_NOMEM) {
            wippyli_rate_limited(L);
        } else {
            wippyli_fail(L, "Invalid", "%s", wippyli_encode_text(result));
        }
        return NULL;
    }
    *missing = wippyli_call_target(process, call, id, diag);
    return call;
}

static int wippyli_called(lua_State *L, int status, lua_KContext ctx)
{
    wippyli_call *call = (wippyli_call *)ctx;
    (void)status;
    bool good = call->answer.result == WIPPY_OK;
    if (!good || call->answer.size == 0) {
        lua_pushnil(L);
    }
    if (!good) {
        wippyli_answer_push_error(L, &call->answer);
    } else if (call->answer.size > 0) {
        wippyli_decode(L, call->answer.data, call->answer.size, 1);
    }
    wippyli_call_free(wippyli_process_of(L), call);
    if (good) {
        lua_pushnil(L);
    }
    return 2;
}

static int wippyli_funcs_do_call(lua_State *L, int index)
{
    wippyli_process *process = wippyli_process_of(L);
    wippy_diag diag;
    wippy_result missing = WIPPY_OK;
    wippyli_check_block(L, "funcs.call");
    wippyli_call *call = wippyli_call_prepare(L, index, &missing, &diag);
    if (!call) {
        return 2;
    }
    if (missing != WIPPY_OK) {
        wippyli_call_free(process, call);
        return wippyli_failed(L, missing, &diag);
    }
    call->task = process->running;
    wippyli_call_start(process, call);
    return wippyli_block(L, wippyli_called, (lua_KContext)call);
}

/* ------------------------------------------------------------------ futures
   The channel's extra bytes hold the address of the future; a table with weak keys keeps the future as
   long as its channel, which is anchored while the call is under way. */

typedef enum wippyli_future_state {
    WIPPYLI_FUTURE_PENDING = 0,
    WIPPYLI_FUTURE_DONE,
    WIPPYLI_FUTURE_FAILED,
    WIPPYLI_FUTURE_CANCELED
} wippyli_future_state;

struct wippyli_future {
    wippyli_call *call; /* NULL = ended */
    wippyli_channel *channel;
    wippyli_answer answer;
    int state; /* wippyli_future_state */
};

static const char wippyli_futures_key = 0;

static void wippyli_future_value(lua_State *L, const wippyli_future *future)
{
    if (future->answer.size > 0) {
        wippy_slice value;
        value.data = future->answer.data;
        value.size = future->answer.size;
        wippyli_payload_push_encoded(L, value);
    } else {
        lua_pushnil(L);
        wippyli_payload_push(L, lua_gettop(L), WIPPYLI_FORMAT_LUA);
        lua_remove(L, -2);
    }
}

static void wippyli_future_take(lua_State *L, wippyli_channel *channel)
{
    const wippyli_future *future = *(wippyli_future **)wippyli_channel_extra(channel);
    if (future->state == WIPPYLI_FUTURE_DONE) {
        wippyli_future_value(L, future);
    } else {
        wippyli_answer_push_error(L, &future->answer);
    }
}

static const wippyli_feed wippyli_future_feed = {wippyli_future_take, sizeof(wippyli_future *)};

static void wippyli_future_complete(wippyli_process *process, wippyli_future *future,
                                    wippy_result result, const void *data, size_t size)
{
    future->call = NULL;
    wippyli_answer_set(process, &future->answer, result, data, size);
    future->state = future->answer.result == WIPPY_OK ? WIPPYLI_FUTURE_DONE : WIPPYLI_FUTURE_FAILED;
    wippyli_channel_offer(process, future->channel);
    wippyli_channel_close(process, future->channel);
    wippyli_channel_release(process, future->channel);
}

static const wippyli_class *wippyli_future_class(void);

static wippyli_future *wippyli_future_check(lua_State *L)
{
    return (wippyli_future *)wippyli_object_check(L, 1, wippyli_future_class());
}

/* Push a future that waits for a call, and anchor its channel. */
static wippyli_future *wippyli_future_push(lua_State *L)
{
    wippyli_future *future =
        (wippyli_future *)wippyli_object_push(L, wippyli_future_class(), sizeof(*future), 1);
    memset(future, 0, sizeof(*future));
    int at = lua_gettop(L);
    if (lua_rawgetp(L, LUA_REGISTRYINDEX, &wippyli_futures_key) != LUA_TTABLE) {
        lua_newtable(L);
        lua_createtable(L, 0, 1);
        lua_pushliteral(L, "k");
        lua_setfield(L, -2, "__mode");
        lua_setmetatable(L, -2);
        lua_pushvalue(L, -1);
        lua_rawsetp(L, LUA_REGISTRYINDEX, &wippyli_futures_key);
        lua_remove(L, at + 1);
    }
    future->channel = wippyli_channel_push(L, 1, &wippyli_future_feed);
    *(wippyli_future **)wippyli_channel_extra(future->channel) = future;
    lua_pushvalue(L, -1);
    lua_setiuservalue(L, at, 1);
    lua_pushvalue(L, -1);
    lua_pushvalue(L, at);
    lua_rawset(L, at + 1);
    wippyli_channel_anchor(L, -1);
    lua_settop(L, at);
    return future;
}

static int wippyli_funcs_do_async(lua_State *L, int index)
{
    wippyli_process *process = wippyli_process_of(L);
    wippy_diag diag;
    wippy_result missing = WIPPY_OK;
    wippyli_call *call = wippyli_call_prepare(L, index, &missing, &diag);
    if (!call) {
        return 2;
    }
    call->future = wippyli_future_push(L);
    call->future->call = call;
    if (missing != WIPPY_OK) {
        wippyli_call_refused(process, call, missing,
                             diag.message[0] ? diag.message : wippy_result_text(missing));
    } else {
        wippyli_call_start(process, call);
    }
    return 1;
}

static int wippyli_future_channel(lua_State *L)
{
    wippyli_future_check(L);
    lua_getiuservalue(L, 1, 1);
    return 1;
}

static int wippyli_future_is_complete(lua_State *L)
{
    lua_pushboolean(L, wippyli_future_check(L)->state != WIPPYLI_FUTURE_PENDING);
    return 1;
}

static int wippyli_future_is_canceled(lua_State *L)
{
    lua_pushboolean(L, wippyli_future_check(L)->state == WIPPYLI_FUTURE_CANCELED);
    return 1;
}

static int wippyli_future_result(lua_State *L)
{
    const wippyli_future *future = wippyli_future_check(L);
    switch (future->state) {
    case WIPPYLI_FUTURE_DONE: wippyli_future_value(L, future); break;
    default: lua_pushnil(L); break;
    }
    switch (future->state) {
    case WIPPYLI_FUTURE_FAILED: wippyli_answer_push_error(L, &future->answer); break;
    case WIPPYLI_FUTURE_CANCELED: wippyli_error_push(L, "Canceled", "canceled", 0); break;
    default: lua_pushnil(L); break;
    }
    return 2;
}

static int wippyli_future_error(lua_State *L)
{
    const wippyli_future *future = wippyli_future_check(L);
    bool failed = future->state == WIPPYLI_FUTURE_FAILED;
    if (failed) {
        wippyli_answer_push_error(L, &future->answer);
    } else if (future->state == WIPPYLI_FUTURE_CANCELED) {
        wippyli_error_push(L, "Canceled", "canceled", 0);
        failed = true;
    } else {
        lua_pushnil(L);
    }
    lua_pushboolean(L, failed);
    return 2;
}

static int wippyli_future_cancel(lua_State *L)
{
    wippyli_process *process = wippyli_process_of(L);
    wippyli_future *future = wippyli_future_check(L);
    wippyli_call *call = future->call;
    if (call) {
        future->call = NULL;
        future->state = WIPPYLI_FUTURE_CANCELED;
        wippyli_yield_drop(process, &call->yield);
        wippyli_yield_drop(process, &call->timer);
        wippyli_call_free(process, call);
        wippyli_channel_close(process, future->channel);
        wippyli_channel_release(process, future->channel);
    }
    lua_pushboolean(L, 1);
    lua_pushnil(L);
    return 2;
}

static int wippyli_future_collect(lua_State *L)
{
    wippyli_answer_free(wippyli_process_of(L), &wippyli_future_check(L)->answer);
    return 0;
}

static const luaL_Reg wippyli_future_methods[] = {{"response", wippyli_future_channel},
                                                  {"channel", wippyli_future_channel},
                                                  {"is_complete", wippyli_future_is_complete},
                                                  {"is_canceled", wippyli_future_is_canceled},
                                                  {"result", wippyli_future_result},
                                                  {"error", wippyli_future_error},
                                                  {"cancel", wippyli_future_cancel},
                                                  {"__gc", wippyli_future_collect},
                                                  {NULL, NULL}};

static const wippyli_class *wippyli_future_class(void)
{
    static const wippyli_class cls = {"Future", wippyli_future_methods};
    return &cls;
}

/* ------------------------------------------------------------------ executors */

static void wippyli_executor_check(lua_State *L)
{
    wippyli_object_check(L, 1, wippyli_executor_class());
}

/* Push a new Executor and its table, with the fields of the table at `from` (0 = none). */
static void wippyli_executor_push(lua_State *L, int from)
{
    wippyli_object_push(L, wippyli_executor_class(), 0, 1);
    lua_createtable(L, 0, 4);
    int table = lua_gettop(L);
    if (from) {
        lua_pushnil(L);
        while (lua_next(L, from)) {
            lua_pushvalue(L, -2);
            lua_insert(L, -2);
            lua_rawset(L, table);
        }
    }
    lua_pushvalue(L, table);
    lua_setiuservalue(L, table - 1, 1);
}

static int wippyli_funcs_new(lua_State *L)
{
    wippyli_executor_push(L, 0);
    lua_pop(L, 1);
    return 1;
}

/* A copy of the Executor at 1 in which `field` is the value on top. */
static int wippyli_executor_with(lua_State *L, const char *field)
{
    int value = lua_gettop(L);
    lua_getiuservalue(L, 1, 1);
    wippyli_executor_push(L, value + 1);
    lua_pushvalue(L, value);
    lua_setfield(L, -2, field);
    lua_pop(L, 1);
    return 1;
}

/* The table at `from` over what stands in the table at `into`. False: a key is no string. */
static bool wippyli_fields_merge(lua_State *L, int from, int into)
{
    lua_pushnil(L);
    while (lua_next(L, from)) {
        if (lua_type(L, -2) != LUA_TSTRING) {
            lua_pop(L, 2);
            return false;
        }
        lua_pushvalue(L, -2);
        lua_insert(L, -2);
        lua_rawset(L, into);
    }
    return true;
}

static int wippyli_executor_with_table(lua_State *L, const char *field)
{
    luaL_checktype(L, 2, LUA_TTABLE);
    lua_settop(L, 2);
    lua_getiuservalue(L, 1, 1);
    lua_getfield(L, 3, field);
    lua_newtable(L);
    if (lua_istable(L, 4)) {
        (void)wippyli_fields_merge(L, 4, 5); /* its keys were looked at when they came */
    }
    if (!wippyli_fields_merge(L, 2, 5)) {
        return wippyli_fail(L, "Invalid", "%s keys must be strings", field);
    }
    return wippyli_executor_with(L, field);
}

static int wippyli_executor_with_context(lua_State *L)
{
    wippyli_executor_check(L);
    if (!wippyli_may(L, "funcs.context", "context")) {
        return wippyli_fail(L, "PermissionDenied",
                            "not allowed to call functions with custom context");
    }
    return wippyli_executor_with_table(L, "context");
}

static int wippyli_executor_with_options(lua_State *L)
{
    wippyli_executor_check(L);
    return wippyli_executor_with_table(L, "options");
}

static int wippyli_executor_with_identity(lua_State *L, const char *field, bool good,
                                          const char *type)
{
    if (lua_isnoneornil(L, 2)) {
        return wippyli_fail(L, "Invalid", "%s cannot be nil", field);
    }
    if (!good) {
        return luaL_argerror(L, 2, lua_pushfstring(L, "%s expected", type));
    }
    if (!wippyli_may(L, "funcs.security", "security")) {
        return wippyli_fail(L, "PermissionDenied",
                            "not allowed to call functions with custom security context");
    }
    lua_settop(L, 2);
    return wippyli_executor_with(L, field);
}

static int wippyli_executor_with_actor(lua_State *L)
{
    wippyli_executor_check(L);
    const wippyli_hooks *hooks = wippyli_hooks_of(wippyli_bridge_at(L));
    wippyli_actor actor;
    return wippyli_executor_with_identity(L, "actor", hooks->actor(L, 2, &actor), "Actor");
}

static int wippyli_executor_with_scope(lua_State *L)
{
    wippyli_executor_check(L);
    const wippyli_hooks *hooks = wippyli_hooks_of(wippyli_bridge_at(L));
    return wippyli_executor_with_identity(L, "scope", hooks->scope(L, 2, NULL, 0) >= 0, "Scope");
}

static int wippyli_executor_call(lua_State *L)
{
    wippyli_executor_check(L);
    return wippyli_funcs_do_call(L, 2);
}

static int wippyli_executor_async(lua_State *L)
{
    wippyli_executor_check(L);
    return wippyli_funcs_do_async(L, 2);
}

static const luaL_Reg wippyli_executor_methods[] = {{"with_context", wippyli_executor_with_context},
                                                    {"with_options", wippyli_executor_with_options},
                                                    {"with_actor", wippyli_executor_with_actor},
                                                    {"with_scope", wippyli_executor_with_scope},
                                                    {"call", wippyli_executor_call},
                                                    {"async", wippyli_executor_async},
                                                    {NULL, NULL}};

static const wippyli_class *wippyli_executor_class(void)
{
    static const wippyli_class cls = {"funcs.Executor", wippyli_executor_methods};
    return &cls;
}

static int wippyli_funcs_call(lua_State *L)
{
    return wippyli_funcs_do_call(L, 1);
}

static int wippyli_funcs_async(lua_State *L)
{
    return wippyli_funcs_do_async(L, 1);
}

WIPPYLI_FN const wippyli_library *wippyli_mod_funcs(void)
{
    static const wippyli_entry entries[] = {
        {"async", wippyli_funcs_async, 0, NULL},
        {"call", wippyli_funcs_call, 0, NULL},
        {"new", wippyli_funcs_new, 0, NULL},
    };
    static const wippyli_library library = {"funcs", entries, (uint32_t)WIPPYLI_COUNT(entries),
                                            NULL, NULL};
    return &library;
}
