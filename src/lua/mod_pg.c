/* ========================================================================== >>lua/mod_pg.c */
#include "mod_pg.h"

#include <stdio.h>
#include <string.h>

#define WIPPYLI_PG_CAPACITY 64

typedef struct wippyli_group wippyli_group;
typedef struct wippyli_member wippyli_member;

/* One process in one group; guarded by the common lock, but for own_next, which is its process's. */
struct wippyli_member {
    wippyli_member *next; /* in the group */
    wippyli_member *own_next;
    wippyli_group *group;
    wippy_pid pid;
    uint32_t joins;
};

/* Lives while it has members. The texts stand behind it. */
struct wippyli_group {
    wippyli_group *next;
    size_t bytes;
    const char *scope;
    const char *name;
    wippyli_member *first; /* in the order of joining */
    size_t count;
};

/* Somebody wants to know of joins and leaves. Texts behind it. */
typedef struct wippyli_watch {
    struct wippyli_watch *next; /* by number, falling; guarded by the common lock */
    struct wippyli_watch *own_next;
    uint64_t number;
    size_t bytes;
    wippy_pid pid;
    const char *scope;
    const char *name; /* "" = every group */
} wippyli_watch;

/* What a process has; its module state. */
typedef struct wippyli_belongings {
    wippyli_cleanup cleanup;
    wippyli_common *common;
    wippyli_member *members;
    wippyli_watch *watches;
    bool watched; /* the cleanup is in the list */
} wippyli_belongings;

/* ------------------------------------------------------------------ under the lock */

static wippyli_group *wippyli_group_find(wippyli_common *common, const char *scope,
                                         const char *name)
{
    wippyli_group *group = common->groups;
    while (group && (strcmp(group->name, name) != 0 || strcmp(group->scope, scope) != 0)) {
        group = group->next;
    }
    return group;
}

static void wippyli_group_append(wippyli_group *group, wippyli_member *member)
{
    wippyli_member **link = &group->first;
    while (*link) {
        link = &(*link)->next;
    }
    *link = member;
    member->group = group;
    group->count++;
}

/* Take a member out. Answers its group if that is empty now and out of the list too. */
static wippyli_group *wippyli_group_remove(wippyli_common *common, const wippyli_member *member)
{
    wippyli_group *group = member->group;
    wippyli_member **link = &group->first;
    while (*link != member) {
        link = &(*link)->next;
    }
    *link = member->next;
    if (--group->count > 0) {
        return NULL;
    }
    wippyli_group **place = &common->groups;
    while (*place != group) {
        place = &(*place)->next;
    }
    *place = group->next;
    return group;
}

/* ------------------------------------------------------------------ telling watchers */

/* Room for a topic. */
typedef struct wippyli_topic {
    char text[48];
} wippyli_topic;

static wippyli_topic wippyli_watch_topic(uint64_t number)
{
    wippyli_topic topic;
    snprintf(topic.text, sizeof(topic.text), "@pg.%llu", (unsigned long long)number);
    return topic;
}

/* The watch with the largest number below *number that wants to know; false: none. */
static bool wippyli_watch_next(wippyli_common *common, const char *scope, const char *name,
                               uint64_t *number, wippy_pid *pid)
{
    wippyli_lock_take(&common->lock);
    const wippyli_watch *watch = common->watches;
    while (watch && (watch->number >= *number || strcmp(watch->scope, scope) != 0 ||
                     (watch->name[0] && strcmp(watch->name, name) != 0))) {
        watch = watch->next;
    }
    if (watch) {
        *number = watch->number;
        *pid = watch->pid;
    }
    wippyli_lock_drop(&common->lock);
    return watch != NULL;
}

static void wippyli_membership_write(wippy_writer *writer, const char *kind, const char *name,
                                     const char *pid)
{
    wippy_write_map(writer, 4);
    wippy_write_cstring(writer, "system");
    wippy_write_cstring(writer, "pg");
    wippy_write_cstring(writer, "kind");
    wippy_write_cstring(writer, kind);
    wippy_write_cstring(writer, "path");
    wippy_write_cstring(writer, name);
    wippy_write_cstring(writer, "data");
    wippy_write_map(writer, 2);
    wippy_write_cstring(writer, "Group");
    wippy_write_cstring(writer, name);
    wippy_write_cstring(writer, "PIDs");
    wippy_write_array(writer, 1);
    wippy_write_cstring(writer, pid);
    wippy_write_end(writer);
    wippy_write_end(writer);
    wippy_write_end(writer);
}

