/* Lua without memory: programs of one process or several, with allocation n refused, and under limits of
   memory for each process. Each line a program
   prints is one it prints when all is well, or speaks of memory; a process ends well or with such an
   error; the registry is one of the registries it passes through when all is well. Afterwards, with
   memory again, the same runtime runs another program. On a pump host, so that n means the same each
   time. */
#define _DEFAULT_SOURCE
#include "faults.h"

#include "wippy_lua.h"

#include <ctype.h>
#include <lua.h>
#include <lauxlib.h>

#define PICTURES 16

typedef struct program {
    const char *name;
    const char *entries; /* more entries, YAML */
    const char *body;    /* of main; statements on one line, no single quotes */
    const char *expected;
} program;

typedef struct lab {
    fault_run *run;
    const program *what;
    wippy_runtime *rt;
    wippy_host host;
    char out[4096];
    size_t out_size;
    unsigned exits;
    unsigned exits_before; /* when the last process was started */
    wippy_result last_result;
    char last_value[512];
} lab;

/* What one process may hold; 0 = as much as it wants. The allocator then refuses nothing. */
static size_t limit_bytes;
static bool limit_reached; /* the last program could not do all it wanted */

static wippy_host_kind lab_kind = WIPPY_HOST_PUMP;

/* The registry as it passes through an undisturbed run, for the programs that change it. */
static uint64_t pictures[PICTURES];
static size_t picture_count;

static void note_picture(wippy_runtime *rt)
{
    if (picture_count < PICTURES) {
        pictures[picture_count++] = fault_picture(rt);
    }
}

static bool known_picture(uint64_t picture)
{
    for (size_t i = 0; i < picture_count; i++) {
        if (pictures[i] == picture) {
            return true;
        }
    }
    return false;
}

/* ------------------------------------------------------------------ what programs say */

static int lab_out(lua_State *L)
{
    lab *l = (lab *)wippy_lua_user_data(L, "t");
    int top = lua_gettop(L);
    for (int i = 1; i <= top; i++) {
        size_t size;
        const char *text = luaL_tolstring(L, i, &size);
        if (l->out_size + size + 2 < sizeof(l->out)) {
            memcpy(l->out + l->out_size, text, size);
            l->out_size += size;
            l->out[l->out_size++] = i < top ? ' ' : '\n';
            l->out[l->out_size] = '\0';
        }
        lua_pop(L, 1);
    }
    return 0;
}

static void lab_exit(wippy_runtime *rt, const wippy_exit_info *info, void *user_data)
{
    lab *l = (lab *)user_data;
    (void)rt;
    l->last_result = info->result;
    wippy_value_to_text(info->value, l->last_value, sizeof(l->last_value));
    if (info->value.size == 0) {
        l->last_value[0] = '\0';
    }
    TEST_ATOMIC_ADD(&l->exits, 1u); /* the last: who sees it reads the rest */
}

static bool says_memory(const char *text, size_t size)
{
    static const char word[] = "memory";
    for (size_t i = 0; i + sizeof(word) - 1 <= size; i++) {
        if (memcmp(text + i, word, sizeof(word) - 1) == 0) {
            return true;
        }
    }
    return false;
}

/* Is the line among those of `lines`? */
static bool has_line(const char *lines, const char *line, size_t size)
{
    while (*lines) {
        size_t length = strcspn(lines, "\n");
        if (length == size && memcmp(lines, line, size) == 0) {
            return true;
        }
        lines += length + (lines[length] == '\n' ? 1u : 0u);
    }
    return false;
}

static void check_lines(const lab *l)
{
    const char *line = l->out;
    while (*line) {
        size_t size = strcspn(line, "\n");
        /* a line without an end is one that could not be written to its end */
        if (line[size] == '\n' && !says_memory(line, size) &&
            !has_line(l->what->expected, line, size)) {
            FAIL("%s printed: %.*s", l->what->name, (int)size, line);
        }
        line += size + (line[size] == '\n' ? 1u : 0u);
    }
}

/* ------------------------------------------------------------------ runtimes */

