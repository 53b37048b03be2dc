/* ========================================================================== >>lua/mod_system.c */
#include "mod_system.h"
#include "machine.h"

#include <string.h>

static wippy_runtime *wippyli_system_rt(lua_State *L)
{
    return wippyli_runtime(wippyli_process_of(L));
}

/* False: nil and an error object were pushed. */
static bool wippyli_system_may(lua_State *L, const char *action, const char *resource)
{
    if (wippyli_may(L, action, resource)) {
        return true;
    }
    wippyli_fail(L, "PermissionDenied", "not allowed: %s %s", action, resource);
    return false;
}

static void wippyli_field_integer(lua_State *L, const char *name, int64_t value)
{
    lua_pushinteger(L, (lua_Integer)value);
    lua_setfield(L, -2, name);
}

static void wippyli_field_text(lua_State *L, const char *name, const char *value)
{
    lua_pushstring(L, value);
    lua_setfield(L, -2, name);
}

static int wippyli_answer_integer(lua_State *L, int64_t value)
{
    lua_pushinteger(L, (lua_Integer)value);
    return 1;
}

/* ------------------------------------------------------------------ exit, modules */

static int wippyli_system_exit(lua_State *L)
{
    lua_Integer code = luaL_optinteger(L, 1, 0);
    const wippy_lua_desc *desc = &wippyli_bridge_at(L)->desc;
    wippy_runtime *rt = wippyli_system_rt(L);
    if (!wippyli_system_may(L, "system.exit", "exit")) {
        return 2;
    }
    if (desc->exit_fn) {
        desc->exit_fn(rt, (int64_t)code, desc->user_data);
    } else {
        wippy_stop(rt);
    }
    lua_pushboolean(L, 1);
    return 1;
}

static int wippyli_system_modules(lua_State *L)
{
    const wippyli_sandbox *sandbox = &wippyli_bridge_at(L)->sandbox;
    lua_Integer count = 0;
    if (!wippyli_system_may(L, "system.read", "modules")) {
        return 2;
    }
    lua_createtable(L, (int)sandbox->module_count, 0);
    for (uint32_t i = 0; i < sandbox->module_count; i++) {
        const char *name = sandbox->modules[i]->name;
        if (name[0] == '@') {
            continue; /* not for programs */
        }
        lua_createtable(L, 0, 1);
        wippyli_field_text(L, "name", name);
        lua_rawseti(L, -2, ++count);
    }
    return 1;
}

/* ------------------------------------------------------------------ memory */

/* Blocks are not counted: this is what their number would be at a usual size. */
#define WIPPYLI_USUAL_BLOCK 64

static int64_t wippyli_memory_bytes(lua_State *L)
{
    wippy_runtime_info info;
    memset(&info, 0, sizeof(info));
    (void)wippy_runtime_stats(wippyli_system_rt(L), &info);
    return info.memory_bytes > 0 ? (int64_t)info.memory_bytes : 1;
}

static int64_t wippyli_heap_objects(lua_State *L)
{
    return wippyli_memory_bytes(L) / WIPPYLI_USUAL_BLOCK + 1;
}

static int wippyli_memory_stats(lua_State *L)
{
    static const char *const bytes[] = {"alloc",      "total_alloc", "sys",
                                        "heap_alloc", "heap_in_use", "heap_sys"};
    static const char *const zeros[] = {"heap_idle", "heap_released", "num_gc",
                                        "next_gc",   "stack_in_use",  "stack_sys"};
    if (!wippyli_system_may(L, "system.read", "memory")) {
        return 2;
    }
    int64_t held = wippyli_memory_bytes(L);
    lua_createtable(L, 0, 16);
    for (size_t i = 0; i < WIPPYLI_COUNT(bytes); i++) {
        wippyli_field_integer(L, bytes[i], held);
    }
    for (size_t i = 0; i < WIPPYLI_COUNT(zeros); i++) {
        wippyli_field_integer(L, zeros[i], 0);
    }
    wippyli_field_integer(L, "heap_objects", wippyli_heap_objects(L));
    return 1;
}

static int wippyli_memory_allocated(lua_State *L)
{
    return wippyli_system_may(L, "system.read", "memory")
               ? wippyli_answer_integer(L, wippyli_memory_bytes(L))
               : 2;
}

static int wippyli_memory_heap_objects(lua_State *L)
{
    return wippyli_system_may(L, "system.read", "memory")
               ? wippyli_answer_integer(L, wippyli_heap_objects(L))
               : 2;
}

