/* ========================================================================== >>test_process
   What a Lua process does with others: spawn, send, inbox, listen, events, names, upgrade. */
#include "lua_kit.h"

static void load(lua_kit *kit, const char *yaml)
{
    wippy_diag diag;
    memset(&diag, 0, sizeof(diag));
    if (wippy_load_text(kit->rt, "test.yaml", yaml, strlen(yaml), &diag) != WIPPY_OK) {
        FAIL("not loaded: %s:%u %s", diag.file, diag.line, diag.message);
    }
}

/* Start an entry on the pump host without arguments and run until nothing moves. */
static wippy_pid start(lua_kit *kit, const char *id)
{
    wippy_spawn_desc desc;
    wippy_pid pid = {0};
    memset(&desc, 0, sizeof(desc));
    memset(&kit->diag, 0, sizeof(kit->diag));
    desc.entry = id;
    desc.host = kit->host;
    if (wippy_spawn(wippy_outside(kit->rt), &desc, &pid, &kit->diag) != WIPPY_OK) {
        pid.id = 0;
    }
    lua_kit_pump(kit);
    return pid;
}

/* An application of several sources: entry "app:<name>" each, modules [t]. Ends with NULL. Starts
   app:main and compares what was printed. */
typedef struct source {
    const char *name;
    const char *text;
} source;

static void load_sources(lua_kit *kit, const source *sources)
{
    static char yaml[32768];
    size_t used = (size_t)snprintf(yaml, sizeof(yaml), "namespace: app\nentries:\n");
    for (; sources->name; sources++) {
        used += (size_t)snprintf(yaml + used, sizeof(yaml) - used,
                                 "  - name: %s\n    kind: process.lua\n    method: main\n"
                                 "    modules: [t]\n    source: |\n      return { main = function(...)\n",
                                 sources->name);
        for (const char *line = sources->text; *line;) {
            const char *end = strchr(line, '\n');
            size_t size = end ? (size_t)(end - line) : strlen(line);
            used += (size_t)snprintf(yaml + used, sizeof(yaml) - used, "      %.*s\n", (int)size,
                                     line);
            line += size + (end ? 1 : 0);
        }
        used += (size_t)snprintf(yaml + used, sizeof(yaml) - used, "      end }\n");
    }
    load(kit, yaml);
}

static void application(const source *sources, const char *expected)
{
    lua_kit kit;
    lua_kit_open(&kit, NULL);
    load_sources(&kit, sources);
    wippy_pid pid = start(&kit, "app:main");
    if (pid.id == 0) {
        FAIL("not started: %s", kit.diag.message);
    }
    CHECK_STR(kit.out, expected);
    lua_kit_close(&kit);
}

#define HOST "local H = 'app:processes'\n"

/* ------------------------------------------------------------------ starting */

TEST(test_start_chunk_forms)
{
    lua_kit kit;
    lua_kit_open(&kit, NULL);
    CHECK(lua_kit_spawn(&kit, "return function() t.out('function') end").id != 0);
    CHECK(lua_kit_spawn(&kit, "return {main = function() t.out('table') end}").id != 0);
    CHECK(lua_kit_spawn(&kit, "function later() t.out('later', helper()) end"
                              " local m = {main = function() later() end}"
                              " function helper() return 'global' end return m").id != 0);
    CHECK_EQ_INT(lua_kit_spawn(&kit, "return {other = 1}").id, 0);
    CHECK_STR(kit.diag.message, "method \"main\" not found in module");
    CHECK_EQ_INT(kit.diag.code, WIPPY_ERR_NOTFOUND);
    CHECK_EQ_INT(lua_kit_spawn(&kit, "return 5").id, 0);
    CHECK_HAS(kit.diag.message, "not found in module");
    CHECK_EQ_INT(lua_kit_spawn(&kit, "local x = = 1").id, 0);
    CHECK_HAS(kit.diag.message, "failed to load script: app:test:1:");
    CHECK_EQ_INT(kit.diag.code, WIPPY_ERR_INTERNAL);
    CHECK_EQ_INT(lua_kit_spawn(&kit, "\nerror('chunk')").id, 0);
    CHECK_STR(kit.diag.message, "failed to execute script: app:test:2: chunk");
    CHECK_EQ_INT(lua_kit_spawn(&kit, "error(errors.new('obj'))").id, 0);
    CHECK_STR(kit.diag.message, "failed to execute script: obj");
    CHECK_EQ_INT(lua_kit_spawn(&kit, "process.inbox()").id, 0);
    CHECK_HAS(kit.diag.message, "cannot block while the script loads");
    CHECK_EQ_INT(lua_kit_spawn(&kit, "channel.new():receive()").id, 0);
    CHECK_HAS(kit.diag.message, "cannot block while the script loads");
    CHECK_EQ_INT(lua_kit_spawn(&kit, "coroutine.wrap(function() t.nap() end)()").id, 0);
    CHECK_HAS(kit.diag.message, "cannot block while the script loads");
    CHECK_EQ_INT(kit.nap_count, 0);
    lua_kit_pump(&kit);
    CHECK_STR(kit.out, "function\ntable\nlater global\n");
    lua_kit_close(&kit);
}

TEST(test_start_libraries_run_once_dependencies_first)
{
    lua_kit kit;
    lua_kit_open(&kit, NULL);
    load(&kit,
         "namespace: app\n"
         "entries:\n"
         "  - name: base\n    kind: library.lua\n    modules: [t]\n"
         "    source: \"t.out('base') return {v = 1}\"\n"
         "  - name: left\n    kind: library.lua\n    modules: [t]\n    imports: {base: app:base}\n"
         "    source: \"t.out('left', base.v) base.v = base.v + 1 return {base = base}\"\n"
         "  - name: right\n    kind: library.lua\n    modules: [t]\n    imports: {base: app:base}\n"
         "    source: \"t.out('right', base.v) return {base = base}\"\n"
         "  - name: main\n    kind: process.lua\n    modules: [t]\n"
         "    imports: {l: app:left, r: right, tt: t}\n"
         "    source: |\n"
         "      local l, r = require('l'), require(\"r\")\n"
         "      return {main = function() tt.out(l.base == r.base, base.v, tt == t) end}\n"
         "  - name: missing\n    kind: process.lua\n    modules: [t, nosuch]\n"
         "    source: \"return {main = function() end}\"\n"
         "  - name: lost\n    kind: process.lua\n    imports: {x: app:gone}\n"
         "    source: \"return {main = function() end}\"\n");
    CHECK(start(&kit, "app:main").id != 0);
    CHECK_STR(kit.out, "base\nleft 1\nright 2\ntrue 2 true\n");
    CHECK_EQ_INT(start(&kit, "app:missing").id, 0);
    CHECK_STR(kit.diag.message, "module 'nosuch' not found");
    CHECK_EQ_INT(kit.diag.code, WIPPY_ERR_NOTFOUND);
    CHECK_EQ_INT(start(&kit, "app:lost").id, 0);
    CHECK_STR(kit.diag.message, "module 'app:gone' not found");
    lua_kit_close(&kit);
}

TEST(test_start_new_code_is_used_and_old_never_again)
{
    lua_kit kit;
    wippy_registry_change change;
    wippy_writer writer;
    wippy_slice data;
    lua_kit_open(&kit, NULL);
    load(&kit, "namespace: app\nentries:\n  - name: p\n    kind: process.lua\n    modules: [t]\n"
               "    source: \"return {main = function() t.out('old') end}\"\n");
    CHECK(start(&kit, "app:p").id != 0);
    wippy_writer_init(&writer, kit.rt);
    wippy_write_map(&writer, 0);
    wippy_write_cstring(&writer, "source");
    wippy_write_cstring(&writer, "return {main = function() t.out('new') end}");
    wippy_write_cstring(&writer, "modules");
    wippy_write_array(&writer, 1);
    wippy_write_cstring(&writer, "t");
    wippy_write_end(&writer);
    wippy_write_end(&writer);
    wippy_writer_finish(&writer, &data);
    memset(&change, 0, sizeof(change));
    change.op = WIPPY_ENTRY_UPDATE;
    change.id = "app:p";
    change.data = data;
    CHECK_EQ_INT(wippy_registry_apply(kit.rt, &change, 1, NULL, &kit.diag), WIPPY_OK);
    CHECK(start(&kit, "app:p").id != 0);
    CHECK_EQ_INT(wippy_registry_apply_version(kit.rt, 0, &kit.diag), WIPPY_OK);
    CHECK(start(&kit, "app:p").id != 0);
    CHECK_STR(kit.out, "old\nnew\nold\n");
    wippy_writer_free(&writer);
    lua_kit_close(&kit);
}

