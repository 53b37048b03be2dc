/* The registry through the public header: changes, versions, queries, kinds, listeners. */
#include "wippy.h"

#include "../test.h"

#include "../registry_kit.h"

#if defined(_WIN32)
#define HAVE_THREADS 0
#else
#include <pthread.h>
#define HAVE_THREADS 1
#endif

/* ------------------------------------------------------------------ entries */

TEST(test_registry_entry_can_be_created_read_updated_deleted)
{
    kit k;
    wippy_entry *entry = NULL;
    wippy_entry *later = NULL;
    int64_t version = -1;
    REQUIRE(kit_open(&k));
    CHECK_EQ_INT(wippy_version_current(k.rt), 0);
    CHECK_EQ_INT(wippy_entry_get(k.rt, "app:a", &entry), WIPPY_ERR_NOTFOUND);
    const kit_wish create = {'+', "app:a", "registry.entry", "{'type': 'tool'}", "{'n': 1}"};
    CHECK_EQ_INT(kit_apply(&k, &create, 1, &version, NULL), WIPPY_OK);
    CHECK_EQ_INT(version, 1);
    REQUIRE(wippy_entry_get(k.rt, "app:a", &entry) == WIPPY_OK);
    CHECK_EQ_INT(wippy_value_int(wippy_entry_data(entry), "n", 0), 1);
    CHECK(wippy_value_string(wippy_entry_meta(entry), "type", "").size == 4);
    CHECK_EQ_INT(kit_one(&k, '=', "app:a", NULL, "{'n': 2}"), WIPPY_OK);
    REQUIRE(wippy_entry_get(k.rt, "app:a", &later) == WIPPY_OK);
    CHECK_EQ_INT(wippy_value_int(wippy_entry_data(entry), "n", 0), 1); /* what is held stays */
    CHECK_EQ_INT(wippy_value_int(wippy_entry_data(later), "n", 0), 2);
    CHECK(wippy_entry_revision(entry) != wippy_entry_revision(later));
    uint64_t old = wippy_entry_revision(later);
    wippy_entry_release(k.rt, later);
    CHECK_EQ_INT(kit_one(&k, '-', "app:a", NULL, ""), WIPPY_OK);
    CHECK_EQ_INT(wippy_entry_get(k.rt, "app:a", &later), WIPPY_ERR_NOTFOUND);
    CHECK_EQ_INT(kit_one(&k, '+', "app:a", "registry.entry", "{'n': 2}"), WIPPY_OK);
    REQUIRE(wippy_entry_get(k.rt, "app:a", &later) == WIPPY_OK);
    CHECK(wippy_entry_revision(later) != old); /* the same content is new code all the same */
    wippy_entry_release(k.rt, later);
    wippy_entry_release(k.rt, entry);
    kit_close(&k);
}

typedef struct bad_change {
    kit_wish wish;
    wippy_result result;
    const char *message;
} bad_change;