static void wippyli_membership_tell(wippyli_common *common, const char *kind, const char *scope,
                                    const char *name, wippy_pid who)
{
    char text[256];
    wippy_writer writer;
    wippy_slice encoded;
    wippy_pid pid = {0};
    uint64_t number = UINT64_MAX;
    if (!wippyli_watch_next(common, scope, name, &number, &pid)) {
        return;
    }
    (void)wippy_pid_text(common->rt, who, text, sizeof(text));
    wippy_writer_init(&writer, common->rt);
    wippyli_membership_write(&writer, kind, name, text);
    if (wippy_writer_finish(&writer, &encoded) == WIPPY_OK) {
        do {
            wippyli_topic topic = wippyli_watch_topic(number);
            wippy_message message;
            memset(&message, 0, sizeof(message));
            message.topic_name = topic.text;
            message.data = encoded.data;
            message.size = encoded.size;
            message.count = 1;
            (void)wippy_send_message(wippy_outside(common->rt), pid, &message);
        } while (wippyli_watch_next(common, scope, name, &number, &pid));
    }
    wippy_writer_free(&writer);
}

/* ------------------------------------------------------------------ belongings */

static const char wippyli_pg_key = 0;

/* The member leaves its group and is freed; it is out of its process's list already. */
static void wippyli_member_end(wippyli_common *common, wippyli_member *member)
{
    wippyli_lock_take(&common->lock);
    wippyli_group *empty = wippyli_group_remove(common, member);
    wippyli_lock_drop(&common->lock);
    /* A group that is not empty may vanish now: its texts are the caller's business. */
    if (empty) {
        wippy_memory_put(common->rt, empty, empty->bytes);
    }
    wippy_memory_put(common->rt, member, sizeof(*member));
}

/* The same, and watchers hear of it. */
static void wippyli_member_leave(wippyli_common *common, wippyli_member *member)
{
    const wippyli_group *group = member->group; /* stays while it has this member */
    wippy_pid pid = member->pid;
    size_t bytes = group->bytes - sizeof(*group);
    char *texts = (char *)wippy_memory_get(common->rt, bytes);
    if (!texts) {
        wippyli_member_end(common, member);
        return;
    }
    memcpy(texts, group + 1, bytes); /* the scope, then the name */
    wippyli_member_end(common, member);
    wippyli_membership_tell(common, "member.left", texts, texts + strlen(texts) + 1, pid);
    wippy_memory_put(common->rt, texts, bytes);
}

static void wippyli_watch_end(wippyli_common *common, wippyli_watch *watch)
{
    wippyli_lock_take(&common->lock);
    wippyli_watch **link = &common->watches;
    while (*link != watch) {
        link = &(*link)->next;
    }
    *link = watch->next;
    wippyli_lock_drop(&common->lock);
    wippy_memory_put(common->rt, watch, watch->bytes);
}

static void wippyli_belongings_end(wippyli_process *process, wippyli_cleanup *cleanup)
{
    wippyli_belongings *mine =
        (wippyli_belongings *)(void *)((char *)cleanup - offsetof(wippyli_belongings, cleanup));
    (void)process;
    while (mine->watches) {
        wippyli_watch *watch = mine->watches;
        mine->watches = watch->own_next;
        wippyli_watch_end(mine->common, watch);
    }
    while (mine->members) {
        wippyli_member *member = mine->members;
        mine->members = member->own_next;
        wippyli_member_leave(mine->common, member);
    }
}

static wippyli_belongings *wippyli_belongings_of(lua_State *L)
{
    wippyli_belongings *mine =
        (wippyli_belongings *)wippyli_module_state(L, &wippyli_pg_key, sizeof(wippyli_belongings));
    if (!mine->watched) {
        mine->common = wippyli_common_of(L);
        mine->cleanup.run = wippyli_belongings_end;
        wippyli_cleanup_add(wippyli_process_of(L), &mine->cleanup);
        mine->watched = true;
    }
    return mine;
}

/* ------------------------------------------------------------------ instances
   The id of the scope, with its final zero; empty after release(). */

static const wippyli_class *wippyli_pg_class(void);

