/* The sandbox itself: lazy tables, what is there and what is not, threads that block, are pre-empted and
   are killed. */
#include "sandbox_kit.h"

static void check_once(const char *code, const char *expected, const char *file, int line)
{
    static kit k;
    const char *text = kit_once(&k, code);
    if (strcmp(text, expected) != 0) {
        test_fail(file, line, "%s\n   gives:    %s\n   expected: %s", code, text, expected);
    }
}

#define CHECK_ONCE(code, expected) check_once((code), (expected), __FILE__, __LINE__)

/* ------------------------------------------------------------------ what it costs */

static size_t bare_bytes(void)
{
    static kit k;
    memset(&k, 0, sizeof(k));
    lua_State *L = lua_newstate(kit_alloc, &k);
    size_t bytes = k.bytes;
    lua_close(L);
    return bytes;
}

static int open_only(lua_State *L)
{
    wippyli_sandbox_open(L);
    return 0;
}

TEST(test_sandbox_untouched_costs_less_than_a_kilobyte)
{
    static kit k;
    kit_open(&k);
    lua_State *mine = k.L;
    size_t before = k.bytes;
    k.L = lua_newstate(kit_alloc, &k);
    *(void **)lua_getextraspace(k.L) = &k;
    lua_pushcfunction(k.L, open_only);
    CHECK_EQ_INT(lua_pcall(k.L, 0, 0, 0), LUA_OK);
    size_t cost = k.bytes - before - bare_bytes();
    CHECK(cost > 300 && cost < 1024);
    lua_close(k.L);
    k.L = mine;
    kit_close(&k);
}

TEST(test_sandbox_library_costs_only_what_is_used)
{
    static kit k;
    kit_open(&k);
    lua_gc(k.L, LUA_GCCOLLECT, 0);
    kit_eval(&k, "return math.floor(1)");
    lua_gc(k.L, LUA_GCCOLLECT, 0);
    size_t before = k.bytes;
    kit_eval(&k, "return table.concat({})");
    lua_gc(k.L, LUA_GCCOLLECT, 0);
    CHECK(k.bytes - before < 700); /* with the strings and nodes of the names */
    kit_close(&k);
}

TEST(test_sandbox_entries_are_sorted)
{
    static kit k;
    kit_open(&k);
    const wippyli_library *libraries[] = {
        k.shared.globals,        &wippyli_package_library, &wippyli_string_library,
        &wippyli_table_library,  &wippyli_math_library,    &wippyli_os_library,
        &wippyli_errors_library, &wippyli_error_library,   &wippyli_coroutine_library};
    CHECK(k.shared.globals->entry_count <= 64);
    for (size_t i = 0; i < TEST_COUNT(libraries); i++) {
        const wippyli_library *library = libraries[i];
        for (uint32_t at = 0; at < library->entry_count; at++) {
            const char *name = library->entries[at].name;
            CHECK(at == 0 || strcmp(library->entries[at - 1].name, name) < 0);
            CHECK_EQ_INT(wippyli_library_find(library, name, strlen(name)), at);
        }
        CHECK_EQ_INT(wippyli_library_find(library, "", 0), -1);
        CHECK_EQ_INT(wippyli_library_find(library, "zzz", 3), -1);
        CHECK_EQ_INT(wippyli_library_find(library, "find\0x", 6), -1);
    }
    kit_close(&k);
}

/* ------------------------------------------------------------------ names */

TEST(test_sandbox_has_the_base_functions)
{
    CHECK_ONCE("for name in ('type tonumber tostring assert error pcall xpcall pairs ipairs next "
               "getmetatable "
               "setmetatable rawget rawset rawequal select unpack print require number integer "
               "boolean'):gmatch('%a+') do "
               "assert(type(_G[name]) == 'function', name) end "
               "for name in ('string table math os coroutine errors package _G'):gmatch('%S+') do "
               "assert(type(_G[name]) == 'table', name) end return _VERSION",
               "Lua 5.4");
}

TEST(test_sandbox_lacks_what_reaches_outside)
{
    CHECK_ONCE("for name in ('load loadstring loadfile dofile collectgarbage rawlen debug utf8 "
               "io'):gmatch('%a+') do "
               "assert(_G[name] == nil, name) end return 'absent'",
               "absent");
    CHECK_ONCE("return package.path, package.loadlib('x', 'y')",
               " package.loadlib is not available");
}

TEST(test_sandbox_libraries_are_read_only)
{
    CHECK_ONCE("string.x = 1", "error: test:1: library 'string' is read-only");
    CHECK_ONCE("table.insert = nil", "error: test:1: library 'table' is read-only");
    CHECK_ONCE("local f = math.floor math.floor = print",
               "error: test:1: library 'math' is read-only");
    CHECK_ONCE("return pcall(rawset, string, 'x', 1), pcall(rawset, errors, 'new', 1)",
               "false false library 'errors' is read-only");
    CHECK_ONCE("return pcall(table.insert, table, 1)", "false library 'table' is read-only");
    CHECK_ONCE("return pcall(setmetatable, string, {}), pcall(setmetatable, _G, {}), "
               "pcall(setmetatable, _G, nil)",
               "false false false cannot change a protected metatable");
    CHECK_ONCE(
        "return getmetatable(string), getmetatable(math), getmetatable(_G), getmetatable('')",
        "false false false false");
}