TEST(test_registry_apply_refuses_what_cannot_be)
{
    static const bad_change bad[] = {
        {{'+', "app:a", "registry.entry", "", ""}, WIPPY_ERR_EXISTS, "already exists: app:a"},
        {{'=', "app:z", NULL, "", ""}, WIPPY_ERR_NOTFOUND, "not found: app:z"},
        {{'-', "app:z", NULL, "", ""}, WIPPY_ERR_NOTFOUND, "not found: app:z"},
        {{'=', "app:a", "ns.other", "", ""}, WIPPY_ERR_INVALID, "kind of an entry cannot change"},
        {{'+', "", "registry.entry", "", ""}, WIPPY_ERR_INVALID, "entry must have valid id field"},
        {{'+', NULL, "registry.entry", "", ""}, WIPPY_ERR_INVALID, "must have valid id field"},
        {{'+', "app:b", NULL, "", ""}, WIPPY_ERR_INVALID, "entry must have kind field"},
        {{'+', "app:b", "no.kind", "", ""}, WIPPY_ERR_INVALID, "no handler for kind no.kind"},
        {{'+', "app:b", "registry.entry", "5", ""}, WIPPY_ERR_INVALID, "meta is integer"}};
    kit k;
    wippy_diag diag;
    REQUIRE(kit_open(&k));
    CHECK_EQ_INT(kit_one(&k, '+', "app:a", "registry.entry", ""), WIPPY_OK);
    for (size_t i = 0; i < TEST_COUNT(bad); i++) {
        kit_wish both[2] = {{'+', "app:first", "registry.entry", "", ""}, bad[i].wish};
        int64_t version = -5;
        memset(&diag, 0, sizeof(diag));
        CHECK_EQ_INT(kit_apply(&k, both, 2, &version, &diag), bad[i].result);
        CHECK_HAS(diag.message, bad[i].message);
        CHECK_EQ_INT(diag.code, bad[i].result);
        CHECK_EQ_INT(version, -5);
        CHECK_EQ_INT(kit_apply(&k, both, 2, NULL, NULL), bad[i].result);
    }
    CHECK_EQ_INT(wippy_registry_apply(k.rt, NULL, 0, NULL, &diag), WIPPY_ERR_INVALID);
    CHECK_STR(diag.message, "no changes to apply");
    char long_id[1200]; /* a name is cut to the room there is for it */
    memset(long_id, 'n', sizeof(long_id));
    memcpy(long_id, "app:", 4);
    long_id[sizeof(long_id) - 1] = '\0';
    CHECK_EQ_INT(kit_one(&k, '-', long_id, NULL, ""), WIPPY_ERR_NOTFOUND);
    const kit_wish long_wish = {'-', long_id, NULL, "", ""};
    CHECK_EQ_INT(kit_apply(&k, &long_wish, 1, NULL, &diag), WIPPY_ERR_NOTFOUND);
    CHECK_EQ_INT(strlen(diag.file), sizeof(diag.file) - 1);
    CHECK_EQ_INT(strncmp(diag.file, long_id, sizeof(diag.file) - 1), 0);
    CHECK(strlen(diag.message) < sizeof(diag.message));
    const kit_wish twice[] = {{'+', "app:t", "registry.entry", "", ""},
                              {'-', "app:t", NULL, "", ""}};
    CHECK_EQ_INT(kit_apply(&k, twice, 2, NULL, &diag), WIPPY_ERR_INVALID);
    CHECK_STR(kit_current_ids(&k), "app:a");
    CHECK_EQ_INT(wippy_version_current(k.rt), 1);
    CHECK_EQ_INT(kit_one(&k, '+', "app:b", "ns.definition", ""), WIPPY_OK);
    CHECK_EQ_INT(wippy_version_current(k.rt), 2); /* refused changes used no number */
    kit_close(&k);
}

TEST(test_registry_refusal_takes_back_in_reverse)
{
    static kit_kind kind;
    kit k;
    wippy_diag diag;
    memset(&kind, 0, sizeof(kind));
    REQUIRE(kit_open(&k));
    CHECK_EQ_INT(kit_add_kind(&k, &kind, "t", 0), WIPPY_OK);
    const kit_wish there[] = {{'+', "x:u", "t", "", ""}, {'+', "x:d", "t", "", ""}};
    CHECK_EQ_INT(kit_apply(&k, there, 2, NULL, NULL), WIPPY_OK);
    kind.trace[0] = '\0';
    kind.refuse_apply = "x:d";
    kind.refuse_result = WIPPY_ERR_BUSY;
    const kit_wish change[] = {
        {'-', "x:d", NULL, "", ""}, {'+', "x:n", "t", "", ""}, {'=', "x:u", NULL, "", "{'n': 1}"}};
    CHECK_EQ_INT(kit_apply(&k, change, 3, NULL, &diag), WIPPY_ERR_BUSY);
    CHECK_STR(diag.message, "refused x:d");
    CHECK_STR(diag.file, "x:d");
    CHECK_STR(kind.trace, "check+x:n check=x:u apply+x:n apply=x:u apply-x:d ~apply=x:u "
                          "~apply-x:n ");
    kind.refuse_apply = NULL;
    kind.refuse_check = "x:u";
    kind.refuse_result = WIPPY_ERR_NOTFOUND; /* at run time final */
    kind.trace[0] = '\0';
    CHECK_EQ_INT(kit_apply(&k, change, 3, NULL, &diag), WIPPY_ERR_NOTFOUND);
    CHECK_STR(kind.trace, "check+x:n check=x:u ");
    CHECK_STR(kit_current_ids(&k), "x:u x:d");
    CHECK_EQ_INT(wippy_version_current(k.rt), 1);
    kit_close(&k);
}

