/* ========================================================================== >>lua/lib_process.c */
#include "lib_process.h"
#include "errors.h"

#include <string.h>

/* ------------------------------------------------------------------ destinations */

/* A string and nothing else: a number is no destination, topic or reason. */
static const char *wippyli_check_text(lua_State *L, int index, size_t *size)
{
    if (lua_type(L, index) != LUA_TSTRING) {
        luaL_checktype(L, index, LUA_TSTRING); /* raises */
    }
    return lua_tolstring(L, index, size);
}

/* Read `text`, the string at 1, as a pid or a registered name. False: nil and an error object were
   pushed. */
static bool wippyli_destination(lua_State *L, const char *text, size_t size, wippy_pid *out)
{
    wippy_runtime *rt = wippyli_runtime(wippyli_process_of(L));
    wippy_result result = WIPPY_ERR_INVALID;
    if (size > 0 && text[0] == '{') {
        result = wippyli_pid_read(L, 1, text, size, out);
    }
    if (result == WIPPY_ERR_NOTFOUND) {
        wippyli_fail(L, "NotFound", "host of '%s' not found", text);
        return false;
    }
    if (result != WIPPY_OK && (size == 0 || wippy_name_find(rt, text, size, out) != WIPPY_OK)) {
        wippyli_fail(L, "NotFound", "could not resolve '%s' as PID or registered name", text);
        return false;
    }
    return true;
}

/* The same for the argument 1; raises when it is no string. */
static bool wippyli_check_destination(lua_State *L, wippy_pid *out)
{
    size_t size = 0;
    const char *text = wippyli_check_text(L, 1, &size);
    return wippyli_destination(L, text, size, out);
}

/* true, or nil and what the result means for a call that names its destination at 1. */
static int wippyli_verb_result(lua_State *L, wippy_result result, const char *verb,
                               const char *gone)
{
    switch (result) {
    case WIPPY_OK: lua_pushboolean(L, 1); return 1;
    case WIPPY_ERR_DENIED:
        return wippyli_fail(L, "PermissionDenied", "not allowed to %s: %s", verb,
                            lua_tostring(L, 1));
    case WIPPY_ERR_GONE: return wippyli_fail(L, "Internal", "%s failed: %s", verb, gone);
    case WIPPY_ERR_EXISTS:
        return wippyli_fail(L, "Internal", "%s failed: already monitoring pid", verb);
    default:
        return wippyli_fail(L, wippy_result_kind(result), "%s failed: %s", verb,
                            wippy_result_text(result));
    }
}

/* ------------------------------------------------------------------ who am I */

static int wippyli_process_id(lua_State *L)
{
    lua_pushstring(L, wippy_self_entry(wippyli_process_of(L)->self));
    return 1;
}

static int wippyli_process_pid(lua_State *L)
{
    wippyli_pid_push(L, wippy_self_pid(wippyli_process_of(L)->self));
    return 1;
}

/* ------------------------------------------------------------------ send */

static wippy_result wippyli_send_values(lua_State *L, wippy_pid to, wippy_message *message,
                                        int first, int count)
{
    wippyli_process *process = wippyli_process_of(L);
    wippy_writer writer;
    wippy_slice encoded = {NULL, 0};
    wippy_writer_init(&writer, process->arena.bridge->rt);
    wippyli_encode(L, first, count, &writer);
    wippy_result result = wippy_writer_finish(&writer, &encoded);
    if (result == WIPPY_OK) {
        message->data = encoded.data;
        message->size = encoded.size;
        message->count = (uint32_t)count;
        result = wippy_send_message(process->self, to, message);
    } else if (result == WIPPY_ERR_LIMIT) {
        result = WIPPY_ERR_SYNTAX; /* apart from what sending answers */
    }
    wippy_writer_free(&writer);
    return result;
}

