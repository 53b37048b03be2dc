/* The modules funcs and ctx. */
#include "project_kit.h"

#define DOUBLE  PROJECT_FUNCTION("double", "local n = ... return n * 2")
#define FAILING PROJECT_FUNCTION("failing", "return nil, \"no luck\"")
#define RAISING PROJECT_FUNCTION("raising", "error(\"bad day\", 0)")
#define KINDLY                                                                                    \
    PROJECT_FUNCTION("kindly", "return nil, errors.new({message = \"gone\", kind = \"NotFound\"," \
                               " retryable = true})")
#define CONTEXT  PROJECT_FUNCTION("context", "return ctx.get((...))")
#define SLEEPING PROJECT_FUNCTION("sleeping", "time.sleep(... or \"50ms\") return \"awake\"")
#define WHO                                                                    \
    PROJECT_FUNCTION("who", "local a, s = security.actor(), security.scope() " \
                            "return (a and a:id() or \"nobody\") .. \" \" .. " \
                            "(s and #s:policies() or \"-\")")

TEST(test_funcs_call_answers)
{
    project_run(DOUBLE,
                "t.out(select(\"#\", funcs.call(\"app:double\", 21)), "
                "funcs.call(\"app:double\", 21))",
                "2 42 nil\n");
    project_run(FAILING, "R(funcs.call(\"app:failing\"))", "nil Internal no luck false\n");
    project_run(RAISING, "R(funcs.call(\"app:raising\"))", "nil Internal bad day nil\n");
    project_run(KINDLY, "R(funcs.call(\"app:kindly\"))", "nil NotFound gone true\n");
    project_run(PROJECT_FUNCTION("none", "return"), "R(funcs.call(\"app:none\"))", "nil\n");
    project_run(PROJECT_FUNCTION("many", "return 1, 2, 3"), "R(funcs.call(\"app:many\"))", "1\n");
    project_run(PROJECT_FUNCTION("echo", "return {...}"),
                "local r = funcs.call(\"app:echo\", 1, \"two\", {3}) t.out(r[1], r[2], r[3][1])",
                "1 two 3\n");
}

TEST(test_funcs_call_refuses_bad_targets)
{
    project_run("", "R(funcs.call(\"\"))", "nil Invalid function ID required false\n");
    project_run("", "R(funcs.call()) R(funcs.new():async(nil))",
                "nil Invalid function ID required false\nnil Invalid function ID required false\n");
    project_run("  - {name: plain, kind: registry.entry}\n  - {name: other, kind: ns.thing}\n"
                "  - {name: lib, kind: library.lua, source: 'return {}'}\n",
                "for _, n in ipairs{\"plain\", \"other\", \"lib\"} do "
                "R(funcs.call(\"app:\" .. n)) end",
                "nil NotFound no handler registered for target false\n"
                "nil NotFound no handler registered for target false\n"
                "nil NotFound no handler registered for target false\n");
    project_run("", "R(funcs.call(\"double\"))",
                "nil Invalid namespace required in function ID false\n");
    project_run("", "R(funcs.call(\":double\"))",
                "nil Invalid namespace required in function ID false\n");
    project_run("", "R(funcs.call(\"app:\"))", "nil Invalid name required in function ID false\n");
    project_run("", "R(funcs.call(\"app:absent\"))",
                "nil NotFound no handler registered for target false\n");
    project_run("", "R(funcs.call(\"app:main\"))",
                "nil NotFound no handler registered for target false\n");
    project_run("", "R(funcs.async(\"app:\"))", "nil Invalid name required in function ID false\n");
    project_run("", "funcs.call({})",
                "raised app:main:1: bad argument #1 to 'call' (string expected, got table)\n");
}

TEST(test_funcs_process_with_default_host_is_callable)
{
    project_run(PROJECT_LUA("worker", "process.lua", ", meta: {default_host: \"app:processes\"}",
                            "return {main = function(n) return n + 1 end}"),
                "R(funcs.call(\"app:worker\", 1))", "2\n");
    project_run(PROJECT_LUA("worker", "process.lua",
                            ", meta: {options: {default_host: \"app:processes\"}}",
                            "return {main = function(n) return n + 1 end}"),
                "R(funcs.call(\"app:worker\", 1))", "2\n");
    project_run(PROJECT_LUA("worker", "process.lua", ", meta: {default_host: \"app:nowhere\"}",
                            "return {main = function(n) return n + 1 end}"),
                "R(funcs.call(\"app:worker\", 1))", "nil NotFound host not found false\n");
}