TEST(test_start_types_are_erased_and_usable_as_values)
{
    lua_kit kit;
    lua_kit_open(&kit, NULL);
    CHECK(lua_kit_spawn(&kit, "type Job = {id: integer, name: string?}\n"
                              "type Other = {x: number}\n"
                              "local function main(n: integer): Job\n"
                              " local j: Job = {id = 1} t.out(Job(j) == j, tostring(Job))\n"
                              " local v, e = Job:is({id = 'x'}) t.out(v, e:kind(), e)\n"
                              " t.out(pcall(Job, {}))\n"
                              " t.out(pcall(function() return Job({}) end))\n"
                              " return j :: Job\nend\nreturn {main = main}").id != 0);
    lua_kit_pump(&kit);
    CHECK_HAS(kit.out, "true Job\nnil Invalid id: expected integer, got string\n");
    CHECK_HAS(kit.out, "missing field 'id'");
    CHECK_STR(kit.last_value, "{\"id\": 1}");
    CHECK(lua_kit_spawn(&kit, "type Job = {id: integer} local j: Job = {id = 2}"
                              " return function() t.out(_G['Job'], j.id) end").id != 0);
    lua_kit_pump(&kit);
    CHECK_HAS(kit.out, "nil 2\n");
    lua_kit_close(&kit);
}

/* Strings are told only the arithmetic that the sources of a process have. */
static void arithmetic(const char *expression, const char *library, const char *expected)
{
    lua_kit kit;
    char yaml[1024];
    lua_kit_open(&kit, NULL);
    snprintf(yaml, sizeof(yaml),
             "namespace: app\n"
             "entries:\n"
             "  - name: sum\n    kind: library.lua\n"
             "    source: \"return {of = function(a, b) return %s end}\"\n"
             "  - name: main\n    kind: process.lua\n    imports: {sum: app:sum}\n"
             "    source: \"return {main = function() local a, b = '7', '2' return %s end}\"\n",
             library, expression);
    load(&kit, yaml);
    start(&kit, "app:main");
    CHECK_STR(kit.last_value, expected);
    lua_kit_close(&kit);
}

TEST(test_start_strings_know_the_arithmetic_of_all_sources)
{
    arithmetic("a + b", "nil", "9");
    arithmetic("a - b", "nil", "5");
    arithmetic("-a", "nil", "-7");
    arithmetic("a * b", "nil", "14");
    arithmetic("a % b", "nil", "1");
    arithmetic("a ^ b", "nil", "49");
    arithmetic("a / b", "nil", "3.5");
    arithmetic("a // b", "nil", "3");
    arithmetic("a - 1", "nil", "6");
    arithmetic("10 // b", "nil", "5");
    arithmetic("sum.of(a, b)", "a // b", "3");
    arithmetic("sum.of(a, b)", "-a", "-7");
    arithmetic("a .. b", "nil", "\"72\"");
    arithmetic("a:rep(2)", "nil", "\"77\"");
}

static int module_adds(lua_State *L)
{
    lua_settop(L, 2);
    lua_arith(L, LUA_OPADD);
    return 1;
}

static int module_runs(lua_State *L)
{
    if (luaL_dostring(L, "return '7' % '4'") != LUA_OK) {
        return lua_error(L);
    }
    return 1;
}

TEST(test_start_strings_know_all_arithmetic_with_modules_of_embedders)
{
    static const wippy_lua_function functions[] = {{"adds", module_adds}, {"runs", module_runs}};
    static const char *const needs[] = {"modules: [calc]", "imports: {calc: calc}"};
    for (int i = 0; i < 2; i++) {
        lua_kit kit;
        wippy_lua_module_desc module;
        char yaml[512];
        lua_kit_open(&kit, NULL);
        memset(&module, 0, sizeof(module));
        module.name = "calc";
        module.functions = functions;
        module.function_count = 2;
        CHECK_EQ_INT(wippy_lua_module(kit.rt, &module), WIPPY_OK);
        snprintf(yaml, sizeof(yaml),
                 "namespace: app\n"
                 "entries:\n"
                 "  - name: main\n    kind: process.lua\n    %s\n"
                 "    source: \"return {main = function() return {calc.adds('7', '2'), calc.runs()} "
                 "end}\"\n",
                 needs[i]);
        load(&kit, yaml);
        start(&kit, "app:main");
        CHECK_STR(kit.last_value, "[9, 3]");
        lua_kit_close(&kit);
    }
}

TEST(test_error_rethrown_leaves_without_position)
{
    lua_kit kit;
    lua_kit_open(&kit, NULL);
    lua_kit_run(&kit, "local ok, e = pcall(function() error('first') end)\nerror(e, 0)");
    CHECK_STR(kit.last_value, "{\"kind\": \"Internal\", \"message\": \"first\"}");
    lua_kit_run(&kit, "error('1.5:20: text', 0)");
    CHECK_STR(kit.last_value, "{\"kind\": \"Internal\", \"message\": \"1.5:20: text\"}");
    lua_kit_close(&kit);
}

TEST(test_kinds_check_their_fields)
{
    lua_kit kit;
    const char *bad[] = {
        "namespace: app\nentries:\n  - name: p\n    kind: process.lua\n",
        "namespace: app\nentries:\n  - name: p\n    kind: function.lua\n    source: \"return 1\"\n",
        "namespace: app\nentries:\n  - name: p\n    kind: library.lua\n    modules: [\"a:b\"]\n"
        "    source: \"return 1\"\n",
        "namespace: app\nentries:\n  - name: p\n    kind: library.lua\n"
        "    source: \"local x: = 1\"\n",
        "namespace: app\nentries:\n  - {name: p, kind: library.lua, source: ''}\n",
        "namespace: app\nentries:\n  - {name: p, kind: library.lua, source: 'return 1', modules: ['']}\n",
        "namespace: app\nentries:\n  - {name: p, kind: library.lua, source: 'return 1', modules: [5]}\n",
        "namespace: app\nentries:\n  - {name: p, kind: library.lua, source: 'return 1', imports: {'': 'a:b'}}\n",
        "namespace: app\nentries:\n  - {name: p, kind: library.lua, source: 'return 1', imports: {x: ''}}\n"};
    const char *texts[] = {"source is required", "method is required",
                           "module cannot have a namespace", "unexpected '=' in type",
                           "source is required", "module name is required", "module name is required",
                           "import alias is empty", "import target is required"};
    lua_kit_open(&kit, NULL);
    for (size_t i = 0; i < TEST_COUNT(bad); i++) {
        wippy_diag diag;
        memset(&diag, 0, sizeof(diag));
        CHECK(wippy_load_text(kit.rt, "bad.yaml", bad[i], strlen(bad[i]), &diag) != WIPPY_OK);
        CHECK_STR(diag.message, texts[i]);
        CHECK_STR(diag.file, "app:p");
        CHECK_EQ_U64(diag.line, i == 3 ? 1 : 0);
    }
    lua_kit_close(&kit);
}

/* ------------------------------------------------------------------ messages */

TEST(test_send_and_inbox_in_order)
{
    const source sources[] = {
        {"main", HOST "local child = process.spawn('app:child', H, 'arg', nil, 3)\n"
                 "for i = 1, 5 do t.out(process.send(child, 'n', i)) end\n"
                 "process.send(child, 'two', 'a', {b = 1})\n"
                 "process.send(child, 'none')\n"},
        {"child", "t.out(select('#', ...), ...)\n"
                  "local inbox = process.inbox() t.out(inbox == process.inbox())\n"
                  "for i = 1, 5 do local m = inbox:receive()\n"
                  " t.out(m:topic(), m:payload():data(), m:from() ~= '', tostring(m), m.x) end\n"
                  "local m = inbox:receive() local p = m:payload()\n"
                  "t.out(#p, p[1]:data(), p[2]:data().b, p[2]:get_format(), tostring(p[2]))\n"
                  "m = inbox:receive() t.out(m:topic(), m:payload())\n"},
        {NULL, NULL}};
    application(sources, "true\ntrue\ntrue\ntrue\ntrue\n3 arg nil 3\ntrue\n"
                         "n 1 true process.Message{topic=n} nil\n"
                         "n 2 true process.Message{topic=n} nil\n"
                         "n 3 true process.Message{topic=n} nil\n"
                         "n 4 true process.Message{topic=n} nil\n"
                         "n 5 true process.Message{topic=n} nil\n"
                         "2 a 1 lua/any payload{format=lua/any}\nnone nil\n");
}

