/* Whole applications. The bytes choose, statement by statement, what a handful of Lua processes and
   functions do with the whole API, the limits they live under, and an allocation that fails. They run on
   two pump hosts with a clock of their own (--wrap, see fuzz): the same bytes give the same run. In the
   end: stop ends, every process that was made has ended, the memory is balanced. */
#include "fuzz.h"

#include "lua/api.h"

#include "platform.h"

#define SOURCES   4
#define SOURCE    6000
#define DEPTH_MAX 3

/* ------------------------------------------------------------------ time of our own */

static uint64_t now_ns;

uint64_t __wrap_wippyi_clock_mono_ns(void);
int64_t __wrap_wippyi_clock_wall_ns(void);
bool __wrap_wippyi_ticket_wait(wippyi_ticket *t, uint64_t timeout_ns);
bool __real_wippyi_ticket_wait(wippyi_ticket *t, uint64_t timeout_ns);
bool __wrap_wippyi_cond_timedwait(wippyi_cond *c, wippyi_mutex *m, uint64_t timeout_ns);

uint64_t __wrap_wippyi_clock_mono_ns(void)
{
    return now_ns += 10000; /* whoever looks again and again sees time pass */
}

int64_t __wrap_wippyi_clock_wall_ns(void)
{
    return INT64_C(1700000000000000000) + (int64_t)(now_ns += 10000);
}

/* Nobody else runs here who could wake us: the time passes at once. */
bool __wrap_wippyi_ticket_wait(wippyi_ticket *t, uint64_t timeout_ns)
{
    now_ns += timeout_ns < 1000000000 ? timeout_ns : 1000000000;
    return __real_wippyi_ticket_wait(t, 0);
}

bool __wrap_wippyi_cond_timedwait(wippyi_cond *c, wippyi_mutex *m, uint64_t timeout_ns)
{
    (void)c;
    (void)m;
    now_ns += timeout_ns < 1000000000 ? timeout_ns : 1000000000;
    return false;
}

/* ------------------------------------------------------------------ programs from bytes */

/* %v a value, %n a number, %s a string, %e an entry, %h a host, %t a topic, %p a pid, %c a channel,
   %f a function, %o any object. */
