/* ========================================================================== >>lua/inbox.c */
#include "inbox.h"
#include "errors.h"

#include <string.h>

/* ------------------------------------------------------------------ bindings of topics */

typedef struct wippyli_binding {
    wippyli_channel *channel; /* NULL = free place */
    char *topic;              /* bytes, not NUL-terminated, own block */
    uint32_t bytes;
    uint32_t hash;
} wippyli_binding;

static uint32_t wippyli_topic_hash(const char *topic, size_t bytes)
{
    uint32_t hash = 2166136261u;
    for (size_t i = 0; i < bytes; i++) {
        hash = (hash ^ (uint8_t)topic[i]) * 16777619u;
    }
    return hash;
}

/* The binding of a topic, or the free place for it. */
static wippyli_binding *wippyli_binding_place(const wippyli_inbox *inbox, const char *topic,
                                              size_t bytes, uint32_t hash)
{
    uint32_t at = hash & (inbox->room - 1);
    for (;;) {
        wippyli_binding *binding = &inbox->bindings[at];
        if (!binding->channel || (binding->hash == hash && binding->bytes == bytes &&
                                  memcmp(binding->topic, topic, bytes) == 0)) {
            return binding;
        }
        at = (at + 1) & (inbox->room - 1);
    }
}

static wippyli_channel *wippyli_binding_find(const wippyli_inbox *inbox, const char *topic,
                                             size_t bytes)
{
    if (inbox->count == 0) {
        return NULL;
    }
    return wippyli_binding_place(inbox, topic, bytes, wippyli_topic_hash(topic, bytes))->channel;
}

/* Make a table of `room` places and put every binding there. */
static bool wippyli_bindings_rebuild(wippyli_process *process, uint32_t room)
{
    wippyli_inbox *inbox = &process->inbox;
    wippyli_inbox rebuilt = *inbox;
    rebuilt.room = room;
    rebuilt.bindings = (wippyli_binding *)wippyli_get(process, room * sizeof(wippyli_binding));
    if (!rebuilt.bindings) {
        return false;
    }
    memset(rebuilt.bindings, 0, room * sizeof(wippyli_binding));
    for (uint32_t i = 0; i < inbox->room; i++) {
        wippyli_binding *binding = &inbox->bindings[i];
        if (binding->channel) {
            *wippyli_binding_place(&rebuilt, binding->topic, binding->bytes, binding->hash) =
                *binding;
        }
    }
    if (inbox->bindings) {
        wippyli_put(process, inbox->bindings, inbox->room * sizeof(wippyli_binding));
    }
    *inbox = rebuilt;
    return true;
}

static bool wippyli_binding_add(wippyli_process *process, wippyli_channel *channel,
                                const char *topic, size_t bytes)
{
    wippyli_inbox *inbox = &process->inbox;
    if (inbox->count * 2 >= inbox->room &&
        !wippyli_bindings_rebuild(process, inbox->room ? inbox->room * 2 : 4)) {
        return false;
    }
    char *copy = (char *)wippyli_get(process, bytes);
    if (!copy) {
        return false;
    }
    memcpy(copy, topic, bytes);
    uint32_t hash = wippyli_topic_hash(topic, bytes);
    wippyli_binding *binding = wippyli_binding_place(inbox, topic, bytes, hash);
    binding->channel = channel;
    binding->topic = copy;
    binding->bytes = (uint32_t)bytes;
    binding->hash = hash;
    inbox->count++;
    process->subscriptions++;
    return true;
}

/* Close the gap at `hole`: move up what would not be found behind it. */
static void wippyli_binding_close_gap(wippyli_inbox *inbox, uint32_t hole)
{
    uint32_t mask = inbox->room - 1;
    for (uint32_t at = (hole + 1) & mask; inbox->bindings[at].channel; at = (at + 1) & mask) {
        uint32_t home = inbox->bindings[at].hash & mask;
        if (((at - home) & mask) >= ((at - hole) & mask)) {
            inbox->bindings[hole] = inbox->bindings[at];
            inbox->bindings[at].channel = NULL;
            hole = at;
        }
    }
}

