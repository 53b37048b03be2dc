#include "process.h"

#include "entry.h"
#include "frame.h"
#include "host.h"
#include "message.h"
#include "outdated.h"
#include "policy.h"
#include "relations.h"
#include "scheduler.h"
#include "sim.h"
#include "spawn.h"
#include "value.h"
#include "yield.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void wippyi_trace(wippy_runtime *rt, wippy_trace_kind kind, uint64_t pid, uint64_t other,
                         int64_t number)
{
    wippy_trace_record record;
    record.kind = kind;
    record.time_ns = wippyi_now_ns(rt);
    record.pid.id = pid;
    record.other.id = other;
    record.number = number;
    rt->desc.trace_fn(&record, rt->desc.trace_user_data);
}

/* ---- the door of rights ---- */

WIPPYI_FN bool wippyi_restricted(const wippy_self *self)
{
    const wippy_frame *frame;
    if (self->slot == NULL) {
        return false; /* the embedding program */
    }
    frame = self->slot->frame;
    if (frame == NULL) {
        return self->rt->desc.strict_rights;
    }
    return !frame->trusted &&
           (self->rt->desc.strict_rights || frame->has_scope || frame->actor[0] != '\0');
}

WIPPYI_FN bool wippyi_door_text(const wippy_self *self, const char *action, const char *resource,
                                size_t bytes)
{
    char room[512];
    char pid[256];
    wippy_writer writer;
    wippy_slice encoded;
    bool allowed;
    if (WIPPYI_LIKELY(!wippyi_restricted(self))) {
        return true;
    }
    if (bytes >= sizeof(room)) {
        return false; /* longer than any resource name there is */
    }
    memcpy(room, resource, bytes);
    room[bytes] = '\0';
    wippy_writer_init(&writer, self->rt);
    wippy_write_map(&writer, 1);
    wippy_write_cstring(&writer, "pid");
    wippy_pid_text(self->rt, self->pid, pid, sizeof(pid));
    wippy_write_cstring(&writer, pid);
    wippy_write_end(&writer);
    allowed = wippy_writer_finish(&writer, &encoded) == WIPPY_OK &&
              wippy_allowed(self, action, room, encoded);
    wippy_writer_free(&writer);
    return allowed;
}

WIPPYI_FN bool wippyi_door_pid(const wippy_self *self, const char *action, wippy_pid pid)
{
    char text[256];
    size_t bytes;
    if (WIPPYI_LIKELY(!wippyi_restricted(self))) {
        return true;
    }
    bytes = wippy_pid_text(self->rt, pid, text, sizeof(text));
    return wippyi_door_text(self, action, text, WIPPYI_MIN(bytes, sizeof(text) - 1));
}

WIPPY_API bool wippy_allowed(const wippy_self *self, const char *action, const char *resource,
                             wippy_slice meta)
{
    if (self->slot == NULL) {
        return true; /* the embedding program */
    }
    return wippyi_policy_allowed(self->rt, self->slot->frame, action, resource, meta);
}

/* ---- mail ---- */

WIPPYI_FN void wippyi_mail_release(wippy_runtime *rt, wippyi_worker *w, wippy_mail *mail)
{
    if (WIPPYI_LIKELY(mail->class_ <= WIPPYI_CLASS_LARGE)) {
        wippyi_mail_free(rt, w, mail);
    } else if (mail->class_ == WIPPYI_MAIL_YIELD) {
        wippyi_yield_free(rt, w, WIPPYI_CONTAINER_OF(mail, wippyi_yield, mail));
    } else {
        wippyi_relation_free(rt, w, WIPPYI_CONTAINER_OF(mail, wippyi_relation, mail));
    }
}

WIPPYI_FN void wippyi_uncount(wippy_runtime *rt, wippyi_worker *w, wippyi_slot *slot)
{
    uint32_t limit = wippyi_a32_load_rlx(&wippyi_slot_host(slot)->mailbox_limit);
    /* seq_cst, before the look at the mark: see wippy_want_writable(). Only who makes room looks: a
       refused sender that finds the mailbox as full as before would wake those who wait in vain. */
    uint32_t before = wippyi_a32_sub_sc(&slot->pending, 1);
    if (WIPPYI_UNLIKELY((wippyi_a32_load_sc(&slot->marks) & WIPPYI_MARK_WRITABLE) != 0) &&
        (limit == 0 || before <= limit)) {
        wippyi_relations_writable(rt, w, slot);
    }
}

static void wippyi_mail_done(wippy_runtime *rt, wippyi_worker *w, wippyi_slot *slot,
                             wippy_mail *mail)
{
    bool counted = (mail->flags & WIPPYI_MAIL_COUNTED) != 0;
    wippyi_mail_release(rt, w, mail);
    if (WIPPYI_UNLIKELY(counted)) {
        wippyi_uncount(rt, w, slot);
    }
}

/* Mail whose receiver is gone. */
static void wippyi_dead_letter(wippy_runtime *rt, wippyi_worker *w, wippyi_slot *slot,
                               wippy_mail *mail)
{
    if (mail->kind == WIPPY_MAIL_MESSAGE) {
        wippyi_a64_add_rlx(&rt->dead_letters, 1); /* gauge */
    }
    wippyi_mail_done(rt, w, slot, mail);
}

WIPPYI_FN wippy_result wippyi_deliver(wippy_runtime *rt, wippyi_worker *w, uint64_t to,
                                      wippy_mail *mail)
{
    wippyi_slot *slot = wippyi_slot_of(rt, to);
    wippyi_push_result pushed;
    /* the tenant, not the life word: what init asked for may come before the process is born */
    if (WIPPYI_UNLIKELY(slot == NULL || !wippyi_tenant_is(slot, to))) {
        return WIPPY_ERR_GONE;
    }
    pushed = wippyi_mailbox_push(&slot->box, mail);
    if (pushed == WIPPYI_PUSH_OWNED) {
        wippyi_schedule(w, slot);
    }
    return pushed == WIPPYI_PUSH_CLOSED ? WIPPY_ERR_GONE : WIPPY_OK;
}