TEST(test_registry_handler_sees_the_next_version_and_readers_the_old)
{
    static kit_kind kind;
    kit k;
    memset(&kind, 0, sizeof(kind));
    kind.needs = "need";
    REQUIRE(kit_open(&k));
    CHECK_EQ_INT(kit_add_kind(&k, &kind, "t", 0), WIPPY_OK);
    const kit_wish both[] = {{'+', "x:a", "t", "", "{'need': 'b'}"}, {'+', "x:b", "t", "", ""}};
    CHECK_EQ_INT(kit_apply(&k, both, 2, NULL, NULL), WIPPY_OK);
    CHECK_EQ_INT(kit_one(&k, '+', "x:c", "t", "{'need': 'gone'}"), WIPPY_ERR_NOTFOUND);
    kit_close(&k);
}

/* ------------------------------------------------------------------ versions */

TEST(test_registry_versions_form_a_tree_and_numbers_grow)
{
    kit k;
    int64_t numbers[8];
    wippy_version_info info;
    wippy_diag diag;
    REQUIRE(kit_open(&k));
    CHECK_EQ_INT(kit_one(&k, '+', "x:a", "registry.entry", "{'n': 1}"), WIPPY_OK); /* v1 */
    CHECK_EQ_INT(kit_one(&k, '+', "x:b", "registry.entry", ""), WIPPY_OK);         /* v2 */
    CHECK_EQ_INT(kit_one(&k, '=', "x:a", NULL, "{'n': 3}"), WIPPY_OK);             /* v3 */
    CHECK_EQ_INT(wippy_registry_apply_version(k.rt, 1, &diag), WIPPY_OK);
    CHECK_EQ_INT(wippy_version_current(k.rt), 1);
    CHECK_STR(kit_current_ids(&k), "x:a");
    CHECK_EQ_INT(wippy_registry_apply_version(k.rt, 1, NULL), WIPPY_OK);
    CHECK_EQ_INT(kit_one(&k, '+', "x:c", "registry.entry", ""), WIPPY_OK); /* v4, from v1 */
    CHECK_EQ_INT(wippy_version_current(k.rt), 4);
    CHECK_EQ_INT(wippy_versions(k.rt, numbers, 8), 5);
    CHECK_EQ_INT(numbers[0], 0);
    CHECK_EQ_INT(numbers[4], 4);
    CHECK_EQ_INT(wippy_versions(k.rt, numbers, 0), 5);
    CHECK_EQ_INT(wippy_version_get(k.rt, 4, &info), WIPPY_OK);
    CHECK_EQ_INT(info.previous, 1);
    CHECK_EQ_INT(info.next, -1);
    CHECK_EQ_INT(info.changes, 1);
    CHECK(info.wall_ns > 0);
    CHECK_EQ_INT(wippy_version_get(k.rt, 1, &info), WIPPY_OK);
    CHECK_EQ_INT(info.next, 4); /* the latest child */
    CHECK_EQ_INT(wippy_version_get(k.rt, 5, &info), WIPPY_ERR_NOTFOUND);
    CHECK_EQ_INT(wippy_version_get(k.rt, -1, &info), WIPPY_ERR_NOTFOUND);
    CHECK_EQ_INT(wippy_registry_apply_version(k.rt, 3, NULL), WIPPY_OK); /* across branches */
    CHECK_STR(kit_current_ids(&k), "x:a x:b");
    CHECK_EQ_INT(wippy_registry_apply_version(k.rt, 9, &diag), WIPPY_ERR_NOTFOUND);
    CHECK_STR(diag.message, "version not found");
    CHECK_EQ_INT(wippy_registry_apply_version(k.rt, 0, NULL), WIPPY_OK);
    CHECK_STR(kit_current_ids(&k), "");
    kit_close(&k);
}

