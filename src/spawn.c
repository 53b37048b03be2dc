#include "spawn.h"

#include "entry.h"
#include "frame.h"
#include "host.h"
#include "message.h"
#include "process.h"
#include "registry.h"
#include "relations.h"
#include "scheduler.h"
#include "sim.h"
#include "value.h"
#include "yield.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define WIPPYI_SPAWN_DEPTH 8 /* inits that spawn, inside each other, on one stack */

/* ---- state memory ---- */

WIPPYI_FN void *wippyi_state_get(wippy_runtime *rt, wippyi_worker *w, uint16_t type)
{
    size_t bytes = wippyi_type_at(rt, type)->desc.state_bytes;
    void *state = bytes > 0 ? wippyi_block_get(rt, w, bytes) : NULL;
    if (state != NULL) {
        memset(state, 0, bytes);
    }
    return state;
}

WIPPYI_FN void wippyi_state_put(wippy_runtime *rt, wippyi_worker *w, uint16_t type, void *state)
{
    wippyi_block_put(rt, w, state, wippyi_type_at(rt, type)->desc.state_bytes);
}

/* ---- init under the watchdog ---- */

/* What the worker was doing when an init began. */
typedef struct wippyi_interlude {
    void *running;
    bool within_step;
} wippyi_interlude;

/* An init is user code: the watchdog has to see it, whether a step asked for it or it comes from a
   queue, and an interrupt is for what runs now. */
static void wippyi_init_enter(wippyi_worker *w, wippyi_slot *slot, wippyi_interlude *outer)
{
    uint64_t step = wippyi_a64_load_rlx(&w->step_number);
    outer->running = wippyi_ap_load_rlx(&w->running);
    outer->within_step = (step & 1) != 0;
    wippyi_ap_store_rel(&w->running, slot);
    if (!outer->within_step) {
        wippyi_a32_store_rlx(&w->overdue, 0);
        wippyi_a64_store_rel(&w->step_number, step + 1); /* as a step does */
    }
}

static void wippyi_init_leave(wippyi_worker *w, const wippyi_interlude *outer)
{
    wippyi_ap_store_rel(&w->running, outer->running);
    if (!outer->within_step) {
        wippyi_a64_store_rlx(&w->inits, wippyi_a64_load_rlx(&w->inits) + 1);
        wippyi_a64_store_rel(&w->step_number, wippyi_a64_load_rlx(&w->step_number) + 1);
    }
}

/* ---- diagnostics ---- */

static wippy_result wippyi_refuse(wippy_diag *diag, wippy_result code, const char *format, ...)
    WIPPYI_PRINTF(3, 4);
static wippy_result wippyi_refuse(wippy_diag *diag, wippy_result code, const char *format, ...)
{
    va_list args;
    if (diag != NULL) {
        memset(diag, 0, sizeof(*diag));
        diag->code = code;
        va_start(args, format);
        (void)vsnprintf(diag->message, sizeof(diag->message), format, args);
        va_end(args);
    }
    return code;
}

/* ---- jobs ---- */

WIPPYI_FN void wippyi_job_free(wippy_runtime *rt, wippyi_worker *w, wippyi_job *job)
{
    wippyi_relation_free(rt, w, job->monitor);
    wippyi_relation_free(rt, w, job->link);
    wippyi_block_put(rt, w, job->own, sizeof(wippyi_relations));
    wippyi_block_put(rt, w, job->parents, sizeof(wippyi_relations));
    while (job->messages != NULL) {
        wippy_mail *mail = job->messages;
        job->messages = mail->next_;
        wippyi_mail_free(rt, w, mail);
    }
    if (job->bytes > 0) {
        wippyi_block_put(rt, w, job, job->bytes);
    }
}

/* Copy a job with its input and name, so that it outlives the call that made it. */
static wippyi_job *wippyi_job_copy(wippy_runtime *rt, wippyi_worker *w, const wippyi_job *from)
{
    size_t name_bytes = from->name != NULL ? from->name_bytes + 1 : 0;
    size_t bytes = sizeof(wippyi_job) + from->input.size + name_bytes;
    wippyi_job *job = (wippyi_job *)wippyi_block_get(rt, w, bytes);
    char *at;
    if (job == NULL) {
        return NULL;
    }
    *job = *from;
    job->bytes = bytes;
    at = (char *)(job + 1);
    if (from->input.size > 0) {
        memcpy(at, from->input.data, from->input.size);
        job->input.data = at;
        at += from->input.size;
    }
    if (name_bytes > 0) {
        memcpy(at, from->name, from->name_bytes);
        at[from->name_bytes] = '\0';
        job->name = at;
    }
    return job;
}

static bool wippyi_job_relations(wippy_runtime *rt, wippyi_worker *w, wippyi_job *job,
                                 uint64_t child)
{
    bool monitor = (job->flags & WIPPY_SPAWN_MONITOR) != 0;
    bool link = (job->flags & WIPPY_SPAWN_LINK) != 0;
    if (!monitor && !link) {
        return true;
    }
    job->monitor = monitor ? wippyi_relation_new(rt, w) : NULL;
    job->link = link ? wippyi_relation_new(rt, w) : NULL;
    job->own = (wippyi_relations *)wippyi_block_get(rt, w, sizeof(wippyi_relations));
    job->parents = (wippyi_relations *)wippyi_block_get(rt, w, sizeof(wippyi_relations));
    if ((monitor && job->monitor == NULL) || (link && job->link == NULL) || job->own == NULL ||
        job->parents == NULL) {
        return false;
    }
    memset(job->own, 0, sizeof(wippyi_relations));
    memset(job->parents, 0, sizeof(wippyi_relations));
    if (monitor) {
        job->monitor->watcher = job->spawner;
        job->monitor->target = child;
    }
    if (link) {
        job->link->watcher = job->spawner;
        job->link->target = child;
        job->link->is_link = true;
    }
    return true;
}

static bool wippyi_job_messages(wippy_runtime *rt, wippyi_worker *w, wippyi_job *job,
                                const wippy_spawn_desc *desc, uint64_t child)
{
    wippy_mail **end = &job->messages;
    uint32_t i;
    for (i = 0; i < desc->message_count; i++) {
        wippy_message message; /* was found good by wippyi_spawn_check() */
        (void)wippyi_message_check(rt, &desc->messages[i], &message);
        *end = wippyi_mail_new(rt, w, child, 0, &message);
        if (*end == NULL) {
            return false;
        }
        end = &(*end)->next_;
    }
    return true;
}

/* ---- birth ---- */

/* The message of an error value, for the caller of a spawn. */
static void wippyi_explain(wippy_diag *diag, wippy_result code, const wippyi_result *error)
{
    wippy_reader reader;
    wippy_value item;
    if (error != NULL && error->size > 0) {
        wippy_reader_init(&reader, wippyi_result_data(error), error->size);
        if (wippy_read(&reader, &item) == WIPPY_OK && item.type == WIPPY_ERROR) {
            (void)wippyi_refuse(diag, code, "%.*s", (int)item.as.error.message.size,
                                item.as.error.message.data);
            return;
        }
    }
    (void)wippyi_refuse(diag, code, "%s", wippy_result_text(code));
}