TEST(test_sandbox_libraries_are_seen_whole)
{
    CHECK_ONCE("local n = 0 for k, v in pairs(string) do assert(type(k) == 'string' and string[k] "
               "== v) n = n + 1 end return n",
               "13");
    CHECK_ONCE(
        "local n, k = 0, nil repeat k = next(math, k) n = n + (k and 1 or 0) until not k return n",
        "35");
    CHECK_ONCE(
        "local _ = table.sort local t = {} for k in next, table do t[#t + 1] = k end table.sort(t) "
        "return table.concat(t, ' ')",
        "concat create insert move pack remove sort unpack");
    CHECK_ONCE("return rawget(string, 'rep') == string.rep, rawget(math, 'pi') == math.pi, "
               "rawget(os, 'exit'), "
               "rawget(string, 1), next(os, 'time') ~= 'time'",
               "true true nil nil true");
    CHECK_ONCE("return pcall(next, string, 'nope')", "false invalid key to 'next'");
    CHECK_ONCE(
        "return string.find == string.find, string.nope, string[1], string['find\\0'], #string",
        "true nil nil nil 0");
}

TEST(test_sandbox_globals_are_seen_whole)
{
    CHECK_ONCE(
        "mine = 1 local seen = {} for k, v in pairs(_G) do seen[k] = v end "
        "return seen.mine, seen.print == print, seen.string == string, seen._G == _G, seen.load",
        "1 true true true nil");
    CHECK_ONCE("local n, k = 0, nil repeat k = next(_G, k) n = n + 1 until not k "
               "for _ in pairs(_G) do n = n - 1 end return n",
               "1");
    CHECK_ONCE("return rawget(_G, 'type') == type, rawget(_G, 'nope'), rawset(_G, 'x', 5) == _G, x",
               "true nil true 5");
}

TEST(test_sandbox_global_set_to_nil_stays_nil)
{
    CHECK_ONCE("print = nil return print", "nil");
    CHECK_ONCE("local p = print print = nil return print, rawget(_G, 'print'), p ~= nil",
               "nil nil true");
    CHECK_ONCE("rawset(_G, 'string', nil) for k in pairs(_G) do assert(k ~= 'string') end return "
               "string, ('x'):upper()",
               "nil X");
    CHECK_ONCE("type = 5 return type", "5");
    CHECK_ONCE("x = 1 x = nil return x, y", "nil nil");
    CHECK_ONCE("_G.os = nil return os, pcall(require, 'os')", "nil false module 'os' not found");
    CHECK_ONCE("for k in pairs(_G) do if k ~= '_G' and k ~= 'pairs' then _G[k] = nil end end "
               "return math, pairs ~= nil",
               "nil true");
}

TEST(test_sandbox_casts_check)
{
    CHECK_ONCE("return string('x'), number(1.5), integer(3), boolean(false)", "x 1.5 3 false");
    CHECK_ONCE("return pcall(string, nil)", "false expected string, got nil");
    CHECK_ONCE(
        "return pcall(number, '1'), pcall(integer, 1.5), pcall(integer, 1.0), pcall(boolean, nil)",
        "false false false false expected boolean, got nil");
    CHECK_ONCE("return pcall(function() return ('x')('y') end)",
               "false test:1: attempt to call a string value (constant 'x')");
    CHECK_ONCE("return string('x'), pcall(function() return ('x')('y') end)",
               "x false test:1: attempt to call a string value (constant 'x')");
    CHECK_ONCE("return string('x'), pcall(function() ('x').y = 1 end)",
               "x false test:1: attempt to index a string value (constant 'x')");
    CHECK_ONCE("return ('x'):upper() == string.upper('x'), getmetatable(''), getmetatable(string), "
               "pcall(setmetatable, string, {})",
               "true false false false cannot change a protected metatable");
    CHECK_ONCE("return pcall(function() return math('y') end)",
               "false test:1: attempt to call a table value (global 'math')");
}

TEST(test_sandbox_setmetatable_refuses_finalizers)
{
    CHECK_ONCE("return pcall(setmetatable, {}, {__gc = print})", "false '__gc' is not available");
    CHECK_ONCE("return pcall(setmetatable, {}, {__gc = false})", "false '__gc' is not available");
    CHECK_ONCE(
        "local mt = {} local t = setmetatable({}, mt) mt.__gc = function() hit = true end t = nil "
        "for i = 1, 1e4 do local _ = {} end return hit",
        "nil");
}

TEST(test_sandbox_print_joins_with_spaces)
{
    static kit k;
    kit_open(&k);
    kit_eval(&k, "print(1, nil, 'x', 2.0, errors.new('e')) block()");
    CHECK_STR(k.text, "");
    lua_getglobal(k.L, "print");
    lua_pushinteger(k.L, 1);
    lua_pushnil(k.L);
    lua_pushstring(k.L, "x");
    CHECK_EQ_INT(lua_pcall(k.L, 3, 0, 0), LUA_OK);
    CHECK_STR(k.text, "1 nil x");
    k.shared.print = NULL;
    CHECK_STR(kit_eval(&k, "print(1) return 'quiet'"), "quiet");
    kit_close(&k);
}

TEST(test_sandbox_tostring_counts_in_simulation)
{
    static kit k;
    kit_open(&k);
    k.shared.ordinals = true;
    CHECK_STR(
        kit_eval(&k, "a, b = {}, {} return tostring(a), tostring(b), tostring(a), tostring(print)"),
        "table: 0x00000001 table: 0x00000002 table: 0x00000001 function: 0x00000003");
    CHECK_STR(
        kit_eval(&k, "return ('%s|%5d|%s'):format(b, 7, setmetatable({}, {__name = 'Mine'}))"),
        "table: 0x00000002|    7|Mine: 0x00000004");
    kit_close(&k);
}