static void wippyli_bindings_remove(wippyli_process *process, const wippyli_channel *channel)
{
    wippyli_inbox *inbox = &process->inbox;
    uint32_t i = 0;
    while (i < inbox->room) {
        wippyli_binding *binding = &inbox->bindings[i];
        if (binding->channel != channel) {
            i++;
            continue;
        }
        wippyli_put(process, binding->topic, binding->bytes);
        binding->channel = NULL;
        wippyli_binding_close_gap(inbox, i); /* may bring another one here: look again */
        inbox->count--;
        process->subscriptions--;
    }
}

/* ------------------------------------------------------------------ routing */

WIPPYLI_FN void wippyli_inbox_account(wippyli_process *process)
{
    wippyli_arena *arena = &process->arena;
    if (arena->limit == SIZE_MAX) {
        return;
    }
    size_t kept = wippy_kept_bytes(process->self);
    arena->other += kept - process->inbox.kept_bytes;
    process->inbox.kept_bytes = kept;
    if (arena->used + arena->other > arena->limit) {
        wippyli_end_text(process, WIPPY_ERR_INTERNAL, "memory limit exceeded");
    }
}

static void wippyli_inbox_keep(wippyli_process *process, const wippy_mail *mail, uint32_t shelf)
{
    if (wippy_shelf_keep(process->self, mail, shelf) != WIPPY_OK) {
        wippyli_end_text(process, WIPPY_ERR_NOMEM, "out of memory"); /* better than to go on without */
        return;
    }
    wippyli_inbox_account(process);
}

/* Mail of a channel: to whoever waits there, or onto its shelf. */
static wippyli_channel *wippyli_route_to(wippyli_process *process, wippyli_channel *channel,
                                         const wippy_mail *mail)
{
    if (wippyli_channel_mail(process, channel, mail)) {
        return NULL;
    }
    uint32_t shelf = wippyli_channel_shelf(process, channel);
    if (shelf == 0) {
        wippyli_end_text(process, WIPPY_ERR_NOMEM, "out of memory");
    }
    wippyli_inbox_keep(process, mail, shelf);
    return channel;
}

static wippyli_channel *wippyli_route_message(wippyli_process *process, const wippy_mail *mail)
{
    wippyli_inbox *inbox = &process->inbox;
    size_t bytes = 0;
    const char *topic = wippy_mail_topic(process->self, mail, &bytes);
    wippyli_channel *channel = wippyli_binding_find(inbox, topic, bytes);
    if (!channel && (bytes == 0 || topic[0] != '@')) {
        channel = inbox->inbox;
    }
    if (channel) {
        return wippyli_route_to(process, channel, mail);
    }
    wippyli_inbox_keep(process, mail, 0);
    return NULL;
}

/* Events have a shelf of their own before anybody asks for them: they cannot be claimed later. */
static wippyli_channel *wippyli_route_event(wippyli_process *process, const wippy_mail *mail)
{
    wippyli_inbox *inbox = &process->inbox;
    if (inbox->events) {
        wippyli_channel *kept = wippyli_route_to(process, inbox->events, mail);
        inbox->events_shelf = inbox->events->shelf;
        return kept;
    }
    if (inbox->events_shelf == 0) {
        inbox->events_shelf = wippy_shelf_open(process->self);
    }
    if (inbox->events_shelf == 0) {
        wippyli_end_text(process, WIPPY_ERR_NOMEM, "out of memory");
        return NULL;
    }
    wippyli_inbox_keep(process, mail, inbox->events_shelf);
    return NULL;
}

WIPPYLI_FN wippyli_channel *wippyli_inbox_route(wippyli_process *process, const wippy_mail *mail)
{
    switch (mail->kind) {
    case WIPPY_MAIL_MESSAGE: return wippyli_route_message(process, mail);
    case WIPPY_MAIL_DONE: wippyli_mail_done(process, mail); return NULL;
    case WIPPY_MAIL_WRITABLE: return NULL;
    default: return wippyli_route_event(process, mail);
    }
}

