/* ========================================================================== >>lua/mod_events.c */
#include "mod_events.h"

#include <stdio.h>
#include <string.h>

#define WIPPYLI_EVENTS_CAPACITY 64

/* In memory of the process: it must be given up even when the Lua object is gone. */
typedef struct wippyli_listening {
    wippyli_cleanup cleanup;
    uint64_t id; /* of the core's subscription */
} wippyli_listening;

/* The userdata; user value 1 is the channel. */
typedef struct wippyli_subscription {
    wippyli_listening *listening; /* NULL = closed */
} wippyli_subscription;

static const char wippyli_events_key = 0; /* module state: number of the last topic */

static void wippyli_listening_end(wippyli_process *process, wippyli_cleanup *cleanup)
{
    wippyli_listening *listening =
        (wippyli_listening *)(void *)((char *)cleanup - offsetof(wippyli_listening, cleanup));
    (void)wippy_events_unsubscribe(wippyli_self(process), listening->id);
}

static void wippyli_event_push(lua_State *L, const wippy_mail *mail)
{
    wippyli_decode_packed(L, wippy_mail_data(mail), mail->size, mail->count);
}

static int wippyli_subscription_channel(lua_State *L);
static int wippyli_subscription_close(lua_State *L);

static const luaL_Reg wippyli_subscription_methods[] = {
    {"channel", wippyli_subscription_channel}, {"close", wippyli_subscription_close}, {NULL, NULL}};
static const wippyli_class wippyli_subscription_class = {"events.Subscription",
                                                         wippyli_subscription_methods};

static int wippyli_subscription_channel(lua_State *L)
{
    wippyli_object_check(L, 1, &wippyli_subscription_class);
    lua_getiuservalue(L, 1, 1);
    return 1;
}

static int wippyli_subscription_close(lua_State *L)
{
    wippyli_process *process = wippyli_process_of(L);
    wippyli_subscription *one =
        (wippyli_subscription *)wippyli_object_check(L, 1, &wippyli_subscription_class);
    wippyli_listening *listening = one->listening;
    if (listening) {
        one->listening = NULL;
        wippyli_cleanup_remove(process, &listening->cleanup);
        wippyli_listening_end(process, &listening->cleanup);
        wippyli_put(process, listening, sizeof(*listening));
        lua_getiuservalue(L, 1, 1);
        wippyli_channel *channel = wippyli_channel_check(L, -1);
        wippyli_unsubscribe(L, -1);
        wippyli_channel_close(process, channel);
    }
    lua_pushboolean(L, 1);
    return 1;
}

/* Text at `index`; NULL and an error pushed when it is missing or empty. */
static const char *wippyli_event_text(lua_State *L, int index, const char *what)
{
    const char *text = luaL_optstring(L, index, "");
    if (text[0]) {
        return text;
    }
    wippyli_fail(L, "Invalid", "%s is required", what);
    return NULL;
}

static int wippyli_subscribe_refused(lua_State *L, wippy_result result, const char *system)
{
    return result == WIPPY_ERR_DENIED
               ? wippyli_fail(L, "Invalid", "not allowed to subscribe to events from system: %s",
                              system)
               : wippyli_failed(L, result, NULL);
}

static int wippyli_events_subscribe(lua_State *L)
{
    wippyli_process *process = wippyli_process_of(L);
    char topic[48];
    const char *kind = luaL_optstring(L, 2, "");
    const char *system = wippyli_event_text(L, 1, "system pattern"); /* pushes: the last to read */
    if (!system) {
        return 2;
    }
    int size = snprintf(topic, sizeof(topic), "@events.%llu",
                        (unsigned long long)wippyli_topic_number(L, &wippyli_events_key));
    wippyli_subscription *one = (wippyli_subscription *)wippyli_object_push(
        L, &wippyli_subscription_class, sizeof(*one), 1);
    one->listening = NULL;
    wippyli_channel_push(L, WIPPYLI_EVENTS_CAPACITY, NULL);
    lua_pushvalue(L, -1);
    lua_setiuservalue(L, -3, 1);
    wippyli_listening *listening = (wippyli_listening *)wippyli_get(process, sizeof(*listening));
    if (!listening) {
        return wippyli_rate_limited(L);
    }
    wippy_result result =
        wippy_events_subscribe(wippyli_self(process), system, kind, topic, &listening->id);
    if (result != WIPPY_OK) {
        wippyli_put(process, listening, sizeof(*listening));
        return wippyli_subscribe_refused(L, result, system);
    }
    listening->cleanup.run = wippyli_listening_end;
    wippyli_cleanup_add(process, &listening->cleanup);
    one->listening = listening;
    result = wippyli_subscribe(L, lua_gettop(L), topic, (size_t)size, wippyli_event_push);
    lua_pop(L, 1);
    return result == WIPPY_OK ? 1 : wippyli_rate_limited(L);
}

static int wippyli_events_send(lua_State *L)
{
    wippyli_process *process = wippyli_process_of(L);
    wippy_writer writer;
    wippy_slice data = {NULL, 0};
    const char *system = wippyli_event_text(L, 1, "system");
    const char *kind = system ? wippyli_event_text(L, 2, "kind") : NULL;
    const char *path = kind ? wippyli_event_text(L, 3, "path") : NULL;
    if (!path) {
        return 2;
    }
    wippy_writer_init(&writer, wippyli_runtime(process));
    if (!lua_isnoneornil(L, 4) && !wippyli_encode_checked(L, 4, &writer, &data)) {
        return 2;
    }
    wippy_result result = wippy_events_send(wippyli_self(process), system, kind, path, data);
    wippy_writer_free(&writer);
    if (result == WIPPY_ERR_DENIED) {
        return wippyli_fail(L, "Invalid", "not allowed to send events to system: %s", system);
    }
    if (result != WIPPY_OK) {
        return wippyli_failed(L, result, NULL);
    }
    lua_pushboolean(L, 1);
    return 1;
}

WIPPYLI_FN const wippyli_library *wippyli_mod_events(void)
{
    static const wippyli_entry entries[] = {
        {"send", wippyli_events_send, 0, NULL},
        {"subscribe", wippyli_events_subscribe, 0, NULL},
    };
    static const wippyli_library library = {"events", entries, (uint32_t)WIPPYLI_COUNT(entries),
                                            NULL, NULL};
    return &library;
}