/* ------------------------------------------------------------------ modules */

static int module_greet(lua_State *L)
{
    /* also __call of the library, with the table in front */
    lua_pushfstring(L, "hello %s", luaL_checkstring(L, lua_gettop(L)));
    return 1;
}

/* A value made when it is first asked for: runs where it is wanted, with the stack of its user. */
static int value_push(lua_State *L)
{
    lua_pushliteral(L, "pushed");
    return 1;
}

static int module_make(lua_State *L)
{
    lua_pushfstring(L, "made %s", lua_tostring(L, 1));
    return 1;
}

static int module_fails(lua_State *L)
{
    return luaL_error(L, "no luck");
}

static const wippyli_entry greeter_entries[] = {{"greet", module_greet, 0, NULL},
                                                {"made", value_push, WIPPYLI_MAKE, NULL},
                                                {"version", NULL, 3, NULL}};
static const wippyli_library greeter = {"greeter", greeter_entries, 3, module_greet, NULL};
static const wippyli_library failing = {"failing", NULL, 0, NULL, module_fails};
static const wippyli_library made = {"made", NULL, 0, NULL, module_make};

TEST(test_sandbox_modules_are_globals_when_granted)
{
    static const wippyli_library *const modules[] = {&failing, &greeter, &made};
    static kit k;
    kit_open_with(&k, modules, 3);
    CHECK_STR(kit_eval(&k, "return greeter, made, pcall(require, 'greeter')"),
              "nil nil false module 'greeter' not found");
    CHECK_EQ_INT(wippyli_sandbox_grant(k.L, "greeter"), WIPPY_OK);
    CHECK_EQ_INT(wippyli_sandbox_grant(k.L, "made"), WIPPY_OK);
    CHECK_EQ_INT(wippyli_sandbox_grant(k.L, "failing"), WIPPY_OK);
    CHECK_EQ_INT(wippyli_sandbox_grant(k.L, "os"), WIPPY_OK);
    CHECK_EQ_INT(wippyli_sandbox_grant(k.L, "nope"), WIPPY_ERR_NOTFOUND);
    CHECK_STR(
        kit_eval(
            &k,
            "local g = require('greeter') return g == greeter, g.greet('you'), g.made, g.version"),
        "true hello you pushed 3");
    CHECK_STR(kit_eval(&k, "return greeter('all')"), "hello all");
    CHECK_STR(kit_eval(&k, "greeter.x = 1"), "error: test:1: library 'greeter' is read-only");
    CHECK_STR(kit_eval(&k, "local n = 0 for k, v in pairs({made = 1}) do n = n + 1 end _G[1] = 2 "
                           "return _G[1], _G[2], n"),
              "2 nil 1");
    CHECK_STR(kit_eval(&k, "return pcall(next, _G)"), "false no luck");
    CHECK_STR(kit_eval(&k, "return require('made'), made"), "made made made made");
    CHECK_STR(kit_eval(&k, "return pcall(function() return failing end)"), "false no luck");
    CHECK_STR(
        kit_eval(
            &k,
            "failing = nil made = nil local n = 0 for k in pairs(_G) do n = n + ((k == 'greeter' "
            "or k == 'made') and 1 or 0) end return n, made, failing"),
        "1 nil nil");
    CHECK_STR(kit_eval(&k, "return require('string') == string, require('errors') == errors"),
              "true true");
    kit_close(&k);
}

static int set_alias(lua_State *L)
{
    lua_pushstring(L, "imported");
    wippyli_sandbox_set(L, "made");
    lua_pushinteger(L, 9);
    wippyli_sandbox_set(L, "alias");
    return 0;
}

TEST(test_sandbox_imports_take_their_name)
{
    static const wippyli_library *const modules[] = {&made};
    static kit k;
    kit_open_with(&k, modules, 1);
    CHECK_EQ_INT(wippyli_sandbox_grant(k.L, "made"), WIPPY_OK);
    lua_pushcfunction(k.L, set_alias);
    CHECK_EQ_INT(lua_pcall(k.L, 0, 0, 0), LUA_OK);
    CHECK_STR(kit_eval(&k, "return made, require('alias')"), "imported 9");
    CHECK_STR(kit_eval(&k, "made = nil return made"), "nil");
    kit_close(&k);
}

/* ------------------------------------------------------------------ blocking passes through */

TEST(test_sandbox_blocking_inside_protected_calls)
{
    CHECK_ONCE("return pcall(function(...) return block(1), block(2), ... end, 'x')", "true 1 2 x");
    CHECK_ONCE("return pcall(function() block() error('after', 0) end)", "false after");
    CHECK_ONCE("return xpcall(function(a) block() return a end, print, 7)", "true 7");
    CHECK_ONCE(
        "return xpcall(function() block() error('e', 0) end, function(m) return m .. '!' end)",
        "false e!");
    CHECK_ONCE("return pcall(pcall, pcall, function() return pcall(block) end)",
               "true true true true nil");
    CHECK_ONCE("local n = 0 for i = 1, 100 do local ok = pcall(function() block() if i % 2 == 0 "
               "then error() end end) "
               "if ok then n = n + 1 end end return n",
               "50");
}