static int wippyli_process_send(lua_State *L)
{
    int top = lua_gettop(L);
    wippy_pid to;
    wippy_message message;
    if (top < 2) {
        return wippyli_fail(L, "Invalid", "send requires at least destination and topic arguments");
    }
    size_t to_bytes = 0;
    const char *to_text = wippyli_check_text(L, 1, &to_bytes);
    message.topic.id = 0;
    message.topic_name = wippyli_check_text(L, 2, &message.topic_bytes);
    if (message.topic_name[0] == '@') {
        return wippyli_fail(L, "Invalid", "cannot send to @ topics");
    }
    if (!wippyli_destination(L, to_text, to_bytes, &to)) {
        return 2;
    }
    wippy_result result = wippyli_send_values(L, to, &message, 3, top - 2);
    switch (result) {
    case WIPPY_OK: lua_pushboolean(L, 1); return 1;
    case WIPPY_ERR_SYNTAX: return wippyli_fail(L, "Invalid", "nesting too deep");
    case WIPPY_ERR_DENIED:
        return wippyli_fail(L, "PermissionDenied", "not allowed to send: %s", lua_tostring(L, 1));
    default: return wippyli_fail(L, wippy_result_kind(result), "%s", wippy_result_text(result));
    }
}

/* ------------------------------------------------------------------ cancel, terminate, relations */

static int wippyli_process_cancel(lua_State *L)
{
    wippy_pid target;
    if (lua_gettop(L) < 1) {
        return wippyli_fail(L, "Invalid", "cancel requires a destination argument");
    }
    if (!lua_isnoneornil(L, 2)) {
        luaL_checktype(L, 2, LUA_TSTRING);
    }
    const char *reason = luaL_optstring(L, 2, "");
    if (!wippyli_check_destination(L, &target)) {
        return 2;
    }
    wippy_self *self = wippyli_process_of(L)->self;
    return wippyli_verb_result(L, wippy_cancel(self, target, reason), "cancel",
                               "process not found");
}

typedef wippy_result (*wippyli_verb)(wippy_self *self, wippy_pid target);

static int wippyli_verb_call(lua_State *L, wippyli_verb fn, const char *verb, const char *gone)
{
    wippy_pid target;
    if (lua_gettop(L) < 1) {
        return wippyli_fail(L, "Invalid", "%s requires a destination argument", verb);
    }
    if (!wippyli_check_destination(L, &target)) {
        return 2;
    }
    return wippyli_verb_result(L, fn(wippyli_process_of(L)->self, target), verb, gone);
}

static int wippyli_process_terminate(lua_State *L)
{
    return wippyli_verb_call(L, wippy_terminate, "terminate", "process not found");
}

static int wippyli_process_monitor(lua_State *L)
{
    return wippyli_verb_call(L, wippy_monitor, "monitor", "pid not registered");
}

static int wippyli_process_unmonitor(lua_State *L)
{
    return wippyli_verb_call(L, wippy_unmonitor, "unmonitor", "pid not registered");
}

static int wippyli_process_link(lua_State *L)
{
    return wippyli_verb_call(L, wippy_link, "link", "pid not registered");
}

static int wippyli_process_unlink(lua_State *L)
{
    return wippyli_verb_call(L, wippy_unlink, "unlink", "pid not registered");
}

/* ------------------------------------------------------------------ options */

static int wippyli_process_get_options(lua_State *L)
{
    const wippy_self *self = wippyli_process_of(L)->self;
    lua_createtable(L, 0, 2);
    lua_pushboolean(L, wippy_traps_links(self));
    lua_setfield(L, -2, "trap_links");
    lua_pushboolean(L, wippy_is_upgradable(self));
    lua_setfield(L, -2, "upgradable");
    return 1;
}

/* Apply one option. False: an error object was pushed. */
static bool wippyli_option_set(lua_State *L, wippy_self *self, int key, int value)
{
    const char *name = lua_type(L, key) == LUA_TSTRING ? lua_tostring(L, key) : "?";
    bool links = strcmp(name, "trap_links") == 0;
    if (!links && strcmp(name, "upgradable") != 0) {
        wippyli_error_pushf(L, "Invalid", 0, "option %s is not supported", name);
        return false;
    }
    if (!lua_isboolean(L, value)) {
        wippyli_error_pushf(L, "Invalid", 0, "%s must be a boolean", name);
        return false;
    }
    bool on = lua_toboolean(L, value) != 0;
    if (links) {
        wippy_trap_links(self, on);
    } else {
        wippy_set_upgradable(self, on);
    }
    return true;
}

