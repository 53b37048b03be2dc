/* ========================================================================== >>lua/mod_registry.c */
#include "mod_registry.h"

#include "errors.h"

#include <stdio.h>
#include <string.h>

static wippy_runtime *wippyli_registry_rt(lua_State *L)
{
    return wippyli_runtime(wippyli_process_of(L));
}

/* ------------------------------------------------------------------ entries */

/* Push {id, kind, meta, data}. */
static void wippyli_entry_table(lua_State *L, const wippy_entry *entry)
{
    lua_createtable(L, 0, 4);
    lua_pushstring(L, wippy_entry_id(entry));
    lua_setfield(L, -2, "id");
    lua_pushstring(L, wippy_entry_kind(entry));
    lua_setfield(L, -2, "kind");
    wippy_slice meta = wippy_entry_meta(entry);
    wippyli_decode(L, meta.data, meta.size, 1);
    lua_setfield(L, -2, "meta");
    wippy_slice data = wippy_entry_data(entry);
    wippyli_decode(L, data.data, data.size, 1);
    lua_setfield(L, -2, "data");
}

static int wippyli_entry_missing(lua_State *L, const char *id)
{
    return wippyli_fail(L, "NotFound", "entry not found: %s", id);
}

static int wippyli_entry_denied(lua_State *L, const char *id)
{
    return wippyli_fail(L, "PermissionDenied", "not allowed to access entry: %s", id);
}

/* The entry `id` of a snapshot, or nil and why not. */
static int wippyli_snapshot_answer(lua_State *L, const wippy_snapshot *snapshot, const char *id)
{
    if (!wippyli_may(L, "registry.get", id)) {
        return wippyli_entry_denied(L, id);
    }
    const wippy_entry *entry = wippy_snapshot_get(snapshot, id);
    if (!entry) {
        return wippyli_entry_missing(L, id);
    }
    wippyli_entry_table(L, entry);
    return 1;
}

/* Append the entry to the array on top, unless the caller may not see it. */
static void wippyli_entry_append(lua_State *L, const wippy_entry *entry, lua_Integer *count)
{
    if (wippyli_may(L, "registry.get", wippy_entry_id(entry))) {
        wippyli_entry_table(L, entry);
        lua_rawseti(L, -2, ++*count);
    }
}

/* ------------------------------------------------------------------ versions */

typedef struct wippyli_version {
    int64_t id;
} wippyli_version;

static const wippyli_class *wippyli_version_class(void);

static void wippyli_version_push(lua_State *L, int64_t id)
{
    wippyli_version *version =
        (wippyli_version *)wippyli_object_push(L, wippyli_version_class(), sizeof(*version), 0);
    version->id = id;
}

static int64_t wippyli_version_check(lua_State *L)
{
    return ((wippyli_version *)wippyli_object_check(L, 1, wippyli_version_class()))->id;
}

/* The version object or number at `index`; raises for anything else. */
static int64_t wippyli_version_at(lua_State *L, int index)
{
    const wippyli_version *version =
        (const wippyli_version *)wippyli_object_test(L, index, wippyli_version_class());
    return version ? version->id : (int64_t)luaL_checkinteger(L, index);
}

static int wippyli_version_id(lua_State *L)
{
    lua_pushinteger(L, (lua_Integer)wippyli_version_check(L));
    return 1;
}

static int wippyli_version_string(lua_State *L)
{
    lua_pushfstring(L, "v%I", (LUAI_UACINT)wippyli_version_check(L));
    return 1;
}

static int wippyli_version_text(lua_State *L)
{
    lua_pushfstring(L, "registry.Version{v%I}", (LUAI_UACINT)wippyli_version_check(L));
    return 1;
}

static int wippyli_version_equal(lua_State *L)
{
    const wippyli_version *other =
        (const wippyli_version *)wippyli_object_test(L, 2, wippyli_version_class());
    const wippyli_version *one =
        (const wippyli_version *)wippyli_object_test(L, 1, wippyli_version_class());
    lua_pushboolean(L, one && other && one->id == other->id);
    return 1;
}

static int wippyli_version_neighbour(lua_State *L, bool next)
{
    wippy_version_info info;
    if (wippy_version_get(wippyli_registry_rt(L), wippyli_version_check(L), &info) != WIPPY_OK ||
        (next ? info.next : info.previous) < 0) {
        lua_pushnil(L);
    } else {
        wippyli_version_push(L, next ? info.next : info.previous);
    }
    return 1;
}

static int wippyli_version_previous(lua_State *L)
{
    return wippyli_version_neighbour(L, false);
}

static int wippyli_version_next(lua_State *L)
{
    return wippyli_version_neighbour(L, true);
}

