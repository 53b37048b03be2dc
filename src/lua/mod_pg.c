/* ========================================================================== >>lua/mod_pg.c */
#include "mod_pg.h"

#include <string.h>

/* ------------------------------------------------------------------ instances
   The id of the scope, with its final zero; empty after release(). */

static const wippyli_class *wippyli_pg_class(void);

/* False: nil and an error object were pushed. */
static bool wippyli_pg_open_scope(lua_State *L, const char **scope)
{
    *scope = (const char *)wippyli_object_check(L, 1, wippyli_pg_class());
    if (!**scope) {
        wippyli_fail(L, "Invalid", "process group instance is released");
        return false;
    }
    return true;
}

/* For what the runtime does not ask itself. False: nil and an error object were pushed. */
static bool wippyli_pg_check(lua_State *L, const char *action, const char *resource,
                             const char **scope)
{
    if (!wippyli_pg_open_scope(L, scope)) {
        return false;
    }
    if (!wippyli_may(L, action, resource)) {
        wippyli_fail(L, "PermissionDenied", "not allowed: %s %s", action, resource);
        return false;
    }
    return true;
}

static int wippyli_pg_open(lua_State *L)
{
    wippy_runtime *rt = wippyli_runtime(wippyli_process_of(L));
    wippy_entry *entry = NULL;
    const char *id = luaL_checkstring(L, 1);
    if (!wippyli_may(L, "pg.open", id)) {
        return wippyli_fail(L, "PermissionDenied", "not allowed: pg.open %s", id);
    }
    bool found = wippy_entry_get(rt, id, &entry) == WIPPY_OK &&
                 strcmp(wippy_entry_kind(entry), "pg.scope") == 0;
    wippy_entry_release(rt, entry);
    if (!found) {
        return wippyli_fail(L, "Internal", "scope not found: %s", id);
    }
    size_t bytes = strlen(id) + 1;
    memcpy(wippyli_object_push(L, wippyli_pg_class(), bytes, 0), id, bytes);
    return 1;
}

static int wippyli_pg_release(lua_State *L)
{
    *(char *)wippyli_object_check(L, 1, wippyli_pg_class()) = 0;
    lua_pushboolean(L, 1);
    return 1;
}

/* nil and an error object for what a group call answered. */
static int wippyli_pg_failed(lua_State *L, wippy_result result, const char *action,
                             const char *group)
{
    switch (result) {
    case WIPPY_ERR_DENIED:
        return wippyli_fail(L, "PermissionDenied", "not allowed: %s %s", action, group);
    case WIPPY_ERR_NOTFOUND: return wippyli_fail(L, "Invalid", "not a member of group: %s", group);
    case WIPPY_ERR_NOMEM: return wippyli_rate_limited(L);
    default: return wippyli_failed(L, result, NULL);
    }
}

/* ---- join, leave */

/* For the group name, or each of the array of names, at 2. */
static int wippyli_pg_each(lua_State *L, const char *action,
                           wippy_result (*fn)(wippy_self *self, const char *scope,
                                              const char *group))
{
    const char *scope;
    lua_settop(L, 2);
    bool many = lua_istable(L, 2);
    lua_Integer count = many ? (lua_Integer)lua_rawlen(L, 2) : 1;
    for (lua_Integer i = 1; i <= count; i++) {
        if (many) {
            lua_rawgeti(L, 2, i);
        } else {
            lua_pushvalue(L, 2);
        }
        luaL_argcheck(L, lua_type(L, 3) == LUA_TSTRING, 2, "group name expected");
        const char *name = lua_tostring(L, 3);
        if (!wippyli_pg_open_scope(L, &scope)) {
            return 2;
        }
        if (!name[0]) {
            return wippyli_fail(L, "Invalid", "group is required");
        }
        wippy_result result = fn(wippyli_self(wippyli_process_of(L)), scope, name);
        if (result != WIPPY_OK) {
            return wippyli_pg_failed(L, result, action, name);
        }
        lua_settop(L, 2);
    }
    lua_pushboolean(L, 1);
    return 1;
}

static int wippyli_pg_join(lua_State *L)
{
    return wippyli_pg_each(L, "pg.join", wippy_group_join);
}

static int wippyli_pg_leave(lua_State *L)
{
    return wippyli_pg_each(L, "pg.leave", wippy_group_leave);
}

/* ---- members, groups */

/* Push a userdata that holds the pids of a group; answers how many. */
static size_t wippyli_pg_pids(lua_State *L, const char *scope, const char *name, wippy_pid **out)
{
    wippy_runtime *rt = wippyli_runtime(wippyli_process_of(L));
    size_t room = 16;
    for (;;) {
        *out = (wippy_pid *)lua_newuserdatauv(L, room * sizeof(wippy_pid), 0);
        size_t count = wippy_group_members(rt, scope, name, *out, room);
        if (count <= room) {
            return count;
        }
        lua_pop(L, 1);
        room = count + count / 4;
    }
}

