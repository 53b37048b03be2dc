/* The modules security, system, metrics and pg. */
#include "project_kit.h"

#define POLICIES                                                                            \
    "  - {name: readers, kind: security.policy, groups: [team], policy: {actions: read, "   \
    "resources: \"doc:*\", effect: allow}}\n"                                               \
    "  - {name: secret, kind: security.policy, groups: [team], policy: {actions: \"*\", "   \
    "resources: \"doc:secret\", effect: deny}}\n"                                           \
    "  - {name: owners, kind: security.policy, policy: {actions: write, resources: \"*\", " \
    "effect: "                                                                              \
    "allow, conditions: [{field: meta.owner, operator: eq, value_from: actor.id}]}}\n"

static wippy_frame *restricted(wippy_runtime *rt)
{
    static const char *const scope[] = {"app:policy"};
    wippy_frame_desc desc;
    wippy_writer writer;
    wippy_frame *frame = NULL;
    memset(&desc, 0, sizeof(desc));
    wippy_writer_init(&writer, rt);
    wippy_write_map(&writer, 1);
    wippy_write_cstring(&writer, "role");
    wippy_write_cstring(&writer, "admin");
    wippy_write_end(&writer);
    CHECK_EQ_INT(wippy_writer_finish(&writer, &desc.actor_meta), WIPPY_OK);
    desc.actor_id = "ann";
    desc.scope = scope;
    desc.scope_count = 1;
    CHECK_EQ_INT(wippy_frame_make(rt, &desc, &frame), WIPPY_OK);
    wippy_writer_free(&writer);
    return frame;
}

#define POLICY(actions, resources)                                         \
    "  - {name: policy, kind: security.policy, policy: {actions: " actions \
    ", resources: " resources ", effect: allow}}\n"

TEST(test_security_nobody_can_anything)
{
    project_run("", "t.out(security.actor(), security.scope(), security.can(\"a\", \"b\"))",
                "nil nil false\n");
}

TEST(test_security_identity)
{
    project_setup.frame = restricted;
    project_run(POLICY("[read]", "\"doc:*\""),
                "local a, s = security.actor(), security.scope() "
                "t.out(a:id(), a:meta().role, s:contains(\"app:policy\"), #s:policies(), "
                "s:policies()[1]:id()) "
                "t.out(security.can(\"read\", \"doc:1\"), security.can(\"read\", \"x\"), "
                "security.can(\"write\", \"doc:1\", {m = 1}))",
                "ann admin true 1 app:policy\ntrue false false\n");
    project_setup.frame = NULL;
}

TEST(test_security_scopes)
{
    project_run(
        POLICIES,
        "local a = security.new_actor(\"bob\", {x = 1}) t.out(a:id(), a:meta().x) "
        "local r, d = security.policy(\"app:readers\"), security.policy(\"app:secret\") "
        "local none = security.new_scope() local s = security.new_scope({r}) "
        "t.out(r:id(), r:evaluate(a, \"read\", \"doc:1\"), r:evaluate(a, \"read\", \"x\")) "
        "t.out(none:evaluate(a, \"read\", \"doc:1\"), s:evaluate(a, \"read\", \"doc:secret\"), "
        "s:with(d):evaluate(a, \"read\", \"doc:secret\")) "
        "t.out(s:contains(\"app:secret\"), s:with(d):contains(\"app:secret\"), "
        "s:with(d):without(\"app:secret\"):contains(\"app:secret\"), #s:policies()) "
        "local o = security.policy(\"app:owners\") "
        "t.out(o:evaluate(a, \"write\", \"f\", {owner = \"bob\"}), "
        "o:evaluate(a, \"write\", \"f\", {owner = \"eve\"})) "
        "local g = security.named_scope(\"app:team\") t.out(#g:policies(), "
        "g:evaluate(a, \"read\", \"doc:secret\"), g:evaluate(a, \"read\", \"doc:2\"))",
        "bob 1\napp:readers allow undefined\nundefined allow deny\nfalse true false 1\n"
        "allow undefined\n2 deny allow\n");
}

