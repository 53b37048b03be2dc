/* ========================================================================== >>test_embed
   The functions of wippy_lua.h as a program calls them that brings its own modules and limits. */
#include "lua_kit.h"

/* ------------------------------------------------------------------ opening */

static wippy_runtime *bare_runtime(test_heap *heap)
{
    wippy_desc desc;
    wippy_runtime *rt = NULL;
    memset(&desc, 0, sizeof(desc));
    test_heap_init(heap);
    desc.allocator.alloc_fn = test_alloc_fn;
    desc.allocator.free_fn = test_free_fn;
    desc.allocator.user_data = heap;
    CHECK_EQ_INT(wippy_create(&rt, &desc), WIPPY_OK);
    return rt;
}

static int nothing(lua_State *L)
{
    (void)L;
    return 0;
}

static int open_seven(lua_State *L)
{
    lua_pushinteger(L, 7);
    return 1;
}

/* Run `body`, which has no single quotes, as main of an entry with these modules. */
static void run_with(lua_kit *kit, const char *modules, const char *body)
{
    char text[2048];
    wippy_spawn_desc desc;
    wippy_pid pid;
    int size = snprintf(text, sizeof(text),
                        "namespace: app\nentries:\n  - {name: main, kind: process.lua, method: main, "
                        "modules: [t, %s], source: 'return {main = function() %s end}'}\n",
                        modules, body);
    memset(&desc, 0, sizeof(desc));
    desc.entry = "app:main";
    desc.host = kit->host;
    CHECK_EQ_INT(wippy_load_text(kit->rt, "test", text, (size_t)size, &kit->diag), WIPPY_OK);
    CHECK_EQ_INT(wippy_spawn(wippy_outside(kit->rt), &desc, &pid, &kit->diag), WIPPY_OK);
    lua_kit_pump(kit);
}

/* A kit with the module `own`. */
static void open_with_own(lua_kit *kit, const wippy_lua_function *functions, uint32_t count)
{
    wippy_lua_module_desc module;
    lua_kit_open(kit, NULL);
    memset(&module, 0, sizeof(module));
    module.name = "own";
    module.functions = functions;
    module.function_count = count;
    CHECK_EQ_INT(wippy_lua_module(kit->rt, &module), WIPPY_OK);
}

TEST(test_embed_open_refuses_what_it_cannot_do)
{
    test_heap heap;
    wippy_lua_desc desc;
    wippy_lua_module_desc module;
    wippy_type type;
    wippy_runtime *rt = bare_runtime(&heap);
    memset(&desc, 0, sizeof(desc));
    memset(&module, 0, sizeof(module));
    module.name = "early";
    module.open = open_seven;
    CHECK_EQ_INT(wippy_lua_module(rt, &module), WIPPY_ERR_NOTFOUND);
    desc.slice_instructions = UINT32_C(0x80000000);
    CHECK_EQ_INT(wippy_lua_open(rt, &desc), WIPPY_ERR_INVALID);
    desc.slice_instructions = 0;
    desc.hook_always = desc.hook_never = true;
    CHECK_EQ_INT(wippy_lua_open(rt, &desc), WIPPY_ERR_INVALID);
    CHECK_EQ_INT(wippy_type_find(rt, WIPPY_LUA_TYPE, &type), WIPPY_ERR_NOTFOUND);
    desc.hook_always = false;
    desc.slice_instructions = 0x7fffffff;
    CHECK_EQ_INT(wippy_lua_open(rt, &desc), WIPPY_OK);
    CHECK_EQ_INT(wippy_lua_open(rt, &desc), WIPPY_ERR_EXISTS);
    CHECK_EQ_INT(wippy_lua_module(rt, &module), WIPPY_OK);
    CHECK_EQ_INT(wippy_destroy(rt), WIPPY_OK);
    CHECK_BALANCED(&heap);
}

static int who_am_i(lua_State *L)
{
    const char *mine = (const char *)wippy_lua_user_data(L, "own");
    lua_pushstring(L, mine);
    lua_pushboolean(L, wippy_lua_user_data(L, "nobody") == NULL);
    return 2;
}