TEST(test_registry_old_snapshots_can_be_seen_again)
{
    kit k;
    wippy_snapshot *old = NULL;
    REQUIRE(kit_open(&k));
    CHECK_EQ_INT(kit_one(&k, '+', "x:a", "registry.entry", "{'n': 1}"), WIPPY_OK); /* v1 */
    wippy_entry *first = NULL;
    REQUIRE(wippy_entry_get(k.rt, "x:a", &first) == WIPPY_OK);
    CHECK_EQ_INT(kit_one(&k, '+', "x:b", "registry.entry", ""), WIPPY_OK); /* v2 */
    CHECK_EQ_INT(kit_one(&k, '-', "x:a", NULL, ""), WIPPY_OK);             /* v3 */
    CHECK_EQ_INT(kit_one(&k, '+', "x:a", "registry.entry", ""), WIPPY_OK); /* v4 */
    CHECK_STR(kit_current_ids(&k), "x:b x:a");
    static const char *const ids[] = {"", "x:a", "x:a x:b", "x:b", "x:b x:a"};
    for (int64_t version = 0; version < 5; version++) {
        REQUIRE(wippy_snapshot_at(k.rt, version, &old) == WIPPY_OK);
        CHECK_STR(kit_ids(old), ids[version]);
        CHECK_EQ_INT(wippy_snapshot_version(old), version);
        if (version == 1) {
            CHECK_EQ_PTR(wippy_snapshot_get(old, "x:a"), first); /* the very same content */
        }
        wippy_snapshot_release(k.rt, old);
    }
    CHECK_EQ_INT(wippy_snapshot_at(k.rt, 5, &old), WIPPY_ERR_NOTFOUND);
    CHECK_EQ_INT(wippy_snapshot_at(k.rt, -1, &old), WIPPY_ERR_NOTFOUND);
    wippy_entry_release(k.rt, first);
    kit_close(&k);
}

TEST(test_registry_snapshot_does_not_move)
{
    kit k;
    wippy_snapshot *held = NULL;
    REQUIRE(kit_open(&k));
    CHECK_EQ_INT(kit_one(&k, '+', "x:a", "registry.entry", ""), WIPPY_OK);
    REQUIRE(wippy_snapshot_current(k.rt, &held) == WIPPY_OK);
    CHECK_EQ_INT(kit_one(&k, '-', "x:a", NULL, ""), WIPPY_OK);
    CHECK_STR(kit_ids(held), "x:a");
    CHECK_EQ_INT(wippy_snapshot_version(held), 1);
    wippy_snapshot_release(k.rt, wippy_snapshot_hold(held));
    wippy_snapshot_release(k.rt, held);
    wippy_snapshot_release(k.rt, NULL);
    kit_close(&k);
}

TEST(test_registry_going_back_asks_the_kinds)
{
    static kit_kind kind;
    kit k;
    memset(&kind, 0, sizeof(kind));
    REQUIRE(kit_open(&k));
    CHECK_EQ_INT(kit_add_kind(&k, &kind, "t", 0), WIPPY_OK);
    const kit_wish create[] = {{'+', "x:app", "t", "", "{'imports': {'l': 'lib'}}"},
                               {'+', "x:lib", "t", "", ""}};
    CHECK_EQ_INT(kit_apply(&k, create, 2, NULL, NULL), WIPPY_OK);
    CHECK_EQ_INT(kit_one(&k, '=', "x:lib", NULL, "{'n': 1}"), WIPPY_OK);
    kind.trace[0] = '\0';
    CHECK_EQ_INT(wippy_registry_apply_version(k.rt, 0, NULL), WIPPY_OK);
    CHECK_STR(kind.trace, "apply-x:app apply-x:lib commit-x:app commit-x:lib ");
    kind.trace[0] = '\0';
    kind.refuse_apply = "x:app";
    kind.refuse_result = WIPPY_ERR_INVALID;
    CHECK_EQ_INT(wippy_registry_apply_version(k.rt, 2, NULL), WIPPY_ERR_INVALID);
    CHECK_STR(kind.trace, "check+x:lib check+x:app apply+x:lib apply+x:app ~apply-x:lib ");
    CHECK_EQ_INT(wippy_version_current(k.rt), 0);
    kit_close(&k);
}