WIPPYLI_FN bool wippyli_inbox_poll(wippyli_process *process,
                                   bool (*wanted)(void *arg, const wippyli_channel *channel),
                                   void *arg)
{
    if (process->handoff == 0) {
        process->handoff = wippy_shelf_open(process->self);
    }
    if (process->handoff == 0) {
        return false;
    }
    bool found = false;
    wippyli_mail_settle(process);
    process->draining = true;
    while (!found && !process->ended) {
        const wippy_mail *mail = wippy_next(process->self);
        if (!mail) {
            break;
        }
        const wippyli_channel *channel = wippyli_inbox_route(process, mail);
        found = channel && wanted(arg, channel);
    }
    process->draining = false;
    return found;
}

/* ------------------------------------------------------------------ values of mail */

/* Whom a process talks to it mostly talks to again: the texts of the last few pids, so that neither
   msg:from() nor process.send() has to go through the table of hosts, or make the string, each time.
   The strings are kept in the registry. */
#define WIPPYLI_PEERS 4

typedef struct wippyli_peer {
    uint64_t pid;     /* 0 = free */
    const char *text; /* of the string at registry[WIPPYLI_OFTEN_END + index] */
    uint32_t size;
    bool read; /* a script wrote it, perhaps not as wippy_pid_text() does */
} wippyli_peer;

struct wippyli_peers {
    wippyli_peer last[WIPPYLI_PEERS];
    uint32_t next; /* to be replaced */
};

static wippyli_peers *wippyli_peers_get(wippyli_process *process)
{
    if (!process->peers) {
        wippyli_peers *peers = (wippyli_peers *)wippyli_get(process, sizeof(*peers));
        if (peers) {
            memset(peers, 0, sizeof(*peers));
        }
        process->peers = peers;
    }
    return process->peers;
}

/* The string at `index` is the text of `pid`, which is a process. */
static void wippyli_peer_note(lua_State *L, int index, wippy_pid pid, bool read)
{
    wippyli_peers *peers = wippyli_peers_get(wippyli_process_of(L));
    size_t size = 0;
    const char *text = lua_tolstring(L, index, &size);
    if (!peers) {
        return;
    }
    uint32_t at = peers->next;
    lua_pushvalue(L, index);
    lua_rawseti(L, LUA_REGISTRYINDEX, WIPPYLI_OFTEN_END + (lua_Integer)at); /* may raise */
    wippyli_peer *peer = &peers->last[at];
    peer->pid = pid.id;
    peer->text = text;
    peer->size = (uint32_t)size;
    peer->read = read;
    peers->next = (at + 1) % WIPPYLI_PEERS;
}

static const wippyli_peer *wippyli_peer_find(const wippyli_peers *peers, const char *text,
                                             size_t size)
{
    for (uint32_t i = 0; i < WIPPYLI_PEERS; i++) {
        if (peers->last[i].text == text) {
            return &peers->last[i];
        }
    }
    for (uint32_t i = 0; i < WIPPYLI_PEERS; i++) { /* Lua may have long strings twice */
        if (peers->last[i].size == size && memcmp(peers->last[i].text, text, size) == 0) {
            return &peers->last[i];
        }
    }
    return NULL;
}

WIPPYLI_FN void wippyli_pid_push(lua_State *L, wippy_pid pid)
{
    wippyli_process *process = wippyli_process_of(L);
    char text[256];
    if (pid.id == 0) {
        lua_pushliteral(L, "");
        return;
    }
    for (uint32_t i = 0; process->peers && i < WIPPYLI_PEERS; i++) {
        const wippyli_peer *peer = &process->peers->last[i];
        if (peer->pid == pid.id && !peer->read) {
            lua_rawgeti(L, LUA_REGISTRYINDEX, WIPPYLI_OFTEN_END + (lua_Integer)i);
            return;
        }
    }
    size_t size = wippy_pid_text(wippyli_runtime(process), pid, text, sizeof(text));
    lua_pushlstring(L, text, size < sizeof(text) ? size : sizeof(text) - 1);
    wippyli_peer_note(L, lua_gettop(L), pid, false);
}

