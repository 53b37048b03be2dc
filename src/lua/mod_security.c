/* ========================================================================== >>lua/mod_security.c */
#include "mod_security.h"

#include "errors.h"

#include <string.h>

/* ------------------------------------------------------------------ actors */

/* The id with its final zero, then the meta, stand behind it. */
typedef struct wippyli_who {
    size_t id_bytes; /* final zero included */
    size_t meta_bytes;
} wippyli_who;

static const wippyli_class *wippyli_who_class(void);

static const char *wippyli_who_id(const wippyli_who *who)
{
    return (const char *)(who + 1);
}

static wippy_slice wippyli_who_meta(const wippyli_who *who)
{
    wippy_slice meta;
    meta.data = wippyli_who_id(who) + who->id_bytes;
    meta.size = who->meta_bytes;
    return meta;
}

static void wippyli_who_push(lua_State *L, const char *id, wippy_slice meta)
{
    size_t id_bytes = strlen(id) + 1;
    wippyli_who *who = (wippyli_who *)wippyli_object_push(L, wippyli_who_class(),
                                                          sizeof(*who) + id_bytes + meta.size, 0);
    char *at = (char *)(who + 1);
    who->id_bytes = id_bytes;
    who->meta_bytes = meta.size;
    memcpy(at, id, id_bytes);
    if (meta.size > 0) {
        memcpy(at + id_bytes, meta.data, meta.size);
    }
}

static const wippyli_who *wippyli_who_check(lua_State *L, int index)
{
    return (const wippyli_who *)wippyli_object_check(L, index, wippyli_who_class());
}

static int wippyli_actor_id(lua_State *L)
{
    lua_pushstring(L, wippyli_who_id(wippyli_who_check(L, 1)));
    return 1;
}

static int wippyli_actor_meta(lua_State *L)
{
    wippy_slice meta = wippyli_who_meta(wippyli_who_check(L, 1));
    if (meta.size == 0) {
        lua_newtable(L);
        return 1;
    }
    return wippyli_decode(L, meta.data, meta.size, 1);
}

static int wippyli_actor_text(lua_State *L)
{
    lua_pushfstring(L, "security.Actor{%s}", wippyli_who_id(wippyli_who_check(L, 1)));
    return 1;
}

static const luaL_Reg wippyli_who_methods[] = {{"id", wippyli_actor_id},
                                               {"meta", wippyli_actor_meta},
                                               {"__tostring", wippyli_actor_text},
                                               {NULL, NULL}};

static const wippyli_class *wippyli_who_class(void)
{
    static const wippyli_class cls = {"Actor", wippyli_who_methods};
    return &cls;
}

static bool wippyli_actor_hook(lua_State *L, int index, wippyli_actor *out)
{
    const wippyli_who *who =
        (const wippyli_who *)wippyli_object_test(L, index, wippyli_who_class());
    if (who) {
        out->id = wippyli_who_id(who);
        out->meta = wippyli_who_meta(who);
    }
    return who != NULL;
}

/* ------------------------------------------------------------------ policies */

static const wippyli_class *wippyli_policy_class(void);

static void wippyli_policy_push(lua_State *L, const char *id)
{
    size_t bytes = strlen(id) + 1;
    memcpy(wippyli_object_push(L, wippyli_policy_class(), bytes, 0), id, bytes);
}

static const char *wippyli_policy_check(lua_State *L, int index)
{
    return (const char *)wippyli_object_check(L, index, wippyli_policy_class());
}

/* The question asked at 2, 3, 4 and 5: actor, action, resource, meta. The writer holds the meta. */
static bool wippyli_access_read(lua_State *L, wippy_access *access, wippy_writer *writer)
{
    const wippyli_who *who = wippyli_who_check(L, 2);
    memset(access, 0, sizeof(*access));
    access->actor_id = wippyli_who_id(who);
    access->actor_meta = wippyli_who_meta(who);
    access->action = luaL_checkstring(L, 3);
    access->resource = luaL_checkstring(L, 4);
    if (!lua_isnoneornil(L, 5)) {
        luaL_checktype(L, 5, LUA_TTABLE);
    }
    wippy_writer_init(writer, wippyli_runtime(wippyli_process_of(L)));
    return lua_isnoneornil(L, 5) || wippyli_encode_checked(L, 5, writer, &access->meta);
}

