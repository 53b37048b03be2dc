/* ========================================================================== >>lua/channel.c */
#include "channel.h"
#include "errors.h"

#include <string.h>

/* ------------------------------------------------------------------ lists of waiters */

static void wippyli_ring_append(wippyli_waiter **list, wippyli_waiter *waiter)
{
    wippyli_waiter *first = *list;
    if (!first) {
        waiter->next = waiter;
        waiter->previous = waiter;
        *list = waiter;
        return;
    }
    waiter->next = first;
    waiter->previous = first->previous;
    first->previous->next = waiter;
    first->previous = waiter;
}

static void wippyli_ring_remove(wippyli_waiter **list, wippyli_waiter *waiter)
{
    if (waiter->next == waiter) {
        *list = NULL;
        return;
    }
    waiter->previous->next = waiter->next;
    waiter->next->previous = waiter->previous;
    if (*list == waiter) {
        *list = waiter->next;
    }
}

static wippyli_waiter **wippyli_waiter_list(wippyli_waiter *waiter)
{
    return waiter->sends ? &waiter->channel->senders : &waiter->channel->receivers;
}

static void wippyli_waiter_link(wippyli_waiter *waiter, wippyli_channel *channel)
{
    waiter->channel = channel;
    wippyli_ring_append(wippyli_waiter_list(waiter), waiter);
}

WIPPYLI_FN wippyli_waiter *wippyli_waiters_get(wippyli_process *process, uint32_t count)
{
    wippyli_task *task = process->running;
    if (count > task->waiter_room) {
        wippyli_waiter *waiters = NULL;
        if (count <= UINT16_MAX) {
            waiters = (wippyli_waiter *)wippyli_get(process, count * sizeof(*waiters));
        }
        if (!waiters) {
            return NULL;
        }
        if (task->waiters != &task->one) {
            wippyli_put(process, task->waiters, task->waiter_room * sizeof(*waiters));
        }
        task->waiters = waiters;
        task->waiter_room = (uint16_t)count;
    }
    for (uint32_t i = 0; i < count; i++) {
        wippyli_waiter *waiter = &task->waiters[i];
        waiter->channel = NULL;
        waiter->task = task;
        waiter->index = 0;
        waiter->sends = false;
        waiter->selects = false;
    }
    task->waiter_count = (uint16_t)count;
    return task->waiters;
}

WIPPYLI_FN void wippyli_waiter_won(wippyli_process *process, wippyli_waiter *winner,
                                   wippyli_wake wake)
{
    wippyli_task *task = winner->task;
    for (uint16_t i = 0; i < task->waiter_count; i++) {
        wippyli_waiter *waiter = &task->waiters[i];
        if (waiter->channel) {
            wippyli_ring_remove(wippyli_waiter_list(waiter), waiter);
            waiter->channel = NULL;
        }
    }
    task->waiter_count = 0;
    task->won = winner;
    wippyli_task_ready(process, task, wake);
}

/* ------------------------------------------------------------------ making */

static int wippyli_channel_send(lua_State *L);
static int wippyli_channel_receive(lua_State *L);
static int wippyli_channel_close_lua(lua_State *L);
static int wippyli_channel_case_send(lua_State *L);
static int wippyli_channel_case_receive(lua_State *L);

static const luaL_Reg wippyli_channel_methods[] = {{"send", wippyli_channel_send},
                                                   {"receive", wippyli_channel_receive},
                                                   {"close", wippyli_channel_close_lua},
                                                   {"case_send", wippyli_channel_case_send},
                                                   {"case_receive", wippyli_channel_case_receive},
                                                   {NULL, NULL}};

/* User values of a channel. */
enum {
    WIPPYLI_CHANNEL_CASE = 1, /* what case_receive() answers, once it was called */
    WIPPYLI_CHANNEL_BUFFER    /* the values; absent without capacity */
};

static const wippyli_class wippyli_channel_class = {"channel", wippyli_channel_methods};

