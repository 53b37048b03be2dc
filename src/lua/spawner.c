/* ========================================================================== >>lua/spawner.c */
#include "spawner.h"
#include "errors.h"

#include <string.h>

/* ------------------------------------------------------------------ frames */

#define WIPPYLI_SCOPE_MAX      256
#define WIPPYLI_SPAWN_MESSAGES 64 /* queued for one child */
#define WIPPYLI_NO_HOST        UINT32_MAX

/* Append the table at `index` as a map. Its keys are strings: they were looked at when they came. */
static void wippyli_context_write(lua_State *L, int index, wippy_writer *writer)
{
    wippy_write_map(writer, 0);
    lua_pushnil(L);
    while (lua_next(L, index)) {
        wippyli_encode(L, -2, 2, writer);
        lua_pop(L, 1);
    }
    wippy_write_end(writer);
}

static wippy_result wippyli_frame_make(lua_State *L, int actor, int scope, wippy_slice context,
                                       wippy_frame **out)
{
    wippyli_process *process = wippyli_process_of(L);
    const wippyli_hooks *hooks = &process->arena.bridge->hooks;
    const char *ids[WIPPYLI_SCOPE_MAX];
    wippyli_actor identity;
    wippy_frame_desc desc;
    memset(&desc, 0, sizeof(desc));
    desc.base = wippy_self_frame(process->self);
    desc.context = context;
    if (actor) { /* it was one when it came, as the scope */
        (void)hooks->actor(L, actor, &identity);
        desc.actor_id = identity.id;
        desc.actor_meta = identity.meta;
    }
    if (scope) {
        int count = hooks->scope(L, scope, ids, WIPPYLI_SCOPE_MAX);
        if (count > WIPPYLI_SCOPE_MAX) {
            return WIPPY_ERR_LIMIT; /* never fewer: one of them may deny */
        }
        desc.scope = ids;
        desc.scope_count = (uint32_t)count;
    }
    return wippy_frame_make(process->arena.bridge->rt, &desc, out);
}

WIPPYLI_FN wippy_result wippyli_frame_of(lua_State *L, int context, int actor, int scope,
                                         wippy_frame **out)
{
    wippy_writer writer;
    wippy_slice encoded = {NULL, 0};
    wippy_result result = WIPPY_OK;
    wippy_writer_init(&writer, wippyli_runtime(wippyli_process_of(L)));
    if (context) {
        wippyli_context_write(L, lua_absindex(L, context), &writer);
        result = wippy_writer_finish(&writer, &encoded);
    }
    if (result == WIPPY_OK) {
        result = wippyli_frame_make(L, actor, scope, encoded, out);
    }
    wippy_writer_free(&writer);
    return result == WIPPY_ERR_LIMIT ? WIPPY_ERR_INVALID : result;
}

/* ------------------------------------------------------------------ spawner objects
   User value 1 is a table: context, options, actor, scope, name, messages {{topic, bytes, count}}. */

static const wippyli_class *wippyli_spawner_class(void);

/* Push a copy of the spawner at 1 (of nothing: a new one) and its table, whose fields are shared. */
static void wippyli_spawner_copy(lua_State *L, bool from)
{
    wippyli_object_push(L, wippyli_spawner_class(), 0, 1);
    lua_createtable(L, 0, 4);
    if (from) {
        lua_getiuservalue(L, 1, 1);
        lua_pushnil(L);
        while (lua_next(L, -2)) {
            lua_pushvalue(L, -2);
            lua_insert(L, -2);
            lua_rawset(L, -5);
        }
        lua_pop(L, 1);
    }
    lua_pushvalue(L, -1);
    lua_setiuservalue(L, -3, 1);
}

static bool wippyli_is_allowed(lua_State *L, const char *action, const char *resource)
{
    wippy_slice none = {NULL, 0};
    return wippy_allowed(wippyli_process_of(L)->self, action, resource, none);
}

static bool wippyli_has_identity(lua_State *L)
{
    const wippy_frame *frame = wippy_self_frame(wippyli_process_of(L)->self);
    return frame && (wippy_frame_actor(frame)[0] || wippy_frame_has_scope(frame));
}