TEST(test_embed_modules)
{
    static const wippy_lua_function functions[] = {{"who", who_am_i}, {"nothing", nothing}};
    static char text[] = "user data";
    wippy_lua_module_desc module, seven;
    lua_kit kit;
    lua_kit_open(&kit, NULL);
    memset(&module, 0, sizeof(module));
    memset(&seven, 0, sizeof(seven));
    CHECK_EQ_INT(wippy_lua_module(kit.rt, NULL), WIPPY_ERR_INVALID);
    module.functions = functions;
    module.function_count = 2;
    module.user_data = text;
    CHECK_EQ_INT(wippy_lua_module(kit.rt, &module), WIPPY_ERR_INVALID); /* no name */
    module.name = "";
    CHECK_EQ_INT(wippy_lua_module(kit.rt, &module), WIPPY_ERR_INVALID);
    module.name = "own";
    module.open = open_seven;
    CHECK_EQ_INT(wippy_lua_module(kit.rt, &module), WIPPY_ERR_INVALID); /* both */
    seven.name = "uuid"; /* instead of the bridge's own */
    CHECK_EQ_INT(wippy_lua_module(kit.rt, &seven), WIPPY_ERR_INVALID); /* neither */
    seven.open = open_seven;
    module.open = NULL;
    CHECK_EQ_INT(wippy_lua_module(kit.rt, &module), WIPPY_OK);
    CHECK_EQ_INT(wippy_lua_module(kit.rt, &module), WIPPY_ERR_EXISTS);
    CHECK_EQ_INT(wippy_lua_module(kit.rt, &seven), WIPPY_OK);
    run_with(&kit, "own, uuid", "t.out(own.who()) t.out(uuid, require(\"own\") == own)");
    CHECK_STR(kit.out, "user data true\n7 true\n");
    lua_kit_close(&kit);
}

/* There is room for some; who comes too late is refused, and the others are there. */
TEST(test_embed_modules_without_end)
{
    wippy_lua_module_desc module;
    wippy_lua_desc desc;
    char name[32];
    int added = 0;
    wippy_result result = WIPPY_OK;
    lua_kit kit;
    memset(&desc, 0, sizeof(desc));
    desc.recycle_bytes = 100000;
    lua_kit_open(&kit, &desc);
    memset(&module, 0, sizeof(module));
    module.name = name;
    module.open = open_seven;
    while (result == WIPPY_OK && added < 10000) {
        snprintf(name, sizeof(name), "m%04d", added);
        result = wippy_lua_module(kit.rt, &module);
        added += result == WIPPY_OK ? 1 : 0;
    }
    CHECK_EQ_INT(result, WIPPY_ERR_LIMIT);
    CHECK(added > 10);
    for (int i = 0; i < 20; i++) { /* their memory is used again */
        kit.exits = 0;
        lua_kit_run(&kit, "local kept = {} for i = 1, 300 do kept[i] = {i} end return #kept");
        CHECK_STR(kit.last_value, "300");
    }
    run_with(&kit, "m0000", "t.out(m0000)");
    CHECK_STR(kit.out, "7\n");
    lua_kit_close(&kit);
}

/* ------------------------------------------------------------------ starting without an entry */

typedef struct start_try {
    const char *key, *value; /* of the map that describes the source; NULL = no map */
    const char *printed;
    const char *refused; /* what the diag says; NULL = it starts */
} start_try;

#define CHUNK "return {main = function(a) t.out('main', a) end, other = function(a) t.out('other', a) end}"

/* The first value is the map {source, modules: [t], key: value}, the second an argument. */
static void try_map(lua_kit *kit, const start_try *one)
{
    wippy_writer writer;
    wippy_slice encoded;
    wippy_spawn_desc desc;
    wippy_pid pid;
    memset(&desc, 0, sizeof(desc));
    wippy_writer_init(&writer, kit->rt);
    wippy_write_map(&writer, 0);
    wippy_write_cstring(&writer, "modules");
    wippy_write_array(&writer, 1);
    wippy_write_cstring(&writer, "t");
    wippy_write_end(&writer);
    if (strcmp(one->key, "source") != 0) {
        wippy_write_cstring(&writer, "source");
        wippy_write_cstring(&writer, CHUNK);
    }
    wippy_write_cstring(&writer, one->key);
    wippy_write_cstring(&writer, one->value);
    wippy_write_end(&writer);
    wippy_write_int(&writer, 5);
    CHECK_EQ_INT(wippy_writer_finish(&writer, &encoded), WIPPY_OK);
    desc.type = kit->type;
    desc.host = kit->host;
    desc.entry = "";
    desc.data = encoded.data;
    desc.size = encoded.size;
    desc.count = 2;
    kit->out_size = 0;
    kit->out[0] = 0;
    wippy_result result = wippy_spawn(wippy_outside(kit->rt), &desc, &pid, &kit->diag);
    lua_kit_pump(kit);
    wippy_writer_free(&writer);
    CHECK_EQ_INT(result == WIPPY_OK, one->refused == NULL);
    if (one->refused) {
        CHECK_HAS(kit->diag.message, one->refused);
    } else {
        CHECK_STR(kit->out, one->printed);
    }
}

