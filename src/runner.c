#include "runner.h"
#include "frame.h"
#include "policy.h"
#include "value.h"
#include "yield.h"

#include <stdio.h>
#include <string.h>

enum { /* tags of the yields of a runner */
       WIPPYI_RUNNER_BELL = 1,
       WIPPYI_RUNNER_ALARM = 2,
       WIPPYI_RUNNER_SPAWN = 3,
       WIPPYI_RUNNER_JOB = 4
};

typedef enum wippyi_runner_phase {
    WIPPYI_PHASE_DOWN = 0, /* start; root allows -> CLEARING */
    WIPPYI_PHASE_CLEARING, /* nothing of before is left -> STARTING */
    WIPPYI_PHASE_STARTING, /* answer -> UP, WAITING or DOWN */
    WIPPYI_PHASE_UP,       /* end -> WAITING or DOWN; root stops -> STOPPING */
    WIPPYI_PHASE_STOPPING, /* end or deadline -> DOWN or CLEARING */
    WIPPYI_PHASE_WAITING   /* deadline -> CLEARING; root stops -> DOWN */
} wippyi_runner_phase;

typedef enum wippyi_host_op {
    WIPPYI_HOST_OP_CREATE = 0,
    WIPPYI_HOST_OP_STOP,
    WIPPYI_HOST_OP_RESIZE
} wippyi_host_op;

typedef struct wippyi_runner {
    wippyi_service *service;
    wippyi_supervisor *supervisor;
    wippyi_service_config *config; /* of the latest attempt, held; NULL = none yet */
    wippyi_runner_phase phase;
    uint32_t revision;    /* of config */
    uint32_t failures;    /* since the last stable run */
    uint64_t since_ns;    /* when it came up */
    uint64_t deadline_ns; /* of the phase; 0 = none */
    wippy_pid child;
    wippy_host host;
    bool own_host; /* created by us, not found */
    bool restart;  /* STOPPING leads to CLEARING */
    bool is_spawn; /* each: a yield is open */
    bool is_job;
    wippyi_host_op job; /* which */
    wippyi_alarm alarm;
} wippyi_runner;

/* What the table asks for, read in one go. */
typedef struct wippyi_wishes {
    bool start; /* a request to start was allowed and has not begun */
    bool stop;  /* stop what runs */
    bool stay;  /* it is still wanted: a planned attempt may be made */
    bool quit;
    bool deleted;
    uint32_t revision;
} wippyi_wishes;

/* ------------------------------------------------------------------ bells and alarms */

static void wippyi_bell_publish(wippyi_supervisor *supervisor, wippy_token token,
                                wippy_token *place)
{
    wippyi_mutex_lock(&supervisor->lock);
    *place = token;
    wippyi_mutex_unlock(&supervisor->lock);
}

WIPPYI_FN wippy_result wippyi_bell_open(wippy_self *self, wippyi_supervisor *supervisor,
                                        uint64_t tag, wippy_token *place)
{
    wippy_token token;
    wippy_result result = wippy_open(self, tag, &token);
    if (result != WIPPY_PENDING) {
        return result;
    }
    wippyi_bell_publish(supervisor, token, place);
    return WIPPY_OK;
}

WIPPYI_FN void wippyi_bell_again(wippy_self *self, wippyi_supervisor *supervisor,
                                 wippy_token *place)
{
    wippyi_bell_publish(supervisor, wippyi_yield_again(self), place);
}

WIPPYI_FN void wippyi_bell_ring(wippyi_supervisor *supervisor, const wippy_token *place)
{
    wippyi_mutex_lock(&supervisor->lock);
    wippy_token token = *place;
    wippyi_mutex_unlock(&supervisor->lock);
    if (token.sequence != 0) {
        (void)wippy_complete(supervisor->rt, token, WIPPY_OK, NULL, 0, 0); /* GONE: rung already */
    }
}

WIPPYI_FN wippy_result wippyi_alarm_open(wippy_self *self, uint64_t tag, wippyi_alarm *alarm)
{
    wippy_result result = wippy_open(self, tag, &alarm->token);
    alarm->at_ns = 0;
    return result == WIPPY_PENDING ? WIPPY_OK : result;
}

WIPPYI_FN void wippyi_alarm_rung(wippy_self *self, wippyi_alarm *alarm)
{
    alarm->token = wippyi_yield_again(self);
    alarm->at_ns = 0;
}

WIPPYI_FN void wippyi_alarm_set(wippy_self *self, wippyi_alarm *alarm, uint64_t at_ns)
{
    uint64_t now_ns;
    if (alarm->at_ns == at_ns) {
        return;
    }
    now_ns = wippy_now_ns(wippy_self_runtime(self));
    if (wippyi_timer_again(self, &alarm->token,
                           at_ns == 0       ? UINT64_MAX
                           : at_ns > now_ns ? at_ns - now_ns
                                            : 0)) {
        alarm->at_ns = at_ns; /* otherwise it rings at once, and is set after that */
    }
}

