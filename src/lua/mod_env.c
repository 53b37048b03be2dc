/* ========================================================================== >>lua/mod_env.c */
#include "mod_env.h"

#include <string.h>

#define WIPPYLI_ENV_ROOM 512 /* ids, and values that need no second look */

/* ------------------------------------------------------------------ is a file behind it? */

static bool wippyli_env_kind_is(const wippy_entry *entry, const char *kind)
{
    return entry && strcmp(wippy_entry_kind(entry), kind) == 0;
}

/* The declaration of a variable: by public name, else in the namespace of the caller, else by id. */
static const wippy_entry *wippyli_env_declared(lua_State *L, const wippy_snapshot *snapshot,
                                               const char *key)
{
    char id[WIPPYLI_ENV_ROOM];
    size_t size = strlen(key);
    for (size_t i = 0; i < wippy_snapshot_count(snapshot); i++) {
        const wippy_entry *entry = wippy_snapshot_entry(snapshot, i);
        if (wippyli_env_kind_is(entry, "env.variable")) {
            wippy_slice name = wippy_value_string(wippy_entry_data(entry), "variable", "");
            if (name.size == size && memcmp(name.data, key, size) == 0) {
                return entry;
            }
        }
    }
    const char *owner = wippy_self_entry(wippyli_self(wippyli_process_of(L)));
    if (wippy_id_complete(key, size, owner, id, sizeof(id)) >= sizeof(id)) {
        return NULL;
    }
    const wippy_entry *entry = wippy_snapshot_get(snapshot, id);
    return wippyli_env_kind_is(entry, "env.variable") ? entry : NULL;
}

static bool wippyli_env_in_file(const wippy_snapshot *snapshot, const wippy_entry *variable)
{
    char id[WIPPYLI_ENV_ROOM];
    wippy_slice storage = wippy_value_string(wippy_entry_data(variable), "storage", "");
    if (wippy_id_complete(storage.data, storage.size, wippy_entry_id(variable), id, sizeof(id)) >=
        sizeof(id)) {
        return false;
    }
    const wippy_entry *entry = wippy_snapshot_get(snapshot, id);
    return wippyli_env_kind_is(entry, "env.storage.file") ||
           wippyli_env_kind_is(entry, "env.storage.router");
}

/* What is known of a variable before it is asked for. */
typedef struct wippyli_env_target {
    bool in_file;
    char id[WIPPYLI_ENV_ROOM];
    char name[WIPPYLI_ENV_ROOM]; /* the name rights are asked for, besides the key */
} wippyli_env_target;

static void wippyli_env_look(lua_State *L, const char *key, wippyli_env_target *out)
{
    wippy_runtime *rt = wippyli_runtime(wippyli_process_of(L));
    wippy_snapshot *snapshot = NULL;
    out->in_file = false;
    if (wippy_snapshot_current(rt, &snapshot) != WIPPY_OK) {
        return;
    }
    const wippy_entry *variable = wippyli_env_declared(L, snapshot, key);
    if (variable && strlen(wippy_entry_id(variable)) < sizeof(out->id)) {
        const char *id = wippy_entry_id(variable);
        wippy_slice name = wippy_value_string(wippy_entry_data(variable), "variable", "");
        memcpy(out->id, id, strlen(id) + 1);
        memcpy(out->name, id, strlen(id) + 1);
        if (name.size > 0 && name.size < sizeof(out->name)) {
            memcpy(out->name, name.data, name.size);
            out->name[name.size] = 0;
        }
        out->in_file = wippyli_env_in_file(snapshot, variable);
    }
    wippy_snapshot_release(rt, snapshot);
}

/* ------------------------------------------------------------------ answers */

static int wippyli_env_failed(lua_State *L, const char *verb, wippy_result result,
                              const wippy_diag *diag)
{
    const char *text = diag->message[0] ? diag->message : wippy_result_text(result);
    if (strncmp(text, "not allowed", 11) == 0 || strcmp(text, "empty key") == 0) {
        return wippyli_fail(L, wippy_result_kind(result), "%s", text);
    }
    return wippyli_fail(L, wippy_result_kind(result), "%s environment variable failed: %s", verb,
                        text);
}

