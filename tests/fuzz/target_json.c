/* JSON and schemas, as a Lua program meets them. Input: a text, a zero byte, a schema. What decodes is
   encoded, decodes and encodes to the same text; a refusal has a message; validation answers the same
   twice and whichever way it is asked. The properties are the Lua program below. */
#include "fuzz.h"

#include "lua/lib_base.h"
#include "lua/mod_json.h"
#include "value.h"

static const char program[] =
    "local decode, encode = json.decode, json.encode\n"
    "local validate, validate_string = json.validate, json.validate_string\n"
    "local function must(holds, what, ...)\n"
    "  if not holds then\n"
    "    local parts = {}\n"
    "    for i = 1, select('#', ...) do parts[i] = tostring((select(i, ...))) end\n"
    "    error('PROPERTY ' .. what .. ': ' .. table.concat(parts, ' | '), 0)\n"
    "  end\n"
    "end\n"
    "return function(text, schema_text, utf8)\n"
    "  local value, err = decode(text)\n"
    "  if err ~= nil then\n"
    "    must(value == nil, 'a value and an error')\n"
    "    must(err:message() ~= '', 'an error without message')\n"
    "    local _, again = decode(text)\n"
    "    must(again ~= nil and again:message() == err:message(), 'two answers', err, again)\n"
    "    return\n"
    "  end\n"
    "  local first, encode_err = encode(value)\n"
    "  if encode_err == nil then\n"
    "    local second, decode_err = decode(first)\n"
    "    must(decode_err == nil, 'it does not read what it wrote', first, decode_err)\n"
    "    local third = encode(second)\n"
    "    must(first == third or not utf8, 'another text', first, third)\n"
    "  else\n"
    "    must(first == nil and encode_err:message() ~= '', 'encode fails in silence')\n"
    "  end\n"
    "  if value == nil then return end\n" /* no data for validate */
    "  local schema, schema_err = decode(schema_text)\n"
    "  local ok, why = validate(schema_text, value)\n"
    "  local ok2, why2 = validate(schema_text, value)\n"
    "  must(ok == ok2 and tostring(why) == tostring(why2), 'two verdicts', ok, ok2, why, why2)\n"
    "  if ok ~= true then must(why ~= nil, 'no reason', ok, why) end\n"
    "  local ok3, why3 = validate_string(schema_text, text)\n"
    "  must((ok3 == true) == (ok == true), 'text and value differ', ok, ok3, why, why3)\n"
    "  if schema_err == nil and type(schema) == 'table' then\n"
    "    local ok4, why4 = validate(schema, value)\n"
    "    must((ok4 == true) == (ok == true), 'schema as table and text differ', ok, ok4, why, "
    "why4)\n"
    "  end\n"
    "end\n";

typedef struct world {
    wippyli_guard guard; /* first: the extra space points here */
    wippyli_sandbox shared;
    lua_State *L;
    size_t bytes;
    unsigned runs;
} world;

static world w;

static void *world_alloc(void *ud, void *ptr, size_t old_size, size_t new_size)
{
    world *at = (world *)ud;
    size_t old = ptr ? old_size : 0;
    if (new_size == 0) {
        free(ptr);
        at->bytes -= old;
        return NULL;
    }
    if (new_size > old && at->bytes + new_size - old > 64u << 20) {
        return NULL;
    }
    void *block = realloc(ptr, new_size);
    at->bytes += block ? new_size - old : 0;
    return block;
}

static void world_open(void)
{
    static const wippyli_library *modules[1];
    modules[0] = wippyli_json_module();
    memset(&w, 0, sizeof(w));
    FUZZ_CHECK(wippyli_base_init(&w.shared, world_alloc, &w) == WIPPY_OK, "no base");
    w.shared.modules = modules;
    w.shared.module_count = 1;
    w.guard.shared = &w.shared;
    w.guard.user_data = &w;
    w.guard.random[0] = 1;
    w.L = lua_newstate(world_alloc, &w);
    *(void **)lua_getextraspace(w.L) = &w;
    wippyli_sandbox_open(w.L);
    FUZZ_CHECK(wippyli_sandbox_grant(w.L, "json") == WIPPY_OK, "no json");
    FUZZ_CHECK(luaL_loadbuffer(w.L, program, sizeof(program) - 1, "=json") == LUA_OK &&
                   lua_pcall(w.L, 0, 1, 0) == LUA_OK,
               "%s", lua_tostring(w.L, -1));
}

/* What was raised, and where. */
static int explain(lua_State *L)
{
    luaL_traceback(L, L, luaL_tolstring(L, 1, NULL), 1);
    return 1;
}

static bool is_utf8(wippy_slice text)
{
    size_t at = 0;
    size_t size = 1;
    for (; at < text.size && size > 0; at += size) {
        size = wippyi_value_utf8((const uint8_t *)text.data + at, text.size - at);
    }
    return size > 0;
}

FUZZ_TARGET(const uint8_t *data, size_t size)
{
    fuzz_input in = fuzz_open(data, size);
    wippy_slice text = fuzz_part(&in);
    wippy_slice schema = fuzz_part(&in);
    if (w.runs++ % 256 == 0) {
        if (w.L) {
            lua_close(w.L);
            FUZZ_CHECK(w.bytes == 0, "%zu bytes left", w.bytes);
            w.L = NULL;
        }
        unsigned runs = w.runs;
        world_open();
        w.runs = runs;
    }
    lua_pushcfunction(w.L, explain);
    lua_pushvalue(w.L, 1);
    lua_pushlstring(w.L, text.data, text.size);
    lua_pushlstring(w.L, schema.data, schema.size);
    lua_pushboolean(w.L,
                    is_utf8(text)); /* bytes that are none are written as U+FFFD: keys may meet */
    if (lua_pcall(w.L, 3, 0, 2) != LUA_OK) {
        const char *why = luaL_tolstring(w.L, -1, NULL);
        FUZZ_CHECK(strncmp(why, "PROPERTY", 8) != 0, "%s", why);
        FUZZ_CHECK(strstr(why, "memory") != NULL, "raised: %s", why);
    }
    lua_settop(w.L, 1);
}
