/* Entries, snapshots, kinds, references and changes from the inside. */
#define WIPPY_IMPLEMENTATION
#include "wippy.h"

#include "../test.h"

#include "../registry_kit.h"

static const wippy_slice nothing = {NULL, 0};

/* ------------------------------------------------------------------ entries and tables */

static wippy_entry *make_entry(wippyi_mem *mem, const char *id, uint64_t order)
{
    wippy_entry *entry = NULL;
    wippyi_entry_desc desc;
    memset(&desc, 0, sizeof(desc));
    desc.id = id;
    desc.kind = "registry.entry";
    if (wippyi_entry_make(mem, &desc, &entry, NULL) != WIPPY_OK) {
        return NULL;
    }
    entry->order = order;
    return entry;
}

TEST(test_entry_make_copies_and_fills_in_empty_maps)
{
    kit k;
    REQUIRE(kit_open(&k));
    wippyi_mem *mem = wippyi_runtime_mem(k.rt);
    wippy_entry *entry = make_entry(mem, "app:one", 7);
    REQUIRE(entry != NULL);
    CHECK_STR(wippy_entry_id(entry), "app:one");
    CHECK_STR(wippy_entry_kind(entry), "registry.entry");
    CHECK_EQ_INT(wippy_value_type_of(wippy_entry_meta(entry)), WIPPY_MAP);
    CHECK_EQ_INT(wippy_value_check(wippy_entry_data(entry).data, wippy_entry_data(entry).size, 1),
                 WIPPY_OK);
    uint32_t line = 9;
    CHECK_STR(wippy_entry_file(entry, &line), "");
    CHECK_EQ_INT(line, 0);
    wippy_entry_hold(entry);
    wippy_entry_release(k.rt, entry);
    wippy_entry_release(k.rt, entry);
    wippy_entry_release(k.rt, NULL);
    kit_close(&k);
}

TEST(test_entry_make_refuses_what_is_no_entry)
{
    kit k;
    wippy_diag diag;
    wippy_entry *entry = NULL;
    wippyi_entry_desc desc;
    REQUIRE(kit_open(&k));
    wippyi_mem *mem = wippyi_runtime_mem(k.rt);
    memset(&desc, 0, sizeof(desc));
    desc.kind = "k";
    CHECK_EQ_INT(wippyi_entry_make(mem, &desc, &entry, &diag), WIPPY_ERR_INVALID);
    CHECK_STR(diag.message, "entry must have valid id field");
    desc.id = "app:";
    CHECK_EQ_INT(wippyi_entry_make(mem, &desc, &entry, &diag), WIPPY_ERR_INVALID);
    CHECK_STR(diag.file, "app:");
    desc.id = "app:x";
    desc.kind = "";
    CHECK_EQ_INT(wippyi_entry_make(mem, &desc, &entry, &diag), WIPPY_ERR_INVALID);
    CHECK_STR(diag.message, "entry must have kind field");
    desc.kind = "k";
    desc.meta.data = "\x05";
    desc.meta.size = 1;
    CHECK_EQ_INT(wippyi_entry_make(mem, &desc, &entry, &diag), WIPPY_ERR_INVALID);
    CHECK_STR(diag.message, "meta is integer, expected a map");
    desc.meta.size = 0;
    desc.data.data = "\x05\x06";
    desc.data.size = 2;
    CHECK_EQ_INT(wippyi_entry_make(mem, &desc, &entry, NULL), WIPPY_ERR_INVALID);
    CHECK(entry == NULL);
    kit_close(&k);
}

TEST(test_index_many_entries_are_all_found)
{
    enum { COUNT = 500 };
    wippy_entry *entries[COUNT];
    wippyi_ids index;
    char id[32];
    kit k;
    REQUIRE(kit_open(&k));
    wippyi_mem *mem = wippyi_runtime_mem(k.rt);
    REQUIRE(wippyi_ids_make(&index, mem, COUNT) == WIPPY_OK);
    for (uint32_t i = 0; i < COUNT; i++) {
        snprintf(id, sizeof(id), "ns%u:e%u", i % 7, i);
        entries[i] = make_entry(mem, id, i);
        REQUIRE(entries[i] != NULL);
        wippyi_ids_add(&index, entries, i);
    }
    for (uint32_t i = 0; i < COUNT; i++) {
        char space[16];
        snprintf(space, sizeof(space), "ns%u:", i % 7);
        snprintf(id, sizeof(id), "e%u", i);
        CHECK_EQ_U64(
            wippyi_ids_find(&index, entries, wippyi_text_slice(space), wippyi_text_slice(id)), i);
        CHECK_EQ_U64(wippyi_ids_find(&index, entries, nothing, wippyi_text_slice(id)),
                     WIPPYI_NOWHERE);
    }
    for (uint32_t i = 0; i < COUNT; i++) {
        wippy_entry_release(k.rt, entries[i]);
    }
    wippyi_ids_free(&index, mem);
    kit_close(&k);
}

TEST(test_changes_follow_joins_what_came_later)
{
    wippyi_changes changes;
    kit k;
    REQUIRE(kit_open(&k));
    wippyi_mem *mem = wippyi_runtime_mem(k.rt);
    wippy_entry *a1 = make_entry(mem, "x:a", 1);
    wippy_entry *a2 = make_entry(mem, "x:a", 1);
    wippy_entry *b = make_entry(mem, "x:b", 2);
    REQUIRE(wippyi_changes_make(&changes, mem, 4) == WIPPY_OK);
    wippyi_changes_follow(&changes, NULL, a1);
    wippyi_changes_follow(&changes, a1, a2);
    wippyi_changes_follow(&changes, NULL, b);
    wippyi_changes_follow(&changes, b, NULL);
    CHECK_EQ_INT(changes.count, 2);
    CHECK_EQ_INT(changes.items[0].op, WIPPY_ENTRY_CREATE);
    CHECK_EQ_PTR(changes.items[0].after, a2);
    CHECK(changes.items[1].before == NULL && changes.items[1].after == NULL);
    CHECK_EQ_U64(wippyi_changes_find(&changes, nothing, wippyi_text_slice("x:b")), 1);
    wippyi_changes_free(&changes);
    wippy_entry_release(k.rt, a1);
    wippy_entry_release(k.rt, a2);
    wippy_entry_release(k.rt, b);
    kit_close(&k);
}

