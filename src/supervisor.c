#include "supervisor.h"
#include "frame.h"
#include "plan.h"

#include <stdio.h>
#include <string.h>

#define WIPPYI_SUPERVISOR_LABEL   "node:control"
#define WIPPYI_SUPERVISOR_PUMP_NS UINT64_C(10000000) /* longest sleep between two pumps */

enum { /* tags of the yields of the root */
       WIPPYI_ROOT_BELL = 1,
       WIPPYI_ROOT_ALARM = 2
};

/* ------------------------------------------------------------------ root process */

typedef struct wippyi_root {
    wippyi_supervisor *supervisor;
    wippyi_alarm alarm;
    bool retry; /* a runner could not be spawned: again when the alarm rings */
} wippyi_root;

typedef enum wippyi_root_task {
    WIPPYI_TASK_NONE = 0,
    WIPPYI_TASK_SAY,   /* log that it is blocked */
    WIPPYI_TASK_SPAWN, /* it needs a runner */
    WIPPYI_TASK_RING
} wippyi_root_task;

/* The next thing the plan left to be done; it is taken off the table. Only the root frees records
   while it runs, so the service stays where it is. */
static wippyi_root_task wippyi_root_next(wippyi_supervisor *supervisor, wippyi_service **out,
                                         char *text, size_t room)
{
    for (wippyi_service *service = supervisor->services; service; service = service->next) {
        *out = service;
        if (service->say_blocked) {
            service->say_blocked = false;
            snprintf(text, room, "%s", service->details);
            return WIPPYI_TASK_SAY;
        }
        if (service->ring) {
            service->ring = false;
            if (service->runner.id != 0) {
                return WIPPYI_TASK_RING;
            }
            if (service->allowed != service->begun) {
                return WIPPYI_TASK_SPAWN;
            }
        }
    }
    return WIPPYI_TASK_NONE;
}

static void wippyi_root_spawn(wippy_self *self, wippyi_root *root, wippyi_service *service)
{
    wippyi_supervisor *supervisor = root->supervisor;
    wippy_spawn_desc desc;
    wippy_pid pid;
    memset(&desc, 0, sizeof(desc));
    desc.type = supervisor->runner_type;
    desc.label = WIPPYI_SUPERVISOR_LABEL;
    desc.data = &service;
    desc.size = sizeof(service);
    desc.flags = WIPPY_SPAWN_MONITOR | WIPPY_SPAWN_LINK | WIPPY_SPAWN_HIDDEN | WIPPY_SPAWN_HIGH;
    desc.frame = supervisor->frame;
    wippy_result result = wippy_spawn(self, &desc, &pid, NULL); /* our host: no PENDING */
    wippyi_mutex_lock(&supervisor->lock);
    if (result == WIPPY_OK) {
        service->runner = pid;
    } else {
        service->ring = true;
        root->retry = true;
    }
    wippyi_mutex_unlock(&supervisor->lock);
}

static void wippyi_root_work(wippy_self *self, wippyi_root *root)
{
    wippyi_supervisor *supervisor = root->supervisor;
    wippyi_root_task task;
    wippyi_service *service = NULL;
    wippy_slice none;
    char text[256];
    memset(&none, 0, sizeof(none));
    do {
        wippyi_mutex_lock(&supervisor->lock);
        task = root->retry ? WIPPYI_TASK_NONE
                           : wippyi_root_next(supervisor, &service, text, sizeof(text));
        wippyi_mutex_unlock(&supervisor->lock);
        switch (task) {
        case WIPPYI_TASK_SAY:
            wippyi_log(supervisor->rt, WIPPY_LOG_ERROR, "supervisor", none, "%s", text);
            break;
        case WIPPYI_TASK_SPAWN: wippyi_root_spawn(self, root, service); break;
        case WIPPYI_TASK_RING: wippyi_bell_ring(supervisor, &service->bell); break;
        case WIPPYI_TASK_NONE:
        default: break;
        }
    } while (task != WIPPYI_TASK_NONE);
}

/* Nobody looks after the service any more. The caller holds the lock. */
static void wippyi_service_abandon(wippyi_service *service, bool failed)
{
    memset(&service->runner, 0, sizeof(service->runner));
    memset(&service->bell, 0, sizeof(service->bell));
    service->up = service->replaced = service->stop_now = service->quit = false;
    service->retry_at_ns = 0;
    service->ring = service->allowed != service->begun; /* asked for meanwhile */
    if (failed) {
        service->status = WIPPY_SERVICE_FAILED;
        service->failed = true;
        snprintf(service->details, sizeof(service->details), "supervisor of the service ended");
    }
}