/* The copy on top gets field[key] = what it had, overlaid with the table at `given`. */
static void wippyli_spawner_merge(lua_State *L, const char *field, int given, const char *what)
{
    int table = lua_gettop(L);
    lua_newtable(L);
    lua_getfield(L, table, field);
    for (int pass = 0; pass < 2; pass++) {
        int source = pass == 0 ? table + 2 : given;
        if (!lua_istable(L, source)) {
            continue;
        }
        lua_pushnil(L);
        while (lua_next(L, source)) {
            if (lua_type(L, -2) != LUA_TSTRING) {
                luaL_error(L, "%s keys must be strings", what);
            }
            lua_pushvalue(L, -2);
            lua_insert(L, -2);
            lua_rawset(L, table + 1);
        }
    }
    lua_pop(L, 1);
    lua_setfield(L, table, field);
    lua_settop(L, table - 1);
}

static int wippyli_context_apply(lua_State *L, int given, bool from)
{
    luaL_checktype(L, given, LUA_TTABLE);
    if (!wippyli_is_allowed(L, "process.context", "context") ||
        (wippyli_has_identity(L) && !wippyli_is_allowed(L, "process.security", "security"))) {
        return luaL_error(L, "not allowed to spawn processes with custom context");
    }
    wippyli_spawner_copy(L, from);
    wippyli_spawner_merge(L, "context", given, "context");
    return 1;
}

static int wippyli_options_apply(lua_State *L, int given, bool from)
{
    luaL_checktype(L, given, LUA_TTABLE);
    if (!wippyli_is_allowed(L, "process.context", "context")) {
        return luaL_error(L, "not allowed to spawn processes with custom options");
    }
    wippyli_spawner_copy(L, from);
    wippyli_spawner_merge(L, "options", given, "options");
    return 1;
}

WIPPYLI_FN int wippyli_process_with_context(lua_State *L)
{
    return wippyli_context_apply(L, 1, false);
}

WIPPYLI_FN int wippyli_process_with_options(lua_State *L)
{
    return wippyli_options_apply(L, 1, false);
}

static void wippyli_spawner_check(lua_State *L)
{
    wippyli_object_check(L, 1, wippyli_spawner_class());
}

static int wippyli_spawner_with_context(lua_State *L)
{
    wippyli_spawner_check(L);
    return wippyli_context_apply(L, 2, true);
}

static int wippyli_spawner_with_options(lua_State *L)
{
    wippyli_spawner_check(L);
    return wippyli_options_apply(L, 2, true);
}

static int wippyli_identity_apply(lua_State *L, const char *field, bool good, const char *type)
{
    if (lua_isnoneornil(L, 2)) {
        return luaL_error(L, "%s cannot be nil", field);
    }
    if (!good) {
        return luaL_argerror(L, 2, lua_pushfstring(L, "%s expected", type));
    }
    if (!wippyli_is_allowed(L, "process.security", "security")) {
        return luaL_error(L, "not allowed to spawn processes with custom security context");
    }
    wippyli_spawner_copy(L, true);
    lua_pushvalue(L, 2);
    lua_setfield(L, -2, field);
    lua_pop(L, 1);
    return 1;
}

static int wippyli_spawner_with_actor(lua_State *L)
{
    const wippyli_hooks *hooks = &wippyli_bridge_at(L)->hooks;
    wippyli_actor identity;
    wippyli_spawner_check(L);
    bool good = hooks->actor(L, 2, &identity);
    return wippyli_identity_apply(L, "actor", good, "Actor");
}

static int wippyli_spawner_with_scope(lua_State *L)
{
    const wippyli_hooks *hooks = &wippyli_bridge_at(L)->hooks;
    wippyli_spawner_check(L);
    bool good = hooks->scope(L, 2, NULL, 0) >= 0;
    return wippyli_identity_apply(L, "scope", good, "Scope");
}

static int wippyli_spawner_with_name(lua_State *L)
{
    size_t size = 0;
    wippyli_spawner_check(L);
    luaL_checklstring(L, 2, &size);
    if (size == 0) {
        return luaL_error(L, "name cannot be empty");
    }
    wippyli_spawner_copy(L, true);
    lua_pushvalue(L, 2);
    lua_setfield(L, -2, "name");
    lua_pop(L, 1);
    return 1;
}