/* ------------------------------------------------------------------ reporting */

/* error: "" = none */
static void wippyi_runner_fields(wippy_writer *w, const char *id_key, const char *id,
                                 const char *status, const char *error)
{
    wippy_write_map(w, 0);
    wippy_write_cstring(w, id_key);
    wippy_write_cstring(w, id);
    if (status) {
        wippy_write_cstring(w, "status");
        wippy_write_cstring(w, status);
    }
    if (error[0] != '\0') {
        wippy_write_cstring(w, "error");
        wippy_write_cstring(w, error);
    }
    wippy_write_end(w);
}

/* The change of status, for the log and for the event bus. */
static void wippyi_runner_announce(wippy_self *self, const char *id, wippy_log_level level,
                                   wippy_service_status status, const char *error)
{
    wippy_runtime *rt = wippy_self_runtime(self);
    const char *name = wippy_service_status_name(status);
    char kind[32];
    wippy_writer w;
    wippy_slice fields;
    memset(&fields, 0, sizeof(fields));
    snprintf(kind, sizeof(kind), "service.%s", name);
    wippy_writer_init(&w, rt);
    wippyi_runner_fields(&w, "serviceID", id, name, error);
    (void)wippy_writer_finish(&w, &fields); /* without memory: the line without fields */
    wippyi_log(rt, level, "supervisor", fields, "service %s is %s", id, name);
    wippy_writer_reset(&w);
    memset(&fields, 0, sizeof(fields));
    wippyi_runner_fields(&w, "id", id, name, error);
    (void)wippy_writer_finish(&w, &fields);
    (void)wippy_events_send(self, "supervisor", kind, id, fields); /* the table is the truth */
    wippy_writer_free(&w);
}

/* Copy what fits, so that no character is torn. */
static void wippyi_runner_copy(char *to, size_t room, const char *text, size_t size)
{
    if (size >= room) {
        size = room - 1;
        while (size > 0 && ((unsigned char)text[size] & 0xc0u) == 0x80u) {
            size--;
        }
    }
    memcpy(to, text, size);
    to[size] = '\0';
}

/* The caller holds the lock. */
static void wippyi_runner_mark_up(wippyi_runner *r)
{
    r->service->up = r->phase != WIPPYI_PHASE_DOWN && r->phase != WIPPYI_PHASE_WAITING;
    r->service->replaced = r->service->replaced && r->service->up;
}

static void wippyi_runner_report(wippy_self *self, wippyi_runner *r, wippy_log_level level,
                                 wippy_service_status status, bool failed, const char *details)
{
    wippyi_service *service = r->service;
    wippy_runtime *rt = wippy_self_runtime(self);
    int64_t wall_ns = wippy_wall_ns(rt);
    wippyi_mutex_lock(&r->supervisor->lock);
    service->status = status;
    service->failed = failed;
    wippyi_runner_mark_up(r);
    service->retry_count = r->failures;
    service->retry_at_ns = r->phase == WIPPYI_PHASE_WAITING ? r->deadline_ns : 0;
    service->last_update_wall_ns = wall_ns;
    if (status == WIPPY_SERVICE_RUNNING) {
        service->started_wall_ns = wall_ns;
    }
    service->child = r->child;
    wippyi_runner_copy(service->details, sizeof(service->details), details, strlen(details));
    wippyi_mutex_unlock(&r->supervisor->lock);
    wippyi_runner_announce(self, service->id, level, status, details);
    wippyi_bell_ring(r->supervisor, &r->supervisor->bell);
}

/* A change of phase that nobody else is told of. */
static void wippyi_runner_touch(wippyi_runner *r)
{
    wippyi_mutex_lock(&r->supervisor->lock);
    wippyi_runner_mark_up(r);
    r->service->retry_at_ns = r->phase == WIPPYI_PHASE_WAITING ? r->deadline_ns : 0;
    r->service->child = r->child;
    wippyi_mutex_unlock(&r->supervisor->lock);
    wippyi_bell_ring(r->supervisor, &r->supervisor->bell);
}

static void wippyi_runner_down(wippy_self *self, wippyi_runner *r, wippy_log_level level,
                               wippy_service_status status, bool failed, const char *details)
{
    r->phase = WIPPYI_PHASE_DOWN;
    r->deadline_ns = 0;
    wippyi_runner_report(self, r, level, status, failed, details);
}

/* The service failed after run_ns; wait for the next attempt if there is to be one. */
static void wippyi_runner_failed(wippy_self *self, wippyi_runner *r, wippy_log_level level,
                                 uint64_t run_ns, const char *details)
{
    const wippyi_restart *restart = &r->config->restart;
    if (!wippyi_restart_again(restart, r->config->stable_ns, run_ns, &r->failures)) {
        wippyi_runner_down(self, r, level, WIPPY_SERVICE_FAILED, true, details);
        return;
    }
    uint64_t delay_ns = wippyi_restart_delay(restart, r->failures, wippy_self_seed(self));
    r->phase = WIPPYI_PHASE_WAITING;
    r->deadline_ns = wippy_now_ns(wippy_self_runtime(self)) + WIPPYI_MAX(delay_ns, 1);
    wippyi_runner_report(self, r, level, WIPPY_SERVICE_FAILED, true, details);
}