/* Somebody asks the process to end. If that is because who called it is gone, a stop of the host need
   not be patient: see wippyi_host_evict_orphans(). */
static void wippyi_intake_cancel(wippy_runtime *rt, wippyi_slot *slot)
{
    if (slot->ext != NULL && slot->ext->on_exit.sequence != 0 &&
        !wippyi_yield_waits(rt, slot->ext->on_exit)) {
        wippyi_a32_or_rlx(&slot->marks, WIPPYI_MARK_ORPHAN);
    }
}

/* One piece of mail comes in: true = the process shall see it. What the runtime owns ends here. */
static bool wippyi_intake_one(wippyi_worker *w, wippyi_slot *slot, uint64_t pid, wippy_mail *mail)
{
    wippy_runtime *rt = w->host->rt;
    if (WIPPYI_UNLIKELY(mail->to_ != pid)) { /* meant for an earlier tenant of the slot */
        wippyi_dead_letter(rt, w, slot, mail);
        return false;
    }
    if (WIPPYI_LIKELY(mail->kind == WIPPY_MAIL_MESSAGE)) {
        return true;
    }
    if (mail->kind == WIPPY_MAIL_DONE) {
        return wippyi_yield_receive(rt, w, slot, WIPPYI_CONTAINER_OF(mail, wippyi_yield, mail));
    }
    if (mail->kind == WIPPY_MAIL_LINK_DOWN && (slot->flags & WIPPYI_PROC_TRAP) == 0) {
        slot->flags |= WIPPYI_PROC_LINK_FAILED;
        wippyi_mail_release(rt, w, mail);
        return false;
    }
    if (mail->kind == WIPPY_MAIL_OUTDATED) {
        if ((wippyi_a32_load_rlx(&slot->marks) & WIPPYI_MARK_UPGRADABLE) == 0) {
            wippyi_mail_release(rt, w, mail);
            return false;
        }
        return !wippyi_outdated_merge(rt, w, slot, mail);
    }
    if (mail->kind == WIPPY_MAIL_CANCEL) {
        wippyi_intake_cancel(rt, slot);
    }
    return true;
}

/* Part of a list, behind what is there. */
WIPPYI_INLINE void wippyi_fresh_add(wippyi_slot *slot, wippy_mail *first, wippy_mail *last)
{
    last->next_ = NULL;
    if (slot->fresh == NULL) {
        slot->fresh = first;
    } else {
        *slot->fresh_end = first;
    }
    slot->fresh_end = &last->next_;
}

/* A list of mail, oldest first, behind what is there: runs of messages as they are linked, all else one by
   one. */
static void wippyi_intake(wippyi_worker *w, wippyi_slot *slot, uint64_t pid, wippy_mail *mail)
{
    while (mail != NULL) {
        wippy_mail *first = mail;
        wippy_mail *last = NULL;
        wippy_mail *other;
        while (mail != NULL && mail->kind == WIPPY_MAIL_MESSAGE && mail->to_ == pid) {
            last = mail;
            mail = mail->next_;
        }
        if (last != NULL) {
            wippyi_fresh_add(slot, first, last);
        }
        other = mail;
        if (other != NULL) {
            mail = other->next_;
            if (wippyi_intake_one(w, slot, pid, other)) {
                wippyi_fresh_add(slot, other, other);
            }
        }
    }
}

/* ---- self ---- */

/* For a step, after which result and upgrade are NULL again. */
WIPPYI_INLINE void wippyi_self_step(wippy_self *self, wippyi_worker *w, wippyi_slot *slot,
                                    uint64_t pid, wippy_mail *seen)
{
    self->slot = slot;
    self->pid.id = pid;
    self->type = wippyi_type_at(self->rt, slot->type);
    self->current = NULL;
    self->seen = seen;
    self->budget = w->step_budget;
    self->bits = self->rt->self_bits;
    if (WIPPYI_UNLIKELY(slot->frame != NULL) && wippyi_restricted(self)) {
        self->bits |= WIPPYI_SELF_GUARDED;
    }
}

WIPPYI_FN void wippyi_self_begin(wippy_self *self, wippyi_worker *w, wippyi_slot *slot,
                                 uint64_t pid)
{
    self->result = NULL;
    self->upgrade = NULL;
    wippyi_self_step(self, w, slot, pid, NULL);
}

/* A heap block, not counted, nothing handed over: to be freed is all it needs. */
WIPPYI_INLINE bool wippyi_mail_is_plain(const wippy_mail *mail)
{
    return mail->class_ < WIPPYI_CLASSES &&
           (mail->flags & ((uint32_t)WIPPYI_MAIL_COUNTED | (uint32_t)WIPPY_MAIL_OWNED)) == 0;
}

/* There is mail in hand: it is done with. */
static WIPPYI_NOINLINE void wippyi_self_drop_current(wippy_self *self)
{
    wippy_mail *mail = self->current;
    self->current = NULL;
    if (mail == self->seen) {
        self->bits |= WIPPYI_SELF_SEEN_DONE;
    } else {
        wippyi_mail_done(self->rt, self->worker, self->slot, mail);
    }
}

/* The same for the two cases that need no call: it is the only mail of the step, or it goes into a
   magazine with room. */
WIPPYI_INLINE bool wippyi_self_drop_quick(wippy_self *self, wippy_mail *mail)
{
    wippyi_magazine *magazine;
    if (mail == self->seen) {
        self->bits |= WIPPYI_SELF_SEEN_DONE;
    } else if (WIPPYI_LIKELY(wippyi_mail_is_plain(mail))) {
        magazine = &self->worker->heap.classes[mail->class_];
        if (WIPPYI_UNLIKELY(!wippyi_magazine_room(magazine))) {
            return false;
        }
        wippyi_magazine_push(magazine, mail);
    } else {
        return false;
    }
    self->current = NULL;
    return true;
}