TEST(test_security_refusals)
{
    project_run("",
                "R(security.policy(\"app:none\")) R(security.named_scope(\"app:none\")) "
                "R(security.token_store(\"app:none\"))",
                "nil Internal policy not found: app:none false\n"
                "nil Internal policy group not found: app:none false\n"
                "nil Internal token store not found: app:none false\n");
    project_run(POLICIES,
                "local deep = {} for i = 1, 300 do deep = {deep} end local a = security.new_actor(\"b\") "
                "local p = security.policy(\"app:readers\") local s = security.new_scope({p}) "
                "t.out(pcall(security.new_actor, \"x\", deep)) "
                "R(p:evaluate(a, \"read\", \"doc:1\", deep)) R(s:evaluate(a, \"read\", \"doc:1\", deep)) "
                "t.out(s:with(p):contains(\"app:readers\"), #s:with(p):policies(), "
                "#s:without(\"app:none\"):policies(), #s:without(p):policies()) "
                "t.out(p:evaluate(a, \"read\", \"doc:1\", nil)) "
                "t.out(pcall(security.new_actor, \"\")) t.out((pcall(s.without, s, {})))",
                "false nesting too deep\n"
                "nil Invalid nesting too deep false\nnil Invalid nesting too deep false\n"
                "true 1 1 0\nallow\n"
                "false bad argument #1 to '?' (actor id cannot be empty)\nfalse\n");
    project_setup.frame = restricted;
    project_run(POLICY("[nothing]", "x"),
                "local deep = {} for i = 1, 300 do deep = {deep} end R(security.token_store(\"app:s\")) "
                "R(security.can(\"a\", \"b\", deep))",
                "nil Invalid not allowed to access token store: app:s false\n"
                "nil Invalid nesting too deep false\n");
    project_run(POLICY("[nothing]", "x"),
                "R(security.policy(\"app:policy\")) R(security.named_scope(\"app:g\")) "
                "t.out(pcall(security.new_actor, \"x\")) t.out(pcall(security.new_scope, {}))",
                "nil Invalid not allowed to access policy: app:policy false\n"
                "nil Invalid not allowed to access policy group: app:g false\n"
                "false not allowed to create actor: x\n"
                "false not allowed to create custom scope\n");
    project_setup.frame = NULL;
}

TEST(test_security_spawner_passes_identity_on)
{
    project_run(
        POLICIES PROJECT_LUA(
            "child", "process.lua", "",
            "return {main = function() local a, s = security.actor(), security.scope() "
            "return a:id() .. a:meta().n .. #s:policies() end}"),
        "local s = process.with_context({}):with_actor(security.new_actor(\"eve\", {n = 7}))"
        ":with_scope(security.new_scope({security.policy(\"app:readers\")})) "
        "t.out(pcall(s.with_actor, s, {})) "
        "local f = funcs.new():with_actor(security.new_actor(\"eve\")) t.out(f ~= nil) "
        "R(s:exec(\"app:child\", \"app:processes\"))",
        "false bad argument #2 to '?' (Actor expected)\ntrue\neve71\n");
}

#define CHILD                                                                                      \
    PROJECT_LUA("child", "process.lua", "", "return {main = function() return \"ran\" end}")

