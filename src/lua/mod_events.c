/* ========================================================================== >>lua/mod_events.c */
#include "mod_events.h"

/* What events.subscribe() was asked for. */
typedef struct wippyli_pattern {
    const char *system;
    const char *kind;
} wippyli_pattern;

static wippy_result wippyli_events_begin(wippy_self *self, const char *topic, const void *asked,
                                         uint64_t *id)
{
    const wippyli_pattern *pattern = (const wippyli_pattern *)asked;
    return wippy_events_subscribe(self, pattern->system, pattern->kind, topic, id);
}

static const wippyli_source wippyli_events_source = {"@events", wippyli_events_begin,
                                                     wippy_events_unsubscribe};

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

static int wippyli_events_subscribe(lua_State *L)
{
    wippyli_pattern pattern;
    pattern.kind = luaL_optstring(L, 2, "");
    pattern.system = wippyli_event_text(L, 1, "system pattern"); /* pushes: the last to read */
    if (!pattern.system) {
        return 2;
    }
    wippy_result result = wippyli_subscription_push(L, &wippyli_events_source, &pattern);
    switch (result) {
    case WIPPY_OK: return 1;
    case WIPPY_ERR_NOMEM: return wippyli_rate_limited(L);
    case WIPPY_ERR_DENIED:
        return wippyli_fail(L, "Invalid", "not allowed to subscribe to events from system: %s",
                            pattern.system);
    default: return wippyli_failed(L, result, NULL);
    }
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