TEST(test_funcs_each_call_is_a_process_of_its_own)
{
    project_run(PROJECT_FUNCTION("pid", "return process.pid()"),
                "local a, b = funcs.call(\"app:pid\"), funcs.call(\"app:pid\") "
                "t.out(a:match(\"^{app:pid#lua.1|0x%x+}$\") == a, a ~= b)",
                "true true\n");
}

TEST(test_funcs_future_success)
{
    project_run(DOUBLE,
                "local f = funcs.async(\"app:double\", 4) t.out(type(f), f:is_complete()) "
                "t.out(f:result()) t.out(f:error()) "
                "t.out(f:response() == f:channel(), f:response() == f:response()) "
                "local p, ok = f:response():receive() t.out(p:data(), ok) "
                "t.out(f:response():receive()) "
                "t.out(f:is_complete(), f:is_canceled(), f:result():data(), f:error())",
                "userdata false\nnil nil\nnil false\ntrue true\n8 true\nnil false\n"
                "true false 8 nil false\n");
}

TEST(test_funcs_future_failure)
{
    project_run(KINDLY,
                "local f = funcs.async(\"app:kindly\") local e, ok = f:response():receive() "
                "t.out(e:kind(), e:message(), ok) t.out(f:response():receive()) "
                "local v, err = f:result() t.out(v, err:kind()) "
                "local e2, failed = f:error() t.out(e2:message(), failed, f:is_complete())",
                "NotFound gone true\nnil false\nnil NotFound\ngone true true\n");
    project_run("",
                "local f, err = funcs.async(\"app:absent\") t.out(type(f), err) "
                "local e = f:response():receive() t.out(e:kind(), e:message())",
                "userdata nil\nNotFound no handler registered for target\n");
}

TEST(test_funcs_future_of_a_function_without_a_value)
{
    project_run(PROJECT_FUNCTION("none", "return"),
                "local f = funcs.async(\"app:none\") local p, ok = f:response():receive() "
                "t.out(p:data(), ok, (f:result():data())) t.out(f:error())",
                "nil true nil\nnil false\n");
}

TEST(test_funcs_arguments_that_cannot_be_sent_are_refused)
{
    project_run(DOUBLE,
                "local deep = {} for i = 1, 300 do deep = {deep} end "
                "R(funcs.call(\"app:double\", deep)) R(funcs.async(\"app:double\", 1, deep)) "
                "R(funcs.new():call(\"app:double\", deep)) R(funcs.call(\"app:double\", 4))",
                "nil Invalid nesting too deep false\nnil Invalid nesting too deep false\n"
                "nil Invalid nesting too deep false\n8\n");
}

TEST(test_funcs_future_canceled)
{
    project_run(SLEEPING,
                "local f = funcs.async(\"app:sleeping\", \"1h\") t.out(f:cancel()) "
                "t.out(f:is_canceled(), f:is_complete()) t.out(f:response():receive()) "
                "local v, e = f:result() t.out(v, e:kind(), e:message()) "
                "local e2, c = f:error() t.out(e2:kind(), c) t.out(f:cancel())",
                "true nil\ntrue true\nnil false\nnil Canceled canceled\nCanceled true\ntrue nil\n");
}

/* Who waits for nothing does not hold up the end of the program. */
TEST(test_funcs_abandoned_calls_end_soon_when_the_runtime_stops)
{
    static const char *const bodies[] = {
        "local f = funcs.async(\"app:sleeping\", \"1h\") time.sleep(\"5ms\") f:cancel()",
        "funcs.new():with_options({timeout = 5}):call(\"app:sleeping\", \"1h\")",
        "funcs.async(\"app:sleeping\", \"1h\") time.sleep(\"5ms\")"};
    for (size_t i = 0; i < TEST_COUNT(bodies); i++) {
        project *p = project_open(SLEEPING, bodies[i]);
        project_start(p);
        CHECK_WAIT(project_ended, p, 10000);
        CHECK_STR(p->lua.out, "");
        uint64_t start = test_now_ms();
        project_close(p);
        CHECK(test_now_ms() - start < 4000); /* the patience of wippy_destroy() is 5 s */
    }
}

