/* ========================================================================== >>lua_kit
   For tests of Lua processes: a runtime with a pump host, the bridge, and a module `t` through which
   the programs under test say what they see.

       lua_kit kit;
       lua_kit_open(&kit, NULL);
       lua_kit_run(&kit, "t.out(1 + 1)");               the body of main(...), modules = {"t"}
       CHECK_STR(kit.out, "2\n");
       lua_kit_close(&kit);

   t.out(...)  appends tostring of its arguments, blanks between, and a newline.
   t.nap()     waits for a yield that lua_kit_wake() completes; answers the value given there. */
#ifndef WIPPY_LUA_KIT_H
#define WIPPY_LUA_KIT_H

#include "wippy.h"
#include "wippy_lua.h"
#include "test.h"

#ifdef __cplusplus
extern "C" {
#endif
#include <lua.h>
#include <lauxlib.h>
#ifdef __cplusplus
}
#endif

#define LUA_KIT_NAPS 64

typedef struct lua_kit {
    unsigned lock; /* workers call exit_fn and t.out side by side */
    wippy_runtime *rt;
    wippy_host host;
    wippy_type type;
    test_heap heap;
    char out[16384];
    size_t out_size;
    unsigned exits;           /* processes that ended */
    wippy_pid last_pid;       /* of them */
    wippy_result last_result;
    char last_value[1024];    /* result or error as text */
    wippy_token naps[LUA_KIT_NAPS];
    unsigned nap_count;
    wippy_diag diag;          /* of the last spawn */
} lua_kit;

static inline void lua_kit_lock(lua_kit *kit)
{
    while (TEST_ATOMIC_ADD(&kit->lock, 1u) != 0) {
        TEST_ATOMIC_SUB(&kit->lock, 1u);
    }
}

static inline void lua_kit_unlock(lua_kit *kit)
{
    TEST_ATOMIC_SUB(&kit->lock, 1u);
}

static inline void lua_kit_text(lua_kit *kit, const char *text, size_t size)
{
    lua_kit_lock(kit);
    if (size < sizeof(kit->out) - kit->out_size) {
        memcpy(kit->out + kit->out_size, text, size);
        kit->out_size += size;
        kit->out[kit->out_size] = 0;
    }
    lua_kit_unlock(kit);
}

static inline int lua_kit_out(lua_State *L)
{
    lua_kit *kit = (lua_kit *)wippy_lua_user_data(L, "t");
    int top = lua_gettop(L);
    for (int i = 1; i <= top; i++) {
        size_t size;
        const char *text = luaL_tolstring(L, i, &size);
        lua_kit_text(kit, text, size);
        lua_kit_text(kit, " ", i < top ? 1 : 0);
    }
    lua_kit_text(kit, "\n", 1);
    return 0;
}

static inline int lua_kit_napped(lua_State *L, const wippy_mail *mail, void *arg)
{
    (void)arg;
    return wippy_lua_decode(L, wippy_mail_data(mail), mail->size, mail->count);
}

static inline int lua_kit_nap(lua_State *L)
{
    lua_kit *kit = (lua_kit *)wippy_lua_user_data(L, "t");
    uint64_t tag = wippy_lua_wait_tag(L, "t.nap");
    wippy_result result = wippy_open(wippy_lua_self(L), tag, &kit->naps[kit->nap_count]);
    if (result != WIPPY_PENDING) {
        return wippy_lua_fail(L, result);
    }
    kit->nap_count++;
    return wippy_lua_wait(L, lua_kit_napped, NULL);
}

static inline void lua_kit_exit(wippy_runtime *rt, const wippy_exit_info *info, void *user_data)
{
    lua_kit *kit = (lua_kit *)user_data;
    (void)rt;
    lua_kit_lock(kit);
    kit->last_pid = info->pid;
    kit->last_result = info->result;
    kit->last_value[0] = 0;
    if (info->value.size > 0) {
        wippy_value_to_text(info->value, kit->last_value, sizeof(kit->last_value));
    }
    lua_kit_unlock(kit);
    TEST_ATOMIC_ADD(&kit->exits, 1u);
}

static inline void lua_kit_log(const wippy_log_record *record, void *user_data)
{
    (void)user_data;
    if (record->level >= WIPPY_LOG_WARN && getenv("TEST_LOG")) {
        printf("log: %s\n", record->message);
    }
}