TEST(test_security_spawner_asks_for_rights)
{
    project_setup.frame = restricted;
    project_run(POLICY("[process.context]", "context"),
                "t.out(pcall(process.with_context, {a = 1})) local s = process.with_options({}) "
                "t.out(pcall(s.with_context, s, {})) t.out(pcall(s.with_actor, s, security.actor())) "
                "t.out(pcall(s.with_scope, s, security.scope()))",
                "false not allowed to spawn processes with custom context\n"
                "false not allowed to spawn processes with custom context\n"
                "false not allowed to spawn processes with custom security context\n"
                "false not allowed to spawn processes with custom security context\n");
    project_run(POLICY("[process.security]", "security"),
                "t.out(pcall(process.with_context, {})) t.out(pcall(process.with_options, {}))",
                "false not allowed to spawn processes with custom context\n"
                "false not allowed to spawn processes with custom options\n");
    project_setup.frame = NULL;
    /* never with fewer policies than were given: one of them may deny */
    project_run(POLICIES CHILD,
                "local p, many = security.policy(\"app:readers\"), {} for i = 1, 300 do many[i] = p end "
                "local s = process.with_context({}):with_scope(security.new_scope(many)) "
                "local v, e = s:spawn(\"app:child\", \"app:processes\") t.out(v, e:kind()) "
                "v, e = funcs.new():with_scope(security.new_scope(many)):call(\"app:child\") t.out(v, e:kind()) "
                "t.out(pcall(function() return process.with_context({[1] = 2}) end))",
                "nil Invalid\nnil Invalid\nfalse app:main:1: context keys must be strings\n");
}

TEST(test_spawn_on_what_is_no_host)
{
    project_run(CHILD "  - {name: term, kind: terminal.host}\n  - {name: pool, kind: process.host}\n"
                      "  - {name: thing, kind: registry.entry}\n",
                "for _, h in ipairs{\"app:term\", \"app:pool\", \"app:thing\", \"app:none\"} do "
                "R(process.spawn(\"app:child\", h)) end R(process.spawn(\"app:thing\", \"app:processes\"))",
                "nil Unavailable host is not running false\nnil Unavailable host is not running false\n"
                "nil Internal host does not implement process.Host false\nnil NotFound host not found false\n"
                "nil NotFound factory not found false\n");
}

/* ------------------------------------------------------------------ system */

TEST(test_system_memory)
{
    project_run("",
                "local s = system.memory.stats() t.out(s.alloc > 0, s.heap_objects > 0, s.num_gc, "
                "s.total_alloc ~= nil, s.sys ~= nil, s.heap_alloc ~= nil, s.heap_sys ~= nil) "
                "t.out(system.memory.allocated() > 0, system.memory.heap_objects() > 0) "
                "t.out(system.memory.set_limit(1000), system.memory.get_limit()) "
                "R(system.memory.set_limit(-5))",
                "true true 0 true true true true\ntrue true\n0 1000\n"
                "nil Invalid memory limit must not be negative false\n");
}

TEST(test_system_runtime)
{
    project_run(
        "",
        "local n = system.runtime.max_procs() t.out(n > 0, system.runtime.max_procs(3) == n, "
        "system.runtime.max_procs()) "
        "R(system.runtime.max_procs(0)) R(system.runtime.max_procs(-1)) "
        "t.out(system.gc.set_percent(50), system.gc.get_percent(), system.gc.collect()) "
        "t.out(system.runtime.goroutines() > 0, system.runtime.cpu_count() > 0, "
        "system.process.pid() > 0, #system.process.hostname() > 0, "
        "system.process.cwd():sub(1, 1))",
        "true true 3\nnil Invalid max_procs must be positive false\n"
        "nil Invalid max_procs must be positive false\n100 50 true\n"
        "true true true true /\n");
}

TEST(test_system_modules)
{
    project_run("",
                "local names = {} for _, m in ipairs(system.modules()) do names[m.name] = true end "
                "t.out(names.funcs, names.registry, names.time, names[\"@common\"])",
                "true true true nil\n");
}