static void wippyi_complete_error(wippy_runtime *rt, wippyi_worker *w, wippy_token token,
                                  wippy_result code, const wippyi_result *error)
{
    if (error == NULL || error->size == 0) {
        (void)wippyi_complete(rt, w, token, code, NULL, 0, 0);
    } else {
        (void)wippyi_complete(rt, w, token, code, wippyi_result_data(error), error->size, 1);
    }
}

static void wippyi_answer(wippy_runtime *rt, wippyi_worker *w, wippyi_job *job,
                          const wippyi_result *error)
{
    if (job->diag != NULL && job->result != WIPPY_OK) {
        wippyi_explain(job->diag, job->result, error);
    }
    if (job->done != NULL) { /* the waiting thread owns the job from the wake on */
        wippyi_ticket_wake(job->done);
        return;
    }
    if (job->token.sequence != 0 && job->result == WIPPY_OK) {
        wippy_writer writer;
        wippy_slice encoded;
        memset(&encoded, 0, sizeof(encoded));
        wippy_writer_init(&writer, rt);
        wippy_write_int(&writer, (int64_t)job->pid.id);
        (void)wippy_writer_finish(&writer, &encoded);
        (void)wippyi_complete(rt, w, job->token, WIPPY_OK, encoded.data, encoded.size, 1);
    } else if (job->token.sequence != 0) {
        wippyi_complete_error(rt, w, job->token, job->result, error);
    }
    if (job->on_exit.sequence != 0 && job->result != WIPPY_OK) {
        wippyi_complete_error(rt, w, job->on_exit, job->result, error);
    }
}

/* What wippyi_reserve() counted. */
static void wippyi_unreserve(wippyi_host *host, wippyi_worker *w, bool hidden)
{
    if (!hidden) {
        wippyi_place_leave(host, w);
    }
    wippyi_host_leave(host, w);
}

/* init failed, or the name has an owner already: the process never was. Names and relations it made
   vanish without a word. instead: whose pid the caller gets when code is OK. */
static void wippyi_unborn(wippyi_worker *w, wippyi_slot *slot, wippyi_job *job, wippy_self *self,
                          wippy_result code, wippy_pid instead)
{
    wippy_runtime *rt = w->host->rt;
    wippyi_result *error = self->result;
    uint64_t pid = job->pid.id;
    bool hidden = (slot->flags & WIPPYI_PROC_HIDDEN) != 0;
    bool waited_for = job->done != NULL;
    wippy_mail *unread = wippyi_process_shut(rt, w, slot);
    self->result = NULL;
    if (error != NULL && error->code != WIPPY_OK) {
        code = (wippy_result)error->code;
    }
    wippyi_sim_pause(rt);
    wippyi_relations_exit(rt, w, slot, pid, WIPPY_OK, NULL);
    wippyi_state_put(rt, w, slot->type, slot->state);
    slot->state = NULL;
    if (slot->ext != NULL) {
        slot->ext->job = NULL;
        slot->ext->on_exit.sequence = 0;
    }
    wippyi_process_strip(rt, w, slot, unread);
    wippyi_slot_free(rt, w, slot);
    job->result = code;
    job->pid = instead;
    wippyi_unreserve(w->host, w, hidden); /* before the answer, which may lead to another try */
    wippyi_answer(rt, w, job, error);
    if (!waited_for && job->bytes > 0) {
        wippyi_job_free(rt, w, job);
    }
    wippyi_result_release(rt, error);
}

/* Relations with the spawner. It may have ended meanwhile: then there is nobody to tell of our end, and
   job->link stays, see wippyi_bind_dead(). */
static void wippyi_bind_spawner(wippy_runtime *rt, wippyi_worker *w, wippyi_job *job)
{
    wippyi_relations *spares[2];
    spares[0] = job->own;
    spares[1] = job->parents;
    if (job->monitor != NULL && wippyi_relate(rt, job->monitor, spares, true) == WIPPY_OK) {
        job->monitor = NULL;
    }
    if (job->link != NULL) {
        wippy_result r = wippyi_relate(rt, job->link, spares, true);
        if (r == WIPPY_ERR_EXISTS) { /* init has linked them */
            wippyi_relation_free(rt, w, job->link);
        }
        job->link = r == WIPPY_ERR_GONE ? job->link : NULL;
    }
    job->own = spares[0];
    job->parents = spares[1];
}

/* A link to a spawner that is dead breaks at once: whoever wants to live and die with it does not live
   on alone. */
static void wippyi_bind_dead(wippy_runtime *rt, wippyi_worker *w, wippyi_job *job)
{
    if (WIPPYI_UNLIKELY(job->link != NULL)) {
        wippyi_relation_broken(rt, w, job->link);
        job->link = NULL;
    }
}

/* wippy_exec(): let the caller's yield know whom to cancel; if it was dropped meanwhile, do so.
   seq_cst: we write `child` and then look at the state, a drop changes the state and then looks at
   `child`: one of the two sees the other. A record that is another's by now gets its word back. */
static void wippyi_bind_exec(wippy_runtime *rt, wippyi_worker *w, const wippyi_job *job)
{
    uint64_t open = (uint64_t)job->on_exit.sequence << 2 | WIPPYI_YIELD_OPEN;
    uint64_t child = job->pid.id;
    uint64_t before;
    wippyi_yield *yield;
    if (job->on_exit.sequence == 0) {
        return;
    }
    yield = (wippyi_yield *)wippyi_slab_at(&rt->yields, job->on_exit.index);
    /* Only while the yield is ours: a CAS, because the record may be dropped and used again between the
       look and the write, and its next user's child must stay. */
    before = wippyi_a64_load_sc(&yield->child);
    while (wippyi_a64_load_sc(&yield->state) == open &&
           !wippyi_a64_cas_sc(&yield->child, &before, child)) {
    }
    if (wippyi_a64_load_sc(&yield->state) != open) {
        /* our pid -> 0, unless the record's next user has written its own */
        (void)wippyi_a64_cas_sc(&yield->child, &child, 0);
        (void)wippyi_cancel(rt, w, job->on_exit.pid, job->pid.id, "caller ended");
    }
}

/* Was the process asked to end before it could? seq_cst: after the store of the life word that
   publishes it; whoever asks writes the mark and then looks at the life word. */
static bool wippyi_unwanted(const wippyi_slot *slot)
{
    return (wippyi_a32_load_sc(&slot->marks) & WIPPYI_MARK_TERMINATE) != 0;
}

/* A process that comes to life while its host stops was not there when the others were told; one that
   was terminated before its birth ends whatever else is going on. */
