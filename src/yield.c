#include "yield.h"

#include "message.h"
#include "process.h"
#include "scheduler.h"
#include "sim.h"

#include <string.h>

/* ---- records ---- */

static uint64_t wippyi_yield_word(uint64_t sequence, uint32_t state)
{
    return (sequence & UINT32_MAX) << 2 | state;
}

static uint64_t wippyi_yield_sequence(const wippyi_yield *yield)
{
    return wippyi_a64_load_rlx(&yield->state) >> 2;
}

WIPPYI_FN wippy_token wippyi_yield_token(const wippyi_yield *yield)
{
    wippy_token token;
    token.pid = yield->owner;
    token.index = yield->head.index;
    token.sequence = (uint32_t)wippyi_yield_sequence(yield);
    return token;
}

/* FREE, or CLAIMED by the owner -> OPEN, for its next use. */
static void wippyi_yield_begin(wippyi_yield *yield)
{
    uint64_t sequence = (wippyi_yield_sequence(yield) + 1) & UINT32_MAX;
    if (sequence == 0) {
        sequence = 1; /* 0 means "no token" */
    }
    /* release: publishes the record to the completer, which claims with acquire */
    wippyi_a64_store_rel(&yield->state, wippyi_yield_word(sequence, WIPPYI_YIELD_OPEN));
}

static void wippyi_yield_list(wippyi_ext *ext, wippyi_yield *yield)
{
    yield->next = ext->yields;
    yield->link = &ext->yields;
    if (yield->next != NULL) {
        yield->next->link = &yield->next;
    }
    ext->yields = yield;
    ext->open_yields++;
}

WIPPYI_FN wippyi_yield *wippyi_yield_open(wippy_runtime *rt, wippyi_worker *w, wippyi_slot *slot,
                                          uint64_t pid, uint64_t tag)
{
    wippyi_ext *ext = wippyi_ext_of(rt, w, slot);
    wippyi_yield *yield;
    if (ext == NULL) {
        return NULL;
    }
    yield = (wippyi_yield *)wippyi_slab_get(&rt->yields, &w->yields);
    if (yield == NULL) {
        return NULL;
    }
    yield->owner = pid;
    yield->tag = tag;
    yield->dropped = false;
    yield->command = 0;
    yield->job = NULL;
    yield->cancel = NULL;
    yield->wheel = NULL;
    yield->timer.at.newer = NULL;
    wippyi_a64_store_rlx(&yield->child, 0);
    memset(&yield->mail, 0, sizeof(yield->mail));
    yield->mail.to_ = pid;
    yield->mail.kind = (uint8_t)WIPPY_MAIL_DONE;
    yield->mail.class_ = WIPPYI_MAIL_YIELD;
    wippyi_yield_list(ext, yield);
    wippyi_yield_begin(yield);
    return yield;
}

static void wippyi_yield_unlist(wippyi_ext *ext, wippyi_yield *yield)
{
    if (yield->link == NULL) {
        return;
    }
    *yield->link = yield->next;
    if (yield->next != NULL) {
        yield->next->link = yield->link;
    }
    yield->link = NULL;
    if (!yield->dropped) {
        ext->open_yields--;
    }
}

static void wippyi_timer_unset(wippyi_yield *yield)
{
    wippyi_worker *owner = yield->wheel;
    if (owner != NULL) {
        wippyi_latch_take(&owner->wheel_lock);
        wippyi_wheel_remove(&owner->wheel, &yield->timer);
        wippyi_latch_drop(&owner->wheel_lock);
        yield->wheel = NULL;
    }
}

WIPPYI_FN void wippyi_yield_free(wippy_runtime *rt, wippyi_worker *w, wippyi_yield *yield)
{
    /* somebody else than the timer or the built-in command completed it, or it was dropped */
    wippyi_timer_unset(yield);
    if (yield->cancel != NULL) {
        yield->cancel(rt, yield);
        yield->cancel = NULL;
    }
    if (yield->mail.size > sizeof(yield->room)) {
        wippyi_mem_free(&rt->mem, yield->block, yield->mail.size);
    }
    /* -> FREE, keeping the sequence; only we hold the record. release: see open */
    wippyi_a64_store_rel(&yield->state, wippyi_yield_word(wippyi_yield_sequence(yield),
                                                          WIPPYI_YIELD_FREE));
    if (w != NULL) {
        wippyi_slab_put(&rt->yields, &w->yields, yield);
        return;
    }
    wippyi_mutex_lock(&rt->outside_lock);
    wippyi_slab_put(&rt->yields, &rt->outside_yields, yield);
    wippyi_mutex_unlock(&rt->outside_lock);
}