TEST(test_system_hosts)
{
    project_run(
        "",
        "for _, h in ipairs(system.hosts.list()) do t.out(h.id, h.processes, h.workers ~= nil, "
        "h.executed >= 0, h.stolen, h.queue_depth >= 0) end "
        "local ps = system.hosts.processes(\"app:processes\") local p = ps[1] "
        "t.out(#ps, p.pid == process.pid(), p.host, p.source, p.steps >= 0, p.state, "
        "p.started_at > 0, p.parent, p.actor_id, p.memory > 4096) R(system.hosts.processes(\"no:host\"))",
        "app:processes 1 true true 0 true\n"
        "1 true app:processes app:main true running true nil nil true\n"
        "nil NotFound host not found false\n");
}

TEST(test_system_supervisor)
{
    project_run(
        "  - {name: h, kind: process.host}\n",
        "local s = system.supervisor.state(\"app:h\") "
        "t.out(s.id, s.status, s.desired, s.retry_count, s.last_update, s.started_at, "
        "s.details) t.out(#system.supervisor.states()) "
        "R(system.supervisor.state(\"app:none\"))",
        "app:h unknown stopped 0 0 0 \n1\nnil NotFound service not found: app:none false\n");
}

static int64_t exit_code;

static void on_exit_asked(wippy_runtime *rt, int64_t code, void *user_data)
{
    (void)rt;
    CHECK(user_data == &exit_code);
    exit_code = code;
}

TEST(test_system_exit)
{
    exit_code = -1;
    project_setup.bridge.exit_fn = on_exit_asked;
    project_setup.bridge.user_data = &exit_code;
    project_run("", "t.out(system.exit(3))", "true\n");
    CHECK_EQ_INT(exit_code, 3);
    project_run("", "t.out(system.exit())", "true\n");
    CHECK_EQ_INT(exit_code, 0);
    memset(&project_setup.bridge, 0, sizeof(project_setup.bridge));
    project *p = project_open("", "t.out(system.exit(2))");
    CHECK_EQ_INT(wippy_join(p->lua.rt, 0), WIPPY_ERR_INVALID); /* nobody asked yet */
    project_start(p);
    CHECK_WAIT(project_ended, p, 10000);
    CHECK_EQ_INT(wippy_join(p->lua.rt, UINT64_MAX), WIPPY_OK);
    project_close(p);
}

TEST(test_system_rights)
{
    project_setup.frame = restricted;
    project_run(POLICY("[system.read]", "memory"),
                "t.out(system.memory.allocated() > 0) R(system.exit(1)) R(system.hosts.list()) "
                "R(system.gc.collect()) R(system.runtime.max_procs(2))",
                "true\nnil PermissionDenied not allowed: system.exit exit false\n"
                "nil PermissionDenied not allowed: system.read hosts false\n"
                "nil PermissionDenied not allowed: system.gc gc false\n"
                "nil PermissionDenied not allowed: system.control gomaxprocs false\n");
    project_run(POLICY("[none]", "memory"),
                "local m, g, r, p = system.memory, system.gc, system.runtime, system.process "
                "local h, s = system.hosts, system.supervisor "
                "for _, f in ipairs{m.stats, m.allocated, m.heap_objects, m.get_limit, g.get_percent, "
                "r.cpu_count, r.goroutines, r.max_procs, p.pid, p.cwd, p.hostname, h.list, s.states, "
                "system.modules} do local v, e = f() t.out(v, e:kind(), e:message()) end "
                "R(m.set_limit(5)) R(g.set_percent(5)) R(h.processes(\"app:processes\")) "
                "R(s.state(\"app:main\"))",
                "nil PermissionDenied not allowed: system.read memory\n"
                "nil PermissionDenied not allowed: system.read memory\n"
                "nil PermissionDenied not allowed: system.read memory\n"
                "nil PermissionDenied not allowed: system.read memory_limit\n"
                "nil PermissionDenied not allowed: system.read gc_percent\n"
                "nil PermissionDenied not allowed: system.read cpu\n"
                "nil PermissionDenied not allowed: system.read goroutines\n"
                "nil PermissionDenied not allowed: system.read gomaxprocs\n"
                "nil PermissionDenied not allowed: system.read pid\n"
                "nil PermissionDenied not allowed: system.read cwd\n"
                "nil PermissionDenied not allowed: system.read hostname\n"
                "nil PermissionDenied not allowed: system.read hosts\n"
                "nil PermissionDenied not allowed: system.read supervisor\n"
                "nil PermissionDenied not allowed: system.read modules\n"
                "nil PermissionDenied not allowed: system.control memory_limit false\n"
                "nil PermissionDenied not allowed: system.gc gc_percent false\n"
                "nil PermissionDenied not allowed: system.read processes false\n"
                "nil PermissionDenied not allowed: system.read supervisor false\n");
    project_run(POLICY("[system.read]", "processes"),
                "t.out(system.hosts.processes(\"app:processes\")[1].actor_id)", "ann\n");
    project_setup.frame = NULL;
}