/* ------------------------------------------------------------------ snapshots */

TEST(test_snapshot_make_keeps_order_through_updates_and_returns)
{
    kit k;
    wippy_snapshot *one = NULL;
    wippy_snapshot *two = NULL;
    wippyi_changes changes;
    REQUIRE(kit_open(&k));
    wippyi_mem *mem = wippyi_runtime_mem(k.rt);
    wippy_entry *a = make_entry(mem, "x:a", 1);
    wippy_entry *b = make_entry(mem, "x:b", 2);
    wippy_entry *b2 = make_entry(mem, "x:b", 2);
    wippy_entry *c = make_entry(mem, "x:c", 3);
    REQUIRE(wippyi_changes_make(&changes, mem, 3) == WIPPY_OK);
    wippyi_changes_add(&changes, NULL, c);
    wippyi_changes_add(&changes, NULL, b);
    wippyi_changes_add(&changes, NULL, a);
    REQUIRE(wippyi_snapshot_make(mem, NULL, &changes, 4, &one) == WIPPY_OK);
    wippyi_changes_free(&changes);
    CHECK_STR(kit_ids(one), "x:a x:b x:c");
    CHECK_EQ_INT(wippy_snapshot_version(one), 4);
    REQUIRE(wippyi_changes_make(&changes, mem, 3) == WIPPY_OK);
    wippyi_changes_add(&changes, a, NULL);
    wippyi_changes_add(&changes, b, b2);
    REQUIRE(wippyi_snapshot_make(mem, one, &changes, 5, &two) == WIPPY_OK);
    wippyi_changes_free(&changes);
    CHECK_STR(kit_ids(two), "x:b x:c");
    CHECK_EQ_PTR(wippy_snapshot_get(two, "x:b"), b2);
    CHECK_EQ_PTR(wippy_snapshot_get(one, "x:b"), b);
    CHECK(wippy_snapshot_get(two, "x:a") == NULL);
    CHECK(wippy_snapshot_entry(two, 2) == NULL);
    REQUIRE(wippyi_snapshot_diff(mem, two, one, &changes) == WIPPY_OK);
    CHECK_EQ_INT(changes.count, 2);
    CHECK_EQ_PTR(changes.items[0].after, a);
    CHECK_EQ_PTR(changes.items[1].before, b2);
    wippyi_changes_free(&changes);
    wippy_snapshot_release(k.rt, one);
    wippy_snapshot_release(k.rt, two);
    wippy_entry_release(k.rt, a);
    wippy_entry_release(k.rt, b);
    wippy_entry_release(k.rt, b2);
    wippy_entry_release(k.rt, c);
    kit_close(&k);
}

TEST(test_snapshot_make_sorts_any_order)
{
    enum { COUNT = 200 };
    wippy_snapshot *snapshot = NULL;
    wippyi_changes changes;
    char id[32];
    kit k;
    REQUIRE(kit_open(&k));
    wippyi_mem *mem = wippyi_runtime_mem(k.rt);
    REQUIRE(wippyi_changes_make(&changes, mem, COUNT) == WIPPY_OK);
    for (uint32_t i = 0; i < COUNT; i++) {
        snprintf(id, sizeof(id), "x:e%u", i);
        wippy_entry *entry = make_entry(mem, id, test_random_below(1000));
        REQUIRE(entry != NULL);
        wippyi_changes_add(&changes, NULL, entry);
        wippy_entry_release(k.rt, entry);
    }
    REQUIRE(wippyi_snapshot_make(mem, NULL, &changes, 0, &snapshot) == WIPPY_OK);
    CHECK_EQ_INT(wippy_snapshot_count(snapshot), COUNT);
    for (size_t i = 1; i < COUNT; i++) {
        CHECK(snapshot->entries[i - 1]->order <= snapshot->entries[i]->order);
    }
    wippyi_changes_free(&changes);
    wippy_snapshot_release(k.rt, snapshot);
    kit_close(&k);
}

/* ------------------------------------------------------------------ kinds */

TEST(test_kinds_exact_wins_then_the_longest_prefix)
{
    kit k;
    uint32_t flags = 0;
    wippy_kind_desc desc;
    REQUIRE(kit_open(&k));
    memset(&desc, 0, sizeof(desc));
    CHECK_EQ_INT(wippy_kind_register(k.rt, &desc), WIPPY_ERR_INVALID);
    desc.name = "a.*";
    desc.flags = 1;
    CHECK_EQ_INT(wippy_kind_register(k.rt, &desc), WIPPY_OK);
    CHECK_EQ_INT(wippy_kind_register(k.rt, &desc), WIPPY_ERR_EXISTS);
    desc.name = "a.b.*";
    desc.flags = 2;
    CHECK_EQ_INT(wippy_kind_register(k.rt, &desc), WIPPY_OK);
    desc.name = "a.b.c";
    desc.flags = 4;
    CHECK_EQ_INT(wippy_kind_register(k.rt, &desc), WIPPY_OK);
    CHECK_EQ_INT(wippy_kind_flags(k.rt, "a.x", &flags), WIPPY_OK);
    CHECK_EQ_INT(flags, 1);
    CHECK_EQ_INT(wippy_kind_flags(k.rt, "a.b.x", &flags), WIPPY_OK);
    CHECK_EQ_INT(flags, 2);
    CHECK_EQ_INT(wippy_kind_flags(k.rt, "a.b.c", &flags), WIPPY_OK);
    CHECK_EQ_INT(flags, 4);
    CHECK_EQ_INT(wippy_kind_flags(k.rt, "a", &flags), WIPPY_ERR_NOTFOUND);
    CHECK_EQ_INT(wippy_kind_flags(k.rt, "ns.definition", &flags), WIPPY_OK);
    CHECK_EQ_INT(flags, WIPPY_KIND_PASSIVE);
    kit_close(&k);
}