static const char *const calls[] = {
    "process.send(%p, %t, %v)",
    "process.send(%p, %t, %v, %v, %v)",
    "process.spawn(%e, %h, %v)",
    "process.spawn_monitored(%e, %h, %v)",
    "process.spawn_linked(%e, %h)",
    "process.spawn_linked_monitored(%e, %h, %v, %v)",
    "process.exec(%e, %h, %v)",
    "process.monitor(%p)",
    "process.unmonitor(%p)",
    "process.link(%p)",
    "process.unlink(%p)",
    "process.cancel(%p, %s)",
    "process.terminate(%p)",
    "process.registry.register(%s, %p)",
    "process.registry.lookup(%s)",
    "process.registry.unregister(%s)",
    "process.inbox()",
    "process.events()",
    "process.listen(%t)",
    "process.listen(%t, {message = true})",
    "process.unlisten(%c)",
    "process.set_options({trap_links = %v, upgradable = %v})",
    "process.get_options()",
    "process.upgrade(%e, %v)",
    "process.upgrade()",
    "process.with_context({a = %v}):spawn(%e, %h, %v)",
    "process.with_options({}):with_name(%s):with_message(%t, %v):spawn_monitored(%e, %h)",
    "channel.new(%n)",
    "%c:send(%v)",
    "%c:receive()",
    "%c:close()",
    "channel.select{%c:case_receive(), %c:case_send(%v), default = true}",
    "channel.select{%c:case_receive(), process.inbox():case_receive(), "
    "process.events():case_receive()}",
    "channel.select{%c:case_receive(), time.after(%s):case_receive()}",
    "coroutine.spawn(%f)",
    "coroutine.wrap(%f)()",
    "coroutine.yield(%v)",
    "coroutine.create(%f)",
    "coroutine.resume(%o, %v)",
    "coroutine.close(%o)",
    "time.sleep(%s)",
    "time.sleep(%n)",
    "time.after(%s)",
    "time.timer(%s)",
    "time.ticker(%s)",
    "%o:stop()",
    "%o:reset(%s)",
    "%o:channel()",
    "time.now():format(%s)",
    "time.parse(%s, %s)",
    "time.date(%n, %n, %n, %n, %n, %n, %n):add(%s)",
    "funcs.call(%e, %v)",
    "funcs.call(%e, %v, %v)",
    "funcs.async(%e, %v)",
    "%o:response()",
    "%o:result()",
    "%o:cancel()",
    "%o:is_complete()",
    "funcs.new():with_context({x = %v}):call(%e, %v)",
    "funcs.new():with_options({timeout = %s}):call(%e)",
    "ctx.get(%s)",
    "ctx.all()",
    "registry.get(%s)",
    "registry.find({kind = %s})",
    "registry.snapshot()",
    "%o:changes()",
    "%o:entries()",
    "%o:create({id = %s, kind = 'registry.entry', meta = {}, data = %v})",
    "%o:update({id = %s, kind = 'registry.entry', meta = {}, data = %v})",
    "%o:delete(%s)",
    "%o:apply()",
    "%o:version()",
    "registry.history():versions()",
    "registry.apply_version(%o)",
    "events.subscribe(%s, %s)",
    "events.send(%s, %s, %s, %v)",
    "%o:close()",
    "env.get(%s)",
    "env.set(%s, %s)",
    "env.get_all()",
    "json.encode(%v)",
    "json.decode(%s)",
    "json.validate(%v, %v)",
    "payload.new(%v):transcode('json/plain')",
    "payload.new(%v):data()",
    "security.actor()",
    "security.new_actor(%s, {a = %v})",
    "security.new_scope({})",
    "security.can(%s, %s)",
    "security.policy(%s)",
    "system.process.host()",
    "system.memory.stats()",
    "system.gc.collect()",
    "metrics.counter_inc(%s, {a = %s})",
    "uuid.v4()",
    "uuid.v7()",
    "logger:info(%s, {a = %v})",
    "logger:with({b = %v}):warn(%s)",
    "pg.open('app:groups'):join(%s)",
    "pg.open('app:groups'):members(%s)",
    "pg.open('app:groups'):broadcast(%s, %t, %v)",
    "errors.new({message = %s, kind = %s, retryable = %v, details = %v})",
    "errors.wrap(%o, %s)",
    "error(%v)",
    "error(errors.new(%s))",
    "string.rep(%s, %n)",
    "string.gsub(%s, '%%w', %f)",
    "string.format('%%s %%5.2f %%d', %s, %n, %n)",
    "table.sort({%n, %n, %n, %n}, %f)",
    "table.concat({%s, %s, %n}, %s)",
    "setmetatable({}, {__index = %f, __close = %f, __gc = %f, __tostring = %f})",
    "tostring(%o)",
    "#%o",
    "%o[%v]",
    "pcall(%f, %v)",
    "select('#', %v, %v)",
    "math.random(%n)",
    "os.time()",
    "os.date(%s)",
    "require(%s)",
    "lib.double(%v)",
    "v",
};

static const char *const strings[] = {
    "''",
    "'a'",
    "'app:p0'",
    "'app:p1'",
    "'app:entry'",
    "'app:new'",
    "'1ms'",
    "'2s'",
    "'10h'",
    "'-1s'",
    "'name'",
    "'app:var'",
    "'VAR'",
    "'app:static'",
    "'*'",
    "'test.*'",
    "'registry.entry'",
    "'{\"a\":[1,2,{}]}'",
    "'2006-01-02T15:04:05Z07:00'",
    "'%Y-%m-%d %H'",
    "'Invalid'",
    "'time'",
    "'lib'",
    "'app:policy'",
    "string.rep('x', 5000)",
    "'\\0\\255'",
};

typedef struct program {
    char text[SOURCE];
    size_t size;
    fuzz_input *in;
    unsigned depth;
} program;

static void put(program *p, const char *text)
{
    size_t size = strlen(text);
    if (p->size + size < SOURCE) {
        memcpy(p->text + p->size, text, size + 1);
        p->size += size;
    }
}

static void put_number(program *p, const char *format, uint32_t number)
{
    char text[32];
    snprintf(text, sizeof(text), format, number);
    put(p, text);
}