TEST(test_sandbox_blocking_inside_generators)
{
    CHECK_ONCE(
        "local gen = coroutine.wrap(function() for i = 1, 3 do block() coroutine.yield(i) end end) "
        "return gen(), gen(), gen(), gen()",
        "1 2 3");
    CHECK_ONCE("local function nest(n) return coroutine.wrap(function() if n > 0 then for v in "
               "nest(n - 1) do "
               "block() coroutine.yield(v + 1) end else for i = 1, 3 do block() coroutine.yield(i) "
               "end end end) end "
               "local s = '' for v in nest(10) do s = s .. v .. ' ' end return s",
               "11 12 13 ");
    CHECK_ONCE("local co = coroutine.create(function(a) local b = coroutine.yield(a + 1) block() "
               "block() return a, b end) "
               "local _, x = coroutine.resume(co, 1) return x, coroutine.resume(co, 'b')",
               "2 true 1 b");
    CHECK_ONCE("local co = coroutine.create(function() block() error('inside', 0) end) return "
               "coroutine.resume(co)",
               "false inside");
    CHECK_ONCE("local f = coroutine.wrap(function() pcall(function() block() error('x') end) "
               "block() return 'end' end) return f()",
               "end");
    CHECK_ONCE("local f = coroutine.wrap(function() return coroutine.wrap(function() return "
               "coroutine.wrap(function() block() coroutine.yield(5) end)() end)() end) return f()",
               "5");
}

TEST(test_sandbox_blocking_inside_metamethods_and_iterators)
{
    CHECK_ONCE("local t = setmetatable({}, {__index = function(_, k) block() return k end, "
               "__newindex = function(t, k, v) "
               "block() rawset(t, k, v) end, __add = function() block() return 'add' end, __concat "
               "= function() block() "
               "return 'cat' end, __eq = function() block() return true end, __lt = function() "
               "block() return true end, "
               "__len = function() block() return 9 end, __call = function(_, x) block() return x "
               "end, __unm = function() "
               "block() return 'unm' end}) t.x = 1 "
               "return t.k, t.x, t + 1, t .. 'x', t == setmetatable({}, getmetatable(t)), t < t, "
               "#t, t(3), -t, '1' + t",
               "k 1 add cat true true 9 3 unm add");
    CHECK_ONCE("local s = '' for i in function(_, i) block() i = (i or 0) + 1 return i < 4 and i "
               "or nil end do s = s .. i end return s",
               "123");
    CHECK_ONCE("local s = '' for k, v in pairs(setmetatable({}, {__pairs = function(t) block() "
               "return next, {7}, nil end})) do "
               "s = s .. k .. v end return s",
               "17");
    CHECK_ONCE("local log = '' do local x <close> = setmetatable({}, {__close = function() block() "
               "log = log .. 'closed' end}) "
               "block() end return log",
               "closed");
}

TEST(test_sandbox_blocking_where_it_cannot_raises_and_takes_nothing)
{
    static const struct {
        const char *code;
    } cases[] = {
        {"table.sort({3, 2, 1}, function(a, b) block() return a < b end)"},
        {"('abc'):gsub('.', function() block() end)"},
        {"tostring(setmetatable({}, {__tostring = function() block() return '' end}))"},
        {"for _ in ipairs(setmetatable({}, {__index = function() block() end})) do end"},
        {"table.concat(setmetatable({}, {__len = function() block() return 1 end}))"},
        {"table.unpack(setmetatable({}, {__index = function() block() end}), 1, 2)"},
        {"xpcall(error, function() local ok, e = pcall(block) error(e, 0) end)"},
        {"table.sort({2, 1}, function(a, b) return coroutine.wrap(function() block() return a < b "
         "end)() end)"},
        {"table.sort({2, 1}, function(a, b) return coroutine.wrap(function() return "
         "coroutine.wrap(function() block() return a < b end)() end)() end)"},
    };
    for (size_t i = 0; i < TEST_COUNT(cases); i++) {
        static kit k;
        kit_open(&k);
        const char *text = kit_eval(&k, cases[i].code);
        bool handler = strncmp(cases[i].code, "xpcall", 6) == 0;
        if (!handler && !strstr(text, "attempt to yield across a C-call boundary (block)")) {
            FAIL("%s: %s", cases[i].code, text);
        }
        CHECK_EQ_INT(k.block_count, 0);
        CHECK_EQ_INT(k.steps, 1);
        kit_close(&k);
    }
    CHECK_ONCE("local ok, e = pcall(table.sort, {2, 1}, function() block() end) block() return e",
               "test:1: attempt to yield across a C-call boundary (block)");
    CHECK_ONCE("return pcall(table.sort, {2, 1}, coroutine.yield)",
               "false attempt to yield across a C-call boundary (coroutine.yield)");
}

TEST(test_sandbox_generators_inside_callbacks_that_cannot_yield)
{
    CHECK_ONCE("local t = {3, 1, 2} table.sort(t, function(a, b) local g = "
               "coroutine.wrap(function() coroutine.yield(a) "
               "coroutine.yield(b) end) return g() < g() end) return table.concat(t)",
               "123");
    CHECK_ONCE("return (('abc'):gsub('.', coroutine.wrap(function(c) while true do c = "
               "coroutine.yield(c .. c) end end)))",
               "aabbcc");
}

TEST(test_sandbox_rude_yield_inside_a_callback_ends_that_thread)
{
    CHECK_ONCE("local co = coroutine.create(block_rudely) local ok, e "
               "table.sort({2, 1}, function() ok, e = coroutine.resume(co) end) return ok, e, "
               "coroutine.status(co)",
               "false attempt to yield across a C-call boundary dead");
    CHECK_ONCE("return pcall(table.sort, {2, 1}, coroutine.wrap(block_rudely))",
               "false attempt to yield across a C-call boundary");
}