WIPPYI_FN bool wippyi_yield_waits(wippy_runtime *rt, wippy_token token)
{
    wippyi_yield *yield = (wippyi_yield *)wippyi_slab_at(&rt->yields, token.index);
    return yield != NULL && wippyi_a64_load_acq(&yield->state) ==
                                wippyi_yield_word(token.sequence, WIPPYI_YIELD_OPEN);
}

/* ---- completing ---- */

WIPPYI_FN wippyi_yield *wippyi_yield_claim(wippy_runtime *rt, wippy_token token)
{
    wippyi_yield *yield = (wippyi_yield *)wippyi_slab_at(&rt->yields, token.index);
    uint64_t expected = wippyi_yield_word(token.sequence, WIPPYI_YIELD_OPEN);
    if (yield == NULL || token.sequence == 0) {
        return NULL;
    }
    /* OPEN -> CLAIMED, by one completer, for this use of the record only (the sequence is in the
       word). acquire: pairs with the release in open. */
    if (!wippyi_a64_cas_acqrel(&yield->state, &expected,
                               wippyi_yield_word(token.sequence, WIPPYI_YIELD_CLAIMED))) {
        return NULL;
    }
    return yield;
}

WIPPYI_FN wippyi_yield *wippyi_yield_claim_own(wippy_runtime *rt, wippy_token token)
{
    wippyi_yield *yield = wippyi_yield_claim(rt, token);
    if (yield != NULL) {
        yield->cancel = NULL;
    }
    return yield;
}

WIPPYI_FN wippy_result wippyi_yield_push(wippy_runtime *rt, wippyi_worker *w, wippyi_yield *yield,
                                         wippy_result result, const void *data, size_t size,
                                         uint32_t count)
{
    wippy_result r = WIPPY_OK;
    void *room = yield->room;
    WIPPYI_STATIC_ASSERT(offsetof(wippyi_yield, room) % 8 == 0 && sizeof(wippyi_yield) % 8 == 0,
                         "payloads are aligned, also where pointers are small");
    if (size > sizeof(yield->room)) {
        room = size <= rt->desc.max_message_bytes ? wippyi_mem_alloc(&rt->mem, size) : NULL;
    }
    if (room == NULL) { /* what was paid for is the news, not its size */
        result = WIPPY_ERR_NOMEM;
        size = 0;
        count = 0;
        r = WIPPY_ERR_NOMEM;
    }
    if (size > 0) {
        memcpy(room, data, size);
    }
    if (size > sizeof(yield->room)) {
        yield->block = room;
    }
    yield->mail.size = (uint32_t)size;
    yield->mail.count = (uint16_t)count;
    yield->mail.flags = (uint8_t)(count == 0 && size > 0 ? WIPPY_MAIL_RAW : 0);
    yield->mail.result = (int8_t)result;
    if (wippyi_deliver(rt, w, yield->owner, &yield->mail) != WIPPY_OK) {
        wippyi_yield_free(rt, w, yield);
        return WIPPY_ERR_GONE;
    }
    return r;
}

WIPPYI_FN wippy_result wippyi_complete(wippy_runtime *rt, wippyi_worker *w, wippy_token token,
                                       wippy_result result, const void *data, size_t size,
                                       uint32_t count)
{
    wippyi_yield *yield = wippyi_yield_claim(rt, token);
    if (yield == NULL) {
        return WIPPY_ERR_GONE;
    }
    return wippyi_yield_push(rt, w, yield, result, data, size, count);
}

WIPPY_API wippy_result wippy_complete(wippy_runtime *rt, wippy_token token, wippy_result result,
                                      const void *data, size_t size, uint32_t count)
{
    return count <= UINT16_MAX ? wippyi_complete(rt, NULL, token, result, data, size, count)
                               : WIPPY_ERR_INVALID;
}