/* A runner has ended; unless it was told to, its process goes with it. */
static void wippyi_root_runner_ended(wippy_self *self, wippyi_supervisor *supervisor,
                                     const wippy_mail *mail)
{
    bool failed = (wippy_result)mail->result != WIPPY_OK;
    wippy_pid orphan;
    memset(&orphan, 0, sizeof(orphan));
    wippyi_mutex_lock(&supervisor->lock);
    for (wippyi_service *service = supervisor->services; service; service = service->next) {
        if (service->runner.id == mail->from.id) {
            orphan = service->child;
            wippyi_service_abandon(service, failed);
        }
    }
    wippyi_mutex_unlock(&supervisor->lock);
    if (failed && orphan.id != 0) {
        (void)wippy_terminate(self, orphan);
    }
}

static void wippyi_root_mail(wippy_self *self, wippyi_root *root, const wippy_mail *mail)
{
    if (mail->kind == WIPPY_MAIL_EXIT) {
        wippyi_root_runner_ended(self, root->supervisor, mail);
    } else if (mail->kind == WIPPY_MAIL_CANCEL) { /* our host stops: so do the services */
        wippyi_supervisor_request_stop(root->supervisor);
    } else if (mail->kind == WIPPY_MAIL_DONE && wippy_mail_tag(mail) == WIPPYI_ROOT_BELL) {
        wippyi_bell_again(self, root->supervisor, &root->supervisor->bell);
    } else if (mail->kind == WIPPY_MAIL_DONE && wippy_mail_tag(mail) == WIPPYI_ROOT_ALARM) {
        wippyi_alarm_rung(self, &root->alarm);
        root->retry = false;
    }
}

/* Everything is down and every runner has ended. */
static bool wippyi_root_is_over(wippyi_supervisor *supervisor)
{
    bool over;
    wippyi_mutex_lock(&supervisor->lock);
    wippyi_plan(supervisor);
    over = supervisor->state == WIPPYI_SUPERVISOR_STOPPING;
    for (wippyi_service *service = supervisor->services; service; service = service->next) {
        over = over && service->runner.id == 0;
    }
    if (over) {
        supervisor->state = WIPPYI_SUPERVISOR_OFF;
        memset(&supervisor->root, 0, sizeof(supervisor->root));
        memset(&supervisor->bell, 0, sizeof(supervisor->bell));
        wippyi_cond_broadcast(&supervisor->changed);
    }
    wippyi_mutex_unlock(&supervisor->lock);
    return over;
}

static wippy_status wippyi_root_step(wippy_self *self, void *state)
{
    wippyi_root *root = (wippyi_root *)state;
    const wippy_mail *mail;
    while ((mail = wippy_next(self)) != NULL) {
        wippyi_root_mail(self, root, mail);
    }
    if (wippyi_root_is_over(root->supervisor)) {
        return wippy_done(self);
    }
    wippyi_root_work(self, root);
    if (root->retry && root->alarm.at_ns == 0) {
        wippyi_alarm_set(self, &root->alarm, wippy_now_ns(wippy_self_runtime(self)) +
                                                 (uint64_t)(10 * WIPPYI_NS_PER_MS));
    }
    return WIPPY_YIELD;
}

static wippy_result wippyi_root_init(wippy_self *self, void *state, const wippy_input *input)
{
    wippyi_root *root = (wippyi_root *)state;
    wippy_result result;
    (void)input;
    root->supervisor = (wippyi_supervisor *)wippy_self_user_data(self);
    wippy_trap_links(self, true); /* runners go with us, not we with them */
    result = wippyi_alarm_open(self, WIPPYI_ROOT_ALARM, &root->alarm);
    return result == WIPPY_OK ? wippyi_bell_open(self, root->supervisor, WIPPYI_ROOT_BELL,
                                                 &root->supervisor->bell)
                              : result;
}

/* Ended by force: nobody looks after the services any more. */
static void wippyi_root_close(wippy_self *self, void *state)
{
    wippyi_supervisor *supervisor = ((wippyi_root *)state)->supervisor;
    wippy_pid pid = wippy_self_pid(self);
    wippyi_mutex_lock(&supervisor->lock);
    if (supervisor->root.id == pid.id) {
        supervisor->state = WIPPYI_SUPERVISOR_OFF;
        memset(&supervisor->root, 0, sizeof(supervisor->root));
        wippyi_cond_broadcast(&supervisor->changed);
    }
    wippyi_mutex_unlock(&supervisor->lock);
}