static void wippyi_runner_running(wippy_self *self, wippyi_runner *r)
{
    r->phase = WIPPYI_PHASE_UP;
    r->deadline_ns = 0;
    r->since_ns = wippy_now_ns(wippy_self_runtime(self));
    wippyi_runner_report(self, r, WIPPY_LOG_INFO, WIPPY_SERVICE_RUNNING, false, "");
}

/* ------------------------------------------------------------------ how something ended */

typedef struct wippyi_ending {
    bool error;
    bool final;     /* not to be tried again */
    bool asked_for; /* canceled or terminated */
    char text[512];
} wippyi_ending;

static bool wippyi_ending_is(wippy_slice slice, const char *text)
{
    return slice.size == strlen(text) && memcmp(slice.data, text, slice.size) == 0;
}

static void wippyi_ending_read(wippyi_ending *ending, const wippy_mail *mail)
{
    wippy_reader reader;
    wippy_value value;
    wippy_result result = (wippy_result)mail->result;
    memset(ending, 0, sizeof(*ending));
    ending->error = result != WIPPY_OK;
    if (!ending->error) {
        return;
    }
    bool canceled = result == WIPPY_ERR_CANCELED;
    const char *text = wippy_result_text(result);
    wippyi_runner_copy(ending->text, sizeof(ending->text), text, strlen(text));
    wippy_reader_init(&reader, wippy_mail_data(mail), mail->size);
    if (wippy_read(&reader, &value) == WIPPY_OK && value.type == WIPPY_ERROR) {
        wippy_slice whole = {(const char *)wippy_mail_data(mail), mail->size};
        (void)wippy_error_text(whole, ending->text, sizeof(ending->text));
        ending->final = value.as.error.retryable == 0;
        canceled = canceled || wippyi_ending_is(value.as.error.kind, "Canceled");
    }
    bool terminated = strcmp(ending->text, "process terminated") == 0;
    ending->asked_for = canceled || terminated;
    ending->final = terminated ? false : canceled || ending->final;
}

static void wippyi_runner_ended(wippy_self *self, wippyi_runner *r, const wippy_mail *mail)
{
    wippyi_ending ending;
    wippyi_ending_read(&ending, mail);
    wippy_log_level level = !ending.error      ? WIPPY_LOG_INFO
                            : ending.asked_for ? WIPPY_LOG_WARN
                                               : WIPPY_LOG_ERROR;
    if (!ending.error || ending.final) {
        wippyi_runner_down(self, r, level, WIPPY_SERVICE_EXITED, ending.error, ending.text);
        return;
    }
    uint64_t run_ns = wippy_now_ns(wippy_self_runtime(self)) - r->since_ns;
    wippyi_runner_failed(self, r, level, run_ns, ending.text);
}

/* ------------------------------------------------------------------ rights of the child */

typedef struct wippyi_scope_list {
    const char **ids; /* into the writer's bytes, NUL-terminated by us */
    char *text;
    size_t text_bytes;
    size_t count;
} wippyi_scope_list;

/* Append the ids of lifecycle.security.policies that exist, and all of the groups, to `out`. */
static void wippyi_scope_collect(wippyi_runner *r, wippy_writer *out)
{
    wippy_runtime *rt = r->supervisor->rt;
    wippy_slice list;
    wippy_value_iter it;
    char id[512];
    memset(&list, 0, sizeof(list));
    (void)wippy_value_get(r->config->security, "policies", &list);
    for (wippy_value_each(list, &it); wippy_value_next(&it);) {
        wippy_slice name = wippy_value_string(it.value, "", "");
        if (wippy_id_complete(name.data, name.size, r->config->id, id, sizeof(id)) < sizeof(id) &&
            wippy_policy_exists(rt, id)) {
            wippy_write_cstring(out, id);
        }
    }
    memset(&list, 0, sizeof(list));
    (void)wippy_value_get(r->config->security, "groups", &list);
    for (wippy_value_each(list, &it); wippy_value_next(&it);) {
        wippy_slice name = wippy_value_string(it.value, "", "");
        if (wippy_id_complete(name.data, name.size, r->config->id, id, sizeof(id)) < sizeof(id)) {
            wippyi_policy_write_group(wippyi_runtime_policy(rt), id, out);
        }
    }
}

static void wippyi_scope_free(wippyi_mem *mem, wippyi_scope_list *list)
{
    wippyi_mem_free(mem, list->ids, list->count * sizeof(char *));
    wippyi_mem_free(mem, list->text, list->text_bytes);
}