TEST(test_registry_delta_lists_what_leads_from_one_to_another)
{
    kit k;
    wippy_snapshot *from = NULL;
    wippy_snapshot *to = NULL;
    wippy_delta delta;
    REQUIRE(kit_open(&k));
    const kit_wish create[] = {{'+', "x:a", "registry.entry", "", ""},
                               {'+', "x:b", "registry.entry", "", ""},
                               {'+', "x:c", "registry.entry", "", ""}};
    CHECK_EQ_INT(kit_apply(&k, create, 3, NULL, NULL), WIPPY_OK);
    wippy_snapshot_current(k.rt, &from);
    const kit_wish change[] = {{'-', "x:a", NULL, "", ""},
                               {'=', "x:b", NULL, "", "{'n': 1}"},
                               {'+', "x:d", "registry.entry", "", ""}};
    CHECK_EQ_INT(kit_apply(&k, change, 3, NULL, NULL), WIPPY_OK);
    wippy_snapshot_current(k.rt, &to);
    REQUIRE(wippy_delta_build(k.rt, from, to, &delta) == WIPPY_OK);
    REQUIRE(delta.count == 3);
    CHECK_EQ_INT(delta.changes[0].op, WIPPY_ENTRY_UPDATE);
    CHECK_STR(wippy_entry_id(delta.changes[0].after), "x:b");
    CHECK_EQ_INT(delta.changes[1].op, WIPPY_ENTRY_CREATE);
    CHECK_STR(wippy_entry_id(delta.changes[1].after), "x:d");
    CHECK_EQ_INT(delta.changes[2].op, WIPPY_ENTRY_DELETE);
    CHECK_STR(wippy_entry_id(delta.changes[2].before), "x:a");
    CHECK(delta.changes[2].after == NULL);
    wippy_delta_free(k.rt, &delta);
    REQUIRE(wippy_delta_build(k.rt, to, to, &delta) == WIPPY_OK);
    CHECK_EQ_INT(delta.count, 0);
    wippy_delta_free(k.rt, &delta);
    wippy_snapshot_release(k.rt, from);
    wippy_snapshot_release(k.rt, to);
    kit_close(&k);
}

/* ------------------------------------------------------------------ queries */

static void open_zoo(kit *k)
{
    const kit_wish zoo[] = {
        {'+', "app:http", "ns.web",
         "{'type': 'tool', 'order': 2, 'share': 1.0, 'tags': ['net', 'fast']}", ""},
        {'+', "app:text", "registry.entry",
         "{'type': 'tool.text', 'order': 1, 'on': true, 'command': {'name': 'text'}}", ""},
        {'+', "lib:http", "registry.entry", "{'type': 'lib', 'tags': ['net'], 'a.b': 'dotted'}",
         ""},
        {'+', "lib.x:plain", "registry.entry", "", ""}};
    CHECK_EQ_INT(kit_apply(k, zoo, 4, NULL, NULL), WIPPY_OK);
}

typedef struct query {
    const char *filter;
    const char *expected;
} query;

TEST(test_registry_find_understands_every_operator)
{
    static const query queries[] = {
        {"", "app:http app:text lib:http lib.x:plain"},
        {"{}", "app:http app:text lib:http lib.x:plain"},
        {"[]", "app:http app:text lib:http lib.x:plain"},
        {"nil", "app:http app:text lib:http lib.x:plain"},
        {"{'.kind': 'ns.web'}", "app:http"},
        {"{'.kind': 'ns.*'}", "app:http"},
        {"{'.kind': 'r*y'}", "app:text lib:http lib.x:plain"},
        {"{'.kind': 'registry.entry*y'}", ""},
        {"{'.name': 'http'}", "app:http lib:http"},
        {"{'.name': '*t*'}", ""}, /* one star only: a name that ends in "t*" */
        {"{'.ns': 'lib'}", "lib:http"},
        {"{'.ns': 'lib*'}", "lib:http lib.x:plain"},
        {"{'.id': 'lib*n'}", "lib.x:plain"},
        {"{'.id': ['app:*', '*:text']}", "app:text"},
        {"{'.id': 5}", ""},
        {"{'meta.type': 'tool'}", "app:http"},
        {"{'meta.order': 1}", "app:text"},
        {"{'meta.order': 2.0}", "app:http"},
        {"{'meta.order': '1'}", ""},
        {"{'meta.share': 1}", "app:http"},
        {"{'meta.share': 2}", ""},
        {"{'*meta.share': '1'}", ""},
        {"{'meta.on': true}", "app:text"},
        {"{'meta.command.name': 'text'}", "app:text"},
        {"{'meta.a.b': 'dotted'}", "lib:http"},
        {"{'meta.none': 'x'}", ""},
        {"{'meta.tags': ['net']}", "app:http lib:http"},
        {"{'meta.tags': ['fast', 'net']}", "app:http"},
        {"{'meta.tags': 'net'}", ""},
        {"{'^meta.type': 'tool'}", "app:http app:text"},
        {"{'$meta.type': 'text'}", "app:text"},
        {"{'$meta.type': 'far too long to be an ending'}", ""},
        {"{'*meta.type': 'oo'}", "app:http app:text"},
        {"{'*meta.tags': 'et'}", "app:http lib:http"},
        {"{'*meta.tags': ['net', 'fas']}", "app:http"},
        {"{'*meta.order': 'x'}", ""},
        {"{'^meta.order': 1}", ""},
        {"{'~meta.type': '^tool(\\.text)?$'}", "app:http app:text"},
        {"{'~meta.type': ['^t', 'xt$']}", "app:text"},
        {"{'~meta.order': '1'}", ""},
        {"{'meta.type': 'lib', '.name': 'text'}", ""},
        {"{'meta.type': 'lib', '.name': 'http', '.kind': 'registry.entry'}", "lib:http"}};
    kit k;
    REQUIRE(kit_open(&k));
    open_zoo(&k);
    for (size_t i = 0; i < TEST_COUNT(queries); i++) {
        if (!CHECK_STR(kit_find(&k, queries[i].filter), queries[i].expected)) {
            printf("  filter: %s\n", queries[i].filter);
        }
    }
    CHECK_STR(k.log, "");
    kit_close(&k);
}