static void wippyi_late_for_stop(wippyi_worker *w, const wippyi_slot *slot, uint64_t pid)
{
    uint32_t state = wippyi_a32_load_sc(&w->host->state);
    if (state == WIPPYI_HOST_KILLING || wippyi_unwanted(slot)) {
        (void)wippyi_terminate(w->host->rt, w, pid);
    } else if (state == WIPPYI_HOST_STOPPING) {
        (void)wippyi_cancel(w->host->rt, w, 0, pid, "scheduler shutdown");
    }
}

static void wippyi_born(wippyi_worker *w, wippyi_slot *slot, wippyi_job *job)
{
    wippy_runtime *rt = w->host->rt;
    uint64_t pid = job->pid.id;
    bool waited_for = job->done != NULL;
    if (slot->ext != NULL) {
        slot->ext->job = NULL;
    }
    slot->flags &= (uint16_t)~WIPPYI_PROC_NEW;
    slot->flags |= WIPPYI_PROC_BODY | WIPPYI_PROC_RUN;
    wippyi_bind_spawner(rt, w, job);
    wippyi_sim_pause(rt);
    /* new -> live. release: publishes everything init wrote to senders; seq_cst: before the look at the
       host's state, which a stop changes before it looks for live processes */
    wippyi_a64_store_sc(&slot->life, pid);
    wippyi_sim_pause(rt);
    wippyi_bind_dead(rt, w, job);
    wippyi_late_for_stop(w, slot, pid);
    wippyi_bind_exec(rt, w, job);
    job->result = WIPPY_OK;
    wippyi_a64_store_rlx(&w->spawned, wippyi_a64_load_rlx(&w->spawned) + 1);
    if (WIPPYI_UNLIKELY(rt->desc.trace_fn != NULL)) {
        wippy_trace_record record;
        memset(&record, 0, sizeof(record));
        record.kind = WIPPY_TRACE_SPAWN;
        record.time_ns = wippyi_now_ns(rt);
        record.pid.id = pid;
        record.other.id = slot->parent;
        rt->desc.trace_fn(&record, rt->desc.trace_user_data);
    }
    wippyi_answer(rt, w, job, NULL);
    if (!waited_for && job->bytes > 0) {
        wippyi_job_free(rt, w, job);
    }
    wippyi_schedule(w, slot);
}

/* The name is taken: its owner gets the messages, as if the caller had found it there. Each leaves the
   job as it is sent. Who is no process's mail yet, or not any more, gets none: GONE. */
static wippy_result wippyi_job_signal(const wippy_self *self, wippyi_job *job, wippy_pid *owner)
{
    wippy_self nobody = *self;
    wippy_result r = WIPPY_OK;
    nobody.pid.id = 0;
    if (wippy_name_find(self->rt, job->name, job->name_bytes, owner) != WIPPY_OK ||
        !wippy_alive(self->rt, *owner)) {
        return WIPPY_ERR_GONE;
    }
    while (job->messages != NULL && r == WIPPY_OK) {
        wippy_mail *mail = job->messages;
        wippy_message message;
        memset(&message, 0, sizeof(message));
        message.topic = mail->topic;
        message.topic_name = wippy_mail_topic(self, mail, &message.topic_bytes);
        message.data = wippy_mail_data(mail);
        message.size = mail->size;
        message.count = mail->count;
        r = wippy_send_message(&nobody, *owner, &message);
        if (r == WIPPY_OK) {
            job->messages = mail->next_;
            wippyi_mail_free(self->rt, self->worker, mail);
        }
    }
    return r;
}

/* Get the job's name, or have its owner get the messages. True: there is no more to do. */
static bool wippyi_job_name(wippyi_worker *w, wippyi_slot *slot, wippyi_job *job, wippy_self *self)
{
    wippy_pid owner;
    wippy_result r =
        wippyi_name_claim(w->host->rt, job->name, job->name_bytes, job->pid.id, true);
    if (r == WIPPY_OK) {
        return false;
    }
    owner.id = 0;
    if (r == WIPPY_ERR_EXISTS && job->on_exit.sequence == 0) {
        r = wippyi_job_signal(self, job, &owner);
        if (r == WIPPY_ERR_GONE && job->bytes > 0 &&
            wippyi_a32_load_rlx(&w->host->state) == WIPPYI_HOST_RUNNING) {
            /* its owner is being born or ends: either is over soon, ask again after the others */
            slot->ext->job = job;
            wippyi_requeue(w, slot);
            return true;
        }
        r = r == WIPPY_ERR_GONE ? WIPPY_ERR_EXISTS : r;
    }
    wippyi_self_end(self);
    if (r != WIPPY_OK) {
        owner.id = 0;
    }
    wippyi_unborn(w, slot, job, self, r, owner);
    return true;
}

WIPPYI_FN void wippyi_job_run(wippyi_worker *w, wippyi_slot *slot, wippyi_job *job, uint32_t depth)
{
    wippy_runtime *rt = w->host->rt;
    const wippyi_type *type = wippyi_type_at(rt, job->type);
    wippy_self self = w->self;
    wippy_pid none;
    wippy_result r = WIPPY_OK;
    if (slot->ext != NULL) {
        slot->ext->job = NULL; /* ours now */
    }
    wippyi_self_begin(&self, w, slot, job->pid.id);
    self.depth = depth;
    if (job->name != NULL && wippyi_job_name(w, slot, job, &self)) {
        return;
    }
    if (type->desc.state_bytes > 0) {
        slot->state = wippyi_state_get(rt, w, job->type);
        r = slot->state != NULL ? WIPPY_OK : WIPPY_ERR_NOMEM;
    }
    if (r == WIPPY_OK && job->on_exit.sequence != 0) {
        wippyi_ext *ext = wippyi_ext_of(rt, w, slot);
        r = ext != NULL ? WIPPY_OK : WIPPY_ERR_NOMEM;
        if (ext != NULL) {
            ext->on_exit = job->on_exit;
        }
    }
    if (job->messages != NULL) {
        wippy_mail *last = job->messages;
        while (last->next_ != NULL) {
            last = last->next_;
        }
        slot->fresh = job->messages;
        slot->fresh_end = &last->next_;
        job->messages = NULL;
    }
    if (r == WIPPY_OK && wippyi_unwanted(slot)) {
        r = WIPPY_ERR_CANCELED;
    }
    if (r == WIPPY_OK && type->desc.init != NULL) {
        wippyi_interlude outer;
        wippyi_init_enter(w, slot, &outer);
        r = type->desc.init(&self, slot->state, &job->input);
        wippyi_init_leave(w, &outer);
    }
    if (r == WIPPY_OK && (self.bits & WIPPYI_SELF_FAILED) != 0) {
        r = WIPPY_ERR_INTERNAL; /* wippy_fail() was called but not returned */
    }
    if (self.upgrade != NULL) {
        wippyi_job_free(rt, w, self.upgrade); /* not for init */
    }
    wippyi_self_end(&self);
    if (r != WIPPY_OK) {
        none.id = 0;
        wippyi_unborn(w, slot, job, &self, r, none);
        return;
    }
    wippyi_result_release(rt, self.result);
    wippyi_born(w, slot, job);
}