TEST(test_payloads_are_sent_on_unopened_and_opened)
{
    const source sources[] = {
        {"main", HOST "local inbox = process.inbox()\n"
                 "local other = process.spawn('app:child', H)\n"
                 "for _, v in ipairs{-7, 1 << 40, 2.5, true, false, '', 's\\0t', ('y'):rep(40),\n"
                 "  ('x'):rep(100), {1, 2}, errors.new('bad')} do process.send(other, 'go', v) end\n"
                 "process.send(other, 'go', nil) process.send(other, 'end')\n"
                 "while true do local m = inbox:receive()\n"
                 " if m:topic() == 'end' then return end\n"
                 " local p = m:payload() local v = p:data()\n"
                 " local inner = m:topic() == 'in' local x = v if inner then x = v[1] end\n"
                 " if type(x) == 'table' then x = #x elseif type(x) == 'string' then\n"
                 "  x = #x .. x:sub(-1) end\n"
                 " t.out(m:topic(), p:get_format(), x, math.type(x), rawequal(v, p:data())) end\n"},
        {"child", "local inbox = process.inbox()\n"
                  "while true do local m = inbox:receive()\n"
                  " local p, from = m:payload(), m:from()\n"
                  " if m:topic() == 'end' then process.send(from, 'end') return end\n"
                  " process.send(from, 'closed', p) p:data() process.send(from, 'open', p)\n"
                  " process.send(from, 'in', {p}) end\n"},
        {NULL, NULL}};
    application(sources, "closed lua/any -7 integer true\nopen lua/any -7 integer true\nin lua/any -7 integer true\n"
                         "closed lua/any 1099511627776 integer true\nopen lua/any 1099511627776 integer true\nin lua/any 1099511627776 integer true\n"
                         "closed lua/any 2.5 float true\nopen lua/any 2.5 float true\nin lua/any 2.5 float true\n"
                         "closed lua/any true nil true\nopen lua/any true nil true\nin lua/any true nil true\n"
                         "closed lua/any false nil true\nopen lua/any false nil true\nin lua/any false nil true\n"
                         "closed lua/any 0 nil true\nopen lua/any 0 nil true\nin lua/any 0 nil true\n"
                         "closed lua/any 3t nil true\nopen lua/any 3t nil true\nin lua/any 3t nil true\n"
                         "closed lua/any 40y nil true\nopen lua/any 40y nil true\nin lua/any 40y nil true\n"
                         "closed lua/any 100x nil true\nopen lua/any 100x nil true\nin lua/any 100x nil true\n"
                         "closed lua/any 2 integer true\nopen lua/any 2 integer true\nin lua/any 2 integer true\n"
                         "closed golang/error bad nil true\nopen golang/error bad nil true\nin lua/any bad nil true\n"
                         "closed lua/any nil nil true\nopen lua/any nil nil true\nin lua/any nil nil true\n");
}

TEST(test_pid_is_told_as_the_runtime_writes_it)
{
    const source sources[] = {
        {"main", HOST "local inbox = process.inbox() local me = process.pid()\n"
                 "local other = process.spawn('app:child', H)\n"
                 "local odd = other:gsub('|0x0*', '|0X')\n"
                 "t.out(odd ~= other, process.send(odd, 'a'), process.send(odd, 'b'),\n"
                 "  process.send(other, 'c'))\n"
                 "for i = 1, 3 do local m = inbox:receive()\n"
                 " t.out(m:topic(), m:from() == other, m:from() == odd, process.send(m:from(), 'd')) end\n"},
        {"child", "local inbox = process.inbox()\n"
                  "for i = 1, 3 do local m = inbox:receive()\n"
                  " process.send(m:from(), m:topic()) end\n"
                  "for i = 1, 3 do t.out(inbox:receive():topic()) end\n"},
        {NULL, NULL}};
    application(sources, "true true true true\na true false true\nb true false true\n"
                         "c true false true\nd\nd\nd\n");
}

TEST(test_exit_error_has_a_call_stack)
{
    const source sources[] = {
        {"main", HOST "local ev = process.events()\n"
                 "for _, id in ipairs{'plain', 'bare'} do\n"
                 " process.spawn_monitored('app:' .. id, H)\n"
                 " local frames = errors.call_stack(ev:receive().result.error).frames\n"
                 " for _, f in ipairs(frames) do t.out(f.source, f.line, f.name) end end\n"},
        {"plain", "\nerror('boom')"},
        {"bare", "\n\nerror('bare', 0)"},
        {NULL, NULL}};
    application(sources, "app:plain 3 function <app:plain:1>\n"
                         "app:bare 4 function <app:bare:1>\n");
}

TEST(test_exit_error_has_the_stack_of_the_raise)
{
    const source sources[] = {
        {"main", HOST "local ev = process.events()\n"
                 "for _, id in ipairs{'plain', 'rethrown', 'bare', 'tabled', 'object'} do\n"
                 " process.spawn_monitored('app:' .. id, H)\n"
                 " local e = ev:receive().result.error\n"
                 " t.out(e, e:stack():match('app:[%w:]+'), e:stack():find('app:main', 1, true)) end\n"
                 "local v, e = process.exec('app:again', H)\n"
                 "t.out(v, e, e:stack():match('app:[%w:]+'))\n"},
        {"plain", "\nerror('boom')"},
        {"rethrown", "local ok, e = pcall(function()\nerror('first') end)\nerror(e, 0)"},
        {"bare", "\n\nerror('bare', 0)"},
        {"tabled", "\n\n\nerror({})"},
        {"object", "local e = errors.new('made')\nerror(e)"},
        {"again", HOST "local v, e = process.exec('app:plain', H) error(e)"},
        {NULL, NULL}};
    application(sources, "boom app:plain:3: nil\nfirst app:rethrown:3 nil\nbare app:bare:4: nil\n"
                         "(error object is a table value) app:tabled:5: nil\n"
                         "made app:object:2: nil\nnil boom app:plain:3:\n");
}

TEST(test_send_errors)
{
    const source sources[] = {
        {"main", "local function show(v, e) t.out(v, e and e:kind(), e) end\n"
                 "local me = process.pid()\n"
                 "show(process.send(me))\n"
                 "show(process.send(me, '@pid/inbox', 1))\n"
                 "show(process.send('nobody', 'x'))\n"
                 "show(process.send('{nohost|0x00001}', 'x'))\n"
                 "show(process.send('{app:processes|0xfffff}', 'x'))\n"
                 "t.out(pcall(process.send, nil, 'x'))\n"
                 "t.out(pcall(process.send, me, {}))\n"
                 "t.out(string.find(select(2, process.send('{app:processes|0xfffff}', 'x')), 'not found'))\n"},
        {NULL, NULL}};
    application(sources,
                "nil Invalid send requires at least destination and topic arguments\n"
                "nil Invalid cannot send to @ topics\n"
                "nil NotFound could not resolve 'nobody' as PID or registered name\n"
                "nil NotFound host of '{nohost|0x00001}' not found\n"
                "nil NotFound process not found\n"
                "false bad argument #1 to '?' (string expected, got nil)\n"
                "false bad argument #2 to '?' (string expected, got table)\n"
                "9 17\n");
}

TEST(test_listen_separates_topics_from_the_inbox)
{
    lua_kit kit;
    lua_kit_open(&kit, NULL);
    wippy_pid pid = lua_kit_run(
        &kit, "local inbox, l = process.inbox(), process.listen('news')"
              " local m = process.listen('msg', {message = true})"
              " t.out(l == process.listen('news'), l ~= m, l ~= inbox)"
              " while true do local r = channel.select{inbox:case_receive(), l:case_receive(), m:case_receive()}"
              "  if r.channel == l then t.out('news', r.value)"
              "  elseif r.channel == m then t.out('msg', r.value:topic(), r.value:payload():data())"
              "  else t.out('inbox', r.value:topic()) if r.value:topic() == 'end' then return end end end");
    lua_kit_send(&kit, pid, "news", "a");
    lua_kit_send(&kit, pid, "x", "b");
    lua_kit_send(&kit, pid, "msg", "c");
    lua_kit_send(&kit, pid, "inbox", "d");
    lua_kit_send(&kit, pid, "news", "e");
    lua_kit_send(&kit, pid, "end", "f");
    lua_kit_pump(&kit);
    CHECK_STR(kit.out, "true true true\nnews a\ninbox x\nmsg msg c nil\ninbox inbox\nnews e\n"
                       "inbox end\n");
    CHECK_EQ_INT(kit.last_result, WIPPY_OK);
    lua_kit_close(&kit);
}