TEST(test_embed_sources_without_an_entry)
{
    static const start_try tries[] = {
        {"name", "my:name", "main 5\n", NULL},
        {"method", "other", "other 5\n", NULL},
        {"method", "", "main 5\n", NULL},
        {"method", "absent", NULL, "method \"absent\" not found in module"},
        {"source", "return 5", NULL, "method \"main\" not found in module"},
        {"source", "return {", NULL, "failed to load script"},
        {"source", "error({})", NULL, "(error object is a table value)"},
        {"source", "error(errors.new('no start'))", NULL, "failed to execute script: no start"},
        {"source", "process.inbox():receive()", NULL, "failed to execute script"},
    };
    lua_kit kit;
    lua_kit_open(&kit, NULL);
    for (size_t i = 0; i < TEST_COUNT(tries); i++) {
        try_map(&kit, &tries[i]);
    }
    lua_kit_close(&kit);
}

static wippy_result try_bytes(lua_kit *kit, const void *data, size_t size, uint32_t count)
{
    wippy_spawn_desc desc;
    wippy_pid pid;
    memset(&desc, 0, sizeof(desc));
    desc.type = kit->type;
    desc.host = kit->host;
    desc.data = data;
    desc.size = size;
    desc.count = count;
    wippy_result result = wippy_spawn(wippy_outside(kit->rt), &desc, &pid, &kit->diag);
    lua_kit_pump(kit);
    return result;
}

TEST(test_embed_source_of_raw_bytes)
{
    static const char source[] = "return function(...) return select('#', ...) end";
    static const char map[] = "{}";
    wippy_writer writer;
    wippy_slice encoded;
    lua_kit kit;
    lua_kit_open(&kit, NULL);
    CHECK_EQ_INT(try_bytes(&kit, source, sizeof(source) - 1, 0), WIPPY_OK);
    CHECK_STR(kit.last_value, "0");
    CHECK_EQ_INT(try_bytes(&kit, map, sizeof(map) - 1, 0), WIPPY_ERR_INTERNAL); /* it is no Lua */
    CHECK_HAS(kit.diag.message, "failed to load script");
    wippy_writer_init(&writer, kit.rt);
    wippy_write_map(&writer, 0);
    wippy_write_end(&writer);
    CHECK_EQ_INT(wippy_writer_finish(&writer, &encoded), WIPPY_OK);
    CHECK_EQ_INT(try_bytes(&kit, encoded.data, encoded.size, 1), WIPPY_ERR_INTERNAL);
    CHECK_HAS(kit.diag.message, "no source");
    wippy_writer_free(&writer);
    lua_kit_close(&kit);
}

/* ------------------------------------------------------------------ limits */

/* How many blocks of 10,000 bytes a process gets. */
static int blocks_within(size_t of_bridge, size_t of_host)
{
    lua_kit kit;
    wippy_lua_desc desc;
    memset(&desc, 0, sizeof(desc));
    desc.memory_limit = of_bridge;
    lua_kit_open_full(&kit, &desc, WIPPY_HOST_PUMP, of_host);
    lua_kit_run(&kit, "local kept = {} for i = 1, 100 do kept[i] = ('x'):rep(9990) .. i t.out(i) end");
    int blocks = 0;
    for (const char *at = kit.out; *at; at++) {
        blocks += *at == '\n';
    }
    CHECK_EQ_INT(kit.last_result == WIPPY_OK, blocks == 100);
    if (blocks < 100) {
        CHECK_HAS(kit.last_value, "memory");
    }
    lua_kit_close(&kit);
    return blocks;
}