TEST(test_sandbox_loading_cannot_block)
{
    static kit k;
    static const char *const chunks[] = {"block()", "coroutine.wrap(block)()", "coroutine.yield()"};
    kit_open(&k);
    k.guard.loading = true;
    for (size_t i = 0; i < TEST_COUNT(chunks); i++) {
        CHECK_EQ_INT(luaL_loadstring(k.L, chunks[i]), LUA_OK);
        CHECK_EQ_INT(lua_pcall(k.L, 0, 0, 0), LUA_ERRRUN);
        CHECK_HAS(lua_tostring(k.L, -1), "cannot block while the script loads (");
        lua_pop(k.L, 1);
    }
    CHECK_EQ_INT(
        luaL_dostring(
            k.L, "local g = coroutine.wrap(function() coroutine.yield(1) end) assert(g() == 1)"),
        LUA_OK);
    CHECK_EQ_INT(k.guard.pinned, 0);
    kit_close(&k);
}

/* ------------------------------------------------------------------ threads of the scheduler */

TEST(test_sandbox_scheduled_threads_take_turns)
{
    CHECK_ONCE(
        "local log = {} local function worker(name) return function() for i = 1, 3 do log[#log + "
        "1] = name .. i "
        "coroutine.yield() end end end coroutine.spawn(worker('a')) coroutine.spawn(worker('b')) "
        "for i = 1, 5 do coroutine.yield() end return table.concat(log, ' ')",
        "a1 b1 a2 b2 a3 b3");
    CHECK_ONCE("local n = 0 local function child() block() n = n + 1 end for i = 1, 20 do "
               "coroutine.spawn(child) end "
               "for i = 1, 3 do block() end return n",
               "20");
}

TEST(test_sandbox_scheduled_threads_cannot_be_resumed)
{
    CHECK_ONCE("local t = coroutine.spawn(function() block() end) return coroutine.resume(t)",
               "false cannot resume a scheduled coroutine");
    CHECK_ONCE("local t = coroutine.spawn(function() block() end) return coroutine.close(t)",
               "false cannot resume a scheduled coroutine");
    CHECK_ONCE("local t = coroutine.spawn(function() coroutine.yield() end) coroutine.yield() "
               "return coroutine.resume(t)",
               "false cannot resume a scheduled coroutine");
    CHECK_ONCE("return coroutine.resume((coroutine.running()))",
               "false cannot resume a scheduled coroutine");
    CHECK_ONCE(
        "local t = coroutine.spawn(function() block() end) block() local s = coroutine.status(t) "
        "block() block() return s, coroutine.status(t), coroutine.status(coroutine.running())",
        "suspended dead running");
}

TEST(test_sandbox_thread_that_blocks_for_its_resumer_is_normal)
{
    static const char code[] =
        "local g = coroutine.create(function() block() coroutine.yield(1) end)\n"
        "local log = {}\n"
        "coroutine.spawn(function()\n"
        "  log[1] = coroutine.status(g) log[2] = select(2, coroutine.resume(g))\n"
        "  log[3] = select(2, pcall(coroutine.close, g)) end)\n"
        "local _, v = coroutine.resume(g)\n"
        "return v, coroutine.status(g), table.concat(log, ', ')";
    CHECK_ONCE(code, "1 suspended normal, cannot resume non-suspended coroutine, cannot close a "
                     "normal coroutine");
    CHECK_ONCE(
        "local inner = coroutine.wrap(function() block() coroutine.yield(2) end) local outer = "
        "coroutine.create(function() "
        "return inner() end) local s coroutine.spawn(function() s = coroutine.status(outer) end) "
        "return select(2, coroutine.resume(outer)), s",
        "2 normal");
}

TEST(test_sandbox_close_runs_pending_closers)
{
    CHECK_ONCE("local log = '' local co = coroutine.create(function() local a <close> = "
               "setmetatable({}, {__close = function() "
               "log = log .. 'a' end}) local b <close> = setmetatable({}, {__close = function() "
               "log = log .. 'b' end}) "
               "coroutine.yield() end) coroutine.resume(co) return coroutine.close(co), log, "
               "coroutine.status(co)",
               "true ba dead");
    CHECK_ONCE("local co = coroutine.create(function() local a <close> = setmetatable({}, {__close "
               "= function() block() end}) "
               "coroutine.yield() end) coroutine.resume(co) return coroutine.close(co)",
               "false test:1: attempt to yield across a C-call boundary (block)");
    CHECK_ONCE("local n = 0 local f = coroutine.wrap(function() local a <close> = setmetatable({}, "
               "{__close = function() n = n + 1 "
               "end}) block() error({}) end) return pcall(f), n",
               "false 1");
}

TEST(test_sandbox_wrap_raises_errors_unchanged)
{
    CHECK_ONCE("return pcall(coroutine.wrap(function() error('x') end))", "false test:1: x");
    CHECK_ONCE("local e = errors.new('e') local ok, got = pcall(coroutine.wrap(function() error(e) "
               "end)) return got == e",
               "true");
    CHECK_ONCE("local f = coroutine.wrap(function() end) f() return pcall(f)",
               "false cannot resume dead coroutine");
    CHECK_ONCE("local f f = coroutine.wrap(function() return f() end) return pcall(f)",
               "false test:1: cannot resume non-suspended coroutine");
}