WIPPYI_FN void wippyi_self_close(wippy_self *self, void *state)
{
    self->bits |= WIPPYI_SELF_CLOSING | WIPPYI_SELF_GUARDED;
    self->type->desc.close(self, state);
    if (self->current != NULL) {
        wippyi_self_drop_current(self);
    }
    self->bits &= ~(uint32_t)WIPPYI_SELF_CLOSING;
    /* what a close may have recorded means nothing */
    wippyi_result_release(self->rt, self->result);
    self->result = NULL;
    if (self->upgrade != NULL) {
        wippyi_job_free(self->rt, self->worker, self->upgrade);
        self->upgrade = NULL;
    }
}

WIPPYI_FN void wippyi_self_end(wippy_self *self)
{
    if (self->current != NULL) {
        wippyi_self_drop_current(self);
    }
    self->slot = NULL;
}

static WIPPYI_NOINLINE const wippy_mail *wippyi_next_slow(wippy_self *self)
{
    wippyi_self_drop_current(self);
    return wippy_next(self);
}

WIPPY_API const wippy_mail *wippy_next(wippy_self *self)
{
    wippyi_slot *slot = self->slot;
    wippy_mail *mail = self->current;
    if (mail != NULL && WIPPYI_UNLIKELY(!wippyi_self_drop_quick(self, mail))) {
        return wippyi_next_slow(self);
    }
    mail = slot->fresh;
    if (mail == NULL || self->budget == 0) {
        return NULL;
    }
    self->budget--;
    slot->fresh = mail->next_;
    self->current = mail;
    return mail;
}

/* ---- ext ---- */

WIPPYI_FN wippyi_ext *wippyi_ext_of(wippy_runtime *rt, wippyi_worker *w, wippyi_slot *slot)
{
    if (slot->ext == NULL) {
        slot->ext = (wippyi_ext *)wippyi_block_get(rt, w, sizeof(wippyi_ext));
        if (slot->ext != NULL) {
            memset(slot->ext, 0, sizeof(*slot->ext));
        }
    }
    return slot->ext;
}

/* ---- shelves ---- */

#define WIPPYI_SHELVES_MAX 4096

static wippyi_shelf *wippyi_shelf_at(wippyi_ext *ext, uint32_t shelf)
{
    if (ext == NULL || shelf >= ext->shelf_count || !ext->shelves[shelf].used) {
        return NULL;
    }
    return &ext->shelves[shelf];
}

static void wippyi_shelf_clear(wippyi_shelf *shelf, bool used)
{
    shelf->first = NULL;
    shelf->last = NULL;
    shelf->used = used;
}

static bool wippyi_shelves_grow(wippy_self *self, wippyi_ext *ext)
{
    uint32_t count = ext->shelf_count == 0 ? 4 : ext->shelf_count * 2;
    wippyi_shelf *shelves;
    uint32_t i;
    shelves = (wippyi_shelf *)wippyi_block_get(self->rt, self->worker, count * sizeof(*shelves));
    if (shelves == NULL || count > WIPPYI_SHELVES_MAX) {
        wippyi_block_put(self->rt, self->worker, shelves, count * sizeof(*shelves));
        return false;
    }
    for (i = 0; i < count; i++) {
        wippyi_shelf_clear(&shelves[i], i == 0);
    }
    if (ext->shelf_count > 0) {
        memcpy(shelves, ext->shelves, ext->shelf_count * sizeof(*shelves));
        wippyi_block_put(self->rt, self->worker, ext->shelves,
                         ext->shelf_count * sizeof(*shelves));
    }
    ext->shelves = shelves;
    ext->shelf_count = count;
    return true;
}

/* In arrival order: mail kept again goes back to its place. */
static void wippyi_shelf_insert(wippyi_shelf *shelf, wippy_mail *mail, wippy_mail **hint)
{
    wippy_mail **at = hint != NULL && *hint != NULL ? &(*hint)->next_ : &shelf->first;
    if (shelf->last != NULL && shelf->last->to_ < mail->to_) {
        at = &shelf->last->next_;
    }
    while (*at != NULL && (*at)->to_ < mail->to_) {
        at = &(*at)->next_;
    }
    mail->next_ = *at;
    *at = mail;
    if (mail->next_ == NULL) {
        shelf->last = mail;
    }
    if (hint != NULL) {
        *hint = mail;
    }
}

WIPPY_API uint32_t wippy_shelf_open(wippy_self *self)
{
    wippyi_ext *ext = wippyi_ext_of(self->rt, self->worker, self->slot);
    uint32_t i;
    if (ext == NULL) {
        return 0;
    }
    for (;;) {
        for (i = 1; i < ext->shelf_count; i++) {
            if (!ext->shelves[i].used) {
                wippyi_shelf_clear(&ext->shelves[i], true);
                return i;
            }
        }
        if (!wippyi_shelves_grow(self, ext)) {
            return 0;
        }
    }
}

WIPPY_API void wippy_shelf_close(wippy_self *self, uint32_t number)
{
    wippyi_shelf *shelf = wippyi_shelf_at(self->slot->ext, number);
    wippy_mail *hint = NULL;
    if (shelf == NULL || number == 0) {
        return;
    }
    while (shelf->first != NULL) {
        wippy_mail *mail = shelf->first;
        shelf->first = mail->next_;
        wippyi_shelf_insert(&self->slot->ext->shelves[0], mail, &hint);
    }
    wippyi_shelf_clear(shelf, false);
}