static int wippyli_process_set_options(lua_State *L)
{
    wippy_self *self = wippyli_process_of(L)->self;
    lua_settop(L, 1);
    if (!lua_istable(L, 1)) {
        lua_pushboolean(L, 0);
        wippyli_error_push(L, "Invalid", "options parameter must be a table", 0);
        return 2;
    }
    lua_pushnil(L); /* 2: the first mistake; the other keys count nevertheless */
    lua_pushnil(L);
    while (lua_next(L, 1)) {
        if (!wippyli_option_set(L, self, 3, 4)) {
            lua_replace(L, 2);
        }
        lua_settop(L, 3);
    }
    lua_pushboolean(L, lua_isnil(L, 2));
    lua_insert(L, 2);
    return 2;
}

/* ------------------------------------------------------------------ upgrade */

static int wippyli_process_upgrade(lua_State *L)
{
    wippyli_process *process = wippyli_process_of(L);
    const char *id = lua_type(L, 1) == LUA_TSTRING ? lua_tostring(L, 1) : "";
    int top = lua_gettop(L);
    wippy_type none = {0};
    wippy_writer writer;
    wippy_slice encoded = {NULL, 0};
    wippyli_check_block(L, "process.upgrade");
    wippy_writer_init(&writer, process->arena.bridge->rt);
    wippyli_encode(L, 2, top > 1 ? top - 1 : 0, &writer);
    wippy_result result = wippy_writer_finish(&writer, &encoded);
    if (result == WIPPY_OK) {
        wippy_status status = wippy_upgrade(process->self, id, none, encoded.data, encoded.size,
                                            (uint32_t)writer.count);
        process->ended = true;
        process->status = (uint8_t)status;
    }
    wippy_writer_free(&writer);
    if (result != WIPPY_OK) {
        return luaL_error(L, "%s", wippyli_encode_text(result));
    }
    return wippyli_guard_stop(L);
}

/* ------------------------------------------------------------------ process.registry */

enum {
    WIPPYLI_SCOPE_LOCAL = 0,
    WIPPYLI_SCOPE_EVENTUAL,
    WIPPYLI_SCOPE_CONSISTENT,
    WIPPYLI_SCOPE_STRONG
};

/* Names of this node only. False: nil and an error object were pushed. */
static bool wippyli_check_scope(lua_State *L, int index)
{
    if (lua_isnoneornil(L, index)) {
        return true;
    }
    if (lua_type(L, index) != LUA_TNUMBER) {
        wippyli_fail(L, "Invalid",
                     "scope must be a number "
                     "(process.registry.LOCAL|EVENTUAL|CONSISTENT|STRONG)");
        return false;
    }
    lua_Number scope = lua_tonumber(L, index);
    if (scope == (lua_Number)WIPPYLI_SCOPE_LOCAL) {
        return true;
    }
    wippyli_fail(L, "Internal",
                 scope == (lua_Number)WIPPYLI_SCOPE_EVENTUAL ? "eventual registry not available"
                                                             : "global registry not available");
    return false;
}

/* The pid at 2, or the caller's. False: nil and an error object were pushed. */
static bool wippyli_check_owner(lua_State *L, wippy_pid *out)
{
    wippyli_process *process = wippyli_process_of(L);
    wippy_diag diag;
    if (lua_isnoneornil(L, 2)) {
        *out = wippy_self_pid(process->self);
        return true;
    }
    if (lua_type(L, 2) != LUA_TSTRING) {
        wippyli_fail(L, "Invalid", "pid must be a string");
        return false;
    }
    size_t size = 0;
    const char *text = lua_tolstring(L, 2, &size);
    diag.message[0] = 0;
    wippy_result result = wippy_pid_parse(process->arena.bridge->rt, text, size, out, &diag);
    if (result != WIPPY_OK) {
        bool whole = strncmp(diag.message, "invalid pid", 11) == 0;
        wippyli_fail(L, "Invalid", whole ? "%s" : "invalid pid: %s",
                     diag.message[0] ? diag.message : text);
        return false;
    }
    return true;
}