static wippy_result lab_open(lab *l, fault_run *run)
{
    static const wippy_lua_function functions[] = {{"out", lab_out}};
    wippy_desc desc;
    wippy_host_desc host;
    wippy_lua_module_desc module;
    wippy_lua_desc bridge;
    memset(&desc, 0, sizeof(desc));
    memset(&host, 0, sizeof(host));
    memset(&module, 0, sizeof(module));
    memset(&bridge, 0, sizeof(bridge));
    desc.allocator = fault_allocator(run);
    desc.random_seed = 1;
    wippy_result r = wippy_create(&l->rt, &desc);
    if (r != WIPPY_OK) {
        l->rt = NULL;
        return r;
    }
    bridge.no_recycle = true;
    module.name = "t";
    module.functions = functions;
    module.function_count = 1;
    module.user_data = l;
    host.name = "app:main";
    host.kind = lab_kind;
    host.exit_fn = lab_exit;
    host.user_data = l;
    host.memory_limit = limit_bytes;
    r = wippy_lua_open(l->rt, &bridge);
    r = r == WIPPY_OK ? wippy_lua_module(l->rt, &module) : r;
    return r == WIPPY_OK ? wippy_host_create(l->rt, &host, &l->host) : r;
}

#define MODULES                                                                                    \
    "[t, time, json, payload, uuid, logger, registry, funcs, ctx, events, env, security, system, " \
    "metrics, pg, io]"

static wippy_result lab_load(lab *l, const char *name, const char *entries, const char *body,
                             wippy_diag *diag)
{
    static const char prelude[] =
        "type P = {name: string @min_len(1), list: {number}} "
        "local function R(...) local v, err = ... if err ~= nil then t.out(err) else t.out(v) end "
        "return v end ";
    size_t room = strlen(entries) + strlen(body) + 1024;
    char *text = (char *)malloc(room);
    int size = snprintf(text, room,
                        "version: \"1.0\"\nnamespace: app\nentries:\n%s"
                        "  - {name: %s, kind: process.lua, method: main, modules: %s, "
                        "source: '%s return {main = function(...) %s end}'}\n",
                        entries, name, MODULES, prelude, body);
    memset(diag, 0, sizeof(*diag));
    wippy_result r = wippy_load_text(l->rt, "test", text, (size_t)size, diag);
    free(text);
    return r;
}

/* Does a process wait for something that is under way, such as a call on another thread, or is the answer
   there and nobody has run it yet? It is ready a moment before the pump's queue has it. */
static bool somebody_goes_on(lab *l)
{
    wippy_pid pids[16];
    wippy_process_info info;
    size_t count = wippy_processes(l->rt, l->host, pids, 16);
    for (size_t i = 0; i < count && i < 16; i++) {
        if (wippy_process_stats(l->rt, pids[i], &info) == WIPPY_OK &&
            strcmp(info.state, "idle") != 0) {
            return true;
        }
    }
    return false;
}

static bool lab_is_over(void *arg)
{
    lab *l = (lab *)arg;
    return TEST_ATOMIC_LOAD(&l->exits) > l->exits_before && wippy_processes(l->rt, l->host, NULL, 0) == 0;
}

/* Pump until nothing moves and nobody waits for a yield; where threads run it, until it is over. The look
   comes between the pump and its deadline: an answer that comes after the look finds a process that was
   seen blocked, one that came before it has left something to do. */
static void lab_run(lab *l)
{
    if (lab_kind != WIPPY_HOST_PUMP) {
        CHECK_WAIT(lab_is_over, l, 20000);
        return;
    }
    uint64_t end = fault_real_ms() + 20000;
    while (fault_real_ms() < end) {
        wippy_result r = wippy_pump(l->rt, l->host, UINT64_MAX, 0);
        bool goes_on = somebody_goes_on(l);
        uint64_t next = wippy_pump_deadline(l->rt, l->host);
        CHECK(r == WIPPY_OK || r == WIPPY_PENDING);
        if (r == WIPPY_OK && next > 0 && !goes_on) {
            return;
        }
        if (r == WIPPY_OK && next > 1000000) {
            test_pause_ms(1);
        }
    }
    FAIL("%s does not come to rest", l->what->name);
}