static wippy_result wippyi_scope_copy(wippyi_mem *mem, wippy_slice ids, size_t count,
                                      wippyi_scope_list *list)
{
    wippy_reader reader;
    wippy_value value;
    list->count = count;
    list->text_bytes = ids.size + count; /* an encoded string is longer than its bytes */
    list->ids = (const char **)wippyi_mem_alloc(mem, count * sizeof(char *));
    list->text = (char *)wippyi_mem_alloc(mem, list->text_bytes);
    if (!list->ids || !list->text) {
        return WIPPY_ERR_NOMEM;
    }
    char *at = list->text;
    wippy_reader_init(&reader, ids.data, ids.size);
    for (size_t i = 0; i < count && wippy_read(&reader, &value) == WIPPY_OK; i++) {
        memcpy(at, value.as.string.data, value.as.string.size);
        at[value.as.string.size] = '\0';
        list->ids[i] = at;
        at += value.as.string.size + 1;
    }
    return WIPPY_OK;
}

static wippy_result wippyi_runner_scope(wippyi_runner *r, wippyi_scope_list *list)
{
    wippy_writer w;
    wippy_slice ids;
    wippyi_writer_init(&w, r->supervisor->mem);
    wippyi_scope_collect(r, &w);
    wippy_result result = wippy_writer_finish(&w, &ids);
    if (result == WIPPY_OK && w.count > 0) {
        result = wippyi_scope_copy(r->supervisor->mem, ids, w.count, list);
    }
    wippy_writer_free(&w);
    return result;
}

/* The frame of the child; NULL when lifecycle.security gives neither actor nor scope. */
static wippy_result wippyi_runner_frame(wippyi_runner *r, wippy_frame **out)
{
    wippy_frame_desc desc;
    wippyi_scope_list scope;
    char actor[256];
    wippy_slice security = r->config->security;
    *out = NULL;
    if (security.size == 0) {
        return WIPPY_OK;
    }
    memset(&desc, 0, sizeof(desc));
    memset(&scope, 0, sizeof(scope));
    wippy_slice id = wippy_value_string(security, "actor.id", "");
    wippyi_runner_copy(actor, sizeof(actor), id.data, id.size);
    if (actor[0] != '\0') {
        desc.actor_id = actor;
        if (wippy_value_get(security, "actor.meta", &desc.actor_meta) != WIPPY_OK ||
            wippy_value_type_of(desc.actor_meta) != WIPPY_MAP) {
            memset(&desc.actor_meta, 0, sizeof(desc.actor_meta));
        }
    }
    wippy_result result = wippyi_runner_scope(r, &scope);
    if (result == WIPPY_OK && (desc.actor_id || scope.count > 0)) {
        desc.scope = scope.count > 0 ? scope.ids : NULL;
        desc.scope_count = (uint32_t)scope.count;
        result = wippyi_frame_build(r->supervisor->mem, &desc, out);
    }
    wippyi_scope_free(r->supervisor->mem, &scope);
    return result;
}

/* ------------------------------------------------------------------ hosts, on another thread */

typedef struct wippyi_host_job {
    wippyi_supervisor *supervisor;
    wippyi_service_config *config; /* held */
    wippyi_host_op op;
    wippy_host host;
    void (*exit_fn)(wippy_runtime *rt, const wippy_exit_info *info, void *user_data);
    void *exit_user_data;
} wippyi_host_job;

static wippy_result wippyi_host_job_create(wippyi_host_job *job, wippy_writer *out)
{
    wippy_runtime *rt = job->supervisor->rt;
    const wippyi_service_config *config = job->config;
    wippy_host_desc desc;
    wippy_host host;
    memset(&desc, 0, sizeof(desc));
    memset(&host, 0, sizeof(host));
    desc.name = config->id;
    desc.kind = config->type == WIPPYI_SERVICE_TERMINAL ? WIPPY_HOST_TERMINAL : WIPPY_HOST_POOL;
    desc.workers = config->workers;
    desc.max_processes = config->max_processes;
    desc.mailbox_limit = config->mailbox_limit;
    desc.memory_limit = (size_t)config->memory_limit;
    desc.step_budget = config->step_budget;
    desc.exit_fn = job->exit_fn;
    desc.user_data = job->exit_user_data;
    wippy_result result = wippy_host_create(rt, &desc, &host);
    bool own = result == WIPPY_OK;
    if (result == WIPPY_ERR_EXISTS) { /* the program has made it itself: it is served, not owned */
        result = wippy_host_find(rt, config->id, &host);
    }
    if (result == WIPPY_OK) {
        wippy_write_int(out, own ? (int64_t)host.id : -(int64_t)host.id);
    }
    return result;
}

static wippy_result wippyi_host_job_run(void *arg, wippy_writer *out)
{
    wippyi_host_job *job = (wippyi_host_job *)arg;
    wippy_runtime *rt = job->supervisor->rt;
    uint32_t workers = job->config->workers;
    switch (job->op) {
    case WIPPYI_HOST_OP_CREATE: return wippyi_host_job_create(job, out);
    case WIPPYI_HOST_OP_STOP: return wippy_host_stop(rt, job->host, job->config->stop_timeout_ns);
    case WIPPYI_HOST_OP_RESIZE:
    default: return wippy_host_resize(rt, job->host, workers > 0 ? workers : wippyi_runtime_cpus(rt));
    }
}