/* ------------------------------------------------------------------ metrics */

TEST(test_metrics)
{
    project_run("",
                "t.out(metrics.counter_inc(\"c\")) metrics.counter_add(\"c\", 2.5) "
                "metrics.counter_inc(\"c\", {b = 2, a = \"x\"}) metrics.gauge_set(\"g\", 7) "
                "metrics.gauge_inc(\"g\") metrics.gauge_dec(\"g\") metrics.gauge_dec(\"g\") "
                "metrics.histogram(\"h\", 2) metrics.histogram(\"h\", 3, {}) "
                "metrics.histogram(\"h\", 3) "
                "t.out(metrics.value(\"c\"), metrics.value(\"g\")) t.out(metrics.value(\"h\")) "
                "t.out((metrics.value(\"c\", {a = \"x\", b = 2}))) R(metrics.value(\"none\"))",
                "true nil\n3.5 6.0 nil 0\n5.0 nil 2\n1.0\n"
                "nil NotFound metric not found: none false\n");
    project_run("", /* labels are told apart whatever their order, and those without a name are none */
                "for _, l in ipairs{{b = 1, a = 2, c = 3}, {c = 3, a = 2, b = 1}, {a = 2, c = 3, b = 1, \"x\"}, "
                "{b = 1, c = 3, a = 2, [true] = 5}} do metrics.counter_inc(\"m\", l) end "
                "t.out((metrics.value(\"m\", {a = 2, b = 1, c = 3}))) R(metrics.value(\"m\", {a = 2, b = 1})) "
                "local long = (\"n\"):rep(3000) metrics.gauge_set(long, 4, {l = 1}) "
                "t.out((metrics.value(long, {l = 1})))",
                "4.0\nnil NotFound metric not found: m{a=2,b=1} false\n4.0\n");
}

/* ------------------------------------------------------------------ pg */

#define SCOPE "  - {name: pg, kind: pg.scope}\n"
#define MEMBER                                                                                \
    PROJECT_LUA("member", "process.lua", "",                                                  \
                "return {main = function(group) local g = pg.open(\"app:pg\") g:join(group) " \
                "local m = process.listen(\"say\", {message = true}):receive() "              \
                "return m:payload():data() end}")

TEST(test_pg_membership)
{
    project_run(SCOPE,
                "local g, err = pg.open(\"app:pg\") t.out(g, err) t.out(g:join(\"a\")) "
                "g:join({\"a\", \"b\"}) "
                "t.out(#g:get_members(\"a\"), g:get_members(\"a\")[1] == process.pid(), "
                "#g:get_local_members(\"c\"), table.concat(g:which_groups(), \" \")) "
                "g:leave(\"a\") t.out(#g:get_members(\"a\")) "
                "t.out(g:leave({\"a\", \"b\"}), #g:get_members(\"a\"), #g:which_local_groups()) "
                "R(g:leave(\"a\"))",
                "pg.Scope{app:pg} nil\ntrue\n1 true 0 a b\n1\ntrue 0 0\n"
                "nil Invalid not a member of group: a false\n");
}