/* ------------------------------------------------------------------ starting and stopping all */

static wippy_result wippyi_supervisor_claim(wippyi_supervisor *supervisor)
{
    wippy_result result = WIPPY_ERR_EXISTS;
    wippyi_mutex_lock(&supervisor->lock);
    if (supervisor->state == WIPPYI_SUPERVISOR_OFF) {
        supervisor->state = WIPPYI_SUPERVISOR_COMING;
        result = WIPPY_OK;
    }
    wippyi_mutex_unlock(&supervisor->lock);
    return result;
}

static void wippyi_supervisor_settle(wippyi_supervisor *supervisor, wippyi_supervisor_state state)
{
    wippyi_mutex_lock(&supervisor->lock);
    supervisor->state = state;
    wippyi_cond_broadcast(&supervisor->changed);
    wippyi_mutex_unlock(&supervisor->lock);
}

static wippy_result wippyi_supervisor_host(wippyi_supervisor *supervisor, wippy_host *where,
                                           bool *own)
{
    wippy_host_desc desc;
    *own = where->id == 0;
    if (!*own) {
        return wippy_host_name(supervisor->rt, *where)[0] != '\0' ? WIPPY_OK : WIPPY_ERR_NOTFOUND;
    }
    memset(&desc, 0, sizeof(desc));
    desc.name = WIPPYI_SUPERVISOR_LABEL;
    desc.kind = WIPPY_HOST_POOL;
    desc.workers = 1;
    return wippy_host_create(supervisor->rt, &desc, where);
}

static void wippyi_supervisor_boot(wippyi_supervisor *supervisor, wippy_host where, bool own)
{
    wippyi_mutex_lock(&supervisor->lock);
    supervisor->where = where;
    supervisor->own_host = own;
    supervisor->settled = false;
    supervisor->relinked = true;
    for (wippyi_service *service = supervisor->services; service; service = service->next) {
        service->wanted = false;
        service->blocked = false;
        service->asked = service->allowed = service->begun;
        wippyi_service_abandon(service, false); /* in case the last root was ended by force */
        if (service->config && service->config->auto_start) {
            wippyi_service_want(service);
        }
    }
    wippyi_mutex_unlock(&supervisor->lock);
}

static wippy_result wippyi_supervisor_spawn(wippyi_supervisor *supervisor, wippy_host where)
{
    wippy_spawn_desc desc;
    wippy_pid pid;
    memset(&desc, 0, sizeof(desc));
    desc.type = supervisor->root_type;
    desc.host = where;
    desc.label = WIPPYI_SUPERVISOR_LABEL;
    desc.flags = WIPPY_SPAWN_HIDDEN | WIPPY_SPAWN_HIGH;
    desc.frame = supervisor->frame;
    wippy_result result = wippy_spawn(wippy_outside(supervisor->rt), &desc, &pid, NULL);
    if (result == WIPPY_OK) {
        wippyi_mutex_lock(&supervisor->lock);
        if (supervisor->state == WIPPYI_SUPERVISOR_COMING) { /* it may be stopping already */
            supervisor->state = WIPPYI_SUPERVISOR_ON;
        }
        if (supervisor->state != WIPPYI_SUPERVISOR_OFF) {
            supervisor->root = pid;
        }
        wippyi_mutex_unlock(&supervisor->lock);
    }
    return result;
}

WIPPY_API wippy_result wippy_services_start(wippy_runtime *rt, wippy_host where)
{
    wippyi_supervisor *supervisor = wippyi_runtime_supervisor(rt);
    bool own = false;
    wippy_result result = wippyi_supervisor_claim(supervisor);
    if (result != WIPPY_OK) {
        return result;
    }
    result = wippyi_supervisor_host(supervisor, &where, &own);
    if (result == WIPPY_OK) {
        wippyi_supervisor_boot(supervisor, where, own);
        result = wippyi_supervisor_spawn(supervisor, where);
        if (result != WIPPY_OK && own) {
            (void)wippy_host_stop(rt, where, 0);
        }
    }
    if (result != WIPPY_OK) {
        wippyi_supervisor_settle(supervisor, WIPPYI_SUPERVISOR_OFF);
    }
    return result;
}