WIPPY_API wippy_result wippy_reply(wippy_self *self, wippy_token token, wippy_result result,
                                   const void *data, size_t size, uint32_t count)
{
    wippyi_sim_point(self);
    return count <= UINT16_MAX
               ? wippyi_complete(self->rt, self->worker, token, result, data, size, count)
               : WIPPY_ERR_INVALID;
}

WIPPYI_FN bool wippyi_yield_receive(wippy_runtime *rt, wippyi_worker *w, wippyi_slot *slot,
                                    wippyi_yield *yield)
{
    wippyi_yield_unlist(slot->ext, yield);
    if (yield->dropped) {
        wippyi_yield_free(rt, w, yield);
        return false;
    }
    return true;
}

/* ---- dropping ---- */

static void wippyi_yield_tell_cancel(wippy_runtime *rt, wippyi_worker *w, wippyi_yield *yield)
{
    uint64_t child = wippyi_a64_load_sc(&yield->child); /* see wippyi_bind_exec() */
    if (yield->command != 0) {
        uint32_t at = yield->command - 1;
        const wippyi_command *command =
            (const wippyi_command *)wippyi_ap_load_acq(&rt->commands[at / 64]) + at % 64;
        if (command->desc.cancel != NULL) {
            command->desc.cancel(rt, wippyi_yield_token(yield), yield->job,
                                 command->desc.user_data);
        }
    }
    if (child != 0) {
        (void)wippyi_cancel(rt, w, yield->owner, child, "caller ended");
    }
}

WIPPYI_FN bool wippyi_yield_drop(wippy_runtime *rt, wippyi_worker *w, wippyi_slot *slot,
                                 wippyi_yield *yield)
{
    uint64_t sequence = wippyi_yield_sequence(yield);
    uint64_t expected = wippyi_yield_word(sequence, WIPPYI_YIELD_OPEN);
    /* OPEN -> CLAIMED by ourselves: nobody completes it any more. seq_cst: before the look at `child`,
       which the birth of an executed child writes before it looks at the state. */
    if (!wippyi_a64_cas_sc(&yield->state, &expected,
                               wippyi_yield_word(sequence, WIPPYI_YIELD_CLAIMED))) {
        if (!yield->dropped) {
            yield->dropped = true; /* its completion is under way and will be discarded */
            slot->ext->open_yields--;
        }
        return false;
    }
    wippyi_yield_unlist(slot->ext, yield);
    wippyi_yield_tell_cancel(rt, w, yield);
    wippyi_yield_free(rt, w, yield);
    return true;
}

/* The body ends. Records whose completion is under way belong to the completer, then to the mailbox;
   they leave the list here and are freed where they arrive. */
WIPPYI_FN void wippyi_yields_drop_all(wippy_runtime *rt, wippyi_worker *w, wippyi_slot *slot)
{
    wippyi_yield *yield = slot->ext != NULL ? slot->ext->yields : NULL;
    while (yield != NULL) {
        wippyi_yield *next = yield->next;
        if (!wippyi_yield_drop(rt, w, slot, yield)) {
            wippyi_yield_unlist(slot->ext, yield);
        }
        yield = next;
    }
}

/* The record of a token, while it is this process's: open, under way, or arrived and not yet freed.
   Only then may its other fields be read. */
static wippyi_yield *wippyi_yield_mine(wippy_self *self, wippy_token token)
{
    wippyi_yield *yield = (wippyi_yield *)wippyi_slab_at(&self->rt->yields, token.index);
    uint64_t word;
    if (yield == NULL || token.pid != self->pid.id || token.sequence == 0) {
        return NULL;
    }
    word = wippyi_a64_load_acq(&yield->state);
    if ((word != wippyi_yield_word(token.sequence, WIPPYI_YIELD_OPEN) &&
         word != wippyi_yield_word(token.sequence, WIPPYI_YIELD_CLAIMED)) ||
        yield->owner != self->pid.id) {
        return NULL;
    }
    return yield;
}