WIPPYLI_FN wippy_result wippyli_pid_read(lua_State *L, int index, const char *text, size_t size,
                                         wippy_pid *out)
{
    wippyli_process *process = wippyli_process_of(L);
    const wippyli_peer *peer =
        process->peers ? wippyli_peer_find(process->peers, text, size) : NULL;
    if (peer) {
        out->id = peer->pid;
        return WIPPY_OK;
    }
    wippy_result result = wippy_pid_parse(wippyli_runtime(process), text, size, out, NULL);
    if (result == WIPPY_OK) {
        wippyli_peer_note(L, index, *out, true);
    }
    return result;
}

WIPPYLI_FN int wippyli_mail_values(lua_State *L, const wippy_mail *mail)
{
    const void *data = wippy_mail_data(mail);
    if ((mail->flags & WIPPY_MAIL_RAW) != 0) { /* and so there are bytes */
        lua_pushlstring(L, (const char *)data, mail->size);
        return 1;
    }
    return wippyli_decode(L, data, mail->size, mail->count);
}

WIPPYLI_FN void wippyli_mail_error(lua_State *L, const wippy_mail *mail)
{
    if (mail->count >= 1) {
        wippyli_decode(L, wippy_mail_data(mail), mail->size, 1);
        if (wippyli_is_error(L, -1)) {
            return;
        }
        lua_pop(L, 1);
    }
    wippy_result result = (wippy_result)mail->result;
    wippyli_error_push(L, wippy_result_kind(result), wippy_result_text(result), -1);
}

static void wippyli_push_plain(lua_State *L, const wippy_mail *mail)
{
    if ((mail->flags & WIPPY_MAIL_RAW) != 0) {
        (void)wippyli_mail_values(L, mail);
        return;
    }
    wippyli_decode_packed(L, wippy_mail_data(mail), mail->size, mail->count);
}

/* ---- Message: topic and payload stand behind the struct */

typedef struct wippyli_message {
    wippy_pid from;
    uint32_t size;
    uint16_t count; /* 0 with a size: raw bytes */
    uint16_t topic_bytes;
} wippyli_message;

static int wippyli_message_topic(lua_State *L);
static int wippyli_message_from(lua_State *L);
static int wippyli_message_payload(lua_State *L);
static int wippyli_message_tostring(lua_State *L);

static const luaL_Reg wippyli_message_methods[] = {{"topic", wippyli_message_topic},
                                                   {"from", wippyli_message_from},
                                                   {"payload", wippyli_message_payload},
                                                   {"__tostring", wippyli_message_tostring},
                                                   {NULL, NULL}};

static const wippyli_class wippyli_message_class = {"process.Message", wippyli_message_methods};

static void wippyli_push_message(lua_State *L, const wippy_mail *mail)
{
    size_t topic_bytes = 0;
    const char *topic = wippy_mail_topic(wippyli_process_of(L)->self, mail, &topic_bytes);
    wippyli_message *message = (wippyli_message *)wippyli_object_push_often(
        L, &wippyli_message_class, WIPPYLI_OFTEN_MESSAGE,
        sizeof(*message) + topic_bytes + mail->size, 0);
    message->from = mail->from;
    message->size = mail->size;
    message->count = mail->count;
    message->topic_bytes = (uint16_t)topic_bytes;
    char *bytes = (char *)(message + 1);
    memcpy(bytes, topic, topic_bytes);
    if (mail->size > 0) {
        memcpy(bytes + topic_bytes, wippy_mail_data(mail), mail->size);
    }
}

static wippyli_message *wippyli_message_check(lua_State *L)
{
    return (wippyli_message *)wippyli_object_check(L, 1, &wippyli_message_class);
}

static int wippyli_message_topic(lua_State *L)
{
    wippyli_message *message = wippyli_message_check(L);
    lua_pushlstring(L, (const char *)(message + 1), message->topic_bytes);
    return 1;
}