WIPPY_API wippy_result wippy_shelf_keep(wippy_self *self, const wippy_mail *given, uint32_t number)
{
    wippyi_ext *ext = wippyi_ext_of(self->rt, self->worker, self->slot);
    wippy_mail *mail = self->current;
    wippyi_shelf *shelf;
    WIPPYI_API_CHECK(given == mail);
    if (mail == NULL || given != mail) {
        return WIPPY_ERR_INVALID;
    }
    if (ext == NULL || (ext->shelf_count == 0 && !wippyi_shelves_grow(self, ext))) {
        return WIPPY_ERR_NOMEM;
    }
    shelf = wippyi_shelf_at(ext, number);
    if (shelf == NULL) {
        return WIPPY_ERR_INVALID;
    }
    self->current = NULL;
    if ((mail->flags & WIPPYI_MAIL_NUMBERED) == 0) {
        mail->flags |= WIPPYI_MAIL_NUMBERED;
        mail->to_ = ++ext->arrivals;
    }
    ext->kept_count++;
    ext->kept_bytes += wippyi_mail_bytes(mail);
    wippyi_shelf_insert(shelf, mail, NULL);
    return WIPPY_OK;
}

WIPPY_API const wippy_mail *wippy_shelf_peek(wippy_self *self, uint32_t number)
{
    wippyi_shelf *shelf = wippyi_shelf_at(self->slot->ext, number);
    return shelf != NULL ? shelf->first : NULL;
}

WIPPY_API const wippy_mail *wippy_shelf_take(wippy_self *self, uint32_t number)
{
    wippyi_ext *ext = self->slot->ext;
    wippyi_shelf *shelf = wippyi_shelf_at(ext, number);
    wippy_mail *mail;
    if (self->current != NULL) {
        wippyi_self_drop_current(self);
    }
    if (shelf == NULL || shelf->first == NULL) {
        return NULL;
    }
    mail = shelf->first;
    shelf->first = mail->next_;
    if (shelf->first == NULL) {
        shelf->last = NULL;
    }
    mail->next_ = NULL;
    ext->kept_count--;
    ext->kept_bytes -= wippyi_mail_bytes(mail);
    self->current = mail;
    return mail;
}

static bool wippyi_claims(wippy_self *self, const wippy_mail *mail, const char *topic, size_t bytes)
{
    size_t have;
    const char *name = wippy_mail_topic(self, mail, &have);
    if (mail->kind != WIPPY_MAIL_MESSAGE) {
        return false;
    }
    if (topic == NULL) {
        return have == 0 || name[0] != '@';
    }
    return have == bytes && memcmp(name, topic, bytes) == 0;
}

WIPPY_API size_t wippy_shelf_claim(wippy_self *self, uint32_t number, const char *topic,
                                   size_t bytes)
{
    wippyi_ext *ext = self->slot->ext;
    wippyi_shelf *shelf = wippyi_shelf_at(ext, number);
    wippyi_shelf *pool = wippyi_shelf_at(ext, 0);
    wippy_mail **at;
    wippy_mail *hint = NULL;
    wippy_mail *kept = NULL;
    size_t moved = 0;
    if (shelf == NULL || pool == NULL || number == 0) {
        return 0;
    }
    for (at = &pool->first; *at != NULL;) {
        wippy_mail *mail = *at;
        if (wippyi_claims(self, mail, topic, bytes)) {
            *at = mail->next_;
            wippyi_shelf_insert(shelf, mail, &hint);
            moved++;
        } else {
            kept = mail;
            at = &mail->next_;
        }
    }
    pool->last = kept;
    return moved;
}

WIPPY_API size_t wippy_kept_bytes(const wippy_self *self)
{
    return self->slot->ext != NULL ? self->slot->ext->kept_bytes : 0;
}

WIPPY_API size_t wippy_kept_count(const wippy_self *self)
{
    return self->slot->ext != NULL ? self->slot->ext->kept_count : 0;
}

/* ---- results ---- */

static wippy_status wippyi_record(wippy_self *self, wippyi_result *result)
{
    wippyi_result_release(self->rt, self->result);
    self->result = result;
    self->bits |= WIPPYI_SELF_RECORDED;
    return WIPPY_DONE;
}

/* NOMEM as an error value needs no memory: it is made of the code alone. */
static wippy_status wippyi_record_or_nomem(wippy_self *self, wippyi_result *result)
{
    if (result == NULL) {
        self->bits |= WIPPYI_SELF_FAILED;
        result = self->rt->fixed[WIPPYI_FIXED_NOMEM];
        wippyi_result_hold(result);
    }
    return wippyi_record(self, result);
}

WIPPY_API wippy_status wippy_done(wippy_self *self)
{
    return wippyi_record(self, NULL);
}

WIPPY_API wippy_status wippy_done_value(wippy_self *self, const void *data, size_t size)
{
    return wippyi_record_or_nomem(self, wippyi_result_new(self->rt, WIPPY_OK, data, size));
}

WIPPY_API wippy_status wippy_fail(wippy_self *self, wippy_result result, const char *format, ...)
{
    char text[1024];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    self->bits |= WIPPYI_SELF_FAILED;
    return wippyi_record_or_nomem(self, wippyi_result_error(self->rt, result, text));
}

WIPPY_API wippy_status wippy_fail_value(wippy_self *self, wippy_result result, const void *data,
                                        size_t size)
{
    self->bits |= WIPPYI_SELF_FAILED;
    return wippyi_record_or_nomem(self, wippyi_result_new(self->rt, result, data, size));
}

/* ---- the end ---- */

static void wippyi_mails_release(wippy_runtime *rt, wippyi_worker *w, wippyi_slot *slot,
                                 wippy_mail *mail)
{
    while (mail != NULL) {
        wippy_mail *next = mail->next_;
        wippyi_dead_letter(rt, w, slot, mail);
        mail = next;
    }
}

static void wippyi_ext_free(wippy_runtime *rt, wippyi_worker *w, wippyi_slot *slot)
{
    wippyi_ext *ext = slot->ext;
    uint32_t i;
    if (ext == NULL) {
        return;
    }
    for (i = 0; i < ext->shelf_count; i++) {
        wippyi_mails_release(rt, w, slot, ext->shelves[i].first);
    }
    wippyi_block_put(rt, w, ext->shelves, ext->shelf_count * sizeof(wippyi_shelf));
    wippyi_block_put(rt, w, ext, sizeof(*ext));
    slot->ext = NULL;
}

