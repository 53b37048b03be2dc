/* ========================================================================== >>send
   The verbs that put a message into somebody's mailbox.
   Any thread: a worker through its own self, others through wippy_outside().
   Locks: none.  Allocates: one block a message from the sender's heap.
   Holds: messages over the receiver's limit are refused, never queued. */
#include "core.h"
#include "message.h"
#include "process.h"
#include "scheduler.h"
#include "sim.h"

#include <string.h>

/* Count a message against the receiver's limit. Early by at most the number of senders inside this
   function, never late. Every success is undone exactly once, where the message leaves the slot. */
static bool wippyi_count_in(wippy_self *self, wippyi_slot *slot, uint32_t limit)
{
    /* relaxed: the number publishes nothing, the mailbox does; RMW: of n senders at most `limit` pass */
    if (wippyi_a32_add_rlx(&slot->pending, 1) < limit) {
        return true;
    }
    /* Somebody may have seen the mailbox full because of us alone, and wait to be told. */
    wippyi_uncount(self->rt, self->worker, slot);
    wippyi_a64_add_rlx(&wippyi_slot_host(slot)->refused, 1); /* gauge */
    return false;
}

static wippy_result wippyi_send_checked(wippy_self *self, wippyi_slot *slot, uint64_t to,
                                        const wippy_message *message, wippy_mail **sent)
{
    wippy_runtime *rt = self->rt;
    uint32_t limit = wippyi_a32_load_rlx(&wippyi_slot_host(slot)->mailbox_limit);
    wippyi_push_result pushed;
    wippy_mail *mail;
    if (WIPPYI_UNLIKELY(limit != 0) && !wippyi_count_in(self, slot, limit)) {
        return WIPPY_ERR_FULL;
    }
    mail = wippyi_mail_new(rt, self->worker, to, self->pid.id, message);
    if (WIPPYI_UNLIKELY(mail == NULL)) {
        if (limit != 0) {
            wippyi_uncount(rt, self->worker, slot);
        }
        return WIPPY_ERR_NOMEM;
    }
    if (WIPPYI_UNLIKELY(limit != 0)) {
        mail->flags |= WIPPYI_MAIL_COUNTED;
    }
    if (sent != NULL) {
        *sent = mail;
        return WIPPY_OK;
    }
    pushed = wippyi_mailbox_push(&slot->box, mail);
    if (pushed == WIPPYI_PUSH_OWNED) {
        wippyi_schedule(self->worker, slot);
    } else if (WIPPYI_UNLIKELY(pushed == WIPPYI_PUSH_CLOSED)) {
        if (limit != 0) {
            wippyi_uncount(rt, self->worker, slot);
        }
        wippyi_mail_free(rt, self->worker, mail);
        return WIPPY_ERR_GONE;
    }
    return WIPPY_OK;
}

static void wippyi_trace_send(wippy_self *self, uint64_t to)
{
    wippy_trace_record record;
    memset(&record, 0, sizeof(record));
    record.kind = WIPPY_TRACE_SEND;
    record.time_ns = wippyi_now_ns(self->rt);
    record.pid = self->pid;
    record.other.id = to;
    self->rt->desc.trace_fn(&record, self->rt->desc.trace_user_data);
}

/* Everything a send has in common up to the mailbox. */
static wippy_result wippyi_send_begin(wippy_self *self, wippy_pid to, size_t size,
                                      wippyi_slot **slot)
{
    if (WIPPYI_UNLIKELY(size > self->rt->desc.max_message_bytes || wippyi_self_closing(self))) {
        return WIPPY_ERR_INVALID;
    }
    wippyi_sim_point(self);
    if (WIPPYI_UNLIKELY(!wippyi_door_pid(self, "process.send", to))) {
        return WIPPY_ERR_DENIED;
    }
    *slot = wippyi_slot_of(self->rt, to.id);
    if (WIPPYI_UNLIKELY(*slot == NULL || !wippyi_slot_is(*slot, to.id))) {
        return WIPPY_ERR_GONE;
    }
    if (WIPPYI_UNLIKELY(self->rt->desc.trace_fn != NULL)) {
        wippyi_trace_send(self, to.id);
    }
    return WIPPY_OK;
}

/* The long way of wippy_send_values(). */
static WIPPYI_NOINLINE wippy_result wippyi_send_slow(wippy_self *self, wippy_pid to,
                                                     wippy_topic topic, const void *data,
                                                     size_t size, uint32_t count)
{
    wippy_message message;
    wippyi_slot *slot;
    wippy_result r;
    r = count <= UINT16_MAX ? wippyi_send_begin(self, to, size, &slot) : WIPPY_ERR_INVALID;
    if (r != WIPPY_OK) {
        return r;
    }
    message.topic = topic;
    message.topic_name = NULL;
    message.topic_bytes = 0;
    message.data = data;
    message.size = size;
    message.count = count;
    return wippyi_send_checked(self, slot, to.id, &message, NULL);
}

