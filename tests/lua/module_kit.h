/* ========================================================================== >>module_kit
   For tests of the modules: runs a program that was granted modules and compares what it prints with
   t.out() and how it ends. Log lines are kept as text. Time passes: a pump waits for timers.

       module_program("time", "t.out(time.utc:string())", "UTC\n");

   A module_setup chooses the host and the limits; module_program() uses a pump host. */
#ifndef WIPPY_MODULE_KIT_H
#define WIPPY_MODULE_KIT_H

#include "lua_kit.h"

typedef struct module_kit {
    lua_kit lua; /* first: user data of the module `t` and of the host */
    char log[8192];
    size_t log_size;
    wippy_pid pid;
} module_kit;

typedef struct module_setup {
    wippy_host_kind host;
    wippy_log_level level;
    bool no_log;
    size_t memory_limit;
    wippy_lua_desc bridge;
} module_setup;

static inline void module_setup_init(module_setup *setup)
{
    memset(setup, 0, sizeof(*setup));
    setup->host = WIPPY_HOST_PUMP;
}

static inline void module_log(const wippy_log_record *record, void *user_data)
{
    static const char *const levels[] = {"debug", "info", "warn", "error"};
    module_kit *kit = (module_kit *)user_data;
    char fields[1024];
    fields[0] = 0;
    if (record->fields.size > 0) {
        wippy_value_to_text(record->fields, fields, sizeof(fields));
    }
    int size =
        snprintf(kit->log + kit->log_size, sizeof(kit->log) - kit->log_size, "%s [%s] %s %s\n",
                 levels[record->level], record->logger, record->message, fields);
    if (size > 0 && (size_t)size < sizeof(kit->log) - kit->log_size) {
#if defined(__GNUC__)
        __atomic_store_n(&kit->log_size, kit->log_size + (size_t)size, __ATOMIC_RELEASE);
#else
        kit->log_size += (size_t)size;
#endif
    }
}

static inline void module_kit_host(module_kit *kit, const module_setup *setup)
{
    wippy_host_desc host;
    memset(&host, 0, sizeof(host));
    host.name = setup->host == WIPPY_HOST_TERMINAL ? "app:terminal" : "app:processes";
    host.kind = setup->host;
    host.workers = setup->host == WIPPY_HOST_POOL ? 2 : 0;
    host.memory_limit = setup->memory_limit;
    host.exit_fn = lua_kit_exit;
    host.user_data = &kit->lua;
    CHECK_EQ_INT(wippy_host_create(kit->lua.rt, &host, &kit->lua.host), WIPPY_OK);
}

static inline void module_kit_open(module_kit *kit, const module_setup *setup)
{
    static const wippy_lua_function functions[] = {{"out", lua_kit_out}, {"nap", lua_kit_nap}};
    wippy_desc desc;
    wippy_lua_module_desc module;
    memset(kit, 0, sizeof(*kit));
    memset(&desc, 0, sizeof(desc));
    memset(&module, 0, sizeof(module));
    test_heap_init(&kit->lua.heap);
    desc.allocator.alloc_fn = test_alloc_fn;
    desc.allocator.free_fn = test_free_fn;
    desc.allocator.user_data = &kit->lua.heap;
    desc.log_fn = setup->no_log ? NULL : module_log;
    desc.log_user_data = kit;
    desc.log_level = setup->level;
    desc.random_seed = 1;
    REQUIRE(wippy_create(&kit->lua.rt, &desc) == WIPPY_OK);
    CHECK_EQ_INT(wippy_lua_open(kit->lua.rt, &setup->bridge), WIPPY_OK);
    module.name = "t";
    module.functions = functions;
    module.function_count = 2;
    module.user_data = kit;
    CHECK_EQ_INT(wippy_lua_module(kit->lua.rt, &module), WIPPY_OK);
    module_kit_host(kit, setup);
    CHECK_EQ_INT(wippy_type_find(kit->lua.rt, WIPPY_LUA_TYPE, &kit->lua.type), WIPPY_OK);
}