/* None ends before all of them run. */
TEST(test_funcs_futures_run_at_once)
{
    project_run(PROJECT_FUNCTION("together", "metrics.counter_inc(\"runs\") "
                                             "while metrics.value(\"runs\") < 5 do time.sleep(\"1ms\") end "
                                             "return \"met\""),
                "local fs, n = {}, 0 "
                "for i = 1, 5 do fs[i] = funcs.async(\"app:together\") end "
                "for i = 1, 5 do if fs[i]:response():receive():data() == \"met\" then n = n + 1 "
                "end end t.out(n)",
                "5\n");
}

TEST(test_funcs_pool_limit_makes_calls_wait)
{
    project_run(
        PROJECT_LUA("narrow", "function.lua", ", pool: {type: lazy, max_size: 2}",
                    "return {main = function() time.sleep(\"40ms\") return 1 end}"),
        "local fs, n = {}, 0 local from = time.now() "
        "for i = 1, 6 do fs[i] = funcs.async(\"app:narrow\") end "
        "fs[5]:cancel() "
        "for i = 1, 6 do local p = fs[i]:response():receive() n = n + (p and p:data() or 0) "
        "end t.out(n, time.now():sub(from):milliseconds() >= 110, "
        "funcs.call(\"app:narrow\"))",
        "5 true 1 nil\n");
}

/* The calls that run meanwhile are more than the new limit: those that wait begin when there is room. */
TEST(test_funcs_a_smaller_pool_counts_from_the_next_call)
{
    project_run(
        PROJECT_LUA("narrow", "function.lua", ", pool: {max_size: 3}",
                    "return {main = function() local from = time.now():unix_nano() "
                    "time.sleep(\"15ms\") return {from, time.now():unix_nano()} end}"),
        "local old, new = {}, {} for i = 1, 3 do old[i] = funcs.async(\"app:narrow\") end "
        "time.sleep(\"2ms\") local e = registry.get(\"app:narrow\") e.data.pool = {max_size = 1} "
        "local v, err = registry.snapshot():changes():update(e):apply() t.out(err) "
        "for i = 1, 3 do new[i] = funcs.async(\"app:narrow\") end "
        "local last, apart = 0, true for i = 1, 3 do last = math.max(last, "
        "old[i]:response():receive():data()[2]) end "
        "for i = 1, 3 do local r = new[i]:response():receive():data() "
        "apart = apart and r[1] >= last last = r[2] end t.out(apart)",
        "nil\ntrue\n");
}

TEST(test_funcs_waiting_call_is_given_up_with_its_process)
{
    project_run(PROJECT_LUA("narrow", "function.lua", ", pool: {max_size: 1}",
                            "return {main = function(d) time.sleep(d) return 1 end}")
                    PROJECT_LUA("other", "process.lua", "",
                                "return {main = function() funcs.async(\"app:narrow\", \"1ms\") "
                                "funcs.async(\"app:narrow\", \"1ms\") time.sleep(\"5ms\") end}"),
                "local f = funcs.async(\"app:narrow\", \"50ms\") "
                "process.exec(\"app:other\", \"app:processes\") f:response():receive() "
                "R(funcs.call(\"app:narrow\", \"1ms\"))",
                "1\n");
}

TEST(test_funcs_callee_is_canceled_with_its_caller)
{
    project_run(PROJECT_FUNCTION("patient", "local e = process.events():receive() "
                                            "metrics.counter_inc(e.kind)")
                    PROJECT_LUA("other", "process.lua", "",
                                "return {main = function() funcs.async(\"app:patient\") "
                                "time.sleep(\"5ms\") end}"),
                "process.exec(\"app:other\", \"app:processes\") local n = 0 "
                "while not metrics.value(\"pid.cancel\") and n < 2000 do n = n + 1 "
                "time.sleep(\"1ms\") end R(metrics.value(\"pid.cancel\"))",
                "1.0\n");
}