/* Push the encoded values from `first` to `last` as a string. */
static void wippyli_encoded_push(lua_State *L, int first, int last)
{
    wippy_writer writer;
    wippy_slice encoded = {NULL, 0};
    wippyli_process *process = wippyli_process_of(L);
    wippy_writer_init(&writer, process->arena.bridge->rt);
    wippyli_encode(L, first, last - first + 1, &writer);
    wippy_result result = wippy_writer_finish(&writer, &encoded);
    char *copy = NULL;
    if (result == WIPPY_OK && encoded.size > 0) {
        /* out of the writer, which an error would leak, into memory that the process drops */
        copy = (char *)wippyli_get(process, encoded.size);
        if (copy) {
            memcpy(copy, encoded.data, encoded.size);
        } else {
            result = WIPPY_ERR_NOMEM;
        }
    }
    size_t size = encoded.size;
    wippy_writer_free(&writer);
    if (result != WIPPY_OK) {
        luaL_error(L, "%s", wippyli_encode_text(result));
    }
    lua_pushlstring(L, copy ? copy : "", size);
    wippyli_put(process, copy, size);
}

static int wippyli_spawner_with_message(lua_State *L)
{
    wippyli_spawner_check(L);
    const char *topic = luaL_checkstring(L, 2);
    int last = lua_gettop(L);
    if (topic[0] == '@') {
        return luaL_error(L, "cannot send to @ topics");
    }
    wippyli_encoded_push(L, 3, last);
    int encoded = lua_gettop(L);
    wippyli_spawner_copy(L, true);
    int table = lua_gettop(L);
    lua_newtable(L);
    lua_getfield(L, table, "messages");
    lua_Integer count = lua_istable(L, -1) ? (lua_Integer)lua_rawlen(L, -1) : 0;
    if (count >= WIPPYLI_SPAWN_MESSAGES) {
        return luaL_error(L, "too many messages");
    }
    for (lua_Integer i = 1; i <= count; i++) {
        lua_rawgeti(L, table + 2, i);
        lua_rawseti(L, table + 1, i);
    }
    lua_pop(L, 1);
    lua_createtable(L, 3, 0);
    lua_pushvalue(L, 2);
    lua_rawseti(L, -2, 1);
    lua_pushvalue(L, encoded);
    lua_rawseti(L, -2, 2);
    lua_pushinteger(L, last - 2);
    lua_rawseti(L, -2, 3);
    lua_rawseti(L, table + 1, count + 1);
    lua_setfield(L, table, "messages");
    lua_settop(L, table - 1);
    return 1;
}

/* ------------------------------------------------------------------ starting */

typedef struct wippyli_launch {
    const char *verb; /* "spawn", "spawn_monitored", ... "exec" */
    uint32_t flags;   /* WIPPY_SPAWN_... */
    int first;        /* stack index of the id */
    bool spawner;     /* a spawner stands at 1: mistakes in arguments are raised */
    bool exec;
} wippyli_launch;

/* nil and an error object, or from a spawner the text raised. */
static int wippyli_launch_invalid(lua_State *L, const wippyli_launch *launch, const char *text)
{
    if (launch->spawner) {
        return luaL_error(L, "%s", text);
    }
    return wippyli_fail(L, "Invalid", "%s", text);
}

/* nil and an error object with one detail. */
static int wippyli_launch_missing(lua_State *L, const char *text, const char *field, const char *id)
{
    lua_pushnil(L);
    wippyli_error_push(L, "NotFound", text, 0);
    lua_createtable(L, 0, 1);
    lua_pushstring(L, id);
    lua_setfield(L, -2, field);
    wippyli_error_set_details(L, -2);
    return 2;
}

/* Why a host id finds no host. */
static int wippyli_host_missing(lua_State *L, const char *host)
{
    wippy_runtime *rt = wippyli_runtime(wippyli_process_of(L));
    wippy_entry *entry = NULL;
    if (wippy_entry_get(rt, host, &entry) != WIPPY_OK) {
        return wippyli_launch_missing(L, "host not found", "host_id", host);
    }
    const char *kind = wippy_entry_kind(entry);
    bool is_host = strcmp(kind, "process.host") == 0 || strcmp(kind, "terminal.host") == 0;
    wippy_entry_release(rt, entry);
    return is_host ? wippyli_fail(L, "Unavailable", "host is not running")
                   : wippyli_fail(L, "Internal", "host does not implement process.Host");
}