static inline void module_write_modules(wippy_writer *writer, const char *modules)
{
    wippy_write_array(writer, 0);
    wippy_write_cstring(writer, "t");
    while (*modules) {
        size_t size = strcspn(modules, " ");
        wippy_write_string(writer, modules, size);
        modules += size + (modules[size] == ' ' ? 1 : 0);
    }
    wippy_write_end(writer);
}

/* Start `body` as the body of main; modules: names with blanks between. Arguments: `argument` when
   not NULL. The pid is zero when it cannot start. */
static inline void module_try(module_kit *kit, const char *modules, const char *body,
                              const char *argument)
{
    wippy_writer writer;
    wippy_slice encoded = {NULL, 0};
    wippy_spawn_desc desc;
    size_t room = strlen(body) + 64;
    char *source = (char *)malloc(room);
    snprintf(source, room, "return function(...) %s\nend", body);
    wippy_writer_init(&writer, kit->lua.rt);
    wippy_write_map(&writer, 0);
    wippy_write_cstring(&writer, "name");
    wippy_write_cstring(&writer, "app:test");
    wippy_write_cstring(&writer, "source");
    wippy_write_cstring(&writer, source);
    wippy_write_cstring(&writer, "modules");
    module_write_modules(&writer, modules);
    wippy_write_end(&writer);
    wippy_write_cstring(&writer, argument);
    wippy_result written = wippy_writer_finish(&writer, &encoded);
    memset(&desc, 0, sizeof(desc));
    memset(&kit->lua.diag, 0, sizeof(kit->lua.diag));
    desc.type = kit->lua.type;
    desc.host = kit->lua.host;
    desc.data = encoded.data;
    desc.size = encoded.size;
    desc.count = argument ? 2 : 1;
    kit->pid.id = 0;
    if (written != WIPPY_OK ||
        wippy_spawn(wippy_outside(kit->lua.rt), &desc, &kit->pid, &kit->lua.diag) != WIPPY_OK) {
        kit->pid.id = 0;
    }
    wippy_writer_free(&writer);
    free(source);
}

static inline void module_start(module_kit *kit, const char *modules, const char *body,
                                const char *argument)
{
    module_try(kit, modules, body, argument);
    if (kit->pid.id == 0) {
        FAIL("not started: %s", kit->lua.diag.message);
    }
}

static inline bool module_ended(void *arg)
{
    module_kit *kit = (module_kit *)arg;
    wippy_pump(kit->lua.rt, kit->lua.host, UINT64_MAX, 0); /* Invalid when it is no pump host */
    return !wippy_alive(kit->lua.rt, kit->pid);
}

/* Run until the process has ended. What it left is there after module_close(). */
static inline void module_wait(module_kit *kit)
{
    CHECK_WAIT(module_ended, kit, 20000);
}

static inline void module_close(module_kit *kit)
{
    lua_kit_close(&kit->lua);
}

/* Run `body`; it must print `expected` and end well. */
static inline void module_program_at(const char *file, int line, const char *modules,
                                     const char *body, const char *expected)
{
    module_kit *kit = (module_kit *)malloc(sizeof(*kit));
    module_setup setup;
    module_setup_init(&setup);
    module_kit_open(kit, &setup);
    module_start(kit, modules, body, NULL);
    module_wait(kit);
    module_close(kit);
    if (strcmp(kit->lua.out, expected) != 0 || kit->lua.last_result != WIPPY_OK) {
        FAIL("%s:%d", file, line);
        printf("%s\n  printed  %s\n  expected %s\n  ended with %s\n", body, kit->lua.out, expected,
               kit->lua.last_value);
    }
    free(kit);
}

#define module_program(modules, body, expected) \
    module_program_at(__FILE__, __LINE__, modules, body, expected)

#endif /* WIPPY_MODULE_KIT_H */