/* Refused with an error, or the process ends where Lua itself needs the memory; all is given back. */
TEST(test_funcs_over_the_memory_limit_calls_are_refused)
{
    project_setup.bridge.memory_limit = 300000;
    project *p =
        project_open(SLEEPING, "local fs, n = {}, 0 for i = 1, 100000 do "
                               "local f, err = funcs.async(\"app:sleeping\", \"1h\") "
                               "if not f then for _, x in ipairs(fs) do x:cancel() end fs = nil "
                               "t.out(err:kind(), n > 20) return end n = n + 1 fs[n] = f end "
                               "t.out(\"no limit\")");
    project_start(p);
    CHECK_WAIT(project_ended, p, 10000);
    CHECK(strcmp(p->lua.out, "RateLimited true\n") == 0 || p->lua.out[0] == 0 ||
          strcmp(p->lua.out, "raised not enough memory\n") == 0);
    project_close(p);
    memset(&project_setup.bridge, 0, sizeof(project_setup.bridge));
}

TEST(test_funcs_timeout)
{
    project_run(SLEEPING,
                "R(funcs.new():with_options({timeout = 20}):call(\"app:sleeping\", \"1h\"))",
                "nil Timeout timed out false\n");
    project_run(SLEEPING,
                "R(funcs.new():with_options({timeout = 5000}):call(\"app:sleeping\", \"1ms\"))",
                "awake\n");
}

TEST(test_funcs_retry)
{
    project_run(PROJECT_LUA("third", "function.lua",
                            ", meta: {options: {retry: {max_attempts: 5, initial_delay: 1, "
                            "backoff_factor: 2}}}",
                            "return {main = function() metrics.counter_inc(\"tries\") "
                            "if metrics.value(\"tries\") < 3 then error(\"again\") end "
                            "return \"done\" end}"),
                "R(funcs.call(\"app:third\")) t.out(metrics.value(\"tries\"))",
                "done\n3.0 nil 0\n");
}

/* Whatever a pool is declared as, calls are answered; nonsense is as if it were not there. */
TEST(test_funcs_every_declaration_of_a_pool_answers)
{
    static const char *const pools[] = {
        "{type: lazy}", "{type: static}", "{type: static, size: 0, max_size: 1}", "{size: -5}",
        "{type: static, workers: 1}", "{type: inline}", "{type: 5, size: 2}", "{type: lazy, max_size: -1}",
        "{type: static, size: 99999999999}", "{max_size: 1}", "{type: statics, size: 3}", "{type: lax}", "7",
        "{type: always, size: 2}", "{type: none}"};
    for (size_t i = 0; i < TEST_COUNT(pools); i++) {
        char entries[512];
        snprintf(entries, sizeof(entries),
                 "  - {name: f, kind: function.lua, method: main, modules: [time], pool: %s, source: "
                 "'return {main = function(a) time.sleep(\"1ms\") return a end}'}\n",
                 pools[i]);
        project_run(entries,
                    "local fs, n = {}, 0 for i = 1, 5 do fs[i] = funcs.async(\"app:f\", i) end "
                    "for i = 1, 5 do n = n + fs[i]:response():receive():data() end t.out(n)",
                    "15\n");
    }
}

TEST(test_funcs_every_declaration_of_retries_ends)
{
    static const char *const retries[] = {
        "{max_attempts: 2}", "{max_attempts: 5000}", "{max_attempts: -1}", "{max_attempts: 2, initial_delay: -5}",
        "{max_attempts: 3, initial_delay: 1, backoff_factor: 1.0e9}",
        "{max_attempts: 3, initial_delay: 1, backoff_factor: -1}",
        "{max_attempts: 3, initial_delay: 1, max_delay: 1, backoff_factor: 10}", "[]"};
    for (size_t i = 0; i < TEST_COUNT(retries); i++) {
        char entries[640];
        snprintf(entries, sizeof(entries),
                 "  - {name: f, kind: function.lua, method: main, meta: {options: {retry: %s}}, source: "
                 "'return {main = function() return nil, errors.new({message = \"no\", retryable = "
                 "true}) end}'}\n"
                 "  - {name: g, kind: function.lua, method: main, meta: {options: {retry: %s}}, source: "
                 "'return {main = function() return nil, errors.new({message = \"final\", retryable = "
                 "false}) end}'}\n",
                 retries[i], retries[i]);
        project_run(entries,
                    "local _, a = funcs.call(\"app:f\") local _, b = funcs.call(\"app:g\") "
                    "t.out(a:message(), b:message())",
                    "no final\n");
    }
}

