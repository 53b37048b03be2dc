/* The modules registry, events and env. */
#include "project_kit.h"

#define ENTRIES                                                                          \
    "  - {name: a, kind: registry.entry, meta: {type: x, tags: [red, blue], order: 1}, " \
    "value: 1}\n"                                                                        \
    "  - {name: b, kind: registry.entry, meta: {type: y, comment: \"hello world\"}, "    \
    "list: [1, 2]}\n"                                                                    \
    "  - {name: c, kind: ns.thing, meta: {type: x}}\n"

TEST(test_registry_parse_id)
{
    project_run("",
                "for _, s in ipairs({\"a:b\", \"a:b:c\", \"b\", \"\"}) do "
                "local i = registry.parse_id(s) t.out(i.ns, i.name) end",
                "a b\na b:c\n b\n \n");
}

TEST(test_registry_get)
{
    project_run(ENTRIES,
                "local e, err = registry.get(\"app:a\") "
                "t.out(e.id, e.kind, e.meta.type, e.meta.tags[2], e.data.value, e.data.name, err) "
                "R(registry.get(\"app:none\")) "
                "t.out(registry.get(\"app:main\").data.source:match(\"prelude\"))",
                "app:a registry.entry x blue 1 nil nil\n"
                "nil NotFound entry not found: app:none false\nprelude\n");
}

#define FIND(filter)                                                                 \
    "local r = {} for i, e in ipairs(registry.find(" filter ")) do r[i] = e.id end " \
    "t.out(#r, table.concat(r, \" \"))"

TEST(test_registry_find)
{
    project_run(ENTRIES, FIND("{[\".kind\"] = \"registry.entry\"}"), "2 app:a app:b\n");
    project_run(ENTRIES, FIND("{[\".kind\"] = \"*.entry\"}"), "2 app:a app:b\n");
    project_run(ENTRIES, FIND("{[\".name\"] = \"c\"}"), "1 app:c\n");
    project_run(ENTRIES, FIND("{[\".ns\"] = \"other\"}"), "0 \n");
    project_run(ENTRIES, FIND("{[\".id\"] = \"app:b\"}"), "1 app:b\n");
    project_run(ENTRIES, FIND("{[\"meta.type\"] = \"x\"}"), "2 app:a app:c\n");
    project_run(ENTRIES, FIND("{[\"meta.tags\"] = {\"red\", \"blue\"}}"), "1 app:a\n");
    project_run(ENTRIES, FIND("{[\"*meta.tags\"] = {\"red\", \"blue\"}}"), "1 app:a\n");
    project_run(ENTRIES, FIND("{[\"~meta.comment\"] = \"^h.*d$\"}"), "1 app:b\n");
    project_run(ENTRIES, FIND("{[\"^meta.comment\"] = \"hello\"}"), "1 app:b\n");
    project_run(ENTRIES, FIND("{[\"$meta.comment\"] = \"world\"}"), "1 app:b\n");
    project_run(ENTRIES, FIND(""), "4 app:a app:b app:c app:main\n");
    project_run(ENTRIES, FIND("{}"), "4 app:a app:b app:c app:main\n");
    project_run(ENTRIES, FIND("{kind = \"registry.entry\"}"), "4 app:a app:b app:c app:main\n");
    project_run(ENTRIES, FIND("{meta = {type = \"x\"}}"), "4 app:a app:b app:c app:main\n");
    project_run(ENTRIES, "registry.find(1)",
                "raised app:main:1: bad argument #1 to 'find' (table expected, got number)\n");
}

TEST(test_registry_snapshot)
{
    project_run(ENTRIES,
                "local s, err = registry.snapshot() t.out(s, err, #s:entries(), s:version()) "
                "t.out(s:get(\"app:a\").kind, #s:find({[\"meta.type\"] = \"x\"}), "
                "#s:namespace(\"app\"), #s:namespace(\"no\")) R(s:get(\"app:none\"))",
                "registry.Snapshot{version=v0} nil 4 registry.Version{v0}\n"
                "registry.entry 2 4 0\nnil NotFound entry not found: app:none false\n");
    project_run("",
                "R(registry.snapshot_at(0)) R(registry.snapshot_at(-3)) R(registry.snapshot_at(9))",
                "nil Invalid invalid version ID false\nnil Invalid invalid version ID false\n"
                "nil NotFound version not found false\n");
}

