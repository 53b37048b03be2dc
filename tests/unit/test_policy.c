/* Policies without a registry: patterns, effects, groups, every condition operator, expressions. */
#define WIPPY_IMPLEMENTATION
#include "wippy.h"

#include "../test.h"
#include "literal.h"

/* ------------------------------------------------------------------ tools */

typedef struct request {
    literal actor_meta;
    literal meta;
    wippy_access access;
} request;

static void request_init(request *r, const char *actor, const char *actor_meta, const char *action,
                         const char *resource, const char *meta)
{
    memset(r, 0, sizeof(*r));
    r->access.actor_id = actor;
    r->access.actor_meta = literal_make(&r->actor_meta, actor_meta);
    r->access.action = action;
    r->access.resource = resource;
    r->access.meta = literal_make(&r->meta, meta);
}

static void request_free(request *r)
{
    literal_free(&r->actor_meta);
    literal_free(&r->meta);
}

static wippy_result rule_compile(wippyi_mem *mem, literal *data, const char *text, bool expression,
                                 wippyi_rule **out, wippy_diag *diag)
{
    memset(diag, 0, sizeof(*diag));
    return wippyi_rule_compile(NULL, mem, NULL, "app:rule", literal_make(data, text), expression,
                               out, diag);
}

/* What a policy says; -1 = it was refused. */
static int rule_ask(const char *text, bool expression, const wippy_access *access)
{
    wippyi_mem mem;
    literal data;
    wippyi_rule *rule = NULL;
    wippy_diag diag;
    int answer = -1;
    wippyi_mem_init(&mem, NULL);
    if (rule_compile(&mem, &data, text, expression, &rule, &diag) == WIPPY_OK) {
        answer = (int)wippyi_rule_evaluate(rule, access);
        wippyi_item_release(&rule->item);
    } else {
        CHECK(diag.message[0] != '\0');
    }
    literal_free(&data);
    CHECK_EQ_U64(wippyi_a64_load_rlx(&mem.bytes), 0);
    return answer;
}

static int condition_ask(const char *condition, const wippy_access *access)
{
    char text[512];
    snprintf(text, sizeof(text),
             "{policy: {actions: '*', resources: '*', effect: allow, conditions: [%s]}}", condition);
    return rule_ask(text, false, access);
}

static int expression_ask(const char *expression, const wippy_access *access)
{
    wippyi_mem mem;
    wippyi_expression *tree = NULL;
    wippy_slice source;
    wippy_diag diag;
    bool answer = false;
    source.data = expression;
    source.size = strlen(expression);
    wippyi_mem_init(&mem, NULL);
    if (wippyi_expression_compile(&mem, source, &tree, &diag) != WIPPY_OK) {
        return -1;
    }
    wippy_result result = wippyi_expression_evaluate(tree, access, &answer);
    wippyi_expression_free(tree);
    CHECK_EQ_U64(wippyi_a64_load_rlx(&mem.bytes), 0);
    return result == WIPPY_OK ? (int)answer : -2;
}

typedef struct ask_case {
    const char *text;
    int expected;
} ask_case;

static void request_standard(request *r)
{
    request_init(r, "user:7", "{role: admin, level: 5, tags: ['a', 'b'], dept: {name: 'it'}, f: 2.5}",
                 "document.read", "document:42",
                 "{owner: 'user:7', size: 10, text: '10', flag: true, 'odd.key': 'x', none: nil,"
                 " list: [1, 'two', 3.0], pattern: '^user:[0-9]+$'}");
}

static void ask_all(int (*ask)(const char *text, const wippy_access *access), const ask_case *cases,
                    size_t count, const wippy_access *access)
{
    for (size_t i = 0; i < count; i++) {
        int got = ask(cases[i].text, access);
        if (got != cases[i].expected) {
            FAIL("%s gives %d, expected %d", cases[i].text, got, cases[i].expected);
        }
    }
}