WIPPYI_FN void wippyi_supervisor_request_stop(wippyi_supervisor *supervisor)
{
    if (!supervisor) {
        return;
    }
    wippyi_mutex_lock(&supervisor->lock);
    if (wippyi_supervisor_is_up(supervisor)) {
        supervisor->state = WIPPYI_SUPERVISOR_STOPPING;
        supervisor->settled = false;
    }
    wippyi_mutex_unlock(&supervisor->lock);
    wippyi_bell_ring(supervisor, &supervisor->bell);
}

/* ------------------------------------------------------------------ waiting */

typedef struct wippyi_services_wait {
    wippyi_supervisor *supervisor;
    uint64_t start_ns;
    uint64_t timeout_ns;
    bool pump; /* the supervisor's host runs only when we pump it */
} wippyi_services_wait;

static void wippyi_wait_begin(wippyi_services_wait *wait, wippyi_supervisor *supervisor,
                              uint64_t timeout_ns)
{
    wippy_host_info info;
    wait->supervisor = supervisor;
    wait->start_ns = wippy_now_ns(supervisor->rt);
    wait->timeout_ns = timeout_ns;
    wippyi_mutex_lock(&supervisor->lock);
    wippy_host where = supervisor->where;
    wippyi_mutex_unlock(&supervisor->lock);
    wait->pump = where.id != 0 && wippy_host_stats(supervisor->rt, where, &info) == WIPPY_OK &&
                 info.kind == WIPPY_HOST_PUMP;
}

static uint64_t wippyi_wait_left(const wippyi_services_wait *wait)
{
    uint64_t passed_ns = wippy_now_ns(wait->supervisor->rt) - wait->start_ns;
    return wait->timeout_ns == UINT64_MAX  ? UINT64_MAX
           : passed_ns >= wait->timeout_ns ? 0
                                           : wait->timeout_ns - passed_ns;
}

/* Let time pass until something may have changed. The caller holds the lock. False: it is over. */
static bool wippyi_wait_round(const wippyi_services_wait *wait)
{
    wippyi_supervisor *supervisor = wait->supervisor;
    uint64_t left_ns = wippyi_wait_left(wait);
    if (left_ns == 0) {
        return false;
    }
    if (wait->pump) {
        wippy_host where = supervisor->where;
        wippyi_mutex_unlock(&supervisor->lock);
        bool busy = wippy_pump(supervisor->rt, where, WIPPYI_SUPERVISOR_PUMP_NS, 0) ==
                    WIPPY_ERR_BUSY; /* somebody else pumps it, then */
        uint64_t due_ns = busy ? UINT64_MAX : wippy_pump_deadline(supervisor->rt, where);
        wippyi_mutex_lock(&supervisor->lock);
        left_ns = WIPPYI_MIN(left_ns, WIPPYI_MIN(due_ns, WIPPYI_SUPERVISOR_PUMP_NS));
    }
    return left_ns == 0 ||
           wippyi_runtime_wait(supervisor->rt, &supervisor->changed, &supervisor->lock, left_ns) ||
           left_ns != UINT64_MAX;
}

/* A service that spoils the start: its own failure before one it waits for. The caller holds the
   lock. */
static const wippyi_service *wippyi_services_culprit(const wippyi_supervisor *supervisor)
{
    const wippyi_service *blocked = NULL;
    for (const wippyi_service *service = supervisor->services; service; service = service->next) {
        if (!service->wanted || !service->config || service->config->optional) {
            continue;
        }
        bool pending = service->asked != service->begun;
        if (service->failed && !pending && service->status != WIPPY_SERVICE_RUNNING) {
            return service;
        }
        if (pending && !blocked) {
            blocked = service;
        }
    }
    return blocked;
}

static wippy_result wippyi_services_verdict(const wippyi_supervisor *supervisor, wippy_diag *diag)
{
    const wippyi_service *culprit = wippyi_services_culprit(supervisor);
    if (!culprit) {
        return WIPPY_OK;
    }
    if (diag) {
        memset(diag, 0, sizeof(*diag));
        diag->code = WIPPY_ERR_UNAVAILABLE;
        snprintf(diag->file, sizeof(diag->file), "%s", culprit->id);
        snprintf(diag->message, sizeof(diag->message), "service %s did not start: %s", culprit->id,
                 culprit->details[0] ? culprit->details : "a service it requires failed");
    }
    return WIPPY_ERR_UNAVAILABLE;
}