TEST(test_registry_changes_collect)
{
    project_run("",
                "local c = registry.snapshot():changes() t.out(c) "
                "t.out(c:create({id = \"app:n\", kind = \"registry.entry\", data = {x = 1}}) == c) "
                "c:update({id = {ns = \"app\", name = \"m\"}, kind = \"registry.entry\"}) "
                "c:delete(\"app:o\"):delete({ns = \"app\", name = \"p\"}) t.out(c) "
                "for _, op in ipairs(c:ops()) do t.out(op.kind, op.entry.id, op.entry.kind, "
                "op.entry.data and op.entry.data.x) end",
                "registry.Changes{ops=0}\ntrue\nregistry.Changes{ops=4}\n"
                "entry.create app:n registry.entry 1\nentry.update app:m registry.entry nil\n"
                "entry.delete app:o nil nil\nentry.delete app:p nil nil\n");
    project_run("",
                "local c = registry.snapshot():changes() R(c:create({kind = \"k\"})) "
                "R(c:create({id = \"x\", kind = \"k\"})) R(c:create({id = \"app:x\"})) "
                "R(c:update({id = 5, kind = \"k\"})) R(c:delete(\"x\")) R(c:delete({})) "
                "R(c:apply())",
                "nil Invalid entry must have valid id field false\n"
                "nil Invalid entry must have valid id field false\n"
                "nil Invalid entry must have kind field false\n"
                "nil Invalid entry must have valid id field false\n"
                "nil Invalid entry must have valid id field false\n"
                "nil Invalid entry must have valid id field false\n"
                "nil Invalid no changes to apply false\n");
}

#define APPLY(ops) "local v, err = registry.snapshot():changes()" ops ":apply() "

TEST(test_registry_apply)
{
    project_run(
        ENTRIES,
        "local before = registry.snapshot() " APPLY(
            ":create({id = \"app:n\", kind = \"registry.entry\", meta = {m = 1}, data = {x = {1, "
            "2}}})"
            ":update({id = \"app:a\", kind = \"registry.entry\", data = {value = 2}})"
            ":delete(\"app:b\")") "t.out(v, err, v:id(), v:string(), v:previous(), v:next()) "
                                  "local n = registry.get(\"app:n\") t.out(n.meta.m, n.data.x[2]) "
                                  "t.out(registry.get(\"app:a\").data.value, "
                                  "registry.get(\"app:b\"), "
                                  "before:get(\"app:a\").data.value, before:get(\"app:b\").id) "
                                  "t.out(registry.current_version(), registry.snapshot():version() "
                                  "== v, "
                                  "registry.snapshot_at(1):version() == v)",
        "registry.Version{v1} nil 1 v1 registry.Version{v0} nil\n1 2\n"
        "2 nil 1 app:b\nregistry.Version{v1} true true\n");
}

TEST(test_registry_apply_is_all_or_nothing)
{
    project_run(
        ENTRIES,
        APPLY(
            ":create({id = \"app:n\", kind = \"registry.entry\"})"
            ":create({id = \"app:a\", kind = \"registry.entry\"})") "t.out(v, err:kind(), "
                                                                    "err:retryable(), "
                                                                    "err:message():match(\"^apply "
                                                                    "changes: failed to apply "
                                                                    "changes\")) "
                                                                    "t.out(registry.get(\"app:n\"),"
                                                                    " registry.current_version())",
        "nil Internal false apply changes: failed to apply changes\n"
        "nil registry.Version{v0}\n");
    project_run(
        ENTRIES,
        APPLY(":update({id = \"app:z\", kind = \"registry.entry\"})") "t.out(v, err:kind())",
        "nil Internal\n");
    project_run(ENTRIES,
                APPLY(":update({id = \"app:a\", kind = \"ns.other\"})") "t.out(v, err:kind())",
                "nil Internal\n");
    project_run(ENTRIES, APPLY(":delete(\"app:z\")") "t.out(v, err:kind())", "nil Internal\n");
    project_run(
        "",
        APPLY(":create({id = \"app:n\", kind = \"no.such\"})") "t.out(v, err:message():match(\"no "
                                                               "handler for kind no.such\"))",
        "nil no handler for kind no.such\n");
}