/* The yields go first: a completer that finds the mailbox closed frees its record, which must be in
   no list then. */
WIPPYI_FN wippy_mail *wippyi_process_shut(wippy_runtime *rt, wippyi_worker *w, wippyi_slot *slot)
{
    wippyi_yields_drop_all(rt, w, slot);
    /* seq_cst is not needed: a push that got in before the close is drained, a later one sees CLOSED */
    wippyi_a64_store_rel(&slot->life, 0);
    return wippyi_mailbox_close(&slot->box);
}

WIPPYI_FN void wippyi_process_strip(wippy_runtime *rt, wippyi_worker *w, wippyi_slot *slot,
                                    wippy_mail *unread)
{
    wippyi_mails_release(rt, w, slot, slot->fresh);
    wippyi_mails_release(rt, w, slot, unread);
    slot->fresh = NULL;
    wippyi_ext_free(rt, w, slot);
    if (slot->entry != NULL) {
        wippy_entry_release(rt, slot->entry);
        slot->entry = NULL;
    }
    if (slot->frame != NULL) {
        wippy_frame_release(rt, slot->frame);
        slot->frame = NULL;
    }
}

/* The slot may be used again, unless its generations are used up. */
WIPPYI_FN void wippyi_slot_free(wippy_runtime *rt, wippyi_worker *w, wippyi_slot *slot)
{
    uint64_t tenant = wippyi_a64_load_rlx(&slot->tenant) & ~WIPPYI_LIFE_TERMINATE;
    if (wippyi_pid_generation(tenant) >= WIPPYI_GENERATION_MAX) {
        return;
    }
    if (w != NULL) {
        wippyi_slab_put(&rt->slots, &w->slots, slot);
        return;
    }
    wippyi_mutex_lock(&rt->outside_lock);
    wippyi_slab_put(&rt->slots, &rt->outside_slots, slot);
    wippyi_mutex_unlock(&rt->outside_lock);
}

static void wippyi_tell_host(wippyi_host *host, uint64_t pid, const wippyi_result *result)
{
    wippy_exit_info info;
    if (host->desc.exit_fn == NULL) {
        return;
    }
    memset(&info, 0, sizeof(info));
    info.pid.id = pid;
    info.result = result != NULL ? (wippy_result)result->code : WIPPY_OK;
    if (result != NULL && result->size > 0) {
        info.value.data = (const char *)wippyi_result_data(result);
        info.value.size = result->size;
    }
    host->desc.exit_fn(host->rt, &info, host->desc.user_data);
}

static void wippyi_complete_exec(wippy_runtime *rt, wippyi_worker *w, wippyi_slot *slot,
                                 const wippyi_result *result)
{
    wippy_token token;
    if (slot->ext == NULL || slot->ext->on_exit.sequence == 0) {
        return;
    }
    token = slot->ext->on_exit;
    if (result == NULL) {
        (void)wippyi_complete(rt, w, token, WIPPY_OK, NULL, 0, 0);
    } else {
        (void)wippyi_complete(rt, w, token, (wippy_result)result->code, wippyi_result_data(result),
                              result->size, result->size > 0 ? 1 : 0);
    }
}

/* The completion sequence. Takes over `result`. */
static void wippyi_process_finish(wippyi_worker *w, wippyi_slot *slot, uint64_t pid,
                                  wippyi_result *result)
{
    wippy_runtime *rt = w->host->rt;
    wippyi_host *host = wippyi_slot_host(slot);
    const wippyi_type *type = wippyi_type_at(rt, slot->type);
    bool hidden = (slot->flags & WIPPYI_PROC_HIDDEN) != 0;
    wippy_result code = result != NULL ? (wippy_result)result->code : WIPPY_OK;
    /* 1: not reachable any more */
    wippy_mail *unread = wippyi_process_shut(rt, w, slot);
    wippyi_sim_pause(rt);
    if (!hidden) { /* before the news: who hears of the end may spawn another in its place */
        wippyi_place_leave(host, w);
    }
    /* 2 to 5: names, relations, EXIT, LINK_DOWN */
    wippyi_relations_exit(rt, w, slot, pid, code, result);
    wippyi_sim_pause(rt);
    wippyi_complete_exec(rt, w, slot, result);
    /* 6: the host */
    wippyi_tell_host(host, pid, result);
    /* 7: the body */
    if (type->desc.close != NULL && (slot->flags & WIPPYI_PROC_BODY) != 0) {
        w->self.slot = slot;
        w->self.pid.id = pid;
        w->self.type = type;
        w->self.seen = NULL;
        wippyi_self_close(&w->self, slot->state);
        w->self.slot = NULL;
    }
    wippyi_state_put(rt, w, slot->type, slot->state);
    slot->state = NULL;
    wippyi_process_strip(rt, w, slot, unread);
    wippyi_result_release(rt, result);
    if (WIPPYI_UNLIKELY(rt->desc.trace_fn != NULL)) {
        wippyi_trace(rt, WIPPY_TRACE_EXIT, pid, 0, (int64_t)code);
    }
    wippyi_sim_pause(rt);
    wippyi_slot_free(rt, w, slot);
    wippyi_host_leave(host, w);
}

/* ---- one turn ---- */

/* What came during a step that peeked is taken in, and the mail it peeked at leaves the mailbox. */
static void wippyi_process_take_rest(wippyi_worker *w, wippyi_slot *slot, uint64_t pid)
{
    wippy_mail *seen = w->self.seen;
    wippy_mail *rest;
    if (seen == NULL) {
        return;
    }
    w->self.seen = NULL;
    rest = wippyi_mailbox_take_after(&slot->box, seen);
    if (slot->fresh == seen) {
        slot->fresh_end = &seen->next_;
    } else if ((w->self.bits & WIPPYI_SELF_SEEN_DONE) != 0) {
        wippyi_mail_release(w->host->rt, w, seen);
    }
    wippyi_intake(w, slot, pid, rest);
}