static WIPPYI_NOINLINE wippy_result wippyi_send_gone(wippyi_worker *w, wippy_mail *mail)
{
    wippyi_heap_put(&w->heap, 0, mail);
    return WIPPY_ERR_GONE;
}

static WIPPYI_NOINLINE wippy_result wippyi_send_queue(wippyi_worker *w, wippyi_slot *slot)
{
    wippyi_schedule_other(w, slot);
    return WIPPY_OK;
}

#define WIPPYI_SEND_SMALL (64 - sizeof(wippy_mail))

/* memcpy() of at most 24 bytes without a call. */
WIPPYI_INLINE void wippyi_copy_small(char *to, const char *from, size_t size)
{
    if (size >= 8) {
        if (size > 16) {
            memcpy(to + 8, from + 8, 8);
        }
        memcpy(to, from, 8);
        memcpy(to + size - 8, from + size - 8, 8);
    } else if (size >= 4) {
        memcpy(to, from, 4);
        memcpy(to + size - 4, from + size - 4, 4);
    } else if (size > 0) {
        to[0] = from[0];
        to[size / 2] = from[size / 2];
        to[size - 1] = from[size - 1];
    }
}

/* Mail that will be read on another core: in a long run to one receiver, say where the one some sends
   before lies. */
WIPPYI_INLINE void wippyi_send_trail(wippyi_worker *w, const wippyi_slot *slot, wippy_mail *mail)
{
    wippy_mail **oldest;
    if (w->trail_to != slot) {
        w->trail_to = slot;
        w->trail_count = 0;
    }
    oldest = &w->trail[w->trail_count++ % WIPPYI_TRAIL];
    if (w->trail_count > WIPPYI_TRAIL) {
        memcpy(wippyi_mail_trail(mail), oldest, sizeof(*oldest));
        mail->flags |= WIPPYI_MAIL_TRAIL;
    }
    *oldest = mail;
}

static wippy_result wippyi_send_far(wippy_self *self, wippy_pid to, wippy_topic topic,
                                    const void *data, size_t size, uint32_t count);

/* The common case in one piece: a worker's own process without actor or scope sends a small payload
   under a permanent topic to a receiver without limit, of its own host or (abroad) of another. Calls only
   as the last thing it does, so it needs no frame. */
WIPPYI_INLINE_ALWAYS wippy_result wippyi_send_quick(wippy_self *self, wippy_pid to,
                                                    wippy_topic topic, const void *data,
                                                    size_t size, uint32_t count, bool abroad)
{
    wippyi_worker *w = self->worker;
    const wippyi_slab *slots = &self->rt->slots;
    uint32_t index = wippyi_pid_slot(to.id);
    wippyi_block *block;
    wippyi_slot *slot;
    wippyi_host *host;
    wippy_mail *mail;
    wippyi_push_result pushed;
    if (WIPPYI_UNLIKELY((self->bits & WIPPYI_SELF_GUARDED) != 0 || size > WIPPYI_SEND_SMALL ||
                        count > UINT16_MAX || !wippyi_slab_has(slots, index))) {
        return wippyi_send_slow(self, to, topic, data, size, count);
    }
    slot = (wippyi_slot *)wippyi_slab_record(slots, index, sizeof(wippyi_slot));
    block = w->heap.classes[0].head;
    /* acquire: as in wippyi_slot_is(); what is being terminated goes the long way */
    if (WIPPYI_UNLIKELY(wippyi_a64_load_acq(&slot->life) != to.id || block == NULL)) {
        return wippyi_send_slow(self, to, topic, data, size, count);
    }
    host = wippyi_slot_host(slot);
    if (WIPPYI_UNLIKELY(wippyi_a32_load_rlx(&host->mailbox_limit) != 0)) {
        return wippyi_send_slow(self, to, topic, data, size, count);
    }
    if (!abroad && WIPPYI_UNLIKELY(host != w->host)) {
        return wippyi_send_far(self, to, topic, data, size, count);
    }
    mail = (wippy_mail *)wippyi_magazine_pop(&w->heap.classes[0], block);
    if (abroad) {
        wippyi_magazine_ahead(&w->heap.classes[0], block);
    }
    wippyi_mail_head(mail, to.id, self->pid.id, topic, size, count, 0, 0);
    wippyi_copy_small((char *)(mail + 1), (const char *)data, size);
    if (abroad && size <= WIPPYI_SEND_SMALL - sizeof(void *)) {
        wippyi_send_trail(w, slot, mail);
    }
    pushed = wippyi_mailbox_push(&slot->box, mail);
    if (pushed == WIPPYI_PUSH_OWNED) {
        return wippyi_schedule_next(w, slot) ? WIPPY_OK : wippyi_send_queue(w, slot);
    }
    return WIPPYI_LIKELY(pushed == WIPPYI_PUSH_QUEUED) ? WIPPY_OK : wippyi_send_gone(w, mail);
}