static int wippyli_decided(lua_State *L, wippy_decision decision, wippy_writer *writer)
{
    wippy_writer_free(writer);
    lua_pushstring(L, wippy_decision_name(decision));
    return 1;
}

static int wippyli_policy_id(lua_State *L)
{
    lua_pushstring(L, wippyli_policy_check(L, 1));
    return 1;
}

static int wippyli_policy_evaluate(lua_State *L)
{
    wippy_access access;
    wippy_writer writer;
    const char *id = wippyli_policy_check(L, 1);
    if (!wippyli_access_read(L, &access, &writer)) {
        return 2;
    }
    wippy_runtime *rt = wippyli_runtime(wippyli_process_of(L));
    return wippyli_decided(L, wippy_policy_evaluate(rt, id, &access), &writer);
}

static int wippyli_policy_text(lua_State *L)
{
    lua_pushfstring(L, "security.Policy{%s}", wippyli_policy_check(L, 1));
    return 1;
}

static const luaL_Reg wippyli_policy_methods[] = {{"id", wippyli_policy_id},
                                                  {"evaluate", wippyli_policy_evaluate},
                                                  {"__tostring", wippyli_policy_text},
                                                  {NULL, NULL}};

static const wippyli_class *wippyli_policy_class(void)
{
    static const wippyli_class cls = {"Policy", wippyli_policy_methods};
    return &cls;
}

/* ------------------------------------------------------------------ scopes */

/* `count` addresses of ids stand behind it, then the ids. */
typedef struct wippyli_rights {
    size_t count;
} wippyli_rights;

static const wippyli_class *wippyli_rights_class(void);

static const char *const *wippyli_rights_ids(const wippyli_rights *rights)
{
    return (const char *const *)(const void *)(rights + 1);
}

static void wippyli_rights_push(lua_State *L, const char *const *ids, size_t count)
{
    size_t bytes = sizeof(wippyli_rights) + count * sizeof(char *);
    for (size_t i = 0; i < count; i++) {
        bytes += strlen(ids[i]) + 1;
    }
    wippyli_rights *rights =
        (wippyli_rights *)wippyli_object_push(L, wippyli_rights_class(), bytes, 0);
    const char **places = (const char **)(void *)(rights + 1);
    char *at = (char *)(places + count);
    rights->count = count;
    for (size_t i = 0; i < count; i++) {
        size_t size = strlen(ids[i]) + 1;
        places[i] = (const char *)memcpy(at, ids[i], size);
        at += size;
    }
}

static const wippyli_rights *wippyli_rights_check(lua_State *L, int index)
{
    return (const wippyli_rights *)wippyli_object_check(L, index, wippyli_rights_class());
}

static bool wippyli_rights_hold(const wippyli_rights *rights, const char *id)
{
    const char *const *ids = wippyli_rights_ids(rights);
    for (size_t i = 0; i < rights->count; i++) {
        if (strcmp(ids[i], id) == 0) {
            return true;
        }
    }
    return false;
}

/* A policy id or a Policy. */
static const char *wippyli_policy_named(lua_State *L, int index)
{
    const char *id = (const char *)wippyli_object_test(L, index, wippyli_policy_class());
    return id ? id : luaL_checkstring(L, index);
}

/* Room for the ids of a scope and one more, on the Lua stack. */
static const char **wippyli_ids_room(lua_State *L, size_t count)
{
    return (const char **)lua_newuserdatauv(L, (count + 1) * sizeof(char *), 0);
}

