/* Rights through the public header: scopes, groups, strict mode, live changes, the log line. */
#include "wippy.h"

#include "../test.h"

#include "../registry_kit.h"

static const char policies[] =
    "namespace: app\n"
    "entries:\n"
    "  - {name: read, kind: security.policy, groups: [staff, 'other:all'],"
    " policy: {actions: 'document.read', resources: 'document:*', effect: allow}}\n"
    "  - {name: own, kind: security.policy.expr, groups: [staff], policy: {actions: '*',"
    " resources: '*', effect: allow, expression: 'actor.id == meta.owner'}}\n"
    "  - {name: secret, kind: security.policy, policy: {actions: '*', resources: '*:secret',"
    " effect: deny}}\n";

static bool policy_open(kit *k, bool strict)
{
    wippy_desc desc;
    wippy_diag diag;
    memset(k, 0, sizeof(*k));
    test_heap_init(&k->heap);
    kit_desc(k, &desc);
    desc.strict_rights = strict;
    if (!CHECK(wippy_create(&k->rt, &desc) == WIPPY_OK)) {
        return false;
    }
    return CHECK(wippy_load_text(k->rt, "p.yaml", policies, sizeof(policies) - 1, &diag) ==
                 WIPPY_OK);
}

static wippy_access access_of(const char *actor, const char *action, const char *resource)
{
    wippy_access access;
    memset(&access, 0, sizeof(access));
    access.actor_id = actor;
    access.action = action;
    access.resource = resource;
    return access;
}

TEST(test_policy_scope_denies_before_it_allows)
{
    static const char *const scope[] = {"app:read", "app:secret", "app:nothing"};
    kit k;
    REQUIRE(policy_open(&k, false));
    wippy_access access = access_of("u", "document.read", "document:1");
    CHECK_EQ_INT(wippy_scope_evaluate(k.rt, scope, 3, &access), WIPPY_ALLOW);
    access.resource = "document:secret";
    CHECK_EQ_INT(wippy_scope_evaluate(k.rt, scope, 3, &access), WIPPY_DENY);
    CHECK_EQ_INT(wippy_scope_evaluate(k.rt, scope, 1, &access), WIPPY_ALLOW);
    access.action = "document.write";
    access.resource = "document:1";
    CHECK_EQ_INT(wippy_scope_evaluate(k.rt, scope, 3, &access), WIPPY_UNDEFINED);
    CHECK_EQ_INT(wippy_scope_evaluate(k.rt, NULL, 0, &access), WIPPY_UNDEFINED);
    CHECK_EQ_INT(wippy_policy_evaluate(k.rt, "app:nothing", &access), WIPPY_UNDEFINED);
    CHECK(wippy_policy_exists(k.rt, "app:own"));
    CHECK(!wippy_policy_exists(k.rt, "app:nothing"));
    CHECK_STR(wippy_decision_name(WIPPY_ALLOW), "allow");
    CHECK_STR(wippy_decision_name(WIPPY_DENY), "deny");
    CHECK_STR(wippy_decision_name(WIPPY_UNDEFINED), "undefined");
    kit_close(&k);
}

TEST(test_policy_groups_list_their_members_sorted)
{
    kit k;
    wippy_writer w;
    wippy_slice ids;
    char text[100];
    REQUIRE(policy_open(&k, false));
    wippy_writer_init(&w, k.rt);
    CHECK_EQ_INT(wippy_policy_group(k.rt, "app:staff", &w), WIPPY_OK);
    CHECK_EQ_INT(wippy_writer_finish(&w, &ids), WIPPY_OK);
    wippy_value_to_text(ids, text, sizeof(text));
    CHECK_STR(text, "[\"app:own\", \"app:read\"]");
    wippy_writer_reset(&w);
    CHECK_EQ_INT(wippy_policy_group(k.rt, "other:all", &w), WIPPY_OK);
    CHECK_EQ_INT(wippy_policy_group(k.rt, "app:nobody", &w), WIPPY_ERR_NOTFOUND);
    CHECK_EQ_INT(wippy_writer_finish(&w, &ids), WIPPY_OK);
    CHECK_EQ_U64(w.count, 1);
    wippy_writer_free(&w);
    kit_close(&k);
}