static WIPPYI_NOINLINE wippy_result wippyi_send_far(wippy_self *self, wippy_pid to,
                                                    wippy_topic topic, const void *data,
                                                    size_t size, uint32_t count)
{
    return wippyi_send_quick(self, to, topic, data, size, count, true);
}

WIPPY_API wippy_result wippy_send(wippy_self *self, wippy_pid to, wippy_topic topic,
                                  const void *data, size_t size)
{
    return wippyi_send_quick(self, to, topic, data, size, 0, false);
}

WIPPY_API wippy_result wippy_send_values(wippy_self *self, wippy_pid to, wippy_topic topic,
                                         const void *data, size_t size, uint32_t count)
{
    return wippyi_send_quick(self, to, topic, data, size, count, false);
}

#define WIPPYI_NAMED_TOPIC 23 /* bytes: with its NUL what wippyi_copy_small() copies */
#define WIPPYI_NAMED_SIZE  64 /* bytes of payload; with name and header two cache lines at most */

static bool wippyi_is_small_named(const wippy_message *given)
{
    return given->topic.id == 0 && given->topic_name != NULL && given->topic_bytes > 0 &&
           given->topic_bytes <= WIPPYI_NAMED_TOPIC && given->size <= WIPPYI_NAMED_SIZE &&
           (given->data != NULL || given->size == 0) && given->count <= UINT16_MAX;
}

/* Name and payload behind the header. */
WIPPYI_INLINE void wippyi_fill_named(wippy_mail *mail, const wippy_message *given, size_t room)
{
    char *name = (char *)(mail + 1);
    wippyi_copy_small(name, given->topic_name, given->topic_bytes);
    name[given->topic_bytes] = '\0';
    if (given->size <= 24) {
        wippyi_copy_small(name + room, (const char *)given->data, given->size);
    } else {
        memcpy(name + room, given->data, given->size);
    }
}

/* Mail from this worker's heap, where the receiver has no need of the long way; else NULL. */
WIPPYI_INLINE wippy_mail *wippyi_mail_named(wippy_self *self, const wippyi_slot *slot, uint64_t to,
                                            const wippy_message *given)
{
    size_t room = (given->topic_bytes + 8) & ~(size_t)7;
    uint32_t size_class = sizeof(wippy_mail) + room + given->size > 64;
    wippyi_magazine *magazine = &self->worker->heap.classes[size_class];
    wippyi_block *block = magazine->head;
    wippy_mail *mail;
    /* acquire: as in wippyi_slot_is(); what is being terminated goes the long way */
    if (WIPPYI_UNLIKELY(wippyi_a64_load_acq(&slot->life) != to || block == NULL ||
                        wippyi_a32_load_rlx(&wippyi_slot_host(slot)->mailbox_limit) != 0)) {
        return NULL;
    }
    mail = (wippy_mail *)wippyi_magazine_pop(magazine, block);
    wippyi_mail_head(mail, to, self->pid.id, given->topic, given->size, given->count, size_class,
                     given->topic_bytes);
    wippyi_fill_named(mail, given, room);
    return mail;
}

/* What wippyi_send_quick() is for permanent topics: a small message under a topic's name, as language
   bridges send. NULL: it takes the long way. */
WIPPYI_INLINE wippy_mail *wippyi_send_named(wippy_self *self, wippy_pid to,
                                            const wippy_message *given, wippyi_slot **slot)
{
    const wippyi_slab *slots = &self->rt->slots;
    uint32_t index = wippyi_pid_slot(to.id);
    if (WIPPYI_UNLIKELY((self->bits & WIPPYI_SELF_GUARDED) != 0 || !wippyi_is_small_named(given) ||
                        given->size > self->rt->desc.max_message_bytes ||
                        !wippyi_slab_has(slots, index))) {
        return NULL;
    }
    *slot = (wippyi_slot *)wippyi_slab_record(slots, index, sizeof(wippyi_slot));
    return wippyi_mail_named(self, *slot, to.id, given);
}

static WIPPYI_NOINLINE wippy_result wippyi_send_message_slow(wippy_self *self, wippy_pid to,
                                                             const wippy_message *given)
{
    wippy_message message;
    wippyi_slot *slot;
    wippy_result r = wippyi_message_check(self->rt, given, &message);
    if (r == WIPPY_OK) {
        r = wippyi_send_begin(self, to, given->size, &slot);
    }
    return r == WIPPY_OK ? wippyi_send_checked(self, slot, to.id, &message, NULL) : r;
}