/* ---- asking for a birth ---- */

/* Of a host that runs: does its limit leave room for one more? */
static wippy_result wippyi_reserve_place(wippyi_host *host, wippyi_worker *w, wippy_diag *diag)
{
    if (wippyi_place_enter(host, w)) {
        return WIPPY_OK;
    }
    wippyi_unreserve(host, w, false);
    if (host->kind == WIPPY_HOST_TERMINAL) {
        return wippyi_refuse(diag, WIPPY_ERR_BUSY, "terminal host is busy");
    }
    return wippyi_refuse(diag, WIPPY_ERR_LIMIT, "max processes limit exceeded");
}

/* Count the new process in, or say why not. */
static wippy_result wippyi_reserve(wippyi_host *host, wippyi_worker *w, bool hidden,
                                   wippy_diag *diag)
{
    wippy_runtime *rt = host->rt;
    uint32_t state;
    bool full;
    if (wippyi_a32_load_acq(&rt->stopping) != 0 && !hidden) {
        return wippyi_refuse(diag, WIPPY_ERR_STOPPED, "scheduler is stopping");
    }
    wippyi_host_enter(host, w);
    /* relaxed, here and for places: a counter that is only compared with its limit; of n at once no more
       get in than the limit leaves room for */
    full = wippyi_runtime_limited(rt) &&
           wippyi_a64_add_rlx(&rt->alive, 1) >= rt->desc.max_processes;
    /* seq_cst with the counter above: stop sets the state and then reads the counter. A host that runs
       while we are counted in is not made anew under us, so what its desc says may be read. */
    state = wippyi_a32_load_sc(&host->state);
    if (state == WIPPYI_HOST_RUNNING && !full) {
        return hidden ? WIPPY_OK : wippyi_reserve_place(host, w, diag);
    }
    wippyi_host_leave(host, w);
    if (state == WIPPYI_HOST_RUNNING) {
        return wippyi_refuse(diag, WIPPY_ERR_LIMIT, "max processes limit exceeded");
    }
    return wippyi_refuse(diag, WIPPY_ERR_STOPPED,
                         state == WIPPYI_HOST_STOPPING ? "host is shutting down"
                                                       : "host is not running");
}

static wippy_result wippyi_spawn_rights(wippy_self *self, const wippy_spawn_desc *desc,
                                        const char *what, const wippyi_host *host, bool exec,
                                        wippy_diag *diag)
{
    const char *verb = exec ? "exec" : "spawn";
    size_t bytes;
    if ((desc->flags & WIPPY_SPAWN_CALL) != 0 || !wippyi_restricted(self)) {
        return WIPPY_OK;
    }
    bytes = strlen(what);
    if (!wippyi_door_text(self, exec ? "process.exec" : "process.spawn", what, bytes)) {
        return wippyi_refuse(diag, WIPPY_ERR_DENIED, "not allowed to %s process: %s", verb, what);
    }
    if ((desc->flags & WIPPY_SPAWN_MONITOR) != 0 &&
        !wippyi_door_text(self, "process.spawn.monitored", what, bytes)) {
        return wippyi_refuse(diag, WIPPY_ERR_DENIED, "not allowed to spawn monitored process: %s",
                             what);
    }
    if ((desc->flags & WIPPY_SPAWN_LINK) != 0 &&
        !wippyi_door_text(self, "process.spawn.linked", what, bytes)) {
        return wippyi_refuse(diag, WIPPY_ERR_DENIED, "not allowed to spawn linked process: %s",
                             what);
    }
    if (host != NULL && !wippyi_door_text(self, "process.host", host->name, strlen(host->name))) {
        return wippyi_refuse(diag, WIPPY_ERR_DENIED, "not allowed to %s on host: %s", verb,
                             host->name);
    }
    return WIPPY_OK;
}

/* A name that is taken: its owner gets the messages instead. GONE: there is no owner, and *sent
   messages went to one that ended meanwhile. */
static wippy_result wippyi_spawn_signals(const wippy_self *self, const wippy_spawn_desc *desc,
                                         wippy_pid *owner, uint32_t *sent)
{
    wippy_self nobody = *self;
    wippy_result r = WIPPY_OK;
    nobody.pid.id = 0;
    if (desc->name == NULL || wippy_name_find(self->rt, desc->name, 0, owner) != WIPPY_OK ||
        !wippy_alive(self->rt, *owner)) {
        return WIPPY_ERR_GONE;
    }
    while (*sent < desc->message_count && r == WIPPY_OK) {
        r = wippy_send_message(&nobody, *owner, &desc->messages[*sent]);
        *sent += r == WIPPY_OK ? 1u : 0u;
    }
    return r;
}

static wippy_result wippyi_spawn_check(const wippy_self *self, const wippy_spawn_desc *desc,
                                       wippy_diag *diag)
{
    wippy_message checked;
    uint32_t i;
    if (desc == NULL || wippyi_self_closing(self) || (desc->name != NULL && desc->name[0] == '\0')) {
        return wippyi_refuse(diag, WIPPY_ERR_INVALID, "invalid spawn description");
    }
    for (i = 0; i < desc->message_count; i++) {
        if (wippyi_message_check(self->rt, &desc->messages[i], &checked) != WIPPY_OK) {
            return wippyi_refuse(diag, WIPPY_ERR_INVALID,
                                 "message %u: topic, size or count is too large", (unsigned)i + 1);
        }
    }
    return WIPPY_OK;
}

/* Runtime services have numbers of their own, so that a program's first pids are 1, 2, 3 ... */
static wippyi_slot *wippyi_slot_take(wippy_runtime *rt, wippyi_slab_cache *cache, bool hidden)
{
    return (wippyi_slot *)(hidden ? wippyi_slab_get_aside(&rt->slots, cache)
                                  : wippyi_slab_get(&rt->slots, cache));
}

static wippyi_slot *wippyi_slot_get(wippy_self *self, bool hidden)
{
    wippy_runtime *rt = self->rt;
    wippyi_slot *slot;
    if (self->worker != NULL) {
        return wippyi_slot_take(rt, &self->worker->slots, hidden);
    }
    wippyi_mutex_lock(&rt->outside_lock);
    slot = wippyi_slot_take(rt, &rt->outside_slots, hidden);
    wippyi_mutex_unlock(&rt->outside_lock);
    return slot;
}

/* Nobody computes with it, and the exact clock costs a sixth of a birth. The coarse one may be behind the
   runtime's beginning. */