/* ------------------------------------------------------------------ patterns */

static bool pattern(const char *pattern_text, const char *text)
{
    wippy_slice p, t;
    p.data = pattern_text;
    p.size = strlen(pattern_text);
    t.data = text;
    t.size = strlen(text);
    return wippyi_rule_pattern(p, t);
}

TEST(test_policy_patterns_match_prefix_suffix_and_dotted)
{
    CHECK(pattern("*", "anything"));
    CHECK(pattern("*", ""));
    CHECK(pattern("document:*", "document:1"));
    CHECK(pattern("document:*", "document:"));
    CHECK(!pattern("document:*", "documents"));
    CHECK(pattern("admin.*", "admin"));
    CHECK(pattern("admin.*", "admin.x"));
    CHECK(!pattern("admin.*", "administrator"));
    CHECK(pattern("*.read", "document.read"));
    CHECK(!pattern("*.read", "document.reader"));
    CHECK(pattern("*x*", "axb"));
    CHECK(!pattern("*x*", "ab"));
    CHECK(pattern("a*b", "a*b"));
    CHECK(!pattern("a*b", "axb"));
    CHECK(pattern("", ""));
    CHECK(!pattern("", "a"));
    CHECK(pattern("{app:system|*", "{app:system|0x00001}"));
}

TEST(test_policy_effect_applies_only_when_action_and_resource_match)
{
    request r;
    request_standard(&r);
    CHECK_EQ_INT(rule_ask("{policy: {actions: 'document.read', resources: 'document:*',"
                          " effect: allow}}", false, &r.access), WIPPY_ALLOW);
    CHECK_EQ_INT(rule_ask("{policy: {actions: ['x', 'document.*'], resources: ['document:42'],"
                          " effect: deny}}", false, &r.access), WIPPY_DENY);
    CHECK_EQ_INT(rule_ask("{policy: {actions: 'document.write', resources: '*', effect: deny}}",
                          false, &r.access), WIPPY_UNDEFINED);
    CHECK_EQ_INT(rule_ask("{policy: {actions: '*', resources: [], effect: deny}}", false,
                          &r.access), WIPPY_UNDEFINED);
    request_free(&r);
}

TEST(test_policy_malformed_entries_are_refused)
{
    request r;
    request_standard(&r);
    CHECK_EQ_INT(rule_ask("{}", false, &r.access), -1);
    CHECK_EQ_INT(rule_ask("{policy: 1}", false, &r.access), -1);
    CHECK_EQ_INT(rule_ask("{policy: {actions: '*', effect: allow}}", false, &r.access), -1);
    CHECK_EQ_INT(rule_ask("{policy: {actions: [1], resources: '*', effect: allow}}", false,
                          &r.access), -1);
    CHECK_EQ_INT(rule_ask("{policy: {actions: '*', resources: '*', effect: maybe}}", false,
                          &r.access), -1);
    CHECK_EQ_INT(rule_ask("{policy: {actions: '*', resources: '*', effect: allow,"
                          " conditions: {}}}", false, &r.access), -1);
    CHECK_EQ_INT(rule_ask("{policy: {actions: '*', resources: '*', effect: allow}, groups: [1]}",
                          false, &r.access), -1);
    CHECK_EQ_INT(rule_ask("{policy: {actions: 5, resources: '*', effect: allow}}", false,
                          &r.access), -1);
    CHECK_EQ_INT(rule_ask("{policy: {actions: '*', resources: '*'}}", false, &r.access), -1);
    CHECK_EQ_INT(rule_ask("{policy: {actions: '*', resources: '*', effect: "
                          "'0123456789012345678901234567890123456789012345678901234567890'}}",
                          false, &r.access), -1);
    CHECK_EQ_INT(rule_ask("{policy: {actions: 'document.', resources: '*', effect: allow}}", false,
                          &r.access), WIPPY_UNDEFINED);
    CHECK_EQ_INT(condition_ask("{operator: eq, value: 1}", &r.access), -1);
    CHECK_EQ_INT(condition_ask("{field: action, operator: eq}", &r.access), -1);
    CHECK_EQ_INT(condition_ask("{field: action, operator: matches, value: '('}", &r.access), -1);
    CHECK_EQ_INT(rule_ask("{policy: {actions: '*', resources: '*', effect: allow}}", true,
                          &r.access), -1);
    request_free(&r);
}