static int wippyli_registry_denied(lua_State *L, const char *name, wippy_pid owner)
{
    wippyli_process *process = wippyli_process_of(L);
    if (owner.id != wippy_self_pid(process->self).id) {
        return wippyli_fail(L, "PermissionDenied",
                            "not allowed to register foreign pid %s under name \"%s\"",
                            lua_tostring(L, 2), name);
    }
    return wippyli_fail(L, "PermissionDenied", "not allowed to register name: %s", name);
}

static int wippyli_registry_register(lua_State *L)
{
    size_t size = 0;
    const char *name = luaL_checklstring(L, 1, &size);
    wippy_pid owner;
    if (!wippyli_check_owner(L, &owner) || !wippyli_check_scope(L, 3)) {
        return 2;
    }
    if (size == 0) {
        return wippyli_fail(L, "Invalid", "name cannot be empty");
    }
    wippy_result result = wippy_name_register(wippyli_process_of(L)->self, name, size, owner);
    switch (result) {
    case WIPPY_OK: lua_pushboolean(L, 1); return 1;
    case WIPPY_ERR_EXISTS: return wippyli_fail(L, "AlreadyExists", "name already registered");
    case WIPPY_ERR_DENIED: return wippyli_registry_denied(L, name, owner);
    default: return wippyli_fail(L, wippy_result_kind(result), "%s", wippy_result_text(result));
    }
}

static int wippyli_registry_lookup(lua_State *L)
{
    size_t size = 0;
    const char *name = luaL_checklstring(L, 1, &size);
    wippy_pid owner;
    if (size == 0 ||
        wippy_name_find(wippyli_runtime(wippyli_process_of(L)), name, size, &owner) != WIPPY_OK) {
        return wippyli_fail(L, "NotFound", "name not registered");
    }
    wippyli_pid_push(L, owner);
    return 1;
}

static int wippyli_registry_unregister(lua_State *L)
{
    size_t size = 0;
    const char *name = luaL_checklstring(L, 1, &size);
    if (!wippyli_check_scope(L, 2)) {
        return 2;
    }
    wippy_result result = size == 0 ? WIPPY_ERR_NOTFOUND
                                    : wippy_name_release(wippyli_process_of(L)->self, name, size);
    if (result == WIPPY_ERR_DENIED) {
        return wippyli_fail(L, "PermissionDenied", "not allowed to unregister name: %s", name);
    }
    lua_pushboolean(L, result == WIPPY_OK);
    return 1;
}

/* ------------------------------------------------------------------ tables */

static const wippyli_entry wippyli_event_entries[] = {
    {"CANCEL", NULL, 0, "pid.cancel"},
    {"EXIT", NULL, 0, "pid.exit"},
    {"LINK_DOWN", NULL, 0, "pid.link.down"},
    {"OUTDATED", NULL, 0, "pid.outdated"},
};

static const wippyli_library wippyli_event_library = {
    "process.event", wippyli_event_entries, (uint32_t)WIPPYLI_COUNT(wippyli_event_entries), NULL,
    NULL};

static const wippyli_entry wippyli_registry_entries[] = {
    {"CONSISTENT", NULL, WIPPYLI_SCOPE_CONSISTENT, NULL},
    {"EVENTUAL", NULL, WIPPYLI_SCOPE_EVENTUAL, NULL},
    {"LOCAL", NULL, WIPPYLI_SCOPE_LOCAL, NULL},
    {"STRONG", NULL, WIPPYLI_SCOPE_STRONG, NULL},
    {"lookup", wippyli_registry_lookup, 0, NULL},
    {"register", wippyli_registry_register, 0, NULL},
    {"unregister", wippyli_registry_unregister, 0, NULL},
};