static void wippyi_host_job_drop(void *arg)
{
    wippyi_host_job *job = (wippyi_host_job *)arg;
    wippyi_service_release(job->config);
    wippyi_mem_free(job->supervisor->mem, job, sizeof(*job));
}

static wippy_result wippyi_runner_job(wippy_self *self, wippyi_runner *r, wippyi_host_op op)
{
    wippyi_supervisor *supervisor = r->supervisor;
    wippyi_host_job *job = (wippyi_host_job *)wippyi_mem_alloc(supervisor->mem, sizeof(*job));
    if (!job) {
        return WIPPY_ERR_NOMEM;
    }
    job->supervisor = supervisor;
    job->config = wippyi_service_hold(r->config);
    job->op = op;
    job->host = r->host;
    wippyi_mutex_lock(&supervisor->lock);
    job->exit_fn = supervisor->exit_fn;
    job->exit_user_data = supervisor->exit_user_data;
    wippyi_mutex_unlock(&supervisor->lock);
    wippy_result result = wippy_blocking(self, wippyi_host_job_run, job, wippyi_host_job_drop,
                                         WIPPYI_RUNNER_JOB, NULL);
    if (result != WIPPY_PENDING) {
        wippyi_host_job_drop(job);
        return result;
    }
    r->is_job = true;
    r->job = op;
    return WIPPY_OK;
}

/* ------------------------------------------------------------------ starting */

static bool wippyi_runner_temporary(wippy_result result)
{
    return result == WIPPY_ERR_STOPPED || result == WIPPY_ERR_BUSY || result == WIPPY_ERR_LIMIT ||
           result == WIPPY_ERR_UNAVAILABLE || result == WIPPY_ERR_NOMEM ||
           result == WIPPY_ERR_FULL || result == WIPPY_ERR_TIMEOUT;
}

static void wippyi_runner_refused(wippy_self *self, wippyi_runner *r, wippy_result result,
                                  const char *text)
{
    if (wippyi_runner_temporary(result)) {
        wippyi_runner_failed(self, r, WIPPY_LOG_ERROR, 0, text);
    } else {
        wippyi_runner_down(self, r, WIPPY_LOG_ERROR, WIPPY_SERVICE_EXITED, true, text);
    }
}

static void wippyi_runner_spawn(wippy_self *self, wippyi_runner *r)
{
    wippy_spawn_desc desc;
    wippy_diag diag;
    wippy_frame *frame = NULL;
    memset(&desc, 0, sizeof(desc));
    memset(&diag, 0, sizeof(diag));
    wippy_result result = wippy_host_find(r->supervisor->rt, r->config->host, &desc.host);
    if (result != WIPPY_OK) {
        snprintf(diag.message, sizeof(diag.message), "host not found: %.200s", r->config->host);
    } else {
        result = wippyi_runner_frame(r, &frame);
        desc.entry = r->config->process;
        desc.data = r->config->input.data;
        desc.size = r->config->input.size;
        desc.count = r->config->input_count;
        desc.flags = WIPPY_SPAWN_MONITOR;
        desc.frame = frame;
        desc.tag = WIPPYI_RUNNER_SPAWN;
    }
    if (result == WIPPY_OK) {
        result = wippy_spawn(self, &desc, &r->child, &diag);
    }
    wippy_frame_release(r->supervisor->rt, frame);
    if (result == WIPPY_OK) {
        wippyi_runner_running(self, r);
    } else if (result == WIPPY_PENDING) {
        r->is_spawn = true;
    } else {
        wippyi_runner_refused(self, r, result,
                              diag.message[0] ? diag.message : wippy_result_text(result));
    }
}

static void wippyi_runner_create_host(wippy_self *self, wippyi_runner *r)
{
    if (r->host.id != 0) { /* of an attempt that was too late */
        wippyi_runner_running(self, r);
        return;
    }
    wippy_result result = wippyi_runner_job(self, r, WIPPYI_HOST_OP_CREATE);
    if (result != WIPPY_OK) {
        wippyi_runner_refused(self, r, result, wippy_result_text(result));
    }
}

static void wippyi_runner_attempt(wippy_self *self, wippyi_runner *r)
{
    wippy_runtime *rt = wippy_self_runtime(self);
    wippy_writer w;
    wippy_slice fields;
    memset(&fields, 0, sizeof(fields));
    wippy_writer_init(&w, rt);
    wippyi_runner_fields(&w, "service_id", r->service->id, NULL, "");
    (void)wippy_writer_finish(&w, &fields);
    wippyi_log(rt, WIPPY_LOG_INFO, "supervisor", fields, "starting service");
    wippy_writer_free(&w);
    r->phase = WIPPYI_PHASE_STARTING;
    r->deadline_ns = wippy_now_ns(rt) + r->config->start_timeout_ns;
    wippyi_runner_report(self, r, WIPPY_LOG_INFO, WIPPY_SERVICE_STARTING, false, "");
    if (r->config->type == WIPPYI_SERVICE_PROCESS) {
        wippyi_runner_spawn(self, r);
    } else if (r->config->type == WIPPYI_SERVICE_SCOPE) {
        wippyi_runner_running(self, r);
    } else {
        wippyi_runner_create_host(self, r);
    }
}