static uint32_t wippyi_started_ms(const wippy_runtime *rt)
{
    uint64_t now = rt->sim == NULL ? wippyi_clock_coarse_ns() : rt->sim_ns;
    return now > rt->start_ns ? (uint32_t)((now - rt->start_ns) / WIPPYI_MILLI_NS) : 0;
}

/* Fill a fresh slot for its new tenant. */
static void wippyi_slot_setup(wippy_self *self, wippyi_slot *slot, wippyi_host *host,
                              const wippy_spawn_desc *desc, wippyi_job *job, uint32_t label)
{
    uint64_t before = wippyi_a64_load_rlx(&slot->tenant) & ~WIPPYI_LIFE_TERMINATE;
    uint32_t generation = before != 0 ? wippyi_pid_generation(before) + 1 : 0;
    wippy_frame *frame = desc->frame;
    if (frame == NULL && self->slot != NULL && self->slot->frame != NULL &&
        !self->slot->frame->trusted) {
        frame = self->slot->frame;
    }
    job->pid.id = wippyi_pid_make(slot->head.index, label, generation);
    if (before == 0) {
        wippyi_mailbox_init(&slot->box); /* a zeroed word would mean EMPTY */
    }
    wippyi_ap_store_rlx(&slot->host, host);
    slot->parent = self->pid.id;
    wippyi_a32_store_rlx(&slot->head.count, 0); /* counts steps from here on */
    slot->started_ms = wippyi_started_ms(self->rt);
    slot->state = NULL;
    slot->ext = NULL;
    slot->fresh = NULL;
    slot->fresh_end = &slot->fresh;
    slot->frame = frame != NULL ? wippy_frame_hold(frame) : NULL;
    slot->type = job->type;
    slot->flags = (uint16_t)(((desc->flags & WIPPY_SPAWN_HIGH) != 0 ? WIPPYI_PROC_HIGH : 0) |
                             ((desc->flags & WIPPY_SPAWN_HIDDEN) != 0 ? WIPPYI_PROC_HIDDEN : 0));
    if ((desc->flags & WIPPY_SPAWN_HIGH) != 0) {
        wippyi_a32_store_sc(&host->has_high, 1);
    }
    /* read-modify-write: a late wippy_want_writable() for the last tenant may touch the other bit. Nobody
       sets any but that one until `tenant` is ours. */
    if ((wippyi_a32_load_rlx(&slot->marks) & ~(uint32_t)WIPPYI_MARK_WRITABLE) != 0) {
        wippyi_a32_and_rlx(&slot->marks, WIPPYI_MARK_WRITABLE);
    }
    wippyi_mailbox_open(
        &slot->box); /* owned by us; what was meant for the last tenant is dropped */
    /* release: the new tenant may be related to others from here on, and be told of their end */
    wippyi_a64_store_rel(&slot->tenant, job->pid.id);
}

/* Undo everything up to the point where the job would have been handed over. */
static wippy_result wippyi_spawn_undo(wippy_self *self, wippyi_host *host, wippyi_slot *slot,
                                      wippyi_job *job, bool hidden, wippy_diag *diag)
{
    wippy_runtime *rt = self->rt;
    wippyi_job_free(rt, self->worker, job);
    if (slot != NULL) {
        wippy_mail *unread = wippyi_process_shut(rt, self->worker, slot);
        wippyi_a64_store_rel(&slot->tenant, job->pid.id | WIPPYI_LIFE_TERMINATE);
        wippyi_process_strip(rt, self->worker, slot, unread);
        wippyi_slot_free(rt, self->worker, slot);
    }
    wippyi_unreserve(host, self->worker, hidden);
    return wippyi_refuse(diag, WIPPY_ERR_NOMEM, "out of memory");
}

/* The worker that this thread runs, of whatever host; NULL: none. */
static wippyi_worker *wippyi_worker_here(wippy_runtime *rt)
{
    const wippyi_host *host = (const wippyi_host *)wippyi_ap_load_acq(&rt->host_list);
    wippyi_worker *w = NULL;
    for (; host != NULL && w == NULL; host = host->next_host) {
        w = wippyi_host_here(host);
    }
    return w;
}

/* Wait for the answer. A callback on a worker of another host keeps that worker from its work
   meanwhile: the watchdog must see that, as it sees a long step. */
static bool wippyi_spawn_wait(wippy_runtime *rt, wippyi_ticket *ticket)
{
    wippyi_worker *w = wippyi_worker_here(rt);
    uint64_t step = w != NULL ? wippyi_a64_load_rlx(&w->step_number) : 1;
    bool answered;
    if ((step & 1) != 0) {
        return wippyi_sim_ticket(rt, ticket);
    }
    wippyi_ap_store_rel(&w->running, NULL); /* no process's: the last one has its step behind it */
    wippyi_a64_store_rel(&w->step_number, step + 1); /* as a step does */
    answered = wippyi_sim_ticket(rt, ticket);
    wippyi_a64_store_rlx(&w->inits, wippyi_a64_load_rlx(&w->inits) + 1); /* it is no step */
    wippyi_a64_store_rel(&w->step_number, step + 2);
    wippyi_worker_relieved(w);
    return answered;
}

/* Hand the job to the host and, outside, wait for the answer. */
static wippy_result wippyi_spawn_elsewhere(wippy_self *self, wippyi_host *host, wippyi_slot *slot,
                                           wippyi_job *prepared, const wippy_spawn_desc *desc,
                                           wippy_pid *out, wippy_diag *diag)
{
    wippy_runtime *rt = self->rt;
    bool hidden = (desc->flags & WIPPY_SPAWN_HIDDEN) != 0;
    bool wait = self->slot == NULL;
    wippyi_ext *ext = wippyi_ext_of(rt, self->worker, slot);
    wippyi_job *job = ext != NULL ? wippyi_job_copy(rt, self->worker, prepared) : NULL;
    wippyi_yield *yield = NULL;
    wippyi_ticket ticket;
    wippy_result r;
    if (job != NULL && !wait && job->on_exit.sequence == 0 &&
        (desc->flags & WIPPY_SPAWN_SILENT) == 0) {
        yield = wippyi_yield_open(rt, self->worker, self->slot, self->pid.id, desc->tag);
    }
    if (job == NULL || (!wait && yield == NULL && job->on_exit.sequence == 0 &&
                        (desc->flags & WIPPY_SPAWN_SILENT) == 0)) {
        if (job != NULL) {
            wippyi_block_put(rt, self->worker, job, job->bytes);
        }
        return wippyi_spawn_undo(self, host, slot, prepared, hidden, diag);
    }
    if (yield != NULL) {
        job->token = wippyi_yield_token(yield);
    }
    ext->job = job;
    slot->flags |= WIPPYI_PROC_NEW;
    if (!wait) {
        wippyi_schedule(self->worker, slot);
        return WIPPY_PENDING;
    }
    if (wippyi_ticket_init(&ticket) != WIPPY_OK) {
        wippyi_block_put(rt, NULL, job, job->bytes);
        return wippyi_spawn_undo(self, host, slot, prepared, hidden, diag);
    }
    job->done = &ticket;
    job->diag = diag;
    wippyi_schedule(NULL, slot);
    if (!wippyi_spawn_wait(rt, &ticket)) { /* nobody there can ever move: the job goes on alone */
        job->done = NULL;
        job->diag = NULL;
        return wippyi_refuse(diag, WIPPY_ERR_TIMEOUT, "the host cannot move");
    }
    wippyi_ticket_destroy(&ticket);
    r = job->result;
    if (r == WIPPY_OK && out != NULL) {
        *out = job->pid;
    }
    wippyi_job_free(rt, NULL, job);
    return r;
}