WIPPYLI_FN wippyli_channel *wippyli_channel_push(lua_State *L, uint32_t capacity,
                                                 const wippyli_feed *feed)
{
    size_t bytes = sizeof(wippyli_channel) + (feed ? feed->extra_bytes : 0);
    int values = capacity > 0 ? WIPPYLI_CHANNEL_BUFFER : WIPPYLI_CHANNEL_CASE;
    wippyli_channel *channel =
        (wippyli_channel *)wippyli_object_push_often(L, &wippyli_channel_class,
                                                     WIPPYLI_OFTEN_CHANNEL, bytes, values);
    memset(channel, 0, bytes);
    channel->capacity = capacity;
    channel->feed = feed;
    return channel;
}

WIPPYLI_FN void *wippyli_channel_extra(wippyli_channel *channel)
{
    return channel + 1;
}

WIPPYLI_FN wippyli_channel *wippyli_channel_test(lua_State *L, int index)
{
    return (wippyli_channel *)wippyli_object_test(L, index, &wippyli_channel_class);
}

WIPPYLI_FN wippyli_channel *wippyli_channel_check(lua_State *L, int index)
{
    return (wippyli_channel *)wippyli_object_check(L, index, &wippyli_channel_class);
}

WIPPYLI_FN int wippyli_channel_new(lua_State *L)
{
    lua_Integer capacity = luaL_optinteger(L, 1, 0);
    if (capacity < 0) {
        capacity = 0;
    }
    wippyli_channel_push(L, capacity > UINT32_MAX ? UINT32_MAX : (uint32_t)capacity, NULL);
    return 1;
}

/* ------------------------------------------------------------------ anchors */

/* registry[address] = userdata: one field for each, where luaL_ref would need a list of free ones too. */
WIPPYLI_FN void wippyli_channel_anchor(lua_State *L, int index)
{
    wippyli_channel *channel = wippyli_channel_check(L, index);
    lua_pushvalue(L, index);
    wippyli_channel_flush(L);
    lua_rawsetp(L, LUA_REGISTRYINDEX, channel);
    channel->anchored = true;
}

WIPPYLI_FN void wippyli_channel_push_again(lua_State *L, wippyli_channel *channel)
{
    lua_rawgetp(L, LUA_REGISTRYINDEX, channel);
}

WIPPYLI_FN void wippyli_channel_release(wippyli_process *process, wippyli_channel *channel)
{
    if (channel->anchored && !channel->retiring) {
        channel->retiring = true;
        channel->retired = process->retired;
        process->retired = channel;
    }
}

WIPPYLI_FN void wippyli_channel_flush(lua_State *L)
{
    wippyli_process *process = wippyli_process_of(L);
    while (process->retired) {
        wippyli_channel *channel = process->retired;
        process->retired = channel->retired;
        channel->retired = NULL;
        channel->retiring = false;
        channel->anchored = false;
        lua_pushnil(L);
        lua_rawsetp(L, LUA_REGISTRYINDEX, channel);
    }
}

/* ------------------------------------------------------------------ the buffer
   A ring in a table; it doubles up to the capacity and goes when it was big and empty. */

#define WIPPYLI_RING_FIRST 4
#define WIPPYLI_RING_KEPT  64