TEST(test_registry_find_ignores_other_keys_with_a_warning)
{
    kit k;
    REQUIRE(kit_open(&k));
    open_zoo(&k);
    CHECK_STR(kit_find(&k, "{'kind': 'ns.web'}"), "app:http app:text lib:http lib.x:plain");
    CHECK_STR(k.log, "registry: metadata field must use 'meta.' prefix {\"field\": \"kind\"}\n");
    CHECK_STR(kit_find(&k, "{'meta': {'type': 'lib'}, 7: 'x', '.ns': 'app'}"), "app:http app:text");
    CHECK_STR(kit_find(&k, "5"), "!filter is integer, expected a map");
    CHECK_STR(kit_find(&k, "['x']"), "!filter is array, expected a map");
    CHECK_STR(kit_find(&k, "{'~meta.type': 5}"), "!bad expression \"\": not a string");
    CHECK_HAS(kit_find(&k, "{'~meta.type': 'a('}"), "!bad expression \"a(\": ");
    kit_close(&k);
}

TEST(test_registry_find_counts_beyond_the_room)
{
    kit k;
    wippy_snapshot *snapshot = NULL;
    wippy_entry *one = NULL;
    wippy_slice all = {NULL, 0};
    size_t count = 0;
    REQUIRE(kit_open(&k));
    open_zoo(&k);
    wippy_snapshot_current(k.rt, &snapshot);
    CHECK_EQ_INT(wippy_snapshot_find(k.rt, snapshot, all, &one, 1, &count, NULL), WIPPY_OK);
    CHECK_EQ_INT(count, 4);
    CHECK_STR(wippy_entry_id(one), "app:http");
    CHECK_EQ_INT(wippy_snapshot_find(k.rt, snapshot, all, NULL, 0, &count, NULL), WIPPY_OK);
    wippy_snapshot_release(k.rt, snapshot);
    kit_close(&k);
}

/* ------------------------------------------------------------------ ids */

TEST(test_registry_ids_are_split_and_completed)
{
    wippy_slice ns;
    wippy_slice name;
    char text[32];
    wippy_id_parse("a.b:c:d", 7, &ns, &name);
    CHECK_EQ_INT(ns.size, 3);
    CHECK_EQ_INT(name.size, 3);
    CHECK_MEM(name.data, "c:d", 3);
    wippy_id_parse("plain", 5, &ns, &name);
    CHECK_EQ_INT(ns.size, 0);
    CHECK_EQ_INT(name.size, 5);
    wippy_id_parse("", 0, &ns, &name);
    CHECK_EQ_INT(name.size, 0);
    CHECK_EQ_INT(wippy_id_complete("x", 1, "app.a:one", text, sizeof(text)), 7);
    CHECK_STR(text, "app.a:x");
    CHECK_EQ_INT(wippy_id_complete("n:x", 3, "app:one", text, sizeof(text)), 3);
    CHECK_STR(text, "n:x");
    CHECK_EQ_INT(wippy_id_complete("x", 1, "bare", text, sizeof(text)), 1);
    CHECK_STR(text, "x");
    CHECK_EQ_INT(wippy_id_complete("xyz", 3, "app:one", text, 6), 7);
    CHECK_STR(text, "app:x");
    CHECK_EQ_INT(wippy_id_complete("xyz", 3, "app:one", NULL, 0), 7);
    CHECK_EQ_INT(wippy_id_complete("", 0, "app:one", text, sizeof(text)), 0);
    CHECK_STR(text, "");
}