static inline void lua_kit_open_full(lua_kit *kit, const wippy_lua_desc *lua, wippy_host_kind kind,
                                     size_t memory_limit)
{
    static const wippy_lua_function functions[] = {{"out", lua_kit_out}, {"nap", lua_kit_nap}};
    wippy_desc desc;
    wippy_host_desc host;
    wippy_lua_module_desc module;
    memset(kit, 0, sizeof(*kit));
    memset(&desc, 0, sizeof(desc));
    memset(&host, 0, sizeof(host));
    memset(&module, 0, sizeof(module));
    test_heap_init(&kit->heap);
    desc.allocator.alloc_fn = test_alloc_fn;
    desc.allocator.free_fn = test_free_fn;
    desc.allocator.user_data = &kit->heap;
    desc.log_fn = lua_kit_log;
    desc.random_seed = 1;
    CHECK_EQ_INT(wippy_create(&kit->rt, &desc), WIPPY_OK);
    CHECK_EQ_INT(wippy_lua_open(kit->rt, lua), WIPPY_OK);
    module.name = "t";
    module.functions = functions;
    module.function_count = 2;
    module.user_data = kit;
    CHECK_EQ_INT(wippy_lua_module(kit->rt, &module), WIPPY_OK);
    host.name = "app:processes";
    host.kind = kind;
    host.workers = 2;
    host.memory_limit = memory_limit;
    host.exit_fn = lua_kit_exit;
    host.user_data = kit;
    CHECK_EQ_INT(wippy_host_create(kit->rt, &host, &kit->host), WIPPY_OK);
    CHECK_EQ_INT(wippy_type_find(kit->rt, WIPPY_LUA_TYPE, &kit->type), WIPPY_OK);
}

static inline void lua_kit_open(lua_kit *kit, const wippy_lua_desc *lua)
{
    lua_kit_open_full(kit, lua, WIPPY_HOST_PUMP, 0);
}

static inline void lua_kit_close(lua_kit *kit)
{
    CHECK_EQ_INT(wippy_destroy(kit->rt), WIPPY_OK);
    CHECK_BALANCED(&kit->heap);
}

static inline void lua_kit_pump(lua_kit *kit)
{
    while (wippy_pump(kit->rt, kit->host, UINT64_MAX, 0) == WIPPY_PENDING) {
    }
}

/* Start the chunk `source`; the pid is zero when it could not start, see kit->diag. */
static inline wippy_pid lua_kit_spawn(lua_kit *kit, const char *source)
{
    wippy_writer writer;
    wippy_slice encoded;
    wippy_spawn_desc desc;
    wippy_pid pid = {0};
    wippy_writer_init(&writer, kit->rt);
    wippy_write_map(&writer, 0);
    wippy_write_cstring(&writer, "name");
    wippy_write_cstring(&writer, "app:test");
    wippy_write_cstring(&writer, "source");
    wippy_write_cstring(&writer, source);
    wippy_write_cstring(&writer, "modules");
    wippy_write_array(&writer, 1);
    wippy_write_cstring(&writer, "t");
    wippy_write_end(&writer);
    wippy_write_end(&writer);
    wippy_writer_finish(&writer, &encoded);
    memset(&desc, 0, sizeof(desc));
    memset(&kit->diag, 0, sizeof(kit->diag));
    desc.type = kit->type;
    desc.host = kit->host;
    desc.data = encoded.data;
    desc.size = encoded.size;
    desc.count = 1;
    wippy_spawn(wippy_outside(kit->rt), &desc, &pid, &kit->diag);
    wippy_writer_free(&writer);
    return pid;
}

/* Start `body` as the body of main and run until nothing moves. */
static inline wippy_pid lua_kit_run(lua_kit *kit, const char *body)
{
    size_t size = strlen(body) + 64;
    char *source = (char *)malloc(size);
    snprintf(source, size, "return function(...) %s\nend", body);
    wippy_pid pid = lua_kit_spawn(kit, source);
    free(source);
    if (pid.id == 0) {
        FAIL("not started: %s", kit->diag.message);
    }
    lua_kit_pump(kit);
    return pid;
}

/* Complete nap number `nap` with an integer, and run. */
static inline void lua_kit_wake(lua_kit *kit, unsigned nap, int64_t value)
{
    wippy_writer writer;
    wippy_slice encoded;
    wippy_writer_init(&writer, kit->rt);
    wippy_write_int(&writer, value);
    wippy_writer_finish(&writer, &encoded);
    CHECK_EQ_INT(wippy_complete(kit->rt, kit->naps[nap], WIPPY_OK, encoded.data, encoded.size, 1),
                 WIPPY_OK);
    wippy_writer_free(&writer);
    lua_kit_pump(kit);
}

/* Send one string value under a topic from outside, and do not run. */
static inline wippy_result lua_kit_send(lua_kit *kit, wippy_pid to, const char *topic,
                                        const char *text)
{
    wippy_writer writer;
    wippy_slice encoded;
    wippy_message message;
    wippy_writer_init(&writer, kit->rt);
    wippy_write_cstring(&writer, text);
    wippy_writer_finish(&writer, &encoded);
    memset(&message, 0, sizeof(message));
    message.topic_name = topic;
    message.data = encoded.data;
    message.size = encoded.size;
    message.count = 1;
    wippy_result result = wippy_send_message(wippy_outside(kit->rt), to, &message);
    wippy_writer_free(&writer);
    return result;
}

#endif /* WIPPY_LUA_KIT_H */