static wippy_status never_step(wippy_self *self, void *state)
{
    (void)self;
    (void)state;
    return WIPPY_IDLE;
}

TEST(test_resolve_gives_the_type_of_spawnable_entries)
{
    kit k;
    wippy_type type;
    wippy_type found;
    wippy_entry *entry = NULL;
    wippy_diag diag;
    wippy_type_desc desc;
    REQUIRE(kit_open(&k));
    memset(&desc, 0, sizeof(desc));
    desc.name = "counter";
    desc.step = never_step;
    REQUIRE(wippy_type_register(k.rt, &desc, &type) == WIPPY_OK);
    CHECK_EQ_INT(kit_one(&k, '+', "app:a", "process.native", "{'type': 'counter'}"), WIPPY_OK);
    CHECK_EQ_INT(kit_one(&k, '+', "app:b", "registry.entry", "{'type': 'counter'}"), WIPPY_OK);
    CHECK_EQ_INT(kit_one(&k, '+', "app:c", "process.native", "{'type': 'none'}"),
                 WIPPY_ERR_NOTFOUND);
    CHECK_EQ_INT(kit_one(&k, '+', "app:c", "process.native", "{}"), WIPPY_ERR_INVALID);
    memset(&found, 0, sizeof(found));
    CHECK_EQ_INT(wippyi_registry_resolve(k.rt, "app:a", &entry, &found, &diag), WIPPY_OK);
    CHECK_EQ_INT(found.id, type.id);
    CHECK_STR(wippy_entry_id(entry), "app:a");
    wippy_entry_release(k.rt, entry);
    CHECK_EQ_INT(wippyi_registry_resolve(k.rt, "app:b", &entry, &found, &diag), WIPPY_ERR_NOTFOUND);
    CHECK_STR(diag.message, "factory not found");
    CHECK_EQ_INT(wippyi_registry_resolve(k.rt, "app:z", &entry, &found, &diag), WIPPY_ERR_NOTFOUND);
    CHECK_STR(diag.message, "factory not found");
    kit_close(&k);
}

TEST(test_resolve_kind_has_one_type_for_all)
{
    kit k;
    wippy_type found;
    wippy_entry *entry = NULL;
    wippy_diag diag;
    wippy_kind_desc desc;
    static char long_name[400];
    REQUIRE(kit_open(&k));
    memset(&desc, 0, sizeof(desc));
    desc.name = "f.*";
    desc.flags = WIPPY_KIND_CALLABLE;
    desc.process_type.id = 77;
    CHECK_EQ_INT(wippy_kind_register(k.rt, &desc), WIPPY_OK);
    desc.name = "g";
    desc.process_type.id = 0;
    CHECK_EQ_INT(wippy_kind_register(k.rt, &desc), WIPPY_OK);
    CHECK_EQ_INT(kit_one(&k, '+', "app:f", "f.lua", ""), WIPPY_OK);
    CHECK_EQ_INT(kit_one(&k, '+', "app:g", "g", ""), WIPPY_OK);
    CHECK_EQ_INT(wippyi_registry_resolve(k.rt, "app:f", &entry, &found, &diag), WIPPY_OK);
    CHECK_EQ_INT(found.id, 77);
    wippy_entry_release(k.rt, entry);
    CHECK_EQ_INT(wippyi_registry_resolve(k.rt, "app:g", &entry, &found, NULL), WIPPY_ERR_NOTFOUND);
    memcpy(long_name, "{'type': '", 10);
    memset(long_name + 10, 'x', 300);
    memcpy(long_name + 310, "'}", 3);
    const kit_wish too_long = {'+', "app:n", "process.native", "", long_name};
    CHECK_EQ_INT(kit_apply(&k, &too_long, 1, NULL, &diag), WIPPY_ERR_INVALID);
    CHECK_HAS(diag.message, "longer than 255 bytes");
    kit_close(&k);
}

static wippy_result answer_pending(const wippy_kind_call *call)
{
    return call->after != NULL ? WIPPY_PENDING : WIPPY_OK;
}

TEST(test_change_silent_refusal_still_has_a_reason)
{
    kit k;
    wippy_diag diag;
    wippy_kind_desc desc;
    REQUIRE(kit_open(&k));
    memset(&desc, 0, sizeof(desc));
    desc.name = "t";
    desc.apply = answer_pending;
    CHECK_EQ_INT(wippy_kind_register(k.rt, &desc), WIPPY_OK);
    const kit_wish create[] = {{'+', "x:r", "registry.entry", "", ""}, {'+', "x:a", "t", "", ""}};
    CHECK_EQ_INT(kit_apply(&k, create, 2, NULL, &diag), WIPPY_ERR_INTERNAL);
    CHECK_STR(diag.file, "x:a");
    CHECK_STR(diag.message, "internal error");
    CHECK_STR(kit_current_ids(&k), "");
    kit_close(&k);
}

/* ------------------------------------------------------------------ order */