static int wippyli_env_denied(lua_State *L, const char *verb, const char *key)
{
    return wippyli_fail(L, "PermissionDenied", "not allowed to %s environment variable: %s", verb,
                        key);
}

/* ------------------------------------------------------------------ through a thread */

typedef struct wippyli_env_job {
    wippyli_job job;
    char id[WIPPYLI_ENV_ROOM];
    char value[1]; /* of set; the block is as long as it needs */
} wippyli_env_job;

static wippy_result wippyli_env_read(wippyli_job *job, wippy_writer *out)
{
    const wippyli_env_job *one = (const wippyli_env_job *)(const void *)job;
    wippy_self *self = wippy_outside(job->rt);
    char room[WIPPYLI_ENV_ROOM];
    char *text = room;
    size_t bytes = sizeof(room);
    size_t size = 0;
    wippy_result result = wippy_env_get(self, one->id, text, bytes, &size, &job->diag);
    while (result == WIPPY_OK && size >= bytes) { /* it may grow between two looks */
        if (text != room) {
            wippy_memory_put(job->rt, text, bytes);
        }
        bytes = size + 1;
        text = (char *)wippy_memory_get(job->rt, bytes);
        if (!text) {
            return WIPPY_ERR_NOMEM;
        }
        result = wippy_env_get(self, one->id, text, bytes, &size, &job->diag);
    }
    if (result == WIPPY_OK) {
        wippy_write_string(out, text, size);
    }
    if (text != room) {
        wippy_memory_put(job->rt, text, bytes);
    }
    return result;
}

static int wippyli_env_read_done(lua_State *L, const wippy_mail *mail, wippyli_job *job)
{
    if (mail->result != WIPPY_OK) {
        return wippyli_env_failed(L, "get", (wippy_result)mail->result, &job->diag);
    }
    return wippyli_decode(L, wippy_mail_data(mail), mail->size, 1);
}

static wippy_result wippyli_env_write(wippyli_job *job, wippy_writer *out)
{
    const wippyli_env_job *one = (const wippyli_env_job *)(const void *)job;
    (void)out;
    return wippy_env_set(wippy_outside(job->rt), one->id, one->value, &job->diag);
}

static int wippyli_env_write_done(lua_State *L, const wippy_mail *mail, wippyli_job *job)
{
    if (mail->result != WIPPY_OK) {
        return wippyli_env_failed(L, "set", (wippy_result)mail->result, &job->diag);
    }
    lua_pushboolean(L, 1);
    return 1;
}

/* value: NULL = read. The rights are asked here: a thread of the pool is nobody. */
static int wippyli_env_threaded(lua_State *L, const char *key, const char *value,
                                const wippyli_env_target *target)
{
    const char *action = value ? "env.set" : "env.get";
    size_t value_bytes = value ? strlen(value) : 0;
    if (!wippyli_may(L, action, key) ||
        (strcmp(key, target->name) != 0 && !wippyli_may(L, action, target->name))) {
        return wippyli_env_denied(L, value ? "set" : "access", key);
    }
    wippyli_env_job *one = (wippyli_env_job *)(void *)wippyli_job_begin(
        L, value ? "env.set" : "env.get", sizeof(*one) + value_bytes);
    if (!one) {
        return 2;
    }
    memcpy(one->id, target->id, sizeof(one->id));
    if (value) {
        memcpy(one->value, value, value_bytes + 1);
    }
    one->job.run = value ? wippyli_env_write : wippyli_env_read;
    one->job.then = value ? wippyli_env_write_done : wippyli_env_read_done;
    return wippyli_job_go(L, &one->job);
}

/* ------------------------------------------------------------------ get, set */

static int wippyli_env_get(lua_State *L)
{
    wippy_self *self = wippyli_self(wippyli_process_of(L));
    wippyli_env_target target;
    wippy_diag diag;
    char room[WIPPYLI_ENV_ROOM];
    size_t size = 0;
    const char *key = luaL_checkstring(L, 1);
    wippyli_env_look(L, key, &target);
    if (target.in_file) {
        return wippyli_env_threaded(L, key, NULL, &target);
    }
    diag.message[0] = 0;
    wippy_result result = wippy_env_get(self, key, room, sizeof(room), &size, &diag);
    if (result != WIPPY_OK) {
        return wippyli_env_failed(L, "get", result, &diag);
    }
    if (size < sizeof(room)) {
        lua_pushlstring(L, room, size);
        return 1;
    }
    size_t bytes = size + 1;
    char *text = (char *)lua_newuserdatauv(L, bytes, 0);
    result = wippy_env_get(self, key, text, bytes, &size, &diag);
    if (result != WIPPY_OK) {
        return wippyli_env_failed(L, "get", result, &diag);
    }
    lua_pushlstring(L, text, size < bytes ? size : bytes - 1);
    return 1;
}