WIPPY_API wippy_result wippy_send_message(wippy_self *self, wippy_pid to,
                                          const wippy_message *given)
{
    wippyi_slot *slot;
    wippyi_push_result pushed;
    wippy_mail *mail = wippyi_send_named(self, to, given, &slot);
    if (WIPPYI_UNLIKELY(mail == NULL)) {
        return wippyi_send_message_slow(self, to, given);
    }
    pushed = wippyi_mailbox_push(&slot->box, mail);
    if (pushed == WIPPYI_PUSH_OWNED) {
        wippyi_schedule(self->worker, slot);
    } else if (WIPPYI_UNLIKELY(pushed == WIPPYI_PUSH_CLOSED)) {
        wippyi_heap_put(&self->worker->heap, mail->class_, mail);
        return WIPPY_ERR_GONE;
    }
    return WIPPY_OK;
}

WIPPY_API wippy_result wippy_send_owned(wippy_self *self, wippy_pid to, wippy_topic topic,
                                        void *data, size_t size,
                                        void (*free_fn)(void *data, size_t size, void *user_data),
                                        void *user_data)
{
    wippy_message message;
    wippyi_owned owned;
    wippyi_slot *slot;
    wippy_mail *mail = NULL;
    wippy_result r;
    if (free_fn == NULL || data == NULL || size > UINT32_MAX || size == 0) {
        return WIPPY_ERR_INVALID;
    }
    r = wippyi_send_begin(self, to, 0, &slot);
    if (r != WIPPY_OK) {
        return r;
    }
    owned.data = data;
    owned.size = size;
    owned.free_fn = free_fn;
    owned.user_data = user_data;
    memset(&message, 0, sizeof(message));
    message.topic = topic;
    message.data = &owned;
    message.size = sizeof(owned);
    r = wippyi_send_checked(self, slot, to.id, &message, &mail);
    if (r != WIPPY_OK) {
        return r;
    }
    mail->size = (uint32_t)size;
    mail->flags |= WIPPY_MAIL_OWNED;
    r = wippyi_deliver(self->rt, self->worker, to.id, mail);
    if (r != WIPPY_OK) { /* the caller keeps its memory */
        if ((mail->flags & WIPPYI_MAIL_COUNTED) != 0) {
            wippyi_uncount(self->rt, self->worker, slot);
        }
        mail->flags &= (uint8_t)~WIPPY_MAIL_OWNED;
        mail->size = (uint32_t)sizeof(owned);
        wippyi_mail_free(self->rt, self->worker, mail);
    }
    return r;
}

/* ---- permanent topics ---- */

static wippy_topic wippyi_topic_add(wippy_runtime *rt, const char *name, size_t bytes)
{
    uint32_t at = wippyi_a32_load_rlx(&rt->topic_count);
    wippy_topic topic;
    wippyi_topic *block;
    char *text;
    topic.id = 0;
    if (at >= WIPPYI_TOPICS_MAX) {
        return topic;
    }
    block = (wippyi_topic *)wippyi_ap_load_rlx(&rt->topics[at / 256]);
    if (block == NULL) {
        block = (wippyi_topic *)wippyi_mem_alloc(&rt->mem, 256 * sizeof(*block));
        if (block == NULL) {
            return topic;
        }
        memset(block, 0, 256 * sizeof(*block));
        wippyi_ap_store_rel(&rt->topics[at / 256], block);
    }
    text = wippyi_mem_text(&rt->mem, name, bytes);
    if (text == NULL) {
        return topic;
    }
    if (wippyi_strmap_put(&rt->topic_ids, name, bytes, &block[at % 256]) != WIPPY_OK) {
        wippyi_mem_free(&rt->mem, text, bytes + 1);
        return topic;
    }
    block[at % 256].text = text;
    block[at % 256].bytes = (uint32_t)bytes;
    block[at % 256].id = at + 1;
    /* release: publishes the text to wippy_mail_topic(), which loads the count with acquire */
    wippyi_a32_store_rel(&rt->topic_count, at + 1);
    topic.id = at + 1;
    return topic;
}

WIPPY_API wippy_topic wippy_topic_make(wippy_runtime *rt, const char *name)
{
    size_t bytes = name != NULL ? strlen(name) : 0;
    wippy_topic topic;
    const wippyi_topic *found;
    topic.id = 0;
    if (bytes == 0 || bytes > WIPPYI_TOPIC_BYTES_MAX) {
        return topic;
    }
    wippyi_mutex_lock(&rt->tables_lock);
    found = (const wippyi_topic *)wippyi_strmap_get(&rt->topic_ids, name, bytes);
    if (found != NULL) {
        topic.id = found->id;
    } else {
        topic = wippyi_topic_add(rt, name, bytes);
    }
    wippyi_mutex_unlock(&rt->tables_lock);
    return topic;
}