/* Exchange a kept number, push what it was. */
static int wippyli_kept_set(lua_State *L, int64_t *place, int64_t value)
{
    wippyli_common *common = wippyli_common_of(L);
    wippyli_lock_take(&common->lock);
    int64_t before = *place;
    *place = value;
    wippyli_lock_drop(&common->lock);
    return wippyli_answer_integer(L, before);
}

static int wippyli_kept_get(lua_State *L, const int64_t *place)
{
    wippyli_common *common = wippyli_common_of(L);
    wippyli_lock_take(&common->lock);
    int64_t value = *place;
    wippyli_lock_drop(&common->lock);
    return wippyli_answer_integer(L, value);
}

static int wippyli_memory_set_limit(lua_State *L)
{
    lua_Integer limit = luaL_checkinteger(L, 1);
    if (limit < 0) {
        return wippyli_fail(L, "Invalid", "memory limit must not be negative");
    }
    if (!wippyli_system_may(L, "system.control", "memory_limit")) {
        return 2;
    }
    return wippyli_kept_set(L, &wippyli_common_of(L)->memory_limit, (int64_t)limit);
}

static int wippyli_memory_get_limit(lua_State *L)
{
    return wippyli_system_may(L, "system.read", "memory_limit")
               ? wippyli_kept_get(L, &wippyli_common_of(L)->memory_limit)
               : 2;
}

/* ------------------------------------------------------------------ gc */

static int wippyli_gc_collect(lua_State *L)
{
    if (!wippyli_system_may(L, "system.gc", "gc")) {
        return 2;
    }
    lua_gc(L, LUA_GCCOLLECT);
    lua_pushboolean(L, 1);
    return 1;
}

static int wippyli_gc_set_percent(lua_State *L)
{
    lua_Integer percent = luaL_checkinteger(L, 1);
    return wippyli_system_may(L, "system.gc", "gc_percent")
               ? wippyli_kept_set(L, &wippyli_common_of(L)->gc_percent, (int64_t)percent)
               : 2;
}

static int wippyli_gc_get_percent(lua_State *L)
{
    return wippyli_system_may(L, "system.read", "gc_percent")
               ? wippyli_kept_get(L, &wippyli_common_of(L)->gc_percent)
               : 2;
}

/* ------------------------------------------------------------------ runtime */

static int wippyli_runtime_goroutines(lua_State *L)
{
    wippy_runtime_info info;
    if (!wippyli_system_may(L, "system.read", "goroutines")) {
        return 2;
    }
    memset(&info, 0, sizeof(info));
    (void)wippy_runtime_stats(wippyli_system_rt(L), &info);
    return wippyli_answer_integer(L, (int64_t)info.processes + (int64_t)info.threads + 1);
}

static int wippyli_runtime_cpu_count(lua_State *L)
{
    return wippyli_system_may(L, "system.read", "cpu")
               ? wippyli_answer_integer(L, (int64_t)wippyli_machine_cpus())
               : 2;
}

static int wippyli_runtime_max_procs(lua_State *L)
{
    wippyli_common *common = wippyli_common_of(L);
    bool sets = !lua_isnoneornil(L, 1);
    lua_Integer wanted = sets ? luaL_checkinteger(L, 1) : 1;
    if (wanted <= 0) {
        return wippyli_fail(L, "Invalid", "max_procs must be positive");
    }
    if (!wippyli_system_may(L, sets ? "system.control" : "system.read", "gomaxprocs")) {
        return 2;
    }
    if (sets) {
        wippyli_kept_set(L, &common->max_procs, (int64_t)wanted);
    } else {
        wippyli_kept_get(L, &common->max_procs);
    }
    if (lua_tointeger(L, -1) == 0) { /* never told */
        return wippyli_answer_integer(L, (int64_t)wippyli_machine_cpus());
    }
    return 1;
}

/* ------------------------------------------------------------------ process */

static int wippyli_system_pid(lua_State *L)
{
    return wippyli_system_may(L, "system.read", "pid")
               ? wippyli_answer_integer(L, wippyli_machine_pid())
               : 2;
}

static int wippyli_answer_text(lua_State *L, const char *what, bool (*get)(char *, size_t))
{
    char text[4096];
    if (!wippyli_system_may(L, "system.read", what)) {
        return 2;
    }
    if (!get(text, sizeof(text))) {
        return wippyli_fail(L, "Internal", "%s is not available", what);
    }
    lua_pushstring(L, text);
    return 1;
}