static int wippyli_env_set(lua_State *L)
{
    wippyli_env_target target;
    wippy_diag diag;
    const char *key = luaL_checkstring(L, 1);
    const char *value = luaL_checkstring(L, 2);
    wippyli_env_look(L, key, &target);
    if (target.in_file) {
        return wippyli_env_threaded(L, key, value, &target);
    }
    diag.message[0] = 0;
    wippy_result result = wippy_env_set(wippyli_self(wippyli_process_of(L)), key, value, &diag);
    if (result != WIPPY_OK) {
        return wippyli_env_failed(L, "set", result, &diag);
    }
    lua_pushboolean(L, 1);
    return 1;
}

/* ------------------------------------------------------------------ get_all */

static wippy_result wippyli_env_walk(wippyli_job *job, wippy_writer *out)
{
    return wippy_env_all(wippy_outside(job->rt), out);
}

static int wippyli_env_walk_done(lua_State *L, const wippy_mail *mail, wippyli_job *job)
{
    (void)job;
    if (mail->result != WIPPY_OK) {
        return wippyli_failed(L, (wippy_result)mail->result, NULL);
    }
    wippyli_decode(L, wippy_mail_data(mail), mail->size, 1);
    int all = lua_gettop(L);
    lua_pushnil(L);
    while (lua_next(L, all)) {
        if (lua_type(L, -2) == LUA_TSTRING && !wippyli_may(L, "env.get", lua_tostring(L, -2))) {
            lua_pushvalue(L, -2);
            lua_pushnil(L);
            lua_rawset(L, all);
        }
        lua_pop(L, 1);
    }
    return 1;
}

static bool wippyli_env_has_files(wippy_runtime *rt)
{
    wippy_snapshot *snapshot = NULL;
    bool found = false;
    if (wippy_snapshot_current(rt, &snapshot) != WIPPY_OK) {
        return false;
    }
    for (size_t i = 0; i < wippy_snapshot_count(snapshot) && !found; i++) {
        found = wippyli_env_kind_is(wippy_snapshot_entry(snapshot, i), "env.storage.file");
    }
    wippy_snapshot_release(rt, snapshot);
    return found;
}

static int wippyli_env_get_all(lua_State *L)
{
    wippyli_process *process = wippyli_process_of(L);
    wippy_writer writer;
    wippy_slice encoded = {NULL, 0};
    if (wippyli_env_has_files(wippyli_runtime(process))) {
        wippyli_job *job = wippyli_job_begin(L, "env.get_all", sizeof(wippyli_job));
        if (!job) {
            return 2;
        }
        job->run = wippyli_env_walk;
        job->then = wippyli_env_walk_done;
        return wippyli_job_go(L, job);
    }
    wippy_writer_init(&writer, wippyli_runtime(process));
    wippy_result result = wippy_env_all(wippyli_self(process), &writer);
    if (result == WIPPY_OK) {
        result = wippy_writer_finish(&writer, &encoded);
    }
    if (result == WIPPY_OK && encoded.size > 0) {
        wippyli_decode_free(L, &writer, encoded);
        return 1;
    }
    wippy_writer_free(&writer);
    return wippyli_failed(L, result, NULL);
}

WIPPYLI_FN const wippyli_library *wippyli_mod_env(void)
{
    static const wippyli_entry entries[] = {
        {"get", wippyli_env_get, 0, NULL},
        {"get_all", wippyli_env_get_all, 0, NULL},
        {"set", wippyli_env_set, 0, NULL},
    };
    static const wippyli_library library = {"env", entries, (uint32_t)WIPPYLI_COUNT(entries), NULL,
                                            NULL};
    return &library;
}