TEST(test_mail_before_subscription_waits)
{
    lua_kit kit;
    lua_kit_open(&kit, NULL);
    wippy_pid pid = lua_kit_run(&kit, "t.nap()"
                                      " local l = process.listen('b')"
                                      " t.out(l:receive()) t.out(l:receive())"
                                      " local i = process.inbox()"
                                      " for n = 1, 3 do local m = i:receive() t.out(m:topic(), m:payload():data()) end");
    lua_kit_send(&kit, pid, "a", "1");
    lua_kit_send(&kit, pid, "b", "2");
    lua_kit_send(&kit, pid, "a", "3");
    lua_kit_send(&kit, pid, "b", "4");
    lua_kit_send(&kit, pid, "c", "5");
    lua_kit_pump(&kit);
    CHECK_STR(kit.out, "");
    lua_kit_wake(&kit, 0, 1);
    CHECK_STR(kit.out, "2 true\n4 true\na 1 nil\na 3 nil\nc 5 nil\n");
    CHECK_EQ_INT(kit.last_result, WIPPY_OK);
    lua_kit_close(&kit);
}

TEST(test_unlisten_gives_mail_to_the_inbox)
{
    lua_kit kit;
    lua_kit_open(&kit, NULL);
    wippy_pid pid = lua_kit_run(&kit, "local i, l = process.inbox(), process.listen('b')"
                                      " t.nap()"
                                      " t.out(process.unlisten(l)) t.out(process.unlisten(l))"
                                      " t.out(l:receive()) t.out(l:receive())"
                                      " for n = 1, 4 do local m = i:receive() t.out(m:topic(), m:payload():data()) end"
                                      " t.out(pcall(process.unlisten, 5))");
    lua_kit_send(&kit, pid, "b", "1");
    lua_kit_send(&kit, pid, "a", "2");
    lua_kit_send(&kit, pid, "b", "3");
    lua_kit_send(&kit, pid, "a", "4");
    lua_kit_pump(&kit);
    lua_kit_wake(&kit, 0, 1);
    lua_kit_send(&kit, pid, "b", "5");
    lua_kit_pump(&kit);
    CHECK_STR(kit.out, "true\nfalse channel is not subscribed\n1 true\nnil false\n"
                       "a 2 nil\nb 3 nil\na 4 nil\nb 5 nil\n"
                       "false bad argument #1 to '?' (channel expected, got number)\n");
    CHECK_EQ_INT(kit.last_result, WIPPY_OK);
    lua_kit_close(&kit);
}

/* There is room for the mail of some four thousand channels. Who is refused can ask again. */
TEST(test_listen_refused_loses_no_mail)
{
    const source sources[] = {
        {"main", "local me, n, ev, got, refused = process.pid(), 4200, process.events(), {}, nil\n"
                 "for i = 1, n do process.send(me, 't' .. i, i) end process.send(me, 'other', 0)\n"
                 "channel.select{ev:case_receive(), default = true}\n"
                 "for i = 1, n do local c, e = process.listen('t' .. i) got[i] = c\n"
                 " if not c then refused = i t.out(e:kind(), i > 4000) break end end\n"
                 "local c, e = process.inbox() t.out(c, e:kind())\n"
                 "t.out(subscribe('t' .. refused, channel.new(1)))\n"
                 "t.out(subscribe('t' .. refused + 1, got[7]))\n" /* has its shelf */
                 "for i = 1, 5 do process.unlisten(got[i]) end\n"
                 "c = process.listen('t' .. refused) t.out((c:receive()) == refused, (got[6]:receive()))\n"
                 "local inbox = process.inbox()\n"
                 "t.out(inbox:receive():topic() == 't' .. refused + 2)\n"
                 "t.out((got[7]:receive()), got[7]:receive() == refused + 1)\n"},
        {NULL, NULL}};
    application(sources, "RateLimited true\nnil RateLimited\nnil memory limit exceeded\ntrue\n"
                         "true 6\ntrue\n7 true\n");
}

/* Different topics, the same hash: of the same length and not. */
TEST(test_listen_tells_topics_with_the_same_hash_apart)
{
    const source sources[] = {
        {"main", "local me, names = process.pid(), {'declinate', 'macallums', 'costarring', 'liquid'}\n"
                 "local c = {} for i = 1, 4 do c[i] = process.listen(names[i]) end\n"
                 "for i = 4, 1, -1 do process.send(me, names[i], names[i]) end\n"
                 "for i = 1, 4 do t.out((c[i]:receive())) end process.unlisten(c[1]) process.unlisten(c[4])\n"
                 "for i = 1, 4 do process.send(me, names[i], i) end local inbox = process.inbox()\n"
                 "t.out((c[2]:receive()), (c[3]:receive()), inbox:receive():topic(), inbox:receive():topic())\n"},
        {NULL, NULL}};
    application(sources, "declinate\nmacallums\ncostarring\nliquid\n2 3 declinate liquid\n");
}

TEST(test_unsubscribed_mailboxes_keep_their_mail)
{
    const source sources[] = {
        {"main", HOST "local me, inbox, ev = process.pid(), process.inbox(), process.events()\n"
                 "process.send(me, 'a', 1) process.spawn_monitored('app:child', H)\n"
                 "t.out(unsubscribe(inbox), unsubscribe(ev)) t.out(unsubscribe(inbox))\n"
                 "t.out(inbox == process.inbox(), ev == process.events())\n"
                 "process.send(me, 'b', 2)\n"
                 "for i = 1, 2 do t.out(process.inbox():receive():topic()) end\n"
                 "t.out(process.events():receive().kind)\n"
                 "t.out(subscribe('', channel.new(1))) t.out(subscribe('@x', channel.new(1)))\n"},
        {"child", "return 1"},
        {NULL, NULL}};
    application(sources, "true true\nfalse channel is not subscribed\nfalse false\na\nb\npid.exit\n"
                         "nil topic cannot be empty\nnil cannot listen to @ topics\n");
}

TEST(test_listen_errors_and_subscribe)
{
    lua_kit kit;
    lua_kit_open(&kit, NULL);
    wippy_pid pid = lua_kit_run(
        &kit, "t.out(process.listen('')) t.out(process.listen('@x'))"
              " local c = channel.new(2) t.out(subscribe('s', c), subscribe('r', c), subscribe('s', c))"
              " t.out(subscribe('s', channel.new()))"
              " t.nap() c:send('own')"
              " t.out(c:receive()) t.out(c:receive()) t.out(c:receive())"
              " t.out(unsubscribe(c)) t.out(unsubscribe(c))"
              " t.out(channel.select{c:case_receive(), default = true}.default)");
    lua_kit_send(&kit, pid, "s", "1");
    lua_kit_pump(&kit);
    lua_kit_wake(&kit, 0, 0);
    lua_kit_send(&kit, pid, "r", "3");
    lua_kit_pump(&kit);
    CHECK_STR(kit.out, "nil topic cannot be empty\nnil cannot listen to @ topics\n"
                       "true true true\nnil topic is already subscribed\n"
                       "1 true\nown true\n3 true\ntrue\nfalse channel is not subscribed\ntrue\n");
    CHECK_EQ_INT(kit.last_result, WIPPY_OK);
    lua_kit_close(&kit);
}

TEST(test_select_oldest_mail_wins_and_polling_sees_mail)
{
    lua_kit kit;
    lua_kit_open(&kit, NULL);
    wippy_pid pid = lua_kit_run(
        &kit, "local i, l = process.inbox(), process.listen('b')"
              " local ready, late = channel.new(1), channel.new(1)"
              " t.nap() ready:send('r') late:send('l')"
              " local function get() return channel.select{ready:case_receive(), l:case_receive(),"
              "  i:case_receive(), late:case_receive(), default = true} end"
              " for n = 1, 6 do local r = get()"
              "  if r.channel == i then t.out(r.value:topic(), r.value:payload():data())"
              "  else t.out(r.value, r.default) end end");
    lua_kit_send(&kit, pid, "a", "1");
    lua_kit_send(&kit, pid, "b", "2");
    lua_kit_send(&kit, pid, "a", "3");
    lua_kit_pump(&kit);
    lua_kit_wake(&kit, 0, 0);
    CHECK_STR(kit.out, "r nil\na 1 nil\n2 nil\na 3 nil\nl nil\nnil true\n");
    lua_kit_close(&kit);
}

