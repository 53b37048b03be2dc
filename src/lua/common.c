/* ========================================================================== >>lua/common.c */
#include "common.h"

#include <string.h>

/* ------------------------------------------------------------------ once for a runtime
   Kept as the user data of a module without functions: a bridge finds it by name, without globals. */

#define WIPPYLI_COMMON_NAME "@common"

static void wippyli_records_free(wippy_runtime *rt, wippyli_record **buckets)
{
    for (size_t i = 0; i < WIPPYLI_COMMON_BUCKETS; i++) {
        while (buckets[i]) {
            wippyli_record *record = buckets[i];
            buckets[i] = record->next;
            wippy_memory_put(rt, record, record->bytes);
        }
    }
}

static void wippyli_common_free(wippy_runtime *rt, void *user_data)
{
    wippyli_common *common = (wippyli_common *)user_data;
    wippyli_records_free(rt, common->functions);
    wippyli_records_free(rt, common->metrics);
    wippy_memory_put(rt, common, sizeof(*common));
}

WIPPYLI_FN wippy_result wippyli_common_open(wippyli_bridge *bridge)
{
    static const wippy_lua_function none = {NULL, NULL};
    wippy_lua_module_desc desc;
    wippyli_common *common = (wippyli_common *)wippy_memory_get(bridge->rt, sizeof(*common));
    if (!common) {
        return WIPPY_ERR_NOMEM;
    }
    memset(common, 0, sizeof(*common));
    common->rt = bridge->rt;
    common->gc_percent = 100;
    wippy_result result = wippy_on_destroy(bridge->rt, wippyli_common_free, common);
    if (result != WIPPY_OK) {
        wippy_memory_put(bridge->rt, common, sizeof(*common));
        return result;
    }
    memset(&desc, 0, sizeof(desc));
    desc.name = WIPPYLI_COMMON_NAME;
    desc.functions = &none;
    desc.user_data = common;
    return wippyli_bridge_add(bridge, &desc);
}

WIPPYLI_FN wippyli_common *wippyli_common_of(lua_State *L)
{
    return (wippyli_common *)wippyli_bridge_added(wippyli_bridge_at(L), WIPPYLI_COMMON_NAME)
        ->user_data;
}

/* ------------------------------------------------------------------ records */

static wippyli_record **wippyli_record_bucket(wippyli_record **buckets, const char *name)
{
    uint32_t hash = 2166136261u;
    for (; *name; name++) {
        hash = (hash ^ (unsigned char)*name) * 16777619u;
    }
    return &buckets[hash % WIPPYLI_COMMON_BUCKETS];
}

static wippyli_record *wippyli_record_find(wippyli_record *record, const char *name)
{
    while (record && strcmp(record->name, name) != 0) {
        record = record->next;
    }
    return record;
}

static wippyli_record *wippyli_record_make(wippy_runtime *rt, const char *name, size_t bytes)
{
    size_t name_bytes = strlen(name) + 1;
    wippyli_record *record = (wippyli_record *)wippy_memory_get(rt, bytes + name_bytes);
    if (record) {
        memset(record, 0, bytes);
        record->bytes = bytes + name_bytes;
        record->name = (const char *)memcpy((char *)record + bytes, name, name_bytes);
    }
    return record;
}

WIPPYLI_FN wippyli_record *wippyli_record_look(wippyli_common *common, wippyli_record **buckets,
                                               const char *name)
{
    wippyli_lock_take(&common->lock);
    wippyli_record *found = wippyli_record_find(*wippyli_record_bucket(buckets, name), name);
    wippyli_lock_drop(&common->lock);
    return found;
}

WIPPYLI_FN wippyli_record *wippyli_record_get(wippyli_common *common, wippyli_record **buckets,
                                              const char *name, size_t bytes)
{
    wippyli_record **bucket = wippyli_record_bucket(buckets, name);
    wippyli_record *found = wippyli_record_look(common, buckets, name);
    if (found) {
        return found;
    }
    wippyli_record *made = wippyli_record_make(common->rt, name, bytes);
    if (!made) {
        return NULL;
    }
    wippyli_lock_take(&common->lock);
    found = wippyli_record_find(*bucket, name); /* another thread may have been quicker */
    if (!found) {
        made->next = *bucket;
        *bucket = made;
    }
    wippyli_lock_drop(&common->lock);
    if (found) {
        wippy_memory_put(common->rt, made, made->bytes);
    }
    return found ? found : made;
}

/* ------------------------------------------------------------------ rights and failures */

WIPPYLI_FN bool wippyli_may(lua_State *L, const char *action, const char *resource)
{
    wippy_slice none = {NULL, 0};
    return wippy_allowed(wippyli_self(wippyli_process_of(L)), action, resource, none);
}

WIPPYLI_FN void wippyli_failed_push(lua_State *L, wippy_result result, const wippy_diag *diag)
{
    const char *text = diag && diag->message[0] ? diag->message : wippy_result_text(result);
    wippyli_error_push(L, wippy_result_kind(result), text, 0);
}