TEST(test_registry_others_run_while_a_change_is_applied)
{
    project_run("",
                "local n = 0 coroutine.spawn(function() n = n + 1 end) " APPLY(
                    ":create({id = \"app:n\", kind = \"registry.entry\"})") "t.out(n, v)",
                "1 registry.Version{v1}\n");
}

TEST(test_registry_versions)
{
    project_run(
        "",
        "for i = 1, 2 do " APPLY(
            ":create({id = \"app:n\" .. i, kind = \"registry.entry\"})") "end "
                                                                         "local vs = "
                                                                         "registry.versions() "
                                                                         "t.out(#vs, vs[1], vs[3]) "
                                                                         "t.out(vs[1]:next(), "
                                                                         "vs[1]:previous(), "
                                                                         "vs[3]:previous()) "
                                                                         "R(registry.apply_version("
                                                                         "vs[2])) "
                                                                         "t.out(registry.current_"
                                                                         "version(), "
                                                                         "registry.get(\"app:n2\"))"
                                                                         " " APPLY(":create({id = "
                                                                                   "\"app:n3\", "
                                                                                   "kind = "
                                                                                   "\"registry."
                                                                                   "entry\"})") "t."
                                                                                                "ou"
                                                                                                "t("
                                                                                                "v,"
                                                                                                " v"
                                                                                                ":p"
                                                                                                "re"
                                                                                                "vi"
                                                                                                "ou"
                                                                                                "s("
                                                                                                "))"
                                                                                                " "
                                                                                                "lo"
                                                                                                "ca"
                                                                                                "l "
                                                                                                "ok"
                                                                                                ", "
                                                                                                "e "
                                                                                                "= "
                                                                                                "re"
                                                                                                "gi"
                                                                                                "st"
                                                                                                "ry"
                                                                                                ".a"
                                                                                                "pp"
                                                                                                "ly"
                                                                                                "_v"
                                                                                                "er"
                                                                                                "si"
                                                                                                "on"
                                                                                                "(9"
                                                                                                "9)"
                                                                                                " t"
                                                                                                ".o"
                                                                                                "ut"
                                                                                                "(o"
                                                                                                "k,"
                                                                                                " e"
                                                                                                ":k"
                                                                                                "in"
                                                                                                "d("
                                                                                                "),"
                                                                                                " e"
                                                                                                ":m"
                                                                                                "es"
                                                                                                "sa"
                                                                                                "ge"
                                                                                                "()"
                                                                                                ")",
        "3 registry.Version{v0} registry.Version{v2}\n"
        "registry.Version{v1} nil registry.Version{v1}\n"
        "true\nregistry.Version{v1} nil entry not found: app:n2\n"
        "registry.Version{v3} registry.Version{v1}\nfalse NotFound version not found\n");
}

TEST(test_registry_history)
{
    project_run(
        "",
        APPLY(
            ":create({id = \"app:n\", kind = \"registry.entry\"})") "local h = registry.history() "
                                                                    "t.out(h, #h:versions(), "
                                                                    "h:get_version(1)) "
                                                                    "R(h:get_version(7)) "
                                                                    "t.out(h:snapshot_at(h:get_"
                                                                    "version(0)):get(\"app:n\")) "
                                                                    "t.out(h:snapshot_at(v):get("
                                                                    "\"app:n\").id)",
        "registry.History{} 2 registry.Version{v1}\nnil NotFound version not found false\n"
        "nil entry not found: app:n\napp:n\n");
}