/* init runs inside this call, on worker w. */
static wippy_result wippyi_spawn_here(wippy_self *self, wippyi_worker *w, wippyi_slot *slot,
                                      wippyi_job *job, wippy_pid *out, wippy_diag *diag)
{
    job->diag = diag;
    wippyi_job_run(w, slot, job, self->depth + 1);
    if (job->result == WIPPY_OK && out != NULL) {
        *out = job->pid;
    }
    wippyi_job_free(self->rt, w, job);
    return job->result;
}

static wippy_result wippyi_spawn_resolve(wippy_self *self, const wippy_spawn_desc *desc,
                                         wippyi_host **host, wippy_entry **entry, wippy_type *type,
                                         wippy_diag *diag)
{
    wippy_runtime *rt = self->rt;
    wippy_result r;
    *host = desc->host.id != 0 ? wippyi_host_at(rt, desc->host) : self->host;
    if (*host == NULL) {
        return wippyi_refuse(diag, WIPPY_ERR_NOTFOUND, "host not found");
    }
    *type = desc->type;
    if (desc->entry != NULL && desc->type.id == 0) {
        r = wippyi_registry_resolve(rt, desc->entry, entry, type, diag);
        if (r != WIPPY_OK) {
            return r;
        }
    }
    if (type->id == 0 || type->id > wippyi_a32_load_acq(&rt->type_count)) {
        if (*entry != NULL) {
            wippy_entry_release(rt, *entry);
        }
        return wippyi_refuse(diag, WIPPY_ERR_INVALID, "no such process type");
    }
    return WIPPY_OK;
}

static wippy_result wippyi_spawn_job(wippy_self *self, const wippy_spawn_desc *desc,
                                     wippyi_host *host, wippy_entry *entry, wippy_type type,
                                     wippy_token on_exit, bool queued, wippy_pid *out,
                                     wippy_diag *diag)
{
    wippy_runtime *rt = self->rt;
    bool hidden = (desc->flags & WIPPY_SPAWN_HIDDEN) != 0;
    uint32_t label =
        desc->label != NULL ? wippyi_label_of(rt, desc->label, strlen(desc->label)) : host->id;
    wippyi_slot *slot;
    wippyi_job job;
    memset(&job, 0, sizeof(job));
    job.type = (uint16_t)(type.id - 1);
    job.flags = self->slot != NULL
                    ? desc->flags
                    : desc->flags & ~(uint32_t)(WIPPY_SPAWN_MONITOR | WIPPY_SPAWN_LINK);
    job.spawner = self->pid.id;
    job.name = desc->name;
    job.name_bytes = desc->name != NULL ? strlen(desc->name) : 0;
    job.on_exit = on_exit;
    job.input.data = desc->data;
    job.input.size = desc->size;
    job.input.count = desc->count;
    job.input.method = "";
    slot = label != 0 ? wippyi_slot_get(self, hidden) : NULL;
    if (slot == NULL) {
        return wippyi_spawn_undo(self, host, NULL, &job, hidden, diag);
    }
    wippyi_slot_setup(self, slot, host, desc, &job, label);
    slot->entry = entry != NULL ? wippy_entry_hold(entry) : NULL;
    job.input.entry = entry != NULL ? wippy_entry_id(entry) : "";
    if (!wippyi_job_relations(rt, self->worker, &job, job.pid.id) ||
        !wippyi_job_messages(rt, self->worker, &job, desc, job.pid.id)) {
        return wippyi_spawn_undo(self, host, slot, &job, hidden, diag);
    }
    if (queued) {
        return wippyi_spawn_elsewhere(self, host, slot, &job, desc, out, diag);
    }
    if (self->worker != NULL && self->host == host && self->depth < WIPPYI_SPAWN_DEPTH) {
        return wippyi_spawn_here(self, self->worker, slot, &job, out, diag);
    }
    if (self->worker == NULL &&
        wippyi_host_here(host) != NULL) { /* from a callback: as from init */
        return wippyi_spawn_here(self, wippyi_host_here(host), slot, &job, out, diag);
    }
    if (self->worker == NULL && host->kind == WIPPY_HOST_PUMP && wippyi_pump_enter(host)) {
        wippy_result r =
            wippyi_spawn_here(self, wippyi_host_worker(host, 0), slot, &job, out, diag);
        wippyi_pump_leave(host);
        wippyi_host_notify(host);
        return r;
    }
    return wippyi_spawn_elsewhere(self, host, slot, &job, desc, out, diag);
}

static wippy_result wippyi_spawn_begin(wippy_self *self, const wippy_spawn_desc *desc,
                                       wippyi_host *host, wippy_entry *entry, wippy_type type,
                                       wippy_token on_exit, bool queued, wippy_pid *out,
                                       wippy_diag *diag)
{
    wippy_result r = wippyi_reserve(host, self->worker, (desc->flags & WIPPY_SPAWN_HIDDEN) != 0, diag);
    return r == WIPPY_OK
               ? wippyi_spawn_job(self, desc, host, entry, type, on_exit, queued, out, diag)
               : r;
}

/* Under a name, for which exec does not ask: its owner gets the messages, if there is one. */
static wippy_result wippyi_spawn_named(wippy_self *self, const wippy_spawn_desc *desc,
                                       wippyi_host *host, wippy_entry *entry, wippy_type type,
                                       wippy_pid *out, wippy_diag *diag)
{
    wippy_spawn_desc rest = *desc;
    wippy_token none;
    wippy_pid owner;
    uint32_t sent = 0;
    wippy_result r = wippyi_spawn_signals(self, desc, &owner, &sent);
    if (r == WIPPY_OK && out != NULL) {
        *out = owner;
    }
    if (r != WIPPY_ERR_GONE) {
        return r == WIPPY_OK ? r : wippyi_refuse(diag, r, "%s", wippy_result_text(r));
    }
    memset(&none, 0, sizeof(none));
    rest.messages = desc->message_count > 0 ? desc->messages + sent : NULL;
    rest.message_count -= sent;
    r = wippyi_spawn_begin(self, &rest, host, entry, type, none, false, out, diag);
    if (r == WIPPY_ERR_EXISTS && self->slot != NULL) {
        /* whoever owns the name is being born or ends: a job can wait for that, a call cannot */
        r = wippyi_spawn_begin(self, &rest, host, entry, type, none, true, out, diag);
    }
    return r;
}