WIPPY_API wippy_result wippy_services_wait(wippy_runtime *rt, uint64_t timeout_ns, wippy_diag *diag)
{
    wippyi_supervisor *supervisor = wippyi_runtime_supervisor(rt);
    wippyi_services_wait wait;
    wippy_result result = WIPPY_ERR_TIMEOUT;
    bool goes_on = true;
    wippyi_wait_begin(&wait, supervisor, timeout_ns);
    wippyi_mutex_lock(&supervisor->lock);
    while (goes_on && wippyi_supervisor_is_up(supervisor) && !supervisor->settled) {
        goes_on = wippyi_wait_round(&wait);
    }
    if (!wippyi_supervisor_is_up(supervisor)) {
        result = WIPPY_ERR_INVALID;
    } else if (supervisor->settled) {
        result = wippyi_services_verdict(supervisor, diag);
    }
    wippyi_mutex_unlock(&supervisor->lock);
    return result;
}

/* The host that was made for the supervisor goes with it. */
static void wippyi_supervisor_end_host(wippyi_supervisor *supervisor, uint64_t timeout_ns)
{
    wippyi_mutex_lock(&supervisor->lock);
    bool own = supervisor->own_host && supervisor->state == WIPPYI_SUPERVISOR_OFF;
    wippy_host where = supervisor->where;
    if (own) {
        supervisor->own_host = false;
        memset(&supervisor->where, 0, sizeof(supervisor->where));
    }
    wippyi_mutex_unlock(&supervisor->lock);
    if (own) {
        (void)wippy_host_stop(supervisor->rt, where, timeout_ns);
    }
}

WIPPY_API wippy_result wippy_services_stop(wippy_runtime *rt, uint64_t timeout_ns)
{
    wippyi_supervisor *supervisor = wippyi_runtime_supervisor(rt);
    wippyi_services_wait wait;
    bool goes_on = true;
    wippyi_supervisor_request_stop(supervisor);
    wippyi_wait_begin(&wait, supervisor, timeout_ns);
    wippyi_mutex_lock(&supervisor->lock);
    while (goes_on && supervisor->state != WIPPYI_SUPERVISOR_OFF) {
        goes_on = wippyi_wait_round(&wait);
    }
    bool over = supervisor->state == WIPPYI_SUPERVISOR_OFF;
    wippyi_mutex_unlock(&supervisor->lock);
    if (!over) {
        return timeout_ns == 0 ? WIPPY_PENDING : WIPPY_ERR_TIMEOUT;
    }
    if (timeout_ns > 0) {
        wippyi_supervisor_end_host(supervisor, wippyi_wait_left(&wait));
    }
    return WIPPY_OK;
}

/* ------------------------------------------------------------------ one service */

/* Stop it and everything that requires it. The caller holds the lock. */
static void wippyi_service_unwant(wippyi_supervisor *supervisor, wippyi_service *service)
{
    service->wanted = false;
    for (bool moved = true; moved;) {
        moved = false;
        for (wippyi_service *other = supervisor->services; other; other = other->next) {
            for (size_t i = 0; other->wanted && i < wippyi_service_requirements(other); i++) {
                const wippyi_service *target = wippyi_service_target(other, i);
                if (target && !target->wanted && target->config) {
                    other->wanted = false;
                    moved = true;
                }
            }
        }
    }
}

static wippy_result wippyi_service_ask(wippy_runtime *rt, const char *id, bool start)
{
    wippyi_supervisor *supervisor = wippyi_runtime_supervisor(rt);
    wippyi_mutex_lock(&supervisor->lock);
    wippyi_services_relink(supervisor);
    wippyi_service *service = wippyi_services_find(supervisor, id);
    wippy_result result = !service || !service->config           ? WIPPY_ERR_NOTFOUND
                          : !wippyi_supervisor_is_up(supervisor) ? WIPPY_ERR_STOPPED
                                                                 : WIPPY_OK;
    if (result == WIPPY_OK && start) {
        wippyi_service_want(service);
    } else if (result == WIPPY_OK) {
        wippyi_service_unwant(supervisor, service);
    }
    wippyi_mutex_unlock(&supervisor->lock);
    if (result == WIPPY_OK) {
        wippyi_bell_ring(supervisor, &supervisor->bell);
    }
    return result;
}

WIPPY_API wippy_result wippy_service_start(wippy_runtime *rt, const char *id)
{
    return wippyi_service_ask(rt, id, true);
}

WIPPY_API wippy_result wippy_service_stop(wippy_runtime *rt, const char *id)
{
    return wippyi_service_ask(rt, id, false);
}

WIPPY_API const char *wippy_service_status_name(wippy_service_status status)
{
    static const char *const names[] = {"unknown", "starting", "running", "stopping",
                                        "stopped", "failed",   "exited"};
    return (size_t)status < WIPPYI_COUNT(names) ? names[status] : names[0];
}