/* What is not kept any more is not found, whichever way it is asked for. */
TEST(test_registry_history_keeps_the_newest)
{
    project_run(
        ENTRIES,
        "for i = 1, 1003 do registry.snapshot():changes()"
        ":update({id = \"app:a\", kind = \"registry.entry\", data = {value = i}}):apply() end "
        "local h = registry.history() local all = h:versions() "
        "t.out(#all, #registry.versions(), all[1], all[1000]) "
        "R(registry.snapshot_at(3)) R(h:get_version(3)) R(registry.apply_version(3)) "
        "t.out(all[1]:previous(), all[2]:previous(), all[1]:next()) "
        "t.out(registry.snapshot_at(4):get(\"app:a\").data.value) "
        "t.out(registry.apply_version(4), registry.get(\"app:a\").data.value)",
        "1000 1000 registry.Version{v4} registry.Version{v1003}\n"
        "nil NotFound version not found false\nnil NotFound version not found false\n"
        "false NotFound version not found false\n"
        "nil registry.Version{v4} registry.Version{v5}\n4\ntrue 4\n");
}

TEST(test_registry_build_delta)
{
    project_run(
        ENTRIES,
        "local a = registry.snapshot() " APPLY(
            ":create({id = \"app:n\", kind = \"registry.entry\"}):delete(\"app:b\")") "for _, op "
                                                                                      "in "
                                                                                      "ipairs("
                                                                                      "registry."
                                                                                      "build_delta("
                                                                                      "a, "
                                                                                      "registry."
                                                                                      "snapshot()))"
                                                                                      " do "
                                                                                      "t.out(op."
                                                                                      "kind, "
                                                                                      "op.entry.id)"
                                                                                      " end "
                                                                                      "for _, op "
                                                                                      "in "
                                                                                      "ipairs("
                                                                                      "registry."
                                                                                      "build_delta("
                                                                                      "v, "
                                                                                      "v:previous()"
                                                                                      ")) do "
                                                                                      "t.out(op."
                                                                                      "kind, "
                                                                                      "op.entry.id)"
                                                                                      " end",
        "entry.create app:n\nentry.delete app:b\n"
        "entry.create app:b\nentry.delete app:n\n");
    project_run(ENTRIES,
                "local from = registry.snapshot():find({[\".kind\"] = \"registry.entry\"}) "
                "local to = {from[1], {id = \"app:q\", kind = \"registry.entry\"}} "
                "for _, op in ipairs(registry.build_delta(from, to)) do "
                "t.out(op.kind, op.entry.id) end",
                "entry.create app:q\nentry.delete app:b\n");
}

TEST(test_registry_ids_and_kinds_at_their_edges)
{
    project_run("",
                "local c = registry.snapshot():changes() R(c:create({id = \":x\", kind = \"k\"})) "
                "R(c:create({id = \"x:\", kind = \"k\"})) R(c:create({id = {ns = \"a\"}, kind = \"k\"})) "
                "R(c:create({id = {ns = \"a\", name = 5}, kind = \"k\"})) "
                "R(c:create({id = \"app:x\", kind = \"\"})) R(c:delete({id = \"app:\"})) "
                "R(c:delete({id = {ns = \"a\", name = \"b\"}}) == c) R(c:delete()) "
                "R(c:create({id = \"app:x\", kind = \"registry.entry\", data = {f = print}}) == c) "
                "R(c:apply())",
                "nil Invalid entry must have valid id field false\n"
                "nil Invalid entry must have valid id field false\n"
                "nil Invalid entry must have valid id field false\n"
                "nil Invalid entry must have valid id field false\n"
                "nil Invalid entry must have kind field false\n"
                "nil Invalid entry must have valid id field false\ntrue\n"
                "nil Invalid entry must have valid id field false\ntrue\n"
                "nil Internal apply changes: failed to apply changes: a:b: entry not found: a:b false\n");
}