static void put_function(program *p);

static void put_value(program *p)
{
    static const char *const values[] = {"nil",
                                         "true",
                                         "false",
                                         "0",
                                         "-1",
                                         "1.5",
                                         "'text'",
                                         "{}",
                                         "{1,2,3}",
                                         "v",
                                         "{a = {}}",
                                         "1/0",
                                         "print",
                                         "process",
                                         "big",
                                         "cycle",
                                         "{[1] = 1, x = 2, [true] = 'y'}",
                                         "channel.new(1)",
                                         "errors.new('e')",
                                         "2^53"};
    uint32_t choice = fuzz_below(p->in, TEST_COUNT(values) + 12);
    if (choice < TEST_COUNT(values)) {
        put(p, values[choice]);
    } else {
        put_number(p, "v[%u]", choice % 8 + 1);
    }
}

static void put_hole(program *p, char hole)
{
    static const char *const hosts[] = {"'app:main'", "'app:main'", "'app:side'", "'app:none'"};
    static const char *const entries[] = {"'app:p0'", "'app:p1'",    "'app:f2'",
                                          "'app:f3'", "'app:entry'", "'app:fpool'"};
    static const char *const topics[] = {"'t'", "'u'", "'t'", "'@x'", "''"};
    static const char *const numbers[] = {"0",  "1",    "2",    "3",   "10",
                                          "-1", "1000", "2^40", "0.5", "1e15"};
    switch (hole) {
    case 'v': put_value(p); break;
    case 'n': put(p, numbers[fuzz_below(p->in, TEST_COUNT(numbers))]); break;
    case 's': put(p, strings[fuzz_below(p->in, TEST_COUNT(strings))]); break;
    case 'e': put(p, entries[fuzz_below(p->in, TEST_COUNT(entries))]); break;
    case 'h': put(p, hosts[fuzz_below(p->in, TEST_COUNT(hosts))]); break;
    case 't': put(p, topics[fuzz_below(p->in, TEST_COUNT(topics))]); break;
    case 'f': put_function(p); break;
    case 'p': {
        uint32_t choice = fuzz_below(p->in, 12);
        put(p, choice == 8 ? "process.pid()" : choice == 9 ? "'name'" : choice == 10 ? "..." : "");
        if (choice < 8) {
            put_number(p, "v[%u]", choice + 1);
        } else if (choice == 11) {
            put(p, "(process.registry.lookup('name'))");
        }
        break;
    }
    default: put_number(p, "v[%u]", fuzz_below(p->in, 8) + 1); break; /* 'c', 'o' */
    }
}

static void put_call(program *p)
{
    const char *at = calls[fuzz_below(p->in, TEST_COUNT(calls))];
    char one[2] = {0, 0};
    for (; *at; at++) {
        if (*at == '%' && at[1] != '%') {
            put_hole(p, *++at);
            continue;
        }
        one[0] = *at;
        put(p, one);
        at += *at == '%' ? 1 : 0; /* %% */
    }
}

static void put_statements(program *p, uint32_t count);

static void put_statement(program *p)
{
    uint32_t choice = fuzz_byte(p->in);
    uint32_t where = choice / 16 % 8 + 1;
    switch (choice % 16) {
    case 0:
        put(p, " for i = 1, 3 do ");
        put_statements(p, 2);
        put(p, " end");
        break;
    case 1:
        put_number(p, " if v[%u] then ", where);
        put_statements(p, 1);
        put(p, " end");
        break;
    case 2:
        put(p, " coroutine.spawn(function(...) ");
        put_statements(p, 3);
        put(p, " end)");
        break;
    case 3: /* not protected: its error ends the process */
        put_number(p, " v[%u] = ", where);
        put_call(p);
        break;
    case 4:
        /* Endless only where it can be interrupted: main itself, not below a function in C. */
        if (choice / 16 == 9) {
            put(p, p->depth == 1 ? " while true do end" : " for i = 1, 3000 do end");
            break;
        }
        put(p, " do local x <close> = v[8]");
        put_statements(p, 1);
        put(p, " end");
        break;
    case 5: put(p, choice / 16 > 12 ? " do return v[1], v[2] end" : ""); break;
    default:
        put_number(p, " try(%u, function(...) return ", where);
        put_call(p);
        put(p, " end, ...)");
        break;
    }
}