static int wippyli_pg_members(lua_State *L)
{
    const char *scope;
    wippy_pid *pids;
    const char *name = luaL_checkstring(L, 2);
    if (!wippyli_pg_check(L, "pg.get_members", name, &scope)) {
        return 2;
    }
    size_t count = wippyli_pg_pids(L, scope, name, &pids);
    lua_createtable(L, (int)count, 0);
    for (size_t i = 0; i < count; i++) {
        wippyli_push_pid(L, pids[i]);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    return 1;
}

static int wippyli_pg_groups(lua_State *L)
{
    wippy_runtime *rt = wippyli_runtime(wippyli_process_of(L));
    const char *scope;
    char name[256];
    lua_Integer count = 0;
    if (!wippyli_pg_check(L, "pg.which_groups", "", &scope)) {
        return 2;
    }
    lua_newtable(L);
    name[0] = 0;
    while (wippy_group_next(rt, scope, name, name, sizeof(name)) == WIPPY_OK) {
        lua_pushstring(L, name);
        lua_rawseti(L, -2, ++count);
    }
    return 1;
}

/* ---- broadcast */

static int wippyli_pg_broadcast(lua_State *L)
{
    wippyli_process *process = wippyli_process_of(L);
    const char *scope;
    wippy_message message;
    wippy_writer writer;
    wippy_slice encoded;
    int last = lua_gettop(L);
    const char *name = luaL_checkstring(L, 2);
    memset(&message, 0, sizeof(message));
    message.topic_name = luaL_checklstring(L, 3, &message.topic_bytes);
    if (!wippyli_pg_open_scope(L, &scope)) {
        return 2;
    }
    if (message.topic_name[0] == '@') {
        return wippyli_fail(L, "Invalid", "cannot send to @ topics");
    }
    wippy_writer_init(&writer, wippyli_runtime(process));
    wippyli_encode(L, 4, last - 3, &writer);
    wippy_result result = wippy_writer_finish(&writer, &encoded);
    bool unencoded = result != WIPPY_OK;
    if (!unencoded) {
        message.data = encoded.data;
        message.size = encoded.size;
        message.count = (uint32_t)(last - 3);
        result = wippy_group_send(wippyli_self(process), scope, name, &message, NULL);
    }
    wippy_writer_free(&writer);
    if (unencoded) {
        return wippyli_fail(L, "Invalid", "%s", wippyli_encode_text(result));
    }
    if (result != WIPPY_OK) {
        return wippyli_pg_failed(L, result, "pg.broadcast", name);
    }
    lua_pushboolean(L, 1);
    return 1;
}

/* ---- monitor, events */

/* What monitor() and events() were asked for. */
typedef struct wippyli_pg_watched {
    const char *scope;
    const char *group; /* "" = each */
} wippyli_pg_watched;

static wippy_result wippyli_pg_watch_begin(wippy_self *self, const char *topic, const void *asked,
                                           uint64_t *id)
{
    const wippyli_pg_watched *watched = (const wippyli_pg_watched *)asked;
    return wippy_group_watch(self, watched->scope, watched->group, topic, id);
}

static const wippyli_source wippyli_pg_source = {"@pg", wippyli_pg_watch_begin,
                                                 wippy_group_unwatch};

static int wippyli_pg_watch(lua_State *L, const char *action, const char *scope, const char *group)
{
    wippyli_pg_watched watched;
    watched.scope = scope;
    watched.group = group;
    wippy_result result = wippyli_subscription_push(L, &wippyli_pg_source, &watched);
    return result == WIPPY_OK ? 1 : wippyli_pg_failed(L, result, action, group);
}

static int wippyli_pg_monitor(lua_State *L)
{
    const char *scope;
    const char *name = luaL_checkstring(L, 2);
    if (!wippyli_pg_open_scope(L, &scope)) {
        return 2;
    }
    if (!name[0]) {
        return wippyli_fail(L, "Invalid", "group is required");
    }
    return wippyli_pg_watch(L, "pg.monitor", scope, name);
}

static int wippyli_pg_events(lua_State *L)
{
    const char *scope;
    return wippyli_pg_open_scope(L, &scope) ? wippyli_pg_watch(L, "pg.events", scope, "") : 2;
}

static int wippyli_pg_text(lua_State *L)
{
    lua_pushfstring(L, "pg.Scope{%s}",
                    (const char *)wippyli_object_check(L, 1, wippyli_pg_class()));
    return 1;
}

static const luaL_Reg wippyli_pg_methods[] = {{"join", wippyli_pg_join},
                                              {"leave", wippyli_pg_leave},
                                              {"get_members", wippyli_pg_members},
                                              {"get_local_members", wippyli_pg_members},
                                              {"which_groups", wippyli_pg_groups},
                                              {"which_local_groups", wippyli_pg_groups},
                                              {"broadcast", wippyli_pg_broadcast},
                                              {"broadcast_local", wippyli_pg_broadcast},
                                              {"monitor", wippyli_pg_monitor},
                                              {"events", wippyli_pg_events},
                                              {"release", wippyli_pg_release},
                                              {"__tostring", wippyli_pg_text},
                                              {NULL, NULL}};

static const wippyli_class *wippyli_pg_class(void)
{
    static const wippyli_class cls = {"pg.Scope", wippyli_pg_methods};
    return &cls;
}

WIPPYLI_FN const wippyli_library *wippyli_mod_pg(void)
{
    static const wippyli_entry entries[] = {{"open", wippyli_pg_open, 0, NULL}};
    static const wippyli_library library = {"pg", entries, (uint32_t)WIPPYLI_COUNT(entries), NULL,
                                            NULL};
    return &library;
}