TEST(test_embed_the_smaller_memory_limit_holds)
{
    int narrow = blocks_within(0, 200000);
    CHECK(narrow >= 5 && narrow <= 20);
    CHECK_EQ_INT(blocks_within(200000, 0), narrow);
    CHECK_EQ_INT(blocks_within(200000, 800000), narrow);
    CHECK_EQ_INT(blocks_within(800000, 200000), narrow);
    CHECK_EQ_INT(blocks_within(0, 0), 100);
}

/* ------------------------------------------------------------------ hooks */

static bool is_running(void *arg)
{
    lua_kit *kit = (lua_kit *)arg;
    wippy_process_info info;
    return wippy_process_stats(kit->rt, kit->last_pid, &info) == WIPPY_OK &&
           strcmp(info.state, "running") == 0;
}

static bool is_gone(void *arg)
{
    lua_kit *kit = (lua_kit *)arg;
    return TEST_ATOMIC_LOAD(&kit->exits) > 0;
}

static bool has_answered(void *arg)
{
    lua_kit *kit = (lua_kit *)arg;
    lua_kit_lock(kit);
    bool answered = strstr(kit->out, "answered") != NULL;
    lua_kit_unlock(kit);
    return answered;
}

/* Without signals: others run beside a busy loop, and it ends when it is to. */
TEST(test_embed_hook_always_interrupts_on_a_pool)
{
    lua_kit kit;
    wippy_lua_desc desc;
    memset(&desc, 0, sizeof(desc));
    desc.hook_always = true;
    desc.slice_instructions = 1000;
    desc.slice_looks = 5;
    lua_kit_open_full(&kit, &desc, WIPPY_HOST_POOL, 0);
    wippy_pid one = lua_kit_spawn(&kit, "return function() while true do end end");
    wippy_pid two = lua_kit_spawn(&kit, "return function() while true do pcall(string.rep, 'x', 9) end end");
    wippy_pid three = lua_kit_spawn(&kit, "return function() process.inbox():receive() t.out('answered') "
                                          "process.inbox():receive() end");
    kit.last_pid = one;
    CHECK_WAIT(is_running, &kit, 20000);
    CHECK_EQ_INT(lua_kit_send(&kit, three, "wake", ""), WIPPY_OK);
    CHECK_WAIT(has_answered, &kit, 20000);
    CHECK_EQ_INT(wippy_terminate(wippy_outside(kit.rt), one), WIPPY_OK);
    CHECK_EQ_INT(wippy_terminate(wippy_outside(kit.rt), two), WIPPY_OK);
    CHECK_WAIT(is_gone, &kit, 20000);
    CHECK_EQ_INT(wippy_terminate(wippy_outside(kit.rt), three), WIPPY_OK);
    lua_kit_close(&kit);
}

/* A loop is never interrupted, so it is over when the pump is back. */
TEST(test_embed_hook_never_runs_a_step_to_its_end)
{
    static const char body[] = "return function() local n = 0 for i = 1, 3000000 do n = n + 1 end "
                               "t.out(n) coroutine.yield() t.out('after') end";
    lua_kit kit;
    wippy_lua_desc desc;
    memset(&desc, 0, sizeof(desc));
    desc.hook_never = true;
    desc.slice_instructions = 100;
    desc.slice_looks = 1;
    lua_kit_open(&kit, &desc);
    CHECK(lua_kit_spawn(&kit, body).id != 0);
    (void)wippy_pump(kit.rt, kit.host, 0, 0);
    CHECK_HAS(kit.out, "3000000\n");
    lua_kit_pump(&kit);
    CHECK_STR(kit.out, "3000000\nafter\n");
    lua_kit_close(&kit);
    desc.hook_never = false; /* it is, otherwise */
    lua_kit_open(&kit, &desc);
    CHECK(lua_kit_spawn(&kit, body).id != 0);
    CHECK_EQ_INT(wippy_pump(kit.rt, kit.host, 0, 0), WIPPY_PENDING);
    CHECK_STR(kit.out, "");
    lua_kit_pump(&kit);
    CHECK_STR(kit.out, "3000000\nafter\n");
    lua_kit_close(&kit);
}

/* ------------------------------------------------------------------ values */