TEST(test_poll_sees_mail_that_was_not_looked_at)
{
    lua_kit kit;
    lua_kit_open(&kit, NULL);
    wippy_pid pid = lua_kit_run(
        &kit, "local i = process.inbox()"
              " coroutine.spawn(function() t.out('other', t.nap()) end)"
              " local l = process.listen('b')"
              " coroutine.spawn(function() t.out('listener', l:receive()) end)"
              " local m = i:receive() t.out(m:topic())"
              " for n = 1, 3 do local r = channel.select{i:case_receive(), default = true}"
              "  t.out(r.default or r.value:topic()) end"
              " coroutine.yield() return 1");
    lua_kit_send(&kit, pid, "first", "1");
    lua_kit_send(&kit, pid, "b", "2");
    wippy_writer writer;
    wippy_slice encoded;
    wippy_writer_init(&writer, kit.rt);
    wippy_write_int(&writer, 7);
    wippy_writer_finish(&writer, &encoded);
    wippy_complete(kit.rt, kit.naps[0], WIPPY_OK, encoded.data, encoded.size, 1);
    wippy_writer_free(&writer);
    lua_kit_send(&kit, pid, "second", "3");
    lua_kit_send(&kit, pid, "third", "4");
    lua_kit_pump(&kit);
    CHECK_STR(kit.out, "first\nsecond\nthird\ntrue\nlistener 2 true\nother 7\n");
    CHECK_EQ_INT(kit.last_result, WIPPY_OK);
    lua_kit_close(&kit);
}

TEST(test_poll_loop_lets_mail_in)
{
    lua_kit kit;
    lua_kit_open(&kit, NULL);
    wippy_pid pid = lua_kit_run(&kit, "local i = process.inbox() local n = 0"
                                      " t.nap() while true do"
                                      "  local r = channel.select{i:case_receive(), default = true}"
                                      "  if not r.default then t.out(r.value:topic()) return end"
                                      "  n = n + 1 end");
    wippy_writer writer;
    wippy_slice encoded;
    wippy_writer_init(&writer, kit.rt);
    wippy_write_int(&writer, 7);
    wippy_writer_finish(&writer, &encoded);
    wippy_complete(kit.rt, kit.naps[0], WIPPY_OK, encoded.data, encoded.size, 1);
    wippy_writer_free(&writer);
    for (int i = 0; i < 5; i++) {
        wippy_pump(kit.rt, kit.host, 0, 0);
    }
    CHECK_EQ_INT(kit.exits, 0);
    lua_kit_send(&kit, pid, "stop", "");
    lua_kit_pump(&kit);
    CHECK_STR(kit.out, "stop\n");
    lua_kit_close(&kit);
}

/* What a program in C sends may be anything. */
TEST(test_mail_from_c_under_any_topic)
{
    static const unsigned char torn[] = {0x01};
    lua_kit kit;
    wippy_message message;
    lua_kit_open(&kit, NULL);
    wippy_pid pid = lua_kit_run(&kit, "local raw = process.listen('raw')"
                                      " t.out((raw:receive())) local inbox = process.inbox()"
                                      " for i = 1, 3 do local m = inbox:receive()"
                                      " t.out(m:topic() .. '.', (pcall(m.payload, m))) end");
    wippy_send(wippy_outside(kit.rt), pid, wippy_topic_make(kit.rt, "raw"), "bytes", 5);
    lua_kit_send(&kit, pid, "@nobody", "kept for who subscribes to it");
    lua_kit_send(&kit, pid, "one", "text");
    memset(&message, 0, sizeof(message));
    CHECK_EQ_INT(wippy_send_message(wippy_outside(kit.rt), pid, &message), WIPPY_OK);
    message.topic_name = "torn";
    message.data = torn;
    message.size = sizeof(torn);
    message.count = 2;
    CHECK_EQ_INT(wippy_send_message(wippy_outside(kit.rt), pid, &message), WIPPY_OK);
    lua_kit_pump(&kit);
    CHECK_STR(kit.out, "bytes\none. true\n. true\ntorn. false\n");
    CHECK_EQ_INT(kit.last_result, WIPPY_OK);
    lua_kit_close(&kit);
}

TEST(test_raw_mail_from_c_is_a_string)
{
    lua_kit kit;
    lua_kit_open(&kit, NULL);
    wippy_pid pid = lua_kit_run(&kit, "local m = process.inbox():receive()"
                                      " t.out(m:topic(), m:from() == '', m:payload():data(), m:payload():get_format())");
    wippy_topic topic = wippy_topic_make(kit.rt, "raw");
    wippy_send(wippy_outside(kit.rt), pid, topic, "a\0b", 3);
    lua_kit_pump(&kit);
    CHECK_EQ_INT(kit.exits, 1);
    CHECK_HAS(kit.out, "raw true a");
    lua_kit_close(&kit);
}

/* ------------------------------------------------------------------ relations and events */

TEST(test_spawn_monitored_gives_exit)
{
    const source sources[] = {
        {"main", HOST "local ev = process.events()\n"
                 "local a = process.spawn_monitored('app:good', H)\n"
                 "local e = ev:receive()\n"
                 "t.out(e.kind == process.event.EXIT, e.from == a, e.result.value.x, e.result.error, type(e.at))\n"
                 "local b = process.spawn_monitored('app:bad', H)\n"
                 "e = ev:receive() t.out(e.from == b, e.result.value, e.result.error:kind(), e.result.error)\n"
                 "t.out(process.send(b, 'x'))\n"
                 "local c = process.spawn('app:wait', H) t.out(process.monitor(c))\n"
                 "t.out(process.monitor(c)) t.out(process.unmonitor(c)) t.out(process.unmonitor(c))\n"
                 "t.out(process.monitor(c)) t.out(process.terminate(c))\n"
                 "e = ev:receive() t.out(e.from == c, e.result.error, e.result.error:kind())\n"
                 "t.out(process.monitor(c)) t.out(process.terminate(c)) t.out(process.cancel(c))\n"
                 "t.out(process.unmonitor(c)) t.out(process.link(c)) t.out(process.unlink(c))\n"},
        {"good", "return {x = 1}"},
        {"bad", "error(errors.new{message = 'bad', kind = 'Conflict'})"},
        {"wait", "process.inbox():receive()"},
        {NULL, NULL}};
    application(sources, "true true 1 nil number\ntrue nil Conflict bad\nnil process not found\n"
                         "true\nnil monitor failed: already monitoring pid\ntrue\ntrue\ntrue\ntrue\n"
                         "true process terminated Internal\n"
                         "nil monitor failed: pid not registered\n"
                         "nil terminate failed: process not found\n"
                         "nil cancel failed: process not found\n"
                         "true\nnil link failed: pid not registered\ntrue\n");
}

TEST(test_links_trap_and_cascade)
{
    const source sources[] = {
        {"main", HOST "local ev = process.events()\n"
                 "t.out(process.get_options().trap_links, process.get_options().upgradable)\n"
                 "t.out(process.set_options{trap_links = true})\n"
                 "t.out(process.get_options().trap_links)\n"
                 "t.out(process.set_options{trap_links = 1}) t.out(process.set_options{nosuch = true})\n"
                 "t.out(process.set_options(5))\n"
                 "local a = process.spawn_linked('app:bad', H)\n"
                 "local e = ev:receive() t.out(e.kind, e.from == a, e.result.error)\n"
                 "local b = process.spawn_linked_monitored('app:bad', H)\n"
                 "e = ev:receive() t.out(e.kind, e.from == b) e = ev:receive() t.out(e.kind)\n"
                 "local c = process.spawn_monitored('app:chain', H)\n"
                 "e = ev:receive() t.out(e.from == c, e.result.error)\n"
                 "local d = process.spawn_linked_monitored('app:good', H)\n"
                 "e = ev:receive() t.out(e.kind, e.from == d)\n"},
        {"bad", "error('bad')"},
        {"good", "return 1"},
        {"chain", HOST "process.spawn_linked('app:bad', H) process.inbox():receive()"},
        {NULL, NULL}};
    application(sources, "false false\ntrue nil\ntrue\nfalse trap_links must be a boolean\n"
                         "false option nosuch is not supported\n"
                         "false options parameter must be a table\n"
                         "pid.link.down true bad\npid.exit true\npid.link.down\n"
                         "true linked process failed\npid.exit true\n");
}