WIPPY_API wippy_result wippy_drop(wippy_self *self, wippy_token token)
{
    wippyi_yield *yield;
    wippy_mail **at;
    if (self->slot == NULL) {
        return WIPPY_ERR_INVALID;
    }
    wippyi_sim_point(self);
    yield = wippyi_yield_mine(self, token);
    if (yield == NULL || yield->dropped) {
        return WIPPY_ERR_GONE;
    }
    if (yield->link != NULL) {
        (void)wippyi_yield_drop(self->rt, self->worker, self->slot, yield);
        return WIPPY_OK;
    }
    /* it has arrived: take it out of the fresh mail if nobody has seen it yet */
    for (at = &self->slot->fresh; *at != NULL; at = &(*at)->next_) {
        if (*at == &yield->mail) {
            *at = yield->mail.next_;
            if (*at == NULL) {
                self->slot->fresh_end = at;
            }
            wippyi_yield_free(self->rt, self->worker, yield);
            return WIPPY_ERR_GONE;
        }
    }
    return WIPPY_ERR_GONE;
}

WIPPY_API size_t wippy_open_yields(const wippy_self *self)
{
    return self->slot != NULL && self->slot->ext != NULL ? self->slot->ext->open_yields : 0;
}

/* ---- verbs ---- */

static wippy_result wippyi_open_checked(wippy_self *self, uint64_t tag, wippyi_yield **yield)
{
    if (self->slot == NULL || wippyi_self_closing(self)) {
        return WIPPY_ERR_INVALID;
    }
    wippyi_sim_point(self);
    *yield = wippyi_yield_open(self->rt, self->worker, self->slot, self->pid.id, tag);
    return *yield != NULL ? WIPPY_PENDING : WIPPY_ERR_NOMEM;
}

WIPPY_API wippy_result wippy_open(wippy_self *self, uint64_t tag, wippy_token *token)
{
    wippyi_yield *yield;
    wippy_result r = wippyi_open_checked(self, tag, &yield);
    if (r == WIPPY_PENDING && token != NULL) {
        *token = wippyi_yield_token(yield);
    }
    return r;
}

/* A record that nobody completes yet. */
static void wippyi_timer_set(wippy_self *self, wippyi_yield *yield, uint64_t now_ns,
                             uint64_t delay_ns)
{
    wippyi_worker *w = self->worker;
    uint64_t deadline = delay_ns < UINT64_MAX / 2 - now_ns ? now_ns + delay_ns : UINT64_MAX / 2;
    uint64_t look_ns;
    yield->wheel = w;
    wippyi_latch_take(&w->wheel_lock);
    look_ns = wippyi_wheel_insert(&w->wheel, &yield->timer, deadline);
    if (look_ns < wippyi_a64_load_rlx(&w->wheel_next_ns)) {
        wippyi_a64_store_rlx(&w->wheel_next_ns, look_ns);
    }
    wippyi_latch_drop(&w->wheel_lock);
}

WIPPY_API wippy_result wippy_timer(wippy_self *self, uint64_t delay_ns, uint64_t tag,
                                   wippy_token *token)
{
    wippyi_yield *yield;
    uint64_t now_ns = wippy_now_ns(self->rt);
    wippy_result r = wippyi_open_checked(self, tag, &yield);
    if (r != WIPPY_PENDING) {
        return r;
    }
    if (token != NULL) {
        *token = wippyi_yield_token(yield);
    }
    wippyi_timer_set(self, yield, now_ns, delay_ns);
    return r;
}

/* ---- records that are kept ---- */

WIPPYI_FN wippy_token wippyi_yield_again(wippy_self *self)
{
    wippyi_yield *yield = WIPPYI_CONTAINER_OF(self->current, wippyi_yield, mail);
    WIPPYI_ASSERT(self->current->class_ == WIPPYI_MAIL_YIELD);
    WIPPYI_ASSERT(yield->mail.size <= sizeof(yield->room) && yield->wheel == NULL);
    self->current = NULL;
    wippyi_yield_list(self->slot->ext, yield);
    wippyi_yield_begin(yield);
    return wippyi_yield_token(yield);
}

WIPPYI_FN bool wippyi_timer_again(wippy_self *self, wippy_token *token, uint64_t delay_ns)
{
    wippyi_yield *yield = wippyi_yield_claim(self->rt, *token);
    if (yield == NULL) {
        return false;
    }
    wippyi_timer_unset(yield);
    wippyi_yield_begin(yield);
    *token = wippyi_yield_token(yield);
    if (delay_ns != UINT64_MAX) {
        wippyi_timer_set(self, yield, wippy_now_ns(self->rt), delay_ns);
    }
    return true;
}