TEST(test_change_order_dependencies_first_deletes_dependents_first)
{
    static kit_kind kind;
    kit k;
    memset(&kind, 0, sizeof(kind));
    REQUIRE(kit_open(&k));
    CHECK_EQ_INT(kit_add_kind(&k, &kind, "t.*", 0), WIPPY_OK);
    const kit_wish create[] = {
        {'+', "x:app", "t.p", "", "{'imports': {'l': 'x:lib', 'json': 'json'}}"},
        {'+', "x:svc", "t.s", "", "{'process': 'app', 'lifecycle': {'requires': ['x:db']}}"},
        {'+', "x:lib", "t.l", "{'depends_on': 'base'}", ""},
        {'+', "x:db", "t.d", "", "{'storages': ['mem', 'y:else']}"},
        {'+', "x:base", "t.b", "", ""},
        {'+', "x:mem", "t.m", "", ""}};
    CHECK_EQ_INT(kit_apply(&k, create, 6, NULL, NULL), WIPPY_OK);
    CHECK_STR(kind.trace,
              "check+x:base check+x:lib check+x:app check+x:mem check+x:db check+x:svc "
              "apply+x:base apply+x:lib apply+x:app apply+x:mem apply+x:db apply+x:svc "
              "commit+x:base commit+x:lib commit+x:app commit+x:mem commit+x:db commit+x:svc ");
    kind.trace[0] = '\0';
    const kit_wish drop[] = {{'-', "x:base", NULL, "", ""}, {'-', "x:mem", NULL, "", ""},
                             {'-', "x:lib", NULL, "", ""},  {'-', "x:app", NULL, "", ""},
                             {'-', "x:svc", NULL, "", ""},  {'=', "x:db", NULL, "", ""}};
    CHECK_EQ_INT(kit_apply(&k, drop, 6, NULL, NULL), WIPPY_OK);
    CHECK_STR(kind.trace, "check=x:db apply=x:db apply-x:mem apply-x:svc apply-x:app apply-x:lib "
                          "apply-x:base commit=x:db commit-x:mem commit-x:svc commit-x:app "
                          "commit-x:lib commit-x:base ");
    kit_close(&k);
}

static void name_boss(wippy_runtime *rt, const wippy_entry *entry, wippy_refs *refs,
                      void *user_data)
{
    (void)rt;
    (void)user_data;
    wippy_slice boss = wippy_value_string(wippy_entry_data(entry), "boss", NULL);
    wippy_refs_add(refs, boss.data, boss.size);
}

TEST(test_change_order_kind_names_more_references)
{
    static kit_kind kind;
    kit k;
    wippy_kind_desc desc;
    memset(&kind, 0, sizeof(kind));
    REQUIRE(kit_open(&k));
    memset(&desc, 0, sizeof(desc));
    desc.name = "t";
    desc.apply = kit_do;
    desc.refs = name_boss;
    desc.user_data = &kind;
    CHECK_EQ_INT(wippy_kind_register(k.rt, &desc), WIPPY_OK);
    const kit_wish create[] = {{'+', "x:a", "t", "", "{'boss': 'c'}"},
                               {'+', "x:b", "t", "", ""},
                               {'+', "x:c", "t", "", "{'boss': 'x:a'}"}}; /* a circle is cut */
    CHECK_EQ_INT(kit_apply(&k, create, 3, NULL, NULL), WIPPY_OK);
    CHECK_STR(kind.trace, "apply+x:c apply+x:a apply+x:b ");
    kit_close(&k);
}

TEST(test_change_import_circle_is_refused)
{
    static kit_kind kind;
    wippy_diag diag;
    kit k;
    memset(&kind, 0, sizeof(kind));
    REQUIRE(kit_open(&k));
    CHECK_EQ_INT(kit_add_kind(&k, &kind, "t", 0), WIPPY_OK);
    const kit_wish chain[] = {{'+', "x:a", "t", "", "{'imports': {'b': 'b'}}"},
                              {'+', "x:b", "t", "", "{'imports': {'c': 'x:c'}}"},
                              {'+', "x:c", "t", "", ""},
                              {'+', "x:d", "registry.entry", "", "{'imports': {'d': 'd'}}"}};
    CHECK_EQ_INT(kit_apply(&k, chain, 4, NULL, NULL), WIPPY_OK);
    const kit_wish close = {'=', "x:c", "t", "", "{'imports': {'a': 'x:a'}}"};
    CHECK_EQ_INT(kit_apply(&k, &close, 1, NULL, &diag), WIPPY_ERR_INVALID);
    CHECK_HAS(diag.message, "adding dependency would create a cycle");
    const kit_wish self = {'+', "x:s", "t", "", "{'imports': {'s': 's'}}"};
    CHECK_EQ_INT(kit_apply(&k, &self, 1, NULL, &diag), WIPPY_ERR_INVALID);
    CHECK_STR(diag.message, "adding dependency would create a cycle: x:s -> x:s");
    CHECK_EQ_INT(wippy_version_current(k.rt), 1);
    kit_close(&k);
}

TEST(test_change_import_alias_of_a_module_is_a_conflict)
{
    static kit_kind kind;
    wippy_diag diag;
    kit k;
    memset(&kind, 0, sizeof(kind));
    REQUIRE(kit_open(&k));
    CHECK_EQ_INT(kit_add_kind(&k, &kind, "t", 0), WIPPY_OK);
    const kit_wish twice = {'+', "x:a", "t", "",
                            "{'modules': ['json', 'time'], 'imports': {'time': 'x:clock'}}"};
    CHECK_EQ_INT(kit_apply(&k, &twice, 1, NULL, &diag), WIPPY_ERR_CONFLICT);
    CHECK_HAS(diag.message, "\"time\"");
    const kit_wish empty = {'+', "x:a", "t", "", "{'imports': {'': 'x:clock'}}"};
    CHECK_EQ_INT(kit_apply(&k, &empty, 1, NULL, &diag), WIPPY_ERR_INVALID);
    const kit_wish fine = {'+', "x:a", "t", "", "{'modules': ['json'], 'imports': {'t': 'time'}}"};
    CHECK_EQ_INT(kit_apply(&k, &fine, 1, NULL, &diag), WIPPY_OK);
    kit_close(&k);
}

/* ------------------------------------------------------------------ outdated */

typedef struct outdated_log {
    char text[512];
} outdated_log;

static void note_outdated(const wippy_entry *entry, wippy_slice sources, void *user_data)
{
    outdated_log *log = (outdated_log *)user_data;
    char list[128];
    size_t size = strlen(log->text);
    wippy_value_to_text(sources, list, sizeof(list));
    snprintf(log->text + size, sizeof(log->text) - size, "%s%s ", wippy_entry_id(entry), list);
}