/* Host or entry are not what they should be (`why`, and *diag), but nothing is to be spawned if the name
   has an owner. */
static wippy_result wippyi_spawn_unresolved(wippy_self *self, const wippy_spawn_desc *desc,
                                            wippy_result why, wippy_pid *out, wippy_diag *diag)
{
    wippy_pid owner;
    uint32_t sent = 0;
    wippy_result r;
    if (wippy_name_find(self->rt, desc->name, 0, &owner) != WIPPY_OK ||
        !wippy_alive(self->rt, owner)) {
        return why;
    }
    r = desc->entry != NULL
            ? wippyi_spawn_rights(self, desc, desc->entry, NULL, false, diag)
            : WIPPY_OK;
    if (r != WIPPY_OK) {
        return r;
    }
    r = wippyi_spawn_signals(self, desc, &owner, &sent);
    if (r == WIPPY_OK && out != NULL) {
        *out = owner;
    }
    return r == WIPPY_ERR_GONE ? why
           : r == WIPPY_OK     ? r
                               : wippyi_refuse(diag, r, "%s", wippy_result_text(r));
}

static wippy_result wippyi_spawn(wippy_self *self, const wippy_spawn_desc *desc,
                                 wippy_token on_exit, wippy_pid *out, wippy_diag *diag)
{
    wippyi_host *host = NULL;
    wippy_entry *entry = NULL;
    wippy_type type;
    const char *what;
    wippy_result r = wippyi_spawn_check(self, desc, diag);
    wippyi_sim_point(self);
    if (r == WIPPY_OK) {
        r = wippyi_spawn_resolve(self, desc, &host, &entry, &type, diag);
        if (r != WIPPY_OK && desc->name != NULL && on_exit.sequence == 0) {
            return wippyi_spawn_unresolved(self, desc, r, out, diag);
        }
    }
    if (r != WIPPY_OK) {
        return r;
    }
    what = desc->entry != NULL ? desc->entry : wippyi_type_at(self->rt, type.id - 1)->name;
    r = wippyi_spawn_rights(self, desc, what, host, on_exit.sequence != 0, diag);
    if (r == WIPPY_OK && desc->name != NULL && on_exit.sequence == 0) {
        r = wippyi_spawn_named(self, desc, host, entry, type, out, diag);
    } else if (r == WIPPY_OK) {
        r = wippyi_spawn_begin(self, desc, host, entry, type, on_exit, false, out, diag);
    }
    if (entry != NULL) {
        wippy_entry_release(self->rt, entry);
    }
    return r;
}

WIPPY_API wippy_result wippy_spawn(wippy_self *self, const wippy_spawn_desc *desc, wippy_pid *out,
                                   wippy_diag *diag)
{
    wippy_token none;
    memset(&none, 0, sizeof(none));
    return wippyi_spawn(self, desc, none, out, diag);
}

WIPPY_API wippy_result wippy_exec(wippy_self *self, const wippy_spawn_desc *desc,
                                  wippy_token *token, wippy_diag *diag)
{
    wippyi_yield *yield;
    wippy_token opened;
    wippy_result r;
    if (self->slot == NULL || wippyi_self_closing(self)) {
        return wippyi_refuse(diag, WIPPY_ERR_INVALID, "exec needs a process");
    }
    yield = wippyi_yield_open(self->rt, self->worker, self->slot, self->pid.id, desc->tag);
    if (yield == NULL) {
        return wippyi_refuse(diag, WIPPY_ERR_NOMEM, "out of memory");
    }
    opened = wippyi_yield_token(yield);
    r = wippyi_spawn(self, desc, opened, NULL, diag);
    if (r != WIPPY_OK && r != WIPPY_PENDING) {
        (void)wippy_drop(self, opened); /* init may have completed it: nobody shall see that */
        return r;
    }
    if (token != NULL) {
        *token = opened;
    }
    return WIPPY_PENDING;
}

/* ---- rebirth ---- */

WIPPY_API wippy_status wippy_upgrade(wippy_self *self, const char *entry, wippy_type type,
                                     const void *data, size_t size, uint32_t count)
{
    wippyi_job job;
    memset(&job, 0, sizeof(job));
    job.input.data = data;
    job.input.size = size;
    job.input.count = count;
    job.input.method = "";
    job.type = (uint16_t)type.id;
    job.name = entry != NULL ? entry : "";
    job.name_bytes = strlen(job.name);
    if (self->upgrade != NULL) {
        wippyi_job_free(self->rt, self->worker, self->upgrade);
    }
    self->upgrade = wippyi_job_copy(self->rt, self->worker, &job);
    self->bits |= WIPPYI_SELF_RECORDED;
    if (self->upgrade == NULL) {
        return wippy_fail(self, WIPPY_ERR_NOMEM, "upgrade: create failed: out of memory");
    }
    return WIPPY_UPGRADE;
}

/* All kept mail in front of what is fresh, in arrival order. */
static void wippyi_shelves_return(wippyi_slot *slot)
{
    wippyi_ext *ext = slot->ext;
    wippy_mail *kept = NULL;
    wippy_mail **end = &kept;
    if (ext == NULL) {
        return;
    }
    for (;;) {
        wippyi_shelf *oldest = NULL;
        wippy_mail *mail;
        uint32_t i;
        for (i = 0; i < ext->shelf_count; i++) {
            wippyi_shelf *shelf = &ext->shelves[i];
            if (shelf->first != NULL &&
                (oldest == NULL || shelf->first->to_ < oldest->first->to_)) {
                oldest = shelf;
            }
        }
        if (oldest == NULL) {
            break;
        }
        mail = oldest->first;
        oldest->first = mail->next_;
        mail->next_ = NULL;
        *end = mail;
        end = &mail->next_;
    }
    *end = slot->fresh;
    if (slot->fresh == NULL) {
        slot->fresh_end = end;
    }
    slot->fresh = kept;
    ext->kept_count = 0;
    ext->kept_bytes = 0;
}

/* Completions the old body asked for mean nothing to the new one. */
static void wippyi_forget_completions(wippy_runtime *rt, wippyi_worker *w, wippyi_slot *slot)
{
    wippy_mail **at = &slot->fresh;
    while (*at != NULL) {
        wippy_mail *mail = *at;
        if (mail->kind == WIPPY_MAIL_DONE) {
            *at = mail->next_;
            wippyi_mail_release(rt, w, mail);
        } else {
            at = &mail->next_;
        }
    }
    slot->fresh_end = at;
}

/* What the old body would have seen as events is for the new one only if it asked for them in init:
   options are read when mail is delivered, and an upgrade resets them. */
