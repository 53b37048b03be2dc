/* ========================================================================== >>test_values
   Lua values to encoded values and back, as messages, arguments and results carry them. */
#include "lua_kit.h"

/* Encode the values that `body` returns, decode them again, run `check` on them. */
static int round_trip(lua_State *L)
{
    lua_kit *kit = (lua_kit *)wippy_lua_user_data(L, "t");
    wippy_writer writer;
    wippy_slice encoded;
    char copy[65536];
    int count = lua_gettop(L);
    wippy_writer_init(&writer, kit->rt);
    for (int i = 1; i <= count; i++) {
        wippy_lua_encode(L, i, &writer);
    }
    wippy_result result = wippy_writer_finish(&writer, &encoded);
    if (result != WIPPY_OK) {
        wippy_writer_free(&writer);
        lua_pushstring(L, wippy_result_name(result));
        return 1;
    }
    CHECK_EQ_INT(wippy_value_check(encoded.data, encoded.size, (size_t)count), WIPPY_OK);
    CHECK(encoded.size <= sizeof(copy));
    size_t size = encoded.size;
    memcpy(copy, encoded.data, size);
    wippy_writer_free(&writer);
    return wippy_lua_decode(L, copy, size, (uint32_t)count);
}

/* The encoded value as text. */
static int as_text(lua_State *L)
{
    lua_kit *kit = (lua_kit *)wippy_lua_user_data(L, "t");
    wippy_writer writer;
    wippy_slice encoded;
    char text[4096];
    wippy_writer_init(&writer, kit->rt);
    wippy_lua_encode(L, 1, &writer);
    if (wippy_writer_finish(&writer, &encoded) == WIPPY_OK) {
        wippy_value_to_text(encoded, text, sizeof(text));
    } else {
        snprintf(text, sizeof(text), "failed");
    }
    wippy_writer_free(&writer);
    lua_pushstring(L, text);
    return 1;
}

static int open_values(lua_State *L)
{
    lua_newtable(L);
    lua_pushcfunction(L, round_trip);
    lua_setfield(L, -2, "trip");
    lua_pushcfunction(L, as_text);
    lua_setfield(L, -2, "text");
    return 1;
}

static void program(const char *body, const char *expected)
{
    lua_kit kit;
    wippy_lua_module_desc module;
    char source[8192];
    lua_kit_open(&kit, NULL);
    memset(&module, 0, sizeof(module));
    module.name = "v";
    module.open = open_values;
    CHECK_EQ_INT(wippy_lua_module(kit.rt, &module), WIPPY_OK);
    snprintf(source, sizeof(source), "%s", body);
    wippy_writer writer;
    wippy_slice encoded;
    wippy_spawn_desc desc;
    wippy_writer_init(&writer, kit.rt);
    wippy_write_map(&writer, 0);
    wippy_write_cstring(&writer, "source");
    snprintf(source, sizeof(source), "return function(...) %s\nend", body);
    wippy_write_cstring(&writer, source);
    wippy_write_cstring(&writer, "modules");
    wippy_write_array(&writer, 2);
    wippy_write_cstring(&writer, "t");
    wippy_write_cstring(&writer, "v");
    wippy_write_end(&writer);
    wippy_write_end(&writer);
    wippy_writer_finish(&writer, &encoded);
    memset(&desc, 0, sizeof(desc));
    desc.type = kit.type;
    desc.host = kit.host;
    desc.data = encoded.data;
    desc.size = encoded.size;
    desc.count = 1;
    CHECK_EQ_INT(wippy_spawn(wippy_outside(kit.rt), &desc, NULL, &kit.diag), WIPPY_OK);
    wippy_writer_free(&writer);
    lua_kit_pump(&kit);
    CHECK_STR(kit.out, expected);
    CHECK_EQ_INT(kit.last_result, WIPPY_OK);
    if (kit.last_result != WIPPY_OK) {
        printf("  ended with %s\n", kit.last_value);
    }
    lua_kit_close(&kit);
}

TEST(test_values_scalars_come_back_as_they_were)
{
    program("local a, b, c, d, e, f, g = v.trip(nil, true, false, 1, 1.0, -2^63, math.mininteger)"
            " t.out(a, b, c, math.type(d), math.type(e), math.type(f), g)"
            " local s = v.trip('a\\0b' .. ('x'):rep(1000)) t.out(#s, s:byte(2))"
            " local n, h = v.trip(0/0, math.huge) t.out(n ~= n, h == math.huge)"
            " t.out(v.trip(2^53, 1e300, -0.0, 63, 64, -32, -33))",
            "nil true false integer float float -9223372036854775808\n"
            "1003 0\ntrue true\n"
            "9.007199254741e+15 1e+300 -0.0 63 64 -32 -33\n");
}