TEST(test_registry_versions_and_sides_of_a_delta_that_are_none)
{
    project_run(ENTRIES,
                "local v = registry.current_version() t.out(v == v, v == registry.current_version(), "
                "v == 1, rawequal(v, registry.current_version())) "
                "R(registry.build_delta(-1, v)) R(registry.build_delta(v, 77)) "
                "t.out((pcall(registry.build_delta, v, {}))) "
                "local h = registry.history() t.out(tostring(h), h:get_version(0):id()) "
                "R(h:get_version(99)) t.out(tostring(h:snapshot_at(v))) R(h:snapshot_at(99)) "
                "R(registry.apply_version(99)) "
                "t.out(#registry.build_delta({{kind = \"x\"}, {id = \"no colon\"}}, {{id = 7}, {}})) "
                "local a = {id = \"app:z\", kind = \"k\", data = {1, {2}}} "
                "local b = {id = \"app:z\", kind = \"k\", data = {1, {3}}} "
                "t.out(#registry.build_delta({a}, {a}), registry.build_delta({a}, {b})[1].kind, "
                "registry.build_delta({}, {b})[1].kind, registry.build_delta({a}, {})[1].kind) "
                "t.out(#registry.build_delta({{id = \"app:z\", data = print}}, {{id = \"app:z\", data = "
                "print}}), #registry.snapshot():namespace(\"ap\"), #registry.snapshot():namespace(\"apq\"))",
                "true true false false\nnil Invalid invalid version ID false\n"
                "nil NotFound version not found false\nfalse\n"
                "registry.History{} 0\nnil NotFound version not found false\n"
                "registry.Snapshot{version=v0}\nnil NotFound version not found false\n"
                "false NotFound version not found false\n0\n0 entry.update entry.create entry.delete\n0 0 0\n");
}

TEST(test_registry_created_function_is_callable)
{
    project_run(
        "",
        APPLY(
            ":create({id = \"app:f\", kind = \"function.lua\", data = {method = \"main\", "
            "source = \"return {main = function() return 7 end}\"}})") "R(funcs.call(\"app:f\")) "
                                                                       "registry.snapshot():"
                                                                       "changes():delete(\"app:f\")"
                                                                       ":apply() "
                                                                       "R(funcs.call(\"app:f\")) "
                                                                       "registry.snapshot():"
                                                                       "changes():create({id = "
                                                                       "\"app:f\", kind = "
                                                                       "\"function.lua\", "
                                                                       "data = {method = \"main\", "
                                                                       "source = \"return {main = "
                                                                       "function() return 8 "
                                                                       "end}\"}})"
                                                                       ":apply() "
                                                                       "R(funcs.call(\"app:f\"))",
        "7\nnil NotFound no handler registered for target false\n8\n");
}

TEST(test_registry_what_cannot_be_kept_is_refused)
{
    project_run(ENTRIES,
                "local deep = {} for i = 1, 300 do deep = {deep} end "
                APPLY(":create({id = \"app:n\", kind = \"registry.entry\", data = {d = deep}})")
                "R(v, err) R(registry.find({[\"meta.type\"] = deep})) "
                "R(registry.snapshot():find({[\"~meta.comment\"] = \"(\"})) "
                "local a = {id = \"app:z\", data = deep} "
                "t.out(#registry.build_delta({a}, {a}), registry.current_version())",
                "nil Invalid nesting too deep false\nnil Invalid nesting too deep false\n"
                "nil Invalid bad expression \"(\": missing ) false\n1 registry.Version{v0}\n");
}

/* The refusal says where in the source the mistake is. */
TEST(test_registry_apply_says_where_a_source_is_wrong)
{
    project_run("",
                APPLY(":create({id = \"app:f\", kind = \"function.lua\", data = {method = \"main\", "
                      "source = \"local a = 1\\ntype T = {x: }\\nreturn {}\"}})")
                "R(v, err) t.out(registry.get(\"app:f\"))",
                "nil Internal apply changes: failed to apply changes: app:f:2: unexpected '}' in type "
                "false\nnil entry not found: app:f\n");
}