/* Functions run through funcs only. */
static bool wippyli_entry_is_process(wippy_runtime *rt, const char *id)
{
    wippy_entry *entry = NULL;
    if (wippy_entry_get(rt, id, &entry) != WIPPY_OK) {
        return false;
    }
    uint32_t flags = 0;
    (void)wippy_kind_flags(rt, wippy_entry_kind(entry), &flags); /* an unknown kind has none */
    wippy_entry_release(rt, entry);
    return (flags & WIPPY_KIND_PROCESS) != 0 && (flags & WIPPY_KIND_CALLABLE) == 0;
}

/* Why neither can be: the host first. */
static int wippyli_launch_nowhere(lua_State *L, const char *id, const char *host)
{
    wippy_host found;
    return wippy_host_find(wippyli_runtime(wippyli_process_of(L)), host, &found) != WIPPY_OK
               ? wippyli_host_missing(L, host)
               : wippyli_launch_missing(L, "factory not found", "factory_id", id);
}

static int wippyli_launch_error(lua_State *L, wippy_result result, const wippy_diag *diag,
                                const char *id)
{
    if (result == WIPPY_ERR_NOTFOUND && strcmp(diag->message, "factory not found") == 0) {
        return wippyli_launch_missing(L, "factory not found", "factory_id", id);
    }
    return wippyli_fail(L, wippy_result_kind(result), "%s",
                        diag->message[0] ? diag->message : wippy_result_text(result));
}

static int wippyli_spawned(lua_State *L, const wippy_mail *mail, lua_KContext ctx)
{
    (void)ctx;
    if (mail->result != WIPPY_OK) {
        wippyli_error_view view;
        lua_pushnil(L);
        wippyli_mail_error(L, mail);
        if (wippyli_error_look(L, -1, &view) && view.retryable < 0) {
            wippyli_error_push_slices(L, view.kind, view.message, 0); /* it would fail again */
            lua_remove(L, -2);
        }
        return 2;
    }
    wippy_pid pid = {0};
    wippyli_decode(L, wippy_mail_data(mail), mail->size, 1);
    pid.id = (uint64_t)lua_tointeger(L, -1);
    wippyli_pid_push(L, pid);
    return 1;
}

static int wippyli_executed(lua_State *L, const wippy_mail *mail, lua_KContext ctx)
{
    (void)ctx;
    if (mail->result != WIPPY_OK) {
        lua_pushnil(L);
        wippyli_mail_error(L, mail);
        return 2;
    }
    if (mail->count == 0) {
        lua_pushnil(L);
        return 1;
    }
    return wippyli_decode(L, wippy_mail_data(mail), mail->size, 1);
}

/* Options are free-form; the one that a spawn knows is priority = "high". */
static uint32_t wippyli_spawner_flags(lua_State *L, int table)
{
    uint32_t flags = 0;
    int top = lua_gettop(L);
    if (lua_getfield(L, table, "options") == LUA_TTABLE &&
        lua_getfield(L, -1, "priority") == LUA_TSTRING &&
        strcmp(lua_tostring(L, -1), "high") == 0) {
        flags = WIPPY_SPAWN_HIGH;
    }
    lua_settop(L, top);
    return flags;
}

/* What a spawner adds to the desc; its strings stay on the stack or in its table. */
static wippy_result wippyli_spawner_apply(lua_State *L, wippy_spawn_desc *desc,
                                          wippy_message *messages)
{
    lua_getiuservalue(L, 1, 1);
    int table = lua_gettop(L);
    desc->flags |= wippyli_spawner_flags(L, table);
    int context = lua_getfield(L, table, "context") == LUA_TTABLE ? table + 1 : 0;
    int actor = lua_getfield(L, table, "actor") != LUA_TNIL ? table + 2 : 0;
    int scope = lua_getfield(L, table, "scope") != LUA_TNIL ? table + 3 : 0;
    if (lua_getfield(L, table, "name") == LUA_TSTRING) {
        desc->name = lua_tostring(L, -1);
    }
    lua_getfield(L, table, "messages");
    lua_Integer count = lua_istable(L, -1) ? (lua_Integer)lua_rawlen(L, -1) : 0;
    for (lua_Integer i = 0; i < count; i++) {
        wippy_message *message = &messages[i];
        memset(message, 0, sizeof(*message));
        lua_rawgeti(L, table + 5, i + 1);
        lua_rawgeti(L, -1, 1);
        message->topic_name = lua_tolstring(L, -1, &message->topic_bytes);
        lua_rawgeti(L, -2, 2);
        message->data = lua_tolstring(L, -1, &message->size);
        lua_rawgeti(L, -3, 3);
        message->count = (uint32_t)lua_tointeger(L, -1);
        lua_pop(L, 4);
    }
    desc->messages = messages;
    desc->message_count = (uint32_t)count;
    if (context || actor || scope) {
        return wippyli_frame_of(L, context, actor, scope, &desc->frame);
    }
    return WIPPY_OK;
}