WIPPYLI_FN int wippyli_failed(lua_State *L, wippy_result result, const wippy_diag *diag)
{
    lua_pushnil(L);
    wippyli_failed_push(L, result, diag);
    return 2;
}

/* ------------------------------------------------------------------ values */

WIPPYLI_FN bool wippyli_encode_checked(lua_State *L, int index, wippy_writer *writer,
                                       wippy_slice *out)
{
    wippyli_encode(L, lua_absindex(L, index), 1, writer);
    wippy_result result = wippy_writer_finish(writer, out);
    if (result == WIPPY_OK) {
        return true;
    }
    wippy_writer_free(writer);
    if (result == WIPPY_ERR_NOMEM) {
        wippyli_rate_limited(L);
    } else {
        wippyli_fail(L, "Invalid", "%s", wippyli_encode_text(result));
    }
    return false;
}

static int wippyli_decode_here(lua_State *L)
{
    const wippy_slice *encoded = (const wippy_slice *)lua_touserdata(L, 1);
    return wippyli_decode(L, encoded->data, encoded->size, 1);
}

WIPPYLI_FN void wippyli_decode_free(lua_State *L, wippy_writer *writer, wippy_slice encoded)
{
    lua_pushcfunction(L, wippyli_decode_here);
    lua_pushlightuserdata(L, &encoded);
    int status = lua_pcall(L, 1, 1, 0);
    wippy_writer_free(writer);
    if (status != LUA_OK) {
        lua_error(L);
    }
}

WIPPYLI_FN const char *wippyli_push_slice(lua_State *L, wippy_slice text)
{
    return lua_pushlstring(L, text.size > 0 ? text.data : "", text.size);
}

WIPPYLI_FN void wippyli_push_pid(lua_State *L, wippy_pid pid)
{
    char text[256];
    if (pid.id == 0) {
        lua_pushnil(L);
        return;
    }
    (void)wippy_pid_text(wippyli_runtime(wippyli_process_of(L)), pid, text, sizeof(text));
    lua_pushstring(L, text);
}

/* ------------------------------------------------------------------ jobs
   A job is held twice: by the pool until it has run or was dropped, and by the process until `then` has
   seen it. */

static void wippyli_job_release(wippyli_job *job)
{
    wippyli_lock_take(&job->lock);
    bool last = --job->holds == 0;
    wippyli_lock_drop(&job->lock);
    if (last) {
        wippy_memory_put(job->rt, job, job->bytes);
    }
}

static wippy_result wippyli_job_run(void *arg, wippy_writer *out)
{
    wippyli_job *job = (wippyli_job *)arg;
    return job->run(job, out);
}

static void wippyli_job_dropped(void *arg)
{
    wippyli_job_release((wippyli_job *)arg);
}

static void wippyli_job_abandoned(wippyli_process *process, wippyli_cleanup *cleanup)
{
    (void)process;
    wippyli_job_release((wippyli_job *)(void *)((char *)cleanup - offsetof(wippyli_job, cleanup)));
}

WIPPYLI_FN wippyli_job *wippyli_job_begin(lua_State *L, const char *name, size_t bytes)
{
    wippyli_process *process = wippyli_process_of(L);
    wippyli_check_block(L, name);
    wippyli_job *job = (wippyli_job *)wippy_memory_get(wippyli_runtime(process), bytes);
    if (!job) {
        wippyli_rate_limited(L);
        return NULL;
    }
    memset(job, 0, bytes);
    job->rt = wippyli_runtime(process);
    job->bytes = bytes;
    job->holds = 1;
    job->cleanup.run = wippyli_job_abandoned;
    wippyli_cleanup_add(process, &job->cleanup);
    return job;
}

static void wippyli_job_end(lua_State *L, wippyli_job *job)
{
    wippyli_cleanup_remove(wippyli_process_of(L), &job->cleanup);
    wippyli_job_release(job);
}

static int wippyli_job_done(lua_State *L, const wippy_mail *mail, lua_KContext ctx)
{
    wippyli_job *job = (wippyli_job *)ctx;
    int count = job->then(L, mail, job);
    wippyli_job_end(L, job);
    return count;
}

WIPPYLI_FN int wippyli_job_go(lua_State *L, wippyli_job *job)
{
    wippyli_process *process = wippyli_process_of(L);
    wippy_result result = WIPPY_ERR_NOMEM;
    uint64_t tag = wippyli_await_tag(L);
    if (tag != 0) {
        job->holds = 2;
        result = wippy_blocking(wippyli_self(process), wippyli_job_run, job, wippyli_job_dropped,
                                tag, wippyli_await_token(L));
    }
    if (result == WIPPY_PENDING) {
        return wippyli_await(L, wippyli_job_done, (lua_KContext)job);
    }
    job->holds = 1;
    wippyli_job_end(L, job);
    return wippyli_await_failed(L, result);
}