static int wippyli_message_from(lua_State *L)
{
    wippyli_pid_push(L, wippyli_message_check(L)->from);
    return 1;
}

static int wippyli_message_tostring(lua_State *L)
{
    wippyli_message_topic(L);
    lua_pushfstring(L, "process.Message{topic=%s}", lua_tostring(L, -1));
    return 1;
}

static int wippyli_message_payloads(lua_State *L, wippy_slice values, uint32_t count)
{
    wippy_reader reader;
    wippy_reader_init(&reader, values.data, values.size);
    lua_createtable(L, (int)count, 0);
    for (uint32_t i = 1; i <= count; i++) {
        wippy_slice value;
        if (wippy_read_skip(&reader, &value) != WIPPY_OK) {
            return luaL_error(L, "malformed value");
        }
        wippyli_payload_push_encoded(L, value);
        lua_rawseti(L, -2, (lua_Integer)i);
    }
    return 1;
}

static int wippyli_message_payload(lua_State *L)
{
    const wippyli_message *message = wippyli_message_check(L);
    wippy_slice values;
    values.data = (const char *)(message + 1) + message->topic_bytes;
    values.size = message->size;
    if (message->count == 0 && message->size > 0) {
        lua_pushlstring(L, values.data, values.size);
        wippyli_payload_push(L, -1, WIPPYLI_FORMAT_BYTES);
        return 1;
    }
    switch (message->count) {
    case 0: lua_pushnil(L); return 1;
    case 1: wippyli_payload_push_encoded(L, values); return 1;
    default: return wippyli_message_payloads(L, values, message->count);
    }
}

/* ---- event tables */

/* event.result = {value = or error =} */
static void wippyli_event_exit(lua_State *L, int event, const wippy_mail *mail)
{
    lua_createtable(L, 0, 1);
    if (mail->result != WIPPY_OK) {
        wippyli_mail_error(L, mail);
        lua_setfield(L, -2, "error");
    } else if (mail->count > 0) {
        wippyli_decode(L, wippy_mail_data(mail), mail->size, 1);
        lua_setfield(L, -2, "value");
    }
    lua_setfield(L, event, "result");
}

static void wippyli_push_event(lua_State *L, const wippy_mail *mail)
{
    wippy_runtime *rt = wippyli_runtime(wippyli_process_of(L));
    const char *kind = "pid.exit";
    lua_createtable(L, 0, 4);
    int event = lua_gettop(L);
    switch (mail->kind) {
    case WIPPY_MAIL_CANCEL:
        kind = "pid.cancel";
        (void)wippyli_mail_values(L, mail); /* one text */
        lua_setfield(L, event, "reason");
        break;
    case WIPPY_MAIL_OUTDATED:
        kind = "pid.outdated";
        wippyli_push_plain(L, mail);
        lua_setfield(L, event, "sources");
        break;
    default:
        kind = mail->kind == WIPPY_MAIL_LINK_DOWN ? "pid.link.down" : "pid.exit";
        wippyli_event_exit(L, event, mail);
        break;
    }
    lua_settop(L, event);
    lua_pushstring(L, kind);
    lua_setfield(L, event, "kind");
    if (mail->kind != WIPPY_MAIL_OUTDATED) {
        wippyli_pid_push(L, mail->from);
        lua_setfield(L, event, "from");
        lua_pushinteger(L, (lua_Integer)(wippy_wall_ns(rt) / 1000000000));
        lua_setfield(L, event, "at");
    }
}

/* ------------------------------------------------------------------ subscribing */

/* Mail can be asked for where a coroutine runs, not while the chunk loads. */
static void wippyli_check_running(lua_State *L, const char *name)
{
    if (wippyli_process_of(L)->guard.loading) {
        wippyli_check_block(L, name);
    }
}

/* Room for kept mail that will belong to the channel. False: there is none, nothing has changed. */
static bool wippyli_channel_prepare(wippyli_process *process, wippyli_channel *channel)
{
    return wippy_kept_count(process->self) == 0 || wippyli_channel_shelf(process, channel) != 0;
}