/* ------------------------------------------------------------------ listeners */

typedef struct ear {
    char text[512];
    kit *k;
} ear;

static void hear(wippy_runtime *rt, const wippy_registry_event *event, void *user_data)
{
    ear *e = (ear *)user_data;
    size_t size = strlen(e->text);
    wippy_diag diag;
    CHECK_EQ_INT(wippy_version_current(rt), event->version); /* readers see it already */
    CHECK_EQ_INT(wippy_snapshot_version(event->after), event->version);
    snprintf(e->text + size, sizeof(e->text) - size, "v%d%s:", (int)event->version,
             event->loading ? "!" : "");
    for (size_t i = 0; i < event->count; i++) {
        const wippy_entry_change *change = &event->changes[i];
        size = strlen(e->text);
        snprintf(e->text + size, sizeof(e->text) - size, "%c%s ", "+=-"[change->op],
                 wippy_entry_id(change->after ? change->after : change->before));
    }
    CHECK_EQ_INT(wippy_registry_apply_version(rt, 0, &diag), WIPPY_ERR_BUSY);
    CHECK_EQ_INT(wippy_registry_apply(rt, NULL, 0, NULL, NULL), WIPPY_ERR_BUSY);
    CHECK_EQ_INT(wippy_registry_unlisten(rt, hear, user_data), WIPPY_ERR_BUSY);
}

TEST(test_registry_listeners_hear_every_change_in_order)
{
    kit k;
    static ear one;
    static ear two;
    memset(&one, 0, sizeof(one));
    memset(&two, 0, sizeof(two));
    REQUIRE(kit_open(&k));
    const char *doc = "namespace: app\nname: l\nkind: ns.x\n";
    CHECK_EQ_INT(wippy_registry_listen(k.rt, NULL, NULL), WIPPY_ERR_INVALID);
    CHECK_EQ_INT(wippy_registry_listen(k.rt, hear, &one), WIPPY_OK);
    CHECK_EQ_INT(wippy_registry_listen(k.rt, hear, &two), WIPPY_OK);
    CHECK_EQ_INT(wippy_load_text(k.rt, "doc", doc, strlen(doc), NULL), WIPPY_OK);
    CHECK_EQ_INT(kit_one(&k, '+', "x:a", "registry.entry", ""), WIPPY_OK);
    CHECK_EQ_INT(kit_one(&k, '+', "x:a", "registry.entry", ""), WIPPY_ERR_EXISTS);
    CHECK_EQ_INT(wippy_registry_unlisten(k.rt, hear, &one), WIPPY_OK);
    CHECK_EQ_INT(wippy_registry_unlisten(k.rt, hear, &one), WIPPY_ERR_NOTFOUND);
    CHECK_EQ_INT(kit_one(&k, '=', "x:a", NULL, ""), WIPPY_OK);
    CHECK_EQ_INT(wippy_registry_apply_version(k.rt, 0, NULL), WIPPY_OK);
    CHECK_STR(one.text, "v0!:+app:l v1:+x:a ");
    CHECK_STR(two.text, "v0!:+app:l v1:+x:a v2:=x:a v0:-x:a ");
    kit_close(&k);
}

/* ------------------------------------------------------------------ many threads */

#if HAVE_THREADS
enum { CROWD_WRITERS = 2, CROWD_READERS = 2, CROWD_ROUNDS = 300 };

typedef struct crowd {
    kit k;
    unsigned writers_left;
    unsigned applied;
} crowd;