static const wippyli_library wippyli_registry_library = {
    "process.registry", wippyli_registry_entries, (uint32_t)WIPPYLI_COUNT(wippyli_registry_entries),
    NULL, NULL};

static int wippyli_event_make(lua_State *L)
{
    wippyli_library_push(L, &wippyli_event_library);
    return 1;
}

static int wippyli_registry_make(lua_State *L)
{
    wippyli_library_push(L, &wippyli_registry_library);
    return 1;
}

static const wippyli_entry wippyli_process_entries[] = {
    {"cancel", wippyli_process_cancel, 0, NULL},
    {"event", wippyli_event_make, WIPPYLI_MAKE, NULL},
    {"events", wippyli_process_events, 0, NULL},
    {"exec", wippyli_process_exec, 0, NULL},
    {"get_options", wippyli_process_get_options, 0, NULL},
    {"id", wippyli_process_id, 0, NULL},
    {"inbox", wippyli_process_inbox, 0, NULL},
    {"link", wippyli_process_link, 0, NULL},
    {"listen", wippyli_process_listen, 0, NULL},
    {"monitor", wippyli_process_monitor, 0, NULL},
    {"pid", wippyli_process_pid, 0, NULL},
    {"registry", wippyli_registry_make, WIPPYLI_MAKE, NULL},
    {"send", wippyli_process_send, 0, NULL},
    {"set_options", wippyli_process_set_options, 0, NULL},
    {"spawn", wippyli_process_spawn, 0, NULL},
    {"spawn_linked", wippyli_process_spawn_linked, 0, NULL},
    {"spawn_linked_monitored", wippyli_process_spawn_linked_monitored, 0, NULL},
    {"spawn_monitored", wippyli_process_spawn_monitored, 0, NULL},
    {"terminate", wippyli_process_terminate, 0, NULL},
    {"unlink", wippyli_process_unlink, 0, NULL},
    {"unlisten", wippyli_process_unlisten, 0, NULL},
    {"unmonitor", wippyli_process_unmonitor, 0, NULL},
    {"upgrade", wippyli_process_upgrade, 0, NULL},
    {"with_context", wippyli_process_with_context, 0, NULL},
    {"with_options", wippyli_process_with_options, 0, NULL},
};

static const wippyli_library wippyli_process_library = {
    "process", wippyli_process_entries, (uint32_t)WIPPYLI_COUNT(wippyli_process_entries), NULL,
    NULL};

static const wippyli_entry wippyli_channel_entries[] = {
    {"new", wippyli_channel_new, 0, NULL},
    {"select", wippyli_channel_select, 0, NULL},
};

static const wippyli_library wippyli_channel_library = {
    "channel", wippyli_channel_entries, (uint32_t)WIPPYLI_COUNT(wippyli_channel_entries), NULL,
    NULL};

static int wippyli_process_make(lua_State *L)
{
    wippyli_library_push(L, &wippyli_process_library);
    return 1;
}

static int wippyli_channel_make(lua_State *L)
{
    wippyli_library_push(L, &wippyli_channel_library);
    return 1;
}

WIPPYLI_FN wippy_result wippyli_core_open(wippyli_bridge *bridge)
{
    static const wippyli_entry entries[] = {
        {"channel", wippyli_channel_make, WIPPYLI_MAKE, NULL},
        {"process", wippyli_process_make, WIPPYLI_MAKE, NULL},
        {"subscribe", wippyli_global_subscribe, 0, NULL},
        {"unsubscribe", wippyli_global_unsubscribe, 0, NULL},
    };
    wippy_result result = WIPPY_OK;
    for (size_t i = 0; i < WIPPYLI_COUNT(entries) && result == WIPPY_OK; i++) {
        result = wippyli_bridge_global(bridge, &entries[i]);
    }
    return result;
}