/* Kept mail that belongs to the channel from now on; topic NULL: everything the inbox takes. */
static void wippyli_channel_claim(wippyli_process *process, const wippyli_channel *channel,
                                  const char *topic, size_t bytes)
{
    if (wippy_kept_count(process->self) > 0) {
        wippy_shelf_claim(process->self, channel->shelf, topic, bytes);
    }
}

/* A subscription was refused: without others the channel is as it was. */
static void wippyli_channel_forget(wippyli_process *process, wippyli_channel *channel)
{
    if (channel->mail) {
        return;
    }
    if (channel->shelf != 0) {
        wippy_shelf_close(process->self, channel->shelf);
        channel->shelf = 0;
    }
    wippyli_channel_release(process, channel);
}

WIPPYLI_FN wippy_result wippyli_subscribe(lua_State *L, int index, const char *topic,
                                          size_t topic_bytes, wippyli_mail_push push)
{
    wippyli_process *process = wippyli_process_of(L);
    wippyli_inbox *inbox = &wippyli_process_of(L)->inbox;
    wippyli_channel *channel = wippyli_channel_check(L, index);
    const wippyli_channel *bound = wippyli_binding_find(inbox, topic, topic_bytes);
    if (bound) {
        return bound == channel ? WIPPY_OK : WIPPY_ERR_EXISTS;
    }
    wippyli_channel_anchor(L, index);
    if (!wippyli_channel_prepare(process, channel) ||
        !wippyli_binding_add(process, channel, topic, topic_bytes)) {
        wippyli_channel_forget(process, channel);
        return WIPPY_ERR_NOMEM;
    }
    if (!channel->mail) {
        channel->mail = true;
        channel->push = push;
    }
    wippyli_channel_claim(process, channel, topic, topic_bytes);
    return WIPPY_OK;
}

WIPPYLI_FN bool wippyli_unsubscribe(lua_State *L, int index)
{
    wippyli_process *process = wippyli_process_of(L);
    wippyli_channel *channel = wippyli_channel_check(L, index);
    wippyli_inbox *inbox = &process->inbox;
    if (!channel->mail) {
        return false;
    }
    wippyli_channel_fill(L, lua_absindex(L, index), channel);
    wippyli_bindings_remove(process, channel);
    if (channel == inbox->inbox) {
        inbox->inbox = NULL;
        process->subscriptions--;
    }
    if (channel == inbox->events) {
        inbox->events = NULL; /* its shelf stays the shelf of events */
        process->subscriptions--;
    } else if (channel->shelf != 0) {
        wippy_shelf_close(process->self, channel->shelf);
        if (inbox->inbox) {
            (void)wippyli_channel_prepare(process, inbox->inbox); /* the shelf just closed is free */
            wippyli_channel_claim(process, inbox->inbox, NULL, 0);
        }
    }
    channel->mail = false;
    channel->shelf = 0;
    wippyli_channel_release(process, channel);
    wippyli_channel_flush(L);
    return true;
}

/* Push a mailbox, the inbox or events, made when first asked for. */
static wippyli_channel *wippyli_mailbox_push(lua_State *L, wippyli_channel **place,
                                             wippyli_mail_push push)
{
    if (*place) {
        wippyli_channel_push_again(L, *place);
        return *place;
    }
    wippyli_channel *channel = wippyli_channel_push(L, 0, NULL);
    wippyli_channel_anchor(L, -1);
    channel->mail = true;
    channel->push = push;
    *place = channel;
    wippyli_process_of(L)->subscriptions++;
    return channel;
}

WIPPYLI_FN int wippyli_process_inbox(lua_State *L)
{
    wippyli_check_running(L, "process.inbox");
    wippyli_process *process = wippyli_process_of(L);
    bool first = process->inbox.inbox == NULL;
    wippyli_channel *channel = wippyli_mailbox_push(L, &process->inbox.inbox, wippyli_push_message);
    if (!first) {
        return 1;
    }
    if (!wippyli_channel_prepare(process, channel)) {
        wippyli_unsubscribe(L, -1);
        return wippyli_rate_limited(L);
    }
    wippyli_channel_claim(process, channel, NULL, 0);
    return 1;
}