TEST(test_sandbox_too_many_results_raise_in_the_resumer)
{
    CHECK_ONCE("local g = coroutine.wrap(function() return table.unpack({}, 1, 600000) end) "
               "local function f(...) return g() end return pcall(f, table.unpack({}, 1, 600000))",
               "false test:1: too many results to resume");
    CHECK_ONCE("return coroutine.isyieldable(coroutine.create(print)), coroutine.isyieldable(), "
               "pcall(coroutine.status, 1)",
               "true true false bad argument #1 to '?' (coroutine expected, got number)");
}

TEST(test_sandbox_without_a_scheduler_there_is_no_spawn)
{
    static kit k;
    kit_open(&k);
    k.shared.spawn = NULL;
    CHECK_STR(kit_eval(&k, "return coroutine.spawn"), "nil");
    kit_close(&k);
}

/* ------------------------------------------------------------------ pre-emption */

TEST(test_sandbox_preemption_changes_nothing_a_program_sees)
{
    static const char code[] =
        "local log = {}\n"
        "local function gen(n) return coroutine.wrap(function() for i = 1, n do\n"
        "  local ok, v = pcall(function() return i * 2 end) coroutine.yield(v) end end) end\n"
        "local t = setmetatable({}, {__index = function(_, k) return k .. '?' end})\n"
        "for v in gen(20) do log[#log + 1] = v .. t.a end\n"
        "table.sort(log, function(a, b) local f = coroutine.wrap(function() coroutine.yield(a < b) "
        "end) return f() end)\n"
        "local s = ('abc'):gsub('.', function(c) return c .. tostring(setmetatable({}, {__tostring "
        "= function() return 'x' end})) end)\n"
        "local ok, e = xpcall(function() local q = nil; return q.x end, function(m) return #m "
        "end)\n"
        "return #log, table.concat(log, ','), s, ok, e";
    static char expected[1024];
    static kit k;
    snprintf(expected, sizeof(expected), "%s", kit_once(&k, code));
    CHECK(strncmp(expected, "20 ", 3) == 0);
    for (int every = 1; every < 40; every += 3) {
        kit_open(&k);
        k.hook_count = every;
        k.preempt = true;
        CHECK_STR(kit_eval(&k, code), expected);
        CHECK(k.steps > 10);
        kit_close(&k);
    }
}

TEST(test_sandbox_preemption_and_blocking_mixed)
{
    static const char code[] =
        "local function nest(n) return coroutine.wrap(function() if n > 0 then for v in nest(n - "
        "1) do\n"
        "  pcall(block) coroutine.yield(v + 1) end else for i = 1, 3 do block() coroutine.yield(i) "
        "end end end) end\n"
        "local s = '' local function child() for v in nest(4) do s = s .. v .. ' ' end end\n"
        "coroutine.spawn(child) child() for i = 1, 10 do coroutine.yield() block() end return #s";
    static kit k;
    for (int every = 1; every < 60; every += 7) {
        kit_open(&k);
        k.hook_count = every;
        k.preempt = true;
        CHECK_STR(kit_eval(&k, code), "12");
        kit_close(&k);
    }
}

static unsigned arm_count;

static void note_arm(lua_State *L, void *user_data)
{
    (void)L;
    (void)user_data;
    arm_count++;
}

TEST(test_sandbox_interrupt_is_carried_to_each_thread_that_runs)
{
    static kit k;
    kit_open(&k);
    k.shared.arm = note_arm;
    arm_count = 0;
    CHECK_STR(kit_eval(&k, "return coroutine.wrap(function() return 1 end)()"), "1");
    CHECK_EQ_INT(arm_count, 0);
    k.guard.interrupt = 1;
    CHECK_STR(kit_eval(&k, "return coroutine.wrap(function() return 1 end)()"), "1");
    CHECK_EQ_INT(arm_count, 3); /* the scheduler's, into the thread, back */
    kit_close(&k);
}

/* ------------------------------------------------------------------ kill */

static const char *const immortals[] = {
    "while true do end",
    "while true do pcall(error) end",
    "while true do pcall(function() while true do end end) end",
    "xpcall(error, function() while true do end end)",
    "while true do xpcall(function() while true do end end, function() while true do end end) end",
    "local function f() pcall(f) while true do end end f()",
    "local function g() return coroutine.wrap(function() while true do pcall(function() while true "
    "do end end) end end) end g()()",
    "local function nest(n) return coroutine.wrap(function() while true do if n > 0 then "
    "pcall(nest(n - 1)) end end end) end nest(20)()",
    "while true do coroutine.resume(coroutine.create(function() while true do end end)) end",
    "table.sort({3, 2, 1}, function() while true do end end)",
    "table.sort({3, 2, 1}, function() while true do pcall(function() while true do end end) end "
    "end)",
    "('x'):gsub('x', function() while true do xpcall(function() while true do end end, function() "
    "while true do end end) end end)",
    "tostring(setmetatable({}, {__tostring = function() while true do pcall(error) end end}))",
    "do local x <close> = setmetatable({}, {__close = function() while true do end end}) end",
    "local x <close> = setmetatable({}, {__close = function() while true do end end}) while true "
    "do end",
    "table.sort({2, 1}, function() local x <close> = setmetatable({}, {__close = function() while "
    "true do end end}) while true do end end)",
    "table.sort({2, 1}, function() pcall(function() local x <close> = setmetatable({}, {__close = "
    "function() while true do end end}) "
    "while true do end end) while true do end end)",
    "local co = coroutine.create(function() local x <close> = setmetatable({}, {__close = "
    "function() while true do end end}) "
    "coroutine.yield() end) coroutine.resume(co) coroutine.close(co)",
    "local f = coroutine.wrap(function() local x <close> = setmetatable({}, {__close = function() "
    "while true do end end}) error('x') end) "
    "while true do pcall(f) end",
    "table.sort({2, 1}, function() while true do coroutine.wrap(function() while true do end "
    "end)() end end)",
    "table.sort({2, 1}, function() while true do pcall(coroutine.wrap(function() table.sort({2, "
    "1}, function() while true do end end) end)) end end)",
    "local t = setmetatable({}, {__index = function(t, k) while true do pcall(error) end end}) "
    "return t.x",
    "coroutine.spawn(function() while true do pcall(coroutine.yield) end end) while true do "
    "coroutine.yield() end",
    "while true do pcall(block) end",
    "while true do pcall(string.rep, 'x', -1) end",
};

