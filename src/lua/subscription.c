/* ========================================================================== >>lua/subscription.c */
#include "subscription.h"

#include <stdio.h>

#define WIPPYLI_SUBSCRIPTION_CAPACITY 64

/* In memory of the process: it must be given up even when the Lua object is gone. */
typedef struct wippyli_listening {
    wippyli_cleanup cleanup;
    const wippyli_source *source;
    uint64_t id; /* what begin() answered */
} wippyli_listening;

/* The userdata; user value 1 is the channel. */
typedef struct wippyli_subscription {
    wippyli_listening *listening; /* NULL = closed */
} wippyli_subscription;

static const char wippyli_subscription_key = 0; /* module state: number of the last topic */

static int wippyli_subscription_channel(lua_State *L);
static int wippyli_subscription_close(lua_State *L);

static const luaL_Reg wippyli_subscription_methods[] = {
    {"channel", wippyli_subscription_channel}, {"close", wippyli_subscription_close}, {NULL, NULL}};
static const wippyli_class wippyli_subscription_class = {"Subscription",
                                                         wippyli_subscription_methods};

static int wippyli_subscription_channel(lua_State *L)
{
    wippyli_object_check(L, 1, &wippyli_subscription_class);
    lua_getiuservalue(L, 1, 1);
    return 1;
}

static void wippyli_listening_end(wippyli_process *process, wippyli_cleanup *cleanup)
{
    wippyli_listening *listening =
        (wippyli_listening *)(void *)((char *)cleanup - offsetof(wippyli_listening, cleanup));
    (void)listening->source->end(wippyli_self(process), listening->id);
}

static void wippyli_subscription_end(wippyli_process *process, wippyli_subscription *one)
{
    wippyli_listening *listening = one->listening;
    one->listening = NULL;
    wippyli_cleanup_remove(process, &listening->cleanup);
    wippyli_listening_end(process, &listening->cleanup);
    wippyli_put(process, listening, sizeof(*listening));
}

static int wippyli_subscription_close(lua_State *L)
{
    wippyli_process *process = wippyli_process_of(L);
    wippyli_subscription *one =
        (wippyli_subscription *)wippyli_object_check(L, 1, &wippyli_subscription_class);
    if (one->listening) {
        wippyli_subscription_end(process, one);
        lua_getiuservalue(L, 1, 1);
        wippyli_channel *channel = wippyli_channel_check(L, -1);
        wippyli_unsubscribe(L, -1);
        wippyli_channel_close(process, channel);
    }
    lua_pushboolean(L, 1);
    return 1;
}

/* Numbers do not begin at 1: mail of a body before an upgrade must not be taken for this one's. */
static uint64_t wippyli_subscription_number(lua_State *L)
{
    uint64_t *last =
        (uint64_t *)wippyli_module_state(L, &wippyli_subscription_key, sizeof(uint64_t));
    if (*last == 0) {
        *last = wippy_self_seed(wippyli_self(wippyli_process_of(L))) >> 1;
    }
    return ++*last;
}

static void wippyli_subscription_mail(lua_State *L, const wippy_mail *mail)
{
    wippyli_decode_packed(L, wippy_mail_data(mail), mail->size, mail->count);
}

static wippy_result wippyli_listen(lua_State *L, wippyli_subscription *one,
                                   const wippyli_source *source, const char *topic,
                                   const void *asked)
{
    wippyli_process *process = wippyli_process_of(L);
    wippyli_listening *listening = (wippyli_listening *)wippyli_get(process, sizeof(*listening));
    if (!listening) {
        return WIPPY_ERR_NOMEM;
    }
    wippy_result result = source->begin(wippyli_self(process), topic, asked, &listening->id);
    if (result != WIPPY_OK) {
        wippyli_put(process, listening, sizeof(*listening));
        return result;
    }
    listening->source = source;
    listening->cleanup.run = wippyli_listening_end;
    wippyli_cleanup_add(process, &listening->cleanup);
    one->listening = listening;
    return WIPPY_OK;
}

WIPPYLI_FN wippy_result wippyli_subscription_push(lua_State *L, const wippyli_source *source,
                                                  const void *asked)
{
    char topic[48];
    int size = snprintf(topic, sizeof(topic), "%s.%llu", source->prefix,
                        (unsigned long long)wippyli_subscription_number(L));
    wippyli_subscription *one = (wippyli_subscription *)wippyli_object_push(
        L, &wippyli_subscription_class, sizeof(*one), 1);
    int at = lua_gettop(L);
    one->listening = NULL;
    wippyli_channel_push(L, WIPPYLI_SUBSCRIPTION_CAPACITY, NULL);
    lua_pushvalue(L, -1);
    lua_setiuservalue(L, at, 1);
    wippy_result result = wippyli_listen(L, one, source, topic, asked);
    if (result == WIPPY_OK) {
        result = wippyli_subscribe(L, at + 1, topic, (size_t)size, wippyli_subscription_mail);
        if (result != WIPPY_OK) {
            wippyli_subscription_end(wippyli_process_of(L), one);
        }
    }
    lua_settop(L, result == WIPPY_OK ? at : at - 1);
    return result;
}