/* The caller holds the lock. */
static void wippyi_service_describe(const wippyi_service *service, wippy_service_info *out)
{
    uint64_t now_ns = wippy_now_ns(service->supervisor->rt);
    memset(out, 0, sizeof(*out));
    snprintf(out->id, sizeof(out->id), "%s", service->id);
    snprintf(out->kind, sizeof(out->kind), "%s", service->config->kind);
    out->status = service->status;
    out->desired = service->wanted ? WIPPY_SERVICE_RUNNING : WIPPY_SERVICE_STOPPED;
    out->optional = service->config->optional;
    out->retry_count = service->retry_count;
    if (service->retry_at_ns != 0) {
        out->retry_in_ns = service->retry_at_ns > now_ns ? service->retry_at_ns - now_ns : 1;
    } else if (service->up && service->status == WIPPY_SERVICE_FAILED) {
        out->retry_in_ns = 1; /* the attempt begins just now */
    }
    out->last_update_wall_ns = service->last_update_wall_ns;
    out->started_wall_ns = service->started_wall_ns;
    out->pid = service->child;
    out->supervisor = service->runner;
    memcpy(out->details, service->details, sizeof(out->details));
}

WIPPY_API wippy_result wippy_service_state(wippy_runtime *rt, const char *id,
                                           wippy_service_info *out)
{
    wippyi_supervisor *supervisor = wippyi_runtime_supervisor(rt);
    wippyi_mutex_lock(&supervisor->lock);
    wippyi_service *service = wippyi_services_find(supervisor, id);
    bool there = service && service->config;
    if (there) {
        wippyi_service_describe(service, out);
    }
    wippyi_mutex_unlock(&supervisor->lock);
    return there ? WIPPY_OK : WIPPY_ERR_NOTFOUND;
}

WIPPY_API size_t wippy_service_states(wippy_runtime *rt, wippy_service_info *out, size_t room)
{
    wippyi_supervisor *supervisor = wippyi_runtime_supervisor(rt);
    size_t count = 0;
    wippyi_mutex_lock(&supervisor->lock);
    for (wippyi_service *service = supervisor->services; service; service = service->next) {
        if (service->config) {
            if (count < room) {
                wippyi_service_describe(service, &out[count]);
            }
            count++;
        }
    }
    wippyi_mutex_unlock(&supervisor->lock);
    return count;
}

WIPPY_API void wippy_services_on_exit(wippy_runtime *rt,
                                      void (*exit_fn)(wippy_runtime *rt,
                                                      const wippy_exit_info *info, void *user_data),
                                      void *user_data)
{
    wippyi_supervisor *supervisor = wippyi_runtime_supervisor(rt);
    wippyi_mutex_lock(&supervisor->lock);
    supervisor->exit_fn = exit_fn;
    supervisor->exit_user_data = user_data;
    wippyi_mutex_unlock(&supervisor->lock);
}

/* ------------------------------------------------------------------ kinds */

static wippy_result wippyi_supervisor_read(const wippy_kind_call *call, wippyi_service_config **out)
{
    wippyi_supervisor *supervisor = (wippyi_supervisor *)call->user_data;
    return wippyi_service_read(call->rt, supervisor->mem, call->after, wippy_entry_id(call->after),
                               wippy_entry_kind(call->after), wippy_entry_data(call->after), out,
                               call->diag);
}

/* Of a host only the number of workers may change. The caller holds the lock. */
static wippy_result wippyi_supervisor_check_host(const wippyi_service *service,
                                                 const wippyi_service_config *config,
                                                 wippy_diag *diag)
{
    if (!service || !service->config || !service->up || service->replaced ||
        config->type == WIPPYI_SERVICE_PROCESS ||
        wippyi_service_same_host(service->config, config)) {
        return WIPPY_OK;
    }
    diag->code = WIPPY_ERR_INVALID;
    snprintf(diag->message, sizeof(diag->message), "only workers of a running host can be changed");
    return WIPPY_ERR_INVALID;
}

static wippy_result wippyi_supervisor_check(const wippy_kind_call *call)
{
    wippyi_supervisor *supervisor = (wippyi_supervisor *)call->user_data;
    wippyi_service_config *config = NULL;
    wippy_result result = wippyi_supervisor_read(call, &config);
    if (result != WIPPY_OK) {
        return result;
    }
    wippyi_mutex_lock(&supervisor->lock);
    result = wippyi_supervisor_check_host(wippyi_services_find(supervisor, config->id), config,
                                          call->diag);
    wippyi_mutex_unlock(&supervisor->lock);
    wippyi_service_release(config);
    return result;
}