static void listen_outdated(wippy_runtime *rt, const wippy_registry_event *event, void *user_data)
{
    CHECK_EQ_INT(wippyi_registry_outdated(rt, event, note_outdated, user_data), WIPPY_OK);
}

TEST(test_outdated_tells_importers_with_their_sources)
{
    static kit_kind kind;
    outdated_log log;
    kit k;
    memset(&kind, 0, sizeof(kind));
    memset(&log, 0, sizeof(log));
    REQUIRE(kit_open(&k));
    CHECK_EQ_INT(kit_add_kind(&k, &kind, "t", 0), WIPPY_OK);
    const kit_wish create[] = {{'+', "x:a", "t", "", "{'imports': {'b': 'b'}}"},
                               {'+', "x:b", "t", "", "{'imports': {'c': 'x:c'}}"},
                               {'+', "x:c", "t", "", "{'source': '1'}"},
                               {'+', "x:d", "t", "", "{'process': 'x:c'}"},
                               {'+', "x:e", "t", "", ""}};
    CHECK_EQ_INT(kit_apply(&k, create, 5, NULL, NULL), WIPPY_OK);
    CHECK_EQ_INT(wippy_registry_listen(k.rt, listen_outdated, &log), WIPPY_OK);
    const kit_wish update[] = {{'=', "x:c", "t", "", "{'source': '2'}"},
                               {'=', "x:b", "t", "", "{'imports': {'c': 'x:c'}, 'n': 1}"},
                               {'=', "x:e", "t", "{'only': 'meta'}", ""}};
    CHECK_EQ_INT(kit_apply(&k, update, 3, NULL, NULL), WIPPY_OK);
    CHECK_STR(log.text, "x:a[\"x:b\", \"x:c\"] x:b[\"x:b\", \"x:c\"] x:c[\"x:c\"] ");
    log.text[0] = '\0';
    CHECK_EQ_INT(kit_one(&k, '-', "x:d", NULL, ""), WIPPY_OK);
    CHECK_STR(log.text, "");
    kit_close(&k);
}

/* ------------------------------------------------------------------ loading through the back door */

static wippy_entry *load_entry(kit *k, const char *id, const char *kind, const char *data,
                               uint32_t line)
{
    wippy_writer w;
    wippyi_entry_desc desc;
    wippy_entry *entry = NULL;
    memset(&desc, 0, sizeof(desc));
    desc.id = id;
    desc.kind = kind;
    desc.data = kit_value(&w, k->rt, data);
    desc.file = "f.yaml";
    desc.line = line;
    if (wippyi_entry_make(wippyi_runtime_mem(k->rt), &desc, &entry, NULL) != WIPPY_OK) {
        entry = NULL;
    }
    wippy_writer_free(&w);
    return entry;
}

static wippy_result load(kit *k, const char *const *ids_kinds_data, size_t count, wippy_diag *diag)
{
    wippy_entry *entries[KIT_WISHES];
    wippy_result result = WIPPY_OK;
    for (size_t i = 0; i < count; i++) {
        const char *const *item = &ids_kinds_data[3 * i];
        entries[i] = load_entry(k, item[0], item[1], item[2], (uint32_t)i + 1);
        result = entries[i] != NULL ? result : WIPPY_ERR_NOMEM;
    }
    if (result == WIPPY_OK) {
        result = wippyi_change_load(wippyi_runtime_registry(k->rt), entries, count, k->lenient, diag);
    }
    for (size_t i = 0; i < count; i++) {
        wippy_entry_release(k->rt, entries[i]);
    }
    return result;
}

TEST(test_load_belongs_to_version_0_until_something_changed)
{
    kit k;
    wippy_version_info info;
    REQUIRE(kit_open(&k));
    const char *const one[] = {"x:a", "registry.entry", ""};
    const char *const two[] = {"x:b", "registry.entry", "", "x:a", "registry.entry", "{'n': 1}"};
    const char *const three[] = {"x:d", "registry.entry", ""};
    CHECK_EQ_INT(load(&k, one, 1, NULL), WIPPY_OK);
    CHECK_EQ_INT(load(&k, two, 2, NULL), WIPPY_OK);
    CHECK_EQ_INT(wippy_version_current(k.rt), 0);
    CHECK_STR(kit_current_ids(&k), "x:a x:b");
    CHECK_EQ_INT(wippy_version_get(k.rt, 0, &info), WIPPY_OK);
    CHECK_EQ_INT(info.changes, 2);
    CHECK_EQ_INT(info.previous, -1);
    CHECK_EQ_INT(kit_one(&k, '+', "x:c", "registry.entry", ""), WIPPY_OK);
    CHECK_EQ_INT(load(&k, three, 1, NULL), WIPPY_OK);
    CHECK_EQ_INT(wippy_version_current(k.rt), 2);
    CHECK_EQ_INT(wippy_registry_apply_version(k.rt, 0, NULL), WIPPY_OK);
    CHECK_STR(kit_current_ids(&k), "x:a x:b");
    CHECK_EQ_INT(load(&k, NULL, 0, NULL), WIPPY_OK);
    CHECK_EQ_INT(wippy_version_current(k.rt), 0);
    kit_close(&k);
}