TEST(test_policy_groups_are_completed_with_the_namespace)
{
    wippyi_mem mem;
    literal data;
    wippyi_rule *rule = NULL;
    wippy_diag diag;
    wippyi_mem_init(&mem, NULL);
    REQUIRE(rule_compile(&mem, &data,
                         "{policy: {actions: '*', resources: '*', effect: allow},"
                         " groups: ['staff', 'other:admins']}", false, &rule, &diag) == WIPPY_OK);
    CHECK(wippyi_rule_in_group(rule, "app:staff"));
    CHECK(wippyi_rule_in_group(rule, "other:admins"));
    CHECK(!wippyi_rule_in_group(rule, "staff"));
    CHECK(!wippyi_rule_in_group(rule, "app:admins"));
    CHECK(!wippyi_rule_in_group(rule, "other:staff"));
    wippyi_item_release(&rule->item);
    literal_free(&data);
    REQUIRE(rule_compile(&mem, &data,
                         "{policy: {actions: '*', resources: '*', effect: allow}, groups: 'one'}",
                         false, &rule, &diag) == WIPPY_OK);
    CHECK(wippyi_rule_in_group(rule, "app:one"));
    CHECK(!wippyi_rule_in_group(rule, "app:on"));
    CHECK(!wippyi_rule_in_group(rule, "app:"));
    wippyi_item_release(&rule->item);
    literal_free(&data);
    REQUIRE(rule_compile(&mem, &data,
                         "{policy: {actions: '*', resources: '*', effect: allow}, groups: ['']}",
                         false, &rule, &diag) == WIPPY_OK);
    CHECK(wippyi_rule_in_group(rule, "app:"));
    CHECK(!wippyi_rule_in_group(rule, "app:one"));
    wippyi_item_release(&rule->item);
    literal_free(&data);
}

/* ------------------------------------------------------------------ conditions */