static wippy_result wippyi_supervisor_stage(wippyi_supervisor *supervisor, const char *id,
                                            wippyi_service_config *config)
{
    wippyi_mutex_lock(&supervisor->lock);
    wippyi_service *service = wippyi_services_find(supervisor, id);
    if (!service && config) {
        service = wippyi_services_add(supervisor, id);
    }
    if (service) {
        service->staged = config;
        service->is_staged = true;
    }
    wippyi_mutex_unlock(&supervisor->lock);
    return service || !config ? WIPPY_OK : WIPPY_ERR_NOMEM;
}

static void wippyi_supervisor_unstage(wippyi_supervisor *supervisor, const char *id)
{
    wippyi_mutex_lock(&supervisor->lock);
    wippyi_service *service = wippyi_services_find(supervisor, id);
    wippyi_service_config *config = service ? service->staged : NULL;
    if (service) {
        service->staged = NULL;
        service->is_staged = false;
        if (supervisor->state == WIPPYI_SUPERVISOR_OFF) {
            wippyi_services_sweep(supervisor); /* otherwise the root does */
        }
    }
    wippyi_mutex_unlock(&supervisor->lock);
    wippyi_service_release(config);
}

static const char *wippyi_supervisor_call_id(const wippy_kind_call *call)
{
    return wippy_entry_id(call->after ? call->after : call->before);
}

static wippy_result wippyi_supervisor_apply(const wippy_kind_call *call)
{
    wippyi_supervisor *supervisor = (wippyi_supervisor *)call->user_data;
    wippyi_service_config *config = NULL;
    if (call->undo) {
        wippyi_supervisor_unstage(supervisor, wippyi_supervisor_call_id(call));
        return WIPPY_OK;
    }
    wippy_result result = call->after ? wippyi_supervisor_read(call, &config) : WIPPY_OK;
    if (result == WIPPY_OK) {
        result = wippyi_supervisor_stage(supervisor, wippyi_supervisor_call_id(call), config);
        if (result != WIPPY_OK) {
            wippyi_service_release(config);
        }
    }
    return result;
}

/* The caller holds the lock. */
static void wippyi_supervisor_take(wippyi_supervisor *supervisor, wippyi_service *service)
{
    bool running = wippyi_supervisor_is_up(supervisor);
    service->config = service->staged;
    service->staged = NULL;
    service->is_staged = false;
    service->replaced = service->up && (service->replaced || service->deleted);
    service->deleted = service->config == NULL;
    service->revision++;
    service->blocked = false;
    service->ring = true; /* what runs looks whether it is still right */
    supervisor->relinked = true;
    supervisor->settled = false;
    if (!service->config) {
        service->wanted = false;
    } else if (running && (service->wanted || service->config->auto_start) &&
               !(service->up && service->wanted)) { /* up and not wanted: it still stops */
        wippyi_service_want(service);
    }
}

static void wippyi_supervisor_commit(const wippy_kind_call *call)
{
    wippyi_supervisor *supervisor = (wippyi_supervisor *)call->user_data;
    wippyi_service_config *old = NULL;
    wippyi_mutex_lock(&supervisor->lock);
    wippyi_service *service = wippyi_services_find(supervisor, wippyi_supervisor_call_id(call));
    if (service && service->is_staged) {
        old = service->config;
        wippyi_supervisor_take(supervisor, service);
    }
    bool off = supervisor->state == WIPPYI_SUPERVISOR_OFF;
    if (off) {
        wippyi_services_sweep(supervisor);
    }
    wippyi_mutex_unlock(&supervisor->lock);
    wippyi_service_release(old);
    if (!off) {
        wippyi_bell_ring(supervisor, &supervisor->bell);
    }
}

/* clang-format off */
#define WIPPYI_LIFECYCLE_FIELDS                                                                    \
    "lifecycle.auto_start", "lifecycle.startup", "lifecycle.requires", "lifecycle.depends_on",     \
    "lifecycle.start_timeout", "lifecycle.stop_timeout", "lifecycle.stable_threshold",             \
    "lifecycle.restart.initial_delay", "lifecycle.restart.delay", "lifecycle.restart.max_delay",   \
    "lifecycle.restart.backoff_factor", "lifecycle.restart.jitter",                                \
    "lifecycle.restart.max_attempts", "lifecycle.security"