static int wippyli_system_hostname(lua_State *L)
{
    return wippyli_answer_text(L, "hostname", wippyli_machine_host_name);
}

static int wippyli_system_cwd(lua_State *L)
{
    return wippyli_answer_text(L, "cwd", wippyli_machine_directory);
}

/* ------------------------------------------------------------------ hosts */

static int wippyli_hosts_list(lua_State *L)
{
    wippy_runtime *rt = wippyli_system_rt(L);
    if (!wippyli_system_may(L, "system.read", "hosts")) {
        return 2;
    }
    size_t room = wippy_hosts(rt, NULL, 0);
    wippy_host *hosts = (wippy_host *)lua_newuserdatauv(L, (room + 1) * sizeof(wippy_host), 0);
    size_t count = wippy_hosts(rt, hosts, room);
    lua_Integer shown = 0;
    lua_createtable(L, (int)room, 0);
    for (size_t i = 0; i < count && i < room; i++) {
        wippy_host_info info;
        if (wippy_host_stats(rt, hosts[i], &info) != WIPPY_OK) {
            continue;
        }
        lua_createtable(L, 0, 7);
        wippyli_field_text(L, "id", info.name);
        wippyli_field_integer(L, "workers", (int64_t)info.workers);
        wippyli_field_integer(L, "processes", (int64_t)info.processes);
        wippyli_field_integer(L, "executed", (int64_t)info.executed);
        wippyli_field_integer(L, "stolen", (int64_t)info.stolen);
        wippyli_field_integer(L, "queue_depth", (int64_t)info.queue_depth);
        wippyli_field_integer(L, "stuck_ended", (int64_t)info.stuck_ended);
        lua_rawseti(L, -2, ++shown);
    }
    return 1;
}

/* Push what is known of a process. */
static void wippyli_process_table(lua_State *L, const wippy_process_info *info)
{
    lua_createtable(L, 0, 9);
    wippyli_push_pid(L, info->pid);
    lua_setfield(L, -2, "pid");
    wippyli_field_text(L, "host", wippy_host_name(wippyli_system_rt(L), info->host));
    wippyli_field_text(L, "source", info->entry_room);
    wippyli_field_text(L, "state", info->state);
    wippyli_field_integer(L, "steps", (int64_t)info->steps);
    wippyli_field_integer(L, "started_at", info->started_wall_ns);
    wippyli_field_integer(L, "memory", (int64_t)info->memory_bytes);
    if (info->parent.id != 0) {
        wippyli_push_pid(L, info->parent);
        lua_setfield(L, -2, "parent");
    }
    if (info->actor_room[0]) {
        wippyli_field_text(L, "actor_id", info->actor_room);
    }
}

static int wippyli_hosts_processes(lua_State *L)
{
    wippy_runtime *rt = wippyli_system_rt(L);
    wippy_host host = {0};
    const char *name = luaL_checkstring(L, 1);
    if (!wippyli_system_may(L, "system.read", "processes")) {
        return 2;
    }
    if (wippy_host_find(rt, name, &host) != WIPPY_OK) {
        return wippyli_fail(L, "NotFound", "host not found");
    }
    size_t room = wippy_processes(rt, host, NULL, 0) + 16;
    wippy_pid *pids = (wippy_pid *)lua_newuserdatauv(L, room * sizeof(wippy_pid), 0);
    size_t count = wippy_processes(rt, host, pids, room);
    lua_Integer shown = 0;
    lua_createtable(L, (int)count, 0);
    for (size_t i = 0; i < count && i < room; i++) {
        wippy_process_info info;
        if (wippy_process_stats(rt, pids[i], &info) == WIPPY_OK) { /* else it ended meanwhile */
            wippyli_process_table(L, &info);
            lua_rawseti(L, -2, ++shown);
        }
    }
    return 1;
}

/* ------------------------------------------------------------------ supervisor */

static void wippyli_service_table(lua_State *L, const wippy_service_info *info)
{
    lua_createtable(L, 0, 7);
    wippyli_field_text(L, "id", info->id);
    wippyli_field_text(L, "status", wippy_service_status_name(info->status));
    wippyli_field_text(L, "desired", wippy_service_status_name(info->desired));
    wippyli_field_integer(L, "retry_count", (int64_t)info->retry_count);
    wippyli_field_integer(L, "last_update", info->last_update_wall_ns);
    wippyli_field_integer(L, "started_at", info->started_wall_ns);
    wippyli_field_text(L, "details", info->details);
}