static wippy_result lab_start(lab *l, const char *entry, wippy_diag *diag)
{
    wippy_spawn_desc desc;
    wippy_pid pid;
    memset(&desc, 0, sizeof(desc));
    desc.entry = entry;
    desc.host = l->host;
    memset(diag, 0, sizeof(*diag));
    l->exits_before = TEST_ATOMIC_LOAD(&l->exits);
    wippy_result r = wippy_spawn(wippy_outside(l->rt), &desc, &pid, diag);
    if (r == WIPPY_OK) {
        lab_run(l);
    }
    return r;
}

/* With memory, the runtime works, whatever happened to it. */
static void check_alive(lab *l)
{
    static const program second = {"afterwards", "",
                                   "local c = channel.new(1) c:send(json.encode({1})) "
                                   "process.send(process.pid(), \"a\", (c:receive())) "
                                   "t.out((process.inbox():receive():payload():data()))",
                                   ""};
    wippy_diag diag;
    unsigned exits = l->exits;
    l->what = &second;
    l->out_size = 0;
    l->out[0] = '\0';
    wippy_result r = lab_load(l, "second", second.entries, second.body, &diag);
    if (r == WIPPY_OK) {
        r = lab_start(l, "app:second", &diag);
    }
    if (r != WIPPY_OK || strcmp(l->out, "[1]\n") != 0 || l->exits == exits) {
        FAIL("afterwards: %s %s, printed %s, ended with %s", wippy_result_name(r), diag.message,
             l->out, l->last_value);
    }
}

static bool short_of_memory(wippy_result r, const wippy_diag *diag)
{
    return r == WIPPY_ERR_NOMEM || says_memory(diag->message, strlen(diag->message));
}

/* A change of the registry is whole or did not happen. */
static void on_change(wippy_runtime *rt, const wippy_registry_event *event, void *user_data)
{
    lab *l = (lab *)user_data;
    (void)event;
    if (l->run->undisturbed) {
        note_picture(rt);
    }
}

static void check_run(lab *l, wippy_result started, const wippy_diag *diag)
{
    if (started != WIPPY_OK) {
        if (!short_of_memory(started, diag)) {
            FAIL("%s did not start: %s %s", l->what->name, wippy_result_name(started),
                 diag->message);
        }
        return;
    }
    check_lines(l);
    /* the second: a link to who found no memory, where there is none for the news of it either */
    if (l->exits > 0 && l->last_result != WIPPY_OK &&
        !says_memory(l->last_value, strlen(l->last_value)) &&
        !(l->run->for_ever && strstr(l->last_value, "linked process failed") != NULL) &&
        l->last_result != WIPPY_ERR_NOMEM) {
        FAIL("%s ended with %s", l->what->name, l->last_value);
    }
    if (l->run->undisturbed &&
        (strcmp(l->out, l->what->expected) != 0 || l->last_result != WIPPY_OK)) {
        FAIL("%s printed\n%sexpected\n%sended with %s", l->what->name, l->out, l->what->expected,
             l->last_value);
    }
}

static void scenario(fault_run *run, void *arg)
{
    static lab l;
    wippy_diag diag;
    memset(&l, 0, sizeof(l));
    l.run = run;
    l.what = (const program *)arg;
    picture_count = run->undisturbed ? 0 : picture_count;
    wippy_result r = lab_open(&l, run);
    bool whole = r == WIPPY_OK;
    memset(&diag, 0, sizeof(diag));
    if (whole) {
        r = wippy_registry_listen(l.rt, on_change, &l);
    }
    if (r == WIPPY_OK) {
        if (run->undisturbed) {
            note_picture(l.rt);
        }
        r = lab_load(&l, "main", l.what->entries, l.what->body, &diag);
    }
    if (r == WIPPY_OK) {
        r = lab_start(&l, "app:main", &diag);
    }
    check_run(&l, r, &diag);
    fault_disarm(run);
    if (whole) {
        CHECK(known_picture(fault_picture(l.rt)));
        limit_reached = strcmp(l.out, l.what->expected) != 0;
        if (limit_bytes == 0) {
            check_alive(&l);
        }
    }
    CHECK_EQ_INT(wippy_destroy(l.rt), WIPPY_OK);
}