/* The process has more to do. */
static WIPPYI_NOINLINE void wippyi_process_stay(wippyi_worker *w, wippyi_slot *slot, uint64_t pid)
{
    wippyi_process_take_rest(w, slot, pid);
    wippyi_requeue(w, slot);
}

/* The process has nothing to do: give it up, unless mail or a terminate came. */
WIPPYI_INLINE void wippyi_process_rest(wippyi_worker *w, wippyi_slot *slot, uint64_t pid,
                                       wippy_mail *seen)
{
    if (WIPPYI_LIKELY(seen != NULL && slot->fresh == NULL)) {
        if (WIPPYI_UNLIKELY(!wippyi_mailbox_idle_after(&slot->box, seen))) {
            wippyi_process_stay(w, slot, pid);
            return;
        }
        if (WIPPYI_LIKELY((w->self.bits & WIPPYI_SELF_SEEN_DONE) != 0)) {
            wippyi_heap_put(&w->heap, seen->class_, seen);
        }
    } else if (slot->fresh != NULL || !wippyi_mailbox_idle(&slot->box)) {
        wippyi_process_stay(w, slot, pid);
        return;
    }
    /* From here on another thread may own the process; only the atomic words may be looked at.
       seq_cst: after the idle, see wippyi_mailbox_idle(). */
    if (WIPPYI_UNLIKELY((wippyi_a64_load_sc(&slot->life) & WIPPYI_LIFE_TERMINATE) != 0) &&
        wippyi_mailbox_claim(&slot->box)) {
        wippyi_requeue(w, slot);
    }
}

static void wippyi_mark_blocked(wippyi_slot *slot, bool blocked)
{
    bool is = (wippyi_a32_load_rlx(&slot->marks) & WIPPYI_MARK_BLOCKED) != 0;
    if (WIPPYI_LIKELY(is == blocked)) {
        return;
    }
    /* gauge; read-modify-write because others set WIPPYI_MARK_WRITABLE in the same word */
    if (blocked) {
        wippyi_a32_or_rlx(&slot->marks, WIPPYI_MARK_BLOCKED);
    } else {
        wippyi_a32_and_rlx(&slot->marks, ~(uint32_t)WIPPYI_MARK_BLOCKED);
    }
}

WIPPYI_INLINE void wippyi_step_enter(wippyi_worker *w, wippyi_slot *slot)
{
    wippyi_a32_store_rlx(&w->overdue, 0);
    wippyi_ap_store_rel(&w->running, slot);
    /* odd: inside a step. release: an interrupt on this thread sees `running` */
    wippyi_a64_store_rel(&w->step_number, wippyi_a64_load_rlx(&w->step_number) + 1);
}

WIPPYI_INLINE void wippyi_step_leave(wippyi_worker *w)
{
    wippyi_a64_store_rel(&w->step_number, wippyi_a64_load_rlx(&w->step_number) + 1);
    if (WIPPYI_UNLIKELY(wippyi_a32_load_rlx(&w->overdue) != 0)) {
        wippyi_worker_relieved(w);
    }
}

static void wippyi_process_end_with(wippyi_worker *w, wippyi_slot *slot, uint64_t pid, int which)
{
    wippyi_result *result = w->host->rt->fixed[which];
    wippyi_result_hold(result);
    wippyi_process_finish(w, slot, pid, result);
}

/* The end of a step that is not simply over. */
static WIPPYI_NOINLINE void wippyi_process_after(wippyi_worker *w, wippyi_slot *slot, uint64_t pid,
                                                 wippy_status status)
{
    wippy_runtime *rt = w->host->rt;
    wippy_self *self = &w->self;
    wippyi_result *result;
    if (self->upgrade != NULL && status != WIPPY_UPGRADE) {
        wippyi_job_free(rt, w, self->upgrade); /* asked for, then thought better of it */
        self->upgrade = NULL;
    }
    result = self->result;
    self->result = NULL;
    if (rt->desc.trace_fn != NULL) {
        wippyi_trace(rt, WIPPY_TRACE_STEP, pid, 0, (int64_t)status);
    }
    switch (status) {
    case WIPPY_IDLE:
    case WIPPY_YIELD:
        wippyi_result_release(rt, result);
        wippyi_mark_blocked(slot, status == WIPPY_YIELD);
        wippyi_process_rest(w, slot, pid, self->seen);
        return;
    default: break;
    }
    wippyi_process_take_rest(w, slot, pid);
    switch (status) {
    case WIPPY_CONTINUE:
        wippyi_result_release(rt, result);
        slot->flags |= WIPPYI_PROC_RUN;
        wippyi_requeue(w, slot);
        break;
    case WIPPY_UPGRADE:
        wippyi_result_release(rt, result);
        if ((slot->flags & WIPPYI_PROC_LINK_FAILED) != 0) { /* during the step; the new body might trap */
            wippyi_job_free(rt, w, self->upgrade);
            self->upgrade = NULL;
            wippyi_process_end_with(w, slot, pid, WIPPYI_FIXED_LINK);
            break;
        }
        self->slot = slot;
        if (wippyi_job_upgrade(w, slot, self)) {
            self->slot = NULL;
            slot->flags |= WIPPYI_PROC_RUN;
            wippyi_requeue(w, slot);
        } else {
            result = self->result;
            self->result = NULL;
            wippyi_process_finish(w, slot, pid, result);
        }
        break;
    case WIPPY_DONE:
    default: wippyi_process_finish(w, slot, pid, result); break;
    }
}