TEST(test_process_questions_without_an_answer)
{
    const source sources[] = {
        {"main", "t.out(process.cancel()) t.out(process.set_options{[5] = true})\n"
                 "t.out(process.registry.lookup('')) t.out(process.registry.unregister(''))\n"
                 "t.out(process.registry.unregister('nobody')) t.out(process.registry.register(''))\n"
                 "t.out(process.registry.register('n', '')) t.out(process.registry.register('n', 'no pid'))\n"
                 "t.out(process.registry.register('n', 5)) t.out(process.registry.unregister('n', 5))\n"
                 "t.out(pcall(coroutine.close, coroutine.running()))\n"
                 "t.out(coroutine.wrap(function(co) return pcall(coroutine.close, co) end)(coroutine.running()))\n"},
        {NULL, NULL}};
    application(sources, "nil cancel requires a destination argument\nfalse option ? is not supported\n"
                         "nil name not registered\nfalse\nfalse\nnil name cannot be empty\n"
                         "nil invalid pid format: missing braces\nnil invalid pid format: missing braces\n"
                         "nil pid must be a string\nnil global registry not available\n"
                         "false cannot close a running coroutine\nfalse cannot close a normal coroutine\n");
}

TEST(test_cancel_is_an_event)
{
    const source sources[] = {
        {"main", HOST "local c = process.spawn_monitored('app:child', H)\n"
                 "t.out(process.cancel(c, 'enough')) t.out(pcall(process.cancel, c, {}))\n"
                 "local e = process.events():receive() t.out(e.result.value)\n"},
        {"child", "local e = process.events():receive()\n"
                  "t.out(e.kind == process.event.CANCEL, e.reason, e.from ~= '', type(e.at)) return 'stopped'"},
        {NULL, NULL}};
    application(sources, "true\nfalse bad argument #2 to '?' (string expected, got table)\n"
                         "true enough true number\nstopped\n");
}

TEST(test_select_events_and_inbox_in_arrival_order)
{
    const source sources[] = {
        {"main", HOST "local c = process.spawn_monitored('app:child', H, process.pid())\n"
                 "local i, ev = process.inbox(), process.events()\n"
                 "for n = 1, 3 do local r = channel.select{ev:case_receive(), i:case_receive()}\n"
                 " t.out(r.channel == ev and r.value.kind or r.value:topic()) end\n"},
        {"child", "local to = ... process.send(to, 'one') process.send(to, 'two')"},
        {NULL, NULL}};
    application(sources, "one\ntwo\npid.exit\n");
}

TEST(test_names)
{
    const source sources[] = {
        {"main", HOST "local r = process.registry local function show(v, e) t.out(v, e and e:kind(), e) end\n"
                 "show(r.register('me')) show(r.register('me')) t.out(r.lookup('me') == process.pid())\n"
                 "show(r.register('')) show(r.lookup('none')) show(r.register('x', 5))\n"
                 "show(r.register('x', 'junk')) show(r.register('x', nil, 'g')) show(r.register('x', nil, r.STRONG))\n"
                 "show(r.register('x', nil, r.EVENTUAL)) show(r.register('room:a', nil, r.LOCAL))\n"
                 "local c = process.spawn('app:child', H) process.send('me', 'self')\n"
                 "local m = process.inbox():receive() t.out(m:topic())\n"
                 "m = process.inbox():receive() t.out(m:topic(), r.lookup('child') == c)\n"
                 "show(r.register('child')) process.monitor('child') process.send('child', 'go')\n"
                 "process.events():receive() show(r.lookup('child'))\n"
                 "show(process.send('child', 'x'))\n"
                 "t.out(r.unregister('me'), r.unregister('me'))\n"},
        {"child", "process.registry.register('child') process.send('me', 'up') process.inbox():receive()"},
        {NULL, NULL}};
    application(sources, "true nil nil\ntrue nil nil\ntrue\n"
                         "nil Invalid name cannot be empty\nnil NotFound name not registered\n"
                         "nil Invalid pid must be a string\n"
                         "nil Invalid invalid pid format: missing braces\n"
                         "nil Invalid scope must be a number (process.registry.LOCAL|EVENTUAL|CONSISTENT|STRONG)\n"
                         "nil Internal global registry not available\n"
                         "nil Internal eventual registry not available\ntrue nil nil\n"
                         "self\nup true\nnil AlreadyExists name already registered\n"
                         "nil NotFound name not registered\n"
                         "nil NotFound could not resolve 'child' as PID or registered name\n"
                         "true false\n");
}

/* ------------------------------------------------------------------ spawn, exec, spawner */

TEST(test_spawn_errors)
{
    const source sources[] = {
        {"main", HOST "local function show(v, e) t.out(v, e and e:kind(), e, e and e:retryable()) return e end\n"
                 "show(process.spawn('app:x')) show(process.spawn_linked())\n"
                 "local e = show(process.spawn('app:child', 'app:none')) t.out(e:details().host_id)\n"
                 "e = show(process.spawn('app:none', H)) t.out(e:details().factory_id)\n"
                 "show(process.spawn('app:child', 'app:child'))\n"
                 "show(process.spawn('app:fn', H))\n"
                 "show(process.spawn('app:broken', H))\n"
                 "t.out(pcall(process.spawn, 5, {}))\n"
                 "show(process.exec('app:x')) show(process.exec('', H)) show(process.exec('x', H))\n"
                 "show(process.exec('app:x', ''))\n"},
        {"child", ""},
        {"broken", "end } error('at load') do local x = { y = function()"},
        {NULL, NULL}};
    lua_kit kit;
    lua_kit_open(&kit, NULL);
    load(&kit, "namespace: app\nentries:\n  - name: fn\n    kind: function.lua\n    method: f\n"
               "    source: \"return {f = function() end}\"\n");
    load_sources(&kit, sources);
    CHECK(start(&kit, "app:main").id != 0);
    CHECK_STR(kit.out,
              "nil Invalid spawn requires at least id and host arguments false\n"
              "nil Invalid spawn_linked requires at least id and host arguments false\n"
              "nil NotFound host not found false\napp:none\n"
              "nil NotFound factory not found false\napp:none\n"
              "nil Internal host does not implement process.Host false\n"
              "nil NotFound factory not found false\n"
              "nil Internal failed to load script: app:broken:2: <eof> expected near 'error' false\n"
              "false bad argument #1 to '?' (string expected, got number)\n"
              "nil Invalid exec requires id and host arguments false\n"
              "nil Invalid process ID required false\n"
              "nil Invalid invalid process ID format (namespace:name required) false\n"
              "nil Invalid host ID required false\n");
    lua_kit_close(&kit);
}

TEST(test_exec_returns_value_or_error)
{
    const source sources[] = {
        {"main", HOST "t.out(process.exec('app:add', H, 2, 3))\n"
                 "local v, e = process.exec('app:bad', H) t.out(v, e, e:kind())\n"
                 "t.out(process.exec('app:none', H))\n"
                 "t.out(process.exec('app:nothing', H))\n"},
        {"add", "local a, b = ... return a + b"},
        {"bad", "return nil, errors.new{message = 'no', kind = 'Timeout'}"},
        {"nothing", ""},
        {NULL, NULL}};
    application(sources, "5\nnil no Timeout\nnil factory not found\nnil\n");
}

TEST(test_spawner_name_messages_context)
{
    const source sources[] = {
        {"main", HOST "local s = process.with_context{a = 1}\n"
                 "local s2 = s:with_context{b = {2}}:with_name('svc'):with_message('m1', 1, 2):with_message('m2')\n"
                 "local p = s2:spawn_monitored('app:child', H, 'arg') t.out(process.registry.lookup('svc') == p)\n"
                 "local q = s2:spawn('app:child', H) t.out(q == p)\n"
                 "t.out(pcall(s.with_name, s, '')) t.out(pcall(s.with_message, s, '@x'))\n"
                 "t.out(pcall(process.with_context, {1})) t.out(pcall(process.with_options, {1}))\n"
                 "t.out(pcall(s.spawn, s, 'x')) t.out(pcall(s.with_actor, s)) t.out(pcall(s.with_scope, s, 1))\n"
                 "t.out(s:spawn('app:none', H))\n"
                 "t.out(s:exec('app:add', H, 1, 2))\n"
                 "t.out(process.events():receive().kind)\n"},
        {"child", "t.out(...) for i = 1, 4 do local m = process.inbox():receive()\n"
                  " t.out(m:topic(), m:from() == '', m:payload()) end"},
        {"add", "local a, b = ... return a + b"},
        {NULL, NULL}};
    lua_kit kit;
    lua_kit_open(&kit, NULL);
    load_sources(&kit, sources);
    CHECK(start(&kit, "app:main").id != 0);
    CHECK_HAS(kit.out, "true\ntrue\n");
    CHECK_HAS(kit.out, "name cannot be empty");
    CHECK_HAS(kit.out, "cannot send to @ topics");
    CHECK_HAS(kit.out, "context keys must be strings");
    CHECK_HAS(kit.out, "options keys must be strings");
    CHECK_HAS(kit.out, "spawn requires at least id and host arguments");
    CHECK_HAS(kit.out, "actor cannot be nil");
    CHECK_HAS(kit.out, "Scope expected");
    CHECK_HAS(kit.out, "nil factory not found\n");
    CHECK_HAS(kit.out, "\n3\n");
    CHECK_HAS(kit.out, "arg\nm1 true table");
    CHECK_HAS(kit.out, "m2 true nil\nm1 true table");
    CHECK_HAS(kit.out, "pid.exit\n");
    lua_kit_close(&kit);
}