TEST(test_load_warns_once_for_a_kind_without_handler)
{
    kit k;
    wippy_entry *entry = NULL;
    uint32_t line = 0;
    REQUIRE(kit_open(&k));
    const char *const some[] = {"x:a", "http.service", "", "x:b", "http.service",  "",
                                "x:c", "db.sql",       "", "x:d", "ns.definition", ""};
    CHECK_EQ_INT(load(&k, some, 4, NULL), WIPPY_OK);
    CHECK_STR(k.log, "registry: no handler for kind http.service \n"
                     "registry: no handler for kind db.sql \n");
    CHECK_STR(kit_current_ids(&k), "x:a x:b x:c x:d");
    CHECK_EQ_INT(wippy_entry_get(k.rt, "x:b", &entry), WIPPY_OK);
    CHECK_STR(wippy_entry_file(entry, &line), "f.yaml");
    CHECK_EQ_INT(line, 2);
    wippy_entry_release(k.rt, entry);
    CHECK_EQ_INT(kit_one(&k, '=', "x:a", NULL, ""), WIPPY_ERR_INVALID);
    CHECK_EQ_INT(kit_one(&k, '-', "x:a", NULL, ""), WIPPY_OK);
    CHECK_EQ_INT(wippy_registry_apply_version(k.rt, 0, NULL), WIPPY_OK);
    CHECK_STR(kit_current_ids(&k), "x:a x:b x:c x:d");
    kit_close(&k);
}

/* Finds what it needs only when that was applied before it, which no declared reference says. */
typedef struct late_kind {
    char seen[256];
} late_kind;

static wippy_result late_apply(const wippy_kind_call *call)
{
    late_kind *late = (late_kind *)call->user_data;
    wippy_slice after = wippy_value_string(wippy_entry_data(call->after), "wants", "");
    char wanted[64];
    snprintf(wanted, sizeof(wanted), "%.*s;", (int)after.size, after.data);
    if (after.size > 0 && strstr(late->seen, wanted) == NULL) {
        snprintf(call->diag->message, sizeof(call->diag->message), "%s is missing", wanted);
        return WIPPY_ERR_NOTFOUND;
    }
    strcat(late->seen, wippy_entry_id(call->after));
    strcat(late->seen, ";");
    return WIPPY_OK;
}

TEST(test_load_asks_again_what_was_not_found)
{
    late_kind late;
    wippy_kind_desc desc;
    kit k;
    memset(&late, 0, sizeof(late));
    memset(&desc, 0, sizeof(desc));
    REQUIRE(kit_open(&k));
    desc.name = "t";
    desc.apply = late_apply;
    desc.user_data = &late;
    CHECK_EQ_INT(wippy_kind_register(k.rt, &desc), WIPPY_OK);
    const char *const some[] = {
        "x:a", "t", "{'wants': 'x:b'}", "x:b", "t", "{'wants': 'x:c'}", "x:c", "t", "",
        "x:d", "t", "{'wants': 'x:z'}"};
    CHECK_EQ_INT(load(&k, some, 4, NULL), WIPPY_OK);
    CHECK_STR(late.seen, "x:c;x:b;x:a;");
    CHECK_STR(k.log, "registry: entry is kept but not usable: x:d: x:z; is missing \n");
    CHECK_STR(kit_current_ids(&k), "x:a x:b x:c x:d");
    kit_close(&k);
}

TEST(test_load_entry_that_was_not_applied_is_created_by_its_update)
{
    static kit_kind kind;
    kit k;
    memset(&kind, 0, sizeof(kind));
    kind.needs = "need";
    REQUIRE(kit_open(&k));
    CHECK_EQ_INT(kit_add_kind(&k, &kind, "t", 0), WIPPY_OK);
    const char *const some[] = {"x:a", "t", "{'need': 'x:gone'}", "x:b", "t", "{'need': 'gone'}"};
    CHECK_EQ_INT(load(&k, some, 2, NULL), WIPPY_OK);
    CHECK_HAS(k.log, "x:a: no x:gone");
    CHECK(strstr(kind.trace, "apply") == NULL);
    kind.trace[0] = '\0';
    CHECK_EQ_INT(kit_one(&k, '=', "x:a", NULL, ""), WIPPY_OK);
    CHECK_STR(kind.trace, "check+x:a apply+x:a commit+x:a ");
    kind.trace[0] = '\0';
    CHECK_EQ_INT(kit_one(&k, '-', "x:b", NULL, ""), WIPPY_OK);
    CHECK_STR(kind.trace, "");                                           /* its kind never had it */
    CHECK_EQ_INT(wippy_registry_apply_version(k.rt, 0, NULL), WIPPY_OK); /* back to unapplied */
    CHECK_STR(kit_current_ids(&k), "x:a x:b");
    kit_close(&k);
}

TEST(test_load_refusal_fails_the_whole_load)
{
    static kit_kind kind;
    wippy_diag diag;
    kit k;
    memset(&kind, 0, sizeof(kind));
    kind.refuse_apply = "x:b";
    kind.refuse_result = WIPPY_ERR_INVALID;
    REQUIRE(kit_open(&k));
    CHECK_EQ_INT(kit_add_kind(&k, &kind, "t", 0), WIPPY_OK);
    const char *const some[] = {"x:a", "t", "", "x:b", "t", ""};
    CHECK_EQ_INT(load(&k, some, 2, &diag), WIPPY_ERR_INVALID);
    CHECK_STR(diag.message, "refused x:b");
    CHECK_STR(diag.file, "x:b");
    CHECK_STR(kind.trace, "check+x:a check+x:b apply+x:a apply+x:b ~apply-x:a ");
    CHECK_STR(kit_current_ids(&k), "");
    kit_close(&k);
}