/* Push the table, made or enlarged so that one more value fits. */
static void wippyli_values_room(lua_State *L, int index, wippyli_channel *channel)
{
    if (channel->ring_size == 0) {
        uint32_t size =
            channel->capacity < WIPPYLI_RING_FIRST ? channel->capacity : WIPPYLI_RING_FIRST;
        lua_createtable(L, (int)size, 0);
        lua_pushvalue(L, -1);
        lua_setiuservalue(L, index, WIPPYLI_CHANNEL_BUFFER);
        channel->ring_size = size;
        channel->first = 0;
        return;
    }
    lua_getiuservalue(L, index, WIPPYLI_CHANNEL_BUFFER);
    if (channel->count < channel->ring_size) {
        return;
    }
    uint32_t size =
        channel->ring_size > channel->capacity / 2 ? channel->capacity : channel->ring_size * 2;
    lua_createtable(L, size > INT32_MAX ? INT32_MAX : (int)size, 0);
    for (uint32_t i = 0; i < channel->count; i++) {
        uint32_t from = (channel->first + i) % channel->ring_size;
        lua_rawgeti(L, -2, (lua_Integer)from + 1);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    lua_pushvalue(L, -1);
    lua_setiuservalue(L, index, WIPPYLI_CHANNEL_BUFFER);
    lua_remove(L, -2);
    channel->ring_size = size;
    channel->first = 0;
}

/* Take the value on top into the buffer of the channel at `index`. */
static void wippyli_values_add(lua_State *L, int index, wippyli_channel *channel)
{
    wippyli_values_room(L, index, channel);
    lua_insert(L, -2);
    lua_rawseti(L, -2, (lua_Integer)((channel->first + channel->count) % channel->ring_size) + 1);
    lua_pop(L, 1);
    channel->count++;
}

/* Push the oldest value of the buffer. */
static void wippyli_values_take(lua_State *L, int index, wippyli_channel *channel)
{
    lua_getiuservalue(L, index, WIPPYLI_CHANNEL_BUFFER);
    lua_rawgeti(L, -1, (lua_Integer)channel->first + 1);
    lua_pushnil(L);
    lua_rawseti(L, -3, (lua_Integer)channel->first + 1);
    lua_remove(L, -2);
    channel->first = (channel->first + 1) % channel->ring_size;
    channel->count--;
    if (channel->count == 0 && channel->ring_size > WIPPYLI_RING_KEPT) {
        lua_pushnil(L);
        lua_setiuservalue(L, index, WIPPYLI_CHANNEL_BUFFER);
        channel->ring_size = 0;
    }
}

static bool wippyli_channel_has_room(const wippyli_channel *channel)
{
    return (uint64_t)channel->count + channel->pending < channel->capacity;
}

WIPPYLI_FN void wippyli_channel_fill(lua_State *L, int index, wippyli_channel *channel)
{
    wippy_self *self = wippyli_process_of(L)->self;
    wippyli_mail_settle(wippyli_process_of(L));
    while (channel->shelf && wippyli_channel_has_room(channel)) {
        const wippy_mail *mail = wippy_shelf_peek(self, channel->shelf);
        if (!mail) {
            return;
        }
        channel->push(L, mail);
        wippyli_values_add(L, index, channel);
        wippy_shelf_take(self, channel->shelf);
    }
}

/* ------------------------------------------------------------------ from outside */

WIPPYLI_FN bool wippyli_channel_offer(wippyli_process *process, wippyli_channel *channel)
{
    if (channel->closed) {
        return false;
    }
    if (channel->receivers) {
        wippyli_waiter_won(process, channel->receivers, WIPPYLI_WAKE_FEED);
        return true;
    }
    if (!wippyli_channel_has_room(channel)) {
        return false;
    }
    channel->pending++;
    return true;
}

WIPPYLI_FN uint32_t wippyli_channel_pending(const wippyli_channel *channel)
{
    return channel->pending;
}

WIPPYLI_FN void wippyli_channel_clear(wippyli_channel *channel)
{
    channel->pending = 0;
}

WIPPYLI_FN bool wippyli_channel_is_closed(const wippyli_channel *channel)
{
    return channel->closed;
}

WIPPYLI_FN void wippyli_channel_close(wippyli_process *process, wippyli_channel *channel)
{
    channel->closed = true;
    while (channel->receivers) {
        wippyli_waiter_won(process, channel->receivers, WIPPYLI_WAKE_CLOSED);
    }
    while (channel->senders) {
        wippyli_waiter_won(process, channel->senders, WIPPYLI_WAKE_CLOSED);
    }
}

WIPPYLI_FN uint32_t wippyli_channel_shelf(wippyli_process *process, wippyli_channel *channel)
{
    if (channel->shelf == 0) {
        channel->shelf = wippy_shelf_open(process->self);
    }
    return channel->shelf;
}

WIPPYLI_FN bool wippyli_channel_mail(wippyli_process *process, wippyli_channel *channel,
                                     const wippy_mail *mail)
{
    if (!channel->receivers) {
        return false;
    }
    wippyli_waiter_won(process, channel->receivers, WIPPYLI_WAKE_MAIL);
    wippyli_mail_hand(process, mail);
    return true;
}

/* ------------------------------------------------------------------ receive */

typedef enum wippyli_taken {
    WIPPYLI_TAKEN_NOTHING,
    WIPPYLI_TAKEN_VALUE,
    WIPPYLI_TAKEN_END
} wippyli_taken;

/* Push what a blocked sender wants to send. Its frame has room for one value more. */
static void wippyli_waiter_value(lua_State *L, const wippyli_waiter *waiter)
{
    lua_State *from = waiter->task->blocked;
    if (waiter->selects) {
        lua_getiuservalue(from, waiter->index, 2);
    } else {
        lua_pushvalue(from, waiter->index);
    }
    lua_xmove(from, L, 1);
}

static void wippyli_take_from_sender(lua_State *L, wippyli_channel *channel)
{
    wippyli_waiter *sender = channel->senders;
    wippyli_waiter_value(L, sender);
    wippyli_waiter_won(wippyli_process_of(L), sender, WIPPYLI_WAKE_SENT);
}

static bool wippyli_take_kept_mail(lua_State *L, wippyli_channel *channel)
{
    wippy_self *self = wippyli_process_of(L)->self;
    wippyli_mail_settle(wippyli_process_of(L));
    const wippy_mail *mail = wippy_shelf_peek(self, channel->shelf);
    if (!mail) {
        return false;
    }
    channel->push(L, mail);
    wippy_shelf_take(self, channel->shelf);
    return true;
}

/* Push the next value of the channel at `index`, if there is one. */
static wippyli_taken wippyli_channel_take(lua_State *L, int index, wippyli_channel *channel)
{
    if (channel->count > 0) {
        wippyli_values_take(L, index, channel);
        if (channel->senders && wippyli_channel_has_room(channel)) {
            wippyli_take_from_sender(L, channel);
            wippyli_values_add(L, index, channel);
        }
        return WIPPYLI_TAKEN_VALUE;
    }
    if (channel->pending > 0) {
        channel->feed->take(L, channel);
        channel->pending--;
        return WIPPYLI_TAKEN_VALUE;
    }
    if (channel->shelf && wippyli_take_kept_mail(L, channel)) {
        return WIPPYLI_TAKEN_VALUE;
    }
    if (channel->senders) {
        wippyli_take_from_sender(L, channel);
        return WIPPYLI_TAKEN_VALUE;
    }
    return channel->closed ? WIPPYLI_TAKEN_END : WIPPYLI_TAKEN_NOTHING;
}

/* Push the value a receiver was woken for, at the latest here. False: the channel was closed. */
static bool wippyli_woken_value(lua_State *L, wippyli_process *process, wippyli_channel *channel)
{
    switch (process->running->wake) {
    case WIPPYLI_WAKE_VALUE: return true;
    case WIPPYLI_WAKE_FEED:
        channel->pending++; /* kept if it raises */
        channel->feed->take(L, channel);
        channel->pending--;
        return true;
    case WIPPYLI_WAKE_MAIL:
        process->mail_back = channel;
        channel->push(L, wippyli_mail_in_hand(process));
        wippyli_mail_finish(process);
        return true;
    default: return false;
    }
}

static int wippyli_received(lua_State *L, bool ok)
{
    if (!ok) {
        lua_pushnil(L);
    }
    lua_pushboolean(L, ok);
    return 2;
}

static int wippyli_receive_k(lua_State *L, int status, lua_KContext ctx)
{
    wippyli_channel *channel = (wippyli_channel *)ctx;
    (void)status;
    return wippyli_received(L, wippyli_woken_value(L, wippyli_process_of(L), channel));
}

static int wippyli_channel_receive(lua_State *L)
{
    wippyli_channel *channel = wippyli_channel_check(L, 1);
    wippyli_taken taken = wippyli_channel_take(L, 1, channel);
    if (taken != WIPPYLI_TAKEN_NOTHING) {
        return wippyli_received(L, taken == WIPPYLI_TAKEN_VALUE);
    }
    wippyli_check_block(L, "channel.receive");
    wippyli_waiter_link(wippyli_waiters_get(wippyli_process_of(L), 1), channel);
    return wippyli_block(L, wippyli_receive_k, (lua_KContext)channel);
}

/* ------------------------------------------------------------------ send, close */

/* Give the value at `value` to the channel at `index` without waiting. */
static bool wippyli_channel_give(lua_State *L, int index, wippyli_channel *channel, int value)
{
    lua_pushvalue(L, value);
    if (channel->receivers) {
        wippyli_waiter *receiver = channel->receivers;
        lua_xmove(L, receiver->task->blocked, 1);
        wippyli_waiter_won(wippyli_process_of(L), receiver, WIPPYLI_WAKE_VALUE);
        return true;
    }
    wippyli_channel_fill(L, index, channel);
    if (wippyli_channel_has_room(channel)) {
        wippyli_values_add(L, index, channel);
        return true;
    }
    lua_pop(L, 1);
    return false;
}

static int wippyli_send_k(lua_State *L, int status, lua_KContext ctx)
{
    (void)status;
    (void)ctx;
    if (wippyli_process_of(L)->running->wake == WIPPYLI_WAKE_SENT) {
        lua_pushboolean(L, 1);
        return 1;
    }
    return wippyli_fail(L, "Invalid", "send on closed channel");
}

static int wippyli_channel_send(lua_State *L)
{
    wippyli_channel *channel = wippyli_channel_check(L, 1);
    lua_settop(L, 2);
    if (channel->closed) {
        return luaL_error(L, "send on closed channel");
    }
    if (wippyli_channel_give(L, 1, channel, 2)) {
        lua_pushboolean(L, 1);
        return 1;
    }
    wippyli_check_block(L, "channel.send");
    wippyli_waiter *waiter = wippyli_waiters_get(wippyli_process_of(L), 1);
    waiter->sends = true;
    waiter->index = 2;
    wippyli_waiter_link(waiter, channel);
    return wippyli_block(L, wippyli_send_k, 0);
}

static int wippyli_channel_close_lua(lua_State *L)
{
    wippyli_channel *channel = wippyli_channel_check(L, 1);
    if (!channel->closed) {
        if (channel->mail) {
            wippyli_unsubscribe(L, 1);
        }
        wippyli_channel_close(wippyli_process_of(L), channel);
    }
    return 0;
}

/* ------------------------------------------------------------------ select
   User values of a case: the channel, and the value to send. */

typedef struct wippyli_case {
    wippyli_channel *channel;
    bool sends;
} wippyli_case;

static const luaL_Reg wippyli_case_methods[] = {{NULL, NULL}};
static const wippyli_class wippyli_case_class = {"channel case", wippyli_case_methods};

static int wippyli_channel_case_send(lua_State *L)
{
    wippyli_channel *channel = wippyli_channel_check(L, 1);
    lua_settop(L, 2);
    wippyli_case *one =
        (wippyli_case *)wippyli_object_push(L, &wippyli_case_class, sizeof(*one), 2);
    one->channel = channel;
    one->sends = true;
    lua_pushvalue(L, 1);
    lua_setiuservalue(L, 3, 1);
    lua_pushvalue(L, 2);
    lua_setiuservalue(L, 3, 2);
    return 1;
}

/* A case to receive holds nothing but its channel: one serves every select. */
static int wippyli_channel_case_receive(lua_State *L)
{
    wippyli_channel *channel = wippyli_channel_check(L, 1);
    lua_settop(L, 1);
    if (lua_getiuservalue(L, 1, WIPPYLI_CHANNEL_CASE) == LUA_TUSERDATA) {
        return 1;
    }
    lua_settop(L, 1);
    wippyli_case *one =
        (wippyli_case *)wippyli_object_push(L, &wippyli_case_class, sizeof(*one), 1);
    one->channel = channel;
    one->sends = false;
    lua_pushvalue(L, 1);
    lua_setiuservalue(L, 2, 1);
    lua_pushvalue(L, 2);
    lua_setiuservalue(L, 1, WIPPYLI_CHANNEL_CASE);
    return 1;
}

/* A select under way: its cases stand on the stack from WIPPYLI_SELECT_BASE on. */
#define WIPPYLI_SELECT_BASE 2
#define WIPPYLI_SELECT_MAX  10000

typedef struct wippyli_select {
    lua_State *L;
    wippyli_process *process;
    int count;
} wippyli_select;

static wippyli_case *wippyli_select_case(const wippyli_select *select, int at)
{
    return (wippyli_case *)wippyli_object_test(select->L, WIPPYLI_SELECT_BASE + at,
                                               &wippyli_case_class);
}

static bool wippyli_case_is_mail(const wippyli_case *one)
{
    return !one->sends && one->channel->mail;
}

static bool wippyli_case_is_ready(const wippyli_select *select, const wippyli_case *one)
{
    const wippyli_channel *channel = one->channel;
    if (one->sends) {
        return !channel->closed && (channel->receivers || wippyli_channel_has_room(channel));
    }
    return channel->count > 0 || channel->pending > 0 || channel->senders || channel->closed ||
           (channel->shelf && wippy_shelf_peek(select->process->self, channel->shelf));
}

/* {channel =, value =, ok =} of the value on top, nil when there is none. */
static int wippyli_select_result(lua_State *L, int at, bool ok)
{
    int value = lua_gettop(L);
    lua_createtable(L, 0, 3);
    lua_getiuservalue(L, WIPPYLI_SELECT_BASE + at, 1);
    lua_setfield(L, -2, "channel");
    lua_pushvalue(L, value);
    lua_setfield(L, -2, "value");
    lua_pushboolean(L, ok);
    lua_setfield(L, -2, "ok");
    return 1;
}

/* Carry out a case that is ready. A send case may find that kept mail took its room: false. */
static bool wippyli_select_execute(const wippyli_select *select, int at)
{
    lua_State *L = select->L;
    wippyli_case *one = wippyli_select_case(select, at);
    int top = lua_gettop(L);
    bool ok = true;
    lua_getiuservalue(L, WIPPYLI_SELECT_BASE + at, 1);
    if (one->sends) {
        lua_getiuservalue(L, WIPPYLI_SELECT_BASE + at, 2);
        if (!wippyli_channel_give(L, top + 1, one->channel, top + 2)) {
            lua_settop(L, top);
            return false;
        }
    } else if (wippyli_channel_take(L, top + 1, one->channel) == WIPPYLI_TAKEN_END) {
        lua_pushnil(L);
        ok = false;
    }
    wippyli_select_result(L, at, ok);
    return true;
}

/* The mailbox case whose next value is the oldest, or -1. */
static int wippyli_select_oldest(const wippyli_select *select)
{
    int oldest = -1;
    uint64_t oldest_number = UINT64_MAX;
    for (int i = 0; i < select->count; i++) {
        const wippyli_case *one = wippyli_select_case(select, i);
        if (!wippyli_case_is_mail(one)) {
            continue;
        }
        if (one->channel->count > 0) {
            return i;
        }
        const wippy_mail *mail = wippy_shelf_peek(select->process->self, one->channel->shelf);
        if (mail && wippy_mail_number(mail) < oldest_number) {
            oldest = i;
            oldest_number = wippy_mail_number(mail);
        }
    }
    return oldest;
}

static bool wippyli_select_wants(void *arg, const wippyli_channel *channel)
{
    const wippyli_select *select = (const wippyli_select *)arg;
    for (int i = 0; i < select->count; i++) {
        const wippyli_case *one = wippyli_select_case(select, i);
        if (one->channel == channel && !one->sends) {
            return true;
        }
    }
    return false;
}

/* A ready case of its own right before the first mailbox case, then the oldest mail, then the others
   in table order. *polled: mailboxes were looked at in vain. */
static bool wippyli_select_ready(wippyli_select *select, bool *polled)
{
    int at = 0;
    for (; at < select->count; at++) {
        const wippyli_case *one = wippyli_select_case(select, at);
        if (wippyli_case_is_mail(one)) {
            break;
        }
        if (wippyli_case_is_ready(select, one) && wippyli_select_execute(select, at)) {
            return true;
        }
    }
    if (at == select->count) {
        return false;
    }
    int oldest = wippyli_select_oldest(select);
    if (oldest < 0 && wippyli_inbox_poll(select->process, wippyli_select_wants, select)) {
        oldest = wippyli_select_oldest(select);
    }
    if (oldest >= 0) {
        return wippyli_select_execute(select, oldest);
    }
    *polled = true;
    for (; at < select->count; at++) {
        if (wippyli_case_is_ready(select, wippyli_select_case(select, at)) &&
            wippyli_select_execute(select, at)) {
            return true;
        }
    }
    return false;
}

static int wippyli_select_k(lua_State *L, int status, lua_KContext ctx)
{
    wippyli_process *process = wippyli_process_of(L);
    int at = process->running->won->index - WIPPYLI_SELECT_BASE;
    wippyli_select select;
    (void)status;
    (void)ctx;
    select.L = L;
    select.process = process;
    const wippyli_case *one = wippyli_select_case(&select, at);
    if (one->sends) {
        lua_getiuservalue(L, WIPPYLI_SELECT_BASE + at, 2);
        return wippyli_select_result(L, at, process->running->wake == WIPPYLI_WAKE_SENT);
    }
    bool ok = wippyli_woken_value(L, process, one->channel);
    if (!ok) {
        lua_pushnil(L);
    }
    return wippyli_select_result(L, at, ok);
}

static int wippyli_select_park(wippyli_select *select)
{
    lua_State *L = select->L;
    for (int i = 0; i < select->count; i++) {
        const wippyli_case *one = wippyli_select_case(select, i);
        if (one->sends && one->channel->closed) {
            return luaL_error(L, "send on closed channel");
        }
    }
    wippyli_check_block(L, "channel.select");
    wippyli_waiter *waiters = wippyli_waiters_get(select->process, (uint32_t)select->count);
    if (!waiters) {
        return wippyli_rate_limited(L);
    }
    for (int i = 0; i < select->count; i++) {
        const wippyli_case *one = wippyli_select_case(select, i);
        waiters[i].index = WIPPYLI_SELECT_BASE + i;
        waiters[i].selects = true;
        waiters[i].sends = one->sends;
        wippyli_waiter_link(&waiters[i], one->channel);
    }
    return wippyli_block(L, wippyli_select_k, 0);
}

static int wippyli_select_default(lua_State *L)
{
    lua_createtable(L, 0, 2);
    lua_pushboolean(L, 1);
    lua_setfield(L, -2, "default");
    lua_pushboolean(L, 1);
    lua_setfield(L, -2, "ok");
    return 1;
}

/* The second look, in a step that saw all mail that had come. ctx: how many cases. */
static int wippyli_select_again_k(lua_State *L, int status, lua_KContext ctx)
{
    wippyli_select select;
    bool polled = false;
    (void)status;
    lua_settop(L, (int)ctx + WIPPYLI_SELECT_BASE - 1);
    select.L = L;
    select.process = wippyli_process_of(L);
    select.count = (int)ctx;
    return wippyli_select_ready(&select, &polled) ? 1 : wippyli_select_default(L);
}

/* A step sees the mail that had come when it began, and not more of it than its budget. So that
   "nothing there" is the truth, the step ends and the next one looks again. */
static int wippyli_select_polled(wippyli_select *select)
{
    if (!wippyli_can_block(select->L)) {
        return wippyli_select_default(select->L);
    }
    select->process->guard.yield_reason = WIPPYLI_YIELD_PREEMPTED;
    return lua_yieldk(select->L, 0, (lua_KContext)select->count, wippyli_select_again_k);
}

/* Leave the cases of the table at 1 on the stack from 2 on. */
static int wippyli_select_collect(lua_State *L)
{
    lua_Integer length = (lua_Integer)lua_rawlen(L, 1);
    if (length > WIPPYLI_SELECT_MAX) {
        return luaL_error(L, "too many cases");
    }
    wippyli_stack_room(L, (int)length + 12, "too many cases");
    int count = 0;
    for (lua_Integer i = 1; i <= length; i++) {
        lua_rawgeti(L, 1, i);
        if (wippyli_object_test(L, -1, &wippyli_case_class)) {
            count++;
        } else {
            lua_pop(L, 1);
        }
    }
    return count;
}

WIPPYLI_FN int wippyli_channel_select(lua_State *L)
{
    wippyli_select select;
    bool polled = false;
    luaL_checktype(L, 1, LUA_TTABLE);
    bool has_default = lua_toboolean(L, 2) != 0;
    if (!has_default) {
        lua_settop(L, 1);
        lua_pushliteral(L, "default");
        lua_rawget(L, 1);
        has_default = lua_toboolean(L, -1) != 0;
    }
    lua_settop(L, 1);
    select.L = L;
    select.process = wippyli_process_of(L);
    select.count = wippyli_select_collect(L);
    if (wippyli_select_ready(&select, &polled)) {
        return 1;
    }
    if (has_default) {
        return polled ? wippyli_select_polled(&select) : wippyli_select_default(L);
    }
    return wippyli_select_park(&select);
}