/* ------------------------------------------------------------------ upgrade */

TEST(test_upgrade_keeps_pid_names_mail_and_monitors)
{
    const source sources[] = {
        {"main", HOST "local ev = process.events()\n"
                 "local c = process.spawn_monitored('app:one', H)\n"
                 "process.send(c, 'kept', 1) process.send(c, 'b', 2) process.send(c, 'up')\n"
                 "process.send(c, 'after', 3)\n"
                 "local e = ev:receive() t.out(e.from == c, e.result.value, e.result.error)\n"},
        {"one", "process.registry.register('svc') process.set_options{trap_links = true}\n"
                "local up = process.listen('up') local b = process.listen('b')\n"
                "coroutine.spawn(function() t.nap() t.out('never') end)\n"
                "up:receive() t.out('one', process.id())\n"
                "coroutine.spawn(function() process.upgrade('app:two', {state = 5}, nil, 'x') end)\n"
                "t.out('never')"},
        {"two", "local s, n, x = ... t.out('two', process.id(), s.state, n, x, process.get_options().trap_links)\n"
                "t.out(process.registry.lookup('svc') == process.pid())\n"
                "local i = process.inbox() for n = 1, 3 do local m = i:receive()\n"
                " t.out(m:topic(), m:payload():data()) end return 'end'"},
        {NULL, NULL}};
    application(sources, "one app:one\ntwo app:two 5 nil x false\ntrue\n"
                         "kept 1 nil\nb 2 nil\nafter 3 nil\ntrue end nil\n");
}

TEST(test_upgrade_failures)
{
    const source sources[] = {
        {"main", HOST "local ev = process.events()\n"
                 "process.spawn_monitored('app:lost', H) t.out(ev:receive().result.error)\n"
                 "process.spawn_monitored('app:broken', H) t.out(ev:receive().result.error)\n"
                 "process.spawn_monitored('app:deep', H) t.out(ev:receive().result.value)\n"
                 "process.spawn_monitored('app:again', H, 0) t.out(ev:receive().result.value)\n"
                 "process.spawn_monitored('app:caught', H) t.out(ev:receive().result.error)\n"},
        {"lost", "process.upgrade('app:none')"},
        {"broken", "process.upgrade('app:bad')"},
        {"bad", "end } error('at start') do local x = { y = function() end }"},
        {"deep", "local d = {} for i = 1, 300 do d = {d} end\n"
                 "local ok, e = pcall(process.upgrade, nil, d) return tostring(ok) .. ' ' .. tostring(e):sub(-16)"},
        {"again", "local n = ... if n < 3 then process.upgrade(nil, n + 1) end return n"},
        {"caught", "while true do pcall(function() process.upgrade('app:none') end) end"},
        {NULL, NULL}};
    application(sources, "upgrade: create failed: factory not found\n"
                         "upgrade: init failed: failed to load script: app:bad:2: <eof> expected near 'error'\n"
                         "false nesting too deep\n3\nupgrade: create failed: factory not found\n");
}

/* ------------------------------------------------------------------ memory, time */

TEST(test_memory_limit_ends_the_process)
{
    lua_kit kit;
    lua_kit_open_full(&kit, NULL, WIPPY_HOST_PUMP, 100000);
    lua_kit_run(&kit, "local a = {} for i = 1, 1e7 do a[i] = ('x'):rep(100) .. i end");
    CHECK_EQ_INT(kit.last_result, WIPPY_ERR_INTERNAL);
    CHECK_HAS(kit.last_value, "memory limit exceeded");
    wippy_pid pid = lua_kit_run(&kit, "t.nap()");
    for (int i = 0; i < 2000 && wippy_alive(kit.rt, pid); i++) {
        lua_kit_send(&kit, pid, "flood", "0123456789012345678901234567890123456789012345678901234567");
        if (i % 100 == 0) {
            lua_kit_pump(&kit);
        }
    }
    lua_kit_pump(&kit);
    CHECK(!wippy_alive(kit.rt, pid));
    CHECK_HAS(kit.last_value, "memory limit exceeded");
    lua_kit_close(&kit);
}

TEST(test_memory_limit_at_every_point_is_an_error_never_an_abort)
{
    const source sources[] = {
        {"main", HOST "local ev, i, l = process.events(), process.inbox(), process.listen('b')\n"
                 "local c = channel.new(3)\n"
                 "coroutine.spawn(function() for n = 1, 6 do c:send({n, tostring(n)}) end c:close() end)\n"
                 "local p = process.spawn_monitored('app:child', H, process.pid(), {1, 2, {x = 'y'}})\n"
                 "for n = 1, 9 do local r = channel.select{i:case_receive(), l:case_receive(), c:case_receive(), ev:case_receive()}\n"
                 " if r.channel == i then local d = r.value:payload():data() end end\n"
                 "pcall(function() local ok, e = pcall(error, {}) error(errors.wrap('a', 'b')) end)\n"
                 "return {done = {1, 2, 3}}\n"},
        {"child", "local to, v = ... process.send(to, 'a', v) process.send(to, 'b', v, v) return v"},
        {NULL, NULL}};
    unsigned done = 0;
    unsigned over = 0;
    for (size_t limit = 4000; limit < 40000; limit += 97 * 100 / test_scale(100)) {
        lua_kit kit;
        lua_kit_open_full(&kit, NULL, WIPPY_HOST_PUMP, limit);
        load_sources(&kit, sources);
        wippy_pid pid = start(&kit, "app:main");
        if (pid.id == 0) {
            CHECK_HAS(kit.diag.message, "memory");
            over++;
        } else if (!wippy_alive(kit.rt, pid) && kit.last_result == WIPPY_OK) {
            done++;
        } else {
            over++;
        }
        lua_kit_close(&kit);
    }
    CHECK(done > 0);
    CHECK(over > 0);
}

TEST(test_outdated_goes_to_those_who_asked)
{
    const source sources[] = {
        {"main", "process.set_options{upgradable = true} local e = process.events():receive()\n"
                 "t.out(e.kind == process.event.OUTDATED, #e.sources, e.sources[1], e.from) process.upgrade(nil, 1)"},
        {"other", "local e = process.events():receive() t.out('other', e.kind)"},
        {NULL, NULL}};
    lua_kit kit;
    wippy_registry_change change;
    wippy_writer writer;
    wippy_slice data;
    lua_kit_open(&kit, NULL);
    load_sources(&kit, sources);
    CHECK(start(&kit, "app:main").id != 0);
    wippy_pid other = start(&kit, "app:other");
    wippy_writer_init(&writer, kit.rt);
    wippy_write_map(&writer, 0);
    wippy_write_cstring(&writer, "source");
    wippy_write_cstring(&writer, "return {main = function(n) t.out('new', n) end}");
    wippy_write_cstring(&writer, "modules");
    wippy_write_array(&writer, 1);
    wippy_write_cstring(&writer, "t");
    wippy_write_end(&writer);
    wippy_write_end(&writer);
    wippy_writer_finish(&writer, &data);
    memset(&change, 0, sizeof(change));
    change.op = WIPPY_ENTRY_UPDATE;
    change.id = "app:main";
    change.data = data;
    CHECK_EQ_INT(wippy_registry_apply(kit.rt, &change, 1, NULL, &kit.diag), WIPPY_OK);
    wippy_writer_free(&writer);
    lua_kit_pump(&kit);
    CHECK_STR(kit.out, "true 1 app:main nil\nnew 1\n");
    CHECK(wippy_alive(kit.rt, other));
    lua_kit_close(&kit);
}

TEST(test_busy_coroutines_are_preempted_in_place)
{
    lua_kit kit;
    wippy_lua_desc desc;
    memset(&desc, 0, sizeof(desc));
    desc.slice_instructions = 100;
    desc.slice_looks = 2;
    lua_kit_open(&kit, &desc);
    lua_kit_run(&kit, "local order = {}"
                      " coroutine.spawn(function() for i = 1, 1000 do end order[#order + 1] = 'a' end)"
                      " coroutine.spawn(function() for i = 1, 10 do end order[#order + 1] = 'b' end)"
                      " local g = coroutine.wrap(function() for i = 1, 3 do for j = 1, 1000 do end"
                      "  coroutine.yield(i) end end)"
                      " for v in g do order[#order + 1] = v end"
                      " table.sort({3, 2, 1, 5}, function(x, y) for j = 1, 1000 do end return x < y end)"
                      " t.out(table.concat(order, ' '))");
    CHECK_STR(kit.out, "a b 1 2 3\n");
    CHECK_EQ_INT(kit.last_result, WIPPY_OK);
    lua_kit_close(&kit);
}