TEST(test_values_tables_keep_shape)
{
    program("t.out(v.text{}, v.text{1, 2, 3}, v.text{a = 1}, v.text{[1] = 'x'}, v.text{[2] = 'x'})"
            " t.out(v.text{1, nil, 3}, v.text{{}, {{}}})"
            " local x = v.trip{1, 'two', {three = 3}, [10] = true, [1.5] = 'f', [true] = 'b'}"
            " t.out(x[1], x[2], x[3].three, x[10], x[1.5], x[true])"
            " local big = {} for i = 1, 5000 do big[i] = i end"
            " local copy = v.trip(big) t.out(#copy, copy[1], copy[5000])"
            " local keyed = v.trip{[{'k'}] = 'table key'}"
            " for k, w in pairs(keyed) do t.out(k[1], w) end"
            " local wide = {} for i = 1, 300 do wide['k' .. i] = {i, x = {}} end"
            " local seen, sum = 0, 0 for k, w in pairs(v.trip(wide)) do seen = seen + 1"
            "  sum = sum + (k == 'k' .. w[1] and next(w.x) == nil and w[1] or 0) end t.out(seen, sum)"
            " t.out(v.text{1, 2, x = 3}, v.text{[1] = print, y = {print}})",
            "{} [1, 2, 3] {\"a\": 1} [\"x\"] {\"2\": \"x\"}\n"
            "{\"1\": 1, \"3\": 3} [{}, [{}]]\n"
            "1 two 3 true f b\n5000 1 5000\nk table key\n300 45150\n"
            "{\"1\": 1, \"2\": 2, \"x\": 3} {\"y\": [null]}\n");
}

TEST(test_values_shared_and_cyclic_tables)
{
    program("local s = {1} local x = v.trip{s, s, s} t.out(x[1] == x[2], x[2] == x[3], x[1][1])"
            " local c = {} c.me = c c.list = {c} local y = v.trip(c)"
            " t.out(y.me == y, y.list[1] == y)"
            " local many = {} for i = 1, 100 do many[i] = {i} end"
            " for i = 1, 100 do many[100 + i] = many[i] end"
            " local z = v.trip(many) local good = true"
            " for i = 1, 100 do good = good and z[i] == z[100 + i] and z[i][1] == i end t.out(good)"
            " local k = {} local w = v.trip{[k] = k} for a, b in pairs(w) do t.out(a == b) end"
            " local p, q = v.trip(s, s) t.out(p == q, p[1], q[1])",
            "true true 1\ntrue true\ntrue\ntrue\nfalse 1 1\n");
}

TEST(test_values_what_does_not_cross_is_nil)
{
    program("local x = v.trip{f = print, c = channel.new(), co = coroutine.create(print), n = 1}"
            " t.out(x.f, x.c, x.co, x.n)"
            " t.out(v.text{1, print, 3}, v.text(print), v.text{[print] = 1, a = 2})"
            " local m = setmetatable({a = 1}, {__index = function() return 'meta' end,"
            "  __pairs = function() error('not run') end, __len = function() error('not run') end})"
            " local y = v.trip(m) t.out(y.a, y.b, getmetatable(y))",
            "nil nil nil 1\n[1, null, 3] null {\"a\": 2}\n1 nil nil\n");
}

TEST(test_values_error_objects)
{
    program("local e = errors.new{message = 'm', kind = 'NotFound', retryable = false,"
            " details = {id = 'x', n = {1}}}"
            " local x = v.trip(e) t.out(x:message(), x:kind(), x:retryable(), x:details().id,"
            "  x:details().n[1], tostring(x))"
            " local y = v.trip{e, e} t.out(y[1] == y[2], y[1]:message())"
            " local z = v.trip(errors.new('plain')) t.out(z:kind() == '', z:retryable(), z:details())"
            " local d = {1} local l = errors.new{message = 'loop', details = d} d.e = l"
            " local w = v.trip(l) t.out(w:details() and w:details().e == w)",
            "m NotFound false x 1 m\ntrue m\ntrue nil nil\ntrue\n");
}

TEST(test_values_error_stack_is_that_of_the_sender)
{
    program("local function make() return errors.new('m') end\n"
            "local e = make()\n"
            "local x = v.trip(e) t.out(x:stack() == e:stack(), x:stack():find(':1: in', 1, true) ~= nil)\n"
            "t.out(v.trip(errors.wrap(x, 'c')):stack() == e:stack(), v.text(x) == v.text(e))\n"
            "local y = v.trip(errors.new{message = 'd', kind = 'Own', details = {a = 1}})\n"
            "t.out(y:kind(), y:details().a, y:stack():find(':5: in', 1, true) ~= nil)",
            "true true\ntrue true\nOwn 1 true\n");
}