TEST(test_load_lenient_refusal_leaves_out_only_that_entry)
{
    static kit_kind kind;
    kit k;
    for (int apply = 0; apply < 2; apply++) {
        memset(&kind, 0, sizeof(kind));
        *(apply ? &kind.refuse_apply : &kind.refuse_check) = "x:b";
        kind.refuse_result = WIPPY_ERR_INVALID;
        REQUIRE(kit_open(&k));
        k.lenient = true;
        CHECK_EQ_INT(kit_add_kind(&k, &kind, "t", 0), WIPPY_OK);
        const char *const some[] = {"x:a", "t", "", "x:b", "t", "", "x:c", "t",
                                    "{'imports': {'': 'x:a'}}"};
        CHECK_EQ_INT(load(&k, some, 3, NULL), WIPPY_OK);
        CHECK_HAS(k.log, "registry: entry is kept but not usable: x:b: refused x:b");
        CHECK_HAS(k.log, "registry: entry is kept but not usable: x:c: import alias is empty");
        CHECK_HAS(kind.trace, "commit+x:a ");
        CHECK(strstr(kind.trace, "commit+x:b") == NULL);
        CHECK(strstr(kind.trace, "x:c") == NULL); /* its kind was not even asked */
        CHECK_STR(kit_current_ids(&k), "x:a x:b x:c");
        kind.trace[0] = '\0';
        CHECK_EQ_INT(kit_one(&k, '-', "x:b", NULL, ""), WIPPY_OK);
        CHECK_STR(kind.trace, ""); /* its kind never had it */
        CHECK_EQ_INT(wippy_registry_apply_version(k.rt, 0, NULL), WIPPY_OK); /* and may go on without */
        CHECK_STR(kit_current_ids(&k), "x:a x:b x:c");
        kit_close(&k);
    }
}

TEST(test_load_lenient_without_memory_fails_as_a_whole)
{
    static kit_kind kind;
    wippy_diag diag;
    kit k;
    memset(&kind, 0, sizeof(kind));
    kind.refuse_apply = "x:b";
    kind.refuse_result = WIPPY_ERR_NOMEM;
    REQUIRE(kit_open(&k));
    k.lenient = true;
    CHECK_EQ_INT(kit_add_kind(&k, &kind, "t", 0), WIPPY_OK);
    const char *const some[] = {"x:a", "t", "", "x:b", "t", ""};
    CHECK_EQ_INT(load(&k, some, 2, &diag), WIPPY_ERR_NOMEM);
    CHECK_STR(kit_current_ids(&k), "");
    kit_close(&k);
}

/* Every operator on every kind of value. */
TEST(test_find_operators_on_every_kind_of_value)
{
    static const struct {
        const char *filter;
        const char *found;
    } rows[] = {
        {"{'meta.n': 5}", "x:a"}, {"{'meta.n': 5.0}", "x:a"}, {"{'meta.n': 5.5}", ""},
        {"{'meta.f': 7}", "x:a"}, {"{'meta.f': 7.5}", ""}, {"{'meta.n': '5'}", ""},
        {"{'meta.s': ''}", "x:b"}, {"{'^meta.s': ''}", "x:a x:b"}, {"{'$meta.s': ''}", "x:a x:b"},
        {"{'*meta.s': ''}", "x:a x:b"}, {"{'^meta.s': 'ab'}", "x:a"}, {"{'^meta.s': 'abcd'}", ""},
        {"{'$meta.s': 'bc'}", "x:a"}, {"{'$meta.s': 'zabc'}", ""}, {"{'$meta.s': 'ab'}", ""},
        {"{'*meta.s': 'b'}", "x:a"}, {"{'*meta.s': 'd'}", ""}, {"{'*meta.t': 'el'}", "x:a"},
        {"{'*meta.t': 'x'}", "x:b"}, {"{'*meta.t': 5}", ""}, {"{'*meta.n': '5'}", ""},
        {"{'^meta.n': '5'}", ""}, {"{'$meta.t': 'x'}", "x:b"}, {"{'^meta.t': 'h'}", ""},
        {"{'~meta.s': 'b'}", "x:a"}, {"{'~meta.n': '5'}", ""}, {"{'~meta.s': ['a', 'b', 'c']}", "x:a"},
        {"{'~meta.s': 'a', '~meta.t': 'x'}", ""},
        {"{'meta.t': ['hello', 5]}", "x:a"}, {"{'meta.t': ['hello', 6]}", ""}, {"{'meta.t': 5}", ""},
        {"{'meta.t': 'text'}", ""}, {"{'meta.m.k': 1}", "x:a"}, {"{'meta.m.none': 1}", ""},
        {"{'meta.d.k': 2}", "x:a"}, {"{'meta.': 1}", "x:a x:b x:c"}, {"{'.kind': '*'}", "x:a x:b x:c"},
        {"{'.kind': 'registry.*'}", "x:a x:b x:c"}, {"{'.kind': '*.entry'}", "x:a x:b x:c"},
        {"{'.kind': 'r*y'}", "x:a x:b x:c"}, {"{'.kind': 'r*x'}", ""}, {"{'.kind': 'x*y'}", ""},
        {"{'.kind': 'registry.entry*registry.entry'}", ""}, {"{'.kind': ''}", ""}, {"{'.kind': 5}", ""},
        {"{'.id': 'x:b'}", "x:b"}, {"{'.id': ['x:*', '*:b']}", "x:b"}, {"{'.name': 'c'}", "x:c"},
        {"{'.ns': 'x'}", "x:a x:b x:c"}, {"{'.what': 'x'}", "x:a x:b x:c"}, {"{'': 1}", "x:a x:b x:c"},
        {"{'~': 1}", "x:a x:b x:c"}, {"[]", "x:a x:b x:c"}, {"nil", "x:a x:b x:c"},
        {"[1]", "!filter is array, expected a map"}, {"5", "!filter is integer, expected a map"},
        {"{'~meta.s': '('}", "!bad expression"}, {"{'~meta.s': 5}", "!"}, {"{'~meta.s': ['a', 5]}", "!"},
    };
    kit k;
    REQUIRE(kit_open(&k));
    const kit_wish change[] = {
        {'+', "x:a", "registry.entry",
         "{'n': 5, 'f': 7.0, 's': 'abc', 't': ['hello', 5, nil], 'm': {'k': 1}, 'd.k': 2}", ""},
        {'+', "x:b", "registry.entry", "{'n': 6, 's': '', 't': 'text x'}", ""},
        {'+', "x:c", "registry.entry", "", ""}};
    CHECK_EQ_INT(kit_apply(&k, change, 3, NULL, NULL), WIPPY_OK);
    for (size_t i = 0; i < TEST_COUNT(rows); i++) {
        const char *found = kit_find(&k, rows[i].filter);
        bool refused = rows[i].found[0] == '!';
        if (refused ? strncmp(found, rows[i].found, strlen(rows[i].found)) != 0
                    : strcmp(found, rows[i].found) != 0) {
            FAIL("%s finds %s, expected %s", rows[i].filter, found, rows[i].found);
        }
    }
    kit_close(&k);
}