TEST(test_policy_condition_operators)
{
    static const ask_case cases[] = {
        {"", 1},
        {"{field: 'actor.id', operator: eq, value: 'user:7'}", 1},
        {"{field: 'actor.id', operator: eq, value_from: 'meta.owner'}", 1},
        {"{field: 'actor.meta.dept.name', operator: eq, value: it}", 1},
        {"{field: 'meta.size', operator: eq, value: '10'}", 1},
        {"{field: 'meta.text', operator: eq, value: 10.0}", 1},
        {"{field: 'meta.flag', operator: eq, value: true}", 1},
        {"{field: 'meta.flag', operator: eq, value: 'true'}", 1},
        {"{field: 'actor.meta.tags', operator: eq, value: ['a', 'b']}", 1},
        {"{field: 'actor.meta.tags', operator: eq, value: 'a'}", 0},
        {"{field: 'meta.size', operator: ne, value: 10}", 0},
        {"{field: 'meta.size', operator: ne, value: 11}", 1},
        {"{field: 'meta.missing', operator: ne, value: 11}", 0},
        {"{field: 'meta.size', operator: ne, value_from: 'meta.missing'}", 0},
        {"{field: 'actor.meta.level', operator: lt, value: 10}", 1},
        {"{field: 'actor.meta.level', operator: lt, value: '10'}", 1},
        {"{field: 'actor.meta.level', operator: gt, value: 5}", 0},
        {"{field: 'actor.meta.level', operator: gte, value: 5}", 1},
        {"{field: 'actor.meta.level', operator: lte, value: 4.5}", 0},
        {"{field: 'actor.meta.role', operator: lt, value: 'b'}", 1},
        {"{field: 'actor.meta.tags', operator: lt, value: 1}", 0},
        {"{field: 'actor.meta.role', operator: in, value: ['user', 'admin']}", 1},
        {"{field: 'actor.meta.role', operator: nin, value: ['user', 'admin']}", 0},
        {"{field: 'meta.size', operator: in, value: ['10']}", 1},
        {"{field: 'actor.meta.role', operator: in, value: 'admin'}", 0},
        {"{field: 'actor.meta.role', operator: nin, value: 'admin'}", 0},
        {"{field: 'meta.owner', operator: exists}", 1},
        {"{field: 'meta.owner', operator: exists, value: true}", 1},
        {"{field: 'meta.owner', operator: exists, value: false}", 0},
        {"{field: 'meta.missing', operator: exists}", 0},
        {"{field: 'meta.missing', operator: exists, value: false}", 1},
        {"{field: 'meta.missing', operator: nexists}", 1},
        {"{field: 'meta.owner', operator: nexists}", 0},
        {"{field: 'meta.owner', operator: exists, value: 'yes'}", 0},
        {"{field: 'meta.none', operator: exists}", 0},
        {"{field: resource, operator: contains, value: '42'}", 1},
        {"{field: 'actor.meta.tags', operator: contains, value: b}", 1},
        {"{field: 'actor.meta.tags', operator: ncontains, value: c}", 1},
        {"{field: resource, operator: ncontains, value: 'document'}", 0},
        {"{field: resource, operator: matches, value: '^doc.*:\\d+$'}", 1},
        {"{field: resource, operator: nmatches, value: '^doc'}", 0},
        {"{field: 'actor.id', operator: matches, value_from: 'meta.pattern'}", 1},
        {"{field: action, operator: matches, value_from: 'actor.meta.tags'}", 0},
        {"{field: owner, operator: eq, value: 'user:7'}", 1},
        {"{field: 'odd.key', operator: eq, value: x}", 1},
        {"{field: 'actor.name', operator: exists, value: false}", 0},
        {"{field: 'action.x', operator: exists, value: false}", 0},
        {"{field: action, operator: like, value: 'x'}", 0},
        {"{field: action, operator: eq, value: 'document.read'},"
         " {field: 'meta.size', operator: gt, value: 9}", 1},
        {"{field: action, operator: eq, value: 'document.read'},"
         " {field: 'meta.size', operator: gt, value: 10}", 0},
        /* each kind of value as text, as a number, as neither */
        {"{field: 'meta.flag', operator: eq, value: 'false'}", 0},
        {"{field: 'meta.flag', operator: contains, value: 'ru'}", 1},
        {"{field: resource, operator: contains, value: false}", 0},
        {"{field: 'actor.meta.f', operator: contains, value: 2.5}", 1},
        {"{field: 'actor.meta.dept', operator: contains, value: x}", 0},
        {"{field: resource, operator: contains, value: {}}", 0},
        {"{field: 'meta.size', operator: lt, value: []}", 0},
        {"{field: 'meta.size', operator: lte, value: 10}", 1},
        {"{field: 'meta.size', operator: lte, value: 9}", 0},
        {"{field: 'meta.size', operator: gte, value: 11}", 0},
        {"{field: 'meta.size', operator: gte, value: 9}", 1},
        {"{field: 'meta.size', operator: lt, value: '1e2'}", 1},
        {"{field: 'meta.size', operator: lt, value: '+1E+2'}", 1},
        {"{field: 'meta.size', operator: gt, value: '1e-2'}", 1},
        {"{field: 'meta.size', operator: gt, value: '-.5'}", 1},
        {"{field: 'meta.size', operator: eq, value: '10.'}", 1},
        {"{field: 'meta.size', operator: lt, value: '1e'}", 1},    /* as texts */
        {"{field: 'meta.size', operator: lt, value: '1e999'}", 1}, /* ... */
        {"{field: 'meta.size', operator: lt, value: '-'}", 0},
        {"{field: 'meta.size', operator: lt, value: ''}", 0},
        {"{field: 'meta.size', operator: lt, value: '1e400'}", 1},
        {"{field: 'meta.size', operator: matches, value: 10}", 0},
        {"{field: 'meta.size', operator: matches, value: '^10$'}", 1},
        {"{field: 'actor.meta.tags', operator: matches, value: 'a'}", 0},
        {"{field: action, operator: matches, value_from: 'meta.list'}", 0},
        {"{field: action, operator: matches, value_from: 'meta.bad'}", 0},
        {"{field: '', operator: eq, value: 1}", -1},
        {"{field: 'actor', operator: exists}", 0},
        {"{field: 'actor.id.x', operator: exists}", 0},
        {"{field: 'resource.x', operator: exists}", 0},
        {"{field: 'meta.owner.deeper', operator: exists}", 0},
    };
    request r;
    request_standard(&r);
    ask_all(condition_ask, cases, TEST_COUNT(cases), &r.access);
    request_free(&r);
}