TEST(test_sandbox_kill_ends_whatever_runs)
{
    for (size_t i = 0; i < TEST_COUNT(immortals); i++) {
        for (unsigned after = 1; after < 60; after += after < 10 ? 1 : 17) {
            for (int preempt = 0; preempt < 2; preempt++) {
                static kit k;
                kit_open(&k);
                k.hook_count = 7;
                k.hooks_until_kill = after;
                k.preempt = preempt != 0;
                if (strcmp(kit_eval(&k, immortals[i]), "killed") != 0) {
                    FAIL("%s: %s (hook %u)", immortals[i], k.text, after);
                }
                kit_close(&k);
            }
        }
    }
}

TEST(test_sandbox_kill_runs_no_code_afterwards)
{
    static const char code[] =
        "hits = 0 local function hit() hits = hits + 1 end\n"
        "local closer = {__close = hit}\n"
        "local function work()\n"
        "  local x <close> = setmetatable({}, closer)\n"
        "  xpcall(function() pcall(function() local y <close> = setmetatable({}, closer) ready = "
        "true while true do end end) hit() end, hit)\n"
        "  hit() end\n"
        "local inside = ...\n"
        "if inside then table.sort({2, 1}, function() work() hit() end) else "
        "coroutine.wrap(work)() end\n"
        "hit()";
    for (int inside = 0; inside < 2; inside++) {
        static kit k;
        static char script[2048];
        kit_open(&k);
        k.hook_count = 1000;
        k.hooks_until_kill = 3;
        snprintf(script, sizeof(script), "local function main(...) %s end main(%s)", code,
                 inside ? "true" : "false");
        CHECK_STR(kit_eval(&k, script), "killed");
        CHECK_EQ_INT(lua_getglobal(k.L, "ready"), LUA_TBOOLEAN);
        lua_getglobal(k.L, "hits");
        CHECK_EQ_INT(lua_tointeger(k.L, -1), 0);
        kit_close(&k);
    }
}

TEST(test_sandbox_kill_holds_where_no_hook_is_set)
{
    static const char *const codes[] = {
        "die()",
        "pcall(die) hit()",
        "pcall(coroutine.wrap(function() pcall(die) hit() end)) hit()",
        "table.sort({2, 1}, function() pcall(die) hit() end) hit()",
        "table.sort({2, 1}, function() local x <close> = setmetatable({}, {__close = hit}) die() "
        "end)",
        "table.sort({2, 1}, function() local x <close> = setmetatable({}, {__close = "
        "coroutine.wrap(hit)}) die() end)",
        "table.sort({2, 1}, function() local co = coroutine.create(function() local x <close> = "
        "setmetatable({}, "
        "{__close = hit}) coroutine.yield() end) coroutine.resume(co) "
        "local x <close> = setmetatable({}, {__close = coroutine.close}) local y <close> = "
        "setmetatable({}, "
        "{__close = function() coroutine.close(co) end}) die() end)",
        "xpcall(function() table.sort({2, 1}, die) end, hit) hit()",
        "table.sort({2, 1}, function() xpcall(die, hit) hit() end)",
        "table.sort({2, 1}, function() coroutine.resume(coroutine.create(die)) hit() end)",
        "table.sort({2, 1}, function() coroutine.wrap(function() table.sort({2, 1}, function() "
        "pcall(die) hit() end) "
        "hit() end)() hit() end)",
    };
    for (size_t i = 0; i < TEST_COUNT(codes); i++) {
        static kit k;
        static char script[1024];
        kit_open(&k);
        snprintf(script, sizeof(script), "hits = 0 function hit() hits = hits + 1 end %s hit()",
                 codes[i]);
        CHECK_STR(kit_eval(&k, script), "killed");
        lua_getglobal(k.L, "hits");
        if (lua_tointeger(k.L, -1) != 0) {
            FAIL("%s: code ran after the kill", codes[i]);
        }
        kit_close(&k);
    }
}

/* ------------------------------------------------------------------ the rest */

TEST(test_sandbox_error_in_the_handler_of_xpcall)
{
    CHECK_ONCE("local ok, e = xpcall(error, function() error('again') end, 'x') return ok, type(e)",
               "false string");
    CHECK_ONCE("local n = 0 local ok = xpcall(error, function() n = n + 1 if n < 3 then "
               "error('again') end return 'done' end, 'x') "
               "return ok, n",
               "false 3");
    CHECK_ONCE("local function deep() return deep() + 1 end return select('#', xpcall(deep, "
               "function(m) return 1 end))",
               "2");
}