static const luaL_Reg wippyli_version_methods[] = {{"id", wippyli_version_id},
                                                   {"string", wippyli_version_string},
                                                   {"previous", wippyli_version_previous},
                                                   {"next", wippyli_version_next},
                                                   {"__tostring", wippyli_version_text},
                                                   {"__eq", wippyli_version_equal},
                                                   {NULL, NULL}};

static const wippyli_class *wippyli_version_class(void)
{
    static const wippyli_class cls = {"registry.Version", wippyli_version_methods};
    return &cls;
}

static int wippyli_registry_versions(lua_State *L)
{
    wippy_runtime *rt = wippyli_registry_rt(L);
    size_t room = wippy_versions(rt, NULL, 0);
    int64_t *ids = (int64_t *)lua_newuserdatauv(L, (room + 1) * sizeof(int64_t), 0);
    size_t count = wippy_versions(rt, ids, room);
    count = count < room ? count : room;
    lua_createtable(L, (int)count, 0);
    for (size_t i = 0; i < count; i++) {
        wippyli_version_push(L, ids[i]);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    return 1;
}

static int wippyli_registry_current_version(lua_State *L)
{
    wippyli_version_push(L, wippy_version_current(wippyli_registry_rt(L)));
    return 1;
}

/* ------------------------------------------------------------------ snapshots */

/* The userdata stays where it is, so the cleanup may lie in it. */
typedef struct wippyli_view {
    wippyli_cleanup cleanup;
    wippy_runtime *rt;
    wippy_snapshot *snapshot; /* held; NULL = given back */
} wippyli_view;

static const wippyli_class *wippyli_view_class(void);
static int wippyli_changes_new(lua_State *L);

static void wippyli_view_drop(wippyli_process *process, wippyli_cleanup *cleanup)
{
    wippyli_view *view =
        (wippyli_view *)(void *)((char *)cleanup - offsetof(wippyli_view, cleanup));
    (void)process;
    wippy_snapshot_release(view->rt, view->snapshot);
    view->snapshot = NULL;
}

static int wippyli_view_collect(lua_State *L)
{
    wippyli_view *view = (wippyli_view *)wippyli_object_check(L, 1, wippyli_view_class());
    if (view->snapshot) {
        wippyli_cleanup_remove(wippyli_process_of(L), &view->cleanup);
        wippyli_view_drop(wippyli_process_of(L), &view->cleanup);
    }
    return 0;
}

/* Push a Snapshot of version `id`, -1 = the current one. */
static int wippyli_view_push(lua_State *L, int64_t id)
{
    wippyli_view *view =
        (wippyli_view *)wippyli_object_push(L, wippyli_view_class(), sizeof(*view), 0);
    view->snapshot = NULL;
    view->rt = wippyli_registry_rt(L);
    view->cleanup.run = wippyli_view_drop;
    wippy_result result = id < 0 ? wippy_snapshot_current(view->rt, &view->snapshot)
                                 : wippy_snapshot_at(view->rt, id, &view->snapshot);
    if (result == WIPPY_OK) {
        wippyli_cleanup_add(wippyli_process_of(L), &view->cleanup);
        return 1;
    }
    view->snapshot = NULL;
    return result == WIPPY_ERR_NOTFOUND ? wippyli_fail(L, "NotFound", "version not found")
                                        : wippyli_failed(L, result, NULL);
}

static wippy_snapshot *wippyli_view_check(lua_State *L)
{
    return ((wippyli_view *)wippyli_object_check(L, 1, wippyli_view_class()))->snapshot;
}

/* Entries of the filter at `index` (none = all), as an array. */
static int wippyli_snapshot_search(lua_State *L, const wippy_snapshot *snapshot, int index)
{
    wippy_runtime *rt = wippyli_registry_rt(L);
    wippy_writer writer;
    wippy_slice filter = {NULL, 0};
    wippy_diag diag;
    size_t room = wippy_snapshot_count(snapshot);
    size_t count = 0;
    lua_Integer shown = 0;
    if (!lua_isnoneornil(L, index)) {
        luaL_checktype(L, index, LUA_TTABLE);
    }
    wippy_entry **entries =
        (wippy_entry **)lua_newuserdatauv(L, (room + 1) * sizeof(wippy_entry *), 0);
    wippy_writer_init(&writer, rt);
    if (!lua_isnoneornil(L, index) && !wippyli_encode_checked(L, index, &writer, &filter)) {
        return 2;
    }
    diag.message[0] = 0;
    wippy_result result = wippy_snapshot_find(rt, snapshot, filter, entries, room, &count, &diag);
    wippy_writer_free(&writer);
    if (result != WIPPY_OK) {
        return wippyli_failed(L, result, &diag);
    }
    lua_createtable(L, (int)count, 0);
    for (size_t i = 0; i < count; i++) {
        wippyli_entry_append(L, entries[i], &shown);
    }
    return 1;
}

static int wippyli_view_entries(lua_State *L)
{
    const wippy_snapshot *snapshot = wippyli_view_check(L);
    lua_settop(L, 1);
    return wippyli_snapshot_search(L, snapshot, 2);
}

static int wippyli_view_find(lua_State *L)
{
    const wippy_snapshot *snapshot = wippyli_view_check(L);
    lua_settop(L, 2);
    return wippyli_snapshot_search(L, snapshot, 2);
}

static int wippyli_view_get(lua_State *L)
{
    const wippy_snapshot *snapshot = wippyli_view_check(L);
    return wippyli_snapshot_answer(L, snapshot, luaL_checkstring(L, 2));
}

static int wippyli_view_namespace(lua_State *L)
{
    const wippy_snapshot *snapshot = wippyli_view_check(L);
    size_t size = 0;
    const char *wanted = luaL_checklstring(L, 2, &size);
    lua_Integer count = 0;
    lua_newtable(L);
    for (size_t i = 0; i < wippy_snapshot_count(snapshot); i++) {
        const wippy_entry *entry = wippy_snapshot_entry(snapshot, i);
        const char *id = wippy_entry_id(entry);
        wippy_slice space, name;
        wippy_id_parse(id, strlen(id), &space, &name);
        if (space.size == size && memcmp(space.data, wanted, size) == 0) {
            wippyli_entry_append(L, entry, &count);
        }
    }
    return 1;
}

static int wippyli_view_version(lua_State *L)
{
    wippyli_version_push(L, wippy_snapshot_version(wippyli_view_check(L)));
    return 1;
}

static int wippyli_view_changes(lua_State *L)
{
    wippyli_view_check(L);
    return wippyli_changes_new(L);
}

static int wippyli_view_text(lua_State *L)
{
    lua_pushfstring(L, "registry.Snapshot{version=v%I}",
                    (LUAI_UACINT)wippy_snapshot_version(wippyli_view_check(L)));
    return 1;
}

static const luaL_Reg wippyli_view_methods[] = {{"entries", wippyli_view_entries},
                                                {"get", wippyli_view_get},
                                                {"find", wippyli_view_find},
                                                {"namespace", wippyli_view_namespace},
                                                {"version", wippyli_view_version},
                                                {"changes", wippyli_view_changes},
                                                {"__tostring", wippyli_view_text},
                                                {"__gc", wippyli_view_collect},
                                                {NULL, NULL}};

static const wippyli_class *wippyli_view_class(void)
{
    static const wippyli_class cls = {"registry.Snapshot", wippyli_view_methods};
    return &cls;
}

static int wippyli_registry_snapshot(lua_State *L)
{
    return wippyli_view_push(L, -1);
}

static int wippyli_snapshot_of(lua_State *L, int64_t id)
{
    if (id <= 0) {
        return wippyli_fail(L, "Invalid", "invalid version ID");
    }
    return wippyli_view_push(L, id);
}

static int wippyli_registry_snapshot_at(lua_State *L)
{
    return wippyli_snapshot_of(L, wippyli_version_at(L, 1));
}

/* ------------------------------------------------------------------ history */

static int wippyli_history_check(lua_State *L);

static int wippyli_history_versions(lua_State *L)
{
    wippyli_history_check(L);
    return wippyli_registry_versions(L);
}

static int wippyli_history_get_version(lua_State *L)
{
    wippy_version_info info;
    wippyli_history_check(L);
    int64_t id = wippyli_version_at(L, 2);
    if (wippy_version_get(wippyli_registry_rt(L), id, &info) != WIPPY_OK) {
        return wippyli_fail(L, "NotFound", "version not found");
    }
    wippyli_version_push(L, id);
    return 1;
}

static int wippyli_history_snapshot_at(lua_State *L)
{
    wippyli_history_check(L);
    if (lua_type(L, 2) == LUA_TUSERDATA) {
        int64_t id = wippyli_version_at(L, 2);
        return wippyli_view_push(L, id);
    }
    return wippyli_snapshot_of(L, wippyli_version_at(L, 2));
}

static int wippyli_history_text(lua_State *L)
{
    lua_pushliteral(L, "registry.History{}");
    return 1;
}

static const luaL_Reg wippyli_history_methods[] = {{"versions", wippyli_history_versions},
                                                   {"get_version", wippyli_history_get_version},
                                                   {"snapshot_at", wippyli_history_snapshot_at},
                                                   {"__tostring", wippyli_history_text},
                                                   {NULL, NULL}};
static const wippyli_class wippyli_history_class = {"registry.History", wippyli_history_methods};

static int wippyli_history_check(lua_State *L)
{
    wippyli_object_check(L, 1, &wippyli_history_class);
    return 1;
}

static int wippyli_registry_history(lua_State *L)
{
    wippyli_object_push(L, &wippyli_history_class, 0, 0);
    return 1;
}

/* ------------------------------------------------------------------ get, find, parse_id */

static int wippyli_registry_parse_id(lua_State *L)
{
    size_t size = 0;
    const char *id = luaL_checklstring(L, 1, &size);
    wippy_slice space, name;
    wippy_id_parse(id, size, &space, &name);
    lua_createtable(L, 0, 2);
    wippyli_push_slice(L, space);
    lua_setfield(L, -2, "ns");
    wippyli_push_slice(L, name);
    lua_setfield(L, -2, "name");
    return 1;
}

static int wippyli_registry_entry_get(lua_State *L)
{
    const char *id = luaL_checkstring(L, 1);
    int top = wippyli_view_push(L, -1);
    if (top != 1) {
        return top;
    }
    lua_insert(L, 1);
    return wippyli_snapshot_answer(L, wippyli_view_check(L), id);
}

static int wippyli_registry_find(lua_State *L)
{
    lua_settop(L, 1);
    if (!lua_isnil(L, 1)) {
        luaL_checktype(L, 1, LUA_TTABLE);
    }
    int top = wippyli_view_push(L, -1);
    if (top != 1) {
        return top;
    }
    lua_insert(L, 1);
    return wippyli_snapshot_search(L, wippyli_view_check(L), 2);
}

/* ------------------------------------------------------------------ changes
   User value 1 is the array of operations: {kind = "entry.create", entry = {id, kind, meta, data}}. */

static const char *const wippyli_op_names[] = {"entry.create", "entry.update", "entry.delete"};

static const wippyli_class *wippyli_changes_class(void);

static int wippyli_changes_new(lua_State *L)
{
    wippyli_object_push(L, wippyli_changes_class(), 0, 1);
    lua_newtable(L);
    lua_setiuservalue(L, -2, 1);
    return 1;
}

static void wippyli_changes_check(lua_State *L)
{
    wippyli_object_check(L, 1, wippyli_changes_class());
}

/* Push "ns:name" for the table {ns, name} at `index`, or nil. */
static void wippyli_id_push_pair(lua_State *L, int index)
{
    index = lua_absindex(L, index);
    lua_getfield(L, index, "ns");
    lua_getfield(L, index, "name");
    if (lua_type(L, -2) == LUA_TSTRING && lua_type(L, -1) == LUA_TSTRING) {
        lua_pushfstring(L, "%s:%s", lua_tostring(L, -2), lua_tostring(L, -1));
    } else {
        lua_pushnil(L);
    }
    lua_replace(L, -3);
    lua_pop(L, 1);
}

/* Push the id that the value at `index` is: text, {ns, name}, or an entry that has one. False: it is
   none, nothing was pushed. */
static bool wippyli_id_push(lua_State *L, int index)
{
    lua_pushvalue(L, index);
    if (lua_istable(L, -1)) {
        if (lua_getfield(L, -1, "id") == LUA_TNIL) {
            lua_pop(L, 1);
        } else {
            lua_replace(L, -2);
        }
    }
    if (lua_istable(L, -1)) {
        wippyli_id_push_pair(L, -1);
        lua_replace(L, -2);
    }
    const char *id = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "";
    const char *colon = strchr(id, ':');
    if (!colon || colon == id || !colon[1]) {
        lua_pop(L, 1);
        return false;
    }
    return true;
}

/* Append {kind, entry} for the id and entry kind at these places; meta and data come from the table at
   `from` (0 = none). Answers the changeset. */
static int wippyli_changes_append(lua_State *L, wippy_entry_op op, int id, int kind, int from)
{
    lua_getiuservalue(L, 1, 1);
    lua_createtable(L, 0, 2);
    lua_pushstring(L, wippyli_op_names[op]);
    lua_setfield(L, -2, "kind");
    lua_createtable(L, 0, 4);
    lua_pushvalue(L, id);
    lua_setfield(L, -2, "id");
    if (from) {
        lua_pushvalue(L, kind);
        lua_setfield(L, -2, "kind");
        lua_getfield(L, from, "meta");
        lua_setfield(L, -2, "meta");
        lua_getfield(L, from, "data");
        lua_setfield(L, -2, "data");
    }
    lua_setfield(L, -2, "entry");
    lua_rawseti(L, -2, (lua_Integer)lua_rawlen(L, -2) + 1);
    lua_settop(L, 1);
    return 1;
}

static int wippyli_changes_put(lua_State *L, wippy_entry_op op)
{
    wippyli_changes_check(L);
    luaL_checktype(L, 2, LUA_TTABLE);
    lua_settop(L, 2);
    if (lua_getfield(L, 2, "id") == LUA_TNIL || !wippyli_id_push(L, 3)) {
        return wippyli_fail(L, "Invalid", "entry must have valid id field");
    }
    if (lua_getfield(L, 2, "kind") != LUA_TSTRING || lua_rawlen(L, -1) == 0) {
        return wippyli_fail(L, "Invalid", "entry must have kind field");
    }
    return wippyli_changes_append(L, op, 4, 5, 2);
}

static int wippyli_changes_create(lua_State *L)
{
    return wippyli_changes_put(L, WIPPY_ENTRY_CREATE);
}

static int wippyli_changes_update(lua_State *L)
{
    return wippyli_changes_put(L, WIPPY_ENTRY_UPDATE);
}

static int wippyli_changes_delete(lua_State *L)
{
    wippyli_changes_check(L);
    lua_settop(L, 2);
    if (!wippyli_id_push(L, 2)) {
        return wippyli_fail(L, "Invalid", "entry must have valid id field");
    }
    return wippyli_changes_append(L, WIPPY_ENTRY_DELETE, 3, 0, 0);
}

/* Push a copy of the table at `index`, one level. */
static void wippyli_table_copy(lua_State *L, int index)
{
    index = lua_absindex(L, index);
    lua_newtable(L);
    lua_pushnil(L);
    while (lua_next(L, index)) {
        lua_pushvalue(L, -2);
        lua_insert(L, -2);
        lua_rawset(L, -4);
    }
}

static int wippyli_changes_ops(lua_State *L)
{
    wippyli_changes_check(L);
    lua_getiuservalue(L, 1, 1);
    lua_Integer count = (lua_Integer)lua_rawlen(L, -1);
    lua_createtable(L, (int)count, 0);
    for (lua_Integer i = 1; i <= count; i++) {
        lua_rawgeti(L, -2, i);
        wippyli_table_copy(L, -1);
        lua_getfield(L, -1, "entry");
        wippyli_table_copy(L, -1);
        lua_setfield(L, -3, "entry");
        lua_pop(L, 1);
        lua_rawseti(L, -3, i);
        lua_pop(L, 1);
    }
    return 1;
}

static int wippyli_changes_text(lua_State *L)
{
    wippyli_changes_check(L);
    lua_getiuservalue(L, 1, 1);
    lua_pushfstring(L, "registry.Changes{ops=%I}", (LUAI_UACINT)lua_rawlen(L, -1));
    return 1;
}

/* ---- apply: five values an operation: op, id, kind (both with their final zero), meta, data */

typedef struct wippyli_apply {
    wippyli_job job;
    size_t size; /* of the bytes behind the changes */
    size_t count;
    wippy_registry_change changes[1];
} wippyli_apply;

static void wippyli_write_text(wippy_writer *writer, const char *text, size_t size)
{
    wippy_write_string(writer, text, size + 1);
}

/* Append the operation on top of the stack. */
static void wippyli_apply_write(lua_State *L, wippy_writer *writer)
{
    static const char *const fields[] = {"meta", "data"};
    int op = lua_gettop(L);
    size_t size = 0;
    lua_getfield(L, op, "kind");
    const char *name = lua_tostring(L, -1);
    int number = 0;
    while (strcmp(wippyli_op_names[number], name) != 0) {
        number++;
    }
    wippy_write_int(writer, number);
    lua_getfield(L, op, "entry");
    lua_getfield(L, op + 2, "id");
    const char *id = lua_tolstring(L, -1, &size);
    wippyli_write_text(writer, id, size);
    lua_getfield(L, op + 2, "kind");
    const char *kind = lua_type(L, -1) == LUA_TSTRING ? lua_tolstring(L, -1, &size) : NULL;
    wippyli_write_text(writer, kind ? kind : "", kind ? size : 0);
    for (size_t i = 0; i < WIPPYLI_COUNT(fields); i++) {
        lua_getfield(L, op + 2, fields[i]);
        wippyli_encode(L, lua_gettop(L), 1, writer);
    }
    lua_settop(L, op);
}

static const char *wippyli_apply_text(wippy_reader *reader)
{
    wippy_value value;
    memset(&value, 0, sizeof(value));
    (void)wippy_read(reader, &value); /* what wippyli_apply_write() wrote */
    return value.as.string.data;
}

static wippy_slice wippyli_apply_value(wippy_reader *reader)
{
    wippy_slice value = {NULL, 0};
    (void)wippy_read_skip(reader, &value);
    if (wippy_value_type_of(value) == WIPPY_NIL) {
        value.size = 0;
    }
    return value;
}

static void wippyli_apply_read(wippyli_apply *apply, const void *bytes)
{
    wippy_reader reader;
    wippy_reader_init(&reader, bytes, apply->size);
    for (size_t i = 0; i < apply->count; i++) {
        wippy_registry_change *change = &apply->changes[i];
        wippy_value op;
        memset(&op, 0, sizeof(op));
        (void)wippy_read(&reader, &op);
        change->op = (wippy_entry_op)op.as.integer;
        change->id = wippyli_apply_text(&reader);
        change->kind = wippyli_apply_text(&reader);
        change->meta = wippyli_apply_value(&reader);
        change->data = wippyli_apply_value(&reader);
    }
}

static wippy_result wippyli_apply_run(wippyli_job *job, wippy_writer *out)
{
    wippyli_apply *apply = (wippyli_apply *)(void *)job;
    int64_t version = 0;
    wippy_result result =
        wippy_registry_apply(job->rt, apply->changes, apply->count, &version, &job->diag);
    if (result == WIPPY_OK) {
        wippy_write_int(out, version);
    }
    return result;
}

static int wippyli_apply_failed(lua_State *L, const wippy_diag *diag, wippy_result result)
{
    const char *text = diag->message[0] ? diag->message : wippy_result_text(result);
    bool unknown = strncmp(text, "no handler for kind", 19) == 0; /* the caller's mistake */
    char line[16] = "";
    if (diag->line != 0) {
        snprintf(line, sizeof(line), ":%lu", (unsigned long)diag->line);
    }
    return wippyli_fail(L, unknown ? "Invalid" : "Internal",
                        "apply changes: failed to apply changes: %s%s%s%s", diag->file, line,
                        diag->file[0] ? ": " : "", text);
}

static int wippyli_apply_then(lua_State *L, const wippy_mail *mail, wippyli_job *job)
{
    if (mail->result != WIPPY_OK) {
        return wippyli_apply_failed(L, &job->diag, (wippy_result)mail->result);
    }
    wippyli_decode(L, wippy_mail_data(mail), mail->size, 1);
    wippyli_version_push(L, (int64_t)lua_tointeger(L, -1));
    return 1;
}

/* The bytes stand behind the changes, in the job's block. Those given are of the process, and put back. */
static int wippyli_apply_go(lua_State *L, size_t count, char *given, size_t size)
{
    wippyli_process *process = wippyli_process_of(L);
    size_t bytes = sizeof(wippyli_apply) + count * sizeof(wippy_registry_change);
    wippyli_apply *apply =
        (wippyli_apply *)(void *)wippyli_job_begin(L, "registry.apply", bytes + size);
    if (!apply) {
        wippyli_put(process, given, size);
        return 2;
    }
    apply->count = count;
    apply->size = size;
    apply->job.run = wippyli_apply_run;
    apply->job.then = wippyli_apply_then;
    memcpy((char *)apply + bytes, given, size);
    wippyli_put(process, given, size);
    wippyli_apply_read(apply, (char *)apply + bytes);
    return wippyli_job_go(L, &apply->job);
}

static int wippyli_changes_apply(lua_State *L)
{
    wippy_writer writer;
    wippy_slice encoded = {NULL, 0};
    wippyli_changes_check(L);
    lua_settop(L, 1);
    lua_getiuservalue(L, 1, 1);
    lua_Integer count = (lua_Integer)lua_rawlen(L, 2);
    if (count == 0) {
        return wippyli_fail(L, "Invalid", "no changes to apply");
    }
    if (!wippyli_may(L, "registry.apply", "")) {
        return wippyli_fail(L, "PermissionDenied", "not allowed to apply registry changes");
    }
    wippyli_check_block(L, "registry.apply");
    wippyli_stack_room(L, 16, "registry.apply");
    wippy_writer_init(&writer, wippyli_registry_rt(L));
    for (lua_Integer i = 1; i <= count; i++) {
        lua_rawgeti(L, 2, i);
        wippyli_apply_write(L, &writer);
        lua_settop(L, 2);
    }
    wippy_result result = wippy_writer_finish(&writer, &encoded);
    if (result != WIPPY_OK) {
        wippy_writer_free(&writer);
        return result == WIPPY_ERR_NOMEM
                   ? wippyli_rate_limited(L)
                   : wippyli_fail(L, "Invalid", "%s", wippyli_encode_text(result));
    }
    /* out of the writer, which an error would leak, into memory that the process drops */
    char *copy = (char *)wippyli_get(wippyli_process_of(L), encoded.size);
    if (copy) {
        memcpy(copy, encoded.data, encoded.size);
    }
    wippy_writer_free(&writer);
    return copy ? wippyli_apply_go(L, (size_t)count, copy, encoded.size) : wippyli_rate_limited(L);
}

static const luaL_Reg wippyli_changes_methods[] = {{"create", wippyli_changes_create},
                                                   {"update", wippyli_changes_update},
                                                   {"delete", wippyli_changes_delete},
                                                   {"ops", wippyli_changes_ops},
                                                   {"apply", wippyli_changes_apply},
                                                   {"__tostring", wippyli_changes_text},
                                                   {NULL, NULL}};

static const wippyli_class *wippyli_changes_class(void)
{
    static const wippyli_class cls = {"registry.Changes", wippyli_changes_methods};
    return &cls;
}

/* ------------------------------------------------------------------ apply_version */

typedef struct wippyli_revert {
    wippyli_job job;
    int64_t version;
} wippyli_revert;

static wippy_result wippyli_revert_run(wippyli_job *job, wippy_writer *out)
{
    (void)out;
    return wippy_registry_apply_version(job->rt, ((wippyli_revert *)(void *)job)->version,
                                        &job->diag);
}

/* false and an error object */
static int wippyli_false(lua_State *L)
{
    lua_pushboolean(L, 0);
    lua_replace(L, -3);
    return 2;
}

static int wippyli_revert_then(lua_State *L, const wippy_mail *mail, wippyli_job *job)
{
    if (mail->result == WIPPY_OK) {
        lua_pushboolean(L, 1);
        return 1;
    }
    if (mail->result == WIPPY_ERR_NOTFOUND &&
        (!job->diag.message[0] || strcmp(job->diag.message, "version not found") == 0)) {
        wippyli_fail(L, "NotFound", "version not found");
        return wippyli_false(L);
    }
    wippyli_fail(L, "Internal", "apply version: %s",
                 job->diag.message[0] ? job->diag.message
                                      : wippy_result_text((wippy_result)mail->result));
    return wippyli_false(L);
}

static int wippyli_registry_apply_version(lua_State *L)
{
    int64_t version = wippyli_version_at(L, 1);
    if (!wippyli_may(L, "registry.apply_version", "")) {
        wippyli_fail(L, "PermissionDenied", "not allowed to apply registry version");
        return wippyli_false(L);
    }
    wippyli_revert *revert =
        (wippyli_revert *)(void *)wippyli_job_begin(L, "registry.apply_version", sizeof(*revert));
    if (!revert) {
        return wippyli_false(L);
    }
    revert->version = version;
    revert->job.run = wippyli_revert_run;
    revert->job.then = wippyli_revert_then;
    return wippyli_job_go(L, &revert->job);
}

/* ------------------------------------------------------------------ build_delta */

/* Replace what stands at `index` (Snapshot, Version or number) by a Snapshot. False: nil and an error
   object were pushed. */
static bool wippyli_delta_side(lua_State *L, int index)
{
    if (!wippyli_object_test(L, index, wippyli_view_class())) {
        int64_t id = wippyli_version_at(L, index);
        if (id < 0) {
            wippyli_fail(L, "Invalid", "invalid version ID");
            return false;
        }
        if (wippyli_view_push(L, id) != 1) {
            return false;
        }
        lua_replace(L, index);
    }
    return true;
}

static wippy_snapshot *wippyli_delta_snapshot(lua_State *L, int index)
{
    return ((wippyli_view *)wippyli_object_check(L, index, wippyli_view_class()))->snapshot;
}

static void wippyli_delta_append(lua_State *L, wippy_entry_op op, lua_Integer *count)
{
    lua_createtable(L, 0, 2);
    lua_insert(L, -2);
    lua_setfield(L, -2, "entry");
    lua_pushstring(L, wippyli_op_names[op]);
    lua_setfield(L, -2, "kind");
    lua_rawseti(L, -2, ++*count);
}

/* Held entries in between would leak if pushing raised, so this stands in a call of its own. */
static int wippyli_delta_push(lua_State *L)
{
    const wippy_delta *delta = (const wippy_delta *)lua_touserdata(L, 1);
    lua_Integer count = 0;
    lua_createtable(L, (int)delta->count, 0);
    for (size_t i = 0; i < delta->count; i++) {
        const wippy_entry_change *change = &delta->changes[i];
        const wippy_entry *entry = change->after ? change->after : change->before;
        if (wippyli_may(L, "registry.get", wippy_entry_id(entry))) {
            wippyli_entry_table(L, entry);
            wippyli_delta_append(L, change->op, &count);
        }
    }
    return 1;
}

static int wippyli_delta_snapshots(lua_State *L)
{
    wippy_runtime *rt = wippyli_registry_rt(L);
    wippy_delta delta;
    if (!wippyli_delta_side(L, 1) || !wippyli_delta_side(L, 2)) {
        return 2;
    }
    wippy_result result =
        wippy_delta_build(rt, wippyli_delta_snapshot(L, 1), wippyli_delta_snapshot(L, 2), &delta);
    if (result != WIPPY_OK) {
        return wippyli_failed(L, result, NULL);
    }
    lua_pushcfunction(L, wippyli_delta_push);
    lua_pushlightuserdata(L, &delta);
    int status = lua_pcall(L, 1, 1, 0);
    wippy_delta_free(rt, &delta);
    return status == LUA_OK ? 1 : lua_error(L);
}

/* Push a table id -> entry of the array at `index`. */
static void wippyli_delta_index(lua_State *L, int index)
{
    lua_Integer count = luaL_len(L, index);
    lua_newtable(L);
    for (lua_Integer i = 1; i <= count; i++) {
        lua_rawgeti(L, index, i);
        if (wippyli_id_push(L, -1)) {
            lua_insert(L, -2);
            lua_rawset(L, -3);
        } else {
            lua_pop(L, 1);
        }
    }
}

static bool wippyli_delta_same(lua_State *L, int a, int b)
{
    wippy_writer writers[2];
    wippy_slice encoded[2];
    bool good = true;
    int places[2];
    places[0] = lua_absindex(L, a);
    places[1] = lua_absindex(L, b);
    for (int i = 0; i < 2; i++) {
        wippy_writer_init(&writers[i], wippyli_registry_rt(L));
        wippyli_encode(L, places[i], 1, &writers[i]);
        good = wippy_writer_finish(&writers[i], &encoded[i]) == WIPPY_OK && good;
    }
    good = good && wippy_value_equal(encoded[0], encoded[1]);
    wippy_writer_free(&writers[0]);
    wippy_writer_free(&writers[1]);
    return good;
}

/* Two arrays of entries: 1 and 2; their tables by id: 3 and 4; the result: 5. */
static int wippyli_delta_tables(lua_State *L)
{
    lua_Integer found = 0;
    wippyli_delta_index(L, 1);
    wippyli_delta_index(L, 2);
    lua_newtable(L);
    for (int pass = 0; pass < 2; pass++) {
        int array = pass == 0 ? 2 : 1;
        lua_Integer count = luaL_len(L, array);
        for (lua_Integer i = 1; i <= count; i++) {
            lua_rawgeti(L, array, i);
            if (wippyli_id_push(L, -1)) {
                lua_rawget(L, pass == 0 ? 3 : 4);
                bool there = !lua_isnil(L, -1);
                bool same = there && wippyli_delta_same(L, -1, -2);
                lua_pop(L, 1);
                if (pass == 0 ? !same : !there) {
                    wippy_entry_op op = pass == 1 ? WIPPY_ENTRY_DELETE
                                        : there   ? WIPPY_ENTRY_UPDATE
                                                  : WIPPY_ENTRY_CREATE;
                    wippyli_delta_append(L, op, &found);
                }
            }
            lua_settop(L, 5);
        }
    }
    return 1;
}

static int wippyli_registry_build_delta(lua_State *L)
{
    lua_settop(L, 2);
    if (lua_istable(L, 1) || lua_istable(L, 2)) {
        luaL_checktype(L, 1, LUA_TTABLE);
        luaL_checktype(L, 2, LUA_TTABLE);
        return wippyli_delta_tables(L);
    }
    return wippyli_delta_snapshots(L);
}

WIPPYLI_FN const wippyli_library *wippyli_mod_registry(void)
{
    static const wippyli_entry entries[] = {
        {"apply_version", wippyli_registry_apply_version, 0, NULL},
        {"build_delta", wippyli_registry_build_delta, 0, NULL},
        {"current_version", wippyli_registry_current_version, 0, NULL},
        {"find", wippyli_registry_find, 0, NULL},
        {"get", wippyli_registry_entry_get, 0, NULL},
        {"history", wippyli_registry_history, 0, NULL},
        {"parse_id", wippyli_registry_parse_id, 0, NULL},
        {"snapshot", wippyli_registry_snapshot, 0, NULL},
        {"snapshot_at", wippyli_registry_snapshot_at, 0, NULL},
        {"versions", wippyli_registry_versions, 0, NULL},
    };
    static const wippyli_library library = {"registry", entries, (uint32_t)WIPPYLI_COUNT(entries),
                                            NULL, NULL};
    return &library;
}