/* Go for a new attempt, with the configuration of now. */
static void wippyi_runner_begin(wippyi_runner *r)
{
    wippyi_service_config *old = r->config;
    wippyi_mutex_lock(&r->supervisor->lock);
    r->service->begun = r->service->allowed;
    if (r->service->config) {
        r->config = wippyi_service_hold(r->service->config);
        r->revision = r->service->revision;
    } else {
        old = NULL; /* deleted meanwhile: keep what there is */
    }
    wippyi_mutex_unlock(&r->supervisor->lock);
    wippyi_service_release(old);
    r->phase = r->config ? WIPPYI_PHASE_CLEARING : WIPPYI_PHASE_DOWN;
    r->deadline_ns = 0;
    r->restart = false;
    wippyi_runner_touch(r);
}

/* ------------------------------------------------------------------ stopping */

static void wippyi_runner_stop_timeout(wippy_self *self, wippyi_runner *r)
{
    char text[64];
    char duration[WIPPY_DURATION_TEXT_MAX];
    wippy_duration_text((int64_t)r->config->stop_timeout_ns, duration, sizeof(duration));
    snprintf(text, sizeof(text), "stop timeout after %s", duration);
    wippyi_runner_down(self, r, WIPPY_LOG_ERROR, WIPPY_SERVICE_FAILED, true, text);
}

static void wippyi_runner_stopped(wippy_self *self, wippyi_runner *r)
{
    bool restart = r->restart;
    wippyi_runner_down(self, r, WIPPY_LOG_INFO, WIPPY_SERVICE_STOPPED, false, "");
    if (restart) {
        r->failures = 0;
        wippyi_runner_begin(r);
    }
}

static void wippyi_runner_stop(wippy_self *self, wippyi_runner *r, bool restart)
{
    wippy_runtime *rt = wippy_self_runtime(self);
    r->phase = WIPPYI_PHASE_STOPPING;
    r->restart = restart;
    r->deadline_ns = wippy_now_ns(rt) + r->config->stop_timeout_ns;
    wippyi_runner_report(self, r, WIPPY_LOG_INFO, WIPPY_SERVICE_STOPPING, false, "");
    if (r->config->type == WIPPYI_SERVICE_PROCESS) {
        if (wippy_cancel(self, r->child, "service stopping") == WIPPY_ERR_NOMEM) {
            (void)wippy_terminate(self, r->child); /* needs no memory */
        }
        return;
    }
    r->deadline_ns = 0; /* stopping a host has its own */
    if (!r->own_host) {
        memset(&r->host, 0, sizeof(r->host));
        wippyi_runner_stopped(self, r);
    } else if (wippyi_runner_job(self, r, WIPPYI_HOST_OP_STOP) != WIPPY_OK) {
        r->phase = WIPPYI_PHASE_UP; /* again at the next step */
        r->deadline_ns = wippy_now_ns(rt) + (uint64_t)(10 * WIPPYI_NS_PER_MS);
    }
}

/* ------------------------------------------------------------------ mail */

static void wippyi_runner_spawned(wippy_self *self, wippyi_runner *r, const wippy_mail *mail)
{
    wippyi_ending ending;
    wippy_slice value;
    r->is_spawn = false;
    if ((wippy_result)mail->result == WIPPY_OK) {
        value.data = (const char *)wippy_mail_data(mail);
        value.size = mail->size;
        r->child.id = (uint64_t)wippy_value_int(value, "", 0);
        if (r->phase == WIPPYI_PHASE_STARTING) {
            wippyi_runner_running(self, r);
        } else {
            (void)wippy_terminate(self, r->child); /* too late for this attempt */
            wippyi_runner_touch(r);
        }
    } else if (r->phase == WIPPYI_PHASE_STARTING) {
        wippyi_ending_read(&ending, mail);
        wippyi_runner_refused(self, r, (wippy_result)mail->result, ending.text);
    }
}

static void wippyi_runner_created(wippy_self *self, wippyi_runner *r, const wippy_mail *mail)
{
    wippy_slice value;
    wippy_result result = (wippy_result)mail->result;
    if (result == WIPPY_OK) {
        value.data = (const char *)wippy_mail_data(mail);
        value.size = mail->size;
        int64_t id = wippy_value_int(value, "", 0);
        r->own_host = id > 0;
        r->host.id = (uint32_t)(id > 0 ? id : -id);
    }
    if (r->phase == WIPPYI_PHASE_STARTING) {
        if (result == WIPPY_OK) {
            wippyi_runner_running(self, r);
        } else {
            wippyi_runner_refused(self, r, result, wippy_result_text(result));
        }
    }
}