/* False: nil and an error object were pushed. */
static bool wippyli_pg_check(lua_State *L, const char *action, const char *resource,
                             const char **scope)
{
    *scope = (const char *)wippyli_object_check(L, 1, wippyli_pg_class());
    if (!**scope) {
        wippyli_fail(L, "Invalid", "process group instance is released");
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

/* ---- join, leave */

static wippyli_group *wippyli_group_make(wippyli_common *common, const char *scope,
                                         const char *name)
{
    size_t scope_bytes = strlen(scope) + 1;
    size_t name_bytes = strlen(name) + 1;
    size_t bytes = sizeof(wippyli_group) + scope_bytes + name_bytes;
    wippyli_group *group = (wippyli_group *)wippy_memory_get(common->rt, bytes);
    if (group) {
        memset(group, 0, sizeof(*group));
        group->bytes = bytes;
        group->scope = (const char *)memcpy(group + 1, scope, scope_bytes);
        group->name = (const char *)memcpy((char *)(group + 1) + scope_bytes, name, name_bytes);
    }
    return group;
}

static wippyli_member *wippyli_own_member(const wippyli_belongings *mine, const char *scope,
                                          const char *name)
{
    wippyli_member *member = mine->members;
    while (member &&
           (strcmp(member->group->name, name) != 0 || strcmp(member->group->scope, scope) != 0)) {
        member = member->own_next;
    }
    return member;
}

static wippy_result wippyli_group_join(lua_State *L, const char *scope, const char *name)
{
    wippyli_belongings *mine = wippyli_belongings_of(L);
    wippyli_common *common = mine->common;
    wippyli_member *member = wippyli_own_member(mine, scope, name);
    if (member) {
        member->joins++;
        return WIPPY_OK;
    }
    member = (wippyli_member *)wippy_memory_get(common->rt, sizeof(*member));
    wippyli_group *made = member ? wippyli_group_make(common, scope, name) : NULL;
    if (!made) {
        if (member) {
            wippy_memory_put(common->rt, member, sizeof(*member));
        }
        return WIPPY_ERR_NOMEM;
    }
    memset(member, 0, sizeof(*member));
    member->pid = wippy_self_pid(wippyli_self(wippyli_process_of(L)));
    member->joins = 1;
    wippyli_lock_take(&common->lock);
    wippyli_group *group = wippyli_group_find(common, scope, name);
    if (!group) {
        group = made;
        group->next = common->groups;
        common->groups = group;
    }
    wippyli_group_append(group, member);
    wippyli_lock_drop(&common->lock);
    if (group != made) {
        wippy_memory_put(common->rt, made, made->bytes);
    }
    member->own_next = mine->members;
    mine->members = member;
    wippyli_membership_tell(common, "member.joined", scope, name, member->pid);
    return WIPPY_OK;
}

static wippy_result wippyli_group_leave(lua_State *L, const char *scope, const char *name)
{
    wippyli_belongings *mine = wippyli_belongings_of(L);
    wippyli_member *member = wippyli_own_member(mine, scope, name);
    if (!member) {
        return WIPPY_ERR_INVALID;
    }
    if (--member->joins > 0) {
        return WIPPY_OK;
    }
    wippyli_member **link = &mine->members;
    while (*link != member) {
        link = &(*link)->own_next;
    }
    *link = member->own_next;
    wippyli_member_leave(mine->common, member);
    return WIPPY_OK;
}

/* For the group name, or each of the array of names, at 2. */
static int wippyli_pg_each(lua_State *L, const char *action,
                           wippy_result (*fn)(lua_State *L, const char *scope, const char *name))
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
        if (!wippyli_pg_check(L, action, name, &scope)) {
            return 2;
        }
        if (!name[0]) {
            return wippyli_fail(L, "Invalid", "group is required");
        }
        wippy_result result = fn(L, scope, name);
        if (result == WIPPY_ERR_INVALID) {
            return wippyli_fail(L, "Invalid", "not a member of group: %s", name);
        }
        if (result != WIPPY_OK) {
            return wippyli_rate_limited(L);
        }
        lua_settop(L, 2);
    }
    lua_pushboolean(L, 1);
    return 1;
}

static int wippyli_pg_join(lua_State *L)
{
    return wippyli_pg_each(L, "pg.join", wippyli_group_join);
}

static int wippyli_pg_leave(lua_State *L)
{
    return wippyli_pg_each(L, "pg.leave", wippyli_group_leave);
}

/* ---- members, groups */

/* The end of a process is told before its body is closed: until then it counts no more. */
static bool wippyli_group_is_alive(wippy_runtime *rt, const wippyli_group *group)
{
    const wippyli_member *member = group->first;
    while (member && !wippy_alive(rt, member->pid)) {
        member = member->next;
    }
    return member != NULL;
}