static int wippyli_scope_with(lua_State *L)
{
    const wippyli_rights *rights = wippyli_rights_check(L, 1);
    const char *id = wippyli_policy_check(L, 2);
    const char **ids = wippyli_ids_room(L, rights->count);
    size_t count = rights->count;
    if (count > 0) {
        memcpy((void *)ids, (const void *)wippyli_rights_ids(rights), count * sizeof(*ids));
    }
    if (!wippyli_rights_hold(rights, id)) {
        ids[count++] = id;
    }
    wippyli_rights_push(L, ids, count);
    return 1;
}

static int wippyli_scope_without(lua_State *L)
{
    const wippyli_rights *rights = wippyli_rights_check(L, 1);
    const char *id = wippyli_policy_named(L, 2);
    const char *const *from = wippyli_rights_ids(rights);
    const char **ids = wippyli_ids_room(L, rights->count);
    size_t count = 0;
    for (size_t i = 0; i < rights->count; i++) {
        if (strcmp(from[i], id) != 0) {
            ids[count++] = from[i];
        }
    }
    wippyli_rights_push(L, ids, count);
    return 1;
}

static int wippyli_scope_contains(lua_State *L)
{
    const wippyli_rights *rights = wippyli_rights_check(L, 1);
    lua_pushboolean(L, wippyli_rights_hold(rights, wippyli_policy_named(L, 2)));
    return 1;
}