static wippy_frame *frame_of(kit *k, const char *actor, const char *policy)
{
    wippy_frame_desc desc;
    wippy_frame *frame = NULL;
    memset(&desc, 0, sizeof(desc));
    desc.actor_id = actor;
    desc.scope = policy ? &policy : NULL;
    desc.scope_count = policy ? 1 : 0;
    CHECK_EQ_INT(wippy_frame_make(k->rt, &desc, &frame), WIPPY_OK);
    return frame;
}

TEST(test_policy_frame_without_actor_or_scope_follows_strictness)
{
    wippy_slice none;
    memset(&none, 0, sizeof(none));
    for (int strict = 0; strict < 2; strict++) {
        kit k;
        REQUIRE(policy_open(&k, strict != 0));
        wippy_frame *only_actor = frame_of(&k, "u", NULL);
        wippy_frame *only_scope = frame_of(&k, NULL, "app:secret");
        wippy_frame *both = frame_of(&k, "u", "app:read");
        CHECK_EQ_INT(wippy_frame_allowed(k.rt, NULL, "x", "y", none), strict == 0);
        CHECK_EQ_INT(wippy_frame_allowed(k.rt, only_actor, "x", "y", none), strict == 0);
        CHECK_EQ_INT(wippy_frame_allowed(k.rt, only_scope, "x", "y:secret", none), strict == 0);
        CHECK(wippy_frame_allowed(k.rt, both, "document.read", "document:1", none));
        CHECK(!wippy_frame_allowed(k.rt, both, "document.write", "document:1", none));
        CHECK_HAS(k.log, "security: permission denied {\"actor\": \"u\", \"action\": "
                         "\"document.write\", \"resource\": \"document:1\"}");
        wippy_frame_release(k.rt, only_actor);
        wippy_frame_release(k.rt, only_scope);
        wippy_frame_release(k.rt, both);
        kit_close(&k);
    }
}

TEST(test_policy_changes_of_the_registry_take_effect_at_once)
{
    kit k;
    wippy_access access = access_of("u", "a", "b");
    REQUIRE(policy_open(&k, false));
    CHECK_EQ_INT(kit_one(&k, '+', "app:new", "security.policy",
                         "{'policy': {'actions': 'a', 'resources': 'b', 'effect': 'allow'}}"),
                 WIPPY_OK);
    CHECK_EQ_INT(wippy_policy_evaluate(k.rt, "app:new", &access), WIPPY_ALLOW);
    CHECK_EQ_INT(kit_one(&k, '=', "app:new", NULL,
                         "{'policy': {'actions': 'a', 'resources': 'b', 'effect': 'deny'}}"),
                 WIPPY_OK);
    CHECK_EQ_INT(wippy_policy_evaluate(k.rt, "app:new", &access), WIPPY_DENY);
    CHECK_EQ_INT(kit_one(&k, '=', "app:new", NULL,
                         "{'policy': {'actions': 'a', 'resources': 'b', 'effect': 'never'}}"),
                 WIPPY_ERR_INVALID);
    CHECK_EQ_INT(wippy_policy_evaluate(k.rt, "app:new", &access), WIPPY_DENY);
    const kit_wish both[] = {
        {'-', "app:new", NULL, "", ""},
        {'+', "app:bad", "security.policy", "", "{'policy': 1}"}}; /* all or nothing */
    CHECK_EQ_INT(kit_apply(&k, both, 2, NULL, NULL), WIPPY_ERR_INVALID);
    CHECK_EQ_INT(wippy_policy_evaluate(k.rt, "app:new", &access), WIPPY_DENY);
    CHECK_EQ_INT(kit_one(&k, '-', "app:new", NULL, ""), WIPPY_OK);
    CHECK_EQ_INT(wippy_policy_evaluate(k.rt, "app:new", &access), WIPPY_UNDEFINED);
    CHECK_EQ_INT(wippy_registry_apply_version(k.rt, 1, NULL), WIPPY_OK);
    CHECK_EQ_INT(wippy_policy_evaluate(k.rt, "app:new", &access), WIPPY_ALLOW);
    kit_close(&k);
}

TEST_MAIN(TEST_ENTRY(test_policy_scope_denies_before_it_allows),
          TEST_ENTRY(test_policy_groups_list_their_members_sorted),
          TEST_ENTRY(test_policy_frame_without_actor_or_scope_follows_strictness),
          TEST_ENTRY(test_policy_changes_of_the_registry_take_effect_at_once))