/* ---- commands ---- */

static bool wippyi_command_exists(wippy_runtime *rt, const char *name, uint32_t count)
{
    uint32_t i;
    for (i = 0; i < count; i++) {
        const wippyi_command *block =
            (const wippyi_command *)wippyi_ap_load_rlx(&rt->commands[i / 64]);
        if (strcmp(block[i % 64].name, name) == 0) {
            return true;
        }
    }
    return false;
}

WIPPY_API wippy_result wippy_command_register(wippy_runtime *rt, const wippy_command_desc *desc,
                                              wippy_command *out)
{
    wippyi_command *block;
    uint32_t at;
    wippy_result r = WIPPY_OK;
    if (desc == NULL || desc->start == NULL || desc->name == NULL || desc->name[0] == '\0') {
        return WIPPY_ERR_INVALID;
    }
    wippyi_mutex_lock(&rt->tables_lock);
    at = wippyi_a32_load_rlx(&rt->command_count);
    if (wippyi_command_exists(rt, desc->name, at)) {
        wippyi_mutex_unlock(&rt->tables_lock);
        return WIPPY_ERR_EXISTS;
    }
    block = at < WIPPYI_COMMANDS_MAX ? (wippyi_command *)wippyi_ap_load_rlx(&rt->commands[at / 64])
                                     : NULL;
    if (at >= WIPPYI_COMMANDS_MAX) {
        r = WIPPY_ERR_LIMIT;
    } else if (block == NULL) {
        block = (wippyi_command *)wippyi_mem_alloc(&rt->mem, 64 * sizeof(*block));
        if (block != NULL) {
            memset(block, 0, 64 * sizeof(*block));
            wippyi_ap_store_rel(&rt->commands[at / 64], block);
        } else {
            r = WIPPY_ERR_NOMEM;
        }
    }
    if (r == WIPPY_OK) {
        char *name = wippyi_mem_text(&rt->mem, desc->name, strlen(desc->name));
        if (name == NULL) {
            r = WIPPY_ERR_NOMEM;
        } else {
            block[at % 64].desc = *desc;
            block[at % 64].desc.name = name;
            block[at % 64].name = name;
            wippyi_a32_store_rel(&rt->command_count, at + 1);
            out->id = at + 1;
        }
    }
    wippyi_mutex_unlock(&rt->tables_lock);
    return r;
}

WIPPY_API wippy_result wippy_command_yield(wippy_self *self, wippy_command command,
                                           const void *data, size_t size, uint32_t count,
                                           uint64_t tag, wippy_token *token)
{
    wippy_runtime *rt = self->rt;
    const wippyi_command *found;
    wippyi_yield *yield;
    wippy_token opened;
    wippy_input input;
    wippy_result r;
    void *job = NULL;
    if (command.id == 0 || command.id > wippyi_a32_load_acq(&rt->command_count)) {
        return WIPPY_ERR_UNSUPPORTED;
    }
    found = (const wippyi_command *)wippyi_ap_load_acq(&rt->commands[(command.id - 1) / 64]) +
            (command.id - 1) % 64;
    r = count <= UINT16_MAX ? wippyi_open_checked(self, tag, &yield) : WIPPY_ERR_INVALID;
    if (r != WIPPY_PENDING) {
        return r;
    }
    opened = wippyi_yield_token(yield);
    if (token != NULL) {
        *token = opened;
    }
    memset(&input, 0, sizeof(input));
    input.data = data;
    input.size = size;
    input.count = count;
    input.entry = "";
    input.method = "";
    r = found->desc.start(rt, opened, &input, &job, found->desc.user_data);
    /* the completion may have been sent already; the record is ours until we read it from the
       mailbox, so these plain writes are safe */
    yield->job = job;
    yield->command = command.id;
    if (r != WIPPY_PENDING) {
        (void)wippyi_complete(rt, self->worker, opened, r, NULL, 0, 0);
    }
    return WIPPY_PENDING;
}