static const char *const loops[] = {
    "while true do end",
    "while true do pcall(function() while true do end end) end",
    "coroutine.wrap(function() while true do end end)()",
    "local s = setmetatable({}, {__index = function() while true do end end}) return s.x",
    /* these cannot be pre-empted, only ended, and so not on a pump host */
    "xpcall(error, function() while true do end end)",
    "table.sort({1, 2, 3}, function() while true do end end)",
    "while true do pcall(table.sort, {1, 2, 3}, function() while true do end end) end"};

TEST(test_endless_loops_end_by_terminate)
{
    for (size_t i = 0; i < 4; i++) {
        lua_kit kit;
        char body[256];
        lua_kit_open(&kit, NULL);
        snprintf(body, sizeof(body), "return function() %s end", loops[i]);
        wippy_pid pid = lua_kit_spawn(&kit, body);
        CHECK_EQ_INT(wippy_pump(kit.rt, kit.host, 0, 0), WIPPY_PENDING);
        CHECK_EQ_INT(wippy_terminate(wippy_outside(kit.rt), pid), WIPPY_OK);
        lua_kit_pump(&kit);
        CHECK_EQ_INT(kit.exits, 1);
        CHECK_HAS(kit.last_value, "process terminated");
        lua_kit_close(&kit);
    }
}

static bool has_exited(void *arg)
{
    return TEST_ATOMIC_LOAD(&((lua_kit *)arg)->exits) > 0;
}

static bool is_running(void *arg)
{
    lua_kit *kit = (lua_kit *)arg;
    wippy_process_info info;
    return wippy_process_stats(kit->rt, kit->last_pid, &info) == WIPPY_OK &&
           strcmp(info.state, "running") == 0;
}

TEST(test_endless_loops_end_on_a_pool)
{
    for (size_t i = 0; i < TEST_COUNT(loops); i++) {
        lua_kit kit;
        char body[256];
        lua_kit_open_full(&kit, NULL, WIPPY_HOST_POOL, 0);
        snprintf(body, sizeof(body), "return function() %s end", loops[i]);
        wippy_pid pid = lua_kit_spawn(&kit, body);
        kit.last_pid = pid;
        CHECK_WAIT(is_running, &kit, 20000);
        CHECK_EQ_INT(wippy_terminate(wippy_outside(kit.rt), pid), WIPPY_OK);
        CHECK_WAIT(has_exited, &kit, 20000);
        lua_kit_close(&kit);
        CHECK_HAS(kit.last_value, "process terminated");
    }
}

/* ------------------------------------------------------------------ allocation failures */

static void scenario(test_heap *heap, void *arg)
{
    wippy_desc desc;
    wippy_host_desc host;
    wippy_runtime *rt = NULL;
    (void)arg;
    memset(&desc, 0, sizeof(desc));
    memset(&host, 0, sizeof(host));
    desc.allocator.alloc_fn = test_alloc_fn;
    desc.allocator.free_fn = test_free_fn;
    desc.allocator.user_data = heap;
    desc.random_seed = 1;
    if (wippy_create(&rt, &desc) != WIPPY_OK) {
        return;
    }
    host.name = "app:processes";
    host.kind = WIPPY_HOST_PUMP;
    wippy_host handle;
    wippy_type type;
    static const char text[] =
        "local function main(...)"
        "  local me, i, l = process.pid(), process.inbox(), process.listen('b')"
        "  local c = channel.new(2)"
        "  coroutine.spawn(function() for n = 1, 5 do c:send({n, 'x'}) end c:close() end)"
        "  process.send(me, 'a', {1, 2, {x = 1}}) process.send(me, 'b', 'text')"
        "  for n = 1, 2 do local r = channel.select{i:case_receive(), l:case_receive(), c:case_receive()} end"
        "  while true do local v, ok = c:receive() if not ok then break end end"
        "  process.registry.register('n')"
        "  return {done = true}"
        " end return main";
    if (wippy_lua_open(rt, NULL) == WIPPY_OK && wippy_host_create(rt, &host, &handle) == WIPPY_OK &&
        wippy_type_find(rt, WIPPY_LUA_TYPE, &type) == WIPPY_OK) {
        wippy_spawn_desc spawn;
        memset(&spawn, 0, sizeof(spawn));
        spawn.type = type;
        spawn.host = handle;
        spawn.data = text;
        spawn.size = sizeof(text) - 1;
        wippy_pid pid;
        if (wippy_spawn(wippy_outside(rt), &spawn, &pid, NULL) == WIPPY_OK) {
            for (int i = 0; i < 50 && wippy_pump(rt, handle, UINT64_MAX, 0) == WIPPY_PENDING; i++) {
            }
            if (wippy_alive(rt, pid)) {
                wippy_terminate(wippy_outside(rt), pid);
            }
        }
    }
    CHECK_EQ_INT(wippy_destroy(rt), WIPPY_OK);
}

TEST(test_every_allocation_may_fail)
{
    CHECK(test_heap_sweep(scenario, NULL) > 10);
}

TEST_MAIN(TEST_ENTRY(test_start_chunk_forms),
          TEST_ENTRY(test_start_libraries_run_once_dependencies_first),
          TEST_ENTRY(test_start_new_code_is_used_and_old_never_again),
          TEST_ENTRY(test_start_types_are_erased_and_usable_as_values),
          TEST_ENTRY(test_start_strings_know_the_arithmetic_of_all_sources),
          TEST_ENTRY(test_start_strings_know_all_arithmetic_with_modules_of_embedders),
          TEST_ENTRY(test_error_rethrown_leaves_without_position),
          TEST_ENTRY(test_kinds_check_their_fields), TEST_ENTRY(test_send_and_inbox_in_order),
          TEST_ENTRY(test_payloads_are_sent_on_unopened_and_opened),
          TEST_ENTRY(test_pid_is_told_as_the_runtime_writes_it),
          TEST_ENTRY(test_exit_error_has_a_call_stack),
          TEST_ENTRY(test_exit_error_has_the_stack_of_the_raise),
          TEST_ENTRY(test_send_errors), TEST_ENTRY(test_listen_separates_topics_from_the_inbox),
          TEST_ENTRY(test_mail_before_subscription_waits),
          TEST_ENTRY(test_unlisten_gives_mail_to_the_inbox),
          TEST_ENTRY(test_listen_errors_and_subscribe),
          TEST_ENTRY(test_listen_refused_loses_no_mail),
          TEST_ENTRY(test_listen_tells_topics_with_the_same_hash_apart),
          TEST_ENTRY(test_unsubscribed_mailboxes_keep_their_mail),
          TEST_ENTRY(test_mail_from_c_under_any_topic),
          TEST_ENTRY(test_select_oldest_mail_wins_and_polling_sees_mail),
          TEST_ENTRY(test_poll_sees_mail_that_was_not_looked_at),
          TEST_ENTRY(test_poll_loop_lets_mail_in), TEST_ENTRY(test_raw_mail_from_c_is_a_string),
          TEST_ENTRY(test_spawn_monitored_gives_exit), TEST_ENTRY(test_links_trap_and_cascade),
          TEST_ENTRY(test_process_questions_without_an_answer), TEST_ENTRY(test_cancel_is_an_event),
          TEST_ENTRY(test_select_events_and_inbox_in_arrival_order), TEST_ENTRY(test_names),
          TEST_ENTRY(test_spawn_errors), TEST_ENTRY(test_exec_returns_value_or_error),
          TEST_ENTRY(test_spawner_name_messages_context),
          TEST_ENTRY(test_upgrade_keeps_pid_names_mail_and_monitors),
          TEST_ENTRY(test_upgrade_failures), TEST_ENTRY(test_memory_limit_ends_the_process),
          TEST_ENTRY(test_memory_limit_at_every_point_is_an_error_never_an_abort),
          TEST_ENTRY(test_outdated_goes_to_those_who_asked),
          TEST_ENTRY(test_busy_coroutines_are_preempted_in_place),
          TEST_ENTRY(test_endless_loops_end_by_terminate),
          TEST_ENTRY(test_endless_loops_end_on_a_pool),
          TEST_ENTRY(test_every_allocation_may_fail))