TEST(test_registry_versions_are_equal_to_versions_only)
{
    project_run("",
                "local v, h = registry.current_version(), registry.history() "
                "t.out(v == h, h == v, v == registry.snapshot():version(), v ~= v) "
                APPLY(":create({id = \"app:n\", kind = \"registry.entry\"})")
                "t.out(v == v:previous(), v:previous() == registry.history():get_version(0), err)",
                "false false true false\nfalse true nil\n");
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

TEST(test_registry_rights)
{
    project_setup.frame = restricted;
    project_run(
        ENTRIES POLICY("[registry.get]", "[\"app:a\", \"app:c\"]"),
        "R(registry.get(\"app:b\")) R(registry.snapshot():get(\"app:b\")) "
        "t.out(registry.get(\"app:a\").id) " FIND(
            "{[\".kind\"] = \"registry.entry\"}") " t.out(#registry.snapshot():entries()) "
                                                  "local v, err = "
                                                  "registry.snapshot():changes():delete(\"app:a\"):"
                                                  "apply() R(v, err) "
                                                  "v, err = registry.apply_version(0) R(v, err)",
        "nil PermissionDenied not allowed to access entry: app:b false\n"
        "nil PermissionDenied not allowed to access entry: app:b false\n"
        "app:a\n1 app:a\n2\n"
        "nil PermissionDenied not allowed to apply registry changes false\n"
        "false PermissionDenied not allowed to apply registry version false\n");
    project_run(ENTRIES POLICY("[registry.get, registry.apply]", "[\"app:a\", \"\"]"),
                APPLY(":delete(\"app:a\"):delete(\"app:b\")") "local names = {} "
                "for i, op in ipairs(registry.build_delta(0, v)) do names[i] = op.entry.id end "
                "t.out(err, table.concat(names, \" \"))",
                "nil app:a\n");
    project_setup.frame = NULL;
}

/* ------------------------------------------------------------------ events */

TEST(test_events_arrive_in_order)
{
    project_run("",
                "local s, err = events.subscribe(\"test.*\") t.out(s ~= nil, err, "
                "s:channel() == s:channel()) "
                "t.out(events.send(\"test.a\", \"k1\", \"/p\", {n = 1})) "
                "events.send(\"other\", \"k\", \"p\") events.send(\"test\", \"k\", \"p\") "
                "events.send(\"test.a.b\", \"k2\", \"q\") "
                "for i = 1, 2 do local e, ok = s:channel():receive() "
                "t.out(e.system, e.kind, e.path, e.data and e.data.n, ok) end",
                "true nil true\ntrue\ntest.a k1 /p 1 true\ntest.a.b k2 q nil true\n");
}

TEST(test_events_filters)
{
    project_run(
        "",
        "local a = events.subscribe(\"s\", \"x\") local b = events.subscribe(\"*\", \"x*\") "
        "for _, k in ipairs({\"x\", \"xy\", \"y\"}) do events.send(\"s\", k, \"p\") end "
        "events.send(\"z\", \"x1\", \"p\") "
        "t.out((a:channel():receive()).kind) "
        "for i = 1, 3 do local e = b:channel():receive() t.out(e.system, e.kind) end",
        "x\ns x\ns xy\nz x1\n");
}

TEST(test_events_close)
{
    project_run("",
                "local s = events.subscribe(\"s\") t.out(s:close()) t.out(s:channel():receive()) "
                "t.out(s:close()) t.out(events.send(\"s\", \"k\", \"p\"))",
                "true\nnil false\ntrue\ntrue\n");
}

TEST(test_events_more_than_the_channel_holds_keep_their_order)
{
    project_run("",
                "local s = events.subscribe(\"s\") "
                "for i = 1, 500 do events.send(\"s\", \"k\", \"p\", i) end local good = true "
                "for i = 1, 500 do good = good and s:channel():receive().data == i end t.out(good)",
                "true\n");
}

TEST(test_events_refusals)
{
    project_run("",
                "R(events.subscribe(\"\")) R(events.send(\"\", \"k\", \"p\")) "
                "R(events.send(\"s\", \"\", \"p\")) R(events.send(\"s\", \"k\", \"\"))",
                "nil Invalid system pattern is required false\n"
                "nil Invalid system is required false\nnil Invalid kind is required false\n"
                "nil Invalid path is required false\n");
    project_setup.frame = restricted;
    project_run(POLICY("[events.send]", "ok"),
                "R(events.subscribe(\"ok\")) R(events.send(\"no\", \"k\", \"p\")) "
                "R(events.send(\"ok\", \"k\", \"p\"))",
                "nil Invalid not allowed to subscribe to events from system: ok false\n"
                "nil Invalid not allowed to send events to system: no false\ntrue\n");
    project_setup.frame = NULL;
}

/* ------------------------------------------------------------------ env */

#define ENV_FILE "build/test_mod_env.txt"
#define ENV                                                                                  \
    "  - {name: mem, kind: env.storage.memory}\n"                                            \
    "  - {name: fixed, kind: env.storage.static, values: {FIXED: abc}}\n"                    \
    "  - {name: file, kind: env.storage.file, file_path: " ENV_FILE ", auto_create: true}\n" \
    "  - {name: v1, kind: env.variable, variable: V1, storage: app:mem, default: 5}\n"       \
    "  - {name: v2, kind: env.variable, storage: app:mem}\n"                                 \
    "  - {name: v3, kind: env.variable, variable: V3, storage: app:mem, readonly: true,"     \
    " default: x}\n"                                                                         \
    "  - {name: v4, kind: env.variable, variable: FIXED, storage: app:fixed}\n"              \
    "  - {name: v5, kind: env.variable, variable: V5, storage: app:file}\n"

TEST(test_env_get_and_set)
{
    remove(ENV_FILE);
    project_run(ENV,
                "R(env.get(\"V1\")) R(env.set(\"V1\", \"seven\")) R(env.get(\"V1\")) "
                "R(env.get(\"app:v1\")) R(env.set(\"v2\", \"x\")) R(env.get(\"v2\")) "
                "R(env.get(\"V3\")) R(env.get(\"FIXED\")) R(env.set(\"V1\", \"\")) "
                "R(env.get(\"V1\"))",
                "5\ntrue\nseven\nseven\ntrue\nx\nx\nabc\ntrue\n5\n");
    project_run(ENV,
                "local s = string.rep(\"y\", 5000) env.set(\"V1\", s) t.out(env.get(\"V1\") == s)",
                "true\n");
}

TEST(test_env_file)
{
    remove(ENV_FILE);
    project_run(ENV,
                "local n = 0 coroutine.spawn(function() n = n + 1 end) "
                "R(env.get(\"V5\")) t.out(n) R(env.set(\"V5\", \"in file\")) R(env.get(\"V5\")) "
                "R(env.get(\"app:v5\")) t.out(env.get_all().V5, env.get_all().FIXED) "
                "local s = string.rep(\"z\", 3000) env.set(\"V5\", s) t.out(env.get(\"V5\") == s) "
                "R(env.set(\"V5\", \"a#b\"))",
                "nil NotFound get environment variable failed: environment variable not found "
                "false\n1\ntrue\nin file\nin file\nin file abc\ntrue\n"
                "nil Invalid set environment variable failed: "
                "a value in a file cannot hold '#', line breaks or outer spaces false\n");
    remove(ENV_FILE);
}

TEST(test_env_refusals)
{
    project_run(ENV,
                "R(env.get(\"\")) R(env.set(\"\", \"x\")) R(env.get(\"PATH\")) "
                "R(env.set(\"V3\", \"y\")) R(env.set(\"FIXED\", \"y\")) R(env.set(\"NO\", \"y\"))",
                "nil Invalid empty key false\nnil Invalid empty key false\n"
                "nil NotFound get environment variable failed: environment variable not found "
                "false\n"
                "nil PermissionDenied set environment variable failed: environment variable is "
                "read-only false\n"
                "nil PermissionDenied set environment variable failed: storage is read-only false\n"
                "nil NotFound set environment variable failed: environment variable not found "
                "false\n");
    project_setup.frame = restricted;
    project_run(ENV POLICY("[env.get]", "[V1, FIXED]"),
                "R(env.get(\"V1\")) R(env.get(\"V3\")) R(env.get(\"v5\")) R(env.get(\"app:v5\")) "
                "R(env.set(\"V1\", \"y\")) local all = env.get_all() t.out(all.FIXED, all.V5)",
                "5\nnil PermissionDenied not allowed to access environment variable: V3 false\n"
                "nil PermissionDenied not allowed to access environment variable: v5 false\n"
                "nil PermissionDenied not allowed to access environment variable: app:v5 false\n"
                "nil PermissionDenied not allowed to set environment variable: V1 false\n"
                "abc nil\n");
    /* without a file nothing is read on another thread, and the rights are the same */
    project_run("  - {name: mem, kind: env.storage.memory}\n"
                "  - {name: fixed, kind: env.storage.static, values: {FIXED: abc, OTHER: x}}\n"
                "  - {name: v1, kind: env.variable, variable: V1, storage: mem, default: 5}\n"
                "  - {name: v2, kind: env.variable, variable: FIXED, storage: fixed}\n"
                POLICY("[env.get, env.set]", "[\"app:v1\", FIXED]"),
                "R(env.get(\"FIXED\")) R(env.get(\"V1\")) R(env.get(\"app:v1\")) R(env.set(\"app:v1\", \"y\")) "
                "local all = env.get_all() t.out(all.FIXED, all.OTHER)",
                "abc\nnil PermissionDenied not allowed to access environment variable: V1 false\n"
                "nil PermissionDenied not allowed to access environment variable: app:v1 false\n"
                "nil PermissionDenied not allowed to set environment variable: app:v1 false\nabc nil\n");
    project_setup.frame = NULL;
}

TEST_MAIN(TEST_ENTRY(test_registry_parse_id), TEST_ENTRY(test_registry_get),
          TEST_ENTRY(test_registry_find), TEST_ENTRY(test_registry_snapshot),
          TEST_ENTRY(test_registry_changes_collect), TEST_ENTRY(test_registry_apply),
          TEST_ENTRY(test_registry_apply_is_all_or_nothing),
          TEST_ENTRY(test_registry_others_run_while_a_change_is_applied),
          TEST_ENTRY(test_registry_versions), TEST_ENTRY(test_registry_history),
          TEST_ENTRY(test_registry_history_keeps_the_newest),
          TEST_ENTRY(test_registry_build_delta),
          TEST_ENTRY(test_registry_ids_and_kinds_at_their_edges),
          TEST_ENTRY(test_registry_versions_and_sides_of_a_delta_that_are_none),
          TEST_ENTRY(test_registry_created_function_is_callable), TEST_ENTRY(test_registry_rights),
          TEST_ENTRY(test_registry_what_cannot_be_kept_is_refused),
          TEST_ENTRY(test_registry_apply_says_where_a_source_is_wrong),
          TEST_ENTRY(test_registry_versions_are_equal_to_versions_only),
          TEST_ENTRY(test_events_arrive_in_order), TEST_ENTRY(test_events_filters),
          TEST_ENTRY(test_events_close),
          TEST_ENTRY(test_events_more_than_the_channel_holds_keep_their_order),
          TEST_ENTRY(test_events_refusals), TEST_ENTRY(test_env_get_and_set),
          TEST_ENTRY(test_env_file), TEST_ENTRY(test_env_refusals))