/* Start it; the tag for the completion is asked for already. */
static wippy_result wippyli_launch_start(lua_State *L, const wippyli_launch *launch,
                                         wippy_spawn_desc *desc, int last, wippy_pid *pid,
                                         wippy_diag *diag)
{
    wippyli_process *process = wippyli_process_of(L);
    wippy_writer writer;
    wippy_slice encoded = {NULL, 0};
    wippy_writer_init(&writer, process->arena.bridge->rt);
    wippyli_encode(L, launch->first + 2, last - launch->first - 1, &writer);
    wippy_result result = wippy_writer_finish(&writer, &encoded);
    if (result != WIPPY_OK) {
        diag->message[0] = 0;
        strncat(diag->message, wippyli_encode_text(result), sizeof(diag->message) - 1);
        result = result == WIPPY_ERR_LIMIT ? WIPPY_ERR_INVALID : result;
    } else {
        desc->data = encoded.data;
        desc->size = encoded.size;
        desc->count = (uint32_t)writer.count;
        result = launch->exec ? wippy_exec(process->self, desc, wippyli_await_token(L), diag)
                              : wippy_spawn(process->self, desc, pid, diag);
    }
    wippy_writer_free(&writer);
    return result;
}

static int wippyli_launch_run(lua_State *L, const wippyli_launch *launch, wippy_host host)
{
    wippyli_process *process = wippyli_process_of(L);
    wippy_runtime *rt = process->arena.bridge->rt;
    wippy_message messages[WIPPYLI_SPAWN_MESSAGES];
    wippy_spawn_desc desc;
    wippy_diag diag;
    wippy_pid pid = {0};
    int last = lua_gettop(L);
    memset(&desc, 0, sizeof(desc));
    diag.message[0] = 0;
    desc.entry = lua_tostring(L, launch->first);
    desc.host = host;
    desc.flags = launch->flags;
    if (launch->spawner) {
        wippyli_stack_room(L, 16, "spawn");
        wippy_result made = wippyli_spawner_apply(L, &desc, messages);
        if (made != WIPPY_OK) {
            return wippyli_fail(L, wippy_result_kind(made), "%s", wippy_result_text(made));
        }
    }
    desc.tag = wippyli_await_tag(L);
    wippy_result result = WIPPY_ERR_NOMEM;
    if (desc.tag != 0) {
        result = wippyli_launch_start(L, launch, &desc, last, &pid, &diag);
    }
    if (desc.frame) {
        wippy_frame_release(rt, desc.frame);
    }
    if (result == WIPPY_PENDING) {
        return wippyli_await(L, launch->exec ? wippyli_executed : wippyli_spawned, 0);
    }
    wippyli_await_cancel(L);
    if (result == WIPPY_OK) {
        wippyli_pid_push(L, pid);
        return 1;
    }
    if (result == WIPPY_ERR_DENIED && launch->spawner) {
        return luaL_error(L, "%s", diag.message);
    }
    if (host.id == WIPPYLI_NO_HOST) { /* the owner of the name ended meanwhile */
        return wippyli_launch_nowhere(L, desc.entry, lua_tostring(L, launch->first + 1));
    }
    return result == WIPPY_ERR_NOMEM ? wippyli_rate_limited(L)
                                     : wippyli_launch_error(L, result, &diag, desc.entry);
}

static const char *wippyli_exec_mistake(const char *id, const char *host)
{
    const char *colon = strchr(id, ':');
    if (!id[0]) {
        return "process ID required";
    }
    if (!colon || colon == id || !colon[1]) {
        return "invalid process ID format (namespace:name required)";
    }
    return host[0] ? NULL : "host ID required";
}