/* Decode as many values as 1 says of a text of which the last 2 bytes are missing. */
static int decode_torn(lua_State *L)
{
    char bytes[64];
    wippy_writer writer;
    wippy_slice encoded = {NULL, 0};
    lua_kit *kit = (lua_kit *)wippy_lua_user_data(L, "t");
    wippy_writer_init(&writer, kit->rt);
    wippy_write_cstring(&writer, "hello");
    (void)wippy_writer_finish(&writer, &encoded);
    size_t size = encoded.size - (size_t)luaL_checkinteger(L, 2);
    memcpy(bytes, encoded.data, encoded.size);
    wippy_writer_free(&writer);
    return wippy_lua_decode(L, bytes, size, (uint32_t)luaL_checkinteger(L, 1));
}

static int encoded_size(lua_State *L)
{
    wippy_writer writer;
    wippy_slice encoded = {NULL, 0};
    lua_kit *kit = (lua_kit *)wippy_lua_user_data(L, "t");
    wippy_writer_init(&writer, kit->rt);
    wippy_result result = wippy_lua_encode(L, 1, &writer);
    wippy_result finished = wippy_writer_finish(&writer, &encoded);
    lua_pushstring(L, wippy_result_name(result));
    lua_pushboolean(L, (finished == WIPPY_OK) == (encoded.size > 0));
    wippy_writer_free(&writer);
    return 2;
}

TEST(test_embed_values)
{
    static const wippy_lua_function functions[] = {{"torn", decode_torn}, {"encode", encoded_size}};
    lua_kit kit;
    open_with_own(&kit, functions, 2);
    run_with(&kit, "own", "t.out(own.torn(1, 0)) t.out(pcall(own.torn, 1, 2)) t.out(pcall(own.torn, 2, 0)) "
                          "local deep = {} for i = 1, 300 do deep = {deep} end t.out(own.encode(deep)) "
                          "t.out(own.encode({1, {a = deep.x}})) t.out(own.encode(print))");
    CHECK_STR(kit.out, "hello\nfalse malformed value\nfalse malformed value\n"
                       "ERR_LIMIT true\nOK true\nOK true\n");
    lua_kit_close(&kit);
}

typedef struct odd_value {
    const char *bytes;
    size_t size;
} odd_value;

static const odd_value odd_values[] = {
#define ODD(text) {text, sizeof(text) - 1}
    ODD("\x67\x00\x60\x01\x68"),                                     /* the key is nil */
    ODD("\x67\x00\x64\0\0\0\0\0\0\xf8\x7f\x01\x68"),                /* the key is no number */
    ODD("\x67\x00\x01\x68"),                                         /* a key without a value */
    ODD("\x68"),                                                      /* an end of nothing */
    ODD("\x69\x07"),                                                  /* refers to nothing */
    ODD("\x66\x00\x01"),                                              /* never ends */
    ODD("\x67\x02\x41\x61\x66\x00\x6a\x00\x01k\x01m\x67\x00\x01"), /* nor does the error in it */
#undef ODD
};

static int decode_odd(lua_State *L)
{
    const odd_value *odd = &odd_values[luaL_checkinteger(L, 1) - 1];
    return wippy_lua_decode(L, odd->bytes, odd->size, 1);
}

static int decode_deep(lua_State *L)
{
    char bytes[1000];
    size_t depth = (size_t)luaL_checkinteger(L, 1);
    for (size_t i = 0; i < depth; i++) {
        memcpy(bytes + 2 * i, "\x66\x00", 2);
        bytes[2 * depth + i] = '\x68';
    }
    return wippy_lua_decode(L, bytes, 3 * depth, 1);
}

TEST(test_embed_malformed_values_raise)
{
    static const wippy_lua_function functions[] = {{"odd", decode_odd}, {"deep", decode_deep}};
    lua_kit kit;
    open_with_own(&kit, functions, 2);
    run_with(&kit, "own",
             "for i = 1, 7 do local ok, e = pcall(own.odd, i) t.out(ok, e) end "
             "t.out(type(own.deep(150)), (pcall(own.deep, 300)))");
    CHECK_STR(kit.out, "false malformed value\nfalse malformed value\nfalse malformed value\n"
                       "false malformed value\nfalse malformed value\nfalse malformed value\n"
                       "false malformed value\ntable false\n");
    CHECK_EQ_INT(kit.last_result, WIPPY_OK);
    lua_kit_close(&kit);
}

/* ------------------------------------------------------------------ waiting */