TEST(test_pg_broadcast_and_leaving_at_the_end)
{
    project_run(SCOPE MEMBER,
                "local g = pg.open(\"app:pg\") local ev = g:events():channel() "
                "local mine = g:monitor(\"room\"):channel() "
                "local a = process.spawn_monitored(\"app:member\", \"app:processes\", \"room\") "
                "local b = process.spawn_monitored(\"app:member\", \"app:processes\", \"room\") "
                "for i = 1, 2 do local e = ev:receive() t.out(e.system, e.kind, e.path, "
                "e.data.Group, #e.data.PIDs, e.data.PIDs[1] == a or e.data.PIDs[1] == b) end "
                "t.out(#g:get_members(\"room\")) "
                "t.out(g:broadcast(\"room\", \"say\", \"hello\")) "
                "for i = 1, 2 do t.out(process.events():receive().result.value) end "
                "for i = 1, 2 do t.out(ev:receive().kind) end "
                "for i = 1, 4 do t.out((mine:receive()).kind) end "
                "t.out(#g:get_members(\"room\"), #g:which_groups())",
                "pg member.joined room room 1 true\npg member.joined room room 1 true\n2\ntrue\n"
                "hello\nhello\nmember.left\nmember.left\n"
                "member.joined\nmember.joined\nmember.left\nmember.left\n0 0\n");
}

TEST(test_pg_broadcast_takes_any_topic_that_a_message_may_have)
{
    project_run(SCOPE,
                "local g, inbox = pg.open(\"app:pg\"), process.inbox() g:join(\"a\") "
                "t.out(g:broadcast(\"a\", \"\", 5), g:broadcast(\"a\", \"x\\0y\", 6)) "
                "local m = inbox:receive() t.out(#m:topic(), m:payload():data()) "
                "m = inbox:receive() t.out(#m:topic(), m:payload():data())",
                "true true\n0 5 nil\n3 6 nil\n");
}

TEST(test_pg_subscription_closes)
{
    project_run(SCOPE,
                "local g = pg.open(\"app:pg\") local s = g:monitor(\"a\") g:join(\"b\") "
                "g:join(\"a\") t.out(s:channel():receive().path, s:close()) g:leave(\"a\") "
                "t.out(s:channel():receive()) t.out(s:close())",
                "a true\nnil false\ntrue\n");
}

TEST(test_pg_refusals)
{
    project_run(SCOPE,
                "R(pg.open(\"app:none\")) R(pg.open(\"app:main\")) local g = pg.open(\"app:pg\") "
                "R(g:join(\"\")) R(g:broadcast(\"a\", \"@x\")) "
                "t.out(g:release()) R(g:join(\"a\")) R(g:events())",
                "nil Internal scope not found: app:none false\n"
                "nil Internal scope not found: app:main false\n"
                "nil Invalid group is required false\n"
                "nil Invalid cannot send to @ topics false\ntrue\n"
                "nil Invalid process group instance is released false\n"
                "nil Invalid process group instance is released false\n");
    project_run(SCOPE,
                "local g, deep = pg.open(\"app:pg\"), {} for i = 1, 300 do deep = {deep} end "
                "R(g:broadcast(\"a\", \"t\", deep)) R(g:monitor(\"\")) R(g:join({\"b\", \"\"})) "
                "t.out(#g:get_members(\"b\")) t.out(pcall(g.join, g, {\"a\", 5})) g:release() "
                "R(g:broadcast(\"a\", \"t\")) R(g:monitor(\"a\")) R(g:get_members(\"a\")) "
                "R(g:which_groups()) t.out(tostring(g))",
                "nil Invalid nesting too deep false\nnil Invalid group is required false\n"
                "nil Invalid group is required false\n1\n"
                "false bad argument #2 to '?' (group name expected)\n"
                "nil Invalid process group instance is released false\n"
                "nil Invalid process group instance is released false\n"
                "nil Invalid process group instance is released false\n"
                "nil Invalid process group instance is released false\npg.Scope{}\n");
    project_setup.frame = restricted;
    project_run(SCOPE POLICY("[pg.open]", "\"app:pg\""),
                "R(pg.open(\"app:x\")) local g = pg.open(\"app:pg\") R(g:join(\"a\")) R(g:get_members(\"a\")) "
                "R(g:which_groups()) R(g:broadcast(\"a\", \"t\")) R(g:monitor(\"a\")) R(g:events())",
                "nil PermissionDenied not allowed: pg.open app:x false\n"
                "nil PermissionDenied not allowed: pg.join a false\n"
                "nil PermissionDenied not allowed: pg.get_members a false\n"
                "nil PermissionDenied not allowed: pg.which_groups  false\n"
                "nil PermissionDenied not allowed: pg.broadcast a false\n"
                "nil PermissionDenied not allowed: pg.monitor a false\n"
                "nil PermissionDenied not allowed: pg.events  false\n");
    project_setup.frame = NULL;
}