static void put_statements(program *p, uint32_t count)
{
    if (p->depth >= DEPTH_MAX) {
        return;
    }
    p->depth++;
    for (uint32_t i = 0; i < count && fuzz_left(p->in) > 0; i++) {
        put_statement(p);
    }
    p->depth--;
}

static void put_function(program *p)
{
    put(p, "function(...)");
    put_statements(p, 2);
    put(p, " return ");
    put_value(p);
    put(p, " end");
}

static void make_program(program *p, fuzz_input *in)
{
    memset(p, 0, sizeof(*p));
    p->in = in;
    put(p, "local v = {} local big = string.rep('big', 1000) local cycle = {} cycle.me = cycle "
           "local function try(i, f, ...) local ok, a, b = pcall(f, ...) "
           "if ok then v[i] = a if a == nil then v[i] = b end else v[i] = a end end "
           "local function main(...) v[1] = ... ");
    put_statements(p, fuzz_below(in, 16) + 1);
    put(p, " return v[2] end return {main = main}");
    p->text[p->size] = '\0';
}

/* ------------------------------------------------------------------ the application */

typedef struct world {
    test_heap heap;
    wippy_runtime *rt;
    wippy_host hosts[2];
    uint64_t exits;
    char document[SOURCES * (SOURCE + 400) + 4000];
    size_t size;
} world;

static void say(world *w, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int size = vsnprintf(w->document + w->size, sizeof(w->document) - w->size, format, args);
    va_end(args);
    w->size += (size_t)size < sizeof(w->document) - w->size ? (size_t)size : 0;
}

static void say_entries(world *w, fuzz_input *in)
{
    static program p;
    static const char modules[] =
        "[time, json, payload, uuid, logger, registry, funcs, ctx, events, env, security, system, "
        "metrics, pg]";
    say(w, "version: '1.0'\nnamespace: app\nentries:\n"
           "  - {name: entry, kind: registry.entry, a: 1}\n"
           "  - {name: static, kind: env.storage.memory}\n"
           "  - {name: var, kind: env.variable, variable: VAR, storage: 'app:static', default: d}\n"
           "  - {name: policy, kind: security.policy, policy: {actions: '*', resources: '*', "
           "effect: allow}}\n"
           "  - {name: groups, kind: pg.scope}\n"
           "  - {name: lib, kind: library.lua, source: 'return {double = function(x) return x, x "
           "end}'}\n"
           "  - {name: fpool, kind: function.lua, source: 'return {main = function(x) return x "
           "end}', method: main, pool: {type: lazy, max_size: 2}}\n");
    for (int i = 0; i < SOURCES; i++) {
        make_program(&p, in);
        say(w,
            "  - name: %s%d\n    kind: %s\n    method: main\n    modules: %s\n"
            "    imports: {lib: 'app:lib'}\n    source: |\n      %s\n",
            i < 2 ? "p" : "f", i, i < 2 ? "process.lua" : "function.lua", modules, p.text);
    }
}

static void on_exit_of(wippy_runtime *rt, const wippy_exit_info *info, void *user_data)
{
    world *w = (world *)user_data;
    (void)rt;
    FUZZ_CHECK(info->value.size == 0 ||
                   wippy_value_check(info->value.data, info->value.size, 1) == WIPPY_OK,
               "a result that is no value");
    w->exits++;
}

static wippy_result add_host(world *w, int which, uint8_t limits)
{
    wippy_host_desc host;
    memset(&host, 0, sizeof(host));
    host.name = which ? "app:side" : "app:main";
    host.kind = WIPPY_HOST_PUMP;
    host.max_processes = which && (limits & 1) ? 3 : 24;
    host.mailbox_limit = which && (limits & 2) ? 2 : 100;
    host.memory_limit = which && (limits & 4) ? 60000 : 1000000;
    host.step_budget = limits & 8 ? 1 : 0;
    host.exit_fn = on_exit_of;
    host.user_data = w;
    return wippy_host_create(w->rt, &host, &w->hosts[which]);
}