TEST(test_sandbox_out_of_memory_anywhere_leaves_the_state_whole)
{
    static const char code[] =
        "local s = ('x'):rep(10) .. math.pi local t = {} for k in pairs(table) do t[#t + 1] = k "
        "end table.sort(t) "
        "local e = errors.wrap(errors.new{message = s, kind = 'Odd', details = {1}}, 'c') "
        "local g = coroutine.wrap(function() for i = 1, 3 do coroutine.yield(i) end end) "
        "return pcall(string.gsub, e, '%w+', function(w) return g() end), os.date('!%Y'), "
        "#tostring(e:stack())";
    static kit k;
    unsigned refused = 0;
    for (size_t room = 0; room < 40000; room += 97) {
        kit_open(&k);
        lua_State *thread = kit_new_thread(k.L);
        CHECK_EQ_INT(luaL_loadstring(thread, code), LUA_OK);
        k.limit = k.bytes + room;
        int status = kit_schedule(&k, thread);
        k.limit = 0;
        refused += status == LUA_ERRMEM ? 1 : 0;
        CHECK(status == LUA_ERRMEM || status == LUA_OK || status == LUA_ERRRUN);
        const char *text = kit_eval(&k, code);
        if (strncmp(text, "true", 4) != 0) {
            FAIL("with %zu bytes of room, then with enough: %s", room, text);
        }
        kit_close(&k);
    }
    CHECK(refused > 20);
}

TEST(test_sandbox_owned_threads_live_until_released)
{
    static kit k;
    kit_open(&k);
    lua_State *thread = kit_new_thread(k.L);
    lua_gc(k.L, LUA_GCCOLLECT, 0);
    CHECK(wippyli_coroutine_is_owned(k.L, thread));
    CHECK_EQ_INT(lua_status(thread), LUA_OK);
    size_t before = k.bytes;
    wippyli_coroutine_release(k.L, thread);
    CHECK(!wippyli_coroutine_is_owned(k.L, thread));
    lua_gc(k.L, LUA_GCCOLLECT, 0);
    CHECK(k.bytes < before);
    kit_close(&k);
}

TEST_MAIN(TEST_ENTRY(test_sandbox_untouched_costs_less_than_a_kilobyte),
          TEST_ENTRY(test_sandbox_library_costs_only_what_is_used),
          TEST_ENTRY(test_sandbox_entries_are_sorted),
          TEST_ENTRY(test_sandbox_has_the_base_functions),
          TEST_ENTRY(test_sandbox_lacks_what_reaches_outside),
          TEST_ENTRY(test_sandbox_libraries_are_read_only),
          TEST_ENTRY(test_sandbox_libraries_are_seen_whole),
          TEST_ENTRY(test_sandbox_globals_are_seen_whole),
          TEST_ENTRY(test_sandbox_global_set_to_nil_stays_nil),
          TEST_ENTRY(test_sandbox_casts_check),
          TEST_ENTRY(test_sandbox_setmetatable_refuses_finalizers),
          TEST_ENTRY(test_sandbox_print_joins_with_spaces),
          TEST_ENTRY(test_sandbox_tostring_counts_in_simulation),
          TEST_ENTRY(test_sandbox_modules_are_globals_when_granted),
          TEST_ENTRY(test_sandbox_imports_take_their_name),
          TEST_ENTRY(test_sandbox_blocking_inside_protected_calls),
          TEST_ENTRY(test_sandbox_blocking_inside_generators),
          TEST_ENTRY(test_sandbox_blocking_inside_metamethods_and_iterators),
          TEST_ENTRY(test_sandbox_blocking_where_it_cannot_raises_and_takes_nothing),
          TEST_ENTRY(test_sandbox_generators_inside_callbacks_that_cannot_yield),
          TEST_ENTRY(test_sandbox_rude_yield_inside_a_callback_ends_that_thread),
          TEST_ENTRY(test_sandbox_loading_cannot_block),
          TEST_ENTRY(test_sandbox_scheduled_threads_take_turns),
          TEST_ENTRY(test_sandbox_scheduled_threads_cannot_be_resumed),
          TEST_ENTRY(test_sandbox_thread_that_blocks_for_its_resumer_is_normal),
          TEST_ENTRY(test_sandbox_close_runs_pending_closers),
          TEST_ENTRY(test_sandbox_wrap_raises_errors_unchanged),
          TEST_ENTRY(test_sandbox_too_many_results_raise_in_the_resumer),
          TEST_ENTRY(test_sandbox_without_a_scheduler_there_is_no_spawn),
          TEST_ENTRY(test_sandbox_preemption_changes_nothing_a_program_sees),
          TEST_ENTRY(test_sandbox_preemption_and_blocking_mixed),
          TEST_ENTRY(test_sandbox_interrupt_is_carried_to_each_thread_that_runs),
          TEST_ENTRY(test_sandbox_kill_ends_whatever_runs),
          TEST_ENTRY(test_sandbox_kill_runs_no_code_afterwards),
          TEST_ENTRY(test_sandbox_kill_holds_where_no_hook_is_set),
          TEST_ENTRY(test_sandbox_error_in_the_handler_of_xpcall),
          TEST_ENTRY(test_sandbox_out_of_memory_anywhere_leaves_the_state_whole),
          TEST_ENTRY(test_sandbox_owned_threads_live_until_released))