#define WIPPYI_HOST_FIELDS                                                                         \
    "host.workers", "host.queue_size", "host.local_queue_size", "host.max_processes",              \
    "host.mailbox_limit", "host.step_budget", "host.memory_limit"
/* clang-format on */

static wippy_result wippyi_supervisor_kinds(wippyi_supervisor *supervisor)
{
    static const char *const host_fields[] = {WIPPYI_HOST_FIELDS, WIPPYI_LIFECYCLE_FIELDS, NULL};
    static const char *const terminal_fields[] = {"hide_logs", WIPPYI_HOST_FIELDS,
                                                  WIPPYI_LIFECYCLE_FIELDS, NULL};
    static const char *const service_fields[] = {"process", "host", "input",
                                                 WIPPYI_LIFECYCLE_FIELDS, NULL};
    static const char *const names[] = {"process.host", "terminal.host", "process.service",
                                        "pg.scope"};
    static const char *const *const fields[] = {host_fields, terminal_fields, service_fields, NULL};
    wippy_result result = WIPPY_OK;
    wippy_kind_desc desc;
    memset(&desc, 0, sizeof(desc));
    desc.flags = WIPPY_KIND_SERVICE;
    desc.check = wippyi_supervisor_check;
    desc.apply = wippyi_supervisor_apply;
    desc.commit = wippyi_supervisor_commit;
    desc.user_data = supervisor;
    for (size_t i = 0; i < WIPPYI_COUNT(names) && result == WIPPY_OK; i++) {
        desc.name = names[i];
        desc.fields = fields[i];
        result = wippy_kind_register(supervisor->rt, &desc);
    }
    return result;
}

#undef WIPPYI_LIFECYCLE_FIELDS
#undef WIPPYI_HOST_FIELDS

/* ------------------------------------------------------------------ creation */

static wippy_result wippyi_supervisor_types(wippyi_supervisor *supervisor)
{
    wippy_type_desc desc;
    memset(&desc, 0, sizeof(desc));
    desc.name = "node.supervisor";
    desc.state_bytes = sizeof(wippyi_root);
    desc.init = wippyi_root_init;
    desc.step = wippyi_root_step;
    desc.close = wippyi_root_close;
    desc.user_data = supervisor;
    wippy_result result = wippy_type_register(supervisor->rt, &desc, &supervisor->root_type);
    return result == WIPPY_OK ? wippyi_runner_register(supervisor) : result;
}

static wippy_result wippyi_supervisor_fill(wippyi_supervisor *supervisor)
{
    wippy_result result = wippyi_frame_trusted(supervisor->mem, &supervisor->frame);
    if (result == WIPPY_OK) {
        result = wippyi_supervisor_types(supervisor);
    }
    return result == WIPPY_OK ? wippyi_supervisor_kinds(supervisor) : result;
}

WIPPYI_FN wippy_result wippyi_supervisor_create(wippy_runtime *rt, wippyi_mem *mem,
                                                wippyi_supervisor **out)
{
    wippyi_supervisor *supervisor = (wippyi_supervisor *)wippyi_mem_alloc(mem, sizeof(*supervisor));
    if (!supervisor) {
        return WIPPY_ERR_NOMEM;
    }
    memset(supervisor, 0, sizeof(*supervisor));
    supervisor->rt = rt;
    supervisor->mem = mem;
    wippy_result result = wippyi_mutex_init(&supervisor->lock);
    if (result == WIPPY_OK) {
        result = wippyi_cond_init(&supervisor->changed);
        if (result != WIPPY_OK) {
            wippyi_mutex_destroy(&supervisor->lock);
        }
    }
    if (result != WIPPY_OK) {
        wippyi_mem_free(mem, supervisor, sizeof(*supervisor));
        return result;
    }
    result = wippyi_supervisor_fill(supervisor);
    if (result != WIPPY_OK) {
        wippyi_supervisor_destroy(supervisor);
        return result;
    }
    *out = supervisor;
    return WIPPY_OK;
}

WIPPYI_FN void wippyi_supervisor_destroy(wippyi_supervisor *supervisor)
{
    if (!supervisor) {
        return;
    }
    while (supervisor->services) {
        wippyi_service *service = supervisor->services;
        supervisor->services = service->next;
        wippyi_service_free(supervisor, service);
    }
    wippy_frame_release(supervisor->rt, supervisor->frame);
    wippyi_cond_destroy(&supervisor->changed);
    wippyi_mutex_destroy(&supervisor->lock);
    wippyi_mem_free(supervisor->mem, supervisor, sizeof(*supervisor));
}