TEST(test_policy_condition_on_nobody_is_undefined)
{
    request r;
    request_init(&r, NULL, "{}", "a", "b", "{x: 1}");
    CHECK_EQ_INT(condition_ask("{field: 'actor.id', operator: ne, value: 'x'}", &r.access),
                 WIPPY_UNDEFINED);
    CHECK_EQ_INT(condition_ask("{field: 'actor.meta.x', operator: nexists}", &r.access),
                 WIPPY_UNDEFINED);
    CHECK_EQ_INT(condition_ask("{field: 'meta.x', operator: eq, value: 1}", &r.access),
                 WIPPY_ALLOW);
    request_free(&r);
}

/* ------------------------------------------------------------------ expressions */

TEST(test_expression_operators)
{
    static const ask_case cases[] = {
        {"true", 1},
        {"false || true", 1},
        {"true and not false", 1},
        {"!true or false", 0},
        {"1 == 1.0", 1},
        {"1 < 2 && 2 <= 2 && 3 > 2 && 3 >= 3", 1},
        {"'a' < 'b'", 1},
        {"actor.id == meta.owner", 1},
        {"actor.meta.level >= 5 and actor.meta['role'] == \"admin\"", 1},
        {"actor.meta.dept.name != 'it'", 0},
        {"meta[\"odd.key\"] == 'x'", 1},
        {"actor.meta.role in ['user', 'admin']", 1},
        {"actor.meta.role not in ['user', 'admin']", 0},
        {"'b' in actor.meta.tags", 1},
        {"actor.meta.tags contains 'z'", 0},
        {"'role' in actor.meta", 1},
        {"resource contains ':42'", 1},
        {"resource startsWith 'document:' && resource endsWith '42'", 1},
        {"resource matches '^doc[a-z]+:[0-9]+$'", 1},
        {"actor.id matches meta.pattern", 1},
        {"meta.missing == nil", 1},
        {"meta.missing.deeper == nil", 1},
        {"meta.size == '10'", 0},
        {"(1 == 2) or (2 == 2 and (3 == 3))", 1},
        {"-1.5e1 < -14", 1},
        {"'a\\'b' == \"a'b\"", 1},
        {"false && meta.size", 0},
        {"true && meta.size", -2},
        {"meta.size", -2},
        {"meta.missing < 1", -2},
        {"1 < 'a'", -2},
        {"!meta.size", -2},
        {"1 in 2", -2},
        {"[1] == [1]", -2},
        {"", -1},
        {"1 +", -1},
        {"foo == 1", -1},
        {"actor.name == 1", -1},
        {"actor == 1", -1},
        {"(true", -1},
        {"[1, 2", -1},
        {"'x", -1},
        {"true true", -1},
        {"meta. == 1", -1},
        {"meta[1] == 1", -1},
        {"action matches '('", -1},
        {"1.2.3 == 1", -1},
        /* every blank, every letter of a name, every quote, every escape */
        {"\t1\n==\r1 ", 1},
        {"meta.Z_9 == nil and meta.z == nil and meta._x == nil", 1},
        {"meta.{ == 1", -1},
        {"meta", -2},
        {"`a\\n` == 'a\\\\n'", 1},
        {"'\\t\\r\\n' == \"\t\r\n\"", 1},
        {"'a\\", -1},
        {"meta[''] == 1", -1},
        {"meta['a' == 1", -1},
        {"meta['a", -1},
        {"actor.id.x == 1", -1},
        {"actor. == 1", -1},
        {"1E+2 == 100 and 1e-2 == 0.01 and 1e2 == 100", 1},
        {"12345678901234567890 > 12345678901234567", 1},
        {"-5 < 5-1", -1},
        {"1+1", -1},
        {"1e == 1", -1},
        {"!= 1", -1},
        {"! = 1", -1},
        {"!!true", 1},
        {"not not true", 1},
        {"!", -1},
        {"1 not 1", -1},
        {"1 not in [2, 3]", 1},
        {"1 not in meta.list", 0},
        {"1 in []", 0},
        {"1 in [meta.size == 10, 1", -1},
        {"1 in [1 <", -1},
        /* equality of everything with everything */
        {"nil == meta.none and meta.none == nil", 1},
        {"nil == 1", 0},
        {"1 == nil", 0},
        {"meta.flag == true and meta.flag != false", 1},
        {"meta.flag == 'true'", 0},
        {"meta.list == meta.list", 1},
        {"actor.meta.tags == meta.list", 0},
        {"actor.meta == meta", 0},
        {"actor.meta.dept == actor.meta.dept", 1},
        {"1 < 2.5 and actor.meta.f >= 2.5 and actor.meta.f <= 2.5", 1},
        {"2 > 3 or 2 >= 3 or 3 <= 2 or 3 < 2", 0},
        {"'a' <= 'a' and 'b' > 'a' and 'b' >= 'b'", 1},
        {"'a' < 1", -2},
        {"true < false", -2},
        /* members */
        {"2 in meta.list", 0},
        {"3 in meta.list", 1},
        {"'x' in nil", 0},
        {"'x' in meta.none", 0},
        {"1 in 'text'", -2},
        {"'ex' in 'text'", 1},
        {"1 in true", -2},
        {"(1 < 'a') in [1]", -2},
        {"1 in (1 < 'a')", -2},
        {"1 in [1 < 'a']", -2},
        {"(1 < 'a') == 1", -2},
        {"1 == (1 < 'a')", -2},
        {"(1 < 'a') or true", -2},
        {"false or (1 < 'a')", -2},
        /* patterns that are literals, values, bad, no text */
        {"action matches action", 1},
        {"action matches nil", -2},
        {"action matches 5", -2},
        {"5 matches 'a'", -2},
        {"action matches meta.text + 1", -1},
        {"action matches '^x'", 0},
        {"'(' matches meta.owner", 0},
        {"meta.owner matches '[' ", -1},
        {"5 startsWith 'a'", -2},
        {"'a' endsWith 5", -2},
        {"'a' startsWith 'ab'", 0},
        {"'a' endsWith 'ba'", 0},
        {"meta.flag", 1},
    };
    request r;
    request_standard(&r);
    ask_all(expression_ask, cases, TEST_COUNT(cases), &r.access);
    request_free(&r);
}