WIPPYLI_FN int wippyli_process_events(lua_State *L)
{
    wippyli_check_running(L, "process.events");
    wippyli_inbox *inbox = &wippyli_process_of(L)->inbox;
    wippyli_channel *channel = wippyli_mailbox_push(L, &inbox->events, wippyli_push_event);
    if (inbox->events_shelf != 0) {
        channel->shelf = inbox->events_shelf;
    }
    return 1;
}

static const char *wippyli_check_topic(lua_State *L, size_t *bytes)
{
    const char *topic = luaL_checklstring(L, 1, bytes);
    if (*bytes == 0) {
        wippyli_fail(L, "Invalid", "topic cannot be empty");
        return NULL;
    }
    if (topic[0] == '@') {
        wippyli_fail(L, "Invalid", "cannot listen to @ topics");
        return NULL;
    }
    return topic;
}

static int wippyli_subscribe_failed(lua_State *L, wippy_result result)
{
    return result == WIPPY_ERR_EXISTS
               ? wippyli_fail(L, "AlreadyExists", "topic is already subscribed")
               : wippyli_rate_limited(L);
}

static bool wippyli_wants_message(lua_State *L)
{
    if (lua_type(L, 2) != LUA_TTABLE) {
        return false;
    }
    lua_getfield(L, 2, "message");
    bool wants = lua_toboolean(L, -1) != 0;
    lua_pop(L, 1);
    return wants;
}

WIPPYLI_FN int wippyli_process_listen(lua_State *L)
{
    size_t bytes = 0;
    wippyli_check_running(L, "process.listen");
    const char *topic = wippyli_check_topic(L, &bytes);
    if (!topic) {
        return 2;
    }
    wippyli_channel *bound = wippyli_binding_find(&wippyli_process_of(L)->inbox, topic, bytes);
    if (bound) {
        wippyli_channel_push_again(L, bound);
        return 1;
    }
    bool message = wippyli_wants_message(L);
    wippyli_channel_push(L, 1, NULL);
    wippy_result result = wippyli_subscribe(L, lua_gettop(L), topic, bytes,
                                            message ? wippyli_push_message : wippyli_push_plain);
    return result == WIPPY_OK ? 1 : wippyli_subscribe_failed(L, result);
}

static int wippyli_not_subscribed(lua_State *L)
{
    wippyli_fail(L, "NotFound", "channel is not subscribed");
    lua_pushboolean(L, 0);
    lua_replace(L, -3);
    return 2;
}

WIPPYLI_FN int wippyli_process_unlisten(lua_State *L)
{
    wippyli_channel *channel = wippyli_channel_check(L, 1);
    if (!wippyli_unsubscribe(L, 1)) {
        return wippyli_not_subscribed(L);
    }
    wippyli_channel_close(wippyli_process_of(L), channel);
    lua_pushboolean(L, 1);
    return 1;
}

WIPPYLI_FN int wippyli_global_subscribe(lua_State *L)
{
    size_t bytes = 0;
    wippyli_check_running(L, "subscribe");
    wippyli_channel_check(L, 2);
    const char *topic = wippyli_check_topic(L, &bytes);
    if (!topic) {
        return 2;
    }
    wippy_result result = wippyli_subscribe(L, 2, topic, bytes, wippyli_push_plain);
    if (result != WIPPY_OK) {
        return wippyli_subscribe_failed(L, result);
    }
    lua_pushboolean(L, 1);
    return 1;
}

WIPPYLI_FN int wippyli_global_unsubscribe(lua_State *L)
{
    wippyli_channel_check(L, 1);
    if (!wippyli_unsubscribe(L, 1)) {
        return wippyli_not_subscribed(L);
    }
    lua_pushboolean(L, 1);
    return 1;
}