static void wippyi_runner_resized(wippyi_runner *r, const wippy_mail *mail)
{
    wippy_slice none;
    memset(&none, 0, sizeof(none));
    if ((wippy_result)mail->result != WIPPY_OK) {
        wippyi_log(r->supervisor->rt, WIPPY_LOG_ERROR, "supervisor", none,
                   "host %s cannot be resized: %s", r->service->id,
                   wippy_result_text((wippy_result)mail->result));
    }
}

static void wippyi_runner_job_done(wippy_self *self, wippyi_runner *r, const wippy_mail *mail)
{
    r->is_job = false;
    switch (r->job) {
    case WIPPYI_HOST_OP_CREATE: wippyi_runner_created(self, r, mail); break;
    case WIPPYI_HOST_OP_RESIZE: wippyi_runner_resized(r, mail); break;
    case WIPPYI_HOST_OP_STOP:
    default:
        memset(&r->host, 0, sizeof(r->host));
        if ((wippy_result)mail->result == WIPPY_ERR_TIMEOUT) {
            wippyi_runner_stop_timeout(self, r);
        } else {
            wippyi_runner_stopped(self, r);
        }
        break;
    }
}

static void wippyi_runner_exit(wippy_self *self, wippyi_runner *r, const wippy_mail *mail)
{
    if (mail->from.id != r->child.id) {
        return;
    }
    memset(&r->child, 0, sizeof(r->child));
    if (r->phase == WIPPYI_PHASE_UP) {
        wippyi_runner_ended(self, r, mail);
    } else if (r->phase == WIPPYI_PHASE_STOPPING) {
        wippyi_runner_stopped(self, r);
    } else {
        wippyi_runner_touch(r); /* one of before */
    }
}

static void wippyi_runner_mail(wippy_self *self, wippyi_runner *r, const wippy_mail *mail)
{
    if (mail->kind == WIPPY_MAIL_EXIT) {
        wippyi_runner_exit(self, r, mail);
        return;
    }
    if (mail->kind != WIPPY_MAIL_DONE) {
        return; /* CANCEL: the root decides when a runner ends */
    }
    switch (wippy_mail_tag(mail)) {
    case WIPPYI_RUNNER_BELL: wippyi_bell_again(self, r->supervisor, &r->service->bell); break;
    case WIPPYI_RUNNER_ALARM: wippyi_alarm_rung(self, &r->alarm); break;
    case WIPPYI_RUNNER_SPAWN: wippyi_runner_spawned(self, r, mail); break;
    case WIPPYI_RUNNER_JOB: wippyi_runner_job_done(self, r, mail); break;
    default: break;
    }
}

/* ------------------------------------------------------------------ steps */

static void wippyi_runner_wishes(wippyi_runner *r, wippyi_wishes *wishes)
{
    wippyi_service *service = r->service;
    wippyi_mutex_lock(&r->supervisor->lock);
    wishes->stop = service->stop_now;
    wishes->stay =
        service->wanted && !service->deleted && r->supervisor->state != WIPPYI_SUPERVISOR_STOPPING;
    wishes->start = service->allowed != service->begun && wishes->stay;
    wishes->quit = service->quit;
    wishes->deleted = service->deleted;
    wishes->revision = service->revision;
    wippyi_mutex_unlock(&r->supervisor->lock);
}

static bool wippyi_runner_due(wippy_self *self, const wippyi_runner *r)
{
    return r->deadline_ns != 0 && wippy_now_ns(wippy_self_runtime(self)) >= r->deadline_ns;
}

/* Nothing of an earlier attempt may be left when the next one begins. */
static bool wippyi_runner_clearing(wippy_self *self, wippyi_runner *r, const wippyi_wishes *wishes)
{
    if (!wishes->stay) {
        wippyi_runner_down(self, r, WIPPY_LOG_INFO, WIPPY_SERVICE_STOPPED, false, "");
        return true;
    }
    if (r->child.id != 0) {
        (void)wippy_terminate(self, r->child);
        return false;
    }
    if (r->is_spawn || r->is_job) {
        return false;
    }
    wippyi_runner_attempt(self, r);
    return true;
}

static bool wippyi_runner_starting(wippy_self *self, wippyi_runner *r)
{
    if (!wippyi_runner_due(self, r)) {
        return false;
    }
    wippyi_runner_failed(self, r, WIPPY_LOG_ERROR, 0, "start timeout");
    return true;
}

/* It runs and is to go on running, but what the registry says about it has changed. */
static bool wippyi_runner_changed(wippy_self *self, wippyi_runner *r, const wippyi_wishes *wishes)
{
    if (wishes->revision == r->revision || wishes->deleted || r->is_job) {
        return false;
    }
    if (r->config->type == WIPPYI_SERVICE_PROCESS) {
        wippyi_runner_stop(self, r, true);
        return true;
    }
    uint32_t workers = r->config->workers;
    wippyi_runner_begin(r);
    r->phase = WIPPYI_PHASE_UP;
    wippyi_runner_touch(r);
    if (r->config->workers != workers && r->config->type == WIPPYI_SERVICE_HOST) {
        (void)wippyi_runner_job(self, r, WIPPYI_HOST_OP_RESIZE);
    }
    return true;
}