TEST(test_funcs_long_names_and_hosts)
{
#define LONG "n123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789"
    project_run(PROJECT_FUNCTION(LONG LONG, "return #process.pid() > 5"),
                "R(funcs.call(\"app:" LONG LONG "\"))", "true\n");
    project_run(PROJECT_LUA("worker", "process.lua", ", meta: {default_host: \"\"}",
                            "return {main = function(n) return n + 1 end}"),
                "R(funcs.call(\"app:worker\", 1))",
                "nil NotFound no handler registered for target false\n");
    project_run(PROJECT_LUA("worker", "process.lua",
                            ", meta: {default_host: \"" LONG LONG LONG "\"}",
                            "return {main = function(n) return n + 1 end}"),
                "R(funcs.call(\"app:worker\", 1))",
                "nil NotFound no handler registered for target false\n");
    project_run(PROJECT_LUA(LONG LONG LONG, "process.lua", ", meta: {default_host: \"app:processes\"}",
                            "return {main = function(n) return n + 1 end}"),
                "local v, err = funcs.call(\"app:" LONG LONG LONG "\", 1) t.out(v == 2 or err:kind())",
                "NotFound\n");
#undef LONG
}

TEST(test_funcs_executor_refuses_what_it_cannot_use)
{
    project_run(DOUBLE,
                "local e = funcs.new() R(e:with_context({[1] = 2})) R(e:with_options({[{}] = 1})) "
                "R(e:with_context({a = 1}):with_context({[true] = 1})) R(e:with_actor(nil)) "
                "R(e:with_scope(nil)) t.out(select(2, pcall(e.with_actor, e, 5))) "
                "t.out(select(2, pcall(e.with_scope, e, {}))) "
                "R(e:with_options({timeout = -1}):call(\"app:double\", 2)) "
                "R(e:with_options({timeout = 1e300}):call(\"app:double\", 2)) "
                "R(e:with_options({timeout = \"soon\"}):call(\"app:double\", 2))",
                "nil Invalid context keys must be strings false\n"
                "nil Invalid options keys must be strings false\n"
                "nil Invalid context keys must be strings false\n"
                "nil Invalid actor cannot be nil false\nnil Invalid scope cannot be nil false\n"
                "bad argument #2 to '?' (Actor expected)\n"
                "bad argument #2 to '?' (Scope expected)\n4\n4\n4\n");
}

TEST(test_funcs_context_flows)
{
    project_run(CONTEXT PROJECT_FUNCTION("outer", "return funcs.call(\"app:context\", \"a\")"),
                "local f = funcs.new():with_context({a = 1, b = 2}) "
                "R(f:call(\"app:context\", \"a\")) R(f:with_context({a = 3}):call(\"app:outer\")) "
                "R(f:with_context({a = 3}):call(\"app:context\", \"b\")) "
                "R(funcs.call(\"app:context\", \"a\")) R(f:call(\"app:context\", \"a\"))",
                "1\n3\n2\nnil NotFound key not found: a false\n1\n");
    project_run("", "R(funcs.new():with_context({[1] = 2}))",
                "nil Invalid context keys must be strings false\n");
    project_run("", "R(funcs.new():with_options({[1] = 2}))",
                "nil Invalid options keys must be strings false\n");
    project_run("", "R(funcs.new():with_actor(nil)) R(funcs.new():with_scope(nil))",
                "nil Invalid actor cannot be nil false\nnil Invalid scope cannot be nil false\n");
}

TEST(test_funcs_identity_flows)
{
    project_run(WHO PROJECT_FUNCTION("outer", "return funcs.call(\"app:who\")"),
                "R(funcs.call(\"app:who\")) "
                "local f = funcs.new():with_actor(security.new_actor(\"ann\")) "
                "R(f:call(\"app:who\")) R(f:call(\"app:outer\")) R(funcs.call(\"app:who\")) "
                "local s = funcs.new():with_scope(security.new_scope({})) R(s:call(\"app:who\")) "
                "R(s:with_actor(security.new_actor(\"bob\")):call(\"app:who\"))",
                "nobody -\nann -\nann -\nnobody -\nnobody 0\nbob 0\n");
}