/* ------------------------------------------------------------------ programs */

static const program programs[] = {
    {"a state", "", "t.out(1)", "1\n"},

    {"every module",
     "  - {name: lib, kind: library.lua, source: 'return {f = function() return 7 end}'}\n",
     "for _, m in ipairs({\"time\", \"json\", \"payload\", \"uuid\", \"logger\", \"registry\", "
     "\"funcs\", \"ctx\", \"events\", \"env\", \"security\", \"system\", \"metrics\"}) do "
     "t.out(m, type(require(m))) end",
     "time table\njson table\npayload table\nuuid table\nlogger userdata\nregistry table\n"
     "funcs table\nctx table\nevents table\nenv table\nsecurity table\nsystem table\nmetrics "
     "table\n"},

    {"spawning",
     "  - {name: child, kind: process.lua, method: main, modules: [t], source: 'return {main = "
     "function(a) return a end}'}\n",
     "process.set_options({trap_links = true}) local ev = process.events() "
     "local function wait(p) if p then local e = ev:receive() local r = e.result or {} "
     "t.out(e.kind, r.error or type(r.value)) end end "
     "local p, err = process.spawn_monitored(\"app:child\", \"app:main\", 1) "
     "if err then t.out(err) else wait(p) end "
     "p, err = process.spawn_linked_monitored(\"app:child\", \"app:main\", {2}) "
     "if err then t.out(err) else wait(p) end "
     "R(process.exec(\"app:child\", \"app:main\", 3)) "
     "p, err = process.with_context({a = 1}):with_name(\"n\"):with_message(\"m\", {1}):"
     "spawn(\"app:child\", \"app:main\") t.out(err or type(p))",
     "pid.exit number\npid.exit table\n3\nstring\n"},

    {"messages", "",
     "local me, inbox, l = process.pid(), process.inbox(), "
     "assert(process.listen(\"b\")) "
     "local cycle = {list = {1, 2, 3}, text = (\"x\"):rep(3000)} cycle.me = cycle "
     "local ok, err = process.send(me, \"a\", cycle, errors.new(\"e\"), 1.5) t.out(err or ok) "
     "if ok then local m = inbox:receive() local p = m:payload()[1]:data() "
     "t.out(p.me == p, #p.text, p.list[3]) end "
     "ok, err = process.send(me, \"b\", \"text\") t.out(err or ok) "
     "if ok then t.out((l:receive())) end "
     "for i = 1, 40 do process.send(me, \"b\", i) end process.unlisten(l) t.out(\"end\")",
     "true\ntrue 3000 3\ntrue\ntext\nend\n"},

    {"channels", "",
     "local c, d = channel.new(2), channel.new() "
     "assert(coroutine.spawn(function() for i = 1, 20 do c:send({i}) end c:close() end)) "
     "assert(coroutine.spawn(function() d:send(\"d\") end)) local sum = 0 "
     "while true do local v, ok = c:receive() if not ok then break end sum = sum + v[1] end "
     "t.out(sum) local r = channel.select{d:case_receive(), c:case_receive()} "
     "local g = coroutine.wrap(function() coroutine.yield(5) end) t.out(g())",
     "210\n5\n"},

    {"functions",
     "  - {name: f, kind: function.lua, method: main, source: 'return {main = function(a) return a "
     "end}'}\n"
     "  - {name: bad, kind: function.lua, method: main, source: 'return {main = function(a) return "
     "nil, errors.new({message = \"refused\", details = {a = 1}}) end}'}\n"
     "  - {name: pooled, kind: function.lua, method: main, pool: {type: static, size: 2}, source: "
     "'local n = 0 return {main = function() n = n + 1 return 9 end}'}\n",
     "local w, e0 = funcs.call(\"app:f\", {1}) t.out(e0 or type(w)) local v, err = "
     "funcs.call(\"app:bad\") t.out(err) "
     "local f = funcs.async(\"app:f\", 2) if f then local p, e = f:response():receive() "
     "t.out(e and \"answered\" or \"answered\") end "
     "R(funcs.call(\"app:pooled\")) R(funcs.call(\"app:pooled\")) "
     "R(funcs.new():with_context({x = 1}):call(\"app:f\", 4))",
     "table\nrefused\nanswered\n9\n9\n4\n"},

    {"timers", "",
     "time.sleep(\"1ms\") local a = time.after(\"1ms\") if a then a:receive() end t.out(\"after\") "
     "local k = time.ticker(\"1ms\") if k then k:channel():receive() k:channel():receive() "
     "k:stop() "
     "end local i = time.timer(\"1h\") if i then i:reset(\"2h\") i:stop() end t.out(\"done\")",
     "after\ndone\n"},

    {"upgrade",
     "  - {name: next, kind: process.lua, method: main, modules: [t], source: 'return {main = "
     "function(a) t.out(a.x, process.inbox():receive():topic()) end}'}\n",
     "process.registry.register(\"n\") process.send(process.pid(), \"kept\", 1) "
     "process.upgrade(\"app:next\", {x = 5, text = (\"y\"):rep(2000)}) t.out(\"not reached\")",
     "5 kept\n"},

    {"json", "",
     "local big = {} for i = 1, 30 do big[\"key\" .. i] = {i, (\"x\"):rep(i)} end "
     "local text, err = json.encode(big) if text then t.out(#text > 100) "
     "local v, e = json.decode(text) t.out(e or v.key30[1]) else t.out(err) end "
     "t.out((json.validate({type = \"object\", required = {\"key1\"}}, big)))",
     "true\n30\ntrue\n"},

    {"registry", "  - {name: thing, kind: registry.entry, meta: {a: 1}, x: 1}\n",
     "local function apply(f) local s, err = registry.snapshot() if not s then return t.out(err) "
     "end "
     "local before = #s:entries() local c = s:changes() f(c) local v, e = c:apply() "
     "if e then t.out(e) local now = registry.snapshot() if now and #now:entries() ~= before then "
     "t.out(\"half a change\") end else t.out(\"applied\") return true end end "
     "local _ = "
     "apply(function(c) c:create({id = \"app:new\", kind = \"registry.entry\", meta = {}, data = "
     "{a = "
     "(\"z\"):rep(300)}}) c:create({id = \"app:lib\", kind = \"library.lua\", data = {source = "
     "\"return {}\"}}) end) and "
     "apply(function(c) c:update({id = \"app:thing\", kind = \"registry.entry\", data = {x = 2}}) "
     "end) and "
     "apply(function(c) c:delete(\"app:thing\") end) "
     "local f, err = registry.find({[\".kind\"] = \"registry.*\"}) t.out(err or type(f))",
     "applied\napplied\napplied\ntable\n"},

    {"events", "",
     "local s, err = events.subscribe(\"test\", \"k\") if not s then t.out(err) else "
     "local ok, e = events.send(\"test\", \"k\", \"/p\", {a = (\"w\"):rep(500)}) "
     "if not ok then t.out(e) else t.out(s:channel():receive().path) end s:close() end",
     "/p\n"},

    {"environment",
     "  - {name: m, kind: env.storage.memory}\n"
     "  - {name: v, kind: env.variable, variable: VAR, storage: 'app:m', default: dflt}\n",
     "R(env.get(\"VAR\")) local ok, err = env.set(\"VAR\", (\"v\"):rep(100)) "
     "if err then t.out(err) else local v, e = env.get(\"VAR\") t.out(e or #v) end "
     "local all, e2 = env.get_all() t.out(e2 or type(all))",
     "dflt\n100\ntable\n"},

    {"security",
     "  - {name: p, kind: security.policy, groups: [g], policy: {actions: '*', resources: 'app:*', "
     "effect: allow, conditions: [{field: resource, operator: matches, value: 'a+p.*(x|y)?'}]}}\n",
     "local p, err = security.policy(\"app:p\") if not p then t.out(err) else "
     "local s = security.new_scope({p}) local a = security.new_actor(\"u\", {m = {1}}) "
     "t.out(s:evaluate(a, \"act\", \"app:x\")) end local g, e = security.named_scope(\"app:g\") "
     "t.out(e or type(g))",
     "allow\nuserdata\n"},

    {"small modules", "  - {name: scope, kind: pg.scope}\n",
     "logger:with({a = 1}):named(\"n\"):info(\"line\", {b = {1, 2}}) "
     "metrics.counter_inc(\"c\", {l = \"1\"}) t.out(#uuid.v4(), #uuid.v7()) "
     "t.out(type(system.memory.stats())) "
     "local v, err = payload.new({1, {a = \"b\"}}):transcode(\"json/plain\") "
     "t.out(err or type(v)) t.out(time.now():add(\"1h\"):format(time.RFC3339) ~= nil) "
     "local z, e = time.load_location(\"Europe/Berlin\") t.out(e or type(z))",
     "36 36\ntable\nuserdata\ntrue\nuserdata\n"},

    {"listeners", "",
     "local me, got = process.pid(), {} for i = 1, 12 do local l, e = process.listen(\"topic\" .. i) "
     "if not l then error(e) end got[i] = l end for i = 1, 12 do process.send(me, \"topic\" .. i, i) end "
     "for i = 1, 12, 2 do t.out(process.unlisten(got[i]) == true) end "
     "for i = 2, 12, 2 do t.out((got[i]:receive())) end local m = process.inbox():receive() "
     "t.out(type(m:topic()), type(m:from()), tostring(m) ~= nil) "
     "process.send(me, \"raw\") t.out(process.inbox():receive() ~= nil)",
     "true\ntrue\ntrue\ntrue\ntrue\ntrue\n2\n4\n6\n8\n10\n12\nstring string true\ntrue\n"},

    {"many coroutines", "",
     "local done = channel.new(64) local cases = {} for i = 1, 20 do local c = channel.new() "
     "cases[i] = c:case_receive() assert(coroutine.spawn(function() c:send(i) done:send(i) end)) "
     "end "
     "local sum = 0 for i = 1, 20 do local r = channel.select(cases) sum = sum + r.value end "
     "t.out(sum) for i = 1, 20 do done:receive() end local co = {} for i = 1, 10 do "
     "co[i] = coroutine.create(function(a) local b = coroutine.yield(a) return b end) "
     "coroutine.resume(co[i], i) end local ok, v = coroutine.resume(co[7], 70) t.out(ok, v) "
     "local fine, why = pcall(error, errors.new({message = \"told\", kind = errors.INVALID, "
     "details = {a = {1, 2}}})) t.out(why:message(), why:kind(), why:details().a[2], "
     "#why:stack() > 0) t.out(errors.wrap(why, \"more\"):message())",
     "210\ntrue 70\ntold Invalid 2 true\ntold\n"},

    {"contexts",
     "  - {name: f, kind: function.lua, method: main, modules: [ctx], source: 'return {main = "
     "function() return ctx.get(\"k\") end}'}\n",
     "local s = process.with_context({k = {1, 2}, l = \"v\"}):with_options({a = 1}) "
     "R(s:exec(\"app:f\", \"app:main\")) local x = funcs.new():with_context({k = 7}) "
     "R(x:call(\"app:f\")) local all, e = ctx.all() t.out(e or type(all)) "
     "local f, e2 = x:async(\"app:f\") if f then f:cancel() t.out(true) else t.out(e2) end",
     "factory not found\n7\ntable\ntrue\n"},

    {"retries",
     "  - {name: f, kind: function.lua, method: main, modules: [time], pool: {max_size: 1}, meta: "
     "{options: {retry: {max_attempts: 3, initial_delay: 1}}}, source: 'return {main = function(a) "
     "if a == 1 then return nil, errors.new({message = \"again\", retryable = true}) end "
     "time.sleep(\"1ms\") return a end}'}\n",
     "local x = funcs.new():with_options({timeout = 5000}) R(x:call(\"app:f\", 1)) "
     "local fs = {} for i = 2, 4 do local f, e = x:async(\"app:f\", i) "
     "if f then fs[#fs + 1] = f else t.out(e) end end "
     "for _, f in ipairs(fs) do local p, e = f:response():receive() local v, err = f:result() "
     "if err then t.out(err) else t.out((v:data())) end end "
     "local f = funcs.async(\"app:f\", 2) if f then f:cancel() end t.out(\"end\")",
     "again\n2\n3\n4\nend\n"},

    {"looking into the registry",
     "  - {name: a, kind: registry.entry, meta: {type: x}, value: 1}\n"
     "  - {name: b, kind: registry.entry, meta: {type: y}, value: 2}\n",
     "local e, err = registry.get(\"app:a\") t.out(err or e.data.value) "
     "local n = 0 local list, e2 = registry.find({[\"meta.type\"] = \"x\", [\"~meta.type\"] = \"^x+$\"}) "
     "t.out(e2 or #list) local s, e3 = registry.snapshot() if not s then t.out(e3) else "
     "local all, e4 = s:entries() t.out(e4 or #all > 2) t.out(#s:namespace(\"app\") > 2) "
     "local v, e5 = s:changes():delete(\"app:b\"):apply() if e5 then t.out(e5) else "
     "local d, e6 = registry.build_delta(v:previous(), v) t.out(e6 or d[1].entry.id) "
     "local two = {{id = \"app:a\", data = {(\"x\"):rep(600)}}} "
     "t.out(#registry.build_delta(two, {}) == 1) registry.build_delta(two, two) "
     "local ok, e7 = registry.apply_version(v:previous()) t.out(e7 or \"back\") end end "
     "t.out(#registry.versions() > 0, registry.history():get_version(0):id())",
     "1\n1\ntrue\ntrue\napp:b\ntrue\nback\ntrue 0\n"},

    {"spawners",
     "  - {name: child, kind: process.lua, method: main, modules: [t, ctx, security], source: 'return "
     "{main = function(a) return #a end}'}\n",
     "process.set_options({trap_links = true}) local ev, text = process.events(), (\"z\"):rep(700) "
     "local function spawner() local a = security.new_actor(\"ann\", {about = text}) "
     "return process.with_context({k = text}):with_actor(a):with_scope(security.new_scope({})) "
     ":with_message(\"m\", text, {text}):with_message(\"n\"):with_options({}) end "
     "local ok, s = pcall(spawner) if not ok then t.out(s) else "
     "for _, how in ipairs{\"spawn_monitored\", \"spawn_linked_monitored\"} do "
     "local p, err = s[how](s, \"app:child\", \"app:main\", text) if not p then t.out(err) else "
     "local e = ev:receive() local r = e.result or {} t.out(r.error or r.value) end end "
     "local v, err = s:exec(\"app:child\", \"app:main\", text) t.out(err or v) end "
     "t.out(select(2, process.spawn(\"app:none\", \"app:main\")))",
     "700\n700\n700\nfactory not found\n"},

    {"types", "", "local w: P = {name = \"a\", list = {1, 2}} t.out((P:is(w)) ~= nil)", "true\n"},
};