static int wippyli_scope_policies(lua_State *L)
{
    const wippyli_rights *rights = wippyli_rights_check(L, 1);
    lua_createtable(L, (int)rights->count, 0);
    for (size_t i = 0; i < rights->count; i++) {
        wippyli_policy_push(L, wippyli_rights_ids(rights)[i]);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    return 1;
}

static int wippyli_scope_evaluate(lua_State *L)
{
    wippy_access access;
    wippy_writer writer;
    const wippyli_rights *rights = wippyli_rights_check(L, 1);
    if (!wippyli_access_read(L, &access, &writer)) {
        return 2;
    }
    wippy_runtime *rt = wippyli_runtime(wippyli_process_of(L));
    return wippyli_decided(
        L, wippy_scope_evaluate(rt, wippyli_rights_ids(rights), (uint32_t)rights->count, &access),
        &writer);
}

static int wippyli_scope_text(lua_State *L)
{
    lua_pushfstring(L, "security.Scope{policies=%I}",
                    (LUAI_UACINT)wippyli_rights_check(L, 1)->count);
    return 1;
}

static const luaL_Reg wippyli_rights_methods[] = {{"with", wippyli_scope_with},
                                                  {"without", wippyli_scope_without},
                                                  {"contains", wippyli_scope_contains},
                                                  {"policies", wippyli_scope_policies},
                                                  {"evaluate", wippyli_scope_evaluate},
                                                  {"__tostring", wippyli_scope_text},
                                                  {NULL, NULL}};

static const wippyli_class *wippyli_rights_class(void)
{
    static const wippyli_class cls = {"Scope", wippyli_rights_methods};
    return &cls;
}

static int wippyli_scope_hook(lua_State *L, int index, const char **ids, int room)
{
    const wippyli_rights *rights =
        (const wippyli_rights *)wippyli_object_test(L, index, wippyli_rights_class());
    if (!rights) {
        return -1;
    }
    for (int i = 0; i < room && (size_t)i < rights->count; i++) {
        ids[i] = wippyli_rights_ids(rights)[i];
    }
    return (int)rights->count;
}

WIPPYLI_FN void wippyli_security_hooks(wippyli_bridge *bridge)
{
    wippyli_hooks *hooks = wippyli_hooks_of(bridge);
    hooks->actor = wippyli_actor_hook;
    hooks->scope = wippyli_scope_hook;
}

/* ------------------------------------------------------------------ the module */

static const wippy_frame *wippyli_security_frame(lua_State *L)
{
    return wippy_self_frame(wippyli_self(wippyli_process_of(L)));
}

static int wippyli_security_actor(lua_State *L)
{
    const wippy_frame *frame = wippyli_security_frame(L);
    if (!frame || !wippy_frame_actor(frame)[0]) {
        lua_pushnil(L);
    } else {
        wippyli_who_push(L, wippy_frame_actor(frame), wippy_frame_actor_meta(frame));
    }
    return 1;
}

static int wippyli_security_scope(lua_State *L)
{
    const wippy_frame *frame = wippyli_security_frame(L);
    const char *const *ids = NULL;
    if (!frame || !wippy_frame_has_scope(frame)) {
        lua_pushnil(L);
    } else {
        uint32_t count = wippy_frame_scope(frame, &ids);
        wippyli_rights_push(L, ids, count);
    }
    return 1;
}

/* Asks, and does not complain in the log as a refused action does. */
static int wippyli_security_can(lua_State *L)
{
    const wippy_frame *frame = wippyli_security_frame(L);
    const char *const *ids = NULL;
    wippy_access access;
    wippy_writer writer;
    memset(&access, 0, sizeof(access));
    access.action = luaL_checkstring(L, 1);
    access.resource = luaL_checkstring(L, 2);
    if (!frame || !wippy_frame_actor(frame)[0] || !wippy_frame_has_scope(frame)) {
        lua_pushboolean(L, 0);
        return 1;
    }
    access.actor_id = wippy_frame_actor(frame);
    access.actor_meta = wippy_frame_actor_meta(frame);
    wippy_writer_init(&writer, wippyli_runtime(wippyli_process_of(L)));
    if (lua_istable(L, 3) && !wippyli_encode_checked(L, 3, &writer, &access.meta)) {
        return 2;
    }
    uint32_t count = wippy_frame_scope(frame, &ids);
    wippy_decision decision =
        wippy_scope_evaluate(wippyli_runtime(wippyli_process_of(L)), ids, count, &access);
    wippy_writer_free(&writer);
    lua_pushboolean(L, decision == WIPPY_ALLOW);
    return 1;
}

static int wippyli_security_new_actor(lua_State *L)
{
    wippy_writer writer;
    wippy_slice meta = {NULL, 0};
    const char *id = luaL_checkstring(L, 1);
    luaL_argcheck(L, id[0], 1, "actor id cannot be empty");
    if (!lua_isnoneornil(L, 2)) {
        luaL_checktype(L, 2, LUA_TTABLE);
    }
    if (!wippyli_may(L, "security.actor.create", id)) {
        return luaL_error(L, "not allowed to create actor: %s", id);
    }
    wippy_writer_init(&writer, wippyli_runtime(wippyli_process_of(L)));
    if (!lua_isnoneornil(L, 2) && !wippyli_encode_checked(L, 2, &writer, &meta)) {
        return lua_error(L);
    }
    /* out of the writer, which an error would leak, into memory that the process drops */
    wippyli_process *process = wippyli_process_of(L);
    char *copy = meta.size > 0 ? (char *)wippyli_get(process, meta.size) : NULL;
    if (copy) {
        memcpy(copy, meta.data, meta.size);
    }
    wippy_writer_free(&writer);
    if (meta.size > 0 && !copy) {
        return luaL_error(L, "memory limit exceeded");
    }
    meta.data = copy;
    wippyli_who_push(L, id, meta);
    wippyli_put(process, copy, meta.size);
    return 1;
}

static int wippyli_security_new_scope(lua_State *L)
{
    lua_settop(L, 1);
    if (!lua_isnil(L, 1)) {
        luaL_checktype(L, 1, LUA_TTABLE);
    }
    if (!wippyli_may(L, "security.scope.create", "custom")) {
        return luaL_error(L, "not allowed to create custom scope");
    }
    size_t count = lua_istable(L, 1) ? lua_rawlen(L, 1) : 0;
    const char **ids = wippyli_ids_room(L, count);
    for (size_t i = 0; i < count; i++) {
        lua_rawgeti(L, 1, (lua_Integer)i + 1);
        ids[i] = (const char *)wippyli_object_test(L, -1, wippyli_policy_class());
        if (!ids[i]) {
            return luaL_argerror(L, 1, "Policy expected");
        }
        lua_pop(L, 1); /* the table at 1 keeps it */
    }
    wippyli_rights_push(L, ids, count);
    return 1;
}

static int wippyli_security_policy(lua_State *L)
{
    const char *id = luaL_checkstring(L, 1);
    if (!wippyli_may(L, "security.policy.get", id)) {
        return wippyli_fail(L, "Invalid", "not allowed to access policy: %s", id);
    }
    if (!wippy_policy_exists(wippyli_runtime(wippyli_process_of(L)), id)) {
        return wippyli_fail(L, "Internal", "policy not found: %s", id);
    }
    wippyli_policy_push(L, id);
    return 1;
}

/* Push the Scope of the encoded ids, which the caller frees. */
static int wippyli_scope_of_ids(lua_State *L)
{
    const wippy_slice *list = (const wippy_slice *)lua_touserdata(L, 1);
    wippy_value_iter iter;
    size_t count = 0;
    for (wippy_value_each(*list, &iter); wippy_value_next(&iter);) {
        count++;
    }
    const char **ids = wippyli_ids_room(L, count);
    wippyli_stack_room(L, (int)count + 8, "scope");
    count = 0;
    for (wippy_value_each(*list, &iter); wippy_value_next(&iter);) {
        ids[count++] = wippyli_push_slice(L, wippy_value_string(iter.value, "", ""));
    }
    wippyli_rights_push(L, ids, count);
    return 1;
}

static int wippyli_security_named_scope(lua_State *L)
{
    wippy_runtime *rt = wippyli_runtime(wippyli_process_of(L));
    wippy_writer writer;
    wippy_slice list = {NULL, 0};
    const char *group = luaL_checkstring(L, 1);
    if (!wippyli_may(L, "security.policy_group.get", group)) {
        return wippyli_fail(L, "Invalid", "not allowed to access policy group: %s", group);
    }
    wippy_writer_init(&writer, rt);
    wippy_result result = wippy_policy_group(rt, group, &writer);
    if (result == WIPPY_OK) {
        result = wippy_writer_finish(&writer, &list);
    }
    if (result != WIPPY_OK) {
        wippy_writer_free(&writer);
        return result == WIPPY_ERR_NOTFOUND
                   ? wippyli_fail(L, "Internal", "policy group not found: %s", group)
                   : wippyli_failed(L, result, NULL);
    }
    lua_pushcfunction(L, wippyli_scope_of_ids);
    lua_pushlightuserdata(L, &list);
    int status = lua_pcall(L, 1, 1, 0);
    wippy_writer_free(&writer);
    return status == LUA_OK ? 1 : lua_error(L);
}

static int wippyli_security_token_store(lua_State *L)
{
    const char *id = luaL_checkstring(L, 1);
    if (!wippyli_may(L, "security.token_store.get", id)) {
        return wippyli_fail(L, "Invalid", "not allowed to access token store: %s", id);
    }
    return wippyli_fail(L, "Internal", "token store not found: %s", id);
}

WIPPYLI_FN const wippyli_library *wippyli_mod_security(void)
{
    static const wippyli_entry entries[] = {
        {"actor", wippyli_security_actor, 0, NULL},
        {"can", wippyli_security_can, 0, NULL},
        {"named_scope", wippyli_security_named_scope, 0, NULL},
        {"new_actor", wippyli_security_new_actor, 0, NULL},
        {"new_scope", wippyli_security_new_scope, 0, NULL},
        {"policy", wippyli_security_policy, 0, NULL},
        {"scope", wippyli_security_scope, 0, NULL},
        {"token_store", wippyli_security_token_store, 0, NULL},
    };
    static const wippyli_library library = {"security", entries, (uint32_t)WIPPYLI_COUNT(entries),
                                            NULL, NULL};
    return &library;
}