/* The step of a process that is alive. */
WIPPYI_INLINE void wippyi_process_step(wippyi_worker *w, wippyi_slot *slot, uint64_t pid,
                                       wippy_mail *seen)
{
    wippy_self *self = &w->self;
    wippy_status status;
    uint32_t unusual;
    wippyi_self_step(self, w, slot, pid, seen);
    wippyi_step_enter(w, slot);
    wippyi_a32_store_rlx(&slot->head.count, wippyi_a32_load_rlx(&slot->head.count) + 1);
    status = self->type->desc.step(self, slot->state);
    wippyi_step_leave(w);
    wippyi_a64_store_rlx(&w->messages, wippyi_a64_load_rlx(&w->messages) +
                                           (w->step_budget - self->budget));
    if (WIPPYI_UNLIKELY(self->current != NULL)) {
        wippyi_self_drop_current(self);
    }
    self->slot = NULL;
    unusual = (self->bits & ~(uint32_t)WIPPYI_SELF_SEEN_DONE) |
              (wippyi_a32_load_rlx(&slot->marks) & WIPPYI_MARK_BLOCKED) | (uint32_t)status;
    if (WIPPYI_UNLIKELY(unusual != 0)) { /* WIPPY_IDLE is 0 */
        wippyi_process_after(w, slot, pid, status);
    } else {
        wippyi_process_rest(w, slot, pid, seen);
    }
}

WIPPYI_FN void wippyi_process_run(wippyi_worker *w, wippyi_slot *slot)
{
    wippy_mail *seen;
    uint64_t life;
    uint32_t flags;
    if (WIPPYI_UNLIKELY((slot->flags & WIPPYI_PROC_NEW) != 0)) {
        wippyi_job_run(w, slot, slot->ext->job, 0);
        return;
    }
    life = wippyi_a64_load_acq(&slot->life);
    if (WIPPYI_UNLIKELY((life & WIPPYI_LIFE_TERMINATE) != 0)) {
        wippyi_process_end_with(w, slot, life & ~WIPPYI_LIFE_TERMINATE, WIPPYI_FIXED_TERMINATED);
        return;
    }
    seen = wippyi_mailbox_peek(&slot->box);
    if (WIPPYI_LIKELY(seen != NULL && slot->fresh == NULL && seen->to_ == life &&
                      seen->kind == WIPPY_MAIL_MESSAGE && wippyi_mail_is_plain(seen))) {
        slot->fresh = seen;
    } else {
        seen = NULL;
        wippyi_intake(w, slot, life, wippyi_mailbox_take(&slot->box));
    }
    flags = slot->flags;
    if (WIPPYI_UNLIKELY((flags & (WIPPYI_PROC_LINK_FAILED | WIPPYI_PROC_RUN)) != 0)) {
        if ((flags & WIPPYI_PROC_LINK_FAILED) != 0) {
            slot->fresh = seen != NULL ? NULL : slot->fresh; /* it is in the box still */
            wippyi_process_end_with(w, slot, life, WIPPYI_FIXED_LINK);
            return;
        }
        slot->flags = (uint16_t)(flags & ~(uint32_t)WIPPYI_PROC_RUN);
    } else if (WIPPYI_UNLIKELY(slot->fresh == NULL)) {
        /* only dead letters, or nothing: no step without events */
        w->self.seen = NULL;
        wippyi_process_rest(w, slot, life, NULL);
        return;
    }
    wippyi_process_step(w, slot, life, seen);
}

/* ---- facts about the caller ---- */

WIPPY_API wippy_runtime *wippy_self_runtime(const wippy_self *self)
{
    return self->rt;
}

WIPPY_API wippy_pid wippy_self_pid(const wippy_self *self)
{
    return self->pid;
}

WIPPY_API wippy_pid wippy_self_parent(const wippy_self *self)
{
    wippy_pid pid;
    pid.id = self->slot != NULL ? self->slot->parent : 0;
    return pid;
}

WIPPY_API wippy_host wippy_self_host(const wippy_self *self)
{
    wippy_host host;
    host.id = self->host != NULL ? self->host->id : 0;
    return host;
}

WIPPY_API wippy_host_kind wippy_self_host_kind(const wippy_self *self)
{
    return self->host != NULL ? self->host->kind : WIPPY_HOST_POOL;
}

WIPPY_API const char *wippy_self_entry(const wippy_self *self)
{
    return self->slot != NULL && self->slot->entry != NULL ? wippy_entry_id(self->slot->entry) : "";
}

WIPPY_API void *wippy_self_user_data(const wippy_self *self)
{
    return self->slot != NULL ? self->type->desc.user_data : NULL;
}

WIPPY_API size_t wippy_self_memory_limit(const wippy_self *self)
{
    return self->host != NULL ? self->host->desc.memory_limit : 0;
}

WIPPY_API wippy_frame *wippy_self_frame(const wippy_self *self)
{
    return self->slot != NULL ? self->slot->frame : NULL;
}

WIPPY_API uint64_t wippy_self_seed(wippy_self *self)
{
    uint64_t mixed;
    if (self->worker != NULL) {
        return wippyi_random(&self->worker->random);
    }
    /* RMW: two threads never get the same number; nothing is published */
    mixed = wippyi_a64_add_rlx(&self->rt->random, 0x9e3779b97f4a7c15u);
    return wippyi_random(&mixed);
}

WIPPY_API bool wippy_should_yield(const wippy_self *self)
{
    return self->worker != NULL && (wippyi_a32_load_rlx(&self->worker->overdue) != 0 ||
                                    wippy_terminated(self));
}

WIPPY_API bool wippy_terminated(const wippy_self *self)
{
    return self->slot != NULL &&
           ((wippyi_a64_load_rlx(&self->slot->life) & WIPPYI_LIFE_TERMINATE) != 0 ||
            (wippyi_a32_load_rlx(&self->slot->marks) & WIPPYI_MARK_TERMINATE) != 0 ||
            wippyi_a32_load_rlx(&self->host->state) == WIPPYI_HOST_KILLING);
}