/* A completion under a tag that nobody waits for. */
static int stray(lua_State *L)
{
    wippy_token token;
    lua_kit *kit = (lua_kit *)wippy_lua_user_data(L, "t");
    CHECK_EQ_INT(wippy_open(wippy_lua_self(L), (uint64_t)luaL_checkinteger(L, 1), &token), WIPPY_PENDING);
    CHECK_EQ_INT(wippy_complete(kit->rt, token, WIPPY_OK, NULL, 0, 0), WIPPY_OK);
    return 0;
}

/* Asks, and raises instead of waiting. */
static int leave(lua_State *L)
{
    wippy_token token;
    lua_kit *kit = (lua_kit *)wippy_lua_user_data(L, "t");
    uint64_t tag = wippy_lua_wait_tag(L, "own.leave");
    CHECK_EQ_INT(wippy_open(wippy_lua_self(L), tag, &token), WIPPY_PENDING);
    CHECK_EQ_INT(wippy_complete(kit->rt, token, WIPPY_OK, NULL, 0, 0), WIPPY_OK);
    return luaL_error(L, "left");
}

static int fail_with(lua_State *L)
{
    return wippy_lua_fail(L, (wippy_result)luaL_checkinteger(L, 1));
}

static int want_writable(lua_State *L)
{
    wippy_self *self = wippy_lua_self(L);
    lua_pushstring(L, wippy_result_name(wippy_want_writable(self, wippy_self_pid(self))));
    return 1;
}

TEST(test_embed_news_that_nobody_waits_for_are_let_go)
{
    static const wippy_lua_function functions[] = {
        {"stray", stray}, {"leave", leave}, {"fail", fail_with}, {"writable", want_writable}};
    lua_kit kit;
    open_with_own(&kit, functions, 4);
    run_with(&kit, "own, time",
             "for _, tag in ipairs{0, 1, 77, 1 << 40, 0xffffffff, -1} do own.stray(tag) end "
             "t.out(pcall(own.leave)) t.out(own.writable()) time.sleep(1) "
             "for i = 1, 3 do pcall(own.leave) time.sleep(1) end "
             "local v, e = own.fail(-9) t.out(v, e:kind(), e:message()) v, e = own.fail(-2) t.out(v, e:kind()) "
             "process.send(process.pid(), \"a\") t.out(process.inbox():receive():topic())");
    while (TEST_ATOMIC_LOAD(&kit.exits) == 0) {
        lua_kit_pump(&kit);
    }
    CHECK_STR(kit.out, "false left\nOK\nnil Unavailable busy\nnil RateLimited\na\n");
    CHECK_EQ_INT(kit.last_result, WIPPY_OK);
    lua_kit_close(&kit);
}

/* What the process ended with goes no further than memory and nesting allow. */
TEST(test_embed_results_that_cannot_be_sent)
{
    lua_kit kit;
    lua_kit_open(&kit, NULL);
    lua_kit_run(&kit, "local deep = {} for i = 1, 300 do deep = {deep} end return deep");
    CHECK_EQ_INT(kit.last_result, WIPPY_ERR_INVALID);
    CHECK_HAS(kit.last_value, "nesting too deep");
    lua_kit_run(&kit, "local deep = {} for i = 1, 300 do deep = {deep} end "
                      "error(errors.new({message = 'm', details = {d = deep}}))");
    CHECK(kit.last_result != WIPPY_OK);
    lua_kit_close(&kit);
}

TEST_MAIN(TEST_ENTRY(test_embed_open_refuses_what_it_cannot_do), TEST_ENTRY(test_embed_modules),
          TEST_ENTRY(test_embed_modules_without_end),
          TEST_ENTRY(test_embed_sources_without_an_entry), TEST_ENTRY(test_embed_source_of_raw_bytes),
          TEST_ENTRY(test_embed_the_smaller_memory_limit_holds),
          TEST_ENTRY(test_embed_hook_always_interrupts_on_a_pool),
          TEST_ENTRY(test_embed_hook_never_runs_a_step_to_its_end), TEST_ENTRY(test_embed_values),
          TEST_ENTRY(test_embed_results_that_cannot_be_sent),
          TEST_ENTRY(test_embed_malformed_values_raise),
          TEST_ENTRY(test_embed_news_that_nobody_waits_for_are_let_go))