TEST(test_values_error_call_stack_is_that_of_the_sender)
{
    program("local function make() return errors.new('m') end\n"
            "local e = make()\n"
            "local a, b = errors.call_stack(e).frames, errors.call_stack(v.trip(e)).frames\n"
            "local same = 0 for i, f in ipairs(a) do local g = b[i]\n"
            " if f.source == g.source and f.line == g.line and f.name == g.name then\n"
            "  same = same + 1 end end\n"
            "t.out(#a > 1, #a == #b, same == #a, b[1].line, b[1].name:sub(1, 10))\n"
            "local c = errors.call_stack(v.trip(errors.wrap(v.trip(e), 'c'))).frames\n"
            "t.out(#c == #a, c[1].line)\n",
            "true true true 1 function <\ntrue 1\n");
}

TEST(test_values_error_stack_is_cut_at_a_line)
{
    program("local function deep(n) if n > 0 then local e = deep(n - 1) return e end\n"
            " return errors.new('m') end\n"
            "local e = deep(40) local s = v.trip(e):stack()\n"
            "t.out(#e:stack() > 0, #s <= 1024, s == e:stack():sub(1, #s), s:sub(-1) ~= '\\n')",
            "true true true true\n");
}

TEST(test_values_deep_nesting_is_refused)
{
    program("local function deep(n) local x = {} for i = 2, n do x = {x} end return x end"
            " t.out(type(v.trip(deep(200))))"
            " t.out(v.trip(deep(201)))"
            " local ok, e = process.send(process.pid(), 'x', deep(300)) t.out(ok, e, e:kind())",
            "table\nERR_LIMIT\nnil nesting too deep Invalid\n");
}

/* Any bytes: an error, never a crash. */
static int decode_bytes(lua_State *L)
{
    size_t size;
    const char *bytes = luaL_checklstring(L, 1, &size);
    return wippy_lua_decode(L, bytes, size, (uint32_t)luaL_checkinteger(L, 2));
}

static int open_bytes(lua_State *L)
{
    lua_pushcfunction(L, decode_bytes);
    return 1;
}

TEST(test_values_malformed_bytes_raise)
{
    lua_kit kit;
    wippy_lua_module_desc module;
    lua_kit_open(&kit, NULL);
    memset(&module, 0, sizeof(module));
    module.name = "payload"; /* accepted though every state may have it */
    module.open = open_bytes;
    CHECK_EQ_INT(wippy_lua_module(kit.rt, &module), WIPPY_OK);
    uint64_t random = test_seed();
    for (unsigned round = 0; round < test_scale(300); round++) {
        char source[1024];
        size_t used = (size_t)snprintf(source, sizeof(source),
                                       "return function() local ok = pcall(payload, '");
        unsigned size = (unsigned)(test_random_next(&random) % 40);
        for (unsigned i = 0; i < size; i++) {
            used += (size_t)snprintf(source + used, sizeof(source) - used, "\\%03u",
                                     (unsigned)(test_random_next(&random) & 255));
        }
        snprintf(source + used, sizeof(source) - used, "', %u) t.out(ok) end",
                 (unsigned)(test_random_next(&random) % 3));
        wippy_writer writer;
        wippy_slice encoded;
        wippy_spawn_desc desc;
        wippy_writer_init(&writer, kit.rt);
        wippy_write_map(&writer, 0);
        wippy_write_cstring(&writer, "source");
        wippy_write_cstring(&writer, source);
        wippy_write_cstring(&writer, "modules");
        wippy_write_array(&writer, 2);
        wippy_write_cstring(&writer, "t");
        wippy_write_cstring(&writer, "payload");
        wippy_write_end(&writer);
        wippy_write_end(&writer);
        wippy_writer_finish(&writer, &encoded);
        memset(&desc, 0, sizeof(desc));
        desc.type = kit.type;
        desc.host = kit.host;
        desc.data = encoded.data;
        desc.size = encoded.size;
        desc.count = 1;
        CHECK_EQ_INT(wippy_spawn(wippy_outside(kit.rt), &desc, NULL, &kit.diag), WIPPY_OK);
        wippy_writer_free(&writer);
        lua_kit_pump(&kit);
        CHECK_EQ_INT(kit.last_result, WIPPY_OK);
    }
    lua_kit_close(&kit);
}

TEST_MAIN(TEST_ENTRY(test_values_scalars_come_back_as_they_were),
          TEST_ENTRY(test_values_tables_keep_shape),
          TEST_ENTRY(test_values_shared_and_cyclic_tables),
          TEST_ENTRY(test_values_what_does_not_cross_is_nil),
          TEST_ENTRY(test_values_error_objects),
          TEST_ENTRY(test_values_error_stack_is_that_of_the_sender),
          TEST_ENTRY(test_values_error_call_stack_is_that_of_the_sender),
          TEST_ENTRY(test_values_error_stack_is_cut_at_a_line),
          TEST_ENTRY(test_values_deep_nesting_is_refused),
          TEST_ENTRY(test_values_malformed_bytes_raise))