/* Does a living process have the name already? Then nothing is spawned, wherever. */
static bool wippyli_launch_is_named(lua_State *L, const wippyli_launch *launch)
{
    wippy_runtime *rt = wippyli_runtime(wippyli_process_of(L));
    wippy_pid owner = {0};
    if (!launch->spawner || launch->exec) {
        return false;
    }
    lua_getiuservalue(L, 1, 1);
    bool named = lua_getfield(L, -1, "name") == LUA_TSTRING &&
                 wippy_name_find(rt, lua_tostring(L, -1), 0, &owner) == WIPPY_OK &&
                 wippy_alive(rt, owner);
    lua_pop(L, 2);
    return named;
}

static int wippyli_launch_call(lua_State *L, const wippyli_launch *launch)
{
    wippy_runtime *rt = wippyli_runtime(wippyli_process_of(L));
    wippy_host found = {0};
    if (launch->spawner) {
        wippyli_spawner_check(L);
    }
    if (lua_gettop(L) < launch->first + 1) {
        const char *text =
            launch->exec
                ? "exec requires id and host arguments"
                : lua_pushfstring(L, "%s requires at least id and host arguments", launch->verb);
        return wippyli_launch_invalid(L, launch, text);
    }
    luaL_checktype(L, launch->first, LUA_TSTRING);
    luaL_checktype(L, launch->first + 1, LUA_TSTRING);
    const char *id = lua_tostring(L, launch->first);
    const char *host = lua_tostring(L, launch->first + 1);
    const char *mistake = launch->exec ? wippyli_exec_mistake(id, host) : NULL;
    if (mistake) {
        return wippyli_launch_invalid(L, launch, mistake);
    }
    wippyli_check_block(L, launch->verb);
    bool good = wippy_host_find(rt, host, &found) == WIPPY_OK && wippyli_entry_is_process(rt, id);
    if (!good && !wippyli_launch_is_named(L, launch)) {
        return wippyli_launch_nowhere(L, id, host);
    }
    found.id = good ? found.id : WIPPYLI_NO_HOST;
    return wippyli_launch_run(L, launch, found);
}

/* X(name, verb, flags, exec): for the module functions and the methods alike */
#define WIPPYLI_LAUNCHES(X)                                                                     \
    X(spawn, "spawn", 0, false)                                                                 \
    X(spawn_monitored, "spawn_monitored", WIPPY_SPAWN_MONITOR, false)                           \
    X(spawn_linked, "spawn_linked", WIPPY_SPAWN_LINK, false)                                    \
    X(spawn_linked_monitored, "spawn_linked_monitored", WIPPY_SPAWN_LINK | WIPPY_SPAWN_MONITOR, \
      false)                                                                                    \
    X(exec, "exec", 0, true)

#define WIPPYLI_LAUNCH_BODIES(name, verb, flags, exec)                      \
    WIPPYLI_FN int wippyli_process_##name(lua_State *L)                     \
    {                                                                       \
        static const wippyli_launch launch = {verb, flags, 1, false, exec}; \
        return wippyli_launch_call(L, &launch);                             \
    }                                                                       \
    static int wippyli_spawner_##name(lua_State *L)                         \
    {                                                                       \
        static const wippyli_launch launch = {verb, flags, 2, true, exec};  \
        return wippyli_launch_call(L, &launch);                             \
    }

WIPPYLI_LAUNCHES(WIPPYLI_LAUNCH_BODIES)

#undef WIPPYLI_LAUNCH_BODIES
#undef WIPPYLI_LAUNCHES

static const luaL_Reg wippyli_spawner_methods[] = {
    {"with_context", wippyli_spawner_with_context},
    {"with_options", wippyli_spawner_with_options},
    {"with_actor", wippyli_spawner_with_actor},
    {"with_scope", wippyli_spawner_with_scope},
    {"with_name", wippyli_spawner_with_name},
    {"with_message", wippyli_spawner_with_message},
    {"spawn", wippyli_spawner_spawn},
    {"spawn_monitored", wippyli_spawner_spawn_monitored},
    {"spawn_linked", wippyli_spawner_spawn_linked},
    {"spawn_linked_monitored", wippyli_spawner_spawn_linked_monitored},
    {"exec", wippyli_spawner_exec},
    {NULL, NULL}};

static const wippyli_class *wippyli_spawner_class(void)
{
    static const wippyli_class cls = {"process.Spawner", wippyli_spawner_methods};
    return &cls;
}