static int wippyli_supervisor_state(lua_State *L)
{
    wippy_service_info info;
    const char *id = luaL_checkstring(L, 1);
    if (!wippyli_system_may(L, "system.read", "supervisor")) {
        return 2;
    }
    if (wippy_service_state(wippyli_system_rt(L), id, &info) != WIPPY_OK) {
        return wippyli_fail(L, "NotFound", "service not found: %s", id);
    }
    wippyli_service_table(L, &info);
    return 1;
}

static int wippyli_supervisor_states(lua_State *L)
{
    wippy_runtime *rt = wippyli_system_rt(L);
    if (!wippyli_system_may(L, "system.read", "supervisor")) {
        return 2;
    }
    size_t room = wippy_service_states(rt, NULL, 0);
    wippy_service_info *infos =
        (wippy_service_info *)lua_newuserdatauv(L, (room + 1) * sizeof(wippy_service_info), 0);
    size_t count = wippy_service_states(rt, infos, room);
    lua_createtable(L, (int)room, 0);
    for (size_t i = 0; i < count && i < room; i++) {
        wippyli_service_table(L, &infos[i]);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    return 1;
}

/* ------------------------------------------------------------------ tables */

#define WIPPYLI_SYSTEM_TABLE(name, count, ...)                                                  \
    static int wippyli_system_make_##name(lua_State *L)                                         \
    {                                                                                           \
        static const wippyli_entry entries[] = {__VA_ARGS__};                                   \
        static const wippyli_library library = {"system." #name, entries, (count), NULL, NULL}; \
        wippyli_library_push(L, &library);                                                      \
        return 1;                                                                               \
    }

WIPPYLI_SYSTEM_TABLE(memory, 5, {"allocated", wippyli_memory_allocated, 0, NULL},
                     {"get_limit", wippyli_memory_get_limit, 0, NULL},
                     {"heap_objects", wippyli_memory_heap_objects, 0, NULL},
                     {"set_limit", wippyli_memory_set_limit, 0, NULL},
                     {"stats", wippyli_memory_stats, 0, NULL})
WIPPYLI_SYSTEM_TABLE(gc, 3, {"collect", wippyli_gc_collect, 0, NULL},
                     {"get_percent", wippyli_gc_get_percent, 0, NULL},
                     {"set_percent", wippyli_gc_set_percent, 0, NULL})
WIPPYLI_SYSTEM_TABLE(runtime, 3, {"cpu_count", wippyli_runtime_cpu_count, 0, NULL},
                     {"goroutines", wippyli_runtime_goroutines, 0, NULL},
                     {"max_procs", wippyli_runtime_max_procs, 0, NULL})
WIPPYLI_SYSTEM_TABLE(process, 3, {"cwd", wippyli_system_cwd, 0, NULL},
                     {"hostname", wippyli_system_hostname, 0, NULL},
                     {"pid", wippyli_system_pid, 0, NULL})
WIPPYLI_SYSTEM_TABLE(hosts, 2, {"list", wippyli_hosts_list, 0, NULL},
                     {"processes", wippyli_hosts_processes, 0, NULL})
WIPPYLI_SYSTEM_TABLE(supervisor, 2, {"state", wippyli_supervisor_state, 0, NULL},
                     {"states", wippyli_supervisor_states, 0, NULL})

#undef WIPPYLI_SYSTEM_TABLE

WIPPYLI_FN const wippyli_library *wippyli_mod_system(void)
{
    static const wippyli_entry entries[] = {
        {"exit", wippyli_system_exit, 0, NULL},
        {"gc", wippyli_system_make_gc, WIPPYLI_MAKE, NULL},
        {"hosts", wippyli_system_make_hosts, WIPPYLI_MAKE, NULL},
        {"memory", wippyli_system_make_memory, WIPPYLI_MAKE, NULL},
        {"modules", wippyli_system_modules, 0, NULL},
        {"process", wippyli_system_make_process, WIPPYLI_MAKE, NULL},
        {"runtime", wippyli_system_make_runtime, WIPPYLI_MAKE, NULL},
        {"supervisor", wippyli_system_make_supervisor, WIPPYLI_MAKE, NULL},
    };
    static const wippyli_library library = {"system", entries, (uint32_t)WIPPYLI_COUNT(entries),
                                            NULL, NULL};
    return &library;
}