TEST(test_funcs_replaced_entry_is_a_new_generation)
{
    project_run(
        PROJECT_FUNCTION("f", "time.sleep(... or \"0s\") return \"old \" .. process.pid()"),
        "local f = funcs.async(\"app:f\", \"50ms\") time.sleep(\"5ms\") "
        "local e = registry.get(\"app:f\") "
        "e.data.source = \"return {main = function() return \\\"new \\\" .. process.pid() end}\" "
        "local v, err = registry.snapshot():changes():update(e):apply() t.out(err) "
        "t.out((funcs.call(\"app:f\"):gsub(\"|.*\", \"\"))) "
        "t.out((f:response():receive():data():gsub(\"|.*\", \"\")))",
        "nil\nnew {app:f#lua.2\nold {app:f#lua.1\n");
}

TEST(test_ctx_reads)
{
    project_run("", "R(ctx.get(\"\")) R(ctx.get(\"x\")) t.out(type(ctx.all()), next(ctx.all()))",
                "nil Invalid empty key false\nnil NotFound key not found: x false\ntable nil\n");
    project_run(PROJECT_LUA("child", "process.lua", "",
                            "return {main = function() local all = ctx.all() all.k = nil "
                            "return {ctx.get(\"k\"), ctx.get(\"t\").x, all.n} end}"),
                "local s = process.with_context({k = \"v\", t = {x = 1}, n = false}) "
                "local r = s:exec(\"app:child\", \"app:processes\") t.out(r[1], r[2], r[3])",
                "v 1 false\n");
}

TEST(test_funcs_on_a_pool_host)
{
    project_setup.host = WIPPY_HOST_POOL;
    test_funcs_call_answers();
    test_funcs_futures_run_at_once();
    test_funcs_pool_limit_makes_calls_wait();
    test_funcs_waiting_call_is_given_up_with_its_process();
    test_funcs_future_canceled();
    project_run(DOUBLE,
                "local fs, n = {}, 0 for i = 1, 300 do fs[i] = funcs.async(\"app:double\", i) end "
                "for i = 1, 300 do n = n + fs[i]:response():receive():data() end t.out(n)",
                "90300\n");
    project_setup.host = WIPPY_HOST_PUMP;
}

TEST(test_funcs_terminal_uses_a_pool)
{
    project_setup.host = WIPPY_HOST_TERMINAL;
    project_run(
        DOUBLE,
        "R(funcs.call(\"app:double\", 2)) R(funcs.call(\"app:double\", 3)) local n = 0 "
        "for _, h in ipairs(system.hosts.list()) do "
        "if h.id == \"system:functions\" and h.workers >= 1 then n = n + 1 end end t.out(n)",
        "4\n6\n1\n");
    project_setup.host = WIPPY_HOST_PUMP;
}

static void add_hosts(project *p, int count, wippy_host_kind kind)
{
    for (int i = 0; i < count; i++) {
        char name[32];
        wippy_host host;
        wippy_host_desc desc;
        memset(&desc, 0, sizeof(desc));
        snprintf(name, sizeof(name), "more:%d", i);
        desc.name = name;
        desc.kind = kind;
        desc.workers = kind == WIPPY_HOST_POOL ? 1 : 0;
        CHECK_EQ_INT(wippy_host_create(p->lua.rt, &desc, &host), WIPPY_OK);
    }
}

/* Where there are threads anyway, calls from a pump run on them; otherwise on the pump itself. */
static void pump_with(int count, wippy_host_kind kind, const char *expected)
{
    project *p = project_open(DOUBLE, "R(funcs.call(\"app:double\", 2)) "
                                      "local n = 0 for _, h in ipairs(system.hosts.list()) do "
                                      "if h.id == \"system:functions\" then n = n + 1 end end t.out(n)");
    add_hosts(p, count, kind);
    project_start(p);
    CHECK_WAIT(project_ended, p, 10000);
    CHECK_STR(p->lua.out, expected);
    project_close(p);
}

TEST(test_funcs_pump_uses_a_pool_where_there_are_workers)
{
    pump_with(1, WIPPY_HOST_POOL, "4\n1\n");
    pump_with(1, WIPPY_HOST_PUMP, "4\n0\n");
    pump_with(80, WIPPY_HOST_PUMP, "4\n0\n");
}