static bool world_open(world *w, fuzz_input *in)
{
    wippy_desc desc;
    wippy_lua_desc lua;
    wippy_diag diag;
    uint8_t limits = fuzz_byte(in);
    uint32_t fail = fuzz_below(in, 65536);
    now_ns = 1000000000;
    memset(w, 0, sizeof(*w));
    memset(&desc, 0, sizeof(desc));
    memset(&lua, 0, sizeof(lua));
    desc.allocator = fuzz_allocator(&w->heap);
    desc.random_seed = 1;
    desc.interrupt_signal = -1;
    lua.slice_instructions = 1000;
    lua.slice_looks = 20;
    lua.no_recycle = limits & 16;
    if (limits & 32) {
        test_heap_fail(&w->heap, fail % 4096 + 1, limits & 64);
    }
    say_entries(w, in);
    wippy_result result = wippy_create(&w->rt, &desc);
    if (result != WIPPY_OK) {
        FUZZ_CHECK(result == WIPPY_ERR_NOMEM, "create: %d", result);
        return false;
    }
    memset(&diag, 0, sizeof(diag));
    result = wippy_lua_open(w->rt, &lua);
    result = result == WIPPY_OK ? add_host(w, 0, limits) : result;
    result = result == WIPPY_OK ? add_host(w, 1, limits) : result;
    result = result == WIPPY_OK ? wippy_load_text(w->rt, "app.yaml", w->document, w->size, &diag)
                                : result;
    if (getenv("FUZZ_SHOW")) {
        fputs(w->document, stderr);
        fprintf(stderr, "loaded: %d %s %u\n", result, diag.message, diag.line);
    }
    FUZZ_CHECK(result == WIPPY_OK || w->heap.refused_count > 0, "not loaded: %s, line %u\n%s",
               diag.message, diag.line, w->document);
    return true;
}

static void start(world *w, const char *entry, int which)
{
    wippy_spawn_desc desc;
    wippy_diag diag;
    memset(&desc, 0, sizeof(desc));
    memset(&diag, 0, sizeof(diag));
    desc.entry = entry;
    desc.host = w->hosts[which];
    desc.name = which ? NULL : "name";
    (void)wippy_spawn(wippy_outside(w->rt), &desc, NULL, &diag);
    if (getenv("FUZZ_SHOW")) {
        fprintf(stderr, "%s: %s\n", entry, diag.message);
    }
}

static void run(world *w)
{
    for (int round = 0; round < 60; round++) {
        uint64_t next = UINT64_MAX;
        for (int i = 0; i < 2; i++) {
            wippy_result result = wippy_pump(w->rt, w->hosts[i], 0, 0);
            FUZZ_CHECK(result == WIPPY_OK || result == WIPPY_PENDING ||
                           result == WIPPY_ERR_NOTFOUND,
                       "pump: %d", result);
            uint64_t deadline = wippy_pump_deadline(w->rt, w->hosts[i]);
            next = deadline < next ? deadline : next;
        }
        if (next == UINT64_MAX) {
            return;
        }
        now_ns += next;
    }
}

FUZZ_TARGET(const uint8_t *data, size_t size)
{
    static world w;
    wippy_runtime_info info;
    fuzz_input in = fuzz_open(data, size);
    if (world_open(&w, &in)) {
        start(&w, "app:p0", 0);
        start(&w, "app:p1", 1);
        run(&w);
        (void)wippy_stop(w.rt);
        /* What never rests is terminated after half of that: most of an execution was spent waiting. */
        wippy_result result = wippy_join(w.rt, 4000000);
        result = result == WIPPY_ERR_TIMEOUT ? wippy_join(w.rt, 100000000) : result;
        FUZZ_CHECK(result == WIPPY_OK, "stop does not end: %d, %zu survivors", result,
                   wippy_survivors(w.rt, NULL, 0));
        FUZZ_CHECK(wippy_runtime_stats(w.rt, &info) == WIPPY_OK && info.processes == 0,
                   "%llu processes live on", (unsigned long long)info.processes);
        FUZZ_CHECK(wippy_destroy(w.rt) == WIPPY_OK, "not destroyed");
    }
    FUZZ_BALANCED(&w.heap);
}