/* Push a userdata that holds the pids of a group; answers how many. */
static size_t wippyli_pg_pids(lua_State *L, const char *scope, const char *name, wippy_pid **out)
{
    wippyli_common *common = wippyli_common_of(L);
    size_t room = 16;
    for (;;) {
        wippy_pid *pids = (wippy_pid *)lua_newuserdatauv(L, room * sizeof(wippy_pid), 0);
        size_t count = 0;
        wippyli_lock_take(&common->lock);
        const wippyli_group *group = wippyli_group_find(common, scope, name);
        size_t needed = group ? group->count : 0;
        const wippyli_member *member = group && needed <= room ? group->first : NULL;
        for (; member; member = member->next) {
            if (wippy_alive(common->rt, member->pid)) {
                pids[count++] = member->pid;
            }
        }
        wippyli_lock_drop(&common->lock);
        if (needed <= room) {
            *out = pids;
            return count;
        }
        lua_pop(L, 1);
        room = needed * 2;
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

/* Push the name of the group after the one named `after` in the list of the scope; false: no more. The
   names come sorted, so that groups which come and go meanwhile do no harm. */
static bool wippyli_pg_next_group(lua_State *L, const char *scope, const char *after)
{
    wippyli_common *common = wippyli_common_of(L);
    char name[256];
    bool found = false;
    wippyli_lock_take(&common->lock);
    for (const wippyli_group *group = common->groups; group; group = group->next) {
        if (strcmp(group->scope, scope) == 0 && strlen(group->name) < sizeof(name) &&
            strcmp(group->name, after) > 0 && (!found || strcmp(group->name, name) < 0) &&
            wippyli_group_is_alive(common->rt, group)) {
            memcpy(name, group->name, strlen(group->name) + 1);
            found = true;
        }
    }
    wippyli_lock_drop(&common->lock);
    if (found) {
        lua_pushstring(L, name);
    }
    return found;
}

static int wippyli_pg_groups(lua_State *L)
{
    const char *scope;
    const char *after = "";
    lua_Integer count = 0;
    if (!wippyli_pg_check(L, "pg.which_groups", "", &scope)) {
        return 2;
    }
    lua_newtable(L);
    while (wippyli_pg_next_group(L, scope, after)) {
        after = lua_tostring(L, -1); /* the table keeps it */
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
    wippy_pid *pids;
    int last = lua_gettop(L);
    const char *name = luaL_checkstring(L, 2);
    memset(&message, 0, sizeof(message));
    message.topic_name = luaL_checklstring(L, 3, &message.topic_bytes);
    if (!wippyli_pg_check(L, "pg.broadcast", name, &scope)) {
        return 2;
    }
    if (message.topic_bytes == 0) {
        return wippyli_fail(L, "Invalid", "topic cannot be empty");
    }
    if (message.topic_name[0] == '@') {
        return wippyli_fail(L, "Invalid", "cannot send to @ topics");
    }
    size_t count = wippyli_pg_pids(L, scope, name, &pids);
    wippy_writer_init(&writer, wippyli_runtime(process));
    wippyli_encode(L, 4, last - 3, &writer);
    wippy_result result = wippy_writer_finish(&writer, &encoded);
    if (result == WIPPY_OK) {
        message.data = encoded.data;
        message.size = encoded.size;
        message.count = (uint32_t)(last - 3);
        for (size_t i = 0; i < count; i++) {
            (void)wippy_send_message(wippyli_self(process), pids[i], &message);
        }
    }
    wippy_writer_free(&writer);
    if (result != WIPPY_OK) {
        return wippyli_fail(L, "Invalid", "%s", wippyli_encode_text(result));
    }
    lua_pushboolean(L, 1);
    return 1;
}

/* ---- monitor, events */

typedef struct wippyli_pg_subscription {
    wippyli_watch *watch; /* NULL = closed */
} wippyli_pg_subscription;

static const wippyli_class *wippyli_pg_subscription_class(void);

static int wippyli_pg_subscription_channel(lua_State *L)
{
    wippyli_object_check(L, 1, wippyli_pg_subscription_class());
    lua_getiuservalue(L, 1, 1);
    return 1;
}

static int wippyli_pg_subscription_close(lua_State *L)
{
    wippyli_pg_subscription *one =
        (wippyli_pg_subscription *)wippyli_object_check(L, 1, wippyli_pg_subscription_class());
    wippyli_belongings *mine = wippyli_belongings_of(L);
    wippyli_watch *watch = one->watch;
    if (watch) {
        wippyli_watch **link = &mine->watches;
        one->watch = NULL;
        while (*link != watch) {
            link = &(*link)->own_next;
        }
        *link = watch->own_next;
        wippyli_watch_end(mine->common, watch);
        lua_getiuservalue(L, 1, 1);
        wippyli_channel *channel = wippyli_channel_check(L, -1);
        wippyli_unsubscribe(L, -1);
        wippyli_channel_close(wippyli_process_of(L), channel);
    }
    lua_pushboolean(L, 1);
    return 1;
}

static const luaL_Reg wippyli_pg_subscription_methods[] = {
    {"channel", wippyli_pg_subscription_channel},
    {"close", wippyli_pg_subscription_close},
    {NULL, NULL}};

static const wippyli_class *wippyli_pg_subscription_class(void)
{
    static const wippyli_class cls = {"pg.Subscription", wippyli_pg_subscription_methods};
    return &cls;
}

static wippyli_watch *wippyli_watch_make(lua_State *L, const char *scope, const char *name)
{
    wippyli_common *common = wippyli_common_of(L);
    size_t scope_bytes = strlen(scope) + 1;
    size_t name_bytes = strlen(name) + 1;
    size_t bytes = sizeof(wippyli_watch) + scope_bytes + name_bytes;
    wippyli_watch *watch = (wippyli_watch *)wippy_memory_get(common->rt, bytes);
    if (watch) {
        memset(watch, 0, sizeof(*watch));
        watch->bytes = bytes;
        watch->pid = wippy_self_pid(wippyli_self(wippyli_process_of(L)));
        watch->scope = (const char *)memcpy(watch + 1, scope, scope_bytes);
        watch->name = (const char *)memcpy((char *)(watch + 1) + scope_bytes, name, name_bytes);
    }
    return watch;
}

static void wippyli_membership_push(lua_State *L, const wippy_mail *mail)
{
    wippyli_decode_packed(L, wippy_mail_data(mail), mail->size, mail->count);
}

static int wippyli_pg_watch(lua_State *L, const char *scope, const char *name)
{
    wippyli_belongings *mine = wippyli_belongings_of(L);
    wippyli_pg_subscription *one = (wippyli_pg_subscription *)wippyli_object_push(
        L, wippyli_pg_subscription_class(), sizeof(*one), 1);
    int at = lua_gettop(L);
    one->watch = NULL;
    wippyli_channel_push(L, WIPPYLI_PG_CAPACITY, NULL);
    lua_pushvalue(L, -1);
    lua_setiuservalue(L, at, 1);
    wippyli_watch *watch = wippyli_watch_make(L, scope, name);
    if (!watch) {
        return wippyli_rate_limited(L);
    }
    watch->own_next = mine->watches;
    mine->watches = watch;
    one->watch = watch;
    wippyli_lock_take(&mine->common->lock);
    watch->number = ++mine->common->last_watch;
    watch->next = mine->common->watches;
    mine->common->watches = watch;
    wippyli_lock_drop(&mine->common->lock);
    wippyli_topic topic = wippyli_watch_topic(watch->number);
    wippy_result result =
        wippyli_subscribe(L, at + 1, topic.text, strlen(topic.text), wippyli_membership_push);
    lua_settop(L, at);
    return result == WIPPY_OK ? 1 : wippyli_rate_limited(L);
}

static int wippyli_pg_monitor(lua_State *L)
{
    const char *scope;
    const char *name = luaL_checkstring(L, 2);
    if (!wippyli_pg_check(L, "pg.monitor", name, &scope)) {
        return 2;
    }
    if (!name[0]) {
        return wippyli_fail(L, "Invalid", "group is required");
    }
    return wippyli_pg_watch(L, scope, name);
}

static int wippyli_pg_events(lua_State *L)
{
    const char *scope;
    return wippyli_pg_check(L, "pg.events", "", &scope) ? wippyli_pg_watch(L, scope, "") : 2;
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

WIPPYLI_FN wippy_result wippyli_pg_kind(wippyli_bridge *bridge)
{
    wippy_kind_desc desc;
    memset(&desc, 0, sizeof(desc));
    desc.name = "pg.scope";
    desc.flags = WIPPY_KIND_PASSIVE;
    return wippy_kind_register(bridge->rt, &desc);
}