TEST(test_funcs_pump_makes_no_host)
{
    project_run(DOUBLE, "R(funcs.call(\"app:double\", 2)) t.out(#system.hosts.list())", "4\n1\n");
}

static wippy_frame *restricted(wippy_runtime *rt)
{
    static const char *const scope[] = {"app:policy"};
    wippy_frame_desc desc;
    wippy_frame *frame = NULL;
    memset(&desc, 0, sizeof(desc));
    desc.actor_id = "ann";
    desc.scope = scope;
    desc.scope_count = 1;
    CHECK_EQ_INT(wippy_frame_make(rt, &desc, &frame), WIPPY_OK);
    return frame;
}

#define POLICY(actions, resources)                                         \
    "  - {name: policy, kind: security.policy, policy: {actions: " actions \
    ", resources: " resources ", effect: allow}}\n"

TEST(test_funcs_rights)
{
    project_setup.frame = restricted;
    project_run(DOUBLE POLICY("[funcs.call]", "[\"app:other\"]"),
                "R(funcs.call(\"app:double\", 2)) R(funcs.async(\"app:double\", 2))",
                "nil PermissionDenied not allowed: app:double false\n"
                "nil PermissionDenied not allowed: app:double false\n");
    project_run(WHO POLICY("[funcs.call]", "\"*\""), "R(funcs.call(\"app:who\"))", "ann 1\n");
    project_run(WHO POLICY("[funcs.call]", "\"*\""),
                "R(funcs.new():with_context({})) R(funcs.new():with_actor(security.actor())) "
                "R(funcs.new():with_scope(security.scope()))",
                "nil PermissionDenied not allowed to call functions with custom context false\n"
                "nil PermissionDenied not allowed to call functions with custom security context "
                "false\n"
                "nil PermissionDenied not allowed to call functions with custom security context "
                "false\n");
    project_setup.frame = NULL;
}

TEST_MAIN(TEST_ENTRY(test_funcs_call_answers), TEST_ENTRY(test_funcs_call_refuses_bad_targets),
          TEST_ENTRY(test_funcs_process_with_default_host_is_callable),
          TEST_ENTRY(test_funcs_each_call_is_a_process_of_its_own),
          TEST_ENTRY(test_funcs_future_success), TEST_ENTRY(test_funcs_future_failure),
          TEST_ENTRY(test_funcs_future_canceled),
          TEST_ENTRY(test_funcs_abandoned_calls_end_soon_when_the_runtime_stops),
          TEST_ENTRY(test_funcs_futures_run_at_once),
          TEST_ENTRY(test_funcs_pool_limit_makes_calls_wait),
          TEST_ENTRY(test_funcs_waiting_call_is_given_up_with_its_process),
          TEST_ENTRY(test_funcs_callee_is_canceled_with_its_caller),
          TEST_ENTRY(test_funcs_over_the_memory_limit_calls_are_refused),
          TEST_ENTRY(test_funcs_timeout), TEST_ENTRY(test_funcs_retry),
          TEST_ENTRY(test_funcs_every_declaration_of_a_pool_answers),
          TEST_ENTRY(test_funcs_every_declaration_of_retries_ends),
          TEST_ENTRY(test_funcs_long_names_and_hosts),
          TEST_ENTRY(test_funcs_executor_refuses_what_it_cannot_use),
          TEST_ENTRY(test_funcs_context_flows), TEST_ENTRY(test_funcs_identity_flows),
          TEST_ENTRY(test_funcs_replaced_entry_is_a_new_generation), TEST_ENTRY(test_ctx_reads),
          TEST_ENTRY(test_funcs_on_a_pool_host), TEST_ENTRY(test_funcs_terminal_uses_a_pool),
          TEST_ENTRY(test_funcs_pump_makes_no_host),
          TEST_ENTRY(test_funcs_pump_uses_a_pool_where_there_are_workers),
          TEST_ENTRY(test_funcs_future_of_a_function_without_a_value),
          TEST_ENTRY(test_funcs_arguments_that_cannot_be_sent_are_refused),
          TEST_ENTRY(test_funcs_a_smaller_pool_counts_from_the_next_call), TEST_ENTRY(test_funcs_rights))