WIPPYI_FN void wippyi_slot_memory(wippyi_slot *slot, size_t bytes)
{
    size_t units = bytes / WIPPYI_MEMORY_UNIT + (bytes % WIPPYI_MEMORY_UNIT != 0 ? 1 : 0);
    uint32_t after = (uint32_t)WIPPYI_MIN(units, (size_t)WIPPYI_MEMORY_MAX);
    uint32_t before = wippyi_a32_load_rlx(&slot->marks) / WIPPYI_MARK_MEMORY;
    /* gauge; only the owner changes these bits, so a difference is enough; read-modify-write because
       others change the lower ones */
    wippyi_a32_add_rlx(&slot->marks, (after - before) * WIPPYI_MARK_MEMORY);
}

WIPPY_API void wippy_self_memory(wippy_self *self, size_t bytes)
{
    if (self->slot != NULL) {
        wippyi_slot_memory(self->slot, bytes);
    }
}

WIPPY_API void wippy_trap_links(wippy_self *self, bool on)
{
    if (self->slot == NULL) {
        return;
    }
    if (on) {
        self->slot->flags |= WIPPYI_PROC_TRAP;
    } else {
        self->slot->flags &= (uint16_t)~WIPPYI_PROC_TRAP;
    }
}

WIPPY_API bool wippy_traps_links(const wippy_self *self)
{
    return self->slot != NULL && (self->slot->flags & WIPPYI_PROC_TRAP) != 0;
}

WIPPY_API void wippy_set_upgradable(wippy_self *self, bool on)
{
    if (self->slot == NULL) {
        return;
    }
    if (on) {
        wippyi_a32_or_rlx(&self->slot->marks, WIPPYI_MARK_UPGRADABLE);
    } else {
        wippyi_a32_and_rlx(&self->slot->marks, ~(uint32_t)WIPPYI_MARK_UPGRADABLE);
    }
}

WIPPY_API bool wippy_is_upgradable(const wippy_self *self)
{
    return self->slot != NULL &&
           (wippyi_a32_load_rlx(&self->slot->marks) & WIPPYI_MARK_UPGRADABLE) != 0;
}

/* ---- cancel and terminate ---- */

WIPPYI_FN wippy_result wippyi_cancel(wippy_runtime *rt, wippyi_worker *w, uint64_t from, uint64_t to,
                                     const char *reason)
{
    wippy_writer writer;
    wippy_slice encoded;
    wippy_message message;
    wippy_mail *mail = NULL;
    wippy_result r;
    wippy_writer_init(&writer, rt);
    wippy_write_cstring(&writer, reason != NULL ? reason : "");
    r = wippy_writer_finish(&writer, &encoded);
    if (r == WIPPY_OK) {
        memset(&message, 0, sizeof(message));
        message.data = encoded.data;
        message.size = encoded.size;
        message.count = 1;
        mail = wippyi_mail_new(rt, w, to, from, &message);
        r = mail != NULL ? WIPPY_OK : WIPPY_ERR_NOMEM;
    }
    wippy_writer_free(&writer);
    if (mail != NULL) {
        mail->kind = (uint8_t)WIPPY_MAIL_CANCEL;
        r = wippyi_deliver(rt, w, to, mail);
        if (r != WIPPY_OK) {
            wippyi_mail_free(rt, w, mail);
        }
    }
    return r;
}

WIPPY_API wippy_result wippy_cancel(wippy_self *self, wippy_pid target, const char *reason)
{
    wippyi_sim_point(self);
    if (!wippyi_door_pid(self, "process.cancel", target)) {
        return WIPPY_ERR_DENIED;
    }
    return wippyi_cancel(self->rt, self->worker, self->pid.id, target.id, reason);
}

/* live -> live and terminated, only for this tenant: the generation is part of the word.
   seq_cst: before the claim, see wippyi_mailbox_idle(). */
static wippy_result wippyi_terminate_live(wippyi_worker *w, wippyi_slot *slot, uint64_t pid)
{
    uint64_t expected = pid;
    if (!wippyi_a64_cas_sc(&slot->life, &expected, pid | WIPPYI_LIFE_TERMINATE)) {
        return expected == (pid | WIPPYI_LIFE_TERMINATE) ? WIPPY_OK : WIPPY_ERR_GONE;
    }
    if (wippyi_mailbox_claim(&slot->box)) {
        wippyi_schedule(w, slot);
    }
    return WIPPY_OK;
}

/* Under the stripe the tenant stays who it is, so the mark is for nobody else. */
static bool wippyi_terminate_unborn(wippy_runtime *rt, wippyi_slot *slot, uint64_t pid)
{
    wippyi_latch *stripe = wippyi_stripe_at(rt, slot->head.index);
    bool ours;
    wippyi_latch_take(stripe);
    ours = wippyi_tenant_is(slot, pid);
    if (ours) {
        wippyi_a32_or_sc(&slot->marks, WIPPYI_MARK_TERMINATE); /* RMW: see WIPPYI_MARK_TERMINATE */
    }
    wippyi_latch_drop(stripe);
    return ours;
}

WIPPYI_FN wippy_result wippyi_terminate(wippy_runtime *rt, wippyi_worker *w, uint64_t pid)
{
    wippyi_slot *slot = wippyi_slot_of(rt, pid);
    wippy_result r;
    if (slot == NULL || pid == 0) {
        return WIPPY_ERR_GONE;
    }
    r = wippyi_terminate_live(w, slot, pid);
    if (r == WIPPY_OK || !wippyi_terminate_unborn(rt, slot, pid)) {
        return r;
    }
    (void)wippyi_terminate_live(w, slot, pid); /* born meanwhile: it may not have seen the mark */
    return WIPPY_OK;
}

WIPPY_API wippy_result wippy_terminate(wippy_self *self, wippy_pid target)
{
    wippyi_sim_point(self);
    if (!wippyi_door_pid(self, "process.terminate", target)) {
        return WIPPY_ERR_DENIED;
    }
    return wippyi_terminate(self->rt, self->worker, target.id);
}

WIPPY_API bool wippy_alive(wippy_runtime *rt, wippy_pid pid)
{
    wippyi_slot *slot = wippyi_slot_of(rt, pid.id);
    return slot != NULL && wippyi_slot_is(slot, pid.id);
}