TEST(test_expression_long_chain_and_deep_nesting)
{
    static char text[20001];
    request r;
    request_standard(&r);
    text[0] = '\0';
    for (int i = 0; i < 2000; i++) {
        memcpy(text + i * 9, "true and ", 10);
    }
    strcpy(text + 2000 * 9, "false");
    CHECK_EQ_INT(expression_ask(text, &r.access), 0);
    memset(text, '(', 5000);
    strcpy(text + 5000, "true");
    CHECK_EQ_INT(expression_ask(text, &r.access), -1);
    memset(text, '(', 90);
    strcpy(text + 90, "true");
    memset(text + 94, ')', 90);
    text[184] = '\0';
    CHECK_EQ_INT(expression_ask(text, &r.access), 1);
    request_free(&r);
}

TEST(test_policy_expression_decides_with_the_patterns)
{
    request r;
    request_standard(&r);
    CHECK_EQ_INT(rule_ask("{policy: {actions: '*', resources: '*', effect: allow,"
                          " expression: 'actor.id == meta.owner'}}", true, &r.access), WIPPY_ALLOW);
    CHECK_EQ_INT(rule_ask("{policy: {actions: '*', resources: '*', effect: deny},"
                          " expression: 'actor.meta.level > 3'}", true, &r.access), WIPPY_DENY);
    CHECK_EQ_INT(rule_ask("{policy: {actions: '*', resources: '*', effect: deny,"
                          " expression: 'meta.size'}}", true, &r.access), WIPPY_UNDEFINED);
    CHECK_EQ_INT(rule_ask("{policy: {actions: 'x', resources: '*', effect: deny,"
                          " expression: 'true'}}", true, &r.access), WIPPY_UNDEFINED);
    request_free(&r);
}