/* The same with a limit for each process, from less than a state needs to what is enough. */
static void sweep_limits(void *program)
{
    uint64_t refused;
    unsigned before = TEST_ATOMIC_LOAD(&test_global.failures);
    size_t stride = fault_points() == UINT64_MAX ? 64 : 500;
    unsigned enough = 0;
    for (limit_bytes = 1024; enough < 8 && limit_bytes < 1000000; limit_bytes += stride) {
        test_arm_timeout();
        (void)fault_once(FAULT_ALLOC, UINT64_MAX, false, scenario, program, &refused);
        enough = limit_reached ? 0 : enough + 1;
        if (TEST_ATOMIC_LOAD(&test_global.failures) != before) {
            FAIL("the failure above came with a limit of %zu bytes", limit_bytes);
            break;
        }
    }
    CHECK(enough > 0);
    limit_bytes = 0;
}

static void run_program(const char *name)
{
    for (size_t i = 0; i < TEST_COUNT(programs); i++) {
        if (strcmp(programs[i].name, name) == 0) {
            union {
                const void *in;
                void *out;
            } arg;
            arg.in = &programs[i];
            CHECK(fault_sweep(FAULT_ALLOC, scenario, arg.out) > 50);
            sweep_limits(arg.out);
            return;
        }
    }
    FAIL("no program %s", name);
}