static bool wippyi_runner_up(wippy_self *self, wippyi_runner *r, const wippyi_wishes *wishes)
{
    if (wishes->stop) {
        if (r->is_job || (r->deadline_ns != 0 && !wippyi_runner_due(self, r))) {
            return false; /* a host is being resized, or stopping it is tried again soon */
        }
        wippyi_runner_stop(self, r, false);
        return true;
    }
    r->deadline_ns = 0;
    if (wishes->start) { /* it runs already */
        wippyi_mutex_lock(&r->supervisor->lock);
        r->service->begun = r->service->allowed;
        wippyi_mutex_unlock(&r->supervisor->lock);
        wippyi_runner_touch(r);
    }
    return wippyi_runner_changed(self, r, wishes);
}

static bool wippyi_runner_stopping(wippy_self *self, wippyi_runner *r, const wippyi_wishes *wishes)
{
    if (!wippyi_runner_due(self, r)) {
        return false;
    }
    bool restart = r->restart;
    if (restart || wishes->deleted) {
        (void)wippy_terminate(self, r->child); /* nobody would ever see it end */
    }
    wippyi_runner_stop_timeout(self, r);
    if (restart) {
        wippyi_runner_begin(r);
    }
    return true;
}

static bool wippyi_runner_resting(wippy_self *self, wippyi_runner *r, const wippyi_wishes *wishes)
{
    if (r->phase == WIPPYI_PHASE_WAITING && !wishes->stay) {
        wippyi_runner_down(self, r, WIPPY_LOG_INFO, WIPPY_SERVICE_STOPPED, false, "");
        return true;
    }
    if (wishes->start) {
        r->failures = 0;
        wippyi_runner_begin(r);
        return true;
    }
    if (r->phase == WIPPYI_PHASE_WAITING && wippyi_runner_due(self, r)) {
        wippyi_runner_begin(r);
        return true;
    }
    return false;
}

/* One move of the state machine; false when there is nothing to do now. */
static bool wippyi_runner_move(wippy_self *self, wippyi_runner *r, const wippyi_wishes *wishes)
{
    switch (r->phase) {
    case WIPPYI_PHASE_CLEARING: return wippyi_runner_clearing(self, r, wishes);
    case WIPPYI_PHASE_STARTING: return wippyi_runner_starting(self, r);
    case WIPPYI_PHASE_UP: return wippyi_runner_up(self, r, wishes);
    case WIPPYI_PHASE_STOPPING: return wippyi_runner_stopping(self, r, wishes);
    case WIPPYI_PHASE_DOWN:
    case WIPPYI_PHASE_WAITING:
    default: return wippyi_runner_resting(self, r, wishes);
    }
}

static wippy_status wippyi_runner_step(wippy_self *self, void *state)
{
    wippyi_runner *r = (wippyi_runner *)state;
    wippyi_wishes wishes;
    const wippy_mail *mail;
    while ((mail = wippy_next(self)) != NULL) {
        wippyi_runner_mail(self, r, mail);
    }
    do {
        wippyi_runner_wishes(r, &wishes);
    } while (wippyi_runner_move(self, r, &wishes));
    if (wishes.quit && r->phase == WIPPYI_PHASE_DOWN) {
        return wippy_done(self);
    }
    wippyi_alarm_set(self, &r->alarm, r->deadline_ns);
    return WIPPY_YIELD;
}

static wippy_result wippyi_runner_init(wippy_self *self, void *state, const wippy_input *input)
{
    wippyi_runner *r = (wippyi_runner *)state;
    wippy_result result;
    if (input->size != sizeof(r->service)) {
        return WIPPY_ERR_INVALID;
    }
    memcpy(&r->service, input->data, sizeof(r->service));
    r->supervisor = r->service->supervisor;
    result = wippyi_alarm_open(self, WIPPYI_RUNNER_ALARM, &r->alarm);
    return result == WIPPY_OK ? wippyi_bell_open(self, r->supervisor, WIPPYI_RUNNER_BELL,
                                                 &r->service->bell)
                              : result;
}

static void wippyi_runner_close(wippy_self *self, void *state)
{
    wippyi_runner *r = (wippyi_runner *)state;
    (void)self;
    wippyi_service_release(r->config);
}

WIPPYI_FN wippy_result wippyi_runner_register(wippyi_supervisor *supervisor)
{
    wippy_type_desc desc;
    memset(&desc, 0, sizeof(desc));
    desc.name = "node.service";
    desc.state_bytes = sizeof(wippyi_runner);
    desc.init = wippyi_runner_init;
    desc.step = wippyi_runner_step;
    desc.close = wippyi_runner_close;
    return wippy_type_register(supervisor->rt, &desc, &supervisor->runner_type);
}