/* ------------------------------------------------------------------ no memory */

/* Everything once: whatever allocation fails, what was is still there and nothing leaks. */
static void whole_life(test_heap *heap, void *arg)
{
    kit_kind *kind = (kit_kind *)arg;
    static kit k;
    wippy_desc desc;
    wippy_snapshot *old = NULL;
    wippy_delta delta;
    memset(&k, 0, sizeof(k));
    kit_desc(&k, &desc);
    desc.allocator.user_data = heap;
    kind->trace[0] = '\0';
    if (wippy_create(&k.rt, &desc) != WIPPY_OK) {
        return;
    }
    kit_add_kind(&k, kind, "t", 0);
    const char *const some[] = {"x:a", "t", "{'imports': {'b': 'b'}}", "x:b", "t", "", "x:c",
                                "u",   ""};
    load(&k, some, 3, NULL);
    const kit_wish change[] = {{'+', "x:d", "registry.entry", "{'tag': 'one'}", ""},
                               {'=', "x:b", NULL, "{'tag': 'two'}", "{'source': 'x'}"},
                               {'-', "x:c", NULL, "", ""}};
    outdated_log log;
    memset(&log, 0, sizeof(log));
    int64_t version = -7;
    size_t versions = wippy_versions(k.rt, NULL, 0);
    wippy_result result = kit_apply(&k, change, 3, &version, NULL);
    CHECK_EQ_INT(wippy_versions(k.rt, NULL, 0), versions + (result == WIPPY_OK));
    CHECK_EQ_INT(version, result == WIPPY_OK ? (int64_t)versions : -7);
    if (result != WIPPY_OK) {
        CHECK(wippy_snapshot_get(wippyi_runtime_registry(k.rt)->current, "x:d") == NULL);
    }
    for (int i = 0; i < 9; i++) { /* the table of versions grows */
        kit_one(&k, i % 2 == 0 ? '+' : '-', "x:e", "registry.entry", "");
    }
    kit_find(&k, "{'~meta.tag': ['t', 'w'], '.kind': '*'}");
    kit_find(&k, "{'no': 'prefix'}");
    if (wippy_snapshot_at(k.rt, 0, &old) == WIPPY_OK) {
        wippy_snapshot *now = NULL;
        wippy_snapshot_current(k.rt, &now);
        if (wippy_delta_build(k.rt, old, now, &delta) == WIPPY_OK) {
            wippy_delta_free(k.rt, &delta);
        }
        wippyi_refs_env env = {k.rt, wippyi_runtime_mem(k.rt),
                               &wippyi_runtime_registry(k.rt)->kinds};
        wippy_entry_change all[2];
        memset(all, 0, sizeof(all));
        all[0].before = wippy_snapshot_get(old, "x:b");
        all[0].after = wippy_snapshot_get(now, "x:b");
        wippyi_refs_outdated(&env, now, all, 1, note_outdated, &log);
        wippy_snapshot_release(k.rt, now);
        wippy_snapshot_release(k.rt, old);
    }
    wippy_registry_listen(k.rt, listen_outdated, &log);
    wippy_registry_unlisten(k.rt, listen_outdated, &log);
    wippy_registry_apply_version(k.rt, 0, NULL);
    CHECK_EQ_INT(wippy_destroy(k.rt), WIPPY_OK);
}

TEST(test_registry_without_memory_nothing_changes_and_nothing_leaks)
{
    static kit_kind kind;
    memset(&kind, 0, sizeof(kind));
    CHECK(test_heap_sweep(whole_life, &kind) > 100);
}

TEST_MAIN(TEST_ENTRY(test_entry_make_copies_and_fills_in_empty_maps),
          TEST_ENTRY(test_entry_make_refuses_what_is_no_entry),
          TEST_ENTRY(test_index_many_entries_are_all_found),
          TEST_ENTRY(test_changes_follow_joins_what_came_later),
          TEST_ENTRY(test_snapshot_make_keeps_order_through_updates_and_returns),
          TEST_ENTRY(test_snapshot_make_sorts_any_order),
          TEST_ENTRY(test_kinds_exact_wins_then_the_longest_prefix),
          TEST_ENTRY(test_resolve_gives_the_type_of_spawnable_entries),
          TEST_ENTRY(test_resolve_kind_has_one_type_for_all),
          TEST_ENTRY(test_change_silent_refusal_still_has_a_reason),
          TEST_ENTRY(test_change_order_dependencies_first_deletes_dependents_first),
          TEST_ENTRY(test_change_order_kind_names_more_references),
          TEST_ENTRY(test_change_import_circle_is_refused),
          TEST_ENTRY(test_change_import_alias_of_a_module_is_a_conflict),
          TEST_ENTRY(test_outdated_tells_importers_with_their_sources),
          TEST_ENTRY(test_load_belongs_to_version_0_until_something_changed),
          TEST_ENTRY(test_load_warns_once_for_a_kind_without_handler),
          TEST_ENTRY(test_load_asks_again_what_was_not_found),
          TEST_ENTRY(test_load_entry_that_was_not_applied_is_created_by_its_update),
          TEST_ENTRY(test_load_refusal_fails_the_whole_load),
          TEST_ENTRY(test_load_lenient_refusal_leaves_out_only_that_entry),
          TEST_ENTRY(test_load_lenient_without_memory_fails_as_a_whole),
          TEST_ENTRY(test_find_operators_on_every_kind_of_value),
          TEST_ENTRY(test_registry_without_memory_nothing_changes_and_nothing_leaks))