/* What a terminal gives, on a thread of its own: each line whole or not yet. */
static void scenario_terminal(fault_run *run, void *arg)
{
    FILE *input = (FILE *)arg;
    rewind(input);
    lseek(0, 0, SEEK_SET);
    static const program reader = {
        "a terminal", "",
        "t.out(io.raw(true)) for i = 1, 4 do local l, e = io.readline() if l then t.out(#l) else t.out(e) end "
        "end local s, e = io.read(7) if s then t.out(#s <= 7) else t.out(e) end "
        "t.out(#io.args()) io.raw(false)",
        "true\n5\n30000\n3\n0\ntrue\n0\n"};
    union {
        const void *in;
        void *out;
    } what;
    what.in = &reader;
    scenario(run, what.out);
}

TEST(test_faults_lua_terminal)
{
    static char line[30001];
    FILE *input = tmpfile();
    REQUIRE(input != NULL);
    memset(line, 'x', sizeof(line) - 1);
    fprintf(input, "five.\n%s\n333\n\nthe rest of it\nand more\n", line);
    fflush(input);
    int saved = dup(0);
    dup2(fileno(input), 0);
    lab_kind = WIPPY_HOST_TERMINAL;
    CHECK(fault_sweep(FAULT_ALLOC, scenario_terminal, input) > 50);
    lab_kind = WIPPY_HOST_PUMP;
    dup2(saved, 0);
    close(saved);
    fclose(input);
}