TEST(test_pg_groups_of_any_size)
{
    project_run(SCOPE PROJECT_LUA("guest", "process.lua", "",
                                  "return {main = function(to) pg.open(\"app:pg\"):join(\"all\") "
                                  "process.send(to, \"in\") process.events():receive() end}"),
                "local g, inbox, p = pg.open(\"app:pg\"), process.inbox(), {} "
                "for i = 1, 100 do p[i] = process.spawn(\"app:guest\", \"app:processes\", process.pid()) "
                "end for i = 1, 100 do inbox:receive() end "
                "local there = {} for _, m in ipairs(g:get_members(\"all\")) do there[m] = true end "
                "local n = 0 for i = 1, 100 do n = n + (there[p[i]] and 1 or 0) end t.out(n)",
                "100\n");
}

TEST(test_pg_on_a_pool_host)
{
    project_setup.host = WIPPY_HOST_POOL;
    test_pg_broadcast_and_leaving_at_the_end();
    project_run(
        SCOPE PROJECT_LUA("guest", "process.lua", "",
                          "return {main = function(i) local g = pg.open(\"app:pg\") "
                          "g:join({\"all\", \"g\" .. i % 3}) end}"),
        "local g = pg.open(\"app:pg\") "
        "for i = 1, 200 do process.spawn_monitored(\"app:guest\", \"app:processes\", i) end "
        "for i = 1, 200 do process.events():receive() end "
        "t.out(#g:get_members(\"all\"), #g:which_groups())",
        "0 0\n");
    project_setup.host = WIPPY_HOST_PUMP;
}

TEST_MAIN(TEST_ENTRY(test_pg_membership), TEST_ENTRY(test_pg_broadcast_and_leaving_at_the_end),
          TEST_ENTRY(test_pg_broadcast_takes_any_topic_that_a_message_may_have),
          TEST_ENTRY(test_pg_subscription_closes), TEST_ENTRY(test_pg_refusals),
          TEST_ENTRY(test_pg_on_a_pool_host), TEST_ENTRY(test_pg_groups_of_any_size), TEST_ENTRY(test_security_nobody_can_anything),
          TEST_ENTRY(test_security_identity), TEST_ENTRY(test_security_scopes),
          TEST_ENTRY(test_security_refusals), TEST_ENTRY(test_security_spawner_passes_identity_on),
          TEST_ENTRY(test_security_spawner_asks_for_rights), TEST_ENTRY(test_spawn_on_what_is_no_host),
          TEST_ENTRY(test_system_memory), TEST_ENTRY(test_system_runtime),
          TEST_ENTRY(test_system_modules), TEST_ENTRY(test_system_hosts),
          TEST_ENTRY(test_system_supervisor), TEST_ENTRY(test_system_exit),
          TEST_ENTRY(test_system_rights), TEST_ENTRY(test_metrics))