/* ------------------------------------------------------------------ memory */

static void policy_scenario(test_heap *heap, void *arg)
{
    wippy_allocator allocator;
    wippyi_mem mem;
    wippy_diag diag;
    literal data;
    wippyi_rule *rule = NULL;
    const request *r = (const request *)arg;
    memset(&allocator, 0, sizeof(allocator));
    allocator.alloc_fn = test_alloc_fn;
    allocator.free_fn = test_free_fn;
    allocator.user_data = heap;
    wippyi_mem_init(&mem, &allocator);
    wippy_result result = rule_compile(
        &mem, &data,
        "{policy: {actions: '*', resources: '*', effect: allow, conditions: ["
        "{field: action, operator: matches, value: '^(a|b|document)'},"
        "{field: 'actor.id', operator: matches, value_from: 'meta.pattern'}],"
        "expression: 'actor.id matches \"^user\" and resource in [\"a\", \"document:42\"]'}}",
        true, &rule, &diag);
    if (result == WIPPY_OK) {
        wippy_decision decision = wippyi_rule_evaluate(rule, &r->access);
        bool disturbed = heap->refused_count > 0;
        CHECK(decision == WIPPY_ALLOW || (disturbed && decision == WIPPY_UNDEFINED));
        wippyi_item_release(&rule->item);
    } else {
        CHECK_EQ_INT(result, WIPPY_ERR_NOMEM);
    }
    literal_free(&data);
}

TEST(test_policy_without_memory_never_allows)
{
    request r;
    request_standard(&r);
    CHECK(test_heap_sweep(policy_scenario, &r) > 8);
    request_free(&r);
}

TEST_MAIN(TEST_ENTRY(test_policy_patterns_match_prefix_suffix_and_dotted),
          TEST_ENTRY(test_policy_effect_applies_only_when_action_and_resource_match),
          TEST_ENTRY(test_policy_malformed_entries_are_refused),
          TEST_ENTRY(test_policy_groups_are_completed_with_the_namespace),
          TEST_ENTRY(test_policy_condition_operators),
          TEST_ENTRY(test_policy_condition_on_nobody_is_undefined),
          TEST_ENTRY(test_expression_operators),
          TEST_ENTRY(test_expression_long_chain_and_deep_nesting),
          TEST_ENTRY(test_policy_expression_decides_with_the_patterns),
          TEST_ENTRY(test_policy_without_memory_never_allows))