#define PROGRAM(test, name) \
    TEST(test)              \
    {                       \
        run_program(name);  \
    }

PROGRAM(test_faults_lua_state, "a state")
PROGRAM(test_faults_lua_modules, "every module")
PROGRAM(test_faults_lua_spawn, "spawning")
PROGRAM(test_faults_lua_messages, "messages")
PROGRAM(test_faults_lua_channels, "channels")
PROGRAM(test_faults_lua_functions, "functions")
PROGRAM(test_faults_lua_timers, "timers")
PROGRAM(test_faults_lua_upgrade, "upgrade")
PROGRAM(test_faults_lua_json, "json")
PROGRAM(test_faults_lua_registry, "registry")
PROGRAM(test_faults_lua_events, "events")
PROGRAM(test_faults_lua_environment, "environment")
PROGRAM(test_faults_lua_security, "security")
PROGRAM(test_faults_lua_small_modules, "small modules")
PROGRAM(test_faults_lua_listeners, "listeners")
PROGRAM(test_faults_lua_coroutines, "many coroutines")
PROGRAM(test_faults_lua_contexts, "contexts")
PROGRAM(test_faults_lua_retries, "retries")
PROGRAM(test_faults_lua_registry_read, "looking into the registry")
PROGRAM(test_faults_lua_spawners, "spawners")
PROGRAM(test_faults_lua_types, "types")

TEST_MAIN(TEST_ENTRY(test_faults_lua_state), TEST_ENTRY(test_faults_lua_modules),
          TEST_ENTRY(test_faults_lua_spawn), TEST_ENTRY(test_faults_lua_messages),
          TEST_ENTRY(test_faults_lua_channels), TEST_ENTRY(test_faults_lua_functions),
          TEST_ENTRY(test_faults_lua_timers), TEST_ENTRY(test_faults_lua_upgrade),
          TEST_ENTRY(test_faults_lua_json), TEST_ENTRY(test_faults_lua_registry),
          TEST_ENTRY(test_faults_lua_events), TEST_ENTRY(test_faults_lua_environment),
          TEST_ENTRY(test_faults_lua_security), TEST_ENTRY(test_faults_lua_small_modules),
          TEST_ENTRY(test_faults_lua_listeners), TEST_ENTRY(test_faults_lua_coroutines),
          TEST_ENTRY(test_faults_lua_contexts), TEST_ENTRY(test_faults_lua_types),
          TEST_ENTRY(test_faults_lua_retries), TEST_ENTRY(test_faults_lua_registry_read),
          TEST_ENTRY(test_faults_lua_spawners), TEST_ENTRY(test_faults_lua_terminal))