static void wippyi_forget_events(wippy_runtime *rt, wippyi_worker *w, wippyi_slot *slot)
{
    bool trap = (slot->flags & WIPPYI_PROC_TRAP) != 0;
    bool upgradable = (wippyi_a32_load_rlx(&slot->marks) & WIPPYI_MARK_UPGRADABLE) != 0;
    wippy_mail **at = &slot->fresh;
    while (*at != NULL) {
        wippy_mail *mail = *at;
        if ((mail->kind == WIPPY_MAIL_LINK_DOWN && !trap) ||
            (mail->kind == WIPPY_MAIL_OUTDATED && !upgradable)) {
            slot->flags |= mail->kind == WIPPY_MAIL_LINK_DOWN ? WIPPYI_PROC_LINK_FAILED : 0;
            *at = mail->next_;
            wippyi_mail_release(rt, w, mail);
        } else {
            at = &mail->next_;
        }
    }
    slot->fresh_end = at;
}

/* Which entry and type the new body has. */
static wippy_result wippyi_upgrade_resolve(wippy_runtime *rt, wippyi_slot *slot, wippyi_job *job,
                                           wippy_entry **entry, wippy_type *type, wippy_diag *diag)
{
    const char *id = job->name;
    type->id = job->type;
    if (id[0] == '\0' && slot->entry != NULL && type->id == 0) {
        id = wippy_entry_id(slot->entry);
    }
    if (id[0] != '\0') {
        return wippyi_registry_resolve(rt, id, entry, type, diag);
    }
    if (type->id == 0) {
        type->id = (uint32_t)slot->type + 1;
    }
    return type->id <= wippyi_a32_load_acq(&rt->type_count)
               ? WIPPY_OK
               : wippyi_refuse(diag, WIPPY_ERR_INVALID, "no source");
}

/* What the body wished and told ends with it. */
static void wippyi_marks_close(wippyi_slot *slot)
{
    uint32_t marks = wippyi_a32_load_rlx(&slot->marks);
    if ((marks & WIPPYI_MARK_UPGRADABLE) != 0 || marks >= WIPPYI_MARK_MEMORY) {
        wippyi_a32_and_rlx(&slot->marks, WIPPYI_MARK_UPGRADABLE - 1u);
    }
}

static void wippyi_body_close(wippyi_worker *w, wippyi_slot *slot, wippy_self *self)
{
    wippy_runtime *rt = w->host->rt;
    const wippyi_type *type = wippyi_type_at(rt, slot->type);
    wippyi_yields_drop_all(rt, w, slot);
    if (type->desc.close != NULL) {
        wippyi_self_close(self, slot->state);
    }
    slot->flags &= (uint16_t) ~(WIPPYI_PROC_BODY | WIPPYI_PROC_TRAP);
    wippyi_state_put(rt, w, slot->type, slot->state);
    slot->state = NULL;
    wippyi_marks_close(slot);
}

static void wippyi_upgrade_fail(wippy_self *self, const char *stage, wippy_result code,
                                const char *message)
{
    wippyi_result *cause = self->result;
    char text[512];
    (void)snprintf(text, sizeof(text), "%s", message);
    if (cause != NULL && cause->size > 0) { /* what init recorded says more */
        wippy_reader reader;
        wippy_value item;
        wippy_reader_init(&reader, wippyi_result_data(cause), cause->size);
        if (wippy_read(&reader, &item) == WIPPY_OK && item.type == WIPPY_ERROR) {
            (void)snprintf(text, sizeof(text), "%.*s", (int)item.as.error.message.size,
                           item.as.error.message.data);
        }
    }
    (void)wippy_fail(self, code, "upgrade: %s failed: %s", stage, text);
}

WIPPYI_FN bool wippyi_job_upgrade(wippyi_worker *w, wippyi_slot *slot, wippy_self *self)
{
    wippy_runtime *rt = w->host->rt;
    wippyi_job *job = self->upgrade;
    wippyi_latch *stripe = wippyi_stripe_at(rt, slot->head.index);
    wippy_entry *entry = NULL;
    wippy_entry *old;
    wippy_type type;
    wippy_diag diag;
    wippy_result r;
    void *state = NULL;
    self->upgrade = NULL;
    if (job == NULL) {
        (void)wippy_fail(self, WIPPY_ERR_INTERNAL, "upgrade: no source");
        return false;
    }
    memset(&diag, 0, sizeof(diag));
    r = wippyi_upgrade_resolve(rt, slot, job, &entry, &type, &diag);
    if (r == WIPPY_OK && wippyi_type_at(rt, type.id - 1)->desc.state_bytes > 0) {
        state = wippyi_state_get(rt, w, (uint16_t)(type.id - 1));
        if (state == NULL) {
            r = wippyi_refuse(&diag, WIPPY_ERR_NOMEM, "out of memory");
        }
    }
    if (r != WIPPY_OK) {
        wippyi_upgrade_fail(self, "create", r, diag.message);
        if (entry != NULL) {
            wippy_entry_release(rt, entry);
        }
        wippyi_job_free(rt, w, job);
        return false;
    }
    wippyi_body_close(w, slot, self);
    wippyi_shelves_return(slot);
    wippyi_forget_completions(rt, w, slot);
    if (slot->ext != NULL) {
        uint32_t i;
        for (i = 0; i < slot->ext->shelf_count; i++) {
            memset(&slot->ext->shelves[i], 0, sizeof(wippyi_shelf));
            slot->ext->shelves[i].used = i == 0;
        }
    }
    old = slot->entry;
    wippyi_latch_take(stripe); /* statistics and the watchdog read them there */
    slot->entry = entry;
    slot->type = (uint16_t)(type.id - 1);
    wippyi_latch_drop(stripe);
    if (old != NULL) {
        wippy_entry_release(rt, old);
    }
    slot->state = state;
    job->input.entry = entry != NULL ? wippy_entry_id(entry) : "";
    wippyi_self_begin(self, w, slot, self->pid.id);
    if (wippyi_type_at(rt, slot->type)->desc.init != NULL) {
        wippyi_interlude outer;
        wippyi_init_enter(w, slot, &outer);
        r = wippyi_type_at(rt, slot->type)->desc.init(self, slot->state, &job->input);
        wippyi_init_leave(w, &outer);
    }
    wippyi_job_free(rt, w, job);
    if (r != WIPPY_OK || (self->bits & WIPPYI_SELF_FAILED) != 0) {
        wippyi_upgrade_fail(self, "init", r != WIPPY_OK ? r : WIPPY_ERR_INTERNAL,
                            wippy_result_text(r));
        return false;
    }
    wippyi_result_release(rt, self->result);
    self->result = NULL;
    if (self->upgrade != NULL) {
        wippyi_job_free(rt, w, self->upgrade); /* not for init */
        self->upgrade = NULL;
    }
    wippyi_self_end(self);
    slot->flags |= WIPPYI_PROC_BODY;
    wippyi_forget_events(rt, w, slot);
    return true;
}