/* Two entries are always changed together, so a reader must never see them differ. */
static void *crowd_write(void *arg)
{
    crowd *c = (crowd *)arg;
    for (unsigned i = 0; i < test_scale(CROWD_ROUNDS); i++) {
        wippy_registry_change changes[2];
        wippy_writer w;
        memset(changes, 0, sizeof(changes));
        wippy_writer_init(&w, c->k.rt);
        wippy_write_map(&w, 1);
        wippy_write_cstring(&w, "n");
        wippy_write_int(&w, (int64_t)TEST_ATOMIC_ADD(&c->applied, 1u));
        wippy_write_end(&w);
        changes[0].op = WIPPY_ENTRY_UPDATE;
        changes[0].id = "x:a";
        wippy_writer_finish(&w, &changes[0].data);
        changes[1] = changes[0];
        changes[1].id = "x:b";
        CHECK_EQ_INT(wippy_registry_apply(c->k.rt, changes, 2, NULL, NULL), WIPPY_OK);
        wippy_writer_free(&w);
    }
    TEST_ATOMIC_SUB(&c->writers_left, 1u);
    return NULL;
}

static void *crowd_read(void *arg)
{
    crowd *c = (crowd *)arg;
    bool same = true;
    while (TEST_ATOMIC_LOAD(&c->writers_left) > 0 && same) {
        wippy_snapshot *snapshot = NULL;
        wippy_entry *entry = NULL;
        wippy_snapshot_current(c->k.rt, &snapshot);
        wippy_slice a = wippy_entry_data(wippy_snapshot_get(snapshot, "x:a"));
        wippy_slice b = wippy_entry_data(wippy_snapshot_get(snapshot, "x:b"));
        same = wippy_value_int(a, "n", -1) == wippy_value_int(b, "n", -2);
        wippy_snapshot_release(c->k.rt, snapshot);
        same = same && wippy_entry_get(c->k.rt, "x:a", &entry) == WIPPY_OK;
        wippy_entry_release(c->k.rt, entry);
    }
    CHECK(same);
    return NULL;
}

TEST(test_registry_readers_see_whole_versions_while_many_write)
{
    static crowd c;
    pthread_t threads[CROWD_WRITERS + CROWD_READERS];
    REQUIRE(kit_open(&c.k));
    const kit_wish create[] = {{'+', "x:a", "registry.entry", "", "{'n': -1}"},
                               {'+', "x:b", "registry.entry", "", "{'n': -1}"}};
    CHECK_EQ_INT(kit_apply(&c.k, create, 2, NULL, NULL), WIPPY_OK);
    c.writers_left = CROWD_WRITERS;
    for (int i = 0; i < CROWD_WRITERS + CROWD_READERS; i++) {
        REQUIRE(pthread_create(&threads[i], NULL, i < CROWD_WRITERS ? crowd_write : crowd_read,
                               &c) == 0);
    }
    for (int i = 0; i < CROWD_WRITERS + CROWD_READERS; i++) {
        pthread_join(threads[i], NULL);
    }
    CHECK_EQ_INT(wippy_version_current(c.k.rt), 1 + CROWD_WRITERS * (int)test_scale(CROWD_ROUNDS));
    kit_close(&c.k);
}
#else
TEST(test_registry_readers_see_whole_versions_while_many_write)
{
    TEST_SKIP("no threads here");
}
#endif

TEST_MAIN(TEST_ENTRY(test_registry_entry_can_be_created_read_updated_deleted),
          TEST_ENTRY(test_registry_apply_refuses_what_cannot_be),
          TEST_ENTRY(test_registry_refusal_takes_back_in_reverse),
          TEST_ENTRY(test_registry_handler_sees_the_next_version_and_readers_the_old),
          TEST_ENTRY(test_registry_versions_form_a_tree_and_numbers_grow),
          TEST_ENTRY(test_registry_old_snapshots_can_be_seen_again),
          TEST_ENTRY(test_registry_snapshot_does_not_move),
          TEST_ENTRY(test_registry_going_back_asks_the_kinds),
          TEST_ENTRY(test_registry_delta_lists_what_leads_from_one_to_another),
          TEST_ENTRY(test_registry_find_understands_every_operator),
          TEST_ENTRY(test_registry_find_ignores_other_keys_with_a_warning),
          TEST_ENTRY(test_registry_find_counts_beyond_the_room),
          TEST_ENTRY(test_registry_ids_are_split_and_completed),
          TEST_ENTRY(test_registry_listeners_hear_every_change_in_order),
          TEST_ENTRY(test_registry_readers_see_whole_versions_while_many_write))
